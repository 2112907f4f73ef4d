"""Rows of a file on their way to a sheet: written as text to a Parquet file of our own, then totals, footers and blanks found."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq

from fivestep.contract import headers
from fivestep.intake.layout import Cells, Layout, label
from fivestep.intake.matching import DECIMALS, decimals
from fivestep.intake.quality import Message
from fivestep.intake.scratch import Scratch
from fivestep.intake.sheet import ROW, Note, SetAside, Sheet
from fivestep.language import N_

BATCH_ROWS = 20_000  # rows held as Python objects at a time
BATCH_CHARACTERS = 16_000_000  # or characters, where the cells are long
MAX_CELL = 1_000_000  # characters of a cell; a worksheet cell holds 32,767, so a longer one is damage: its row is malformed
KEPT_RAGGED = 1_000  # malformed rows looked at again, to tell a total or a footer among them
FOOTER_ROWS = 20  # rows at the end of a table that may be a footer
RECONCILED_COLUMNS = 100  # of a total row; one that is wider belongs to a cross table
MAX_TOTALS = 10_000  # rows that begin with such a word; where there are more, it is a value like any other
RECONCILED_TOTALS = 12  # total rows compared with the sums of their rows; a report of more is summarised by its last

_TOTALS = (
    "合计 小计 总计 总和 汇总 累计 共计 本页合计 本页小计 合計 小計 總計 總和 匯總 總合計 "
    "total totals grandtotal subtotal subtotals sum grandtotals totalamount "
    "summe gesamt gesamtsumme endsumme zwischensumme"
).split()
_SUBTOTALS = ("小计", "小計", "本页", "subtotal", "zwischensumme")
_FOOTERS = (
    "导出 導出 匯出 制表 製表 打印 列印 备注 備註 说明 說明 注: 生成 共 第 页 copyright © generated exported printed "
    "confidential report end--- -- note source as of page"
).split()

_SIZES = {"亿億": 100_000_000, "万萬": 10_000, "千": 1_000}  # of a cell, which goes before the unit of the header

_CURRENCY = r"[￥¥$€£\s％%']|eur|usd|gbp|cny|rmb|人民币"

SIGNS = {  # without these bytes no cell of a file of text is in the trap: what is not there need not be looked for
    "wrapped": (b"=", b"\t", b"'"),
    "precision": (b"+",),
    "float": (b".",),
    "masked": (b"*",),
    "mojibake": (b"\xbd", b"\xa4", b"\xe2", b"\xc3"),  # one byte of each: quick to look for
    "formula": (b"=",),
}


def folder(connection: ibis.BaseBackend) -> Path:
    """A private folder for what is read through *connection*; it goes when the connection goes."""
    made = getattr(connection, "_intake_folder", None)
    if made is None:
        made = connection._intake_folder = Scratch()
    return made.path


def new_file(connection: ibis.BaseBackend, suffix: str) -> Path:
    """A new name in the folder of *connection*."""
    number = getattr(connection, "_intake_files", 0) + 1
    connection._intake_files = number
    return folder(connection) / f"{number:06d}{suffix}"


def readable(path: Path, connection: ibis.BaseBackend) -> Path:
    """The path, or a link to it where DuckDB would take its name for a pattern."""
    if not set("*?[") & set(str(path)):
        return path
    link = new_file(connection, path.suffix)
    link.symlink_to(path.resolve())
    return link


def quoted(text: str) -> str:
    """A text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


