"""Spend per customer of groups against the average customer, with intervals that hold for all groups together."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

FEW = 30  # the mean of fewer customers gets no interval
CONFIDENCE = 0.95
RESAMPLES = 999  # fewer, but at least 199, where there are many customers
NOTHING = 1e-6  # a standard error below a millionth of the mean is one of rounding


def spend_index(spend: np.ndarray, traits: Sequence[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For each trait the index of each of its groups (100 = mean of all customers) with lower and upper end.

    *spend*: one value per customer, in a fixed order. *traits*: for each trait the group of each customer, 0 .. k-1, or -1 where
    unknown; unknown customers count in the mean of all only. Groups below 30 customers have no ends, and no group has an index
    where the mean of all is not above 0.

    The ends are studentised: a group's distance from 1 over its standard error is held against the smallest and the largest such
    distance over all groups of all traits when the same spend is dealt out to the customers by chance. So the skewness of spend
    and the overlap of traits are accounted for, and with 95 % certainty no group is called different where none is.

    Source: Westfall and Young (1993), Resampling-Based Multiple Testing, max-T; standard error of the ratio of a group's mean to
    the mean of all, the group among them, by linearisation: Cochran (1977), Sampling Techniques.
    """
    spend = np.asarray(spend, dtype=float)
    groups = [int(trait.max(initial=-1)) + 1 for trait in traits]
    starts = np.concatenate([[0], np.cumsum(groups)])
    mean = float(spend.mean())
    if mean <= 0:
        return [(np.full(k, np.nan),) * 3 for k in groups]
    cells = np.concatenate([np.where(t >= 0, t + start, starts[-1]) for t, start in zip(traits, starts[:-1], strict=True)])
    size = np.bincount(cells, minlength=starts[-1] + 1)[:-1].astype(float)
    centred, tested = spend - mean, size >= FEW
    ratio, error = ratios(centred, mean, cells, size)
    low, high = np.full(len(size), np.nan), np.full(len(size), np.nan)
    if tested.any():
        random = np.random.default_rng(2017)
        draws = int(np.clip(2e8 / len(cells), 199, RESAMPLES))
        dealt = [_distances(*ratios(random.permutation(centred), mean, cells, size))[tested] for _draw in range(draws)]
        least = np.quantile(np.min(dealt, axis=1), (1 - CONFIDENCE) / 2, method="lower")
        most = np.quantile(np.max(dealt, axis=1), (1 + CONFIDENCE) / 2, method="higher")
        low[tested], high[tested] = (ratio - most * error)[tested], (ratio - least * error)[tested]
        if spend.min() >= 0:
            low = np.maximum(low, 0)
    return [(100 * ratio[a:b], 100 * low[a:b], 100 * high[a:b]) for a, b in itertools.pairwise(starts)]


def ratios(centred: np.ndarray, mean: float, cells: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of each cell over the mean of all, and its standard error.

    *centred*: spend less its mean; *cells*: the cell of each customer, once per trait, with len(size) for none; *size*: customers
    per cell.
    """
    n, times = len(centred), len(cells) // len(centred)
    sums = np.bincount(cells, weights=np.tile(centred, times), minlength=len(size) + 1)[:-1]
    squares = np.bincount(cells, weights=np.tile(centred**2, times), minlength=len(size) + 1)[:-1] - sums**2 / size
    ratio = 1 + sums / size / mean
    variance = (squares / size**2 - 2 * ratio * squares / (size * n) + ratio**2 * (centred**2).sum() / n**2) / mean**2
    return ratio, np.sqrt(np.clip(variance, 0, None))


def _distances(ratio: np.ndarray, error: np.ndarray) -> np.ndarray:
    known = error > NOTHING
    return np.where(known, (ratio - 1) / np.where(known, error, 1), 0.0)
