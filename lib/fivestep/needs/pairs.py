"""Pairs of product categories that are bought in the same order: support, confidence, lift."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, frame, needs
from fivestep.errors import UserError
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _
from fivestep.needs.lines import lines_by

LEVELS = ("category", "department")
MINIMUM_SUPPORT = 0.01  # share of orders that a category must be in to be paired
MINIMUM_EXPECTED = 5  # orders with both, were the two independent (Cochran 1954): known without looking at the outcome
MINIMUM_ORDERS = 30  # orders with both before a pair is shown
BLOCKS = 50  # groups of customers between which the variance is measured
FEW_CUSTOMERS = 10  # below this many nothing can be said about other orders than those seen
FALSE_DISCOVERY_RATE = 0.05
SHOWN = 15

_ANSWERS = N_("which product categories are bought together")


@dataclass(frozen=True)
class Pairs:
    """Pairs of categories (or departments) in the same order.

    ``table``: one row per tested pair, highest lower limit of lift first: ``<level>_a``, ``<level>_b`` (a before b by name),
    orders_a, orders_b, orders_both, expected_orders, excess_orders, support, confidence_ab, confidence_ba, lift, lift_low,
    lift_high (95 %), p_value, q_value (Benjamini-Hochberg). ``base``: orders with at least one product of a known category, the
    denominator of every share; ``unknown``: orders without one; ``anonymous``: orders of the base without a customer; ``kept``,
    ``rare``: categories that are paired, and left out for support.
    """

    table: pd.DataFrame
    level: str
    base: int
    unknown: int
    anonymous: int
    kept: int
    rare: int
    first_day: dt.date
    last_day: dt.date

    def together(self) -> pd.DataFrame:
        """The pairs bought together more often than by chance: q at most 5 %, lift above 1, at least 30 orders with both."""
        t = self.table
        return t[(t["q_value"] <= FALSE_DISCOVERY_RATE) & (t["lift"] > 1) & (t["orders_both"] >= MINIMUM_ORDERS)].reset_index(
            drop=True
        )

    def top(self, n: int = SHOWN) -> pd.DataFrame:
        """The *n* pairs with the highest lower limit of lift among `together`."""
        shown = [
            f"{self.level}_a",
            f"{self.level}_b",
            "orders_both",
            "excess_orders",
            "support",
            "confidence_ab",
            "confidence_ba",
            "lift",
            "lift_low",
            "lift_high",
        ]
        return self.together().head(n)[shown]

    @property
    def typical_lift(self) -> float:
        """The median lift of the tested pairs: what big baskets alone do to any two categories."""
        return float(self.table["lift"].median())

    def figure(self, n: int = SHOWN) -> Figure:
        """Lift of the top pairs with 95 % intervals; the dashed line is the median pair."""
        top = self.top(n)
        names = [
            _("{a} + {b}").format(a=self._name(a), b=self._name(b))
            for a, b in zip(top[f"{self.level}_a"], top[f"{self.level}_b"], strict=True)
        ]
        return charts.intervals(
            names,
            top["lift"],
            top["lift_low"],
            top["lift_high"],
            write=lambda v: language.number(v, 1),
            reference=self.typical_lift,
            reference_label=_("median pair"),
            xlabel=_("Lift, with 95% interval"),
        )

    def _name(self, raw: str) -> str:
        return language.value(f"products.{self.level}", raw)

    def headline(self) -> str:
        """The pair at the top, and how often it is bought together compared with chance."""
        if not len(self.together()):
            return _("No two product groups are clearly bought together more often than chance would have it")
        top = self.together().iloc[0]
        return _(
            "{a} and {b} are in the same order {lift} times as often as chance would have it; the median pair: {typical} times"
        ).format(
            a=self._name(top[f"{self.level}_a"]),
            b=self._name(top[f"{self.level}_b"]),
            lift=language.number(top["lift"], 1),
            typical=language.number(self.typical_lift, 1),
        )

    def confidence_headline(self) -> str:
        """How many of the orders with one half of the top pair also hold the other half."""
        if not len(self.together()):
            return self.headline()
        top = self.together().iloc[0]
        a, b = self._name(top[f"{self.level}_a"]), self._name(top[f"{self.level}_b"])
        if top["confidence_ab"] < top["confidence_ba"]:
            a, b = b, a
        share = language.percent(max(top["confidence_ab"], top["confidence_ba"]))
        return _("{share} of orders with {a} also hold {b}").format(share=share, a=a, b=b)

    def note(self) -> str:
        """Definitions, base and ranking, as the reader needs them under the exhibit."""
        parts = [
            _(
                "Base: {n} orders with at least one product of a known group; {unknown} orders without one are left out. "
                "No product group is left out by name."
            ).format(n=language.number(self.base), unknown=language.number(self.unknown)),
            _(
                "Lift: orders with both, divided by the orders expected if the two were independent. "
                "Ranked by the lower limit of the 95% interval of lift."
            ),
            _(
                "Tested: {pairs} pairs of {kept} groups found in at least {support} of orders; {rare} rarer groups are left out. "
                "Shown: at least {orders} orders with both."
            ).format(
                pairs=language.number(len(self.table)),
                kept=language.number(self.kept),
                support=language.percent(MINIMUM_SUPPORT, 0),
                rare=language.number(self.rare),
                orders=language.number(MINIMUM_ORDERS),
            ),
        ]
        if self.anonymous:
            parts.append(_("{n} orders without a customer are in the base.").format(n=language.number(self.anonymous)))
        return " ".join(parts)

    def finding(self) -> Finding:
        """The pair that hangs together most, and what may be done with it."""
        found = self.together()
        evidence = _(
            "{found} of {tested} tested pairs are bought together more often than independence gives, "
            "at a false discovery rate of {level}; {n} orders from {first} to {last}."
        ).format(
            found=language.number(len(found)),
            tested=language.number(len(self.table)),
            level=language.percent(FALSE_DISCOVERY_RATE, 0),
            n=language.number(self.base),
            first=language.day(self.first_day),
            last=language.day(self.last_day),
        )
        if len(found):
            top = found.iloc[0]
            evidence += " " + _(
                "First pair: {both} orders with both, {expected} expected; 95% interval of lift {low} to {high}."
            ).format(
                both=language.number(top["orders_both"]),
                expected=language.number(top["expected_orders"]),
                low=language.number(top["lift_low"], 1),
                high=language.number(top["lift_high"], 1),
            )
        lift = float(found["lift"].iloc[0]) if len(found) else self.typical_lift
        return Finding(
            key=f"needs.top_{self.level}_pair_lift" if len(found) else f"needs.median_{self.level}_pair_lift",
            value=lift,
            unit="ratio",
            display=_("{lift}×").format(lift=language.number(lift, 1)),
            text=language.sentence(self.headline()),
            evidence=evidence,
            so_what=_(
                "Offer or place the two together in a test against stores or customers without the change: "
                "the pair shows a shared need, not that one sells the other."
            )
            if len(found)
            else _("Do not build bundles on these data: collect more orders first."),
            confidence="high" if len(found) else "low",
            warnings=(
                _(
                    "Big orders hold more of everything, so most pairs have a lift above 1: "
                    "only pairs well above the median pair say something of their own."
                ),
            )
            if self.typical_lift > 1
            else (),
            assumptions=(
                _("A group counts once per order, whatever the quantity; returned lines and lines of quantity 0 do not count."),
                _(
                    "The 95% interval of lift is taken on the log scale by the delta method (Agresti 2013), with the variance "
                    "between up to {n} blocks of customers (Wolter 2007), since orders of one customer are not independent."
                ).format(n=language.number(BLOCKS)),
                _(
                    "False discoveries are held at {level} of the pairs named (Benjamini and Hochberg 1995), "
                    "over t tests of the same log lifts."
                ).format(level=language.percent(FALSE_DISCOVERY_RATE, 0)),
            ),
        )


@needs("order_lines.product_id", "products", answers=_ANSWERS)
def pairs(tables: Tables, *, level: str = "category") -> Pairs | NotAvailable:
    """Support, confidence and lift of every two categories (``level="department"``: departments) in the same order.

    A category takes part if it is in at least 1 % of the orders with a known category; a pair is tested if the single counts
    alone let one expect 5 orders with both. Neither rule looks at how often the two meet. Lift = n·n_ab / (n_a·n_b). Its 95 %
    interval and p value come from the delta method on log lift; the variance is that of the linearised log lift between 50
    blocks into which customers are dealt by the rank of their id (fewer customers: one block each), because orders of one
    customer resemble each other: intervals that take orders for independent come out up to three times too narrow on a panel.
    t has blocks - 1 degrees of freedom. A pair that never meets has lift 0, no interval and p = 1. Orders without a customer
    stand for themselves.

    Raises `UserError` for another *level*. Sources: Agrawal, Imielinski and Swami (1993), support and confidence; Brin,
    Motwani, Ullman and Tsur (1997), lift; Agresti (2013), Categorical Data Analysis, delta method; Wolter (2007), Introduction
    to Variance Estimation, random groups; Benjamini and Hochberg (1995).
    """
    if level not in LEVELS:
        raise UserError(_("pairs: level={level!r} is not one of {choices}.").format(level=level, choices=", ".join(LEVELS)))
    if tables.missing(f"products.{level}"):
        return NotAvailable((f"products.{level}",), _(_ANSWERS))
    bought = lines_by(tables, level)
    bought = bought.filter(bought.bought).rename(item=level)
    known = bought.filter(bought.item.notnull())
    orders, baskets = numbered_baskets(known)
    bases = frame(
        orders.group_by("block").aggregate(orders=orders.count(), anonymous=orders.anonymous.sum()), by=["block"]
    ).set_index("block")
    if len(bases) < FEW_CUSTOMERS:
        reason = _("fewer than {n} customers have bought a product of a known group.").format(n=language.number(FEW_CUSTOMERS))
        return NotAvailable((), _(_ANSWERS), reason=reason)
    base = int(bases["orders"].sum())
    counts = _together(baskets, minimum=math.ceil(MINIMUM_SUPPORT * base))
    table = _rates(counts, bases["orders"])
    if table.empty:
        reason = _("no two product groups are common enough to be expected {n} times in the same order.").format(
            n=language.number(MINIMUM_EXPECTED)
        )
        return NotAvailable((), _(_ANSWERS), reason=reason)
    table = table.rename(columns={"a": f"{level}_a", "b": f"{level}_b"})
    kept = counts["a"].nunique()
    everything = bought.aggregate(orders=bought.order_id.nunique(), items=bought.item.nunique()).to_pandas().iloc[0]
    return Pairs(
        table,
        level,
        base=base,
        unknown=int(everything["orders"]) - base,
        anonymous=int(bases["anonymous"].sum()),
        kept=kept,
        rare=int(everything["items"]) - kept,
        first_day=tables.first_day,
        last_day=tables.last_day,
    )


def numbered_baskets(known: ibis.Table) -> tuple[ibis.Table, ibis.Table]:
    """Orders (order_id, order_number, block, anonymous), and what is in them (order_number, block, item), once each."""
    cluster = ibis.coalesce(known.customer_id, known.order_id)
    orders = known.select("order_id", cluster=cluster, anonymous=known.customer_id.isnull()).distinct()
    # Dealing by rank, not by a hash, gives the same blocks on every engine.
    dealt = orders.select("cluster").distinct()
    dealt = dealt.select("cluster", block=ibis.row_number().over(order_by="cluster") % BLOCKS)
    orders = orders.inner_join(dealt, "cluster")
    # The self-join makes many rows: numbers in them instead of ids, and of names (in `_together`), save most of its memory.
    orders = orders.select("order_id", "block", "anonymous", order_number=ibis.row_number().over(order_by="order_id"))
    return orders, known.inner_join(orders, "order_id").select("order_number", "block", "item")


def _together(baskets: ibis.Table, *, minimum: int) -> pd.DataFrame:
    """block, a, b, orders: orders of the block with both a and b; with a = b, orders with a.

    Items in fewer than *minimum* orders are left out.
    """
    items = baskets.select("item").distinct().select("item", code=ibis.row_number().over(order_by="item"))
    baskets = baskets.inner_join(items, "item").select("order_number", "block", "code").distinct()
    often = baskets.group_by("code").aggregate(orders=baskets.count())
    baskets = baskets.semi_join(often.filter(often.orders >= minimum), "code")
    left = baskets.select("order_number", "block", code_a="code")
    right = baskets.select(same_order="order_number", code_b="code")
    met = left.inner_join(right, [left.order_number == right.same_order, left.code_a <= right.code_b])
    met = met.group_by("block", "code_a", "code_b").aggregate(orders=met.count())
    met = met.inner_join(items.select(code_a="code", a="item"), "code_a").inner_join(
        items.select(code_b="code", b="item"), "code_b"
    )
    return frame(met, by=["block", "code_a", "code_b"])[["block", "a", "b", "orders"]]


def _rates(counts: pd.DataFrame, orders: pd.Series) -> pd.DataFrame:
    """The measures of every pair that can be tested, from its orders by block and the *orders* of each block."""
    from scipy import stats

    blocks = orders.index.to_numpy()
    items = np.array(sorted(counts["a"].unique()), dtype=object)
    row = np.searchsorted(blocks, counts["block"])
    ends = np.sort(np.column_stack([np.searchsorted(items, counts[end].to_numpy(dtype=object)) for end in ("a", "b")]), axis=1)
    met = np.zeros((len(blocks), len(items), len(items)))
    met[row, ends[:, 0], ends[:, 1]] = counts["orders"]

    per_block = orders.to_numpy(dtype=float)
    n = per_block.sum()
    single = np.diagonal(met, axis1=1, axis2=2)  # blocks x items
    totals = single.sum(axis=0)
    i, j = np.triu_indices(len(items), k=1)
    testable = totals[i] * totals[j] / n >= MINIMUM_EXPECTED
    i, j = i[testable], j[testable]
    both = met[:, i, j]  # blocks x pairs
    n_a, n_b, n_ab = totals[i], totals[j], both.sum(axis=0)
    expected = n_a * n_b / n
    lift = n_ab / expected
    with np.errstate(divide="ignore", invalid="ignore"):
        # What each block adds to log lift = log n + log n_ab - log n_a - log n_b; these sum to zero over the blocks.
        pull = both / n_ab - single[:, i] / n_a - single[:, j] / n_b + (per_block / n)[:, None]
        freedom = len(blocks) - 1
        error = np.sqrt((freedom + 1) / freedom * (pull**2).sum(axis=0))
        reach = stats.t.ppf(0.975, freedom) * error
        p = 2 * stats.t.sf(np.abs(np.log(lift)) / error, freedom)
        low, high = lift * np.exp(-reach), lift * np.exp(reach)
    p = np.where(n_ab == 0, 1.0, np.where(np.isnan(p), 1.0, p))
    table = pd.DataFrame(
        {
            "a": items[i],
            "b": items[j],
            "orders_a": n_a.astype(int),
            "orders_b": n_b.astype(int),
            "orders_both": n_ab.astype(int),
            "expected_orders": expected,
            "excess_orders": n_ab - expected,
            "support": n_ab / n,
            "confidence_ab": n_ab / n_a,
            "confidence_ba": n_ab / n_b,
            "lift": lift,
            "lift_low": np.where(n_ab > 0, low, np.nan),
            "lift_high": np.where(n_ab > 0, high, np.nan),
            "p_value": p,
            "q_value": stats.false_discovery_control(p, method="bh") if len(p) else p,
        }
    )
    return table.sort_values(["lift_low", "a", "b"], ascending=[False, True, True], ignore_index=True)
