"""Strategy: plays partition the customers, recommendations are tested on days they have not seen, lists respect who opted out."""

from __future__ import annotations

import datetime as dt
import importlib
import math

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import GROCERY, make_tables
from fivestep import segmentation, strategy
from fivestep.errors import UserError
from fivestep.findings import NotAvailable
from fivestep.language import columns
from fivestep.strategy.next_best_category import POPULAR, SIMILAR, _rates, mcnemar
from fivestep.strategy.playbook import LIFECYCLE, NEED_GROUPS, NO_PLAY, VALUE_TIERS

ABSENT = NotAvailable(("order_lines",), "what would have come before")
PLAY = {
    "play": "Keep",
    "value_tier": ["High value"],
    "lifecycle": ["Lapsing"],
    "goal": "Keep them",
    "action": "Call",
    "channel": "Telephone",
    "kpi": {"measure": "spend_per_customer", "direction": "up"},
    "review_after_days": 30,
    "owner": "Head of sales",
    "stop_if": "Nobody answers",
}

NEVER = ("COUPON/MISC ITEMS", "COUPON", "CIGARETTES", "BEERS/ALES")  # as engagement.yml of the case names them, in short


def written(path, *plays: dict, **beside):
    path.write_text(yaml.safe_dump({"plays": list(plays), **beside}, allow_unicode=True), "utf-8")
    return path


def playbook_of(*plays: dict, **beside) -> strategy.Playbook:
    return strategy.Playbook.model_validate({"plays": [{**PLAY, **p} for p in plays], **beside})


def order_frame(*rows: tuple) -> pd.DataFrame:
    """Rows of customer_id, order_date, order_amount, and store where the fourth is given; order ids are counted."""
    frame = pd.DataFrame(
        [(*row, *["S1"] * (4 - len(row))) for row in rows], columns=["customer_id", "order_date", "order_amount", "store"]
    )
    return frame.assign(order_id=[f"o{i:03}" for i in range(len(frame))])


def segment_frame(**tier_and_stage: tuple) -> pd.DataFrame:
    return pd.DataFrame([(c, *pair) for c, pair in tier_and_stage.items()], columns=["customer_id", "value_tier", "lifecycle"])


@pytest.fixture(scope="module")
def segments(grocery) -> pd.DataFrame:
    """The segments that segmentation hands over for the real case."""
    return _segments(grocery)


def _segments(tables) -> pd.DataFrame:
    return segmentation.segments(tables, ABSENT, segmentation.value_tiers(tables), segmentation.lifecycle(tables), ABSENT)


@pytest.fixture(scope="module")
def plan(grocery, segments):
    return strategy.plan(grocery, segments, strategy.playbook())


@pytest.fixture(scope="module")
def recommendations(grocery):
    return strategy.next_best_category(grocery, never=NEVER)


@pytest.fixture(scope="module")
def raw_orders() -> pd.DataFrame:
    frame = pd.read_parquet(GROCERY / "orders.parquet")
    return frame.assign(order_amount=frame["order_amount"].astype(float))


@pytest.fixture(scope="module")
def raw_lines() -> pd.DataFrame:
    lines = pd.read_parquet(GROCERY / "order_lines.parquet", columns=["customer_id", "product_id", "order_date", "line_amount"])
    products = pd.read_parquet(GROCERY / "products.parquet", columns=["product_id", "category"])
    return lines.assign(line_amount=lines["line_amount"].astype(float)).merge(products, on="product_id", how="left")


# ---------------------------------------------------------------------------------------------------------------- playbook
def test_the_shipped_playbook_has_one_play_for_every_pair_that_segmentation_can_make(segments):
    cells = strategy.playbook().cells()
    assert not cells.duplicated(["value_tier", "lifecycle"]).any()
    claimed = set(zip(cells["value_tier"], cells["lifecycle"], strict=True))
    stages = [s for s in LIFECYCLE if s != "No order yet"]
    assert {(t, s) for t in VALUE_TIERS[:3] for s in stages} | {("No order yet", "No order yet")} <= claimed
    made = segments[["value_tier", "lifecycle"]].dropna().drop_duplicates()
    assert len(made) > 3
    assert set(zip(made["value_tier"], made["lifecycle"], strict=True)) <= claimed


