"""Movement between classes: where the customers of one window stand in the next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.consent import consent_note, opted_out, refusals
from fivestep.coverage import coverage
from fivestep.engine import Tables, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _

# Whole weeks, so that both windows hold each weekday equally often; the first is a year, which holds every season.
WINDOWS = (364, 182, 91)
SILENT = N_("No order in the window")
IMPROVED, SAME, WORSENED, GONE, ENTERED = N_("Moved up"), N_("Stayed"), N_("Moved down"), N_("Fell silent"), N_("Entered")
FEW = 100  # customers
LARGEST = 12  # flows that a table on a page shows
QUESTION = N_("which customers moved up or down between two dates")


@dataclass(frozen=True)
class Periods:
    """Two adjacent windows of ``window_days`` each: one ends on ``before_end``, the other on the as-of date of ``tables``."""

    tables: Tables
    window_days: int

    @property
    def before_end(self) -> dt.date:
        """Last day of the earlier window."""
        return self.tables.as_of - dt.timedelta(days=self.window_days)

    def before(self, classify: Callable[..., Any]) -> pd.DataFrame | NotAvailable:
        """The table that *classify* (``segmentation.rfm``) makes of the earlier window, seeing nothing later."""
        return classify(self.tables.until(self.before_end), window_days=self.window_days).table

    def after(self, classify: Callable[..., Any]) -> pd.DataFrame | NotAvailable:
        """The table that *classify* makes of the later window."""
        return classify(self.tables, window_days=self.window_days).table


@needs("orders.customer_id", answers=QUESTION)
def comparable_periods(tables: Tables) -> Periods | NotAvailable:
    """The longest two adjacent windows of 52, 26 or 13 weeks that lie within the data and end on the as-of date."""
    covered = coverage(tables)
    for days in WINDOWS:
        if covered.covers(tables.as_of - dt.timedelta(days=2 * days - 1), tables.as_of):
            return Periods(tables, days)
    reason = _("two adjacent windows of {days} days do not fit between {first} and {last}.").format(
        days=language.number(WINDOWS[-1]), first=language.day(tables.first_day), last=language.day(covered.last)
    )
    return NotAvailable((), _(QUESTION), reason=reason)


@dataclass(frozen=True)
class Movement:
    """Customers by their class in two windows.

    ``table``: one row per customer with an order in either window, by customer_id: class_before, class_after (``SILENT`` where
    without an order), movement (moved up or down, stayed, fell silent, entered), spend_before, spend_after. ``order``: the
    classes, best first.
    """

    table: pd.DataFrame
    order: tuple[str, ...]
    periods: Periods
    refused: frozenset[str] | None

    def directions(self) -> pd.DataFrame:
        """One row per movement: customers, share of those of the earlier window (not of those who entered), spend in both."""
        names = [IMPROVED, SAME, WORSENED, GONE, ENTERED]
        grouped = self.table.groupby("movement").agg(
            customers=("customer_id", "size"), spend_before=("spend_before", "sum"), spend_after=("spend_after", "sum")
        )
        out = grouped.reindex(names, fill_value=0).rename_axis("movement").reset_index()
        out.insert(2, "share_of_earlier", np.where(out["movement"] == ENTERED, np.nan, out["customers"] / self._base))
        return out.assign(spend_before=out["spend_before"].astype(float), spend_after=out["spend_after"].astype(float))

    def flows(self) -> pd.DataFrame:
        """One row per pair of classes between which customers moved, most customers first; share of the class they come from."""
        moved = self.table[self.table["class_before"] != self.table["class_after"]]
        grouped = moved.groupby(["class_before", "class_after"]).agg(
            movement=("movement", "first"),
            customers=("customer_id", "size"),
            spend_before=("spend_before", "sum"),
            spend_after=("spend_after", "sum"),
        )
        out = grouped.reset_index()
        sizes = out["class_before"].map(self.table["class_before"].value_counts()).astype(float)
        out.insert(4, "share_of_class", out["customers"] / sizes)
        rank = {name: i for i, name in enumerate((*self.order, SILENT))}
        out = out.assign(**{"from": out["class_before"].map(rank), "to": out["class_after"].map(rank)})
        return (
            out.sort_values(["customers", "from", "to"], ascending=[False, True, True])
            .drop(columns=["from", "to"])
            .reset_index(drop=True)
        )

    def largest_flows(self) -> pd.DataFrame:
        """The first `LARGEST` rows of the flows; the grid has all of them."""
        return self.flows().head(LARGEST)

    def customers(self) -> pd.DataFrame:
        """Customers who moved down or fell silent and may be contacted, largest fall in spend first."""
        lost = self.table[self.table["movement"].isin([WORSENED, GONE])]
        lost = lost.assign(spend_difference=lost["spend_after"] - lost["spend_before"])
        lost = lost[~lost["customer_id"].isin(self.refused or ())]
        return lost.sort_values(["spend_difference", "customer_id"], ignore_index=True)

    def matrix(self) -> Figure:
        """Customers by class before (rows) and after (columns, numbered as the rows)."""
        names = [*self.order, SILENT]
        counts = pd.crosstab(self.table["class_before"], self.table["class_after"]).reindex(
            index=names, columns=names, fill_value=0
        )
        shown = counts.astype(float).where(counts > 0)
        shown.loc[SILENT, SILENT] = np.nan
        shown.index = [
            _("{number}  {name}").format(number=language.number(i), name=_(name)) for i, name in enumerate(names, start=1)
        ]
        shown.columns = [language.number(i) for i in range(1, len(names) + 1)]
        figure = charts.heatmap(shown, write=language.number)
        figure.axes[0].set_xlabel(_("Class in the later window, numbered as the rows"))
        return figure

    def value_flow(self) -> Figure:
        """What each movement changed in spend, from the earlier window to the later one."""
        rows = self.directions()
        change = rows["spend_after"] - rows["spend_before"]
        return charts.bars(
            [_(name) for name in rows["movement"]],
            list(change),
            write=language.money,
            accent=list(change < 0),
            xlabel=_("Spend in the later window less spend in the earlier one"),
        )

    def value_headline(self) -> str:
        """How spend changed in all, and what was lost to movement down and to silence."""
        rows = self.directions().set_index("movement")
        change = rows["spend_after"] - rows["spend_before"]
        return _("Spend changed by {all}: {lost} with who moved down or fell silent, {won} with who moved up or entered").format(
            all=language.money(change.sum()),
            lost=language.money(change[[WORSENED, GONE]].sum()),
            won=language.money(change[[IMPROVED, ENTERED]].sum()),
        )

    def steady_state(self) -> pd.DataFrame | NotAvailable:
        """Customers by class now, and in the long run if every window went like this one: as many enter, and who is in a class
        moves with the same chances. NotAvailable where some class would grow without end.

        Source: open Markov model of manpower systems (Bartholomew 1967).
        """
        states = [c for c in self.order if (self.table[["class_before", "class_after"]] == c).any(axis=None)]
        counts = pd.crosstab(self.table["class_before"], self.table["class_after"]).reindex(
            index=[*states, SILENT], columns=states, fill_value=0
        )
        sizes = self.table["class_before"].value_counts().reindex(states, fill_value=0).to_numpy(dtype=float)
        moves = np.divide(
            counts.loc[states].to_numpy(dtype=float), sizes[:, None], out=np.zeros((len(states),) * 2), where=sizes[:, None] > 0
        )
        if not states or max(abs(np.linalg.eigvals(moves))) > 1 - 1e-9:
            return NotAvailable(
                (),
                _("how many customers there would be in the long run"),
                reason=_("in some class no customer ever falls silent."),
            )
        long_run = counts.loc[SILENT].to_numpy(dtype=float) @ np.linalg.inv(np.eye(len(states)) - moves)
        now = self.table["class_after"].value_counts().reindex(states, fill_value=0)
        return pd.DataFrame({"steady_class": states, "customers_now": now.to_numpy(), "customers_steady": np.rint(long_run)})

    def steady_headline(self) -> str | NotAvailable:
        """How many customers there would be in the long run."""
        rows = self.steady_state()
        if isinstance(rows, NotAvailable):
            return rows
        return _(
            "If every window went like this one, there would be {n} active customers in the long run; now there are {now}"
        ).format(n=language.number(rows["customers_steady"].sum()), now=language.number(rows["customers_now"].sum()))

    def steady_note(self) -> str:
        """What the long run takes for granted."""
        return _(
            "As many customers enter in every window as entered in the later one, and whoever is in a class moves with the "
            "chances of these two windows, whatever came before. No forecast: it says where the base is heading if nothing "
            "changes. Classes are fifths of each window, so only the number of active customers can be read, not its division."
        )

    @property
    def _base(self) -> int:
        return int((self.table["class_before"] != SILENT).sum())

    def _share(self, name: str) -> float:
        return float(self.directions().set_index("movement").loc[name, "share_of_earlier"])

    def headline(self) -> str:
        """The shares of customers that moved down or fell silent, and that moved up."""
        return _("{lost} of customers moved to a worse class or fell silent, {up} moved to a better one").format(
            lost=language.percent(self._lost), up=language.percent(self._share(IMPROVED))
        )

    @property
    def _lost(self) -> float:
        return self._share(WORSENED) + self._share(GONE)

    def directions_headline(self) -> str:
        """What those who moved down or fell silent spent less, or did not."""
        rows = self.directions().set_index("movement").loc[[WORSENED, GONE]].sum()
        change = rows["spend_after"] - rows["spend_before"]
        words = {"n": language.number(rows["customers"]), "money": language.money(abs(change))}
        if round(change) < 0:
            return language.ngettext(
                "{n} customer who moved down or fell silent spent {money} less than in the window before",
                "{n} customers who moved down or fell silent spent {money} less than in the window before",
                int(rows["customers"]),
            ).format(**words)
        return language.ngettext(
            "{n} customer moved down or fell silent, without spending less in total than in the window before",
            "{n} customers moved down or fell silent, without spending less in total than in the window before",
            int(rows["customers"]),
        ).format(**words)

    def flows_headline(self) -> str:
        """The largest flow between two classes."""
        flows = self.flows()
        if flows.empty:
            return _("No customer changed class between the two windows")
        top = flows.iloc[0]
        return language.ngettext(
            "The largest flow: {n} customer from “{before}” to “{after}”",
            "The largest flow: {n} customers from “{before}” to “{after}”",
            int(top["customers"]),
        ).format(n=language.number(top["customers"]), before=_(top["class_before"]), after=_(top["class_after"]))

    def note(self) -> str:
        """The two windows, the order of classes, the base."""
        base = language.ngettext(
            "Base of shares: {n} customer with an order in the earlier window; {entered} more ordered only in the later one.",
            "Base of shares: {n} customers with an order in the earlier window; {entered} more ordered only in the later one.",
            self._base,
        ).format(n=language.number(self._base), entered=language.number((self.table["movement"] == ENTERED).sum()))
        order = _("Classes from best to worst: {classes}.").format(classes=language.listing([_(c) for c in self.order]))
        return " ".join([self._windows(), base, order])

    def flows_note(self) -> str:
        """The two windows, and how many flows there are."""
        flows = len(self.flows())
        if flows <= LARGEST:
            return self._windows()
        return _("{windows} The {n} largest of {all} flows; the grid above has all of them.").format(
            windows=self._windows(), n=language.number(LARGEST), all=language.number(flows)
        )

    def _windows(self) -> str:
        return _("Two windows of {days} days each: to {before} and to {after}.").format(
            days=language.number(self.periods.window_days),
            before=language.day(self.periods.before_end),
            after=language.day(self.periods.tables.as_of),
        )

    def caution(self) -> str:
        """Why moving up or down is no verdict on the whole base."""
        return _(
            "RFM classes are fifths of the customers of each window: whoever moves up overtakes others, so the shares say who "
            "changed places, not whether the base as a whole got better. Customers in extreme classes also drift to the middle "
            "by chance alone. Spend in both windows shows the real change."
        )

    def finding(self) -> Finding:
        """The share of customers that moved down or fell silent."""
        gone = self.table["movement"].isin([WORSENED, GONE]).sum()
        low, high = wilson(gone, self._base)
        rows = self.directions().set_index("movement")
        evidence = _(
            "{down} moved down and {gone} fell silent, of {n} customers of the earlier window (95% interval {low} to {high}); "
            "{up} moved up and {entered} entered."
        ).format(
            down=language.number(rows.loc[WORSENED, "customers"]),
            gone=language.number(rows.loc[GONE, "customers"]),
            n=language.number(self._base),
            low=language.percent(float(low), 1),
            high=language.percent(float(high), 1),
            up=language.number(rows.loc[IMPROVED, "customers"]),
            entered=language.number(rows.loc[ENTERED, "customers"]),
        )
        warnings = [_("Classes are relative to the customers of each window: a move down is not always less spend.")]
        if self.periods.window_days < WINDOWS[0]:
            warnings.append(_("The windows lie in different seasons, so part of the movement may be the season."))
        if self._base < FEW:
            warnings.append(_("Only {n} customers: the shares are uncertain.").format(n=language.number(self._base)))
        contacted = self.table.loc[self.table["movement"].isin([WORSENED, GONE]), "customer_id"]
        return Finding(
            key="evaluation.share_moved_down_or_silent",
            value=self._lost,
            unit="share",
            display=language.percent(self._lost),
            text=language.sentence(self.headline()),
            evidence=evidence,
            so_what=_("Work through the exported list of customers who moved down or fell silent, largest fall in spend first."),
            confidence="low" if self._base < FEW else "medium",
            warnings=tuple(warnings),
            assumptions=(
                self.note(),
                consent_note(refusals(contacted, self.refused)),
            ),
        )


def movement(
    before: pd.DataFrame | NotAvailable,
    after: pd.DataFrame | NotAvailable,
    periods: Periods | NotAvailable,
    *,
    order: Iterable[str],
    by: str = "rfm_class",
    value: str = "monetary",
) -> Movement | NotAvailable:
    """Transitions of customers between the classes *by* of two windows; *order* names every class, best first, and *value* the
    spend of the window.

    *before* and *after*: one row per customer with customer_id, *by*, *value*, as ``periods.before`` and ``periods.after`` give
    them. A customer who is in one of them only has entered or fallen silent. A class that *order* does not name is a
    `ValueError`.
    """
    for given in (before, after, periods):
        if isinstance(given, NotAvailable):
            return NotAvailable(given.missing, _(QUESTION), reason=given.reason)
    order = tuple(order)
    strange = sorted((set(before[by]) | set(after[by])) - set(order))
    if strange:
        raise ValueError(f"{by}: {strange[0]!r} is not in the order of classes {order}")
    if before.empty:
        return NotAvailable((), _(QUESTION), reason=_("no customer ordered in the earlier window."))
    columns = ["customer_id", by, value]
    table = (
        before[columns]
        .merge(after[columns], on="customer_id", how="outer", suffixes=("_before", "_after"))
        .sort_values("customer_id", ignore_index=True)
    )
    rank = {name: i for i, name in enumerate(order)}
    was, now = table[f"{by}_before"].map(rank), table[f"{by}_after"].map(rank)
    table["movement"] = np.select([was.isna(), now.isna(), now < was, now > was], [ENTERED, GONE, IMPROVED, WORSENED], SAME)
    for when in ("before", "after"):
        classes = table[f"{by}_{when}"]
        table[f"class_{when}"] = np.where(classes.isna(), SILENT, classes)
        table[f"spend_{when}"] = table[f"{value}_{when}"].fillna(0.0).astype(float)
    columns = ["customer_id", "class_before", "class_after", "movement", "spend_before", "spend_after"]
    return Movement(table[columns], order, periods, opted_out(periods.tables))
