"""`fivestep import`: files and mapping in, a snapshot of contract tables and its quality sheet out; loud on changes."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import itertools
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import ibis
from filelock import FileLock, Timeout
from ibis.expr.types import BooleanValue, StringValue, Table, Value

from fivestep import engine, language
from fivestep.contract import TABLES, declared, headers
from fivestep.contract.validation import no_key_twice
from fivestep.errors import UserError
from fivestep.intake import (
    assembly,
    checks,
    conversion,
    erasure,
    files,
    forms,
    fuzzy,
    identity,
    matching,
    returning_files,
    snapshots,
    staging,
    value_evidence,
    written_names,
)
from fivestep.intake import mapping as mappings
from fivestep.intake.archives import is_junk
from fivestep.intake.assembly import (
    EXCLUDED,
    INCOMPLETE,
    KEPT,
    ORDER_EXCLUDED,
    PERSONAL,
    REFUNDED,
    REPEATED,
    REPLACED,
    Wide,
    shown,
)
from fivestep.intake.checks import AMOUNTS
from fivestep.intake.conversion import (
    AMBIGUOUS_DATE,
    DOLLAR,
    EMPTY_DATE,
    EURO,
    FINE,
    MASKED,
    NOT_PARSED,
    OFFSET,
    POUND,
    PRECISION_LOST,
    REDACTED,
    UNIT,
    UNKNOWN_VALUE,
    YUAN,
)  # fmt: skip
from fivestep.intake.mapping import FILE, KEEP, Source
from fivestep.intake.quality import Line, QualitySheet, table_name
from fivestep.intake.refunds import refunds, rounded
from fivestep.intake.scratch import Scratch
from fivestep.intake.sheet import ROW, Sheet
from fivestep.language import N_, _
from fivestep.privacy import vault
from fivestep.privacy.masking import ADDRESS, NUMBER
from fivestep.privacy.pseudonyms import Pseudonyms

RAW = Path("data", "raw")
LOCK = Path(".tmp", "import.lock")
MEMORY = "1300MB"  # of the engine; more goes to disk, so that any size of file can be read
ORDER = ("customers", "contacts", "products", "campaigns", "orders", "opportunities")  # what others look up comes first
LOOKED_AT = 2_000  # rows of a sheet in which pinyin among Chinese characters is looked for
SHOWN = 20  # problems named in one error
NUMBERS = ("money", "number", "int", "percent", "score")  # kinds of fields that are written with a decimal sign
NO_THOUSANDS = ("percent", "score")  # those of them that never go into the thousands
TOLD = 5  # lines on files that came again in the summary
GRAVE = (  # warnings, the gravest first: money and rows that are not there, then what is there and may be wrong
    "money", "not_parsed", "required_empty", "malformed", "rows_dropped", "table_left_out", "total", "identical_rows",
    "duplicate_keys", "orphan_keys", "rows_changed", "precision_lost", "leading_zeros", "mojibake", "personal",
    "unmatched_header", "mixed_units", "future", "impossible_date",
)  # fmt: skip

_OWN = 2**62  # added to the order of rows of a table's own files
_MARKS = {DOLLAR: "$", YUAN: "¥", EURO: "€", POUND: "£"}
_CURRENCIES = {
    "$": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "TWD", "MXN", "BRL", "ARS", "CLP", "COP"), "¥": ("CNY", "JPY"),
    "€": ("EUR",), "£": ("GBP", "EGP"),
}  # fmt: skip
_ALIASES = {"RMB": "CNY", "人民币": "CNY", "¥": "CNY", "NT$": "TWD", "US$": "USD", "HK$": "HKD", "新台幣": "TWD", "美元": "USD"}


# What is said of cells: check, severity, message, fix.
_STATES = {
    NOT_PARSED: (
        "not_parsed", "warning",
        N_("Values of {column} that were not understood: {n} of {of}, such as {sample}. Their cells are empty in {field}."),
        N_("Correct the mapping of the column, or ask the client what they mean."),
    ),
    EMPTY_DATE: (
        "empty_date", "note", N_("Dates of {column} that stand for no date, such as 1970-01-01: {n} of {of}."), "",
    ),
    MASKED: (
        "masked", "warning", N_("Values of {column} that the export has masked: {n} of {of}. They identify nobody."),
        N_("Ask for an export without masking where customers must be told apart."),
    ),
    PRECISION_LOST: (
        "precision_lost", "warning", N_("Values of {column} that have lost digits in a spreadsheet: {n} of {of}."),
        N_("Ask for a CSV or text export."),
    ),
    UNKNOWN_VALUE: (
        "unknown_value", "warning",
        N_("Values of {column} that the mapping does not translate: {n} of {of}, such as {sample}. They are kept as they are."),
        N_("Add them to `values:` of this column."),
    ),
    REDACTED: (
        "personal", "note",
        N_("Texts of {column} that held phone numbers, e-mail addresses or numbers of identity or bank cards: {n} of {of}. These "
           "were replaced."),
        "",
    ),
    OFFSET: (
        "time_zone", "note", N_("Times of {column} with an offset from UTC: {n} of {of}. They are shown in {zone}."), "",
    ),
    PERSONAL: (
        "personal", "warning",
        N_("{column} was to be kept as it is, but holds phone numbers, e-mail addresses or numbers of identity cards "
           "({n} of {of}). It was left out."),
        N_("Map it to phone or email of customers, or drop it."),
    ),
}  # fmt: skip


# A column that is to be kept, although its header or its values tell who somebody is.
_WHO = {
    "header": N_("{column} was to be kept as it is, but its header says that it tells who somebody is. It was left out."),
    "name": N_("{column} was to be kept as it is, but holds names of customers or contact persons (of {of} different values "
               "{n}). It was left out."),
    "look": N_("{column} was to be kept as it is, but holds addresses, telephone numbers or numbers of bank cards ({n} of {of}). "
               "It was left out."),
}  # fmt: skip
_WHO_FIX = N_("Map it to the field of customers or contacts that it is, or drop it. Where it tells nobody, say {option} instead.")
_PHONE_IN_ID = re.compile(r"(?:^|[^0-9.])1[3-9][0-9]{9}[^0-9.]|[^0-9.]1[3-9][0-9]{9}$")
_CHANCE = 0.2  # share of a column's values from which it is none that they are names or look like addresses
_SHARED_NAME = N_("{column} holds names. Rows whose name several customers or products share, so that it names nobody: {n}.")
_UNKNOWN_NAME = N_("{column} holds names. Rows whose name no other file has, so that it serves as the id: {n}.")
_SHARED_ID = N_("{column} holds ids. Rows whose id several customers share, so that it names nobody: {n}.")
_UNKNOWN_ID = N_(
    "{column} holds ids of customers, contact persons or opportunities. Rows whose id none of them has, so no customer: {n}."
)


class Settings(Protocol):
    """What an import needs of engagement.yml."""

    client: str
    currency: str
    time_zone: str


@dataclass(frozen=True)
class Imported:
    """What an import left: its folder (None for a dry run), the quality sheet, rows by table, and whether anything was new.

    ``money`` is that of the new files; ``added`` are their rows by table where the snapshot continues an earlier one;
    ``told`` are the lines on files that came again; ``replaces`` is the snapshot before, where all was imported anew under
    another name.
    """

    folder: Path | None
    quality: QualitySheet
    rows: Mapping[str, int] = field(default_factory=dict)
    money: Mapping[str, Decimal] = field(default_factory=dict)
    questions: int = 0
    new: bool = True
    added: Mapping[str, int] = field(default_factory=dict)
    told: Sequence[Line] = ()
    replaces: str = ""


def import_(
    project: Path, settings: Settings, *,
    strict: Collection[str] = (), snapshot: str = "", dry: bool = False, similar: bool = False, again: bool = False,
) -> Imported:  # fmt: skip
    """Import the files in data/raw/ that are new, as mapping.yml says, into a snapshot of contract tables.

    *strict* names checks whose lines are fatal (`QualitySheet.fatal`), of files imported before, too; *snapshot* names the
    folder (by default the last day of the data); *dry* writes nothing; *similar* proposes customers who are alike, too, as one
    person (`fuzzy`); *again* imports everything that lies in data/raw/ from nothing, as a changed mapping does, and says what
    that takes away. The same files with the same mapping change nothing. Raises UserError for a header that the mapping does not
    know or misses, for anything ambiguous that the mapping does not settle, for what *strict* forbids, for files that are gone
    where the mapping has changed, for a name under which tables lie that were not imported, while another import is under way,
    and for *similar* where Splink is not installed; then nothing is written.
    """
    if snapshot:
        snapshots.check_name(snapshot)
    if similar:
        fuzzy.check()
    with _alone(project):
        snapshots.mend(project)
        return _imported(project, settings, strict, snapshot, dry, similar, again)


@contextlib.contextmanager
def _alone(project: Path) -> Iterator[None]:
    """One import of a project at a time: two would each add their files to the snapshot before."""
    lock = FileLock(project / LOCK, thread_local=False)
    (project / LOCK).parent.mkdir(parents=True, exist_ok=True)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(_("Another import of this project is under way. Wait for its end and import again.")) from None
    try:
        yield
    finally:
        lock.release()


def _imported(
    project: Path, settings: Settings, strict: Collection[str], snapshot: str, dry: bool, similar: bool, again: bool
) -> Imported:
    said = mappings.read(project).in_zone()
    paths = raw_files(project, said)
    book = snapshots.ledger(project)
    names = Pseudonyms.from_environment_or_file(project, settings.client, expected=book.key)
    settled = hashlib.sha256((project / FILE).read_bytes() + f"{settings.time_zone} {settings.currency}".encode()).hexdigest()
    before = book.snapshots.get(book.latest)
    asked, again = again, again or before is None or before.mapping != settled
    with Scratch() as folder:
        connection = _connect(folder)
        try:
            queried = {s.source: s for s in read_databases(project, said, connection)}
            digests = {n: _digest(p) for n, p in paths.items()} | {n: s.sha256 for n, s in queried.items()}
            wanted = {n: d for n, d in digests.items() if not said.ignored(n)}
            chosen = (snapshots.Ledger() if again else book).fresh(wanted, book.latest)
            held = [] if again else book.held(book.latest)
            told = returning_files.same_files(wanted, chosen, held)
            if again:
                told += returning_files.gone(book, digests, asked)
            else:
                told += returning_files.taken_away(book, digests)
                decided = identity.digest(identity.decisions(project))
                if not (chosen or similar) and decided == before.identity and (not snapshot or snapshot == book.latest):
                    return _unchanged(project, book.latest, said, told, strict)
            run = _Run(project, settings, said, connection, names, {} if again else _earlier(project, book, connection))
            if book.latest and not again:
                kept = _unchanged(project, book.latest, said).quality.carried(book.latest if chosen else "")
                run.quality.extend(kept)
            run.quality.extend(told)
            if again and not asked:
                run.replaced = returning_files.replaced(book, digests, queried)
            if chosen or again:
                run.known_contents = {} if again else book.contents(book.latest)
                run.changed = {n: n in queried for n in chosen if n in dict(held)}
                others = [said.source(n) for n in set(dict(held)) - set(run.changed) if not said.ignored(n)]
                run.several = {t for t in TABLES if any(s is None or t in assembly.feeds(s) for s in others)}
                new, people, contacts = run.tables(
                    {n: paths[n] for n in chosen if n in paths}, [queried[n] for n in chosen if n in queried]
                )
            else:  # only decisions about customers, or the name of the snapshot, have changed
                new, people, contacts = {}, None, None
            return _kept(run, new, people, contacts, strict, snapshot, dry, similar, book, again, wanted, settled)
        finally:
            connection.disconnect()


def raw_files(project: Path, said: mappings.Mapping) -> dict[str, Path]:
    """The files in data/raw/ by name, sorted; hidden files and what archives carry along are none.

    Raises UserError where there is none, unless the mapping has a database.
    """
    root = project / RAW
    found = sorted(p for p in root.rglob("*") if p.is_file() and not any(is_junk(x) for x in p.relative_to(root).parts))
    found = [p for p in found if p.name not in ("README.md", ".gitkeep")]
    if not found and not any(s.database for s in said.sources):
        raise UserError(_("{raw}/ holds no files. Put what the client sent there.").format(raw=RAW.as_posix()))
    return {p.relative_to(root).as_posix(): p for p in found}


def read_sheets(path: Path, root: Path, said: mappings.Mapping, connection: ibis.BaseBackend, zone: str = "") -> list[Sheet]:
    """The sheets of one file, read as its source in the mapping says; *zone*, of the engagement, is given by an import."""

    def quick(name: str, columns: Sequence[str], cells: Sequence[StringValue]) -> dict[int, tuple[Value, BooleanValue]]:
        source = said.source(name) or next(iter(returning_files.same_headers(said, columns)), None)
        return assembly.quick(source, columns, cells, zone) if source and source.table else {}

    name = path.relative_to(root).as_posix()
    own = said.read_of(name)
    return files.sheets(
        path, connection, root=root, encoding=own.encoding, separator=own.separator, header_row=own.header_row,
        quick=quick if zone else None,
    )  # fmt: skip


def read_databases(project: Path, said: mappings.Mapping, connection: ibis.BaseBackend) -> list[Sheet]:
    """The sheets of the databases in the mapping, by the names that it gives them; paths of files are relative to the project.

    Raises UserError for a password whose environment variable is not set, and for a name that a file in data/raw/ has too.
    """
    out = []
    for source in said.sources:
        if source.database is None:
            continue
        (name,) = source.files
        if (project / RAW / name).exists():
            raise UserError(
                _("{file}: {name} is the name of a file in {raw}/. Give the database another one.").format(
                    file=FILE, name=name, raw=RAW.as_posix()
                )
            )
        url, variable = source.database.url, source.database.password
        if variable and not os.environ.get(variable):
            raise UserError(
                _("{file}: {name}: the password is missing. Set the environment variable {variable}.").format(
                    file=FILE, name=name, variable=variable
                )
            )
        read = files.database(
            url, source.database.query or source.database.table, connection, root=project, password=os.environ.get(variable, "")
        )
        out.append(replace(read, source=name))
    return out


class _Run:
    """One import under way: the engine, the quality sheet and what has been looked up so far."""

    def __init__(self, project, settings, said, connection, names, earlier) -> None:
        self.project: Path = project
        self.settings: Settings = settings
        self.said: mappings.Mapping = said
        self.connection = connection
        self.names: Pseudonyms = names
        self.earlier: dict[str, Table] = earlier
        self.quality = QualitySheet()
        self.money: dict[str, Decimal] = {}
        self.rounded: dict[str, tuple[Decimal, int]] = {}  # by table what rounding took off its amounts, and of how many cells
        self.refunded: dict[str, Decimal] = {}  # by table what a column of refunds took off the amounts read
        self.customers: dict[tuple[int, str], Table] = {}  # of each source and column their texts
        self.known: Table | None = None
        self.people: tuple[Table, Table] | None = None  # names by raw id, and those that are looked for
        self.files: dict[str, Path] = {}  # of the contract tables of the new files, as they are written
        self.changed: dict[str, bool] = {}  # files that were imported before with other content; whether it is a database
        self.replaced: list[str] = []  # files whose earlier content must not be forgotten
        self.several: set[str] = set()  # tables that other files have fed, too
        self.origin: dict[str, str] = {}  # of each sheet its file in data/raw/
        self.contents: dict[str, dict[str, snapshots.Content]] = {}  # of each file by table what it gave
        self.known_contents: dict[str, dict[str, snapshots.Content]] = {}  # and what earlier imports noted

    def tables(self, paths: Mapping[str, Path], queried: Sequence[Sheet]) -> tuple[dict[str, Table], Table | None, Table | None]:
        """The contract tables of files and databases, and the direct identifiers of customers and of contact persons."""
        grouped = self._grouped(paths, queried)
        orders = any(s.table == "orders" for s in grouped) or "orders" in self.earlier
        lacking = _(
            "{file}: {source}: no column is {field} ({meaning}), which every row of {table} needs. "
            "Map the column that says it, in {file} or with: fivestep map --ask"
        )
        either = _(", or say table: orders where the file has no products.")
        problems = [
            lacking.format(
                file=FILE,
                source=s.files[0],
                field=field,
                table=s.table,
                meaning=_(TABLES[s.table].fields[field.partition(".")[2]].description),
            )
            + (either if field == "order_lines.product_id" else "")
            for s in grouped
            for field in assembly.missing(s, orders)
        ]
        if problems:
            raise UserError("\n".join(problems))
        done: list[Wide] = []
        ranked = sorted(
            grouped, key=lambda s: ORDER.index(s.table) if s.table in ORDER else len(ORDER) + (s.table == "order_lines")
        )
        for number, source in enumerate(ranked):
            assembly.check_excluded(source)
            made = assembly.wide(source, grouped[source], self.connection, self.settings.time_zone, f"wide{number}", self.names)
            made = self._judged(made)
            made = self._numberless(made, number)
            made = assembly.finished(made, self.connection, self._orders(done), self._lookups(done, made), f"joined{number}")
            made = assembly.without_repeats(made, self.connection, f"once{number}")
            made = self._counted(made)
            self._nobody(made)
            self._nowhere(made)
            self._stages(made)
            done.append(made)
        self._refunded_twice(done)
        named = self._named(done)
        done = [self._nameless(made, named) for made in done]
        done = [self._unnamed(made, done, number) for number, made in enumerate(done)]
        self._hashed(done)
        self._noted(done)
        return self._contract(done), self._people(done), self._contacts(done)

    def _named(self, done: Sequence[Wide]) -> Table | None:
        """The names of customers and contact persons of this import and of the vault, as they are compared."""
        if not any(c.target.to == KEEP and c.target.personal for made in done for c in made.cells):
            return None
        parts = []
        for table in vault.TABLES:
            held = [vault.read(self.project, table, self.names)] if vault.holds(self.project, table) else []
            known = (assembly.vault_rows(made, table) for made in done)
            parts += [t.select(name=_bare(t["name"])) for t in (*held, *known) if t is not None and "name" in t.columns]
        if not parts:
            return None
        names = _union(parts)
        return _stored(self.connection, names.filter(names.name.length() > 1).distinct(), "known_names")

    def _nameless(self, made: Wide, named: Table | None) -> Wide:
        """The rows without the columns that were to be kept, but tell who somebody is by their header or their values."""
        asked = {}
        for cell in made.cells:
            to = f"keep.{cell.target.name or mappings.extra_name(cell.header)}"
            if cell.target.to == KEEP and cell.target.personal and to in made.extras:
                asked[to] = cell.header
        if not asked:
            return made
        rows = made.rows.filter(made.rows._out == KEPT)
        counts = {f"{kind}{i}": rows[c].count() if kind == "of" else rows[c].re_search(f"{NUMBER}|{ADDRESS}").sum()
                  for i, c in enumerate(asked) for kind in ("of", "look")}  # fmt: skip
        seen = rows.aggregate(**counts).to_pyarrow().to_pylist()[0]
        told: dict[str, tuple[str, int, int]] = {}
        for i, (column, header) in enumerate(asked.items()):
            of, look = seen[f"of{i}"] or 0, seen[f"look{i}"] or 0
            if matching.tells_who(header, made.source.table):
                told[column] = ("header", of, of)
            elif look and look >= _CHANCE * of:
                told[column] = ("look", look, of)
            elif named is not None:
                values = rows.select(name=_bare(rows[column])).filter(ibis._.name.notnull()).distinct()
                different, equal = (int(t.count().to_pandas()) for t in (values, values.semi_join(named, "name")))
                if equal >= _CHANCE * different and (equal > 2 or equal == different > 0):
                    told[column] = ("name", equal, different)
        for column, (why, n, of) in told.items():
            values = {"column": asked[column], "n": n, "of": of, "option": "{to: keep, personal: false}"}
            self.quality.add(
                Line(made.name, made.source.table, asked[column], "personal", "warning", n, of, None, _WHO[why], _WHO_FIX, values)
            )
        return replace(made, extras={k: v for k, v in made.extras.items() if k not in told}) if told else made

    def _unnamed(self, made: Wide, done: Sequence[Wide], number: int) -> Wide:
        """The rows without the names of customers and contact persons, of this import and of the vault, in what people wrote.

        Of a row's own customer every name of two Chinese characters or four letters; of others those of `written_names`.
        """
        cells = {(c.target.to if c.target.to != "survey.answer" else f"{c.target.to}:{c.target.name or c.header}"): c
                 for c in made.cells if conversion.is_free(c.target.to)}  # fmt: skip
        fields = {to: cell for to, cell in cells.items() if to in made.rows.columns}
        people = self._known_people(done) if fields else None
        if people is None:
            return made
        known, names = people
        key = assembly.home("customer_id", "customers", made.rows.columns)
        rows = made.rows
        if key:
            rows = rows.left_join(known, rows[key] == known._raw).drop("_raw")
        out = {}
        for i, to in enumerate(fields):
            who = ibis.coalesce(made.rows[key], made.rows[to]) if key else made.rows[to]
            texts = made.rows.select(text=made.rows[to], who=who).filter(ibis._.text.notnull()).distinct()
            there = _stored(self.connection, written_names.found(texts, names), f"there{number}_{i}")
            common = _stored(self.connection, written_names.words(there), f"common{number}_{i}")
            bare = self.connection.create_table(f"bare{number}_{i}", written_names.replaced(there, common), overwrite=True)
            bare = bare.rename({f"_text{i}": "text", f"_bare{i}": "bare"})
            rows = rows.left_join(bare, rows[to] == bare[f"_text{i}"]).drop(f"_text{i}")
            if n := int(common.count().to_pandas()):
                self.quality.add(
                    Line(
                        made.name, to.partition(".")[0], fields[to].header, "personal", "note", n,
                        message=N_("Names of customers that stand in texts of {column} of more than {most} customers: {n}. They "
                                   "were taken for words and left."),
                        values={"column": fields[to].header, "n": n, "most": written_names.MOST},
                    )
                )  # fmt: skip
        for i, to in enumerate(fields):
            told = ibis.coalesce(rows[f"_bare{i}"], rows[to])
            out[to] = conversion.without(told, conversion.own_names(told, rows._names)) if key else told
        spare = [*(["_names"] if key else []), *(f"_bare{i}" for i in range(len(fields)))]
        rows = rows.mutate(**{f"_was:{c}": (rows[c] != v).fill_null(False) for c, v in out.items()}, **out).drop(*spare)
        rows = _stored(self.connection, rows, f"unnamed{number}")
        seen = rows.aggregate(**{c: rows[f"_was:{c}"].sum() for c in out}).to_pyarrow().to_pylist()[0]
        for to, cell in fields.items():
            if n := seen[to]:
                self.quality.add(
                    Line(
                        made.name, to.partition(".")[0], cell.header, "personal", "note", n,
                        message=N_("Texts of {column} that held names of customers or contact persons: {n}. "
                                   "These were replaced."),
                        values={"column": cell.header, "n": n},
                    )
                )  # fmt: skip
        return replace(made, rows=rows.drop(*(f"_was:{c}" for c in out)))

    def _known_people(self, done: Sequence[Wide]) -> tuple[Table, Table] | None:
        """Of this import and of the vault the names by raw id (_raw, _names), and those that are looked for in all texts."""
        if self.people is None:
            known = []
            for table in vault.TABLES:
                held = [vault.read(self.project, table, self.names)] if vault.holds(self.project, table) else []
                parts = (*held, *(assembly.vault_rows(other, table) for other in done))
                known += [t.select("raw_id", "name") for t in parts if t is not None and "name" in t.columns]
            if not known:
                return None
            names = _union(known)
            names = _stored(self.connection, names.filter(names.name.notnull()).distinct(), "people_names")
            long = names.filter((names.name.length() > 3) | names.name.re_search("^[\u4e00-\u9fff]{2,}$"))
            own = long.group_by("raw_id").aggregate(
                _names=long.name.collect(order_by=[long.name.length().desc(), long.name])
            ).rename(_raw="raw_id")  # fmt: skip
            asked = _stored(self.connection, written_names.sought(names), "sought_names")
            self.people = _stored(self.connection, own, "own_names"), asked
        return self.people

    def _hashed(self, done: Sequence[Wide]) -> None:
        """The customers of every source by their raw ids, and the pseudonyms of all of them, each made once."""
        for number, made in enumerate(done):
            rows = made.rows.filter(made.rows._out == KEPT)
            for i, column in enumerate(c for c in rows.columns if c.endswith(".customer_id")):
                texts = rows.select(text=rows[column]).filter(ibis._.text.notnull()).distinct()
                self.customers[number, column] = _stored(self.connection, texts, f"customers{number}_{i}")
        if self.customers:
            self.known = _stored(self.connection, self.names.known(_union([*self.customers.values()])), "pseudonyms")

    def _noted(self, done: Sequence[Wide]) -> None:
        """What every file gave the tables that it feeds: days, and of its own table rows and money.

        What other tables have learnt from it by the way, such as its customers, need not stand in it again.
        """
        for made in done:
            rows, own = made.rows.filter(made.rows._out == KEPT), made.source.table
            wanted, noted = {"n": rows.count()}, []
            for table in assembly.feeds(made.source):
                at = assembly.home(TABLES[table].time, table, rows.columns) if TABLES[table].time else ""
                amount = f"{table}.{AMOUNTS.get(table)}"
                if at:
                    wanted |= {f"{table}.first": rows[at].min().cast("date"), f"{table}.last": rows[at].max().cast("date")}
                if table == own and amount in rows.columns:
                    wanted["money"] = rows[amount].sum()
                if at or own in (table, "contacts"):
                    noted.append(table)
            seen = rows.group_by("_file").aggregate(**wanted).to_pyarrow().to_pylist() if noted else []
            found = {row["_file"]: row for row in seen}
            for number, sheet in enumerate(made.sheets if noted else ()):
                given = self.contents.setdefault(self.origin[sheet.source], {})
                row = found.get(number, {"n": 0})
                for table in noted:
                    first, last = (d.isoformat() if (d := row.get(f"{table}.{k}")) else "" for k in ("first", "last"))
                    n = row["n"] if table == own else None
                    money = row.get("money") or (Decimal(0) if "money" in wanted else None)
                    now = snapshots.Content(first, last, n, None if n is None or money is None else str(money))
                    given[table] = now.beside(given[table]) if table in given else now

    # ------------------------------------------------------------ files
    def _grouped(self, paths: Mapping[str, Path], queried: Sequence[Sheet]) -> dict[Source, list[Sheet]]:
        root = self.project / RAW
        grouped: dict[Source, list[Sheet]] = {}
        unknown, several, changed = [], [], []
        wanted = [p for p in paths.values() if not self.said.ignored(p.relative_to(root).as_posix())]
        zone = self.settings.time_zone
        read = ((p, s) for p in wanted for s in read_sheets(p, root, self.said, self.connection, zone))
        held: dict[tuple[Source, str, str], str] = {}
        for path, sheet in itertools.chain(read, ((None, s) for s in queried)):
            if self.said.ignored(sheet.source):
                continue
            self.origin[sheet.source] = path.relative_to(root).as_posix() if path else sheet.source
            source = self.said.source(sheet.source) or forms.source(sheet)
            if source is None and forms.lists_questions(sheet):
                continue
            if source is None:
                alike = returning_files.same_headers(self.said, sheet.columns)
                if len(alike) == 1:
                    source = alike[0]
                    self.quality.add(
                        Line(
                            sheet.source, source.table, "", "same_headers", "note",
                            message=N_("mapping.yml does not name this file. It has the headers of {file} and was read as such."),
                            values={"file": source.files[0]},
                        )
                    )  # fmt: skip
                elif alike:
                    files = ", ".join(s.files[0] for s in alike)
                    several.append(
                        _("{mapping} does not say what {file} is; it has the headers of {files} alike. "
                          "Name it under `files:` of the right one.")
                        .format(mapping=FILE, file=sheet.source, files=files)
                    )  # fmt: skip
                    continue
            if source is None or not source.table:
                unknown.append(sheet.source)
                continue
            key = (source, sheet.sha256, sheet.source.partition("#")[2])
            if path and key in held:  # in an archive, or a file beside it
                self.quality.add(returning_files.same_file(sheet.source, held[key]))
                continue
            held[key] = sheet.source
            changed += [*header_changes(source, sheet), *same_fields(source, sheet)]
            grouped.setdefault(source, []).append(sheet)
        if several:
            raise UserError("\n".join(several[:SHOWN]))
        if unknown:
            some = ", ".join(unknown[:SHOWN])
            raise UserError(
                _("{mapping} does not say what {files} is. Run `fivestep map` again, or name it under `ignore:`.")
                .format(mapping=FILE, files=some)
            )  # fmt: skip
        if changed:
            more = [_("... and {n} more").format(n=language.number(len(changed) - SHOWN))] if len(changed) > SHOWN else []
            raise UserError("\n".join([*changed[:SHOWN], *more]))
        if not grouped:
            raise UserError(
                _("{raw}/: every file is ignored by {file}. Nothing to import.").format(raw=RAW.as_posix(), file=FILE)
            )
        for source, sheets in grouped.items():
            for sheet in sheets:
                self._read(source, sheet)
        named = [s for s in self.said.sources if s in grouped]
        return {s: grouped[s] for s in (*named, *(s for s in grouped if s not in named))}

    def _read(self, source: Source, sheet: Sheet) -> None:
        add = self.quality.add
        for note in sheet.notes:
            column = note.column
            if note.check == "encoding" and note.values.get("implausible"):
                said = _("{file}: nothing tells its encoding. Read as {name} it spells no known header, and its characters are "
                         "unlikely. Say which it is under its source in {mapping}, such as read: {{encoding: shift_jis}}, euc_kr "
                         "or koi8-r.")  # fmt: skip
                raise UserError(said.format(file=sheet.source, name=note.values["name"], mapping=FILE))
            add(
                Line(
                    sheet.source, source.table, column, note.check, note.severity, note.rows, 0, note.first_row,
                    note.message, note.fix, dict(note.values),
                )
            )  # fmt: skip
        for column, n in assembly.filled(source, sheet).items():
            add(
                Line(
                    sheet.source, source.table, column, "filled", "note", n,
                    message=N_("Empty cells of {column} that were filled from a row above, as `fill:` says: {n}."),
                    values={"column": column, "n": n},
                )
            )  # fmt: skip
        kind = matching.kind(source.system, source.kind)
        if kind and kind.layout != "confirmed":
            add(
                Line(
                    sheet.source, source.table, "", "layout", "warning" if kind.layout == "unconfirmed" else "note",
                    message=N_("Read as {kind}."), fix=N_("Check every column against the client's own system."),
                    values={"kind": kind.label},
                )
            )  # fmt: skip
        for column, (cells, of) in _pinyin(source, sheet).items():
            add(
                Line(
                    sheet.source, source.table, column, "mojibake", "warning", len(cells), of,
                    message=N_("Values of {column} with pinyin among Chinese characters, in the first {of} that are filled: {n}, "
                               "such as {sample}. They are kept as they are."),
                    fix=N_("Ask for a better export; nothing is repaired."),
                    values={"column": column, "n": len(cells), "of": of, "sample": shown(cells[0])},
                )
            )  # fmt: skip
        for column, (n, of, first) in _phones_in_ids(source, sheet).items():
            add(
                Line(
                    sheet.source, source.table, column, "personal", "warning", n, of, first,
                    message=N_("Ids of {column} that hold a mobile phone number, in the first {of}: {n}. They stand in the "
                               "tables as they are."),
                    fix=N_("Say `id: hashed` of this column, in every file that has it, and import again."),
                    values={"column": column, "n": n, "of": of},
                )
            )  # fmt: skip
        for header in source.open:
            add(
                Line(
                    sheet.source, source.table, header, "unmatched_header", "warning",
                    message=N_("Nobody has said what this column is, so it was left out."), fix=N_("Run: fivestep map --ask"),
                )
            )  # fmt: skip

    # ------------------------------------------------------------ what became of the cells
    def _judged(self, made: Wide) -> Wide:
        """The rows once every cell that was not understood is counted; raises UserError for what must not be guessed."""
        rows = made.rows
        if not made.cells:
            raise UserError(
                _("{file}: {source}: no column is mapped. Run: fivestep map --ask").format(file=FILE, source=made.name)
            )
        mask: dict[str, int | None] = {c.state: 0 for c in made.cells}
        if not made.plain:
            masks = rows.aggregate(**{c.state: (ibis.literal(1) << rows[c.state].cast("int64")).bit_or() for c in made.cells})
            mask = masks.to_pyarrow().to_pylist()[0]
        found = [(c, s) for c in made.cells for s in range(1, REDACTED + 1) if (mask[c.state] or 0) >> s & 1]
        counts: dict[tuple[str, int, int], tuple[int, int]] = {}
        if found:
            wanted = {}
            for cell, state in found:
                hit = (rows[cell.state] == state) & (rows._item == 0)
                wanted[f"{cell.state}_{state}"] = hit.sum()
                wanted[f"{cell.state}_{state}_first"] = rows._order.min(where=hit)
            for row in rows.group_by("_file").aggregate(**wanted).order_by("_file").to_pyarrow().to_pylist():
                for cell, state in found:
                    if row[f"{cell.state}_{state}"]:
                        first = row[f"{cell.state}_{state}_first"] % assembly._SPAN
                        counts[cell.state, state, row["_file"]] = (row[f"{cell.state}_{state}"], first)
        for cell, state in found:
            for number, sheet in enumerate(made.sheets):
                if (cell.state, state, number) in counts:
                    self._state(made, cell, state, sheet, *counts[cell.state, state, number])
        self._decimal_signs(made)
        self._dotted(made)
        self._units(made, found)
        made = self._shares(made)
        personal = {f"keep.{c.target.name or mappings.extra_name(c.header)}" for c, s in found if s == PERSONAL}
        if personal:
            made = replace(made, extras={k: v for k, v in made.extras.items() if k not in personal})
        self._currency(made)
        return made

    def _numberless(self, made: Wide, number: int) -> Wide:
        """The rows without phone numbers, e-mail addresses and numbers of cards in columns of kinds, such as tags or channels."""
        asked = {c.target.to: c for c in made.cells if conversion.is_list(c.target.to) and c.target.to in made.rows.columns}
        if not asked:
            return made
        rows = made.rows
        parts = [rows.select(text=rows[to]).distinct().mutate(at=ibis.literal(i)) for i, to in enumerate(asked)]
        # Stored, as the engine would else look into the text of every row before it tells the different ones.
        values = _stored(self.connection, _union(parts), f"kinds{number}")
        values = values.filter(values.text.length() > 4).filter(conversion.tells_numbers(ibis._.text))
        some = sorted(values.select("at").distinct().to_pyarrow()["at"].to_pylist())
        if not some:
            return made
        found = [c for i, c in enumerate(asked) if i in some]
        hit = {to: conversion.tells_numbers(rows[to]) for to in found}
        wanted = {}
        for i, to in enumerate(found):
            wanted |= {f"n{i}": hit[to].sum(), f"of{i}": rows[to].count(), f"at{i}": rows._order.min(where=hit[to])}
        for seen in rows.group_by("_file").aggregate(**wanted).order_by("_file").to_pyarrow().to_pylist():
            sheet = made.sheets[seen["_file"]]
            for i, to in enumerate(found):
                if n := seen[f"n{i}"]:
                    header = assembly.column(sheet, asked[to].header) or asked[to].header
                    self.quality.add(
                        Line(
                            sheet.source, to.partition(".")[0], header, "personal", "warning", n, seen[f"of{i}"],
                            seen[f"at{i}"] % assembly._SPAN,
                            N_("Values of {column} that held phone numbers, e-mail addresses or numbers of identity or bank "
                               "cards: {n} of {of}. These were replaced."),
                            N_("Ask the client what else the column holds of persons; drop it where it is not needed."),
                            {"column": header, "n": n, "of": seen[f"of{i}"]},
                        )
                    )  # fmt: skip
        rows = rows.mutate(**{to: hit[to].ifelse(conversion.without_numbers(rows[to]), rows[to]) for to in found})
        return replace(made, rows=_stored(self.connection, rows, f"numberless{number}"), plain=False)

    def _state(self, made: Wide, cell: assembly.Cells, state: int, sheet: Sheet, rows: int, first: int) -> None:
        column = assembly.column(sheet, cell.header) or cell.header
        table = cell.target.to.partition(".")[0] if cell.target.target else made.source.table
        of = int(sheet.rows[column].count().to_pandas())
        told = {"place": f"{sheet.source}: {column}", "n": language.number(rows), "row": language.number(first)}
        if state == AMBIGUOUS_DATE:
            said = _(
                "{place}: {n} dates like {sample} (row {row}) may be day/month or month/day. "
                "Say `date_order: dmy` or `date_order: mdy` for {source} in {file}."
            )
            raise UserError(said.format(**told, sample=shown_at(sheet, column, first), source=made.name, file=FILE))
        if state == PRECISION_LOST and _is_key(cell.target.to):
            said = _(
                "{place}: {n} ids have lost digits in a spreadsheet (first: row {row}), so they cannot be a key. "
                "Ask for a CSV or text export of this file, or for the column formatted as text."
            )
            raise UserError(said.format(**told))
        if state == NOT_PARSED and 2 * rows > of and _is_needed_number(cell.target.to):
            said = _(
                "{place}: {n} of {of} cells, such as {sample} (row {row}), are no numbers as {file} reads them, "
                "and every row of {table} needs {field}."
            )
            sample = shown_at(sheet, column, first)
            said = said.format(**told, of=language.number(of), sample=sample, file=FILE, table=table, field=cell.target.to)
            raise UserError(language.typeset(f"{said} {self._cure(made, sheet, column)}"))
        if state == NOT_PARSED and 2 * rows > of and _is_needed(cell.target.to, "timestamp", "date"):
            cells = sheet.rows.filter(sheet.rows[column].re_search(conversion.ROC)).limit(1).count().to_pyarrow().as_py()
            cure = _("Map the right column, or ask the client what the cells mean.")
            if cells:
                cure = _("Where they are years of the Republic of China (113 is 2024), say {option} in {file}.").format(
                    option=f"{{to: {cell.target.to}, roc_years: true}}", file=FILE
                )
            said = _(
                "{place}: {n} of {of} cells, such as {sample} (row {row}), are no dates, and every row of {table} needs {field}."
            )
            sample = shown_at(sheet, column, first)
            said = said.format(**told, of=language.number(of), sample=sample, table=table, field=cell.target.to)
            raise UserError(language.typeset(f"{said} {cure}"))
        said = _STATES.get(state)
        if said is None:
            return
        check, severity, message, fix = said
        values: dict[str, Any] = {"column": column, "n": rows, "of": of, "field": cell.target.to, "zone": self.settings.time_zone}
        values["sample"] = shown_at(sheet, column, first)
        self.quality.add(Line(sheet.source, table, column, check, severity, rows, of, first, message, fix, values))

    def _decimal_signs(self, made: Wide) -> None:
        """Cells like 1.234 where no cell tells the decimal sign: a warning, or for money that is needed a UserError."""
        if made.source.decimal:
            return
        places = [
            (cell, sheet, name)
            for cell in made.cells
            if cell.target.target and cell.target.target.kind in NUMBERS
            for sheet in made.sheets
            if (name := assembly.column(sheet, cell.header)) and name not in sheet.pointed
        ]
        asked = [p for p in places if p[0].target.target.kind not in NO_THOUSANDS and p[2] not in p[1].plain]
        lone = [(*p, *found) for p in asked if (found := _lone(p[1], p[2]))[0]]
        signs = {s for _cell, sheet, name in places for s in _signs(sheet, name)} if lone else set()
        if not lone or signs == {"."}:
            return
        for cell, sheet, name, n, first, of, threes in lone:
            to, table = cell.target.to, cell.target.to.partition(".")[0]
            values = {"column": name, "n": n, "of": of, "sample": shown_at(sheet, name, first), "row": first, "field": to,
                      "table": table, "file": sheet.source, "source": made.name}  # fmt: skip
            money = cell.target.target.kind == "money"
            if money and _is_needed_number(to):
                said = _(
                    "{file}: {column}: cells such as {sample} (row {row}) may be whole numbers with a point between thousands or "
                    "have three decimals ({n} of {of} cells), and every row of {table} needs {field}. "
                    'Say `decimal: ","` or `decimal: "."` for {source} in mapping.yml.'
                )
                shown = {k: language.number(v) if isinstance(v, int) else v for k, v in values.items()}
                raise UserError(said.format(**shown))
            if not money and threes and not signs:
                message, severity, fix = N_("{column}: every number has three decimals, such as {sample}."), "note", ""
            else:
                message, severity = (
                    N_(
                        "Cells of {column} that may be whole numbers with a point between thousands, or have three decimals: "
                        "{n} of {of}, such as {sample}. They were read with a decimal point."
                    ),
                    "warning",
                )
                fix = N_('Say `decimal: ","` or `decimal: "."` for this source in mapping.yml.')
            self.quality.add(Line(sheet.source, table, name, "ambiguous_number", severity, n, of, first, message, fix, values))

    def _dotted(self, made: Wide) -> None:
        """Dates with points in a source with the month first, beside dates without: most of the world writes the day first."""
        if made.source.date_order != "mdy":
            return
        for cell in made.cells:
            if not cell.target.target or cell.target.target.kind not in ("date", "datetime"):
                continue
            for sheet in made.sheets:
                name = assembly.column(sheet, cell.header)
                if not name or name in sheet.plain:
                    continue
                rows = sheet.rows.filter(sheet.rows[name].strip() != "")
                dotted = rows[name].re_search(r"^\s*\d{1,2}\.\d{1,2}\.\d{2,4}\b")
                seen = rows.aggregate(n=dotted.sum(), of=rows.count(), first=rows[ROW].min(where=dotted))
                seen = seen.to_pyarrow().to_pylist()[0]
                if 0 < (seen["n"] or 0) < seen["of"]:
                    table = cell.target.to.partition(".")[0]
                    values = {"column": name, "n": seen["n"], "of": seen["of"], "sample": shown_at(sheet, name, seen["first"])}
                    self.quality.add(
                        Line(
                            sheet.source, table, name, "ambiguous_date", "warning", seen["n"], seen["of"], seen["first"],
                            values=values,
                            message=N_("Dates of {column} with points, such as {sample}: {n} of {of}. They were read month "
                                       "first, as the mapping says of this source, but such dates usually begin with the day."),
                            fix=N_("Ask the client. Where the day is first, have these cells written like the others."),
                        )
                    )  # fmt: skip

    def _cure(self, made: Wide, sheet: Sheet, column: str) -> str:
        """What makes the numbers readable: the other decimal sign, where the cells are written with it, or another column."""
        sign = "," if made.source.decimal != "," else "."
        cells = sheet.rows.filter(sheet.rows[column].contains(sign)).select(x=sheet.rows[column]).limit(1_000).to_pyarrow()
        if sign in matching.decimals(cells["x"].to_pylist()):
            return _('Say `decimal: "{sign}"` for {source} in {file}.').format(sign=sign, source=made.name, file=FILE)
        return _("Map the right column, or ask the client what the cells mean.")

    def _units(self, made: Wide, found: Sequence[tuple[assembly.Cells, int]]) -> None:
        """Money in two units or two currencies in one column, or in another currency than the engagement's, is never added up."""
        rows = made.rows
        for cell in dict.fromkeys(c for c, s in found if s == UNIT or s in _MARKS):
            states = {s for c, s in found if c == cell}
            if cell.target.target is None or cell.target.target.kind != "money":
                continue
            unit = cell.target.unit or headers.header(cell.header).unit
            if UNIT in states and not unit and cell.target.to in rows.columns:
                bare = rows.filter((rows[cell.state] == FINE) & (rows[cell.target.to] != 0))  # 5000元 and $5 have a unit
                seen = bare.aggregate(n=bare.count(), first=bare._order.min()).to_pyarrow().to_pylist()[0]
                if n := seen["n"]:
                    sheet, row = made.place(seen["first"])
                    said = _(
                        "{source}: {column}: some amounts are in 万 and {n} have no unit (first: {file}, row {row}). "
                        "Say what a bare number is: {{to: {field}, unit: 元}} (or 万元) in {mapping}."
                    )
                    bare_numbers = {"n": language.number(n), "field": cell.target.to, "mapping": FILE}
                    bare_numbers |= {"file": sheet.source, "row": language.number(row)}
                    raise UserError(said.format(source=made.label, column=cell.header, **bare_numbers))
            marks = [_MARKS[s] for s in sorted(states & set(_MARKS))]
            if len(marks) > 1:
                raise UserError(
                    _(
                        "{source}: {column}: amounts in several currencies ({choices}) in one column. Split the file by "
                        "currency, or leave rows out with `exclude:`."
                    ).format(source=made.name, column=cell.header, choices=", ".join(marks))
                )
            if marks and foreign(marks, self.settings.currency):
                raise UserError(
                    _(
                        "{source}: {column}: amounts are marked {currency}, but engagement.yml says {own}. Correct the "
                        "currency there, or convert the file."
                    ).format(source=made.name, column=cell.header, currency=marks[0], own=self.settings.currency)
                )

    def _shares(self, made: Wide) -> Wide:
        """Percentages without a sign, as the mapping says, else as their values do; raises UserError where these say nothing."""
        rows, wrong = made.rows, {}
        for cell in made.cells:
            to, header = cell.target.to, cell.header
            if not cell.target.target or cell.target.target.kind != "percent" or to not in rows.columns:
                continue
            unit = cell.target.unit or headers.header(header).unit
            size = rows[to].abs() * (100 if unit == "%" else 1)
            bare = rows[cell.state] == FINE
            kinds = {"above": size > matching.BEYOND, "below": (size > 0) & (size < 1), "all": size > 0}
            wanted = {k: (v & bare).sum() for k, v in kinds.items()}
            wanted |= {f"{k}_at": rows._order.min(where=v & bare) for k, v in kinds.items()}
            seen = rows.aggregate(**wanted).to_pyarrow().to_pylist()[0]
            n = seen["all"] or 0
            if not n:
                continue
            if not unit and bool(seen["above"]) == bool(seen["below"]):
                raise UserError(self._either_share(made, cell, [seen["below_at"], seen["above_at"]], seen["all_at"]))
            hundredths = unit == "%" or (not unit and bool(seen["above"]))
            if hundredths and not unit:
                wrong[to] = (rows[cell.state] == UNIT).ifelse(rows[to], rows[to] / 100)
            doubtful = unit == "%" and not seen["above"]
            message = N_("Percentages of {column} without a sign: {n}. They were read as shares of 1: 0.5 is half.")
            if hundredths:
                message = N_("Percentages of {column} without a sign: {n}. They were read as hundredths: 50 is half.")
            if doubtful:
                message = N_(
                    "Percentages of {column} without a sign: {n}. They were read as hundredths, as the mapping says, but none is "
                    "above 1."
                )
            self.quality.add(
                Line(
                    made.name, to.partition(".")[0], header, "mixed_units" if doubtful else "percent",
                    "warning" if doubtful else "note", n, message=message, values={"column": header, "n": n},
                    fix=N_("Ask the client. Where they are shares of 1, say `unit: share` of this column in mapping.yml.")
                    if doubtful else "",
                )
            )  # fmt: skip
        return replace(made, rows=_stored(self.connection, rows.mutate(**wrong), rows.get_name())) if wrong else made

    @staticmethod
    def _either_share(made: Wide, cell: assembly.Cells, places: Sequence[int | None], first: int) -> str:
        """That percentages may be shares of 1 or hundredths, with a cell for each where there is one."""

        def shown_here(order: int) -> str:
            sheet, row = made.place(order)
            name = assembly.column(sheet, cell.header)
            value = sheet.rows.filter(sheet.rows[ROW] == row).select(x=sheet.rows[name]).to_pyarrow()["x"][0].as_py()
            return _("{value} ({file}, row {row})").format(value=value, file=sheet.source, row=language.number(row))

        said = _("{source}: {column}: no percentage tells whether they are shares of 1 or hundredths: {cells}.")
        cells = [first]
        if all(p is not None for p in places):
            said = _("{source}: {column}: percentages without a sign may be shares of 1 or hundredths: {cells}.")
            cells = [p for p in places if p is not None]
        said = said.format(source=made.name, column=cell.header, cells=language.listing([shown_here(c) for c in cells]))
        cure = _("Say {share} (0.5 is half) or {hundredths} (50 is half) of this column in {mapping}.")
        share, hundredths = (f"{{to: {cell.target.to}, unit: {u}}}" for u in ("share", '"%"'))
        return f"{said} {cure.format(share=share, hundredths=hundredths, mapping=FILE)}"

    def _currency(self, made: Wide) -> None:
        if "orders.currency" not in made.rows.columns:
            return
        rows = made.rows.filter(made.rows._out == KEPT)
        seen = rows.select(c=rows["orders.currency"].upper()).distinct().filter(ibis._.c.notnull()).order_by("c").to_pandas()["c"]
        others = foreign(seen, self.settings.currency)
        if others:
            raise UserError(
                _(
                    "{source}: there are orders in {choices}, but engagement.yml says {own}. Leave them out with "
                    "`exclude: {{orders.currency: [{other}]}}` in {file}, or convert them before the import."
                ).format(source=made.name, choices=", ".join(others[:5]), own=self.settings.currency, other=others[0], file=FILE)
            )

    # ------------------------------------------------------------ rows
    def _counted(self, made: Wide) -> Wide:
        """Every row of every file, kept or left out for a reason; money before and after; gross and net."""
        rows, table = made.rows, made.source.table
        first = rows.filter(rows._item == 0)
        timed = [c for c in made.cells if c.target.to in rows.columns and rows[c.target.to].type().is_timestamp()]
        wanted = {"n": first.count(), "first": first._order.min()}
        wanted |= {f"at{i}": (conversion.has_clock(first[c.target.to]) & (first[c.state] != OFFSET)).sum()
                   for i, c in enumerate(timed)}  # fmt: skip
        seen = first.group_by("_file", "_out").aggregate(**wanted).to_pyarrow().to_pylist()
        counts = {(r["_file"], r["_out"]): (r["n"], r["first"] % assembly._SPAN) for r in seen}
        for i, cell in enumerate(timed):
            self._zoned(made, cell, sum(r[f"at{i}"] or 0 for r in seen))
        reasons = {
            EXCLUDED: (N_("Rows that the mapping excludes by their status: {n}."), "note"),
            REFUNDED: (N_("Rows whose status says that they were refunded: {n}."), "note"),
            ORDER_EXCLUDED: (N_("Lines of orders that were left out: {n}."), "note"),
            INCOMPLETE: (N_("Rows without what {table} needs ({fields}): {n}."), "warning"),
            REPEATED: (N_("Rows that repeat another row in everything: {n}. Each counts once."), "note"),
            REPLACED: (
                N_("Lines whose order and line number stand on a later row with other values: {n}. The later row counts."),
                "warning",
            ),
        }
        fixes = {
            INCOMPLETE: N_(
                "Ask for the values, or map the right column. Where cells stand on the first row of an order only, name "
                "their columns under `fill:`."
            ),
            REPLACED: N_(
                "Ask which row holds. Where both are lines of the order, map the line number to drop: lines are numbered then."
            ),
        }
        needed = ", ".join(f.name for f in TABLES[table].fields.values() if f.required) if table in TABLES else "customer_id"
        for number, sheet in enumerate(made.sheets):
            aside = [a for a in sheet.set_aside if a.reason not in ("title", "header")]
            kept = counts.get((number, KEPT), (0, 0))[0]
            data = sum(n for (f, _out), (n, _first) in counts.items() if f == number)
            read = data + sum(a.rows for a in aside)
            self.quality.add(
                Line(sheet.source, table, "", "rows_read", "note", read, read, message=N_("Rows: {n}."), values={"n": read})
            )
            self.quality.add(
                Line(sheet.source, table, "", "rows_kept", "note", kept, read, message=N_("Rows: {n}."), values={"n": kept})
            )
            for a in aside:
                message = {
                    "blank": N_("Empty rows: {n}."), "total": N_("Total rows: {n}. {detail}"),
                    "footer": N_("Rows below the table: {n}."),
                    "malformed": N_("Rows with too few or too many cells: {n}."),
                }.get(a.reason, N_("Rows set aside: {n}. {detail}"))  # fmt: skip
                severity = "warning" if a.reason == "malformed" else "note"
                self.quality.add(
                    Line(sheet.source, table, "", "rows_dropped", severity, a.rows, read, a.first_row, message,
                         N_("Look at these rows in the file.") if severity == "warning" else "",
                         {"n": a.rows, "detail": list(a.details)})
                )  # fmt: skip
            for out, (message, severity) in reasons.items():
                n, first_row = counts.get((number, out), (0, None))
                if n:
                    fix = fixes.get(out, "")
                    values = {"n": n, "table": table, "fields": needed}
                    self.quality.add(
                        Line(sheet.source, table, "", "rows_dropped", severity, n, read, first_row, message, fix, values)
                    )
        if all(out == KEPT for _file, out in counts):  # nobody need ask again
            made = replace(made, rows=rows.mutate(_out=ibis.literal(KEPT, type="int8")))
        if made.copies[0]:
            copies, first_row = made.copies
            self.quality.add(
                Line(
                    made.name, table, "", "identical_rows", "warning", copies, sum(n for n, _first in counts.values()), first_row,
                    N_("Rows that are identical to an earlier row of their file: {n}. They were kept, as no column tells a row "
                       "sent twice from a purchase or contact made twice."),
                    N_("Ask the client. Where they are copies, say `repeats: drop` for this source in mapping.yml."),
                    {"n": copies},
                )
            )  # fmt: skip
        self._different(made)
        self._looked_up(made)
        line, sums = refunds(made)
        if line:
            self.quality.add(line)
            for key in ("gross", "refunds", "net", "read"):
                self.money[f"{table}.{key}"] = self.money.get(f"{table}.{key}", Decimal(0)) + sums[key]
            by, cells = self.rounded.get(table, (Decimal(0), 0))
            self.rounded[table] = by + sums["rounded"], cells + int(sums["cells"])
            self.refunded[table] = self.refunded.get(table, Decimal(0)) + sums.get("taken", Decimal(0))
        self.quality.extend(rounded(made))
        return made

    def _different(self, made: Wide) -> None:
        """Rows on which several columns of one field are filled and differ: the column of the first rank counts."""
        asked = [c for c in made.rows.columns if c.startswith("_differ:")]
        if not asked:
            return
        rows = made.rows.filter(made.rows._out == KEPT, made.rows._item == 0)
        wanted = {"of": rows.count()}
        for i, c in enumerate(asked):
            wanted |= {f"n{i}": rows[c].sum(), f"at{i}": rows._order.min(where=rows[c])}
        seen = rows.aggregate(**wanted).to_pyarrow().to_pylist()[0]
        for i, column in enumerate(asked):
            if n := seen[f"n{i}"]:
                to = column.removeprefix("_differ:").replace("/", ".")
                own = sorted((c for c in made.cells if c.target.to == to), key=lambda c: c.target.rank)
                sheet, row = made.place(seen[f"at{i}"])
                values = {"columns": ", ".join(c.header for c in own), "field": to, "n": n, "of": seen["of"],
                          "first": own[0].header, "file": sheet.source}  # fmt: skip
                money = own[0].target.target.kind == "money"
                self.quality.add(
                    Line(
                        made.name, to.partition(".")[0], to.partition(".")[2], "same_field", "warning" if money else "note",
                        n, seen["of"], row,
                        message=N_("{columns}: filled with different values on {n} of {of} rows, first in {file}. Of each row "
                                   "the first that is filled is {field}, {first} before all others."),
                        fix=N_("Check that the mapping has the right one first (rank)."), values=values,
                    )
                )  # fmt: skip

    def _zoned(self, made: Wide, cell: assembly.Cells, n: int) -> None:
        """In which zone the times of a column without an offset were read."""
        zone, own = self.settings.time_zone, made.source.time_zone or self.settings.time_zone
        message = N_("Times of {column} without an offset from UTC: {n}. They were read as {zone}.")
        if own != zone:
            message = N_("Times of {column} without an offset from UTC: {n}. They were read as {own} and are shown in {zone}.")
        if n:
            table, values = cell.target.to.partition(".")[0], {"column": cell.header, "n": n, "zone": zone, "own": own}
            self.quality.add(Line(made.name, table, cell.header, "time_zone", "note", n, message=message, values=values))

    def _nobody(self, made: Wide) -> None:
        """Names and phones without the id of a customer to keep them under."""
        if assembly.home("customer_id", "customers", made.rows.columns):
            return
        for cell in made.cells:
            if cell.target.target and cell.target.target.place == "vault":
                self.quality.add(
                    Line(
                        made.name, made.source.table, cell.header, "personal", "warning",
                        message=N_("{column} tells who somebody is, but no column holds the customer id. It was left out."),
                        fix=N_("Map the customer id; a phone number or an e-mail address can be one (id: phone, id: email)."),
                        values={"column": cell.header},
                    )
                )  # fmt: skip

    def _nowhere(self, made: Wide) -> None:
        """Columns mapped to a table that their file cannot feed."""
        there = {t.to for targets in made.source.columns.values() for t in targets}
        for table, columns in assembly.unused(made.source).items():
            keys = [k for k in TABLES[table].key if not assembly.home(k, table, there)]
            message = N_("{columns}: mapped to {table}, to which a file of {own} adds no rows. They were left out.")
            if keys and table in matching.FEEDS.get(made.source.table, ()):
                message = N_("{columns}: mapped to {table}, but no column is {keys}, without which {table} has no row. "
                             "They were left out.")  # fmt: skip
            self.quality.add(
                Line(
                    made.name, table, "", "table_left_out", "warning", message=message,
                    fix=N_("Map the column that says it as well, give the values in a file of their own, or map them to keep."),
                    values={"columns": ", ".join(columns), "table": table, "own": made.source.table, "keys": ", ".join(keys)},
                )
            )  # fmt: skip

    def _whole(self, name: str, rows: Table, parts: Sequence[tuple[bool, Wide, Table]]) -> Table | None:
        """Without the rows that files of other tables name by the way but lack what the table needs; they are counted.

        Those that the earlier snapshot has are there already: where the new rows lack the column, they keep its values.
        """
        keys = TABLES[name].key
        by_the_way = [made for own, made, _rows in parts if not own]
        doubtful = list(dict.fromkeys(f for made in by_the_way for f in assembly.doubtful(made, name)))
        if not doubtful:
            return rows
        absent = [f for f in doubtful if f not in rows.columns]
        lacking = ibis.literal(True) if absent else ibis.or_(*(rows[f].isnull() for f in doubtful))
        poor = _stored(self.connection, rows.filter((rows._order < _OWN) & lacking), f"poor_{name}")
        n = int(poor.count().to_pandas())
        if not n:
            return rows
        if name in self.earlier:
            new = poor.anti_join(self.earlier[name], keys)
            n = int(new.count().to_pandas())
            poor = new if absent else poor
        if n:
            fields = absent or doubtful
            known = ", ".join(f"{f} ({TABLES[name].fields[f].description})" for f in fields)
            self.quality.add(
                Line(
                    ", ".join(dict.fromkeys(m.name for m in by_the_way)), name, ", ".join(fields), "table_left_out", "warning", n,
                    message=N_("Rows of {table} that the file names without {fields}, which every row of {table} needs: {n}. "
                               "They are not in the table."),
                    fix=N_("Map the column that says it, or ask for a file of {table}."),
                    values={"table": name, "fields": known, "n": n},
                )
            )  # fmt: skip
        whole = _stored(self.connection, rows.anti_join(poor, keys), f"whole_{name}")
        return whole if len(by_the_way) < len(parts) or int(whole.count().to_pandas()) else None

    def _stages(self, made: Wide) -> None:
        """Stages whose end, or whose next stage, the next row of the same opportunity contradicts by more than a day."""
        rows = made.rows.filter(made.rows._out == KEPT)
        of = assembly.home("opportunity_id", "stage_history", rows.columns)
        days, moved, entered, stage = (f"stage_history.{c}" for c in ("days_in_stage", "moved_to", "entered_at", "stage"))
        if made.source.table != "stage_history" or not {days, moved} & set(rows.columns):
            return
        after = ibis.window(group_by=rows[of], order_by=[rows[entered], rows._order])
        wrong, then = [], rows[entered].lead().over(after)
        if days in rows.columns:
            wrong.append((rows[entered].date().delta(then.date(), unit="day").abs() - rows[days]).abs() > 1)
        if moved in rows.columns:
            wrong.append(rows[moved] != rows[stage].lead().over(after))
        told = rows.select(wrong=ibis.or_(*(w.fill_null(False) for w in wrong)), followed=then.notnull())
        seen = told.aggregate(n=told.wrong.sum(), of=told.followed.sum()).to_pyarrow().to_pylist()[0]
        if seen["n"]:
            header = next(c.header for c in made.cells if c.target.to == entered)
            self.quality.add(
                Line(
                    made.name, "stage_history", header, "time_order", "warning", seen["n"], seen["of"],
                    message=N_("Stages whose length or next stage the next row of the same opportunity contradicts: {n} of {of}. "
                               "That {column} is when a stage was entered is unconfirmed."),
                    fix=N_("Ask the client what this time stands for; where it is when the stage was left, map it to left_at."),
                    values={"n": seen["n"], "of": seen["of"], "column": header},
                )
            )  # fmt: skip

    def _refunded_twice(self, done: Sequence[Wide]) -> None:
        """Returns of a file of their own beside orders that are net of refunds: the same money may be in both."""
        orders = [w for w in done if w.source.table == "orders"]
        returns = [w for w in orders if any(c.target.inverse and c.target.to == "orders.order_amount" for c in w.cells)]
        for made in (
            w for w in orders if w.source.refunds.policy == "refund_column" and "orders.refund_amount" in w.rows.columns
        ):
            n = int(made.rows.filter(made.rows["orders.refund_amount"] > 0).count().to_pandas()) if returns else 0
            if n:
                self.quality.add(
                    Line(
                        made.name, "orders", "refund_amount", "refunds", "warning", n,
                        message=N_("{returns} holds returns, and orders here are already net of what was refunded (rows: {n}). "
                                   "Money that is in both is taken off twice."),
                        fix=N_("Ask the client. Where it is the same money, name the file of returns under `ignore:`."),
                        values={"returns": ", ".join(w.name for w in returns), "n": n},
                    )
                )  # fmt: skip

    def _looked_up(self, made: Wide) -> None:
        rows = made.rows
        for column in [c for c in rows.columns if c.startswith(("_several:", "_unknown:"))]:
            n = int(rows.filter(rows[column]).count().to_pandas())
            _told, by, *rank = column.split(":")
            header = next(c.header for c in made.cells if c.target.by == by and (not rank or str(c.target.rank) == rank[0]))
            words = (_SHARED_ID, _UNKNOWN_ID) if by == "related_id" else (_SHARED_NAME, _UNKNOWN_NAME)
            if by == "related_id" and not n:
                continue
            self.quality.add(
                Line(
                    made.name, made.source.table, header, "joined_by_name", "warning" if n else "note", n,
                    message=words[column.startswith("_unknown")],
                    fix=(N_("Ask for the files of all accounts, contacts and deals.") if by == "related_id"
                         else N_("Ask for an export with the id column.")) if n else "", values={"column": header, "n": n},
                )
            )  # fmt: skip
        if "_items" in rows.columns:
            n = int(rows.filter((rows._item == 0) & ~rows._items).count().to_pandas())
            self.quality.add(
                Line(
                    made.name, made.source.table, made.source.items.column, "items", "warning", n,
                    message=N_("Several items in one cell: their amounts are that of the order, shared out by number of items. "
                               "Orders whose items are not as many as the file says: {n}."),
                    fix=N_("Ask for the export of order items."), values={"n": n},
                )
            )  # fmt: skip

    # ------------------------------------------------------------ looking up
    def _orders(self, done: Sequence[Wide]) -> Table | None:
        parts = []
        for made in (w for w in done if w.source.table == "orders"):
            r = made.rows
            parts.append(r.select(order_id=r["orders.order_id"], order_date=r["orders.order_date"], left=r._out != KEPT))
        if "orders" in self.earlier:
            e = self.earlier["orders"]
            parts.append(e.select(order_id=e.order_id, order_date=e.order_date.cast("timestamp(6)"), left=ibis.literal(False)))
        if not parts:
            return None
        known = parts[0] if len(parts) == 1 else ibis.union(*parts)
        known = known.filter(known.order_id.notnull())
        return known.group_by("order_id").aggregate(order_date=known.order_date.max(), left=known.left.all())

    def _lookups(self, done: Sequence[Wide], made: Wide) -> dict[str, Table]:
        """What the columns of *made* are looked up in: ids by name, and customers by the ids of what is theirs."""
        wanted = {c.target.by for c in made.cells}
        places = {
            "customer_name": ("customers", "customers.customer_name", "customers.customer_id"),
            "product_name": ("products", "products.product_name", "products.product_id"),
        }
        out = {}
        for by, (table, name, key) in places.items():
            if by not in wanted:
                continue
            parts = [
                w.rows.select(name=conversion.plain(w.rows[name]), id=w.rows[key])
                for w in done
                if w.source.table == table and {name, key} <= set(w.rows.columns)
            ]
            if by == "customer_name" and self.earlier and vault.holds(self.project, "customers"):
                known = vault.read(self.project, "customers", self.names)
                if "name" in known.columns:
                    parts.append(known.select(name=conversion.plain(known.name), id=known.raw_id))
            if by == "product_name" and "product_name" in getattr(self.earlier.get("products"), "columns", ()):
                known = self.earlier["products"]
                parts.append(known.select(name=conversion.plain(known.product_name), id=known.product_id))
            out[by] = self._known(parts)
        if "related_id" in wanted:
            out["related_id"] = self._known(self._related(done))
        return out

    @staticmethod
    def _known(parts: Sequence[Table]) -> Table:
        empty = ibis.memtable({"name": [], "id": []}, schema={"name": "string", "id": "string"})
        known = ibis.union(*parts) if len(parts) > 1 else parts[0] if parts else empty
        known = known.filter(known.name.notnull() & known.id.notnull())
        return known.group_by("name").aggregate(id=known.id.min(), ids=known.id.nunique())

    def _related(self, done: Sequence[Wide]) -> list[Table]:
        """The raw id of the customer by the id of the customer, of a contact person and of an opportunity: of this import, and of
        earlier ones by the vault."""
        parts = []
        for made in done:
            rows, who = made.rows, assembly.home("customer_id", "customers", made.rows.columns)
            for key in (who, "contacts.contact_id", "opportunities.opportunity_id") if who else ():
                if key in rows.columns:
                    parts.append(rows.select(name=rows[key], id=rows[who]))
        if self.earlier and vault.holds(self.project, "customers"):
            people = vault.read(self.project, "customers", self.names)
            parts.append(people.select(name=people.raw_id, id=people.raw_id))
            if "customer_id" in getattr(self.earlier.get("opportunities"), "columns", ()):
                deals = self.earlier["opportunities"].select("opportunity_id", who="customer_id")
                joined = deals.inner_join(people, deals.who == people.customer_id)
                parts.append(joined.select(name=joined.opportunity_id, id=joined.raw_id))
        if self.earlier and vault.holds(self.project, "contacts"):
            persons = vault.read(self.project, "contacts", self.names)
            if "contact_id" in persons.columns:
                parts.append(persons.select(name=persons.contact_id, id=persons.raw_id))
        return parts

    # ------------------------------------------------------------ contract tables
    def _contract(self, done: Sequence[Wide]) -> dict[str, Table]:
        out = {}
        for name in TABLES:
            parts = []
            for number, made in enumerate(done):
                if name in assembly.feeds(made.source):
                    own = made.source.table == name
                    rows = assembly.part(made, name, self.names, self.connection)
                    later = own * _OWN + number * 2**56  # a table's own file says more of it than another file
                    parts.append((own, made, rows.mutate(_order=rows._order + later)))
            rows = self._one(name, parts) if parts else None
            if rows is not None:
                out[name] = rows
        return out

    def _one(self, name: str, parts: list[tuple[bool, Wide, Table]]) -> Table | None:
        tables = [rows for _own, _made, rows in parts]
        columns = dict.fromkeys(c for t in tables for c in t.columns)
        types = {c: next(t[c].type() for t in tables if c in t.columns) for c in columns}
        tables = [
            t.select(**{c: t[c].cast(types[c]) if c in t.columns else ibis.null(types[c]) for c in columns}) for t in tables
        ]
        rows = tables[0] if len(tables) == 1 else ibis.union(*tables)
        if "customer_id" in rows.columns:
            rows = self.names.replaced(rows, "customer_id", self.known)
        keys = TABLES[name].key
        own, made, _rows = parts[0]
        made_key = f"{name}.{assembly.MADE.get(name)}" not in made.rows.columns and name in assembly.MADE
        unique = len(parts) == 1 and (not own or made.unique or (made_key and len(made.sheets) == 1))
        if not unique:
            rows = _stored(self.connection, rows, f"new_{name}")
            unique = no_key_twice(rows, keys)
        if not unique:
            once = _stored(self.connection, assembly.one_each(rows, keys), f"once_{name}")
            self._merged(name, rows)
            rows = once
        whole = self._whole(name, rows, parts)
        if whole is None:
            return None
        rows = whole.drop("_order")
        rows = _stored(self.connection, rows, f"own_{name}") if name in self.earlier else self._sorted(name, rows)
        amount = AMOUNTS.get(name)
        if amount in rows.columns and f"{name}.read" in self.money and all(o for o, _made, _rows in parts):
            after = Decimal(rows.aggregate(x=rows[amount].sum()).to_pyarrow().to_pylist()[0]["x"] or 0)
            left = sum((self._left(m, amount) for _own, m, _rows in parts), self.money.get(f"{name}.repeated", Decimal(0)))
            rounded, cells = self.rounded.get(name, (Decimal(0), 0))
            self.quality.add(
                checks.money(
                    "", name, amount, before=self.money[f"{name}.read"], after=after, left_out=left,
                    refunds=self.refunded.get(name, Decimal(0)), rounded=rounded, cells=cells,
                )
            )  # fmt: skip
        return rows

    def ordered(self, tables: dict[str, Table], new: Mapping[str, Table]) -> dict[str, Table]:
        """The tables with the orders of lines that have none, where files of lines make all orders: some say more of theirs.

        A file of orders says which there are; lines of others are then orphans, as their number may be written in another way.
        """
        if not {"orders", "order_lines"} <= set(tables) or any(s.table == "orders" for s in self.said.sources):
            return tables
        orders, lines = tables["orders"], tables["order_lines"]
        if "orders" in self.earlier and "order_lines" in self.earlier and "order_lines" in new:
            # Orders that were made of lines before are made again where lines have changed or come.
            before, old = engine.orders_of(self.earlier["order_lines"]), self.earlier["orders"]
            own = [c for c in before.columns if c in old.columns]
            bare = ibis.and_(*(old[c].isnull() for c in old.columns if c not in own))
            same = old.filter(bare).semi_join(before, [old[c].identical_to(before[c]) for c in own])
            touched = same.semi_join(new["order_lines"], "order_id")
            touched = touched.anti_join(new["orders"], "order_id") if "orders" in new else touched
            orders = orders.anti_join(touched, "order_id")
        made = engine.orders_of(lines.filter(lines.order_id.notnull()).anti_join(orders, "order_id"))
        made = _stored(self.connection, made, "orders_of_lines")
        n = int(made.count().to_pandas())
        if not n:
            return tables
        types = {**{c: made[c].type() for c in made.columns}, **{c: orders[c].type() for c in orders.columns}}
        both = [
            t.select(**{c: t[c].cast(k) if c in t.columns else ibis.null(k) for c, k in types.items()}) for t in (orders, made)
        ]
        money = Decimal(made.aggregate(x=made.order_amount.sum()).to_pyarrow().to_pylist()[0]["x"] or 0)
        self.quality.add(
            Line(
                "", "orders", "order_id", "orders_of_lines", "note", n,
                message=N_("Orders of which only their lines were sent: {n}. They were made from their lines: the first day, and "
                           "the sum of the amounts, {money}."),
                values={"n": n, "money": money},
            )
        )  # fmt: skip
        return {**tables, "orders": _stored(self.connection, _union(both), "orders_whole")}

    def _sorted(self, name: str, rows: Table) -> Table:
        """A contract table as it is written, once and for all."""
        self.files[name] = path = staging.new_file(self.connection, ".parquet")
        snapshots.write_table(name, rows, path)
        return self.connection.read_parquet(path, table_name=f"sorted_{name}")

    @staticmethod
    def _left(made: Wide, amount: str) -> Decimal:
        rows = made.rows.filter(made.rows._out != KEPT)
        if f"{made.source.table}.{amount}" not in rows.columns:
            return Decimal(0)
        column = rows._gross if "_gross" in rows.columns else rows[f"{made.source.table}.{amount}"]
        return Decimal(rows.aggregate(x=column.sum()).to_pyarrow().to_pylist()[0]["x"] or 0)

    def _merged(self, name: str, rows: Table) -> None:
        """Rows of a table's own files that share their key; that another file speaks of the same key repeats nothing."""
        keys, amount = TABLES[name].key, AMOUNTS.get(name)
        rows = rows.filter(rows._order >= _OWN)
        total, distinct = (int(t.count().to_pandas()) for t in (rows, rows.select(*keys).distinct()))
        if distinct == total:
            return
        if amount in rows.columns:
            once = assembly.one_each(rows, keys)
            sums = [Decimal(t.aggregate(x=t[amount].sum()).to_pyarrow().to_pylist()[0]["x"] or 0) for t in (rows, once)]
            self.money[f"{name}.repeated"] = sums[0] - sums[1]
        self.quality.add(
            Line(
                "", name, " + ".join(keys), "duplicate_keys", "warning", total - distinct, total,
                message=N_("Rows that share their key with a later row: {n} of {of}. "
                           "They became one row; of each column the last value counts."),
                fix=N_("Check whether files overlap, or whether another column belongs to the key."),
                values={"n": total - distinct, "of": total},
            )
        )  # fmt: skip

    def _people(self, done: Sequence[Wide]) -> Table | None:
        """Raw ids and direct identifiers of all customers of the files, one row for each raw id."""
        parts = []
        for number, made in enumerate(done):
            key = assembly.home("customer_id", "customers", made.rows.columns)
            if not key:
                continue
            ids = self.customers[number, key].rename(raw_id="text")
            parts.append(ids.mutate(_order=ibis.literal(-1, type="int64"), source=ibis.literal(made.name)))
            known = assembly.vault_rows(made, "customers")
            if known is not None:
                own = _OWN * (made.source.table == "customers") + number * 2**56
                parts.append(known.mutate(_order=known._order + own, source=ibis.literal(made.name)))
        if not parts:
            return None
        people = assembly.one_each(_united(parts), ["raw_id"])
        people = self.names.replaced(people.mutate(customer_id=people.raw_id), "customer_id", self.known).drop("_order")
        return _stored(self.connection, people, "people")

    def _contacts(self, done: Sequence[Wide]) -> Table | None:
        parts = [(m, k) for m in done if (k := assembly.vault_rows(m, "contacts")) is not None]
        if not parts:
            return None
        united = _united([k.mutate(source=ibis.literal(m.name)) for m, k in parts]).drop("_order").distinct()
        named = self.names.replaced(united.mutate(customer_id=united.raw_id), "customer_id", self.known)
        return _stored(self.connection, named, "contacts")


