"""Which system a sheet comes from, and which field each header is: settled by the system or the synonyms, else a question."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import yaml

from fivestep.contract import TABLES, headers
from fivestep.intake import mapping, value_evidence
from fivestep.intake.mapping import ASK, DROP, KEEP, Source, Target
from fivestep.language import _
from fivestep.privacy.masking import unnumbered

SHOWN = 5  # candidates and samples of a question
SUITS = 0.3  # how well the values of a renamed column suit the field of before, at least
BY_VALUES = 0.4  # score of a candidate of which the values alone speak, at most
NO_TABLE = "none"  # of a kind that is known, and that no contract table holds
BEYOND = 1.5  # above it a percentage without a sign is no share of 1
NEAR = 0.9  # a second kind that knows this share of the headers that the best one knows makes the choice a question

# Labels that only say something within the table they are known from.
_GENERIC = frozenset(
    "name title company position rating grade tier tags labels segment street member job cell 姓名 公司 积分 等级 昵称 "
    "firstname lastname givenname familyname surname 姓 名".split()
)

# The tables that one sheet of a kind feeds, its own first.
FEEDS: dict[str, tuple[str, ...]] = {
    "order_lines": ("order_lines", "orders", "customers", "products"),
    "orders": ("orders", "customers"),
    "customers": ("customers", "contacts"),
    "contacts": ("contacts", "customers"),
    "opportunities": ("opportunities", "customers", "contacts"),
    "stage_history": ("stage_history", "opportunities"),
    "interactions": ("interactions", "customers"),
    "feedback": ("feedback", "customers", "products"),
    "events": ("events", "customers", "products"),
    "survey": ("survey", "customers"),
    "exposures": ("exposures", "campaigns", "customers"),
    "offers": ("offers", "campaigns", "products"),
    "campaigns": ("campaigns",),
    "products": ("products",),
    "costs": ("costs", "customers"),
    "stock": ("stock", "products", "orders"),  # the store has one name, in orders
}

# What speaks of the goods of an order rather than of the order.
_GOODS = {"order_lines.quantity", "order_lines.unit_price", "products.product_id", "products.product_name"}

# Fields that several tables of one sheet share, so that one column fills them all.
SHARED = ("customer_id", "order_id", "order_date", "product_id", "store", "campaign_id", "opportunity_id")
# Keys that are made where a file has none: the line within its order, else from the whole row.
MADE = {
    "order_lines": "line_id",
    "interactions": "interaction_id",
    "feedback": "feedback_id",
    "events": "event_id",
    "costs": "cost_id",
    "opportunities": "opportunity_id",
    "survey": "response_id",
}


@dataclass(frozen=True)
class Kind:
    """One kind of sheet of one system. ``columns`` says what each known header (as compared) becomes.

    ``asked``: the fields that a header may be which the facts do not settle. A kind of no ``table`` is known and left out.
    """

    system: str
    name: str
    sheet: str
    layout: str
    table: str
    detect: tuple[frozenset[str], ...]
    columns: Mapping[str, tuple[Target, ...]] = field(hash=False, compare=False)
    options: Mapping[str, Any] = field(hash=False, compare=False)
    asked: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False, compare=False)

    @property
    def label(self) -> str:
        """The kind as a reader sees it; a layout that nobody has confirmed always says so."""
        label = f"{self.name}, {self.sheet}"
        if self.layout == "unconfirmed":
            return _("{kind} (unconfirmed layout)").format(kind=label)
        return _("{kind} (layout believed, not confirmed)").format(kind=label) if self.layout == "believed" else label

    def known(self, columns: Iterable[str]) -> int:
        return sum(headers.key(c) in self.columns for c in columns)


@dataclass(frozen=True)
class Values:
    """What a sample of a column's values looks like: the share of filled cells that look like each kind, and a few of them.

    ``decimals`` are numbers that can only be read with one decimal sign, one of each: {",": "1.249,00"}. ``either`` is one that
    may be a whole number with a point between its thousands, or have three decimals: 1.234; ``threes``: every cell has three.
    ``median`` is that of the numbers, ``marks`` are the marks of currencies on them. ``sizes`` are an amount in 千, 万 or 亿 and
    one without a unit, where a column has both.
    """

    filled: int = 0
    distinct: int = 0
    shares: Mapping[str, float] = field(default_factory=dict, hash=False)
    sample: tuple[str, ...] = ()
    decimals: Mapping[str, str] = field(default_factory=dict, hash=False)
    either: str = ""
    threes: bool = False
    median: float = 0.0
    marks: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """A field that a header may be; ``score`` from 0 to 1. ``targets`` are all that the header ``was`` became before the client
    renamed it, with their options."""

    to: str
    score: float
    targets: tuple[Target, ...] = ()
    was: str = ""


@dataclass(frozen=True)
class Match:
    """What a header becomes and who said so: ``mapping``, ``system``, ``synonyms``, or nobody (``ask``), with candidates.

    ``rivals``: the columns that are the first candidate as well.
    """

    targets: tuple[Target, ...]
    by: str
    candidates: tuple[Candidate, ...] = ()
    rivals: tuple[str, ...] = ()


@functools.cache
def kinds() -> tuple[Kind, ...]:
    """Every kind of sheet of every system, as contract/systems/ describes them."""
    out = []
    for path in sorted(resources.files("fivestep.contract").joinpath("systems").iterdir(), key=lambda p: p.name):
        if path.name.endswith(".yml"):
            out += _kinds(path.name, yaml.load(path.read_text(encoding="utf-8"), headers.LOADER))
    return tuple(out)


# What a kind may say of a whole source, as Source has it.
OPTIONS = ("fill", "fill_by", "exclude", "refunds", "items", "line_amount", "time_zone", "date_order", "decimal")


def _kinds(name: str, said: Mapping[str, Any]) -> list[Kind]:
    out = []
    for sheet, facts in said["sheets"].items():
        unknown = set(facts) - {"table", "layout", "detect", "columns", "keep", "drop", "ask", *OPTIONS}
        if unknown:
            raise ValueError(f"{name}: {sheet}: {sorted(unknown)[0]} is no part of a sheet")
        columns: dict[str, list[Target]] = {}
        for to, labels in facts["columns"].items():
            for part in labels if isinstance(labels, list) else [labels]:
                part = part if isinstance(part, dict) else {"from": part}
                options = {k: v for k, v in part.items() if k != "from"}
                target = Target(to=to if "." in to else f"{facts['table']}.{to}", **options)
                for label in part["from"] if isinstance(part["from"], list) else [part["from"]]:
                    held = columns.setdefault(headers.key(label), [])
                    held += [target] if target not in held else []
        for to in (KEEP, DROP):
            for label in facts.get(to, ()):
                columns.setdefault(headers.key(label), [Target(to=to)])
        for label in facts.get("ask", ()):
            columns.setdefault(headers.key(label), [Target(to=ASK)])
        for label in facts.get("exclude", ()):
            if "." not in label:  # a column that only says which rows to leave out
                columns.setdefault(headers.key(label), [Target(to=DROP)])
        detect = tuple(frozenset(headers.key(x) for x in ([g] if isinstance(g, str) else g)) for g in facts["detect"])
        options = {k: facts[k] for k in OPTIONS if k in facts}
        layout = facts.get("layout", said["layout"])
        settled = {k: tuple(v) for k, v in columns.items()}
        asked = {headers.key(label): tuple(fields) for label, fields in facts.get("ask", {}).items()}
        table = "" if facts["table"] == NO_TABLE else facts["table"]
        out.append(Kind(said["system"], said["name"], sheet, layout, table, detect, settled, options, asked))
    return out


def options(kind: Kind, columns: Sequence[str], fields: Collection[str]) -> dict[str, Any]:
    """What a kind says of a source that has these *columns*, which become these *fields*.

    A time zone that is said of a header ({Id: UTC}) is that of files which have it.
    """
    there, out = {headers.key(c) for c in columns}, dict(kind.options)
    if "fill" in out:
        out["fill"] = tuple(h for h in out["fill"] if headers.key(h) in there) or None
    if "items" in out and headers.key(out["items"]["column"]) not in there:
        del out["items"]
    if "exclude" in out:
        out["exclude"] = {k: v for k, v in out["exclude"].items() if k in fields or headers.key(k) in there}
    if isinstance(out.get("time_zone"), Mapping):
        out["time_zone"] = next((z for h, z in out["time_zone"].items() if headers.key(h) in there), "")
    return out


def kind(system: str, sheet: str) -> Kind | None:
    """The kind that a mapping names."""
    if not system:  # the descriptions of all systems need not be read for that
        return None
    return next((k for k in kinds() if (k.system, k.sheet) == (system, sheet)), None)


def detected(columns: Sequence[str]) -> list[Kind]:
    """The kinds whose telling headers are all among *columns*, best first; more than one where the columns do not decide."""
    there = {headers.key(c) for c in columns}
    found = [k for k in kinds() if all(group & there for group in k.detect)]
    found = [k for k in found if not any(o.system == k.system and set(o.detect) > set(k.detect) for o in found)]  # tells more
    found = sorted(found, key=lambda k: (-k.known(columns), -len(k.detect), k.system, k.sheet))
    return [k for k in found if k.known(columns) >= NEAR * found[0].known(columns)]


def table_of(columns: Sequence[str], values: Mapping[str, Values] | None = None) -> tuple[str, list[str]]:
    """The contract table that a sheet of no known system holds, and the likely ones; empty where its headers do not say.

    *values* are those of its columns: order numbers that stand on several rows, beside products or quantities, are those of
    lines; where each stands on one row, beside a product, the file may hold orders or lines. Headers that are the contract's own
    names speak for the table that has most of them. Where most headers are unknown, the likely tables are those of which the
    values would fill most that they need.
    """
    votes: dict[str, float] = {}
    sure: set[str] = set()
    for column in columns:
        found = headers.lookup(column)
        tables = {t.table for t in found}
        for table in tables:
            votes[table] = votes.get(table, 0) + 1 / len(tables)
        if len(found) == 1:
            sure.add(found[0].name)
    ranked = sorted(votes, key=lambda t: (-votes[t], [*TABLES, "contacts"].index(t)))
    lines = {"order_lines.quantity", "order_lines.unit_price", "order_lines.line_amount", "products.product_id"}
    if "orders.order_id" in sure:
        if len(lines & sure) >= 2 or "order_lines.line_id" in sure:
            return "order_lines", ranked
        if sure & {"orders.order_date", "orders.order_amount", "orders.paid_amount"}:
            several = _several_rows(columns, values or {})
            goods = {t.name for c in columns for t in headers.lookup(c)} & _GOODS
            if several and (goods or _of_lines(columns, values or {}, lines | {"products.product_name"})):
                return "order_lines", ranked
            if several is False and goods & {"products.product_id", "products.product_name"}:
                return "", list(dict.fromkeys(["order_lines", "orders", *ranked]))[:SHOWN]
            return "orders", ranked
    names = {t: sum(c.strip() in TABLES[t].fields for c in columns) for t in TABLES}
    most = max(names, key=lambda t: names[t])
    if names[most] >= max(3, len(columns) / 2) and list(names.values()).count(names[most]) == 1:
        return most, ranked
    own = [t for t in ranked if any(f"{t}.{k}" in sure for k in _keys(t))]
    if own and votes[own[0]] >= 2 and (len(own) == 1 or votes[own[0]] > votes[own[1]]):
        return own[0], ranked
    known = sum(bool(headers.lookup(c)) for c in columns)
    by_values = value_evidence.tables(values or {}, FEEDS, MADE) if 2 * known < len(columns) else []
    return "", list(dict.fromkeys([*by_values, *ranked]))[:SHOWN]


def _several_rows(columns: Sequence[str], values: Mapping[str, Values]) -> bool | None:
    """Whether one order in ten and more goes on in a further row; None where no order says so."""
    orders = [values[c] for c in columns if c in values and [t.name for t in headers.lookup(c)] == ["orders.order_id"]]
    return any(v.distinct <= 0.9 * v.filled for v in orders) if any(v.filled for v in orders) else None


def _of_lines(columns: Sequence[str], values: Mapping[str, Values], lines: Collection[str]) -> bool:
    """Whether two columns are likely those of a line."""
    likely = (candidates(c, values.get(c, Values()), "order_lines")[:1] for c in columns)
    return len({best[0].to for best in likely if best} & set(lines)) >= 2


def matches(
    columns: Sequence[str],
    values: Mapping[str, Values],
    *,
    kind: Kind | None = None,
    table: str = "",
    earlier: Source | None = None,
    likely: str = "",
) -> dict[str, Match]:
    """What each header becomes: what the mapping says already, else the system, else the synonyms where they name one field.

    Everything else is a question: unknown headers, headers of several fields, fields of a table that such a sheet does not feed,
    and two headers for one field. *likely* is the table whose fields are candidates where *table* is not known.
    """
    said = {_with_unit(h): t for h, t in earlier.columns.items()} if earlier else {}
    out: dict[str, Match] = {}
    for column in columns:
        own = said.get(_with_unit(column))
        if own and column not in earlier.open:
            out[column] = Match(own, "mapping")
        elif kind and headers.key(column) in kind.asked:
            likely = tuple(Candidate(to, 0.5) for to in kind.asked[headers.key(column)])
            out[column] = Match((Target(to=ASK),), "ask", likely)
        elif kind and headers.key(column) in kind.columns:
            out[column] = Match(kind.columns[headers.key(column)], "system")
        else:
            out[column] = by_synonyms(column, values.get(column, Values()), table)
    _twice(out, values, table)
    _of_line_or_order(out, values, table)
    _by_values(out, values, table or likely)
    _of_no_product(out, values, table)
    return out


def renamed(
    matches: Mapping[str, Match], values: Mapping[str, Values], was: str, targets: tuple[Target, ...]
) -> dict[str, Match]:
    """The matches where a column of before, *was*, is gone: what it became is the first candidate of every new header whose
    values suit it. A question, unless the header says the same field and no more than that was said of the column of before."""
    unit = headers.header(was).unit
    out = dict(matches)
    for column, match in matches.items():
        said = headers.header(column).unit
        carried = tuple(t.model_copy(update={"unit": "" if said else t.unit or unit}) for t in targets)
        named = match.by in ("synonyms", "system") and (
            not {t.to for t in match.targets} & {t.to for t in targets} or match.targets == carried
        )
        suits = all(t.target and _fit(t.target, values.get(column, Values())) >= SUITS for t in targets)
        if match.by == "mapping" or named or not suits:
            continue
        first = Candidate(targets[0].to, 1.0, carried, was)
        out[column] = Match((Target(to=ASK),), "ask", (first, *(c for c in match.candidates if c.to != first.to))[:SHOWN])
    return out


def by_synonyms(column: str, values: Values, table: str) -> Match:
    """What the synonyms make of a header in a sheet of *table*: the one field that they name, else the table's own field of that
    name, else a question.
    """
    found = headers.lookup(column)
    away = headers.key(column) in _GENERIC and found and found[0].table != table  # the title of a product is no job title
    if len(found) == 1 and found[0].table in FEEDS.get(table, ()) and not away:
        target = found[0]
        if target.place in ("drop", "keep"):
            return Match((Target(to=target.place),), "synonyms")
        return Match((Target(to=target.name, inverse=headers.key(column) in target.inverse),), "synonyms")
    if table in TABLES and column.strip() in TABLES[table].fields:
        return Match((Target(to=f"{table}.{column.strip()}"),), "synonyms")
    return Match((Target(to=ASK),), "ask", candidates(column, values, table))


def _by_values(out: dict[str, Match], values: Mapping[str, Values], table: str) -> None:
    """Candidates for headers that no synonym knows, from what stands below them: fields that no other column has."""
    taken = {t.to for m in out.values() if m.by != "ask" for t in m.targets}
    taken |= {f"{home}.{t.partition('.')[2]}" for t in taken for home in FEEDS if t.partition(".")[2] in SHARED}
    unknown = {c: values[c] for c, m in out.items() if m.by == "ask" and not m.rivals and c in values and not headers.lookup(c)}
    feeds = FEEDS.get(table, ())
    for column, found in value_evidence.likely(unknown, feeds, taken, SHOWN).items() if feeds else ():
        own = [c for c in candidates(column, values[column], table) if c.score >= 0.5]
        place = {t: 1.0 if t == table else 0.8 for t in feeds}
        more = [Candidate(to, round(BY_VALUES * fit * place[to.partition(".")[0]], 2)) for to, fit in found]
        both = [*own, *(c for c in more if c.to not in {o.to for o in own})]
        out[column] = Match(out[column].targets, "ask", tuple(sorted(both, key=lambda c: -c.score))[:SHOWN])


def _with_unit(header: str) -> tuple[str, str]:
    """A header as that of a mapping is compared: in another unit it is another column."""
    return headers.key(header), headers.header(header).unit


def tells_who(header: str, table: str) -> bool:
    """Whether a header is known to name direct identifiers only, or holds a phone number or the like itself; a bare ``name`` may
    be that of a product, but in their table.
    """
    if unnumbered(header) != header:
        return True
    found = headers.lookup(header)
    bare = headers.key(header) in _GENERIC and table not in {t.table for t in found}
    return bool(found) and all(t.place == "vault" for t in found) and not bare


def _twice(out: dict[str, Match], values: Mapping[str, Values], table: str) -> None:
    """Two headers that the synonyms, a system or the mapping, at the same rank, give to one field: which one is meant?"""
    holders: dict[tuple[str, int], list[str]] = {}
    for column, match in out.items():
        for target in match.targets:
            if target.target and not target.values and target.to != "survey.answer":
                holders.setdefault((target.to, target.rank), []).append(column)
    both = mapping.same_field({c: m.targets for c, m in out.items() if m.by == "mapping"})
    for (to, _rank), several in holders.items():
        unsaid = [c for c in several if out[c].by == "synonyms"] or [c for c in several if out[c].by == "system"]
        unsaid = unsaid or [c for c in both.get(to, ()) if c in several]
        if len(several) > 1 and unsaid:
            for column in unsaid:
                others = candidates(column, values.get(column, Values()), table)
                own = Candidate(to, max((c.score for c in others if c.to == to), default=0.5))
                likely = tuple(dict.fromkeys((own, *(c for c in others if c.to != to))))[:SHOWN]
                out[column] = Match((Target(to=ASK),), "ask", likely, tuple(c for c in several if c != column))


def _of_line_or_order(out: dict[str, Match], values: Mapping[str, Values], table: str) -> None:
    """What was paid, in a sheet of lines that names no amount of the line: of the line or of the order? The sum hangs on it."""
    line = "order_lines.line_amount"
    if table != "order_lines" or any(t.to == line for m in out.values() for t in m.targets):
        return
    for column, match in out.items():
        own = match.targets[0].to
        if match.by == "synonyms" and own == "orders.paid_amount":
            others = candidates(column, values.get(column, Values()), table)
            score = max((c.score for c in others if c.to == own), default=0.5)
            rest = (c for c in others if c.to not in (line, own))
            out[column] = Match((Target(to=ASK),), "ask", (Candidate(line, score), Candidate(own, score), *rest)[:SHOWN])


def _of_no_product(out: dict[str, Match], values: Mapping[str, Values], table: str) -> None:
    """Fields of products are not proposed in a sheet that names no product: they would have no row."""
    named = {to.partition(".")[2] for m in out.values() for to in [t.to for t in m.targets] + [c.to for c in m.candidates]}
    if not table or table in ("products", "order_lines") or "product_id" in named:
        return
    for column, match in out.items():
        said = [t.to for t in match.targets] + [c.to for c in match.candidates]
        if match.by in ("synonyms", "ask") and any(to.startswith("products.") for to in said):
            known = match.candidates or candidates(column, values.get(column, Values()), table)
            rest = tuple(c for c in known if not c.to.startswith("products."))
            out[column] = Match((Target(to=ASK),), "ask", rest)


def candidates(column: str, values: Values, table: str = "") -> tuple[Candidate, ...]:
    """The fields that a header is likely to be, best first: by its likeness to known labels, its values, and its sheet."""
    key, grams = headers.key(column), _grams(headers.key(column))
    if not key:
        return ()
    home, scored = FEEDS.get(table, ()), []
    for target in headers.targets().values():
        if table and target.table not in home:  # which such a sheet does not feed
            continue
        likeness = max((_likeness(grams, label) for label in target.labels), default=0.0)
        if key in target.labels:
            likeness = 1.0 if key in target.seen else 0.95
        elif target.table == table and any(label.endswith(key) for label in target.labels):
            likeness = 0.95  # 状态 in a sheet of orders is as likely that of the order (订单状态)
        fit = _fit(target, values)
        place = 1.0 if target.table == table else 0.8 if table else 0.6
        if likeness < 0.4 and not (target.table == table and fit > 0.9 and target.kind in ("date", "datetime", "money")):
            continue
        scored.append(Candidate(target.name, round(0.6 * likeness + 0.25 * fit + 0.15 * place, 2)))
    return tuple(sorted(scored, key=lambda c: (-c.score, c.to))[:SHOWN])


def values(texts: Sequence[str | None]) -> Values:
    """What the values of a column look like; *texts* is a sample."""
    filled = [unicodedata.normalize("NFKC", t).strip() for t in texts if t is not None and t.strip()]
    if not filled:
        return Values()
    shares = {name: sum(bool(p.fullmatch(t)) for t in filled) / len(filled) for name, p in _PATTERNS.items()}
    distinct = dict.fromkeys(filled)
    shares["unique"] = len(distinct) / len(filled)
    shares["long"] = sum(len(t) > 40 for t in filled) / len(filled)
    either = next((t for t in distinct if "." in t and EITHER.fullmatch(_MARKS.sub("", t))), "")
    threes = bool(either) and all(THREES.fullmatch(_MARKS.sub("", t)) for t in distinct)
    shares |= value_evidence.shares(filled) | _percentages(filled)
    middle = value_evidence.middle(filled)
    marks = tuple(m for m, p in CURRENCY_MARKS.items() if any(p.search(t) for t in distinct if _PATTERNS["number"].fullmatch(t)))
    sample = tuple(distinct)[:SHOWN]
    return Values(len(filled), len(distinct), shares, sample, decimals(distinct), either, threes, middle, marks)


# Marks on amounts, as compared with the currency of the engagement.
CURRENCY_MARKS = {"$": re.compile(r"\$|usd", re.I), "¥": re.compile(r"¥|元|rmb|cny|人民币", re.I), "€": re.compile("€|eur", re.I),
                  "£": re.compile("£|gbp", re.I)}  # fmt: skip


def is_date(text: str) -> bool:
    """Whether a cell looks like a date."""
    return bool(_PATTERNS["date"].fullmatch(text))


def _percentages(texts: Sequence[str]) -> dict[str, float]:
    """The share of cells that are numbers without a sign but not 0, of those above 1.5, and of fractions of 1."""
    bare = [abs(float(t.replace(",", "."))) for t in texts if re.fullmatch(r"[-+]?\d{1,9}(?:[.,]\d+)?", t)]
    found = {
        "bare": [x for x in bare if x],
        "beyond_one": [x for x in bare if x > BEYOND],
        "below_one": [x for x in bare if 0 < x < 1],
    }
    return {name: len(cells) / len(texts) for name, cells in found.items()}


def decimals(texts: Iterable[str]) -> dict[str, str]:
    """By decimal sign the first number that can be read with it only; 1,234 and 1.234 may be either and say nothing."""
    out: dict[str, str] = {}
    for text in texts:
        if "," not in text and "." not in text:
            continue
        bare = _MARKS.sub("", text)
        for sign, pattern in DECIMALS.items():
            if sign not in out and pattern.fullmatch(bare):
                out[sign] = text
    return out


_MARKS = re.compile(r"(?i)[\s()+¥￥$€£%元万千亿'-]|usd|rmb|cny|eur|gbp")
EITHER, THREES = re.compile(r"[1-9]\d{0,2}\.\d{3}"), re.compile(r"\d+\.\d{3}")
DECIMALS = {
    sign: re.compile(
        rf"\d{{1,3}}(?:{group}\d{{3}})+{point}\d+|\d{{1,3}}(?:{group}\d{{3}}){{2,}}"
        rf"|\d+{point}(?:\d{{1,2}}|\d{{4,}})|0{point}\d+|\d{{4,}}{point}\d+"
    )
    for sign, point, group in ((",", ",", r"\."), (".", r"\.", ","))
}


_DATE = r"(?:\d{2,4}[-/.年]\d{1,2}[-/.月]\d{1,4}日?|\d{8}|[A-Z][a-z]{2} \d{1,2}, \d{4}|\d{13})(?:[T ].*)?"
_CLOCK = r"\d[:时時点點]\d{2}"
_PATTERNS = {
    name: re.compile(pattern)
    for name, pattern in {
        "date": _DATE,
        "offset": rf"\d{{4}}[-/].*{_CLOCK}.*(?:Z|UTC|GMT|[+-]\d{{2}}(?::?\d{{2}})?)",
        "clock": rf"(?!.*\b0?0:00(?::00)?(?:\.0+)?$).*\d[-/.月]\d.*{_CLOCK}(?!.*(?:Z|UTC|GMT|[+-]\d{{2}}(?::?\d{{2}})?)$).*",
        "number": r"(?:EUR )?[-+(]?[¥$€£]?-?(?:\d[\d,]*(?:\.\d+)?|\d{1,3}(?:\.\d{3})+(?:,\d+)?)\s*(?:[万元%€£$)]|EUR)*-?",
        "percent": r"-?\d+(?:\.\d+)?%",
        "phone": r"(?:\+?86)?1[3-9]\d[\d*]{8}|\+?[\d() -]{7,17}",
        "email": r"[^@\s]+@[^@\s]+\.[^@\s]+",
        "bool": r"(?i:是|否|y|n|yes|no|true|false|t|f|0|1|有|无|√|×)",
        "id": r"[#\w./:-]{3,40}",
    }.items()
}


def _fit(target: headers.Target, values: Values) -> float:
    """How well the values suit a field, 0 to 1; one half where there are none to judge by."""
    if not values.filled:
        return 0.5
    share = values.shares
    if target.field in ("phone", "email"):
        return share[target.field]
    if target.kind in ("date", "datetime"):
        return share["date"]
    if target.kind in ("money", "number", "int", "score", "percent"):
        return max(share["number"], share["percent"]) * (1 - 0.7 * share["date"])
    if target.kind == "bool":
        return share["bool"]
    if target.kind == "id":
        return share["id"] * (0.4 + 0.6 * share["unique"]) * (1 - 0.7 * share["date"])
    if target.kind == "text":
        return (0.5 + 0.5 * share["long"]) * (1 - max(share["date"], share["number"], share["email"]))
    return (1 - max(share["date"], share["email"], share["long"])) * (1 - 0.6 * share["number"]) * (1.1 - share["unique"]) / 1.1


@functools.lru_cache(maxsize=8192)
def _grams(key: str) -> frozenset[str]:
    """What two headers have in common: pairs of three letters in a row; of Chinese, single characters and pairs."""
    if key.isascii():
        return frozenset(f" {key} "[i : i + 3] for i in range(len(key)))
    return frozenset(key) | {key[i : i + 2] for i in range(len(key) - 1)}


def likeness(one: str, other: str) -> float:
    """How much two headers have in common, 0 to 1."""
    return _likeness(_grams(headers.key(one)), headers.key(other))


def _likeness(grams: frozenset[str], label: str) -> float:
    other = _grams(label)
    return 2 * len(grams & other) / (len(grams) + len(other)) if grams and other else 0.0


def _keys(table: str) -> tuple[str, ...]:
    return TABLES[table].key if table in TABLES else ("contact_id", "contact_name")
