"""Erasing a person: from the vault, the contract tables of every snapshot and the decisions; and from every later import."""

from __future__ import annotations

import fnmatch
import json
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import ibis

from fivestep import engine
from fivestep.contract import TABLES
from fivestep.errors import UserError
from fivestep.intake import assembly, conversion, files, identity, returning_files, snapshots
from fivestep.intake import mapping as mappings
from fivestep.intake.archives import is_junk
from fivestep.intake.sheet import Sheet
from fivestep.intake.sources import KITS_OWN, RAW, read_sheets
from fivestep.language import _
from fivestep.privacy import leaks, vault
from fivestep.privacy.pseudonyms import Pseudonyms

FILE = snapshots.CONTRACT / "erased.json"
OUTPUTS = (*leaks.FOLDERS, "notebooks", "data/vault/lists")  # what is made of the tables and of the vault
IDS = ("raw_id", "contact_id")  # of the vault
ID_COLUMNS = ("customers.customer_id", "contacts.contact_id")
EMPTIED = ("orders", "order_lines")  # the money of a sale stays, without the customer


@dataclass(frozen=True)
class Erased:
    """What was erased: accounts, rows of the vault, rows of contract tables removed and left without a customer (by table, over
    all snapshots), and the files that still hold the person: the client's own, and reports and results made before.

    ``cells``: ids that can stand in a text by chance, or the pseudonym where no id is known: looked for as whole cells of columns
    of ids only, in the client's own files alone; ``unsought``: those of these files where no such column is known.
    """

    accounts: int
    vault: int
    removed: Mapping[str, int]
    emptied: Mapping[str, int]
    raw: tuple[str, ...]
    reports: tuple[str, ...]
    cells: tuple[str, ...] = ()
    unsought: tuple[str, ...] = ()


def erased(project: Path) -> frozenset[str]:
    """The pseudonyms of all who were erased."""
    path = project / FILE
    if not path.is_file():
        return frozenset()
    try:
        return frozenset(json.loads(path.read_text(encoding="utf-8"))["customers"])
    except (ValueError, KeyError, TypeError):
        raise UserError(
            _("{file}: the record of erased customers cannot be read. Restore it from a backup.").format(file=FILE.as_posix())
        ) from None


def without(tables: Mapping[str, ibis.Table], who: Collection[str]) -> dict[str, ibis.Table]:
    """The tables without these customers: their orders and lines stay with an empty customer_id, all their other rows go."""
    gone, out = list(who), dict(tables)
    if not gone:
        return out
    for name, table in tables.items():
        if "customer_id" not in table.columns:
            continue
        theirs = table.customer_id.isin(gone).fill_null(False)
        if name in EMPTIED:
            out[name] = table.mutate(customer_id=theirs.ifelse(ibis.null("string"), table.customer_id))
        else:
            out[name] = table.filter(~theirs)
    if "stage_history" in out and "opportunities" in tables and "customer_id" in tables["opportunities"].columns:
        deals = tables["opportunities"]
        theirs = deals.filter(deals.customer_id.isin(gone)).select("opportunity_id")
        out["stage_history"] = out["stage_history"].anti_join(theirs, "opportunity_id")
    return out


def theirs(tables: Mapping[str, ibis.Table], who: Collection[str]) -> int:
    """How many rows of the tables name one of these customers."""
    named = [t.filter(t.customer_id.isin(list(who))).count() for t in tables.values() if "customer_id" in t.columns]
    return sum(int(n.to_pandas()) for n in named)


def accounts(project: Path, said: str, names: Pseudonyms) -> frozenset[str]:
    """The pseudonyms of a customer, given by the client's id or by pseudonym, and of all accounts that were made one with it."""
    one = said.strip() if re.fullmatch(r"[0-9a-f]{32}", said.strip()) else names.of(said.strip())
    into = identity.merges(identity.decisions(project))
    root = into.get(one, one)
    return frozenset({one, root, *(account for account, to in into.items() if to == root)})


