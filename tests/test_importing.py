"""`fivestep import` from end to end on small files: what becomes of rows, money and people, and what stops it."""

from __future__ import annotations

import os
import sqlite3
import stat
import tempfile
from decimal import Decimal
from pathlib import Path

import ibis
import openpyxl
import pandas as pd
import pyarrow.compute as pc
import pytest

from conftest import in_the_vault
from fivestep import engine, needs
from fivestep.engagement import Settings
from fivestep.errors import UserError
from fivestep.intake import assembly, importing, mapping, proposal, scratch, sources
from fivestep.intake.importing import Imported
from fivestep.privacy.pseudonyms import Pseudonyms

SETTINGS = Settings(name="Test", client="Test", currency="CNY", time_zone="Asia/Shanghai")
PLAIN = """\
sources:
- files: ["orders*.csv"]
  table: orders
  columns: {id: orders.order_id, day: orders.order_date, who: customers.customer_id, sum: orders.order_amount}
"""


def put(project: Path, name: str, text: str, encoding: str = "utf-8") -> None:
    (project / "data" / "raw" / name).write_bytes(text.encode(encoding))


def run(project: Path, said: str = "", settings: Settings = SETTINGS, **more) -> Imported:
    if said:
        (project / "mapping.yml").write_text(said, encoding="utf-8")
    return importing.import_(project, settings, **more)


def mapped(project: Path, settings: Settings = SETTINGS, **more) -> Imported:
    """The import with the mapping that `fivestep map` proposes, its open questions dropped."""
    proposed = proposal.propose(project, engine.connect())
    proposal.write(project, proposal.text(proposed))
    return run(project, "", settings, **more)


def table(done: Imported, name: str) -> pd.DataFrame:
    return pd.read_parquet(done.folder / f"{name}.parquet")


def checks(done: Imported) -> dict[str, int]:
    out: dict[str, int] = {}
    for line in done.quality.lines:
        out[line.check] = out.get(line.check, 0) + line.rows
    return out


# ---------------------------------------------------------------- databases
SHOP = """\
sources:
- files: [shop]
  database: {url: "sqlite:///data/shop.db", query: "select * from orders where state <> 'test'"}
  table: orders
  columns: {id: orders.order_id, day: orders.order_date, who: customers.customer_id, sum: orders.order_amount, state: drop}
"""


def shop(project: Path, *rows: tuple) -> None:
    with sqlite3.connect(project / "data" / "shop.db") as link:
        link.execute("create table if not exists orders (id text, day text, who text, sum real, state text)")
        link.executemany("insert into orders values (?, ?, ?, ?, ?)", rows)
    link.close()


def test_a_query_of_a_database_is_imported_and_only_what_is_new_counts(project):
    shop(project, ("1", "2024-03-05", "a", 10.5, "paid"), ("2", "2024-03-06", "b", 2, "test"))
    done = run(project, SHOP)
    assert (done.rows, done.money["orders.net"]) == ({"orders": 1}, Decimal("10.5"))
    assert {line.source for line in done.quality.of("rows_read")} == {"shop"}
    assert not run(project).new
    shop(project, ("3", "2024-03-07", "a", 1, "paid"))
    again = run(project)
    assert again.new
    assert again.rows == {"orders": 2}


def test_columns_of_a_database_are_proposed(project):
    shop(project, ("1", "2024-03-05", "a", 10.5, "paid"))
    (project / "mapping.yml").write_text(
        "sources:\n- files: [shop]\n  database: {url: 'sqlite:///data/shop.db', table: orders}\n", encoding="utf-8"
    )
    proposed = proposal.propose(project, engine.connect())
    text = proposal.text(proposed)
    assert "database: {url: 'sqlite:///data/shop.db', table: orders}" in text
    assert set(mapping.parsed(text).sources[0].columns) == {"id", "day", "who", "sum", "state"}


def test_the_password_of_a_database_is_never_written_anywhere(project, monkeypatch):
    url = "postgresql+nothere://reader{}@db.example/shop"
    said = SHOP.replace("sqlite:///data/shop.db", url.format(""))
    for place, wrong in (
        (url.format(""), url.format(":hunter2")),
        (url.format(""), url.format("") + "?password=hunter2"),
        ("query:", "password: hunter2, query:"),
    ):
        with pytest.raises(UserError, match="environment variable") as error:
            run(project, said.replace(place, wrong))
        assert "hunter2" not in str(error.value)
    said = said.replace("query:", "password: SHOP_PASSWORD, query:")
    with pytest.raises(UserError, match="Set the environment variable SHOP_PASSWORD"):
        run(project, said)
    monkeypatch.setenv("SHOP_PASSWORD", "hunter2")
    with pytest.raises(UserError, match="did not answer") as error:
        run(project)
    assert "hunter2" not in str(error.value)
    assert not [p for p in project.rglob("*") if p.is_file() and b"hunter2" in p.read_bytes()]


# ---------------------------------------------------------------- what stops an import
def test_a_column_that_is_gone_or_new_stops_the_import_and_names_file_and_fix(project):
    put(project, "orders.csv", "id,day,who,total\n1,2024-03-05,a,10\n")
    with pytest.raises(UserError) as error:
        run(project, PLAIN)
    assert "orders.csv: the column 'sum' is gone" in str(error.value)
    assert "the column 'total' is new" in str(error.value)
    assert "fivestep map" in str(error.value)
    assert not (project / "data" / "contract").exists()


def test_a_header_that_differs_in_case_and_blanks_only_is_the_same(project):
    put(project, "orders.csv", "ID ,Day,WHO,sum\n1,2024-03-05,a,10\n")
    assert run(project, PLAIN).rows == {"orders": 1}


