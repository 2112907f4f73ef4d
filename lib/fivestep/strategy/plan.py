"""The plan: every customer in one play of the playbook, and the spend that hangs on each play."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.consent import consent_note, opted_out
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _
from fivestep.strategy.playbook import NO_PLAY, UNKNOWN, Play, Playbook

STAKE_DAYS = 365  # spend at stake is that of the last twelve months
ANSWERS = N_("what should be done for which customers, and how much spend hangs on it")
FEW = 30  # below this many customers a play is too small to tell success from chance


@dataclass(frozen=True)
class Plan:
    """Who gets which play.

    ``table``: one row per customer, by customer_id: value_tier, lifecycle, play, spend_at_stake, opted_out. ``first_day`` and
    ``as_of`` bound the spend at stake. ``asked``: whether the data says who has opted out of marketing. ``nameless_orders`` and
    ``nameless_spend`` belong to no customer.
    """

    table: pd.DataFrame
    playbook: Playbook
    first_day: dt.date
    as_of: dt.date
    asked: bool
    nameless_orders: int
    nameless_spend: float

    @property
    def plays(self) -> dict[str, Play | None]:
        """The plays by name in the order of the playbook; "No play" last, where a customer has none."""
        out: dict[str, Play | None] = {p.play: p for p in self.playbook.plays}
        return out | {NO_PLAY: None} if (self.table["play"] == NO_PLAY).any() else out

    def summary(self) -> pd.DataFrame:
        """One row per play, empty ones included: customers, contactable, spend_at_stake, share_of_stake, spend_per_customer."""
        grouped = (
            self.table.assign(contactable=~self.table["opted_out"] & ~self._resting())
            .groupby("play")
            .agg(customers=("customer_id", "size"), contactable=("contactable", "sum"), spend_at_stake=("spend_at_stake", "sum"))
        )
        grouped = grouped.reindex(list(self.plays), fill_value=0)
        customers = grouped["customers"].to_numpy(dtype=int)
        spend = grouped["spend_at_stake"].to_numpy(dtype=float).round(2)
        return pd.DataFrame({
            "play": list(self.plays),
            "customers": customers,
            "contactable": grouped["contactable"].to_numpy(dtype=int),
            "spend_at_stake": spend,
            "share_of_stake": spend / spend.sum() if spend.sum() > 0 else np.nan,
            "spend_per_customer": spend / np.where(customers > 0, customers, np.nan),
        })  # fmt: skip

    def actions(self) -> pd.DataFrame:
        """One row per play, as the reader sees it: play, customers, spend_at_stake, goal, action, contact_channel, kpi."""
        plays = self.plays.values()
        return self.summary()[["play", "customers", "spend_at_stake"]].assign(
            goal=[p.goal if p else None for p in plays],
            action=[p.action if p else None for p in plays],
            contact_channel=[p.channel if p else None for p in plays],
            kpi=[p.kpi.label if p else None for p in plays],
        )

    def offers(self) -> pd.DataFrame:
        """One row per play of the playbook, as the reader sees it: play, offer, service_level, contacts_a_year."""
        plays = self.playbook.plays
        return pd.DataFrame({
            "play": [p.play for p in plays],
            "offer": [p.offer or None for p in plays],
            "service_level": [p.service_level or None for p in plays],
            "contacts_a_year": pd.array([p.contacts_a_year if p.contact else 0 for p in plays], dtype="Int64"),
        })  # fmt: skip

    def offers_headline(self) -> str:
        """How many plays have an offer and a service level of their own."""
        plays = self.playbook.plays
        return _("The playbook names an offer for {offers} of {n} plays, and a service level for {levels}").format(
            offers=language.number(sum(bool(p.offer) for p in plays)),
            levels=language.number(sum(bool(p.service_level) for p in plays)),
            n=language.number(len(plays)),
        )

    def offers_note(self) -> str:
        """What the playbook leaves out; empty where it leaves out nothing."""
        out = []
        for text, of in (
            (_("No offer is given for {plays}: add offer to playbook.yml."), "offer"),
            (_("No service level is given for {plays}: add service_level to playbook.yml."), "service_level"),
        ):
            lacking = [_(p.play) for p in self.playbook.plays if not getattr(p, of)]
            if lacking:
                out.append(text.format(plays=language.listing(lacking)))
        return " ".join(out)

    def assignments(self) -> pd.DataFrame:
        """One row per customer for later steps: customer_id, play."""
        return self.table[["customer_id", "play"]]

    def contacts(self) -> pd.DataFrame:
        """The list to work from, without those who opted out, have no play or one without contact.

        Columns: customer_id, play, action, contact_channel. In the order of the playbook, most spend at stake first.
        """
        steps = self.actions()[["play", "action", "contact_channel"]].assign(place=np.arange(len(self.plays)))
        listed = self.table[~self.table["opted_out"] & ~self._resting() & (self.table["play"] != NO_PLAY)].merge(steps, on="play")
        listed = listed.sort_values(["place", "spend_at_stake", "customer_id"], ascending=[True, False, True])
        return listed[["customer_id", "play", "action", "contact_channel"]].reset_index(drop=True)

    def _resting(self) -> pd.Series:
        """Which rows of the table are in a play without contact."""
        return self.table["play"].isin([p.play for p in self.playbook.plays if not p.contact])

    def headline(self) -> str:
        """The play that holds the most spend, with its share of customers."""
        top = self._top()
        if not 0 < top["share_of_stake"] <= 1:
            return _("The playbook has a play for {share} of customers").format(
                share=language.percent(self._covered() / len(self.table))
            )
        return _("“{play}” holds {stake} of spend with {share} of customers").format(
            play=_(top["play"]),
            stake=language.percent(top["share_of_stake"]),
            share=language.percent(top["customers"] / len(self.table)),
        )

    def _top(self) -> pd.Series:
        summary = self.summary()
        return summary[summary["play"] != NO_PLAY].sort_values("spend_at_stake", ascending=False, kind="stable").iloc[0]

    def _covered(self) -> int:
        return int((self.table["play"] != NO_PLAY).sum())

    def note(self) -> str:
        """Base, the days over which spend counts, what is left out, and who may not be contacted."""
        out = [self._base()]
        if self.nameless_orders:
            out.append(
                language.ngettext(
                    "{n} order without a customer ({spend}) is left out.",
                    "{n} orders without a customer ({spend}) are left out.",
                    self.nameless_orders,
                ).format(n=language.number(self.nameless_orders), spend=language.money(self.nameless_spend))
            )
        if resting := int(self._resting().sum()):
            out.append(
                language.ngettext(
                    "{n} customer is in a play without contact and is not on the contact list.",
                    "{n} customers are in plays without contact and are not on the contact list.",
                    resting,
                ).format(n=language.number(resting))
            )
        out.append(consent_note(int(self.table["opted_out"].sum()) if self.asked else None))
        return " ".join(out)

    def _base(self) -> str:
        return language.ngettext(
            "Base: {n} customer. Spend at stake: {first} to {last}.",
            "Base: {n} customers. Spend at stake: {first} to {last}.",
            len(self.table),
        ).format(n=language.number(len(self.table)), first=language.day(self.first_day), last=language.day(self.as_of))

    def caution(self) -> str:
        """What a score may not be used for."""
        return _(
            "Scores suggest, people decide: someone who knows the customers checks each list before it is used. "
            "The plays differ in attention and contact, not in price: nobody is asked a higher price because of a score."
        )

    def finding(self) -> Finding:
        """How much of the spend the top play holds."""
        top, without = self._top(), len(self.table) - self._covered()
        warnings = []
        if without:
            warnings.append(
                language.ngettext(
                    "{n} customer has no play: value tier or lifecycle stage is unknown, or the playbook does not name them.",
                    "{n} customers have no play: value tier or lifecycle stage is unknown, or the playbook does not name them.",
                    without,
                ).format(n=language.number(without))
            )
        if small := int(self.summary()["customers"].between(1, FEW - 1).sum()):
            warnings.append(
                language.ngettext(
                    "{n} play has fewer than {few} customers: too few to tell its success from chance.",
                    "{n} plays have fewer than {few} customers: too few to tell their success from chance.",
                    small,
                ).format(n=language.number(small), few=language.number(FEW))
            )
        return Finding(
            key="strategy.top_play_share_of_spend",
            value=float(top["share_of_stake"]),
            unit="share",
            display=language.percent(top["share_of_stake"]),
            text=language.sentence(self.headline()),
            evidence=self._base(),
            so_what=_(
                "Agree owner and review date of each play; leave a random part of its customers without contact, "
                "or its effect cannot be known."
            ),
            confidence="high" if not without and len(self.table) >= FEW else "medium",
            warnings=tuple(warnings),
            assumptions=(
                _("A customer's play follows from value tier and lifecycle stage alone, as the playbook says."),
                _(
                    "Spend at stake is what was spent in the last {days} days, or in the whole data where shorter; no forecast."
                ).format(days=language.number(STAKE_DAYS)),
            ),
        )


@needs("orders.customer_id", "orders.order_amount", answers=ANSWERS)
def plan(tables: Tables, segments: pd.DataFrame, playbook: Playbook) -> Plan | NotAvailable:
    """Put every customer in exactly one play, by value tier and lifecycle stage; who matches none has "No play".

    *segments*: one row per customer with customer_id, value_tier, lifecycle (unknown: NA). Customers with orders who are missing
    there are added, both unknown. Spend counts over the last `STAKE_DAYS` days, refunds netted; orders without a customer are
    excluded and counted. Where nobody matches a play: `NotAvailable`.
    """
    first_day = max(tables.first_day, tables.as_of - dt.timedelta(days=STAKE_DAYS - 1))
    orders = tables.orders.filter(tables.orders.order_date >= dt.datetime.combine(first_day, dt.time()))
    sums = {"orders": orders.count(), "spend_at_stake": orders.order_amount.sum().cast("float64")}
    spend = frame(orders.group_by("customer_id").aggregate(**sums), by=["customer_id"])
    nameless, spend = spend[spend["customer_id"].isna()], spend[spend["customer_id"].notna()]
    keys = ["value_tier", "lifecycle"]
    table = segments[["customer_id", *keys]].merge(spend[["customer_id", "spend_at_stake"]], on="customer_id", how="outer")
    table = table.sort_values("customer_id").reset_index(drop=True)
    plays = table[keys].astype(object).where(table[keys].notna(), UNKNOWN).merge(playbook.cells(), on=keys, how="left")["play"]
    if plays.isna().all():
        reason = _("no customer has a value tier and lifecycle stage that the playbook names.")
        return NotAvailable((), _(ANSWERS), reason=reason)
    refusing = opted_out(tables)
    table["play"] = plays.fillna(NO_PLAY).to_numpy()
    table["spend_at_stake"] = table["spend_at_stake"].fillna(0.0)
    table["opted_out"] = table["customer_id"].isin(refusing or ())
    return Plan(
        table[["customer_id", *keys, "play", "spend_at_stake", "opted_out"]],
        playbook,
        first_day,
        tables.as_of,
        refusing is not None,
        int(nameless["orders"].sum()),
        float(nameless["spend_at_stake"].fillna(0.0).sum()),
    )
