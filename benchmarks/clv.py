"""BG/NBD against lifetimes on the same customers, in one run: time to fit, and the likelihood that each reached.

`make bench-clv` sets up lifetimes in an environment of its own and calls this with the path of that environment's Python.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

PLANTED = (0.6, 30.0, 0.8, 2.5)  # r, alpha (days), a, b
LIFETIMES = """
import json, sys, time, warnings
import numpy as np
warnings.simplefilter("ignore")
from lifetimes import BetaGeoFitter
rows = np.load(sys.argv[1])
x, t_x, T = (rows[k].astype(float) for k in ("x", "t_x", "T"))
BetaGeoFitter().fit(x[:2000], t_x[:2000], T[:2000])
start, cpu = time.perf_counter(), time.process_time()
fitted = BetaGeoFitter().fit(x, t_x, T)
seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
print(json.dumps({"seconds": seconds, "cpu": cpu, "values": [float(fitted.params_[k]) for k in ("r", "alpha", "a", "b")]}))
"""


def customers(n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Customers of planted parameters: repeat purchases, last purchase and age in whole days."""
    rng = np.random.default_rng(seed)
    r, alpha, a, b = PLANTED
    age = rng.integers(180, 720, n).astype(np.int32)
    rate, stops = rng.gamma(r, 1 / alpha, n), rng.beta(a, b, n)
    x, last, at = np.zeros(n, np.int32), np.zeros(n, np.int32), np.zeros(n)
    going = np.arange(n)
    while len(going):
        at[going] += rng.exponential(1, len(going)) / rate[going]
        going = going[at[going] <= age[going]]
        x[going] += 1
        last[going] = np.ceil(at[going])
        going = going[rng.random(len(going)) >= stops[going]]
    return x, np.minimum(last, age), age


def ours(x: np.ndarray, t_x: np.ndarray, age: np.ndarray) -> dict:
    """Compress and fit; time in days."""
    from fivestep.segmentation.clv import BgNbd, distinct

    BgNbd.fit(distinct(x[:2000], t_x[:2000], age[:2000], unit_days=1))
    start, cpu = time.perf_counter(), time.process_time()
    counts = distinct(x, t_x, age, unit_days=1)
    found = BgNbd.fit(counts)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return {
        "seconds": seconds,
        "cpu": cpu,
        "values": found.values.tolist(),
        "rows": len(counts.x),
        "log_likelihood": found.log_likelihood,
    }


def memory(n: int) -> dict:
    """Peak memory of compressing, fitting and scoring *n* customers, in a process of its own; in MiB."""
    from fivestep.segmentation.clv import BgNbd, distinct

    x, t_x, age = customers(n)
    given = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    start = time.perf_counter()
    counts = distinct(x, t_x, age, unit_days=1)
    found = BgNbd.fit(counts)
    fitted = time.perf_counter() - start
    bought = found.model.expected_purchases(365, counts.x, counts.t_x, counts.T) @ counts.n
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"customers": n, "rows": len(counts.x), "seconds": fitted, "expected_purchases": bought, "data": given, "peak": peak}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lifetimes", type=Path, help="Python of an environment with lifetimes")
    parser.add_argument("--memory", type=int, help="only: peak memory with so many customers")
    given = parser.parse_args()
    if given.memory:
        print(json.dumps(memory(given.memory)))
        return
    rows = customers(given.customers)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "customers.npz"
        np.savez(path, **dict(zip(("x", "t_x", "T"), rows, strict=True)))
        kit, theirs = [], []
        for _round in range(given.rounds):
            kit.append(ours(*rows))
            if given.lifetimes:
                done = subprocess.run([given.lifetimes, "-c", LIFETIMES, path], check=True, capture_output=True, text=True)
                theirs.append(json.loads(done.stdout.splitlines()[-1]))
    best, cpu = (min(k[what] for k in kit) for what in ("seconds", "cpu"))  # CPU time: what a busy machine leaves alone
    best, cpu = (min(k[what] for k in kit) for what in ("seconds", "cpu"))  # CPU time: what a busy machine leaves alone
    reached = kit[0]["log_likelihood"]
    print(f"{given.customers:,} customers, {kit[0]['rows']:,} distinct rows")
    print(f"fivestep   {best:8.2f} s ({cpu:.2f} s CPU)   log-likelihood {reached:.4f}")
    if theirs:
        from fivestep.segmentation.clv import BgNbd

        model = BgNbd(*theirs[0]["values"])
        parts = (slice(k, k + 1_000_000) for k in range(0, given.customers, 1_000_000))
        likelihood = sum(model.log_likelihood(*(v[part] for v in rows)).sum() for part in parts)
        other, other_cpu = (min(t[what] for t in theirs) for what in ("seconds", "cpu"))
        print(f"lifetimes  {other:8.2f} s ({other_cpu:.2f} s CPU)   log-likelihood {likelihood:.4f}")
        print(
            f"ratio      {other / best:8.1f}   ({other_cpu / cpu:.1f} CPU)   log-likelihood better by {reached - likelihood:.4f}"
        )


if __name__ == "__main__":
    sys.exit(main())
