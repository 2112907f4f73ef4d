"""Random numbers that depend on the seed, the chunk and the topic, and on nothing else."""

from __future__ import annotations

import numpy as np

TOPICS = (  # a new one comes last, so that the others keep their numbers
    "people", "pipeline", "campaigns", "arrivals", "orders", "lines", "contacts", "feedback", "survey", "events",
    "costs", "research", "survey products", "counter cards", "stock", "gatherings", "acquisition",
)  # fmt: skip
CHUNK = 2000  # customers; the number is part of what a seed means


def stream(seed: int, chunk: int, topic: str) -> np.random.Generator:
    """The generator of one topic in one chunk of `CHUNK` customers: a child of the seed, as `SeedSequence.spawn` makes them."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(chunk, TOPICS.index(topic)))))


def choice(rng: np.random.Generator, weights: tuple[float, ...] | np.ndarray, size: int) -> np.ndarray:
    """*size* codes 0.. drawn with *weights*; by inversion, so that a draw takes one number of the stream."""
    limits = np.cumsum(np.asarray(weights, dtype=float))
    return np.minimum(np.searchsorted(limits / limits[-1], rng.random(size), side="right"), len(limits) - 1)


def chosen_by_row(rng: np.random.Generator, weights: np.ndarray, row: np.ndarray) -> np.ndarray:
    """One code for every entry of *row*, drawn with that row of *weights* (rows x codes)."""
    limits = np.cumsum(weights, axis=1)
    limits = limits / limits[:, -1:] + np.arange(len(weights))[:, None]
    place = np.searchsorted(limits.ravel(), row + rng.random(len(row)), side="right")
    return np.clip(place - row * weights.shape[1], 0, weights.shape[1] - 1)
