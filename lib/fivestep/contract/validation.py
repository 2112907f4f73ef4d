"""Holding a table against the contract: columns and types with pandera; cells, keys and references with Ibis."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb
import ibis
import ibis.expr.datatypes as dt
import numpy as np

from fivestep.contract.tables import BORN, FIRST_YEAR, LAST_YEAR, NEVER, TABLES, Field
from fivestep.errors import UserError
from fivestep.language import N_, _, number, sentence, typeset

_CANONICAL = {
    "text": dt.string,
    "integer": dt.int64,
    "number": dt.float64,
    "money": dt.Decimal(18, 2),
    "timestamp": dt.Timestamp(scale=6),
    "date": dt.date,
    "boolean": dt.boolean,
}
_FAMILY = {
    "text": dt.String,
    "integer": dt.Integer,
    "number": (dt.Floating, dt.Integer, dt.Decimal),
    "money": dt.Decimal,
    "timestamp": dt.Timestamp,
    "date": dt.Date,
    "boolean": dt.Boolean,
}
_KINDS = {
    "text": N_("text"), "integer": N_("a whole number"), "number": N_("a number"),
    "money": N_("DECIMAL money, like DECIMAL(18,2)"), "timestamp": N_("a timestamp without a zone"), "date": N_("a date"),
    "boolean": N_("true or false"),
}  # fmt: skip
HASHES = 20_000_000  # of keys that are sorted at a time: 160 MB
DOUBTFUL = frozenset({"above_maximum", "time_order"})  # wrong, but analyses of other columns stand


@dataclass(frozen=True)
class Problem:
    """What is wrong with one column: how many rows, the first of them, and the fix.

    ``check`` names the kind of problem for the quality sheet; empty for one that concerns the column as a whole.
    """

    table: str
    column: str
    what: str
    fix: str
    rows: int = 0
    first_row: int | None = None
    fatal: bool = True
    check: str = ""

    def __str__(self) -> str:
        what = self.what
        if self.first_row is not None:
            what = _("{what} (first: row {row})").format(what=what, row=number(self.first_row))
        return typeset(f"{self.table}.{self.column}: {sentence(what)} {self.fix}")


def validate(tables: Mapping[str, ibis.Table]) -> None:
    """Raise `UserError` with every problem that no analysis can stand; orphan keys are for the quality section and pass."""
    found = [p for p in problems(tables) if p.fatal]
    if found:
        raise UserError("\n".join([_("The contract tables cannot be used:"), *(f"  {p}" for p in found)]))


def problems(tables: Mapping[str, ibis.Table], unique: Collection[str] = ()) -> list[Problem]:
    """Everything that is wrong with a snapshot.

    Unknown tables and columns, types, empty required cells, ranges, times in the wrong order, duplicate and orphan keys. Row
    numbers count the rows of the file from 1. Columns and tables beyond the contract are allowed; only the tables given are read.
    *unique* names the tables of which is known that no key stands on two rows.
    """
    out: list[Problem] = []
    if not {"order_lines", "orders"} & set(tables):
        out.append(
            Problem(
                "order_lines",
                "*",
                _("neither order_lines nor orders is there"),
                _("One of the two is needed: import order data first."),
            )
        )
    there = filled(tables)
    for name in (n for n in ("orders", "order_lines") if n in tables and n not in there):
        out.append(Problem(name, "*", _("the table has no rows"), _("Import the orders first, or take the table away.")))
    for name in (n for n in TABLES if n in there):
        try:
            found = _columns(name, there[name])
            found += _cells(name, there[name], {p.column for p in found})
            out += [p for p in found if not p.fatal]
            out += [p for p in found if p.fatal] or ([] if name in unique else _duplicates(name, there[name]))
        except (duckdb.InvalidInputException, duckdb.IOException) as error:  # a file that opens and breaks off later
            what = _("the file is damaged ({reason})").format(reason=str(error).splitlines()[0])
            out.append(Problem(name, "*", what, _("Write it again.")))
    unusable = {p.table for p in out if p.fatal}
    sound = {name: table for name, table in there.items() if name not in unusable}
    return out + [p for name in TABLES if name in sound for p in _orphans(name, sound)]


def filled(tables: Mapping[str, ibis.Table]) -> dict[str, ibis.Table]:
    """The tables that have rows: one without any says as little as one that is absent, and counts as such."""
    return {name: table for name, table in tables.items() if table.limit(1).count().to_pandas()}


def without_blank_ids(name: str, table: ibis.Table) -> ibis.Table:
    """The table with empty cells where an id (a key or a reference) holds nothing but blanks, so that "" is nobody's id."""
    ids = [f.name for f in TABLES[name].fields.values() if f.is_id and f.name in table.columns]
    blank = {c: table[c].re_search(r"^[\s\p{Z}]*$") for c in ids if table[c].type().is_string()}
    # Only an id that begins with no plain character is searched, which saves most of the time.
    plain = {c: (table[c] >= "!") & (table[c] < "~") for c in blank}
    kept = {c: ibis.cases((plain[c], table[c]), (bad, ibis.null("string")), else_=table[c]) for c, bad in blank.items()}
    return table.mutate(**kept) if kept else table