def _kept(
    run: _Run, new: dict[str, Table], people: Table | None, contacts: Table | None,
    strict: Collection[str], snapshot: str, dry: bool, similar: bool,
    book: snapshots.Ledger, again: bool, digests: dict[str, str], settled: str,
) -> Imported:  # fmt: skip
    """Join the new tables to the earlier ones, decide who is one person, check everything, and only then write."""
    project, quality, connection = run.project, run.quality, run.connection
    gone = erasure.erased(project)
    tables = new
    if run.earlier:
        tables, lines = snapshots.merged(run.earlier, new)
        came = returning_files.superseded(
            run.earlier, new, run.known_contents, run.contents, run.changed, run.several, connection
        )
        quality.extend([*came, *lines])
    tables = run.ordered(tables, new)
    added = {n: int(t.count().to_pandas()) for n, t in new.items()} if run.earlier else {}
    if gone:
        theirs = erasure.theirs(tables, gone)
        tables = erasure.without(tables, gone)
        people, contacts = (p if p is None else p.filter(~p.customer_id.isin(list(gone))) for p in (people, contacts))
        if theirs:
            quality.add(
                Line(
                    "", "customers", "customer_id", "erased", "note", theirs,
                    message=N_("Rows of erased customers: {n}. Their orders count without a customer, all else was left out."),
                    values={"n": theirs},
                )
            )  # fmt: skip
    pairs = identity.decisions(project)
    proposed: list[identity.Pair] = []
    if people is not None or (similar and vault.holds(project, "customers")):
        earlier = vault.read(project, "customers", run.names) if people is None else None
        everybody = vault.updated(project, "customers", people, run.names) if earlier is None else earlier
        quality.extend([] if people is None else _zeros(people, everybody))
        proposed = [*identity.proposals(everybody), *(fuzzy.proposals(everybody) if similar else ())]
        proposed = list({(p.first, p.second): p for p in reversed(proposed)}.values())  # equal goes before similar
    known = {(p.first, p.second): p for p in (*proposed, *pairs)}
    if undecided := sum(p.decision == "proposed" for p in known.values()):
        quality.add(
            Line(
                "", "customers", "customer_id", "identity", "warning", undecided,
                message=N_("Pairs of customers who may be the same person: {n}. Nothing has been merged."),
                fix=N_("Decide each pair in data/identity.yml, then import again."), values={"n": undecided},
            )
        )  # fmt: skip
    tables, changed = identity.applied(tables, identity.merges(pairs))
    tables = {n: t if t is new.get(n) else _stored(connection, t, f"final_{n}") for n, t in tables.items()}
    ready = {n: run.files[n] for n, t in tables.items() if t is new.get(n) and n in run.files}
    if again and book.latest:
        lines = returning_files.made_anew(engine.read(project / snapshots.CONTRACT / book.latest, connection), tables)
        returning_files.refuse(run.replaced, lines)
        quality.extend(lines)
    found = checks.checks(tables, dt.date.today(), unique=ready)
    if not {"orders", "order_lines"} & set(tables):  # complaints or a survey alone are data too, if not enough for the notebooks
        found = [replace(x, severity="warning") if x.column == "*" else x for x in found]
    quality.extend(found)
    if not quality.balanced():
        raise RuntimeError(f"rows without a count: {quality.unbalanced()}")
    _refuse(quality, strict)
    rows = {n: int(t.count().to_pandas()) for n, t in tables.items()}
    result = Imported(None, quality, rows, run.money, run.said.questions, added=added)
    if new or again:
        result = replace(result, told=[x for x in quality.of(*returning_files.CHECKS) if not x.snapshot])
    name = snapshot or snapshots.name_for(_last_day(tables))
    there = project / snapshots.CONTRACT / name
    if name not in book.snapshots and there.is_dir() and engine.parquet_files(there):
        said = _("{folder}: tables lie there that were not imported, and this import would replace them. Move them, or give the "
                 "import a name of its own: fivestep import --snapshot NAME")  # fmt: skip
        raise UserError(said.format(folder=there.relative_to(project).as_posix()))
    if dry:
        return result
    if people is not None:
        vault.write(project, "customers", people, run.names)
    pairs = identity.record(project, proposed)
    if contacts is not None:
        vault.write(project, "contacts", contacts, run.names)
    continued = snapshots.Ledger() if again else book
    done = continued.following(name, digests, settled, identity.digest(pairs), run.contents)
    folder = snapshots.write(project, name, tables, quality, before=changed, key=run.names.fingerprint, done=done, ready=ready)
    return replace(result, folder=folder, replaces=book.latest if again and book.latest != name else "")


