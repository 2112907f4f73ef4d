"""What the customers buy: departments, categories and brands, and how departments move with the months."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, columns, ngettext
from fivestep.profiling.covered_months import axis_labels, coverage_note, covered_months, period

BUYS = N_("what the customers buy and which part of spend it is")
SEASONS = N_("which departments have a season")
SHOWN = 10
FEW_LINES = 30  # a month of fewer lines is no season
# Light up to the average month of a row, so that text reads and only what stands out is dark.
SHADES = LinearSegmentedColormap.from_list("season", [(0.0, "#ffffff"), (0.4, "#dcebed"), (1.0, charts.ACCENT)])
CLEAR = 1.1  # a peak counts from 10 % above the average month


@dataclass(frozen=True)
class ProductMix:
    """Spend by department, category or brand.

    ``table``: one row per value of ``field``, most spend first, products without one included (None): the field itself,
    customers, share_of_customers (of those with a line), lines, spend, share_of_spend.
    """

    field: str
    table: pd.DataFrame
    buyers: int
    first_day: dt.date
    as_of: dt.date

    def name(self, raw: str) -> str:
        """A department, category or brand as the reader sees it."""
        return language.value(f"products.{self.field}", raw)

    def top(self, n: int = 20) -> pd.DataFrame:
        """The first *n* rows."""
        return self.table.head(n)

    def figure(self) -> Figure:
        """Shares of spend of the first ten, and of the rest together."""
        kept, rest = self.table.iloc[:SHOWN], self.table.iloc[SHOWN:]
        names, shares = [self.name(v) for v in kept[self.field]], kept["share_of_spend"].tolist()
        if len(rest):
            names.append(ngettext("{n} other", "{n} others", len(rest)).format(n=language.number(len(rest))))
            shares.append(rest["share_of_spend"].sum())
        return charts.bars(names, shares, write=lambda v: language.percent(v, 1), accent=[i == 0 for i in range(len(names))])

    def _first(self) -> pd.Series:
        return self.table[self.table[self.field].notna()].iloc[0]

    def headline(self) -> str:
        """The share of the one with the most spend."""
        first, n = self._first(), int(self.table[self.field].notna().sum())
        return ngettext("{share} of spend goes to {name}", "{share} of spend goes to {name}, the most of {n}", n).format(
            share=language.percent(first["share_of_spend"]), name=self.name(first[self.field]), n=language.number(n)
        )

    def note(self) -> str:
        """Base, and how much is without a value."""
        unknown = self.table[self.table[self.field].isna()]
        base = _("Base: {lines} order lines of {customers} customers, {period}. Spend is the sum of line amounts.").format(
            lines=language.number(self.table["lines"].sum()),
            customers=language.number(self.buyers),
            period=period(self.first_day, self.as_of),
        )
        if unknown.empty:
            return base
        return (
            base
            + " "
            + _("{field} unknown: {lines} lines, {spend}.").format(
                field=columns.label(self.field),
                lines=language.number(unknown["lines"].sum()),
                spend=language.money(unknown["spend"].sum()),
            )
        )

    def finding(self) -> Finding:
        """The share of the one with the most spend."""
        first = self._first()
        share = float(first["share_of_spend"])
        unknown = float(self.table.loc[self.table[self.field].isna(), "lines"].sum() / self.table["lines"].sum())
        return Finding(
            key=f"profiling.top_{self.field}_share_of_spend",
            value=share,
            unit="share",
            display=language.percent(share),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Compare brands category by category before prices or shelf space change.")
            if self.field == "brand"
            else _("Judge each by its own growth: totals hide what the smaller ones do."),
            warnings=(_("{share} of lines are unknown in this respect.").format(share=language.percent(unknown)),)
            if unknown >= 0.05
            else (),
        )


@dataclass(frozen=True)
class DepartmentMonths:
    """Spend by department and month.

    ``table``: one row per department and month, also where nothing was sold: department (None: unknown), month, lines, spend,
    month_index (spend per covered day, 100 = the department's own average over the period). ``months``: see `covered_months`.
    """

    table: pd.DataFrame
    months: pd.DataFrame
    first_day: dt.date
    as_of: dt.date

    def _largest(self) -> list[str]:
        spend = self.table[self.table["department"].notna()].groupby("department")["spend"].sum()
        return sorted(spend.index, key=lambda d: (-spend[d], d))[:SHOWN]

    def figure(self) -> Figure:
        """Spend of the ten largest departments and of the others by month; shading compares a month with the other months of its
        row.
        """
        kept = self._largest()
        rows = self.table.assign(row=self.table["department"].where(self.table["department"].isin(kept)))
        spend = rows.pivot_table(index="row", columns="month", values="spend", aggfunc="sum").reindex(kept)
        names = [language.value("products.department", d) for d in kept]
        if (others := rows[rows["row"].isna()]).shape[0]:
            unknown = others["department"].isna().any()
            spend.loc["\0others"] = others.groupby("month")["spend"].sum()
            names.append(_("Others and unknown") if unknown else _("Others"))
        daily = spend / self.months["days"].to_numpy()
        mean = spend.sum(axis=1) / self.months["days"].sum()
        index = daily.div(mean.where(mean > 0), axis=0)
        index.index, index.columns = names, axis_labels(self.months)
        return charts.heatmap(
            index,
            write=lambda x: language.number(x, 2),
            text=spend.map(language.short_number),
            limits=(0.6, 1.6),
            shades=SHADES,
        )

    def _peak(self) -> pd.Series | None:
        whole = self.months.loc[self.months["complete"], "month"]
        able = self.table[
            self.table["department"].isin(self._largest()) & self.table["month"].isin(whole) & (self.table["lines"] >= FEW_LINES)
        ]
        able = able[able["month_index"].notna()]
        if able.empty:
            return None
        return able.sort_values(["month_index", "department", "month"], ascending=[False, True, True]).iloc[0]

    def headline(self) -> str:
        """The department and month furthest above the department's own average."""
        peak = self._peak()
        if peak is None or peak["month_index"] < 100 * CLEAR:
            return _("No large department has a month that lies more than {percent} above its average").format(
                percent=language.percent(CLEAR - 1)
            )
        return _("The clearest season: {department} sells {percent} more per day than its average in {month}").format(
            department=language.value("products.department", peak["department"]),
            percent=language.percent(peak["month_index"] / 100 - 1),
            month=language.month(peak["month"]),
        )

    def note(self) -> str:
        """What cells and shades are."""
        said = _(
            "Cells: spend in {currency}; darker: more per day than in the average month of the row. Base: {lines} order lines, "
            "{period}."
        ).format(
            currency=language.currency(),
            lines=language.number(self.table["lines"].sum()),
            period=period(self.first_day, self.as_of),
        )
        return f"{said} {coverage_note(self.months)}".rstrip()

    def finding(self) -> Finding:
        """The clearest season."""
        peak = self._peak()
        index = 100.0 if peak is None else float(peak["month_index"])
        clear = index >= 100 * CLEAR
        return Finding(
            key="profiling.department_peak_index",
            value=index,
            unit="index",
            display=language.number(index),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Plan stock and campaigns of this department before its month begins.")
            if clear
            else _("Spread campaigns evenly: no month has to be caught."),
            confidence="medium",
            warnings=(
                _(
                    "Less than two years of data: a peak of one year can be chance or a single campaign.",
                ),
            )
            if len(self.months) < 24
            else (),
            assumptions=(
                _(
                    "A season is sought among the ten largest departments, in whole months with at least {lines} lines; spend "
                    "per day is compared, so that short months count the same."
                ).format(lines=language.number(FEW_LINES)),
            ),
        )


@needs("order_lines.line_amount", "order_lines.product_id", "products.department", answers=BUYS)
def departments(tables: Tables) -> ProductMix | NotAvailable:
    """Spend, lines and customers by department; lines whose product or department is unknown are counted as unknown."""
    return _mix(tables, "department")


@needs("order_lines.line_amount", "order_lines.product_id", "products.category", answers=BUYS)
def categories(tables: Tables) -> ProductMix | NotAvailable:
    """Spend, lines and customers by category; lines whose product or category is unknown are counted as unknown."""
    return _mix(tables, "category")


@needs("order_lines.line_amount", "order_lines.product_id", "products.brand", answers=BUYS)
def brands(tables: Tables) -> ProductMix | NotAvailable:
    """Spend, lines and customers by brand (or private label); lines whose product or brand is unknown are counted as unknown."""
    return _mix(tables, "brand")


@needs("order_lines.line_amount", "order_lines.order_date", "order_lines.product_id", "products.department", answers=SEASONS)
def department_months(tables: Tables) -> DepartmentMonths | NotAvailable:
    """Spend by department and month; a season needs three whole months to be seen."""
    months = covered_months(tables)
    if months["complete"].sum() < 3:
        return NotAvailable((), _(SEASONS), reason=_("The data covers fewer than three whole months."))
    lines = _lines(tables, "department").mutate(month=ibis._.order_date.truncate("M").cast("date"))
    counted = frame(
        lines.group_by("department", "month").aggregate(lines=lines.count(), spend=lines.line_amount.sum().fill_null(0)),
        by=["department", "month"],
    )
    counted["month"] = pd.to_datetime(counted["month"]).astype(months["month"].dtype)
    counted["department"] = counted["department"].astype(object).where(counted["department"].notna(), None)
    values = sorted(counted["department"].dropna().unique()) + ([None] if counted["department"].isna().any() else [])
    if values in ([], [None]):
        return NotAvailable((), _(SEASONS), reason=_("No order line has a known department."))
    grid = pd.DataFrame([(d, m) for d in values for m in months["month"]], columns=["department", "month"]).astype(
        {"department": object, "month": months["month"].dtype}
    )
    table = grid.merge(counted, on=["department", "month"], how="left").merge(months[["month", "days"]], on="month")
    table = table.sort_values(["department", "month"], na_position="last", ignore_index=True)
    table["lines"], table["spend"] = table["lines"].fillna(0).astype(int), table["spend"].fillna(0.0)
    mean = table.groupby("department", dropna=False)["spend"].transform("sum") / months["days"].sum()
    table["month_index"] = 100 * (table["spend"] / table.pop("days")) / mean.where(mean > 0)
    return DepartmentMonths(table, months, tables.first_day, tables.as_of)


def _lines(tables: Tables, field: str) -> ibis.Table:
    """Order lines with *field* of their product; None where the product or its value is unknown."""
    lines, products = tables.order_lines, tables.products
    known = products.select(_product=products.product_id, **{field: products[field]})
    return lines.drop(*(c for c in (field,) if c in lines.columns)).left_join(known, lines.product_id == known._product)


def _mix(tables: Tables, field: str) -> ProductMix | NotAvailable:
    lines = _lines(tables, field)
    counted = lines.group_by(field).aggregate(
        customers=lines.customer_id.nunique(), lines=lines.count(), spend=lines.line_amount.sum().fill_null(0)
    )
    table = frame(counted, by=[field])
    table[field] = table[field].astype(object).where(table[field].notna(), None)
    if table[field].isna().all():
        return NotAvailable((), _(BUYS), reason=_("{field} of every order line is unknown.").format(field=columns.label(field)))
    buyers = int(tables.order_lines.customer_id.nunique().to_pandas())
    total = float(table["spend"].sum())
    if total <= 0:
        return NotAvailable(
            (), _(BUYS), reason=_("Spend adds up to {money}, so shares of it say nothing.").format(money=language.money(total))
        )
    table["share_of_customers"] = table["customers"] / buyers if buyers else np.nan
    table["share_of_spend"] = table["spend"] / total
    table = table.sort_values(["spend", field], ascending=[False, True], na_position="last", ignore_index=True)
    table = table[[field, "customers", "share_of_customers", "lines", "spend", "share_of_spend"]]
    return ProductMix(field, table, buyers, tables.first_day, tables.as_of)
