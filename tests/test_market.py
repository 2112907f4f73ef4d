"""Where the market is open: what segments leave out is counted, and money follows from stated factors."""

from __future__ import annotations

from dataclasses import replace

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


def test_where_no_buyer_is_a_known_customer_nothing_is_open(made):
    """Ids of orders that none of the customers has: a mistake of the export, and no traceback."""
    _tables, _plan, lines = made
    customers = pd.DataFrame({"customer_id": ["x1", "x2"], "marketing_opt_out": False, "age_band": "30-44"})
    products = pd.DataFrame({"product_id": ["bread", "tea"], "category": ["Bread", "Tea"]})
    strangers = make_tables(order_lines=lines.assign(line_id="1"), products=products, customers=customers)
    plan = strategy.plan(strangers, segment_frame(x1=("No order yet", "No order yet"), x2=("No order yet", "No order yet")), BOOK)
    for method in (strategy.opportunities, strategy.share_of_wallet):
        assert isinstance(method(strangers, plan), NotAvailable)


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


def test_each_need_group_gets_the_product_that_it_buys_above_the_others(made):
    tables, plan, _lines = made
    ids = plan.table["customer_id"]
    groups = pd.DataFrame({"customer_id": ids, "need_group": ["Price" if int(c[1:]) % 3 == 0 else "Service" for c in ids]})
    result = strategy.need_campaigns(tables, plan, groups)
    table = result.table.set_index("need_group")
    assert table["customers"].to_dict() == {"Price": 30, "Service": 60}
    assert table.loc["Price", ["category", "group_buys", "others_buy"]].tolist() == ["Tea", 1.0, 0.0]
    assert pd.isna(table.loc["Service", "category"])  # all buy bread
    refused = {f"c{i}" for i in range(30, 40)}
    assert table.loc["Service", "contactable"] == sum(int(c[1:]) % 3 != 0 and c not in refused for c in ids)
    half = groups.assign(need_group=["Function" if int(c[1:]) % 3 == 0 or c >= "c60" else "No sign" for c in ids])
    one = strategy.need_campaigns(tables, plan, half).table.set_index("need_group").loc["Function"]
    assert one["category"] == "Tea"
    assert one["group_buys"] == pytest.approx(30 / 50)
    assert "instead of a discount" in one["campaign_terms"]
    own = replace(plan, playbook=plan.playbook.model_copy(update={"need_terms": {"Price": "A voucher"}}))
    named = strategy.need_campaigns(tables, own, groups).table.set_index("need_group")["campaign_terms"]
    assert named["Price"] == "A voucher"
    assert "answered first" in named["Service"]
    assert isinstance(strategy.need_campaigns(tables, plan, NotAvailable(("order_lines",), "groups")), NotAvailable)
    assert isinstance(strategy.need_campaigns(tables, plan, groups.drop(columns="need_group")), NotAvailable)
    for row in result.shown().itertuples(index=False):
        assert all(columns.formatted(name, value) for name, value in zip(result.shown().columns, row, strict=True))
    assert result.finding().evidence


def test_a_change_of_price_is_told_against_categories_whose_price_stayed():
    """Six categories of 100 units a month, give or take; one becomes a quarter dearer in July and loses 36 % of its units."""
    rng = np.random.default_rng(6)
    rows, steady = [], []
    for month in pd.date_range("2023-01-01", periods=12, freq="MS"):
        for c in range(7):
            late = month >= pd.Timestamp("2023-07-01")
            units = int(rng.integers(95, 106)) if c else (64 if late else 100)
            rows.append((f"p{c}", month, units, 5.0 if c == 0 and late else 4.0))
            steady.append((c, late, units))
        rows += [("p1", month, -3, 4.0), ("p1", month + pd.offsets.MonthEnd(0), 1, 4.0)]
    lines = pd.DataFrame(rows, columns=["product_id", "order_date", "quantity", "unit_price"])
    lines = lines.assign(order_id=[str(i) for i in range(len(lines))], line_id="1", customer_id="a")
    lines["line_amount"] = lines["quantity"] * lines["unit_price"]
    products = pd.DataFrame({"product_id": [f"p{c}" for c in range(7)], "category": [f"Category {c}" for c in range(7)]})
    result = strategy.price_changes(make_tables(order_lines=lines, products=products))
    (row,) = result.table.to_dict("records")
    assert (row["category"], row["price_month"], row["price_change"]) == (
        "Category 0",
        pd.Timestamp("2023-07-01"),
        pytest.approx(0.25),
    )
    assert result.steady == 6
    sold = lines[lines["quantity"] > 0].groupby(["product_id", lines["order_date"].dt.month])["quantity"].sum().unstack()
    change = np.log(sold[[7, 8, 9]].sum(axis=1) / sold[[4, 5, 6]].sum(axis=1))
    assert row["elasticity"] == pytest.approx((change["p0"] - change.drop("p0").mean()) / np.log(1.25))
    assert row["elasticity_low"] <= np.log(0.64) / np.log(1.25) <= row["elasticity_high"] < -1
    assert row["price_verdict"] == "Units move more than the price"
    assert all(columns.formatted(name, value) for name, value in row.items())
    assert result.finding().confidence == "low"
    few = products[products["product_id"] < "p4"]
    assert isinstance(strategy.price_changes(make_tables(order_lines=lines, products=few)), NotAvailable)
