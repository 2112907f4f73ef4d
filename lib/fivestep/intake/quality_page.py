"""The quality sheet as a web page: one file, no network, in the language in use."""

from __future__ import annotations

from pathlib import Path

import jinja2

from fivestep import language
from fivestep.intake.quality import SEVERITY_LABELS, Line, QualitySheet
from fivestep.language import N_, _, ngettext

COUNTS = ("rows_read", "rows_kept", "rows_dropped")


def page(quality: QualitySheet, snapshot: str) -> str:
    """quality.html of a snapshot: what to mend first, then how each file and each table came out."""
    mend = [x for x in quality.lines if x.severity != "note"]
    mend.sort(key=lambda x: x.severity != "error")  # stable: within it, as found
    parts = [_part(_("What to look at"), mend, whole=True)] if mend else []
    if counted := quality.of(*COUNTS):
        parts.append(_files(counted))
    for source in dict.fromkeys(x.origin() for x in quality.lines if x.source):
        its = [x for x in quality.lines if x.source and x.origin() == source]
        parts.append(_part(source, [x for x in its if x.severity == "note" and x.check not in COUNTS[:2]]))
    for table in dict.fromkeys(x.table for x in quality.lines if not x.source):
        notes = [x for x in quality.lines if not x.source and x.table == table and x.severity == "note"]
        parts.append(_part(_("Table {name}").format(name=table) if table else _("Whole import"), notes))
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "pages"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("quality.html.j2").render(
        lang=language.current().replace("_", "-"),
        title=_("What was imported"),
        subtitle=_("Snapshot {name}").format(name=snapshot),
        summary=summary(quality),
        tiles=_tiles(quality) if quality.of("rows_read") else [],
        parts=[{**part, "row_head": _row_head(part["heads"])} for part in parts if part["rows"]],
    )


def summary(quality: QualitySheet) -> str:
    """How many errors and warnings there are, and whether every row is accounted for."""
    errors, warnings = (sum(x.severity == s for x in quality.lines) for s in ("error", "warning"))
    said = [
        ngettext("{n} error", "{n} errors", errors).format(n=language.number(errors)),
        ngettext("{n} warning", "{n} warnings", warnings).format(n=language.number(warnings)),
    ]
    text = language.listing(said)
    if quality.of("rows_read"):
        text += _("; ") + (_("every row is accounted for") if quality.balanced() else _("rows are missing without a reason"))
    return language.sentence(text)


def _tiles(quality: QualitySheet) -> list[tuple[str, str]]:
    checks = {N_("Rows read"): "rows_read", N_("Rows kept"): "rows_kept", N_("Rows left out"): "rows_dropped"}
    return [(_(label), language.number(sum(x.rows for x in quality.of(check)))) for label, check in checks.items()]


def _files(lines: list[Line]) -> dict:
    """Of every file how many rows were read, kept and left out."""
    sums = {x.origin(): dict.fromkeys(COUNTS, 0) for x in lines}
    for line in lines:
        sums[line.origin()][line.check] += line.rows
    heads = {"place": _("File"), "read": _("Rows read"), "kept": _("Rows kept"), "out": _("Rows left out")}
    names = dict(zip(COUNTS, ("read", "kept", "out"), strict=True))
    rows = [{"place": s, **{names[c]: language.number(n) for c, n in counts.items()}} for s, counts in sums.items()]
    return {"title": _("Files"), "rows": rows, "heads": heads}


def _row_head(heads: dict[str, str]) -> str:
    """What a row is called: where it is, else what was checked."""
    return next(key for key in ("place", "check") if key in heads)


def _part(title: str, lines: list[Line], *, whole: bool = False) -> dict:
    """Lines as a table; *whole*: with severity and file, which notes below the name of their file need not say again."""
    heads = {
        **({"mark": _("Severity"), "place": _("Where")} if whole else {"column": _("Where")}), "check": _("Check"),
        "rows": _("Rows"), "first": _("First row"), "text": _("What was found"), "mend": _("What to do"),
    }  # fmt: skip
    rows = [_row(line) for line in lines]
    return {"title": title, "rows": rows, "heads": {key: head for key, head in heads.items() if any(row[key] for row in rows)}}


def _row(line: Line) -> dict:
    if line.rows and line.of and line.rows != line.of:
        rows = _("{n} of {of}").format(n=language.number(line.rows), of=language.number(line.of))
    else:
        rows = language.number(line.rows) if line.rows else ""
    return {
        "severity": line.severity,
        "mark": _(SEVERITY_LABELS[line.severity]),
        "place": line.place(),
        "column": line.place().removeprefix(line.origin()).removeprefix(" · "),
        "check": line.label(),
        "rows": rows,
        "first": language.number(line.first_row) if line.first_row is not None else "",
        "text": line.text(),
        "mend": line.mend(),
    }
