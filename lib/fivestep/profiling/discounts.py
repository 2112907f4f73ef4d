"""What discounts and coupons take: their share by month."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, columns
from fivestep.profiling.covered_months import axis_labels, coverage_note, covered_months, period
from fivestep.profiling.returns import is_return, netted_note, returned

ANSWERS = N_("which part of the list value discounts take and how often coupons are used")
SHARES = ("discount_share", "coupon_share", "share_of_orders_with_coupon")


@dataclass(frozen=True)
class Discounts:
    """Discounts and coupons by month.

    ``table``: one row per month: month, orders, spend, and as far as the orders have the field discounts, discount_share (of
    spend plus discounts), coupons, coupon_share (of spend), share_of_orders_with_coupon; a share of nothing is empty. ``total``:
    the same over the period. ``months``: see `covered_months`.
    """

    table: pd.DataFrame
    total: pd.Series
    months: pd.DataFrame
    returns: int
    first_day: dt.date
    as_of: dt.date

    @property
    def shares(self) -> list[str]:
        """The shares that the data allows."""
        return [c for c in SHARES if c in self.table.columns]

    def figure(self) -> Figure:
        """The shares by month, each labelled at its end."""
        shown = self.table[self.shares].set_axis(axis_labels(self.months))
        digits = 0 if np.nanmax(shown.to_numpy(dtype=float), initial=0) >= 0.05 else 1
        return charts.lines(
            shown, write=lambda share: language.percent(share, digits), labels=[columns.label(c) for c in self.shares]
        )

    def headline(self) -> str:
        """The shares over the period."""
        share = {c: language.percent(self.total[c]) for c in self.shares}
        if "coupon_share" not in share:
            return _("Discounts take {discount} of the list value").format(discount=share["discount_share"])
        if "discount_share" not in share:
            return _("Coupons pay {coupon} of spend; {orders} of orders use one").format(
                coupon=share["coupon_share"], orders=share["share_of_orders_with_coupon"]
            )
        return _(
            "Discounts take {discount} of the list value, coupons pay {coupon} of spend; {orders} of orders use a coupon"
        ).format(discount=share["discount_share"], coupon=share["coupon_share"], orders=share["share_of_orders_with_coupon"])

    def months_headline(self) -> str:
        """Between which values the first share lies from month to month; whole months where there are any."""
        share, whole = self.table[self.shares[0]], self.months["complete"].to_numpy()
        share = share[whole] if whole.any() else share
        return _("By month, “{share}” lies between {low} and {high}").format(
            share=columns.label(self.shares[0]), low=language.percent(share.min(), 1), high=language.percent(share.max(), 1)
        )

    def note(self) -> str:
        """Base and definitions."""
        base = _(
            "Base: {n} orders, {period}. List value: spend plus discounts. Coupons are the manufacturers' and part of spend."
        ).format(n=language.number(self.total["orders"]), period=period(self.first_day, self.as_of))
        return " ".join(filter(None, (base, netted_note(self.returns), coverage_note(self.months))))

    def finding(self) -> Finding:
        """The share that discounts take; without discounts, the share that coupons pay."""
        leading = self.shares[0]
        share = float(self.total[leading])
        return Finding(
            key=f"profiling.{leading}",
            value=share,
            unit="share",
            display=language.percent(share),
            text=language.sentence(self.headline()),
            evidence=f"{self.note()} {language.sentence(self.months_headline())}",
            so_what=_(
                "Find out whom discounts win and whom they only reward: the needs step groups customers by how much they buy "
                "on discount."
            )
            if leading == "discount_share"
            else _("Find out which customers buy only with a coupon before more of them are issued."),
        )


@needs("orders.order_date", "orders.order_amount", answers=ANSWERS)
def discounts(tables: Tables) -> Discounts | NotAvailable:
    """Discounts as a share of list value, coupons as a share of spend and orders with a coupon, by month; empty amounts count as
    0.

    An order uses a coupon if its coupon amount is above 0. Needs orders.discount_amount or orders.coupon_amount, each for its
    part; orders without a customer count.
    An order with a negative amount is a return: it lowers the sums and is no order.
    """
    orders = tables.orders
    has_discounts, has_coupons = (not tables.missing(f"orders.{c}") for c in ("discount_amount", "coupon_amount"))
    if not has_discounts and not has_coupons:
        return NotAvailable(("orders.discount_amount", "orders.coupon_amount"), _(ANSWERS))
    dated = orders.mutate(month=orders.order_date.truncate("M").cast("date"))
    bought = ~is_return(dated)
    sums = {"orders": bought.sum().fill_null(0), "spend": dated.order_amount.sum().fill_null(0)}
    if has_discounts:
        sums["discounts"] = dated.discount_amount.sum().fill_null(0)
    if has_coupons:
        sums |= {
            "coupons": dated.coupon_amount.sum().fill_null(0),
            "orders_with_coupon": ((dated.coupon_amount > 0) & bought).sum().fill_null(0),
        }
    months = covered_months(tables)
    counted = frame(dated.group_by("month").aggregate(**sums), by=["month"])
    counted["month"] = pd.to_datetime(counted["month"]).astype(months["month"].dtype)
    table = months[["month"]].merge(counted, on="month", how="left").fillna(dict.fromkeys(sums, 0))
    total = _shares(frame(dated.aggregate(**sums), by=["orders"])).iloc[0]
    if total["spend"] <= 0:
        return NotAvailable(
            (),
            _(ANSWERS),
            reason=_("Spend adds up to {money}, so shares of it say nothing.").format(money=language.money(total["spend"])),
        )
    return Discounts(_shares(table), total, months, returned(orders), tables.first_day, tables.as_of)


def _shares(sums: pd.DataFrame) -> pd.DataFrame:
    """*sums* with the shares that they allow, in the order of display."""
    kept = [c for c in ("month", "orders", "spend") if c in sums]
    out = sums[kept].copy()
    out["orders"] = out["orders"].astype(int)
    if "discounts" in sums:
        out["discounts"] = sums["discounts"].astype(float)
        out["discount_share"] = _ratio(sums["discounts"], sums["spend"] + sums["discounts"])
    if "coupons" in sums:
        out["coupons"] = sums["coupons"].astype(float)
        out["coupon_share"] = _ratio(sums["coupons"], sums["spend"])
        out["share_of_orders_with_coupon"] = _ratio(sums["orders_with_coupon"], sums["orders"])
    return out


def _ratio(part: pd.Series, whole: pd.Series) -> np.ndarray:
    return (part / whole.where(whole > 0)).to_numpy(dtype=float)
