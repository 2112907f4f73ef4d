"""What campaigns brought: experiments, uplift, targeted campaigns and the plan of the next test, against second computations."""

from __future__ import annotations

import importlib
import zipfile

import numpy as np
import pandas as pd
import pytest

from conftest import GROCERY, SHARED, make_tables
from fivestep import evaluation, language, matched
from fivestep.errors import UserError
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import holm
from fivestep.language import columns

# The functions of the same names stand before the modules in the package.
tried, planner, targeted, ranked = (
    importlib.import_module(f"fivestep.evaluation.{name}") for name in ("experiments", "next_test", "targeted_effect", "uplift")
)
EDGES = [("edge", "2023-06-01", 1.0), ("edge", "2024-04-30", 1.0)]


def orders(rows: list[tuple[str, str, float]]) -> pd.DataFrame:
    """Orders of (customer, day, amount)."""
    out = pd.DataFrame([*rows, *EDGES], columns=["customer_id", "order_date", "order_amount"])
    return out.assign(order_id=[str(i) for i in range(len(out))], order_date=out["order_date"] + " 12:00:00")


def campaign(randomised: bool, number: str = "1", start: str = "2024-02-01", end: str = "2024-02-28") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "campaign_id": [number],
            "campaign_name": ["Spring"],
            "start_date": [start],
            "end_date": [end],
            "randomised": [randomised],
        }
    )


@pytest.fixture(scope="module")
def young():
    """A randomised campaign that brings one order of 20 from every contacted customer under 30, and nothing from others; who buys
    before buys the same again while it runs."""
    random = np.random.default_rng(3)
    n = 600
    people = pd.DataFrame({"customer_id": [f"c{i:03d}" for i in range(n)]})
    people["age_band"] = np.where(random.random(n) < 0.5, "18-29", "30+")
    people["gender"] = random.choice(["f", "m"], n)
    treated = random.random(n) < 0.5
    usual = random.integers(0, 4, n)
    rows = []
    for person, band, contact, k in zip(people["customer_id"], people["age_band"], treated, usual, strict=True):
        rows += [(person, f"2024-01-{10 + i:02d}", 10.0) for i in range(k)]
        rows += [(person, f"2024-02-{5 + i:02d}", 10.0) for i in range(k if random.random() < 0.7 else 0)]
        rows += [(person, "2024-02-20", 20.0)] * int(contact and band == "18-29")
    drawn = people[["customer_id"]].assign(campaign_id="1", treated=treated)
    return make_tables(orders=orders(rows), customers=people, campaigns=campaign(True), exposures=drawn)


@pytest.fixture(scope="module")
def of_young(young) -> evaluation.Experiments:
    return evaluation.experiments(young)


def check_shown(result, *names: str) -> None:
    """Every exhibit can be written, every text is whole."""
    for name in names:
        value = getattr(result, name)()
        if isinstance(value, pd.DataFrame):
            for row in value.itertuples(index=False):
                assert all(isinstance(columns.formatted(c, v), str) for c, v in zip(value.columns, row, strict=True)), name
        elif isinstance(value, Finding):
            assert not [t for t in (value.text, value.evidence, value.so_what, *value.warnings, *value.assumptions) if "{" in t]
        elif isinstance(value, str):
            assert value, name
            assert "{" not in value, name
            assert "nan" not in value.split(), name


SHOWN = {
    "experiments": (
        *("checks", "checks_headline", "checks_note", "adjusted", "adjusted_headline", "adjusted_note", "looks"),
        *(
            "looks_headline",
            "looks_note",
            "groups",
            "groups_figure",
            "groups_headline",
            "groups_table_headline",
            "groups_note",
            "finding",
        ),
    ),
    "uplift": ("models", "fifths", "figure", "headline", "fifths_headline", "note", "models_note", "finding"),
    "next_test": ("plan", "needed", "headline", "needed_headline", "note", "finding"),
    "targeted_effect": ("shown", "headline", "note", "finding"),
}


# ---------------------------------------------------------------------------------------------------- randomised
def test_customers_of_an_experiment_are_counted_as_pandas_counts_them(young, of_young):
    raw = young.orders.to_pandas()
    day = raw["order_date"].dt.normalize()
    raw["amount"] = raw["order_amount"].astype(float)
    during = raw[(day >= "2024-02-01") & (day <= "2024-02-28")].groupby("customer_id")["amount"].agg(["sum", "size"])
    before = raw[(day >= "2024-01-04") & (day < "2024-02-01")].groupby("customer_id")["amount"].agg(["sum", "size"])
    found = of_young.customers.set_index("customer_id")
    assert len(found) == 600
    for name, expected in (("during", during["sum"]), ("orders", during["size"]), ("before", before["sum"]),
                           ("orders_before", before["size"])):  # fmt: skip
        assert found[name].tolist() == expected.reindex(found.index, fill_value=0).astype(float).tolist(), name