def test_a_file_that_the_mapping_does_not_know_stops_the_import(project):
    put(project, "orders.csv", "id,day,who,sum\n1,2024-03-05,a,10\n")
    put(project, "other.csv", "x,y\n1,2\n")
    with pytest.raises(UserError, match=r"other\.csv"):
        run(project, PLAIN)
    assert run(project, PLAIN + "ignore: [other.csv]\n").rows == {"orders": 1}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("1,3/5/2024,a,10\n", "date_order"),
        ("1,2024-03-05,a,1.5万\n2,2024-03-05,a,30\n", "bare number"),
        ("1,2024-03-05,a,$5\n", "engagement.yml says CNY"),
        ("1,2024-03-05,a,$5\n2,2024-03-05,a,￥5\n", "several currencies"),
        ("1.23E+17,2024-03-05,a,5\n", "lost digits"),
    ],
)
def test_what_must_not_be_guessed_stops_the_import(project, rows, said):
    put(project, "orders.csv", "id,day,who,sum\n" + rows)
    with pytest.raises(UserError, match=said) as error:
        run(project, PLAIN)
    assert "orders" in str(error.value)
    assert "\n" not in str(error.value)


def test_amounts_with_a_decimal_comma_import_and_unread_ones_say_the_cure(project):
    put(project, "orders.csv", 'id,day,who,sum\n1,08.09.2025,a,"1.249,00"\n2,14.09.2025,b,"12,5"\n')
    with pytest.raises(UserError, match=r'2 of 2 cells.*every row of orders needs orders.order_amount\. Say `decimal: ","`'):
        run(project, PLAIN)
    done = run(project, PLAIN.replace("  table", '  decimal: ","\n  table'))
    assert list(table(done, "orders")["order_amount"]) == [1249, Decimal("12.5")]


def test_required_fields_that_no_column_fills_stop_the_import(project):
    put(project, "orders.csv", "id,day,who,sum\n1,2024-03-05,a,10\n")
    with pytest.raises(UserError, match=r"orders\.order_amount"):
        run(project, PLAIN.replace("orders.order_amount", "drop"))


def test_strict_makes_chosen_warnings_fatal_and_nothing_is_written(project):
    put(project, "orders.csv", "id,day,who,sum\n1,2024-03-05,a,10\n2,2024-03-06,a,ten\n")
    with pytest.raises(UserError, match="Nothing was imported"):
        run(project, PLAIN, strict=("not_parsed",))
    assert not list((project / "data").glob("contract/*/*.parquet"))
    assert not (project / "data" / "vault").exists()
    done = run(project)
    assert checks(done)["not_parsed"] == 1


def test_a_dry_run_checks_everything_and_writes_nothing(project):
    put(project, "orders.csv", "id,day,who,sum\n1,2024-03-05,a,10\n")
    done = run(project, PLAIN, dry=True)
    assert (done.folder, done.rows) == (None, {"orders": 1})
    assert not list((project / "data").glob("contract/*/*.parquet"))


# ---------------------------------------------------------------- rows and money
def test_every_row_is_kept_or_counted_under_a_reason(project):
    put(project, "orders.csv", "id,day,who,sum\n1,2024-03-05,a,10\n,2024-03-05,b,20\n3,never,c,30\n4,2024-03-06,d,40\n")
    done = run(project, PLAIN)
    found = checks(done)
    assert (found["rows_read"], found["rows_kept"], found["rows_dropped"]) == (4, 2, 2)
    assert done.quality.balanced()
    money = next(x for x in done.quality.of("money") if "before" in x.values)
    assert (money.values["before"], money.values["left_out"], money.values["after"]) == (Decimal(100), Decimal(50), Decimal(50))


def test_refunds_follow_the_policy_that_is_stated(project):
    put(
        project,
        "orders.csv",
        "id,day,who,sum,back,state\n1,2024-03-05,a,10,0,成功\n2,2024-03-05,b,20,5,成功\n3,2024-03-06,c,30,,退款成功\n4,2024-03-06,d,7,,交易关闭\n",
    )
    columns = PLAIN.replace(
        "sum: orders.order_amount}", "sum: orders.order_amount, back: orders.refund_amount, state: orders.order_status}"
    )
    closed = "  exclude: {orders.order_status: [交易关闭]}\n"
    done = run(project, columns + closed + "  refunds: {policy: refund_column}\n")
    assert [done.money[f"orders.{k}"] for k in ("gross", "refunds", "net")] == [Decimal(60), Decimal(5), Decimal(55)]
    assert table(done, "orders").set_index("order_id")["order_amount"].to_dict() == {"1": 10, "2": 15, "3": 30}
    done = run(project, columns + closed + "  refunds: {policy: status, values: [退款成功]}\n")
    assert [done.money[f"orders.{k}"] for k in ("gross", "refunds", "net")] == [Decimal(60), Decimal(30), Decimal(30)]
    assert sorted(table(done, "orders")["order_id"]) == ["1", "2"]


def test_order_cells_on_the_first_row_only_are_filled_and_never_added_up(project):
    put(
        project, "orders_export.csv",
        "Name,Email,Financial Status,Currency,Subtotal,Shipping,Taxes,Total,Created at,Lineitem quantity,Lineitem name,"
        "Lineitem price,Lineitem sku\n"
        "#1,Ann@x.com,paid,CNY,30,5,0,35,2025-10-07 09:50:26 +0200,1,Cup,10,C\n"
        "#1,,,,,,,,,2,Pot,10,P\n"
        "#2,bob@x.com,paid,CNY,10,0,0,10,2025-10-08 09:50:26 +0200,1,Cup,10,\n",
    )  # fmt: skip
    done = mapped(project)
    orders, lines = table(done, "orders").set_index("order_id"), table(done, "order_lines")
    assert orders["order_amount"].to_dict() == {"#1": Decimal(35), "#2": Decimal(10)}
    assert str(orders.loc["#1", "order_date"]) == "2025-10-07 15:50:26"
    assert lines["line_amount"].sum() == Decimal(40)
    assert lines.groupby("order_id")["customer_id"].nunique().tolist() == [1, 1]
    assert lines["customer_id"].notna().all()
    assert set(lines["product_id"]) == {"C", "P", "Cup"}


