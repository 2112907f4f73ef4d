"""Who the customers are: their groups by age, income, household and other traits, and what each group spends."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.errors import UserError
from fivestep.findings import NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _, columns, ngettext
from fivestep.profiling import age
from fivestep.profiling.covered_months import period
from fivestep.profiling.spend_index import FEW, spend_index

ANSWERS = N_("who the customers are and which groups spend more than others")
# The traits of a customer that make groups, in the order in which they are shown.
FIELDS = (
    "age_band",
    "gender",
    "income_band",
    "household_size",
    "household_composition",
    "kids_count",
    "marital_status",
    "home_ownership",
    "education",
    "occupation",
    "country",
    "region",
    "province",
    "city",
    "district",
    "customer_type",
    "industry",
    "company_size",
    "customer_level",
    "member_level",
    "source",
)
ORDERED = ("age_band", "income_band", "household_size", "kids_count", "company_size")  # the others are sorted by size


@dataclass(frozen=True)
class Portrait:
    """Customers by one trait.

    ``table``: one row per group, ordered bands in their order and other groups by size, unknown last: the field itself,
    customers, share_of_customers with its Wilson interval (portrait_share_low, portrait_share_high), spend, spend_per_customer,
    spend_index (100 = all customers) with its interval (spend_index_low, spend_index_high; empty below 30 customers). The
    intervals of all ``comparisons`` groups hold together with 95 %. ``inactive``: customers without an order, who count with no
    spend.
    """

    field: str
    table: pd.DataFrame
    comparisons: int
    inactive: int
    unmatched: tuple[int, float]
    first_day: dt.date
    as_of: dt.date

    @property
    def known(self) -> pd.DataFrame:
        """The groups, without the customers of whom the trait is unknown."""
        return self.table[self.table[self.field].notna()]

    @property
    def unknown_share(self) -> float:
        """Share of customers of whom the trait is unknown."""
        return float(1 - self.known["customers"].sum() / self.table["customers"].sum())

    def differing(self) -> pd.DataFrame:
        """Groups whose spend per customer differs from the average beyond chance, furthest from it first."""
        known = self.known
        low, high = known["spend_index_low"].round(6), known["spend_index_high"].round(6)  # not by the last bit of a float
        apart = known[(low > 100) | (high < 100)]
        return (
            apart.assign(_distance=(apart["spend_index"] - 100).abs())
            .sort_values(["_distance", self.field], ascending=[False, True])
            .drop(columns="_distance")
        )

    def largest(self) -> pd.Series | None:
        """The group with the most customers, if its interval lies above those of all others."""
        by_size = self.known.sort_values(["customers", self.field], ascending=[False, True])
        if len(by_size) < 2 or by_size["portrait_share_low"].iloc[0] <= by_size["portrait_share_high"].iloc[1:].max():
            return None
        return by_size.iloc[0]

    def headline(self) -> str:
        """The group that spends most above (else below) average, else the largest group; only what the intervals support."""
        known, apart, largest = self.known, self.differing(), self.largest()
        label = columns.label(self.field)
        if len(known) == 1:
            return _("All customers of known {field} belong to one group: {group}").format(
                field=quoted(label), group=self.name(known[self.field].iloc[0])
            )
        above = apart[apart["spend_index"] > 100]
        if len(apart):
            best = (above if len(above) else apart).iloc[0]
            said = (
                _("Spend per customer is {percent} above average for {group} ({field}), who are {share} of customers")
                if best["spend_index"] > 100
                else _("Spend per customer is {percent} below average for {group} ({field}), who are {share} of customers")
            )
            return said.format(
                percent=language.percent(abs(best["spend_index"] / 100 - 1)),
                group=self.name(best[self.field]),
                field=label,
                share=language.percent(best["share_of_customers"]),
            )
        if largest is not None:
            return _(
                "{group} is the largest known group by {field} ({share} of customers); no group's spend per customer differs "
                "reliably from the average"
            ).format(
                group=self.name(largest[self.field]), field=quoted(label), share=language.percent(largest["share_of_customers"])
            )
        return _(
            "Groups by {field} differ reliably neither in spend per customer from the average nor in which is the largest"
        ).format(field=quoted(label))

    def name(self, raw: str) -> str:
        """A group as the reader sees it."""
        return language.value(f"customers.{self.field}", raw)

    def note(self) -> str:
        """Base, intervals and what counts how."""
        said = (
            _(
                "Base: {n} customers, {unknown} of them unknown; spend of {period}. Index: spend per customer, 100 = all "
                "customers."
            )
            if self.unknown_share > 0
            else _("Base: {n} customers; spend of {period}. Index: spend per customer, 100 = all customers.")
        )
        base = said.format(
            n=language.number(self.table["customers"].sum()),
            unknown=language.percent(self.unknown_share),
            period=period(self.first_day, self.as_of),
        )
        intervals = _(
            "Intervals: 95% (Wilson) for each share; 95% for the {m} indices of this section together, none below {few} "
            "customers."
        ).format(m=language.number(self.comparisons), few=language.number(FEW))
        return " ".join((base, intervals, *left_out(self.inactive, self.unmatched)))


@needs("customers.customer_id", "orders.customer_id", "orders.order_amount", answers=ANSWERS)
def portrait(tables: Tables, field: str, *, age_bands: tuple[int, ...] = ()) -> Portrait | NotAvailable:
    """Customers, share and spend of each group by *field* of the customers table (text).

    Every customer of the table counts, with no spend where no order is known; customers without a value make the group Unknown.
    *age_bands*: see `age.with_age_bands`.
    Orders without a customer and orders of customers that the table lacks are left out.

    Source: Wilson (1927) for shares; for indices see `spend_index`.
    """
    if field not in FIELDS:
        raise UserError(
            _("portrait: {field!r} is no trait that makes groups. Choose one of {choices}.").format(
                field=field, choices=", ".join(FIELDS)
            )
        )
    if field in tables.hidden:
        raise UserError(
            _("portrait: customers.{field} is sensitive. Name it under sensitive_fields in engagement.yml to show it.").format(
                field=field
            )
        )
    if field not in traits(tables):
        return NotAvailable((f"customers.{field}",), _(ANSWERS))
    customers, unmatched = spending(tables, [field], age_bands)
    if customers[field].isna().all():
        return NotAvailable((), _(ANSWERS), reason=_("{field} of every customer is unknown.").format(field=columns.label(field)))
    return portraits_of(customers, [field], unmatched, tables)[0]


def traits(tables: Tables, among: Sequence[str] = FIELDS) -> list[str]:
    """Those of the fields *among* that the customers table has or, as the age band, can give."""
    return [f for f in among if not tables.missing(f"customers.{f}") or (f == "age_band" and age.age_of(tables) is not None)]


def spending(tables: Tables, fields: list[str], age_bands: tuple[int, ...] = ()) -> tuple[pd.DataFrame, tuple[int, float]]:
    """Fields, orders and spend of every customer; number and amount of orders of customers that the table lacks."""
    orders = tables.orders.filter(tables.orders.customer_id.notnull())
    spent = orders.group_by("customer_id").aggregate(orders=orders.count(), spend=orders.order_amount.sum().fill_null(0))
    people = age.with_age_bands(tables, age_bands).select("customer_id", *fields)
    customers = frame(people.left_join(spent, "customer_id").drop("customer_id_right"), by=["customer_id"])
    customers[["orders", "spend"]] = customers[["orders", "spend"]].fillna(0).astype(float)
    lost = orders.anti_join(people.select("customer_id"), "customer_id")
    seen = lost.aggregate(n=lost.count(), amount=lost.order_amount.sum().fill_null(0).cast("float64")).to_pandas().iloc[0]
    return customers, (int(seen["n"]), float(seen["amount"]))


def portraits_of(
    customers: pd.DataFrame, fields: Sequence[str], unmatched: tuple[int, float], tables: Tables
) -> tuple[Portrait, ...]:
    """The `Portrait` by each of *fields* of customers with their spend; the intervals of all of them hold together."""
    coded = [pd.factorize(customers[field], sort=True) for field in fields]
    indices = spend_index(customers["spend"].to_numpy(), [codes for codes, _values in coded])
    comparisons = sum(int((np.bincount(codes[codes >= 0]) >= FEW).sum()) for codes, _values in coded)
    inactive = int((customers["orders"] == 0).sum())
    out = []
    for field, (codes, values), (index, low, high) in zip(fields, coded, indices, strict=True):
        groups = list(range(len(values))) + ([-1] if (codes < 0).any() else [])
        by = customers["spend"].groupby(codes)
        table = pd.DataFrame({field: pd.Series([*values, None][: len(groups)], dtype=object)})
        table["customers"] = by.size().loc[groups].to_numpy()
        table["share_of_customers"] = table["customers"] / len(customers)
        table["portrait_share_low"], table["portrait_share_high"] = wilson(table["customers"], len(customers))
        table["spend"] = by.sum().loc[groups].to_numpy()
        table["spend_per_customer"] = table["spend"] / table["customers"]
        mean = customers["spend"].mean()
        unknown = [100 * table["spend_per_customer"].iloc[-1] / mean if mean > 0 else np.nan] if len(groups) > len(values) else []
        table["spend_index"] = [*index, *unknown]
        table["spend_index_low"], table["spend_index_high"] = (
            [*low, *(np.nan for _u in unknown)],
            [*high, *(np.nan for _u in unknown)],
        )
        table = table.iloc[_order(table, field)].reset_index(drop=True)
        out.append(Portrait(field, table, comparisons, inactive, unmatched, tables.first_day, tables.as_of))
    return tuple(out)


def _order(table: pd.DataFrame, field: str) -> list[int]:
    """Row numbers in the order of display."""
    known = [v for v in table[field] if v is not None]
    if field in ORDERED:
        known = in_order(field, known)
    else:
        size = dict(zip(table[field], table["customers"], strict=True))
        known = sorted(known, key=lambda v: (-size[v], v))
    place = {v: i for i, v in enumerate([*known, None])}
    return sorted(range(len(table)), key=lambda i: place[table[field].iloc[i]])


def in_order(field: str, values: list[str]) -> list[str]:
    """Bands in their declared order; age bands of which none is declared by the first age in their names."""
    ordered = language.value_order(f"customers.{field}", values)
    bands = {v: age.ends(v) for v in ordered} if field == "age_band" else {}
    if not bands or None in bands.values() or ordered != language.value_order("", values):
        return ordered
    return sorted(ordered, key=lambda v: (bands[v], v))


def left_out(inactive: int, unmatched: tuple[int, float]) -> tuple[str, ...]:
    """Sentences on customers without orders and on orders without a customer in the table, where there are any."""
    out = []
    if inactive:
        out.append(
            ngettext(
                "{n} customer without an order counts with no spend.",
                "{n} customers without an order count with no spend.",
                inactive,
            ).format(n=language.number(inactive))
        )
    n, amount = unmatched
    if n:
        out.append(
            ngettext(
                "{n} order ({money}) of a customer who is not in the customers table is left out.",
                "{n} orders ({money}) of customers who are not in the customers table are left out.",
                n,
            ).format(n=language.number(n), money=language.money(amount))
        )
    return tuple(out)


def quoted(label: str) -> str:
    """The name of a field within a sentence."""
    return _("“{words}”").format(words=label)
