"""What lies in data/raw/ and in databases, as sheets, and by the sources of the mapping."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import ibis
from ibis.expr.types import BooleanValue, StringValue, Value

from fivestep import language
from fivestep.contract import declared
from fivestep.errors import UserError
from fivestep.intake import assembly, files, forms, matching, returning_files, value_evidence
from fivestep.intake import mapping as mappings
from fivestep.intake.archives import is_junk
from fivestep.intake.assembly import shown
from fivestep.intake.mapping import FILE, Source
from fivestep.intake.quality import Line, QualitySheet
from fivestep.intake.sheet import ROW, Sheet
from fivestep.language import N_, _

RAW = Path("data", "raw")
KITS_OWN = ("README.md", ".gitkeep")  # in it
SHOWN = 20  # problems named in one error
LOOKED_AT = 2_000  # rows of a sheet in which pinyin among Chinese characters is looked for
_PHONE_IN_ID = re.compile(r"(?:^|[^0-9.])1[3-9][0-9]{9}[^0-9.]|[^0-9.]1[3-9][0-9]{9}$")


def raw_files(project: Path, said: mappings.Mapping) -> dict[str, Path]:
    """The files in data/raw/ by name, sorted; hidden files and what archives carry along are none.

    Raises UserError where there is none, unless the mapping has a database.
    """
    root = project / RAW
    found = sorted(p for p in root.rglob("*") if p.is_file() and not any(is_junk(x) for x in p.relative_to(root).parts))
    found = [p for p in found if p.name not in KITS_OWN]
    if not found and not any(s.database for s in said.sources):
        raise UserError(_("{raw}/ holds no files. Put what the client sent there.").format(raw=RAW.as_posix()))
    return {p.relative_to(root).as_posix(): p for p in found}


def read_sheets(path: Path, root: Path, said: mappings.Mapping, connection: ibis.BaseBackend, zone: str = "") -> list[Sheet]:
    """The sheets of one file, read as its source in the mapping says; *zone*, of the engagement, is given by an import."""

    def quick(
        name: str, columns: Sequence[str], cells: Sequence[StringValue], suspects: Collection[str]
    ) -> dict[int, tuple[Value, BooleanValue]]:
        source = said.source(name) or next(iter(returning_files.same_headers(said, columns)), None)
        return assembly.quick(source, columns, cells, zone, suspects) if source and source.table else {}

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


def grouped(
    paths: Mapping[str, Path], queried: Sequence[Sheet], project: Path, said: mappings.Mapping, zone: str,
    connection: ibis.BaseBackend, quality: QualitySheet,
) -> tuple[dict[Source, list[Sheet]], dict[str, str]]:  # fmt: skip
    """The sheets of files and databases by their sources, in the order of the mapping, and of each sheet its file in data/raw/.

    What is to be said of a sheet as it was read goes to *quality*. Raises UserError for files that the mapping does not know, and
    for headers that have changed.
    """
    root = project / RAW
    found: dict[Source, list[Sheet]] = {}
    origin: dict[str, str] = {}
    unknown, several, changed = [], [], []
    wanted = [p for p in paths.values() if not said.ignored(p.relative_to(root).as_posix())]
    read = ((p, s) for p in wanted for s in read_sheets(p, root, said, connection, zone))
    held: dict[tuple[Source, str, str], str] = {}
    for path, sheet in itertools.chain(read, ((None, s) for s in queried)):
        if said.ignored(sheet.source):
            continue
        origin[sheet.source] = path.relative_to(root).as_posix() if path else sheet.source
        source = said.source(sheet.source) or forms.source(sheet)
        if source is None and forms.lists_questions(sheet):
            continue
        if source is None:
            alike = returning_files.same_headers(said, sheet.columns)
            if len(alike) == 1:
                source = alike[0]
                quality.add(
                    Line(
                        sheet.source, source.table, "", "same_headers", "note",
                        message=N_("mapping.yml does not name this file. It has the headers of {file} and was read as such."),
                        values={"file": source.files[0]},
                    )
                )  # fmt: skip
            elif alike:
                theirs = ", ".join(s.files[0] for s in alike)
                several.append(
                    _("{mapping} does not say what {file} is; it has the headers of {files} alike. "
                      "Name it under `files:` of the right one.")
                    .format(mapping=FILE, file=sheet.source, files=theirs)
                )  # fmt: skip
                continue
        if source is None or not source.table:
            unknown.append(sheet.source)
            continue
        key = (source, sheet.sha256, sheet.source.partition("#")[2])
        if path and key in held:  # in an archive, or a file beside it
            quality.add(returning_files.same_file(sheet.source, held[key]))
            continue
        held[key] = sheet.source
        changed += [*header_changes(source, sheet), *same_fields(source, sheet)]
        found.setdefault(source, []).append(sheet)
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
    if not found:
        raise UserError(_("{raw}/: every file is ignored by {file}. Nothing to import.").format(raw=RAW.as_posix(), file=FILE))
    for source, sheets in found.items():
        for sheet in sheets:
            _read(source, sheet, quality)
    named = [s for s in said.sources if s in found]
    return {s: found[s] for s in (*named, *(s for s in found if s not in named))}, origin


def _read(source: Source, sheet: Sheet, quality: QualitySheet) -> None:
    """Say what is to be said of a sheet before its cells are looked at."""
    add = quality.add
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