def test_customer_cells_are_filled_down_to_the_next_customer_and_no_further(project):
    put(
        project,
        "c.csv",
        "客户名称,客户编号,客户状态,客户来源,联系人姓名,手机\n甲公司,K1,意向客户,展会,张三,13800000001\n,,,,李四,13800000002\n乙公司,K2,,,王五,13800000003\n",
    )
    said = """\
sources:
- files: [c.csv]
  table: customers
  fill: [客户编号, 客户名称, 客户状态, 客户来源]
  columns:
    客户名称: customers.customer_name
    客户编号: customers.customer_id
    客户状态: customers.customer_status
    客户来源: customers.source
    联系人姓名: contacts.contact_name
    手机: contacts.phone
"""
    done = run(project, said)
    customers = table(done, "customers")
    assert len(customers) == 2
    assert customers["customer_status"].isna().sum() == 1
    contacts = in_the_vault(project, "contacts")
    assert contacts.groupby("raw_id")["name"].apply(sorted).to_dict() == {"K1": ["张三", "李四"], "K2": ["王五"]}


def test_packed_items_are_exploded_and_their_number_checked(project):
    put(
        project, "订单.csv",
        "订单号,订单状态,订单创建时间,买家手机号,全部商品名称,订单商品总件数,订单实收金额\n"
        "E1,交易完成,2024-03-05 10:00:00,13800000001,杯子(白色)(2件);壶(1件),3,10\n"
        "E2,交易完成,2024-03-06 10:00:00,13800000002,杯子(白色)(1件),2,5\n"
        "E3,交易关闭,2024-03-06 10:00:00,138****0003,壶(1件),1,9\n",
    )  # fmt: skip
    done = mapped(project)
    lines = table(done, "order_lines").sort_values(["order_id", "line_id"])
    assert lines[["order_id", "product_id", "quantity"]].values.tolist() == [
        ["E1", "杯子(白色)", 2.0], ["E1", "壶", 1.0], ["E2", "杯子(白色)", 1.0],
    ]  # fmt: skip
    assert lines["line_amount"].tolist() == [Decimal("6.67"), Decimal("3.33"), Decimal("5.00")]
    assert table(done, "orders")["order_amount"].sum() == Decimal(15)
    assert checks(done)["items"] == 1
    assert checks(done)["rows_dropped"] == 1


def test_lines_take_the_day_of_their_order_and_go_with_it(project):
    put(project, "orders.csv", "id,day,who,sum,state\n1,2024-03-05,a,10,ok\n2,2024-03-06,b,20,交易关闭\n")
    put(project, "items.csv", "id,item,n,price\n1,x,2,5\n2,x,4,5\n9,x,1,5\n")
    said = PLAIN.replace("sum: orders.order_amount}", "sum: orders.order_amount, state: orders.order_status}")
    said += "  exclude: {orders.order_status: [交易关闭]}\n" + (
        "- files: [items.csv]\n  table: order_lines\n  columns: {id: orders.order_id, item: products.product_id, "
        "n: order_lines.quantity, price: order_lines.unit_price}\n"
    )
    done = run(project, said)
    lines = table(done, "order_lines")
    assert lines["order_id"].tolist() == ["1"]
    assert str(lines["order_date"][0].date()) == "2024-03-05"
    assert {x.rows for x in done.quality.of("rows_dropped") if x.source == "items.csv"} == {1}
    assert done.quality.balanced()


def test_names_are_looked_up_only_where_they_are_unique(project):
    put(project, "customers.csv", "no,name\nK1,甲公司\nK2,乙公司\nK3,乙公司\n")
    put(project, "orders.csv", "id,day,who,sum\n1,2024-03-05,甲公司,10\n2,2024-03-05,乙公司,20\n3,2024-03-05,丙公司,30\n")
    said = PLAIN.replace("who: customers.customer_id", "who: {to: customers.customer_id, by: customer_name}")
    said += (
        "- files: [customers.csv]\n  table: customers\n  columns: {no: customers.customer_id, name: customers.customer_name}\n"
    )
    done = run(project, said)
    who = table(done, "orders").set_index("order_id")["customer_id"]
    vault = in_the_vault(project).set_index("raw_id")["customer_id"]
    assert who["1"] == vault["K1"]
    assert pd.isna(who["2"])
    assert who["3"] == vault["丙公司"]
    assert [x.rows for x in done.quality.of("joined_by_name")] == [1, 1]


def test_repeated_keys_become_one_row_and_the_later_value_counts(project):
    put(project, "orders.csv", "id,day,who,sum\n1,2024-03-05,a,10\n1,2024-03-05,a,12\n2,2024-03-06,b,\n")
    put(project, "orders_2.csv", "id,day,who,sum\n2,2024-03-06,b,20\n")
    done = run(project, PLAIN)
    assert table(done, "orders").set_index("order_id")["order_amount"].to_dict() == {"1": 12, "2": 20}
    assert done.quality.balanced()
    assert checks(done)["duplicate_keys"] == 1


