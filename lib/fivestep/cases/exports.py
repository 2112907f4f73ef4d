"""The simulated company as the files that other systems would export, so that importing can be held against the contract tables.

Each export lies in ``raw/<system>/`` beside the contract tables; ``raw/<system>.json`` says for every file which table it holds,
which rows (``where``), which header is which field, how values are written (``values``: as in the file -> as in the table), and
what else stands in the file. Layouts are those that the systems are known for. 简信CRM's is unconfirmed: it is that of the family
of products it appears to belong to, and where that family writes old .xls files these are .xlsx.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from fivestep.cases import persons
from fivestep.errors import UserError
from fivestep.language import _, number

SYSTEMS = ("zoho", "fxiaoke", "jianxin", "taobao", "messy-excel")
SHEET_ROWS = 1_048_576
TIME, DAY = "%Y-%m-%d %H:%M:%S", "%Y-%m-%d"
NOT_CONSUMERS = "customer_type <> 'consumer'"


@dataclass(frozen=True)
class File:
    """One file: *columns* maps each header to (field of the table or empty, SQL that writes it); *rows* is the FROM clause."""

    name: str
    table: str
    columns: dict[str, tuple[str, str]]
    rows: str
    order: str
    where: str = ""
    values: dict[str, str] = field(default_factory=dict)  # header -> field whose Chinese names are written
    note: dict[str, Any] = field(default_factory=dict)


def export(folder: Path, system: str) -> Path:
    """Write the company in *folder* as the raw files of *system* and say in raw/<system>.json what they hold; returns that file.

    Raises `UserError` for an unknown system and for more rows than a workbook can hold.
    """
    check(system)
    raw = folder / "raw" / system
    shutil.rmtree(raw, ignore_errors=True)
    raw.mkdir(parents=True)
    database = _database(folder)
    files, write = _SYSTEMS[system]
    entries = []
    for file in files(database):
        said = {h: sql for h, (_f, sql) in file.columns.items()}
        select = ", ".join(f'({sql})::varchar as "c{i}"' for i, sql in enumerate(said.values()))
        where = f" where {file.where}" if file.where else ""
        rows = database.execute(f"select {select} from {file.rows}{where} order by {file.order}").fetchall()
        if len(rows) > SHEET_ROWS - 10 and file.name.endswith(".xlsx"):
            said = _("--as {system}: {file} would have {n} rows, a sheet has {most}. Simulate fewer customers.")
            raise UserError(said.format(system=system, file=file.name, n=number(len(rows)), most=number(SHEET_ROWS)))
        note = write(raw / file.name, list(said), rows, file) or {}
        entries.append(
            {
                "file": f"{system}/{file.name}",
                "table": file.table,
                "rows": len(rows),
                "where": file.where,
                "columns": {h: f for h, (f, _sql) in file.columns.items() if f},
                "values": {h: _names(database, f) for h, f in file.values.items()},
                **file.note,
                **note,
            }
        )
    path = folder / "raw" / f"{system}.json"
    path.write_text(json.dumps({"simulated": True, "files": entries}, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return path


def check(system: str) -> None:
    """Raise `UserError` for a system whose files cannot be written; none at all is right."""
    if system and system not in SYSTEMS:
        raise UserError(_("--as {system}: choose one of {choices}.").format(system=system, choices=", ".join(SYSTEMS)))


def _database(folder: Path) -> duckdb.DuckDBPyConnection:
    """The contract tables, persons, and a macro that gives the Chinese name of a value."""
    out = duckdb.connect()
    for path in sorted(folder.glob("*.parquet")):
        out.execute(f"create view {path.stem} as select * from read_parquet('{str(path).replace(chr(39), chr(39) * 2)}')")
    labels = pd.read_csv(folder / "labels.csv", dtype=str, keep_default_na=False)
    out.register("labels_frame", labels)
    out.execute("create table labels as select field, value, zh_CN from labels_frame")
    out.register("persons_frame", persons.of_company(folder, labels))
    out.execute("create table persons as select * from persons_frame")
    out.execute("create macro named(f, v) as (select any_value(zh_CN) from labels where field = f and value = v)")
    out.execute(
        "create view people as select customers.*, customer_name, contact_name, phone, e_mail, address from customers "
        "join persons using (customer_id)"
    )
    return out


def _names(database: duckdb.DuckDBPyConnection, of: str) -> dict[str, str]:
    rows = database.execute("select zh_CN, value from labels where field = ? order by zh_CN, value", [of]).fetchall()
    return dict(rows)


def _last_day(database: duckdb.DuckDBPyConnection) -> dt.date:
    return database.execute("select max(order_date)::date from orders").fetchall()[0][0]


# ------------------------------------------------------------------------------------------------ Zoho CRM
def _zoho_id(expression: str) -> str:
    return f"'zcrm_487687600' || substr({expression}, 2)"


def _zoho_time(expression: str) -> str:
    return f"strftime({expression}, '{TIME}')"


def _zoho_money(expression: str) -> str:
    return f"format('{{:,.2f}}', ({expression})::double)"


ZOHO_STAGES = {
    "Qualification": "Qualification",
    "Tasting": "Needs Analysis",
    "Proposal": "Proposal/Price Quote",
    "Negotiation": "Negotiation/Review",
    "Won": "Closed Won",
    "Lost": "Closed Lost",
}


def _zoho(database: duckdb.DuckDBPyConnection) -> list[File]:
    """Comma-separated files in UTF-8, one per module; every lookup is a pair of id and name; `Deals__` is the stage history."""
    day = _last_day(database).strftime("%Y_%m_%d")
    stage = "case stage " + " ".join(f"when '{a}' then '{b}'" for a, b in ZOHO_STAGES.items()) + " end"
    stages = {"values": {"Stage": {b: a for a, b in ZOHO_STAGES.items()}}}
    prefix = {"id_prefix": "zcrm_487687600"}
    account = {"Account Name.id": ("customer_id", _zoho_id("customer_id")), "Account Name": ("", "customer_name")}

    def owner(label: str, column: str = "owner") -> dict[str, tuple[str, str]]:
        return {f"{label} Owner.id": ("", f"'zcrm_4876899' || substr({column}, 2)"), f"{label} Owner": ("owner", column)}

    return [
        File(
            f"Accounts_{day}.csv",
            "customers",
            {
                "Record Id": ("customer_id", _zoho_id("customer_id")),
                "Account Name": ("", "customer_name"),
                **owner("Account"),
                "Account Type": ("customer_type", "customer_type"),
                "Rating": ("customer_level", "customer_level"),
                "Industry": ("industry", "industry"),
                "Employees": ("company_size", "company_size"),
                "Phone": ("", "phone"),
                "Billing Street": ("", "address"),
                "Billing City": ("city", "city"),
                "Billing State": ("province", "province"),
                "Billing Country": ("country", "country"),
                "Billing Code": ("postal_code", "postal_code"),
                "Created Time": ("registered_at", _zoho_time("registered_at")),
                "Last Activity Time": ("last_contact_at", _zoho_time("last_contact_at")),
            },
            "people",
            "customer_id",
            NOT_CONSUMERS,
            note=prefix,
        ),
        File(
            f"Contacts_{day}.csv",
            "contacts",
            {
                "Record Id": ("", "'zcrm_487687601' || substr(customer_id, 2)"),
                "Last Name": ("", "substr(contact_name, 1, 1)"),
                "First Name": ("", "substr(contact_name, 2)"),
                **account,
                "Email": ("", "e_mail"),
                "Mobile": ("", "phone"),
                "Title": ("", "job_title"),
                **owner("Contact"),
            },
            "people",
            "customer_id",
            NOT_CONSUMERS,
            note=prefix,
        ),
        File(
            f"Deals_{day}.csv",
            "opportunities",
            {
                "Record Id": ("opportunity_id", _zoho_id("opportunity_id")),
                "Deal Name": ("", "customer_name || ' ' || opportunity_id"),
                **account,
                **owner("Deal", "o.owner"),
                "Amount": ("amount", _zoho_money("amount")),
                "Stage": ("stage", stage),
                "Probability (%)": ("win_probability", "round(win_probability * 100)::int"),
                "Expected Revenue": ("expected_revenue", _zoho_money("expected_revenue")),
                "Closing Date": ("expected_close_date", f"strftime(expected_close_date, '{DAY}')"),
                "Reason For Loss": ("lost_reason", "lost_reason"),
                "Next Step": ("next_step", "next_step"),
                "Created Time": ("created_at", _zoho_time("created_at")),
                "Closed Time": ("closed_at", _zoho_time("closed_at")),
            },
            "opportunities o join people using (customer_id)",
            "opportunity_id",
            note={**prefix, **stages},
        ),
        File(
            f"Deals__{day}.csv",
            "stage_history",
            {
                "Deal Name.id": ("opportunity_id", _zoho_id("opportunity_id")),
                "Stage": ("stage", stage),
                "Stage Duration (Calendar Days)": ("", "date_diff('day', entered_at, left_at)"),
                "Moved To": ("", f"lead({stage}) over (partition by opportunity_id order by entered_at)"),
                "Modified Time": ("entered_at", _zoho_time("entered_at")),
            },
            "stage_history",
            "opportunity_id, entered_at",
            note={**prefix, **stages},
        ),
        File(
            f"Notes_{day}.csv",
            "interactions",
            {
                "Record Id": ("interaction_id", _zoho_id("interaction_id")),
                "Parent ID.id": ("customer_id", _zoho_id("customer_id")),
                "Note Title": ("", "interaction_type"),
                "Note Content": ("content", "content"),
                "Note Owner": ("staff", "staff"),
                "Created Time": ("occurred_at", _zoho_time("occurred_at")),
            },
            "interactions join people using (customer_id)",
            "interaction_id",
            f"{NOT_CONSUMERS} and interaction_type = 'visit'",
            note=prefix,
        ),
        File(
            f"Products_{day}.csv",
            "products",
            {
                "Record Id": ("product_id", _zoho_id("product_id")),
                "Product Code": ("barcode", "barcode"),
                "Product Name": ("product_name", "product_name"),
                "Product Category": ("category", "category"),
                "Unit Price": ("list_price", "list_price"),
            },
            "products",
            "product_id",
            note=prefix,
        ),
        File(
            f"Sales_Orders_{day}.csv",
            "orders",
            {
                "Record Id": ("", _zoho_id("order_id")),
                "SO Number": ("order_id", "order_id"),
                "Subject": ("", "customer_name"),
                **account,
                "Status": ("order_status", "order_status"),
                "Sub Total": ("", _zoho_money("order_amount + discount_amount")),
                "Discount": ("discount_amount", _zoho_money("discount_amount")),
                "Grand Total": ("order_amount", _zoho_money("order_amount")),
                "Sales Order Owner.id": ("", "'zcrm_4876899' || substr(sales_rep, 2)"),
                "Sales Order Owner": ("sales_rep", "sales_rep"),
                "Created Time": ("order_date", _zoho_time("order_date")),
            },
            "orders join people using (customer_id)",
            "order_id",
            NOT_CONSUMERS,
            note={**prefix, "own_numbers": ["order_id"]},
        ),
    ]


def _csv(encoding: str) -> Callable[..., dict[str, Any]]:
    def write(path: Path, headers: list[str], rows: list[tuple], file: File) -> dict[str, Any]:
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(headers)
        writer.writerows(["" if v is None else v for v in row] for row in rows)
        path.write_bytes(text.getvalue().encode(encoding))
        return {"encoding": encoding, "header_row": 1}

    return write


# ------------------------------------------------------------------------------------------------ 纷享销客
def _epoch(expression: str) -> str:
    return f"epoch_ms({expression} - interval 8 hour)"  # midnight in Shanghai is 16:00 the day before in UTC


def _fxiaoke(database: duckdb.DuckDBPyConnection) -> list[File]:
    """Workbooks with Chinese labels in row 1, all cells text: yuan as strings, times as milliseconds, lookups as names.

    The tenant has renamed 客户级别 to 客户类型 and 客户类型 to 客户分类.
    """
    time = {"time": "milliseconds since 1970 in UTC, for times of Asia/Shanghai"}
    who = {"客户ID": ("customer_id", "customer_id"), "客户名称": ("", "customer_name")}
    return [
        File(
            "客户.xlsx",
            "customers",
            {
                **who,
                "客户分类": ("customer_type", "named('customers.customer_type', customer_type)"),
                "客户类型": ("customer_level", "customer_level || '类'"),
                "客户来源": ("source", "named('customers.source', source)"),
                "1级行业": ("industry", "named('customers.industry', industry)"),
                "电话": ("", "phone"),
                "邮件": ("", "e_mail"),
                "国家": ("country", "named('customers.country', country)"),
                "省": ("province", "named('customers.province', province)"),
                "市": ("city", "named('customers.city', city)"),
                "区": ("district", "named('customers.district', district)"),
                "地址": ("", "address"),
                "最后一次成交时间": ("last_purchase_at", _epoch("last_purchase_at")),
                "最后跟进时间": ("last_contact_at", _epoch("last_contact_at")),
                "负责人": ("owner", "owner"),
                "创建时间": ("registered_at", _epoch("registered_at")),
                "生命状态": ("", "'正常'"),
            },
            "people",
            "customer_id",
            NOT_CONSUMERS,
            {
                "客户分类": "customers.customer_type",
                "客户来源": "customers.source",
                "1级行业": "customers.industry",
                "国家": "customers.country",
                "省": "customers.province",
                "市": "customers.city",
                "区": "customers.district",
            },
            note={**time, "renamed": {"客户类型": "客户级别", "客户分类": "客户类型"}, "suffix": {"客户类型": "类"}},
        ),
        File(
            "商机.xlsx",
            "opportunities",
            {
                "商机ID": ("opportunity_id", "opportunity_id"),
                "商机名称": ("", "customer_name || '商机'"),
                **who,
                "销售阶段": ("stage", "named('opportunities.stage', stage)"),
                "商机状态": ("status", "named('opportunities.status', status)"),
                "商机金额": ("amount", "amount"),
                "赢率": ("win_probability", "round(win_probability * 100, 1)"),
                "预测金额": ("expected_revenue", "expected_revenue"),
                "预计成交日期": ("expected_close_date", _epoch("expected_close_date::timestamp")),
                "输单原因": ("lost_reason", "named('opportunities.lost_reason', lost_reason)"),
                "负责人": ("owner", "o.owner"),
                "创建时间": ("created_at", _epoch("created_at")),
            },
            "opportunities o join people using (customer_id)",
            "opportunity_id",
            "",
            {"销售阶段": "opportunities.stage", "商机状态": "opportunities.status", "输单原因": "opportunities.lost_reason"},
            note={**time, "percent": ["赢率"]},
        ),
        File(
            "销售订单.xlsx",
            "orders",
            {
                "订单ID": ("order_id", "order_id"),
                "销售订单编号": ("", "'SO-' || order_id"),
                **who,
                "下单日期": ("order_date", _epoch("order_date")),
                "销售订单金额(元)": ("order_amount", "order_amount"),
                "已回款金额": ("paid_amount", "paid_amount"),
                "已退款金额": ("refund_amount", "refund_amount"),
                "订单状态": ("order_status", "named('orders.order_status', order_status)"),
                "负责人": ("sales_rep", "sales_rep"),
            },
            "orders join people using (customer_id)",
            "order_id",
            NOT_CONSUMERS,
            {"订单状态": "orders.order_status"},
            note=time,
        ),
        File(
            "订单产品.xlsx",
            "order_lines",
            {
                "订单ID": ("order_id", "order_id"),
                "订单产品ID": ("line_id", "line_id"),
                "产品ID": ("product_id", "product_id"),
                "产品名称": ("", "named('products.product_name', product_name)"),
                "数量": ("quantity", "quantity"),
                "销售单价": ("unit_price", "unit_price"),
                "小计": ("line_amount", "line_amount"),
            },
            "order_lines join people using (customer_id) join products using (product_id)",
            "order_id, line_id::int",
            NOT_CONSUMERS,
        ),
        File(
            "产品.xlsx",
            "products",
            {
                "产品ID": ("product_id", "product_id"),
                "产品名称": ("product_name", "named('products.product_name', product_name)"),
                "产品编码": ("", "product_id"),
                "分类": ("category", "named('products.category', category)"),
                "标准价格": ("list_price", "list_price"),
                "条形码": ("barcode", "barcode"),
            },
            "products",
            "product_id",
            "",
            {"产品名称": "products.product_name", "分类": "products.category"},
        ),
        File(
            "销售记录.xlsx",
            "interactions",
            {
                "记录ID": ("interaction_id", "interaction_id"),
                **who,
                "跟进内容": ("content", "content"),
                "跟进类型": ("interaction_type", "named('interactions.interaction_type', interaction_type)"),
                "创建时间": ("occurred_at", _epoch("occurred_at")),
            },
            "interactions join people using (customer_id)",
            "interaction_id",
            f"{NOT_CONSUMERS} and interaction_type = 'visit'",
            {"跟进类型": "interactions.interaction_type"},
            note=time,
        ),
    ]


# ------------------------------------------------------------------------------------------------ 简信CRM
def _jianxin(database: duckdb.DuckDBPyConnection) -> list[File]:
    """Workbooks of the family: customers under two merged group titles, a blank before numbers, 1970-01-01 for no date.

    There is a row per contact, and the customer's cells are blank from the second on.
    """
    day = _last_day(database).isoformat()
    when = f"coalesce(strftime({{}}, '{DAY}'), '1970-01-01')"
    groups = {"客户信息": 9, "联系人信息": 4}

    def first(expression: str) -> str:
        return f"case when n = 1 then {expression} end"

    return [
        File(
            f"5kcrm_customer_{day}.xlsx",
            "customers",
            {
                "客户名称": ("", first("customer_name")),
                "客户编号": ("customer_id", first("customer_id")),
                "客户状态": ("customer_status", first("named('customers.customer_status', customer_status)")),
                "客户信息来源": ("source", first("named('customers.source', source)")),
                "客户行业": ("industry", first("named('customers.industry', industry)")),
                "客户等级": ("customer_level", first("customer_level")),
                "员工数": ("company_size", first("' ' || company_size")),
                "客户负责人": ("owner", first("owner")),
                "下次联系时间": ("", first(when.format("null::date"))),
                "联系人姓名": ("", "case n when 1 then contact_name else substr(contact_name, 1, 1) || '助理' end"),
                "手机": ("", "case n when 1 then ' ' || phone end"),
                "邮箱": ("", "case n when 1 then e_mail end"),
                "职位": ("", "case n when 1 then named('customers.job_title', job_title) end"),
            },
            "people, (select unnest([1, 2]) n)",
            "customer_id, n",
            f"{NOT_CONSUMERS} and (n = 1 or customer_id[-1] in ('3', '7'))",
            {"客户状态": "customers.customer_status", "客户信息来源": "customers.source", "客户行业": "customers.industry"},
            note={"groups": groups, "fill_down": ["客户名称", "客户编号"], "layout": "unconfirmed; the family writes .xls"},
        ),
        File(
            f"5kcrm_business_{day}.xlsx",
            "opportunities",
            {
                "商机名": ("", "customer_name || opportunity_id"),
                "商机编号": ("opportunity_id", "opportunity_id"),
                "客户": ("", "customer_name"),
                "商机进度": ("stage", "named('opportunities.stage', stage)"),
                "成交几率": ("win_probability", "round(win_probability * 100)::int || '%'"),
                "商机金额": ("amount", "' ' || amount"),
                "负责人": ("owner", "o.owner"),
                "创建时间": ("created_at", f"strftime(created_at, '{TIME}')"),
            },
            "opportunities o join people using (customer_id)",
            "opportunity_id",
            "",
            {"商机进度": "opportunities.stage"},
            note={"lookups": {"客户": "客户名称"}, "percent": ["成交几率"], "layout": "unconfirmed; the family writes .xls"},
        ),
        File(
            f"5kcrm_contract_{day}.xlsx",
            "orders",
            {
                "合同编号": ("order_id", "order_id"),
                "合同名称": ("", "'合同' || order_id"),
                "客户": ("", "customer_name"),
                "合同金额(元)": ("order_amount", "' ' || order_amount"),
                "签约时间": ("order_date", when.format("order_date")),
            },
            "orders join people using (customer_id)",
            "order_id",
            NOT_CONSUMERS,
            note={"lookups": {"客户": "客户名称"}, "days_only": ["签约时间"], "layout": "unconfirmed; the family writes .xls"},
        ),
    ]


# ------------------------------------------------------------------------------------------------ 淘宝
_ONLINE = (
    "order_id in (select order_id from orders where channel = 'delivery' and discount_amount = 0 and refund_amount = 0 and "
    "order_status = 'completed')"
)


def _taobao(database: duckdb.DuckDBPyConnection) -> list[File]:
    """The two classic files, GBK: orders and their items; blanks after some headers, an apostrophe before phones.

    Only delivered orders without a discount: an item has no column for one.
    """
    when = _last_day(database).strftime("%Y%m")
    return [
        File(
            f"ExportOrderList{when}.csv",
            "orders",
            {
                "订单编号": ("order_id", "order_id"),
                "买家会员名": ("customer_id", "customer_id"),
                "买家支付宝账号": ("", "e_mail"),
                "买家应付货款": ("", "order_amount"),
                "买家应付邮费": ("shipping_fee", "shipping_fee"),
                "买家支付积分": ("", "0"),
                "总金额": ("order_amount", "order_amount"),
                "返点积分": ("", "0"),
                "买家实际支付金额": ("paid_amount", "paid_amount"),
                "买家实际支付积分": ("", "0"),
                "订单状态": ("", "'交易成功'"),
                "买家留言": ("", "null"),
                "收货人姓名": ("", "contact_name"),
                "收货地址 ": ("", "address"),
                "运送方式": ("", "'快递'"),
                "联系电话 ": ("", "null"),
                "联系手机": ("", "chr(39) || phone"),
                "订单创建时间": ("order_date", f"strftime(order_date, '{TIME}')"),
                "订单付款时间 ": ("paid_at", f"strftime(paid_at, '{TIME}')"),
                "宝贝标题 ": (
                    "",
                    "(select string_agg(named('products.product_name', product_name), '，' order by "
                    "line_id::int) from order_lines l "
                    "join products using (product_id) where l.order_id = orders.order_id)",
                ),
                "宝贝种类 ": ("", "(select count(distinct product_id) from order_lines l where l.order_id = orders.order_id)"),
                "物流单号 ": ("", "null"),
                "物流公司": ("", "null"),
                "订单备注": ("", "null"),
                "宝贝总数量": ("", "(select sum(quantity)::int from order_lines l where l.order_id = orders.order_id)"),
                "店铺Id": ("", "'0'"),
                "店铺名称": ("store", "named('orders.store', store)"),
                "订单关闭原因": ("", "'订单未关闭'"),
                "卖家服务费": ("", "0"),
                "买家服务费": ("", "'0元'"),
                "发票抬头": ("", "null"),
            },
            "orders join people using (customer_id)",
            "order_id",
            _ONLINE,
            {"店铺名称": "orders.store"},
        ),
        File(
            f"ExportOrderDetailList{when}.csv",
            "order_lines",
            {
                "订单编号": ("order_id", "order_id"),
                "标题": ("", "named('products.product_name', product_name)"),
                "价格": ("unit_price", "unit_price"),
                "购买数量": ("quantity", "quantity::int"),
                "外部系统编号": ("", "null"),
                "商品属性": ("", "named('products.spec', spec)"),
                "套餐信息": ("", "null"),
                "备注": ("", "null"),
                "订单状态": ("", "'交易成功'"),
                "商家编码": ("product_id", "product_id"),
            },
            "order_lines join products using (product_id)",
            "order_id, line_id::int",
            _ONLINE,
        ),
    ]


# ------------------------------------------------------------------------------------------------ workbooks kept by hand
def _messy(database: duckdb.DuckDBPyConnection) -> list[File]:
    """A workbook for each month of one region's orders, as branches keep them: a title, a blank row, two header rows, dates and
    amounts in three spellings, a 合计 row and a footer."""
    months = database.execute("select distinct strftime(order_date, '%Y-%m') from orders order by 1").fetchall()
    return [
        File(
            f"门店订单_{month}.xlsx",
            "orders",
            {
                "单号": ("order_id", "order_id"),
                "会员号": ("customer_id", "customer_id"),
                "日期": (
                    "order_date",
                    "case substr(order_id, -1) when '0' then strftime(order_date, '%Y年%-m月%-d日 %H:%M:%S') "
                    "when '1' then strftime(order_date, '%Y/%-m/%-d %H:%M:%S') "
                    f"else strftime(order_date, '{TIME}') end",
                ),
                "门店": ("store", "named('orders.store', store)"),
                "应收金额": ("", "order_amount + discount_amount"),
                "实收金额": (
                    "order_amount",
                    "case substr(order_id, -1) when '2' then '￥' || format('{:,.2f}', "
                    "order_amount::double) "
                    "when '3' then order_amount || '元' else order_amount::varchar end",
                ),
                "优惠": ("discount_amount", "discount_amount"),
            },
            "orders join people using (customer_id)",
            "orders.order_date, order_id",
            f"region = 'East' and strftime(order_date, '%Y-%m') = '{month}'",
            {"门店": "orders.store"},
            note={"groups": {"订单": 4, "金额（元）": 3}, "title_rows": 2, "total_of": "应收金额"},
        )
        for (month,) in months
    ]


def _workbook(path: Path, headers: list[str], rows: list[tuple], file: File) -> dict[str, Any]:
    """A workbook of text cells, laid out as the file's note says: title rows, group titles, a total, a footer."""
    import xlsxwriter

    groups, titles = file.note.get("groups", {}), file.note.get("title_rows", 0)
    book = xlsxwriter.Workbook(path, {"constant_memory": not groups, "strings_to_numbers": False, "strings_to_formulas": False})
    book.set_properties({"created": dt.datetime(2025, 1, 1)})
    sheet = book.add_worksheet("Sheet1")
    row = 0
    if titles:
        sheet.write_string(0, 0, f"{path.stem.replace('_', ' ')} 订单登记表（模拟数据）")
        row = titles
    if groups:
        start = 0
        for title, width in groups.items():
            sheet.merge_range(row, start, row, start + width - 1, title)
            start += width
        row += 1
    for column, header in enumerate(headers):
        sheet.write_string(row, column, header)
    header_row = row + 1
    for cells in rows:
        row += 1
        for column, cell in enumerate(cells):
            if cell is not None:
                sheet.write_string(row, column, cell)
    note: dict[str, Any] = {"header_row": header_row}
    if of := file.note.get("total_of"):
        at = headers.index(of)
        fen = sum(int(r[at].replace(".", "")) for r in rows)  # every amount has two decimals
        sheet.write_string(row + 1, 0, "合计")
        sheet.write_string(row + 1, at, f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}")
        sheet.write_string(row + 3, 0, "制表人：店长    本表为模拟数据")
        note |= {"total_rows": 1, "footer_rows": 1}
    book.close()
    return note


_SYSTEMS: dict[str, tuple[Callable[[duckdb.DuckDBPyConnection], list[File]], Callable[..., dict[str, Any]]]] = {
    "zoho": (_zoho, _csv("utf-8")),
    "fxiaoke": (_fxiaoke, _workbook),
    "jianxin": (_jianxin, _workbook),
    "taobao": (_taobao, _csv("gbk")),
    "messy-excel": (_messy, _workbook),
}
