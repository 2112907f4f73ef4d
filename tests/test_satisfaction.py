"""Satisfaction, the two fifths, recommendation, drivers, priorities, sample size, questionnaires."""

from __future__ import annotations

import itertools
import math

import nbformat
import numpy as np
import openpyxl
import pandas as pd
import pytest
from scipy import stats

from conftest import KIT, SHARED, make_tables
from fivestep import needs
from fivestep.errors import UserError
from fivestep.findings import NotAvailable
from fivestep.language import columns
from fivestep.needs.drivers import johnson_weights, lmg_shares, subset_r2
from fivestep.needs.nps import net_score
from fivestep.needs.satisfaction_fifths import cliff_interval
from fivestep.needs.survey import Declaration, Survey

SFO = SHARED / "data" / "satisfaction_sfo" / "2013_SFO_Customer_Survey_20250817.csv"
ORDERS = pd.DataFrame({"order_id": ["1"], "customer_id": ["c1"], "order_date": ["2024-01-31"], "order_amount": ["1"]})
NOBODY = NotAvailable(("survey",), "what customers say")


@pytest.fixture(scope="module")
def anything():
    """Tables with some survey: what asks whether there is one."""
    survey = pd.DataFrame({"response_id": ["r"], "question_id": ["satisfaction"], "answer": ["5"], "customer_id": ["c1"]})
    return make_tables(orders=ORDERS, survey=survey)


def answered(scale=(1, 5), customers=None, **answers) -> Survey:
    """A survey as it is after reading, without the engine: answers by question, ``taste__satisfaction`` or ``satisfaction``."""
    n = len(next(iter(answers.values())))
    customers = [None] * n if customers is None else customers
    table = pd.DataFrame({"response_id": [f"r{i:05}" for i in range(n)], "customer_id": customers, "answered_at": pd.NaT})
    for question, values in answers.items():
        subject, _, role = question.rpartition("__")
        table[[(subject, role)]] = pd.DataFrame({0: list(values)})
    return Survey(table, Declaration(), {"satisfaction": scale, "importance": (1, 9), "nps": (0, 10)}, 0)


def is_sound(result) -> None:
    found = result.finding()
    assert math.isfinite(found.value)
    for text in (
        found.text,
        found.evidence,
        found.so_what,
        *found.warnings,
        *found.assumptions,
        result.note(),
        result.headline(),
    ):
        assert text.strip()
        assert "nan" not in text.lower().split()
        assert "{" not in text


def is_known(frame: pd.DataFrame) -> None:
    assert len(frame.columns)
    for name in frame:
        assert columns.column(name)


# ---------------------------------------------------------------- satisfaction
@pytest.fixture(scope="module")
def airport():
    if not SFO.exists():
        pytest.skip("the satisfaction survey is not beside the project")
    wide = pd.read_csv(SFO, dtype=str)
    aspects = [c for c in wide if c.startswith("Q7")]
    questions = {c: f"{c.split('_', 1)[1].lower()}/satisfaction" for c in aspects}
    questions |= {"Q7O_WHOLE": "satisfaction", "DESTGEO": "region", "AIRLINE": "product"}
    long = wide.rename(columns={"RESPNUM": "response_id"}).melt("response_id", list(questions), "question_id", "answer")
    tables = make_tables(orders=ORDERS, survey=long)
    declared = Declaration(questions=questions, no_answer=("0", "6"), scales={"satisfaction": (1, 5)})
    return wide, tables, needs.survey(tables, declared)


