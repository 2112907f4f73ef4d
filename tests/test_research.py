"""Surveys and research: profiles, factors, tests of versions, brands, habits, new products, competitors, ways of asking."""

from __future__ import annotations

import itertools
import math

import nbformat
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.decomposition import FactorAnalysis as SklearnFactors
from sklearn.linear_model import LinearRegression

from conftest import KIT, make_tables
from fivestep import needs
from fivestep.cases.research import CARE, PACE
from fivestep.errors import UserError
from fivestep.findings import NotAvailable
from fivestep.language import columns
from fivestep.needs.factor_analysis import bartlett, kmo, maximum_likelihood, parallel, promax, varimax
from fivestep.needs.survey import Declaration, Survey
from test_satisfaction import Recorder, is_known, is_sound

ORDERS = pd.DataFrame({"order_id": ["1"], "customer_id": ["c1"], "order_date": ["2024-12-31"], "order_amount": ["1"]})


def asked(columns: dict[str, object], n: int, customers: bool = True, **more) -> Survey:
    """A survey as it is after reading: answers by question id such as ``us/cold ~ warm/differential``."""
    names = [f"c{i:04}" for i in range(n)]
    table = pd.DataFrame({"response_id": [f"r{i:04}" for i in range(n)], "customer_id": names if customers else None})
    table["answered_at"], table["mode"] = pd.Timestamp("2024-06-01"), None
    for question, values in columns.items():
        subject, _slash, role = question.rpartition("/")
        table[[(subject, role)]] = pd.DataFrame({0: list(values)})
    scales = {"differential": (1, 7), "agreement": (1, 5), "expectation": (1, 5), "liking": (1, 9), "intent": (1, 5)}
    return Survey(table, Declaration(**more), scales | {"satisfaction": (1, 5)}, 0)


@pytest.fixture(scope="module")
def anything():
    survey = pd.DataFrame({"response_id": ["r"], "question_id": ["satisfaction"], "answer": ["5"], "customer_id": ["c1"]})
    return make_tables(orders=ORDERS, survey=survey)


@pytest.fixture(scope="module")
def image():
    """Two brands on eight pairs behind which lie two dimensions, as the simulated company has them; 300 respondents."""
    rng, n, out = np.random.default_rng(3), 300, {}
    for brand, means in (("us", (5.2, 4.0)), ("Rival", (4.2, 5.0))):
        first = rng.normal(size=n)
        for pairs, mean, factor in ((CARE, means[0], first), (PACE, means[1], 0.3 * first + 0.95 * rng.normal(size=n))):
            for pair in pairs:
                answer = mean + 1.3 * (0.8 * factor + 0.6 * rng.normal(size=n))
                out[f"{brand}/{pair}/differential"] = np.clip(np.rint(answer), 1, 7)
    odds = 0.8 * (out["us/unreliable ~ reliable/differential"] - out["Rival/unreliable ~ reliable/differential"])
    out["us/preference"] = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(float)
    return out


# ---------------------------------------------------------------- the profile and its factors
def test_the_profile_has_the_paired_differences_of_who_rated_both(anything, image):
    answers = dict(image)
    rival = answers["Rival/cold ~ warm/differential"].copy()
    rival[:100] = np.nan
    answers["Rival/cold ~ warm/differential"] = rival
    survey = asked(answers, 300)
    found = needs.semantic_profile(anything, survey)
    assert found.own == "us"
    assert found.declared
    row = found.gaps.set_index("pair").loc["cold ~ warm"]
    d = answers["us/cold ~ warm/differential"][100:] - rival[100:]
    assert (row["both"], row["gap"]) == (200, pytest.approx(d.mean()))
    assert row["p_value"] == pytest.approx(stats.ttest_1samp(d, 0).pvalue)
    assert (row["gap_low"], row["gap_high"]) == pytest.approx(stats.t.interval(0.95, 199, d.mean(), stats.sem(d)))
    ordered = found.gaps["p_value"].sort_values()
    by_hand = np.maximum.accumulate(ordered.to_numpy() * np.arange(len(ordered), 0, -1)).clip(max=1)
    assert found.gaps["p_holm"].reindex(ordered.index).tolist() == pytest.approx(by_hand.tolist())
    clear = found.gaps[found.gaps["clear"] == "Yes"]
    assert len(clear) == 8
    assert ((clear["gap"] > 0) == clear["pair"].isin(CARE)).all()
    is_sound(found)
    is_known(found.shown())
    assert found.figure().axes


def test_alike_objects_have_no_clear_difference_and_one_object_stands_alone(anything, image):
    answers = {q: v for q, v in image.items() if q.startswith("us/") and q.endswith("differential")}
    twin = {q.replace("us/", "Twin/"): v for q, v in answers.items()}
    found = needs.semantic_profile(anything, asked(answers | twin, 300))
    assert set(found.gaps["clear"]) == {"No"}
    assert set(found.gaps["p_value"]) == {1.0}
    assert "not clearly" in found.headline()
    alone = needs.semantic_profile(anything, asked(answers, 300))
    assert alone.gaps.empty
    is_sound(alone)
    is_known(alone.shown())
    other = {q.replace("us/", "Lark/"): v for q, v in answers.items()}
    assert not needs.semantic_profile(anything, asked(other, 300)).declared
    assert needs.semantic_profile(anything, asked(other | twin, 300, own_brand="Twin")).own == "Twin"
    assert isinstance(needs.semantic_profile(anything, asked({"satisfaction": np.ones(5)}, 5)), NotAvailable)


