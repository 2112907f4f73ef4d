"""What the purchase models need of every customer: repeat purchases, when the last was, how long ago the first, mean spend."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property

import ibis
import numpy as np
import pandas as pd

from fivestep.engine import MONEY, Tables, frame

UNIT_DAYS = 7  # a week: short enough for a grocer, long enough for rates that people can read
TABULATED = 64  # times the number of customers: up to this range packed keys are counted in a table, beyond it sorted


@dataclass(frozen=True)
class Counts:
    """Distinct rows (x, t_x, T) and how many customers share each.

    x: repeat purchases. t_x, T: time from the first purchase to the last and to the as-of date, in units of *unit_days* days.
    All of the same length, float64. Likelihoods are sums over these rows, so that a million customers cost what a few thousand
    do.
    """

    x: np.ndarray
    t_x: np.ndarray
    T: np.ndarray
    n: np.ndarray
    unit_days: int = UNIT_DAYS

    @property
    def customers(self) -> float:
        return float(self.n.sum())

    def scaled(self, scale: float) -> Counts:
        """The same rows with time divided by *scale*."""
        return Counts(self.x, self.t_x / scale, self.T / scale, self.n, self.unit_days)

    def thinned(self, rows: int) -> Counts:
        """About *rows* of the rows, taken at equal steps: enough to find where the best parameters lie."""
        step = max(1, len(self.x) // rows)
        return Counts(self.x[::step], self.t_x[::step], self.T[::step], self.n[::step], self.unit_days)


def distinct(x: np.ndarray, t_x_days: np.ndarray, age_days: np.ndarray, *, unit_days: int = UNIT_DAYS) -> Counts:
    """Customers (whole purchases, whole days) as `Counts`, sorted by x, t_x, T."""
    x, t_x, age = (np.asarray(v).astype(np.int64) for v in (x, t_x_days, age_days))
    widths = int(t_x.max(initial=0)) + 1, int(age.max(initial=0)) + 1
    key = x * widths[0]
    key += t_x
    key *= widths[1]
    key += age
    top = int(key.max(initial=0)) + 1
    if top <= min(TABULATED * len(key), 1 << 25):
        n = np.bincount(key, minlength=top)
        key = np.flatnonzero(n)
        n = n[key]
    else:
        key.sort()
        starts = np.flatnonzero(np.diff(key, prepend=-1))
        n = np.diff(starts, append=len(key))
        key = key[starts]
    rest, age = np.divmod(key, widths[1])
    x, t_x = np.divmod(rest, widths[0])
    return Counts(x.astype(float), t_x / unit_days, age / unit_days, n.astype(float), unit_days)


@dataclass(frozen=True)
class Summary:
    """Customers with a purchase by ``as_of``.

    ``table``: one row per customer, by customer_id: x (days with a purchase after the first), t_x and T (time from the first
    purchase to the last and to ``as_of``, in units of ``unit_days`` days), mean_spend (mean over the repeat purchases, returns
    netted; missing where x is 0), spread (sum of squared deviations of the repeat purchases from their mean, in squares of that
    mean; missing where x is under 2 or nothing was spent), first_day. ``returns``: orders of negative amount that were netted.

    A purchase is a day with at least one order of no negative amount: orders of one day are one purchase. An order of negative
    amount is a return: no purchase, but it lowers the mean spend of its customer in proportion to the customer's whole spend, as
    it is not known which purchase came back. Orders without a customer are excluded.
    """

    table: pd.DataFrame
    unit_days: int
    as_of: dt.date
    returns: int

    @cached_property
    def counts(self) -> Counts:
        """The customers as distinct rows."""
        days = [np.rint(self.table[c].to_numpy() * self.unit_days) for c in ("t_x", "T")]
        return distinct(self.table["x"].to_numpy(), *days, unit_days=self.unit_days)

    @property
    def repeaters(self) -> int:
        return int((self.table["x"] > 0).sum())


def purchase_days(tables: Tables) -> ibis.Table:
    """One row per customer and day with an order: what was bought, what was returned, and how many orders were returns."""
    orders = tables.orders.filter(tables.orders.customer_id.notnull())
    bought = orders.order_amount >= 0
    return orders.group_by("customer_id", day=orders.order_date.date()).aggregate(
        purchase=bought.any(),
        amount=orders.order_amount.sum(where=bought).fill_null(0),
        returned=orders.order_amount.sum(where=~bought).fill_null(0),
        returns=(~bought).sum(),
    )


def expression(tables: Tables) -> ibis.Table:
    """The customers of `summary` as one Ibis expression over orders: times in days, money still DECIMAL."""
    days = purchase_days(tables)
    first, last = days.day.min(where=days.purchase), days.day.max(where=days.purchase)
    made = days.group_by("customer_id").aggregate(
        first_day=first,
        x=(days.purchase.sum() - 1).cast("int32"),
        t_x_days=last.delta(first, unit="day").cast("int32"),
        age_days=ibis.literal(tables.as_of).delta(first, unit="day").cast("int32"),
        amount=days.amount.sum(),
        squares=(days.amount.cast(MONEY) * days.amount.cast(MONEY)).sum(),
        first_amount=days.amount.argmin(days.day, where=days.purchase),
        returned=days.returned.sum(),
        returns=days.returns.sum(),
    )
    return made.filter(made.first_day.notnull())


def summary(tables: Tables, *, unit_days: int = UNIT_DAYS) -> Summary:
    """The customers who have bought by ``tables.as_of``, as `Summary` describes them."""
    table = frame(expression(tables), by=["customer_id"])
    x, amount, first = (table[c].to_numpy() for c in ("x", "amount", "first_amount"))
    kept = np.divide(amount + table["returned"].to_numpy(), amount, out=np.ones(len(table)), where=amount > 0)
    mean = np.divide(amount - first, x, out=np.full(len(table), np.nan), where=x > 0)
    varied = (x > 1) & (mean > 0)
    squares = (table["squares"].to_numpy() - first**2) / np.where(varied, mean, 1.0) ** 2
    return Summary(
        table=pd.DataFrame({
            "customer_id": table["customer_id"],
            "x": x.astype(np.int64),
            "t_x": table["t_x_days"].to_numpy() / unit_days,
            "T": table["age_days"].to_numpy() / unit_days,
            "mean_spend": mean * kept,
            "spread": np.where(varied, np.maximum(squares - x, 0.0), np.nan),
            "first_day": pd.to_datetime(table["first_day"]),
        }),
        unit_days=unit_days,
        as_of=tables.as_of,
        returns=int(table["returns"].sum()),
    )  # fmt: skip


def bought_between(tables: Tables, after: dt.date, to: dt.date) -> pd.DataFrame:
    """Per customer with an order after the day *after* and up to the day *to*: purchases (days) and spend (returns netted).

    By customer_id.
    """
    days = purchase_days(tables)
    days = days.filter(days.day > ibis.literal(after), days.day <= ibis.literal(to))
    spend = (days.amount + days.returned).sum()
    return frame(days.group_by("customer_id").aggregate(purchases=days.purchase.sum(), spend=spend), by=["customer_id"])
