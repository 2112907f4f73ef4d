"""Opportunities: stages, time in stage, win probability, groups and lists to leave for now."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from conftest import SHARED, make_tables
from fivestep import needs
from fivestep.findings import NotAvailable
from fivestep.language import columns
from fivestep.needs.pipeline import BASE, GROUP_REASON, LONG_REASON, MODEL

SALES = SHARED / "data" / "crm_opportunities"
STAGES = ["First talk", "Offer", "Contract"]
PASSED = [0.7, 0.6, 0.8]
ORDERS = pd.DataFrame({"order_id": ["o1"], "customer_id": ["c000"], "order_date": ["2025-12-31"], "order_amount": [1]})


def company(seed: int = 1, n: int = 3000, *, cold: float = 0.3) -> dict[str, pd.DataFrame]:
    """Opportunities over two years that pass three stages; of small customers from a list only *cold* times as many."""
    rng = np.random.default_rng(seed)
    customers = pd.DataFrame({
        "customer_id": [f"c{i:03d}" for i in range(400)],
        "company_size": rng.choice(["small", "middle", "large"], 400),
        "source": rng.choice(["list", "fair"], 400),
    })  # fmt: skip
    lists = ((customers["company_size"] == "small") & (customers["source"] == "list")).to_numpy()
    deals, history = [], []
    end = pd.Timestamp("2025-12-31 23:59")
    for k in range(n):
        number = int(rng.integers(0, 400))
        customer, poor = f"c{number:03d}", lists[number]
        at = pd.Timestamp("2024-01-01 09:00") + pd.Timedelta(hours=int(rng.integers(0, 729 * 24)))
        opened, status, stage = at, "open", None
        for name, share in zip(STAGES, PASSED, strict=True):
            if at > end:
                break
            stage, entered = name, at
            at += pd.Timedelta(days=int(rng.integers(2, 20)))
            on = rng.random() < share * (cold if poor else 1)
            history.append((f"o{k:04d}", name, entered, at if at <= end else None))
            if not on:
                break
        else:
            on = True
        if at <= end:
            status = "won" if on else "lost"
        closed = at if at <= end else None
        deals.append((f"o{k:04d}", customer, stage, status, opened, closed, 1000 + k, 0.5, f"rep{k % 3}"))
    names = ["opportunity_id", "customer_id", "stage", "status", "created_at", "closed_at", "amount", "win_probability", "owner"]
    history = pd.DataFrame(history, columns=["opportunity_id", "stage", "entered_at", "left_at"])
    return {
        "opportunities": pd.DataFrame(deals, columns=names), "stage_history": history, "customers": customers, "orders": ORDERS
    }  # fmt: skip


@pytest.fixture(scope="module")
def frames():
    return company()


@pytest.fixture(scope="module")
def found(frames):
    return needs.opportunities(make_tables(**frames))


def whole(result) -> None:
    said = result.finding()
    texts = [said.text, said.evidence, said.so_what, *said.warnings, *said.assumptions, result.headline(), result.time_headline()]
    texts += [result.test_headline(), result.groups_headline(), result.drop_headline(), result.note(), result.test_note()]
    for text in texts:
        assert text.strip()
        assert "nan" not in text.lower().split()
        assert "{" not in text
    for frame in (result.stages_shown(), result.groups_shown(), result.to_drop(), result.open_opportunities()):
        for name in frame.columns:
            for cell in frame[name].head(3):
                assert columns.formatted(name, cell)


def test_shares_and_days_of_the_stages_agree_with_counting(frames, found):
    history, deals = frames["stage_history"], frames["opportunities"].set_index("opportunity_id")
    assert found.stages["stage"].tolist() == STAGES
    decided = deals["status"].isin(["won", "lost"])
    assert (found.won, found.lost) == ((deals["status"] == "won").sum(), (deals["status"] == "lost").sum())
    assert len(found.table) == (~decided).sum()
    reached = history.groupby("opportunity_id")["stage"].agg(list)
    for i, row in enumerate(found.stages.itertuples()):
        of = history[history["stage"] == row.stage].set_index("opportunity_id")
        left = of[of["left_at"].notna()]
        on = [len(reached[o]) > i + 1 or deals.loc[o, "status"] == "won" for o in left.index]
        assert (row.left_stage, row.passed) == (len(left), sum(on))
        assert row.passed_low < row.passed_share < row.passed_high
        days = (left["left_at"] - left["entered_at"]).dt.days
        assert abs(row.days_median - days.median()) <= 1  # hardly any are cut off
        assert row.days_long == pytest.approx(np.quantile(days[on], 0.95))
    shares = found.stages["passed_share"].to_numpy()
    assert found.stages["win_from_stage"].tolist() == pytest.approx([shares.prod(), shares[1:].prod(), shares[2]])
    whole(found)
    for drawn in (found.figure(), found.reliability_figure()):
        assert drawn.axes


def test_stages_left_before_they_were_entered_are_said_and_have_no_days(frames, found):
    turned = frames["stage_history"].copy()
    at = turned.index[turned["left_at"].notna() & (turned["stage"] == "Offer")][:40]
    turned.loc[at, "left_at"] = turned.loc[at, "entered_at"] - pd.Timedelta(days=9)
    odd = needs.opportunities(make_tables(**frames | {"stage_history": turned}))
    assert (odd.backwards, found.backwards) == (40, 0)
    assert "Stages left before they were entered, as the data has it: 40" in odd.note()
    assert "Stages left" not in found.note()
    kept = turned.drop(index=at)
    kept = kept[(kept["stage"] == "Offer") & kept["left_at"].notna()]
    row = odd.stages.set_index("stage").loc["Offer"]
    assert abs(row.days_median - (kept["left_at"] - kept["entered_at"]).dt.days.median()) <= 1
    assert row.left_stage == found.stages.set_index("stage").loc["Offer"].left_stage


def test_the_planted_group_is_the_one_to_leave_and_the_model_that_knows_it_is_better(frames, found):
    assert found.groups["traits"].tolist() == [(("company_size", "small"), ("source", "list"))]
    row = found.groups.iloc[0]
    assert row["won_low"] <= np.prod(PASSED) * 0.3**3 <= row["won_high"]
    assert found.model_used
    r = found.reliability
    assert r["opportunities"].sum() > 500
    assert ((r["seen_low"] - 0.03 <= r["foretold"]) & (r["foretold"] <= r["seen_high"] + 0.03)).all()  # learned with an error too
    known = frames["customers"].set_index("customer_id")
    open_ = found.table.join(known, on="customer_id")
    poor = (open_["company_size"] == "small") & (open_["source"] == "list")
    reasons = found.to_drop()
    assert poor.sum() == reasons["drop_reason"].str.startswith(GROUP_REASON).sum() > 0
    assert found.table.loc[poor, "win_probability"].max() < found.table.loc[~poor, "win_probability"].median()


def test_brier_scores_are_means_of_squared_errors_of_later_opportunities(frames, found):
    scores = found.test.set_index("predictor")["brier"]
    assert scores[MODEL] < scores[BASE] < 0.25
    assert found.difference[0] == pytest.approx(scores[MODEL] - scores[BASE])
    assert found.difference[1] < found.difference[0] < found.difference[2] < 0


def test_where_customers_do_not_differ_the_stage_is_enough_and_nobody_is_left_for_a_group():
    same = needs.opportunities(make_tables(**company(seed=2, cold=1.0)))
    assert not same.model_used
    assert same.groups.empty
    assert "No group" in same.groups_headline()
    from_stage = same.stages.set_index("stage")["win_from_stage"]
    assert same.table["win_probability"].tolist() == pytest.approx(from_stage[same.table["stage"]].tolist())
    assert same.stages["passed_share"].tolist() == pytest.approx(PASSED, abs=0.06)
    whole(same)


def test_who_stands_in_a_stage_longer_than_those_who_go_on_is_to_be_left(frames):
    stuck = {n: f.copy() for n, f in frames.items()}
    deals, history = stuck["opportunities"], stuck["stage_history"]
    deals.loc[len(deals)] = ["o9999", "c000", "Offer", "open", dt.datetime(2025, 1, 5), None, 1, 0.5, "rep1"]
    history.loc[len(history)] = ["o9999", "Offer", dt.datetime(2025, 1, 5), None]
    rows = needs.opportunities(make_tables(**stuck)).to_drop().set_index("opportunity_id")
    assert rows.loc["o9999", "days_in_stage"] == 361  # the last day counts
    known = stuck["customers"].set_index("customer_id").loc["c000", ["company_size", "source"]].tolist()
    assert known == ["small", "list"] or rows.loc["o9999", "drop_reason"] == LONG_REASON


def test_what_was_decided_later_was_open_on_the_day(frames):
    day = dt.date(2025, 6, 30)
    dated = {**frames, "orders": ORDERS.assign(order_date="2024-02-01")}
    dated["orders"] = pd.concat([dated["orders"], ORDERS.assign(order_id="o2")])
    then = needs.opportunities(make_tables(as_of=day, **dated))
    deals = frames["opportunities"]
    seen = deals[deals["created_at"] < "2025-07-01"]
    assert then.won + then.lost == (seen["closed_at"] < "2025-07-01").sum()
    assert len(then.table) == len(seen) - then.won - then.lost


def test_without_a_history_there_is_one_stage_and_without_outcomes_no_answer(frames):
    bare = {n: f for n, f in frames.items() if n != "stage_history"}
    result = needs.opportunities(make_tables(**bare))
    assert result.stages["stage"].tolist() == [None]
    assert result.stages["passed_share"].iloc[0] == pytest.approx(result.won / (result.won + result.lost))
    whole(result)
    few = {**bare, "opportunities": bare["opportunities"].head(25)}
    assert isinstance(needs.opportunities(make_tables(**few)), NotAvailable)


def test_the_order_of_the_rows_changes_no_opportunity(frames, found):
    mixed = needs.opportunities(make_tables(**{n: f.sample(frac=1, random_state=1) for n, f in frames.items()}))
    for part in ("stages", "groups", "test", "reliability", "table"):
        pd.testing.assert_frame_equal(getattr(found, part), getattr(mixed, part))


@pytest.mark.skipif(not SALES.exists(), reason="the published sales opportunities are not beside the project")
def test_the_published_sales_opportunities_are_counted_as_published():
    raw = pd.read_csv(SALES / "sales_pipeline.csv")
    accounts = pd.read_csv(SALES / "accounts.csv")
    raw = raw[raw["engage_date"].notna()]
    deals = pd.DataFrame({
        "opportunity_id": raw["opportunity_id"], "customer_id": raw["account"], "stage": raw["deal_stage"],
        "status": raw["deal_stage"].map({"Won": "won", "Lost": "lost"}).fillna("open"), "owner": raw["sales_agent"],
        "created_at": raw["engage_date"], "closed_at": raw["close_date"], "amount": raw["close_value"],
    })  # fmt: skip
    customers = pd.DataFrame({"customer_id": accounts["account"], "industry": accounts["sector"]})
    result = needs.opportunities(make_tables(opportunities=deals, customers=customers, orders=ORDERS))
    assert (result.won, result.lost, len(result.table)) == (4238, 2473, 1589)
    assert result.groups.empty  # nobody in these data sells half as well as the others
    r = result.reliability
    assert ((r["seen_low"] <= r["foretold"] + 0.03) & (r["foretold"] - 0.03 <= r["seen_high"])).all()
    whole(result)