def _columns(name: str, table: ibis.Table) -> list[Problem]:
    import pandera.ibis as pa
    from pandera.errors import SchemaErrorReason, SchemaErrors

    fields = TABLES[name].fields
    actual = table.schema()
    # pandera cannot name lists, structures, UUIDs ...: they are told apart before it sees the table.
    foreign = [c for c, t in actual.items() if not any(isinstance(t, family) for family in _FAMILY.values())]
    schema = pa.DataFrameSchema(
        {f.name: _column(pa, f, actual) for f in fields.values() if (f.required or f.name in actual) and f.name not in foreign},
        name=name,
    )
    other = _("the type is {type}")
    wrong = {c: other.format(type=actual[c]) for c in foreign if c in fields}
    try:
        schema.validate(table.drop(*foreign), lazy=True)
    except SchemaErrors as errors:
        for error in errors.schema_errors:
            if error.reason_code is SchemaErrorReason.COLUMN_NOT_IN_DATAFRAME:
                wrong[str(error.failure_cases)] = _("the column is missing")
            else:
                wrong[error.schema.name] = other.format(type=actual[error.schema.name])
    return [Problem(name, c, wrong[c], _fix(fields[c], actual.get(c))) for c in fields if c in wrong]


def _column(pa, field: Field, actual: ibis.Schema):
    # A column of the right family passes with its own width; another family is held against the canonical type.
    own = actual.get(field.name)
    fits = own is not None and isinstance(own, _FAMILY[field.type]) and not _zoned(own)
    return pa.Column(own.copy(nullable=True) if fits else _CANONICAL[field.type], nullable=True)


def _zoned(own: dt.DataType) -> bool:
    return own.is_timestamp() and own.timezone is not None


def _fix(field: Field, own: dt.DataType | None) -> str:
    if own is None:
        must = _("It must be {type} ({meaning}).")
    elif _zoned(own) and field.type == "timestamp":
        must = _(
            "It must be {type} ({meaning}): convert it to local time in the time_zone of engagement.yml and write it as a "
            "timestamp without a zone."
        )
    else:
        must = _("It must be {type} ({meaning}): cast it before it is written.")
    meaning = _(field.description)
    return must.format(type=_(_KINDS[field.type]), meaning=meaning[0].lower() + meaning[1:])


def _cells(name: str, table: ibis.Table, mistyped: set[str]) -> list[Problem]:
    """Cells that no analysis can stand, in one pass over the table; columns of the wrong type are not looked at."""
    fields = [f for f in TABLES[name].fields.values() if f.name in table.columns and f.name not in mistyped]
    checks = [(f, *check) for f in fields for check in _checks(f, table[f.name])]
    checks += [(f, *_before(table, f)) for f in fields if f.after in table.columns and f.after not in mistyped]
    bad = {f"bad_{i}": cells.fill_null(False) for i, (_field, cells, *_said) in enumerate(checks)}
    empty = [i for i, (_field, _cells, check, *_said) in enumerate(checks) if check == "required_empty"]
    # Filled cells are counted apart: of a Parquet file the engine then knows them without reading it.
    filled = {f"n_{i}": table.count() - table[checks[i][0].name].count() for i in empty}
    sums = {f"n_{i}": cells.sum() for i, cells in enumerate(bad.values()) if i not in empty}
    seen = dict(table.aggregate(of=table.count(), **filled).to_pandas().iloc[0])
    seen |= dict(table.aggregate(**sums).to_pandas().iloc[0]) if sums else {}
    if found := [i for i in range(len(checks)) if seen[f"n_{i}"]]:  # numbering the rows costs more than looking at their cells
        numbered = table.select(_row=ibis.row_number() + 1, **{f"bad_{i}": bad[f"bad_{i}"] for i in found})
        firsts = {f"first_{i}": numbered._row.min(where=numbered[f"bad_{i}"]) for i in found}
        seen |= dict(numbered.aggregate(**firsts).to_pandas().iloc[0])
    return [
        Problem(
            name,
            field.name,
            what.format(
                n=number(int(seen[f"n_{i}"])),
                of=number(int(seen["of"])),
                low=field.minimum,
                high=field.maximum,
                after=field.after,
                first=_first_year(field),
                last=LAST_YEAR,
            ),
            fix,
            int(seen[f"n_{i}"]),
            int(seen[f"first_{i}"]),
            fatal=check not in DOUBTFUL,
            check=check,
        )
        for i, (field, _bad, check, what, fix) in enumerate(checks)
        if seen[f"n_{i}"]
    ]


