"""Rules of two and three products or categories in the same order: what is bought with what, and with what two."""

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
from fivestep.needs.pairs import FALSE_DISCOVERY_RATE, FEW_CUSTOMERS, MINIMUM_EXPECTED, MINIMUM_ORDERS, numbered_baskets

LEVELS = ("category", "department", "product_id")
MINIMUM_SUPPORT = 0.02  # share of orders that hold all of a rule
MANY = 20  # rules of one size from which their median gain says what big orders alone do
SHOWN = 15

_ANSWERS = N_("which products are bought with which others, and with which two")


@dataclass(frozen=True)
class Rules:
    """Rules "who buys this (and that) also buys ...", at most two on the left, one on the right.

    ``table``: one row per rule whose items are in enough orders together, strongest first: item_a, item_b (None in a rule with
    one), consequent, orders_with (orders with the left side), orders_both (with both sides), expected_orders (of them, at the
    rate of the strongest shorter rule; for one item at the rate of all orders), support, confidence, lift, leverage, conviction
    (infinite where every order with the left side has the right), gain (confidence divided by that of the strongest shorter
    rule), gain_low, gain_high (95 %), p_value (gain above 1), q_value (Benjamini-Hochberg over all ``tested`` rules, also those
    that are too rare to be listed). ``base``: orders with a known item; ``minimum``: orders that a rule needs.
    """

    table: pd.DataFrame
    level: str
    base: int
    tested: int
    minimum: int
    first_day: dt.date
    last_day: dt.date

    def typical(self, *, two: bool) -> float:
        """The median gain of the rules with two items on the left, or with one: what big orders alone do; at least 1."""
        gains = self.table.loc[self.table["item_b"].notna() == two, "gain"]
        return max(float(gains.median()), 1.0) if len(gains) >= MANY else 1.0

    def found(self) -> pd.DataFrame:
        """Rules that beat the shorter ones, and the typical rule of their size: q at most 5 %, at least 30 orders, and a gain
        whose lower limit is above the typical gain."""
        t = self.table
        typical = np.where(t["item_b"].notna(), self.typical(two=True), self.typical(two=False))
        clear = (t["q_value"] <= FALSE_DISCOVERY_RATE) & (t["gain_low"] > typical) & (t["orders_both"] >= MINIMUM_ORDERS)
        return t[clear].reset_index(drop=True)

    def triples(self, n: int = SHOWN) -> pd.DataFrame:
        """The *n* strongest found rules with two items on the left, each set of three once; if none is found, the strongest."""
        sets = self._sets(self.found())
        return self._shown((sets if len(sets) else self._sets(self.table)).head(n))

    @staticmethod
    def _sets(rules: pd.DataFrame) -> pd.DataFrame:
        """Rules with two items on the left, the strongest of each set of three."""
        rules = rules[rules["item_b"].notna()]
        sets = [tuple(sorted(s)) for s in rules[["item_a", "item_b", "consequent"]].itertuples(index=False)]
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
        one = self._name(row.item_a)
        return one if row.item_b is None else _("{a} + {b}").format(a=one, b=self._name(row.item_b))

    def _name(self, raw: str) -> str:
        return language.value(f"products.{self.level}", raw)

    def figure(self, n: int = SHOWN) -> Figure:
        """Gain over the shorter rule, of the strongest sets of three."""
        top = self.triples(n)
        names = [_("{a} → {b}").format(a=a, b=b) for a, b in zip(top["rule_left"], top["rule_right"], strict=True)]
        return charts.intervals(
            names,
            top["gain"],
            top["gain_low"],
            top["gain_high"],
            write=lambda v: language.number(v, 1),
            reference=self.typical(two=True),
            reference_label=_("typical set of three"),
            xlabel=_("How many times the shorter rule, with 95% interval"),
        )

    def headline(self) -> str:
        """How many sets of three say more than their pairs, and the first of them."""
        top = self._shown(self._sets(self.found()).head(1))
        if top.empty:
            return _("No three product groups are bought together more often than their pairs already explain")
        row = top.iloc[0]
        return _("{share} of orders with {left} also hold {right}: {gain} times as many as either alone explains").format(
            share=language.percent(row["confidence"]),
            left=row["rule_left"],
            right=row["rule_right"],
            gain=language.number(row["gain"], 2),
        )

    def triples_headline(self) -> str:
        """How many sets of three say more than their pairs."""
        sets = self._sets(self.found())
        return _("{n} sets of three say more than the pairs in them").format(n=language.number(len(sets)))

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
            "orders hold more of everything: named is only what is above the typical gain, {typical} for sets of three. Tested: "
            "{tested} rules at a false discovery rate of {level}."
        ).format(
            n=language.number(self.base),
            minimum=language.number(self.minimum),
            typical=language.number(self.typical(two=True), 2),
            tested=language.number(self.tested),
            level=language.percent(FALSE_DISCOVERY_RATE, 0),
        )

    def finding(self) -> Finding:
        """How many rules of three say more than their pairs."""
        found = self.found()
        n = int(found["item_b"].notna().sum())
        return Finding(
            key=f"needs.{self.level}_rules_of_three",
            value=float(n),
            unit="count",
            display=language.number(n),
            text=language.sentence(self.headline()),
            evidence=_("Rules that are more than chance: {pairs} with one item on the left, {triples} with two.").format(
                pairs=language.number(len(found) - n), triples=language.number(n)
            )
            + " "
            + self.note(),
            so_what=_("Use sets of three for menus and bundles, and test them against the pair alone.")
            if n
            else _("Build bundles from pairs: a third item adds nothing that these orders show."),
            confidence="high" if len(found) else "low",
            warnings=(_("Bought together is not bought because of: only a test shows what an offer changes."),),
        )


