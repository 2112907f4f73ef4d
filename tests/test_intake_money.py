"""Money of client files: orders that only their lines say, columns of one field, units; what is asked and what is counted."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from fivestep import engine
from fivestep.engagement import Settings
from fivestep.errors import UserError
from fivestep.intake import importing, proposal, wizard
from fivestep.intake.mapping import Target

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


# ---------------------------------------------------------------- two columns of one field
TWICE = """\
sources:
- files: [a.csv]
  table: orders
  columns: {id: orders.order_id, day: orders.order_date, who: customers.customer_id, amt1: orders.order_amount,
            amt2: orders.order_amount}
"""
RANKED = TWICE.replace("amt2: orders.order_amount", "amt2: {to: orders.order_amount, rank: 2}")


def mapped(project: Path) -> tuple[proposal.Proposal, str]:
    made = proposal.propose(project, engine.connect(), SETTINGS)
    return made, proposal.text(made)


def test_two_columns_of_one_field_are_a_question_and_never_a_silent_choice(project):
    put(project, a="id,day,who,amt1,amt2\n1,2024-03-05,a,9.90,11\n2,2024-03-06,b,9.90,9.90\n3,2024-03-06,b,,5\n")
    with pytest.raises(UserError, match=r"a.csv: the columns amt1, amt2 are all mapped to orders.order_amount.*rank: 2"):
        run(project, TWICE)
    made, text = mapped(project)
    assert made.proposed[0].source.open == ("amt1", "amt2")
    assert "amt2 would be orders.order_amount as well" in text
    said: list[str] = []
    answers = iter(["orders.order_amount", "orders.order_amount", "1"])
    told = wizard.walk(made, lambda _prompt: next(answers, ""), said.append).proposed[0].source.columns
    assert told["amt2"] == (Target(to="orders.order_amount", rank=2),)
    assert told["amt1"] == (Target(to="orders.order_amount"),)
    assert any("orders.order_amount is amt1 already" in line for line in said)
    answers = iter(["orders.order_amount", "orders.order_amount", "2"])
    told = wizard.walk(made, lambda _prompt: next(answers, ""), said.append).proposed[0].source.columns
    assert (told["amt1"][0].rank, told["amt2"][0].rank) == (2, 1)
    done = run(project, RANKED)
    assert orders(done) == {"1": Decimal("9.90"), "2": Decimal("9.90"), "3": Decimal(5)}
    (line,) = done.quality.of("same_field")
    assert (line.rows, line.of, line.first_row, line.severity) == (1, 3, 2, "warning")


# ---------------------------------------------------------------- units
@pytest.mark.parametrize(("first", "then"), [("金额(元)", "金额（万元）"), ("金额（万元）", "金额(元)")])
def test_a_header_whose_unit_has_changed_is_a_renamed_column(project, first, then):
    put(project, m1=f"订单编号,下单时间,客户编号,{first}\n1,2024-03-05,a,3\n")
    done = run(project, "sources:\n- files: ['m*.csv']\n  table: orders\n  columns: {订单编号: orders.order_id, "
               f"下单时间: orders.order_date, 客户编号: customers.customer_id, {first}: orders.order_amount}}\n")  # fmt: skip
    put(project, m2=f"订单编号,下单时间,客户编号,{then}\n2,2024-04-05,a,3\n")
    with pytest.raises(UserError, match="fivestep map"):
        importing.import_(project, SETTINGS)
    made, _text = mapped(project)
    assert made.mapping.questions == 1
    first_choices = [c for p in made.proposed for m in p.matches.values() for c in m.candidates[:1] if c.was]
    assert [c.targets for c in first_choices] == [(Target(to="orders.order_amount"),)]
    told = wizard.walk(made, lambda prompt: "1" if "keep" in prompt else "", lambda _line: None)
    (project / "mapping.yml").write_text(proposal.text(told), encoding="utf-8")
    assert mapped(project)[0].mapping.questions == 0
    done = importing.import_(project, SETTINGS)
    wan = "1" if "万" in first else "2"
    assert orders(done) == {k: Decimal(30_000 if k == wan else 3) for k in "12"}


def test_amounts_with_a_unit_beside_amounts_without_one_are_a_question_and_not_left_to_the_import(project):
    head = "订单编号,下单时间,客户编号,订单金额{}\n"
    put(project, o1=head.format("") + "1,2024-03-05,a,800\n", o2=head.format("") + "2,2024-03-05,a,1.5万\n3,2024-03-05,a,0\n")
    put(project, p=head.format(",支付方式") + "1,2024-03-05,a,1.5万,\n2,2024-03-05,b,800元,\n3,2024-03-05,b,0,\n")
    put(project, q=head.format("(万元)") + "1,2024-03-05,a,2千\n2,2024-03-05,a,3\n")
    made, text = mapped(project)
    assert text.count("question: some amounts of") == 1
    assert "some amounts of 订单金额 have a unit (1.5万) and others have none (800)" in text
    assert "# 订单金额: {to: orders.order_amount, unit: 元}  # or 千元, 万元, 亿元" in text
    assert "Open questions: 1." in proposal.written(True, made)
    told = wizard.walk(made, lambda prompt: "万元" if "千元" in prompt else "", lambda _line: None)
    assert told.mapping.sources[0].columns["订单金额"] == (Target(to="orders.order_amount", unit="万元"),)
    assert "No question is open" in proposal.written(True, told)


# ---------------------------------------------------------------- what is shown, and of which files
def test_dates_of_orders_are_shown_in_their_question_and_its_answer_may_be_typed(project):
    put(project, a="订单编号,下单时间,客户编号,订单金额\n1,03/04/2024,a,3\n2,05/06/2024,b,4\n")
    made, text = mapped(project)
    assert "# values: 03/04/2024 | 05/06/2024" in text
    answers, said = iter(["mdy"]), []
    told = wizard.walk(made, lambda _prompt: next(answers, ""), said.append)
    assert told.proposed[0].source.date_order == "mdy"
    assert any("03/04/2024" in line for line in said)


def test_a_file_that_cannot_be_read_is_named_once_and_no_import_is_said_to_be_next(project):
    broken = proposal.Proposal((), (), {"a.xlsx": "a.xlsx: the file is\x01 damaged."})
    assert proposal.summary(broken) == ["a.xlsx: the file is\x01 damaged."]
    assert "could not be read: 1" in proposal.written(True, broken)
    assert "import" not in proposal.written(True, broken)
    assert "\x01" not in proposal.text(broken)


def test_refunds_of_a_source_name_all_of_its_files(project):
    put(project, a="id,day,who,sum\n1,2024-03-05,a,9\n", b="id,day,who,sum\n2,2024-03-06,b,-2\n")
    done = run(project, "sources:\n- files: [a.csv, b.csv]\n  table: orders\n  columns: {id: orders.order_id, "
               "day: orders.order_date, who: customers.customer_id, sum: orders.order_amount}\n")  # fmt: skip
    assert [x.source for x in done.quality.of("refunds")] == ["a.csv, b.csv"]


def test_amounts_without_a_unit_beside_some_in_ten_thousands_name_their_file_and_row(project):
    put(project, a="id,day,who,sum\n1,2024-03-05,a,9万\n", b="id,day,who,sum\n2,2024-03-06,b,5元\n3,2024-03-06,b,2\n")
    with pytest.raises(UserError, match=r"sum: some amounts are in 万 and 1 have no unit \(first: b.csv, row 3\)"):
        run(project, "sources:\n- files: [a.csv, b.csv]\n  table: orders\n  columns: {id: orders.order_id, "
            "day: orders.order_date, who: customers.customer_id, sum: orders.order_amount}\n")  # fmt: skip
