"""What feedback depends on: how much of the differences between scores goes with what it is about, where, and how it was dealt
with."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import holm
from fivestep.language import N_, _
from fivestep.needs.feedback_cases import REVIEW, cases, score_scale
from fivestep.needs.kano import NO, YES

FEWEST = 50  # scores below which nothing is said
FEWEST_OF_LEVEL = 10  # scores of a level; smaller ones are put together
MOST_LEVELS = 12  # of a factor; the rest is put together
PER_COLUMN = 5  # scores per column of the regression, below which factors with the most levels are left out
BLOCKS = 20  # groups of customers between which the variance is measured
SIGNIFICANT = 0.05
SHOWN = 15
TINY = 1e-9
REST, NONE = "\x01rest", "\x02none"
ABOUT, PRODUCT, REGION, DEPARTMENT, ANSWER, SOLUTION = (
    N_("What it is about"), N_("Product"), N_("Region"), N_("Department in charge"), N_("Wait for the first answer"),
    N_("Whether it was solved"),
)  # fmt: skip
FACTORS = (ABOUT, PRODUCT, REGION, DEPARTMENT, ANSWER, SOLUTION)
# Hours up to which an answer belongs to the class.
WAITS = {4: N_("Up to 4 hours"), 24: N_("4 to 24 hours"), math.inf: N_("More than a day")}
UNANSWERED, SOLVED, OPEN = N_("No answer yet"), N_("Solved"), N_("Not solved")
_ANSWERS = N_("what customers' feedback depends on")


@dataclass(frozen=True)
class FeedbackDrivers:
    """Shares of the differences between scores in feedback.

    ``table``: one row per factor, most important first: factor, levels, lmg (its share of the R² of all factors) with ``_low``
    and ``_high`` (95 %), p_value (F test of the factor beside all others), p_holm, clear. ``levels``: one row per level with at
    least ten
    scores, lowest first: factor, level, answers, share_mean (0 lowest, 1 highest score). ``r2``: what all factors account for
    together, ``r2_adjusted`` for their number; ``answers``: scores; ``left_out``: factors with too many levels for so few scores.
    """

    table: pd.DataFrame
    levels: pd.DataFrame
    r2: float
    r2_adjusted: float
    answers: int
    scale: tuple[float, float]
    left_out: tuple[str, ...]

    def figure(self) -> Figure:
        """Share of every factor with its interval."""
        t = self.table
        return charts.intervals(
            [_(f) for f in t["factor"]],
            t["lmg"],
            t["lmg_low"],
            t["lmg_high"],
            write=language.percent,
            xlabel=_("Share of the explained variance"),
        )

    def shown(self) -> pd.DataFrame:
        """The levels with the lowest and the highest mean score."""
        t = self.levels
        ends = t if len(t) <= SHOWN else pd.concat([t.head(SHOWN - SHOWN // 3), t.tail(SHOWN // 3)])
        return pd.DataFrame(
            {
                "feedback_factor": ends["factor"].to_numpy(),
                "factor_level": [_level(f, v) for f, v in zip(ends["factor"], ends["level"], strict=True)],
                "factor_scores": ends["answers"].to_numpy(),
                "factor_mean": ends["share_mean"].to_numpy(),
            }
        )

    def headline(self) -> str:
        """The factor on which scores depend most, where it is more than chance."""
        clear = self.table[self.table["clear"] == YES]
        if clear.empty:
            return _("No factor clearly moves the scores that customers give in feedback")
        return _("{factor}: {share} of what is explained of the scores in feedback").format(
            factor=_(clear.factor.iloc[0]), share=language.percent(clear["lmg"].iloc[0])
        )

    def table_headline(self) -> str:
        """The level with the lowest mean score."""
        low = self.levels.iloc[0]
        return _("Lowest scores: {factor}: {level}, mean {mean} of the way up the scale").format(
            factor=_(low.factor), level=_level(low["factor"], low["level"]), mean=language.percent(low["share_mean"])
        )

    def note(self) -> str:
        """Method and base."""
        parts = [
            _(
                "Linear regression of the score on all factors, their levels as columns; LMG shares of R² (mean gain over all "
                "orders in which factors can enter), intervals between {blocks} blocks of customers. R² {r2}, adjusted for the "
                "number of levels {adjusted}. Clear: F test beside all other factors, Holm's correction, 5%. Base: {n} scores on "
                "a scale from {low} to {high}; levels with fewer than {few} scores are put together."
            ).format(
                blocks=language.number(BLOCKS),
                r2=language.percent(self.r2),
                adjusted=language.percent(self.r2_adjusted),
                n=language.number(self.answers),
                low=language.number(self.scale[0]),
                high=language.number(self.scale[1]),
                few=language.number(FEWEST_OF_LEVEL),
            )
        ]
        if self.left_out:
            parts.append(
                _("Left out, as there are too few scores for their levels: {factors}.").format(
                    factors=language.listing([_(f) for f in self.left_out])
                )
            )
        return " ".join(parts)

    def finding(self) -> Finding:
        """How much of the scores the first factor accounts for."""
        top = self.table.iloc[0]
        clear = self.table.loc[self.table["clear"] == YES, "factor"]
        return Finding(
            key="needs.feedback_driver_share",
            value=float(top["lmg"]),
            unit="share",
            display=language.percent(top["lmg"]),
            text=language.sentence(self.headline()),
            evidence=_("Clear: {factors}. R² adjusted {r2}; {n} scores.").format(
                factors=language.listing([_(f) for f in clear]) if len(clear) else language.MISSING,
                r2=language.percent(self.r2_adjusted),
                n=language.number(self.answers),
            ),
            so_what=_("Start with the levels at the head of the list; the same score everywhere else needs no programme.")
            if len(clear)
            else _("Look for the reasons in the texts: place, product and handling do not tell them."),
            confidence="medium" if self.answers >= 4 * FEWEST and len(clear) else "low",
            warnings=(
                _("Only feedback with a score counts: who stays silent is not in it."),
                _("Association: answering faster need not raise a score by the difference between the levels."),
            ),
            assumptions=(self.note(),),
        )


@needs("feedback.satisfaction", answers=_ANSWERS)
def feedback_drivers(tables: Tables) -> FeedbackDrivers | NotAvailable:
    """LMG shares of the factors of feedback in the variance of its scores, with block jackknife intervals and F tests.

    Factors: what it is about (cause of a complaint, else the kind), product (its category, where there are any), region,
    department,
    wait for the first answer, whether it was solved. Those with one level are left out; so are those with most levels until there
    are five scores per column. Reviews need no answer and no solution: a wait and a solution are compared among the other kinds.

    Source: Lindeman, Merenda and Gold (1980); Grömping (2007), The American Statistician 61(2); Holm (1979).
    """
    scale = score_scale(tables)
    if scale is None:
        return NotAvailable((), _(_ANSWERS), reason=_("all scores in feedback are the same, or there are none."))
    told = cases(tables).filter(lambda t: t.satisfaction.notnull())
    hours = (told.responded_at.epoch_seconds() - told.created_at.epoch_seconds()) / 3600
    told = told.select(
        *(
            "feedback_id",
            "customer_id",
            "kind",
            "cause",
            "product",
            "product_id",
            "region",
            "department",
            "solved",
            "satisfaction",
        ),
        hours=hours.cast("float64"),
    )
    if not tables.missing("products.category"):
        names = tables.products.select(_product="product_id", category="category")
        told = told.left_join(names, told.product_id == names._product).drop("_product")
    rows = frame(told, by=["feedback_id"])
    if len(rows) < FEWEST:
        reason = _("fewer than {n} pieces of feedback have a score.").format(n=language.number(FEWEST))
        return NotAvailable((), _(_ANSWERS), reason=reason)
    score = ((rows["satisfaction"] - scale[0]) / (scale[1] - scale[0])).to_numpy(dtype=float)
    levels, left_out = _factors(rows), []
    columns = {f: _dummies(v) for f, v in levels.items()}
    while columns and sum(c.shape[1] for c in columns.values()) * PER_COLUMN > len(rows):
        worst = max(columns, key=lambda f: (columns[f].shape[1], FACTORS.index(f)))
        left_out.append(worst)
        columns.pop(worst)
    if not columns or np.ptp(score) == 0:
        return NotAvailable((), _(_ANSWERS), reason=_("what is known of feedback does not differ between its pieces."))
    names = list(columns)
    who = rows["customer_id"].fillna(rows["feedback_id"])
    block = pd.factorize(who, sort=True)[0] % BLOCKS
    blocks = [_cross(columns, score, block == b) for b in range(BLOCKS) if (block == b).any()]
    whole = sum(blocks)
    spans = _spans(columns)
    lmg, r2, subset = _lmg(whole, spans)
    if r2 <= TINY:
        return NotAvailable((), _(_ANSWERS), reason=_("what is known of feedback does not go with its scores at all."))
    share = lmg / r2
    left = np.array([_share(whole - part, spans) for part in blocks])
    error = np.sqrt((len(blocks) - 1) / len(blocks) * ((left - left.mean(axis=0)) ** 2).sum(axis=0))
    from scipy.stats import f as fisher
    from scipy.stats import t as student

    reach = float(student.ppf(0.975, len(blocks) - 1)) * error
    everything = (1 << len(names)) - 1
    rank = {s: _rank(whole, spans, s) for s in (everything, *(everything & ~(1 << j) for j in range(len(names))))}
    free = len(rows) - 1 - rank[everything]
    ps = []
    for j in range(len(names)):
        without = everything & ~(1 << j)
        own = rank[everything] - rank[without]
        gain = max(r2 - subset[without], 0.0)
        ps.append(float(fisher.sf(gain / own / ((1 - r2) / free), own, free)) if own and free > 0 and r2 < 1 else 1.0)
    table = pd.DataFrame(
        {
            "factor": names,
            "levels": [columns[f].shape[1] + 1 for f in names],
            "lmg": share,
            "lmg_low": np.clip(share - reach, 0, 1),
            "lmg_high": np.clip(share + reach, 0, 1),
            "p_value": ps,
        }
    )
    table["p_holm"] = holm(table["p_value"]).reindex(table.index)
    table["clear"] = np.where(table["p_holm"] < SIGNIFICANT, YES, NO)
    table["_order"] = -table["lmg"].round(12)
    table = table.sort_values(["_order", "factor"], ignore_index=True).drop(columns="_order")
    means = _means({f: levels[f] for f in names}, score)
    adjusted = 1 - (1 - r2) * (len(rows) - 1) / free if free > 0 else math.nan
    return FeedbackDrivers(table, means, r2, adjusted, len(rows), scale, tuple(left_out))


def _factors(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """The level of every piece of feedback in every factor that differs, small levels put together."""
    review = rows["kind"] == REVIEW
    wait = pd.Series(UNANSWERED, index=rows.index)
    for limit, name in reversed(WAITS.items()):
        wait = wait.where(~(rows["hours"] <= limit), name)
    made = {
        ABOUT: rows["cause"].fillna(rows["kind"]),
        PRODUCT: rows["category"] if "category" in rows else rows["product"],
        REGION: rows["region"],
        DEPARTMENT: rows["department"],
        ANSWER: wait.where(~review, NONE),
        SOLUTION: pd.Series(np.where(rows["solved"], SOLVED, OPEN), index=rows.index).where(~review, NONE),
    }
    out = {}
    for factor, values in made.items():
        values = values.fillna(NONE).astype(str)
        counts = values.value_counts()
        kept = sorted(counts.index[counts >= FEWEST_OF_LEVEL], key=lambda v, c=counts: (-c[v], v))[:MOST_LEVELS]
        values = values.where(values.isin(kept), REST)
        if len(set(values) - {NONE}) > 1:
            out[factor] = values
    return out


def _dummies(values: pd.Series) -> np.ndarray:
    """A column for every level but the first, by name, less its mean; 0 where the level is not known: a gap says nothing."""
    known = (values != NONE).to_numpy()
    is_level = np.column_stack([(values == name).to_numpy(dtype=float) for name in sorted(set(values) - {NONE})[1:]])
    return np.where(known[:, None], is_level - is_level[known].mean(axis=0), 0.0)


def _cross(columns: dict[str, np.ndarray], score: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Sums of products of 1, all columns and the score over the rows *inside*; sums of parts are those of the whole."""
    data = np.column_stack([np.ones(len(score)), *columns.values(), score])[inside]
    return data.T @ data