# Covariances of six tests of ability and intelligence of 112 people (Smith and Stanley 1983; Bartholomew and Knott 1999);
# loadings as the documentation of R's factanal prints them.
ABILITY = np.array([
    [24.641, 5.991, 33.520, 6.023, 20.755, 29.701], [5.991, 6.700, 18.137, 1.782, 4.936, 7.204],
    [33.520, 18.137, 149.831, 19.424, 31.430, 50.753], [6.023, 1.782, 19.424, 12.711, 4.757, 9.075],
    [20.755, 4.936, 31.430, 4.757, 52.604, 66.762], [29.701, 7.204, 50.753, 9.075, 66.762, 135.292],
])  # fmt: skip
CORRELATED = ABILITY / np.sqrt(np.outer(np.diag(ABILITY), np.diag(ABILITY)))


def test_loadings_of_the_ability_tests_are_the_published_ones():
    one, unique = maximum_likelihood(CORRELATED, 1)
    assert one[:, 0] == pytest.approx([0.682, 0.384, 0.502, 0.300, 0.877, 0.849], abs=0.001)
    assert unique == pytest.approx([0.535, 0.853, 0.748, 0.910, 0.232, 0.280], abs=0.001)
    two, unique = maximum_likelihood(CORRELATED, 2)
    assert unique == pytest.approx([0.455, 0.589, 0.218, 0.769, 0.052, 0.334], abs=0.001)
    turned = varimax(two)
    published = [[0.499, 0.543], [0.156, 0.622], [0.206, 0.860], [0.109, 0.468], [0.956, 0.182], [0.785, 0.225]]
    assert turned == pytest.approx(np.array(published), abs=0.004)
    oblique, together = promax(turned)
    for row, column, loading in (
        (0, 0, 0.364),
        (0, 1, 0.470),
        (1, 1, 0.671),
        (2, 1, 0.932),
        (3, 1, 0.508),
        (4, 0, 1.023),
        (5, 0, 0.811),
    ):
        assert oblique[row, column] == pytest.approx(loading, abs=0.003)
    assert oblique @ together @ oblique.T == pytest.approx(two @ two.T)  # a rotation changes no communality and no correlation
    assert varimax(two[:, :1]) == pytest.approx(two[:, :1])


def test_kmo_and_bartlett_follow_their_definitions():
    rng = np.random.default_rng(5)
    data = rng.normal(size=(80, 5)) + rng.normal(size=(80, 1))
    r = np.corrcoef(data, rowvar=False)
    partial = np.zeros((5, 5))
    for i, j in itertools.permutations(range(5), 2):
        others = data[:, [k for k in range(5) if k not in (i, j)]]
        left = [data[:, k] - LinearRegression().fit(others, data[:, k]).predict(others) for k in (i, j)]
        partial[i, j] = np.corrcoef(*left)[0, 1]
    off = ~np.eye(5, dtype=bool)
    overall, each = kmo(r)
    assert overall == pytest.approx((r[off] ** 2).sum() / ((r[off] ** 2).sum() + (partial[off] ** 2).sum()))
    shares = [(r[j, off[j]] ** 2).sum() / ((r[j, off[j]] ** 2).sum() + (partial[j, off[j]] ** 2).sum()) for j in range(5)]
    assert each.tolist() == pytest.approx(shares)
    chi, freedom, p = bartlett(r, 80)
    assert chi == pytest.approx(-(79 - 15 / 6) * np.log(np.linalg.det(r)))
    assert (freedom, p) == (10, pytest.approx(stats.chi2.sf(chi, 10)))
    assert parallel(np.eye(5), 80)[1][0] > 1 > parallel(np.eye(5), 80)[1][-1]


def test_two_dimensions_are_found_where_two_are_and_agree_with_a_second_program(anything, image):
    survey = asked(image, 300)
    found = needs.factor_analysis(anything, survey)
    assert found.factors == 2
    assert {frozenset(g) for _f, g in found.table.groupby("factor")["item"]} == {frozenset(CARE), frozenset(PACE)}
    data = np.column_stack([image[f"us/{item}/differential"] for item in found.varimax.index])
    other = SklearnFactors(2, tol=1e-8, max_iter=5000).fit(stats.zscore(data)).components_.T
    own = found.varimax.to_numpy()
    assert own @ own.T == pytest.approx(other @ other.T, abs=0.005)

    def spread(loadings: np.ndarray) -> float:
        return (loadings**2 / (loadings**2).sum(axis=1, keepdims=True)).var(axis=0).sum()

    for angle in (-0.05, 0.05):  # varimax is where the squared loadings differ most
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        assert spread(own @ turn) < spread(own)
    assert found.oblique
    assert abs(found.correlations[0, 1]) == pytest.approx(0.3, abs=0.15)
    is_sound(found)
    is_known(found.shown())
    assert found.figure().axes