def erase(project: Path, said: str, names: Pseudonyms) -> Erased:
    """Erase the customer whose id in the client's system, or whose pseudonym, is *said*.

    Noted first, so that an import leaves the person out even where this is cut off; a second run finishes what is left. Raises
    UserError where neither the vault nor a table knows the customer.
    """
    who = accounts(project, said, names)
    root = project / snapshots.CONTRACT
    held = {t: vault.read(project, t, names).to_pandas() for t in vault.TABLES if vault.holds(project, t)}
    people = {t: frame[frame["customer_id"].isin(who)] for t, frame in held.items()}
    folders = [f for f in sorted(root.glob("*")) if f.is_dir() and f.name != ".tmp" and engine.parquet_files(f)]
    changes = {folder: _theirs(folder, who) for folder in folders}
    if not any(len(p) for p in people.values()) and not any(changes.values()):
        raise UserError(
            _("{said}: nobody of this id is in the vault or in data/contract/. Give the id of the client's system.").format(
                said=said
            )
        )
    wanted = leaks.traces(people.values(), {*who, said})
    ids = {said.strip()} - who | {i for p in people.values() for c in IDS if c in p for i in p[c].dropna()}
    cells = leaks.untraced(ids) if ids else (said,)
    with snapshots.locked(project):
        _note(project, erased(project) | who)
        removed: dict[str, int] = {}
        emptied: dict[str, int] = {}
        for folder, counts in changes.items():
            _rewritten(folder, who, counts, root / ".tmp")
            for table, n in counts.items():
                into = emptied if table in EMPTIED else removed
                into[table] = into.get(table, 0) + n
        for path in sorted((project / vault.FOLDER / "merged").glob("*/*.parquet")):
            kept = ibis.duckdb.connect().read_parquet(path)
            vault.private(path, kept.filter(~(kept.customer_id.isin(list(who)) | kept["_into"].isin(list(who)))))
        for table in held:
            if len(people[table]):
                rows = vault.read(project, table, names)
                vault.replace(project, table, rows.filter(~rows.customer_id.isin(list(who))).to_pyarrow(), names)
        identity.forget(project, who)
    sources = {s for p in people.values() if "source" in p for s in p["source"].dropna()}
    raw, unsought = _raw(project, wanted, _Cells(project, who, cells, names) if cells else None)
    unsought = [name for name in unsought if name not in set(map(_file, sources))]
    raw += sorted(s for s in sources if not any(fnmatch.fnmatchcase(_file(r), _file(s)) for r in raw))
    reports = leaks.holding(project, OUTPUTS, wanted)
    rows = sum(map(len, people.values()))
    return Erased(len(who), rows, removed, emptied, tuple(raw), tuple(reports), cells, tuple(unsought))


def _file(source: str) -> str:
    return source.partition("#")[0]


def _raw(project: Path, wanted: re.Pattern[str], cells: _Cells | None) -> tuple[list[str], list[str]]:
    """The files in data/raw/ in which a person is found, texts as they are and all others as an import reads them; and those
    in which *cells*, where they are looked for, cannot be.
    """
    out, unsought, root = [], [], project / RAW
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        name = path.relative_to(root).as_posix()
        try:
            there = leaks.holds(_lines(path), wanted)
        except UnicodeDecodeError:
            there = leaks.holds(_cells(path, root), wanted)
        if not there and cells:
            found = cells.found(path, root)
            there = bool(found)
            if found is None and not is_junk(path.name) and path.name not in KITS_OWN:
                unsought.append(name)
        if there:
            out.append(name)
    return out, unsought


