"""A document as PDF: write a folder that holds data and template, and let Typst read it.

Everything that a notebook says travels as JSON. The template evaluates no string and Typst sees no file outside the folder, so
what stands in a customer's name or in a cell's output is text and nothing else.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import math
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
_LONG_COLUMN = (26, 20, 15)  # characters: a wider text column may wrap; the first limit with which a table fits the page
_PAGE_WIDTH = 104  # characters of table type across a page
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
        "titled": document["titled"],
        "words": document["words"],
        "colours": COLOURS,
        "script": script(meta["lang"]),
        "fonts": fonts.families(meta["lang"]),
        "dated": timestamp is not None,
        "blocks": _with_leads(_endings_together(_kept_together([_prepared(b) for b in document["blocks"]]))),
    }
    with tempfile.TemporaryDirectory(prefix="fivestep-pdf-") as folder:
        root = Path(folder)
        (root / "report.typ").write_bytes(resources.files(__package__).joinpath("typst/report.typ").read_bytes())
        for name, raw in document["images"].items():
            (root / name).write_bytes(raw)
        return _compiled(root, json.dumps(data, ensure_ascii=False), timestamp)


# ---------------------------------------------------------------- what only a page needs
def _prepared(block: dict) -> dict:
    if block.get("detail"):  # the table behind the exhibit above: one line says where it is
        return {"t": "detail", "label": block.get("label", ""), "text": block.get("caption", "")}
    if block["t"] == "heading" and block["level"] == 1:
        return {**block, "running": shortened(plain(block["c"]), 64)}
    if block["t"] == "table" and block.get("as") not in ("kpi", "glossary"):
        # A header that is repeated on the next page is an artifact there, and PDF/UA allows no link or footnote in one.
        return _fitted({**block, "head": [[{**c, "c": _without_links(c["c"])} for c in row] for row in block["head"]]})
    return block


def _without_links(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_links(part) for part in node]
    if not isinstance(node, dict) or "c" not in node:
        return node
    if node["t"] == "fn":
        return f" ({plain(node['c'])})"
    return {**node, "t": "span" if node["t"] == "link" else node["t"], "c": _without_links(node["c"])}


def _fitted(table: dict) -> dict:
    """A table without spans with its long headings broken in lines and, where it would be too wide, text columns that wrap.

    ``wrap`` holds the weight of each such column (0 for the others), ``least`` the characters that it needs.
    """
    rows, cols = table["head"] + table["body"], table["cols"]
    if any(len(row) != cols for row in rows) or not table["body"]:
        return table
    texts = [[row[x]["text"] or plain(row[x]["c"]) for row in table["body"]] for x in range(cols)]
    body = [[display_width(t) for t in column] for column in texts]
    longest = [max(widths) for widths in body]
    out = dict(table)
    if len(table["head"]) == 1:
        least = 10 if cols <= 8 else 7 if cols <= 11 else 6  # the more columns, the narrower their headings
        out["head"] = [[{**cell, "c": _in_lines(cell["c"], max(longest[x], least))} for x, cell in enumerate(table["head"][0])]]
    wrap, words = _wrapping(longest, [max(map(_longest_word, column)) for column in texts])
    if any(wrap):
        out |= {"wrap": wrap, "least": words}
    if len(table["body"]) >= 12:  # the rows that decide how wide a long table is: the template measures these alone
        widest = {y for widths in body for y in sorted(range(len(widths)), key=widths.__getitem__, reverse=True)[:3]}
        if len(widest) < len(table["body"]) / 2:
            out["probe"] = sorted(widest)
    return out


def _wrapping(longest: list[int], words: list[int]) -> tuple[list[float], list[int]]:
    """Which columns wrap, so that a table fits the page with the fewest lines in a row: their weights, the characters they need.

    ``longest`` is the longest text of each column, ``words`` its longest word, in characters.
    """
    choices = []
    for limit in _LONG_COLUMN:
        wrap = [round(math.sqrt(10 * min(w, 90)), 1) if w > limit else 0.0 for w in longest]
        least = [max(min(w, 10), word) if weight else 0 for w, word, weight in zip(longest, words, wrap, strict=True)]
        needed = sum(wrap) * max((a / b for a, b in zip(least, wrap, strict=True) if b), default=0)
        room = _PAGE_WIDTH - 2 * len(longest) - sum(max(w, 7) for w, weight in zip(longest, wrap, strict=True) if not weight)
        over = max(0.0, needed - room)
        lines = max(
            (w / (max(room, needed) * weight / sum(wrap)) for w, weight in zip(longest, wrap, strict=True) if weight), default=0
        )
        choices.append((over, math.ceil(lines), wrap, least))
    *_rank, wrap, least = min(choices, key=lambda c: c[:2])
    return wrap, least


def _longest_word(text: str) -> int:
    """The room that a text needs in any case: Chinese breaks between characters, Latin between words."""
    return max((min(display_width(w), 30) for w in re.split(r"[\s\u2e80-\uffff-]+", text)), default=0)


def _in_lines(content: list, room: int) -> list:
    """A heading of plain words in at most three lines about as wide as *room*, and never narrower than its longest word."""
    if len(content) != 1 or not isinstance(content[0], str):
        return content
    words = content[0].split(" ")
    for width in range(max(room, *map(display_width, words)), display_width(content[0]) + 1):
        lines = words[:1]
        for word in words[1:]:
            if display_width(f"{lines[-1]} {word}") <= width:
                lines[-1] += f" {word}"
            else:
                lines.append(word)
        if len(lines) <= 3:
            return [x for line in lines for x in ({"t": "br"}, line)][1:]
    return content


def _kept_together(blocks: list[dict]) -> list[dict]:
    """One short paragraph between a heading and an exhibit stays on the page of the exhibit, as the heading does."""
    out = list(blocks)
    for i, (before, b, after) in enumerate(zip(blocks, blocks[1:], blocks[2:], strict=False), start=1):
        if before["t"] == "heading" and b["t"] == "para" and after["t"] in ("image", "table") and len(plain(b["c"])) < _LEAD:
            out[i] = {**b, "sticky": True}
    return out


def _endings_together(blocks: list[dict]) -> list[dict]:
    """The findings that end a chapter stay on the page of their exhibit: alone they would have a page of their own."""
    out = list(blocks)
    ending = True
    for i in range(len(out) - 1, 0, -1):
        if out[i]["t"] == "heading":
            ending = out[i]["level"] == 1
        elif ending and out[i]["t"] == "finding":
            out[i - 1] = {**out[i - 1], "sticky": True}
        else:
            ending = False
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
