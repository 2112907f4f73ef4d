"""`fivestep import`: files and mapping in, a snapshot of contract tables and its quality sheet out; loud on changes."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import ibis
from ibis.expr.types import BooleanValue, StringValue, Table, Value

from fivestep import engine, language
from fivestep.contract import TABLES, headers
from fivestep.contract.validation import no_key_twice
from fivestep.errors import UserError
from fivestep.intake import assembly, checks, conversion, erasure, files, forms, fuzzy, identity, matching, snapshots, staging
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
    MASKED,
    NOT_PARSED,
    OFFSET,
    POUND,
    PRECISION_LOST,
    UNIT,
    UNKNOWN_VALUE,
    YUAN,
)  # fmt: skip
from fivestep.intake.mapping import ASK, DROP, FILE, Source
from fivestep.intake.quality import Line, QualitySheet, table_name
from fivestep.intake.refunds import refunds
from fivestep.intake.scratch import Scratch
from fivestep.intake.sheet import ROW, Sheet
from fivestep.language import N_, _
from fivestep.privacy import vault
from fivestep.privacy.pseudonyms import Pseudonyms

RAW = Path("data", "raw")
MEMORY = "1300MB"  # of the engine; more goes to disk, so that any size of file can be read
ORDER = ("customers", "contacts", "products", "campaigns", "orders", "opportunities")  # what others look up comes first
SHOWN = 20  # problems named in one error

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
    OFFSET: (
        "time_zone", "note", N_("Times of {column} with an offset from UTC: {n} of {of}. They are shown in {zone}."), "",
    ),
    PERSONAL: (
        "personal", "warning",
        N_("{column} was to be kept as it is, but holds phone numbers or e-mail addresses ({n} of {of}). It was left out."),
        N_("Map it to phone or email of customers, or drop it."),
    ),
}  # fmt: skip


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
    """What an import left: its folder (None for a dry run), the quality sheet, rows by table, and whether anything was new."""

    folder: Path | None
    quality: QualitySheet
    rows: Mapping[str, int] = field(default_factory=dict)
    money: Mapping[str, Decimal] = field(default_factory=dict)
    questions: int = 0
    new: bool = True


def import_(
    project: Path, settings: Settings, *,
    strict: Collection[str] = (), snapshot: str = "", dry: bool = False, similar: bool = False,
) -> Imported:  # fmt: skip
    """Import the files in data/raw/ that are new, as mapping.yml says, into a snapshot of contract tables.

    *strict* names checks whose warnings are fatal; *snapshot* names the folder (by default the last day of the data);
    *dry* writes nothing; *similar* proposes customers who are alike, too, as one person (`fuzzy`). The same files with the same
    mapping change nothing. Raises UserError for a header that the mapping does not know or misses, for anything ambiguous that
    the mapping does not settle, for what *strict* forbids, and for *similar* where Splink is not installed; then nothing is
    written.
    """
    if similar:
        fuzzy.check()
    said = mappings.read(project)
    paths = raw_files(project, said)
    book = snapshots.ledger(project)
    names = Pseudonyms.from_environment_or_file(project, settings.client, expected=book.key)
    settled = hashlib.sha256((project / FILE).read_bytes() + f"{settings.time_zone} {settings.currency}".encode()).hexdigest()
    before = book.snapshots.get(book.latest)
    again = before is None or before.mapping != settled
    with Scratch() as folder:
        connection = _connect(folder)
        try:
            queried = {s.source: s for s in read_databases(project, said, connection)}
            digests = {n: _digest(p) for n, p in paths.items()} | {n: s.sha256 for n, s in queried.items()}
            if again:
                _still_there(book, digests)
                chosen = snapshots.Ledger().fresh(digests, "")
            else:
                chosen = book.fresh(digests, book.latest)
                decided = identity.digest(identity.decisions(project))
                if not (chosen or similar) and decided == before.identity and (not snapshot or snapshot == book.latest):
                    return _unchanged(project, book.latest, said)
            run = _Run(project, settings, said, connection, names, {} if again else _earlier(project, book, connection))
            if chosen:
                new, people, contacts = run.tables(
                    {n: paths[n] for n in chosen if n in paths}, [queried[n] for n in chosen if n in queried]
                )
            else:  # only decisions about customers, or the name of the snapshot, have changed
                new, people, contacts = {}, None, None
                run.quality.extend(x for x in _unchanged(project, book.latest, said).quality.lines if x.source)
            return _kept(run, new, people, contacts, strict, snapshot, dry, similar, book, again, digests, settled)
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
        raise UserError(f"{RAW.as_posix()}/ holds no files. Put what the client sent there.")
    return {p.relative_to(root).as_posix(): p for p in found}


def read_sheets(path: Path, root: Path, said: mappings.Mapping, connection: ibis.BaseBackend, zone: str = "") -> list[Sheet]:
    """The sheets of one file, read as its source in the mapping says; *zone*, of the engagement, is given by an import."""

    def quick(name: str, columns: Sequence[str], cells: Sequence[StringValue]) -> dict[int, tuple[Value, BooleanValue]]:
        source = said.source(name)
        return assembly.quick(source, columns, cells, zone) if source and source.table else {}

    name = path.relative_to(root).as_posix()
    own = next((s.read for s in said.sources if s.read != mappings.Read() and _of_file(s, name)), mappings.Read())
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
            raise UserError(f"{FILE}: {name} is the name of a file in {RAW.as_posix()}/. Give the database another one.")
        url, variable = source.database.url, source.database.password
        if variable and not os.environ.get(variable):
            raise UserError(f"{FILE}: {name}: the password is missing. Set the environment variable {variable}.")
        read = files.database(
            url, source.database.query or source.database.table, connection, root=project, password=os.environ.get(variable, "")
        )
        out.append(replace(read, source=name))
    return out


def _of_file(source: Source, name: str) -> bool:
    return source.matches(name) or any(p.partition("#")[0].startswith((name + "/", name + "#")) for p in source.files)


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
        self.customers: dict[tuple[int, str], Table] = {}  # of each source and column their texts
        self.known: Table | None = None
        self.files: dict[str, Path] = {}  # of the contract tables of the new files, as they are written

    def tables(self, paths: Mapping[str, Path], queried: Sequence[Sheet]) -> tuple[dict[str, Table], Table | None, Table | None]:
        """The contract tables of files and databases, and the direct identifiers of customers and of contact persons."""
        grouped = self._grouped(paths, queried)
        orders = any(s.table == "orders" for s in grouped) or "orders" in self.earlier
        problems = [
            f"{FILE}: {s.files[0]}: no column is {field} ({TABLES[s.table].fields[field.partition('.')[2]].description}), which "
            f"every row of {s.table} needs. Map the column that says it, in {FILE} or with: fivestep map --ask"
            + (", or say table: orders where the file has no products." if field == "order_lines.product_id" else "")
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
            made = assembly.finished(made, self.connection, self._orders(done), self._lookups(done, made), f"joined{number}")
            made = assembly.without_repeats(made, self.connection, f"once{number}")
            made = self._counted(made)
            self._nobody(made)
            self._stages(made)
            done.append(made)
        self._refunded_twice(done)
        self._hashed(done)
        return self._contract(done), self._people(done), self._contacts(done)

    def _hashed(self, done: Sequence[Wide]) -> None:
        """The customers of every source by their raw ids, and the pseudonyms of all of them, each made once."""
        for number, made in enumerate(done):
            rows = made.rows.filter(made.rows._out == KEPT)
            for i, column in enumerate(c for c in rows.columns if c.endswith(".customer_id")):
                texts = rows.select(text=rows[column]).filter(ibis._.text.notnull()).distinct()
                self.customers[number, column] = _stored(self.connection, texts, f"customers{number}_{i}")
        if self.customers:
            self.known = _stored(self.connection, self.names.known(_union([*self.customers.values()])), "pseudonyms")

    # ------------------------------------------------------------ files
    def _grouped(self, paths: Mapping[str, Path], queried: Sequence[Sheet]) -> dict[Source, list[Sheet]]:
        root = self.project / RAW
        grouped: dict[Source, list[Sheet]] = {}
        unknown, changed = [], []
        wanted = [p for p in paths.values() if not self.said.ignored(p.relative_to(root).as_posix())]
        zone = self.settings.time_zone
        read = (sheet for path in wanted for sheet in read_sheets(path, root, self.said, self.connection, zone))
        for sheet in itertools.chain(read, queried):
            if self.said.ignored(sheet.source):
                continue
            source = self.said.source(sheet.source) or forms.source(sheet)
            if source is None and forms.lists_questions(sheet):
                continue
            if source is None or not source.table:
                unknown.append(sheet.source)
                continue
            changed += header_changes(source, sheet)
            grouped.setdefault(source, []).append(sheet)
        if unknown:
            some = ", ".join(unknown[:SHOWN])
            raise UserError(f"{FILE} does not say what {some} is. Run `fivestep map` again, or name it under `ignore:`.")
        if changed:
            more = [f"... and {len(changed) - SHOWN} more"] if len(changed) > SHOWN else []
            raise UserError("\n".join([*changed[:SHOWN], *more]))
        if not grouped:
            raise UserError(f"{RAW.as_posix()}/: every file is ignored by {FILE}. Nothing to import.")
        for source, sheets in grouped.items():
            for sheet in sheets:
                self._read(source, sheet)
        named = [s for s in self.said.sources if s in grouped]
        return {s: grouped[s] for s in (*named, *(s for s in grouped if s not in named))}

    def _read(self, source: Source, sheet: Sheet) -> None:
        add = self.quality.add
        for note in sheet.notes:
            column = note.column
            add(
                Line(
                    sheet.source, source.table, column, note.check, note.severity, note.rows, 0, note.first_row,
                    note.message, note.fix, dict(note.values),
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
        if source.time_zone and source.time_zone != self.settings.time_zone:
            add(
                Line(
                    sheet.source, source.table, "", "time_zone", "note",
                    message=N_("Times without an offset are those of {own}, and are shown in {zone}. 00:00 stands for a day."),
                    values={"own": source.time_zone, "zone": self.settings.time_zone},
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
            raise UserError(f"{FILE}: {made.name}: no column is mapped. Run: fivestep map --ask")
        mask: dict[str, int | None] = {c.state: 0 for c in made.cells}
        if not made.plain:
            masks = rows.aggregate(**{c.state: (ibis.literal(1) << rows[c.state].cast("int64")).bit_or() for c in made.cells})
            mask = masks.to_pyarrow().to_pylist()[0]
        found = [(c, s) for c in made.cells for s in range(1, 16) if (mask[c.state] or 0) >> s & 1]
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
        self._units(made, found)
        made = self._shares(made)
        personal = {f"keep.{c.target.name or mappings.extra_name(c.header)}" for c, s in found if s == PERSONAL}
        if personal:
            made = replace(made, extras={k: v for k, v in made.extras.items() if k not in personal})
        self._currency(made)
        return made

    def _state(self, made: Wide, cell: assembly.Cells, state: int, sheet: Sheet, rows: int, first: int) -> None:
        column = assembly.column(sheet, cell.header) or cell.header
        table = cell.target.to.partition(".")[0] if cell.target.target else made.source.table
        of = int(sheet.rows[column].count().to_pandas())
        where = f"{sheet.source}: {column}"
        if state == AMBIGUOUS_DATE:
            raise UserError(
                f"{where}: {rows:,} dates like {shown_at(sheet, column, first)} (row {first:,}) may be day/month or month/day. "
                f"Say `date_order: dmy` or `date_order: mdy` for {made.name} in {FILE}."
            )
        if state == PRECISION_LOST and _is_key(cell.target.to):
            raise UserError(
                f"{where}: {rows:,} ids have lost digits in a spreadsheet (first: row {first:,}), so they cannot be a key. "
                "Ask for a CSV or text export of this file, or for the column formatted as text."
            )
        if state == NOT_PARSED and 2 * rows > of and _is_needed_number(cell.target.to):
            raise UserError(
                f"{where}: {rows:,} of {of:,} cells, such as {shown_at(sheet, column, first)} (row {first:,}), are no numbers as "
                f"{FILE} reads them, and every row of {table} needs {cell.target.to}. {self._cure(made, sheet, column)}"
            )
        said = _STATES.get(state)
        if said is None:
            return
        check, severity, message, fix = said
        values: dict[str, Any] = {"column": column, "n": rows, "of": of, "field": cell.target.to, "zone": self.settings.time_zone}
        values["sample"] = shown_at(sheet, column, first)
        self.quality.add(Line(sheet.source, table, column, check, severity, rows, of, first, message, fix, values))

    def _cure(self, made: Wide, sheet: Sheet, column: str) -> str:
        """What makes the numbers readable: the other decimal sign, where the cells are written with it, or another column."""
        sign = "," if made.source.decimal != "," else "."
        cells = sheet.rows.filter(sheet.rows[column].contains(sign)).select(x=sheet.rows[column]).limit(1_000).to_pyarrow()
        if sign in matching.decimals(cells["x"].to_pylist()):
            return f'Say `decimal: "{sign}"` for {made.name} in {FILE}.'
        return "Map the right column, or ask the client what the cells mean."

    def _units(self, made: Wide, found: Sequence[tuple[assembly.Cells, int]]) -> None:
        """Money in two units or two currencies in one column, or in another currency than the engagement's, is never added up."""
        rows = made.rows
        for cell in dict.fromkeys(c for c, s in found if s == UNIT or s in _MARKS):
            states = {s for c, s in found if c == cell}
            if cell.target.target is None or cell.target.target.kind != "money":
                continue
            unit = cell.target.unit or headers.header(cell.header).unit
            if UNIT in states and not unit and cell.target.to in rows.columns:
                bare = rows.filter((rows[cell.state] != UNIT) & (rows[cell.target.to] != 0))
                if n := int(bare.count().to_pandas()):
                    raise UserError(
                        f"{made.name}: {cell.header}: some amounts are in 万 and {n:,} have no unit. "
                        f"Say what a bare number is: {{to: {cell.target.to}, unit: 元}} (or 万元) in {FILE}."
                    )
            marks = [_MARKS[s] for s in sorted(states & set(_MARKS))]
            if len(marks) > 1:
                raise UserError(
                    f"{made.name}: {cell.header}: amounts in several currencies ({', '.join(marks)}) in one column. "
                    "Split the file by currency, or leave rows out with `exclude:`."
                )
            if marks and self.settings.currency not in _CURRENCIES[marks[0]]:
                raise UserError(
                    f"{made.name}: {cell.header}: amounts are marked {marks[0]}, but engagement.yml says "
                    f"{self.settings.currency}. "
                    "Correct the currency there, or convert the file."
                )

    def _shares(self, made: Wide) -> Wide:
        """Percentages without a sign: where one of them goes beyond 1, those of the column are hundredths."""
        columns = {
            c.target.to: c.state
            for c in made.cells
            if c.target.target and c.target.target.kind == "percent" and c.target.to in made.rows.columns
            and not (c.target.unit or headers.header(c.header).unit)
        }  # fmt: skip
        if not columns:
            return made
        rows = made.rows
        most = rows.aggregate(**{c: rows[c].abs().max(where=rows[state] != UNIT) for c, state in columns.items()})
        most = most.to_pyarrow().to_pylist()[0]
        wrong = {c: (rows[s] == UNIT).ifelse(rows[c], rows[c] / 100) for c, s in columns.items() if (most[c] or 0) > 1}
        return replace(made, rows=_stored(self.connection, rows.mutate(**wrong), rows.get_name())) if wrong else made

    def _currency(self, made: Wide) -> None:
        if "orders.currency" not in made.rows.columns:
            return
        rows = made.rows.filter(made.rows._out == KEPT)
        seen = rows.select(c=rows["orders.currency"].upper()).distinct().filter(ibis._.c.notnull()).order_by("c").to_pandas()["c"]
        others = [c for c in seen if _ALIASES.get(c, c) != self.settings.currency]
        if others:
            raise UserError(
                f"{made.name}: there are orders in {', '.join(others[:5])}, but engagement.yml says {self.settings.currency}. "
                f"Leave them out with `exclude: {{orders.currency: [{others[0]}]}}` in {FILE}, or convert them before the import."
            )

    # ------------------------------------------------------------ rows
    def _counted(self, made: Wide) -> Wide:
        """Every row of every file, kept or left out for a reason; money before and after; gross and net."""
        rows, table = made.rows, made.source.table
        first = rows.filter(rows._item == 0)
        seen = first.group_by("_file", "_out").aggregate(n=first.count(), first=first._order.min())
        counts = {(r["_file"], r["_out"]): (r["n"], r["first"] % assembly._SPAN) for r in seen.to_pyarrow().to_pylist()}
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
            INCOMPLETE: N_("Ask for the values, or map the right column."),
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
        self._looked_up(made)
        line, sums = refunds(made)
        if line:
            self.quality.add(line)
            for key in ("gross", "refunds", "net"):
                self.money[f"{table}.{key}"] = self.money.get(f"{table}.{key}", Decimal(0)) + sums[key]
            self.money[f"{table}.read"] = self.money.get(f"{table}.read", Decimal(0)) + sums["read"]
        return made

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
            if parts:
                out[name] = self._one(name, parts)
        return out

    def _one(self, name: str, parts: list[tuple[bool, Wide, Table]]) -> Table:
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
        rows = rows.drop("_order")
        rows = _stored(self.connection, rows, f"own_{name}") if name in self.earlier else self._sorted(name, rows)
        amount = AMOUNTS.get(name)
        if amount in rows.columns and f"{name}.read" in self.money and all(o for o, _made, _rows in parts):
            after = Decimal(rows.aggregate(x=rows[amount].sum()).to_pyarrow().to_pylist()[0]["x"] or 0)
            left = self.money[f"{name}.read"] - self.money[f"{name}.kept"] if f"{name}.kept" in self.money else None
            if left is None:
                left = sum((self._left(m, amount) for _own, m, _rows in parts), Decimal(0)) + self.money.get(
                    f"{name}.repeated", Decimal(0)
                )
            self.quality.add(checks.money("", name, amount, before=self.money[f"{name}.read"], after=after, left_out=left))
        return rows

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
        column = rows[f"{made.source.table}.{amount}"]
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
        quality.extend(lines)
    if gone:
        again = erasure.theirs(tables, gone)
        tables = erasure.without(tables, gone)
        people, contacts = (p if p is None else p.filter(~p.customer_id.isin(list(gone))) for p in (people, contacts))
        quality.add(
            Line(
                "", "customers", "customer_id", "erased", "note", again,
                message=N_("Rows of erased customers: {n}. Their orders count without a customer, all else was left out."),
                values={"n": again},
            )
        )  # fmt: skip
    pairs = identity.decisions(project)
    proposed: list[identity.Pair] = []
    if people is not None or (similar and vault.holds(project, "customers")):
        earlier = vault.read(project, "customers", run.names) if people is None else None
        everybody = vault.updated(project, "customers", people, run.names) if earlier is None else earlier
        proposed = [*identity.proposals(everybody), *(fuzzy.proposals(everybody) if similar else ())]
        proposed = list({(p.first, p.second): p for p in reversed(proposed)}.values())  # equal goes before similar
        known = {(p.first, p.second) for p in pairs}
        fresh = [p for p in proposed if (p.first, p.second) not in known]
        if fresh:
            quality.add(
                Line(
                    "", "customers", "customer_id", "identity", "warning", len(fresh),
                    message=N_("Pairs of customers who may be the same person: {n}. Nothing has been merged."),
                    fix=N_("Decide each pair in data/identity.yml, then import again."), values={"n": len(fresh)},
                )
            )  # fmt: skip
    tables, changed = identity.applied(tables, identity.merges(pairs))
    tables = {n: t if t is new.get(n) else _stored(connection, t, f"final_{n}") for n, t in tables.items()}
    ready = {n: run.files[n] for n, t in tables.items() if t is new.get(n) and n in run.files}
    found = checks.checks(tables, dt.date.today(), unique=ready)
    if not {"orders", "order_lines"} & set(tables):  # complaints or a survey alone are data too, if not enough for the notebooks
        found = [replace(x, severity="warning") if x.column == "*" else x for x in found]
    quality.extend(found)
    if not quality.balanced():
        raise RuntimeError(f"rows without a count: {quality.unbalanced()}")
    stop = quality.fatal(strict)
    rows = {n: int(t.count().to_pandas()) for n, t in tables.items()}
    if stop:
        more = [f"  ... and {len(stop) - SHOWN} more"] if len(stop) > SHOWN else []
        said = [
            f"  {' / '.join(filter(None, (x.source, x.table, x.column)))}: {x.text()} {x.mend()}".rstrip() for x in stop[:SHOWN]
        ]
        raise UserError("\n".join([f"Nothing was imported ({len(stop)} checks failed):", *said, *more]))
    result = Imported(None, quality, rows, run.money, run.said.questions)
    if dry:
        return result
    if people is not None:
        vault.write(project, "customers", people, run.names)
    pairs = identity.record(project, proposed)
    if contacts is not None:
        vault.write(project, "contacts", contacts, run.names)
    name = snapshot or snapshots.name_for(_last_day(tables))
    same = name == book.latest
    held = book.snapshots[book.latest] if book.latest and not again else None
    done = snapshots.Import(
        previous=(held.previous if same else book.latest) if held else "",
        files={**(held.files if held and same else {}), **digests},
        mapping=settled,
        identity=identity.digest(pairs),
    )
    folder = snapshots.write(project, name, tables, quality, before=changed, key=run.names.fingerprint, done=done, ready=ready)
    return replace(result, folder=folder)