def test_tiers_and_stages_are_called_as_segmentation_calls_them():
    tiers, stages = (importlib.import_module(f"fivestep.segmentation.{name}") for name in ("value_tiers", "lifecycle"))
    assert (*tiers.TIERS, tiers.NO_ORDER) == VALUE_TIERS
    assert importlib.import_module("fivestep.segmentation.need_signs").GROUPS == NEED_GROUPS
    assert (*stages.STAGES, stages.NO_ORDER) == LIFECYCLE


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"kpi": {**PLAY["kpi"], "direction": "upp"}},
            "play 1 (Keep): kpi.direction: Write 'up', 'hold' or 'down' (it says 'upp').",
        ),
        ({"value_tier": ["Gold"]}, "play 1 (Keep): value_tier.0: Write 'High value'"),
        ({"lifecycle": []}, "play 1 (Keep): lifecycle: The list is too short; it has 0, and needs 1"),
        ({"review_after_days": 0}, "play 1 (Keep): review_after_days: Write 1 or a greater number (it says 0)."),
        ({"cost_per_contact": -1}, "play 1 (Keep): cost_per_contact: Write a number greater than 0 (it says -1)."),
        ({"cost_per_contact": math.inf}, "play 1 (Keep): cost_per_contact: Write a finite number"),
        ({"gaol": "x"}, "play 1 (Keep): gaol: There is no such key (it says 'x')."),
        ({"kpi": {"direction": "up"}}, "play 1 (Keep): kpi: give either measure, or name and definition."),
        ({"kpi": {"direction": "up", "name": "Visits"}}, "play 1 (Keep): kpi: give either measure, or name and definition."),
        ({"play": NO_PLAY}, "play 1 (No play): 'No play' stands for customers without a play: choose another name."),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_named_in_one_line_with_its_key(tmp_path, change, says):
    with pytest.raises(UserError) as error:
        strategy.playbook(written(tmp_path / "playbook.yml", {**PLAY, **change}))
    assert str(error.value).startswith(f"playbook.yml: {says}")
    assert "\n" not in str(error.value)


def test_a_missing_key_is_named(tmp_path):
    play = {k: v for k, v in PLAY.items() if k != "stop_if"}
    with pytest.raises(UserError, match=r"^playbook.yml: play 1 \(Keep\): stop_if: This key is missing\.$"):
        strategy.playbook(written(tmp_path / "playbook.yml", play))


@pytest.mark.parametrize(
    ("second", "says"),
    [
        ({"play": "Keep", "lifecycle": ["Lapsed"]}, "two plays are called 'Keep'"),
        ({"play": "Call", "value_tier": None}, "'Keep' and 'Call' both claim value_tier High value with lifecycle Lapsing"),
    ],
)
def test_two_plays_for_the_same_customers_or_of_the_same_name_are_refused(tmp_path, second, says):
    with pytest.raises(UserError, match=says):
        strategy.playbook(written(tmp_path / "playbook.yml", PLAY, {**PLAY, **second}))


@pytest.mark.parametrize("text", ["- just a list", "plays: [", "plays: {play: x}", "7: x", "plays: []"])
def test_a_file_that_is_no_playbook_is_refused_without_a_traceback(tmp_path, text):
    path = tmp_path / "playbook.yml"
    path.write_text(text, "utf-8")
    with pytest.raises(UserError, match=r"^playbook\.yml"):
        strategy.playbook(path)


def test_a_projects_own_playbook_replaces_the_shipped_one(tmp_path):
    own = strategy.playbook(written(tmp_path / "playbook.yml", PLAY))
    assert [p.play for p in own.plays] == ["Keep"]
    assert strategy.playbook(tmp_path / "none.yml") == strategy.playbook() != own


def test_every_text_of_the_shipped_playbook_that_a_reader_sees_is_handed_to_the_catalog(plan, grocery):
    messages = strategy.playbook_messages()
    assert len(messages) == len(set(messages)) > 40
    shown = pd.concat(
        [
            plan.actions()[["play", "goal", "action", "contact_channel"]],
            strategy.goals(grocery, plan).duties()[["owner_role", "stop_if"]],
        ]
    )
    assert set(shown.stack().dropna()) <= set(messages)


def test_a_key_that_is_left_out_stands_for_everybody_even_where_it_is_unknown(tables):
    both = segment_frame(a=("High value", None), b=(None, None), c=("Low value", "New"))
    data = tables(orders=order_frame(("a", "2024-01-01", 5), ("b", "2024-01-01", 5), ("c", "2024-01-02", 5)))
    made = strategy.plan(data, both, playbook_of({"lifecycle": None}))
    assert made.table["play"].tolist() == ["Keep", NO_PLAY, NO_PLAY]
    everybody = strategy.plan(data, both, playbook_of({"lifecycle": None, "value_tier": None}))
    assert everybody.table["play"].tolist() == ["Keep"] * 3


# -------------------------------------------------------------------------------------------------------------------- plan
def test_every_customer_of_the_real_case_is_in_exactly_one_play_and_no_money_is_lost(plan, grocery, raw_orders):
    assert sorted(plan.table["customer_id"]) == sorted(grocery.customers.to_pandas()["customer_id"])
    summary = plan.summary()
    assert summary["customers"].sum() == len(plan.table) == 801
    assert summary["spend_at_stake"].sum() == pytest.approx(raw_orders["order_amount"].sum(), abs=0.01)
    by_customer = raw_orders.groupby("customer_id")["order_amount"].sum()
    assert plan.table.set_index("customer_id")["spend_at_stake"].to_numpy() == pytest.approx(
        by_customer.sort_index().to_numpy(), abs=0.005
    )


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.sampled_from((*VALUE_TIERS, None)), st.sampled_from((*LIFECYCLE, None))), min_size=1, max_size=40))
def test_any_segments_are_partitioned_and_the_text_is_true(three_customers, pairs):
    base = pd.DataFrame(
        {
            "customer_id": [f"c{i:02}" for i in range(len(pairs))],
            "value_tier": [p[0] for p in pairs],
            "lifecycle": [p[1] for p in pairs],
        }
    )
    playbook = strategy.playbook()
    made = strategy.plan(three_customers, base, playbook)
    claimed = {(t, s): p.play for p in playbook.plays for t, s in p.cells}
    expected = dict(zip(base["customer_id"], [claimed.get((t or "", s or ""), NO_PLAY) for t, s in pairs], strict=True))
    if set(expected.values()) == {NO_PLAY}:
        assert isinstance(made, NotAvailable)
        return
    expected |= dict.fromkeys({"c00", "c01", "c02"} - set(expected), NO_PLAY)  # they ordered, but no segment knows them
    assert dict(zip(made.table["customer_id"], made.table["play"], strict=True)) == expected
    assert made.summary()["customers"].sum() == len(expected)
    with_play = [p for p in expected.values() if p != NO_PLAY]
    warned = " ".join(made.finding().warnings)
    assert ("no play" in warned) == (len(with_play) < len(expected))


