"""Executing the notebooks of a project, and the record of what was run."""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fivestep import __version__, engine
from fivestep.engagement import Engagement, Settings, settings
from fivestep.errors import UserError
from fivestep.language import _
from fivestep.report import execution, folders, parameters, record
from fivestep.report.execution import NotebookFailedError
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


@dataclass(frozen=True)
class Plan:
    """A run that can start: everything a user can get wrong has been checked."""

    project: Path
    folder: Path
    notebooks: tuple[Path, ...]
    chosen: tuple[Path, ...]
    parameters: dict[str, str]
    settings: Settings
    stamp: dict[str, Any]
    facts: list[list[str]]
    subtitle: str
    labels: Path
    sources: str
    library: str

    @property
    def fingerprint(self) -> str:
        """A hash of everything that decides what a full run says: data, parameters, settings, notebooks, playbook, library."""
        return _digest({"stamp": self.stamp, "parameters": self.parameters, "sources": self.sources})


def plan(
    project: Path,
    *,
    language: str = "",
    as_of: str = "",
    scope: str = "",
    only: Sequence[int] = (),
    first: int | None = None,
    folder: Path | None = None,
    validated: bool = False,
) -> Plan:
    """Check settings, data, parameters and choice of notebooks, and say what a run would do.

    *only* names notebooks by number; *first* leaves out those before it (their results of the last run with the same data, as-of
    date, scope, language, settings and library are used). *folder* is where the run is kept: under reports/, named by as-of date,
    language and scope, by default. *validated* says that the snapshot has been validated already.
    """
    found = notebooks(project)
    for number in (*only, *([] if first is None else [first])):
        if number not in found:
            raise UserError(
                _("There is no notebook {number}. Notebooks are {choices}.").format(
                    number=number, choices=", ".join(p.name for p in found.values())
                )
            )
    given = {"scope": scope, "as_of": as_of, "language": language}
    for path in found.values():
        parameters.check(execution.read(path), path.name, {"project": "..", **given})
    opened = Engagement(project, "0_plan" if validated else "1_plan", **given)  # the first step validates
    given |= {"as_of": opened.as_of.isoformat(), "language": language or opened.settings.language}
    return Plan(
        project,
        folder or project / "reports" / _folder_name(opened, **given),
        tuple(found.values()),
        tuple(p for n, p in found.items() if (n in only if only else n >= (first or 0))),
        given,
        opened.settings,
        opened.stamp,
        opened.facts(),
        opened.scope_label,
        opened.folder / "labels.csv",
        sources(project),
        library_hash(),
    )


def notebooks(project: Path) -> dict[int, Path]:
    """The notebooks of the steps by number: those whose names begin with a digit; others are the analyst's own."""
    found: dict[int, Path] = {}
    for path in sorted((project / "notebooks").glob("[0-9]*.ipynb")):
        number = int(re.match(r"[0-9]+", path.name)[0])  # type: ignore[index]
        if number in found:
            raise UserError(
                _(
                    "notebooks/: {first} and {file} have the same number, and a run has one notebook for each. Give "
                    "one of them another number, or a name that begins with a letter, which leaves it out."
                ).format(first=found[number].name, file=path.name)
            )
        found[number] = path
    for path in found.values():
        if not re.fullmatch(r"[0-9]_\w+", path.stem):
            raise UserError(
                _(
                    "notebooks/{file}: the notebook of a step is named <digit>_<name>, such as 2_segmentation.ipynb. "
                    "Rename it; a name that begins with a letter leaves it out."
                ).format(file=path.name)
            )
    if not found:
        raise UserError(_("notebooks/: there is no notebook named <digit>_<name>.ipynb."))
    return dict(sorted(found.items()))


def run(planned: Plan, *, progress: bool = True) -> Path:
    """Execute the chosen notebooks into the run's folder and return it; run.json says what was done.

    The notebooks are executed beside the folder, in <folder>.part, and only a run that succeeded takes its place; what somebody
    else put into the folder stays there.

    Raises
    ------
    NotebookFailedError: a cell failed; the executed notebook and run.json (status ``failed``) are kept in <folder>.part.
    UserError: earlier notebooks are needed and there are none that fit, or another run is writing the same folder.
    """
    with folders.locked(planned.folder):
        made = folders.unfinished(planned.folder)
        said = {**_record(planned), "notebooks": _gone_on_from(planned, made)}
        (made / "results").mkdir(parents=True, exist_ok=True)
        if planned.labels.exists():  # the run keeps the names of values, so that it can be rendered without the data
            shutil.copyfile(planned.labels, made / "results" / "labels.csv")
        started = time.perf_counter()
        for path in planned.chosen:
            entry: dict[str, Any] = {"name": path.name, "sha256": _sha256(path), "status": "running"}
            others = [n for n in said["notebooks"] if n["name"] != path.name]
            said["notebooks"] = sorted([*others, entry], key=lambda n: n["name"])
            record.write(made, said)
            begun = time.perf_counter()
            try:
                execution.execute(
                    translated(execution.read(path)),
                    made / path.name,
                    parameters={"project": "..", **planned.parameters},
                    folder=planned.project / "notebooks",
                    progress=progress,
                )
            except BaseException as error:
                entry.update(status="failed", error=str(error) or type(error).__name__)
                said["status"] = "failed"
                if isinstance(error, NotebookFailedError):
                    kept = (made / path.name).relative_to(planned.project).as_posix()
                    words = _("{error}\nThe executed notebook is kept for reading: {kept}")
                    raise NotebookFailedError(words.format(error=error, kept=kept)) from None
                raise
            else:
                entry.update(status="finished", messages=_messages(made / path.name))
            finally:
                entry["seconds"] = round(time.perf_counter() - begun, 2)
                said["seconds"] = round(time.perf_counter() - started, 2)
                record.write(made, said)
        complete = {n["name"] for n in said["notebooks"] if n["status"] == "finished"} >= {p.name for p in planned.notebooks}
        record.write(made, {**said, "status": "finished" if complete else "partial"})
        folders.put_in_place(made, planned.folder)
    return planned.folder