class _Cells:
    """The ids of customers *who*, looked for as whole cells of the columns that mapping.yml maps to ids of customers and contact
    persons; *ids* are those of contact persons, too.
    """

    def __init__(self, project: Path, who: Collection[str], ids: Collection[str], names: Pseudonyms) -> None:
        self.who, self.ids, self.names = list(who), list(ids), names
        try:
            self.said = mappings.read(project)
        except UserError:
            self.said = mappings.Mapping()

    def found(self, path: Path, root: Path) -> bool | None:
        """Whether a file holds one of them; None where it has no table, or a sheet without a column of ids."""
        connection = engine.connect()
        try:
            sheets = read_sheets(path, root, self.said, connection)
            looked = [self._within(sheet) for sheet in sheets]
            return True if any(looked) else None if None in looked else False
        except UserError:
            return None
        finally:
            connection.disconnect()

    def _within(self, sheet: Sheet) -> bool | None:
        source = self.said.source(sheet.source) or next(iter(returning_files.same_headers(self.said, sheet.columns)), None)
        columns = source.columns.items() if source else ()
        held = [
            self._held(sheet, name, target)
            for header, targets in columns
            for target in targets
            if target.to in ID_COLUMNS and (name := assembly.column(sheet, header))
        ]
        return any(held) if held else None

    def _held(self, sheet: Sheet, name: str, target: mappings.Target) -> bool:
        value = conversion.converted(sheet.rows[name], target, conversion.Locale(), numeric=name in sheet.numeric).value
        value = self.names.expression(value) if target.id == "hashed" else value
        theirs = sheet.rows.select(id=value).filter(ibis._.id.notnull()).distinct()
        theirs = theirs.filter(theirs.id.isin(self.ids) | self.names.expression(theirs.id).isin(self.who))
        return bool(theirs.count().to_pyarrow().as_py())


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        while lines := file.readlines(2**20):
            if any("\0" in line for line in lines):  # no text, or one of two bytes a character
                raise UnicodeDecodeError("utf-8", b"\0", 0, 1, "null byte")
            yield "\n".join(lines)


def _cells(path: Path, root: Path) -> Iterator[str]:
    """The cells of a file that is no UTF-8 text; its bytes where no table is in it."""
    connection = engine.connect()
    try:
        for sheet in files.sheets(path, connection, root=root):
            for column in sheet.columns:
                rows = sheet.rows.select(x=sheet.rows[column].cast("string")).filter(ibis._.x.notnull()).distinct()
                yield "\n".join(rows.to_pyarrow()["x"].to_pylist())
    except UserError:
        yield path.read_bytes().decode("utf-8", "replace")
    finally:
        connection.disconnect()


def _theirs(folder: Path, who: Collection[str]) -> dict[str, int]:
    """Rows of a snapshot that concern the customers, by table."""
    tables = engine.read(folder, engine.connect())
    left = without(tables, who)
    out = {}
    for name, table in tables.items():
        if name in EMPTIED and "customer_id" in table.columns:
            rows = int(table.filter(table.customer_id.isin(list(who))).count().to_pandas())
        else:
            rows = 0 if left[name] is table else int(table.count().to_pandas()) - int(left[name].count().to_pandas())
        if rows:
            out[name] = rows
    return out


def _rewritten(folder: Path, who: Collection[str], counts: Mapping[str, int], work: Path) -> None:
    tables = engine.read(folder, engine.connect())
    left = without(tables, who)
    parts = {}
    for name in counts:
        parts[name] = work / f"{name}.erased"
        ordered = snapshots.ordered(name, left[name]) if name in TABLES else left[name]
        ordered.to_parquet(
            parts[name], compression="zstd", compression_level=snapshots.LEVEL, dictionary_size_limit=snapshots.WORDS
        )
    for name, part in parts.items():
        for path in folder.glob(f"{name}.*"):
            if path.suffix.lower() in (".parquet", ".csv"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        part.replace(folder / f"{name}.parquet")


def _note(project: Path, who: Collection[str]) -> None:
    path = project / FILE
    part = path.with_suffix(".part")
    part.write_text(json.dumps({"customers": sorted(who)}, indent=1) + "\n", encoding="utf-8", newline="\n")
    part.chmod(0o600)
    part.replace(path)
