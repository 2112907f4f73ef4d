"""Events: whoever buys more comes more often, and that is not taken for an effect; keeping is held against winning."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from conftest import make_tables
from fivestep import strategy
from fivestep.findings import NotAvailable
from fivestep.intervals import welch
from fivestep.language import columns
from fivestep.matched import CREDITED, REFUSED_OTHERS
from fivestep.strategy.events import INVITED, INVITED_NONE
from test_strategy import order_frame, segment_frame

BOOK = strategy.playbook().model_copy(update={"gross_margin": 0.5})
EVENT = pd.Timestamp("2024-06-10")
SIZE = 600


def company(added: float, *, drawn: bool = False) -> dict[str, pd.DataFrame]:
    """Customers who spend at a rate of their own; a tasting, to which the busy came, *added* to what guests spent afterwards."""
    rng = np.random.default_rng(4)
    rate = rng.gamma(4, 0.75, SIZE)  # orders in four weeks
    chance = rng.random(SIZE) < (0.5 if drawn else 0.4)
    came = chance & (rng.random(SIZE) < np.clip(rate / 6, 0.1, 0.9))
    rows = []
    for i in range(SIZE):
        for period in range(-5, 2):
            n = rng.poisson(rate[i])
            days = rng.integers(0, 28, n) + 28 * period
            rows += [(f"c{i:03}", EVENT + pd.Timedelta(days=int(d)), 10.0) for d in days]
            if came[i] and period == 0 and added:
                rows.append((f"c{i:03}", EVENT + pd.Timedelta(days=3), added))
    orders = order_frame(*rows)
    exposures = pd.DataFrame({
        "campaign_id": "E", "customer_id": [f"c{i:03}" for i in range(SIZE)], "treated": chance, "attended": came,
    })  # fmt: skip
    campaigns = pd.DataFrame({
        "campaign_id": ["E"], "campaign_name": ["Tasting"], "start_date": [EVENT.date()], "randomised": [drawn], "cost": [900],
    })  # fmt: skip
    return {"orders": orders, "campaigns": campaigns, "exposures": exposures if drawn else exposures[chance]}


def held(frames: dict[str, pd.DataFrame]) -> strategy.Events | NotAvailable:
    best = {f"c{i:03}": ("High value", "Mature") for i in range(12)}
    segments = segment_frame(**best, c900=("Low value", "Mature"))
    tables = make_tables(**frames)
    plan = strategy.plan(tables, segments, BOOK)
    return strategy.events(tables, plan, strategy.care_calendar(tables, plan, currency="CNY"))


def test_guests_who_buy_more_anyway_are_not_credited_and_an_effect_is():
    nothing, something = held(company(0)), held(company(60))
    row = nothing.table.iloc[0]
    assert row["stayed_away_gap"] > 5  # the naive comparison is wrong
    assert row["event_verdict"] != CREDITED
    assert nothing.headline().endswith("but coming is not shown to have brought it")
    row = something.table.iloc[0]
    assert row["event_verdict"] == CREDITED
    assert row["event_gap_low"] <= 60 <= row["event_gap_high"]


def test_invited_by_chance_all_invited_are_compared_with_all_others():
    frames = company(60, drawn=True)
    row = held(frames).table.iloc[0]
    orders, people = frames["orders"], frames["exposures"].set_index("customer_id")
    during = orders[pd.to_datetime(orders["order_date"]).between(EVENT, EVENT + pd.Timedelta(days=27, hours=23))]
    spend = during.groupby("customer_id")["order_amount"].sum().reindex(people.index).fillna(0.0).astype(float)
    one, other = spend[people["treated"]], spend[~people["treated"]]
    low, high = welch(len(one), one.mean(), one.var(), len(other), other.mean(), other.var())
    assert [row["event_gap"], row["event_gap_low"], row["event_gap_high"]] == pytest.approx(
        [one.mean() - other.mean(), low, high]
    )
    assert row["event_verdict"] == (INVITED if low > 0 else INVITED_NONE)
    came = people.loc[people["treated"], "attended"]
    assert row["attended_share"] == pytest.approx(came.mean())
    assert row["attended_low"] < came.mean() < row["attended_high"]
    assert row["event_cost_guest"] == pytest.approx(900 / came.sum())


def test_the_next_events_have_guests_days_and_a_cost():
    made = held(company(0))
    first = made.planned.iloc[0]
    share, invited = made.table.loc[0, ["attended_share", "invited"]]
    assert (first["play"], first["invited"], first["care_occasion"]) == ("Protect the best", 12, "Qixi Festival")
    assert first["event_cost"] == pytest.approx(12 * 900 / invited)
    assert len(made.planned) == 1  # nobody is invited to a table of one
    assert first["guest_must_add"] == pytest.approx(900 / invited / share / 0.5)
    for frame in (made.shown(), made.plan()):
        for row in frame.itertuples(index=False):
            assert all(columns.formatted(name, value) for name, value in zip(frame.columns, row, strict=True))
    assert made.finding().evidence


def test_another_campaign_at_the_same_time_and_no_record_of_guests_give_no_answer():
    frames = company(60)
    other = frames["campaigns"].assign(campaign_id="F", start_date=(EVENT - pd.Timedelta(days=20)).date())
    both = frames["exposures"].assign(campaign_id="F", attended=None)
    crowded = {
        **frames,
        "campaigns": pd.concat([frames["campaigns"], other]),
        "exposures": pd.concat([frames["exposures"], both]),
    }
    assert held(crowded).table["event_verdict"].tolist() == [REFUSED_OTHERS]
    none = {**frames, "exposures": frames["exposures"].drop(columns="attended")}
    assert isinstance(held(none), NotAvailable)
    nobody = {**frames, "exposures": frames["exposures"].assign(attended=False)}
    assert "no event with guests" in held(nobody).text


def two_years() -> dict[str, pd.DataFrame]:
    """Old customers a and b, of whom a came back; c came a year ago, d and e are new."""
    orders = order_frame(
        ("a", "2023-01-01", 10), ("b", "2023-02-01", 10), ("a", "2023-07-01", 20), ("b", "2023-08-01", 20),
        ("c", "2023-09-01", 40), ("c", "2024-02-01", 50), ("c", "2024-12-01", 70),
        ("a", "2024-05-01", 100), ("d", "2024-06-01", 10), ("e", "2024-12-31", 10),
    )  # fmt: skip
    costs = pd.DataFrame(
        [
            ("a", "2024-05-31", "points", 6), ("a", "2023-05-31", "points", 99), ("c", "2024-05-31", "Points", 4),
            ("a", "2024-05-31", "delivery", 50), ("d", "2024-06-30", "acquisition", 30), ("e", "2024-12-31", "获客成本", 50),
            ("c", "2023-09-30", "acquisition", 99), ("d", "2024-07-31", "points", 7),
        ],
        columns=["customer_id", "cost_date", "cost_type", "amount"],
    )  # fmt: skip
    return {"orders": orders, "costs": costs.assign(cost_id=[str(i) for i in range(len(costs))])}


def test_keeping_and_winning_cost_what_a_hand_computation_says():
    result = strategy.keep_or_acquire(make_tables(**two_years()), BOOK)
    keep, win = result.table.to_dict("records")
    assert (keep["year_cost"], keep["customers"], keep["cost_each"]) == (10, 2, 5)  # a and c; d's points are those of a new one
    assert (win["year_cost"], win["customers"], win["cost_each"]) == (80, 2, 40)
    assert keep["margin_each"] == pytest.approx(0.5 * (100 + 50 + 70) / 2)
    assert win["margin_each"] == pytest.approx(0.5 * (40 + 50))  # c within 365 days of the first order
    assert win["payback_months"] == pytest.approx(40 / (45 / 12))
    assert result.ratio == 8
    assert result.headline().endswith("8.0 times as much")
    for row in result.table.itertuples(index=False):
        assert all(columns.formatted(name, value) for name, value in zip(result.table.columns, row, strict=True))


def test_campaigns_that_win_or_a_stated_cost_stand_in_and_without_any_there_is_no_answer():
    frames = two_years()
    orders = {"orders": frames["orders"]}
    campaigns = pd.DataFrame({
        "campaign_id": ["K", "L"], "campaign_type": ["Acquisition", "e-mail"], "start_date": ["2024-03-01", "2024-03-01"],
        "cost": [60, 8],
    })  # fmt: skip
    keep, win = strategy.keep_or_acquire(make_tables(**orders, campaigns=campaigns), BOOK).table.to_dict("records")
    assert (keep["cost_each"], win["cost_each"]) == (4, 30)
    assert "no cost and no campaign is one of acquisition" in strategy.keep_or_acquire(make_tables(**orders), BOOK).text
    stated = BOOK.model_copy(update={"acquisition_cost": 12.0, "acquisition_cost_source": "Controlling, 2024"})
    result = strategy.keep_or_acquire(make_tables(**orders), stated)
    assert result.table["cost_each"].tolist() == [0, 12]
    assert "Controlling, 2024" in result.note()
    assert "no cost of keeping one is on record" in result.finding().text
    with pytest.raises(ValueError, match="go together"):
        strategy.Playbook(plays=BOOK.plays, acquisition_cost=12.0)
