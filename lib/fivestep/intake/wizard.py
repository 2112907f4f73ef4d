"""`fivestep map --ask`: the open questions of a mapping, one after another in the terminal."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from dataclasses import replace

import yaml
from pydantic import ValidationError

from fivestep import yaml_file
from fivestep.contract import TABLES, declared, headers
from fivestep.intake import matching
from fivestep.intake.mapping import ASK, DROP, KEEP, Mapping, Read, Source, Target, same_field
from fivestep.intake.matching import Match
from fivestep.intake.proposal import (
    UNITS,
    Proposal,
    Proposed,
    ambiguous_dates,
    ambiguous_decimals,
    ambiguous_shares,
    blank_question,
    candidate,
    days_shown,
    decimal_question,
    encoding_question,
    filled,
    lacking,
    mixed_sizes,
    mixed_zones,
    named,
    offset_question,
    personal,
    question,
    renamed_from,
    roc_years,
    samples,
    shares_question,
    short_years,
    sizes_question,
    spelled,
    with_decimal,
    with_unit,
    with_units,
    with_years,
    years_question,
    zone_said,
)
from fivestep.intake.quality import table_name
from fivestep.language import _

Ask = Callable[[str], str]
Say = Callable[[str], None]


class Later(Exception):  # noqa: N818 - not an error: the analyst stops and goes on another day
    """The analyst wants to go on later; what was answered stays."""


def walk(proposal: Proposal, ask: Ask, say: Say) -> Proposal:
    """The proposal with the answers of the analyst. *ask* shows a prompt and returns what was typed, *say* shows a line."""
    done: list[Proposed] = []
    waiting = list(proposal.proposed)
    asked = {p.source.files: p.source.open for p in waiting}
    try:
        while waiting:
            waiting[0] = _one(waiting[0], ask, say)
            done.append(waiting.pop(0))
            waiting = [_as_before(p, done[-1], asked[done[-1].source.files], say) for p in waiting]
    except Later as stop:
        done.append(stop.args[0])
        return replace(proposal, proposed=(*done, *waiting[1:]))
    return _zone(replace(proposal, proposed=tuple(done)), ask, say)


def _as_before(proposed: Proposed, done: Proposed, asked: Sequence[str], say: Say) -> Proposed:
    """With the answers that were just given of columns of the same header in other files of the same table."""
    told = done.source.columns
    same = [h for h in proposed.source.open if h in asked and h in told and not any(t.to == ASK for t in told[h])]
    same = [h for h in same if not (proposed.matches.get(h) and any(c.was for c in proposed.matches[h].candidates))]
    if not same or not done.source.table or proposed.source.table != done.source.table:
        return proposed
    say("")
    said = _("{file}: columns as answered for {other}: {columns}")
    say(said.format(file=named(proposed.source.files), other=named(done.source.files), columns=", ".join(same)))
    columns = {h: told[h] if h in same else t for h, t in proposed.source.columns.items()}
    matches = {**proposed.matches, **{h: Match(told[h], "mapping") for h in same}}
    return replace(_said(proposed, columns=columns), matches=matches)


def _zone(proposal: Proposal, ask: Ask, say: Say) -> Proposal:
    """With the time zone of the client's files, which is asked once."""
    if not proposal.zone_open:
        return proposal
    say("")
    say(zone_said(proposal))
    prompt = _("1 {zone}, 2 UTC, or another zone such as Asia/Tokyo; Enter to skip, q for later").format(zone=proposal.zone)
    while (answer := ask(prompt).strip()) and answer.lower() != "q":
        try:
            chosen = Mapping(time_zone={"1": proposal.zone, "2": "UTC"}.get(answer, answer)).time_zone
        except ValidationError:
            say("  " + _("{answer} is no time zone. Type 1, 2, a name such as Asia/Tokyo, Enter or q.").format(answer=answer))
            continue
        say("  " + _("Chosen: {choice}").format(choice=chosen))
        return replace(proposal, time_zone=chosen)
    say("  " + _("It stays open."))
    return proposal


