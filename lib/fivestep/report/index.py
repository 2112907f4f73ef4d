"""The pages that lead into a run and into a batch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

from fivestep import language
from fivestep.errors import UserError
from fivestep.language import _
from fivestep.report import fonts
from fivestep.report.document import spoken_number

if TYPE_CHECKING:
    from fivestep.engagement import Engagement
    from fivestep.report.batch import Outcome


def page(folder: Path, record: dict[str, Any], meta: dict[str, Any]) -> str:
    """index.html of a run: its files, what it found, its notebooks and what it was made of."""
    files = [
        {"href": "report.pdf", "label": _("Report (PDF)"), "about": _("to print and to send")},
        {"href": "report.html", "label": _("Report (web page)"), "about": _("one file, opens anywhere")},
        {"href": "workbook.xlsx", "label": _("Workbook (Excel)"), "about": _("every table with its numbers")},
        *(
            {
                "href": f"exports/{p.name}",
                "label": _(p.stem.replace("_", " ").capitalize()),
                "about": _("list to work with (CSV)"),
            }
            for p in sorted((folder / "exports").glob("*.csv"))
        ),
        *(
            {
                "href": f"exports/{p.name}",
                "label": _(p.stem.replace("_", " ").capitalize()),
                "about": _("form to fill in (Excel)"),
            }
            for p in sorted((folder / "exports").glob("*.xlsx"))
        ),
    ]
    found = [
        [{"text": spoken_number(f), "kind": "number"}, {"text": f["text"]}, {"text": f["so_what"]}]
        for f in _findings(folder / "results")
        if f["headline"]
    ]
    notebooks = [
        [{"links": [{"href": n["name"], "label": n["name"]}]}, {"text": _(n["status"].capitalize())}] for n in record["notebooks"]
    ]
    return _render(
        meta,
        files=files,
        parts=[
            _part(_("Headline findings"), [("", True), (_("Finding"), False), (_("So what"), False)], found),
            _part(_("Executed notebooks"), [(_("Notebook"), False), (_("Status"), False)], notebooks),
        ],
        facts=record["facts"],
    )


def batch_page(whole: Engagement, by: str, outcomes: Sequence[Outcome]) -> str:
    """index.html of a batch: a line for every value, with its report or the reason why there is none."""
    status = {
        "finished": _("Finished"),
        "unchanged": _("Unchanged since the last batch"),
        "skipped": _("Skipped"),
        "failed": _("Failed"),
    }
    rows = []
    for o in outcomes:
        done = o.status in ("finished", "unchanged")
        links = [
            {"href": f"{o.folder}/{name}", "label": label}
            for name, label in (
                ("report.pdf", "PDF"),
                ("report.html", "HTML"),
                ("workbook.xlsx", "Excel"),
                ("index.html", _("Overview")),
            )
        ]
        rows.append([
            {"text": o.label}, {"text": language.number(o.customers), "kind": "number"},
            {"text": status[o.status], "kind": "failed" if o.status == "failed" else "", "detail": o.message},
            {"links": links} if done else {"text": language.MISSING},
        ])  # fmt: skip
    ready = sum(o.status in ("finished", "unchanged") for o in outcomes)
    title = _("{name}: one report per value of {field}").format(name=whole.settings.name, field=by)
    subtitle = _("{ready} of {all} reports ready; {failed} failed, {skipped} skipped").format(
        ready=language.number(ready),
        all=language.number(len(outcomes)),
        failed=language.number(sum(o.status == "failed" for o in outcomes)),
        skipped=language.number(sum(o.status == "skipped" for o in outcomes)),
    )
    heads = [(whole.field_label(by), False), (_("Customers"), True), (_("Status"), False), (_("Report"), False)]
    meta = {"title": title, "client": "", "subtitle": subtitle, "date": "", "lang": language.current()}
    return _render(meta, files=[], parts=[_part(_("Reports"), heads, rows)], facts=[])


def _findings(results: Path) -> list[dict[str, Any]]:
    out = []
    for path in sorted(results.glob("*/findings.json")):
        try:
            out += json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            raise UserError(
                _("results/{folder}/findings.json cannot be read. Run again.").format(folder=path.parent.name)
            ) from None
    return out


def _part(title: str, heads: list[tuple[str, bool]], rows: list) -> dict[str, Any]:
    return {"title": title, "heads": [{"label": label, "number": number} for label, number in heads], "rows": rows}


def _render(meta: dict[str, Any], **said: Any) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "pages"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    subtitle = " · ".join(filter(None, (meta["client"], meta["subtitle"], meta["date"])))
    cells = {"links": None, "kind": "", "detail": "", "text": ""}
    for part in said["parts"]:
        part["rows"] = [[{**cells, **cell} for cell in row] for row in part["rows"]]
    said |= {"title": meta["title"], "subtitle": subtitle, "facts_title": _("What this is made of")}
    faces = fonts.web_faces(json.dumps(said, ensure_ascii=False), meta["lang"])
    return environment.get_template("index.html.j2").render(lang=meta["lang"].replace("_", "-"), faces=faces, **said)