@dataclass
class Staged:
    """A Parquet file of text columns ``c0``, ``c1`` ... in file order, and what was counted while it was written.

    ``skipped`` are row numbers left out of it, ``offset`` the rows above it: both only where it has no ``_row`` of its own.
    The engine's own cast reads every cell of the columns ``plain``; those of ``typed`` are no text any more.
    """

    path: Path
    layout: Layout
    ragged: list[tuple[int, Cells]] = field(default_factory=list)
    ragged_rows: int = 0
    blank_rows: int = 0
    first_blank: int = 0
    notes: list[Note] = field(default_factory=list)
    numeric: frozenset[int] = frozenset()
    has_row: bool = True
    offset: int = 0
    skipped: Sequence[int] = ()
    suspects: frozenset[str] = frozenset(SIGNS)
    plain: frozenset[int] = frozenset()
    typed: frozenset[int] = frozenset()
    pointed: frozenset[int] = frozenset()  # columns all of whose cells are numbers in the file itself

    def malformed(self, row: int, cells: Cells) -> None:
        """Count a row with too few, too many or too long cells."""
        self.ragged_rows += 1
        if len(self.ragged) < KEPT_RAGGED or self.ragged_rows == 1:
            self.ragged.append((row, cells))
        else:
            self.ragged[-1 - (self.ragged_rows % FOOTER_ROWS)] = (row, cells)  # the last ones may be a footer

    def blank(self, row: int) -> None:
        self.blank_rows += 1
        self.first_blank = self.first_blank or row


def stage(rows: Iterable[tuple[int, Cells]], layout: Layout, path: Path, *, pad: bool = False) -> Staged:
    """Write the rows below the header to *path*; *pad* fills rows that are too short (workbooks have no ragged rows)."""
    staged = Staged(path, layout)
    width = layout.width
    schema = pa.schema([(ROW, pa.int64()), *((f"c{i}", pa.string()) for i in range(width))])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in _batches(_kept(rows, staged, width, pad)):
            columns = list(zip(*batch, strict=True))
            arrays = [pa.array(columns[0], pa.int64()), *(pa.array(c, pa.string()) for c in columns[1:])]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
    return staged


def _kept(rows: Iterable[tuple[int, Cells]], staged: Staged, width: int, pad: bool) -> Iterator[list]:
    above = staged.layout.last_header_row
    for number, cells in rows:
        if number <= above:
            continue
        if not any(cells):
            staged.blank(number)
            continue
        if len(cells) != width:
            if len(cells) > width and not any(cells[width:]):
                cells = cells[:width]
            elif pad and len(cells) < width:
                cells = [*cells, *(None,) * (width - len(cells))]
            else:
                staged.malformed(number, cells)
                continue
        if any(c is not None and len(c) > MAX_CELL for c in cells):
            staged.malformed(number, [c[:100] if c else c for c in cells])
            continue
        yield [number, *(c or None for c in cells)]


def _batches(rows: Iterator[list]) -> Iterator[list[list]]:
    batch: list[list] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += sum(len(c) for c in row[1:] if c)
        if len(batch) >= BATCH_ROWS or size >= BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def sheet(connection: ibis.BaseBackend, staged: Staged, *, source: str, sha256: str) -> Sheet | None:
    """The sheet of a staged file: totals reconciled, footers and blank rows set aside, traps counted.

    None where a file with typed columns has such rows: they are told and added up from text, so it must be staged as text.
    """
    layout = staged.layout
    cells = filled(staged)
    seen, totals = _seen(connection, staged, cells)
    tail = _tail(staged)
    last = tail[0][0] if tail else 0
    aside = list(layout.set_aside)
    if seen["blank"]:
        aside.append(SetAside("blank", seen["blank"], seen["first_blank"]))
    if staged.blank_rows:
        aside.append(SetAside("blank", staged.blank_rows, staged.first_blank))
    notes = [*layout.notes, *staged.notes]
    footer = _footer(tail, layout.width)
    loose, malformed = [], []
    for row, values in staged.ragged:
        (loose if _total_cells(values) else malformed).append((row, values))
    if staged.typed and (totals or loose or footer or seen["blank"]):
        return None
    if footer:
        aside.append(SetAside("footer", len(footer), footer[0]))
    kept = _numbered(connection, staged)
    if seen["blank"]:
        kept = kept.filter(ibis.coalesce(*(kept[f"c{i}"] for i in range(layout.width))).notnull())
    kept = _without(kept, sorted({*footer, *(n for n, _ in totals)}))
    if totals or loose:
        sets, warned = _reconciled(kept, layout, sorted([*totals, *loose], key=lambda t: t[0]))
        aside += sets
        notes += warned
    aside += _malformed(malformed, staged.ragged_rows - len(loose), last, layout.width)
    left, dropped = _columns(layout, cells)
    notes += dropped
    notes += _traps(layout, seen, left)
    tidy = {layout.columns[i]: _unwrapped(kept[f"c{i}"]) if seen.get(f"wrapped{i}") else kept[f"c{i}"] for i in left}
    return Sheet(
        source,
        tuple(layout.columns[i] for i in left),
        kept.select(_row=kept[ROW], **tidy),
        tuple(sorted(aside, key=lambda s: (s.first_row, s.reason))),
        tuple(notes),
        sha256,
        frozenset(layout.columns[i] for i in staged.numeric if i in left),
        frozenset(layout.columns[i] for i in staged.plain if i in left),
        frozenset(layout.columns[i] for i in staged.pointed if i in left),
    )


