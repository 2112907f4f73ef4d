"""Regions, branches and depots."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

REGIONS = ("North", "Northeast", "Northwest", "East", "Southeast", "Central", "South", "Southwest")
SHARES = (0.14, 0.10, 0.06, 0.20, 0.10, 0.12, 0.16, 0.12)  # of the customers
REPS = tuple(f"R{i:02d}" for i in range(1, 2 * len(REGIONS) + 1))  # two sales representatives for each region


@dataclass(frozen=True)
class Places:
    """Branches in the order of branches.csv; ``stores`` are the branches, then one depot per region."""

    branches: tuple[dict[str, str], ...]

    @property
    def stores(self) -> tuple[str, ...]:
        return (*(b["branch"] for b in self.branches), *(f"{r} depot" for r in REGIONS))

    def names(self, field: str) -> tuple[str, ...]:
        """The values of one field, by branch."""
        return tuple(b[field] for b in self.branches)

    @property
    def region(self) -> np.ndarray:
        """Code of the region of each branch."""
        return np.array([REGIONS.index(b["region"]) for b in self.branches])


@cache
def places() -> Places:
    """The places of the chain, from branches.csv."""
    with (Path(__file__).parent / "branches.csv").open(encoding="utf-8", newline="") as file:
        return Places(tuple(csv.DictReader(file)))
