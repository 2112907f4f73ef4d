"""Channels: scorecards equal a count by hand, and a dealer is flagged only where chance does not explain it."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from conftest import make_tables
from fivestep import strategy
from fivestep.findings import NotAvailable
from fivestep.language import columns
from fivestep.strategy.channels import ABOVE, BELOW, TOO_FEW
from fivestep.strategy.dealers import DIVERTS, READY, REVIEW, STAYS, UNKNOWN


def company(*, diverted: int = 12, seed: int = 3) -> dict[str, pd.DataFrame]:
    """Two years; 120 consumers in two regions with two stores each; in store N2 nobody comes back. Four dealers with 30 orders
    each in the last year, of which d0 has *diverted* delivered from the other region."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(120):
        store = f"{'NS'[i % 2]}{i // 2 % 2 + 1}"
        for k in range(1 if store == "N2" else 4):
            rows.append(
                (f"c{i:03}", pd.Timestamp("2023-02-01") + pd.Timedelta(days=int(rng.integers(0, 320))), 20 + k, store, "shop")
            )
    for d in range(4):
        home = "NS"[d % 2]
        for k in range(30):
            store = f"{'SN'[d % 2] if d == 0 and k < diverted else home}1"
            rows.append((f"d{d}", pd.Timestamp("2023-01-05") + pd.Timedelta(days=k * 12), 100 + 10 * d, store, "dealer"))
        rows.append((f"d{d}", pd.Timestamp("2022-01-01"), 3000, f"{home}1", "dealer"))
    rows += [("c000", "2023-12-31", -5, "N1", "shop"), (None, "2023-12-30", 7, "N1", "shop")]
    orders = pd.DataFrame(rows, columns=["customer_id", "order_date", "order_amount", "store", "channel"])
    orders["order_id"] = [f"o{i:04}" for i in range(len(orders))]
    ids = [f"c{i:03}" for i in range(120)] + [f"d{d}" for d in range(4)]
    customers = pd.DataFrame({
        "customer_id": ids, "region": [("North", "South")[i % 2] for i in range(120)] + ["North", "South"] * 2,
        "customer_type": ["consumer"] * 120 + [" Dealer "] * 4,
    })  # fmt: skip
    lines = orders[["order_id", "customer_id", "order_date"]].assign(
        line_id="1", product_id="p", line_amount=orders["order_amount"],
        cost=(orders["order_amount"] * orders["channel"].map({"shop": 0.5, "dealer": 0.75})).round(2),
    )  # fmt: skip
    costs = pd.DataFrame({
        "cost_id": ["1", "2"], "customer_id": ["d0", "d1"], "cost_date": "2023-06-01", "cost_type": "service", "amount": [30, 40]
    })  # fmt: skip
    return {"orders": orders, "customers": customers, "order_lines": lines, "costs": costs}


@pytest.fixture(scope="module")
def made():
    frames = company()
    return frames, make_tables(**frames)


def _year(frames) -> pd.DataFrame:
    orders = frames["orders"].assign(order_date=pd.to_datetime(frames["orders"]["order_date"]))
    return orders[orders["order_date"] > orders["order_date"].max().normalize() - pd.Timedelta(days=365)]


def test_a_branch_scorecard_is_what_pandas_counts(made):
    frames, tables = made
    card = strategy.branches(tables).table.set_index("store")
    year = _year(frames)
    assert card["spend"].to_dict() == year.groupby("store")["order_amount"].sum().to_dict()
    bought = year[(year["order_amount"] >= 0) & year["customer_id"].notna()].groupby(["store", "customer_id"]).size()
    assert card["customers"].to_dict() == bought.groupby("store").size().to_dict()
    assert card["branch_repeaters"].to_dict() == pytest.approx((bought > 1).groupby("store").mean().to_dict())
    assert card["branch_margin"].between(0.25, 0.5).all()
    assert card["branch_margin"]["N2"] == pytest.approx(0.5, abs=0.01)
    assert card.loc["N2", "branch_verdict"] == BELOW
    assert set(card["branch_verdict"]) == {ABOVE, BELOW}