def filled(staged: Staged) -> list[int]:
    """Filled cells of every column, and rows at last, from the statistics of the file."""
    data = pq.read_metadata(staged.path)
    at = {data.schema.column(i).name: i for i in range(data.num_columns)}
    out = []
    for c in range(staged.layout.width):
        found = 0
        for group in range(data.num_row_groups):
            column = data.row_group(group).column(at[f"c{c}"])
            said = column.statistics
            if said is None or said.null_count is None:  # not told: as if some were empty, none in all
                found = -1
                break
            found += column.num_values - said.null_count
        out.append(found)
    return [*out, data.num_rows]


def _tail(staged: Staged) -> list[tuple[int, list[str | None]]]:
    """The last rows, from the end, with their numbers."""
    file = pq.ParquetFile(staged.path)
    out: list[tuple[int, list[str | None]]] = []
    rows = file.metadata.num_rows
    for group in range(file.num_row_groups - 1, -1, -1):
        size = file.metadata.row_group(group).num_rows
        part = file.read_row_group(group).slice(max(size - FOOTER_ROWS, 0)).to_pylist()
        for back, row in enumerate(reversed(part)):
            at = rows - back - 1
            number = row[ROW] if staged.has_row else _number_of(staged, at)
            out.append((number, [_text(row[f"c{i}"]) for i in range(staged.layout.width)]))
        rows -= size
        if len(out) >= FOOTER_ROWS:
            break
    return out[:FOOTER_ROWS]


def _text(cell: object) -> str | None:
    return None if cell is None else str(cell)


def _number_of(staged: Staged, at: int) -> int:
    return staged.offset + 1 + at + sum(at >= row - staged.offset - 1 - i for i, row in enumerate(staged.skipped))


def _numbered(connection: ibis.BaseBackend, staged: Staged) -> ibis.Table:
    name = f"intake_{staged.path.stem}_{id(connection):x}"
    if staged.has_row:
        return connection.read_parquet(staged.path, table_name=name)
    table = connection.read_parquet(staged.path, table_name=name, file_row_number=True)
    at = table.file_row_number  # from 0, of the rows kept
    number = at + (staged.offset + 1)
    for i, row in enumerate(staged.skipped):
        number = number + (at >= row - staged.offset - 1 - i).cast("int64")
    return table.mutate(**{ROW: number.cast("int64")}).drop("file_row_number")


def _plain(text: ibis.StringValue) -> ibis.StringValue:
    return text.translate("０１２３４５６７８９．－＋（），", "0123456789.-+(),").re_replace(rf"(?i){_CURRENCY}", "")


def _amount(text: ibis.StringValue, factor: int, decimal: str = ".") -> ibis.Value:
    """The amounts of a column in the unit of its header, of which *factor* is the size: 1.5万 is 15,000 yuan."""
    plain = _plain(text)
    plain = plain.replace(".", "").replace(",", ".") if decimal == "," else plain.replace(",", "")
    whole = plain.re_replace(r"^\((.*)\)$|^([^-]*[^-.])-$", r"-\1\2")
    figure = whole.re_replace("[亿億万萬千]?元?$", "").try_cast("decimal(24, 6)")
    sizes = [(whole.re_search(f"[{signs}]元?$"), figure * size) for signs, size in _SIZES.items()]
    own = ibis.cases(*sizes, (whole.endswith("元"), figure), else_=figure * factor)
    return own.cast("decimal(38, 6)")


