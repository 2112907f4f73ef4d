"""What customers expect of new products and features: how much they look forward to each, and whether they would buy it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _
from fivestep.needs.satisfaction import SATISFIED
from fivestep.needs.semantic_profile import mean_interval
from fivestep.needs.survey import EXPECTATION, INTENT, Survey

FEWEST, FEW = 10, 30
_ANSWERS = N_("which new products and features customers look forward to")


@dataclass(frozen=True)
class Expectations:
    """Expectation by new product or feature.

    ``table``: one row for each with at least ten answers, most awaited first: novelty, answers, expectation (mean, 0 to 100) with
    ``_low`` and ``_high`` (95 %, t), awaiting (share in the top quarter of the scale) with ``_low`` and ``_high`` (Wilson),
    intent (share likewise that would buy; NaN where it was not asked).
    """

    table: pd.DataFrame
    survey: Survey

    def figure(self) -> Figure:
        """The scores with intervals."""
        t = self.table
        return charts.intervals(
            [self.survey.label(n) for n in t["novelty"]],
            t["expectation"],
            t["expectation_low"],
            t["expectation_high"],
            write=language.number,
            xlabel=_("Expectation, 0 to 100"),
        )

    def shown(self) -> pd.DataFrame:
        """The table as a reader sees it."""
        t = self.table.assign(novelty=[self.survey.label(n) for n in self.table["novelty"]])
        return t.rename(columns={"answers": "expectation_answers", "intent": "would_buy"})

    def headline(self) -> str:
        """What is awaited most."""
        first = self.table.iloc[0]
        return _("Most awaited: {name}, {score} of 100; {share} look forward to it").format(
            name=self.survey.label(first["novelty"]),
            score=language.number(first["expectation"]),
            share=language.percent(first["awaiting"]),
        )

    def note(self) -> str:
        """Scale and base."""
        return " ".join(
            [
                _(
                    "Expectation: mean answer on the way from the lowest (0) to the highest (100); looking forward and "
                    "would buy: answers "
                    "at least three quarters up the scale. The last answer of each customer; intervals 95%."
                ),
                self.survey.scale_note(EXPECTATION),
            ]
        )

    def finding(self) -> Finding:
        """The score of the first."""
        t = self.table
        first = t.iloc[0]
        apart = len(t) < 2 or first["expectation_low"] > t["expectation_high"].iloc[1]
        warnings = [_("What customers say that they look forward to is more than what they buy.")]
        if first["answers"] < FEW:
            warnings.append(_("Few answers: {n}.").format(n=language.number(first["answers"])))
        return Finding(
            key="needs.most_awaited",
            value=float(first["expectation"]),
            unit="index",
            display=language.number(first["expectation"]),
            text=language.sentence(self.headline()),
            evidence=_("Interval {low} to {high}; {n} answers.").format(
                low=language.number(first["expectation_low"]),
                high=language.number(first["expectation_high"]),
                n=language.number(first["answers"]),
            ),
            so_what=_("Test {name} small before it is rolled out.").format(name=self.survey.label(first["novelty"]))
            if apart
            else _("The first two cannot be told apart: test the one that costs less."),
            confidence="medium" if apart and first["answers"] >= FEW else "low",
            warnings=tuple(warnings),
            assumptions=(self.note(),),
        )


@needs("survey", answers=_ANSWERS)
def expectations(tables: Tables, survey: Survey) -> Expectations | NotAvailable:
    """Mean expectation (0 to 100) of every new product and feature that the survey asks about, with t intervals."""
    rows = []
    for subject in survey.subjects(EXPECTATION):
        shares = survey.on_scale(EXPECTATION, survey.last((subject, EXPECTATION))[0][(subject, EXPECTATION)])
        if len(shares) < FEWEST:
            continue
        mean, low, high = (100 * x for x in mean_interval(shares.to_numpy(dtype=float)))
        awaiting = int((shares >= SATISFIED - 1e-9).sum())
        ends = wilson(awaiting, len(shares))
        intent = np.nan
        if survey.asks(INTENT, subject):
            asked = survey.last((subject, INTENT))[0][(subject, INTENT)]
            intent = float((survey.on_scale(INTENT, asked) >= SATISFIED - 1e-9).mean())
        rows.append(
            {
                "novelty": subject, "answers": len(shares), "expectation": mean, "expectation_low": max(low, 0.0),
                "expectation_high": min(high, 100.0), "awaiting": awaiting / len(shares), "awaiting_low": float(ends[0]),
                "awaiting_high": float(ends[1]), "intent": intent,
            }
        )  # fmt: skip
    if not rows:
        reason = _("the survey does not ask {n} customers about anything new.").format(n=language.number(FEWEST))
        return NotAvailable((), _(_ANSWERS), reason=reason)
    table = pd.DataFrame(rows).assign(_order=lambda t: -t["expectation"].round(9))
    return Expectations(table.sort_values(["_order", "novelty"], ignore_index=True).drop(columns="_order"), survey)
