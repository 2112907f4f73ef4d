"""A calibrated chance of falling silent: two models learn from an earlier period, are judged on a later one, and one is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fivestep.intervals import Z
from fivestep.language import N_

LOGISTIC, BOOSTING = N_("Logistic regression"), N_("Gradient boosting")
SEED = 5
LEAST = 0.001  # a chance is never told as impossible or certain
SHUFFLES = 10


@dataclass(frozen=True)
class ChurnModel:
    """A fitted model and the correction that makes its chances those of a later period (Platt 1999).

    ``name``: the method; ``slope`` and ``shift`` of the correction on the log-odds; ``losses``: log loss of both methods on the
    later period, and ``better_low``, ``better_high``: 95 % interval of how much lower that of boosting is.
    """

    name: str
    estimator: Any
    slope: float
    shift: float
    losses: dict[str, float]
    better_low: float
    better_high: float

    def risk(self, features: pd.DataFrame) -> np.ndarray:
        """The chance of each row, between `LEAST` and 1 - `LEAST`."""
        return _corrected(_odds(self.estimator, features), self.slope, self.shift)


def churn_model(features: pd.DataFrame, left: np.ndarray, later: pd.DataFrame, later_left: np.ndarray) -> ChurnModel:
    """Fit both methods on *features* and *left*, correct both on the *later* customers, and keep one.

    Boosting is kept only where its log loss on the later customers is clearly lower (95 % interval of the mean paired
    difference), else logistic regression on standardised features, which can be explained. Source: Platt (1999),
    Probabilistic outputs for support vector machines; Niculescu-Mizil, Caruana (2005), Predicting good probabilities with
    supervised learning.
    """
    from threadpoolctl import threadpool_limits

    fitted = {}
    for name, estimator in _methods().items():
        with threadpool_limits(1):  # trees of a small table are slower on several threads, which wait for each other
            estimator.fit(features.to_numpy(), left)
        odds = _odds(estimator, later)
        slope, shift = _platt(odds, later_left)
        chance = _corrected(odds, slope, shift)
        loss = -np.where(later_left, np.log(chance), np.log(1 - chance))
        fitted[name] = (estimator, slope, shift, loss)
    gain = fitted[LOGISTIC][3] - fitted[BOOSTING][3]
    half = Z * gain.std(ddof=1) / np.sqrt(len(gain))
    low, high = float(gain.mean() - half), float(gain.mean() + half)
    name = BOOSTING if low > 0 else LOGISTIC
    losses = {method: float(parts[3].mean()) for method, parts in fitted.items()}
    return ChurnModel(name, *fitted[name][:3], losses, low, high)


def _methods() -> dict[str, Any]:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return {
        LOGISTIC: make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=1000)),
        BOOSTING: HistGradientBoostingClassifier(
            max_iter=100, learning_rate=0.06, max_leaf_nodes=8, min_samples_leaf=20, l2_regularization=1.0, random_state=SEED,
            early_stopping=False,
        ),
    }  # fmt: skip


def _odds(estimator: Any, features: pd.DataFrame) -> np.ndarray:
    chance = np.clip(estimator.predict_proba(features.to_numpy())[:, 1], LEAST, 1 - LEAST)
    return np.log(chance / (1 - chance))


def _corrected(odds: np.ndarray, slope: float, shift: float) -> np.ndarray:
    return np.clip(1 / (1 + np.exp(-(shift + slope * odds))), LEAST, 1 - LEAST)


def _platt(odds: np.ndarray, left: np.ndarray) -> tuple[float, float]:
    """Slope and shift that bring the log-odds nearest to what happened, by maximum likelihood; a slope is never below zero."""
    from scipy.optimize import minimize

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        z = at[0] + at[1] * odds
        miss = 1 / (1 + np.exp(-z)) - left
        # A weak prior on the slope keeps it finite where the two groups do not overlap.
        value = np.logaddexp(0, z).sum() - z[left].sum() + (at[1] - 1) ** 2 / 2
        return value, np.array([miss.sum(), (miss * odds).sum() + at[1] - 1])

    found = minimize(loss, np.array([0.0, 1.0]), jac=True, method="L-BFGS-B", bounds=[(None, None), (0.0, None)])
    return float(found.x[1]), float(found.x[0])


def auc(risk: np.ndarray, left: np.ndarray) -> tuple[float, float, float]:
    """Chance that somebody who left had the higher risk than somebody who stayed (ties half), with its 95 % interval.

    Source: Hanley, McNeil (1982), The meaning and use of the area under a receiver operating characteristic curve.
    """
    from scipy.stats import rankdata

    n, m = int(left.sum()), int((~left).sum())
    area = (rankdata(risk)[left].sum() - n * (n + 1) / 2) / (n * m)
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    error = np.sqrt((area * (1 - area) + (n - 1) * (q1 - area**2) + (m - 1) * (q2 - area**2)) / (n * m))
    return float(area), float(max(area - Z * error, 0.0)), float(min(area + Z * error, 1.0))


def importances(model: ChurnModel, features: pd.DataFrame, left: np.ndarray) -> pd.DataFrame:
    """One row per feature, most telling first: churn_driver, auc_lost (mean over `SHUFFLES`, when only its values are shuffled),
    auc_lost_low and auc_lost_high (95 % over the shuffles), driver_direction (rank correlation with the risk).

    Source: Breiman (2001), Random forests; Fisher, Rudin, Dominici (2019).
    """
    from scipy.stats import spearmanr
    from threadpoolctl import threadpool_limits

    risk = model.risk(features)
    whole = auc(risk, left)[0]
    rng = np.random.default_rng(SEED)
    orders = [rng.permutation(len(features)) for _i in range(SHUFFLES)]
    rows = []
    for name in features:
        lost = []
        with threadpool_limits(1):
            for order in orders:
                lost.append(whole - auc(model.risk(features.assign(**{name: features[name].to_numpy()[order]})), left)[0])
        half = Z * np.std(lost, ddof=1)
        varies = features[name].nunique() > 1 and len(np.unique(risk)) > 1
        direction = float(spearmanr(features[name], risk).statistic) if varies else 0.0
        rows.append((name, np.mean(lost), np.mean(lost) - half, np.mean(lost) + half, direction))
    table = pd.DataFrame(rows, columns=["churn_driver", "auc_lost", "auc_lost_low", "auc_lost_high", "driver_direction"])
    order = table["auc_lost"].round(9)
    return (
        table.assign(order=order)
        .sort_values(["order", "churn_driver"], ascending=[False, True], ignore_index=True)
        .drop(columns="order")
    )