def _word(text: str) -> str:
    text = "".join(unicodedata.normalize("NFKC", text).split()).lower()
    return text.strip(":*-=()[]")


def _without(table: ibis.Table, numbers: Sequence[int]) -> ibis.Table:
    """The rows without those of the given numbers."""
    if len(numbers) > 50:  # a long list makes every later query slow to write
        return table.anti_join(ibis.memtable({ROW: list(numbers)}, schema={ROW: "int64"}), ROW)
    return table.filter(table[ROW].notin(numbers)) if numbers else table


def _total_cells(values: Cells) -> bool:
    filled = [v for v in values if v and v.strip()]
    if not filled or _word(filled[0]) not in _TOTALS:
        return False
    return all(any(_number(v, 1, sign) is not None for sign in ".,") for v in filled[1:] if v != filled[0])


def _number(text: str | None, factor: int = 1, decimal: str = ".") -> Decimal | None:
    plain = re.sub(rf"(?i){_CURRENCY}", "", unicodedata.normalize("NFKC", text or ""))
    plain = plain.replace(".", "").replace(",", ".") if decimal == "," else plain.replace(",", "")
    if plain.startswith("(") and plain.endswith(")"):
        plain = "-" + plain[1:-1]
    elif plain.endswith("-") and plain[-2:-1].isalnum():
        plain = "-" + plain[:-1]
    figure = plain.removesuffix("元")
    size = next((n for signs, n in _SIZES.items() if figure.endswith(tuple(signs))), 0)
    try:
        found = Decimal(figure[:-1] if size else figure)
    except InvalidOperation:
        return None
    return found * (size or (1 if figure != plain else factor)) if found.is_finite() else None


_CHECKS = {  # a cheap test decides whether the dear one is made: this pass sees every cell of a file of millions of rows
    "wrapped": r"""CASE WHEN c[1] IN ('=', '''', chr(9)) OR suffix(c, chr(9))
        THEN regexp_matches(c, '^="(?s:.*)"$|^\t|\t$|^''[\d=+@-]') END""",
    "precision": r"CASE WHEN contains(c, 'E+') THEN regexp_matches(c, '^\s*\d(\.\d+)?E\+\d{2}\s*$') END",
    "float": r"CASE WHEN suffix(c, '.0') THEN regexp_matches(c, '^\d{7,}\.0$') END",
    "masked": r"""CASE WHEN contains(c, '*')
        THEN regexp_matches(c, '^[^*]{0,8}\*{2,}[^*]{0,16}$|^[^*]\*[^*]?$|^\S{1,3}\*+@') END""",
    "mojibake": "regexp_matches(c, '\ufffd|锟斤拷|Ã[\u0080-\u00bf]|â€')",
    "formula": """c[1] = '=' AND c[2] <> '"'""",
}
NARROW = 20  # columns: each has tests of its own in one query; for more, planning them would take longer than the rows do