def _zeros(people: Table, everybody: Table) -> list[Line]:
    """By source of *people* the ids that *everybody* has with or without leading zeros as well: they are two customers now."""
    led = everybody.filter(everybody.raw_id.re_search(r"^0+[1-9]\d*$"))
    led = led.select(led=led.raw_id, bare=led.raw_id.re_replace("^0+", ""))
    both = led.semi_join(everybody.select(bare=everybody.raw_id), "bare")
    ids = ibis.union(both.select(raw_id=both.led), both.select(raw_id=both.bare)).distinct()
    found = people.semi_join(ids, "raw_id").group_by("source").aggregate(n=ibis._.count()).order_by("source")
    return [
        Line(
            row["source"], "customers", "customer_id", "leading_zeros", "warning", row["n"],
            message=N_("Customer ids that stand with leading zeros in one place and without them in another: {n}. They count as "
                       "different customers."),
            fix=N_("Ask for a CSV or text export of the file that a spreadsheet has taken the zeros from, or for the column "
                   "formatted as text."),
            values={"n": row["n"]},
        )
        for row in found.to_pyarrow().to_pylist()
    ]  # fmt: skip


def header_changes(source: Source, sheet: Sheet) -> list[str]:
    """What is different between the headers of a sheet and those of the mapping, one sentence each."""
    lost = _("{sheet}: the column {column!r} is gone, which {file} maps. Run `fivestep map` again and answer its questions.")
    new = _("{sheet}: the column {column!r} is new; {file} does not know it. Run `fivestep map` again and answer its questions.")
    out = [lost.format(sheet=sheet.source, column=h, file=FILE) for h in missing_columns(source, sheet)]
    named = {assembly.column(sheet, h) for h in source.columns}
    if source.others:
        return out
    return out + [new.format(sheet=sheet.source, column=c, file=FILE) for c in sheet.columns if c not in named]


