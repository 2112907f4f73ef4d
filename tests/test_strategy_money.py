"""Money in the strategy: effects that were measured or said, what each play brings, the best plan within its limits."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from conftest import make_tables
from fivestep import strategy
from fivestep.engine import Tables
from fivestep.errors import UserError
from fivestep.findings import NotAvailable
from fivestep.language import columns
from fivestep.strategy.campaign_effects import cost_of_a_contact, gross_margin
from test_strategy import PLAY, order_frame, playbook_of, segment_frame, written

SAID = {"origin": "assumption", "share": 0.1, "low": 0.05, "high": 0.2}


def two_plays(one: dict | None = None, other: dict | None = None, **beside) -> strategy.Playbook:
    """“Keep” for high value and “Grow” for medium value, each with a cost of 1 and an assumed effect of a tenth."""
    usual = {"cost_per_contact": 1.0, "effect": SAID}
    return playbook_of(
        {**usual, **(one or {})},
        {**usual, "play": "Grow", "value_tier": ["Medium value"], "owner": "Sales", **(other or {})},
        **beside,
    )


def company(high: int = 10, medium: int = 20) -> tuple[Tables, pd.DataFrame]:
    """Customers of high value who spent 100 each and of medium value who spent 30 each, all lapsing."""
    ids = [f"h{i:02}" for i in range(high)] + [f"m{i:02}" for i in range(medium)]
    rows = [(c, "2024-01-01", 100 if c[0] == "h" else 30) for c in ids]
    tiers = {c: ("High value" if c[0] == "h" else "Medium value", "Lapsing") for c in ids}
    return make_tables(orders=order_frame(*rows)), segment_frame(**tiers)


@pytest.fixture(scope="module")
def thirty():
    return company()


def returns_of(thirty, playbook) -> strategy.ExpectedReturns:
    tables, segments = thirty
    return strategy.expected_returns(tables, strategy.plan(tables, segments, playbook))


# ---------------------------------------------------------------------------------------------------------- what a playbook says
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"effect": {"origin": "measured", "share": 0.1}}, "effect: a measured effect comes from the data"),
        ({"effect": {"origin": "assumption", "share": 0.1}}, "effect: an assumption needs share, low and high"),
        ({"effect": {**SAID, "low": 0.3}}, "effect: low, share and high must stand in this order"),
        ({"effect": {**SAID, "origin": "benchmark"}}, "effect: a benchmark needs its source"),
        ({"effect": {**SAID, "origin": "guess"}}, "effect.origin: Write 'measured', 'benchmark' or 'assumption'"),
        ({"contacts_a_year": 0}, "contacts_a_year: Write 1 or a greater number (it says 0)."),
    ],
)  # fmt: skip
def test_an_effect_that_says_not_where_it_is_from_is_refused(tmp_path, change, says):
    with pytest.raises(UserError) as error:
        strategy.playbook(written(tmp_path / "playbook.yml", {**PLAY, **change}))
    assert str(error.value).startswith(f"playbook.yml: play 1 (Keep): {says}")


def test_a_limit_for_somebody_who_owns_no_play_is_refused(tmp_path):
    with pytest.raises(UserError, match="'Nobody' owns no play; owners are Head of sales"):
        strategy.playbook(written(tmp_path / "playbook.yml", PLAY, contacts_by_owner={"Nobody": 5}))


def test_a_playbook_of_old_is_read_and_what_it_leaves_out_is_said(thirty):
    tables, segments = thirty
    plan = strategy.plan(tables, segments, playbook_of({}, {"play": "Grow", "value_tier": ["Medium value"], "offer": "Cake"}))
    assert plan.offers()["offer"].fillna("–").tolist() == ["–", "Cake"]
    assert plan.offers_note() == (
        "No offer is given for Keep: add offer to playbook.yml. "
        "No service level is given for Keep and Grow: add service_level to playbook.yml."
    )
    assert strategy.plan(tables, segments, strategy.playbook()).offers_note() == ""
    gone = strategy.expected_returns(tables, plan)
    assert isinstance(gone, NotAvailable)
    assert "neither the playbook nor a randomised campaign in the data says what contact adds" in gone.text
    assert isinstance(strategy.budget(gone), NotAvailable)


def test_every_shipped_play_says_what_is_offered_and_how_customers_are_served():
    plays = {p.play: p for p in strategy.playbook().plays}
    assert all(p.offer and p.service_level and p.contacts_a_year >= 1 for p in plays.values())
    best, grow, simple = plays["Protect the best"], plays["Grow"], plays["Serve simply"]
    assert "event" in best.offer
    assert best.contacts_a_year == 4
    assert "One person" in best.service_level
    assert ("sample" in grow.offer, grow.value_tier) == (True, ["Medium value"])
    assert ("promotions" in simple.offer, "brand" in simple.offer) == (True, True)
    assert all(p.effect is None and p.cost_per_contact is None for p in plays.values())  # nobody has measured them here


# ------------------------------------------------------------------------------------------------------------ expected returns
def test_a_return_is_customers_times_stake_times_effect_times_margin_less_cost(thirty):
    made = returns_of(thirty, two_plays({"contacts_a_year": 3}, gross_margin=0.5))
    keep, grow = made.table.to_dict("records")
    assert keep["expected_return"] == pytest.approx(10 * 100 * 0.1 * 0.5 - 10 * 3 * 1)
    assert (grow["expected_return_low"], grow["expected_return_high"]) == pytest.approx(
        (-5.0, 40.0)
    )  # 20 × 30 × 5 or 20 % / 2 - 20
    assert made.headline() == "2 of 2 plays are expected to pay for their contacts, “Keep” most: $20 within a year"
    assert made.sure_headline() == "0 of 2 plays pay even at the lower end of their effects"
    assert "assumptions that nobody has measured" in " ".join(made.finding().warnings)
    assert made.finding().value == 30.0


def test_without_a_margin_spend_is_counted_and_said_to_be_too_high(thirty):
    made = returns_of(thirty, two_plays())
    assert made.margin == 1.0
    assert "the true return is lower" in made.note()


def test_no_play_that_pays_is_said_and_no_plan_made(thirty):
    made = returns_of(thirty, two_plays({"cost_per_contact": 50.0}, {"cost_per_contact": 50.0}))
    assert made.headline() == "None of the 2 plays with a cost and an effect is expected to pay for its contacts"
    plan = strategy.budget(made)
    assert plan.headline() == "The best plan contacts nobody: no contact is expected to bring more than it costs"
    assert isinstance(plan.curve_chart(), NotAvailable)
    assert plan.curve_headline() == "No budget brings a return within the limits"
    assert plan.value == plan.cost == 0
    assert plan.sensitivity().shown()["first_if_low"].isna().any()
    assert plan.sensitivity().headline() == "No contact is planned, and no single assumption changes that"
    near = strategy.budget(returns_of(thirty, two_plays({"cost_per_contact": 11.0}, {"cost_per_contact": 50.0}))).sensitivity()
    assert near.headline().startswith("No contact is planned; these assumptions could change that: Effect for “Keep”")


def test_who_opted_out_is_not_counted():
    customers = pd.DataFrame({"customer_id": ["a", "b"], "marketing_opt_out": [True, False]})
    tables = make_tables(orders=order_frame(("a", "2024-01-01", 1000), ("b", "2024-01-01", 50)), customers=customers)
    made = returns_of((tables, segment_frame(a=("High value", "Lapsing"), b=("High value", "Lapsing"))), two_plays())
    assert made.table[["contactable", "stake_per_contactable"]].to_numpy().tolist() == [[1, 50.0]]


# ------------------------------------------------------------------------------------------------------------ measured effects
def campaign_company(seed: int = 3, n: int = 400, lift: float = 20.0) -> tuple[Tables, pd.DataFrame]:
    """Customers drawn into a campaign of February 2024, who spend around 100 in it and *lift* more if contacted."""
    rng = np.random.default_rng(seed)
    treated = rng.random(n) < 0.5
    spend = rng.gamma(4, 25, n) + np.where(treated, lift, 0)
    ids = [f"c{i:03}" for i in range(n)]
    orders = order_frame(*[(c, "2024-02-10", f"{s:.2f}") for c, s in zip(ids, spend, strict=True)], ("c000", "2024-01-01", 5),
                         ("c000", "2024-03-20", 7))  # fmt: skip
    campaigns = pd.DataFrame({
        "campaign_id": ["K1", "K2", "K3"], "start_date": ["2024-02-01", "2024-02-01", "2024-03-10"],
        "end_date": ["2024-02-28", "2024-02-28", "2024-04-10"], "randomised": [True, False, True], "cost": [800, 1, 1],
    })  # fmt: skip
    exposures = pd.DataFrame({"campaign_id": "K1", "customer_id": ids, "treated": treated})
    exposures = pd.concat([exposures, exposures.assign(campaign_id="K3")])
    frame = pd.DataFrame({"customer_id": ids, "treated": treated, "spend": np.round(spend, 2)})
    return make_tables(orders=orders, campaigns=campaigns, exposures=exposures), frame


def test_a_measured_effect_is_that_of_a_second_computation_and_only_of_whole_randomised_campaigns():
    tables, frame = campaign_company()
    effects = strategy.campaign_effects(tables)
    assert effects.table["campaign_id"].tolist() == ["K1"]  # K2 was not randomised, K3 runs on
    contacted, control = (frame.loc[frame["treated"] == arm, "spend"] for arm in (True, False))
    a_year = control.mean() * 365 / 28
    share = (contacted.mean() - control.mean()) / a_year
    error = math.sqrt(
        contacted.var() / len(contacted) / contacted.mean() ** 2 + control.var() / len(control) / control.mean() ** 2
    )
    low = (math.exp(math.log(contacted.mean() / control.mean()) - 1.959964 * error) - 1) * 28 / 365
    measured = effects.effect()
    assert measured.share == pytest.approx(share)
    assert measured.low == pytest.approx(low, rel=1e-5)
    assert effects.effect("K2") is None
    assert cost_of_a_contact(tables) == pytest.approx(801 / (2 * frame["treated"].sum()))


def test_intervals_of_the_measured_effect_cover_the_planted_one():
    truth = 20 / (100 * 365 / 28)
    inside = 0
    for seed in range(8):
        found = strategy.campaign_effects(campaign_company(seed, n=120)[0]).effect()
        inside += found.low <= truth <= found.high
    assert inside >= 7


def test_a_measured_effect_carries_from_the_campaign_to_the_plan():
    tables, _frame = campaign_company()
    ids = tables.customers.to_pandas()["customer_id"]
    segments = segment_frame(**dict.fromkeys(ids, ("High value", "Lapsing")))
    made = strategy.expected_returns(tables, strategy.plan(tables, segments, playbook_of({})))
    measured = strategy.campaign_effects(tables).effect()
    row = made.table.iloc[0]
    assert row["effect_origin"] == "Measured here"
    worth = row["contactable"] * row["stake_per_contactable"]
    assert row["expected_return"] == pytest.approx(worth * measured.share - row["contactable"] * cost_of_a_contact(tables))
    said = strategy.budget(made).sensitivity().shown()["assumption"].tolist()
    assert "Effect measured on campaigns (1 randomised campaign of this engagement)" in said


def test_a_campaign_in_which_somebody_is_both_contacted_and_control_tells_no_effect():
    orders = order_frame(("a", "2024-01-01", 5), ("b", "2024-02-01", 5), ("c", "2024-03-01", 5))
    campaigns = pd.DataFrame(
        {"campaign_id": ["K"], "start_date": ["2024-01-02"], "end_date": ["2024-02-02"], "randomised": [True]}
    )
    exposures = pd.DataFrame({"campaign_id": "K", "customer_id": list("aabbc"), "treated": [True, False, True, True, False]})
    tables = make_tables(orders=orders, campaigns=campaigns, exposures=exposures)
    assert "no randomised campaign with a control group" in strategy.campaign_effects(tables).text
    assert cost_of_a_contact(tables) is None


def test_the_margin_is_that_of_the_lines_with_a_cost():
    lines = pd.DataFrame({"order_id": ["o1", "o1", "o2"], "line_id": list("123"), "customer_id": "a", "order_date": "2024-01-01",
                          "product_id": "p", "line_amount": [100, 50, 999], "cost": [60, 30, None]})  # fmt: skip
    tables = make_tables(order_lines=lines)
    assert gross_margin(tables, tables.first_day) == pytest.approx(0.4)


# ------------------------------------------------------------------------------------------------------------------ the budget
@pytest.mark.parametrize(
    "limits",
    [{"budget": 12.0}, {"budget": 17.0, "control_share": 0.25}, {"contacts_by_owner": {"Sales": 7}, "control_share": 0.0}, {}],
)
def test_the_plan_is_the_best_of_all_that_keep_the_limits(thirty, limits):
    made = returns_of(thirty, two_plays({"contacts_a_year": 2}, gross_margin=0.6, **limits))
    plan = strategy.budget(made)
    share = limits.get("control_share", 0.1)
    most = [n - math.ceil(round(n * share, 9)) for n in (10, 20)]
    gain, cost = (100 * 0.1 * 0.6 - 2, 30 * 0.1 * 0.6 - 1), (2, 1)
    allowed = [
        pair for pair in itertools.product(*(range(m + 1) for m in most))
        if pair[0] * cost[0] + pair[1] * cost[1] <= limits.get("budget", math.inf)
        and pair[1] <= limits.get("contacts_by_owner", {}).get("Sales", math.inf)
    ]  # fmt: skip
    best = max(sum(n * g for n, g in zip(pair, gain, strict=True)) for pair in allowed)
    assert plan.table["most_contacted"].tolist() == most
    assert tuple(plan.table["planned_customers"]) in allowed
    # A linear programme may have to leave a part of one customer.
    assert best - max(gain) < plan.value <= best + 1e-9
    assert plan.cost == pytest.approx(plan.table["planned_customers"] @ list(cost))


def test_the_curve_never_falls_and_ends_at_the_plan_without_a_budget(thirty):
    plan = strategy.budget(returns_of(thirty, two_plays()))
    curve = plan.curve()["expected_return"]
    assert curve.is_monotonic_increasing
    assert curve.iloc[0] == 0
    assert curve.iloc[-1] == pytest.approx(plan.value)


def test_an_assumption_that_turns_the_plan_round_is_named(thirty):
    """Keep brings 10 per unit of cost and Grow 3; only if the effect of Keep could be a fiftieth does Grow come first."""
    steady = {"effect": {**SAID, "low": 0.09, "high": 0.11}}
    firm = strategy.budget(returns_of(thirty, two_plays(steady, steady))).sensitivity()
    assert firm.turning == firm.losing == []
    assert firm.headline() == "No single assumption turns the plan round; it hangs most on this one: Spend at stake"
    shaky = {"effect": {**SAID, "low": 0.02}}
    turned = strategy.budget(returns_of(thirty, two_plays(shaky, steady))).sensitivity()
    assert turned.turning == ["Effect for “Keep”"]
    assert turned.headline().endswith("which play comes first hangs on them: Effect for “Keep”")
    row = turned.table.set_index(turned.table["assumption"].astype(str)).filter(like="Keep", axis=0).iloc[0]
    assert row["return_if_low"] == pytest.approx(9 * (100 * 0.02 - 1) + 18 * (30 * 0.1 - 1))
    losing = {"effect": {**SAID, "low": -1.0}}
    assert strategy.budget(returns_of(thirty, two_plays(losing, steady))).sensitivity().losing == ["Effect for “Keep”"]


def test_every_column_of_the_money_tables_is_described_and_the_figures_are_drawn(thirty):
    made = returns_of(thirty, two_plays())
    plan = strategy.budget(made)
    for frame in (made.shown(), plan.shown(), plan.sensitivity().shown(), made.plan.offers()):
        assert len(frame)
        assert all(isinstance(columns.formatted(name, value), str) for name in frame.columns for value in frame[name])
    assert len(made.chart().axes[0].get_yticklabels()) == 2
    assert len(plan.sensitivity().chart().axes[0].get_yticklabels()) == len(plan.sensitivity().table)
    assert plan.curve_chart().axes[0].lines
    assert plan.finding().confidence == "medium"


def test_a_campaign_that_the_data_does_not_have_is_refused(thirty):
    book = two_plays({"effect": {"origin": "measured", "campaign": "K99"}})
    says = r"^playbook.yml: play Keep: effect.campaign: the data has no campaign 'K99'. Campaigns there: none"
    with pytest.raises(UserError, match=says):
        returns_of(thirty, book)
