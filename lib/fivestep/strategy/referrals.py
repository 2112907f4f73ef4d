"""Word of mouth: how many customers came by recommendation, and whether they are worth more than others."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import newcombe, welch
from fivestep.language import N_, _

ANSWERS = N_("whether customers who came by recommendation are worth more")
FIRST_DAYS = 182  # of a customer that are compared, so that old and new ones have equally many
FEW = 30
# Sources that are recommendations; compared in lower case, as a part of the source.
WORDS = (
    "referral",
    "friend",
    "recommend",
    "word of mouth",
    "invite",
    "推荐",
    "推薦",
    "朋友",
    "转介绍",
    "轉介紹",
    "老带新",
    "邀请",
    "邀請",
)
REFERRED, OTHER = N_("By recommendation"), N_("Other sources")


@dataclass(frozen=True)
class Referrals:
    """Customers by where they came from, in their first `FIRST_DAYS` days.

    ``table``: one row per source, recommendations first: came_by, source, customers, share_of_customers, first_spend (mean of the
    first days), came_again (share with a second order in them). ``spend_gap`` and ``again_gap``: recommendation less others, with
    its 95 % interval. ``recent``: share of recommendations among customers of the last 365 days; ``earlier``: among those before.
    """

    table: pd.DataFrame
    spend_gap: tuple[float, float, float]
    again_gap: tuple[float, float, float]
    recent: float
    earlier: float
    few: bool

    def _share(self) -> float:
        rows = self.table[self.table["came_by"] == REFERRED]
        return float(rows["customers"].sum() / self.table["customers"].sum())

    def headline(self) -> str:
        """How many came so, and whether they spend more."""
        share, (_gap, low, high) = language.percent(self._share()), self.spend_gap
        if low > 0:
            return _("{share} of customers came by recommendation, and spend more in their first half year").format(share=share)
        if high < 0:
            return _("{share} of customers came by recommendation, and spend less in their first half year").format(share=share)
        return _("{share} of customers came by recommendation; whether they spend more is not clear").format(share=share)

    def note(self) -> str:
        """Base, gaps and what is not known."""
        gap, low, high = self.spend_gap
        again, again_low, again_high = self.again_gap
        return _(
            "Customers with a known source and {days} days since their first order. Spend of these days, recommendation less "
            "others: {gap} ({low} to {high}, Welch); second order: {again} points ({again_low} to {again_high}, Newcombe); 95 "
            "%. New customers by recommendation: {recent} in the last 365 days, {earlier} before. Who recommended whom is not "
            "in the data."
        ).format(
            days=language.number(FIRST_DAYS), gap=language.money(gap), low=language.money(low), high=language.money(high),
            again=language.number(100 * again, 1), again_low=language.number(100 * again_low, 1),
            again_high=language.number(100 * again_high, 1), recent=language.percent(self.recent),
            earlier=language.percent(self.earlier),
        )  # fmt: skip

    def finding(self) -> Finding:
        """The share of recommendations."""
        return Finding(
            key="strategy.referred_share",
            value=self._share(),
            unit="share",
            display=language.percent(self._share()),
            text=language.sentence(self.headline()),
            evidence=_("Of new customers of the last 365 days {recent} came so, of those before {earlier}.").format(
                recent=language.percent(self.recent), earlier=language.percent(self.earlier)
            ),
            so_what=(
                _(
                    "Reward a recommendation with up to the margin of what such customers spend more, and note who recommended "
                    "whom."
                )
                if self.spend_gap[1] > 0
                else _("Ask satisfied customers to recommend, note who recommended whom, and pay for it only once it shows.")
            ),
            confidence="low" if self.few else "medium",
            warnings=(_("Fewer than {n} customers on one side.").format(n=language.number(FEW)),) if self.few else (),
            assumptions=(_("The source was asked of everybody in the same way."),),
        )


@needs("customers.source", "orders.customer_id", "orders.order_amount", answers=ANSWERS)
def referrals(tables: Tables) -> Referrals | NotAvailable:
    """Spend and second orders in the first `FIRST_DAYS` days of customers by source.

    Excluded: customers without a source, and those whose first order is less than these days ago. A second order is one on
    another day; returns lower spend and are no order.
    """
    said = tables.customers.filter(tables.customers.source.notnull()).distinct(on="customer_id", keep="first")
    orders = tables.orders.filter(tables.orders.customer_id.notnull())
    orders = orders.select("customer_id", "order_amount", day=orders.order_date.date(), bought=orders.order_amount >= 0)
    first = orders.filter(orders.bought).group_by("customer_id").aggregate(first=lambda t: t.day.min())
    last = tables.as_of - dt.timedelta(days=FIRST_DAYS - 1)
    joined = orders.join(first.filter(first["first"] <= last), "customer_id").join(
        said.select("customer_id", "source"), "customer_id"
    )
    near = joined.filter(joined.day.delta(joined["first"], unit="day").between(0, FIRST_DAYS - 1))
    each = frame(
        near.group_by("customer_id", "source", "first").aggregate(
            spend=near.order_amount.sum().cast("float64"), days=near.day.nunique(where=near.bought)
        ),
        by=["customer_id"],
    )
    if each.empty:
        return NotAvailable((), _(ANSWERS), reason=_("no customer has both a source and half a year of orders."))
    lower = each["source"].str.lower()
    named = np.logical_or.reduce([lower.str.contains(w, regex=False) for w in WORDS])
    if named.all() or not named.any():
        return NotAvailable((), _(ANSWERS), reason=_("the sources do not tell recommendations from others."))
    each["came_by"], each["again"] = np.where(named, REFERRED, OTHER), each["days"] > 1
    table = each.groupby(["came_by", "source"], as_index=False).agg(
        customers=("spend", "size"), first_spend=("spend", "mean"), came_again=("again", "mean")
    )
    table.insert(3, "share_of_customers", table["customers"] / len(each))
    table = table.sort_values(["came_by", "customers", "source"], ascending=[True, False, True], ignore_index=True)
    own, others = each[named], each[~named]
    sides = [(len(s), s["spend"].mean(), s["spend"].var(ddof=1)) for s in (own, others)]
    counts = [(int(s["again"].sum()), len(s)) for s in (own, others)]
    new = pd.to_datetime(each["first"]) > pd.Timestamp(tables.as_of - dt.timedelta(days=365))
    return Referrals(
        table,
        (float(sides[0][1] - sides[1][1]), *welch(*sides[0], *sides[1])),
        (counts[0][0] / counts[0][1] - counts[1][0] / counts[1][1], *newcombe(*counts[0], *counts[1])),
        float(named[new.to_numpy()].mean()) if new.any() else np.nan,
        float(named[~new.to_numpy()].mean()) if (~new).any() else np.nan,
        min(len(own), len(others)) < FEW,
    )
