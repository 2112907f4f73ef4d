"""Customer lifetime value on tables: the summary, the test on days held back, values, contracts, words and refusals."""

from __future__ import annotations

import datetime as dt
import sys
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from conftest import KIT, make_tables
from fivestep import language, segmentation
from fivestep.errors import UserError
from fivestep.findings import NotAvailable
from fivestep.language import columns
from fivestep.segmentation.clv import MODELS, summary
from fivestep.segmentation.clv.backtest import LAST_PERIOD, LAST_YEAR, OWN_RATE, backtest, calibration
from fivestep.segmentation.clv.summary import bought_between

START = dt.date(2023, 1, 1)
DAYS = 400


def shop_orders(*, customers: int = 240, seed: int = 1, days: int = DAYS, stops: float = 60.0) -> pd.DataFrame:
    """Orders of customers who begin within 150 days, buy at rates of their own, and stop after about *stops* weeks."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(customers):
        first = int(rng.integers(0, min(150, days // 2)))
        rate, life, spend = rng.gamma(1.2, 1 / 6), rng.exponential(7 * stops), rng.gamma(8, 3)
        at = float(first)
        while at < min(days, first + life):
            rows.append((f"c{i:04}", int(at), round(float(spend * rng.gamma(4, 0.25)) + 1, 2)))
            at += rng.exponential(7 / rate)
    rows.append(("c0000", days - 1, 20.0))  # so that the data ends on its last day
    return pd.DataFrame({
        "order_id": [f"o{i}" for i in range(len(rows))],
        "customer_id": [c for c, _d, _a in rows],
        "order_date": [f"{START + dt.timedelta(days=d)} 12:00:00" for _c, d, _a in rows],
        "order_amount": [a for _c, _d, a in rows],
    })  # fmt: skip


@pytest.fixture(scope="module")
def orders() -> pd.DataFrame:
    return shop_orders()


@pytest.fixture(scope="module")
def value(orders):
    return segmentation.customer_value(make_tables(orders=orders))


@pytest.fixture(scope="module")
def grocers(grocery):
    """The real case."""
    return segmentation.customer_value(grocery)


def exhibits(value) -> list[pd.DataFrame]:
    return [
        value.tenths(), value.test.scores, value.test.cohorts(), value.parameters(), value.spend_by_frequency(), value.table,
    ]  # fmt: skip


def words(value) -> list[str]:
    names = [n for n in dir(value) if n.endswith(("headline", "note"))]
    assert len(names) == 12
    return [getattr(value, name)() for name in names]


# -------------------------------------------------------------------------------------------------- summary
def test_the_summary_is_what_pandas_counts_on_the_real_case(grocery):
    orders = pd.read_parquet(KIT / "data" / "grocery" / "orders.parquet")
    orders["day"] = orders["order_date"].dt.normalize()
    days = (
        orders.assign(amount=orders["order_amount"].astype(float)).groupby(["customer_id", "day"])["amount"].sum().reset_index()
    )
    first, last = (days.groupby("customer_id")["day"].transform(how) for how in ("min", "max"))
    by = days.groupby("customer_id")["day"]
    repeat = days[days["day"] > first].groupby("customer_id")["amount"]
    found = summary(grocery)
    table = found.table.set_index("customer_id")
    assert (table["x"] == by.size() - 1).all()
    assert (table["t_x"] * 7).round(6).tolist() == (by.max() - by.min()).dt.days.tolist()
    assert (table["T"] * 7).round(6).tolist() == (last.max() - by.min()).dt.days.tolist()
    assert table["mean_spend"].tolist() == pytest.approx(repeat.mean().tolist())
    spread = repeat.var(ddof=0) * repeat.size() / repeat.mean() ** 2
    assert table["spread"].tolist() == pytest.approx(spread.tolist(), rel=1e-6)
    assert (found.unit_days, found.returns, found.as_of) == (7, 0, grocery.as_of)


def test_orders_of_one_day_are_one_purchase_and_returns_lower_the_mean():
    rows = [
        ("a", "01-01 09:00:00", 10), ("a", "01-01 18:00:00", 30), ("a", "01-15 09:00:00", 50), ("a", "01-15 11:00:00", 10),
        ("a", "01-20 09:00:00", -25), ("b", "01-02 09:00:00", -5), ("c", "01-31 09:00:00", 7), ("d", "01-03 09:00:00", 0),
        ("d", "01-05 09:00:00", 0), (None, "01-06 09:00:00", 99),
    ]  # fmt: skip
    made = make_tables(orders=pd.DataFrame({
        "order_id": range(len(rows)), "customer_id": [r[0] for r in rows],
        "order_date": [f"2023-{r[1]}" for r in rows], "order_amount": [r[2] for r in rows],
    }))  # fmt: skip
    found = summary(made)
    table = found.table.set_index("customer_id")
    assert list(table.index) == ["a", "c", "d"]  # who has only returned has not bought
    assert table["x"].tolist() == [1, 0, 1]
    assert (table["t_x"] * 7).tolist() == pytest.approx([14, 0, 2])
    assert (table["T"] * 7).tolist() == pytest.approx([30, 0, 28])
    assert table["mean_spend"].tolist() == pytest.approx([60 * 75 / 100, np.nan, 0], nan_ok=True)
    assert found.returns == 1
    later = bought_between(made, dt.date(2023, 1, 5), dt.date(2023, 1, 20)).set_index("customer_id")
    assert later["purchases"].to_dict() == {"a": 1}
    assert later["spend"].to_dict() == {"a": 35.0}


def test_the_unit_is_kept_and_changes_no_forecast(orders):
    made = make_tables(orders=orders)
    weekly, daily = summary(made), summary(made, unit_days=1)
    assert (weekly.unit_days, daily.unit_days) == (7, 1)
    assert daily.table["T"].tolist() == pytest.approx((weekly.table["T"] * 7).tolist())
    model = MODELS["MBG/NBD"]
    bought = [
        model.fit(s.counts).model.expected_purchases(91 / s.unit_days, s.table["x"], s.table["t_x"], s.table["T"])
        for s in (weekly, daily)
    ]
    assert bought[0] == pytest.approx(bought[1], rel=1e-5)


# ----------------------------------------------------------------------------------------------- holdout
def test_the_holdout_scores_are_what_pandas_counts(orders):
    made = make_tables(orders=orders)
    known = calibration(made)
    found = backtest(made, known)
    day = pd.to_datetime(orders["order_date"]).dt.normalize()
    cut = pd.Timestamp(found.cut)
    assert (found.holdout_days, found.as_of - found.cut) == (100, dt.timedelta(days=100))
    bought = orders.assign(day=day).drop_duplicates(["customer_id", "day"])
    known_ids = sorted(bought.loc[bought["day"] <= cut, "customer_id"].unique())
    actual = bought[bought["day"] > cut].groupby("customer_id").size().reindex(known_ids, fill_value=0)
    assert found.table["customer_id"].tolist() == known_ids
    assert found.table["purchases"].tolist() == actual.tolist()
    spent = orders[day > cut].groupby("customer_id")["order_amount"].sum().reindex(known_ids, fill_value=0)
    assert found.table["spend"].tolist() == pytest.approx(spent.tolist())
    scores = found.scores.set_index("predictor")
    assert list(scores.index) == [*MODELS, OWN_RATE, LAST_PERIOD]
    before = bought[(bought["day"] <= cut) & (bought["day"] > cut - pd.Timedelta(days=100))]
    before = before.groupby("customer_id").size().reindex(known_ids, fill_value=0)
    assert scores.loc[LAST_PERIOD, "mean_absolute_error"] == pytest.approx((before - actual).abs().mean())
    assert scores.loc[LAST_PERIOD, "purchases_error"] == pytest.approx(before.sum() / actual.sum() - 1)
    own = (known.table["x"] / known.table["T"].where(known.table["T"] > 0)).fillna(0).to_numpy() * 100 / 7
    assert scores.loc[OWN_RATE, "mean_absolute_error"] == pytest.approx(np.abs(own - actual.to_numpy()).mean())
    best = scores.loc[list(MODELS), "mean_absolute_error"]
    assert best[found.chosen] <= 1.01 * best.min()
    assert found.cohorts()["customers"].sum() == len(known_ids)
    assert found.cohorts()["actual_purchases"].sum() == actual.sum()
    assert found.by_past_purchases()["customers"].sum() == len(known_ids)
    assert 0.9 <= found.coverage <= 1


def test_two_years_of_data_are_judged_against_the_same_weeks_a_year_before():
    orders = shop_orders(customers=150, days=740, seed=2)
    made = make_tables(orders=orders)
    found = backtest(made, calibration(made))
    assert list(found.scores["predictor"])[-1] == LAST_YEAR
    day = pd.to_datetime(orders["order_date"]).dt.normalize()
    start = pd.Timestamp(found.cut) - pd.Timedelta(days=365)
    inside = (day > start) & (day <= start + pd.Timedelta(days=found.holdout_days))
    before = orders[inside].assign(day=day).drop_duplicates(["customer_id", "day"]).groupby("customer_id").size()
    before = before.reindex(found.table["customer_id"], fill_value=0).to_numpy()
    error = np.abs(before - found.table["purchases"].to_numpy()).mean()
    assert found.scores["mean_absolute_error"].iloc[-1] == pytest.approx(error)


def test_the_lift_of_forecasts_that_are_all_the_same_is_one():
    from fivestep.segmentation.clv.backtest import _decile_lift

    actual = np.arange(50.0)
    assert _decile_lift(np.ones(50), actual) == pytest.approx(1)
    assert _decile_lift(actual, actual) == pytest.approx(np.mean([49, 48, 47, 46, 45]) / actual.mean())
    assert np.isnan(_decile_lift(actual, np.zeros(50)))


def test_the_cut_never_sees_what_came_after_it(orders):
    """Orders after the cut do not change a forecast made at it."""
    made = make_tables(orders=orders)
    known = calibration(made)
    day = pd.to_datetime(orders["order_date"]).dt.date
    alone = summary(make_tables(orders=orders[day <= known.as_of], as_of=None).until(known.as_of) if (day == known.as_of).any()
                    else make_tables(orders=orders).until(known.as_of))  # fmt: skip
    pd.testing.assert_frame_equal(known.table, alone.table)


# -------------------------------------------------------------------------------------------------- values
def test_values_are_purchases_times_spend_and_add_up(value):
    table = value.table
    assert table["customer_id"].is_monotonic_increasing
    assert table["p_alive"].between(0, 1).all()
    assert (table["expected_value"] >= 0).all()
    likely = table[table["p_alive"] > 0.1]  # else even the upper end can be no purchase
    assert len(likely) > 100
    assert (likely["value_low"] <= likely["expected_value"]).all()
    assert (likely["value_high"] >= likely["expected_value"]).all()
    assert value.total == pytest.approx(table["expected_value"].sum())
    assert value.total_low < value.total < value.total_high
    undiscounted = table["expected_purchases"] * table["spend_per_purchase"]
    assert (table["expected_value"] <= undiscounted + 1e-9).all()
    assert (table["expected_value"] >= undiscounted / 1.1 - 1e-9).all()  # a year at 10 %
    tenths = value.tenths()
    assert tenths["customers"].sum() == len(table)
    assert tenths["share_of_value"].sum() == pytest.approx(1)
    assert tenths["value_per_customer"].is_monotonic_decreasing


def test_a_model_that_calls_every_one_time_buyer_alive_says_nothing_of_them(orders, monkeypatch):
    for module in ("backtest", "customer_value"):  # a new dict: a key that is taken out and put back would come last
        monkeypatch.setattr(sys.modules[f"fivestep.segmentation.clv.{module}"], "MODELS", {"BG/NBD": MODELS["BG/NBD"]})
    value = segmentation.customer_value(make_tables(orders=orders))
    once = value.table["repeat_purchases"] == 0
    assert value.model == "BG/NBD"
    assert once.any()
    assert value.table["p_alive"].isna().equals(once)
    assert value.table["expected_value"].notna().all()
    assert f"for {once.sum()} customers" in value.note()
    assert (value.table.loc[~once, "p_alive"] < 1).any()


def test_margin_horizon_and_discount_do_what_they_say(orders, value):
    made = make_tables(orders=orders)
    plain = segmentation.customer_value(made, annual_discount_rate=0.0, margin=0.25)
    each = plain.table["expected_purchases"] * plain.table["spend_per_purchase"] * 0.25
    assert plain.table["expected_value"].tolist() == pytest.approx(each.tolist())
    assert "25% of spend" in plain.note()
    short = segmentation.customer_value(made, horizon_days=30)
    assert (short.table["expected_purchases"] < value.table["expected_purchases"]).all()
    assert not any("what lies beyond" in w for w in short.warnings)
    for wrong in ({"margin": 0}, {"margin": 1.2}, {"horizon_days": 0}, {"annual_discount_rate": 1.5}):
        with pytest.raises(UserError, match=next(iter(wrong))):
            segmentation.customer_value(made, **wrong)


def test_shuffling_rows_never_changes_a_value(orders, value):
    again = segmentation.customer_value(make_tables(orders=orders.sample(frac=1, random_state=3)))
    for ours, theirs in zip(exhibits(value), exhibits(again), strict=True):
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    assert words(value) == words(again)
    assert asdict(value.finding()) == asdict(again.finding())


def test_renaming_customers_moves_their_values_with_them(orders, value):
    renamed = orders.assign(customer_id="z" + orders["customer_id"].str[1:].astype(int).rsub(9999).astype(str))
    again = segmentation.customer_value(make_tables(orders=renamed)).table
    back = again.assign(customer_id="c" + again["customer_id"].str[1:].astype(int).rsub(9999).astype(str).str.zfill(4))
    back = back.sort_values("customer_id", ignore_index=True)
    pd.testing.assert_frame_equal(back, value.table, rtol=1e-6)


def test_a_hundredfold_currency_is_a_hundredfold_value(orders, value):
    again = segmentation.customer_value(make_tables(orders=orders.assign(order_amount=orders["order_amount"] * 100)))
    money = ["spend_per_purchase", "expected_value", "value_low", "value_high"]
    rest = [c for c in value.table if c not in money]
    pd.testing.assert_frame_equal(again.table[rest], value.table[rest])
    pd.testing.assert_frame_equal(again.table[money] / 100, value.table[money], rtol=1e-5)
    assert (again.total_low / 100, again.total_high / 100) == pytest.approx((value.total_low, value.total_high), rel=1e-4)


def test_moving_all_dates_changes_nothing_but_dates(orders, value):
    moved = orders.assign(order_date=(pd.to_datetime(orders["order_date"]) + pd.Timedelta(days=500)).astype(str))
    again = segmentation.customer_value(make_tables(orders=moved))
    pd.testing.assert_frame_equal(again.table, value.table)
    assert again.as_of - value.as_of == dt.timedelta(days=500)


# ------------------------------------------------------------------------------------------ the real case
def test_the_real_case_says_what_its_data_can_not(grocers):
    """Panel households never leave, and those who shop often spend less each time."""
    said = " ".join(grocers.warnings)
    assert "Dropout is not identified" in said
    assert "Gamma-Gamma is not admissible" in said  # the spread of single baskets contradicts it
    assert "may be older" in said
    assert abs(grocers.test.purchases_error) < 0.05
    assert abs(grocers.test.spend_error) < 0.1
    assert grocers.finding().confidence in ("low", "medium")
    assert grocers.table["p_alive"].median() > 0.95


def test_the_shuffled_real_case_gives_the_same_summary(grocery, shuffled_grocery):
    pd.testing.assert_frame_equal(summary(grocery).table, summary(shuffled_grocery).table, check_exact=True)


@pytest.mark.parametrize("code", ["en", "zh_CN"])
def test_every_word_and_table_can_be_shown(value, grocers, code):
    language.use(code)
    for made in (value, grocers):
        for text in [
            *words(made),
            *made.warnings,
            *asdict(made.finding())["assumptions"],
            made.finding().so_what,
            made.finding().evidence,
        ]:
            assert text
            assert "nan" not in text
            assert "{" not in text
        for frame in exhibits(made):
            assert len(frame)
            for name in frame.columns:
                assert all(columns.formatted(name, cell) for cell in frame[name].head(5))
        assert isinstance(made.tenths_chart(), Figure)
        assert isinstance(made.test_chart(), Figure)
        assert made.finding().value > 0


# ------------------------------------------------------------------------------------------------ warnings
def test_a_silent_holdout_is_said_to_have_tested_nothing(orders):
    """Everybody stops before the days held back: nothing to divide by."""
    day = pd.to_datetime(orders["order_date"]).dt.date
    silent = orders[(day <= START + dt.timedelta(days=280))]
    last = pd.DataFrame(
        {"order_id": ["last"], "customer_id": ["new"], "order_date": ["2024-02-04 10:00:00"], "order_amount": [5]}
    )
    made = segmentation.customer_value(make_tables(orders=pd.concat([silent, last])))
    assert made.test_headline().startswith("Nobody bought")
    assert "no spend to test it on" in made.finding().evidence
    assert made.finding().confidence == "low"
    assert "No quarter" in made.cohorts_headline()
    assert not any("nan" in text for text in words(made))


def test_a_shop_whose_customers_all_spend_the_same_has_a_value(orders):
    once = orders.drop_duplicates(["customer_id", "order_date"])
    made = segmentation.customer_value(make_tables(orders=once.assign(order_amount="10.00")))
    assert made.table["spend_per_purchase"].tolist() == pytest.approx([10] * len(made.table), rel=0.02)
    assert "cannot be told" in made.spend_headline()


def test_returns_lower_value_and_are_counted(orders, value):
    back = orders.tail(40).assign(order_id=[f"r{i}" for i in range(40)], order_amount=-1)
    made = segmentation.customer_value(make_tables(orders=pd.concat([orders, back])))
    assert "40 returns are netted" in made.spend_note()
    assert made.total < value.total
    assert made.table["repeat_purchases"].tolist() == value.table["repeat_purchases"].tolist()


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (lambda o: o[pd.to_datetime(o["order_date"]) < "2023-05-01"], "the data covers"),
        (lambda o: o[o["customer_id"] < "c0060"], "had bought by"),
        (lambda o: pd.concat([o.drop_duplicates("customer_id"), o.tail(1)]), "had come back by"),
        (lambda o: o.assign(order_amount=0), "has spent anything"),
    ],
)
def test_too_little_data_is_refused_with_the_reason(orders, kept, said):
    made = kept(orders)
    made = pd.concat([made, made.tail(1).assign(order_id="end", customer_id="c0001", order_date=made["order_date"].max())])
    refused = segmentation.customer_value(make_tables(orders=made))
    assert isinstance(refused, NotAvailable)
    assert said in refused.text


# ----------------------------------------------------------------------------------------------- contracts
def contracts(n: int = 800, seed: int = 4) -> pd.DataFrame:
    """Yearly contracts of the past six years that end at a renewal with a chance of their own."""
    rng = np.random.default_rng(seed)
    today = dt.date(2024, 1, 1)
    rows = []
    for i in range(n):
        start = today - dt.timedelta(days=int(rng.integers(1, 6 * 365)))
        stops, periods = rng.beta(1.0, 3.0), 1
        while start + dt.timedelta(days=365 * periods) <= today and rng.random() >= stops:
            periods += 1
        rows.append((f"k{i:04}", f"{start} 00:00:00", str(start + dt.timedelta(days=365 * periods))))
    return pd.DataFrame(rows, columns=["customer_id", "registered_at", "contract_end"])


def contract_tables(customers: pd.DataFrame):
    order = {"customer_id": customers["customer_id"].iloc[0], "order_date": "2024-01-01 10:00:00", "order_amount": 1}
    first = {**order, "order_date": "2017-01-02 10:00:00"}
    return make_tables(customers=customers, orders=pd.DataFrame([{"order_id": 1, **first}, {"order_id": 2, **order}]))


def test_contracts_give_back_the_planted_chances():
    customers = contracts()
    made = segmentation.contract_value(contract_tables(customers))
    off = np.abs(np.log(made.estimate.values / [1.0, 3.0])) / np.sqrt(np.diag(made.estimate.covariance))
    assert (off < 4).all()
    end = pd.to_datetime(customers["contract_end"])
    assert made.ended == (end <= "2024-01-01").sum()
    assert made.running == len(made.table) == len(customers) - made.ended
    start = pd.to_datetime(customers["registered_at"])
    elapsed = (pd.Timestamp("2024-01-01") - start).dt.days // 365
    running = (end > "2024-01-01").to_numpy()
    assert made.table["renewals"].tolist() == elapsed[running].tolist()
    due = elapsed >= 1  # the first renewal: who was at it, and who made it
    first = made.survival.iloc[1]
    kept = ((end - start).dt.days // 365)[due] > 1
    assert first["surviving"] == pytest.approx(kept.mean())
    assert made.survival["at_risk"].iloc[0] == due.sum()
    foreseen, actual, of = made.test
    assert abs(foreseen - actual) < 4 * np.sqrt(of) / 2
    assert (made.table["p_renewal"] > 0.5).all()
    finding = made.finding()
    assert finding.confidence == "high"
    assert isinstance(made.chart(), Figure)
    assert all("{" not in text and "nan" not in text for text in (made.headline(), made.note(), finding.text, finding.evidence))
    for name in made.survival.columns:
        assert all(columns.formatted(name, cell) for cell in made.survival[name])


def test_contracts_without_dates_are_left_out_and_few_are_refused():
    customers = contracts()
    customers.loc[:9, "contract_end"] = None
    made = segmentation.contract_value(contract_tables(customers))
    assert made.excluded == 10
    assert "10 customers without a start or an end" in made.note()
    few = segmentation.contract_value(contract_tables(customers.head(60)))
    assert isinstance(few, NotAvailable)
    assert "are needed" in few.text
    with pytest.raises(UserError, match="period_days"):
        segmentation.contract_value(contract_tables(customers), period_days=0)


def test_customers_without_contracts_are_not_available(grocery):
    missing = segmentation.contract_value(grocery)
    assert isinstance(missing, NotAvailable)
    assert "contract_end" in missing.text
