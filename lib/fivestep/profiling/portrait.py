"""Who the customers are: their groups by age, income, household and other traits, and what each group spends."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from statistics import NormalDist

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.charts.theme import WIDTH, style
from fivestep.engine import Tables, frame, needs
from fivestep.errors import UserError
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, columns, ngettext
from fivestep.profiling.covered_months import period

ANSWERS = N_("who the customers are and which groups spend more than others")
# The traits of a customer that make groups, in the order in which they are shown.
FIELDS = (
    "age_band", "gender", "income_band", "household_size", "household_composition", "kids_count", "marital_status", "home_ownership", "education", "occupation",
    "country", "region", "province", "city", "district", "customer_type", "industry", "company_size", "customer_level", "member_level", "source",
)  # fmt: skip
ORDERED = ("age_band", "income_band", "household_size", "kids_count", "company_size")  # the others are sorted by size
# The figure shows the first field that is there of each line.
FAMILIES = (("age_band",), ("gender",), ("income_band",), ("household_size", "household_composition"), ("region", "province", "city", "country"))
SHOWN_GROUPS = 12
FEW = 30  # the mean of fewer customers gets no interval
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Portrait:
    """Customers by one trait.

    ``table``: one row per group, ordered bands in their order and other groups by size, unknown last: the field itself, customers, share_of_customers with its
    Wilson interval (portrait_share_low, portrait_share_high), spend, spend_per_customer, spend_index (100 = all customers) with its interval (spend_index_low, spend_index_high;
    empty below 30 customers). The intervals of all ``comparisons`` groups hold together with 95 %. ``inactive``: customers without an order, who count with no spend.
    """

    field: str
    table: pd.DataFrame
    comparisons: int
    inactive: int
    unmatched: tuple[int, float]
    first_day: dt.date
    as_of: dt.date

    @property
    def known(self) -> pd.DataFrame:
        """The groups, without the customers of whom the trait is unknown."""
        return self.table[self.table[self.field].notna()]

    @property
    def unknown_share(self) -> float:
        """Share of customers of whom the trait is unknown."""
        return float(1 - self.known["customers"].sum() / self.table["customers"].sum())

    def differing(self) -> pd.DataFrame:
        """Groups whose spend per customer differs from the average beyond chance, furthest from it first."""
        known = self.known
        low, high = known["spend_index_low"].round(6), known["spend_index_high"].round(6)  # no difference by the last bit of a float
        apart = known[(low > 100) | (high < 100)]
        return apart.assign(_distance=(apart["spend_index"] - 100).abs()).sort_values(["_distance", self.field], ascending=[False, True]).drop(columns="_distance")

    def largest(self) -> pd.Series | None:
        """The group with the most customers, if its interval lies above those of all others."""
        by_size = self.known.sort_values(["customers", self.field], ascending=[False, True])
        if len(by_size) < 2 or by_size["portrait_share_low"].iloc[0] <= by_size["portrait_share_high"].iloc[1:].max():
            return None
        return by_size.iloc[0]

    def headline(self) -> str:
        """The group that spends most above (else below) average, else the largest group; only what the intervals support."""
        known, apart, largest = self.known, self.differing(), self.largest()
        label = columns.label(self.field)
        if len(known) == 1:
            return _("All customers of known {field} belong to one group: {group}").format(field=_quoted(label), group=self.name(known[self.field].iloc[0]))
        above = apart[apart["spend_index"] > 100]
        if len(apart):
            best = (above if len(above) else apart).iloc[0]
            said = (
                _("Spend per customer is {percent} above average for {group} ({field}), who are {share} of customers")
                if best["spend_index"] > 100
                else _("Spend per customer is {percent} below average for {group} ({field}), who are {share} of customers")
            )
            return said.format(
                percent=language.percent(abs(best["spend_index"] / 100 - 1)),
                group=self.name(best[self.field]),
                field=label,
                share=language.percent(best["share_of_customers"]),
            )
        if largest is not None:
            return _("{group} is the largest known group by {field} ({share} of customers); no group's spend per customer differs reliably from the average").format(
                group=self.name(largest[self.field]), field=_quoted(label), share=language.percent(largest["share_of_customers"])
            )
        return _("Groups by {field} differ reliably neither in spend per customer from the average nor in which is the largest").format(field=_quoted(label))

    def name(self, raw: str) -> str:
        """A group as the reader sees it."""
        return language.value(f"customers.{self.field}", raw)

    def note(self) -> str:
        """Base, intervals and what counts how."""
        base = _("Base: {n} customers, {unknown} of them unknown; spend of {period}. Index: spend per customer, 100 = all customers.").format(
            n=language.number(self.table["customers"].sum()), unknown=language.percent(self.unknown_share), period=period(self.first_day, self.as_of)
        )
        intervals = _("Intervals: 95% (Wilson) for each share; 95% for the {m} indices of this section together, none below {few} customers.").format(
            m=language.number(self.comparisons), few=language.number(FEW)
        )
        return " ".join((base, intervals, *self._counted()))

    def _counted(self) -> tuple[str, ...]:
        return _left_out(self.inactive, self.unmatched)


@dataclass(frozen=True)
class Demographics:
    """Every trait of the customers that the data has; ``portraits`` holds one `Portrait` per field with a known value."""

    portraits: tuple[Portrait, ...]

    @property
    def shown(self) -> tuple[Portrait, ...]:
        """The portraits in the figure: one per kind of trait, those with more than one group."""
        able = {p.field: p for p in self.portraits if len(p.known) > 1}
        firsts = [next((f for f in family if f in able), None) for family in FAMILIES]
        return tuple(able[f] for f in firsts if f) or self.portraits[:1]

    def figure(self) -> Figure:
        """Shares of customers with 95 % intervals, one panel per trait; the groups that are reliably the largest stand out."""
        shown = self.shown
        across = min(len(shown), 3)
        down = math.ceil(len(shown) / across)
        most = max(min(len(p.known), SHOWN_GROUPS + 1) for p in shown)
        fig, axes = charts.figure(height=down * (0.5 + 0.2 * max(most, 3)), width=WIDTH, nrows=down, ncols=across, squeeze=False)
        with mpl.rc_context(style()):
            for ax, portrait in zip(axes.flat, shown, strict=False):
                _panel(ax, portrait)
            for ax in axes.flat[len(shown) :]:
                ax.set_visible(False)
        return fig

    def headline(self) -> str:
        """The groups that are reliably the largest of their trait."""
        found = [(p, g) for p in self.shown if (g := p.largest()) is not None]
        named = [
            _("{group} ({share})").format(group=p.name(g[p.field]), share=language.percent(g["share_of_customers"])) for p, g in found
        ]
        fields = language.listing([_quoted(columns.label(p.field)) for p in self.shown])
        if not named:
            return _("By {fields}, no group is reliably the largest").format(fields=fields)
        return ngettext("The largest known group of customers is {groups}", "The largest known groups of customers are {groups}", len(named)).format(
            groups=language.listing(named)
        )

    def note(self) -> str:
        """Base and intervals of the figure."""
        first = self.shown[0]
        return _("Base: {n} customers. Bars: share of all customers; whiskers: 95% Wilson interval. A group is called the largest if its interval lies above all others.").format(
            n=language.number(first.table["customers"].sum())
        )

    def finding(self) -> Finding:
        """Which group's spend per customer is furthest from the average, of all traits."""
        tested = sum(int(p.known["spend_index_low"].notna().sum()) for p in self.portraits)
        apart = [(p, row) for p in self.portraits for _i, row in p.differing().iterrows()]
        above = [(p, row) for p, row in apart if row["spend_index"] > 100]
        customers = int(self.portraits[0].table["customers"].sum())
        if apart:
            portrait, row = max(above or apart, key=lambda found: abs(found[1]["spend_index"] - 100))
            said = (
                _("Spend per customer is {percent} above average for {group} ({field}); no reliable difference above average is larger")
                if above
                else _("Spend per customer is {percent} below average for {group} ({field}); no group is reliably above")
            )
            text = said.format(
                percent=language.percent(abs(row["spend_index"] / 100 - 1)), group=portrait.name(row[portrait.field]), field=columns.label(portrait.field)
            )
            value, unit, display = float(row["spend_index"]), "index", language.number(row["spend_index"])
            so_what = _("Use the trait to choose whom to address, together with what the customers buy; a trait alone explains little of a single customer's spend.")
        else:
            text = _("No group by any trait differs reliably from the average spend per customer")
            value, unit, display = 0.0, "count", language.number(0)
            so_what = _("Do not choose customers by these traits alone; what they buy says more.")
        unknown = [p for p in self.portraits if p.unknown_share >= 0.2]
        return Finding(
            key="profiling.spend_by_trait",
            value=value,
            unit=unit,
            display=display,
            text=language.sentence(text),
            evidence=_("Base: {n} customers in {groups} groups of {few} and more by {traits} traits, {period}.").format(
                n=language.number(customers),
                groups=language.number(tested),
                few=language.number(FEW),
                traits=language.number(len(self.portraits)),
                period=period(self.portraits[0].first_day, self.portraits[0].as_of),
            ),
            so_what=so_what,
            confidence="high" if customers >= 10 * FEW else "medium" if customers >= 100 else "low",
            warnings=(
                *(
                    (_("Unknown for a fifth of customers or more: {fields}.").format(fields=language.listing([columns.label(p.field) for p in unknown])),)
                    if unknown
                    else ()
                ),
                *_left_out(0, self.portraits[0].unmatched),
            ),
            assumptions=(
                _("Intervals treat the customers as a sample of customers like them. A group differs reliably if the interval of its index, widened for the number of groups compared (Bonferroni), excludes 100."),
            ),
        )  # fmt: skip


