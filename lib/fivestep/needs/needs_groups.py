"""Need groups of the customers: price, service, both or neither; function is not read from orders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding
from fivestep.language import N_, _
from fivestep.needs.deal_sensitivity import SEEKERS, DealSensitivity

BOTH, PRICE, SERVICE, NEITHER = N_("Price and service"), N_("Price"), N_("Service"), N_("Neither")
GROUPS = (BOTH, PRICE, SERVICE, NEITHER)


@dataclass(frozen=True)
class NeedsGroups:
    """What customers show that they need.

    ``table``: one row per customer of the deal groups, by customer_id: needs_group, spend, feedback_contacts (complaints,
    inquiries, suggestions, reviews). ``anonymous``: feedback without a customer, or from one outside the deal groups.
    """

    table: pd.DataFrame
    anonymous: int

    def groups(self) -> pd.DataFrame:
        """One row per group, empty ones included: needs_group, customers, shares, spend, feedback_contacts."""
        grouped = self.table.groupby("needs_group").agg(
            customers=("spend", "size"), spend=("spend", "sum"), feedback_contacts=("feedback_contacts", "sum")
        )
        grouped = grouped.reindex(GROUPS, fill_value=0)
        total = grouped["spend"].sum()
        return pd.DataFrame(
            {
                "needs_group": GROUPS,
                "customers": grouped["customers"].to_numpy(),
                "share_of_customers": grouped["customers"].to_numpy() / len(self.table),
                "spend": grouped["spend"].to_numpy(dtype=float),
                "share_of_spend": grouped["spend"].to_numpy(dtype=float) / total if total > 0 else np.nan,
                "feedback_contacts": grouped["feedback_contacts"].to_numpy(),
            }
        )

    def headline(self) -> str:
        """How many customers show a need for price, and how many for service."""
        share = self.groups().set_index("needs_group")["share_of_customers"]
        return _("{price} of customers show a need for low prices, {service} a need for service, and {both} show both").format(
            price=language.percent(share[PRICE] + share[BOTH]),
            service=language.percent(share[SERVICE] + share[BOTH]),
            both=language.percent(share[BOTH]),
        )

    def note(self) -> str:
        """The rules and what orders cannot tell."""
        out = _(
            "Price: deal seekers. Service: at least one complaint, inquiry, suggestion or review. Base: {n} customers. "
            "Needs for function are not read from orders: ask for them in a survey."
        ).format(n=language.number(len(self.table)))
        if self.anonymous:
            out += " " + _("{n} contacts that belong to none of these customers are left out.").format(
                n=language.number(self.anonymous)
            )
        return out

    def finding(self) -> Finding:
        """The share of customers who show a need for service."""
        share = float((self.table["feedback_contacts"] > 0).mean())
        return Finding(
            key="needs.service_share_of_customers",
            value=share,
            unit="share",
            display=language.percent(share),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Answer a need for service with service and a need for low prices with offers, not one with the other."),
            confidence="medium",
            warnings=(_("Customers who say nothing may need service too: silence is no evidence of satisfaction."),),
            assumptions=(_("The groups overlap by rule: a customer may show both needs or neither."),),
        )


@needs("feedback.customer_id", answers=N_("which customers need service rather than low prices"))
def needs_groups(tables: Tables, deals: DealSensitivity) -> NeedsGroups:
    """Price (deal seekers), service (at least one contact in feedback), both or neither, for every customer of *deals*.

    All feedback up to the as-of date counts. Function needs, the third group of the usual three, are not in order data and are
    left out.
    """
    told = tables.feedback.filter(tables.feedback.customer_id.notnull())
    contacts = frame(told.group_by("customer_id").aggregate(feedback_contacts=told.count()), by=["customer_id"])
    table = deals.table[["customer_id", "deal_group", "spend"]].merge(contacts, on="customer_id", how="left")
    table["feedback_contacts"] = table["feedback_contacts"].fillna(0).astype(int)
    price, service = table.pop("deal_group") == SEEKERS, table["feedback_contacts"] > 0
    table.insert(1, "needs_group", np.select([price & service, price, service], [BOTH, PRICE, SERVICE], NEITHER))
    everything = int(tables.feedback.count().to_pandas())
    return NeedsGroups(table, everything - int(table["feedback_contacts"].sum()))
