"""One profile of five kinds of variables: geographic, demographic, psychographic, behavioural and of needs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, columns
from fivestep.profiling import age
from fivestep.profiling.covered_months import period
from fivestep.profiling.interests import interest_label, interests_of
from fivestep.profiling.portrait import traits
from fivestep.profiling.returns import is_return

ANSWERS = N_("what is known of the customers on the five kinds of variables, and what is typical")
GEOGRAPHIC, DEMOGRAPHIC, PSYCHOGRAPHIC, BEHAVIOURAL, OF_NEEDS = (
    N_("Geographic"), N_("Demographic"), N_("Psychographic"), N_("Behavioural"), N_("Of needs"),
)  # fmt: skip
KINDS = (GEOGRAPHIC, DEMOGRAPHIC, PSYCHOGRAPHIC, BEHAVIOURAL, OF_NEEDS)
PLACES = ("region", "province", "city")
PERSONS = ("age_band", "gender", "occupation", "education", "marital_status", "household_size", "income_band")
INTEREST, TRUST, FREQUENCY, AMOUNT, PAYMENT, CHANNEL, SEARCH, TOLD = (
    N_("Interests"), N_("Trust (answers)"), N_("Orders in a month (median)"), N_("Spend per order (median)"),
    N_("Payment method"), N_("Sales channel"), N_("Search term"), N_("What they get in touch about"),
)  # fmt: skip
MONTH = 30.4375


@dataclass(frozen=True)
class FiveKinds:
    """What is known and typical of the customers, variable by variable.

    ``table``: one row per variable: profile_kind, profile_variable, customers (of whom it is known), share_of_customers,
    typical (as the reader sees it: the value of most customers, or the median), typical_share (customers with it, of those known;
    missing for a median). ``known_of``: customers of whom anything is known by kind, ``whole`` of all five kinds.
    """

    table: pd.DataFrame
    known_of: dict[str, int]
    whole: int
    customers: int
    first_day: dt.date
    as_of: dt.date

    def headline(self) -> str:
        """How many customers are known on all five kinds, and of which kind least is known."""
        least = min(KINDS, key=lambda kind: (self.known_of[kind], KINDS.index(kind)))
        return _("{share} of customers are known on all five kinds of variables; least is known of “{kind}” ({known})").format(
            share=language.percent(self.whole / self.customers),
            kind=_(least),
            known=language.percent(self.known_of[least] / self.customers),
        )

    def note(self) -> str:
        """Base and definitions."""
        return _(
            "Base: {n} customers, {period}. Typical: the value of most customers of whom it is known (of several values, each "
            "counts), or the median. Search, contact and trust are known of those who searched, wrote or were asked."
        ).format(n=language.number(self.customers), period=period(self.first_day, self.as_of))

    def finding(self) -> Finding:
        """The share of customers known on all five kinds."""
        share = self.whole / self.customers
        least = min(KINDS, key=lambda kind: (self.known_of[kind], KINDS.index(kind)))
        return Finding(
            key="profiling.known_on_five_kinds",
            value=share,
            unit="share",
            display=language.percent(share),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Ask next for what is least known: “{kind}”.").format(kind=_(least)),
            confidence="high",
        )


@needs("customers.customer_id", "orders.customer_id", "orders.order_amount", "orders.order_date", answers=ANSWERS)
def five_kinds(
    tables: Tables,
    *,
    age_bands: tuple[int, ...] = (),
    words: Mapping[str, Sequence[str]] | None = None,
) -> FiveKinds | NotAvailable:
    """Join the five kinds of variables of every customer of the list.

    *age_bands*, *words*: see `habits`. `NotAvailable` where fewer than three kinds are known of anybody.
    """
    held = _held(tables, age_bands, words)
    ids = set(frame(tables.customers.select("customer_id").distinct(), by=["customer_id"])["customer_id"].dropna())
    rows, of_kind = [], {kind: set() for kind in KINDS}
    for kind, variable, field, values in held:
        values = values[values["customer_id"].isin(ids)].dropna()
        if values.empty:
            continue
        known = values["customer_id"].nunique()
        of_kind[kind] |= set(values["customer_id"])
        if pd.api.types.is_numeric_dtype(values["value"]):
            median = float(values["value"].median())
            typical, share = (language.money(median, 2) if variable == AMOUNT else language.number(median, 1)), float("nan")
        else:
            counts = values.drop_duplicates()["value"].value_counts()
            most = min(counts.index[counts == counts.iloc[0]])
            shown = interest_label(most) if variable == INTEREST else language.value(field, most) if field else most
            typical, share = shown, counts.iloc[0] / known
        label = columns.column(variable).label if variable in (*PLACES, *PERSONS) else variable
        rows.append((kind, label, known, known / len(ids), typical, share))
    if sum(bool(found) for found in of_kind.values()) < 3:
        return NotAvailable((), _(ANSWERS), reason=_("fewer than three of the five kinds are known of any customer."))
    table = pd.DataFrame(
        rows, columns=["profile_kind", "profile_variable", "customers", "share_of_customers", "typical", "typical_share"]
    )
    whole = len(set.intersection(*of_kind.values()))
    known_of = {kind: len(found) for kind, found in of_kind.items()}
    return FiveKinds(table, known_of, whole, len(ids), tables.first_day, tables.as_of)


def _held(tables: Tables, age_bands, words) -> list[tuple[str, str, str, pd.DataFrame]]:
    """Kind, variable, field of its labels, and customer_id with value: one row per customer, or one per value."""
    people = age.with_age_bands(tables, age_bands)
    out = []
    for kind, fields in ((GEOGRAPHIC, PLACES), (DEMOGRAPHIC, PERSONS)):
        for f in traits(tables, fields):
            values = frame(people.select("customer_id", value=people[f].cast("string")), by=["customer_id", "value"])
            out.append((kind, f, f"customers.{f}", values))
    if not tables.missing("customers.interests"):
        likes = interests_of(tables, words)
        likes = frame(likes.select("customer_id", value=likes.interest), by=["customer_id", "value"])
        out.append((PSYCHOGRAPHIC, INTEREST, "", likes))
    if not tables.missing("feedback.customer_id", "feedback.trust"):
        asked = tables.feedback.filter(tables.feedback.customer_id.notnull(), tables.feedback.trust.notnull())
        mean = asked.group_by("customer_id").aggregate(value=asked.trust.cast("float64").mean().round(9))
        out.append((PSYCHOGRAPHIC, TRUST, "", frame(mean, by=["customer_id"])))
    orders = tables.orders.filter(tables.orders.customer_id.notnull(), ~is_return(tables.orders))
    span = (ibis.literal(tables.as_of).delta(orders.order_date.date().min(), unit="day") + 1).cast("float64") / MONTH
    bought = orders.group_by("customer_id").aggregate(
        rate=(orders.count().cast("float64") / ibis.greatest(span, 1.0)).round(9),
        each=(orders.order_amount.sum().cast("float64") / orders.count()).round(6),
    )
    bought = frame(bought, by=["customer_id"])
    out += [
        (BEHAVIOURAL, FREQUENCY, "", bought[["customer_id", "rate"]].rename(columns={"rate": "value"})),
        (BEHAVIOURAL, AMOUNT, "", bought[["customer_id", "each"]].rename(columns={"each": "value"})),
    ]
    for variable, f in ((PAYMENT, "payment_method"), (CHANNEL, "channel")):
        if not tables.missing(f"orders.{f}"):
            out.append((BEHAVIOURAL, variable, f"orders.{f}", _most_used(orders, f)))
    if not tables.missing("events.customer_id", "events.search_term"):
        looked = tables.events.filter(tables.events.customer_id.notnull(), tables.events.search_term.notnull())
        terms = looked.select("customer_id", value=looked.search_term).distinct()
        out.append((OF_NEEDS, SEARCH, "events.search_term", frame(terms, by=["customer_id", "value"])))
    if not tables.missing("feedback.customer_id", "feedback.feedback_type"):
        told = tables.feedback.filter(tables.feedback.customer_id.notnull(), tables.feedback.feedback_type.notnull())
        types = told.select("customer_id", value=told.feedback_type).distinct()
        out.append((OF_NEEDS, TOLD, "feedback.feedback_type", frame(types, by=["customer_id", "value"])))
    return out


def _most_used(orders: ibis.Table, field: str) -> pd.DataFrame:
    """customer_id and the value that most of the customer's orders have, ties by name."""
    used = orders.filter(orders[field].notnull()).group_by("customer_id", value=orders[field]).aggregate(n=ibis._.count())
    counted = frame(used, by=["customer_id", "value"]).sort_values(["customer_id", "n", "value"], ascending=[True, False, True])
    return counted.drop_duplicates("customer_id")[["customer_id", "value"]]