def test_cuped_takes_out_exactly_the_squared_correlation_and_leaves_the_mean():
    # Deng, Xu, Kohavi and Walker (2013): variance ratio = 1 - rho^2.
    random = np.random.default_rng(1)
    before = random.gamma(1.0, 50.0, 500)
    after = 0.6 * before + random.gamma(1.0, 30.0, 500)
    adjusted, share = tried.cuped(after, before)
    rho = np.corrcoef(after, before)[0, 1]
    assert share == pytest.approx(rho**2)
    assert adjusted.var() / after.var() == pytest.approx(1 - rho**2)
    assert adjusted.mean() == pytest.approx(after.mean())
    assert tried.cuped(after, np.zeros(500))[1] == 0.0


def test_the_adjusted_effect_is_the_coefficient_of_a_regression_without_the_arms_difference_before(of_young):
    people = of_young.of("1")
    row = of_young.adjusted().iloc[0]
    slope = np.polyfit(people["before"], people["during"], 1)[0]
    means = people.groupby("treated")[["before", "during"]].mean()
    plain = means.loc[True, "during"] - means.loc[False, "during"]
    assert row["lift_spend"] == pytest.approx(plain)
    assert row["lift_cuped"] == pytest.approx(plain - slope * (means.loc[True, "before"] - means.loc[False, "before"]))
    assert row["lift_cuped_high"] - row["lift_cuped_low"] < row["lift_spend_high"] - row["lift_spend_low"]


def test_a_campaign_that_lost_customers_of_one_arm_is_not_as_drawn(young):
    lost = young.exposures.to_pandas()
    lost = lost[~(lost["treated"] & lost["customer_id"].str.endswith(("1", "2", "3")))]
    orders_ = young.orders.to_pandas()[["order_id", "customer_id", "order_date", "order_amount"]]
    made = make_tables(orders=orders_, campaigns=campaign(True), exposures=lost)
    assert evaluation.experiments(made).checks()["planned_split"].round(2).tolist() == [
        0.33
    ]  # without a plan the nearest usual one
    made = evaluation.experiments(made, planned={"1": 0.5})
    row = made.checks().iloc[0]
    z = abs(row["contacted"] - row["control"]) / np.sqrt(len(lost))
    assert z > 3.4  # once in 1,500
    assert row["sample_ratio_verdict"] == tried.RATIO_OFF
    assert made.checks_headline() == "1 of 1 randomised campaigns did not reach the customers that chance drew"
    assert made.adjusted()["lift_cuped"].notna().all()


def test_a_planned_share_of_an_unknown_campaign_is_refused(young):
    with pytest.raises(UserError, match=r"contacted_shares: '9' is no randomised campaign .* campaigns are 1\."):
        evaluation.experiments(young, planned={"1": 0.5, "9": 0.5})


def test_whoever_looks_every_week_is_fooled_by_a_usual_interval_and_not_by_one_that_holds_at_every_look():
    random = np.random.default_rng(8)
    walks = random.normal(size=(2000, 20)).cumsum(axis=1)
    usual = safe = 0
    for walk in walks:
        usual += bool((np.abs(walk) > 1.96 * np.sqrt(np.arange(1, 21))).any())
        safe += any(low > 0 or high < 0 for low, high in (tried.always_valid(s, k, 20) for k, s in enumerate(walk, start=1)))
    assert usual / 2000 > 0.2
    assert safe / 2000 <= 0.05


def test_looks_add_up_to_the_whole_campaign(of_young):
    looks = of_young.looks()
    assert looks["look_date"].dt.strftime("%m-%d").tolist() == ["02-07", "02-14", "02-21", "02-28"]
    assert looks["lift_so_far"].iloc[-1] == pytest.approx(of_young.adjusted()["lift_cuped"].iloc[0])
    assert looks["look_verdict"].iloc[0] == tried.NOT_YET
    assert looks["look_verdict"].iloc[-1] == tried.SAFE_MORE
    assert of_young.looks_headline().startswith("Spring: the effect could be called on 21 Feb 2024")


