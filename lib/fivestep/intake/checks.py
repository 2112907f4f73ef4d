"""What the quality sheet says of contract tables, however they came about: keys, time and money."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

import ibis
import numpy as np

from fivestep.contract import TABLES, problems
from fivestep.intake.quality import Line, Message
from fivestep.language import N_, sentence

# The money that a table is about.
AMOUNTS = {
    "orders": "order_amount",
    "order_lines": "line_amount",
    "opportunities": "amount",
    "costs": "amount",
}
CLOSED = (
    "交易关闭 交易關閉 已关闭 已關閉 订单关闭 订单已关闭 已取消 订单取消 交易取消 取消 作废 已作废 "
    "已退款 退款成功 全额退款 全額退款 "
    "cancelled canceled voided void refunded"
).split()  # statuses of orders that brought nothing in
FAR = 3.5  # modified z-scores: Iglewicz and Hoaglin (1993), How to Detect and Handle Outliers, p. 12
NORMAL = 0.6745  # the median absolute deviation of a normal distribution in standard deviations
FEWEST = 30  # positive amounts, below which nothing is called unusual
LONGEST_GAP = 7  # days that are no gap even where rows come in daily
GAPS = 10  # usual distances between days with rows, above which a distance is a gap

_WORDS = {
    "duplicate_keys": (
        N_("Keys of {table} that stand on more than one row: {n}."),
        N_("Remove the repeats, or map a further column that tells the rows apart."),
    ),
    "orphan_keys": (
        N_("Rows of {table} whose {column} is in no row of the table that it refers to: {n}."),
        N_("Ask the client for the missing rows, or correct the ids."),
    ),
    "required_empty": (N_("Rows of {table} without {column}: {n}."), N_("Ask for the values, or leave those rows out.")),
    "below_minimum": (N_("Values of {column} below the least one allowed: {n}."), N_("Correct the sign, or empty the cells.")),
    "above_maximum": (
        N_("Values of {column} above the greatest one allowed, {limit}: {n}."),
        N_("Correct the unit in mapping.yml, or ask for the values."),
    ),
    "time_order": (
        N_("Rows of {table} whose {column} lies before {limit}: {n}."),
        N_("Ask which of the two times is right, or correct the mapping. The rows are kept."),
    ),
}


def checks(tables: Mapping[str, ibis.Table], today: dt.date | None = None, unique: Collection[str] = ()) -> list[Line]:
    """Lines on every table: rows, date range, gaps in time, money, unusual amounts, what the contract says of cells and keys.

    What has happened cannot lie after *today*; without it nothing is said of the future. *unique* names the tables of which is
    known that no key stands on two rows. Rows are counted from 1 in the order of the table.
    """
    found = [_of(name, tables[name], today) for name in TABLES if name in tables]
    return [line for part in zip(*found, strict=True) for lines in part for line in lines] + _keys(tables, unique)


def money(
    source: str, table: str, column: str, *,
    before: Decimal, after: Decimal, left_out: Decimal = Decimal(0), refunds: Decimal = Decimal(0),
    rounded: Decimal = Decimal(0), cells: int = 0,
) -> Line:  # fmt: skip
    """Money of a file against money of the contract table: what was read less what was left out must be what was written.

    *refunds* is what a column of refunds takes off the amounts read, *rounded* what rounding so many *cells* to cents took away
    (negative: added).
    """
    lost = before - left_out - refunds - rounded - after
    values = {"column": column, "before": before, "left_out": left_out, "refunds": refunds, "rounded": rounded, "cells": cells,
              "after": after, "lost": lost}  # fmt: skip
    terms = [Message(N_("{left_out} left out with their rows"), {"left_out": left_out})]
    if refunds:
        terms.append(Message(N_("{refunds} refunded, as the column of refunds says"), {"refunds": refunds}))
    if cells:
        taken = N_("{rounded} taken off by rounding to cents (cells with more than two decimals: {cells})")
        terms.append(Message(taken, {"rounded": rounded, "cells": cells}))
    if lost:
        terms.append(Message(N_("{lost} is missing"), {"lost": lost}))
    return Line(
        source, table, column, "money", "error" if lost else "note",
        message=N_("{column}: {before} read; {terms}; {after} written."),
        fix=N_("Look at the values that were not understood, and correct the mapping.") if lost else "",
        values={**values, "terms": terms},
    )  # fmt: skip


def _of(name: str, table: ibis.Table, today: dt.date | None) -> tuple[list[Line], list[Line]]:
    """The lines on a table, and those on times after *today*: both from one pass over its cells."""
    time, amount = TABLES[name].time, AMOUNTS.get(name, "")
    counts = {"rows": table.count(), **_late(name, table, today)}
    if time in table.columns:
        days = table[time].cast("date")
        counts |= {"first": days.min(), "last": days.max(), "undated": table[time].isnull().sum().fill_null(0)}
    if amount in table.columns:
        counts |= {"total": table[amount].sum(), "negative": table[amount].sum(where=table[amount] < 0)}
    if name == "orders" and {"order_status", amount} <= set(table.columns):
        closed = table.order_status.lower().isin(CLOSED) & (table[amount] > 0)
        counts |= {"closed": closed.sum(), "in_full": table[amount].sum(where=closed)}
    seen = table.aggregate(**counts).to_pyarrow().to_pylist()[0]
    rows = seen["rows"]
    lines = [Line("", name, "", "rows_written", "note", rows, rows, message=N_("Rows: {n}."), values={"n": rows})]
    if seen.get("first"):
        message = N_("{first} to {last}.")
        if seen["undated"]:
            message = N_("{first} to {last}; rows without a date: {n}.")
        lines.append(
            Line(
                "", name, time, "date_range", "note", seen["undated"], rows, message=message,
                values={"first": seen["first"], "last": seen["last"], "n": seen["undated"]},
            )
        )  # fmt: skip
        lines += _gaps(name, time, table)
    if amount in table.columns:
        total, negative = (Decimal(seen[c] or 0) for c in ("total", "negative"))
        lines.append(
            Line(
                "", name, amount, "money", "note", rows, rows,
                message=N_("{column}: {positive} in positive amounts, {negative} in negative ones, {net} in all."),
                values={"column": amount, "positive": total - negative, "negative": negative, "net": total},
            )
        )  # fmt: skip
        lines += _outliers(name, amount, table)
    if seen.get("closed"):
        lines.append(
            Line(
                "", name, "order_status", "refunds", "warning", seen["closed"], rows,
                message=N_("Orders whose status says that they were cancelled, closed or refunded, but which count: {n}, "
                           "{amount}."),
                fix=N_("Leave them out in mapping.yml, such as {exclude}, or state the policy of refunds, such as {policy}."),
                values={"n": seen["closed"], "amount": Decimal(seen["in_full"]),
                        "exclude": "exclude: {orders.order_status: [交易关闭]}",
                        "policy": "refunds: {policy: status, values: [已退款]}"},
            )
        )  # fmt: skip
    return lines, _future(name, table, today, seen) if today else []


def _late(name: str, table: ibis.Table, today: dt.date | None) -> dict[str, ibis.Value]:
    """The last day of every column of what has happened, of which none may lie after *today*."""
    times = [f.name for f in TABLES[name].fields.values() if f.type in ("date", "timestamp") and not f.ahead]
    return {f"last_{c}": table[c].cast("date").max() for c in times if c in table.columns} if today else {}


def _future(name: str, table: ibis.Table, today: dt.date, seen: Mapping[str, Any]) -> list[Line]:
    """Times of what has happened that lie after *today*, column by column."""
    out = []
    for column in (c.removeprefix("last_") for c, last in seen.items() if c.startswith("last_") and last and last > today):
        late = table[column].cast("date") > ibis.literal(today)
        numbered = table.select(late=late, row=ibis.row_number() + 1)
        n = int(table.aggregate(n=late.sum()).to_pyarrow()["n"][0].as_py())
        first = numbered.aggregate(first=numbered.row.min(where=numbered.late)).to_pyarrow().to_pylist()[0]["first"]
        out.append(
            Line(
                "", name, column, "future", "warning", n, seen["rows"], first,
                message=N_("Rows of {table} whose {column} lies after the day of the import, {today}: {n}. The last is {last}."),
                fix=N_("Correct these dates. Beside earlier orders, those dated later than the day after the import do not move "
                       "the as-of date, and are in no number until it is as late.")
                if column == "order_date"
                else N_("Correct these dates."),
                values={"table": name, "column": column, "today": today, "n": n, "last": seen[f"last_{column}"]},
            )
        )  # fmt: skip
    return out


def _gaps(name: str, time: str, table: ibis.Table) -> list[Line]:
    """Distances between days with rows that are far longer than usual: each with its first and last day without rows."""
    days = table.filter(table[time].notnull()).select(day=table[time].cast("date")).distinct().order_by("day").to_pyarrow()["day"]
    days = days.to_numpy().astype("datetime64[D]")
    distances = np.diff(days).astype(int)
    if not len(distances):  # no second day
        return []
    usual = float(np.median(distances))
    long = np.flatnonzero(distances > max(LONGEST_GAP, GAPS * usual))
    return [
        Line(
            "", name, time, "gap", "warning",
            message=N_("No row from {first} to {last} (days: {days}), where one day is the usual distance.")
            if usual == 1
            else N_("No row from {first} to {last} (days: {days}), where {usual} days are the usual distance."),
            fix=N_("Ask the client whether a file is missing or the business was closed."),
            values={
                "first": (days[at] + 1).item(),
                "last": (days[at + 1] - 1).item(),
                "days": int(distances[at]) - 1,
                "usual": round(usual),
            },
        )
        for at in long
    ]  # fmt: skip


def _outliers(name: str, amount: str, table: ibis.Table) -> list[Line]:
    """Positive amounts whose logarithm lies more than 3.5 modified z-scores from the median (median absolute deviation)."""
    positive = table.filter(table[amount] > 0).select(money=table[amount])
    different = positive.group_by("money").aggregate(rows=positive.count()).order_by("money")  # far fewer than rows
    different = different.select("rows", cents=(different.money * 100).cast("int64"), log=different.money.cast("float64").ln())
    found = different.to_pyarrow()
    rows, cents, logs = (found[c].to_numpy() for c in ("rows", "cents", "log"))
    if rows.sum() < FEWEST:
        return []
    middle = _median(logs, rows)
    spread = _median(np.abs(logs - middle), rows)
    if not spread:  # more than half of all amounts are the same: the rule has no scale
        return []
    far = np.abs(logs - middle) > FAR * spread / NORMAL
    if not far.any():
        return []
    low, high = (Decimal(int(cents[far][at])).scaleb(-2) for at in (0, -1))
    below, above = cents[far & (logs < middle)], cents[far & (logs > middle)]
    numbered = table.select(money=table[amount], row=ibis.row_number() + 1)
    beyond = [numbered.money <= Decimal(int(below[-1])).scaleb(-2)] if len(below) else []
    beyond += [numbered.money >= Decimal(int(above[0])).scaleb(-2)] if len(above) else []
    unusual = numbered.filter(ibis.or_(*beyond), numbered.money > 0)
    n, of = int(rows[far].sum()), int(rows.sum())
    return [
        Line(
            "", name, amount, "outlier", "warning", n, of, int(unusual.row.min().to_pandas()),
            message=N_("Unusual amounts among {of} positive ones: {n}, from {low} to {high}, where the median is {middle}. "
                       "Rule: the logarithm lies more than 3.5 modified z-scores from the median (Iglewicz and Hoaglin, 1993).")
            if low < high else
            N_("Unusual amounts among {of} positive ones: {n}, each {low}, where the median is {middle}. "
               "Rule: the logarithm lies more than 3.5 modified z-scores from the median (Iglewicz and Hoaglin, 1993)."),
            fix=N_("Check these rows for business customers, units and typing errors; nothing has been left out."),
            values={"n": n, "of": of, "low": low, "high": high, "middle": Decimal(str(round(math.exp(middle), 2)))},
        )
    ]  # fmt: skip


def _median(values: np.ndarray, rows: np.ndarray) -> float:
    """The median of values, each of which stands on so many *rows*."""
    order = np.argsort(values, kind="stable")
    until, half = np.cumsum(rows[order]), int(rows.sum())
    low, high = (values[order][np.searchsorted(until, at, side="right")] for at in ((half - 1) // 2, half // 2))
    return float(low + (high - low) / 2)


def _keys(tables: Mapping[str, ibis.Table], unique: Collection[str]) -> list[Line]:
    lines = []
    for problem in problems(tables, unique):
        what, fix = _WORDS.get(problem.check, (sentence(problem.what), problem.fix))
        field = TABLES[problem.table].fields.get(problem.column)
        limit = (field.after or str(field.maximum)) if field else ""
        values = {"n": problem.rows, "table": problem.table, "column": problem.column, "limit": limit}
        values = values if problem.check in _WORDS else {}
        of = int(tables[problem.table].count().to_pandas()) if problem.table in tables else 0
        lines.append(
            Line(
                "", problem.table, problem.column, problem.check or "contract", "error" if problem.fatal else "warning",
                problem.rows, of, problem.first_row, what, fix, values,
            )
        )  # fmt: skip
        if problem.check == "orphan_keys":
            lines += _zeros(problem.table, problem.column, of, tables)
    return lines


def _zeros(table: str, column: str, of: int, tables: Mapping[str, ibis.Table]) -> list[Line]:
    """The rows whose id another table has with other leading zeros only: a spreadsheet takes them away."""
    other, _dot, key = TABLES[table].fields[column].refers.partition(".")
    ids, known = (
        t.filter(t.id.re_search(r"^\d+$")).mutate(bare=t.id.re_replace("^0+", ""))
        for t in (tables[table].select(id=tables[table][column]), tables[other].select(id=tables[other][key]).distinct())
    )
    n = int(ids.anti_join(known, "id").semi_join(known, "bare").count().to_pandas())
    if not n:
        return []
    return [
        Line(
            "", table, column, "leading_zeros", "warning", n, of,
            message=N_("Rows of {table} whose {column} is in the table that it refers to with more or fewer leading zeros: {n}."),
            fix=N_("Ask for a CSV or text export of the file that a spreadsheet has taken the zeros from, or for the column "
                   "formatted as text."),
            values={"table": table, "column": column, "n": n},
        )
    ]  # fmt: skip
