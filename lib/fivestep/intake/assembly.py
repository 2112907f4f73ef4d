"""From the sheets of one source to rows of contract tables: filled, exploded, converted, left out for a stated reason, split."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import ibis
import ibis.expr.datatypes as dtypes
from ibis.expr.types import BooleanValue, StringValue, Table, Value

from fivestep.contract import TABLES, declared, headers
from fivestep.contract.validation import no_key_twice
from fivestep.errors import UserError
from fivestep.intake import conversion, places
from fivestep.intake.conversion import EXACT, MONEY
from fivestep.intake.mapping import ASK, DROP, FILE, KEEP, LOOKED_UP, Source, Target, extra_name
from fivestep.intake.matching import FEEDS, MADE, SHARED
from fivestep.intake.sheet import ROW, Sheet
from fivestep.language import _
from fivestep.privacy.masking import DIRECT, masked
from fivestep.privacy.pseudonyms import Pseudonyms

HOMES = {
    "customer_id": (
        "customers", "orders", "order_lines", "opportunities", "interactions", "feedback", "survey", "events", "exposures",
        "costs",
    ),
    "order_id": ("orders", "order_lines"),
    "order_date": ("orders", "order_lines"),
    "product_id": ("products", "order_lines"),
    "store": ("orders", "order_lines"),
    "campaign_id": ("campaigns",),
    "opportunity_id": ("opportunities", "stage_history"),
}  # fmt: skip
CLOSED = ("won", "lost")  # statuses of an opportunity
NO_PRODUCT = "(none)"  # keeps the money of lines that name no product
KEPT, EXCLUDED, REFUNDED, INCOMPLETE, ORDER_EXCLUDED, REPEATED, REPLACED = range(7)
PERSONAL = 7  # a state of extra columns: the cell holds a phone number, an e-mail address or the number of an identity card

_SPAN = 2**40  # rows of a file, more than any file has
_ITEM = r"(.+?)[(（](\d+)\s*件[)）]\s*(?:[;；,，]|$)"


@dataclass(frozen=True)
class Cells:
    """One column of the file on its way to one field: which header, which state column."""

    header: str
    target: Target
    state: str


@dataclass(frozen=True)
class Wide:
    """The typed rows of a source: a column for each field (``table.field``), ``_out`` says why a row is left out.

    ``plain``: every cell is read by the engine's own cast, so that the rows need not be stored to be asked again and again.
    ``copies``: rows identical to an earlier one that were kept, and the first of them; ``unique``: no key stands on two rows.
    """

    source: Source
    sheets: tuple[Sheet, ...]
    rows: Table
    cells: tuple[Cells, ...]
    extras: Mapping[str, str] = field(default_factory=dict)
    plain: bool = False
    copies: tuple[int, int] = (0, 0)
    unique: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(c for c in self.rows.columns if "." in c)

    @property
    def name(self) -> str:
        return self.source.files[0]

    @property
    def label(self) -> str:
        """All files of the source, as what is said of their sum names them."""
        return ", ".join(self.source.files)

    def place(self, order: int) -> tuple[Sheet, int]:
        """The sheet and the row, as the file counts them, of an ``_order``."""
        return self.sheets[order // _SPAN], order % _SPAN


def feeds(source: Source) -> tuple[str, ...]:
    """The contract tables that a source fills: its own, and those of which it has a field beyond the keys."""
    mapped = {t.target for targets in source.columns.values() for t in targets if t.target and t.target.place == "contract"}
    out = [source.table] if source.table in TABLES else []
    for table in FEEDS.get(source.table, ())[1:]:
        own = {t.field for t in mapped if t.table == table}
        keys = TABLES[table].key if table in TABLES else ("",)
        if own - set(SHARED) and all(home(k, table, {t.name for t in mapped}) for k in keys):
            out.append(table)
    return tuple(out)


def unused(source: Source) -> dict[str, list[str]]:
    """By table the headers that are mapped to one of its fields and reach no row, as the source cannot feed that table."""
    there = {t.to for targets in source.columns.values() for t in targets}
    fed = (t for t in feeds(source) if t in TABLES)
    used = {home(f, table, there) for table in fed for f in TABLES[table].fields}
    used.add(home("customer_id", "customers", there))  # whose names and phones go to the vault
    out: dict[str, list[str]] = {}
    for header, targets in source.columns.items():
        for to in (t.target for t in targets):
            if not to or to.place != "contract" or to.table in ("", source.table) or to.name in used:
                continue
            if to.table in TABLES and to.field in TABLES[to.table].fields:
                out.setdefault(to.table, []).append(header)
    return out


def home(name: str, table: str, there: set[str] | Sequence[str]) -> str:
    """The field (``table.field``) whose column fills *name* of *table*; empty where no column does."""
    if f"{table}.{name}" in there:
        return f"{table}.{name}"
    return next((f"{t}.{name}" for t in HOMES.get(name, ()) if f"{t}.{name}" in there), "")


def missing(source: Source, orders: bool = False) -> tuple[str, ...]:
    """The required fields of a source's own table that no column fills and that cannot be made or derived.

    *orders*: another source has orders, from which lines take their date.
    """
    if source.table not in TABLES:
        return ()
    there = {t.to for targets in source.columns.values() for t in targets}
    made = {MADE.get(source.table, "")}
    if source.table == "survey" and "survey.answer" in there:
        made.add("question_id")
    if source.table == "order_lines":
        made |= {"order_date"} if orders else set()
        made |= {"line_amount"} if {"order_lines.quantity", "order_lines.unit_price"} <= there or source.items else set()
        made |= {"product_id"} if source.items else set()
    if source.table == "orders" and "orders.paid_amount" in there:
        made.add("order_amount")
    required = (f.name for f in TABLES[source.table].fields.values() if f.required)
    return tuple(f"{source.table}.{f}" for f in required if f not in made and not home(f, source.table, there))


# ---------------------------------------------------------------- one source
def wide(source: Source, sheets: Sequence[Sheet], connection: ibis.BaseBackend, zone: str, name: str, names: Pseudonyms) -> Wide:
    """The typed rows of all sheets of a source, stored as a table of the engine called *name* where typing them is costly."""
    locale = conversion.locale(source, zone)
    cells = _cells(source)
    extras = {f"keep.{t.name or extra_name(h)}": h for h, targets in source.columns.items() for t in targets if t.to == KEEP}
    parts = [_typed(source, *group, cells, locale, names) for group in _stacked(source, sheets, cells)]
    rows = parts[0][0] if len(parts) == 1 else ibis.union(*(typed for typed, _plain in parts))
    plain = all(plain for _typed, plain in parts)
    if not plain:
        connection.create_table(name, rows, overwrite=True)
        rows = connection.table(name)
    return Wide(source, tuple(sheets), rows, cells, extras, plain)


Years = Mapping[str, tuple[str, ...]]  # of `_years`


def _stacked(source: Source, sheets: Sequence[Sheet], cells: Sequence[Cells]) -> list[tuple[Sheet, Years, Table]]:
    """The rows of all sheets with the number of their sheet (``_file``), those that are typed alike in one table.

    The typing of many small files costs more than their cells: it is said once for all sheets with the same columns of text.
    """
    groups: dict[tuple, list[tuple[Sheet, Years, Table]]] = {}
    for number, sheet in enumerate(sheets):
        rows = sheet.rows.mutate(_file=ibis.literal(number, type="int32"))
        years = {} if source.fill or source.items else _years(sheet.rows, source, sheet, cells)
        alike: tuple = (sheet.columns, sheet.numeric, sheet.pointed, tuple(sorted(years.items())))
        if sheet.plain or source.fill or source.items:
            alike = (number,)
        groups.setdefault(alike, []).append((sheet, years, rows))
    out = []
    for (sheet, years, rows), *more in groups.values():
        others = [other.select(rows.columns) for _sheet, _same, other in more]
        out.append((sheet, years, ibis.union(rows, *others) if others else rows))
    return out


def _cells(source: Source) -> tuple[Cells, ...]:
    used = ((h, t) for h, targets in source.columns.items() for t in targets if t.to not in (DROP, ASK))
    return tuple(Cells(header, target, f"s{i}") for i, (header, target) in enumerate(used))


def quick(
    source: Source, columns: Sequence[str], texts: Sequence[StringValue], zone: str, suspects: Collection[str]
) -> dict[int, tuple[Value, BooleanValue]]:
    """Of a file's columns those that the engine's own cast may read whole: for each its value, and which cells it does not read.

    None where the text of the cells is needed: to be filled from above, taken apart, or made into a key.
    """
    key = MADE.get(source.table, "")
    if source.fill or source.items or (key and not any(c.target.to == f"{source.table}.{key}" for c in _cells(source))):
        return {}
    locale, out = conversion.locale(source, zone), {}
    told = {spelled(columns, h) for h in source.exclude}
    names = [(cell, spelled(columns, cell.header)) for cell in _cells(source)]
    for cell, name in names:
        if not name or name in told or cell.target.to == KEEP or sum(name == other for _cell, other in names) > 1:
            continue
        at = list(columns).index(name)
        made = conversion.converted(texts[at], cell.target, locale, unit=headers.header(name).unit)
        if made.easy is None or made.easy is True:
            continue
        odd = ~made.easy
        if not made.short.type().is_string():
            odd = odd | conversion.trapped(texts[at], suspects)
        if made.short.type().is_numeric() and not source.decimal:
            odd = odd | conversion.thirds(texts[at])
        out[at] = (made.short, odd)
    return out


def column(sheet: Sheet, header: str) -> str:
    """The sheet's own spelling of a header; empty where it has none like it."""
    return spelled(sheet.columns, header)


