"""Rules of two to four products or categories in the same order: what is bought with what, and with what two or three."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, needs
from fivestep.errors import UserError
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _
from fivestep.needs.itemsets import baskets, frequent_sets
from fivestep.needs.lines import lines_by
from fivestep.needs.pairs import FALSE_DISCOVERY_RATE, FEW_CUSTOMERS, MINIMUM_EXPECTED, MINIMUM_ORDERS

LEVELS = ("category", "department", "product_id")
MINIMUM_SUPPORT = 0.02  # share of orders that hold all of a rule
MANY = 20  # rules of one size from which their median gain says what big orders alone do
SHOWN = 15

_ANSWERS = N_("which products are bought with which others, and with which two or three")


@dataclass(frozen=True)
class Rules:
    """Rules "who buys this (and that) also buys ...", at most three on the left, one on the right.

    ``table``: one row per rule whose items are in enough orders together, strongest first: item_a, item_b, item_c (None in a rule
    with fewer on the left), consequent, orders_with (orders with the left side), orders_both (with both sides), expected_orders
    (of them, at the rate of the strongest shorter rule; for one item at the rate of all orders), support, confidence, lift,
    leverage, conviction (infinite where every order with the left side has the right), gain (confidence divided by that of the
    strongest shorter rule), gain_low, gain_high (95 %), p_value (gain above 1), q_value (Benjamini-Hochberg over all ``tested``
    rules, also those that are too rare to be listed). ``base``: orders with a known item; ``minimum``: orders that a rule needs.
    """

    table: pd.DataFrame
    level: str
    base: int
    tested: int
    minimum: int
    first_day: dt.date
    last_day: dt.date

    def typical(self, left: int) -> float:
        """The median gain of the rules with so many items on the left: what big orders alone do; at least 1."""
        gains = self.table.loc[_left_items(self.table) == left, "gain"]
        return max(float(gains.median()), 1.0) if len(gains) >= MANY else 1.0

    def found(self) -> pd.DataFrame:
        """Rules that beat the shorter ones, and the typical rule of their size: q at most 5 %, at least 30 orders, and a gain
        whose lower limit is above the typical gain."""
        t = self.table
        typical = _left_items(t).map({n: self.typical(n) for n in (1, 2, 3)})
        clear = (t["q_value"] <= FALSE_DISCOVERY_RATE) & (t["gain_low"] > typical) & (t["orders_both"] >= MINIMUM_ORDERS)
        return t[clear].reset_index(drop=True)

    def larger(self, n: int = SHOWN) -> pd.DataFrame:
        """The *n* strongest found rules with two or three items on the left, each set once; if none is found, the strongest."""
        sets = self._sets(self.found())
        return self._shown((sets if len(sets) else self._sets(self.table)).head(n))

    @staticmethod
    def _sets(rules: pd.DataFrame) -> pd.DataFrame:
        """Rules with two or three items on the left, the strongest of each set."""
        rules = rules[rules["item_b"].notna()]
        items = rules[["item_a", "item_b", "item_c", "consequent"]]
        sets = [tuple(sorted(item for item in s if item is not None)) for s in items.itertuples(index=False)]
        return rules[~pd.Series(sets, index=rules.index, dtype=object).duplicated()]

    def singles(self, n: int = SHOWN) -> pd.DataFrame:
        """The *n* strongest found rules with one item on the left."""
        found = self.found()
        return self._shown(found[found["item_b"].isna()].head(n))

    def _shown(self, rows: pd.DataFrame) -> pd.DataFrame:
        shown = ["orders_with", "orders_both", "support", "confidence", "lift", "leverage", "conviction", "gain"]
        return pd.DataFrame(
            {
                "rule_left": [self._left(row) for row in rows.itertuples()],
                "rule_right": [self._name(c) for c in rows["consequent"]],
                **{c: rows[c].to_numpy() for c in shown},
                "gain_low": rows["gain_low"].to_numpy(),
                "gain_high": rows["gain_high"].to_numpy(),
            }
        )

    def _left(self, row) -> str:
        said = self._name(row.item_a)
        for item in (row.item_b, row.item_c):
            if item is not None:
                said = _("{a} + {b}").format(a=said, b=self._name(item))
        return said

    def _name(self, raw: str) -> str:
        return language.value(f"products.{self.level}", raw)

    def headline(self) -> str:
        """The strongest set of three or four that says more than the smaller ones in it."""
        top = self._shown(self._sets(self.found()).head(1))
        if top.empty:
            return _("No three or four product groups are bought together more often than fewer of them already explain")
        row = top.iloc[0]
        return _("{share} of orders with {left} also hold {right}: {gain} times as many as fewer of them explain").format(
            share=language.percent(row["confidence"]),
            left=row["rule_left"],
            right=row["rule_right"],
            gain=language.number(row["gain"], 2),
        )

    def singles_headline(self) -> str:
        """The strongest rule with one item on the left."""
        top = self.singles(1)
        if top.empty:
            return _("No two product groups are clearly bought together more often than chance would have it")
        row = top.iloc[0]
        return _("{share} of orders with {a} also hold {b}").format(
            share=language.percent(row["confidence"]), a=row["rule_left"], b=row["rule_right"]
        )

    def note(self) -> str:
        """Definitions and what was tested."""
        return _(
            "Base: {n} orders with a known item; a rule needs {minimum} of them. Gain: confidence divided by that of the "
            "strongest rule with fewer items on the left, so what is only popular has none. Leverage: support less what "
            "independence gives. Conviction: orders without the right side that independence gives, divided by those seen. Big "
            "orders hold more of everything: named is only what is above the typical gain, {typical} for sets of three, {fours} "
            "for sets of four. Tested: {tested} rules at a false discovery rate of {level}."
        ).format(
            n=language.number(self.base),
            minimum=language.number(self.minimum),
            typical=language.number(self.typical(2), 2),
            fours=language.number(self.typical(3), 2),
            tested=language.number(self.tested),
            level=language.percent(FALSE_DISCOVERY_RATE, 0),
        )

    def finding(self) -> Finding:
        """How many rules of three and four say more than the shorter ones."""
        found = self.found()
        n = int(found["item_b"].notna().sum())
        return Finding(
            key=f"needs.{self.level}_rules_of_three_or_four",
            value=float(n),
            unit="count",
            display=language.number(n),
            text=language.sentence(self.headline()),
            evidence=_("Rules that are more than chance: {pairs} with one item on the left, {more} with two or three.").format(
                pairs=language.number(len(found) - n), more=language.number(n)
            )
            + " "
            + self.note(),
            so_what=_("Use these sets for menus and bundles, and test them against the pair alone.")
            if n
            else _("Build bundles from pairs: a third item adds nothing that these orders show."),
            confidence="high" if len(found) else "low",
            warnings=(_("Bought together is not bought because of: only a test shows what an offer changes."),),
        )


def _left_items(rules: pd.DataFrame) -> pd.Series:
    """How many items each rule has on the left."""
    return rules[["item_a", "item_b", "item_c"]].notna().sum(axis=1)


@needs("order_lines.product_id", "products", answers=_ANSWERS)
def rules(tables: Tables, *, level: str = "category", largest: int = 4, support: float = MINIMUM_SUPPORT) -> Rules | NotAvailable:
    """Rules of up to *largest* items (2 to 4) of *level* (category, department, product_id) that *support* of the orders hold.

    The standard error of log gain is taken between 50 blocks of customers, as in `pairs`; p is one-sided, t with blocks - 1
    degrees of freedom. Tested are all rules of items in enough orders whose expected number of orders is at least 5, which is
    known before the sets are counted. Counted are only sets whose subsets are frequent (Agrawal and Srikant 1994).

    Raises `UserError` for another *level*, *largest* or a *support* that is no share. Sources: Agrawal and Srikant (1994);
    Piatetsky-Shapiro (1991), leverage; Brin, Motwani, Ullman and Tsur (1997), lift, conviction; Bayardo, Agrawal and Gunopulos
    (1999), improvement over shorter rules; Benjamini and Hochberg (1995).
    """
    if level not in LEVELS or largest not in (2, 3, 4) or not 0 < support < 1:
        raise UserError(
            _("rules: level is one of {choices}, largest 2, 3 or 4, support a share between 0 and 1.").format(
                choices=", ".join(LEVELS)
            )
        )
    if level != "product_id" and tables.missing(f"products.{level}"):
        return NotAvailable((f"products.{level}",), _(_ANSWERS))
    bought = lines_by(tables, level).rename(item=level) if level != "product_id" else _products(tables)
    every = baskets(bought.filter(bought.bought & bought.item.notnull()))
    if len(every.per_block) < FEW_CUSTOMERS:
        reason = _("fewer than {n} customers have bought a product of a known group.").format(n=language.number(FEW_CUSTOMERS))
        return NotAvailable((), _(_ANSWERS), reason=reason)
    base = len(every.block)
    minimum = max(math.ceil(support * base), 1)
    often = every.frequent(minimum)
    table, tested = _measured(often.items, frequent_sets(often, minimum, largest), every.per_block)
    return Rules(table, level, base, tested, minimum, tables.first_day, tables.last_day)


def _products(tables: Tables) -> ibis.Table:
    lines = tables.order_lines
    bought = lines.line_amount >= 0
    if "quantity" in lines.columns:
        bought &= lines.quantity.isnull() | (lines.quantity > 0)
    return lines.select("order_id", "customer_id", bought=bought, item="product_id")


def _measured(items: np.ndarray, sets: list[tuple[np.ndarray, np.ndarray]], per_block: np.ndarray) -> tuple[pd.DataFrame, int]:
    """The measures of every rule, and how many rules could have been expected 5 times."""
    from scipy import stats

    columns = ["item_a", "item_b", "item_c", "consequent", "orders_with", "orders_both", "expected_orders", "support"]
    columns += ["confidence", "lift", "leverage", "conviction", "gain", "gain_low", "gain_high", "p_value", "q_value"]
    totals = sets[0][0].sum(axis=0)
    larger = [found for found in sets[1:] if len(found[1])]
    tested = _testable(totals, [by_block.sum(axis=0) for by_block, _codes in sets[1:-1]], per_block.sum())
    if not larger:
        return pd.DataFrame(columns=columns), tested
    parts = []
    shorter: dict[int, _Rule] = {}  # of the size before, by the place of the consequent: the strongest rule with it
    keys = [_keys(codes, len(items)) for _by_block, codes in sets]
    for by_block, codes in larger:
        size = codes.shape[1]
        strongest = {}
        for y in range(size):
            left = sets[size - 2][0][:, np.searchsorted(keys[size - 2], _keys(np.delete(codes, y, axis=1), len(items)))]
            if size == 2:
                less = _Rule(sets[0][0][:, codes[:, y]], np.broadcast_to(per_block[:, None], left.shape))
            else:
                less = None
                for z in (k for k in range(size) if k != y):
                    at = np.searchsorted(keys[size - 2], _keys(np.delete(codes, z, axis=1), len(items)))
                    way = shorter[y - (z < y)].of(at)
                    less = way if less is None else less.or_stronger(way)
            rule = _Rule(by_block, left)
            strongest[y] = rule if size == 2 else less.or_stronger(rule)
            parts.append(_rates(np.delete(codes, y, axis=1), codes[:, y], rule, less, per_block, totals, items))
        shorter = strongest
    table = pd.concat(parts, ignore_index=True)
    padded = np.concatenate([table["p_value"], np.ones(max(tested - len(table), 0))])
    table["q_value"] = stats.false_discovery_control(padded, method="bh")[: len(table)]
    by = ["gain_low", "item_a", "item_b", "item_c", "consequent"]
    table = table.sort_values(by, ascending=[False, *[True] * 4], ignore_index=True, na_position="last")
    for name in ("item_b", "item_c"):
        table[name] = table[name].astype(object).where(table[name].notna(), None)
    return table[columns], tested


@dataclass(frozen=True)
class _Rule:
    """Orders of each block (rows) that hold all of a rule, and those that hold its left side; one column per rule."""

    met: np.ndarray
    left: np.ndarray

    @property
    def confidence(self) -> np.ndarray:
        return self.met.sum(axis=0) / self.left.sum(axis=0)

    def of(self, places: np.ndarray) -> _Rule:
        return _Rule(self.met[:, places], self.left[:, places])

    def or_stronger(self, other: _Rule) -> _Rule:
        """Rule by rule the one with the larger confidence, this one where they are equal."""
        better = other.confidence > self.confidence
        return _Rule(np.where(better, other.met, self.met), np.where(better, other.left, self.left))


def _keys(codes: np.ndarray, n: int) -> np.ndarray:
    """One number for each set, in the order of the sets."""
    key = np.zeros(len(codes), dtype=np.int64)
    for column in codes.T:
        key = key * n + column
    return key


def _rates(left: np.ndarray, y: np.ndarray, rule: _Rule, less: _Rule, per_block, totals, items) -> pd.DataFrame:
    from scipy import stats

    n = per_block.sum()
    parts = (rule.met, rule.left, less.met, less.left)
    n_met, n_left, n_sub, n_sub_left = (x.sum(axis=0) for x in parts)
    confidence, n_y = n_met / n_left, totals[y]
    gain = confidence * n_sub_left / n_sub
    # What each block adds to log gain; these sum to zero over the blocks.
    pull = rule.met / n_met - rule.left / n_left - less.met / n_sub + less.left / n_sub_left
    freedom = len(per_block) - 1
    error = np.sqrt((freedom + 1) / freedom * (pull**2).sum(axis=0))
    reach = stats.t.ppf(0.975, freedom) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        p = stats.t.sf(np.log(gain) / error, freedom)
        conviction = (1 - n_y / n) / (1 - confidence)
    named = [items[left[:, k]] if k < left.shape[1] else None for k in range(3)]
    return pd.DataFrame(
        {
            "item_a": named[0],
            "item_b": named[1],
            "item_c": named[2],
            "consequent": items[y],
            "orders_with": n_left.astype(int),
            "orders_both": n_met.astype(int),
            "expected_orders": n_left * n_sub / n_sub_left,
            "support": n_met / n,
            "confidence": confidence,
            "lift": confidence / (n_y / n),
            "leverage": n_met / n - n_left / n * n_y / n,
            "conviction": np.where(n_met == n_left, np.inf, conviction),
            "gain": gain,
            "gain_low": gain * np.exp(-reach),
            "gain_high": gain * np.exp(reach),
            "p_value": np.where(np.isnan(p), 1.0, p),
        }
    )


def _testable(totals: np.ndarray, lefts: list[np.ndarray], n: float) -> int:
    """Rules whose number of orders, were the sides independent, is at least 5.

    *lefts*: orders of the frequent sets of two (and three), which rules of three (and four) have on the left.
    """
    ranked = np.sort(totals)
    wanted = MINIMUM_EXPECTED * n
    two = sum(len(ranked) - np.searchsorted(ranked, wanted / t) - (t * t >= wanted) for t in totals)
    more = sum(
        np.maximum(len(ranked) - np.searchsorted(ranked, wanted / counts) - size, 0).sum() for size, counts in enumerate(lefts, 2)
    )
    return int(two + more)
