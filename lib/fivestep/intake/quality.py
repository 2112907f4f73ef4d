"""The quality sheet of an import: what was read, what was kept, what is wrong and how to mend it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from fivestep import language
from fivestep.errors import UserError
from fivestep.language import N_, _
from fivestep.privacy.masking import unnumbered

SHEET, PAGE = "quality.json", "quality.html"  # beside the tables of a snapshot

SEVERITY_LABELS = {"error": N_("Error"), "warning": N_("Warning"), "note": N_("Note")}

CHECKS: dict[str, str] = {
    "rows_read": N_("Rows read"),
    "rows_kept": N_("Rows kept"),
    "rows_dropped": N_("Rows left out"),
    "rows_written": N_("Rows written"),
    "rows_changed": N_("Rows changed by a later file"),
    "superseded": N_("File imported before with other content"),
    "imported_again": N_("Imported again from nothing"),
    "same_file": N_("Same file twice"),
    "taken_away": N_("Files no longer in data/raw/"),
    "table_left_out": N_("Tables left out"),
    "same_headers": N_("File known by its headers"),
    "date_range": N_("Date range"),
    "gap": N_("Gap in time"),
    "money": N_("Money before and after"),
    "orders_of_lines": N_("Orders made from their lines"),
    "rounded": N_("Amounts rounded"),
    "refunds": N_("Refunds"),
    "outlier": N_("Outliers"),
    "not_parsed": N_("Values not understood"),
    "ambiguous_number": N_("Numbers that may be read in two ways"),
    "ambiguous_date": N_("Dates that may be read in two ways"),
    "required_empty": N_("Required cells are empty"),
    "below_minimum": N_("Values below the minimum"),
    "above_maximum": N_("Values above the maximum"),
    "time_order": N_("Times in the wrong order"),
    "future": N_("Dates in the future"),
    "not_a_number": N_("Values that are no numbers"),
    "impossible_date": N_("Dates beyond the calendar"),
    "duplicate_keys": N_("Duplicate keys"),
    "identical_rows": N_("Identical rows"),
    "orphan_keys": N_("Orphan keys"),
    "unmatched_header": N_("Unmatched headers"),
    "duplicate_header": N_("Duplicate headers"),
    "header": N_("Header rows"),
    "total": N_("Total rows"),
    "malformed": N_("Malformed rows"),
    "format": N_("Kind of file"),
    "hidden_sheet": N_("Hidden sheets"),
    "encoding": N_("Encoding"),
    "separator": N_("Separator"),
    "mojibake": N_("Garbled text"),
    "wrapped_text": N_("Wrapped text"),
    "precision_lost": N_("Digits lost"),
    "float_text": N_("Ids written as decimals"),
    "null_bytes": N_("Null bytes"),
    "formula_text": N_("Formulas as text"),
    "leading_zeros": N_("Leading zeros lost"),
    "error_cell": N_("Errors of the spreadsheet"),
    "masked": N_("Masked values"),
    "mixed_units": N_("Mixed units"),
    "percent": N_("Percentages"),
    "unknown_value": N_("Unknown values"),
    "filled": N_("Cells filled from above"),
    "joined_by_name": N_("Joined by name"),
    "layout": N_("Unconfirmed layout"),
    "time_zone": N_("Time zone"),
    "identity": N_("Same person"),
    "erased": N_("Erased customers"),
    "empty_date": N_("Dates that are none"),
    "personal": N_("Personal values in a further column"),
    "same_field": N_("Several columns of one field"),
    "items": N_("Items packed into one cell"),
    "contract": N_("Contract"),
}

# Checks whose lines on no single file tell of an import; those on a table are made anew with each snapshot.
OF_IMPORTS = ("rows_changed", "imported_again", "duplicate_keys", "erased", "orders_of_lines")
COUNTS = {"rows_read", "rows_kept", "rows_written", "money", "header"}  # what is there, with nothing odd about it

TABLE_LABELS = {
    "customers": N_("Customers"), "orders": N_("Orders"), "order_lines": N_("Order lines"), "products": N_("Products"),
    "campaigns": N_("Campaigns"), "exposures": N_("Campaign contacts"), "offers": N_("Offers of campaigns"),
    "interactions": N_("Contacts with customers"), "feedback": N_("Feedback"), "survey": N_("Survey answers"),
    "events": N_("Online behaviour"), "opportunities": N_("Sales opportunities"), "stage_history": N_("Stages of opportunities"),
    "costs": N_("Costs by customer"), "stock": N_("Stock"), "contacts": N_("Contact persons"),
}  # fmt: skip


def table_name(table: str) -> str:
    """A table as settings name it; in other languages with what it holds before it."""
    said = _(TABLE_LABELS.get(table, table))
    return (
        table if language.current() == "en" or table not in TABLE_LABELS else _("{label} ({name})").format(label=said, name=table)
    )


@dataclass(frozen=True)
class Message:
    """A message of the catalog and what fills its ``{placeholders}``, messages among it; its text is in the language in use."""

    message: str
    values: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        if not self.message:
            return ""
        return _(self.message).format(**{k: _shown(v) for k, v in self.values.items()}) if self.values else _(self.message)


@dataclass(frozen=True)
class Line:
    """One line of the quality sheet.

    ``rows`` of ``of`` rows are concerned, the first is ``first_row`` of the file. ``message`` and ``fix`` are messages of the
    catalog; ``values`` fills their ``{placeholders}`` and is written in the reader's language: int as a count, float as a share,
    Decimal as money, date as a day, `Message` and lists of them as messages, text as it is. Without ``values`` they are shown as
    they stand. Values of direct identifiers and of unmapped columns must be masked by the caller; numbers in the names of files
    and columns are masked here. ``snapshot`` is the one whose import found it, where a later one has taken it over.
    """

    source: str
    table: str
    column: str
    check: str
    severity: str = "note"
    rows: int = 0
    of: int = 0
    first_row: int | None = None
    message: str = ""
    fix: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    snapshot: str = ""

    def __post_init__(self) -> None:
        if self.severity not in SEVERITY_LABELS:
            raise ValueError(f"severity {self.severity!r} is not one of {tuple(SEVERITY_LABELS)}")
        for name in ("source", "column"):  # files and columns may be named after a person's phone
            object.__setattr__(self, name, unnumbered(getattr(self, name)))
        object.__setattr__(self, "values", {k: _unnumbered(v) for k, v in self.values.items()})

    def text(self) -> str:
        """The message in the language in use."""
        return str(Message(self.message, self.values))

    def mend(self) -> str:
        """The fix in the language in use; empty where there is nothing to mend."""
        return str(Message(self.fix, self.values))

    def label(self) -> str:
        """What was checked, in the language in use."""
        return _(CHECKS[self.check]) if self.check in CHECKS else self.check.replace("_", " ").capitalize()

    def origin(self) -> str:
        """The file, with the snapshot of an earlier import; empty where the line is on none."""
        return " ".join(filter(None, (self.source, self.snapshot and f"({self.snapshot})")))

    def place(self) -> str:
        """File, table and column as far as the line names them."""
        return " · ".join(filter(None, (self.origin(), ".".join(filter(None, (self.table, self.column))))))


@dataclass
class QualitySheet:
    """The lines of one import, in the order in which they were found.

    Rows are balanced file by file: every source has ``rows_read`` (all rows, those set aside included), ``rows_kept`` (rows that
    went into at least one table) and any number of ``rows_dropped`` lines, one for each reason.
    """

    lines: list[Line] = field(default_factory=list)

    def add(self, line: Line) -> None:
        self.lines.append(line)

    def extend(self, lines: Iterable[Line]) -> None:
        self.lines.extend(lines)

    def of(self, *checks: str) -> list[Line]:
        """The lines of these checks."""
        return [line for line in self.lines if line.check in checks]

    def carried(self, snapshot: str) -> list[Line]:
        """The lines that say how files came to be what the tables of *snapshot* hold, for the sheet of the one that continues it.

        What is said of the tables themselves is made anew.
        """
        return [
            replace(x, snapshot=x.snapshot or snapshot)
            for x in self.lines
            if x.source or x.check in OF_IMPORTS or (x.check == "money" and "before" in x.values)
        ]

    def fatal(self, strict: Collection[str]) -> list[Line]:
        """Errors, and the warnings of the checks named in *strict* (``all`` names every check).

        Of a check that is named itself, notes that concern a row are fatal too, unless they only count what is there.
        """
        known = {*CHECKS, *(line.check for line in self.lines), "all"}
        unknown = sorted(set(strict) - known)
        if unknown:
            raise UserError(
                _("--strict {name}: there is no such check. Checks are all, {choices}.").format(
                    name=unknown[0], choices=", ".join(CHECKS)
                )
            )
        chosen = known if "all" in strict else set(strict)
        noted = set(strict) - COUNTS
        return [
            x
            for x in self.lines
            if x.severity == "error"
            or (x.severity == "warning" and x.check in chosen)
            or (x.severity == "note" and x.rows and x.check in noted)
        ]

    def unbalanced(self) -> dict[str, tuple[int, int]]:
        """Sources of which rows read are not rows kept plus rows dropped: source -> (read, accounted for)."""
        read: dict[str, int] = {}
        known: dict[str, int] = {}
        for line in self.of("rows_read", "rows_kept", "rows_dropped"):
            counts = read if line.check == "rows_read" else known
            counts[line.origin()] = counts.get(line.origin(), 0) + line.rows
        sources = dict.fromkeys([*read, *known])
        return {s: (read.get(s, 0), known.get(s, 0)) for s in sources if read.get(s, 0) != known.get(s, 0)}

    def balanced(self) -> bool:
        """Whether every row that was read was kept or is counted under a reason."""
        return not self.unbalanced()

    def to_json(self) -> str:
        """The sheet as JSON text: the same lines give the same bytes."""
        lines = [{**vars(x), "values": {k: _packed(v) for k, v in x.values.items()}} for x in self.lines]
        lines = [{k: v for k, v in x.items() if k != "snapshot" or v} for x in lines]
        return json.dumps({"version": 1, "lines": lines}, ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> QualitySheet:
        """The sheet that `to_json` wrote."""
        lines = json.loads(text)["lines"]
        return cls([Line(**{**x, "values": {k: _unpacked(v) for k, v in x["values"].items()}}) for x in lines])


def of_snapshot(folder: Path) -> QualitySheet | None:
    """The sheet in a snapshot *folder*; None where its tables were not imported. Raises UserError where the file is none."""
    path = folder / SHEET
    if not path.exists():
        return None
    try:
        return QualitySheet.from_json(path.read_text(encoding="utf-8"))
    except (KeyError, TypeError, ValueError):
        raise UserError(
            _("{folder}/{sheet}: the quality sheet cannot be read. Run fivestep import again.").format(
                folder=folder.name, sheet=SHEET
            )
        ) from None


def imported_on(folder: Path) -> dt.date | None:
    """The day of the import that has found orders of days to come in the snapshot *folder*; None where there are none, and where
    the tables were not imported."""
    sheet = of_snapshot(folder)
    found = [x for x in sheet.of("future") if x.column == "order_date"] if sheet else []
    return max((x.values["today"] for x in found), default=None)


def _unnumbered(value: Any) -> Any:
    if isinstance(value, str):
        return unnumbered(value)
    if isinstance(value, list | tuple):
        return [_unnumbered(v) for v in value]
    return Message(value.message, {k: _unnumbered(v) for k, v in value.values.items()}) if isinstance(value, Message) else value


def _shown(value: Any) -> str:
    if isinstance(value, bool | str | Message):
        return str(value)
    if isinstance(value, list | tuple):
        return _("; ").join(map(str, value))
    if isinstance(value, int):
        return language.number(value)
    if isinstance(value, float):
        return language.percent(value, 1)
    if isinstance(value, Decimal):
        return language.money(value, _decimals(value))
    return language.day(value)


def _decimals(value: Decimal) -> int:
    """Two, and more where there are more: a sum that is to add up is shown exactly."""
    return min(max(2, -value.normalize().as_tuple().exponent), 6) if value.is_finite() else 2


def _packed(value: Any) -> Any:
    if isinstance(value, Message):
        return {"message": value.message, "values": {k: _packed(v) for k, v in value.values.items()}}
    if isinstance(value, list | tuple):
        return [_packed(v) for v in value]
    if isinstance(value, Decimal):
        return {"money": str(value)}
    if isinstance(value, dt.datetime):
        return {"day": value.date().isoformat()}
    if isinstance(value, dt.date):
        return {"day": value.isoformat()}
    return value


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpacked(v) for v in value]
    if not isinstance(value, dict):
        return value
    if "message" in value:
        return Message(value["message"], {k: _unpacked(v) for k, v in value["values"].items()})
    return Decimal(value["money"]) if "money" in value else dt.date.fromisoformat(value["day"])