def spelled(columns: Sequence[str], header: str) -> str:
    """The one of *columns* that a header means; empty where none is like it."""
    if header in columns:
        return header
    return next(
        (c for c in columns if headers.key(c) == headers.key(header) and headers.header(c).unit == headers.header(header).unit),
        "",
    )


def _typed(
    source: Source, sheet: Sheet, years: Years, stacked: Table, cells: Sequence[Cells], locale: conversion.Locale,
    names: Pseudonyms,
) -> tuple[Table, bool]:  # fmt: skip
    """The typed rows of sheets that are like *sheet*, and whether all of them is the engine's own casting."""
    rows = _exploded(_filled(stacked, source, sheet), source, sheet)
    out: dict[str, Value] = {
        "_file": rows._file,
        "_order": (rows[ROW] + rows._file.cast("int64") * _SPAN).cast("int64"),
        "_item": rows["_item"] if "_item" in rows.columns else ibis.literal(0, type="int32"),
    }
    made: dict[Cells, conversion.Converted] = {}
    years = years if rows is stacked else _years(rows, source, sheet, cells)
    for cell in cells:
        name = column(sheet, cell.header)
        text = rows[name] if name else ibis.null("string")
        if cell.target.to == KEEP:
            made[cell] = _extra(text, cell.target)
        else:
            unit = headers.header(name or cell.header).unit
            if name in sheet.plain:
                made[cell] = conversion.Converted(text, ibis.literal(conversion.FINE, type="int8"), text, True)
                continue
            own = replace(locale, years=years.get(name, ()), decimal="." if name in sheet.pointed else locale.decimal)
            made[cell] = conversion.converted(text, cell.target, own, numeric=name in sheet.numeric, unit=unit)
            if cell.target.id == "hashed" and name:
                made[cell] = replace(made[cell], value=names.expression(made[cell].value))
    easy = _easy(rows, made) if rows is stacked else set()
    filled: dict[str, list[tuple[int, str, Value]]] = {}
    for cell, cast in made.items():
        if cell.target.to == KEEP:
            to = f"keep.{cell.target.name or extra_name(cell.header)}"
        else:
            to = cell.target.to + (f":{cell.target.by}" if cell.target.by else "")
            to += f":{cell.target.rank}" if cell.target.by == "related_id" else ""  # the next one where the first is nobody's
            to += f":{cell.target.name or cell.header}" if cell.target.to == "survey.answer" else ""
        filled.setdefault(to, []).append((cell.target.rank, cell.target.when, cast.short if cell in easy else cast.value))
        out[cell.state] = ibis.literal(conversion.FINE, type="int8") if cell in easy else cast.state
    statuses = [v for _rank, _when, v in sorted(filled.get("opportunities.status", ()), key=lambda rwv: rwv[0])]
    closed = ibis.coalesce(*statuses, "").lower().isin(CLOSED) if statuses else ibis.literal(False)
    for to, values in filled.items():
        ranked = [v if not when else (closed if when == "closed" else ~closed).ifelse(v, ibis.null(v.type()))
                  for _rank, when, v in sorted(values, key=lambda rwv: rwv[0])]  # fmt: skip
        out[to] = ranked[0] if len(ranked) == 1 else ibis.coalesce(*ranked)
        if len(ranked) > 1 and _is_value(to):
            differ = (one != other for one, other in itertools.combinations(ranked, 2))
            out[f"_differ:{to.replace('.', '/')}"] = ibis.or_(*(d.fill_null(False) for d in differ))
    if source.items:
        out |= {"products.product_id": rows["_product"], "order_lines.quantity": rows["_quantity"].cast("float64")}
        out |= {"products.product_name": rows["_product"], "_items": rows["_items"]}
        if source.items.amount:
            amount = conversion.money(rows[column(sheet, source.items.amount)], locale).value
            out["order_lines.line_amount"] = _share(amount, rows)
    if MADE.get(source.table) and f"{source.table}.{MADE[source.table]}" not in out:
        content = _content(rows, sheet.columns)
        # Of order lines only copies are counted: 64 bits tell ten million of them apart but for a chance below one in 100,000.
        out["_content"] = content.hash() if source.table == "order_lines" else content
    told = [_is(rows[c], v) for h, v in source.exclude.items() if h not in out and (c := column(sheet, h))]
    out["_told"] = ibis.or_(*told) if told else ibis.literal(False)
    typed = rows.select(**out)
    plain = set(made) == easy and not source.exclude and source.refunds.policy != "status"
    return typed.mutate(_out=_out(typed, source)).drop("_told"), plain


