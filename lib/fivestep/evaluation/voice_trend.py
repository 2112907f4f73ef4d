"""What customers say by quarter: satisfaction, recommendation, reviews, complaints, beside whether they come back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, frame, needs
from fivestep.evaluation.purchases import purchases
from fivestep.evaluation.quarters import Reading, compared, coverage_note, marked, quarter_name, quarters, reading
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import Z, welch
from fivestep.language import N_, _

FEW = 30  # answers
PROMOTER, DETRACTOR = 9, 6
REVIEWS = ("review", "reviews", "评价", "评论", "評價", "評論")
COMPLAINTS = ("complaint", "complaints", "投诉", "投訴")
QUESTION = N_("whether customers are more satisfied, recommend more and come back more than before")


@dataclass(frozen=True)
class VoiceTrend:
    """Satisfaction and recommendation as feedback carries them, by quarter.

    ``table``: one row per quarter, by quarter: quarter (its first day), complete, ratings, satisfaction (mean score) with its
    interval and deviation, recommend_answers (likelihood to recommend), net_promoter (points, -100 to 100) with its interval and
    deviation, reviews_received, complaints_per_1000 orders, buyers, repurchase (share of them with orders on two days or more). A
    measure that the data does not have is missing.
    """

    table: pd.DataFrame

    def shown(self) -> pd.DataFrame:
        """As the reader sees it; measures without any value are left out."""
        names = [
            *(
                "ratings",
                "satisfaction",
                "satisfaction_low",
                "satisfaction_high",
                "recommend_answers",
                "net_promoter",
                "net_promoter_low",
            ),
            *("net_promoter_high", "reviews_received", "complaints_per_1000", "buyers", "repurchase"),
        ]
        out = self.table[[n for n in names if self.table[n].notna().any()]]
        return out.assign(quarter_name=marked(self.table))[["quarter_name", *out.columns]]

    def figure(self) -> Figure:
        """Net promoter score, or mean satisfaction where nobody was asked to recommend, by quarter."""
        measure = self._measure
        rows = self.table[self.table[measure].notna()]
        return charts.intervals(
            list(marked(rows)),
            rows[measure],
            rows[f"{measure}_low"],
            rows[f"{measure}_high"],
            write=lambda value: language.number(value, 0 if measure == "net_promoter" else 1),
            xlabel=self._label,
        )

    @property
    def _measure(self) -> str:
        return "net_promoter" if self.table["recommend_answers"].sum() else "satisfaction"

    @property
    def _label(self) -> str:
        return _("Net promoter score") if self._measure == "net_promoter" else _("Mean satisfaction")

    def _latest(self) -> pd.DataFrame:
        """The last two complete quarters with an answer."""
        rows = self.table[self.table["complete"] & self.table[self._measure].notna()]
        return rows.tail(2)

    def headline(self) -> str:
        """How the latest complete quarter compares with the one before."""
        rows = self._latest()
        if len(rows) < 2:
            return _("Too few complete quarters with answers to compare")
        return compared(self._label, *self._written(rows), self._change(rows), rows["quarter"].tolist())

    def _written(self, rows: pd.DataFrame) -> list[str]:
        return [language.number(value, 0 if self._measure == "net_promoter" else 1) for value in rows[self._measure]]

    def _change(self, rows: pd.DataFrame) -> tuple[float, float]:
        measure = self._measure
        n = "recommend_answers" if measure == "net_promoter" else "ratings"
        parts = [(row[n], row[measure], row[f"{measure}_deviation"] ** 2) for _i, row in rows.iterrows()]
        return welch(*parts[1], *parts[0])

    def reading(self) -> Reading | None:
        """The score for the dashboard; None where no quarter that the data covers whole has one."""
        rows = self._latest()
        if rows.empty:
            return None
        label = N_("Net promoter score") if self._measure == "net_promoter" else N_("Mean satisfaction")
        return reading(label, self._written(rows), self._change(rows) if len(rows) > 1 else None, rows["quarter"].iloc[-1])

    def table_headline(self) -> str:
        """Whether customers come back, beside what they say."""
        rows = self.table[self.table["complete"] & self.table["repurchase"].notna()]
        if rows.empty:
            return _("What customers said, by quarter")
        return _("In {quarter} {share} of buyers ordered on two days or more").format(
            quarter=quarter_name(rows["quarter"].iloc[-1]), share=language.percent(rows["repurchase"].iloc[-1])
        )

    def note(self) -> str:
        """Definitions, and who answers."""
        return (
            _(
                "Scores that feedback carries: customers who had a reason to write, not all customers. Satisfaction: mean score "
                "as given. Net promoter score: share of 9 and 10 less share of 0 to 6, in points. Intervals: 95%, normal "
                "approximation. Complaints per 1,000 orders of the quarter. Repurchase: buyers of the quarter with orders on two "
                "days or more."
            )
            + " "
            + coverage_note()
        )

    def finding(self) -> Finding | NotAvailable:
        """The latest complete quarter against the one before."""
        rows = self._latest()
        if rows.empty:
            return NotAvailable((), _(QUESTION), reason=_("no quarter that the data covers whole has an answer."))
        last, measure = rows.iloc[-1], self._measure
        n = last["recommend_answers" if measure == "net_promoter" else "ratings"]
        few = n < FEW
        return Finding(
            key=f"evaluation.{measure}_quarter",
            value=float(last[measure]),
            unit="points" if measure == "net_promoter" else "score",
            display="" if len(rows) < 2 else language.number(last[measure], 0 if measure == "net_promoter" else 1),
            text=language.sentence(self.headline()),
            evidence=_("{quarter}: {n} answers, 95% interval {low} to {high}.").format(
                quarter=quarter_name(last["quarter"]),
                n=language.number(n),
                low=language.number(last[f"{measure}_low"], 1),
                high=language.number(last[f"{measure}_high"], 1),
            ),
            so_what=_("Read what the customers who gave the lowest scores wrote, and tell them what was done."),
            confidence="low" if few else "medium",
            warnings=(_("Only {n} answers: the score is uncertain.").format(n=language.number(n)),) if few else (),
            assumptions=(self.note(),),
        )


@needs("feedback.created_at", "orders.customer_id", "orders.order_amount", answers=QUESTION)
def voice_trend(tables: Tables) -> VoiceTrend | NotAvailable:
    """Satisfaction, recommendation, reviews and complaints by quarter of the feedback, and repurchase by quarter of the orders.

    Refused where feedback has neither a satisfaction score nor a likelihood to recommend.
    """
    if {"feedback.satisfaction", "feedback.nps"} <= set(tables.missing("feedback.satisfaction", "feedback.nps")):
        return NotAvailable(("feedback.satisfaction", "feedback.nps"), _(QUESTION))
    told = tables.feedback
    sums = {"feedback": told.count()}
    if "satisfaction" in told.columns:
        score = told.satisfaction.cast("float64")
        sums |= {"ratings": score.count(), "satisfaction": score.mean(), "satisfaction_deviation": score.std(how="sample")}
    if "nps" in told.columns:
        points = (told.nps >= PROMOTER).ifelse(100.0, (told.nps <= DETRACTOR).ifelse(-100.0, 0.0))
        points = told.nps.notnull().ifelse(points, None)
        sums |= {
            "recommend_answers": points.count(),
            "net_promoter": points.mean(),
            "net_promoter_deviation": points.std(how="sample"),
        }
    if "feedback_type" in told.columns:
        kind = told.feedback_type.lower()
        sums |= {"reviews_received": kind.isin(REVIEWS).sum(), "complaints": kind.isin(COMPLAINTS).sum()}
    said = frame(told.group_by(quarter=told.created_at.truncate("Q").date()).aggregate(**sums), by=["quarter"])
    bought = purchases(tables.orders)
    days = bought.group_by("customer_id", quarter=bought.order_date.truncate("Q").date()).aggregate(
        days=bought.order_date.date().nunique(), orders=bought.count()
    )
    back = frame(
        days.group_by("quarter").aggregate(buyers=days.count(), repurchase=(days.days >= 2).mean(), orders=days.orders.sum()),
        by=["quarter"],
    )
    table = quarters(tables)
    for part in (said, back):
        part["quarter"] = pd.to_datetime(part["quarter"]).astype(table["quarter"].dtype)
        table = table.merge(part, on="quarter", how="left")
    measured = (
        "ratings",
        "satisfaction",
        "satisfaction_deviation",
        "recommend_answers",
        "net_promoter",
        "net_promoter_deviation",
        "reviews_received",
    )
    for name in (*measured, "complaints", "orders"):
        table[name] = table[name].astype(float) if name in table else np.nan
    for name, n in (("satisfaction", "ratings"), ("net_promoter", "recommend_answers")):
        half = Z * table[f"{name}_deviation"] / np.sqrt(table[n].where(table[n] > 1))
        table[f"{name}_low"], table[f"{name}_high"] = table[name] - half, table[name] + half
    table["complaints_per_1000"] = 1000 * table["complaints"] / table["orders"].where(table["orders"] > 0)
    return VoiceTrend(table)
