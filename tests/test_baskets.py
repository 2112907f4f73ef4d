"""Rules of two to four, what is bought after what, products beside a product."""

from __future__ import annotations

import importlib
import itertools
import math

import numpy as np
import pandas as pd
import pytest

from conftest import make_tables
from fivestep import needs
from fivestep.errors import UserError
from fivestep.findings import NotAvailable
from fivestep.language import columns
from fivestep.needs.pairs import BLOCKS
from fivestep.needs.similar_products import BESIDE_IT, BEST_SELLERS, LENGTHS


def lines_of(baskets, customers=None, days=None) -> dict[str, pd.DataFrame]:
    """Tables of hand-made baskets, each a list of products that are their own category."""
    rows = [(i, item) for i, basket in enumerate(baskets) for item in basket]
    order_lines = pd.DataFrame({
        "order_id": [f"o{i:05d}" for i, _item in rows],
        "line_id": [str(k) for k in range(len(rows))],
        "customer_id": [customers[i] if customers is not None else f"c{i:05d}" for i, _item in rows],
        "order_date": [days[i] if days is not None else "2024-01-15" for i, _item in rows],
        "product_id": [item for _i, item in rows],
        "line_amount": 1.0,
    })  # fmt: skip
    names = sorted({item for _i, item in rows})
    products = pd.DataFrame({"product_id": names, "product_name": names, "category": names, "department": names})
    return {"order_lines": order_lines, "products": products}


def texts_are_whole(result, *texts: str) -> None:
    found = result.finding()
    for text in (found.text, found.evidence, found.so_what, *found.warnings, result.headline(), result.note(), *texts):
        assert text.strip()
        assert "nan" not in text.lower().split()
        assert "{" not in text


def all_registered(*frames: pd.DataFrame) -> None:
    for frame in frames:
        for name in frame.columns:
            for cell in frame[name].head(3):
                assert columns.formatted(name, cell)


# ---------------------------------------------------------------- rules
MANUAL = [
    ["Milk", "Onion", "Nutmeg", "Kidney beans", "Eggs", "Yogurt"],
    ["Dill", "Onion", "Nutmeg", "Kidney beans", "Eggs", "Yogurt"],
    ["Milk", "Apple", "Kidney beans", "Eggs"],
    ["Milk", "Unicorn", "Corn", "Kidney beans", "Yogurt"],
    ["Corn", "Onion", "Onion", "Kidney beans", "Ice cream", "Eggs"],
]


@pytest.mark.parametrize("level", ["category", "department", "product_id"])
def test_rules_give_the_published_values_of_the_groceries_example(tables, level):
    """The five baskets of the mlxtend manual, twenty times over: 11 frequent sets at support 0.6, and its table of rules."""
    found = needs.rules(tables(**lines_of(MANUAL * 20)), level=level, support=0.6)
    table = found.table.set_index(["item_a", "item_b", "consequent"])
    one, two = table[table.index.get_level_values(1).isna()], table[table.index.get_level_values(1).notna()]
    singles = {frozenset([a, c]) for a, _b, c in one.index}
    triples = {frozenset(rule) for rule in two.index}
    assert 5 + len(singles) + len(triples) == 11
    assert triples == {frozenset(["Eggs", "Kidney beans", "Onion"])}
    measures = ["support", "confidence", "lift", "leverage", "conviction"]
    eggs_onion = one.loc[next(k for k in one.index if (k[0], k[2]) == ("Eggs", "Onion"))]
    assert eggs_onion[measures].tolist() == pytest.approx([0.6, 0.75, 1.25, 0.12, 1.6])
    onion_eggs = one.loc[next(k for k in one.index if (k[0], k[2]) == ("Onion", "Eggs"))]
    assert onion_eggs[measures].tolist() == pytest.approx([0.6, 1.0, 1.25, 0.12, math.inf])
    pair = two.loc[("Eggs", "Kidney beans", "Onion")]
    assert pair[measures].tolist() == pytest.approx([0.6, 0.75, 1.25, 0.12, 1.6])
    assert pair["gain"] == pytest.approx(1)  # eggs alone say as much


@pytest.fixture(scope="module")
def shop():
    """Baskets of customers with habits of their own; baskets, customers and the rules."""
    rng = np.random.default_rng(3)
    items = np.array([f"i{k}" for k in range(9)])
    likes = rng.uniform(0.1, 0.6, (120, 9))
    customers = rng.integers(0, 120, 2500)
    chosen = rng.random((2500, 9)) < likes[customers]
    chosen[:, 3] &= chosen[:, 1] | (rng.random(2500) < 0.5)
    chosen[~chosen.any(axis=1), 0] = True
    baskets = [list(items[row]) for row in chosen]
    names = [f"c{c:03d}" for c in customers]
    frames = lines_of(baskets, names)
    return baskets, names, frames, needs.rules(make_tables(**frames), support=0.01)


