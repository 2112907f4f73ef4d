"""Tables of an HTML page, as which many systems export their .xls."""

from __future__ import annotations

import codecs
import itertools
import re
from collections.abc import Collection, Iterator
from html.parser import HTMLParser
from pathlib import Path

import ibis

from fivestep import language
from fivestep.errors import UserError
from fivestep.intake.encoding import SAMPLE_BYTES, encoding
from fivestep.intake.layout import MAX_COLUMNS, SAMPLE_ROWS, Cells, layout
from fivestep.intake.sheet import Note, Sheet
from fivestep.intake.staging import MAX_CELL, new_file, sheet, stage
from fivestep.language import N_, _

CHUNK = 65_536
MAX_TAG = 1_000_000  # characters that a tag or comment may take: more is no page
MAX_SPAN = 1_000  # rows or columns that a cell may span
MAX_TABLES = 1_000

_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([\w-]+)", re.I)


class _Tables(HTMLParser):
    """Collects finished rows as (table, cells, spans of several columns); a table within a cell is text of that cell."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.done: list[tuple[int, list[str | None], list[tuple[int, int]]]] = []
        self.table, self.depth, self.deaf = -1, 0, 0
        self.row: list[str | None] | None = None
        self.cell: list[str] | None = None
        self.length = 0
        self.span = (1, 1)
        self.spans: list[tuple[int, int]] = []
        self.below: dict[int, int] = {}  # columns that a cell further up still covers, by rows left

    def handle_starttag(self, tag, attrs) -> None:
        if tag in ("script", "style"):
            self.deaf += 1
        elif tag == "table":
            self.depth += 1
            if self.depth == 1:
                self.table, self.below = self.table + 1, {}
        elif self.depth != 1:
            if tag == "br" and self.cell is not None:
                self.cell.append(" ")
        elif tag == "tr":
            self.end_row()
            self.row, self.spans = [], []
        elif tag in ("td", "th"):
            self.end_cell()
            if self.row is None:
                self.row, self.spans = [], []
            said = dict(attrs)
            self.span = _span(said.get("colspan")), _span(said.get("rowspan"))
            self.cell, self.length = [], 0
        elif tag == "br" and self.cell is not None:
            self.cell.append(" ")

    def handle_endtag(self, tag) -> None:
        if tag in ("script", "style"):
            self.deaf = max(self.deaf - 1, 0)
        elif tag == "table" and self.depth:
            if self.depth == 1:
                self.end_row()
            self.depth -= 1
        elif self.depth == 1 and tag in ("td", "th"):
            self.end_cell()
        elif self.depth == 1 and tag == "tr":
            self.end_row()

    def handle_data(self, data) -> None:
        if self.cell is not None and not self.deaf and self.length <= MAX_CELL:
            self.cell.append(data)
            self.length += len(data)

    def end_cell(self) -> None:
        if self.cell is None or self.row is None:
            return
        text = " ".join("".join(self.cell).split()) or None
        self.cover()
        wide, tall = self.span
        if wide > 1:
            self.spans.append((len(self.row), len(self.row) + wide - 1))
        for i in range(wide if len(self.row) <= MAX_COLUMNS else 1):
            if tall > 1:
                self.below[len(self.row)] = tall
            self.row.append(None if i else text)
        self.cell = None

    def cover(self) -> None:
        while self.row is not None and self.below.get(len(self.row), 0) > 0:
            self.row.append(None)

    def end_row(self) -> None:
        self.end_cell()
        if self.row is not None:
            self.cover()
            self.done.append((self.table, self.row, self.spans))
            self.below = {c: n - 1 for c, n in self.below.items() if n > 1}
        self.row = None

    def error(self, message) -> None:
        raise ValueError(message)


def _span(text: str | None) -> int:
    found = re.match(r"\s*(\d{1,4})", text or "")
    return min(max(int(found[1]), 1), MAX_SPAN) if found else 1


def markup(
    path: Path, connection: ibis.BaseBackend, *, source: str, sha256: str, utf8: bool, known: Collection[str],
    encoding_said: str = "", header_row: int = 0,
) -> list[Sheet]:  # fmt: skip
    """The tables of an HTML page that have two rows and columns, each a sheet; row numbers count the rows of the table."""
    with path.open("rb") as file:
        head = file.read(SAMPLE_BYTES)
    declared = _CHARSET.search(head)
    found = encoding(head, utf8, known, source=source, said=encoding_said)
    if declared and not utf8 and not encoding_said:
        try:
            name = codecs.lookup(declared[1].decode()).name
            name = "gb18030" if name in ("gb2312", "gbk", "hz") else name
            found = encoding(head, utf8, known, source=source, said=name)
        except (LookupError, UserError):
            pass
    sheets: list[Sheet] = []
    loose = 0
    pages = itertools.groupby(_rows(path, found.codec, source), key=lambda row: row[0])
    for number, (_page, group) in enumerate(pages, start=1):
        if number > MAX_TABLES:
            raise UserError(
                _("{file}: the page has more than {most} tables. Export it as CSV or xlsx.").format(
                    file=source, most=language.number(MAX_TABLES)
                )
            )
        rows = ((i, cells, spans) for i, (_, cells, spans) in enumerate(group, start=1))
        first = list(itertools.islice(rows, SAMPLE_ROWS))
        if sum(any(c) for _, c, _ in first) < 2 or max(sum(1 for x in c if x) for _, c, _ in first) < 2:
            loose += sum(any(c) for _, c, _ in first)
            continue
        merged = [(i, a, i, b) for i, _, spans in first for a, b in spans]
        head_rows = [(i, c) for i, c, _ in first]
        plan = layout(head_rows, source=source, known=known, header_row=header_row, merged=merged)
        below: Iterator[tuple[int, Cells]] = ((i, c) for i, c, _ in rows)
        staged = stage(itertools.chain(head_rows, below), plan, new_file(connection, ".parquet"), pad=True)
        staged.notes.append(found.note)
        staged.notes.append(Note("format", "", N_("The file is an HTML page, whatever its name says.")))
        sheets.append(sheet(connection, staged, source=source if number == 1 else f"{source}#table {number}", sha256=sha256))
    if not sheets:
        raise UserError(_("{file}: the page holds no table. Export it as CSV or xlsx.").format(file=source))
    if loose:
        from dataclasses import replace

        message = N_("Rows of tables with a single row or column, left out as layout: {n}.")
        note = Note("layout", "", message, loose, values={"n": loose})
        sheets[0] = replace(sheets[0], notes=(*sheets[0].notes, note))
    return sheets


def _rows(path: Path, codec: str, source: str) -> Iterator[tuple]:
    parser = _Tables()
    decoder = codecs.getincrementaldecoder(codec)("replace")
    with path.open("rb") as file:
        while True:
            chunk = file.read(CHUNK)
            try:
                parser.feed(decoder.decode(chunk, final=not chunk).replace("\0", ""))
                if not chunk:
                    parser.close()
                    parser.end_row()
            except (AssertionError, ValueError, RecursionError):
                raise UserError(_("{file}: the page is damaged. Export it as CSV or xlsx.").format(file=source)) from None
            if len(parser.rawdata) > MAX_TAG:
                raise UserError(_("{file}: the page is damaged. Export it as CSV or xlsx.").format(file=source))
            yield from parser.done
            parser.done = []
            if not chunk:
                return
