"""Calendar quarters of the data, and how the latest of them differs from the one before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from fivestep.coverage import coverage
from fivestep.engine import Tables
from fivestep.language import N_, _

BETTER, WORSE, SAME = N_("Clearly better than before"), N_("Clearly worse than before"), N_("Not clearly different")


@dataclass(frozen=True)
class Reading:
    """A measure as the dashboard shows it: ``figure`` (a message), period, latest and before as written, ``signal``."""

    figure: str
    period: str
    latest: str
    before: str | None
    signal: str


def quarters(tables: Tables) -> pd.DataFrame:
    """One row per quarter with a covered day, by quarter: quarter (its first day), complete."""
    covered = coverage(tables)
    first = pd.Timestamp(covered.first).to_period("Q").start_time
    starts = pd.date_range(first, covered.last, freq="QS")
    ends = starts + pd.offsets.QuarterEnd(0)
    complete = [covered.covers(start.date(), end.date()) for start, end in zip(starts, ends, strict=True)]
    return pd.DataFrame({"quarter": starts, "complete": complete})


def quarter_name(first: pd.Timestamp) -> str:
    """A quarter in words."""
    return _("quarter {n} of {year}").format(n=first.quarter, year=first.year)


def compared(label: str, before: str, latest: str, interval: tuple[float, float], when: Sequence[pd.Timestamp]) -> str:
    """What became of a measure between two quarters; *before* and *latest* as written, *interval* of the difference."""
    words = {"measure": label, "before": before, "latest": latest, "first": quarter_name(when[0]), "last": quarter_name(when[1])}
    low, high = interval
    if low > 0:
        return _("{measure} rose from {before} in {first} to {latest} in {last}").format(**words)
    if high < 0:
        return _("{measure} fell from {before} in {first} to {latest} in {last}").format(**words)
    return _("{measure}: {latest} in {last}, not clearly different from {before} in {first}").format(**words)


def reading(label: str, written: Sequence[str], interval: tuple[float, float] | None, last: pd.Timestamp) -> Reading:
    """The latest of the *written* values of a measure of which more is better; *interval* of its difference to the one before."""
    low, high = interval or (0.0, 0.0)
    signal = BETTER if low > 0 else WORSE if high < 0 else SAME
    return Reading(label, quarter_name(last), written[-1], written[0] if len(written) > 1 else None, signal)


def coverage_note() -> str:
    """Which quarters a comparison uses."""
    return _("Only quarters that the data covers whole are compared; an asterisk marks the others.")


def marked(rows: pd.DataFrame) -> pd.Series:
    """Names of the quarters, those that the data covers in part with an asterisk."""
    names = rows["quarter"].map(quarter_name)
    return names.where(rows["complete"], names + "*")
