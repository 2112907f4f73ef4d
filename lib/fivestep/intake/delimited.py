"""Delimited text: DuckDB reads it where every row is well-formed, a slower reader of our own where it is not."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import re
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import ibis
import numpy as np
import pyarrow as pa

from fivestep.errors import UserError
from fivestep.intake.encoding import SAMPLE_BYTES, encoding
from fivestep.intake.layout import SAMPLE_ROWS, Cells, Layout, hits, layout
from fivestep.intake.quality import Message
from fivestep.intake.sheet import ROW, Note, Quick, Sheet, digest
from fivestep.intake.staging import MAX_CELL, SIGNS, Staged, new_file, quoted, readable, sheet, stage
from fivestep.language import N_, _

CHUNK = 4 << 20
ROW_BYTES = 2_000_000  # the longest row, DuckDB's own default: far beyond any worksheet row, and it bounds memory
QUOTED_LINES = 1_000  # lines that one quoted cell may span; a quote still open then was never meant as one
SKIPPED_ROWS = 32  # malformed rows that row numbers are corrected for one by one; with more, our own reader counts
KEPT_REJECTS = 10_000  # rejected rows that DuckDB keeps; a file with more is counted by our own reader
SEPARATORS = (",", "\t", ";", "|", "\x01", "^")


@dataclass(frozen=True)
class Scan:
    """One pass over a file's bytes: whether it is UTF-8, its lines, and what would mislead a strict reader."""

    size: int
    utf8: bool
    not_utf8_at: int  # about where the first byte is that is no UTF-8
    nulls: int
    lines: int
    lone_returns: bool  # a carriage return without a line feed
    suspects: frozenset[str]  # the traps whose signs occur somewhere


@dataclass(frozen=True)
class Records:
    """The records of a file by its quotes alone: what a reader has to account for."""

    count: int  # without empty lines at the end
    blank: int  # empty lines with something after them
    blank_end: int
    quotes_open: bool


def scan(path: Path) -> Scan:
    """The `Scan` of a file, in chunks."""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    utf8, bad, nulls, size, lines, returns, pairs = True, 0, 0, 0, 0, 0, 0
    plain, unseen = True, list(SIGNS)  # plain: the decoder holds no half character
    before = b""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            size += len(chunk)
            if utf8 and not (plain and chunk.isascii()):
                try:
                    decoder.decode(chunk)
                    plain = not decoder.getstate()[0]
                except UnicodeDecodeError as error:
                    utf8, bad = False, max(size - len(chunk) + error.start - 4, 0)
            nulls += chunk.count(0) if b"\0" in chunk else 0
            lines += chunk.count(b"\n")
            if b"\r" in chunk or before == b"\r":
                returns += chunk.count(b"\r")
                pairs += chunk.count(b"\r\n") + (before == b"\r" and chunk[:1] == b"\n")
            unseen = [check for check in unseen if not any(sign in chunk for sign in SIGNS[check])]
            before = chunk[-1:]
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        utf8, bad = False, size
    return Scan(
        size,
        utf8,
        bad,
        nulls,
        lines + (before not in (b"", b"\n")),
        returns != pairs,
        frozenset(SIGNS) - frozenset(unseen),
    )


def record_counts(path: Path) -> Records:
    """The `Records` of a file, in chunks: a line end within quotes ends no record."""
    quotes = lines = blanks = trailing = size = 0
    before, length = b"\n", 1  # the byte before the chunk; bytes since the last line end
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            size += len(chunk)
            data = np.frombuffer(chunk, np.uint8)
            ends = np.flatnonzero(data == 10)
            if b'"' in chunk or quotes % 2:
                marks = np.flatnonzero(data == 34)
                outside = (np.searchsorted(marks, ends) + quotes) % 2 == 0
                ends, quotes = ends[outside], quotes + len(marks)
            if len(ends):
                lines += len(ends)
                gaps = np.diff(ends, prepend=-length)
                returned = np.where(ends > 0, data[np.maximum(ends - 1, 0)] == 13, before == b"\r")
                empty = (gaps == 1) | ((gaps == 2) & returned)
                full = np.flatnonzero(~empty)
                if len(full):
                    blanks += trailing + int(empty[: full[-1]].sum())
                    trailing = len(empty) - 1 - int(full[-1])
                else:
                    trailing += len(empty)
                length = len(data) - int(ends[-1])
            else:
                length += len(data)
            before = chunk[-1:]
    if size and length > 1:  # the last line has no end
        return Records(lines + 1, blanks + trailing, 0, quotes % 2 == 1)
    return Records(lines - trailing, blanks, trailing, quotes % 2 == 1)


