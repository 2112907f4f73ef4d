"""The choice of k among 2 to 10 for a million customers, against the plain loop over scikit-learn, in one run.

Ours fits on a sample of 50,000 customers, computes the silhouettes of all k from one pass over the distances of 10,000 customers
and fits everybody once, from the centres of the sample. The plain loop fits everybody with ten starts for every k and
computes each silhouette on 10,000 customers. Both on all threads.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score

from fivestep.segmentation.k_selection import everybody, fits, silhouettes
from fivestep.segmentation.kmeans import FIT_SAMPLE

SIZES = range(2, 11)
SAMPLE, STARTS = 10_000, 3


def customers(n: int, features: int = 6, seed: int = 0) -> np.ndarray:
    """*n* customers around five centres of unequal weight, two of which overlap."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 3, (5, features))
    return centres[rng.choice(5, n, p=[0.35, 0.25, 0.2, 0.12, 0.08])] + rng.normal(0, 0.8, (n, features))


def ours(points: np.ndarray) -> tuple[dict[int, float], KMeans]:
    """Silhouettes by k, and the fit on everybody at the best k."""
    sample = points[np.random.default_rng(1).choice(len(points), min(FIT_SAMPLE, len(points)), replace=False)]
    models = fits(sample, SIZES, starts=STARTS)
    measured = dict(zip(models, silhouettes(sample[:SAMPLE], [m.labels_[:SAMPLE] for m in models.values()]), strict=True))
    return measured, everybody(points, models[max(measured, key=measured.__getitem__)])


def plain(points: np.ndarray) -> tuple[dict[int, float], dict[int, KMeans]]:
    """The same by a loop over scikit-learn."""
    models = {k: KMeans(k, n_init=10, random_state=0).fit(points) for k in SIZES}
    scores = {k: silhouette_score(points, m.labels_, sample_size=SAMPLE, random_state=0) for k, m in models.items()}
    return scores, models


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    points = customers(parser.parse_args().customers)
    fits(points[:2000], [2], starts=1)
    silhouettes(points[:100], [np.arange(100) % 2])
    began, cpu_began = time.perf_counter(), time.process_time()
    _measured, fitted = ours(points)
    middle, cpu_middle = time.perf_counter(), time.process_time()
    theirs, models = plain(points)
    end, cpu_end = time.perf_counter(), time.process_time()
    cpu, cpu_plain = cpu_middle - cpu_began, cpu_end - cpu_middle  # CPU time: what a busy machine leaves alone
    k, best = fitted.n_clusters, max(theirs, key=theirs.__getitem__)
    print(f"customers {len(points):,}, k 2 to 10, silhouettes on {SAMPLE:,} customers, sample {FIT_SAMPLE:,}")
    print(f"ours  {middle - began:7.1f} s ({cpu:.1f} s CPU)   k {k}   inertia {fitted.inertia_:,.0f}")
    print(f"plain {end - middle:7.1f} s ({cpu_plain:.1f} s CPU)   k {best}   inertia at k {k}: {models[k].inertia_:,.0f}")
    same = adjusted_rand_score(models[k].labels_[:200_000], fitted.labels_[:200_000])
    wall, apart = (end - middle) / (middle - began), fitted.inertia_ / models[k].inertia_ - 1
    print(f"ratio {wall:.1f} ({cpu_plain / cpu:.1f} CPU)   inertia {apart:+.4%}   agreement (adjusted Rand) {same:.4f}")


if __name__ == "__main__":
    main()
