"""Customer identification on one page: who could become a customer, what customers need, who is worth most."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, ngettext
from fivestep.segmentation.managed_groups import (
    CORE_CUSTOMERS,
    DISPOSED,
    HIGH,
    LOYAL,
    NEED_NAMES,
    VALUE_NAMES,
    WITHOUT,
    ManagedGroups,
)
from fivestep.segmentation.value_tiers import TIERS

ANSWERS = N_("who could become a customer, what customers need and who is worth most")
WHO, WHAT, WORTH = N_("Who could become a customer?"), N_("What do they need?"), N_("Who is worth most?")
FITTING = N_("Prospects who fit a product")
MEMBERS, FITS = N_("Managed groups"), N_("Product fit")  # as the exported lists are called
SHOWN = 3  # products


@dataclass(frozen=True)
class Identification:
    """The three questions of customer identification with the groups that answer them.

    ``table``: one row per answer: identified_by (the question), identified_group, group_rule, customers, share_of_customers,
    share_of_spend, expected_value (sum of the customer value model; missing where there is none or for prospects), list_name (the
    exported list that holds them).
    """

    table: pd.DataFrame
    customers: int
    as_of: dt.date

    def _without_order(self) -> int:
        return int(self.table.loc[self.table["identified_group"] == WITHOUT, "customers"].sum())

    def _top(self) -> pd.Series | None:
        """The group of those worth most with the largest share of spend; None without shares."""
        rows = self.table[(self.table["identified_by"] == WORTH) & self.table["share_of_spend"].notna()]
        rows = rows.sort_values(["share_of_spend", "identified_group"], ascending=[False, True])
        return rows.iloc[0] if len(rows) else None

    def headline(self) -> str:
        """Prospects, needs and worth in one sentence."""
        rows = self.table[self.table["identified_by"] == WHAT]
        rows = rows[rows["customers"] > 0].sort_values(["customers", "identified_group"], ascending=[False, True])
        n, first = self._without_order(), self._top()
        said = (
            ngettext("{n} of {of} customers on file has not bought yet", "{n} of {of} customers on file have not bought yet", n)
            if n
            else _("All {of} customers on file have bought")
        )
        parts = [said.format(n=language.number(n), of=language.number(self.customers))]
        if len(rows):
            said, need = _("the need found most often is “{need}” ({n} customers)"), rows["identified_group"].iloc[0]
            parts.append(said.format(need=_(need), n=language.number(rows["customers"].iloc[0])))
        if first is not None:
            said = _("{n} customers of “{group}” hold {share} of spend")
            share = language.percent(first["share_of_spend"])
            name = first["identified_group"]
            parts.append(said.format(n=language.number(first["customers"]), group=_(name), share=share))
        return language.listing(parts)

    def note(self) -> str:
        """Base, and where each row comes from."""
        return _(
            "Base: {n} customers as of {day}, those without an order too; groups overlap. Rules: see the register of groups. "
            "Expected value: that of the next year by the model of customer value, where there is one. Lists are exported "
            "under the names given."
        ).format(n=language.number(self.customers), day=language.day(self.as_of))

    def finding(self) -> Finding:
        """The share of spend of those worth most."""
        first = self._top()
        share = float("nan") if first is None else float(first["share_of_spend"])
        return Finding(
            key="segmentation.worth_most_share_of_spend",
            value=share,
            unit="share",
            display="" if first is None else language.percent(share),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Work through the lists from the bottom of the page up: worth first, then needs, then prospects."),
            confidence="medium",
        )


@needs("orders.customer_id", "orders.order_date", "orders.order_amount", answers=ANSWERS)
def identification(tables: Tables, groups: ManagedGroups, made: Mapping[str, object]) -> Identification | NotAvailable:
    """One page from the register of *groups* and from what was *made* before, by name: fit (`product_fit`), value
    (`customer_value`); either may be absent or `NotAvailable`.
    """
    known = groups.table.set_index("managed_group")
    questions = (
        (WHO, (WITHOUT, DISPOSED), MEMBERS),
        (WHAT, tuple(NEED_NAMES.values()), MEMBERS),
        (WORTH, (VALUE_NAMES[TIERS[0]], HIGH, CORE_CUSTOMERS, LOYAL), MEMBERS),
    )
    value = made.get("value")
    worth = None
    if value is not None and not isinstance(value, NotAvailable):
        worth = value.table.set_index("customer_id")["expected_value"]
    rows = []
    for question, names, listed in questions:
        for name in names:
            if name in known.index:
                row = known.loc[name]
                ids = groups.members.loc[groups.members["managed_group"] == name, "customer_id"]
                expected = float(worth.reindex(ids).sum(min_count=1)) if worth is not None and len(ids) else np.nan
                rows.append(
                    (question, name, row["group_rule"], int(row["customers"]), float(row["share_of_customers"]),
                     float(row["share_of_spend"]), expected, listed)
                )  # fmt: skip
        if question == WHO:
            rows += _fitting(made.get("fit"), groups.customers)
    columns = [
        "identified_by", "identified_group", "group_rule", "customers", "share_of_customers", "share_of_spend", "expected_value",
        "list_name",
    ]  # fmt: skip
    if not rows:
        return NotAvailable((), _(ANSWERS), reason=_("no group of customers could be formed."))
    return Identification(pd.DataFrame(rows, columns=columns), groups.customers, tables.as_of)


def _fitting(fit: object, base: int) -> list[tuple]:
    """A row for all prospects who fit a product, with the products that most of them fit."""
    if fit is None or isinstance(fit, NotAvailable) or fit.best().empty:
        return []
    counts = fit.best()["category"].value_counts()
    first = sorted(counts.index, key=lambda c: (-counts[c], c))[:SHOWN]
    write = _("{product} ({n})")
    said = [write.format(product=language.value("products.category", c), n=language.number(counts[c])) for c in first]
    n = len(fit.best())
    rule = _("Best fit by traits of the buyers: {products}").format(products=language.listing(said))
    return [(WHO, FITTING, rule, n, n / base, np.nan, np.nan, FITS)]
