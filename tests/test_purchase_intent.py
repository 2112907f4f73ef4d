"""Purchase intent: who buys in the next four weeks, told from orders, behaviour and contacts."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from conftest import make_tables
from fivestep import needs
from fivestep.findings import NotAvailable
from fivestep.language import columns
from fivestep.needs.purchase_intent import BY_ALL, BY_ORDERS, RATE

FIRST, DAYS = dt.date(2024, 1, 1), 300


def stamp(day: float) -> str:
    return str(dt.datetime.combine(FIRST, dt.time()) + dt.timedelta(seconds=int(86_400 * day)))


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    """400 customers who buy at random; whoever visits is thirty times as likely to buy four weeks later."""
    rng = np.random.default_rng(5)
    orders, events, contacts, feedback, deals = [], [], [], [], []
    for c in range(400):
        name = f"c{c:03d}"
        for day in range(0, DAYS, 10):
            visits = rng.random() < 0.12
            if visits:
                events.append((name, f"v{c}-{day}", stamp(day + 1), "page_view", f"p{c % 7}"))
            later = day + 25 + rng.random()
            if rng.random() < (0.9 if visits else 0.03) and later < DAYS:
                orders.append((name, stamp(later), 10.0))
            if rng.random() < 0.05:
                contacts.append((name, stamp(day + 3), ["outbound", "inbound", None][c % 3]))
            if rng.random() < 0.03:
                feedback.append((name, stamp(day + 4), "inquiry" if c % 2 else "complaint"))
        if c % 20 == 0:
            deals.append((name, stamp(5), None if c % 40 else stamp(100)))
    orders.append(("c000", stamp(DAYS - 0.01), 10.0))
    made = {
        "orders": pd.DataFrame(orders, columns=["customer_id", "order_date", "order_amount"]),
        "events": pd.DataFrame(events, columns=["customer_id", "session_id", "occurred_at", "event_type", "product_id"]),
        "interactions": pd.DataFrame(contacts, columns=["customer_id", "occurred_at", "direction"]),
        "feedback": pd.DataFrame(feedback, columns=["customer_id", "created_at", "feedback_type"]),
        "opportunities": pd.DataFrame(deals, columns=["customer_id", "created_at", "closed_at"]),
    }
    keys = {"orders": "order_id", "events": "event_id", "interactions": "interaction_id", "feedback": "feedback_id"}
    keys |= {"opportunities": "opportunity_id"}
    return {n: f.assign(**{keys[n]: [f"{n}{k:06d}" for k in range(len(f))]}) for n, f in made.items()}


@pytest.fixture(scope="module")
def found(frames):
    return needs.purchase_intent(make_tables(**frames))


def test_the_shares_of_the_signals_are_those_of_counting(frames, found):
    end = pd.Timestamp(FIRST) + pd.Timedelta(days=DAYS)
    cut = end - pd.Timedelta(days=28)

    def between(frame, column, low, high):
        at = pd.to_datetime(frame[column])
        return frame[(at >= low) & (at < high)]

    recent = {n: between(f, c, cut - pd.Timedelta(days=28), cut) for n, (f, c) in {
        "visited": (frames["events"], "occurred_at"), "contact": (frames["interactions"], "occurred_at"),
        "said": (frames["feedback"], "created_at"), "ordered": (frames["orders"], "order_date"),
    }.items()}  # fmt: skip
    bought = set(between(frames["orders"], "order_date", cut, end)["customer_id"])
    deals = frames["opportunities"].assign(closed=pd.to_datetime(frames["opportunities"]["closed_at"]))
    everybody = set(found.tested["customer_id"])
    expected = {
        "Visited shop or app": set(recent["visited"]["customer_id"]),
        "Ordered in the last four weeks": set(recent["ordered"]["customer_id"]),
        "Turned to the company": set(recent["contact"].query("direction == 'inbound'")["customer_id"]),
        "Was contacted by the company": set(recent["contact"].query("direction == 'outbound'")["customer_id"]),
        "Was in contact with the company": set(recent["contact"][recent["contact"]["direction"].isna()]["customer_id"]),
        "Made an inquiry": set(recent["said"].query("feedback_type == 'inquiry'")["customer_id"]),
        "Complained": set(recent["said"].query("feedback_type == 'complaint'")["customer_id"]),
        "Has an open opportunity": set(deals[deals["closed"].isna() | (deals["closed"] >= cut)]["customer_id"]),
    }
    rows = found.signals.set_index("intent_signal")
    for signal, who in expected.items():
        assert rows.loc[signal, "customers"] == len(who), signal
        assert rows.loc[signal, "bought_share"] == pytest.approx(len(who & bought) / len(who))
        others = everybody - who
        assert rows.loc[signal, "others_share"] == pytest.approx(len(others & bought) / len(others))
    assert found.tested.set_index("customer_id")["bought"].sum() == len(bought & everybody)


def test_visits_that_announce_orders_are_found_and_the_chance_is_calibrated(found):
    brier = found.test.set_index("intent_predictor")["intent_brier"]
    assert brier[BY_ALL] < brier[BY_ORDERS]
    assert found.against_orders[2] < 0
    assert found.used == BY_ALL
    assert found.signals_shown()["intent_signal"].head(2).tolist() == ["Looked at products", "Visited shop or app"]
    seen = found.reliability()
    assert ((seen["low"] <= seen["foretold"]) & (seen["foretold"] <= seen["high"])).mean() >= 0.8
    share = found.tested["bought"].mean()
    assert brier[RATE] == pytest.approx(share * (1 - share), abs=0.01)  # the base rate of the earlier periods is nearly the same


def test_texts_and_lists_are_whole(found, frames):
    said = found.finding()
    for text in (said.text, said.evidence, said.so_what, found.headline(), found.note(), found.signals_note()):
        assert "nan" not in text.lower().split()
        assert "{" not in text
    listed = found.contacts()
    assert len(listed) == len(found.table)
    assert listed["intent_chance"].round(9).is_monotonic_decreasing
    for frame in (listed, found.signals_shown()):
        for name in frame.columns:
            assert columns.formatted(name, frame[name].iloc[0])
    refusing = pd.DataFrame({"customer_id": sorted({*found.table["customer_id"]}), "marketing_opt_out": True})
    refusing.loc[refusing["customer_id"] == "c001", "marketing_opt_out"] = False
    kept = needs.purchase_intent(make_tables(**frames, customers=refusing))
    assert kept.contacts()["customer_id"].tolist() == ["c001"]


def test_where_nothing_announces_an_order_that_is_said(frames):
    rng = np.random.default_rng(1)
    mixed = frames["orders"].assign(customer_id=rng.permutation(frames["orders"]["customer_id"]))
    mixed["customer_id"] = [f"c{k:03d}" for k in rng.integers(0, 400, len(mixed))]
    blind = frames["events"].assign(occurred_at=[stamp(d) for d in rng.uniform(0, DAYS, len(frames["events"]))])
    result = needs.purchase_intent(make_tables(orders=mixed, events=blind))
    assert result.used == RATE
    assert "Neither orders nor behaviour" in result.headline()
    assert result.table["intent_chance"].nunique() == 1
    assert "No behaviour" in result.signals_headline()
    assert result.figure().axes


def test_too_little_is_refused(frames):
    assert isinstance(needs.purchase_intent(make_tables(orders=frames["orders"])), NotAvailable)
    early = {n: f[f[c] < stamp(90)] for (n, f), c in zip(list(frames.items())[:2], ["order_date", "occurred_at"], strict=True)}
    assert isinstance(needs.purchase_intent(make_tables(**early)), NotAvailable)