def _one(proposed: Proposed, ask: Ask, say: Say) -> Proposed:
    name = named(proposed.source.files)
    if proposed.doubts:
        proposed, reread = _encoding(proposed, name, ask, say)
        if reread:
            return proposed
    if proposed.rivals or not proposed.source.table:
        say("")
        say(name)
        proposed = _which(proposed, ask, say)
    if proposed.blank:
        say("")
        say(f"{name}: {blank_question(proposed)}")
        if answer := _number(ask, say, _("1 yes, 2 no, Enter to skip, q for later"), proposed, (_("yes"), _("no"))):
            proposed = replace(_said(proposed, fill=proposed.blank if answer == 1 else ()), blank=())
    if ambiguous_dates(proposed):
        columns = ", ".join(ambiguous_dates(proposed))
        say("")
        say(_("{file}: {columns} may be day/month or month/day.").format(file=name, columns=columns))
        if cells := days_shown(proposed, ambiguous_dates(proposed)):
            say("  " + _("values: {values}").format(values=cells))
        orders, prompt = ["dmy", "mdy"], _("1 day/month, 2 month/day, Enter to skip, q for later")
        if short_years(proposed):
            say("  " + _("A year of two digits may also stand first: date_order: ymd"))
            orders, prompt = [*orders, "ymd"], _("1 day/month, 2 month/day, 3 year/month/day, Enter to skip, q for later")
        if answer := _number(ask, say, prompt, proposed, [f"date_order: {order}" for order in orders]):
            proposed = _said(proposed, date_order=orders[answer - 1])
    before = renamed_from(proposed.matches)
    for header in proposed.source.open:
        if header in proposed.source.open:  # not settled together with an earlier one
            proposed = _column(proposed, header, name, ask, say)
    columns, waiting = proposed.source.columns, renamed_from(proposed.matches, proposed.source.open)
    if answered := {h for h in before & set(columns) if h not in waiting or filled(h, columns, columns)}:
        left = {h: t for h, t in columns.items() if h not in answered}
        proposed = replace(proposed, source=proposed.source.model_copy(update={"columns": left}))
    for field in proposed.missing if proposed.source.table else ():
        if field in proposed.missing:
            proposed = _needed(proposed, field, name, ask, say)
    if years := roc_years(proposed):
        say("")
        say(f"{name}: {years_question(years)}")
        if answer := _number(ask, say, _("1 yes, 2 no, Enter to skip, q for later"), proposed, (_("yes"), _("no"))):
            proposed = with_years(proposed, answer == 1)
    proposed = with_decimal(proposed)  # the answers may have told which columns are numbers
    if either := ambiguous_decimals(proposed):
        say("")
        say(f"{name}: {decimal_question(either)}")
        prompt = _("1 comma, 2 point, Enter to skip, q for later")
        if answer := _number(ask, say, prompt, proposed, ('decimal: ","', 'decimal: "."')):
            proposed = _said(proposed, decimal=(",", ".")[answer - 1])
    proposed = with_units(proposed)
    for column in ambiguous_shares(proposed):
        say("")
        say(f"{name}: {shares_question(proposed, column)}")
        prompt = _("1 shares of 1, 2 hundredths, Enter to skip, q for later")
        if answer := _number(ask, say, prompt, proposed, ("unit: share", 'unit: "%"')):
            proposed = with_unit(proposed, {column: ("share", "%")[answer - 1]})
    for column in mixed_sizes(proposed):
        say("")
        say(f"{name}: {sizes_question(proposed, column)}")
        prompt = _("1 元, 2 千元, 3 万元, 4 亿元, Enter to skip, q for later")
        if answer := _number(ask, say, prompt, proposed, [f"unit: {unit}" for unit in UNITS]):
            proposed = with_unit(proposed, {column: UNITS[answer - 1]})
    if mixed := mixed_zones(proposed):
        say("")
        say(f"{name}: {offset_question(mixed)}")
        if answer := _answer(ask, _("1 UTC, or another zone such as Asia/Tokyo; Enter to skip, q for later"), proposed):
            proposed = _in_zone(proposed, "UTC" if answer == "1" else answer, say)
    return proposed


