"""Folders below reports/: what they are called, who may write in one, and how a new run takes the place of an earlier one."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import re
import shutil
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from fivestep.errors import UserError
from fivestep.language import _

OUTPUTS = ("report.pdf", "report.html", "workbook.xlsx", "index.html", "run.json")
UNFINISHED = ".part"  # added to the name of a run's folder until the run has succeeded

# What a batch writes itself, what we add to names, and what Windows calls devices.
_RESERVED = re.compile(
    r"(batch\.json|index\.html|.*\.(part|lock)|.*-[0-9a-f]{8}|(con|prn|aux|nul|com\d|lpt\d)(\..*)?)", re.DOTALL
)


def names(values: Iterable[str]) -> dict[str, str]:
    """A file name for each of *values*, no two alike on any system, also where case makes no difference.

    Letters of any script, digits, dot, dash and underscore stay; a value that needs more than that, that differs from another
    in case only, or that looks like a name of ours carries a hash.
    """
    values = list(dict.fromkeys(values))
    alike = Counter(map(_folded, values))
    out = {}
    for value in values:
        safe = re.sub(r"[^\w.-]+", "-", unicodedata.normalize("NFC", value)).strip("-.")[:40]
        if safe != value or alike[_folded(value)] > 1 or _RESERVED.fullmatch(_folded(value)):
            safe = f"{safe}-{hashlib.sha256(value.encode()).hexdigest()[:8]}".lstrip("-")
        out[value] = safe
    return out


def unfinished(folder: Path) -> Path:
    """Where a run is kept until it has succeeded, and where one that failed can be read."""
    return folder.with_name(folder.name + UNFINISHED)


@contextlib.contextmanager
def locked(folder: Path, *, seconds: float = 0) -> Iterator[None]:
    """Keep every other process out of *folder*; the system itself ends the lock with the process, however that ends.

    Raises UserError where another process has it and does not leave within *seconds*, or where nothing can be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.is_file() and not folder.is_symlink():
            said = _("{folder} is a file, and reports need a folder there. Move the file away.")
            raise UserError(said.format(folder=_place(folder)))
        lock = FileLock(folder.with_name(f".{folder.name}.lock"), timeout=seconds)
        lock.acquire()
    except Timeout:
        said = _("{folder}: another fivestep is at work there{since}. Wait until it is done, or end it.")
        raise UserError(said.format(folder=_place(folder), since=_since(folder))) from None
    except OSError as error:
        said = _("{folder} cannot be written: {reason}. Reports need a folder reports/ in the project that you may write in.")
        raise UserError(said.format(folder=_place(folder), reason=error.strerror)) from None
    try:
        yield
    finally:
        lock.release()


def put_in_place(made: Path, folder: Path) -> None:
    """Move what the kit made into *folder*, over what it had made there before; files of somebody else's stay.

    run.json comes last, so that a folder without one is no whole run.
    """
    clear(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(made.iterdir(), key=lambda p: (p.name == "run.json", p.name)):
        path.replace(folder / path.name)
    made.rmdir()


def clear(folder: Path) -> None:
    """Remove what the kit made in *folder*, and the folder if it held nothing else."""
    if folder.is_symlink():
        folder.unlink()
        return
    if not folder.is_dir():
        return
    for path in produced(folder):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    with contextlib.suppress(OSError):  # it holds files of somebody else's
        folder.rmdir()


def produced(folder: Path) -> list[Path]:
    """What the kit made in the folder of a run: results, exports, executed notebooks and reports."""
    try:
        notebooks = [str(n["name"]) for n in json.loads((folder / "run.json").read_text(encoding="utf-8"))["notebooks"]]
    except (OSError, ValueError, TypeError, KeyError):
        notebooks = []
    there = (folder / name for name in ("results", "exports", *notebooks, *OUTPUTS) if Path(name).name == name)
    return [p for p in there if p.exists() or p.is_symlink()]


def _folded(value: str) -> str:
    return unicodedata.normalize("NFKC", value).casefold()


def _place(folder: Path) -> str:
    """A folder as seen from the project."""
    parts = folder.parts
    at = len(parts) - 1 - parts[::-1].index("reports") if "reports" in parts else -1
    return "/".join(parts[at:])


def _since(folder: Path) -> str:
    """Since when the run that is at work has been, as its record says; empty where it has not got that far."""
    try:
        record = json.loads((unfinished(folder) / "run.json").read_text(encoding="utf-8"))
        started = dt.datetime.fromisoformat(record["started"]).astimezone()
        said = _(" (process {process}, since {time})")
        return said.format(process=record["process"], time=f"{started:%Y-%m-%d %H:%M}")
    except (OSError, ValueError, TypeError, KeyError):
        return ""