def header_changes(source: Source, sheet: Sheet) -> list[str]:
    """What is different between the headers of a sheet and those of the mapping, one sentence each."""
    fix = "Run `fivestep map` again and answer its questions."
    used = {h for h, targets in source.columns.items() if any(t.to not in (DROP, ASK) for t in targets)}
    named = {name: h for h in source.columns if (name := assembly.column(sheet, h))}
    gone = [h for h in source.columns if h in used and h not in named.values()]
    out = [f"{sheet.source}: the column {h!r} is gone, which {FILE} maps. {fix}" for h in gone if not _optional(source, h, sheet)]
    if source.others:
        return out
    return out + [
        f"{sheet.source}: the column {c!r} is new; {FILE} does not know it. {fix}" for c in sheet.columns if c not in named
    ]


def _optional(source: Source, header: str, sheet: Sheet) -> bool:
    """Whether another column of the sheet, at another rank, fills the same fields."""
    for target in source.columns[header]:
        others = (
            h for h, ts in source.columns.items() if h != header and any(t.to == target.to and t.rank != target.rank for t in ts)
        )
        if not any(assembly.column(sheet, h) for h in others):
            return False
    return True


def shown_at(sheet: Sheet, column: str, row: int) -> str:
    """The masked value of a cell."""
    cell = sheet.rows.filter(sheet.rows[ROW] == row).select(x=sheet.rows[column]).limit(1).to_pyarrow().to_pylist()
    return shown(cell[0]["x"]) if cell else ""


