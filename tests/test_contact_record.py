"""Contacts due, follow-up, contacts by department, the feedback loop and product faults, counted again in pandas."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, false_discovery_control

from conftest import make_tables
from fivestep import evaluation, language
from fivestep.findings import Finding, NotAvailable
from fivestep.language import columns

END = pd.Timestamp("2024-12-31")
PLAYS = [
    SimpleNamespace(play="Keep", contact=True, contacts_a_year=4, owner="Care", channel="Telephone"),
    SimpleNamespace(play="Grow", contact=True, contacts_a_year=12, owner="Sales", channel="E-mail"),
    SimpleNamespace(play="Rest", contact=False, contacts_a_year=1, owner="Sales", channel="None"),
]


def stamp(moments) -> list[str | None]:
    return [None if pd.isna(m) else f"{m:%Y-%m-%d %H:%M:%S}" for m in moments]


@pytest.fixture(scope="module")
def raw() -> dict[str, pd.DataFrame]:
    """Eighty customers over two years."""
    random = np.random.default_rng(4)
    ids = [f"c{i:02d}" for i in range(80)]

    def days(n: int, first: int = 0) -> pd.Series:
        return pd.Series(END - pd.to_timedelta(random.integers(first, 730 * 24 * 60, n), unit="min"))

    orders = pd.DataFrame({"customer_id": random.choice(ids, 900), "at": days(900)})
    orders["order_id"] = [f"o{i:03d}" for i in range(900)]
    orders.loc[0, ["at"]], orders.loc[1, ["at"]] = pd.Timestamp("2023-01-01"), END
    orders["amount"] = random.integers(5, 90, 900).astype(float)
    orders["product_id"] = random.choice(["p1", "p2", "p3"], 900)
    made = pd.DataFrame({"customer_id": random.choice(ids[:70], 600), "at": days(600)})
    made["direction"] = random.choice(["outbound", "inbound"], 600, p=[0.8, 0.2])
    made["department"] = random.choice(["Care", "Sales", None], 600)
    made["channel"] = random.choice(["phone", "e-mail"], 600)
    made["campaign_id"] = np.where(random.random(600) < 0.2, "k1", None)
    agreed = made["at"] + pd.to_timedelta(random.integers(5, 60, 600), unit="D")
    made["next"] = agreed.where(random.random(600) < 0.3)
    told = pd.DataFrame({"customer_id": random.choice(ids, 300), "at": days(300)})
    told["kind"] = random.choice(["complaint", "suggestion", "review"], 300, p=[0.6, 0.2, 0.2])
    told["product_id"] = np.where(told["at"] > END - pd.Timedelta(days=182), "p1", random.choice(["p1", "p2", "p3"], 300))
    told["responded"] = (told["at"] + pd.Timedelta(hours=3)).where(random.random(300) < 0.8)
    told["resolved"] = (told["at"] + pd.to_timedelta(random.integers(-2, 200, 300), unit="h")).where(random.random(300) < 0.8)
    told["satisfaction"] = random.integers(1, 6, 300).astype(float)
    told["department"] = random.choice(["Care", "Sales"], 300)
    return {
        "orders": orders,
        "made": made,
        "told": told,
        "plan": pd.DataFrame({"customer_id": ids, "play": random.choice(["Keep", "Grow", "Rest", "No play"], 80)}),
    }


@pytest.fixture(scope="module")
def company(raw):
    orders, made, told = raw["orders"], raw["made"], raw["told"]
    return make_tables(
        orders=pd.DataFrame({"order_id": orders["order_id"], "customer_id": orders["customer_id"],
                             "order_date": stamp(orders["at"]), "order_amount": orders["amount"]}),
        order_lines=pd.DataFrame({"order_id": orders["order_id"], "line_id": "1", "customer_id": orders["customer_id"],
                                  "order_date": stamp(orders["at"]), "product_id": orders["product_id"],
                                  "line_amount": orders["amount"]}),
        products=pd.DataFrame({"product_id": ["p1", "p2", "p3"], "product_name": ["Jam", "Bread", "Tea"],
                               "category": ["Food", "Food", "Drinks"]}),
        offers=pd.DataFrame({"campaign_id": ["k1", "k1"], "offer_id": ["a", "a"], "product_id": ["p2", "p3"]}),
        customers=pd.DataFrame({"customer_id": [f"c{i:02d}" for i in range(80)],
                                "marketing_opt_out": [i % 10 == 9 for i in range(80)]}),
        interactions=pd.DataFrame({"interaction_id": [f"i{i}" for i in range(600)], "customer_id": made["customer_id"],
                                   "occurred_at": stamp(made["at"]), "direction": made["direction"],
                                   "department": made["department"], "channel": made["channel"],
                                   "campaign_id": made["campaign_id"],
                                   "next_contact_at": stamp(made["next"])}),
        feedback=pd.DataFrame({"feedback_id": [f"f{i:03d}" for i in range(300)], "customer_id": told["customer_id"],
                               "created_at": stamp(told["at"]), "feedback_type": told["kind"],
                               "product_id": told["product_id"], "responded_at": stamp(told["responded"]),
                               "resolved_at": stamp(told["resolved"]), "satisfaction": told["satisfaction"],
                               "department": told["department"]}),
    )  # fmt: skip


def check_shown(*parts) -> None:
    for value in parts:
        if isinstance(value, pd.DataFrame):
            assert len(value)
            for row in value.itertuples(index=False):
                assert all(isinstance(columns.formatted(c, v), str) for c, v in zip(value.columns, row, strict=True))
        elif isinstance(value, Finding):
            assert not [t for t in (value.text, value.evidence, value.so_what, *value.warnings, *value.assumptions) if "{" in t]
            assert value.display in value.text
        else:
            assert value
            assert "{" not in value


def test_who_is_overdue_is_what_pandas_says(raw, company):
    found = evaluation.contact_calendar(company, raw["plan"], PLAYS)
    out = raw["made"][raw["made"]["direction"] == "outbound"]
    last = out.groupby("customer_id")["at"].max().dt.normalize()
    first = raw["orders"].groupby("customer_id")["at"].min().dt.normalize()
    expected = {}
    for customer, play in raw["plan"].itertuples(index=False):
        if play in ("Keep", "Grow") and not customer.endswith("9"):
            start = last.get(customer, first.get(customer, pd.Timestamp("2023-01-01")))
            expected[customer] = max((END - start).days - {"Keep": 91, "Grow": 30}[play], 0)
    assert found.table.set_index("customer_id")["days_overdue"].to_dict() == expected
    assert found.by_play()["overdue"].sum() == sum(days > 0 for days in expected.values()) == len(found.listed())
    assert found.refused == raw["plan"].query("play in ['Keep', 'Grow']")["customer_id"].str.endswith("9").sum()
    assert set(found.by_play()["calendar_play"]) == {"Keep", "Grow"}
    check_shown(found.by_play(), found.listed(), found.headline(), found.calendar_headline(), found.note(), found.finding())
    assert found.figure().axes


def test_the_calendar_counts_every_contact_of_the_months_ahead(raw, company):
    found = evaluation.contact_calendar(company, raw["plan"], PLAYS)
    expected = 0
    for row in found.table.itertuples():
        due = END + pd.Timedelta(days=row.cadence_days) if row.days_overdue else max(row.due, END + pd.Timedelta(days=1))
        while due <= END + pd.DateOffset(months=6):
            expected += 1
            due += pd.Timedelta(days=row.cadence_days)
    assert found.months().iloc[:, 1:].to_numpy().sum() == expected


def test_without_contacts_that_go_out_nobody_is_called_overdue(raw, company):
    inbound = make_tables(
        orders=pd.DataFrame(
            {
                "order_id": ["1", "2"],
                "customer_id": ["a", "b"],
                "order_date": ["2024-01-01", "2024-06-01"],
                "order_amount": [1, 1],
            }
        ),
        interactions=pd.DataFrame(
            {"interaction_id": ["1"], "customer_id": ["a"], "occurred_at": ["2024-02-01 00:00:00"], "direction": ["inbound"]}
        ),
    )
    for said in (evaluation.contact_calendar(inbound, raw["plan"], PLAYS), evaluation.follow_up(inbound)):
        assert isinstance(said, NotAvailable)
        assert "no contact is recorded as going out" in said.text


def test_follow_ups_are_those_of_a_loop_over_occasions(raw, company):
    found = evaluation.follow_up(company).table.set_index("occasion")
    out = raw["made"][(raw["made"]["direction"] == "outbound") & raw["made"]["campaign_id"].isna()]
    told = raw["told"][(raw["told"]["kind"] == "complaint") & (raw["told"]["resolved"] >= raw["told"]["at"])]
    told = told[told["resolved"].dt.normalize() <= END]
    agreed = raw["made"].dropna(subset="next")
    first = raw["orders"].groupby("customer_id")["at"].min()
    occasions = [
        ("Complaint that was resolved", 14, r.customer_id, r.resolved, r.resolved, r.department) for r in told.itertuples()
    ]
    occasions += [("Agreed return visit or call", 7, r.customer_id, r.at, r.next, None) for r in agreed.itertuples()]
    occasions += [("First order", 30, customer, at, at, None) for customer, at in first.items()]
    seen = set()
    counts: dict[str, list[int]] = {}
    for name, days, customer, since, due, department in occasions:
        key = (name, customer, since, due.normalize(), department)
        by = due.normalize() + pd.Timedelta(days=days)
        if key in seen or not END - pd.Timedelta(days=182) < by <= END:
            continue
        seen.add(key)
        theirs = out[(out["customer_id"] == customer) & (out["at"] > since) & (out["at"] < by + pd.Timedelta(days=1))]
        if department is not None:
            theirs = theirs[theirs["department"].isna() | (theirs["department"] == department)]
        n = counts.setdefault(name, [0, 0])
        n[0] += 1
        n[1] += len(theirs) > 0
    for name, (n, done) in counts.items():
        assert (found.loc[name, "occasions"], found.loc[name, "followed"]) == (n, done), name
    shown = evaluation.follow_up(company)
    check_shown(shown.shown(), shown.planned(), shown.headline(), shown.note(), shown.finding())


def test_contacts_by_department_and_product_are_what_pandas_counts(raw, company):
    found = evaluation.contact_pressure(company)
    table = found.table.set_index(["dimension", "level"])
    out = raw["made"][raw["made"]["direction"] == "outbound"]
    ago = (END - out["at"].dt.normalize()).dt.days
    now, before = out[ago < 91], out[(ago >= 91) & (ago < 182)]
    for department in ("Care", "Sales"):
        row = table.loc[("Department", department)]
        assert row["contacts"] == (now["department"] == department).sum()
        assert row["reached"] == now.loc[now["department"] == department, "customer_id"].nunique()
        assert row["contacts_before"] == (before["department"] == department).sum()
    for channel in ("phone", "e-mail"):
        assert table.loc[("Channel", channel), "contacts"] == (now["channel"] == channel).sum()
    said = raw["told"][(END - raw["told"]["at"].dt.normalize()).dt.days < 91]
    assert table.loc[("Product", "Bread"), "contacts"] == (now["campaign_id"] == "k1").sum() + (said["product_id"] == "p2").sum()
    each = now.groupby("customer_id").size().sub(before.groupby("customer_id").size(), fill_value=0)
    gap = each.reindex([f"c{i:02d}" for i in range(80)], fill_value=0)
    half = 1.959964 * gap.std() / np.sqrt(80)
    row = table.loc[("All contacts", "All contacts")]
    assert [row["pressure_low"], row["pressure_high"]] == pytest.approx(
        [100 * (gap.mean() - half), 100 * (gap.mean() + half)], abs=1e-4
    )
    check_shown(found.shown(), found.headline(), found.note(), found.finding())


def test_the_steps_of_the_feedback_loop_are_those_of_a_loop(raw, company):
    found = evaluation.feedback_loop(company)
    row = found.table.set_index(found.table["department"].fillna("all")).loc["Care"]
    told = raw["told"][(raw["told"]["at"] > END - pd.Timedelta(days=364)) & (raw["told"]["department"] == "Care")]
    acted = told[(told["resolved"] >= told["at"]) & (told["resolved"] < END + pd.Timedelta(days=1))]
    old = acted[acted["resolved"] < END + pd.Timedelta(days=1) - pd.Timedelta(days=30)]
    out = raw["made"][(raw["made"]["direction"] == "outbound") & raw["made"]["campaign_id"].isna()]
    out = out[out["department"].isna() | (out["department"] == "Care")]
    informed = 0
    for r in old.itertuples():
        theirs = out[(out["customer_id"] == r.customer_id) & (out["at"] > r.resolved)]
        informed += bool((theirs["at"] <= r.resolved + pd.Timedelta(days=30)).any())
    assert (row["collected"], row["acted"], row["closed"], row["informed"]) == (len(told), len(acted), len(old), informed)
    hours = ((acted["resolved"] - acted["at"]).dt.total_seconds() / 3600).median()
    assert row["act_hours"] == pytest.approx(hours, abs=0.01)
    check_shown(found.shown(), found.headline(), found.note(), found.finding())


def test_feedback_that_nobody_answered_is_neither_acted_on_nor_told():
    made = make_tables(
        orders=pd.DataFrame(
            {
                "order_id": ["1", "2"],
                "customer_id": ["a", "b"],
                "order_date": ["2024-01-01", "2024-06-01"],
                "order_amount": [1, 1],
            }
        ),
        interactions=pd.DataFrame(
            {"interaction_id": ["1"], "customer_id": ["a"], "occurred_at": ["2024-02-01 00:00:00"], "direction": ["inbound"]}
        ),
        feedback=pd.DataFrame(
            {"feedback_id": ["1"], "customer_id": [None], "created_at": ["2024-03-01 00:00:00"], "resolved_at": [None]}
        ),
    )
    found = evaluation.feedback_loop(made)
    assert found.table[["collected", "acted", "closed", "informed"]].values.tolist() == [[1, 0, 0, 0]]
    assert found.headline() == "0% of 1 pieces of feedback were acted on; whether customers were told is not on record"


def test_product_faults_are_tested_as_two_poisson_rates(raw, company):
    found = evaluation.product_fixes(company)
    table = found.table.set_index("product")
    told, orders = raw["told"], raw["orders"]
    ago, sold = (END - told["at"].dt.normalize()).dt.days, (END - orders["at"].dt.normalize()).dt.days
    first = told["customer_id"].map(orders.groupby("customer_id")["at"].min()).dt.normalize()
    old = (told["at"].dt.normalize() - first).dt.days >= 365
    chances = []
    for product, name in (("p1", "Jam"), ("p2", "Bread"), ("p3", "Tea")):
        mine = told["product_id"] == product
        bad = mine & (told["kind"] == "complaint")
        row = table.loc[name]
        now, before = (bad & (ago < 182)).sum(), (bad & (ago >= 182) & (ago < 364)).sum()
        assert (row["complaints"], row["complaints_before"]) == (now, before)
        assert row["old_satisfaction"] == pytest.approx(told.loc[mine & old, "satisfaction"].mean())
        assert row["old_suggestions"] == (mine & old & (told["kind"] == "suggestion")).sum()
        lines = orders.loc[orders["product_id"] == product].assign(ago=sold)
        e1, e0 = (lines["ago"] < 182).sum(), ((lines["ago"] >= 182) & (lines["ago"] < 364)).sum()
        chances.append(binomtest(int(now), int(now + before), e1 / (e1 + e0)).pvalue)
    clear = false_discovery_control(chances) <= 0.05
    worse = evaluation.product_fixes(company).table.set_index("product").loc[["Jam", "Bread", "Tea"], "fix_verdict"]
    assert [v.startswith(("Worse", "Mended")) for v in worse] == clear.tolist()
    assert clear[0]  # every complaint of the later half is about it
    assert table.loc["Jam", "fix_verdict"].startswith("Worse")
    assert found.old[0] + found.others[0] == len(told)
    check_shown(found.shown(), found.headline(), found.old_headline(), found.note(), found.finding())


@pytest.mark.parametrize("code", ["en", "zh_CN"])
def test_what_is_on_record_can_be_shown_in_both_languages(raw, company, code):
    language.use(code, currency="CNY")
    found = evaluation.contact_calendar(company, raw["plan"], PLAYS)
    check_shown(found.by_play(), found.headline(), found.note())
