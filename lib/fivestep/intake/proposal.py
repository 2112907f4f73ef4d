"""`fivestep map`: from the client's files to a proposed mapping.yml, with every open question visible in it."""

from __future__ import annotations

import datetime as dt
import glob
import re
from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import ibis
import yaml

from fivestep import language
from fivestep.contract import TABLES, headers
from fivestep.errors import UserError
from fivestep.intake import assembly, forms, matching
from fivestep.intake import mapping as mappings
from fivestep.intake.conversion import FINE, ROC, UNIT, Locale, money
from fivestep.intake.importing import Settings
from fivestep.intake.judging import NO_THOUSANDS, NUMBERS, foreign
from fivestep.intake.mapping import ASK, DROP, FILE, KEEP, Mapping, Source, Target
from fivestep.intake.matching import Kind, Match, Values
from fivestep.intake.quality import table_name
from fivestep.intake.returning_files import same_headers
from fivestep.intake.sheet import ROW, Sheet
from fivestep.intake.sources import RAW, missing_columns, raw_files, read_databases, read_sheets
from fivestep.language import _
from fivestep.privacy.masking import masked, names_nobody

SAMPLE_ROWS = 2_000  # rows of a file that its proposal looks at
FILES_NAMED = 2  # of a source in the terminal; of more only the first
SAMPLE_SHEETS = 3  # files of one kind that it looks at

_DAY_MONTH = re.compile(r"\s*(\d{1,2})[/.-](\d{1,2})[/.-](?:\d{4}|\d{2})\b")
_SHORT = re.compile(r"\s*(\d{1,2})[/-](\d{1,2})[/-](\d{2})\b")  # 24-03-05 may begin with its year
_POINTS = re.compile(r"\s*\d{1,2}\.\d{1,2}\.\d{4}\b")  # day first wherever it is written
_TELLING = r"^\s*((1[3-9]|2\d|3[01])[/.-]\d{1,2}|\d{1,2}[/.-](1[3-9]|2\d|3[01]))[/.-](\d{4}|\d{2})\b"
_SHOWN = ("category", "money", "number", "int", "percent", "score")  # kinds of fields of which no value tells who somebody is
_PERSONS = 0.5  # share of a column's cells that look like persons from which keeping it is warned of
_CURRENCY_UNITS = ("$", "€", "NT$", "HK$")  # of headers; 元 is that of several currencies
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")  # which no YAML may hold
_LONGEST = 40  # characters shown of a value
_AMOUNTS = 0.5  # share of a column's cells that are figures from which it may be one of amounts
UNITS = ("元", "千元", "万元", "亿元")  # that an amount without one may have


@dataclass(frozen=True)
class Proposed:
    """One source with the evidence for each of its columns.

    ``tables`` are the likely tables where that is a question, ``doubts`` say why the encoding is one, ``blank`` are
    the columns that are empty where the order number is.
    """

    source: Source
    matches: Map[str, Match]
    values: Map[str, Values]
    kind: Kind | None = None
    rivals: tuple[Kind, ...] = ()
    tables: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    blank: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        return assembly.missing(self.source, orders=True)


@dataclass(frozen=True)
class Proposal:
    """A proposed mapping: the sources in order, files that are no data, and files that could not be read, with the reason.

    ``no_table``: of the files that are no data those of a kind that is known and that no contract table holds.
    ``time_zone`` is what mapping.yml says of times without an offset, ``zone`` and ``currency`` are those of the engagement.
    """

    proposed: tuple[Proposed, ...]
    ignore: tuple[str, ...] = ()
    unread: Map[str, str] = field(default_factory=dict)
    no_table: Map[str, Kind] = field(default_factory=dict)
    time_zone: str = ""
    zone: str = ""
    currency: str = ""

    @property
    def mapping(self) -> Mapping:
        return Mapping(time_zone=self.time_zone, sources=tuple(p.source for p in self.proposed), ignore=self.ignore)

    @property
    def zone_open(self) -> bool:
        """Whether there are times whose zone only engagement.yml says: nobody has said so of the client's files."""
        return bool(self.zone) and not self.time_zone and any(clocks(p) and not p.source.time_zone for p in self.proposed)


def propose(project: Path, connection: ibis.BaseBackend, settings: Settings | None = None) -> Proposal:
    """A mapping for the files in data/raw/: what mapping.yml says already stays; files with the same headers are one source.

    With the *settings* of the engagement its time zone is shown, and amounts in another currency are named.
    """
    earlier = mappings.read(project) if (project / FILE).is_file() else Mapping()
    sheets: list[Sheet] = []
    unread: dict[str, str] = {}
    for name, path in raw_files(project, earlier).items():
        if earlier.ignored(name):
            continue
        try:
            found = read_sheets(path, project / RAW, earlier, connection)
        except UserError as error:
            unread[name] = str(error)
            continue
        sheets += [s for s in found if not earlier.ignored(s.source)]
    sheets += read_databases(project, earlier, connection)
    sheets = [s for s in sheets if earlier.source(s.source) or not (forms.source(s) or forms.lists_questions(s))]
    made = proposal(sheets, earlier, unread)
    return replace(made, zone=settings.time_zone, currency=settings.currency) if settings else made


