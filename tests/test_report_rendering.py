"""What a client is handed: PDF, HTML and workbook of hand-made notebooks, in English and Chinese, with hostile data in them."""

from __future__ import annotations

import ast
import base64
import datetime as dt
import json
import re
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import openpyxl
import page  # page-validation, an independent PDF/UA checker
import pandas as pd
import pypdfium2
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from fivestep import language
from fivestep.charts import theme
from fivestep.errors import UserError
from fivestep.report import design, document, html, math, pdf, six_parts, svg, workbook
from fivestep.report.blocks import NotebookReader, clean
from fivestep.report.exporters import FivestepHTMLExporter, FivestepPDFExporter
from fivestep.report.html_tables import html_to_blocks
from fivestep.report.markdown import MarkdownReader

STAMP = dt.datetime(2017, 12, 31, tzinfo=dt.UTC)
HOSTILE = '#read("/etc/passwd") <script>alert(1)</script> =cmd|calc \\input{/etc/passwd} {{ 7 * 7 }} #eval("1+1") $(id) ]]> @ref'
CHART = """<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
 width="200pt" height="80pt" viewBox="0 0 200 80">
<defs><style>*{stroke-linejoin: round}</style>
<clipPath id="c1"><rect width="200" height="80"/></clipPath><path id="dot" d="M0 0h4v4z"/></defs>
<g clip-path="url(#c1)"><rect id="bar" width="120" height="30" fill="#0f7c8a"/><use xlink:href="#dot" x="9" y="50"/></g></svg>"""


def recorded(record: dict, data: dict | None = None):
    output = new_output("display_data", data={"text/plain": "shown", **(data or {})}, metadata={"fivestep": record})
    return new_code_cell("engagement.secret_call()", outputs=[output])


def figure(number: str, title: str, **more):
    return recorded({"kind": "figure", "number": number, "title": title, **more}, {"image/svg+xml": CHART})


def table(number: str, title: str, columns: list[dict], rows: list[list[str]], **more):
    return recorded({"kind": "table", "number": number, "title": title, "columns": columns, "rows": rows, **more})


def finding(text: str, **more):
    said = {
        "key": "k",
        "value": 0.5,
        "unit": "share",
        "evidence": "",
        "so_what": "",
        "confidence": "high",
        "warnings": [],
        "assumptions": [],
    }
    return recorded({"kind": "finding", "display": "50%", **said, "text": text, **more})


def shown(data: dict, source: str = "code()", **metadata):
    return new_code_cell(source, outputs=[new_output("display_data", data=data)], metadata=metadata)


def column(name: str, label: str, kind: str, **more) -> dict:
    return {"name": name, "label": label, "kind": kind, "align": "left" if kind in ("text", "month", "date") else "right", **more}


SEGMENTS = [
    column("segment", "Segment", "text", definition="Class of the grid."),
    column("customers", "Customers", "count", definition="Number of distinct customers."),
    column("share", "Share of customers", "percent"),
    column("spend", "Spend", "money"),
    column("first", "First order", "date"),
]
ROWS = [["Champions", "72", "9.0%", "$1,234", "31 Jan 2017"], ["=cmd|calc", "5", "0.6%", "$20", "1 Feb 2017"]]


def english() -> list:
    one = new_notebook(
        cells=[
            new_markdown_cell("# Who the customers are\n\nThe base is **801 households**."),
            new_code_cell("engagement = 'x'", metadata={"tags": ["parameters"]}),
            new_markdown_cell("## Spend is concentrated\n\nRead the top bar first."),
            figure(
                "1.1",
                "A tenth of households brings 38% of spend",
                alt="Bars that fall",
                source="Till data, 2017",
                note="Ties by id.",
            ),
            finding(
                "50% of spend comes from 9% of households.",
                evidence="801 households with an order in 2017.",
                so_what="Protect these households first.",
                assumptions=["Spend is after discounts."],
                warnings=["Only 24 households in the smallest class."],
            ),
        ]
    )
    two = new_notebook(
        cells=[
            new_markdown_cell("# Which customers matter"),
            new_markdown_cell("## Segments"),
            table(
                "2.1",
                f"Segments {HOSTILE}",
                SEGMENTS,
                [*ROWS, [HOSTILE, "1", "0.1%", "$1", "–"]],
                source="Till data",
                frame="results/t.parquet",
            ),
            figure("2.2", "Champions come weekly", source="Till data"),
            finding(
                "Champions visit 2.4 times a week.", display="2.4×", confidence="low", assumptions=["A week starts on Monday."]
            ),
            recorded({"kind": "caution", "text": "The campaigns were targeted: no lift may be claimed."}),
            recorded(
                {
                    "kind": "not_available",
                    "missing": ["events"],
                    "would_answer": "Which pages sell?",
                    "text": "Not shown: no events.",
                }
            ),
        ]
    )
    return [one, two]


def chinese() -> list:
    cells = [
        new_markdown_cell("# 哪些客户最重要\n\n自用面长见方法，**加粗**，龘靐。"),
        figure("1.1", "前十分之一的家庭贡献 38% 的消费", alt="逐渐下降的条形图", source="收银数据"),
        table(
            "1.2",
            "每九户有一户是核心客户",
            [column("s", "客群", "text", definition="网格中的类别。"), column("n", "客户数", "count")],
            [["核心客户", "72"]],
        ),
        finding(
            "9% 的家庭贡献了一半的消费。", so_what="先守住这些家庭。", evidence="801 户家庭。", warnings=["最小一类只有 24 户。"]
        ),
    ]
    return [new_notebook(cells=cells)]


META = {
    "title": "Customer review",
    "subtitle": "Full year 2017",
    "client": "Riverside",
    "author": "Analytics",
    "date": "31 December 2017",
    "lang": "en",
    "footer": "Confidential",
    "facts": [["As of", "31 Dec 2017"], ["Customers", "801"]],
}
META_ZH = {
    "title": "客户价值分析",
    "subtitle": "2017 全年",
    "client": "河畔超市",
    "author": "分析组",
    "date": "2017年12月31日",
    "lang": "zh_CN",
    "footer": "机密",
    "facts": [["截至", "2017年12月31日"]],
}


@pytest.fixture(scope="module")
def report() -> dict:
    language.use("en")
    return document.report(english(), META)


@pytest.fixture(scope="module")
def report_zh() -> dict:
    language.use("zh_CN")
    return document.report(chinese(), META_ZH)


@pytest.fixture(scope="module")
def pdf_en(report) -> bytes:
    return pdf.render(report, timestamp=STAMP)


@pytest.fixture(scope="module")
def pdf_zh(report_zh) -> bytes:
    return pdf.render(report_zh, timestamp=STAMP)


@pytest.fixture(scope="module")
def html_en(report) -> str:
    return html.render(report)


@pytest.fixture(scope="module")
def html_zh(report_zh) -> str:
    return html.render(report_zh)


def pages_of(raw: bytes) -> list[str]:
    opened = pypdfium2.PdfDocument(raw)
    try:
        return [opened[i].get_textpage().get_text_range() for i in range(len(opened))]
    finally:
        opened.close()


def text_of(raw: bytes) -> str:
    """The text of a PDF, white space squeezed out: where a line breaks is not what is asked."""
    return re.sub(r"\s+", "", "".join(pages_of(raw)))


