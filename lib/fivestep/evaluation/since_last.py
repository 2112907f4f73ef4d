"""What changed since the last review: its findings and decisions beside those of today."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fivestep import language
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _

NEW, GONE, HIGHER, LOWER, SAME = N_("New"), N_("No longer told"), N_("Higher"), N_("Lower"), N_("The same")
FLOWS = (HIGHER, LOWER, SAME, NEW, GONE)
SAME_WITHIN = 0.005  # of the larger of the two: both are shown with two digits or three


@dataclass(frozen=True)
class SinceLast:
    """Findings and decisions of the last review and of today.

    ``table``: one row per finding of either, by step and key: step, key, text (of today, else of the last review), before, now
    (both as shown then), flow (`FLOWS`). ``decisions``: the decision log of the last review with the outcome of today: measured,
    decision_rule, outcome_before, proposal_before, decision_outcome; empty where the last review had none. ``day``: as-of date of
    the last review.
    """

    table: pd.DataFrame
    decisions: pd.DataFrame
    day: dt.date

    def title(self) -> str:
        """The heading of the section."""
        return _("What changed since the last review")

    def about(self) -> str:
        """What the section is, before its exhibits."""
        return _(
            "The last review was as of {day}. Which of its findings still hold, which have moved, and what became of its "
            "decisions?"
        ).format(day=language.day(self.day))

    def shown(self) -> pd.DataFrame:
        """As the reader sees it: what is new or gone first, then what moved."""
        place = {NEW: 0, GONE: 1, HIGHER: 2, LOWER: 2, SAME: 3}
        rows = self.table.assign(place=self.table["flow"].map(place))
        rows = rows.sort_values(["place", "step", "key"], ignore_index=True)
        return rows[["step", "text", "before", "now", "flow"]].rename(
            columns={
                "step": "finding_step",
                "text": "finding_text",
                "before": "finding_before",
                "now": "finding_now",
                "flow": "finding_flow",
            }
        )

    def headline(self) -> str:
        """How many findings moved, are new or gone."""
        counts = self.table["flow"].value_counts()
        return _(
            "Of {both} findings of the review of {day} that are told again {moved} have moved; new: {new}, no longer told: {gone}"
        ).format(
            day=language.day(self.day),
            moved=language.number(counts.get(HIGHER, 0) + counts.get(LOWER, 0)),
            both=language.number(counts.get(HIGHER, 0) + counts.get(LOWER, 0) + counts.get(SAME, 0)),
            new=language.number(counts.get(NEW, 0)),
            gone=language.number(counts.get(GONE, 0)),
        )

    def shown_decisions(self) -> pd.DataFrame | NotAvailable:
        """The decisions of the last review with the outcome of today."""
        if self.decisions.empty:
            return NotAvailable((), _("what became of decisions"), reason=_("the last review kept no decisions."))
        return self.decisions

    def decisions_headline(self) -> str:
        """What became of what the last review found worse."""
        return language.ngettext(
            "{n} measurement of the last review, and what became of it",
            "{n} measurements of the last review, and what became of them",
            len(self.decisions),
        ).format(n=language.number(len(self.decisions)))

    def note(self) -> str:
        """What is compared."""
        return _(
            "Findings are matched by what they measure. Higher and lower: the number differs by more than {share}; that is no "
            "test, and many numbers move by chance. Earlier numbers as the last review gave them, with its data and its settings."
        ).format(share=language.percent(SAME_WITHIN, 1))

    def finding(self) -> Finding:
        """How many findings moved."""
        counts = self.table["flow"].value_counts()
        moved = int(counts.get(HIGHER, 0) + counts.get(LOWER, 0))
        return Finding(
            key="evaluation.findings_moved",
            value=float(moved),
            unit="count",
            display="",
            text=language.sentence(self.headline()),
            evidence=_("{n} findings of the last review, {m} of today.").format(
                n=language.number((self.table["flow"] != NEW).sum()), m=language.number((self.table["flow"] != GONE).sum())
            ),
            so_what=_("Take up the decisions of the last review first: keep what worked, change or stop what did not."),
            confidence="medium",
            assumptions=(self.note(),),
        )


def since_last(
    now: Sequence[Mapping[str, Any]],
    before: Sequence[Mapping[str, Any]],
    day: dt.date | None,
    *,
    decisions: pd.DataFrame | NotAvailable | None = None,
    earlier_decisions: pd.DataFrame | None = None,
) -> SinceLast | None:
    """Findings (key, step, value, display, text) of today beside those of the last review as of *day*; None without one.

    *decisions* and *earlier_decisions*: the tables of `decision_log`, of today and of the last review.
    """
    if day is None or not before:
        return None
    today, then = ({f["key"]: f for f in told} for told in (now, before))
    rows = []
    for key in sorted({*today, *then}, key=lambda k: ((today.get(k) or then[k])["step"], k)):
        new, old = today.get(key), then.get(key)
        told = new or old
        rows.append(
            {
                "step": told["step"],
                "key": key,
                "text": told["text"],
                "before": _said(old),
                "now": _said(new),
                "flow": NEW if old is None else GONE if new is None else _flow(old["value"], new["value"]),
            }
        )
    names = ["measured", "decision_rule", "outcome_before", "proposal_before", "decision_outcome"]
    both = pd.DataFrame(columns=names)
    if isinstance(earlier_decisions, pd.DataFrame) and isinstance(decisions, pd.DataFrame):
        keys = ["measured", "decision_rule"]
        renamed = earlier_decisions.rename(columns={"decision_outcome": "outcome_before", "proposal": "proposal_before"})
        both = renamed.merge(decisions[[*keys, "decision_outcome"]], on=keys, how="left")[names]
    return SinceLast(pd.DataFrame(rows), both, day)


def _said(told: Mapping[str, Any] | None) -> str:
    if told is None:
        return language.MISSING
    if told["display"] or told["value"] is None:
        return told["display"] or language.MISSING
    if told["unit"] == "share":
        return language.percent(told["value"], 1)
    return language.number(told["value"], 0 if told["unit"] == "count" else 1)


def _flow(before: float | None, now: float | None) -> str:
    known = [v for v in (before, now) if v is not None and math.isfinite(v)]
    if len(known) < 2 or abs(now - before) <= SAME_WITHIN * max(abs(now), abs(before)):
        return SAME
    return HIGHER if now > before else LOWER
