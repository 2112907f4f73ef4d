"""The systems by name: each of their sheets is told by its columns and taken for no other, and what their columns become."""

# ruff: noqa: E501 - headers stand as in the first line of a file

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from conftest import at_leisure
from fivestep import engine
from fivestep.contract import TABLES
from fivestep.engagement import Settings
from fivestep.intake import contact_lists, importing, matching, proposal
from fivestep.intake.importing import Imported
from fivestep.privacy import access, vault
from fivestep.privacy.pseudonyms import Pseudonyms

KEY = "the systems need a key of at least thirty-two bytes"
NAMES = Pseudonyms(KEY.encode())

_LEAD_ZH = "线索所有者 称谓 职务 姓 公司 线索来源 行业 年收入 电话 手机 传真 邮件 网站 线索状态 评级 员工数量 邮件选择退出 宣传来源 创建者 修改者 街道"
# The headers of each sheet as its system writes them, separated by | (or by blanks where no header has any).
HEADERS = {
    # ------------------------------------------------------------ Zoho CRM: labels
    ("zoho", "Accounts"): [
        "Record Id|Account Name|Account Owner.id|Account Owner|Industry|Phone|Website|Billing City|Billing State|Billing Country|Created Time",
        "Record Id|Account Name|Account Owner.id|Industry|Phone|Billing Address - City|Billing Address - State / Province|Created Time",
        "记录ID|客户名称|客户所有者|行业|电话|网站|员工数量|创建时间",
        "Id|Account_Name|Owner.id|Industry|Phone|Website|Billing_City|Billing_State|Billing_Country|Created_Time",
        "Id|Account_Name|Owner|Billing_City|Employees|Created_Time|Modified_Time",
    ],
    ("zoho", "Contacts"): [
        "Record Id|Account Name.id|Account Name|First Name|Last Name|Email|Phone|Mobile|Title|Department|Date of Birth|Lead Source|"
        "Email Opt Out|Contact Owner.id|Mailing City|Created Time",
        "记录ID|联系人所有者|姓|名|客户名称|邮件|电话|手机|职务|邮件选择退出|创建时间",
        "Id|Account_Name.id|First_Name|Last_Name|Full_Name|Email|Phone|Mobile|Title|Email_Opt_Out|Owner.id|Mailing_City|Created_Time",
    ],
    ("zoho", "Leads"): [
        "Record Id|Lead Owner.id|Company|Last Name|Email|Lead Source|Lead Status|Is Converted|Converted Account.id|Converted Contact.id|Created Time",
        _LEAD_ZH.replace(" ", "|"),
        "Id|Owner.id|Company|First_Name|Last_Name|Full_Name|Designation|Email|Lead_Source|Lead_Status|Industry|No_of_Employees|"
        "Annual_Revenue|Email_Opt_Out|Converted__s|Created_Time",
    ],
    ("zoho", "Deals"): [
        "Record Id|Deal Name|Account Name.id|Account Name|Contact Name.id|Deal Owner.id|Deal Owner|Amount|Currency|Stage|Probability (%)|"
        "Expected Revenue|Closing Date|Type|Lead Source|Campaign Source|Reason For Loss|Next Step|Created Time|Modified Time|Last Activity Time",
        "记录ID|商机名称|商机所有者|客户名称|金额|预计成交日期|阶段|可能性 (%)|线索来源|下一步|创建时间",
        "商机|商机所有者|金额|预计成交日期|阶段",
        "Id|Deal_Name|Account_Name.id|Contact_Name.id|Owner.id|Amount|Stage|Probability|Expected_Revenue|Closing_Date|Type|Lead_Source|"
        "Reason_For_Loss__s|Created_Time|Modified_Time",
    ],
    ("zoho", "Stage history"): [
        "Deal Name.id|Stage|Stage Duration (Calendar Days)|Moved To|Probability (%)|Amount|Modified Time",
        "商机名称|阶段|阶段时长（日历日）|移至|金额|修改时间",
        "Id|Deal_Name.id|Stage|Duration_Days|Moved_To__s|Probability|Amount|Modified_Time",
    ],
    ("zoho", "Calls"): [
        "Record Id|Related To.id|Contact Name.id|Subject|Call Type|Call Purpose|Call Start Time|Call Duration (in seconds)|Call Result|"
        "Call Status|Call Owner.id",
        "记录ID|通话所有者|主题|通话类型|通话目的|通话开始时间|通话结果|相关",
        "Id|What_Id.id|Who_Id.id|Subject|Call_Type|Call_Purpose|Call_Start_Time|Call_Duration_in_seconds|Call_Result|Owner.id",
    ],
    ("zoho", "Tasks"): [
        "Record Id|Related To.id|Subject|Due Date|Status|Priority|Closed Time|Task Owner.id",
        "记录ID|任务所有者|主题|截止日期|状态|优先级|关闭时间",
        "Id|What_Id.id|Who_Id.id|Subject|Due_Date|Status|Priority|Closed_Time|Owner.id|Created_Time",
    ],
    ("zoho", "Notes"): [
        "Record Id|Parent ID.id|Note Title|Note Content|Note Owner.id|Created Time",
        "记录ID|备注所有者|备注标题|备注内容|上级ID.id|创建时间",
        "Id|Parent_Id|Note_Title|Note_Content|Owner.id|Created_Time",
        "Id|Associated_Id|Note Content|Note Owner|Created Time",
    ],
    ("zoho", "Sales orders"): [
        "SO Number|Subject|Account Name|Due Date|Status|Sales Order Owner|Grand Total|Created Time",
        "销售订单编号|主题|客户名称|状态|销售订单所有者|总计|创建时间",
        "Id|SO_Number|Subject|Account_Name.id|Due_Date|Status|Owner.id|Grand_Total|Created_Time",
    ],
    ("zoho", "Products"): [
        "Record Id|Product Code|Product Name|Product Category|Unit Price",
        "产品所有者|产品名称|产品编码|产品类别|单价",
        "Id|Product_Code|Product_Name|Product_Category|Unit_Price|Owner.id",
    ],
    ("zoho", "Cases"): [
        "Record Id|Case Number|Subject|Type|Status|Priority|Case Origin|Case Reason|Account Name.id|Product Name|Created Time",
        "记录ID|工单所有者|工单编号|主题|类型|状态|优先级|工单来源|工单原因|客户名称|创建时间",
        "Id|Case_Number|Subject|Type|Status|Priority|Case_Origin|Case_Reason|Account_Name.id|Owner.id|Created_Time",
    ],
    ("zoho", "Campaigns"): [
        "Record Id|Campaign Name|Type|Status|Start Date|End Date|Budgeted Cost|Actual Cost|Expected Response|Expected Revenue",
        "宣传活动所有者|宣传活动名称|类型|状态|开始日期|结束日期|预算成本|实际成本",
        "Id|Campaign_Name|Type|Status|Start_Date|End_Date|Budgeted_Cost|Actual_Cost|Owner.id",
    ],
    # ------------------------------------------------------------ 纷享销客: labels, field names
    ("fxiaoke", "客户"): [
        "客户ID|客户名称|客户编号|客户类型|客户来源|1级行业|2级行业|电话|邮件|地址|国家|省|市|区|成交状态|最后一次成交时间|最后跟进时间|负责人|负责人主属部门|创建时间",
        "_id|name|account_no|account_type|account_level|account_source|industry_level1|tel|email|url|address|country|province|city|"
        "deal_status|last_deal_closed_time|last_followed_time|owner|record_type|create_time",
    ],
    ("fxiaoke", "联系人"): ["联系人ID|姓名|客户名称|手机|电话1|邮件|公司|职务|负责人", "_id|name|account_id|mobile1|tel1|email|company|job_title|owner"],
    ("fxiaoke", "商机"): [
        "商机ID|商机名称|客户名称|销售阶段|商机状态|商机金额|赢率|预测金额|预计成交日期|产品合计|源线索|负责人",
        "_id|name|account_id|sales_stage|sales_status|amount|probability|probability_amount|close_date|opp_lines_sum|leads_id|owner",
    ],
    ("fxiaoke", "销售订单"): [
        "订单ID|销售订单编号|客户名称|商机名称|下单日期|销售订单金额(元)|产品合计|已回款金额|待回款金额|已退款金额|退货金额|订单状态|负责人|备注",
        "_id|name|account_id|opportunity_id|order_time|order_amount|product_amount|discount|payment_amount|receivable_amount|refund_amount|"
        "returned_goods_amount|invoice_amount|delivery_date|order_status|owner|remark",
    ],
    ("fxiaoke", "订单产品"): ["订单ID|产品名称|数量|价格|销售单价|折扣|小计|单位|备注", "order_id|product_id|quantity|product_price|sales_price|discount|subtotal|unit"],
    ("fxiaoke", "产品"): ["产品ID|产品名称|产品编码|分类|产品线|标准价格|单位|条形码|上下架", "_id|name|product_code|category|product_line|price|unit|barcode"],
    ("fxiaoke", "销售记录"): [
        "记录ID|跟进内容|跟进类型|互动方式|互动场景|关联业务数据|创建时间",
        "_id|active_record_content|active_record_type|interactive_types|interactive_scenario|related_object_data|create_time",
    ],
    ("fxiaoke", "回款"): ["客户|回款日期|回款方式|回款金额|提醒日期", "account_id|payment_time|payment_term|payment_amount|notification_time"],
    ("fxiaoke", "退货单"): [
        "退货单编号|客户|退货金额|退货时间|退货原因",
        "_id|name|account_id|returned_goods_inv_amount|returned_goods_time|returned_goods_reason",
    ],
    # ------------------------------------------------------------ 简信CRM
    ("jianxin", "客户"): [
        "客户名称|客户编号|客户状态|客户信息来源|客户行业|客户等级|员工数|客户地址|下次联系时间|客户负责人|创建人|创建时间|更新时间|备注",
        "客户名称|客户编号|客户状态|客户信息来源|负责人|创建时间|联系人姓名|手机|邮箱",
    ],
    ("jianxin", "联系人"): ["联系人姓名|所属客户|角色|尊称|职位|手机|邮箱|QQ|地址|邮编|备注"],
    ("jianxin", "线索"): ["公司名|联系人姓名|来源|手机|邮箱|职位|下次联系内容|下次联系时间"],
    ("jianxin", "商机"): ["商机名|商机编号|客户|联系人|商机进度|成交几率|商机金额|下次联系时间|备注", "商机名|客户|商机进度|商机金额|创建时间"],
    ("jianxin", "合同"): ["合同名称|客户|商机|合同金额(元)|签约时间|合同生效时间|合同到期时间"],
    ("jianxin", "产品"): ["产品名称|产品编号|产品类别|单位|成本价|建议售价"],
    ("jianxin", "市场活动"): ["活动名称|活动类型|活动状态|活动开始时间|活动结束时间|预计成本|实际成本|预计收入|实际收入"],
    # ------------------------------------------------------------ Salesforce: data export, report
    ("salesforce", "Account"): [
        "Id|Name|Industry|BillingCity|OwnerId|CreatedDate",
        "Account ID|Account Name|Industry|Billing City|Account Owner|Created Date",
    ],
    ("salesforce", "Contact"): [
        "Id|IsDeleted|AccountId|LastName|FirstName|Email|Phone|HasOptedOutOfEmail|OwnerId|CreatedDate",
        "Contact ID|Account ID|First Name|Last Name|Email|Phone|Email Opt Out",
    ],
    ("salesforce", "Opportunity"): [
        "Id|AccountId|Name|StageName|Amount|Probability|CloseDate|IsWon|IsClosed|LeadSource|CampaignId|OwnerId|CreatedDate",
        "Opportunity ID|Account Name|Opportunity Name|Stage|Amount|Probability (%)|Close Date|Won|Closed|Opportunity Owner|Created Date",
    ],
    ("salesforce", "Product"): ["Id|Name|ProductCode|Family|IsActive"],
    ("salesforce", "Order"): ["Id|AccountId|OrderNumber|EffectiveDate|TotalAmount|Status|OwnerId"],
    ("salesforce", "Event or task"): ["Id|AccountId|WhatId|ActivityDate|Subject|Status|OwnerId"],
    # ------------------------------------------------------------ HubSpot
    ("hubspot", "Companies"): ["Record ID|Company name|Company owner|Create Date|Phone Number|City|Country/Region|Industry|Lifecycle Stage"],
    ("hubspot", "Contacts"): [
        "Record ID|First Name|Last Name|Email|Phone Number|Contact owner|Lifecycle Stage|Lead Status|Create Date|Associated Company IDs|"
        "Associated Company|Unsubscribed from all email",
    ],
    ("hubspot", "Contacts without companies"): [
        "Record ID|First Name|Last Name|Email|Phone Number|Contact owner|Lifecycle Stage|Lead Status|Create Date",
    ],
    ("hubspot", "Deals"): ["Record ID|Deal Name|Deal Stage|Close Date|Deal owner|Amount|Create Date|Associated Company IDs|Associated Company"],
    # ------------------------------------------------------------ shops
    ("taobao_tmall", "订单 (old)"): [
        "订单编号|买家会员名|买家支付宝账号|买家应付货款|买家应付邮费|总金额|买家实际支付金额|订单状态|买家留言|收货人姓名|收货地址 |联系手机|"
        "订单创建时间|订单付款时间 |宝贝标题 |宝贝种类|宝贝总数量|店铺名称|订单关闭原因",
    ],
    ("taobao_tmall", "宝贝 (old)"): ["订单编号|标题|价格|购买数量|外部系统编号|商品属性|套餐信息|备注|订单状态|商家编码"],
    ("taobao_tmall", "订单 (new)"): [
        "订单编号|订单状态|买家实付金额|买家应付邮费|确认收货打款金额|退款金额|订单创建时间|订单付款时间|发货时间|确认收货时间|商家备注|订单关闭原因|收货地址",
    ],
    ("taobao_tmall", "宝贝 (new)"): [
        "子订单编号|主订单编号|商品ID|商品属性|商品标题|商品价格|购买数量|买家实付金额|订单状态|退款状态|退款金额|发货时间",
    ],
    ("youzan", "客户"): ["客户姓名|客户昵称|客户手机号|客户生日|客户性别|标签|是否会员|成长值|客户储值余额|上次消费时间|来源渠道|来源方式|成为客户时间|微信地域"],
    ("youzan", "订单"): [
        "订单号|订单状态|订单创建时间|买家付款时间|交易成功时间|买家昵称|买家姓名|买家手机号|全部商品名称|商品种类数|订单商品总件数|商品金额合计|"
        "店铺优惠合计|运费|订单实付金额|订单实收金额|销售渠道|订单来源|收货人省份|收货人城市",
    ],
    ("jd", "订单"): ["订单号|下单时间|商品名称|客户姓名|客户地址|商家应收"],
    ("shopify", "Orders"): [
        "Name|Email|Financial Status|Paid at|Fulfillment Status|Accepts Marketing|Currency|Subtotal|Shipping|Taxes|Total|Discount Code|"
        "Discount Amount|Created at|Lineitem quantity|Lineitem name|Lineitem price|Lineitem sku|Payment Method|Refunded Amount|Vendor|Id|Tags|Source",
    ],
    ("shopify", "Customers"): ["Customer ID|First Name|Last Name|Email|Accepts Email Marketing|Phone|Total Spent|Total Orders|Tags"],
    ("shopline", "訂單"): ["訂單號碼|訂單日期|訂單狀態|顧客"],
    ("wecom", "客户"): ["external_userid|userid|unionid"],
    ("pos", "receipt lines"): ["小票号|POS机号|收银员|交易时间|商品编码|商品名称|数量|单价|金额"],
}  # fmt: skip
CASES = [(system, sheet, text) for (system, sheet), texts in HEADERS.items() for text in texts]


