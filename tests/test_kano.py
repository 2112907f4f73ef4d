"""The survey as tables, and the Kano model."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import KIT, SHARED, make_tables
from fivestep import language, needs
from fivestep.errors import UserError
from fivestep.findings import NotAvailable
from fivestep.language import columns
from fivestep.needs.kano import CODES, EVALUATION, FIVE_NAMES, coefficients, fong
from fivestep.needs.survey import FIVE, Declaration, Survey, parsed

REPPEL = SHARED / "data" / "kano_reppl"
ORDERS = pd.DataFrame({"order_id": ["1"], "customer_id": ["c1"], "order_date": ["2024-01-01"], "order_amount": ["1"]})


def surveyed(rows, **more):
    """Tables with a survey of (response, question, answer) or (response, question, answer, customer, answered_at)."""
    names = ["response_id", "question_id", "answer", "customer_id", "answered_at"]
    width = max(map(len, rows))
    return make_tables(
        orders=ORDERS, survey=pd.DataFrame([(*r, *[None] * (width - len(r))) for r in rows], columns=names[:width]), **more
    )


def asked(pairs, feature="f"):
    """Rows of a survey in which respondent i gives the i-th pair of answers."""
    return [
        (f"r{i}", f"{feature}/{role}", FIVE[a])
        for i, pair in enumerate(pairs)
        for role, a in zip(("functional", "dysfunctional"), pair, strict=True)
    ]


def kano_of(rows, **declared):
    tables = surveyed(rows)
    return needs.kano(tables, needs.survey(tables, Declaration(**declared)))


@pytest.fixture(scope="module")
def anything():
    """Tables with some survey: what asks whether there is one."""
    return surveyed([("r", "f/functional", "like", "c1", "2024-01-01")])


def answered(customers=None, **features) -> Survey:
    """A survey as it is after reading, without the engine: pairs of answers by feature, one respondent each."""
    n = max(map(len, features.values()))
    ids = [f"r{i:03}" for i in range(n)]
    table = pd.DataFrame({"response_id": ids, "customer_id": customers or [None] * n, "answered_at": pd.NaT})
    for feature, pairs in features.items():
        for role, place in (("functional", 0), ("dysfunctional", 1)):
            values = [float(pair[place]) for pair in pairs] + [math.nan] * (n - len(pairs))
            table[[(feature, role)]] = np.array(values)[:, None]
    return Survey(table, Declaration(), {}, 0)


# ---------------------------------------------------------------- the published table and examples
def test_the_evaluation_table_has_the_published_cells():
    counted = Counter("".join(EVALUATION["berger"]))
    assert counted == {"I": 9, "R": 7, "A": 3, "M": 3, "Q": 2, "O": 1}
    changed = [(i, j) for i in range(5) for j in range(5) if EVALUATION["berger"][i][j] != EVALUATION["pouliot"][i][j]]
    assert changed == [(1, 1), (3, 3)]
    assert {EVALUATION["pouliot"][i][j] for i, j in changed} == {"Q"}


@pytest.mark.parametrize("table", ["berger", "pouliot"])
def test_every_pair_of_answers_gets_the_category_of_its_cell(table):
    rows = [row for i in range(5) for j in range(5) for row in asked([(i, j)], f"f{i}{j}")]
    found = kano_of(rows, kano_table=table).table.set_index("feature")["code"]
    assert {f: EVALUATION[table][int(f[1])][int(f[2])] for f in found.index} == found.to_dict()
    assert len(found) == 25


@pytest.mark.parametrize(
    ("a", "o", "m", "i", "better", "worse", "category"),
    [  # Sauerwein et al. (1996), figures 10 and 11, in tenths of a percent
        (70, 323, 493, 95, 0.40, -0.83, "M"),
        (104, 451, 305, 115, 0.57, -0.78, "O"),
        (638, 216, 29, 85, 0.88, -0.25, "A"),
    ],
)
def test_the_ski_example_of_sauerwein(a, o, m, i, better, worse, category):
    counts = np.array([m, o, a, i, 0, 0])
    found = coefficients(counts)
    assert (round(found["better"], 2), round(found["worse"], 2)) == (better, worse)
    assert CODES[int(np.argmax(counts))] == category


@pytest.mark.parametrize(
    ("a", "o", "m", "i", "r", "q", "better", "worse"),
    [  # Brand and Rese (2026), table 1: reverse and questionable are in no denominator
        (216, 56, 13, 275, 23, 24, 0.486, -0.123),
        (229, 42, 5, 276, 33, 22, 0.491, -0.085),
        (187, 71, 46, 258, 19, 26, 0.459, -0.208),
    ],
)
def test_better_and_worse_leave_out_reverse_and_questionable(a, o, m, i, r, q, better, worse):
    found = coefficients(np.array([m, o, a, i, r, q]))
    assert (round(found["better"], 3), round(found["worse"], 3)) == (better, worse)


def test_at_a_tie_the_order_is_must_be_one_dimensional_attractive_indifferent(anything):
    cell = {"M": (1, 4), "O": (0, 4), "A": (0, 2), "I": (2, 2)}
    ties = {first + second: [cell[second]] * 3 + [cell[first]] * 3 for first, second in ("MO", "OA", "AI", "MI")}
    found = needs.kano(anything, answered(**ties)).table
    assert list(found["code"]) == [feature[0] for feature in found["feature"]]
    assert not found["clear"].any()


def test_fong_needs_a_difference_beyond_its_limit():
    # n = 100, a + b = 80: the limit is 1.65 sqrt(80 * 120 / 200) = 11.43
    assert not fong(np.array([45, 35, 20, 0, 0, 0]))
    assert fong(np.array([46, 34, 20, 0, 0, 0]))
    assert not fong(np.array([1, 0, 0, 0, 0, 0]))
    assert not fong(np.zeros(6))


# ---------------------------------------------------------------- real answers
@pytest.fixture(scope="module")
def reppel():
    if not REPPEL.exists():
        pytest.skip("the Kano answers are not beside the project")
    rows = []
    for path in sorted(REPPEL.glob("*-clean.csv")):
        wide = pd.read_csv(path, dtype=str)
        rows.append(wide.melt("ID", [c for c in wide if c.startswith("F")], "question_id", "answer"))
    return pd.concat(rows).rename(columns={"ID": "response_id"})


def test_the_published_counts_of_the_transfer_features(reppel):
    """Reppel (2022), Doing research online: the Kano model; counts, importance and coefficients by Pouliot's table."""
    tables = make_tables(orders=ORDERS, survey=reppel)
    found = needs.kano(tables, needs.survey(tables, Declaration(kano_table="pouliot"))).table.set_index("feature")
    published = {
        "F6": (91, 19, 9, 160, 49, 30, 5.089385, 0.3942652, -0.1003584),
        "F7": (70, 121, 59, 77, 9, 22, 6.804469, 0.5840979, -0.5504587),
        "F8": (78, 122, 66, 62, 7, 23, 7.125698, 0.6097561, -0.5731707),
        "F9": (145, 76, 25, 78, 12, 22, 6.664804, 0.6820988, -0.3117284),
        "F10": (18, 174, 90, 42, 7, 27, 7.729050, 0.5925926, -0.8148148),
        "F11": (88, 90, 32, 105, 15, 28, 6.865922, 0.5650794, -0.3873016),
    }
    names = ["attractive", "one_dimensional", "must_be", "indifferent", "reverse", "questionable"]
    for feature, values in published.items():
        row = found.loc[feature]
        assert row["pairs"] == 358
        assert tuple(row[names]) == values[:6]
        assert row[["importance", "better", "worse"]].tolist() == pytest.approx(values[6:], abs=1e-6)
    assert found["code"].reindex(["F6", "F7", "F8", "F9", "F10"]).tolist() == list("IOOAO")
    assert not found.loc["F11", "clear"]  # 105 indifferent, 90 one-dimensional: the difference may be chance


