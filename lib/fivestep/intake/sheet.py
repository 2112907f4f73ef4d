"""A sheet: one table of a client's file, every cell as text, with what the reader set aside and decided."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ibis
from ibis.expr.types import BooleanValue, StringValue, Value

from fivestep.intake.quality import Message

ROW = "_row"


@dataclass(frozen=True)
class SetAside:
    """Rows of the file that are no data: counted, never silently dropped.

    ``reason`` is title, blank, header, total, footer or malformed. ``details`` say of total rows whether they reconcile.
    """

    reason: str
    rows: int
    first_row: int
    details: tuple[Message, ...] = ()


@dataclass(frozen=True)
class Note:
    """What the reader decided or saw, with its evidence; ``severity`` is note, warning or error.

    ``message`` and ``fix`` are messages of the catalog, ``values`` fill the message as those of a `Line` do.
    """

    check: str
    column: str
    message: str
    rows: int = 0
    first_row: int | None = None
    severity: str = "note"
    fix: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The message in the language in use."""
        return str(Message(self.message, dict(self.values)))


@dataclass(frozen=True)
class Sheet:
    """One table of a file.

    ``source`` is the file as the user knows it (``orders.zip/2024.xlsx#Sheet1``), relative to the folder of raw data. ``rows``
    has one string column for each of ``columns`` and ``_row``, the row number in the file as the user counts it, header included;
    empty cells are null. ``sha256`` is of the file's bytes. ``numeric`` names the columns whose cells were numbers in a workbook:
    ids there may have lost digits or zeros. ``plain`` names the columns of which the engine's own cast reads every cell, as the
    reader was told to try (`Quick`): those of numbers and times are such already, no strings. ``pointed`` names the columns all
    of whose cells are numbers in the file itself: their decimal sign is a point, whatever the file's texts are written with.
    """

    source: str
    columns: tuple[str, ...]
    rows: ibis.Table
    set_aside: tuple[SetAside, ...]
    notes: tuple[Note, ...]
    sha256: str
    numeric: frozenset[str] = frozenset()
    plain: frozenset[str] = frozenset()
    pointed: frozenset[str] = frozenset()


# Of a file (its name, its columns, their texts, the traps whose signs occur in it) the columns to try the engine's own cast on:
# for the number of each its value and which cells are odd, so that another reading must be tried.
Quick = Callable[[str, Sequence[str], Sequence[StringValue], Collection[str]], Mapping[int, tuple[Value, BooleanValue]]]


def digest(path: Path) -> str:
    """SHA-256 of a file in hex digits, read once for as long as the file stays as it is."""
    now = path.stat()
    return _digest(path, now.st_ino, now.st_size, now.st_mtime_ns)


@functools.lru_cache(maxsize=4096)
def _digest(path: Path, _node: int, _size: int, _changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