def test_the_headers_of_every_kind_of_sheet_are_among_these():
    assert {(k.system, k.sheet) for k in matching.kinds()} == set(HEADERS)


@pytest.mark.parametrize(("system", "sheet", "text"), CASES, ids=[f"{s} {sheet} {i}" for i, (s, sheet, _t) in enumerate(CASES)])
def test_a_sheet_is_taken_for_what_it_is_and_no_other(system, sheet, text):
    assert [(k.system, k.sheet) for k in matching.detected(text.split("|"))] == [(system, sheet)]


@pytest.mark.parametrize(("system", "sheet", "text"), [c for c in CASES if c[0] == "zoho"], ids=lambda value: value[:12])
def test_no_column_of_zoho_is_a_question_in_any_of_its_layouts(system, sheet, text):
    kind = matching.kind(system, sheet)
    found = matching.matches(text.split("|"), {}, kind=kind, table=kind.table)
    assert {column for column, match in found.items() if match.by != "system"} == set()


# ------------------------------------------------------------ imports
@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("FIVESTEP_KEY", KEY)
    (tmp_path / "data" / "raw").mkdir(parents=True)
    return tmp_path


def imported(project: Path, **files: str) -> Imported:
    for name, text in files.items():
        (project / "data" / "raw" / f"{name}.csv").write_text(text.strip() + "\n", encoding="utf-8")
    proposed = proposal.propose(project, engine.connect())
    assert sum(bool(s.table) for s in proposed.mapping.sources) == len(proposed.mapping.sources)
    assert proposed.mapping.questions == 0, proposal.text(proposed)
    proposal.write(project, proposal.text(proposed))
    done = importing.import_(project, Settings(name="T", client="T", currency="CNY", time_zone="Asia/Shanghai"))
    assert done.quality.balanced()
    return done


