"""Orders with a negative amount: they lower spend and are no purchases."""

from __future__ import annotations

import ibis

from fivestep import language
from fivestep.engine import Tables
from fivestep.language import ngettext


def is_return(orders: ibis.Table) -> ibis.expr.types.BooleanColumn:
    """Whether the amount of an order is negative; an order without an amount is none."""
    return (orders.order_amount < 0).fill_null(False)


def without_returns(tables: Tables) -> tuple[ibis.Table, int]:
    """The orders that are no returns, and how many are; where the orders have no amounts, none are known to be returns."""
    orders = tables.orders
    if tables.missing("orders.order_amount"):
        return orders, 0
    return orders.filter(~is_return(orders)), returned(orders)


def returned(orders: ibis.Table) -> int:
    """Number of returns."""
    return int(orders.filter(is_return(orders)).count().to_pandas())


def left_out_note(n: int) -> str:
    """That *n* returns are left out; empty where there are none."""
    if not n:
        return ""
    return ngettext(
        "{n} return (an order with a negative amount) is left out.",
        "{n} returns (orders with a negative amount) are left out.",
        n,
    ).format(n=language.number(n))


def netted_note(n: int) -> str:
    """That *n* returns lower the sums and are no orders; empty where there are none."""
    if not n:
        return ""
    return ngettext(
        "{n} return (an order with a negative amount) is netted in spend and does not count as an order.",
        "{n} returns (orders with a negative amount) are netted in spend and do not count as orders.",
        n,
    ).format(n=language.number(n))
