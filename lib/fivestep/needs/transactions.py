"""What purchases say of customers: spending power, preference, loyalty and what is left out, by how often they buy."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _
from fivestep.needs.lines import lines_by

YEAR, ACTIVE = 365, 90  # days
FEW = 30  # customers of a class below which nothing is said of its preference
# Days with an order in the last 365 from which the class holds.
CLASSES = {
    1: N_("Once"),
    2: N_("Two or three times"),
    4: N_("Less than monthly (4 to 11 times)"),
    12: N_("Monthly or more (12 to 51 times)"),
    52: N_("Weekly or more (52 times or more)"),
}
_ANSWERS = N_("what purchases say of spending power, preference and loyalty")


@dataclass(frozen=True)
class Transactions:
    """Customers by the number of days with an order in the last 365 days.

    ``table``: one row per class that has customers, rarest buyers first: purchase_frequency, customers, share_of_customers,
    orders_per_customer, spend_per_customer, spend_per_order, share_of_spend, still_active (share with an order in the last 90
    days) with still_low and still_high (95 %), usual_payment with usual_payment_share (of its orders with a known one),
    category_preferred with preference_index (share of the class's spend divided by that of all, 100 is alike), left_out_category
    with left_out_share and next_share (customers of the class, and of the next one, who buy it: the largest difference).
    ``days``: of the 365 that the data covers.
    """

    table: pd.DataFrame
    days: int
    as_of: dt.date

    def shown(self) -> pd.DataFrame:
        """What they buy, how much and how often, and whether they stay."""
        out = self.table.drop(columns=["left_out_category", "left_out_share", "next_share", "share_of_spend"])
        said = {
            "usual_payment": [None if v is None else language.value("orders.payment_method", v) for v in out["usual_payment"]],
            "category_preferred": [None if v is None else _name(v) for v in out["category_preferred"]],
        }
        return out.assign(**said).dropna(axis=1, how="all")

    def left_out(self) -> pd.DataFrame | NotAvailable:
        """What each class leaves out that the next one buys."""
        out = self.table[["purchase_frequency", "customers", "left_out_category", "left_out_share", "next_share"]]
        out = out[out["left_out_category"].notna()].reset_index(drop=True)
        if out.empty:
            return NotAvailable((), _(_ANSWERS), reason=_("no two classes of frequency have {n} customers.").format(n=FEW))
        return out.assign(left_out_category=[_name(v) for v in out["left_out_category"]])

    def headline(self) -> str:
        """What the frequent buyers bring."""
        top = self.table.iloc[-1]
        return _("“{frequency}”: {share} of customers bring {spend} of spend, {money} each").format(
            frequency=_(top.purchase_frequency),
            share=language.percent(top["share_of_customers"]),
            spend=language.percent(top["share_of_spend"]),
            money=language.money(top["spend_per_customer"], 0),
        )

    def left_out_headline(self) -> str:
        """The largest gap between a class and the next."""
        rows = self.table[self.table["left_out_category"].notna()]
        if rows.empty:
            return _("No class of frequency leaves out what the next one buys")
        gap = (rows["next_share"] - rows["left_out_share"]).round(9)
        row = rows.loc[gap.idxmax()]
        return _("“{frequency}” leave out {category}: {own} buy it, of those who come more often {others}").format(
            frequency=_(row.purchase_frequency),
            category=_name(row["left_out_category"]),
            own=language.percent(row["left_out_share"]),
            others=language.percent(row["next_share"]),
        )

    def note(self) -> str:
        """Base and definitions."""
        return _(
            "Base: {n} customers with an order in the {days} days to {day}, by days with an order. Spending power is what a "
            "customer and an order bring; preference the category whose share of spend is furthest above that of all customers, "
            "in classes of {few} customers or more; still active: an order in the last {active} days."
        ).format(
            n=language.number(self.table["customers"].sum()),
            days=language.number(self.days),
            day=language.day(self.as_of),
            few=language.number(FEW),
            active=language.number(ACTIVE),
        )

    def finding(self) -> Finding:
        """How much more loyal frequent buyers are, and what they bring."""
        first, last = self.table.iloc[0], self.table.iloc[-1]
        return Finding(
            key="needs.share_of_spend_of_most_frequent",
            value=float(last["share_of_spend"]),
            unit="share",
            display=language.percent(last["share_of_spend"]),
            text=language.sentence(self.headline()),
            evidence=_("Still active: {first} of “{a}”, {last} of “{b}”.").format(
                first=language.percent(first["still_active"]),
                a=_(first.purchase_frequency),
                last=language.percent(last["still_active"]),
                b=_(last.purchase_frequency),
            )
            + " "
            + self.note(),
            so_what=language.sentence(self.left_out_headline()),
            confidence="high" if self.days >= YEAR and last["customers"] >= FEW else "medium",
            warnings=()
            if self.days >= YEAR
            else (_("The data covers less than a year, so customers look rarer than they are."),),
        )


def _name(category: object) -> str:
    return language.MISSING if language.absent(category) else language.value("products.category", category)


@needs("orders.customer_id", "orders.order_amount", answers=_ANSWERS)
def transactions(tables: Tables) -> Transactions | NotAvailable:
    """Customers of the last 365 days by frequency: amount, payment, preference, loyalty, and what the next class buys besides.

    An order with a negative amount is a return: it lowers spend and is no purchase. Without order lines with categories,
    preference and what is left out are missing.
    """
    begin = tables.as_of - dt.timedelta(days=YEAR - 1)
    orders = tables.orders.filter(tables.orders.customer_id.notnull())
    orders = orders.filter(orders.order_date >= dt.datetime.combine(begin, dt.time()))
    bought = orders.order_amount >= 0
    recent = orders.order_date >= dt.datetime.combine(tables.as_of - dt.timedelta(days=ACTIVE - 1), dt.time())
    each = orders.group_by("customer_id").aggregate(
        order_days=orders.order_date.date().nunique(where=bought),
        orders=bought.sum(),
        spend=orders.order_amount.sum(),
        active=(bought & recent).any(),
    )
    each = each.filter(each.order_days > 0)
    each = each.mutate(number=ibis.cases(*((each.order_days >= n, n) for n in sorted(CLASSES, reverse=True))))
    sums = frame(
        each.group_by("number").aggregate(
            customers=each.count(), orders=each.orders.sum(), spend=each.spend.sum().cast("float64"), active=each.active.sum()
        ),
        by=["number"],
    )
    if sums.empty:
        return NotAvailable((), _(_ANSWERS), reason=_("no customer has ordered in the last {n} days.").format(n=YEAR))
    sums = sums.set_index("number")
    member = each.select("customer_id", "number")
    low, high = wilson(sums["active"], sums["customers"])
    spend = sums["spend"].sum()
    table = pd.DataFrame(
        {
            "purchase_frequency": [CLASSES[n] for n in sums.index],
            "customers": sums["customers"].astype(int),
            "share_of_customers": sums["customers"] / sums["customers"].sum(),
            "orders_per_customer": sums["orders"] / sums["customers"],
            "spend_per_customer": sums["spend"] / sums["customers"],
            "spend_per_order": sums["spend"] / sums["orders"],
            "share_of_spend": sums["spend"] / spend if spend > 0 else np.nan,
            "still_active": sums["active"] / sums["customers"],
            "still_low": low,
            "still_high": high,
        },
        index=sums.index,
    )
    table = table.join(_payments(orders.filter(bought), member)).join(_categories(tables, member, begin, table["customers"]))
    for name in ("usual_payment", "category_preferred", "left_out_category"):
        table[name] = table[name].astype(object).where(table[name].notna(), None)
    days = (tables.as_of - max(begin, tables.first_day)).days + 1
    return Transactions(table.reset_index(drop=True), days, tables.as_of)


def _payments(orders: ibis.Table, member: ibis.Table) -> pd.DataFrame:
    """By class: usual_payment and its share of the orders whose payment is known."""
    empty = pd.DataFrame({"usual_payment": pd.Series(dtype=object), "usual_payment_share": pd.Series(dtype=float)})
    if "payment_method" not in orders.columns:
        return empty
    paid = orders.filter(orders.payment_method.notnull()).inner_join(member, "customer_id")
    counts = frame(paid.group_by("number", "payment_method").aggregate(n=paid.count()), by=["number", "payment_method"])
    counts["usual_payment_share"] = counts["n"] / counts.groupby("number")["n"].transform("sum")
    counts = counts.sort_values(["number", "n", "payment_method"], ascending=[True, False, True]).drop_duplicates("number")
    out = counts.set_index("number").rename(columns={"payment_method": "usual_payment"})
    return out[["usual_payment", "usual_payment_share"]] if len(out) else empty


def _categories(tables: Tables, member: ibis.Table, begin: dt.date, customers: pd.Series) -> pd.DataFrame:
    """By class: the category that it prefers, and the one that the next class buys and it leaves out."""
    names = ["category_preferred", "preference_index", "left_out_category", "left_out_share", "next_share"]
    out = pd.DataFrame(index=customers.index, columns=names, dtype=object)
    if tables.missing("order_lines.product_id", "products.category"):
        return out
    lines = lines_by(tables, "category")
    lines = lines.filter(lines.bought & lines.category.notnull() & (lines.order_date >= dt.datetime.combine(begin, dt.time())))
    lines = lines.inner_join(member, "customer_id")
    sums = frame(
        lines.group_by("number", "category").aggregate(
            spend=lines.line_amount.sum().cast("float64"), buyers=lines.customer_id.nunique()
        ),
        by=["number", "category"],
    )
    spend = sums.pivot_table(index="number", columns="category", values="spend", aggfunc="sum").fillna(0.0)
    buyers = sums.pivot_table(index="number", columns="category", values="buyers", aggfunc="sum").fillna(0.0)
    known = spend.loc[:, buyers.sum() >= FEW]
    usual = known.sum() / spend.to_numpy().sum() if spend.to_numpy().sum() > 0 else known.sum() * np.nan
    shares = buyers.div(customers.reindex(buyers.index), axis=0)
    large = [n for n in customers.index if customers[n] >= FEW and n in spend.index]
    for n in large:
        own = (known.loc[n] / spend.loc[n].sum() / usual.where(usual > 0)).dropna().round(9)
        if len(own) and own.max() > 1:
            out.loc[n, ["category_preferred", "preference_index"]] = own.idxmax(), 100 * own.max()
    for n, following in itertools.pairwise(large):
        gap = (shares.loc[following] - shares.loc[n]).round(9)
        if gap.max() > 0:
            top = gap.idxmax()
            out.loc[n, ["left_out_category", "left_out_share", "next_share"]] = (
                top,
                shares.loc[n, top],
                shares.loc[following, top],
            )
    return out.astype({"preference_index": float, "left_out_share": float, "next_share": float})
