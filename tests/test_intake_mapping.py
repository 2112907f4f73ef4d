"""Headers, systems and questions: what is settled, what is asked, and what an analyst's answers survive."""

from __future__ import annotations

import pandas as pd
import pytest
import typer
import yaml
from typer.testing import CliRunner

from fivestep import cli, engine, language
from fivestep.contract import TABLES, headers
from fivestep.errors import UserError
from fivestep.intake import assembly, files, mapping, matching, proposal, wizard
from fivestep.intake.mapping import ASK, Source, Target
from fivestep.intake.sheet import Sheet


def sheet(source: str, rows: dict[str, list]) -> Sheet:
    frame = pd.DataFrame({"_row": range(2, 2 + len(next(iter(rows.values())))), **rows})
    types = {"_row": "int64", **dict.fromkeys(rows, "string")}
    table = engine.connect().create_table("t", frame, schema=types)
    return Sheet(source, tuple(rows), table, (), (), "0")


@pytest.mark.parametrize(
    ("text", "key", "unit"),
    [
        ("\ufeff*订单 编号：\t", "订单编号", ""),
        ("合同金额（元）", "合同金额", "元"),
        ("Probability (%)", "probability", "%"),
        ("金额(万元)", "金额", "万元"),
        ("Lineitem_Quantity", "lineitemquantity", ""),
        ("客户状态(意向客户)", "客户状态(意向客户)", ""),
    ],
)
def test_headers_are_compared_without_case_blanks_and_marks(text, key, unit):
    assert (headers.header(text).key, headers.header(text).unit) == (key, unit)


def test_a_label_of_several_fields_is_ambiguous_and_never_settled():
    for label in ("金额", "Amount", "状态", "负责人", "Source"):
        assert len(headers.lookup(label)) > 1
        match = matching.matches([label], {}, table="orders")[label]
        assert match.by == "ask"
        assert match.targets == (Target(to=ASK),)


def test_every_field_of_the_facts_is_one_of_the_contract_or_says_where_it_goes():
    for target in headers.targets().values():
        declared = TABLES[target.table].fields.get(target.field) if target.table in TABLES else None
        assert (declared is not None) == (target.place == "contract"), target.name


def test_every_system_maps_to_fields_that_exist_and_is_found_by_its_own_headers():
    assert {k.system for k in matching.kinds()} == {
        "zoho", "fxiaoke", "jianxin", "salesforce", "hubspot", "shopify", "youzan", "taobao_tmall", "jd", "shopline", "wecom",
        "pos",
    }  # fmt: skip
    for kind in matching.kinds():
        own = list(kind.columns)
        assert kind in matching.detected(own), kind.label
        if kind.system == "jianxin":
            assert "unconfirmed layout" in kind.label


def test_deals_are_told_by_their_columns_whatever_the_file_is_called():
    found = matching.detected(["Record Id", "Deal Name", "Account Name.id", "Amount", "Stage", "Closing Date", "Deal Owner"])
    assert [(k.system, k.sheet) for k in found] == [("zoho", "Deals")]
    found = matching.detected(["子订单编号", "主订单编号", "商品ID", "商品标题", "购买数量", "订单状态"])
    assert [(k.system, k.sheet) for k in found] == [("taobao_tmall", "宝贝 (new)")]


def test_spaces_after_a_header_do_not_hide_it():
    kind = matching.kind("taobao_tmall", "订单 (old)")
    assert matching.matches(["收货地址 "], {}, kind=kind)["收货地址 "].targets[0].to == "customers.address"


def test_a_label_that_says_the_opposite_is_turned_round():
    match = matching.matches(["Accepts Marketing"], {}, table="customers")["Accepts Marketing"]
    assert match.targets == (Target(to="customers.marketing_opt_out", inverse=True),)


def test_two_headers_of_one_field_are_a_question():
    found = matching.matches(["手机", "电话"], {}, table="customers")
    assert [m.by for m in found.values()] == ["ask", "ask"]
    assert all(m.candidates[0].to == "customers.phone" for m in found.values())


