"""The tree of key figures, and satisfaction, service and sales by quarter, against second computations."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from conftest import GROCERY, SHARED, make_tables
from fivestep import evaluation, language
from fivestep.errors import UserError
from fivestep.evaluation.kpi_tree import ABOVE, BELOW, NO_LIMITS, SHIFT_DOWN, SHIFT_UP, WITHIN, control_limits
from fivestep.evaluation.quarters import quarters
from fivestep.findings import Finding, NotAvailable
from fivestep.language import columns


def orders(*rows: tuple[str | None, str, float]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"order_id": str(i), "customer_id": c, "order_date": f"{d} 12:00:00", "order_amount": f"{a:.2f}"}
            for i, (c, d, a) in enumerate(rows)
        ]
    )


def check_shown(result, *names: str) -> None:
    for name in names:
        value = getattr(result, name)()
        if isinstance(value, pd.DataFrame):
            for row in value.itertuples(index=False):
                assert all(isinstance(columns.formatted(c, v), str) for c, v in zip(value.columns, row, strict=True)), name
        elif isinstance(value, Finding):
            assert not [t for t in (value.text, value.evidence, value.so_what, *value.warnings, *value.assumptions) if "{" in t]
        elif isinstance(value, str):
            assert value, name
            assert "{" not in value, name


YEARS = [("edge", "2023-01-01", 1.0), ("edge", "2024-12-31", 1.0)]


# ---------------------------------------------------------------------------------------------------- control limits
def test_limits_are_those_of_a_worked_xmr_chart():
    # Mean 10, moving ranges 2 and 2 ...: limits 10 +- 2.66 x 2.
    earlier = [9, 11] * 5
    low, high, signal = control_limits(np.array([*earlier, 15.0]))
    assert (low, high) == pytest.approx((10 - 5.32, 10 + 5.32))
    assert signal == WITHIN
    assert control_limits(np.array([*earlier, 15.4]))[2] == ABOVE
    assert control_limits(np.array([*earlier, 4.6]))[2] == BELOW


def test_eight_months_on_one_side_are_a_shift_and_seven_are_none():
    earlier = [9.0, 11.0] * 6
    assert control_limits(np.array([*earlier, *[11.5] * 8]))[2] == SHIFT_UP
    assert control_limits(np.array([*earlier, *[8.5] * 8]))[2] == SHIFT_DOWN
    assert control_limits(np.array([*earlier, 9.5, *[11.5] * 7]))[2] == WITHIN


def test_few_months_have_no_limits():
    low, high, signal = control_limits(np.arange(8.0))
    assert np.isnan([low, high]).all()
    assert signal == NO_LIMITS


# ---------------------------------------------------------------------------------------------------- the tree
@pytest.fixture(scope="module")
def tree(grocery_tree):
    return grocery_tree


@pytest.fixture(scope="module")
def grocery_tree():
    from fivestep import engine

    tables = engine.Tables.of(engine.read(GROCERY, engine.connect()))
    return evaluation.kpi_tree(tables, evaluation.monthly_kpis(tables), targets={"spend": 250_000, "orders": 6_000})


def test_the_tree_of_the_real_case_is_what_pandas_counts(tree):
    raw = pd.read_parquet(GROCERY / "orders.parquet")
    raw["amount"] = raw["order_amount"].astype(float)
    raw["day"] = raw["order_date"].dt.normalize()
    month = raw["day"].dt.to_period("M")
    spend, days = raw.groupby(month)["amount"].sum(), raw.groupby(month)["day"].nunique()
    row = tree.table.set_index("name").loc["spend"]
    assert row["latest"] == pytest.approx(spend.iloc[-1])
    earlier = (spend / days).iloc[:-1]
    half = 2.66 * earlier.diff().abs().mean()
    assert row["limit_low"] == pytest.approx((earlier.mean() - half) * days.iloc[-1])
    assert row["limit_high"] == pytest.approx((earlier.mean() + half) * days.iloc[-1])
    assert row["of_target"] == pytest.approx(spend.iloc[-1] / 250_000)
    assert row["kpi_signal"] == ABOVE
    assert tree.headline().endswith("; 1 of 2 targets are missed")


def test_the_parts_add_up_to_the_change_of_spend(tree):
    rows = tree.table.set_index("name")
    change = rows.loc["spend", "latest"] - rows.loc["spend", "previous"]
    assert tree.parts["contribution"].sum() == pytest.approx(change)
    product = np.prod([rows.loc[f, "latest"] for f in ("active_customers", "orders_per_active_customer", "spend_per_order")])
    assert product == pytest.approx(rows.loc["spend", "latest"])


def test_a_closed_day_is_no_fault_of_the_figures_and_a_lost_week_is(tree):
    assert tree.quality.set_index("quality_check").loc["Days without an order", "quality_latest"] == pytest.approx(1 / 31)
    assert (tree.quality["kpi_signal"] == WITHIN).all()
    days = [
        d for d in pd.date_range("2023-01-01", "2023-12-31") if not dt.datetime(2023, 12, 10) <= d < dt.datetime(2023, 12, 18)
    ]
    made = make_tables(orders=orders(*[("a", f"{d:%Y-%m-%d}", 10.0) for d in days]))
    found = evaluation.kpi_tree(made, evaluation.monthly_kpis(made))
    quality = found.quality.set_index("quality_check")
    assert quality.loc["Days without an order", "quality_latest"] == pytest.approx(8 / 31)
    assert quality.loc["Days without an order", "kpi_signal"] == ABOVE
    assert "look there first" in found.finding().warnings[0]


def test_orders_that_lost_their_customer_show_in_the_quality_of_the_figures():
    days = pd.date_range("2023-01-01", "2023-12-31")
    rows = [(None if d.month == 12 and d.day % 2 else "a", f"{d:%Y-%m-%d}", 10.0) for d in days]
    made = make_tables(orders=orders(*rows))
    quality = evaluation.kpi_tree(made, evaluation.monthly_kpis(made)).quality.set_index("quality_check")
    assert quality.loc["Spend of orders without a customer", "quality_latest"] == pytest.approx(16 / 31)
    assert quality.loc["Spend of orders without a customer", "kpi_signal"] == ABOVE


def test_a_target_of_an_unknown_figure_is_named(grocery):
    with pytest.raises(UserError, match=r"targets: 'sales' is no key figure. Key figures are active_customers"):
        evaluation.kpi_tree(grocery, evaluation.monthly_kpis(grocery), targets={"sales": 1})


@pytest.mark.parametrize("code", ["en", "zh_CN"])
def test_the_tree_can_be_shown_in_both_languages(tree, code):
    language.use(code, currency="CNY")
    notes = ("note", "parts_note", "quality_note")
    check_shown(tree, "parts_figure", "headline", "parts_headline", "quality_headline", "finding", *notes)


# ---------------------------------------------------------------------------------------------------- voice
@pytest.fixture(scope="module")
def said():
    """Two quarters of feedback: in the second everybody is happier."""
    rows = []
    for i in range(80):
        first = i < 40
        score = (i % 5) + 1 if first else min((i % 5) + 3, 5)
        rows.append(
            {
                "feedback_id": f"f{i:02d}",
                "customer_id": f"c{i % 20:02d}",
                "created_at": f"{'2024-02' if first else '2024-05'}-{1 + i % 20:02d} 10:00:00",
                "resolved_at": None
                if i % 10 == 0
                else f"{'2024-02' if first else '2024-05'}-{3 + i % 20:02d} {10 + 4 * (not first):02d}:00:00",
                "satisfaction": score,
                "nps": 2 * score if i % 4 else None,
                "feedback_type": ("complaint", "review", "inquiry")[i % 3],
                "department": "service",
            }
        )
    contacts = [
        {"interaction_id": f"i{i}", "customer_id": "c01", "occurred_at": f"2024-02-{2 + i:02d} 11:00:00", "department": d}
        for i, d in enumerate(["marketing", "service"])
    ]
    return pd.DataFrame(rows), make_tables(
        orders=orders(*YEARS, *[(f"c{i:02d}", f"2024-05-{1 + i:02d}", 5.0) for i in range(10)], ("c00", "2024-06-02", 5.0)),
        feedback=pd.DataFrame(rows),
        interactions=pd.DataFrame(contacts),
    )


def test_scores_by_quarter_are_what_pandas_counts(said):
    raw, tables = said
    found = evaluation.voice_trend(tables)
    quarter = pd.to_datetime(raw["created_at"]).dt.to_period("Q").dt.start_time
    table = found.table.set_index("quarter")
    for start, part in raw.groupby(quarter):
        row, asked = table.loc[start], part["nps"].dropna()
        assert (row["ratings"], row["recommend_answers"]) == (len(part), len(asked))
        assert row["satisfaction"] == pytest.approx(part["satisfaction"].mean())
        points = np.where(asked >= 9, 100, np.where(asked <= 6, -100, 0))
        assert row["net_promoter"] == pytest.approx(points.mean())
        half = 1.959964 * points.std(ddof=1) / np.sqrt(len(points))
        assert row["net_promoter_high"] - row["net_promoter"] == pytest.approx(half, rel=1e-5)
        assert row["reviews_received"] == (part["feedback_type"] == "review").sum()
    row = table.loc["2024-04-01"]
    assert row["complaints_per_1000"] == pytest.approx(1000 * 13 / 11)
    assert (row["buyers"], row["repurchase"]) == (10, 0.1)
    assert found.headline().startswith("Net promoter score rose from")
    check_shown(found, "shown", "figure", "headline", "table_headline", "note", "finding")


def test_feedback_without_scores_has_no_trend():
    rows = pd.DataFrame({"feedback_id": ["1"], "created_at": ["2024-02-01 10:00:00"]})
    found = evaluation.voice_trend(make_tables(orders=orders(*YEARS), feedback=rows))
    assert found.missing == ("feedback.satisfaction", "feedback.nps")


# ---------------------------------------------------------------------------------------------------- service
def test_times_by_quarter_are_what_pandas_counts(said):
    raw, tables = said
    found = evaluation.service_times(tables)
    created, resolved = pd.to_datetime(raw["created_at"]), pd.to_datetime(raw["resolved_at"])
    hours = ((resolved - created).dt.total_seconds() / 3600).fillna(np.inf)
    table = found.table.set_index("quarter")
    for start, part in hours.groupby(created.dt.to_period("Q").dt.start_time):
        row = table.loc[start]
        assert row["received"] == row["resolved_known"] == len(part)
        assert row["resolved_in_time"] == (part <= 72).sum()
        assert row["resolved_hours"] == pytest.approx(part.median())
    assert table.loc["2024-01-01", "answered_in_time"] == 0  # the contact of the next day is of another department
    assert found.headline().startswith("Share resolved within 72 hours: 90%")
    check_shown(found, "shown", "headline", "note", "finding")


def test_the_first_contact_of_the_same_department_answers():
    told = pd.DataFrame(
        {
            "feedback_id": ["1", "2", "3"], "customer_id": ["a", "b", "c"], "created_at": ["2024-02-01 10:00:00"] * 3,
            "resolved_at": [None, None, "2024-01-01 10:00:00"], "department": ["service"] * 3,
        }
    )  # fmt: skip
    made = pd.DataFrame(
        {
            "interaction_id": ["1", "2", "3", "4"], "customer_id": ["a", "a", "b", "b"],
            "occurred_at": ["2024-02-01 09:00:00", "2024-02-01 16:00:00", "2024-02-01 11:00:00", "2024-02-20 10:00:00"],
            "department": ["service", "service", "marketing", "service"],
        }
    )  # fmt: skip
    tables = make_tables(orders=orders(*YEARS), feedback=told, interactions=made)
    found = evaluation.service_times(tables)
    row = found.table.set_index("quarter").loc["2024-01-01"]
    assert found.odd == 1  # resolved before it was received
    assert (row["received"], row["answered_in_time"]) == (2, 1)
    assert row["answered_hours"] == pytest.approx((6 + 19 * 24) / 2)
    assert np.isnan(row["resolved_hours"])  # more than half is open
    assert "1 that was resolved before" in found.note()


def test_what_was_resolved_later_is_open_on_an_earlier_day(said):
    _raw, tables = said
    assert evaluation.service_times(tables.until(dt.date(2024, 2, 10))).table["resolved_hours"].notna().any()
    early = evaluation.service_times(tables.until(dt.date(2024, 2, 2))).table
    assert early["resolved_in_time"].fillna(0).sum() == 0


# ---------------------------------------------------------------------------------------------------- sales
def test_the_win_rate_of_published_opportunities_is_counted_by_hand():
    folder = SHARED / "data" / "crm_opportunities"
    path = next(iter(sorted(folder.glob("sales_pipeline*"))), None) if folder.exists() else None
    if path is None:
        pytest.skip("the CRM opportunities are not here")
    raw = pd.read_csv(path)
    raw = raw[raw["engage_date"].notna()]
    given = pd.DataFrame(
        {
            "opportunity_id": raw["opportunity_id"],
            "created_at": raw["engage_date"] + " 00:00:00",
            "closed_at": raw["close_date"].where(raw["close_date"].isna(), raw["close_date"] + " 00:00:00"),
            "status": raw["deal_stage"].str.lower().where(raw["deal_stage"].isin(["Won", "Lost"]), "open"),
            "amount": raw["close_value"],
        }
    )
    edges = orders(("edge", "2016-10-01", 1.0), ("edge", "2017-12-31", 1.0))
    found = evaluation.sales_cycle(make_tables(orders=edges, opportunities=given))
    assert found.table["opportunities_won"].sum() == 4238
    assert found.table["opportunities_closed"].sum() == 4238 + 2473
    assert found.table["won_amount"].sum() == pytest.approx(10_005_534)
    won = raw[raw["deal_stage"] == "Won"]
    closed = pd.to_datetime(won["close_date"])
    days = (closed - pd.to_datetime(won["engage_date"])).dt.days
    expected = days.groupby(closed.dt.to_period("Q").dt.start_time).median()
    assert found.table.set_index("quarter")["cycle_days"].dropna().tolist() == expected.tolist()
    check_shown(found, "shown", "headline", "note", "finding")


def test_nothing_won_or_lost_has_no_cycle():
    given = pd.DataFrame(
        {"opportunity_id": ["1"], "created_at": ["2024-01-01 00:00:00"], "closed_at": [None], "status": ["open"]}
    )
    found = evaluation.sales_cycle(make_tables(orders=orders(*YEARS), opportunities=given))
    assert isinstance(found, NotAvailable)
    assert "no opportunity has been won or lost" in found.text


def test_an_opportunity_that_was_won_before_it_was_opened_has_no_length_and_is_told():
    given = pd.DataFrame(
        {
            "opportunity_id": ["1", "2", "3"],
            "created_at": ["2024-02-10 00:00:00", "2024-02-20 00:00:00", "2024-02-20 00:00:00"],
            "closed_at": ["2024-02-14 00:00:00", "2024-02-01 00:00:00", "2024-02-01 00:00:00"],
            "status": ["won", "won", "lost"],
        }
    )
    found = evaluation.sales_cycle(make_tables(orders=orders(*YEARS), opportunities=given))
    assert found.table["cycle_days"].dropna().tolist() == [4.0]
    assert found.odd == 1
    assert "Not in the days: 1 opportunity that was won before it was opened." in found.note()


def test_quarters_that_the_data_covers_in_part_are_marked():
    made = make_tables(orders=orders(*[("a", f"{d:%Y-%m-%d}", 1.0) for d in pd.date_range("2024-02-01", "2024-07-10")]))
    assert quarters(made)["complete"].tolist() == [False, True, False]
