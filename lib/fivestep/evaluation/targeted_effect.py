"""Campaigns whose contact was targeted: matched customers, differences in differences, and refusal where these are not
admissible.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.evaluation.campaign_windows import WHOLE, campaign_days, campaign_windows
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _
from fivestep.matched import (
    CREDITED,
    EARLIER,
    LEAST,
    MOST_DAYS,
    NO_EFFECT,
    REFUSED_DATA,
    REFUSED_OTHERS,
    UNALIKE,
    VERDICTS,
    compared,
    periods,
)

OTHER_CONTACT = (
    0.1  # share of the contacted whom another campaign reached in the time compared, from which the two are not told apart
)
QUESTION = N_("whether a campaign that was not randomised can be credited with anything")


@dataclass(frozen=True)
class TargetedEffect:
    """Targeted campaigns against customers who spent alike before.

    ``table``: one row per campaign without a randomised control, by start_date and campaign_id: campaign_id, campaign_name where
    the data has it, contacted, matched (contacted customers who found others alike), balance (standardised difference of spend
    before, after matching), gap_before, gap_before_low, gap_before_high (of the last period before the campaign, in which nothing
    can have worked), gap, gap_low, gap_high (of the campaign; both spend per customer less the same gap in the three periods
    before that, so a difference in differences), targeted_verdict. What was not computed is missing.
    """

    table: pd.DataFrame

    def shown(self) -> pd.DataFrame:
        """As the reader sees it."""
        out = self.table.rename(columns={"campaign_name" if "campaign_name" in self.table else "campaign_id": "campaign"})
        return out.drop(columns="campaign_id", errors="ignore")

    def headline(self) -> str:
        """How many targeted campaigns may be credited with anything."""
        counts = self.table["targeted_verdict"].value_counts()
        refused = int(sum(n for verdict, n in counts.items() if verdict not in (CREDITED, NO_EFFECT)))
        words = {"all": language.number(len(self.table)), "refused": language.number(refused)}
        credited = self.table[self.table["targeted_verdict"] == CREDITED]
        if credited.empty:
            return language.ngettext(
                "The targeted campaign cannot be credited with any spend",
                "None of {all} targeted campaigns can be credited with any spend",
                len(self.table),
            ).format(**words)
        return _(
            "{n} of {all} targeted campaigns went with a difference in spend beyond anything before; for {refused} no answer is "
            "possible"
        ).format(n=language.number(len(credited)), **words)

    def note(self) -> str:
        """The comparison and its three tests."""
        return _(
            "Each contacted customer is compared with customers whom the campaign did not reach, with as much spend and as many "
            "periods with an order in the {n} periods before (each as long as the campaign, {days} days at most; fifths of "
            "spend, exact). Gap: spend per customer, contacted less others, less the same gap in the first {earlier} of the "
            "periods. Refused where spend before still differs by {unalike} standard deviations or more, where another campaign "
            "reached {share} or more of the contacted in that time, or where the gap of the last period before, when nothing "
            "could have worked, already leaves out zero. Beyond what came and went before: the 95% interval (Welch, Bonferroni "
            "over {all} campaigns) lies beyond the far end of that earlier gap (after Rambachan and Roth 2023). Even then "
            "customers were chosen, and what they were chosen for may be what made them spend."
        ).format(
            n=language.number(EARLIER),
            days=language.number(MOST_DAYS),
            earlier=language.number(EARLIER - 1),
            unalike=language.number(UNALIKE, 1),
            share=language.percent(OTHER_CONTACT),
            all=language.number(len(self.table)),
        )

    def finding(self) -> Finding:
        """How many targeted campaigns may be credited, and what stands against the others."""
        counts = self.table["targeted_verdict"].value_counts()
        said = [
            _("{verdict}: {n}").format(verdict=_(verdict), n=language.number(counts[verdict]))
            for verdict in VERDICTS
            if verdict in counts
        ]
        credited = int(counts.get(CREDITED, 0))
        return Finding(
            key="evaluation.targeted_campaigns_credited",
            value=float(credited),
            unit="count",
            display=language.number(credited) if credited else "",
            text=language.sentence(self.headline()),
            evidence=language.sentence("; ".join(said)),
            so_what=_("Repeat what looks promising with a control drawn by chance before more money goes into it.")
            if credited
            else _("Do not book any of their spend as their return; keep a random control next time."),
            confidence="low",
            warnings=(_("Without a control drawn by chance no comparison is proof."),),
            assumptions=(self.note(),),
        )


@needs(
    "campaigns.start_date",
    "exposures.customer_id",
    "exposures.treated",
    "orders.customer_id",
    "orders.order_amount",
    answers=QUESTION,
)
def targeted_effect(tables: Tables) -> TargetedEffect | NotAvailable:
    """Differences in differences of spend between contacted customers and matched others, campaign by campaign.

    Campaigns that are recorded as randomised and kept a control are left out: their control answers better. Compared are
    customers with an order in the periods before. Returns lower spend; orders without a customer are excluded.
    """
    planned = campaign_days(tables)
    members = tables.exposures.filter(tables.exposures.treated.notnull()).select("campaign_id", "customer_id", "treated")
    sizes = frame(
        members.group_by("campaign_id").aggregate(contacted=members.treated.sum(), drawn=members.count()), by=["campaign_id"]
    )
    rows = frame(planned, by=["start_date", "campaign_id"]).merge(sizes, on="campaign_id")
    for name in ("start_date", "end_date"):
        rows[name] = pd.to_datetime(rows[name])
    rows = rows.join(campaign_windows(tables, rows))
    controlled = rows["randomised"].fillna(False).astype(bool) & (rows["drawn"] - rows["contacted"] > 1)
    rows = rows[~controlled & (rows["contacted"] > 0)].reset_index(drop=True)
    if rows.empty:
        return NotAvailable((), _(QUESTION), reason=_("no campaign contacted customers without a randomised control."))
    reached = frame(members.filter(members.treated).select("campaign_id", "customer_id"), by=["campaign_id", "customer_id"])
    days = (rows["end_date"] - rows["start_date"]).dt.days.add(1).clip(upper=MOST_DAYS)
    rows["first_before"] = rows["start_date"] - pd.to_timedelta(EARLIER * days, unit="D")
    spans = frame(planned, by=["campaign_id"])[["campaign_id", "start_date", "end_date"]]
    spans = spans.assign(start_date=pd.to_datetime(spans["start_date"]), end_date=pd.to_datetime(spans["end_date"]))
    out = []
    for row, length in zip(rows.itertuples(), days, strict=True):
        theirs = set(reached.loc[reached["campaign_id"] == row.campaign_id, "customer_id"])
        said = {"contacted": len(theirs)}
        if row.campaign_window != WHOLE or row.first_before < pd.Timestamp(tables.first_day) or len(theirs) < LEAST:
            out.append(said | {"verdict": REFUSED_DATA})
            continue
        beside = spans[(spans["campaign_id"] != row.campaign_id) & (spans["end_date"] >= row.first_before)]
        beside = beside[beside["start_date"] < row.start_date + pd.Timedelta(days=length)]
        also = set(reached.loc[reached["campaign_id"].isin(beside["campaign_id"]), "customer_id"])
        if len(theirs & also) >= OTHER_CONTACT * len(theirs):
            out.append(said | {"verdict": REFUSED_OTHERS})
            continue
        out.append(said | compared(periods(tables, row.start_date, int(length)), theirs, also, len(rows)))
    names = [c for c in ("campaign_id", "campaign_name", "start_date") if c in rows]
    numbers = ["matched", "balance", "gap_before", "gap_before_low", "gap_before_high", "gap", "gap_low", "gap_high"]
    said = pd.DataFrame(out, columns=["contacted", *numbers, "verdict"]).rename(columns={"verdict": "targeted_verdict"})
    table = rows[names].join(said)
    return TargetedEffect(table.astype(dict.fromkeys(numbers, float)))
