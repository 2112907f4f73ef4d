"""The review of customer relationship management: shares on record, counted again in pandas."""

from __future__ import annotations

import pandas as pd
import pytest

from conftest import GROCERY, make_tables
from fivestep import evaluation, language
from fivestep.evaluation.crm_review import BETTER, CAPABILITIES, NOT_RECORDED, SAME, WORSE
from fivestep.language import columns


def orders(known: float = 1.0) -> pd.DataFrame:
    days = pd.date_range("2023-01-01", "2023-12-31")
    return pd.DataFrame(
        {
            "order_id": [f"{i:03d}" for i in range(len(days))],
            "customer_id": [None if d.month > 9 and d.day / 31 > known else f"c{d.day % 5}" for d in days],
            "order_date": days.strftime("%Y-%m-%d 10:00:00"),
            "order_amount": 10.0,
        }
    )


def check_shown(found) -> None:
    for frame in (found.shown(), found.axes(), found.questions()):
        for row in frame.itertuples(index=False):
            assert all(isinstance(columns.formatted(c, v), str) for c, v in zip(frame.columns, row, strict=True))
    said = found.finding()
    for text in (found.headline(), found.table_headline(), found.questions_headline(), found.note(), said.evidence, said.so_what):
        assert text
        assert "{" not in text
    assert found.figure().axes


def test_shares_on_record_are_what_pandas_counts(grocery):
    found = evaluation.crm_review(grocery)
    table = found.table.set_index("capability")
    customers = pd.read_parquet(GROCERY / "customers.parquet")
    ages = [c for c in ("birth_date", "age", "age_band") if c in customers]
    assert table.loc["Customers with an age", "filled"] == pytest.approx(customers[ages].notna().any(axis=1).mean())
    raw = pd.read_parquet(GROCERY / "orders.parquet")
    day = raw["order_date"].dt.normalize()
    late = raw[day > pd.Timestamp("2017-12-31") - pd.Timedelta(days=182)]
    assert table.loc["Orders with a known customer", "rows"] == len(late)
    assert table.loc["Orders with a known customer", "filled"] == pytest.approx(late["customer_id"].notna().mean())
    axes = found.axes().set_index("review_axis")["review_score"]
    for axis, part in found.table.groupby("axis"):
        assert axes[axis] == pytest.approx(part["filled"].fillna(0).mean())
    assert found.axes()["review_capabilities"].sum() == len(CAPABILITIES)
    check_shown(found)


def test_a_capability_that_is_recorded_less_than_before_is_worse():
    found = evaluation.crm_review(make_tables(orders=orders(known=0.5))).table.set_index("capability")
    row = found.loc["Orders with a known customer"]
    assert row["review_verdict"] == WORSE
    assert row["filled"] < row["filled_before"] == 1.0
    assert evaluation.crm_review(make_tables(orders=orders())).table["review_verdict"].iloc[0] == SAME


def test_a_capability_that_is_recorded_more_than_before_is_better():
    days = pd.date_range("2023-01-02", "2023-12-30")
    contacts = pd.DataFrame(
        {
            "interaction_id": [str(i) for i in range(len(days))],
            "customer_id": "c1",
            "occurred_at": days.strftime("%Y-%m-%d 10:00:00"),
            "result": ["answered" if d.month > 6 else None for d in days],
        }
    )
    found = evaluation.crm_review(make_tables(orders=orders(), interactions=contacts)).table.set_index("capability")
    assert found.loc["Contacts with an outcome", "review_verdict"] == BETTER


@pytest.mark.parametrize("code", ["en", "zh_CN"])
def test_what_is_not_recorded_counts_as_nothing_and_is_said(code):
    language.use(code, currency="CNY")
    found = evaluation.crm_review(make_tables(orders=orders()))
    assert (found.table["review_verdict"] == NOT_RECORDED).sum() == len(CAPABILITIES) - 1
    scores = found.axes().set_index("review_axis")["review_score"]
    assert scores["Customer knowledge"] == 0
    assert scores["Customer identification"] == pytest.approx(1 / 6)
    check_shown(found)
