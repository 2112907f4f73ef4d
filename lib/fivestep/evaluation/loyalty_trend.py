"""The loyalty index of five parts over time, of the same customers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import Z
from fivestep.language import N_, _

STEP = 182  # whole weeks between two days on which the index is taken
STEPS = 2  # how often it is taken before the as-of date
FEW = 30
RANK = "Contact frequency"  # a rank among the customers of the day: its mean over all of them never moves
UP, DOWN, SAME, UNKNOWN = N_("Rose"), N_("Fell"), N_("No clear change"), N_("Cannot be told")
INDEX = N_("Loyalty index")
QUESTION = N_("whether customers are becoming more loyal, and in which of the five parts")


@dataclass(frozen=True)
class LoyaltyTrend:
    """The index and its parts on several days, `STEP` days apart, each from nothing that came later.

    ``table``: one row per part and the index: part, weight (missing for the index), customers (known today), then change since
    the first day of customers known on both: same_customers, earlier, latest, change with its 95 % interval, trend_verdict.
    ``course``: one row per day, one column per part and the index: mean of all customers known on that day. ``known``: customers
    with an index on each day.
    """

    table: pd.DataFrame
    course: pd.DataFrame
    known: tuple[int, ...]

    def shown(self) -> pd.DataFrame:
        """As the reader sees it."""
        ends = {"change": "trend_change", "change_low": "trend_low", "change_high": "trend_high"}
        names = {"part": "trend_part", "weight": "trend_weight", "customers": "trend_customers", "earlier": "trend_earlier",
                 "latest": "trend_latest", **ends}  # fmt: skip
        return self.table.rename(columns=names)

    def figure(self) -> Figure:
        """The index and its parts by day."""
        shown = self.course[[INDEX, *(c for c in self.course if c not in (INDEX, RANK) and self.course[c].notna().all())]]
        shown = shown.set_axis([language.day(day) for day in shown.index])
        return charts.lines(
            shown, write=lambda v: language.number(v, 2), labels=[_(c) for c in shown.columns], ylabel=_("Mean, 0 to 1")
        )

    @property
    def _index(self) -> pd.Series:
        return self.table.set_index("part").loc[INDEX]

    def headline(self) -> str:
        """How the index of the same customers changed."""
        row = self._index
        words = {
            "earlier": language.number(row["earlier"], 2),
            "latest": language.number(row["latest"], 2),
            "n": language.number(row["same_customers"]),
            "day": language.day(self.course.index[0]),
        }
        if row["trend_verdict"] == UP:
            return _("Loyalty of the same {n} customers rose from {earlier} to {latest} since {day}").format(**words)
        if row["trend_verdict"] == DOWN:
            return _("Loyalty of the same {n} customers fell from {earlier} to {latest} since {day}").format(**words)
        if row["trend_verdict"] == SAME:
            return _(
                "Loyalty of the same {n} customers has not clearly changed since {day}: {earlier} then, {latest} now"
            ).format(**words)
        return _("Too few customers have a loyalty index on both days to tell a trend")

    def table_headline(self) -> str:
        """Which parts moved."""
        parts = self.table[self.table["part"] != INDEX]
        up, down = (parts.loc[parts["trend_verdict"] == v, "part"].tolist() for v in (UP, DOWN))
        return _("Parts of loyalty that clearly rose: {up}; that fell: {down}").format(
            up=language.listing([_(p) for p in up]) or _("none"), down=language.listing([_(p) for p in down]) or _("none")
        )

    def note(self) -> str:
        """What is compared, with the weights."""
        weights = self.table.dropna(subset="weight")
        return _(
            "Weights: {weights}; a part that is not known for a customer gives its weight to the others. Change: mean difference "
            "of customers known on both days, with its 95% interval, so that who came since does not move it; who left "
            "stays in it. The figure shows all customers of the day. Contact frequency is a rank among them, so that only "
            "the same customers' rank can move."
        ).format(
            weights=language.listing(
                [f"{_(p)} {language.percent(w, 0)}" for p, w in zip(weights["part"], weights["weight"], strict=True)]
            )
        )

    def finding(self) -> Finding | NotAvailable:
        """The change of the index of the same customers."""
        row = self._index
        if row["trend_verdict"] == UNKNOWN:
            return NotAvailable((), _(QUESTION), reason=_("too few customers have an index on both days."))
        fell = self.table[(self.table["trend_verdict"] == DOWN) & (self.table["part"] != INDEX)]
        return Finding(
            key="evaluation.loyalty_index",
            value=float(row["latest"]),
            unit="index",
            display=language.number(row["latest"], 2),
            text=language.sentence(self.headline()),
            evidence=_("Difference {change} (95% interval {low} to {high}). {parts}").format(
                change=language.number(row["change"], 3),
                low=language.number(row["change_low"], 3),
                high=language.number(row["change_high"], 3),
                parts=language.sentence(self.table_headline()),
            ),
            so_what=_("Begin with the part that fell, with the customers in whom it fell most.")
            if len(fell)
            else _("Keep measuring: ask more customers for trust and satisfaction, so that the index rests on more of them."),
            confidence="low" if row["same_customers"] < FEW else "medium",
            assumptions=(self.note(),),
        )


def loyalty_trend(
    tables: Tables, *, loyalty: Callable[..., Any], lifecycle: Callable[..., Any], lapsed_after_days: int
) -> LoyaltyTrend | NotAvailable:
    """The index on the as-of date and on `STEPS` days before, by the methods of step 2.

    *loyalty*, *lifecycle*: ``segmentation.loyalty`` and ``segmentation.lifecycle``. Days before which the data holds fewer than
    `STEP` days are left out. Refused where the index is not known today, or on no earlier day.
    """
    taken: list[tuple[dt.date, Any]] = []
    for step in range(STEPS + 1):
        day = tables.as_of - dt.timedelta(days=step * STEP)
        if day - dt.timedelta(days=STEP) < tables.first_day:
            break
        then = tables.until(day)
        found = loyalty(then, lifecycle(then, lapsed_after_days=lapsed_after_days)).index
        if isinstance(found, NotAvailable):
            if not taken:
                return NotAvailable(found.missing, _(QUESTION), reason=found.reason)
            break
        taken.append((day, found))
    if len(taken) < 2:
        return NotAvailable((), _(QUESTION), reason=_("the data does not reach back far enough for an earlier index."))
    taken.reverse()
    weights = taken[-1][1].parts().set_index("loyalty_part")["weight"]
    names = {"loyalty_index": INDEX}
    tables_then = [
        found.table.set_index("customer_id")[["loyalty_index", *weights.index]].rename(columns=names) for _d, found in taken
    ]
    first, last = tables_then[0].align(tables_then[-1], join="inner", axis=0)
    rows = []
    for part in (INDEX, *weights.index):
        known = first[part].notna() & last[part].notna()
        gap, n = (last[part] - first[part])[known], int(known.sum())
        half = Z * float(gap.std(ddof=1)) / np.sqrt(n) if n > 1 else np.nan
        change = float(gap.mean()) if n else np.nan
        verdict = UNKNOWN if n < 2 else UP if change - half > 0 else DOWN if change + half < 0 else SAME
        rows.append(
            {
                "part": part, "weight": weights.get(part, np.nan), "customers": int(tables_then[-1][part].notna().sum()),
                "same_customers": n, "earlier": float(first[part][known].mean()), "latest": float(last[part][known].mean()),
                "change": change, "change_low": change - half, "change_high": change + half, "trend_verdict": verdict,
            }
        )  # fmt: skip
    course = pd.DataFrame([t.mean() for t in tables_then], index=[day for day, _found in taken])
    return LoyaltyTrend(pd.DataFrame(rows), course, tuple(int(t[INDEX].notna().sum()) for t in tables_then))