def proposal(sheets: Sequence[Sheet], earlier: Mapping | None = None, unread: Map[str, str] | None = None) -> Proposal:
    """The proposal for sheets that have been read."""
    earlier = earlier or Mapping()
    groups: dict[tuple, list[Sheet]] = {}
    for sheet in sheets:
        said = source_of(sheet, earlier)
        number = earlier.sources.index(said) if said else -1
        groups.setdefault((number, frozenset((headers.key(c), headers.header(c).unit) for c in sheet.columns)), []).append(sheet)
    names = {sheet.source: group for group, members in groups.items() for sheet in members}
    made: dict[int, list[Proposed]] = {}
    no_table: dict[str, Kind] = {}
    for group, members in groups.items():
        number = group[0]
        found = matching.detected(members[0].columns) if number < 0 else []
        if len(found) == 1 and not found[0].table:
            no_table |= dict.fromkeys(_patterns(members, [n for n, g in names.items() if g != group]), found[0])
            continue
        said = earlier.sources[number] if number >= 0 else None
        alone = number < 0 or sum(g[0] == number for g in groups) == 1
        members.sort(key=lambda s: bool(said and not said.matches(s.source)))  # headers are spelled as in the files that it names
        new = [s for s in members if not (said and alone and said.matches(s.source))]
        files = _patterns(new, [n for n, g in names.items() if g != group])
        files = tuple(dict.fromkeys((*said.files, *files))) if said and alone else files
        made.setdefault(number, []).append(_proposed(members, said, files))
    out = []
    for number, source in enumerate(earlier.sources):  # sources without a file today stay as they are
        out += made.get(number) or [Proposed(source, {h: Match(t, "mapping") for h, t in source.columns.items()}, {})]
    return Proposal((*out, *made.get(-1, ())), (*earlier.ignore, *no_table), unread or {}, no_table, earlier.time_zone)


def source_of(sheet: Sheet, earlier: Mapping) -> Source | None:
    """The source that names a sheet, else the one whose headers it has where that is one only."""
    alike = () if earlier.source(sheet.source) else same_headers(earlier, sheet.columns)
    return earlier.source(sheet.source) or (alike[0] if len(alike) == 1 else None)


def _proposed(members: Sequence[Sheet], said: Source | None, files: tuple[str, ...]) -> Proposed:
    columns = members[0].columns
    values = {c: Values() for c in columns}
    below: dict[str, tuple[str, ...]] = {}
    for sheet in members[:SAMPLE_SHEETS]:
        sample = sheet.rows.filter(sheet.rows[ROW].notnull()).order_by(ROW).limit(SAMPLE_ROWS).to_pyarrow()
        empty = {c: sample[c].is_null().to_pylist() for c in sample.column_names}
        for column in columns:
            own = assembly.column(sheet, column)
            if own and 10 * sum(empty[own]) >= len(empty[own]) > 0 and not empty[own][0]:
                below.setdefault(column, tuple(c for c in columns if _with_it(empty, own, assembly.column(sheet, c))))
            if own and not values[column].filled:
                values[column] = matching.values(sample[own].to_pylist())
                if own in sheet.pointed:
                    values[column] = replace(values[column], decimals={}, either="")
                values[column] = replace(values[column], sample=_order_evidence(sheet, own, values[column]))
    for column, sizes in _sizes(members, values, said.decimal if said else "").items():
        values[column] = replace(values[column], sizes=sizes)
    found = matching.detected(columns)
    kind = matching.kind(said.system, said.kind) if said and said.system else found[0] if len(found) == 1 else None
    rivals = () if kind else tuple(found)
    table, likely = (said.table, []) if said and said.table else (kind.table, []) if kind else matching.table_of(columns, values)
    if rivals and len({k.table for k in rivals}) > 1:
        table = ""
    first = likely[0] if likely and not table else ""
    matches = matching.matches(columns, values, kind=kind, table=table, earlier=said, likely=first)
    gone = missing_columns(said, members[0]) if said else []
    gone = [h for h in gone if not filled(h, said.columns, {c: m.targets for c, m in matches.items() if m.by == "mapping"})]
    if len(gone) == 1:
        matches = matching.renamed(matches, values, gone[0], said.columns[gone[0]])
    options = matching.options(kind, columns, {t.to for m in matches.values() for t in m.targets}) if kind else {}
    base: dict[str, Any] = dict(
        files=files, table=table, system=kind.system if kind else "", kind=kind.sheet if kind else "", **options
    )
    if said:
        base = {**said.model_dump(), "files": files, "table": table or said.table}
    named = list(columns)
    if base.get("others"):  # of the columns that nobody named, the one most like that of before may be its new name
        likely = sorted((c for c in columns if renamed_from(matches, [c])), key=lambda c: -matching.likeness(gone[0], c))[:1]
        named = [c for c in columns if matches[c].by == "mapping" or c in likely]
    base["columns"] = {c: matches[c].targets for c in named}
    base["columns"] |= {h: said.columns[h] for h in renamed_from(matches)}  # kept until the question is answered
    if not base.get("date_order"):
        base["date_order"] = _date_order(matches, values)
    doubts = dict.fromkeys(n.text for s in members for n in s.notes if n.check == "encoding" and n.severity == "warning")
    key = next((c for c, m in matches.items() if table == "order_lines" and any(_is_order(t) for t in m.targets)), "")
    blank = below.get(key, ()) if base.get("fill") is None and len(below.get(key, ())) < len(columns) else ()
    return with_units(with_decimal(Proposed(Source(**base), matches, values, kind, rivals, tuple(likely), tuple(doubts), blank)))


