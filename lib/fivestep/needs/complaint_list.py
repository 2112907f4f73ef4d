"""Every complaint as a row: what about, when it came in and was solved, whose it is."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from fivestep import language
from fivestep.engine import Tables, needs
from fivestep.findings import NotAvailable
from fivestep.language import N_, _
from fivestep.needs.feedback_cases import LISTED, case_list, cases, complaints, masked_cases, texts_note, unnamed_note

SHOWN = 20
_ANSWERS = N_("which complaints are still open, and whose they are to deal with")


@dataclass(frozen=True)
class ComplaintList:
    """``table``: one row per complaint as `case_list` has it, open ones first, longest waiting first; ``named``: whether the data
    says which cases are complaints.
    """

    table: pd.DataFrame
    named: bool

    def oldest(self) -> pd.DataFrame | NotAvailable:
        """The open complaints that wait longest, without what would tell who wrote."""
        open_ = self.table[~self.table["solved"]].head(SHOWN)
        if open_.empty:
            return NotAvailable((), _(_ANSWERS), reason=_("every complaint is solved."))
        out = open_.drop(columns=["customer_id", "text", "solved", "solved_on"], errors="ignore").rename(columns=LISTED)
        return out.dropna(axis="columns", how="all")

    def listed(self) -> pd.DataFrame:
        """Every complaint, to be filtered by type, product, cause, dates, region, representative and department.

        What was written is in it, masked, where engagement.yml allows that.
        """
        return masked_cases(self.table).drop(columns="solved").rename(columns=LISTED)

    def headline(self) -> str:
        """How many are open, and since when the oldest is."""
        open_ = self.table[~self.table["solved"]]
        if open_.empty:
            return _("All complaints are solved: {n}").format(n=language.number(len(self.table)))
        return _("Open complaints: {open} of {n}, the oldest since {day}").format(
            open=language.number(len(open_)),
            n=language.number(len(self.table)),
            day=language.day(open_["created_on"].iloc[0]),
        )

    def note(self) -> str:
        """What is in the table and what in the list."""
        said = _(
            "At most {n} open complaints, the oldest first. The list with every complaint is in the exports, to be filtered by "
            "type, product, cause, dates, region, representative and department."
        ).format(n=language.number(SHOWN))
        said = f"{said} {texts_note(self.table)}"
        return said if self.named else f"{said} {unnamed_note(self.named)}"


@needs("feedback", answers=_ANSWERS)
def complaint_list(tables: Tables) -> ComplaintList | NotAvailable:
    """Every complaint up to the as-of date, with its type, product, region, representative, dates and status."""
    told, named = complaints(cases(tables))
    table = case_list(told, tables)
    if table.empty:
        return NotAvailable((), _(_ANSWERS), reason=_("no feedback is a complaint."))
    return ComplaintList(table.sort_values(["solved", "created_on", "feedback_id"], ignore_index=True), named)