@needs("customers.customer_id", "orders.customer_id", "orders.order_amount", answers=ANSWERS)
def demographics(tables: Tables) -> Demographics | NotAvailable:
    """A `Portrait` of every demographic field that the customers table has a value of.

    Index intervals are widened for the groups of all fields together, so that one claim in twenty reports, not in twenty groups, is due to chance.
    """
    fields = [f for f in FIELDS if not tables.missing(f"customers.{f}")]
    if not fields:
        return NotAvailable(tuple(f"customers.{f}" for f in FIELDS[:4]), _(ANSWERS))
    customers, unmatched = _spending(tables, fields)
    fields = [f for f in fields if customers[f].notna().any()]
    if not fields:
        return NotAvailable((), _(ANSWERS), reason=_("No trait of any customer is known."))
    comparisons = sum(_testable(customers[f]) for f in fields)
    return Demographics(tuple(_portrait(customers, f, comparisons, unmatched, tables) for f in fields))


@needs("customers.customer_id", "orders.customer_id", "orders.order_amount", answers=ANSWERS)
def portrait(tables: Tables, field: str) -> Portrait | NotAvailable:
    """Customers, share and spend of each group by *field* of the customers table (text).

    Every customer of the table counts, with no spend where no order is known; customers without a value make the group Unknown. Orders without a customer and orders of
    customers that the table lacks are left out.

    Source: Wilson (1927) for shares; for indices the linearised ratio of two means (Cochran 1977, Sampling Techniques) with Bonferroni's correction.
    """
    if field not in FIELDS:
        raise UserError(f"portrait: {field!r} is no trait that makes groups. Choose one of {', '.join(FIELDS)}.")
    if tables.missing(f"customers.{field}"):
        return NotAvailable((f"customers.{field}",), _(ANSWERS))
    customers, unmatched = _spending(tables, [field])
    if customers[field].isna().all():
        return NotAvailable((), _(ANSWERS), reason=_("{field} of every customer is unknown.").format(field=columns.label(field)))
    return _portrait(customers, field, _testable(customers[field]), unmatched, tables)


