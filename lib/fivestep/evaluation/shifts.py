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

LEAST = 30  # customers with the value, below which nothing is tested
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
    """Shares of order lines, orders, complaints and searches in two adjacent windows of ``window_days``.

    ``table``: one row per value that at least `LEAST` customers have: dimension, level (raw), times_before and times_now (lines,
    orders, complaints or searches with it), share_before and share_now (of all of the window), shift with its 95 % interval,
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
        out = out.assign(level=self._levels(out)).drop(columns=["chance", "times_before"])
        return out.rename(columns={"dimension": "shift_dimension", "level": "shift_level", "times_now": "shift_times"})

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
            xlabel=_("Share in the later half less share in the earlier half, in points"),
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
            "The {days} days up to {middle} against the {days} days up to {day}. Shares: of order lines for categories, of "
            "orders for channel, payment, region and source, of complaints, of searches. What one customer "
            "does hangs together: the "
            "interval (95%) takes customers, not orders, as drawn. Clear: false discovery rate {rate} over all {n} values that "
            "{least} customers or more have. With less than two years a shift may be the season."
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
    """Compare shares between the two longest adjacent windows of 52, 26 or 13 weeks.

    The variance is that of the difference of two ratios whose customers overlap: the sum of squares of what each customer adds
    to it. Sources: Cochran (1977), Sampling Techniques, 6.3 and 9A.2; Benjamini and Hochberg (1995).
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
        table = table[(table["people"] >= LEAST) & (table["a0"] > 0) & (table["a1"] > 0)]
        table = table[(table["b0"] < table["a0"]) | (table["b1"] < table["a1"])]
    if table.empty:
        return NotAvailable((), _(QUESTION), reason=_("no value of {n} customers or more is in both halves.").format(n=LEAST))
    now, before = table["b0"] / table["a0"], table["b1"] / table["a1"]
    own = [
        (table[f"b{h}b{h}"] - 2 * share * table[f"b{h}a{h}"] + share**2 * table[f"a{h}a{h}"]) / table[f"a{h}"] ** 2
        for h, share in ((0, now), (1, before))
    ]
    overlap = table["b0b1"] - before * table["b0a1"] - now * table["b1a0"] + now * before * table["a0a1"]
    variance = own[0] + own[1] - 2 * overlap / (table["a0"] * table["a1"])
    deviation = np.sqrt(variance.clip(lower=1e-12))
    shift = now - before
    table = table.assign(
        times_before=table["b1"].astype(int), times_now=table["b0"].astype(int), share_before=before, share_now=now, shift=shift,
        shift_low=shift - Z * deviation, shift_high=shift + Z * deviation,
        chance=false_discovery_control(2 * norm.sf((shift / deviation).abs()), method="bh"),
    )  # fmt: skip
    clear = table["chance"] <= FALSE_DISCOVERY_RATE
    table["shift_verdict"] = np.select([clear & (shift > 0), clear], [MORE, LESS], N_("No clear change"))
    table = table.assign(place=~clear, size=-shift.abs()).sort_values(["place", "size", "dimension", "level"], ignore_index=True)
    columns = ["dimension", "level", "times_before", "times_now", "share_before", "share_now", "shift"]
    return Shifts(table[[*columns, "shift_low", "shift_high", "chance", "shift_verdict"]], days, periods.before_end, tables.as_of)


def _values(tables: Tables, half) -> list[tuple[str, ibis.Table]]:
    """By dimension: customer_id, half, level of every line, order, complaint or search that the data has."""
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
    return [(name, rows.filter(rows.level.notnull())) for name, rows in out]


def _counted(rows: ibis.Table, dimension: str) -> ibis.Table:
    """By level: people (customers with it) and sums over customers of how often they had it now (b0) and before (b1), of all that
    they had now (a0) and before (a1), and of the products of these."""
    base = rows.group_by("customer_id").aggregate(a0=(rows.half == 0).sum(), a1=(rows.half == 1).sum())
    each = rows.group_by("level", "customer_id").aggregate(b0=(rows.half == 0).sum(), b1=(rows.half == 1).sum())
    of_all = {"a0": base.a0, "a1": base.a1, "a0a0": base.a0 * base.a0, "a1a1": base.a1 * base.a1, "a0a1": base.a0 * base.a1}
    joined = each.inner_join(base, "customer_id")
    pairs = {f"{x}{y}": joined[x] * joined[y] for x, y in PRODUCTS}
    levels = joined.group_by("level").aggregate(
        people=joined.count(), b0=joined.b0.sum(), b1=joined.b1.sum(), **{name: of.sum() for name, of in pairs.items()}
    )
    crossed = levels.cross_join(base.aggregate(**{name: of.sum() for name, of in of_all.items()}))
    numbers = {c: crossed[c].cast("float64") for c in ("people", "b0", "b1", *pairs, *of_all)}
    return crossed.select("level", dimension=ibis.literal(dimension), **numbers)


PRODUCTS = (("b0", "b0"), ("b1", "b1"), ("b0", "b1"), ("b0", "a0"), ("b1", "a1"), ("b0", "a1"), ("b1", "a0"))