LINES = """\
sources:
- files: ["lines*.csv"]
  table: order_lines
  columns: {id: orders.order_id, no: order_lines.line_id, day: orders.order_date, what: products.product_id,
    sum: order_lines.line_amount}
"""


def test_a_line_sent_twice_counts_once_and_one_with_other_values_gives_way_to_the_later(project):
    put(project, "lines.csv", "id,no,day,what,sum\n1,1,2024-03-05,P,10\n1,1,2024-03-05,P,10\n1,2,2024-03-05,P,10\n")
    put(project, "lines_2.csv", "id,no,day,what,sum\n1,2,2024-03-05,P,12\n2,1,2024-03-06,Q,5\n2,1,2024-03-06,Q,5\n")
    done = run(project, LINES)
    lines = table(done, "order_lines")
    assert lines.set_index(["order_id", "line_id"])["line_amount"].to_dict() == {("1", "1"): 10, ("1", "2"): 12, ("2", "1"): 5}
    dropped = [(x.source, x.severity, x.rows, x.first_row) for x in done.quality.of("rows_dropped")]
    assert dropped == [("lines.csv", "note", 1, 2), ("lines.csv", "warning", 1, 4), ("lines_2.csv", "note", 1, 3)]
    assert done.quality.balanced()
    assert not done.quality.of("duplicate_keys")
    assert [x.values["left_out"] for x in done.quality.of("money") if "left_out" in x.values] == [Decimal(25)]


def test_identical_rows_without_a_key_are_kept_and_counted_or_dropped_where_the_mapping_says_so(project):
    put(project, "lines.csv", "id,day,what,sum\n1,2024-03-05,P,10\n1,2024-03-05,P,10\n1,2024-03-05,P,10\n2,2024-03-05,P,10\n")
    said = LINES.replace("no: order_lines.line_id, ", "")
    done = run(project, said)
    assert (done.rows["order_lines"], done.money["order_lines.net"]) == (4, 40)
    (line,) = done.quality.of("identical_rows")
    assert (line.rows, line.of, line.first_row, line.severity) == (2, 4, 3, "warning")
    assert "repeats: drop" in line.mend()
    done = run(project, said.replace("table:", "repeats: drop\n  table:"))
    assert (done.rows["order_lines"], done.money["order_lines.net"]) == (2, 20)
    assert not done.quality.of("identical_rows")
    assert [(x.rows, x.first_row) for x in done.quality.of("rows_dropped")] == [(2, 3)]
    assert done.quality.balanced()


def test_a_contact_noted_twice_is_counted_and_stays_until_the_mapping_says_otherwise(project):
    put(project, "calls.csv", "who,at,kind\na,2024-03-05 10:00,call\na,2024-03-05 10:00,call\nb,2024-03-05 10:00,call\n")
    said = """\
sources:
- files: [calls.csv]
  table: interactions
  columns: {who: customers.customer_id, at: interactions.occurred_at, kind: interactions.interaction_type}
"""
    done = run(project, said)
    assert done.rows == {"interactions": 3}
    assert [(x.table, x.rows) for x in done.quality.of("identical_rows")] == [("interactions", 1)]
    assert run(project, said.replace("table:", "repeats: drop\n  table:")).rows == {"interactions": 2}


def test_deals_closed_before_they_began_odds_of_150_percent_and_the_year_2099_are_told(project):
    put(project, "deals.csv", "id,who,from,to,odds\n1,a,2024-03-05,2024-03-01,150%\n2,b,2024-03-05,2099-03-06,20%\n")
    said = """\
sources:
- files: [deals.csv]
  table: opportunities
  columns: {id: opportunities.opportunity_id, who: customers.customer_id, from: opportunities.created_at,
    to: opportunities.closed_at, odds: opportunities.win_probability}
"""
    done = run(project, said)
    told = {x.check: x for x in done.quality.of("time_order", "above_maximum", "future")}
    assert {k: (x.table, x.column, x.severity, x.rows) for k, x in told.items()} == {
        "time_order": ("opportunities", "closed_at", "warning", 1),
        "above_maximum": ("opportunities", "win_probability", "warning", 1),
        "future": ("opportunities", "closed_at", "warning", 1),
    }
    assert told["time_order"].text() == "Rows of opportunities whose closed_at lies before created_at: 1."
    assert all(x.mend() and x.first_row for x in told.values())
    assert done.rows == {"opportunities": 2}, "nothing is left out"


# ---------------------------------------------------------------- people, and again
def test_direct_identifiers_go_to_the_vault_only(project):
    put(project, "orders.csv", "id,day,who,sum,name,tel,mail,more\n1,2024-03-05,K1,10,张三丰,13812345678,zsf@x.com,13812345678\n")
    said = PLAIN.replace(
        "sum: orders.order_amount}",
        "sum: orders.order_amount, name: customers.customer_name, tel: customers.phone, mail: customers.email, more: keep}",
    )
    done = run(project, said)
    for path in done.folder.rglob("*"):
        content = pd.read_parquet(path).to_csv() if path.suffix == ".parquet" else path.read_text(encoding="utf-8")
        for secret in ("张三丰", "13812345678", "zsf@x.com", "K1"):
            assert secret not in content, path.name
    assert "more" not in table(done, "orders").columns
    assert checks(done)["personal"] == 1
    vault = project / "data" / "vault" / "customers.sealed"
    assert in_the_vault(project).iloc[0][["raw_id", "name", "phone", "email"]].tolist() == [
        "K1",
        "张三丰",
        "13812345678",
        "zsf@x.com",
    ]
    assert stat.S_IMODE(vault.stat().st_mode) == 0o600


