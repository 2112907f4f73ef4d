"""The next better product within the category that a customer buys most, how likely it is bought, and how well that was told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from fivestep import language
from fivestep.consent import consent_note, opted_out
from fivestep.engine import MONEY, Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _
from fivestep.strategy.next_best_category import mcnemar
from fivestep.strategy.product_names import with_product_names

ANSWERS = N_("to whom the next better product can be sold")
WINDOW, AHEAD = 365, 91  # days in which the usual product is looked for, and in which the better one is bought
BETTER, DEAREST = 1.1, 2.5  # price of the better product, in prices of the usual one
TWICE = 2  # order lines of the usual product
POOLED = 20  # customers' worth of what all buyers of the category do, mixed into what buyers of one product did
WORTH = 0.02  # chance from which a customer is listed
FEW, MANY = 30, 100  # buyers of the usual product from whom the chance was learnt
LEARNT, POPULAR, LIKELIEST = N_("The better product that buyers of the same went to"), N_("The most bought better product"), N_(
    "Of the first: the fifth with the highest chance"
)  # fmt: skip
HIGH, MIDDLING, LOW = N_("High"), N_("Medium"), N_("Low")


@dataclass(frozen=True)
class Upsell:
    """Who may be sold what, and the test of it a quarter ago.

    ``table``: one row per customer, most expected money first: customer_id, category (of most spend), usual_product,
    upsell_product (in it, 10 % to 150 % dearer, not bought in 365 days), upsell_chance (to buy it within 91 days), upsell_money
    (chance times difference of prices, of one purchase), upsell_confidence, opted_out. ``test``: one row per rule: upsell_rule,
    customers, upsell_expected (sum of the chances; missing for the popular), upsell_hits, hit_rate, hit_rate_low, hit_rate_high
    (Wilson). ``p_value``: of the difference of the two rules (exact McNemar). ``left_out``: who has opted out, None where the
    data does not say.
    """

    table: pd.DataFrame
    test: pd.DataFrame
    p_value: float
    day: dt.date
    left_out: int | None

    def contacts(self) -> pd.DataFrame:
        """The list to work from: a chance of `WORTH` or more, without who has opted out."""
        return (
            self.table[~self.table["opted_out"] & (self.table["upsell_chance"] >= WORTH)]
            .drop(columns="opted_out")
            .reset_index(drop=True)
        )

    def headline(self) -> str:
        """How often the likeliest bought the better product in the test, against all."""
        rate = self.test.set_index("upsell_rule")["hit_rate"]
        return _("Within a quarter {first} of the likeliest fifth bought the better product, {all} of all named").format(
            first=language.percent(rate[LIKELIEST], 1), all=language.percent(rate[LEARNT], 1)
        )

    def note(self) -> str:
        """The rule, the test and what a hit does not show."""
        said = _(
            "Better: of the same category as the product that the customer buys most, {low} to {high} times its price, not "
            "bought in {days} days. Chance: share of buyers of the same product who bought it within {ahead} days, drawn "
            "towards that of all buyers of the category. Test as of {day}, learnt from earlier days only; chance of so "
            "large a difference between the two rules if they were alike: {p}. Money: chance times the difference of "
            "prices, of one purchase. A hit shows that the customer would buy, not that the offer makes them."
        ).format(
            low=language.number(BETTER, 1), high=language.number(DEAREST, 1), days=language.number(WINDOW),
            ahead=language.number(AHEAD), day=language.day(self.day), p=language.number(self.p_value, 3),
        )  # fmt: skip
        return " ".join((said, consent_note(self.left_out)))

    def finding(self) -> Finding:
        """How large the list is, and what it may bring."""
        listed = self.contacts()
        first = self.test.set_index("upsell_rule").loc[LIKELIEST]
        return Finding(
            key="strategy.upsell_customers",
            value=float(len(listed)),
            unit="count",
            display=language.number(len(listed)),
            text=language.sentence(self.headline()),
            evidence=_("{hits} of {n} of the likeliest fifth ({low} to {high}).").format(
                hits=language.number(first["upsell_hits"]), n=language.number(first["customers"]),
                low=language.percent(first["hit_rate_low"], 1), high=language.percent(first["hit_rate_high"], 1),
            ),
            so_what=_("Show the better product to the first of the list, and nothing to a part of them drawn by chance."),
            confidence="medium" if first["customers"] >= FEW else "low",
            warnings=(_("Who buys the better product may have bought it without the offer."),),
        )  # fmt: skip


@needs(
    "order_lines.customer_id", "order_lines.product_id", "order_lines.quantity", "order_lines.line_amount", "products.category",
    answers=ANSWERS,
)  # fmt: skip
def upsell(tables: Tables, *, never: Sequence[str] = ()) -> Upsell | NotAvailable:
    """For each customer the better product that buyers of their usual product went to most, and a test of that a quarter ago.

    Returns, lines without customer or category, and the categories *never* are excluded; ties go by product_id. `NotAvailable`
    where the data is too short for a test, or where fewer than `FEW` customers can be tested.
    """
    day = tables.as_of - dt.timedelta(days=AHEAD)
    if day - dt.timedelta(days=2 * AHEAD) < tables.first_day:
        return NotAvailable((), _(ANSWERS), reason=_("the data does not reach back three quarters."))
    with _lines(tables, day - dt.timedelta(days=AHEAD + WINDOW - 1)).cache() as lines:
        earlier, before, now = (_standing(lines, d, never) for d in (day - dt.timedelta(days=AHEAD), day, tables.as_of))
        named = _named(before, _moves(lines, earlier, day - dt.timedelta(days=AHEAD)))
        if len(named) < FEW:
            return NotAvailable(
                (), _(ANSWERS), reason=_("fewer than {n} customers can be tested.").format(n=language.number(FEW))
            )
        took = pd.MultiIndex.from_frame(_bought(lines, day + dt.timedelta(days=1), tables.as_of))
        hit, plain = (pd.MultiIndex.from_frame(named[["customer_id", rule]]).isin(took) for rule in ("upsell", "popular"))
        first = named["chance"].rank(method="first", ascending=False).to_numpy() <= max(len(named) // 5, 1)
        rows = [(LEARNT, len(named), named["chance"].sum(), hit.sum()), (POPULAR, len(named), np.nan, plain.sum()),
                (LIKELIEST, first.sum(), named.loc[first, "chance"].sum(), hit[first].sum())]  # fmt: skip
        test = pd.DataFrame(rows, columns=["upsell_rule", "customers", "upsell_expected", "upsell_hits"])
        test["hit_rate"] = test["upsell_hits"] / test["customers"]
        test["hit_rate_low"], test["hit_rate_high"] = wilson(test["upsell_hits"], test["customers"])
        table = _named(now, _moves(lines, before, day))
    refusing = opted_out(tables)
    left_out = None if refusing is None else int(table["customer_id"].isin(refusing).sum())
    table = pd.DataFrame({
        "customer_id": table["customer_id"], "category": table["category"], "usual_product": table["product_id"],
        "upsell_product": table["upsell"], "upsell_chance": table["chance"], "upsell_money": table["chance"] * table["dearer"],
        "upsell_confidence": np.select([table["learnt"] >= MANY, table["learnt"] >= FEW], [HIGH, MIDDLING], LOW),
        "opted_out": table["customer_id"].isin(refusing or ()),
    })  # fmt: skip
    table = table.sort_values(["upsell_money", "customer_id"], ascending=[False, True], ignore_index=True)
    return Upsell(
        with_product_names(table, tables, ("usual_product", "upsell_product")), test, mcnemar(hit, plain), day, left_out
    )


def _lines(tables: Tables, first: dt.date) -> ibis.Table:
    """Lines of known customers and categories from *first* on, returns left out."""
    products = tables.products.distinct(on="product_id", keep="first").select("product_id", "category")
    lines = tables.order_lines.filter(tables.order_lines.order_date.date() >= first).join(products, "product_id")
    lines = lines.filter(lines.customer_id.notnull() & lines.category.notnull() & (lines.quantity > 0) & (lines.line_amount > 0))
    return lines.select("customer_id", "product_id", "category", "quantity", "line_amount", day=lines.order_date.date())


def _bought(lines: ibis.Table, first: dt.date, last: dt.date) -> pd.DataFrame:
    """Customer and product of every purchase."""
    inside = lines.filter(lines.day.between(first, last)).select("customer_id", "product_id").distinct()
    return frame(inside, by=["customer_id", "product_id"])


def _standing(lines: ibis.Table, day: dt.date, never: Sequence[str]) -> dict[str, pd.DataFrame]:
    """As of *day*: ``people`` (customer_id, category of most spend, usual product_id), ``had`` (customer and product) and
    ``prices`` (product_id, category, price, buyers)."""
    lines = lines.filter(lines.day.between(day - dt.timedelta(days=WINDOW - 1), day))
    lines = lines.filter(lines.category.notin(list(never))) if never else lines
    spend = lines.group_by("customer_id", "category").aggregate(spend=lines.line_amount.sum().cast(MONEY))
    ranks = ibis.window(group_by="customer_id", order_by=[ibis.desc("spend"), "category"])
    main = spend.mutate(place=ibis.row_number().over(ranks)).filter(ibis._.place == 0).select("customer_id", "category")
    bought = lines.semi_join(main, ["customer_id", "category"]).group_by("customer_id", "category", "product_id")
    had = frame(bought.aggregate(lines=ibis._.count()), by=["customer_id", "category", "product_id"])
    people = had[had["lines"] >= TWICE].sort_values(["customer_id", "lines", "product_id"], ascending=[True, False, True])
    people = people.drop_duplicates("customer_id")
    sold = lines.filter(lines.category.isin(people["category"].unique().tolist())).group_by("product_id", "category")
    sums = sold.aggregate(
        spend=ibis._.line_amount.sum().cast("float64"), units=ibis._.quantity.sum().cast("float64"),
        buyers=ibis._.customer_id.nunique(),
    )  # fmt: skip
    prices = frame(sums, by=["product_id", "category"])
    return {
        "people": people[["customer_id", "category", "product_id"]],
        "had": had[["customer_id", "product_id"]],
        "prices": prices.assign(price=prices["spend"] / prices["units"])[["product_id", "category", "price", "buyers"]],
    }


def _options(standing: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Usual product and better products of its category: product_id, upsell, dearer, buyers."""
    usual = standing["people"][["product_id", "category"]].drop_duplicates()
    prices = standing["prices"]
    usual = usual.merge(prices[["product_id", "price"]], on="product_id")
    pairs = usual.merge(prices.rename(columns={"product_id": "upsell", "price": "better"}), on="category")
    pairs = pairs[pairs["better"].between(BETTER * pairs["price"], DEAREST * pairs["price"])]
    return pairs.assign(dearer=pairs["better"] - pairs["price"])[["product_id", "category", "upsell", "dearer", "buyers"]]


