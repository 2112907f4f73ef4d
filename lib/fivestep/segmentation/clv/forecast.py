"""Value of each customer over a horizon, with an interval, and of all of them together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import gammaincinv

from fivestep.intervals import Z
from fivestep.segmentation.clv.gamma_gamma import GammaGamma
from fivestep.segmentation.clv.maximum_likelihood import Estimate
from fivestep.segmentation.clv.purchase_model import PurchaseModel, by_pair
from fivestep.segmentation.clv.spend import ShrunkMean

LEVELS = (0.025, 0.975)
STEP = 1e-3  # in log parameters, for the slope of the total


@dataclass(frozen=True)
class Forecast:
    """What customers do in the next *horizon*: one element per customer.

    ``value``: expected spend, discounted and times margin; ``low`` and ``high``: 95 % interval of what the customer will actually
    spend, not only of its expectation; ``variance`` of the same.
    """

    p_alive: np.ndarray
    purchases: np.ndarray
    spend_per_purchase: np.ndarray
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    variance: np.ndarray


@dataclass(frozen=True)
class Moments:
    """What a `Forecast` is made of: ``some`` is the probability of a purchase, ``value`` and ``square`` mean and mean square of
    what the customer brings. Over the draws of a posterior each of them is the mean.
    """

    p_alive: np.ndarray
    some: np.ndarray
    purchases: np.ndarray
    spend_per_purchase: np.ndarray
    value: np.ndarray
    square: np.ndarray

    def forecast(self) -> Forecast:
        """Zero purchases have their exact probability; the rest is a gamma distribution of the same mean and variance."""
        some = np.clip(self.some, 1e-300, 1.0)
        given = self.value / some
        spread = np.maximum(self.square / some - given**2, 1e-12 * given**2)
        shape = np.divide(given**2, spread, out=np.ones_like(given), where=spread > 0)
        low, high = (
            np.where(
                level > 1 - some,
                gammaincinv(shape, np.clip((level - (1 - some)) / some, 0.0, 1.0)) * np.divide(given, shape),
                0.0,
            )
            for level in LEVELS
        )
        variance = np.maximum(self.square - self.value**2, 0.0)
        return Forecast(self.p_alive, self.purchases, self.spend_per_purchase, self.value, low, high, variance)


def moments(
    model: PurchaseModel,
    spend: GammaGamma | ShrunkMean,
    customers: pd.DataFrame,
    *,
    horizon: float,
    rate: float = 0.0,
    margin: float = 1.0,
) -> Moments:
    """The moments of *customers* (x, t_x, T, mean_spend) over *horizon*, discounted at *rate*, both per unit of time."""
    x, t_x, age, m = (customers[c].to_numpy(dtype=float) for c in ("x", "t_x", "T", "mean_spend"))

    def of_pairs(x: np.ndarray, age: np.ndarray) -> tuple[np.ndarray, ...]:
        mean, square = model.if_alive(horizon, x, age), model.square_if_alive(horizon, x, age)
        return (
            model.at_least(1.0, horizon, x, age),
            mean,
            np.maximum(square, mean**2),
            model.discounted_if_alive(rate, horizon, x, age),
        )

    some, mean, square, discounted = by_pair(of_pairs, x, age)
    alive = model.p_alive(x, t_x, age)
    each = spend.expected(x, m)
    worth = margin * np.divide(discounted, mean, out=np.ones_like(mean), where=mean > 0)
    return Moments(
        p_alive=alive,
        some=alive * some,
        purchases=alive * mean,
        spend_per_purchase=each,
        value=alive * mean * each * worth,
        square=alive * spend.square_of_sum(x, m, mean, square) * worth**2,
    )


def forecast(
    model: PurchaseModel,
    spend: GammaGamma | ShrunkMean,
    customers: pd.DataFrame,
    *,
    horizon: float,
    rate: float = 0.0,
    margin: float = 1.0,
) -> Forecast:
    """The forecast for *customers* (x, t_x, T, mean_spend) over *horizon*, discounted at *rate*, both per unit of time.

    The interval is parametric: chance in the number of purchases, in whether the customer has stopped, and in spend per purchase,
    at the estimated parameters. Timing within the horizon shrinks all of it alike.
    """
    return moments(model, spend, customers, horizon=horizon, rate=rate, margin=margin).forecast()


def total_interval(
    made: Forecast, purchases: Estimate, spend: Estimate | None, total: Callable[[PurchaseModel, GammaGamma | None], float]
) -> tuple[float, float]:
    """95 % interval of the value of all customers together: their own chance, and that of the parameters (delta method).

    *total* gives the value of all at other parameters. What strikes all customers at once (a season, a crisis) is not in it.
    """
    middle, variance = float(made.value.sum()), float(made.variance.sum())
    for estimate, value in (
        (purchases, lambda model: total(model, None)),
        *(((spend, lambda model: total(purchases.model, model)),) if spend is not None else ()),
    ):
        free = np.flatnonzero(np.isfinite(np.diag(estimate.covariance)))
        slope = np.zeros(len(free))
        for i, j in enumerate(free):
            logs = np.log(estimate.values)
            ends = []
            for sign in (1, -1):
                moved = logs.copy()
                moved[j] += sign * STEP
                ends.append(value(estimate.model.with_logs(moved)))
            slope[i] = (ends[0] - ends[1]) / (2 * STEP)
        variance += float(slope @ estimate.covariance[np.ix_(free, free)] @ slope)
    half = Z * np.sqrt(variance)
    return middle - half, middle + half


def total_value(
    model: PurchaseModel, spend: GammaGamma | ShrunkMean, customers: pd.DataFrame, *, horizon: float, rate: float, margin: float
) -> float:
    """Expected value of all *customers* together, as `forecast` gives it for each."""
    x, t_x, age, m = (customers[c].to_numpy(dtype=float) for c in ("x", "t_x", "T", "mean_spend"))
    bought = model.discounted_purchases(rate, x, t_x, age, horizon=horizon)
    return margin * float(bought @ spend.expected(x, m))