@pytest.fixture(scope="module")
def three_customers():
    return make_tables(orders=order_frame(("c00", "2024-01-01", 10), ("c01", "2024-01-05", 20), ("c02", "2024-01-09", 30)))


def test_spend_at_stake_counts_a_year_to_the_as_of_date(tables):
    data = tables(
        orders=order_frame(("a", "2022-12-31", 1000), ("a", "2023-01-02", 10), ("a", "2023-06-01", -3), ("a", "2024-01-01", 20))
    )
    made = strategy.plan(data, segment_frame(a=("High value", "Lapsing")), playbook_of({}))
    assert made.first_day == dt.date(2023, 1, 2)  # 365 days up to 1 January 2024
    assert made.table["spend_at_stake"].tolist() == [27.0]
    assert made.headline() == "“Keep” holds 100% of spend with 100% of customers"


def test_who_opted_out_is_in_a_play_but_on_no_contact_list(tables):
    data = tables(
        orders=order_frame(("a", "2024-01-01", 10), ("b", "2024-01-01", 20), ("c", "2024-01-03", 30)),
        customers=pd.DataFrame({"customer_id": ["a", "b", "c"], "marketing_opt_out": [True, False, None]}),
    )
    made = strategy.plan(data, segment_frame(**dict.fromkeys("abc", ("High value", "Lapsing"))), playbook_of({}))
    assert made.summary()[["customers", "contactable"]].to_numpy().tolist() == [[3, 2]]
    assert made.contacts()["customer_id"].tolist() == ["c", "b"]  # most spend first; an unknown wish is no opt-out
    assert "1 customer has opted out of marketing and is left out of the contact list." in made.note()
    kept = strategy.keep_list(data, made)
    assert set(kept.table["customer_id"]) == {"a", "b", "c"}
    assert kept.contacts()["customer_id"].tolist() == ["c", "b"]
    assert "1 customer has opted out" in kept.note()


def test_who_is_in_a_play_without_contact_is_on_no_contact_list_and_counted(tables):
    data = tables(orders=order_frame(("a", "2024-01-01", 10), ("b", "2024-01-01", 20), ("c", "2024-01-03", 30)))
    base = segment_frame(a=("High value", "Lapsing"), b=("Low value", "Lapsed"), c=("Low value", "Lapsed"))
    rest = {"play": "Let rest", "value_tier": ["Low value"], "lifecycle": ["Lapsed"], "contact": False}
    made = strategy.plan(data, base, playbook_of({}, rest))
    assert made.contacts()["customer_id"].tolist() == ["a"]
    assert made.summary()[["customers", "contactable"]].to_numpy().tolist() == [[1, 1], [2, 0]]
    assert "2 customers are in plays without contact and are not on the contact list." in made.note()
    assert made.assignments()["customer_id"].tolist() == ["a", "b", "c"]
    assert [p.play for p in strategy.playbook().plays if not p.contact] == ["Let rest"]
    assert "without contact" not in strategy.plan(data, base, playbook_of({})).note()


def test_orders_without_a_customer_are_left_out_and_counted(tables):
    data = tables(orders=order_frame(("a", "2024-01-01", 10), (None, "2024-01-02", 5), (None, "2024-01-02", 2.5)))
    made = strategy.plan(data, segment_frame(a=("High value", "Lapsing")), playbook_of({}))
    assert made.table["customer_id"].tolist() == ["a"]
    assert "2 orders without a customer ($8) are left out." in made.note()


def test_without_segments_there_is_no_plan_and_nothing_that_hangs_on_it(grocery, recommendations):
    gone = strategy.plan(grocery, ABSENT, strategy.playbook())
    assert isinstance(gone, NotAvailable)
    for later in (
        strategy.keep_list(grocery, gone, recommendations),
        strategy.money_at_stake(gone),
        strategy.break_even(gone),
        strategy.goals(grocery, gone),
    ):
        assert isinstance(later, NotAvailable)