def in_order(text: str, *parts: str) -> bool:
    return re.search(".*?".join(re.escape(re.sub(r"\s+", "", p)) for p in parts), text, re.DOTALL) is not None


def single_pdf(*cells, **meta) -> bytes:
    made, _resources = FivestepPDFExporter().from_notebook_node(
        new_notebook(cells=list(cells), metadata={"report": meta} if meta else {})
    )
    return made


class Page(HTMLParser):
    """What a browser would see of a page: its elements with their attributes, and its text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.text = ""
        self._silent = 0
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._silent += tag == "style"

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        self._silent -= tag == "style"

    def handle_data(self, data):
        if not self._silent:
            self.text += data

    def all(self, tag: str) -> list[dict]:
        return [attrs for name, attrs in self.elements if name == tag]


# ---------------------------------------------------------------- the document
def test_one_report_holds_summary_chapters_and_definitions_in_order(report):
    headings = [(b["level"], b.get("number", ""), "".join(b["c"])) for b in report["blocks"] if b["t"] == "heading"]
    assert headings == [
        (1, "", "Executive summary"),
        (1, "1", "Who the customers are"),
        (2, "", "Spend is concentrated"),
        (1, "2", "Which customers matter"),
        (2, "", "Segments"),
        (1, "", "Assumptions and definitions"),
        (2, "", "What this report covers"),
        (2, "", "Assumptions"),
        (2, "", "Definitions"),
        (2, "", "What is missing"),
    ]
    assert [c["text"] for c in report["contents"]] == [h[2] for h in headings]


def six_part_notebooks() -> list:
    """Two notebooks with findings of four of the six parts."""
    first = [
        new_markdown_cell("# Who"), new_markdown_cell("## The business"), table("1.1", "t", [column("a", "A", "text")], [["x"]]),
        finding("Spend grew.", key="profiling.spend_on_year", so_what="Go on."),
        new_markdown_cell("## Groups"), finding("Students want tea.", key="profiling.groups_with_preference"),
    ]  # fmt: skip
    second = [
        new_markdown_cell("# Worth"), new_markdown_cell("## Loyalty"),
        finding("Half are loyal.", key="segmentation.loyal_share_of_active"),
        new_markdown_cell("## Profit"), finding("Ten lose money.", key="segmentation.loss_making_customers"),
    ]  # fmt: skip
    return [new_notebook(cells=cells) for cells in (first, second)]


def test_six_parts_of_the_analysis_stand_on_one_page_and_lead_to_their_sections():
    made = document.report(six_part_notebooks(), META)
    at = next(i for i, b in enumerate(made["blocks"]) if b["t"] == "heading" and b["c"] == ["The analysis in six parts"])
    rows = made["blocks"][at + 1]["body"]
    assert [row[0]["text"] for row in rows] == [
        "Business behaviour", "Customer traits", "Loyalty", "Attention", "Marketing", "Profitability",
    ]  # fmt: skip
    assert [cell["text"] for cell in rows[0][2:]] == ["1 The business", "Spend grew.", "Go on."]
    assert rows[3][3]["text"] == "No finding: the data or a notebook is missing."
    sections = {"".join(b["c"]): b["id"] for b in made["blocks"] if b["t"] == "heading" and b["level"] == 2}
    assert rows[0][2]["c"][0]["target"] == sections["The business"]
    assert rows[5][2]["c"][0]["target"] == sections["Profit"]
    seen = Page(html.render(made))
    assert {"href": f"#{sections['Profit']}"} in seen.all("a")
    checked = page.validate_pdf_bytes(pdf.render(made, timestamp=STAMP), profile=page.ValidationProfile.PDF_UA_1)
    assert [(f.rule_id, f.message) for f in checked.failures] == []


def test_every_part_of_the_analysis_has_findings_of_the_library_behind_it():
    root = Path(document.__file__).parents[1]
    source = "".join(p.read_text("utf-8") for p in root.glob("*/**/*.py") if p.name != "six_parts.py")
    missing = [key for keys in six_parts.PARTS.values() for key in keys if f'"{key}' not in source]
    assert missing == []


def test_every_finding_of_the_library_names_evidence_and_action():
    root = Path(document.__file__).parents[1]
    made = [
        (path.name, {k.arg for k in node.keywords})
        for step in ("profiling", "segmentation", "needs", "strategy", "evaluation")
        for path in (root / step).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding"
    ]
    assert len(made) > 50
    lacking = [name for name, given in made if not {"text", "evidence", "so_what"} <= given]
    assert lacking == []


def test_a_report_of_notebooks_two_and_three_numbers_its_chapters_two_and_three():
    notebooks = [new_notebook(cells=[new_markdown_cell(f"# {n}"), figure(f"{n}.1", "t")]) for n in (2, 3)]
    made = document.report([*notebooks, new_notebook(cells=[new_markdown_cell("# none")])], META)
    assert [c["number"] for c in made["contents"] if c["number"]] == ["2", "3", "4"]


def test_the_report_says_nothing_twice_and_keeps_tables_behind_figures_for_the_workbook():
    """A finding that repeats its exhibit says only what follows; of a table behind a figure the PDF gives title and place."""
    cells = [
        new_markdown_cell("# Payment"),
        new_markdown_cell("## Cards\n\nHow do they pay?"),
        figure("1.1", "Cards pay for 60% of spend", source="Till data"),
        table("1.2", "Cash is losing ground", SEGMENTS, ROWS, source="Till data", detail=True),
        finding("Cards pay for 60% of spend.", so_what="Take cards everywhere.", assumptions=["Vouchers are cash."]),
        finding("Cash costs 1% of it.", so_what="Count it less often."),
    ]
    made = document.report([new_notebook(cells=cells)], {"title": "Review", "lang": "en"})
    assert [b["repeats"] for b in made["blocks"] if b["t"] == "finding"] == [True, False]
    text = text_of(pdf.render(made))
    assert text.count("Cardspayfor60%ofspend") == 2  # the summary, and over the figure
    for said in ("Take cards everywhere.", "Cash costs 1% of it.", "Cash is losing ground", "The table is in the workbook"):
        assert said.replace(" ", "") in text
    assert "31Jan2017" not in text
    assert "31 Jan 2017" in html.render(made)
    assert "Vouchersarecash." in text


def test_many_definitions_are_small_print_that_conforms_to_pdf_ua():
    columns = [column(f"c{i}", f"Label {i}", "count", definition=f"Meaning {i}.") for i in range(80)]
    columns += [column("c_low", "Label, low", "count", definition="Lower end.")]
    cells = [new_markdown_cell("# Payment"), *[table(f"1.{i}", f"T {i}", columns[i::12], [["1"] * 7]) for i in range(12)]]
    made = document.report([new_notebook(cells=cells)], {"title": "Review", "lang": "en"})
    printed = pdf.render(made, timestamp=STAMP)
    assert page.validate_pdf_bytes(printed, profile=page.ValidationProfile.PDF_UA_1).is_compliant
    text = text_of(printed)
    assert all(f"Meaning{i}." in text for i in range(80))
    assert "Lowerend." not in text
    assert "Theendsofintervalsaredefinedintheworkbook" in text


def test_a_finding_of_low_confidence_is_no_headline_and_warnings_travel_with_a_tile(report):
    (tiles,) = [b["tiles"] for b in report["blocks"] if b["t"] == "tiles"]
    assert [(t["display"], t["warned"]) for t in tiles] == [("50%", True)]
    sentences = [i["text"] for b in report["blocks"] if b["t"] == "takeaways" for i in b["items"]]
    assert "Champions visit 2.4 times a week." in sentences


def test_a_number_that_its_sentence_does_not_say_is_no_headline():
    cells = [
        new_markdown_cell("# T"),
        finding("The next four weeks: $1,200.", display="0.80"),
        finding("In 2024 sales were $2,410.", display="24"),
        finding("Spend fell by 5.7% in May.", display="-5.7%"),
        finding("No customer is at risk, with ¥0 at stake.", display="¥0", unit="money"),
        finding("Age decides: 0.87 orders per customer lie between the groups.", display="0.87 orders per customer"),
    ]
    made = document.report([new_notebook(cells=cells)], META)
    (tiles,) = [b["tiles"] for b in made["blocks"] if b["t"] == "tiles"]
    assert [t["display"] for t in tiles] == ["-5.7%", "0.87 orders per customer"]


def test_what_an_exhibit_of_the_section_says_is_not_said_again_by_its_finding():
    base = "Base: 801 customers."
    cells = [
        new_markdown_cell("# T"),
        new_markdown_cell("## S"),
        figure("1.1", "Tea brings 80% of spend", note=base),
        finding("Tea brings 80% of spend.", display="80%", evidence=f"{base} Two bought none.", so_what="Keep tea in stock."),
        finding("Coffee brings 20%.", display="20%", evidence=base),
        new_markdown_cell("## Another"),
        finding("Tea brings 80% of spend.", display="80%", evidence=base),
    ]
    made = document.report([new_notebook(cells=cells)], META)
    boxes = [(b["repeats"], b["evidence"]) for b in made["blocks"] if b["t"] == "finding"]
    assert boxes == [(True, "Two bought none."), (False, ""), (False, base)]
    chapter = html.render(made).partition('<figure id="exhibit-1-1">')[2]
    assert chapter.count('<p class="sentence">Tea brings 80% of spend.</p>') == 1
    assert chapter.count('<p class="sentence">Coffee brings 20%.</p>') == 1
    text = " ".join(" ".join(pages_of(pdf.render(made, timestamp=STAMP))).split())
    chapter = text[text.rindex("Exhibit 1.1") :]
    assert chapter.count("Tea brings 80% of spend") == 2  # the title of the exhibit, and the box of the section without one
    assert "Keep tea in stock." in chapter


def test_a_caution_that_a_headline_finding_says_stands_once():
    cells = [
        new_markdown_cell("# T"),
        new_markdown_cell("## S"),
        finding("One.", warnings=["Too short a time."], headline=True),
        recorded({"kind": "caution", "text": "Too short a time."}),
        recorded({"kind": "caution", "text": "No control group."}),
    ]
    made = document.report([new_notebook(cells=cells)], META)
    assert [b["text"] for b in made["blocks"] if b["t"] == "caution"] == ["No control group."]


def test_columns_without_a_value_are_named_below_the_table_and_stay_in_the_workbook(tmp_path):
    columns = [{"name": name, "label": name.title(), "kind": "text", "align": "left"} for name in ("shop", "gap", "verdict")]
    rows = [["North", "–", "Like the others"], ["South", "–", "Below"]]
    cells = [new_markdown_cell("# T"), table("1.1", "Shops", columns, rows)]
    made = document.report([new_notebook(cells=cells)], META)
    (shown,) = [b for b in made["blocks"] if b.get("number") == "1.1"]
    assert [c["text"] for c in shown["head"][0]] == ["Shop", "Verdict"]
    assert [[c["text"] for c in row] for row in shown["body"]] == [["North", "Like the others"], ["South", "Below"]]
    assert shown["below"] == ["Without values here: Gap."]
    workbook.write(tmp_path / "w.xlsx", made, tmp_path, created=STAMP)
    book = openpyxl.load_workbook(tmp_path / "w.xlsx")
    heads = [tuple(c.value for c in row) for sheet in book for row in sheet.iter_rows() if row[0].value == "Shop"]
    assert heads == [("Shop", "Gap", "Verdict")]


def test_a_wide_table_of_few_rows_is_read_downwards_on_an_upright_page():
    columns = [{"name": "list", "label": "List", "kind": "text", "align": "left"}]
    columns += [{"name": f"m{i}", "label": f"Measurement number {i}", "kind": "number", "align": "right"} for i in range(16)]
    rows = [[name, *(f"{name}-{1000 + i},{i:03}.25" for i in range(16))] for name in ("Keep", "Next")]
    cells = [new_markdown_cell("# T"), table("1.1", "Lists", columns, rows)]
    made = pdf.render(document.report([new_notebook(cells=cells)], META), timestamp=STAMP)
    read = pypdfium2.PdfDocument(made)
    assert {read[i].get_width() < read[i].get_height() for i in range(len(read))} == {True}
    read.close()
    (said,) = [" ".join(t.split()) for t in pages_of(made) if "Exhibit 1.1" in t]
    assert "Measurement number 3 Keep-1003,003.25 Next-1003,003.25" in said


def test_a_finding_with_warnings_leads_from_the_summary_to_them():
    cells = [
        new_markdown_cell("# T"),
        finding("One.", warnings=["Few."]),
        finding("Two.", warnings=["Old.", "Few."]),
        finding("Three."),
    ]
    made = document.report([new_notebook(cells=cells)], META)
    (said,) = [b for b in made["blocks"] if b["t"] == "takeaways"]
    found = {b["text"]: b.get("id", "") for b in made["blocks"] if b["t"] == "finding"}
    assert [(i["text"], i["caution"]) for i in said["items"]] == list(found.items())
    assert len({*found.values()}) == 3
    assert found["Three."] == ""
    page = html.render(made)
    for text in ("One.", "Two."):
        assert f'<a class="cautioned" href="#{found[text]}">' in page
        assert f'<aside class="finding" id="{found[text]}">' in page
    pages = pages_of(pdf.render(made, timestamp=STAMP))
    at = max(n for n, text in enumerate(pages, start=1) if "Two." in text)
    assert sum(text.count(f"Caution, page {at}") for text in pages) == 2


def test_sections_without_data_are_named_once_and_their_reasons_stand_at_the_end():
    gone = {"kind": "not_available", "missing": ["events"], "would_answer": "?", "text": "Not shown: no events."}
    cells = [
        new_markdown_cell("# T\n\nWhat is it?\n\n## A\n\nWho?"), recorded(gone), recorded(gone),
        new_markdown_cell("## B"), figure("1.1", "t"), recorded(gone), recorded(gone),
        new_markdown_cell("## C\n\nWhen?"), recorded(gone),
        new_markdown_cell("## D\n\nWhere?\n\nThe client will send events in May."), recorded(gone),
    ]  # fmt: skip
    blocks = document.report([new_notebook(cells=cells)], META)["blocks"]
    end = next(i for i, b in enumerate(blocks) if b["t"] == "heading" and b["c"] == ["Assumptions and definitions"])
    assert [(b["t"], "".join(b.get("c", ""))) for b in blocks[:end]] == [
        ("heading", "T"), ("para", "What is it?"),
        ("heading", "B"), ("image", ""), ("not_available", ""),
        ("heading", "D"), ("para", "Where?"), ("para", "The client will send events in May."), ("not_available", ""),
        ("para", "Not shown, because the data cannot answer it: A and C. The reasons are under “What is missing”."),
    ]  # fmt: skip
    missing = blocks[-1]
    assert missing["as"] == "glossary"
    assert [[cell["text"] for cell in row] for row in missing["body"]] == [[s, "Not shown: no events."] for s in "ABCD"]


def test_long_texts_wrap_in_their_columns_and_leave_words_whole():
    wide = [column("play", "Play", "text"), column("action", "Action", "text"), column("n", "Households", "count")]
    rows = [["Win back the best", "Thank them in person and give first access to what is new " * 3, "72"]] * 3
    text = " ".join(pages_of(single_pdf(new_markdown_cell("# T"), table("1.1", "Plays", wide, rows))))
    assert text.count("Win back the best") == 3
    assert all(text.count(word) >= 9 for word in ("person", "access"))


def test_the_six_headlines_are_taken_in_turn_from_the_chapters():
    chapters = [
        new_notebook(
            cells=[
                new_markdown_cell(f"# {c}"),
                *(finding(f"{c}{i}", display=str(i), warnings=["w"] if i == 0 else []) for i in range(4)),
            ]
        )
        for c in "AB"
    ]
    made = document.report([*chapters, new_notebook(cells=[new_markdown_cell("# C"), finding("C0", display="0")])], META)
    (tiles,) = [b["tiles"] for b in made["blocks"] if b["t"] == "tiles"]
    assert [t["text"] for t in tiles] == ["A1", "A2", "A3", "B1", "B2", "C0"]


def test_without_findings_there_is_no_summary_and_without_anything_still_a_report():
    made = document.report([new_notebook(cells=[])], {"title": ""})
    assert [b["t"] for b in made["blocks"]] == ["heading"]
    assert pdf.render(made, timestamp=STAMP).startswith(b"%PDF-")
    assert "<h1" in html.render(made)


def test_a_chapter_without_a_finding_keeps_its_number_in_the_summary():
    found = {"A": [finding("a")], "B": [], "C": [finding("c")]}
    chapters = [new_notebook(cells=[new_markdown_cell(f"# {title}"), *cells]) for title, cells in found.items()]
    summary = [b for b in document.report(chapters, META)["blocks"] if b["t"] == "takeaways"]
    said = [(b["number"], b["title"], [i["text"] for i in b["items"]]) for b in summary]
    assert said == [("1", "A", ["a"]), ("2", "B", ["This chapter holds no finding."]), ("3", "C", ["c"])]


def test_the_findings_that_end_a_chapter_never_have_a_page_of_their_own():
    filler = new_markdown_cell("Filler of a line.\n\n" * 21)
    for lines in range(0, 12, 2):
        cells = [new_markdown_cell("# T"), filler, new_markdown_cell("More.\n\n" * lines), table("1.1", "Kept", SEGMENTS, ROWS)]
        pages = pages_of(single_pdf(*cells, finding("It ends here.")))
        assert ["Kept" in page for page in pages] == ["It ends here." in page for page in pages], lines


def test_a_row_of_the_summary_stands_on_one_page():
    found = [finding(f"N{i}", so_what=f"first{i} " + "word " * 60 + f"last{i}") for i in range(12)]
    notebook = new_notebook(cells=[new_markdown_cell("# T"), *found])
    pages = pages_of(pdf.render(document.report([notebook], META), timestamp=STAMP))
    split = [i for i in range(12) for page in pages if (f"first{i} " in page) != bool(re.search(rf"last{i}\b", page))]
    assert split == []


def test_assumptions_are_said_once_a_chapter_and_definitions_once():
    cells = [
        new_markdown_cell("# T"),
        *(finding("f", assumptions=["Same."]) for _ in range(3)),
        *(table(f"1.{i}", "t", SEGMENTS, ROWS) for i in (1, 2)),
    ]
    said = json.dumps(document.report([new_notebook(cells=cells)], META)["blocks"][-6:])
    assert said.count('"Same."') == 1
    assert said.count('"c": ["Class of the grid."]') == 1


def test_a_failed_cell_stops_the_report_and_names_the_section():
    bad = new_code_cell("1/0", outputs=[new_output("error", ename="ZeroDivisionError", evalue="division by zero", traceback=[])])
    notebook = new_notebook(cells=[new_markdown_cell("# Report\n\n## Baskets"), bad])
    with pytest.raises(UserError, match=r"notebook 1 of 1: .*under “Baskets” ended in ZeroDivisionError: division by zero"):
        document.report([notebook], META)
    bad.metadata["tags"] = ["raises-exception"]
    assert [b["name"] for b in document.report([notebook], META)["blocks"] if b["t"] == "error"] == ["ZeroDivisionError"]


def test_code_stderr_parameters_and_papermill_marks_never_show():
    warn = new_code_cell("x", outputs=[new_output("stream", name="stderr", text="/home/me/secret.py:1: UserWarning")])
    mark = new_markdown_cell("An Exception was encountered", metadata={"tags": ["papermill-error-cell-tag"]})
    inject = new_code_cell(
        'path = "secret"', metadata={"tags": ["injected-parameters"]}, outputs=[new_output("stream", text="secret")]
    )
    made = document.report([new_notebook(cells=[new_markdown_cell("# T"), warn, mark, inject, *english()[0].cells])], META)
    said = json.dumps(made["blocks"])
    assert "secret" not in said
    assert "Exception" not in said


def test_exhibits_of_an_ordinary_notebook_are_numbered_in_order():
    cells = [new_markdown_cell("# T"), *(shown({"image/svg+xml": CHART}, f"#| caption: Chart {i}") for i in "ab")]
    made = document.report([new_notebook(cells=cells)], META)
    assert [b["label"] for b in made["blocks"] if b["t"] == "image"] == ["Exhibit 1.1", "Exhibit 1.2"]


def test_every_heading_and_exhibit_has_an_anchor_of_its_own(report):
    ids = [b["id"] for b in report["blocks"] if "id" in b]
    assert len(ids) == len(set(ids)) >= 13


# ---------------------------------------------------------------- PDF
def test_the_pdf_says_everything_in_order(pdf_en):
    text = text_of(pdf_en)
    said = """Customer review|Contents|Executive summary|50%|50% of spend comes from 9% of households.|So what|Exhibit 1.1
    |A tenth of households brings 38% of spend|Ties by id.|Source: Till data, 2017|801 households with an order in 2017.
    |Protect these households first.|High confidence|Exhibit 2.1|Share of customers|Champions|Exhibit 2.2|Not shown: no events.
    |Assumptions and definitions|Spend is after discounts.|Class of the grid.|What is missing"""
    assert in_order(text, *said.split("|"))
    assert "secret_call" not in text


def test_hostile_text_is_only_text_in_the_pdf(pdf_en):
    text = text_of(pdf_en)
    assert re.sub(r"\s+", "", HOSTILE) in text.replace("\u200b", "")
    assert "root:x:" not in text


def test_chinese_comes_out_of_the_pdf_as_typed_in_regular_and_bold(pdf_zh):
    assert in_order(
        text_of(pdf_zh),
        "客户价值分析",
        "9% 的家庭贡献了一半的消费。",
        "自用面长见方法，",
        "加粗",
        "龘靐",
        "前十分之一的家庭贡献",
        "核心客户",
        "网格中的类别。",
    )
    assert b"NotoSansCJKsc" in pdf_zh


def test_a_taiwanese_report_is_set_in_the_glyphs_of_taiwan():
    made = pdf.render(document.report(chinese(), {**META_ZH, "lang": "zh_TW"}), timestamp=STAMP)
    assert b"NotoSansCJKtc" in made
    assert b"NotoSansCJKsc" not in made
    assert b"zh-TW" in made


@pytest.mark.parametrize("name", ["pdf_en", "pdf_zh"])
def test_the_pdf_conforms_to_pdf_ua(name, request):
    checked = page.validate_pdf_bytes(request.getfixturevalue(name), profile=page.ValidationProfile.PDF_UA_1)
    assert [(f.rule_id, f.message) for f in checked.failures] == []
    assert checked.rules.passed > 50


@pytest.mark.parametrize(("name", "made"), [("report", "pdf_en"), ("report_zh", "pdf_zh")])
def test_the_same_report_and_date_give_the_same_pdf(name, made, request):
    again = pdf.render(request.getfixturevalue(name), timestamp=STAMP)
    assert again == request.getfixturevalue(made)
    assert b"2017-12-31" in again


def test_pages_carry_their_number_and_chapter(pdf_en):
    pages = pages_of(pdf_en)
    for number, text in enumerate(pages[1:], start=2):
        assert f"Page {number} of {len(pages)}" in text
        assert "Riverside" in text
    assert any("Which customers matter" in text.splitlines()[0] for text in pages)


def test_a_pdf_has_bookmarks_for_chapters_and_sections(pdf_en):
    opened = pypdfium2.PdfDocument(pdf_en)
    titles = [mark.get_title() for mark in opened.get_toc()]
    opened.close()
    assert titles[:4] == ["Contents", "Executive summary", "1 Who the customers are", "Spend is concentrated"]


def test_a_long_table_repeats_its_header_and_a_wide_one_keeps_every_column():
    long = table(
        "1.1", "Long", [column("a", "Household", "text"), column("n", "Orders", "count")], [[f"H{i}", str(i)] for i in range(150)]
    )
    wide = table(
        "1.2", "Wide", [column(f"c{i}", f"Heading{i}", "number") for i in range(40)], [[f"{i}.5" for i in range(40)]] * 3
    )
    pages = pages_of(
        pdf.render(document.report([new_notebook(cells=[new_markdown_cell("# T"), long, wide])], META), timestamp=STAMP)
    )
    assert sum("Household" in text and re.search(r"H\d+ ", text.replace("\r\n", " ")) is not None for text in pages) >= 3
    text = re.sub(r"\s+", "", "".join(pages))
    assert all(f"Heading{i}" in text for i in range(40))


def test_a_table_over_a_third_of_a_page_breaks_with_five_rows_or_more_on_either_side():
    cols = [column("a", "Household", "text"), column("n", "Orders", "count")]
    for before in range(12, 28, 3):
        long = table("1.1", "Long", cols, [[f"H{i}", str(i)] for i in range(26)])
        story = new_markdown_cell("# T\n\n" + "\n\n".join(["One line of the story."] * before))
        made = pdf.render(document.report([new_notebook(cells=[story, long])], META), timestamp=STAMP)
        rows = [n for n in (len(re.findall(r"\bH\d+\b", text)) for text in pages_of(made)) if n]
        assert sum(rows) == 26
        assert min(rows) >= 5, before
        checked = page.validate_pdf_bytes(made, profile=page.ValidationProfile.PDF_UA_1)
        assert [(f.rule_id, f.message) for f in checked.failures] == []


def test_every_table_scrolls_in_its_own_box_on_a_phone(html_en):
    outside = re.sub(r'<div class="scroll".*?</div>', "", html_en, flags=re.DOTALL)
    assert "<table" in html_en
    assert "<table" not in outside
    narrow = html_en[html_en.index("@media (max-width: 40rem)") : html_en.index("@media print")]
    assert ".scroll tr > :first-child { position: sticky" in narrow


def test_what_runs_over_a_page_may_hold_links_in_its_header():
    findings = [finding(f"Finding {i} is a sentence of some length.", so_what="Do this first, then that.") for i in range(60)]
    rows = "\n".join(f"| a{i} | b |" for i in range(90))
    linked = new_markdown_cell(f"## Table\n\n| [Name](https://e.com) [^1] | Value |\n|--|--|\n{rows}\n\n[^1]: Footword.")
    printed = pdf.render(
        document.report([new_notebook(cells=[new_markdown_cell("# T"), linked, *findings])], META), timestamp=STAMP
    )
    assert page.validate_pdf_bytes(printed, profile=page.ValidationProfile.PDF_UA_1).is_compliant
    assert in_order(text_of(printed), "Finding 0 is", "Finding 59 is", "Name", "(Footword.)", "a89")


def test_a_character_without_glyph_is_a_box_and_is_logged(caplog):
    assert "\u25a1" in text_of(single_pdf(new_markdown_cell("# T\n\nglyph \U00013000 end")))
    assert "U+13000" in caplog.text


def test_missing_and_broken_pictures_do_not_stop_a_report():
    broken = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"0" * 60 + b"IEND12345678").decode()
    cells = [
        new_markdown_cell("# T\n\n![gone](no.png) ![up](../../../etc/passwd) ![web](https://e.com/x.png)"),
        shown({"image/png": broken}),
        shown({"image/svg+xml": "<svg"}),
        recorded({"kind": "figure", "number": "1.1", "title": "No picture"}),
    ]
    assert text_of(single_pdf(*cells)).count("Imagenotavailable") == 6
    made, _resources = FivestepHTMLExporter().from_notebook_node(new_notebook(cells=cells))
    assert Page(made).text.count("Image not available") == 5  # a browser shows the broken PNG's text alternative


def test_nothing_before_a_table_is_lost():
    rows = "<table><tr><td>Revenue</td><td>5</td><td>+1</td></tr></table>"
    for option in ("as: kpi", "caption: A table"):
        cells = [
            new_markdown_cell("# First\n\n## Part\n\nlead words"),
            shown({"text/html": rows}, f"#| {option}"),
            new_markdown_cell("after words"),
        ]
        assert in_order(text_of(single_pdf(*cells)), "First", "Part", "lead words", "Revenue", "after words")


# ---------------------------------------------------------------- HTML
@pytest.mark.parametrize("name", ["html_en", "html_zh"])
def test_the_page_asks_nobody_for_anything_and_runs_nothing(name, request):
    seen = Page(request.getfixturevalue(name))
    tags = {tag for tag, _attrs in seen.elements}
    assert not tags & {"script", "iframe", "object", "embed", "link", "foreignobject", "form", "base"}
    for _tag, attrs in seen.elements:
        assert not [a for a in attrs if a.startswith("on")]
        for key in ("src", "href", "xlink:href", "srcset", "action", "data", "poster"):
            assert attrs.get(key, "#").startswith(("#", "data:")), attrs
    (policy,) = [m["content"] for m in seen.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy
    source = request.getfixturevalue(name)
    assert not re.search(r"url\(\s*['\"]?(?!#|data:)", source)
    assert "@import" not in source


@pytest.mark.parametrize("name", ["html_en", "html_zh"])
def test_every_id_is_unique_and_every_reference_has_its_id(name, request):
    source = request.getfixturevalue(name)
    seen = Page(source)
    ids = [attrs["id"] for _tag, attrs in seen.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    named = {attrs["href"][1:] for _tag, attrs in seen.elements if attrs.get("href", "").startswith("#")}
    named |= set(re.findall(r"url\(#([^)]+)\)", source))
    assert len(named) >= 8
    assert named <= set(ids)


def test_hostile_text_is_only_text_on_the_page(html_en):
    assert HOSTILE in Page(html_en).text
    assert "<script" not in html_en


def test_the_page_speaks_to_screen_readers(html_en, html_zh):
    seen = Page(html_en)
    assert seen.all("html") == [{"lang": "en"}]
    assert Page(html_zh).all("html") == [{"lang": "zh-Hans"}]
    assert {th["scope"] for th in seen.all("th")} == {"col", "row"}
    drawings = [a for a in seen.all("svg") if a.get("role") == "img"]
    assert [d["aria-label"] for d in drawings] == ["Bars that fall", "Champions come weekly"]
    assert len(seen.all("figure")) == len(seen.all("figcaption")) == 3
    assert {"class": "skip", "href": "#main"} in seen.all("a")


def test_a_chinese_page_brings_its_own_glyphs(html_zh, html_en):
    assert re.findall(r'font-family: "(Report \w+)"; src: url\(data:font/woff', html_zh) == ["Report Sans", "Report CJK"]
    assert re.findall(r'font-family: "(Report \w+)"; src: url\(data:font/woff', html_en) == ["Report Sans"]
    for part in ("自用面长见方法", "核心客户", "先守住这些家庭。", "最小一类只有 24 户。"):
        assert part in Page(html_zh).text


def test_pdf_and_page_say_the_same_words(pdf_en, html_en):
    """Every word of the page's main part stands in the PDF."""
    said = set(re.findall(r"[A-Za-z]{4,}", Page(html_en).text))
    printed = text_of(pdf_en)
    assert sorted(w for w in said if w not in printed) == ["Skip"]