def test_ratings_without_anything_in_common_or_too_few_have_no_factors(anything):
    rng = np.random.default_rng(8)
    alone = {f"us/a{i} ~ b{i}/differential": rng.integers(1, 8, 200) for i in range(6)}
    assert "too little in common" in needs.factor_analysis(anything, asked(alone, 200)).text
    assert "fewer than 50" in needs.factor_analysis(anything, asked({q: v[:40] for q, v in alone.items()}, 40)).text
    same = dict.fromkeys(alone, alone["us/a0 ~ b0/differential"])
    assert "follow wholly" in needs.factor_analysis(anything, asked(same, 200)).text
    halo = rng.normal(size=200)
    statements = {f"s{i}/agreement": np.clip(np.rint(3 + halo + 0.7 * rng.normal(size=200)), 1, 5) for i in range(5)}
    found = needs.factor_analysis(anything, asked(statements, 200))
    assert (found.factors, found.kind) == (1, "statements")
    is_sound(found)


# ---------------------------------------------------------------- tests of versions
def test_designs_are_told_by_who_saw_what_and_tested_as_published(anything):
    rng, n = np.random.default_rng(2), 120
    half = np.arange(n) < n // 2
    paper, bamboo = (
        np.where(h, np.clip(np.rint(m + rng.normal(0, 1.2, n)), 1, 9), np.nan) for h, m in ((half, 5.5), (~half, 7.0))
    )
    old, new = (np.clip(np.rint(6 + rng.normal(0, 1, n)), 1, 9) for _i in range(2))
    yes, no = (np.where(h, (rng.random(n) < p).astype(float), np.nan) for h, p in ((half, 0.2), (~half, 0.6)))
    # 40 responded to the first copy only, 15 to the second only: McNemar's exact test.
    first = np.repeat([1.0, 0.0, 1.0, 0.0], [40, 15, 30, 35])
    second = np.repeat([0.0, 1.0, 1.0, 0.0], [40, 15, 30, 35])
    survey = asked({
        "cup/paper/liking": paper, "cup/bamboo/liking": bamboo, "label/old/liking": old, "label/new/liking": new,
        "poster/price/response": yes, "poster/taste/response": no, "copy/a/response": first, "copy/b/response": second,
    }, n)  # fmt: skip
    found = needs.product_tests(anything, survey)
    t = found.table.set_index("test")
    assert t["design"].to_dict() == {"cup": "Monadic", "label": "Paired", "poster": "A/B", "copy": "Paired"}
    a, b = bamboo[~half], paper[half]
    ranks = stats.mannwhitneyu(a, b, method="asymptotic").pvalue
    assert t.loc["cup", "p_value"] == pytest.approx(max(stats.ttest_ind(a, b, equal_var=False).pvalue, ranks))
    assert t.loc["cup", "version"] == "bamboo"
    welch = stats.ttest_ind(a, b, equal_var=False).confidence_interval()
    assert (t.loc["cup", "difference_low"], t.loc["cup", "difference_high"]) == pytest.approx((welch.low, welch.high))
    d = old - new
    both = max(stats.ttest_1samp(d, 0).pvalue, stats.wilcoxon(d, method="asymptotic").pvalue)
    assert t.loc["label", "p_value"] == pytest.approx(both)
    assert t.loc["label", "clear"] == "No"
    assert t.loc["copy", "p_value"] == pytest.approx(stats.binomtest(40, 55).pvalue)
    p, q = 41 / 122, 16 / 122
    half_width = 1.959964 * math.sqrt((p + q - (p - q) ** 2) / 122)
    assert t.loc["copy", "difference_low"] == pytest.approx(p - q - half_width, abs=1e-6)
    assert (t.loc["poster", "version"], t.loc["poster", "clear"]) == ("taste", "Yes")
    is_sound(found)
    is_known(found.shown())
    assert found.figure().axes


def test_versions_that_all_rate_alike_and_tests_of_one_version_break_nothing(anything):
    flat = asked({"cup/a/liking": np.full(30, 5.0), "cup/b/liking": np.full(30, 5.0), "x/only/liking": np.ones(30)}, 30)
    found = needs.product_tests(anything, flat)
    assert found.table[["test", "p_value", "clear"]].values.tolist() == [["cup", 1.0, "No"]]
    is_sound(found)
    assert found.figure().axes
    apart = asked({"cup/a/liking": np.full(30, 5.0), "cup/b/liking": np.full(30, 6.0)}, 30)
    assert needs.product_tests(anything, apart).table["version"].tolist() == ["b"]
    assert isinstance(needs.product_tests(anything, asked({"x/only/liking": np.ones(30)}, 30)), NotAvailable)


@pytest.mark.parametrize(
    ("found", "published"),
    [
        (needs.size_of_two_shares(0.65, 0.55), 376),  # Fleiss, Levin and Paik (2003), table A.4 less the continuity correction
        (needs.size_of_two_means(0.5, 1.0), 64),  # Cohen (1988), table 2.4.1: d 0.5, two-sided 5 %, power 80 %
        (needs.size_of_two_means(0.8, 1.0), 26),
        (needs.size_of_paired_means(0.5, 1.0), 34),  # the same for one sample
    ],
)
def test_sizes_of_tests_are_those_of_the_printed_tables(found, published):
    assert found == published


