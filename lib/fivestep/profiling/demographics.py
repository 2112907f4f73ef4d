"""Every trait of the customers at a glance, and the group whose spend is furthest from the average."""

from __future__ import annotations

import math
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.charts.theme import style
from fivestep.contract import SENSITIVE
from fivestep.engine import Tables, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import _, columns, ngettext
from fivestep.profiling.covered_months import period
from fivestep.profiling.portrait import ANSWERS, FIELDS, Portrait, left_out, portraits_of, quoted, spending, traits
from fivestep.profiling.spend_index import FEW

# The figure shows the first field that is there of each line.
FAMILIES = (
    ("age_band",),
    ("gender",),
    ("income_band",),
    ("household_size", "household_composition"),
    ("region", "province", "city", "country"),
)
SHOWN_GROUPS = 12
OWN_SECTION = ("country", "province", "city", "district")
OFTEN = 0.2  # from this share on, unknown values are warned of


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
        fig, axes = charts.figure(height=down * (0.5 + 0.2 * max(most, 3)), nrows=down, ncols=across, squeeze=False)
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
            _("{group} ({field}, {share})").format(
                group=p.name(g[p.field]), field=columns.label(p.field), share=language.percent(g["share_of_customers"])
            )
            for p, g in found
        ]
        fields = language.listing([quoted(columns.label(p.field)) for p in self.shown])
        if not named:
            return _("By {fields}, no group is reliably the largest").format(fields=fields)
        return ngettext(
            "The largest known group of customers is {groups}", "The largest known groups of customers are {groups}", len(named)
        ).format(groups=language.listing(named))

    def note(self) -> str:
        """Base and intervals of the figure."""
        first = self.shown[0]
        return _(
            "Base: {n} customers. Bars: share of all customers; whiskers: 95% Wilson interval. A group is called the largest "
            "if its interval lies above all others."
        ).format(n=language.number(first.table["customers"].sum()))

    @property
    def listed(self) -> tuple[Portrait, ...]:
        """The portraits whose groups are listed: those with more than one, without places, which have a section."""
        return tuple(p for p in self.portraits if len(p.known) > 1 and p.field not in OWN_SECTION) or self.portraits[:1]

    def groups(self) -> pd.DataFrame:
        """The groups of every trait one under the other, as the reader sees them; of a trait with many, the largest
        twelve.

        portrait_trait, portrait_group and the columns of `Portrait` from customers on.
        """
        parts = []
        for portrait in self.listed:
            known, field = portrait.known, portrait.field
            if len(known) > SHOWN_GROUPS + 1:
                known = known.loc[
                    known.sort_values(["customers", field], ascending=[False, True]).index[:SHOWN_GROUPS].sort_values()
                ]
            shown = pd.concat([known, portrait.table[portrait.table[field].isna()]])
            names = [portrait.name(v) for v in shown[field]]
            part = shown.drop(columns=[field, "spend"])
            part.insert(0, "portrait_group", names)
            part.insert(0, "portrait_trait", columns.column(field).label)
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    def groups_headline(self) -> str:
        """How many groups spend reliably more and less than the average customer."""
        apart = pd.concat([p.differing()["spend_index"] for p in self.listed])
        return _("{above} of {all} groups spend reliably more than the average customer, {below} reliably less").format(
            above=language.number((apart > 100).sum()),
            below=language.number((apart < 100).sum()),
            all=language.number(sum(len(p.known) for p in self.listed)),
        )

    def groups_note(self) -> str:
        """Base, intervals, and of which traits only the largest groups are shown."""
        first = self.portraits[0]
        note = _(
            "Base: {n} customers; spend of {period}. Index: spend per customer, 100 = all customers. Intervals: 95% (Wilson) for "
            "each share; 95% for the {m} indices together, none below {few} customers."
        ).format(
            n=language.number(first.table["customers"].sum()),
            period=period(first.first_day, first.as_of),
            m=language.number(first.comparisons),
            few=language.number(FEW),
        )
        cut = [columns.label(p.field) for p in self.listed if len(p.known) > SHOWN_GROUPS + 1]
        more = (
            _("Only the {n} largest groups are shown by {fields}.").format(
                n=language.number(SHOWN_GROUPS), fields=language.listing(cut)
            )
            if cut
            else ""
        )
        return " ".join(filter(None, (note, more, *left_out(first.inactive, first.unmatched))))

    def finding(self) -> Finding:
        """Which group's spend per customer is furthest from the average, of all traits: above it where any is, else below."""
        first, customers = self.portraits[0], int(self.portraits[0].table["customers"].sum())
        apart = [(p, row) for p in self.portraits for _i, row in p.differing().iterrows()]
        above = [(p, row) for p, row in apart if row["spend_index"] > 100]
        value, unit, display = 0.0, "count", ""  # nothing to put into a tile
        text = _("No group by any trait differs reliably from the average spend per customer")
        so_what = _("Do not choose customers by these traits alone; they do not tell who spends more.")
        if apart:
            portrait, row = max(above or apart, key=lambda found: abs(found[1]["spend_index"] - 100))
            said = (
                _("Spend per customer is {percent} above average for {group} ({field}); no group is reliably further above")
                if above
                else _("Spend per customer is {percent} below average for {group} ({field}); no group is reliably above")
            )
            text = said.format(
                percent=language.percent(abs(row["spend_index"] / 100 - 1)),
                group=portrait.name(row[portrait.field]),
                field=columns.label(portrait.field),
            )
            value, unit = float(row["spend_index"]), "index"
            display = ("+" if value > 100 else "") + language.percent(value / 100 - 1)
            so_what = _("Use the trait to choose whom to address only together with each customer's own orders.")
        return Finding(
            key="profiling.spend_by_trait",
            value=value,
            unit=unit,
            display=display,
            text=language.sentence(text),
            evidence=_("Base: {n} customers in {groups} groups of {few} and more by {traits} traits, {period}.").format(
                n=language.number(customers),
                groups=language.number(first.comparisons),
                few=language.number(FEW),
                traits=language.number(len(self.portraits)),
                period=period(first.first_day, first.as_of),
            ),
            so_what=so_what,
            confidence="high" if customers >= 10 * FEW else "medium" if customers >= 100 else "low",
            warnings=(*self._unknown(), *left_out(0, first.unmatched)),
            assumptions=(
                _(
                    "Intervals treat the customers as a sample of customers like them. A group differs reliably if the interval"
                    " of its index excludes 100; the intervals of all groups hold together with 95% (permutation of spend over"
                    " the customers; Westfall and Young, 1993)."
                ),
            ),
        )

    def _unknown(self) -> tuple[str, ...]:
        fields = [columns.label(p.field) for p in self.portraits if p.unknown_share >= OFTEN]
        return (
            (_("Unknown for a fifth of customers or more: {fields}.").format(fields=language.listing(fields)),) if fields else ()
        )