@pytest.mark.parametrize(("amounts", "money"), [((0, 0), "$0"), ((-5, 3), "-$5")])
def test_no_share_of_spend_is_told_where_there_is_no_spend(tables, amounts, money):
    data = tables(orders=order_frame(("a", "2024-01-01", amounts[0]), ("b", "2024-01-01", amounts[1])))
    made = strategy.plan(data, segment_frame(a=("High value", "Lapsing"), b=(None, None)), playbook_of({}))
    assert made.finding().text == "The playbook has a play for 50% of customers."
    assert strategy.money_at_stake(made).headline() == f"1 customer is lapsing or has lapsed, with {money} of spend at stake"


def test_the_contact_list_follows_the_playbook_and_then_spend(plan):
    contacts = plan.contacts().merge(plan.table[["customer_id", "spend_at_stake"]], on="customer_id")
    assert list(dict.fromkeys(contacts["play"])) == [p for p in plan.plays if p in set(contacts["play"])]
    assert all(group["spend_at_stake"].is_monotonic_decreasing for _play, group in contacts.groupby("play"))
    assert list(plan.assignments().columns) == ["customer_id", "play"]


# ------------------------------------------------------------------------------------------------------- next-best category
def test_recommendations_and_hit_rates_equal_a_second_computation_on_the_real_case(recommendations, raw_lines):
    never = set(NEVER)
    lines = raw_lines[raw_lines["category"].notna() & (raw_lines["line_amount"] >= 0) & ~raw_lines["category"].isin(never)]
    before = lines[lines["order_date"] < "2017-12-04"].groupby("customer_id")["category"].agg(set)
    after = lines[lines["order_date"] >= "2017-12-04"].groupby("customer_id")["category"].agg(set)
    names = sorted(set().union(*before))
    bought = pd.DataFrame({name: [name in basket for basket in before] for name in names}, index=before.index).to_numpy(float)
    norms = np.linalg.norm(bought, axis=0)
    similarity = bought.T @ bought / np.outer(norms, norms)
    tested = before.index.intersection(after.index)
    expected = {}
    for method in (SIMILAR, POPULAR):
        hits = {1: 0, 3: 0}
        for place, customer in enumerate(before.index):
            if customer not in tested:
                continue
            score = similarity[:, bought[place] > 0].sum(axis=1) if method == SIMILAR else bought.sum(axis=0)
            ranked = [names[i] for i in np.lexsort((names, -np.round(score, 9))) if names[i] not in before[customer]]
            for k in hits:
                hits[k] += any(n in after[customer] for n in ranked[:k])
        expected |= {(method, k): (len(tested), n) for k, n in hits.items()}
    rates = recommendations.rates.set_index(["recommender", "categories_shown"])[["customers_tested", "hits"]]
    assert {key: tuple(row) for key, row in zip(rates.index, rates.to_numpy().tolist(), strict=True)} == expected

    baskets = lines.groupby("customer_id")["category"].agg(set)
    reach = lines.groupby("category")["customer_id"].nunique()
    order = sorted(reach.index, key=lambda n: (-reach[n], n))
    assert recommendations.recommender == POPULAR  # what the second computation below assumes
    second = {c: [n for n in order if n not in basket][:3] for c, basket in baskets.items()}
    first = recommendations.table.set_index("customer_id")[["next_best_category", "second_best_category", "third_best_category"]]
    assert {c: list(row) for c, row in zip(first.index, first.to_numpy(), strict=True)} == second
    ranking = recommendations.most_recommended(10**6)
    assert ranking["category_buyers"].tolist() == [reach[c] for c in ranking["category"]]
    assert ranking["recommended_to"].sum() == len(baskets)


def basket_tables(tables, baskets: dict[str, list[tuple[str, str]]], **more):
    """Order lines from customer -> (day, category); the product is called like its category."""
    rows = [(c, day, category) for c, bought in baskets.items() for day, category in bought]
    lines = pd.DataFrame(rows, columns=["customer_id", "order_date", "product_id"])
    lines = lines.assign(order_id=[f"o{i}" for i in range(len(lines))], line_id="1", line_amount="1.00")
    products = pd.DataFrame({"product_id": lines["product_id"].unique(), "category": lines["product_id"].unique()})
    return tables(order_lines=lines, products=products, **more)


OLD, NEW = "2024-01-01", "2024-04-01"


def two_tastes(size: int) -> dict[str, list[tuple[str, str]]]:
    """Cooks who have a pan but no spoon buy one later, and bakers who have a tin but no flour; the others buy other things."""
    cooks = {f"cook{i:03}": [(OLD, "pan"), (OLD, "spoon") if i % 2 else (NEW, "spoon"), (NEW, "pan")] for i in range(size + 4)}
    bakers = {f"baker{i:03}": [(OLD, "tin"), (OLD, "flour") if i % 2 else (NEW, "flour"), (NEW, "tin")] for i in range(size)}
    others = {f"other{i:03}": [(OLD, f"thing{j}") for j in range(3)] for i in range(size)}
    return cooks | bakers | others