def _checks(field: Field, cells: ibis.Column) -> Iterator[tuple[ibis.expr.types.BooleanValue, str, str, str]]:
    """What a cell of the field must not be: the test, its name, what to say of the cells that fail it, and the fix."""
    if field.required:
        yield cells.isnull(), "required_empty", _("{n} of {of} cells are empty"), _("Fill them or leave those rows out.")
    if cells.type().is_floating():
        infinite = cells.isnan() | cells.isinf()
        what = _("{n} of {of} values are no numbers (NaN or infinity)")
        yield infinite, "not_a_number", what, _("Correct them or empty the cells.")
    if field.minimum is not None:
        what = _("{n} of {of} values are below {low}")
        yield cells < field.minimum, "below_minimum", what, _("Correct the sign or empty the cells.")
    if field.maximum is not None:
        what = _("{n} of {of} values are above {high}")
        yield cells > field.maximum, "above_maximum", what, _("Correct the unit (a share is 0 to 1) or empty the cells.")
    if field.type in ("timestamp", "date"):
        told = cells.cast("timestamp(6)")  # microseconds, as nanoseconds do not reach as far as the limits
        year = _first_year(field)
        first, beyond = datetime.datetime(year, 1, 1), datetime.datetime(LAST_YEAR + 1, 1, 1)
        outside = (told < ibis.literal(first)) | (told >= ibis.literal(beyond))
        if field.ahead:  # the first and the last day of the calendar stand for never
            outside &= ~told.isin([ibis.literal(d) for d in (datetime.datetime.min, NEVER)])
        what = _("{n} of {of} dates are not within the years {first} to {last}")
        yield outside, "impossible_date", what, _("Correct them or empty the cells.")


def _first_year(field: Field) -> int:
    return BORN if field.name == "birth_date" else FIRST_YEAR


def _before(table: ibis.Table, field: Field) -> tuple[ibis.expr.types.BooleanValue, str, str, str]:
    """Cells that lie before the time which they cannot lie before; a day without a clock may be any time of that day."""
    own, other = (table[c].cast("timestamp(6)") for c in (field.name, field.after))
    first, last = (ibis.literal(datetime.datetime(year, 1, 1)) for year in (FIRST_YEAR, LAST_YEAR + 1))
    known = own.between(first, last) & other.between(first, last)  # of an impossible date that alone is told
    same_day = (own == own.truncate("D")) & (own.cast("date") == other.cast("date"))
    what = _("{n} of {of} lie before {after}")
    fix = _("Correct one of the two times, or the mapping of {field}.").format(field=field.name)
    return known & (own < other) & ~same_day, "time_order", what, fix


def no_key_twice(table: ibis.Table, key: Sequence[str]) -> bool:
    """Whether no two rows have the same key: hashes that all differ leave no doubt, and are quicker to sort than keys."""
    both = ibis.struct({k: table[k] for k in key}) if len(key) > 1 else table[key[0]]
    rows = int(table.count().to_pandas())
    parts = -(-rows // HASHES)
    hashes = table.select(hash=both.hash())
    for part in range(parts):
        found = (hashes.filter(hashes.hash % parts == part) if parts > 1 else hashes).to_pyarrow()["hash"].to_numpy()
        found = np.sort(found)
        if (found[1:] == found[:-1]).any():
            return rows == int(table.select(*key).distinct().count().to_pandas())
    return True


def _duplicates(name: str, table: ibis.Table) -> list[Problem]:
    key = TABLES[name].key
    if no_key_twice(table, key):
        return []
    numbered = table.select(*key, _row=ibis.row_number() + 1)
    repeated = numbered.group_by(*key).aggregate(n=numbered.count(), second=numbered._row.max()).filter(ibis._.n > 1)
    seen = repeated.aggregate(keys=repeated.count(), first=repeated.second.min()).to_pandas().iloc[0]
    if not seen["keys"]:
        return []
    what = _("{n} keys occur more than once").format(n=number(int(seen["keys"])))
    return [
        Problem(
            name,
            " + ".join(key),
            what,
            _("Each key may stand on one row: remove repeats or add what tells the rows apart."),
            int(seen["keys"]),
            int(seen["first"]),
            check="duplicate_keys",
        )
    ]


def _orphans(name: str, tables: Mapping[str, ibis.Table]) -> list[Problem]:
    out = []
    for field in TABLES[name].fields.values():
        other, _dot, column = field.refers.partition(".")
        if not field.refers or other not in tables or field.name not in tables[name].columns:
            continue
        known = tables[other].select(_known=tables[other][column]).distinct()
        values = tables[name].select(_value=field.name).distinct().filter(ibis._._value.notnull())
        unknown = values.anti_join(known, values._value == known._known)
        if not unknown.limit(1).count().to_pandas():
            continue
        numbered = tables[name].select(_value=field.name, _row=ibis.row_number() + 1)
        lost = numbered.semi_join(unknown, "_value")
        seen = lost.aggregate(n=lost.count(), first=lost._row.min()).to_pandas().iloc[0]
        if seen["n"]:
            what = _("{n} rows name a {column} that {table} does not have")
            out.append(
                Problem(
                    name,
                    field.name,
                    what.format(n=number(int(seen["n"])), column=column, table=other),
                    _("Add the missing rows to {table} or correct the ids.").format(table=other),
                    int(seen["n"]),
                    int(seen["first"]),
                    fatal=False,
                    check="orphan_keys",
                )
            )
    return out