def test_satisfaction_of_a_real_survey_agrees_with_plain_pandas(airport):
    wide, tables, survey = airport
    scores = pd.to_numeric(wide["Q7O_WHOLE"]).where(lambda s: s.between(1, 5))
    found = needs.satisfaction(tables, survey)
    assert found.answers == scores.notna().sum()
    assert found.satisfied == (scores >= 4).sum()
    assert found.mean == pytest.approx(scores.mean())
    half = stats.t.ppf(0.975, scores.count() - 1) * scores.sem()
    assert (found.low, found.high) == pytest.approx((scores.mean() - half, scores.mean() + half))
    regions = found.regions.set_index("region")
    for region, part in scores.dropna().groupby(wide["DESTGEO"]):
        if len(part) >= 10:
            rest = scores[(wide["DESTGEO"] != region) & wide["DESTGEO"].notna()].dropna()
            row = regions.loc[region]
            assert (row["answers"], row["score_mean"]) == (len(part), pytest.approx(part.mean()))
            assert row["p_value"] == pytest.approx(stats.mannwhitneyu(part, rest, method="asymptotic").pvalue)
    order = regions["p_value"].sort_values()
    adjusted = (order * len(order) / np.arange(1, len(order) + 1))[::-1].cummin()[::-1].clip(upper=1)
    assert regions["q_value"].reindex(adjusted.index).tolist() == pytest.approx(adjusted.tolist())
    assert set(regions.loc[regions["q_value"] > 0.05, "against_rest"]) == {"Not clearly different"}
    is_sound(found)
    is_known(found.by_region())
    is_known(found.by_product())
    assert found.figure().axes


def test_answers_on_no_usual_scale_are_refused_until_they_are_declared():
    survey = pd.DataFrame({"response_id": ["a", "b"], "question_id": "satisfaction", "answer": ["0", "6"]})
    tables = make_tables(orders=ORDERS, survey=survey)
    with pytest.raises(UserError, match=r"satisfaction run from 0 to 6.*Say in survey.yml under scales"):
        needs.survey(tables)
    assert needs.survey(tables, Declaration(scales={"satisfaction": (0, 6)})).scales == {"satisfaction": (0, 6)}
    with pytest.raises(UserError, match="run from 0 to 6"):
        needs.survey(tables, Declaration(scales={"satisfaction": (1, 5)}))


def test_ratings_in_words_and_beginning_with_a_number_are_read_and_others_are_named():
    rows = [("a", "5"), ("b", "4 - good"), ("c", "非常满意"), ("d", "Dissatisfied"), ("e", "don't know"), ("f", "3分")]
    survey = pd.DataFrame(rows, columns=["response_id", "answer"]).assign(question_id="satisfaction")
    tables = make_tables(orders=ORDERS, survey=survey)
    read = needs.survey(tables).table.set_index("response_id")[("", "satisfaction")]
    assert read.to_dict() == {"a": 5, "b": 4, "c": 5, "d": 2, "f": 3}
    tables = make_tables(orders=ORDERS, survey=survey.assign(answer="meh"))
    with pytest.raises(UserError, match=r"the answer 'meh' \(rows: 6\) is not known"):
        needs.survey(tables)
    assert needs.survey(tables, Declaration(ratings={"Meh": 2})).table[("", "satisfaction")].tolist() == [2] * 6


def test_scores_of_feedback_stand_in_where_no_survey_asks_and_the_last_counts():
    feedback = pd.DataFrame({
        "feedback_id": [str(i) for i in range(4)], "customer_id": ["c1", "c1", "c2", None], "feedback_type": "review",
        "created_at": ["2024-01-01", "2024-01-02", "2024-01-01", "2024-01-01"], "region": "North",
        "satisfaction": [1, 5, 4, 2], "nps": [0, 10, 9, 3],
    })  # fmt: skip
    tables = make_tables(orders=ORDERS, feedback=feedback)
    found = needs.satisfaction(tables, needs.survey(tables))
    assert (found.answers, found.satisfied, found.mean) == (3, 2, pytest.approx(11 / 3))
    assert any("who complains" in w for w in found.finding().warnings)
    assert isinstance(found.by_region(), NotAvailable)
    is_sound(found)
    score = needs.net_promoter(tables, needs.survey(tables))
    assert (score.promoters, score.passives, score.detractors) == (2, 0, 1)
    is_sound(score)


