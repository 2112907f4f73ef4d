"""Profit, loyalty, relations, groups by habit, divisions side by side, target customers and rules, on a simulated company."""

from __future__ import annotations

import datetime as dt
import re
import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score, silhouette_score

from fivestep import engine, language, segmentation
from fivestep.cases.simulate import simulate
from fivestep.cases.truth import MEMBERS
from fivestep.errors import UserError
from fivestep.findings import NotAvailable
from fivestep.intervals import newcombe
from fivestep.language import columns
from fivestep.segmentation import k_selection, partitions
from fivestep.segmentation.habits import habits
from fivestep.segmentation.lifecycle import Lifecycle
from fivestep.segmentation.loyalty import ACTIVE, LOST, POTENTIAL, RENEWAL, SERVICE, TRUST, WEIGHTS
from fivestep.segmentation.profit import BREAK_EVEN, LOSS, PROFITABLE
from fivestep.segmentation.relations import KINDS, RELATIONAL, TRANSACTIONAL, UNCLEAR, VALUABLE
from fivestep.segmentation.rfm import own_classes
from fivestep.segmentation.target import PRINCIPLES
from fivestep.segmentation.value_by import _omega
from metamorphoses import changed, dearer, later, renamed, shuffled

SENSITIVE = ("income_band",)
AS_OF = dt.date(2024, 12, 31)
YEAR = pd.Timestamp("2024-01-02")  # the first of the 365 days


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A simulated company of 600 customers."""
    return simulate(tmp_path_factory.mktemp("company") / "small", customers=600, months=24, seed=7)


@pytest.fixture(scope="module")
def company(folder) -> engine.Tables:
    return engine.Tables.of(engine.read(folder, engine.connect()), sensitive=SENSITIVE)


@pytest.fixture(scope="module")
def frames(folder) -> dict[str, pd.DataFrame]:
    """The tables read by pandas alone, money as floats."""
    out = {path.stem: pd.read_parquet(path) for path in folder.glob("*.parquet")}
    for frame in out.values():
        for c in frame:
            if frame[c].dtype == object and frame[c].notna().any() and type(frame[c].dropna().iloc[0]).__name__ == "Decimal":
                frame[c] = frame[c].astype(float)
    return out


@pytest.fixture(scope="module")
def truth(folder) -> pd.DataFrame:
    return pd.read_parquet(folder / "truth" / "customers.parquet").set_index("customer_id")


def results(read: dict, *, whole: bool = True) -> dict:
    """What the notebook makes of purchases, groups by habit of members alone; *whole* with what takes longer."""
    tables = engine.Tables.of(read, sensitive=SENSITIVE)
    out = {
        "rfm": segmentation.rfm(tables),
        "tiers": segmentation.value_tiers(tables),
        "stages": segmentation.lifecycle(tables),
        "profit": segmentation.profit(tables),
    }
    out["loyalty"] = segmentation.loyalty(tables, out["stages"])
    out["relations"] = segmentation.relations(tables, out["stages"], out["tiers"], profits=[out["profit"]])
    if not whole:
        return out
    with pytest.MonkeyPatch.context() as patched:  # how many resamples there are plays no part in what is tested here
        patched.setattr(partitions, "RESAMPLES", 2)
        patched.setattr(partitions, "STARTS", 3)
        patched.setattr(sys.modules["fivestep.segmentation.habit_clusters"], "RANGE", range(2, 6))
        for name, value in (("RANGE", range(2, 6)), ("RESAMPLES", 2), ("STARTS", 3)):
            patched.setattr(sys.modules["fivestep.segmentation.kmeans"], name, value)
        out["habits"] = segmentation.habit_clusters(engine.Tables.of(read, scope=MEMBERS))
    found = {"RFM class": out["rfm"].segments(), "Group by habit": out["habits"].segments()}
    out["divisions"] = segmentation.value_by_segment(tables, found=found)
    out["regression"] = segmentation.value_regression(tables)
    out["card"] = segmentation.target_card(tables, out["tiers"], out["stages"])
    out["prospects"] = segmentation.prospects(tables, out["card"], out["stages"])
    out["rules"] = segmentation.segment_rules(out["rfm"].table, "rfm_class", ["recency_days", "frequency", "monetary"])
    return out


@pytest.fixture(scope="module")
def found(folder) -> dict:
    return results(engine.read(folder, engine.connect()))


def small(rows: list[tuple], **more: object) -> dict[str, pd.DataFrame]:
    """Orders of (customer, days before AS_OF, amount, discount) as a frame of the contract."""
    return {
        "orders": pd.DataFrame({
            "order_id": [str(i) for i in range(len(rows))],
            "customer_id": [r[0] for r in rows],
            "order_date": [f"{AS_OF - dt.timedelta(days=r[1])} 10:00:00" for r in rows],
            "order_amount": [r[2] for r in rows],
            "discount_amount": [r[3] for r in rows],
        }),
        **more,
    }  # fmt: skip


# ----------------------------------------------------------------------------------------------------------- profit
def test_profit_is_what_pandas_adds_up(found, frames):
    lines = frames["order_lines"]
    lines = lines[lines["order_date"] >= YEAR].groupby("customer_id")[["line_amount", "cost"]].sum()
    costs = frames["costs"][pd.to_datetime(frames["costs"]["cost_date"]) >= YEAR]
    booked = costs.groupby("customer_id")["amount"].sum()
    campaigns = frames["campaigns"][pd.to_datetime(frames["campaigns"]["start_date"]) >= YEAR]
    contacts = frames["exposures"].query("treated")[["campaign_id", "customer_id"]].merge(campaigns[["campaign_id", "cost"]])
    contacts["share"] = contacts["cost"] / contacts.groupby("campaign_id")["customer_id"].transform("size")
    shared = contacts.groupby("customer_id")["share"].sum()
    left = shared.sum() - costs.loc[costs["cost_type"] == "campaign", "amount"].sum()
    parts = pd.concat(
        [lines["line_amount"], -lines["cost"], -booked, -shared * left / shared.sum()], axis=1, keys=range(4)
    ).fillna(0)
    table = found["profit"].table.set_index("customer_id")
    assert table["profit"].to_dict() == pytest.approx(parts.sum(axis=1).to_dict(), abs=1e-4)
    assert found["profit"].shared == pytest.approx(left)


def test_customers_of_much_spend_who_lose_money_are_the_planted_ones(found, truth):
    large = set(found["profit"].large_losses()["customer_id"])
    bought = set(found["profit"].table.query("spend > 0")["customer_id"])
    assert large == set(truth.index[truth["costly"]]) & bought
    assert large


def test_profit_classes_partition_and_the_list_begins_with_the_largest_loss(found):
    profit = found["profit"]
    classes = profit.classes()
    assert classes["customers"].sum() == len(profit.table)
    assert classes["profit"].sum() == pytest.approx(profit.table["profit"].sum())
    assert list(classes["profit_class"]) == [PROFITABLE, BREAK_EVEN, LOSS]
    listed = profit.break_even_list()
    assert listed["profit"].iloc[0] == profit.table["profit"].min()
    assert listed["profit"].is_monotonic_increasing


def test_a_line_without_a_cost_gets_the_rate_of_the_others_and_campaigns_are_shared_by_the_contacted(tables):
    lines = pd.DataFrame({
        "order_id": ["1", "2", "3"], "line_id": ["1"] * 3, "customer_id": ["A", "B", "C"],
        "order_date": [f"{AS_OF} 10:00:00"] * 3, "product_id": ["P"] * 3, "line_amount": [100, 300, 100], "cost": [40, 120, None],
    })  # fmt: skip
    campaigns = pd.DataFrame({"campaign_id": ["K"], "start_date": [AS_OF], "cost": [90]})
    exposures = pd.DataFrame({"campaign_id": ["K"] * 3, "customer_id": ["A", "B", "C"], "treated": [True, True, False]})
    costs = pd.DataFrame({
        "cost_id": ["1", "2"], "customer_id": ["A", "C"], "cost_date": [AS_OF] * 2, "cost_type": ["campaign", "service"],
        "amount": [10, 70],
    })  # fmt: skip
    result = segmentation.profit(tables(order_lines=lines, campaigns=campaigns, exposures=exposures, costs=costs))
    table = result.table.set_index("customer_id")
    assert table["product_cost"].to_dict() == {"A": 40, "B": 120, "C": 40}
    assert table["campaign_cost"].to_dict() == {"A": 10 + 40, "B": 40, "C": 0}
    assert table["profit"].to_dict() == {"A": 10, "B": 140, "C": -10}
    assert result.estimated == pytest.approx(0.2)
    assert any("no product cost" in w for w in result.warnings)
    unserved = segmentation.profit(tables(order_lines=lines))
    assert any("Costs to serve" in w for w in unserved.warnings)


def test_without_product_costs_there_is_no_profit(grocery):
    absent = segmentation.profit(grocery)
    assert absent.missing == ("order_lines.cost",)
    assert segmentation.segment_rules(absent.table, "profit_class", ["spend"]) is absent


# ------------------------------------------------------------------------------------------------------ groups by habit
def test_groups_by_habit_are_the_segments_that_members_were_made_from(found, truth):
    habit = found["habits"].table.set_index("customer_id")["habit_cluster"]
    known = truth.loc[habit.index, "segment"]
    members = known.isin(["commuters", "families", "students", "gourmets"])
    assert adjusted_rand_score(known[members], habit[members]) >= 0.8


def test_a_habit_that_is_chance_is_not_reliable(company):
    reliable = habits(company, window_days=365, least=10).reliability
    assert reliable["orders_discounted"] > 0.8
    assert reliable["lines: Cream cakes"] < 0.4  # all members like cream cakes the same


def test_every_group_says_how_stable_it_is_and_other_methods_stand_beside(found):
    result = found["habits"]
    assert result.table["lines_per_order"].min() >= 1
    assert segmentation.segment_rules(result.table, "habit_cluster", result.used).held_out > 0.8
    profile = result.profile()
    assert [partitions.badge(s) for s in result.similarity] == list(profile["stability_badge"])
    assert profile["customers"].sum() == len(result.table)
    methods = result.methods.set_index("method")
    assert set(methods.index) == {partitions.KMEANS, partitions.MIXTURE, partitions.PROTOTYPES}
    assert methods.loc[partitions.PROTOTYPES, "agreement"] > 0.8


def test_badges_follow_hennig():
    assert [partitions.badge(s) for s in (0.9, 0.85, 0.8, 0.7, 0.59)] == [
        "Very stable", "Very stable", "Stable", "Doubtful", "Not stable",
    ]  # fmt: skip


@pytest.mark.parametrize("way", list(partitions.WAYS))
def test_each_method_finds_planted_groups_and_noise_is_called_unstable(way, monkeypatch):
    monkeypatch.setattr(partitions, "RESAMPLES", 4)
    rng = np.random.default_rng(3)
    planted = np.repeat(np.arange(3), 80)
    points = np.array([[0, 0], [4, 0], [0, 4]])[planted] + rng.normal(0, 0.6, (240, 2))
    codes = planted[:, None]
    labels = partitions.groups(way, points, codes, 3)
    assert adjusted_rand_score(planted, labels) > 0.95
    assert partitions.stability(way, points, codes, labels)[0].min() > 0.9
    noise, no_codes = rng.uniform(size=(240, 6)), rng.integers(0, 2, (240, 1))
    similar, _rand = partitions.stability(way, noise, no_codes, partitions.groups(way, noise, no_codes, 4))
    assert partitions.badge(similar.min()) in ("Doubtful", "Not stable")


def test_attributes_tell_groups_apart_that_numbers_do_not():
    rng = np.random.default_rng(1)
    planted = np.arange(200) % 2
    codes = np.column_stack([planted] * 6)
    labels = partitions.groups(partitions.PROTOTYPES, rng.normal(0, 0.3, (200, 2)), codes, 2)
    assert adjusted_rand_score(planted, labels) == 1


def test_silhouettes_of_several_divisions_in_one_pass_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(1500, 6)) + 5
    labelings = [rng.integers(0, k, len(points)) for k in (2, 5, 9)] + [np.r_[np.zeros(1499, int), 1]]
    expected = [silhouette_score(points, labels) for labels in labelings]
    assert k_selection.silhouettes(points, labelings) == pytest.approx(expected, abs=1e-6)


def test_a_fit_on_everybody_is_as_good_as_ten_starts():
    from sklearn.cluster import KMeans

    rng = np.random.default_rng(0)
    points = rng.normal(0, 3, (4, 5))[rng.integers(0, 4, 4000)] + rng.normal(0, 1, (4000, 5))
    ours = k_selection.everybody(points, k_selection.fits(points[:800], [4], starts=3)[4])
    assert ours.inertia_ == pytest.approx(KMeans(4, n_init=10, random_state=0).fit(points).inertia_, rel=1e-3)


# ----------------------------------------------------------------------------------------------------------- rules
def test_the_rule_in_sql_gives_back_the_segments_of_the_tree(found):
    rules, table = found["rules"], found["rfm"].table
    customers = table  # noqa: F841  DuckDB reads it by its name
    given = (
        duckdb.sql(f"SELECT customer_id, {rules.expression} AS segment FROM customers").df().set_index("customer_id")["segment"]
    )
    assert given.notna().all()
    assert (given[table["customer_id"]].to_numpy() == table["rfm_class"].to_numpy()).mean() == pytest.approx(rules.fidelity)
    assert rules.fidelity > 0.95
    for row in rules.table.itertuples():
        if pd.isna(row.sql_rule):
            assert row.segment not in set(given)
            continue
        named = set(duckdb.sql(f"SELECT customer_id FROM customers WHERE {row.sql_rule}").df()["customer_id"])
        assert named == set(given.index[given == row.segment])
        right = table.set_index("customer_id").loc[sorted(named), "rfm_class"] == row.segment
        assert row.rule_precision == pytest.approx(right.mean())


def test_a_segment_that_no_rule_names_has_no_sql_and_is_named():
    frame = pd.DataFrame({
        "customer_id": [f"{i:03}" for i in range(100)], "kind": ["few" if i in (3, 97) else "many" for i in range(100)],
        "a": [float(i) for i in range(100)],
    })  # fmt: skip
    like = [frame.assign(customer_id=prefix + frame["customer_id"], kind="many") for prefix in "xyz"]
    frame = pd.concat([frame, *like], ignore_index=True)
    rules = segmentation.segment_rules(frame, "kind", ["a"])
    assert rules.table.set_index("segment")["sql_rule"].isna().to_dict() == {"few": True, "many": False}
    assert "FALSE" not in rules.expression
    assert "No rule names few:" in rules.note()


def test_names_with_quotes_and_missing_measures_survive_sql():
    frame = pd.DataFrame({
        "customer_id": [f"{i:03}" for i in range(100)], "kind": ["it's"] * 50 + ["other"] * 50,
        "a": [np.nan] * 50 + [5.0] * 50,
    })  # fmt: skip
    rules = segmentation.segment_rules(frame, "kind", ["a"])
    assert duckdb.sql(f"SELECT {rules.expression} AS s FROM frame").df()["s"].tolist() == frame["kind"].tolist()
    assert rules.held_out == 1
    assert isinstance(segmentation.segment_rules(frame.assign(kind="one"), "kind", ["a"]), NotAvailable)


# ----------------------------------------------------------------------------------------------- divisions and regression
def test_omega_squared_agrees_with_the_analysis_of_variance():
    from scipy import stats

    rng = np.random.default_rng(4)
    codes = rng.integers(0, 4, 400)
    values = rng.normal(0, 1, 400) + 0.5 * codes
    f = stats.f_oneway(*(values[codes == c] for c in range(4))).statistic
    assert _omega(values, codes, 4) == pytest.approx(3 * (f - 1) / (3 * (f - 1) + 400))
    assert _omega(values, np.zeros(400, int), 1) == pytest.approx(0)


def test_purchases_tell_more_about_value_than_place_or_gender(found):
    table = found["divisions"].table.set_index("division")
    assert table.index[0] == "RFM class"
    assert table.loc["gender", "explained"] < 0.03
    assert (table["explained_low"] <= table["explained"]).all()
    assert (table["explained_high"] >= table["explained"]).all()
    assert {"Demographic", "Geographic", "Psychographic", "Behavioural", "Found in the data"} == set(table["basis"])


def test_settlement_cycles_divide_business_customers(tables):
    rows = [(f"C{i:02}", ago, 100 + i, 0) for i in range(60) for ago in (3, 40)]
    given = small(rows)
    given["orders"]["payment_term"] = [0 if int(c[1:]) < 30 else 45 for c in given["orders"]["customer_id"]]
    result = segmentation.value_by_segment(tables(**given), found={})
    assert set(result.members["Settlement cycle"]) == {"Paid at once", "Within 60 days"}
    assert "Settlement cycle" in set(result.table["division"])


def test_a_planted_effect_is_estimated_with_an_interval_that_covers_it(tables):
    rng = np.random.default_rng(8)
    gender, region = rng.choice(["f", "m"], 400), rng.choice(["N", "S", "W"], 400)
    spend = np.exp(4 + np.log(1.5) * (gender == "m") + rng.normal(0, 0.4, 400)).round(2)
    ids = [f"C{i:03}" for i in range(400)]
    people = pd.DataFrame({"customer_id": ids, "gender": gender, "region": region})
    result = segmentation.value_regression(
        tables(**small([(c, 5, s, 0) for c, s in zip(ids, spend, strict=True)]), customers=people)
    )
    row = result.table.set_index("trait").loc["gender"]
    sign = 0.5 if row["trait_value"] == "m" else 1 / 1.5 - 1
    assert row["spend_effect_low"] <= sign <= row["spend_effect_high"]
    assert result.predicted <= result.explained
    assert 0.1 < result.predicted < 0.4
    around = result.table[result.table["trait"] == "region"]
    assert ((around["spend_effect_low"] < 0) & (around["spend_effect_high"] > 0)).all()


# ------------------------------------------------------------------------------------------------- loyalty and relations
def test_behaviour_is_that_of_the_life_cycle_and_groups_add_up(found):
    table = found["loyalty"].table.merge(found["stages"].table, on="customer_id")
    assert (table.loc[table["behaviour"] == LOST, "lifecycle"] == "Lapsed").all()
    assert (table.loc[table["behaviour"] == POTENTIAL, "lifecycle"] == "No order yet").all()
    groups = found["loyalty"].groups()
    assert groups["customers"].sum() == len(table)
    assert groups[["loyal", "potential_customers", "hesitant", "neither"]].sum(axis=1).tolist() == groups["customers"].tolist()
    assert groups.set_index("behaviour").loc[[LOST, POTENTIAL], "loyal"].sum() == 0


def test_the_loyalty_index_weighs_the_parts_that_are_known(tables):
    rows = [("A", ago, 50, 0) for ago in (5, 100, 200, 300)] + [("B", 300, 50, 0), ("B", 5, 50, 0)]
    feedback = pd.DataFrame({
        "feedback_id": ["1", "2"], "customer_id": ["A", "A"], "created_at": [f"{AS_OF} 09:00:00"] * 2, "trust": [5, 3],
        "resolved_at": [f"{AS_OF} 11:00:00", None],
    })  # fmt: skip
    data = tables(**small(rows), feedback=feedback, as_of=AS_OF)
    table = segmentation.loyalty(data, segmentation.lifecycle(data)).table.set_index("customer_id")
    assert sum(WEIGHTS.values()) == pytest.approx(1)
    assert table.loc["A", [TRUST, SERVICE, RENEWAL]].tolist() == [0.75, 0.5, 1]
    expected = (0.2 * 0.75 + 0.15 * 0.5 + 0.3 * 1) / 0.65
    assert table.loc["A", "loyalty_index"] == pytest.approx(expected, abs=1e-6)
    assert table.loc["B", RENEWAL] == 0.5
    assert np.isnan(table.loc["B", "loyalty_index"])  # only renewal is known
    assert table["behaviour"].tolist() == [ACTIVE, ACTIVE]
    assert table["loyalty"].tolist() == ["Loyal", "Neither"]


def test_inactivity_limits_of_categories_are_those_of_pandas(found, frames):
    lines = frames["order_lines"].query("line_amount >= 0").merge(frames["products"][["product_id", "category"]], on="product_id")
    lines["day"] = lines["order_date"].dt.normalize()
    days = lines.drop_duplicates(["customer_id", "category", "day"]).sort_values("day")
    gaps = days.assign(gap=days.groupby(["customer_id", "category"])["day"].diff().dt.days)
    expected = gaps.groupby("category")["gap"].quantile(0.9)
    limits = found["loyalty"].limits.set_index("category")
    assert limits["inactive_after_days"].to_dict() == pytest.approx(expected[limits.index].to_dict())
    assert (limits["not_silent"] + limits["silent_customers"] == limits["customers"]).all()


def test_the_rules_of_relations_decide(tables):
    ago = (5, 30, 60, 90, 120, 150)
    rows = [("price", a, 10, 1 if i % 3 else 0) for i, a in enumerate(ago)] + [("loyal", a, 10, 0) for a in ago]
    rows += [("contract", a, 10, 1) for a in ago] + [("new", 5, 10, 0)]
    rows += [("gone", a, 10, 0) for a in (200, 220, 240, 260, 280)]
    data = tables(**small(rows), as_of=AS_OF)
    stages, tiers = segmentation.lifecycle(data), segmentation.value_tiers(data)
    table = segmentation.relations(data, stages, tiers, profits=[]).table.set_index("customer_id")
    assert table["relation"].to_dict() == {
        "price": TRANSACTIONAL, "loyal": RELATIONAL, "contract": UNCLEAR, "new": UNCLEAR, "gone": RELATIONAL,
    }  # fmt: skip
    assert table.loc["gone", "valuable_kind"] == VALUABLE[2]
    assert table.loc[["price", "contract", "new"], "valuable_kind"].isna().all()


def test_who_pays_for_whom_cancels_out_and_price_seekers_are_students(found, truth):
    kinds = found["relations"].kinds().set_index("relation")
    assert list(kinds.index) == list(KINDS)
    assert kinds["carried_for_others"].sum() == pytest.approx(0, abs=1e-4)
    assert kinds["customers"].sum() == len(found["relations"].table)
    seekers = found["relations"].table.query("relation == @TRANSACTIONAL")["customer_id"]
    assert (truth.loc[seekers, "segment"] == "students").mean() > 0.9
    assert found["relations"].valuable()["customers"].sum() == kinds.loc[RELATIONAL, "customers"]


def test_where_all_orders_carry_a_discount_it_says_nothing(grocery):
    result = segmentation.relations(grocery, segmentation.lifecycle(grocery), segmentation.value_tiers(grocery), profits=[])
    assert isinstance(result, NotAvailable)
    assert "of orders carry a discount" in result.text


# --------------------------------------------------------------------------------------------- target customers, own classes
def test_the_target_card_counts_what_pandas_counts(found, frames):
    card = found["card"]
    core = set(card.core.query("core")["customer_id"])
    row = card.table.iloc[0]
    known = frames["customers"].set_index("customer_id")[row["trait"]].dropna()
    assert row["core_share"] == pytest.approx((known[known.index.isin(core)] == row["trait_value"]).mean())
    assert (card.table["core_difference_low"] > 0).all()
    assert card.core["match_score"].between(0, 1).all()


def test_prospects_have_no_order_want_to_hear_and_are_scored_by_what_is_known(found, frames):
    table = found["prospects"].table
    bought = set(frames["orders"].query("order_amount >= 0")["customer_id"])
    out = set(frames["customers"].query("marketing_opt_out == True")["customer_id"])
    assert not set(table["customer_id"]) & (bought | out)
    scores = table[list(PRINCIPLES.values())]
    assert table["prospect_score"].to_numpy() == pytest.approx(scores.mean(axis=1).to_numpy(), abs=1e-6)
    assert scores.stack().dropna().between(0, 1).all()
    assert table["prospect_score"].is_monotonic_decreasing


def test_own_classes_partition_the_scores_or_are_refused(company):
    own = {"Regulars": "R 4-5, F 3-5", "Quiet regulars": "r1-3, f3-5", "Others": "F 1; F 2"}
    assert len(own_classes(own)) == 125
    result = segmentation.rfm(company, own=own)
    shown = result.classes()
    assert list(shown["rfm_class_own"]) == list(own)
    assert shown["customers"].sum() == len(result.table)
    expected = ((result.table["r_score"] >= 4) & (result.table["f_score"] >= 3)).sum()
    assert shown["customers"].iloc[0] == expected
    for classes, said in (
        ({"A": "R 1-3", "B": "R 3-5"}, "is in 'A' and in 'B'"),
        ({"A": "R 1-3"}, "is in no class"),
        ({"A": "X 1"}, "no range of scores"),
        ({"A": "R 5-1"}, "no range of scores"),
    ):
        with pytest.raises(UserError, match=said):
            own_classes(classes)


# -------------------------------------------------------------------------------------------------------- what must not matter
SEGMENTS = {
    "rfm": ["rfm_class", "rfm_class_8"], "tiers": ["value_tier"], "stages": ["lifecycle"], "profit": ["profit_class"],
    "loyalty": ["behaviour", "loyalty"], "relations": ["relation", "valuable_kind"],
}  # fmt: skip


@pytest.mark.parametrize("change", [shuffled, renamed, dearer, later], ids=lambda c: c.__name__)
def test_segments_move_exactly_as_they_should(found, folder, change):
    again = results(changed(folder, change), whole=change is shuffled)
    for name, segments in SEGMENTS.items():
        before, after = (r[name].table.set_index("customer_id")[segments] for r in (found, again))
        if change is renamed:
            before.index = [f"X{9_999_999 - int(c[1:]):07}" for c in before.index]
        pd.testing.assert_frame_equal(before.sort_index(), after.sort_index(), check_names=False)
    times = 10 if change is dearer else 1
    assert again["profit"].table["profit"].sum() == pytest.approx(times * found["profit"].table["profit"].sum(), rel=1e-6)
    if "habits" not in again:
        return
    groups = [r["habits"].table.sort_values("customer_id")["habit_cluster"].to_numpy() for r in (found, again)]
    assert adjusted_rand_score(*groups) == 1
    if change is shuffled:
        assert again["habits"].finding() == found["habits"].finding()
        pd.testing.assert_frame_equal(again["divisions"].table, found["divisions"].table)
        pd.testing.assert_frame_equal(again["prospects"].table, found["prospects"].table)
        pd.testing.assert_frame_equal(again["regression"].table, found["regression"].table)
        assert again["rules"].expression == found["rules"].expression


def _texts(found: dict) -> list[str]:
    out = []
    for result in found.values():
        for name in dir(type(result)):
            if name.endswith(("headline", "note", "base")) and not name.startswith("_"):
                out.append(getattr(result, name)())
    return out


@pytest.mark.parametrize("code", ["en", "zh_CN"])
def test_every_text_and_table_can_be_shown(found, code):
    language.use(code, currency="CNY")
    for said in _texts(found):
        assert said
        assert "{" not in said
        assert not re.search(r"\bnan\b", said)
    names = ("profit", "relations", "loyalty", "habits", "divisions", "regression", "card", "prospects")
    for finding in (found[n].finding() for n in names):
        assert finding.text
        assert not re.search(r"\bnan\b", finding.text + finding.evidence + finding.so_what)
    shown = [
        found["profit"].classes(), found["profit"].break_even_list(), found["relations"].kinds(), found["relations"].valuable(),
        found["loyalty"].groups(), found["loyalty"].parts(), found["loyalty"].limits, found["habits"].profile(),
        found["habits"].methods, found["divisions"].shown(), found["divisions"].groups(),
        found["regression"].shown(), found["card"].shown(), found["prospects"].shown(), found["rules"].table,
    ]  # fmt: skip
    for table in shown:
        for row in table.head(3).itertuples(index=False):
            assert all(columns.formatted(c, v) for c, v in zip(table.columns, row, strict=True))
    for figure in (
        found["profit"].whale_curve(), found["relations"].chart(), found["habits"].chart(), found["divisions"].chart(),
        found["divisions"].cross(),
    ):  # fmt: skip
        assert figure.axes


# ------------------------------------------------------------------------------------ value, needs, groups, identification
@pytest.fixture(scope="module")
def managed(found, company) -> dict:
    """The register with what it is made of."""
    out = {
        "score": segmentation.value_score(company, found["stages"], found["loyalty"]),
        "needs": segmentation.need_signs(company),
        "fit": segmentation.product_fit(company, found["stages"]),
        "changes": segmentation.stage_changes(company, found["stages"]),
        "frequency": segmentation.frequency_groups(company, found["loyalty"]),
    }
    made = {name: found[name] for name in ("tiers", "loyalty", "relations", "card", "prospects")} | out
    out["groups"] = segmentation.managed_groups(company, found["stages"], made)
    out["page"] = segmentation.identification(company, out["groups"], made)
    return out


def _ranks(values: pd.Series) -> pd.Series:
    return (values.rank() - 0.5) / len(values)


def test_the_value_score_is_the_stated_mean_of_its_three_components(managed, found, frames):
    table = managed["score"].table.set_index("customer_id")
    orders = frames["orders"].assign(day=frames["orders"]["order_date"])
    recent = orders[orders["day"] >= YEAR]
    spend = recent.groupby("customer_id")["order_amount"].sum().reindex(table.index).fillna(0)
    n = recent[recent["order_amount"] >= 0].groupby("customer_id").size().reindex(table.index).fillna(0)
    each = (spend / n.where(n > 0)).fillna(0)
    power = (_ranks(n) + _ranks(spend.round(6)) + _ranks(each.round(6))) / 3
    assert table["power_score"].to_dict() == pytest.approx(power.to_dict())
    acts = frames["events"][frames["events"]["event_type"].isin(["like", "comment", "share"])].groupby("customer_id").size()
    nps = frames["feedback"].groupby("customer_id")["nps"].mean().reindex(table.index) / 10
    referral = pd.concat([nps, _ranks(acts.reindex(table.index).fillna(0))], axis=1).mean(axis=1)
    assert table["referral_score"].to_dict() == pytest.approx(referral.to_dict())
    whole = 0.5 * table["power_score"] + 0.3 * table["loyalty_score"] + 0.2 * table["referral_score"]
    assert table["value_score"].to_dict() == pytest.approx(whole.to_dict(), abs=1e-6)
    expected = np.select([table["value_score"] >= 0.75, table["value_score"] >= 0.5], ["High value", "Medium value"], "Low value")
    assert list(table["score_tier"]) == list(expected)
    tiers = managed["score"].tiers()
    assert tiers["customers"].sum() == len(table)
    assert tiers["share_of_spend"].sum() == pytest.approx(1)


def test_weights_and_cuts_of_value_are_the_engagements_own(found, company):
    own = {"weights": {"spending_power": 1, "loyalty": 0, "referral": 0}, "cuts": (0.2, 0.9)}
    only = segmentation.value_score(company, found["stages"], found["loyalty"], **own)
    assert only.table["value_score"].tolist() == pytest.approx(only.table["power_score"].tolist(), abs=1e-6)
    assert (only.table.loc[only.table["score_tier"] == "High value", "value_score"] >= 0.9).all()
    wrong = ({"weights": {"fame": 1}}, {"weights": {"spending_power": 0, "loyalty": 0, "referral": 0}}, {"cuts": (0.9, 0.2)})
    for said in wrong:
        with pytest.raises(UserError, match=r"engagement\.yml: value_"):
            segmentation.value_score(company, found["stages"], found["loyalty"], **said)


def test_room_for_other_categories_is_what_pandas_leaves_over(managed, frames):
    lines = frames["order_lines"].merge(frames["products"][["product_id", "category"]], on="product_id")
    lines = lines[(lines["order_date"] >= YEAR) & (lines["line_amount"] >= 0)]
    held = lines.groupby("category")["customer_id"].nunique()
    common = set(held.index[held >= 0.05 * lines["customer_id"].nunique()])
    mine = lines[lines["category"].isin(common)].groupby("customer_id")["category"].nunique()
    table = managed["score"].table.set_index("customer_id")["room_score"].dropna()
    assert table.to_dict() == pytest.approx((1 - mine.reindex(table.index).fillna(0) / len(common)).to_dict())


def test_each_sign_of_a_need_is_counted_as_pandas_counts_it(managed, frames):
    result = managed["needs"]
    seen = result.signs.set_index("need_sign")["customers"]
    base = set(result.table["customer_id"])
    bought = frames["orders"].query("order_date >= @YEAR and order_amount >= 0").assign(on=lambda d: d["discount_amount"] > 0)
    share = bought.groupby("customer_id")["on"].mean()
    assert seen["Orders on discount"] == (share >= 0.5).sum()
    looked = frames["events"].query("occurred_at >= @YEAR").dropna(subset="search_term").groupby("customer_id").size()
    assert seen["Searches"] == len(set(looked.index[looked >= 3]) & base)
    told = frames["feedback"].query("created_at >= @YEAR and feedback_type in ['complaint', 'inquiry']")
    assert seen["Complaints and inquiries"] == len(set(told["customer_id"]) & base)
    assert result.groups()["customers"].sum() == len(base)
    several = result.table[["needs_function", "needs_price", "needs_service"]].sum(axis=1) > 1
    assert (several == (result.table["need_group"] == "Several needs")).all()


def test_price_seekers_by_signs_are_mostly_the_planted_students(managed, truth):
    price = managed["needs"].table.query("needs_price")["customer_id"]
    kinds = truth.loc[price, "segment"].value_counts(normalize=True)
    assert kinds.idxmax() == "students"
    assert kinds.max() > 0.5


def test_frequent_and_rare_buyers_are_compared_on_what_pandas_measures(managed, found, frames):
    result = managed["frequency"]
    recent = frames["orders"].query("order_date >= @YEAR and order_amount >= 0").groupby("customer_id").size()
    often = recent > recent.median()
    assert result.sizes == (often.sum(), (~often).sum())
    rows = result.table.set_index("frequency_measure")
    loyal = found["loyalty"].table.set_index("customer_id")["loyalty"].reindex(recent.index) == "Loyal"
    assert rows.loc["Loyal (share)", ["often", "seldom"]].tolist() == pytest.approx([loyal[often].mean(), loyal[~often].mean()])
    said = frames["feedback"].groupby("customer_id")["repurchase_intent"].mean().reindex(recent.index)
    row = rows.loc["Expects to buy again (mean answer)"]
    assert (row["often"], row["seldom"]) == pytest.approx((said[often].mean(), said[~often].mean()))
    assert row["often_known"] == said[often].notna().sum()
    assert "Loyal" in result.headline()


def test_a_survey_tells_what_a_respondent_puts_first(tables):
    days = [(c, d, 10, 0) for c in "ABC" for d in (3, 9)]
    rows = [
        ("A", "importance/low price", 9), ("A", "importance/friendly staff", 4), ("A", "importance/fresh bread", 5),
        ("B", "importance/low price", 4), ("B", "importance/friendly staff", 9), ("B", "importance/fresh bread", 9),
        ("C", "importance/low price", 1), ("C", "importance/friendly staff", 3), ("C", "importance/fresh bread", 8),
    ]  # fmt: skip
    survey = pd.DataFrame({
        "response_id": [r[0] for r in rows], "question_id": [r[1] for r in rows], "customer_id": [r[0] for r in rows],
        "answer": [str(r[2]) for r in rows], "score": [r[2] for r in rows],
    })  # fmt: skip
    result = segmentation.need_signs(tables(**small(days, survey=survey), as_of=AS_OF))
    assert dict(zip(result.table["customer_id"], result.table["need_group"], strict=True)) == {
        "A": "Price", "B": "No sign", "C": "Function",
    }  # fmt: skip


def test_where_one_need_alone_could_be_seen_no_groups_are_formed(grocery):
    assert isinstance(segmentation.need_signs(grocery), NotAvailable)


def test_prospects_of_companies_fit_what_companies_buy(tables):
    who = [(f"B{i:02}", "business", "boxes") for i in range(20)] + [(f"P{i:02}", "consumer", "bread") for i in range(40)]
    who += [(f"B{i:02}", "business", "bread") for i in range(6)]
    lines = pd.DataFrame({
        "order_id": [str(i) for i in range(len(who))], "line_id": "1", "customer_id": [w[0] for w in who],
        "order_date": f"{AS_OF} 10:00:00", "product_id": [w[2] for w in who], "line_amount": 10,
    })  # fmt: skip
    people = [*sorted({(w[0], w[1]) for w in who}), ("X1", "business"), ("X2", "consumer"), ("X3", None), ("X4", "business")]
    customers = pd.DataFrame({
        "customer_id": [c for c, _kind in people], "customer_type": [kind for _c, kind in people],
        "income_band": ["high" if kind == "business" else "low" for _c, kind in people],
        "marketing_opt_out": [c == "X4" for c, _kind in people],
    })  # fmt: skip
    products = pd.DataFrame({"product_id": ["boxes", "bread"], "category": ["Boxes", "Bread"]})
    made = tables(order_lines=lines, customers=customers, products=products)
    stages = Lifecycle(
        pd.DataFrame({
            "customer_id": customers["customer_id"],
            "lifecycle": ["No order yet" if c.startswith("X") else "Mature" for c in customers["customer_id"]],
        }), {}, 0, AS_OF, AS_OF, ()
    )  # fmt: skip
    fit = segmentation.product_fit(made, stages)
    assert fit.table.to_dict("records") == [
        {"customer_id": "X1", "category": "Boxes", "fit": 1.0}, {"customer_id": "X2", "category": "Bread", "fit": 1.0},
    ]  # fmt: skip
    row = fit.traits.set_index("category").loc["Bread"]
    assert (row["buyer_share"], row["other_share"]) == pytest.approx((40 / 46, 0))
    assert row["difference_low"] == pytest.approx(newcombe(40, 46, 0, 14)[0])
    assert set(fit.traits["trait"]) == {"customer_type"}
    allowed = tables(order_lines=lines, customers=customers, products=products, sensitive=("income_band",))
    assert set(segmentation.product_fit(allowed, stages).traits["trait"]) == {"customer_type", "income_band"}


def test_the_register_names_rule_size_owner_action_and_review_of_every_group(managed, found, frames, company):
    groups = managed["groups"]
    assert groups.table["managed_group"].is_unique
    assert groups.table[["group_rule", "group_action", "group_owner"]].notna().all().all()
    assert set(groups.table["group_review"]) == {pd.Timestamp(company.as_of) + pd.Timedelta(days=91)}
    counted = groups.members.groupby("managed_group").size()
    assert groups.table.set_index("managed_group")["customers"].to_dict() == counted.reindex(
        groups.table["managed_group"], fill_value=0
    ).to_dict()  # fmt: skip
    stages = found["stages"].table["lifecycle"].value_counts()
    assert groups.size("Stage: lapsed") == stages["Lapsed"]
    first = frames["orders"].query("order_amount >= 0").groupby("customer_id")["order_date"].min().dt.normalize()
    assert groups.size("New customers") + groups.size("Existing customers") == len(first)
    assert (
        groups.size("Paying customers")
        == (frames["orders"].query("order_date >= @YEAR").groupby("customer_id")["order_amount"].sum() > 0).sum()
    )
    sized = groups.table.set_index("managed_group")["share_of_spend"]
    assert sized[["Score: high", "Score: medium", "Score: low"]].sum() == pytest.approx(1)


def test_loyal_customers_return_keep_to_a_brand_and_recommend(managed, frames):
    members = managed["groups"].members
    loyal = members.loc[members["managed_group"] == "Loyal by all three signs", "customer_id"]
    assert len(loyal)
    asked = frames["feedback"].groupby("customer_id")["nps"].mean()
    assert (asked[loyal] >= 9).all()
    lines = frames["order_lines"].merge(frames["products"][["product_id", "brand"]], on="product_id")
    spent = lines.groupby(["customer_id", "brand"])["line_amount"].sum().unstack().fillna(0)
    assert (spent.max(axis=1) / spent.sum(axis=1))[loyal].min() >= 0.75
    days = (pd.Timestamp(AS_OF) - frames["orders"].query("order_amount >= 0")["order_date"].dt.normalize()).dt.days
    recent = frames["orders"].loc[days.index].assign(quarter=days // 91)
    each = recent[recent["quarter"] < 4].groupby("customer_id")["quarter"].nunique()
    assert each[loyal].min() >= 2


def test_well_disposed_prospects_have_not_bought_and_have_answered(managed, found, frames):
    members = managed["groups"].members
    well = set(members.loc[members["managed_group"] == "Well disposed, not bought yet", "customer_id"])
    table = found["prospects"].table
    expected = table[(table["lasting_score"] >= 1) | (table["responds_score"] >= 0.5)]
    assert well == set(expected["customer_id"])
    assert well
    assert not well & set(frames["orders"]["customer_id"])


def test_rules_and_owners_of_the_register_are_the_engagements_own(found, company):
    own = {"rules": {"new_within_days": 400, "paying_from": 1000}, "owners": {"New customers": "Anna"}}
    groups = segmentation.managed_groups(company, found["stages"], {}, **own)
    tenure = found["stages"].table["tenure_days"]
    assert groups.size("New customers") == (tenure < 400).sum()
    rows = groups.table.set_index("managed_group")
    assert rows.loc["New customers", "group_owner"] == "Anna"
    assert groups.size("Core customers") is None
    for wrong in ({"rules": {"young": 3}}, {"rules": {"paying_from": 0}}, {"owners": {"The rich": "Anna"}}):
        with pytest.raises(UserError, match=r"engagement\.yml"):
            segmentation.managed_groups(company, found["stages"], {}, **wrong)


def test_the_page_of_identification_repeats_the_register_and_the_fit(managed):
    page = managed["page"].table.set_index("identified_group")
    for name in ("Known, no order yet", "Need: price", "Score: high", "Core customers"):
        assert page.loc[name, "customers"] == managed["groups"].size(name)
    assert page.loc["Prospects who fit a product", "customers"] == managed["fit"].table["customer_id"].nunique()
    assert page["identified_by"].nunique() == 3
    worth = page.loc[page["identified_by"] == "Who is worth most?", "share_of_spend"].max()
    assert managed["page"].finding().value == pytest.approx(worth)


def test_moves_between_stages_are_those_of_the_life_cycle_a_quarter_earlier(managed, found, company):
    changes = managed["changes"]
    earlier = segmentation.lifecycle(company.until(AS_OF - dt.timedelta(days=91)))
    then = earlier.table.set_index("customer_id")["lifecycle"]
    then = then[then != "No order yet"]
    now = found["stages"].table.set_index("customer_id")["lifecycle"].reindex(then.index)
    expected = pd.crosstab(then, now).reindex(index=changes.counts.index, columns=changes.counts.columns, fill_value=0)
    assert (changes.counts.to_numpy() == expected.to_numpy()).all()
    assert changes.counts.to_numpy().sum() == len(then)


def test_value_needs_and_groups_move_exactly_as_they_should(managed, found, folder):
    tables = engine.Tables.of(changed(folder, lambda name, table: shuffled(name, dearer(name, table))), sensitive=SENSITIVE)
    before, after = managed["score"].table, segmentation.value_score(tables, found["stages"], found["loyalty"]).table
    pd.testing.assert_frame_equal(after.drop(columns="monetary"), before.drop(columns="monetary"))
    assert np.allclose(after["monetary"], 10 * before["monetary"])
    needs = segmentation.need_signs(tables).table
    pd.testing.assert_frame_equal(needs.drop(columns="spend"), managed["needs"].table.drop(columns="spend"))
    fit = segmentation.product_fit(tables, found["stages"])
    pd.testing.assert_frame_equal(fit.table, managed["fit"].table)


@pytest.mark.parametrize("code", ["en", "zh_CN"])
def test_value_needs_and_groups_can_be_shown(managed, code):
    language.use(code, currency="CNY")
    for said in _texts(managed):
        assert said
        assert "{" not in said
        assert not re.search(r"\bnan\b", said)
    for result in managed.values():
        assert result.finding().text
    shown = [
        managed["score"].tiers(), managed["score"].components(), managed["score"].table, managed["needs"].groups(),
        managed["fit"].products(), managed["fit"].table, managed["groups"].shown(), managed["groups"].members,
        managed["page"].table, managed["frequency"].table,
    ]  # fmt: skip
    for table in shown:
        for row in table.head(3).itertuples(index=False):
            assert all(columns.formatted(c, v) for c, v in zip(table.columns, row, strict=True))
    assert managed["changes"].matrix().axes
    assert managed["score"].by_behaviour().axes
