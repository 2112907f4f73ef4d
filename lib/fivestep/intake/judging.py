"""What became of the cells: counted where they were not understood, refused where they must not be guessed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import ibis

from fivestep import language
from fivestep.contract import declared, headers
from fivestep.errors import UserError
from fivestep.intake import assembly, conversion, matching
from fivestep.intake import mapping as mappings
from fivestep.intake.assembly import KEPT, PERSONAL, Wide, shown, stored, union
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
from fivestep.intake.mapping import FILE
from fivestep.intake.quality import Line, QualitySheet
from fivestep.intake.sheet import ROW, Sheet
from fivestep.language import N_, _

NUMBERS = ("money", "number", "int", "percent", "score")  # kinds of fields that are written with a decimal sign
NO_THOUSANDS = ("percent", "score")  # those of them that never go into the thousands
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


class Judge:
    """What became of the cells of an import, said in its quality sheet; what must not be guessed is a UserError."""

    def __init__(self, quality: QualitySheet, connection: ibis.BaseBackend, zone: str, currency: str) -> None:
        self.quality = quality
        self.connection = connection
        self.zone = zone
        self.currency = currency

    def judged(self, made: Wide) -> Wide:
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

    def numberless(self, made: Wide, number: int) -> Wide:
        """The rows without phone numbers, e-mail addresses and numbers of cards in columns of kinds, such as tags or channels."""
        asked = {c.target.to: c for c in made.cells if conversion.is_list(c.target.to) and c.target.to in made.rows.columns}
        if not asked:
            return made
        rows = made.rows
        parts = [rows.select(text=rows[to]).distinct().mutate(at=ibis.literal(i)) for i, to in enumerate(asked)]
        # Stored, as the engine would else look into the text of every row before it tells the different ones.
        values = stored(self.connection, union(parts), f"kinds{number}")
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
        return replace(made, rows=stored(self.connection, rows, f"numberless{number}"), plain=False)

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
        values: dict[str, Any] = {"column": column, "n": rows, "of": of, "field": cell.target.to, "zone": self.zone}
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
            if marks and foreign(marks, self.currency):
                raise UserError(
                    _(
                        "{source}: {column}: amounts are marked {currency}, but engagement.yml says {own}. Correct the "
                        "currency there, or convert the file."
                    ).format(source=made.name, column=cell.header, currency=marks[0], own=self.currency)
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
        return replace(made, rows=stored(self.connection, rows.mutate(**wrong), rows.get_name())) if wrong else made

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
        others = foreign(seen, self.currency)
        if others:
            raise UserError(
                _(
                    "{source}: there are orders in {choices}, but engagement.yml says {own}. Leave them out with "
                    "`exclude: {{orders.currency: [{other}]}}` in {file}, or convert them before the import."
                ).format(source=made.name, choices=", ".join(others[:5]), own=self.currency, other=others[0], file=FILE)
            )


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


def _signs(sheet: Sheet, column: str) -> set[str]:
    """The decimal signs that some cell of a column can be read with only."""
    text = sheet.rows[column]
    if not text.type().is_string():  # read by the engine's own cast, and no cell was like 1.234
        return {"."} if sheet.rows.aggregate(x=(text != text.floor()).any()).to_pyarrow().to_pylist()[0]["x"] else set()
    asked = {s: text.re_search(rf"^[^\d.,]*(?:{p.pattern})[^\d.,]*$").any() for s, p in matching.DECIMALS.items()}
    return {s for s, found in sheet.rows.aggregate(**asked).to_pyarrow().to_pylist()[0].items() if found}


def _is_key(to: str) -> bool:
    own = declared(to)
    return bool(own and own.is_id)


def _is_needed_number(to: str) -> bool:
    return _is_needed(to, "money", "number", "integer")


def _is_needed(to: str, *types: str) -> bool:
    """Whether a field is required, and of one of these types."""
    own = declared(to)
    return bool(own and own.required and own.type in types)
