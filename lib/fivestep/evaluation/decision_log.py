"""What the measurements say should be kept or changed; the decision itself is people's."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from fivestep import language
from fivestep.evaluation.campaign_response import CampaignResponse
from fivestep.evaluation.churn_signal import ChurnSignal
from fivestep.evaluation.monthly_kpis import FALL, RISE, UNKNOWN, MonthlyKpis
from fivestep.findings import NotAvailable
from fivestep.language import N_, _

BETTER, WORSE, UNCHANGED, OPEN = N_("Better"), N_("Worse"), N_("No clear change"), N_("Cannot be judged")
PROPOSALS = {
    BETTER: N_("Keep; find out what brought it"),
    WORSE: N_("Change; find the cause first"),
    UNCHANGED: N_("Keep; nothing calls for a change"),
    OPEN: N_("Measure longer before deciding"),
}
LOSS, CONTACT, TARGETED = N_("Loss rate"), N_("Effect of campaigns on spend"), N_("Keep a random control group next time")
# A campaign costs money, so that no clear change is no reason to keep it.
CAMPAIGNS = {WORSE: N_("Stop; contact lowered spend"), UNCHANGED: N_("Stop, or repeat with more customers: no effect was shown")}
RULES = {
    "months": N_("Against earlier changes between months"),
    "year": N_("Against the same month a year ago"),
    "interval": N_("By the 95% interval"),
}


@dataclass(frozen=True)
class DecisionLog:
    """``table``: one row per measurement: measured, decision_rule, decision_outcome (better, worse, ...), proposal."""

    table: pd.DataFrame

    def headline(self) -> str:
        """How many measurements call for a change."""
        counts = self.table["decision_outcome"].value_counts()
        worse, better, all_ = int(counts.get(WORSE, 0)), int(counts.get(BETTER, 0)), len(self.table)
        if (self.table["decision_outcome"] == OPEN).all():
            return _("There is too little data to judge any measurement")
        words = {"worse": language.number(worse), "better": language.number(better), "all": language.number(all_)}
        if not worse and not better:
            return _("No measurement shows a clear change for better or worse")
        return _("Of {all} measurements {better} got clearly better and {worse} clearly worse").format(**words)

    def note(self) -> str:
        """How an outcome is judged."""
        return _(
            "Key figures: better or worse when the change of the latest complete month is larger than every earlier one, or its "
            "change on the same month a year ago larger than every change between two months. Loss rate "
            "and campaigns: when the 95% interval of the difference leaves out zero. More customers, orders and spend "
            "count as better. A season can look like success or failure where a month is held against the one before. The "
            "proposal follows from the outcome; people decide."
        )


def decision_log(
    kpis: MonthlyKpis | NotAvailable, churn: ChurnSignal | NotAvailable, campaigns: CampaignResponse | NotAvailable
) -> DecisionLog | NotAvailable:
    """Each measurement of this step with its outcome and the proposal that follows; what is not available makes no row."""
    rows = []
    if isinstance(kpis, MonthlyKpis):
        outcomes = {RISE: BETTER, FALL: WORSE, UNKNOWN: OPEN}
        rows += [
            (row.key_figure, "months", outcomes.get(row.key_figure_verdict, UNCHANGED), "") for row in kpis.changes().itertuples()
        ]
        on_year = kpis.year_on_year()
        if not isinstance(on_year, NotAvailable):
            rows += [(row.key_figure, "year", outcomes.get(row.year_verdict, UNCHANGED), "") for row in on_year.itertuples()]
    if isinstance(churn, ChurnSignal):
        outcome = OPEN if len(churn.table) < 2 else {1: WORSE, -1: BETTER, 0: UNCHANGED}[churn.clear_change()]
        rows.append((LOSS, "interval", outcome, ""))
    if isinstance(campaigns, CampaignResponse):
        if campaigns.spends.empty:
            rows.append((CONTACT, "interval", OPEN, TARGETED))
        else:
            more, less = (campaigns.spends["lift_spend_low"] > 0).any(), (campaigns.spends["lift_spend_high"] < 0).any()
            outcome = UNCHANGED if more == less else BETTER if more else WORSE
            rows.append((CONTACT, "interval", outcome, CAMPAIGNS.get(outcome, "")))
    if not rows:
        return NotAvailable(
            (), _("what should be kept and what should change"), reason=_("nothing of this step could be measured.")
        )
    table = pd.DataFrame(
        [
            {
                "measured": measured,
                "decision_rule": RULES[rule],
                "decision_outcome": outcome,
                "proposal": proposal or PROPOSALS[outcome],
            }
            for measured, rule, outcome, proposal in rows
        ]
    )
    return DecisionLog(table)