@needs("order_lines.product_id", "products", answers=_ANSWERS)
def rules(tables: Tables, *, level: str = "category", largest: int = 3, support: float = MINIMUM_SUPPORT) -> Rules | NotAvailable:
    """Rules of at most *largest* items (2 or 3) of *level* (category, department, product_id) that *support* of the orders hold.

    The standard error of log gain is taken between 50 blocks of customers, as in `pairs`; p is one-sided, t with blocks - 1
    degrees of freedom. Tested are all rules of items in enough orders whose expected number of orders is at least 5, which is
    known before the sets are counted. Counted in the engine: only sets whose subsets are frequent (Agrawal and Srikant 1994).

    Raises `UserError` for another *level*, *largest* or a *support* that is no share. Sources: Agrawal and Srikant (1994);
    Piatetsky-Shapiro (1991), leverage; Brin, Motwani, Ullman and Tsur (1997), lift, conviction; Bayardo, Agrawal and Gunopulos
    (1999), improvement over shorter rules; Benjamini and Hochberg (1995).
    """
    if level not in LEVELS or largest not in (2, 3) or not 0 < support < 1:
        raise UserError(f"rules: level is one of {', '.join(LEVELS)}, largest 2 or 3, support a share between 0 and 1.")
    if level != "product_id" and tables.missing(f"products.{level}"):
        return NotAvailable((f"products.{level}",), _(_ANSWERS))
    bought = lines_by(tables, level).rename(item=level) if level != "product_id" else _products(tables)
    known = bought.filter(bought.bought & bought.item.notnull())
    _orders, baskets = numbered_baskets(known)
    names = known.select("item").distinct().select("item", code=ibis.row_number().over(order_by="item").cast("int32"))
    coded = baskets.inner_join(names, "item").select("order_number", "block", "code").distinct()
    with coded.cache() as kept:  # everything is counted from these numbers
        bases = frame(kept.group_by("block").aggregate(n=kept.order_number.nunique()), by=["block"])
        if len(bases) < FEW_CUSTOMERS:
            reason = _("fewer than {n} customers have bought a product of a known group.").format(
                n=language.number(FEW_CUSTOMERS)
            )
            return NotAvailable((), _(_ANSWERS), reason=reason)
        base = int(bases["n"].sum())
        minimum = max(math.ceil(support * base), 1)
        often = kept.group_by("code").aggregate(orders=kept.count())
        items = frame(often.filter(often.orders >= minimum).inner_join(names, "code"), by=["item"])
        places = pd.DataFrame({"code": items["code"], "place": np.arange(len(items), dtype=np.int32)})
        placed = kept.inner_join(ibis.memtable(places), "code").select("order_number", "block", code="place")
        sets = _frequent(placed, minimum, largest)
    table, tested = _measured(items["item"].to_numpy(dtype=object), sets, bases, three=largest == 3)
    return Rules(table, level, base, tested, minimum, tables.first_day, tables.last_day)


