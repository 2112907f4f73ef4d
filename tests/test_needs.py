"""Step 3: pairs, category trends, deal groups, private label, need groups, departments."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fivestep import needs
from fivestep.coverage import coverage
from fivestep.errors import UserError
from fivestep.findings import NotAvailable
from fivestep.language import columns
from fivestep.needs.deal_sensitivity import _deal_groups, _rank_correlation
from fivestep.needs.pairs import BLOCKS, _rates


# ---------------------------------------------------------------- what the tests share
@pytest.fixture(scope="module")
def results(grocery):
    """Every result of the step on the real case."""
    return _results(grocery)


def _results(tables):
    deals = needs.deal_sensitivity(tables)
    return {
        "pairs": needs.pairs(tables),
        "trends": needs.category_trends(tables),
        "deals": deals,
        "private_label": needs.private_label(tables, deals),
        "departments": needs.department_breadth(tables),
    }


@pytest.fixture(scope="module")
def lines(grocery_tables):
    """Order lines of the real case with what the product list says, in plain pandas."""
    products = grocery_tables["products"].select("product_id", "category", "department", "brand")
    table = grocery_tables["order_lines"].left_join(products, "product_id")
    floats = {c: table[c].cast("float64") for c in ("line_amount", "line_discount")}
    table = table.select("order_id", "customer_id", "order_date", "quantity", "category", "department", "brand", **floats)
    return table.to_pandas()


def lines_of(baskets, *, customers=None, dates=None, **more) -> dict[str, pd.DataFrame]:
    """Tables of hand-made baskets, each a list of categories; customer and day by order."""
    rows = [(i, item) for i, basket in enumerate(baskets) for item in basket]
    order_lines = pd.DataFrame({
        "order_id": [f"o{i}" for i, _item in rows],
        "line_id": [str(k) for k in range(len(rows))],
        "customer_id": [customers[i] if customers is not None else f"c{i}" for i, _item in rows],
        "order_date": [dates[i] if dates is not None else "2024-01-15" for i, _item in rows],
        "product_id": [item for _i, item in rows],
        "line_amount": 1.0,
        **more,
    })  # fmt: skip
    names = sorted({item for _i, item in rows})
    products = pd.DataFrame({"product_id": names, "category": names, "department": names})
    return {"order_lines": order_lines, "products": products}


def finding_is_sound(result) -> None:
    found = result.finding()
    assert math.isfinite(found.value)
    for text in (found.text, found.evidence, found.so_what, *found.warnings, *found.assumptions, result.note()):
        assert text.strip()
        assert "nan" not in text.lower().split()
        assert "{" not in text


# ---------------------------------------------------------------- pairs
def test_pair_counts_and_lift_agree_with_a_second_computation(results, lines):
    """On the real case, by sets of orders in plain Python."""
    bought = lines[(lines["line_amount"] >= 0) & (lines["quantity"] > 0) & lines["category"].notna()]
    orders = {category: set(ids) for category, ids in bought.groupby("category")["order_id"]}
    n = bought["order_id"].nunique()
    found = results["pairs"]
    assert found.base == n
    kept = sorted(c for c, ids in orders.items() if len(ids) >= 0.01 * n)
    tested = [(a, b) for a, b in itertools.combinations(kept, 2) if len(orders[a]) * len(orders[b]) / n >= 5]
    table = found.table.set_index(["category_a", "category_b"])
    assert sorted(table.index) == sorted(tested)
    for a, b in tested[::37]:
        row, both = table.loc[(a, b)], len(orders[a] & orders[b])
        assert (row["orders_a"], row["orders_b"], row["orders_both"]) == (len(orders[a]), len(orders[b]), both)
        assert row["lift"] == pytest.approx(both * n / len(orders[a]) / len(orders[b]))
        assert row["support"] == pytest.approx(both / n)
        assert row["confidence_ab"] == pytest.approx(both / len(orders[a]))
        assert row["confidence_ba"] == pytest.approx(both / len(orders[b]))
        assert row["excess_orders"] == pytest.approx(both - len(orders[a]) * len(orders[b]) / n)


def test_lift_intervals_agree_with_a_delete_a_block_jackknife(results, lines):
    """A second way to the variance between blocks of customers: leave out one block after the other (Wolter 2007, ch. 4)."""
    bought = lines[(lines["line_amount"] >= 0) & (lines["quantity"] > 0) & lines["category"].notna()]
    customers = sorted(bought["customer_id"].unique())
    block = {customer: i % BLOCKS for i, customer in enumerate(customers)}
    orders = bought.drop_duplicates("order_id").set_index("order_id")["customer_id"].map(block)
    t = 2.0095752  # 0.975 quantile of t with 49 degrees of freedom, from printed tables
    for _i, row in results["pairs"].table.iloc[[0, 1, 5, 200, 4000]].iterrows():
        a, b = (orders.index.isin(bought.loc[bought["category"] == row[c], "order_id"]) for c in ("category_a", "category_b"))
        parts = pd.DataFrame({"n": 1.0, "a": a, "b": b, "both": a & b}, index=orders.index).groupby(orders).sum().astype(float)
        left = parts.sum() - parts
        logs = np.log(left["both"]) + np.log(left["n"]) - np.log(left["a"]) - np.log(left["b"])
        error = math.sqrt((BLOCKS - 1) / BLOCKS * ((logs - logs.mean()) ** 2).sum())
        assert math.log(row["lift_high"] / row["lift"]) == pytest.approx(t * error, rel=0.05)
        assert math.log(row["lift"] / row["lift_low"]) == pytest.approx(t * error, rel=0.05)


def test_pairs_give_the_published_values_of_the_groceries_example(tables):
    """The five baskets of the mlxtend manual, twenty times over: eggs and onion have support 0.6, confidence 0.75, lift 1.25."""
    baskets = [
        ["Milk", "Onion", "Nutmeg", "Kidney beans", "Eggs", "Yogurt"],
        ["Dill", "Onion", "Nutmeg", "Kidney beans", "Eggs", "Yogurt"],
        ["Milk", "Apple", "Kidney beans", "Eggs"],
        ["Milk", "Unicorn", "Corn", "Kidney beans", "Yogurt"],
        ["Corn", "Onion", "Onion", "Kidney beans", "Ice cream", "Eggs"],
    ]
    row = needs.pairs(tables(**lines_of(baskets * 20))).table.set_index(["category_a", "category_b"]).loc[("Eggs", "Onion")]
    assert row[["support", "confidence_ab", "confidence_ba", "lift"]].tolist() == pytest.approx([0.6, 0.75, 1.0, 1.25])


def test_for_single_orders_the_interval_is_the_delta_method_for_a_multinomial(tables):
    """One order each, as many orders as blocks: var(log lift) = (1/p11 - 1/p1 - 1/p2 + 2 p11/(p1 p2) - 1) / n (Agresti 2013)."""
    baskets = [["a", "b"]] * 14 + [["a"]] * 10 + [["b"]] * 6 + [["c"]] * 20
    row = needs.pairs(tables(**lines_of(baskets))).table.set_index(["category_a", "category_b"]).loc[("a", "b")]
    n, p11, p1, p2 = 50, 14 / 50, 24 / 50, 20 / 50
    error = math.sqrt((1 / p11 - 1 / p1 - 1 / p2 + 2 * p11 / (p1 * p2) - 1) / n * n / (n - 1))
    assert row["lift"] == pytest.approx(p11 / p1 / p2)
    assert row["lift_low"] == pytest.approx(row["lift"] * math.exp(-2.0095752 * error))
    assert row["lift_high"] == pytest.approx(row["lift"] * math.exp(2.0095752 * error))


def test_intervals_cover_the_true_lift_where_customers_have_habits():
    """Customers who differ in what they like: 95 % intervals hold the truth, those for independent orders often do not."""
    rng = np.random.default_rng(5)
    likes = np.array([[0.1, 0.1], [0.1, 0.6], [0.6, 0.1], [0.7, 0.7]])
    truth = likes.prod(axis=1).mean() / likes.mean(axis=0).prod()
    held = naive_held = 0
    for _run in range(150):
        p = likes[rng.integers(0, 4, 200)].repeat(60, axis=0)
        a, b = (rng.random(p.shape) < p).T
        block = (np.arange(200) % BLOCKS).repeat(60)
        cells = {("a", "a"): a, ("b", "b"): b, ("a", "b"): a & b}
        counts = pd.DataFrame(
            [(k, i, j, int(hit[block == k].sum())) for (i, j), hit in cells.items() for k in range(BLOCKS)],
            columns=["block", "a", "b", "orders"],
        )
        row = _rates(counts, pd.Series(240, index=range(BLOCKS))).iloc[0]
        held += row["lift_low"] <= truth <= row["lift_high"]
        n, p11, p1, p2 = 12000, (a & b).mean(), a.mean(), b.mean()
        reach = 1.96 * math.sqrt((1 / p11 - 1 / p1 - 1 / p2 + 2 * p11 / (p1 * p2) - 1) / n)
        naive_held += abs(math.log(p11 / p1 / p2 / truth)) <= reach
    assert 0.91 <= held / 150 <= 0.99
    assert naive_held / 150 < 0.7


def test_false_discoveries_are_controlled_as_benjamini_and_hochberg_say(results):
    table = results["pairs"].table
    p = table["p_value"].to_numpy()
    order = np.argsort(p)[::-1]
    expected, least = np.empty(len(p)), 1.0
    for rank, i in zip(range(len(p), 0, -1), order, strict=True):
        least = min(least, p[i] * len(p) / rank)
        expected[i] = least
    np.testing.assert_allclose(table["q_value"], expected)


def test_products_bought_by_chance_make_few_pairs(tables):
    rng = np.random.default_rng(3)
    baskets = [[item for item in "abcdefghij" if rng.random() < 0.3] or ["k"] for _order in range(600)]
    found = needs.pairs(tables(**lines_of(baskets, customers=[f"c{i % 60}" for i in range(600)])))
    assert len(found.table) >= 45
    assert len(found.together()) <= 2
    assert len(found.top()) == len(found.together())
    finding_is_sound(found)
    found.figure()


def test_without_a_clear_pair_the_title_says_so(tables):
    rng = np.random.default_rng(4)
    baskets = [[item for item in "ab" if rng.random() < 0.5] or ["c"] for _order in range(300)]
    found = needs.pairs(tables(**lines_of(baskets)))
    assert found.together().empty
    assert found.headline().startswith("No two product groups")
    assert found.confidence_headline() == found.headline()
    finding_is_sound(found)
    found.figure()


def test_a_pair_that_never_meets_is_no_discovery(tables):
    found = needs.pairs(tables(**lines_of([["a"]] * 40 + [["b"]] * 40 + [["c", "d"]] * 40)))
    row = found.table.set_index(["category_a", "category_b"]).loc[("a", "b")]
    assert (row["orders_both"], row["lift"], row["p_value"]) == (0, 0, 1)
    assert math.isnan(row["lift_low"])
    assert found.together()["category_a"].tolist() == ["c"]


def test_returns_and_lines_without_a_quantity_are_not_bought(tables):
    made = lines_of([["a", "b"]] * 60)
    made["order_lines"]["quantity"] = [1, 1] * 20 + [1, 0] * 20 + [1, -1] * 20
    made["order_lines"].loc[110:, "line_amount"] = -1.0
    found = needs.pairs(tables(**made)).table.iloc[0]
    assert (found["orders_a"], found["orders_b"], found["orders_both"]) == (55, 20, 20)


def test_orders_without_a_customer_count_for_pairs_and_are_named(tables):
    made = lines_of([["a", "b"]] * 40 + [["a"]] * 20, customers=[None] * 30 + [f"c{i}" for i in range(30)])
    found = needs.pairs(tables(**made))
    assert (found.base, found.anonymous) == (60, 30)
    assert "30 orders without a customer are in the base" in found.note()


def test_products_outside_the_list_leave_their_orders_out_of_the_base(tables):
    made = lines_of([["a", "b"]] * 40 + [["z"]] * 7)
    made["products"] = made["products"][made["products"]["product_id"] != "z"]
    found = needs.pairs(tables(**made))
    assert (found.base, found.unknown) == (40, 7)


@pytest.mark.parametrize(
    ("baskets", "customers", "reason"),
    [
        ([["a", "b"]] * 200, ["one"] * 200, "fewer than 10 customers"),
        ([["a", "b"]] * 3 + [["c"]] * 100, None, "common enough"),
        ([["a"]] * 100, None, "common enough"),
    ],
)
def test_pairs_are_refused_where_nothing_can_be_said(tables, baskets, customers, reason):
    found = needs.pairs(tables(**lines_of(baskets, customers=customers)))
    assert isinstance(found, NotAvailable)
    assert reason in found.text


def test_pairs_of_departments_and_no_other_level(tables):
    made = lines_of([["a", "b"]] * 30 + [["a"]] * 30)
    assert list(needs.pairs(tables(**made), level="department").table.columns[:2]) == ["department_a", "department_b"]
    with pytest.raises(UserError, match="category, department"):
        needs.pairs(tables(**made), level="brand")
    del made["products"]["category"]
    assert needs.pairs(tables(**made)).missing == ("products.category",)


# ---------------------------------------------------------------- category trends
def monthly(shares: dict[str, list[float]], *, first="2023-01-01", last_day: int | None = None) -> dict[str, pd.DataFrame]:
    """Tables in which the spend on a category follows *shares* by month: an order on the first and on the last day of each."""
    rows = []
    for place, start in enumerate(pd.date_range(first, periods=len(next(iter(shares.values()))), freq="MS")):
        days = [start, start + pd.offsets.MonthEnd(0)]
        for (category, values), (half, day) in itertools.product(shares.items(), enumerate(days)):
            rows.append((f"o{place}{half}", f"{category}{half}", "c", day, category, values[place] / 2))
    names = ["order_id", "line_id", "customer_id", "order_date", "product_id", "line_amount"]
    order_lines = pd.DataFrame(rows, columns=names)
    if last_day:
        order_lines = order_lines[
            order_lines["order_date"].dt.date <= order_lines["order_date"].max().date().replace(day=last_day)
        ]
    products = pd.DataFrame({"product_id": list(shares), "category": list(shares)})
    return {"order_lines": order_lines, "products": products}


def test_trends_agree_with_a_second_computation(results, lines):
    """On the real case: shares in pandas, Theil-Sen as the median of all pairs of months, its interval by Sen's ranks."""
    found = results["trends"]
    month = lines["order_date"].dt.to_period("M")
    spend = lines.groupby([month, "category"])["line_amount"].sum().unstack(fill_value=0.0)
    shares = spend.div(lines.groupby(month)["line_amount"].sum(), axis=0)
    largest = spend.sum().sort_values(ascending=False)
    before = largest.cumsum() - largest
    assert set(found.table["category"]) == set(largest.index[before < 0.8 * largest.sum()])
    for _i, row in found.table.iterrows():
        y = shares[row["category"]].to_numpy()
        slopes = sorted((y[j] - y[i]) / (j - i) for i, j in itertools.combinations(range(12), 2))
        assert row["share_trend"] == pytest.approx(np.median(slopes), abs=1e-12)
        reach = 1.959964 * math.sqrt(12 * 11 * 29 / 18)  # of Kendall's S without ties
        low, high = round((66 - reach) / 2), round((66 + reach) / 2)
        assert row["share_trend_low"] == pytest.approx(slopes[low - 1], abs=1e-12)
        assert row["share_trend_high"] == pytest.approx(slopes[high], abs=1e-12)
        assert row["spend"] == pytest.approx(largest[row["category"]])
        assert row["money_trend"] == pytest.approx(row["share_trend"] * lines["line_amount"].sum() / 12)