def _is_value(to: str) -> bool:
    """Whether a field is one of the contract of which two columns should say the same; two ids of one thing differ."""
    own = declared(to)
    return bool(own and not own.is_id)


def _years(rows: Table, source: Source, sheet: Sheet, cells: Sequence[Cells]) -> dict[str, tuple[str, ...]]:
    """Of the columns that mix dates with a year of two digits and of four: the last two digits of the years with four."""
    if source.date_order not in ("dmy", "mdy"):
        return {}
    dates = {column(sheet, c.header) for c in cells if c.target.target and c.target.target.kind in ("date", "datetime")}
    names = sorted(dates - {""} - sheet.plain)
    short = {f"c{i}": rows[c].re_search(r"^\s*\d{2}[/.-]\d{1,2}[/.-]\d{1,2}\b").any() for i, c in enumerate(names)}
    found = rows.aggregate(**short).to_pyarrow().to_pylist()[0] if short else {}
    out = {}
    for i, name in enumerate(names):
        if found[f"c{i}"]:
            years = rows[name].re_extract(r"^\s*\d{2}(\d{2})[-/.]\d{1,2}[-/.]\d{1,2}", 1).nullif("")
            out[name] = tuple(sorted(y for y in rows.select(y=years).distinct().to_pyarrow()["y"].to_pylist() if y))
    return out


