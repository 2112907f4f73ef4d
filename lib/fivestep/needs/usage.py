"""Usage and attitude: what is usual with the respondents, and how far they agree with statements, by value tier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _
from fivestep.needs.kano import NO, YES
from fivestep.needs.satisfaction import SATISFIED
from fivestep.needs.survey import AGREEMENT, HABIT, Survey

FEWEST, FEW = 10, 30
MOST_ANSWERS = 8  # of a habit; the rest is put together
FALSE_DISCOVERY_RATE = 0.05
_ANSWERS = N_("how customers use the category, and what they believe and want")


@dataclass(frozen=True)
class Usage:
    """Habits and attitudes of the respondents.

    ``habits``: one row per question and answer, most frequent first: habit, habit_answer (missing: all other answers), answers,
    share with ``_low`` and ``_high`` (Wilson). ``attitudes``: one row per statement, most agreed with first: statement, answers,
    agree (share
    at least three quarters up the scale) with ``_low`` and ``_high``, lowest_tier and highest_tier with their mean on the
    scale, differs (Kruskal-Wallis between value tiers, false discovery rate 5 %).
    """

    habits: pd.DataFrame
    attitudes: pd.DataFrame
    survey: Survey

    def habits_shown(self) -> pd.DataFrame | NotAvailable:
        """The habits as a reader sees them."""
        if self.habits.empty:
            return NotAvailable((), _(_ANSWERS), reason=_("the survey does not ask {n} customers about a habit.").format(
                n=language.number(FEWEST)))  # fmt: skip
        t = self.habits
        return pd.DataFrame(
            {
                "habit_asked": [self.survey.label(h) for h in t["habit"]],
                "habit_answer": [self.survey.label(a) if isinstance(a, str) else _("Other answers") for a in t["habit_answer"]],
                "habit_count": t["answers"],
                "habit_share": t["share"],
                "habit_share_low": t["low"],
                "habit_share_high": t["high"],
            }
        )

    def attitudes_shown(self) -> pd.DataFrame | NotAvailable:
        """The attitudes as a reader sees them."""
        if self.attitudes.empty:
            reason = _("the survey does not ask {n} customers how far they agree with a statement.").format(
                n=language.number(FEWEST)
            )
            return NotAvailable((), _(_ANSWERS), reason=reason)
        t = self.attitudes
        return pd.DataFrame(
            {
                "attitude": [self.survey.label(s) for s in t["statement"]],
                "usage_answers": t["answers"],
                "agree_share": t["agree"],
                "agree_low": t["low"],
                "agree_high": t["high"],
                "agree_least_tier": t["lowest_tier"],
                "agree_least": t["lowest_mean"],
                "agree_most_tier": t["highest_tier"],
                "agree_most": t["highest_mean"],
                "attitude_differs": t["differs"],
            }
        )

    def headline(self) -> str:
        """The statement with which most agree, and whether tiers differ."""
        if self.attitudes.empty:
            return _("Attitudes of the respondents")
        top = self.attitudes.iloc[0]
        differs = [self.survey.label(s) for s in self.attitudes.loc[self.attitudes["differs"] == YES, "statement"]]
        said = _("“{statement}”: {share} agree").format(
            statement=self.survey.label(top["statement"]), share=language.percent(top["agree"])
        )
        if not differs:
            return said
        return _("{said}; value tiers differ on {statements}").format(
            said=said, statements=language.listing([_("“{statement}”").format(statement=s) for s in differs])
        )

    def habits_headline(self) -> str:
        """The most frequent answer of the first habit."""
        if self.habits.empty:
            return _("Habits of the respondents")
        top = self.habits.iloc[0]
        answer = self.survey.label(top["habit_answer"]) if isinstance(top["habit_answer"], str) else _("Other answers")
        return _("{habit}: {answer}, {share}").format(
            habit=self.survey.label(top["habit"]), answer=answer, share=language.percent(top["share"])
        )

    def note(self) -> str:
        """Base and definitions."""
        parts = [
            _(
                "Base: the last answer of each customer who was asked; intervals 95% (Wilson). Agree: at least three "
                "quarters of the way up "
                "the scale. Value tiers are compared by the Kruskal-Wallis test, false discovery rate 5%."
            )
        ]
        if len(self.attitudes):
            parts.append(self.survey.scale_note(AGREEMENT))
        return " ".join(parts)

    def finding(self) -> Finding:
        """The share that agrees with the first statement, else of the first habit."""
        first = self.attitudes.iloc[0] if len(self.attitudes) else self.habits.iloc[0]
        share = float(first["agree"] if len(self.attitudes) else first["share"])
        n = int(first["answers"]) if len(self.attitudes) else round(first["answers"] / share)
        differ = int((self.attitudes["differs"] == YES).sum()) if len(self.attitudes) else 0
        return Finding(
            key="needs.usage_and_attitude",
            value=share,
            unit="share",
            display=language.percent(share),
            text=language.sentence(self.headline() if len(self.attitudes) else self.habits_headline()),
            evidence=_("{n} answers; statements on which value tiers differ: {differ}.").format(
                n=language.number(n), differ=language.number(differ)
            ),
            so_what=_("Speak to each tier of what it believes where tiers differ; elsewhere one message will do."),
            confidence="medium" if n >= FEW else "low",
            warnings=(_("Customers were asked, not the whole market; what is said to be usual need not be what is done."),),
            assumptions=(self.note(),),
        )


@needs("survey", answers=_ANSWERS)
def usage(tables: Tables, survey: Survey, segments: pd.DataFrame) -> Usage | NotAvailable:
    """Shares of the answers about habits, and of those who agree with statements, compared between value tiers.

    Questions with at least ten answers. Source: Kruskal and Wallis (1952); Benjamini and Hochberg (1995).
    """
    habits = []
    for subject in survey.subjects(HABIT):
        values = survey.last((subject, HABIT))[0][(subject, HABIT)].astype(str)
        if len(values) < FEWEST:
            continue
        counts = values.value_counts()
        order = sorted(counts.index, key=lambda a, c=counts: (-c[a], a))
        rows = [(a, int(counts[a])) for a in order[:MOST_ANSWERS]]
        if len(order) > MOST_ANSWERS:
            rows.append((None, len(values) - sum(n for _a, n in rows)))
        for answer, n in rows:
            low, high = wilson(n, len(values))
            habits.append({"habit": subject, "habit_answer": answer, "answers": n, "share": n / len(values), "low": float(low),
                           "high": float(high)})  # fmt: skip
    attitudes = _attitudes(survey, segments)
    if not habits and attitudes.empty:
        reason = _("the survey asks neither about habits nor how far customers agree with statements.")
        return NotAvailable((), _(_ANSWERS), reason=reason)
    columns = ["habit", "habit_answer", "answers", "share", "low", "high"]
    return Usage(pd.DataFrame(habits, columns=columns), attitudes, survey)


def _attitudes(survey: Survey, segments: pd.DataFrame) -> pd.DataFrame:
    from scipy.stats import false_discovery_control, kruskal

    tiers = segments.drop_duplicates("customer_id").set_index("customer_id")["value_tier"]
    rows = []
    for subject in survey.subjects(AGREEMENT):
        last, _earlier = survey.last((subject, AGREEMENT))
        if len(last) < FEWEST:
            continue
        shares = survey.on_scale(AGREEMENT, last[(subject, AGREEMENT)].astype(float))
        agree = int((shares >= SATISFIED - 1e-9).sum())
        low, high = wilson(agree, len(shares))
        row = {"statement": subject, "answers": len(shares), "agree": agree / len(shares), "low": float(low), "high": float(high),
               "lowest_tier": None, "highest_tier": None, "lowest_mean": np.nan, "highest_mean": np.nan,
               "p_value": np.nan}  # fmt: skip
        tier = last["customer_id"].map(tiers)
        groups = {str(t): shares[tier == t] for t in sorted(tier.dropna().unique()) if (tier == t).sum() >= FEWEST}
        if len(groups) > 1 and shares.nunique() > 1:
            means = {t: round(float(v.mean()), 9) for t, v in groups.items()}
            worst, best = min(means, key=lambda t: (means[t], t)), max(means, key=lambda t: (means[t], t))
            row |= {"lowest_tier": worst, "highest_tier": best, "lowest_mean": means[worst], "highest_mean": means[best]}
            if pd.concat(list(groups.values())).nunique() > 1:
                row["p_value"] = float(kruskal(*groups.values()).pvalue)
        rows.append(row)
    columns = [
        "statement",
        "answers",
        "agree",
        "low",
        "high",
        "lowest_tier",
        "highest_tier",
        "lowest_mean",
        "highest_mean",
        "p_value",
    ]
    out = pd.DataFrame(rows, columns=columns)
    known = out["p_value"].notna()
    out["differs"] = NO
    if known.any():
        out.loc[known, "differs"] = np.where(
            false_discovery_control(out.loc[known, "p_value"].astype(float), method="bh") <= FALSE_DISCOVERY_RATE, YES, NO
        )
    out["_order"] = -out["agree"].astype(float).round(9)
    return out.sort_values(["_order", "statement"], ignore_index=True).drop(columns="_order")