def test_what_is_known_of_a_person_has_its_fields(project):
    put(
        project, "会员资料.csv",
        "会员编号,姓名,手机号,电子邮箱,地址,年龄,职业,行业,公司规模,兴趣爱好\n"
        "K1,张三丰,13812345678,zsf@x.com,武当山1号,42,教师,教育,100,太极；书法\n",
    )  # fmt: skip
    done = mapped(project)
    assert done.questions == 0
    (person,) = table(done, "customers").to_dict("records")
    kept = {k: person[k] for k in ("age", "occupation", "industry", "company_size", "interests")}
    assert kept == {"age": 42, "occupation": "教师", "industry": "教育", "company_size": "100", "interests": "太极; 书法"}
    (known,) = in_the_vault(project).to_dict("records")
    reach = {k: known[k] for k in ("name", "phone", "email", "address")}
    assert reach == {"name": "张三丰", "phone": "13812345678", "email": "zsf@x.com", "address": "武当山1号"}


@pytest.mark.parametrize(
    "header",
    [
        "门店,POS机号,小票号,行号,交易时间,商品编码,商品条码,商品名称,数量,单价,金额,会员卡号,收银员,支付方式",
        "Shop,Till,Receipt No,Line No,Transaction Time,SKU,EAN,Product Name,Qty,Price,Amount,Member Card,Cashier,Tender",
    ],
)
def test_lines_of_a_till_need_no_answer_and_receipts_without_a_card_count_too(project, header):
    rows = (
        "N,3,X1,1,2024-03-05 10:00:00,P1,6901,milk,1,5,5,M1,Al,cash\nN,3,X1,2,2024-03-05 10:00:00,P2,6902,bun,2,2,4,M1,Al,cash\n"
        "N,4,X2,1,2024-03-05 11:00:00,P1,6901,milk,-1,5,-5,,Bo,card\n"
    )
    put(project, "pos.csv", f"{header}\n{rows}")
    done = mapped(project)
    assert (done.questions, done.rows) == (0, {"orders": 2, "order_lines": 3, "products": 2})
    assert (done.money["order_lines.gross"], done.money["order_lines.net"]) == (9, 4)
    orders = table(done, "orders").set_index("order_id")
    assert orders.loc["X1", ["store", "sales_rep", "payment_method"]].tolist() == ["N", "Al", "cash"]
    assert pd.isna(orders.loc["X2", "customer_id"])
    assert table(done, "products").set_index("product_id")["barcode"].to_dict() == {"P1": "6901", "P2": "6902"}


@pytest.mark.parametrize(
    "header",
    [
        "Store,Count Date,SKU,On Hand,On Shelf,Received",
        "门店名称,盘点日期,商品编码,库存数量,陈列数量,到货数量",
        "門市名稱,盤點日期,商品編號,庫存數量,陳列數量,到貨數量",
    ],
)
def test_a_count_of_the_stock_needs_no_answer(project, header):
    put(project, "orders.csv", "Order ID,Order Date,Customer ID,Order Amount\n1,2024-03-05,K1,10\n")
    put(project, "stock.csv", f"{header}\nNorth,2024-03-05,P1,4,2,0\nNorth,2024-03-06,P1,,,6\n")
    done = mapped(project)
    assert (done.questions, done.rows["stock"]) == (0, 2)
    counted = table(done, "stock").sort_values("stock_date")
    assert counted.iloc[0, 1:].tolist() == ["North", "P1", 4, 2, 0]
    assert pd.isna(counted.on_hand.iloc[1])


MANY = """\
sources:
- files: [members.csv]
  table: customers
  columns: {no: customers.customer_id, name: customers.customer_name, tel: customers.phone, mail: customers.email,
    where: customers.address, sex: customers.gender, born: customers.birth_date}
- files: [shop]
  database: {url: "sqlite:///data/shop.db", table: orders}
  table: orders
  columns: {id: orders.order_id, day: orders.order_date, who: customers.customer_id, sum: orders.order_amount, state: drop}
- files: [visits.csv]
  table: events
  columns: {who: customers.customer_id, at: events.occurred_at, what: events.event_type, page: events.page}
- files: [desk.csv]
  table: feedback
  columns: {who: customers.customer_id, at: feedback.created_at, kind: feedback.feedback_type, said: feedback.text}
- files: [answers.csv]
  table: survey
  columns: {who: customers.customer_id, how: survey.survey_id, at: survey.answered_at, taste: survey.answer, price: survey.answer}
"""


def test_a_person_of_many_sources_is_one_customer_with_everything_that_is_known(project):
    """Members, purchases of a database, visits, a feedback desk, answers at the counter, in the street and by questionnaire."""
    put(project, "members.csv", "no,name,tel,mail,where,sex,born\nK1,张三丰,13812345678,zsf@x.com,武当山1号,男,1980-05-06\n")
    shop(project, ("1", "2024-03-05", "K1", 10.5, "paid"), ("2", "2024-03-06", "K1", 2, "paid"))
    put(project, "visits.csv", "who,at,what,page\nK1,2024-03-05 09:00,page view,/tea\n")
    put(project, "desk.csv", "who,at,kind,said\nK1,2024-03-06,suggestion,more tea\n")
    ways = ("counter", "random", "questionnaire")
    put(project, "answers.csv", "who,how,at,taste,price\n" + "".join(f"K1,{way},2024-03-07,5,4\n" for way in ways))
    done = run(project, MANY)
    assert done.rows == {"customers": 1, "orders": 2, "feedback": 1, "survey": 6, "events": 1}
    who = Pseudonyms(b"a key of at least thirty-two bytes for tests").of("K1")
    assert all(set(table(done, name)["customer_id"]) == {who} for name in done.rows)
    (person,) = table(done, "customers").to_dict("records")
    assert (person["gender"], str(person["birth_date"])) == ("男", "1980-05-06")
    known = in_the_vault(project).set_index("customer_id").loc[who]
    assert known[["name", "phone", "email", "address"]].tolist() == ["张三丰", "13812345678", "zsf@x.com", "武当山1号"]
    assert table(done, "survey").groupby("survey_id").size().to_dict() == dict.fromkeys(ways, 2)
    assert set(table(done, "survey")["score"]) == {4, 5}


