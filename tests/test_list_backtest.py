"""Lists of a quarter ago, and the money that their customers then brought, counted again in pandas."""

from __future__ import annotations

import importlib

import numpy as np
import pandas as pd
import pytest

from conftest import GROCERY, make_tables
from fivestep import evaluation, language, segmentation
from fivestep.findings import Finding, NotAvailable
from fivestep.language import columns

module = importlib.import_module("fivestep.evaluation.list_backtest")  # the function of its name stands before it


@pytest.fixture(scope="module")
def found():
    from fivestep import engine

    tables = engine.Tables.of(engine.read(GROCERY, engine.connect()))
    makers = {"rfm": segmentation.rfm, "customer_value": segmentation.customer_value}
    return evaluation.list_backtest(tables, lapsed_after_days=90, **makers)


def test_the_money_of_a_list_is_what_pandas_adds_up(found):
    raw = pd.read_parquet(GROCERY / "orders.parquet")
    raw["amount"], day = raw["order_amount"].astype(float), raw["order_date"].dt.normalize()
    cut = pd.Timestamp("2017-12-31") - pd.Timedelta(days=91)
    before = raw[(day <= cut) & (day > cut - pd.Timedelta(days=91))].groupby("customer_id")["amount"].sum().round(2)
    after = raw[day > cut].groupby("customer_id")["amount"].sum()
    ranked = before.reset_index().sort_values(["amount", "customer_id"], ascending=[False, True])["customer_id"]
    row = found.table.set_index("backtest_list").loc[module.RECENT]
    first = -(-len(ranked) // 5)
    assert pd.Timestamp(found.day) == cut
    assert (row["listed"], row["worked_on"]) == (len(ranked), first)
    assert row["list_money"] == pytest.approx(after.reindex(ranked[:first]).fillna(0).sum(), abs=0.01)
    assert row["random_money"] == pytest.approx(after.reindex(ranked).fillna(0).mean() * first, abs=0.01)
    assert row["over_rfm"] == pytest.approx(row["list_money"] - row["rfm_money"])
    assert row["over_random"] == pytest.approx(row["list_money"] - row["random_money"])
    assert row["over_random_low"] > 0


def test_a_list_in_the_order_of_the_money_beats_chance_and_the_reverse_loses():
    money = pd.Series(np.arange(100.0)[::-1])
    ids = pd.Series([f"c{i:02d}" for i in range(100)])
    own = module._brought(ids, pd.Series(range(100)), money)
    assert own["over_rfm"] == own["over_rfm_low"] == 0  # RFM has the same order
    assert own["list_money"] == money[:20].sum()
    reverse = module._brought(ids[::-1].reset_index(drop=True), pd.Series(range(100))[::-1].reset_index(drop=True), money[::-1])
    assert reverse["over_rfm"] < 0
    assert reverse["over_random_high"] < 0


def test_the_interval_covers_the_difference_in_the_population():
    random = np.random.default_rng(9)
    covered = 0
    for _sample in range(40):
        liked = random.random(200)
        money = pd.Series(random.gamma(1.0, 50.0, 200) * (1 + (liked > 0.8)))
        ids = pd.Series([f"c{i:03d}" for i in range(200)])[np.argsort(-liked)].reset_index(drop=True)
        said = module._brought(ids, pd.Series(range(200)), money[np.argsort(-liked)].reset_index(drop=True))
        covered += said["over_random_low"] <= 40 * 50 * 2 - 40 * 60 <= said["over_random_high"]
    assert covered >= 34


def test_short_data_has_no_list_of_a_quarter_ago():
    rows = pd.DataFrame(
        {"order_id": ["1", "2"], "customer_id": ["a", "b"], "order_date": ["2024-01-01", "2024-04-01"], "order_amount": [1, 1]}
    )
    makers = {"rfm": segmentation.rfm, "customer_value": segmentation.customer_value}
    said = evaluation.list_backtest(make_tables(orders=rows), lapsed_after_days=30, **makers)
    assert isinstance(said, NotAvailable)
    assert "does not reach back two quarters" in said.text


@pytest.mark.parametrize("code", ["en", "zh_CN"])
def test_the_backtest_can_be_shown_in_both_languages(found, code):
    language.use(code, currency="CNY")
    for row in found.shown().itertuples(index=False):
        assert all(isinstance(columns.formatted(c, v), str) for c, v in zip(found.shown().columns, row, strict=True))
    said: Finding = found.finding()
    for text in (found.headline(), found.table_headline(), found.note(), said.evidence, said.so_what):
        assert text
        assert "{" not in text
    assert found.figure().axes
