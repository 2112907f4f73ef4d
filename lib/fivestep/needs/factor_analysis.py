"""Which dimensions lie behind many ratings: exploratory factor analysis by maximum likelihood, with the tests that allow it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _
from fivestep.needs.semantic_profile import parts_of
from fivestep.needs.survey import AGREEMENT, DIFFERENTIAL, SATISFACTION, Survey, own_brand

LEAST_KMO = 0.5  # Kaiser (1974): below it, unacceptable
FEWEST, PER_ITEM = 50, 5  # respondents in all and per item, below which nothing is said
FEWEST_ITEMS = 4
ANSWERED = 2 / 3  # share of the respondents who must have answered an item
DRAWS, SEED = 200, 1965
LEAST_UNIQUE = 0.005  # smallest unique variance, as usual: none is ever 0
POWER = 4  # of promax
NOTABLE = 0.4  # loading from which an item belongs to a factor
OBLIQUE = 0.2  # correlation of factors from which promax is shown, else varimax
_ANSWERS = N_("which dimensions lie behind what customers say")
KINDS = {DIFFERENTIAL: N_("opposites"), AGREEMENT: N_("statements"), SATISFACTION: N_("ratings of aspects")}


@dataclass(frozen=True)
class FactorAnalysis:
    """Factors behind ratings.

    ``table``: one row per item, by factor and loading: item, factor (from 1; 0 where no loading of the rotation shown is
    notable),
    loading (on it, else the largest), msa (sampling adequacy), communality. ``varimax``, ``promax``: loadings, items x factors,
    by the
    share of variance; ``correlations`` of the promax factors; ``explained``: share of all variance by varimax factor. ``kmo``:
    overall;
    ``bartlett``: chi-square, degrees of freedom, p. ``eigenvalues`` of the correlations and ``by_chance``: the 95th percentile
    of those of random data. ``answers``: respondents with all items.
    """

    table: pd.DataFrame
    varimax: pd.DataFrame
    promax: pd.DataFrame
    correlations: np.ndarray
    explained: np.ndarray
    kmo: float
    bartlett: tuple[float, int, float]
    eigenvalues: np.ndarray
    by_chance: np.ndarray
    answers: int
    kind: str
    about: str
    left_out: tuple[str, ...]
    survey: Survey

    @property
    def factors(self) -> int:
        """How many factors there are."""
        return self.varimax.shape[1]

    @property
    def oblique(self) -> bool:
        """Whether the factors go together so much that promax is shown."""
        return self.factors > 1 and float(np.abs(self.correlations - np.eye(self.factors)).max()) >= OBLIQUE

    def label(self, item: str) -> str:
        """An item as the reader sees it."""
        return self.survey.label(item).replace(" ~ ", " – ")

    def figure(self) -> Figure:
        """The loadings as a grid, items by factors."""
        shown = (self.promax if self.oblique else self.varimax).reindex(self.table["item"])
        named = shown.set_axis([self.label(i) for i in shown.index]).set_axis(
            [self._factor(j) for j in range(self.factors)], axis=1
        )
        return charts.heatmap(named, write=lambda v: language.number(v, 2))

    def _factor(self, j: int) -> str:
        return _("Factor {n}").format(n=language.number(j + 1))

    def shown(self) -> pd.DataFrame:
        """The items as a reader sees them: loadings of both rotations on the item's factor."""
        t = self.table
        at = np.maximum(t["factor"].to_numpy() - 1, 0)
        rows = [(i, j) for i, j in zip(t["item"], at, strict=True)]
        return pd.DataFrame(
            {
                "factor_item": [self.label(i) for i in t["item"]],
                "item_factor": [self._factor(f - 1) if f else language.MISSING for f in t["factor"]],
                "varimax_loading": [self.varimax.loc[i].iloc[j] for i, j in rows],
                "promax_loading": [self.promax.loc[i].iloc[j] for i, j in rows],
                "communality": t["communality"].to_numpy(),
                "sampling_adequacy": t["msa"].to_numpy(),
            }
        )

    def headline(self) -> str:
        """How many dimensions lie behind how many items."""
        return _("{n} dimensions lie behind {items} {kind}; they account for {share} of the differences").format(
            n=language.number(self.factors),
            items=language.number(len(self.table)),
            kind=_(self.kind),
            share=language.percent(float(self.explained.sum())),
        )

    def table_headline(self) -> str:
        """What the first dimension is made of."""
        first = self.table[self.table["factor"] == 1]
        if first.empty:
            return _("No item loads notably on the first dimension")
        return _("The first dimension: {items}").format(items=language.listing([self.label(i) for i in first["item"]]))

    def note(self) -> str:
        """Tests, extraction, rotation, base."""
        chi, freedom, p = self.bartlett
        parts = [
            _(
                "KMO {kmo}; Bartlett's test χ² {chi} with {freedom} degrees of freedom, p {p}; factors: eigenvalues "
                "above the 95th "
                "percentile of those of random data (parallel analysis, Horn 1965). Maximum likelihood; base: {n} "
                "respondents who "
                "answered every item."
            ).format(
                kmo=language.number(self.kmo, 2),
                chi=language.number(chi),
                freedom=language.number(freedom),
                p=_("below {p}").format(p=language.number(0.001, 3)) if p < 0.001 else language.number(p, 3),
                n=language.number(self.answers),
            )
        ]
        if self.oblique:
            largest = float(np.abs(self.correlations - np.eye(self.factors)).max())
            parts.append(
                _("Rotated by promax, as factors correlate by up to {r}; varimax is in the table.").format(
                    r=language.number(largest, 2)
                )
            )
        elif self.factors > 1:
            parts.append(_("Rotated by varimax, as factors hardly correlate; promax is in the table."))
        if self.about:
            parts.append(_("About: {name}.").format(name=self.survey.label(self.about)))
        if self.left_out:
            parts.append(
                _("Left out, as few answered or all answered alike: {items}.").format(
                    items=language.listing([self.label(i) for i in self.left_out])
                )
            )
        return " ".join(parts)

    def finding(self) -> Finding:
        """The number of dimensions."""
        warnings = [_("Factors are names for what goes together; what to call them is for the analyst to say.")]
        if self.answers < 100 or self.kmo < 0.7:
            warnings.append(
                _("KMO {kmo} with {n} respondents: another sample may show other factors.").format(
                    kmo=language.number(self.kmo, 2), n=language.number(self.answers)
                )
            )
        if (1 - self.table["communality"] <= LEAST_UNIQUE + 1e-6).any():
            warnings.append(_("One item is wholly a factor of its own (Heywood case): leave it out and look again."))
        return Finding(
            key="needs.image_dimensions",
            value=float(self.factors),
            unit="count",
            display=language.number(self.factors),
            text=language.sentence(self.headline()),
            evidence=language.sentence(self.table_headline()),
            so_what=_("Ask fewer questions next time: the best one or two of each dimension."),
            confidence="medium" if self.answers >= 100 and self.kmo >= 0.7 else "low",
            warnings=tuple(warnings),
            assumptions=(self.note(),),
        )


