"""Where and when a step let fewer through than usual: a scan over steps, devices and weeks."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fivestep.language import N_

ALL_DEVICES = N_("All devices")
LONGEST = 8  # weeks of a break
FEWEST = 10  # visits at a step within the weeks, and expected to go on
TRIES = 999  # random arrangements, so that p is at least 0.001
LEVEL = 0.05  # chance that anything is named where nothing broke
MOST = 5  # breaks that are looked for


def breaks(weekly: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Weeks in which a step let clearly fewer through than in the other weeks, strongest first.

    *weekly* has one row per step, device and week: step, device, week (Monday), visits (at the step), went_on. Returned: step,
    device (`ALL_DEVICES` for all), first_week, last_week, visits, went_on, share (within the weeks), usual_visits, usual_went_on,
    usual_share (in the other weeks), missing (visits that would have gone on at the usual share), p_value.

    For every step, device (and all devices together) and run of one to eight weeks, at most half of all, the shortfall against
    the device's share, which may rise or fall steadily over the weeks, is measured in standard errors; they are wider where the
    weeks vary more than chance lets them. The largest is held against the largest in 999 data sets drawn by chance from these
    shares: one p value for everything that was looked at. Weeks of a break are taken away, and the rest is searched again, while
    p is at most 5 %.

    Source: Kulldorff (1997), A spatial scan statistic.
    """
    columns = ["step", "device", "first_week", "last_week", "visits", "went_on", "share", "usual_visits", "usual_went_on"]
    columns += ["usual_share", "missing", "p_value"]
    if weekly.empty:
        return pd.DataFrame(columns=columns)
    weeks = pd.date_range(weekly["week"].min(), weekly["week"].max(), freq="7D")
    steps, devices = sorted(weekly["step"].unique()), sorted(weekly["device"].unique())
    shape = (len(steps), len(devices), len(weeks))
    at = (
        np.searchsorted(steps, weekly["step"]),
        np.searchsorted(np.array(devices, dtype=object), weekly["device"].to_numpy(dtype=object)),
        weeks.get_indexer(weekly["week"]),
    )
    visits, went_on = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    visits[at], went_on[at] = weekly["visits"], weekly["went_on"]
    rng = np.random.default_rng(seed)
    found = []
    for _try in range(MOST):
        trend = _trend(visits, went_on)
        spread = _spread(visits, went_on, trend)
        observed = _largest(visits, went_on[None], trend, spread)
        best = int(np.argmax(observed[0][0]))
        if not np.isfinite(observed[0][0, best]):
            break
        drawn = rng.binomial(visits, _shares(visits, went_on[None], trend)[0], size=(TRIES, *shape))
        by_chance = _largest(visits, drawn, trend, np.ones(len(visits)))[0].max(axis=1)
        p = (1 + int((by_chance >= observed[0][0, best]).sum())) / (1 + TRIES)
        if p > LEVEL:
            break
        step, device, first, last = observed[1][best]
        within = (step, slice(None) if device is None else device, slice(first, last + 1))
        whole = (step, slice(None) if device is None else device)
        n, m = int(visits[within].sum()), int(went_on[within].sum())
        rest_n, rest_m = int(visits[whole].sum()) - n, int(went_on[whole].sum()) - m
        found.append(
            {
                "step": steps[step],
                "device": ALL_DEVICES if device is None or len(devices) == 1 else devices[device],
                "first_week": weeks[first],
                "last_week": weeks[last],
                "visits": n,
                "went_on": m,
                "share": m / n,
                "usual_visits": rest_n,
                "usual_went_on": rest_m,
                "usual_share": rest_m / rest_n,
                "missing": n * rest_m / rest_n - m,
                "p_value": p,
            }
        )
        # Of the other devices too, lest the same weeks are found again through all of them together.
        visits[step, :, first : last + 1] = went_on[step, :, first : last + 1] = 0
    return pd.DataFrame(found, columns=columns)


