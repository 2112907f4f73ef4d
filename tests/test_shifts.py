"""Shifts, reasons of who left, loyalty over time, the dashboard and lists for action, against second computations."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, chi2_contingency, norm

from conftest import make_tables
from fivestep import evaluation, language
from fivestep.evaluation.closing_reasons import MORE, stratified
from fivestep.evaluation.kpi_tree import ABOVE
from fivestep.evaluation.loyalty_trend import DOWN, INDEX, SAME, UP
from fivestep.evaluation.quarters import BETTER, WORSE, reading
from fivestep.evaluation.quarters import SAME as ALIKE
from fivestep.findings import Finding, NotAvailable
from fivestep.language import columns

END = pd.Timestamp("2024-12-31")
backtest = importlib.import_module("fivestep.evaluation.action_backtest")  # the function of its name stands before it


def check_shown(*parts) -> None:
    for value in parts:
        if isinstance(value, pd.DataFrame):
            assert len(value)
            for row in value.itertuples(index=False):
                assert all(isinstance(columns.formatted(c, v), str) for c, v in zip(value.columns, row, strict=True))
        elif isinstance(value, Finding):
            assert not [t for t in (value.text, value.evidence, value.so_what, *value.warnings, *value.assumptions) if "{" in t]
        else:
            assert value
            assert "{" not in value


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    """Orders of 300 customers over two years, by channel; the app is used twice as often in the second."""
    random = np.random.default_rng(2)
    n = 3000
    at = END - pd.to_timedelta(random.integers(0, 728, n), unit="D")
    late = at > END - pd.Timedelta(days=364)
    out = pd.DataFrame({"customer_id": [f"c{i:03d}" for i in random.integers(0, 300, n)], "day": at})
    out["channel"] = np.where(
        random.random(n) < np.where(late, 0.2, 0.1), "app", random.choice(["shop", "phone"], n, p=[0.9, 0.1])
    )
    out["product_id"] = random.choice(["p1", "p2"], n)
    out.loc[0, "day"], out.loc[1, "day"] = END - pd.Timedelta(days=727), END
    return out


@pytest.fixture(scope="module")
def company(raw):
    frame = pd.DataFrame({"order_id": [f"o{i:04d}" for i in range(len(raw))], "customer_id": raw["customer_id"],
                          "order_date": raw["day"].dt.strftime("%Y-%m-%d 12:00:00"), "order_amount": 10.0,
                          "channel": raw["channel"]})  # fmt: skip
    lines = frame.drop(columns=["order_amount", "channel"]).assign(line_id="1", product_id=raw["product_id"], line_amount=10.0)
    products = pd.DataFrame({"product_id": ["p1", "p2"], "category": ["Bread", "Tea"]})
    return make_tables(orders=frame, order_lines=lines, products=products)


# ---------------------------------------------------------------------------------------------------- shifts
def test_a_shift_is_a_difference_of_ratios_whose_customers_overlap(raw, company):
    found = evaluation.shifts(company)
    half = ((END - raw["day"]).dt.days // 364).to_numpy()
    ids = sorted(raw["customer_id"].unique())
    for channel in ("app", "shop", "phone"):
        parts = []
        shares = []
        for h in (0, 1):
            part = raw[half == h]
            every = part.groupby("customer_id").size().reindex(ids, fill_value=0).to_numpy()
            has = part[part["channel"] == channel].groupby("customer_id").size().reindex(ids, fill_value=0).to_numpy()
            share = has.sum() / every.sum()
            shares.append(share)
            parts.append((has - share * every) / every.sum())
        deviation = np.sqrt(((parts[0] - parts[1]) ** 2).sum())
        row = found.table.set_index(["dimension", "level"]).loc[("Channel of orders", channel)]
        assert (row["share_now"], row["share_before"]) == pytest.approx(tuple(shares))
        assert (row["shift_high"] - row["shift_low"]) / 2 == pytest.approx(norm.ppf(0.975) * deviation, rel=1e-3)
    assert found.clear["level"].tolist()[0] == "app"
    assert "Tea" not in found.clear["level"].tolist()
    check_shown(found.shown(), found.headline(), found.table_headline(), found.note(), found.finding())
    assert found.figure().axes


def test_where_nothing_shifts_nothing_is_said_to(raw):
    random = np.random.default_rng(5)
    named = 0
    for _sample in range(3):
        frame = pd.DataFrame({"order_id": [f"o{i:04d}" for i in range(len(raw))], "customer_id": raw["customer_id"],
                              "order_date": raw["day"].dt.strftime("%Y-%m-%d 12:00:00"), "order_amount": 10.0,
                              "channel": random.choice(list("abcdef"), len(raw))})  # fmt: skip
        named += len(evaluation.shifts(make_tables(orders=frame)).clear)
    assert named <= 1


# ---------------------------------------------------------------------------------------------------- reasons
def test_one_stratum_is_the_plain_difference_and_the_plain_chi_square():
    has = np.array([True] * 40 + [False] * 160)
    left = np.array([True] * 18 + [False] * 22 + [True] * 40 + [False] * 120)
    said = stratified(has, left, np.zeros(200))
    p1, p0 = 18 / 40, 40 / 160
    half = norm.ppf(0.975) * np.sqrt(p1 * (1 - p1) / 40 + p0 * (1 - p0) / 160)
    assert said["difference"] == pytest.approx(p1 - p0)
    assert [said["difference_low"], said["difference_high"]] == pytest.approx([p1 - p0 - half, p1 - p0 + half], abs=1e-5)
    statistic = chi2_contingency([[18, 22], [40, 120]], correction=False).statistic
    assert said["chance"] == pytest.approx(chi2.sf(statistic * 199 / 200, 1))  # Mantel and Haenszel's has N - 1


def test_the_interval_covers_in_many_small_strata():
    random = np.random.default_rng(3)
    covered = 0
    for _sample in range(200):
        stratum = np.repeat(np.arange(25), 12)
        has = random.random(300) < 0.15
        base = np.repeat(random.uniform(0.1, 0.5, 25), 12)
        left = random.random(300) < base + 0.2 * has
        said = stratified(has, left, stratum)
        covered += said["difference_low"] <= 0.2 <= said["difference_high"]
    assert covered >= 180


def test_a_reason_before_losses_is_found_and_one_of_frequent_customers_is_not():
    random = np.random.default_rng(8)
    rows, told = [], []
    for i in range(400):
        name, often = f"c{i:03d}", i % 2 == 0
        angry = random.random() < 0.2
        chatty = random.random() < (0.5 if often else 0.05)
        stays = random.random() < (0.35 if angry else 0.9 if often else 0.6)
        n = 6 if often else 1
        rows += [(name, END - pd.Timedelta(days=int(d))) for d in random.integers(95, 175, n)]
        rows += [(name, END - pd.Timedelta(days=10))] if stays else []
        told += [(name, "price")] if angry else []
        told += [(name, "opening hours")] if chatty else []
    rows += [("edge", END - pd.Timedelta(days=180)), ("edge", END)]
    made = make_tables(
        orders=pd.DataFrame({"order_id": [f"o{i}" for i in range(len(rows))], "customer_id": [c for c, _d in rows],
                             "order_date": [f"{d:%Y-%m-%d}" for _c, d in rows], "order_amount": 10.0}),
        feedback=pd.DataFrame({"feedback_id": [f"f{i}" for i in range(len(told))], "customer_id": [c for c, _r in told],
                               "created_at": f"{END - pd.Timedelta(days=93):%Y-%m-%d} 12:00:00",
                               "feedback_type": "complaint", "cause": [r for _c, r in told]}),
    )  # fmt: skip
    found = evaluation.closing_reasons(made, lapsed_after_days=90)
    table = found.table.set_index("reason")
    frame = pd.DataFrame(rows, columns=["customer_id", "day"])
    ago = (END - frame["day"]).dt.days
    stayed = set(frame.loc[ago < 90, "customer_id"])
    base = set(frame.loc[(ago >= 90) & (ago < 180), "customer_id"])
    angry = {c for c, r in told if r == "price"} & base
    assert table.loc["price", ["customers", "left"]].tolist() == [len(angry), len(angry - stayed)]
    assert found.left == len(base - stayed)
    assert table.loc["price", "reason_verdict"] == MORE
    assert table.loc["opening hours", "reason_verdict"] != MORE
    assert table.loc["opening hours", "other_share"] < (found.left - table.loc["opening hours", "left"]) / found.everybody
    check_shown(found.shown(), found.headline(), found.table_headline(), found.note(), found.finding())


# ---------------------------------------------------------------------------------------------------- loyalty
def test_the_trend_is_that_of_the_same_customers(company):
    random = np.random.default_rng(6)
    first = pd.DataFrame(
        {"customer_id": [f"c{i:03d}" for i in range(100)], "Trust": random.random(100), "Renewal": random.random(100)}
    )
    last = first.assign(Trust=first["Trust"] - 0.1 + random.normal(0, 0.1, 100), Renewal=random.random(100)).iloc[20:]
    last = pd.concat([last, pd.DataFrame({"customer_id": ["n1", "n2"], "Trust": [5.0, 5.0], "Renewal": [np.nan, 1.0]})])

    def loyalty(tables, _stages):
        table = (last if tables.as_of == END.date() else first).assign(loyalty_index=lambda t: t["Trust"] + 0.1)
        parts = pd.DataFrame({"loyalty_part": ["Trust", "Renewal"], "weight": [0.4, 0.6]})
        made = SimpleNamespace(table=table, parts=lambda: parts)
        made.index = made
        return made

    found = evaluation.loyalty_trend(company, loyalty=loyalty, lifecycle=lambda *_a, **_k: None, lapsed_after_days=90)
    row = found.table.set_index("part").loc["Trust"]
    both = first.merge(last, on="customer_id", suffixes=("_1", "_2"))
    gap = both["Trust_2"] - both["Trust_1"]
    half = norm.ppf(0.975) * gap.std() / np.sqrt(80)
    assert (row["same_customers"], row["customers"]) == (80, 82)
    assert [row["change"], row["change_low"], row["change_high"]] == pytest.approx(
        [gap.mean(), gap.mean() - half, gap.mean() + half], abs=1e-5
    )
    verdicts = found.table.set_index("part")["trend_verdict"]
    assert (verdicts["Trust"], verdicts[INDEX], verdicts["Renewal"]) == (DOWN, DOWN, SAME)
    assert UP not in verdicts.tolist()
    check_shown(found.shown(), found.headline(), found.table_headline(), found.note(), found.finding())
    assert found.figure().axes


# ---------------------------------------------------------------------------------------------------- dashboard
def test_the_dashboard_raises_an_alert_for_a_signal_and_for_a_missed_target():
    days = pd.date_range("2023-01-01", "2024-12-31")
    amount = np.where(days >= "2024-12-01", 40.0, 10.0 + np.arange(len(days)) % 3)
    made = make_tables(
        orders=pd.DataFrame({"order_id": [f"{i:04d}" for i in range(len(days))], "customer_id": [f"c{d.day % 9}" for d in days],
                             "order_date": days.strftime("%Y-%m-%d 10:00:00"), "order_amount": amount})
    )  # fmt: skip
    kpis = evaluation.monthly_kpis(made)
    tree = evaluation.kpi_tree(made, kpis, targets={"orders": 40.0, "spend": 100.0})
    readings = [reading("Win rate", ["10%", "30%"], (0.1, 0.3), pd.Timestamp("2024-10-01")), None]
    found = evaluation.dashboard(kpis, tree, evaluation.churn_signal(made), readings)
    board = found.table.set_index("board_figure")
    assert board.loc["Spend", "board_signal"] == ABOVE
    assert board["board_alert"].to_dict() == {
        "Active customers": False, "Orders": True, "Spend": True, "Orders per active customer": False, "Spend per order": True,
        "Loss rate": False, "Win rate": True,
    }  # fmt: skip
    assert board.loc["Orders", "board_of_target"] == pytest.approx(31 / 40)
    check_shown(found.shown(), found.headline(), found.table_headline(), found.note(), found.finding())
    assert len([ax for ax in found.figure().axes if ax.lines]) == 5


def test_a_quarter_is_better_or_worse_only_where_the_interval_leaves_out_zero():
    def signal(*interval):
        return reading("Win rate", ["10%", "30%"], interval, END).signal

    assert [signal(0.1, 0.3), signal(-0.3, -0.1), signal(-0.1, 0.1), signal(np.nan, np.nan)] == [BETTER, WORSE, ALIKE, ALIKE]


# ---------------------------------------------------------------------------------------------------- lists for action
def test_money_of_the_lists_for_action_is_what_pandas_adds_up(raw, company):
    cut = END - pd.Timedelta(days=91)
    ids = sorted(raw.loc[raw["day"] <= cut, "customer_id"].unique())
    kept, scores = (
        ids[:30],
        pd.DataFrame({"customer_id": ids, "r_score": 1, "f_score": 1, "m_score": 1, "monetary": range(len(ids))}),
    )
    wanted = pd.DataFrame({"customer_id": ids, "next_best_category": "Tea"})
    given = {}

    def result(**made):
        return lambda tables, *_args, **_options: given.setdefault(tables.as_of, SimpleNamespace()) and SimpleNamespace(**made)

    methods = {
        "value_tiers": result(table=pd.DataFrame({"customer_id": ids, "value_tier": "High value"})),
        "lifecycle": result(table=pd.DataFrame({"customer_id": ids, "lifecycle": "Mature"})),
        "plan": result(),
        "keep_list": result(table=pd.DataFrame({"customer_id": kept})),
        "rfm": result(table=scores),
        "next_best_category": result(table=wanted, reach=pd.Series({"Bread": 10, "Tea": 20})),
        "opportunities": lambda _tables: NotAvailable(("opportunities",), ""),
    }
    found = evaluation.action_backtest(company, methods, None)
    before = raw[(raw["day"] <= cut) & (raw["day"] > cut - pd.Timedelta(days=365))].groupby("customer_id").size() * 10 * 91 / 365
    after = raw[raw["day"] > cut].groupby("customer_id").size() * 10
    lost = before.sub(after.reindex(before.index, fill_value=0))
    row = found.table.set_index("tested_list").loc["Keep list"]
    assert row["action_sum"] == pytest.approx(lost.reindex(kept).sum())
    assert row["naive_sum"] == pytest.approx(lost.reindex(ids[-row["named"] :]).sum())
    assert row["random_sum"] == pytest.approx(lost.mean() * row["named"])
    assert row["compared"] == len(lost)
    later = raw[raw["day"] > cut]
    tea = later[(later["product_id"] == "p2") & later["customer_id"].isin(ids)]
    assert found.table.set_index("tested_list").loc["Next-best category", "action_sum"] == pytest.approx(10 * len(tea))
    assert set(given) == {cut.date()}  # no list saw what came later
    assert [name for name, _why in found.left_out] == ["Win list"]
    check_shown(found.table, found.headline(), found.note(), found.finding())


def test_the_win_list_is_the_likeliest_fifth_of_what_was_open():
    ids = [f"d{i:02d}" for i in range(40)]
    won = [i % 3 == 0 for i in range(40)]
    deals = pd.DataFrame({"opportunity_id": ids, "created_at": "2024-01-01 00:00:00", "amount": range(100, 140),
                          "closed_at": "2024-11-01 00:00:00", "status": ["won" if w else "lost" for w in won]})  # fmt: skip
    made = make_tables(orders=pd.DataFrame({"order_id": ["1", "2"], "customer_id": ["a", "b"], "order_amount": [1, 1],
                                            "order_date": ["2023-01-01", "2024-12-31"]}), opportunities=deals)  # fmt: skip
    listed = pd.DataFrame({"opportunity_id": ids, "win_probability": [0.9 if w else 0.1 for w in won], "amount": range(100, 140)})
    said = backtest._won(made, SimpleNamespace(table=listed))
    assert said["named"] == 8
    assert said["action_sum"] == sum(100 + i for i in range(0, 24, 3))
    assert said["naive_sum"] == sum(100 + i for i in range(32, 40) if i % 3 == 0)
    assert said["random_sum"] == pytest.approx(sum(100 + i for i in range(0, 40, 3)) / 5)
    assert said["over_naive"] == said["action_sum"] - said["naive_sum"] > 0
    assert said["over_drawn_low"] > 0
    assert backtest._open(made, pd.Timestamp("2024-10-01").date()) == 40
    assert backtest._open(made, pd.Timestamp("2024-12-01").date()) == 0


@pytest.mark.parametrize("code", ["en", "zh_CN"])
def test_shifts_can_be_shown_in_both_languages(company, code):
    language.use(code, currency="CNY")
    found = evaluation.shifts(company)
    check_shown(found.shown(), found.headline(), found.note())