def test_similarity_is_used_where_taste_tells_and_popularity_where_the_test_cannot_decide(tables):
    many = {f"d{i}": [(OLD, f"pop{j}") for j in range(4)] for i in range(200)}
    made = strategy.next_best_category(basket_tables(tables, two_tastes(60) | many))
    assert made.recommender == SIMILAR
    assert made.p_value < 0.001
    assert "p < 0.001" in made.note()
    assert made.headline().startswith("Similar categories recommend better than popular ones: ")
    assert made.finding().value == made.rates.set_index(["recommender", "categories_shown"]).loc[(SIMILAR, 3), "hit_rate"]
    undecided = strategy.next_best_category(basket_tables(tables, two_tastes(3)))
    assert undecided.recommender == POPULAR
    assert undecided.headline().startswith("No difference shows between recommending similar and popular categories: ")
    assert undecided.finding().confidence == "low"


def test_equal_scores_are_ordered_by_name_and_nothing_bought_comes_back(tables):
    baskets = {c: [(OLD, "bread"), (NEW, "bread")] for c in "abc"} | {
        "d": [(OLD, "pear"), (OLD, "apple"), (OLD, "fig"), (NEW, "fig")]
    }
    made = strategy.next_best_category(basket_tables(tables, baskets))
    assert made.table.set_index("customer_id").loc["a"].tolist() == ["apple", "fig", "pear", False]
    assert made.table.set_index("customer_id").loc["d"].tolist()[:1] == ["bread"]
    assert pd.isna(made.table.loc[3, "second_best_category"])
    assert (
        made.most_recommended_headline() == "“apple” is the next-best category most often, for 3 customers who do not buy it yet"
    )
    assert (
        strategy.next_best_category(basket_tables(tables, baskets), never=["apple"]).table.loc[0, "next_best_category"] == "fig"
    )


def test_one_customer_who_buys_everything_has_nothing_recommended(tables):
    made = strategy.next_best_category(basket_tables(tables, {"a": [(OLD, "x"), (NEW, "x")]}))
    assert made.contacts().empty
    assert made.most_recommended().empty
    assert made.most_recommended_headline() == "Nothing is left to recommend: every customer buys every category already"
    assert made.rates["hits"].tolist() == [0, 0, 0, 0]
    assert "Only 1 customer could be tested." in made.finding().warnings


def test_returns_nameless_lines_and_unknown_products_recommend_nothing(tables):
    lines = pd.DataFrame(
        [
            ("a", OLD, "bread", "2"), ("a", NEW, "bread", "2"), ("b", OLD, "bread", "2"), ("b", NEW, "milk", "3"),
            ("a", OLD, "milk", "-3"), (None, OLD, "jam", "1"), ("a", OLD, "mystery", "1"), ("b", OLD, "odd", "1"),
        ],
        columns=["customer_id", "order_date", "product_id", "line_amount"],
    )  # fmt: skip
    lines = lines.assign(order_id=[f"o{i}" for i in range(len(lines))], line_id="1")
    products = pd.DataFrame({"product_id": ["bread", "milk", "jam", "odd"], "category": ["bread", "milk", "jam", None]})
    made = strategy.next_best_category(tables(order_lines=lines, products=products))
    table = made.table.set_index("customer_id")["next_best_category"]
    assert table["a"] == "milk"  # sent back, so not owned
    assert pd.isna(table["b"])
    assert made.unknown_lines == pytest.approx(2 / 8)


def test_too_few_days_nobody_to_test_or_no_products_give_no_recommendation(tables):
    short = strategy.next_best_category(basket_tables(tables, {"a": [("2024-01-01", "x"), ("2024-02-24", "y")]}))
    assert short.text.startswith("Not shown: the orders span fewer than 56 days")
    assert (
        strategy.next_best_category(basket_tables(tables, {"a": [("2024-01-01", "x"), ("2024-02-25", "y")]})).rates["hits"].sum()
        == 0
    )
    nobody = strategy.next_best_category(basket_tables(tables, {"a": [(OLD, "x")], "b": [(NEW, "y")]}))
    assert nobody.text.startswith("Not shown: no customer bought a known category both in the last 28 days and before.")
    past = strategy.next_best_category(basket_tables(tables, {"a": [(OLD, "x"), (NEW, "y")]}, as_of=dt.date(2026, 1, 1)))
    assert past.text.startswith("Not shown: no customer bought a known category from 2 Jan 2025 to 1 Jan 2026.")
    bare = strategy.next_best_category(tables(orders=order_frame(("a", OLD, 1), ("a", NEW, 1))))
    assert isinstance(bare, NotAvailable)
    assert "products.category" in bare.missing


def test_hit_rates_carry_the_wilson_interval_of_the_literature():
    # Newcombe (1998), Two-sided confidence intervals for the single proportion, table I: 81/263 and 15/148 by the score method.
    for k, n, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)):
        hit = np.zeros((n, 3), dtype=bool)
        hit[:k] = True
        row = _rates({POPULAR: hit}).iloc[0]
        assert (round(row["hit_rate_low"], 4), round(row["hit_rate_high"], 4)) == (low, high)


@pytest.mark.parametrize(("b", "c"), [(0, 0), (1, 0), (13, 11), (20, 8), (3, 17)])
def test_the_methods_are_compared_by_the_exact_mcnemar_test(b, c):
    first, second = np.array([True] * b + [False] * c + [True] * 5), np.array([False] * b + [True] * c + [True] * 5)
    n = b + c
    expected = min(1.0, 2 * sum(math.comb(n, k) for k in range(min(b, c) + 1)) / 2**n)
    assert mcnemar(first, second) == pytest.approx(expected)


