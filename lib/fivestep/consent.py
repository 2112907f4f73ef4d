"""Who does not want marketing: left out of every list that people are contacted from, and counted."""

from __future__ import annotations

from collections.abc import Iterable

import ibis

from fivestep import language
from fivestep.engine import Tables
from fivestep.language import _


def opted_out(tables: Tables) -> frozenset[str] | None:
    """Customers whose marketing_opt_out is true, or None where the data has no such field; an unknown value is no opt-out."""
    if tables.missing("customers.marketing_opt_out"):
        return None
    refusing = tables.customers.filter(ibis._.marketing_opt_out & ibis._.customer_id.notnull())
    return frozenset(refusing.select("customer_id").distinct().to_pandas()["customer_id"])


def refusals(listed: Iterable[str], refused: frozenset[str] | None) -> int | None:
    """How many of the *listed* customers have opted out; None where the data does not say."""
    return None if refused is None else len(refused.intersection(listed))


def consent_note(left_out: int | None) -> str:
    """How many customers were left out of a contact list, or (None) that the data cannot say."""
    if left_out is None:
        return _("The data does not say who has opted out of marketing: check before anyone is contacted.")
    return language.ngettext(
        "{n} customer has opted out of marketing and is left out of the contact list.",
        "{n} customers have opted out of marketing and are left out of the contact list.",
        left_out,
    ).format(n=language.number(left_out))
