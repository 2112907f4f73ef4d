"""The base of every later number: customers, orders, spend."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, ngettext
from fivestep.profiling.covered_months import period
from fivestep.profiling.returns import is_return, netted_note

ANSWERS = N_("how many customers and orders there are and what they are worth")
FEW = 100


@dataclass(frozen=True)
class Base:
    """The base in one row.

    ``table``: customers (with an order), orders, spend, spend_per_order, orders_per_customer, spend_per_customer. ``anonymous``:
    number and amount of orders without a customer (returns among them), which are left out. ``inactive``: customers without an
    order up to the as-of date. ``returns``: orders of a negative amount, which lower spend and are no orders.
    """

    table: pd.DataFrame
    anonymous: tuple[int, float]
    inactive: int
    returns: int
    first_day: dt.date
    as_of: dt.date

    def headline(self) -> str:
        """Customers, spend, spend per order and orders per customer."""
        row = self.table.iloc[0]
        return ngettext(
            "{customers} customer spent {spend}: {per_order} per order, {frequency} orders per customer",
            "{customers} customers spent {spend}: {per_order} per order, {frequency} orders per customer",
            row["customers"],
        ).format(
            customers=language.number(row["customers"]),
            spend=language.money(row["spend"]),
            per_order=language.money(row["spend_per_order"], 2),
            frequency=language.number(row["orders_per_customer"], 1),
        )

    def note(self) -> str:
        """Base, and what is left out."""
        base = _("Base: {n} orders with a customer, {period}.").format(
            n=language.number(self.table["orders"].iloc[0]), period=period(self.first_day, self.as_of)
        )
        return " ".join((base, *self._left_out()))

    def _left_out(self) -> tuple[str, ...]:
        out = [netted_note(self.returns)] if self.returns else []
        n, amount = self.anonymous
        if n:
            out.append(
                ngettext(
                    "{n} order without a customer ({money}) is left out.",
                    "{n} orders without a customer ({money}) are left out.",
                    n,
                ).format(n=language.number(n), money=language.money(amount))
            )
        if self.inactive:
            out.append(
                ngettext("{n} customer has no order yet.", "{n} customers have no order yet.", self.inactive).format(
                    n=language.number(self.inactive)
                )
            )
        return tuple(out)

    def finding(self) -> Finding:
        """The number of customers with an order."""
        customers = int(self.table["customers"].iloc[0])
        return Finding(
            key="profiling.customers",
            value=float(customers),
            unit="count",
            display=language.number(customers),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Every share of customers or of spend in this report refers to this base unless its note says otherwise."),
            confidence="high" if customers >= FEW else "low",
            warnings=(
                _("Only {n} customers: shares and averages can change with a few of them.").format(n=language.number(customers)),
            )
            if customers < FEW
            else (),
        )


@needs("orders.customer_id", "orders.order_amount", answers=ANSWERS)
def base(tables: Tables) -> Base | NotAvailable:
    """Customers with an order, their orders and spend; orders without a customer are left out and counted.

    An order with a negative amount is a return: it lowers spend and is no order.
    """
    orders = tables.orders
    known, back = orders.customer_id.notnull(), is_return(orders)
    seen = frame(
        orders.aggregate(
            customers=orders.customer_id.nunique(where=~back),
            orders=(known & ~back).sum().fill_null(0),
            spend=orders.order_amount.sum(where=known).fill_null(0),
            returns=(known & back).sum().fill_null(0),
            anonymous=(~known).sum().fill_null(0),
            anonymous_amount=orders.order_amount.sum(where=~known).fill_null(0),
        ),
        by=["customers"],
    ).iloc[0]
    customers, count, spend = int(seen["customers"]), int(seen["orders"]), float(seen["spend"])
    if not customers:
        return NotAvailable(
            (),
            _(ANSWERS),
            reason=_("All orders with a customer are returns.") if seen["returns"] else _("No order names its customer."),
        )
    table = pd.DataFrame(
        [
            {
                "customers": customers,
                "orders": count,
                "spend": spend,
                "spend_per_order": spend / count,
                "orders_per_customer": count / customers,
                "spend_per_customer": spend / customers,
            }
        ]
    )
    active = orders.filter(known & ~back).select("customer_id").distinct()
    inactive = int(tables.customers.anti_join(active, "customer_id").count().to_pandas())
    anonymous = int(seen["anonymous"]), float(seen["anonymous_amount"])
    return Base(table, anonymous, inactive, int(seen["returns"]), tables.first_day, tables.as_of)
