"""Every customer with every segment: what later steps receive, and value tier against lifecycle stage."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, ngettext
from fivestep.segmentation.kmeans import Clusters
from fivestep.segmentation.lifecycle import LEAVING, NO_ORDER, STAGES, Lifecycle
from fivestep.segmentation.need_signs import NeedSigns
from fivestep.segmentation.rfm import AWAY, CLASSES, Rfm
from fivestep.segmentation.value_tiers import TIERS, ValueTiers

ANSWERS = N_("which stages of life the customers of each value tier are in")
FEW = 30  # high-value customers below which a count says little
ANSWERS_CLASSES = N_("where the name of an RFM class and the lifecycle stage disagree")
PRESENT = ("Champions", "Loyal customers", "Potential loyalists", "New customers", "Promising")
BEGINNER = "New customers"
AGREE = N_("Name and stage say the same")
# What a name says that the stage denies, and whom to believe.
READINGS = {
    "away": N_("Longer ago than others, but not for their own rhythm: no sign of leaving"),
    "present": N_("More recent than others, but silent for long by their own rhythm or by the limit: contact now"),
    "beginner": N_("Recent and seldom, but not new, or silent for long: go by the stage"),
}
STAGE_COLUMNS = {name: f"stage_{name.lower()}" for name in STAGES}


def segments(
    tables: Tables,
    rfm: Rfm | NotAvailable,
    tiers: ValueTiers | NotAvailable,
    lifecycle: Lifecycle | NotAvailable,
    clusters: Clusters | NotAvailable | None = None,
    need: NeedSigns | NotAvailable | None = None,
) -> pd.DataFrame:
    """One row per customer of ``tables.customers``, by customer_id, with every segment.

    Columns: customer_id, rfm_class, rfm_class_8, value_tier, lifecycle, cluster, need_group, recency_days, frequency, monetary.
    Columns of a result that is `NotAvailable` are missing throughout, and without *clusters* or *need* there is no such column;
    RFM, cluster and need group are missing for customers with no order in the window, for whom value tier and lifecycle still
    hold ("No order yet" where there has never been one). Orders of customers who are not in ``tables.customers`` are excluded.
    """
    customers = tables.customers
    out = frame(customers.filter(customers.customer_id.notnull()).select("customer_id").distinct(), by=["customer_id"])
    texts = {"rfm_class": rfm, "rfm_class_8": rfm, "value_tier": tiers, "lifecycle": lifecycle}
    texts |= {} if clusters is None else {"cluster": clusters}
    texts |= {} if need is None else {"need_group": need}
    numbers = {"recency_days": rfm, "frequency": rfm, "monetary": rfm}
    for columns, kind in ((texts, "str"), (numbers, "float64")):
        for column, result in columns.items():
            if isinstance(result, NotAvailable):
                out[column] = pd.Series(float("nan"), index=out.index).astype(kind)
            else:
                out[column] = out["customer_id"].map(result.table.set_index("customer_id")[column]).astype(kind)
    return out


@dataclass(frozen=True)
class TiersByStage:
    """Customers who have ordered by value tier and lifecycle stage.

    ``segments``: as `segments` returns it; ``counts``: tiers x stages.
    """

    segments: pd.DataFrame
    counts: pd.DataFrame

    def table(self) -> pd.DataFrame:
        """One row per value tier: value_tier, one column of customers per stage, customers."""
        out = self.counts.rename(columns=STAGE_COLUMNS).reset_index()
        out["customers"] = self.counts.sum(axis=1).to_numpy()
        return out

    def _high(self) -> int:
        return int(self.counts.loc[TIERS[0]].sum())

    def _leaving(self) -> pd.DataFrame:
        return self.segments[(self.segments["value_tier"] == TIERS[0]) & self.segments["lifecycle"].isin(LEAVING)]

    def headline(self) -> str:
        """How many high-value customers are leaving, and what they spent."""
        leaving = self._leaving()
        n = len(leaving)
        if n == 0:
            return _("No high-value customer is lapsing or lapsed")
        if leaving["monetary"].isna().all():
            return ngettext(
                "{n} of {all} high-value customers is lapsing or lapsed",
                "{n} of {all} high-value customers are lapsing or lapsed",
                n,
            ).format(n=language.number(n), all=language.number(self._high()))
        return ngettext(
            "{n} of {all} high-value customers, with {spend} of spend, is lapsing or lapsed",
            "{n} of {all} high-value customers, with {spend} of spend, are lapsing or lapsed",
            n,
        ).format(n=language.number(n), all=language.number(self._high()), spend=language.money(leaving["monetary"].sum()))

    def note(self) -> str:
        """Base."""
        base, without = int(self.counts.to_numpy().sum()), int((self.segments["lifecycle"] == NO_ORDER).sum())
        return _(
            "Base: {n} customers who have ordered; {without} without an order are left out. Spend is that of the RFM window. In "
            "the list of segments an RFM class compares a customer with all others, a lifecycle stage with the customer's own "
            "rhythm: who orders more often than most can still be silent too long. Plays follow value tier and lifecycle stage."
        ).format(n=language.number(base), without=language.number(without))

    def finding(self) -> Finding:
        """High-value customers who are leaving."""
        n, high = len(self._leaving()), self._high()
        return Finding(
            key="segmentation.high_value_leaving",
            value=n,
            unit="count",
            display=language.number(n),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=ngettext("Put this customer first on the keep list.", "Put these customers first on the keep list.", n)
            if n
            else _("Check again every month, so that the first who go quiet are seen in time."),
            confidence="high" if high >= FEW else "low",
            warnings=()
            if high >= FEW
            else (
                ngettext("Only {n} customer is high value.", "Only {n} customers are high value.", high).format(
                    n=language.number(high)
                ),
            ),
        )


def tiers_by_stage(segments: pd.DataFrame) -> TiersByStage | NotAvailable:
    """Value tiers against lifecycle stages, of a frame that `segments` made; `NotAvailable` where it has neither."""
    ordered = segments[segments["value_tier"].isin(TIERS) & segments["lifecycle"].isin(STAGES)]
    if ordered.empty:
        return NotAvailable((), _(ANSWERS), reason=_("value tiers or lifecycle stages are not available."))
    counts = pd.crosstab(ordered["value_tier"], ordered["lifecycle"]).reindex(
        index=list(TIERS), columns=list(STAGES), fill_value=0
    )
    return TiersByStage(segments, counts.rename_axis(index="value_tier", columns=None))


@dataclass(frozen=True)
class ClassesByStage:
    """RFM class against lifecycle stage: a class compares customers with each other, a stage with their own rhythm.

    ``table``: one row per RFM class: rfm_class, a column of customers per stage, customers, contradicting (customers whose stage
    denies the name of their class), class_reading.
    """

    table: pd.DataFrame

    def headline(self) -> str:
        """How many customers have a class whose name their stage denies."""
        n, all_ = int(self.table["contradicting"].sum()), int(self.table["customers"].sum())
        if n == 0:
            return _("No RFM class has a name that the lifecycle stage of its customers denies")
        most = self.table.sort_values(["contradicting", "rfm_class"], ascending=[False, True])["rfm_class"].iloc[0]
        return _("For {n} of {all} customers ({share}) the stage denies the name of the RFM class; most are in “{name}”").format(
            n=language.number(n), all=language.number(all_), share=language.percent(n / all_), name=_(most)
        )

    def note(self) -> str:
        """Why the two can differ, and which to go by."""
        return _(
            "An RFM class ranks customers against each other; a stage judges each by the own usual gap and by fixed limits. "
            "Disagreeing: a class named for absence with a stage that is not leaving, a class named for presence with a stage "
            "that is, “{new}” with any stage but New. Go by the stage for when to make contact, by the class for how much."
        ).format(new=_(BEGINNER))


def classes_by_stage(segments: pd.DataFrame) -> ClassesByStage | NotAvailable:
    """RFM classes against lifecycle stages, of a frame that `segments` made; `NotAvailable` where it has neither."""
    known = segments[segments["rfm_class"].isin(CLASSES) & segments["lifecycle"].isin(STAGES)]
    if known.empty:
        return NotAvailable((), _(ANSWERS_CLASSES), reason=_("RFM classes or lifecycle stages are not available."))
    counts = pd.crosstab(known["rfm_class"], known["lifecycle"]).reindex(index=list(CLASSES), columns=list(STAGES), fill_value=0)
    kind = {BEGINNER: "beginner"} | {n: "present" for n in PRESENT if n != BEGINNER} | dict.fromkeys(AWAY, "away")
    denied = {
        "beginner": [s for s in STAGES if s != "New"],
        "present": list(LEAVING),
        "away": [s for s in STAGES if s not in LEAVING],
    }
    table = counts.rename(columns=STAGE_COLUMNS).rename_axis(index="rfm_class", columns=None).reset_index()
    table["customers"] = counts.sum(axis=1).to_numpy()
    table["contradicting"] = [int(counts.loc[c, denied[kind[c]]].sum()) if c in kind else 0 for c in counts.index]
    table["class_reading"] = [
        READINGS[kind[c]] if n else AGREE for c, n in zip(table["rfm_class"], table["contradicting"], strict=True)
    ]
    return ClassesByStage(table[table["customers"] > 0].reset_index(drop=True))