def same_fields(source: Source, sheet: Sheet) -> list[str]:
    """What columns of a sheet fill one field without a word on which comes first, one sentence each."""
    there = {name: targets for h, targets in source.columns.items() if (name := assembly.column(sheet, h))}
    said = _("{sheet}: the columns {columns} are all mapped to {field}, and only one would be read. Map the others to another "
             "field or to drop; where one fills cells that are empty in the other, say {spec} of it in {file}.")  # fmt: skip
    found = mappings.same_field(there).items()
    spec = "{{to: {field}, rank: 2}}"
    return [
        said.format(sheet=sheet.source, columns=", ".join(several), field=to, spec=spec.format(field=to), file=FILE)
        for to, several in found
    ]


def missing_columns(source: Source, sheet: Sheet) -> list[str]:
    """The headers that the mapping uses, and that the sheet neither has nor fills by another one."""
    return [h for h in source.used if not assembly.column(sheet, h) and not _optional(source, h, sheet)]


def _optional(source: Source, header: str, sheet: Sheet) -> bool:
    """Whether another column of the sheet, at another rank, fills the same fields."""
    for target in source.columns[header]:
        others = (
            h for h, ts in source.columns.items() if h != header and any(t.to == target.to and t.rank != target.rank for t in ts)
        )
        if not any(assembly.column(sheet, h) for h in others):
            return False
    return True


