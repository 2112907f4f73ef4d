"""The net promoter score: who would recommend the company, less who would not."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import Z, wilson
from fivestep.language import N_, _
from fivestep.needs.satisfaction import BY_FEEDBACK, BY_SURVEY, Ratings, or_null
from fivestep.needs.survey import NPS, OVERALL, Survey

_NPS = N_("whether customers would recommend the company")


@dataclass(frozen=True)
class NetPromoter:
    """Promoters (9 and 10), passives (7 and 8) and detractors (0 to 6) of those who said how likely they are to recommend.

    ``score``: share of promoters less share of detractors, -1 to 1, with ``low`` and ``high`` (95 %). ``source``: survey or
    feedback.
    """

    promoters: int
    passives: int
    detractors: int
    score: float
    low: float
    high: float
    source: str

    @property
    def answers(self) -> int:
        """Customers who answered."""
        return self.promoters + self.passives + self.detractors

    def groups(self) -> pd.DataFrame:
        """Promoters, passives, detractors: promoter_group, answers, share of answers with its interval."""
        counts = np.array([self.promoters, self.passives, self.detractors])
        low, high = wilson(counts, self.answers)
        return pd.DataFrame(
            {
                "promoter_group": [N_("Promoters (9–10)"), N_("Passives (7–8)"), N_("Detractors (0–6)")],
                "answers": counts,
                "answer_share": counts / self.answers,
                "answer_share_low": low,
                "answer_share_high": high,
            }
        )

    def headline(self) -> str:
        """The score with its interval, in points."""
        return _("Net promoter score {score} (95% interval {low} to {high})").format(
            score=language.number(100 * self.score), low=language.number(100 * self.low), high=language.number(100 * self.high)
        )

    def note(self) -> str:
        """Definition, base, interval."""
        source = {
            BY_SURVEY: _("Source of the answers: survey."),
            BY_FEEDBACK: _("Source of the answers: scores in feedback."),
        }[self.source]
        return " ".join(
            [
                source,
                _(
                    "Share of promoters less share of detractors, times 100; base: {n} customers, the last answer of each. "
                    "Adjusted Wald interval of Rocks (2016)."
                ).format(n=language.number(self.answers)),
            ]
        )

    def finding(self) -> Finding:
        """The score."""
        warnings = []
        if self.source == BY_FEEDBACK:
            warnings.append(_("The scores come with feedback: who complains is less satisfied than who stays silent."))
        if self.answers < 100:
            warnings.append(
                _("{n} answers: the score moves by several points from one answer to the next.").format(
                    n=language.number(self.answers)
                )
            )
        return Finding(
            key="needs.net_promoter_score",
            value=100 * self.score,
            unit="index",
            display=language.number(100 * self.score),
            text=language.sentence(self.headline()),
            evidence=_("{promoters} promoters, {passives} passives, {detractors} detractors.").format(
                promoters=language.number(self.promoters),
                passives=language.number(self.passives),
                detractors=language.number(self.detractors),
            ),
            so_what=_(
                "Call detractors back within days, and compare the score with later ones only where the intervals do not overlap."
            ),
            confidence="low" if self.source == BY_FEEDBACK or self.answers < 100 else "medium",
            warnings=tuple(warnings),
            assumptions=(self.note(),),
        )


def net_promoter(tables: Tables, survey: Survey | NotAvailable) -> NetPromoter | NotAvailable:
    """The net promoter score with its interval, from the survey's question, else from scores in feedback.

    The last answer of each customer counts; answers without a customer each count.

    Source: Reichheld (2003); Rocks (2016), Interval estimation for the "Net Promoter Score", The American Statistician 70(4).
    """
    if isinstance(survey, Survey) and survey.asks(NPS):
        values, source = survey.last((OVERALL, NPS))[0][(OVERALL, NPS)], BY_SURVEY
    elif not tables.missing("feedback.nps"):
        told = tables.feedback.filter(tables.feedback.nps.notnull())
        columns = {
            "rating_id": told.feedback_id,
            "customer_id": or_null(told, "customer_id"),
            "rated_at": told.created_at,
            "nps": told.nps,
        }
        table = frame(told.select(**columns), by=["rating_id"])
        values, source = Ratings(table, BY_FEEDBACK, (0, 10), "").last()["nps"], BY_FEEDBACK
        values = values[values.between(0, 10)]
    else:
        values, source = pd.Series(dtype=float), ""
    if values.empty:
        if isinstance(survey, NotAvailable) and not survey.reason and "feedback" not in tables.names:
            return NotAvailable(survey.missing, _(_NPS))
        return NotAvailable((), _(_NPS), reason=_("nobody was asked how likely they are to recommend the company."))
    promoters, detractors = int((values >= 9).sum()), int((values < 7).sum())
    score, low, high = net_score(promoters, detractors, len(values))
    return NetPromoter(promoters, len(values) - promoters - detractors, detractors, score, low, high, source)


def net_score(promoters: int, detractors: int, n: int) -> tuple[float, float, float]:
    """Share of promoters less share of detractors, with its 95 % interval: adjusted Wald, 3/4 added to each, 3 to *n*."""
    p, d, m = (promoters + 0.75) / (n + 3), (detractors + 0.75) / (n + 3), n + 3
    half = Z * math.sqrt((p + d - (p - d) ** 2) / m)
    return (promoters - detractors) / n, max(-1.0, p - d - half), min(1.0, p - d + half)