def _products(tables: Tables) -> ibis.Table:
    lines = tables.order_lines
    bought = lines.line_amount >= 0
    if "quantity" in lines.columns:
        bought &= lines.quantity.isnull() | (lines.quantity > 0)
    return lines.select("order_id", "customer_id", bought=bought, item="product_id")


def _frequent(coded: ibis.Table, minimum: int, largest: int) -> list[pd.DataFrame]:
    """Orders by block of the frequent sets of one, two and three items: a, (b, (c,)) block, n."""
    singles = coded.group_by("code", "block").aggregate(n=coded.count()).rename(a="code")
    out = [frame(singles, by=["a", "block"])]
    left = coded.rename(a="code")
    right = coded.select(same="order_number", b="code")
    met = left.inner_join(right, [left.order_number == right.same, left.a < right.b]).drop("same")
    counts = met.group_by("a", "b").aggregate(n=met.count())
    often = counts.filter(counts.n >= minimum).to_pandas()
    if often.empty:
        return out
    frequent = ibis.memtable(often[["a", "b"]].sort_values(["a", "b"], ignore_index=True))
    both = met.semi_join(frequent, ["a", "b"])
    out.append(frame(both.group_by("a", "b", "block").aggregate(n=both.count()), by=["a", "b", "block"]))
    if largest == 2:
        return out
    more = both.select(same="order_number", a_="a", c="b").view()
    three = both.inner_join(more, [both.order_number == more.same, both.a == more.a_, both.b < more.c])
    three = three.select("order_number", "block", "a", "b", "c")
    tail = frequent.select(b_="a", c_="b").view()
    three = three.semi_join(tail, [three.b == tail.b_, three.c == tail.c_])
    counts = three.group_by("a", "b", "c").aggregate(n=three.count())
    often = counts.filter(counts.n >= minimum).to_pandas()
    if often.empty:
        return out
    named = ibis.memtable(often[["a", "b", "c"]].sort_values(["a", "b", "c"], ignore_index=True))
    all_three = three.semi_join(named, ["a", "b", "c"])
    out.append(frame(all_three.group_by("a", "b", "c", "block").aggregate(n=all_three.count()), by=["a", "b", "c", "block"]))
    return out