def test_an_effect_with_the_young_is_found_with_the_young_only(of_young):
    groups = of_young.by_group().set_index(["effect_field", "effect_group"])
    ages = groups.loc["age_band"]
    assert ages.loc["18-29", "group_orders_low"] < 1 < ages.loc["18-29", "group_orders_high"]
    assert ages.loc["18-29", "group_orders_low"] > 0
    assert ages.loc["30+", "group_orders_low"] < 0 < ages.loc["30+", "group_orders_high"]
    assert (ages["differs_chance"] < 0.001).all()
    assert (groups.loc["gender", "differs_chance"] > 0.05).all()
    assert of_young.groups()["effect_field"].iloc[0] == "Age band"
    assert "lie between “18-29”" in of_young.groups_headline()
    assert "“18-29” first" in of_young.finding().so_what


def test_an_effect_by_group_is_that_of_plain_pandas_where_spend_before_says_nothing():
    random = np.random.default_rng(4)
    people = pd.DataFrame({"customer_id": [f"c{i:03d}" for i in range(400)], "gender": random.choice(["f", "m"], 400)})
    treated = random.random(400) < 0.5
    spent = random.integers(1, 50, 400)
    rows = [(c, "2024-02-10", float(s)) for c, s in zip(people["customer_id"], spent, strict=True) if s > 25]
    drawn = people[["customer_id"]].assign(campaign_id="1", treated=treated)
    made = evaluation.experiments(make_tables(orders=orders(rows), customers=people, campaigns=campaign(True), exposures=drawn))
    found = made.by_group()
    assert found["effect_field"].unique().tolist() == ["gender"]  # nobody spent before, so that is no division
    z = 2.2414027276049446  # of 1 - 0.05 / 2 / 2 groups
    for row in found.itertuples():
        of = (people["gender"] == row.effect_group).to_numpy()
        one, other = (np.where(spent > 25, spent, 0)[of & (treated == arm)] for arm in (True, False))
        error = np.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other))
        assert row.group_spend == pytest.approx(one.mean() - other.mean())
        assert (row.group_spend_low, row.group_spend_high) == pytest.approx(
            (row.group_spend - z * error, row.group_spend + z * error)
        )


def test_the_more_fields_are_tried_the_surer_each_has_to_be():
    # Holm (1979): the smallest of three times 3, the next times 2, never below one before.
    assert holm(pd.Series([0.01, 0.04, 0.03])).tolist() == pytest.approx([0.03, 0.06, 0.06])


def test_a_campaign_without_a_control_or_not_drawn_is_no_experiment(young):
    given = young.orders.to_pandas()[["order_id", "customer_id", "order_date", "order_amount"]]
    drawn = young.exposures.to_pandas()
    for made, exposed in ((campaign(False), drawn), (campaign(True), drawn[drawn["treated"]])):
        found = evaluation.experiments(make_tables(orders=given, campaigns=made, exposures=exposed))
        assert "no campaign is recorded as randomised" in found.text
        assert isinstance(evaluation.uplift(found), NotAvailable)


@pytest.fixture(scope="module")
def hillstrom():
    """The published randomised mailing: spend in the two weeks after it, the purchases of the year before as one order before."""
    path = SHARED / "data" / "hillstrom_email" / "mens_vs_no_email.csv.gz"
    if not path.exists():
        pytest.skip("the Hillstrom e-mail test is not here")
    data = pd.read_csv(path).reset_index(names="customer_id")
    data["customer_id"] = data["customer_id"].map("{:06d}".format)
    bought = data[data["spend"] > 0]
    rows = [*zip(data["customer_id"], ["2024-01-20"] * len(data), data["history"], strict=True)]
    rows += [*zip(bought["customer_id"], ["2024-02-05"] * len(bought), bought["spend"], strict=True)]
    drawn = pd.DataFrame({"campaign_id": "1", "customer_id": data["customer_id"], "treated": data["segment"] == "Mens E-Mail"})
    people = pd.DataFrame({"customer_id": data["customer_id"], "region": data["zip_code"]})
    return data, evaluation.experiments(
        make_tables(orders=orders(rows), customers=people, campaigns=campaign(True), exposures=drawn)
    )


