"""Frequent sets of items in the same order, counted by block of customers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import ibis
import numpy as np

from fivestep.engine import frame
from fivestep.needs.pairs import BLOCKS

CHUNK = 1 << 22  # pairs that are held at a time
CELLS = 1 << 25  # of the table of pairs that is counted at a time
BITS = 1 << 27  # of bytes in which orders and items are laid out at a time


@dataclass(frozen=True)
class Baskets:
    """What is in which order, as numbers.

    ``items``: names, sorted. ``item``: one code per order and distinct item, by block, order, code. ``start``: where each order
    begins in ``item``, and the end. ``block``: of each order, ascending; blocks are numbered without gaps.
    """

    items: np.ndarray
    item: np.ndarray
    start: np.ndarray
    block: np.ndarray

    @property
    def per_block(self) -> np.ndarray:
        """Orders of each block."""
        return np.bincount(self.block).astype(float)

    def frequent(self, minimum: int) -> Baskets:
        """The same orders with the items alone that are in at least *minimum* of them."""
        often = np.bincount(self.item, minlength=len(self.items)) >= minimum
        place = np.cumsum(often, dtype=np.int32) - 1
        kept = often[self.item]
        before = np.concatenate([[0], np.cumsum(kept)])
        return Baskets(self.items[often], place[self.item[kept]], before[self.start], self.block)


def baskets(known: ibis.Table) -> Baskets:
    """The baskets of *known* (order_id, customer_id, item: one row per line with an item).

    Blocks are dealt by the rank of the customer's id, or of the order's where it has no customer, so that they are the same on
    every engine. About 20 bytes a line are held.
    """
    names = known.select("item").distinct().select("item", code=ibis.row_number().over(order_by="item").cast("int32"))
    coded = known.inner_join(names, "item")
    orders = coded.group_by("order_id").aggregate(
        cluster=ibis.coalesce(coded.customer_id, coded.order_id).min(), codes=coded.code.collect()
    )
    with orders.select("cluster", "codes").cache() as kept:
        dealt = kept.select("cluster").distinct()
        dealt = dealt.select("cluster", block=(ibis.row_number().over(order_by="cluster") % BLOCKS).cast("int8"))
        read = kept.inner_join(dealt, "cluster").select("block", "codes").to_pyarrow().combine_chunks()
    block, codes = read["block"].to_numpy(), read["codes"].combine_chunks()
    size, code = (part.to_numpy(zero_copy_only=False) for part in (codes.value_lengths(), codes.flatten()))
    del read, codes
    items = frame(names, by=["code"])["item"].to_numpy(dtype=object)
    by_block = np.argsort(block, kind="stable")
    order = np.empty(len(block), dtype=np.int64)
    order[by_block] = np.arange(len(block))
    key = np.repeat(order, size) * len(items) + code
    key.sort()
    key = key[np.flatnonzero(np.diff(key, prepend=-1))]
    held = key // max(len(items), 1)
    start = np.searchsorted(held, np.arange(len(block) + 1))
    return Baskets(items, (key - held * len(items)).astype(np.int32), start, block[by_block])


def frequent_sets(of: Baskets, minimum: int, largest: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """By size, from 1 to *largest*: the orders of each block that hold a set (blocks x sets), and the sets as rows of codes.

    *of* holds frequent items only; listed are sets that are in at least *minimum* orders, in the order of their codes. Pairs are
    counted one order after the other, larger sets by intersecting the orders of their items (Zaki 2000).
    """
    blocks, n = len(of.per_block), len(of.items)
    owner = np.repeat(of.block.astype(np.int64), np.diff(of.start))
    single = np.bincount(owner * n + of.item, minlength=blocks * n).reshape(blocks, n)
    out = [(single.astype(float), np.arange(n)[:, None]), _pairs(of, minimum)]
    while len(out) < largest:
        candidates = _candidates(out[-1][1], n)
        counts = _held(of, candidates)
        often = counts.sum(axis=0) >= minimum
        out.append((counts[:, often].astype(float), candidates[often]))
    return out


def _pairs(of: Baskets, minimum: int) -> tuple[np.ndarray, np.ndarray]:
    blocks, n = len(of.per_block), len(of.items)
    step = max(CELLS // max(n, 1), 1)
    by_block, sets = [np.zeros((blocks, 0))], [np.zeros((0, 2), dtype=np.int64)]
    for low in range(0, n, step):  # as many first items at a time as the table has room for
        rows = min(step, n - low)
        met = np.zeros(rows * n, dtype=np.int64)
        for _block, code in _met(of, low, rows):
            met += np.bincount(code, minlength=rows * n)
        often = np.flatnonzero(met >= minimum)
        place = np.full(rows * n, -1, dtype=np.int32)
        place[often] = np.arange(len(often))
        counts = np.zeros(blocks * len(often), dtype=np.int64)
        for block, code in _met(of, low, rows):
            at = place[code]
            named = at >= 0
            counts += np.bincount(block[named] * len(often) + at[named], minlength=len(counts))
        by_block.append(counts.reshape(blocks, len(often)).astype(float))
        sets.append(np.column_stack([low + often // n, often % n]))
    return np.concatenate(by_block, axis=1), np.concatenate(sets)


def _met(of: Baskets, low: int, rows: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Block and (first code - low) * items + second code of every two items of an order, first codes from *low* on."""
    n, size = len(of.items), np.diff(of.start)
    waiting, many = [], 0
    for k in np.unique(size[size > 1]):
        first, second = np.triu_indices(k, 1)
        orders = np.flatnonzero(size == k)
        for part in np.array_split(orders, math.ceil(len(orders) * len(first) / CHUNK)):
            held = of.item[of.start[part][:, None] + np.arange(k)].astype(np.int64)
            code = ((held[:, first] - low) * n + held[:, second]).ravel()
            block = np.repeat(of.block[part], len(first))
            if rows < n:
                inside = (code >= 0) & (code < rows * n)
                block, code = block[inside], code[inside]
            waiting.append((block, code))
            many += len(code)
            if many >= CHUNK:
                yield _joined(waiting)
                waiting, many = [], 0
    if many:
        yield _joined(waiting)