# --------------------------------------------------------------------------------------------------------------- keep list
def test_the_keep_list_of_the_real_case_equals_a_second_computation(grocery, plan, recommendations, raw_orders, segments):
    deals = pd.DataFrame({"customer_id": segments["customer_id"], "deal_group": "Mixed", "discount_share": 0.1})
    kept = strategy.keep_list(grocery, plan, recommendations, deals)
    expected = {}
    high = segments.loc[segments["value_tier"] == "High value", "customer_id"]
    stage = segments.set_index("customer_id")["lifecycle"]
    for customer, mine in raw_orders[raw_orders["customer_id"].isin(high)].groupby("customer_id"):
        later = mine.loc[mine["order_date"] >= "2017-10-02", "order_amount"].sum()
        earlier = mine.loc[(mine["order_date"] >= "2017-07-03") & (mine["order_date"] < "2017-10-02"), "order_amount"].sum()
        if stage[customer] in ("Lapsing", "Lapsed") or (earlier > 0 and later <= earlier * 2 / 3):
            stores = mine.groupby("store")["order_amount"].agg(["size", "sum"]).reset_index()
            store = stores.sort_values(["size", "sum", "store"], ascending=[False, False, True])["store"].iloc[0]
            silent = (pd.Timestamp("2017-12-31") - mine["order_date"].max().normalize()).days
            expected[customer] = (round(mine["order_amount"].sum(), 2), round(later / earlier - 1, 6), silent, store)
    table = kept.table.set_index("customer_id")
    made = zip(
        table["spend_at_stake"].round(2),
        table["spend_change"].round(6),
        table["days_since_last_order"],
        table["most_used_store"],
        strict=True,
    )
    assert len(expected) > 5
    assert dict(zip(table.index, made, strict=True)) == expected
    assert table["spend_at_stake"].is_monotonic_decreasing
    assert set(table["deal_group"]) == {"Mixed"}
    named = recommendations.table.set_index("customer_id")["next_best_category"]
    assert table["next_best_category"].tolist() == named[table.index].tolist()
    assert kept.high_value == len(high)
    assert kept.headline().startswith(f"{len(expected)} of {len(high)} high-value customers are at risk")


def half_year(*later: tuple) -> pd.DataFrame:
    """A first order long ago, so that both periods are covered, and then the given ones; the data ends on 30 June 2024."""
    return order_frame(("z", "2023-12-31", 1), ("z", "2024-06-30", 1), *later)


def test_a_third_less_is_at_risk_and_a_cent_better_is_not(tables):
    data = tables(
        orders=half_year(
            ("a", "2024-03-01", 300), ("a", "2024-05-01", 200), ("b", "2024-03-01", 300), ("b", "2024-05-01", 200.01)
        )
    )
    base = segment_frame(a=("High value", "Mature"), b=("High value", "Mature"), z=("Low value", "Mature"))
    kept = strategy.keep_list(data, strategy.plan(data, base, strategy.playbook()), ABSENT, ABSENT)
    assert kept.table["customer_id"].tolist() == ["a"]
    assert kept.table["keep_reason"].tolist() == ["Falling spend"]
    assert not {"next_best_category", "deal_group"} & set(kept.table.columns)
    assert kept.headline() == "1 of 2 high-value customers is at risk, with $500 of spend at stake"


def test_the_most_used_store_is_by_orders_then_spend_then_name(tables):
    rows = [("a", "2024-03-01", 300, "East"), ("a", "2024-03-02", 1, "West"), ("a", "2024-03-03", 1, "West")]
    rows += [
        ("b", "2024-03-01", 9, "East"),
        ("b", "2024-03-02", 300, "West"),
        ("c", "2024-03-01", 150, "West"),
        ("c", "2024-03-02", 150, "East"),
    ]
    rows += [
        ("d", "2024-03-01", 300, None),
        ("e", "2024-03-01", 200, "East"),
        ("e", "2024-03-02", -1, "West"),
        ("e", "2024-03-02", -1, "West"),
    ]
    data = tables(orders=half_year(*rows))
    base = segment_frame(**dict.fromkeys("abcde", ("High value", "Lapsing")))
    kept = strategy.keep_list(data, strategy.plan(data, base, strategy.playbook()))
    stores = kept.table.set_index("customer_id")["most_used_store"]
    assert [stores[c] for c in "abc"] == ["West", "West", "East"]
    assert pd.isna(stores["d"])
    assert stores["e"] == "East"  # two returns are no orders


def test_without_stores_or_with_a_short_past_the_list_says_what_it_cannot_tell(tables):
    data = tables(
        orders=order_frame(("a", "2024-01-01", 300), ("a", "2024-05-01", 1), ("b", "2024-05-20", 50)).drop(columns="store")
    )
    base = segment_frame(a=("High value", "Mature"), b=("High value", "Lapsing"))
    kept = strategy.keep_list(data, strategy.plan(data, base, strategy.playbook()))
    assert kept.table["customer_id"].tolist() == ["b"]
    assert "most_used_store" not in kept.table
    named = kept.note().split("The exported list gives for each customer: ")[1].split(".")[0]
    assert named == (
        "Value tier, Lifecycle stage, Reason, Days since last order, Spend at stake, Spend change, Action, Offer, "
        "and Service level"
    )
    assert kept.finding().so_what == "Work down the list, most spend first, and note who was contacted when."
    assert kept.table["spend_change"].isna().all()
    assert "The data spans fewer than 182 days, so falling spend cannot be told." in kept.finding().warnings