@pytest.fixture
def counted(tables):
    """Two stores and two products over 60 days: tea is out at A from day 20 to 29, and nobody counts it there on day 40."""
    rng = np.random.default_rng(5)
    days, lines, stock = pd.date_range("2024-01-01", periods=60), [], []
    for store in ("A", "B"):
        for product, rate in (("tea", 4), ("cake", 1)):
            left = 30.0
            for n, day in enumerate(days):
                out = (store, product) == ("A", "tea") and 20 <= n < 30
                units = 0 if out else rng.poisson(rate)
                came = 0.0 if out else max(30 - left, 0) if n % 3 == 0 or n == 30 else 0.0
                left = 0.0 if out or (n == 19 and (store, product) == ("A", "tea")) else left + came - units
                uncounted = (store, product, n) == ("A", "tea", 40)
                stock.append((day, store, product, None if uncounted else left, 0 if n % 10 == 0 else 1, came))
                lines += [(f"{store}{product}{n}-{k}", "1", f"c{k}", day, store, product, 1, 5.0) for k in range(units)]
    lines += [("r", "1", "c0", days[25], "A", "tea", -1, -5.0), ("x", "1", "c0", days[3], "C", "tea", 50, 250.0)]
    columns = ["order_id", "line_id", "customer_id", "order_date", "store", "product_id", "quantity", "line_amount"]
    return {
        "order_lines": pd.DataFrame(lines, columns=columns),
        "stock": pd.DataFrame(stock, columns=["stock_date", "store", "product_id", "on_hand", "on_shelf", "received"]),
    }