def wilson(found: np.ndarray, of: float) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper end of the 95 % interval of shares *found* / *of* (Wilson, 1927)."""
    z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
    share = np.asarray(found, dtype=float) / of
    centre, half = share + z**2 / (2 * of), z * np.sqrt(share * (1 - share) / of + z**2 / (4 * of**2))
    return np.clip((centre - half) / (1 + z**2 / of), 0, 1), np.clip((centre + half) / (1 + z**2 / of), 0, 1)


def _spending(tables: Tables, fields: list[str]) -> tuple[pd.DataFrame, tuple[int, float]]:
    """Fields, orders and spend of every customer; number and amount of orders of customers that the table lacks."""
    orders = tables.orders.filter(tables.orders.customer_id.notnull())
    spent = orders.group_by("customer_id").aggregate(orders=orders.count(), spend=orders.order_amount.sum().fill_null(0))
    people = tables.customers.select("customer_id", *fields)
    customers = frame(people.left_join(spent, "customer_id").drop("customer_id_right"), by=["customer_id"])
    customers[["orders", "spend"]] = customers[["orders", "spend"]].fillna(0).astype(float)
    lost = orders.anti_join(people.select("customer_id"), "customer_id")
    seen = lost.aggregate(n=lost.count(), amount=lost.order_amount.sum().fill_null(0).cast("float64")).to_pandas().iloc[0]
    return customers, (int(seen["n"]), float(seen["amount"]))


def _testable(values: pd.Series) -> int:
    return int((values.value_counts() >= FEW).sum())


def _portrait(customers: pd.DataFrame, field: str, comparisons: int, unmatched: tuple[int, float], tables: Tables) -> Portrait:
    spend, n = customers["spend"], len(customers)
    mean = float(spend.mean())
    by = spend.groupby(customers[field].astype(object), dropna=False, sort=True)
    grouped = by.agg(customers="size", spend="sum", _squares=lambda s: float(((s - s.mean()) ** 2).sum()))
    grouped.index.name = field
    table = grouped.reset_index()
    table[field] = table[field].astype(object).where(table[field].notna(), None)
    size = table["customers"].to_numpy(dtype=float)
    table["share_of_customers"] = size / n
    table["portrait_share_low"], table["portrait_share_high"] = wilson(size, n)
    table["spend_per_customer"] = table["spend"] / size
    # The index is the ratio of the group's mean to the mean of all, the group among them; its variance is that of the linearised ratio.
    ratio = (table["spend_per_customer"] / mean).to_numpy() if mean > 0 else np.full(len(table), np.nan)
    squares, all_squares = table.pop("_squares").to_numpy(), float(((spend - mean) ** 2).sum())
    variance = (squares / size**2 - 2 * ratio * squares / (size * n) + ratio**2 * all_squares / n**2) / mean**2 if mean > 0 else np.full(len(table), np.nan)
    z = NormalDist().inv_cdf(1 - (1 - CONFIDENCE) / (2 * max(comparisons, 1)))
    half = np.where((size >= FEW) & table[field].notna(), z * np.sqrt(np.clip(variance, 0, None)), np.nan)
    table["spend_index"], table["spend_index_low"], table["spend_index_high"] = 100 * ratio, 100 * (ratio - half), 100 * (ratio + half)
    table = table.iloc[_order(table, field)].reset_index(drop=True)
    return Portrait(field, table, comparisons, int((customers["orders"] == 0).sum()), unmatched, tables.first_day, tables.as_of)


def _order(table: pd.DataFrame, field: str) -> list[int]:
    """Row numbers in the order of display."""
    known = [v for v in table[field] if v is not None]
    if field in ORDERED:
        known = language.value_order(f"customers.{field}", known)
    else:
        size = dict(zip(table[field], table["customers"], strict=True))
        known = sorted(known, key=lambda v: (-size[v], v))
    place = {v: i for i, v in enumerate([*known, None])}
    return sorted(range(len(table)), key=lambda i: place[table[field].iloc[i]])


def _panel(ax, portrait: Portrait) -> None:
    """Bars of one trait; beyond twelve groups the smallest are one bar."""
    known, largest = portrait.known, portrait.largest()
    kept = known
    if len(known) > SHOWN_GROUPS + 1:
        kept = known.loc[known.sort_values(["customers", portrait.field], ascending=[False, True]).index[:SHOWN_GROUPS].sort_values()]
    names, shares = [portrait.name(v) for v in kept[portrait.field]], kept["share_of_customers"].tolist()
    colors = [charts.ACCENT if largest is not None and v == largest[portrait.field] else charts.GREYS[1] for v in kept[portrait.field]]
    places = np.arange(len(kept))
    whiskers = np.abs([shares - kept["portrait_share_low"], kept["portrait_share_high"] - shares])
    ax.barh(places, shares, color=colors, height=0.68, xerr=whiskers, error_kw={"ecolor": charts.MUTED, "elinewidth": 0.8})
    for place, share, high in zip(places, shares, kept["portrait_share_high"], strict=True):
        ax.text(high, place, f" {language.percent(share)}", va="center", ha="left", fontsize=7)
    if len(kept) < len(known):
        rest = 1 - portrait.unknown_share - sum(shares)
        names.append(_("{n} others").format(n=language.number(len(known) - len(kept))))
        ax.barh(len(kept), rest, color=charts.GREYS[2], height=0.68)
        ax.text(rest, len(kept), f" {language.percent(rest)}", va="center", ha="left", fontsize=7)
    ax.set_yticks(np.arange(len(names)), names)
    ax.invert_yaxis()
    ax.set_xlim(0, max(kept["portrait_share_high"].max(), 1e-9) * 1.22)
    ax.set_xticks([])
    ax.spines["bottom"].set_visible(False)
    label, unknown = columns.label(portrait.field), portrait.unknown_share
    ax.set_title(_("{field} ({share} unknown)").format(field=label, share=language.percent(unknown)) if unknown > 0 else label, loc="left", color=charts.MUTED)


def _left_out(inactive: int, unmatched: tuple[int, float]) -> tuple[str, ...]:
    out = []
    if inactive:
        out.append(
            ngettext("{n} customer without an order counts with no spend.", "{n} customers without an order count with no spend.", inactive).format(
                n=language.number(inactive)
            )
        )
    n, amount = unmatched
    if n:
        out.append(
            ngettext(
                "{n} order ({money}) of a customer who is not in the customers table is left out.",
                "{n} orders ({money}) of customers who are not in the customers table are left out.",
                n,
            ).format(n=language.number(n), money=language.money(amount))
        )
    return tuple(out)


def _quoted(label: str) -> str:
    return _("“{words}”").format(words=label)