def test_one_answer_is_shown_with_a_warning_and_none_with_one_line(anything):
    found = needs.satisfaction(anything, answered(satisfaction=[5]))
    is_sound(found)
    assert "Few answers: 1." in " ".join(found.finding().warnings)
    assert "neither a survey nor feedback" in needs.satisfaction(anything, answered(nps=[5])).text
    bare = make_tables(orders=ORDERS)
    for gone in (needs.satisfaction(bare, NOBODY), needs.net_promoter(bare, NOBODY), needs.fifths(bare, NOBODY, NOBODY)):
        assert "the data has no survey" in gone.text


# ---------------------------------------------------------------- the two fifths
@pytest.fixture(scope="module")
def people():
    """300 customers who answered; who complained is less satisfied, gender plays no part."""
    rng = np.random.default_rng(5)
    names = [f"c{i:03}" for i in range(300)]
    complained = rng.random(300) < 0.3
    score = np.clip(np.rint(4 - 1.6 * complained + rng.normal(0, 0.7, 300)), 1, 5)
    customers = pd.DataFrame({"customer_id": names, "gender": rng.choice(["F", "M"], 300), "age": rng.integers(20, 70, 300)})
    feedback = pd.DataFrame(
        {"feedback_id": names, "customer_id": names, "feedback_type": "Complaint", "created_at": "2024-01-05"}
    )
    orders = pd.DataFrame(
        {"order_id": names, "customer_id": names, "order_date": "2024-01-31", "order_amount": rng.integers(1, 99, 300)}
    )
    survey = pd.DataFrame(
        {"response_id": names, "question_id": "satisfaction", "answer": score.astype(int), "customer_id": names}
    )
    tables = make_tables(orders=orders, customers=customers, feedback=feedback[complained], survey=survey)
    return tables, customers.assign(complaints=complained.astype(int), score=score)


def test_a_planted_trait_tells_the_fifths_apart_and_an_idle_one_does_not(people):
    tables, truth = people
    found = needs.fifths(tables, needs.survey(tables), NotAvailable((), "x", reason="y"))
    assert found.clear()["trait"].tolist() == ["feedback.complaints"]
    assert "Complaints tells the fifths apart most" in found.headline()
    is_sound(found)
    is_known(found.shown())
    is_known(found.contacts())
    # The same by hand: ties at the boundary stay together.
    cut_low, cut_high = np.sort(truth["score"])[59], np.sort(truth["score"])[240]
    top, bottom = truth[truth["score"] >= cut_high], truth[truth["score"] <= cut_low]
    assert found.sizes() == (len(top), len(bottom))
    traits = found.traits.set_index("trait")
    women = traits.loc["customers.gender"]
    assert women["effect"] == pytest.approx((top["gender"] == "F").mean() - (bottom["gender"] == "F").mean())
    pairs = [np.sign(a - b) for a, b in itertools.product(top["age"], bottom["age"])]
    assert traits.loc["customers.age", "effect"] == pytest.approx(np.mean(pairs))


def test_ratings_of_aspects_tell_equal_scores_apart(anything):
    scores, taste = [4] * 100, np.repeat([1, 2, 3, 4, 5], 20)
    customers = [f"c{i:03}" for i in range(100)]
    found = needs.fifths(anything, answered(customers=customers, satisfaction=scores, taste__satisfaction=taste), NOBODY)
    assert found.sizes() == (20, 20)
    assert set(found.table["customer_id"][:20]) == set(customers[80:])
    alike = needs.fifths(anything, answered(customers=customers, satisfaction=scores), NOBODY)
    assert "too many customers gave the same score" in alike.text
    few = needs.fifths(anything, answered(customers=customers[:99], satisfaction=list(range(1, 4)) * 33), NOBODY)
    assert "fewer than 100 customers" in few.text


