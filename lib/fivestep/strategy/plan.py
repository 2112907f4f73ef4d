"""The plan: every customer in one play of the playbook, and the spend that hangs on each play."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding
from fivestep.language import N_, _
from fivestep.strategy.consent import consent_note, opted_out
from fivestep.strategy.playbook import NO_PLAY, Play, Playbook

STAKE_DAYS = 365  # spend at stake is that of the last twelve months
FEW = 30  # below this many customers a play is too small to tell success from chance


@dataclass(frozen=True)
class Plan:
    """Who gets which play.

    ``table``: one row per customer, by customer_id: value_tier, lifecycle, play, spend_at_stake, opted_out. ``first_day`` and ``as_of`` bound the spend
    at stake. ``asked``: whether the data says who has opted out of marketing. ``nameless_orders`` and ``nameless_spend`` belong to no customer.
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
        """One row per play, empty ones included: play, customers, contactable, spend_at_stake, share_of_stake, spend_per_customer."""
        grouped = self.table.groupby("play").agg(
            customers=("customer_id", "size"), refusing=("opted_out", "sum"), spend_at_stake=("spend_at_stake", "sum")
        )
        grouped = grouped.reindex(list(self.plays), fill_value=0)
        spend, customers = grouped["spend_at_stake"].to_numpy(dtype=float), grouped["customers"].to_numpy(dtype=int)
        return pd.DataFrame({
            "play": list(self.plays),
            "customers": customers,
            "contactable": customers - grouped["refusing"].to_numpy(dtype=int),
            "spend_at_stake": spend,
            "share_of_stake": spend / spend.sum() if spend.sum() > 0 else np.nan,
            "spend_per_customer": spend / np.where(customers > 0, customers, np.nan),
        })  # fmt: skip

    def actions(self) -> pd.DataFrame:
        """One row per play, as the reader sees it: play, customers, spend_at_stake, goal, action, contact_channel, kpi."""
        out = self.summary()[["play", "customers", "spend_at_stake"]]
        plays = self.plays.values()
        for column, text in (
            ("goal", lambda p: p.goal), ("action", lambda p: p.action), ("contact_channel", lambda p: p.channel), ("kpi", lambda p: p.kpi.label),
        ):  # fmt: skip
            out[column] = [text(p) if p else None for p in plays]
        return out

    def assignments(self) -> pd.DataFrame:
        """One row per customer for later steps: customer_id, play."""
        return self.table[["customer_id", "play"]]

    def contacts(self) -> pd.DataFrame:
        """The list to work from, without those who opted out or have no play: customer_id, play, action, contact_channel; by play, then spend at stake."""
        steps = self.actions()[["play", "action", "contact_channel"]].assign(place=np.arange(len(self.plays)))
        listed = self.table[~self.table["opted_out"] & (self.table["play"] != NO_PLAY)].merge(steps, on="play")
        listed = listed.sort_values(["place", "spend_at_stake", "customer_id"], ascending=[True, False, True])
        return listed[["customer_id", "play", "action", "contact_channel"]].reset_index(drop=True)

    def headline(self) -> str:
        """How many customers have a play, and which play holds the most spend."""
        summary = self.summary()
        covered = self._covered()
        share = language.percent(covered / len(self.table)) if len(self.table) else language.MISSING
        held = summary[summary["play"] != NO_PLAY].sort_values("spend_at_stake", ascending=False, kind="stable")
        top = held.iloc[0]
        if not covered:
            return _("No customer matches a play of the playbook")
        if not 0 < top["share_of_stake"] <= 1:
            return _("The playbook has a play for {share} of customers").format(share=share)
        return _("The playbook has a play for {share} of customers; “{play}” holds {stake} of all customers' spend").format(
            share=share, play=_(top["play"]), stake=language.percent(top["share_of_stake"])
        )

    def _covered(self) -> int:
        return int((self.table["play"] != NO_PLAY).sum())

    def note(self) -> str:
        """Base, the days over which spend counts, what is left out, and who may not be contacted."""
        out = [
            language.ngettext(
                "Base: {n} customer. Spend at stake is what the customers spent from {first} to {last}.",
                "Base: {n} customers. Spend at stake is what the customers spent from {first} to {last}.",
                len(self.table),
            ).format(n=language.number(len(self.table)), first=language.day(self.first_day), last=language.day(self.as_of))
        ]  # fmt: skip
        if self.nameless_orders:
            out.append(
                language.ngettext(
                    "{n} order without a customer ({spend}) is left out.",
                    "{n} orders without a customer ({spend}) are left out.",
                    self.nameless_orders,
                ).format(n=language.number(self.nameless_orders), spend=language.money(self.nameless_spend))
            )
        out.append(consent_note(int(self.table["opted_out"].sum()) if self.asked else None))
        return " ".join(out)

    def caution(self) -> str:
        """What a score may not be used for."""
        return _(
            "Scores suggest, people decide: someone who knows the customers checks each list before it is used. "
            "The plays differ in attention and contact, not in price: nobody is asked a higher price because of a score."
        )

    def finding(self) -> Finding:
        """How much of the base the playbook covers."""
        covered = self._covered()
        share = covered / len(self.table) if len(self.table) else np.nan
        small = int(self.summary().query("0 < customers < @FEW").shape[0])
        warnings = []
        if covered < len(self.table):
            without = len(self.table) - covered
            warnings.append(
                language.ngettext(
                    "{n} customer has no play: value tier or life-cycle stage is unknown, or the playbook has no entry for them.",
                    "{n} customers have no play: value tier or life-cycle stage is unknown, or the playbook has no entry for them.",
                    without,
                ).format(n=language.number(without))
            )
        if small:
            warnings.append(
                language.ngettext(
                    "{n} play has fewer than {few} customers: too few to tell its success from chance.",
                    "{n} plays have fewer than {few} customers: too few to tell their success from chance.",
                    small,
                ).format(n=language.number(small), few=language.number(FEW))
            )
        return Finding(
            key="strategy.share_of_customers_with_a_play",
            value=float(share),
            unit="share",
            display=language.percent(share),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_(
                "Agree owner and review date of each play; leave a random part of its customers without contact, or its effect cannot be known."
            ),
            confidence="high" if covered == len(self.table) and len(self.table) >= FEW else "medium",
            warnings=tuple(warnings),
            assumptions=(
                _(
                    "A customer's play follows from value tier and life-cycle stage alone; the playbook says which play belongs to which pair."
                ),
                _(
                    "Spend at stake is the spend of the last {days} days, or of all days in the data where they are fewer; it is what was spent, no forecast."
                ).format(days=language.number(STAKE_DAYS)),
            ),
        )


