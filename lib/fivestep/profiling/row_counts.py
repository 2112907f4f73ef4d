"""How much data there is: rows, keys, days and customers of every table, and the references that lead nowhere."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import pandas as pd

from fivestep import language
from fivestep.contract import TABLES
from fivestep.engine import Tables, needs
from fivestep.findings import Finding
from fivestep.language import N_, _, ngettext
from fivestep.profiling.covered_months import period

NAMES = {
    "customers": N_("Customers"),
    "orders": N_("Orders"),
    "order_lines": N_("Order lines"),
    "products": N_("Products"),
    "campaigns": N_("Campaigns"),
    "exposures": N_("Campaign contacts"),
    "offers": N_("Offers"),
    "interactions": N_("Interactions"),
    "feedback": N_("Feedback"),
    "survey": N_("Survey answers"),
    "events": N_("Online events"),
    "opportunities": N_("Sales opportunities"),
    "stage_history": N_("Stages of opportunities"),
    "costs": N_("Costs"),
    "stock": N_("Stock"),
}
READ, DERIVED = N_("Read"), N_("Derived")


@dataclass(frozen=True)
class RowCounts:
    """What each table holds, after the cut to scope and as-of date.

    ``table``: one row per contract table that there is: table_name, origin, table_rows, distinct_keys, duplicate_keys,
    table_first_day, table_last_day, customers, rows_without_customer, orphan_keys; empty where the table has no such thing.
    ``empty`` names the tables that were read and have no row.
    """

    table: pd.DataFrame
    empty: tuple[str, ...]
    first_day: dt.date
    as_of: dt.date

    def _totals(self) -> dict[str, int]:
        return {c: int(self.table[c].sum()) for c in ("table_rows", "duplicate_keys", "orphan_keys", "rows_without_customer")}

    def headline(self) -> str:
        """Whether keys hold: repeated keys, references without a match and rows without a customer, over all tables."""
        total = self._totals()
        found = []
        if n := total["duplicate_keys"]:
            found.append(ngettext("{n} repeated key", "{n} repeated keys", n).format(n=language.number(n)))
        if n := total["orphan_keys"]:
            found.append(
                ngettext("{n} reference without a match", "{n} references without a match", n).format(n=language.number(n))
            )
        if n := total["rows_without_customer"]:
            found.append(ngettext("{n} row without a customer", "{n} rows without a customer", n).format(n=language.number(n)))
        if not found:
            return _("Every key is unique, every reference has its match and every row its customer")
        return _("The keys of the tables show {problems}").format(problems=language.listing(found))

    def note(self) -> str:
        """What was counted, and which tables have no row."""
        counted = _(
            "Base: {rows} rows in {tables}, {period}. A table marked as derived was made from the orders or their lines."
        ).format(
            rows=language.number(self._totals()["table_rows"]),
            tables=ngettext("{n} table", "{n} tables", len(self.table)).format(n=language.number(len(self.table))),
            period=period(self.first_day, self.as_of),
        )
        if not self.empty:
            return counted
        names = language.listing([_(NAMES[name]) for name in self.empty])
        return counted + " " + _("Read without a single row, so treated as absent: {tables}.").format(tables=names)

    def finding(self) -> Finding:
        """How many rows have a problem with their keys."""
        total = self._totals()
        wrong = total["duplicate_keys"] + total["orphan_keys"] + total["rows_without_customer"]
        return Finding(
            key="profiling.key_problems",
            value=float(wrong),
            unit="count",
            display=language.number(wrong),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_(
                "Ask the client for the missing rows or the right ids; until then those rows are missing from what is said "
                "about customers or products."
            )
            if wrong
            else _("Tables can be joined without loss: no row needs to be asked about."),
            assumptions=(
                _(
                    "A reference without a match names an id that the table it refers to does not hold on any day; an empty "
                    "reference is none."
                ),
            ),
        )


@needs("orders.customer_id", "orders.order_date", answers=N_("how many rows, keys, days and customers each table holds"))
def row_counts(tables: Tables) -> RowCounts:
    """Count rows, distinct and repeated keys, first and last day, customers and orphan keys of every table.

    A repeated key is a row beyond the first with the same key. An orphan key is a row with an id that the table referred to
    lacks, also after the as-of date. The day is that of the column that dates the table's rows. References are checked in and to
    tables that were read, not derived ones.
    """
    rows = [_counted(name, tables) for name in TABLES if name in tables.names]
    counts = dict.fromkeys(
        ("table_rows", "distinct_keys", "duplicate_keys", "orphan_keys", "customers", "rows_without_customer"), "Int64"
    )
    days = dict.fromkeys(("table_first_day", "table_last_day"), "datetime64[us]")
    table = pd.DataFrame(rows, columns=["table_name", "origin", *counts, *days]).astype(counts | days)
    return RowCounts(table, tables.empty, tables.first_day, tables.as_of)


def _counted(name: str, tables: Tables) -> dict:
    table, described = getattr(tables, name), TABLES[name]
    counted = {"table_rows": table.count()}
    if described.time in table.columns:
        counted |= {
            "table_first_day": table[described.time].min().cast("date"),
            "table_last_day": table[described.time].max().cast("date"),
        }
    if "customer_id" in table.columns:
        counted |= {
            "customers": table.customer_id.nunique(),
            "rows_without_customer": table.customer_id.isnull().sum().fill_null(0),
        }
    row = {"table_first_day": None, "table_last_day": None, "customers": None, "rows_without_customer": None}
    row |= table.aggregate(**counted).to_pandas().iloc[0].to_dict()
    key = [c for c in described.key if c in table.columns]
    distinct = int(table.select(*key).distinct().count().to_pandas()) if key else None
    return {
        "table_name": NAMES[name],
        "origin": READ if name in tables.given else DERIVED,
        "distinct_keys": distinct,
        "duplicate_keys": None if distinct is None else row["table_rows"] - distinct,
        "orphan_keys": _orphans(name, tables),
        **row,
    }


def _orphans(name: str, tables: Tables) -> int | None:
    """Rows with a reference that leads nowhere, over all references of the table; None where it has none to a table that was
    read.
    """
    table = getattr(tables, name)
    found = None
    for reference in TABLES[name].fields.values():
        other, _dot, column = reference.refers.partition(".")
        if name not in tables.given or other not in tables.given or reference.name not in table.columns:
            continue
        known = tables.uncut[other].select(known=tables.uncut[other][column]).distinct()
        values = table.select(value=table[reference.name]).filter(ibis._.value.notnull())
        found = (found or 0) + int(values.anti_join(known, values.value == known.known).count().to_pandas())
    return found