def test_nobody_at_risk_and_nobody_of_high_value_are_said_as_they_are(tables):
    data = tables(orders=half_year())
    for tier, says in (
        ("High value", "The only high-value customer is not at risk"),
        ("Low value", "There is no high-value customer to keep"),
    ):
        kept = strategy.keep_list(data, strategy.plan(data, segment_frame(z=(tier, "Mature")), strategy.playbook()))
        assert kept.headline() == says
        assert kept.contacts().empty
        assert kept.finding().so_what == "Nothing to do today: make the list again next month."


# ------------------------------------------------------------------------------------------------------------ money at stake
def test_break_even_without_a_cost_says_what_is_missing(plan):
    gone = strategy.break_even(plan)
    assert isinstance(gone, NotAvailable)
    assert "cost_per_contact" in gone.text


@pytest.mark.parametrize(
    ("cost", "margin", "kept", "says"),
    [
        (
            30.0,
            None,
            1,
            "“Keep” pays once 1 of 3 contacted customers is kept because of the contact",
        ),  # 90 of contacts, a customer brings 100
        (30.0, 0.3, 3, "“Keep” pays once 3 of 3 contacted customers are kept because of the contact"),  # 90 / 30 is exactly 3
        (50.0, 0.3, 5, "“Keep” cannot pay for its contacts: it would have to keep 5 customers, and 3 can be contacted"),
    ],
)
def test_break_even_is_cost_over_what_a_customer_brings(tables, cost, margin, kept, says):
    data = tables(orders=order_frame(("a", "2024-01-01", 50), ("b", "2024-01-01", 100), ("c", "2024-01-01", 150)))
    base = segment_frame(**dict.fromkeys("abc", ("High value", "Lapsing")))
    even = strategy.break_even(strategy.plan(data, base, playbook_of({"cost_per_contact": cost}, gross_margin=margin)))
    row = even.table.iloc[0]
    assert (row["contact_cost"], row["spend_per_customer"], row["break_even_customers"]) == (3 * cost, 100.0, kept)
    assert even.headline() == says
    assert ("counts spend, not profit" in even.note()) == (margin is None)


def test_a_play_whose_customers_bring_nothing_has_no_break_even(tables):
    data = tables(orders=order_frame(("a", "2024-01-01", 5), ("a", "2024-01-02", -5)))
    even = strategy.break_even(
        strategy.plan(data, segment_frame(a=("High value", "Lapsing")), playbook_of({"cost_per_contact": 1}))
    )
    assert even.table["break_even_customers"].isna().all()
    assert even.headline() == "No play with a cost has customers to contact who bring money"


def test_spend_at_risk_is_that_of_lapsing_and_lapsed_customers(plan, raw_orders, segments):
    leaving = segments.loc[segments["lifecycle"].isin(["Lapsing", "Lapsed"]), "customer_id"]
    money = strategy.money_at_stake(plan)
    assert money.customers == len(leaving) > 0
    assert money.spend == pytest.approx(raw_orders.loc[raw_orders["customer_id"].isin(leaving), "order_amount"].sum(), abs=0.01)
    assert money.share == pytest.approx(money.spend / raw_orders["order_amount"].sum())


def test_an_unknown_stage_is_not_reported_as_nobody_at_risk(tables):
    data = tables(orders=order_frame(("a", "2024-01-01", 5)))
    base = segment_frame(a=("High value", None))
    money = strategy.money_at_stake(strategy.plan(data, base, playbook_of({"lifecycle": None})))
    assert money.headline() == "The lifecycle stage of the customers is not known, so spend at risk cannot be told"


# --------------------------------------------------------------------------------------------------------------------- goals
def test_todays_values_equal_a_second_computation_on_the_real_case(grocery, plan, raw_orders, raw_lines):
    goals = strategy.goals(grocery, plan)
    members = plan.table.groupby("play")["customer_id"].agg(list)
    checked = set()
    for row in goals.table.itertuples():
        if not row.customers:
            assert math.isnan(row.kpi_value)
            continue
        start = pd.Timestamp("2018-01-01") - pd.Timedelta(days=row.measured_days)
        recent = raw_orders[raw_orders["customer_id"].isin(members[row.play]) & (raw_orders["order_date"] >= start)]
        lines = raw_lines[raw_lines["customer_id"].isin(members[row.play]) & (raw_lines["order_date"] >= start)]
        total = {
            "ordering_customers": recent["customer_id"].nunique(),
            "spend_per_customer": recent["order_amount"].sum(),
            "orders_per_customer": len(recent),
            "categories_per_customer": lines.dropna(subset="category").groupby("customer_id")["category"].nunique().sum(),
        }[row.measure]
        assert row.kpi_value == pytest.approx(total / len(members[row.play]))
        assert row.review_date == dt.date(2017, 12, 31) + dt.timedelta(days=row.measured_days)
        checked.add(row.measure)
    assert checked == {"ordering_customers", "spend_per_customer", "orders_per_customer", "categories_per_customer"}


