"""The simulated company through all five notebooks to the report, as `make demo CASE=coffee LANGUAGE=zh_TW` does it: one run.

In Traditional Chinese, where a word left in English shows; tests/test_cases.py holds that names in the data have English words.
"""

from __future__ import annotations

import json
import re

import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from fivestep import language
from fivestep.cases.exam import NOT_EXAMINED
from fivestep.cases.truth import FACTS
from fivestep.report.render import OUTPUTS

STEPS = ["1_profiling", "2_segmentation", "3_needs", "4_strategy", "5_evaluation"]
SIMULATED = "模擬"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def latest(demo):
    return demo("zh_TW", "coffee") / "reports" / "latest"


def outputs(latest, step: str) -> list[dict]:
    """The records of what a notebook shows, a section's own heading as ``{"kind": "section"}``."""
    cells = nbformat.read(latest / f"{step}.ipynb", as_version=4).cells
    shown = [o for c in cells if c.cell_type == "code" for o in c.outputs if o.output_type != "stream"]
    return [
        o.metadata.get("fivestep") or {"kind": "section", "text": o.data["text/markdown"]}
        for o in shown
        if "fivestep" in o.metadata or "text/markdown" in o.data
    ]


def test_five_notebooks_run_on_the_simulated_company(latest):
    record = json.loads((latest / "run.json").read_text("utf-8"))
    assert record["status"] == "rendered"
    assert [n["name"] for n in record["notebooks"]] == [f"{step}.ipynb" for step in STEPS]
    assert [n["messages"] for n in record["notebooks"]] == [[]] * 5, "a notebook wrote warnings"
    for name in OUTPUTS:
        assert (latest / name).stat().st_size > 1000, name


def test_every_exhibit_says_that_it_is_simulated_and_nothing_is_left_in_english(latest):
    soup = BeautifulSoup((latest / "report.html").read_text("utf-8"), "html.parser")
    for part in soup(["style", "code"]):
        part.decompose()
    text = soup.get_text(" ", strip=True)
    assert re.findall(r"[A-Za-z][a-z]+(?:[ ,]+[A-Za-z][a-z]+){3,}", text) == []
    exhibits = [r for step in STEPS for r in outputs(latest, step) if r["kind"] in ("figure", "table")]
    assert len(exhibits) > 50
    for exhibit in exhibits:
        assert SIMULATED in exhibit["source"], exhibit["title"]


def test_the_evaluation_ends_with_the_exam(latest):
    shown = outputs(latest, "5_evaluation")
    (begin,) = (i for i, record in enumerate(shown) if record["kind"] == "section")
    figure, table, finding = shown[begin + 1 :]
    assert (figure["kind"], table["kind"], finding["kind"]) == ("figure", "table", "finding")
    for record in (figure, table, finding):
        assert SIMULATED in (record.get("title") or record["text"])
    language.use("zh_TW")
    (run,) = latest.parent.glob("*_zh_TW")
    whole = pd.read_parquet(run / table["frame"])
    assert set(whole["planted_fact"]) == set(FACTS.values())
    assert (whole["exam_missed"] + whole["exam_false_alarms"]).is_monotonic_decreasing, "what goes wrong is not cut off"
    assert {row[0] for row in table["rows"]} <= {language._(about) for about in FACTS.values()}
    assert shown[begin]["text"].split("\n")[0] == f"## {language._('The exam')}"
    soup = BeautifulSoup((latest / "report.html").read_text("utf-8"), "html.parser")
    headings = [h.get_text(" ", strip=True) for h in soup.find_all("h2")]
    assert headings.count(language._("The exam")) == 1
    assert language._(NOT_EXAMINED) not in {row[1] for row in table["rows"]}
