"""The exam: what the methods must find in a simulated company, and that an exam can be failed."""

from __future__ import annotations

import copy
import dataclasses

import nbformat
import numpy as np
import pandas as pd
import pytest

from conftest import KIT
from fivestep import language
from fivestep.cases import exam as module
from fivestep.cases import simulate
from fivestep.cases.exam import FALSE_ALARM, FOUND, MISSED, NOT_EXAMINED, VERDICTS, Company, Exam, exam
from fivestep.cases.truth import FACTS
from fivestep.engagement import Engagement
from fivestep.errors import UserError
from fivestep.findings import NotAvailable
from fivestep.language import columns

# Facts that a method of the kit looks for and does not find; whoever teaches it to takes the line away.
KNOWN_MISSES: set[tuple[str, str]] = set()
# What the methods are held to: a planted fact that is missed fails here. Facts that are not in it are not examined yet.
ANSWERS = {
    "segments": 2,
    "purchase_process": 4,
    "spend_differences": 1,
    "seasons": 1,
    "randomised_campaign": 2,
    "campaign_without_effect": 2,
    "confounded_campaign": 2,
    "kano": 1,
    "satisfaction_drivers": 6,
    "unhappy_region": 1,
    "unsatisfying_feature": 1,
    "unprofitable_customers": 1,
    "pain_point": 2,
    "contact_overlap": 2,
    "switching_customers": 1,
    "stopping_customers": 1,
    "product_pair": 1,
    "decoy_pair": 1,
    "category_trends": 3,
    "competitor_opening": 1,
    "broken_step": 2,
    "win_probabilities": 4,
    "drop_worthy_group": 2,
    "duplicates": 1,
    "diverted_goods": 2,
    "out_of_stock": 2,
    "loyalty_points": 4,
    "event_attendance": 1,
    "acquisition_costs": 2,
    "brand_image": 2,
    "brand_choice": 1,
    "version_tests": 3,
    "new_product": 1,
    "price_change": 3,
}
INTERVALS = {
    "purchase_process", "spend_differences", "randomised_campaign", "campaign_without_effect", "satisfaction_drivers",
    "win_probabilities", "drop_worthy_group", "diverted_goods", "loyalty_points", "out_of_stock",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("exam") / "company", customers=4000, seed=11)


@pytest.fixture(scope="module")
def company(folder) -> Company:
    return Company.of(folder)


@pytest.fixture(scope="module")
def passed(folder) -> Exam:
    return exam(folder)


def test_every_fact_that_a_method_looks_for_is_found(passed):
    asked = passed.table[passed.table.verdict != NOT_EXAMINED]
    for row in asked.itertuples():
        expected = MISSED if (row.fact, row.method) in KNOWN_MISSES else FOUND
        assert row.verdict == expected, (row.fact, row.what, row.subject)
    assert asked.groupby("fact").size().to_dict() == ANSWERS


def test_effects_are_estimated_with_an_interval_that_covers_them(passed):
    known = passed.table[passed.table.covered.notna()].set_index("fact")
    assert set(known.index) == INTERVALS
    assert len(known) == 21
    assert known.covered.sum() >= 19  # of 95 % intervals one in 20 may leave the truth out
    assert known.truth["randomised_campaign"].max() > 20
    assert known.truth["campaign_without_effect"] == 0
    assert (known.error == known.estimate - known.truth).all()


def test_what_the_kit_has_no_method_for_is_listed_and_not_counted_as_found(passed):
    assert set(passed.table.fact) == set(FACTS)
    unasked = passed.table[passed.table.verdict == NOT_EXAMINED]
    assert unasked.method.isna().all()
    assert len(unasked) == len(set(FACTS)) - passed.table[passed.table.method.notna()].fact.nunique()
    assert passed.counts()[NOT_EXAMINED] == len(unasked)
    assert sum(passed.counts().values()) == len(passed.table)


