"""Percentages, currencies, time zones, free text and lists of client files: what a value means, asked once and then told."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import ibis
import pandas as pd
import pytest

from conftest import ORDERS
from fivestep import engine
from fivestep.contract import TABLES
from fivestep.engagement import Settings
from fivestep.errors import UserError
from fivestep.intake import conversion, importing, mapping, proposal, wizard
from fivestep.intake.importing import Imported
from fivestep.intake.mapping import Target

SETTINGS = Settings(name="T", client="T", currency="CNY", time_zone="Asia/Shanghai")
DEALS = """\
sources:
- files: ["deals*.csv"]
  table: opportunities
  columns: {id: opportunities.opportunity_id, day: opportunities.created_at, odds: opportunities.win_probability}
"""


def put(project: Path, text: str, name: str) -> None:
    (project / "data" / "raw" / name).write_text(text, encoding="utf-8")


def run(project: Path, text: str, said: str, name: str, **more) -> Imported:
    put(project, text, name)
    (project / "mapping.yml").write_text(said, encoding="utf-8")
    return importing.import_(project, SETTINGS, **more)


def deals(*odds: str) -> str:
    return "id,day,odds\n" + "".join(f"{i},2024-03-05,{o}\n" for i, o in enumerate(odds, 1))


def read_odds(done: Imported) -> list[float]:
    return pd.read_parquet(done.folder / "opportunities.parquet").sort_values("opportunity_id")["win_probability"].tolist()


def mapped(project: Path, settings: Settings = SETTINGS) -> tuple[proposal.Proposal, str]:
    """What `fivestep map` proposes, and the text of its mapping.yml."""
    made = proposal.propose(project, engine.connect(), settings)
    return made, proposal.text(made)


# ---------------------------------------------------------------- percentages
def test_the_unit_of_percentages_without_a_sign_is_proposed_by_their_values_else_asked(project):
    columns = {"a": ("0.5", "1", "0"), "b": ("50", "1", "0"), "c": ("0.5", "50", "1"), "d": ("1", "0"), "e": ("5%", "60%")}
    for name, odds in columns.items():
        put(
            project,
            f"商机编号,商机创建时间,赢率,{name}\n" + "".join(f"{i},2024-03-05,{o},\n" for i, o in enumerate(odds)),
            f"{name}.csv",
        )
    made, text = mapped(project)
    units = [s.columns["赢率"][0].unit for s in mapping.parsed(text).sources]
    assert units == ["share", "%", "", "", ""]
    assert text.count("shares of 1 (0.5 is half) or hundredths (50 is half)?") == 2
    assert "Values: 0.5 | 50 | 1" in text
    dropped = replace(made, proposed=tuple(replace(p, source=p.source.model_copy(update={"columns": {
        h: t for h, t in p.source.columns.items() if h == "赢率"}})) for p in made.proposed))  # fmt: skip
    assert [line.rpartition("open questions: ")[2] for line in proposal.summary(dropped) if "open questions" in line] == list(
        "11221"
    )
    answered = wizard.walk(dropped, lambda prompt: "2" if "hundredths" in prompt else "", lambda _line: None)
    assert [s.columns["赢率"][0].unit for s in answered.mapping.sources] == ["share", "%", "%", "%", ""]


def test_percentages_of_two_kinds_or_of_none_stop_an_import_and_else_it_says_how_they_were_read(project):
    with pytest.raises(UserError, match=r"shares of 1 or hundredths: 0\.5 \(deals\.csv, row 2\) and 50 \(deals\.csv, row 3\)"):
        run(project, deals("0.5", "50", "1"), DEALS, "deals.csv")
    with pytest.raises(UserError, match=r'no percentage tells .*: 1 \(deals\.csv, row 2\)\. .*unit: share} .*unit: "%"}'):
        run(project, deals("1", "0"), DEALS, "deals.csv")
    hundredths = DEALS.replace("opportunities.win_probability", '{to: opportunities.win_probability, unit: "%"}')
    done = run(project, deals("0.5", "50", "1"), hundredths, "deals.csv")
    assert read_odds(done) == [0.005, 0.5, 0.01]
    assert [x.text() for x in done.quality.of("percent")] == [
        "Percentages of odds without a sign: 3. They were read as hundredths: 50 is half."
    ]
    later = run(project, deals("1", "0").replace("2024", "2025"), hundredths, "deals2.csv")
    (doubt,) = later.quality.of("mixed_units")
    assert (doubt.severity, doubt.rows) == ("warning", 1)
    assert "none is above 1" in doubt.text()


def test_percentages_above_one_are_hundredths_where_nobody_says_otherwise(project):
    done = run(project, deals("50", "20%", "1"), DEALS, "deals.csv")
    assert read_odds(done) == [0.5, 0.2, 0.01]


# ---------------------------------------------------------------- money
def test_a_column_of_refunds_is_a_term_of_the_money_line_and_all_adds_up(project):
    said = ORDERS.replace("sum: orders.order_amount}", "sum: orders.order_amount, back: orders.refund_amount}\n")
    said += "  refunds: {policy: refund_column}\n"
    rows = "1,2024-03-05,a,100,30\n2,2024-03-06,b,20,\n3,,c,50,10\n"
    done = run(project, "id,day,who,sum,back\n" + rows, said, "orders.csv")
    (money,) = [x for x in done.quality.of("money") if "before" in x.values]
    names = ("before", "left_out", "refunds", "rounded", "after", "lost")
    assert [money.values[n] for n in names] == [Decimal(x) for x in ("170", "50", "30", "0", "90", "0")]
    assert money.text() == (
        "order_amount: $170.00 read; $50.00 left out with their rows; $30.00 refunded, as the column of refunds says; "
        "$90.00 written."
    )
    (table,) = [x for x in done.quality.of("money") if "before" not in x.values]
    assert table.text() == "order_amount: $90.00 in positive amounts, $0.00 in negative ones, $90.00 in all."
    (refunds,) = done.quality.of("refunds")
    assert "$120.00 gross, $30.00 refunded, $90.00 net" in refunds.text()


def test_amounts_in_ten_thousands_beside_amounts_in_yuan_all_have_a_unit(project):
    head = "id,day,who,sum\n1,2024-03-05,a,10万\n2,2024-03-06,b,5000元\n3,2024-03-06,c,¥20\n"
    assert run(project, head, ORDERS, "orders.csv").money["orders.net"] == 105_020
    with pytest.raises(UserError, match="some amounts are in 万 and 1 have no unit"):
        run(project, head + "4,2024-03-06,d,5000\n", ORDERS, "orders.csv", again=True)


def test_map_says_at_once_that_amounts_are_in_another_currency(project):
    head = "order_id,order_date,customer_id,order_amount{},currency\n"
    put(project, head.format("") + "1,2024-03-05,a,$10,CNY\n", "marked.csv")
    put(project, head.format(" (€)").replace("\n", ",y\n") + "1,2024-03-05,a,10,CNY,1\n", "header.csv")
    put(project, head.format("").replace("\n", ",x\n") + "1,2024-03-05,a,10,USD,1\n", "column.csv")
    made, text = mapped(project)
    said = "\n".join(proposal.summary(made))
    for shown in ("order_amount holds amounts in $,", "order_amount (€) holds amounts in €,", "currency holds amounts in USD,"):
        assert shown in text
        assert shown in said
    in_dollars, _text = mapped(project, SETTINGS.model_copy(update={"currency": "USD"}))
    assert "holds amounts in $" not in "\n".join(proposal.summary(in_dollars))


# ---------------------------------------------------------------- time zones
def test_the_zone_of_times_without_an_offset_is_asked_once_and_told(project):
    put(project, "order_id,order_date,customer_id,order_amount\n1,2024-03-05 20:30,a,10\n2,2024-03-06,b,10\n", "orders.csv")
    made, text = mapped(project)
    assert "# time_zone: Asia/Shanghai" in text
    assert "Times without an offset from UTC are read as Asia/Shanghai, as engagement.yml says." in proposal.summary(made)
    asked: list[str] = []
    answers = iter(["Mars", "2"])
    said = proposal.text(wizard.walk(made, lambda _prompt: next(answers), asked.append))
    assert "is no time zone" in "\n".join(asked)
    assert mapping.parsed(said).time_zone == "UTC"
    proposal.write(project, said)
    again, text = mapped(project)
    assert text == said, "nobody is asked twice"
    assert wizard.walk(again, lambda _prompt: 1 / 0, asked.append).mapping == again.mapping
    done = importing.import_(project, SETTINGS)
    assert pd.read_parquet(done.folder / "orders.parquet")["order_date"].astype(str).tolist() == [
        "2024-03-06 04:30:00",
        "2024-03-06 00:00:00",
    ]
    (line,) = done.quality.of("time_zone")
    assert line.text() == (
        "Times of order_date without an offset from UTC: 1. They were read as UTC and are shown in Asia/Shanghai."
    )


def test_times_without_an_offset_beside_times_with_one_are_a_question_of_their_source(project):
    put(
        project,
        "order_id,order_date,paid_at,customer_id,order_amount\n1,2024-03-05T20:30:00Z,2024-03-05 20:31,a,10\n",
        "orders.csv",
    )
    made, text = mapped(project)
    assert "question: times of paid_at have no offset from UTC, others of this file have one. Are these UTC?" in text
    assert wizard.walk(made, lambda _prompt: "1", lambda _line: None).mapping.sources[0].time_zone == "UTC"
    done = run(project, (project / "data/raw/orders.csv").read_text("utf-8"), text, "orders.csv")
    assert sorted(x.text() for x in done.quality.of("time_zone")) == [
        "Times of order_date with an offset from UTC: 1 of 1. They are shown in Asia/Shanghai.",
        "Times of paid_at without an offset from UTC: 1. They were read as Asia/Shanghai.",
    ]


# ---------------------------------------------------------------- text
def texts(cells: list[str], *fields: str) -> dict[str, list[str]]:
    """By field what cells become."""
    rows = ibis.memtable(pd.DataFrame({"i": range(len(cells)), "x": cells}))
    made = {f: conversion.converted(rows.x, Target(to=f), conversion.Locale(zone="UTC")).value for f in fields}
    return engine.connect().to_pyarrow(rows.select("i", **made).order_by("i")).drop(["i"]).to_pydict()


FREE = [f"{t.name}.{f.name}" for t in TABLES.values() for f in t.fields.values() if f.free]


def test_no_phone_or_address_stands_in_clear_in_any_free_text(project):
    assert {"interactions.content", "interactions.result", "opportunities.next_step", "opportunities.lost_reason"} <= set(FREE)
    cells = [
        "请致电13800001111 13900002222，或 a.b@x.com", "tel１３８００００１１１１", "(555) 123-4567 or +49 171 2345678",
        "010-12345678",
        "身份证110101199003078515", "卡4111 1111 1111 1111 6222021234567894，退", "4111 1111 1111 1112",
        "order 20240305123456, 12 of 345", "第 3 步：寄合同",
    ]  # fmt: skip
    wanted = ["请致电[phone] [phone]，或 [e-mail]", "tel[phone]", "[phone] or [phone]", "[phone]", "身份证[id]"]
    wanted += ["卡[card] [card]，退", *cells[6:]]
    assert texts(cells, *FREE) == dict.fromkeys(FREE, wanted)
    deals = DEALS.replace("odds: opportunities.win_probability", "odds: opportunities.next_step")
    done = run(project, "id,day,odds\n1,2024-03-05,call 13800001111\n2,2024-03-06,visit\n", deals, "deals.csv")
    assert pd.read_parquet(done.folder / "opportunities.parquet")["next_step"].tolist() == ["call [phone]", "visit"]
    (line,) = done.quality.of("personal")
    assert (line.severity, line.rows, line.of, line.first_row) == ("note", 1, 2, 2)


def test_no_name_of_a_customer_stands_in_any_text_but_common_words_stay(project):
    put(project, "who,name\na,张三\nb,An\nc,J. (Joe) Doe\nd,李四\ne,朱丽\nf,高兴\ng,Mark\nh,Zoë Möller\ni,张三丰\n", "people.csv")
    notes = "who,day,note\na,2024-03-05,张三说张三的朋友李四\nb,2024-03-06,An order\nc,2024-03-06,J. (Joe) Doe called\n"
    notes += "x,2024-03-06,张三\nx,2024-03-06,包装破损，朱丽打电话[phone]才解决\nx,2024-03-07,张三丰 and张三 and zoë möller\n"
    notes += "x,2024-03-07,a mark of Markus; Mark打来\n" + "".join(f"y{i},2024-04-01,很高兴\n" for i in range(21))
    said = """\