def test_the_interval_of_cliffs_delta_follows_the_dominance_matrix():
    rng = np.random.default_rng(2)
    a, b = rng.integers(0, 8, 25).astype(float), rng.integers(1, 9, 31).astype(float)
    matrix = np.sign(a[:, None] - b[None, :])
    n, m, d = 25, 31, matrix.mean()
    rows, cols = matrix.mean(axis=1), matrix.mean(axis=0)
    variance = (m**2 * ((rows - d) ** 2).sum() + n**2 * ((cols - d) ** 2).sum() - ((matrix - d) ** 2).sum()) / (
        n * m * (n - 1) * (m - 1)
    )
    z = 1.959964
    root = z * math.sqrt(variance) * math.sqrt((1 - d**2) ** 2 + z**2 * variance)
    expected = [(d - d**3 + sign * root) / (1 - d**2 + z**2 * variance) for sign in (-1, 1)]
    assert cliff_interval(a, b) == pytest.approx(expected, abs=1e-6)
    low, high = cliff_interval(np.ones(20), np.zeros(30))
    assert (low, high) == (pytest.approx((20 - z**2) / (20 + z**2)), 1.0)
    assert cliff_interval(np.zeros(30), np.ones(20)) == (-1.0, -low)


# ---------------------------------------------------------------- recommendation
def test_the_net_promoter_score_and_its_interval():
    """Hand-computed from Rocks (2016): 3/4 to promoters and detractors, 3 to all."""
    score, low, high = net_score(15, 5, 36)
    p, d = 15.75 / 39, 5.75 / 39
    half = 1.959964 * math.sqrt((p + d - (p - d) ** 2) / 39)
    assert score == pytest.approx(10 / 36)
    assert (low, high) == pytest.approx((p - d - half, p - d + half))
    assert -1 <= net_score(0, 3, 3)[1] <= net_score(3, 0, 3)[2] <= 1


def test_six_detracts_seven_is_passive_nine_promotes(anything):
    found = needs.net_promoter(anything, answered(nps=[0, 6, 7, 8, 9, 10]))
    assert (found.promoters, found.passives, found.detractors, found.score) == (2, 2, 2, 0)
    is_known(found.groups())
    is_sound(found)


# ---------------------------------------------------------------- drivers
@pytest.fixture(scope="module")
def rated():
    rng = np.random.default_rng(8)
    n = 400
    halo = rng.normal(size=n)
    x = {f"a{j}": np.clip(np.rint(3 + 0.7 * halo + rng.normal(0, 0.8, n)), 1, 5) for j in range(4)}
    y = np.clip(np.rint(0.5 * x["a0"] + 0.3 * x["a1"] + 0.1 * x["a2"] + rng.normal(0, 0.5, n) + 0.3), 1, 5)
    return x, y


def r2_of(x: np.ndarray, y: np.ndarray) -> float:
    design = np.column_stack([np.ones(len(y)), x])
    residual = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    return 1 - residual.var() / y.var()


def test_lmg_is_the_mean_gain_over_all_orders(rated):
    """Least squares along each of the 24 orders of four aspects."""
    x, y = rated
    data = np.column_stack([*x.values(), y])
    gains = np.zeros(4)
    for order in itertools.permutations(range(4)):
        before = 0.0
        for k, j in enumerate(order):
            after = r2_of(data[:, list(order[: k + 1])], y)
            gains[j] += (after - before) / 24
            before = after
    correlations = np.corrcoef(data, rowvar=False)[None]
    found = lmg_shares(correlations)[0]
    assert found == pytest.approx(gains)
    assert found.sum() == pytest.approx(r2_of(data[:, :4], y))
    assert subset_r2(correlations)[0, 0b0101] == pytest.approx(r2_of(data[:, [0, 2]], y))


def test_johnson_weights_come_from_the_nearest_orthogonal_variables(rated):
    """By singular values of the standardised data: Z = P Q' is orthogonal, X = Z L, weights (L o L)(Z'y o Z'y)."""
    x, y = rated
    data = np.column_stack(list(x.values()))
    standard = (data - data.mean(axis=0)) / data.std(axis=0) / math.sqrt(len(y))
    outcome = (y - y.mean()) / y.std() / math.sqrt(len(y))
    left, values, right = np.linalg.svd(standard, full_matrices=False)
    orthogonal, loadings = left @ right, right.T @ np.diag(values) @ right
    expected = loadings**2 @ (orthogonal.T @ outcome) ** 2
    found = johnson_weights(np.corrcoef(np.column_stack([data, y]), rowvar=False)[None])[0]
    assert found == pytest.approx(expected)
    assert found.sum() == pytest.approx(r2_of(data, y))