def test_a_header_that_is_there_twice_is_a_question(tmp_path):
    (tmp_path / "o.csv").write_text("订单编号,下单时间,金额,金额\n1,2024-03-05,10,12\n", "utf-8")
    (sheet,) = files.sheets(tmp_path / "o.csv", engine.connect(), root=tmp_path)
    assert sheet.columns == ("订单编号", "下单时间", "金额", "金额 (2)")
    (made,) = proposal.proposal([sheet]).proposed
    assert made.source.open == ("金额", "金额 (2)")


def test_two_labels_of_a_system_for_one_field_are_a_question_as_tenants_rename_them():
    customers = matching.kind("fxiaoke", "客户")
    columns = ["客户ID", "客户名称", "负责人", "客户类型", "客户分类"]
    found = matching.matches(columns, {}, kind=customers, table="customers")
    assert [c for c in columns if found[c].by == "ask"] == ["客户类型", "客户分类"]
    assert matching.matches(columns[:4], {}, kind=customers, table="customers")["客户类型"].by == "system"


def test_orders_that_go_on_in_further_rows_are_lines_and_products_beside_single_orders_are_a_question():
    dear = {"商品单价": ["￥18.00", "￥32.00"] * 10, "实付金额": ["18", "64"] * 10}
    rows = {"下单时间": ["2024/3/5 10:00"] * 20, "商品名称": ["拿铁", "礼盒"] * 10, "数量": ["1", "2"] * 10, **dear}
    several = {"订单编号": [f"2024{i // 2:06}" for i in range(20)], **rows}
    single = {**several, "订单编号": [f"2024{i:06}" for i in range(20)]}
    alone = {c: several[c] for c in ("订单编号", "下单时间", "实付金额")}  # an order sent twice has no products for it

    def table(sheet: dict[str, list[str]]) -> str:
        return matching.table_of([*sheet], {c: matching.values(v) for c, v in sheet.items()})[0]

    one = {c: several[c] for c in ("订单编号", "下单时间", "商品名称")}
    counted = {c: single[c] for c in ("订单编号", "下单时间", "数量")}  # how many pieces an order has
    found = [table(sheet) for sheet in (several, single, alone, one, counted)]
    assert found == ["order_lines", "", "orders", "order_lines", "orders"]
    assert matching.table_of([*single], {c: matching.values(v) for c, v in single.items()})[1][:2] == ["order_lines", "orders"]


def test_no_field_is_proposed_that_the_table_of_a_file_does_not_feed():
    numbers = matching.values(["1", "2", "3"])
    for table, feeds in matching.FEEDS.items():
        for header in ("Quantity", "Product ID", "feedback_text", "负责人"):
            assert {c.to.partition(".")[0] for c in matching.candidates(header, numbers, table)} <= set(feeds)


def test_no_field_of_products_is_proposed_where_no_product_is_named():
    made = matching.matches(["feedback_id", "category", "brand"], {}, table="feedback")
    assert [made[c].by for c in ("category", "brand")] == ["ask", "ask"]
    assert not any(c.to.startswith("products.") for m in made.values() for c in m.candidates)
    named = matching.matches(["feedback_id", "product_id", "category"], {}, table="feedback")
    assert named["category"].targets == (Target(to="products.category"),)


@pytest.mark.parametrize("table", TABLES)
def test_a_file_with_the_names_of_the_contract_is_its_table_and_every_column_its_field(table):
    names = list(TABLES[table].fields)
    assert matching.table_of(names)[0] == table
    found = matching.matches(names, {}, table=table)
    assert {c: [t.target.field for t in m.targets if t.target] for c, m in found.items()} == {c: [c] for c in names}


def test_names_that_two_tables_share_alike_leave_the_table_a_question():
    assert matching.table_of(["customer_id", "occurred_at", "note"])[0] == ""
    assert matching.table_of(["feedback_id", "customer_id", "feedback_date", "feedback_text", "rating"])[0] == "feedback"