def test_the_same_report_gives_the_same_page(report, html_en):
    assert html.render(report) == html_en


def test_links_open_only_what_a_reader_expects():
    made = document.single(
        new_notebook(cells=[new_markdown_cell("# T\n\n[good](https://e.com) [bad](javascript:alert(1)) [mail](mailto:a@b.c)")]),
        {},
    )
    assert [a["href"] for a in Page(html.render(made)).all("a") if a["href"][0] != "#"] == ["https://e.com", "mailto:a@b.c"]


# ---------------------------------------------------------------- charts
@pytest.mark.parametrize(
    "bad",
    [
        "<script>alert(1)</script>",
        '<image href="file:///etc/passwd"/>',
        '<image xlink:href="https://e.com/x.png"/>',
        "<foreignObject><p>x</p></foreignObject>",
        '<rect onload="alert(1)" width="1"/>',
        '<rect style="fill:url(https://e.com/x)"/>',
        "<style>@import url(https://e.com/x.css);</style>",
        r"<style>rect{fill:u\72l(https://e.com)}</style>",
        '<animate attributeName="href" values="https://e.com"/>',
        '<a href="https://e.com"><rect width="1"/></a>',
    ],
)
def test_a_chart_keeps_its_drawing_and_nothing_else(bad):
    raw = CHART.replace("<g clip", f"{bad}<g clip").encode()
    tame = svg.tame(raw).decode()
    assert not re.search(r"script|e\.com|passwd|foreignObject|onload|animate|import", tame)
    assert 'width="120"' in tame