def test_stock_and_what_was_not_sold_are_what_pandas_counts(tables, counted):
    late = counted["stock"].tail(1).assign(stock_date=pd.Timestamp("2024-06-01"))
    found = needs.stock(tables(**counted | {"stock": pd.concat([counted["stock"], late], ignore_index=True)}))
    assert found.later == 1
    assert "after the as-of date, left out: 1." in found.note()
    stock, lines = counted["stock"].dropna(), counted["order_lines"]
    units = lines[lines.quantity > 0].groupby(["order_date", "store", "product_id"]).quantity.sum()
    keys = pd.MultiIndex.from_frame(stock[["stock_date", "store", "product_id"]])
    stock = stock.assign(units=units.reindex(keys).fillna(0).to_numpy())
    assert (found.table.days.sum(), found.unknown, found.sold_without) == (239, 1, 0)
    assert found.rate == pytest.approx((stock.on_hand <= 0).sum() / 239)
    for row in found.table.itertuples():
        mine = stock[(stock.store == row.store) & (stock.product_id == row.product_id)].sort_values("stock_date")
        in_a_row = mine.stock_date.diff().dt.days == 1
        used = (mine.on_hand.shift() + mine.received - mine.on_hand)[in_a_row]
        whole = in_a_row & (mine.on_hand <= 0) & (mine.on_hand.shift() <= 0) & (mine.received == 0) & (mine.units == 0)
        assert (row.out, row.whole, row.sold) == ((mine.on_hand <= 0).sum(), whole.sum(), mine.units.sum())
        assert (row.used, row.used_sold) == (used.sum(), mine.units[in_a_row].sum())
        kept = mine.units[~whole]
        spread = max(kept.var(), kept.mean())
        lost, half = kept.mean() * whole.sum(), 1.959964 * np.sqrt(whole.sum() * spread + whole.sum() ** 2 * spread / len(kept))
        assert (row.lost, row.lost_low, row.lost_high) == pytest.approx((lost, max(lost - half, 0), lost + half), rel=1e-5)
        assert row.lost_money == pytest.approx(5 * lost)
        assert row.left == mine.on_hand.iloc[-1]
        assert row.cover == pytest.approx(row.left / mine.units[mine.stock_date > "2024-02-01"].mean())
        on = mine[mine.on_hand > 0]
        assert (row.shelf_days, row.shelf_empty) == (len(on), (on.on_shelf == 0).sum())
    assert found.worst().iloc[0][["product_id", "store"]].tolist() == ["tea", "A"]
    assert found.by_product().units_lost.sum() == pytest.approx(found.lost()[0])