def test_counts_of_the_storage_features_agree_with_plain_python(reppel):
    """Four answer wordings, counted again with dictionaries."""
    positions = (
        ("I like it that way", "I enjoy it that way", "This would be very helpful to me", "I like it"),
        ("I must be that way", "It is a basic necessity or I expect it that way", "This is a basic requirement for me",
         "I expect it"),
        ("I am neutral", "This would not affect me", "I’m neutral"),
        ("I can live with it that way", "I dislike it, but I can live with it that way", "This would be a minor inconvenience",
         "I can tolerate it"),
        ("I dislike it that way", "I dislike it, and I can’t accept it", "This would be a major problem for me", "I dislike it"),
    )  # fmt: skip
    place = {text: i for i, texts in enumerate(positions) for text in texts}
    said = {(r, q): a for r, q, a in reppel[["response_id", "question_id", "answer"]].itertuples(index=False)}
    tables = make_tables(orders=ORDERS, survey=reppel)
    found = needs.kano(tables, needs.survey(tables)).table.set_index("feature")
    for feature in ("F1", "F3", "F5"):
        counted = Counter()
        for (response, question), answer in said.items():
            if question == f"{feature}_functional":
                f, d = place[answer], place[said[response, f"{feature}_dysfunctional"]]
                inside = 1 <= f <= 3 and 1 <= d <= 3
                counted["I" if inside else "M" if 1 <= f <= 3 and d == 4 else "Q" if f == d else "O" if (f, d) == (0, 4)
                        else "A" if f == 0 else "R"] += 1  # fmt: skip
        row = found.loc[feature]
        assert [
            row["must_be"],
            row["one_dimensional"],
            row["attractive"],
            row["indifferent"],
            row["reverse"],
            row["questionable"],
        ] == [counted[c] for c in CODES]
        assert sum(counted.values()) == 363