def _is_order(target: Target) -> bool:
    return target.to in ("orders.order_id", "order_lines.order_id")


def _with_it(empty: Map[str, list[bool]], key: str, column: str) -> bool:
    """Whether a column is empty on every row on which another one is."""
    return bool(column) and all(own for own, its in zip(empty[column], empty[key], strict=True) if its)


def renamed_from(matches: Map[str, Match], headers_: Sequence[str] | None = None) -> set[str]:
    """The columns of before that may have been renamed to one of the headers, by default to any."""
    return {c.was for h, m in matches.items() if headers_ is None or h in headers_ for c in m.candidates if c.was}


def filled(header: str, said: Map[str, Sequence[Target]], columns: Map[str, Sequence[Target]]) -> bool:
    """Whether another one of the columns has become all that a header was said to be."""
    return {t.to for t in said[header]} <= {t.to for h, targets in columns.items() if h != header for t in targets}


def _order_evidence(sheet: Sheet, column: str, values: Values) -> tuple[str, ...]:
    """The samples, led by one that tells day from month where the column has one."""
    if not any(_DAY_MONTH.match(t) for t in values.sample):
        return values.sample
    cells = sheet.rows.filter(sheet.rows[column].re_search(_TELLING))  # of all rows: a year may begin with twelve days of many
    telling = cells.order_by(ROW).limit(1).select(x=cells[column]).to_pyarrow()["x"].to_pylist()
    if any(_SHORT.match(t) for t in values.sample):
        days = "|".join(str(n) for n in range(_this_year() + 1, 32)) or "0"
        for pattern in (rf"^\s*\d{{2}}[/-]\d{{1,2}}[/-]({days})\b", rf"^\s*({days})[/-]\d{{1,2}}[/-]\d{{2}}\b"):
            cells = sheet.rows.filter(sheet.rows[column].re_search(pattern))
            telling = cells.order_by(ROW).limit(1).select(x=cells[column]).to_pyarrow()["x"].to_pylist() + telling
    return tuple(dict.fromkeys([*telling, *values.sample]))[: matching.SHOWN]


def _sizes(members: Sequence[Sheet], values: Map[str, Values], decimal: str) -> dict[str, tuple[str, str]]:
    """By column an amount in 千, 万 or 亿 and one without a unit, as an import reads them, where all its rows have both."""
    amounts = [c for c, v in values.items() if v.shares.get("figure", 0.0) >= _AMOUNTS]
    large: dict[str, None] = {}
    for sheet in members:
        cells = {c: sheet.rows[own] for c in amounts if (own := assembly.column(sheet, c))}
        if cells:
            marked = {f"c{n}": cell.re_search("[千万萬亿億]").any() for n, cell in enumerate(cells.values())}
            seen = sheet.rows.aggregate(**marked).to_pyarrow().to_pylist()[0]
            large |= dict.fromkeys(c for c, there in zip(cells, seen.values(), strict=True) if there)
    out = {}
    for column in large:
        sign = decimal or ("," if set(values[column].decimals) == {","} else ".")
        sized = bare = None
        for sheet in members:
            if own := assembly.column(sheet, column):
                text = sheet.rows[own]
                made = money(text, Locale(decimal="." if own in sheet.pointed else sign))
                plain = (made.state == FINE) & (made.value != 0)
                seen = sheet.rows.aggregate(sized=text.min(where=made.state == UNIT), bare=text.min(where=plain))
                found = seen.to_pyarrow().to_pylist()[0]
                sized, bare = sized or found["sized"], bare or found["bare"]
        if sized and bare:
            out[column] = (sized, bare)
    return out


def _this_year() -> int:
    """The last two digits of the year: a higher number, up to 31, is a day rather than the year of what has happened."""
    return dt.date.today().year % 100


