"""Demand of the next four weeks by category, by the method that missed least so far, and how far it missed what came after."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _
from fivestep.needs.lines import lines_by

HORIZON = 28  # days
WEEK = 7
YEAR = 364  # days: whole weeks, so that weekdays meet
LEARNED = 56  # days before the first forecast
MOST_TRIALS = 12
FEWEST_TRIALS = 4  # the last of them is the test
CATEGORIES = 20  # largest
FEWEST_ERRORS = 40  # of earlier forecasts, of all categories, from which a range is made
# Speeds of learning of the level, its trend and the weekdays, and damping of the trend.
SPEEDS = [(a, b, g, 0.95) for a in (0.02, 0.05, 0.1, 0.2) for b in (0.0, 0.1) for g in (0.05, 0.15)]

NAIVE, WEEKDAYS, SMOOTHED, LAST_YEAR = (
    N_("As in the last week"), N_("Mean of four weeks by weekday"), N_("Holt-Winters, by weekday"), N_("As last year"),
)  # fmt: skip

_ANSWERS = N_("how much customers will want of each category in the next four weeks")


@dataclass(frozen=True)
class Demand:
    """Spend of the next 28 days by category, its range, and how good such forecasts were.

    ``table``: one row per category, largest forecast first: category, forecast_method (the one with the smallest error in the
    trials before the test), demand_forecast, demand_low, demand_high (95 of 100 errors of the trials, all categories together;
    missing where there are too few), demand_before (the last 28 days), demand_change, demand_error and naive_error (absolute
    errors of the days of the test divided by the spend in it), error_ratio (the one divided by the other; below 1 is better).
    ``error``, ``naive``: the same over all categories. ``held``: of the ``tested`` ranges made before the test, those that held
    the test's spend. ``trials``: number of four-week periods foretold, the last of which, ending on ``as_of``, is the test.
    """

    table: pd.DataFrame
    error: float
    naive: float
    held: int
    tested: int
    trials: int
    first_day: dt.date
    as_of: dt.date

    @property
    def better(self) -> bool:
        """Whether the chosen methods missed the test by less than the last week repeated."""
        return self.error < self.naive

    def figure(self) -> Figure:
        """Forecast of the next four weeks against the last four, with its range."""
        rows = self.table[self.table["demand_before"] > 0]
        return charts.intervals(
            [language.value("products.category", c) for c in rows["category"]],
            rows["demand_forecast"] / rows["demand_before"] - 1,
            rows["demand_low"] / rows["demand_before"] - 1,
            rows["demand_high"] / rows["demand_before"] - 1,
            write=lambda v: language.percent(v, 0),
            reference=0.0,
            reference_label=_("as before"),
            xlabel=_("Change of spend, next four weeks against the last four, with the range of 95 of 100 earlier errors"),
        )

    def headline(self) -> str:
        """What the next four weeks bring in all."""
        rows = self.table
        before, after = rows["demand_before"].sum(), rows["demand_forecast"].sum()
        if before <= 0:
            return _("Next four weeks: {spend} in the {n} largest categories").format(
                spend=language.money(after), n=language.number(len(rows))
            )
        return _("Next four weeks: {spend} in the {n} largest categories, {change} against the last four").format(
            spend=language.money(after), n=language.number(len(rows)), change=language.percent(after / before - 1, 0)
        )

    def test_headline(self) -> str:
        """How far the forecast missed in the test, and the last week repeated."""
        words = {"error": language.percent(self.error, 0), "naive": language.percent(self.naive, 0)}
        if self.better:
            return _("In the test a day's spend was missed by {error}, by the last week repeated by {naive}").format(**words)
        return _(
            "In the test the forecast missed a day's spend by {error} and was no better than the last week repeated: {naive}"
        ).format(**words)

    def note(self) -> str:
        """How it was chosen and tested."""
        return _(
            "Spend of the days from {first} to {last}, refunds netted. Per category the method with the smallest error in {n} "
            "four-week periods before the test; tested on the {days} days to {last}, which chose nothing. Error: differences of "
            "the days without their sign, divided by the spend. Seasonal naive: every day as the same weekday of the last week."
        ).format(
            first=language.day(self.first_day),
            last=language.day(self.as_of),
            n=language.number(self.trials - 1),
            days=language.number(HORIZON),
        )

    def finding(self) -> Finding:
        """Error in the test against the seasonal naive."""
        ratio = self.error / self.naive if self.naive else 1.0
        warnings = [_("Nothing that is new is in the forecast: holidays that move, prices, campaigns, stock.")]
        if not self.tested:
            warnings.append(_("Too few earlier forecasts to say how far this one may miss."))
        held = _("Of {n} ranges made before the test {held} held what came.").format(
            n=language.number(self.tested), held=language.number(self.held)
        )
        _low, high = wilson(self.held, max(self.tested, 1))
        return Finding(
            key="needs.demand_error_against_naive",
            value=ratio,
            unit="ratio",
            display=language.number(ratio, 2),
            text=language.sentence(self.headline()) + " " + language.sentence(self.test_headline()),
            evidence=(held + " " if self.tested else "") + self.note(),
            so_what=_("Plan stock and people by the forecast, and keep the range in reserve.")
            if self.better
            else _("Plan by the last week: no method has foretold more than that."),
            confidence="medium" if self.better and self.tested and high >= 0.95 else "low",
            warnings=tuple(warnings),
        )


@needs("order_lines.product_id", "products.category", answers=_ANSWERS)
def demand(tables: Tables) -> Demand | NotAvailable:
    """Spend by day of the 20 largest categories, 28 days ahead, by the best of four methods per category.

    Methods: the last week repeated (seasonal naive); the mean of four weeks by weekday; additive Holt-Winters with a damped
    trend and a season of seven days; the second times what these four weeks were to the four before a year ago (from 13 months
    on). Chosen by absolute errors in up to 11 four-week periods before the last, which is the test. Ranges come from the errors
    of the sums of these periods, each divided by the category's own spread from week to week. Not available under 168 days, or
    where nothing was bought in the test.

    Sources: Holt (1957); Winters (1960); Gardner and McKenzie (1985), damping; Tashman (2000), rolling origins.
    """
    lines = lines_by(tables, "category")
    lines = lines.filter(lines.category.notnull())
    sums = frame(
        lines.group_by("category", day=lines.order_date.date()).aggregate(spend=lines.line_amount.sum().cast("float64")),
        by=["category", "day"],
    )
    days = pd.date_range(tables.first_day, tables.as_of)
    trials = min((len(days) - LEARNED) // HORIZON, MOST_TRIALS)
    if trials < FEWEST_TRIALS:
        reason = _("a forecast that is tested needs {n} days with data; there are {have}.").format(
            n=language.number(LEARNED + FEWEST_TRIALS * HORIZON), have=language.number(len(days))
        )
        return NotAvailable((), _(_ANSWERS), reason=reason)
    # In whole cents, so that no order of addition changes a sum.
    sums["spend"] = (sums["spend"] * 100).round()
    totals = sums.groupby("category")["spend"].sum().rename("spend").reset_index()
    totals = totals[totals["spend"] > 0].sort_values(["spend", "category"], ascending=[False, True]).head(CATEGORIES)
    names = sorted(totals["category"])
    daily = sums.assign(day=pd.to_datetime(sums["day"])).pivot_table(
        index="day", columns="category", values="spend", aggfunc="sum"
    )
    values = daily.reindex(index=days, columns=names).fillna(0.0).to_numpy(dtype=float) / 100
    if not names or values[-HORIZON:].sum() <= 0:
        return NotAvailable((), _(_ANSWERS), reason=_("nothing of a known category was bought in the last four weeks."))
    starts = [len(days) - HORIZON * k for k in range(trials, 0, -1)]
    missed, totals_missed = {}, {}
    for start in starts:
        actual = values[start : start + HORIZON]
        for method, foretold in _forecasts(values[:start]).items():
            missed.setdefault(method, {})[start] = np.abs(actual - foretold).sum(axis=0)
            totals_missed.setdefault(method, {})[start] = (actual - foretold).sum(axis=0) / _spread(values[:start])
    *earlier, test = starts
    # A method that needs more days than the first trials had is compared on those that it could foretell.
    means = {m: _mean_of(missed[m], missed[NAIVE], earlier) for m in missed}
    methods = list(means)
    place = np.argmin(np.array([means[m] for m in methods]), axis=0)
    chosen = np.array(methods, dtype=object)[place]
    each = np.arange(len(names))
    error = np.array([missed[m][test][k] for k, m in enumerate(chosen)])
    naive = missed[NAIVE][test]
    ranges = [_range(totals_missed, chosen, part) for part in (earlier, starts)]
    actual = values[test:].sum(axis=0)
    foretold = _chosen(_forecasts(values[:test]), chosen, each)
    held = tested = 0
    if ranges[0]:
        spread = _spread(values[:test])
        inside = (foretold + ranges[0][0] * spread <= actual) & (actual <= foretold + ranges[0][1] * spread)
        held, tested = int(inside.sum()), len(names)
    following = _chosen(_forecasts(values), chosen, each)
    spread = _spread(values)
    low, high = ranges[1] or (np.nan, np.nan)
    before = actual
    with np.errstate(divide="ignore", invalid="ignore"):
        table = pd.DataFrame(
            {
                "category": names,
                "forecast_method": chosen,
                "demand_forecast": following,
                "demand_low": following + low * spread,
                "demand_high": following + high * spread,
                "demand_before": before,
                "demand_change": np.where(before > 0, following / before - 1, np.nan),
                "demand_error": np.where(before > 0, error / before, np.nan),
                "naive_error": np.where(before > 0, naive / before, np.nan),
                "error_ratio": np.where(naive > 0, error / naive, np.nan),
            }
        )
    table = table.sort_values(["demand_forecast", "category"], ascending=[False, True], ignore_index=True)
    total = values[test:].sum()
    return Demand(
        table, float(error.sum() / total), float(naive.sum() / total), held, tested, trials, tables.first_day, tables.as_of
    )


def _forecasts(values: np.ndarray) -> dict[str, np.ndarray]:
    """By method the 28 days after *values* (days × categories)."""
    ahead = np.arange(HORIZON) % WEEK
    means = values[-4 * WEEK :].reshape(4, WEEK, -1).mean(axis=0)[ahead]
    out = {NAIVE: values[-WEEK:][ahead], WEEKDAYS: means, SMOOTHED: smoothed(values, HORIZON)}
    if len(values) >= YEAR + HORIZON:
        then = values[len(values) - YEAR : len(values) - YEAR + HORIZON].sum(axis=0)
        before = values[len(values) - YEAR - HORIZON : len(values) - YEAR].sum(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where((before > 0) & (then >= 0), then / before, 1.0)
        out[LAST_YEAR] = means * ratio
    return out


def smoothed(values: np.ndarray, ahead: int) -> np.ndarray:
    """*ahead* days after *values* (days × series) by additive Holt-Winters with a damped trend and a season of seven days.

    Per series the speeds of `SPEEDS` with the least squared error one day ahead. The level begins as the mean of the first two
    weeks, the season as the mean differences from the mean over the first four.
    """
    n, series = values.shape
    a, b, g, d = (np.array(c)[:, None] for c in zip(*SPEEDS, strict=True))
    level = np.broadcast_to(values[: 2 * WEEK].mean(axis=0), (len(SPEEDS), series)).copy()
    trend = np.zeros_like(level)
    first = values[: 4 * WEEK].reshape(4, WEEK, series).mean(axis=0)
    season = np.repeat((first - first.mean(axis=0))[:, None, :], len(SPEEDS), axis=1)
    squares = np.zeros_like(level)
    for t in range(n):
        trend = d * trend
        error = values[t] - (level + trend + season[t % WEEK])
        if t >= 2 * WEEK:
            squares += error**2
        level = level + trend + a * error
        trend = trend + a * b * error
        season[t % WEEK] += g * (1 - a) * error
    best, each = squares.argmin(axis=0), np.arange(series)
    steps = np.arange(1, ahead + 1)
    damping = np.cumsum(d[best, 0][None, :] ** steps[:, None], axis=0)
    return level[best, each] + damping * trend[best, each] + season[(n + steps - 1) % WEEK][:, best, each]


def _spread(values: np.ndarray) -> np.ndarray:
    """What a sum of 28 days of each series may differ by, were days independent: from the differences between weeks."""
    spread = np.sqrt(HORIZON) * (values[WEEK:] - values[:-WEEK]).std(axis=0)
    return np.where(spread > 0, spread, 1.0)


def _mean_of(missed: dict[int, np.ndarray], naive: dict[int, np.ndarray], starts: list[int]) -> np.ndarray:
    """Errors of a method divided by those of the naive one in the same periods; infinite without a period."""
    there = [s for s in starts if s in missed]
    if not there:
        return np.full(len(next(iter(naive.values()))), np.inf)
    own, plain = sum(missed[s] for s in there), sum(naive[s] for s in there)
    return np.where(plain > 0, own / np.where(plain > 0, plain, 1.0), np.where(own > 0, np.inf, 1.0))


def _range(missed: dict[str, dict[int, np.ndarray]], chosen: np.ndarray, starts: list[int]) -> tuple[float, float] | None:
    """The errors, in spreads, between which 95 of 100 of the chosen methods lie; None where there are too few."""
    errors = [missed[m][s][k] for s in starts for k, m in enumerate(chosen) if s in missed[m]]
    if len(errors) < FEWEST_ERRORS:
        return None
    low, high = np.quantile(errors, [0.025, 0.975])
    return float(low), float(high)


def _chosen(forecasts: dict[str, np.ndarray], chosen: np.ndarray, each: np.ndarray) -> np.ndarray:
    return np.array([forecasts[m][:, k].sum() for k, m in zip(each, chosen, strict=True)])