def test_the_bootstrap_agrees_with_resampling_respondents_one_by_one():
    counts = np.array([30, 25, 20, 15, 5, 5])
    codes = np.repeat(list(CODES), counts)
    rng = np.random.default_rng(1)
    better = []
    for _draw in range(2000):
        drawn = rng.choice(codes, len(codes))
        better.append(np.isin(drawn, ["A", "O"]).sum() / np.isin(drawn, list("AOMI")).sum())
    found = coefficients(counts)
    assert [found["better_low"], found["better_high"]] == pytest.approx(np.percentile(better, [2.5, 97.5]), abs=0.02)
    assert found["better_low"] < found["better"] < found["better_high"]
    assert found["worse_low"] < found["worse"] < found["worse_high"] < 0


def test_an_interval_at_the_end_of_the_scale_is_no_point():
    found = coefficients(np.array([12, 0, 0, 0, 0, 0]))
    assert (found["worse"], found["worse_low"], found["better"]) == (-1, -1, 0)
    assert -0.8 < found["worse_high"] < -0.6  # Wilson, 12 of 12
    empty = coefficients(np.array([0, 0, 0, 0, 4, 2]))
    assert all(math.isnan(v) for v in empty.values())


# ---------------------------------------------------------------- wordings and declarations
@pytest.mark.parametrize(
    ("question", "meant"),
    [
        ("F1_functional", ("F1", "functional")),
        ("kano/fresh bread/dysfunctional", ("fresh bread", "dysfunctional")),
        ("送货快/如果没有", ("送货快", "dysfunctional")),
        ("出貨快/滿意度", ("出貨快", "satisfaction")),
        ("fast_delivery_importance", ("fast_delivery", "importance")),
        ("satisfaction/taste", ("taste", "satisfaction")),
        ("satisfaction/overall", ("", "satisfaction")),
        ("总体满意度", ("", "satisfaction")),
        ("NPS", ("", "nps")),
        ("Q7", None),
        ("our brand/cold ~ warm/differential", ("our brand/cold ~ warm", "differential")),
        ("本品牌/首选", ("本品牌", "preference")),
        ("app_use", None),
        ("functional", None),
        ("dysfunctional", None),
    ],
)
def test_a_question_id_says_what_it_asks(question, meant):
    assert parsed(question) == meant


def test_wordings_in_three_languages_mean_the_same():
    for like, dislike in (
        ("I like it", "I dislike it."),
        ("我喜欢这样", "很不喜欢"),
        ("我喜歡這樣", "很不喜歡"),
        (" LIKE ", "I DISLIKE IT"),
    ):
        found = kano_of([("r", "f/functional", like), ("r", "f/dysfunctional", dislike)])
        assert found.table["code"].tolist() == ["O"]