def _spans(columns: dict[str, np.ndarray]) -> list[np.ndarray]:
    ends = list(itertools.accumulate((c.shape[1] for c in columns.values()), initial=1))
    return [np.arange(a, b) for a, b in itertools.pairwise(ends)]


def _centred(cross: np.ndarray) -> np.ndarray:
    return cross - np.outer(cross[0], cross[0]) / cross[0, 0]


def _r2(cross: np.ndarray, spans: list[np.ndarray], subset: int) -> float:
    centred = _centred(cross)
    chosen = np.concatenate([s for j, s in enumerate(spans) if subset >> j & 1] or [np.array([], dtype=int)])
    if not len(chosen) or centred[-1, -1] <= 0:
        return 0.0
    among, outcome = centred[np.ix_(chosen, chosen)], centred[chosen, -1]
    return float(outcome @ np.linalg.pinv(among, rcond=1e-9, hermitian=True) @ outcome / centred[-1, -1])


def _rank(cross: np.ndarray, spans: list[np.ndarray], subset: int) -> int:
    chosen = np.concatenate([s for j, s in enumerate(spans) if subset >> j & 1] or [np.array([], dtype=int)])
    return int(np.linalg.matrix_rank(_centred(cross)[np.ix_(chosen, chosen)], rtol=1e-9, hermitian=True)) if len(chosen) else 0