def _seen(connection: ibis.BaseBackend, staged: Staged, filled: Sequence[int]) -> tuple[dict[str, int], list[tuple[int, Cells]]]:
    """Counts of blank rows and of the cells of every trap suspected, with their first rows; and the total rows.

    A total row says so in its first filled cell, and all its others are numbers or empty: a product named Total is none.
    """
    width, number = staged.layout.width, ROW
    if not staged.has_row:
        passed = (f" + (file_row_number >= {r - staged.offset - 1 - i})::INT" for i, r in enumerate(staged.skipped))
        number = f"(file_row_number + {staged.offset + 1}{''.join(passed)})"
    source = f"read_parquet({quoted(str(staged.path))}, file_row_number = true)"
    cells = [f"c{i}::VARCHAR" if i in staged.typed else f"c{i}" for i in range(width)]
    first = cells[0] if filled[0] == filled[-1] else f"coalesce({', '.join(cells)})"
    # A first cell that begins with a digit or with one of these letters is told at once: no such word begins so.
    other = " OR ".join(f"({first} >= '{low}' AND {first} < '{high}')" for low, high in ("0:", "AE", "HS", "UZ"))
    likely = f"length({first}) <= 30 AND regexp_matches({first}, '^[\\s(（\\[*=-]*[合小总總汇匯累共本tTsSgGzZeE]')"
    likely = f"NOT ({other}) AND {likely}"
    said = rf"regexp_replace(lower({first}), '[\s　:：*()（）\[\]=-]', '', 'g') IN ({', '.join(map(quoted, _TOTALS))})"
    raw = connection.con.cursor()
    try:
        found = raw.execute(
            f"SELECT {number} AS n, {', '.join(cells)} FROM {source} WHERE CASE WHEN {likely} THEN {said} END "
            f"ORDER BY n LIMIT {MAX_TOTALS + 1}"
        ).fetchall()
        seen = {"blank": 0, "first_blank": 0}
        if first != cells[0]:
            seen["blank"], seen["first_blank"] = raw.execute(
                f"SELECT count(*), coalesce(min({number}), 0) FROM {source} WHERE {first} IS NULL"
            ).fetchone()
        checked = {check: [i for i in range(width) if i not in staged.typed] for check in sorted(staged.suspects)}
        if "float" in checked:  # a column is written so throughout, while a point is in every amount: some rows tell which
            text = checked["float"]
            asked = ", ".join(
                f"bool_or(suffix(c{i}, '.0')) AND bool_and(suffix(c{i}, '.0') OR NOT contains(c{i}, '.'))" for i in text
            )
            ends = raw.execute(f"SELECT {asked or 1} FROM (SELECT * FROM {source} LIMIT {BATCH_ROWS})").fetchone()
            checked["float"] = [i for i, so in zip(text, ends, strict=False) if so]
        cells = ["NULL::VARCHAR" if i in staged.typed else f"c{i}" for i in range(width)]
        seen |= _trapped(raw, source, number, cells, checked)
    finally:
        raw.close()
    totals = [(row[0], row[1:]) for row in found if _total_cells(row[1:])]
    return seen, totals if len(found) <= MAX_TOTALS else []


def _trapped(raw, source: str, number: str, cells: Sequence[str], checked: dict[str, Sequence[int]]) -> dict[str, int]:
    """Cells of every trap in every column, and the first row of each."""
    asked = [
        (f"{check}{i}", i, re.sub(r"\bc(?=[\[,])", "{c}", _CHECKS[check])) for check, columns in checked.items() for i in columns
    ]
    seen: dict[str, int] = {}
    if not asked:
        return seen
    if len(cells) <= NARROW:
        tests = [test.replace("{c}", cells[i]) for _, i, test in asked]
        found = raw.execute(
            f"SELECT {', '.join(f'count(*) FILTER ({t}), min({number}) FILTER ({t})' for t in tests)} FROM {source}"
        ).fetchone()
        for k, (name, _, _) in enumerate(asked):
            seen[name], seen[f"first_{name}"] = found[2 * k], found[2 * k + 1]
        return seen
    tests = [_CHECKS[check] for check in checked]
    rows = raw.execute(
        f"SELECT i, {', '.join(f'count(*) FILTER ({t}), min(n) FILTER ({t})' for t in tests)} FROM (SELECT {number} AS n, "
        f"unnest([{', '.join(cells)}]) AS c, unnest(range({len(cells)})) AS i FROM {source}) WHERE c IS NOT NULL GROUP BY i"
    ).fetchall()
    for i, *found in rows:
        for k, check in enumerate(checked):
            seen[f"{check}{i}"], seen[f"first_{check}{i}"] = found[2 * k], found[2 * k + 1]
    return seen


def _unwrapped(text: ibis.StringValue) -> ibis.StringValue:
    """Without the ``="..."`` wrapper, tabs around it, and the apostrophe before a number."""
    bare = text.re_replace(r"^\t+|\t+$", "")
    bare = bare.re_replace(r'^="(.*)"$', r"\1").re_replace(r"^'([\d=+@-])", r"\1")
    return bare.nullif("")