def test_a_test_of_the_computed_size_finds_the_difference_in_four_of_five_trials():
    rng = np.random.default_rng(4)
    n = needs.size_of_paired_shares(0.2, 0.1)
    drawn = rng.multinomial(n, [0.2, 0.1, 0.7], size=4000)
    b, c = drawn[:, 0], drawn[:, 1]
    assert (((b - c) ** 2 / (b + c)) > stats.chi2.ppf(0.95, 1)).mean() == pytest.approx(0.8, abs=0.03)
    for wrong in ((needs.size_of_two_shares, 0.5, 0.5), (needs.size_of_two_means, 0, 1), (needs.size_of_paired_shares, 0.1, 0.1)):
        with pytest.raises(ValueError, match="differ"):
            wrong[0](*wrong[1:])
    with pytest.raises(ValueError, match="deviation"):
        needs.size_of_paired_means(1, 0)


def test_what_is_awaited_most_comes_first(anything):
    survey = asked({"box/expectation": [5] * 8 + [3] * 12, "game/expectation": [2] * 20,
                    "rare/expectation": [5] * 3 + [np.nan] * 17,
                    "box/intent": [4] * 5 + [1] * 15}, 20)  # fmt: skip
    found = needs.expectations(anything, survey)
    assert found.table["novelty"].tolist() == ["box", "game"]
    row = found.table.iloc[0]
    shares = np.array([100.0] * 8 + [50.0] * 12)
    assert row["expectation"] == pytest.approx(shares.mean())
    assert row["expectation_low"] == pytest.approx(stats.t.interval(0.95, 19, shares.mean(), stats.sem(shares))[0])
    assert (row["awaiting"], row["intent"]) == (0.4, 0.25)
    is_sound(found)
    is_known(found.shown())
    assert found.figure().axes


# ---------------------------------------------------------------- brands, habits
def test_a_funnel_counts_stages_and_what_each_keeps(anything):
    survey = asked({"us/awareness": [1] * 20, "us/consideration": [1] * 15 + [0] * 5, "us/preference": [1] * 6 + [0] * 14,
                    "Rival/awareness": [1] * 8 + [0] * 12, "Rival/preference": [0] * 14 + [1] * 6}, 20)  # fmt: skip
    found = needs.brand_funnel(anything, survey)
    t = found.table.set_index(["brand", "stage"])
    assert found.own == "us"
    assert t.loc[("us", "preference"), ["share", "carried"]].tolist() == [0.3, 0.4]
    assert t.loc[("Rival", "preference"), "carried"] == 0
    assert (t.loc[("Rival", "awareness"), "low"], t.loc[("Rival", "awareness"), "high"]) == pytest.approx(
        stats.binomtest(8, 20).proportion_ci(method="wilson")
    )
    assert "Consider it" in found.headline()
    kept = needs.brand_funnel(anything, asked({"us/awareness": [1] * 20, "us/preference": [1] * 20}, 20))
    assert kept.headline() == "us: nobody is lost from stage to stage"
    assert found.waves.empty
    is_sound(found)
    is_known(found.shown())
    assert found.figure().axes


def test_a_change_between_waves_needs_more_than_chance(anything):
    n = 100
    wave = np.where(np.arange(n) < 50, "2024-01-10", "2024-07-10")
    survey = asked({"us/awareness": np.ones(n), "Rival/awareness": [1] * 10 + [0] * 40 + [1] * 40 + [0] * 10,
                    "Far/awareness": [1] * 20 + [0] * 30 + [1] * 25 + [0] * 25}, n)  # fmt: skip
    survey.table["answered_at"] = pd.to_datetime(wave)
    found = needs.brand_funnel(anything, survey)
    assert found.moved()[["brand", "change"]].values.tolist() == [["Rival", pytest.approx(0.6)]]
    by_hand = stats.fisher_exact([[40, 10], [10, 40]])[1]
    assert found.waves.set_index("brand")["p_value"].dropna()["Rival"] == pytest.approx(by_hand)
    is_known(found.shown())
    is_sound(found)


def test_the_choice_hangs_on_the_image_that_was_made_to_decide(anything, image):
    survey = asked(image, 300)
    rng = np.random.default_rng(6)
    tiers = pd.DataFrame({"customer_id": survey.table["customer_id"], "value_tier": rng.choice(["High value", "Low value"], 300)})
    found = needs.brand_choice(anything, survey, tiers)
    assert (found.table["pair"].iloc[0], found.rival, found.answers) == ("unreliable ~ reliable", "Rival", 300)
    assert found.table["lmg"].sum() == pytest.approx(1)
    gap = image["us/unreliable ~ reliable/differential"] - image["Rival/unreliable ~ reliable/differential"]
    assert found.table["correlation"].iloc[0] == pytest.approx(np.corrcoef(gap, image["us/preference"])[0, 1])
    first = found.segments[found.segments["pair"] == "unreliable ~ reliable"].set_index("segment")
    inside = (tiers["value_tier"] == "High value").to_numpy()
    assert first.loc["High value", "correlation"] == pytest.approx(np.corrcoef(gap[inside], image["us/preference"][inside])[0, 1])
    assert min(found.differs.values()) > 0.05  # the tiers were drawn by chance
    is_sound(found)
    assert found.figure().axes
    assert found.by_segment().axes


