"""Care: greetings come on the right day from the right owner, and what holds customers is told from who they are."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from conftest import make_tables
from fivestep import strategy
from fivestep.findings import NotAvailable
from fivestep.language import columns
from fivestep.strategy.care_calendar import _next
from fivestep.strategy.service_scorecard import UNKNOWN, WORSE
from fivestep.strategy.stickiness import MEASURES
from test_strategy import order_frame, segment_frame

ORDERS = order_frame(("a", "2024-12-31", 5), ("b", "2024-06-30", 5), ("c", "2024-12-01", 5), ("d", "2024-12-01", 5))
CUSTOMERS = pd.DataFrame({
    "customer_id": list("abcd"), "birth_date": ["1980-02-29", "1990-01-01", None, "1970-12-31"],
    "marketing_opt_out": [False, False, False, True],
})  # fmt: skip
SEGMENTS = segment_frame(
    a=("High value", "Mature"), b=("Medium value", "Lapsed"), c=("Low value", "Mature"), d=("High value", "Mature")
)


def calendar(currency: str = "CNY", sensitive: tuple[str, ...] = ("birth_date",)) -> strategy.CareCalendar:
    tables = make_tables(orders=ORDERS, customers=CUSTOMERS, sensitive=sensitive)
    return strategy.care_calendar(tables, strategy.plan(tables, SEGMENTS, strategy.playbook()), currency=currency)


def test_birthdays_of_the_year_ahead_have_their_day_and_the_owner_of_the_play():
    made = calendar()
    days = made.birthdays.set_index("customer_id")
    assert days["care_date"].to_dict() == {"b": dt.date(2025, 1, 1), "a": dt.date(2025, 2, 28)}  # c is not known, d opted out
    assert days.loc["a", "owner_role"] == "Head of customer care"
    assert made.unknown == 1
    assert "The birthday of 1 customer is not known." in made.note()
    assert _next(2, 29, dt.date(2023, 3, 1)) == dt.date(2024, 2, 29)
    assert _next(12, 31, dt.date(2024, 12, 31)) == dt.date(2024, 12, 31)


def test_birthdays_are_in_a_list_only_where_engagement_yml_allows_it():
    assert len(calendar().listed()) == 2
    assert "birthdays.csv" in calendar().note()
    silent = calendar(sensitive=())
    assert isinstance(silent.listed(), NotAvailable)
    assert "birthdays.csv" not in silent.note()
    assert silent.table.equals(calendar().table), "how many birthdays a month has tells nobody's"


def test_festivals_of_the_moon_come_on_their_published_days():
    """Spring Festival 29 January 2025, Dragon Boat Festival 31 May 2025, Mid-Autumn Festival 6 October 2025 (State Council of
    China, notice of November 2024)."""
    days = calendar().festivals.drop_duplicates("care_occasion").set_index("care_occasion")["care_date"]
    published = {
        "Spring Festival": (1, 29),
        "Dragon Boat Festival": (5, 31),
        "Mid-Autumn Festival": (10, 6),
        "National Day": (10, 1),
    }
    assert {name: (days[name].month, days[name].day) for name in published} == published
    assert all(dt.date(2025, 1, 1) <= day <= dt.date(2025, 12, 31) for day in days)
    assert set(calendar("USD").festivals["care_occasion"]) == {"New Year's Day", "Christmas"}


def test_every_occasion_counts_who_may_be_contacted():
    made = calendar()
    assert (made.festivals.groupby("care_occasion")["care_customers"].sum() == 3).all()
    assert made.table.loc[made.table["care_occasion"] == "Birthdays", "care_customers"].sum() == 2
    for frame in (made.table, made.birthdays, made.festivals):
        for row in frame.itertuples(index=False):
            assert all(columns.formatted(name, value) for name, value in zip(frame.columns, row, strict=True))
    assert made.finding().evidence


@pytest.fixture(scope="module")
def members() -> dict[str, pd.DataFrame]:
    """400 customers, of whom those with stored value order as often as others before and 30 points more often again; members
    order more often before and, at equally many orders, no more often again."""
    rng = np.random.default_rng(5)
    rows, people = [], []
    for i in range(400):
        stored, keen = i % 2 == 0, i % 4 < 2
        n = 12 if keen else 2
        for day in rng.choice(np.arange(10, 270), n, replace=False):
            rows.append((f"c{i:03}", pd.Timestamp("2024-01-01") + pd.Timedelta(days=int(day)), 10))
        if rng.random() < (0.5 if keen else 0.3) + 0.3 * stored:
            rows.append((f"c{i:03}", pd.Timestamp("2024-12-01"), 10))
        people.append((f"c{i:03}", keen if i % 8 else not keen, 50 if stored else 0))
    rows += [("c000", "2024-12-31", 1), ("c000", "2023-10-01", 1)]
    return {
        "orders": order_frame(*rows).drop(columns="store"),
        "customers": pd.DataFrame(people, columns=["customer_id", "is_member", "balance"]),
    }


def test_a_measure_is_compared_among_customers_with_equally_many_orders(members):
    made = strategy.stickiness(make_tables(**members))
    table = made.table.set_index("stick_measure")
    assert set(table.index) == {"Member of the programme", "Holds stored value"} <= set(MEASURES)
    stored, member = table.loc["Holds stored value"], table.loc["Member of the programme"]
    assert stored["again_gap_low"] <= 0.3 <= stored["again_gap_high"]
    assert stored["again_gap_low"] > 0
    assert member["again_gap_low"] <= 0 <= member["again_gap_high"]  # although 20 points more of them order again
    orders = members["orders"].assign(order_date=pd.to_datetime(members["orders"]["order_date"]))
    again = set(orders.loc[orders["order_date"] >= made.start.isoformat(), "customer_id"])
    inside = members["customers"].query("balance > 0")["customer_id"]
    assert stored["again_with"] == pytest.approx(inside.isin(again).mean())
    assert made.headline().startswith("“Holds stored value” goes with ")
    assert made.chart().axes


def test_short_data_and_rare_measures_are_not_compared(members):
    few = {"orders": members["orders"].head(40), "customers": members["customers"]}
    assert isinstance(strategy.stickiness(make_tables(**few)), NotAvailable)
    plain = strategy.stickiness(make_tables(orders=members["orders"]))
    assert "no measure in which enough customers take part" in plain.text


def test_service_is_held_against_the_half_year_before_where_that_is_known():
    rng = np.random.default_rng(8)
    made = pd.to_datetime("2024-01-02") + pd.to_timedelta(np.arange(0, 364), unit="D")
    slow = np.where(made >= "2024-07-03", 40, 5)
    feedback = pd.DataFrame({
        "feedback_id": [str(i) for i in range(364)], "created_at": made, "responded_at": made + pd.to_timedelta(slow, unit="h"),
        "resolved_at": [when if i % 2 else None for i, when in enumerate(made + pd.Timedelta(hours=60))],
        "satisfaction": rng.integers(1, 6, 364),
    })  # fmt: skip
    contacts = pd.DataFrame({
        "interaction_id": ["1", "2", "3", "4"], "customer_id": ["a", "a", "b", "c"], "occurred_at": "2024-12-01",
        "channel": ["phone", "mail", "phone", "till"], "interaction_type": ["call", "letter", "call", "coupon redemption"],
    })  # fmt: skip
    tables = make_tables(orders=ORDERS, feedback=feedback, interactions=contacts)
    table = strategy.service_scorecard(tables).table.set_index("service_measure")
    answered = table.loc["Feedback answered in 24 hours"]
    assert (answered["served_now"], answered["served_before"], answered["service_verdict"]) == (0.0, 1.0, WORSE)
    late = feedback[feedback["created_at"] >= "2024-07-03"]
    assert table.loc["Feedback from satisfied customers", "served_now"] == pytest.approx((late["satisfaction"] >= 4).mean())
    reached = table.loc["Buyers who were contacted or got in touch"]
    assert (reached["served"], reached["served_now"], reached["service_verdict"]) == (3, pytest.approx(1 / 3), UNKNOWN)
    assert table.loc["Of these through two channels or more", "served_now"] == 1
    assert isinstance(strategy.service_scorecard(make_tables(orders=ORDERS)), NotAvailable)