def test_the_published_mailing_is_read_as_by_hand(hillstrom):
    data, found = hillstrom
    treated = data["segment"] == "Mens E-Mail"
    row = found.adjusted().iloc[0]
    assert row["lift_spend"] == pytest.approx(data.loc[treated, "spend"].mean() - data.loc[~treated, "spend"].mean())
    assert round(row["lift_spend"], 2) == 0.77
    assert row["variance_explained"] == pytest.approx(np.corrcoef(data["spend"], data["history"])[0, 1] ** 2, rel=1e-6)
    assert row["lift_cuped_low"] > 0
    assert found.checks()["sample_ratio_verdict"].tolist() == [tried.RATIO_FINE]
    assert found.checks()["arms_before_verdict"].tolist() == [tried.ALIKE]
    by_area = found.by_group().query("effect_field == 'region'").set_index("effect_group")
    assert len(by_area) == 3
    for area, part in data.groupby("zip_code"):
        arm = part["segment"] == "Mens E-Mail"
        plain = part.loc[arm, "spend"].mean() - part.loc[~arm, "spend"].mean()
        assert by_area.loc[area, "group_spend"] == pytest.approx(plain, abs=0.02)  # spend before says next to nothing here
        assert by_area.loc[area, "group_spend_low"] < plain < by_area.loc[area, "group_spend_high"]


# ---------------------------------------------------------------------------------------------------- uplift
def test_qini_and_auuc_are_those_of_the_reference_case_under_the_stated_definition():
    # scikit-uplift 0.5.1: qini_auc_score .66028, uplift_auc_score .57778.
    y, t = (np.array([int(c) for c in word]) for word in ("110100100100", "110101001010"))
    score = np.arange(12, 0, -1.0)
    assert ranked.qini(score, t, y) == pytest.approx(0.66028, abs=5e-6)
    assert ranked.auuc(score, t, y) == pytest.approx(0.57778, abs=5e-6)


def test_a_ranking_that_says_nothing_has_no_qini_and_a_perfect_one_has_one():
    y, t = (np.array([int(c) for c in word]) for word in ("110100100100", "110101001010"))
    assert ranked.qini(np.zeros(12), t, y) == pytest.approx(0)
    assert ranked.qini(y * t - y * (1.0 - t), t, y) == pytest.approx(1)
    assert ranked.auuc(np.zeros(12), t, y) == pytest.approx(0)


def test_the_bootstrap_interval_covers_the_qini_of_the_population(monkeypatch):
    monkeypatch.setattr(ranked, "DRAWS", 80)
    random = np.random.default_rng(6)
    moved = random.random(40_000)
    treated = random.random(40_000) < 0.5
    ordered = random.random(40_000) < 0.2 + 0.4 * moved * treated
    truth = ranked.qini(moved, treated, ordered)
    covered = 0
    for number in range(20):
        of = slice(1000 * number, 1000 * (number + 1))
        said = ranked._measured(moved[of], treated[of], ordered[of])
        covered += said["qini_low"] <= truth <= said["qini_high"]
    assert covered >= 17


def test_uplift_ranks_the_young_first(of_young, monkeypatch):
    monkeypatch.setattr(ranked, "LEAST", 250)
    monkeypatch.setattr(ranked, "DRAWS", 50)
    found = evaluation.uplift(of_young)
    assert len(found.table) == 2
    assert (found.table["qini_low"] > 0).all()
    young = of_young.customers.set_index("customer_id")["age_band"] == "18-29"
    for _name, scores in found.scores.groupby("uplift_model"):
        mean = scores.groupby(scores["customer_id"].map(young))["uplift"].mean()
        assert mean[True] > mean[False] + 0.2
    fifths = found.fifths()
    assert fifths[["contacted", "control"]].to_numpy().sum() == 600
    assert fifths["measured_uplift"].iloc[0] > fifths["measured_uplift"].iloc[-1]
    check_shown(found, *SHOWN["uplift"])


def test_small_experiments_are_not_modelled(of_young):
    assert "no randomised campaign has 300 contacted" in evaluation.uplift(of_young).text


# ---------------------------------------------------------------------------------------------------- the next test
def test_a_test_of_the_planned_size_has_the_planned_power():
    from scipy.stats import nct, t

    for contacted, control in ((500, 500), (1800, 200)):
        effect = planner.smallest_effect(120.0, contacted, control)
        freedom = contacted + control - 2
        shift = effect / (120.0 * np.sqrt(1 / contacted + 1 / control))
        limit = t.ppf(0.975, freedom)
        power = nct.sf(limit, freedom, shift) + nct.cdf(-limit, freedom, shift)
        assert power == pytest.approx(0.8, abs=0.002)