def test_names_beside_the_customer_of_an_order_go_to_the_vault_too(project):
    put(project, "orders.csv", "id,day,who,sum,tel\n1,2024-03-05,a,10,13900001234\n2,2024-03-06,b,10,\n")
    done = run(project, PLAIN.replace("who: customers.customer_id", "who: orders.customer_id, tel: customers.phone"))
    people = in_the_vault(project).set_index("raw_id")
    assert people["phone"].dropna().to_dict() == {"a": "13900001234"}
    assert set(people.index) == {"a", "b"}
    assert set(people["customer_id"]) == set(table(done, "orders")["customer_id"])


def test_columns_to_be_kept_that_tell_who_somebody_is_are_left_out(project):
    people = [("c1", "Anna Meier"), ("c2", "Bo Ek"), ("c3", "张三丰"), ("c4", "Eva Lind")]
    put(project, "people.csv", "cid,called\n" + "".join(f"{c},{n}\n" for c, n in people))
    rows = [
        f"{i},2024-03-0{i + 1},c1,10,{n.lower()},{a},62220212345678{i}{i}{i}{i}{i},张三 {i}10105199003078888,red,{n},{n}"
        for i, ((_c, n), a) in enumerate(zip(people, ["Hauptstr. 5", "12 High Street", "上海市南京路1号", "x"], strict=True), 1)
    ]
    head = "id,day,who,sum,Ansprechpartner,ort,card,note,colour,客户姓名,checked"
    put(project, "orders.csv", head + "\n" + "\n".join(rows) + "\n")
    kept = "Ansprechpartner: keep, ort: keep, card: keep, note: keep, colour: keep, 客户姓名: keep, "
    said = PLAIN.replace("sum: orders.order_amount}", f"sum: orders.order_amount, {kept}checked: {{to: keep, personal: false}}}}")
    said += """\
- files: [people.csv]
  table: customers
  columns: {cid: customers.customer_id, called: customers.customer_name}
"""
    done = run(project, said)
    assert {"colour", "checked"} <= set(table(done, "orders").columns)
    left = {x.column: x for x in done.quality.of("personal")}
    assert set(left) == {"Ansprechpartner", "ort", "card", "note", "客户姓名"}
    assert not set(left) & set(table(done, "orders").columns)
    assert all(x.severity == "warning" and x.mend() for x in left.values())
    assert (left["Ansprechpartner"].rows, left["ort"].rows, left["note"].rows) == (4, 3, 4)
    with pytest.raises(UserError, match="personal: false"):
        run(project, said, strict=("personal",), snapshot="again")


def test_dates_that_cannot_be_read_say_what_they_may_be(project):
    put(project, "orders.csv", "id,day,who,sum\n1,113/03/05,a,10\n2,113/03/06,b,5\n")
    with pytest.raises(UserError, match=r"2 of 2 cells.*\{to: orders.order_date, roc_years: true\}"):
        run(project, PLAIN)
    done = run(project, PLAIN.replace("day: orders.order_date", "day: {to: orders.order_date, roc_years: true}"))
    assert table(done, "orders")["order_date"].min().year == 2024


def test_orders_that_were_closed_but_count_are_warned_of(project):
    put(
        project,
        "orders.csv",
        "id,day,who,sum,state\n1,2024-03-05,a,10,交易关闭\n2,2024-03-06,b,5,完成\n3,2024-03-06,b,0,Refunded\n",
    )
    said = PLAIN.replace("sum: orders.order_amount}", "sum: orders.order_amount, state: orders.order_status}")
    (line,) = [x for x in run(project, said, dry=True).quality.of("refunds") if x.severity == "warning"]
    assert (line.rows, line.values["amount"]) == (1, 10)
    assert "exclude: {orders.order_status" in line.mend()
    left = run(project, said + "  exclude: {orders.order_status: [交易关闭]}\n")
    assert not [x for x in left.quality.of("refunds") if x.severity == "warning"]


def test_names_without_a_customer_are_left_out_with_a_warning(project):
    put(project, "chats.csv", "day,tel,said\n2024-03-05,13900001234,late\n")
    said = """\
sources:
- files: [chats.csv]
  table: feedback
  columns: {day: feedback.created_at, tel: customers.phone, said: feedback.text}
"""
    done = run(project, said)
    (line,) = done.quality.of("personal")
    assert line.severity == "warning"
    assert "tel" in line.text()


