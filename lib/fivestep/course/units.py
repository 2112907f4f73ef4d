"""The instructor's notebooks: found, translated, and copied for learners."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat

from fivestep import language
from fivestep.course import copies
from fivestep.errors import UserError
from fivestep.language import N_, _
from fivestep.report.execution import read
from fivestep.report.prose import translated


def instructor_notebooks(folder: Path) -> dict[str, dict[str, Any]]:
    """The notebooks of a folder by their names, like ``2_value``.

    Raises UserError where there are none, where one cannot be read, and where they are not the instructor's.
    """
    found = {path.stem: _instructor_notebook(path) for path in sorted(folder.glob("*.ipynb"))}
    cells = [cell for notebook in found.values() for cell in notebook["cells"]]
    wrong = (
        _("there are no notebooks")
        if not found
        else _("these notebooks have no exercises")
        if not any("check" in copies.tags(c) for c in cells)
        else _("these are learners' copies, which have no solutions")
        if not any(copies.BEGIN in "".join(c["source"]) for c in cells)
        else ""
    )
    if wrong:
        said = _("{folder}: {wrong}. Name the folder of the instructor's notebooks: notebooks/course of the kit.")
        raise UserError(said.format(folder=folder.name or folder, wrong=wrong))
    return found


def _instructor_notebook(path: Path) -> dict[str, Any]:
    read(path, fix=N_("Restore it from the kit."))
    notebook = json.loads(path.read_text(encoding="utf-8"))
    try:
        copies.student_copy(notebook)
    except ValueError as error:
        raise UserError(_("{file}: {reason}. Restore it from the kit.").format(file=path.name, reason=error)) from None
    except KeyError as error:
        raise UserError(
            _("{file}: a cell has no {key}. Save it in JupyterLab.").format(file=path.name, key=error.args[0])
        ) from None
    return notebook


def in_language(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook with its markdown cells in the language in use."""
    said = translated(nbformat.reads(json.dumps(notebook), as_version=4))
    return json.loads(nbformat.writes(said))


def student_copies(instructor: Path, out: Path, *, language: str = "en") -> list[Path]:
    """Write the student's copy of every instructor notebook into *out*, in *language*; returns the files.

    Raises UserError where one of them is there already: it may hold a learner's answers.
    """
    speak(language)
    made = {out / f"{name}.ipynb": copies.student_copy(in_language(n)) for name, n in instructor_notebooks(instructor).items()}
    if there := [path.name for path in made if path.exists()]:
        raise UserError(
            _("{out}: {file} is there already and may hold answers. Name another folder.").format(out=out.name, file=there[0])
        )
    out.mkdir(parents=True, exist_ok=True)
    for path, notebook in made.items():
        path.write_bytes(copies.written(notebook))
    return list(made)


def speak(code: str) -> None:
    """Use a language, and the currency of the simulated company."""
    language.use(code, currency="CNY")
