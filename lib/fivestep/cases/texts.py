"""What customers and staff write, in the language of the simulated company."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import numpy as np

LANGUAGES = ("en", "zh_CN", "zh_TW")


@cache
def texts(language: str) -> dict[str, tuple[str, ...]]:
    """Sentences by kind, from texts.csv."""
    out: dict[str, tuple[str, ...]] = {}
    with (Path(__file__).parent / "texts.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            out[row["kind"]] = (*out.get(row["kind"], ()), row[language])
    return out


def drawn(
    rng: np.random.Generator, kinds: tuple[str, ...], codes: np.ndarray, language: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    """One sentence of the kind of each code (-1: none), as codes into names."""
    said = texts(language)
    names = tuple(text for kind in kinds for text in said[kind])
    size = np.array([len(said[kind]) for kind in kinds])
    first = np.cumsum(size) - size
    pick = (rng.random(len(codes)) * size[codes]).astype(int)
    return np.where(codes < 0, -1, first[codes] + pick), names
