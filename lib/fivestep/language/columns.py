"""The registry of result columns: one name means one thing in every table, notebook and workbook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fivestep import language
from fivestep.language import N_, _

KINDS = ("text", "count", "number", "money", "percent", "ratio", "date", "month", "index")


@dataclass(frozen=True)
class Column:
    """What a column is called, how its values are written and what they mean.

    ``kind`` is one of text, count (whole things), number (one decimal), money, percent (a share, stored 0..1), ratio (two
    decimals), date, month, index (100 = average). ``values`` names the contract field whose labels its text values carry, or
    ``"message"`` where they are messages of the catalog.
    """

    label: str
    kind: str
    definition: str = ""
    values: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r} is not one of {KINDS}")


_known: dict[str, Column] = {}


def register(**described: Column) -> None:
    """Add columns to the registry; a name can be described again only with the same description."""
    for name, column in described.items():
        if _known.setdefault(name, column) != column:
            raise ValueError(f"column {name!r} is described twice: {_known[name]} and {column}")


def column(name: str) -> Column:
    """The description of a column; a name nobody registered is an error of the kit, not of the user."""
    if name not in _known:
        raise KeyError(f"column {name!r} is not registered: add it to the columns of its step")
    return _known[name]


def registered() -> dict[str, Column]:
    """Every column that is described, by name."""
    return dict(sorted(_known.items()))


def label(name: str) -> str:
    """The heading of a column in the language in use."""
    return _(column(name).label)


def formatted(name: str, raw: Any) -> str:
    """One cell as the reader sees it."""
    described = column(name)
    if described.kind == "text":
        if described.values == "message":
            return language.MISSING if language.absent(raw) else _(str(raw))
        if described.values:
            return language.value(described.values, raw)
        return language.MISSING if language.absent(raw) else str(raw)
    writers = {
        "count": language.number,
        "number": lambda v: language.number(v, 1),
        "money": lambda v: language.money(v, 0 if language.absent(v) or abs(v) >= 100 else 2),
        "percent": lambda v: language.percent(v, 1),
        "ratio": lambda v: language.number(v, 2),
        "index": language.number,
        "date": language.day,
        "month": language.month,
    }
    return writers[described.kind](raw)


register(
    customer_id=Column(N_("Customer"), "text", N_("Pseudonymous id of the customer.")),
    customers=Column(N_("Customers"), "count", N_("Number of distinct customers.")),
    share_of_customers=Column(
        N_("Share of customers"), "percent", N_("Customers of the row divided by all customers of the table.")
    ),
    orders=Column(N_("Orders"), "count", N_("Number of distinct orders.")),
    lines=Column(N_("Order lines"), "count", N_("Number of order lines.")),
    spend=Column(N_("Spend"), "money", N_("Sum of order amounts after discounts, refunds netted.")),
    share_of_spend=Column(N_("Share of spend"), "percent", N_("Spend of the row divided by the spend of all rows.")),
    spend_per_customer=Column(N_("Spend per customer"), "money", N_("Spend divided by customers.")),
    orders_per_customer=Column(N_("Orders per customer"), "number", N_("Orders divided by customers.")),
    spend_per_order=Column(N_("Spend per order"), "money", N_("Spend divided by orders.")),
    month=Column(N_("Month"), "month", N_("Calendar month of the order, in the time zone of the engagement.")),
    store=Column(N_("Store"), "text", N_("Store or branch in which the order was placed."), values="orders.store"),
    department=Column(N_("Department"), "text", N_("Department of the product."), values="products.department"),
    category=Column(N_("Category"), "text", N_("Category of the product."), values="products.category"),
    discount_share=Column(N_("Discount share"), "percent", N_("Discounts divided by spend plus discounts.")),
    coupon_share=Column(N_("Coupon share"), "percent", N_("Coupons divided by spend.")),
    share_of_orders_with_coupon=Column(
        N_("Orders with a coupon"), "percent", N_("Orders with a coupon amount above 0 divided by all orders.")
    ),
    value_tier=Column(N_("Value tier"), "text", N_("High, medium or low by cumulative spend."), values="message"),
    lifecycle=Column(N_("Lifecycle stage"), "text", N_("Stage between first and last order, by stated rules."), values="message"),
    deal_group=Column(N_("Deal group"), "text", N_("How much is bought on discount, by stated rules."), values="message"),
    need_group=Column(N_("Need group"), "text", N_("What the customer shows to need, by stated signs."), values="message"),
)
