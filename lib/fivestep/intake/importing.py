"""`fivestep import`: files and mapping in, a snapshot of contract tables and its quality sheet out; loud on changes."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Protocol

import ibis
from filelock import FileLock, Timeout
from ibis.expr.types import Table

from fivestep import engine, language
from fivestep.contract import TABLES
from fivestep.contract.validation import no_key_twice
from fivestep.errors import UserError
from fivestep.intake import (
    assembly,
    checks,
    conversion,
    erasure,
    fuzzy,
    identity,
    returning_files,
    snapshots,
    sources,
    staging,
)
from fivestep.intake import mapping as mappings
from fivestep.intake.accounts import Accounts
from fivestep.intake.assembly import KEPT, Wide, stored, union, united
from fivestep.intake.checks import AMOUNTS
from fivestep.intake.judging import Judge
from fivestep.intake.known_names import KnownNames
from fivestep.intake.mapping import FILE
from fivestep.intake.quality import Line, QualitySheet, of_snapshot, table_name
from fivestep.intake.scratch import Scratch
from fivestep.intake.sheet import Sheet, digest
from fivestep.intake.sources import SHOWN
from fivestep.language import N_, _
from fivestep.privacy import vault
from fivestep.privacy.pseudonyms import Pseudonyms

LOCK = Path(".tmp", "import.lock")
MEMORY = "1300MB"  # of the engine; more goes to disk, so that any size of file can be read
ORDER = ("customers", "contacts", "products", "campaigns", "orders", "opportunities")  # what others look up comes first

TOLD = 5  # lines on files that came again in the summary
GRAVE = (  # warnings, the gravest first: money and rows that are not there, then what is there and may be wrong
    "money", "not_parsed", "required_empty", "malformed", "rows_dropped", "table_left_out", "total", "identical_rows",
    "duplicate_keys", "orphan_keys", "rows_changed", "precision_lost", "leading_zeros", "mojibake", "personal",
    "unmatched_header", "mixed_units", "future", "impossible_date",
)  # fmt: skip

_OWN = 2**62  # added to the order of rows of a table's own files


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
    paths = sources.raw_files(project, said)
    book = snapshots.ledger(project)
    names = Pseudonyms.from_environment_or_file(project, settings.client, expected=book.key)
    settled = hashlib.sha256((project / FILE).read_bytes() + f"{settings.time_zone} {settings.currency}".encode()).hexdigest()
    before = book.snapshots.get(book.latest)
    asked, again = again, again or before is None or before.mapping != settled
    with Scratch() as folder:
        connection = _connect(folder)
        try:
            queried = {s.source: s for s in sources.read_databases(project, said, connection)}
            digests = {n: digest(p) for n, p in paths.items()} | {n: s.sha256 for n, s in queried.items()}
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
        self.judge = Judge(self.quality, connection, settings.time_zone, settings.currency)
        self.accounts = Accounts(self.quality, settings.time_zone)
        self.known_names = KnownNames(project, names, self.quality, connection)
        self.customers: dict[tuple[int, str], Table] = {}  # of each source and column their texts
        self.known: Table | None = None
        self.files: dict[str, Path] = {}  # of the contract tables of the new files, as they are written
        self.changed: dict[str, bool] = {}  # files that were imported before with other content; whether it is a database
        self.replaced: list[str] = []  # files whose earlier content must not be forgotten
        self.several: set[str] = set()  # tables that other files have fed, too
        self.origin: dict[str, str] = {}  # of each sheet its file in data/raw/
        self.contents: dict[str, dict[str, snapshots.Content]] = {}  # of each file by table what it gave
        self.known_contents: dict[str, dict[str, snapshots.Content]] = {}  # and what earlier imports noted

    def tables(self, paths: Mapping[str, Path], queried: Sequence[Sheet]) -> tuple[dict[str, Table], Table | None, Table | None]:
        """The contract tables of files and databases, and the direct identifiers of customers and of contact persons."""
        grouped, self.origin = sources.grouped(
            paths, queried, self.project, self.said, self.settings.time_zone, self.connection, self.quality
        )
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
            made = self.judge.judged(made)
            made = self.judge.numberless(made, number)
            made = assembly.finished(made, self.connection, self._orders(done), self._lookups(done, made), f"joined{number}")
            made = assembly.without_repeats(made, self.connection, f"once{number}")
            made = self.accounts.counted(made)
            self.accounts.nobody(made)
            self.accounts.nowhere(made)
            self.accounts.stages(made)
            done.append(made)
        self.accounts.refunded_twice(done)
        named = self.known_names.named(done)
        done = [self.known_names.nameless(made, named) for made in done]
        done = [self.known_names.unnamed(made, done, number) for number, made in enumerate(done)]
        self._hashed(done)
        self._noted(done)
        return self._contract(done), self._people(done), self._contacts(done)

    def _hashed(self, done: Sequence[Wide]) -> None:
        """The customers of every source by their raw ids, and the pseudonyms of all of them, each made once."""
        for number, made in enumerate(done):
            rows = made.rows.filter(made.rows._out == KEPT)
            for i, column in enumerate(c for c in rows.columns if c.endswith(".customer_id")):
                texts = rows.select(text=rows[column]).filter(ibis._.text.notnull()).distinct()
                self.customers[number, column] = stored(self.connection, texts, f"customers{number}_{i}")
        if self.customers:
            self.known = stored(self.connection, self.names.known(union([*self.customers.values()])), "pseudonyms")

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
        poor = stored(self.connection, rows.filter((rows._order < _OWN) & lacking), f"poor_{name}")
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
        whole = stored(self.connection, rows.anti_join(poor, keys), f"whole_{name}")
        return whole if len(by_the_way) < len(parts) or int(whole.count().to_pandas()) else None

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
            rows = stored(self.connection, rows, f"new_{name}")
            unique = no_key_twice(rows, keys)
        if not unique:
            once = stored(self.connection, assembly.one_each(rows, keys), f"once_{name}")
            self._merged(name, rows)
            rows = once
        whole = self._whole(name, rows, parts)
        if whole is None:
            return None
        rows = whole.drop("_order")
        rows = stored(self.connection, rows, f"own_{name}") if name in self.earlier else self._sorted(name, rows)
        amount = AMOUNTS.get(name)
        if amount in rows.columns and f"{name}.read" in self.accounts.money and all(o for o, _made, _rows in parts):
            after = Decimal(rows.aggregate(x=rows[amount].sum()).to_pyarrow().to_pylist()[0]["x"] or 0)
            left = sum(
                (self._left(m, amount) for _own, m, _rows in parts), self.accounts.money.get(f"{name}.repeated", Decimal(0))
            )
            rounded, cells = self.accounts.rounded.get(name, (Decimal(0), 0))
            self.quality.add(
                checks.money(
                    "", name, amount, before=self.accounts.money[f"{name}.read"], after=after, left_out=left,
                    refunds=self.accounts.refunded.get(name, Decimal(0)), rounded=rounded, cells=cells,
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
        made = stored(self.connection, made, "orders_of_lines")
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
        return {**tables, "orders": stored(self.connection, union(both), "orders_whole")}

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
            self.accounts.money[f"{name}.repeated"] = sums[0] - sums[1]
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
        people = assembly.one_each(united(parts), ["raw_id"])
        people = self.names.replaced(people.mutate(customer_id=people.raw_id), "customer_id", self.known).drop("_order")
        return stored(self.connection, people, "people")

    def _contacts(self, done: Sequence[Wide]) -> Table | None:
        parts = [(m, k) for m in done if (k := assembly.vault_rows(m, "contacts")) is not None]
        if not parts:
            return None
        rows = united([k.mutate(source=ibis.literal(m.name)) for m, k in parts]).drop("_order").distinct()
        named = self.names.replaced(rows.mutate(customer_id=rows.raw_id), "customer_id", self.known)
        return stored(self.connection, named, "contacts")


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
    tables = {n: t if t is new.get(n) else stored(connection, t, f"final_{n}") for n, t in tables.items()}
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
    result = Imported(None, quality, rows, run.accounts.money, run.said.questions, added=added)
    if new or again:
        result = replace(result, told=[x for x in quality.of(*returning_files.CHECKS) if not x.snapshot])
    name = snapshot or snapshots.name_for(_last_day(tables, found))
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
    if not led.limit(1).count().to_pandas():
        return []
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
    quality = of_snapshot(folder) or QualitySheet()
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


def _last_day(tables: Mapping[str, Table], found: Collection[Line]) -> dt.date | None:
    """The last day with an order, else of any table with a time; a day to come, which is mistyped, only where all are.

    *found* are the lines of `checks.checks`, which know the last day of every table.
    """
    end = dt.date.today() + dt.timedelta(days=1)
    last = {x.table: x.values["last"] for x in found if x.check == "date_range"}
    ranked = sorted(last, key=lambda n: n not in ("orders", "order_lines"))
    days = []
    for name in ranked:
        if days and name not in ("orders", "order_lines"):
            break
        day = last[name]
        if day > end:
            column = tables[name][TABLES[name].time].cast("date")
            day = tables[name].aggregate(day=column.max(where=column <= end)).to_pyarrow()["day"][0].as_py() or day
        days.append(day)
    return max(days, default=None)


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