def test_amounts_are_shown_in_a_question_and_what_may_be_a_person_is_not():
    values = matching.values(["￥18.00", "￥1,288.00"])
    assert proposal.samples(matching.by_synonyms("商品单价", values, "order_lines"), values) == "¥18.00 | ¥1,288.00"
    phones = matching.values(["13812345678", "13912345678"])
    assert "12345678" not in proposal.samples(matching.by_synonyms("商品单价", phones, "order_lines"), phones)


def test_the_title_of_a_product_is_no_job_title():
    assert matching.matches(["Title"], {}, table="order_lines")["Title"].by == "ask"
    assert matching.matches(["Title"], {}, table="customers")["Title"].targets[0].to == "customers.job_title"


def test_candidates_are_ranked_by_label_and_by_what_the_values_look_like():
    dates = matching.values(["2024-03-05", "2024-03-06"])
    ranked = matching.candidates("创建时间", dates, "opportunities")
    assert ranked[0].to == "opportunities.created_at"
    assert [c.score for c in ranked] == sorted((c.score for c in ranked), reverse=True)
    texts = matching.values(["steel", "glass"])
    as_text = {c.to: c.score for c in matching.candidates("创建时间", texts, "opportunities")}
    assert as_text.get("opportunities.created_at", 0) < ranked[0].score


GERMAN = {
    "Bestellnummer": [f"B{1000 + i // 2}" for i in range(24)],
    "Kundennummer": [f"K{i // 2 % 5}" for i in range(24)],
    "Bestelldatum": [f"{13 + i // 2}.03.2024" for i in range(24)],
    "Artikel": ["Kaffee", "Tee", "Große Tasse"] * 8,
    "Menge": ["1", "2", "3"] * 8,
    "Einzelpreis": ["12,50", "3,00", "9,90"] * 8,
    "Gesamtbetrag": ["12,50", "6,00", "29,70"] * 8,
}


def test_headers_of_an_unknown_language_have_candidates_by_their_values_and_the_table_too():
    (made,) = proposal.proposal([sheet("Bestellungen.csv", GERMAN)]).proposed
    assert (made.source.table, made.tables[0]) == ("", "order_lines")
    assert {h: m.candidates[0].to for h, m in made.matches.items()} == {
        "Bestellnummer": "order_lines.order_id",
        "Kundennummer": "customers.customer_id",
        "Bestelldatum": "order_lines.order_date",
        "Artikel": "products.product_name",
        "Menge": "order_lines.quantity",
        "Einzelpreis": "order_lines.unit_price",
        "Gesamtbetrag": "order_lines.line_amount",
    }
    assert all(m.by == "ask" for m in made.matches.values()), "what values suggest is asked, never settled"
    text = proposal.text(proposal.Proposal((made,)))
    assert "Tasse" not in text
    assert "K1" not in text, "a sample is masked where nothing says that it is nobody's"
    said = made.source.model_copy(update={"table": "order_lines", "columns": {**made.source.columns, "Menge": (Target(
        to="order_lines.quantity"),)}})  # fmt: skip
    again = proposal.proposal([sheet("Bestellungen.csv", GERMAN)], mapping.Mapping(sources=(said,))).proposed[0]
    assert not [m for m in again.matches.values() for c in m.candidates if c.to == "order_lines.quantity"], "it is taken"


@pytest.mark.parametrize(
    ("rows", "table", "first"),
    [
        ({"Vorgang": [f"V{i}0" for i in range(20)], "Kd": [f"K{i % 4}0" for i in range(20)], "Tag": ["2024-03-05"] * 20,
          "Betrag": ["12,50 €", "1.249,00 €"] * 10}, "orders",
         {"Vorgang": "orders.order_id", "Kd": "customers.customer_id", "Betrag": "orders.order_amount"}),
        ({"Kd-Nr": [f"{i}" for i in range(10000, 10020)], "Wer": [f"Anna {c}b" for c in "ABCDEFGHIJKLMNOPQRST"],
          "Post": [f"a{i}@x.de" for i in range(20)], "Ruf": [f"0170 {i}" for i in range(2000000, 2000020)]}, "customers",
         {"Kd-Nr": "customers.customer_id", "Wer": "customers.customer_name", "Post": "customers.email",
          "Ruf": "customers.phone"}),
    ],
)  # fmt: skip
def test_values_tell_orders_from_customers(rows, table, first):
    (made,) = proposal.proposal([sheet("x.csv", rows)]).proposed
    assert made.tables[0] == table
    assert {h: made.matches[h].candidates[0].to for h in first} == first


