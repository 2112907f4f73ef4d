"""Value explained by what is known of the customers: a regression, with the checks that say whether to believe it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _
from fivestep.segmentation.purchases import purchases
from fivestep.segmentation.value_by import FIELDS, division_label

ANSWERS = N_("how far what is known of the customers explains their value")
PER_LEVEL = 15  # customers for each coefficient
LEVELS = 12
KNOWN = 0.6  # share of customers for whom a field must be known
LEAST = 10  # customers of a level
FOLDS, SEED = 10, 20
CONDITION = 30  # condition number from which coefficients are unsafe (Belsley, Kuh and Welsch 1980)
SLIGHT = 0.02  # share explained in customers not seen, under which the model explains nothing


@dataclass(frozen=True)
class ValueRegression:
    """Least squares of the logarithm of spend in the window on traits of the customers.

    ``table``: one row per level other than the reference (the most frequent): trait, trait_value, reference, customers, effect
    (spend relative to the reference, other traits equal, less 1), effect_low, effect_high (95 %, robust to unequal variances,
    HC3). ``explained``: R squared; ``predicted``: R squared on customers not used for the fit (ten-fold); ``condition``:
    condition number of the standardised design; ``unequal``: p of the Breusch-Pagan test.
    """

    table: pd.DataFrame
    customers: int
    explained: float
    predicted: float
    condition: float
    unequal: float
    warnings: tuple[str, ...]

    def shown(self) -> pd.DataFrame:
        """``table`` with traits and values as the reader knows them, strongest effects first."""
        t = self.table.assign(sure=np.fmax(self.table["spend_effect_low"], -self.table["spend_effect_high"]))
        t = t.sort_values(["sure", "trait", "trait_value"], ascending=[False, True, True]).drop(columns="sure")
        names = list(t["trait"])
        for column in ("trait_value", "reference"):
            t[column] = [language.value(f"customers.{f}", v) for f, v in zip(names, t[column], strict=True)]
        return t.assign(trait=[division_label(f) for f in names]).reset_index(drop=True)

    def headline(self) -> str:
        """How much of the differences in spend the traits foretell."""
        if self.predicted < SLIGHT:
            return _("What is known of the customers foretells next to nothing of their spend")
        return _("What is known of the customers foretells {share} of the differences in spend").format(
            share=language.percent(self.predicted)
        )

    def note(self) -> str:
        """Model and checks."""
        return _(
            "Base: {n} customers with positive spend in the window and all traits known. Least squares of the logarithm of "
            "spend; explained {explained}, on customers not used {predicted} (ten-fold cross-validation); condition number "
            "{condition} (unsafe from {limit}); test of equal variances p {p} (Breusch–Pagan; intervals are robust, HC3)."
        ).format(
            n=language.number(self.customers), explained=language.percent(self.explained),
            predicted=language.percent(self.predicted),
            condition=language.number(self.condition), limit=CONDITION, p=language.number(self.unequal, 3),
        )  # fmt: skip

    def finding(self) -> Finding:
        """Whether traits can stand in for purchases."""
        return Finding(
            key="segmentation.spend_foretold_by_traits",
            value=self.predicted,
            unit="share",
            display=language.percent(max(self.predicted, 0.0)),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Choose whom to contact by what they bought; use traits to choose words.")
            if self.predicted < 0.2
            else _("Use the traits to judge customers of whom no purchase is known yet."),
            confidence="medium" if self.warnings else "high",
            warnings=self.warnings,
            assumptions=(_("An effect is association: customers of a group may differ in what is not known of them."),),
        )


@needs("orders.customer_id", "orders.order_date", "orders.order_amount", "customers.customer_id", answers=ANSWERS)
def value_regression(tables: Tables, *, window_days: int = 365) -> ValueRegression | NotAvailable:
    """Regress the logarithm of spend in the last *window_days* days on the traits of the customers.

    Traits: the fields that `FIELDS` of the rule segments names, with 2 to 12 levels and known for 60 % of the customers; levels
    under ten customers, and customers with a trait unknown, are left out. `NotAvailable` without such a trait or with fewer than
    15 customers for each coefficient.

    Source of the intervals: MacKinnon and White (1985); of the test: Breusch and Pagan (1979), Koenker's form.
    """
    bought = purchases(tables, window_days=window_days)
    bought = bought[(bought["frequency"] > 0) & (bought["monetary"] > 0)].sort_values("customer_id", ignore_index=True)
    fields = [f for f in FIELDS if f not in ("interests", "city", "province") and not tables.missing(f"customers.{f}")]
    nothing = NotAvailable((), _(ANSWERS), reason=_("too little is known of too few customers."))
    if not fields or bought.empty:
        return nothing
    texts = tables.customers.select("customer_id", **{f: tables.customers[f].cast("string") for f in fields})
    known = (
        frame(texts, by=["customer_id"]).drop_duplicates("customer_id").set_index("customer_id").reindex(bought["customer_id"])
    )
    fields = [f for f in fields if known[f].notna().mean() >= KNOWN]
    data = known[fields].reset_index(drop=True).assign(log=np.log(bought["monetary"].to_numpy())).dropna()
    for f in fields:
        sizes = data[f].value_counts()
        data = data[data[f].isin(sizes[sizes >= LEAST].index)]
    fields = [f for f in fields if 2 <= data[f].nunique() <= LEVELS]
    columns, rows = [np.ones(len(data))], []
    for f in fields:
        sizes = data[f].value_counts()
        order = sorted(sizes.index, key=lambda v: (-sizes[v], v))
        for value in order[1:]:
            columns.append((data[f] == value).to_numpy(dtype=float))
            rows.append((f, value, order[0], int(sizes[value])))
    design, y = np.column_stack(columns), data["log"].to_numpy()
    while rows and np.linalg.matrix_rank(design) < design.shape[1]:  # a level that others determine
        design, rows = design[:, :-1], rows[:-1]
    if not rows or len(y) < PER_LEVEL * design.shape[1]:
        return nothing
    inverse = np.linalg.inv(design.T @ design)
    beta = inverse @ design.T @ y
    left = y - design @ beta
    leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
    weighted = design * (left / np.maximum(1 - leverage, 1e-9))[:, None]
    error = np.sqrt(np.diag(inverse @ (weighted.T @ weighted) @ inverse))[1:]
    table = pd.DataFrame(rows, columns=["trait", "trait_value", "reference", "customers"])
    for name, shift in (("spend_effect", 0.0), ("spend_effect_low", -1.96), ("spend_effect_high", 1.96)):
        table[name] = np.expm1(beta[1:] + shift * error).round(6)
    scaled = (design[:, 1:] - design[:, 1:].mean(axis=0)) / design[:, 1:].std(axis=0)
    condition = float(np.linalg.cond(scaled))
    explained, predicted = _r2(y, design @ beta), _cross_validated(design, y)
    out = []
    if condition >= CONDITION:
        out.append(_("Traits go together so closely that their effects cannot be told apart."))
    if explained - predicted > 0.05:
        out.append(_("The model explains the customers it was made from better than others: too many traits for so few."))
    return ValueRegression(table, len(y), explained, predicted, condition, _breusch_pagan(design, left), tuple(out))


def _r2(y: np.ndarray, fitted: np.ndarray) -> float:
    total = float(((y - y.mean()) ** 2).sum())
    return round(1 - float(((y - fitted) ** 2).sum()) / total, 6) if total > 1e-12 else 0.0


def _cross_validated(design: np.ndarray, y: np.ndarray) -> float:
    part = np.random.default_rng(SEED).permutation(len(y)) % FOLDS
    fitted = np.empty(len(y))
    for fold in range(FOLDS):
        mine = part == fold
        fitted[mine] = design[mine] @ np.linalg.lstsq(design[~mine], y[~mine], rcond=None)[0]
    return _r2(y, fitted)


def _breusch_pagan(design: np.ndarray, left: np.ndarray) -> float:
    from scipy import stats

    squares = left**2
    fitted = design @ np.linalg.lstsq(design, squares, rcond=None)[0]
    return float(stats.chi2.sf(max(len(left) * _r2(squares, fitted), 0.0), design.shape[1] - 1))
