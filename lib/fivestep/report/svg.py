"""Charts as safe pictures: only drawing elements get through, and ids of two charts on one HTML page never meet."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import tinycss2
from defusedxml import ElementTree as SafeET
from defusedxml.common import DefusedXmlException

_NAMESPACE = "http://www.w3.org/2000/svg"
_XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
_XML_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
_ELEMENTS = frozenset(
    """svg g defs symbol use path rect circle ellipse line polyline polygon text tspan textPath clipPath mask pattern marker
    linearGradient radialGradient stop image style title desc filter feGaussianBlur feOffset feBlend feColorMatrix feMerge
    feMergeNode feFlood feComposite""".split()
)
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,")
_FOREIGN_URL = re.compile(r"url\(\s*(?!['\"]?#)", re.I)
_URL = re.compile(r"url\(\s*(['\"]?)#")


def tame(raw: bytes) -> bytes:
    """An SVG without scripts, handlers, links, foreign content or references to anything outside it.

    Raises ValueError where *raw* is not an SVG.
    """
    root = _parsed(raw)
    root.set("xmlns", _NAMESPACE)
    try:
        return ET.tostring(root)
    except RecursionError:
        raise ValueError("the SVG is nested too deeply") from None


def inline(raw: bytes, *, prefix: str, label: str) -> str:
    """The SVG as an element of an HTML page, with *label* as its text alternative.

    Every id starts with *prefix*, and its styles reach no other element of the page.
    """
    root = _parsed(raw)
    for element in root.iter():
        for name, value in element.attrib.items():
            if name == "id":
                element.set(name, prefix + value)
            elif name == "href" and value.startswith("#"):
                element.set(name, f"#{prefix}{value[1:]}")
            else:
                element.set(name, _URL.sub(rf"url(\1#{prefix}", value))
        if element.tag == "style" and element.text:
            element.text = _scoped(element.text, prefix)
    width, height = (re.match(r"[\d.]+", root.get(side, "")) for side in ("width", "height"))
    if width and height and "viewBox" not in root.attrib:  # without it the picture cannot shrink with the page
        root.set("viewBox", f"0 0 {width.group()} {height.group()}")
    root.attrib.update({"id": f"{prefix}root", "role": "img", "aria-label": label})
    return ET.tostring(root, encoding="unicode")


def _parsed(raw: bytes) -> ET.Element:
    try:
        root = SafeET.fromstring(raw)
    except (ET.ParseError, DefusedXmlException, ValueError) as error:
        raise ValueError(f"not an SVG: {error}") from None
    if root.tag not in ("svg", f"{{{_NAMESPACE}}}svg"):
        raise ValueError("not an SVG")
    elements = [root]
    while elements:
        element = elements.pop()
        element.tag = _local(element.tag)
        element.attrib = _safe_attributes(element.attrib)
        for child in list(element):
            name = _local(child.tag) if isinstance(child.tag, str) else ""
            if name == "a":  # a link becomes the group it was
                child.tag, child.attrib = "g", {k: v for k, v in child.attrib.items() if k != "href" and k != _XLINK_HREF}
            elif name not in _ELEMENTS or (name == "style" and not _harmless_css(child.text or "")):
                element.remove(child)
                continue
            elements.append(child)
    return root


def _local(tag: str) -> str:
    return tag.removeprefix(f"{{{_NAMESPACE}}}")


def _safe_attributes(attributes: dict[str, str]) -> dict[str, str]:
    kept = {}
    for name, value in attributes.items():
        name = {_XLINK_HREF: "href", _XML_SPACE: "xml:space"}.get(name, name)
        if name.startswith("{") or name.lower().startswith("on"):
            continue
        if name == "href" and not (value.startswith("#") or _PICTURE.match(value)):
            continue
        if _FOREIGN_URL.search(value) or (name == "style" and "\\" in value):
            continue
        kept[name] = value
    return kept


def _harmless_css(css: str) -> bool:
    return not _FOREIGN_URL.search(css) and "@" not in css and "\\" not in css


def _scoped(css: str, prefix: str) -> str:
    rules = []
    for rule in tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True):
        if rule.type == "qualified-rule":
            chosen = re.sub(r"#(?=[\w-])", f"#{prefix}", tinycss2.serialize(rule.prelude))
            chosen = ",".join(f"#{prefix}root {one.strip()}" for one in chosen.split(","))
            content = _URL.sub(rf"url(\1#{prefix}", tinycss2.serialize(rule.content))
            rules.append(chosen + "{" + content + "}")
    return "".join(rules)