@needs("survey", answers=_ANSWERS)
def factor_analysis(tables: Tables, survey: Survey) -> FactorAnalysis | NotAvailable:
    """Factors behind the opposites by which the own brand was rated; else behind statements, else behind ratings of aspects.

    Items that two thirds of the respondents answered, complete cases, the last questionnaire of each customer. Refused with
    fewer than
    four items, 50 respondents or five per item; with a KMO below 0.5; where Bartlett's test finds no correlation; and where no
    eigenvalue is above chance.

    Source: Kaiser (1974), An index of factorial simplicity; Bartlett (1950); Horn (1965), A rationale and test for the number of
    factors; Jöreskog (1967) for maximum likelihood; Kaiser (1958) for varimax; Hendrickson and White (1964) for promax.
    """
    items, kind, about = _items(survey)
    if len(items) < FEWEST_ITEMS:
        reason = _("the survey has fewer than {n} ratings that could be put together.").format(n=language.number(FEWEST_ITEMS))
        return NotAvailable((), _(_ANSWERS), reason=reason)
    answered = survey.table[survey.table[list(items.values())].notna().any(axis=1)]
    answered = answered.sort_values(["answered_at", "response_id"], kind="stable")
    answered = answered[~(answered["customer_id"].notna() & answered.duplicated("customer_id", keep="last"))]
    kept = {i: c for i, c in items.items() if answered[c].notna().mean() >= ANSWERED}
    full = answered.dropna(subset=list(kept.values())).sort_values("response_id")
    kept = {i: c for i, c in kept.items() if full[c].nunique() > 1}
    left_out = tuple(i for i in items if i not in kept)
    enough = max(FEWEST, PER_ITEM * len(kept))
    if len(kept) < FEWEST_ITEMS or len(full) < enough:
        reason = _("fewer than {n} respondents answered every one of the questions.").format(n=language.number(enough))
        return NotAvailable((), _(_ANSWERS), reason=reason)
    data = full[list(kept.values())].to_numpy(dtype=float)
    found = np.corrcoef(data, rowvar=False)
    if np.linalg.eigvalsh(found)[0] < 1e-8:
        reason = _("some ratings follow wholly from the others, so that their dimensions cannot be told apart.")
        return NotAvailable((), _(_ANSWERS), reason=reason)
    overall, each = kmo(found)
    tested = bartlett(found, len(data))
    if overall < LEAST_KMO or tested[2] >= 0.05:
        reason = _(
            "the ratings have too little in common (KMO {kmo}, at least {least} is needed; Bartlett's test p {p})."
        ).format(kmo=language.number(overall, 2), least=language.number(LEAST_KMO, 1), p=language.number(tested[2], 3))
        return NotAvailable((), _(_ANSWERS), reason=reason)
    eigenvalues, chance = parallel(found, len(data))
    above = eigenvalues > chance
    factors = len(above) if above.all() else int(np.argmin(above))
    p = len(kept)
    while factors and (p - factors) ** 2 < p + factors:  # more would have more numbers to fit than the data has
        factors -= 1
    if not factors:
        return NotAvailable((), _(_ANSWERS), reason=_("no dimension stands out from those of random answers."))
    plain, unique = maximum_likelihood(found, factors)
    turned = _ordered(varimax(plain))
    oblique, correlations = promax(turned)
    names = list(kept)
    return FactorAnalysis(
        _table(names, oblique if _goes_together(correlations) else turned, each, unique),
        pd.DataFrame(turned, index=names),
        pd.DataFrame(oblique, index=names),
        correlations,
        (turned**2).sum(axis=0) / p,
        overall,
        tested,
        eigenvalues,
        chance,
        len(data),
        KINDS[kind],
        about,
        left_out,
        survey,
    )