def _in_zone(proposed: Proposed, zone: str, say: Say) -> Proposed:
    try:
        Mapping(time_zone=zone)
    except ValidationError:
        say("  " + _("{answer} is no time zone. It stays open.").format(answer=zone))
        return proposed
    say("  " + _("Chosen: {choice}").format(choice=zone))
    return _said(proposed, time_zone=zone)


def _said(proposed: Proposed, **said: object) -> Proposed:
    return replace(proposed, source=proposed.source.model_copy(update=said))


def _encoding(proposed: Proposed, name: str, ask: Ask, say: Say) -> tuple[Proposed, bool]:
    """With the encoding that the analyst says, and whether one was said: then the file is to be read again."""
    say("")
    say(name)
    for line in encoding_question(proposed):
        say("  " + line)
    prompt = _("An encoding, such as windows-1252, gb18030 or big5; Enter to skip, q for later")
    while answer := _answer(ask, prompt, proposed):
        try:
            if answer.isascii() and getattr(codecs.lookup(answer), "_is_text_encoding", True):
                read = {**proposed.source.read.model_dump(), "encoding": answer}
                say("  " + _("{name} will be read so: run fivestep map --ask again for its columns.").format(name=name))
                return replace(_said(proposed, read=Read(**read)), doubts=()), True
        except LookupError:
            pass
        say("  " + _("{answer} is no encoding of text.").format(answer=answer))
    say("  " + _("It stays open."))
    return proposed, False


def _needed(proposed: Proposed, field: str, name: str, ask: Ask, say: Say) -> Proposed:
    """Which column fills a field that the table cannot be without; a column may fill several fields."""
    columns = list(proposed.source.columns)
    held = {h: proposed.values.get(h, matching.Values()) for h in columns}
    scores = {h: max((c.score for t in (proposed.source.table, "") for c in matching.candidates(h, held[h], t)
                      if c.to.endswith(field.partition(".")[2])), default=0.0) for h in columns}  # fmt: skip
    ranked = sorted(columns, key=lambda h: (-scores[h], columns.index(h)))
    say("")
    say(name)
    for line in lacking(field):
        say("  " + line)
    for number, header in enumerate(ranked, 1):
        shown = samples(proposed.matches.get(header), proposed.values.get(header, matching.Values()))
        say(f"  {number}  {header}  ({shown})")
    answer = _number(ask, say, _("Which column is it? A number, Enter to skip, q for later"), proposed, ranked)
    if not answer:
        return proposed
    header = ranked[answer - 1]
    held = tuple(t for t in proposed.source.columns[header] if t.to not in (ASK, DROP, KEEP))
    return _with(proposed, header, (*held, Target(to=field)), say)


def _with(proposed: Proposed, header: str, targets: tuple[Target, ...], say: Say) -> Proposed:
    say("  " + _("{header} becomes {target}").format(header=header, target=spelled(targets)))
    if warning := personal(proposed, header, targets):
        say("  " + warning)
    columns = {**proposed.source.columns, header: targets}
    return replace(_said(proposed, columns=columns), matches={**proposed.matches, header: Match(targets, "mapping")})


def _which(proposed: Proposed, ask: Ask, say: Say) -> Proposed:
    """Which system, or which table, a sheet is."""
    kinds = list(proposed.rivals)
    tables = list(proposed.tables) + [t for t in (*TABLES, "contacts") if t not in proposed.tables]
    choices = [k.label for k in kinds] or tables
    for number, label in enumerate(choices, 1):
        say(f"  {number}  {label if kinds else table_name(label)}")
    answer = _number(ask, say, _("Which of these is it? A number, Enter to skip, q for later"), proposed, choices)
    if not answer:
        return proposed
    kind = kinds[answer - 1] if kinds else None
    table = kind.table if kind else tables[answer - 1]
    matches = matching.matches(list(proposed.source.columns), proposed.values, kind=kind, table=table)
    given = {"table": table, "system": kind.system if kind else "", "kind": kind.sheet if kind else "",
             "columns": {h: m.targets for h, m in matches.items()}}  # fmt: skip
    if kind:
        given |= matching.options(kind, list(matches), {t.to for m in matches.values() for t in m.targets})
    source = Source(**{**proposed.source.model_dump(), **given})
    return replace(proposed, source=source, matches=matches, kind=kind, rivals=(), tables=())