def test_a_region_has_the_outlets_whose_orders_come_from_it(made):
    frames, tables = made
    regions = strategy.region_coverage(tables).table.set_index("home_region")
    year = _year(frames).merge(frames["customers"], on="customer_id")
    assert regions["outlets"].to_dict() == {"North": 2, "South": 2}
    assert regions["customers"].to_dict() == year.groupby("region")["customer_id"].nunique().to_dict()
    by_store = year.groupby("store")["order_amount"].sum()
    assert regions["spend_per_outlet"]["North"] == pytest.approx(by_store[["N1", "N2"]].mean())
    assert set(regions["outlet_verdict"]) == {"Like the others"}


def test_what_a_channel_leaves_is_its_margin_less_what_it_costs(made):
    frames, tables = made
    result = strategy.channel_margins(tables)
    rows = result.table.set_index("sales_channel")
    assert rows["channel_length"].to_dict() == {"dealer": 1, "shop": 0}
    dealers = _year(frames).query("channel == 'dealer'")["order_amount"].sum()
    assert rows.loc["dealer", "channel_margin"] == pytest.approx(0.25)
    assert rows.loc["dealer", "margin_after_costs"] == pytest.approx(0.25 - 70 / dealers)
    assert rows.loc["shop", "channel_margin_low"] <= rows.loc["shop", "channel_margin"] <= rows.loc["shop", "channel_margin_high"]
    assert result.headline() == "Of a sale through “shop” 50% is left, through “dealer” 24%"


def test_only_a_dealer_who_delivers_elsewhere_beyond_chance_is_flagged(made):
    _frames, tables = made
    result = strategy.dealers(tables)
    table = result.table.set_index("customer_id")
    assert table["diversion_verdict"].to_dict() == {"d0": DIVERTS, "d1": STAYS, "d2": STAYS, "d3": STAYS}
    assert table.loc["d0", "dealer_away"] == pytest.approx(12 / 30)
    assert table.loc["d0", "away_region"] == "South"
    assert table.loc["d0", "launch_verdict"] == REVIEW
    assert table.loc["d3", "launch_verdict"] == READY  # most sales and growth
    assert result.usual == 0
    assert result.scorecard().set_index("customer_id")["away_region"].dropna().to_dict() == {"d0": "South"}
    assert result.headline() == "1 of 4 dealers delivers outside of its region: d0 sends 40% of its orders to South"
    assert result.chart().axes
    few = strategy.dealers(make_tables(**company(diverted=2)))
    assert few.flagged.empty
    assert few.headline() == "No dealer delivers outside of its region more than chance explains (4 looked at)"


def test_the_order_of_rows_changes_no_scorecard(made):
    frames, tables = made
    other = make_tables(**{k: f.sample(frac=1, random_state=5) for k, f in frames.items()})
    for method in (strategy.branches, strategy.region_coverage, strategy.channel_margins, strategy.dealers):
        pd.testing.assert_frame_equal(method(tables).table, method(other).table)


def test_data_without_regions_channels_or_dealers_says_so_once():
    orders = pd.DataFrame({
        "order_id": ["1", "2"], "customer_id": ["a", "b"], "order_date": ["2023-01-01", "2023-01-02"],
        "order_amount": [0, -3], "store": ["1", None],
    })  # fmt: skip
    tables = make_tables(orders=orders)
    assert isinstance(strategy.channels(tables), NotAvailable)
    alone = strategy.branches(tables)
    assert alone.table["branch_verdict"].tolist() == [TOO_FEW]
    assert math.isnan(alone.table["share_of_spend"][0])
    assert alone.headline() == "No branch has enough customers to compare how many come back"
    one = strategy.dealers(
        make_tables(orders=orders, customers=pd.DataFrame({"customer_id": ["a"], "customer_type": ["经销商"]}))
    )
    assert one.table["diversion_verdict"].tolist() == [UNKNOWN]
    assert one.table["launch_verdict"].isna().all()
    assert isinstance(one.chart(), NotAvailable)
    assert one.finding().display
    assert one.launch_finding().display


def test_every_column_of_the_channels_is_described(made):
    _frames, tables = made
    channels = strategy.channels(tables)
    shown = (strategy.branches(tables).shown(), channels.regions.table, channels.margins.shown(), channels.dealers.scorecard())
    for frame in shown:
        assert len(frame)
        for row in frame.itertuples(index=False):
            assert all(columns.formatted(name, value) for name, value in zip(frame.columns, row, strict=True))
    for found in (strategy.branches(tables).finding(), channels.regions.finding(), channels.margins.finding()):
        assert found.text
        assert found.display
