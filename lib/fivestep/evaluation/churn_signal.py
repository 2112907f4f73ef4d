"""Who has fallen silent: customers active in one period and without an order in the next, and the list of lapsed customers."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import pandas as pd

from fivestep import language
from fivestep.consent import consent_note, opted_out, refusals
from fivestep.coverage import coverage
from fivestep.engine import Tables, frame, needs
from fivestep.evaluation.purchases import customer_ids, purchases
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import newcombe, wilson
from fivestep.language import N_, _

FEW = 30  # customers
QUESTION = N_("how many customers have fallen silent")


@dataclass(frozen=True)
class ChurnSignal:
    """Loss from one period of ``lapsed_after_days`` to the next.

    ``table``: one row per pair of adjacent periods that the data covers, oldest first: period_start and period_end of the later
    one, active_before (customers with an order in the earlier one), lost (of them, without an order in the later one), loss_rate
    (0..1) with its 95 % interval. ``lapsed_customers``: one row per customer whose last order is more than ``lapsed_after_days``
    days old: customer_id, last_order, orders and spend in the data; by spend, then id. ``refused``: customers who do not want
    marketing (None where the data does not say). ``ordered`` and ``never``: customers with and without an order.
    """

    table: pd.DataFrame
    lapsed_customers: pd.DataFrame
    refused: frozenset[str] | None
    ordered: int
    never: int
    lapsed_after_days: int
    as_of: dt.date

    def periods(self) -> pd.DataFrame:
        """One row per pair of periods: active_before, lost, loss rate with its interval."""
        return self.table

    def lapsed(self) -> pd.DataFrame:
        """The lapsed customers who may be contacted, most spend first."""
        rows = self.lapsed_customers
        return rows[~rows["customer_id"].isin(self.refused or ())].reset_index(drop=True)

    def lapsed_summary(self) -> pd.DataFrame:
        """The base by time since the last order: lapsed, active, never ordered."""
        lapsed = len(self.lapsed_customers)
        out = pd.DataFrame(
            {
                "activity": [N_("Active"), N_("Lapsed"), N_("No order in the data")],
                "customers": [self.ordered - lapsed, lapsed, self.never],
            }
        )
        return out.assign(share_of_customers=out["customers"] / out["customers"].sum())

    def headline(self) -> str:
        """The loss rate of the latest period."""
        row = self.table.iloc[-1]
        return language.ngettext(
            "{share} of the customers active in the {days} days before have not ordered in the last {days} days ({n} customer)",
            "{share} of the customers active in the {days} days before have not ordered in the last {days} days ({n} customers)",
            int(row["lost"]),
        ).format(
            share=language.percent(row["loss_rate"], 1),
            days=language.number(self.lapsed_after_days),
            n=language.number(row["lost"]),
        )

    def lapsed_headline(self) -> str:
        """The size of the lapsed list."""
        lapsed = len(self.lapsed_customers)
        return language.ngettext(
            "{n} customer has lapsed: the last order is more than {days} days old",
            "{n} customers have lapsed: the last order is more than {days} days old",
            lapsed,
        ).format(n=language.number(lapsed), days=language.number(self.lapsed_after_days))

    def clear_change(self) -> int:
        """1 where the loss rate clearly rose since the period before, -1 where it clearly fell, else 0."""
        if len(self.table) < 2:
            return 0
        then, now = self.table.iloc[-2], self.table.iloc[-1]
        # As in a life table, losses of adjacent periods are taken as separate: who is lost in one is not at risk in the next.
        low, high = newcombe(now["lost"], now["active_before"], then["lost"], then["active_before"])
        return int(low > 0) - int(high < 0)

    def note(self) -> str:
        """The definition of lost and lapsed, and what is left out."""
        defined = _(
            "Lost: an order in one period of {days} days, none in the next. Lapsed: on {day} the last order was more than "
            "{days} days old. Returns are no orders; orders without a customer are left out."
        ).format(days=language.number(self.lapsed_after_days), day=language.day(self.as_of))
        return f"{defined} {consent_note(refusals(self.lapsed_customers['customer_id'], self.refused))}"

    def finding(self) -> Finding:
        """The loss rate of the latest period, and whether it has clearly changed."""
        row = self.table.iloc[-1]
        evidence = _("{lost} of {n} customers, 95% interval {low} to {high}; period {start} to {end}.").format(
            lost=language.number(row["lost"]),
            n=language.number(row["active_before"]),
            low=language.percent(row["loss_low"], 1),
            high=language.percent(row["loss_high"], 1),
            start=language.day(row["period_start"]),
            end=language.day(row["period_end"]),
        )
        change = self.clear_change()
        if len(self.table) < 2:
            compared = _("There is no earlier period to compare with.")
        else:
            words = {"then": language.percent(self.table["loss_rate"].iloc[-2], 1)}
            texts = {
                1: _("Clearly more than in the period before ({then})."),
                -1: _("Clearly less than in the period before ({then})."),
                0: _("Not clearly different from the period before ({then})."),
            }
            compared = texts[change].format(**words)
        small = row["active_before"] < FEW
        return Finding(
            key="evaluation.loss_rate",
            value=float(row["loss_rate"]),
            unit="share",
            display=language.percent(row["loss_rate"], 1),
            text=language.sentence(self.headline()),
            evidence=f"{evidence} {compared}",
            so_what=self._follows(change),
            confidence="low" if small else "medium",
            warnings=(
                _("Only {n} customers were active before: the rate is uncertain.").format(
                    n=language.number(row["active_before"])
                ),
            )
            if small
            else (),
            assumptions=(self.note(), _("Silence is no proof of loss: a customer may come back after any time.")),
        )

    def _follows(self, change: int) -> str:
        if change > 0:
            return _("Find out why customers leave before the next period ends: the rate has risen.")
        if len(self.lapsed()):
            return _("Win back from the exported list, most spend first.")
        return _("Nobody needs to be won back now; watch the rate in the next period.")


@needs("orders.customer_id", "orders.order_amount", answers=QUESTION)
def churn_signal(tables: Tables, *, lapsed_after_days: int = 90) -> ChurnSignal | NotAvailable:
    """Customers active in one period of *lapsed_after_days* and silent in the next, as far back as the data reaches.

    Returns (negative amounts) are no orders; orders without a customer are excluded. Two whole periods are needed, and a customer
    active in the earlier one.
    """
    covered = coverage(tables)
    length = dt.timedelta(days=lapsed_after_days)
    one = dt.timedelta(days=1)
    count = 0
    while covered.covers(tables.as_of - (count + 1) * length + one, tables.as_of):
        count += 1
    if count < 2:
        reason = _("the data does not cover two periods of {days} days up to {day}.").format(
            days=language.number(lapsed_after_days), day=language.day(tables.as_of)
        )
        return NotAvailable((), _(QUESTION), reason=reason)
    bought = purchases(tables.orders)
    age = ibis.literal(tables.as_of).delta(bought.order_date.date(), unit="day")
    # Period 0 is the latest one. A customer's periods are distinct; one without its follower is a loss in the follower.
    active = bought.select("customer_id", period=(age // lapsed_after_days).cast("int64")).distinct()
    follower = active.select("customer_id", period=active.period + 1, stayed=True)
    followed = active.left_join(follower, ["customer_id", "period"])
    counted = frame(
        followed.group_by("period").aggregate(active_before=followed.count(), stayed=followed.stayed.count()), by=["period"]
    ).set_index("period")
    counted = counted.reindex(range(1, count), fill_value=0).sort_index(ascending=False)
    ends = [tables.as_of - (int(p) - 1) * length for p in counted.index]
    table = pd.DataFrame(
        {
            "period_start": pd.to_datetime([end - length + one for end in ends]),
            "period_end": pd.to_datetime(ends),
            "active_before": counted["active_before"].to_numpy(),
            "lost": (counted["active_before"] - counted["stayed"]).to_numpy(),
        }
    )
    if table["active_before"].iloc[-1] == 0:
        return NotAvailable((), _(QUESTION), reason=_("no customer ordered in the period before the last."))
    table["loss_rate"] = table["lost"] / table["active_before"].where(table["active_before"] > 0)
    table["loss_low"], table["loss_high"] = wilson(table["lost"], table["active_before"])

    customers, lapsed = lapsed_customers(tables, lapsed_after_days)
    never = int(customer_ids(tables).count().to_pandas()) - customers
    return ChurnSignal(table, lapsed, opted_out(tables), customers, never, lapsed_after_days, tables.as_of)


def lapsed_customers(tables: Tables, lapsed_after_days: int) -> tuple[int, pd.DataFrame]:
    """How many customers have ordered, and those of them whose last order is more than *lapsed_after_days* days old: customer_id,
    last_order, orders, spend; most spend first."""
    orders = tables.orders.filter(tables.orders.customer_id.notnull())
    buying = orders.order_amount >= 0
    seen = orders.group_by("customer_id").aggregate(
        last_order=orders.order_date.date().max(where=buying),
        orders=buying.sum(),
        spend=orders.order_amount.sum().cast("float64"),
    )
    customers = frame(seen.filter(seen.last_order.notnull()), by=["customer_id"])
    customers["last_order"] = pd.to_datetime(customers["last_order"])
    lapsed = customers[(pd.Timestamp(tables.as_of) - customers["last_order"]).dt.days > lapsed_after_days]
    return len(customers), lapsed.sort_values(["spend", "customer_id"], ascending=[False, True], ignore_index=True)
