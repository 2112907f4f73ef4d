"""Points: what they cost is what is booked, and what a change brought is told against the tiers that had none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from conftest import make_tables
from fivestep import strategy
from fivestep.findings import NotAvailable
from fivestep.language import columns
from fivestep.strategy.points import COSTS, PARTED, PAYS, SAME, UNSEEN

BOOK = strategy.playbook().model_copy(update={"gross_margin": 0.5})
AFTER = {"basic": (0.01, 0.0), "gold": (0.06, 0.0), "black": (0.02, 0.4)}  # rate and share of more orders from July 2023


def company(lift: dict[str, tuple[float, float]], members: int = 60) -> dict[str, pd.DataFrame]:
    """A year of *members* members in each tier, who order every four days on average; from July on as *lift* says."""
    rng = np.random.default_rng(2)
    rows, costs, tiers = [], [], []
    for tier, (rate, more) in lift.items():
        for i in range(members):
            customer = f"{tier}{i:02}"
            tiers.append((customer, tier, 100 + i))
            days = np.concatenate(
                [[0], rng.integers(1, 181, rng.poisson(45)), rng.integers(181, 365, rng.poisson(46 * (1 + more)))]
            )
            when = pd.Timestamp("2023-01-01") + pd.to_timedelta(np.sort(days), unit="D")
            rows += [(customer, day, 10) for day in when]
            for month, n in pd.Series(10.0, index=when).resample("ME").sum().items():
                costs.append((customer, month, "Points given", round(n * (rate if month.month >= 7 else 0.01), 2)))
    orders = pd.DataFrame(rows, columns=["customer_id", "order_date", "order_amount"])
    orders["order_id"] = [f"o{i:05}" for i in range(len(orders))]
    booked = pd.DataFrame(costs, columns=["customer_id", "cost_date", "cost_type", "amount"])
    booked["cost_id"] = [str(i) for i in range(len(booked))]
    extra = pd.DataFrame({"customer_id": ["gold00"], "cost_date": ["2023-12-01"], "cost_type": ["service"], "amount": [999]})
    booked = pd.concat([booked.assign(cost_date=booked["cost_date"].dt.date), extra.assign(cost_id="x")])
    return {
        "orders": orders,
        "customers": pd.DataFrame(tiers, columns=["customer_id", "member_level", "points"]),
        "costs": booked,
    }


@pytest.fixture(scope="module")
def made():
    frames = company(AFTER)
    return frames, strategy.points(make_tables(**frames), BOOK)


def test_the_cost_of_points_is_what_is_booked_and_what_they_must_bring_follows(made):
    frames, result = made
    table = result.table.set_index("member_level")
    costs = frames["costs"].query("cost_type != 'service'").merge(frames["customers"], on="customer_id")
    spend = frames["orders"].merge(frames["customers"], on="customer_id").groupby("member_level")["order_amount"].sum()
    assert table["points_cost"].to_dict() == pytest.approx(costs.groupby("member_level")["amount"].sum().to_dict())
    assert table["spend"].to_dict() == spend.to_dict()
    assert table["points_on_account"].to_dict() == {t: sum(range(100, 160)) for t in AFTER}
    # Orders that raise spend from 1 to 1 + x bring 0.5 x and cost rate x 0.8 x (1 + x).
    rate, x = table.loc["basic", "points_rate"] * 0.8, table.loc["basic", "points_needed"]
    assert 0.5 * x == pytest.approx(rate * (1 + x))


def test_a_change_of_points_is_dated_and_judged_against_the_tiers_without_one(made):
    frames, result = made
    table = result.table.set_index("member_level")
    assert table["points_verdict"].to_dict() == {"basic": SAME, "gold": table.loc["gold", "points_verdict"], "black": PAYS}
    assert table.loc["gold", "points_verdict"] in (COSTS, UNSEEN)
    assert table.loc[["gold", "black"], "points_since"].eq(pd.Timestamp("2023-07-01")).all()
    assert table.loc["black", "points_effect_low"] <= 0.4 <= table.loc["black", "points_effect_high"]
    assert table.loc["gold", "points_effect_low"] <= 0 <= table.loc["gold", "points_effect_high"]
    near = frames["orders"].merge(frames["customers"], on="customer_id")
    near = near[near["order_date"].between("2023-04-01", "2023-09-30")]
    counted = near.groupby(["member_level", near["order_date"] >= "2023-07-01"]).size().unstack()
    ratio = counted[True] / counted[False]
    assert table.loc["black", "points_effect"] == pytest.approx(ratio["black"] / ratio["basic"] - 1)
    assert result.effects_headline() == "More points pay in black; in gold they cost more and bring nothing that can be seen"


def test_the_simulation_takes_back_what_does_not_pay(made):
    _frames, result = made
    rows = result.simulation()
    table = result.table.set_index("member_level")
    assert len(rows) == 3
    assert rows["points_cost_redeemed"].tolist() == pytest.approx((rows["points_cost_year"] * 0.8).tolist())
    assert rows["design_net"][1] == pytest.approx(-table.loc["gold", "points_net"])
    assert (rows["design_net_low"] <= rows["design_net"]).all()
    assert (rows["design_net"] <= rows["design_net_high"]).all()
    for frame in (result.shown(), result.effects(), rows):
        for row in frame.itertuples(index=False):
            assert all(columns.formatted(name, value) for name, value in zip(frame.columns, row, strict=True))
    assert result.finding().evidence


def test_a_tier_whose_points_changed_is_never_what_others_are_compared_with():
    """Black, whose points rose by less than a half, ordered more; compared with it, gold would seem to have lost orders."""
    result = strategy.points(make_tables(**company({"basic": (0.01, 0.0), "gold": (0.06, 0.0), "black": (0.014, 0.4)})), BOOK)
    table = result.table.set_index("member_level")
    assert table.loc["black", "points_since"] == pd.Timestamp("2023-07-01")
    assert table.loc["gold", "points_effect_low"] <= 0 <= table.loc["gold", "points_effect_high"]
    assert table.loc["black", "points_effect_low"] <= 0.4 <= table.loc["black", "points_effect_high"]


def test_a_tier_that_had_parted_before_its_points_changed_gets_no_effect():
    frames = company(AFTER)
    january = frames["orders"].query("order_date < '2023-02-01'")
    december = january.assign(order_date=january["order_date"] - pd.DateOffset(days=31), order_id="e" + january["order_id"])
    orders = pd.concat([frames["orders"], december], ignore_index=True)
    costs = orders[["customer_id", "order_date"]].merge(frames["customers"])  # each order of 10 brings points, booked that day
    rate = costs["member_level"].map({tier: rate for tier, (rate, _more) in AFTER.items()})
    rate = rate.where(costs["order_date"] >= "2023-07-01", 0.01)
    costs = costs.assign(amount=rate * 10, cost_type="points", cost_date=costs["order_date"].dt.date, cost_id=orders["order_id"])
    early = orders["customer_id"].str.startswith("gold") & (orders["order_date"] < "2023-04-01")
    kept = ~early | (orders.groupby("customer_id").cumcount() % 3 < 1)  # gold had begun to order more in April
    frames |= {"orders": orders[kept], "costs": costs[kept][["cost_id", "customer_id", "cost_date", "cost_type", "amount"]]}
    result = strategy.points(make_tables(**frames), BOOK)
    row = result.table.set_index("member_level").loc["gold"]
    assert row["points_verdict"] == PARTED
    assert row["points_lead_low"] > 0
    assert np.isnan([row["points_effect"], row["points_net"]]).all()
    assert result.finding().value == pytest.approx(result.told["points_net"].sum())


def test_where_no_rate_changed_no_effect_is_claimed():
    result = strategy.points(make_tables(**company({"basic": (0.01, 0.0), "gold": (0.01, 0.3)}, members=8)), BOOK)
    assert (result.table["points_verdict"] == SAME).all()
    assert isinstance(result.effects(), NotAvailable)
    assert result.simulation()["points_design"].tolist() == ["As today"]
    assert result.finding().display == "—" or result.finding().display
    assert result.finding().value != result.finding().value  # NaN


def test_without_points_or_margin_nothing_is_said():
    frames = company({"basic": (0.01, 0.0)}, members=3)
    assert isinstance(strategy.points(make_tables(**frames), strategy.playbook()), NotAvailable)
    none = frames | {"costs": frames["costs"].assign(cost_type="service")}
    assert "no cost of a member is booked as points" in strategy.points(make_tables(**none), BOOK).text
