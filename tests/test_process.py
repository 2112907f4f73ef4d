"""How marketing works: the funnel counts customers once a campaign, and the sales model gives back what was planted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from conftest import make_tables
from fivestep import strategy
from fivestep.findings import NotAvailable
from fivestep.language import columns
from fivestep.strategy.sales_model import LAGS, PROMOTION, REST, SEASON, TREND, _fit
from test_strategy import order_frame, segment_frame


@pytest.fixture(scope="module")
def contacted():
    """One campaign from 1 March with four customers contacted and one not; one from 1 December that is too recent."""
    orders = order_frame(
        ("first", "2024-01-01", 1), ("a", "2024-03-28", 5), ("a", "2024-06-27", 5),  # the last days that count
        ("b", "2024-03-29", 5), ("b", "2024-04-02", 5),  # a day too late
        ("c", "2024-02-28", 5), ("c", "2024-03-05", 5), ("c", "2024-03-05", -5), ("c", "2024-06-05", 5),  # again a day too late
        ("e", "2024-03-02", 5), ("e", "2024-03-03", 5), ("d", "2024-12-31", 5),
    )  # fmt: skip
    exposures = pd.DataFrame({
        "campaign_id": ["K1"] * 5 + ["K2"], "customer_id": [*"abcde", "a"], "treated": [True, True, True, True, False, True],
        "responded": [True, False, None, True, True, False],
    })  # fmt: skip
    campaigns = pd.DataFrame(
        {"campaign_id": ["K1", "K2"], "campaign_name": ["Spring", None], "start_date": ["2024-03-01", "2024-12-01"]}
    )
    return strategy.process_funnel(make_tables(orders=orders, exposures=exposures, campaigns=campaigns))


def test_a_customer_goes_from_contact_to_the_next_order_within_the_days_said(contacted):
    assert contacted.steps == {"Contacted": 4, "Responded": 2, "Ordered": 2, "Ordered again": 1}
    (row,) = contacted.table.to_dict("records")
    assert (row["process_ordered"], row["process_again"], row["process_responded"]) == (0.5, 0.5, pytest.approx(2 / 3))
    assert contacted.open == 1
    assert contacted.headline() == "50% of those contacted order within 28 days, and 50% of these order again"
    assert contacted.finding().evidence.startswith("Most are lost between “Contacted” and “Ordered”: 50% go on.")
    assert contacted.chart().axes
    assert all(columns.formatted(name, value) for name, value in row.items())


def weekly(*, weeks: int, noise: float, seed: int = 0) -> dict[str, pd.DataFrame]:
    """Spend of each week: a tenth more a year, a wave of 20 %, a fifth more in weeks with a campaign."""
    rng = np.random.default_rng(seed)
    mondays = pd.date_range("2022-01-03", periods=weeks, freq="7D")
    promoted = np.arange(weeks) % 5 == 0
    wave = 0.1 * np.sin(2 * np.pi * mondays.day_of_year / 365.25)
    spend = 1000 * np.exp(
        np.log(1.1) * np.arange(weeks) / (365.25 / 7) + wave + np.log(1.2) * promoted + noise * rng.normal(size=weeks)
    )
    orders = pd.concat([
        pd.DataFrame({"order_date": mondays, "order_amount": (spend / 2).round(2)}),
        pd.DataFrame({"order_date": mondays + pd.Timedelta(days=6), "order_amount": (spend / 2).round(2)}),
    ])  # fmt: skip
    orders = orders.assign(order_id=[str(i) for i in range(2 * weeks)], customer_id="a")
    campaigns = pd.DataFrame({
        "campaign_id": [str(i) for i in range(int(promoted.sum()))], "start_date": mondays[promoted].date,
        "end_date": (mondays[promoted] + pd.Timedelta(days=6)).date,
    })  # fmt: skip
    return {"orders": orders, "campaigns": campaigns}


def test_trend_season_and_promotion_that_were_planted_are_given_back():
    model = strategy.sales_model(make_tables(**weekly(weeks=106, noise=0.0)))
    t = model.table.set_index("sales_part")
    assert t.loc[TREND, "part_share"] == pytest.approx(0.1, abs=1e-3)
    assert t.loc[PROMOTION, "part_share"] == pytest.approx(0.2, abs=1e-3)
    assert t.loc[SEASON, "part_share"] == pytest.approx(np.exp(0.2) - 1, abs=5e-3)
    assert abs(model.tested) < 1e-3
    assert model.headline() == "Weekly sales trend upwards by 10% a year"
    noisy = strategy.sales_model(make_tables(**weekly(weeks=106, noise=0.1))).table.set_index("sales_part")
    for part, truth in ((TREND, 0.1), (PROMOTION, 0.2)):
        assert noisy.loc[part, "part_low"] <= truth <= noisy.loc[part, "part_high"]
    assert model.chart().axes
    for row in model.table.itertuples(index=False):
        assert all(columns.formatted(n, v) for n, v in zip(model.table.columns, row, strict=True))


def test_under_two_years_no_season_is_told_and_under_39_weeks_nothing():
    model = strategy.sales_model(make_tables(orders=weekly(weeks=60, noise=0.05)["orders"]))
    assert set(model.table["sales_part"]) == {TREND, REST}
    assert "no season (under two years of weeks)" in model.note()
    assert model.finding().confidence == "low"
    assert isinstance(strategy.sales_model(make_tables(orders=weekly(weeks=38, noise=0.05)["orders"])), NotAvailable)


def test_errors_are_those_of_newey_and_west():
    """The double sum over pairs of weeks, written out."""
    rng = np.random.default_rng(4)
    x = np.column_stack([np.ones(50), rng.normal(size=50)])
    y = x @ [1.0, 2.0] + np.cumsum(rng.normal(size=50)) * 0.1
    beta, errors, left = _fit(x, y)
    assert beta == pytest.approx(np.linalg.lstsq(x, y, rcond=None)[0])
    middle = np.zeros((2, 2))
    for i in range(50):
        for j in range(50):
            if abs(i - j) <= LAGS:
                middle += (1 - abs(i - j) / (LAGS + 1)) * left[i] * left[j] * np.outer(x[i], x[j])
    bread = np.linalg.inv(x.T @ x)
    assert errors == pytest.approx(np.sqrt(np.diag(bread @ middle @ bread) * 50 / 48))


# ------------------------------------------------------------------------------------------------------------- word of mouth
def test_customers_who_came_by_recommendation_are_compared_in_their_first_half_year():
    rng = np.random.default_rng(2)
    rows, people = [], []
    for i in range(80):
        friend = i % 2 == 0
        first = pd.Timestamp("2023-01-01") + pd.Timedelta(days=i % 200)
        people.append((f"c{i:02}", "A Friend" if friend else "advert"))
        rows += [(f"c{i:02}", first, 100 * (1 + friend) + rng.normal()), (f"c{i:02}", first + pd.Timedelta(days=181 + i % 4), 50)]
    rows += [("late", "2024-06-01", 1e6), ("c00", "2023-01-02", -1), ("z", "2024-06-30", 1)]
    people += [("late", "friend"), ("z", None)]
    tables = make_tables(orders=order_frame(*rows), customers=pd.DataFrame(people, columns=["customer_id", "source"]))
    made = strategy.referrals(tables)
    table = made.table.set_index("source")
    assert table["customers"].to_dict() == {"A Friend": 40, "advert": 40}  # who came too late is not compared
    orders = order_frame(*rows)
    inside = orders[orders["customer_id"].isin([f"c{i:02}" for i in range(0, 80, 2)])].copy()
    inside["order_date"] = pd.to_datetime(inside["order_date"])
    inside["after"] = (inside["order_date"] - inside.groupby("customer_id")["order_date"].transform("min")).dt.days
    spent = inside[inside["after"] < 182].groupby("customer_id")["order_amount"].sum()
    assert table.loc["A Friend", "first_spend"] == pytest.approx(spent.mean(), abs=0.01)
    assert table.loc["A Friend", "came_again"] == pytest.approx(0.5)  # i % 4 is 0 or 2 with i even: 181 or 183 days later
    assert made.headline() == "50% of customers came by recommendation, and spend more in their first half year"
    assert isinstance(strategy.referrals(make_tables(orders=orders)), NotAvailable)
    for row in made.table.itertuples(index=False):
        assert all(columns.formatted(n, v) for n, v in zip(made.table.columns, row, strict=True))


def test_measures_against_losing_customers_count_who_is_at_risk_and_reached():
    ids = [f"c{i:02}" for i in range(10)]
    orders = order_frame(*[(c, "2024-02-01", 10) for c in ids], ("z", "2024-06-30", 1), ("z", "2023-01-01", 1))
    contacts = pd.DataFrame({
        "interaction_id": ["1", "2", "3"], "customer_id": ["c00", "c01", "c02"],
        "occurred_at": ["2024-06-01", "2024-02-01", "2024-06-02"], "interaction_type": ["call", "call", "Redemption"],
    })  # fmt: skip
    feedback = pd.DataFrame({
        "feedback_id": ["1", "2", "3"], "customer_id": ["c03", "c03", "c04"], "created_at": "2024-05-01",
        "resolved_at": ["2024-05-02", None, "2024-05-03"],
    })  # fmt: skip
    tables = make_tables(orders=orders, interactions=contacts, feedback=feedback)
    book = strategy.playbook().model_copy(update={"control_share": 0.0})
    plan = strategy.plan(tables, segment_frame(**dict.fromkeys(ids, ("Medium value", "Lapsed"))), book)
    lists = strategy.action_lists(tables, plan, strategy.keep_list(tables, plan))
    table = strategy.churn_measures(tables, lists).table.set_index("churn_measure")
    assert table["customers"].tolist() == [10, 2]
    assert table["measure_done"].tolist() == [0.1, 0.5]
    assert table["measure_open"].tolist() == [9, 1]
    assert table["spend_at_stake"].tolist() == [90.0, 10.0]
    for row in table.reset_index().itertuples(index=False):
        assert all(columns.formatted(n, v) for n, v in zip(["churn_measure", *table.columns], row, strict=True))