def _is_key(to: str) -> bool:
    table, _, name = to.partition(".")
    declared = TABLES[table].fields.get(name) if table in TABLES else None
    return bool(declared and (declared.key or declared.refers))


def _is_needed_number(to: str) -> bool:
    table, _, name = to.partition(".")
    declared = TABLES[table].fields.get(name) if table in TABLES else None
    return bool(declared and declared.required and declared.type in ("money", "number", "integer"))


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


def _still_there(book: snapshots.Ledger, digests: Mapping[str, str]) -> None:
    """Raise UserError where a changed mapping would silently forget files that have been taken away since they were imported."""
    name, held = book.latest, {}
    while name in book.snapshots:
        held |= {digest: file for file, digest in book.snapshots[name].files.items()}
        name = book.snapshots[name].previous
    gone = sorted({file for digest, file in held.items() if digest not in set(digests.values())} - set(digests))
    if gone:
        raise UserError(
            f"{FILE} has changed since the last import, so everything is imported again, but {', '.join(gone[:5])} "
            f"{'is' if len(gone) == 1 else 'are'} no longer in {RAW.as_posix()}/. Put it back, or restore the earlier {FILE}."
        )


def _unchanged(project: Path, latest: str, said: mappings.Mapping) -> Imported:
    folder = project / snapshots.CONTRACT / latest
    path = folder / snapshots.SHEET
    quality = QualitySheet.from_json(path.read_text(encoding="utf-8")) if path.exists() else QualitySheet()
    rows = {x.table: x.rows for x in quality.of("rows_written")}
    return Imported(folder, quality, rows, {}, said.questions, new=False)


