"""Up-selling: the better product is dearer, of the same category and new to the customer, and the test never sees ahead."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from conftest import make_tables
from fivestep import strategy
from fivestep.language import columns
from fivestep.strategy.upsell import LEARNT, LIKELIEST, LOW, POOLED, POPULAR

SIZE = 120
LAST = pd.Timestamp("2024-12-31")
PRODUCTS = pd.DataFrame({
    "product_id": ["small", "medium", "large", "huge", "bun"], "category": ["Coffee"] * 4 + ["Bread"],
})  # fmt: skip
PRICES = {"small": 10, "medium": 12, "large": 20, "huge": 90, "bun": 2}


def tables(*, quarters: int = 5, opted_out: bool = True):
    """Customers who drink small coffee; in each quarter every fourth of the even ones takes to large, and one to medium."""
    rng = np.random.default_rng(3)
    rows = []
    for i in range(SIZE):
        customer = f"c{i:03}"
        for day in range(91 * quarters, 0, -13):
            rows.append((customer, LAST - pd.Timedelta(days=day - 1), "small", 1))
        if i % 2 == 0:
            quarter = rng.integers(0, 4)
            rows.append((customer, LAST - pd.Timedelta(days=int(quarter * 91 + 40)), "large", 1))
        rows.append((customer, LAST - pd.Timedelta(days=200), "bun", 1))
    rows.append(("c001", LAST - pd.Timedelta(days=200), "medium", 1))
    rows.append(("x", LAST, "huge", 1))
    lines = pd.DataFrame(rows, columns=["customer_id", "order_date", "product_id", "quantity"])
    lines["line_amount"] = lines["product_id"].map(PRICES) * lines["quantity"]
    lines["order_id"] = [f"o{i:05}" for i in range(len(lines))]
    orders = lines[["order_id", "customer_id", "order_date"]].assign(order_amount=lines["line_amount"])
    people = pd.DataFrame({"customer_id": sorted(set(lines["customer_id"]))})
    if opted_out:
        people["marketing_opt_out"] = people["customer_id"] == "c003"
    return lines, make_tables(orders=orders, order_lines=lines.assign(line_id="1"), products=PRODUCTS, customers=people)


@pytest.fixture(scope="module")
def made():
    lines, company = tables()
    return lines, strategy.upsell(company)


def test_the_better_product_is_dearer_new_to_the_customer_and_of_the_same_category(made):
    lines, result = made
    had = set(zip(lines["customer_id"], lines["product_id"], strict=True))
    assert set(result.table["usual_product"]) == {"small"}
    assert set(result.table["upsell_product"]) <= {"medium", "large"}  # huge costs too much, a bun is no coffee
    assert not any((row.customer_id, row.upsell_product) in had for row in result.table.itertuples())
    assert "c003" not in set(result.contacts()["customer_id"])
    assert "1 customer has opted out" in result.note()


def test_chances_hits_and_money_are_those_of_a_second_computation(made):
    lines, result = made
    day = LAST - pd.Timedelta(days=91)
    small = sorted(set(lines.loc[lines["product_id"] == "small", "customer_id"]))
    of = {p: set(lines.loc[lines["product_id"] == p, "customer_id"]) for p in ("medium", "large")}

    def took(product, first, last):
        inside = lines["order_date"].between(first, last) & (lines["product_id"] == product)
        return set(lines.loc[inside, "customer_id"])

    early = pd.Timestamp("2000-01-01")
    free = {p: [c for c in small if c not in took(p, early, day)] for p in of}
    moved = {p: len(set(free[p]) & took(p, day + pd.Timedelta(days=1), LAST)) for p in of}
    base = sum(moved.values()) / sum(len(v) for v in free.values())
    n, k = len(free["large"]), moved["large"]
    expected = (k + POOLED * (k + POOLED * base) / (n + POOLED)) / (n + POOLED)
    row = result.table[result.table["upsell_product"] == "large"].iloc[0]
    assert row["upsell_chance"] == pytest.approx(expected)
    assert row["upsell_money"] == pytest.approx(expected * 10)
    assert row["upsell_confidence"] != LOW
    test = result.test.set_index("upsell_rule")
    assert test.loc[LEARNT, "customers"] == SIZE  # everybody has a better product left
    assert test.loc[[LEARNT, POPULAR], "upsell_hits"].tolist() == [moved["large"]] * 2
    assert test.loc[LIKELIEST, "customers"] == test.loc[LEARNT, "customers"] // 5
    for frame in (result.test, result.contacts()):
        for said in frame.itertuples(index=False):
            assert all(columns.formatted(name, value) for name, value in zip(frame.columns, said, strict=True))
    assert result.finding().evidence


def test_short_data_and_ruled_out_categories_give_no_list():
    _lines, short = tables(quarters=2, opted_out=False)
    assert strategy.upsell(short, never=("Coffee", "Bread")).text
    _lines, company = tables(opted_out=False)
    assert "can be tested" in strategy.upsell(company, never=("Coffee",)).text
