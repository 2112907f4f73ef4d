"""Gross, refunds and net of a source, by the one policy that its mapping states; and what rounding to cents changes."""

from __future__ import annotations

from decimal import Decimal

from fivestep.contract import declared
from fivestep.intake.assembly import KEPT, REFUNDED, Wide
from fivestep.intake.checks import AMOUNTS
from fivestep.intake.conversion import MONEY
from fivestep.intake.quality import Line
from fivestep.language import N_

POLICIES = {
    "negative_lines": N_("{column}: {gross} gross, {refunds} refunded, {net} net. Refunds are the lines with a negative amount."),
    "refund_column": N_("{column}: {gross} gross, {refunds} refunded, {net} net. Refunds are what the column of refunds says."),
    "status": N_("{column}: {gross} gross, {refunds} refunded, {net} net. Refunded is what the status says is refunded."),
}


def refunds(made: Wide) -> tuple[Line | None, dict[str, Decimal]]:
    """The line that states gross, refunds and net of what is kept, and the sums; None for a source without money.

    Orders that are left out by their status (closed before they were paid) are in none of the three. All three are sums of cents.
    Exact are ``read``, the sum of all rows as they were read, before a column of refunds took anything off them; ``taken``, what
    that took off what is kept; and ``rounded``, what rounding ``cells`` to cents takes off what is kept.
    """
    table = made.source.table
    name = f"{table}.{AMOUNTS.get(table, '')}"
    if name not in made.rows.columns:
        return None, {}
    rows, policy = made.rows, made.source.refunds.policy
    whole = {"gross": rows._gross, "gross_cents": rows._gross.cast(MONEY)} if "_gross" in rows.columns else {}
    rows = rows.select(amount=rows[name], cents=rows[name].cast(MONEY), out=rows._out, **whole)  # every cast made once
    amount, cents, kept = rows.amount, rows.cents, rows.out == KEPT
    wanted = {
        "read": (rows.gross if whole else amount).sum(),
        "exact": amount.sum(where=kept),
        "kept": cents.sum(where=kept),
        "cells": (amount != cents).sum(where=kept),
        "negative": cents.sum(where=kept & (amount < 0)),
        "by_status": cents.sum(where=rows.out == REFUNDED),
    }
    if whole:
        wanted |= {"gross": rows.gross_cents.sum(where=kept), "taken": (rows.gross - amount).sum(where=kept)}
    seen = {k: Decimal(v or 0) for k, v in rows.aggregate(**wanted).to_pyarrow().to_pylist()[0].items()}
    if policy == "status":
        gross, back, net = seen["kept"] + seen["by_status"], seen["by_status"], seen["kept"]
    elif whole:
        gross, back, net = seen["gross"], seen["gross"] - seen["kept"], seen["kept"]
    else:
        gross, back, net = seen["kept"] - seen["negative"], -seen["negative"], seen["kept"]
    sums = {**seen, "gross": gross, "refunds": back, "net": net, "rounded": seen["exact"] - seen["kept"]}
    values = {"column": AMOUNTS[table], "gross": gross, "refunds": back, "net": net}
    return Line(made.label, table, AMOUNTS[table], "refunds", message=POLICIES[policy], values=values), sums


def rounded(made: Wide) -> list[Line]:
    """The columns of money, beside that of `refunds`, whose cells have more than two decimals: how many, and what it changes."""
    rows, lines = made.rows, []
    names = [c for c in made.fields if _is_money(c) and c != f"{made.source.table}.{AMOUNTS.get(made.source.table, '')}"]
    if not names:
        return []
    wanted = {}
    for i, name in enumerate(names):
        cents, kept = rows[name].cast(MONEY), rows._out == KEPT
        wanted |= {f"of{i}": rows[name].count(where=kept), f"n{i}": (rows[name] != cents).sum(where=kept)}
        wanted[f"by{i}"] = (rows[name] - cents).sum(where=kept & (rows[name] != cents))
    seen = rows.aggregate(**wanted).to_pyarrow().to_pylist()[0]
    for i, (table, _dot, column) in enumerate(name.partition(".") for name in names):
        if n := seen[f"n{i}"]:
            values = {"column": column, "n": n, "of": seen[f"of{i}"], "rounded": Decimal(seen[f"by{i}"])}
            lines.append(
                Line(
                    made.label, table, column, "rounded", "note", n, seen[f"of{i}"],
                    message=N_("{column}: amounts with more than two decimals: {n} of {of}. They are rounded to cents, which "
                               "takes {rounded} off their sum."),
                    values=values,
                )
            )  # fmt: skip
    return lines


def _is_money(name: str) -> bool:
    own = declared(name)
    return own is not None and own.type == "money"
