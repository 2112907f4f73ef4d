"""The goals sheet: what each play is measured by, where it stands today, and when it is reviewed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding
from fivestep.language import N_, _
from fivestep.strategy.plan import FEW, Plan
from fivestep.strategy.playbook import DIRECTIONS, MEASURES

WRITTEN = {
    "percent": lambda value: language.percent(value, 1),
    "money": lambda value: language.money(value, 2),
    "number": lambda value: language.number(value, 1),
}


@dataclass(frozen=True)
class Goals:
    """What success is measured by.

    ``table``: one row per play of the playbook: play, customers, measure (empty for a KPI of the client's own), kpi_value
    (missing where it cannot be computed), measured_days, review_date.
    """

    table: pd.DataFrame
    plan: Plan

    def sheet(self) -> pd.DataFrame:
        """As the reader sees it: play, kpi, kpi_definition, kpi_today (text), kpi_direction, measured_days, review_date."""
        plays = self.plan.playbook.plays
        values = zip(self.table["measure"], self.table["kpi_value"], strict=True)
        return pd.DataFrame({
            "play": self.table["play"],
            "kpi": [p.kpi.label for p in plays],
            "kpi_definition": [p.kpi.meaning for p in plays],
            "kpi_today": [WRITTEN[MEASURES[measure][2]](value) if measure else language.MISSING for measure, value in values],
            "kpi_direction": [DIRECTIONS[p.kpi.direction] for p in plays],
            "measured_days": self.table["measured_days"],
            "review_date": self.table["review_date"],
        })  # fmt: skip

    def duties(self) -> pd.DataFrame:
        """Who answers for each play, and what ends it: play, owner_role, review_date, stop_if."""
        plays = self.plan.playbook.plays
        return self.table[["play", "review_date"]].assign(
            owner_role=[p.owner for p in plays], stop_if=[p.stop_if for p in plays]
        )[["play", "owner_role", "review_date", "stop_if"]]

    def headline(self) -> str:
        """How many of the plays that have customers have a value today, and when the first of them is reviewed."""
        used, known = self._used(), int(self._used()["kpi_value"].notna().sum())
        return language.ngettext(
            "{known} of {n} play with customers has a measured starting point; the first review is on {day}",
            "{known} of {n} plays with customers have a measured starting point; the first review is on {day}",
            len(used),
        ).format(known=language.number(known), n=language.number(len(used)), day=language.day(used["review_date"].min()))

    def _used(self) -> pd.DataFrame:
        return self.table[self.table["customers"] > 0]

    def duties_headline(self) -> str:
        """How many people answer for the plays."""
        owners = len({p.owner for p in self.plan.playbook.plays})
        return language.ngettext(
            "{n} role answers for the plays, and every play has a rule that ends it",
            "{n} roles answer for the plays, and every play has a rule that ends it",
            owners,
        ).format(n=language.number(owners))

    def note(self) -> str:
        """Over which days today's values are measured, and on whom."""
        return _(
            "Today: over the days measured, up to {day}, on the customers whom the play has now; the review measures the same "
            "customers. No value: the data does not reach back that far or lacks what is needed, the play has no customer, or "
            "the KPI is the client's own."
        ).format(day=language.day(self.plan.as_of))

    def finding(self) -> Finding:
        """What will be measured, and from where."""
        used, known = len(self._used()), int(self._used()["kpi_value"].notna().sum())
        warnings = [
            _(
                "Customers are in a play because of what they did in these same days, so a KPI will change by itself: "
                "compare with customers left without contact."
            )
        ]
        if small := int(self.table["customers"].between(1, FEW - 1).sum()):
            warnings.append(
                language.ngettext(
                    "{n} play has fewer than {few} customers: its KPI will move by chance.",
                    "{n} plays have fewer than {few} customers: their KPIs will move by chance.",
                    small,
                ).format(n=language.number(small), few=language.number(FEW))
            )
        return Finding(
            key="strategy.plays_with_a_measured_start",
            value=float(known),
            unit="count",
            display=language.number(known),
            text=language.sentence(self.headline()),
            evidence=_("Base: {n} customers; values of the days up to {day}.").format(
                n=language.number(self.table["customers"].sum()), day=language.day(self.plan.as_of)
            ),
            so_what=_("Put the review dates in the calendar, and measure the same customers again on that day."),
            confidence="high" if known == used else "medium",
            warnings=tuple(warnings),
            assumptions=(_("A KPI is measured over as many days as the play has until its review."),),
        )


@needs("orders.customer_id", "orders.order_amount", answers=N_("what success will be measured by, and where it stands today"))
def goals(tables: Tables, plan: Plan) -> Goals:
    """Today's value of each play's KPI over the ``review_after_days`` to ``tables.as_of``, on all customers of the play.

    A customer without an order counts as zero; a return (negative amount) lowers spend and is no order. Missing where the data
    starts later, the play has no customer, the KPI is the client's own, or, for categories, the data has no lines or products.
    """
    members = plan.table.groupby("play")["customer_id"]
    done: dict[int, pd.DataFrame] = {}
    rows = []
    for play in plan.playbook.plays:
        days, measure, value = play.review_after_days, play.kpi.measure, np.nan
        mine = members.get_group(play.play) if play.play in members.groups else ()
        if measure and len(mine) and tables.first_day <= tables.as_of - dt.timedelta(days=days - 1):
            if days not in done:
                done[days] = _behaviour(tables, days)
            if measure in done[days]:
                value = float(done[days][measure].reindex(mine).fillna(0.0).mean())
        rows.append((play.play, len(mine), measure or "", value, days, tables.as_of + dt.timedelta(days=days)))
    return Goals(pd.DataFrame(rows, columns=["play", "customers", "measure", "kpi_value", "measured_days", "review_date"]), plan)


def _behaviour(tables: Tables, days: int) -> pd.DataFrame:
    """By customer_id, what each did in the last *days* days: one column per measure that the data allows."""
    start = dt.datetime.combine(tables.as_of - dt.timedelta(days=days - 1), dt.time())
    orders = tables.orders.filter(tables.orders.customer_id.notnull() & (tables.orders.order_date >= start))
    bought = orders.order_amount >= 0
    sums = {
        "ordering_customers": bought.any().cast("float64"),
        "orders_per_customer": bought.sum().cast("float64"),
        "spend_per_customer": orders.order_amount.sum().cast("float64"),
    }
    out = frame(orders.group_by("customer_id").aggregate(**sums), by=["customer_id"]).set_index("customer_id")
    fields = ("customer_id", "product_id", "order_date", "line_amount")
    if not tables.missing(*(f"order_lines.{f}" for f in fields), "products.category"):
        lines = tables.order_lines.filter(tables.order_lines.customer_id.notnull() & (tables.order_lines.order_date >= start))
        lines = lines.filter(lines.line_amount >= 0).select("customer_id", "product_id")
        lines = lines.join(tables.products.select("product_id", "category"), "product_id")
        bought = lines.group_by("customer_id").aggregate(categories_per_customer=lines.category.nunique())
        out = out.join(frame(bought, by=["customer_id"]).set_index("customer_id"), how="left")
    return out
