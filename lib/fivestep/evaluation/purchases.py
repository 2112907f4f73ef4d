"""The customers whom the data is about, and what counts as a purchase."""

from __future__ import annotations

import ibis

from fivestep.engine import Tables


def customer_ids(tables: Tables, *others: str) -> ibis.Table:
    """The distinct ids of the base: every customer of ``customers`` and of ``orders``, and of the *others* among the tables."""
    parts = [
        table.filter(table.customer_id.notnull()).select(customer_id=table.customer_id)
        for table in (tables.customers, tables.orders, *(getattr(tables, o) for o in others))
    ]
    return ibis.union(*parts, distinct=True)


def purchases(orders: ibis.Table) -> ibis.Table:
    """The orders of known customers without returns, which are orders with a negative amount."""
    return orders.filter(orders.customer_id.notnull() & (orders.order_amount >= 0))
