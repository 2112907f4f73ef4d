"""The keep list: high-value customers who are going, gone or spending much less, with what to do, what to offer and which branch knows them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _
from fivestep.strategy.consent import consent_note
from fivestep.strategy.next_best_category import NextBestCategory
from fivestep.strategy.plan import Plan

HIGH = "High value"
REASONS = (N_("Lapsing"), N_("Lapsed"), N_("Falling spend"))
PERIOD_DAYS = 91  # thirteen whole weeks, so that both periods hold the same weekdays
FALL = 0.5  # spend has fallen when at least half of it is gone


@dataclass(frozen=True)
class KeepList:
    """High-value customers at risk.

    ``table``: one row per customer, most spend at stake first: customer_id, value_tier, lifecycle, keep_reason, days_since_last_order, spend_at_stake,
    spend_change, action, next_best_category, deal_group, most_used_store, opted_out. ``high_value``: all customers of the tier; ``risen``: those of them
    who at least doubled their spend; ``change_of_all``: spend change of all customers together; ``comparable``: whether the data spans both periods.
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
        """The first *rows* of the list: customer_id, keep_reason, days_since_last_order, spend_at_stake, spend_change, next_best_category, most_used_store."""
        shown = [
            "customer_id",
            "keep_reason",
            "days_since_last_order",
            "spend_at_stake",
            "spend_change",
            "next_best_category",
            "most_used_store",
        ]
        return self.contacts().head(rows)[shown]

    def headline(self) -> str:
        """How many of the high-value customers are at risk, and the spend that hangs on them."""
        n = len(self.table)
        if not self.high_value:
            return _("There is no high-value customer to keep")
        if not n:
            return language.ngettext(
                "The {all} high-value customer is not at risk", "None of the {all} high-value customers is at risk", self.high_value
            ).format(all=language.number(self.high_value))  # fmt: skip
        return language.ngettext(
            "{n} of {all} high-value customers is at risk, with {money} of spend at stake", "{n} of {all} high-value customers are at risk, with {money} of spend at stake", n
        ).format(n=language.number(n), all=language.number(self.high_value), money=language.short_money(self.table["spend_at_stake"].sum()))  # fmt: skip

    def note(self) -> str:
        """Who is on the list, over which days money is counted, and what the base as a whole did."""
        as_of = self.plan.as_of
        out = [_("At risk: lapsing or lapsed, or spend fallen by {fall} or more.").format(fall=language.percent(FALL))]
        if self.comparable:
            out.append(
                _("Spend change: the {days} days to {end} against the {days} days before.").format(
                    days=language.number(PERIOD_DAYS), end=language.day(as_of)
                )
            )
            if not np.isnan(self.change_of_all):
                out.append(_("All customers together: {change}.").format(change=_signed(self.change_of_all)))
            out.append(
                language.ngettext(
                    "For comparison: {n} high-value customer spent at least twice as much as before.",
                    "For comparison: {n} high-value customers spent at least twice as much as before.",
                    self.risen,
                ).format(n=language.number(self.risen))
            )
        else:
            out.append(self._too_short())
        out.append(
            _("Spend at stake: {first} to {last}.").format(first=language.day(self.plan.first_day), last=language.day(as_of))
        )
        out.append(consent_note(int(self.table["opted_out"].sum()) if self.plan.asked else None))
        return " ".join(out)

    def _too_short(self) -> str:
        return _("The data spans fewer than {days} days, so falling spend cannot be told.").format(
            days=language.number(2 * PERIOD_DAYS)
        )

    def finding(self) -> Finding:
        """How many of the best customers are at risk, and why."""
        counts = self.table["keep_reason"].value_counts()
        stake = float(self.table["spend_at_stake"].sum())
        parts = language.listing([
            _("{reason}: {n}").format(reason=_(reason), n=language.number(counts.get(reason, 0))) for reason in REASONS
        ])  # fmt: skip
        return Finding(
            key="strategy.keep_list_spend",
            value=stake,
            unit="money",
            display=language.short_money(stake),
            text=language.sentence(self.headline()),
            evidence=language.sentence(parts) + " " + self.note(),
            so_what=_("Give each branch its part of the list, most spend first, and note who was contacted when."),
            confidence="medium" if self.comparable else "low",
            warnings=(
                *((_("Spend that has halved can be chance or season: ask before offering anything."),) if counts.get("Falling spend", 0) else ()),
                *(() if self.comparable else (self._too_short(),)),
            ),
            assumptions=(
                _("The keep list holds high-value customers who are lapsing or lapsed, or whose spend of the last {days} days is at most {share} of that of the {days} days before.").format(
                    days=language.number(PERIOD_DAYS), share=language.percent(1 - FALL)
                ),
                _("The store of a customer is the one with most of their orders in the data; equal counts go to the one with more spend, then by name."),
            ),
        )  # fmt: skip


