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


# ---------------------------------------------------------------- a point that may part thousands
WHOLE = "1,2024-03-05,a,10\n2,2024-03-05,b,20\n"
HEAD = "id,day,who,sum\n"


def test_a_lone_1_234_among_whole_amounts_is_never_guessed(project):
    with pytest.raises(UserError, match=r"row 4\).*1 of 3 cells.*orders\.order_amount\. Say `decimal:") as error:
        run(project, HEAD + WHOLE + "3,2024-03-06,c,1.234\n")
    assert "\n" not in str(error.value)
    for sign, amount in {",": "1234", ".": "1.23"}.items():
        done = run(project, HEAD + WHOLE + "3,2024-03-06,c,1.234\n", ORDERS.replace("  table", f'  decimal: "{sign}"\n  table'))
        assert table(done)["order_amount"].max() == max(Decimal(amount), 20)


def test_a_cell_that_only_a_point_explains_tells_of_the_others(project):
    done = run(project, HEAD + WHOLE + "3,2024-03-06,c,1.234\n4,2024-03-06,c,12.5\n")
    assert line(done, "money").values["rounded"] == Decimal("0.004")
    assert not done.quality.of("ambiguous_number")


LINES = """\
sources:
- files: [orders.csv]
  table: order_lines
  columns: {id: orders.order_id, line: order_lines.line_id, day: orders.order_date, who: customers.customer_id,
    article: order_lines.product_id, kg: order_lines.quantity, sum: order_lines.line_amount}
"""


@pytest.mark.parametrize(("second", "severity"), [("2.500", "note"), ("3", "warning")])
def test_quantities_with_three_decimals_throughout_are_decimals_and_a_lone_one_is_told(project, second, severity):
    rows = f"1,1,2024-03-05,a,p,1.250,10\n2,1,2024-03-05,b,p,{second},20\n"
    done = run(project, "id,line,day,who,article,kg,sum\n" + rows, LINES)
    assert list(table(done, "order_lines")["quantity"]) == [1.25, float(second)]
    found = line(done, "ambiguous_number")
    assert (found.severity, found.rows, found.first_row) == (severity, 2 if severity == "note" else 1, 2)
    assert bool(found.mend()) == (severity == "warning")


def test_map_asks_for_the_decimal_sign_where_a_lone_cell_may_be_either(project):
    head = "订单编号,下单时间,客户编号,订单金额\n"
    asked = proposed(project, head + "1,2024-03-05,a,10\n2,2024-03-05,b,1.234\n")
    assert proposal.ambiguous_decimals(asked) == {",": "1.234", ".": "1.234"}
    assert "1.234 is a whole number" in proposal.text(proposal.Proposal((asked,)))
    assert proposed(project, head + "1,2024-03-05,a,10.5\n2,2024-03-05,b,1.234\n").source.decimal == "."
    assert proposed(project, head + "1,2024-03-05,a,1.234.567\n2,2024-03-05,b,1.234\n").source.decimal == ","


def test_numbers_of_a_workbook_have_a_point_whatever_its_texts_are_written_with(project):
    said = ORDERS.replace("orders.csv", "orders.xlsx").replace("  table", '  decimal: ","\n  table')
    said = said.replace("sum:", "paid: orders.paid_amount, sum:")
    rows = {"id": ["1", "2"], "day": ["2024-03-05"] * 2, "who": ["a", "b"], "sum": [1.234, 20], "paid": ["1.249,00", "12,5"]}
    pd.DataFrame(rows).to_excel(project / "data" / "raw" / "orders.xlsx", index=False)
    (project / "mapping.yml").write_text(said, encoding="utf-8")
    made = table(importing.import_(project, SETTINGS))
    assert list(made["order_amount"]) == [Decimal("1.23"), 20]
    assert list(made["paid_amount"]) == [1249, Decimal("12.5")]


# ---------------------------------------------------------------- decimal commas
@pytest.mark.parametrize(("said", "warned"), [("1.261,50 EUR", False), ("1.262,50 EUR", True)])
def test_totals_with_a_decimal_comma_are_reconciled(project, said, warned):
    german = ORDERS.replace("  table", '  decimal: ","\n  table')
    rows = f'1,05.03.2024,a,"1.249,00 EUR"\n2,05.03.2024,b,"25,00-"\n3,05.03.2024,b,"37,50 €"\nSumme,,,"{said}"\n'
    done = run(project, HEAD + rows, german, currency="EUR")
    assert list(table(done).set_index("order_id").loc[["1", "2", "3"], "order_amount"]) == [1249, -25, Decimal("37.5")]
    (total,) = [x for x in done.quality.of("rows_dropped") if x.rows == 1]
    assert "1,261.50" in total.text()
    assert bool(done.quality.of("total")) == warned


# ---------------------------------------------------------------- dates
def test_a_year_that_cannot_be_and_a_day_to_come_do_not_name_the_snapshot(project):
    rows = "1,2024-03-05,a,10\n2,9999-12-31,b,20\n3,0024-03-05,b,30\n4,2150-01-01,c,40\n"
    done = run(project, HEAD + rows)
    assert done.folder.name == "2024-03-05"
    assert (line(done, "not_parsed").rows, line(done, "not_parsed").first_row) == (2, 3)
    assert (line(done, "future").rows, done.rows["orders"]) == (1, 2)


def test_a_year_of_two_digits_that_looks_like_those_beside_it_is_not_guessed(project):
    said = ORDERS.replace("  table", "  date_order: dmy\n  table")
    done = run(project, HEAD + "1,2024-03-05,a,10\n2,24-03-05,b,20\n3,06.03.24,c,30\n", said)
    assert line(done, "not_parsed").first_row == 3
    assert list(table(done)["order_id"]) == ["1", "3"] or set(table(done)["order_id"]) == {"1", "3"}
    assert set(table(done)["order_date"]) == {pd.Timestamp(2024, 3, 5), pd.Timestamp(2024, 3, 6)}


def test_dates_with_points_among_others_are_told_where_the_month_is_first(project):
    said = ORDERS.replace("  table", "  date_order: mdy\n  table")
    done = run(project, HEAD + "1,03/04/2024,a,10\n2,05.03.2024,b,20\n", said)
    found = line(done, "ambiguous_date")
    assert (found.severity, found.rows, found.first_row, bool(found.mend())) == ("warning", 1, 3, True)
    done = run(project, HEAD + "1,04.03.2024,a,10\n2,05.03.2024,b,20\n", said)
    assert not done.quality.of("ambiguous_date")


def test_a_count_of_the_stock_after_today_is_told(project):
    said = "sources:\n- files: [stock.csv]\n  table: stock\n  columns: {day: stock.stock_date, at: orders.store,\n"
    said += "    article: products.product_id, left: stock.on_hand}\n"
    done = run(project, "day,at,article,left\n2024-03-05,S,p,3\n2150-01-01,S,p,3\n", said, "stock.csv")
    assert (line(done, "future").table, line(done, "future").column) == ("stock", "stock_date")
