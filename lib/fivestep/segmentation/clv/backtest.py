"""Which model would have foreseen what customers did: fitted up to a day, judged on what came after it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep.engine import Tables
from fivestep.language import N_
from fivestep.segmentation.clv.bg_nbd import BgNbd
from fivestep.segmentation.clv.forecast import forecast
from fivestep.segmentation.clv.mbg_nbd import MbgNbd
from fivestep.segmentation.clv.pareto_nbd import ParetoNbd
from fivestep.segmentation.clv.spend import fit_spend
from fivestep.segmentation.clv.summary import Summary, bought_between, summary

# In order of preference where errors hardly differ: in the last, whoever never came back is alive with certainty.
MODELS = {"Pareto/NBD": ParetoNbd, "MBG/NBD": MbgNbd, "BG/NBD": BgNbd}
OWN_RATE = N_("Own rate goes on")
LAST_YEAR = N_("As in the same weeks a year before")
LAST_PERIOD = N_("As in the weeks just before")
CLOSE = 1.01  # times the smallest error up to which errors count as equal
HELD_BACK = 0.25  # share of the data's days that is held back, at most a year
YEAR = 365  # days
CLASSES = 8  # of past purchases, at most


@dataclass(frozen=True)
class Backtest:
    """Forecasts of the ``holdout_days`` days after ``cut`` for the customers known then, against what they did.

    ``scores``: one row per model, then the baselines: predictor, mean_absolute_error (purchases per customer), purchases_error
    (forecast over actual purchases of all, less 1), decile_lift (mean actual purchases of the tenth with the highest forecast
    over the mean of all; ties share). ``chosen``: the first of ``MODELS`` whose error is within 1 % of the smallest. ``table``:
    one row per customer, by customer_id: x, first_quarter (quarter of the first purchase), purchases, expected_purchases (of the
    chosen model), spend, expected_spend, inside (the 95 % interval held the spend).
    """

    scores: pd.DataFrame
    table: pd.DataFrame
    chosen: str
    cut: dt.date
    as_of: dt.date
    holdout_days: int

    @property
    def purchases_error(self) -> float:
        """Forecast over actual purchases of all customers, less 1; NaN where nobody bought."""
        return _relative(self.table["expected_purchases"].sum(), self.table["purchases"].sum())

    @property
    def spend_error(self) -> float:
        """The same for spend."""
        return _relative(self.table["expected_spend"].sum(), self.table["spend"].sum())

    @property
    def coverage(self) -> float:
        """Share of customers whose spend lay in their 95 % interval."""
        return float(self.table["inside"].mean())

    @property
    def beaten_by(self) -> list[str]:
        """The baselines with a smaller error than the chosen model, closest first."""
        scores = self.scores.set_index("predictor")["mean_absolute_error"]
        base = scores[~scores.index.isin(MODELS)].sort_values(kind="stable")
        return list(base[base < scores[self.chosen]].index)

    def cohorts(self) -> pd.DataFrame:
        """One row per quarter of first purchase, earliest first: customers, actual and expected purchases, error."""
        grouped = self.table.groupby("first_quarter", sort=True)
        out = grouped.agg(
            customers=("customer_id", "size"),
            actual_purchases=("purchases", "sum"),
            expected_purchases=("expected_purchases", "sum"),
        ).reset_index()
        out["purchases_error"] = [
            _relative(e, a) for e, a in zip(out["expected_purchases"], out["actual_purchases"], strict=True)
        ]
        return out

    def by_past_purchases(self) -> pd.DataFrame:
        """One row per class of repeat purchases before the cut: x_from, x_to, customers, mean actual and expected purchases."""
        x = self.table["x"].to_numpy()
        place = classes(x)
        grouped = self.table.groupby(place, sort=True)
        return grouped.agg(
            x_from=("x", "min"),
            x_to=("x", "max"),
            customers=("customer_id", "size"),
            actual_purchases=("purchases", "mean"),
            expected_purchases=("expected_purchases", "mean"),
        ).reset_index(drop=True)


def classes(x: np.ndarray) -> np.ndarray:
    """Class of each customer by repeat purchases: single numbers where there are few of them, else of about equal size."""
    values, counts = np.unique(x, return_counts=True)
    if len(values) <= CLASSES:
        return np.searchsorted(values, x)
    below = np.cumsum(counts) - counts
    return (below * CLASSES // len(x))[np.searchsorted(values, x)]


def _relative(forecast: float, actual: float) -> float:
    return float(forecast / actual - 1) if actual > 0 else np.nan


def cut_of(tables: Tables) -> tuple[dt.date, int]:
    """The last day before the holdout, and the length of the holdout in days."""
    days = (tables.as_of - tables.first_day).days + 1
    held = min(int(days * HELD_BACK), YEAR)
    return tables.as_of - dt.timedelta(days=held), held


def calibration(tables: Tables) -> Summary:
    """The customers as they were at the cut."""
    return summary(tables.until(cut_of(tables)[0]))


def backtest(tables: Tables, known: Summary) -> Backtest | None:
    """Judge the models and two baselines; *known* is `calibration` of the same tables. None where spend cannot be modelled.

    The baselines: each customer's own rate goes on; and purchases as in the same days a year before, or, where the data is too
    short for that, as in as many days just before the cut.
    """
    cut, held = cut_of(tables)
    customers, spending = known.table, fit_spend(known.table)
    if spending is None:
        return None
    horizon = held / known.unit_days
    later = bought_between(tables, cut, tables.as_of).set_index("customer_id")
    ids = customers["customer_id"]
    actual = ids.map(later["purchases"]).fillna(0).to_numpy(dtype=float)
    spent = ids.map(later["spend"]).fillna(0).to_numpy(dtype=float)
    x, t_x, age = (customers[c].to_numpy(dtype=float) for c in ("x", "t_x", "T"))
    fitted = {name: model.fit(known.counts).model for name, model in MODELS.items()}
    forecasts = {name: model.expected_purchases(horizon, x, t_x, age) for name, model in fitted.items()}
    forecasts[OWN_RATE] = horizon * np.divide(x, age, out=np.zeros_like(x), where=age > 0)
    back, name = (YEAR, LAST_YEAR) if tables.first_day <= cut - dt.timedelta(days=YEAR) else (held, LAST_PERIOD)
    start = cut - dt.timedelta(days=back)
    before = bought_between(tables, start, start + dt.timedelta(days=held)).set_index("customer_id")["purchases"]
    forecasts[name] = ids.map(before).fillna(0).to_numpy(dtype=float)
    scores = pd.DataFrame({
        "predictor": list(forecasts),
        "mean_absolute_error": [float(np.abs(f - actual).mean()) for f in forecasts.values()],
        "purchases_error": [_relative(f.sum(), actual.sum()) for f in forecasts.values()],
        "decile_lift": [_decile_lift(f, actual) for f in forecasts.values()],
    })  # fmt: skip
    errors = scores.set_index("predictor")["mean_absolute_error"]
    chosen = next(n for n in MODELS if errors[n] <= CLOSE * errors[list(MODELS)].min())
    made = forecast(fitted[chosen], spending.model, customers, horizon=horizon)
    first = customers["first_day"]
    return Backtest(
        scores=scores,
        table=pd.DataFrame({
            "customer_id": ids,
            "x": customers["x"],
            "first_quarter": first.dt.year.astype(str) + " Q" + first.dt.quarter.astype(str),
            "purchases": actual,
            "expected_purchases": forecasts[chosen],
            "spend": spent,
            "expected_spend": made.value,
            "inside": (spent >= made.low - 1e-9) & (spent <= made.high + 1e-9),
        }),
        chosen=chosen,
        cut=cut,
        as_of=tables.as_of,
        holdout_days=held,
    )  # fmt: skip


def _decile_lift(forecast: np.ndarray, actual: np.ndarray) -> float:
    """Mean actual of the tenth with the highest forecast over the mean of all; equal forecasts share what they did."""
    mean = actual.mean()
    if mean <= 0:
        return np.nan
    value, place, counts = np.unique(-forecast.round(9), return_inverse=True, return_counts=True)
    sums = np.bincount(place, actual, len(value))
    room = np.clip(len(actual) / 10 - (np.cumsum(counts) - counts), 0, counts)
    return float((sums / counts) @ room / (len(actual) / 10) / mean)