def _column(proposed: Proposed, header: str, name: str, ask: Ask, say: Say) -> Proposed:
    match = proposed.matches.get(header, Match((), "ask"))
    say("")
    say(f"{name}: {header}")
    if proposed.kind and proposed.kind.layout == "unconfirmed":
        say(f"  {proposed.kind.label}")
    for number, likely in enumerate(match.candidates, 1):
        shown = f"{candidate(likely)}  " if likely.targets else f"{likely.to:<36}{likely.score:.2f}  "
        say(f"  {number}  {shown}{_about(likely.to)}".rstrip())
    for line in question(proposed, header)[1:]:
        say(f"  {line}")
    prompt = _("A number, a field, k keep, d drop, D drop all that is left here, ? shows the fields, Enter to skip, q for later")
    while answer := _answer(ask, prompt, proposed):
        if answer in ("?", "？"):
            _fields(proposed, say)
            continue
        if answer == "D":
            left = proposed.source.open
            say("  " + _("{columns} become drop").format(columns=", ".join(left)))
            dropped = {h: (Target(to=DROP),) if h in left else t for h, t in proposed.source.columns.items()}
            return _said(proposed, columns=dropped)
        targets, why = _targets(answer, header, match)
        if targets and (taken := _taken(proposed, header, targets)):
            if ranked := _ranked(proposed, header, targets, *taken, ask, say):
                return ranked
            continue
        if targets:
            return _with(proposed, header, targets, say)
        say("  " + _("{answer} is not understood. {why}").format(answer=answer, why=why).rstrip())
        help_ = _("Type a number above, a field such as {field}, several (a, b), a field with options as in mapping.yml "
                  "such as {options}, k, d, D, ? or q.")  # fmt: skip
        say("  " + help_.format(field=_example(proposed, match), options=_OPTIONS))
    say("  " + _("{header} stays open.").format(header=header))
    return proposed


def _taken(proposed: Proposed, header: str, targets: Sequence[Target]) -> tuple[str, str] | None:
    """The first of the fields that another column fills at the same rank, and that column."""
    gone = renamed_from(proposed.matches)
    columns = {h: t for h, t in proposed.source.columns.items() if h != header and h not in gone}
    held = same_field({header: targets, **columns})
    return next(((f, next(h for h in several if h != header)) for f, several in held.items() if header in several), None)


def _ranked(
    proposed: Proposed, header: str, targets: tuple[Target, ...], field: str, other: str, ask: Ask, say: Say
) -> Proposed | None:
    """With the column before or behind the one that fills the same field; None where neither is meant."""
    say("  " + _("{field} is {other} already, and of two columns only one is read.").format(field=field, other=other))
    first, second = _("{column} where it is filled, else {other}"), (other, header)
    choices = [first.format(column=a, other=b) for a, b in (second, second[::-1])]
    for number, choice in enumerate(choices, 1):
        say(f"  {number}  {choice}")
    answer = _number(ask, say, _("Which comes first? A number, Enter for another answer, q for later"), proposed, choices)
    if not answer:
        return None
    last = 1 + max(t.rank for h, ts in proposed.source.columns.items() for t in ts if t.to == field and h != header)
    behind = header if answer == 1 else other
    columns = {**proposed.source.columns, header: targets}
    columns[behind] = tuple(t.model_copy(update={"rank": last}) if t.to == field else t for t in columns[behind])
    if behind == other:
        proposed = replace(
            _said(proposed, columns=columns), matches={**proposed.matches, other: Match(columns[other], "mapping")}
        )
    return _with(proposed, header, columns[header], say)