def test_every_rule_agrees_with_counting_sets(shop):
    baskets, _names, _frames, found = shop
    sets = [frozenset(b) for b in baskets]
    n = len(sets)
    items = sorted(set().union(*sets))
    holds = {frozenset(c): sum(set(c) <= s for s in sets) for k in (1, 2, 3, 4) for c in itertools.combinations(items, k)}
    expected = {
        (left, y)
        for left in holds
        if len(left) < 4
        for y in items
        if y not in left and holds.get(left | {y}, 0) >= math.ceil(0.01 * n)
    }
    table = found.table
    lefts = [frozenset(i for i in row if i is not None) for row in table[["item_a", "item_b", "item_c"]].to_numpy()]
    assert {len(left) for left in lefts} == {1, 2, 3}
    assert found.base == n
    assert len(table) == len(expected)
    assert set(zip(lefts, table["consequent"], strict=True)) == expected
    for left, row in list(zip(lefts, table.itertuples(), strict=True))[::7]:
        both, y = holds[left | {row.consequent}], holds[frozenset([row.consequent])]
        confidence = both / holds[left]
        parts = [frozenset(c) for k in range(1, len(left)) for c in itertools.combinations(left, k)]
        shorter = [holds[part | {row.consequent}] / holds[part] for part in parts] or [y / n]
        assert (row.orders_with, row.orders_both) == (holds[left], both)
        assert row.support == pytest.approx(both / n)
        assert row.confidence == pytest.approx(confidence)
        assert row.lift == pytest.approx(confidence * n / y)
        assert row.leverage == pytest.approx(both / n - holds[left] / n * y / n)
        assert row.conviction == pytest.approx((1 - y / n) / (1 - confidence))
        assert row.gain == pytest.approx(confidence / max(shorter))
        assert row.expected_orders == pytest.approx(holds[left] * max(shorter))


def test_counting_in_small_parts_counts_the_same(shop, monkeypatch):
    """Tables of pairs, chunks and bits that do not fit at once are counted in turn."""
    counts = importlib.import_module("fivestep.needs.itemsets")
    for name, value in (("CHUNK", 50), ("CELLS", 20), ("BITS", 100)):
        monkeypatch.setattr(counts, name, value)
    _baskets, _names, frames, found = shop
    pd.testing.assert_frame_equal(needs.rules(make_tables(**frames), support=0.01).table, found.table)


def test_the_interval_of_the_gain_agrees_with_a_delete_a_block_jackknife(shop):
    baskets, names, _frames, found = shop
    block = {c: i % BLOCKS for i, c in enumerate(sorted(set(names)))}
    of = np.array([block[c] for c in names])
    sets = [set(b) for b in baskets]

    def count(*items) -> np.ndarray:
        there = np.array([set(items) <= s for s in sets])
        return np.bincount(of, weights=there, minlength=BLOCKS)

    rows = found.table[found.table["item_b"].notna() & found.table["item_c"].isna()].iloc[[0, 5, 20]]
    for row in rows.itertuples():
        parts = [count(row.item_a, row.item_b, row.consequent), count(row.item_a, row.item_b)]
        ways = [(count(x, row.consequent), count(x)) for x in (row.item_a, row.item_b)]
        parts += max(ways, key=lambda w: w[0].sum() / w[1].sum())
        left = [p.sum() - p for p in parts]
        logs = np.log(left[0]) - np.log(left[1]) - np.log(left[2]) + np.log(left[3])
        error = math.sqrt((BLOCKS - 1) / BLOCKS * ((logs - logs.mean()) ** 2).sum())
        assert math.log(row.gain_high / row.gain) == pytest.approx(2.0095752 * error, rel=0.1)  # t with 49 degrees of freedom


def test_a_planted_set_of_three_is_found_and_what_is_only_popular_is_not(tables):
    rng = np.random.default_rng(7)
    items = np.array([f"i{k:02d}" for k in range(12)])
    popular = np.array([0.5, 0.5, 0.5, *[0.2] * 9])
    chosen = rng.random((4000, 12)) < popular
    together = rng.random(4000) < 0.06
    chosen[together, 5:8] = True
    found = needs.rules(tables(**lines_of([list(items[row]) or ["i00"] for row in chosen])))
    rows = found.found()
    assert {frozenset(r) for r in rows[rows["item_b"].notna()][["item_a", "item_b", "consequent"]].to_numpy()} == {
        frozenset(["i05", "i06", "i07"])
    }
    pairs = rows[rows["item_b"].isna()]
    assert {frozenset(r) for r in pairs[["item_a", "consequent"]].to_numpy()} == {
        frozenset(p) for p in itertools.combinations(["i05", "i06", "i07"], 2)
    }
    assert len(found.larger()) == 1
    assert not (set(items[:3]) & set(rows["consequent"]))
    texts_are_whole(found, found.singles_headline())
    all_registered(found.larger(), found.singles())


