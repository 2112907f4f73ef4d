"""How long something takes where some of it has not happened yet: the survival curve of Kaplan and Meier."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep.intervals import Z


@dataclass(frozen=True)
class Curve:
    """Share of cases still waiting after each time at which one ended.

    ``times`` ascending, ``at_risk`` (cases that had lasted as long), ``ended``, ``waiting`` (the curve) with ``low`` and
    ``high``, the ends of its 95 % interval. ``cases`` in all, ``last`` the longest time seen.
    """

    times: np.ndarray
    at_risk: np.ndarray
    ended: np.ndarray
    waiting: np.ndarray
    low: np.ndarray
    high: np.ndarray
    cases: int
    last: float

    def after(self, time: float) -> tuple[float, float, float]:
        """Share still waiting after *time*, with its interval; NaN beyond the longest time seen, where some are waiting."""
        place = int(np.searchsorted(self.times, time, side="right")) - 1
        if self.cases == 0 or (time > self.last and (place < 0 or self.waiting[place] > 0)):
            return math.nan, math.nan, math.nan
        if place < 0:
            return 1.0, 1.0, 1.0
        return float(self.waiting[place]), float(self.low[place]), float(self.high[place])

    def median(self) -> tuple[float, float, float]:
        """The time after which half are no longer waiting, with its interval; NaN for what the data does not reach.

        Source: Brookmeyer and Crowley (1982), A confidence interval for the median survival time.
        """
        return tuple(self._first(bound) for bound in (self.waiting, self.low, self.high))  # type: ignore[return-value]

    def _first(self, curve: np.ndarray) -> float:
        below = np.flatnonzero(curve <= 0.5 + 1e-12)
        return float(self.times[below[0]]) if below.size else math.nan


def kaplan_meier(times: np.ndarray, ended: np.ndarray, counts: np.ndarray | None = None) -> Curve:
    """The curve of cases that lasted *times* and then *ended* (true) or are still going on (false); *counts* says how many each.

    The interval is symmetric on the scale of log(-log), so that it stays between 0 and 1; its variance is Greenwood's.

    Source: Kaplan and Meier (1958), Nonparametric estimation from incomplete observations; Kalbfleisch and Prentice (1980).
    """
    times, ended = np.asarray(times, dtype=float), np.asarray(ended, dtype=bool)
    n = np.ones(len(times)) if counts is None else np.asarray(counts, dtype=float)
    frame = pd.DataFrame({"time": times, "n": n, "ended": n * ended}).groupby("time").sum()
    at_risk = frame["n"].to_numpy()[::-1].cumsum()[::-1]
    events = frame["ended"].to_numpy()
    seen = events > 0
    grid, risk, events = frame.index.to_numpy()[seen], at_risk[seen], events[seen]
    waiting = np.cumprod(1 - events / risk) if len(grid) else np.array([])
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(np.cumsum(events / (risk * (risk - events)))) / np.abs(np.log(waiting))
        low, high = waiting ** np.exp(Z * spread), waiting ** np.exp(-Z * spread)
    over = waiting <= 0
    low, high = np.where(over, 0.0, low), np.where(over, np.nan, high)
    # Where nobody is left, Greenwood's variance is undefined: the curve before says how high it may be.
    high = pd.Series(high).ffill().fillna(1.0).to_numpy()
    return Curve(grid, risk, events, waiting, low, high, int(n.sum()), float(times.max()) if len(times) else math.nan)


def logrank(times: np.ndarray, ended: np.ndarray, counts: np.ndarray, member: np.ndarray) -> tuple[float, float, float]:
    """Chi-squared, its p value, and ended cases of the members divided by those expected were they like the others.

    (NaN, 1, NaN) where nothing can be compared. Source: Mantel (1966); Peto and Peto (1972).
    """
    from scipy.stats import chi2

    frame = pd.DataFrame(
        {
            "time": np.asarray(times, dtype=float),
            "n": counts,
            "n_in": np.where(member, counts, 0),
            "d": np.where(ended, counts, 0),
            "d_in": np.where(np.asarray(ended) & np.asarray(member), counts, 0),
        }
    )
    frame = frame.groupby("time").sum().astype(float)
    n, n_in = (frame[c].to_numpy()[::-1].cumsum()[::-1] for c in ("n", "n_in"))
    d, d_in = frame["d"].to_numpy(), frame["d_in"].to_numpy()
    used = (d > 0) & (n > 1)
    n, n_in, d, d_in = n[used], n_in[used], d[used], d_in[used]
    expected = float((d * n_in / n).sum())
    variance = float((d * (n_in / n) * (1 - n_in / n) * (n - d) / (n - 1)).sum())
    if variance <= 0 or expected <= 0:
        return math.nan, 1.0, math.nan
    statistic = (float(d_in.sum()) - expected) ** 2 / variance
    return statistic, float(chi2.sf(statistic, 1)), float(d_in.sum()) / expected