def test_where_the_truth_is_another_the_exam_is_failed(company):
    """The same answers held against a truth in which the pair is the decoy, what rises falls, effects change places, features and
    drivers are others."""
    facts = copy.deepcopy(company.facts)
    for one, other in (("product_pair", "decoy_pair"), ("randomised_campaign", "campaign_without_effect")):
        facts[one]["parameters"], facts[other]["parameters"] = facts[other]["parameters"], facts[one]["parameters"]
    facts["confounded_campaign"]["parameters"]["campaign_id"] = facts["campaign_without_effect"]["parameters"]["campaign_id"]
    trend = facts["category_trends"]["parameters"]
    trend["rising"], trend["falling"] = trend["falling"], "Croissants"
    facts["kano"]["parameters"]["categories"]["sales calls"] = "A"
    weights = facts["satisfaction_drivers"]["parameters"]["weights"]
    weights["taste"], weights["cleanliness"] = weights["cleanliness"], weights["taste"]
    other = dataclasses.replace(company, facts=facts)

    def said(question) -> list[str]:
        return [row["verdict"] for row in question(other)]

    assert said(module.campaigns) == [MISSED, FALSE_ALARM, FALSE_ALARM]
    assert said(module.product_pairs) == [MISSED, FALSE_ALARM]
    assert said(module.trends) == [FALSE_ALARM, MISSED, FALSE_ALARM]
    assert said(module.kano_categories) == [FALSE_ALARM]
    assert {row["subject"]: row["verdict"] for row in module.satisfaction_drivers(other)}["taste"] == FALSE_ALARM


def test_a_method_that_names_the_wrong_customers_or_numbers_raises_a_false_alarm(company):
    (right,) = module.drop_out(company)
    turned = company.customers.assign(dropped_out=company.customers["dropped_out"].isna().where(lambda gone: gone))
    (wrong,) = module.drop_out(dataclasses.replace(company, customers=turned))
    assert (right["verdict"], wrong["verdict"]) == (FOUND, FALSE_ALARM)
    (right,), (none,), (wrong,) = (
        module.second_accounts(dataclasses.replace(company, customers=company.customers.assign(duplicate_of=twins)))
        for twins in (company.customers["duplicate_of"], None, company.customers["duplicate_of"].shift())
    )
    assert [row["verdict"] for row in (right, none, wrong)] == [FOUND, FALSE_ALARM, FALSE_ALARM]
    assert (right["truth"], right["error"], none["truth"]) == (company.customers["duplicate_of"].notna().sum(), 0, 0)
    for interval, verdict in (((0.4, 0.6), FALSE_ALARM), ((0.4, 1.1), MISSED), (None, FALSE_ALARM)):
        assert module.estimated("kano", "x", 1.0, 0.5, interval, near=0.1)["verdict"] == verdict
    assert module.estimated("kano", "x", 1.0, 0.95, None, near=0.1)["verdict"] == FOUND


def test_a_method_that_refuses_has_missed_every_fact_that_it_was_asked_about(company, monkeypatch):
    monkeypatch.setattr(module.segmentation, "customer_value", lambda tables: NotAvailable((), "value", reason="no."))
    rows = module.purchase_process(company)
    assert [(row["fact"], row["verdict"]) for row in rows] == [("purchase_process", MISSED), ("spend_differences", MISSED)]
    assert {row["method"] for row in rows} == {"segmentation.customer_value"}


