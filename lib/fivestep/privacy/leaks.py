"""Direct identifiers that have found their way into reports and results, looked for by what the vault holds."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import json
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fivestep.privacy.masking import MASKED, masked

if TYPE_CHECKING:
    import rjieba

FOLDERS = ("reports", "results")
UNREAD = (".png", ".jpg", ".woff2")
FEWEST_DIGITS = 8  # of a phone number; shorter ones cannot be told from figures
LEAST_ID = 6  # characters of an id of the client's, which must hold a digit and, below nine digits, a letter

_HAN = "\u3400-\u9fff"
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"(?<![\w.])\+?\d[\d ()-]{6,18}\d(?![\w])|(?<![\w.])\d{8,}(?!\w)")
_TOKEN = re.compile(r"[a-z0-9][\w.-]{4,}[\w]")
_RUN = re.compile(rf"[{_HAN}a-z0-9·()#-]+")
_WORDS = re.compile(r"[\w'’.#-]+")
_MOST_WORDS = 8  # of a name or an address
_NEAR = 8  # characters beside a short name by which words are told
_MOST_PLACES = 200  # of a short name in one text that are looked at


@dataclass(frozen=True)
class Leak:
    """Identifiers of one kind in one file: how many different ones, and one of them, masked."""

    file: str
    kind: str
    found: int
    sample: str


def identifiers(people: Iterable[pd.DataFrame]) -> dict[str, str]:
    """What to look for, as it is compared -> its kind: phone, email, name, short_name (two Chinese characters), address, raw_id.

    Left out are values that would be found by chance: names of one character or one word, phones below eight digits, ids below
    six characters and those of few digits only, and what is masked.
    """
    out: dict[str, str] = {}
    for frame in people:
        for kind in ("raw_id", "contact_id", "name", "address", "email", "phone"):
            for value in frame[kind].dropna().unique() if kind in frame else ():
                said = _plain(str(value)).strip()
                if said and not re.search(MASKED, said) and (form := _form(said, kind)):
                    short = kind == "name" and re.fullmatch(f"[{_HAN}]{{2}}", form)
                    out[form] = "raw_id" if kind == "contact_id" else "short_name" if short else kind
    return out


def leaks(project: Path, known: Mapping[str, str]) -> tuple[list[Leak], list[str]]:
    """The identifiers *known* in the files of reports/ and results/, and the files that were not read.

    A name of two Chinese characters counts where it stands as a word of its own that is no other word; then it is a possible one.
    Not read are pictures, damaged files, and, where pypdfium2 is not installed, a PDF without the HTML page that says the same.
    """
    lengths = sorted({len(form) for form in known if re.search(f"[{_HAN}]", form)})
    out, unread = [], []
    for folder in FOLDERS:
        for path in sorted(p for p in (project / folder).rglob("*") if p.is_file() and not p.is_symlink()):
            name = path.relative_to(project).as_posix()
            if path.suffix.lower() in UNREAD:
                unread.append(name)
                continue
            found: dict[str, set[str]] = {}
            try:
                texts = list(_texts(path))
            except _UnreadError:
                unread.append(name)
                continue
            for text in map(_plain, texts):
                forms = {form for form in _forms(text, lengths) if form in known}
                for form in forms:
                    if known[form] != "short_name" or _stands_alone(form, text):
                        found.setdefault(known[form], set()).add(form)
            out += [Leak(name, kind, len(forms), masked(min(forms))) for kind, forms in sorted(found.items())]
    return out, unread


def traces(people: Iterable[pd.DataFrame], ids: Iterable[str] = ()) -> re.Pattern[str] | None:
    """What finds persons of the vault in any text, as `holds` compares it: ids, names, phones, e-mail and other addresses.

    Of a person who is to be erased too much is better than too little: names of two Chinese characters count, too. Left out are
    other names of one word, ids below four characters and those without a digit, and what is masked; None where nothing is left.
    """
    found = {("raw_id", _plain(i)) for i in ids}
    for frame in people:
        for kind in (k for k in ("raw_id", "contact_id", "name", "address", "email", "phone") if k in frame):
            found |= {(kind, _plain(str(value))) for value in frame[kind].dropna().unique()}
    parts = sorted({t for kind, said in found if not re.search(MASKED, said) and (t := _trace(kind, said))})
    return re.compile("|".join(parts)) if parts else None


def untraced(ids: Iterable[str]) -> tuple[str, ...]:
    """Those of *ids* that `traces` leaves out."""
    return tuple(sorted({i for i in ids if re.search(MASKED, _plain(i)) or not _trace("raw_id", _plain(i))}))


def _trace(kind: str, said: str) -> str:
    """The pattern of one value; empty where it could stand anywhere by chance."""
    if kind == "phone":
        digits = _digits(said)
        return rf"(?<!\d)(?:(?:00)?86[ ()-]*)?{'[ ()-]*'.join(digits)}(?!\d)" if len(digits) >= FEWEST_DIGITS else ""
    if kind in ("name", "address") and re.search(f"[{_HAN}]", said):
        escaped = re.escape(json.dumps(said)[1:-1])
        run = said.replace(" ", "")
        return rf"{' ?'.join(map(re.escape, run))}|{escaped}" if len(run) >= (2 if kind == "name" else 6) else ""
    if kind in ("name", "address") and (" " not in said or len(said) < LEAST_ID):
        return ""
    if kind in ("raw_id", "contact_id") and (len(said) < 4 or not re.search(r"\d", said)):
        return ""
    return rf"(?<![\w.+-]){re.escape(said)}(?![\w-])" if said else ""


def holds(texts: Iterable[str], wanted: re.Pattern[str]) -> bool:
    """Whether one of the texts has what `traces` looks for."""
    return any(wanted.search(_plain(text)) for text in texts)


def holding(project: Path, folders: Iterable[str], wanted: re.Pattern[str]) -> list[str]:
    """The files of these folders in which `traces` finds something; pictures and damaged files are not read."""
    out = []
    for folder in folders:
        for path in sorted(p for p in (project / folder).rglob("*") if p.is_file() and not p.is_symlink()):
            with contextlib.suppress(_UnreadError, zipfile.BadZipFile, pa.ArrowException, OSError):
                if path.suffix.lower() not in UNREAD and holds(_texts(path), wanted):
                    out.append(path.relative_to(project).as_posix())
    return out


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _form(said: str, kind: str) -> str:
    """The value as `_forms` cuts texts; empty where it could stand in a text by chance."""
    if kind == "phone":
        digits = _digits(said)
        return digits if len(digits) >= FEWEST_DIGITS else ""
    if kind in ("email", "raw_id", "contact_id") and "@" in said:
        return said if _MAIL.fullmatch(said) else ""
    if kind in ("raw_id", "contact_id"):
        told = len(said) >= LEAST_ID and re.search(r"\d", said) and (re.search(r"[a-z]", said) or len(_digits(said)) >= 9)
        return said if told and _TOKEN.fullmatch(said) else ""
    if re.search(f"[{_HAN}]", said):
        run = max(_RUN.findall(said.replace(" ", "")), key=len)  # an address may have commas in it
        if kind == "name" and re.fullmatch(f"[{_HAN}]{{2}}", run):
            return run
        return run if len(run) >= (6 if kind == "address" else 3) and re.search(f"[{_HAN}]", run) else ""
    words = _WORDS.findall(said)
    return " ".join(words) if 2 <= len(words) <= _MOST_WORDS and len(said) >= 7 and re.search(r"[^\W\d]", said) else ""


def _forms(text: str, lengths: list[int]) -> Iterator[str]:
    """Everything in a text that may be an identifier."""
    yield from _MAIL.findall(text)
    for found in _PHONE.findall(text):
        yield _digits(found)
        yield from (_digits(part) for part in found.split())
    yield from _TOKEN.findall(text)
    for run in (r for r in _RUN.findall(text) if not r.isascii()) if lengths else ():
        for length in lengths:
            yield from (run[i : i + length] for i in range(len(run) - length + 1))
    words = _WORDS.findall(text)
    for many in range(2, _MOST_WORDS + 1):
        yield from (" ".join(words[i : i + many]) for i in range(len(words) - many + 1))


def _stands_alone(name: str, text: str) -> bool:
    """Whether a name of two Chinese characters stands in a text as a word of its own, or as two, that the dictionary does not
    know as another word."""
    for at in itertools.islice(re.finditer(name, text), _MOST_PLACES):
        near = text[max(0, at.start() - _NEAR) : at.end() + _NEAR]
        where, end = at.start() - max(0, at.start() - _NEAR), 0
        inside = []
        for word, kind in _chinese().tag(near):
            if end < where + 2 and end + len(word) > where:
                inside.append((word, kind))
            end += len(word)
        if "".join(word for word, _kind in inside) == name and (len(inside) == 2 or inside[0][1].startswith("nr")):
            return True
    return False


@cache
def _chinese() -> rjieba.Jieba:
    import rjieba  # takes half a second to load

    return rjieba.Jieba()


def _digits(text: str) -> str:
    digits = re.sub(r"\D", "", text)
    return re.sub(r"^(?:0086|86)(?=1\d{10}$)", "", digits)


def _texts(path: Path) -> Iterator[str]:
    """The texts of a file: of a workbook its parts, of Parquet its columns of text, of JSON with its escapes resolved."""
    suffix = path.suffix.lower()
    if suffix == ".pdf":
        yield from _pages(path)
        return
    if suffix == ".parquet":
        for column in pq.read_table(path).columns:
            if pa.types.is_dictionary(column.type):
                column = column.cast(column.type.value_type)
            if pa.types.is_nested(column.type):
                yield json.dumps(column.to_pylist(), ensure_ascii=False, default=str)
            if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
                yield "\n".join(v for v in column.unique().to_pylist() if v)
        return
    if suffix in (".xlsx", ".zip"):
        with zipfile.ZipFile(path) as book:
            for part in book.namelist():
                yield re.sub(r"<[^>]*>", " ", book.read(part).decode("utf-8", "replace"))
        return
    text = path.read_bytes().decode("utf-8", "replace")
    if suffix in (".json", ".ipynb"):
        with contextlib.suppress(ValueError):
            text = json.dumps(json.loads(text), ensure_ascii=False)
    yield re.sub(r"data:[\w/+.-]+;base64,[A-Za-z0-9+/=]+|<[^>]{0,2000}>", " ", text) if suffix == ".html" else text


class _UnreadError(Exception):
    """A file whose text cannot be read."""


def _pages(path: Path) -> Iterator[str]:
    """The text of every page of a PDF; nothing where the page of HTML beside it, which is read, says the same."""
    if importlib.util.find_spec("pypdfium2") is None:
        if not path.with_suffix(".html").exists():
            raise _UnreadError
        return
    import pypdfium2

    try:
        book = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError:
        raise _UnreadError from None
    with contextlib.closing(book):
        for page in book:
            yield page.get_textpage().get_text_range()
