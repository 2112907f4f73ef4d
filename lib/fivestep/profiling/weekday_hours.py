"""When the customers buy: orders by weekday and hour of the day."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, ngettext
from fivestep.profiling.covered_months import period
from fivestep.profiling.returns import left_out_note, without_returns

ANSWERS = N_("at which weekday and hour the customers buy")
FEW_WEEKS = 8
CHANCE = 0.05  # of calling an hour a peak, over all hours together


@dataclass(frozen=True)
class WeekdayHours:
    """Orders by weekday and hour of the local time.

    ``table``: one row for each of the 168 hours of a week: weekday (0 = Monday), hour (0 to 23), orders, share_of_orders.
    """

    table: pd.DataFrame
    midnight: int
    returns: int
    first_day: dt.date
    as_of: dt.date

    def figure(self) -> Figure:
        """A heatmap of orders: weekdays down, hours across, from the first to the last hour with an order."""
        grid = self.table.pivot(index="weekday", columns="hour", values="orders")
        used = grid.columns[grid.sum() > 0]
        grid = grid.loc[:, used.min() : used.max()]
        grid.index = [language.weekday(day) for day in grid.index]
        return charts.heatmap(grid, write=language.short_number)

    def _peaks(self) -> pd.DataFrame:
        return self.table[self.table["orders"] == self.table["orders"].max()]

    def stands_out(self) -> bool:
        """Whether the most orders of an hour exceed the mean of the hours with orders beyond chance (Poisson, Bonferroni)."""
        used = self.table.loc[self.table["orders"] > 0, "orders"]
        from scipy import stats

        return bool(stats.poisson.sf(used.max() - 1, used.mean()) * len(used) < CHANCE)

    def headline(self) -> str:
        """The hour of the week with the most orders, if one stands out."""
        peaks = self._peaks()
        peak = peaks.iloc[0]
        if len(peaks) > 1:
            return _("No single hour leads: {n} hours of the week share the most orders ({orders} each)").format(
                n=language.number(len(peaks)), orders=language.number(peak["orders"])
            )
        if not self.stands_out():
            used = self.table.loc[self.table["orders"] > 0, "orders"]
            return _(
                "No hour of the week stands out: the most orders in one, {orders}, can be chance at a mean of {mean}"
            ).format(orders=language.number(peak["orders"]), mean=language.number(used.mean(), 1))
        return _(
            "Orders peak on {weekday} between {start} and {end}: {share} of all orders fall in this hour of the week"
        ).format(
            weekday=language.full_weekday(int(peak["weekday"])),
            start=_clock(int(peak["hour"])),
            end=_clock(int(peak["hour"]) + 1),
            share=language.percent(peak["share_of_orders"]),
        )

    def note(self) -> str:
        """Base and time."""
        base = _("Base: {n} orders, {period}; local time. Columns: hour in which the order was placed.").format(
            n=language.number(self.table["orders"].sum()), period=period(self.first_day, self.as_of)
        )
        base = f"{base} {left_out_note(self.returns)}".rstrip()
        if not self.midnight:
            return base
        return (
            base
            + " "
            + ngettext(
                "{n} order stands at exactly 00:00, which can mean that its time is not known.",
                "{n} orders stand at exactly 00:00, which can mean that their time is not known.",
                self.midnight,
            ).format(n=language.number(self.midnight))
        )

    def finding(self) -> Finding:
        """The share of the busiest hour of the week."""
        days = (self.as_of - self.first_day).days + 1
        share = float(self._peaks()["share_of_orders"].iloc[0])
        few, peak = days < 7 * FEW_WEEKS, self.stands_out()
        return Finding(
            key="profiling.peak_hour_share_of_orders",
            value=share,
            unit="share",
            display=language.percent(share) if peak else "",
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Plan staff and deliveries for the busy hours, and send messages before them.")
            if peak
            else _("Plan nothing around a single hour of the week on these numbers."),
            confidence="low" if few else "high" if peak else "medium",
            warnings=(
                _("The period is {n} days: weekdays do not occur equally often enough to compare them well.").format(
                    n=language.number(days)
                ),
            )
            if few
            else (),
            assumptions=(
                _(
                    "An hour stands out if it has more orders than chance makes of the mean of all hours of the week with an "
                    "order (Poisson, 5% for all these hours together; Bonferroni)."
                ),
            ),
        )


@needs("orders.order_date", answers=ANSWERS)
def weekday_hours(tables: Tables) -> WeekdayHours | NotAvailable:
    """Count orders by weekday and hour of order_date, which is in the time zone of the engagement; orders without a customer
    count too, returns (negative amounts) do not.

    Dates without a time cannot answer: more than half of the orders at exactly midnight are taken for that.
    """
    orders, returns = without_returns(tables)
    moment = orders.order_date
    timed = orders.select(weekday=moment.day_of_week.index(), hour=moment.hour(), midnight=moment == moment.truncate("D"))
    counted = frame(
        timed.group_by("weekday", "hour").aggregate(orders=timed.count(), midnight=timed.midnight.sum()), by=["weekday", "hour"]
    )
    total, midnight = int(counted["orders"].sum()), int(counted["midnight"].sum())
    if not total:
        return NotAvailable((), _(ANSWERS), reason=_("All orders are returns."))
    if 2 * midnight > total:
        return NotAvailable((), _(ANSWERS), reason=_("The orders have dates but no times of day."))
    week = pd.MultiIndex.from_product([range(7), range(24)], names=["weekday", "hour"])
    table = counted.set_index(["weekday", "hour"])["orders"].reindex(week, fill_value=0).reset_index()
    table["share_of_orders"] = table["orders"] / total
    return WeekdayHours(table, midnight, returns, tables.first_day, tables.as_of)


def _clock(hour: int) -> str:
    return f"{hour:02d}:00"