def test_where_nothing_goes_together_no_rule_is_named(tables):
    rng = np.random.default_rng(8)
    items = np.array(list("abcdef"))
    found = needs.rules(tables(**lines_of([list(items[r]) or ["a"] for r in rng.random((1500, 6)) < 0.4])))
    assert found.found().empty
    texts_are_whole(found, found.singles_headline())


def test_rules_refuse_what_they_cannot_do(tables, grocery):
    few = needs.rules(tables(**lines_of([["a", "b"]] * 5)))
    assert isinstance(few, NotAvailable)
    for wrong in ({"level": "brand"}, {"largest": 5}, {"support": 1.5}):
        with pytest.raises(UserError, match="rules: level is one of"):
            needs.rules(grocery, **wrong)


# ---------------------------------------------------------------- then bought
def walks(rng, customers: int, days: int, ordered: bool) -> tuple[list, list, list]:
    """Customers with one basket a week: two drawn of a, b, c, d; x in an early week and y in a later one, or in either order."""
    baskets, names, dates = [], [], []
    for c in range(customers):
        first, second = sorted(rng.choice(days, 2, replace=False))
        if not ordered and rng.random() < 0.5:
            first, second = second, first
        for d in range(days):
            basket = list(rng.choice(list("abcd"), 2, replace=False))
            basket += ["x"] * int(d == first) + ["y"] * int(d == second)
            baskets.append(basket)
            names.append(f"c{c:03d}")
            dates.append(str(pd.Timestamp("2024-01-01") + pd.Timedelta(weeks=d))[:10])
    return baskets, names, dates


def test_changes_agree_with_walking_through_the_days(tables):
    baskets, names, dates = walks(np.random.default_rng(1), 80, 8, True)
    found = needs.then_bought(tables(**lines_of(baskets, names, dates)))
    expected: dict[tuple[str, str], int] = {}
    for c in sorted(set(names)):
        mine = [set(b) for b, n in zip(baskets, names, strict=True) if n == c]
        for now, after in itertools.pairwise(mine):
            for a in now - after:
                for b in after - now:
                    expected[a, b] = expected.get((a, b), 0) + 1
    rows = found.table
    assert len(rows) == len({tuple(sorted(k)) for k, n in expected.items() if n + expected.get(k[::-1], 0) >= 30})
    for row in rows.itertuples():
        a, b = row.category_first, row.category_then
        there, back = expected.get((a, b), 0), expected.get((b, a), 0)
        assert (row.changes_in_order, row.changes) == (there, there + back)
        assert there >= back


def test_an_order_is_named_only_where_there_is_one(tables):
    rng = np.random.default_rng(2)
    for ordered in (True, False):
        found = needs.then_bought(tables(**lines_of(*walks(rng, 400, 3, ordered))))
        named = found.found()[["category_first", "category_then"]].to_numpy().tolist()
        assert (["x", "y"] in named) == ordered
        assert all({a, b} & {"x", "y"} for a, b in named)
        texts_are_whole(found)
        all_registered(found.shown())


def test_without_changes_nothing_is_said_about_order(tables):
    assert isinstance(needs.then_bought(tables(**lines_of([["a"]] * 60))), NotAvailable)


# ---------------------------------------------------------------- products beside a product
def tastes(rng, *, customers: int, groups: int) -> dict[str, pd.DataFrame]:
    """Customers buy products of their own group, or with one group anything, over twelve weeks."""
    baskets, names, dates = [], [], []
    for c in range(customers):
        mine = [k for k in range(40) if k % groups == c % groups]
        weights = 1 / (1 + np.arange(len(mine)))
        for week in range(12):
            bought = rng.choice(mine, 2, replace=False, p=weights / weights.sum())
            baskets.append([f"p{k:02d}" for k in bought])
            names.append(f"c{c:03d}")
            dates.append(str(pd.Timestamp("2024-01-01") + pd.Timedelta(weeks=week))[:10])
    return lines_of(baskets, names, dates)


@pytest.fixture(scope="module")
def grouped():
    frames = tastes(np.random.default_rng(4), customers=300, groups=4)
    return frames, needs.similar_products(make_tables(**frames))


