"""What grading leaves behind: a page for every learner, the gradebook, and the misconceptions of the class."""

from __future__ import annotations

import html
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import xlsxwriter

from fivestep import language
from fivestep.course import sandbox
from fivestep.course.checking import marked
from fivestep.course.exercises import Exercise, Verdict
from fivestep.course.grading import RAN, Grades, Result
from fivestep.language import N_, _

STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:56em;margin:2em auto;padding:0 1em}table{border-collapse:collapse;width:100%}"
    "td,th{padding:.35em .6em;text-align:left;vertical-align:top;border-bottom:1px solid #ddd}td.n,th.n{text-align:right}"
    ".note{color:#8a4b00}"
)
HEADINGS = {
    "learner": N_("Learner"), "points": N_("Points"), "points_of": N_("Points of"), "share": N_("Share of points"),
    "notes": N_("Notes"), "exercise": N_("Exercise"), "misconception": N_("Misconception"), "learners": N_("Learners"),
    "who": N_("Who"),
}  # fmt: skip
ACTS = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run where a cell begins with it


def write(grades: Grades, out: Path) -> list[Path]:
    """Write gradebook.csv, gradebook.xlsx, misconceptions.csv, index.html and feedback/<learner>.html into *out*."""
    (out / "feedback").mkdir(parents=True, exist_ok=True)
    book, wrong = _headed(grades.gradebook()), _headed(_translated(grades.misconceptions()))
    written = [
        _csv(book, out / "gradebook.csv"),
        _workbook({_("Gradebook"): book, _("Misconceptions"): wrong}, out / "gradebook.xlsx"),
    ]
    written.append(_csv(wrong, out / "misconceptions.csv"))
    for learner in grades.learners:
        page = out / "feedback" / f"{learner}.html"
        page.write_text(feedback(grades, learner), encoding="utf-8")
    index = out / "index.html"
    index.write_text(_index(grades, book, wrong), encoding="utf-8")
    return [*written, index]


def feedback(grades: Grades, learner: str) -> str:
    """The page of one learner: points, what was said of every answer, a hint where it is not right, and what went wrong."""
    asked = {e.key: e for e in grades.exercises}
    results = grades.of(learner)
    verdicts = {k: v for r in results for k, v in r.verdicts.items()}
    reached = sum(v.score * asked[k].points for k, v in verdicts.items())
    body = [f"<p><b>{html.escape(_points(reached, sum(e.points for e in grades.exercises)))}</b></p>"]
    headings = [_("Exercise"), _("Points"), _("Feedback")]
    for result in results:
        body.append(f"<h2>{html.escape(result.notebook)}</h2>")
        body += [f'<p class="note">{html.escape(note)}</p>' for note in _notes(result)]
        rows = [_row(asked[k], v) for k, v in result.verdicts.items()]
        body.append(f"<table>{_head(headings, numbers={1})}{''.join(rows)}</table>")
    return _page(learner, body)


def _notes(result: Result) -> list[str]:
    return [*([] if result.state == RAN else [_(result.state)]), *result.notes]


def _points(reached: float, of: float) -> str:
    return _("{reached} of {of} points").format(
        reached=language.number(reached, 0 if reached == int(reached) else 1), of=language.number(of)
    )


def _row(exercise: Exercise, verdict: Verdict) -> str:
    said = verdict.said.splitlines()
    if verdict.score < 1:
        said.append(_("Hint: {hint}").format(hint=_(exercise.hints[1])))
    cells = [f"{_(exercise.title)} ({exercise.key})", _points(verdict.score * exercise.points, exercise.points)]
    told = "<br>".join(marked(s) for s in said)
    return f'<tr><td>{html.escape(cells[0])}</td><td class="n">{html.escape(cells[1])}</td><td>{told}</td></tr>'


def _index(grades: Grades, book: pd.DataFrame, wrong: pd.DataFrame) -> str:
    links = {name: f'<a href="feedback/{quote(name)}.html">{html.escape(name)}</a>' for name in grades.learners}
    held = _("While the notebooks ran: {held}.").format(held="; ".join(_(p) for p in sandbox.protections()))
    body = [f"<p>{html.escape(held)}</p>"]
    for heading, table in ((_("Gradebook"), _table(book, links)), (_("Misconceptions"), _table(wrong, {}))):
        body.append(f"<h2>{html.escape(heading)}</h2>{table}")
    return _page(_("The class"), body)


def _page(title: str, body: list[str]) -> str:
    code, title = language.current().replace("_", "-"), html.escape(title)
    return (
        f'<!doctype html>\n<html lang="{code}"><meta charset="utf-8"><title>{title}</title>\n<style>{STYLE}</style>\n'
        f"<h1>{title}</h1>\n{chr(10).join(body)}\n</html>\n"
    )


def _head(names: Iterable[str], numbers: set[int] = frozenset()) -> str:
    return (
        "<tr>" + "".join(f"<th{' class=n' if i in numbers else ''}>{html.escape(n)}</th>" for i, n in enumerate(names)) + "</tr>"
    )


def _table(frame: pd.DataFrame, links: dict[str, str]) -> str:
    rows = []
    for row in frame.itertuples(index=False):
        cells = [links.get(v) or html.escape(_shown(v)) for v in row]
        rows.append("<tr>" + "".join(f"<td>{c}</td>" for c in cells) + "</tr>")
    return f"<table>{_head(map(str, frame.columns))}{''.join(rows)}</table>"


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _translated(wrong: pd.DataFrame) -> pd.DataFrame:
    return wrong.assign(misconception=[_(m) for m in wrong["misconception"]])


def _headed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.rename(columns={name: _(heading) for name, heading in HEADINGS.items()})


def _csv(frame: pd.DataFrame, path: Path) -> Path:
    """A list for people and their spreadsheets: names of folders and messages of learners' code must not act as formulas."""
    safe = frame.map(lambda v: f"'{v}" if isinstance(v, str) and v.startswith(ACTS) else v)
    safe.to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\r\n")
    return path


def _workbook(sheets: dict[str, pd.DataFrame], path: Path) -> Path:
    with xlsxwriter.Workbook(path, {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}) as book:
        bold = book.add_format({"bold": True})
        for name, frame in sheets.items():
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, list(frame.columns), bold)
            for i, row in enumerate(frame.itertuples(index=False), 1):
                sheet.write_row(i, 0, [v.item() if hasattr(v, "item") else v for v in row])
            sheet.freeze_panes(1, 1)
            sheet.autofit()
    return path
