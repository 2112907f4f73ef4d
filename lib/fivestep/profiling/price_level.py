"""The price level at which a customer buys: prices paid against the usual price of the category."""

from __future__ import annotations

import ibis

from fivestep.engine import Tables


def price_levels(tables: Tables) -> ibis.Table | None:
    """customer_id, price_level: 1 is the usual price of what the customer buys; None without quantities or categories.

    Mean over the lines of the logarithm of the price of a unit less its mean in the category, weighted by spend. Returns and
    lines of unknown category are left out.
    """
    if tables.missing("order_lines.line_amount", "order_lines.quantity", "order_lines.product_id", "products.category"):
        return None
    lines, products = tables.order_lines, tables.products
    known = products.filter(products.category.notnull()).select(_product=products.product_id, category=products.category)
    lines = lines.filter(lines.customer_id.notnull() & (lines.line_amount > 0) & (lines.quantity > 0))
    lines = lines.inner_join(known, lines.product_id == known._product)
    price = lines.line_amount.cast("float64") / lines.quantity.cast("float64")
    priced = lines.select("customer_id", "category", amount=lines.line_amount.cast("float64"), log=price.ln())
    usual = priced.group_by("category").aggregate(usual=priced.log.mean().round(9))
    compared = priced.inner_join(usual, "category")
    return compared.group_by("customer_id").aggregate(
        price_level=(((compared.log - compared.usual) * compared.amount).sum() / compared.amount.sum()).exp().round(6)
    )
