"""Workbooks: xlsx, xls, xlsb and ods, read by calamine in a process of its own."""

from __future__ import annotations

import itertools
import marshal
import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import ibis

from fivestep.errors import UserError
from fivestep.intake import workbook_cells
from fivestep.intake.layout import SAMPLE_ROWS, Cells, layout
from fivestep.intake.sheet import Note, Sheet
from fivestep.intake.staging import filled, new_file, sheet, stage
from fivestep.language import N_, _

MEMORY = 2 << 30  # bytes: what the whole import may take
LEAST_MEMORY = 512 << 20  # for the smallest workbook: the reader itself and a sheet of a million cells
MEMORY_OF_BYTE = 40  # a byte of an unpacked sheet becomes at most as many in memory
SECONDS = 10  # of processor time for the smallest workbook, and one more for every 2 MB
SECOND_BYTES = 2 << 20

_REASONS = {
    "PasswordError": N_("it is protected by a password. Save it without one"),
    "MemoryError": N_("it needs more memory than an import may take. Save it as CSV"),
}
_DAMAGED = N_("it is damaged or no workbook. Open it in a spreadsheet program and save it again as xlsx or CSV")
_TOO_LARGE = N_("it is damaged or too large to be read as a workbook. Save it as CSV")

_MARKS = {
    "error": (
        "error_cell", N_("Cells that hold an error of the spreadsheet (#N/A, #REF!): {n}. They count as empty."),
        N_("Mend the formulas in the workbook, or ask for the values."),
    ),
    "formula": (
        "error_cell", N_("Cells with a formula whose result is not saved in the workbook: {n}. They count as empty."),
        N_("Open the file in a spreadsheet program and save it again."),
    ),
    "zeros": (
        "leading_zeros", N_("Cells that are shown with leading zeros, but held as numbers without: {n}. They were read without."),
        N_("Export the column as text, so that its ids are the same in every file."),
    ),
}  # fmt: skip


def workbook(
    path: Path,
    connection: ibis.BaseBackend,
    *,
    source: str,
    sha256: str,
    size: int,
    known: Collection[str],
    header_row: int = 0,
) -> list[Sheet]:
    """The sheets of a workbook that hold rows; *size* is that of the unpacked file in bytes."""
    memory = min(MEMORY, LEAST_MEMORY + MEMORY_OF_BYTE * size)
    command = [sys.executable, "-I", workbook_cells.__file__, str(path), str(memory), str(SECONDS + size // SECOND_BYTES)]
    out = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL) as process:
        try:
            records = _records(process, source)
            record = next(records)
            while record[0] == "sheet":
                rows: list[tuple] = []
                _kind, name, visible, left, merged, marks = record
                counts: dict[int, list[int]] = {}
                below = _rows(records, left, counts, rows)
                found = _sheet(below, merged, counts, connection, f"{source}#{name}", sha256, visible, known, header_row, marks)
                out += [found] if found else []
                for _unread in below:
                    pass
                record = rows[-1]
        finally:
            process.kill()
    if not out:
        raise UserError(_("{file}: the workbook holds no rows. Export it again.").format(file=source))
    return out


def _unread(source: str, reason: str) -> str:
    return _("{file}: the workbook cannot be read: {reason}.").format(file=source, reason=_(reason))


def _records(process: subprocess.Popen, source: str) -> Iterator[tuple]:
    while True:
        try:
            record = marshal.load(process.stdout)
        except (EOFError, ValueError, TypeError):
            raise UserError(_unread(source, _TOO_LARGE)) from None
        if record[0] == "error":
            raise UserError(_unread(source, _REASONS.get(record[1], _DAMAGED)))
        yield record


def _rows(records: Iterator[tuple], left: int, counts: dict[int, list[int]], after: list[tuple]):
    """Row numbers and cells of one sheet; the record after its last rows is put into *after*."""
    number, before = 0, [None] * left
    for record in records:
        if record[0] != "rows":
            after.append(record)
            return
        for column, found, long in record[2]:
            count = counts.setdefault(column + left, [0, 0])
            count[0] += found
            count[1] += long
        for cells in record[1]:
            number += 1
            yield number, before + cells if left else cells


def _sheet(rows, merged, counts, connection, source, sha256, visible, known, header_row, marks) -> Sheet | None:
    head: list[tuple[int, Cells]] = []
    full = 0
    for row in rows:
        head.append(row)
        full += any(row[1])
        if full >= SAMPLE_ROWS or len(head) >= 10 * SAMPLE_ROWS:
            break
    if not full:
        return None
    ranges = [(top + 1, left, bottom + 1, right) for top, left, bottom, right in merged]
    plan = layout(head, source=source, known=known, header_row=header_row, merged=ranges)
    staged = stage(itertools.chain(head, rows), plan, new_file(connection, ".parquet"), pad=True)
    staged.numeric = frozenset(c for c, (found, _) in counts.items() if found and c < plan.width)
    for column, (_found, long) in sorted(counts.items()):
        if long and column < plan.width:
            staged.notes.append(
                Note(
                    "precision_lost",
                    plan.columns[column],
                    N_("Cells that are numbers of 16 digits and more: {n}. A workbook keeps only the first 15."),
                    long,
                    severity="warning",
                    fix=N_("Export the column as text; it cannot serve as a key."),
                    values={"n": long},
                )
            )
    cells = filled(staged)
    staged.pointed = frozenset(c for c in staged.numeric if 0 < cells[c] <= counts[c][0])
    for kind, column, n, first in marks:
        if column < plan.width:
            check, said, fix = _MARKS[kind]
            staged.notes.append(Note(check, plan.columns[column], said, n, first, "warning", fix, {"n": n}))
    if not visible:
        staged.notes.append(Note("hidden_sheet", "", N_("The worksheet is hidden in the workbook.")))
    return sheet(connection, staged, source=source, sha256=sha256)