def _trend(visits: np.ndarray, went_on: np.ndarray) -> np.ndarray:
    """By step, the change of the share per week: Theil-Sen, which weeks of a break do not tilt."""
    out = np.zeros(len(visits))
    for s, (n, m) in enumerate(zip(visits.sum(axis=1), went_on.sum(axis=1), strict=True)):
        weeks = np.flatnonzero(n >= FEWEST)
        if len(weeks) >= 8:
            i, j = np.triu_indices(len(weeks), k=1)
            share = m[weeks] / n[weeks]
            out[s] = np.median((share[j] - share[i]) / (weeks[j] - weeks[i]))
    return out


def _shares(visits: np.ndarray, went_on: np.ndarray, trend: np.ndarray) -> np.ndarray:
    """The share expected by try, step, device and week: the device's own, and the trend of the step."""
    n = np.maximum(visits.sum(axis=2), 1)
    weeks = np.arange(visits.shape[2])
    middle = (visits * weeks).sum(axis=2) / n
    steady = trend[:, None, None] * (weeks - middle[:, :, None])
    return np.clip((went_on.sum(axis=3) / n)[..., None] + steady, 0.001, 0.999)


def _spread(visits: np.ndarray, went_on: np.ndarray, trend: np.ndarray) -> np.ndarray:
    """By step, how many times wider than by chance the weeks of a device vary around what is expected; at least 1.

    The median of the squared deviations, so that weeks in which the step was broken do not hide themselves.
    """
    share = _shares(visits, went_on[None], trend)[0]
    enough = (visits * share >= 5) & (visits * (1 - share) >= 5)
    out = np.ones(len(visits))
    for s in range(len(visits)):
        varied = (visits * share * (1 - share))[s][enough[s]]
        squares = ((went_on - visits * share)[s][enough[s]]) ** 2 / varied
        if len(squares) >= 8:
            out[s] = max(1.0, float(np.median(squares)) / 0.4549)  # median of chi-squared with one degree of freedom
    return out


def _largest(
    visits: np.ndarray, went_on: np.ndarray, trend: np.ndarray, spread: np.ndarray
) -> tuple[np.ndarray, list[tuple[int, int | None, int, int]]]:
    """Shortfalls in standard errors, one column per place that was looked at, and the places: step, device, first, last week.

    *went_on* has the tries in front; -inf where there is too little to tell.
    """
    tries, _steps, devices, weeks = went_on.shape
    share = _shares(visits, went_on, trend)
    # The level is that of the weeks themselves, which leaves a longer run less room to differ from it.
    running = {
        "seen": _running(visits), "through": _running(went_on), "hoped": _running(visits * share),
        "varied": _running(visits * share * (1 - share)),
    }  # fmt: skip
    scores, places = [], []
    for length in range(1, max(1, min(LONGEST, weeks // 2)) + 1):
        inside = {name: r[..., length:] - r[..., :-length] for name, r in running.items()}
        inside["varied"] = inside["varied"] * (1 - inside["seen"] / np.maximum(visits.sum(axis=2), 1)[:, :, None])
        for device in [*range(devices), *([None] if devices > 1 else [])]:
            here = {name: r.sum(axis=-2) if device is None else r[..., device, :] for name, r in inside.items()}
            enough = (here["seen"] >= FEWEST) & (here["hoped"] >= FEWEST) & (here["varied"] > 1e-9)
            error = np.sqrt(np.where(enough, here["varied"], 1.0) * spread[:, None])
            score = np.where(enough, (here["hoped"] - here["through"]) / error, -np.inf)
            scores.append(score.reshape(tries, -1))
            places += [(s, device, w, w + length - 1) for s in range(score.shape[1]) for w in range(score.shape[2])]
    return np.concatenate(scores, axis=1), places


def _running(values: np.ndarray) -> np.ndarray:
    """Sums up to each week, from zero."""
    return np.concatenate([np.zeros((*values.shape[:-1], 1)), values.cumsum(axis=-1)], axis=-1)
