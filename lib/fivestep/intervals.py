"""95 % intervals of shares, of a difference of shares and of a difference of means; chances of many tests together."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

Z = 1.959963984540054  # the 97.5 % point of the normal distribution


def wilson(successes: ArrayLike, n: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper end of the 95 % interval of a share, elementwise; NaN where *n* is 0.

    Source: Wilson (1927), Probable inference, the law of succession, and statistical inference.
    """
    successes, n = np.asarray(successes, dtype=float), np.asarray(n, dtype=float)
    n = np.where(n > 0, n, np.nan)
    share = successes / n
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    # At a share of 0 or 1 one end is exact; rounding must not leave it a hair outside.
    return np.where(successes == 0, 0.0 * n, middle - half), np.where(successes == n, 1.0 + 0.0 * n, middle + half)


def newcombe(successes_1: float, n_1: float, successes_2: float, n_2: float) -> tuple[float, float]:
    """95 % interval of the first share less the second, of two separate groups; NaN where a group is empty.

    Source: Newcombe (1998), Interval estimation for the difference between independent proportions, method 10.
    """
    if n_1 <= 0 or n_2 <= 0:
        return np.nan, np.nan
    share_1, share_2 = successes_1 / n_1, successes_2 / n_2
    low, high = wilson([successes_1, successes_2], [n_1, n_2])
    down = np.hypot(share_1 - low[0], high[1] - share_2)
    up = np.hypot(high[0] - share_1, share_2 - low[1])
    return float(share_1 - share_2 - down), float(share_1 - share_2 + up)


def welch(n_1: float, mean_1: float, variance_1: float, n_2: float, mean_2: float, variance_2: float) -> tuple[float, float]:
    """95 % interval of the first mean less the second, variances (divisor n - 1) not taken as equal; NaN where a group has fewer
    than two members.

    Source: Welch (1947), The generalization of "Student's" problem when several different population variances are involved.
    """
    from scipy.stats import t

    if n_1 < 2 or n_2 < 2:
        return np.nan, np.nan
    error_1, error_2 = variance_1 / n_1, variance_2 / n_2
    difference = mean_1 - mean_2
    if error_1 + error_2 <= 0:  # nobody differs within a group, so there is nothing to be unsure about
        return difference, difference
    freedom = (error_1 + error_2) ** 2 / (error_1**2 / (n_1 - 1) + error_2**2 / (n_2 - 1))
    half = float(t.ppf(0.975, freedom)) * np.sqrt(error_1 + error_2)
    return float(difference - half), float(difference + half)


def holm(chances: pd.Series) -> pd.Series:
    """The chances of several tests, corrected for their number; index as given, smallest first. Source: Holm (1979)."""
    ordered = chances.sort_values(kind="stable")
    left = np.arange(len(ordered), 0, -1)
    return pd.Series(np.minimum(np.maximum.accumulate(ordered.to_numpy() * left), 1.0), index=ordered.index)
