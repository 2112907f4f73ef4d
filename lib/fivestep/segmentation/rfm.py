"""Recency, frequency, monetary value: scores, ten named classes and the eight classes used in China."""

from __future__ import annotations

import datetime as dt
import itertools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fivestep import charts, language
from fivestep.charts.theme import style
from fivestep.engine import Tables, needs
from fivestep.errors import UserError
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, ngettext
from fivestep.segmentation.purchases import coverage_warning, purchases, window_start, without_purchase

ANSWERS = N_("which customers bought recently, often and for how much")
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
FAITHFUL = ("Champions", "Loyal customers")
AWAY = ("About to sleep", "Cannot lose them", "At risk", "Hibernating")
OFTEN_BUT_AWAY = ("Cannot lose them", "At risk")
# High (1) or low (0) on recency, frequency, monetary value.
CLASSES_8: dict[tuple[int, int, int], str] = {
    (1, 1, 1): N_("Important value customers"),
    (1, 0, 1): N_("Important develop customers"),
    (0, 1, 1): N_("Important retain customers"),
    (0, 0, 1): N_("Important win-back customers"),
    (1, 1, 0): N_("General value customers"),
    (1, 0, 0): N_("General develop customers"),
    (0, 1, 0): N_("General retain customers"),
    (0, 0, 0): N_("General lost customers"),
}
RANGE_OF_SCORES = re.compile(r"\s*([RFM])\s*([1-5])(?:\s*[-–]\s*([1-5]))?\s*", re.IGNORECASE)
LEVELS = (N_("Low"), N_("High"))
MEASURES = {"recency_days": "r_score", "frequency": "f_score", "monetary": "m_score"}
SCORES = 5
FEW = 100  # below this many customers fifths of the base are too small to act on
RECENCY_SPAN = 14  # days: with cut-offs closer than this, recency tells the day of shopping rather than who is leaving
NEW_DAYS = 90  # whoever first bought longer ago than this is not new, whatever the class is called