def delimited(
    path: Path,
    connection: ibis.BaseBackend,
    *,
    source: str,
    known: Collection[str],
    encoding_said: str = "",
    separator: str = "",
    header_row: int = 0,
    quick: Quick | None = None,
) -> Sheet:
    """The sheet of a file of delimited text, the columns that *quick* names typed at once where that reads every cell of them.

    Raises UserError where the file holds no rows.
    """
    seen = scan(path)
    with path.open("rb") as file:
        head = file.read(SAMPLE_BYTES)
        if not seen.utf8 and seen.size > SAMPLE_BYTES:
            head = _whole(head)
        if seen.not_utf8_at > SAMPLE_BYTES // 2:  # what tells the encodings apart is further down
            file.seek(seen.not_utf8_at - SAMPLE_BYTES // 4)
            head += b"\n" + _whole(file.read(SAMPLE_BYTES).partition(b"\n")[2])
    found = encoding(head, seen.utf8, known, source=source, said=encoding_said)
    notes = [found.note]
    clean, counted, replaced = path, seen, 0
    if found.codec not in ("utf-8", "utf-8-sig") or seen.nulls or not seen.utf8:
        clean = new_file(connection, ".txt")
        replaced, strangers, stranger = _transcode(path, clean, found.codec)
        counted = scan(clean)
        if strangers:
            notes.append(
                Note(
                    "mojibake", "", N_("Lines that are UTF-8 in a file of another encoding: {n}, the first is {first}. "
                                       "Their characters are garbled, nothing was repaired."), strangers, stranger,
                    severity="warning", fix=N_("Export the file again as UTF-8."), values={"n": strangers, "first": stranger},
                )
            )  # fmt: skip
        if seen.nulls and found.codec.startswith(("utf-8", "gb", "big5", "cp")):
            notes.append(
                Note(
                    "null_bytes", "", N_("Null bytes that were taken out: {n}."), seen.nulls, severity="warning",
                    fix=N_("The file may be damaged: export it again."), values={"n": seen.nulls},
                )
            )  # fmt: skip
    try:
        made = None
        for how in (quick, None):
            if made is None:
                staged = _staged(clean, counted, connection, source, known, separator, header_row, how)
                staged.notes[:0] = notes
                made = sheet(connection, staged, source=source, sha256=digest(path))
    finally:
        if clean is not path:
            clean.unlink(missing_ok=True)
    return replace(made, notes=(_undecoded(made, replaced), *made.notes)) if replaced else made


def _undecoded(sheet: Sheet, replaced: int) -> Note:
    """How many characters of how many rows are of another encoding, where the first of them is and in which columns."""
    rows = sheet.rows
    cells = {c: rows[c].contains("\ufffd") for c in sheet.columns if rows[c].type().is_string()}
    hit = ibis.or_(*cells.values())
    asked = {"n": hit.sum(), "first": rows[ROW].min(where=hit)} | {f"c{i}": x.any() for i, x in enumerate(cells.values())}
    seen = rows.aggregate(**asked).to_pyarrow().to_pylist()[0]
    fix = N_("Export the file again as UTF-8, or say its encoding in the mapping.")
    values = {"n": replaced, "rows": seen["n"] or 0, "first": seen["first"],
              "columns": [c for i, c in enumerate(cells) if seen[f"c{i}"]]}  # fmt: skip
    message = N_("Characters that could not be decoded and were replaced by \ufffd: {n}, none of them in a row of data.")
    if seen["n"]:
        message = N_("Characters that could not be decoded and were replaced by \ufffd: {n}, in {rows} rows from row {first}, "
                     "columns: {columns}.")  # fmt: skip
    return Note("mojibake", "", message, seen["n"] or 0, seen["first"], "warning", fix, values)


def _whole(part: bytes) -> bytes:
    """A part of a file without its last line, which may be cut within a character."""
    return part.rpartition(b"\n")[0] or part


def _staged(
    path: Path, seen: Scan, connection: ibis.BaseBackend, source: str, known: Collection[str], said: str, header_row: int,
    quick: Quick | None,
) -> Staged:  # fmt: skip
    sample = _sample(path)
    separator, why = (said, Message(N_("as the mapping says"))) if said else _separator(sample, known)
    if len(separator) > 1:
        raise UserError(
            _("{file}: the separator {said!r} is longer than one character. Correct it in the mapping.").format(
                file=source, said=said
            )
        )
    rows = []
    for number, cells in records(path, separator):
        rows.append((number, cells))
        if len(rows) >= SAMPLE_ROWS:
            break
    plan = layout(rows, source=source, known=known, header_row=header_row)
    short = Counter(len(c) for n, c in rows if n > plan.last_header_row and any(c)).most_common(1)
    pad = bool(short) and 1 < short[0][0] < plan.width
    name = Message(_SEPARATOR_NAMES[separator]) if separator in _SEPARATOR_NAMES else repr(separator)
    notes = [Note("separator", "", N_("{name}: {why}."), values={"name": name, "why": why})]
    if pad:
        notes.append(Note("separator", "", N_("Rows leave out the empty cells at their end; they were filled up.")))
    staged = None
    if separator and plan.width > 1 and not pad and not seen.lone_returns:
        above = sum(1 for n, c in rows if n <= plan.last_header_row and not any(c))
        typed = _typed(source, plan, rows, quick, seen.suspects, connection) if quick else None
        staged = _by_duckdb(path, seen, plan, separator, above, new_file(connection, ".parquet"), connection, typed)
    if staged is None:
        staged = stage(records(path, separator), plan, new_file(connection, ".parquet"), pad=pad)
    staged.notes += notes
    staged.suspects = seen.suspects
    return staged


@dataclass(frozen=True)
class _Typed:
    """The columns to be typed, by their numbers, and the query of their cells, in which ``odd`` says what cannot be read so."""

    all: frozenset[int]
    values: frozenset[int]  # those that are no text any more
    query: str


_CSV = "csv_rows"


def _typed(
    source: str,
    plan: Layout,
    sample: list[tuple[int, Cells]],
    quick: Quick,
    suspects: Collection[str],
    connection: ibis.BaseBackend,
) -> _Typed | None:
    """What *quick* says of the file, where it reads every cell of the first rows."""
    table = ibis.table({f"c{i}": "string" for i in range(plan.width)}, name=_CSV)
    found = quick(source, plan.columns, [table[f"c{i}"] for i in range(plan.width)], suspects)
    if not found:
        return None
    cells = {f"c{i}": found[i][0] if i in found else table[f"c{i}"] for i in range(plan.width)}
    odd = ibis.or_(*(odd for _value, odd in found.values()))
    values = frozenset(i for i, (value, _odd) in found.items() if not value.type().is_string())
    made = _Typed(frozenset(found), values, str(ibis.to_sql(table.select(**cells, odd=odd), dialect="duckdb")))
    first = [c for n, c in sample if n > plan.last_header_row and len(c) == plan.width]
    given = pa.table({f"c{i}": pa.array([c[i] or None for c in first], pa.string()) for i in range(plan.width)})
    raw = connection.con.cursor()
    try:
        raw.register(f"{_CSV}_first", given)
        said = raw.execute(f"WITH {_CSV} AS (FROM {_CSV}_first) SELECT bool_or(odd) FROM ({made.query})").fetchone()[0]
    finally:
        raw.close()
    return None if said else made


def _by_duckdb(
    path: Path, seen: Scan, plan: Layout, separator: str, blank_above: int, out: Path, connection: ibis.BaseBackend,
    typed: _Typed | None,
) -> Staged | None:  # fmt: skip
    """The rows as DuckDB reads them, or None where it does not account for every record of the file."""
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(plan.width))
    name = out.stem
    path = readable(path, connection)
    rows = (
        f"read_csv({quoted(str(path))}, auto_detect = false, header = false, skip = {plan.last_header_row}, "
        f"delim = {quoted(separator)}, quote = '\"', escape = '\"', columns = {{{columns}}}, all_varchar = true, "
        "compression = 'none', "
        f"strict_mode = true, null_padding = false, max_line_size = {ROW_BYTES}, store_rejects = true, "
        f"rejects_table = 'rejects_{name}', rejects_scan = 'scans_{name}', rejects_limit = {KEPT_REJECTS})"
    )
    # A dictionary costs a third more; packing saves room for a while, and every reading pays for it.
    to = f"TO {quoted(str(out))} (FORMAT parquet, COMPRESSION uncompressed, DICTIONARY_SIZE_LIMIT 1)"
    raw = connection.con.cursor()  # reject tables are temporary: of this cursor
    try:
        if typed:
            kept = _at_once(raw, f"COPY (WITH {_CSV} AS (FROM {rows}) {typed.query}) {to}")
            if raw.execute(f"SELECT bool_or(odd) FROM {quoted(str(out))}").fetchone()[0]:
                typed = None
                raw.execute(f"DROP TABLE rejects_{name}; DROP TABLE scans_{name}")
        if not typed:
            kept = raw.execute(f"COPY (FROM {rows}) {to}").fetchone()[0]
        lines = raw.execute(
            "SELECT line, any_value(csv_line), list(DISTINCT error_type::VARCHAR) "
            f"FROM rejects_{name} GROUP BY line ORDER BY line"
        ).fetchall()
    except duckdb.Error:
        out.unlink(missing_ok=True)
        return None
    finally:
        raw.close()
    ragged = []
    for line, text, kinds in lines:
        text = (text or "").strip("\r\n")
        if set(kinds) - {"MISSING COLUMNS", "TOO MANY COLUMNS"} or "\n" in text or not text.strip():
            return None
        ragged.append((line, _fields(text, separator)))
    skipped = [line for line, _ in ragged]
    blank_end, records = 0, plan.last_header_row + kept + len(ragged)
    if records != seen.lines:  # cells of several lines, or empty lines
        found = record_counts(path)
        if found.quotes_open or found.blank != blank_above or found.count != records:
            return None
        blank_end = found.blank_end
    last = next((n for n in range(len(skipped), 0, -1) if skipped[n - 1] - plan.last_header_row - n < kept), 0)
    if last > SKIPPED_ROWS or any(len(c) > plan.width and not any(c[plan.width :]) for _, c in ragged):
        return None
    staged = Staged(out, plan, has_row=False, offset=plan.last_header_row, skipped=skipped[:last])
    if typed:
        staged.plain, staged.typed = typed.all, typed.values
    if blank_end:
        staged.blank_rows, staged.first_blank = blank_end, records + 1
    for line, cells in ragged:
        staged.malformed(line, cells)
    return staged


