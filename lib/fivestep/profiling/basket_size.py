"""How much an order holds: its lines and what it is worth."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.charts.theme import style
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding
from fivestep.language import N_, _
from fivestep.profiling.covered_months import period

# Statistics of the table: name -> quantile, None for the mean.
STATISTICS = {N_("Mean"): None, N_("Lower quartile"): 0.25, N_("Median"): 0.5, N_("Upper quartile"): 0.75, N_("90th percentile"): 0.9}
LINE_EDGES = (1, 2, 3, 6, 11, 21, 51)  # 1, 2, 3–5, 6–10 ...
BINS = 10


@dataclass(frozen=True)
class BasketSize:
    """Size of the orders.

    ``table``: one row per statistic (mean, quartiles, 90th percentile): statistic, order_spend, lines_per_order (of orders with lines; absent without lines).
    ``spend_bins`` and ``line_bins``: basket_size (as written on the axis: lower and upper end), orders, share_of_orders.
    """

    table: pd.DataFrame
    spend_bins: pd.DataFrame
    line_bins: pd.DataFrame | None
    orders: int
    orders_with_lines: int
    first_day: dt.date
    as_of: dt.date

    def figure(self) -> Figure:
        """Share of orders by spend and, where there are lines, by number of lines."""
        panels = [(self.spend_bins, _("Share of orders by spend"), language.money)]
        if self.line_bins is not None:
            panels.append((self.line_bins, _("Share of orders by number of lines"), language.number))
        fig, axes = charts.figure(height=2.6, ncols=len(panels), squeeze=False)
        with mpl.rc_context(style()):
            for ax, (bins, title, write) in zip(axes.flat, panels, strict=True):
                ax.bar(np.arange(len(bins)), bins["share_of_orders"], color=charts.ACCENT, width=0.78)
                labels = [_range(low, high, write) for low, high in zip(bins["low"], bins["high"], strict=True)]
                wordy = write is language.money
                ax.set_xticks(np.arange(len(bins)), labels, rotation=45 if wordy else 0, ha="right" if wordy else "center", rotation_mode="anchor" if wordy else None)
                ax.yaxis.set_major_formatter(lambda value, _place: language.percent(value))
                ax.yaxis.set_major_locator(mpl.ticker.MaxNLocator(5))
                ax.grid(axis="y")
                ax.spines["left"].set_visible(False)
                ax.set_title(title, loc="left", fontsize=7.5, color=charts.MUTED)
        return fig

    def _statistic(self, name: str, column: str) -> float:
        return float(self.table.loc[self.table["statistic"] == name, column].iloc[0])

    def headline(self) -> str:
        """Median spend and lines of an order."""
        money = language.money(self._statistic("Median", "order_spend"), 2)
        if "lines_per_order" not in self.table:
            return _("Half of the orders come to {money} or less").format(money=money)
        lines = self._statistic("Median", "lines_per_order")
        return _("Half of the orders come to {money} or less; the median order has {lines} different products").format(
            money=money, lines=language.number(lines, 0 if lines == round(lines) else 1)
        )

    def note(self) -> str:
        """Base."""
        base = _("Base: {n} orders, {period}, those of zero and below included.").format(n=language.number(self.orders), period=period(self.first_day, self.as_of))
        if self.orders_with_lines in (0, self.orders):
            return base
        return base + " " + _("Lines are those of the {n} orders that have any.").format(n=language.number(self.orders_with_lines))

    def finding(self) -> Finding:
        """The median order."""
        median, upper = self._statistic("Median", "order_spend"), self._statistic("Upper quartile", "order_spend")
        return Finding(
            key="profiling.median_order_spend",
            value=median,
            unit="money",
            display=language.money(median, 2),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Set a spend threshold for an offer above {median}: below it, half of the orders qualify as they are; above {upper}, only one in four does.").format(
                median=language.money(median), upper=language.money(upper)
            ),
        )


@needs("orders.order_amount", answers=N_("how many lines an order has and what it is worth"))
def basket_size(tables: Tables) -> BasketSize:
    """Mean and quantiles (linear interpolation) of order amounts and of lines per order, and their distributions.

    Orders without an amount are excluded; orders without a customer count. Bins of spend have a round width chosen from the 95th percentile.
    """
    orders = tables.orders.filter(tables.orders.order_amount.notnull()).select(size=tables.orders.order_amount.cast("float64"), exact=tables.orders.order_amount)
    values, n, top = _described(orders, orders.exact)
    width = _round_width(top / BINS)
    spend_bins = _binned(orders, [0.0, *(round(width * i, 10) for i in range(1, BINS + 1))], n)
    table, line_bins, n_lined = pd.DataFrame({"statistic": list(STATISTICS), "order_spend": values}), None, 0
    if not tables.missing("order_lines.order_id"):
        lined = tables.order_lines.group_by("order_id").aggregate(exact=tables.order_lines.count())
        lined = lined.mutate(size=lined.exact.cast("float64"))
        table["lines_per_order"], n_lined, _top = _described(lined, lined.exact)
        line_bins = _binned(lined, list(map(float, LINE_EDGES)), n_lined)
    return BasketSize(table, spend_bins, line_bins, n, n_lined, tables.first_day, tables.as_of)