def test_an_unknown_wording_is_named_in_one_line_and_can_be_declared():
    rows = [("r", "f/functional", "Super!"), ("r", "f/dysfunctional", "I dislike it")]
    with pytest.raises(
        UserError, match=r"question f/functional: the answer 'Super!' \(rows: 1\) is not known. Say in survey.yml"
    ) as error:
        kano_of(rows)
    assert "\n" not in str(error.value)
    assert kano_of(rows, answers={"super": "like"}).table["code"].tolist() == ["O"]


def test_numbers_are_no_kano_answers_until_somebody_says_which_end_is_which():
    rows = [("r", "f/functional", "1"), ("r", "f/dysfunctional", "5")]
    with pytest.raises(UserError, match="'5'"):
        kano_of(rows)
    assert kano_of(rows, answers={1: "like", 5: "dislike"}).table["code"].tolist() == ["O"]


def test_survey_yml_is_read_and_its_mistakes_are_named(tmp_path):
    path = tmp_path / "survey.yml"
    assert needs.declaration(path) == Declaration()
    path.write_text(
        "questions: {Q1: bread/functional}\nno_answer: [0, 6]\nlabels: {bread: {en: Bread, zh_CN: 面包}}\n", encoding="utf-8"
    )
    declared = needs.declaration(path)
    assert declared.no_answer == ("0", "6")
    assert declared.label("bread") == "Bread"
    language.use("zh_CN")
    assert declared.label("bread") == "面包"
    language.use("en")
    for text, said in (
        ("wording: {a: like}", "wording"),
        ("answers: {a: love}", "like"),
        ("questions: {Q1: bread}", "'bread' \\(question Q1\\) is not understood"),
        ("scales: {satisfaction: [5, 1]}", "lowest answer comes first"),
        ("- a", "expected keys"),
        ("a: [", "cannot be read"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match=said):
            needs.declaration(path)


def test_two_questions_that_ask_the_same_are_refused():
    rows = [("r", "f/functional", "like"), ("r", "kano/f/functional", "dislike"), ("r", "f/dysfunctional", "dislike")]
    with pytest.raises(UserError, match="both ask for f/functional"):
        kano_of(rows)


def test_the_last_answer_of_a_customer_counts_and_half_pairs_do_not():
    rows = [
        ("r1", "f/functional", "like", "c1", "2024-01-01"), ("r1", "f/dysfunctional", "dislike", "c1", "2024-01-01"),
        ("r2", "f/functional", "neutral", "c1", "2024-01-02"), ("r2", "f/dysfunctional", "dislike", "c1", "2024-01-02"),
        ("r3", "f/functional", "like", "c1", "2024-01-03"),
        ("r4", "f/functional", "like", None, "2024-01-01"), ("r4", "f/dysfunctional", "neutral", None, "2024-01-01"),
        ("r5", "g/functional", "like", "c2", "2024-01-01"),
    ]  # fmt: skip
    tables = surveyed(rows, as_of=pd.Timestamp("2024-01-01").date())
    early = needs.kano(tables, needs.survey(tables))
    assert early.table["code"].tolist() == ["O"]  # O of c1 and A of nobody: a tie
    tables = make_tables(orders=pd.concat([ORDERS, ORDERS.assign(order_id="2", order_date="2024-01-09")]), survey=pd.DataFrame(
        rows, columns=["response_id", "question_id", "answer", "customer_id", "answered_at"]))  # fmt: skip
    late = needs.kano(tables, needs.survey(tables))
    assert late.table[["must_be", "one_dimensional", "attractive"]].iloc[0].tolist() == [1, 0, 1]
    assert (late.repeated, late.half) == (1, 1)


def test_three_names_and_five_names():
    rows = asked([(1, 4)] * 20, "bread") + asked([(2, 2)] * 20, "chairs")
    five, three = kano_of(rows), kano_of(rows, kano_names="three")
    assert five.categories()["kano_category"].tolist() == ["Must-be", "Indifferent"]
    assert three.categories()["kano_category"].tolist() == ["Basic", "None of the three"]
    assert "Basic 1 and None of the three 1" in three.headline()


def test_features_are_called_what_survey_yml_calls_them():
    found = kano_of(asked([(1, 4)] * 20, "F1"), labels={"F1": "Fresh bread"})
    assert found.table["feature_label"].tolist() == ["Fresh bread"]
    assert "Fresh bread" in found.finding().so_what


# ---------------------------------------------------------------- segments
def by_segment(anything, high, low):
    """Pairs of answers of high-value and low-value customers to one feature."""
    customers = [f"H{i}" for i in range(len(high))] + [f"L{i}" for i in range(len(low))]
    segments = pd.DataFrame({"customer_id": customers, "value_tier": ["High value"] * len(high) + ["Low value"] * len(low)})
    return needs.kano_by_segment(anything, needs.kano(anything, answered(customers, f=[*high, *low])), segments)


def test_a_feature_that_tiers_see_differently_is_found_and_chance_is_not(anything):
    must, attractive = (1, 4), (0, 2)
    found = by_segment(anything, [must] * 25 + [attractive] * 5, [must] * 5 + [attractive] * 25)
    assert found.shown()["kano_category"].tolist() == ["Must-be", "Attractive"]
    assert found.headline() == "Value tiers answer differently about f"
    # Pearson's chi-squared with Yates' correction for 25, 5, 5, 25: 60 (|25 * 25 - 5 * 5| - 30)^2 / 30^4
    from scipy.stats import chi2

    assert found.tests["p_value"].iloc[0] == pytest.approx(chi2.sf(60 * (600 - 30) ** 2 / 30**4, 1))
    alike = by_segment(anything, [must] * 15 + [attractive] * 15, [must] * 14 + [attractive] * 16)
    assert alike.headline() == "No feature means clearly something else to another value tier"


def test_too_few_answers_in_a_tier_are_refused(anything):
    found = by_segment(anything, [(1, 4)] * 20, [(0, 2)] * 5)
    assert isinstance(found, NotAvailable)
    assert "fewer than two value tiers" in found.text


def test_segments_need_customers_and_an_earlier_step():
    tables = surveyed(asked([(1, 4)] * 20))
    gone = NotAvailable((), "x", reason="y.")
    assert isinstance(needs.kano_by_segment(tables, needs.kano(tables, needs.survey(tables)), gone), NotAvailable)


# ---------------------------------------------------------------- any data
def test_without_a_survey_there_is_one_quiet_line():
    tables = make_tables(orders=ORDERS)
    found = needs.kano(tables, needs.survey(tables))
    assert "the data has no survey" in found.text
    tables = surveyed([("r", "Q1", "yes")])
    assert "no question of the survey is understood" in needs.kano(tables, needs.survey(tables)).text


def test_any_row_order_gives_the_same_table():
    rng = np.random.default_rng(3)
    rows = asked([tuple(p) for p in rng.integers(0, 5, (60, 2))], "a") + asked(
        [tuple(p) for p in rng.integers(0, 5, (60, 2))], "b"
    )
    shuffled = [rows[i] for i in rng.permutation(len(rows))]
    one, other = kano_of(rows), kano_of(shuffled)
    pd.testing.assert_frame_equal(one.table, other.table)
    assert one.finding() == other.finding()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12))
