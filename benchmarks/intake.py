"""Speed and memory of the import: `make bench-intake`.

Writes ten million order lines as CSV once (build/bench), then measures, each in a process of its own, what DuckDB alone takes to
copy the file to Parquet and what reading it into a sheet takes. Prints seconds, the ratio and the peak of memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import duckdb

KIT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(KIT / "lib"))

LINES = """
    SELECT 'O' || (i // 3) AS "Order ID", (i % 3 + 1) AS "Line", 'C' || (hash(i // 3) % 300000) AS "Customer ID",
        strftime(TIMESTAMP '2021-01-01' + INTERVAL (i // 3 * 9) SECOND, '%Y-%m-%d %H:%M:%S') AS "Order Date",
        'P' || (hash(i * 7) % 20000) AS "Product ID", 'Product "No" ' || (hash(i * 7) % 20000) AS "Product Name",
        hash(i) % 9 + 1 AS "Quantity", ((hash(i * 3) % 100000) / 100.0)::DECIMAL(10, 2) AS "Amount"
    FROM range({rows}) t(i)
"""


def written(rows: int) -> Path:
    """The CSV of *rows* order lines."""
    path = KIT / "build" / "bench" / f"order_lines_{rows}.csv"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        duckdb.sql(f"COPY ({LINES.format(rows=rows)}) TO '{path}' (HEADER)")
    return path


def copied(path: Path) -> int:
    """Rows that DuckDB alone copies to Parquet: the measure of what is possible."""
    out = path.with_suffix(".parquet")
    rows = duckdb.execute(f"COPY (SELECT * FROM read_csv('{path}')) TO '{out}'").fetchone()[0]
    out.unlink()
    return rows


def read(path: Path) -> int:
    """Rows of the sheet."""
    import ibis

    from fivestep.intake.files import sheets

    (sheet,) = sheets(path, ibis.duckdb.connect(), root=path.parent)
    return int(sheet.rows.count().to_pandas())


TASKS = {"copied": copied, "read": read}


def measured(task: str, path: Path) -> dict[str, float]:
    """Seconds, rows and peak megabytes of a task in a process of its own."""
    done = subprocess.run([sys.executable, __file__, "--task", task, "--path", str(path)], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def main() -> None:
    """Measure every task, or run the one that is asked for."""
    said = argparse.ArgumentParser(description=__doc__)
    said.add_argument("--rows", type=int, default=10_000_000)
    said.add_argument("--task", choices=TASKS)
    said.add_argument("--path", type=Path)
    said = said.parse_args()
    if said.task:
        started = time.perf_counter()
        rows = TASKS[said.task](said.path)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": time.perf_counter() - started, "rows": rows, "megabytes": peak}))
        return
    path = written(said.rows)
    print(f"{path.name}: {path.stat().st_size / 2**20:,.0f} MB")
    base = measured("copied", path)
    for task in TASKS:
        found = base if task == "copied" else measured(task, path)
        print(
            f"{task:10} {found['rows']:12,} rows  {found['seconds']:6.1f} s  {found['seconds'] / base['seconds']:4.1f} x"
            f"  {found['megabytes']:6,.0f} MB"
        )


if __name__ == "__main__":
    main()