@needs("customers.customer_id", "orders.customer_id", "orders.order_amount", answers=ANSWERS)
def demographics(tables: Tables, *, age_bands: tuple[int, ...] = ()) -> Demographics | NotAvailable:
    """A `Portrait` of every demographic field that the customers table has a value of.

    The index intervals of all fields hold together: one report in twenty, not one group in twenty, may claim a difference that is
    due to chance. *age_bands*: see `age.with_age_bands`.
    """
    fields = traits(tables)
    if not fields:
        lacking = [f"customers.{f}" for f in FIELDS if f not in SENSITIVE]
        return NotAvailable(tuple(lacking[:4]), _(ANSWERS))
    customers, unmatched = spending(tables, fields, age_bands)
    fields = [f for f in fields if customers[f].notna().any()]
    if not fields:
        return NotAvailable((), _(ANSWERS), reason=_("No trait of any customer is known."))
    return Demographics(portraits_of(customers, fields, unmatched, tables))


def _panel(ax: Axes, portrait: Portrait) -> None:
    """Bars of one trait; beyond twelve groups the smallest are one bar."""
    known, largest = portrait.known, portrait.largest()
    kept = known
    if len(known) > SHOWN_GROUPS + 1:
        kept = known.loc[
            known.sort_values(["customers", portrait.field], ascending=[False, True]).index[:SHOWN_GROUPS].sort_values()
        ]
    names, shares = [portrait.name(v) for v in kept[portrait.field]], kept["share_of_customers"].tolist()
    colors = [
        charts.ACCENT if largest is not None and v == largest[portrait.field] else charts.GREYS[1] for v in kept[portrait.field]
    ]
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
    ax.set_title(
        _("{field} ({share} unknown)").format(field=label, share=language.percent(unknown)) if unknown > 0 else label,
        loc="left",
        color=charts.MUTED,
    )