def _items(survey: Survey) -> tuple[dict[str, tuple[str, str]], str, str]:
    """The ratings to analyse by name, what kind they are of, and about what."""
    pairs = [parts_of(s) for s in survey.subjects(DIFFERENTIAL)]
    if pairs:
        sizes = pd.Series(dtype=float)
        for thing, pair in pairs:
            asked = f"{thing}/{pair}" if thing else pair
            sizes[thing] = max(sizes.get(thing, 0), survey.table[(asked, DIFFERENTIAL)].notna().sum())
        own, _declared = own_brand(survey, list(sizes.index), sizes)
        chosen = {pair: (f"{own}/{pair}" if own else pair, DIFFERENTIAL) for thing, pair in pairs if thing == own}
        if len(chosen) >= FEWEST_ITEMS:
            return chosen, DIFFERENTIAL, own
    for kind in (AGREEMENT, SATISFACTION):
        subjects = survey.subjects(kind)
        if len(subjects) >= FEWEST_ITEMS:
            return {s: (s, kind) for s in subjects}, kind, ""
    return {}, DIFFERENTIAL, ""


def kmo(correlations: np.ndarray) -> tuple[float, np.ndarray]:
    """Kaiser-Meyer-Olkin measure of sampling adequacy, overall and by item: correlations against partial correlations."""
    inverse = np.linalg.inv(correlations)
    scale = np.sqrt(np.diag(inverse))
    partial = -inverse / np.outer(scale, scale)
    off = ~np.eye(len(correlations), dtype=bool)
    r, q = np.where(off, correlations**2, 0), np.where(off, partial**2, 0)
    return float(r.sum() / (r.sum() + q.sum())), r.sum(axis=0) / (r.sum(axis=0) + q.sum(axis=0))


def bartlett(correlations: np.ndarray, n: int) -> tuple[float, int, float]:
    """Bartlett's test of sphericity: chi-square, degrees of freedom, p."""
    from scipy.stats import chi2

    p = len(correlations)
    chi = -(n - 1 - (2 * p + 5) / 6) * float(np.linalg.slogdet(correlations)[1])
    freedom = p * (p - 1) // 2
    return chi, freedom, float(chi2.sf(chi, freedom))


