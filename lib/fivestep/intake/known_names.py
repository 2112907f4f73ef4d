"""Names of persons where none belong: a column of them is left out, one in a text is replaced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import ibis
from ibis.expr.types import StringValue, Table

from fivestep.intake import assembly, conversion, matching, written_names
from fivestep.intake import mapping as mappings
from fivestep.intake.assembly import KEPT, Wide, stored, union
from fivestep.intake.mapping import KEEP
from fivestep.intake.quality import Line, QualitySheet
from fivestep.language import N_
from fivestep.privacy import vault
from fivestep.privacy.masking import ADDRESS, NUMBER
from fivestep.privacy.pseudonyms import Pseudonyms

# A column that is to be kept, although its header or its values tell who somebody is.
_WHO = {
    "header": N_("{column} was to be kept as it is, but its header says that it tells who somebody is. It was left out."),
    "name": N_("{column} was to be kept as it is, but holds names of customers or contact persons (of {of} different values "
               "{n}). It was left out."),
    "look": N_("{column} was to be kept as it is, but holds addresses, telephone numbers or numbers of bank cards ({n} of {of}). "
               "It was left out."),
}  # fmt: skip
_WHO_FIX = N_("Map it to the field of customers or contacts that it is, or drop it. Where it tells nobody, say {option} instead.")
_CHANCE = 0.2  # share of a column's values from which it is none that they are names or look like addresses


class KnownNames:
    """The names of customers and contact persons of an import and of the vault, and where else they stand."""

    def __init__(self, project: Path, names: Pseudonyms, quality: QualitySheet, connection: ibis.BaseBackend) -> None:
        self.project = project
        self.names = names
        self.quality = quality
        self.connection = connection
        self.people: tuple[Table, Table] | None = None  # names by raw id, and those that are looked for

    def named(self, done: Sequence[Wide]) -> Table | None:
        """The names of customers and contact persons of this import and of the vault, as they are compared."""
        if not any(c.target.to == KEEP and c.target.personal for made in done for c in made.cells):
            return None
        parts = []
        for table in vault.TABLES:
            held = [vault.read(self.project, table, self.names)] if vault.holds(self.project, table) else []
            known = (assembly.vault_rows(made, table) for made in done)
            parts += [t.select(name=_bare(t["name"])) for t in (*held, *known) if t is not None and "name" in t.columns]
        if not parts:
            return None
        names = union(parts)
        return stored(self.connection, names.filter(names.name.length() > 1).distinct(), "known_names")

    def nameless(self, made: Wide, named: Table | None) -> Wide:
        """The rows without the columns that were to be kept, but tell who somebody is by their header or their values."""
        asked = {}
        for cell in made.cells:
            to = f"keep.{cell.target.name or mappings.extra_name(cell.header)}"
            if cell.target.to == KEEP and cell.target.personal and to in made.extras:
                asked[to] = cell.header
        if not asked:
            return made
        rows = made.rows.filter(made.rows._out == KEPT)
        counts = {f"{kind}{i}": rows[c].count() if kind == "of" else rows[c].re_search(f"{NUMBER}|{ADDRESS}").sum()
                  for i, c in enumerate(asked) for kind in ("of", "look")}  # fmt: skip
        seen = rows.aggregate(**counts).to_pyarrow().to_pylist()[0]
        told: dict[str, tuple[str, int, int]] = {}
        for i, (column, header) in enumerate(asked.items()):
            of, look = seen[f"of{i}"] or 0, seen[f"look{i}"] or 0
            if matching.tells_who(header, made.source.table):
                told[column] = ("header", of, of)
            elif look and look >= _CHANCE * of:
                told[column] = ("look", look, of)
            elif named is not None:
                values = rows.select(name=_bare(rows[column])).filter(ibis._.name.notnull()).distinct()
                different, equal = (int(t.count().to_pandas()) for t in (values, values.semi_join(named, "name")))
                if equal >= _CHANCE * different and (equal > 2 or equal == different > 0):
                    told[column] = ("name", equal, different)
        for column, (why, n, of) in told.items():
            values = {"column": asked[column], "n": n, "of": of, "option": "{to: keep, personal: false}"}
            self.quality.add(
                Line(made.name, made.source.table, asked[column], "personal", "warning", n, of, None, _WHO[why], _WHO_FIX, values)
            )
        return replace(made, extras={k: v for k, v in made.extras.items() if k not in told}) if told else made

    def unnamed(self, made: Wide, done: Sequence[Wide], number: int) -> Wide:
        """The rows without the names of customers and contact persons, of this import and of the vault, in what people wrote.

        Of a row's own customer every name of two Chinese characters or four letters; of others those of `written_names`.
        """
        cells = {(c.target.to if c.target.to != "survey.answer" else f"{c.target.to}:{c.target.name or c.header}"): c
                 for c in made.cells if conversion.is_free(c.target.to)}  # fmt: skip
        fields = {to: cell for to, cell in cells.items() if to in made.rows.columns}
        people = self._known_people(done) if fields else None
        if people is None:
            return made
        known, names = people
        key = assembly.home("customer_id", "customers", made.rows.columns)
        rows = made.rows
        if key:
            rows = rows.left_join(known, rows[key] == known._raw).drop("_raw")
        out = {}
        for i, to in enumerate(fields):
            who = ibis.coalesce(made.rows[key], made.rows[to]) if key else made.rows[to]
            texts = made.rows.select(text=made.rows[to], who=who).filter(ibis._.text.notnull()).distinct()
            there = stored(self.connection, written_names.found(texts, names), f"there{number}_{i}")
            common = stored(self.connection, written_names.words(there), f"common{number}_{i}")
            bare = self.connection.create_table(f"bare{number}_{i}", written_names.replaced(there, common), overwrite=True)
            bare = bare.rename({f"_text{i}": "text", f"_bare{i}": "bare"})
            rows = rows.left_join(bare, rows[to] == bare[f"_text{i}"]).drop(f"_text{i}")
            if n := int(common.count().to_pandas()):
                self.quality.add(
                    Line(
                        made.name, to.partition(".")[0], fields[to].header, "personal", "note", n,
                        message=N_("Names of customers that stand in texts of {column} of more than {most} customers: {n}. They "
                                   "were taken for words and left."),
                        values={"column": fields[to].header, "n": n, "most": written_names.MOST},
                    )
                )  # fmt: skip
        for i, to in enumerate(fields):
            told = ibis.coalesce(rows[f"_bare{i}"], rows[to])
            out[to] = conversion.without(told, conversion.own_names(told, rows._names)) if key else told
        spare = [*(["_names"] if key else []), *(f"_bare{i}" for i in range(len(fields)))]
        rows = rows.mutate(**{f"_was:{c}": (rows[c] != v).fill_null(False) for c, v in out.items()}, **out).drop(*spare)
        rows = stored(self.connection, rows, f"unnamed{number}")
        seen = rows.aggregate(**{c: rows[f"_was:{c}"].sum() for c in out}).to_pyarrow().to_pylist()[0]
        for to, cell in fields.items():
            if n := seen[to]:
                self.quality.add(
                    Line(
                        made.name, to.partition(".")[0], cell.header, "personal", "note", n,
                        message=N_("Texts of {column} that held names of customers or contact persons: {n}. "
                                   "These were replaced."),
                        values={"column": cell.header, "n": n},
                    )
                )  # fmt: skip
        return replace(made, rows=rows.drop(*(f"_was:{c}" for c in out)))

    def _known_people(self, done: Sequence[Wide]) -> tuple[Table, Table] | None:
        """Of this import and of the vault the names by raw id (_raw, _names), and those that are looked for in all texts."""
        if self.people is None:
            known = []
            for table in vault.TABLES:
                held = [vault.read(self.project, table, self.names)] if vault.holds(self.project, table) else []
                parts = (*held, *(assembly.vault_rows(other, table) for other in done))
                known += [t.select("raw_id", "name") for t in parts if t is not None and "name" in t.columns]
            if not known:
                return None
            names = union(known)
            names = stored(self.connection, names.filter(names.name.notnull()).distinct(), "people_names")
            long = names.filter((names.name.length() > 3) | names.name.re_search("^[\u4e00-\u9fff]{2,}$"))
            own = long.group_by("raw_id").aggregate(
                _names=long.name.collect(order_by=[long.name.length().desc(), long.name])
            ).rename(_raw="raw_id")  # fmt: skip
            asked = stored(self.connection, written_names.sought(names), "sought_names")
            self.people = stored(self.connection, own, "own_names"), asked
        return self.people


def _bare(name: StringValue) -> StringValue:
    """A name as names are compared: without case, blanks and points."""
    return conversion.plain(name).lower().re_replace(r"[\s.·]", "")