def test_an_svg_with_entities_is_no_picture():
    with pytest.raises(ValueError, match="not an SVG"):
        svg.tame(
            b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg xmlns="http://www.w3.org/2000/svg"><text>&x;</text></svg>'
        )


def test_two_charts_on_a_page_share_neither_ids_nor_styles():
    one, two = (svg.inline(svg.tame(CHART.encode()), prefix=f"g{i}-", label="x") for i in (1, 2))
    assert set(re.findall(r'id="([^"]+)"', one)).isdisjoint(re.findall(r'id="([^"]+)"', two))
    assert 'clip-path="url(#g1-c1)"' in one
    assert 'href="#g1-dot"' in one
    assert "#g1-root *{stroke-linejoin: round}" in one


def test_charts_and_report_have_the_same_colours():
    assert design.COLOURS["primary"] == theme.PRIMARY
    assert design.COLOURS["accent"] == theme.ACCENT
    assert design.COLOURS["ink"] == theme.INK
    assert design.COLOURS["muted"] == theme.MUTED


def test_text_can_be_read_on_its_ground():
    """WCAG 2.1, 1.4.3: 4.5 to 1."""

    def luminance(colour: str) -> float:
        channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    def contrast(a: str, b: str) -> float:
        lighter, darker = sorted((luminance(a), luminance(b)), reverse=True)
        return (lighter + 0.05) / (darker + 0.05)

    colours = design.COLOURS
    for name in ("primary", "accent", "ink", "muted", "caution", "warning", "error"):
        assert contrast(colours[name], "#ffffff") >= 4.5, name
    for name in ("accent", "ink", "muted", "caution"):
        assert contrast(colours[name], colours["tint"]) >= 4.5, name
    assert contrast(colours["pale"], colours["primary"]) >= 4.5


