"""Whether the money of the orders is the money of their lines."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, ngettext
from fivestep.profiling.covered_months import period

ANSWERS = N_("whether orders and their lines hold the same money")
# What is compared: name -> (field of orders, field of order_lines).
MEASURES = {
    N_("Amount"): ("order_amount", "line_amount"),
    N_("Discounts"): ("discount_amount", "line_discount"),
    N_("Coupons"): ("coupon_amount", "line_coupon"),
}


@dataclass(frozen=True)
class Reconciliation:
    """Orders against the sums of their lines.

    ``table``: one row per measure that both tables have (the amount first): measure, orders_total, lines_total, difference
    (orders less lines), orders_compared (orders with lines), orders_that_differ. ``orders_without_lines``,
    ``lines_without_order``: number and amount, part of the difference of the totals.
    """

    table: pd.DataFrame
    orders_without_lines: tuple[int, float]
    lines_without_order: tuple[int, float]
    first_day: dt.date
    as_of: dt.date

    def headline(self) -> str:
        """How many orders differ from their lines, and by how much in all."""
        amount = self.table.iloc[0]
        loose = self.orders_without_lines[0] + self.lines_without_order[0]
        if not amount["orders_compared"]:
            return _("No order has lines, so there is no money to compare")
        if not amount["orders_that_differ"] and not loose:
            return _("Orders and their lines hold the same money: {money}").format(
                money=language.money(amount["orders_total"], 2)
            )
        if not amount["orders_that_differ"]:
            return _(
                "Every order with lines agrees with them; what only one side holds makes a difference of {difference}"
            ).format(difference=language.money(amount["difference"], 2))
        return ngettext(
            "{n} of {orders} orders differs from the sum of its lines; the totals differ by {difference}",
            "{n} of {orders} orders differ from the sum of their lines; the totals differ by {difference}",
            amount["orders_that_differ"],
        ).format(
            n=language.number(amount["orders_that_differ"]),
            orders=language.number(amount["orders_compared"]),
            difference=language.money(amount["difference"], 2),
        )

    def note(self) -> str:
        """Base, and what stands on one side only."""
        base = _("Base: {n} orders with lines, {period}. Difference: orders less lines.").format(
            n=language.number(self.table["orders_compared"].iloc[0]), period=period(self.first_day, self.as_of)
        )
        return " ".join((base, *self._loose()))

    def _loose(self) -> tuple[str, ...]:
        out = []
        n, amount = self.orders_without_lines
        if n:
            out.append(
                ngettext("{n} order has no lines ({money}).", "{n} orders have no lines ({money}).", n).format(
                    n=language.number(n), money=language.money(amount, 2)
                )
            )
        n, amount = self.lines_without_order
        if n:
            out.append(
                ngettext("{n} line has no order ({money}).", "{n} lines have no order ({money}).", n).format(
                    n=language.number(n), money=language.money(amount, 2)
                )
            )
        return tuple(out)

    def finding(self) -> Finding:
        """The difference between orders and lines."""
        amount = self.table.iloc[0]
        agree = not amount["orders_that_differ"] and not self._loose()
        return Finding(
            key="profiling.money_difference",
            value=float(amount["difference"]),
            unit="money",
            display=language.money(amount["difference"], 2),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Amounts by product and amounts by customer can be compared with each other.")
            if agree
            else _(
                "Ask the client what orders hold beyond their lines (shipping, vouchers, refunds) before products and "
                "customers are compared."
            ),
            confidence="high" if agree else "medium",
            warnings=self._loose(),
        )


@needs("orders.order_amount", "order_lines.line_amount", answers=ANSWERS)
def reconciliation(tables: Tables) -> Reconciliation | NotAvailable:
    """Compare amount, discounts and coupons of each order with the sum over its lines, exactly; empty amounts count as 0.

    Orders that were added up from their lines cannot differ: nothing is shown then.
    """
    if "orders" not in tables.given:
        return NotAvailable((), _(ANSWERS), reason=_("The orders were added up from their lines, so the two cannot differ."))
    orders, lines = tables.orders, tables.order_lines
    both = {name: fields for name, fields in MEASURES.items() if fields[0] in orders.columns and fields[1] in lines.columns}
    of_orders = orders.group_by("order_id").aggregate(
        orders=orders.count(), **{a: orders[a].sum().fill_null(0) for a, _b in both.values()}
    )
    of_lines = lines.group_by("order_id").aggregate(
        lines=lines.count(), **{b: lines[b].sum().fill_null(0) for _a, b in both.values()}
    )
    joined = of_orders.outer_join(of_lines, "order_id")
    matched = joined.orders.notnull() & joined.lines.notnull()
    sums = {
        "compared": matched.sum(),
        "orders_alone": joined.orders.sum(where=joined.lines.isnull()),
        "orders_alone_amount": joined.order_amount.sum(where=joined.lines.isnull()),
        "lines_alone": joined.lines.sum(where=joined.orders.isnull()),
        "lines_alone_amount": joined.line_amount.sum(where=joined.orders.isnull()),
    }
    for a, b in both.values():
        sums |= {
            a: joined[a].sum(),
            b: joined[b].sum(),
            f"{a}_differ": (matched & (joined[a] != joined[b])).sum(),
            f"{a}_less": joined[a].fill_null(0).sum() - joined[b].fill_null(0).sum(),
        }
    seen = frame(joined.aggregate(**{name: value.fill_null(0) for name, value in sums.items()}), by=["compared"]).iloc[0]
    table = pd.DataFrame(
        [
            {
                "measure": name,
                "orders_total": float(seen[a]),
                "lines_total": float(seen[b]),
                "difference": float(seen[f"{a}_less"]),
                "orders_compared": int(seen["compared"]),
                "orders_that_differ": int(seen[f"{a}_differ"]),
            }
            for name, (a, b) in both.items()
        ]
    )
    return Reconciliation(
        table,
        (int(seen["orders_alone"]), float(seen["orders_alone_amount"])),
        (int(seen["lines_alone"]), float(seen["lines_alone_amount"])),
        tables.first_day,
        tables.as_of,
    )
