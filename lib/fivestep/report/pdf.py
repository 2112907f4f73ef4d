"""A document as PDF: write a folder that holds data and template, and let Typst read it.

Everything that a notebook says travels as JSON. The template evaluates no string and Typst sees no file outside the folder, so
what stands in a customer's name or in a cell's output is text and nothing else.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any

import typst

from fivestep.report import fonts
from fivestep.report.blocks import plain
from fivestep.report.design import COLOURS, display_width, script, shortened

log = logging.getLogger(__name__)

_UNSHOWN = re.compile(r'the text `?"((?:[^"\\]|\\.)*)"`? could not be displayed')
_UNREADABLE = re.compile(r"img-\d+\.\w+")
_BOX = "\u25a1"
_LONG_COLUMN = 26  # characters; a wider text column may wrap
_LEAD = 240  # characters of a paragraph that goes with the exhibit below it


class PDFError(RuntimeError):
    """Typst could not make the PDF: a fault of the kit, not of the notebook."""


def render(document: dict[str, Any], *, timestamp: dt.datetime | None = None) -> bytes:
    """The document as PDF/UA-1. The same document and *timestamp* give the same bytes; without one the PDF carries no date.

    A character that no font has is shown as a box and logged; a picture that cannot be read is replaced by a note.
    """
    if timestamp is not None and timestamp.tzinfo is None:
        timestamp = timestamp.replace(tzinfo=dt.UTC)
    meta = document["meta"]
    data = {
        "meta": meta,
        "running": {"client": shortened(meta["client"], 48), "footer": shortened(meta["footer"] or meta["title"], 64)},
        "layout": document["layout"],
        "words": document["words"],
        "colours": COLOURS,
        "script": script(meta["lang"]),
        "fonts": fonts.families(meta["lang"]),
        "dated": timestamp is not None,
        "blocks": _with_leads(_kept_together([_prepared(b) for b in document["blocks"]])),
    }
    with tempfile.TemporaryDirectory(prefix="fivestep-pdf-") as folder:
        root = Path(folder)
        (root / "report.typ").write_bytes(resources.files(__package__).joinpath("typst/report.typ").read_bytes())
        for name, raw in document["images"].items():
            (root / name).write_bytes(raw)
        return _compiled(root, json.dumps(data, ensure_ascii=False), timestamp)


# ---------------------------------------------------------------- what only a page needs
def _prepared(block: dict) -> dict:
    if block["t"] == "heading" and block["level"] == 1:
        return {**block, "running": shortened(plain(block["c"]), 64)}
    if block["t"] == "table" and block.get("as") not in ("kpi", "glossary"):
        return _fitted(block)
    return block


def _fitted(table: dict) -> dict:
    """A table without spans: long headings broken in lines, long text columns allowed to wrap (``wrap``: share of the room)."""
    rows, cols = table["head"] + table["body"], table["cols"]
    if any(len(row) != cols for row in rows) or not table["body"]:
        return table
    body = [[display_width(row[x]["text"] or plain(row[x]["c"])) for row in table["body"]] for x in range(cols)]
    longest = [max(widths) for widths in body]
    wrap = [min(width, 90) if width > _LONG_COLUMN else 0 for width in longest]
    head = table["head"]
    if len(head) == 1:
        head = [[{**cell, "c": _in_lines(cell["c"], longest[x])} for x, cell in enumerate(head[0])]]
    out = {**table, "head": head}
    if any(wrap):
        out["wrap"] = wrap
    if len(table["body"]) >= 12:  # the rows that decide how wide a long table is: the template measures these alone
        widest = {y for widths in body for y in sorted(range(len(widths)), key=widths.__getitem__, reverse=True)[:2]}
        if len(widest) < len(table["body"]) / 2:
            out["probe"] = sorted(widest)
    return out


def _in_lines(content: list, below: int) -> list:
    """A heading of plain words in lines about as wide as what stands *below* it, and never narrower than its longest word."""
    if len(content) != 1 or not isinstance(content[0], str):
        return content
    words = content[0].split(" ")
    room = max(below, 6, *(display_width(w) for w in words))
    lines = [words[0]]
    for word in words[1:]:
        if display_width(f"{lines[-1]} {word}") <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return [x for line in lines for x in ({"t": "br"}, line)][1:]


def _kept_together(blocks: list[dict]) -> list[dict]:
    """One short paragraph between a heading and an exhibit stays on the page of the exhibit, as the heading does."""
    out = list(blocks)
    for i, (before, b, after) in enumerate(zip(blocks, blocks[1:], blocks[2:], strict=False), start=1):
        if before["t"] == "heading" and b["t"] == "para" and after["t"] in ("image", "table") and len(plain(b["c"])) < _LEAD:
            out[i] = {**b, "sticky": True}
    return out


def _with_leads(blocks: list[dict]) -> list[dict]:
    """A table that turns its page takes its heading (and one short paragraph) along."""
    out: list[dict] = []
    for b in blocks:
        if b["t"] == "table" and b.get("as") not in ("kpi", "glossary"):
            paragraphs = 1 if out and out[-1]["t"] == "para" and len(plain(out[-1]["c"])) < _LEAD else 0
            start = len(out) - paragraphs
            while start > 0 and out[start - 1]["t"] == "heading":
                start -= 1
            if start < len(out) - paragraphs:
                b = {**b, "lead": out[start:]}
                del out[start:]
        out.append(b)
    return out


# ---------------------------------------------------------------- Typst
def _compiled(root: Path, data: str, timestamp: dt.datetime | None) -> bytes:
    """Compile; where a character has no glyph or a picture cannot be read, put a mark in its place and go on."""
    said = ""
    for _attempt in range(5):
        (root / "data.json").write_text(data, encoding="utf-8")
        try:
            pdf, warnings = typst.compile_with_warnings(
                str(root / "report.typ"), root=str(root), font_paths=fonts.load(), pdf_standards=["ua-1"], timestamp=timestamp
            )
        except typst.TypstError as error:
            said = f"{error.message}\n{error.diagnostic}"
            changed = _without_unshown(data, said) if "could not be displayed" in said else _without_unreadable(data, said, root)
            if changed == data:
                break
            data = changed
        else:
            for warning in warnings:
                log.warning("typst: %s", warning.message)
            return pdf
    raise PDFError(said)


def _without_unshown(data: str, said: str) -> str:
    missing = {c for m in _UNSHOWN.finditer(said) if "\\u{" not in m.group(1) for c in json.loads(f'"{m.group(1)}"')}
    missing |= {chr(int(code, 16)) for code in re.findall(r"\\u\{([0-9a-f]+)\}", said)}
    missing = {c for c in missing if ord(c) > 127}
    if missing:
        log.warning("no glyph for %s: shown as a box", " ".join(f"U+{ord(c):04X}" for c in sorted(missing)))
    return data.translate({ord(c): _BOX for c in missing})


def _without_unreadable(data: str, said: str, root: Path) -> str:
    if "image" not in said and "SVG" not in said:
        return data
    bad = set(_UNREADABLE.findall(said)) or {p.name for p in root.glob("img-*") if not _opens(root, p.name)}
    document = json.loads(data)

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if node.get("path") in bad:
                log.warning("a picture cannot be read: %s", node.pop("path"))
                node["missing"] = ""
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)
    return json.dumps(document, ensure_ascii=False)


def _opens(root: Path, name: str) -> bool:
    """Whether Typst can read this one picture: it does not always say which one failed."""
    probe = root / "probe.typ"
    probe.write_text(f'#image("{name}")')
    try:
        typst.compile(str(probe), root=str(root), format="svg")
    except typst.TypstError:
        return False
    finally:
        probe.unlink()
    return True
