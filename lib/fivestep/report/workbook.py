"""A document's tables as one Excel workbook: a sheet for each table exhibit, with raw numbers; contents, findings, definitions.

Nothing that stands in the data can act: every text is written as text, whatever its first character, and no cell is a formula or
a link to outside.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from fivestep import language
from fivestep.errors import UserError
from fivestep.language import _
from fivestep.report.blocks import clean, plain
from fivestep.report.design import COLOURS, display_width

ROWS = 1_048_576  # rows of a sheet
_HEADER = 4  # the row of the column labels: title, notes, way back and an empty row stand above
_CELL = 32_767  # characters of a cell
_SHEET_NAME = 31
_NARROWEST, _WIDEST = 9, 60
_OPTIONS = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def write(path: Path, document: dict[str, Any], run_dir: Path, *, created: dt.datetime) -> None:
    """Write the workbook of a document; the raw values of its tables are read from the ``frame`` files below *run_dir*.

    A table without a frame is written as it was shown, as text; a frame that is missing or cannot be read is a UserError. The
    same input gives the same bytes.
    """
    with xlsxwriter.Workbook(str(path), _OPTIONS) as book:
        meta = document["meta"]
        about = {"title": meta["title"], "company": meta["client"], "author": meta["author"]}
        book.set_properties({**about, "created": created.replace(tzinfo=None)})
        _Writer(book, document, run_dir).write()


class _Writer:
    def __init__(self, book: xlsxwriter.Workbook, document: dict[str, Any], run_dir: Path) -> None:
        self.book, self.run_dir, self.meta = book, run_dir, document["meta"]
        self.tables: list[dict] = []
        self.findings: list[tuple[str, dict]] = []
        chapter = section = ""
        for block in document["blocks"]:
            if block["t"] == "heading":
                section = plain(block["c"])
                chapter = section if block["level"] == 1 else chapter
            elif block["t"] == "table" and block.get("columns"):
                self.tables.append({**block, "section": section})
            elif block["t"] == "finding":
                self.findings.append((chapter, block))
        self.taken: set[str] = set()
        self.contents, self.found, self.defined = (self._sheet_name(n) for n in (_("Contents"), _("Findings"), _("Definitions")))
        text = {"valign": "top", "num_format": "@"}
        head = {**text, "bold": True, "text_wrap": True, "font_color": "#ffffff", "bg_color": COLOURS["primary"]}
        self.formats = {
            "title": book.add_format({**text, "bold": True, "font_size": 14, "font_color": COLOURS["primary"]}),
            "muted": book.add_format({**text, "font_color": COLOURS["muted"]}),
            "head": book.add_format(head),
            "head_right": book.add_format({**head, "align": "right"}),
            "link": book.add_format({**text, "font_color": COLOURS["accent"], "underline": 1}),
            "text": book.add_format(text),
            "long": book.add_format({**text, "text_wrap": True}),
            **{kind: book.add_format({"valign": "top", "num_format": code}) for kind, code in self._number_formats().items()},
        }

    def _number_formats(self) -> dict[str, str]:
        return {
            "count": "#,##0",
            "number": "#,##0.0",
            "ratio": "#,##0.00",
            "index": "#,##0",
            "percent": "0.0%",
            "money": f"[${self.meta['currency']}] #,##0.00",
            "date": "yyyy-mm-dd",
            "month": "yyyy-mm",
        }

    def write(self) -> None:
        contents = self.book.add_worksheet(self.contents)
        if self.findings:
            self._findings(self.book.add_worksheet(self.found))
        sheets = []
        for table in self.tables:
            name = self._sheet_name(f"{table.get('number', '')} {table['section'] or table.get('caption', '')}")
            sheets.append(name)
            self._table(self.book.add_worksheet(name), table)
        definitions = self._definitions(sheets)
        if definitions:
            sheet = self.book.add_worksheet(self.defined)
            self._page(sheet, _("Definitions"), [])
            self._grid(sheet, [_("Column"), _("Meaning"), _("Exhibits")], definitions, [30, 90, 30])
        self._contents(contents, sheets, bool(definitions))

    # ------------------------------------------------------------ sheets
    def _contents(self, sheet: Worksheet, sheets: Sequence[str], defined: bool) -> None:
        sheet.hide_gridlines(2)
        sheet.set_column(0, 0, 24)
        sheet.set_column(1, 1, 100)
        self._text(sheet, 0, 0, self.meta["title"], "title")
        under = filter(None, (self.meta["client"], self.meta["subtitle"], self.meta["date"]))
        self._text(sheet, 1, 0, " · ".join(under), "muted")
        row = 3
        for label, value in self.meta["facts"]:
            self._text(sheet, row, 0, label, "muted")
            self._text(sheet, row, 1, value, "text")
            row += 1
        row += 1
        self._text(sheet, row, 0, _("Sheet"), "head")
        self._text(sheet, row, 1, _("What it shows"), "head")
        listed = [(self.found, _("Findings"))] if self.findings else []
        listed += [(name, t.get("caption", "")) for name, t in zip(sheets, self.tables, strict=True)]
        listed += [(self.defined, _("Definitions"))] if defined else []
        labels = {name: t.get("label", name) for name, t in zip(sheets, self.tables, strict=True)}
        for name, shown in listed:
            row += 1
            self._link(sheet, row, 0, name, labels.get(name, name))
            self._text(sheet, row, 1, shown, "long")

    def _findings(self, sheet: Worksheet) -> None:
        self._page(sheet, _("Findings"), [])
        confidence = {"high": _("High"), "medium": _("Medium"), "low": _("Low")}
        columns = [
            (_("Chapter"), 26, lambda chapter, f: chapter),
            (_("Finding"), 60, lambda chapter, f: f["text"]),
            (_("As shown"), 14, lambda chapter, f: f["display"]),
            (_("Value"), 14, lambda chapter, f: f["value"]),
            (_("Evidence"), 60, lambda chapter, f: f["evidence"]),
            (_("So what"), 60, lambda chapter, f: f["so_what"]),
            (_("Confidence"), 12, lambda chapter, f: confidence.get(f["confidence"], "")),
            (_("Caution"), 50, lambda chapter, f: "\n".join(f["warnings"])),
            (_("Assumptions"), 50, lambda chapter, f: "\n".join(f["assumptions"])),
        ]
        rows = [[of(chapter, f) for _label, _width, of in columns] for chapter, f in self.findings]
        self._grid(sheet, [c[0] for c in columns], rows, [c[1] for c in columns])

    def _definitions(self, sheets: Sequence[str]) -> list[list[str]]:
        places: dict[tuple[str, str], list[str]] = {}
        for table, name in zip(self.tables, sheets, strict=True):
            for c in table["columns"]:
                if c["definition"]:
                    places.setdefault((c["label"], c["definition"]), []).append(table.get("number") or name)
        return [[label, definition, ", ".join(dict.fromkeys(where))] for (label, definition), where in places.items()]

    def _table(self, sheet: Worksheet, table: dict) -> None:
        columns = table["columns"]
        shown = table["rows"]
        values, total = self._values(table, shown)
        notes = [line for line in table.get("below", ()) if line not in (table.get("cut"), table.get("lacking"))]
        if len(values) < total:
            cut = _("Only the first {n} of {all} rows fit on a sheet.")
            notes.insert(0, cut.format(n=language.number(len(values)), all=language.number(total)))
        title = f"{table['label']}: {table['caption']}" if table.get("label") else table.get("caption", "")
        self._page(sheet, title, notes)
        widths = []
        for x, c in enumerate(columns):
            right = c["kind"] in self._number_formats()
            self._text(sheet, _HEADER, x, c["label"], "head_right" if right else "head")
            widest = max((display_width(row[x]) for row in shown), default=0)
            widest += len(self.meta["currency"]) + 4 if c["kind"] == "money" else 0
            word = max((display_width(w) for w in c["label"].split()), default=0)
            widths.append(min(_WIDEST, max(_NARROWEST, widest, word) + 3))
        for x, width in enumerate(widths):
            sheet.set_column(x, x, width)
        for y, row in enumerate(values, start=_HEADER + 1):
            for x, value in enumerate(row):
                self._value(sheet, y, x, value, columns[x]["kind"], wrap=widths[x] >= _WIDEST)
        sheet.freeze_panes(_HEADER + 1, 1 if len(columns) > 1 and columns[0]["kind"] in ("text", "month", "date") else 0)
        if columns:
            sheet.autofilter(_HEADER, 0, _HEADER + len(values), len(columns) - 1)

    def _values(self, table: dict, shown: list[list[str]]) -> tuple[list[list[Any]], int]:
        """The rows of a table with raw numbers, as many as fit, and how many there are; texts as the reader sees them."""
        columns, room = table["columns"], ROWS - _HEADER - 1
        frame = (self.run_dir / table["frame"]).resolve() if table.get("frame") else None
        if frame is None or not frame.is_relative_to(self.run_dir.resolve()):
            return list(shown[:room]), len(shown)
        try:
            read = pq.read_table(frame)
        except (OSError, pa.ArrowInvalid):  # the rows that are shown may be a part of it
            raise UserError(_("{file} is missing or cannot be read. Run again.").format(file=table["frame"])) from None
        total = read.num_rows
        read = read.slice(0, room)
        out = []
        for x, c in enumerate(columns):
            if c["name"] not in read.column_names:
                raw: list[Any] = [None] * read.num_rows
            else:
                raw = read.column(c["name"]).to_pylist()
            if c["kind"] == "text":
                # The first rows stand in the notebook as the reader sees them; what follows is written the same way.
                known = [row[x] for row in shown[: len(raw)]]
                raw = known + [_worded(v, c["values"]) for v in raw[len(known) :]]
            out.append(raw)
        return [list(row) for row in zip(*out, strict=True)], total

    # ------------------------------------------------------------ cells
    def _page(self, sheet: Worksheet, title: str, notes: Sequence[str]) -> None:
        sheet.hide_gridlines(2)
        self._text(sheet, 0, 0, title, "title")
        self._text(sheet, 1, 0, "  ".join(notes), "muted")
        self._link(sheet, 2, 0, self.contents, _("Contents"))

    def _grid(self, sheet: Worksheet, labels: Sequence[str], rows: Sequence[Sequence[Any]], widths: Sequence[int]) -> None:
        """A sheet of words: labels, then rows that wrap."""
        for x, label in enumerate(labels):
            self._text(sheet, _HEADER, x, label, "head")
            sheet.set_column(x, x, widths[x])
        for y, row in enumerate(rows, start=_HEADER + 1):
            for x, value in enumerate(row):
                self._value(sheet, y, x, value, "text", wrap=True)
        sheet.freeze_panes(_HEADER + 1, 0)
        sheet.autofilter(_HEADER, 0, _HEADER + len(rows), len(labels) - 1)

    def _value(self, sheet: Worksheet, y: int, x: int, value: Any, kind: str, *, wrap: bool) -> None:
        format_ = self.formats.get(kind, self.formats["text"])
        if value is None:
            return
        if isinstance(value, dt.datetime):
            value = value.replace(tzinfo=None)
        if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
            if math.isfinite(value):
                sheet.write_number(y, x, float(value), None if kind == "text" else format_)
        elif isinstance(value, (dt.datetime, dt.date)) and value.year >= 1900:
            sheet.write_datetime(y, x, value, format_ if kind in ("date", "month") else self.formats["date"])
        else:
            self._text(sheet, y, x, clean(value), "long" if wrap else "text")

    def _text(self, sheet: Worksheet, y: int, x: int, text: str, look: str) -> None:
        if text:
            sheet.write_string(y, x, text[:_CELL], self.formats[look])

    def _link(self, sheet: Worksheet, y: int, x: int, name: str, text: str) -> None:
        quoted = name.replace("'", "''")
        sheet.write_url(y, x, f"internal:'{quoted}'!A1", self.formats["link"], text)

    def _sheet_name(self, wanted: str) -> str:
        """A legal name of at most 31 UTF-16 units that no other sheet has; a longer one ends with a word."""
        clear = " ".join(re.sub(r"[\[\]:*?/\\]", " ", clean(wanted)).split()).strip("'")
        for i in range(1, len(self.taken) + 3):
            suffix = "" if i == 1 else f" ({i})"
            stem = clear
            while _units(stem + suffix) > _SHEET_NAME:
                stem = stem.rpartition(" ")[0] if " " in stem[:-1].partition(" ")[2] else stem[:-1]
            name = (stem.rstrip(" ',;:–-，、；：") or _("Table")) + suffix
            if name.casefold() not in self.taken and name.casefold() != "history":
                break
        self.taken.add(name.casefold())
        return name


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _worded(raw: Any, values: str) -> str | None:
    """A text value as the reader sees it: a message of the catalog, a labelled data value, or as it is."""
    if language.absent(raw):
        return None
    if values == "message":
        return _(str(raw))
    return language.value(values, raw) if values else str(raw)
