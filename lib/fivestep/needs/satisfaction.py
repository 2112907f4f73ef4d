"""Satisfaction of the customers who answered, by product and by region."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import ibis
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, frame
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _
from fivestep.needs.survey import OVERALL, PRODUCT, REGION, SATISFACTION, SCALES, Survey

SATISFIED = 0.75  # of the way from the lowest to the highest answer: 4 of 5, 6 of 7, 8 of 10
FEW = 30  # answers below which a share says little
FEWEST = 10  # answers below which a product or region is not shown
FALSE_DISCOVERY_RATE = 0.05
SHOWN = 20
BY_SURVEY, BY_FEEDBACK = "survey", "feedback"
HIGHER, LOWER, UNCLEAR = N_("Above the rest"), N_("Below the rest"), N_("Not clearly different")
_ANSWERS = N_("how satisfied customers are, by product and region")


@dataclass(frozen=True)
class Ratings:
    """Ratings of satisfaction from one source, never two mixed.

    ``table``: one row per rating, by rating_id: rating_id, customer_id, rated_at, score, share (0 at the lowest answer of the
    scale, 1 at the highest), product, region (missing where unknown). ``source``: survey or feedback; ``scale``: lowest and
    highest answer; ``scale_note``: how the scale is known.
    """

    table: pd.DataFrame
    source: str
    scale: tuple[float, float]
    scale_note: str

    def last(self, *by: str) -> pd.DataFrame:
        """The last rating of each customer (and value of *by*); a rating without a customer counts by itself."""
        full = self.table.dropna(subset=list(by)).sort_values(["rated_at", "rating_id"], kind="stable")
        repeated = full["customer_id"].notna() & full.duplicated(["customer_id", *by], keep="last")
        return full[~repeated].sort_values("rating_id", ignore_index=True)


def ratings(tables: Tables, survey: Survey | NotAvailable) -> Ratings | None:
    """Overall satisfaction as the survey asks for it, else as feedback carries it; None where neither does.

    Product and region are those that the questionnaire or the feedback names; else the region is the customer's.
    """
    if isinstance(survey, Survey) and survey.asks(SATISFACTION):
        table = pd.DataFrame(
            {
                "rating_id": survey.table["response_id"],
                "customer_id": survey.table["customer_id"],
                "rated_at": survey.table["answered_at"],
                "score": survey.table[(OVERALL, SATISFACTION)],
                **{
                    name: survey.table[(OVERALL, name)]
                    if survey.asks(name)
                    else pd.Series(None, index=survey.table.index, dtype="str")
                    for name in (PRODUCT, REGION)
                },
            }
        )
        source, scale, said = BY_SURVEY, survey.scales[SATISFACTION], survey.scale_note(SATISFACTION)
    elif not tables.missing("feedback.satisfaction"):
        told = tables.feedback.filter(tables.feedback.satisfaction.notnull())
        columns = {
            "rating_id": told.feedback_id,
            "customer_id": or_null(told, "customer_id"),
            "rated_at": told.created_at,
            "score": told.satisfaction.cast("float64"),
            PRODUCT: or_null(told, "product_id"),
            REGION: or_null(told, "region"),
        }
        told = told.select(**columns)
        if not tables.missing("products.product_name"):
            names = tables.products.select(_product="product_id", _name="product_name")
            told = told.left_join(names, told[PRODUCT] == names._product)
            told = told.mutate(**{PRODUCT: ibis.coalesce(told._name, told[PRODUCT])}).drop("_product", "_name")
        table = frame(told, by=["rating_id"])
        if table.empty:
            return None
        low, high = float(table["score"].min()), float(table["score"].max())
        fits = [s for s in SCALES if s[0] <= low and high <= s[1]]
        scale = fits[0] if fits else (low, high)
        said = _("Scale of the answers: {low} to {high}, the smallest usual one that holds them all.").format(
            low=language.number(scale[0]), high=language.number(scale[1])
        )
        source = BY_FEEDBACK
    else:
        return None
    table = table[table["score"].notna()].reset_index(drop=True)
    if table.empty or scale[0] == scale[1]:
        return None
    if not tables.missing("customers.region"):
        home = frame(tables.customers.select("customer_id", home=tables.customers.region), by=["customer_id"])
        theirs = table["customer_id"].map(home.drop_duplicates("customer_id").set_index("customer_id")["home"])
        table[REGION] = table[REGION].where(table[REGION].notna(), theirs)
    table["share"] = (table["score"] - scale[0]) / (scale[1] - scale[0])
    return Ratings(table, source, scale, said)


def or_null(table: ibis.Table, column: str) -> ibis.Value:
    return table[column] if column in table.columns else ibis.null("string")


@dataclass(frozen=True)
class Satisfaction:
    """Satisfaction of all who answered, and by product and region.

    ``answers``: customers who answered (the last answer of each); ``mean``, ``low``, ``high``: their mean score with its 95 %
    interval (t); ``satisfied``: how many are satisfied. ``products``, ``regions``: one row per product or region with at least
    ten answers, least satisfied first: product or region, answers, score_mean, score_low, score_high, satisfied_share,
    satisfied_low, satisfied_high, p_value, q_value, against_rest; empty where fewer than two have as many. ``small``: how many
    products and regions are left out for fewer answers.
    """

    ratings: Ratings
    answers: int
    mean: float
    low: float
    high: float
    satisfied: int
    products: pd.DataFrame
    regions: pd.DataFrame
    small: dict[str, int] = field(default_factory=dict)

    def by_product(self) -> pd.DataFrame | NotAvailable:
        """Satisfaction by product."""
        return self._shown(self.products, PRODUCT, _("how satisfied customers are with each product"))

    def by_region(self) -> pd.DataFrame | NotAvailable:
        """Satisfaction by region."""
        return self._shown(self.regions, REGION, _("how satisfied customers are in each region"))

    def _shown(self, table: pd.DataFrame, by: str, answers: str) -> pd.DataFrame | NotAvailable:
        if table.empty:
            reason = {
                PRODUCT: _("fewer than two products have {n} answers each."),
                REGION: _("fewer than two regions have {n} answers each."),
            }[by].format(n=language.number(FEWEST))
            return NotAvailable((), answers, reason=reason)
        name = "survey_product" if by == PRODUCT and self.ratings.source == BY_SURVEY else f"rated_{by}"
        return table.drop(columns=["p_value", "q_value"]).rename(columns={by: name})

    def figure(self) -> Figure:
        """Share satisfied by region, else by product, with intervals; all customers where there are neither."""
        table, by = (self.regions, REGION) if len(self.regions) else (self.products, PRODUCT)
        if table.empty:
            low, high = wilson(self.satisfied, self.answers)
            return charts.intervals(
                [_("All who answered")], [self.satisfied / self.answers], [float(low)], [float(high)], write=language.percent
            )
        shown = table.head(SHOWN)
        return charts.intervals(
            [self.named(by, v) for v in shown[by]],
            shown["satisfied_share"],
            shown["satisfied_low"],
            shown["satisfied_high"],
            write=language.percent,
            reference=self.satisfied / self.answers,
            reference_label=_("All"),
            xlabel=_("Share satisfied"),
        )

    def named(self, by: str, value: str) -> str:
        """A product or region as the reader sees it."""
        if by == REGION:
            return language.value("customers.region", value)
        return language.value("products.product_name", value)

    def headline(self) -> str:
        """How satisfied those who answered are."""
        low, high = wilson(self.satisfied, self.answers)
        return _("{share} of the customers who answered are satisfied (95% interval {low} to {high})").format(
            share=language.percent(self.satisfied / self.answers),
            low=language.percent(float(low)),
            high=language.percent(float(high)),
        )

    def product_headline(self) -> str:
        """The product that stands out for low satisfaction."""
        return self._outlier(self.products, PRODUCT) or _("No product stands out for low satisfaction")

    def region_headline(self) -> str:
        """The region that stands out for low satisfaction."""
        return self._outlier(self.regions, REGION) or _("No region stands out for low satisfaction")

    def _outlier(self, table: pd.DataFrame, by: str) -> str:
        worse = table[table["against_rest"] == LOWER] if len(table) else table
        if worse.empty:
            return ""
        worst = worse.iloc[0]
        return _("{name} has the lowest satisfaction of those that are clearly below the rest: {share} are satisfied").format(
            name=self.named(by, worst[by]), share=language.percent(worst["satisfied_share"])
        )

    def note(self) -> str:
        """Definitions, base, source."""
        source = {
            BY_SURVEY: _("Source of the answers: survey."),
            BY_FEEDBACK: _("Source of the answers: scores in feedback."),
        }[self.ratings.source]
        out = [
            source,
            self.ratings.scale_note,
            _("Satisfied: at least three quarters of the way from the lowest to the highest answer."),
            _(
                "Base: {n} customers, the last answer of each (for each product or region); intervals 95%. Against the rest: "
                "Mann-Whitney test, false discovery rate 5%."
            ).format(n=language.number(self.answers)),
        ]
        for by, text in (
            (PRODUCT, _("Products with fewer than {fewest} answers are left out: {n}.")),
            (REGION, _("Regions with fewer than {fewest} answers are left out: {n}.")),
        ):
            if self.small.get(by):
                out.append(text.format(fewest=language.number(FEWEST), n=language.number(self.small[by])))
        return " ".join(out)

    def finding(self) -> Finding:
        """The share satisfied."""
        share = self.satisfied / self.answers
        worse = [
            self.named(by, v)
            for by, t in ((PRODUCT, self.products), (REGION, self.regions))
            if len(t)
            for v in t.loc[t["against_rest"] == LOWER, by]
        ]
        warnings = []
        if self.ratings.source == BY_FEEDBACK:
            warnings.append(_("The scores come with feedback: who complains is less satisfied than who stays silent."))
        else:
            warnings.append(_("Who answers a survey may be more or less satisfied than who does not."))
        if self.answers < FEW:
            warnings.append(_("Few answers: {n}.").format(n=language.number(self.answers)))
        return Finding(
            key="needs.satisfied_share",
            value=share,
            unit="share",
            display=language.percent(share),
            text=language.sentence(self.headline()),
            evidence=_("Mean score {mean} ({low} to {high}) on a scale from {first} to {last}; {n} customers.").format(
                mean=language.number(self.mean, 2),
                low=language.number(self.low, 2),
                high=language.number(self.high, 2),
                first=language.number(self.ratings.scale[0]),
                last=language.number(self.ratings.scale[1]),
                n=language.number(self.answers),
            ),
            so_what=_("Look first at what is behind the low scores of {names}.").format(names=language.listing(worse[:5]))
            if worse
            else _("No product or region is clearly behind: look for the reasons in what drives satisfaction."),
            confidence="low" if self.answers < FEW or self.ratings.source == BY_FEEDBACK else "medium",
            warnings=tuple(warnings),
            assumptions=(self.note(),),
        )


def satisfaction(tables: Tables, survey: Survey | NotAvailable) -> Satisfaction | NotAvailable:
    """Mean score and share satisfied of all who answered, by product and by region, each against the rest.

    The survey counts where it asks for overall satisfaction, else the scores in feedback; the two are never mixed. Mean with
    the t interval, share with Wilson's; a group of at least ten answers is compared with everybody else by a Mann-Whitney test
    (Benjamini-Hochberg over products and over regions).
    """
    rated = ratings(tables, survey)
    if rated is None:
        return no_ratings(tables, survey, _ANSWERS)
    last = rated.last()
    mean, low, high = _mean(last["score"])
    tables_by, small = {}, {}
    for by in (PRODUCT, REGION):
        tables_by[by], small[by] = _grouped(rated.last(by), by)
    return Satisfaction(
        rated, len(last), mean, low, high, int(_satisfied(last["share"]).sum()), tables_by[PRODUCT], tables_by[REGION], small
    )


def product_opinions(tables: Tables) -> Satisfaction | NotAvailable:
    """What reviews and complaints score: `satisfaction` from the scores in feedback, whatever a survey says."""
    return satisfaction(tables, NotAvailable(("feedback.satisfaction",), _(_ANSWERS)))


def no_ratings(tables: Tables, survey: Survey | NotAvailable, answers: str) -> NotAvailable:
    if isinstance(survey, NotAvailable) and not survey.reason and "feedback" not in tables.names:
        return NotAvailable(survey.missing, _(answers))
    return NotAvailable((), _(answers), reason=_("neither a survey nor feedback has scores of satisfaction."))


def _satisfied(share: pd.Series) -> pd.Series:
    return share >= SATISFIED - 1e-9


def _mean(scores: pd.Series) -> tuple[float, float, float]:
    """Mean and its 95 % interval (t); without an interval for fewer than two."""
    from scipy.stats import t

    n, mean = len(scores), float(scores.mean())
    if n < 2:
        return mean, math.nan, math.nan
    half = float(t.ppf(0.975, n - 1)) * float(scores.std(ddof=1)) / math.sqrt(n)
    return mean, mean - half, mean + half


def _grouped(rows: pd.DataFrame, by: str) -> tuple[pd.DataFrame, int]:
    from scipy.stats import false_discovery_control

    columns = [
        by,
        "answers",
        "score_mean",
        "score_low",
        "score_high",
        "satisfied_share",
        "satisfied_low",
        "satisfied_high",
        "p_value",
        "q_value",
        "against_rest",
    ]
    counts = rows[by].value_counts()
    kept = sorted(counts[counts >= FEWEST].index)
    small = int((counts < FEWEST).sum())
    if len(kept) < 2:
        return pd.DataFrame(columns=columns), small
    out, effects = [], []
    for name in kept:
        inside = rows[by] == name
        own, rest = rows.loc[inside, "score"], rows.loc[~inside, "score"]
        good = int(_satisfied(rows.loc[inside, "share"]).sum())
        low, high = wilson(good, len(own))
        mean, down, up = _mean(own)
        delta, p = rank_test(own.to_numpy(), rest.to_numpy())
        effects.append(delta)
        out.append(
            {
                by: name,
                "answers": len(own),
                "score_mean": mean,
                "score_low": down,
                "score_high": up,
                "satisfied_share": good / len(own),
                "satisfied_low": float(low),
                "satisfied_high": float(high),
                "p_value": p,
            }
        )
    table = pd.DataFrame(out)
    table["q_value"] = false_discovery_control(table["p_value"], method="bh")
    clear = table["q_value"] <= FALSE_DISCOVERY_RATE
    table["against_rest"] = np.select(
        [clear & (np.array(effects) > 0), clear & (np.array(effects) < 0)], [HIGHER, LOWER], UNCLEAR
    )
    return table[columns].sort_values(["score_mean", by], ignore_index=True), small


def rank_test(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Cliff's delta (share of pairs in which *a* is higher, less the share in which it is lower) and the Mann-Whitney p value."""
    from scipy.stats import mannwhitneyu

    if not len(a) or not len(b) or (np.ptp(np.concatenate([a, b])) == 0):
        return 0.0, 1.0
    found = mannwhitneyu(a, b, alternative="two-sided", method="asymptotic")
    return float(2 * found.statistic / (len(a) * len(b)) - 1), float(found.pvalue)
