"""What became of every suggestion: done, answered, waiting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _
from fivestep.needs.feedback_cases import LISTED, SUGGESTION, case_list, cases, masked_cases, texts_note

DONE, ANSWERED, WAITING = N_("Done"), N_("Answered"), N_("Waiting")
LONG = 30  # days
_ANSWERS = N_("what became of customers' suggestions")


@dataclass(frozen=True)
class Suggestions:
    """``table``: one row per suggestion as `case_list` has it, longest waiting first, with follow_up (its state)."""

    table: pd.DataFrame

    def by_product(self) -> pd.DataFrame:
        """Follow-up by product, most suggestions first."""
        t = self.table.assign(product=self.table["product"].fillna(""))
        grouped = t.groupby("product")["follow_up"].value_counts().unstack(fill_value=0)
        grouped = grouped.reindex(columns=[DONE, ANSWERED, WAITING], fill_value=0)
        total = grouped.sum(axis=1)
        waiting = t[t["follow_up"] != DONE].groupby("product")["days"].max().reindex(grouped.index)
        low, high = wilson(grouped[DONE], total)
        out = pd.DataFrame(
            {
                "rated_product": [p or None for p in grouped.index],
                "suggestions": total.to_numpy(),
                "follow_up_done": grouped[DONE].to_numpy(),
                "follow_up_answered": grouped[ANSWERED].to_numpy(),
                "follow_up_waiting": grouped[WAITING].to_numpy(),
                "done_share": (grouped[DONE] / total).to_numpy(),
                "done_low": low,
                "done_high": high,
                "longest_wait": waiting.to_numpy(dtype=float),
            }
        )
        out["_name"] = grouped.index
        return out.sort_values(["suggestions", "_name"], ascending=[False, True], ignore_index=True).drop(columns="_name")

    def follow_up(self) -> pd.DataFrame:
        """The tracker: every suggestion that is not done, longest waiting first, then those done; texts, if allowed, masked."""
        return masked_cases(self.table).rename(columns=LISTED)

    def _count(self, state: str) -> int:
        return int((self.table["follow_up"] == state).sum())

    def headline(self) -> str:
        """How many are done."""
        return _("{done} of {n} suggestions are done; waiting for an answer: {waiting}").format(
            done=language.number(self._count(DONE)),
            n=language.number(len(self.table)),
            waiting=language.number(self._count(WAITING)),
        )

    def note(self) -> str:
        return (
            _(
                "Done: the data has a time or a status that says so. Answered: a first answer, not done. The list with every "
                "suggestion is in the exports."
            )
            + f" {texts_note(self.table)}"
        )

    def finding(self) -> Finding:
        """Share of suggestions done."""
        n, done = len(self.table), self._count(DONE)
        low, high = (float(x) for x in wilson(done, n))
        late = self.table[(self.table["follow_up"] != DONE) & (self.table["days"] > LONG)]
        return Finding(
            key="needs.suggestions_done_share",
            value=done / n,
            unit="share",
            display=language.percent(done / n),
            text=language.sentence(self.headline()),
            evidence=_("{share} are done (95% interval {low} to {high}); not done after {days} days: {late}.").format(
                share=language.percent(done / n),
                low=language.percent(low),
                high=language.percent(high),
                days=language.number(LONG),
                late=language.number(len(late)),
            ),
            so_what=_("Tell every customer who suggested something what became of it; begin with those who wait longest."),
            confidence="medium" if n >= 30 else "low",
            warnings=() if n >= 30 else (_("Only {n} suggestions.").format(n=language.number(n)),),
            assumptions=(self.note(),),
        )


@needs("feedback.feedback_type", answers=_ANSWERS)
def suggestions(tables: Tables) -> Suggestions | NotAvailable:
    """Every suggestion with its follow-up at the as-of date."""
    told = cases(tables)
    table = case_list(told.filter(told.kind == SUGGESTION), tables).drop(columns=["feedback_type", "cause"])
    if table.empty:
        return NotAvailable((), _(_ANSWERS), reason=_("no feedback is a suggestion."))
    states = np.select([table.pop("solved"), table["answered_on"].notna()], [DONE, ANSWERED], WAITING)
    table.insert(table.columns.get_loc("status"), "follow_up", states)
    table["_done"] = table["follow_up"] == DONE
    return Suggestions(table.sort_values(["_done", "created_on", "feedback_id"], ignore_index=True).drop(columns="_done"))
