"""Customers whom something reached, against customers who spent alike before: matched cells, differences in differences."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd

from fivestep.engine import MONEY, Tables, frame
from fivestep.intervals import welch
from fivestep.language import N_

EARLIER = 4  # periods before; the last of them is kept for the test in which nothing had happened yet
MOST_DAYS = 28  # of what is judged, and of each period before it
FIFTHS = 5
LEAST = 30  # matched customers of each kind
UNALIKE = 0.1  # standardised difference from which groups are called unlike (Austin 2009)
CREDITED = N_("Beyond what came and went before")
REFUSED_GAP = N_("Refused: the groups had already parted before")
REFUSED_BALANCE = N_("Refused: no customers alike enough")
REFUSED_OTHERS = N_("Refused: other campaigns at the same time")
REFUSED_DATA = N_("Refused: too little time or too few customers")
NO_EFFECT = N_("No difference beyond what came and went before")
VERDICTS = (CREDITED, NO_EFFECT, REFUSED_GAP, REFUSED_BALANCE, REFUSED_OTHERS, REFUSED_DATA)


def periods(tables: Tables, start: pd.Timestamp, days: int) -> pd.DataFrame:
    """Spend by customer in each period of *days*: columns 0 (earliest) to `EARLIER` (from *start* on), of who ordered before."""
    orders = tables.orders.filter(tables.orders.customer_id.notnull())
    since = orders.order_date.date().epoch_days() - (start - pd.Timestamp(0)).days
    period = ((since + EARLIER * days) // days).cast("int64")
    near = orders.select("customer_id", "order_amount", period=period).filter(ibis._.period.between(0, EARLIER))
    spent = frame(
        near.group_by("customer_id", "period").aggregate(
            spent=near.order_amount.sum().cast(MONEY), bought=(near.order_amount >= 0).any()
        ),
        by=["customer_id", "period"],
    )
    before = spent[(spent["period"] < EARLIER) & spent["bought"].astype(bool)]
    wide = spent.pivot(index="customer_id", columns="period", values="spent").reindex(columns=range(EARLIER + 1)).fillna(0.0)
    return wide.loc[wide.index.isin(before["customer_id"])].sort_index()


def compared(spent: pd.DataFrame, theirs: set[str], also: set[str], several: int) -> dict:
    """The gap in the last of the `periods` and in the one before it, between *theirs* and others of the same cells but *also*.

    Keys: matched, balance (standardised difference of spend before), gap_before and gap with _low and _high (of the last with
    Bonferroni over *several*), verdict; what was not computed is left out.
    """
    earlier = list(range(EARLIER - 1))
    total = spent[earlier].sum(axis=1)
    edges = np.unique(np.quantile(total[spent.index.isin(theirs)], np.linspace(0, 1, FIFTHS + 1)[1:-1])) if len(total) else []
    cell = np.searchsorted(edges, total, side="left") * EARLIER + (spent[earlier] > 0).sum(axis=1).to_numpy()
    treated = spent.index.isin(theirs)
    other = ~treated & ~spent.index.isin(also)
    both = set(cell[treated]) & {c for c in cell[other] if (other & (cell == c)).sum() > 1}
    inside = np.isin(cell, list(both))
    matched = int((treated & inside).sum())
    said = {"matched": matched}
    if matched < LEAST or (other & inside).sum() < LEAST:
        return said | {"verdict": REFUSED_DATA}
    weight = pd.Series(cell[treated & inside]).value_counts(normalize=True)

    def gap(values: np.ndarray, bounds: int) -> tuple[float, float, float]:
        one = values[treated & inside]
        parts = [(share, values[other & (cell == c)]) for c, share in weight.items()]
        mean = sum(share * part.mean() for share, part in parts)
        variance = sum(share**2 * part.var(ddof=1) / len(part) for share, part in parts)
        size = (other & inside).sum()
        low, high = welch(len(one), one.mean(), one.var(ddof=1), size, mean, variance * size)
        middle = float(one.mean() - mean)
        wider = _wider(bounds)
        return middle, middle - (middle - low) * wider, middle + (high - middle) * wider

    level = spent[earlier].mean(axis=1).to_numpy()
    spread = np.sqrt((level[treated & inside].var(ddof=1) + level[other & inside].var(ddof=1)) / 2)
    balance = abs(gap(level, 1)[0]) / spread if spread > 0 else 0.0
    placebo = gap(spent[EARLIER - 1].to_numpy() - level, 1)
    effect = gap(spent[EARLIER].to_numpy() - level, several)
    said |= {"balance": balance}
    said |= dict(zip(("gap_before", "gap_before_low", "gap_before_high"), placebo, strict=True))
    if balance >= UNALIKE:
        return said | {"verdict": REFUSED_BALANCE}
    if placebo[1] > 0 or placebo[2] < 0:
        return said | {"verdict": REFUSED_GAP}
    said |= dict(zip(("gap", "gap_low", "gap_high"), effect, strict=True))
    farthest = max(abs(placebo[1]), abs(placebo[2]))
    beyond = effect[1] > farthest or effect[2] < -farthest
    return said | {"verdict": CREDITED if beyond else NO_EFFECT}


def _wider(several: int) -> float:
    """How much wider an interval is that allows for *several* of them (Bonferroni), normal approximation."""
    from scipy.stats import norm

    return float(norm.ppf(1 - 0.025 / several) / norm.ppf(0.975))
