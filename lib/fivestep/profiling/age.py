"""Age bands of the customers, from the date of birth, the age or the bands that the client keeps."""

from __future__ import annotations

import itertools
import re

import ibis

from fivestep.engine import Tables

BANDS = (18, 25, 35, 45, 55, 65)  # each the first age of a band; the first band begins at 0
OLDEST = 110  # an age above it is a slip in the date of birth
_CLOSED = re.compile(r"(\d{1,3})\D{1,4}?(\d{1,3})\D{0,8}")
_BELOW = re.compile(
    r"(?:<|under|below|up to|≤|小于|不到|未满|未滿)\D{0,2}(\d{1,3})\D{0,6}|(\d{1,3})\D{0,2}(?:以下|及以下)", re.IGNORECASE
)
_ABOVE = re.compile(
    r"(?:>|over|above|≥|from|大于)\D{0,2}(\d{1,3})\D{0,6}|(\d{1,3})\D{0,2}(?:\+|以上|及以上|and over|or over)", re.IGNORECASE
)


def with_age_bands(tables: Tables, bands: tuple[int, ...] = ()) -> ibis.Table:
    """The customers with an ``age_band``, where anything tells their age.

    The client's own bands are kept unless *bands* are given or all of them are empty; else the bands are those of the age on the
    as-of date: by date of birth, where it is unknown by ``age``. Ages below 0 or above 110 are unknown.
    """
    customers = tables.customers
    age = age_of(tables)
    own = "age_band" in customers.columns and not customers.filter(customers.age_band.notnull()).limit(1).to_pandas().empty
    if age is None or (own and not bands):
        return customers
    edges = (0, *(b for b in sorted(set(bands or BANDS)) if b > 0))
    labels = [f"{low}-{high - 1}" for low, high in itertools.pairwise(edges)] + [f"{edges[-1]}+"]
    cases = [(age >= low, label) for low, label in zip(edges, labels, strict=True)][::-1]
    return customers.mutate(age_band=ibis.cases(*cases, else_=ibis.null("string")))


def age_of(tables: Tables) -> ibis.expr.types.IntegerValue | None:
    """The age of each customer on the as-of date, whole years; None where neither date of birth nor age is there."""
    customers, day = tables.customers, tables.as_of
    known = []
    if "birth_date" in customers.columns:
        birth = customers.birth_date
        later = birth.month() * 100 + birth.day() > day.month * 100 + day.day
        known.append(day.year - birth.year() - later.cast("int32"))
    if "age" in customers.columns:
        known.append(customers.age)
    if not known:
        return None
    return ibis.coalesce(*(ibis.ifelse(years.between(0, OLDEST), years, ibis.null("int64")) for years in known))


def ends(band: str) -> tuple[float, float] | None:
    """First age of a band as text and the first beyond it (infinite where it is open); None where it names no ages."""
    text = band.strip()
    if found := _BELOW.fullmatch(text):
        return 0.0, float(found[1] or found[2])
    if found := _ABOVE.fullmatch(text):
        return float(found[1] or found[2]), float("inf")
    if (found := _CLOSED.fullmatch(text)) and int(found[1]) <= int(found[2]):
        return float(found[1]), float(found[2]) + 1
    return None
