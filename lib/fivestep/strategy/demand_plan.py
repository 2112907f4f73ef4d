"""What the forecast of step 3 asks of the plan: units to have ready in each category, and the spend of each play to come."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import MONEY, Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _
from fivestep.strategy.plan import NO_PLAY, Plan

ANSWERS = N_("what to have ready for the demand of the next four weeks")
HORIZON = 28  # days, as the forecast
SHARES = 91  # days from which the shares of plays in a category are taken
FORECAST = ("demand_forecast", "demand_low", "demand_high")


@dataclass(frozen=True)
class DemandPlan:
    """Demand of the next 28 days, as a plan.

    ``table``: one row per category, largest forecast first: category, demand_before, demand_forecast, demand_low, demand_high (as
    handed over by step 3, ends below zero taken as zero), demand_change, units_before (sold in the last 28 days; missing where
    the data has no quantities), units_ready (units of the upper end of the range at the mean amount per unit of these days).
    ``plays``: one row per play with spend: play, demand_before, demand_forecast, demand_low, demand_high, demand_change.
    """

    table: pd.DataFrame
    plays: pd.DataFrame
    first: dt.date
    last: dt.date

    def shown(self) -> pd.DataFrame:
        """As the reader sees it; columns without any value are left out."""
        return self.table.dropna(axis=1, how="all")

    def headline(self) -> str:
        """What to have ready in the category that changes most."""
        rows = self.table.dropna(subset=["demand_change"])
        if rows.empty:
            return _("The next four weeks bring {spend}").format(spend=language.short_money(self.table["demand_forecast"].sum()))
        most = rows.loc[rows["demand_change"].abs().idxmax()]
        return _("The next four weeks bring {spend}; {category} changes most, by {change}").format(
            spend=language.short_money(self.table["demand_forecast"].sum()),
            category=language.value("products.category", most["category"]), change=language.percent(most["demand_change"]),
        )  # fmt: skip

    def note(self) -> str:
        """Where the figures come from."""
        return _(
            "Forecast of step 3 for {first} to {last}, with the range of 95 of 100 earlier errors. Units to have ready: the "
            "upper end at the mean amount per unit of the last 28 days, so that about one time in forty it runs out. The next "
            "review holds the forecast against what came."
        ).format(first=language.day(self.first), last=language.day(self.last))

    def plays_headline(self) -> str:
        """The play that the forecast moves most."""
        rows = self.plays.dropna(subset=["demand_change"])
        if rows.empty:
            return _("Spend of each play in the next four weeks")
        most = rows.loc[rows["demand_change"].abs().idxmax()]
        return _("The forecast moves the spend of “{play}” most: {change}").format(
            play=_(most["play"]), change=language.percent(most["demand_change"])
        )

    def plays_note(self) -> str:
        """How the forecast is divided."""
        return _(
            "The forecast of each category, divided among plays as its spend of the last {days} days was; ranges are summed, as "
            "if all categories missed to the same side, and so are wide. Capacity for contacts and service follows this share."
        ).format(days=language.number(SHARES))

    def finding(self) -> Finding:
        """The demand to be ready for."""
        total = self.table[list(FORECAST)].sum()
        return Finding(
            key="strategy.demand_ahead",
            value=float(total["demand_forecast"]),
            unit="money",
            display=language.short_money(total["demand_forecast"]),
            text=language.sentence(self.headline()),
            evidence=_("Last four weeks: {before}.").format(before=language.short_money(self.table["demand_before"].sum())),
            so_what=_("Order goods and plan shifts by the upper end where running out is dear, by the forecast elsewhere."),
            confidence="medium",
            assumptions=(_("The next four weeks bring no promotion and no closure that earlier ones did not have."),),
        )


@needs("order_lines.product_id", "order_lines.line_amount", "products.category", answers=ANSWERS)
def demand_plan(tables: Tables, plan: Plan, demand: pd.DataFrame) -> DemandPlan | NotAvailable:
    """The forecast *demand* that step 3 handed over (category, demand_forecast, demand_low, demand_high, demand_before), turned
    into units by category and spend by play.

    Returns are netted in money and left out of units; customers without a play, and lines without a customer, are "No play".
    """
    table = demand[["category", "demand_before", *FORECAST]].copy()
    table[list(FORECAST)] = table[list(FORECAST)].clip(lower=0)
    change = table["demand_forecast"] / table["demand_before"].where(table["demand_before"] > 0) - 1
    table["demand_change"] = change
    day = tables.order_lines.order_date.date()
    lines = tables.order_lines.filter(day > tables.as_of - dt.timedelta(days=SHARES))
    products = tables.products.distinct(on="product_id", keep="first").select("product_id", "category")
    lines = lines.join(products, "product_id")
    lines = lines.filter(lines.category.isin(table["category"].tolist()))
    table["units_before"] = table["units_ready"] = np.nan
    if "quantity" in lines.columns:
        late = lines.filter(lines.order_date.date() > tables.as_of - dt.timedelta(days=HORIZON))
        late = late.filter((late.quantity > 0) & (late.line_amount > 0))
        sold = late.group_by("category").aggregate(
            units=late.quantity.sum().cast("float64"), paid=late.line_amount.sum().cast("float64")
        )
        sold = frame(sold, by=["category"]).set_index("category")
        table["units_before"] = table["category"].map(sold["units"])
        each = table["category"].map(sold["paid"]) / table["units_before"]
        table["units_ready"] = np.ceil(table["demand_high"].fillna(table["demand_forecast"]) / each)
    last = tables.as_of + dt.timedelta(days=HORIZON)
    return DemandPlan(table, _by_play(lines, plan, table), tables.as_of + dt.timedelta(days=1), last)


def _by_play(lines, plan: Plan, table: pd.DataFrame) -> pd.DataFrame:
    """Forecast and ranges by play, in the order of the playbook."""
    names = ["play", "demand_before", *FORECAST, "demand_change"]
    sums = lines.group_by("customer_id", "category").aggregate(spend=lines.line_amount.sum().cast(MONEY).cast("float64"))
    spend = frame(sums, by=["customer_id", "category"])
    of = plan.table.set_index("customer_id")["play"]
    spend["play"] = spend["customer_id"].map(of).fillna(NO_PLAY)
    by = spend.groupby(["category", "play"])["spend"].sum().clip(lower=0).unstack(fill_value=0.0)
    share = by.div(by.sum(axis=1).where(lambda t: t > 0), axis=0).reindex(table["category"]).fillna(0.0)
    money = table.set_index("category")[["demand_before", *FORECAST]]
    out = share.T @ money.fillna(0.0)
    out.loc[:, money.isna().all()] = np.nan
    out = out.reindex([*(p for p in plan.plays if p in out.index), *(p for p in out.index if p not in plan.plays)])
    out["demand_change"] = out["demand_forecast"] / out["demand_before"].where(out["demand_before"] > 0) - 1
    return out.rename_axis("play").reset_index()[names]
