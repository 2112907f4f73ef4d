"""BG/NBD and MBG/NBD in one: they differ only in whether a customer can stop right after the first purchase."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import betainc, betaincinv, betaln, digamma, expit, gammaln, hyp2f1, xlog1py, xlogy

from fivestep.segmentation.clv.maximum_likelihood import ROWS, Estimate, estimate, maximise
from fivestep.segmentation.clv.purchase_model import NODES, PurchaseModel, legendre
from fivestep.segmentation.clv.summary import Counts

STARTS = ((0.5, 0.2, 0.8, 2.0), (2.0, 0.5, 0.1, 2.0), (0.2, 0.05, 2.0, 2.0), (1.0, 1.0, 0.3, 10.0))
BLOCKS = 256  # numbers of purchases at which the mean square of a forecast is summed
NEAR = 1e-5  # how near to 1 the dropout parameter a is met from both sides: the closed form has 0/0 there


@dataclass(frozen=True)
class BetaGeometric(PurchaseModel):
    """Purchases at a rate that is gamma(r, alpha) over customers; after each a chance of stopping that is beta(a, b)."""

    r: float
    alpha: float
    a: float
    b: float

    FIRST: ClassVar[int]  # 1 where a customer can stop right after the first purchase, else 0
    NAMES: ClassVar[tuple[str, ...]] = ("r", "alpha", "a", "b")
    DROPOUT: ClassVar[tuple[str, ...]] = ("a", "b")

    @classmethod
    def fit(cls, counts: Counts) -> Estimate:
        """Maximum likelihood on distinct rows; the gradient is analytic."""
        scale = max(float(counts.T.max()), 1e-9)
        scaled = counts.scaled(scale)
        rough = _Likelihood(scaled.thinned(ROWS), cls.FIRST)
        whole = _Likelihood(scaled, cls.FIRST) if len(counts.x) >= 2 * ROWS else rough
        return estimate(
            maximise(whole, rough, STARTS, counts.customers),
            model=cls,
            names=cls.NAMES,
            scales=(1.0, scale, 1.0, 1.0),
            customers=counts.customers,
            constant=-float(counts.n @ counts.x) * np.log(scale),  # every repeat purchase is a density in time
        )

    def with_logs(self, theta: np.ndarray) -> Self:
        """The model with other parameters, given as logarithms."""
        return type(self)(*(float(v) for v in np.exp(theta)))

    def log_likelihood(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> np.ndarray:
        """Log-likelihood of each customer."""
        x, t_x, T = (np.asarray(v, dtype=float) for v in (x, t_x, T))
        kept = gammaln(self.r + x) - gammaln(self.r) + self.r * np.log(self.alpha)
        kept = kept + betaln(self.a, self.b + self.FIRST + x) - betaln(self.a, self.b) - (self.r + x) * np.log(self.alpha + T)
        return kept + np.logaddexp(0.0, self._stopped_odds(x, t_x, T))

    def _stopped_odds(self, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
        """Log odds of having stopped after the last purchase against being alive."""
        at = self.b + self.FIRST + x - 1
        possible = (x > 0) | (self.FIRST == 1)
        odds = np.log(self.a / np.where(possible, at, 1.0)) + (self.r + x) * np.log1p((T - t_x) / (self.alpha + t_x))
        return np.where(possible, odds, -np.inf)

    def p_alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> np.ndarray:
        x, t_x, T = (np.asarray(v, dtype=float) for v in (x, t_x, T))
        return expit(-self._stopped_odds(x, t_x, T))

    def if_alive(self, horizon: ArrayLike, x: ArrayLike, T: ArrayLike) -> np.ndarray:
        x, T = np.asarray(x, dtype=float), np.asarray(T, dtype=float)
        return _until_stop(np.asarray(horizon, dtype=float), self.r + x, self.alpha + T, self.a, self.b + self.FIRST + x)

    def at_least(self, n: ArrayLike, horizon: float, x: ArrayLike, T: ArrayLike) -> np.ndarray:
        x, T = np.asarray(x, dtype=float), np.asarray(T, dtype=float)
        return _at_least(np.asarray(n, dtype=float), horizon, self.r + x, self.alpha + T, self.a, self.b + self.FIRST + x)

    def scale(self, x: ArrayLike, T: ArrayLike) -> np.ndarray:
        return self.alpha + np.asarray(T, dtype=float) + 0 * np.asarray(x)

    def square_if_alive(self, horizon: float, x: np.ndarray, T: np.ndarray) -> np.ndarray:
        """The sum over n of (2 n - 1) P(n or more); above 256 purchases over blocks of n."""
        mean = (self.r + x) * horizon / (self.alpha + T)  # of those who never stop: nobody buys more
        top = mean + 9 * np.sqrt(mean * (1 + horizon / (self.alpha + T))) + 30 * horizon / (self.alpha + T) + 8
        width = np.ceil(top / BLOCKS)
        square = self.at_least(1.0, horizon, x, T)
        for k in range(BLOCKS):
            first = 2 + k * width
            if (first > top).all():
                break
            last = first + width - 1
            square += self.at_least((first + last) / 2, horizon, x, T) * (last**2 - (first - 1) ** 2)
        return square

    def expected_of_new(self, horizon: ArrayLike) -> np.ndarray:
        """Expected repeat purchases of a new customer within *horizon* of the first purchase."""
        stays = self.b / (self.a + self.b) if self.FIRST else 1.0
        return stays * _until_stop(np.asarray(horizon, dtype=float), self.r, self.alpha, self.a, self.b + self.FIRST)

    def pmf(self, n: ArrayLike, horizon: float) -> np.ndarray:
        """Probability that a new customer makes *n* repeat purchases within *horizon* of the first purchase."""
        n = np.asarray(n, dtype=float)
        b, q = self.b + self.FIRST, horizon / (self.alpha + horizon)
        stays = np.exp(betaln(self.a, b) - betaln(self.a, self.b))
        some = np.maximum(n, 1.0)
        reached = stays * np.exp(betaln(self.a, b + some - 1) - betaln(self.a, b))
        log_nb = gammaln(self.r + some) - gammaln(self.r) - gammaln(some + 1) + xlog1py(self.r, -q) + xlogy(some, q)
        chance = (np.exp(log_nb) * (b + some - 1) + self.a * betainc(some, self.r, q)) / (self.a + b + some - 1)
        none = 1 - stays * -np.expm1(xlog1py(self.r, -q))
        return np.where(n == 0, none, reached * chance)


def _until_stop(h: np.ndarray, shape: ArrayLike, rate: ArrayLike, a: float, b: ArrayLike) -> np.ndarray:
    """Expected purchases within *h* at a gamma(shape, rate) rate with a beta(a, b) chance of stopping after each.

    2F1 in Euler's form, in which nothing grows with the number of purchases.
    """
    if abs(a - 1) < NEAR:
        return (_until_stop(h, shape, rate, 1 - 2 * NEAR, b) + _until_stop(h, shape, rate, 1 + 2 * NEAR, b)) / 2
    c = a + b - 1
    c = np.where(np.abs(c) < 1e-9, 1e-9, c)
    z = h / (rate + h)
    with np.errstate(over="ignore", invalid="ignore"):
        out = np.asarray(c / (a - 1) * (1 - np.exp((a - 1) * np.log1p(-z)) * hyp2f1(c - shape, a - 1, c, z)))
    lost = ~np.isfinite(out)
    if lost.any():
        h, shape, rate, b = (np.broadcast_to(v, out.shape)[lost] for v in (h, shape, rate, b))
        out[lost] = _over_chances(h, shape, rate, a, b)
    return out


def _over_chances(h: np.ndarray, shape: np.ndarray, rate: np.ndarray, a: float, b: np.ndarray) -> np.ndarray:
    """The same as a mean over the quantiles of the chance of stopping, where the series of 2F1 overflows (large a)."""
    nodes, weights = legendre(2 * NODES)
    p = np.maximum(betaincinv(a, b, nodes[:, None]), 1e-300)
    return weights @ (-np.expm1(-shape * np.log1p(p * h / rate)) / p)


def _at_least(n: np.ndarray, h: float, shape: ArrayLike, rate: ArrayLike, a: float, b: ArrayLike) -> np.ndarray:
    return np.exp(betaln(a, b + n - 1) - betaln(a, b)) * betainc(n, shape, h / (rate + h))


class _Likelihood:
    """Mean negative log-likelihood per customer and its gradient in log parameters.

    Gamma functions are taken once per distinct x, logarithms once per distinct T and t_x; a row costs one exponential.
    """

    def __init__(self, counts: Counts, first: int) -> None:
        self.customers, self.first = counts.customers, first
        ix, self.x = pd.factorize(counts.x, sort=True)
        it, self.T = pd.factorize(counts.T, sort=True)
        self.nx = np.bincount(ix, counts.n, len(self.x))
        self.nt = np.bincount(it, counts.n, len(self.T))
        self.nxt = np.bincount(it, counts.n * counts.x, len(self.T))
        rows = np.flatnonzero((counts.x > 0) | (first == 1))  # who can have stopped
        self.at, self.t = pd.factorize(counts.t_x[rows], sort=True)
        self.ax, self.aT, self.n = ix[rows], it[rows], counts.n[rows]
        self.row_x = counts.x[rows]

    def __call__(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        r, alpha, a, b = np.exp(theta)
        b1 = b + self.first
        big_t, small_t = np.log(alpha + self.T), np.log(alpha + self.t)
        fixed = gammaln(a + b) - gammaln(b) - gammaln(r) + r * theta[1]
        value = self.nx @ (gammaln(r + self.x) + gammaln(b1 + self.x) - gammaln(a + b1 + self.x)) + self.customers * fixed
        value -= r * (self.nt @ big_t) + self.nxt @ big_t
        of_sum = self.nx @ digamma(a + b1 + self.x)
        d_r = self.nx @ digamma(r + self.x) + self.customers * (theta[1] - digamma(r)) - self.nt @ big_t
        d_alpha = self.customers * r / alpha - (r * self.nt + self.nxt) @ (1 / (alpha + self.T))
        d_a = self.customers * digamma(a + b) - of_sum
        d_b = self.customers * (digamma(a + b) - digamma(b)) + self.nx @ digamma(b1 + self.x) - of_sum
        # log odds of having stopped, of the rows where that is possible
        place = b1 + self.x - 1
        place = np.where(place > 0, place, 1.0)
        gap = big_t[self.aT]
        gap -= small_t[self.at]
        shape = self.row_x + r
        odds = shape * gap
        odds += (theta[2] - np.log(place))[self.ax]
        small = np.exp(-np.abs(odds))
        value += self.n @ (np.log1p(small) + np.maximum(odds, 0.0))
        weight = np.where(odds > 0, 1.0, small)
        weight /= 1 + small
        weight *= self.n
        d_r += weight @ gap
        shape *= weight
        d_alpha += np.bincount(self.aT, shape, len(self.T)) @ (1 / (alpha + self.T))
        d_alpha -= np.bincount(self.at, shape, len(self.t)) @ (1 / (alpha + self.t))
        d_a += weight.sum() / a
        d_b -= np.bincount(self.ax, weight, len(self.x)) @ (1 / place)
        gradient = np.array([d_r * r, d_alpha * alpha, d_a * a, d_b * b])
        return -float(value) / self.customers, -gradient / self.customers
