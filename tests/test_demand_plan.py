"""The forecast of step 3 sets stock and spend of plays in step 4; step 5 of the next run holds it against what came."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from conftest import make_tables
from fivestep import evaluation, strategy
from fivestep.evaluation.forecast_check import ABOVE, BELOW, INSIDE, NO_RANGE
from fivestep.findings import NotAvailable
from fivestep.language import columns
from test_strategy import segment_frame

SEGMENTS = segment_frame(a=("High value", "Mature"), b=("Low value", "Mature"))
FORECAST = pd.DataFrame({
    "category": ["Coffee", "Tea"], "forecast_method": "x", "demand_forecast": [300.0, 40.0], "demand_low": [200.0, -5.0],
    "demand_high": [405.0, 60.0], "demand_before": [200.0, 0.0],
})  # fmt: skip


def tables():
    rows = [
        ("a", "2024-06-30", "c", 10, 100), ("b", "2024-06-10", "c", 10, 100), ("b", "2024-06-20", "c", -1, -10),
        ("a", "2024-05-01", "c", 99, 210), ("a", "2024-04-15", "t", 5, 20), ("b", "2023-01-01", "t", 5, 999),
        (None, "2024-06-30", "c", 1, 0),
    ]  # fmt: skip
    lines = pd.DataFrame(rows, columns=["customer_id", "order_date", "product_id", "quantity", "line_amount"])
    lines["order_id"] = [f"o{i}" for i in range(len(lines))]
    orders = lines[["order_id", "customer_id", "order_date"]].assign(order_amount=lines["line_amount"])
    products = pd.DataFrame({"product_id": ["c", "t"], "category": ["Coffee", "Tea"]})
    return make_tables(orders=orders, order_lines=lines.assign(line_id="1"), products=products)


def test_units_and_spend_of_plays_follow_the_forecast_of_step_3():
    made = tables()
    plan = strategy.plan(made, SEGMENTS, strategy.playbook())
    ahead = strategy.demand_plan(made, plan, FORECAST)
    coffee, tea = ahead.table.to_dict("records")
    assert (coffee["units_before"], coffee["units_ready"]) == (20, 41)  # 405 at 200 / 20 a unit, rounded up
    assert np.isnan(tea["units_before"])
    assert tea["demand_low"] == 0
    assert np.isnan(tea["demand_change"])
    # Of coffee in the last 91 days a bought 100 + 210, b 100 - 10; all tea of these days is a's.
    plays = ahead.plays.set_index("play")
    a, b = (plan.table.set_index("customer_id").loc[c, "play"] for c in "ab")
    assert plays.loc[a, "demand_forecast"] == pytest.approx(300 * 310 / 400 + 40)
    assert plays.loc[b, "demand_high"] == pytest.approx(405 * 90 / 400)
    assert ahead.plays["demand_forecast"].sum() == pytest.approx(340)
    twice = strategy.demand_plan(made, plan, FORECAST.assign(demand_high=810.0))
    assert twice.table.loc[0, "units_ready"] == 81  # another forecast, another stock
    for frame in (ahead.shown(), ahead.plays):
        for row in frame.itertuples(index=False):
            assert all(columns.formatted(name, value) for name, value in zip(frame.columns, row, strict=True))
    assert ahead.finding().display
    none = NotAvailable(("products.category",), "x")
    assert strategy.demand_plan(made, plan, none).missing == ("products.category",)


def test_the_next_review_holds_the_forecast_against_what_came():
    made = tables()
    day = dt.date(2024, 6, 2)  # coffee of 100 - 10 + 100 + 0 came in the 28 days to 30 June, and no tea
    check = evaluation.forecast_check(made, FORECAST, day)
    assert check.table["demand_came"].tolist() == [190, 0]
    assert check.table["forecast_verdict"].tolist() == [BELOW, INSIDE]
    assert check.finding().value == pytest.approx(190 / 340 - 1)
    more = FORECAST.assign(demand_high=[150.0, np.nan], demand_low=[100.0, np.nan])
    assert evaluation.forecast_check(made, more, day).table["forecast_verdict"].tolist() == [ABOVE, NO_RANGE]
    assert "not over" in evaluation.forecast_check(made, FORECAST, dt.date(2024, 6, 3)).text
    assert "handed over no forecast" in evaluation.forecast_check(made, None, day).text
