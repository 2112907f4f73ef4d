"""Numbers, money and dates of client files: what is read, what is rounded, what may mean two things, what cannot be."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from fivestep import engine
from fivestep.engagement import Settings
from fivestep.errors import UserError
from fivestep.intake import importing, proposal
from fivestep.intake.importing import Imported
from fivestep.intake.quality import Line

SETTINGS = Settings(name="T", client="T", currency="CNY", time_zone="Asia/Shanghai")
ORDERS = """\
sources:
- files: [orders.csv]
  table: orders
  columns: {id: orders.order_id, day: orders.order_date, who: customers.customer_id, sum: orders.order_amount}
"""


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("FIVESTEP_KEY", "a key of at least thirty-two bytes for tests")
    (tmp_path / "data" / "raw").mkdir(parents=True)
    return tmp_path


def run(project: Path, text: str, said: str = ORDERS, name: str = "orders.csv", currency: str = "CNY", **more) -> Imported:
    """The import of one file by a mapping."""
    (project / "data" / "raw" / name).write_text(text, encoding="utf-8")
    (project / "mapping.yml").write_text(said, encoding="utf-8")
    return importing.import_(project, SETTINGS.model_copy(update={"currency": currency}), **more)


def table(done: Imported, name: str = "orders") -> pd.DataFrame:
    return pd.read_parquet(done.folder / f"{name}.parquet")


def line(done: Imported, check: str) -> Line:
    """The one line of a check."""
    (found,) = [x for x in done.quality.of(check) if check != "money" or "before" in x.values]
    return found


def proposed(project: Path, text: str) -> proposal.Proposed:
    """What `fivestep map` proposes for one file."""
    (project / "data" / "raw" / "orders.csv").write_text(text, encoding="utf-8")
    (found,) = proposal.propose(project, engine.connect()).proposed
    return found


# ---------------------------------------------------------------- rounding
def test_amounts_are_added_up_before_they_are_rounded_and_the_money_line_adds_up(project):
    said = ORDERS.replace("columns: {", "exclude: {state: [test]}\n  columns: {state: drop, ")
    head = "id,day,who,sum,state\n"
    done = run(
        project, head + "1,2024-03-05,a,1.235,\n2,2024-03-05,b,2.004,\n3,2024-03-06,c,10,\n4,2024-03-06,d,0.125,test\n", said
    )
    money = line(done, "money")
    names = ("before", "left_out", "rounded", "after", "lost")
    assert [money.values[n] for n in names] == [Decimal(x) for x in ("13.364", "0.125", "-0.001", "13.24", "0")]
    assert money.values["cells"] == 2
    assert "13.364 read" in money.text().replace("CN¥", "").replace("¥", "")
    assert money.severity == "note"
    assert done.money["orders.net"] == table(done)["order_amount"].sum() == Decimal("13.24")


def test_nothing_is_said_of_rounding_where_nothing_is_rounded(project):
    done = run(project, "id,day,who,sum\n1,2024-03-05,a,1.230\n2,2024-03-05,b,12.5\n")
    assert "round" not in line(done, "money").text()
    assert not done.quality.of("rounded")


def test_other_columns_of_money_say_how_many_of_their_cells_are_rounded(project):
    said = ORDERS.replace("sum:", "paid: orders.paid_amount, sum:")
    done = run(project, "id,day,who,sum,paid\n1,2024-03-05,a,1.5,1.2345\n2,2024-03-05,b,12.5,7.25\n", said)
    found = line(done, "rounded")
    assert (found.column, found.rows, found.of, found.values["rounded"]) == ("paid_amount", 1, 2, Decimal("0.0045"))