def _easy(rows: Table, made: Mapping[Cells, conversion.Converted]) -> set[Cells]:
    """The columns of which the engine's own cast reads every cell: one quick pass spares the slow conversions."""
    free = {cell for cell, cast in made.items() if cast.easy is True}
    asked = {cell.state: cast.easy.all() for cell, cast in made.items() if cast.easy is not None and cell not in free}
    found = rows.aggregate(**asked).to_pyarrow().to_pylist()[0] if asked else {}
    return {cell for cell in made if cell in free or found.get(cell.state)}


def _content(rows: Table, columns: Sequence[str]) -> Value:
    parts = [ibis.coalesce(rows[c], ibis.literal("")) for c in columns]
    joined = parts[0]
    for part in parts[1:]:
        joined = joined + "\x1f" + part
    return joined


def _extra(text: Value, target: Target) -> conversion.Converted:
    made = conversion.extra(text)
    if not target.personal:
        return made
    return conversion.Converted(made.value, made.value.re_search(DIRECT).fill_null(False).ifelse(PERSONAL, 0).cast("int8"))


def _filled(rows: Table, source: Source, sheet: Sheet) -> Table:
    """Cells that stand on the first row of an order or a customer only, on all its rows.

    A block is all rows of one value of ``fill_by``; without it, from a row whose first column to fill is not empty to the next.
    """
    names = [c for c in (column(sheet, h) for h in source.fill or ()) if c]
    if not names:
        return rows
    by = column(sheet, source.fill_by) if source.fill_by else ""
    if by:
        rows = rows.mutate(_block=rows[by])
    else:
        starts = ibis.window(order_by=rows[ROW], preceding=None, following=0)
        rows = rows.mutate(_block=rows[names[0]].notnull().cast("int64").sum().over(starts))
    named = {f"_first{i}": rows[c].argmin(rows[ROW], where=rows[c].notnull()) for i, c in enumerate(names)}
    firsts = rows.group_by("_block").aggregate(**named).rename(_of="_block")
    joined = rows.left_join(firsts, rows._block == firsts._of)
    filled = {c: ibis.coalesce(joined[c], joined[f"_first{i}"]) for i, c in enumerate(names)}
    return joined.select(**{c: filled.get(c, joined[c]) for c in rows.columns if c != "_block"})


def filled(source: Source, sheet: Sheet) -> dict[str, int]:
    """By column of a sheet how many empty cells `Source.fill` takes from above; columns without any are left out."""
    names = [c for c in (column(sheet, h) for h in source.fill or ()) if c]
    if not names:
        return {}
    counts = [
        t.aggregate(**{f"n{i}": t[c].count() for i, c in enumerate(names)})
        for t in (sheet.rows, _filled(sheet.rows, source, sheet))
    ]
    before, after = (c.to_pyarrow().to_pylist()[0] for c in counts)
    return {c: n for i, c in enumerate(names) if (n := after[f"n{i}"] - before[f"n{i}"])}


def _exploded(rows: Table, source: Source, sheet: Sheet) -> Table:
    """One row for each item of a packed cell; a cell that cannot be read is one item."""
    if not source.items:
        return rows
    packed = rows[column(sheet, source.items.column)]
    count = column(sheet, source.items.count) if source.items.count else ""
    said = rows[count].try_cast("float64").cast("int64") if count else ibis.null("int64")
    parts = _extract_all(packed, _ITEM, 1)
    numbers = _extract_all(packed, _ITEM, 2)
    readable = parts.length() > 0
    one = ibis.array([ibis.coalesce(packed, ibis.literal(NO_PRODUCT))])
    rows = rows.mutate(
        _products=readable.ifelse(parts, one),
        _numbers=readable.ifelse(numbers, ibis.array([ibis.coalesce(said, 1).cast("string")])),
        _said=said,
    )
    rows = rows.mutate(_item=ibis.range(0, rows._products.length())).unnest("_item")
    quantity = rows._numbers[rows._item].cast("int64")
    rows = rows.mutate(_product=rows._products[rows._item].strip(), _quantity=quantity)
    return rows.mutate(_items=_counted(rows)).drop("_products", "_numbers", "_said")


