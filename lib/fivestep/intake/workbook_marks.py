"""What the XML of a worksheet says and its reader does not: errors, formulas without a value, numbers shown with zeros."""

from __future__ import annotations

import functools
import posixpath
import re
import zipfile
from collections.abc import Iterator

CHUNK = 1 << 20
LONGEST = 16 << 20  # bytes of a row
_ERROR = re.compile(rb'<c\b[^>]*\bt="e"[^>]*>')
_FORMULA = re.compile(rb'<c\b(?![^>]*\bt="str")[^>]*><f(?:\b[^>]*/>|\b[^>]*>[^<]*</f>)(?:<v></v>|<v/>|<v />)?</c>')
_PLACE = re.compile(rb'\br="([A-Z]{1,3})(\d+)"')
_SHEET = re.compile(rb'<(?:\w+:)?sheet\b[^>]*?\br:id="([^"]+)"')
_RELATION = re.compile(rb"<(?:\w+:)?Relationship\b[^>]*>")
_FORMAT = re.compile(rb"<(?:\w+:)?numFmt\b[^>]*>")
_PADDED = re.compile(r"0{2,}")


def parts(book: zipfile.ZipFile) -> list[str]:
    """The file of each sheet in the order of the workbook; empty where the workbook is of another format."""
    try:
        names = _SHEET.findall(book.read("xl/workbook.xml"))
        relations = _RELATION.findall(book.read("xl/_rels/workbook.xml.rels"))
    except KeyError:
        return []
    targets = {_said(r, b"Id"): _said(r, b"Target") for r in relations}
    return [posixpath.normpath(posixpath.join("xl", targets.get(n.decode(), ""))).removeprefix("/") for n in names]


def padded(book: zipfile.ZipFile) -> frozenset[bytes]:
    """The numbers of the cell styles that fill a whole number up with zeros (000000)."""
    try:
        text = book.read("xl/styles.xml")
    except KeyError:
        return frozenset()
    codes = {_said(f, b"numFmtId") for f in _FORMAT.findall(text) if _PADDED.fullmatch(_said(f, b"formatCode"))}
    styles = re.search(rb"<(?:\w+:)?cellXfs\b.*?</(?:\w+:)?cellXfs>", text, re.S)
    found = re.findall(rb"<(?:\w+:)?xf\b[^>]*>", styles[0]) if styles and codes else []
    return frozenset(str(i).encode() for i, x in enumerate(found) if _said(x, b"numFmtId") in codes)


def marks(book: zipfile.ZipFile, part: str, zeros: frozenset[bytes]) -> dict[tuple[str, int], tuple[int, int]]:
    """By kind (error, formula, zeros) and column (from 0) how many cells, and the row of the first."""
    sought = {"error": (b't="e"', _ERROR), "formula": (b"<f", _FORMULA)}
    if zeros:
        styles = b"|".join(sorted(zeros))
        sought["zeros"] = (b"<v>", re.compile(rb'<c\b(?=[^>]*\bs="(?:' + styles + rb')")(?![^>]*\bt="(?!n"))[^>]*>(?=<v>)'))
    out: dict[tuple[str, int], tuple[int, int]] = {}
    for rows in _rows(book, part):
        for kind, (sign, pattern) in sought.items():
            for found in pattern.finditer(rows) if sign in rows else ():
                if place := _PLACE.search(found[0]):
                    column = functools.reduce(lambda n, letter: 26 * n + letter - 64, place[1], 0) - 1
                    n, first = out.get((kind, column), (0, int(place[2])))
                    out[kind, column] = (n + 1, min(first, int(place[2])))
    return out


def _rows(book: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    """The XML of a sheet in parts of whole rows."""
    rest = b""
    with book.open(part) as file:
        while chunk := file.read(CHUNK):
            rows, end, rest = (rest + chunk).rpartition(b"</row>")
            yield rows + end
            rest = rest[-LONGEST:]
    yield rest


def _said(tag: bytes, name: bytes) -> str:
    found = re.search(rb"\b" + name + rb'="([^"]*)"', tag)
    return found[1].decode("utf-8", "replace") if found else ""
