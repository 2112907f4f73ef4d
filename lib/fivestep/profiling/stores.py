"""Where the customers buy: how far spend is concentrated on stores."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.charts.theme import style
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, ngettext
from fivestep.profiling.covered_months import period
from fivestep.profiling.returns import is_return, netted_note, returned

ANSWERS = N_("how many stores the spend comes from")
TOP = 10
MOST = 0.8


@dataclass(frozen=True)
class Stores:
    """Orders and spend by store.

    ``table``: one row per store, most spend first, orders without a store last (None): store, customers, orders, spend,
    share_of_spend, cumulative_share_of_spend.
    """

    table: pd.DataFrame
    returns: int
    first_day: dt.date
    as_of: dt.date

    @property
    def known(self) -> pd.DataFrame:
        """The stores, without the orders of which the store is unknown."""
        return self.table[self.table["store"].notna()]

    def top(self, n: int = TOP) -> pd.DataFrame:
        """The first *n* rows."""
        return self.table.head(n)

    def share_of_top(self) -> float:
        """Share of spend of the ten largest stores; of the largest where there are no more than ten."""
        n = TOP if len(self.known) > TOP else 1
        return float(self.known["share_of_spend"].iloc[:n].sum())

    def needed(self) -> int | None:
        """The fewest stores that bring 80 % of spend; None where the known stores do not."""
        # Rounded, so that stores which make exactly 80 % are found in spite of binary fractions.
        reached = np.flatnonzero(self.known["cumulative_share_of_spend"].round(9).to_numpy() >= MOST)
        return int(reached[0]) + 1 if len(reached) else None

    def figure(self) -> Figure:
        """Cumulative share of spend over the stores, largest first; the ten largest and those that make 80 % are marked."""
        fig, ax = charts.figure()
        with mpl.rc_context(style()):
            share = self.known["cumulative_share_of_spend"].to_numpy()
            ax.plot(np.arange(len(share) + 1), [0.0, *share], color=charts.ACCENT, linewidth=1.8)
            for n in sorted({min(TOP, len(share)), self.needed() or len(share)}):
                said = ngettext("{n} store: {share}", "{n} stores: {share}", n).format(
                    n=language.number(n), share=language.percent(share[n - 1])
                )
                ax.plot([n], [share[n - 1]], marker="o", markersize=4.5, color=charts.PRIMARY)
                ax.annotate(said, (n, share[n - 1]), (7, -9), textcoords="offset points", fontsize=7.5, color=charts.PRIMARY)
            ax.set_xlim(0, len(share) * 1.02)
            ax.set_ylim(min(0.0, share.min()), max(1.0, share.max()) * 1.02)
            ax.xaxis.set_major_locator(mpl.ticker.MaxNLocator(8, integer=True))
            ax.xaxis.set_major_formatter(lambda value, _place: language.number(value))
            ax.yaxis.set_major_formatter(lambda value, _place: language.percent(value, 0))
            ax.grid(axis="y")
            ax.spines["left"].set_visible(False)
            ax.set_xlabel(_("Stores, largest first"))
            ax.set_title(_("Cumulative share of spend"), loc="left", fontsize=7.5, color=charts.MUTED)
        return fig

    def headline(self) -> str:
        """How many stores make 80 % of spend, and the share of the largest."""
        n, needed = len(self.known), self.needed()
        if n == len(self.table) == 1:
            return _("All spend comes from one store")
        top = language.percent(self.share_of_top())
        if needed is None:
            return _("The known stores bring {share} of spend; the store of the rest is unknown").format(
                share=language.percent(self.known["share_of_spend"].sum())
            )
        if n > TOP:
            return _("It takes {k} of {n} stores to reach {most} of spend; the {t} largest bring {share}").format(
                k=language.number(needed), n=language.number(n), most=language.percent(MOST), t=language.number(TOP), share=top
            )
        return _("It takes {k} of {n} stores to reach {most} of spend; the largest brings {share}").format(
            k=language.number(needed), n=language.number(n), most=language.percent(MOST), share=top
        )

    def top_headline(self) -> str:
        """The share of the largest store."""
        return _("The largest store brings {share} of spend").format(share=language.percent(self.known["share_of_spend"].iloc[0]))

    def note(self) -> str:
        """Base, and what has no store."""
        base = _("Base: {n} orders, {period}.").format(
            n=language.number(self.table["orders"].sum()), period=period(self.first_day, self.as_of)
        )
        base = f"{base} {netted_note(self.returns)}".rstrip()
        unknown = self.table[self.table["store"].isna()]
        if unknown.empty:
            return base
        return (
            base
            + " "
            + _("Store unknown: {orders} orders, {spend}.").format(
                orders=language.number(unknown["orders"].sum()), spend=language.money(unknown["spend"].sum())
            )
        )

    def finding(self) -> Finding:
        """The share of spend of the largest stores."""
        share = self.share_of_top()
        return Finding(
            key="profiling.top_stores_share_of_spend",
            value=share,
            unit="share",
            display=language.percent(share),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Try out in-store actions in the largest stores first; judge small stores over a longer time."),
        )


@needs("orders.store", "orders.customer_id", "orders.order_amount", answers=ANSWERS)
def stores(tables: Tables) -> Stores | NotAvailable:
    """Customers, orders and spend by store; orders without a customer count as orders and spend.

    An order with a negative amount is a return: it lowers spend and is no order.
    """
    orders = tables.orders
    bought = ~is_return(orders)
    table = frame(
        orders.group_by("store").aggregate(
            customers=orders.customer_id.nunique(where=bought),
            orders=bought.sum(),
            spend=orders.order_amount.sum().fill_null(0),
        ),
        by=["store"],
    )
    table["store"] = table["store"].astype(object).where(table["store"].notna(), None)
    if table["store"].isna().all():
        return NotAvailable((), _(ANSWERS), reason=_("No order names its store."))
    unknown = table["store"].isna()
    table = (
        table.assign(unknown=unknown)
        .sort_values(["unknown", "spend", "store"], ascending=[True, False, True], ignore_index=True)
        .drop(columns="unknown")
    )
    total = float(table["spend"].sum())
    if total <= 0:
        return NotAvailable(
            (), _(ANSWERS), reason=_("Spend adds up to {money}, so shares of it say nothing.").format(money=language.money(total))
        )
    table["share_of_spend"] = table["spend"] / total
    table["cumulative_share_of_spend"] = table["share_of_spend"].cumsum()
    return Stores(table, returned(orders), tables.first_day, tables.as_of)
