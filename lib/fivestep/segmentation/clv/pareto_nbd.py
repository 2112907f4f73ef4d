"""Pareto/NBD: customers buy at random, and independently of that stop for good at some unseen moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, digamma, exprel, gammaln, log1p, xlogy

from fivestep.segmentation.clv.maximum_likelihood import ROWS, Estimate, estimate, maximise
from fivestep.segmentation.clv.purchase_model import NODES, PurchaseModel, legendre
from fivestep.segmentation.clv.summary import Counts

STARTS = ((0.5, 0.2, 0.5, 0.5), (2.0, 0.5, 0.3, 2.0), (0.3, 0.05, 2.0, 0.5), (1.0, 1.0, 0.1, 0.1))
ENDS = 20  # nodes of the integral over the time of stopping: ten digits
BATCH = 1 << 15  # rows whose integrals are held in memory at a time


@dataclass(frozen=True)
class ParetoNbd(PurchaseModel):
    """Purchase rates gamma(r, alpha), rates of stopping gamma(s, beta) over customers.

    The chance of having stopped since the last purchase is an integral of a positive, smooth function; it is taken by quadrature
    in logarithms, where the hypergeometric closed form overflows or cancels for customers with many purchases.
    Source: Schmittlein, Morrison and Colombo (1987), Counting your customers: who are they and what will they do next?
    """

    r: float
    alpha: float
    s: float
    beta: float

    NAMES: ClassVar[tuple[str, ...]] = ("r", "alpha", "s", "beta")
    DROPOUT: ClassVar[tuple[str, ...]] = ("s", "beta")

    @classmethod
    def fit(cls, counts: Counts) -> Estimate:
        """Maximum likelihood on distinct rows; the gradient is analytic."""
        scale = max(float(counts.T.max()), 1e-9)
        scaled = counts.scaled(scale)
        rough = _likelihood(scaled.thinned(ROWS))
        whole = _likelihood(scaled) if len(counts.x) >= 2 * ROWS else rough
        return estimate(
            maximise(whole, rough, STARTS, counts.customers),
            model=cls,
            names=cls.NAMES,
            scales=(1.0, scale, 1.0, scale),
            customers=counts.customers,
            constant=-float(counts.n @ counts.x) * np.log(scale),  # every repeat purchase is a density in time
        )

    def with_logs(self, theta: np.ndarray) -> Self:
        """The model with other parameters, given as logarithms."""
        return type(self)(*(float(v) for v in np.exp(theta)))

    def log_likelihood(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> np.ndarray:
        """Log-likelihood of each customer."""
        x, t_x, T = _rows(x, t_x, T)
        kept = gammaln(self.r + x) - gammaln(self.r) + self.r * np.log(self.alpha) + self.s * np.log(self.beta)
        alive, stopped = self._alive_or_stopped(x, t_x, T)
        return kept + np.logaddexp(alive, stopped)

    def p_alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> np.ndarray:
        x, t_x, T = _rows(x, t_x, T)
        alive, stopped = self._alive_or_stopped(x, t_x, T)
        return np.exp(alive - np.logaddexp(alive, stopped))

    def _alive_or_stopped(self, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log likelihoods, but for what they share, of being alive at T and of having stopped between t_x and T."""
        alive = -(self.r + x) * np.log(self.alpha + T) - self.s * np.log(self.beta + T)
        stopped = np.empty(x.shape)
        for start in range(0, x.size, BATCH):
            part = slice(start, start + BATCH)
            stopped.flat[part] = _stopped(
                (self.r, self.alpha, self.s, self.beta), x.flat[part], t_x.flat[part], T.flat[part], slopes=False
            )[0]
        return alive, np.log(self.s) + stopped

    def if_alive(self, horizon: ArrayLike, x: ArrayLike, T: ArrayLike) -> np.ndarray:
        x, T = np.asarray(x, dtype=float), np.asarray(T, dtype=float)
        return self._until_stop(horizon, self.r + x, self.alpha + T, self.beta + T)

    def _until_stop(self, horizon: ArrayLike, shape: ArrayLike, rate: ArrayLike, beta: ArrayLike) -> np.ndarray:
        grown = np.log1p(np.asarray(horizon, dtype=float) / beta)
        return shape * beta / rate * grown * exprel((1 - self.s) * grown)  # no 0/0 at s = 1

    def at_least(self, n: ArrayLike, horizon: float, x: ArrayLike, T: ArrayLike) -> np.ndarray:
        x, T = np.asarray(x, dtype=float), np.asarray(T, dtype=float)
        n, shape, rate, beta = np.broadcast_arrays(np.asarray(n, dtype=float), self.r + x, self.alpha + T, self.beta + T)
        return self._over_ends(lambda t: betainc(n, shape, t / (rate + t)), horizon, rate, beta)

    def _over_ends(self, of_exposure, horizon: float, rate: ArrayLike, beta: ArrayLike) -> np.ndarray:
        """Mean of a function of the time for which a customer goes on buying within *horizon*."""
        nodes, weights = legendre(NODES)
        c = np.minimum(rate, beta)
        end = np.log1p(horizon / c)
        v = np.multiply.outer(nodes, end)
        t = c * np.expm1(v)
        density = self.s / (beta + t) * np.exp(-self.s * np.log1p(t / beta)) * (t + c)
        inside = np.tensordot(weights, density * of_exposure(t), axes=1) * end
        return inside + of_exposure(np.asarray(horizon, dtype=float)) * np.exp(-self.s * np.log1p(horizon / beta))

    def scale(self, x: ArrayLike, T: ArrayLike) -> np.ndarray:
        return self.beta + np.asarray(T, dtype=float) + 0 * np.asarray(x)

    def square_if_alive(self, horizon: float, x: np.ndarray, T: np.ndarray) -> np.ndarray:
        shape, rate, beta = self.r + x, self.alpha + T, self.beta + T
        square = self._over_ends(lambda t: (t / rate) ** 2, horizon, rate, beta)
        return self.if_alive(horizon, x, T) + shape * (shape + 1) * square

    def expected_of_new(self, horizon: ArrayLike) -> np.ndarray:
        """Expected repeat purchases of a new customer within *horizon* of the first purchase."""
        return self._until_stop(horizon, self.r, self.alpha, self.beta)

    def pmf(self, n: ArrayLike, horizon: float) -> np.ndarray:
        """Probability that a new customer makes *n* repeat purchases within *horizon* of the first purchase."""
        n = np.asarray(n, dtype=float)

        def negative_binomial(t: np.ndarray) -> np.ndarray:
            logs = gammaln(self.r + n) - gammaln(self.r) - gammaln(n + 1)
            return np.exp(logs - self.r * np.log1p(t / self.alpha) + xlogy(n, t / (self.alpha + t)))

        nodes, weights = legendre(4 * NODES)
        c = min(self.alpha, self.beta)
        end = np.log1p(horizon / c)
        t = c * np.expm1(nodes * end)
        density = weights * self.s / (self.beta + t) * np.exp(-self.s * np.log1p(t / self.beta)) * (t + c) * end
        inside = sum(d * negative_binomial(at) for d, at in zip(density, t, strict=True))
        return inside + negative_binomial(np.float64(horizon)) * np.exp(-self.s * np.log1p(horizon / self.beta))