def test_what_was_not_sold_is_refused_where_nobody_counts_from_day_to_day(tables, counted):
    weekly = counted["stock"][counted["stock"].stock_date.dt.day_of_week == 0].drop(columns=["received", "on_shelf"])
    found = needs.stock(tables(**counted | {"stock": weekly}))
    assert found.table[["lost", "lost_money", "used"]].isna().all(axis=None)
    assert "is not known" in found.table_headline()
    assert found.by_product().units_unexplained.isna().all()
    assert isinstance(needs.stock(tables(**counted | {"stock": counted["stock"].assign(on_hand=None)})), NotAvailable)
    assert isinstance(needs.stock(tables(order_lines=counted["order_lines"])), NotAvailable)


def test_a_part_of_the_customers_has_no_stock_unless_the_part_is_a_store(tables, counted):
    whole, one = needs.stock(tables(**counted)), needs.stock(tables(**counted, scope="store=A"))
    pd.testing.assert_frame_equal(one.table, whole.table[whole.table.store == "A"].reset_index(drop=True))
    people = pd.DataFrame({"customer_id": [f"c{k}" for k in range(15)], "region": ["North"] + ["South"] * 14})
    assert isinstance(needs.stock(tables(**counted, customers=people, scope="region=North")), NotAvailable)


def test_a_direction_needs_both_the_interval_and_the_corrected_test(results):
    table = results["trends"].table
    clear = (table["q_value"] <= 0.05) & (table["share_trend_low"] * table["share_trend_high"] > 0)
    expected = np.where(clear, np.where(table["share_trend"] > 0, "Rising", "Falling"), "Unclear")
    assert table["trend_direction"].tolist() == expected.tolist()


