"""A campaign for each need group: to whom, with which product, through which channel, on which terms."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _
from fivestep.strategy.plan import Plan
from fivestep.strategy.playbook import NEED_GROUPS

ANSWERS = N_("which campaign fits each need group")
YEAR = 365
FEWEST, SOME = 30, 0.1  # buyers in the group, and share of the group, from which a category can be its product
# The offer that suits what a group shows it needs; need_terms in playbook.yml replaces it.
TERMS = {
    "Function": N_("First access, a sample or service instead of a discount, which would give away margin"),
    "Price": N_("A fixed offer with an end, announced once; no further discount on top"),
    "Service": N_("What they asked for is answered first; then the product with a named person to turn to"),
    "Several needs": N_("A bundle: what they buy anyway with something new, a little below the sum"),
    "No sign": N_("News of the product with a sample"),
}


@dataclass(frozen=True)
class NeedCampaigns:
    """One campaign per need group.

    ``table``: one row per group, by name: need_group, customers, contactable (in a play with contact, not opted out),
    spend_at_stake, category (bought by more of the group than of the other customers, by the largest ratio; missing without
    one), group_buys and others_buy (shares that buy it), sales_channel (with most of their orders; missing where not known),
    campaign_terms.
    """

    table: pd.DataFrame

    def shown(self) -> pd.DataFrame:
        """The table without columns that have no value."""
        return self.table.dropna(axis=1, how="all")

    def headline(self) -> str:
        """How many groups have a product of their own."""
        own = self.table[self.table["category"].notna()]
        if own.empty:
            return _("No need group buys a category clearly more than the others")
        own = own.assign(silent=own["need_group"] == NEED_GROUPS[-1])  # who shows no need is an example of none
        first = own.sort_values(["silent", "spend_at_stake", "need_group"], ascending=[True, False, True]).iloc[0]
        return _("{n} of {all} need groups have a product of their own; for “{group}” it is {category}").format(
            n=language.number(len(own)), all=language.number(len(self.table)), group=_(first.need_group),
            category=language.value("products.category", first.category),
        )  # fmt: skip

    def note(self) -> str:
        """How product and terms are chosen."""
        return _(
            "Need groups: by what customers show to need, as in 2_segmentation. Product: the category that the group buys most "
            "above the others in {days} days, bought by {share} of it and {n} customers at least. Terms follow from the need; "
            "prices are the same for everybody. Send to a part drawn by chance and leave the rest without."
        ).format(days=language.number(YEAR), share=language.percent(SOME), n=language.number(FEWEST))

    def finding(self) -> Finding:
        """The largest campaign."""
        first = self.table.sort_values(["contactable", "need_group"], ascending=[False, True]).iloc[0]
        return Finding(
            key="strategy.largest_need_campaign",
            value=float(first.contactable),
            unit="count",
            display=language.number(first.contactable),
            text=language.sentence(self.headline()),
            evidence=_("Most can be reached in “{group}”: {n} customers with {money} of spend at stake.").format(
                group=_(first.need_group), n=language.number(first.contactable), money=language.short_money(first.spend_at_stake)
            ),
            so_what=_("Write one message for each group, and keep discounts from those who pay the full price anyway."),
            confidence="medium",
            assumptions=(_("What a group bought so far shows what it needs."),),
        )


def need_campaigns(
    tables: Tables, plan: Plan | NotAvailable, segments: pd.DataFrame | NotAvailable
) -> NeedCampaigns | NotAvailable:
    """Size, product, channel and terms for each need group in *segments* (customer_id, need_group), as step 2 hands them over."""
    for given in (plan, segments):
        if isinstance(given, NotAvailable):
            return NotAvailable(given.missing, _(ANSWERS), reason=given.reason)
    start = tables.as_of - dt.timedelta(days=YEAR - 1)
    people = plan.table.merge(segments.reindex(columns=["customer_id", "need_group"]).dropna(), on="customer_id")
    if people.empty:
        return NotAvailable((), _(ANSWERS), reason=_("no customer of the plan is in a need group."))
    reach = {p.play for p in plan.playbook.plays if p.contact}
    people["reachable"] = ~people["opted_out"] & people["play"].isin(reach)
    table = people.groupby("need_group", as_index=False).agg(
        customers=("customer_id", "size"), contactable=("reachable", "sum"), spend_at_stake=("spend_at_stake", "sum")
    )
    product = _products(tables, people, start)
    for name in ("category", "group_buys", "others_buy"):
        table[name] = [product[g][name] if g in product else np.nan for g in table["need_group"]]
    table["category"] = table["category"].astype(object).where(table["category"].notna(), None)
    channels = _channels(tables, people, start)
    table["sales_channel"] = pd.Series([channels.get(g) for g in table["need_group"]], index=table.index, dtype=object)
    terms = TERMS | plan.playbook.need_terms
    table["campaign_terms"] = [terms[g] for g in table["need_group"]]
    return NeedCampaigns(table)


def _products(tables: Tables, people: pd.DataFrame, start: dt.date) -> dict[str, dict]:
    """The category of each group that has one, with the shares that buy it."""
    if tables.missing("order_lines.product_id", "order_lines.customer_id", "order_lines.line_amount", "products.category"):
        return {}
    products = tables.products.distinct(on="product_id", keep="first").select("product_id", "category")
    lines = tables.order_lines.join(products, "product_id")
    lines = lines.filter(lines.category.notnull() & (lines.order_date >= dt.datetime.combine(start, dt.time())))
    spend = lines.group_by("customer_id", "category").aggregate(spend=lines.line_amount.sum().cast("float64"))
    bought = frame(spend.filter(spend.spend > 0), by=["customer_id", "category"]).merge(people, on="customer_id")
    sizes = people["need_group"].value_counts()
    buyers = bought.groupby(["category", "need_group"]).size().unstack(fill_value=0)
    out = {}
    for group in buyers.columns:
        rest = len(people) - sizes[group]
        own = buyers[group] / sizes[group]
        others = (buyers.sum(axis=1) - buyers[group]) / rest if rest else own * np.nan
        # One buyer more among the others, so that a category which nobody else buys can be compared, too.
        ratio = (own / (others + 1 / rest) if rest else own * np.nan).where((buyers[group] >= FEWEST) & (own >= SOME)).dropna()
        ratio = ratio[ratio > 1].sort_index().sort_values(ascending=False, kind="stable")
        if len(ratio):
            first = ratio.index[0]
            out[group] = {"category": first, "group_buys": float(own[first]), "others_buy": float(others[first])}
    return out


def _channels(tables: Tables, people: pd.DataFrame, start: dt.date) -> dict[str, str]:
    """The sales channel with most orders of each group; of equals the first by name."""
    if tables.missing("orders.channel"):
        return {}
    orders = tables.orders.filter(tables.orders.channel.notnull() & (tables.orders.order_amount >= 0))
    orders = orders.filter(orders.order_date >= dt.datetime.combine(start, dt.time()))
    counted = frame(orders.group_by("customer_id", "channel").aggregate(n=orders.count()), by=["customer_id", "channel"])
    sums = counted.merge(people, on="customer_id").groupby(["need_group", "channel"], as_index=False)["n"].sum()
    sums = sums.sort_values(["need_group", "n", "channel"], ascending=[True, False, True]).drop_duplicates("need_group")
    return dict(zip(sums["need_group"], sums["channel"], strict=True))
