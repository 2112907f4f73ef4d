"""Response to campaigns, and what it does not show: only a campaign whose contact was drawn at random can claim a lift."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import MONEY, Tables, frame, needs
from fivestep.evaluation.coverage import coverage, customer_ids
from fivestep.evaluation.intervals import newcombe, welch, wilson
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _

BEFORE_DAYS = 28  # whole weeks before the first day of a campaign
OPEN_DAYS = 28  # a campaign without a last day is followed for so long
FEW = 30  # contacted customers
WHOLE, CUT_START, CUT_END, CUT_BOTH = N_("Whole"), N_("Cut at its start"), N_("Cut at its end"), N_("Cut at both ends")
RESPONDED, ORDERED = N_("Responded"), N_("Ordered during the campaign")
QUESTION = N_("which campaigns customers responded to, and whether they brought more spend")


@dataclass(frozen=True)
class CampaignResponse:
    """Campaigns with at least one contacted customer in the data.

    ``table``: one row per campaign, by start_date and campaign_id: campaign_name and campaign_type where known, start_date, end_date, campaign_window (whole, or
    where the data cut it), randomised; customers and money of three groups: contacted (treated), control (kept without contact) and others (whom contacted
    customers are held against before the campaign: the control where contact was randomised, else every customer who was not contacted): ``<group>``
    customers, ``<group>_before`` and ``<group>_during`` spend per customer and day; before_days and during_days that the data cover; before_difference with
    its interval; responded, response_known, response_rate with its interval (NaN while a campaign runs), redemptions (NaN where not in the data).
    ``rates``, ``spends``: one row per randomised campaign with a control and per outcome: both arms, the difference and its interval.
    """

    table: pd.DataFrame
    rates: pd.DataFrame
    spends: pd.DataFrame
    as_of: dt.date
    first_day: dt.date
    base: int

    # ---------------------------------------------------------------- response
    def responses(self) -> pd.DataFrame:
        """One row per campaign: what it was, when it ran, who was contacted, who responded."""
        names = ["campaign_name", "campaign_type", "start_date", "end_date", "campaign_window", "contacted", "responded", "response_rate", "response_low", "response_high", "redemptions"]
        return self.table[[n for n in names if n in self.table]].dropna(axis="columns", how="all")

    def types(self) -> pd.DataFrame | NotAvailable:
        """One row per campaign type, whole campaigns only: campaigns, contacts, responses and the rate."""
        if "campaign_type" not in self.table:
            return NotAvailable(("campaigns.campaign_type",), _("which type of campaign customers respond to most"))
        if self._judged.empty:
            return NotAvailable((), _("which type of campaign customers respond to most"), reason=self._nothing_whole())
        out = self._judged.groupby("campaign_type", dropna=False).agg(campaigns=("campaign_id", "size"), contacts=("response_known", "sum"), responses=("responded", "sum"))
        out = out.reset_index()
        out["response_rate"] = out["responses"] / out["contacts"]
        out["response_low"], out["response_high"] = wilson(out["responses"], out["contacts"])
        return out.sort_values(["response_rate", "campaign_type"], ascending=[False, True], ignore_index=True)

    @property
    def _judged(self) -> pd.DataFrame:
        return self.table[(self.table["campaign_window"] == WHOLE) & (self.table["response_known"] > 0)]

    def _nothing_whole(self) -> str:
        return _("no campaign whose responses are known lies within the data as a whole.")

    def figure(self) -> Figure:
        """Response rates with their 95 % intervals, by start; campaigns that the data cut are left out."""
        shown = self._judged
        names = [_("{name} ({month})").format(name=n, month=language.month(d)) for n, d in zip(self._names(shown), shown["start_date"], strict=True)]
        return charts.intervals(names, shown["response_rate"], shown["response_low"], shown["response_high"], write=lambda share: language.percent(share, 0))

    @staticmethod
    def _names(rows: pd.DataFrame) -> list[str]:
        if "campaign_name" in rows:
            return [language.value("campaigns.campaign_name", n) for n in rows["campaign_name"]]
        return [str(i) for i in rows["campaign_id"]]
