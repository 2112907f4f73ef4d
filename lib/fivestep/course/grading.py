"""A class graded: every notebook executed within limits, its answers judged by a process that no learner's code has touched.

A submission is a folder named for the learner, with the notebooks of the course somewhere in it. Before it runs, the cells that
open the course and the cells that check are put back as the instructor has them; its answers are then plain values in a file, and
nothing that a notebook prints, patches or returns can change what they are worth.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

import fivestep
from fivestep.course import company, copies, sandbox
from fivestep.course.checking import ANSWERS
from fivestep.course.exercises import EXERCISES, Exercise, Verdict
from fivestep.course.units import instructor_notebooks, speak
from fivestep.course.worker import HUNG
from fivestep.errors import UserError
from fivestep.language import N_, _

MOST_BYTES = 20 << 20  # of a submitted notebook, and of its answers
OPENS = "open_course("
NO_SOCKETS = (
    "import socket\n\n\ndef _no_network(*_args, **_more):\n    raise PermissionError('no network while a class is graded')\n\n\n"
    "socket.socket.connect = socket.socket.connect_ex = socket.create_connection = _no_network\n"
)

RAN, HANGS, CRASHED = (
    N_("executed"),
    N_("stopped: it took too long"),
    N_("stopped: the process ended, perhaps for want of memory"),
)
UNREADABLE, NOT_THERE = N_("not readable as a notebook"), N_("not handed in")
CHECKS_CHANGED = N_("Check cells were changed or taken out ({cells}): those of the instructor were used.")
ANSWER_GONE = N_("The cell for the answer is gone ({cells}).")
FAILED = N_("Cells that ended in an error: {n}; the first says: {said}")
NO_ANSWER = N_("No answer was given.")


@dataclass(frozen=True)
class Limits:
    """What one notebook may take: seconds of the clock and of the processor, and memory in MB."""

    seconds: int = 300
    memory_mb: int = 4096


@dataclass(frozen=True)
class Result:
    """What became of one notebook of one learner: its state, what is to be said of it, and a verdict for each exercise."""

    learner: str
    notebook: str
    state: str
    notes: tuple[str, ...]
    verdicts: dict[str, Verdict]


@dataclass(frozen=True)
class Grades:
    """A class: one `Result` per learner and notebook, by learner."""

    results: tuple[Result, ...]
    exercises: tuple[Exercise, ...]

    @property
    def learners(self) -> list[str]:
        """The learners, by name."""
        return sorted({r.learner for r in self.results})

    def of(self, learner: str) -> list[Result]:
        """The results of one learner, by notebook."""
        return [r for r in self.results if r.learner == learner]

    def gradebook(self) -> pd.DataFrame:
        """One row per learner: learner, the points of each exercise, points, points_of, share, and notes."""
        rows = []
        for learner in self.learners:
            verdicts = {k: v for r in self.of(learner) for k, v in r.verdicts.items()}
            points = {e.key: round(verdicts[e.key].score * e.points, 2) if e.key in verdicts else 0.0 for e in self.exercises}
            total, of = sum(points.values()), sum(e.points for e in self.exercises)
            notes = [f"{r.notebook}: {_(r.state)}" for r in self.of(learner) if r.state != RAN]
            notes += [f"{r.notebook}: {n}" for r in self.of(learner) for n in r.notes]
            rows.append(
                {"learner": learner, **points, "points": total, "points_of": of, "share": total / of, "notes": " | ".join(notes)}
            )
        return pd.DataFrame(rows)

    def misconceptions(self) -> pd.DataFrame:
        """exercise, misconception, learners (how many), who; most frequent first. Wrong answers of no known kind come as such."""
        rows = [
            (key, mistake, r.learner)
            for r in self.results
            for key, verdict in r.verdicts.items()
            for mistake in verdict.mistakes or (N_("another mistake"),)
            if verdict.score < 1 and not EXERCISES[key].value and verdict.said != _(NO_ANSWER)
        ]
        found = pd.DataFrame(rows, columns=["exercise", "misconception", "learner"])
        out = found.groupby(["exercise", "misconception"])["learner"].agg(
            learners="nunique", who=lambda w: ", ".join(sorted(set(w)))
        )
        return out.reset_index().sort_values(
            ["learners", "exercise", "misconception"], ascending=[False, True, True], ignore_index=True
        )


def grade(
    submissions: Path,
    instructor: Path,
    *,
    language: str = "en",
    customers: int = 1000,
    seed_by_name: bool = False,
    workers: int = 2,
    limits: Limits | None = None,
) -> Grades:
    """Grade a class: *submissions* holds a folder per learner, *instructor* the notebooks with solutions.

    Every learner has the common company, or with *seed_by_name* that which belongs to the name of their folder. Nothing is
    written into either folder. Raises `UserError` where there is no submission.
    """
    speak(language)
    limits = limits or Limits()
    sources = {name: n for name, n in instructor_notebooks(instructor).items() if keys(n)}
    learners = {
        p.name: p for p in sorted(submissions.iterdir()) if p.is_dir() and not p.is_symlink() and not p.name.startswith(".")
    }
    if not learners:
        raise UserError(
            _("{submissions}: there are no folders of learners. Put one folder for each learner there.").format(
                submissions=submissions.name
            )
        )
    with tempfile.TemporaryDirectory(prefix="fs-") as place:
        root = Path(place)
        cases = {name: _project(root, name if seed_by_name else "", customers, language) for name in learners}
        jobs = [
            (learner, name, _handed_in(folder, name), cases[learner]) for learner, folder in learners.items() for name in sources
        ]

        stopping = threading.Event()

        def ran(numbered: tuple[int, tuple[str, str, Path | None, Path]]) -> tuple[str, list[str], dict[str, Any]]:
            number, (_learner, name, path, project) = numbered
            return _executed(root / str(number), sources[name], path, project, limits, stopping)

        with ThreadPoolExecutor(max(1, workers)) as pool:
            try:
                done = list(pool.map(ran, enumerate(jobs)))
            except BaseException:  # Ctrl-C too: what runs is ended, and nothing more begins
                stopping.set()
                raise
        judged = {project: company.Case.of(project, language=language) for project in dict.fromkeys(cases.values())}
        results = [
            Result(learner, name, state, tuple(notes), _verdicts(keys(sources[name]), answers, judged[project]))
            for (learner, name, _path, project), (state, notes, answers) in zip(jobs, done, strict=True)
        ]
    asked = [k for n in sources.values() for k in keys(n)]
    return Grades(tuple(results), tuple(EXERCISES[k] for k in asked))


def keys(notebook: dict[str, Any]) -> list[str]:
    """The exercises that a notebook checks, in its order."""
    checks = ("".join(c["source"]) for c in notebook["cells"] if "check" in copies.tags(c))
    return [key for source in checks for key in EXERCISES if f'check("{key}"' in source]


def assembled(instructor: dict[str, Any], submitted: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The notebook that is executed, and what is to be said of the submission.

    Cells of code only. What opens the course and what checks comes from the instructor, everything else from the learner; cells
    that the learner added stay behind the cell that they stood behind.
    """
    base = copies.student_copy(instructor)
    known = {_name(c) for c in base["cells"]}
    given: dict[str, dict[str, Any]] = {}
    added: dict[str, list[dict[str, Any]]] = {}
    last = ""
    for cell in submitted["cells"]:
        if (name := _name(cell)) in known:
            given.setdefault(name, cell)
            last = name
        elif cell["cell_type"] == "code":
            added.setdefault(last, []).append(cell)
    cells, changed, gone = _code(added.get("", [])), [], []
    for cell in base["cells"]:
        name, source = _name(cell), "".join(cell["source"])
        mine = given.get(name)
        if cell["cell_type"] == "code":
            fixed = bool({"check", "parameters"} & set(copies.tags(cell))) or OPENS in source
            if "check" in copies.tags(cell) and (mine is None or "".join(mine["source"]).strip() != source.strip()):
                changed.append(name)
            if "solution" in copies.tags(cell) and mine is None:
                gone.append(name)
            chosen = cell if fixed or mine is None else {**cell, "source": mine["source"]}
            cells += _code([chosen], tags=copies.tags(cell))
        cells += _code(added.get(name, []))
    notes = [_(said).format(cells=", ".join(names)) for said, names in ((CHECKS_CHANGED, changed), (ANSWER_GONE, gone)) if names]
    return {**base, "cells": [{**c, "id": f"cell-{i}"} for i, c in enumerate(cells)]}, notes


