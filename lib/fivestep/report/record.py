"""run.json: what a run was made of, and how far it got."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from fivestep.errors import UserError
from fivestep.language import _

_KEYS = ("status", "parameters", "stamp", "fingerprint", "settings", "subtitle", "facts", "notebooks")


def read(folder: Path) -> dict[str, Any]:
    """The record of a run; UserError where there is none, or none that can be read."""
    path = folder / "run.json"
    if not path.exists():
        raise UserError(
            _("reports/{folder}: there is no run.json, so this is no run. Run the notebooks first: fivestep run.").format(
                folder=folder.name
            )
        )
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return {**record, **{key: record[key] for key in _KEYS}}
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(
            _("reports/{folder}/run.json cannot be read. Run all notebooks again: fivestep run.").format(folder=folder.name)
        ) from None


def write(folder: Path, record: dict[str, Any]) -> None:
    """Write the record whole or not at all, so that a cut run can be read."""
    half = folder / "run.json.part"
    half.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    half.replace(folder / "run.json")


def changed_settings(record: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Every setting that is not as the record has it, like ``currency ('USD', now 'EUR')``."""
    before = record["settings"]
    said = _("{key} ({before!r}, now {now!r})")
    return [said.format(key=k, before=before.get(k), now=now.get(k)) for k in {**before, **now} if before.get(k) != now.get(k)]


def command(record: dict[str, Any]) -> str:
    """The command that makes this run again."""
    given = record["parameters"]
    said = ["fivestep", "run", "--as-of", given["as_of"], "--language", given["language"]]
    return shlex.join(said + (["--scope", given["scope"]] if given["scope"] else []))


def state(record: dict[str, Any]) -> str:
    """How far a run got, in words."""
    last = next((n["name"] for n in record["notebooks"] if n["status"] != "finished"), "")
    if record["status"] == "failed":
        return _("it failed in {notebook}").format(notebook=last) if last else _("it failed")
    if record["status"] == "running" and last:
        return _("it is still running or was cut short in {notebook}").format(notebook=last)
    if record["status"] == "running":
        return _("it is still running or was cut short")
    return _("it is whole") if record["status"] != "partial" else _("not all notebooks were run")
