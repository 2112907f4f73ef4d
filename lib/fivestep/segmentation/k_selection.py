"""k-means for several numbers of clusters on many customers: fits on a sample, silhouettes in one pass, one fit on everybody."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sklearn.cluster import KMeans

SEED = 20
BLOCK = 1024  # customers whose distances to all others are held at a time


def fits(points: np.ndarray, sizes: Iterable[int], *, starts: int) -> dict[int, KMeans]:
    """k-means of *points* for each number of clusters, the best of *starts* starts."""
    from sklearn.cluster import KMeans

    return {k: KMeans(k, n_init=starts, random_state=SEED).fit(points) for k in sizes}


def silhouettes(points: np.ndarray, labelings: list[np.ndarray]) -> list[float]:
    """The mean silhouette of each labeling of the same points (Rousseeuw 1987), from one pass over their distances.

    Each labeling counts from 0 without gaps. A point alone in its cluster has silhouette 0.
    """
    points = np.ascontiguousarray(points - points.mean(axis=0))
    n, squares = len(points), (points**2).sum(axis=1)
    counts = [np.bincount(labels) for labels in labelings]
    starts = np.concatenate([[0], np.cumsum([len(c) for c in counts])])
    member = np.zeros((n, starts[-1]), dtype=np.float32)
    for first, labels in zip(starts, labelings, strict=False):
        member[np.arange(n), first + labels] = 1
    totals = np.zeros(len(labelings))
    narrow, narrow_squares = points.astype(np.float32), squares.astype(np.float32)
    for low in range(0, n, BLOCK):
        high = min(low + BLOCK, n)
        rows = np.arange(high - low)
        far = narrow[low:high] @ narrow.T
        far *= -2
        far += narrow_squares[low:high, None]
        far += narrow_squares
        np.sqrt(np.maximum(far, 0, out=far), out=far)
        far[rows, np.arange(low, high)] = 0
        sums = far @ member
        for i, (labels, count) in enumerate(zip(labelings, counts, strict=True)):
            mine = labels[low:high]
            to = sums[:, starts[i] : starts[i + 1]].astype(np.float64)
            others = count[mine] - 1
            inside = to[rows, mine] / np.maximum(others, 1)
            mean = to / count
            mean[rows, mine] = np.inf
            nearest = mean.min(axis=1)
            widest = np.maximum(np.maximum(inside, nearest), 1e-12)
            totals[i] += np.where(others > 0, (nearest - inside) / widest, 0.0).sum()
    return [float(total) / n for total in totals]


def everybody(points: np.ndarray, fitted: KMeans) -> KMeans:
    """k-means of all *points* from the centres that were *fitted* on a sample of them."""
    from sklearn.cluster import KMeans

    return KMeans(fitted.n_clusters, init=fitted.cluster_centers_, n_init=1, random_state=SEED).fit(points)
