"""What the import says of the data: the quality sheet that lies beside the snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fivestep import language
from fivestep.findings import Finding, NotAvailable
from fivestep.intake.quality import CHECKS, SEVERITY_LABELS, of_snapshot
from fivestep.language import N_, _, ngettext

ANSWERS = N_("how many rows of the client's files were kept, and what is odd in them")


@dataclass(frozen=True)
class IntakeQuality:
    """The quality sheet of a snapshot.

    ``table``: one row per line of the sheet, errors and warnings first, without the rows read and kept of files: import_severity,
    import_place (file, table and column), import_check, import_rows (rows concerned; empty where the line counts none),
    import_found, import_fix (sentences in the language in use). ``files``: one row per file: import_file, rows_read, rows_kept,
    rows_left_out. ``snapshot``: its name.
    """

    table: pd.DataFrame
    files: pd.DataFrame
    snapshot: str
    errors: int
    warnings: int

    def headline(self) -> str:
        """How much was kept of the files, and how many lines need a look."""
        read, kept = int(self.files["rows_read"].sum()), int(self.files["rows_kept"].sum())
        concerns = self._concerns()
        if not read:
            return _("The import leaves {concerns}").format(concerns=concerns)
        if kept == read:
            return _("All {n} rows of the files were kept; the import leaves {concerns}").format(
                n=language.number(read), concerns=concerns
            )
        return _("{kept} of {n} rows of the files were kept; the import leaves {concerns}").format(
            kept=language.number(kept), n=language.number(read), concerns=concerns
        )

    def _concerns(self) -> str:
        if not self.errors + self.warnings:
            return _("no warning")
        if not self.errors:
            return ngettext("{n} warning", "{n} warnings", self.warnings).format(n=language.number(self.warnings))
        return language.listing(
            [
                ngettext("{n} error", "{n} errors", self.errors).format(n=language.number(self.errors)),
                ngettext("{n} warning", "{n} warnings", self.warnings).format(n=language.number(self.warnings)),
            ]
        )

    def files_headline(self) -> str:
        """How many rows were left out, over all files."""
        out = int(self.files["rows_left_out"].sum())
        if not out:
            return _("No row of the files was left out")
        return ngettext(
            "{n} row of the files was left out, with a reason", "{n} rows of the files were left out, each with a reason", out
        ).format(n=language.number(out))

    def by_file(self) -> pd.DataFrame | NotAvailable:
        """``files``, where the sheet counts the rows of files."""
        if self.files.empty:
            return NotAvailable((), _(ANSWERS), reason=_("the quality sheet counts no file."))
        return self.files

    def note(self) -> str:
        """Base: the last import into the snapshot, before the cut to scope and as-of date."""
        return _("Base: the last import into snapshot {name}, all customers and days; files: {n}.").format(
            name=self.snapshot, n=language.number(len(self.files))
        )

    def finding(self) -> Finding:
        """How many lines of the sheet are warnings or errors."""
        concerns = self.errors + self.warnings
        return Finding(
            key="profiling.import_warnings",
            value=float(concerns),
            unit="count",
            display=language.number(concerns),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Settle them with the client as the table says; until then they are part of every number.")
            if concerns
            else _("Nothing in the files needs to be asked about."),
            confidence="medium" if self.errors else "high",
        )


def intake_quality(folder: Path) -> IntakeQuality | NotAvailable:
    """The quality sheet in the snapshot *folder*; `NotAvailable` where the tables were not made by an import.

    Raises UserError where the file there is no quality sheet.
    """
    sheet = of_snapshot(folder)
    if sheet is None:
        return NotAvailable((), _(ANSWERS), reason=_("the tables of this snapshot were not made by fivestep import."))
    order = list(SEVERITY_LABELS)
    rows = [
        (
            SEVERITY_LABELS[line.severity],
            line.place(),
            CHECKS.get(line.check, line.check),
            line.rows or None,
            line.text(),
            line.mend(),
        )
        for line in sorted(sheet.lines, key=lambda line: order.index(line.severity))
        if line.check not in ("rows_read", "rows_kept") or not line.source  # the table of files has them
    ]
    columns = ["import_severity", "import_place", "import_check", "import_rows", "import_found", "import_fix"]
    table = pd.DataFrame(rows, columns=columns).astype({"import_rows": "Int64"})
    count = {check: {x.origin(): 0 for x in sheet.lines} for check in ("rows_read", "rows_kept", "rows_dropped")}
    for line in sheet.of(*count):
        count[line.check][line.origin()] += line.rows
    sources = list(dict.fromkeys(x.origin() for x in sheet.of("rows_read")))
    files = pd.DataFrame(
        [(s, count["rows_read"][s], count["rows_kept"][s], count["rows_dropped"][s]) for s in sources],
        columns=["import_file", "rows_read", "rows_kept", "rows_left_out"],
    )
    files = files.astype(dict.fromkeys(files.columns[1:], "int64"))
    errors, warnings = (sum(x.severity == s for x in sheet.lines) for s in ("error", "warning"))
    return IntakeQuality(table, files, folder.name, errors, warnings)