sources:
- files: [people.csv]
  table: customers
  columns: {who: customers.customer_id, name: customers.customer_name}
- files: [notes.csv]
  table: interactions
  columns: {who: customers.customer_id, day: interactions.occurred_at, note: interactions.content}
"""
    done = run(project, notes, said, "notes.csv")
    found = pd.read_parquet(done.folder / "interactions.parquet")["content"]
    assert set(found) == {
        "[name]说[name]的朋友[name]", "An order", "[name] called", "[name]", "包装破损，[name]打电话[phone]才解决",
        "[name] and[name] and [name]", "a mark of Markus; [name]打来", "很高兴",
    }  # fmt: skip
    assert [(x.severity, x.rows) for x in done.quality.of("personal")] == [("note", 1), ("note", 6)]


def test_no_number_of_a_person_stands_in_a_column_of_kinds(project):
    said = ORDERS.replace("sum: orders.order_amount", "sum: orders.order_amount, 渠道: orders.channel, tags: customers.tags")
    text = "id,day,who,sum,渠道,tags\n13812345678,2024-03-05,a,10,app,VIP\n"
    text += "O28-13812345678,2024-03-05,b,10,李 13987654321,VIP，a@b.cn\n"
    done = run(project, text, said, "orders.csv")
    assert pd.read_parquet(done.folder / "orders.parquet")["channel"].tolist() == ["app", "李 [phone]"]
    assert set(pd.read_parquet(done.folder / "customers.parquet")["tags"]) == {"VIP", "VIP; [e-mail]"}
    seen = [(x.severity, x.table, x.column, x.rows, x.of, x.first_row) for x in done.quality.of("personal")]
    assert seen == [
        ("warning", "orders", "id", 1, 2, 3), ("warning", "orders", "渠道", 1, 2, 3), ("warning", "customers", "tags", 1, 2, 3),
    ]  # fmt: skip


def test_no_number_of_a_person_is_shown_in_the_name_of_a_file_or_column(project):
    said = ORDERS.replace("orders.csv", '"*.csv"').replace(
        "sum: orders.order_amount", "sum: orders.order_amount, 李 13700001111: keep"
    )
    done = run(project, "id,day,who,sum,李 13700001111\n1,2024-03-05,a,10,x\n", said, "o 13812345678 a.b@c.cn.csv")
    seen = done.quality.to_json() + "\n".join(importing.summary(done)) + (done.folder / "quality.html").read_text("utf-8")
    assert "138****5678" in seen
    assert "137****1111" in seen
    assert "a***@c.cn" in seen
    assert not [n for n in ("13812345678", "13700001111", "a.b@c") if n in seen]
    assert not [c for c in pd.read_parquet(done.folder / "orders.parquet") if "137" in c]
    assert not importing.import_(project, SETTINGS).new


@pytest.mark.parametrize(
    ("codec", "text"),
    [("shift_jis", "山田太郎さん、東京都の配達"), ("euc_kr", "김철수 서울 배송이 늦었습니다"), ("koi8-r", "Иван заказал чашку")],
)
def test_an_encoding_that_is_no_guess_stops_the_import_until_it_is_said(project, codec, text):
    rows = "id,day,who,sum,kind\n" + "".join(f"{i},2024-03-05,a,10,{text}\n" for i in range(9))
    (project / "data" / "raw" / "orders.csv").write_bytes(rows.encode(codec))
    said = ORDERS.replace("order_amount", "order_amount, kind: orders.channel")
    (project / "mapping.yml").write_text(said, "utf-8")
    with pytest.raises(UserError, match=r"orders.csv: nothing tells its encoding.*read: \{encoding: "):
        importing.import_(project, SETTINGS)
    if codec == "koi8-r":
        (project / "mapping.yml").write_text(said + "  read: {encoding: koi8-r}\n", "utf-8")
        done = importing.import_(project, SETTINGS)
        assert set(pd.read_parquet(done.folder / "orders.parquet")["channel"]) == {text}


def test_lists_in_one_cell_are_parted_as_they_are_written():
    cells = ["['VIP', '老客']", '["Food, Drinks","Home"]', "Food, Drinks;Home", "a，b、c", "[VIP,老客]", "O'Neil;x", "[]", ";"]
    wanted = ["VIP; 老客", "Food, Drinks; Home", "Food, Drinks; Home", "a; b; c", "VIP; 老客", "O'Neil; x", None, None]
    assert texts(cells, "customers.tags")["customers.tags"] == wanted


def test_an_answer_holds_for_the_same_header_of_other_files_of_the_table_and_many_files_have_a_short_name(project):
    for month in range(1, 5):
        last = "more" if month == 3 else "plain"
        head = f"order_id,order_date,customer_id,order_amount,odd,{last}"
        put(project, f"{head}\n1,2024-03-05,a,10,u,x\n", f"o{month}.csv")
    made, text = mapped(project)
    assert text.count("odd: ask\n      # the same question as for o1.csv and 2 more\n") == 1
    assert proposal.summary(made)[0].startswith("o1.csv and 2 more: orders; columns: 6, open questions: 2")
    lines: list[str] = []
    answers = iter(["k", "d", "d"])
    answered = wizard.walk(made, lambda _prompt: next(answers), lines.append)
    first, second = answered.mapping.sources
    assert second.columns["odd"] == first.columns["odd"] == (Target(to="keep"),)
    assert "o3.csv: columns as answered for o1.csv and 2 more: odd" in lines
    assert answered.mapping.questions == 0
