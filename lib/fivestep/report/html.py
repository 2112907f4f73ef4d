"""A document as one self-contained HTML file: no script, no request to anywhere, its own fonts, readable on a phone, printable.

The page is made from the same blocks as the PDF. Every string is escaped by the template; of a chart only drawing elements go in.
"""

from __future__ import annotations

import base64
import json
import xml.etree.ElementTree as ET
from functools import lru_cache
from html import unescape
from typing import Any

import jinja2
from latex2mathml.converter import convert_to_element
from markupsafe import Markup

from fivestep.report import fonts, svg
from fivestep.report.design import COLOURS, script

_SIGNS = "–·☑☐"  # characters that the template adds
_MIME = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
_MATH_ATTRIBUTES = frozenset(
    "accent columnalign fence form linethickness lspace mathvariant maxsize minsize movablelimits rspace stretchy".split()
)


def render(document: dict[str, Any]) -> str:
    """The document as the text of an HTML file. The same document gives the same text."""
    pictures = _Pictures(document["images"])
    lang = document["meta"]["lang"]
    said = json.dumps({k: v for k, v in document.items() if k != "images"}, ensure_ascii=False)
    drawn = "".join(raw.decode() for name, raw in document["images"].items() if name.endswith(".svg"))
    faces = fonts.web_faces(said + "".join(sorted(set(drawn))) + _SIGNS, lang)
    page = _environment().get_template("report.html.j2")
    return page.render(doc=document, colours=COLOURS, script=script(lang), faces=faces, picture=pictures.markup, mathml=mathml)


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    loader = jinja2.PackageLoader("fivestep.report", "html")
    return jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)


class _Pictures:
    """Images as elements of the page; each chart has its own prefix, so that no id stands twice."""

    def __init__(self, images: dict[str, bytes]) -> None:
        self._images = images
        self._shown = 0

    def markup(self, name: str, alt: str) -> Markup:
        raw, ext = self._images[name], name.rpartition(".")[2]
        if ext == "svg":
            self._shown += 1
            return Markup(svg.inline(raw, prefix=f"g{self._shown}-", label=alt))
        return Markup('<img src="data:{};base64,{}" alt="{}">').format(_MIME[ext], base64.b64encode(raw).decode(), alt)


def mathml(source: str, *, block: bool) -> Markup:
    """LaTeX as MathML, which browsers draw themselves."""
    root = convert_to_element(source, display="block" if block else "inline")
    for element in root.iter():
        element.text = unescape(element.text or "") or None  # the parser writes entities; serialising escapes the text again
        element.attrib = {k: v for k, v in element.attrib.items() if k in _MATH_ATTRIBUTES}
    root.set("display", "block" if block else "inline")
    root.set("alttext", source)
    return Markup(ET.tostring(root, encoding="unicode"))
