"""The rule that reproduces a segment: a small decision tree, written as SQL, with the share of customers it gets right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.findings import NotAvailable
from fivestep.language import N_, _

ANSWERS = N_("which rule reproduces the segments in the client's own system")
LEAVES = 12
SMALLEST = 0.01  # share of customers below which a rule is no rule
FAITHFUL = 0.9  # share of customers got right on others from which the rule can stand in for the segments
FOLDS = 5
FEW = 50
SEED = 20


@dataclass(frozen=True)
class SegmentRules:
    """A decision tree that says the segment of a customer from *measures*.

    ``table``: one row per segment: segment, customers, sql_rule (a condition of SQL; missing where no rule names the segment),
    rule_precision (share of those the rule names who are of the segment) and rule_recall (share of the segment that it names).
    ``expression``: one CASE expression that gives the segment. ``fidelity``: share of customers whose segment it gives;
    ``held_out``: the same for customers who had no part in growing the tree (cross-validation in `FOLDS` parts); ``largest``:
    share of the largest segment, which naming it for everybody would get right.
    """

    table: pd.DataFrame
    expression: str
    measures: tuple[str, ...]
    fidelity: float
    held_out: float
    largest: float
    of: str

    def headline(self) -> str:
        """How far the rule can stand in for the segments."""
        said = _("A rule of {n} conditions gives the segment of {share} of customers it has not seen").format(
            n=language.number(self.expression.count("WHEN ")), share=language.percent(self.held_out)
        )
        return said if self.held_out >= FAITHFUL else _("{said}: too few to stand in for the segments").format(said=said)

    def shown(self) -> pd.DataFrame:
        """``table`` without the SQL, which is long: how far the rule of each segment can be trusted."""
        return self.table.drop(columns="sql_rule")

    def note(self) -> str:
        """What the rule is, how it was tested, and which segments it never names."""
        said = _(
            "Decision tree with at most {leaves} leaves on {measures}; cross-validated in {folds} parts (on the customers it was "
            "grown on: {fidelity}; naming the largest segment for everybody: {largest}). The list of rules holds them as SQL."
        )
        without = [_(s) for s in self.table.loc[self.table["sql_rule"].isna(), "segment"]]
        if without:
            said += " " + _("No rule names {segments}: too few, or too like others to be told by these measures.")
        return said.format(
            segments=language.listing(without),
            leaves=LEAVES,
            measures=language.listing(list(self.measures)),
            folds=FOLDS,
            fidelity=language.percent(self.fidelity),
            largest=language.percent(self.largest),
        )


def segment_rules(frame: pd.DataFrame | NotAvailable, segment: str, measures: list[str]) -> SegmentRules | NotAvailable:
    """The rule that reproduces column *segment* of *frame* (one row per customer) from the numeric columns *measures*.

    Rows without a segment are excluded, and a `NotAvailable` comes back as it is; a missing measure counts as 0 and the SQL
    says so (COALESCE). `NotAvailable` below `FEW` customers or with one segment only. Thresholds are written in full, so that
    SQL on the same numbers gives the same segments as the tree.

    Source: surrogate trees after Craven and Shavlik (1996); CART, Breiman et al. (1984).
    """
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.tree import DecisionTreeClassifier

    if isinstance(frame, NotAvailable):
        return frame
    known = frame[frame[segment].notna()].sort_values("customer_id")
    names, labels = np.unique(known[segment].astype(str), return_inverse=True)
    if len(known) < FEW or len(names) < 2:
        return NotAvailable(
            (), _(ANSWERS), reason=_("there are fewer than two segments or fewer than {n} customers.").format(n=FEW)
        )
    used = [m for m in measures if known[m].notna().any()]
    values = known[used].astype(float).fillna(0.0).to_numpy()
    tree = DecisionTreeClassifier(max_leaf_nodes=LEAVES, min_samples_leaf=max(1, int(SMALLEST * len(known))), random_state=SEED)
    given = tree.fit(values, labels).predict(values)
    held_out = float("nan")
    if np.bincount(labels).min() >= FOLDS:
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
        held_out = float((cross_val_predict(tree, values, labels, cv=folds) == labels).mean())
    else:  # a tiny segment cannot be divided
        held_out = float((given == labels).mean())
    paths = _paths(tree.tree_, used)
    rows = []
    for i, name in enumerate(names):
        mine = [condition for condition, leaf in paths if leaf == i]
        both = float(((given == i) & (labels == i)).sum())
        rows.append({
            "segment": name,
            "customers": int((labels == i).sum()),
            "sql_rule": "\n OR ".join(f"({c})" for c in mine) if mine else None,
            "rule_precision": both / (given == i).sum() if (given == i).any() else np.nan,
            "rule_recall": both / (labels == i).sum(),
        })  # fmt: skip
    whens = "\n".join(f"  WHEN {condition} THEN {_quoted(str(names[leaf]))}" for condition, leaf in paths)
    return SegmentRules(
        table=pd.DataFrame(rows),
        expression=f"CASE\n{whens}\nEND",
        measures=tuple(used),
        fidelity=float((given == labels).mean()),
        held_out=held_out,
        largest=float(np.bincount(labels).max() / len(labels)),
        of=segment,
    )


def _paths(tree, measures: list[str]) -> list[tuple[str, int]]:
    """For each leaf, from left to right: the condition that leads to it, and the segment it names."""
    found: list[tuple[str, int]] = []

    def named(node: int) -> set[int]:
        if tree.children_left[node] == -1:
            return {int(tree.value[node][0].argmax())}
        return named(int(tree.children_left[node])) | named(int(tree.children_right[node]))

    def walk(node: int, bounds: dict[int, tuple[float, float]]) -> None:
        if len(below := named(node)) == 1:  # a split between two leaves of one segment is none
            found.append((_condition(bounds, measures), below.pop()))
            return
        feature, threshold = int(tree.feature[node]), float(tree.threshold[node])
        low, high = bounds.get(feature, (-np.inf, np.inf))
        walk(int(tree.children_left[node]), bounds | {feature: (low, min(high, threshold))})
        walk(int(tree.children_right[node]), bounds | {feature: (max(low, threshold), high)})

    walk(0, {})
    return found


def _condition(bounds: dict[int, tuple[float, float]], measures: list[str]) -> str:
    parts = []
    for feature, (low, high) in sorted(bounds.items()):
        # The tree compares in single precision, as CAST(... AS REAL) does; thresholds lie between two such numbers.
        column = f'CAST(COALESCE("{measures[feature].replace(chr(34), chr(34) * 2)}", 0) AS REAL)'
        parts += [f"{column} > {low!r}"] if np.isfinite(low) else []
        parts += [f"{column} <= {high!r}"] if np.isfinite(high) else []
    return " AND ".join(parts) or "TRUE"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
