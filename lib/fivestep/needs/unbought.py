"""What customers looked at or searched for and did not buy."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import pandas as pd

from fivestep import language
from fivestep.consent import consent_note, opted_out
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _
from fivestep.needs import journeys

DAYS = 90  # before the as-of date: an older wish is no reason to speak with anyone
MOST = 3  # products, and terms, listed per customer
TERMS = 200  # search terms that are looked up in the product list
SHOWN = 15
VIEWED, SEARCHED = N_("Looked at"), N_("Searched")

_ANSWERS = N_("what customers looked at or searched for and did not buy")


@dataclass(frozen=True)
class Unbought:
    """Wishes that did not become purchases, of the last 90 days.

    ``table``: one row per customer and wish, at most three products and three terms each, by customer_id: customer_id, wish_kind
    ("Looked at", "Searched"), product_id (NULL for a term), wish (name of the product, or the term), times, last_on,
    journey_step (furthest step that the product reached; NULL for a term). ``products``: product_id, wish, customers who looked
    and did not buy, customers_who_looked, share_not_bought. ``unmatched``: sought_term, searches, customers of terms that are in
    the name or category of no product. ``left_out``: customers who have opted out, None where the data does not say.
    """

    table: pd.DataFrame
    products: pd.DataFrame
    unmatched: pd.DataFrame
    left_out: int | None
    first_day: dt.date
    last_day: dt.date

    def products_shown(self, n: int = SHOWN) -> pd.DataFrame:
        """The *n* products that most customers looked at and did not buy."""
        return self.products.drop(columns="product_id").head(n)

    def contacts(self) -> pd.DataFrame:
        """The list to work with."""
        out = self.table.drop(columns="product_id")
        return out.assign(
            wish=[
                language.value("products.product_name" if kind == VIEWED else "events.search_term", wish)
                for kind, wish in zip(out["wish_kind"], out["wish"], strict=True)
            ]
        )

    def headline(self) -> str:
        """How many customers have a wish that they did not buy."""
        return _("{n} customers looked at or searched for something in {days} days and did not buy it").format(
            n=language.number(self.table["customer_id"].nunique()), days=language.number(DAYS)
        )

    def products_headline(self) -> str:
        """The product that most looked at without buying."""
        if self.products.empty:
            return _("Nobody looked at a product without buying it")
        top = self.products.iloc[0]
        return _("Most often looked at and not bought: {product}, {n} customers").format(
            product=language.value("products.product_name", top["wish"]), n=language.number(top["customers"])
        )

    def unmatched_headline(self) -> str:
        """The term that finds no product."""
        if self.unmatched.empty:
            return _("Every frequent search term is in the name or category of a product")
        return _("Most frequent search term that is in no product's name or category: “{term}”").format(
            term=language.value("events.search_term", self.unmatched["sought_term"].iloc[0])
        )

    def note(self) -> str:
        """Definitions and who is left out."""
        out = _(
            "From {first} to {last}. Not bought: no order line of the product since the customer first looked at it in these "
            "days; for a term, of any product that has it in its name or category. Search terms are looked up as they were typed."
        ).format(first=language.day(self.first_day), last=language.day(self.last_day))
        return out + " " + consent_note(self.left_out)

    def finding(self) -> Finding:
        """Customers with a wish."""
        n = int(self.table["customer_id"].nunique())
        return Finding(
            key="needs.customers_with_unbought_wish",
            value=float(n),
            unit="count",
            display=language.number(n),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Offer it to a part of them drawn by chance, and compare with the others what they buy.")
            if n
            else _("There is nobody to remind."),
            confidence="medium",
            warnings=(_("Looking is not wanting: some looked out of curiosity, or bought it in a shop without their card."),),
        )


@needs("events.product_id", "events.customer_id", "order_lines.customer_id", "products", answers=_ANSWERS)
def unbought(tables: Tables, steps: Mapping[str, tuple[str, ...]] = journeys.STEPS) -> Unbought | NotAvailable:
    """Products looked at, and terms searched, in the 90 days to the as-of date that the customer has not bought since.

    A product that reached the last of the *steps* counts as bought. Who has opted out of marketing is left out.
    """
    begin = tables.as_of - dt.timedelta(days=DAYS - 1)
    events, bought, seen, wished = looked_at(tables, steps)
    names = {c: c if c in tables.products.columns else ibis.null("string") for c in ("product_name", "category")}
    named = tables.products.select("product_id", **names)
    looked = seen.group_by("product_id").aggregate(customers_who_looked=seen.count())
    counts = wished.group_by("product_id").aggregate(customers=wished.count())
    products = frame(counts.join(looked, "product_id").left_join(named, "product_id").drop("product_id_right"), by=["product_id"])
    products["wish"] = products.pop("product_name").fillna(products["product_id"])
    products["share_not_bought"] = products["customers"] / products["customers_who_looked"]
    products = products.sort_values(["customers", "product_id"], ascending=[False, True], ignore_index=True)

    mine = ibis.window(group_by="customer_id", order_by=[ibis.desc("times"), ibis.desc("last_on"), "product_id"])
    top = wished.mutate(rank=ibis.row_number().over(mine))
    top = top.filter(top["rank"] < MOST).left_join(named, "product_id")
    listed = frame(
        top.select("customer_id", "product_id", "times", "last_on", "furthest", wish=top.product_name.fill_null(top.product_id)),
        by=["customer_id", "product_id"],
    )
    labels = list(steps)
    listed["journey_step"] = [None if pd.isna(s) else labels[int(s)] for s in listed.pop("furthest")]
    terms, unmatched = _terms(events, bought, named)
    table = pd.concat([listed.assign(wish_kind=VIEWED), terms.assign(wish_kind=SEARCHED)], ignore_index=True)
    refused = opted_out(tables)
    refusing = table["customer_id"].isin(refused or ())
    left_out = None if refused is None else int(table.loc[refusing, "customer_id"].nunique())
    table = table[~refusing].sort_values(
        ["customer_id", "wish_kind", "times", "wish"], ascending=[True, True, False, True], ignore_index=True
    )
    columns = ["customer_id", "wish_kind", "product_id", "wish", "times", "last_on", "journey_step"]
    shown = ["product_id", "wish", "customers", "customers_who_looked", "share_not_bought"]
    return Unbought(table[columns], products[shown], unmatched, left_out, begin, tables.as_of)


def looked_at(tables: Tables, steps: Mapping[str, tuple[str, ...]]) -> tuple[ibis.Table, ibis.Table, ibis.Table, ibis.Table]:
    """Events of known customers in the 90 days to the as-of date, what customers bought (customer_id, product_id, bought_on), the
    products that they looked at (times, first_at, last_on, furthest step), and those of them that they have not bought since.
    """
    begin = tables.as_of - dt.timedelta(days=DAYS - 1)
    events = journeys.visited(tables, steps)
    events = events.filter(events.customer_id.notnull() & (events.at >= dt.datetime.combine(begin, dt.time())))
    bought = tables.order_lines.filter(ibis._.line_amount >= 0)
    bought = bought.filter(bought.customer_id.notnull()).select("customer_id", "product_id", bought_on=bought.order_date)
    last = len(steps) - 1 if pd.isna(found := events.step.max().to_pandas()) else int(found)
    seen = events.filter(events.product_id.notnull() & (events.kind == journeys.BROWSING))
    seen = seen.group_by("customer_id", "product_id").aggregate(
        times=seen.count(), first_at=seen.at.min(), last_on=seen.at.max().date(), furthest=seen.step.max()
    )
    since = seen.join(bought, ["customer_id", "product_id"])
    since = since.filter(since.bought_on.date() >= since.first_at.date()).select("customer_id", "product_id").distinct()
    wished = seen.anti_join(since, ["customer_id", "product_id"])
    return events, bought, seen, wished.filter(wished.furthest.isnull() | (wished.furthest < max(last, 1)))


def _terms(events: ibis.Table, bought: ibis.Table, named: ibis.Table) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Terms by customer whose matching products were not bought, and terms that match no product."""
    sought = events.mutate(term=events.term.strip().lower().nullif(""))
    sought = sought.filter(sought.term.notnull())
    often = sought.group_by("term").aggregate(
        searches=sought.count(), customers=sought.customer_id.nunique(), visits=sought.visit.nunique()
    )
    often = often.order_by(ibis.desc("searches"), "term").limit(TERMS)
    text = named.product_name.fill_null("") + "\n" + named.category.fill_null("")
    matches = often.cross_join(named.select("product_id", text=text.lower()))
    matches = matches.filter(matches.text.contains(matches.term)).select("term", "product_id")
    none = frame(often.anti_join(matches, "term"), by=["term"])
    none = none[none["visits"] >= 10].sort_values(["searches", "term"], ascending=[False, True], ignore_index=True)
    seen = sought.semi_join(matches, "term")
    seen = seen.group_by("customer_id", "term").aggregate(
        times=seen.count(), first_at=seen.at.min(), last_on=seen.at.max().date()
    )
    since = bought.join(matches, "product_id").select("customer_id", "term", "bought_on")
    since = seen.join(since, ["customer_id", "term"])
    since = since.filter(since.bought_on.date() >= since.first_at.date()).select("customer_id", "term").distinct()
    wished = seen.anti_join(since, ["customer_id", "term"])
    mine = ibis.window(group_by="customer_id", order_by=[ibis.desc("times"), ibis.desc("last_on"), "term"])
    wished = wished.mutate(rank=ibis.row_number().over(mine))
    wished = wished.filter(wished["rank"] < MOST).select("customer_id", "times", "last_on", wish="term")
    out = frame(wished, by=["customer_id", "wish"]).assign(product_id=None, journey_step=None)
    return out, none.rename(columns={"term": "sought_term"})[["sought_term", "searches", "customers"]]
