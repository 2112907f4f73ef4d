"""What has shifted in needs and market between two halves of the data, beyond noise."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, frame, needs
from fivestep.evaluation.movement import comparable_periods
from fivestep.evaluation.purchases import purchases
from fivestep.evaluation.voice_trend import COMPLAINTS
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import Z
from fivestep.language import N_, _

LEAST = 30  # customers with the value in both halves together, below which nothing is tested
SHOWN = 15
FALSE_DISCOVERY_RATE = 0.05
MORE, LESS = N_("More than before"), N_("Less than before")
# What is looked at, and the field whose labels its values have.
CATEGORY, CHANNEL, PAYMENT, REGION, SOURCE, CAUSE, SEARCH = (
    N_("Category bought"), N_("Channel of orders"), N_("Payment"), N_("Region of buyers"), N_("Source of buyers"),
    N_("Cause of complaints"), N_("Search term"),
)  # fmt: skip
LABELS = {
    CATEGORY: "products.category", CHANNEL: "orders.channel", PAYMENT: "orders.payment_method", REGION: "customers.region",
    SOURCE: "customers.source", CAUSE: "feedback.cause", SEARCH: "events.search_term",
}  # fmt: skip
QUESTION = N_("what has shifted in needs and market")


@dataclass(frozen=True)
class Shifts:
    """Shares of customers in two adjacent windows of ``window_days``.

    ``table``: one row per value that at least `LEAST` customers have: dimension, level (raw), customers_before and customers_now
    (with the value), share_before and share_now (of the customers of that dimension in the window), shift with its 95 % interval,
    chance (corrected for the number of rows), shift_verdict; clear shifts first, the largest on top. ``before_end``: last day of
    the earlier window.
    """

    table: pd.DataFrame
    window_days: int
    before_end: dt.date
    as_of: dt.date

    @property
    def clear(self) -> pd.DataFrame:
        """The rows that shifted beyond noise."""
        return self.table[self.table["shift_verdict"].isin([MORE, LESS])]

    def shown(self) -> pd.DataFrame | NotAvailable:
        """The `SHOWN` largest clear shifts."""
        if self.clear.empty:
            return NotAvailable((), _(QUESTION), reason=_("no share moved beyond noise between the two halves."))
        out = self.clear.head(SHOWN)
        out = out.assign(level=self._levels(out)).drop(columns=["chance", "customers_before"])
        return out.rename(columns={"dimension": "shift_dimension", "level": "shift_level", "customers_now": "shift_customers"})

    def _levels(self, rows: pd.DataFrame) -> list[str]:
        return [language.value(LABELS[d], v) for d, v in zip(rows["dimension"], rows["level"], strict=True)]

    def figure(self) -> Figure | NotAvailable:
        """The `SHOWN` largest clear shifts with their intervals, in points."""
        rows = self.clear.head(SHOWN)
        if rows.empty:
            return self.shown()  # type: ignore[return-value]
        labels = [f"{_(d)}: {level}" for d, level in zip(rows["dimension"], self._levels(rows), strict=True)]
        return charts.intervals(
            labels,
            100 * rows["shift"],
            100 * rows["shift_low"],
            100 * rows["shift_high"],
            write=lambda value: language.number(value, 1),
            reference=0.0,
            xlabel=_("Share of customers, later half less earlier half, in points"),
        )

    def headline(self) -> str:
        """How much shifted, and what most."""
        n = len(self.clear)
        words = {"n": language.number(n), "all": language.number(len(self.table))}
        if not n:
            return _("None of {all} shares in needs and market moved beyond noise").format(**words)
        top = self.clear.iloc[0]
        return _("{n} of {all} shares in needs and market moved beyond noise, most “{level}”: from {before} to {now}").format(
            level=self._levels(self.clear.head(1))[0],
            before=language.percent(top["share_before"], 1),
            now=language.percent(top["share_now"], 1),
            **words,
        )

    def table_headline(self) -> str:
        """By dimension."""
        counts = self.clear["dimension"].value_counts().sort_index()
        told = [f"{_(d)} {language.number(counts[d])}" for d in LABELS if d in counts]
        return _("Clear shifts: {dimensions}").format(dimensions=language.listing(told) or _("none"))

    def note(self) -> str:
        """What is compared."""
        return _(
            "The {days} days up to {middle} against the {days} days up to {day}. Share: customers with the value among the "
            "customers of the half: who ordered, complained or searched. Customers of both halves count in both; the "
            "interval (95%) "
            "allows for it. Clear: false discovery rate {rate} over all {n} values of {least} customers or more. With less than "
            "two years a shift may be the season."
        ).format(
            days=language.number(self.window_days),
            middle=language.day(self.before_end),
            day=language.day(self.as_of),
            rate=language.percent(FALSE_DISCOVERY_RATE, 0),
            n=language.number(len(self.table)),
            least=language.number(LEAST),
        )

    def finding(self) -> Finding:
        """The largest shifts."""
        n = len(self.clear)
        seasonal = self.window_days < 364
        told = [
            _("{level} from {before} to {now}").format(
                level=f"{_(r.dimension)}: {level}",
                before=language.percent(r.share_before, 1),
                now=language.percent(r.share_now, 1),
            )
            for r, level in zip(self.clear.head(5).itertuples(), self._levels(self.clear.head(5)), strict=True)
        ]
        return Finding(
            key="evaluation.clear_shifts",
            value=float(n),
            unit="count",
            display=language.number(n) if n else "",
            text=language.sentence(self.headline()),
            evidence=language.sentence("; ".join(told)) if told else self.note(),
            so_what=_("Hold the plan against these shifts: range, stock, channels and offers first.")
            if n
            else _("Keep the plan: nothing in needs and market asks for another."),
            confidence="medium" if not seasonal else "low",
            warnings=(_("The halves are not whole years: a shift may be the season."),) if seasonal and n else (),
            assumptions=(self.note(),),
        )


@needs("orders.customer_id", "orders.order_amount", answers=QUESTION)
def shifts(tables: Tables) -> Shifts | NotAvailable:
    """Compare shares of customers between the two longest adjacent windows of 52, 26 or 13 weeks.

    The variance is that of the difference of two shares whose customers overlap (a sum over customers of their part in it).
    Source: Benjamini and Hochberg (1995).
    """
    from scipy.stats import false_discovery_control, norm

    periods = comparable_periods(tables)
    if isinstance(periods, NotAvailable):
        return NotAvailable(periods.missing, _(QUESTION), reason=periods.reason)
    days, end = periods.window_days, ibis.literal(tables.as_of)

    def half(of: ibis.Value) -> ibis.Value:
        return (end.delta(of.date(), unit="day") // days).cast("int64")  # 0 is the later half, 1 the earlier one

    parts = [_counted(rows.filter(rows.half < 2), name) for name, rows in _values(tables, half)]
    table = pd.concat([frame(p, by=["dimension", "level"]) for p in parts], ignore_index=True) if parts else pd.DataFrame()
    if not table.empty:
        table = table[(table["b0"] + table["b1"] >= LEAST) & (table["a0"] > 0) & (table["a1"] > 0)]
        table = table[(table["b0"] < table["a0"]) | (table["b1"] < table["a1"])]
    if table.empty:
        return NotAvailable((), _(QUESTION), reason=_("no value of {n} customers or more is in both halves.").format(n=LEAST))
    now, before = table["b0"] / table["a0"], table["b1"] / table["a1"]
    overlap = table["b0_b1"] - before * table["b0_a1"] - now * table["b1_a0"] + now * before * table["a0_a1"]
    variance = now * (1 - now) / table["a0"] + before * (1 - before) / table["a1"] - 2 * overlap / (table["a0"] * table["a1"])
    deviation = np.sqrt(variance.clip(lower=1e-12))
    shift = now - before
    table = table.assign(
        customers_before=table["b1"].astype(int), customers_now=table["b0"].astype(int), share_before=before, share_now=now,
        shift=shift, shift_low=shift - Z * deviation, shift_high=shift + Z * deviation,
        chance=false_discovery_control(2 * norm.sf((shift / deviation).abs()), method="bh"),
    )  # fmt: skip
    clear = table["chance"] <= FALSE_DISCOVERY_RATE
    table["shift_verdict"] = np.select([clear & (shift > 0), clear], [MORE, LESS], N_("No clear change"))
    table = table.assign(place=~clear, size=-shift.abs()).sort_values(["place", "size", "dimension", "level"], ignore_index=True)
    columns = ["dimension", "level", "customers_before", "customers_now", "share_before", "share_now", "shift"]
    return Shifts(table[[*columns, "shift_low", "shift_high", "chance", "shift_verdict"]], days, periods.before_end, tables.as_of)


def _values(tables: Tables, half) -> list[tuple[str, ibis.Table]]:
    """By dimension: customer_id, half, level of everything that the data has."""
    out = []
    bought = purchases(tables.orders)
    bought = bought.mutate(half=half(bought.order_date))
    if not tables.missing("order_lines.customer_id", "order_lines.product_id", "products.category"):
        lines = tables.order_lines.filter(tables.order_lines.customer_id.notnull(), tables.order_lines.line_amount >= 0)
        named = lines.inner_join(tables.products.select("product_id", level="category"), "product_id")
        out.append((CATEGORY, named.select("customer_id", "level", half=half(named.order_date))))
    for name, field in ((CHANNEL, "channel"), (PAYMENT, "payment_method")):
        if field in bought.columns:
            out.append((name, bought.select("customer_id", "half", level=field)))
    for name, field in ((REGION, "region"), (SOURCE, "source")):
        if field in tables.customers.columns:
            people = tables.customers.select("customer_id", level=field)
            out.append((name, bought.inner_join(people, "customer_id").select("customer_id", "half", "level")))
    if not tables.missing("feedback.customer_id", "feedback.cause"):
        told = tables.feedback.filter(tables.feedback.customer_id.notnull())
        if "feedback_type" in told.columns:
            told = told.filter(told.feedback_type.strip().lower().isin(COMPLAINTS))
        out.append((CAUSE, told.select("customer_id", level="cause", half=half(told.created_at))))
    if not tables.missing("events.customer_id", "events.search_term"):
        seen = tables.events.filter(tables.events.customer_id.notnull())
        out.append((SEARCH, seen.select("customer_id", level=seen.search_term.strip().lower(), half=half(seen.occurred_at))))
    return [(name, rows.filter(rows.level.notnull()).distinct()) for name, rows in out]


def _counted(rows: ibis.Table, dimension: str) -> ibis.Table:
    """By level: customers with it now (b0) and before (b1), in both, with it in one half and of the dimension in the other, and
    the customers of the dimension (a0, a1, in both)."""
    base = rows.group_by("customer_id").aggregate(a0=(rows.half == 0).any(), a1=(rows.half == 1).any())
    each = rows.group_by("level", "customer_id").aggregate(b0=(rows.half == 0).any(), b1=(rows.half == 1).any())
    all_ = base.aggregate(a0=base.a0.sum(), a1=base.a1.sum(), a0_a1=(base.a0 & base.a1).sum())
    joined = each.inner_join(base, "customer_id")
    levels = joined.group_by("level").aggregate(
        b0=joined.b0.sum(), b1=joined.b1.sum(), b0_b1=(joined.b0 & joined.b1).sum(), b0_a1=(joined.b0 & joined.a1).sum(),
        b1_a0=(joined.b1 & joined.a0).sum(),
    )  # fmt: skip
    crossed = levels.cross_join(all_)
    numbers = {c: crossed[c].cast("float64") for c in ("b0", "b1", "b0_b1", "b0_a1", "b1_a0", "a0", "a1", "a0_a1")}
    return crossed.select("level", dimension=ibis.literal(dimension), **numbers)