ORDERS = {
    "订单编号": ["A1", "A2"],
    "下单时间": ["2024-03-05", "2024-03-06"],
    "客户编号": ["c1", "c2"],
    "订单金额": ["10", "20"],
    "备用": ["13812345678", "张三丰"],
}


def test_a_proposal_shows_its_questions_with_masked_values():
    made = proposal.proposal([sheet("orders_2024-01.csv", ORDERS)])
    text = proposal.text(made)
    assert "orders_*.csv" in text
    assert "备用: ask" in text
    assert "138****5678" in text
    assert "13812345678" not in text
    assert "张三丰" not in text
    assert mapping.parsed(text) == made.mapping
    assert made.mapping.questions == 1


def test_kinds_and_products_are_shown_as_they_are_and_what_may_be_a_person_is_masked():
    rows = {**ORDERS, "状态": ["已付款", "已关闭"], "品牌名": ["Lavazza", "Illy"], "销售": ["王小明", "李四"]}
    text = proposal.text(proposal.proposal([sheet("orders.csv", rows)]))
    assert "已付款 | 已关闭" in text
    assert "王小明" not in text
    assert "张三丰" not in text
    question = text[text.index("状态: ask") :].splitlines()[1]
    assert question.split("candidates: ")[1].startswith("orders.order_status"), "of an order, its own status comes first"
    made = proposal.proposal([sheet("orders.csv", {**ORDERS, "状态": ["王小明", "李四"]})])
    assert "王小明" not in proposal.text(made), "names in a column of any header are masked"


def test_a_chinese_project_is_asked_and_told_in_chinese_with_the_names_that_settings_need():
    language.use("zh_CN", currency="CNY")
    made = proposal.proposal([sheet("o.csv", {**ORDERS, "状态": ["已付款", "已关闭"]})])
    (line,) = proposal.summary(made)
    assert language._("Orders") != "Orders"
    assert language._("Orders") in line
    assert "orders" in line
    _done, shown = walked(made, "", "")
    assert any("orders.order_status" in line and language._("Status of the order") in line for line in shown)


def test_skipping_every_question_leaves_the_mapping_as_it_was():
    text = proposal.text(proposal.proposal([sheet("orders_2024-01.csv", ORDERS)]))
    assert text.count("# by its name") == 4
    again, _ = walked(proposal.proposal([sheet("orders_2024-01.csv", ORDERS)], mapping.parsed(text)), "")
    assert proposal.text(again) == text


def test_answers_survive_the_next_proposal():
    first = proposal.text(proposal.proposal([sheet("orders_2024-01.csv", ORDERS)]))
    answered = mapping.parsed(
        first.replace("备用: ask", "备用: drop").replace("订单金额: orders.order_amount", "订单金额: orders.paid_amount")
    )
    again = proposal.proposal([sheet("orders_2024-01.csv", ORDERS), sheet("orders_2024-02.csv", ORDERS)], answered).mapping
    assert again == answered
    assert proposal.text(proposal.proposal([sheet("orders_2024-01.csv", ORDERS)], answered)) == proposal.text(
        proposal.proposal([sheet("orders_2024-01.csv", ORDERS)], again)
    )


def test_a_new_header_of_a_known_file_is_a_question_and_the_rest_stays():
    said = mapping.parsed(proposal.text(proposal.proposal([sheet("o.csv", ORDERS)])).replace("备用: ask", "备用: drop"))
    made = proposal.proposal([sheet("o.csv", {**ORDERS, "新列": ["x", "y"]})], said).mapping
    assert made.sources[0].open == ("新列",)
    assert made.sources[0].columns["备用"] == (Target(to="drop"),)