def rows(done: Imported, table: str, *columns: str) -> list[tuple]:
    frame = pd.read_parquet(done.folder / f"{table}.parquet")[list(columns)].astype(object)
    return sorted(frame.where(frame.notna(), None).itertuples(index=False, name=None), key=str)


def of(done: Imported, check: str, table: str = "") -> int:
    return sum(x.rows for x in done.quality.of(check) if x.table == table or not table)


def cell(kind: matching.Kind, header: str, row: int) -> str:
    """A likely value of a column, which tells rows apart where it is an id."""
    to = kind.columns[matching.headers.key(header)][0].to
    target = matching.headers.targets().get(to)
    if target is None or target.field == "lost_reason":
        return f"{to} {row}"
    texts = {"id": f"A{row}", "money": f"{row}00.50", "number": f"{row}", "int": f"{row}", "percent": f"{row}0%", "bool": "false",
             "date": f"2024-03-0{row}", "datetime": f"2024-03-0{row} 10:00:00", "code": "CNY"}  # fmt: skip
    declared = TABLES[target.table].fields.get(target.field) if target.table in TABLES else None
    kind_of = "datetime" if declared and declared.type == "timestamp" else target.kind  # a time may be part of a key
    return texts.get(kind_of, f"{target.field} {row}")


@pytest.mark.slow
@pytest.mark.parametrize(
    "system",
    [
        "zoho",
        *(
            pytest.param(s, marks=at_leisure)
            for s in ("fxiaoke", "jianxin", "salesforce", "hubspot", "taobao_tmall", "youzan", "shopify")
        ),
    ],
)
def test_all_sheets_of_a_system_are_imported_together_and_no_row_is_lost(project, system):
    files = {}
    for (own, sheet), texts in HEADERS.items():
        if own == system and (own, sheet) != ("hubspot", "Contacts without companies"):
            kind, header = matching.kind(own, sheet), texts[0].split("|")
            dated = any(t.field == "created_at" for ts in kind.columns.values() for x in ts if (t := x.target))
            header += ["创建时间"] if dated and own in ("fxiaoke", "jianxin") and "创建时间" not in header else []
            lines = [",".join(cell(kind, h, n) for h in header) for n in (1, 2)]
            files[sheet] = "\n".join([",".join(header), *lines])
    done = imported(project, **files)
    assert read(done) == dict.fromkeys(files.keys() - {"回款"}, 2)