def test_a_driver_that_repeats_another_breaks_nothing():
    rng = np.random.default_rng(4)
    a = rng.normal(size=200)
    data = np.column_stack([a, a, a + rng.normal(size=200)])
    correlations = np.corrcoef(data, rowvar=False)[None]
    for shares in (lmg_shares(correlations)[0], johnson_weights(correlations)[0]):
        assert shares.sum() == pytest.approx(r2_of(a[:, None], data[:, 2]))
        assert shares[0] == pytest.approx(shares[1])


def test_drivers_are_found_in_their_order_with_intervals_that_hold_them(anything, rated):
    x, y = rated
    found = needs.drivers(anything, answered(satisfaction=y, **{f"{a}__satisfaction": v for a, v in x.items()}))
    assert found.table["driver"].tolist()[:2] == ["a0", "a1"]
    for name in ("lmg", "johnson"):
        assert found.table[name].sum() == pytest.approx(1)
        assert (found.table[f"{name}_low"] <= found.table[name]).all()
        assert (found.table[name] <= found.table[f"{name}_high"]).all()
    assert found.r2_low < found.r2 < found.r2_high
    is_sound(found)
    is_known(found.shown())
    assert "fewer than two rated aspects" in found.importance_map().text
    again = needs.drivers(anything, answered(satisfaction=y, **{f"{a}__satisfaction": v for a, v in x.items()}))
    pd.testing.assert_frame_equal(found.table, again.table)


def test_the_map_tells_hidden_from_stated_importance(anything, rated):
    x, y = rated
    stated = {"a0": 2, "a1": 8, "a2": 8, "a3": 2}
    ratings = {f"{a}__satisfaction": v for a, v in x.items()}
    survey = answered(satisfaction=y, **ratings, **{f"{a}__importance": [s] * len(y) for a, s in stated.items()})
    found = needs.drivers(anything, survey).importance_map()
    places = found.places().set_index("driver_label")["importance_place"]
    assert places.to_dict() == {"a0": "Hidden", "a1": "Key", "a2": "Stated only", "a3": "Minor"}
    assert found.headline() == "a0 drives satisfaction more than customers say"
    is_known(found.places())
    assert found.figure().axes
    assert "nan" not in found.note()


def test_aspects_that_few_rated_or_all_rated_alike_are_left_out_and_named(anything, rated):
    x, y = rated
    seldom = pd.Series(x["a2"]).where(np.arange(len(y)) < 100)
    ratings = {"a0": x["a0"], "a1": x["a1"], "a2": seldom, "a3": [3] * len(y)}
    survey = answered(satisfaction=y, **{f"{a}__satisfaction": v for a, v in ratings.items()})
    found = needs.drivers(anything, survey)
    assert (found.table["driver"].tolist(), found.unrated, found.constant) == (["a0", "a1"], ("a2",), ("a3",))
    assert "Too seldom rated together with the whole: a2." in found.note()
    for few in (
        answered(satisfaction=y[:20], a0__satisfaction=x["a0"][:20], a1__satisfaction=x["a1"][:20]),
        answered(satisfaction=y),
    ):
        assert isinstance(needs.drivers(anything, few), NotAvailable)


def test_with_more_than_twelve_aspects_only_johnson_is_given(anything):
    rng = np.random.default_rng(6)
    x = rng.integers(1, 6, (300, 13)).astype(float)
    y = np.clip(np.rint(x.mean(axis=1) + rng.normal(0, 0.3, 300)), 1, 5)
    found = needs.drivers(anything, answered(satisfaction=y, **{f"a{j}__satisfaction": x[:, j] for j in range(13)}))
    assert found.measure == "johnson"
    assert found.table["lmg"].isna().all()
    assert not [c for c in found.shown() if c.startswith("lmg")]
    is_sound(found)


