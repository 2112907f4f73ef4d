"""Ending or switching is told where the data can tell it, and refused where it cannot."""

from __future__ import annotations

import pandas as pd

from conftest import make_tables
from fivestep import strategy
from fivestep.findings import NotAvailable
from fivestep.language import columns
from fivestep.strategy.leaving import ENDING, SWITCHING

PRODUCTS = pd.DataFrame({"product_id": ["e", "t", "c"], "category": ["Espresso", "Tea", "Cake"]})


def lines_of(*rows: tuple) -> pd.DataFrame:
    """Rows of customer_id, order_date, product_id, line_amount; each an order of its own."""
    frame = pd.DataFrame(rows, columns=["customer_id", "order_date", "product_id", "line_amount"])
    return frame.assign(order_id=[f"o{i:04}" for i in range(len(frame))], line_id="1")


def weekly(customer: str, before: str, after: str, weeks: int = 39, split: int = 26) -> list[tuple]:
    """One line a week that ends on 30 December 2024: products of *before*, then of *after*, in turn."""
    first = pd.Timestamp("2024-12-30") - pd.Timedelta(weeks=weeks - 1)
    rows = []
    for week in range(weeks):
        of = before if week < split else after
        if of:
            rows.append((customer, str((first + pd.Timedelta(weeks=week)).date()), of[week % len(of)], 10))
    return rows


def events_of(*rows: tuple) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "occurred_at", "page"])
    return frame.assign(event_id=[str(i) for i in range(len(frame))], event_type="page_view")


LINES = lines_of(
    *weekly("switcher", "eet", "t"), *weekly("loyal", "eet", "eet"), *weekly("gone", "eet", ""),
    *weekly("seldom", "tttttttttttttc", "t"),
    ("loyal", "2024-03-01", "e", 10), ("loyal", "2024-12-31", "e", 10),
)  # fmt: skip
EVENTS = events_of(
    ("loyal", "2024-12-01", "Close Account"), ("loyal", "2024-12-02", "close account"), ("gone", "2024-07-01", "close account"),
    ("seldom", "2024-12-01", "home"), ("switcher", "2024-12-01", "compare prices"),
)  # fmt: skip


def test_who_drops_what_they_mostly_bought_is_switching_and_who_only_stops_is_not():
    made = strategy.leaving(make_tables(order_lines=LINES, products=PRODUCTS))
    assert made.table["customer_id"].tolist() == ["switcher"]
    row = made.table.iloc[0]
    assert row["leaving_flag"] == SWITCHING
    assert row["gone_categories"] == ["Espresso"]
    assert 0.6 < row["gone_share"] < 0.7
    assert row["gone_chance"] == 0.001
    assert made.judged == 3  # who stopped bought nothing to be judged by
    assert made.contacts()["leaving_sign"].iloc[0].startswith("No longer buys Espresso, 6")
    assert "no pages or searches, so that ending does not show" in made.note()
    assert made.finding().confidence == "low"


def test_who_looks_at_how_to_close_an_account_is_ending_while_it_is_fresh():
    made = strategy.leaving(make_tables(order_lines=LINES, products=PRODUCTS, events=EVENTS))
    flags = made.table.set_index("customer_id")["leaving_flag"].to_dict()
    assert flags == {"loyal": ENDING, "switcher": SWITCHING}
    signs = made.contacts().set_index("customer_id")["leaving_sign"]
    assert signs["loyal"] == "Looked 2 times at how to end the relation"
    assert signs["switcher"].endswith("; compared prices")
    assert made.headline() == "Customers with signs of ending the relation: 1; with signs of switching: 1"
    assert made.counts()["customers"].tolist() == [1, 1]
    assert all(isinstance(columns.formatted(c, v), str) for f in (made.counts(), made.contacts()) for c in f for v in f[c])


def test_what_luck_explains_is_no_sign_unless_prices_were_compared_repeatedly():
    lines = lines_of(*weekly("looker", "etttt", "t"), ("z", "2024-03-01", "e", 10), ("z", "2024-12-31", "e", 10))
    for looks, flags in ((0, []), (1, []), (2, [SWITCHING])):
        events = events_of(("z", "2024-12-01", "home"), *[("looker", "2024-12-01", "compare prices")] * looks)
        made = strategy.leaving(make_tables(order_lines=lines, products=PRODUCTS, events=events))
        assert made.table["leaving_flag"].tolist() == flags
    assert made.table["gone_chance"].iloc[0] > 0.05


def test_orders_alone_are_refused():
    orders = LINES.groupby("order_id", as_index=False).agg(
        customer_id=("customer_id", "first"), order_date=("order_date", "first"), order_amount=("line_amount", "sum")
    )
    gone = strategy.leaving(make_tables(orders=orders))
    assert isinstance(gone, NotAvailable)
    assert "orders alone do not tell" in gone.text
    short = LINES[LINES["order_date"] > "2024-06-01"]
    assert "fewer than 273 days" in strategy.leaving(make_tables(order_lines=short, products=PRODUCTS)).text


def test_who_opted_out_is_counted_and_on_no_list():
    customers = pd.DataFrame({"customer_id": ["switcher", "loyal"], "marketing_opt_out": [True, False]})
    made = strategy.leaving(make_tables(order_lines=LINES, products=PRODUCTS, customers=customers))
    assert made.table["customer_id"].tolist() == ["switcher"]
    assert made.contacts().empty
    assert "1 customer has opted out" in made.note()


def test_shuffling_rows_changes_no_flag():
    one = strategy.leaving(make_tables(order_lines=LINES, products=PRODUCTS, events=EVENTS))
    other = strategy.leaving(
        make_tables(order_lines=LINES.sample(frac=1, random_state=1), products=PRODUCTS.iloc[::-1], events=EVENTS.iloc[::-1])
    )
    pd.testing.assert_frame_equal(one.table, other.table)