def _signed(change: float) -> str:
    written = language.percent(abs(change), 1)
    return f"+{written}" if change > 0 else f"−{written}" if change < 0 else written


def keep_list(
    tables: Tables,
    plan: Plan | NotAvailable,
    recommendations: NextBestCategory | NotAvailable | None = None,
    deal_groups: pd.DataFrame | NotAvailable | None = None,
) -> KeepList | NotAvailable:
    """The high-value customers at risk, most spend at stake first (ties by customer_id).

    At risk: lifecycle Lapsing or Lapsed, or spend of the last `PERIOD_DAYS` days at least `FALL` below that of as many days before. *recommendations* and
    *deal_groups* (customer_id, deal_group) fill their columns where they exist. Excluded: orders without a customer; those who opted out are counted and
    left out of the list.
    """
    named = (
        recommendations.table[["customer_id", "next_best_category"]] if isinstance(recommendations, NextBestCategory) else None
    )
    grouped = deal_groups[["customer_id", "deal_group"]] if isinstance(deal_groups, pd.DataFrame) else None
    return _keep_list(tables, plan, named, grouped)


@needs(
    "orders.customer_id",
    "orders.order_amount",
    answers=N_("which of the best customers are about to be lost, and what to do about each"),
)
def _keep_list(tables: Tables, plan: Plan, recommendations: pd.DataFrame | None, deal_groups: pd.DataFrame | None) -> KeepList:
    recent = tables.as_of - dt.timedelta(days=PERIOD_DAYS - 1)
    before = recent - dt.timedelta(days=PERIOD_DAYS)
    comparable = tables.first_day <= before
    spending = _spending(tables, recent, before)
    table = plan.table.merge(spending, on="customer_id", how="left")
    table["days_since_last_order"] = (pd.Timestamp(tables.as_of) - pd.to_datetime(table["last_day"])).dt.days
    earlier, later = (table[c].fillna(0.0) if comparable else pd.Series(np.nan, index=table.index) for c in ("earlier", "later"))
    table["spend_change"] = later / earlier.where(earlier > 0) - 1
    high = table["value_tier"] == HIGH
    stages = table["lifecycle"].isin(REASONS)
    table["keep_reason"] = table["lifecycle"].where(stages, "Falling spend")
    actions = {p.play: p.action for p in plan.playbook.plays}
    table["action"] = table["play"].map(actions)
    kept = table[high & (stages | (table["spend_change"] <= -FALL))]
    for given, column in (
        (recommendations, "next_best_category"),
        (deal_groups, "deal_group"),
        (_stores(tables), "most_used_store"),
    ):
        kept = kept.merge(given, on="customer_id", how="left") if given is not None else kept.assign(**{column: None})
    kept = kept.sort_values(["spend_at_stake", "customer_id"], ascending=[False, True]).reset_index(drop=True)
    columns = [
        "customer_id",
        "value_tier",
        "lifecycle",
        "keep_reason",
        "days_since_last_order",
        "spend_at_stake",
        "spend_change",
        "action",
    ]
    columns += ["next_best_category", "deal_group", "most_used_store", "opted_out"]
    total = float(earlier.sum())
    change_of_all = float(later.sum()) / total - 1 if comparable and total > 0 else np.nan
    return KeepList(
        kept[columns], plan, int(high.sum()), int((table["spend_change"] >= 1)[high].sum()), change_of_all, comparable
    )


def _spending(tables: Tables, recent: dt.date, before: dt.date) -> pd.DataFrame:
    """Last day with an order, and spend of the latest period and of the one before, per customer."""
    orders = tables.orders.filter(tables.orders.customer_id.notnull())
    start, middle = (dt.datetime.combine(day, dt.time()) for day in (before, recent))
    return frame(
        orders.group_by("customer_id").aggregate(
            last_day=orders.order_date.max().date(),
            earlier=orders.order_amount.sum(where=(orders.order_date >= start) & (orders.order_date < middle)).cast("float64"),
            later=orders.order_amount.sum(where=orders.order_date >= middle).cast("float64"),
        ),
        by=["customer_id"],
    )


def _stores(tables: Tables) -> pd.DataFrame | None:
    """The store with most orders of each customer; ties by spend, then by name."""
    if tables.missing("orders.store"):
        return None
    orders = tables.orders.filter(tables.orders.customer_id.notnull() & tables.orders.store.notnull())
    used = orders.group_by("customer_id", "store").aggregate(orders=orders.count(), spend=orders.order_amount.sum())
    order = [ibis.desc("orders"), ibis.desc("spend"), "store"]
    first = used.mutate(place=ibis.row_number().over(group_by="customer_id", order_by=order)).filter(ibis._.place == 0)
    return frame(first.select("customer_id", most_used_store=first.store), by=["customer_id"])
