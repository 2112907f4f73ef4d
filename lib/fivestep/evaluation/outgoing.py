"""Contacts that go out from the company to a known customer."""

from __future__ import annotations

import ibis

from fivestep.contract import OUTBOUND
from fivestep.engine import Tables


def outgoing(tables: Tables, *, campaigns: bool = True) -> ibis.Table:
    """The contacts of ``interactions`` whose direction says that they go out; none where the data does not say.

    Redemptions of an offer are left out, and contacts that belong to a campaign where *campaigns* is false.
    """
    made = tables.interactions
    if "direction" not in made.columns:
        return made.limit(0)
    made = made.filter(made.customer_id.notnull() & made.direction.lower().strip().isin(OUTBOUND))
    for field in ("offer_id",) if campaigns else ("offer_id", "campaign_id"):
        if field in made.columns:
            made = made.filter(made[field].isnull())
    return made


def department(table: ibis.Table) -> ibis.Value:
    """The department of each row; missing where the data has none."""
    return table.department if "department" in table.columns else ibis.null("string")


def may_concern(one: ibis.Value, other: ibis.Value) -> ibis.Value:
    """Whether two departments are the same, or one of them is not known."""
    return one.isnull() | other.isnull() | (one == other)
