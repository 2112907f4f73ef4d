"""Maximum likelihood of the customer-value models: positive parameters, several starts, intervals from the Hessian."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fivestep.intervals import Z

BOUND = 9.0  # of a log parameter, time being divided by the longest observed: 1/8,000 to 8,000
STEP = 1e-5  # in log parameters, for the Hessian
RIDGE = 1.0  # standard error of a log parameter above which it is not identified: its interval spans a factor of 50
ROWS = 4_000  # distinct rows on which starting points are tried
# Mean negative log-likelihood per customer, and its gradient, at log parameters.
Objective = Callable[[np.ndarray], tuple[float, np.ndarray]]


@dataclass(frozen=True)
class Estimate:
    """A fitted model and how well the data determines its parameters.

    ``model``: the model at its estimates. ``names``, ``values``: its parameters. ``covariance``: of the log parameters, from the
    inverse Hessian; missing for a parameter at its bound. ``log_likelihood`` of ``customers`` customers. ``unidentified``: the
    parameters that the data does not determine: those at a bound, and those whose interval spans a factor of 50.
    ``gradient``: largest element of the gradient (per customer) where the search ended: convergence is a number near 0.
    """

    model: Any
    names: tuple[str, ...]
    values: np.ndarray
    covariance: np.ndarray
    log_likelihood: float
    customers: float
    unidentified: tuple[str, ...]
    gradient: float

    @property
    def standard_errors(self) -> np.ndarray:
        """Standard errors of the parameters (delta method)."""
        return self.values * np.sqrt(np.diag(self.covariance))

    @property
    def intervals(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends of the 95 % intervals, symmetric in the logarithm and so never negative (Wald)."""
        half = Z * np.sqrt(np.diag(self.covariance))
        return self.values * np.exp(-half), self.values * np.exp(half)


def maximise(objective: Objective, rough: Objective, starts: Sequence[Sequence[float]], customers: float):
    """Log parameters of highest likelihood, their covariance, value and gradient there.

    *rough*, the objective on a part of the rows, is minimised from every start; the best point is then refined on all rows
    (L-BFGS-B, then Newton steps with the Hessian that the intervals need anyway). One thread: sums over threads depend on their
    number, and over four parameters threads only wait for each other.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return _maximise(objective, rough, starts, customers)


def _maximise(objective: Objective, rough: Objective, starts: Sequence[Sequence[float]], customers: float):
    from scipy.optimize import minimize

    def search(function: Objective, start: np.ndarray, **options: float):
        limits = [(-BOUND, BOUND)] * len(start)
        return minimize(function, start, jac=True, method="L-BFGS-B", bounds=limits, options=options)

    tried = [search(rough, np.log(start), maxiter=40, ftol=1e-8, gtol=1e-5) for start in starts]
    theta = min(tried, key=lambda found: found.fun).x
    if objective is not rough:  # near the end already, so that few steps on all rows are left
        theta = _newton(objective, theta, _hessian(objective, theta))[0]
    theta = search(objective, theta, maxiter=300, ftol=1e-13, gtol=1e-7).x
    hessian = _hessian(objective, theta)
    theta, value, gradient = _newton(objective, theta, hessian)
    free = _free(theta)
    eigenvalues, vectors = np.linalg.eigh(hessian[np.ix_(free, free)])
    # Where the data says nothing about a direction it can lie anywhere between the bounds.
    inverse = 1 / np.maximum(customers * eigenvalues, 12 / (2 * BOUND) ** 2)
    covariance = np.full((len(theta), len(theta)), np.nan)
    covariance[np.ix_(free, free)] = (vectors * inverse) @ vectors.T
    return theta, covariance, value, float(np.abs(gradient[free]).max(initial=0.0))


def _free(theta: np.ndarray) -> np.ndarray:
    return np.flatnonzero(np.abs(theta) < BOUND - 1e-3)


def _newton(objective: Objective, theta: np.ndarray, hessian: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """The point after steps with one *hessian* for as long as they are small and improve, and value and gradient there."""
    free = _free(theta)
    hessian = hessian[np.ix_(free, free)]
    value, gradient = objective(theta)
    if not len(free) or np.linalg.eigvalsh(hessian).min() < 1e-10:
        return theta, value, gradient
    for _step in range(8):
        step = np.zeros_like(theta)
        step[free] = np.linalg.solve(hessian, gradient[free])
        if np.abs(step).max() > 0.5 or np.abs(theta - step).max() > BOUND or np.abs(gradient[free]).max() < 1e-10:
            break
        further, slope = objective(theta - step)
        if further > value or np.abs(slope[free]).max() >= np.abs(gradient[free]).max():
            break
        theta, value, gradient = theta - step, further, slope
    return theta, value, gradient


def estimate(found, *, model, names: Sequence[str], scales: Sequence[float], customers: float, constant: float) -> Estimate:
    """The result of `maximise` as an `Estimate`: parameters times *scales*, *constant* added to the log-likelihood."""
    theta, covariance, value, gradient = found
    values = np.exp(theta) * np.asarray(scales)
    spread = np.sqrt(np.diag(covariance))
    return Estimate(
        model=model(*(float(v) for v in values)),
        names=tuple(names),
        values=values,
        covariance=covariance,
        log_likelihood=float(constant - value * customers),
        customers=customers,
        unidentified=tuple(n for n, s in zip(names, spread, strict=True) if not s <= RIDGE),
        gradient=gradient,
    )


def _hessian(objective: Objective, theta: np.ndarray) -> np.ndarray:
    gradient = objective(theta)[1]
    made = np.array([(objective(theta + step)[1] - gradient) / STEP for step in np.eye(len(theta)) * STEP])
    return (made + made.T) / 2