def test_the_plan_on_the_real_case_rests_on_what_pandas_counts(grocery):
    found = evaluation.next_test(grocery)
    raw = pd.read_parquet(GROCERY / "orders.parquet")
    ago = (pd.Timestamp("2017-12-31") - raw["order_date"].dt.normalize()).dt.days
    raw["amount"] = raw["order_amount"].astype(float)
    assert found.available == raw.loc[ago < 91, "customer_id"].nunique()
    for weeks, row in found.table[found.table["control_share"] == 0.5].set_index("test_weeks").iterrows():
        days = 7 * weeks
        drawn = raw.loc[(ago >= days) & (ago < days + 91), "customer_id"].unique()
        spent, before = (
            raw[window].groupby("customer_id")["amount"].sum().reindex(drawn, fill_value=0)
            for window in (ago < days, (ago >= days) & (ago < 2 * days))
        )
        assert row["mean_spend"] == pytest.approx(spent.mean())
        assert row["variance_explained"] == pytest.approx(spent.corr(before) ** 2)
        n = found.available
        expected = (1.959964 + 0.841621) * spent.std() * np.sqrt(1 / row["contacted"] + 1 / row["control"])
        assert row["contacted"] + row["control"] == n
        assert row["smallest_effect"] == pytest.approx(expected, rel=1e-5)
    needed = found.needed()
    assert (needed["customers_needed_cuped"] <= needed["customers_needed"]).all()
    check_shown(found, *SHOWN["next_test"])


def test_too_few_customers_or_weeks_plan_no_test():
    few = orders([(f"c{i}", "2024-04-01", 5.0) for i in range(20)])
    assert "fewer than 100 customers" in evaluation.next_test(make_tables(orders=few)).text
    short = pd.DataFrame(
        {"order_id": ["1", "2"], "customer_id": ["a", "b"], "order_date": ["2024-01-01", "2024-02-01"], "order_amount": [1, 1]}
    )
    assert "too few weeks" in evaluation.next_test(make_tables(orders=short)).text


# ---------------------------------------------------------------------------------------------------- targeted
def habits(people: list[str], amounts: list[float], random: np.random.Generator) -> list[tuple[str, str, float]]:
    """Spend of each customer in five periods of 28 days up to 28 February 2024."""
    starts = pd.date_range("2023-10-12", periods=5, freq="28D")
    rows = []
    for person in people:
        for start, amount in zip(starts, amounts, strict=True):
            rows.append(
                (person, f"{start + pd.Timedelta(days=int(random.integers(0, 28))):%Y-%m-%d}", amount + random.normal(0, 5))
            )
    return rows


def judged(contacted: list[float], others: list[float], *, more: pd.DataFrame | None = None) -> evaluation.TargetedEffect:
    random = np.random.default_rng(5)
    theirs, rest = [f"t{i:03d}" for i in range(150)], [f"u{i:03d}" for i in range(400)]
    rows = habits(theirs, contacted, random) + habits(rest, others, random)
    made = campaign(False, start="2024-02-01")
    exposed = pd.DataFrame({"campaign_id": "1", "customer_id": theirs, "treated": True})
    if more is not None:
        made = pd.concat([made, campaign(False, "2", "2024-01-10", "2024-01-20").assign(campaign_name="Other")])
        exposed = pd.concat([exposed, more])
    return evaluation.targeted_effect(make_tables(orders=orders(rows), campaigns=made, exposures=exposed))


def test_a_difference_beyond_anything_before_is_credited_with_care():
    found = judged([50, 50, 50, 50, 80], [50, 50, 50, 50, 50])
    row = found.table.iloc[0]
    assert row["targeted_verdict"] == matched.CREDITED
    assert row["gap"] == pytest.approx(30, abs=2)
    assert row["gap_low"] < 30 < row["gap_high"]
    assert row["gap_before_low"] < 0 < row["gap_before_high"]
    assert "chance" in found.finding().warnings[0]
    assert found.finding().confidence == "low"
    check_shown(found, *SHOWN["targeted_effect"])


def test_customers_who_were_growing_before_are_not_credited_to_the_campaign():
    found = judged([50, 50, 50, 60, 70], [50, 50, 50, 50, 50])
    assert found.table["targeted_verdict"].tolist() == [matched.REFUSED_GAP]
    assert found.headline() == "The targeted campaign cannot be credited with any spend"
    same = judged([50, 50, 50, 50, 50], [50, 50, 50, 50, 50])
    assert same.table["targeted_verdict"].tolist() == [matched.NO_EFFECT]