@needs(
    "orders.customer_id",
    "orders.order_amount",
    answers=N_("what should be done for which customers, and how much spend hangs on it"),
)
def plan(tables: Tables, segments: pd.DataFrame, playbook: Playbook) -> Plan:
    """Put every customer in exactly one play, by value tier and life-cycle stage; who matches none has "No play".

    *segments*: one row per customer with customer_id, value_tier, lifecycle (unknown: NA). Customers with orders who are missing there are added,
    both unknown. Spend counts over the last `STAKE_DAYS` days, refunds netted; orders without a customer are excluded and counted.
    """
    first_day = max(tables.first_day, tables.as_of - dt.timedelta(days=STAKE_DAYS - 1))
    orders = tables.orders.filter(tables.orders.order_date >= dt.datetime.combine(first_day, dt.time()))
    spend = frame(
        orders.group_by("customer_id").aggregate(orders=orders.count(), spend_at_stake=orders.order_amount.sum().cast("float64")),
        by=["customer_id"],
    )
    nameless = spend[spend["customer_id"].isna()]
    spend = spend[spend["customer_id"].notna()]
    table = segments[["customer_id", "value_tier", "lifecycle"]].merge(
        spend[["customer_id", "spend_at_stake"]], on="customer_id", how="outer"
    )
    # An unknown tier or stage matches no play, so it needs a value of its own to be looked up.
    looked_up = table[["value_tier", "lifecycle"]].astype(object).where(table[["value_tier", "lifecycle"]].notna(), "")
    table["play"] = (
        looked_up.merge(playbook.cells(), on=["value_tier", "lifecycle"], how="left")["play"].fillna(NO_PLAY).to_numpy()
    )
    refusing = opted_out(tables)
    table["opted_out"] = table["customer_id"].isin(refusing or ())
    table["spend_at_stake"] = table["spend_at_stake"].fillna(0.0)
    table = (
        table[["customer_id", "value_tier", "lifecycle", "play", "spend_at_stake", "opted_out"]]
        .sort_values("customer_id")
        .reset_index(drop=True)
    )
    return Plan(
        table,
        playbook,
        first_day,
        tables.as_of,
        refusing is not None,
        int(nameless["orders"].sum()),
        float(nameless["spend_at_stake"].fillna(0).sum()),
    )