def test_a_value_that_cannot_be_known_today_is_left_open(tables):
    own = {"name": "Visits", "definition": "Visits to the site", "direction": "down"}
    plays = playbook_of(
        {"play": "own", "value_tier": ["High value"], "kpi": own},
        {"play": "long", "value_tier": ["Medium value"], "review_after_days": 31},
        {"play": "goods", "value_tier": ["Low value"], "kpi": {"measure": "categories_per_customer", "direction": "up"}},
        {"play": "just", "value_tier": ["No order yet"], "kpi": {"measure": "ordering_customers", "direction": "up"}},
    )
    data = tables(orders=order_frame(("a", "2024-01-01", 5), ("b", "2024-01-05", 5), ("c", "2024-01-30", 5)))
    base = segment_frame(**{c: (t, "Lapsing") for c, t in zip("abcd", VALUE_TIERS, strict=True)})
    goals = strategy.goals(data, strategy.plan(data, base, plays))
    assert goals.table["kpi_value"].isna().tolist() == [True, True, True, False]
    assert goals.sheet()["kpi_today"].tolist() == ["–", "–", "–", "0.0%"]
    assert goals.sheet()["kpi_direction"].tolist() == ["Lower", "Raise", "Raise", "Raise"]
    assert goals.headline() == "1 of 4 plays with customers have a measured starting point; the first review is on 29 Feb 2024"


def test_a_return_is_no_order_but_lowers_spend(tables):
    data = tables(
        orders=order_frame(("a", "2024-01-01", 5), ("a", "2024-02-20", 10), ("a", "2024-02-21", -4), ("b", "2024-02-21", -1))
    )
    base = segment_frame(a=("High value", "Lapsing"), b=("High value", "Lapsing"))
    made = {
        m: strategy.goals(data, strategy.plan(data, base, playbook_of({"kpi": {"measure": m, "direction": "up"}}))).table[
            "kpi_value"
        ][0]
        for m in ("ordering_customers", "orders_per_customer", "spend_per_customer")
    }
    assert made == {"ordering_customers": 0.5, "orders_per_customer": 0.5, "spend_per_customer": 2.5}


# ---------------------------------------------------------------------------------------------------------------- all of them
def texts_and_frames(tables):
    segments = _segments(tables)
    plan = strategy.plan(tables, segments, strategy.playbook())
    recommended = strategy.next_best_category(tables, never=NEVER)
    kept = strategy.keep_list(tables, plan, recommended, ABSENT)
    money, goals = strategy.money_at_stake(plan), strategy.goals(tables, plan)
    findings = [result.finding() for result in (plan, recommended, kept, money, goals)]
    frames = [
        plan.table, plan.summary(), plan.actions(), plan.contacts(), plan.assignments(), recommended.table, recommended.rates,
        recommended.most_recommended(), recommended.contacts(), kept.table, kept.top(), kept.contacts(), goals.table,
        goals.sheet(), goals.duties(),
    ]  # fmt: skip
    return (
        findings,
        frames,
        [plan.note(), recommended.note(), recommended.most_recommended_note(), kept.note(), money.note(), goals.note()],
    )


def test_shuffling_rows_never_changes_a_play_a_recommendation_or_a_word(grocery, shuffled_grocery):
    findings, frames, notes = texts_and_frames(grocery)
    others, other_frames, other_notes = texts_and_frames(shuffled_grocery)
    assert findings == others
    assert notes == other_notes
    for one, other in zip(frames, other_frames, strict=True):
        pd.testing.assert_frame_equal(one, other)


def test_every_column_that_is_shown_or_exported_is_described(grocery, plan, recommendations):
    costly = strategy.playbook().model_copy(
        update={"plays": [p.model_copy(update={"cost_per_contact": 2.0}) for p in strategy.playbook().plays]}
    )
    kept, goals = strategy.keep_list(grocery, plan, recommendations), strategy.goals(grocery, plan)
    even = strategy.break_even(strategy.plan(grocery, plan.table, costly))
    shown = [
        plan.actions(),
        plan.summary(),
        plan.contacts(),
        recommendations.evaluation(),
        recommendations.most_recommended(),
        recommendations.contacts(),
    ]
    shown += [kept.top(), kept.contacts(), even.table, goals.sheet(), goals.duties()]
    for frame in shown:
        assert len(frame)
        labels = [columns.label(name) for name in frame.columns]
        assert len(set(labels)) == len(labels)
        assert all(isinstance(columns.formatted(name, value), str) for name in frame.columns for value in frame[name].head(3))


def test_the_chart_draws_every_play_and_marks_those_for_leaving_customers(plan):
    axes = strategy.money_at_stake(plan).chart().axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == list(plan.plays)
    colours = {patch.get_facecolor() for patch in axes.patches}
    assert len(axes.patches) == len(plan.plays)
    assert len(colours) == 2
