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


@dataclass(frozen=True)
class Goals:
    """``table``: one row per play of the playbook: play, customers, measure (empty for a KPI of the client's own), kpi_value (raw, missing where it cannot be
    computed), measured_days, review_date."""

    table: pd.DataFrame
    plan: Plan

    def sheet(self) -> pd.DataFrame:
        """What to measure, as the reader sees it: play, kpi, kpi_definition, kpi_today (text), kpi_direction, measured_days, review_date."""
        plays = self.plan.playbook.plays
        return pd.DataFrame({
            "play": self.table["play"],
            "kpi": [p.kpi.label for p in plays],
            "kpi_definition": [p.kpi.meaning for p in plays],
            "kpi_today": [self._written(m, v) for m, v in zip(self.table["measure"], self.table["kpi_value"], strict=True)],
            "kpi_direction": [DIRECTIONS[p.kpi.direction] for p in plays],
            "measured_days": self.table["measured_days"],
            "review_date": self.table["review_date"],
        })  # fmt: skip

    def duties(self) -> pd.DataFrame:
        """Who answers for each play, and what ends it: play, owner_role, review_date, stop_if."""
        plays = self.plan.playbook.plays
        return pd.DataFrame(
            {
                "play": self.table["play"],
                "owner_role": [p.owner for p in plays],
                "review_date": self.table["review_date"],
                "stop_if": [p.stop_if for p in plays],
            }
        )

    @staticmethod
    def _written(measure: str, value: float) -> str:
        if not measure:
            return language.MISSING
        kind = MEASURES[measure][2]
        return {
            "percent": lambda v: language.percent(v, 1),
            "money": lambda v: language.money(v, 2),
            "number": lambda v: language.number(v, 1),
        }[kind](value)

    def headline(self) -> str:
        """How many goals have a value today, and when the first review is."""
        n, known = len(self.table), int(self.table["kpi_value"].notna().sum())
        return language.ngettext(
            "{known} of {n} play has a measured starting point; the first review is on {day}",
            "{known} of {n} plays have a measured starting point; the first review is on {day}",
            n,
        ).format(known=language.number(known), n=language.number(n), day=language.day(self.table["review_date"].min()))

    def duties_headline(self) -> str:
        """How many people answer for the plays."""
        owners = len({p.owner for p in self.plan.playbook.plays})
        return language.ngettext(
            "{n} role answers for the plays; each play has a rule that ends it",
            "{n} roles answer for the plays; each play has a rule that ends it",
            owners,
        ).format(n=language.number(owners))

    def note(self) -> str:
        """Over which days today's values are measured, and on whom."""
        return _(
            "Today: measured over the days to {day} as many as shown, on the customers whom the play has today; “–” where the data does not reach back "
            "that far, lacks what is needed, or the play has no customer. At the review the same customers are measured over as many days."
        ).format(day=language.day(self.plan.as_of))

    def finding(self) -> Finding:
        """What will be measured, and from where."""
        known = int(self.table["kpi_value"].notna().sum())
        small = int(((self.table["customers"] > 0) & (self.table["customers"] < FEW)).sum())
        warnings = [
            _(
                "Customers were put in a play because of what they did in these same days, so some change will come by itself: compare with customers left without contact."
            )
        ]
        if small:
            warnings.append(
                language.ngettext(
                    "{n} play has fewer than {few} customers: its KPI will move by chance.", "{n} plays have fewer than {few} customers: their KPIs will move by chance.", small
                ).format(n=language.number(small), few=language.number(FEW))
            )  # fmt: skip
        return Finding(
            key="strategy.plays_with_a_measured_start",
            value=float(known),
            unit="count",
            display=language.number(known),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Put the review dates in the calendar; step 5 measures the same customers again."),
            confidence="high" if known == len(self.table) else "medium",
            warnings=tuple(warnings),
            assumptions=(_("A KPI is measured over as many days as the play has until its review."),),
        )


@needs("orders.customer_id", "orders.order_amount", answers=N_("what success will be measured by, and where it stands today"))
def goals(tables: Tables, plan: Plan) -> Goals:
    """Today's value of each play's KPI over the ``review_after_days`` to ``tables.as_of``, on the customers of the play, those without an order counted as zero.

    Missing where the data starts later, the play has no customer, the KPI is the client's own, or (categories) the data has no lines or products.
    """
    members = plan.table[["customer_id", "play"]]
    per_days: dict[int, pd.DataFrame] = {}
    rows = []
    for play in plan.playbook.plays:
        days = play.review_after_days
        value = np.nan
        mine = members[members["play"] == play.play]
        reaches = tables.first_day <= tables.as_of - dt.timedelta(days=days - 1)
        if play.kpi.measure and reaches and len(mine):
            if days not in per_days:
                per_days[days] = _behaviour(tables, days)
            done = per_days[days]
            if play.kpi.measure in done:
                value = done[play.kpi.measure].reindex(mine["customer_id"]).fillna(0.0).mean()
        review = tables.as_of + dt.timedelta(days=days)
        rows.append((play.play, len(mine), play.kpi.measure or "", float(value), days, review))
    return Goals(pd.DataFrame(rows, columns=["play", "customers", "measure", "kpi_value", "measured_days", "review_date"]), plan)


def _behaviour(tables: Tables, days: int) -> pd.DataFrame:
    """Per customer with an order in the last *days* days, one column per measure that the data allows."""
    start = dt.datetime.combine(tables.as_of - dt.timedelta(days=days - 1), dt.time())
    orders = tables.orders.filter(tables.orders.customer_id.notnull() & (tables.orders.order_date >= start))
    out = frame(
        orders.group_by("customer_id").aggregate(
            orders_per_customer=orders.order_id.nunique(), spend_per_customer=orders.order_amount.sum().cast("float64")
        ),
        by=["customer_id"],
    ).set_index("customer_id")
    out["ordering_customers"] = 1.0
    if not tables.missing("order_lines.customer_id", "order_lines.product_id", "order_lines.order_date", "products.category"):
        lines = tables.order_lines.filter(tables.order_lines.customer_id.notnull() & (tables.order_lines.order_date >= start))
        lines = lines.select("customer_id", "product_id").join(tables.products.select("product_id", "category"), "product_id")
        bought = lines.group_by("customer_id").aggregate(categories_per_customer=lines.category.nunique())
        out = out.join(frame(bought, by=["customer_id"]).set_index("customer_id"), how="left")
    return out