def _lmg(cross: np.ndarray, spans: list[np.ndarray]) -> tuple[np.ndarray, float, list[float]]:
    """LMG of every factor, summing to R²; R²; and R² of every subset, bit j of whose index is factor j."""
    p = len(spans)
    r2 = [_r2(cross, spans, s) for s in range(2**p)]
    out = np.zeros(p)
    for j in range(p):
        for s in range(2**p):
            if not s >> j & 1:
                k = s.bit_count()
                out[j] += math.factorial(k) * math.factorial(p - k - 1) / math.factorial(p) * (r2[s | 1 << j] - r2[s])
    return out, r2[-1], r2


def _share(cross: np.ndarray, spans: list[np.ndarray]) -> np.ndarray:
    lmg, r2, _subsets = _lmg(cross, spans)
    return lmg / r2 if r2 > TINY else np.full(len(spans), 1 / len(spans))


def _means(levels: dict[str, pd.Series], score: np.ndarray) -> pd.DataFrame:
    parts = []
    for factor, values in levels.items():
        own = pd.DataFrame({"level": values.to_numpy(), "score": score}).groupby("level")["score"].agg(["size", "mean"])
        parts.append(
            pd.DataFrame({"factor": factor, "level": own.index, "answers": own["size"], "share_mean": own["mean"]}).reset_index(
                drop=True
            )
        )
    out = pd.concat(parts)
    out = out[~out["level"].isin([NONE, REST]) & (out["answers"] >= FEWEST_OF_LEVEL)]
    out["_order"] = out["share_mean"].round(12)
    return out.sort_values(["_order", "factor", "level"], ignore_index=True).drop(columns="_order")


def _level(factor: str, level: str) -> str:
    """A level as the reader sees it."""
    if factor in (ANSWER, SOLUTION):
        return _(level)
    if factor == ABOUT:
        named = language.value("feedback.cause", level)
        return _(level) if named == level else named
    field = {PRODUCT: "products.category", REGION: "customers.region", DEPARTMENT: "feedback.department"}[factor]
    named = language.value(field, level)
    return language.value("products.product_name", level) if factor == PRODUCT and named == level else named