def _counted(rows: Table) -> BooleanValue:
    """Whether the items of a row are as many as the file says; true where it does not say."""
    total = rows._quantity.sum().over(ibis.window(group_by=ROW))
    return rows._said.isnull() | (total == rows._said)


def _share(amount: Value, rows: Table) -> Value:
    """The amount of an order shared out in cents by the number of items; the last item takes what rounding leaves."""
    own = ibis.window(group_by=rows[ROW])
    upto = ibis.window(group_by=rows[ROW], order_by=rows._item, preceding=None, following=0)
    total = rows._quantity.sum().over(own)
    until = rows._quantity.sum().over(upto)
    cut = (until == total).ifelse(amount, (amount.cast("float64") * until / total).cast(MONEY)).cast(EXACT)
    before = (amount.cast("float64") * (until - rows._quantity) / total).cast(MONEY)
    return ibis.ifelse(total > 0, (cut - before).cast(EXACT), ibis.ifelse(rows._item == 0, amount, ibis.literal(0).cast(EXACT)))


def _out(rows: Table, source: Source) -> Value:
    cases = [(rows._told, EXCLUDED)]
    for name, values in source.exclude.items():
        if name in rows.columns:
            cases.append((_is(rows[name], values), EXCLUDED))
    if source.refunds.policy == "status" and source.refunds.field in rows.columns:
        cases.append((_is(rows[source.refunds.field], source.refunds.values), REFUNDED))
    return ibis.cases(*cases, else_=KEPT).cast("int8")


def _is(value: Value, said: Sequence[str]) -> BooleanValue:
    if "*" in said:
        return value.notnull()
    return conversion.plain(value.cast("string")).lower().isin([conversion.plain_key(v) for v in said]).fill_null(False)


def check_excluded(source: Source) -> None:
    """Raise UserError where rows are to be left out by what is neither a mapped field nor a column of the file."""
    there = {t.to for targets in source.columns.values() for t in targets} | {headers.key(h) for h in source.columns}
    for name in source.exclude:
        if name not in there and headers.key(name) not in there and not source.others:
            raise UserError(
                _("{file}: {source}: exclude: {name} is neither a mapped field nor a column. Correct or remove it.").format(
                    file=FILE, source=source.files[0], name=name
                )
            )


# ---------------------------------------------------------------- tables
def finished(made: Wide, connection: ibis.BaseBackend, orders: Table | None, lookups: Mapping[str, Table], name: str) -> Wide:
    """The rows with names looked up, with the dates of their orders, and with the reason why incomplete ones are left out.

    What has been joined to them is stored as *name*, else that is a view of them.
    """
    rows, table, looked_up = made.rows, made.source.table, False
    for by, lookup in lookups.items():
        to = LOOKED_UP[by]
        for column in sorted(c for c in rows.columns if f"{c}:".startswith(f"{to}:{by}:")):
            known = lookup.select(_name=lookup.name, _id=lookup.id, _ids=lookup.ids).view()  # of two columns each its own
            joined = rows.left_join(known, rows[column] == known._name)
            nobody = ibis.null("string") if by == "related_id" else joined[column]  # a name may serve as an id
            found = ibis.cases((joined._ids == 1, joined._id), (joined._ids > 1, ibis.null("string")), else_=nobody)
            several, unknown = (joined._ids > 1).fill_null(False), joined._ids.isnull() & joined[column].notnull()
            if to in rows.columns:
                found = ibis.coalesce(joined[to], found)
                several, unknown = several & joined[to].isnull(), unknown & joined[to].isnull()
            looked_up, told = True, column.removeprefix(f"{to}:")
            new = {to: found, f"_several:{told}": several, f"_unknown:{told}": unknown}
            rows = joined.select(**{c: joined[c] for c in rows.columns if c != to}, **new)
    if table == "order_lines" and orders is not None and "orders.order_id" in rows.columns:
        known = orders.select(_key=orders.order_id, _date=orders.order_date, _left=orders.left)
        joined = rows.left_join(known, rows["orders.order_id"] == known._key)
        own = joined["orders.order_date"] if "orders.order_date" in rows.columns else ibis.null("timestamp(6)")
        keep = {c: joined[c] for c in rows.columns if c not in ("orders.order_date", "_out")}
        out = ((joined._out == KEPT) & joined._left.fill_null(False)).ifelse(ORDER_EXCLUDED, joined._out).cast("int8")
        looked_up = True
        rows = joined.select(**keep, **{"orders.order_date": ibis.coalesce(own, joined._date), "_out": out})
    rows = _derived(rows, made.source)
    rows = rows.mutate(_out=((rows._out == KEPT) & _incomplete(rows, table)).ifelse(INCOMPLETE, rows._out).cast("int8"))
    if looked_up:
        connection.create_table(name, rows, overwrite=True)
        rows = connection.table(name)
    else:  # one name for the long expression, which every later query would write out again
        rows = connection.create_view(name, rows, overwrite=True)
    return replace(made, rows=rows)


