"""The days that the simulated company is open: months, weekdays, seasons and festivals, those of the lunar calendar too."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property

import numpy as np

START = dt.date(2023, 1, 1)
MONTH_OF_YEAR = (0.97, 0.95, 1.00, 1.02, 1.03, 1.00, 0.97, 0.96, 1.02, 1.04, 1.02, 1.02)
# Name, lunar or solar month and day, first and last day around it, times the usual orders, gifts: chance that an order has one.
FESTIVALS = (
    ("Spring Festival", "lunar", 1, 1, -1, 6, 0.45, 0.0, ""),
    ("Before Spring Festival", "lunar", 1, 1, -21, -2, 1.05, 0.05, "New Year box"),
    ("Dragon Boat Festival", "lunar", 5, 5, -10, 0, 1.0, 0.05, "Rice dumpling box"),
    ("Mid-Autumn Festival", "lunar", 8, 15, -14, 0, 1.05, 0.07, "Mooncake box"),
    ("National Day", "solar", 10, 1, 0, 6, 1.25, 0.0, ""),
)


@dataclass(frozen=True)
class Calendar:
    """*months* whole months from `START`; days are counted from 0."""

    months: int

    @cached_property
    def dates(self) -> np.ndarray:
        first = np.datetime64(START, "M")
        return np.arange(first.astype("datetime64[D]"), (first + self.months).astype("datetime64[D]"))

    @property
    def days(self) -> int:
        return len(self.dates)

    @property
    def last(self) -> dt.date:
        return self.dates[-1].item()

    @cached_property
    def month(self) -> np.ndarray:
        """Month of each day, 0 for the first."""
        return (self.dates.astype("datetime64[M]") - np.datetime64(START, "M")).astype(int)

    @cached_property
    def weekday(self) -> np.ndarray:
        """Weekday of each day, Monday 0."""
        return (self.dates.astype("datetime64[D]").astype(int) + 3) % 7

    def first_of(self, month: int) -> int:
        """The day on which a month begins."""
        return int(np.searchsorted(self.month, month))

    @cached_property
    def festivals(self) -> list[dict]:
        """Every festival with its date, the days it reaches over, and what it does."""
        from lunar_python import Lunar  # a company is made once, and this module is loaded with every exercise

        out = []
        for name, kind, m, d, before, after, factor, gift, product in FESTIVALS:
            for year in range(START.year, self.last.year + 2):
                date = dt.date(*map(int, Lunar.fromYmd(year, m, d).getSolar().toYmd().split("-"))) if kind == "lunar" else None
                date = date or dt.date(year, m, d)
                day = (date - START).days
                days = [i for i in range(day + before, day + after + 1) if 0 <= i < self.days]
                if days:
                    out.append(
                        {"name": name, "date": date.isoformat(), "days": days, "orders": factor, "gift": gift, "product": product}
                    )
        return out

    @cached_property
    def demand(self) -> np.ndarray:
        """Orders on each day against the usual day: the season and the festivals."""
        out = np.array(MONTH_OF_YEAR)[(self.month + START.month - 1) % 12]
        for festival in self.festivals:
            out[festival["days"]] *= festival["orders"]
        return out

    @cached_property
    def warmth(self) -> np.ndarray:
        """From -1 in January to 1 in July, by month."""
        return -np.cos(2 * np.pi * ((np.arange(self.months) + START.month - 1) % 12) / 12)

    def clock(self, weekdays: np.ndarray) -> np.ndarray:
        """Days of demand gone by at the beginning of each day, for each row of *weekdays* (rows x 7); the mean day counts 1."""
        weight = self.demand * np.asarray(weekdays)[:, self.weekday]
        weight = weight / weight.mean(axis=1, keepdims=True)
        return np.concatenate([np.zeros((len(weight), 1)), np.cumsum(weight, axis=1)], axis=1)
