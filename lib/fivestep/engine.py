"""The one Ibis connection, and the contract tables as an analysis sees them: cut to a scope and an as-of date."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import ibis
import numpy as np
import pandas as pd

from fivestep import spark
from fivestep.contract import SENSITIVE, TABLES, filled, without_blank_ids
from fivestep.errors import UserError
from fivestep.findings import NotAvailable
from fivestep.language import _, number, typeset

MONEY = ibis.expr.datatypes.Decimal(38, 2)  # of sums, which outgrow the 18 digits of a single amount
# Order dates outside of these are slips, or what a system writes where it knows no date: 1900-01-01, 1970-01-01, 2999-12-31.
EARLIEST, LATEST = dt.date(1970, 1, 2), dt.date(2100, 1, 1)
# Days of silence that cut off what lies beyond, if it is less than this share of all orders: single slips in the year, and dates
# that are years away. Ten orders stay together whatever lies between them, so sparse data loses none.
SILENCES = ((366, 0.001), (2 * 366, 0.01), (5 * 366, 0.1))


def connect(name: str = "duckdb") -> ibis.BaseBackend:
    """An embedded DuckDB connection, whose threads give the same rows in any number; or the session of Spark (`spark`)."""
    return spark.connect() if name == "spark" else ibis.duckdb.connect()


def read(folder: Path, connection: ibis.BaseBackend) -> dict[str, ibis.Table]:
    """The contract tables that a snapshot folder holds, as lazy expressions; an id of nothing but blanks is an empty cell."""
    found: dict[str, Path] = {}
    for path in parquet_files(folder):
        if path.stem not in TABLES:
            raise UserError(
                _("{folder}: {file} is no contract table. The tables are {choices}.").format(
                    folder=folder.name, file=path.name, choices=", ".join(TABLES)
                )
            )
        if path.stem in found:
            raise UserError(
                _("{folder}: {first} and {file} are one table: take one of them away.").format(
                    folder=folder.name, first=found[path.stem].name, file=path.name
                )
            )
        found[path.stem] = path
    if not found:
        raise UserError(
            _(
                "{folder}: there are no contract tables (*.parquet). Put them there or name another snapshot in engagement.yml."
            ).format(folder=folder)
        )
    return {name: without_blank_ids(name, _opened(found[name], connection)) for name in TABLES if name in found}


def parquet_files(folder: Path) -> list[Path]:
    """What a folder holds under names that end in .parquet, in either case, sorted by name."""
    return sorted(p for p in folder.iterdir() if p.suffix.lower() == ".parquet")


def parts(path: Path) -> list[Path]:
    """The files of a table: itself, or all in a folder of its name, as Spark and warehouses write large tables."""
    return parquet_files(path) if path.is_dir() else [path] if path.is_file() else []


def _opened(path: Path, connection: ibis.BaseBackend) -> ibis.Table:
    said = f"{path.parent.name}/{path.name}"
    if not parts(path):
        what = (
            _("{file} is a folder without a Parquet file. Put the table there, in one file or several.")
            if path.is_dir()
            else _("{file} is a link that leads nowhere. Put the table there as one Parquet file.")
        )
        raise UserError(what.format(file=said))
    faults = (duckdb.Error, OSError, *spark.faults(connection))
    try:
        read = path if connection.name == "pyspark" or path.is_file() else [str(p) for p in parts(path)]
        return connection.read_parquet(read, table_name=path.stem)
    except faults as error:
        reason = str(error).splitlines()[0].replace(str(path), path.name)
        raise UserError(
            _("{file} cannot be read as Parquet ({reason}). Write the file again; CSV must be converted.").format(
                file=said, reason=reason
            )
        ) from None


@dataclass(frozen=True)
class OrderDays:
    """The days with an order: ``daily`` (orders by day), ``begin`` and ``end`` (the first and the last of all), ``first`` and
    ``last`` (of those that belong together).

    Orders before ``first`` or after ``last`` are kept apart: a silence that is too long for so few lies between (`SILENCES`), or
    they are dated before `EARLIEST` (where any is later) or from `LATEST` on. No clock is asked: where an import has found
    orders of days to come, ``imported`` is its day, and they belong to nothing; ``past`` is the last day of all others.
    """

    daily: pd.Series
    begin: dt.date
    first: dt.date
    last: dt.date
    past: dt.date
    end: dt.date
    imported: dt.date | None

    def to_come(self, after: dt.date) -> int:
        """How many orders are dated after the import that found them, and after the day *after*; 0 where none was found."""
        late = self.daily[self.daily.index > pd.Timestamp(max(after, self.past))]
        return int(late.sum()) if self.imported else 0


@dataclass(frozen=True)
class Tables:
    """Contract tables up to and including the day ``as_of``, of the customers in ``scope``.

    A table is an attribute (``tables.orders``, an `ibis.Table`). ``orders`` is derived from ``order_lines`` where absent,
    ``customers`` from ``orders``. Rows after ``as_of`` are invisible, so an analysis cannot see the future, and so are orders
    and lines that a silence of years keeps apart from all others (`OrderDays`). ``first_day`` and ``last_day`` are the first and
    last day with an order, ``days`` those of everybody. ``given`` names the tables that were read, the others were derived from
    them; ``empty`` those without a row, which count as absent. ``hidden`` names the sensitive fields of customers that the data
    has and nobody has allowed: they are in no table. ``allowed`` names what engagement.yml allows, for lists too. ``uncut`` holds
    the tables before the cut, only to look up whether a key exists at all and which orders were kept apart.
    """

    _tables: dict[str, ibis.Table]
    as_of: dt.date
    first_day: dt.date
    last_day: dt.date
    days: OrderDays
    scope: str = ""
    given: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    uncut: dict[str, ibis.Table] = field(default_factory=dict)
    allowed: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, tables: dict[str, ibis.Table], *, as_of: dt.date | None = None, scope: str = "", sensitive: Iterable[str] = (),
        imported: dt.date | None = None,
    ) -> Tables:  # fmt: skip
        """Contract tables as read, cut to *as_of* and *scope*, without sensitive fields of customers but those in *sensitive*.

        *as_of* is the last day with an order by default, which must not be one that was kept apart; *scope* is ``field=value`` or
        empty; *imported* is the day of an import that has found orders of days to come (`order_days`).
        """
        there, allowed = filled(tables), tuple(sensitive)
        given, empty = tuple(there), tuple(name for name in tables if name not in there)
        tables = derived(there)
        days = order_days(tables["orders"], imported)
        if as_of is None:
            if days.last < days.past:
                raise _apart(tables["orders"], days, "orders" if "orders" in given else "order_lines")
            as_of = days.last
        elif not days.first <= as_of < LATEST:
            raise outside(as_of, days)
        daily = days.daily
        if scope:
            tables = _within(tables, scope)
            daily = _daily(tables["orders"])
        # What may not be used is not there: no method has to remember it.
        hidden = tuple(f for f in SENSITIVE if f in tables["customers"].columns and f not in allowed)
        tables = tables | {"customers": tables["customers"].drop(*hidden)}
        daily = daily[(daily.index >= pd.Timestamp(days.first)) & (daily.index <= pd.Timestamp(as_of))]
        if daily.empty:
            raise UserError(_("scope {scope}: no order up to {as_of} belongs to it.").format(scope=scope, as_of=as_of))
        kept = tables
        if days.begin < days.first:
            start = dt.datetime.combine(days.first, dt.time())
            dated = [n for n in ("orders", "order_lines") if n in tables]
            kept = tables | {n: tables[n].filter(tables[n].order_date.isnull() | (tables[n].order_date >= start)) for n in dated}
        first, last = daily.index[0].date(), daily.index[-1].date()
        return cls(kept, as_of, first, last, days, scope, given, empty, hidden, tables, allowed)._cut()

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
        orders = self.uncut["orders"]
        later = _buyers(orders.filter(orders.order_date >= end)).anti_join(_buyers(cut["orders"]), "customer_id")
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
            raise UserError(_("The data has neither orders nor order_lines: one of the two is needed."))
        out["orders"] = orders_of(out["order_lines"])
    if "customer_id" not in out["orders"].columns:
        raise UserError(
            _(
                "orders.customer_id: the column is missing, so no customer can be told from another. Import the "
                "customer's id with the orders."
            )
        )
    if "order_lines" in out:
        lines, orders = out["order_lines"], out["orders"]
        lacking = [c for c in ("customer_id", "store") if c not in lines.columns and c in orders.columns]
        if lacking:
            out["order_lines"] = lines.left_join(orders.select("order_id", *lacking), "order_id").drop("order_id_right")
    if "customers" not in out:
        out["customers"] = _buyers(out["orders"])
    return out


def orders_of(lines: ibis.Table) -> ibis.Table:
    """The orders that lines make: of each its first customer, store and day, and the sums of its amounts."""
    sums = {"order_amount": "line_amount", "discount_amount": "line_discount", "coupon_amount": "line_coupon"}
    return lines.group_by("order_id").aggregate(
        **{c: lines[c].min() for c in ("customer_id", "store") if c in lines.columns},
        order_date=lines.order_date.min(),
        **{new: lines[old].sum().cast(MONEY) for new, old in sums.items() if old in lines.columns},
    )


def order_days(orders: ibis.Table, imported: dt.date | None = None) -> OrderDays:
    """The days of *orders*, and which of them belong together.

    *imported* is the day of an import that has found orders of days to come, which are mistyped: they are not looked at, but for
    those of the next day, which has begun elsewhere, and where there are no others.

    Raises UserError where there is no order, or none before `LATEST`.
    """
    daily = _daily(orders)
    if daily.empty:
        raise UserError(_("orders: there is no order in the data."))
    likely = daily[daily.index < pd.Timestamp(LATEST)]
    if likely.empty:
        raise UserError(
            _(
                "orders.order_date: all {n} orders are dated {year} or later. Correct the dates; they may count years in another "
                "calendar."
            ).format(n=number(daily.sum()), year=LATEST.year)
        )
    known = likely[likely.index <= pd.Timestamp(imported + dt.timedelta(days=1))] if imported else likely
    imported = imported if len(known) else None
    likely = known if len(known) else likely
    past = likely.index[-1] if imported else daily.index[-1]
    if likely.index[-1] >= pd.Timestamp(EARLIEST):
        likely = likely[likely.index >= pd.Timestamp(EARLIEST)]
    silence = likely.index.to_series().diff().dt.days.to_numpy() - 1
    before = likely.cumsum().shift(fill_value=0).to_numpy()
    total = int(likely.sum())
    starts, ends = _cut_off(silence, before, total), _cut_off(silence, total - before, total)
    first = likely.index[starts[-1] if starts.size else 0]
    last = likely.index[ends[0] - 1 if ends.size else -1]
    return OrderDays(daily, daily.index[0].date(), first.date(), last.date(), past.date(), daily.index[-1].date(), imported)


def _cut_off(silence: np.ndarray, beyond: np.ndarray, total: int) -> np.ndarray:
    """The places at which a silence before the day cuts off the orders that lie beyond it."""
    return np.flatnonzero(np.any([(silence > days) & (beyond < share * total) for days, share in SILENCES], axis=0))


def _daily(orders: ibis.Table) -> pd.Series:
    days = orders.filter(orders.order_date.notnull()).select(day=orders.order_date.date())
    counted = days.group_by("day").aggregate(orders=days.count()).order_by("day").to_pandas()
    return pd.Series(counted["orders"].to_numpy(), index=pd.DatetimeIndex(counted["day"]))


def outside(as_of: dt.date, days: OrderDays) -> UserError:
    """The error that says that *as_of* is no day of the data."""
    return UserError(
        _("as_of: {as_of} is outside the data. Choose a day between {first} and {last}, its first and last order.").format(
            as_of=as_of, first=days.first, last=days.last
        )
    )


def _apart(orders: ibis.Table, days: OrderDays, table: str) -> UserError:
    """The error that says that the last orders lie too far from the others for the last of them to be the as-of date."""
    late = orders.filter(orders.order_date.date().between(days.last + dt.timedelta(days=1), days.past))
    first = late.select("order_id", day=late.order_date.date()).order_by("order_id").limit(1).to_pandas().iloc[0]
    said = _(
        "{table}.order_date: {n} of {of} orders have a date far after all others, which end on {last} (first by id: order "
        "{order!r}, {day}). Correct the dates, or give the last day that counts: --as-of {last}."
    ).format(
        table=table, n=number(int(late.count().to_pandas())), of=number(days.daily.sum()), last=days.last,
        order=first["order_id"], day=f"{first['day']:%Y-%m-%d}",
    )  # fmt: skip
    right = _("If they are right, give --as-of {end}.").format(end=days.past) if days.past < LATEST else ""
    return UserError(typeset(f"{said} {right}".rstrip()))


def _buyers(orders: ibis.Table) -> ibis.Table:
    return orders.filter(orders.customer_id.notnull()).select("customer_id").distinct()


def _within(tables: dict[str, ibis.Table], scope: str) -> dict[str, ibis.Table]:
    field, sign, value = scope.partition("=")
    if not sign or not field or not value:
        raise UserError(_("scope: {scope!r} is not of the form field=value, like region=North.").format(scope=scope))
    out = dict(tables)
    home = scope_table(tables, field)
    cell = out[home][field]
    chosen = out[home].filter(cell.cast("string") == (value.lower() if cell.type().is_boolean() else value))
    if chosen.count().to_pandas() == 0:
        some = ", ".join(scope_values(tables, field)[:12])
        raise UserError(
            _("scope: no row of {home} has {field} = {value!r}. Values are {some}.").format(
                home=home, field=field, value=value, some=some
            )
        )
    if home == "orders":  # a branch: its orders, and the customers who placed them
        out["orders"] = chosen
        if "order_lines" in out:
            lines = out["order_lines"]
            out["order_lines"] = lines.semi_join(chosen.select("order_id"), "order_id")
    if "stock" in out:  # it serves everybody who comes to the store, so that of a part of the customers there is none
        if field == "store":
            out["stock"] = out["stock"].filter(out["stock"].store == value)
        else:
            del out["stock"]
    members = chosen.filter(chosen.customer_id.notnull()).select("customer_id").distinct()
    for name, table in out.items():
        if "customer_id" in table.columns and not (home == "orders" and name in ("orders", "order_lines")):
            out[name] = table.semi_join(members, "customer_id")
    if "stage_history" in out and "opportunities" in out:
        out["stage_history"] = out["stage_history"].semi_join(out["opportunities"].select("opportunity_id"), "opportunity_id")
    return out


def scope_table(tables: dict[str, ibis.Table], field: str) -> str:
    """The table whose *field* cuts the data into scopes: customers, else orders (a branch, a channel).

    Text, true or false, and columns beyond the contract can; ids cannot, as a report about one person is none about customers.
    """
    for name in ("customers", "orders"):
        if field in tables[name].columns and _cuts(name, field, tables[name][field].type()):
            return name
    choices = [c for n in ("customers", "orders") for c, t in tables[n].schema().items() if _cuts(n, c, t)]
    raise UserError(
        _("scope: {field!r} is no field of customers or orders that can cut the data. Fields are {choices}.").format(
            field=field, choices=", ".join(dict.fromkeys(choices)) or _("none")
        )
    )


def _cuts(table: str, field: str, own: ibis.expr.datatypes.DataType) -> bool:
    described = TABLES[table].fields.get(field)
    if described is None:
        return not own.is_nested()
    return described.type in ("text", "boolean") and not described.key and described.pii != "pseudonym"


def scope_values(tables: dict[str, ibis.Table], field: str) -> list[str]:
    """The values of a scope field of *tables* as `derived` gives them, sorted."""
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
