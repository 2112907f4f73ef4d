"""Spend per purchase: Gamma-Gamma where it is admissible, else each customer's own mean drawn to that of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from fivestep.segmentation.clv.gamma_gamma import GammaGamma
from fivestep.segmentation.clv.maximum_likelihood import Estimate

APART = (
    2.0  # factor between the spread of one purchase that Gamma-Gamma needs and the one observed, above which it is not believed
)


@dataclass(frozen=True)
class ShrunkMean:
    """Each customer's own mean, drawn to that of all the fewer purchases it rests on.

    ``overall``: mean of all. ``weight``: purchases for which a customer's own mean counts as much as that of all (variance within
    over variance between customers; infinite where they cannot be told apart). ``variation``: squared coefficient of variation of
    one purchase. ``between``: variance between customers. Source: Bühlmann (1967), Experience rating and credibility.
    """

    overall: float
    weight: float
    variation: float
    between: float

    @classmethod
    def fit(cls, x: ArrayLike, m: ArrayLike, variation: float) -> Self:
        """Of customers with *x* >= 1 purchases of mean value *m*; *variation* NaN: own means are not believed."""
        x, m = np.asarray(x, dtype=float), np.asarray(m, dtype=float)
        if not variation >= 0:
            return cls(float(m.mean()), np.inf, 1.0, 0.0)
        noise = float((1 / x).mean())  # of a mean, in variances of one purchase
        within = variation * float((m**2).mean()) / (1 + variation * noise)
        between = float(m.var()) - within * noise
        weight = within / between if between > 0 else np.inf
        trust = x / (x + weight) if np.isfinite(weight) else np.ones(len(x))
        return cls(float(trust @ m / trust.sum()), float(weight), float(variation), max(between, 0.0))

    @property
    def mean(self) -> float:
        return self.overall

    def expected(self, x: ArrayLike, m: ArrayLike) -> np.ndarray:
        """Expected spend of the next purchase; *m* plays no part where *x* is 0."""
        x, m = np.asarray(x, dtype=float), np.where(np.asarray(x) > 0, m, 0.0)
        total = x + self.weight
        share = np.divide(x, total, out=np.zeros_like(total), where=total > 0)
        return self.overall + share * (m - self.overall)

    def square_of_sum(self, x: ArrayLike, m: ArrayLike, mean: np.ndarray, square: np.ndarray) -> np.ndarray:
        """Mean square of what a customer spends in a random number of purchases of that *mean* and mean *square*."""
        expected = self.expected(x, m) ** 2
        unsure = (
            self.between / (1 + np.asarray(x, dtype=float) / self.weight) if self.weight > 0 else 0.0
        )  # about a customer's mean
        return (expected + unsure) * square + self.variation * expected * mean


@dataclass(frozen=True)
class Spending:
    """The model of spend per purchase and whether Gamma-Gamma is admissible.

    ``gamma_gamma``: its estimate in any case. ``observed``: coefficient of variation of one customer's purchases, pooled over
    customers with two repeat purchases or more (NaN without any). ``left_out``: customers who came back but have a mean not
    above 0.
    """

    model: GammaGamma | ShrunkMean
    gamma_gamma: Estimate
    observed: float
    left_out: int

    @property
    def implied(self) -> float:
        """The coefficient of variation of one customer's purchases by Gamma-Gamma."""
        return float(self.gamma_gamma.model.p**-0.5)

    @property
    def no_mean(self) -> bool:
        """Whether Gamma-Gamma leaves spend per purchase without a mean."""
        return self.gamma_gamma.model.q <= 1

    @property
    def estimate(self) -> Estimate | None:
        """The estimate of Gamma-Gamma where it is the model."""
        return self.gamma_gamma if isinstance(self.model, GammaGamma) else None


def fit_spend(customers: pd.DataFrame) -> Spending | None:
    """Spend per purchase of *customers* (the table of a `Summary`); None where no repeater has spent anything.

    Gamma-Gamma sees only means. It is admissible where q > 1, and where single purchases vary about their customer's mean as it
    needs them to, by a factor of two; else a shrunk mean, whose weights rest on that observed spread, takes its place.
    """
    m = customers["mean_spend"].to_numpy()
    repeat = customers["x"].to_numpy() > 0
    paid = repeat & (m > 0)
    if not paid.any():
        return None
    x, m = customers["x"].to_numpy(dtype=float)[paid], m[paid]
    spread = customers["spread"].to_numpy()[paid]
    known = np.isfinite(spread)
    variation = float(spread[known].sum() / (x[known] - 1).sum()) if known.any() else np.nan
    estimate = GammaGamma.fit(x, m)
    observed, implied = variation**0.5, estimate.model.p**-0.5
    apart = observed > APART * implied or implied > APART * observed
    shrunk = estimate.model.q <= 1 or apart
    return Spending(
        model=ShrunkMean.fit(x, m, variation) if shrunk else estimate.model,
        gamma_gamma=estimate,
        observed=observed,
        left_out=int((repeat & ~paid).sum()),
    )
