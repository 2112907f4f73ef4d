"""A document as one self-contained HTML file: no script, no request to anywhere, readable on a phone, printable.

The page is made from the same blocks as the PDF. Every string is escaped by the template; charts go in as SVG of which only drawing elements are left.
"""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ET
from functools import lru_cache
from html import unescape
from typing import Any

import jinja2
from latex2mathml.converter import convert_to_element
from markupsafe import Markup

from fivestep.report import svg
from fivestep.report.design import COLOURS, script

_MIME = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}
_MATH_ATTRIBUTES = {"accent", "columnalign", "fence", "form", "linethickness", "lspace", "mathvariant", "maxsize", "minsize", "movablelimits", "rspace",
                    "stretchy", "width"}  # fmt: skip


def render(document: dict[str, Any]) -> str:
    """The document as the text of an HTML file. The same document gives the same text."""
    pictures = _Pictures(document["images"])
    page = _environment().get_template("report.html.j2")
    return page.render(doc=document, colours=COLOURS, script=script(document["meta"]["lang"]), picture=pictures.markup, mathml=mathml)


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
            return Markup(svg.inline(raw, prefix=f"g{self._shown}-", label=alt))  # noqa: S704  nothing but drawing elements is left
        return Markup('<img src="data:{};base64,{}" alt="{}">').format(_MIME[ext], base64.b64encode(raw).decode(), alt)


def mathml(source: str, *, block: bool) -> Markup:
    """LaTeX as MathML, which browsers draw themselves."""
    root = convert_to_element(source, display="block" if block else "inline")
    for element in root.iter():
        element.text = unescape(element.text or "") or None
        element.attrib = {k: v for k, v in element.attrib.items() if k in _MATH_ATTRIBUTES}
    root.set("display", "block" if block else "inline")
    root.set("alttext", source)
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704  text and attributes are escaped by the serialiser
