"""`fivestep map --ask`: the open questions of a mapping, one after another in the terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fivestep.contract import TABLES, headers
from fivestep.intake import matching
from fivestep.intake.mapping import ASK, DROP, KEEP, Source, Target
from fivestep.intake.matching import Match
from fivestep.intake.proposal import (
    Proposal,
    Proposed,
    ambiguous_dates,
    ambiguous_decimals,
    decimal_question,
    lacking,
    question,
    samples,
    with_decimal,
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
    try:
        while waiting:
            waiting[0] = _one(waiting[0], ask, say)
            done.append(waiting.pop(0))
    except Later as stop:
        done.append(stop.args[0])
        waiting.pop(0)
    return replace(proposal, proposed=(*done, *waiting))


def _one(proposed: Proposed, ask: Ask, say: Say) -> Proposed:
    name = ", ".join(proposed.source.files)
    if proposed.rivals or not proposed.source.table:
        say("")
        say(name)
        proposed = _which(proposed, ask, say)
    if ambiguous_dates(proposed):
        columns = ", ".join(ambiguous_dates(proposed))
        say("")
        say(_("{file}: {columns} may be day/month or month/day.").format(file=name, columns=columns))
        answer = _answer(ask, _("1 day/month, 2 month/day, Enter to skip, q for later"), proposed)
        if answer in ("1", "2"):
            proposed = replace(
                proposed, source=proposed.source.model_copy(update={"date_order": {"1": "dmy", "2": "mdy"}[answer]})
            )
    for header in proposed.source.open:
        if header in proposed.source.open:  # not settled together with an earlier one
            proposed = _column(proposed, header, name, ask, say)
    for field in proposed.missing if proposed.source.table else ():
        proposed = _needed(proposed, field, name, ask, say)
    proposed = with_decimal(proposed)  # the answers may have told which columns are numbers
    if either := ambiguous_decimals(proposed):
        say("")
        say(f"{name}: {decimal_question(either)}")
        answer = _answer(ask, _("1 comma, 2 point, Enter to skip, q for later"), proposed)
        if answer in ("1", "2"):
            proposed = replace(proposed, source=proposed.source.model_copy(update={"decimal": {"1": ",", "2": "."}[answer]}))
    return proposed


def _needed(proposed: Proposed, field: str, name: str, ask: Ask, say: Say) -> Proposed:
    """Which column fills a field that the table cannot be without; a column may fill several fields."""
    columns = list(proposed.source.columns)
    scores = {h: max((c.score for c in matching.candidates(h, proposed.values.get(h, matching.Values()), proposed.source.table)
                      if c.to.endswith(field.partition(".")[2])), default=0.0) for h in columns}  # fmt: skip
    ranked = sorted(columns, key=lambda h: (-scores[h], columns.index(h)))
    say("")
    say(name)
    for line in lacking(field):
        say("  " + line)
    for number, header in enumerate(ranked, 1):
        shown = samples(proposed.matches.get(header), proposed.values.get(header, matching.Values()))
        say(f"  {number}  {header}  ({shown})")
    answer = _answer(ask, _("Which column is it? A number, Enter to skip, q for later"), proposed)
    if not answer.isdecimal() or not 1 <= int(answer) <= len(ranked):
        return proposed
    header = ranked[int(answer) - 1]
    held = tuple(t for t in proposed.source.columns[header] if t.to not in (ASK, DROP, KEEP))
    return _with(proposed, header, (*held, Target(to=field)))


def _with(proposed: Proposed, header: str, targets: tuple[Target, ...]) -> Proposed:
    columns = {**proposed.source.columns, header: targets}
    matches = {**proposed.matches, header: Match(targets, "mapping")}
    return replace(proposed, source=proposed.source.model_copy(update={"columns": columns}), matches=matches)


def _which(proposed: Proposed, ask: Ask, say: Say) -> Proposed:
    """Which system, or which table, a sheet is."""
    kinds = list(proposed.rivals)
    tables = list(proposed.tables) + [t for t in (*TABLES, "contacts") if t not in proposed.tables]
    choices = [k.label for k in kinds] or tables
    for number, label in enumerate(choices, 1):
        say(f"  {number}  {label if kinds else table_name(label)}")
    answer = _answer(ask, _("Which of these is it? A number, Enter to skip, q for later"), proposed)
    if not answer.isdecimal() or not 1 <= int(answer) <= len(choices):
        return proposed
    kind = kinds[int(answer) - 1] if kinds else None
    table = kind.table if kind else tables[int(answer) - 1]
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
    for number, candidate in enumerate(match.candidates, 1):
        say(f"  {number}  {candidate.to:<36}{candidate.score:.2f}  {_about(candidate.to)}".rstrip())
    for line in question(proposed, header)[1:]:
        say(f"  {line}")
    while True:
        answer = _answer(
            ask,
            _("A number, a field (table.field), k keep, d drop, D drop all that is left here, Enter to skip, q for later"),
            proposed,
        )
        if not answer:
            return proposed
        if answer == "D":
            left = {h: (Target(to=DROP),) if h in proposed.source.open else t for h, t in proposed.source.columns.items()}
            return replace(proposed, source=proposed.source.model_copy(update={"columns": left}))
        to = _said(answer, match)
        if to:
            targets = (Target(to=to, inverse=headers.key(header) in getattr(headers.targets().get(to), "inverse", ())),)
            return _with(proposed, header, targets)
        say(_("{answer} is neither a number above nor a field.").format(answer=answer))


def _about(to: str) -> str:
    """What a field of the contract holds; empty for another."""
    table, _dot, name = to.partition(".")
    field = TABLES[table].fields.get(name) if table in TABLES else None
    return _(field.description) if field else ""


def _said(answer: str, match: Match) -> str:
    if answer in ("k", KEEP):
        return KEEP
    if answer in ("d", DROP):
        return DROP
    if answer.isdecimal():
        return match.candidates[int(answer) - 1].to if 1 <= int(answer) <= len(match.candidates) else ""
    return answer if answer in headers.targets() and answer != ASK else ""


def _answer(ask: Ask, prompt: str, proposed: Proposed) -> str:
    answer = ask(prompt).strip()
    if answer == "q":
        raise Later(proposed)
    return answer
