"""Gamma-Gamma: what a customer spends per purchase, from few purchases of his own and those of all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln

from fivestep.segmentation.clv.maximum_likelihood import Estimate, estimate, maximise

STARTS = ((2.0, 3.0, 1.0), (5.0, 4.0, 0.5), (0.7, 1.5, 2.0))
NARROWEST = 0.5  # least distance of the shape from 2, where the variance of spend has no end, for an interval


@dataclass(frozen=True)
class GammaGamma:
    """Spend per purchase gamma(p, nu), its rate nu gamma(q, gamma) over customers; independent of how often they buy.

    x: purchases that *m* is the mean of. Source: Fader and Hardie (2013), The gamma-gamma model of monetary value.
    """

    p: float
    q: float
    gamma: float

    NAMES: ClassVar[tuple[str, ...]] = ("p", "q", "gamma")

    @classmethod
    def fit(cls, x: ArrayLike, m: ArrayLike) -> Estimate:
        """Maximum likelihood for customers with *x* >= 1 purchases of mean value *m* > 0."""
        x, m = np.asarray(x, dtype=float), np.asarray(m, dtype=float)
        if not len(x) or (x < 1).any() or (m <= 0).any():
            raise ValueError("every customer needs a purchase, and a mean above 0")
        scale = float(m.mean())
        likelihood = _likelihood(x, m / scale)
        return estimate(
            maximise(likelihood, likelihood, STARTS, len(x)),
            model=cls,
            names=cls.NAMES,
            scales=(1.0, 1.0, scale),
            customers=float(len(x)),
            constant=-len(x) * np.log(scale),
        )

    def with_logs(self, theta: np.ndarray) -> Self:
        """The model with other parameters, given as logarithms."""
        return type(self)(*(float(v) for v in np.exp(theta)))

    @property
    def mean(self) -> float:
        """Mean spend per purchase over all customers, NaN where q <= 1 leaves none."""
        return self.p * self.gamma / (self.q - 1) if self.q > 1 else np.nan

    def log_likelihood(self, x: ArrayLike, m: ArrayLike) -> np.ndarray:
        """Log-likelihood of each customer."""
        x, m = np.asarray(x, dtype=float), np.asarray(m, dtype=float)
        px = self.p * x
        out = gammaln(px + self.q) - gammaln(px) - gammaln(self.q) + self.q * np.log(self.gamma) + (px - 1) * np.log(m)
        return out + px * np.log(x) - (px + self.q) * np.log(self.gamma + m * x)

    def expected(self, x: ArrayLike, m: ArrayLike) -> np.ndarray:
        """Expected spend of the next purchase; *m* plays no part where *x* is 0. NaN where q <= 1 leaves it without a mean."""
        x, m = np.asarray(x, dtype=float), np.where(np.asarray(x) > 0, m, 0.0)
        if self.q <= 1:
            return np.full(np.broadcast(x, m).shape, np.nan)
        return self.p * (self.gamma + x * m) / (self.p * x + self.q - 1)

    def square_of_sum(self, x: ArrayLike, m: ArrayLike, mean: np.ndarray, square: np.ndarray) -> np.ndarray:
        """Mean square of what a customer spends in a random number of purchases of that *mean* and mean *square*."""
        x, m = np.asarray(x, dtype=float), np.where(np.asarray(x) > 0, m, 0.0)
        q = self.p * x + self.q
        rate = self.gamma + x * m
        return rate**2 * (self.p**2 * square + self.p * mean) / ((q - 1) * np.maximum(q - 2, NARROWEST))


def _likelihood(x: np.ndarray, m: np.ndarray):
    distinct_x, ix = np.unique(x, return_inverse=True)
    nx = np.bincount(ix).astype(float)
    spent, n = x * m, float(len(x))
    fixed = x @ np.log(m) + nx @ (distinct_x * np.log(distinct_x))
    logs = np.log(m).sum()

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        p, q, gamma = np.exp(theta)
        total = spent + gamma
        log_total, inverse = np.log(total), 1 / total
        log_sum, x_log_sum, inverse_sum, x_inverse_sum = log_total.sum(), x @ log_total, inverse.sum(), x @ inverse
        px = p * distinct_x
        value = nx @ (gammaln(px + q) - gammaln(px)) + n * (q * theta[2] - gammaln(q)) + p * fixed - logs
        value -= p * x_log_sum + q * log_sum
        both = digamma(px + q)
        d_p = nx @ (distinct_x * (both - digamma(px))) + fixed - x_log_sum
        d_q = nx @ both + n * (theta[2] - digamma(q)) - log_sum
        d_gamma = n * q / gamma - p * x_inverse_sum - q * inverse_sum
        return -float(value) / n, -np.array([d_p * p, d_q * q, d_gamma * gamma]) / n

    return objective
