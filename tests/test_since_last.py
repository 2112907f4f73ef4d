"""What changed since the last review, where the base is heading, and which run is the last review."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest

from conftest import GROCERY, make_tables
from fivestep import evaluation, language
from fivestep.engagement import Engagement
from fivestep.evaluation.movement import SILENT, Periods
from fivestep.evaluation.since_last import GONE, HIGHER, LOWER, NEW, SAME
from fivestep.findings import NotAvailable
from fivestep.language import columns

DAY = dt.date(2024, 3, 31)


def told(key: str, value: float | None, display: str = "", step: str = "2_segmentation", unit: str = "share") -> dict:
    return {"key": key, "value": value, "display": display, "step": step, "unit": unit, "text": f"About {key}."}


def test_findings_of_two_reviews_are_matched_by_what_they_measure():
    before = [told("a", 0.5, "50%"), told("b", 0.5, "50%"), told("c", 0.5, "50%"), told("gone", 1.0, "1"), told("none", None)]
    now = [told("a", 0.6, "60%"), told("b", 0.4, "40%"), told("c", 0.501, "50%"), told("new", 2.0, "2"), told("none", 1.0, "1")]
    found = evaluation.since_last(now, before, DAY)
    assert found.table.set_index("key")["flow"].to_dict() == {
        "a": HIGHER, "b": LOWER, "c": SAME, "gone": GONE, "new": NEW, "none": SAME,
    }  # fmt: skip
    assert found.headline() == (
        "Of 4 findings of the review of 31 Mar 2024 that are told again 2 have moved; new: 1, no longer told: 1"
    )
    assert found.shown()["finding_flow"].tolist()[:2] == [NEW, GONE]
    assert isinstance(found.shown_decisions(), NotAvailable)
    for row in found.shown().itertuples(index=False):
        assert all(isinstance(columns.formatted(c, v), str) for c, v in zip(found.shown().columns, row, strict=True))


def test_a_first_review_has_nothing_to_compare_with():
    assert evaluation.since_last([told("a", 1.0)], [], None) is None


def test_decisions_of_the_last_review_come_back_with_their_outcome():
    log = pd.DataFrame(
        {
            "measured": ["Spend", "Loss rate"],
            "decision_rule": ["By the 95% interval"] * 2,
            "decision_outcome": ["Worse", "Better"],
            "proposal": ["Change; find the cause first", "Keep; find out what brought it"],
        }
    )
    today = log.iloc[[0]].assign(decision_outcome="Better")
    found = evaluation.since_last([told("a", 1.0)], [told("a", 1.0)], DAY, decisions=today, earlier_decisions=log)
    rows = found.shown_decisions().set_index("measured")
    assert rows.loc["Spend", ["outcome_before", "decision_outcome"]].tolist() == ["Worse", "Better"]
    assert pd.isna(rows.loc["Loss rate", "decision_outcome"])
    assert "2 measurements" in found.decisions_headline()


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "data" / "contract"
    folder.mkdir(parents=True)
    (folder / "case").symlink_to(GROCERY, target_is_directory=True)
    (tmp_path / "engagement.yml").write_text("name: A\nclient: B\nsensitive_fields: [income_band]\n", encoding="utf-8")
    return tmp_path


def reviewed(project, name: str, as_of: str, *, scope: str = "", status: str = "rendered") -> None:
    results = project / "reports" / name / "results"
    (results / "2_segmentation").mkdir(parents=True)
    (results / "2_segmentation" / "findings.json").write_text(json.dumps([told(name, 0.5)]), encoding="utf-8")
    said = {"status": status, "stamp": {"as_of": as_of, "scope": scope}}
    (project / "reports" / name / "run.json").write_text(json.dumps(said), encoding="utf-8")


def test_the_last_review_is_the_newest_whole_run_of_an_earlier_day_on_the_same_customers(project):
    reviewed(project, "2017-06-30_en", "2017-06-30")
    reviewed(project, "2017-09-30_en", "2017-09-30")
    reviewed(project, "2017-10-31_en", "2017-10-31", status="partial")
    reviewed(project, "2017-11-30_en_region", "2017-11-30", scope="income_band=35-49K")
    reviewed(project, "2017-12-31_en", "2017-12-31")
    (project / "reports" / "odd").mkdir()
    (project / "reports" / "odd" / "run.json").write_text("{", encoding="utf-8")
    opened = Engagement(project, "5_evaluation")
    folder, day = opened.last_review
    assert (folder.name, day) == ("2017-09-30_en", dt.date(2017, 9, 30))
    assert [f["key"] for f in opened.findings(folder / "results")] == ["2017-09-30_en"]
    assert opened.earlier("decisions") is None
    assert Engagement(project, "5_evaluation", as_of="2017-06-30").last_review is None
    assert Engagement(project, "5_evaluation", scope="income_band=35-49K").last_review[1] == dt.date(2017, 11, 30)


# ---------------------------------------------------------------------------------------------------- where the base is heading
def moved(before: dict[str, str], after: dict[str, str]) -> evaluation.Movement:
    frames = [
        pd.DataFrame({"customer_id": list(c), "rfm_class": list(c.values()), "monetary": [10.0] * len(c)})
        for c in (before, after)
    ]
    rows = pd.DataFrame({"order_id": ["1"], "customer_id": ["a"], "order_date": ["2024-01-01 00:00:00"], "order_amount": [1]})
    return evaluation.movement(*frames, Periods(make_tables(orders=rows), 91), order=("High", "Low"))


def test_the_long_run_is_where_as_many_leave_as_enter():
    # Of 4 high customers 2 stay, 1 falls to low, 1 is silent; of 2 low ones 1 stays, 1 is silent; 3 enter as low.
    before = {"a": "High", "b": "High", "c": "High", "d": "High", "e": "Low", "f": "Low"}
    after = {"a": "High", "b": "High", "c": "Low", "e": "Low", "g": "Low", "h": "Low", "i": "Low"}
    found = moved(before, after)
    rows = found.steady_state().set_index("steady_class")
    # high = high / 2, so 0; low = 3 + low / 2, so 6.
    assert rows["customers_steady"].tolist() == [0, 6]
    assert rows["customers_now"].tolist() == [2, 5]
    chain = np.array([[0.5, 0.25], [0.0, 0.5]])
    size = np.array([4.0, 2.0])
    for _step in range(200):
        size = size @ chain + np.array([0.0, 3.0])
    assert rows["customers_steady"].tolist() == np.rint(size).tolist()
    assert "there would be 6 active customers" in found.steady_headline()


def test_where_nobody_leaves_there_is_no_long_run():
    found = moved({"a": "High", "b": "Low"}, {"a": "High", "b": "Low", "c": "Low"})
    assert isinstance(found.steady_state(), NotAvailable)
    assert isinstance(found.steady_headline(), NotAvailable)


@pytest.mark.parametrize("code", ["en", "zh_CN"])
def test_the_flow_of_value_adds_up(code):
    language.use(code, currency="CNY")
    found = moved({"a": "High", "b": "High"}, {"a": "Low", "c": "Low"})
    rows = found.directions()
    assert rows["spend_before"].sum() == found.table["spend_before"].sum() == 20
    assert (found.table["class_after"] == SILENT).sum() == 1
    assert found.value_flow().axes
    for text in (found.value_headline(), found.steady_note()):
        assert "{" not in text
