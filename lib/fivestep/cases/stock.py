"""Stock of bakery goods at the branches, day by day, as sales leave it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fivestep.cases.calendar import Calendar
from fivestep.cases.columns import Coded
from fivestep.cases.places import places
from fivestep.cases.products import products
from fivestep.cases.purchases import OUT_BRANCH, OUT_PRODUCT, Purchases, out_days
from fivestep.cases.streams import stream

KEPT_MONTHS = 9  # the last ones; the system keeps no more
DEPARTMENTS = ("Bakery",)
COVER, SAFETY = 4, 1.5  # a delivery fills up to so many days of sales, and so many standard deviations of them
EVERY = 3  # days between two deliveries
SPOILED = 0.03  # of product-days, those on which one unit is thrown away
OFF_SHELF = 0.02  # of product-days with stock, those on which none of it stands on the shelf
SHELF = 6  # units that the shelf holds


class Stock:
    """Adds up what the branches sell, chunk by chunk, and writes the stock that this leaves."""

    def __init__(self, calendar: Calendar) -> None:
        self.calendar = calendar
        self.first = calendar.first_of(calendar.months - KEPT_MONTHS)
        departments = products().names("department")
        self.products = np.flatnonzero([d in DEPARTMENTS for d in departments])
        self.branches = len(places().branches)
        self._sold = np.zeros((calendar.days - self.first, self.branches, len(self.products)), dtype=np.int64)

    def chunk(self, bought: Purchases, ran: np.ndarray) -> None:
        """Take in the sales of one chunk; *ran* says which customers were asked for."""
        number = np.full(len(products().rows), -1)
        number[self.products] = np.arange(len(self.products))
        day, store = bought.day[bought.line_order] - self.first, bought.store[bought.line_order]
        line = number[bought.line_product]
        of = ran[bought.place[bought.line_order]] & (line >= 0) & (day >= 0)
        of &= (store < self.branches) & (bought.line_quantity > 0)
        np.add.at(self._sold, (day[of], store[of], line[of]), bought.line_quantity[of])

    def tables(self, seed: int) -> Iterator[dict[str, Any]]:
        """The rows of the table, branch after branch."""
        on_hand, received, on_shelf = self._kept(seed)
        days = self.calendar.dates[self.first :]
        n, m = len(days), len(self.products)
        for branch, name in enumerate(places().names("branch")):
            yield {
                "stock_date": np.repeat(days, m),
                "store": Coded(np.zeros(n * m, dtype=int), (name,)),
                "product_id": Coded(np.tile(self.products, n), products().names("product_id")),
                "on_hand": on_hand[:, branch].ravel().astype(float),
                "on_shelf": on_shelf[:, branch].ravel().astype(float),
                "received": received[:, branch].ravel().astype(float),
            }

    def _kept(self, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Units at the end of each day, received on it, and on the shelf: days x branches x products.

        Whatever was sold was there: where stock would not have lasted, as much came as was missing, and none is left in the
        evening; the morning after, the shelf is filled. The planted product is neither there nor delivered.
        """
        rng = stream(seed, 0, "stock")
        shape = self._sold.shape
        usual = COVER * self._sold.mean(axis=0)
        level = 2 + np.ceil(usual + SAFETY * np.sqrt(usual)).astype(np.int64)
        turn = (np.arange(shape[1])[:, None] + np.arange(shape[2])) % EVERY
        first, back = (day - self.first for day in out_days(self.calendar))
        planted = places().names("branch").index(OUT_BRANCH), list(self.products).index(products().number(OUT_PRODUCT))
        spoiled, off_shelf = rng.random(shape) < SPOILED, rng.random(shape) < OFF_SHELF
        on_hand, received = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        left = level.copy()
        for day, sold in enumerate(self._sold):
            due = ((day + turn) % EVERY == 0) | (left == 0)
            came = np.maximum(np.where(due, level - left, 0), sold - left)
            came = np.maximum(came, 0)
            came[planted] *= not first <= day < back
            left = left + came - sold
            left -= spoiled[day] & (left > 1)
            if first - 1 <= day < back:
                left[planted] = 0
            on_hand[day], received[day] = left, came
        return on_hand, received, np.where(off_shelf, 0, np.minimum(on_hand, SHELF))