@dataclass(frozen=True)
class Rfm:
    """RFM of the customers who bought in the window.

    ``table``: one row per customer, by customer_id: recency_days, frequency, monetary, r_score, f_score, m_score (1..5, 5 is
    best), rfm_class, rfm_class_8. ``cutoffs``: measure -> the upper ends of scores 1 to 4 (recency: of scores 5 to 2);
    ``averages``: measure -> the mean that splits high from low in the eight classes. ``outside``: customers of the base with no
    purchase in the window; ``nameless``: orders in the window that belong to no customer. ``own``: the engagement's own classes,
    name -> scores; ``table`` then has rfm_class_own too.
    """

    table: pd.DataFrame
    cutoffs: dict[str, tuple[float, ...]]
    averages: dict[str, float]
    window_days: int
    as_of: dt.date
    outside: int
    nameless: int
    warnings: tuple[str, ...]
    own: Mapping[str, str] = field(default_factory=dict)

    @property
    def recency_tells(self) -> bool:
        """Whether the cut-offs of recency lie far enough apart to tell who is leaving."""
        return self.cutoffs["recency_days"][-1] - self.cutoffs["recency_days"][0] >= RECENCY_SPAN

    def segments(self) -> pd.DataFrame:
        """customer_id and RFM class of every customer of the result."""
        return self.table[["customer_id", "rfm_class"]]

    # ---------------------------------------------------------------- tables
    def classes(self) -> pd.DataFrame:
        """One row per class, empty ones included: class, rule, customers, shares, spend: the ten, or the engagement's own."""
        if self.own:
            out = self._summary("rfm_class_own", list(self.own))
            out.insert(1, "rule", list(self.own.values()))
            return out
        return self._ten()

    def _ten(self) -> pd.DataFrame:
        out = self._summary("rfm_class", list(CLASSES))
        spans = [["–".join(dict.fromkeys((span[0], span[-1]))) for span in rule] for rule in CLASSES.values()]
        out.insert(1, "rule", [f"R {r}, F {f}" for r, f in spans])
        return out

    def scores(self) -> pd.DataFrame:
        """One row per score, 5 first: the lowest and the highest value of each measure that got it; missing where nobody did."""
        out = pd.DataFrame({"score": range(SCORES, 0, -1)})
        for measure, score in MEASURES.items():
            ends = self.table.groupby(score)[measure].agg(["min", "max"]).reindex(out["score"])
            name = measure.removesuffix("_days")
            out[f"{name}_from"], out[f"{name}_to"] = ends["min"].to_numpy(dtype=float), ends["max"].to_numpy(dtype=float)
        return out

    def classes_8(self) -> pd.DataFrame:
        """One row per class of the eight: rfm_class_8, its levels of R, F and M, customers, shares, spend."""
        out = self._summary("rfm_class_8", list(CLASSES_8.values()))
        for i, name in enumerate(("recency_level", "frequency_level", "monetary_level")):
            out.insert(i + 1, name, [LEVELS[levels[i]] for levels in CLASSES_8])
        return out

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

    # ---------------------------------------------------------------- figures
    def grid(self) -> Figure:
        """Customers by recency and frequency score, as a heatmap of the 25 cells with the ten classes drawn round them."""
        scores = range(1, SCORES + 1)
        counts = pd.crosstab(self.table["r_score"], self.table["f_score"]).reindex(
            index=list(scores)[::-1], columns=scores, fill_value=0
        )
        counts.index = [_("R {score}").format(score=s) for s in counts.index]
        counts.columns = [_("F {score}").format(score=s) for s in counts.columns]
        fig = charts.heatmap(counts, write=language.number)
        fig.set_figheight(3.4)
        ax = fig.axes[0]
        with mpl.rc_context(style()):
            for name, (rs, fs) in CLASSES.items():
                x, y = int(fs[0]) - 1, SCORES - int(rs[-1])
                size = (len(fs) - 0.03, len(rs) - 0.04)
                ax.add_patch(Rectangle((x + 0.015, y + 0.02), *size, fill=False, edgecolor=charts.INK, linewidth=1.0))
                color = ax.texts[y * SCORES + x].get_color()  # that of the count in the same cell, which is chosen to be readable
                ax.text(x + 0.06, y + 0.09, _(name), ha="left", va="top", fontsize=6.5, fontweight="bold", color=color)
        return fig

    # ---------------------------------------------------------------- words
    def headline(self) -> str:
        """What share of customers and of spend the class with the most spend holds."""
        return self._headline("rfm_class")

    def headline_8(self) -> str:
        """The same for the eight classes."""
        return self._headline("rfm_class_8")

    def _headline(self, by: str) -> str:
        top = self._top(by)
        if math.isnan(top["share_of_spend"]):
            return _("{rfm_class} are {customers} of customers").format(
                rfm_class=_(top[by]), customers=language.percent(top["share_of_customers"])
            )
        return _("{rfm_class} are {customers} of customers and bring {spend} of spend").format(
            rfm_class=_(top[by]),
            customers=language.percent(top["share_of_customers"]),
            spend=language.percent(top["share_of_spend"]),
        )

    def _top(self, by: str) -> pd.Series:
        summary = {"rfm_class": self._ten, "rfm_class_8": self.classes_8, "rfm_class_own": self.classes}[by]()
        return summary[summary["customers"] > 0].sort_values(["spend", "customers", by], ascending=[False, False, True]).iloc[0]

    def classes_headline(self) -> str:
        """What hangs on the customers who bought often and have been away."""
        if self.own:
            return self._headline("rfm_class_own")
        rows = self._ten().set_index("rfm_class").loc[list(OFTEN_BUT_AWAY)]
        first, second = (_(name) for name in rows.index)
        share = rows["share_of_spend"].sum(min_count=2)
        if math.isnan(share):
            return _("“{first}” and “{second}” hold {share} of customers").format(
                first=first, second=second, share=language.percent(rows["share_of_customers"].sum())
            )
        return _("“{first}” and “{second}” hold {share} of spend").format(
            first=first, second=second, share=language.percent(share)
        )

    def scores_headline(self) -> str:
        """What it takes to get the best score on each measure."""
        days = int(self.cutoffs["recency_days"][0])
        return ngettext(
            "Best scores: up to {r} day since the last order, orders above {f}, spend above {m}",
            "Best scores: up to {r} days since the last order, orders above {f}, spend above {m}",
            days,
        ).format(
            r=language.number(days),
            f=language.number(self.cutoffs["frequency"][-1]),
            m=language.money(self.cutoffs["monetary"][-1], 2),
        )

    def note(self) -> str:
        """Base and cut-offs of the scores."""
        cuts = _("Upper ends of the fifths: recency {r} days; frequency {f} orders; spend {m}.").format(
            r=", ".join(language.number(c) for c in self.cutoffs["recency_days"]),
            f=", ".join(language.number(c) for c in self.cutoffs["frequency"]),
            m=", ".join(language.money(c) for c in self.cutoffs["monetary"]),
        )
        return f"{self.base()} {cuts}"

    def note_8(self) -> str:
        """The thresholds of the eight classes, and how many customers reach them."""
        reach = (self.table["monetary"] >= self.averages["monetary"]).mean()
        cuts = _(
            "High is: last order at most {r} days ago, at least {f} orders, at least {m} of spend: the means of the base. "
            "{reach} of customers reach the mean spend."
        ).format(
            r=language.number(self.averages["recency_days"], 1),
            f=language.number(self.averages["frequency"], 1),
            m=language.money(self.averages["monetary"], 2),
            reach=language.percent(reach),
        )
        return f"{self.base()} {cuts}"

    def base(self) -> str:
        """Who is counted, and who is left out."""
        base = _("Base: {n} customers with an order in the {days} days to {day}; {outside} others are left out.").format(
            n=language.number(len(self.table)),
            days=language.number(self.window_days),
            day=language.day(self.as_of),
            outside=language.number(self.outside),
        )
        if not self.nameless:
            return base
        lost = ngettext("{n} order without a customer is left out.", "{n} orders without a customer are left out.", self.nameless)
        return f"{base} {lost.format(n=language.number(self.nameless))}"

    def finding(self) -> Finding:
        """The class with the most spend, and how much hangs on it."""
        name = self._top("rfm_class")["rfm_class"]
        if name in FAITHFUL:
            so_what = _("Protect this class first: no other class brings more spend.")
        elif name not in AWAY:
            so_what = _("Make regular customers of this class: no other class brings more spend.")
        elif self.recency_tells:
            so_what = _("Win these customers back first: the class with the most spend is one that has been away.")
        else:
            so_what = _("Look at the lifecycle stages of this class before treating it as leaving: recency says little here.")
        return self._finding("rfm_class", "segmentation.rfm_top_class", so_what, self.note())

    def finding_8(self) -> Finding:
        """The class of the eight with the most spend."""
        name = self._top("rfm_class_8")["rfm_class_8"]
        recent, often, _large = next(levels for levels, n in CLASSES_8.items() if n == name)
        if recent and often:
            so_what = _("Keep these customers close: they are here now and come more often than average.")
        elif recent:
            so_what = _("Give these customers a reason to come more often: they bought recently, but seldom.")
        elif self.recency_tells:
            so_what = _("Get in touch with these customers: their last order is longer ago than average.")
        else:
            so_what = _("Look at the lifecycle stages of this class before treating it as leaving: recency says little here.")
        return self._finding("rfm_class_8", "segmentation.rfm_8_top_class", so_what, self.note_8())

    def _finding(self, by: str, key: str, so_what: str, evidence: str) -> Finding:
        top = self._top(by)
        share = top["share_of_customers"] if math.isnan(top["share_of_spend"]) else top["share_of_spend"]
        return Finding(
            key=f"{key}_share",
            value=float(share),
            unit="share",
            display=language.percent(share),
            text=language.sentence(self._headline(by)),
            evidence=evidence,
            so_what=so_what,
            confidence="low" if len(self.table) < FEW else "medium" if self.warnings else "high",
            warnings=self.warnings,
            assumptions=(
                _(
                    "RFM scores are fifths of the customers with an order in the window; customers with equal values always "
                    "get the same score."
                ),
                _("The ten classes follow from the R and F scores; the eight classes compare R, F and M with their averages."),
                _("An order with a negative amount is a return: it lowers spend and does not count as an order."),
            ),
        )