# ---------------------------------------------------------------- ordinary outputs and Markdown
def test_tables_align_by_content_and_keep_styler_colours():
    source = """<style>#T_a_row0_col1 {background-color: #08306b; color: #f1f1f1;}
    #T_a_row1_col1 {background-color: #ffe08a; color: #f1f1f1;}</style>
    <table id="T_a"><thead><tr><th>name</th><th>value</th></tr></thead><tbody>
    <tr><td>C001</td><td id="T_a_row0_col1">¥1,200</td></tr>
    <tr><td>C002</td><td id="T_a_row1_col1">−3.4%</td></tr></tbody></table>"""
    (made,) = html_to_blocks(source)
    assert [c["align"] for c in made["body"][0]] == ["left", "right"]
    assert made["body"][0][1]["bg"] == "#08306b"
    assert made["body"][0][1]["fg"] == "#f1f1f1"
    assert "fg" not in made["body"][1][1]  # white on pale yellow cannot be read


def test_spans_never_run_past_the_table():
    source = "<tr><td colspan=99 rowspan=9999>x</td></tr><tr><td rowspan=2>a</td><td>b</td></tr><tr><td>c</td></tr><tr></tr>"
    (made,) = html_to_blocks(f"<table>{source}</table>")
    covered = sum(c.get("colspan", 1) * c.get("rowspan", 1) for row in made["body"] for c in row)
    assert covered == made["cols"] * len(made["body"])
    assert pdf.render(document.single(new_notebook(cells=[new_markdown_cell(f"<table>{source}</table>")]), {}), timestamp=STAMP)