def test_drivers_of_a_real_survey_sum_to_its_r2(airport):
    wide, tables, survey = airport
    found = needs.drivers(tables, survey)
    names = {c.split("_", 1)[1].lower(): c for c in wide if c.startswith("Q7")}
    data = wide[[*(names[d] for d in found.table["driver"]), "Q7O_WHOLE"]].apply(pd.to_numeric)
    data = data.where(data.isin([1, 2, 3, 4, 5])).dropna()
    assert len(data) == found.answers
    assert found.r2 == pytest.approx(r2_of(data.iloc[:, :-1].to_numpy(), data["Q7O_WHOLE"].to_numpy()))
    assert found.table["lmg"].sum() == pytest.approx(1)
    assert "wifi" in found.unrated


# ---------------------------------------------------------------- priorities
def features(**more) -> Survey:
    n = 60
    pairs = {"bread": (1, 4), "chairs": (1, 4), "latte": (0, 2), "receipt": (2, 2), "calls": (4, 0)}
    kano = {
        f"{f}__{role}": [float(p)] * n
        for f, pair in pairs.items()
        for role, p in zip(("functional", "dysfunctional"), pair, strict=True)
    }
    return answered(**kano, **more)


def test_an_unsatisfying_must_be_comes_first_and_a_satisfying_one_is_kept_up(anything):
    survey = features(bread__satisfaction=[5] * 60, chairs__satisfaction=[2] * 45 + [5] * 15, latte__satisfaction=[2] * 60)
    found = needs.priorities(anything, needs.kano(anything, survey))
    t = found.table.set_index("feature")
    assert t["action"].to_dict() == {
        "latte": "Stand out", "chairs": "Fix first", "bread": "Keep up", "receipt": "Leave as it is", "calls": "Make it a choice",
    }  # fmt: skip
    assert t.loc["chairs", "priority"] == pytest.approx(0.75)  # three quarters not satisfied, worse is -1
    assert t.loc["latte", "priority"] == pytest.approx(1.0)
    assert found.table["feature"].tolist()[:2] == ["latte", "chairs"]
    assert found.headline() == "Begin with latte (Attractive): 100% of who rated it are not satisfied"
    is_sound(found)
    is_known(found.shown())
    assert "feature_complaints" not in found.shown()
    assert found.figure().axes


def test_complaints_alone_also_make_an_order():
    feedback = pd.DataFrame({"feedback_id": list("abcd"), "feedback_type": ["complaint", "投诉", "complaint", "review"],
                             "created_at": "2024-01-02", "cause": ["Chairs", "dirty seats", "parking", "bread"]})  # fmt: skip
    survey = pd.DataFrame({"response_id": ["r"], "question_id": ["x"], "customer_id": ["c"]})
    tables = make_tables(orders=ORDERS, survey=survey, feedback=feedback)
    answers = features()
    answers = Survey(answers.table, Declaration(complaints={"chairs": ("Dirty seats",)}), {}, 0)
    found = needs.priorities(tables, needs.kano(tables, answers))
    assert found.table.set_index("feature")["complaints"].to_dict() == {
        "chairs": 2,
        "bread": 0,
        "latte": 0,
        "receipt": 0,
        "calls": 0,
    }
    assert found.headline() == "Begin with chairs (Must-be): complaints about it 2"
    is_sound(found)
    is_known(found.shown())
    assert found.figure().axes


def test_without_satisfaction_and_complaints_there_are_no_priorities(anything):
    assert "neither satisfaction" in needs.priorities(anything, needs.kano(anything, features())).text


# ---------------------------------------------------------------- sample size
@pytest.mark.parametrize(
    ("margin", "population", "n"), [(0.05, math.inf, 385), (0.05, 1000, 278), (0.03, math.inf, 1068), (0.05, 10_000, 370)]
)
def test_sample_sizes_are_those_of_the_printed_tables(margin, population, n):
    """Krejcie and Morgan (1970) for 1,000 and 10,000; the usual 385 and 1,068 without an end."""
    assert needs.sample_size(margin, population=population) == n


