"""Money of client files: orders that only their lines say, columns of one field, units; what is asked and what is counted."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from fivestep import engine
from fivestep.engagement import Settings
from fivestep.errors import UserError
from fivestep.intake import importing, mapping, proposal, refunds, wizard

SETTINGS = Settings(name="T", client="T", currency="CNY", time_zone="Asia/Shanghai")
LINES = """\
sources:
- files: ["shop*.csv"]
  table: order_lines
  columns: {id: orders.order_id, day: orders.order_date, who: customers.customer_id, what: products.product_id,
            n: order_lines.quantity, sum: order_lines.line_amount}
- files: [web.csv]
  table: order_lines
  columns: {id: orders.order_id, day: orders.order_date, who: customers.customer_id, what: products.product_id,
            n: order_lines.quantity, sum: order_lines.line_amount, state: orders.order_status}
"""


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("FIVESTEP_KEY", "a key of at least thirty-two bytes for tests")
    (tmp_path / "data" / "raw").mkdir(parents=True)
    return tmp_path


def put(project: Path, **files: str) -> None:
    for name, text in files.items():
        (project / "data" / "raw" / f"{name}.csv").write_text(text, encoding="utf-8")


def run(project: Path, said: str) -> importing.Imported:
    (project / "mapping.yml").write_text(said, encoding="utf-8")
    return importing.import_(project, SETTINGS)


def orders(done: importing.Imported) -> dict[str, Decimal]:
    frame = pd.read_parquet(done.folder / "orders.parquet")
    return dict(zip(frame.order_id, frame.order_amount, strict=True))


# ---------------------------------------------------------------- orders of lines
def test_lines_without_an_order_make_one_where_other_lines_say_more_of_theirs(project):
    put(project, shop1="id,day,who,what,n,sum\n1,2024-03-05,a,p,1,10\n1,2024-03-04,a,q,1,2.50\n2,2024-03-06,b,p,1,10\n",
        web="id,day,who,what,n,sum,state\nw1,2024-03-05,a,p,1,7,paid\n")  # fmt: skip
    done = run(project, LINES)
    assert orders(done) == {"1": Decimal("12.50"), "2": Decimal(10), "w1": Decimal(7)}
    (line,) = done.quality.of("orders_of_lines")
    assert (line.rows, line.values["money"], done.rows["orders"]) == (2, Decimal("22.50"), 3)
    assert not [x for x in done.quality.of("orphan_keys") if x.column == "order_id"]
    first = pd.read_parquet(done.folder / "orders.parquet").set_index("order_id").order_date["1"]
    assert first == pd.Timestamp("2024-03-04")
    put(project, shop2="id,day,who,what,n,sum\n3,2024-03-07,c,p,1,4\n",
        shop1="id,day,who,what,n,sum\n1,2024-03-05,a,p,1,11\n1,2024-03-04,a,q,1,2.50\n2,2024-03-06,b,p,1,10\n")  # fmt: skip
    again = importing.import_(project, SETTINGS)  # corrected, and another month
    assert orders(again) == {"1": Decimal("13.50"), "2": Decimal(10), "3": Decimal(4), "w1": Decimal(7)}