def test_cells_below_the_first_row_of_an_order_are_a_question():
    rows = {"订单编号": ["A1", None, "A2"], "下单时间": ["2024-03-05", None, "2024-03-06"], "商品编号": ["x", "y", "x"],
            "数量": ["1", "2", "1"], "行金额": ["5", "7", "5"]}  # fmt: skip
    made = proposal.proposal([sheet("o.csv", rows)])
    assert made.proposed[0].blank == ("订单编号", "下单时间")
    assert "# fill: [订单编号, 下单时间]" in proposal.text(made)
    done, _ = walked(made, "1")
    assert done.mapping.sources[0].fill == ("订单编号", "下单时间")
    assert proposal.text(done).count("question:") == 0
    no, _ = walked(made, "2")
    assert "  fill: []\n" in proposal.text(no)
    again = proposal.proposal([sheet("o.csv", rows)], mapping.parsed(proposal.text(no)))
    assert proposal.text(again) == proposal.text(no), "nobody is asked twice"


def test_years_of_the_republic_are_a_question():
    rows = {k: v for k, v in ORDERS.items() if k != "备用"} | {"下单时间": ["113/03/05", "113年3月6日"]}
    made = proposal.proposal([sheet("o.csv", rows)])
    assert "113 is 2024" in proposal.text(made)
    done, _ = walked(made, "1")
    assert done.mapping.sources[0].columns["下单时间"] == (Target(to="orders.order_date", roc_years=True),)
    assert "question:" not in proposal.text(done)
    no, _ = walked(made, "2")
    assert "下单时间: {to: orders.order_date, roc_years: false}" in proposal.text(no)
    again = proposal.proposal([sheet("o.csv", rows)], mapping.parsed(proposal.text(no)))
    assert proposal.text(again) == proposal.text(no), "nobody is asked twice"


def test_the_order_of_day_and_month_is_read_from_the_values_or_asked():
    told = {**ORDERS, "下单时间": ["3/13/2024", "3/6/2024"]}
    assert proposal.proposal([sheet("o.csv", told)]).mapping.sources[0].date_order == "mdy"
    open_ = proposal.proposal([sheet("o.csv", {**ORDERS, "下单时间": ["3/5/2024", "3/6/2024"]})])
    assert open_.mapping.sources[0].date_order == ""
    assert "dmy" in proposal.text(open_)


def test_a_year_of_two_digits_may_be_said_to_stand_first():
    short = proposal.proposal([sheet("o.csv", {**ORDERS, "下单时间": ["03/04/05", "06/05/04"]})])
    done, shown = walked(short, "3", "q")
    assert done.mapping.sources[0].date_order == "ymd"
    assert "A year of two digits may also stand first" in "\n".join(shown)
    long, _ = walked(proposal.proposal([sheet("o.csv", {**ORDERS, "下单时间": ["3/5/2024", "3/6/2024"]})]), "3", "", "q")
    assert long.mapping.sources[0].date_order == ""


def test_dates_with_points_are_day_first_and_no_question():
    made = proposal.proposal([sheet("o.csv", {**ORDERS, "下单时间": ["08.09.2025", "05.06.2025"]})])
    assert proposal.ambiguous_dates(made.proposed[0]) == ()
    assert "dmy" not in proposal.text(made)


def test_a_day_above_twelve_anywhere_in_the_file_tells_the_order():
    n = proposal.SAMPLE_ROWS + 1
    rows = {k: v[:1] * n for k, v in ORDERS.items()} | {"下单时间": ["3/1/2024"] * (n - 1) + ["13/1/2024"]}
    made = proposal.proposal([sheet("o.csv", rows)])
    assert made.mapping.sources[0].date_order == "dmy"