def test_sample_size_of_a_base(grocery):
    found = needs.survey_size(grocery)
    assert found.table()["answers_needed"].is_monotonic_increasing
    assert (found.table()["answers_needed"] <= found.customers).all()
    assert "801 customers" in found.headline()
    is_sound(found)
    is_known(found.table())
    one = make_tables(orders=ORDERS)
    assert isinstance(needs.survey_size(one), NotAvailable)


# ---------------------------------------------------------------- questionnaires
@pytest.mark.parametrize("code", ["en", "zh_CN", "zh_TW"])
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_questionnaire_filled_in_its_own_words_imports_back_without_a_mapping(tmp_path, code, kind):
    asked = needs.form(code, ["Bread / 面包", "Chairs"])
    path = needs.write_form(tmp_path / f"form.{kind}", language=code, subjects=["Bread / 面包", "Chairs"])
    rng = np.random.default_rng(1)
    rows = [
        [f"r{i}", f"c{i}", "2024-01-02", "web", *(rng.choice(a) if a else "North" for a in asked["answers"][4:])]
        for i in range(40)
    ]
    if kind == "csv":
        with path.open("a", encoding="utf-8") as file:
            pd.DataFrame(rows).to_csv(file, header=False, index=False)
    else:
        book = openpyxl.load_workbook(path)
        for row in rows:
            book.worksheets[0].append([int(c) if str(c).isdecimal() else str(c) for c in row])
        book.save(path)
    read = needs.read_form(path)
    assert list(read.columns) == [
        "response_id",
        "question_id",
        "customer_id",
        "survey_id",
        "answered_at",
        "mode",
        "answer",
        "score",
    ]
    assert len(read) == 40 * (len(asked) - 4)
    assert set(read["mode"]) == {"web"}
    tables = make_tables(orders=ORDERS, survey=read)
    survey = needs.survey(tables)
    assert survey.ignored == 0
    assert survey.scales["satisfaction"] == (1, 5)
    assert set(needs.kano(tables, survey).table["feature"]) == {"Bread / 面包", "Chairs"}
    assert needs.satisfaction(tables, survey).answers == needs.net_promoter(tables, survey).answers == 40


def test_the_workbook_explains_its_questions_and_offers_the_answers(tmp_path):
    book = openpyxl.load_workbook(needs.write_form(tmp_path / "f.xlsx", language="zh_CN", subjects=["送货快"]))
    sheet, questions = book.worksheets
    assert [c.value for c in sheet[1]][:5] == ["答卷编号", "客户编号", "填写时间", "调查方式", "送货快/如果有"]
    assert "送货快" in sheet["E1"].comment.text
    offered = {str(v.sqref).split(":")[0]: v.formula1 for v in sheet.data_validations.dataValidation}
    assert offered["E2"] == '"我喜欢这样,理应如此,无所谓,勉强接受,我不喜欢这样"'
    assert questions["A1"].value == "送货快/如果有"


