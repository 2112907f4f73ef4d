"""The vault: direct identifiers (name, phone, e-mail, address), apart from everything that analyses read.

Only the commands that import data, write contact lists, erase a person and look for leaks open it. Sealed with the project's key;
folder 0700, files 0600, never in git.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq

from fivestep.errors import UserError
from fivestep.language import _
from fivestep.privacy import sealing
from fivestep.privacy.pseudonyms import Pseudonyms

FOLDER = Path("data", "vault")
TABLES = ("customers", "contacts")
COLUMNS = ("customer_id", "raw_id", "name", "phone", "email", "address", "source")


def write(project: Path, table: str, rows: ibis.Table, names: Pseudonyms) -> Path:
    """Add the direct identifiers of a contract table to ``data/vault/<table>.sealed``; returns the file.

    *rows* holds ``customer_id`` (the pseudonym of ``raw_id``, before any merge) and any text columns, those of `COLUMNS` first.
    All rows of a customer who is in *rows* replace the customer's earlier rows; other customers stay.
    """
    rows = updated(project, table, rows, names)
    return replace(project, table, rows.order_by(rows.columns).to_pyarrow(), names)


def replace(project: Path, table: str, rows: pa.Table, names: Pseudonyms) -> Path:
    """Write *rows* in the place of all that the vault holds for a table: sealed, whole or not at all."""
    out = io.BytesIO()
    pq.write_table(rows, out, compression="zstd")
    path = _path(project, table)
    closed(path, sealing.sealed(out.getvalue(), names.derived("vault"), table), folder(project))
    return path


def updated(project: Path, table: str, rows: ibis.Table, names: Pseudonyms) -> ibis.Table:
    """What `write` would leave in the vault, without writing it: what identity proposals are made of before an import is done."""
    rows = rows.select(**{c: rows[c].cast("string") for c in rows.columns}).distinct()
    if holds(project, table):
        earlier = read(project, table, names).anti_join(rows, "customer_id")
        columns = dict.fromkeys([*rows.columns, *earlier.columns])
        both = (t.select(**{c: t[c] if c in t.columns else ibis.null("string") for c in columns}) for t in (rows, earlier))
        rows = ibis.union(*both)
    columns = [c for c in COLUMNS if c in rows.columns]
    columns += sorted(set(rows.columns) - set(columns))
    return rows.select(columns)


def holds(project: Path, table: str) -> bool:
    """Whether the vault has direct identifiers of a contract table."""
    return _path(project, table).exists()


def read(project: Path, table: str, names: Pseudonyms) -> ibis.Table:
    """The direct identifiers kept for a contract table, in memory. Raises UserError where there are none, or for another key."""
    path, name = _path(project, table), f"{FOLDER.as_posix()}/{table}{sealing.SUFFIX}"
    if not path.exists():
        raise UserError(
            _("{name}: the vault holds no {table}. Import them first: fivestep import").format(name=name, table=table)
        )
    return ibis.memtable(pq.read_table(io.BytesIO(sealing.unsealed(path, names.derived("vault"), table, name))))


def _path(project: Path, table: str) -> Path:
    return project / FOLDER / f"{table}{sealing.SUFFIX}"


def folder(project: Path) -> Path:
    """The vault's folder, made where it is missing and closed to others."""
    path = project / FOLDER
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def private(path: Path, rows: ibis.Table) -> None:
    """Write rows without direct identifiers as Parquet that only the user may read, whole or not at all."""
    out = io.BytesIO()
    pq.write_table(rows.to_pyarrow(), out, compression="zstd")
    closed(path, out.getvalue(), path.parent)


def closed(path: Path, data: bytes, within: Path) -> None:
    """Write a file that only the user may read, whole or not at all; *within* is the folder of its unfinished part."""
    part = within / f".{path.name}.part"
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # closed to others before the first byte is in it
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        part.replace(path)
        path.chmod(0o600)
    finally:
        part.unlink(missing_ok=True)
