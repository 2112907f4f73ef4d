"""Tables and queries of a database, streamed from any SQLAlchemy or Ibis URL."""

from __future__ import annotations

import importlib.util
import itertools
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import ibis

from fivestep import language
from fivestep.errors import UserError
from fivestep.intake.layout import MAX_COLUMNS, Cells, named
from fivestep.intake.sheet import Sheet, digest
from fivestep.intake.staging import new_file, sheet, stage, text_of
from fivestep.language import _

if TYPE_CHECKING:
    import sqlalchemy as sa

FETCHED_ROWS = 5_000  # rows asked of the database at a time
_PACKAGES = {"MySQLdb": "mysqlclient", "cx_Oracle": "cx-oracle"}  # where the package has another name than its module


def database(url: str, query_or_table: str, connection: ibis.BaseBackend, *, root: Path = Path(), password: str = "") -> Sheet:
    """The sheet of a table or of a SELECT; row numbers count from 1 in the order the database gives.

    *root* is the folder that the path of a database file is relative to; *password* takes the place of the URL's and appears
    nowhere. Raises UserError where the URL, the table or the query is wrong.
    """
    import sqlalchemy as sa  # takes a second to load, and few projects have a database

    query = bool(re.match(r"\s*(select|with)\b", query_or_table, re.I))
    if not query and not re.fullmatch(r"\s*[^\s;'\"]+\s*", query_or_table):
        raise UserError(_("The database source is neither the name of a table nor a query that begins with SELECT or WITH."))
    try:
        parsed = sa.engine.make_url(url)
    except sa.exc.ArgumentError:
        raise UserError(
            _("The database URL is not of the form dialect://user:password@host/name. Correct it in the mapping.")
        ) from None
    if parsed.drivername in ("postgresql", "postgresql+psycopg"):
        parsed = parsed.set(drivername="postgresql+psycopg")
        if importlib.util.find_spec("psycopg") is None:
            raise UserError(
                _("PostgreSQL needs its driver, which is not installed. Install it: python -m pip install 'psycopg[binary]>=3.2'")
            )
    if password:
        parsed = parsed.set(password=password)
    if password or parsed.get_backend_name() == "postgresql":
        url = parsed.render_as_string(hide_password=False)
    place = {"sqlite": parsed.database or "", "duckdb": url.partition("://")[2]}.get(parsed.get_backend_name(), "")
    if place and place != ":memory:":
        if not (root / place).is_file():
            raise UserError(_("{place}: there is no such database file.").format(place=place))
        url = f"{parsed.drivername}://{'/' * (parsed.get_backend_name() == 'sqlite')}{(root / place).absolute()}"
    shown = f"{parsed.render_as_string(hide_password=True).partition('?')[0]}#{'query' if query else query_or_table.strip()}"
    read = _by_sqlalchemy if _has_dialect(parsed) else _by_ibis
    try:
        rows = read(url, query_or_table.strip(), query)
        columns = next(rows)
        if len(columns) > MAX_COLUMNS:
            raise UserError(
                _("{shown}: the result has more than {most} columns.").format(shown=shown, most=language.number(MAX_COLUMNS))
            )
        out = new_file(connection, ".parquet")
        texts: set[int] = set()
        staged = stage(_noted(rows, texts), named(columns), out)
        staged.pointed = frozenset(range(len(columns))) - texts
    except UserError:
        raise
    except ModuleNotFoundError as error:
        package = _PACKAGES.get(error.name or "", error.name or _("of its driver"))
        raise UserError(
            _(
                "{shown}: this database needs the Python package {package}, which is not installed. Install it: "
                "python -m pip install {package}"
            ).format(shown=shown, package=package)
        ) from None
    except Exception as error:  # drivers have exceptions of their own
        raise UserError(
            _("{shown}: the database did not answer: {reason}").format(shown=shown, reason=_said(error, parsed))
        ) from None
    return sheet(connection, staged, source=shown, sha256=digest(out))


def _noted(rows: Iterator, texts: set[int]) -> Iterator[tuple[int, Cells]]:
    """Rows as texts; *texts* takes the numbers of the columns that hold anything but numbers."""
    for number, row in rows:
        texts.update(i for i, v in enumerate(row) if v is not None and not isinstance(v, int | float | Decimal))
        yield number, [text_of(v) for v in row]


def _has_dialect(url: sa.engine.URL) -> bool:
    import sqlalchemy as sa

    try:
        url.get_dialect()
    except (sa.exc.NoSuchModuleError, sa.exc.ArgumentError):
        return False
    return True


def _by_sqlalchemy(url: str, said: str, query: bool) -> Iterator:
    import sqlalchemy as sa

    engine = sa.create_engine(url)
    try:
        if query:
            statement = sa.text(said)
        else:
            schema, _, name = said.rpartition(".")
            statement = sa.select(sa.text("*")).select_from(sa.table(name, schema=schema or None))
        with engine.connect() as link:
            result = link.execution_options(stream_results=True, yield_per=FETCHED_ROWS).execute(statement)
            yield list(result.keys())
            numbers = itertools.count(1)
            for part in result.partitions(FETCHED_ROWS):
                yield from ((next(numbers), list(row)) for row in part)
    finally:
        engine.dispose()


def _by_ibis(url: str, said: str, query: bool) -> Iterator[list[str] | tuple[int, Cells]]:
    link = ibis.connect(url, read_only=True) if url.startswith("duckdb:") else ibis.connect(url)
    try:
        schema, _, name = said.rpartition(".")
        table = link.sql(said) if query else link.table(name, database=schema or None)
        yield list(table.columns)
        numbers = itertools.count(1)
        for batch in table.to_pyarrow_batches(chunk_size=FETCHED_ROWS):
            columns = [column.to_pylist() for column in batch.columns]
            yield from ((next(numbers), list(row)) for row in zip(*columns, strict=True))
    finally:
        link.disconnect()


def _said(error: Exception, url: sa.engine.URL) -> str:
    """The first line of a driver's message, without the password."""
    text = str(getattr(error, "orig", None) or error).strip().splitlines()[:1] or [type(error).__name__]
    return text[0].replace(url.password, "***")[:200] if url.password else text[0][:200]
