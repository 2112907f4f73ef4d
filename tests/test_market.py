"""Where the market is open: what segments leave out is counted, and money follows from stated factors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from conftest import make_tables
from fivestep import strategy
from fivestep.findings import NotAvailable
from fivestep.language import columns
from test_strategy import segment_frame

BOOK = strategy.playbook().model_copy(update={"gross_margin": 0.4})


@pytest.fixture(scope="module")
def made():
    """Two years; 30 customers of high and 60 of medium value buy bread, a third of them also tea, which doubles; ten of medium
    value have opted out; one returned the tea."""
    rows = []
    for i in range(90):
        customer = f"c{i:02}"
        for year, factor in ((2022, 1), (2023, 2)):
            rows.append((customer, f"{year}-09-0{1 + i % 9}", "bread", 10 + i % 7))
            if i % 3 == 0:
                rows.append((customer, f"{year}-10-01", "tea", (5 + i % 4) * factor))
    rows += [("c01", "2023-11-01", "tea", 8), ("c01", "2023-11-09", "tea", -8), ("c02", "2023-12-31", "bread", 1)]
    rows += [("c02", "2022-01-01", "bread", 1)]
    lines = pd.DataFrame(rows, columns=["customer_id", "order_date", "product_id", "line_amount"])
    lines["order_id"] = [f"o{i:03}" for i in range(len(lines))]
    products = pd.DataFrame({"product_id": ["bread", "tea"], "category": ["Bread", "Tea"]})
    ids = [f"c{i:02}" for i in range(90)]
    customers = pd.DataFrame({"customer_id": ids, "marketing_opt_out": [30 <= i < 40 for i in range(90)], "age_band": "30-44"})
    tables = make_tables(order_lines=lines.assign(line_id="1"), products=products, customers=customers)
    segments = segment_frame(**{c: ("High value" if i < 30 else "Medium value", "Mature") for i, c in enumerate(ids)})
    return tables, strategy.plan(tables, segments, BOOK), lines


def test_an_opportunity_is_worth_the_product_of_its_factors(made):
    tables, plan, lines = made
    result = strategy.opportunities(tables, plan)
    table = result.table.set_index(["value_tier", "category"])
    assert list(table.index) == [("Medium value", "Tea"), ("High value", "Tea")]  # nobody leaves out bread
    tea = (
        lines[(lines["product_id"] == "tea") & (lines["order_date"] >= "2023-01-01")].groupby("customer_id")["line_amount"].sum()
    )
    tea = tea[tea > 0]
    medium = tea[tea.index >= "c30"]
    row = table.loc[("Medium value", "Tea")]
    assert row["customers_open"] == 60 - len(medium) - sum(1 for i in range(30, 40) if i % 3)
    assert (row["peers_share"], row["peers_spend"]) == (pytest.approx(len(medium) / 60), pytest.approx(medium.median()))
    assert row["category_growth"] == pytest.approx(1.0)
    expected = row["customers_open"] * len(medium) / 60 * medium.median() * 0.4 * 0.1 * 1.5  # growth at most a half
    assert row["opportunity_money"] == pytest.approx(expected)
    assert result.headline().startswith("The largest opportunity is Tea for “Medium value”: 34 customers")
    assert isinstance(strategy.opportunities(tables, plan, never=["Tea"]), NotAvailable)


def test_the_wallet_is_what_the_upper_quarter_of_peers_spends(made):
    tables, plan, lines = made
    result = strategy.share_of_wallet(tables, plan)
    year = lines[lines["order_date"] >= "2023-01-01"].groupby(["customer_id", "product_id"])["line_amount"].sum()
    year = year[year > 0].reset_index()
    wallet = np.maximum(year.groupby("product_id")["line_amount"].transform("quantile", 0.75), year["line_amount"])
    high = year["customer_id"] < "c30"
    row = result.table.set_index("value_tier").loc["High value"]
    assert row["wallet"] == pytest.approx(wallet[high].sum())
    assert row["wallet_share"] == pytest.approx(year["line_amount"][high].sum() / wallet[high].sum())
    assert row["wallet_gain"] == pytest.approx((row["wallet_target"] - row["wallet_share"]) * row["wallet"])
    assert result.peers == ("age_band",)


def test_every_column_of_the_opportunities_is_described(made):
    tables, plan, _lines = made
    result, wallet = strategy.opportunities(tables, plan), strategy.share_of_wallet(tables, plan)
    for frame in (result.shown(), wallet.table):
        for row in frame.itertuples(index=False):
            assert all(columns.formatted(name, value) for name, value in zip(frame.columns, row, strict=True))
    assert result.chart().axes
    assert result.finding().evidence
    assert wallet.finding().evidence
