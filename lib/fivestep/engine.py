"""The one Ibis connection, and the contract tables as an analysis sees them: cut to a scope and an as-of date."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import ibis

from fivestep.contract import TABLES
from fivestep.errors import UserError
from fivestep.findings import NotAvailable
from fivestep.language import _

MONEY = ibis.expr.datatypes.Decimal(18, 2)


def connect() -> ibis.BaseBackend:
    """An embedded DuckDB connection; its threads give the same rows in any number."""
    return ibis.duckdb.connect()


def read(folder: Path, connection: ibis.BaseBackend) -> dict[str, ibis.Table]:
    """The contract tables that a snapshot folder holds, as lazy expressions."""
    found = {p.stem: p for p in sorted(folder.glob("*.parquet"))}
    unknown = sorted(set(found) - set(TABLES))
    if unknown:
        raise UserError(f"{folder.name}: {unknown[0]}.parquet is no contract table. The tables are {', '.join(TABLES)}.")
    if not found:
        raise UserError(
            f"{folder}: there are no contract tables (*.parquet). Put them there or name another snapshot in engagement.yml."
        )
    return {name: connection.read_parquet(found[name], table_name=name) for name in TABLES if name in found}


@dataclass(frozen=True)
class Tables:
    """Contract tables up to and including the day ``as_of``, of the customers in ``scope``.

    A table is an attribute (``tables.orders``, an `ibis.Table`). ``orders`` is derived from ``order_lines`` where absent,
    ``customers`` from ``orders``. Rows after ``as_of`` are invisible, so an analysis cannot see the future. ``first_day`` and
    ``last_day`` are the first and last day with an order. ``given`` names the tables that were read; the others were derived from
    them. ``uncut`` holds the tables before the as-of cut, only to look up whether a key exists at all.
    """

    _tables: dict[str, ibis.Table]
    as_of: dt.date
    first_day: dt.date
    last_day: dt.date
    scope: str = ""
    given: tuple[str, ...] = ()
    uncut: dict[str, ibis.Table] = field(default_factory=dict)

    @classmethod
    def of(cls, tables: dict[str, ibis.Table], *, as_of: dt.date | None = None, scope: str = "") -> Tables:
        """Contract tables as read, cut to *as_of* and *scope*.

        *as_of* is the last day with an order by default; *scope* is ``field=value`` or empty.
        """
        given = tuple(tables)
        tables = derived(tables)
        first, last = period(tables["orders"])
        if first is None:
            raise UserError("orders: there is no order in the data.")
        if as_of is None:
            as_of = last
        elif as_of < first:
            raise outside(as_of, first, last)
        if scope:
            tables = _within(tables, scope)
            first, last = period(tables["orders"])
            if first is None or first > as_of:
                raise UserError(f"scope {scope}: no order up to {as_of} belongs to it.")
        return cls(tables, as_of, first, min(last, as_of), scope, given, tables)._cut()

    def _cut(self) -> Tables:
        end = dt.datetime.combine(self.as_of + dt.timedelta(days=1), dt.time())
        out = dict(self._tables)
        for name, table in out.items():
            time = TABLES[name].time
            if time and time in table.columns:
                limit = end if table[time].type().is_timestamp() else end.date()
                out[name] = table.filter(table[time].isnull() | (table[time] < limit))
        if "offers" in out and "campaigns" in self.uncut:  # an offer has no date of its own
            later = self.uncut["campaigns"].anti_join(out["campaigns"], "campaign_id")
            out["offers"] = out["offers"].anti_join(later, "campaign_id")
        if "customers" not in self.given:  # who has not ordered yet is no customer yet
            out["customers"] = _buyers(out["orders"])
        else:
            out["customers"] = self._known_by(end, out)
        return replace(self, _tables=out)

    def _known_by(self, end: dt.datetime, cut: dict[str, ibis.Table]) -> ibis.Table:
        """Customers of the list who were known before *end*: not those who registered, or first ordered, later."""
        customers = cut["customers"]
        later = _buyers(self.uncut["orders"]).anti_join(_buyers(cut["orders"]), "customer_id")
        if "registered_at" not in customers.columns:
            return customers.anti_join(later, "customer_id")
        later = later.mutate(_later=True)
        joined = customers.left_join(later, "customer_id").drop("customer_id_right")
        known = ibis.ifelse(joined.registered_at.notnull(), joined.registered_at < end, joined._later.isnull())
        return joined.filter(known).drop("_later")

    def until(self, as_of: dt.date) -> Tables:
        """The same tables as they were at the end of the day *as_of*."""
        if as_of > self.as_of:
            raise ValueError(f"{as_of} is after {self.as_of}")
        return replace(self, as_of=as_of, last_day=min(self.last_day, as_of))._cut()

    def __getattr__(self, name: str) -> ibis.Table:
        if name in TABLES:
            if name in self._tables:
                return self._tables[name]
            raise AttributeError(f"the data has no {name}: declare it with @needs({name!r}, ...)")
        raise AttributeError(name)

    def missing(self, *wanted: str) -> tuple[str, ...]:
        """Those of *wanted* (``table`` or ``table.field``) that the data does not have."""
        return tuple(w for w in wanted if not self._has(*w.partition(".")[::2]))

    def _has(self, table: str, field: str) -> bool:
        return table in self._tables and (not field or field in self._tables[table].columns)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._tables)


def derived(tables: dict[str, ibis.Table]) -> dict[str, ibis.Table]:
    """The tables and what can be derived: orders from their lines, customers from orders, customer and store on every line."""
    out = dict(tables)
    if "orders" not in out:
        if "order_lines" not in out:
            raise UserError("The data has neither orders nor order_lines: one of the two is needed.")
        lines = out["order_lines"]
        sums = {"order_amount": "line_amount", "discount_amount": "line_discount", "coupon_amount": "line_coupon"}
        firsts = [c for c in ("customer_id", "store") if c in lines.columns]
        out["orders"] = lines.group_by("order_id").aggregate(
            **{c: lines[c].min() for c in firsts},
            order_date=lines.order_date.min(),
            **{new: lines[old].sum().cast(MONEY) for new, old in sums.items() if old in lines.columns},
        )
    if "customer_id" not in out["orders"].columns:
        raise UserError(
            "orders.customer_id: the column is missing, so no customer can be told from another. "
            "Import the customer's id with the orders."
        )
    if "order_lines" in out:
        lines, orders = out["order_lines"], out["orders"]
        lacking = [c for c in ("customer_id", "store") if c not in lines.columns and c in orders.columns]
        if lacking:
            out["order_lines"] = lines.left_join(orders.select("order_id", *lacking), "order_id").drop("order_id_right")
    if "customers" not in out:
        out["customers"] = _buyers(out["orders"])
    return out


def period(orders: ibis.Table) -> tuple[dt.date | None, dt.date | None]:
    """First and last day with an order; None where there is none."""
    seen = orders.aggregate(first=orders.order_date.min(), last=orders.order_date.max()).to_pandas().iloc[0]
    return (None, None) if seen["first"] != seen["first"] else (seen["first"].date(), seen["last"].date())


def outside(as_of: dt.date, first: dt.date, last: dt.date) -> UserError:
    """The error that says that *as_of* is no day of the data, which runs from *first* to *last*."""
    return UserError(f"as_of: {as_of} is outside the data. Choose a day between {first} and {last}, its first and last order.")


def _buyers(orders: ibis.Table) -> ibis.Table:
    return orders.filter(orders.customer_id.notnull()).select("customer_id").distinct()


def _within(tables: dict[str, ibis.Table], scope: str) -> dict[str, ibis.Table]:
    field, sign, value = scope.partition("=")
    if not sign or not field or not value:
        raise UserError(f"scope: {scope!r} is not of the form field=value, like region=North.")
    out = dict(tables)
    home = scope_table(tables, field)
    chosen = out[home].filter(out[home][field] == value)
    if chosen.count().to_pandas() == 0:
        some = ", ".join(scope_values(tables, field)[:12])
        raise UserError(f"scope: no row of {home} has {field} = {value!r}. Values are {some}.")
    if home == "orders":  # a branch: its orders, and the customers who placed them
        out["orders"] = chosen
        if "order_lines" in out:
            lines = out["order_lines"]
            out["order_lines"] = lines.semi_join(chosen.select("order_id"), "order_id")
    members = chosen.filter(chosen.customer_id.notnull()).select("customer_id").distinct()
    for name, table in out.items():
        if "customer_id" in table.columns and not (home == "orders" and name in ("orders", "order_lines")):
            out[name] = table.semi_join(members, "customer_id")
    if "stage_history" in out and "opportunities" in out:
        out["stage_history"] = out["stage_history"].semi_join(out["opportunities"].select("opportunity_id"), "opportunity_id")
    return out


def scope_table(tables: dict[str, ibis.Table], field: str) -> str:
    """The table whose *field* cuts the data into scopes: customers, else orders (a branch, a channel)."""
    for name in ("customers", "orders"):
        declared = TABLES[name].fields.get(field)
        if (
            field in tables[name].columns
            and (declared is None or declared.type in ("text", "boolean"))
            and not (declared and declared.key)
        ):
            return name
    choices = [
        c
        for n in ("customers", "orders")
        for c in tables[n].columns
        if (f := TABLES[n].fields.get(c)) and f.type == "text" and not f.key
    ]
    raise UserError(
        f"scope: {field!r} is no field of customers or orders that can cut the data. "
        f"Fields are {', '.join(dict.fromkeys(choices))}."
    )


def scope_values(tables: dict[str, ibis.Table], field: str) -> list[str]:
    """The values of a scope field, sorted."""
    tables = derived(tables)
    table = tables[scope_table(tables, field)]
    values = table.select(v=table[field].cast("string")).filter(ibis._.v.notnull()).distinct().order_by("v")
    return values.to_pandas()["v"].tolist()


def needs(*wanted: str, answers: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare the tables and fields that a method reads; where one is absent the method returns `NotAvailable`.

    *answers* says, as a message of the catalog, what the method would have answered. The method's first argument is the `Tables`;
    another argument that is itself a `NotAvailable` (an earlier step's result) is passed on.
    """

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def checked(tables: Tables, *args: Any, **kwargs: Any) -> Any:
            lacking = tables.missing(*wanted)
            if lacking:
                return NotAvailable(lacking, _(answers))
            for given in (*args, *kwargs.values()):
                if isinstance(given, NotAvailable):
                    return NotAvailable(given.missing, _(answers), reason=given.reason)
            return method(tables, *args, **kwargs)

        checked.needs = wanted  # type: ignore[attr-defined]
        return checked

    return decorate


def frame(expression: ibis.Table, by: Iterable[str]) -> Any:
    """An expression as a pandas frame, sorted by *by* so that any row order of the data gives the same frame.

    DECIMAL money becomes float64. Only for what has been aggregated: raw rows stay in the engine.
    """
    schema = expression.schema()
    money = {c: expression[c].cast("float64") for c, t in schema.items() if t.is_decimal()}
    expression = expression.mutate(**money) if money else expression
    return expression.order_by(*by).to_pandas().reset_index(drop=True)
