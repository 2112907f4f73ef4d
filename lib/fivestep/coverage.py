"""Which days and months the data covers: the one rule by which a month is complete."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pandas as pd

from fivestep.engine import Tables, frame

SHORT_SILENCE = (
    3  # days: shops close for holidays, so a silence this short at an edge of the data is no sign that days are missing
)
BUSY = (
    10  # orders on an average day with orders: from here on a day without any is a closed day, below it may just be a quiet one
)


@dataclass(frozen=True)
class Coverage:
    """The days that the data covers.

    ``daily``: orders per day with an order, by day. ``silence``: the longest run of days without an order inside the data, at
    least `SHORT_SILENCE`. ``last``: the as-of date, or the last day with an order where more than ``silence`` days lie between.
    """

    daily: pd.Series
    first: dt.date
    last: dt.date
    silence: int

    def covers(self, start: dt.date, end: dt.date) -> bool:
        """Whether the data covers *start* to *end*; up to ``silence`` days before the first order count as covered."""
        return start >= self.first - dt.timedelta(days=self.silence) and end <= self.last

    def months(self) -> pd.DataFrame:
        """Every calendar month of the data: month, complete, days (that are covered), trading_days (days with an order)."""
        months = pd.date_range(self.first.replace(day=1), self.last.replace(day=1), freq="MS")
        ends = months + pd.offsets.MonthEnd(0)
        complete = [self.covers(start.date(), end.date()) for start, end in zip(months, ends, strict=True)]
        inside = pd.Series(1, index=pd.date_range(self.first, self.last)).resample("MS").sum()
        trading = self.daily.groupby(self.daily.index.to_period("M").to_timestamp()).size()
        days = [int(end.day) if whole else int(inside[start]) for start, end, whole in zip(months, ends, complete, strict=True)]
        return pd.DataFrame(
            {
                "month": months,
                "complete": complete,
                "days": days,
                "trading_days": trading.reindex(months, fill_value=0).to_numpy(),
            }
        )

    @property
    def busy(self) -> bool:
        """Whether there are so many orders that a day without any can be taken as closed."""
        return float(self.daily.mean()) >= BUSY


def coverage(tables: Tables) -> Coverage:
    """The days that *tables* cover, from the days with an order of anybody, known customer or not."""
    days = tables.orders.select(day=tables.orders.order_date.date())
    counted = frame(days.group_by("day").aggregate(orders=days.count()), by=["day"])
    daily = pd.Series(counted["orders"].to_numpy(), index=pd.DatetimeIndex(pd.to_datetime(counted["day"])))
    longest = int(daily.index.to_series().diff().dt.days.max() - 1) if len(daily) > 1 else 0
    silence = max(SHORT_SILENCE, longest)
    last = tables.as_of if (tables.as_of - tables.last_day).days <= silence else tables.last_day
    return Coverage(daily, tables.first_day, last, silence)
