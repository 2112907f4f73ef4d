"""How much an order holds: its lines and what it is worth."""

from __future__ import annotations

import datetime as dt
import functools
import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.charts.theme import style
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _
from fivestep.profiling.covered_months import period
from fivestep.profiling.returns import is_return, left_out_note, without_returns

ANSWERS = N_("how many lines an order has and what it is worth")
# Statistics of the table: name -> quantile, None for the mean.
STATISTICS = {
    N_("Mean"): None,
    N_("Lower quartile"): 0.25,
    N_("Median"): 0.5,
    N_("Upper quartile"): 0.75,
    N_("90th percentile"): 0.9,
}
LINE_EDGES = (1, 2, 3, 6, 11, 21, 51)  # 1, 2, 3–5, 6–10 ...
BINS = 12  # at most, up to the 95th percentile


@dataclass(frozen=True)
class BasketSize:
    """Size of the orders.

    ``table``: one row per statistic (mean, quartiles, 90th percentile): statistic, order_spend, lines_per_order (of orders with
    lines; absent without lines). ``spend_bins`` and ``line_bins`` (None without lines): low (included),
    high (excluded; NaN for the last), orders, share_of_orders.
    """

    table: pd.DataFrame
    spend_bins: pd.DataFrame
    line_bins: pd.DataFrame | None
    orders: int
    orders_with_lines: int
    returns: int
    first_day: dt.date
    as_of: dt.date

    def figure(self) -> Figure:
        """Share of orders by spend and, where there are lines, by number of lines."""
        panels = 1 if self.line_bins is None else 2
        fig, axes = charts.figure(height=2.5, ncols=panels, squeeze=False)
        with mpl.rc_context(style()):
            bins = self.spend_bins
            _distribution(axes[0, 0], bins, _("Share of orders by spend"))
            digits = 0 if (bins["low"] % 1 == 0).all() else 2
            open_ended = bins["high"].isna()
            # An edge is written between the bars that it parts, an open end under its bar.
            ticks = [place if is_open else place - 0.5 for place, is_open in enumerate(open_ended)]
            texts = [
                _("{amount}+").format(amount=language.money(low, digits)) if math.isnan(high) else language.money(low, digits)
                for low, high in zip(bins["low"], bins["high"], strict=True)
            ]
            axes[0, 0].set_xticks(ticks, texts, rotation=45, ha="right", rotation_mode="anchor")
            if self.line_bins is not None:
                bins = self.line_bins
                _distribution(axes[0, 1], bins, _("Share of orders by number of lines"))
                texts = [
                    _("{n}+").format(n=language.number(low))
                    if math.isnan(high)
                    else language.number(low)
                    if high == low + 1
                    else f"{language.number(low)}–{language.number(high - 1)}"
                    for low, high in zip(bins["low"], bins["high"], strict=True)
                ]
                axes[0, 1].set_xticks(np.arange(len(bins)), texts)
        return fig

    def _statistic(self, name: str, column: str) -> float:
        return float(self.table.loc[self.table["statistic"] == name, column].iloc[0])

    def headline(self) -> str:
        """Median spend and lines of an order."""
        money = language.money(self._statistic("Median", "order_spend"), 2)
        if "lines_per_order" not in self.table:
            return _("Half of the orders come to {money} or less").format(money=money)
        lines = self._statistic("Median", "lines_per_order")
        return _("Half of the orders come to {money} or less; the median number of order lines is {lines}").format(
            money=money, lines=language.number(lines, 0 if lines == round(lines) else 1)
        )

    def spread_headline(self) -> str:
        """Between which amounts the middle half of the orders lies."""
        return _("The middle half of the orders lies between {low} and {high}").format(
            low=language.money(self._statistic("Lower quartile", "order_spend"), 2),
            high=language.money(self._statistic("Upper quartile", "order_spend"), 2),
        )

    def note(self) -> str:
        """Base."""
        base = _("Base: {n} orders, {period}, those of zero included.").format(
            n=language.number(self.orders), period=period(self.first_day, self.as_of)
        )
        lined = (
            ""
            if self.orders_with_lines in (0, self.orders)
            else _("Lines are those of the {n} orders that have any.").format(n=language.number(self.orders_with_lines))
        )
        return " ".join(filter(None, (base, left_out_note(self.returns), lined)))

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
            so_what=_(
                "Set a spend threshold for an offer above {median}: up to it, half of the orders qualify as they are; above "
                "{upper}, at most one in four does."
            ).format(median=language.money(median), upper=language.money(upper)),
        )


