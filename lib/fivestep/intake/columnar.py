"""Files that bring their own columns: Parquet, and JSON as lines or as one list."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import ibis

from fivestep import language
from fivestep.errors import UserError
from fivestep.intake.delimited import ROW_BYTES
from fivestep.intake.layout import MAX_COLUMNS, named
from fivestep.intake.sheet import Sheet
from fivestep.intake.staging import Staged, new_file, quoted, readable, sheet, stage
from fivestep.language import _

MAX_LIST = 64 << 20  # bytes of JSON that is one list: it has to be held as a whole, at about ten times its size


def parquet(path: Path, connection: ibis.BaseBackend, *, source: str, sha256: str) -> Sheet:
    """The sheet of a Parquet file, its values as text; row numbers count its rows from 1."""
    out = new_file(connection, ".parquet")
    raw = connection.con.cursor()
    try:
        table = f"read_parquet({quoted(str(readable(path, connection)))})"
        described = raw.execute(f"DESCRIBE SELECT * FROM {table}").fetchall()
        if len(described) > MAX_COLUMNS:
            raise UserError(
                _("{file}: the file has more than {most} columns.").format(file=source, most=language.number(MAX_COLUMNS))
            )
        chosen = ", ".join(f"{_as_text(n, t)} AS c{i}" for i, (n, t, *_) in enumerate(described))
        raw.execute(f"COPY (SELECT {chosen} FROM {table}) TO {quoted(str(out))} (FORMAT parquet, COMPRESSION zstd)")
    except (duckdb.Error, UnicodeDecodeError):
        raise UserError(
            _("{file}: the Parquet file cannot be read: it is damaged or cut off. Export it again.").format(file=source)
        ) from None
    finally:
        raw.close()
    numbers = ("INT", "HUGE", "UINT", "FLOAT", "DOUBLE", "DECIMAL", "BIGINT", "SMALLINT", "TINYINT")
    numeric = frozenset(i for i, (_, t, *_) in enumerate(described) if t.startswith(numbers) and not t.endswith("]"))
    staged = Staged(out, named([n for n, *_ in described]), has_row=False, numeric=numeric, pointed=numeric)
    return sheet(connection, staged, source=source, sha256=sha256)


def _as_text(name: str, kind: str) -> str:
    column = '"' + name.replace('"', '""') + '"'
    if kind in ("DOUBLE", "FLOAT"):  # whole numbers as such: 13800000000, not 13800000000.0
        whole = f"{column} = trunc({column}) AND abs({column}) < 1e18"
        return f"CASE WHEN {whole} THEN CAST(CAST({column} AS BIGINT) AS VARCHAR) ELSE CAST({column} AS VARCHAR) END"
    if kind.startswith("TIMESTAMP"):
        return f"regexp_replace(CAST({column} AS VARCHAR), ' 00:00:00$', '')"
    if kind.startswith(("STRUCT", "MAP", "UNION")) or kind.endswith("]"):
        return f"CAST(to_json({column}) AS VARCHAR)"
    return f"nullif(CAST({column} AS VARCHAR), '')"


def json_rows(path: Path, connection: ibis.BaseBackend, *, source: str, sha256: str, size: int) -> Sheet:
    """The sheet of JSON objects, one a line or in one list; their numbers keep every digit, nested values stay JSON."""
    with path.open("rb") as file:
        listed = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"["
    if listed and size > MAX_LIST:
        raise UserError(
            _("{file}: a list of JSON of more than {most} MB. Export it as JSON lines or CSV.").format(
                file=source, most=MAX_LIST >> 20
            )
        )
    keys: dict[str, None] = {}
    texts: set[str] = set()
    first: int = 0
    for number, found in _objects(path, listed, source):
        if isinstance(found, dict):
            keys.update(dict.fromkeys(found))
            texts.update(k for k, v in found.items() if v and not isinstance(v, _Number))
            first = first or number
            if len(keys) > MAX_COLUMNS:
                raise UserError(
                    _("{file}: the objects have more than {most} different keys. Export a table.").format(
                        file=source, most=language.number(MAX_COLUMNS)
                    )
                )
    if not keys:
        raise UserError(_("{file}: there are no JSON objects in the file. Export it again.").format(file=source))
    plan = named(list(keys))
    rows = (
        (n, [] if o is None else [_cell(o.get(k)) for k in keys] if isinstance(o, dict) else ["?"] * (len(keys) + 1))
        for n, o in _objects(path, listed, source)
    )
    staged = stage(rows, plan, new_file(connection, ".parquet"))
    staged.pointed = frozenset(i for i, k in enumerate(keys) if k not in texts)
    return sheet(connection, staged, source=source, sha256=sha256)


class _Number(str):
    """A number of JSON with every digit; a text of JSON is no such one."""


def _cell(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return json.dumps(value, ensure_ascii=False)


def _parse(text: str) -> object:
    try:
        found = json.loads(text, parse_float=_Number, parse_int=_Number, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return False
    return found if isinstance(found, dict) else False


def _objects(path: Path, listed: bool, source: str) -> Iterator[tuple[int, object]]:
    """Numbered objects; None for an empty line, False for what is no object."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        if listed:
            try:
                found = json.load(file, parse_float=_Number, parse_int=_Number, parse_constant=lambda _: None)
            except (ValueError, RecursionError):
                raise UserError(_("{file}: the JSON is damaged or cut off. Export it again.").format(file=source)) from None
            yield from ((i, o if isinstance(o, dict) else False) for i, o in enumerate(found, start=1))
            return
        for number in itertools.count(1):
            line = file.readline(ROW_BYTES + 1)
            if not line:
                return
            rest = line
            while len(rest) > ROW_BYTES and not rest.endswith("\n"):
                rest = file.readline(ROW_BYTES + 1)
            yield number, None if not line.strip() else _parse(line) if len(line) <= ROW_BYTES else False
