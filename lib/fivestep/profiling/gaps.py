"""Days without an order, and which of them are out of the ordinary for their weekday."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.charts.theme import style
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, ngettext
from fivestep.profiling.covered_months import axis_labels, covered_months, period
from fivestep.profiling.returns import left_out_note, without_returns

ANSWERS = N_("on which days orders are missing")
FEW_WEEKS = 8  # with fewer days of a weekday its median says little
AROUND = 8  # weeks before and after a day that make its usual orders: a growing business is held to its own time
USUAL = 3  # below this median, a day without orders can be chance


@dataclass(frozen=True)
class Gaps:
    """Orders per day of the period.

    ``table``: one row per calendar day from the first day with an order to the as-of date: order_day, orders, usual_orders
    (median of the same weekday within eight weeks before and after), gap
    (no order although that median is at least three). ``months``: see `covered_months`.
    """

    table: pd.DataFrame
    months: pd.DataFrame
    returns: int
    first_day: dt.date
    as_of: dt.date

    def runs(self) -> pd.DataFrame | NotAvailable:
        """Stretches of consecutive days without an order, most usual orders missed first: gap_from, gap_to, gap_days,
        usual_orders.
        """
        empty = self.table[self.table["orders"] == 0]
        if empty.empty:
            return NotAvailable((), _(ANSWERS), reason=_("Every day of the period has an order."))
        usual = dict(zip(empty["order_day"], empty["usual_orders"], strict=True))
        rows = [
            {"gap_from": days[0], "gap_to": days[-1], "gap_days": len(days), "usual_orders": sum(usual[d] for d in days)}
            for days in _consecutive(list(usual))
        ]
        return pd.DataFrame(rows).sort_values(
            ["usual_orders", "gap_days", "gap_from"], ascending=[False, False, True], ignore_index=True
        )

    def figure(self) -> Figure:
        """Orders per day and their mean over seven days; days without their usual orders are marked."""
        fig, ax = charts.figure()
        with mpl.rc_context(style()):
            daily = self.table.set_index("order_day")["orders"].astype(float)
            ax.plot(daily.index, daily, color=charts.GREYS[2], linewidth=0.8)
            week = daily.rolling(7, center=True).mean().dropna()
            ax.plot(week.index, week, color=charts.ACCENT, linewidth=1.6)
            marked = self.table.loc[self.table["gap"], "order_day"]
            ax.plot(marked, [0] * len(marked), linestyle="", marker="o", markersize=4, color=charts.PALETTE[4], clip_on=False)
            labelled = [
                (week.index[-1:], week.iloc[-1:], _("Mean of 7 days"), charts.ACCENT),
                (marked[-1:], [0], _("No order"), charts.PALETTE[4]),
            ]
            for x, y, name, color in labelled:
                for at, height in zip(x, y, strict=False):
                    ax.annotate(
                        name, (at, height), (4, 6), textcoords="offset points", fontsize=7.5, color=color, annotation_clip=False
                    )
            ax.set_xticks(self.months["month"].clip(lower=daily.index[0]), axis_labels(self.months), ha="left")
            ax.set_ylim(0, max(daily.max() * 1.05, 1))
            ax.yaxis.set_major_formatter(lambda value, _place: language.number(value))
            ax.yaxis.set_major_locator(mpl.ticker.MaxNLocator(5, integer=True))
            ax.grid(axis="y")
            ax.spines["left"].set_visible(False)
            ax.set_title(_("Orders per day"), loc="left", fontsize=7.5, color=charts.MUTED)
        return fig

    def headline(self) -> str:
        """Whether days lack the orders usual for their weekday, and the longest stretch."""
        days, empty, marked = len(self.table), int((self.table["orders"] == 0).sum()), self.table[self.table["gap"]]
        if not empty:
            return ngettext(
                "The only day of the period has orders", "Each of the {n} days of the period has orders", days
            ).format(n=language.number(days))
        if marked.empty and (self.table.loc[self.table["orders"] == 0, "usual_orders"] > 0).any():
            return ngettext(
                "{n} of {days} days has no order; so few are usual that this can be chance",
                "{n} of {days} days have no order; so few are usual on them that this can be chance",
                empty,
            ).format(n=language.number(empty), days=language.number(days))
        if marked.empty:
            return ngettext(
                "{n} of {days} days has no order, as is usual for its weekday",
                "{n} of {days} days have no order, as is usual for their weekdays",
                empty,
            ).format(n=language.number(empty), days=language.number(days))
        if len(marked) == 1:
            return _("{day} is the only one of {days} days without the {least} or more orders usual for its weekday").format(
                day=language.day(marked["order_day"].iloc[0]), days=language.number(days), least=language.number(USUAL)
            )
        longest = max(_consecutive(list(marked["order_day"])), key=lambda run: (len(run), -run[0].toordinal()))
        single = _("{n} of {days} days lack the {least} or more orders usual for their weekday, never two in a row")
        several = _(
            "{n} of {days} days lack the {least} or more orders usual for their weekday, the longest stretch being {length} "
            "days from {day}"
        )
        return (single if len(longest) == 1 else several).format(
            n=language.number(len(marked)),
            days=language.number(days),
            least=language.number(USUAL),
            length=language.number(len(longest)),
            day=language.day(longest[0]),
        )

    def runs_headline(self) -> str | NotAvailable:
        """How many stretches there are, and the longest."""
        runs = self.runs()
        if isinstance(runs, NotAvailable):
            return runs
        longest = int(runs["gap_days"].max())
        return ngettext(
            "{n} stretch of days has no order; it is {days} long",
            "{n} stretches of days have no order; the longest is {days}",
            len(runs),
        ).format(n=language.number(len(runs)), days=ngettext("{n} day", "{n} days", longest).format(n=language.number(longest)))

    def note(self) -> str:
        """Base and rule."""
        base = _(
            "Base: {orders} orders, {period}. Usual orders: the median of the same weekday within {weeks} weeks before and "
            "after; a gap is a day without orders whose median is {least} or more."
        ).format(
            orders=language.number(int(self.table["orders"].sum())),
            period=period(self.first_day, self.as_of),
            weeks=language.number(AROUND),
            least=language.number(USUAL),
        )
        return f"{base} {left_out_note(self.returns)}".rstrip()

    def finding(self) -> Finding:
        """How many days lack their usual orders."""
        found = int(self.table["gap"].sum())
        few = len(self.table) < 7 * FEW_WEEKS
        return Finding(
            key="profiling.gap_days",
            value=float(found),
            unit="days",
            display=language.number(found),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Ask the client whether the shop was closed on these days or the export is incomplete.")
            if found
            else _("No day needs to be asked about."),
            confidence="medium" if few else "high",
            warnings=(
                (
                    _("The period is {n} days: too few of each weekday to know what is usual.").format(
                        n=language.number(len(self.table))
                    ),
                )
                if few
                else ()
            ),
            assumptions=(
                _(
                    "A day counts as a gap when it has no order although the median of its weekday within {weeks} weeks before "
                    "and after is {least} or more."
                ).format(weeks=language.number(AROUND), least=language.number(USUAL)),
            ),
        )


@needs("orders.order_date", answers=ANSWERS)
def gaps(tables: Tables) -> Gaps:
    """Orders per day, from the first day with an order to the as-of date, against the median of their weekday within eight weeks
    before and after; orders without a customer count too, returns (negative amounts) do not.
    """
    orders, returns = without_returns(tables)
    counted = frame(orders.group_by(order_day=orders.order_date.date()).aggregate(orders=orders.count()), by=["order_day"])
    counted = counted.set_index(pd.to_datetime(counted["order_day"]))["orders"]
    days = pd.date_range(tables.first_day, tables.as_of, name="order_day")
    table = counted.reindex(days, fill_value=0).reset_index()
    same_weekday = table.groupby(table["order_day"].dt.day_of_week)["orders"]
    table["usual_orders"] = same_weekday.transform(
        lambda orders: orders.astype(float).rolling(2 * AROUND + 1, center=True, min_periods=1).median()
    )
    table["gap"] = (table["orders"] == 0) & (table["usual_orders"] >= USUAL)
    return Gaps(table, covered_months(tables), returns, tables.first_day, tables.as_of)


def _consecutive(days: list[pd.Timestamp]) -> list[list[pd.Timestamp]]:
    """Sorted days in stretches of days that follow one another."""
    grouped = itertools.groupby(enumerate(days), key=lambda placed: placed[1].toordinal() - placed[0])
    return [[day for _place, day in group] for _key, group in grouped]