def test_a_column_keeps_its_side_below_a_cell_that_spans_rows():
    rows = "<tr><th rowspan=2>North</th><td>Shop</td><td>1</td></tr><tr><td>Web</td><td>2</td></tr>"
    (made,) = html_to_blocks(f"<table>{rows}</table>")
    assert [[c["align"] for c in row] for row in made["body"]] == [["left", "left", "right"], ["left", "right"]]


def test_markdown_alerts_money_and_soft_breaks():
    read = MarkdownReader()
    assert read("> [!TIP]\n> go")[0]["kind"] == "tip"
    assert read("it costs $5 and $10 now")[0]["c"] == ["it costs $5 and $10 now"]
    assert read("中文\n换行")[0]["c"] == ["中文换行"]
    assert read("a\nb")[0]["c"] == ["a b"]
    assert [b["t"] for b in read("let\n\n$$x^2$$\n\nbe")] == ["para", "math", "para"]


@pytest.mark.parametrize("bad", [r"\input{/etc/passwd}", r"\undefined{x}", "x^{"])
def test_math_that_is_not_understood_is_shown_as_typed(bad):
    assert math.latex_to_tree(bad) is None


def test_math_reaches_the_page_as_escaped_mathml():
    made = document.single(
        new_notebook(cells=[new_markdown_cell(r"# T" + "\n\n" + r"$$\frac{a}{b} \text{<script>alert(1)</script>}$$")]), {}
    )
    source = html.render(made)
    assert "<mfrac>" in source
    assert "<script" not in source