def without_repeats(made: Wide, connection: ibis.BaseBackend, name: str) -> Wide:
    """The rows with the reason why a row that repeats another is left out; stored as *name* where there is such a row.

    Where the file has the key of its table, a row that says what a later row of its key says is REPEATED, and an order line whose
    key stands on a later row with other values is REPLACED. Where the key is made, nothing tells a row sent twice from two alike:
    identical rows are kept and counted, unless the source says ``repeats: drop``.
    """
    table = made.source.table
    if table not in TABLES or made.source.items or (table == "survey" and "survey.answer" in _answered(made)):
        return made
    kept = made.rows.filter(made.rows._out == KEPT)
    keys = [home(k, table, kept.columns) for k in TABLES[table].key]
    if all(keys):
        filled = made.rows.filter(*(made.rows[k].notnull() for k in keys))  # of all rows: why one is left out takes time to tell
        if no_key_twice(filled, keys):
            return replace(made, unique=True)
        same, reason = [*keys, *(c for c in made.fields if c not in keys)], REPEATED
    elif "_content" in kept.columns:
        same, reason = ["_file", "_content"], REPEATED
        several = kept.group_by(same).aggregate(n=kept.count()).filter(ibis._.n > 1)
        alike = kept.semi_join(several, same)
        place = ibis.row_number().over(ibis.window(group_by=same, order_by="_order"))
        copies = alike.select("_order", place=place).filter(ibis._.place > 0)
        seen = copies.aggregate(n=copies.count(), first=copies._order.min()).to_pyarrow().to_pylist()[0]
        if not seen["n"] or made.source.repeats != "drop":
            return replace(made, copies=(seen["n"], (seen["first"] or 0) % _SPAN))
    else:
        return made
    rows = made.rows
    whole = (rows._out == KEPT) & ibis.and_(*(rows[c].notnull() for c in (keys if all(keys) else same)))
    order = [ibis.desc(rows._order)] if all(keys) else [rows._order]  # the later row of a key counts, else the first

    def again(by: Sequence[str]) -> BooleanValue:
        return whole & (ibis.row_number().over(ibis.window(group_by=[whole, *by], order_by=order)) > 0)

    cases = [(again(same), reason)]
    if table == "order_lines" and all(keys):
        cases.append((again(keys), REPLACED))
    connection.create_table(name, rows.mutate(_out=ibis.cases(*cases, else_=rows._out).cast("int8")), overwrite=True)
    return replace(made, rows=connection.table(name), unique=table == "order_lines" and all(keys))


def _answered(made: Wide) -> set[str]:
    return {c.partition(":")[0] for c in made.rows.columns}


def _derived(rows: Table, source: Source) -> Table:
    """What follows from other columns: quantity times price, unit cost times quantity, less refunds, names, ends, the city."""

    def has(*names: str) -> bool:
        return all(n in rows.columns for n in names)

    new: dict[str, Value] = {}
    quantity, price, amount = "order_lines.quantity", "order_lines.unit_price", "order_lines.line_amount"
    if source.table == "order_lines":
        if has(quantity, price) and (source.line_amount or not has(amount)):
            exact = rows[quantity].cast(EXACT) * rows[price]
            if "discount" in source.line_amount and has("order_lines.line_discount"):
                exact = exact - ibis.coalesce(rows["order_lines.line_discount"], ibis.literal(0).cast(MONEY))
            new[amount] = exact.cast(dtypes.Decimal(38, 6)).try_cast(EXACT)
        if has("order_lines.unit_cost", quantity) and not has("order_lines.cost"):
            cost = rows["order_lines.unit_cost"] * rows[quantity].cast(EXACT)
            new["order_lines.cost"] = cost.cast(dtypes.Decimal(38, 6)).try_cast(EXACT)
        product = home("product_id", "order_lines", rows.columns)
        if product:
            new[product] = ibis.coalesce(rows[product], ibis.literal(NO_PRODUCT))
    for name in ("customers.customer_name", "contacts.contact_name"):
        parts = [rows[c] for c in (f"{name.partition('.')[0]}.{p}_name" for p in ("first", "last")) if has(c)]
        if parts:
            new[name] = ibis.coalesce(*([rows[name]] if has(name) else []), _full_name(*parts))
    entered, days, left = "stage_history.entered_at", "stage_history.days_in_stage", "stage_history.left_at"
    if has(entered, days) and not has(left):
        new[left] = (rows[entered] + (rows[days] * 86_400).round().cast("int64").as_interval("s")).cast("timestamp(6)")
    opened, closed = "opportunities.created_at", "opportunities.closed_at"
    if has(opened, closed):  # a day without a time, on which it was opened too, does not lie before its opening
        bare = (rows[closed] == rows[closed].truncate("D")) & (rows[closed] == rows[opened].truncate("D"))
        new[closed] = bare.fill_null(False).ifelse(rows[opened], rows[closed])
    if has("customers.city", "customers.province"):
        new["customers.city"] = places.city_in(rows["customers.city"], rows["customers.province"])
    if source.table == "orders" and not has("orders.order_amount") and has("orders.paid_amount"):
        new["orders.order_amount"] = rows["orders.paid_amount"]
    refund = "orders.refund_amount"
    if source.refunds.policy == "refund_column" and has(refund):
        to = "orders.order_amount" if has("orders.order_amount") or "orders.order_amount" in new else amount
        if has(to) or to in new:
            gross = new.get(to, rows[to] if has(to) else None)
            if to.startswith(f"{source.table}."):
                new["_gross"] = gross
            new[to] = (gross - ibis.coalesce(rows[refund].abs(), ibis.literal(0).cast(EXACT))).cast(EXACT)
            new[refund] = rows[refund].abs()
    return rows.mutate(**new) if new else rows


