"""The need groups of step 2 looked at closely: who of them buys on discount, who comes to the company, and with what."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import newcombe
from fivestep.language import N_, _
from fivestep.needs.deal_sensitivity import SEEKERS, DealSensitivity

YEAR = 365
PRICE, NO_SIGN = "Price", "No sign"  # as step 2 names the groups
FEW = 30  # customers of a group below which its shares say little
ANSWERS = N_("what each need group buys on discount and comes to the company with")


@dataclass(frozen=True)
class NeedsGroups:
    """Customers by the need group of step 2.

    ``table``: one row per customer with a need group, by customer_id: need_group, deal_seeker (missing where prices are not
    known), feedback_contacts (complaints, inquiries, suggestions, reviews of the last 365 days). ``told``: need_group and cause
    of each contact. ``as_of``: last of the 365 days.
    """

    table: pd.DataFrame
    told: pd.DataFrame
    as_of: dt.date

    def groups(self) -> pd.DataFrame:
        """One row per group, largest first: need_group, customers, shares, feedback_contacts, most_told."""
        grouped = self.table.groupby("need_group").agg(
            customers=("customer_id", "size"), deal_seeker_share=("deal_seeker", "mean"),
            share_with_contact=("feedback_contacts", lambda n: float((n > 0).mean())),
            feedback_contacts=("feedback_contacts", "sum"),
        )  # fmt: skip
        grouped = grouped.loc[sorted(grouped.index, key=lambda g: (-grouped.loc[g, "customers"], g))]
        counts = self.told.groupby(["need_group", "feedback_cause"]).size().rename("n").reset_index()
        counts = counts.sort_values(["n", "feedback_cause"], ascending=[False, True]).drop_duplicates("need_group")
        most = counts.set_index("need_group")["feedback_cause"].reindex(grouped.index)
        grouped.insert(1, "share_of_customers", grouped["customers"] / len(self.table))
        shown = [None if language.absent(c) else language.value("feedback.cause", c) for c in most]
        return grouped.assign(most_told=shown).reset_index().dropna(axis=1, how="all")

    def headline(self) -> str:
        """Whether those who need low prices are those who buy on discount; else the largest group."""
        rows = self.table.dropna(subset="deal_seeker").groupby("need_group")["deal_seeker"].agg(["sum", "size"])
        if {PRICE, NO_SIGN} <= set(rows.index):
            (a, n), (b, m) = (rows.loc[g].astype(int) for g in (PRICE, NO_SIGN))
            words = {"price": language.percent(a / n), "silent": language.percent(b / m)}
            if newcombe(a, n, b, m)[0] > 0:
                said = _("{price} of those who need low prices are deal seekers, of those who show no need {silent}")
                return said.format(**words)
            return _(
                "Those who need low prices are hardly more often deal seekers ({price}) than those who show no need ({silent})"
            ).format(**words)
        top = self.groups().iloc[0]
        return _("The largest need group is “{group}”: {share} of customers").format(
            group=_(top.need_group), share=language.percent(top.share_of_customers)
        )

    def note(self) -> str:
        """Where the groups come from, and the bases."""
        return _(
            "Base: {n} customers with an order in {days} days; each is in one need group, as in 2_segmentation. Deal seekers: "
            "the third that saves most by discounts, of customers whose list prices are known. Contacts: complaints, inquiries, "
            "suggestions and reviews of the {days} days to {day}."
        ).format(n=language.number(len(self.table)), days=YEAR, day=language.day(self.as_of))

    def finding(self) -> Finding:
        """The share of customers who came to the company."""
        share = float((self.table["feedback_contacts"] > 0).mean())
        return Finding(
            key="needs.service_share_of_customers",
            value=share,
            unit="share",
            display="",
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Answer a need for service with service and a need for low prices with offers, not one with the other."),
            confidence="medium",
            warnings=(_("Customers who say nothing may need service too: silence is no evidence of satisfaction."),),
        )


def needs_groups(
    tables: Tables, segments: pd.DataFrame | NotAvailable, deals: DealSensitivity | NotAvailable
) -> NeedsGroups | NotAvailable:
    """Look closely at the need groups in *segments* (customer_id, need_group), as step 2 hands them over.

    Deal seekers are those of *deals*. `NotAvailable` where nobody has a need group, or neither deals nor feedback are known.
    """
    if isinstance(segments, NotAvailable):
        return NotAvailable(segments.missing, _(ANSWERS), reason=segments.reason)
    known = segments.reindex(columns=["customer_id", "need_group"]).dropna().sort_values("customer_id", ignore_index=True)
    if known.empty:
        return NotAvailable((), _(ANSWERS), reason=_("step 2 found no need groups."))
    spoken = not tables.missing("feedback.customer_id")
    if isinstance(deals, NotAvailable) and not spoken:
        return NotAvailable((*deals.missing, "feedback.customer_id"), _(ANSWERS))
    told = _told(tables) if spoken else pd.DataFrame(columns=["customer_id", "feedback_cause"])
    told = told.merge(known, on="customer_id")
    contacts = told.groupby("customer_id").size()
    seeks = np.nan
    if not isinstance(deals, NotAvailable):
        seeks = known["customer_id"].map((deals.table.set_index("customer_id")["deal_group"] == SEEKERS).astype(float))
    table = known.assign(deal_seeker=seeks, feedback_contacts=known["customer_id"].map(contacts).fillna(0).astype(int))
    return NeedsGroups(table, told[["need_group", "feedback_cause"]], tables.as_of)


def _told(tables: Tables) -> pd.DataFrame:
    """customer_id and cause (missing where not known) of each contact of the last 365 days."""
    begin = dt.datetime.combine(tables.as_of - dt.timedelta(days=YEAR - 1), dt.time())
    told = tables.feedback.filter(tables.feedback.customer_id.notnull())
    if "created_at" in told.columns:
        told = told.filter(told.created_at >= begin)
    cause = {"feedback_cause": told.cause} if "cause" in told.columns else {}
    out = frame(told.select("feedback_id", "customer_id", **cause), by=["feedback_id"])
    return out.assign(feedback_cause=out["feedback_cause"] if cause else None)[["customer_id", "feedback_cause"]]
