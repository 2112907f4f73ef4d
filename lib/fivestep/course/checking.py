"""What a unit's notebook uses: its course, `check`, and the learner's progress.

While a class is graded (`ANSWERS` is set) `check` only writes the answer down: what it is worth is decided in a process that no
learner's code has touched.
"""

from __future__ import annotations

import html
import json
import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from fivestep import engine, language
from fivestep.cases.truth import MEMBERS
from fivestep.course import columns, company  # noqa: F401  registers what the tables of the course are called
from fivestep.course.answers import plain
from fivestep.course.exercises import ENOUGH, EXERCISES, Exercise, Verdict
from fivestep.engagement import Engagement, settings
from fivestep.errors import UserError
from fivestep.language import _, use_language_of

ANSWERS = "FIVESTEP_COURSE_ANSWERS"  # the file in which answers are written down while a class is graded
PROGRESS = ".progress.json"
BLOCKS = 20  # of a progress bar


class NotYetError(UserError):
    """An answer that is not right yet."""


@dataclass(frozen=True)
class Course:
    """A learner's course, opened in a notebook."""

    project: Path
    engagement: Engagement

    @cached_property
    def case(self) -> company.Case:
        """The company as exercises see it."""
        return company.Case.of(self.project, language=settings(self.project).language)

    @property
    def tables(self) -> engine.Tables:
        """The tables of the company, for methods of the library."""
        return self.engagement.tables

    @cached_property
    def members(self) -> engine.Tables:
        """The same tables without companies and dealers."""
        return Engagement(self.project, self.engagement.step, scope=MEMBERS).tables

    @property
    def as_of(self) -> pd.Timestamp:
        """The last day with an order."""
        return pd.Timestamp(self.tables.as_of)

    def table(self, name: str) -> pd.DataFrame:
        """A table as a pandas frame, money as floats."""
        return self.case.frame(name)


_open: list[Course] = []


def open_course(project: str | Path, step: str) -> Course:
    """Open the course in the folder *project* for one unit; its company is simulated where it is not there yet.

    *step* is the notebook, like ``2_value``, whose number its exhibits bear. Where *project* is no course and the notebook's own
    folder is one, that is opened: nbgrader keeps a notebook and its files in one folder.
    """
    places = (Path(project).resolve(), Path.cwd())
    folder = next((p for p in places if (p / company.SETTINGS).is_file()), places[0])
    use_language_of(folder / "engagement.yml")
    company.company(folder, language=settings(folder).language)
    _open[:] = [Course(folder, Engagement(folder, step))]
    return _open[0]


def check(key: str, answer: Any) -> float | None:
    """Say whether *answer* to the exercise *key* (``unit2.rfm``) is right, what is wrong with it, and a hint that grows plainer.

    Returns the points of a decision that is good and not the best, else None. Raises `NotYetError` where it is not right.
    """
    if key not in EXERCISES:
        raise UserError(_("There is no exercise {key}. They are {choices}.").format(key=key, choices=", ".join(EXERCISES)))
    if place := os.environ.get(ANSWERS):
        with Path(place).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, "answer": plain(answer)}, ensure_ascii=False) + "\n")
        return None
    from IPython.display import display

    if not _open:
        raise UserError(_("Run the first cell of the notebook: it opens the course."))
    course, exercise = _open[0], EXERCISES[key]
    verdict = exercise.judged(course.case, plain(answer))
    told = _recorded(course.project, exercise, verdict)
    display(Feedback(exercise, verdict, told[key]["attempts"], unit_points(told, exercise.unit)))
    if verdict.score < ENOUGH:
        raise NotYetError(_("{key} is not right yet.").format(key=key))
    return round(verdict.score * exercise.points, 2) if verdict.score < 1 else None


def progress() -> pd.DataFrame:
    """One row per exercise: unit, exercise, points reached and to be had, attempts so far."""
    if not _open:
        raise UserError(_("Run the first cell of the notebook: it opens the course."))
    told = _read(_open[0].project)
    rows = [(e, told.get(e.key, {"score": 0.0, "attempts": 0})) for e in EXERCISES.values()]
    return pd.DataFrame(
        {
            "course_unit": [e.unit for e, _t in rows],
            "exercise": [e.title for e, _t in rows],
            "exercise_points": [t["score"] * e.points for e, t in rows],
            "exercise_points_of": [float(e.points) for e, _t in rows],
            "attempts": [t["attempts"] for _e, t in rows],
        }
    )


@dataclass(frozen=True)
class Feedback:
    """What a learner is told after a check, as text and as HTML."""

    exercise: Exercise
    verdict: Verdict
    attempts: int
    points: tuple[float, float]

    @property
    def hint(self) -> str:
        """The hint that is due: plainer with every attempt; none where the answer is right."""
        hints = self.exercise.hints
        if self.verdict.score >= ENOUGH:
            return ""
        level = min(self.attempts, len(hints))
        return _("Hint {level} of {levels}: {hint}").format(level=level, levels=len(hints), hint=_(hints[level - 1]))

    @property
    def lines(self) -> list[str]:
        """Verdict, hint and progress, one sentence or two each."""
        reached, of = self.points
        filled = round(BLOCKS * reached / of)
        bar = _("{bar} {reached} of {of} points of this unit").format(
            bar="█" * filled + "░" * (BLOCKS - filled), reached=_points(reached), of=_points(of)
        )
        return [*self.verdict.said.splitlines(), *([self.hint] if self.hint else []), bar]

    def __repr__(self) -> str:
        return "\n".join([f"{_(self.exercise.title)} ({self.exercise.key})", *self.lines])

    def _repr_html_(self) -> str:
        color = "#2e7d32" if self.verdict.score >= ENOUGH else "#b26a00"
        lines = "".join(f"<div>{marked(line)}</div>" for line in self.lines)
        return (
            f'<div style="border-left:4px solid {color};padding:.3em .8em"><b>{html.escape(_(self.exercise.title))}</b>'
            f" <code>{self.exercise.key}</code>{lines}</div>"
        )


def marked(text: str) -> str:
    """Text as HTML, with what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def unit_points(told: dict[str, dict[str, Any]], unit: str) -> tuple[float, float]:
    """Points reached and to be had in a unit."""
    of = [e for e in EXERCISES.values() if e.unit == unit]
    return sum(told.get(e.key, {"score": 0.0})["score"] * e.points for e in of), float(sum(e.points for e in of))


def _points(value: float) -> str:
    return language.number(value, 0 if value == int(value) else 1)


def _read(project: Path) -> dict[str, dict[str, Any]]:
    try:
        return json.loads((project / PROGRESS).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # a progress that cannot be read begins anew
        return {}


def _recorded(project: Path, exercise: Exercise, verdict: Verdict) -> dict[str, dict[str, Any]]:
    """Note an attempt; the best score counts, and attempts after a right answer do not."""
    told = _read(project)
    before = told.get(exercise.key, {"score": 0.0, "attempts": 0})
    more = before["score"] < 1
    told[exercise.key] = {"score": max(before["score"], verdict.score), "attempts": before["attempts"] + more}
    (project / PROGRESS).write_text(json.dumps(told, indent=1), encoding="utf-8")
    return told
