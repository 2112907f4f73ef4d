"""The next period of the life cycle: who will be a new, an existing or a lost customer."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from conftest import make_tables
from fivestep import segmentation
from fivestep.findings import NotAvailable
from fivestep.language import columns
from fivestep.segmentation.next_stage import BY_STAGE, CLASSES, MODEL, UNCHANGED

FIRST, DAYS = dt.date(2024, 1, 1), 400


@pytest.fixture(scope="module")
def orders() -> pd.DataFrame:
    """600 customers who buy at rates of their own, each for a time of its own."""
    rng = np.random.default_rng(11)
    rows = []
    for c in range(600):
        begin = int(rng.integers(0, 330))
        end = min(begin + int(rng.exponential(220)), DAYS)
        for day in sorted({begin, *rng.integers(begin, end + 1, rng.poisson((end - begin) * rng.gamma(2, 0.03)))}):
            rows.append((f"c{c:04d}", day, round(float(rng.gamma(2, 15)), 2)))
    rows.append(("c0000", DAYS - 1, 5.0))
    out = pd.DataFrame(rows, columns=["customer_id", "day", "order_amount"])
    out["order_id"] = [f"o{k:06d}" for k in range(len(out))]
    out["order_date"] = [str(FIRST + dt.timedelta(days=int(d))) for d in out.pop("day")]
    return out


@pytest.fixture(scope="module")
def found(orders):
    return segmentation.next_stage(make_tables(orders=orders))


def stages(orders: pd.DataFrame, days_ago: int) -> pd.Series:
    """The stages that the lifecycle gives when only the orders up to so many days ago are known to it."""
    day = pd.to_datetime(orders["order_date"])
    end = day.max() - pd.Timedelta(days=days_ago)
    cut = make_tables(orders=orders[day <= end], as_of=end.date())
    return segmentation.lifecycle(cut).table.set_index("customer_id")["lifecycle"]


def test_the_scores_of_the_test_are_those_of_counting(orders, found):
    """Shares of the stages from the three periods before the last, in pandas, against what became of the last."""
    at = [stages(orders, 30 * k) for k in range(5)]
    known = pd.concat([pd.DataFrame({"then": at[k + 1], "now": at[k].reindex(at[k + 1].index)}) for k in (1, 2, 3)])
    shares = pd.crosstab(known["then"], known["now"].map(CLASSES), normalize="index")
    test = pd.DataFrame({"then": at[1], "now": at[0].reindex(at[1].index).map(CLASSES)})
    hot = pd.get_dummies(test["now"]).reindex(columns=shares.columns, fill_value=False).astype(float)
    foretold = shares.loc[test["then"]].set_axis(test.index)
    rows = found.test.set_index("predictor")
    assert found.learnt == len(known)
    assert rows["standing_tested"].tolist() == [len(test)] * 3
    assert rows.loc[BY_STAGE, "stage_brier"] == pytest.approx(((foretold - hot) ** 2).sum(axis=1).mean())
    assert rows.loc[BY_STAGE, "share_right"] == pytest.approx((foretold.idxmax(axis=1) == test["now"]).mean())
    assert rows.loc[UNCHANGED, "share_right"] == pytest.approx((test["then"].map(CLASSES) == test["now"]).mean())
    fresh = test[test["then"] != "Lapsed"]
    assert len(found.tested) == len(fresh)
    assert found.tested.set_index("customer_id")["lost"].tolist() == (fresh["now"] == "Lost customer").sort_index().tolist()


def test_frequency_and_amount_foretell_more_than_the_stage_alone(found):
    brier = found.test.set_index("predictor")["stage_brier"]
    assert found.model_used
    assert brier[MODEL] < brier[BY_STAGE] < brier[UNCHANGED]
    seen = found.reliability()
    assert ((seen["low"] <= seen["foretold"] + 0.02) & (seen["foretold"] - 0.02 <= seen["high"])).all()


def test_chances_add_up_and_expected_customers_too(found):
    chances = found.table[["new_chance", "existing_chance", "lost_chance"]]
    assert chances.sum(axis=1).to_numpy() == pytest.approx(np.ones(len(chances)))
    flows = found.flows()
    assert flows["customers"].sum() == len(found.table)
    assert flows[["expected_new", "expected_existing", "expected_lost"]].sum().sum() == pytest.approx(len(found.table))
    listed = found.contacts()
    assert "Lapsed" not in set(listed["lifecycle"])
    assert listed["lost_chance"].round(9).is_monotonic_decreasing
    for frame in (flows, listed, found.test):
        for name in frame.columns:
            assert columns.formatted(name, frame[name].iloc[0])
    said = found.finding()
    for text in (said.text, said.evidence, said.so_what, found.note(), found.test_headline(), *said.warnings):
        assert text.strip()
        assert "nan" not in text.lower().split()
    assert found.figure().axes


def test_no_forecast_without_customers_who_were_lost(orders, grocery):
    assert isinstance(segmentation.next_stage(grocery), NotAvailable)  # a panel of households who were chosen for staying
    early = orders[orders["order_date"] < str(FIRST + dt.timedelta(days=120))]
    assert isinstance(segmentation.next_stage(make_tables(orders=early)), NotAvailable)
    few = orders[orders["customer_id"] < "c0040"]
    assert isinstance(segmentation.next_stage(make_tables(orders=few)), NotAvailable)


def test_the_order_of_the_rows_changes_no_forecast(orders, found):
    mixed = segmentation.next_stage(make_tables(orders=orders.sample(frac=1, random_state=1)))
    pd.testing.assert_frame_equal(found.table, mixed.table)
