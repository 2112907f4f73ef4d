"""One row per customer: first and last purchase, purchases and spend. Every method of this step starts here."""

from __future__ import annotations

import datetime as dt

import ibis
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame
from fivestep.language import _

COVERED = 0.9  # share of the window that the data must cover to go without a warning


def purchases(tables: Tables, *, window_days: int | None = None) -> pd.DataFrame:
    """The customers who have bought by ``tables.as_of``, by customer_id.

    ``recency_days`` and ``tenure_days`` are whole days since the last and the first purchase, ``order_days`` the distinct days
    with a purchase, all of them over the whole data; ``frequency`` (orders) and ``monetary`` (spend, refunds netted) over the
    last *window_days* days, or the whole data.

    An order with a negative amount is a return: it lowers spend and is no purchase. Orders without a customer are excluded.
    """
    orders = tables.orders.filter(tables.orders.customer_id.notnull())
    bought = orders.order_amount >= 0
    inside = ibis.literal(True) if window_days is None else orders.order_date >= window_start(tables, window_days)
    day, today = orders.order_date.date(), ibis.literal(tables.as_of)
    found = orders.group_by("customer_id").aggregate(
        recency_days=today.delta(day.max(where=bought), unit="day"),
        tenure_days=today.delta(day.min(where=bought), unit="day"),
        order_days=day.nunique(where=bought),
        frequency=(bought & inside).sum(),
        monetary=orders.order_amount.sum(where=inside).fill_null(0).cast("float64"),
    )
    return frame(found.filter(found.recency_days.notnull()), by=["customer_id"])


def window_start(tables: Tables, window_days: int) -> dt.datetime:
    """The first moment of the *window_days* days that end with ``tables.as_of``."""
    return dt.datetime.combine(tables.as_of - dt.timedelta(days=window_days - 1), dt.time())


def covered_days(tables: Tables, window_days: int) -> int:
    """How many of the *window_days* days up to ``tables.as_of`` the data covers."""
    return min(window_days, (tables.as_of - tables.first_day).days + 1)


def coverage_warning(tables: Tables, window_days: int) -> tuple[str, ...]:
    """That the data is shorter than the window, where it is."""
    covered = covered_days(tables, window_days)
    if covered >= COVERED * window_days:
        return ()
    said = _("The data covers {covered} of the {days} days of the window.")
    return (said.format(covered=language.number(covered), days=language.number(window_days)),)


def only_returns(tables: Tables) -> int:
    """How many customers have orders of negative amounts and no others."""
    orders = tables.orders.filter(tables.orders.customer_id.notnull())
    largest = orders.group_by("customer_id").aggregate(amount=orders.order_amount.max())
    return int(largest.filter(largest.amount < 0).count().to_pandas())


def without_purchase(tables: Tables, buyers: pd.DataFrame) -> pd.Series:
    """Ids of the customers of the base who are not among *buyers*, sorted."""
    customers = tables.customers
    ids = frame(customers.filter(customers.customer_id.notnull()).select("customer_id").distinct(), by=["customer_id"])
    return ids.loc[~ids["customer_id"].isin(buyers["customer_id"]), "customer_id"].reset_index(drop=True)
