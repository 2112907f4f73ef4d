"""Campaigns whose contact was targeted: matched customers, differences in differences, and refusal where these are not
admissible.
"""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import MONEY, Tables, frame, needs
from fivestep.evaluation.campaign_windows import WHOLE, campaign_days, campaign_windows
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import welch
from fivestep.language import N_, _

EARLIER = 4  # periods before a campaign; the last of them is kept for the test in which nothing had happened yet
MOST_DAYS = 28  # of a campaign that are compared, and of each period before it
FIFTHS = 5
LEAST = 30  # matched customers of each kind
UNALIKE = 0.1  # standardised difference from which groups are called unlike (Austin 2009)
OTHER_CONTACT = (
    0.1  # share of the contacted whom another campaign reached in the time compared, from which the two are not told apart
)
CREDITED = N_("Beyond what came and went before")
REFUSED_GAP = N_("Refused: the groups had already parted before")
REFUSED_BALANCE = N_("Refused: no customers alike enough")
REFUSED_OTHERS = N_("Refused: other campaigns at the same time")
REFUSED_DATA = N_("Refused: too little time or too few customers")
NO_EFFECT = N_("No difference beyond what came and went before")
VERDICTS = (CREDITED, NO_EFFECT, REFUSED_GAP, REFUSED_BALANCE, REFUSED_OTHERS, REFUSED_DATA)
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
            out.append(said | {"targeted_verdict": REFUSED_DATA})
            continue
        beside = spans[(spans["campaign_id"] != row.campaign_id) & (spans["end_date"] >= row.first_before)]
        beside = beside[beside["start_date"] < row.start_date + pd.Timedelta(days=length)]
        also = set(reached.loc[reached["campaign_id"].isin(beside["campaign_id"]), "customer_id"])
        if len(theirs & also) >= OTHER_CONTACT * len(theirs):
            out.append(said | {"targeted_verdict": REFUSED_OTHERS})
            continue
        out.append(said | _compared(_periods(tables, row.start_date, int(length)), theirs, also, len(rows)))
    names = [c for c in ("campaign_id", "campaign_name", "start_date") if c in rows]
    numbers = ["matched", "balance", "gap_before", "gap_before_low", "gap_before_high", "gap", "gap_low", "gap_high"]
    table = rows[names].join(pd.DataFrame(out, columns=["contacted", *numbers, "targeted_verdict"]))
    return TargetedEffect(table.astype(dict.fromkeys(numbers, float)))


def _periods(tables: Tables, start: pd.Timestamp, days: int) -> pd.DataFrame:
    """Spend by customer in each period: columns 0 (the earliest) to `EARLIER` (the campaign), of who ordered before it."""
    orders = tables.orders.filter(tables.orders.customer_id.notnull())
    since = orders.order_date.date().epoch_days() - (start - pd.Timestamp(0)).days
    period = ((since + EARLIER * days) // days).cast("int64")
    near = orders.select("customer_id", "order_amount", period=period).filter(ibis._.period.between(0, EARLIER))
    spent = frame(
        near.group_by("customer_id", "period").aggregate(
            spent=near.order_amount.sum().cast(MONEY), bought=(near.order_amount >= 0).any()
        ),
        by=["customer_id", "period"],
    )
    before = spent[(spent["period"] < EARLIER) & spent["bought"].astype(bool)]
    wide = spent.pivot(index="customer_id", columns="period", values="spent").reindex(columns=range(EARLIER + 1)).fillna(0.0)
    return wide.loc[wide.index.isin(before["customer_id"])].sort_index()


def _compared(spent: pd.DataFrame, theirs: set[str], also: set[str], campaigns: int) -> dict:
    """The gap of the campaign and of the last period before it, between the contacted and others of the same cells."""
    earlier = list(range(EARLIER - 1))
    total = spent[earlier].sum(axis=1)
    edges = np.unique(np.quantile(total[spent.index.isin(theirs)], np.linspace(0, 1, FIFTHS + 1)[1:-1])) if len(total) else []
    cell = np.searchsorted(edges, total, side="left") * EARLIER + (spent[earlier] > 0).sum(axis=1).to_numpy()
    treated = spent.index.isin(theirs)
    other = ~treated & ~spent.index.isin(also)
    both = set(cell[treated]) & {c for c in cell[other] if (other & (cell == c)).sum() > 1}
    inside = np.isin(cell, list(both))
    matched = int((treated & inside).sum())
    said = {"matched": matched}
    if matched < LEAST or (other & inside).sum() < LEAST:
        return said | {"targeted_verdict": REFUSED_DATA}
    weight = pd.Series(cell[treated & inside]).value_counts(normalize=True)

    def gap(values: np.ndarray, several: int) -> tuple[float, float, float]:
        one = values[treated & inside]
        parts = [(share, values[other & (cell == c)]) for c, share in weight.items()]
        mean = sum(share * part.mean() for share, part in parts)
        variance = sum(share**2 * part.var(ddof=1) / len(part) for share, part in parts)
        size = (other & inside).sum()
        low, high = welch(len(one), one.mean(), one.var(ddof=1), size, mean, variance * size)
        middle = float(one.mean() - mean)
        wider = _wider(several)
        return middle, middle - (middle - low) * wider, middle + (high - middle) * wider

    level = spent[earlier].mean(axis=1).to_numpy()
    spread = np.sqrt((level[treated & inside].var(ddof=1) + level[other & inside].var(ddof=1)) / 2)
    balance = abs(gap(level, 1)[0]) / spread if spread > 0 else 0.0
    placebo = gap(spent[EARLIER - 1].to_numpy() - level, 1)
    effect = gap(spent[EARLIER].to_numpy() - level, campaigns)
    said |= {"balance": balance}
    said |= dict(zip(("gap_before", "gap_before_low", "gap_before_high"), placebo, strict=True))
    if balance >= UNALIKE:
        return said | {"targeted_verdict": REFUSED_BALANCE}
    if placebo[1] > 0 or placebo[2] < 0:
        return said | {"targeted_verdict": REFUSED_GAP}
    said |= dict(zip(("gap", "gap_low", "gap_high"), effect, strict=True))
    farthest = max(abs(placebo[1]), abs(placebo[2]))
    beyond = effect[1] > farthest or effect[2] < -farthest
    return said | {"targeted_verdict": CREDITED if beyond else NO_EFFECT}


def _wider(several: int) -> float:
    """How much wider an interval is that allows for *several* of them (Bonferroni), normal approximation."""
    from scipy.stats import norm

    return float(norm.ppf(1 - 0.025 / several) / norm.ppf(0.975))