def _date_order(matches: Map[str, Match], values: Map[str, Values]) -> str:
    """The order of day and month where the values of the date columns say it; empty where they do not, or contradict.

    With a year of two digits, 24-03-05, a first part above twelve may be the year: only a last part that is none says that it is.
    """
    firsts, seconds, years = set(), set(), set()
    for column, match in matches.items():
        if any(t.target and t.target.kind in ("date", "datetime") for t in match.targets):
            for text in values[column].sample if column in values else ():
                if m := _SHORT.match(text):
                    first, second, last = map(int, m.groups())
                    years.add(first > 31 or _this_year() < last <= 31)
                    firsts.add(_this_year() < first <= 31 or 12 < first <= 31 < last)
                    seconds.add(second > 12)
                elif m := _DAY_MONTH.match(text):
                    years.add(False)
                    firsts.add(int(m[1]) > 12)
                    seconds.add(int(m[2]) > 12)
    if True in years:
        return "ymd" if True not in firsts | seconds else ""
    if True in firsts and True not in seconds:
        return "dmy"
    return "mdy" if True in seconds and True not in firsts else ""


def ambiguous_dates(proposed: Proposed) -> tuple[str, ...]:
    """The date columns whose sample reads as day/month and as month/day alike."""
    if proposed.source.date_order:
        return ()
    return tuple(
        c
        for c, m in proposed.matches.items()
        if any(t.target and t.target.kind in ("date", "datetime") for t in m.targets)
        and any(_DAY_MONTH.match(t) and not _POINTS.match(t) for t in (proposed.values.get(c) or Values()).sample)
    )


def short_years(proposed: Proposed) -> bool:
    """Whether a date that reads in several orders has a year of two digits, which may stand first."""
    return any(_SHORT.match(t) for c in ambiguous_dates(proposed) for t in proposed.values[c].sample)


def with_decimal(proposed: Proposed) -> Proposed:
    """With the decimal sign that some cells of its number columns can be read with only, and none with the other only.

    A point is as good as said, and is written only where cells like 1.234 might be taken for thousands.
    """
    found = {} if proposed.source.decimal else _decimals(proposed)
    if len(found) != 1 or (set(found) == {"."} and not any(v.either for v in proposed.values.values())):
        return proposed
    return replace(proposed, source=proposed.source.model_copy(update={"decimal": next(iter(found))}))


def ambiguous_decimals(proposed: Proposed) -> dict[str, str]:
    """By decimal sign a cell that can be read with it only, where cells of the number columns contradict each other.

    Or the same cell for both, where no cell tells and one like 1.234 may be a whole number; but a quantity with three decimals in
    every cell is one.
    """
    if proposed.source.decimal:
        return {}
    found = _decimals(proposed)
    if found:
        return found if len(found) > 1 else {}
    for column, kinds in _number_columns(proposed).items():
        values = proposed.values.get(column) or Values()
        if values.either and ("money" in kinds or not values.threes) and not kinds & set(NO_THOUSANDS):
            return {",": values.either, ".": values.either}
    return {}


def with_units(proposed: Proposed) -> Proposed:
    """With the unit of percentages without a sign, where the values say it: fractions are shares of 1, what is above 1 is not."""
    said = {}
    for column, shares in _percentages(proposed).items():
        if shares["below_one"] and not shares["beyond_one"]:
            said[column] = "share"
        elif shares["beyond_one"] and not shares["below_one"]:
            said[column] = "%"
    return with_unit(proposed, said) if said else proposed


def with_unit(proposed: Proposed, units: Map[str, str]) -> Proposed:
    """With these units of columns of percentages or of money."""
    columns = dict(proposed.source.columns)
    for column, unit in units.items():
        with_it = (t.model_copy(update={"unit": unit}) if _is_share(t) or _is_money(t) else t for t in columns[column])
        columns[column] = tuple(with_it)
    return replace(proposed, source=proposed.source.model_copy(update={"columns": columns}))


def ambiguous_shares(proposed: Proposed) -> tuple[str, ...]:
    """The columns of percentages without a sign whose values do not say whether they are shares of 1 or hundredths."""
    asked = _percentages(proposed)
    return tuple(c for c, s in asked.items() if s["bare"] and bool(s["beyond_one"]) == bool(s["below_one"]))


def shares_question(proposed: Proposed, column: str) -> str:
    """Whether percentages are shares of 1 or hundredths."""
    asked = _("question: are the percentages of {column} shares of 1 (0.5 is half) or hundredths (50 is half)? Values: {values}")
    return asked.format(column=column, values=" | ".join(v[:_LONGEST] for v in proposed.values[column].sample))


def _percentages(proposed: Proposed) -> dict[str, Map[str, float]]:
    """What the values of the columns of percentages are whose unit nobody has said."""
    asked = (c for c, targets in proposed.source.columns.items() if any(_is_share(t) and not t.unit for t in targets))
    return {c: v.shares for c in asked if not headers.header(c).unit and (v := proposed.values.get(c)) and v.filled}


def mixed_sizes(proposed: Proposed) -> tuple[str, ...]:
    """The columns of money in which amounts in 千, 万 or 亿 stand beside amounts without a unit, which nobody has said."""
    return tuple(
        c
        for c, targets in proposed.source.columns.items()
        if (proposed.values.get(c) or Values()).sizes
        and not headers.header(c).unit
        and any(_is_money(t) and not t.unit for t in targets)
    )


