"""Numbers, money and dates of client files: what is read, what is rounded, what may mean two things, what cannot be."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import ibis
import pandas as pd
import pytest

from conftest import ORDERS
from fivestep import engine
from fivestep.engagement import Settings
from fivestep.errors import UserError
from fivestep.intake import conversion, importing, proposal
from fivestep.intake.conversion import Locale
from fivestep.intake.importing import Imported
from fivestep.intake.quality import Line

SETTINGS = Settings(name="T", client="T", currency="CNY", time_zone="Asia/Shanghai")


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
HEAD = "id,day,who,sum\n"


def test_amounts_are_added_up_before_they_are_rounded_and_the_money_line_adds_up(project):
    said = ORDERS.replace("columns: {", "exclude: {state: [test]}\n  columns: {state: drop, paid: orders.paid_amount, ")
    rows = "1,2024-03-05,a,1.235,,1.2345\n2,2024-03-05,b,2.004,,7\n3,2024-03-06,c,10,,7.25\n4,2024-03-06,d,0.125,test,1\n"
    done = run(project, "id,day,who,sum,state,paid\n" + rows, said)
    money = line(done, "money")
    names = ("before", "left_out", "rounded", "after", "lost")
    assert [money.values[n] for n in names] == [Decimal(x) for x in ("13.364", "0.125", "-0.001", "13.24", "0")]
    assert (money.values["cells"], money.severity) == (2, "note")
    assert "13.364 read" in money.text().replace("CN¥", "").replace("¥", "")
    assert done.money["orders.net"] == table(done)["order_amount"].sum() == Decimal("13.24")
    other = line(done, "rounded")
    assert (other.column, other.rows, other.of, other.values["rounded"]) == ("paid_amount", 1, 3, Decimal("0.0045"))
    assert not done.quality.of("ambiguous_number"), "0.125 tells that the sign is a point"


# ---------------------------------------------------------------- a point that may part thousands
def test_a_lone_1_234_among_whole_amounts_is_never_guessed(project):
    rows = HEAD + "1,2024-03-05,a,10\n2,2024-03-05,b,20\n3,2024-03-06,c,1.234\n"
    with pytest.raises(UserError, match=r"row 4\).*1 of 3 cells.*orders\.order_amount\. Say `decimal:") as error:
        run(project, rows)
    assert "\n" not in str(error.value)
    done = run(project, rows, ORDERS.replace("  table", '  decimal: ","\n  table'))
    assert table(done)["order_amount"].max() == 1234
    assert "round" not in line(done, "money").text(), "nothing is said of rounding where nothing is rounded"


def test_quantities_with_three_decimals_are_decimals_a_lone_one_and_a_day_to_come_are_told(project):
    said = "sources:\n- files: [stock.csv]\n  table: stock\n  columns: {day: stock.stock_date, at: orders.store,\n"
    said += "    article: products.product_id, left: stock.on_hand, came: stock.received}\n"
    done = run(project, "day,at,article,left,came\n2024-03-05,S,p,3,1.250\n2150-01-01,S,p,2.500,2.500\n", said, "stock.csv")
    assert sorted(table(done, "stock")["on_hand"]) == [2.5, 3]
    told = {x.column: (x.severity, x.rows, x.first_row, bool(x.mend())) for x in done.quality.of("ambiguous_number")}
    assert told == {"left": ("warning", 1, 3, True), "came": ("note", 2, 2, False)}
    assert (line(done, "future").table, line(done, "future").column) == ("stock", "stock_date")


def test_map_asks_for_the_decimal_sign_where_a_lone_cell_may_be_either(project):
    head = "订单编号,下单时间,客户编号,订单金额\n"
    asked = proposed(project, head + "1,2024-03-05,a,10\n2,2024-03-05,b,1.234\n")
    assert proposal.ambiguous_decimals(asked) == {",": "1.234", ".": "1.234"}
    assert "1.234 is a whole number" in proposal.text(proposal.Proposal((asked,)))
    assert proposed(project, head + "1,2024-03-05,a,10.5\n2,2024-03-05,b,1.234\n").source.decimal == "."
    assert proposed(project, head + "1,2024-03-05,a,1.234.567\n2,2024-03-05,b,1.234\n").source.decimal == ","


def test_a_first_part_above_twelve_beside_a_year_of_two_digits_may_be_the_year(project):
    head, rest = "订单编号,下单时间,客户编号,订单金额\n", ",a,10\n"
    days = {"ymd": "24-03-31", "dmy": "31-03-05", "mdy": "3/31/24", "": "24-03-06"}
    for order, second in days.items():
        made = proposed(project, f"{head}1,{'3/5/24' if order == 'mdy' else '24-03-05'}{rest}2,{second}{rest}")
        assert made.source.date_order == order
        assert bool(proposal.ambiguous_dates(made)) == (not order)


def test_numbers_of_a_workbook_have_a_point_whatever_its_texts_are_written_with(project):
    said = ORDERS.replace("orders.csv", "orders.xlsx").replace("  table", '  decimal: ","\n  table')
    rows = {"id": ["1", "2"], "day": ["2024-03-05"] * 2, "who": ["a", "b"], "sum": [1.234, 20], "paid": ["1.249,00", "12,5"]}
    pd.DataFrame(rows).to_excel(project / "data" / "raw" / "orders.xlsx", index=False)
    (project / "mapping.yml").write_text(said.replace("sum:", "paid: orders.paid_amount, sum:"), encoding="utf-8")
    made = table(importing.import_(project, SETTINGS))
    assert list(made["order_amount"]) == [Decimal("1.23"), 20]
    assert list(made["paid_amount"]) == [1249, Decimal("12.5")]


# ---------------------------------------------------------------- decimal commas
def test_totals_with_a_decimal_comma_are_reconciled(project):
    rows = '1,05.03.2024,a,"1.249,00 EUR"\n2,05.03.2024,b,"25,00-"\nZwischensumme,,,"1.225,00 EUR"\n'
    rows += '3,05.03.2024,b,"37,50 €"\nSumme,,,"1.261,50 EUR"\n'
    done = run(project, HEAD + rows, ORDERS.replace("  table", '  decimal: ","\n  table'), currency="EUR")
    assert table(done).set_index("order_id")["order_amount"].to_dict() == {"1": 1249, "2": -25, "3": Decimal("37.5")}
    assert ["1,261.50" in x.text() for x in done.quality.of("rows_dropped")] == [False, True]
    assert line(done, "total").first_row == 4, "the subtotal is 1.224,00"


# ---------------------------------------------------------------- dates
def test_a_year_that_cannot_be_and_a_day_to_come_do_not_name_the_snapshot(project):
    done = run(project, HEAD + "1,2024-03-05,a,10\n2,9999-12-31,b,20\n3,0024-03-05,b,30\n4,2150-01-01,c,40\n")
    assert done.folder.name == "2024-03-05"
    assert (line(done, "not_parsed").rows, line(done, "not_parsed").first_row) == (2, 3)
    assert (line(done, "future").rows, done.rows["orders"]) == (1, 2)


def test_dates_that_look_otherwise_than_those_beside_them_are_told_or_not_read(project):
    said = ORDERS.replace("  table", "  date_order: mdy\n  table")
    done = run(project, HEAD + "1,03/04/2024,a,10\n2,05.03.2024,b,20\n3,2010-10-11,c,1\n4,10-10-11,c,1\n5,10-10-12,d,1\n", said)
    dotted = line(done, "ambiguous_date")
    assert (dotted.severity, dotted.rows, dotted.first_row, bool(dotted.mend())) == ("warning", 1, 3, True)
    assert (line(done, "not_parsed").rows, line(done, "not_parsed").first_row) == (2, 5), "2010-10-11 or 11 October 2011?"
    assert set(table(done)["order_id"]) == {"1", "2", "3"}
    later = run(project, HEAD + "1,04.03.2024,a,10\n", said).quality.of("ambiguous_date")
    assert [x.snapshot for x in later] == ["2024-05-03"], "only dots: as declared; the file before is still told of"


# ---------------------------------------------------------------- cells, one by one
def cells(texts: list[str], convert) -> dict[str, tuple]:
    """Of every text its value, and what the quick reading makes of it where that is taken: the same."""
    rows = ibis.memtable({"i": range(len(texts)), "x": texts}, schema={"i": "int64", "x": "string"})
    made = convert(rows.x)
    quick = made.easy & ~conversion.trapped(rows.x)
    shown = rows.select(rows.i, v=made.value.cast("string"), s=made.state, q=quick, w=made.short.cast("string")).order_by("i")
    out = {}
    for text, row in zip(texts, engine.connect().to_pyarrow(shown).to_pylist(), strict=True):
        assert not row["q"] or (row["v"], row["s"]) == (row["w"], conversion.FINE), text
        out[text] = row["v"]
    return out


AMOUNTS = {
    "12.50 EUR": "12.5", "EUR 12.50": "12.5", "¥-5": "-5", "(¥5)": "-5", "1,234.5万": "12345000", "1e5": "100000", "5元整": "5",
    "1 234.5": "1234.5", "1'234.5": "1234.5", "人民币5": "5", "12.50-": "-12.5", " 5": "5", "1.2345": "1.2345",
}  # fmt: skip
NO_AMOUNTS = [
    "１２，３", "三万", "5元5", "12 3", "-5-", "(-5)", "5.-", "5k", "10%", "1_000", "999999999999亿", "1e30", "½", "inf", "1.2.3",
    "0x10",
]  # fmt: skip
TIMES = {
    "2024-03-05 24:00": "2024-03-06 00:00:00", "2024-03-05 12:00 AM": "2024-03-05 00:00:00",
    "2024/3/5 下午3:15": "2024-03-05 15:15:00", "2024年3月5日 14时05分": "2024-03-05 14:05:00", "45356.75": "2024-03-05 18:00:00",
    "2024年3月5日 星期二": "2024-03-05 00:00:00", "202403051011": "2024-03-05 10:11:00", "1585929600": "2020-04-03 16:00:00",
    "1585929600000": "2020-04-03 16:00:00", "2024-03-05": "2024-03-05 00:00:00", "2200-12-31": "2200-12-31 00:00:00",
}  # fmt: skip
NO_TIMES = [
    "9999-12-31", "2201-01-01", "1899-12-31", "00240305", "12024-03-05", "253402300799", "253402300799000", "2024-03-05 25:00",
    "下午3:15", "2024", "2024-03", "三月五日", "158592960", "2024-03-05 CST",
]  # fmt: skip


def test_amounts_and_times_are_read_whole_or_not_at_all_and_the_quick_way_as_the_careful_one():
    read = cells([*AMOUNTS, *NO_AMOUNTS], lambda t: conversion.money(t, Locale()))
    assert {k: v and Decimal(v) for k, v in read.items()} == {k: Decimal(v) for k, v in AMOUNTS.items()} | dict.fromkeys(
        NO_AMOUNTS
    )
    read = cells([*TIMES, *NO_TIMES], lambda t: conversion.timestamp(t, Locale()))
    assert read == TIMES | dict.fromkeys(NO_TIMES)
    born = ["1/2/45", "1879-12-31", "1880-01-01", "202003200000"]
    births = cells(born, lambda t: conversion.timestamp(t, Locale(date_order="dmy"), early=True))
    assert list(births.values()) == ["1945-02-01 00:00:00", None, "1880-01-01 00:00:00", None]
    never = cells(["9999-12-31", "2999-12-31"], lambda t: conversion.timestamp(t, Locale(), ahead=True))
    assert list(never.values()) == ["9999-12-31 00:00:00", None]