def _code(cells: list[dict[str, Any]], tags: list[str] | None = None) -> list[dict[str, Any]]:
    """Cells to execute: without outputs, and going on after an error."""
    kept = [t for t in tags or [] if t == "parameters"]
    return [
        {
            "cell_type": "code", "metadata": {"tags": [*kept, "raises-exception"]}, "source": "".join(c["source"]),
            "execution_count": None, "outputs": [],
        }
        for c in cells
    ]  # fmt: skip


def _name(cell: dict[str, Any]) -> str:
    return copies.grading(cell).get("grade_id") or cell.get("id", "")


def _project(root: Path, learner: str, customers: int, language: str) -> Path:
    project = root / "companies" / str(company.seed_of(learner))
    if not project.exists():
        company.write_settings(project, learner=learner, customers=customers, language=language)
        company.company(project, language=language)
    return project


def _handed_in(folder: Path, name: str) -> Path | None:
    """The learner's notebook of that name, the first by path; links and checkpoints do not count."""
    found = (p for p in sorted(folder.rglob(f"{name}.ipynb")) if ".ipynb_checkpoints" not in p.parts)
    return next((p for p in found if p.is_file() and not p.is_symlink() and p.resolve().is_relative_to(folder.resolve())), None)


def _read(path: Path) -> dict[str, Any]:
    """A submitted notebook; ValueError where it is none."""
    if path.stat().st_size > MOST_BYTES:
        raise ValueError("too large")
    told = json.loads(path.read_text(encoding="utf-8"))
    cells = told["cells"]
    for cell in cells:
        if not isinstance(cell["source"], str | list) or not isinstance(cell["metadata"], dict) or "cell_type" not in cell:
            raise ValueError("no cell")
        "".join(cell["source"])
        copies.grading(cell).get("grade_id")
    return told