def finished(planned: Plan) -> bool:
    """Whether the folder already holds a complete run and report of exactly this plan."""
    if not all((planned.folder / name).exists() for name in folders.OUTPUTS):
        return False
    try:
        said = record.read(planned.folder)
    except UserError:
        return False
    return said["status"] == "rendered" and said["fingerprint"] == planned.fingerprint


def sources(project: Path) -> str:
    """A hash of what all reports of a batch share: settings, notebooks, playbook, library."""
    files = (*notebooks(project).values(), *(p for p in [project / "playbook.yml"] if p.exists()))
    said = settings(project).model_dump(mode="json")
    return _digest({"settings": said, "library": library_hash(), "files": {p.name: _sha256(p) for p in files}})


def library_hash() -> str:
    """SHA-256 over the library's source files: an analyst who mends the library gets new reports."""
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.suffix in (".py", ".yml", ".mo", ".typ", ".j2", ".css") and p.is_file()):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _folder_name(opened: Engagement, *, as_of: str, language: str, scope: str) -> str:
    field, sign, value = scope.partition("=")
    said = [as_of, language]
    if sign:  # the value among its fellows, so that North and north do not share a folder where case makes no difference
        fellows = folders.names([*engine.scope_values(opened.everything, field), value])
        said.append(f"{folders.names([field])[field]}={fellows[value]}")
    return "_".join(said)


def _gone_on_from(planned: Plan, made: Path) -> list[dict[str, Any]]:
    """Make *made* ready: empty for a whole run, else with what the notebooks that are not chosen have left; their entries.

    A run in parts goes on from the one that failed or was cut short, where it fits, else from the last that succeeded.
    """
    bases = [b for b in (made, planned.folder) if (b / "run.json").exists()]
    earlier = [p.name for p in planned.notebooks if p.name < planned.chosen[0].name]
    if planned.chosen == planned.notebooks or not (bases or earlier):
        shutil.rmtree(made, ignore_errors=True)
        return []
    if not bases:
        raise UserError(_no_run(planned))
    unfit = [_unfit(planned, base, earlier) for base in bases]
    if all(unfit):
        raise UserError(unfit[0])
    base = bases[unfit.index("")]
    known = {p.name for p in planned.notebooks}
    kept = [n for n in record.read(base)["notebooks"] if n["name"] in known]
    if base != made:
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
        for path in folders.produced(base):
            if path.is_dir():
                shutil.copytree(path, made / path.name)
            elif path.name in known:
                shutil.copyfile(path, made / path.name)
    return kept


def _unfit(planned: Plan, base: Path, earlier: Sequence[str]) -> str:
    """Why this run cannot go on from *base*; empty where it can."""
    try:
        said = record.read(base)
    except UserError as error:
        return str(error)
    changed = [] if said["stamp"].get("snapshot") == planned.stamp["snapshot"] else [_("the data")]
    changed += record.changed_settings(said, planned.settings.model_dump(mode="json"))
    changed += [] if said.get("library") == planned.library else [_("the library in lib/")]
    if changed or said["stamp"] != json.loads(json.dumps(planned.stamp)):
        return _(
            "Changed since the last run: {changed}. Its notebooks no longer fit the others. Run all notebooks: {command}."
        ).format(changed="; ".join(changed) or _("what its results are stamped with"), command=record.command(_record(planned)))
    done = {n["name"] for n in said["notebooks"] if n["status"] == "finished" and (base / n["name"]).is_file()}
    for name in earlier:
        if name not in done:
            command = f"{record.command(said)} --from {name.split('_')[0]}"
            return _("{notebook} has not finished in the last run. Start from it: {command}.").format(
                notebook=name, command=command
            )
    return ""


def _no_run(planned: Plan) -> str:
    wanted = record.command(_record(planned))
    there = []
    for path in sorted((planned.project / "reports").glob("*/run.json")):
        try:
            said = record.command(record.read(path.parent)).removeprefix("fivestep run ")
        except UserError:
            continue
        if path.parent.name != "latest" and said not in there:
            there.append(said)
    lines = [
        _("reports/{folder}: there is no earlier run to go on from. Run all notebooks once: {command}.").format(
            folder=planned.folder.name, command=wanted
        )
    ]
    if there:
        lines += [_("Or go on from a run that is there, with its options:"), *(f"  {options}" for options in there)]
    return "\n".join(lines)


def _record(planned: Plan) -> dict[str, Any]:
    return {
        "status": "running",
        "started": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "process": os.getpid(),
        "parameters": planned.parameters,
        "stamp": planned.stamp,
        # A run in parts is never taken for a whole one.
        "fingerprint": planned.fingerprint if planned.chosen == planned.notebooks else "",
        "settings": planned.settings.model_dump(mode="json"),
        "library": planned.library,
        "subtitle": planned.subtitle,
        "facts": planned.facts,
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in VERSIONED if name != "fivestep"},
            "fivestep": __version__,
        },
        "platform": f"{platform.system()} {platform.machine()}",
    }


def _messages(path: Path) -> list[str]:
    """What the cells wrote to stderr: warnings that the report leaves out and the record keeps."""
    cells = (o for c in execution.read(path).cells if c.cell_type == "code" for o in c.outputs)
    return [o.text.strip() for o in cells if o.output_type == "stream" and o.name == "stderr" and o.text.strip()]


def _digest(said: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
