"""Where the header of a sheet is: titles above it, merged headers of two rows, blank and repeated labels."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from fivestep import language
from fivestep.contract.headers import key
from fivestep.errors import UserError
from fivestep.intake.quality import Message
from fivestep.intake.sheet import ROW, Note, SetAside
from fivestep.language import N_, _

SAMPLE_ROWS = 60  # rows looked at to find separator and header: more than the titles of any report seen
MAX_COLUMNS = 4_096  # twice the widest survey; a column takes milliseconds of planning in every later query
MAX_LABEL = 200  # characters of a column name; longer is no label but a text

Cells = Sequence[str | None]

_NUMBER = re.compile(r"[-+(]?[￥¥$€£]?\s*[-+]?[\d,，]*\.?\d+(?:[eE][-+]?\d+)?\s*[%％元)]?")
_DATE = re.compile(r"\d{2,4}\s*[-/.年]\s*\d{1,2}\s*([-/.月]\s*\d{1,4}.*|月)|\d{1,2}:\d{2}.*")


@dataclass(frozen=True)
class Layout:
    """Columns of a sheet and the number of the last row above its data (0: the file has no header)."""

    columns: tuple[str, ...]
    last_header_row: int
    set_aside: tuple[SetAside, ...]
    notes: tuple[Note, ...]
    blank: frozenset[int] = frozenset()  # columns without a label: dropped where they hold nothing

    @property
    def width(self) -> int:
        return len(self.columns)


def hits(cells: Cells, known: Collection[str]) -> int:
    """How many of the cells are known headers."""
    return sum(1 for c in cells if c and len(c) <= MAX_LABEL and key(c) in known)


def label(text: str | None) -> str:
    """A header cell as a column name: NFKC, trimmed, on one line."""
    if not text:
        return ""
    text = " ".join(unicodedata.normalize("NFKC", text[: 4 * MAX_LABEL]).replace("\ufeff", "").split())
    text = "".join(c for c in text if unicodedata.category(c)[0] != "C")
    return text[:MAX_LABEL].strip()


def layout(
    rows: Sequence[tuple[int, Cells]],
    *,
    source: str,
    known: Collection[str] = (),
    header_row: int = 0,
    merged: Collection[tuple[int, int, int, int]] = (),
) -> Layout:
    """The layout of a sheet from its first rows, each a row number and its cells.

    *known* are header keys, *header_row* is the user's own word, *merged* are merged ranges (first row, first column, last row,
    last column). Without a known header, the first row as wide as the rows below it that holds no numbers is the header.
    """
    rows = [(n, list(c)) for n, c in rows]
    if max((len(c) for _, c in rows), default=0) > MAX_COLUMNS:
        raise UserError(
            _("{file}: the file has more than {most} columns. It is damaged or read with a wrong separator.").format(
                file=source, most=language.number(MAX_COLUMNS)
            )
        )
    filled = [i for i, (_, c) in enumerate(rows) if any(_text(x) for x in c)]
    if not filled:
        raise UserError(_("{file}: the file holds no rows. Export it again.").format(file=source))
    notes: list[Note] = []
    if header_row:
        at = next((i for i, (n, _) in enumerate(rows) if n == header_row), None)
        if at is None or at not in filled:
            raise UserError(
                _("{file}: row {header_row} holds no header in the first {sample_rows} rows. Correct header_row.").format(
                    file=source, header_row=header_row, sample_rows=SAMPLE_ROWS
                )
            )
        evidence = Message(N_("as the mapping says"))
    else:
        at, evidence = _header(rows, filled, known)
    if at is None:
        width = _width(rows, filled[0])
        names = tuple(f"column {i + 1}" for i in range(width))
        notes.append(
            Note(
                "header",
                "",
                N_("No row looks like a header, so the columns are numbered."),
                severity="warning",
                fix=N_("Say header_row in the mapping, or export the file with its header."),
            )
        )
        return Layout(names, 0, _titles(rows, filled[0]), tuple(notes))
    first, last = _two_rows(rows, at, known, merged) if not header_row else (at, at)
    width = max(_width(rows, last + 1), max(_last(rows[i][1]) for i in range(first, last + 1)) + 1)
    labels = _labels(rows, first, last, width, merged)
    number = rows[last][0]
    notes.append(
        Note("header", "", N_("Row {last} is the header ({why}).") if first == last
             else N_("Rows {first} and {last} are one header of groups and labels ({why})."), rows=last - first + 1,
             first_row=rows[first][0], values={"first": rows[first][0], "last": number, "why": evidence})
    )  # fmt: skip
    columns, blank, doubles = _unique(labels)
    notes += doubles
    aside = [*_titles(rows, first), SetAside("header", last - first + 1, rows[first][0])]
    return Layout(columns, number, tuple(aside), tuple(notes), blank)


def named(names: Sequence[str]) -> Layout:
    """The layout of a file that names its columns itself."""
    columns, blank, notes = _unique([label(n) for n in names])
    return Layout(columns, 0, (), tuple(notes), blank)


def _text(cell: str | None) -> str:
    return cell.strip() if cell else ""


def _last(cells: Cells) -> int:
    return max((i for i, c in enumerate(cells) if _text(c)), default=-1)


def _is_value(cell: str) -> bool:
    text = unicodedata.normalize("NFKC", cell.strip())
    return bool(_NUMBER.fullmatch(text) or _DATE.fullmatch(text))


def _width(rows: Sequence[tuple[int, Cells]], start: int) -> int:
    """The commonest number of cells of the rows from *start*, without what is empty at the end of all of them."""
    below = [c for _, c in rows[start:] if any(_text(x) for x in c)]
    if not below:
        return 0
    counts = Counter(len(c) for c in below)
    commonest = max(counts, key=lambda n: (counts[n], n))
    used = max(_last(c) for c in below if len(c) == commonest) + 1
    return max(used, 1)


def _header(rows: Sequence[tuple[int, Cells]], filled: list[int], known: Collection[str]) -> tuple[int | None, Message]:
    scored = {i: hits(rows[i][1], known) for i in filled[:30]}
    best = max(scored, key=lambda i: (scored[i], -i))
    width = max(sum(1 for c in rows[i][1] if _text(c)) for i in filled)
    plain = _first_labels(rows, filled, width)
    if plain is not None and plain < best:  # values may be words of the dictionary too: a row as wide as the data goes first
        full = sum(1 for c in rows[plain][1] if _text(c)) * 5 >= width * 4
        if full and scored[best] < max(4, 2 * scored[plain] + 1):
            best = plain
    labels = sum(1 for c in rows[best][1] if _text(c))
    if scored[best] >= 2 or (scored[best] == 1 and labels == width <= 2):
        return best, Message(N_("of its {labels} labels, {n} are known"), {"labels": labels, "n": scored[best]})
    if plain is not None:
        return plain, Message(N_("the first row of labels as wide as the data"))
    return (None, Message("")) if len(filled) > 1 else (filled[0], Message(N_("the first row")))


def _first_labels(rows: Sequence[tuple[int, Cells]], filled: list[int], width: int) -> int | None:
    """The first row as wide as the data, unless it holds values: then the table has no header."""
    for i in filled[:30]:
        cells = [c for c in map(_text, rows[i][1]) if c]
        if len(cells) * 2 <= width or (width > 2 and len(cells) < 2):
            continue  # a title
        return i if sum(map(_is_value, cells)) * 2 <= len(cells) else None
    return None


def _titles(rows: Sequence[tuple[int, Cells]], first: int) -> tuple[SetAside, ...]:
    above = rows[:first]
    titles = [n for n, c in above if any(_text(x) for x in c)]
    blanks = [n for n, c in above if not any(_text(x) for x in c)]
    out = [SetAside("title", len(titles), titles[0])] if titles else []
    return (*out, *([SetAside("blank", len(blanks), blanks[0])] if blanks else []))


def _two_rows(
    rows: Sequence[tuple[int, Cells]], at: int, known: Collection[str], merged: Collection[tuple[int, int, int, int]]
) -> tuple[int, int]:
    """First and last index of the header, which may have a row of groups above or a row of labels below *at*."""

    def filled(i: int) -> set[int]:
        return {j for j, c in enumerate(rows[i][1]) if _text(c)}

    def labels(i: int) -> bool:
        return not any(_is_value(c) for c in rows[i][1] if _text(c))

    def spanned(i: int) -> bool:  # a cell of the row is merged with its right neighbours, but not with all of them
        n = rows[i][0]
        return any(top == bottom == n and 0 < right - left < len(filled(at)) - 1 for top, left, bottom, right in merged)

    here = filled(at)
    if at > 0 and rows[at - 1][0] == rows[at][0] - 1:
        above = filled(at - 1)
        tall = any(top == rows[at - 1][0] and bottom == rows[at][0] for top, _, bottom, _ in merged)
        # groups begin at a label each and are fewer than the labels
        if (
            labels(at - 1)
            and above
            and ((len(above) >= 2 and len(above - here) + len(here) > len(above)) or spanned(at - 1))
            and (tall or spanned(at - 1) or (not merged and len(above) < len(here) and min(above) == 0))
        ):
            return at - 1, at
    if at + 1 < len(rows) and rows[at + 1][0] == rows[at][0] + 1:
        below = filled(at + 1)
        gaps = {j for j in range(max(here | below) + 1) if j not in here}
        deeper = hits(rows[at + 1][1], known) > 0 or spanned(at)
        if gaps and gaps <= below and below < here | gaps and labels(at + 1) and deeper and len(below) >= 2:
            return at, at + 1
    return at, at


def _labels(
    rows: Sequence[tuple[int, Cells]], first: int, last: int, width: int, merged: Collection[tuple[int, int, int, int]]
) -> list[str]:
    def row(i: int) -> list[str]:
        cells = [label(c) for c in rows[i][1][:width]]
        return cells + [""] * (width - len(cells))

    if first == last:
        return row(first)
    groups, own = row(first), row(last)
    spans = {left: right for top, left, bottom, right in merged if top == bottom == rows[first][0]}
    group, until, filled = "", -1, []
    for j in range(width):
        if groups[j]:
            group, until = groups[j], spans.get(j, j if merged else width)
        filled.append(group if j <= until else "")
    count = Counter(t.casefold() for t in own if t)
    out = []
    for j in range(width):
        if not own[j]:
            out.append(groups[j])
        elif filled[j] and count[own[j].casefold()] > 1:
            out.append(f"{filled[j]} / {own[j]}"[:MAX_LABEL])
        else:
            out.append(own[j])
    return out


def _unique(labels: Sequence[str]) -> tuple[tuple[str, ...], frozenset[int], list[Note]]:
    """Names that differ in more than case (the database ignores case), the unlabelled columns, a note for each doubled label."""
    given = {t.casefold() for t in labels if t} | {ROW}
    taken: set[str] = {ROW, "file_row_number"}
    names, blank, times = [], set(), Counter()
    for i, text in enumerate(labels):
        if not text:
            blank.add(i)
            text = f"column {i + 1}"
        times[text.casefold()] += 1
        name, n = text, 1
        while name.casefold() in taken or (n > 1 and name.casefold() in given):
            n += 1
            name = f"{text} ({n})"
        taken.add(name.casefold())
        names.append(name)
    first: dict[str, str] = {}
    for text in filter(None, labels):
        first.setdefault(text.casefold(), text)
    notes = [
        Note(
            "duplicate_header",
            text,
            N_("Columns that are called {name}: {n}. The later ones got a number."),
            severity="warning",
            fix=N_("Say in the mapping which of them is meant."),
            values={"name": text, "n": times[text.casefold()]},
        )
        for text in first.values()
        if times[text.casefold()] > 1
    ]
    return tuple(names), frozenset(blank), notes