def test_a_steady_rise_is_named_with_the_exact_probability(tables):
    """Twelve values in order: Kendall's exact two-sided p is 2 / 12!."""
    shares = {"up": [45.0 + i for i in range(12)], "rest": [55.0 - i for i in range(12)]}
    found = needs.category_trends(tables(**monthly(shares)))
    up = found.table.set_index("category").loc["up"]
    assert up["p_value"] == pytest.approx(2 / math.factorial(12))
    assert up["share_trend"] == pytest.approx(0.01)
    assert found.headline() == "Over 12 months spend shifted most towards up and away from rest"
    assert found.finding().value == pytest.approx(0.01 / 0.505, rel=0.01)
    assert found.finding().display == "2.0%"
    assert found.finding().text.endswith("away from rest; up changed by 2.0% of its own share per month.")
    assert found.movers()["trend_direction"].tolist() == ["Rising", "Falling"]


def test_constant_shares_have_no_trend(tables):
    found = needs.category_trends(tables(**monthly({"a": [10.0] * 12, "b": [30.0] * 12})))
    assert found.table["trend_direction"].tolist() == ["Unclear"] * 2
    assert found.headline() == "Over 12 months no category clearly gained or lost share of spend"
    assert found.finding().display == ""
    finding_is_sound(found)
    found.figure()


def test_growth_of_the_whole_base_is_no_trend_of_a_category(tables):
    growing = [float(10 * (i + 1)) for i in range(12)]
    found = needs.category_trends(tables(**monthly({"a": growing, "b": [3 * g for g in growing]})))
    assert set(found.table["trend_direction"]) == {"Unclear"}


def test_an_incomplete_month_is_left_out_and_named(tables):
    found = needs.category_trends(tables(**monthly({"a": [10.0] * 8, "b": [20.0] * 8}, last_day=1)))
    assert found.months == 7
    assert found.left_out == (dt.date(2023, 8, 1),)
    assert "Aug 2023" in found.note()


def test_complete_months_of_trends_are_those_of_the_one_rule(tables):
    """A first month whose holidays have no order is complete, as it is in every other notebook."""
    days = pd.date_range("2023-01-03", "2023-08-30").strftime("%Y-%m-%d").tolist()
    cut = tables(**lines_of([["a", "b"]] * len(days), dates=days))
    months = coverage(cut).months()
    found = needs.category_trends(cut)
    assert found.monthly.index.tolist() == months.loc[months["complete"], "month"].dt.date.tolist()
    assert found.monthly.index[0] == dt.date(2023, 1, 1)
    assert found.left_out == (dt.date(2023, 8, 1),)


def test_five_months_are_no_trend(tables):
    found = needs.category_trends(tables(**monthly({"a": [1.0, 2, 3, 4, 5], "b": [5.0] * 5})))
    assert isinstance(found, NotAvailable)
    assert "6 complete months; the data has 5" in found.text


def test_below_two_years_the_season_is_named(tables, results):
    assert "cannot tell a trend from a season" in results["trends"].caution()
    assert results["trends"].finding().confidence == "low"
    two_years = needs.category_trends(tables(**monthly({"a": [10.0 + i for i in range(24)], "b": [90.0 - i for i in range(24)]})))
    assert "season" not in two_years.caution()
    assert two_years.finding().confidence == "medium"


def test_a_month_without_spend_keeps_its_place_in_time(tables):
    shares = {"a": [40.0, 41, 42, 0, 44, 45, 46, 47], "b": [60.0, 59, 58, 0, 56, 55, 54, 53]}
    found = needs.category_trends(tables(**monthly(shares)))
    assert found.months == 7
    assert found.table.set_index("category").loc["a", "share_trend"] == pytest.approx(0.01)


def test_products_without_a_category_stay_in_the_denominator(tables):
    made = monthly({"a": [25.0] * 8, "unknown": [75.0] * 8})
    made["products"]["category"] = ["a", None]
    found = needs.category_trends(tables(**made))
    assert found.table["category"].tolist() == ["a"]
    assert found.monthly["a"].tolist() == [0.25] * 8
    assert found.unknown_share == pytest.approx(0.75)


# ---------------------------------------------------------------- deal groups
def orders_of(discounts: list[float], *, amounts: list[float] | None = None, customers: list | None = None) -> pd.DataFrame:
    n = len(discounts)
    return pd.DataFrame({
        "order_id": [f"o{i}" for i in range(n)],
        "customer_id": customers or [f"c{i:03}" for i in range(n)],
        "order_date": "2024-03-01",
        "order_amount": amounts or [100.0 - d for d in discounts],
        "discount_amount": discounts,
    })  # fmt: skip


def test_deal_measures_agree_with_a_second_computation(results, grocery_tables, lines):
    table = grocery_tables["orders"]
    floats = {c: table[c].cast("float64") for c in ("order_amount", "discount_amount", "coupon_amount")}
    orders = table.mutate(**floats).to_pandas()
    orders = orders.assign(on_deal=orders["discount_amount"] > 0, with_coupon=orders["coupon_amount"] > 0)
    each = orders.groupby("customer_id").agg(
        orders=("order_id", "nunique"), spend=("order_amount", "sum"), discounts=("discount_amount", "sum"),
        coupons=("coupon_amount", "sum"), on_deal=("on_deal", "mean"), with_coupon=("with_coupon", "mean"),
    )  # fmt: skip
    table = results["deals"].table.set_index("customer_id")
    assert table.index.tolist() == sorted(each.index)
    each = each.loc[table.index]
    share = each["discounts"] / (each["spend"] + each["discounts"])
    np.testing.assert_allclose(table["discount_share"], share, atol=1e-9)
    np.testing.assert_allclose(table["orders_on_discount"], each["on_deal"], atol=1e-9)
    np.testing.assert_allclose(table["share_of_orders_with_coupon"], each["with_coupon"], atol=1e-9)
    np.testing.assert_allclose(table["coupon_share"], each["coupons"] / each["spend"], atol=1e-9)
    by_lines = lines.assign(on_deal=lines["line_discount"] > 0).groupby("customer_id")["on_deal"].mean()
    np.testing.assert_allclose(table["lines_on_discount"], by_lines[table.index], atol=1e-9)
    # 801 different shares: thirds of 267, by rank.
    third = share.sort_values().index
    assert set(table.index[table["deal_group"] == "Full price"]) == set(third[:267])
    assert set(table.index[table["deal_group"] == "Deal seekers"]) == set(third[-267:])


