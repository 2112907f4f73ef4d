"""Elasticities: slopes are those of a second computation and hold what was planted; prices that stand still tell nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from conftest import make_tables
from fivestep import strategy
from fivestep.findings import NotAvailable
from fivestep.language import columns
from fivestep.strategy.elasticities import NEITHER, NORMAL, SUBSTITUTES, _middle

PEOPLE, WEEKS = 300, 60
PRODUCTS = pd.DataFrame({
    "product_id": ["p", "q", "r"], "product_name": ["Latte", "Latte", "Bun"], "category": ["Coffee", "Coffee", "Bread"],
})  # fmt: skip


def lines_of(rows: list[tuple]) -> dict[str, pd.DataFrame]:
    lines = pd.DataFrame(rows, columns=["customer_id", "order_date", "product_id", "quantity", "unit_price"])
    lines["line_amount"] = (lines["quantity"] * lines["unit_price"]).round(2)
    lines["order_id"] = [f"o{i:05}" for i in range(len(lines))]
    orders = lines[["order_id", "customer_id", "order_date"]].assign(order_amount=lines["line_amount"])
    return {"orders": orders, "order_lines": lines.assign(line_id="1"), "products": PRODUCTS}


@pytest.fixture(scope="module")
def incomes():
    """Spend on coffee goes with income to the power of 0.8, that on bread not at all."""
    rng = np.random.default_rng(5)
    income = np.exp(rng.normal(11, 0.5, PEOPLE)).round(0)
    rows = []
    for i in range(PEOPLE):
        for product, mean in (("p", 3 * (income[i] / 6e4) ** 0.8), ("r", 3.0)):
            n = rng.poisson(mean)
            if n:
                rows.append((f"c{i:03}", pd.Timestamp("2024-06-01"), product, n, 10.0))
    people = pd.DataFrame({"customer_id": [f"c{i:03}" for i in range(PEOPLE)], "income": income})
    return {**lines_of(rows), "customers": people}


def test_the_income_elasticity_is_that_of_a_likelihood_and_holds_what_was_planted(incomes):
    result = strategy.income_elasticity(make_tables(**incomes, sensitive=("income",)))
    table = result.table.set_index("category")
    bought = incomes["order_lines"].pivot_table(index="customer_id", columns="product_id", values="line_amount", aggfunc="sum")
    both = incomes["customers"].set_index("customer_id").join(bought, how="inner").fillna(0.0)
    x, y = np.log(both["income"].to_numpy()), both["p"].to_numpy()
    x = x - x.mean()
    best = minimize(lambda b: float((np.exp(b[0] + b[1] * x) - y * (b[0] + b[1] * x)).sum()), [3, 0], method="BFGS")
    assert table.loc["Coffee", "income_elasticity"] == pytest.approx(best.x[1], abs=1e-3)
    assert table.loc["Coffee", "income_elasticity_low"] <= 0.8 <= table.loc["Coffee", "income_elasticity_high"]
    assert table["income_verdict"].to_dict() == {"Coffee": NORMAL, "Bread": NEITHER}
    assert result.customers == len(both)
    for row in result.table.itertuples(index=False):
        assert all(columns.formatted(name, value) for name, value in zip(result.table.columns, row, strict=True))
    assert "Coffee" in result.finding().text


def test_income_counts_only_where_it_is_allowed_and_bands_stand_for_their_middle(incomes):
    assert "sensitive" in strategy.income_elasticity(make_tables(**incomes)).text
    said = {"35-49K": 42_000, "Under 15K": 11_250, "250K+": 312_500, "80,000–149,999": 114_999.5, "8–15 万元": 115_000}
    assert {band: _middle(band) for band in said} == pytest.approx(said)
    assert np.isnan(_middle("rich"))


def weekly(move: float) -> tuple[dict[str, pd.DataFrame], np.ndarray]:
    """Two kinds of coffee whose prices move from week to week: own elasticity -2, cross 1; *move* of the prices; bread steady."""
    rng = np.random.default_rng(8)
    prices = np.round(10 * np.exp(move * rng.normal(0, 1, (WEEKS, 2))), 2)
    rows, sold = [], np.empty((WEEKS, 2))
    for week in range(WEEKS):
        day = pd.Timestamp("2023-01-02") + pd.Timedelta(weeks=week)
        for k, product in enumerate("pq"):
            mean = 400 * (prices[week, k] / 10) ** -2 * (prices[week, 1 - k] / 10)
            sold[week, k] = rng.poisson(mean)
            rows.append(("c", day, product, sold[week, k], prices[week, k]))
        rows.append(("c", day, "r", 100 + week % 7, 3.0))
    return lines_of(rows), np.log(np.concatenate([prices, sold], axis=1))


def test_cross_prices_are_those_of_least_squares_and_hold_what_was_planted():
    frames, logs = weekly(0.1)
    result = strategy.cross_prices(make_tables(**frames))
    assert result.table["cross_verdict"].tolist() == [SUBSTITUTES, SUBSTITUTES]
    assert ((result.table["cross_low"] <= 1) & (result.table["cross_high"] >= 1)).all()
    row = result.table.set_index("product").loc["Latte (p)"]
    step = np.diff(logs, axis=0)
    design = np.column_stack([np.ones(WEEKS - 1), step[:, 1], step[:, 3], step[:, 0]])  # other price, rest of the category, own
    beta = np.linalg.lstsq(design, step[:, 2], rcond=None)[0]
    assert [row["cross_elasticity"], row["own_elasticity"]] == pytest.approx([beta[1], beta[3]])
    assert row["other_product"] == "Latte (q)"
    for said in result.shown().itertuples(index=False):
        assert all(columns.formatted(name, value) for name, value in zip(result.shown().columns, said, strict=True))
    assert "2 of 2 pairs" in result.headline()


def test_prices_that_stand_still_or_move_together_tell_nothing():
    still, _logs = weekly(0.0)
    assert "vary enough" in strategy.cross_prices(make_tables(**still)).text
    frames, _logs = weekly(0.1)
    lines = frames["order_lines"]
    first = lines[lines["product_id"] == "p"].set_index("order_date")["unit_price"]
    together = lines["unit_price"].where(lines["product_id"] != "q", lines["order_date"].map(first))
    frames["order_lines"] = lines.assign(unit_price=together)
    assert isinstance(strategy.cross_prices(make_tables(**frames)), NotAvailable)