def _rows(*arrays: ArrayLike) -> list[np.ndarray]:
    return list(np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in arrays)))


def _stopped(parameters, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, *, slopes: bool):
    """log int_{t_x}^{T} (alpha + y)^-(r + x) (beta + y)^-(s + 1) dy, and with *slopes* its derivatives by r, alpha, s, beta.

    With c the smaller of alpha and beta and v = log((c + y) / (c + t_x)) the integrand is smooth over the whole range, and it
    falls about as fast as exp(-k v), k being its slope at the start. Nodes are spread over 1 - exp(-k v / 4), in which that is a
    polynomial whether the customer has 0 purchases or 5,000.
    """
    r, alpha, s, beta = parameters
    nodes, weights = legendre(ENDS)
    shape, ends = r + x, s + 1
    c = min(alpha, beta)
    span = np.log1p((T - t_x) / (c + t_x))
    k = ((c + t_x) * (shape / (alpha + t_x) + ends / (beta + t_x)) - 1) / 4
    k = np.where(np.abs(k) < 1e-8, 1e-8, k)
    reach = np.expm1(-k * span)
    v = -log1p(np.multiply.outer(nodes, reach)) / k
    y = (c + t_x) * np.expm1(v) + t_x
    log_a, log_b = np.log(alpha + y), np.log(beta + y)
    start = -shape * np.log(alpha + t_x) - ends * np.log(beta + t_x) + np.log(c + t_x)
    # the integrand by v over exp(-k v), which the nodes account for
    height = np.exp(-shape * log_a - ends * log_b + v * (1 + k) + np.log(c + t_x) - start)
    height *= weights[:, None]
    total = height.sum(axis=0)
    width = span * exprel(-k * span)  # int exp(-k v) dv
    with np.errstate(divide="ignore"):
        value = start + np.log(total) + np.log(width)
    if not slopes:
        return (value,)
    height /= np.where(total > 0, total, 1.0)
    by_alpha = -shape * (height / (alpha + y)).sum(axis=0)
    by_beta = -ends * (height / (beta + y)).sum(axis=0)
    return value, -(height * log_a).sum(axis=0), by_alpha, -(height * log_b).sum(axis=0), by_beta


def _likelihood(counts: Counts):
    """Mean negative log-likelihood per customer and its gradient in log parameters."""
    customers = counts.customers
    distinct_x, ix = np.unique(counts.x, return_inverse=True)
    nx = np.bincount(ix, counts.n, len(distinct_x))

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        parameters = r, alpha, s, beta = np.exp(theta)
        value = nx @ gammaln(r + distinct_x) + customers * (r * theta[1] + s * theta[3] - gammaln(r))
        d_r = nx @ digamma(r + distinct_x) + customers * (theta[1] - digamma(r))
        d_alpha, d_s, d_beta = customers * r / alpha, customers * theta[3], customers * s / beta
        for first in range(0, len(counts.x), BATCH):
            x, t_x, T, n = (a[first : first + BATCH] for a in (counts.x, counts.t_x, counts.T, counts.n))
            log_a, log_b = np.log(alpha + T), np.log(beta + T)
            alive = -(r + x) * log_a - s * log_b
            stopped, by_r, by_alpha, by_s, by_beta = _stopped(parameters, x, t_x, T, slopes=True)
            stopped = stopped + theta[2]
            both = np.logaddexp(alive, stopped)
            value += n @ both
            gone = np.exp(stopped - both) * n
            here = n - gone
            d_r += gone @ by_r - here @ log_a
            d_alpha += gone @ by_alpha - here @ ((r + x) / (alpha + T))
            d_s += gone @ by_s + gone.sum() / s - here @ log_b
            d_beta += gone @ by_beta - here @ (s / (beta + T))
        gradient = np.array([d_r * r, d_alpha * alpha, d_s * s, d_beta * beta])
        return -float(value) / customers, -gradient / customers

    return objective
