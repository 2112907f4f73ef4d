"""Who is to be contacted when by the playbook, who should have been and was not, and how much work the months ahead hold."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.consent import consent_note, opted_out
from fivestep.engine import MONEY, Tables, frame, needs
from fivestep.evaluation.outgoing import outgoing
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _

YEAR = 365  # days, over which the playbook says how often a customer is contacted, and over which spend counts
MONTHS = 6  # of the calendar ahead
FEW = 30
OVERDUE = N_("Overdue")
QUESTION = N_("which customers should have been contacted by now and were not")


@dataclass(frozen=True)
class ContactCalendar:
    """Customers whose play is one with contact, without those who opted out of marketing.

    ``table``: one row per customer, most days overdue first: customer_id, play, owner, channel, cadence_days (days of a year
    divided by the contacts a year of the play), last_contact (missing without one), due (a cadence after the last contact, or
    after the customer was first known), days_overdue (0 where it is not), spend (of the last `YEAR` days). ``order``: plays as
    the playbook has them. ``refused``: of all customers of these plays, how many opted out; None where the data does not say.
    """

    table: pd.DataFrame
    order: tuple[str, ...]
    refused: int | None
    as_of: dt.date

    @property
    def overdue(self) -> pd.DataFrame:
        """The customers who should have been contacted by now."""
        return self.table[self.table["days_overdue"] > 0].reset_index(drop=True)

    def by_play(self) -> pd.DataFrame:
        """One row per play: how often contact is due, customers, never contacted, overdue, share overdue with its interval, spend
        of who is overdue."""
        t = self.table.assign(
            late=self.table["days_overdue"] > 0,
            never=self.table["last_contact"].isna(),
            late_spend=self.table["spend"].where(self.table["days_overdue"] > 0, 0.0),
        )
        out = t.groupby("play", as_index=False).agg(
            calendar_owner=("owner", "first"), cadence_days=("cadence_days", "first"), customers=("customer_id", "size"),
            never_contacted=("never", "sum"), overdue=("late", "sum"), overdue_spend=("late_spend", "sum"),
        )  # fmt: skip
        out["overdue_share"] = out["overdue"] / out["customers"]
        out["overdue_low"], out["overdue_high"] = wilson(out["overdue"], out["customers"])
        place = {play: i for i, play in enumerate(self.order)}
        out = out.sort_values("play", key=lambda names: names.map(place), ignore_index=True)
        names = ["calendar_play", "calendar_owner", "cadence_days", "customers", "never_contacted", "overdue", "overdue_share"]
        return out.rename(columns={"play": "calendar_play"})[[*names, "overdue_low", "overdue_high", "overdue_spend"]]

    def months(self) -> pd.DataFrame:
        """Contacts by the person in charge: those overdue, and those due in each of the `MONTHS` months ahead.

        A contact that is due again within the months is counted again; who is overdue is taken to be contacted at once.
        """
        after = pd.Timestamp(self.as_of)
        ends = [(after + pd.DateOffset(months=m + 1)).to_numpy() for m in range(MONTHS)]
        first = np.maximum(self.table["due"].to_numpy(), (after + pd.Timedelta(days=1)).to_numpy())
        late = self.table["days_overdue"].to_numpy() > 0
        step = pd.to_timedelta(self.table["cadence_days"], unit="D").to_numpy()
        first = np.where(late, after.to_numpy() + step, first)
        rows = {OVERDUE: pd.Series(late.astype(int)).groupby(self.table["owner"].to_numpy()).sum()}
        reached = np.zeros(len(first))
        for end in ends:
            times = np.where(first <= end, (end - first) // step + 1, 0)
            rows[end] = pd.Series(times - reached).groupby(self.table["owner"].to_numpy()).sum()
            reached = times
        out = pd.DataFrame(rows).astype(int).sort_index()
        return out.loc[out.sum(axis=1).sort_values(ascending=False, kind="stable").index]

    def figure(self) -> Figure:
        """The calendar: persons in charge by month."""
        shown = self.months()
        shown.index = [_(owner) for owner in shown.index]
        shown.columns = [_(OVERDUE), *(_("to {day}").format(day=language.day(pd.Timestamp(end))) for end in shown.columns[1:])]
        return charts.heatmap(shown, write=language.number)

    def listed(self) -> pd.DataFrame | NotAvailable:
        """The overdue list to work from."""
        late = self.overdue
        if late.empty:
            return NotAvailable((), _(QUESTION), reason=_("nobody is overdue."))
        names = {"play": "calendar_play", "owner": "calendar_owner", "channel": "calendar_channel", "due": "contact_due",
                 "last_contact": "last_contact", "days_overdue": "days_overdue", "spend": "spend"}  # fmt: skip
        return late[["customer_id", *names]].rename(columns=names)

    def headline(self) -> str:
        """How many customers are overdue."""
        n = len(self.overdue)
        if not n:
            return _("All {all} customers whom the playbook wants contacted were contacted in time").format(
                all=language.number(len(self.table))
            )
        return _("{share} of the customers whom the playbook wants contacted are overdue ({n} of {all})").format(
            share=language.percent(n / len(self.table)), n=language.number(n), all=language.number(len(self.table))
        )

    def calendar_headline(self) -> str:
        """The work of the months ahead."""
        by_owner = self.months()
        owner = by_owner.index[0]
        return _("{n} contacts are due in the {months} months ahead besides {late} that are overdue, most for “{owner}”").format(
            n=language.number(by_owner.iloc[:, 1:].to_numpy().sum()),
            months=language.number(MONTHS),
            late=language.number(len(self.overdue)),
            owner=_(owner),
        )

    def note(self) -> str:
        """What counts as contact, and when the next is due."""
        rule = _(
            "Due: a year divided by the contacts a year of the customer's play, counted from the last contact that went out, "
            "whatever its channel and campaign, or from the day the customer was first known where there is none. Spend: of the "
            "last {days} days. Interval of the share: 95%, Wilson. Owners and contacts a year: playbook."
        ).format(days=language.number(YEAR))
        return f"{rule} {consent_note(self.refused)}"

    def finding(self) -> Finding:
        """The share overdue, and what they spend."""
        late = self.overdue
        share = len(late) / len(self.table)
        low, high = (float(x) for x in wilson(len(late), len(self.table)))
        return Finding(
            key="evaluation.share_overdue_for_contact",
            value=share,
            unit="share",
            display=language.percent(share) if len(late) else "",
            text=language.sentence(self.headline()),
            evidence=_(
                "95% interval {low} to {high}; those overdue spent {spend} in the last {days} days; {never} were never contacted."
            ).format(
                low=language.percent(low),
                high=language.percent(high),
                spend=language.money(late["spend"].sum()),
                days=language.number(YEAR),
                never=language.number(late["last_contact"].isna().sum()),
            ),
            so_what=_("Contact from the exported list first those who spend most; where there are too many, plan fewer contacts.")
            if len(late)
            else _("Keep the rhythm: nobody waits."),
            confidence="low" if len(self.table) < FEW else "medium",
            warnings=() if len(self.table) >= FEW else (_("Only {n} customers.").format(n=language.number(len(self.table))),),
            assumptions=(self.note(),),
        )


@needs("interactions.direction", "orders.customer_id", "orders.order_amount", answers=QUESTION)
def contact_calendar(tables: Tables, plan: pd.DataFrame | NotAvailable, plays: Iterable[Any]) -> ContactCalendar | NotAvailable:
    """When each customer of *plan* (customer_id, play) is due for contact.

    *plays*: those of the playbook, each with play, contact, contacts_a_year, owner and channel. Left out: customers without a
    play or in one without contact, and those who opted out of marketing. Refused where no contact is recorded as going out: then
    everybody would seem overdue.
    """
    if isinstance(plan, NotAvailable):
        return NotAvailable(plan.missing, _(QUESTION), reason=plan.reason)
    made = outgoing(tables)
    last = frame(made.group_by("customer_id").aggregate(last_contact=made.occurred_at.max().date()), by=["customer_id"])
    if last.empty:
        return NotAvailable((), _(QUESTION), reason=_("no contact is recorded as going out from the company."))
    asked = {p.play: p for p in plays if p.contact}
    table = plan[plan["play"].isin(asked)][["customer_id", "play"]]
    refused = opted_out(tables)
    left_out = None if refused is None else int(table["customer_id"].isin(refused).sum())
    table = table[~table["customer_id"].isin(refused or ())]
    if table.empty:
        return NotAvailable((), _(QUESTION), reason=_("no customer is in a play with contact."))
    table = table.merge(last, on="customer_id", how="left").merge(_known(tables), on="customer_id", how="left")
    table["owner"] = [asked[p].owner for p in table["play"]]
    table["channel"] = [asked[p].channel for p in table["play"]]
    table["cadence_days"] = [round(YEAR / asked[p].contacts_a_year) for p in table["play"]]
    table["last_contact"] = pd.to_datetime(table["last_contact"])
    start = table["last_contact"].fillna(pd.to_datetime(table["first_known"])).fillna(pd.Timestamp(tables.first_day))
    table["due"] = start + pd.to_timedelta(table["cadence_days"], unit="D")
    table["days_overdue"] = (pd.Timestamp(tables.as_of) - table["due"]).dt.days.clip(lower=0)
    table["spend"] = table["spend"].fillna(0.0)
    table = table.sort_values(["days_overdue", "spend", "customer_id"], ascending=[False, False, True], ignore_index=True)
    columns = ["customer_id", "play", "owner", "channel", "cadence_days", "last_contact", "due", "days_overdue", "spend"]
    return ContactCalendar(table[columns], tuple(asked), left_out, tables.as_of)


def _known(tables: Tables) -> pd.DataFrame:
    """By customer: the day they registered, else of their first order, and their spend of the last `YEAR` days."""
    orders = tables.orders.filter(tables.orders.customer_id.notnull())
    since = dt.datetime.combine(tables.as_of - dt.timedelta(days=YEAR - 1), dt.time())
    bought = orders.group_by("customer_id").aggregate(
        first_known=orders.order_date.date().min(),
        spend=orders.order_amount.sum(where=orders.order_date >= since).fill_null(0).cast(MONEY),
    )
    out = frame(bought, by=["customer_id"]).astype({"spend": float})
    if tables.missing("customers.registered_at"):
        return out
    people = tables.customers.select("customer_id", registered=tables.customers.registered_at.date())
    out = frame(people, by=["customer_id"]).merge(out, on="customer_id", how="outer")
    out["first_known"] = pd.to_datetime(out["registered"]).fillna(pd.to_datetime(out["first_known"]))
    return out.drop(columns="registered")