@needs("orders.customer_id", "orders.order_date", "orders.order_amount", answers=ANSWERS)
def rfm(tables: Tables, *, window_days: int = 365, own: Mapping[str, str] | None = None) -> Rfm | NotAvailable:
    """Score the customers who bought in the last *window_days* days.

    *own* are classes beside the ten and the eight, as engagement.yml names them: name -> scores (`own_classes`).

    Each measure is cut at its quintiles (inverted empirical distribution), so equal values get equal scores and the order of rows
    plays no part; where values repeat, a score can be empty, and a warning says so. Recency is in whole days to ``tables.as_of``.
    Orders without a customer are excluded; an order with a negative amount lowers spend and is no purchase. With fewer than five
    customers there are no fifths: `NotAvailable`.

    Source: Hughes (1994), Strategic Database Marketing; ten classes over the R-F grid as commonly used; eight classes: R, F, M
    against their means.
    """
    cells = own_classes(own) if own else {}
    everybody = purchases(tables, window_days=window_days)
    table = everybody[everybody["frequency"] > 0].reset_index(drop=True)
    if len(table) < SCORES:
        return NotAvailable(
            (),
            _(ANSWERS),
            reason=ngettext(
                "{n} customer bought in the {days} days to {day}; scores in fifths need at least {least}.",
                "{n} customers bought in the {days} days to {day}; scores in fifths need at least {least}.",
                len(table),
            ).format(
                n=language.number(len(table)), days=language.number(window_days), day=language.day(tables.as_of), least=SCORES
            ),
        )
    cutoffs, averages = {}, {}
    for measure, score in MEASURES.items():
        values = table[measure].to_numpy(dtype=float)
        cuts = np.sort(values)[
            [-(-len(values) * k // SCORES) - 1 for k in range(1, SCORES)]
        ]  # whole numbers: no fraction decides a tie
        cutoffs[measure] = tuple(float(c) for c in cuts)
        place = np.searchsorted(cuts, values, side="left")
        table[score] = SCORES - place if measure == "recency_days" else place + 1
        averages[measure] = round(math.fsum(values) / len(values), 6)  # rounded, so that the mean of equal values is that value
    named = {(r, f): name for name, (rs, fs) in CLASSES.items() for r in map(int, rs) for f in map(int, fs)}
    table["rfm_class"] = [named[pair] for pair in zip(table["r_score"], table["f_score"], strict=True)]
    high = zip(
        table["recency_days"] <= averages["recency_days"],
        table["frequency"] >= averages["frequency"],
        table["monetary"] >= averages["monetary"],
        strict=True,
    )
    table["rfm_class_8"] = [CLASSES_8[int(r), int(f), int(m)] for r, f, m in high]
    if own:
        table["rfm_class_own"] = [cells[cell] for cell in zip(*(table[score] for score in MEASURES.values()), strict=True)]
    nameless = tables.orders.filter(
        tables.orders.customer_id.isnull(), tables.orders.order_date >= window_start(tables, window_days)
    )
    return Rfm(
        table=table[
            ["customer_id", *MEASURES, *MEASURES.values(), "rfm_class", "rfm_class_8", *(["rfm_class_own"] if own else [])]
        ],
        cutoffs=cutoffs,
        averages=averages,
        window_days=window_days,
        as_of=tables.as_of,
        outside=len(everybody) - len(table) + len(without_purchase(tables, everybody)),
        nameless=int(nameless.count().to_pandas()),
        warnings=(*_warnings(table, cutoffs), *coverage_warning(tables, window_days)),
        own=dict(own or {}),
    )


def own_classes(classes: Mapping[str, str]) -> dict[tuple[int, int, int], str]:
    """The class of each of the 125 cells (R, F, M), of rules like ``R 4-5, F 3-5``; several areas are parted by semicolons.

    A score that a rule does not name may be any. Raises UserError where a cell belongs to two classes or to none.
    """
    named: dict[tuple[int, int, int], str] = {}
    for name, rule in classes.items():
        for area in rule.split(";"):
            spans = {letter: range(1, SCORES + 1) for letter in "RFM"}
            for part in area.split(","):
                found = RANGE_OF_SCORES.fullmatch(part)
                if not found or int(found[3] or found[2]) < int(found[2]):
                    said = _("engagement.yml: rfm_classes: {name}: {part!r} is no range of scores. Write it like R 4-5, F 3.")
                    raise UserError(said.format(name=name, part=part.strip()))
                spans[found[1].upper()] = range(int(found[2]), int(found[3] or found[2]) + 1)
            for cell in itertools.product(*(spans[letter] for letter in "RFM")):
                if cell in named and named[cell] != name:
                    said = _(
                        "engagement.yml: rfm_classes: R {r}, F {f}, M {m} is in {first!r} and in {second!r}. "
                        "Give it to one of them."
                    )
                    r, f, m = cell
                    raise UserError(said.format(r=r, f=f, m=m, first=named[cell], second=name))
                named[cell] = name
    for cell in itertools.product(range(1, SCORES + 1), repeat=3):
        if cell not in named:
            said = _("engagement.yml: rfm_classes: R {r}, F {f}, M {m} is in no class. Every combination of scores needs one.")
            raise UserError(said.format(r=cell[0], f=cell[1], m=cell[2]))
    return named


def _warnings(table: pd.DataFrame, cutoffs: dict[str, tuple[float, ...]]) -> tuple[str, ...]:
    out = []
    if len(table) < FEW:
        out.append(_("Only {n} customers: a fifth of them is too few to act on.").format(n=language.number(len(table))))
    first, last = cutoffs["recency_days"][0], cutoffs["recency_days"][-1]
    if last - first < RECENCY_SPAN:
        out.append(
            _(
                "Recency hardly tells these customers apart: its cut-offs run only from {first} to {last} days. "
                "A low R score says little about who is leaving; read the lifecycle stages for that."
            ).format(first=language.number(first), last=language.number(last))
        )
    young = table.loc[table["rfm_class"] == "New customers", "tenure_days"]
    old = int((young > NEW_DAYS).sum())
    if old * 2 > len(young):
        out.append(
            ngettext(
                "{old} of {n} customer in the class “{name}” first bought more than {days} days ago: the class means recent "
                "and seldom, not new.",
                "{old} of {n} customers in the class “{name}” first bought more than {days} days ago: the class means recent "
                "and seldom, not new.",
                len(young),
            ).format(old=language.number(old), n=language.number(len(young)), name=_("New customers"), days=NEW_DAYS)
        )
    if any(len(set(cuts)) < len(cuts) for cuts in cutoffs.values()):
        out.append(_("Many customers share the same value, so some scores are empty and classes are uneven."))
    return tuple(out)
