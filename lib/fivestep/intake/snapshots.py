"""Snapshots: contract tables in a folder of their own, written whole or not at all, and the ledger of what went into them."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
from filelock import FileLock

from fivestep.contract import TABLES
from fivestep.errors import UserError
from fivestep.intake.quality import PAGE, SHEET, Line, QualitySheet
from fivestep.language import N_, _
from fivestep.privacy import vault

CONTRACT = Path("data", "contract")
LEDGER = "imports.json"
UNDO, THERE = "undo", "there.json"  # what an exchange under way keeps, to be undone where it is cut off
DAY = r"\d{4}-\d{2}(-\d{2})?"  # a snapshot named by a day or a month
LEVEL = 1  # of Zstandard: of sorted order lines, higher ones take half as long again and leave the files as large
WORDS = 1_000  # values in the dictionary of a column; of ids, which have more, making one costs a third of the writing


@dataclass(frozen=True)
class Content:
    """What a file gave a table: its first and last day (ISO, empty where the table has no time), its rows and their money.

    The days are those of all contents that came under the file's name; rows and money are of the last one, and None where it
    tells of the table by the way only.
    """

    first: str = ""
    last: str = ""
    rows: int | None = None
    money: str | None = None

    def days(self) -> tuple[dt.date, dt.date] | None:
        return (dt.date.fromisoformat(self.first), dt.date.fromisoformat(self.last)) if self.first else None

    def beside(self, other: Content) -> Content:
        """This content and that of another sheet of the same file."""
        rows = [n for n in (self.rows, other.rows) if n is not None]
        money = [Decimal(m) for m in (self.money, other.money) if m is not None]
        return replace(self.after(other), rows=sum(rows) if rows else None, money=str(sum(money)) if money else None)

    def after(self, earlier: Content) -> Content:
        """This content where *earlier* came under the same name before."""
        days = [d for d in (self.first, self.last, earlier.first, earlier.last) if d]
        return replace(self, first=min(days, default=""), last=max(days, default=""))


@dataclass(frozen=True)
class Import:
    """What one snapshot was made of: the snapshot before it, the files (name -> SHA-256 of the bytes), and the SHA-256 of the
    mapping and of the identity decisions; ``earlier``: contents, oldest first, that lie under another or the same name now;
    ``contents``: of each file by table what it gave."""

    previous: str = ""
    files: dict[str, str] = field(default_factory=dict)
    mapping: str = ""
    identity: str = ""
    earlier: list[list[str]] = field(default_factory=list)
    contents: dict[str, dict[str, Content]] = field(default_factory=dict)


@dataclass(frozen=True)
class Ledger:
    """What has been imported into a project: the fingerprint of its key, each snapshot by name, and which was written last."""

    key: str = ""
    snapshots: dict[str, Import] = field(default_factory=dict)
    last: str = ""

    @property
    def latest(self) -> str:
        """The name of the snapshot that was imported last, or where that is gone the last by name; empty where there is none."""
        return self.last if self.last in self.snapshots else max(self.snapshots, default="")

    def chain(self, snapshot: str) -> list[str]:
        """*snapshot* and the snapshots that it continues, the oldest last."""
        out: list[str] = []
        while snapshot in self.snapshots and snapshot not in out:
            out.append(snapshot)
            snapshot = self.snapshots[snapshot].previous
        return out

    def held(self, snapshot: str) -> list[tuple[str, str]]:
        """Name and SHA-256 of every file in *snapshot* and in the snapshots that it continues, the oldest first."""
        done = [self.snapshots[name] for name in reversed(self.chain(snapshot))]
        return [pair for d in done for pair in (*((name, digest) for name, digest in d.earlier), *d.files.items())]

    def contents(self, snapshot: str) -> dict[str, dict[str, Content]]:
        """Of every file in *snapshot* and in those that it continues, by table, what it gave, where it was noted."""
        out: dict[str, dict[str, Content]] = {}
        for name in reversed(self.chain(snapshot)):
            out = _continued(out, self.snapshots[name].contents)
        return out

    def following(
        self, name: str, files: Mapping[str, str], mapping: str, identity: str, contents: Mapping[str, Mapping[str, Content]],
    ) -> Import:  # fmt: skip
        """The entry of a snapshot *name* that continues the latest one with new *files*, which gave *contents*.

        One that takes the place of a snapshot it continues holds the files of all of them itself.
        """
        if name not in self.chain(self.latest):
            return Import(self.latest, dict(files), mapping, identity, contents=_continued({}, contents))
        held = self.held(self.latest)
        now = {**dict(held), **files}
        earlier = [[n, d] for n, d in dict.fromkeys(held) if now[n] != d]
        return Import("", now, mapping, identity, earlier, _continued(self.contents(self.latest), contents))

    def fresh(self, files: Mapping[str, str], snapshot: str) -> list[str]:
        """Those of *files* (name -> SHA-256) that *snapshot* does not hold yet; of files with the same content, the first.

        A file that has an earlier content again, after another one, comes again.
        """
        held = self.held(snapshot)
        seen, latest, out = {digest for _name, digest in held}, dict(held), []
        for name, digest in files.items():
            back = latest.get(name, digest) != digest and digest not in latest.values()
            if (digest not in seen or back) and digest not in {files[n] for n in out}:
                out.append(name)
        return out


def _continued(
    before: Mapping[str, Mapping[str, Content]], after: Mapping[str, Mapping[str, Content]]
) -> dict[str, dict[str, Content]]:
    """What files gave *before*, with what they gave *after*."""
    out = {file: dict(tables) for file, tables in before.items()}
    for file, tables in after.items():
        known = out.setdefault(file, {})
        known.update({table: content.after(known.get(table, Content())) for table, content in tables.items()})
    return out


def _entry(said: dict[str, Any]) -> Import:
    given = {file: {t: Content(**c) for t, c in tables.items()} for file, tables in said.get("contents", {}).items()}
    return Import(**{**said, "contents": given})


def ledger(project: Path) -> Ledger:
    """The ledger of *project*, empty before the first import."""
    path = project / CONTRACT / LEDGER
    if not path.exists():
        return Ledger()
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        known = {name: _entry(entry) for name, entry in said["snapshots"].items()}
        known = {name: entry for name, entry in known.items() if (path.parent / name).is_dir()}
        return Ledger(said["key"], known, said.get("latest", ""))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise UserError(
            _(
                "{file}: the record of imports cannot be read. Restore it from a backup, or remove {contract}/ "
                "and import everything again."
            ).format(file=(CONTRACT / LEDGER).as_posix(), contract=CONTRACT.as_posix())
        ) from None


def current(book: Ledger, there: Collection[str]) -> str:
    """Of the folders *there* the one to read: the last import, or one put there by hand that is named by a later day.

    Where nothing was imported, the last by name.
    """
    if book.latest not in there:
        return max(there)
    by_hand = [n for n in there if n not in book.snapshots and re.fullmatch(DAY, n)]
    return max([book.latest, *by_hand]) if re.match(DAY, book.latest) else book.latest


def name_for(last_day: dt.date | None) -> str:
    """The name of a snapshot by default: the last day of its data; without days the first of all names."""
    return last_day.isoformat() if last_day else "0-undated"


def check_name(name: str) -> None:
    """Raise UserError for a name of a snapshot that is no folder name."""
    if not re.fullmatch(r"\w[\w.-]{0,99}", name):
        raise UserError(
            _("snapshot: {name!r} is no folder name. Use letters, digits, hyphens and dots, such as 2024-06-30.").format(
                name=name
            )
        )


def write(
    project: Path, name: str, tables: Mapping[str, ibis.Table], quality: QualitySheet,
    *, done: Import | None = None, key: str = "", before: Mapping[str, ibis.Table] | None = None,
    ready: Mapping[str, Path] | None = None,
) -> Path:  # fmt: skip
    """Write a snapshot to ``data/contract/<name>/``; what was there under that name is replaced at one stroke.

    Zstandard Parquet with the fields in the order of the contract, rows by customer, time and key, so that the same rows in any
    order give the same bytes; ``quality.json`` and ``quality.html`` lie beside them. *before* are the rows that merging customers
    has changed, kept in the vault; *ready* are files of `write_table`, which are moved; *done* and the fingerprint *key* go into
    the ledger. Raises UserError for a name that is no folder name and for another key than the ledger's.
    """
    from fivestep.intake.quality_page import page

    check_name(name)
    root = project / CONTRACT
    work = root / ".tmp"
    with locked(project):
        said = ledger(project)
        if key and said.key and key != said.key:
            raise UserError(
                _(
                    "snapshot {name}: its pseudonyms were made with another key ({key}) than those of data/contract/ "
                    "({expected})."
                ).format(name=name, key=key, expected=said.key)
            )
        new, target = work / name, root / name
        shutil.rmtree(new, ignore_errors=True)  # of an import that was cut off
        new.mkdir()
        for table in (t for t in TABLES if t in tables):
            path = new / f"{table}.parquet"
            if table in (ready or {}):
                shutil.move(ready[table], path)
            else:
                write_table(table, tables[table], path)
        (new / SHEET).write_text(quality.to_json(), encoding="utf-8", newline="\n")
        (new / PAGE).write_text(page(quality, name), encoding="utf-8", newline="\n")
        aside = _set_aside(project, name, before or {})
        entries = {**said.snapshots, name: done or Import()}
        record = {"key": key or said.key, "latest": name, "snapshots": {n: asdict(entries[n]) for n in sorted(entries)}}
        text = json.dumps(record, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        (work / LEDGER).write_text(text, encoding="utf-8", newline="\n")
        _exchange(project, name, new, aside)
    return target


@contextlib.contextmanager
def locked(project: Path) -> Iterator[None]:
    """Nobody else writes snapshots of *project* meanwhile; an exchange that was cut off is undone first."""
    work = project / CONTRACT / ".tmp"
    work.mkdir(parents=True, exist_ok=True)
    with FileLock(work / "lock"):
        _undo(project)
        shutil.rmtree((work / UNDO).with_suffix(".part"), ignore_errors=True)
        yield


def mend(project: Path) -> None:
    """Undo an exchange that was cut off, if there is one: before the ledger and the tables are read."""
    if (project / CONTRACT / ".tmp" / UNDO).exists():
        with locked(project):
            pass


def _exchange(project: Path, name: str, new: Path, aside: Path | None) -> None:
    """Put a snapshot, what was set aside of its merges, and the ledger in their places: all of them, or none after `_undo`."""
    root, merged = project / CONTRACT, _merged(project, name)
    undo, target = root / ".tmp" / UNDO, root / name
    part = undo.with_suffix(".part")
    for leftover in (part, _before(merged)):
        shutil.rmtree(leftover, ignore_errors=True)
    part.mkdir()
    there = {"name": name, "tables": target.exists(), "merged": merged.exists(), "ledger": (root / LEDGER).exists()}
    (part / THERE).write_text(json.dumps(there), encoding="utf-8")
    if there["ledger"]:
        shutil.copyfile(root / LEDGER, part / LEDGER)
    part.replace(undo)
    try:
        if there["merged"]:
            merged.replace(_before(merged))
        if there["tables"]:
            target.replace(undo / "tables")
        new.replace(target)
        if aside:
            aside.replace(merged)
        (root / ".tmp" / LEDGER).replace(root / LEDGER)
        undo.replace(part)  # from here on it is done
    except BaseException:
        _undo(project)
        raise
    for old in (part, _before(merged)):
        shutil.rmtree(old, ignore_errors=True)


def _undo(project: Path) -> None:
    """Everything as it was before an exchange that was cut off; nothing where none was. May itself be cut off and begun again."""
    root = project / CONTRACT
    work, undo = root / ".tmp", root / ".tmp" / UNDO
    if not undo.exists():
        return
    there = json.loads((undo / THERE).read_text(encoding="utf-8"))
    merged = _merged(project, there["name"])
    for key, before, place in (("merged", _before(merged), merged), ("tables", undo / "tables", root / there["name"])):
        if before.exists() or not there[key]:
            shutil.rmtree(place, ignore_errors=True)
        if before.exists():
            before.replace(place)
    if there["ledger"]:
        shutil.copyfile(undo / LEDGER, work / LEDGER)
        (work / LEDGER).replace(root / LEDGER)
    else:
        (root / LEDGER).unlink(missing_ok=True)
    undo.replace(undo.with_suffix(".part"))


def write_table(name: str, table: ibis.Table, path: Path) -> None:
    """Write a contract table as the file that a snapshot has of it."""
    ordered(name, table).to_parquet(path, compression="zstd", compression_level=LEVEL, dictionary_size_limit=WORDS)


def ordered(name: str, table: ibis.Table) -> ibis.Table:
    """A contract table as it is written: fields in the order of the contract, further columns by name, rows in a total order."""
    described = TABLES[name]
    for field_ in described.fields.values():
        if field_.type == "money" and field_.name in table.columns and not table[field_.name].type().is_decimal():
            raise ValueError(f"{name}.{field_.name}: money must be DECIMAL, it is {table[field_.name].type()}")
    known = [f for f in described.fields if f in table.columns]
    columns = known + sorted(set(table.columns) - set(known))
    first = [c for c in ("customer_id", described.time, *described.key) if c in known]
    return table.select(columns).order_by(*dict.fromkeys(first))  # keys are unique: the order is total


def merged(earlier: Mapping[str, ibis.Table], new: Mapping[str, ibis.Table]) -> tuple[dict[str, ibis.Table], list[Line]]:
    """The tables of a snapshot with those of new files: a row with a known key replaces the earlier row, other rows are added.

    Nothing is removed; a column that the new files do not have keeps its earlier values. The lines count the rows that were added
    and changed, table by table.
    """
    out, lines = dict(earlier), []
    for name, rows in new.items():
        if name not in earlier:
            out[name] = rows
            continue
        key, before = list(TABLES[name].key), earlier[name]
        absent = [c for c in before.columns if c not in rows.columns]
        rows = rows.select(**{c: rows[c].cast(before[c].type()) if c in before.columns else rows[c] for c in rows.columns})
        known = before.select(**{f"_{c}": before[c] for c in before.columns})
        joined = rows.left_join(known, [rows[k] == known[f"_{k}"] for k in key])
        kept = joined.select(*rows.columns, **{c: joined[f"_{c}"] for c in absent})
        shared = [c for c in rows.columns if c in before.columns and c not in key]
        differs = ibis.or_(*(~joined[c].identical_to(joined[f"_{c}"]) for c in shared)) if shared else ibis.literal(False)
        there = joined[f"_{key[0]}"].notnull()
        seen = joined.aggregate(of=joined.count(), known=there.sum(), changed=(there & differs).sum())
        of, found, changed = (int(n or 0) for n in seen.to_pyarrow().to_pylist()[0].values())  # sums over no rows are null
        lines.append(
            Line(
                "", name, "", "rows_changed", "warning" if changed else "note", changed, of,
                message=N_("Rows of new files: {of}. New: {added}; replacing a different row: {changed}; there already: {same}."),
                fix=N_("Nothing to do where the client has corrected data; otherwise compare the files.") if changed else "",
                values={"of": of, "added": of - found, "changed": changed, "same": found - changed},
            )
        )  # fmt: skip
        rest = before.anti_join(rows, key)
        columns = [*before.columns, *(c for c in kept.columns if c not in before.columns)]
        types = {c: kept[c].type() for c in columns}
        rest = rest.select(**{c: rest[c] if c in rest.columns else ibis.null(types[c]) for c in columns})
        out[name] = ibis.union(rest, kept.select(columns))
    return out, lines


def before_merges(project: Path, snapshot: str, connection: ibis.BaseBackend) -> dict[str, ibis.Table]:
    """The rows of *snapshot* that merging customers has changed, as they were: table -> rows, for `identity.undone`."""
    return {p.stem: connection.read_parquet(p) for p in sorted(_merged(project, snapshot).glob("*.parquet"))}


def _before(merged: Path) -> Path:
    return merged.with_name(f".{merged.name}.old")


def _merged(project: Path, snapshot: str) -> Path:
    return project / vault.FOLDER / "merged" / snapshot


def _set_aside(project: Path, name: str, before: Mapping[str, ibis.Table]) -> Path | None:
    rows = {table: rows for table, rows in before.items() if rows.count().to_pandas()}
    if not rows:
        return None
    part = vault.folder(project) / "merged" / f".{name}.new"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for table, kept in rows.items():
        vault.private(part / f"{table}.parquet", kept.order_by(kept.columns))
    return part
