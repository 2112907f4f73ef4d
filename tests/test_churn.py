"""Who is likely to fall silent: nothing of the future is seen, chances hold on later days, the cut-off counts money."""

from __future__ import annotations

import datetime as dt
import itertools

import numpy as np
import pandas as pd
import pytest

from conftest import GROCERY, SHARED, make_tables
from fivestep import strategy
from fivestep.findings import NotAvailable
from fivestep.language import columns
from fivestep.strategy.churn import _seen
from fivestep.strategy.churn_model import BOOSTING, LOGISTIC, auc, churn_model
from test_strategy import playbook_of

DAYS = 40
IRANIAN, TELCO = (SHARED / "data" / name for name in ("iranian_churn/Customer_Churn.csv", "telco_churn/Telco-Customer-Churn.csv"))


def orders_of(n: int = 500, seed: int = 1, days: int = 240, refunds: bool = True) -> pd.DataFrame:
    """Customers who order every 4 to 12 days until a day of their own on which they stop, some never."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        gap, stop = rng.uniform(4, 12), rng.exponential(200) + 20
        day = rng.uniform(0, 10)
        while day < min(days, stop):
            rows.append((f"c{i:04}", int(day), round(float(rng.gamma(3, 10)), 2)))
            day += rng.exponential(gap)
    rows += [("c0001", days - 1, 5.0)]
    if refunds:
        rows += [("c0002", days - 2, -5.0)]
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "order_amount"])
    frame["order_date"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(frame["day"], unit="D")
    return frame.assign(order_id=[f"o{i:06}" for i in range(len(frame))])


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    return orders_of()


@pytest.fixture(scope="module")
def made(raw) -> strategy.Churn:
    return strategy.churn(make_tables(orders=raw.drop(columns="day")), period_days=DAYS)


def test_who_is_tested_and_who_left_is_what_pandas_counts(raw, made):
    last = 239
    bought = raw[raw["order_amount"] >= 0]
    before = set(bought.loc[bought["day"].between(last - 2 * DAYS + 1, last - DAYS), "customer_id"])
    after = set(bought.loc[bought["day"] > last - DAYS, "customer_id"])
    assert made.as_of == dt.date(2024, 1, 1) + dt.timedelta(days=last)
    assert set(made.tested["customer_id"]) == before
    assert set(made.tested.loc[made.tested["left"], "customer_id"]) == before - after
    assert set(made.table["customer_id"]) == after
    assert made.learnt_periods == 3


def test_the_future_changes_nothing_that_is_known_before(raw):
    """Features at the end of a period are the same whether later orders exist or not."""
    end = dt.date(2024, 1, 1) + dt.timedelta(days=159)
    whole = make_tables(orders=raw.drop(columns="day"))
    past = make_tables(orders=raw[raw["day"] <= 159].drop(columns="day"))
    (one, spend), (other, other_spend) = _seen(whole, end, DAYS), _seen(past, end, DAYS)
    pd.testing.assert_frame_equal(one, other)
    assert (spend == other_spend).all()


def test_features_are_what_pandas_computes_on_the_real_case(grocery):
    end = dt.date(2017, 9, 30)
    features, spend = _seen(grocery, end, 90)
    raw = pd.read_parquet(GROCERY / "orders.parquet").assign(day=lambda o: o["order_date"].dt.normalize())
    raw = raw[raw["day"] <= pd.Timestamp(end)].assign(order_amount=lambda o: o["order_amount"].astype(float))
    inside = raw[raw["day"] > pd.Timestamp(end) - pd.Timedelta(days=90)]
    bought = raw[raw["order_amount"] >= 0]
    active = inside[inside["order_amount"] >= 0].groupby("customer_id").size()
    assert features.index.tolist() == active.index.tolist()
    assert np.exp(features["orders"]).to_numpy() == pytest.approx(active.to_numpy())
    last = bought.groupby("customer_id")["day"].max().reindex(features.index)
    since = (pd.Timestamp(end) - last).dt.days
    assert np.expm1(features["days_since"]).to_numpy() == pytest.approx(since.to_numpy())
    assert spend == pytest.approx(
        inside.groupby("customer_id")["order_amount"].sum().reindex(features.index).to_numpy(), abs=0.01
    )
    days = bought.groupby("customer_id")["day"].unique().reindex(features.index)
    gaps = [np.diff(np.sort(d)).astype("timedelta64[D]").astype(int).mean() if len(d) > 1 else 90 for d in days]
    assert np.expm1(features["overdue"]).to_numpy() == pytest.approx((since / np.maximum(gaps, 1)).to_numpy())


def test_the_real_case_loses_too_few_customers_to_learn_from_and_says_so(grocery):
    gone = strategy.churn(grocery)
    assert isinstance(gone, NotAvailable)
    assert "25 fell silent and 25 stayed" in gone.text
    assert isinstance(strategy.cut_off(grocery, gone, strategy.playbook()), NotAvailable)
    assert "fewer than 4 periods of 120 days" in strategy.churn(grocery, period_days=120).text


def test_chances_hold_on_days_that_the_model_has_not_seen(made):
    area, low, high = made.auc
    assert low > 0.7
    assert low <= area <= high
    rows = made.calibration()
    assert rows["customers"].sum() == len(made.tested)
    assert rows["silent"].sum() == made.tested["left"].sum()
    assert rows["expected_silence"].is_monotonic_decreasing
    near = rows["expected_silence"].between(rows["silence_low"] - 0.05, rows["silence_high"] + 0.05)
    assert near.sum() >= 4
    assert made.table["churn_risk"].between(0, 1).all()
    assert made.drivers.iloc[0]["churn_driver"] in ("days_since", "overdue")
    assert made.drivers.iloc[0]["driver_direction"] > 0.5


def test_chance_alone_is_not_sold_as_a_model():
    """Customers who come and go by the toss of a coin every period."""
    rng = np.random.default_rng(4)
    rows = []
    for i, period in itertools.product(range(700), range(6)):
        if rng.random() < 0.6:
            rows.append((f"c{i:03}", period * 20 + 10, 10))
    rows += [("zz", 0, 10), ("zz", 119, 10)]
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "order_amount"])
    frame["order_date"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(frame.pop("day"), unit="D")
    made = strategy.churn(make_tables(orders=frame.assign(order_id=[str(i) for i in range(len(frame))])), period_days=20)
    assert made.headline() == "Who falls silent cannot be told from past orders here: the model hardly beats chance"
    assert made.finding().confidence == "low"


@pytest.mark.parametrize(("cost", "best"), [(0.01, 0.05), (500.0, np.nan)])
def test_a_cheap_contact_goes_to_all_and_a_dear_one_to_nobody(raw, made, cost, best):
    tables = make_tables(orders=raw.drop(columns="day"))
    found = strategy.cut_off(tables, made, playbook_of({"cost_per_contact": cost}, gross_margin=0.5))
    assert found.best == pytest.approx(best, nan_ok=True)
    assert ("At no risk" in found.headline()) == np.isnan(best)


def test_the_profit_of_a_cut_off_is_that_of_a_second_computation(raw, made):
    tables = make_tables(orders=raw.drop(columns="day"))
    found = strategy.cut_off(tables, made, playbook_of({"cost_per_contact": 2.0}, gross_margin=0.5, saved_share=0.2))
    spent = made.tested["period_spend"].to_numpy()
    for row in found.table.itertuples():
        chosen = (made.tested["churn_risk"] >= row.risk_cut_off).to_numpy()
        gained = sum(s * 0.2 * 0.5 for s, c, gone in zip(spent, chosen, made.tested["left"], strict=True) if c and gone)
        assert row.cut_off_profit == pytest.approx(gained - 2.0 * chosen.sum())
        assert row.customers == chosen.sum()
    assert found.profit == pytest.approx(found.table.set_index("risk_cut_off")["cut_off_profit"][found.best])
    assert strategy.cut_off(tables, made, playbook_of({})).cost is None
    assert "cut_off_profit" not in strategy.cut_off(tables, made, playbook_of({})).shown()


def test_who_opted_out_is_scored_but_on_no_list(raw):
    ids = sorted(raw["customer_id"].unique())
    customers = pd.DataFrame({"customer_id": ids, "marketing_opt_out": [i % 2 == 0 for i in range(len(ids))]})
    made = strategy.churn(make_tables(orders=raw.drop(columns="day"), customers=customers), period_days=DAYS)
    assert set(made.contacts()["customer_id"]) == set(made.table["customer_id"]) - set(ids[::2])
    assert made.contacts()["churn_risk"].round(9).is_monotonic_decreasing


def test_shuffling_rows_never_changes_a_risk(raw, made):
    other = strategy.churn(make_tables(orders=raw.drop(columns="day").sample(frac=1, random_state=3)), period_days=DAYS)
    pd.testing.assert_frame_equal(made.table, other.table)
    pd.testing.assert_frame_equal(made.drivers, other.drivers)
    assert made.finding() == other.finding()


def test_the_area_under_the_curve_is_that_of_scikit_learn():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    risk, left = rng.integers(0, 20, 300) / 20, rng.random(300) < 0.3
    assert auc(risk, left)[0] == pytest.approx(roc_auc_score(left, risk))


def test_every_column_of_the_churn_tables_is_described(raw, made):
    found = strategy.cut_off(make_tables(orders=raw.drop(columns="day")), made, playbook_of({"cost_per_contact": 1.0}))
    for frame in (made.calibration(), made.contacts(), made.risks(), found.shown()):
        assert len(frame)
        assert all(isinstance(columns.formatted(name, value), str) for name in frame.columns for value in frame[name].head(3))
    assert len(made.drivers_chart().axes[0].get_yticklabels()) == len(made.drivers)


# --------------------------------------------------------------------------------------------- on published data, without dates
def parts(features: pd.DataFrame, left: np.ndarray):
    """Three parts by a fixed shuffle: to learn, to correct, to test."""
    order = np.random.default_rng(0).permutation(len(features))
    cuts = np.split(order, [len(order) // 2, 3 * len(order) // 4])
    return [(features.iloc[rows], left[rows]) for rows in cuts]


@pytest.mark.parametrize(
    ("path", "least", "share"), [(IRANIAN, 0.93, 495 / 3150), (TELCO, 0.80, 1869 / 7043)], ids=["iranian", "telco"]
)
def test_chances_are_good_and_calibrated_on_published_churn(path, least, share):
    if not path.exists():
        pytest.skip("the data set is not beside the project")
    frame = pd.read_csv(path)
    frame.columns = [" ".join(c.split()) for c in frame.columns]
    left = frame.pop("Churn").map({"Yes": True, "No": False, 1: True, 0: False}).to_numpy(dtype=bool)
    assert left.mean() == pytest.approx(share)
    features = frame.drop(columns="customerID", errors="ignore")
    if "TotalCharges" in features:
        features["TotalCharges"] = pd.to_numeric(features["TotalCharges"], errors="coerce").fillna(0.0)
    features = pd.get_dummies(features, dtype=float).astype(float)
    (learn, y), (correct, y2), (test, y3) = parts(features, left)
    model = churn_model(learn, y, correct, y2)
    risk = model.risk(test)
    assert auc(risk, y3)[0] > least
    assert model.name == (BOOSTING if path is IRANIAN else LOGISTIC)
    assert risk.mean() == pytest.approx(y3.mean(), abs=0.03)
    tenth = pd.qcut(pd.Series(risk).rank(method="first"), 5, labels=False)
    gap = pd.DataFrame({"said": risk, "was": y3}).groupby(tenth.to_numpy()).mean()
    assert (gap["said"] - gap["was"]).abs().max() < 0.08
