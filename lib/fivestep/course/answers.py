"""Answers as plain values, and how two of them compare.

What a learner's process hands over is turned into plain values (`plain`) before anybody looks at it, in the notebook as in
grading, so that both judge the same thing and nothing of a learner's code runs where marks are given.
"""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.errors import UserError
from fivestep.language import _

MOST_CELLS = 500_000
TABLE = "table"


def plain(answer: Any) -> Any:
    """*answer* as numbers, text, None, lists, dicts, or ``{"table": {"columns", "rows"}}`` for a frame; JSON can hold it.

    A named index becomes columns. Raises UserError for anything else, and for tables beyond `MOST_CELLS`.
    """
    if isinstance(answer, pd.Series):
        answer = answer.rename(answer.name or "value").to_frame()
    if isinstance(answer, pd.DataFrame):
        if any(answer.index.names):
            answer = answer.reset_index(names=[n or f"level_{i}" for i, n in enumerate(answer.index.names)])
        if answer.size > MOST_CELLS:
            said = _("The answer has {n} cells. A table of one row per customer is far smaller.")
            raise UserError(said.format(n=language.number(answer.size)))
        rows = [[plain(v) for v in row] for row in answer.astype(object).itertuples(index=False, name=None)]
        return {TABLE: {"columns": [str(c) for c in answer.columns], "rows": rows}}
    if isinstance(answer, dict):
        return {str(k): plain(v) for k, v in answer.items()}
    if isinstance(answer, list | tuple | set | frozenset | np.ndarray):
        return [plain(v) for v in (sorted(answer, key=str) if isinstance(answer, set | frozenset) else answer)]
    if isinstance(answer, np.generic):
        answer = answer.item()
    if answer is None or answer is pd.NA or answer is pd.NaT:
        return None
    if isinstance(answer, bool | str):
        return answer
    if isinstance(answer, int | float | Decimal):
        return None if not math.isfinite(answer) else int(answer) if isinstance(answer, int) else float(answer)
    if isinstance(answer, dt.datetime | dt.date):
        return answer.isoformat()[:10]
    raise UserError(
        _("An answer is a number, a text, a list, a dict or a table; this one is a {type}.").format(type=type(answer).__name__)
    )


def difference(answer: Any, reference: Any, *, within: float = 1e-6) -> str:
    """What tells a plain answer from the plain reference, as a sentence; empty where they agree.

    Numbers agree *within* that share of the reference. Rows of a table are matched by its first column, whatever their order;
    further columns of the answer do not count.
    """
    if _is_table(reference):
        return _of_tables(answer, reference[TABLE], within)
    if isinstance(reference, list):
        return "" if isinstance(answer, list) and _sorted(answer) == _sorted(reference) else _("These are not the right ones.")
    if isinstance(reference, bool) or not isinstance(reference, int | float):
        return "" if answer == reference else _("This is not the right one.")
    if isinstance(answer, bool) or not isinstance(answer, int | float):
        return _("A number is asked for.")
    return "" if _near(answer, reference, within) else _("This is not the right number.")


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {TABLE}


def _sorted(values: list[Any]) -> list[str]:
    return sorted(map(str, values))


def _near(a: Any, b: Any, within: float) -> bool:
    numbers = all(isinstance(v, int | float) for v in (a, b))
    return abs(a - b) <= within * max(1.0, abs(b)) if numbers else a == b


def _of_tables(answer: Any, reference: dict[str, Any], within: float) -> str:
    wanted = reference["columns"]
    if not _is_table(answer):
        return _("A table is asked for, with the columns {columns}.").format(columns=", ".join(wanted))
    columns, rows = answer[TABLE]["columns"], answer[TABLE]["rows"]
    if lacking := [c for c in wanted if c not in columns]:
        return _("The table has no column {columns}.").format(columns=", ".join(lacking))
    at = [columns.index(c) for c in wanted]
    given = {str(row[at[0]]): [row[i] for i in at] for row in rows}
    true = {str(row[0]): row for row in reference["rows"]}
    if len(given) < len(rows):
        return _("{column}: some values stand in several rows; one row each is asked for.").format(column=wanted[0])
    if lacking := sorted(set(true) - set(given)):
        return _("Rows missing: {n}, that of {first} among them.").format(n=language.number(len(lacking)), first=lacking[0])
    if beyond := sorted(set(given) - set(true)):
        return _("Rows that do not belong there: {n}, that of {first} among them.").format(
            n=language.number(len(beyond)), first=beyond[0]
        )
    for i, name in enumerate(wanted):
        if wrong := sorted(k for k in true if not _near(given[k][i], true[k][i], within)):
            return _("Column {column}: {n} of {all} values differ, that of {first} among them.").format(
                column=name, n=language.number(len(wrong)), all=language.number(len(true)), first=wrong[0]
            )
    return ""
