"""Who does not want marketing: left out of every list that people are contacted from, and counted."""

from __future__ import annotations

from collections.abc import Iterable

import ibis

from fivestep import language
from fivestep.engine import Tables
from fivestep.language import _


def refusing(tables: Tables) -> frozenset[str] | None:
    """Customers whose marketing_opt_out is true; None where the data has no such field."""
    if tables.missing("customers.marketing_opt_out"):
        return None
    rows = tables.customers.filter(ibis._.marketing_opt_out & ibis._.customer_id.notnull())
    return frozenset(rows.select("customer_id").to_pandas()["customer_id"])


def consent_note(listed: Iterable[str], refused: frozenset[str] | None) -> str:
    """How many of the *listed* customers are not on the exported list, or that the data cannot say."""
    if refused is None:
        return _("The data does not say who refuses marketing: check before anyone on the exported list is contacted.")
    n = len(refused.intersection(listed))
    return language.ngettext(
        "{n} of these customers does not want marketing and is not on the exported list.",
        "{n} of these customers do not want marketing and are not on the exported list.",
        n,
    ).format(n=language.number(n))
