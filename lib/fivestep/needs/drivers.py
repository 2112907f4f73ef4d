"""What drives satisfaction: how much of its variance each rated aspect accounts for, beside the importance that is stated."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import Z
from fivestep.language import N_, _
from fivestep.needs.kano import NO, YES, stated_importance
from fivestep.needs.survey import IMPORTANCE, OVERALL, SATISFACTION, Survey

MOST_EXACT = 12  # drivers up to which every subset is taken; with more only Johnson's weights
DRAWS = 500
SEED = 2000
ANSWERED = 2 / 3  # share of who rated the whole that must have rated an aspect for it to be a driver
PER_DRIVER = 5  # answers per driver below which nothing is said
ENOUGH_PER_DRIVER = 20  # answers per driver below which a warning is given
CHUNK = 50  # bootstrap draws at a time
SINGULAR = 1e-10

KEY, HIDDEN, STATED_ONLY, MINOR = N_("Key"), N_("Hidden"), N_("Stated only"), N_("Minor")

_ANSWERS = N_("which rated aspects drive overall satisfaction")
_MAP = N_("whether customers state as important what drives their satisfaction")


@dataclass(frozen=True)
class Drivers:
    """Relative importance of the rated aspects for overall satisfaction.

    ``table``: one row per driver, most important first: driver, driver_label, rating_mean (0 to 1 of the scale), correlation
    (with overall satisfaction), lmg and johnson (share of R2; they sum to 1 each) with ``_low`` and ``_high`` (95 %,
    bootstrap), importance (mean as stated, on its own scale, with ``_low`` and ``_high``; NaN where it was not asked). lmg is
    NaN with more than twelve drivers. ``r2``: share of the variance of overall satisfaction that the drivers account for
    together, with ``r2_low`` and ``r2_high``. ``answers``: customers who rated the whole and every driver; ``incomplete``: who
    rated the whole but not every driver; ``unrated``: aspects that too few rated, ``constant``: aspects that everybody rated
    alike; both are left out.
    """

    table: pd.DataFrame
    r2: float
    r2_low: float
    r2_high: float
    answers: int
    incomplete: int
    unrated: tuple[str, ...]
    constant: tuple[str, ...]
    survey: Survey

    @property
    def measure(self) -> str:
        """The measure that ranks the drivers: lmg, or johnson where there are too many drivers for it."""
        return "lmg" if len(self.table) <= MOST_EXACT else "johnson"

    def shown(self) -> pd.DataFrame:
        """The drivers as a reader sees them."""
        columns = [
            "driver_label",
            "rating_mean",
            "driver_correlation",
            "lmg",
            "lmg_low",
            "lmg_high",
            "johnson",
            "johnson_low",
            "johnson_high",
        ]
        out = self.table.rename(columns={"correlation": "driver_correlation"})
        if self.measure == "johnson":
            columns = [c for c in columns if not c.startswith("lmg")]
        return out[columns].copy()

    def figure(self) -> Figure:
        """Share of the explained variance of every driver with its interval."""
        t, m = self.table, self.measure
        return charts.intervals(
            list(t["driver_label"]),
            t[m],
            t[f"{m}_low"],
            t[f"{m}_high"],
            write=language.percent,
            reference=1 / len(t),
            reference_label=_("Equal shares"),
            xlabel=_("Share of the explained variance"),
        )

    def headline(self) -> str:
        """The strongest driver and how much all of them account for."""
        top = self.table.iloc[0]
        return _("{driver} accounts for {share} of what the {n} aspects explain of satisfaction").format(
            driver=top["driver_label"], share=language.percent(top[self.measure]), n=language.number(len(self.table))
        )

    def table_headline(self) -> str:
        """How much the drivers account for together."""
        return _("The {n} aspects explain {r2} of the differences in satisfaction ({low} to {high})").format(
            n=language.number(len(self.table)),
            r2=language.percent(self.r2),
            low=language.percent(self.r2_low),
            high=language.percent(self.r2_high),
        )

    def note(self) -> str:
        """Method, base, what was left out."""
        parts = [
            _(
                "LMG: mean gain in R² over all orders in which the aspects can enter a linear regression (Shapley value), as "
                "a share of R²; Johnson: relative weights. 95% intervals: bootstrap over respondents."
            )
            if self.measure == "lmg"
            else _(
                "Johnson's relative weights as a share of R²; with more than {n} aspects LMG is not computed. 95% intervals: "
                "bootstrap over respondents."
            ).format(n=language.number(MOST_EXACT)),
            _("R² {r2} ({low} to {high}). Base: {n} customers who rated the whole and every aspect.").format(
                r2=language.percent(self.r2),
                low=language.percent(self.r2_low),
                high=language.percent(self.r2_high),
                n=language.number(self.answers),
            ),
            self.survey.scale_note(SATISFACTION),
        ]
        if self.incomplete:
            parts.append(
                _("Left out, as they rated the whole but not every aspect: {n}.").format(n=language.number(self.incomplete))
            )
        if self.unrated:
            unrated = language.listing(list(self.unrated))
            parts.append(_("Too seldom rated together with the whole: {aspects}.").format(aspects=unrated))
        if self.constant:
            parts.append(_("Rated alike by everybody: {aspects}.").format(aspects=language.listing(list(self.constant))))
        return " ".join(parts)

    def importance_map(self) -> ImportanceMap | NotAvailable:
        """The drivers beside their stated importance, where it was asked of at least two."""
        t = self.table[self.table["importance"].notna()].reset_index(drop=True)
        if len(t) < 2:
            return NotAvailable((), _(_MAP), reason=_("the survey asks for the importance of fewer than two rated aspects."))
        return ImportanceMap(t, self)

    def finding(self) -> Finding:
        """R2 and the strongest driver."""
        m, t = self.measure, self.table
        top = t.iloc[0]
        apart = len(t) < 2 or top[f"{m}_low"] > t.iloc[1][f"{m}_high"]
        warnings = [_("Association in one survey: raising an aspect need not raise satisfaction by its share.")]
        if self.answers < ENOUGH_PER_DRIVER * len(t):
            warnings.append(
                _("{n} complete answers for {drivers} aspects: the intervals are wide.").format(
                    n=language.number(self.answers), drivers=language.number(len(t))
                )
            )
        if self.r2 < 0.2:
            warnings.append(_("The aspects explain little of satisfaction: what matters most may not have been asked."))
        if self.incomplete > self.answers:
            warnings.append(_("More than half of who rated the whole left out an aspect and are not in the base."))
        reach = Z / math.sqrt(self.answers - 3)
        falling = np.arctanh(t["correlation"].clip(-1 + 1e-12, 1 - 1e-12)) + reach < 0  # Fisher's interval lies below 0
        if falling.any():
            against = language.listing(t.loc[falling, "driver_label"].tolist())
            warnings.append(
                _("Satisfaction falls as the rating rises: {aspects}. Check which end of the scale is the good one.").format(
                    aspects=against
                )
            )
        return Finding(
            key="needs.satisfaction_driver_share",
            value=float(top[m]),
            unit="share",
            display=language.percent(top[m]),
            text=language.sentence(self.headline()),
            evidence=_("{driver}: {share} ({low} to {high}); R² {r2}; {n} customers.").format(
                driver=top["driver_label"],
                share=language.percent(top[m]),
                low=language.percent(top[f"{m}_low"]),
                high=language.percent(top[f"{m}_high"]),
                r2=language.percent(self.r2),
                n=language.number(self.answers),
            ),
            so_what=_("Improve {driver} first and see in the next survey whether satisfaction follows.").format(
                driver=top["driver_label"]
            )
            if apart
            else _("{driver} cannot be told from the next aspect: choose between them by cost.").format(
                driver=top["driver_label"]
            ),
            confidence="medium" if self.answers >= ENOUGH_PER_DRIVER * len(t) and self.r2 >= 0.2 else "low",
            warnings=tuple(warnings),
            assumptions=(self.note(),),
        )


@dataclass(frozen=True)
class ImportanceMap:
    """Derived against stated importance. ``table``: the drivers whose importance was asked, as in `Drivers.table`."""

    table: pd.DataFrame
    drivers: Drivers

    def places(self) -> pd.DataFrame:
        """The aspects by the two importances, strongest driver first.

        driver_label, derived_importance, stated_importance, rating_mean, importance_place (Key, Hidden, Stated only or Minor) and
        importance_clear: whether both 95 % intervals lie on one side of the means.
        """
        t, m = self.table, self.drivers.measure
        derived, stated = t[m], t["importance"]
        high, said = derived >= derived.mean(), stated >= stated.mean()
        clear = (t[f"{m}_low"] > derived.mean()) | (t[f"{m}_high"] < derived.mean())
        clear &= (t["importance_low"] > stated.mean()) | (t["importance_high"] < stated.mean())
        return pd.DataFrame(
            {
                "driver_label": t["driver_label"],
                "derived_importance": derived,
                "stated_importance": stated,
                "rating_mean": t["rating_mean"],
                "importance_place": np.select([high & said, high, said], [KEY, HIDDEN, STATED_ONLY], MINOR),
                "importance_clear": np.where(clear, YES, NO),
            }
        )

    def figure(self) -> Figure:
        """Derived against stated importance, cut at their means."""
        p = self.places()
        return charts.plane(
            list(p["driver_label"]),
            p["stated_importance"],
            100 * p["derived_importance"],
            write=lambda v: language.number(v, 1),
            xlabel=_("Stated importance, mean answer"),
            ylabel=_("Derived importance, % of the explained variance"),
            cross=(float(p["stated_importance"].mean()), float(100 * p["derived_importance"].mean())),
            corners=[_(HIDDEN), _(KEY), _(MINOR), _(STATED_ONLY)],
            accent=list(p["importance_clear"] == YES),
        )

    def headline(self) -> str:
        """The driver that customers do not name, else the ones that they do; only where it is more than chance."""
        p = self.places()
        p = p[p["importance_clear"] == YES]
        hidden, key = p[p["importance_place"] == HIDDEN], p[p["importance_place"] == KEY]
        if len(hidden):
            return _("{driver} drives satisfaction more than customers say").format(driver=hidden["driver_label"].iloc[0])
        if len(key):
            return _("Customers state as important what drives their satisfaction most: {drivers}").format(
                drivers=language.listing(key["driver_label"].tolist())
            )
        return _("No aspect clearly drives satisfaction more than customers say")

    def table_headline(self) -> str:
        """How many aspects have a clear place."""
        p = self.places()
        return _("Aspects with a clear place: {n} of {all}").format(
            n=language.number((p["importance_clear"] == YES).sum()), all=language.number(len(p))
        )

    def note(self) -> str:
        """What the two importances are."""
        return " ".join(
            [
                _(
                    "Derived: share of the explained variance; stated: mean answer to the question how important the aspect "
                    "is. Cut at the means; clear, and in colour, where both 95% intervals lie on one side of them."
                ),
                self.drivers.survey.scale_note(IMPORTANCE),
                self.drivers.note(),
            ]
        )


@needs("survey", answers=_ANSWERS)
def drivers(tables: Tables, survey: Survey) -> Drivers | NotAvailable:
    """LMG (Shapley) and Johnson relative weights of the rated aspects for overall satisfaction, with bootstrap intervals.

    Aspects rated by at least two thirds of who rated the whole; complete cases, the last answer of each customer. LMG exact
    over all subsets up to twelve drivers. Percentile intervals of a seeded bootstrap over respondents.

    Source: Lindeman, Merenda and Gold (1980); Grömping (2007), Estimators of relative importance in linear regression based on
    variance decomposition, The American Statistician 61(2); Johnson (2000), A heuristic method for estimating the relative
    weight of predictor variables in multiple regression, Multivariate Behavioral Research 35(1).
    """
    aspects = survey.subjects(SATISFACTION)
    if not survey.asks(SATISFACTION) or len(aspects) < 2:
        reason = _("the survey does not ask for overall satisfaction and for the satisfaction with at least two aspects.")
        return NotAvailable((), _(_ANSWERS), reason=reason)
    whole = (OVERALL, SATISFACTION)
    rated, _earlier = survey.last(whole)
    kept = [a for a in aspects if rated[(a, SATISFACTION)].notna().mean() >= ANSWERED]
    unrated = [a for a in aspects if a not in kept]
    full = rated.dropna(subset=[(a, SATISFACTION) for a in kept])
    constant = [a for a in kept if full[(a, SATISFACTION)].nunique() < 2]
    kept = [a for a in kept if a not in constant]
    enough = max(30, PER_DRIVER * len(kept))
    if len(kept) < 2 or len(full) < enough or full[whole].nunique() < 2:
        reason = _("fewer than two aspects are rated by enough customers, or fewer than {n} customers rated them all.").format(
            n=language.number(enough)
        )
        return NotAvailable((), _(_ANSWERS), reason=reason)
    data = full[[*((a, SATISFACTION) for a in kept), whole]].to_numpy(dtype=float)
    estimate, ends = relative_importance(data)
    table = pd.DataFrame(
        {
            "driver": kept,
            "driver_label": [survey.label(a) for a in kept],
            "rating_mean": survey.on_scale(SATISFACTION, pd.Series(data[:, :-1].mean(axis=0))).to_numpy(),
            "correlation": np.corrcoef(data, rowvar=False)[:-1, -1],
        }
    )
    for name in ("lmg", "johnson"):
        known = name in estimate
        table[name] = estimate[name][0] if known else math.nan
        table[f"{name}_low"], table[f"{name}_high"] = ends[name] if known else (math.nan, math.nan)
    stated = pd.DataFrame([stated_importance(survey, a) for a in kept])
    table = table.join(stated[["importance", "importance_low", "importance_high"]])
    main = "lmg" if "lmg" in estimate else "johnson"
    table = (
        table.assign(_order=-table[main].round(12)).sort_values(["_order", "driver"], ignore_index=True).drop(columns="_order")
    )
    return Drivers(
        table,
        float(estimate["r2"][0, 0]),
        *(float(end[0]) for end in ends["r2"]),
        len(full),
        len(rated) - len(full),
        tuple(survey.label(a) for a in unrated),
        tuple(survey.label(a) for a in constant),
        survey,
    )


def relative_importance(data: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """r2, lmg (up to twelve drivers) and johnson of the columns of *data* for its last one, and the ends of their 95 % intervals.

    Percentile intervals of a seeded bootstrap over rows; a draw in which nothing differs is left out.
    """
    moments = _moments(data)
    estimate = _importance(_correlations(moments, np.ones((1, len(data)))))
    drawn: dict[str, list[np.ndarray]] = {name: [] for name in estimate}
    rng = np.random.default_rng(SEED)
    for start in range(0, DRAWS, CHUNK):
        weights = np.empty((min(CHUNK, DRAWS - start), len(data)))
        for row in weights:
            row[:] = np.bincount(rng.integers(0, len(data), len(data)), minlength=len(data))
        for name, values in _importance(_correlations(moments, weights)).items():
            drawn[name].append(values)
    return estimate, {name: np.nanpercentile(np.concatenate(parts), [2.5, 97.5], axis=0) for name, parts in drawn.items()}


def _moments(data: np.ndarray) -> np.ndarray:
    """Centred columns of *data* (rows x columns) and the products of every two of them, upper triangle row by row."""
    centred = data - data.mean(axis=0)
    first, second = np.triu_indices(data.shape[1])
    return np.hstack([centred, centred[:, first] * centred[:, second]])


def _correlations(moments: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Correlation matrices (draws x columns x columns) under *weights* (draws x rows), from `_moments`."""
    columns = int((math.isqrt(8 * moments.shape[1] + 9) - 3) // 2)  # columns + columns (columns + 1) / 2 of them
    mean = weights @ moments / weights.sum(axis=1)[:, None]
    first, second = np.triu_indices(columns)
    covariance = np.empty((len(weights), columns, columns))
    covariance[:, first, second] = covariance[:, second, first] = mean[:, columns:] - mean[:, first] * mean[:, second]
    spread = np.sqrt(np.clip(np.einsum("dii->di", covariance), 0, None))
    outer = spread[:, :, None] * spread[:, None, :]
    return np.divide(covariance, outer, out=np.zeros_like(covariance), where=outer > SINGULAR)


def _importance(correlations: np.ndarray) -> dict[str, np.ndarray]:
    """r2 (draws x 1), lmg and johnson (draws x drivers, shares of r2); the last column of the correlations is the outcome."""
    p = correlations.shape[1] - 1
    weights = johnson_weights(correlations)
    r2 = weights.sum(axis=1, keepdims=True)
    out = {"r2": r2}
    with np.errstate(invalid="ignore", divide="ignore"):
        if p <= MOST_EXACT:
            lmg = lmg_shares(correlations)
            out["lmg"] = lmg / lmg.sum(axis=1, keepdims=True)
        out["johnson"] = weights / r2
    return out


def subset_r2(correlations: np.ndarray) -> np.ndarray:
    """R2 of the outcome (last column) on every subset of the drivers: draws x 2^p, bit j of the index is driver j.

    One driver after another is taken in (its part swept out of all that follow) or left out, so that every subset costs one step.
    """
    states = correlations[:, None, :, :]  # draws x subsets so far x what remains x what remains
    for _driver in range(correlations.shape[1] - 1):
        pivot = states[:, :, 0, 0]
        usable = pivot > SINGULAR
        ratio = np.where(usable[..., None], states[:, :, 0, 1:] / np.where(usable, pivot, 1.0)[..., None], 0.0)
        rest = states[:, :, 1:, 1:]
        swept = rest - ratio[..., :, None] * states[:, :, 0, 1:][..., None, :]
        states = np.concatenate([rest, swept], axis=1)  # the later half holds the subsets with this driver
    return 1 - states[:, :, 0, 0]


def lmg_shares(correlations: np.ndarray) -> np.ndarray:
    """LMG of every driver (draws x p), summing to R2: mean gain in R2 over all orders, which is the Shapley value."""
    p = correlations.shape[1] - 1
    r2 = subset_r2(correlations)
    index = np.arange(2**p)
    sizes = np.array([int(i).bit_count() for i in index])
    weights = np.array([math.factorial(k) * math.factorial(p - k - 1) / math.factorial(p) for k in range(p)])
    out = np.empty((len(correlations), p))
    for j in range(p):
        without = index[(index >> j) & 1 == 0]
        out[:, j] = (r2[:, without | (1 << j)] - r2[:, without]) @ weights[sizes[without]]
    return out


def johnson_weights(correlations: np.ndarray) -> np.ndarray:
    """Johnson's relative weights (draws x p), summing to R2, by the symmetric square root of the drivers' correlations."""
    among, outcome = correlations[:, :-1, :-1], correlations[:, :-1, -1]
    values, vectors = np.linalg.eigh(among)
    roots = np.sqrt(np.clip(values, 0, None))
    inverse = np.where(roots > math.sqrt(SINGULAR), 1 / np.where(roots > 0, roots, 1), 0.0)
    root = np.einsum("dik,dk,djk->dij", vectors, roots, vectors)
    beta = np.einsum("dik,dk,djk,dj->di", vectors, inverse, vectors, outcome)
    return np.einsum("dij,dj->di", root**2, beta**2)
