"""Which files that a project received from the kit are still as they were received."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from fivestep.errors import UserError
from fivestep.language import N_, _

# What tools leave behind, as in template/kit_hooks.py.
JUNK = {"__pycache__", ".ipynb_checkpoints", ".pytest_cache", ".ruff_cache", ".hypothesis", ".tmp", ".venv", "build", "dist"}
JUNK_SUFFIXES = (".pyc", ".egg-info", ".DS_Store")

STATES = {"changed": N_("changed"), "deleted": N_("deleted"), "added": N_("added"), "unchanged": N_("unchanged")}


@dataclass(frozen=True)
class FileStatus:
    """One file beside kit.lock.json: its path from the project folder, and one of `STATES`."""

    path: str
    state: str


class _Lock(BaseModel):
    """What kit.lock.json says: folders, hashes of files, hashes of the cells of notebooks."""

    folders: list[str]
    files: dict[str, str]
    cells: dict[str, str]


def received(project: Path) -> list[FileStatus]:
    """Every file of the received folders by path: changed, deleted, added or unchanged since it was received.

    A notebook that was only run is unchanged: its outputs do not count. Caches and checkpoints are left out.
    Raises UserError where kit.lock.json is missing or cannot be read.
    """
    lock = _lock(project)
    there = {
        path.relative_to(project).as_posix()
        for folder in lock["folders"]
        for path in (project / folder).rglob("*")
        if path.is_file() and not _junk(path.relative_to(project))
    }
    return [FileStatus(name, _state(project / name, name, lock)) for name in sorted(there | set(lock["files"]))]


def summary(files: list[FileStatus]) -> str:
    """What `fivestep status` prints: every file that is not as received, one a line, and a last line with the counts."""
    shown = [f"{_(STATES[s])}  {file.path}" for s in ("changed", "deleted", "added") for file in files if file.state == s]
    counts = Counter(file.state for file in files)
    shown.append(
        _("{unchanged} files as received from the kit, {changed} changed, {deleted} deleted, {added} added.").format(
            **{state: counts[state] for state in STATES}
        )
    )
    return "\n".join(shown)


def _lock(project: Path) -> dict:
    path = project / "kit.lock.json"
    if not path.is_file():
        raise UserError(
            _(
                "{project}: there is no kit.lock.json. Run this in an engagement folder, or restore the file: "
                "cookiecutter --overwrite-if-exists writes it anew and replaces nothing else."
            ).format(project=project.name)
        )
    try:
        lock = json.loads(path.read_text(encoding="utf-8"))
        return _Lock.model_validate(lock).model_dump()
    except (ValueError, RecursionError, OSError):  # pydantic's own error is a ValueError
        raise UserError(
            _(
                "kit.lock.json cannot be read, perhaps after a merge. Restore it from git, or delete it: "
                "cookiecutter --overwrite-if-exists writes it anew and replaces nothing else."
            )
        ) from None


def _state(path: Path, name: str, lock: dict) -> str:
    if name not in lock["files"]:
        return "added"
    if not path.is_file():
        return "deleted"
    content = path.read_bytes()
    same = hashlib.sha256(content).hexdigest() == lock["files"][name]
    if not same and name in lock["cells"]:
        same = _cells_digest(content) == lock["cells"][name]
    return "unchanged" if same else "changed"


def _cells_digest(notebook: bytes) -> str:
    """SHA-256 of a notebook's cells without outputs, as in template/kit_hooks.py; empty where it is no notebook any more."""
    try:
        cells = [[cell["cell_type"], "".join(cell["source"])] for cell in json.loads(notebook)["cells"]]
    except (ValueError, KeyError, TypeError):
        return ""
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def _junk(place: Path) -> bool:
    return any(part in JUNK or part.endswith(JUNK_SUFFIXES) for part in place.parts)