def sizes_question(proposed: Proposed, column: str) -> str:
    """In which unit the amounts are that say none."""
    asked = _("question: some amounts of {column} have a unit ({sized}) and others have none ({bare}): what are those in?")
    sized, bare = (v.strip()[:_LONGEST] for v in proposed.values[column].sizes)
    return asked.format(column=column, sized=sized, bare=bare)


def _is_money(target: Target) -> bool:
    return bool(target.target and target.target.kind == "money")


def _is_share(target: Target) -> bool:
    return bool(target.target and target.target.kind == "percent" and target.target.place == "contract")


def clocks(proposed: Proposed, shape: str = "clock") -> tuple[str, ...]:
    """The columns with times of the day without an offset from UTC; those with one where *shape* is offset."""
    return tuple(
        c
        for c, targets in proposed.source.columns.items()
        if any(t.target and t.target.kind == "datetime" for t in targets)
        and (proposed.values.get(c) or Values()).shares.get(shape, 0.0) > 0
    )


def mixed_zones(proposed: Proposed) -> tuple[str, ...]:
    """The columns of times without an offset in a source where other times have one, and nobody has said their zone."""
    return clocks(proposed) if clocks(proposed, "offset") and not proposed.source.time_zone else ()


def offset_question(columns: Sequence[str]) -> str:
    """Of which zone times without an offset are, where others have one."""
    asked = _("question: times of {columns} have no offset from UTC, others of this file have one. Are these UTC?")
    return asked.format(columns=", ".join(columns))


def zone_said(proposal: Proposal) -> str:
    """In which zone times without an offset are read, as long as nobody has said it of the client's files."""
    return _("Times without an offset from UTC are read as {zone}, as engagement.yml says.").format(zone=proposal.zone)


def other_currency(proposed: Proposed, currency: str) -> str:
    """That amounts are in another currency than the engagement's, as signs, headers or a column of currencies say; else empty."""
    if not currency:
        return ""
    for column, targets in proposed.source.columns.items():
        values = proposed.values.get(column) or Values()
        money = any(t.target and t.target.kind == "money" and t.target.place == "contract" for t in targets)
        named = any(t.to == "orders.currency" for t in targets)
        unit = headers.header(column).unit
        said = [*values.marks, *([unit] if unit in _CURRENCY_UNITS else [])] if money else values.sample if named else ()
        left_out = proposed.source.exclude.get("orders.currency", ())
        if others := [m for m in foreign(said, currency) if m not in left_out]:
            warning = _("warning: {column} holds amounts in {others}, but engagement.yml says {currency}. Correct the currency "
                        "there, leave those rows out (exclude), or convert the file.")  # fmt: skip
            return warning.format(column=column, others=", ".join(others), currency=currency)
    return ""


def _number_columns(proposed: Proposed) -> dict[str, set[str]]:
    """The columns that become numbers, and the kinds of their fields."""
    kinds = {c: {t.target.kind for t in targets if t.target} for c, targets in proposed.source.columns.items()}
    return {c: k for c, k in kinds.items() if k & set(NUMBERS)}


def _torn(proposed: Proposed) -> int:
    """How many questions are open that are of no header: encoding, cells to be filled, years, days, decimals, units, and fields
    that the table needs and no column is."""
    asked = (proposed.doubts, proposed.blank, roc_years(proposed), ambiguous_dates(proposed), ambiguous_decimals(proposed),
             mixed_zones(proposed))  # fmt: skip
    lacked = proposed.missing if proposed.source.table and not proposed.source.open else ()  # an open header may be the field
    return sum(map(bool, asked)) + len(ambiguous_shares(proposed)) + len(mixed_sizes(proposed)) + len(lacked)


def _decimals(proposed: Proposed) -> dict[str, str]:
    out: dict[str, str] = {}
    for column in _number_columns(proposed):
        for sign, cell in (proposed.values.get(column) or Values()).decimals.items():
            out.setdefault(sign, cell)
    return out


def _patterns(members: Sequence[Sheet], others: Sequence[str]) -> tuple[str, ...]:
    """Names of files with their numbers left open, so that next month's file fits too; exact where that would catch others."""
    out: dict[str, None] = {}
    for sheet in members:
        exact = glob.escape(sheet.source)
        wide = re.sub(r"\d+(?:[-_.年月日]*\d+)*", "*", exact) if re.search(r"\d", sheet.source) else exact
        probe = Source(files=(wide,), columns={"x": DROP})
        out[exact if wide.strip("*./") == "" or any(probe.matches(o) for o in others) else wide] = None
    return tuple(out)


