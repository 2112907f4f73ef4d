"""Rows and money of an import: read, kept, left out for a reason, and what could be told of nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import ibis

from fivestep.contract import TABLES
from fivestep.intake import assembly, conversion, matching
from fivestep.intake.assembly import EXCLUDED, INCOMPLETE, KEPT, ORDER_EXCLUDED, REFUNDED, REPEATED, REPLACED, Wide
from fivestep.intake.conversion import OFFSET
from fivestep.intake.quality import Line, QualitySheet
from fivestep.intake.refunds import refunds, rounded
from fivestep.language import N_

_SHARED_NAME = N_("{column} holds names. Rows whose name several customers or products share, so that it names nobody: {n}.")
_UNKNOWN_NAME = N_("{column} holds names. Rows whose name no other file has, so that it serves as the id: {n}.")
_SHARED_ID = N_("{column} holds ids. Rows whose id several customers share, so that it names nobody: {n}.")
_UNKNOWN_ID = N_(
    "{column} holds ids of customers, contact persons or opportunities. Rows whose id none of them has, so no customer: {n}."
)


class Accounts:
    """Every row and every amount of an import, kept or left out for a reason."""

    def __init__(self, quality: QualitySheet, zone: str) -> None:
        self.quality = quality
        self.zone = zone
        self.money: dict[str, Decimal] = {}
        self.rounded: dict[str, tuple[Decimal, int]] = {}  # by table what rounding took off its amounts, and of how many cells
        self.refunded: dict[str, Decimal] = {}  # by table what a column of refunds took off the amounts read

    def counted(self, made: Wide) -> Wide:
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
        zone, own = self.zone, made.source.time_zone or self.zone
        message = N_("Times of {column} without an offset from UTC: {n}. They were read as {zone}.")
        if own != zone:
            message = N_("Times of {column} without an offset from UTC: {n}. They were read as {own} and are shown in {zone}.")
        if n:
            table, values = cell.target.to.partition(".")[0], {"column": cell.header, "n": n, "zone": zone, "own": own}
            self.quality.add(Line(made.name, table, cell.header, "time_zone", "note", n, message=message, values=values))

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

    def nobody(self, made: Wide) -> None:
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

    def nowhere(self, made: Wide) -> None:
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

    def stages(self, made: Wide) -> None:
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

    def refunded_twice(self, done: Sequence[Wide]) -> None:
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