def test_a_decimal_comma_is_seen_in_the_cells_and_asked_where_they_contradict_each_other():
    made = proposal.proposal([sheet("o.csv", {**ORDERS, "订单金额": ["1.249,00", "12,5"]})])
    assert made.mapping.sources[0].decimal == ","
    assert "decimal: ','  # numbers are written with a decimal comma, as in 1.249,00" in proposal.text(made)
    assert mapping.parsed(proposal.text(made)).sources[0].decimal == ","
    for either in (["1,249", "1.249"], ["1,249.00", "12.5"], ["10", "20"]):
        assert proposal.proposal([sheet("o.csv", {**ORDERS, "订单金额": either})]).mapping.sources[0].decimal == ""
    rows = {k: v for k, v in ORDERS.items() if k != "备用"} | {"订单金额": ["1.249,00", "12.5"]}
    torn = proposal.proposal([sheet("o.csv", rows)])
    assert torn.mapping.sources[0].decimal == ""
    assert "question: is the decimal sign a comma, as in 1.249,00, or a point, as in 12.5?" in proposal.text(torn)
    assert "Open questions: 1" in proposal.written(True, torn)
    assert "open questions: 1" in proposal.summary(torn)[0]
    for answer, sign in {"1": ",", "2": ".", "": ""}.items():
        done, _ = walked(torn, answer)
        assert done.mapping.sources[0].decimal == sign


def test_answers_are_kept_when_the_input_ends(tmp_path):
    (tmp_path / "engagement.yml").write_text("name: T\nclient: Test\ncurrency: CNY\ntime_zone: Asia/Shanghai\n", "utf-8")
    (tmp_path / "data" / "raw").mkdir(parents=True)
    rows = "\n".join(",".join(r) for r in zip(*ORDERS.values(), "xy", strict=True))
    (tmp_path / "data" / "raw" / "o.csv").write_text(f"{','.join(ORDERS)},Mystery\n{rows}\n", "utf-8")
    done = CliRunner().invoke(cli.app, ["map", "--ask", "--project", str(tmp_path)], input="d\n")
    assert done.exit_code == 0, done.output
    assert "Aborted" not in done.output
    assert "what was answered is kept" in done.output
    (source,) = mapping.read(tmp_path).sources
    assert source.columns["备用"] == (Target(to="drop"),)
    assert source.open == ("Mystery",)


def test_answers_are_kept_when_the_analyst_presses_ctrl_c(monkeypatch, capsys):
    def pressed(*_args, **_more):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise typer.Abort from None

    monkeypatch.setattr(typer, "prompt", pressed)
    assert cli._typed("?") == "q"
    assert "Stopped: what was answered is kept" in capsys.readouterr().out


def walked(made: proposal.Proposal, *answers: str) -> tuple[proposal.Proposal, list[str]]:
    waiting, shown = list(answers), []
    done = wizard.walk(made, lambda prompt: waiting.pop(0), shown.append)
    assert not waiting
    return done, shown


def test_the_wizard_takes_numbers_fields_keep_drop_and_later():
    rows = {**ORDERS, "负责人": ["a", "b"], "Mystery": ["1", "2"], "Other": ["x", "y"]}
    made = proposal.proposal([sheet("o.csv", rows)])
    assert made.mapping.sources[0].open == ("备用", "负责人", "Mystery", "Other")
    done, shown = walked(made, "", "1", "nonsense", "orders.channel", "q")
    columns = done.mapping.sources[0].columns
    assert columns["备用"] == (Target(to=ASK),)
    assert columns["负责人"][0].to == made.proposed[0].matches["负责人"].candidates[0].to
    assert columns["Mystery"] == (Target(to="orders.channel"),)
    assert columns["Other"] == (Target(to=ASK),)
    assert not any("13812345678" in line for line in shown)
    done, _ = walked(made, "k", "d", "D")
    assert done.mapping.questions == 0


