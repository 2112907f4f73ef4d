"""Executing the notebooks of a project, and the record of what was run."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from fivestep import __version__
from fivestep.engagement import Engagement, Settings
from fivestep.errors import UserError
from fivestep.language import _
from fivestep.report import parameters
from fivestep.report.prose import translated

VERSIONED = (
    "fivestep",
    "pandas",
    "numpy",
    "scikit-learn",
    "ibis-framework",
    "duckdb",
    "papermill",
    "nbconvert",
    "typst",
    "matplotlib",
)


class NotebookFailedError(UserError):
    """A cell of a notebook ended in an error: names notebook, section and what was said; the executed notebook is kept."""


@dataclass(frozen=True)
class Plan:
    """A run that can start: everything a user can get wrong has been checked."""

    project: Path
    folder: Path
    notebooks: tuple[Path, ...]
    chosen: tuple[Path, ...]
    parameters: dict[str, str]
    settings: Settings
    stamp: dict[str, str]
    facts: list[list[str]]
    subtitle: str
    labels: Path

    @property
    def fingerprint(self) -> str:
        """A hash of everything that decides what a full run says: data, parameters, settings, notebooks, playbook, library."""
        return _digest({"stamp": self.stamp, "parameters": self.parameters, "sources": self.sources})

    @property
    def sources(self) -> str:
        """A hash of what all reports of a batch share: settings, notebooks, playbook, library."""
        files = (*self.notebooks, *(p for p in [self.project / "playbook.yml"] if p.exists()))
        said = {"settings": self.settings.model_dump(), "library": library_hash(), "files": {p.name: _sha256(p) for p in files}}
        return _digest(said)


def plan(
    project: Path,
    *,
    language: str = "",
    as_of: str = "",
    scope: str = "",
    only: Sequence[int] = (),
    first: int = 1,
    folder: Path | None = None,
) -> Plan:
    """Check settings, data, parameters and choice of notebooks, and say what a run would do.

    *only* names notebooks by number; *first* leaves out those before it (their results of the last run with the same data, as-of
    date, scope and language are used). *folder* is where the run is kept: under reports/, named by as-of date, language and
    scope, by default.
    """
    found = {int(p.name.split("_")[0]): p for p in sorted((project / "notebooks").glob("[0-9]*_*.ipynb"))}
    if not found:
        raise UserError("notebooks/: there is no notebook named <number>_<name>.ipynb.")
    for number in (*only, first):
        if number not in found:
            raise UserError(f"There is no notebook {number}. Notebooks are {', '.join(p.name for p in found.values())}.")
    given = {"scope": scope, "as_of": as_of, "language": language}
    for path in found.values():
        parameters.check(_read(path), path.name, {"project": "..", **given})
    opened = Engagement(project, found[min(found)].stem, **given)
    spoken = language or opened.settings.language
    given = {"scope": scope, "as_of": opened.as_of.isoformat(), "language": spoken}
    folder = folder or project / "reports" / "_".join(filter(None, (given["as_of"], spoken, file_name(scope.replace("=", "-")))))
    chosen = tuple(p for n, p in sorted(found.items()) if (n in only if only else n >= first))
    return Plan(
        project,
        folder,
        tuple(p for _n, p in sorted(found.items())),
        chosen,
        given,
        opened.settings,
        opened.stamp,
        opened.facts(),
        opened.scope_label,
        opened.folder / "labels.csv",
    )


def run(planned: Plan, *, progress: bool = True) -> Path:
    """Execute the chosen notebooks into the run's folder and return it; run.json says what was done.

    Raises
    ------
    NotebookFailedError: a cell failed; the executed notebook and run.json (status ``failed``) are kept.
    UserError: earlier notebooks are needed and there are none of the same data, day and scope.
    """
    import papermill
    from papermill.exceptions import PapermillExecutionError

    folder = planned.folder
    _make_room(planned)
    (folder / "results").mkdir(parents=True, exist_ok=True)
    if planned.labels.exists():  # the run keeps the names of values, so that it can be rendered without the data
        shutil.copyfile(planned.labels, folder / "results" / "labels.csv")
    record = _record(planned)
    started = time.perf_counter()
    with _environment(folder / "results"), _channel() as channel:
        for path in planned.chosen:
            entry: dict[str, Any] = {"name": path.name, "sha256": _sha256(path), "status": "running"}
            record["notebooks"] = [n for n in record["notebooks"] if n["name"] != path.name] + [entry]
            _write(folder, record)
            begun = time.perf_counter()
            try:
                papermill.execute_notebook(
                    translated(_read(path)),
                    str(folder / path.name),
                    parameters={"project": "..", **planned.parameters},
                    cwd=str(planned.project / "notebooks"),
                    kernel_name="python3",
                    config=channel,
                    extra_arguments=["--IPKernelApp.log_level=CRITICAL"],
                    progress_bar={"desc": f"{path.stem:<16}", "file": sys.stderr} if progress else False,
                    log_output=False,
                )
            except PapermillExecutionError as error:
                entry.update(
                    status="failed", seconds=round(time.perf_counter() - begun, 2), error=f"{error.ename}: {error.evalue}"
                )
                record.update(status="failed", seconds=round(time.perf_counter() - started, 2))
                _write(folder, record)
                raise NotebookFailedError(_failure(planned, path, error)) from None
            entry.update(status="finished", seconds=round(time.perf_counter() - begun, 2), messages=_messages(folder / path.name))
    record["notebooks"].sort(key=lambda n: n["name"])
    complete = {n["name"] for n in record["notebooks"] if n["status"] == "finished"} >= {p.name for p in planned.notebooks}
    record.update(status="finished" if complete else "partial", seconds=round(time.perf_counter() - started, 2))
    _write(folder, record)
    return folder


def finished(planned: Plan) -> bool:
    """Whether the folder already holds a complete run and report of exactly this plan."""
    path = planned.folder / "run.json"
    if not path.exists() or not (planned.folder / "report.pdf").exists():
        return False
    record = read_record(planned.folder)
    return record["status"] == "rendered" and record["fingerprint"] == planned.fingerprint


def read_record(folder: Path) -> dict[str, Any]:
    """The run.json of a run."""
    path = folder / "run.json"
    if not path.exists():
        raise UserError(f"{folder}: there is no run.json, so this is no run. Run the notebooks first: fivestep run.")
    return json.loads(path.read_text(encoding="utf-8"))


def update_record(folder: Path, **changes: Any) -> None:
    """Add to the run.json of a run."""
    _write(folder, {**read_record(folder), **changes})


def file_name(text: str) -> str:
    """*text* as part of a file name on any system.

    Letters of any script, digits, dot, dash and underscore; a hash keeps two texts apart.
    """
    safe = re.sub(r"[^\w.-]+", "-", text).strip("-.")[:60]
    return safe if safe == text else f"{safe}-{hashlib.sha256(text.encode()).hexdigest()[:6]}".lstrip("-")


def library_hash() -> str:
    """SHA-256 over the library's source files: an analyst who mends the library gets new reports."""
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.suffix in (".py", ".yml", ".mo", ".typ", ".j2", ".css") and p.is_file()):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _make_room(planned: Plan) -> None:
    folder = planned.folder
    earlier = [p for p in planned.notebooks if p.name < planned.chosen[0].name]
    if planned.chosen == planned.notebooks or not folder.exists():
        if len(planned.chosen) < len(planned.notebooks) and earlier:
            raise UserError(f"{folder.name}: there is no earlier run to go on from. Run all notebooks once: fivestep run.")
        shutil.rmtree(folder, ignore_errors=True)
        return
    record = read_record(folder)
    if record["stamp"] != planned.stamp:
        raise UserError(
            "The data has changed since the last run, so its earlier notebooks no longer fit. Run all notebooks: fivestep run."
        )
    done = {n["name"] for n in record["notebooks"] if n["status"] == "finished"}
    lacking = [p.name for p in earlier if p.name not in done]
    if lacking:
        raise UserError(
            f"{lacking[0]} has not finished in the last run: start from it, fivestep run --from {lacking[0].split('_')[0]}."
        )