def parallel(correlations: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues, largest first, and the 95th percentile of those of *n* random respondents (`DRAWS` draws, seeded)."""
    p = len(correlations)
    rng = np.random.default_rng(SEED)
    drawn = np.array([np.linalg.eigvalsh(np.corrcoef(rng.standard_normal((n, p)), rowvar=False))[::-1] for _draw in range(DRAWS)])
    return np.linalg.eigvalsh(correlations)[::-1], np.percentile(drawn, 95, axis=0)


def maximum_likelihood(correlations: np.ndarray, factors: int) -> tuple[np.ndarray, np.ndarray]:
    """Loadings (items x factors, unrotated, each factor's sum positive) and unique variances, at least `LEAST_UNIQUE`."""
    from scipy.optimize import minimize

    def scaled(unique: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scale = 1 / np.sqrt(unique)
        values, vectors = np.linalg.eigh(correlations * np.outer(scale, scale))
        return values[::-1], vectors[:, ::-1]

    def loss(unique: np.ndarray) -> float:
        rest = scaled(unique)[0][factors:]
        return float(-(np.log(rest) - rest).sum() - factors + len(unique))

    def loadings(unique: np.ndarray) -> np.ndarray:
        values, vectors = scaled(unique)
        return np.sqrt(unique)[:, None] * vectors[:, :factors] * np.sqrt(np.maximum(values[:factors] - 1, 0))

    def slope(unique: np.ndarray) -> np.ndarray:
        fit = loadings(unique)
        return np.diag(fit @ fit.T + np.diag(unique) - correlations) / unique**2

    start = (1 - 0.5 * factors / len(correlations)) / np.diag(np.linalg.inv(correlations))
    limits = [(LEAST_UNIQUE, 1.0)] * len(start)
    made = minimize(
        loss, start, jac=slope, method="L-BFGS-B", bounds=limits, options={"ftol": 1e-14, "gtol": 1e-9, "maxiter": 1000}
    )
    out = loadings(made.x)
    return out * np.where(out.sum(axis=0) < 0, -1, 1), made.x


def varimax(loadings: np.ndarray) -> np.ndarray:
    """Loadings turned so that each item loads on few factors, items weighted alike (Kaiser's normalisation)."""
    k = loadings.shape[1]
    if k < 2:
        return loadings
    length = np.sqrt((loadings**2).sum(axis=1))
    length = np.where(length > 0, length, 1.0)[:, None]
    rows, turn, before = loadings / length, np.eye(k), 0.0
    for _step in range(1000):
        turned = rows @ turn
        u, s, v = np.linalg.svd(rows.T @ (turned**3 - turned * (turned**2).mean(axis=0)))
        turn = u @ v
        if s.sum() < before * (1 + 1e-10):
            break
        before = s.sum()
    return rows @ turn * length


def promax(turned: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pattern loadings on factors that may correlate, from varimax loadings, and the correlations of the factors."""
    k = turned.shape[1]
    if k < 2:
        return turned, np.eye(k)
    target = turned * np.abs(turned) ** (POWER - 1)
    turn = np.linalg.lstsq(turned, target, rcond=None)[0]
    turn = turn * np.sqrt(np.diag(np.linalg.inv(turn.T @ turn)))
    inverse = np.linalg.inv(turn)
    together = inverse @ inverse.T
    return turned @ turn, together


def _ordered(turned: np.ndarray) -> np.ndarray:
    """Factors by the variance that they account for, largest first, each with a positive sum."""
    order = np.argsort(-(turned**2).sum(axis=0).round(9), kind="stable")
    out = turned[:, order]
    return out * np.where(out.sum(axis=0) < 0, -1, 1)


def _goes_together(correlations: np.ndarray) -> bool:
    return len(correlations) > 1 and float(np.abs(correlations - np.eye(len(correlations))).max()) >= OBLIQUE


def _table(items: list[str], shown: np.ndarray, msa: np.ndarray, unique: np.ndarray) -> pd.DataFrame:
    at = np.abs(shown).round(9).argmax(axis=1)
    loading = shown[np.arange(len(items)), at]
    factor = np.where(np.abs(loading) >= NOTABLE, at + 1, 0)
    out = pd.DataFrame({"item": items, "factor": factor, "loading": loading, "msa": msa, "communality": 1 - unique})
    out["_last"], out["_size"] = np.where(factor == 0, math.inf, factor), -np.abs(loading).round(9)
    return out.sort_values(["_last", "_size", "item"], ignore_index=True).drop(columns=["_last", "_size"])
