"""The three measures against losing customers, and how far they have come: recommendation, follow-up, care after the sale."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _
from fivestep.strategy.action_lists import CONTACT, KEEP, WIN_BACK, ActionLists
from fivestep.strategy.service_scorecard import contacts_on_record

ANSWERS = N_("how many of the customers at risk each measure against losing them has reached")
FOLLOW_DAYS, CARE_DAYS = 91, 365
MEASURES = RECOMMENDED, FOLLOWED, CARED = (
    N_("A recommendation of their own is ready"), N_("Followed up in the last 91 days"), N_(
        "Complaints of a year answered and solved"
    ),
)  # fmt: skip


@dataclass(frozen=True)
class ChurnMeasures:
    """Customers to keep or win back who are to be contacted, and which measures have reached them.

    ``table``: one row per measure that the data tells: churn_measure, customers (of whom it can be said), measure_done with
    measure_done_low and measure_done_high, measure_open, spend_at_stake (of the open ones).
    """

    table: pd.DataFrame
    at_risk: int

    def headline(self) -> str:
        """Where most is left to do."""
        worst = self.table.sort_values(["measure_done", "churn_measure"]).iloc[0]
        return _("Customers at risk: {n}; “{measure}” holds for {share} of them").format(
            n=language.number(self.at_risk), measure=_(worst.churn_measure), share=language.percent(worst.measure_done)
        )

    def note(self) -> str:
        """Who is counted, and what each measure means."""
        return _(
            "Customers to contact on the lists “Keep” and “Win back”. Followed up: a contact from us or from them. Answered and "
            "solved: of customers with feedback in {days} days, those with none open. 95 % Wilson interval. Count again at "
            "every review: the three shares should rise, and fewer customers come onto the lists."
        ).format(days=language.number(CARE_DAYS))

    def finding(self) -> Finding:
        """The money that hangs on the measure that is furthest behind."""
        worst = self.table.sort_values(["measure_done", "churn_measure"]).iloc[0]
        return Finding(
            key="strategy.churn_measure_lowest",
            value=float(worst.measure_done),
            unit="share",
            display=language.percent(worst.measure_done),
            text=language.sentence(self.headline()),
            evidence=_("Still open: {n}, with {money} of spend at stake.").format(
                n=language.number(worst.measure_open), money=language.short_money(worst.spend_at_stake)
            ),
            so_what=(
                _("Name one person for each of the three measures, and work through the open customers by spend at stake.")
                if worst.measure_open
                else _("Keep the measures up, and count again at the next review.")
            ),
            confidence="high",
            assumptions=(_("What is not on record did not happen: contacts without a record count as none."),),
        )


def churn_measures(tables: Tables, lists: ActionLists | NotAvailable) -> ChurnMeasures | NotAvailable:
    """Which share of the customers at risk has a recommendation, was followed up, and has no feedback open."""
    if isinstance(lists, NotAvailable):
        return NotAvailable(lists.missing, _(ANSWERS), reason=lists.reason)
    risk = lists.table
    risk = risk[risk["action_list"].isin([KEEP, WIN_BACK]) & (risk["list_state"] == CONTACT)]
    if risk.empty:
        return NotAvailable((), _(ANSWERS), reason=_("nobody on the lists to keep or win back is to be contacted."))
    parts: list[tuple[str, pd.Series, pd.Series]] = []
    everybody = pd.Series(True, index=risk.index)
    if lists.recommender:
        parts.append((RECOMMENDED, everybody, risk["next_best_category"].notna()))
    if not tables.missing("interactions.customer_id", "interactions.occurred_at"):
        start = dt.datetime.combine(tables.as_of - dt.timedelta(days=FOLLOW_DAYS - 1), dt.time())
        contacts = contacts_on_record(tables)
        made = contacts.filter(contacts.occurred_at >= start).select("customer_id").distinct().to_pandas()["customer_id"]
        if len(made):
            parts.append((FOLLOWED, everybody, risk["customer_id"].isin(made)))
    if not tables.missing("feedback.customer_id", "feedback.created_at", "feedback.resolved_at"):
        start = dt.datetime.combine(tables.as_of - dt.timedelta(days=CARE_DAYS - 1), dt.time())
        told = tables.feedback.filter((tables.feedback.created_at >= start) & tables.feedback.customer_id.notnull())
        ends = told.group_by("customer_id").aggregate(open=told.resolved_at.isnull().any())
        state = frame(ends, by=["customer_id"]).set_index("customer_id")["open"]
        asked = risk["customer_id"].isin(state.index)
        if asked.any():
            parts.append((CARED, asked, ~risk["customer_id"].map(state).fillna(True).astype(bool)))
    if not parts:
        missing = tables.missing("interactions.customer_id", "feedback.customer_id")
        return NotAvailable(missing, _(ANSWERS))
    rows = []
    for measure, base, done in parts:
        n, good = int(base.sum()), int((base & done).sum())
        low, high = (float(e) for e in wilson(good, n))
        stake = float(risk.loc[base & ~done, "spend_at_stake"].sum())
        rows.append((measure, n, good / n, low, high, n - good, stake))
    names = [
        "churn_measure",
        "customers",
        "measure_done",
        "measure_done_low",
        "measure_done_high",
        "measure_open",
        "spend_at_stake",
    ]
    return ChurnMeasures(pd.DataFrame(rows, columns=names), len(risk))