_TRAPS = {
    "wrapped": (
        "wrapped_text", "note", N_('Cells wrapped as text (="...", a tab, an apostrophe): {n}. The wrapping was taken off.'), "",
    ),
    "precision": (
        "precision_lost",
        "warning",
        N_("Cells that are numbers in scientific notation (1.23E+17): {n}. Their last digits are lost."),
        N_("Export the column as text; it cannot serve as a key."),
    ),
    "float": (
        "float_text",
        "warning",
        N_("Cells that are long whole numbers written with a decimal (13800000000.0): {n}. Leading zeros may be lost."),
        N_("Export the column as text."),
    ),
    "masked": ("masked", "note", N_("Cells that are masked (138****1234): {n}. No identity can be told from them."), ""),
    "mojibake": (
        "mojibake",
        "warning",
        N_("Cells with characters of a wrong encoding: {n}. Nothing was repaired."),
        N_("Export the file again as UTF-8, or say its encoding in the mapping."),
    ),
    "formula": ("formula_text", "note", N_("Cells with text that begins like a formula: {n}. It is kept as text."), ""),
}  # fmt: skip


def _traps(layout: Layout, seen: dict, left: Sequence[int]) -> list[Note]:
    notes = []
    for check, (name, severity, text, fix) in _TRAPS.items():
        for i in left:
            if n := seen.get(f"{check}{i}"):
                first = seen[f"first_{check}{i}"]
                notes.append(Note(name, layout.columns[i], text, n, first, severity, fix, {"n": n}))
    return notes


def _columns(layout: Layout, filled: Sequence[int]) -> tuple[list[int], list[Note]]:
    empty = [i for i in sorted(layout.blank) if filled[i] == 0]
    left = [i for i in range(layout.width) if i not in empty]
    if not left:
        return list(range(layout.width)), []
    nothing = N_("Columns without header that hold nothing and were left out: {n}.")
    notes = [Note("header", "", nothing, values={"n": len(empty)})] if empty else []
    unlabelled = [layout.columns[i] for i in sorted(layout.blank) if i in left]
    return left, notes + [
        Note(
            "header",
            c,
            N_("The column has no header; it was named by its place."),
            severity="warning",
            fix=N_("Say in the mapping what it is, or drop it there."),
        )
        for c in unlabelled
    ]


def _footer(tail: Sequence[tuple[int, Cells]], width: int) -> list[int]:
    """Row numbers of the footer: at the end, one filled cell in a table of three columns and more, and it reads like a note."""
    out = []
    for row, cells in tail if width > 2 else ():
        filled = [(i, c) for i, c in enumerate(cells) if c]
        if filled and (len(filled) > 1 or not _is_note(*filled[0])):
            break
        if filled:
            out.append(row)
    return sorted(out) if len(out) < len(tail) else []


def _is_note(at: int, text: str) -> bool:
    said = unicodedata.normalize("NFKC", text).strip().lower()
    if at > 1 or _word(text) in _TOTALS or len(said) > 2_000:
        return False
    return ":" in said or any(said.startswith(w) for w in _FOOTERS) or (" " in said and len(said) > 20)


def _malformed(rows: Sequence[tuple[int, Cells]], count: int, last: int, width: int) -> list[SetAside]:
    """Rows with too few or too many cells; after the last good row, single cells that read like a note are the footer."""
    if not count:
        return []
    after = [(n, c) for n, c in rows if n > last and width > 2]
    footer = [n for n, c in after if len(f := [(i, v) for i, v in enumerate(c) if v and v.strip()]) == 1 and _is_note(*f[0])]
    out = [SetAside("footer", len(footer), min(footer))] if footer else []
    others = [n for n, _ in rows if n not in footer]
    if count > len(footer):
        out.append(SetAside("malformed", count - len(footer), min(others, default=0)))
    return out


