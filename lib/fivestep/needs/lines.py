"""Order lines beside what the product list says of their product."""

from __future__ import annotations

import ibis

from fivestep.engine import Tables


def lines_by(tables: Tables, field: str) -> ibis.Table:
    """order_id, customer_id, order_date, line_amount, bought and the product's *field*, one row per order line.

    ``bought`` is false for returns: a negative amount, or a quantity of zero or less where quantities are known. Products
    without a value of *field*, and products that are not in the product list, have NULL.
    """
    lines, products = tables.order_lines, tables.products
    bought = lines.line_amount >= 0
    if "quantity" in lines.columns:
        bought &= lines.quantity.isnull() | (lines.quantity > 0)
    lines = lines.select("order_id", "customer_id", "order_date", "line_amount", "product_id", bought=bought)
    named = products.select(product="product_id", **{field: field})
    return lines.left_join(named, lines.product_id == named.product).drop("product_id", "product")
