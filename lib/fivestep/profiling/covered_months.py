"""The calendar months of the period, and which of them the data covers only in part."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from fivestep import language
from fivestep.coverage import coverage
from fivestep.engine import Tables
from fivestep.language import _


def covered_months(tables: Tables) -> pd.DataFrame:
    """One row per month from the first day with an order to the as-of date: month (its first day), days (covered), complete."""
    covered = coverage(tables)
    first, last = pd.Timestamp(tables.first_day), pd.Timestamp(tables.as_of)
    starts = pd.date_range(first.replace(day=1), last, freq="MS")
    ends = starts + pd.offsets.MonthEnd(0)
    complete = [covered.covers(start.date(), end.date()) for start, end in zip(starts, ends, strict=True)]
    days = [
        end.day if whole else (min(end, last) - max(start, first)).days + 1
        for start, end, whole in zip(starts, ends, complete, strict=True)
    ]
    return pd.DataFrame({"month": starts, "days": days, "complete": complete})


def axis_labels(months: pd.DataFrame) -> list[str]:
    """Months for an axis, the year under the first month and each January; a month that the data covers in part carries an
    asterisk.
    """
    out = []
    for place, (month, complete) in enumerate(zip(months["month"], months["complete"], strict=True)):
        name = language.short_month(month) + ("" if complete else "*")
        out.append(f"{name}\n{month.year}" if place == 0 or month.month == 1 else name)
    return out


def coverage_note(months: pd.DataFrame) -> str:
    """Which months are covered in part; empty where all are whole."""
    partly = [language.month(m) for m in months.loc[~months["complete"], "month"]]
    if not partly:
        return ""
    return _("* The data covers only a part of {months}.").format(months=language.listing(partly))


def period(first: dt.date, last: dt.date) -> str:
    """The days from *first* to *last* in words."""
    return _("{first} to {last}").format(first=language.day(first), last=language.day(last))