def test_terminal_output_is_cleaned():
    assert clean("\x1b[31mred\x1b[0m 10%\r100%\x00") == "100%"


def test_the_kinds_of_block_are_rendered_by_both():
    """One notebook with everything that Markdown and outputs can bring: all of its words are in both renderings."""
    where = pd.MultiIndex.from_product([["North"], ["Shop", "Web"]], names=["Region", "Where"])
    frame = pd.DataFrame({("Spend", "2016"): [1, 2], ("Spend", "2017"): [3, 4]}, index=where)
    markdown = """# Title

plain **strong** *emphatic* `codeword` ~~struck~~ x<sub>low</sub> [linked](https://e.com) note[^1] and $a_1$

[^1]: footword

- bulletword
  - nestedword

1. numberword

- [x] doneword

> quoteword

> [!WARNING]
> warnword

```python
fencedword
```

---

### Skipped

| headword | n |
|--|--:|
| cellword | 1 |

$$\\frac{1}{2}$$
"""
    cells = [
        new_markdown_cell(markdown),
        shown({"text/html": frame.to_html()}),
        new_code_cell("print()", outputs=[new_output("stream", name="stdout", text="printedword")]),
        new_markdown_cell("# Second title"),
    ]
    made = document.single(new_notebook(cells=cells), {"lang": "en"})
    words = """plain strong emphatic codeword struck low linked footword bulletword nestedword numberword doneword quoteword
    warnword
    fencedword Skipped headword cellword Region Where North Shop 2017 printedword Second"""
    printed = pdf.render(made, timestamp=STAMP)
    assert page.validate_pdf_bytes(printed, profile=page.ValidationProfile.PDF_UA_1).is_compliant
    page_text, pdf_text = Page(html.render(made)).text, text_of(printed)
    assert [w for w in words.split() if w not in page_text] == []
    assert [w for w in words.split() if w not in pdf_text] == []
    assert [b["level"] for b in made["blocks"] if b["t"] == "heading"] == [1, 2, 2]


# ---------------------------------------------------------------- nbconvert
def test_nbconvert_writes_one_notebook_as_pdf_and_page_in_its_language(tmp_path):
    notebook = chinese()[0]
    notebook.metadata["report"] = {**META_ZH, "as_of": "2017-12-31"}
    path = tmp_path / "2_segmentation.ipynb"
    nbformat.write(notebook, path)
    made, resources = FivestepPDFExporter().from_filename(str(path))
    assert resources["output_extension"] == ".pdf"
    assert b"2017-12-31" in made
    assert in_order(text_of(made), "客户价值分析", "哪些客户最重要", "核心客户")
    again, resources = FivestepHTMLExporter().from_filename(str(path))
    assert resources["output_extension"] == ".html"
    assert "哪些客户最重要" in Page(again).text
    assert not Page(again).all("nav")


def test_an_exported_notebook_says_its_title_once():
    notebook = new_notebook(cells=[new_markdown_cell("# Which customers matter\n\n## First\n\nText.\n\n## Second")])
    made, _resources = FivestepPDFExporter().from_notebook_node(notebook)
    assert text_of(made).count("Whichcustomersmatter") == 1 + 1, "as the title, and at the foot"
    page = Page(FivestepHTMLExporter().from_notebook_node(notebook)[0])
    assert page.text.count("Which customers matter") == 1 + 1, "as the title, and in the window's"
    assert len(page.all("h1")) == 1
    assert len(page.all("h2")) == 2
    notebook.metadata["report"] = {"title": "Mine"}
    assert Page(FivestepHTMLExporter().from_notebook_node(notebook)[0]).text.count("Mine") == 2


def test_an_exported_notebook_speaks_the_language_of_its_run():
    notebook = chinese()[0]
    notebook.metadata["papermill"] = {"parameters": {"language": "zh_CN"}}
    made, _resources = FivestepHTMLExporter().from_notebook_node(notebook)
    assert Page(made).all("html") == [{"lang": "zh-Hans"}]
    assert language.current() == "zh_CN"


def test_the_exporters_take_any_executed_notebook(tmp_path):
    cells = [new_markdown_cell("## No first heading\n\nText."), shown({"text/plain": "42"}), new_code_cell("x = 1")]
    (tmp_path / "plain.ipynb").write_text(nbformat.writes(new_notebook(cells=cells)), encoding="utf-8")
    assert in_order(text_of(FivestepPDFExporter().from_filename(str(tmp_path / "plain.ipynb"))[0]), "No first heading", "42")


def test_an_as_of_that_is_no_date_is_said_in_one_line():
    with pytest.raises(UserError, match=r"report\.as_of: '2017/31' is no date"):
        single_pdf(new_markdown_cell("# T"), as_of="2017/31")


# ---------------------------------------------------------------- workbook
FRAME = pd.DataFrame(
    {
        "segment": ["champions", "=cmd|calc", HOSTILE],
        "customers": [72, 5, None],
        "share": [0.0899, 0.0062, 0.0012],
        "spend": [Decimal("1234.50"), Decimal("20.00"), Decimal("-1.25")],
        "first": [dt.date(2017, 1, 31), dt.date(2017, 2, 1), None],
    }
)


@pytest.fixture
def run(tmp_path):
    (tmp_path / "results").mkdir()
    FRAME.to_parquet(tmp_path / "results" / "t.parquet", index=False)
    return tmp_path


def opened(run, made: dict) -> openpyxl.Workbook:
    workbook.write(run / "w.xlsx", made, run, created=STAMP)
    return openpyxl.load_workbook(run / "w.xlsx")