def _executed(
    folder: Path, instructor: dict[str, Any], path: Path | None, project: Path, limits: Limits, stopping: threading.Event
) -> tuple[str, list[str], dict[str, Any]]:
    """State, notes and plain answers of one notebook."""
    if path is None or stopping.is_set():
        return NOT_THERE, [], {}
    try:
        notebook, notes = assembled(instructor, _read(path))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return UNREADABLE, [], {}
    code = run(folder, notebook, project, limits, stopping)
    notes += list(_errors(folder / "executed.ipynb"))
    return {0: RAN, HUNG: HANGS}.get(code, CRASHED), notes, _answers(folder / "answers.jsonl")


def run(folder: Path, notebook: dict[str, Any], project: Path, limits: Limits, stopping: threading.Event | None = None) -> int:
    """Execute a notebook in a process within *limits* that can write *folder* alone; 0, or `HUNG`, `DIED` or another code.

    It is ended where *stopping* is set, and where this process ends.
    """
    stopping = stopping or threading.Event()
    (folder / "tmp").mkdir(parents=True)
    _give_fonts(folder)
    if not sandbox.own_namespaces() and sandbox.landlock_version() < 4:
        block = {
            "cell_type": "code",
            "metadata": {},
            "source": NO_SOCKETS,
            "execution_count": None,
            "outputs": [],
            "id": "network",
        }
        notebook = {**notebook, "cells": [block, *notebook["cells"]]}
    (folder / "notebook.ipynb").write_bytes(copies.written(notebook))
    library = Path(fivestep.__file__).resolve().parents[1]
    job = {
        "notebook": str(folder / "notebook.ipynb"), "executed": str(folder / "executed.ipynb"), "folder": str(folder),
        "readable": [str(library), str(project)], "parameters": {"project": str(project)},
        "memory_mb": limits.memory_mb, "seconds": limits.seconds,
    }  # fmt: skip
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    environment = {
        "PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "HOME": str(folder), "TMPDIR": str(folder / "tmp"),
        "PYTHONPATH": str(library), "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "2",
        "FIVESTEP_RESULTS": str(folder / "results"), ANSWERS: str(folder / "answers.jsonl"), "MPLBACKEND": "agg",
    }  # fmt: skip
    command = [*sandbox.own_namespaces(), sys.executable, "-m", "fivestep.course.worker", str(folder / "job.json")]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
        ) as process,
    ):
        last = time.monotonic() + limits.seconds + 30
        try:
            while (code := process.poll()) is None and time.monotonic() < last and not stopping.wait(0.1):
                pass
            return HUNG if code is None else code
        finally:
            _end_group(process.pid)


def _give_fonts(home: Path) -> None:
    """Put matplotlib's list of fonts where the run looks for it: making it anew takes seconds."""
    import matplotlib as mpl

    place = home / ".cache" / "matplotlib"
    place.mkdir(parents=True)
    for path in Path(mpl.get_cachedir()).glob("fontlist-*.json"):
        shutil.copyfile(path, place / path.name)


def _end_group(pid: int) -> None:
    """End the process group that *pid* leads, where any of it is left."""
    import signal

    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _errors(executed: Path) -> Iterator[str]:
    """What failed in the executed notebook, as one note."""
    try:
        cells = json.loads(executed.read_text(encoding="utf-8"))["cells"]
        said = [f"{o['ename']}: {o['evalue']}"[:200] for c in cells for o in c.get("outputs", []) if o["output_type"] == "error"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if said:
        yield _(FAILED).format(n=len(said), said=said[0])


def _answers(path: Path) -> dict[str, Any]:
    """The last answer to every exercise; lines that are none are passed over."""
    out: dict[str, Any] = {}
    if not path.is_file() or path.is_symlink() or path.stat().st_size > MOST_BYTES:
        return out
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            told = json.loads(line)
            out[told["key"]] = told["answer"]
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return out


def _verdicts(asked: list[str], answers: dict[str, Any], case: company.Case) -> dict[str, Verdict]:
    return {key: _verdict(EXERCISES[key], answers, case) for key in asked}


def _verdict(exercise: Exercise, answers: dict[str, Any], case: company.Case) -> Verdict:
    if exercise.key not in answers:
        return Verdict(0.0, _(NO_ANSWER))
    try:
        verdict = exercise.judged(case, answers[exercise.key])
    except (TypeError, ValueError, KeyError, IndexError, AttributeError, OverflowError, RecursionError):
        return Verdict(0.0, _("The answer is not of the kind that is asked for."))
    return verdict if math.isfinite(verdict.score) else Verdict(0.0, verdict.said)
