"""An executed notebook as report blocks: what a client reads of it, as plain data.

A block is a dict with ``t``, its kind: heading, para, list, quote, callout, math, rule, code, out, error, table, image,
finding, not_available, caution; ``c`` holds inline content (strings and dicts like ``{"t": "strong", "c": [...]}``) or blocks.
Everything is data: PDF and HTML are made from the same blocks, and nothing that stands in a notebook is ever markup of either.

Code, stderr, the cells of parameters and papermill's own marks are left out; a cell that failed stops the report.
"""

from __future__ import annotations

import base64
import logging
import re
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from fivestep import language
from fivestep.errors import UserError
from fivestep.language import _
from fivestep.report import svg
from fivestep.report.html_tables import align_cells, html_to_blocks
from fivestep.report.markdown import MarkdownReader

log = logging.getLogger(__name__)

HIDDEN_CELLS = {"remove-cell", "remove_cell", "hide-cell", "parameters", "injected-parameters", "papermill-error-cell-tag"}
HIDDEN_OUTPUTS = {"remove-output", "remove_output", "hide-output"}
RECORDS = ("figure", "table", "finding", "not_available", "caution")

_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_OPTION = re.compile(r"^#\|\s*([\w-]+)\s*:\s*(.*?)\s*$")
_QUARTO = {"fig-cap": "caption", "tbl-cap": "caption", "cap": "caption", "fig-alt": "alt", "out-width": "width"}
_IMAGES = {"image/svg+xml": "svg", "image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}
_MAGIC = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpg", b"GIF8": "gif", b"RIFF": "webp"}


def clean(text: Any) -> str:
    """Text as a reader may see it: no terminal colours, no control characters; of a progress bar its last state."""
    text = _ANSI.sub("", str(text)).replace("\r\n", "\n")
    text = "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n"))
    return _CONTROL.sub("", text)


def plain(node: Any) -> str:
    """Inline content without its markup."""
    if isinstance(node, str):
        return node
    if isinstance(node, list):
        return "".join(plain(x) for x in node)
    if isinstance(node, dict):
        return " " if node.get("t") == "br" else node["alt"] if node.get("t") == "math" else plain(node.get("c", ""))
    return ""


