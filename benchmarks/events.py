"""Visits, the funnel, ways through the pages and searches on many events: seconds, CPU and peak memory of each.

`make bench-events` writes web-shop events into a Parquet file with DuckDB (the same events every time: nothing is drawn, numbers
are hashed) and asks each method once, in a process of its own, with DuckDB held to the memory given.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

METHODS = ("visits", "funnel", "paths", "searches")
DRAWN = 10_000_000
LONGEST = 19  # events of a visit, 1 to so many: 10 in the mean
EVENTS = """
COPY (
  SELECT 'E' || v || '-' || k AS event_id,
         CASE WHEN hash(v, 1) % 10 > 0 THEN 'C' || hash(v, 2) % greatest({visits} // 8, 1) END AS customer_id,
         'V' || v AS session_id,
         TIMESTAMP '2024-01-01' + to_seconds((hash(v, 3) % 31536000 + k * (5 + hash(v, k) % 90))::BIGINT) AS occurred_at,
         CASE WHEN k % 7 = 3 AND hash(v, 4) % 4 = 0 THEN 'search' WHEN step = 2 THEN 'add_to_cart' WHEN step = 3 THEN 'checkout'
              WHEN step = 4 THEN 'purchase' ELSE 'page_view' END AS event_type,
         ['home', 'product', 'cart', 'checkout', 'thank_you', 'help', 'category', 'offers'][(1 + step)::BIGINT] AS page,
         CASE WHEN k % 7 = 3 AND hash(v, 4) % 4 = 0 THEN 'term ' || hash(v, k, 5) % 500 END AS search_term,
         (CASE WHEN k % 7 = 3 AND hash(v, 4) % 4 = 0 THEN hash(v, k, 6) % 12 END)::INTEGER AS search_results,
         CASE WHEN hash(v, 7) % 10 < 7 THEN 'mobile' ELSE 'desktop' END AS device,
         CASE WHEN step = 1 THEN 'P' || hash(v, k, 8) % 4000 END AS product_id
  FROM (SELECT v, k, CASE WHEN k > hash(v, 9) % 12 THEN 5 + hash(v, k) % 3 ELSE least(k // 2, 4) END AS step
        FROM (SELECT v, unnest(range(1 + (hash(v) % {longest})::BIGINT)) AS k FROM range({visits}) AS t(v)))
) TO '{path}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 1000000)
"""
AGAIN = """
COPY (SELECT event_id || '.' || r AS event_id, customer_id || '.' || r AS customer_id, session_id || '.' || r AS session_id,
             occurred_at + to_seconds(r) AS occurred_at, * EXCLUDE (event_id, customer_id, session_id, occurred_at)
      FROM range({times}) AS t(r), read_parquet('{part}'))
TO '{path}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 1000000)
"""
ORDERS = """
COPY (SELECT 'O' || o AS order_id, 'C' || o AS customer_id, TIMESTAMP '2024-01-01' + to_days((o % 366)::INTEGER) AS order_date,
             1.00::DECIMAL(18, 2) AS order_amount FROM range(1000) AS t(o))
TO '{path}' (FORMAT parquet)
"""


def written(events: int, folder: Path, memory: str) -> Path:
    """A snapshot with about so many events of a year, and orders on each of its days."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{memory}'")
        times = max(events // DRAWN, 1)  # the same visits again, by other customers
        part, path = folder / "part", folder / "events.parquet"
        connection.execute(EVENTS.format(visits=2 * events // times // (LONGEST + 1), longest=LONGEST, path=part))
        connection.execute(AGAIN.format(times=times, part=part, path=path))
        part.unlink()
        connection.execute(ORDERS.format(path=folder / "orders.parquet"))
    return folder


def asked(folder: Path, method: str, memory: str) -> None:
    """One method on the snapshot, in this process; prints what it took."""
    from fivestep import engine, needs

    connection = engine.connect()
    connection.raw_sql(f"SET memory_limit = '{memory}'")
    connection.raw_sql(f"SET temp_directory = '{folder / 'spilled'}'")
    tables = engine.Tables.of(engine.read(folder, connection))
    start, cpu = time.perf_counter(), time.process_time()
    found = getattr(needs, method)(tables)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    # Not ru_maxrss, which a process inherits from the one that started it.
    peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text()).group(1)) / 1024
    print(f"  {method:10s}{seconds:8.1f} s {cpu:8.1f} s CPU, peak {peak:6.0f} MiB: {found.headline()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, nargs="+", default=[10_000_000, 100_000_000])
    parser.add_argument("--memory", default="6GB", help="what DuckDB may use before it writes to disk")
    parser.add_argument("--folder", type=Path, help="only: one method on the snapshot in this folder")
    parser.add_argument("--method", choices=METHODS, default="visits")
    parser.add_argument("--scratch", type=Path, help="where the events are written (100 million: some 3 GB, and as much to sort)")
    given = parser.parse_args()
    if given.folder:
        asked(given.folder, given.method, given.memory)
        return
    for events in given.events:
        with tempfile.TemporaryDirectory(dir=given.scratch) as name:
            folder = written(events, Path(name), given.memory)
            size = (folder / "events.parquet").stat().st_size / 2**20
            print(f"about {events:,} events, {size:.0f} MiB, DuckDB held to {given.memory}", flush=True)
            for method in METHODS:
                call = [sys.executable, __file__, "--folder", folder, "--method", method, "--memory", given.memory]
                subprocess.run(call, check=True)


if __name__ == "__main__":
    sys.exit(main())
