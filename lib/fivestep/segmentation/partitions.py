"""Three ways to divide customers into groups, and how far each comes back when the customers are drawn again."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from fivestep.language import N_

KMEANS, MIXTURE, PROTOTYPES = N_("k-means"), N_("Gaussian mixture"), N_("k-prototypes")
# Mean Jaccard similarity of a cluster with its counterpart in resamples (Hennig 2007): badge from this value on.
BADGES = ((0.85, N_("Very stable")), (0.75, N_("Stable")), (0.6, N_("Doubtful")), (-1.0, N_("Not stable")))
STARTS, ROUNDS, SEED, RESAMPLES = 5, 50, 20, 20
REGULAR = 1e-2  # added to variances of standardised features, so that no component shrinks to a few customers
MISMATCH = 0.5  # weight of one differing attribute: half the standard deviation of the numeric features (Huang 1998)

# Fits on the rows it is given and says the group of every customer.
Way = Callable[[np.ndarray, np.ndarray, int, np.ndarray], np.ndarray]


def kmeans_groups(points: np.ndarray, codes: np.ndarray, k: int, rows: np.ndarray) -> np.ndarray:
    """Groups by k-means fitted on *rows* of *points*; *codes* play no part."""
    from sklearn.cluster import KMeans

    return KMeans(k, n_init=STARTS, random_state=SEED).fit(points[rows]).predict(points)


def mixture_groups(points: np.ndarray, codes: np.ndarray, k: int, rows: np.ndarray) -> np.ndarray:
    """Groups by a mixture of Gaussians whose features are independent within a group; *codes* play no part."""
    return _mixture(k).fit(points[rows]).predict(points)


def _mixture(k: int):
    from sklearn.mixture import GaussianMixture

    return GaussianMixture(k, covariance_type="diag", n_init=3, reg_covar=REGULAR, random_state=SEED)


def mixture_size(points: np.ndarray, sizes: range) -> int:
    """The number of components with the lowest BIC (Schwarz 1978)."""
    with _single_thread():
        return min(sizes, key=lambda k: (round(_mixture(k).fit(points).bic(points), 3), k))


def prototype_groups(points: np.ndarray, codes: np.ndarray, k: int, rows: np.ndarray) -> np.ndarray:
    """Groups by k-prototypes (Huang 1998): means of *points*, modes of the attributes *codes* (whole numbers from 0)."""
    x, c = points[rows], codes[rows]
    best: tuple[float, np.ndarray, np.ndarray] | None = None
    for start in range(STARTS):
        means, modes = _seeds(x, c, k, np.random.default_rng(SEED + start))
        old = None
        for _round in range(ROUNDS):
            far = _distances(x, c, means, modes)
            labels = far.argmin(axis=1)
            if old is not None and np.array_equal(labels, old):
                break
            old = labels
            for group in range(k):
                mine = labels == group
                if mine.any():
                    means[group] = x[mine].mean(axis=0)
                    modes[group] = [np.bincount(column).argmax() for column in c[mine].T]
        cost = round(float(far.min(axis=1).sum()), 6)
        if best is None or cost < best[0]:
            best = cost, means, modes
    return _distances(points, codes, best[1], best[2]).argmin(axis=1)


def _seeds(x: np.ndarray, c: np.ndarray, k: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Customers to start from, each drawn in proportion to its distance from those before (Arthur and Vassilvitskii 2007)."""
    chosen = [int(rng.integers(len(x)))]
    while len(chosen) < k:
        near = _distances(x, c, x[chosen], c[chosen]).min(axis=1)
        total = near.sum()
        chosen.append(int(rng.choice(len(x), p=near / total)) if total > 0 else int(rng.integers(len(x))))
    return x[chosen].copy(), c[chosen].copy()


def _distances(x: np.ndarray, c: np.ndarray, means: np.ndarray, modes: np.ndarray) -> np.ndarray:
    numeric = (x**2).sum(axis=1)[:, None] - 2 * x @ means.T + (means**2).sum(axis=1)
    differing = np.stack([(c != mode).sum(axis=1) for mode in modes], axis=1)
    return np.maximum(numeric, 0.0) + MISMATCH * differing


WAYS: dict[str, Way] = {KMEANS: kmeans_groups, MIXTURE: mixture_groups, PROTOTYPES: prototype_groups}


def groups(way: str, points: np.ndarray, codes: np.ndarray, k: int, *, rows: np.ndarray | None = None) -> np.ndarray:
    """The group of every customer, numbered from 0, fitted on *rows* or on all.

    One thread and fixed seeds: the same data gives the same groups.
    """
    with _single_thread():
        return WAYS[way](points, codes, k, np.arange(len(points)) if rows is None else rows)


def stability(way: str, points: np.ndarray, codes: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, float]:
    """Mean Jaccard similarity of each group with resamples (Hennig 2007), and mean adjusted Rand index."""
    from sklearn.metrics import adjusted_rand_score

    k = int(labels.max()) + 1
    similar, rand = np.zeros(k), 0.0
    with _single_thread():
        for i in range(RESAMPLES):
            rows = np.random.default_rng(SEED + i).integers(0, len(points), len(points))
            again = WAYS[way](points, codes, k, rows)
            seen = np.unique(rows)
            similar += jaccard(labels[seen], again[seen], k) / RESAMPLES
            rand += float(adjusted_rand_score(labels[seen], again[seen])) / RESAMPLES
    return similar.round(6), round(rand, 6)


def jaccard(labels: np.ndarray, others: np.ndarray, k: int) -> np.ndarray:
    """For each of *k* groups of *labels*: its Jaccard similarity with the most similar group of *others*."""
    both = np.bincount(labels * k + others, minlength=k * k).reshape(k, k)
    either = both.sum(axis=1, keepdims=True) + both.sum(axis=0) - both
    return (both / np.maximum(either, 1)).max(axis=1)


def badge(similarity: float) -> str:
    """What a similarity with resamples is called."""
    return next(name for limit, name in BADGES if similarity >= limit)


class _single_thread:  # noqa: N801  reads as a statement
    """One thread, as sums over threads depend on their number; a resample with few different customers is no warning."""

    def __enter__(self) -> None:
        from sklearn.exceptions import ConvergenceWarning
        from threadpoolctl import threadpool_limits

        self._limits, self._caught = threadpool_limits(1), warnings.catch_warnings()
        self._caught.__enter__()
        warnings.simplefilter("ignore", ConvergenceWarning)

    def __exit__(self, *exception: object) -> None:
        self._caught.__exit__(*exception)
        self._limits.restore_original_limits()