class NotebookReader:
    """Reads notebooks; the pictures of all of them are collected in ``images`` (name -> bytes)."""

    def __init__(self, *, base: Path | None = None) -> None:
        self.images: dict[str, bytes] = {}
        self.base = base
        self._markdown = MarkdownReader()
        self._section = ""

    def blocks(self, notebook: Any) -> list[dict]:
        """The blocks of one notebook (an nbformat node). Raises UserError where a cell has failed."""
        out: list[dict] = []
        self._section = ""
        for cell in notebook.cells:
            tags = set(cell.metadata.get("tags", ()))
            if tags & HIDDEN_CELLS:
                continue
            if cell.cell_type == "markdown":
                new = self._with_images(self._markdown(clean(cell.source)), cell.get("attachments") or {})
            elif cell.cell_type == "code":
                new = [] if tags & HIDDEN_OUTPUTS else [b for o in cell.get("outputs", ()) for b in self._output(o, cell, tags)]
            else:
                continue
            out += new
            self._section = next((plain(b["c"]) for b in reversed(new) if b["t"] == "heading"), self._section)
        return out

    def _output(self, output: Any, cell: Any, tags: set[str]) -> list[dict]:
        if output.output_type == "stream":
            text = "" if output.name == "stderr" else clean(output.text).strip("\n")
            return [{"t": "out", "text": text}] if text.strip() else []
        if output.output_type == "error":
            if "raises-exception" not in tags:
                words = (
                    _("a cell under “{section}” ended in {said}. Mend it, run the notebook again, then render.")
                    if self._section
                    else _("a cell ended in {said}. Mend it, run the notebook again, then render.")
                )
                said = f"{clean(output.ename)}: {clean(output.evalue)[:300]}"
                raise UserError(words.format(section=self._section, said=said))
            return [{"t": "error", "name": clean(output.ename), "text": clean(output.evalue)[:500]}]
        record = output.get("metadata", {}).get("fivestep")
        if isinstance(record, dict) and record.get("kind") in RECORDS:
            return [self._recorded(record, output.get("data", {}))]
        return self._shown(output.get("data", {}), cell_options(cell))

    # ------------------------------------------------------------ exhibits
    def _recorded(self, record: dict, data: dict) -> dict:
        """The block of an output that carries a record of the engagement."""
        kind = record["kind"]
        said = {k: clean(v) for k, v in record.items() if isinstance(v, str) and v}
        if kind == "figure":
            return {**self._picture(data), **_about(said)}
        if kind == "table":
            kept = {k: said[k] for k in ("frame", "cut") if k in said}
            return {**_exhibited(record), **_about(said), **kept, "detail": record.get("detail") is True}
        if kind == "finding":
            lists = {k: [clean(x) for x in record.get(k) or () if x] for k in ("warnings", "assumptions")}
            keys = ("key", "unit", "text", "evidence", "so_what", "confidence", "display")
            if not any(c.isdigit() for c in said.get("display", "")):  # a sign for “no value” is nothing to show large
                said["display"] = ""
            return {
                "t": "finding",
                **{k: said.get(k, "") for k in keys},
                **lists,
                "value": record.get("value"),
                "headline": record.get("headline") is True,
            }
        if kind == "not_available":
            return {"t": "not_available", "text": said.get("text", "")}
        return {"t": "caution", "text": said.get("text", "")}

    def _picture(self, data: dict) -> dict:
        for mime, ext in _IMAGES.items():
            if data.get(mime):
                return {"t": "image", **self._stored(_payload(data[mime], ext), ext)}
        return {"t": "image", "missing": ""}

    # ------------------------------------------------------------ other outputs
    def _shown(self, data: dict, options: dict[str, str]) -> list[dict]:
        if any(data.get(mime) for mime in _IMAGES):
            about = {k: options[k] for k in ("caption", "alt", "width", "source", "note") if options.get(k)}
            return [{**self._picture(data), **about}]
        if data.get("text/html"):
            blocks = self._with_images(html_to_blocks(clean(_joined(data["text/html"]))), {})
            if blocks:
                return _captioned(blocks, options)
        if data.get("text/markdown"):
            return _captioned(self._with_images(self._markdown(clean(_joined(data["text/markdown"]))), {}), options)
        if data.get("text/latex"):
            return self._markdown(clean(_joined(data["text/latex"])))
        text = clean(_joined(data.get("text/plain", "")))
        return [{"t": "out", "text": text}] if text.strip() else []

    # ------------------------------------------------------------ images
    def _stored(self, raw: bytes | None, ext: str) -> dict:
        """``path`` of the picture among ``images``, or ``missing`` where it cannot be read."""
        if raw and ext == "svg":
            try:
                raw = svg.tame(raw)
            except ValueError as error:
                log.warning("a picture is left out: %s", error)
                raw = None
        if not raw or not _readable(raw, ext):
            return {"missing": ""}
        ext = next((v for k, v in _MAGIC.items() if raw.startswith(k)), ext)
        name = f"img-{len(self.images)}.{ext}"
        self.images[name] = raw
        return {"path": name}

    def _with_images(self, node: Any, attachments: dict) -> Any:
        """Point every image of Markdown and HTML at a stored one, or note that it is missing."""
        if isinstance(node, list):
            for x in node:
                self._with_images(x, attachments)
        elif isinstance(node, dict):
            if node.get("t") in ("img", "image") and "src" in node:
                source = node.pop("src")
                node.update(self._stored(*self._found(source, attachments)))
                if "missing" in node:
                    shown = source if len(source) < 80 else source[:60] + "…"
                    log.warning("image left out: %s", shown)
                    node["missing"] = node.get("alt") or shown.rsplit("/", 1)[-1]
            for v in node.values():
                if isinstance(v, (list, dict)):
                    self._with_images(v, attachments)
        return node

    def _found(self, source: str, attachments: dict) -> tuple[bytes | None, str]:
        if source.startswith("attachment:"):
            for mime, payload in (attachments.get(unquote(source[11:])) or {}).items():
                if mime in _IMAGES:
                    return _payload(payload, _IMAGES[mime]), _IMAGES[mime]
        elif source.startswith("data:image/"):
            mime, _, payload = source[5:].partition(";base64,")
            if mime in _IMAGES and payload:
                return _payload(payload, _IMAGES[mime]), _IMAGES[mime]
        elif self.base and source and "://" not in source:
            root = self.base.resolve()
            path = (root / unquote(source.split("?")[0])).resolve()
            ext = path.suffix.lower().lstrip(".").replace("jpeg", "jpg")
            if path.is_relative_to(root) and path.is_file() and ext in _IMAGES.values():
                return path.read_bytes(), ext
        return None, ""


