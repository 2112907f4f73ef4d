"""Rules of two products against mlxtend on the same baskets, in one run: time, memory, whether rules and numbers are the same.

`make bench-pairs` sets up mlxtend in an environment of its own and calls this with the path of that environment's Python.
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
import pandas as pd

PRODUCTS, PER_ORDER, SUPPORT = 4000, 5, 0.0002
MLXTEND = """
import json, resource, sys, time, warnings
import numpy as np, pandas as pd
warnings.simplefilter("ignore")
from scipy import sparse
from mlxtend.frequent_patterns import association_rules, fpgrowth
lines = pd.read_parquet(sys.argv[1], columns=["order_id", "product_id"])
start, cpu = time.perf_counter(), time.process_time()
orders, products = pd.factorize(lines["order_id"])[0], pd.Categorical(lines["product_id"])
shape = (orders.max() + 1, len(products.categories))
matrix = sparse.csr_matrix((np.ones(len(lines), bool), (orders, products.codes)), shape=shape, dtype=bool)
frame = pd.DataFrame.sparse.from_spmatrix(matrix, columns=products.categories)
sets = fpgrowth(frame, min_support=float(sys.argv[2]), use_colnames=True, max_len=2)
rules = association_rules(sets, metric="lift", min_threshold=0)
seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
said = [(min(a), min(c), s, l) for a, c, s, l in zip(rules.antecedents, rules.consequents, rules.support, rules.lift)]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": seconds, "cpu": cpu, "peak_mib": peak, "rules": sorted(said)}))
"""


def baskets(lines: int, folder: Path, seed: int = 1) -> Path:
    """A snapshot with so many order lines of 4,000 products, popular as Zipf has it; one order in 20 holds a planted pair."""
    rng = np.random.default_rng(seed)
    orders = lines // PER_ORDER
    weight = 1 / np.arange(10, PRODUCTS + 10)
    order = np.repeat(np.arange(orders, dtype=np.int32), PER_ORDER)
    product = np.searchsorted(np.cumsum(weight) / weight.sum(), rng.random(len(order))).astype(np.int16)
    planted = np.flatnonzero(rng.random(orders) < 0.05)
    product[planted * PER_ORDER] = 200 + planted % 100
    product[planted * PER_ORDER + 1] = 300 + planted % 100
    names = np.array([f"P{i:04d}" for i in range(PRODUCTS)])
    table = pd.DataFrame({"order": order, "product": product}).drop_duplicates()
    out = pd.DataFrame(
        {
            "order_id": table["order"].to_numpy(),
            "line_id": np.arange(len(table)).astype(str),
            "customer_id": table["order"].to_numpy() % (orders // 10),
            "order_date": np.datetime64("2024-01-01", "us"),
            "product_id": pd.Categorical.from_codes(table["product"], names),
            "line_amount": 1.0,
        }
    )
    import ibis

    loose = ibis.memtable(out.astype({"product_id": str}))
    typed = loose.mutate(
        order_id=loose.order_id.cast("string"), customer_id=loose.customer_id.cast("string"),
        line_amount=loose.line_amount.cast("decimal(18, 2)"),
    )  # fmt: skip
    typed.to_parquet(folder / "order_lines.parquet")
    pd.DataFrame({"product_id": names}).to_parquet(folder / "products.parquet")
    return folder


def ours(folder: Path, support: float) -> dict:
    """Time, CPU time and peak memory of the rules of two, in this process."""
    from fivestep import engine
    from fivestep.needs.rules import rules

    tables = engine.Tables.of(engine.read(folder, engine.connect()))
    start, cpu = time.perf_counter(), time.process_time()
    found = rules(tables, level="product_id", largest=2, support=support)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    t = found.table
    said = sorted(zip(t["item_a"], t["consequent"], t["support"], t["lift"], strict=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "cpu": cpu, "peak_mib": peak, "orders": found.base, "rules": said}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, nargs="+", default=[1_000_000, 10_000_000], help="order lines of each comparison")
    parser.add_argument("--mlxtend", type=Path, help="Python of an environment with mlxtend")
    parser.add_argument("--folder", type=Path, help="only: the rules of this folder, as JSON")
    given = parser.parse_args()
    if given.folder:
        print(json.dumps(ours(given.folder, SUPPORT)))
        return
    for lines in given.lines:
        with tempfile.TemporaryDirectory() as name:
            folder = baskets(lines, Path(name))
            done = subprocess.run([sys.executable, __file__, "--folder", folder], check=True, capture_output=True, text=True)
            kit = json.loads(done.stdout)
            size = f"{lines:,} lines, {kit['orders']:,} orders, {PRODUCTS:,} products"
            print(f"{size}, support {SUPPORT}: {len(kit['rules']):,} rules")
            print(f"fivestep {kit['seconds']:8.2f} s ({kit['cpu']:.2f} s CPU), peak {kit['peak_mib']:.0f} MiB", flush=True)
            if given.mlxtend:
                call = [given.mlxtend, "-c", MLXTEND, folder / "order_lines.parquet", str(SUPPORT)]
                other = json.loads(subprocess.run(call, check=True, capture_output=True, text=True).stdout)
                same = len(kit["rules"]) == len(other["rules"]) and all(
                    (a, b) == (c, d) and abs(s - t) < 1e-12 and abs(x - y) < 1e-9 * y
                    for (a, b, s, x), (c, d, t, y) in zip(kit["rules"], other["rules"], strict=True)
                )
                ratio, cpu = other["seconds"] / kit["seconds"], other["cpu"] / kit["cpu"]
                print(f"mlxtend  {other['seconds']:8.2f} s ({other['cpu']:.2f} s CPU), peak {other['peak_mib']:.0f} MiB")
                print(f"the same rules and numbers: {same}")
                print(f"ratio    {ratio:8.1f}   ({cpu:.1f} CPU)", flush=True)


if __name__ == "__main__":
    sys.exit(main())
