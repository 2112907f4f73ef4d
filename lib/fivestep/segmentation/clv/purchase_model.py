"""What BG/NBD, MBG/NBD and Pareto/NBD have in common: forecasts for customers who buy until, unseen, they stop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

NODES = 32  # of the quadratures over time
TAIL = 40.0  # times the discount rate: e^-40 of a purchase is worth nothing


class PurchaseModel(ABC):
    """A customer buys at random at a rate of his own until he stops for good; rates and ends vary over customers.

    Times are in the unit of the fitted data. x, t_x, T as in `summary.Counts`; arrays broadcast. What is "given alive" depends on
    x and T alone, so that it is computed once per distinct pair.
    """

    @abstractmethod
    def p_alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> np.ndarray:
        """Probability that a customer is still a customer at T."""

    @abstractmethod
    def if_alive(self, horizon: ArrayLike, x: ArrayLike, T: ArrayLike) -> np.ndarray:
        """Expected purchases in the next *horizon*, given that the customer is alive at T."""

    @abstractmethod
    def at_least(self, n: ArrayLike, horizon: float, x: ArrayLike, T: ArrayLike) -> np.ndarray:
        """Probability of *n* (1 or more) or more purchases in the next *horizon*, given that the customer is alive at T."""

    @abstractmethod
    def scale(self, x: ArrayLike, T: ArrayLike) -> np.ndarray:
        """The time over which expected purchases bend, for the placing of quadrature nodes."""

    def expected_purchases(self, horizon: float, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> np.ndarray:
        """Expected purchases in the next *horizon* of a customer with x, t_x, T."""
        return by_pair(lambda x, T: (self.if_alive(horizon, x, T),), x, T)[0] * self.p_alive(x, t_x, T)

    def discounted_purchases(
        self,
        rate: float,
        x: ArrayLike,
        t_x: ArrayLike,
        T: ArrayLike,
        *,
        horizon: float = np.inf,
    ) -> np.ndarray:
        """Discounted expected residual transactions: purchases of the next *horizon*, each worth exp(-rate * time until it).

        *rate*: continuously compounded, per unit of time: log(1 + annual rate) / units in a year. Source: Fader, Hardie and Lee
        (2005), RFM and CLV: using iso-value curves for customer base analysis.
        """
        return by_pair(lambda x, T: (self.discounted_if_alive(rate, horizon, x, T),), x, T)[0] * self.p_alive(x, t_x, T)

    def discounted_if_alive(self, rate: float, horizon: float, x: np.ndarray, T: np.ndarray) -> np.ndarray:
        """The same, given that the customer is alive at T: int exp(-rate t) dE(t), integrated by parts."""
        if rate <= 0:
            if not np.isfinite(horizon):
                raise ValueError("without discounting an endless horizon has no value")
            return self.if_alive(horizon, x, T)
        scale = self.scale(x, T)
        nodes, weights = legendre(2 * NODES)
        end = np.log1p(min(horizon, TAIL / rate) / scale)
        v = np.multiply.outer(nodes, end)
        t = scale * np.expm1(v)
        inner = np.tensordot(weights, np.exp(-rate * t) * self.if_alive(t, x, T) * (t + scale), axes=1) * end * rate
        return inner + np.exp(-rate * horizon) * self.if_alive(horizon, x, T) if np.isfinite(horizon) else inner

    @abstractmethod
    def square_if_alive(self, horizon: float, x: np.ndarray, T: np.ndarray) -> np.ndarray:
        """Mean square of purchases in the next *horizon*, given that the customer is alive at T."""


def by_pair(function, x: ArrayLike, T: ArrayLike) -> tuple[np.ndarray, ...]:
    """*function* of the distinct pairs (x, T), each of its results spread back over the rows."""
    x, T = np.broadcast_arrays(np.asarray(x, dtype=float), np.asarray(T, dtype=float))
    if x.ndim == 0:
        return tuple(made[0] for made in function(x.reshape(1), T.reshape(1)))
    ix, ux = pd.factorize(x.ravel())
    it, ut = pd.factorize(T.ravel())
    key, pairs = pd.factorize(ix.astype(np.int64) * len(ut) + it)
    return tuple(made[key].reshape(x.shape) for made in function(ux[pairs // len(ut)], ut[pairs % len(ut)]))


@lru_cache
def legendre(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of Gauss-Legendre quadrature on 0 to 1."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return (nodes + 1) / 2, weights / 2