def _last_day(tables: Mapping[str, Table]) -> dt.date | None:
    """The last day with an order, else of any table with a time."""
    ranked = sorted((n for n in tables if TABLES[n].time in tables[n].columns), key=lambda n: n not in ("orders", "order_lines"))
    days = []
    for name in ranked:
        if days and name not in ("orders", "order_lines"):
            break
        column = tables[name][TABLES[name].time].cast("date")
        day = tables[name].aggregate(day=column.max()).to_pyarrow().to_pylist()[0]["day"]
        days += [day] if day else []
    return max(days, default=None)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def summary(done: Imported) -> list[str]:
    """The import in a few lines: rows by table, gross and net, warnings, open questions."""
    if not done.new:
        return [_("Nothing new: these files are imported already, as mapping.yml says.")]
    out = [_("{table}: {n} rows").format(table=table_name(t), n=language.number(n)) for t, n in done.rows.items()]
    for key in done.money:
        table, _dot, kind = key.partition(".")
        if kind == "net":
            gross, back, net = (language.money(done.money[f"{table}.{k}"], 2) for k in ("gross", "refunds", "net"))
            said = _("{table}: {gross} gross, {refunds} refunded, {net} net")
            out.append(said.format(table=table_name(table), gross=gross, refunds=back, net=net))
    warnings = sum(x.severity == "warning" for x in done.quality.lines)
    out.append(_("Warnings: {n}; see quality.html beside the tables.").format(n=language.number(warnings)))
    if done.questions:
        out.append(
            _("Open questions in mapping.yml: {n}. Their columns were left out.").format(n=language.number(done.questions))
        )
    return out
