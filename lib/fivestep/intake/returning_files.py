"""Files that come again: corrected, copied, taken away, or known by their headers; and what importing all anew takes away."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal

import ibis
from ibis.expr.types import Table

from fivestep import language
from fivestep.contract import TABLES, headers
from fivestep.errors import UserError
from fivestep.intake import mapping as mappings
from fivestep.intake import snapshots
from fivestep.intake.checks import AMOUNTS
from fivestep.intake.mapping import FILE, Source
from fivestep.intake.quality import Line, Message
from fivestep.intake.snapshots import Content
from fivestep.language import N_, _

CHECKS = ("superseded", "imported_again", "same_file", "same_headers", "taken_away")
SHOWN = 5  # files named in one line

_STAY = N_(
    "Nothing where they are to stay. Where they are to go, run: fivestep import --again, which makes everything anew from what "
    "is there now; with --dry-run it only says what would go."
)


def same_headers(said: mappings.Mapping, columns: Sequence[str]) -> list[Source]:
    """The sources that a sheet of an unknown name may belong to: of these very headers, three and more, with no open question.

    Two headers, such as id and name, stand in files of many kinds.
    """
    there = _compared(columns)
    return [
        s for s in said.sources
        if len(there) > 2 and there == _compared(s.columns)
        and s.table and not (s.open or s.database or s.others) and s.read == mappings.Read()
    ]  # fmt: skip


def _compared(columns: Iterable[str]) -> frozenset[tuple[str, str]]:
    return frozenset((headers.key(c), headers.header(c).unit) for c in columns)


def gone(book: snapshots.Ledger, digests: Mapping[str, str], asked: bool) -> list[Line]:
    """Lines on files that were imported and lie no longer in data/raw/, where everything is imported again.

    Raises UserError unless the analyst has *asked* for that: a changed mapping must not forget them silently.
    """
    gone = _absent(book, digests)
    if gone and not asked:
        raise UserError(
            _("{mapping} has changed since the last import, so everything is imported again, but files are no longer in "
              "data/raw/: {files}. Put them back, or, where they are to go, run: fivestep import --again")
            .format(mapping=FILE, files=", ".join(gone[:5]))
        )  # fmt: skip
    return [
        Line(
            name, "", "", "imported_again", "warning",
            message=N_("It was imported before and is no longer in data/raw/: what it alone held is not in this snapshot."),
            fix=N_("Nothing where it is to go; otherwise put it back and run: fivestep import --again"),
        )
        for name in gone
    ]  # fmt: skip


def _absent(book: snapshots.Ledger, digests: Mapping[str, str]) -> list[str]:
    """The files that were imported of which neither the name nor the content is there any more."""
    there = set(digests.values())
    return sorted({name for name, digest in book.held(book.latest) if digest not in there and name not in digests})


def taken_away(book: snapshots.Ledger, digests: Mapping[str, str]) -> list[Line]:
    """A note on the files that were imported and lie no longer in data/raw/: their rows stay."""
    gone = _absent(book, digests)
    if not gone:
        return []
    more = [Message(N_("... and {n} more"), {"n": len(gone) - SHOWN})] if len(gone) > SHOWN else []
    noted = book.contents(book.latest)
    counts = {n: sum(noted[f][n].rows or 0 for f in gone if n in noted.get(f, ())) for n in TABLES}
    said = [Message(N_("Imported before and no longer in data/raw/: {files}"), {"files": [*gone[:SHOWN], *more]}),
            Message(N_("their rows stay in the tables"))]  # fmt: skip
    said += [Message(N_("rows of {table} when imported: {n}"), {"table": t, "n": n}) for t, n in counts.items() if n]
    return [Line("", "", "", "taken_away", "note", len(gone), message=N_("{detail}."), fix=_STAY, values={"detail": said})]


def replaced(book: snapshots.Ledger, digests: Mapping[str, str], databases: Collection[str]) -> list[str]:
    """The files of which a content was imported that lies no longer in data/raw/, as another one has its name."""
    there = set(digests.values())
    return sorted({n for n, d in book.held(book.latest) if d not in there and n in digests and n not in databases})


def refuse(files: Sequence[str], lines: Sequence[Line]) -> None:
    """Raise UserError where a changed mapping would silently lose rows of the earlier content of *files*, by `made_anew`."""
    lost = [f"{x.table} {language.number(x.rows)}" for x in lines if x.rows]
    if files and lost:
        raise UserError(
            _("{mapping} has changed since the last import, so everything is imported again, but other content lies there now "
              "under the names of files that were imported: {files}. Rows that would be gone: {rows}. Put the earlier files back "
              "under names of their own, or, where these are corrected, run: fivestep import --again")
            .format(mapping=FILE, files=", ".join(files[:5]), rows=", ".join(lost))
        )  # fmt: skip


def made_anew(before: Mapping[str, Table], after: Mapping[str, Table]) -> list[Line]:
    """What is more and less in tables that were made from nothing than in those of the snapshot before."""
    out = []
    for name in (n for n in TABLES if n in before):
        amount, keys = AMOUNTS.get(name, ""), TABLES[name].key
        sides = [t for t in (before[name], after.get(name)) if t is not None]
        rows = [int(t.count().to_pandas()) for t in sides]
        sums = [_sum(t, amount) for t in sides]
        gone = int(before[name].anti_join(after[name], keys).count().to_pandas()) if name in after else rows[0]
        rows, sums = [*rows, 0][:2], [*sums, Decimal(0)][:2]
        said = [Message(N_("Everything was imported again")),
                Message(N_("rows before: {before}, now: {now}; gone: {gone}, new: {added}"),
                        {"before": rows[0], "now": rows[1], "gone": gone, "added": rows[1] - rows[0] + gone})]  # fmt: skip
        if amount in before[name].columns:
            values = {"column": amount, "before": sums[0], "now": sums[1]}
            said.append(Message(N_("{column} before: {before}, now: {now}"), values))
        moved, time = 0, TABLES[name].time
        if name in after and time in before[name].columns and time in after[name].columns:
            was = before[name].select(*keys, _was=before[name][time])
            both = after[name].inner_join(was, keys)
            moved = int(both.filter(~both[time].identical_to(both["_was"])).count().to_pandas())
        if moved:
            said.append(Message(N_("rows with another {column}: {n}"), {"column": time, "n": moved}))
            words = (N_("{column} before: {first} to {last}"), N_("{column} now: {first} to {last}"))
            for side, message in zip(sides, words, strict=True):
                days = side.aggregate(first=side[time].min().cast("date"), last=side[time].max().cast("date"))
                days = days.to_pyarrow().to_pylist()[0]
                said += [Message(message, {"column": time, **days})] if days["first"] else []
        less = gone or sums[1] < sums[0]
        out.append(
            Line(
                "", name, "", "imported_again", "warning" if less else "note", gone, rows[0], message=N_("{detail}."),
                fix=N_("Nothing where files were corrected or taken away on purpose, or the mapping was; otherwise put back into "
                       "data/raw/ what is missing there and run: fivestep import --again") if less else "",
                values={"detail": said, "differs": bool(gone or moved or rows[0] != rows[1] or sums[0] != sums[1])},
            )
        )  # fmt: skip
    return out


def superseded(
    earlier: Mapping[str, Table], new: Mapping[str, Table], before: Mapping[str, Mapping[str, Content]],
    now: Mapping[str, Mapping[str, Content]], changed: Mapping[str, bool], several: Collection[str],
    connection: ibis.BaseBackend,
) -> list[Line]:  # fmt: skip
    """On every file that was imported before with other content: what of its days, then and now, it does not have any more.

    It may be corrected, or this month's under the old name: only the client knows; where all its days are later it is a note.
    A database always gives other content, so only what it no longer gives is told. *before* and *now*: by file and table what it
    gave; of tables without time all keys are compared; *changed*: whether the file is a database; *several*: the tables that
    other files have fed, too.
    """
    out = []
    told = {(f, n): database for f, database in changed.items() for n in TABLES if n in {*before.get(f, ()), *now.get(f, ())}}
    for (file, name), database in told.items():
        if name not in earlier:
            continue
        rows, keys, amount, time = earlier[name], TABLES[name].key, AMOUNTS.get(name, ""), TABLES[name].time
        then, content = before.get(file, {}).get(name, Content()), now.get(file, {}).get(name, Content())
        days = content.after(then).days() if time in rows.columns else None
        if time in rows.columns and not days and file in before:  # it gave no day then and gives none now
            continue
        if days:
            rows = rows.filter(rows[time].cast("date").between(*days))
        of = int(rows.count().to_pandas())
        rest = rows.anti_join(new[name], keys) if name in new else rows
        connection.create_table("superseded", rest, overwrite=True)
        rest = connection.table("superseded")
        n = int(rest.count().to_pandas())
        if database and not n:
            continue
        came = N_("The database gave other rows before") if database else N_("It was imported before with other content")
        said = [Message(came)]
        if then.rows is not None and content.rows is not None:
            said.append(Message(N_("rows in it then: {before}, now: {now}"), {"before": then.rows, "now": content.rows}))
        sums = {k: Decimal(c.money or 0) for k, c in (("before", then), ("now", content))}
        if None not in (then.money, content.money) and sums["before"] != sums["now"]:
            said.append(Message(N_("{column} in it then: {before}, now: {now}"), {"column": amount, **sums}))
        values = {"n": n, "of": of, "table": name} | ({"first": days[0], "last": days[1]} if days else {})
        if not n:
            missing = N_("of the rows of {table} that were imported before, none is missing in it")
            dated = N_("of the rows of {table} from {first} to {last} that were imported before, none is missing in it")
        else:
            missing = N_("rows of {table} that were imported before and are not in it: {n} of {of}")
            dated = N_("rows of {table} from {first} to {last} that were imported before and are not in it: {n} of {of}")
        said.append(Message(dated if days else missing, values))
        if n and days:
            seen = rest.aggregate(first=rest[time].cast("date").min(), last=rest[time].cast("date").max())
            said.append(Message(N_("they are from {first} to {last}"), seen.to_pyarrow().to_pylist()[0]))
        if n and amount in rest.columns:
            said.append(Message(N_("their {column}: {amount}"), {"column": amount, "amount": _sum(rest, amount)}))
        if n and name in several:
            said.append(Message(N_("rows of other files may be among them")))
        if n:
            said.append(Message(N_("they are kept")))
        follows = not database and bool(then.last) and content.first > then.last
        fix = N_(
            "Nothing where the file continues the earlier one. Where it corrects it, run: fivestep import --again, "
            "which makes everything anew from what lies in data/raw/ now; with --dry-run it only says what would go."
        )
        if database:
            fix = _STAY
        severity = "warning" if n and not follows else "note"
        out.append(
            Line(
                file, name, "", "superseded", severity, n, of, message=N_("{detail}."), fix=fix if n else "",
                values={"detail": said},
            )
        )  # fmt: skip
    silent = {f for f, database in changed.items() if not database} - {x.source for x in out}
    return out + [
        Line(f, "", "", "superseded", "note", message=N_("It was imported before with other content.")) for f in sorted(silent)
    ]


def same_files(digests: Mapping[str, str], chosen: Sequence[str], held: Sequence[tuple[str, str]]) -> list[Line]:
    """Notes on files that have the content of another one, of this import or of an earlier one."""
    first = {d: n for n, d in reversed(held)} | {digests[n]: n for n in reversed(chosen)}
    latest = dict(held)
    return [same_file(n, first[d], n in latest) for n, d in digests.items() if n not in chosen and latest.get(n) != d]


def same_file(name: str, other: str, replaces: bool = False) -> Line:
    message = N_("It is the same as {other}: counted once.")
    if replaces:
        message = N_("It is now the same as {other}, so it adds nothing; what it held when it was imported before is kept.")
    return Line(
        name, "", "", "same_file", "warning" if replaces else "note", message=message, values={"other": other},
        fix=N_("Ask for the right file, or run: fivestep import --again") if replaces else "",
    )  # fmt: skip


def _sum(rows: Table, amount: str) -> Decimal:
    """The sum of a column of money; zero where there is none."""
    if amount not in rows.columns:
        return Decimal(0)
    return Decimal(rows.aggregate(x=rows[amount].sum()).to_pyarrow().to_pylist()[0]["x"] or 0)
