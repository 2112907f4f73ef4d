"""Key figures by month: the latest complete month against the month before and the same month a year ago."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.coverage import coverage
from fivestep.engine import Tables, frame, needs
from fivestep.evaluation.purchases import customer_ids
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _

# Key figure -> its name, and whether it grows with the days of the month, so that months are compared per day.
KPIS: dict[str, tuple[str, bool]] = {
    "active_customers": (N_("Active customers"), False),
    "orders": (N_("Orders"), True),
    "spend": (N_("Spend"), True),
    "orders_per_active_customer": (N_("Orders per active customer"), True),
    "spend_per_order": (N_("Spend per order"), False),
}
RISE, FALL, USUAL, UNKNOWN = N_("Unusual rise"), N_("Unusual fall"), N_("Usual"), N_("Cannot be told")
EARLIER_CHANGES = 9  # the latest of ten exchangeable changes is the largest one time in ten: fewer would cry wolf
YEAR = 12  # months
QUESTION = N_("how the latest month compares with the months before")


@dataclass(frozen=True)
class MonthlyKpis:
    """Key figures per calendar month; the latest month is the last complete one.

    ``table``: one row per month of the data, without gaps: month, complete, days, active_customers, share_active (0..1), orders,
    spend, spend_per_order, orders_per_active_customer. ``days`` are trading days (days with an order), or calendar days where
    ``trading`` is false because orders are too few to tell a closed day from a quiet one. ``base``: customers of the data.
    ``left_out_orders`` and ``left_out_spend``: orders without a customer.
    """

    table: pd.DataFrame
    base: int
    trading: bool
    silence: int
    left_out_orders: int
    left_out_spend: float

    @property
    def complete(self) -> pd.DataFrame:
        """The rows of complete months, by month; they follow each other without a gap."""
        return self.table[self.table["complete"]].reset_index(drop=True)

    def months(self) -> pd.DataFrame:
        """One row per month, incomplete ones marked: month_state and every key figure."""
        out = self.table.assign(
            month_state=np.where(self.table["complete"], N_("Complete"), N_("Incomplete")),
            spend_per_day=_ratio(self.table["spend"], self.table["days"]),
        )
        return out[
            [
                "month",
                "month_state",
                "active_customers",
                "share_active",
                "orders",
                "spend",
                "spend_per_order",
                "orders_per_active_customer",
                "days",
                "spend_per_day",
            ]
        ].rename(columns={"days": "days_counted"})

    def changes(self) -> pd.DataFrame:
        """One row per key figure: change on the month before, per day where it grows with the days, and whether it is unusual."""
        rows = []
        for name, (label, per_day) in KPIS.items():
            plain, compared = self._series(name, False), self._series(name, per_day)
            change, earlier = _changes(compared)[-1], np.abs(_changes(compared)[:-1])
            earlier = earlier[np.isfinite(earlier)]
            usual = float(earlier.max()) if len(earlier) >= EARLIER_CHANGES else np.nan
            rows.append(
                {
                    "key_figure": label,
                    "change_on_month": _changes(plain)[-1],
                    "change_on_month_per_day": change if per_day else np.nan,
                    "largest_earlier_change": usual,
                    "key_figure_verdict": _verdict(change, usual),
                }
            )
        return pd.DataFrame(rows)

    def year_on_year(self) -> pd.DataFrame | NotAvailable:
        """One row per key figure: change of the latest complete month on the same month a year ago, as counted and per day.

        With a verdict: unusual where the change is larger than every change from one complete month to the next.
        """
        complete = self.complete
        if len(complete) <= YEAR:
            reason = _("the data holds no complete {month} to compare {latest} with.").format(
                month=language.month(self._latest - pd.DateOffset(years=1)), latest=language.month(self._latest)
            )
            return NotAvailable((), _("how the latest month compares with the same month a year ago"), reason=reason)
        rows = []
        for name, (label, per_day) in KPIS.items():
            plain, compared = (self._series(name, days)[[-1 - YEAR, -1]] for days in (False, per_day))
            between = np.abs(_changes(self._series(name, per_day)))
            between = between[np.isfinite(between)]
            usual = float(between.max()) if len(between) > EARLIER_CHANGES else np.nan
            change = _changes(compared)[-1]
            rows.append(
                {
                    "key_figure": label,
                    "change_on_year": _changes(plain)[-1],
                    "change_on_year_per_day": change if per_day else np.nan,
                    "largest_change_between_months": usual,
                    "year_verdict": _verdict(change, usual),
                }
            )
        return pd.DataFrame(rows)

    def _series(self, name: str, per_day: bool) -> np.ndarray:
        values = self.complete[name].to_numpy(dtype=float)
        days = self.complete["days"].to_numpy(dtype=float)
        return values / np.where(days > 0, days, np.nan) if per_day else values

    @property
    def _latest(self) -> pd.Timestamp:
        return self.complete["month"].iloc[-1]

    @property
    def _previous(self) -> pd.Timestamp:
        return self.complete["month"].iloc[-2]

    def trend(self) -> Figure:
        """Spend and orders per day, active customers and spend per order by complete month; 100 is the average of the months."""
        shown = {
            "spend": _("Spend per day"),
            "orders": _("Orders per day"),
            "active_customers": _("Active customers"),
            "spend_per_order": _("Spend per order"),
        }
        drawn = pd.DataFrame(
            {name: self._series(name, KPIS[name][1]) for name in shown}, index=_axis_labels(self.complete["month"])
        )
        average = drawn.mean()
        index = 100 * drawn / average.where(average > 0)
        return charts.lines(
            index, write=language.number, labels=list(shown.values()), ylabel=_("100 = average of the months shown")
        )

    def headline(self) -> str:
        """How spend per day changed in the latest complete month."""
        words = {"month": language.month(self._latest), "previous": language.month(self._previous)}
        row = self.changes().set_index("key_figure").loc[KPIS["spend"][0]]
        change = row["change_on_month_per_day"]
        if not np.isfinite(change):
            return _("{previous} had no positive spend that {month} could be compared with").format(**words)
        words["change"] = language.percent(abs(change), 1)
        if round(change, 3) == 0:
            return _("Spend per day was the same in {month} as in {previous}").format(**words)
        if row["key_figure_verdict"] == RISE:
            return _(
                "Spend per day rose by {change} in {month} against {previous}, the largest change between two months so far"
            ).format(**words)
        if row["key_figure_verdict"] == FALL:
            return _(
                "Spend per day fell by {change} in {month} against {previous}, the largest change between two months so far"
            ).format(**words)
        if change > 0:
            return _("Spend per day rose by {change} in {month} against {previous}").format(**words)
        return _("Spend per day fell by {change} in {month} against {previous}").format(**words)

    def months_headline(self) -> str:
        """How many customers were active in the latest complete month."""
        latest = self.complete.iloc[-1]
        return language.ngettext(
            "{share} of customers were active in {month} and spent {spend} in {n} order",
            "{share} of customers were active in {month} and spent {spend} in {n} orders",
            int(latest["orders"]),
        ).format(
            share=language.percent(latest["share_active"]),
            month=language.month(self._latest),
            spend=language.money(latest["spend"]),
            n=language.number(latest["orders"]),
        )

    def changes_headline(self) -> str:
        """How many key figures changed more than they ever did before."""
        verdicts = self.changes()["key_figure_verdict"]
        if (verdicts == UNKNOWN).all():
            return _("There are too few complete months to say which change is unusual")
        unusual, known = int(verdicts.isin([RISE, FALL]).sum()), int((verdicts != UNKNOWN).sum())
        words = {"n": language.number(unusual), "all": language.number(known), "month": language.month(self._latest)}
        if unusual == 0:
            return _("None of {all} key figures changed more in {month} than ever before").format(**words)
        return _("{n} of {all} key figures changed more in {month} than ever before").format(**words)

    def year_on_year_headline(self) -> str | NotAvailable:
        """How spend per day compares with the same month a year ago."""
        compared = self.year_on_year()
        if isinstance(compared, NotAvailable):
            return compared
        change = compared.set_index("key_figure").loc[KPIS["spend"][0], "change_on_year_per_day"]
        words = {"month": language.month(self._latest), "before": language.month(self._latest - pd.DateOffset(years=1))}
        if not np.isfinite(change):
            return _("{before} had no positive spend that {month} could be compared with").format(**words)
        words["change"] = language.percent(abs(change), 1)
        if round(change, 3) == 0:
            return _("Spend per day was the same in {month} as in {before}").format(**words)
        if change > 0:
            return _("Spend per day in {month} was {change} above {before}").format(**words)
        return _("Spend per day in {month} was {change} below {before}").format(**words)

    def note(self) -> str:
        """What the figures count, which months are complete and what a day is."""
        counted = language.ngettext(
            "Active: a customer with an order in the month; returns lower spend and are no orders. Base of shares in every "
            "month: {n} customer of the data.",
            "Active: a customer with an order in the month; returns lower spend and are no orders. Base of shares in every "
            "month: all {n} customers of the data.",
            self.base,
        ).format(n=language.number(self.base))
        return " ".join(filter(None, [counted, self.trend_note(), self._left_out()]))

    def trend_note(self) -> str:
        """Which months are complete and what a day is."""
        complete = _(
            "A month is complete when the data covers it from its first to its last day; up to {days} days without an order "
            "where the data begins or ends are no gap."
        ).format(days=language.number(self.silence))
        return f"{complete} {self._day()}"

    def changes_note(self) -> str:
        """The rule by which a change is unusual."""
        rule = _(
            "Unusual: larger, up or down, than each of the earlier changes from one complete month to the next; by chance "
            "alone that happens once in as many months as are compared. At least {n} earlier changes are needed."
        ).format(n=language.number(EARLIER_CHANGES))
        return f"{rule} {self._day()}"

    def year_on_year_note(self) -> str:
        """The rule by which a change on the year is unusual."""
        rule = _("Unusual: larger, up or down, than every change from one complete month to the next.")
        return f"{rule} {self._day()}"

    def _day(self) -> str:
        if self.trading:
            return _("Per day: per trading day, a day with at least one order, because months differ in length.")
        return _(
            "Per day: per calendar day, because months differ in length and orders are too few to tell a closed day from a "
            "quiet one."
        )

    def _left_out(self) -> str:
        if not self.left_out_orders:
            return ""
        return language.ngettext(
            "Left out: {n} order without a customer ({spend}).",
            "Left out: {n} orders without a customer ({spend}).",
            self.left_out_orders,
        ).format(n=language.number(self.left_out_orders), spend=language.money(self.left_out_spend))

    def finding(self) -> Finding | NotAvailable:
        """The change of spend per day: on the month before where that is unusual, else on a year ago where that is known.

        A usual change on the month before has no number to display.
        """
        row = self.changes().set_index("key_figure").loc[KPIS["spend"][0]]
        change, verdict = float(row["change_on_month_per_day"]), row["key_figure_verdict"]
        if verdict not in (RISE, FALL) and (on_year := self._year_finding()):
            return on_year
        if not np.isfinite(change):
            return NotAvailable((), _(QUESTION), reason=language.sentence(self.headline()))
        follows = {
            RISE: _("Find out what brought the rise before crediting any one action."),
            FALL: _("Find the cause before the next review: the change is outside what months have shown so far."),
            USUAL: _("Change nothing on account of this one month: it lies within what months have shown so far."),
            UNKNOWN: _("Collect more months before acting on a single change."),
        }
        seasonal = len(self.complete) < 2 * YEAR
        season = _("With less than two years of complete months a change cannot be told from the season.") if seasonal else ""
        return Finding(
            key="evaluation.spend_per_day_change_on_month",
            value=change,
            unit="share",
            display="" if verdict == USUAL else language.percent(change, 1),
            text=language.sentence(self._usual(change) if verdict == USUAL else self.headline()),
            evidence=self._evidence(2),
            so_what=follows[verdict],
            confidence="low" if verdict == UNKNOWN else "medium" if seasonal else "high",
            warnings=tuple(filter(None, [season, self._left_out()])),
            assumptions=(self.note(), self.changes_note()),
        )

    def _year_finding(self) -> Finding | None:
        """The change of spend per day on the same month a year ago; None where that is not known."""
        compared = self.year_on_year()
        if isinstance(compared, NotAvailable):
            return None
        row = compared.set_index("key_figure").loc[KPIS["spend"][0]]
        change, verdict = float(row["change_on_year_per_day"]), row["year_verdict"]
        if not np.isfinite(change):
            return None
        follows = {
            RISE: _("Find out what brought the rise before crediting any one action."),
            FALL: _("Find the cause before the next review: no change between two months so far was as large."),
            USUAL: _("Change nothing on account of this one comparison: months that follow each other have differed as much."),
            UNKNOWN: _("Collect more months before acting on a single change."),
        }
        once = _("A single month is compared with a single month: holidays and weekdays may fall differently.")
        return Finding(
            key="evaluation.spend_per_day_change_on_year",
            value=change,
            unit="share",
            display=language.percent(change, 1),
            text=language.sentence(self.year_on_year_headline()),
            evidence=self._evidence(1 + YEAR),
            so_what=follows[verdict],
            confidence="low" if verdict == UNKNOWN else "medium",
            warnings=tuple(filter(None, [once, self._left_out()])),
            assumptions=(self.note(), self.year_on_year_note()),
        )

    def _evidence(self, back: int) -> str:
        """Spend, active customers and days of the latest complete month and of the one *back* rows from the end."""
        latest, before = self.complete.iloc[-1], self.complete.iloc[-back]
        return _(
            "{month}: {spend} from {customers} active customers in {days} days; {previous}: {spend_before} from "
            "{customers_before} in {days_before} days."
        ).format(
            month=language.month(latest["month"]),
            spend=language.money(latest["spend"]),
            customers=language.number(latest["active_customers"]),
            days=language.number(latest["days"]),
            previous=language.month(before["month"]),
            spend_before=language.money(before["spend"]),
            customers_before=language.number(before["active_customers"]),
            days_before=language.number(before["days"]),
        )

    def _usual(self, change: float) -> str:
        return _("Spend per day changed by no more than usual in {month}: {change} against {previous}").format(
            month=language.month(self._latest), change=language.percent(change, 1), previous=language.month(self._previous)
        )


@needs("orders.customer_id", "orders.order_amount", answers=QUESTION)
def monthly_kpis(tables: Tables) -> MonthlyKpis | NotAvailable:
    """Active customers, orders and spend per calendar month.

    An order with a negative amount is a return: it lowers spend and is no order. Orders without a customer are excluded and
    counted. Months that the data covers only in part are in the table, marked, and in no comparison. Fewer than two complete
    months answer nothing.
    """
    covered = coverage(tables)
    months = covered.months()
    if months["complete"].sum() < 2:
        return NotAvailable((), _(QUESTION), reason=_("the data holds fewer than two complete months."))
    orders = tables.orders.mutate(month=ibis._.order_date.truncate("M").date())
    known = orders.filter(orders.customer_id.notnull())
    bought = known.order_amount >= 0
    counted = frame(
        known.group_by("month").aggregate(
            active_customers=known.customer_id.nunique(where=bought),
            orders=known.order_id.nunique(where=bought),
            spend=known.order_amount.sum().cast("float64"),
        ),
        by=["month"],
    )
    counted["month"] = pd.to_datetime(counted["month"]).astype(months["month"].dtype)
    table = months.merge(counted, on="month", how="left")
    figures = ["active_customers", "orders", "spend"]
    table[figures] = table[figures].fillna(0)
    table = table.astype({"active_customers": "int64", "orders": "int64", "spend": "float64"})
    if covered.busy:
        table["days"] = table["trading_days"]
    base = int(customer_ids(tables).count().to_pandas())
    table["share_active"] = _ratio(table["active_customers"], pd.Series(base, index=table.index))
    table["spend_per_order"] = _ratio(table["spend"], table["orders"])
    table["orders_per_active_customer"] = _ratio(table["orders"], table["active_customers"])
    anonymous = orders.filter(orders.customer_id.isnull())
    left_out = anonymous.aggregate(n=anonymous.count(), spend=anonymous.order_amount.sum().cast("float64")).to_pandas().iloc[0]
    columns = [
        "month",
        "complete",
        "days",
        "active_customers",
        "share_active",
        "orders",
        "spend",
        "spend_per_order",
        "orders_per_active_customer",
    ]
    spend = 0.0 if language.absent(left_out["spend"]) else float(left_out["spend"])
    return MonthlyKpis(table[columns], base, covered.busy, covered.silence, int(left_out["n"]), spend)


def _axis_labels(months: pd.Series) -> list[str]:
    """Months for an axis; within one year the year stands only under the first month and under January."""
    if len(months) > YEAR:
        return [language.month(m) for m in months]
    return [language.short_month(m) + (f"\n{m.year}" if i == 0 or m.month == 1 else "") for i, m in enumerate(months)]


def _ratio(upper: pd.Series, lower: pd.Series) -> pd.Series:
    return upper / lower.where(lower > 0)


def _changes(values: np.ndarray) -> np.ndarray:
    """Relative change from each value to the next; NaN where the earlier one is not positive."""
    before = np.where(values[:-1] > 0, values[:-1], np.nan)
    return values[1:] / before - 1


def _verdict(change: float, usual: float) -> str:
    if not (np.isfinite(change) and np.isfinite(usual)):
        return UNKNOWN
    if abs(change) <= usual:
        return USUAL
    return RISE if change > 0 else FALL
