"""Worksheets: every sheet asks, the data answers what it can and nothing else, and no answer can act in a spreadsheet."""

from __future__ import annotations

import re
import shutil

import openpyxl
import pandas as pd
import pytest
import yaml

from conftest import GROCERY, KIT, make_tables
from fivestep import language, strategy
from fivestep.engagement import Engagement
from fivestep.language import columns
from fivestep.strategy.worksheets import STEPS, YEAR, _sheets

FINDING = {"text": "=1+1", "evidence": "Base: 3 customers.", "warnings": ["Few customers."]}


@pytest.fixture(scope="module")
def small():
    """Two years of three channels and two manufacturers, seventeen customers; one order in seven is a refund."""
    days = pd.date_range("2022-01-01", "2023-12-31", freq="D")
    n = range(len(days))
    orders = pd.DataFrame({
        "order_id": [f"o{i:04}" for i in n],
        "customer_id": [f"c{i % 17:02}" if i % 19 else None for i in n],
        "order_date": days,
        "order_amount": [round((i % 7 - 1) * 10.25 + (i > 364), 2) for i in n],
        "channel": [["=HYPERLINK(\"http://x\")", "Shop", "Web", " "][i % 4] for i in n],
    })  # fmt: skip
    lines = orders[["order_id", "customer_id", "order_date"]].assign(
        product_id=[f"p{i % 3}" for i in n], line_amount=orders["order_amount"]
    )
    products = pd.DataFrame({"product_id": ["p0", "p1"], "manufacturer": ["North", "South"]})
    return orders, lines, products


@pytest.fixture(scope="module")
def filled(small):
    orders, lines, products = small
    tables = make_tables(orders=orders, order_lines=lines, products=products)
    return strategy.worksheets(tables, [{**FINDING, "key": "needs.satisfied_share"}])


def answer(sheets: strategy.Worksheets, question: str) -> str:
    rows = sheets.table[sheets.table["worksheet_question"].str.contains(question, regex=False)]
    assert len(set(rows["worksheet_answer"])) == 1
    return rows["worksheet_answer"].iloc[0]


def test_every_sheet_has_questions_and_leaves_some_of_them_to_people():
    sheets = _sheets()
    assert len(sheets) > 20
    ids = [key for s in sheets for key in s.answers]
    assert len(ids) == len(set(ids)) > 15
    claimed = yaml.safe_load((KIT / "docs" / "coverage.yml").read_text("utf-8"))
    assert set(ids) == {key for key, entry in claimed.items() if entry["function"] == "strategy.worksheets"}
    for s in sheets:
        assert len(s.rows) >= 5, s.sheet
        assert len({(r.item, r.question) for r in s.rows}) == len(s.rows), s.sheet
        assert any(not (r.finding or r.shares or r.number) for r in s.rows), s.sheet
        assert {t for r in s.rows for t in (r.item, r.question)} | {s.sheet, s.decides} <= set(strategy.worksheet_messages())


def test_every_finding_and_field_that_a_sheet_names_exists():
    from fivestep.contract import TABLES

    code = "".join(p.read_text("utf-8") for step in STEPS for p in (KIT / "lib/fivestep" / step[:-1]).glob("*.py"))
    for row in (r for s in _sheets() for r in s.rows):
        assert not row.finding or f'key="{row.finding}"' in code, row.finding
        table, _, field = row.shares.partition(".")
        assert not row.shares or (table in ("orders", "products") and field in TABLES[table].fields), row.shares


