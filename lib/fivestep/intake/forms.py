"""Questionnaires that the kit has written and customers have filled in: they are told by their headings and need no mapping."""

from __future__ import annotations

import glob

from fivestep.contract import questions
from fivestep.intake.mapping import ASK, Source, Target
from fivestep.intake.sheet import ROW, Sheet

_HEADINGS = {questions.plain(h): field for field, headings in questions.FIELDS.items() for h in headings}
_TARGETS = {"customer_id": "customers.customer_id"}


def source(sheet: Sheet) -> Source | None:
    """What the columns of a filled questionnaire are; None for a sheet that is none.

    It has the heading of the response and a question with a role. A column that is no question is an open one, so that nothing
    personal slips in.
    """
    fields = {c: _HEADINGS[questions.plain(c)] for c in sheet.columns if questions.plain(c) in _HEADINGS}
    asked = [c for c in sheet.columns if c not in fields and questions.parsed(c)]
    if "response_id" not in fields.values() or not any(questions.parsed(c)[0] != questions.OVERALL for c in asked):
        return None
    columns = {c: (Target(to=ASK),) for c in sheet.columns}
    columns |= {c: (Target(to=_TARGETS.get(f, f"survey.{f}")),) for c, f in fields.items()}
    columns |= {c: (Target(to="survey.answer"),) for c in asked}
    return Source(files=(glob.escape(sheet.source),), table="survey", columns=columns)


def lists_questions(sheet: Sheet) -> bool:
    """Whether a sheet is the second one of such a workbook: the questions in words, which hold no answers."""
    if not sheet.source.endswith("#2") or not 2 <= len(sheet.columns) <= 3:
        return False
    ids = [sheet.columns[0], *sheet.rows.order_by(ROW).select(x=sheet.rows[sheet.columns[0]]).to_pyarrow()["x"].to_pylist()]
    return all(questions.parsed(i or "") for i in ids)