def test_customers_whom_nobody_resembles_or_whom_another_campaign_reached_are_refused():
    richer = judged([500, 500, 500, 500, 800], [50, 50, 50, 50, 50])
    assert richer.table["targeted_verdict"].isin([matched.REFUSED_BALANCE, matched.REFUSED_DATA]).all()
    also = pd.DataFrame({"campaign_id": "2", "customer_id": [f"t{i:03d}" for i in range(15)], "treated": True})
    both = judged([50, 50, 50, 50, 80], [50, 50, 50, 50, 50], more=also)
    verdicts = both.table.set_index("campaign_id")["targeted_verdict"]
    assert verdicts["1"] == matched.REFUSED_OTHERS
    assert verdicts["2"] == matched.REFUSED_DATA
    check_shown(both, *SHOWN["targeted_effect"])


def test_the_targeted_campaigns_of_the_real_case_are_credited_with_nothing(grocery):
    found = evaluation.targeted_effect(grocery)
    assert len(found.table) > 20
    assert (found.table["targeted_verdict"] != matched.CREDITED).all()
    assert found.headline().startswith("None of")
    check_shown(found, *SHOWN["targeted_effect"])


# ---------------------------------------------------------------------------------------------------- as a whole
def test_shuffled_rows_change_no_effect(young, of_young):
    random = np.random.default_rng(2)
    frames = {name: getattr(young, name).to_pandas() for name in ("orders", "customers", "campaigns", "exposures")}
    shuffled = {name: frame.iloc[random.permutation(len(frame))] for name, frame in frames.items()}
    other = evaluation.experiments(make_tables(**shuffled))
    for name in ("checks", "adjusted", "looks", "groups"):
        pd.testing.assert_frame_equal(getattr(of_young, name)(), getattr(other, name)(), check_exact=True)
    assert of_young.finding() == other.finding()


@pytest.mark.parametrize("code", ["en", "zh_CN"])
def test_everything_can_be_shown_in_both_languages(of_young, code):
    language.use(code, currency="CNY")
    check_shown(of_young, *SHOWN["experiments"])


def test_an_experiment_of_two_against_two_still_says_something_whole():
    drawn = pd.DataFrame({"campaign_id": "1", "customer_id": list("abcd"), "treated": [True, True, False, False]})
    made = make_tables(orders=orders([("a", "2024-02-02", 5.0)]), campaigns=campaign(True), exposures=drawn)
    found = evaluation.experiments(made)
    check_shown(found, *SHOWN["experiments"])
    assert isinstance(found.finding(), NotAvailable)


def test_a_published_campaign_without_a_control_has_its_response_and_no_lift():
    """Calls of a bank to all clients of a list: 4,640 of 41,188 subscribed (Moro, Cortez, Rita 2014), nobody was left out."""
    path = SHARED / "data" / "bank_marketing" / "bank-additional.zip"
    if not path.exists():
        pytest.skip("the calls of the bank are not here")
    with zipfile.ZipFile(path) as archive:
        name = next(n for n in archive.namelist() if n.endswith("bank-additional-full.csv") and "MACOSX" not in n)
        data = pd.read_csv(archive.open(name), sep=";", usecols=["y"])
    people = pd.DataFrame({
        "campaign_id": "1", "customer_id": [f"c{i:05}" for i in range(len(data))], "treated": True,
        "responded": data["y"] == "yes",
    })  # fmt: skip
    orders = pd.DataFrame({"order_id": ["1", "2"], "customer_id": ["c00000"] * 2, "order_date": ["2010-01-01", "2010-12-31"],
                           "order_amount": [1, 1]})  # fmt: skip
    campaigns = pd.DataFrame({"campaign_id": ["1"], "start_date": ["2010-06-01"], "end_date": ["2010-06-28"]})
    tables = make_tables(orders=orders, campaigns=campaigns, exposures=people)
    found = evaluation.campaign_response(tables)
    row = found.table.iloc[0]
    assert (row["responded"], row["contacted"]) == (4640, 41188)
    assert isinstance(found.lift_finding(), NotAvailable)
    assert "no lift may be claimed" in found.caution()
    assert evaluation.targeted_effect(tables).table["targeted_verdict"].str.startswith("Refused").all()
    assert isinstance(evaluation.experiments(tables), NotAvailable)