def _at_once(raw: duckdb.DuckDBPyConnection, query: str) -> int:
    """Rows that a query has copied, what its columns share computed once."""
    before = raw.execute("SELECT current_setting('disabled_optimizers')").fetchone()[0]
    raw.execute("SET disabled_optimizers = ''")
    try:
        return raw.execute(query).fetchone()[0]
    finally:
        raw.execute(f"SET disabled_optimizers = {quoted(before)}")


_SEPARATOR_NAMES = {
    ",": N_("Comma"), "\t": N_("Tab"), ";": N_("Semicolon"), "|": N_("Bar"), "\x01": "Control-A", "^": N_("Caret"),
    "": N_("None"),
}  # fmt: skip


_UTF8_LINE = re.compile(rb"[^\n]*(?:[\xe4-\xe9][\x80-\xbf]{2}){2}[^\n]*")  # with two Chinese characters in a row


def _transcode(path: Path, out: Path, codec: str) -> tuple[int, int, int]:
    """Write the file as UTF-8 without null bytes.

    Returns how many characters could not be decoded, and of a file of another encoding how many lines are UTF-8, and the first.
    """
    try:
        decoder = codecs.getincrementaldecoder(codec)("replace")
    except LookupError:
        raise UserError(
            _("{file}: {codec} cannot be read in a stream. Save the file as UTF-8.").format(file=path.name, codec=codec)
        ) from None
    replaced = strangers = first = lines = 0
    rest = b""
    with path.open("rb") as source, out.open("wb") as target:
        while True:
            chunk = source.read(CHUNK)
            text = decoder.decode(chunk, final=not chunk)
            replaced += text.count("\ufffd")
            target.write(text.replace("\0", "").encode("utf-8", "replace"))
            if not codec.startswith("utf"):
                part, _end, rest = (rest + chunk).rpartition(b"\n") if chunk else (rest, b"", b"")
                for found in _UTF8_LINE.finditer(part):
                    with contextlib.suppress(UnicodeDecodeError):
                        found[0].decode("utf-8")
                        strangers += 1
                        first = first or lines + part.count(b"\n", 0, found.start()) + 1
                lines += part.count(b"\n") + 1
            if not chunk:
                return replaced, strangers, first