def foreign(said: Iterable[str], currency: str) -> list[str]:
    """Those of the marks and names of currencies that are not *currency*."""
    return [m for m in said if currency not in _CURRENCIES.get(m, (_ALIASES.get(m.upper(), m.upper()),))]


def shown_at(sheet: Sheet, column: str, row: int) -> str:
    """The masked value of a cell."""
    cell = sheet.rows.filter(sheet.rows[ROW] == row).select(x=sheet.rows[column]).limit(1).to_pyarrow().to_pylist()
    return shown(cell[0]["x"]) if cell else ""


def _lone(sheet: Sheet, column: str) -> tuple[int, int, int, bool]:
    """Cells of a column like 1.234, the row of the first, its filled cells, and whether all of them have three decimals."""
    rows = sheet.rows.filter(sheet.rows[column].strip() != "")
    text = rows[column]
    either, threes = (
        text.contains(".").ifelse(text.re_search(rf"^[^\d.,]*(?:{p.pattern})[^\d.,]*$"), False)
        for p in (matching.EITHER, matching.THREES)
    )
    wanted = {"n": either.sum(), "first": rows[ROW].min(where=either), "of": rows.count(), "threes": threes.all()}
    seen = rows.aggregate(**wanted).to_pyarrow().to_pylist()[0]
    return seen["n"] or 0, seen["first"] or 0, seen["of"], bool(seen["threes"])