def test_the_offline_test_agrees_with_sets_of_products(grouped):
    frames, found = grouped
    lines = frames["order_lines"]
    lines = lines.assign(day=pd.to_datetime(lines["order_date"]))
    begin = lines["day"].max() - pd.Timedelta(days=27)
    before, late = lines[lines["day"] < begin], lines[lines["day"] >= begin]
    had = before.groupby("customer_id")["product_id"].agg(set)
    new = {c: p - had[c] for c, p in late.groupby("customer_id")["product_id"].agg(set).items() if p - had[c]}
    all_products = lines.groupby("product_id")["customer_id"].nunique()
    products = sorted(all_products[all_products >= 10].index)
    buyers = before.groupby("product_id")["customer_id"].agg(set).reindex(products)
    buyers = {p: b if isinstance(b, set) else set() for p, b in buyers.items()}

    def alike(a, b):
        both = len(buyers[a] & buyers[b])
        return both / math.sqrt(len(buyers[a]) * len(buyers[b])) if both >= 10 and a != b else 0.0

    near = {a: {b: alike(a, b) for b in products} for a in products}
    best = sorted(products, key=lambda p: (-len(buyers[p]), p))
    new = {c: p & set(products) for c, p in new.items() if p & set(products)}
    recalls = {m: [] for m in (BESIDE_IT, BEST_SELLERS)}
    for c, wanted in new.items():
        open_ = [p for p in products if p not in had[c]]
        score = {p: sum(near[q][p] for q in had[c]) + len(buyers[p]) / (1e6 * len(buyers[best[0]])) for p in open_}
        listed = {
            BESIDE_IT: sorted(open_, key=lambda p: (-np.float32(score[p]), p)),
            BEST_SELLERS: [p for p in best if p in open_],
        }
        for m, ranked in listed.items():
            recalls[m].append(len(wanted & set(ranked[:10])) / len(wanted))
    rows = found.test[found.test["list_length"] == 10].set_index("product_list")
    assert rows["customers_with_new"].tolist() == [len(new)] * 2
    assert rows.loc[BEST_SELLERS, "recall"] == pytest.approx(np.mean(recalls[BEST_SELLERS]))
    assert rows.loc[BESIDE_IT, "recall"] == pytest.approx(np.mean(recalls[BESIDE_IT]), abs=0.01)  # ties in single precision
    assert found.test["list_length"].tolist() == [k for k in LENGTHS for _m in range(2)]
    texts_are_whole(found, found.shown_headline())
    all_registered(found.test, found.shown())


def test_where_tastes_differ_neighbours_beat_the_best_sellers_and_are_of_the_same_taste(grouped):
    _frames, found = grouped
    assert found.better == 1
    number = {c: found.table[c].str[1:].astype(int) % 4 for c in ("product_id", "shown_id")}
    assert (number["product_id"] == number["shown_id"]).all()
    assert found.table.groupby("product_id").size().max() <= 3


def test_products_of_one_name_are_never_beside_each_other(grouped, tables):
    frames, plain = grouped
    named = frames["products"].assign(
        product_name="One of taste " + (frames["products"]["product_id"].str[1:].astype(int) % 8).astype(str)
    )
    found = needs.similar_products(tables(**{**frames, "products": named}))
    assert len(found.table)
    assert (found.table["product_name"] != found.table["shown_name"]).all()
    pairs = [tuple(sorted(p)) for p in found.shown()[["beside_product", "product_beside"]].itertuples(index=False)]
    assert len(pairs) == len(set(pairs))
    pd.testing.assert_frame_equal(found.test, plain.test)  # what is foretold are products, whatever they are called
    alike = needs.similar_products(tables(**{**frames, "products": named.assign(product_name="Bread")}))
    assert alike.table.empty
    texts_are_whole(alike, alike.shown_headline())


def test_where_all_like_the_same_the_best_sellers_are_not_beaten(tables):
    found = needs.similar_products(tables(**tastes(np.random.default_rng(5), customers=300, groups=1)))
    assert found.better <= 0
    assert "best sellers" in found.finding().so_what
    texts_are_whole(found)


def test_few_products_or_customers_are_refused(tables):
    assert isinstance(needs.similar_products(tables(**lines_of([["a", "b"]] * 60))), NotAvailable)


def test_the_order_of_the_rows_changes_no_basket(shop, grouped):
    for method, frames, part in (
        (lambda t: needs.rules(t, support=0.01), shop[2], "table"),
        (needs.then_bought, grouped[0], "table"),
        (needs.similar_products, grouped[0], "table"),
        (needs.similar_products, grouped[0], "test"),
    ):
        mixed = {n: f.sample(frac=1, random_state=1) for n, f in frames.items()}
        one, other = (getattr(method(make_tables(**f)), part) for f in (frames, mixed))
        pd.testing.assert_frame_equal(one, other)
