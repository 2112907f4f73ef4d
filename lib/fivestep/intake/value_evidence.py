"""What the values of a column say where its header says nothing: fields that they may be, and the table that they may make."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING

from fivestep.contract import TABLES, declared, headers
from fivestep.privacy.masking import likely_person

if TYPE_CHECKING:
    from fivestep.intake.matching import Values

MOST = 0.8  # share of the filled cells that must look like a kind
FEW = 20  # different words of a category at most
CODE = 4  # digits of one length from which whole numbers are ids and no counts

_LOOKS = {
    "day": r"\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}日?(?:[T ].*)?|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})(?: .*)?"
    r"|(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])",
    "call": r"(?:\+?86)?1[3-9]\d[\d*]{8}|(?:\+|00)[\d() /-]{7,17}|0\d[\d() /-]{5,15}|1[3-9]\d\*{4}\d{4}",
    "figure": r"[-+(]?\s*[¥$€£]?\s*-?\d[\d.,' ]*\s*(?:[千万萬亿億元%€$£)]|EUR|CHF|USD|CNY)*-?",
    "fraction": r"[-+(]?\s*[¥$€£]?\s*-?\d[\d.,' ]*[.,]\d{1,2}\D*|[¥$€£].*|.*(?:[元€$£]|EUR|CHF|USD|CNY)",
    "code": r"(?=.*\d)[#\w./:-]{2,40}",
}
_PATTERNS = {name: re.compile(pattern) for name, pattern in _LOOKS.items()}

# The kinds of fields that a kind of values may be, the likely ones first.
_FIELDS: dict[str, tuple[str, ...]] = {
    "day": ("datetime", "date"),
    "money": ("money",),
    "count": ("number", "int", "score", "score0-10", "percent", "money"),
    "key": ("id",),
    "reference": ("id",),
    "flag": ("bool", "category"),
    "category": ("category", "org", "geo", "staff", "multi"),
    "name": ("org", "geo", "staff", "category"),
    "text": ("text",),
}
_NAMES = ("product_name", "customer_name", "contact_name", "campaign_name", "address")
_TOLD = ("phone", "email")  # each has values of its own


def shares(filled: Sequence[str]) -> dict[str, float]:
    """The share of cells that look like each of `_LOOKS` or like a person, and of those that have the commonest length."""
    out = {name: sum(bool(p.fullmatch(t)) for t in filled) / len(filled) for name, p in _PATTERNS.items()}
    lengths = [len(t) for t in filled]
    out["person"] = sum(map(likely_person, filled)) / len(filled)
    return out | {"fixed": max(map(lengths.count, set(lengths))) / len(filled), "length": median(lengths)}


def pinyin_noise(filled: Sequence[str]) -> list[str]:
    """Of a column of Chinese the cells with pinyin that an input method or a sheet has left: ``zhang'san``, ``张san``, ``zhāng``.

    None where less than half of the cells are Chinese. Plain words, such as a brand, are no such cells.
    """
    if 2 * sum(bool(_HAN.search(t)) for t in filled) < len(filled):
        return []
    return [t for t in filled if any(p.search(_toneless(t)) for p in _NOISE) or (_toned(t) and _SYLLABLES.search(_toneless(t)))]


def _toneless(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text) if c not in _TONES)


def _toned(text: str) -> bool:
    return any(c in _TONES for c in unicodedata.normalize("NFD", text))


_HAN = re.compile(r"[\u4e00-\u9fff]")
_TONES = "\u0304\u0301\u030c\u0300"
_SYLLABLE = (
    "(?![wfgkh]i|[bpfwjqx]e(?![in]))(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])(?:iang|iong|uang|ang|eng|ing|ong|ian|iao|uan|uai|ai|ei|ui|ao|ou|iu|ie|ue|an|en|in|un|ia|ua"
    "|uo|a|o|e|i|u|v)"
)
_SYLLABLES = re.compile(rf"(?<![a-z])(?:{_SYLLABLE}\s?)+(?![a-z])")
_NOISE = (
    re.compile(rf"(?<![A-Za-z])(?:{_SYLLABLE}')+{_SYLLABLE}(?![A-Za-z])", re.I),  # zhang'san
    re.compile(rf"(?<![A-Za-z\d])(?:{_SYLLABLE}[1-5]\s?){{2,}}(?![A-Za-z\d])"),  # zhang1san1
    re.compile(rf"[\u4e00-\u9fff](?:{_SYLLABLE})+(?![A-Za-z\d])|(?<![A-Za-z\d])(?:{_SYLLABLE})+[\u4e00-\u9fff]"),  # 张san
)


def middle(filled: Sequence[str]) -> float:
    """The median of the cells that are figures, in cents where they have them: what tells a price from a sum."""
    found = [abs(float(n)) for t in filled if _PATTERNS["figure"].fullmatch(t) and (n := _figure(t))]
    return median(found) if found else 0.0


def _figure(text: str) -> str:
    whole, mark, cents = re.sub(r"[^\d.,]", "", text).rpartition("," if text.rfind(",") > text.rfind(".") else ".")
    return re.sub(r"\D", "", whole if mark else cents) + (("." if len(cents) < 3 else "") + cents if mark else "")


def kind(values: Values) -> str:
    """What a column holds: day, email, phone, money, count, key, reference, flag, category, name or text; else empty.

    A key is an id that stands on one row only, a reference one that repeats.
    """
    said = values.shares
    if not values.filled:
        return ""
    if said["day"] >= MOST:
        return "day"
    if said["email"] >= MOST:
        return "email"
    if said["call"] >= MOST:
        return "phone"
    if said["bool"] >= MOST and values.distinct <= 2:
        return "flag"
    if said["figure"] >= MOST:
        if said["fraction"] >= 0.2:
            return "money"
        if not (said["fixed"] >= MOST and said["length"] >= CODE):
            return "count"
    if said["code"] >= MOST:
        return "key" if said["unique"] > 0.98 else "reference"
    if said["long"] >= 0.2:
        return "text"
    return "category" if values.distinct <= FEW and (said["unique"] <= 0.5 or values.filled < 3) else "name"


def likely(
    columns: Mapping[str, Values], tables: Sequence[str], taken: Collection[str], shown: int
) -> dict[str, list[tuple[str, float]]]:
    """For each of the unknown *columns* of a sheet the fields that its values may be, with how well they fit, best first.

    *tables* are those that such a sheet feeds, its own first; *taken* are fields that other columns have. Of columns of one kind
    the first field goes to the one that is most like it: the largest sums, the ids of which there are most.
    """
    groups: dict[str, list[str]] = {}
    for column, values in columns.items():
        if said := kind(values):
            groups.setdefault("id" if said in ("key", "reference") else said, []).append(column)
    out: dict[str, list[tuple[str, float]]] = {}
    for said, members in groups.items():
        if said == "money":
            members = sorted(members, key=lambda c: -columns[c].median)
        if said == "id":
            members = sorted(members, key=lambda c: -columns[c].shares["unique"])
        fields = [f for f in _fields("key" if said == "id" else said, tables) if f not in taken]
        for at, column in enumerate(members):
            lead = fields[at : at + 1]
            rest = [f for f in fields if f not in lead]
            out[column] = [(f, 1.0) for f in lead] + [(f, 0.8 if f.startswith(tables[0] + ".") else 0.6) for f in rest]
            out[column] = out[column][:shown]
    return out


def _fields(said: str, tables: Sequence[str]) -> list[str]:
    """The fields of *tables* that such values may be, the likeliest first."""
    own = [t for t in headers.targets().values() if t.table in tables and t.place in ("contract", "vault")]
    if said in _TOLD:
        return [t.name for t in own if t.field == said]
    kinds = _FIELDS[said]
    found = [t for t in own if t.kind in kinds and t.field not in (*_TOLD, *_NAMES)]
    if said in ("category", "name"):  # a line tells its product, often by the name only
        product = [t for t in own if t.name in ("products.product_name", "order_lines.product_id") and "order_lines" in tables]
        person = [t for t in own if t.field in _NAMES and t not in product] if said == "name" else []
        found = sorted(found, key=lambda t: tables.index("orders" if t.table == "orders" and "orders" in tables else t.table))
        return [t.name for t in dict.fromkeys([*reversed(product), *person, *found])]
    if said == "text":
        found = [*found, *(t for t in own if t.field == "address")]

    def rank(target: headers.Target) -> tuple:
        field = declared(target.name)
        needed = bool(said != "count" and field and (field.required or field.name == TABLES[target.table].time))
        reference = ("order_id", "customer_id", "product_id").index(target.field) if target.field in _REFERS else 3
        home = tables.index(target.table)
        return (home > 0 and target.field not in _REFERS, not needed, kinds.index(target.kind), reference, home)

    once: dict[str, str] = {}
    for target in sorted(found, key=rank):
        once.setdefault(target.field if target.field in _REFERS else target.name, target.name)
    return list(once.values())


_REFERS = ("order_id", "customer_id", "product_id")


def tables(columns: Mapping[str, Values], feeds: Mapping[str, Sequence[str]], made: Mapping[str, str]) -> list[str]:
    """The tables of *feeds* by how much of what each needs the *columns* would fill, best first; none where none is filled.

    Among equals the table goes first that leaves no key unused. *made* names the key of a table that is made where there is none.
    """
    held: dict[str, int] = {}
    for values in columns.values():
        held[kind(values)] = held.get(kind(values), 0) + 1
    scored = []
    for at, table in enumerate(t for t in feeds if t in TABLES):
        left, found, needed = dict(held), 0, 0
        for field in TABLES[table].fields.values():
            own = TABLES[table].key == (field.name,)
            if not field.required or (field.name == made.get(table) and not own):
                continue
            target = headers.targets()[f"{table}.{field.name}"]
            fits = next((k for k in _kinds(target, own=own) if left.get(k)), "")
            if fits:
                left[fits] -= 1
            if field.name != made.get(table):
                needed += 1
                found += bool(fits)
        if found:
            scored.append((-found / needed, left.get("key", 0), at, table))
    return [table for *_rank, table in sorted(scored)]


def _kinds(target: headers.Target, *, own: bool) -> tuple[str, ...]:
    """The kinds of values that may fill a field; its *own* key stands on one row only."""
    if target.kind in ("date", "datetime") or target.field == "entered_at":
        return ("day",)
    if target.kind == "id":
        return ("key",) if own else ("reference", *(("name", "category") if target.field == "product_id" else ()))
    return {"money": ("money", "count"), "bool": ("flag",)}.get(target.kind, ("category",))