def cell_options(cell: Any) -> dict[str, str]:
    """Caption, alt text, width and source of an ordinary output: from cell metadata, then from ``#| key: value`` lines."""
    keys = ("caption", "alt", "width", "source", "note", "as")
    options = {k: cell.metadata[k] for k in keys if isinstance(cell.metadata.get(k), str)}
    for line in cell.source.splitlines():
        found = _OPTION.match(line)
        if found:
            options[_QUARTO.get(found.group(1), found.group(1))] = found.group(2).strip("\"'")
        elif line.strip():
            break
    return {k: clean(v) for k, v in options.items()}


def recorded_table(columns: Iterable[dict], rows: Iterable[Iterable[Any]]) -> dict:
    """A table block from formatted cells; the first column names its rows unless it holds numbers."""
    columns = [{k: clean(c.get(k) or "") for k in ("name", "label", "kind", "align", "definition", "values")} for c in columns]
    rows = [list(row)[: len(columns)] for row in rows]
    sides = [c["align"] if c["align"] in ("left", "right", "center") else _SIDES.get(c["kind"], "left") for c in columns]
    named = bool(columns) and columns[0]["kind"] in ("text", "month", "date", "")
    body = [[_cell(x, th=named and i == 0) for i, x in enumerate(row + [""] * (len(columns) - len(row)))] for row in rows]
    head = [[_cell(c["label"], th=True) for c in columns]] if columns else []
    align_cells(head, body, sides)
    return {"t": "table", "cols": len(columns), "head": head, "body": body, "columns": columns}


def _exhibited(record: dict) -> dict:
    """The table of a record without the columns that hold no value, which are named: a page has no room for them."""
    columns, rows = list(record.get("columns") or []), [list(row) for row in record.get("rows") or []]
    empty = {i for i, _c in enumerate(columns) if i and rows and all(row[i : i + 1] == [language.MISSING] for row in rows)}
    kept = [i for i in range(len(columns)) if i not in empty]
    shown = recorded_table([columns[i] for i in kept], [[row[i] for i in kept if i < len(row)] for row in rows])
    whole = recorded_table(columns, rows)
    said = {"columns": whole["columns"], "rows": [[c["text"] for c in row] for row in whole["body"]]}
    return {**shown, **said, "empty": [whole["columns"][i]["label"] for i in sorted(empty)]}


_SIDES = dict.fromkeys(("count", "number", "money", "percent", "ratio", "index"), "right")


def _cell(value: Any, *, th: bool) -> dict:
    text = "" if value is None else clean(value)
    return {"c": [text] if text else [], "th": th, "text": text}


def _about(said: dict[str, str]) -> dict[str, str]:
    """What stands around an exhibit."""
    about = {k: said[k] for k in ("number", "alt", "source", "note") if k in said}
    return {**about, "caption": said["title"]} if "title" in said else about


def _captioned(blocks: list[dict], options: dict[str, str]) -> list[dict]:
    for b in blocks:
        if b["t"] == "table":
            b.update({k: options[k] for k in ("caption", "source", "note", "as") if options.get(k)})
            break
    return blocks


def _joined(payload: Any) -> str:
    return "".join(payload) if isinstance(payload, list) else str(payload)


def _payload(payload: Any, ext: str) -> bytes | None:
    text = _joined(payload)
    if ext == "svg":
        return text.encode()
    try:
        return base64.b64decode(text)
    except ValueError:
        return None


def _readable(raw: bytes, ext: str) -> bool:
    if ext == "svg":
        return True
    if raw.startswith(b"\x89PNG"):  # a cut-off PNG would stop the compiler
        return len(raw) > 32 and struct.unpack(">I", raw[16:20])[0] > 0 and b"IEND" in raw[-16:]
    return any(raw.startswith(k) for k in _MAGIC)