def test_what_is_no_question_is_left_out_and_mistakes_are_named(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text("Phone,satisfaction,Response ID\n555,5,a\n556,,b\n557,4,\n", encoding="utf-8")
    read = needs.read_form(path)
    assert read[["response_id", "question_id", "answer", "score"]].values.tolist() == [
        ["a", "satisfaction", "5", 5.0],
        ["f-4", "satisfaction", "4", 4.0],
    ]
    for text, said in (
        ("Phone,Name\n1,2\n", "no heading is a question"),
        ("satisfaction,satisfaction\n1,2\n", "the heading 'satisfaction' is there twice"),
        ("satisfaction,Response ID\n1,a\n2,a\n", r"'a' is there twice \(row 3\)"),
        ("satisfaction,Answered at\n1,soon\n", r"'soon' \(row 2\) is no time"),
        ("", "no heading is a question"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match=said):
            needs.read_form(path)
    (tmp_path / "f.xlsx").write_text("no workbook")
    with pytest.raises(UserError, match="cannot be read as a workbook"):
        needs.read_form(tmp_path / "f.xlsx")
    for wrong in ({"language": "fr"}, {"subjects": ["a", "A"]}, {"subjects": ["overall"]}):
        with pytest.raises(UserError):
            needs.form(**wrong)


# ---------------------------------------------------------------- the notebook
class Recorder:
    """What stands in for the engagement in the notebook's cells: keeps what is shown."""

    def __init__(self, tables, segments):
        self.tables, self.segments, self.project = tables, segments, KIT / "nowhere"
        self.shown, self.found, self.gone = [], [], []

    def exhibit(self, shown, *, title, note=""):
        if isinstance(shown, NotAvailable):
            self.gone.append(shown.text)
            return
        assert not title.endswith((".", "。"))
        for text in (title, note):
            assert text
            assert "nan" not in text.lower().split()
            assert "{" not in text
        if isinstance(shown, pd.DataFrame):
            for name in shown:
                [columns.formatted(name, cell) for cell in shown[name]]
        self.shown.append(title)

    def finding(self, found, *, headline=False):
        self.gone.append(found.text) if isinstance(found, NotAvailable) else self.found.append(found.key)

    def received(self, name):
        return self.segments

    def export(self, name, frame):
        if isinstance(frame, pd.DataFrame):
            assert list(frame) == ["customer_id", "satisfaction_fifth", "satisfaction_score"]


def cells() -> str:
    book = nbformat.read(KIT / "notebooks" / "3_needs.ipynb", as_version=4)
    ids = ["kano", "kano-by-segment", "satisfaction", "recommendation", "fifths", "drivers", "priorities", "survey-size"]
    return "\n".join(next(c.source for c in book.cells if c.id == i) for i in ids)


def test_the_notebook_shows_every_section_of_a_survey():
    rng = np.random.default_rng(12)
    n = 160
    names = [f"c{i:03}" for i in range(n)]
    halo = rng.normal(size=n)

    def rating(shift: float = 0.0) -> np.ndarray:
        return np.clip(np.rint(3.2 + shift + 0.6 * halo + rng.normal(0, 0.8, n)), 1, 5).astype(int)

    asked = {"satisfaction": rating(), "nps": np.clip(rating() * 2, 0, 10), "product": rng.choice(["Tea", "Cake"], n),
             "region": rng.choice(["North", "South"], n)}  # fmt: skip
    for j, feature in enumerate(("bread", "latte", "chairs")):
        asked[f"{feature}/functional"] = rng.choice(["like", "must-be", "neutral"], n)
        asked[f"{feature}/dysfunctional"] = rng.choice(["dislike", "neutral"], n)
        asked[f"{feature}/importance"] = rng.integers(1, 10, n)
        asked[f"{feature}/satisfaction"] = rating(-0.3 * j)
    survey = pd.concat(
        [pd.DataFrame({"response_id": names, "customer_id": names, "question_id": q, "answer": a}) for q, a in asked.items()]
    )
    orders = pd.DataFrame(
        {"order_id": names, "customer_id": names, "order_date": "2024-01-31", "order_amount": rng.integers(1, 99, n)}
    )
    segments = pd.DataFrame(
        {"customer_id": names, "value_tier": rng.choice(["High value", "Low value"], n), "lifecycle": "Mature"}
    )
    seen = Recorder(make_tables(orders=orders, survey=survey), segments)
    exec(cells(), {"needs": needs, "engagement": seen})
    assert seen.gone == []
    assert len(seen.shown) == 16
    assert len(seen.found) == len(set(seen.found)) == 7


def test_without_a_survey_every_section_says_one_thing():
    seen = Recorder(
        make_tables(orders=pd.concat([ORDERS, ORDERS.assign(order_id="2", customer_id="c2")])), NotAvailable((), "x", reason="y.")
    )
    exec(cells(), {"needs": needs, "engagement": seen})
    assert seen.found == ["needs.answers_needed"]
    assert len(set(seen.gone)) == 7
    assert all("the data has no survey" in text for text in seen.gone)