def test_whatever_is_answered_the_sentences_hold_and_every_column_is_known(anything, pairs):
    found = needs.kano(anything, answered(a=[(4, 0)], f=pairs))
    row = found.table.set_index("feature").loc["f"]
    assert row[["must_be", "one_dimensional", "attractive", "indifferent", "reverse", "questionable"]].sum() == len(pairs)
    for text in (found.headline(), found.figure_headline(), found.note(), found.coefficients_note(), found.finding().text):
        assert "nan" not in text.lower().split()
        assert "{" not in text
    assert _name(row) in found.headline()
    for frame in (found.categories(), found.coefficients()):
        for name in frame:
            assert columns.column(name)
    assert found.figure().axes


def _name(row) -> str:
    return FIVE_NAMES[row["code"]]


def test_the_example_of_survey_yml_is_read_and_shows_every_key():
    example = KIT / "lib" / "fivestep" / "needs" / "survey.yml"
    declared = needs.declaration(example)
    assert declared.model_fields_set == set(Declaration.model_fields)
    told = example.read_text("utf-8").split("# Research")[0]
    said = [line[1:].split() for line in told.splitlines() if line.startswith("#   ")]
    ids = [parsed(" ".join(words[:2]) if words[0] == "fast" else words[0].strip(",")) for words in said]
    assert None not in ids
    assert len(ids) == 7