def _record(planned: Plan) -> dict[str, Any]:
    path = planned.folder / "run.json"
    kept = json.loads(path.read_text(encoding="utf-8"))["notebooks"] if path.exists() else []
    return {
        "status": "running",
        "started": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "parameters": planned.parameters,
        "stamp": planned.stamp,
        # A run in parts is never taken for a whole one.
        "fingerprint": planned.fingerprint if planned.chosen == planned.notebooks else "",
        "settings": planned.settings.model_dump(),
        "subtitle": planned.subtitle,
        "facts": planned.facts,
        "notebooks": kept,
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in VERSIONED if name != "fivestep"},
            "fivestep": __version__,
        },
        "platform": f"{platform.system()} {platform.machine()}",
    }


def _write(folder: Path, record: dict[str, Any]) -> None:
    half = folder / "run.json.part"
    half.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    half.replace(folder / "run.json")  # whole or not at all, so that a cut run can be read


def _messages(path: Path) -> list[str]:
    """What the cells wrote to stderr: warnings that the report leaves out and the record keeps."""
    cells = (o for c in _read(path).cells if c.cell_type == "code" for o in c.outputs)
    return [o.text.strip() for o in cells if o.output_type == "stream" and o.name == "stderr" and o.text.strip()]


def _failure(planned: Plan, path: Path, error: Any) -> str:
    notebook = _read(path)
    section = ""
    for cell in notebook.cells[: error.cell_index]:  # papermill counts cells after adding one for the parameters
        if cell.cell_type == "markdown" and (headings := re.findall(r"^#+\s+(.+)$", cell.source, re.MULTILINE)):
            section = headings[-1]
    said = re.sub(r"\x1b\[[0-9;]*m", "", str(error.evalue)).strip() or error.ename
    kept = (planned.folder / path.name).relative_to(planned.project).as_posix()
    return _('{notebook}, section "{section}": {said}\nThe executed notebook is kept for reading: {kept}').format(
        notebook=path.name,
        section=section,
        said=said if error.ename in ("UserError", "NotebookFailedError") else f"{error.ename}: {said}",
        kept=kept,
    )


@contextlib.contextmanager
def _environment(results: Path) -> Iterator[None]:
    """What the kernels inherit: where results go, and a hash seed, so that no set order leaks into a report."""
    wanted = {"FIVESTEP_RESULTS": str(results.resolve()), "PYTHONHASHSEED": "0"}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _channel() -> Iterator[Any]:
    """How kernels are spoken to: through sockets in a folder that only this user can read, as what they say is customer data.

    Windows has TCP only.
    """
    from traitlets.config import Config

    if os.name == "nt":
        yield Config()
        return
    with tempfile.TemporaryDirectory(prefix="fivestep-") as private:
        yield Config({"KernelManager": {"transport": "ipc", "ip": f"{private}/kernel"}})


def _read(path: Path) -> nbformat.NotebookNode:
    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError, nbformat.reader.NotJSONError) as error:
        raise UserError(
            f"{path.name} cannot be read as a notebook: {str(error).splitlines()[0]}. Restore it from version control."
        ) from None


def _digest(said: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
