"""The exam: what the methods must find in a simulated company, and that an exam can be failed."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest

from fivestep import language
from fivestep.cases import exam as module
from fivestep.cases import simulate
from fivestep.cases.exam import FALSE_ALARM, FOUND, MISSED, NOT_EXAMINED, Exam, exam
from fivestep.cases.truth import FACTS
from fivestep.errors import UserError

# Facts that a method of the kit looks for and does not find; whoever teaches it to takes the line away.
KNOWN_MISSES = {("segments", "segmentation.kmeans")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("exam") / "company", customers=4000, seed=11)


@pytest.fixture(scope="module")
def passed(folder) -> Exam:
    return exam(folder)


def test_every_fact_that_a_method_looks_for_is_found(passed):
    asked = passed.table[passed.table.verdict != NOT_EXAMINED]
    for row in asked.itertuples():
        expected = MISSED if (row.fact, row.method) in KNOWN_MISSES else FOUND
        assert row.verdict == expected, (row.fact, row.what)
    assert len(asked) == 15


def test_effects_are_estimated_with_an_interval_that_covers_them(passed):
    known = passed.table[passed.table.covered.notna()].set_index("fact")
    assert set(known.index) == {"randomised_campaign", "campaign_without_effect"}
    assert known.covered.all()
    assert known.truth["randomised_campaign"] > 20
    assert known.truth["campaign_without_effect"] == 0
    assert (known.error == known.estimate - known.truth).all()


def test_what_the_kit_has_no_method_for_is_listed_and_not_counted_as_found(passed):
    assert set(passed.table.fact) == set(FACTS)
    unasked = passed.table[passed.table.verdict == NOT_EXAMINED]
    assert unasked.method.isna().all()
    assert len(unasked) == len(set(FACTS)) - passed.table[passed.table.method.notna()].fact.nunique()
    assert passed.counts()[NOT_EXAMINED] == len(unasked)
    assert sum(passed.counts().values()) == len(passed.table)


def _with(folder, tmp_path, change) -> module.Company:
    copy = tmp_path / "company"
    shutil.copytree(folder, copy)
    truth = json.loads((copy / "truth.json").read_text("utf-8"))
    change(truth["facts"])
    tables = module.engine.Tables.of(module.engine.read(copy, module.engine.connect()), scope=module.MEMBERS)
    return module.Company(tables, pd.read_parquet(copy / "truth" / "customers.parquet"), truth["facts"])


def test_where_the_truth_is_another_the_exam_is_failed(folder, tmp_path):
    """The same answers held against a truth in which the pair is the decoy, what rises falls, and the effects change places."""

    def change(facts):
        for one, other in (("product_pair", "decoy_pair"), ("randomised_campaign", "campaign_without_effect")):
            facts[one]["parameters"], facts[other]["parameters"] = facts[other]["parameters"], facts[one]["parameters"]
        facts["confounded_campaign"]["parameters"]["campaign_id"] = facts["campaign_without_effect"]["parameters"]["campaign_id"]
        trend = facts["category_trends"]["parameters"]
        trend["rising"], trend["falling"] = trend["falling"], "Croissants"

    company = _with(folder, tmp_path, change)
    rows = [row for question in (module.campaigns, module.product_pairs, module.trends) for row in question(company)]
    assert {row["fact"]: row["verdict"] for row in rows[:5]} == {
        "randomised_campaign": MISSED,
        "campaign_without_effect": FALSE_ALARM,
        "confounded_campaign": FALSE_ALARM,
        "product_pair": MISSED,
        "decoy_pair": FALSE_ALARM,
    }
    assert [row["verdict"] for row in rows[5:]] == [FALSE_ALARM, MISSED, FALSE_ALARM]


def test_a_method_that_names_the_wrong_customers_raises_a_false_alarm(folder, tmp_path):
    company = _with(folder, tmp_path, lambda facts: None)
    (right,) = module.drop_out(company)
    company.customers["dropped_out"] = company.customers["dropped_out"].isna().where(lambda x: x)
    (wrong,) = module.drop_out(company)
    assert (right["verdict"], wrong["verdict"]) == (FOUND, FALSE_ALARM)


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_the_page_has_a_row_for_every_question_and_says_that_it_is_simulated(passed, code):
    language.use(code, currency="CNY")
    page = passed.page()
    assert page.count("<tr>") == len(passed.table) + 1
    assert "<svg" in page
    if code == "en":
        assert "Simulated data" in page


def test_several_companies_are_summed_up_by_question(passed):
    twice = Exam(pd.concat([passed.table, passed.table.assign(seed=12, verdict=MISSED)], ignore_index=True))
    rows = twice.summary()
    assert (rows.companies == 2).all()
    assert (rows.found + rows.missed + rows.false_alarm + rows.not_examined == 2).all()
    assert rows.set_index("fact").loc["decoy_pair", "found"] == 1
    assert rows.set_index("fact").loc["randomised_campaign", "covered"] == 2


def test_a_folder_without_truth_cannot_be_examined(tmp_path):
    with pytest.raises(UserError, match=r"there is no truth\.json"):
        exam(tmp_path)