def _sample(path: Path) -> list[str]:
    with path.open("rb") as file:
        text = file.read(SAMPLE_BYTES).decode("utf-8-sig", errors="replace")
    lines = io.StringIO(text, newline="").readlines()
    return [line for line in lines[:SAMPLE_ROWS] if line.strip()]


def _separator(lines: list[str], known: Collection[str]) -> tuple[str, Message]:
    """The separator under which most lines have the same number of cells and a line has most known headers."""
    if lines and (said := lines[0].strip().strip('"').lower()).startswith("sep=") and len(said) == 5:
        return said[4], Message(N_("the first line says so"))
    best, score, agree = "", (0, 0.0, 0), 0
    for separator in SEPARATORS:
        rows = [_fields(line, separator) for line in lines]
        widths = Counter(len(r) for r in rows if len(r) > 1)
        if not widths:
            continue
        width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
        found = max(hits(r, known) for r in rows)
        if count * 2 < len(lines) and found < 2 and count < 3:
            continue
        if (found if found > 1 else 0, count / len(lines), width) > score:
            best, score, agree = separator, (found if found > 1 else 0, count / len(lines), width), count
    if not best:
        return "", Message(N_("one column"))
    values = {"n": agree, "lines": len(lines), "cells": score[2]}
    return best, Message(N_("of the first {lines} lines, {n} have {cells} cells"), values)


