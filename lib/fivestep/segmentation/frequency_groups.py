"""Customers who buy often beside those who buy seldom: what they expect, and how loyal they are."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import intervals, language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _
from fivestep.segmentation.loyalty import LOYAL, RENEWAL, Loyalty
from fivestep.segmentation.need_signs import SERVICE_TYPES
from fivestep.segmentation.purchases import purchases

ANSWERS = N_("what frequent and rare buyers expect, and how loyal they are")
# Field of feedback -> what it says of expectation or loyalty.
SAID = {
    "repurchase_intent": N_("Expects to buy again (mean answer)"), "satisfaction": N_("Satisfaction (mean answer)"),
    "nps": N_("Likelihood to recommend (mean answer)"),
}  # fmt: skip
SHARE_LOYAL, INDEX, QUARTERS = N_("Loyal (share)"), N_("Loyalty index (mean)"), N_("Quarters with an order (share)")
COMPLAINED = N_("Complained or inquired (share)")
FEW = 30


@dataclass(frozen=True)
class FrequencyGroups:
    """Loyalty and expectation of who bought often and who bought seldom in the window.

    ``table``: one row per measure: frequency_measure, often_known and seldom_known (customers of whom it is known), often, seldom
    (means or shares), frequency_low and frequency_high (95 % interval of the difference: Newcombe for shares, Welch for means).
    ``sizes``: customers who bought often, seldom; ``median``: orders above which a customer bought often.
    """

    table: pd.DataFrame
    sizes: tuple[int, int]
    median: float
    window_days: int
    as_of: dt.date

    def _clear(self) -> pd.DataFrame:
        return self.table[(self.table["frequency_low"].round(9) > 0) | (self.table["frequency_high"].round(9) < 0)]

    def headline(self) -> str:
        """In what the two differ beyond chance."""
        clear = self._clear()
        if clear.empty:
            return _("Frequent and rare buyers differ neither in loyalty nor in what they expect beyond chance")
        higher = [_(m) for m in clear.loc[clear["frequency_low"] > 0, "frequency_measure"]]
        lower = [_(m) for m in clear.loc[clear["frequency_high"] < 0, "frequency_measure"]]
        parts = [_("higher: {measures}").format(measures=language.listing(higher))] if higher else []
        parts += [_("lower: {measures}").format(measures=language.listing(lower))] if lower else []
        return _("Frequent buyers against rare ones, beyond chance: {differences}").format(differences="; ".join(parts))

    def note(self) -> str:
        """Base and definitions."""
        return _(
            "Base: {often} customers with more than {median} orders in the {days} days to {day}, {seldom} with as many or fewer. "
            "What customers said counts for those who were asked, on the scale of the question; differences: frequent less rare, "
            "95% intervals."
        ).format(
            often=language.number(self.sizes[0]), seldom=language.number(self.sizes[1]), median=language.number(self.median, 1),
            days=language.number(self.window_days), day=language.day(self.as_of),
        )  # fmt: skip

    def finding(self) -> Finding:
        """The share of frequent buyers who are loyal."""
        row = self.table.set_index("frequency_measure").loc[SHARE_LOYAL]
        said = _("{often} of frequent buyers are loyal, {seldom} of rare ones").format(
            often=language.percent(row["often"]), seldom=language.percent(row["seldom"])
        )
        return Finding(
            key="segmentation.loyal_share_of_frequent",
            value=float(row["often"]),
            unit="share",
            display=language.percent(row["often"]),
            text=language.sentence(said),
            evidence=self.note(),
            so_what=_("Raise frequency for loyalty's sake only after asking rare buyers what they expected."),
            confidence="low" if min(self.sizes) < FEW else "medium",
            assumptions=(_("Loyalty is partly made of frequency, so that some of the difference is by construction."),),
        )


@needs("orders.customer_id", "orders.order_date", "orders.order_amount", answers=ANSWERS)
def frequency_groups(tables: Tables, loyal: Loyalty, *, window_days: int = 365) -> FrequencyGroups | NotAvailable:
    """Compare who ordered more often than the median in the last *window_days* days with the others; *loyal*: see `loyalty`.

    `NotAvailable` where one of the two groups is empty.
    """
    bought = purchases(tables, window_days=window_days)
    bought = bought[bought["frequency"] > 0].set_index("customer_id")
    median = float(bought["frequency"].median()) if len(bought) else 0.0
    often = bought["frequency"] > median
    if not often.any() or often.all():
        return NotAvailable((), _(ANSWERS), reason=_("customers do not differ in how often they order."))
    known = loyal.table.set_index("customer_id").reindex(bought.index)
    said = _said(tables, bought.index)
    measured = {
        SHARE_LOYAL: known["loyalty"].eq(LOYAL).astype(float), INDEX: known["loyalty_index"], QUARTERS: known[RENEWAL],
    } | said  # fmt: skip
    shares = {SHARE_LOYAL, COMPLAINED}
    rows = []
    for measure, values in measured.items():
        a, b = values[often].dropna().astype(float), values[~often].dropna().astype(float)
        if a.empty or b.empty:
            continue
        low, high = (
            intervals.newcombe(a.sum(), len(a), b.sum(), len(b))
            if measure in shares
            else intervals.welch(len(a), a.mean(), _variance(a), len(b), b.mean(), _variance(b))
        )
        rows.append((measure, len(a), len(b), a.mean(), b.mean(), low, high))
    columns = ["frequency_measure", "often_known", "seldom_known", "often", "seldom", "frequency_low", "frequency_high"]
    sizes = int(often.sum()), int((~often).sum())
    return FrequencyGroups(pd.DataFrame(rows, columns=columns), sizes, median, window_days, tables.as_of)


def _variance(values: pd.Series) -> float:
    return float(np.var(values.to_numpy().round(9), ddof=1)) if len(values) > 1 else 0.0


def _said(tables: Tables, ids: pd.Index) -> dict[str, pd.Series]:
    """Mean answers by customer of what was asked, and whether the customer has complained or inquired."""
    if tables.missing("feedback.customer_id"):
        return {}
    told = tables.feedback.filter(tables.feedback.customer_id.notnull())
    fields = {f: told[f].cast("float64").mean() for f in SAID if not tables.missing(f"feedback.{f}")}
    out: dict[str, pd.Series] = {}
    if fields:
        found = frame(told.group_by("customer_id").aggregate(**fields), by=["customer_id"]).set_index("customer_id")
        out = {SAID[f]: found[f].astype(float).round(9).reindex(ids) for f in fields}
    if not tables.missing("feedback.feedback_type"):
        asked = told.filter(told.feedback_type.lower().isin(SERVICE_TYPES))
        names = set(asked.select("customer_id").distinct().to_pandas()["customer_id"])
        out[COMPLAINED] = pd.Series(ids.isin(names).astype(float), index=ids)
    return out