def _pinyin(source: Source, sheet: Sheet) -> dict[str, tuple[list[str], int]]:
    """Of the columns that are used the cells with pinyin among Chinese characters, and the filled cells that were looked at."""
    names = [c for c in dict.fromkeys(assembly.column(sheet, h) for h in source.used) if c and sheet.rows[c].type().is_string()]
    if not names:
        return {}
    sample = sheet.rows.select(**{f"c{i}": sheet.rows[c] for i, c in enumerate(names)}).limit(LOOKED_AT).to_pyarrow()
    filled = {c: [t for t in sample[f"c{i}"].to_pylist() if t] for i, c in enumerate(names)}
    return {c: (found, len(cells)) for c, cells in filled.items() if cells and (found := value_evidence.pinyin_noise(cells))}


def _phones_in_ids(source: Source, sheet: Sheet) -> dict[str, tuple[int, int, int]]:
    """Of the columns of ids that stay as they are: how many of the first hold a mobile number beside other signs, of how many,
    and the row of the first; a bare number of eleven digits may be counted up."""
    used = {c for h, targets in source.columns.items() for t in targets if _stays(t) and (c := assembly.column(sheet, h))}
    names = [c for c in sheet.columns if c in used and sheet.rows[c].type().is_string()]
    if not names:
        return {}
    sample = sheet.rows.select(row=sheet.rows[ROW], **{f"c{i}": sheet.rows[c] for i, c in enumerate(names)}).limit(LOOKED_AT)
    seen = sample.to_pyarrow().to_pydict()
    out = {}
    for i, name in enumerate(names):
        filled = [(row, t) for row, t in zip(seen["row"], seen[f"c{i}"], strict=True) if t]
        found = [row for row, t in filled if _PHONE_IN_ID.search(t)]
        if found:
            out[name] = (len(found), len(filled), min(found))
    return out


