"""Time and memory of `fivestep simulate`: python benchmarks/simulate.py [CUSTOMERS]."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq

from fivestep.cases import simulate


def main() -> None:
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        written = simulate(Path(folder) / "company", customers=customers)
        seconds = time.perf_counter() - began
        lines = pq.ParquetFile(written / "order_lines.parquet").metadata.num_rows
        size = sum(p.stat().st_size for p in written.rglob("*") if p.is_file())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "linux" else 1024**3)
    print(f"{customers:,} customers, {lines:,} lines: {seconds:.0f} s, peak {peak:.2f} GB, files {size / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
