"""Demand: what is foretold, by which method, and how far it missed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from conftest import make_tables
from fivestep import needs
from fivestep.findings import NotAvailable
from fivestep.language import columns
from fivestep.needs.demand import HORIZON, LAST_YEAR, NAIVE, SMOOTHED, SPEEDS, WEEKDAYS, smoothed


def lines_of(values: np.ndarray) -> dict[str, pd.DataFrame]:
    """Tables in which the spend of day d on category k is ``values[d, k]``, one order a day."""
    days, categories = values.shape
    dates = pd.date_range("2023-01-02", periods=days).repeat(categories)
    order_lines = pd.DataFrame({
        "order_id": [f"o{d:04d}" for d in range(days) for _k in range(categories)],
        "line_id": [str(i) for i in range(values.size)],
        "customer_id": [f"c{d % 60:02d}" for d in range(days) for _k in range(categories)],
        "order_date": dates,
        "product_id": [f"p{k:02d}" for _d in range(days) for k in range(categories)],
        "line_amount": values.ravel().round(2),
    })  # fmt: skip
    names = [f"p{k:02d}" for k in range(categories)]
    return {"order_lines": order_lines, "products": pd.DataFrame({"product_id": names, "category": names})}


def shop(days: int, categories: int = 12, seed: int = 1) -> np.ndarray:
    """Spend with weekdays and a level of its own per category, and noise."""
    rng = np.random.default_rng(seed)
    week = 1 + 0.4 * np.sin(np.arange(days)[:, None] * 2 * np.pi / 7 + np.arange(categories))
    return (100 + 20 * np.arange(categories)) * week * np.exp(0.2 * rng.standard_normal((days, categories)))


@pytest.fixture(scope="module")
def values():
    return shop(250)


@pytest.fixture(scope="module")
def found(values):
    return needs.demand(make_tables(**lines_of(values)))


def test_holt_winters_agrees_with_its_equations_day_by_day():
    """The component form (Hyndman et al. 2008, A-A-damped) for one series at a time, in plain Python."""
    rng = np.random.default_rng(3)
    y = 50 + 0.1 * np.arange(120) + 10 * np.tile([0, 1, 2, 3, 1, -3, -4], 18)[:120] + rng.normal(0, 3, 120)
    best = None
    for a, b, g, d in SPEEDS:
        level, trend = y[:14].mean(), 0.0
        season = [y[k:28:7].mean() - y[:28].mean() for k in range(7)]
        squares = 0.0
        for t, value in enumerate(y):
            foretold = level + d * trend + season[t % 7]
            error = value - foretold
            squares += error**2 if t >= 14 else 0.0
            before = level
            level = a * (value - season[t % 7]) + (1 - a) * (before + d * trend)
            trend = b * (level - before) + (1 - b) * d * trend
            season[t % 7] += g * (1 - a) * error
        ahead = [level + sum(d**i for i in range(1, h + 1)) * trend + season[(119 + h) % 7] for h in range(1, 29)]
        if best is None or squares < best[0]:
            best = (squares, ahead)
    assert smoothed(y[:, None], 28)[:, 0] == pytest.approx(best[1])


def test_the_errors_of_the_test_agree_with_forecasting_by_hand(values, found):
    values = values.round(2)
    train, actual = values[:-HORIZON], values[-HORIZON:]
    naive = np.tile(train[-7:], (4, 1))
    foretold = {
        NAIVE: naive,
        WEEKDAYS: np.tile(train[-28:].reshape(4, 7, -1).mean(axis=0), (4, 1)),
        SMOOTHED: smoothed(train, HORIZON),
    }
    table = found.table.set_index("category")
    for k in range(values.shape[1]):
        row = table.loc[f"p{k:02d}"]
        missed = np.abs(actual[:, k] - foretold[row["forecast_method"]][:, k]).sum()
        assert row["demand_before"] == pytest.approx(actual[:, k].sum())
        assert row["demand_error"] == pytest.approx(missed / actual[:, k].sum())
        assert row["naive_error"] == pytest.approx(np.abs(actual - naive)[:, k].sum() / actual[:, k].sum())
        assert row["error_ratio"] == pytest.approx(row["demand_error"] / row["naive_error"])
    assert found.naive == pytest.approx(np.abs(actual - naive).sum() / actual.sum())
    assert found.trials == (250 - 56) // 28
    texts_are_whole(found)
    for name in found.table.columns:
        assert columns.formatted(name, found.table[name].iloc[0])
    assert found.figure().axes


def texts_are_whole(result) -> None:
    said = result.finding()
    for text in (
        said.text,
        said.evidence,
        said.so_what,
        *said.warnings,
        result.headline(),
        result.test_headline(),
        result.note(),
    ):
        assert text.strip()
        assert "nan" not in text.lower().split()
        assert "{" not in text


def test_noise_is_smoothed_and_most_ranges_hold_what_comes(found):
    assert found.better
    assert found.error < 0.9 * found.naive  # the mean of n weeks errs by sqrt(1 + 1/n), the last week by sqrt(2)
    assert found.tested == 12
    assert found.held >= 9
    assert (found.table["demand_low"] < found.table["demand_forecast"]).all()
    assert (found.table["demand_high"] > found.table["demand_forecast"]).all()


def test_a_year_that_repeats_itself_is_foretold_from_the_last_one(tables):
    days = np.arange(728)
    season = 1 + 0.6 * np.sin(2 * np.pi * days / 364)
    result = needs.demand(tables(**lines_of(100 * season[:, None] * shop(728, 6, seed=4) / 100)))
    assert (result.table["forecast_method"] == LAST_YEAR).mean() >= 0.5
    assert result.better


def test_without_change_nothing_is_better_than_the_last_week(tables):
    result = needs.demand(tables(**lines_of(np.tile(np.arange(1.0, 8.0)[:, None], (30, 2)))))
    assert (result.error, result.naive) == (pytest.approx(0, abs=1e-9), 0)
    assert not result.better
    assert result.table["demand_forecast"].tolist() == pytest.approx([112.0, 112.0])
    assert result.tested == 0
    texts_are_whole(result)


def test_few_days_or_a_dead_shop_are_refused(tables, values):
    assert isinstance(needs.demand(tables(**lines_of(values[:167]))), NotAvailable)
    silent = values.copy()
    silent[-28:] = 0
    assert isinstance(needs.demand(tables(**lines_of(silent))), NotAvailable)


def test_the_order_of_the_rows_changes_no_forecast(values, found):
    mixed = {n: f.sample(frac=1, random_state=1) for n, f in lines_of(values).items()}
    pd.testing.assert_frame_equal(found.table, needs.demand(make_tables(**mixed)).table)