def _full_name(first: StringValue, last: StringValue | None = None) -> StringValue:
    """First and last name as one; in Chinese the last name comes first, without a blank."""
    if last is None:
        return first
    chinese = (first + last).re_search(r"\p{Han}")
    return ibis.coalesce(chinese.ifelse(last + first, first + " " + last), last, first)


def _incomplete(rows: Table, table: str) -> BooleanValue:
    """Whether a row lacks what its table cannot be without; a contact person is one of a customer."""
    if table == "contacts" and (at := home("customer_id", "customers", rows.columns)):
        return rows[at].isnull()
    if table not in TABLES:
        return ibis.literal(False)
    lacking = [
        rows[at].isnull()
        for f in TABLES[table].fields.values()
        if f.required and f.name != MADE.get(table) and (at := home(f.name, table, rows.columns))
    ]
    return ibis.or_(*lacking) if lacking else ibis.literal(False)


def part(made: Wide, table: str, names: Pseudonyms, connection: ibis.BaseBackend) -> Table:
    """What a source has for one contract table, with ``_order``; the source's own table keeps a row for each of its rows."""
    rows = made.rows.filter(made.rows._out == KEPT)
    there = rows.columns
    own = made.source.table == table
    if table == "survey" and own:
        return _answers(made, rows, names)
    out: dict[str, Value] = {"_order": rows._order * 1000 + rows._item.cast("int64")}
    for f in TABLES[table].fields.values():
        at = home(f.name, table, there)
        if at:
            out[f.name] = _as(rows[at], f.type)
    if own:
        out |= {c.removeprefix("keep."): rows[c] for c in made.extras if c in there}
    key = MADE.get(table, "")
    if own and key and key not in out:
        if table == "order_lines":
            window = ibis.window(group_by=[rows._file, out["order_id"]], order_by=[rows._order, rows._item])
            out[key] = (ibis.row_number().over(window) + 1).cast("string")
        else:
            out[key] = _made_id(rows, names)
    selected = rows.select(**out)
    if table == "orders" and not own and "order_amount" not in out:
        amounts = rows.select(order_id=out["order_id"], amount=rows["order_lines.line_amount"].cast(MONEY))
        sums = amounts.group_by("order_id").aggregate(order_amount=amounts.amount.sum().cast(MONEY))
        selected = selected.inner_join(sums, "order_id").select(*selected.columns, order_amount=ibis._.order_amount)
    keys = TABLES[table].key
    selected = selected.filter(*(selected[k].notnull() for k in keys))
    if own:
        return selected
    alike = [c for c in selected.columns if c != "_order"]  # rows that say the same, such as the lines of a product, count once
    return one_each(selected.group_by(alike).aggregate(_order=selected._order.max()), keys)


def doubtful(made: Wide, table: str) -> list[str]:
    """What *table* needs beyond its key and rows of another table's file may lack: no column has it, or not on every row.

    Nothing of orders: the lines of one that lacks its amount or its day must not go on without it, so that is an error.
    """
    out = [f.name for f in TABLES[table].fields.values() if f.required and f.name not in TABLES[table].key]
    if table == "orders" or not out:
        return []
    there, own = made.rows.columns, TABLES[made.source.table]
    sure = {home(f.name, made.source.table, there) for f in own.fields.values() if f.required}
    return [f for f in out if (home(f, table, there) or "-") not in sure]


