"""From a finished run to what the client keeps: report.pdf, report.html, workbook.xlsx and index.html, from one document."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import nbformat

from fivestep import language
from fivestep.errors import UserError
from fivestep.language import _
from fivestep.report import document, html, index, pdf, run, workbook

OUTPUTS = ("report.pdf", "report.html", "workbook.xlsx", "index.html", "run.json")


def render(folder: Path) -> dict[str, Path]:
    """Render a run's executed notebooks and return its files by name. Needs no data: only what the run left."""
    record = run.read_record(folder)
    if record["status"] not in ("finished", "partial", "rendered"):
        raise UserError(
            f"{folder.name}: the run has {record['status']}, so there is nothing to hand over. "
            "Mend it and run again: fivestep run."
        )
    said = record["settings"]
    language.use(record["parameters"]["language"], currency=said["currency"])
    if (labels := folder / "results" / "labels.csv").exists():
        language.load_values(labels)
    meta = facts(record)
    notebooks = [nbformat.read(folder / n["name"], as_version=4) for n in record["notebooks"] if n["status"] == "finished"]
    made = document.report(notebooks, meta)
    day = dt.date.fromisoformat(record["parameters"]["as_of"])
    timestamp = dt.datetime(
        day.year, day.month, day.day, tzinfo=dt.UTC
    )  # of the data, so that the same data gives the same bytes
    (folder / "report.pdf").write_bytes(pdf.render(made, timestamp=timestamp))
    (folder / "report.html").write_text(html.render(made), encoding="utf-8")
    workbook.write(folder / "workbook.xlsx", made, folder, created=timestamp)
    if record["status"] == "finished":
        run.update_record(folder, status="rendered")
    (folder / "index.html").write_text(index.page(folder, run.read_record(folder), meta), encoding="utf-8")
    return {name: folder / name for name in OUTPUTS}


def facts(record: dict[str, Any]) -> dict[str, Any]:
    """What the report says about itself."""
    said = record["settings"]
    day = language.day(dt.date.fromisoformat(record["parameters"]["as_of"]))
    partial = [] if record["status"] != "partial" else [[_("Chapters"), _("Not all notebooks were run: this report is a part.")]]
    return {
        "title": said["name"],
        "subtitle": record["subtitle"] or _("Customer analysis in five steps"),
        "client": said["client"],
        "author": "",
        "date": _("Data to {day}").format(day=day),
        "footer": said["name"],
        "lang": record["parameters"]["language"],
        "currency": said["currency"],
        "facts": [*record["facts"], *partial],
    }


def publish(folder: Path, latest: Path) -> None:
    """Copy a run's files to reports/latest, whole or not at all."""
    half = latest.with_name("latest.part")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    for path in sorted(folder.iterdir()):
        if path.name in OUTPUTS or path.suffix == ".ipynb":
            shutil.copyfile(path, half / path.name)
        elif path.name == "exports":
            shutil.copytree(path, half / path.name)
    shutil.rmtree(latest, ignore_errors=True)
    half.rename(latest)