@needs("orders.order_amount", answers=ANSWERS)
def basket_size(tables: Tables) -> BasketSize | NotAvailable:
    """Mean and quantiles (linear interpolation) of order amounts and of lines per order, and their distributions.

    Orders without an amount and returns (negative amounts) are excluded; orders without a customer count.
    Bins of spend have a round width chosen from the 95th
    percentile.
    """
    bought, returns = without_returns(tables)
    orders = bought.filter(bought.order_amount.notnull()).select(exact="order_amount")
    values, n, top = _described(orders)
    if not n:
        return NotAvailable((), _(ANSWERS), reason=_("No order has an amount of zero or above."))
    width = _round_width(top / BINS)
    spend_bins = _binned(orders, [round(width * i, 10) for i in range(max(math.ceil(top / width), 1) + 1)], n)
    table, line_bins, n_lined = pd.DataFrame({"statistic": list(STATISTICS), "order_spend": values}), None, 0
    if not tables.missing("order_lines.order_id"):
        back = tables.orders.filter(is_return(tables.orders)).select("order_id")
        lines = tables.order_lines.anti_join(back, "order_id")
        lined = lines.group_by("order_id").aggregate(exact=lines.count()).select("exact")
        values, n_lined, _top = _described(lined)
        if n_lined:
            table["lines_per_order"], line_bins = values, _binned(lined, LINE_EDGES, n_lined)
    return BasketSize(table, spend_bins, line_bins, n, n_lined, returns, tables.first_day, tables.as_of)


def _described(sizes: ibis.Table) -> tuple[list[float], int, float]:
    """The statistics of the column ``exact``, the number of rows and the 95th percentile."""
    size = sizes.exact.cast("float64")
    quantiles = {str(q): size.quantile(q) for q in (*STATISTICS.values(), 0.95) if q is not None}
    # The mean comes from the exact sum, so that the order of rows plays no part.
    seen = sizes.aggregate(n=sizes.count(), total=sizes.exact.sum().cast("float64"), **quantiles).to_pandas().iloc[0]
    n = int(seen["n"])
    values = [float(seen["total"]) / n if q is None else float(seen[str(q)]) for q in STATISTICS.values()] if n else []
    return values, n, float(seen["0.95"])


def _binned(sizes: ibis.Table, edges: Sequence[float], n: int) -> pd.DataFrame:
    """Rows per bin [edge, next edge); the last is open; no size is below the first edge."""
    size = sizes.exact.cast("float64")
    place = functools.reduce(operator.add, [(size >= edge).cast("int64") for edge in edges])
    counted = sizes.select(place=place)
    counts = frame(counted.group_by("place").aggregate(orders=counted.count()), by=["place"]).set_index("place")["orders"]
    counts = counts.reindex(range(1, len(edges) + 1), fill_value=0)
    ends = [*map(float, edges), math.nan]
    return pd.DataFrame(
        {
            "low": ends[:-1],
            "high": ends[1:],
            "orders": counts.to_numpy(),
            "share_of_orders": counts.to_numpy() / n,
        }
    )


def _round_width(least: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is not below *least*."""
    if not least > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least * (1 - 1e-9))


def _distribution(ax: Axes, bins: pd.DataFrame, title: str) -> None:
    ax.bar(np.arange(len(bins)), bins["share_of_orders"], color=charts.ACCENT, width=0.9)
    ax.yaxis.set_major_formatter(lambda value, _place: language.percent(value, 0 if bins["share_of_orders"].max() >= 0.05 else 1))
    ax.yaxis.set_major_locator(mpl.ticker.MaxNLocator(5))
    ax.grid(axis="y")
    ax.spines["left"].set_visible(False)
    ax.set_title(title, loc="left", fontsize=7.5, color=charts.MUTED)