def read(done: Imported) -> dict[str, int]:
    return {x.source.partition(".")[0]: x.rows for x in done.quality.of("rows_read")}


def written(text: str) -> str:
    """A file of fields that are separated by blanks."""
    return "\n".join(
        ",".join("" if v == "-" else v.replace("~", " ") for v in line.split()) for line in text.strip().splitlines()
    )


def test_zoho_finds_the_customer_of_a_note_keeps_who_opted_out_and_closes_leads(project):
    done = imported(
        project,
        Contacts=written("""Id Account_Name.id First_Name Last_Name Email Mobile Email_Opt_Out Owner.id Mailing_City
            c1 a1 梅 李 mei@jade.example 13800001111 true u1 上海
            c2 a2 Ann Fox ann@pine.example 13900002222 false u2 北京
            c3 - No Body nobody@x.example 13700003333 false u2 北京"""),
        Leads=written("""Id Owner.id Company Last_Name Email Lead_Status Email_Opt_Out Converted__s Converted_Account.id Created_Time
            l1 u1 X Li x@x.example Contacted true false - 2024-01-02~10:00:00
            l2 u1 Y Wu y@x.example Contacted false true a1 2024-01-02~10:00:00
            l3 u1 Z Hu z@x.example Junk~Lead false false - 2024-01-02~10:00:00"""),
        Deals=written("""Id Deal_Name Account_Name.id Contact_Name.id Owner.id Amount Stage Closing_Date Created_Time
            d1 One a1 c1 u1 100 Closed~Won 2024-03-09 2024-03-01~10:00:00
            d2 Two - c2 u1 200 Qualification 2024-05-09 2024-03-02~10:00:00
            d3 Day a2 c2 u1 50 Closed~Lost 2024-03-03 2024-03-03~10:00:00"""),
        Stage_history=written("""Deal_Name.id Stage Duration_Days Moved_To__s Modified_Time
            d1 Qualification 3 Closed~Won 2024-03-01~10:00:00
            d1 Closed~Won - - 2024-03-04~09:00:00
            d2 Qualification 9 Closed~Won 2024-03-02~10:00:00
            d2 Proposal - - 2024-03-04~10:00:00"""),
        Notes=written("""Id Parent_Id Note_Title Note_Content Owner.id Created_Time
            n1 a1 t hello u1 2024-03-05~10:00:00
            n2 d2 t hello u1 2024-03-06~10:00:00
            n3 c2 t hello u1 2024-03-07~10:00:00
            n4 zz t hello u1 2024-03-08~10:00:00"""),
    )
    a1, a2 = NAMES.of("a1"), NAMES.of("a2")
    assert rows(done, "interactions", "interaction_id", "customer_id") == [("n1", a1), ("n2", a2), ("n3", a2)]
    assert of(done, "joined_by_name", "interactions") == of(done, "rows_dropped", "interactions") == 1, "n4 is nobody's"
    deals = {r[0]: r[1:] for r in rows(done, "opportunities", "opportunity_id", "customer_id", "status", "closed_at", "owner")}
    assert set(deals) == {"d1", "d2", "d3", "l1"}, "a converted lead and one that is junk are left out"
    assert deals["d1"] == (a1, "won", pd.Timestamp("2024-03-09"), "u1")
    assert deals["d2"][:3] == (a2, "open", None)
    assert deals["d3"][2] == pd.Timestamp("2024-03-03 10:00:00"), "a day does not lie before an hour of the same day"
    assert deals["l1"][:3] == (None, "open", None)
    stages = {(r[0], r[1]): r[2] for r in rows(done, "stage_history", "opportunity_id", "stage", "left_at")}
    assert stages["d1", "Qualification"] == pd.Timestamp("2024-03-04 10:00:00")
    (line,) = [x for x in done.quality.of("time_order") if x.table == "stage_history" and "unconfirmed" in x.message]
    assert (line.rows, line.of) == (1, 2)
    persons = vault.read(project, "contacts", NAMES).to_pandas().set_index("contact_id")
    assert set(persons.index) == {"c1", "c2"}
    assert persons.loc["c1", ["name", "marketing_opt_out"]].tolist() == ["李梅", "true"]
    assert persons.loc["c2", ["name", "marketing_opt_out"]].tolist() == ["Ann Fox", "false"]
    assert [x.rows for x in done.quality.of("rows_dropped") if x.table == "contacts"] == [1]
    order = {"order_id": ["o"], "customer_id": [a1], "order_date": [pd.Timestamp("2024-03-01")], "order_amount": [1.0]}
    pd.DataFrame(order).to_parquet(done.folder / "orders.parquet")
    lists = project / "reports" / "exports"
    lists.mkdir(parents=True)
    (lists / "calls.csv").write_text(f"customer_id\n{a1}\n{a2}\n", "utf-8")
    access.first(project)
    policy = project / access.FILE
    policy.write_text(policy.read_text("utf-8").replace('purpose: ""', "purpose: calls"), "utf-8")
    made = contact_lists.write(project, "calls", done.folder, NAMES, "test")
    sent = pd.read_excel(made.path, dtype=str, engine="openpyxl")
    assert (made.customers, made.persons_out, made.unreachable) == (2, 1, 1)
    assert "mei@jade.example" not in sent.to_string()
    assert "ann@pine.example" in sent.to_string()


