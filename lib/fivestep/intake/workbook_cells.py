"""A process of its own that reads one workbook: what a damaged workbook does to memory, time or the reader stays in it.

Called with the file, a limit of memory and one of processor seconds. Writes records of `marshal` to its output: ("sheet", name,
visible, first column, merged ranges, marks), then ("rows", rows, numbers) of text cells and of (column, cells that were
numbers, of them too long for a number), at last ("end",); or ("error", kind, message). Marks are what `workbook_marks` finds.
"""

from __future__ import annotations

import datetime as dt
import marshal
import sys
import zipfile
from pathlib import Path

BATCH_CELLS = 200_000


def main() -> None:
    path, memory, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except ImportError:  # Windows has no such limits
        pass
    out = sys.stdout.buffer
    try:
        for record in _records(path):
            marshal.dump(record, out)
    except BaseException as error:  # the reader's panics are no Exceptions
        marshal.dump(("error", type(error).__name__, str(error)[:300]), out)
    out.flush()


def _records(path: str):
    import python_calamine

    workbook = python_calamine.CalamineWorkbook.from_path(path)
    marked = _marks(path)
    for number, meta in enumerate(workbook.sheets_metadata):
        if meta.typ != python_calamine.SheetTypeEnum.WorkSheet:
            continue
        sheet = workbook.get_sheet_by_index(number)
        left = (sheet.start or (0, 0))[1]  # iter_rows leaves out empty columns on the left, but not empty rows above
        try:
            merged = [(*first, *last) for first, last in sheet.merged_cell_ranges or ()]
        except Exception:
            merged = []
        visible = meta.visible == python_calamine.SheetVisibleEnum.Visible
        yield "sheet", meta.name, visible, left, [m for m in merged if m[0] < 100][:1_000], marked.get(number, [])
        size = max(BATCH_CELLS // max(sheet.width, 1), 1)
        batch, numbers = [], {}
        for row in sheet.iter_rows():
            batch.append([_text(value, column, numbers) for column, value in enumerate(row)])
            if len(batch) >= size:
                yield "rows", batch, [(c, *n) for c, n in numbers.items()]
                batch, numbers = [], {}
        yield "rows", batch, [(c, *n) for c, n in numbers.items()]
    yield ("end",)


def _marks(path: str) -> dict[int, list[tuple[str, int, int, int]]]:
    """By the number of a sheet (kind, column, cells, first row) of each mark; none for workbooks that are no xlsx."""
    sys.path.append(str(Path(__file__).parent))  # the process runs this file alone
    import workbook_marks

    try:
        with zipfile.ZipFile(path) as book:
            zeros, known = workbook_marks.padded(book), set(book.namelist())
            names = {i: part for i, part in enumerate(workbook_marks.parts(book)) if part in known}
            found = {i: workbook_marks.marks(book, part, zeros) for i, part in names.items()}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError):  # what calamine read all the same
        return {}
    return {i: [(kind, column, *seen) for (kind, column), seen in sorted(m.items())] for i, m in found.items()}


def _text(value, column: int, numbers: dict[int, list[int]]) -> str | None:
    kind = type(value)
    if kind is str:
        return value or None
    if kind is float or kind is int:
        count = numbers.setdefault(column, [0, 0])
        count[0] += 1
        if kind is float:
            if value != value or value in (float("inf"), float("-inf")):
                return None
            whole = value.is_integer()
            count[1] += whole and abs(value) >= 1e15
            return str(int(value)) if whole and abs(value) < 1e22 else repr(value)
        count[1] += abs(value) >= 10**15
        return str(value)
    if kind is bool:
        return "TRUE" if value else "FALSE"
    if kind is dt.datetime:
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(" ", "seconds")
    if kind is dt.timedelta:
        return str(value.total_seconds() / 86_400)
    return None if value is None else value.isoformat()


if __name__ == "__main__":
    main()
