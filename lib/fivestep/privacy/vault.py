"""The vault: direct identifiers (name, phone, e-mail, address), apart from everything that analyses read.

Only the commands that import data and write contact lists open it. Folder 0700, files 0600, never in git.
"""

from __future__ import annotations

import os
from pathlib import Path

import ibis

from fivestep.errors import UserError

FOLDER = Path("data", "vault")
COLUMNS = ("customer_id", "raw_id", "name", "phone", "email", "address", "source")


def write(project: Path, table: str, rows: ibis.Table) -> Path:
    """Add the direct identifiers of a contract table to ``data/vault/<table>.parquet``; returns the file.

    *rows* holds ``customer_id`` (the pseudonym of ``raw_id``, before any merge) and any text columns, those of `COLUMNS` first.
    All rows of a customer who is in *rows* replace the customer's earlier rows; other customers stay.
    """
    path = folder(project) / f"{table}.parquet"
    rows = updated(project, table, rows)
    private(path, rows.order_by(rows.columns))
    return path


def updated(project: Path, table: str, rows: ibis.Table) -> ibis.Table:
    """What `write` would leave in the vault, without writing it: what identity proposals are made of before an import is done."""
    rows = rows.select(**{c: rows[c].cast("string") for c in rows.columns}).distinct()
    if (project / FOLDER / f"{table}.parquet").exists():
        earlier = read(project, table, rows.get_backend()).anti_join(rows, "customer_id")
        columns = dict.fromkeys([*rows.columns, *earlier.columns])
        both = (t.select(**{c: t[c] if c in t.columns else ibis.null("string") for c in columns}) for t in (rows, earlier))
        rows = ibis.union(*both)
    columns = [c for c in COLUMNS if c in rows.columns]
    columns += sorted(set(rows.columns) - set(columns))
    return rows.select(columns)


def read(project: Path, table: str, connection: ibis.BaseBackend) -> ibis.Table:
    """The direct identifiers kept for a contract table."""
    path = project / FOLDER / f"{table}.parquet"
    if not path.exists():
        raise UserError(f"{FOLDER.as_posix()}/{table}.parquet: the vault holds no {table}. Import them first: fivestep import")
    return connection.read_parquet(path)


def folder(project: Path) -> Path:
    """The vault's folder, made where it is missing and closed to others."""
    path = project / FOLDER
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def private(path: Path, rows: ibis.Table) -> None:
    """Write *rows* as Parquet that only the user may read, whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))  # closed to others before the first byte is in it
    try:
        rows.to_parquet(part, compression="zstd", use_tmp_file=False)
        part.replace(path)
        path.chmod(0o600)
    finally:
        part.unlink(missing_ok=True)