def _reconciled(kept: ibis.Table, layout: Layout, totals: Sequence[tuple[int, Cells]]) -> tuple[list[SetAside], list[Note]]:
    """Total rows against the sums of the rows above them, up to the last total for a subtotal or an unequal total."""
    shown = list(totals) if len(totals) <= RECONCILED_TOTALS else [totals[-1]]
    factors = [headers.FACTORS.get(headers.header(c).unit, 1) for c in layout.columns]
    commas, asked = _commas(kept, layout, shown), {}
    for row, cells in shown:
        before = max((n for n, _ in totals if n < row), default=0)
        for i, cell in enumerate(cells[: min(layout.width, RECONCILED_COLUMNS)]):
            if _number(cell, 1, commas[i]) is not None:
                value, above = _amount(kept[f"c{i}"], factors[i], commas[i]), kept[ROW] < row
                asked[f"all_{row}_{i}"] = value.sum(where=above)
                asked[f"part_{row}_{i}"] = value.sum(where=above & (kept[ROW] > before))
    sums = kept.aggregate(**asked).to_pyarrow().to_pylist()[0] if asked else {}
    aside, notes = [], []
    for row, cells in shown:
        word = label(next(c for c in cells if c and c.strip()))
        said, wrong = [], []
        for i, cell in enumerate(cells[: min(layout.width, RECONCILED_COLUMNS)]):
            value = _number(cell, factors[i], commas[i])
            if value is None:
                continue
            value /= factors[i]
            found = [Decimal(sums[f"{part}_{row}_{i}"] or 0) / factors[i] for part in ("all", "part")]
            order = found[::-1] if _word(word).startswith(_SUBTOTALS) else found
            total = next((f for f in order if abs(f - value) < Decimal("0.01")), order[0])
            values = {"word": word, "column": layout.columns[i], "said": f"{value:,.2f}", "sum": f"{total:,.2f}"}
            said.append(Message(N_("{word} of {column}: {said}, the rows sum to {sum}"), values))
            if abs(total - value) >= Decimal("0.01"):
                wrong.append(said[-1])
        aside.append(SetAside("total", 1, row, tuple(said)))
        fix = N_("Rows may be missing or counted twice: ask for the export again.")
        notes += [
            Note("total", text.values["column"], N_("{detail}."), 1, row, "warning", fix, {"detail": text}) for text in wrong
        ]
    if len(totals) > len(shown):
        many = Message(N_("not compared: too many total rows"))
        aside.append(SetAside("total", len(totals) - len(shown), totals[0][0], (many,)))
    return aside, notes


def _commas(kept: ibis.Table, layout: Layout, totals: Sequence[tuple[int, Cells]]) -> list[str]:
    """The decimal sign of every column: a comma where a total row has a number and cells can only be read with a comma."""
    width = min(layout.width, RECONCILED_COLUMNS)
    columns = [
        i for i in range(width) if any(any(_number(c[i], 1, s) is not None for s in ".,") for _, c in totals if i < len(c))
    ]
    asked = {
        f"{name}{i}": kept[f"c{i}"].re_replace(rf"(?i){_CURRENCY}|[-+()]", "").re_search(f"^(?:{DECIMALS[sign].pattern})$").any()
        for i in columns
        for name, sign in (("comma", ","), ("point", "."))
    }
    seen = kept.aggregate(**asked).to_pyarrow().to_pylist()[0] if asked else {}
    written = decimals(c for _, cells in totals for c in cells[:width] if c and _number(c, 1, ",") is not None)
    found = {sign for name, sign in (("comma", ","), ("point", ".")) if any(seen.get(f"{name}{i}") for i in columns)}
    usual = "," if (found or set(written)) == {","} else "."
    own = {i: "," if seen[f"comma{i}"] and not seen[f"point{i}"] else "." if seen[f"point{i}"] else usual for i in columns}
    return [own.get(i, ".") for i in range(width)]


def text_of(value: object) -> str | None:
    """A typed value as the text of a cell: whole numbers without a decimal, dates as ISO, midnight as a date."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        if value != value:
            return None
        return str(int(value)) if value.is_integer() and abs(value) < 1e22 else repr(value)
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() and value.tzinfo is None else value.isoformat(" ")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return str(value.total_seconds() / 86_400)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    return str(value)
