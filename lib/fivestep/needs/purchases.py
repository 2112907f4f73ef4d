"""Which order lines are purchases: the rows behind baskets and departments."""

from __future__ import annotations

import ibis

from fivestep.engine import Tables


def purchases(tables: Tables, field: str) -> ibis.Table:
    """order_id, customer_id and the product's *field* of every line that was bought.

    Returns are no purchases: lines with a negative amount, or with a quantity of zero or less where quantities are known. Products without a value of
    *field*, and products that are not in the product list, stay in with NULL.
    """
    lines = tables.order_lines
    kept = lines.filter(lines.line_amount >= 0)
    if "quantity" in lines.columns:
        kept = kept.filter(kept.quantity.isnull() | (kept.quantity > 0))
    products = tables.products
    named = products.select(product=products.product_id, **{field: products[field]})
    return kept.left_join(named, kept.product_id == named.product).select("order_id", "customer_id", field)