def _stays(target: mappings.Target) -> bool:
    """Whether a target is an id that stands in the tables as the file has it."""
    own = declared(target.to)
    return bool(own and own.is_id and own.pii != "pseudonym" and target.id != "hashed")


def _signs(sheet: Sheet, column: str) -> set[str]:
    """The decimal signs that some cell of a column can be read with only."""
    text = sheet.rows[column]
    if not text.type().is_string():  # read by the engine's own cast, and no cell was like 1.234
        return {"."} if sheet.rows.aggregate(x=(text != text.floor()).any()).to_pyarrow().to_pylist()[0]["x"] else set()
    asked = {s: text.re_search(rf"^[^\d.,]*(?:{p.pattern})[^\d.,]*$").any() for s, p in matching.DECIMALS.items()}
    return {s for s, found in sheet.rows.aggregate(**asked).to_pyarrow().to_pylist()[0].items() if found}


def _bare(name: StringValue) -> StringValue:
    """A name as names are compared: without case, blanks and points."""
    return conversion.plain(name).lower().re_replace(r"[\s.·]", "")


def _is_key(to: str) -> bool:
    own = declared(to)
    return bool(own and own.is_id)


def _is_needed_number(to: str) -> bool:
    return _is_needed(to, "money", "number", "integer")


def _is_needed(to: str, *types: str) -> bool:
    """Whether a field is required, and of one of these types."""
    own = declared(to)
    return bool(own and own.required and own.type in types)


