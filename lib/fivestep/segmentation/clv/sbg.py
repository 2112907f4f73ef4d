"""Shifted beta-geometric: how long contracts go on that can end at every renewal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, digamma, hyp2f1

from fivestep.segmentation.clv.maximum_likelihood import Estimate, estimate, maximise

STARTS = ((1.0, 1.0), (0.5, 3.0), (3.0, 10.0))


@dataclass(frozen=True)
class Sbg:
    """A contract ends at each renewal with a chance that is beta(alpha, beta) over customers.

    Source: Fader and Hardie (2007), How to project customer retention; (2010), Customer-base valuation in a contractual setting.
    """

    alpha: float
    beta: float

    NAMES: ClassVar[tuple[str, ...]] = ("alpha", "beta")

    @classmethod
    def fit(cls, periods: ArrayLike, ended: ArrayLike, running: ArrayLike) -> Estimate:
        """Maximum likelihood on a survival table.

        For each number of *periods*: contracts that *ended* at the end of that period (after periods - 1 renewals), and contracts
        still *running* that have been renewed that often.
        """
        periods, ended, running = (np.asarray(v, dtype=float) for v in (periods, ended, running))
        if (ended[periods < 1] > 0).any():
            raise ValueError("no contract ends before its first period does")
        likelihood, contracts = _likelihood(periods, ended, running), float(ended.sum() + running.sum())
        return estimate(
            maximise(likelihood, likelihood, STARTS, contracts),
            model=cls,
            names=cls.NAMES,
            scales=(1.0, 1.0),
            customers=contracts,
            constant=0.0,
        )

    def with_logs(self, theta: np.ndarray) -> Self:
        """The model with other parameters, given as logarithms."""
        return type(self)(*(float(v) for v in np.exp(theta)))

    def survival(self, periods: ArrayLike) -> np.ndarray:
        """Share of contracts that are renewed *periods* times."""
        periods = np.asarray(periods, dtype=float)
        return np.exp(betaln(self.alpha, self.beta + periods) - betaln(self.alpha, self.beta))

    def pmf(self, periods: ArrayLike) -> np.ndarray:
        """Probability that a contract lasts exactly *periods* (1, 2, ...)."""
        periods = np.asarray(periods, dtype=float)
        return np.exp(betaln(self.alpha + 1, self.beta + periods - 1) - betaln(self.alpha, self.beta))

    def retention(self, renewals: ArrayLike) -> np.ndarray:
        """Probability that a contract with *renewals* behind it is renewed once more."""
        renewals = np.asarray(renewals, dtype=float)
        return (self.beta + renewals) / (self.alpha + self.beta + renewals)

    def expected_renewals(self, renewals: ArrayLike, horizon: int) -> np.ndarray:
        """Expected renewals at the next *horizon* dates, of a contract with *renewals* behind it."""
        renewals = np.asarray(renewals, dtype=float)
        ahead = self.survival(np.add.outer(np.arange(1, horizon + 1), renewals))
        return ahead.sum(axis=0) / self.survival(renewals)

    def discounted_renewals(self, renewals: ArrayLike, rate: float) -> np.ndarray:
        """Discounted expected residual lifetime: all renewals to come, the next at full value, each later one by 1 + *rate* less.

        *rate* is per period. Just before the renewal is decided.
        """
        renewals = np.asarray(renewals, dtype=float)
        b = self.beta + renewals
        return self.retention(renewals) * hyp2f1(1.0, b + 1, self.alpha + b + 1, 1 / (1 + rate))


def _likelihood(periods: np.ndarray, ended: np.ndarray, running: np.ndarray):
    n = ended.sum() + running.sum()

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        a, b = np.exp(theta)
        gone, kept = np.maximum(periods, 1.0), periods
        value = ended @ betaln(a + 1, b + gone - 1) + running @ betaln(a, b + kept) - n * betaln(a, b)
        both = digamma(a + b + gone), digamma(a + b + kept)
        d_a = ended @ (digamma(a + 1) - both[0]) + running @ (digamma(a) - both[1]) - n * (digamma(a) - digamma(a + b))
        d_b = ended @ (digamma(b + gone - 1) - both[0]) + running @ (digamma(b + kept) - both[1])
        d_b -= n * (digamma(b) - digamma(a + b))
        return -float(value) / n, -np.array([d_a * a, d_b * b]) / n

    return objective
