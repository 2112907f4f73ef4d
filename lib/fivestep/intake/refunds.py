"""Gross, refunds and net of a source, by the one policy that its mapping states."""

from __future__ import annotations

from decimal import Decimal

from fivestep.intake.assembly import EXCLUDED, KEPT, ORDER_EXCLUDED, REFUNDED, Wide
from fivestep.intake.checks import AMOUNTS
from fivestep.intake.quality import Line
from fivestep.language import N_

POLICIES = {
    "negative_lines": N_("{column}: {gross} gross, {refunds} refunded, {net} net. Refunds are the lines with a negative amount."),
    "refund_column": N_("{column}: {gross} gross, {refunds} refunded, {net} net. Refunds are what the column of refunds says."),
    "status": N_("{column}: {gross} gross, {refunds} refunded, {net} net. Refunded is what the status says is refunded."),
}


def refunds(made: Wide) -> tuple[Line | None, dict[str, Decimal]]:
    """The line that states gross, refunds and net of what is kept, and the sums; None for a source without money.

    Orders that are left out by their status (closed before they were paid) are in none of the three.
    """
    table = made.source.table
    name = f"{table}.{AMOUNTS.get(table, '')}"
    if name not in made.rows.columns:
        return None, {}
    rows, policy = made.rows, made.source.refunds.policy
    amount = rows[name]
    kept, refunded = rows._out == KEPT, rows._out == REFUNDED
    wanted = {
        "read": amount.sum(),
        "kept": amount.sum(where=kept),
        "negative": amount.sum(where=kept & (amount < 0)),
        "by_status": amount.sum(where=refunded),
        "excluded": amount.sum(where=rows._out.isin((EXCLUDED, ORDER_EXCLUDED))),
    }
    if "_gross" in rows.columns:
        wanted["gross"] = rows._gross.sum(where=kept)
    seen = {k: Decimal(v or 0) for k, v in rows.aggregate(**wanted).to_pyarrow().to_pylist()[0].items()}
    if policy == "status":
        gross, back, net = seen["kept"] + seen["by_status"], seen["by_status"], seen["kept"]
    elif "_gross" in rows.columns:
        gross, back, net = seen["gross"], seen["gross"] - seen["kept"], seen["kept"]
    else:
        gross, back, net = seen["kept"] - seen["negative"], -seen["negative"], seen["kept"]
    sums = {**seen, "gross": gross, "refunds": back, "net": net}
    values = {"column": AMOUNTS[table], "gross": gross, "refunds": back, "net": net}
    return Line(made.name, table, AMOUNTS[table], "refunds", message=POLICIES[policy], values=values), sums
