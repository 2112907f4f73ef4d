"""Speed and memory of the import: `make bench-intake`.

Writes ten million order lines as CSV once (build/bench), then measures, each in a process of its own, what DuckDB alone takes to
copy the file to Parquet, what reading it into a sheet takes, and what `fivestep import` takes: types, pseudonyms, every check, a
sorted snapshot. Prints seconds by the clock and of the processors, their ratio to the copy and the peak of memory; stops
where rows or sums of money differ.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
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


MAPPING = """\
sources:
- files: ["*.csv"]
  table: order_lines
  columns:
    Order ID: orders.order_id
    Line: order_lines.line_id
    Customer ID: customers.customer_id
    Order Date: orders.order_date
    Product ID: products.product_id
    Product Name: products.product_name
    Quantity: order_lines.quantity
    Amount: order_lines.line_amount
"""


def copied(path: Path) -> tuple[int, str]:
    """Rows and sum of money that DuckDB alone copies to Parquet: the measure of what is possible."""
    out = path.with_suffix(".parquet")
    duckdb.execute(f"COPY (SELECT * FROM read_csv('{path}')) TO '{out}'")
    rows, money = duckdb.execute(f"SELECT count(*), sum(Amount::DECIMAL(18, 2)) FROM '{out}'").fetchone()
    out.unlink()
    return rows, str(money)


def read(path: Path) -> tuple[int, str]:
    """Rows of the sheet and the sum of its amounts."""
    import ibis

    from fivestep.intake.files import sheets

    (sheet,) = sheets(path, ibis.duckdb.connect(), root=path.parent)
    money = sheet.rows.Amount.cast("decimal(18, 2)").sum().to_pyarrow().as_py()
    return int(sheet.rows.count().to_pandas()), str(money)


def imported(path: Path) -> tuple[int, str]:
    """Rows and sum of money in the snapshot of a project that holds this file only."""
    from fivestep.engagement import Settings
    from fivestep.intake import importing

    os.environ["FIVESTEP_KEY"] = "0f" * 32
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        project = Path(folder)
        (project / "mapping.yml").write_text(MAPPING, "utf-8")
        (project / "data" / "raw").mkdir(parents=True)
        (project / "data" / "raw" / path.name).hardlink_to(path)
        done = importing.import_(project, Settings(name="B", client="B", currency="GBP", time_zone="Europe/London"))
        return duckdb.execute(f"SELECT count(*), sum(line_amount)::VARCHAR FROM '{done.folder}/order_lines.parquet'").fetchone()


TASKS = {"copied": copied, "read": read, "imported": imported}


def measured(task: str, path: Path) -> dict:
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
        started, used = time.perf_counter(), time.process_time()
        rows, money = TASKS[said.task](said.path)
        took = {"seconds": time.perf_counter() - started, "processor": time.process_time() - used}
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({**took, "rows": rows, "money": money, "megabytes": peak}))
        return
    path = written(said.rows)
    print(f"{path.name}: {path.stat().st_size / 2**20:,.0f} MB")
    base = measured("copied", path)
    for task in TASKS:
        found = base if task == "copied" else measured(task, path)
        print(
            f"{task:10} {found['rows']:12,} rows  {found['money']}  {found['seconds']:6.1f} s "
            f"({found['seconds'] / base['seconds']:4.1f} x)  processors {found['processor']:6.1f} s "
            f"({found['processor'] / base['processor']:4.1f} x)  {found['megabytes']:6,.0f} MB",
            flush=True,
        )
        if (found["rows"], found["money"]) != (base["rows"], base["money"]):
            raise SystemExit(f"{task}: rows or money differ from the copy")


if __name__ == "__main__":
    main()