# ---------------------------------------------------------------- as text
def text(proposal: Proposal) -> str:
    """The text of a mapping.yml: settled lines and who settled them, questions with candidates and masked values."""
    out = [
        "# " + _("What the client's files are, and what each of their columns becomes in the contract tables."),
        "# "
        + _("A column becomes a field (table.field), several ([a, b]), keep (a further column), drop, or ask: an open question."),
        "# " + _("Answer the questions here, or with: fivestep map --ask. Running fivestep map again keeps every answer."),
        "version: 1",
    ]
    if proposal.time_zone:
        out.append(f"time_zone: {_flow(proposal.time_zone)}")
    if proposal.zone_open:
        out += [f"# {zone_said(proposal)} " + _("If the files are of another zone, name it here:")]
        out.append(f"# time_zone: {_flow(proposal.zone)}")
    out.append("sources:" if proposal.proposed else "sources: []")
    asked: dict[tuple[str, str], Proposed] = {}  # of each open header of a table the source that asks first
    for proposed in proposal.proposed:
        out += _source_lines(proposed, proposal.currency, asked)
    if proposal.ignore:
        out += ["", *("# " + line for line in _no_table(proposal)), f"ignore: {_flow(list(proposal.ignore))}"]
    for name, why in proposal.unread.items():
        out += ["", f"# {_unread(name, why)}", "# " + _("Mend the file, or name it under `ignore:`.")]
    return "\n".join(_CONTROL.sub("", line) for line in out) + "\n"


def _source_lines(proposed: Proposed, currency: str, asked: dict[tuple[str, str], Proposed]) -> list[str]:
    source = proposed.source
    out = ["", f"- files: {_flow(list(source.files))}"]
    if proposed.kind:
        out.append(f"  # {proposed.kind.label}")
        note = proposed.kind.layout
        if note == "unconfirmed":
            out.append("  # " + _("Unconfirmed layout: check every column."))
    if proposed.rivals:
        out.append("  # " + _("question: which system is it? {kinds}").format(kinds="; ".join(k.label for k in proposed.rivals)))
    if not source.table:
        likely = ", ".join(proposed.tables) or ", ".join(matching.FEEDS)
        out.append("  # " + _("question: which table does it hold? Likely: {tables}").format(tables=likely))
    out.append(f"  table: {_flow(source.table)}")
    defaults = {k: f.default for k, f in Source.model_fields.items()}
    for key in ("database", "system", "kind", "read", "time_zone", "date_order", "decimal", "fill", "fill_by", "exclude",
                "refunds", "items", "line_amount", "scores", "others", "repeats"):  # fmt: skip
        value = getattr(source, key)
        if value != defaults[key] and value is not None:
            said = value.model_dump(exclude_defaults=True) if hasattr(value, "model_dump") else value
            if key == "refunds":
                said = {"policy": value.policy, **said}
            out.append(f"  {key}: {_flow(_plain(said))}")
            if key == "decimal" and value == "," and (cell := _decimals(proposed).get(",")):
                out[-1] += "  # " + _("numbers are written with a decimal comma, as in {cell}").format(cell=cell)
            if key == "decimal" and value == "." and (cell := _decimals(proposed).get(".")):
                out[-1] += "  # " + _("numbers are written with a decimal point, as in {cell}").format(cell=cell)
    if proposed.doubts:
        out += ["  # " + line for line in encoding_question(proposed)]
        out.append("  # read: {encoding: windows-1252}")
    if proposed.blank:
        out.append("  # " + blank_question(proposed))
        out.append(f"  # fill: {_flow(list(proposed.blank))}")
    if years := roc_years(proposed):
        out.append("  # " + years_question(years))
        out += [f"  # {_flow(c)}: {spelled(_of_the_republic(source.columns[c]))}" for c in years]
    doubtful = ambiguous_dates(proposed)
    if doubtful:
        out.append("  # " + _("question: is {columns} day/month (dmy) or month/day (mdy)?").format(columns=", ".join(doubtful)))
        if cells := days_shown(proposed, doubtful):
            out.append("  # " + _("values: {values}").format(values=cells))
        out.append("  # date_order: dmy")
        if short_years(proposed):
            out.append("  # " + _("A year of two digits may also stand first: date_order: ymd"))
    if either := ambiguous_decimals(proposed):
        out.append("  # " + decimal_question(either))
        out.append('  # decimal: ","')
    for column in ambiguous_shares(proposed):
        out.append("  # " + shares_question(proposed, column))
        out.append(f"  # {_flow(column)}: {spelled(with_unit(proposed, {column: 'share'}).source.columns[column])}")
    for column in mixed_sizes(proposed):
        out.append("  # " + sizes_question(proposed, column))
        out.append(f"  # {_flow(column)}: {spelled(with_unit(proposed, {column: UNITS[0]}).source.columns[column])}")
        out[-1] += "  # " + _("or {units}").format(units=", ".join(UNITS[1:]))
    if mixed := mixed_zones(proposed):
        out.append("  # " + offset_question(mixed))
        out.append("  # time_zone: UTC")
    if warning := other_currency(proposed, currency):
        out.append("  # " + warning)
    if source.table and proposed.missing:
        out += ["  # " + line for field in proposed.missing for line in lacking(field)]
    out.append("  columns:")
    before = renamed_from(proposed.matches, source.open)
    for header, targets in source.columns.items():
        match = proposed.matches.get(header)
        by = "  # " + _("by its name") if match and _by_name(header, match, source.table) else ""
        by = "  # " + _("gone from the file; this line goes when the question is answered") if header in before else by
        out.append(f"    {_flow(header)}: {spelled(targets)}{by}")
        if any(t.to == ASK for t in targets):
            first = asked.setdefault((source.table, header), proposed)
            same = first is not proposed and first.matches.get(header) == match
            again = [_("the same question as for {file}").format(file=named(first.source.files))]
            out += [f"      # {line}" for line in (again if same else question(proposed, header))]
        if warning := personal(proposed, header, targets):
            out.append("      # " + warning)
    return out


