"""How the customers pay: the mix of payment methods and what changes in it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _
from fivestep.profiling.covered_months import axis_labels, coverage_note, covered_months, period
from fivestep.profiling.returns import is_return, left_out_note, returned

ANSWERS = N_("how the customers pay and which way of paying gains or loses")
SHOWN = 5
FEW_MONTHS = 6
CHANCE = 0.05


@dataclass(frozen=True)
class Payments:
    """Orders by payment method.

    ``table``: one row per method, most orders first: payment_method, customers, orders, share_of_orders (of orders of known
    method), spend, share_of_spend, share_trend (change of its share of orders in a year, with its interval share_trend_low and
    share_trend_high; empty under six whole months). ``monthly``: share of the orders of a month by method.
    """

    table: pd.DataFrame
    monthly: pd.DataFrame
    months: pd.DataFrame
    unknown: int
    returns: int
    first_day: dt.date
    as_of: dt.date

    def name(self, raw: str) -> str:
        """A payment method as the reader sees it."""
        return language.value("orders.payment_method", raw)

    def figure(self) -> Figure:
        """Share of orders by month, of the five methods with the most orders."""
        kept = self.table["payment_method"].head(SHOWN).tolist()
        drawn = self.monthly[kept].copy()
        drawn.index = axis_labels(self.months)
        return charts.lines(drawn, write=language.percent, labels=[self.name(m) for m in kept], ylabel=_("Share of orders"))

    def _moving(self) -> pd.DataFrame:
        moving = self.table[(self.table["share_trend_low"] > 0) | (self.table["share_trend_high"] < 0)]
        return moving.reindex(moving["share_trend"].abs().sort_values(ascending=False, kind="stable").index)

    def headline(self) -> str:
        """The most used method and the one whose share changes most."""
        first = self.table.iloc[0]
        if len(self.table) == 1:
            return _("All orders of known payment method are paid by {name}").format(name=self.name(first["payment_method"]))
        if (self.table["orders"] == first["orders"]).sum() > 1:
            return _("No payment method leads: {n} share the most orders").format(
                n=language.number((self.table["orders"] == first["orders"]).sum())
            )
        said = _("{share} of orders are paid by {name}").format(
            share=language.percent(first["share_of_orders"]), name=self.name(first["payment_method"])
        )
        moving = self._moving()
        if self.table["share_trend"].isna().all():
            return said
        if moving.empty:
            return _("{said}; no method gains or loses share beyond chance").format(said=said)
        most = moving.iloc[0]
        words = (
            _("{said}; {name} gains {points} a year") if most["share_trend"] > 0 else _("{said}; {name} loses {points} a year")
        )
        return words.format(said=said, name=self.name(most["payment_method"]), points=points(abs(most["share_trend"])))

    def table_headline(self) -> str:
        """How many methods gain and lose share beyond chance."""
        moving = self._moving()
        if self.table["share_trend"].isna().all():
            return _("{n} payment methods; under {m} whole months, no change is told").format(
                n=language.number(len(self.table)), m=language.number(FEW_MONTHS)
            )
        return _("Of {n} payment methods, {gain} gain and {lose} lose share beyond chance").format(
            n=language.number(len(self.table)),
            gain=language.number((moving["share_trend"] > 0).sum()),
            lose=language.number((moving["share_trend"] < 0).sum()),
        )

    def note(self) -> str:
        """Base and how a change is told."""
        base = _("Base: {n} orders of known payment method, {period}.").format(
            n=language.number(self.table["orders"].sum()), period=period(self.first_day, self.as_of)
        )
        trend = (
            ""
            if self.table["share_trend"].isna().all()
            else _(
                "Change: Theil–Sen slope of the share of orders over whole months; the intervals of the {m} methods hold "
                "together "
                "with 95%."
            ).format(m=language.number(len(self.table)))
        )
        unknown = _("Payment method unknown: {n} orders.").format(n=language.number(self.unknown)) if self.unknown else ""
        return " ".join(filter(None, (base, trend, unknown, left_out_note(self.returns), coverage_note(self.months))))

    def finding(self) -> Finding:
        """The share of the most used method."""
        first, moving = self.table.iloc[0], self._moving()
        return Finding(
            key="profiling.top_payment_share",
            value=float(first["share_of_orders"]),
            unit="share",
            display=language.percent(first["share_of_orders"]),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Follow the methods that gain: fees and what is known of the customer differ by method.")
            if len(moving)
            else _("Keep the methods as they are: nothing moves beyond chance."),
            confidence="high" if len(moving) else "medium",
            warnings=(_("Less than two years: a season can look like a change."),)
            if len(self.months) < 24 and len(moving)
            else (),
        )


@needs("orders.payment_method", "orders.order_date", "orders.order_amount", answers=ANSWERS)
def payments(tables: Tables) -> Payments | NotAvailable:
    """Orders, customers and spend by payment method, and the change of each share; returns are left out.

    Source of the slope: Theil (1950), Sen (1968).
    """
    bought = tables.orders.filter(~is_return(tables.orders))
    orders = bought.mutate(month=bought.order_date.truncate("M").cast("date"))
    counted = frame(
        orders.group_by("payment_method", "month").aggregate(orders=orders.count(), spend=orders.order_amount.sum().fill_null(0)),
        by=["payment_method", "month"],
    )
    who = frame(orders.group_by("payment_method").aggregate(customers=orders.customer_id.nunique()), by=["payment_method"])
    unknown = int(counted.loc[counted["payment_method"].isna(), "orders"].sum())
    counted = counted.dropna(subset="payment_method")
    if counted.empty:
        return NotAvailable((), _(ANSWERS), reason=_("No order names its payment method."))
    from scipy import stats

    months = covered_months(tables)
    counted["month"] = pd.to_datetime(counted["month"]).astype(months["month"].dtype)
    monthly = counted.pivot_table(index="month", columns="payment_method", values="orders", aggfunc="sum")
    monthly = monthly.reindex(months["month"]).fillna(0)
    monthly = monthly.div(monthly.sum(axis=1).replace(0, np.nan), axis=0)
    table = counted.groupby("payment_method")[["orders", "spend"]].sum().reset_index()
    table = table.merge(who, on="payment_method")
    table["share_of_orders"] = table["orders"] / table["orders"].sum()
    total = table["spend"].sum()
    table["share_of_spend"] = table["spend"] / total if total > 0 else np.nan
    whole = monthly[months["complete"].to_numpy()].dropna()
    for method in table["payment_method"]:
        slope, low, high = np.nan, np.nan, np.nan
        if len(whole) >= FEW_MONTHS:
            slope, _intercept, low, high = stats.theilslopes(whole[method].to_numpy(), alpha=1 - CHANCE / len(table))
        table.loc[table["payment_method"] == method, ["share_trend", "share_trend_low", "share_trend_high"]] = (
            12 * slope, 12 * low, 12 * high
        )  # fmt: skip
    table = table.sort_values(["orders", "payment_method"], ascending=[False, True], ignore_index=True)
    order = [
        "payment_method",
        "customers",
        "orders",
        "share_of_orders",
        "share_of_spend",
        "share_trend",
        "share_trend_low",
        "share_trend_high",
    ]
    return Payments(table[order], monthly, months, unknown, returned(tables.orders), tables.first_day, tables.as_of)


def points(share: float) -> str:
    """A difference of shares in percentage points."""
    return _("{n} percentage points").format(n=language.number(100 * share, 1))
