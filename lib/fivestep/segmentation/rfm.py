"""Recency, frequency, monetary value: scores, ten named classes and the eight classes used in China."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding
from fivestep.language import N_, _

# Ten classes over (R, F): every one of the 25 cells belongs to exactly one.
CLASSES: dict[str, tuple[str, str]] = {
    N_("Champions"): ("5", "45"),
    N_("Loyal customers"): ("34", "45"),
    N_("Potential loyalists"): ("45", "23"),
    N_("New customers"): ("5", "1"),
    N_("Promising"): ("4", "1"),
    N_("Need attention"): ("3", "3"),
    N_("About to sleep"): ("3", "12"),
    N_("Cannot lose them"): ("12", "5"),
    N_("At risk"): ("12", "34"),
    N_("Hibernating"): ("12", "12"),
}
# High (1) or low (0) on recency, frequency, monetary value.
CLASSES_8: dict[tuple[int, int, int], str] = {
    (1, 1, 1): N_("Important value customers"),
    (1, 0, 1): N_("Important develop customers"),
    (0, 1, 1): N_("Important retain customers"),
    (0, 0, 1): N_("Important win-back customers"),
    (1, 1, 0): N_("General value customers"),
    (1, 0, 0): N_("General develop customers"),
    (0, 1, 0): N_("General retain customers"),
    (0, 0, 0): N_("General win-back customers"),
}
SCORES = 5
FEW = 100  # below this many customers fifths of the base are too small to act on


@dataclass(frozen=True)
class Rfm:
    """RFM of the customers who ordered in the window.

    ``table``: one row per customer, by customer_id: recency_days, frequency, monetary, r_score, f_score, m_score (1..5, 5 is best), rfm_class, rfm_class_8.
    ``cutoffs``: measure -> the upper ends of scores 1 to 4 (recency: of scores 5 to 2); ``averages``: measure -> the mean that splits high from low in the
    eight classes. ``outside``: customers of the base with no order in the window.
    """

    table: pd.DataFrame
    cutoffs: dict[str, tuple[float, ...]]
    averages: dict[str, float]
    window_days: int
    as_of: dt.date
    outside: int
    warnings: tuple[str, ...]

    def classes(self) -> pd.DataFrame:
        """One row per class of the ten, best first, empty ones included: rfm_class, rule, customers, shares, spend."""
        out = self._summary("rfm_class", list(CLASSES))
        out.insert(1, "rule", [f"R {'–'.join(dict.fromkeys((r[0], r[-1])))}, F {'–'.join(dict.fromkeys((f[0], f[-1])))}" for r, f in CLASSES.values()])
        return out

    def classes_8(self) -> pd.DataFrame:
        """One row per class of the eight: rfm_class_8, customers, shares, spend."""
        return self._summary("rfm_class_8", list(CLASSES_8.values()))

    def _summary(self, by: str, names: list[str]) -> pd.DataFrame:
        grouped = self.table.groupby(by)["monetary"].agg(["size", "sum"]).reindex(names, fill_value=0)
        total = grouped["sum"].sum()
        return pd.DataFrame({
            by: names,
            "customers": grouped["size"].to_numpy(),
            "share_of_customers": grouped["size"].to_numpy() / len(self.table),
            "spend": grouped["sum"].to_numpy(dtype=float),
            "share_of_spend": grouped["sum"].to_numpy(dtype=float) / total if total > 0 else np.nan,
            "spend_per_customer": (grouped["sum"] / grouped["size"].where(grouped["size"] > 0)).to_numpy(dtype=float),
        })  # fmt: skip

    def grid(self) -> Figure:
        """Customers by recency and frequency score, as a heatmap; every cell of the 25 is drawn."""
        scores = range(1, SCORES + 1)
        counts = pd.crosstab(self.table["r_score"], self.table["f_score"]).reindex(index=list(scores)[::-1], columns=scores, fill_value=0)
        counts.index = [_("R {score}").format(score=s) for s in counts.index]
        counts.columns = [_("F {score}").format(score=s) for s in counts.columns]
        return charts.heatmap(counts, write=language.number)

    def headline(self) -> str:
        """What share of spend the largest class by spend holds."""
        top = self._top()
        return _("{rfm_class} are {customers} of customers and bring {spend} of spend").format(
            rfm_class=_(top["rfm_class"]), customers=language.percent(top["share_of_customers"]), spend=language.percent(top["share_of_spend"])
        )

    def _top(self) -> pd.Series:
        return self.classes().sort_values(["spend", "rfm_class"], ascending=[False, True]).iloc[0]

    def note(self) -> str:
        """Window, cut-offs and base, as the reader needs them under the exhibit."""
        cuts = _("Upper ends of the fifths: recency {r} days; frequency {f} orders; spend {m}.").format(
            r=", ".join(language.number(c) for c in self.cutoffs["recency_days"]),
            f=", ".join(language.number(c) for c in self.cutoffs["frequency"]),
            m=", ".join(language.money(c) for c in self.cutoffs["monetary"]),
        )
        base = _("Base: {n} customers with an order in the {days} days to {day}; {outside} others are left out.").format(
            n=language.number(len(self.table)), days=language.number(self.window_days), day=language.day(self.as_of), outside=language.number(self.outside)
        )
        return f"{base} {cuts}"

    def finding(self) -> Finding:
        """The class with the most spend, and how much hangs on it."""
        top = self._top()
        return Finding(
            key="segmentation.rfm_top_class_share_of_spend",
            value=float(top["share_of_spend"]),
            unit="share",
            display=language.percent(top["share_of_spend"]),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Protect this class first: a loss here costs more than anywhere else."),
            confidence="high" if len(self.table) >= FEW else "low",
            warnings=self.warnings,
            assumptions=(
                _("RFM scores are fifths of the customers with an order in the window; customers with equal values always get the same score."),
                _("The ten classes follow from the R and F scores; the eight classes compare R, F and M with their averages."),
            ),
        )


@needs("orders.customer_id", "orders.order_amount", answers=N_("which customers bought recently, often and for how much"))
def rfm(tables: Tables, *, window_days: int = 365) -> Rfm:
    """Score the customers who ordered in the last *window_days* days.

    Each measure is cut at its quintiles (inverted empirical distribution), so equal values get equal scores and the order of rows plays no part;
    where values repeat, a score can be empty, and a warning says so. Orders without a customer are excluded. Recency is in whole days to ``tables.as_of``.

    Source: Hughes (1994), Strategic Database Marketing; ten classes over the R-F grid as commonly used; eight classes: R, F, M against their means.
    """
    start = dt.datetime.combine(tables.as_of - dt.timedelta(days=window_days - 1), dt.time())
    orders = tables.orders.filter(ibis._.customer_id.notnull())
    inside = orders.filter(orders.order_date >= start)
    table = frame(
        inside.group_by("customer_id").aggregate(
            last_order=inside.order_date.max().date(), frequency=inside.order_id.nunique(), monetary=inside.order_amount.sum().cast("float64")
        ),
        by=["customer_id"],
    )
    base = int(orders.customer_id.nunique().to_pandas())
    table["recency_days"] = (pd.Timestamp(tables.as_of) - pd.to_datetime(table.pop("last_order"))).dt.days
    table = table[["customer_id", "recency_days", "frequency", "monetary"]]
    cutoffs = {}
    for measure, score in (("recency_days", "r_score"), ("frequency", "f_score"), ("monetary", "m_score")):
        values = table[measure].to_numpy(dtype=float)
        cuts = np.quantile(values, np.arange(1, SCORES) / SCORES, method="inverted_cdf") if len(values) else np.full(SCORES - 1, np.nan)
        cutoffs[measure] = tuple(float(c) for c in cuts)
        place = np.searchsorted(cuts, values, side="left")
        table[score] = SCORES - place if measure == "recency_days" else place + 1
    named = {(r, f): name for name, (rs, fs) in CLASSES.items() for r in map(int, rs) for f in map(int, fs)}
    table["rfm_class"] = [named[pair] for pair in zip(table["r_score"], table["f_score"], strict=True)]
    averages = {m: float(table[m].mean()) for m in ("recency_days", "frequency", "monetary")}
    high = zip(
        table["recency_days"] <= averages["recency_days"], table["frequency"] >= averages["frequency"], table["monetary"] >= averages["monetary"], strict=True
    )
    table["rfm_class_8"] = [CLASSES_8[int(r), int(f), int(m)] for r, f, m in high]
    return Rfm(table, cutoffs, averages, window_days, tables.as_of, base - len(table), _warnings(table, cutoffs))


def _warnings(table: pd.DataFrame, cutoffs: dict[str, tuple[float, ...]]) -> tuple[str, ...]:
    out = []
    if len(table) < FEW:
        out.append(_("Only {n} customers: a fifth of them is too few to act on.").format(n=language.number(len(table))))
    if any(len(set(cuts)) < len(cuts) for cuts in cutoffs.values()):
        out.append(_("Many customers share the same value, so some scores are empty and classes are uneven."))
    return tuple(out)