def encoding_question(proposed: Proposed) -> list[str]:
    """What a file was read as, and that another encoding may be said."""
    asked = _("question: which encoding is it? Look at headers and values: where they are garbled, say another; else this one.")
    return [asked, *proposed.doubts]


def personal(proposed: Proposed, header: str, targets: Sequence[Target]) -> str:
    """The warning below a column that is to be kept as it is, but may tell who somebody is; empty for another."""
    shares = (proposed.values.get(header) or Values()).shares
    likely = max((shares.get(kind, 0.0) for kind in ("person", "call", "phone", "email")), default=0.0) >= _PERSONS
    if not any(t.to == KEEP and t.personal for t in targets) or not (likely or matching.tells_who(header, proposed.source.table)):
        return ""
    return _("warning: this may tell who somebody is. Map it to a field of customers or contacts, or drop it.")


def blank_question(proposed: Proposed) -> str:
    """Whether cells are to be filled from above."""
    asked = _("question: {columns} are empty below the first row of an order: are they to be filled from above?")
    return asked.format(columns=", ".join(proposed.blank))


def roc_years(proposed: Proposed) -> tuple[str, ...]:
    """The date columns whose sample is written in years of the Republic of China, and nobody has said so."""
    return tuple(
        c
        for c, targets in proposed.source.columns.items()
        if any(t.target and t.target.kind in ("date", "datetime") and t.roc_years is None for t in targets)
        and any(re.search(ROC, text) for text in (proposed.values.get(c) or Values()).sample)
    )


def years_question(columns: Sequence[str]) -> str:
    """Whether years are those of the Republic of China."""
    asked = _("question: are the years of {columns} those of the Republic of China (113 is 2024)?")
    return asked.format(columns=", ".join(columns))


def with_years(proposed: Proposed, are: bool) -> Proposed:
    """With whether the years are those of the Republic of China where the samples are written so."""
    columns = {c: _of_the_republic(t, are) if c in roc_years(proposed) else t for c, t in proposed.source.columns.items()}
    return replace(proposed, source=proposed.source.model_copy(update={"columns": columns}))


def _of_the_republic(targets: Sequence[Target], are: bool = True) -> tuple[Target, ...]:
    dates = ("date", "datetime")
    return tuple(t.model_copy(update={"roc_years": are}) if t.target and t.target.kind in dates else t for t in targets)


def decimal_question(either: Map[str, str]) -> str:
    """Which decimal sign a source has whose cells say both."""
    if either[","] == either["."]:
        said = _(
            "question: is the decimal sign a comma, so that {cell} is a whole number, or a point, so that it has three decimals?"
        )
        return said.format(cell=either["."])
    said = _("question: is the decimal sign a comma, as in {comma}, or a point, as in {point}?")
    return said.format(comma=either[","], point=either["."])


def _by_name(header: str, match: Match, table: str) -> bool:
    """Whether the synonyms give the header its field, in this proposal or in the one that mapping.yml was written from."""
    if match.by != "mapping":
        return match.by == "synonyms"
    return [t.to for t in matching.by_synonyms(header, Values(), table).targets] == [t.to for t in match.targets]


def question(proposed: Proposed, header: str) -> list[str]:
    """The lines of a question: candidates with their scores, and masked values."""
    match, values = proposed.matches.get(header), proposed.values.get(header)
    likely = ", ".join(map(candidate, match.candidates)) if match and match.candidates else _("no likely field")
    out = [_("candidates: {candidates}; or keep, drop").format(candidates=likely)]
    if match and match.rivals:
        out.append(same_field_question(match.candidates[0].to, match.rivals))
    if values and values.sample:
        out.append(_("values: {values}").format(values=samples(match, values)))
    return out


def same_field_question(field: str, others: Sequence[str]) -> str:
    """That other columns would fill the same field."""
    said = _(
        "{columns} would be {field} as well, and only one is read. Where this one fills cells that are empty there, say {spec}"
    )
    return said.format(columns=", ".join(others), field=field, spec=spelled((Target(to=field, rank=2),)))


def candidate(one: matching.Candidate) -> str:
    """A candidate with its score; of a renamed column with all that was said of it."""
    if not one.targets:
        return f"{one.to} ({one.score:.2f})"
    return _("{spec} (as {header} was)").format(spec=spelled(one.targets), header=one.was)