def _moves(lines: ibis.Table, standing: dict[str, pd.DataFrame], day: dt.date) -> pd.DataFrame:
    """What buyers of each usual product did in the `AHEAD` days after *day*: product_id, upsell, learnt (buyers who had not had
    it), moved (of them, those who bought it), all_learnt and all_moved (the same of all buyers of the category)."""
    offered = standing["people"].merge(_options(standing), on=["product_id", "category"])
    had = standing["had"].rename(columns={"product_id": "upsell"}).assign(had=True)
    offered = offered.merge(had, on=["customer_id", "upsell"], how="left")
    offered = offered[offered["had"].isna()]
    took = _bought(lines, day + dt.timedelta(days=1), day + dt.timedelta(days=AHEAD))
    took = took.rename(columns={"product_id": "upsell"}).assign(took=1)
    offered = offered.merge(took, on=["customer_id", "upsell"], how="left").fillna({"took": 0})
    own = offered.groupby(["product_id", "upsell"])["took"].agg(learnt="size", moved="sum").reset_index()
    every = offered.groupby("upsell")["took"].agg(all_learnt="size", all_moved="sum").reset_index()
    return own.merge(every, on="upsell", how="outer")


def _named(standing: dict[str, pd.DataFrame], moves: pd.DataFrame) -> pd.DataFrame:
    """One row per customer: customer_id, category, product_id, upsell, chance, dearer, learnt, popular."""
    offered = standing["people"].merge(_options(standing), on=["product_id", "category"])
    had = standing["had"].rename(columns={"product_id": "upsell"}).assign(had=True)
    offered = offered.merge(had, on=["customer_id", "upsell"], how="left")
    offered = offered[offered["had"].isna()].drop(columns="had")
    every = moves[["upsell", "all_learnt", "all_moved"]].drop_duplicates("upsell")
    base = every["all_moved"].sum() / max(every["all_learnt"].sum(), 1)
    own = moves.dropna(subset="product_id")[["product_id", "upsell", "learnt", "moved"]]
    offered = offered.merge(own, on=["product_id", "upsell"], how="left").merge(every, on="upsell", how="left")
    offered = offered.fillna({"learnt": 0, "moved": 0, "all_learnt": 0, "all_moved": 0})
    # Drawn towards what is usual twice: the best of many options that few have taken would promise too much.
    usual = (offered["all_moved"] + POOLED * base) / (offered["all_learnt"] + POOLED)
    offered["chance"] = (offered["moved"] + POOLED * usual) / (offered["learnt"] + POOLED)
    popular = offered.sort_values(["customer_id", "buyers", "upsell"], ascending=[True, False, True])
    popular = popular.drop_duplicates("customer_id").set_index("customer_id")["upsell"]
    best = offered.sort_values(["customer_id", "chance", "buyers", "upsell"], ascending=[True, False, False, True])
    best = best.drop_duplicates("customer_id").reset_index(drop=True)
    return best.assign(popular=best["customer_id"].map(popular))
