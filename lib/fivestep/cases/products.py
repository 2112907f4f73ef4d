"""What the chain sells: products, prices over time, and what each kind of customer chooses in each month."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from fivestep.cases.calendar import Calendar

SEGMENTS = ("commuters", "families", "students", "gourmets", "business", "dealers")  # consumers first
CONSUMERS = 4

# Chance that a line of a consumer is of a category. The first six are the same for every segment, so that no segment makes
# them go together; what rises is taken from what falls, and what is drunk cold from what is drunk hot.
FIXED = {
    "Espresso drinks": 0.20, "Croissants": 0.12, "Cold brew": 0.05, "Cream cakes": 0.12, "Frappes": 0.05, "Hot chocolate": 0.05,
}  # fmt: skip
OTHER = {
    "Tea drinks": 0.09, "Filter coffee": 0.05, "Juices": 0.04, "Bread": 0.09, "Cookies": 0.06, "Sandwiches": 0.07,
    "Coffee beans": 0.04, "Drip bags": 0.03, "Mugs and gear": 0.01, "Jam and butter": 0.01,
}  # fmt: skip
TASTES = {  # times the chance of OTHER categories
    "commuters": {"Sandwiches": 2.0},
    "families": {"Bread": 2.0, "Juices": 2.5},
    "students": {"Tea drinks": 2.5, "Cookies": 1.5},
    "gourmets": {"Filter coffee": 4.0, "Coffee beans": 4.0, "Drip bags": 2.0},
}
BUSINESS = {"Catering boxes": 0.5, "Coffee service": 0.2, "Sandwiches": 0.1, "Cookies": 0.1, "Juices": 0.1}
DEALERS = {"Coffee beans": 0.6, "Drip bags": 0.4}

RISING, FALLING, SHIFT = "Cold brew", "Cream cakes", 0.06  # of all lines, from the first month to the last
COLD, HOT, SWING = "Frappes", "Hot chocolate", 0.8
PAIR, ATTACH = ("Bread", "Jam and butter"), 0.45  # an order with the first takes the second along with this chance
DECOY = ("Croissants", "Espresso drinks")
PRICED, RISE, PRICE_MONTH = "Espresso drinks", 0.08, 12  # price elasticity -1: as many fewer lines as the price rises
COFFEE = ("Espresso drinks", "Cold brew", "Filter coffee")
NEW, LAUNCH_MONTH, RAMP = "Oat latte", 9, 3
NEW_SHARE = {"gourmets": 0.30, "commuters": 0.10, "families": 0.10, "students": 0.10}  # of its category, three months on


@dataclass(frozen=True)
class Products:
    """Rows of products.csv as arrays; prices and costs in fen."""

    rows: tuple[dict[str, str], ...]

    def names(self, field: str) -> tuple[str, ...]:
        return tuple(r[field] for r in self.rows)

    @property
    def categories(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.names("category")))

    @property
    def category(self) -> np.ndarray:
        """Code of the category of each product."""
        codes = {c: i for i, c in enumerate(self.categories)}
        return np.array([codes[c] for c in self.names("category")])

    def number(self, name: str) -> int:
        """Place of the product called *name*."""
        return self.names("product_name").index(name)

    def code(self, category: str) -> int:
        return self.categories.index(category)

    @property
    def cost(self) -> np.ndarray:
        return np.array([int(c) for c in self.names("cost_fen")])

    def prices(self, months: int) -> np.ndarray:
        """List price in fen, months x products."""
        base = np.array([int(p) for p in self.names("list_price_fen")])
        out = np.repeat(base[None, :], months, axis=0)
        dear = self.category == self.code(PRICED)
        out[PRICE_MONTH:, dear] = np.rint(base[dear] * (1 + RISE)).astype(int)
        return out


@cache
def products() -> Products:
    """The products of the chain, from products.csv."""
    with (Path(__file__).parent / "products.csv").open(encoding="utf-8", newline="") as file:
        return Products(tuple(csv.DictReader(file)))


def category_weights(calendar: Calendar) -> np.ndarray:
    """Chance of each category for a line, months x segments x categories."""
    catalog, months = products(), calendar.months
    out = np.zeros((months, len(SEGMENTS), len(catalog.categories)))
    gone = np.arange(months) / max(months - 1, 1) * SHIFT
    for s, segment in enumerate(SEGMENTS[:CONSUMERS]):
        for category, weight in FIXED.items():
            out[:, s, catalog.code(category)] = weight
        other = {c: w * TASTES[segment].get(c, 1.0) for c, w in OTHER.items()}
        rest = (1 - sum(FIXED.values())) / sum(other.values())
        for category, weight in other.items():
            out[:, s, catalog.code(category)] = weight * rest
    consumers = slice(0, CONSUMERS)
    out[:, consumers, catalog.code(RISING)] += gone[:, None]
    out[:, consumers, catalog.code(FALLING)] -= gone[:, None]
    out[:, consumers, catalog.code(COLD)] *= 1 + SWING * calendar.warmth[:, None]
    out[:, consumers, catalog.code(HOT)] *= 1 - SWING * calendar.warmth[:, None]
    for segment, weights in (("business", BUSINESS), ("dealers", DEALERS)):
        for category, weight in weights.items():
            out[:, SEGMENTS.index(segment), catalog.code(category)] = weight
    return out


def product_weights(months: int) -> np.ndarray:
    """Chance of each product within its category, months x segments x categories x products."""
    catalog = products()
    popularity = np.array([float(p) for p in catalog.names("popularity")])
    inside = np.zeros((len(catalog.categories), len(catalog.rows)))
    inside[catalog.category, np.arange(len(catalog.rows))] = popularity
    out = np.broadcast_to(inside, (months, len(SEGMENTS), *inside.shape)).copy()
    home, new = catalog.category[catalog.number(NEW)], catalog.number(NEW)
    for s, segment in enumerate(SEGMENTS):
        share = NEW_SHARE.get(segment, 0.0) * np.clip((np.arange(months) - LAUNCH_MONTH + 1) / RAMP, 0, 1)
        out[:, s, home, new] = share / (1 - share) * inside[home].sum()
    return out
