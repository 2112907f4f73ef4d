"""mapping.yml: which column of which file is which field of the contract. The analyst owns it; an import only reads it."""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Mapping as Map
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from fivestep import yaml_file
from fivestep.contract import TABLES, headers
from fivestep.errors import UserError
from fivestep.language import _, typeset
from fivestep.privacy.masking import unnumbered

FILE = "mapping.yml"
KEEP, DROP, ASK = "keep", "drop", "ask"
# What is looked up by what a column holds.
LOOKED_UP = {
    "customer_name": "customers.customer_id", "related_id": "customers.customer_id", "product_name": "products.product_id",
}  # fmt: skip


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _zone(value: str) -> str:
    try:
        value and ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError(_("use an IANA name like Asia/Shanghai")) from None
    return value


Zone = Annotated[str, AfterValidator(_zone)]


class Target(_Strict):
    """What one column becomes: a field (``table.field``), ``keep`` (an extra column), ``drop``, or ``ask`` (an open question).

    ``values`` translates values (``"*"``: all others); ``by``: the column holds names to be looked up, or ids of customers,
    contact persons or opportunities, whose customer is looked up (``related_id``); ``id``: how an id is normalised (``hashed``:
    one made of a name becomes a pseudonym); ``rank`` which column comes first where several fill one field; ``name`` names an
    extra column or a question; ``prefix`` stands before ids that are unique in their own file only; ``inverse``: the header says
    the opposite, and an amount is money that goes back; ``when``: the value is that of opportunities won or lost (closed), or of
    others (open).
    ``unit`` is that of numbers without one of their own; of percentages ``%`` (50 is half) or ``share`` (0.5 is half).
    """

    to: str
    values: dict[str, str | None] = {}
    by: Literal["", "customer_name", "product_name", "related_id"] = ""
    id: Literal["", "salesforce", "email", "phone", "hashed"] = ""
    unit: Literal["", "元", "千元", "万元", "亿元", "%", "share", "$", "€", "NT$", "HK$"] = ""
    inverse: bool = False
    when: Literal["", "open", "closed"] = ""
    rank: int = Field(1, ge=1)
    name: str = ""
    prefix: str = ""
    roc_years: bool | None = None  # None: nobody has said
    personal: bool = True  # False: the analyst has checked that an extra column holds nothing personal

    @field_validator("to")
    @classmethod
    def _known(cls, value: str) -> str:
        if value in (KEEP, DROP, ASK) or value in headers.targets():
            return value
        near = difflib.get_close_matches(value, list(headers.targets()), 3, 0.4)
        said = (
            _("{value!r} is no field of the contract, nor keep, drop or ask. Did you mean {near}?")
            if near
            else _("{value!r} is no field of the contract, nor keep, drop or ask")
        )
        raise ValueError(said.format(value=value, near=_(" or ").join(near)))

    @field_validator("values", mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {_text(k): None if v is None else _text(v) for k, v in value.items()}

    @model_validator(mode="after")
    def _looked_up(self) -> Target:
        wanted = LOOKED_UP.get(self.by, self.to)
        if self.to != wanted:
            raise ValueError(_("by: {by} looks up {wanted}, so say to: {wanted}").format(by=self.by, wanted=wanted))
        return self

    def __hash__(self) -> int:
        return hash((self.to, self.by, self.rank, self.name, self.when))

    @property
    def target(self) -> headers.Target | None:
        """The field; None for keep, drop and ask."""
        return headers.targets().get(self.to)


class Read(_Strict):
    """How a file is to be read where its own evidence is not enough."""

    encoding: str = ""
    separator: str = ""
    header_row: int = Field(0, ge=0)


class Refunds(_Strict):
    """How refunds are told: negative lines, a column of amounts refunded, or a status that says the whole is refunded."""

    policy: Literal["negative_lines", "refund_column", "status"] = "negative_lines"
    values: tuple[str, ...] = ()
    field: Literal["orders.order_status", "orders.refund_status"] = "orders.order_status"

    @model_validator(mode="after")
    def _complete(self) -> Refunds:
        if (self.policy == "status") != bool(self.values):
            raise ValueError(_("policy status needs values, and the other policies take none"))
        return self


class Items(_Strict):
    """Items packed into one cell, ``name(spec)(2件);...``: their column, the count to check, the amount to share out by count."""

    column: str
    count: str = ""
    amount: str = ""


class Database(_Strict):
    """Where a source is a table or a query of a database: the URL without a password, and the environment variable of that."""

    url: str
    table: str = ""
    query: str = ""
    password: str = ""

    @field_validator("url")
    @classmethod
    def _silent(cls, value: str) -> str:
        import sqlalchemy as sa  # takes a second to load, and few projects have a database

        try:
            parsed = sa.engine.make_url(value)
        except sa.exc.ArgumentError:
            raise ValueError(_("write it as dialect://user@host/name, or sqlite:///path of the file")) from None
        if parsed.password or any(re.search("pass|pwd|secret|token", k, re.I) for k in parsed.query):
            raise ValueError(
                _("a password never stands here; name the environment variable that holds it: password: SHOP_PASSWORD")
            )
        return value

    @field_validator("password")
    @classmethod
    def _variable(cls, value: str) -> str:
        if not re.fullmatch(r"(?:[A-Z_][A-Z0-9_]*)?", value):  # what else is written here may be the password itself
            raise ValueError(_("name the environment variable that holds it, in capitals, such as SHOP_PASSWORD"))
        return value

    @model_validator(mode="after")
    def _one(self) -> Database:
        if bool(self.table) == bool(self.query):
            raise ValueError(_("say either table or query"))
        return self


class Source(_Strict):
    """One kind of file: which files, what they are, and what each of their columns becomes.

    With ``database``, ``files`` is the one name by which messages speak of it. ``others: drop`` leaves out every column that is
    not named, new ones too; without it a new column stops an import. ``repeats: drop`` leaves out rows that are identical to an
    earlier row of their file where no key of the file tells them apart; without it they are kept and counted. ``exclude`` leaves
    rows out by the values of a field or header; ``"*"`` is any value.
    """

    files: tuple[str, ...] = Field(min_length=1)
    table: str = ""
    system: str = ""
    kind: str = ""
    database: Database | None = None
    read: Read = Read()
    time_zone: Zone = ""
    date_order: Literal["", "ymd", "dmy", "mdy"] = ""
    decimal: Literal["", ".", ","] = ""
    fill: tuple[str, ...] | None = None  # None: nobody has said; []: no cell takes its value from above
    fill_by: str = ""
    exclude: dict[str, tuple[str, ...]] = {}
    refunds: Refunds = Refunds()
    items: Items | None = None
    line_amount: Literal["", "quantity * unit_price", "quantity * unit_price - line_discount"] = ""
    scores: dict[str, float] = {}
    others: Literal["", "drop"] = ""
    repeats: Literal["", "drop"] = ""
    columns: dict[str, tuple[Target, ...]] = {}

    @model_validator(mode="after")
    def _named(self) -> Source:
        if not self.database and not self.columns:
            raise ValueError(_("columns: at least one is needed"))
        if self.database and (len(self.files) != 1 or re.search(r"[*?\[#]", self.files[0])):
            raise ValueError(_("files: a database has one name, without * ? [ #"))
        return self

    @field_validator("table")
    @classmethod
    def _table(cls, value: str) -> str:
        if value and value not in (*TABLES, "contacts"):
            said = _("{value!r} is no contract table. Tables are {choices}")
            raise ValueError(said.format(value=value, choices=", ".join(TABLES)))
        return value

    @field_validator("exclude", mode="before")
    @classmethod
    def _excluded(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {k: tuple(_text(x) for x in (v if isinstance(v, list | tuple) else (v,))) for k, v in value.items()}

    @field_validator("scores", mode="before")
    @classmethod
    def _answers(cls, value: Any) -> Any:
        return {_text(k): v for k, v in value.items()} if isinstance(value, dict) else value

    @field_validator("columns", mode="before")
    @classmethod
    def _specs(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {str(k): _targets(v) for k, v in value.items()}

    def __hash__(self) -> int:
        return hash((self.files, self.table, self.kind))

    @property
    def used(self) -> tuple[str, ...]:
        """The headers that become something."""
        return tuple(h for h, targets in self.columns.items() if any(t.to not in (DROP, ASK) for t in targets))

    @property
    def open(self) -> tuple[str, ...]:
        """The headers that are still a question."""
        return tuple(h for h, targets in self.columns.items() if any(t.to == ASK for t in targets))

    def matches(self, name: str) -> bool:
        """Whether a sheet of this name is of this kind; a pattern may name the sheet, its file, or the archive of the file."""
        return _named(name, self.files)


class Mapping(_Strict):
    """The whole file: sources in order, and files that are no data.

    ``time_zone`` is that of times without an offset, of every source that names no other; empty: that of the engagement.
    """

    version: Literal[1] = 1
    time_zone: Zone = ""
    sources: tuple[Source, ...] = ()
    ignore: tuple[str, ...] = ()

    def source(self, name: str) -> Source | None:
        """The first source that a sheet belongs to."""
        return next((s for s in self.sources if s.matches(name)), None)

    def read_of(self, file: str) -> Read:
        """How a file is to be read: what the first source that is of it, or of a file in it, says of that."""
        said = (s for s in self.sources if s.read != Read())
        within = (file + "/", file + "#")
        fits = (s.read for s in said if s.matches(file) or any(p.partition("#")[0].startswith(within) for p in s.files))
        return next(fits, Read())

    def ignored(self, name: str) -> bool:
        """Whether a file or sheet is no data."""
        return _named(name, self.ignore)

    def in_zone(self) -> Mapping:
        """The same with its time zone at every source that names none."""
        zoned = (s if s.time_zone else s.model_copy(update={"time_zone": self.time_zone}) for s in self.sources)
        return self.model_copy(update={"sources": tuple(zoned)}) if self.time_zone else self

    @property
    def questions(self) -> int:
        """How many questions are open: headers, and sheets whose kind is not known."""
        return sum(len(s.open) + (not s.table) for s in self.sources)


def read(project: Path) -> Mapping:
    """The mapping of *project*. Raises UserError with one line for each problem."""
    path = project / FILE
    if not path.is_file():
        raise UserError(_("There is no {file} yet. Put the client's files in data/raw/ and run: fivestep map").format(file=FILE))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(_("{file} cannot be read: it is not UTF-8 text. Save it as UTF-8.").format(file=FILE)) from None
    return parsed(text)


def parsed(text: str) -> Mapping:
    """The mapping that the text of a mapping.yml describes."""
    try:
        said = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise UserError(_("{file} cannot be read: {reason}").format(file=FILE, reason=" ".join(str(error).split()))) from None
    if not isinstance(said, dict):
        raise UserError(_("{file}: expected `sources:` with a list of files below it.").format(file=FILE))
    try:
        return Mapping(**said)
    except ValidationError as error:
        root = yaml.compose(text, _Loader)
        raise UserError("\n".join(_problem(said, e, _line(root, e["loc"])) for e in error.errors())) from None


def same_field(columns: Map[str, Sequence[Target]]) -> dict[str, list[str]]:
    """By field the columns that fill it at the same rank, where there are several: only one of them would be read."""
    held: dict[tuple[str, str, str, int], list[str]] = {}
    for header, targets in columns.items():
        for t in targets:
            if t.target and not t.values and t.to != "survey.answer":
                held.setdefault((t.to, t.by, t.when, t.rank), []).append(header)
    return {slot[0]: several for slot, several in held.items() if len(set(several)) > 1}


def extra_name(header: str) -> str:
    """The name of the column that keeps a header which the contract has no field for."""
    said = unnumbered(headers.header(header).text.strip())
    name = re.sub(r"[^\w]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", said)).strip("_").lower()
    return name or "extra"


def _named(name: str, patterns: Sequence[str]) -> bool:
    """Whether a sheet's name (``a.zip/b.xlsx#Sheet1``), that of its file or of what the file lies in fits one of the patterns."""
    wholes = [name] + [name[: m.start()] for m in re.finditer(r"[/#]", name)]
    return any(fnmatch.fnmatchcase(whole, p) for whole in wholes for p in patterns)


class _Loader(yaml.SafeLoader):
    """Keys are texts, also a header called ``no`` or ``2024``; a key that is written twice is refused, not silently replaced."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        if twice := yaml_file.repeated(node):
            said = _("line {line}: {key!r} is written twice")
            raise yaml.YAMLError(said.format(line=twice.start_mark.line + 1, key=twice.value))
        for key, _value in node.value:
            key.tag = "tag:yaml.org,2002:str"
        return super().construct_mapping(node, deep)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _targets(value: Any) -> Any:
    if value is None:
        return ({"to": ASK},)
    parts = value if isinstance(value, list | tuple) else (value,)
    return tuple({"to": p} if isinstance(p, str) else p for p in parts)


def _line(node: yaml.Node, place: Sequence[str | int]) -> int:
    """The line of the place of an error, as far as the text has it."""
    line = node.start_mark.line
    for part in place:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == str(part)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            found = (node.value[part], node.value[part])
        else:
            found = None
        if found is None:
            break
        line, node = found[0].start_mark.line, found[1]
    return line + 1


def _keys(place: Sequence[str | int]) -> Sequence[str]:
    """The keys there are at the place of an error."""
    if place[0] != "sources":
        return tuple(Mapping.model_fields)
    within = {"columns": Target, "read": Read, "refunds": Refunds, "items": Items, "database": Database}
    return tuple((within.get(str(place[2]), Source) if len(place) > 3 else Source).model_fields)


def _problem(said: Map[str, Any], error: Any, line: int) -> str:
    where, sources = [_("line {line}").format(line=line)], said.get("sources")
    loc = list(error["loc"])
    if loc[:1] == ["sources"] and len(loc) > 1 and isinstance(loc[1], int) and isinstance(sources, list):
        entry = sources[loc[1]]
        files = entry.get("files") if isinstance(entry, dict) else None
        nth = _("source {n}").format(n=loc[1] + 1)
        where.append(str(files[0] if isinstance(files, list) and files else files or nth))
        loc = loc[2:]
    where += [str(part) for part in loc if not isinstance(part, int)]
    if loc[:1] == ["database"]:  # a password may have been written there
        error = {**error, "input": ()}
    return typeset(f"{FILE}: {': '.join(where)}: {yaml_file.problem(error)}{yaml_file.known(error, _keys(error['loc']))}")