def test_a_segment_that_chooses_by_another_thing_is_found(anything, image):
    answers = dict(image)
    high = np.arange(300) < 150
    other = answers["us/slow ~ quick/differential"] - answers["Rival/slow ~ quick/differential"]
    answers["us/preference"] = np.where(high, other > -1, answers["us/preference"]).astype(float)
    survey = asked(answers, 300)
    tiers = pd.DataFrame({"customer_id": survey.table["customer_id"], "value_tier": np.where(high, "High value", "Low value")})
    found = needs.brand_choice(anything, survey, tiers)
    assert found.differs["slow ~ quick"] < 0.001
    assert "slow – quick" in found.segment_headline()


def test_habits_are_counted_and_attitudes_compared_between_tiers(anything):
    n = 60
    survey = asked({"where/habit": ["home"] * 40 + ["work"] * 20, "price decides/agreement": [5] * 30 + [1] * 30,
                    "new/agreement": [3, 4, 5] * 20}, n)  # fmt: skip
    tiers = pd.DataFrame({"customer_id": survey.table["customer_id"], "value_tier": np.repeat(["High value", "Low value"], 30)})
    found = needs.usage(anything, survey, tiers)
    assert found.habits[["habit_answer", "share"]].values.tolist() == [["home", 2 / 3], ["work", 1 / 3]]
    t = found.attitudes.set_index("statement")
    assert t["differs"].to_dict() == {"new": "No", "price decides": "Yes"}
    assert (t.loc["price decides", "highest_tier"], t.loc["price decides", "highest_mean"]) == ("High value", 1)
    assert t.loc["new", "agree"] == pytest.approx(2 / 3)
    is_sound(found)
    is_known(found.habits_shown())
    is_known(found.attitudes_shown())


# ---------------------------------------------------------------- new products
def lines_of(launch_day: int, days: int = 300, customers: int = 60) -> pd.DataFrame:
    """Everybody buys tea every fifth day; customer i buys the new one first on the day launch_day + i, then every tenth day."""
    start, rows = pd.Timestamp("2024-01-01"), []
    for i in range(customers):
        for day in range(i % 5, days, 5):
            rows.append((f"c{i:03}", "tea", day))
            if i < 40 and day >= launch_day + i and day % 2 == i % 2:
                rows.append((f"c{i:03}", "new", day))
    out = pd.DataFrame(rows, columns=["customer_id", "product_id", "day"])
    out["order_date"] = start + pd.to_timedelta(out.pop("day"), unit="D")
    out["order_id"] = out["customer_id"] + out["order_date"].dt.strftime("%m%d")
    return out.assign(line_id=out.groupby("order_id").cumcount().astype(str), line_amount="1", quantity=1)


def test_a_launch_is_found_and_its_adopters_stand_in_the_order_in_which_they_bought():
    lines = lines_of(100)
    found = needs.new_products(make_tables(order_lines=lines))
    assert found.launches["product_id"].tolist() == ["new"]
    first = lines[lines["product_id"] == "new"].groupby("customer_id")["order_date"].min()
    row = found.launches.iloc[0]
    assert (row["eligible"], row["buyers"], row["share"]) == (60, 40, 40 / 60)
    assert row["launched"] == first.min()
    again = lines[lines["product_id"] == "new"].groupby("customer_id")["order_date"].nunique() > 1
    assert row["again"] == pytest.approx(again.mean())
    t = found.table.set_index("customer_id")
    before = first.apply(lambda day: (first < day).sum())
    assert t.loc[first.index, "acceptance"].tolist() == pytest.approx((1 - before / 60).tolist())
    assert set(t.loc[[f"c{i:03}" for i in range(40, 60)], "adopter_class"]) == {"Not bought yet"}
    counts = found.groups.set_index("adopter_class")["customers"]
    assert counts["Not bought yet"] == 20
    assert counts.drop("Not bought yet").sum() == 40
    assert counts["Innovators"] + counts["Early adopters"] <= math.ceil(0.16 * 60) + 1
    week = (first - first.min()).dt.days < 14
    assert found.curve.loc[2, "new"] == pytest.approx(week.sum() / 60)
    is_sound(found)
    is_known(found.shown())
    is_known(found.adopters())
    assert found.figure().axes
    assert set(found.innovators()["adopter_class"]) <= {"Innovators", "Early adopters"}


def test_what_was_there_from_the_beginning_or_has_a_season_is_not_new():
    lines = lines_of(0)
    assert isinstance(needs.new_products(make_tables(order_lines=lines)), NotAvailable)
    season = lines_of(100)
    gone = (season["product_id"] == "new") & (season["order_date"] > "2024-06-30")
    assert isinstance(needs.new_products(make_tables(order_lines=season[~gone])), NotAvailable)