def _measured(items: np.ndarray, sets: list[pd.DataFrame], bases: pd.DataFrame, *, three: bool) -> tuple[pd.DataFrame, int]:
    """The measures of every rule, and how many rules could have been expected 5 times."""
    from scipy import stats

    blocks = bases["block"].to_numpy()
    per_block = bases["n"].to_numpy(dtype=float)
    n = per_block.sum()
    single, (pair, pairs), (triple, triples) = (_by_block(s, blocks) for s in (*sets, *[None] * (3 - len(sets))))
    single = single[0]
    totals = single.sum(axis=0)
    rows = []  # left side, right side, set, left, strongest shorter set, its left: columns of the counts by block
    if len(pairs):
        a, b = pairs.T
        empty = np.broadcast_to(per_block[:, None], pair.shape)
        rows += [(x, None, y, pair, single[:, x], single[:, y], empty) for x, y in ((a, b), (b, a))]
    if len(triples):
        place = {tuple(p): k for k, p in enumerate(pairs)}
        at = {two: np.array([place[tuple(t[list(two)])] for t in triples]) for two in ((0, 1), (0, 2), (1, 2))}
        for right in range(3):
            first, second = (k for k in range(3) if k != right)
            left = pair[:, at[first, second]]
            ways = [(pair[:, at[tuple(sorted((k, right)))]], single[:, triples[:, k]]) for k in (first, second)]
            rate = [w.sum(axis=0) / s.sum(axis=0) for w, s in ways]
            stronger = rate[1] > rate[0]
            sub, sub_left = (np.where(stronger, ways[1][i], ways[0][i]) for i in (0, 1))
            rows.append((triples[:, first], triples[:, second], triples[:, right], triple, left, sub, sub_left))
    parts = [_rates(*row, per_block, totals, items) for row in rows]
    tested = _testable(totals, pair.sum(axis=0) if len(pairs) else np.array([]), n, three=three)
    columns = ["item_a", "item_b", "consequent", "orders_with", "orders_both", "expected_orders", "support", "confidence", "lift"]
    columns += ["leverage", "conviction", "gain", "gain_low", "gain_high", "p_value", "q_value"]
    if not parts:
        return pd.DataFrame(columns=columns), tested
    table = pd.concat(parts, ignore_index=True)
    padded = np.concatenate([table["p_value"], np.ones(max(tested - len(table), 0))])
    table["q_value"] = stats.false_discovery_control(padded, method="bh")[: len(table)]
    table = table.sort_values(
        ["gain_low", "item_a", "item_b", "consequent"], ascending=[False, True, True, True], ignore_index=True, na_position="last"
    )
    table["item_b"] = table["item_b"].astype(object).where(table["item_b"].notna(), None)
    return table[columns], tested


def _by_block(rows: pd.DataFrame | None, blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Counts as blocks x sets, and the sets as rows of item codes."""
    if rows is None:
        return np.zeros((len(blocks), 0)), np.zeros((0, 0), dtype=int)
    names = [c for c in ("a", "b", "c") if c in rows]
    sets, place = np.unique(rows[names].to_numpy(), axis=0, return_inverse=True)
    out = np.zeros((len(blocks), len(sets)))
    out[np.searchsorted(blocks, rows["block"]), place.ravel()] = rows["n"]
    return out, sets


def _rates(a, b, y, met, left, sub, sub_left, per_block, totals, items) -> pd.DataFrame:
    from scipy import stats

    n = per_block.sum()
    n_met, n_left, n_sub, n_sub_left = (x.sum(axis=0) for x in (met, left, sub, sub_left))
    confidence, n_y = n_met / n_left, totals[y]
    gain = confidence * n_sub_left / n_sub
    # What each block adds to log gain; these sum to zero over the blocks.
    pull = met / n_met - left / n_left - sub / n_sub + sub_left / n_sub_left
    freedom = len(per_block) - 1
    error = np.sqrt((freedom + 1) / freedom * (pull**2).sum(axis=0))
    reach = stats.t.ppf(0.975, freedom) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        p = stats.t.sf(np.log(gain) / error, freedom)
        conviction = (1 - n_y / n) / (1 - confidence)
    return pd.DataFrame(
        {
            "item_a": items[a],
            "item_b": items[b] if b is not None else None,
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


def _testable(totals: np.ndarray, pairs: np.ndarray, n: float, *, three: bool) -> int:
    """Rules whose number of orders, were the sides independent, is at least 5."""
    ranked = np.sort(totals)
    wanted = MINIMUM_EXPECTED * n
    two = sum(len(ranked) - np.searchsorted(ranked, wanted / t) - (t * t >= wanted) for t in totals)
    if not three:
        return int(two)
    return int(two + sum(max(len(ranked) - np.searchsorted(ranked, wanted / p) - 2, 0) for p in pairs))