def test_what_weights_make_of_shares_of_variance_is_worked_out_rightly():
    """Without correlation a share goes with the squared weight; of two correlated aspects by the formula of Lindeman et al."""
    alone = module._shares_explained([3.0, 2.0, 1.0], 0.0)
    assert alone == pytest.approx(np.array([9, 4, 1]) / 14)
    a, b, r = 0.7, 0.3, 0.4
    whole = a * a + b * b + 2 * r * a * b
    gain = (a + r * b) ** 2  # of the first aspect when it enters first; entering last it adds a2 (1 - r2)
    assert module._shares_explained([a, b], r)[0] == pytest.approx((gain + a * a * (1 - r * r)) / 2 / whole)


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_the_page_has_a_row_for_every_question_and_says_that_it_is_simulated(passed, code):
    language.use(code, currency="CNY")
    page = passed.page()
    assert page.count("<tr>") == len(passed.summary()) + 1
    assert "<svg" in page
    if code == "en":
        assert "Simulated data" in page


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_the_section_of_the_report_is_whole_and_labelled_simulated(passed, code):
    language.use(code, currency="CNY")
    said = passed.shown()
    assert len(said) == len(passed.summary())
    for row in said.itertuples(index=False):
        for name, value in zip(said.columns, row, strict=True):
            assert columns.formatted(name, value)
    unasked = said[said.exam_method == NOT_EXAMINED]
    assert unasked.index.tolist() == list(range(len(said) - len(unasked), len(said)))
    assert unasked.drop(columns=["planted_fact", "exam_method"]).isna().all(axis=None)
    asked = said.drop(unasked.index)
    assert asked[["exam_found", "exam_missed", "exam_false_alarms"]].sum().sum() == sum(ANSWERS.values())
    assert (asked.exam_covered <= asked.exam_intervals).sum() == asked.exam_intervals.notna().sum() > 5
    finding = passed.finding()
    answers, missed = sum(ANSWERS.values()), len(KNOWN_MISSES)
    assert finding.value == pytest.approx(1 - missed / answers)
    assert len(finding.warnings) == (missed > 0)
    assert len(passed.verdicts().axes[0].patches) == len(VERDICTS)
    if code == "en":
        titles = [passed.headline(), passed.facts_headline(), finding.text]
        assert all(title.startswith("Simulated company: ") for title in titles)
        assert passed.headline().endswith(
            f"of {answers} answers of the methods {answers - missed} are true, {missed} missed the truth, 0 made up"
        )
        assert passed.facts_headline().endswith(f"asked about {len(ANSWERS)} of {len(FACTS)} planted facts")


def _project(tmp_path, snapshot) -> None:
    (tmp_path / "data" / "contract").mkdir(parents=True)
    (tmp_path / "engagement.yml").write_text("name: T\nclient: T\ncurrency: CNY\ntime_zone: Asia/Shanghai\n")
    (tmp_path / "data" / "contract" / "one").symlink_to(snapshot, target_is_directory=True)


def test_only_a_report_on_the_whole_of_a_simulated_company_has_an_exam(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "exam", lambda folder: "sat")
    _project(tmp_path / "made_up", folder)
    _project(tmp_path / "real", KIT / "data" / "grocery")
    made_up, step = tmp_path / "made_up", "5_evaluation"
    assert module.exam_of(Engagement(made_up, step)) == "sat"
    assert module.exam_of(Engagement(made_up, step, scope="region=East")) is None
    assert module.exam_of(Engagement(made_up, step, as_of="2024-06-30")) is None
    assert module.exam_of(Engagement(tmp_path / "real", step)) is None
    last = nbformat.read(KIT / "notebooks" / "5_evaluation.ipynb", as_version=4).cells[-1]
    assert last.source.startswith("show_exam(engagement)")  # no heading stands above it where there is no exam


def test_several_companies_are_summed_up_by_question(passed):
    twice = Exam(pd.concat([passed.table, passed.table.assign(seed=12, verdict=MISSED)], ignore_index=True))
    rows, once = twice.summary(), passed.summary()
    assert (rows.companies == 2).all()
    assert (rows.answers == 2 * once.answers).all()
    assert (rows.found + rows.missed + rows.false_alarm + rows.not_examined == rows.answers).all()
    assert rows.set_index("fact").loc["decoy_pair", "found"] == 1
    assert (rows.set_index("fact").loc["randomised_campaign", "covered"] == 2).all()


def test_a_folder_without_truth_cannot_be_examined(tmp_path):
    with pytest.raises(UserError, match=r"there is no truth\.json"):
        exam(tmp_path)
