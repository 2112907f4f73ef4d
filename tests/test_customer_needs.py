"""What each customer may still need: three sources, a product that fits, and whether needs named earlier came true."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from conftest import make_tables
from fivestep import needs
from fivestep.findings import NotAvailable
from fivestep.language import columns
from fivestep.needs.customer_needs import BOUGHT_WITH, LOOKED_AT, TOLD

FIRST, DAYS = dt.date(2024, 1, 1), 200


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    """300 customers of six categories; most who buy coffee buy milk with it, a third have not done so yet."""
    rng = np.random.default_rng(2)
    names = ["coffee", "milk", "bread", "tea", "jam", "rice"]
    products = [(f"{c}{k}", f"{c.title()} {k}", c) for c in names for k in range(2)]
    lines, events = [], []
    order = 0
    for c in range(300):
        late = rng.random() < 0.4  # finds milk only in the last weeks
        for day in sorted(rng.choice(DAYS, 12, replace=False)):
            basket = {names[i] for i in rng.integers(2, 6, 2)}
            if rng.random() < 0.6:
                basket.add("coffee")
                if rng.random() < 0.8 and (not late or (day > DAYS - 28 and c % 2)):
                    basket.add("milk")
            order += 1
            lines += [(f"o{order:05d}", f"c{c:03d}", day, f"{item}{int(rng.random() < 0.3)}") for item in sorted(basket)]
        if c % 3 == 0:
            seen = int(rng.integers(DAYS - 85, DAYS - 29))
            events.append((f"c{c:03d}", seen, "rice1", None))
            if c % 2:
                lines.append((f"x{c:05d}", f"c{c:03d}", DAYS - 10, "rice1"))
        if c % 50 == 1:
            events.append((f"c{c:03d}", DAYS - 5, None, "JAM"))
    lines.append(("z", "c000", DAYS - 1, "bread0"))
    days = np.array([str(FIRST + dt.timedelta(days=d)) for d in range(DAYS)])
    order_lines = pd.DataFrame(lines, columns=["order_id", "customer_id", "day", "product_id"])
    order_lines["order_date"] = days[order_lines.pop("day")]
    order_lines = order_lines.assign(line_id=np.arange(len(order_lines)), line_amount=1.0)
    looked = pd.DataFrame(events, columns=["customer_id", "day", "product_id", "search_term"])
    looked["occurred_at"] = days[looked.pop("day")]
    looked["event_type"] = looked["search_term"].notna().map({True: "search", False: "page_view"})
    looked = looked.assign(event_id=[f"e{k:04d}" for k in range(len(looked))], session_id=[f"s{k}" for k in range(len(looked))])
    feedback = pd.DataFrame({
        "feedback_id": ["f1", "f2", "f3", "f4"],
        "customer_id": ["c007", "c007", "c008", "c009"],
        "feedback_type": ["complaint", "complaint", "suggestion", "complaint"],
        "cause": ["slow service", "slow service", None, "too expensive"],
        "product_id": ["tea0", "tea0", None, None],
        "created_at": days[[150, 160, 170, 180]],
        "status": ["open", "open", "open", "resolved"],
        "satisfaction": [1, 2, 3, 5],
    })  # fmt: skip
    return {
        "order_lines": order_lines, "events": looked, "feedback": feedback,
        "products": pd.DataFrame(products, columns=["product_id", "product_name", "category"]),
    }  # fmt: skip


def asked(frames):
    tables = make_tables(**frames)
    rules = needs.rules(tables, support=0.01)
    return rules, needs.customer_needs(tables, rules, needs.unbought(tables))


@pytest.fixture(scope="module")
def result(frames):
    return asked(frames)


def test_habits_without_their_other_half_are_those_of_pandas(frames, result):
    rules, found = result
    strong = rules.found()
    strong = strong[strong["item_b"].isna()].head(20)
    assert ("coffee", "milk") in set(zip(strong["item_a"], strong["consequent"], strict=True))
    lines = frames["order_lines"].assign(category=frames["order_lines"]["product_id"].str[:-1])
    orders = lines.groupby(["customer_id", "category"])["order_id"].nunique()
    expected = {
        (c, row.consequent)
        for (c, category), n in orders.items()
        for row in strong.itertuples()
        if n >= 2 and category == row.item_a and (c, row.consequent) not in orders.index
    }
    rows = found.table[found.table["latent_source"] == BOUGHT_WITH]
    assert set(zip(rows["customer_id"], rows["latent_need"], strict=True)) == expected
    milk = lines[lines["category"] == "milk"].groupby("product_id")["customer_id"].nunique().idxmax()
    named = frames["products"].set_index("product_id").loc[milk, "product_name"]
    assert set(rows.loc[rows["latent_need"] == "milk", "matching_product"]) == {named}


def test_the_test_counts_what_was_bought_since(frames, result):
    _rules, found = result
    row = found.test.set_index("latent_source").loc[LOOKED_AT]
    lookers = sorted(frames["events"].dropna(subset=["product_id"])["customer_id"])
    cut = str(FIRST + dt.timedelta(days=DAYS - 29))
    rice = frames["order_lines"].query("product_id == 'rice1'")
    began = frames["events"].dropna(subset=["product_id"]).set_index("customer_id")["occurred_at"]
    since = {
        c for c in lookers if ((rice["customer_id"] == c) & (rice["order_date"] >= began[c]) & (rice["order_date"] <= cut)).any()
    }
    named = [c for c in lookers if c not in since]
    late = set(rice[rice["order_date"] > cut]["customer_id"])
    others = set(frames["order_lines"]["customer_id"]) - set(named)
    assert row["needs_named"] == len(named)
    assert row["needs_bought"] == len(late & set(named))
    assert row["others_share"] == pytest.approx(len(late & others) / len(others))
    milk = found.test.set_index("latent_source").loc[BOUGHT_WITH]
    assert 0 < milk["needs_bought"] <= milk["needs_named"]


def test_what_was_told_is_a_need_until_it_is_solved(result):
    _rules, found = result
    rows = found.table[found.table["latent_source"] == TOLD]
    assert rows["customer_id"].tolist() == ["c007", "c008"]
    assert rows["latent_kind"].tolist()[0] == "Better service"
    assert rows["latent_need"].tolist() == ["slow service", "Suggestions"]
    assert rows["matching_product"].isna().all()
    searched = found.table[(found.table["latent_source"] == LOOKED_AT) & (found.table["latent_need"] == "jam")]
    assert set(searched["matching_product"]) <= {"Jam 0", "Jam 1"}


def test_texts_and_lists_are_whole_and_any_row_order_gives_the_same(frames, result):
    _rules, found = result
    said = found.finding()
    for text in (
        said.text,
        said.evidence,
        said.so_what,
        found.headline(),
        found.note(),
        found.test_headline(),
        found.test_note(),
    ):
        assert "nan" not in text.lower().split()
        assert "{" not in text
    for frame in (found.sources(), found.contacts(), found.test):
        for name in frame.columns:
            assert columns.formatted(name, frame[name].iloc[0])
    _other, mixed = asked({n: f.sample(frac=1, random_state=3) for n, f in frames.items()})
    pd.testing.assert_frame_equal(found.table, mixed.table)


def test_each_source_may_be_missing(frames):
    tables = make_tables(**{n: frames[n] for n in ("order_lines", "products")})
    nothing = NotAvailable(("events",), "what was looked at")
    rules = needs.rules(tables, support=0.01)
    found = needs.customer_needs(tables, rules, nothing, never=["milk"])
    assert set(found.table["latent_source"]) <= {BOUGHT_WITH}
    assert "milk" not in set(found.table["latent_need"])
    none = needs.customer_needs(tables, NotAvailable((), "rules"), nothing)
    assert none.table.empty
    assert none.sources().empty
    assert none.headline().startswith("No customer")
    assert none.finding().value == 0
    assert "Too few" in none.test_headline()
    assert isinstance(needs.customer_needs(make_tables(order_lines=frames["order_lines"]), rules, nothing), NotAvailable)