def _united(parts: Sequence[Table]) -> Table:
    columns = dict.fromkeys(c for t in parts for c in t.columns)
    types = {c: next(t[c].type() for t in parts if c in t.columns) for c in columns}
    return _union([t.select(**{c: t[c] if c in t.columns else ibis.null(types[c]) for c in columns}) for t in parts])


def _union(parts: Sequence[Table]) -> Table:
    return parts[0] if len(parts) == 1 else ibis.union(*parts)


def _stored(connection: ibis.BaseBackend, rows: Table, name: str) -> Table:
    """The rows as a table of the engine, computed once."""
    part = f"{name}_new"
    connection.create_table(part, rows, overwrite=True)
    connection.raw_sql(f'DROP TABLE IF EXISTS "{name}"')
    connection.raw_sql(f'ALTER TABLE "{part}" RENAME TO "{name}"')
    return connection.table(name)


def _connect(folder: Path) -> ibis.BaseBackend:
    """An engine whose tables go to *folder* where they do not fit into memory, so that a file of any size can be read."""
    connection = ibis.duckdb.connect(temp_directory=str(folder))
    connection.raw_sql(f"SET memory_limit = '{MEMORY}'")
    connection.raw_sql("SET TimeZone = 'UTC'")
    # Shared parts of a conversion would be computed for every cell, also where the short way has given the value already.
    connection.raw_sql("SET disabled_optimizers = 'common_subexpressions'")
    return connection


def _earlier(project: Path, book: snapshots.Ledger, connection: ibis.BaseBackend) -> dict[str, Table]:
    """The tables of the latest snapshot as they were before customers were merged."""
    folder = project / snapshots.CONTRACT / book.latest
    tables = engine.read(folder, connection)
    return identity.undone(tables, snapshots.before_merges(project, book.latest, connection))


def _unchanged(
    project: Path, latest: str, said: mappings.Mapping, told: Sequence[Line] = (), strict: Collection[str] = ()
) -> Imported:
    """What the snapshot *latest* holds; raises UserError where its sheet has what *strict* forbids."""
    folder = project / snapshots.CONTRACT / latest
    path = folder / snapshots.SHEET
    quality = QualitySheet.from_json(path.read_text(encoding="utf-8")) if path.exists() else QualitySheet()
    _refuse(quality, strict, latest)
    rows = {x.table: x.rows for x in quality.of("rows_written")}
    return Imported(folder, quality, rows, {}, said.questions, new=False, told=told)


def _refuse(quality: QualitySheet, strict: Collection[str], latest: str = "") -> None:
    """Raise UserError where the sheet, of the new files or of the snapshot *latest*, has an error or what *strict* forbids."""
    stop = quality.fatal(strict)
    if stop:
        more = ["  " + _("... and {n} more").format(n=language.number(len(stop) - SHOWN))] if len(stop) > SHOWN else []
        said = [
            f"  {' / '.join(filter(None, (x.origin(), x.table, x.column)))}: {x.text()} {x.mend()}".rstrip() for x in stop[:SHOWN]
        ]
        head = _("Nothing was imported ({n} checks failed):")
        if latest:
            head = _("No file is new, but the snapshot {name} holds what --strict forbids ({n} checks failed):")
        raise UserError("\n".join([head.format(n=language.number(len(stop)), name=latest), *said, *more]))


def _last_day(tables: Mapping[str, Table]) -> dt.date | None:
    """The last day with an order, else of any table with a time; a day to come, which is mistyped, only where all are."""
    end = ibis.literal(dt.date.today() + dt.timedelta(days=1))
    ranked = sorted((n for n in tables if TABLES[n].time in tables[n].columns), key=lambda n: n not in ("orders", "order_lines"))
    days = []
    for name in ranked:
        if days and name not in ("orders", "order_lines"):
            break
        column = tables[name][TABLES[name].time].cast("date")
        seen = tables[name].aggregate(day=column.max(where=column <= end), later=column.max()).to_pyarrow().to_pylist()[0]
        day = seen["day"] or seen["later"]
        days += [day] if day else []
    return max(days, default=None)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def summary(done: Imported) -> list[str]:
    """The import in a few lines: rows and money of the snapshot and the new files, files that came again, the gravest warnings,
    open questions."""
    if not done.new:
        return [_("Nothing new: these files are imported already, as mapping.yml says."), *_shortened(done.told)]
    out = []
    for table, n in done.rows.items():
        said = _("{table}: {n} rows in all, {added} in the new files") if table in done.added else _("{table}: {n} rows")
        values = {"n": language.number(n), "added": language.number(done.added.get(table, 0))}
        out.append(said.format(table=table_name(table), **values))
    total = {x.table: x.values["net"] for x in done.quality.of("money") if not x.source and "net" in x.values}
    for key in done.money:
        table, _dot, kind = key.partition(".")
        if kind == "net":
            gross, back, net = (language.money(done.money[f"{table}.{k}"], 2) for k in ("gross", "refunds", "net"))
            said = _("{table}: {gross} gross, {refunds} refunded, {net} net")
            if table in done.added:
                said = _("{table}, new files: {gross} gross, {refunds} refunded, {net} net")
            out.append(said.format(table=table_name(table), gross=gross, refunds=back, net=net))
    for table, net in total.items():
        if table in done.added or net != done.money.get(f"{table}.net", net):
            said = _("{table}, whole snapshot: {net} net")
            out.append(said.format(table=table_name(table), net=language.money(net, 2)))
    out += _shortened([x for x in done.told if x.values.get("differs", True)])
    warnings = [x for x in done.quality.lines if x.severity == "warning" and not x.snapshot]
    out.append(_("Warnings: {n}; see quality.html beside the tables.").format(n=language.number(len(warnings))))
    if before := sum(x.severity == "warning" and bool(x.snapshot) for x in done.quality.lines):
        out.append(_("Warnings on files imported before: {n}").format(n=language.number(before)))
    out += [f"  {line}" for line in _gravest([x for x in warnings if x.check not in returning_files.CHECKS])]
    if done.replaces:
        said = _(
            "Snapshot {name}, made before all was imported again, stays in {contract}/ and is no longer the latest. "
            "Remove its folder where it is wrong."
        )
        out.append(said.format(name=done.replaces, contract=snapshots.CONTRACT.as_posix()))
    if done.questions:
        out.append(
            _("Open questions in mapping.yml: {n}. Their columns were left out.").format(n=language.number(done.questions))
        )
    return out


def _shortened(lines: Sequence[Line]) -> list[str]:
    more = [_("... and {n} more").format(n=language.number(len(lines) - TOLD))] if len(lines) > TOLD else []
    ranked = sorted(lines, key=lambda x: x.severity != "warning")
    return [": ".join(filter(None, (x.place(), f"{x.text()} {x.mend()}".rstrip()))) for x in ranked[:TOLD]] + more


def _gravest(warnings: Sequence[Line]) -> list[str]:
    """Of the gravest kinds of warnings the line with the most rows, and how many more there are of its kind."""
    ranks = {check: rank for rank, check in enumerate(GRAVE)}
    kinds: dict[str, list[Line]] = {}
    for line in warnings:
        kinds.setdefault(line.check, []).append(line)
    chosen = sorted(kinds.values(), key=lambda k: (ranks.get(k[0].check, len(GRAVE)), -max(x.rows for x in k), k[0].check))[:3]
    out = []
    for lines in chosen:
        worst = max(lines, key=lambda x: x.rows)  # of several, the first
        more = " " + _("(more of this kind: {n})").format(n=language.number(len(lines) - 1)) if len(lines) > 1 else ""
        out.append(f"{worst.place()}: {worst.text()}{more}")
    return out