def one_each(rows: Table, keys: Sequence[str]) -> Table:
    """One row for each key: of every column the last value that is not empty, by ``_order``."""
    others = [c for c in rows.columns if c not in (*keys, "_order")]
    last = {c: rows[c].argmax(rows._order, where=rows[c].notnull()) for c in others}
    return rows.group_by(*keys).aggregate(**last, _order=rows._order.max())


def _as(value: Value, kind: str) -> Value:
    types = {
        "money": MONEY,
        "text": "string",
        "number": "float64",
        "integer": "int64",
        "timestamp": "timestamp(6)",
        "date": "date",
    }
    wanted = types.get(kind, "boolean")
    return value if value.type().copy(nullable=True) == ibis.dtype(wanted) else value.cast(wanted)


def _made_id(rows: Table, names: Pseudonyms) -> Value:
    """An id of the whole row: the same row of another export gets the same id, a repeated row its own."""
    window = ibis.window(group_by=rows._content, order_by=rows._order)
    return names.expression(rows._content + "\x1f" + ibis.row_number().over(window).cast("string"))


def _answers(made: Wide, rows: Table, names: Pseudonyms) -> Table:
    """A row for each question of a row of answers."""
    there = set(rows.columns)
    base: dict[str, Value] = {"_order": rows._order}
    for name in ("response_id", "customer_id", "survey_id", "answered_at", "mode"):
        if at := home(name, "survey", there):
            base[name] = rows[at]
    if "response_id" not in base:
        base["response_id"] = _made_id(rows, names)
    scores = {conversion.plain_key(k): v for k, v in made.source.scores.items()}
    parts = []
    for name in [c for c in rows.columns if c.startswith("survey.answer:")]:
        answer = rows[name]
        number = answer.re_extract(r"^\s*(-?\d+(?:\.\d+)?)\s*(?:[-–:=.].*)?$", 1).try_cast("float64")
        key = conversion.plain(answer).lower()
        named = [(key == k, ibis.literal(v, type="float64")) for k, v in scores.items()]
        score = ibis.coalesce(ibis.cases(*named, else_=ibis.null("float64")), number) if named else number
        question = ibis.literal(name.partition(":")[2])
        parts.append(rows.select(**base, question_id=question, answer=answer, score=score).filter(ibis._.answer.notnull()))
    if "survey.question_id" in there:  # already a row for each answer
        at = {f.name: rows[f"survey.{f.name}"] for f in TABLES["survey"].fields.values() if f"survey.{f.name}" in there}
        parts = [rows.select(**{**base, **at})]
    return parts[0] if len(parts) == 1 else ibis.union(*parts)


def vault_rows(made: Wide, table: str) -> Table | None:
    """The direct identifiers that a source has for customers or contacts, by raw id; None where it has none."""
    rows = made.rows.filter(made.rows._out == KEPT)
    names = {"customer_name": "name", "contact_name": "name", "phone": "phone", "email": "email", "address": "address",
             "contact_id": "contact_id", "job_title": "job_title", "marketing_opt_out": "marketing_opt_out"}  # fmt: skip
    own = {
        f: new
        for f, new in names.items()
        if f"{table}.{f}" in rows.columns and headers.targets()[f"{table}.{f}"].place == "vault"
    }
    key = home("customer_id", "customers", rows.columns)
    if not own or not key:
        return None
    out = {new: rows[f"{table}.{f}"] for f, new in own.items()}
    chosen = rows.select(raw_id=rows[key], **out, _order=rows._order).filter(ibis._.raw_id.notnull())
    return chosen.filter(ibis.or_(*(chosen[c].notnull() for c in own.values())))


def united(parts: Sequence[Table]) -> Table:
    """The rows of all parts; a column that one lacks is empty in its rows."""
    columns = dict.fromkeys(c for t in parts for c in t.columns)
    types = {c: next(t[c].type() for t in parts if c in t.columns) for c in columns}
    return union([t.select(**{c: t[c] if c in t.columns else ibis.null(types[c]) for c in columns}) for t in parts])


def union(parts: Sequence[Table]) -> Table:
    """The rows of all parts, which have the same columns."""
    return parts[0] if len(parts) == 1 else ibis.union(*parts)


def stored(connection: ibis.BaseBackend, rows: Table, name: str) -> Table:
    """The rows as a table of the engine, computed once."""
    part = f"{name}_new"
    connection.create_table(part, rows, overwrite=True)
    connection.raw_sql(f'DROP TABLE IF EXISTS "{name}"')
    connection.raw_sql(f'ALTER TABLE "{part}" RENAME TO "{name}"')
    return connection.table(name)


def shown(text: object) -> str:
    """A value of a client's cell as a message may show it."""
    return masked(None if text is None else str(text))


@ibis.udf.scalar.builtin(name="regexp_extract_all")
def _extract_all(text: str, pattern: str, group: int) -> dtypes.Array(dtypes.string): ...  # type: ignore[empty-body, valid-type]
