"""What the customers could spend: an index of income, assets and what their purchases say."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import Z
from fivestep.language import N_, _, columns
from fivestep.profiling import age
from fivestep.profiling.covered_months import period
from fivestep.profiling.portrait import in_order, traits
from fivestep.profiling.price_level import price_levels

ANSWERS = N_("which groups have the greatest spending power")
FIELDS = ("age_band", "gender", "occupation", "education", "region", "member_level")
FEW = 30
MONTH = 30.4375
PARTS = {
    N_("Income"): "income",
    N_("Assets"): "assets",
    N_("Spend a month"): "spend_per_month",
    N_("Spend per order"): "spend_per_order",
    N_("Price level"): "price_level",
}


@dataclass(frozen=True)
class SpendingPower:
    """An index of spending power from 0 to 100 for every customer with an order.

    ``per_customer``: customer_id, power_index (mean of the ranks of what is known of the customer, 0 = lowest, 100 = highest) and
    its parts as ranks. ``parts``: power_part, customers (of whom it is known), share_of_customers, power_correlation (Spearman,
    with the mean of the customer's other parts; empty below 30). ``groups``: portrait_trait, portrait_group, customers,
    power_mean with its 95 % interval (power_low, power_high), of groups of 30 and more.
    """

    per_customer: pd.DataFrame
    parts: pd.DataFrame
    groups: pd.DataFrame
    hidden: bool
    first_day: dt.date
    as_of: dt.date

    def by_group(self) -> pd.DataFrame | NotAvailable:
        """The groups as the reader sees them."""
        if self.groups.empty:
            return NotAvailable(
                (), _(ANSWERS), reason=_("No group has {n} customers with an order.").format(n=language.number(FEW))
            )
        out = self.groups.copy()
        out["portrait_group"] = [
            language.value(f"customers.{f}", g) for f, g in zip(out["portrait_trait"], out["portrait_group"], strict=True)
        ]
        out["portrait_trait"] = [columns.column(f).label for f in out["portrait_trait"]]
        return out

    def headline(self) -> str:
        """The group with the highest mean index whose interval excludes the mean of all, 50."""
        apart = self.groups[self.groups["power_low"] > self.mean()]
        if apart.empty:
            return _("No group has reliably more spending power than the average")
        best = apart.sort_values(["power_mean", "portrait_group"], ascending=[False, True]).iloc[0]
        return _("{group} ({field}) have the greatest spending power: index {index}, the average being {mean}").format(
            group=language.value(f"customers.{best['portrait_trait']}", best["portrait_group"]),
            field=columns.label(best["portrait_trait"]),
            index=language.number(best["power_mean"]),
            mean=language.number(self.mean()),
        )

    def mean(self) -> float:
        """Mean index of all customers with an order."""
        return float(self.per_customer["power_index"].mean())

    def parts_headline(self) -> str:
        """What the index is made of."""
        return _("The index is the mean rank by {parts}").format(parts=language.listing([_(p) for p in self.parts["power_part"]]))

    def note(self) -> str:
        """Base and definition."""
        base = _(
            "Base: {n} customers with an order, {period}. Index: mean of a customer's ranks from 0 to 100, each part with the "
            "same "
            "weight; what is unknown of a customer is left out of the mean. Intervals: {level} each, all {m} groups together 95%."
        ).format(
            n=language.number(len(self.per_customer)),
            period=period(self.first_day, self.as_of),
            level=language.percent(1 - 0.05 / max(len(self.groups), 1), 1),
            m=language.number(len(self.groups)),
        )
        own = (
            ""
            if not self.hidden
            else _("Income and assets are sensitive and not used: sensitive_fields in engagement.yml allows them.")
        )
        return " ".join(filter(None, (base, own)))

    def finding(self) -> Finding:
        """The mean index of the group with the greatest power."""
        apart = self.groups[self.groups["power_low"] > self.mean()]
        value = float(apart["power_mean"].max()) if len(apart) else self.mean()
        return Finding(
            key="profiling.spending_power",
            value=value,
            unit="index",
            display=language.number(value) if len(apart) else "",
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Show the higher price levels to these groups first; the index ranks, it is no income.")
            if len(apart)
            else _("Choose price levels by each customer's own orders, not by group."),
            confidence="medium",
        )


@needs("customers.customer_id", "orders.customer_id", "orders.order_amount", "orders.order_date", answers=ANSWERS)
def spending_power(tables: Tables, *, age_bands: tuple[int, ...] = ()) -> SpendingPower | NotAvailable:
    """Rank the customers with an order by income and assets (where they are known and allowed) and by their purchases.

    Price level: mean over the lines of the price of a unit against the mean of its category, weighted by spend. Customers whose
    spend is not above 0 rank lowest. Equal values have equal (mean) ranks.
    """
    orders = tables.orders.filter(tables.orders.customer_id.notnull())
    good = orders.filter((orders.order_amount >= 0).fill_null(False))
    spent = orders.group_by("customer_id").aggregate(spend=orders.order_amount.sum().cast("float64"))
    counted = good.group_by("customer_id").aggregate(n=good.count(), first=good.order_date.min())
    known = [f for f in ("income", "assets") if not tables.missing(f"customers.{f}")]
    fields = traits(tables, FIELDS)
    people = age.with_age_bands(tables, age_bands).select("customer_id", *fields, *known)
    joined = counted.inner_join(spent, "customer_id").inner_join(people, "customer_id")
    customers = frame(joined, by=["customer_id"])
    if customers.empty:
        return NotAvailable((), _(ANSWERS), reason=_("No customer of the list has an order."))
    from scipy import stats

    months = ((pd.Timestamp(tables.as_of) - customers["first"].dt.normalize()).dt.days + 1) / MONTH
    customers["spend_per_month"] = (customers["spend"] / months.clip(lower=1)).round(9)
    customers["spend_per_order"] = (customers["spend"] / customers["n"]).round(9)
    levels = price_levels(tables)
    if levels is not None:
        customers = customers.merge(frame(levels, by=["customer_id"]), on="customer_id", how="left")
    parts = {label: name for label, name in PARTS.items() if name in customers and customers[name].notna().any()}
    ranks = pd.DataFrame({"customer_id": customers["customer_id"]})
    for name in parts.values():
        n = customers[name].notna().sum()
        ranks[name] = 100 * (customers[name].rank() - 1) / (n - 1) if n > 1 else customers[name] * 0 + 50.0
    ranks.insert(1, "power_index", ranks[list(parts.values())].mean(axis=1))
    rows = []
    for label, name in parts.items():
        others = ranks[[p for p in parts.values() if p != name]].mean(axis=1)
        both = ranks[name].notna() & others.notna()
        able = both.sum() >= FEW and ranks.loc[both, name].nunique() > 1 and others[both].nunique() > 1
        agree = float(stats.spearmanr(ranks.loc[both, name], others[both]).statistic) if able else np.nan
        n = int(ranks[name].notna().sum())
        rows.append((label, n, n / len(ranks), agree))
    table = pd.DataFrame(rows, columns=["power_part", "customers", "share_of_customers", "power_correlation"])
    groups = _groups(customers.assign(power_index=ranks["power_index"]), fields)
    return SpendingPower(ranks, table, groups, bool({"income", "assets"} & set(tables.hidden)), tables.first_day, tables.as_of)


def _groups(customers: pd.DataFrame, fields: list[str]) -> pd.DataFrame:
    rows, mean = [], float(customers["power_index"].mean())
    for field in fields:
        by = customers.groupby(field)["power_index"].agg(["size", "mean", "std"])
        by = by[by["size"] >= FEW]
        names = (
            in_order(field, sorted(by.index)) if field == "age_band" else sorted(by.index, key=lambda g: (-by.loc[g, "size"], g))
        )
        rows += [(field, g, int(by.loc[g, "size"]), float(by.loc[g, "mean"]), float(by.loc[g, "std"])) for g in names]
    out = pd.DataFrame(rows, columns=["portrait_trait", "portrait_group", "customers", "power_mean", "_sd"])
    from scipy import stats

    z = stats.norm.isf(0.025 / max(len(out), 1)) if len(out) else Z
    half = z * out["_sd"] / np.sqrt(out["customers"])
    out["power_low"], out["power_high"] = (out["power_mean"] - half).clip(lower=0), (out["power_mean"] + half).clip(upper=100)
    return out.drop(columns="_sd").assign(power_against=out["power_mean"] - mean)