def _fields(line: str, separator: str) -> list[str]:
    text = line.rstrip("\r\n")
    if not separator:
        return [text[1:-1].replace('""', '"') if len(text) > 1 and text[0] == text[-1] == '"' else text]
    if '"' not in text:
        return text.split(separator)
    found = _strict(text, separator)
    return text.split(separator) if found is None else found  # stray quotes are marks like any other


def _strict(text: str, separator: str) -> list[str] | None:
    """The cells of a record whose quotes are all in place, else None."""
    limit = csv.field_size_limit(4 * ROW_BYTES)
    try:
        return next(csv.reader([text], delimiter=separator, strict=True), [])
    except csv.Error:
        return None
    finally:
        csv.field_size_limit(limit)  # it holds for every reader of this process


def records(path: Path, separator: str) -> Iterator[tuple[int, Cells]]:
    """Row numbers and cells, one record at a time.

    A quote that is not closed within `QUOTED_LINES` lines, or closed only where the cells no longer fit, is a mark like others:
    it does not swallow the rows below it. A row longer than `ROW_BYTES` comes as one cell too long to be kept.
    """
    waiting: deque[str] = deque()
    usual: Counter[int] = Counter()
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        number = 0
        while True:
            line = waiting.popleft() if waiting else _line(file.readline)
            if not line:
                return
            number += 1
            if len(line) > ROW_BYTES:
                yield number, ["x" * (MAX_CELL + 1)]
                continue
            if '"' in line and separator and line.count('"') % 2 and _open(line, separator):
                joined, used = _joined(line, waiting, file.readline, separator)
                if used:
                    cells = _strict(joined.rstrip("\r\n"), separator)
                    early = usual.total() < 5 and used <= 20  # a header of several lines below a title
                    if cells and (early or len(cells) == usual.most_common(1)[0][0]):
                        for _ in range(used):
                            waiting.popleft()
                        usual[len(cells)] += 1
                        yield number, cells
                        continue
                yield number, line.rstrip("\r\n").split(separator)
                continue
            cells = _fields(line, separator)
            if len(usual) < 50 and any(cells):
                usual[len(cells)] += 1
            yield number, cells if any(cells) else []


def _line(read: Callable[[int], str]) -> str:
    """The next line; one longer than `ROW_BYTES` is read to its end and cut."""
    line = read(ROW_BYTES + 1)
    rest = line
    while len(rest) > ROW_BYTES and not rest.endswith(("\n", "\r")):
        rest = read(ROW_BYTES + 1)
    return line


def _open(line: str, separator: str) -> bool:
    """Whether a quoted cell of the line is not closed."""
    at, text = 0, line.rstrip("\r\n")
    while at <= len(text):
        if text[at : at + 1] == '"':
            at += 1
            while True:
                end = text.find('"', at)
                if end < 0:
                    return True
                if text[end + 1 : end + 2] != '"':
                    break
                at = end + 2
            at = end + 1
        end = text.find(separator, at)
        if end < 0:
            return False
        at = end + 1
    return False


def _joined(line: str, waiting: deque[str], read: Callable[[int], str], separator: str) -> tuple[str, int]:
    """The line with those below it up to the closing quote, and their number; 0 where the quote stays open."""
    parts, size, quotes = [line], len(line), line.count('"')
    for used in range(1, QUOTED_LINES + 1):
        if used > len(waiting):
            more = _line(read)
            if not more:
                return line, 0
            waiting.append(more)
        more = waiting[used - 1]
        size += len(more)
        if size > ROW_BYTES:
            return line, 0
        parts.append(more)
        marks = more.count('"')
        quotes += marks
        if marks and quotes % 2 == 0:
            return "".join(parts), used
    return line, 0