def test_fxiaoke_takes_returns_as_refunds_says_where_they_may_count_twice_and_leaves_payments_out(project):
    done = imported(
        project,
        回款="客户,回款日期,回款方式,回款金额,提醒日期\n甲,2024-03-05,现金,10,",
        商机=written("""商机ID 客户ID 商机名称 销售阶段 商机状态 商机金额 预计成交日期 创建时间
            o1 5f1 x 成交 赢单 10 2024-03-09 2024-03-01
            o2 5f1 y 方案 进行中 20 2024-05-09 2024-03-01"""),
        销售订单=written("订单ID 客户ID 下单日期 销售订单金额(元) 已退款金额\ns1 5f1 2024-03-02 100 30\ns2 5f2 2024-03-03 50 0"),
        退货单=written("退货单编号 客户 退货金额 退货时间 退货原因\nr1 甲 30 2024-03-05 破损\nr2 乙 -5 2024-03-06 过期"),
    )
    assert read(done).keys() == {"商机", "销售订单", "退货单"}
    assert "回款.csv" in (project / "mapping.yml").read_text("utf-8").partition("ignore:")[2]
    amounts = {r[0]: (r[1], float(r[2])) for r in rows(done, "orders", "order_id", "customer_id", "order_amount")}
    assert amounts["s1"] == (NAMES.of("5f1"), 70.0)
    assert amounts["r1"] == (NAMES.of("甲"), -30.0)
    assert amounts["r2"][1] == -5.0
    (line,) = [x for x in done.quality.of("refunds") if x.severity == "warning"]
    assert (line.source, line.rows) == ("销售订单.csv", 1)
    deals = rows(done, "opportunities", "opportunity_id", "closed_at")
    assert deals == [("o1", pd.Timestamp("2024-03-09")), ("o2", None)]