def test_the_wizard_takes_what_mapping_yml_takes_and_says_what_can_be_typed():
    rows = {**ORDERS, "Mystery": ["1.5", "2.5"], "Other": ["x", "y"]}
    made = proposal.proposal([sheet("o.csv", rows)])
    typed = ["zzz", "9", "[orders.channel", "keep, orders.channel", "?", "orders.channel, orders.store"]
    done, shown = walked(made, *typed, "{to: orders.paid_amount, unit: 万元}", "drop")
    (source,) = done.mapping.sources
    assert source.columns["备用"] == (Target(to="orders.channel"), Target(to="orders.store"))
    assert source.columns["Mystery"] == (Target(to="orders.paid_amount", unit="万元"),)
    assert source.columns["Other"] == (Target(to="drop"),)
    assert sum("is not understood" in line for line in shown) == 4
    assert any("orders.sales_rep" in line and "Sales representative" in line for line in shown), "? shows what fields hold"
    assert "  Mystery becomes {to: orders.paid_amount, unit: 万元}" in shown
    assert mapping.parsed(proposal.text(done)) == done.mapping


def test_a_number_that_is_none_of_the_choices_is_asked_again():
    rows = {**{k: v for k, v in ORDERS.items() if k != "备用"}, "下单时间": ["03/04/2024", "05/06/2024"]}
    made = proposal.proposal([sheet("o.csv", rows)])
    done, shown = walked(made, "dmy?", "3", "2")
    assert done.mapping.sources[0].date_order == "mdy"
    assert sum("Type a number from 1 to 2" in line for line in shown) == 2
    (unknown,) = proposal.proposal([sheet("x.csv", GERMAN)]).proposed
    done, _ = walked(proposal.Proposal((unknown,)), "99", "order_lines", "q")
    assert done.mapping.sources[0].table == "order_lines"


def test_keeping_what_may_be_names_is_warned_of_in_the_file_and_in_the_wizard():
    rows = {
        **ORDERS,
        "备用": ["red", "blue"],
        "客户姓名": ["x", "y"],
        "Kontakt": ["Anna Meier", "王小明"],
        "Farbe": ["rot", "blau"],
    }
    made = proposal.proposal([sheet("o.csv", rows)])
    done, shown = walked(made, "keep", "keep", "keep")
    assert sum("may tell who somebody is" in line for line in shown) == 1
    text = proposal.text(done).replace("客户姓名: customers.customer_name", "客户姓名: keep")
    again = proposal.text(proposal.proposal([sheet("o.csv", rows)], mapping.parsed(text))).splitlines()
    warned = [again[i - 1].split(":")[0].strip() for i, line in enumerate(again) if "may tell who somebody is" in line]
    assert warned == ["客户姓名", "Kontakt"]


def test_every_question_on_a_layout_that_nobody_has_confirmed_says_so():
    rows = {
        "商机名": ["x"],
        "客户": ["a"],
        "商机进度": ["成交"],
        "商机金额": ["1"],
        "创建时间": ["2024-03-01"],
        "Mystery": ["1"],
        "Other": ["2"],
    }
    _done, shown = walked(proposal.proposal([sheet("b.csv", rows)]), "d", "d")
    assert sum("unconfirmed layout" in line for line in shown) == 2


def test_the_wizard_asks_for_what_a_table_cannot_be_without():
    rows = {k: v for k, v in ORDERS.items() if k != "备用"} | {"商品名称": ["x", "y"], "数量": ["1", "2"], "单价": ["10", "10"]}
    made = proposal.proposal([sheet("o.csv", rows)])
    assert made.proposed[0].missing == ("order_lines.product_id",)
    assert "Open questions: 1." in proposal.written(True, made)
    done, shown = walked(made, "1")
    assert "  no column is order_lines.product_id (Id of the product), which every row of order_lines needs" in shown
    assert any("table: orders" in line for line in shown)
    assert Target(to="order_lines.product_id") in done.mapping.sources[0].columns["商品名称"]
    assert assembly.missing(done.mapping.sources[0]) == ()


