"""Holding a table against the contract: columns, types, empty cells and ranges with pandera; keys and references with Ibis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.datatypes as dt

from fivestep.contract.tables import TABLES, Field
from fivestep.errors import UserError

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
        where = f" (first: row {self.first_row:,})" if self.first_row is not None else ""
        return f"{self.table}.{self.column}: {self.what}{where}. {self.fix}"


def validate(tables: Mapping[str, ibis.Table]) -> None:
    """Raise `UserError` with every problem that no analysis can stand; orphan keys are for the quality section and pass."""
    found = [p for p in problems(tables) if p.fatal]
    if found:
        raise UserError("The contract tables cannot be used:\n" + "\n".join(f"  {p}" for p in found))


def problems(tables: Mapping[str, ibis.Table]) -> list[Problem]:
    """Everything that is wrong with a snapshot.

    Unknown tables and columns, types, empty required cells, ranges, duplicate and orphan keys. Row numbers count the rows of the
    file from 1. Columns and tables beyond the contract are allowed; only the tables given are read.
    """
    out: list[Problem] = []
    if not {"order_lines", "orders"} & set(tables):
        out.append(
            Problem(
                "order_lines",
                "*",
                "neither order_lines nor orders is there",
                "One of the two is needed: import order data first.",
            )
        )
    for name in (n for n in TABLES if n in tables):
        found = _columns(name, tables[name])
        out += found
        if not found:
            out += _duplicates(name, tables[name])
    if not out:
        out = [p for name in TABLES if name in tables for p in _orphans(name, tables)]
    return out


def _columns(name: str, table: ibis.Table) -> list[Problem]:
    import pandera.ibis as pa
    from pandera.errors import SchemaErrorReason, SchemaErrors

    fields = TABLES[name].fields
    actual = table.schema()
    schema = pa.DataFrameSchema(
        {f.name: _column(pa, f, actual) for f in fields.values() if f.required or f.name in actual},
        name=name,
    )
    try:
        schema.validate(table, lazy=True)
    except SchemaErrors as errors:
        found = errors.schema_errors
    else:
        return []
    out = []
    for error in found:
        reason = error.reason_code
        if reason is SchemaErrorReason.COLUMN_NOT_IN_DATAFRAME:
            column = str(error.failure_cases)
            out.append(Problem(name, column, "the column is missing", f"It must be {_words(fields[column])}."))
            continue
        field = fields[error.schema.name]
        if reason is SchemaErrorReason.WRONG_DATATYPE:
            out.append(
                Problem(
                    name,
                    field.name,
                    f"the type is {actual[field.name]}",
                    f"It must be {_words(field)}: cast it before it is written.",
                )
            )
        elif reason is SchemaErrorReason.SERIES_CONTAINS_NULLS:
            empty, fix = table[field.name].isnull(), "Fill them or leave those rows out."
            out += _located(name, field.name, table, empty, "{n} of {of} cells are empty", fix, "required_empty")
        else:
            low, fix = table[field.name] < field.minimum, "Correct the sign or empty the cells."
            what = "{n} of {of} values are below " + str(field.minimum)
            out += _located(name, field.name, table, low, what, fix, "below_minimum")
    return sorted(out, key=lambda p: (list(fields).index(p.column) if p.column in fields else -1, p.what))


def _column(pa, field: Field, actual: ibis.Schema):
    # A column of the right family passes with its own width; another family is held against the canonical type.
    own = actual.get(field.name)
    dtype = own.copy(nullable=True) if own is not None and isinstance(own, _FAMILY[field.type]) else _CANONICAL[field.type]
    checks = [pa.Check.ge(field.minimum, n_failure_cases=1)] if field.minimum is not None else []
    return pa.Column(dtype, checks, nullable=not field.required)


def _words(field: Field) -> str:
    kinds = {
        "text": "text", "integer": "a whole number", "number": "a number", "money": "DECIMAL money, like DECIMAL(18,2)",
        "timestamp": "a timestamp", "date": "a date", "boolean": "true or false",
    }  # fmt: skip
    return f"{kinds[field.type]} ({field.description[0].lower()}{field.description[1:]})"


def _located(
    name: str, column: str, table: ibis.Table, bad: ibis.expr.types.BooleanValue, what: str, fix: str, check: str
) -> list[Problem]:
    numbered = table.mutate(_bad=bad.fill_null(False), _row=ibis.row_number() + 1)
    counts = {"of": numbered.count(), "n": numbered._bad.sum(), "first": numbered._row.min(where=numbered._bad)}
    seen = numbered.aggregate(**counts).to_pyarrow().to_pylist()[0]
    if not seen["n"]:  # pandera finds empty cells in a table without rows
        return []
    return [
        Problem(name, column, what.format(n=f"{seen['n']:,}", of=f"{seen['of']:,}"), fix, seen["n"], seen["first"], check=check)
    ]


def _duplicates(name: str, table: ibis.Table) -> list[Problem]:
    key = TABLES[name].key
    numbered = table.select(*key, _row=ibis.row_number() + 1)
    repeated = numbered.group_by(*key).aggregate(n=numbered.count(), second=numbered._row.max()).filter(ibis._.n > 1)
    seen = repeated.aggregate(keys=repeated.count(), first=repeated.second.min()).to_pandas().iloc[0]
    if not seen["keys"]:
        return []
    what = f"{int(seen['keys']):,} keys occur more than once"
    return [
        Problem(
            name,
            " + ".join(key),
            what,
            "Each key may stand on one row: remove repeats or add what tells the rows apart.",
            int(seen["keys"]),
            int(seen["first"]),
            check="duplicate_keys",
        )
    ]


def _orphans(name: str, tables: Mapping[str, ibis.Table]) -> list[Problem]:
    out = []
    for field in TABLES[name].fields.values():
        other, _, column = field.refers.partition(".")
        if not field.refers or other not in tables or field.name not in tables[name].columns:
            continue
        known = tables[other].select(_known=tables[other][column]).distinct()
        numbered = tables[name].select(_value=field.name, _row=ibis.row_number() + 1)
        lost = numbered.filter(numbered._value.notnull()).anti_join(known, numbered._value == known._known)
        seen = lost.aggregate(n=lost.count(), first=lost._row.min()).to_pandas().iloc[0]
        if seen["n"]:
            what = f"{int(seen['n']):,} rows name a {column} that {other} does not have"
            out.append(
                Problem(
                    name,
                    field.name,
                    what,
                    f"Add the missing rows to {other} or correct the ids.",
                    int(seen["n"]),
                    int(seen["first"]),
                    fatal=False,
                    check="orphan_keys",
                )
            )
    return out