def test_what_a_killed_import_has_left_is_removed_by_the_next(project, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    put(project, "orders.csv", "id,day,who,sum\n1,2024-03-05,a,10\n")
    running = scratch.Scratch()
    killed = tmp_path / "temporary" / f"{scratch.PREFIX}killed"
    killed.mkdir()
    (killed / "import.duckdb").write_text("a", "utf-8")
    (killed / scratch.LOCK).touch()
    for path in (killed, killed / scratch.LOCK, running.path, running.path / scratch.LOCK):
        os.utime(path, (0, 0))
    run(project, PLAIN)
    assert list((tmp_path / "temporary").iterdir()) == [running.path], "one in use is left alone, its own is gone"
    running.remove()
    assert not running.path.exists()


def test_the_same_files_twice_change_nothing_and_a_new_one_adds(project):
    put(project, "orders_1.csv", "id,day,who,sum\n1,2024-03-05,a,10\n2,2024-03-06,b,20\n")
    first = run(project, PLAIN)
    before = {p.name: p.read_bytes() for p in first.folder.iterdir()}
    again = run(project)
    assert not again.new
    assert {p.name: p.read_bytes() for p in again.folder.iterdir()} == before
    put(project, "orders_2.csv", "id,day,who,sum\n2,2024-03-06,b,25\n3,2024-04-01,a,5\n")
    later = run(project)
    assert later.folder.name == "2024-04-01"
    assert table(later, "orders").set_index("order_id")["order_amount"].to_dict() == {"1": 10, "2": 25, "3": 5}
    assert table(later, "orders").groupby("customer_id").size().tolist() in ([2, 1], [1, 2])
    assert not run(project).new


def test_a_changed_mapping_needs_the_files_of_before(project):
    put(project, "orders_1.csv", "id,day,who,sum\n1,2024-03-05,a,10\n")
    run(project, PLAIN)
    (project / "data" / "raw" / "orders_1.csv").unlink()
    put(project, "orders_2.csv", "id,day,who,sum\n2,2024-03-06,b,20\n")
    with pytest.raises(UserError, match=r"orders_1\.csv"):
        run(project, PLAIN + "  time_zone: UTC\n")


def test_old_orders_of_a_shop_in_gbk_are_read_by_their_system(project):
    head = (
        "订单编号,买家会员名,买家应付货款,买家应付邮费,总金额,买家实际支付金额,订单状态,"
        "收货人姓名,收货地址 ,联系手机,订单创建时间,订单付款时间 ,店铺名称"
    )
    rows = (
        '="1001",小红,90,10,100,100,交易成功,张三,某路1号,13800000001,2024-03-05 10:00:00,2024-03-05 10:01:00,旗舰店\n'
        '="1002",小明,50,0,50,0,交易关闭,李四,某路2号,13800000002,2024-03-06 10:00:00,,旗舰店\n'
    )
    put(project, "ExportOrderList.csv", head + "\n" + rows, "gb18030")
    done = mapped(project)
    orders = table(done, "orders")
    assert orders["order_id"].tolist() == ["1001"]
    assert orders["order_amount"].tolist() == [Decimal(100)]
    assert orders["store"].tolist() == ["旗舰店"]
    assert mapping.read(project).sources[0].system == "taobao_tmall"


def test_an_unconfirmed_layout_says_so_wherever_it_is_shown(project):
    put(
        project,
        "客户.csv",
        "客户名称,客户编号,客户状态,客户信息来源,客户等级,客户负责人,创建时间\n"
        "甲公司,20220101_1,意向客户,电话营销,1,王,1970-01-01\n",
    )
    done = mapped(project)
    assert "unconfirmed layout" in (project / "mapping.yml").read_text(encoding="utf-8")
    line = done.quality.of("layout")[0]
    assert line.severity == "warning"
    assert "unconfirmed layout" in line.text()
    assert table(done, "customers")["registered_at"].isna().all()


def test_filled_questionnaires_of_the_kit_import_without_a_mapping(project):
    wanted = []
    for code, kind in (("en", "xlsx"), ("zh_CN", "xlsx"), ("zh_TW", "csv")):
        path = project / "data" / "raw" / f"form {code}.{kind}"
        needs.write_form(path, language=code, subjects=["Bread / 面包", "Chairs"])
        asked = needs.form(code, ["Bread / 面包", "Chairs"])
        answers = list(asked["answers"][4:])
        said = [[a[i % len(a)] if a else "North" for a in answers] for i in range(5)]
        rows = [[f"{code}{i}", f"c{i}", "2024-01-02", "web", *row] for i, row in enumerate(said)]
        if kind == "csv":
            with path.open("a", encoding="utf-8") as file:
                pd.DataFrame(rows).to_csv(file, header=False, index=False)
        else:
            book = openpyxl.load_workbook(path)
            for row in rows:
                book.worksheets[0].append([int(c) if str(c).isdecimal() else c for c in row])
            book.save(path)
        wanted.append(needs.read_form(path))
    proposed = proposal.propose(project, engine.connect())
    assert proposed.mapping.sources == ()
    proposal.write(project, proposal.text(proposed))
    done = importing.import_(project, SETTINGS)
    got = pd.read_parquet(done.folder / "survey.parquet")
    wanted = pd.concat(wanted)
    names = Pseudonyms.from_environment_or_file(project, SETTINGS.client)
    wanted["customer_id"] = [names.of(c) for c in wanted["customer_id"]]
    columns = ["response_id", "question_id", "customer_id", "answered_at", "mode", "answer", "score"]
    same = [t[columns].astype(str).sort_values(columns[:2], ignore_index=True) for t in (got, wanted)]
    pd.testing.assert_frame_equal(*same)
    assert len(got) == 15 * (len(asked) - 4)


# ---------------------------------------------------------------- clean columns, typed as they are read
TYPED = """\
sources:
- files: ["lines.csv"]
  table: order_lines
  columns:
    order: orders.order_id
    line: order_lines.line_id
    who: customers.customer_id
    day: orders.order_date
    article: order_lines.product_id
    pieces: order_lines.quantity
    sum: order_lines.line_amount
    note: drop
"""


HEAD = "order,line,who,day,article,pieces,sum,note\n"
CLEAN = "".join(
    f"O{i // 3:04},{i % 3},C{i % 70},2024-03-{i % 28 + 1:02} 10:00:00,P{i % 9},2,{i % 500 / 100:.2f},\n" for i in range(900)
)


def test_columns_typed_at_once_give_what_texts_give(project, monkeypatch):
    put(project, "lines.csv", HEAD + CLEAN + "O9998,1,C1,2024-06-01,P1,,0.50,\t\nO9999,short\n")
    seen, read = [], sources.read_sheets
    monkeypatch.setattr(sources, "read_sheets", lambda *a: [seen.append(s) or s for s in read(*a)])
    quick = run(project, TYPED, snapshot="quick")
    (project / "data" / "contract" / "imports.json").unlink()
    monkeypatch.setattr(importing.assembly, "quick", lambda *_: {})
    slow = run(project, snapshot="slow")
    assert [len(s.plain) for s in seen] == [7, 0]
    for path in sorted(slow.folder.glob("*.parquet")):
        assert path.read_bytes() == (quick.folder / path.name).read_bytes(), path.name
    assert quick.quality.to_json() == slow.quality.to_json()
    assert (len(table(quick, "order_lines")), checks(quick)["rows_dropped"], checks(quick)["wrapped_text"]) == (901, 1, 1)


@pytest.mark.parametrize(
    "last",
    [
        "O9998,1,C1,2024年6月1日,P1,2,0.50,a date that takes time\n",
        "O9998,1,C1,1970-01-01,P1,2,0.50,no date\n",
        "O9998,1,C1,2024-06-01,P1,2,\t12,a tab\n",
        "O9998,1,C1,2024-06-01,P1,2,12\t,a tab\n",
        "O9998,1,C1,2024-06-01,P1,2,1.5E+3,digits lost\n",
        'O9998,1,C1,2024-06-01,P1,2,"1,234.50",marks\n',
        "O9998,1,C1,2024-06-01,P1,--,1,nothing\n",
        "O9998,1,C1,2024-06-01,P1,2,13800000000.0,a phone\n",
        '="0012",1,C1,2024-06-01,P1,2,1,wrapped\n',
        "合计,,,,,1800,2245.50,\n",
        "导出时间: 2024-06-30,,,,,,,\n",
        "合计,1800\n",
    ],
)
def test_one_cell_or_row_that_is_not_plain_is_read_as_text(project, last):
    put(project, "lines.csv", HEAD + CLEAN + last)
    (project / "mapping.yml").write_text(TYPED, encoding="utf-8")
    raw = project / "data" / "raw"
    (sheet,) = sources.read_sheets(raw / "lines.csv", raw, mapping.read(project), engine.connect(), "Asia/Shanghai")
    assert not sheet.plain
    assert {sheet.rows[c].type() for c in sheet.columns} == {ibis.dtype("string")}


# ---------------------------------------------------------------- what strict forbids, and what is counted
CRM = """\
sources:
- files: [accounts.csv]
  table: customers
  columns: {id: customers.customer_id, city: customers.city}
- files: [notes.csv]
  table: interactions
  fill: [account]
  columns: {account: customers.customer_id, at: interactions.occurred_at, kind: interactions.channel, note: interactions.content}
"""


def test_notes_are_counted_held_against_accounts_without_orders_and_forbidden_by_name(project):
    put(project, "accounts.csv", "id,city\n007,上海\n8,北京\n")
    put(project, "notes.csv", "account,at,kind,note\n7,2024-03-05,call,x\n,2024-03-06,call,y\n8,2024-03-07,call,z\n")
    done = run(project, CRM)
    (orphans,) = done.quality.of("orphan_keys")
    assert (orphans.table, orphans.column, orphans.rows) == ("interactions", "customer_id", 2)
    (filled,) = done.quality.of("filled")
    assert (filled.source, filled.column, filled.rows, filled.severity) == ("notes.csv", "account", 1, "note")
    assert {(x.source, x.rows) for x in done.quality.of("leading_zeros")} == {("accounts.csv", 1), ("notes.csv", 1)}
    with pytest.raises(UserError, match="filled from a row above"):
        run(project, strict=("filled",))
    assert not run(project, strict=("rows_read", "empty_date")).new


def test_many_small_sheets_are_typed_at_once_and_give_what_each_gives(project):
    head = "id,day,who,sum\n"
    put(project, "orders_1.csv", head + '1,05/03/2024,a,"1.234,50"\n2,06/03/2024,b,zehn\n')
    put(project, "orders_2.csv", head + "3,07/03/24,a,€ 7\n4,28.03.2024,,8\n")  # another way to write years
    put(project, "orders_3.csv", head.replace("id,day", "day,id") + "01/04/2024,5,c,9 \n")
    put(project, "orders_4.csv", head + "6,02/04/2024,c, 11\n7,03/04/2024,d,x\n")
    said = mapping.parsed(PLAIN + '  date_order: dmy\n  decimal: ","\n')
    raw, connection, (source,) = project / "data" / "raw", engine.connect(), said.sources
    sheets = [s for p in sorted(raw.glob("*.csv")) for s in sources.read_sheets(p, raw, said, connection)]
    cells, zone = assembly._cells(source), SETTINGS.time_zone
    assert [s.source for s, _years, _rows in assembly._stacked(source, sheets, cells)] == [f"orders_{i}.csv" for i in (1, 2, 3)]
    names = Pseudonyms.from_environment_or_file(project, "Test", expected="")
    made = assembly.wide(source, sheets, connection, zone, "together", names).rows.to_pyarrow().sort_by("_order")
    for i in (1, 3):
        alone = assembly.wide(source, [sheets[i]], connection, zone, "alone", names).rows.drop("_file", "_order").to_pyarrow()
        assert made.filter(pc.equal(made["_file"], i)).drop_columns(["_file", "_order"]) == alone
    assert made["orders.order_amount"].to_pylist()[:3] == [Decimal("1234.5"), None, 7]