def test_jianxin_hides_ids_made_of_names_and_counts_money_beside_leads(project):
    done = imported(
        project,
        线索=written(
            "公司名 联系人姓名 来源 下次联系内容 线索状态 创建时间\nX 李 web y 跟进中 2024-03-01\nY 王 web y 已转换 2024-03-01"
        ),
        商机=written(
            "商机名 客户 商机进度 商机金额 创建时间\n李四13900001111 customer_name~1 成交 10 2024-03-01\nB customer_name~1 谈判 5 -"
        ),
        合同=written("合同名称 客户 合同金额(元) 签约时间\n李四13900001111 customer_name~1 10 2024-03-02"),
    )
    hidden = NAMES.of("李四13900001111")
    deals = rows(done, "opportunities", "opportunity_id", "status", "amount")
    assert len(deals) == 2
    assert (hidden, "won") in [d[:2] for d in deals]
    assert rows(done, "orders", "order_id") == [(hidden,)]
    (money,) = [x for x in done.quality.of("money") if x.table == "opportunities" and "left_out" in x.values]
    assert money.severity == "note"


def test_salesforce_reads_a_data_export_in_utc_and_closes_what_is_closed(project):
    done = imported(
        project,
        Opportunity=written("""Id AccountId Name StageName Amount CloseDate IsWon IsClosed OwnerId CreatedDate
            006000000000001AAA 001000000000001AAA x Won 10 2024-03-09 true true u1 2024-03-01~20:30:00
            006000000000002AAA 001000000000001AAA y Open 10 2024-04-09 false false u1 2024-03-01~20:30:00"""),
    )
    deals = rows(done, "opportunities", "opportunity_id", "created_at", "closed_at", "expected_close_date")
    later = pd.Timestamp("2024-03-02 04:30:00")
    assert [d[1:3] for d in deals] == [(later, pd.Timestamp("2024-03-09")), (later, None)]
    assert [d[3] is None for d in deals] == [True, False]
    assert {x.source for x in done.quality.of("time_zone")} == {"Opportunity.csv"}
    report = proposal.matching.options(matching.kind("salesforce", "Opportunity"), ["Opportunity ID", "Close Date"], set())
    assert report["time_zone"] == "", "reports are local"