def test_complaints_and_scores_of_a_launch_stand_beside_those_of_the_rest():
    lines = lines_of(100)
    feedback = pd.DataFrame({
        "feedback_id": [str(i) for i in range(6)], "customer_id": [f"c{i:03}" for i in range(6)], "created_at": "2024-09-01",
        "feedback_type": ["complaint", "complaint", "review", "review", "complaint", "review"],
        "product_id": ["new", "new", "new", "tea", "tea", "tea"], "satisfaction": [1, 2, 3, 5, 1, 5],
    })  # fmt: skip
    row = needs.new_products(make_tables(order_lines=lines, feedback=feedback)).launches.iloc[0]
    since = lines[lines["order_date"] >= row["launched"]]
    assert row["complaint_rate"] == pytest.approx(2000 / (since["product_id"] == "new").sum())
    assert row["other_rate"] == pytest.approx(1000 / (since["product_id"] == "tea").sum())
    assert (row["score"], row["other_score"]) == pytest.approx((0.25, (1 + 0 + 1) / 3))


def test_opinions_by_product_come_from_feedback_even_where_a_survey_asks():
    rng = np.random.default_rng(3)
    products = np.repeat(["tea", "cake"], 30)
    scores = np.where(products == "tea", rng.integers(4, 6, 60), rng.integers(1, 3, 60))
    feedback = pd.DataFrame({
        "feedback_id": [f"{i:02}" for i in range(60)], "customer_id": [f"c{i}" for i in range(60)], "created_at": "2024-06-01",
        "feedback_type": "review", "product_id": products, "satisfaction": scores,
    })  # fmt: skip
    survey = pd.DataFrame({"response_id": ["r"], "question_id": ["satisfaction"], "answer": ["5"], "customer_id": ["c1"]})
    found = needs.product_opinions(make_tables(orders=ORDERS, feedback=feedback, survey=survey))
    t = found.products.set_index("product")
    assert t.index.tolist() == ["cake", "tea"]
    assert t["score_mean"].tolist() == pytest.approx([scores[30:].mean(), scores[:30].mean()])
    assert t.loc["cake", "against_rest"] == "Below the rest"
    assert "cake" in found.product_headline()
    assert isinstance(needs.product_opinions(make_tables(orders=ORDERS)), NotAvailable)


# ---------------------------------------------------------------- competitors, feedback, modes
def test_competitors_are_counted_in_deals_texts_visits_and_the_survey(tmp_path):
    n = 200
    customers = pd.DataFrame({"customer_id": [f"c{i:03}" for i in range(n)], "region": ["North"] * 40 + ["South"] * 160})
    deals = pd.DataFrame({
        "opportunity_id": list("abcdef"), "created_at": "2024-01-01", "status": ["lost", "lost", "lost", "won", "Lost", "open"],
        "competitor": ["Kettle", "Kettle", "Roast", None, None, "Kettle"], "lost_reason": [None, None, None, None, "price", None],
        "amount": ["10", "20", "5", "1", "1", "99"],
    })  # fmt: skip
    feedback = pd.DataFrame({
        "feedback_id": [f"f{i}" for i in range(12)], "customer_id": [f"c{i:03}" for i in range(12)], "feedback_type": "complaint",
        "created_at": ["2024-12-01"] * 8 + ["2024-05-01"] * 4, "text": ["KETTLE is cheaper"] * 10 + ["nothing", None],
    })  # fmt: skip
    needs.write_need_forms(tmp_path)
    with (tmp_path / "competitors.csv").open("a", encoding="utf-8") as file:
        file.write("lower price,seen at Kettle,,,,,,,Kettle,tea,3\n")
    tables = make_tables(orders=ORDERS, customers=customers, opportunities=deals, feedback=feedback)
    survey = asked(
        {"us/awareness": np.ones(20), "Kettle/awareness": [1] * 15 + [0] * 5, "Kettle/preference": [1] * 5 + [0] * 15}, 20
    )
    found = needs.competitors(tables, survey, tmp_path)
    top = found.table.iloc[0]
    assert top[["competitor", "lost", "lost_share", "amount"]].tolist() == ["Kettle", 2, 0.5, 30]
    assert top[["mentions", "mentions_last", "mentions_before", "region"]].tolist() == [10, 8, 2, "North"]
    assert top[["visits", "known", "preferred"]].tolist() == [1, 0.75, 0.25]
    assert found.table["competitor"].tolist() == ["Kettle", "Roast"]
    assert found.months["Kettle"].sum() == 10
    is_sound(found)
    is_known(found.shown())
    assert found.figure().axes
    quiet = needs.competitors(make_tables(orders=ORDERS), NotAvailable(("survey",), "x"), tmp_path / "none")
    assert "the data has no" in quiet.text
    bare = needs.competitors(make_tables(orders=ORDERS, opportunities=deals), NotAvailable(("survey",), "x"), tmp_path / "none")
    is_sound(bare)
    assert bare.figure().axes


