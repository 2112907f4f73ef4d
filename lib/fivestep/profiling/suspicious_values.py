"""Values that are possible but rarely right: what was looked for, how often it occurs, and what to do about it."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import ibis
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding
from fivestep.language import N_, _, ngettext
from fivestep.profiling.covered_months import period

MANY_UNITS = 1000
FENCE = 1.5  # interquartile ranges beyond the upper quartile: Tukey's "outside"
_FAR = N_("Few orders, more than a year away from all others, like dates of 1900 or 2999; looked for among orders of any day.")


@dataclass(frozen=True)
class SuspiciousValues:
    """What the checks found.

    ``table``: one row per check that the data allows: check, check_rule, found_rows, share_of_rows (of the orders or lines looked
    at), found_amount (sum of their amounts), what_to_do. ``large_amount``: the order amount above which an order counts as
    unusually large; None where amounts do not vary.
    """

    table: pd.DataFrame
    large_amount: float | None
    orders: int
    lines: int | None
    first_day: dt.date
    as_of: dt.date

    def headline(self) -> str:
        """How many checks find something, and the most frequent of it."""
        found = self.table[self.table["found_rows"] > 0]
        if found.empty:
            return _("None of {m} checks finds a suspicious value").format(m=language.number(len(self.table)))
        most = found.sort_values(["share_of_rows", "check"], ascending=[False, True]).iloc[0]
        return ngettext(
            "{n} of {m} checks finds something: “{check}” ({share})",
            "{n} of {m} checks find something, most often “{check}” ({share})",
            len(found),
        ).format(
            n=language.number(len(found)),
            m=language.number(len(self.table)),
            check=_(most["check"]),
            share=language.percent(most["share_of_rows"], 1),
        )

    def note(self) -> str:
        """Base and thresholds."""
        if self.lines is None:
            base = _("Base: {orders} orders, {period}.").format(
                orders=language.number(self.orders), period=period(self.first_day, self.as_of)
            )
        else:
            base = _("Base: {orders} orders and {lines} lines, {period}. Shares are of orders or of lines.").format(
                orders=language.number(self.orders), lines=language.number(self.lines), period=period(self.first_day, self.as_of)
            )
        if self.large_amount is None:
            return base
        return base + " " + _("An order is unusually large above {money}.").format(money=language.money(self.large_amount))

    def finding(self) -> Finding:
        """How many checks find something."""
        found = int((self.table["found_rows"] > 0).sum())
        return Finding(
            key="profiling.suspicious_checks",
            value=float(found),
            unit="count",
            display=language.number(found),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_(
                "Settle these rows with the client as the table says; where it says nothing else, they are part of every number."
            )
            if found
            else _("No value needs to be asked about."),
            assumptions=(
                _(
                    "An order amount is unusually large when its logarithm lies more than {k} interquartile ranges above the "
                    "upper quartile of positive amounts (Tukey, 1977)."
                ).format(k=language.number(FENCE, 1)),
            ),
        )


@needs("orders.customer_id", "orders.order_amount", "orders.order_date", answers=N_("which values are possible but rarely right"))
def suspicious_values(tables: Tables) -> SuspiciousValues:
    """Check orders and, where there are any, lines for values that are rarely right; nothing is changed or left out.

    Source of the rule for large amounts: Tukey (1977), Exploratory Data Analysis, fences on the logarithm of positive amounts.
    """
    orders, lines = tables.orders, tables.order_lines if "order_lines" in tables.names else None
    large = _large_amount(orders)
    rows, n_orders = _evaluated(orders, orders.order_amount, _order_checks(orders, large))
    found = frame(_repeats(orders), by=["found_rows"]).iloc[0]
    rows.append(
        (
            N_("Order that repeats another"),
            N_("Same customer, moment and amount as another order; the first is not counted."),
            int(found["found_rows"]),
            int(found["found_rows"]) / n_orders,
            float(found["found_amount"]),
            N_("Compare with the till: imported twice, or really bought twice?"),
        )
    )
    rows += _apart(tables)
    n_lines = None
    if lines is not None:
        of_lines, n_lines = _evaluated(
            lines, lines.line_amount if "line_amount" in lines.columns else ibis.null("decimal(18, 2)"), _line_checks(lines)
        )
        rows += of_lines
    table = pd.DataFrame(rows, columns=["check", "check_rule", "found_rows", "share_of_rows", "found_amount", "what_to_do"])
    return SuspiciousValues(table, large, n_orders, n_lines, tables.first_day, tables.as_of)


def _order_checks(orders: ibis.Table, large: float | None) -> list[tuple[str, str, ibis.expr.types.BooleanValue, str]]:
    amount = orders.order_amount
    checks = [
        (
            N_("Order without a customer"),
            N_("The customer is empty."),
            orders.customer_id.isnull(),
            N_("Left out wherever customers are counted; ask for the ids."),
        ),
        (
            N_("Order without an amount"),
            N_("The amount is empty."),
            amount.isnull(),
            N_("Counts as an order without spend; ask for the amounts."),
        ),
        (
            N_("Negative order"),
            N_("The amount is below 0."),
            amount < 0,
            N_("Check that it is a refund; it lowers the customer's spend."),
        ),
        (
            N_("Order of zero"),
            N_("The amount is 0."),
            amount == 0,
            N_("Check for gifts, vouchers and cancelled orders; it counts as an order."),
        ),
    ]
    if large is not None:
        checks.append(
            (
                N_("Unusually large order"),
                N_("The amount lies far outside the usual range; the note names the limit."),
                amount.cast("float64") > large,
                N_("Check for resellers, business customers and typing errors before averages are used."),
            )
        )
    return checks


def _line_checks(lines: ibis.Table) -> list[tuple[str, str, ibis.expr.types.BooleanValue, str]]:
    checks = []
    if "line_amount" in lines.columns:
        checks += [
            (
                N_("Negative line"),
                N_("The amount of the line is below 0."),
                lines.line_amount < 0,
                N_("Check that it is a return; it lowers the spend on the product."),
            ),
            (
                N_("Line of zero"),
                N_("The amount of the line is 0."),
                lines.line_amount == 0,
                N_("Check for gifts and coupons; it counts as a purchase of the product."),
            ),
        ]
    if "quantity" in lines.columns:
        checks += [
            (
                N_("Quantity of zero"),
                N_("The quantity is 0."),
                lines.quantity == 0,
                N_("Leave these lines out wherever units are counted."),
            ),
            (
                N_("Quantity of 1,000 or more"),
                N_("The quantity is at least 1,000 units."),
                lines.quantity >= MANY_UNITS,
                N_("Check the unit (weight, volume, fuel); do not add these quantities to others."),
            ),
            (N_("Negative quantity"), N_("The quantity is below 0."), lines.quantity < 0, N_("Check that it is a return.")),
        ]
    if "line_coupon" in lines.columns and "line_amount" in lines.columns:
        checks.append(
            (
                N_("Coupon above its line"),
                N_("The coupon is larger than the amount of the line that it is part of."),
                lines.line_coupon > lines.line_amount,
                N_("Check to which line the till books coupons before coupons are read by product."),
            )
        )
    return checks


def _evaluated(table: ibis.Table, amount: ibis.expr.types.DecimalValue, checks: list[tuple]) -> tuple[list[tuple], int]:
    """Each check with its rows, share and money, in one pass over *table*; and the number of its rows."""
    sums = {"all": table.count()}
    for i, (_name, _rule, bad, _action) in enumerate(checks):
        bad = bad.fill_null(False)
        sums |= {f"rows_{i}": bad.sum().fill_null(0), f"amount_{i}": amount.sum(where=bad).fill_null(0).cast("float64")}
    seen = table.aggregate(**sums).to_pandas().iloc[0]
    n = int(seen["all"])
    return [
        (name, rule, int(seen[f"rows_{i}"]), int(seen[f"rows_{i}"]) / n if n else math.nan, float(seen[f"amount_{i}"]), action)
        for i, (name, rule, _bad, action) in enumerate(checks)
    ], n


def _apart(tables: Tables) -> list[tuple]:
    """Orders whose day cannot be right, looked for among orders of any day: those that are left out and those after the as-of
    date, too; of days to come where an import has found any.
    """
    orders, days = tables.uncut["orders"], tables.days
    day = orders.order_date.date()
    checks = [
        (
            N_("Order far from all others"),
            _FAR,
            (day < days.first) | ((day > days.last) & (day <= days.past)),
            N_("Correct the date. An early one is in no number; a late one is once the as-of date is as late."),
        )
    ]
    if days.imported:
        checks.append(
            (
                N_("Order of a day to come"),
                N_("Dated later than the day after the import of the data; looked for among orders of any day."),
                day > days.past,
                N_("Correct the date: it does not move the as-of date, and is in no number until the as-of date is as late."),
            )
        )
    return _evaluated(orders, orders.order_amount, checks)[0]


def _repeats(orders: ibis.Table) -> ibis.Table:
    known = orders.filter(orders.customer_id.notnull() & (orders.order_amount != 0))
    same = known.group_by("customer_id", "order_date", "order_amount").aggregate(beyond=known.count() - 1)
    return same.aggregate(
        found_rows=same.beyond.sum().fill_null(0),
        found_amount=(same.beyond * same.order_amount).sum().fill_null(0).cast("float64"),
    )


def _large_amount(orders: ibis.Table) -> float | None:
    logs = orders.filter(orders.order_amount > 0).select(log=ibis._.order_amount.cast("float64").ln())
    seen = logs.aggregate(lower=logs.log.quantile(0.25), upper=logs.log.quantile(0.75)).to_pandas().iloc[0]
    lower, upper = float(seen["lower"]), float(seen["upper"])
    return math.exp(upper + FENCE * (upper - lower)) if upper > lower else None