def test_group_rows_add_up_to_the_base(results):
    groups, table = results["deals"].groups(), results["deals"].table
    assert groups["deal_group"].tolist() == ["Deal seekers", "Mixed", "Full price"]
    assert groups["customers"].sum() == len(table)
    assert groups["spend"].sum() == pytest.approx(table["spend"].sum())
    assert groups["share_of_spend"].sum() == pytest.approx(1)
    whole = (groups["discount_share"] * groups["customers"]).sum() / groups["customers"].sum()
    assert groups["discount_share"].min() < whole < groups["discount_share"].max()
    assert list(results["deals"].deal_groups().columns) == ["customer_id", "deal_group", "discount_share"]


@given(st.lists(st.sampled_from([0.0, 0.01, 0.1, 0.1, 0.25, 0.5]), min_size=1, max_size=40))
def test_deal_groups_partition_by_share_whatever_the_ties(shares):
    groups = pd.DataFrame({"share": shares, "group": _deal_groups(pd.Series(shares))})
    assert groups.groupby("share")["group"].nunique().eq(1).all(), "equal shares, equal group"
    assert (groups.loc[groups["share"] == 0, "group"] == "Full price").all()
    rank = groups["group"].map({"Full price": 0, "Mixed": 1, "Deal seekers": 2})
    assert rank.notna().all()
    assert rank[groups["share"].sort_values().index].is_monotonic_increasing
    assert (rank == 2).mean() <= 2 / 3


@pytest.mark.parametrize(
    ("discounts", "groups", "headline"),
    [
        ([0.0] * 5, {"Full price": 5}, "No customer stands out"),
        ([10.0] * 5, {"Mixed": 5}, "No customer stands out"),
        ([0.0, 0, 0, 0, 30], {"Full price": 4, "Deal seekers": 1}, "Deal seekers, 20% of customers, bring 15% of spend"),
        ([5.0, 6, 50, 50, 50], {"Full price": 2, "Deal seekers": 3}, "Deal seekers, 60% of customers"),
    ],
)
def test_the_headline_is_true_where_discounts_tie(tables, discounts, groups, headline):
    found = needs.deal_sensitivity(tables(orders=orders_of(discounts)))
    assert found.table["deal_group"].value_counts().to_dict() == groups
    assert found.headline().startswith(headline)
    finding_is_sound(found)
    found.figure()
    assert found.groups_headline()


def test_orders_without_a_customer_are_left_out_of_deal_groups_and_counted(tables):
    orders = orders_of([1.0, 2, 3, 4, 5], customers=["a", "b", "c", None, None])
    found = needs.deal_sensitivity(tables(orders=orders))
    assert (len(found.table), found.anonymous) == (3, 2)
    assert "2 orders without a customer are left out" in found.note()


def test_customers_who_only_returned_goods_have_no_discount_share(tables):
    found = needs.deal_sensitivity(tables(orders=orders_of([1.0, 2, 3, 0], amounts=[9.0, 9, 9, -9])))
    assert (len(found.table), found.unpriced) == (3, 1)
    assert "1 customers without a positive list value" in found.note()


def test_two_customers_make_no_thirds(tables):
    assert isinstance(needs.deal_sensitivity(tables(orders=orders_of([1.0, 2]))), NotAvailable)


def test_without_coupons_and_lines_the_groups_still_stand(tables):
    found = needs.deal_sensitivity(tables(orders=orders_of([1.0, 2, 3])))
    assert not {"coupon_share", "lines_on_discount"} & set(found.groups().columns)


def test_a_price_elasticity_is_refused(grocery):
    refused = needs.price_elasticity(grocery)
    assert isinstance(refused, NotAvailable)
    assert "not varied by chance" in refused.text


# ---------------------------------------------------------------- private label
def test_private_label_agrees_with_a_second_computation(results, lines):
    from scipy.stats import spearmanr

    known = lines[lines["brand"].notna()]
    spend = known.groupby("customer_id")["line_amount"].sum()
    own = known[known["brand"] == "Private"].groupby("customer_id")["line_amount"].sum().reindex(spend.index, fill_value=0)
    found = results["private_label"]
    table = found.table.set_index("customer_id")
    np.testing.assert_allclose(table["private_label_share"], (own / spend)[table.index], atol=1e-9)
    assert found.correlation == pytest.approx(spearmanr(table["discount_share"], table["private_label_share"]).statistic)
    assert found.low < found.correlation < found.high
    assert found.groups()["customers"].sum() == len(table)
    assert found.finding().value == pytest.approx(own.sum() / spend.sum())


def test_a_rank_correlation_has_the_interval_of_bonett_and_wright():
    """Ranks 1 2 4 3 5 against 1 to 5: r = 1 - 6·2/120 = 0.9; by hand 1.4722 ± 1.96 sqrt(1.405 / 2) on Fisher's scale."""
    r, low, high = _rank_correlation(pd.Series([1.0, 2, 3, 4, 5]), pd.Series([1.0, 2, 4, 3, 5]))
    assert r == pytest.approx(0.9)
    assert (low, high) == pytest.approx((-0.1688, 0.9961), abs=5e-4)