def test_numbers_equal_a_second_computation(small, filled):
    orders, lines, products = small
    year = orders[orders["order_date"] > orders["order_date"].max() - pd.Timedelta(days=YEAR)]
    spend = year.dropna(subset="customer_id").groupby("customer_id")["order_amount"].sum()
    expected = f"{len(spend)} customers ordered and spent {language.money(spend.sum())}."
    assert answer(filled, "How many customers buy, and") == expected
    positive = spend[spend > 0]
    share = language.percent(positive.nlargest(10).sum() / positive.sum(), 1)
    assert answer(filled, "ten largest") == f"The 10 customers with most spend bring {share} of it."
    before = orders["order_amount"].sum() - year["order_amount"].sum()
    change = language.percent(year["order_amount"].sum() / before - 1, 1)
    assert answer(filled, "What has spend done").endswith(f"a change of {change}.")
    known = year[year["channel"].str.strip() != ""].groupby("channel")["order_amount"].sum().sort_values(ascending=False)
    said = [f"{c} ({language.percent(v / known.sum(), 1)})" for c, v in known.items()]
    assert answer(filled, "Through which channels") == f"Most spend: {language.listing(said)}."
    made = year[["order_id"]].merge(lines).merge(products).groupby("manufacturer")["line_amount"].sum()
    assert language.percent(made["North"] / made.sum(), 1) in answer(filled, "From which manufacturers")


def test_a_finding_answers_with_its_evidence_and_warnings(filled):
    row = filled.table[filled.table["worksheet_question"] == "How satisfied are customers?"].iloc[0]
    assert row["worksheet_answer"] == "=1+1"
    assert row["worksheet_base"] == "Base: 3 customers. Few customers."


def test_what_the_data_does_not_know_stays_blank():
    orders = pd.DataFrame({
        "order_id": ["a", "b"], "customer_id": ["x", "y"], "order_date": ["2023-01-01", "2023-01-02"], "order_amount": [-1, 0]
    })  # fmt: skip
    sheets = strategy.worksheets(make_tables(orders=orders), [])
    known = sheets.table.dropna(subset="worksheet_answer")
    assert set(known["worksheet_answer"]) == {"2 customers ordered and spent -$1."}
    assert sheets.table["worksheet_base"].notna().equals(sheets.table["worksheet_answer"].notna())
    summary = sheets.summary()
    assert summary["worksheet_filled"].sum() == len(known)
    assert (summary["worksheet_filled"] + summary["worksheet_open"]).sum() == len(sheets.table)


@pytest.fixture
def project(tmp_path):
    shutil.copytree(GROCERY, tmp_path / "data" / "contract" / "grocery")
    (tmp_path / "engagement.yml").write_text("name: T\nclient: C\nsnapshot: grocery\n", "utf-8")
    return tmp_path


def test_the_workbook_has_a_sheet_for_each_worksheet_and_no_formula(project, filled):
    engagement = Engagement(project, "4_strategy")
    path = project / "reports" / "exports" / "worksheets.xlsx"
    engagement.export_forms("worksheets", filled.forms())
    first = path.read_bytes()
    engagement.export_forms("worksheets", filled.forms())
    assert path.read_bytes() == first
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == [s.sheet for s in _sheets()]
    cells = [c for sheet in book for row in sheet.iter_rows() for c in row]
    assert "=1+1" in {c.value for c in cells}
    assert not [c.coordinate for c in cells if c.data_type == "f" or c.hyperlink]
    sheet = book["SWOT analysis"]
    assert [c.value for c in sheet[4]] == [columns.label(c) for c in filled.forms()["SWOT analysis"][1].columns]
    blank = {c.fill.fgColor.rgb for row in sheet.iter_rows(min_row=5) for c in row if c.value is None}
    assert blank == {"FFFFF8DC"}
    assert not [c for row in sheet.iter_rows() for c in row if c.value is not None and c.fill.fgColor.rgb == "FFFFF8DC"]


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_sheets_have_legal_names_of_their_own_in_every_language(filled, code):
    language.use(code, currency="USD")
    forms = filled.forms()
    assert len(forms) == len({name.casefold() for name in forms}) == len(_sheets())
    for name, (about, rows) in forms.items():
        assert not re.search(r"[\[\]:*?/\\]", name)
        assert len(name.encode("utf-16-le")) // 2 <= 31
        assert about == language._(next(s.decides for s in _sheets() if language._(s.sheet) == name))
        assert rows["worksheet_question"].notna().all()
