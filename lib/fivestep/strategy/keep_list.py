"""The keep list: high-value customers who are going, gone or spending much less, with the action and the branch of each."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from fivestep import language
from fivestep.consent import consent_note
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _
from fivestep.language.columns import label
from fivestep.strategy.next_best_category import NextBestCategory
from fivestep.strategy.plan import Plan

HIGH = "High value"
REASONS = (N_("Lapsing"), N_("Lapsed"), N_("Falling spend"))
PERIOD_DAYS = 91  # thirteen whole weeks, so that both periods hold the same weekdays
FALL, RISE = 1 / 3, 1 / 2  # spend that falls by a third must rise by half to be what it was


@dataclass(frozen=True)
class KeepList:
    """High-value customers at risk.

    ``table``: one row per customer, most spend at stake first: customer_id, value_tier, lifecycle, keep_reason,
    days_since_last_order, spend_at_stake, spend_change, action, offer, service_level, opted_out, and
    next_best_category, deal_group, most_used_store where there are recommendations, deal groups, stores.
    ``high_value``: all customers of the tier; ``risen``: those of them whose spend rose by half or more; ``change_of_all``: spend
    change of all customers together (missing where they spent nothing before); ``comparable``: the data spans both periods.
    """

    table: pd.DataFrame
    plan: Plan
    high_value: int
    risen: int
    change_of_all: float
    comparable: bool

    def contacts(self) -> pd.DataFrame:
        """The list to work from: every column, without those who opted out."""
        return self.table[~self.table["opted_out"]].drop(columns="opted_out").reset_index(drop=True)

    def top(self, rows: int = 15) -> pd.DataFrame:
        """The first *rows* of the list, with the columns that a report has room for."""
        listed = self.contacts().head(rows)
        return listed.drop(columns=["value_tier", "lifecycle", "action", "offer", "service_level", "deal_group"], errors="ignore")

    def headline(self) -> str:
        """How many of the high-value customers are at risk, and the spend that hangs on them."""
        n, high = len(self.table), language.number(self.high_value)
        if not self.high_value:
            return _("There is no high-value customer to keep")
        if not n:
            return language.ngettext(
                "The only high-value customer is not at risk",
                "None of the {all} high-value customers is at risk",
                self.high_value,
            ).format(all=high)
        return language.ngettext(
            "{n} of {all} high-value customers is at risk, with {money} of spend at stake",
            "{n} of {all} high-value customers are at risk, with {money} of spend at stake",
            n,
        ).format(n=language.number(n), all=high, money=language.short_money(self._stake()))

    def _stake(self) -> float:
        return round(float(self.table["spend_at_stake"].sum()), 2)

    def note(self) -> str:
        """Who is on the list, over which days money is counted, and what the base as a whole did."""
        end = language.day(self.plan.as_of)
        out = [_("At risk: lapsing or lapsed, or spend fallen by {fall} or more.").format(fall=language.percent(FALL))]
        if self.comparable:
            out.append(
                _("Spend change: the {days} days to {end} against the {days} days before.").format(
                    days=language.number(PERIOD_DAYS), end=end
                )
            )
            if not np.isnan(self.change_of_all):
                out.append(
                    _("Change of all customers together: {change}.").format(change=language.percent(self.change_of_all, 1))
                )
            out.append(
                language.ngettext(
                    "For comparison: {n} high-value customer raised spend by {rise} or more.",
                    "For comparison: {n} high-value customers raised spend by {rise} or more.",
                    self.risen,
                ).format(n=language.number(self.risen), rise=language.percent(RISE))
            )
        else:
            out.append(self._too_short())
        out.append(self._period())
        listed = self.contacts()
        if listed.empty:
            out.append(_("Nobody is to be contacted, so no list is exported."))
        else:
            names = [label(name) for name in listed if name != "customer_id"]
            out.append(_("The exported list gives for each customer: {columns}.").format(columns=language.listing(names)))
        out.append(consent_note(int(self.table["opted_out"].sum()) if self.plan.asked else None))
        return " ".join(out)

    def _period(self) -> str:
        return _("Spend at stake: {first} to {last}.").format(
            first=language.day(self.plan.first_day), last=language.day(self.plan.as_of)
        )

    def _too_short(self) -> str:
        return _("The data spans fewer than {days} days, so falling spend cannot be told.").format(
            days=language.number(2 * PERIOD_DAYS)
        )

    def _store_rule(self) -> str:
        return _("A customer's store is the one with most of their orders in the data; of equals, the one with more spend.")

    def _so_what(self) -> str:
        if self.table.empty:
            return _("Nothing to do today: make the list again next month.")
        if "most_used_store" in self.table:
            return _("Give each branch its part of the list, most spend first, and note who was contacted when.")
        return _("Work down the list, most spend first, and note who was contacted when.")

    def finding(self) -> Finding:
        """How many of the best customers are at risk, and why."""
        counts = self.table["keep_reason"].value_counts()
        reasons = [_("{reason}: {n}").format(reason=_(reason), n=language.number(counts.get(reason, 0))) for reason in REASONS]
        warnings = [] if self.comparable else [self._too_short()]
        if counts.get("Falling spend", 0):
            warnings.append(_("Spend that has fallen can be chance or season: ask before offering anything."))
        return Finding(
            key="strategy.keep_list_spend",
            value=self._stake(),
            unit="money",
            display=language.short_money(self._stake()),
            text=language.sentence(self.headline()),
            evidence=f"{language.sentence(language.listing(reasons))} {self._period()}",
            so_what=self._so_what(),
            confidence="medium" if self.comparable else "low",
            warnings=tuple(warnings),
            assumptions=(
                _(
                    "The keep list holds high-value customers who are lapsing or lapsed, or whose spend of the last {days} days "
                    "is {fall} or more below that of the {days} days before."
                ).format(days=language.number(PERIOD_DAYS), fall=language.percent(FALL)),
                *((self._store_rule(),) if "most_used_store" in self.table else ()),
            ),
        )


def keep_list(
    tables: Tables,
    plan: Plan | NotAvailable,
    recommendations: NextBestCategory | NotAvailable | None = None,
    deal_groups: pd.DataFrame | NotAvailable | None = None,
) -> KeepList | NotAvailable:
    """The high-value customers at risk, most spend at stake first (ties by customer_id).

    At risk: lifecycle Lapsing or Lapsed, or spend of the last `PERIOD_DAYS` days at least `FALL` below that of as many days
    before. *recommendations* and *deal_groups* (customer_id, deal_group) add their columns where they exist. Excluded: orders
    without a customer; those who opted out are counted and left out of the list. An order with a negative amount is a return: it
    lowers spend and is no order.
    """
    named = recommendations.table if isinstance(recommendations, NextBestCategory) else None
    return _keep_list(tables, plan, named, deal_groups if isinstance(deal_groups, pd.DataFrame) else None)


@needs(
    "orders.customer_id",
    "orders.order_amount",
    answers=N_("which of the best customers are about to be lost, and what to do about each"),
)
def _keep_list(tables: Tables, plan: Plan, named: pd.DataFrame | None, deals: pd.DataFrame | None) -> KeepList:
    recent = tables.as_of - dt.timedelta(days=PERIOD_DAYS - 1)
    before = recent - dt.timedelta(days=PERIOD_DAYS)
    comparable = tables.first_day <= before
    table = plan.table.merge(_spending(tables, recent, before), on="customer_id", how="left")
    table["days_since_last_order"] = (pd.Timestamp(tables.as_of) - pd.to_datetime(table["last_day"])).dt.days
    earlier, later = (table[c].fillna(0.0) if comparable else pd.Series(np.nan, index=table.index) for c in ("earlier", "later"))
    table["spend_change"] = (later / earlier.where(earlier > 0) - 1).round(9)  # so that a third is a third
    high, leaving = table["value_tier"] == HIGH, table["lifecycle"].isin(REASONS)
    table["keep_reason"] = table["lifecycle"].where(leaving, "Falling spend")
    for of in ("action", "offer", "service_level"):
        table[of] = table["play"].map({p.play: getattr(p, of) or None for p in plan.playbook.plays})
    kept = table[high & (leaving | (table["spend_change"] <= round(-FALL, 9)))]
    columns = [
        "customer_id",
        "value_tier",
        "lifecycle",
        "keep_reason",
        "days_since_last_order",
        "spend_at_stake",
        "spend_change",
        "action",
        "offer",
        "service_level",
    ]
    for given, column in ((named, "next_best_category"), (deals, "deal_group"), (most_used_stores(tables), "most_used_store")):
        if given is not None:
            kept = kept.merge(given[["customer_id", column]], on="customer_id", how="left")
            columns.append(column)
    kept = kept.sort_values(["spend_at_stake", "customer_id"], ascending=[False, True]).reset_index(drop=True)
    kept = kept[[*columns, "opted_out"]]
    total = round(float(earlier.sum()), 2)
    change_of_all = float(later.sum()) / total - 1 if comparable and total > 0 else np.nan
    return KeepList(kept, plan, int(high.sum()), int((table["spend_change"] >= RISE)[high].sum()), change_of_all, comparable)


def _spending(tables: Tables, recent: dt.date, before: dt.date) -> pd.DataFrame:
    """Last day with an order, and spend of the latest period and of the one before, per customer."""
    orders = tables.orders.filter(tables.orders.customer_id.notnull())
    start, middle = (dt.datetime.combine(day, dt.time()) for day in (before, recent))
    when, amount = orders.order_date, orders.order_amount
    return frame(
        orders.group_by("customer_id").aggregate(
            last_day=when.date().max(where=amount >= 0),
            earlier=amount.sum(where=(when >= start) & (when < middle)).cast("float64"),
            later=amount.sum(where=when >= middle).cast("float64"),
        ),
        by=["customer_id"],
    )


def most_used_stores(tables: Tables) -> pd.DataFrame | None:
    """The store with most orders of each customer; ties by spend, then by name."""
    if tables.missing("orders.store"):
        return None
    orders = tables.orders.filter(tables.orders.customer_id.notnull() & tables.orders.store.notnull())
    used = orders.group_by("customer_id", "store").aggregate(
        orders=(orders.order_amount >= 0).sum(), spend=orders.order_amount.sum(), most_used_store=orders.store.min()
    )
    first = [ibis.desc("orders"), ibis.desc("spend"), "store"]
    used = used.mutate(place=ibis.row_number().over(group_by="customer_id", order_by=first))
    return frame(used.filter(used.place == 0).select("customer_id", "most_used_store"), by=["customer_id"])
