"""A table of a PostgreSQL server, imported through its URL; the server is started here, where Debian's is installed."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import tempfile
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from fivestep.engagement import Settings
from fivestep.errors import UserError
from fivestep.intake import importing
from fivestep.intake.quality import SHEET

PROGRAMS = [*sorted(Path("/usr/lib/postgresql").glob("*/bin")), *([Path(p).parent] if (p := shutil.which("initdb")) else [])]
PASSWORD = "not to be shown anywhere"
ROWS = """
create table sales (order_no text primary key, member text, ordered timestamptz, paid numeric(12,2), tags text[], note text);
insert into sales select 'O' || i, case when i % 10 > 0 then 'M' || lpad((i % 7)::text, 3, '0') end,
    timestamptz '2024-03-05 10:00:00+08' + i * interval '1 hour', i * 1.10, array['a', 'b'], null from generate_series(1, 500) i;
"""


@pytest.fixture(scope="module")
def server():
    """The URL of a running server without its password; the server takes no connection but through a socket of its own."""
    psycopg = pytest.importorskip("psycopg", reason="psycopg, the driver of PostgreSQL, is not installed")
    if not PROGRAMS:
        pytest.skip("PostgreSQL is not installed")
    user = "postgres" if os.geteuid() == 0 else getpass.getuser()  # it refuses to run as root
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "password").write_text(PASSWORD)
        if os.geteuid() == 0:
            for path in (folder, folder / "password"):
                shutil.chown(path, user)

        def run(program: str, *words: str) -> None:
            more = {"user": user, "group": user, "extra_groups": []} if os.geteuid() == 0 else {}
            with (folder / f"{program}.log").open("a") as log:
                subprocess.run([PROGRAMS[-1] / program, *words], check=True, cwd="/", stdout=log, stderr=log, **more)

        secret = ["--auth=scram-sha-256", f"--pwfile={folder / 'password'}"]
        run("initdb", "-D", f"{folder}/data", "-U", "reader", "-E", "UTF8", "--locale=C", "--no-sync", *secret)
        run("pg_ctl", "-D", f"{folder}/data", "-w", "-o", f"-k {folder} -c listen_addresses='' -c fsync=off", "start")
        try:
            with psycopg.connect(host=name, user="reader", password=PASSWORD, dbname="postgres") as link:
                link.execute(ROWS)
            yield f"postgresql+psycopg://reader@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "stop")


def test_a_table_of_postgresql_is_imported_through_its_url(server, tmp_path, monkeypatch):
    monkeypatch.setenv("FIVESTEP_KEY", "a key of at least thirty-two bytes for tests")
    (tmp_path / "data" / "raw").mkdir(parents=True)
    (tmp_path / "mapping.yml").write_text(
        f"""\
sources:
- files: [shop]
  table: orders
  database: {{url: "{server}", table: public.sales, password: SHOP_PASSWORD}}
  columns:
    order_no: orders.order_id
    member: customers.customer_id
    ordered: orders.order_date
    paid: orders.order_amount
    tags: drop
    note: drop
""",
        "utf-8",
    )
    settings = Settings(name="T", client="T", currency="CNY", time_zone="Asia/Shanghai")
    monkeypatch.setenv("SHOP_PASSWORD", "wrong")
    with pytest.raises(UserError, match="the database did not answer") as refused:
        importing.import_(tmp_path, settings)
    assert "wrong" not in str(refused.value)
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    done = importing.import_(tmp_path, settings)
    orders = pd.read_parquet(done.folder / "orders.parquet").sort_values("order_date", ignore_index=True)
    assert len(orders) == 500
    assert orders["order_amount"].sum() == Decimal("1.10") * sum(range(1, 501))
    assert orders["order_id"].tolist() == [f"O{i}" for i in range(1, 501)]
    assert orders["order_date"].iloc[0] == pd.Timestamp("2024-03-05 11:00:00"), "the hour of the engagement's time zone"
    assert orders["customer_id"].isna().sum() == 50
    assert orders["customer_id"].nunique() == 7
    assert {x.rows for x in done.quality.of("rows_read")} == {500}
    kept = [(done.folder / SHEET), tmp_path / "mapping.yml", tmp_path / "data" / "contract" / "imports.json"]
    assert not [p for p in kept if PASSWORD in p.read_text("utf-8")]
    assert not importing.import_(tmp_path, settings).new
