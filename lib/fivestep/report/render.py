"""From a finished run to what the client keeps: report.pdf, report.html, workbook.xlsx and index.html, from one document."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

from fivestep import language
from fivestep.errors import UserError
from fivestep.language import N_, _
from fivestep.report import document, execution, folders, html, index, pdf, record, workbook
from fivestep.report.folders import OUTPUTS


def render(folder: Path) -> dict[str, Path]:
    """Render a run's executed notebooks and return its files by name. Needs no data: only what the run left.

    Name, client and all other settings are those of the run, whatever engagement.yml says now. Raises UserError where the run
    has not finished, or where something of what it left is missing or cannot be read.
    """
    with folders.locked(folder):
        said = record.read(folder)
        if said["status"] not in ("finished", "partial", "rendered"):
            words = _(
                "reports/{folder}: there is nothing to hand over of this run, as {state}. "
                "Mend what was said and run again: {command}."
            )
            raise UserError(words.format(folder=folder.name, state=record.state(said), command=record.command(said)))
        language.use(said["parameters"]["language"], currency=said["settings"]["currency"])
        if (labels := folder / "results" / "labels.csv").exists():
            language.load_values(labels)
        done = [n["name"] for n in said["notebooks"] if n["status"] == "finished"]
        try:
            notebooks = [execution.read(folder / name, fix=N_("Run again.")) for name in done]
            made = document.report(notebooks, facts(said))
            day = dt.date.fromisoformat(said["parameters"]["as_of"])
            timestamp = dt.datetime(
                day.year, day.month, day.day, tzinfo=dt.UTC
            )  # of the data, so that the same data gives the same bytes
            overview = index.page(folder, said, facts(said))
            workbook.write(folder / "workbook.xlsx", made, folder, created=timestamp)
        except UserError as error:
            words = _("reports/{folder}: {error} The command: {command}.")
            raise UserError(words.format(folder=folder.name, error=error, command=record.command(said))) from None
        (folder / "report.pdf").write_bytes(pdf.render(made, timestamp=timestamp))
        (folder / "report.html").write_text(html.render(made), encoding="utf-8")
        (folder / "index.html").write_text(overview, encoding="utf-8")
        if said["status"] == "finished":
            record.write(folder, {**said, "status": "rendered"})
    return {name: folder / name for name in OUTPUTS}


def facts(said: dict[str, Any]) -> dict[str, Any]:
    """What the report says about itself."""
    settings = said["settings"]
    day = language.day(dt.date.fromisoformat(said["parameters"]["as_of"]))
    partial = [] if said["status"] != "partial" else [[_("Chapters"), _("Not all notebooks were run: this report is a part.")]]
    return {
        "title": settings["name"],
        "subtitle": said["subtitle"] or _("Customer analysis in five steps"),
        "client": settings["client"],
        "author": "",
        "date": _("Data to {day}").format(day=day),
        "footer": settings["name"],
        "lang": said["parameters"]["language"],
        "currency": settings["currency"],
        "facts": [*said["facts"], *partial],
    }


def publish(folder: Path, latest: Path) -> None:
    """Copy a run's files to reports/latest, over those of the run before; files of somebody else's there stay."""
    with folders.locked(latest, seconds=60):
        half = folders.unfinished(latest)
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(parents=True)
        for path in folders.produced(folder):
            if path.name == "exports":
                shutil.copytree(path, half / path.name)
            elif path.is_file():
                shutil.copyfile(path, half / path.name)
        folders.put_in_place(half, latest)