def test_numbers_of_the_workbook_are_numbers_in_the_format_of_their_kind(run, report):
    sheet = next(s for s in opened(run, report) if s.title.startswith("2.1 "))
    assert [c.value for c in sheet[5]] == ["Segment", "Customers", "Share of customers", "Spend", "First order"]
    first = sheet[6]
    assert [c.value for c in first[:4]] == ["Champions", 72, 0.0899, 1234.5]
    assert first[4].value.date() == dt.date(2017, 1, 31)
    assert [c.number_format for c in first[1:]] == ["#,##0", "0.0%", "[$USD] #,##0.00", "yyyy-mm-dd"]
    assert sheet["B8"].value is None
    assert sheet.freeze_panes == "B6"
    assert sheet.auto_filter.ref == "A5:E8"
    assert sheet["A2"].value == "Source: Till data"
    assert sheet.column_dimensions["C"].width >= len("customers")


def test_no_text_of_the_workbook_is_a_formula_or_a_link(run, report):
    book = opened(run, report)
    cells = [c for sheet in book for row in sheet.iter_rows() for c in row if c.value is not None]
    assert {c.data_type for c in cells} <= {"s", "n", "d"}
    assert all(c.hyperlink is None or (c.hyperlink.location and not c.hyperlink.target) for c in cells)
    texts = [c.value for c in cells]
    assert HOSTILE in texts
    assert "=cmd|calc" in texts
    assert all(c.number_format == "@" for c in cells if c.value == "=cmd|calc")


def test_the_contents_of_the_workbook_lead_to_every_sheet(run, report):
    book = opened(run, report)
    assert book.sheetnames[:2] == ["Contents", "Findings"]
    assert book.sheetnames[-1] == "Definitions"
    targets = {c.hyperlink.location.split("!")[0].strip("'") for row in book["Contents"].iter_rows() for c in row if c.hyperlink}
    assert targets == set(book.sheetnames) - {"Contents"}


def test_findings_and_definitions_are_in_the_workbook(run, report):
    book = opened(run, report)
    found = [[c.value for c in row] for row in book["Findings"].iter_rows(min_row=6)]
    assert found[0][:4] == ["Who the customers are", "50% of spend comes from 9% of households.", "50%", 0.5]
    assert ["Segment", "Class of the grid.", "2.1"] in [
        [c.value for c in row] for row in book["Definitions"].iter_rows(min_row=6)
    ]


def test_sheet_names_are_legal_and_unique(run):
    title = "History: [a] very/long*title? that \\ goes on 'and' on"
    cells = [
        new_markdown_cell("# T"),
        *(table("", title, SEGMENTS, ROWS) for _ in range(3)),
        *(table("", t, SEGMENTS, ROWS) for t in ("History", "Contents", "'", "😀" * 20)),
    ]
    names = opened(run, document.report([new_notebook(cells=cells)], META)).sheetnames
    assert len({n.casefold() for n in names}) == len(names) == 9
    assert all(len(n.encode("utf-16-le")) // 2 <= 31 and not re.search(r"[\[\]:*?/\\]", n) and n.strip("'") == n for n in names)
    assert "history" not in {n.casefold() for n in names}


def test_rows_beyond_the_sheet_are_cut_and_the_sheet_says_so(run, report, monkeypatch):
    monkeypatch.setattr(workbook, "ROWS", 7)
    book = opened(run, report)
    sheet = next(s for s in book if s.title.startswith("2.1 "))
    assert sheet.max_row == 7
    assert "Only the first 2 of 3 rows fit on a sheet." in sheet["A2"].value


def test_a_table_without_a_frame_is_written_as_shown_and_one_whose_frame_is_lost_is_refused(run, report):
    made = document.report([new_notebook(cells=[new_markdown_cell("# T"), table("1.1", "t", SEGMENTS, ROWS)])], META)
    sheet = next(s for s in opened(run, made) if s.title.startswith("1.1 "))
    assert [c.value for c in sheet[6]] == ROWS[0]
    (run / "results" / "t.parquet").unlink()
    with pytest.raises(UserError, match=r"results/t\.parquet is missing or cannot be read\. Run again\."):
        opened(run, report)


def test_a_sheet_is_named_by_the_number_of_its_exhibit_and_its_section_in_whole_words(run):
    cells = [
        new_markdown_cell("# Needs\n\n## Which products, stores, hours, and baskets"),
        table("3.1", "Bread and butter are bought together 2.4 times as often as chance would have it", SEGMENTS, ROWS),
        new_markdown_cell("## 哪些商品经常在同一笔订单里一起购买以及哪些商品从不在同一笔订单里出现"),
        table("3.2", "标题", SEGMENTS, ROWS),
    ]
    book = opened(run, document.report([new_notebook(cells=cells)], META))
    assert book.sheetnames[1:3] == ["3.1 Which products, stores", "3.2 哪些商品经常在同一笔订单里一起购买以及哪些商品从不在同"]
    listed = [[c.value for c in row] for row in book["Contents"].iter_rows()]
    assert ["Exhibit 3.1", "Bread and butter are bought together 2.4 times as often as chance would have it"] in listed


def test_rows_that_the_report_cut_are_whole_in_the_workbook(run):
    cut = table(
        "1.1", "Cut", SEGMENTS, ROWS[:1], frame="results/t.parquet", cut="The first 1 of 3 rows; the workbook has all of them."
    )
    made = document.report([new_notebook(cells=[new_markdown_cell("# T"), cut])], META)
    sheet = next(s for s in opened(run, made) if s.title.startswith("1.1 "))
    assert [sheet.cell(y, 1).value for y in (6, 7, 8)] == ["Champions", "=cmd|calc", HOSTILE]
    assert sheet["A2"].value is None
    assert "the workbook has all of them" in Page(html.render(made)).text


def test_a_frame_outside_the_run_is_not_read(run):
    made = document.report([new_notebook(cells=[table("1.1", "t", SEGMENTS, ROWS, frame="../t.parquet")])], META)
    inner = run / "inner"
    inner.mkdir()
    FRAME.to_parquet(run / "t.parquet")
    sheet = next(s for s in opened(inner, made) if s.title.startswith("1.1 "))
    assert sheet["B6"].value == "72"


def test_the_same_report_gives_the_same_workbook(run, report):
    for name in ("a.xlsx", "b.xlsx"):
        workbook.write(run / name, report, run, created=STAMP)
    assert (run / "a.xlsx").read_bytes() == (run / "b.xlsx").read_bytes()


def test_chinese_columns_are_wide_enough(run, report_zh):
    sheet = next(s for s in opened(run, report_zh) if s.title.startswith("1.2 "))
    assert sheet.column_dimensions["A"].width >= 2 * len("核心客户")
    assert sheet["A6"].value == "核心客户"


# ---------------------------------------------------------------- languages
def test_the_template_says_nothing_in_english_in_a_chinese_report():
    if not (language.LOCALES / "zh_CN" / "LC_MESSAGES" / "fivestep.mo").exists():
        pytest.skip("the Chinese catalog has not been compiled")
    said = document.words()
    language.use("zh_CN")
    assert [k for k, v in document.words().items() if v == said[k]] == []


def test_reading_a_notebook_twice_gives_the_same_blocks():
    first, second = (NotebookReader().blocks(english()[1]) for _ in range(2))
    assert first == second