@pytest.fixture(scope="module")
def scored():
    """Feedback whose score hangs on what it is about and on nothing else."""
    rng, n = np.random.default_rng(9), 300
    cause = rng.choice(["slow service", "stale", "price"], n)
    score = np.clip(np.rint(2 + 2 * (cause == "price") + rng.normal(0, 0.6, n)), 1, 5)
    return pd.DataFrame({
        "feedback_id": [f"f{i:03}" for i in range(n)], "customer_id": [f"c{i % 120:03}" for i in range(n)],
        "feedback_type": "complaint", "cause": cause, "region": rng.choice(["North", "South", "East"], n),
        "department": rng.choice(["Shop", "Web"], n), "created_at": "2024-06-01 10:00:00",
        "responded_at": rng.choice(["2024-06-01 11:00:00", "2024-06-05 11:00:00"], n), "satisfaction": score,
    })  # fmt: skip


def test_what_feedback_depends_on_agrees_with_regressions_in_every_order(scored):
    found = needs.feedback_drivers(make_tables(orders=ORDERS, feedback=scored))
    frames = {
        "What it is about": pd.get_dummies(scored["cause"]), "Region": pd.get_dummies(scored["region"]),
        "Department in charge": pd.get_dummies(scored["department"]),
        "Wait for the first answer": pd.get_dummies(scored["responded_at"]),
    }  # fmt: skip
    y = scored["satisfaction"].to_numpy()

    def r2(names: tuple[str, ...]) -> float:
        x = pd.concat([frames[f].iloc[:, 1:] for f in names], axis=1).to_numpy(dtype=float) if names else np.zeros((len(y), 1))
        return LinearRegression().fit(x, y).score(x, y)

    gains = dict.fromkeys(frames, 0.0)
    orders = list(itertools.permutations(frames))
    for order in orders:
        for k, name in enumerate(order):
            gains[name] += (r2(order[: k + 1]) - r2(order[:k])) / len(orders)
    t = found.table.set_index("factor")
    assert set(t.index) == set(frames)
    assert found.r2 == pytest.approx(r2(tuple(frames)))
    for name, gain in gains.items():
        assert t.loc[name, "lmg"] == pytest.approx(gain / found.r2)
    rest = tuple(f for f in frames if f != "Region")
    free = len(y) - 1 - sum(f.shape[1] - 1 for f in frames.values())
    f = (found.r2 - r2(rest)) / 2 / ((1 - found.r2) / free)
    assert t.loc["Region", "p_value"] == pytest.approx(stats.f.sf(f, 2, free))
    assert t["clear"].to_dict() == {f: "Yes" if f == "What it is about" else "No" for f in frames}
    assert found.levels["level"].iloc[0] in ("slow service", "stale")
    is_sound(found)
    is_known(found.shown())
    assert found.figure().axes


def test_scores_that_nothing_tells_apart_are_refused(scored):
    few = make_tables(orders=ORDERS, feedback=scored.head(20))
    assert "fewer than 50" in needs.feedback_drivers(few).text
    alike = scored.assign(satisfaction=3)
    assert isinstance(needs.feedback_drivers(make_tables(orders=ORDERS, feedback=alike)), NotAvailable)
    bare = scored[["feedback_id", "customer_id", "created_at", "satisfaction"]]
    assert "does not differ" in needs.feedback_drivers(make_tables(orders=ORDERS, feedback=bare)).text


def test_pain_is_counted_in_four_sources_each_with_its_own_base():
    feedback = pd.DataFrame({
        "feedback_id": [str(i) for i in range(36)], "customer_id": "c1", "created_at": "2024-06-01",
        "feedback_type": ["complaint"] * 12 + ["inquiry"] * 10 + ["review"] * 14,
        "cause": ["slow service"] * 9 + ["leaking bottle"] * 3 + [None] * 24,
        "satisfaction": [1] * 12 + [None] * 10 + [1] * 11 + [5] * 3,
        "text": [None] * 12 + ["Where is the website?"] * 4 + ["Hello"] * 6 + ["The staff was slow"] * 11 + ["Slow but fine"] * 3,
    })  # fmt: skip
    calls = pd.DataFrame({"interaction_id": ["a", "b"], "customer_id": "c1", "occurred_at": "2024-06-01",
                          "direction": ["Inbound", "outbound"],
                          "content": ["the app is confusing", "the app is confusing"]})  # fmt: skip
    survey = asked(
        {"staff/satisfaction": [1] * 9 + [5] * 6, "taste/satisfaction": [5] * 13 + [2] * 2, "music/satisfaction": [1] * 15}, 15
    )
    found = needs.pain_sources(make_tables(orders=ORDERS, feedback=feedback, interactions=calls), survey)
    t = found.table.set_index(["pain_source", "pain_class"])
    assert t.loc[("Complaints", "Poor service"), ["pieces", "pieces_of"]].tolist() == [9, 12]
    assert t.loc[("Tickets", "Confusing information"), ["pieces", "pieces_of"]].tolist() == [5, 11]
    assert t.loc[("Bad reviews", "Poor service"), ["pieces", "pieces_of"]].tolist() == [11, 11]
    assert t.loc[("Survey", "Poor service"), ["pieces", "pieces_of"]].tolist() == [9, 15]
    assert t.loc[("Survey", "Product defect"), "pieces"] == 2
    assert found.unplaced == ("music",)
    assert found.finding().value == 3
    is_sound(found)
    assert found.figure().axes
    nothing = needs.pain_sources(make_tables(orders=ORDERS), NotAvailable(("survey",), "x"))
    assert isinstance(nothing, NotAvailable)