def test_hubspot_tells_a_company_from_a_contact_of_the_same_number():
    made = {}
    for sheet in ("Companies", "Contacts", "Contacts without companies", "Deals"):
        header = HEADERS["hubspot", sheet][0].split("|")
        made[sheet] = matching.matches(header, {}, kind=matching.kind("hubspot", sheet))
    ids = {sheet: (m["Record ID"].targets[0].to, m["Record ID"].targets[0].prefix) for sheet, m in made.items()}
    assert ids == {
        "Companies": ("customers.customer_id", ""), "Contacts": ("contacts.contact_id", "contact-"),
        "Contacts without companies": ("customers.customer_id", "contact-"), "Deals": ("opportunities.opportunity_id", ""),
    }  # fmt: skip
    assert made["Contacts"]["Associated Company IDs"].targets[0].to == "customers.customer_id"
    assert made["Contacts"]["Unsubscribed from all email"].targets[0].to == "contacts.marketing_opt_out"


def test_orders_of_jd_ask_once_whether_a_name_is_an_id():
    kind = matching.kind("jd", "订单")
    found = matching.matches(HEADERS["jd", "订单"][0].split("|"), {}, kind=kind, table="orders")
    assert {c: [x.to for x in m.candidates] for c, m in found.items() if m.by == "ask"} == {
        "客户姓名": ["customers.customer_id", "customers.customer_name"]
    }