_OPTIONS = "{to: orders.order_amount, unit: 万元}"


def _example(proposed: Proposed, match: Match) -> str:
    """A field that may be typed."""
    table = _tables(proposed)[0]
    return match.candidates[0].to if match.candidates else f"{table}.{next(iter(TABLES[table].fields))}"


def _tables(proposed: Proposed) -> Sequence[str]:
    """The tables that a sheet is likely to feed."""
    first = proposed.source.table or next(iter(proposed.tables), "orders")
    return [t for t in matching.FEEDS[first] if t in TABLES] or ["customers"]


def _fields(proposed: Proposed, say: Say) -> None:
    """The fields of the likely tables, with what they hold."""
    for table in _tables(proposed):
        say(f"  {table_name(table)}")
        for target in headers.targets().values():
            if target.table == table and target.place in ("contract", "vault"):
                about = _about(target.name) or (_("Goes to the vault only") if target.place == "vault" else "")
                say(f"    {target.name:<36}{about}".rstrip())


def _about(to: str) -> str:
    """What a field of the contract holds; empty for another."""
    field = declared(to)
    return _(field.description) if field else ""


def _targets(answer: str, header: str, match: Match) -> tuple[tuple[Target, ...], str]:
    """What was typed as fields, else why it is none: numbers of candidates, fields, and specifications as in mapping.yml."""
    letters = {"k": KEEP, "d": DROP}
    try:
        said = yaml.safe_load(answer if answer.startswith(("[", "{")) else f"[{answer}]")
    except yaml.YAMLError:
        return (), ""
    parts = []
    for part in said if isinstance(said, list) else [said]:
        if isinstance(part, int) and not isinstance(part, bool):
            if not 1 <= part <= len(match.candidates):
                return (), _("There is no candidate {n}.").format(n=part)
            chosen = match.candidates[part - 1]
            if chosen.targets:  # all that was said of the column before it was renamed
                parts += [t.model_dump(exclude_defaults=True) for t in chosen.targets]
                continue
            part = chosen.to
        parts.append(letters.get(part, part) if isinstance(part, str) and said == [part] else part)
    try:
        (targets,) = Source(files=("x",), columns={header: parts}).columns.values()
    except ValidationError as error:
        return (), yaml_file.problem(error.errors()[0])
    if not targets or any(t.to == ASK for t in targets):
        return (), ""
    if len(targets) > 1 and (len({t.to for t in targets}) < len(targets) or any(t.to in (KEEP, DROP) for t in targets)):
        return (), _("Several fields must be different ones, without keep and drop.")
    known = headers.targets()
    said_so = [t.model_copy(update={"inverse": True}) if t.to in known and headers.key(header) in known[t.to].inverse else t
               for t in targets]  # fmt: skip
    return tuple(said_so), ""


def _number(ask: Ask, say: Say, prompt: str, proposed: Proposed, choices: Sequence[str]) -> int:
    """The number of the choice that was typed; 0 for none."""
    while answer := _answer(ask, prompt, proposed):
        if answer.isdecimal() and 1 <= int(answer) <= len(choices):
            say("  " + _("Chosen: {choice}").format(choice=choices[int(answer) - 1]))
            return int(answer)
        answer = next((c for c in choices if c.partition(": ")[2] == answer), answer)  # dmy
        if answer in choices:
            say("  " + _("Chosen: {choice}").format(choice=answer))
            return choices.index(answer) + 1
        wrong = _("{answer} is not understood. Type a number from 1 to {n}, Enter or q.")
        say("  " + wrong.format(answer=answer, n=len(choices)))
        for number, choice in enumerate(choices, 1):
            say(f"  {number}  {choice}")
    say("  " + _("It stays open."))
    return 0


def _answer(ask: Ask, prompt: str, proposed: Proposed) -> str:
    answer = ask(prompt).strip()
    if answer in ("q", "Q"):
        raise Later(proposed)
    return answer
