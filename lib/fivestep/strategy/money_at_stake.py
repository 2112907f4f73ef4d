"""Spend at stake per play, and how many customers must be kept before a play pays for its contacts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _
from fivestep.strategy.plan import FEW, Plan

AT_RISK = ("Lapsing", "Lapsed")
BREAK_EVEN_ANSWERS = N_("how many customers each play must keep to pay for its contacts")


@dataclass(frozen=True)
class MoneyAtStake:
    """Spend by play, and what the ``customers`` who are lapsing or have lapsed brought: ``spend``, its ``share`` of all.

    ``share`` is missing where spend is not above zero; ``known`` is false where no customer's lifecycle stage is known.
    """

    plan: Plan
    customers: int
    spend: float
    share: float
    known: bool

    def chart(self) -> Figure:
        """Spend at stake by play; the plays for lapsing and lapsed customers carry the accent."""
        summary = self.plan.summary()
        accent = [bool(p and p.lifecycle) and set(p.lifecycle) <= set(AT_RISK) for p in self.plan.plays.values()]
        return charts.bars([_(p) for p in summary["play"]], summary["spend_at_stake"], write=language.short_money, accent=accent)

    def headline(self) -> str:
        """What the customers who are going or gone brought."""
        if not self.known:
            return _("The lifecycle stage of the customers is not known, so spend at risk cannot be told")
        if not self.customers:
            return _("No customer is lapsing or has lapsed")
        values = {"n": language.number(self.customers), "money": language.money(self.spend)}
        if math.isnan(self.share):
            return language.ngettext(
                "{n} customer is lapsing or has lapsed, with {money} of spend at stake",
                "{n} customers are lapsing or have lapsed, with {money} of spend at stake",
                self.customers,
            ).format(**values)
        return language.ngettext(
            "{n} customer is lapsing or has lapsed, with {money} of spend at stake: {share} of all spend",
            "{n} customers are lapsing or have lapsed, with {money} of spend at stake: {share} of all spend",
            self.customers,
        ).format(**values, share=language.percent(self.share))

    def note(self) -> str:
        """The days over which spend counts, and what the accent marks."""
        return _("Spend from {first} to {last}. Coloured: plays that are only for lapsing and lapsed customers.").format(
            first=language.day(self.plan.first_day), last=language.day(self.plan.as_of)
        )

    def finding(self) -> Finding:
        """The spend of customers who are going or gone."""
        return Finding(
            key="strategy.spend_of_lapsing_customers",
            value=self.spend,
            unit="money",
            display=language.short_money(self.spend),
            text=language.sentence(self.headline()),
            evidence=_("Base: all {n} customers; spend from {first} to {last}.").format(
                n=language.number(len(self.plan.table)),
                first=language.day(self.plan.first_day),
                last=language.day(self.plan.as_of),
            ),
            so_what=_("Weigh the cost of contact against this sum before anyone is contacted."),
            confidence="medium" if self.known and self.customers >= FEW else "low",
            warnings=(_("Some of them would have come back anyway, and some will not whatever is done."),)
            if self.customers
            else (),
            assumptions=(_("At risk are the customers whose lifecycle stage is Lapsing or Lapsed."),),
        )


def money_at_stake(plan: Plan | NotAvailable) -> MoneyAtStake | NotAvailable:
    """Spend by play, and what customers with the stage Lapsing or Lapsed spent. An unknown stage is not at risk."""
    if isinstance(plan, NotAvailable):
        return NotAvailable(
            plan.missing, _("how much spend hangs on each play, and on customers who are leaving"), reason=plan.reason
        )
    table = plan.table
    risky = table[table["lifecycle"].isin(AT_RISK)]
    spend, total = round(float(risky["spend_at_stake"].sum()), 2), round(float(table["spend_at_stake"].sum()), 2)
    share = spend / total if total > 0 and 0 <= spend <= total else math.nan
    return MoneyAtStake(plan, len(risky), spend, share, bool(table["lifecycle"].notna().any()))


@dataclass(frozen=True)
class BreakEven:
    """How many customers a play must keep.

    ``table``: one row per play with a cost: play, contactable, cost_per_contact, contact_cost, spend_per_customer,
    break_even_customers (missing where a customer of the play brings nothing), break_even_share.
    """

    table: pd.DataFrame
    plan: Plan

    def headline(self) -> str:
        """The play whose contacts cost most, or one that cannot pay for them."""
        if self.table["break_even_share"].isna().all():
            return _("No play with a cost has customers to contact who bring money")
        known = self.table[self.table["break_even_share"].notna()]
        hopeless = known["break_even_share"] > 1
        top = (known[hopeless] if hopeless.any() else known).sort_values("contact_cost", ascending=False, kind="stable").iloc[0]
        needed = int(top["break_even_customers"])
        values = {"play": _(top["play"]), "n": language.number(needed), "contacted": language.number(top["contactable"])}
        if needed > top["contactable"]:
            return _(
                "“{play}” cannot pay for its contacts: it would have to keep {n} customers, and {contacted} can be contacted"
            ).format(**values)
        return language.ngettext(
            "“{play}” pays once {n} of {contacted} contacted customers is kept because of the contact",
            "“{play}” pays once {n} of {contacted} contacted customers are kept because of the contact",
            needed,
        ).format(**values)

    def note(self) -> str:
        """How break-even is reckoned, and whether it counts spend or margin."""
        margin = self.plan.playbook.gross_margin
        counted = (
            _("It counts spend, not profit, as the playbook gives no gross_margin: the true number is at least as high.")
            if margin is None
            else _("It counts a gross margin of {margin}, as the playbook says.").format(margin=language.percent(margin, 1))
        )
        how = _(
            "Break-even: the cost of contacting everybody who may be contacted, divided by what a customer of the play brought "
            "from {first} to {last}."
        ).format(first=language.day(self.plan.first_day), last=language.day(self.plan.as_of))
        return f"{how} {counted}"


def break_even(plan: Plan | NotAvailable) -> BreakEven | NotAvailable:
    """How many customers each play must keep to pay for its contacts.

    The cost comes from the playbook alone; a play without ``cost_per_contact`` is left out, and without any there is no answer.
    A kept customer is taken to bring what the customers of the play brought over the days of the spend at stake, times
    ``gross_margin`` where given.
    """
    if isinstance(plan, NotAvailable):
        return NotAvailable(plan.missing, _(BREAK_EVEN_ANSWERS), reason=plan.reason)
    costs = {p.play: p.cost_per_contact for p in plan.playbook.plays if p.cost_per_contact is not None}
    if not costs:
        reason = _("the playbook gives no cost_per_contact for any play.")
        return NotAvailable((), _(BREAK_EVEN_ANSWERS), reason=reason)
    table = plan.summary()
    table = table[table["play"].isin(costs)].reset_index(drop=True)
    table["cost_per_contact"] = table["play"].map(costs).astype(float)
    table["contact_cost"] = table["contactable"] * table["cost_per_contact"]
    worth = table["spend_per_customer"] * (plan.playbook.gross_margin or 1.0)
    needed = table["contact_cost"] / worth.where(worth > 0)
    table["break_even_customers"] = np.ceil(needed.round(9))  # rounded, as 0.3 / 0.1 is a little less or more than 3
    table["break_even_share"] = table["break_even_customers"] / table["contactable"].where(table["contactable"] > 0)
    measures = [
        "contactable",
        "cost_per_contact",
        "contact_cost",
        "spend_per_customer",
        "break_even_customers",
        "break_even_share",
    ]
    return BreakEven(table[["play", *measures]], plan)
