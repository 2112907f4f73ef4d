"""The business at a glance: the money that flows, the volume behind it, and its history by quarter."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding
from fivestep.language import N_, _, ngettext
from fivestep.profiling.covered_months import covered_months, period
from fivestep.profiling.product_cube import quarter
from fivestep.profiling.returns import is_return

ANSWERS = N_("how money, volume and customers have developed")
YEAR = 4  # quarters


@dataclass(frozen=True)
class BusinessOverview:
    """Money, volume and customers by quarter.

    ``table``: one row per quarter: quarter_name, quarter_covered (share of its days in the data), business_customers (with an
    order), first_orders (customers with their first order in the data), orders (without returns), lines (where there are any),
    spend, spend_per_order, business_discounts, returned_amount (returns and refunds) and business_margin (gross
    profit of the lines) where the data has them. ``whole``: which quarters are complete.
    """

    table: pd.DataFrame
    whole: np.ndarray
    first_day: dt.date
    as_of: dt.date

    def shown(self) -> pd.DataFrame:
        """The last three years, as the reader sees them."""
        return self.table.tail(3 * YEAR).reset_index(drop=True)

    def figure(self) -> Figure:
        """Spend by quarter; quarters that the data covers in part are grey."""
        part = self.table.tail(3 * YEAR)
        return charts.bars(
            part["quarter_name"].tolist(),
            part["spend"].tolist(),
            write=language.short_money,
            accent=self.whole[-len(part) :].tolist(),
        )

    def change(self) -> tuple[float, float, int] | None:
        """Spend of the last whole quarters (four, or one) and of the same ones a year before; how many; None without them."""
        last = np.flatnonzero(self.whole)
        if not len(last):
            return None
        for n in (YEAR, 1):
            now = np.arange(last[-1] - n + 1, last[-1] + 1)
            before = now - YEAR
            if before[0] >= 0 and self.whole[now].all() and self.whole[before].all():
                spend = self.table["spend"].to_numpy()
                return float(spend[now].sum()), float(spend[before].sum()), n
        return None

    def headline(self) -> str:
        """Spend of the last four whole quarters against the four before, else of the last quarter against a year ago."""
        found = self.change()
        if found is None or found[1] <= 0:
            total = self.table["spend"].sum()
            return ngettext("{spend} in {n} quarter", "{spend} in {n} quarters", len(self.table)).format(
                spend=language.money(total), n=language.number(len(self.table))
            )
        now, before, n = found
        rate = now / before - 1
        if n == YEAR:
            words = (
                _("Spend of the last four whole quarters, {now}, is {change} above the four before")
                if rate >= 0
                else _("Spend of the last four whole quarters, {now}, is {change} below the four before")
            )
        else:
            words = (
                _("Spend of the last whole quarter, {now}, is {change} above the same quarter a year before")
                if rate >= 0
                else _("Spend of the last whole quarter, {now}, is {change} below the same quarter a year before")
            )
        return words.format(now=language.money(now), change=language.percent(abs(rate)))

    def table_headline(self) -> str:
        """The quarter with the most customers."""
        top = self.table[self.table["business_customers"] == self.table["business_customers"].max()]
        n = language.number(top["business_customers"].iloc[0])
        if len(top) > 1:
            return _("{k} quarters share the most customers with an order ({n})").format(k=language.number(len(top)), n=n)
        return _("Most customers ordered in {quarter}: {n}").format(quarter=top["quarter_name"].iloc[0], n=n)

    def note(self) -> str:
        """Base, and which quarters are partly covered."""
        base = _(
            "All orders, {period}; spend nets returns and includes orders without a customer, who count as no customer. First "
            "orders: first in the data, so the first quarters hold old customers too."
        ).format(period=period(self.first_day, self.as_of))
        partly = self.table.loc[~self.whole, "quarter_name"].tolist()
        cut = _("Covered in part: {quarters}.").format(quarters=language.listing(partly)) if partly else ""
        return " ".join(filter(None, (base, cut)))

    def finding(self) -> Finding:
        """The change of spend on the year before, or spend where no year can be compared."""
        found = self.change()
        known = found is not None and found[1] > 0
        rate = found[0] / found[1] - 1 if known else 0.0
        total = float(self.table["spend"].sum())
        return Finding(
            key="profiling.spend_on_year" if known else "profiling.spend",
            value=rate if known else total,
            unit="share" if known else "money",
            display=(("+" if rate > 0 else "") + language.percent(rate)) if known else language.short_money(total),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Ask whether customers, orders per customer or spend per order moved: the table shows which.")
            if known
            else _("Compare again once two years are there: quarters of one year differ by season."),
            confidence="high" if known and found[2] == YEAR else "medium",
        )


@needs("orders.order_date", "orders.order_amount", "orders.customer_id", answers=ANSWERS)
def business_overview(tables: Tables) -> BusinessOverview:
    """Money (spend, discounts, returns, margin), volume (orders, lines) and customers by quarter of the order date."""
    orders = tables.orders
    back = is_return(orders)
    by = orders.mutate(_q=orders.order_date.truncate("Q").cast("date"), _back=back)
    sums = {
        "business_customers": by.customer_id.nunique(where=~by._back),
        "orders": (~by._back).sum(),
        "spend": by.order_amount.sum().fill_null(0),
        "returned_amount": -by.order_amount.sum(where=by._back).fill_null(0),
    }
    if "discount_amount" in orders.columns:
        sums["business_discounts"] = by.discount_amount.sum(where=~by._back).fill_null(0)
    if "refund_amount" in orders.columns:
        sums["returned_amount"] += by.refund_amount.sum(where=~by._back).fill_null(0)
    counted = frame(by.group_by("_q").aggregate(**sums), by=["_q"])
    bought = orders.filter(orders.customer_id.notnull() & ~back)
    firsts = bought.group_by("customer_id").aggregate(first=bought.order_date.min())
    firsts = firsts.mutate(_q=firsts["first"].truncate("Q").cast("date"))
    counted = counted.merge(frame(firsts.group_by("_q").aggregate(first_orders=firsts.count()), by=["_q"]), on="_q", how="left")
    if not tables.missing("order_lines.order_date"):
        lines = tables.order_lines.mutate(_q=tables.order_lines.order_date.truncate("Q").cast("date"))
        margin = {"business_margin": lines.gross_profit.sum()} if "gross_profit" in lines.columns else {}
        some = lines.group_by("_q").aggregate(lines=lines.count(), **margin)
        counted = counted.merge(frame(some, by=["_q"]), on="_q", how="left")
    months = covered_months(tables)
    start = months["month"].dt.to_period("Q").dt.start_time
    quarters = months.groupby(start)["days"].sum().rename_axis("_q").reset_index()
    length = (quarters["_q"] + pd.offsets.QuarterEnd(0) - quarters["_q"]).dt.days + 1
    quarters["quarter_covered"] = quarters["days"] / length
    counted["_q"] = pd.to_datetime(counted["_q"]).astype(quarters["_q"].dtype)
    table = quarters.drop(columns="days").merge(counted, on="_q", how="left")
    table.insert(0, "quarter_name", [quarter(q) for q in table["_q"]])
    zero = [c for c in table.columns if c not in ("quarter_name", "quarter_covered", "_q", "business_margin")]
    table[zero] = table[zero].fillna(0)
    table["spend_per_order"] = table["spend"] / table["orders"].where(table["orders"] > 0)
    order = [
        "quarter_name", "quarter_covered", "business_customers", "first_orders", "orders", "lines", "spend",
        "spend_per_order", "business_discounts", "returned_amount", "business_margin",
    ]  # fmt: skip
    whole = (table["quarter_covered"] >= 1).to_numpy()
    return BusinessOverview(table[[c for c in order if c in table]], whole, tables.first_day, tables.as_of)