def samples(match: Match | None, values: Values) -> str:
    """Some values of a column; masked unless every field that it may be is a kind, a status, an amount or says something of a
    product, and where they are words the header says so: those below an unknown header may be names."""
    fields = [headers.targets()[c.to] for c in match.candidates] if match else []
    plain = fields and all(f.place != "vault" and (f.kind in _SHOWN or f.table == "products") for f in fields)
    unsaid = match and match.by == "ask" and all(c.score <= matching.BY_VALUES for c in match.candidates)
    plain = plain and not (unsaid and any(f.kind not in NUMBERS for f in fields))
    shown = (plain and names_nobody(values.sample)) or (bool(fields) and all(map(_is_day, fields)) and _days(values))
    return " | ".join(v[:_LONGEST] if shown else masked(v) for v in values.sample)


def _is_day(field: headers.Target) -> bool:
    """Whether a field is a time that tells nobody, as a birthday may."""
    return field.kind in ("date", "datetime") and field.place == "contract" and "birth" not in field.field


def _days(values: Values) -> bool:
    return all(_DAY_MONTH.match(v) or matching.is_date(v) for v in values.sample)


def days_shown(proposed: Proposed, columns: Sequence[str]) -> str:
    """Cells of columns of dates, but birthdays, as a question shows them."""
    open_ = [c for c in columns if all(_is_day(t.target) for t in proposed.matches[c].targets if t.target)]
    cells = dict.fromkeys(v[:_LONGEST] for c in open_ for v in proposed.values[c].sample if _DAY_MONTH.match(v))
    return " | ".join(list(cells)[: matching.SHOWN])


def spelled(targets: Sequence[Target]) -> str:
    """What a column becomes, as mapping.yml says it."""
    said = [t.to if t == Target(to=t.to) else _plain(t.model_dump(exclude_defaults=True)) for t in targets]
    return _flow(said[0] if len(said) == 1 else said)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, tuple | list) else value


def _flow(value: Any) -> str:
    said = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**9, sort_keys=False).strip()
    return said.removesuffix("\n...").removesuffix("...").strip()


def write(project: Path, text: str) -> bool:
    """Write mapping.yml where it changed; returns whether it did. The text must describe a mapping."""
    mappings.parsed(text)
    path = project / FILE
    if path.is_file() and path.read_bytes().replace(b"\r\n", b"\n") == text.encode():
        return False
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8", newline="\n")
    part.replace(path)
    return True


def summary(proposal: Proposal) -> list[str]:
    """One line for each source: its files, what they are taken for, and how many columns are settled and open."""
    out = []
    for p in proposal.proposed:
        what = p.kind.label if p.kind else table_name(p.source.table) if p.source.table else _("table not known yet")
        n, left = len(p.source.columns), len(p.source.open) + _torn(p)
        said = _("{files}: {what}; columns: {n}, open questions: {left}")
        out.append(said.format(files=named(p.source.files), what=what, n=language.number(n), left=language.number(left)))
        if p.source.table and p.missing:
            out += ["  " + line for field in p.missing for line in lacking(field)]
        if warning := other_currency(p, proposal.currency):
            out.append("  " + warning)
    if proposal.zone_open:
        out.append(zone_said(proposal))
    return out + _no_table(proposal) + [_unread(name, why) for name, why in proposal.unread.items()]


def _unread(name: str, why: str) -> str:
    """Why a file could not be read, with its name once."""
    why = " ".join(why.split())
    return why if why.startswith(name) else f"{name}: {why}"


def _no_table(proposal: Proposal) -> list[str]:
    """Of which files the contract has no table, one line each."""
    said = _("{files}: {what}. No contract table holds it, so it is left out.")
    return [said.format(files=name, what=kind.label) for name, kind in proposal.no_table.items()]


def named(files: Sequence[str]) -> str:
    """The files of a source in few words: the first, and how many more."""
    if len(files) <= FILES_NAMED:
        return ", ".join(files)
    return _("{file} and {n} more").format(file=files[0], n=language.number(len(files) - 1))


def lacking(field: str) -> list[str]:
    """That no column is a *field* which its table cannot be without, and what to do about it."""
    table, _dot, name = field.partition(".")
    said = _("no column is {field} ({about}), which every row of {table} needs")
    out = [said.format(field=field, about=_(TABLES[table].fields[name].description), table=table)]
    if field == "order_lines.product_id":
        out.append(
            _("Map the names of products to it as well: [products.product_name, order_lines.product_id].")
            + " "
            + _("A file without products holds orders: say table: orders.")
        )
    return out


def consent() -> str:
    """The question before mapping.yml is written for the first time."""
    return _("Write mapping.yml?")


def written(changed: bool, proposal: Proposal) -> str:
    """What was written, and what is still open."""
    left = proposal.mapping.questions + sum(_torn(p) for p in proposal.proposed)
    said = [_("mapping.yml is written.") if changed else _("mapping.yml is as it was.")]
    if proposal.unread:
        unread = _(
            "Files that could not be read: {n}. Mend them, ask for them again, or name them under `ignore:` in mapping.yml."
        )
        said.append(unread.format(n=language.number(len(proposal.unread))))
    if left:
        said.append(_("Open questions: {n}. Answer them with: fivestep map --ask").format(n=language.number(left)))
    elif not proposal.unread:
        said.append(_("No question is open. Next: fivestep import"))
    return " ".join(said)