def private_label_tables(tables, brands: list[str]):
    made = lines_of([["a", "b"]] * 6)
    made["order_lines"]["line_discount"] = [0.1 * (i // 2) for i in range(12)]
    made["products"]["brand"] = brands
    return tables(**made)


def test_where_no_brand_is_the_retailers_own_nothing_is_said(tables):
    made = private_label_tables(tables, ["Nestle", "Danone"])
    found = needs.private_label(made, needs.deal_sensitivity(made))
    assert isinstance(found, NotAvailable)
    assert "“Private”" in found.text
    named = needs.private_label(made, needs.deal_sensitivity(made), brand="Danone")
    assert named.table["private_label_share"].tolist() == [0.5] * 6
    assert named.headline() == "Buying on discount and buying private label do not clearly go together"
    finding_is_sound(named)


# ---------------------------------------------------------------- need groups
def test_need_groups_are_those_of_step_2_and_what_is_said_of_them_is_counted(tables):
    """Nine customers with discounts of 0 to 8: the last three are deal seekers."""
    feedback = pd.DataFrame({
        "feedback_id": list("12345"),
        "customer_id": ["c000", "c008", "c008", None, "stranger"],
        "feedback_type": "complaint",
        "cause": ["late", "cold", "cold", "late", "late"],
        "created_at": "2024-03-01",
    })  # fmt: skip
    made = tables(orders=orders_of([0.0, 1, 2, 3, 4, 5, 6, 7, 8]), feedback=feedback)
    ids = [f"c{i:03}" for i in range(9)]
    segments = pd.DataFrame({"customer_id": ids, "need_group": ["No sign"] * 4 + ["Price"] * 4 + [None]})
    deals = needs.deal_sensitivity(made)
    found = needs.needs_groups(made, segments, deals)
    assert found.table.set_index("customer_id")["need_group"].to_dict() == dict(segments.dropna().itertuples(index=False))
    groups = found.groups().set_index("need_group")
    assert groups["customers"].to_dict() == {"No sign": 4, "Price": 4}
    assert groups["feedback_contacts"].to_dict() == {"No sign": 1, "Price": 0}
    assert groups["most_told"].fillna("").to_dict() == {"No sign": "late", "Price": ""}
    seekers = set(deals.table.query("deal_group == 'Deal seekers'")["customer_id"])
    assert groups.loc["Price", "deal_seeker_share"] == pytest.approx(len(seekers & set(ids[4:8])) / 4)
    finding_is_sound(found)
    silent = needs.needs_groups(made, segments.drop(columns="need_group"), deals)
    assert isinstance(silent, NotAvailable)


# ---------------------------------------------------------------- departments
def test_departments_and_gaps_agree_with_a_second_computation(results, lines):
    """On the real case, by sets of customers in plain Python."""
    found = results["departments"]
    bought = lines[(lines["line_amount"] >= 0) & (lines["quantity"] > 0)]
    buyers = {d: set(c) for d, c in bought.dropna(subset="department").groupby("department")["customer_id"]}
    customers = sorted(bought["customer_id"].unique())
    departments = found.departments.dropna(subset="department").set_index("department")
    assert departments["customers"].to_dict() == {d: len(c) for d, c in buyers.items()}
    assert departments["orders"].to_dict() == bought.groupby("department")["order_id"].nunique().to_dict()
    spend = lines.groupby("department")["line_amount"].sum()
    np.testing.assert_allclose(departments["spend"], spend[departments.index])
    assert found.departments["share_of_spend"].sum() == pytest.approx(1)

    total = lines.groupby("customer_id")["line_amount"].sum().round(2)[customers]
    cuts = sorted(total)
    cuts = [cuts[math.ceil(len(cuts) * i / 5) - 1] for i in range(1, 5)]
    fifth = {c: sum(total[c] > cut for cut in cuts) for c in customers}
    assert found.table["spend_fifth"].tolist() == [fifth[c] + 1 for c in customers]
    peers = {f: {c for c in customers if fifth[c] == f} for f in range(5)}
    share = {(f, d): len(buyers[d] & peers[f]) / len(peers[f]) for f in range(5) for d in buyers}
    without = dict.fromkeys(buyers, 0)
    for customer, row in zip(customers, found.table.itertuples(), strict=True):
        gaps = {d: share[fifth[customer], d] for d in buyers if customer not in buyers[d] and share[fifth[customer], d] >= 0.5}
        for d in gaps:
            without[d] += 1
        assert row.missing_departments == len(gaps)
        assert row.departments_bought == sum(customer in c for c in buyers.values())
        if gaps:
            assert row.peers_buying == pytest.approx(max(gaps.values()))
            assert row.department == min(d for d, s in gaps.items() if s == max(gaps.values()))
    assert found.gaps.set_index("department")["customers_without"].to_dict() == {d: n for d, n in without.items() if n}
    assert len(found.latent_needs()) == (found.table["missing_departments"] > 0).sum()


def test_a_gap_is_what_most_peers_buy(tables):
    made = lines_of([["a", "b"]] * 6 + [["a"]] * 4)
    found = needs.department_breadth(tables(**made))
    assert found.table["spend_fifth"].nunique() == 2
    assert found.gaps.empty  # those who leave b out spend less: their peers leave it out too
    made["order_lines"].loc[made["order_lines"].index >= 12, "line_amount"] = 2.0
    found = needs.department_breadth(tables(**made))
    assert found.gaps[["department", "customers_without", "peer_spend"]].to_numpy().tolist() == [["b", 4, 1.0]]
    assert found.headline() == "40% of customers leave out a department that most customers of similar spend buy, most often b"
    assert found.breadth() == "At least half the customers buy in 2 or more of 2 departments"


def test_without_gaps_the_title_says_so(tables):
    found = needs.department_breadth(tables(**lines_of([["a", "b"]] * 8)))
    assert found.headline().startswith("No customer leaves out")
    assert found.latent_needs().empty
    finding_is_sound(found)


def test_an_unknown_department_is_counted_and_never_a_gap(tables):
    made = lines_of([["a", "z"]] * 9 + [["a"]])
    made["products"].loc[made["products"]["product_id"] == "z", "department"] = None
    made["order_lines"].loc[18, "line_amount"] = 2.0
    found = needs.department_breadth(tables(**made))
    assert found.departments["customers"].tolist() == [10, 9]
    assert found.departments["department"].isna().tolist() == [False, True]
    assert found.gaps.empty


def test_returns_make_no_buyer_of_a_department(tables):
    made = lines_of([["a", "b"], ["a", "b"], ["a"]])
    made["order_lines"].loc[3, "line_amount"] = -1.0
    found = needs.department_breadth(tables(**made)).departments.set_index("department")
    assert found["customers"].to_dict() == {"a": 3, "b": 1}
    assert found.loc["b", "spend"] == 0


def test_lines_without_a_customer_are_left_out_of_departments_and_counted(tables):
    found = needs.department_breadth(tables(**lines_of([["a"]] * 5, customers=["x", "y", "z", None, None])))
    assert (len(found.table), found.anonymous) == (3, 2)


def test_one_customer_has_no_peers(tables):
    assert isinstance(needs.department_breadth(tables(**lines_of([["a"]] * 3, customers=["x"] * 3))), NotAvailable)


# ---------------------------------------------------------------- all of them
def test_shuffling_rows_never_changes_a_result(results, shuffled_grocery):
    again = _results(shuffled_grocery)
    for name, result in results.items():
        for field in fields(result):
            was, now = getattr(result, field.name), getattr(again[name], field.name)
            if isinstance(was, pd.DataFrame):
                pd.testing.assert_frame_equal(was, now, check_exact=True)
            else:
                assert was == now, f"{name}.{field.name}"
        assert result.finding() == again[name].finding()
        assert result.note() == again[name].note()


def test_every_shown_column_is_described(results):
    shown = [
        results["pairs"].top(), results["trends"].movers(), results["deals"].groups(), results["private_label"].groups(),
        results["departments"].departments, results["departments"].gaps, results["departments"].latent_needs(),
    ]  # fmt: skip
    for frame in shown:
        assert len(frame)
        for name in frame.columns:
            assert columns.column(name).label
            assert columns.column(name).definition


def test_findings_on_the_real_case_are_sound(results):
    for result in results.values():
        finding_is_sound(result)


@pytest.mark.parametrize(
    ("method", "missing"),
    [
        (needs.pairs, "order_lines.product_id"),
        (needs.category_trends, "order_lines.product_id"),
        (needs.deal_sensitivity, "orders.discount_amount"),
        (needs.department_breadth, "order_lines.product_id"),
    ],
)
def test_with_orders_alone_the_step_says_what_is_missing(tables, method, missing):
    orders = orders_of([1.0, 2, 3]).drop(columns="discount_amount")
    found = method(tables(orders=orders))
    assert isinstance(found, NotAvailable)
    assert missing in found.missing


def test_what_builds_on_deal_groups_passes_on_why_there_are_none(tables, grocery):
    made = tables(orders=orders_of([1.0, 2, 3]).drop(columns="discount_amount"))
    gone = needs.deal_sensitivity(made)
    passed = needs.private_label(grocery, gone)
    assert isinstance(passed, NotAvailable)
    assert passed.missing == ("orders.discount_amount",)
    known = pd.DataFrame({"customer_id": ["1"], "need_group": ["Price"]})
    assert needs.needs_groups(grocery, known, gone).missing == ("orders.discount_amount", "feedback.customer_id")


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_small_bases_get_a_true_answer_or_none(tables, data):
    """Few customers, refunds, free goods, missing categories and customers: no result breaks, and no text holds a hole."""
    n = data.draw(st.integers(1, 14))
    draw = lambda values: [data.draw(st.sampled_from(values)) for _row in range(n)]  # noqa: E731
    order_lines = pd.DataFrame({
        "order_id": [f"o{i}" for i in range(n)], "line_id": "1", "customer_id": draw(["a", "b", "c", "d", None]),
        "order_date": draw(["2024-01-01", "2024-03-31", "2024-07-31"]), "product_id": draw(["p", "q", "r", "s"]),
        "quantity": draw([0, 1, 1, 2, -1]), "line_amount": draw([-5.0, 0.0, 1.0, 2.5]), "line_discount": draw([0.0, 0.0, 1.0]),
    })  # fmt: skip
    products = pd.DataFrame({
        "product_id": ["p", "q", "r"], "category": ["P", "Q", None],
        "department": ["D", None, "E"], "brand": ["Private", "N", None],
    })  # fmt: skip
    made = tables(order_lines=order_lines, products=products)
    deals = needs.deal_sensitivity(made)
    for result in (needs.category_trends(made), deals, needs.private_label(made, deals), needs.department_breadth(made)):
        if not isinstance(result, NotAvailable):
            finding_is_sound(result)
            assert result.headline()
    assert isinstance(needs.pairs(made), NotAvailable)
