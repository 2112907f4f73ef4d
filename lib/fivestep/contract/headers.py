"""Headers of client files: how they are compared, and which contract fields a header may be (synonyms.yml)."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources

import yaml

from fivestep.contract.tables import TABLES

UNITS = {
    "元": "元", "人民币": "元", "cny": "元", "rmb": "元", "¥": "元", "万元": "万元", "万": "万元", "萬元": "万元", "千元": "千元",
    "亿元": "亿元", "億元": "亿元", "%": "%", "$": "$", "usd": "$", "us$": "$", "€": "€", "eur": "€", "nt$": "NT$", "hk$": "HK$",
}  # fmt: skip

FACTORS = {"千元": 1_000, "万元": 10_000, "亿元": 100_000_000}

# Of the kit's own files: in C where PyYAML was built with it, which is quicker by far.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

FIELDS = frozenset(f"{t.name}.{f}" for t in TABLES.values() for f in t.fields)

_BRACKETS = re.compile(r"^(.*\S)\s*[(\[【]([^()\[\]【】]{1,6})[)\]】]$", re.S)
_NOISE = re.compile(r"[\s_\-*:\ufeff\u200b]+")


@dataclass(frozen=True)
class Header:
    """A header as compared: ``key`` without case, spaces and marks; ``unit`` peeled off its end (元, 万元, %, $ ...)."""

    text: str
    key: str
    unit: str = ""


@functools.lru_cache(maxsize=65536)
def header(text: str) -> Header:
    """The comparable form of a header."""
    said = unicodedata.normalize("NFKC", text).strip().strip("\ufeff").strip()
    unit = ""
    found = _BRACKETS.match(said)
    if found and found[2].strip().lower() in UNITS:
        said, unit = found[1], UNITS[found[2].strip().lower()]
    return Header(text, _NOISE.sub("", said).lower(), unit)


def key(text: str) -> str:
    """The comparable form of a header, without its unit."""
    return header(text).key


@dataclass(frozen=True)
class Target:
    """A field that a header may be: ``table.field``, what its values look like, and where they go.

    ``place``: contract; vault (direct identifiers); keep (an extra column); drop (by default); check (one value for everything);
    unit (times the quantity). ``inverse`` holds the keys of labels that say the opposite.
    """

    name: str
    kind: str
    place: str = "contract"
    seen: frozenset[str] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict, hash=False, compare=False)
    inverse: frozenset[str] = frozenset()
    alternative: str = ""

    @property
    def table(self) -> str:
        return self.name.partition(".")[0]

    @property
    def field(self) -> str:
        return self.name.partition(".")[2]


_KINDS = {"money": "money", "timestamp": "datetime", "date": "date", "integer": "int", "number": "number", "boolean": "bool"}


@functools.cache
def targets() -> dict[str, Target]:
    """Every field a header can be mapped to: those of the contract, direct identifiers, and a few of another place."""
    said = yaml.load(resources.files("fivestep.contract").joinpath("synonyms.yml").read_text(encoding="utf-8"), LOADER)
    out = {}
    for table, fields in said.items():
        for name, facts in fields.items():
            about = facts["about"]
            labels = {key(label): label for label in (*facts.get("seen", ()), *facts.get("labels", ()))}
            out[f"{table}.{name}"] = Target(
                f"{table}.{name}",
                about["kind"],
                about.get("place", "contract"),
                frozenset(key(label) for label in facts.get("seen", ())),
                labels,
                frozenset(key(label) for label in about.get("inverse", ())),
                f"{table}.{about['or']}" if "or" in about else "",
            )
    known = {label for target in out.values() for label in target.labels}
    for table in TABLES.values():  # a field is called by its own name too, unless that is a synonym elsewhere
        for f in table.fields.values():
            name, own = f"{table.name}.{f.name}", {key(f.name): f.name} if key(f.name) not in known else {}
            if name in out:
                out[name] = replace(out[name], labels={**out[name].labels, **own})
            else:
                kind = "id" if f.is_id else _KINDS.get(f.type, "category")
                elsewhere = f.refers or (table.name == "order_lines" and f"orders.{f.name}" in FIELDS)
                out[name] = Target(name, kind, labels={} if elsewhere else own)
    order = [*TABLES, "contacts"]
    return dict(sorted(out.items(), key=lambda item: order.index(item[1].table)))


@functools.cache
def _index() -> dict[str, tuple[Target, ...]]:
    out: dict[str, list[Target]] = {}
    for target in targets().values():
        for label in target.labels:
            out.setdefault(label, []).append(target)
            if target.alternative:
                out[label].append(targets()[target.alternative])
    return {label: tuple(dict.fromkeys(found)) for label, found in out.items()}


def lookup(text: str) -> tuple[Target, ...]:
    """The fields that a header names by the synonyms: one, several (ambiguous) or none; its unit rules out other kinds."""
    said = header(text)
    found = _index().get(said.key, ())
    if said.unit == "%":
        return tuple(t for t in found if t.kind not in ("money", "id"))
    return tuple(t for t in found if t.kind == "money") or found if said.unit else found


def ambiguous() -> dict[str, tuple[str, ...]]:
    """The headers (as compared) that name several fields."""
    return {label: tuple(t.name for t in found) for label, found in sorted(_index().items()) if len(found) > 1}


def words() -> frozenset[str]:
    """Every header known, as compared: what an encoding or a header row is scored by."""
    return frozenset(_index())