def _joined(parts: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    block, code = (np.concatenate(column) for column in zip(*parts, strict=True))
    return block.astype(np.int64), code


def _candidates(sets: np.ndarray, n: int) -> np.ndarray:
    """Sets of one item more, all of whose subsets are among *sets* (Agrawal and Srikant 1994)."""
    size = sets.shape[1]
    known = set(map(tuple, sets.tolist()))
    following: dict[tuple, list[int]] = {}
    for *head, last in sets.tolist():
        following.setdefault(tuple(head), []).append(last)
    found = []
    for head, lasts in following.items():
        for i, a in enumerate(lasts):
            for b in lasts[i + 1 :]:
                new = (*head, a, b)
                if all((*new[:k], *new[k + 1 :]) in known for k in range(size - 1)):
                    found.append(new)
    return np.array(found, dtype=np.int64).reshape(-1, size + 1)


def _held(of: Baskets, sets: np.ndarray) -> np.ndarray:
    """Orders of each block that hold each of *sets* (blocks x sets)."""
    counts = np.zeros((len(of.per_block), len(sets)), dtype=np.int64)
    used, place = np.unique(sets, return_inverse=True)
    if not len(used):
        return counts
    row = np.full(len(of.items), -1)
    row[used] = np.arange(len(used))
    members = place.reshape(sets.shape)
    ends = np.concatenate([[0], np.cumsum(np.bincount(of.block))])
    at_once = max(BITS // len(used), 64)
    for block, (begin, end) in enumerate(itertools.pairwise(ends)):
        for low in range(begin, end, at_once):
            high = min(low + at_once, end)
            item = row[of.item[of.start[low] : of.start[high]]]
            order = np.repeat(np.arange(high - low), np.diff(of.start[low : high + 1]))
            held = np.zeros((len(used), -(-(high - low) // 64) * 64), dtype=bool)
            held[item[item >= 0], order[item >= 0]] = True
            bits = np.packbits(held, axis=1).view(np.uint64)
            for part in np.array_split(np.arange(len(sets)), math.ceil(len(sets) * bits.shape[1] / CHUNK)):
                both = bits[members[part, 0]]
                for k in range(1, sets.shape[1]):
                    both &= bits[members[part, k]]
                counts[block, part] += np.bitwise_count(both).sum(axis=1, dtype=np.int64)
    return counts