def test_ways_of_asking_are_named_alike_in_every_language_and_a_moved_question_is_found(anything):
    n = 80
    rng = np.random.default_rng(7)
    mode = np.repeat(["web", "电话", "Phone", None], [40, 20, 10, 10])
    moved = np.clip(np.rint(3 + 1.5 * np.isin(mode, ["电话", "Phone"]) + rng.normal(0, 0.7, n)), 1, 5)
    survey = asked({"a/agreement": moved, "b/agreement": rng.integers(1, 6, n)}, n)
    survey.table["mode"] = mode
    survey.table.loc[:19, [("b", "agreement")]] = np.nan
    found = needs.survey_modes(anything, survey)
    t = found.table.set_index("mode")
    assert t["questionnaires"].to_dict() == {"Web": 40, "Phone": 30, "Not known": 10}
    assert t.loc["Web", "answered"] == pytest.approx(0.75)
    assert (found.compared, found.moved) == (2, ("a",))
    is_sound(found)
    is_known(found.shown())
    assert found.figure().axes
    assert isinstance(needs.survey_modes(anything, asked({"a/agreement": np.ones(5)}, 5)), NotAvailable)


# ---------------------------------------------------------------- questionnaires
@pytest.mark.parametrize("code", ["en", "zh_CN", "zh_TW"])
@pytest.mark.parametrize("block", ["profile", "test", "expectation", "brand", "habit", "attitude"])
def test_a_research_questionnaire_imports_back_without_a_mapping(tmp_path, code, block):
    form = needs.form(code, block=block)
    path = needs.write_form(tmp_path / "form.csv", language=code, block=block)
    rng = np.random.default_rng(1)
    rows = [[f"r{i}", f"c{i}", "2024-01-02", form["answers"][3][1],
             *(rng.choice(a) if a else "home" for a in form["answers"][4:])] for i in range(60)]  # fmt: skip
    with path.open("a", encoding="utf-8") as file:
        pd.DataFrame(rows).to_csv(file, header=False, index=False)
    tables = make_tables(orders=ORDERS, survey=needs.read_form(path))
    survey = needs.survey(tables)
    assert survey.ignored == 0
    assert len([c for c in survey.table.columns if isinstance(c, tuple)]) == len(form) - 4
    tiers = pd.DataFrame({"customer_id": [f"c{i}" for i in range(60)], "value_tier": "High value"})
    result = {
        "profile": lambda: needs.semantic_profile(tables, survey), "test": lambda: needs.product_tests(tables, survey),
        "expectation": lambda: needs.expectations(tables, survey), "brand": lambda: needs.brand_funnel(tables, survey),
        "habit": lambda: needs.usage(tables, survey, tiers), "attitude": lambda: needs.usage(tables, survey, tiers),
    }[block]()  # fmt: skip
    is_sound(result)
    if block in ("profile", "brand"):
        assert result.declared
    assert needs.survey_modes(tables, survey).table["mode"].tolist() == ["Phone"]


def test_yes_and_no_are_read_in_words_and_numbers_and_other_answers_are_named():
    rows = [("a", "Yes", None), ("b", "否", None), ("c", "1", 1), ("d", "", 0), ("e", "不知道", None)]
    survey = pd.DataFrame(rows, columns=["response_id", "answer", "score"]).assign(question_id="Lark/awareness")
    read = needs.survey(make_tables(orders=ORDERS, survey=survey)).table.set_index("response_id")[("Lark", "awareness")]
    assert read.to_dict() == {"a": 1, "b": 0, "c": 1, "d": 0, "e": 0}
    with pytest.raises(UserError, match="the answer 'perhaps'"):
        needs.survey(make_tables(orders=ORDERS, survey=survey.assign(answer="perhaps")))


# ---------------------------------------------------------------- the notebook
CELLS = ["pain-sources", "feedback-drivers", "profile", "tests", "brands", "usage", "new-products", "competitors", "modes"]


class Exporting(Recorder):
    def export(self, name, frame):
        if isinstance(frame, pd.DataFrame):
            for column in frame:
                assert columns.column(column) or column == "customer_id"


def run(tables, segments) -> Exporting:
    book = nbformat.read(KIT / "notebooks" / "3_needs.ipynb", as_version=4)
    seen = Exporting(tables, segments)
    survey = needs.survey(tables)
    exec(
        "\n".join(next(c.source for c in book.cells if c.id == i) for i in CELLS),
        {"needs": needs, "engagement": seen, "survey": survey},
    )
    return seen


def test_without_surveys_and_feedback_every_section_is_one_line():
    orders = pd.concat([ORDERS, ORDERS.assign(order_id="2", customer_id="c2")])
    seen = run(make_tables(orders=orders), pd.DataFrame({"customer_id": ["c1"], "value_tier": ["High value"]}))
    assert (seen.shown, seen.found) == ([], [])
    assert len(set(seen.gone)) == 13
