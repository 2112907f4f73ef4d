"""Executed notebooks as one document: plain data from which PDF, HTML and workbook are made.

A document is a dict: ``meta`` (title, client, subtitle, author, date, lang, footer, facts, currency), ``layout`` (report or
notebook), ``titled`` (whether the first block is the title itself, which is not to be said twice), ``words`` (what the template
itself says, in the language in use), ``contents`` (headings of the first two levels), ``blocks`` (see `fivestep.report.blocks`)
and ``images`` (name -> bytes).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fivestep import language
from fivestep.errors import UserError
from fivestep.language import _
from fivestep.report.blocks import NotebookReader, clean, plain, recorded_table
from fivestep.report.six_parts import six_parts

TILES = 6  # headline findings of the executive summary: two rows of three


def words() -> dict[str, str]:
    """What the template itself says, in the language in use."""
    return {
        "contents": _("Contents"),
        "summary": _("Executive summary"),
        "prepared": _("Prepared for"),
        "page": _("Page {page} of {pages}"),
        "columns": _("Columns, part {part} of {parts}"),
        "continued": _("Skip to the report"),
        "evidence": _("Evidence"),
        "so_what": _("So what"),
        "high": _("High confidence"),
        "medium": _("Medium confidence"),
        "low": _("Low confidence"),
        "note": _("Note"),
        "tip": _("Tip"),
        "important": _("Important"),
        "warning": _("Warning"),
        "caution": _("Caution"),
        "caution_on": _("Caution, page {page}"),
        "chart": _("Chart"),
        "table": _("Table"),
        "missing": _("Image not available"),
        "in_workbook": _("The table is in the workbook and in the HTML report."),
        "error": _("This cell ended in an error"),
    }


def report(notebooks: Sequence[Any], meta: dict[str, Any]) -> dict[str, Any]:
    """The report of a run: cover, contents, executive summary, the analysis in six parts, a chapter for each
    notebook, assumptions and definitions.

    ``notebooks`` are executed nbformat nodes in the order of the chapters. ``meta``: title, client, subtitle, author, date (as
    shown), lang, footer, facts ([[label, value], ...]), currency. Raises UserError where a cell has failed.
    """
    reader = NotebookReader()
    chapters = []
    for position, notebook in enumerate(notebooks, start=1):
        try:
            chapters.append(_chapter(reader.blocks(notebook), position, notebook))
        except UserError as error:
            said = _("notebook {n} of {of}: {error}").format(n=position, of=len(notebooks), error=error)
            raise UserError(said) from None
    _number_chapters(chapters)
    front = [*_summary(chapters), *six_parts(chapters)]
    blocks = [*front, *(b for c in chapters for b in c["blocks"]), *_closing(chapters, _facts(meta))]
    return _document(blocks, meta, layout="report", images=reader.images)


def single(notebook: Any, meta: dict[str, Any], *, base: Path | None = None) -> dict[str, Any]:
    """One notebook as a document of its own: a title block in place of cover, contents and summary.

    ``base`` is the folder in which its local images are looked for.
    """
    reader = NotebookReader(base=base)
    chapter = _chapter(reader.blocks(notebook), 1, notebook)
    _number_exhibits(chapter["blocks"], "")
    meta = {**meta, "title": meta.get("title") or chapter["title"]}
    return _document([*chapter["blocks"], *_closing([chapter], [])], meta, layout="notebook", images=reader.images)


def _document(blocks: list[dict], meta: dict[str, Any], *, layout: str, images: dict[str, bytes]) -> dict[str, Any]:
    _normalise_headings(blocks)
    _anchor(blocks)
    _describe(blocks)
    keys = ("client", "subtitle", "author", "date", "footer")
    return {
        "meta": {
            **{k: clean(meta.get(k) or "") for k in keys},
            "title": clean(meta.get("title") or _("Report")),
            "lang": meta.get("lang") or language.current(),
            "facts": _facts(meta),
            "currency": meta.get("currency") or language.currency(),
        },
        "layout": layout,
        "titled": layout == "notebook" and plain(blocks[0]["c"]) == clean(meta["title"]),
        "words": words(),
        "contents": [
            {"level": b["level"], "number": b.get("number", ""), "text": plain(b["c"]), "id": b["id"]}
            for b in blocks
            if b["t"] == "heading" and b["level"] <= 2
        ],
        "blocks": blocks,
        "images": images,
    }


def _facts(meta: dict[str, Any]) -> list[list[str]]:
    return [[clean(label), clean(value)] for label, value in meta.get("facts") or ()]


# ---------------------------------------------------------------- chapters
def _chapter(blocks: list[dict], position: int, notebook: Any) -> dict[str, Any]:
    """The blocks of one notebook under one first-level heading: its title."""
    at = next((i for i, b in enumerate(blocks) if b["t"] == "heading" and b["level"] == 1), None)
    if at is None:
        title = [clean(notebook.metadata.get("title") or _("Chapter {number}").format(number=position))]
    else:
        title = blocks.pop(at)["c"]
    head = {"t": "heading", "level": 1, "c": title}
    kept = [head]
    said: set[str] = set()
    exhibits: list[dict] = []
    warned: set[str] = set()
    for b in blocks:
        if b["t"] == "heading":
            b["level"] = max(2, b["level"])
            said.clear()
            exhibits.clear()
            warned.clear()
        elif b["t"] in ("image", "table"):
            exhibits.append(b)
        elif b["t"] == "finding":
            b |= _unsaid(b, exhibits)
            warned.update(b["warnings"] if b["headline"] else ())
        elif b["t"] == "caution" and b["text"] in warned:  # a headline finding says it, and the summary leads there
            continue
        elif b["t"] == "not_available":  # the exhibit and the finding of a section are absent for one reason: one line
            if b["text"] in said:
                continue
            said.add(b["text"])
        kept.append(b)
    shown, absent = _without_empty_sections(kept)
    return {"title": plain(title), "head": head, "blocks": shown, "absent": absent}


def _unsaid(finding: dict, exhibits: Iterable[dict]) -> dict:
    """What a finding adds to the exhibits of its section: its sentence may be the title of one, its evidence the note of one."""
    titles = {_bare(b.get("caption", "")) for b in exhibits}
    evidence = finding["evidence"]
    if _bare(evidence) in titles:
        evidence = ""
    for note in (b["note"] for b in exhibits if b.get("note")):
        if evidence in note:
            evidence = ""
        elif note[-1] in ".。":  # else what is left would begin within a sentence
            evidence = evidence.replace(note, "").strip()
    return {"evidence": evidence, "repeats": bool(finding["so_what"]) and _bare(finding["text"]) in titles}


def _bare(sentence: str) -> str:
    return sentence.rstrip(".。").casefold()


def _without_empty_sections(blocks: list[dict]) -> tuple[list[dict], list[tuple[str, str]]]:
    """The blocks without the sections that the data could not answer, and what is absent: (section, reason).

    Such sections are named in one line at the end of their chapter and with their reasons at the end of the report.
    """
    sections: list[list[dict]] = [[]]
    for b in blocks:
        if b["t"] == "heading" and b["level"] == 2:
            sections.append([])
        sections[-1].append(b)
    shown, named, absent = [], [], []
    for section in sections:
        title = plain(section[0]["c"]) if section and section[0]["t"] == "heading" else ""
        reasons = [b["text"] for b in section if b["t"] == "not_available"]
        absent += [(title, reason) for reason in reasons]
        asked = sum(b["t"] == "para" for b in section) <= 1  # the section's question; more was written by somebody
        if title and reasons and asked and {b["t"] for b in section} <= {"heading", "para", "not_available"}:
            named.append(title)
        else:
            shown += section
    if named:
        text = _("Not shown, because the data cannot answer it: {sections}. The reasons are under “What is missing”.")
        shown.append({"t": "para", "c": [text.format(sections=language.listing(named))]})
    return shown, absent


def _number_chapters(chapters: list[dict]) -> None:
    """A chapter has the number of its exhibits, so that notebooks 2 and 3 make chapters 2 and 3; else the next one."""
    last = 0
    for chapter in chapters:
        first = next((b["number"] for b in chapter["blocks"] if re.fullmatch(r"\d+\.\d+", b.get("number", ""))), "")
        last = max(last + 1, int(first.partition(".")[0] or 0))
        chapter["number"] = chapter["head"]["number"] = str(last)
        _number_exhibits(chapter["blocks"], f"{last}.")


def _number_exhibits(blocks: list[dict], prefix: str) -> None:
    """Number the captioned exhibits of a notebook that numbers none itself, and label all that have a number."""
    exhibits = [b for b in blocks if b["t"] in ("image", "table") and b.get("caption")]
    if not any(b.get("number") for b in exhibits):
        for i, b in enumerate(exhibits, start=1):
            b["number"] = f"{prefix}{i}"
    for b in exhibits:
        if b.get("number"):
            b["label"] = _("Exhibit {number}").format(number=b["number"])


# ---------------------------------------------------------------- executive summary
def _summary(chapters: list[dict]) -> list[dict]:
    """Headline findings as tiles, then what each chapter found; nothing where none found anything.

    A finding with warnings says so and leads to them: in full they stand with the finding, and here they would bury it. A chapter
    without a finding among others says so, so that no number is passed over.
    """
    out: list[dict] = []
    tiles = [{"display": spoken_number(f), "text": f["text"], "warned": bool(f["warnings"])} for f in _headlines(chapters)]
    if tiles:
        out.append({"t": "tiles", "tiles": tiles})
    for chapter in chapters if any(_of(c, "finding") or _of(c, "caution") for c in chapters) else ():
        found, cautions = _summarised(chapter), _of(chapter, "caution")
        items = [{"text": f["text"], "so_what": f["so_what"], "of": f if f["warnings"] else None} for f in found]
        if not found and not cautions:
            items = [{"text": _("This chapter holds no finding."), "so_what": "", "of": None}]
        about = {k: chapter[k] for k in ("title", "number")}
        out.append({"t": "takeaways", **about, "items": items, "cautions": list(dict.fromkeys(c["text"] for c in cautions))})
    return [{"t": "heading", "level": 1, "c": [_("Executive summary")]}, *out] if out else []


def _summarised(chapter: dict) -> list[dict]:
    """The findings of a chapter that stand in the summary: its headlines, or all where the notebook names none."""
    found = _of(chapter, "finding")
    return [f for f in found if f["headline"]] or found


def _headlines(chapters: list[dict]) -> list[dict]:
    """Up to six findings with a number to show, taken in turn from the chapters and shown in their order.

    A finding of low confidence is no headline, nor is one whose sentence does not say what its number is; one without a warning
    goes before one with.
    """
    queues = []
    for chapter in chapters:
        shown = [f for f in _summarised(chapter) if spoken_number(f) and f["confidence"] != "low"]
        queues.append(sorted(shown, key=lambda f: bool(f["warnings"])))
    taken: list[dict] = []
    for turn in range(max(map(len, queues), default=0)):
        taken += [queue[turn] for queue in queues if turn < len(queue)]
    chosen = {id(f) for f in taken[:TILES]}
    return [f for chapter in chapters for f in _of(chapter, "finding") if id(f) in chosen]


def spoken_number(finding: Mapping[str, Any]) -> str:
    """The number of a finding as the reader sees it, where its sentence says the same number; else empty.

    A number that stands large beside a sentence about other numbers would be read as one of these, and no money is no headline.
    """
    if finding.get("unit") == "money" and not re.search("[1-9]", finding["display"]):
        return ""
    said = re.search(r"\d[\d.,]*", finding["display"])
    return finding["display"] if said and re.search(rf"(?<![\d.,]){re.escape(said[0])}(?!\d)", finding["text"]) else ""


def _of(chapter: dict, kind: str) -> list[dict]:
    return [b for b in chapter["blocks"] if b["t"] == kind]


# ---------------------------------------------------------------- assumptions, definitions, what is missing
def _closing(chapters: list[dict], facts: list[list[str]]) -> list[dict]:
    out: list[dict] = []
    assumed = [(c, list(dict.fromkeys(a for f in _of(c, "finding") for a in f["assumptions"]))) for c in chapters]
    if facts:
        out += [_heading(_("What this report covers")), _glossary(facts)]
    if any(texts for _chapter, texts in assumed):
        listed: list[dict] = []
        for chapter, texts in assumed:
            if texts:
                if len(chapters) > 1:
                    listed.append({"t": "para", "c": [{"t": "strong", "c": [chapter["title"]]}]})
                listed.append(_bullets(texts))
        out += [_heading(_("Assumptions")), {"t": "fine", "c": listed}]
    defined, ends = _definitions(chapters)
    if defined:
        out += [_heading(_("Definitions")), _glossary(defined, head=[_("Column"), _("Meaning")])]
    if ends:
        out.append({"t": "para", "c": [_("The ends of intervals are defined in the workbook, with all other columns.")]})
    missing = list(dict.fromkeys((title or chapter["title"], text) for chapter in chapters for title, text in chapter["absent"]))
    if missing:
        out += [_heading(_("What is missing")), _glossary([list(pair) for pair in missing])]
    return [{"t": "heading", "level": 1, "c": [_("Assumptions and definitions")]}, *out] if out else []


def _definitions(chapters: list[dict]) -> tuple[list[list[str]], bool]:
    """Each column of the tables with its meaning, once, in the order of the alphabet where the language has one.

    Without the ends of intervals, and whether there are any: their names say what they are, the workbook by which method.
    """
    tables = [b for chapter in chapters for b in _of(chapter, "table")]
    columns = [c for b in tables for c in b.get("columns", ()) if c["definition"] and c["label"] not in b.get("empty", ())]
    kept = [c for c in columns if not c["name"].endswith(("_low", "_high"))]
    defined = list(dict.fromkeys((c["label"], c["definition"]) for c in kept))
    if not language.current().startswith("zh"):
        defined.sort(key=lambda pair: (pair[0].casefold(), pair[1]))
    return [list(pair) for pair in defined], len(kept) < len(columns)


def _heading(text: str) -> dict:
    return {"t": "heading", "level": 2, "c": [text]}


def _bullets(texts: Iterable[str]) -> dict:
    return {"t": "list", "ordered": False, "start": 1, "items": [{"c": [{"t": "para", "c": [text]}]} for text in texts]}


def _glossary(rows: list[list[str]], head: list[str] | None = None) -> dict:
    table = recorded_table([{"label": label, "kind": "text"} for label in head or ("", "")], rows)
    return {**table, "head": table["head"] if head else [], "columns": [], "as": "glossary"}


# ---------------------------------------------------------------- what holds for every document
def _normalise_headings(blocks: list[dict]) -> None:
    """No skipped levels: PDF/UA wants that, and so does a reader."""
    last = 0
    for b in blocks:
        if b["t"] == "heading":
            b["level"] = last = min(b["level"], last + 1, 6)


def _anchor(blocks: list[dict]) -> None:
    """An id for every heading, exhibit and finding with a warning, unique in the document; takeaways point at their chapter, and
    where a finding has warnings at these.
    """
    taken: set[str] = set()
    chapters: dict[str, str] = {}
    sections = 0
    for b in blocks:
        if b["t"] == "heading":
            sections += 1
            wanted = f"chapter-{b['number']}" if b.get("number") else f"section-{sections}"
        elif b.get("number"):
            wanted = f"exhibit-{re.sub(r'[^0-9]+', '-', b['number'])}"
        elif b["t"] == "finding" and b["warnings"]:
            wanted = "finding-1"
        else:
            continue
        b["id"] = next(name for name in (wanted, *(f"{wanted}-{i}" for i in range(2, len(blocks) + 2))) if name not in taken)
        taken.add(b["id"])
        if b["t"] == "heading":
            chapters.setdefault(b.get("number", ""), b["id"])
    for b in blocks:
        for node in (x for row in b.get("body", ()) for cell in row for x in cell["c"] if isinstance(x, dict) and "of" in x):
            node["target"] = node.pop("of")["id"]
        if b["t"] == "takeaways":
            b["target"] = chapters[b["number"]]
            for item in b["items"]:
                cautioned = item.pop("of")
                item["caution"] = cautioned["id"] if cautioned else ""


def _describe(blocks: list[dict]) -> None:
    """The lines under an exhibit, and a text alternative for every picture: its own, else its caption, else where it stands."""
    here = ""
    for b in blocks:
        if b["t"] == "heading":
            here = plain(b["c"])
        elif b["t"] == "image" and not b.get("alt"):
            b["alt"] = b.get("caption") or (_("Chart: {section}").format(section=here) if here else _("Chart"))
        if b["t"] in ("image", "table"):
            source = _("Source: {source}").format(source=b["source"]) if b.get("source") else ""
            if b.get("empty"):
                b["lacking"] = _("Without values here: {columns}.").format(columns=language.listing(b["empty"]))
            about = " ".join(filter(None, (b.get("note"), source)))
            b["below"] = [line for line in (b.get("cut"), b.get("lacking"), about) if line]