def test_what_was_paid_is_asked_for_where_lines_have_no_amount_of_their_own():
    lines = {**ORDERS, "商品编号": ["x", "y"], "数量": ["1", "1"], "单价": ["10", "20"], "实付金额": ["10", "-20"]}
    made = proposal.proposal([sheet("o.csv", {k: v for k, v in lines.items() if k not in ("备用", "订单金额")})])
    assert made.mapping.sources[0].open == ("实付金额",)
    first, second, *_rest = made.proposed[0].matches["实付金额"].candidates
    assert (first.to, second.to) == ("order_lines.line_amount", "orders.paid_amount")
    told = proposal.proposal([sheet("o.csv", {**lines, "行金额": ["10", "20"]})]).mapping.sources[0].columns
    assert told["实付金额"] == (Target(to="orders.paid_amount"),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sources: [{files: [a.csv], table: orders, columns: {X: orders.order_dat}}]", "Did you mean"),
        ("sources: [{files: [a.csv], tabel: orders, columns: {X: drop}}]", "a.csv: tabel"),
        ("sources: [{files: [a.csv], table: baskets, columns: {X: drop}}]", "no contract table"),
        ("sources: [{files: [a.csv], time_zone: Mars, columns: {X: drop}}]", "IANA"),
        ("sources: [{files: [a.csv], columns: {X: drop, X: keep}}]", "written twice"),
        ("sources: [{files: [a.csv], refunds: {policy: status}, columns: {X: drop}}]", "needs values"),
        ("sources:\n- files: [a.csv]\n  tabel: x\n  columns: {X: drop}", "line 3: a.csv: tabel: There is no such key.* table,"),
        ("sources: [{files: [a.csv], columns: {X: {to: drop, unitt: 元}}}]", "X: unitt: There is no such key.* rank, name"),
        (
            "sources:\n- files: [a.csv]\n  fill: order\n  columns: {X: drop}",
            r"line 3: a.csv: fill: Write a list, such as .a, b. ",
        ),
        ("sources:\n- files: [a.csv]\n  date_order: dd\n  columns: {X: drop}", "line 3: .*: Write 'ymd', 'dmy' or 'mdy'"),
        ("sources: []\nversion: 2", r"line 2: version: Write 1 \(it says 2\)"),
        ("sources:\n- table: orders\n", "line 2: source 1: files: This key is missing"),
        ("- a", "expected `sources:`"),
        ("sources: [", "cannot be read"),
    ],
)
def test_a_mapping_that_is_wrong_says_where_and_how_to_mend_it(text, said):
    with pytest.raises(UserError, match=said) as error:
        mapping.parsed(text)
    assert "mapping.yml" in str(error.value)


def test_a_source_is_found_by_sheet_by_file_and_by_archive():
    source = Source(files=("a.zip", "b.xlsx#Orders", "c_*.csv"), columns={"X": "drop"})
    assert source.matches("a.zip/x.csv")
    assert source.matches("b.xlsx#Orders")
    assert not source.matches("b.xlsx#Other")
    assert source.matches("c_2024.csv")


def test_systems_need_no_code(monkeypatch):
    said = yaml.safe_load(
        "{system: acme, name: Acme, layout: confirmed, sheets: {Sales: {table: orders, detect: [[Beleg], [Summe]], "
        "time_zone: Europe/Berlin, date_order: dmy, decimal: ',', "
        "columns: {order_id: Beleg, order_amount: Summe, order_date: Datum}, drop: [Notiz]}}}"
    )
    own = tuple(matching._kinds("acme.yml", said))
    monkeypatch.setattr(matching, "kinds", lambda: own)
    kind = matching.detected(["Beleg", "Datum", "Summe", "Notiz"])[0]
    found = matching.matches(["Beleg", "Datum", "Summe", "Notiz"], {}, kind=kind, table="orders")
    assert [m.targets[0].to for m in found.values()] == ["orders.order_id", "orders.order_date", "orders.order_amount", "drop"]
    rows = {"Beleg": ["1"], "Datum": ["05.03.2024"], "Summe": ["1"], "Notiz": ["x"]}
    (source,) = proposal.proposal([sheet("s.csv", rows)]).mapping.sources
    assert (source.time_zone, source.date_order, source.decimal) == ("Europe/Berlin", "dmy", ",")
