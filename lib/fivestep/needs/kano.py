"""The Kano model: which features customers take for granted, which they want more of, and which delight them."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _
from fivestep.needs.survey import DYSFUNCTIONAL, FUNCTIONAL, IMPORTANCE, KANO, Survey

CODES = "MOAIRQ"  # in the order in which a tie is decided: M > O > A > I (Berger et al. 1993), then R and Q
# Rows: the functional answer, like, must-be, neutral, live-with, dislike; columns: the dysfunctional answer in the same order.
EVALUATION = {
    "berger": ("QAAAO", "RIIIM", "RIIIM", "RIIIM", "RRRRQ"),
    # The same answer to both questions contradicts itself, but for neutral (Pouliot, in Berger et al. 1993, p. 33).
    "pouliot": ("QAAAO", "RQIIM", "RIIIM", "RIIQM", "RRRRQ"),
}
FIVE_NAMES = dict(
    zip(CODES, (N_("Must-be"), N_("One-dimensional"), N_("Attractive"), N_("Indifferent"), N_("Reverse"), N_("Questionable")),
        strict=True)
)  # fmt: skip
NONE_OF_THREE = N_("None of the three")
THREE_NAMES = dict(zip(CODES, (N_("Basic"), N_("Expected"), N_("Excitement"), *[NONE_OF_THREE] * 3), strict=True))
NAMES = {"five": FIVE_NAMES, "three": THREE_NAMES}
YES, NO = N_("Yes"), N_("No")
DRAWS = 2000
SEED = 1984
FONG_Z = 1.65  # 90 %, two-sided
FEW = 30  # pairs of answers to a feature below which the warning is given
FEWEST_IN_SEGMENT = 15  # pairs of answers to a feature below which a segment is left out
FALSE_DISCOVERY_RATE = 0.05

_ANSWERS = N_("which features customers take for granted, which they want more of, and which delight them")
_BY_SEGMENT = N_("whether a feature means something else to other segments")


@dataclass(frozen=True)
class Kano:
    """Features by Kano category.

    ``table``: one row per feature, by name: feature, feature_label, pairs (respondents who answered both questions), the counts
    must_be, one_dimensional, attractive, indifferent, reverse, questionable, code (the most frequent of M, O, A, I, R, Q), clear
    (whether it is so by Fong's test against the second), better, worse with ``_low`` and ``_high`` (95 %), importance with
    ``_low`` and ``_high`` and importance_answers (NaN and 0 where importance was not asked). ``answers``: response_id,
    customer_id, feature, code, one row per pair. ``repeated``: earlier questionnaires of the same customer, left out;
    ``half``: features with only one of the two questions.
    """

    table: pd.DataFrame
    answers: pd.DataFrame
    survey: Survey
    repeated: int
    half: int

    @property
    def names(self) -> dict[str, str]:
        """Code -> name of the category, as messages: five names or three, as survey.yml says."""
        return NAMES[self.survey.declared.kano_names]

    def categories(self) -> pd.DataFrame:
        """The features with their category and how many answers point where, as `table` but to be shown."""
        out = self.table[["feature_label", "pairs"]].copy()
        out["kano_category"] = [self.names[c] for c in self.table["code"]]
        out["kano_clear"] = np.where(self.table["clear"], YES, NO)
        columns = ["must_be", "one_dimensional", "attractive", "indifferent", "reverse", "questionable"]
        return out.join(self.table[columns]).sort_values(["kano_category", "feature_label"], key=self._rank, ignore_index=True)

    def coefficients(self) -> pd.DataFrame:
        """Better, worse and stated importance of every feature with their intervals, most harm when absent first."""
        out = self.table.sort_values(["worse", "feature"], ignore_index=True)
        columns = ["feature_label", "better", "better_low", "better_high", "worse", "worse_low", "worse_high"]
        stated = ["stated_importance", "stated_importance_low", "stated_importance_high"]
        out = out.rename(columns={s.removeprefix("stated_"): s for s in stated})
        return out[[*columns, *stated] if out["stated_importance"].notna().any() else columns]

    def _rank(self, values: pd.Series) -> pd.Series:
        order = {name: i for i, name in enumerate(dict.fromkeys(self.names.values()))}
        return values.map(order) if values.name == "kano_category" else values

    def figure(self) -> Figure:
        """Better against worse, every feature with its intervals."""
        t = self.table[self.table["better"].notna()]
        names = [_(self.names[c]) for c in "AOIM"]
        return charts.plane(
            list(t["feature_label"]),
            -t["worse"],
            t["better"],
            write=lambda v: language.number(v, 2),
            xlabel=_("Harm when absent (worse, without its sign)"),
            ylabel=_("Gain when present (better)"),
            cross=(0.5, 0.5),
            corners=names,
            x_range=(-t["worse_high"], -t["worse_low"]),
            y_range=(t["better_low"], t["better_high"]),
            limits=(-0.02, 1.02, -0.02, 1.02),
            accent=list(t["clear"]),
        )

    def figure_headline(self) -> str:
        """The feature whose absence hurts most and the one whose presence pleases most."""
        known = self.table[self.table["better"].notna()]
        if known.empty:
            return _("No feature has answers that say what its presence or absence does")
        harm = known.sort_values(["worse", "feature"]).iloc[0]
        gain = known.sort_values(["better", "feature"], ascending=[False, True]).iloc[0]
        return _("The absence of {harm} does most harm ({worse}), the presence of {gain} most good ({better})").format(
            harm=harm["feature_label"],
            worse=language.number(harm["worse"], 2),
            gain=gain["feature_label"],
            better=language.number(gain["better"], 2),
        )

    def coefficients_headline(self) -> str:
        """The feature that customers call most important, else how many features do more harm than good."""
        t = self.table
        if t["importance"].notna().any():
            top = t.sort_values(["importance", "feature"], ascending=[False, True]).iloc[0]
            return _("Customers call {feature} most important: {mean} on average").format(
                feature=top["feature_label"], mean=language.number(top["importance"], 2)
            )
        return _("Features whose absence does more harm than their presence does good: {n} of {all}").format(
            n=language.number((-t["worse"] > t["better"]).sum()), all=language.number(len(t))
        )

    def headline(self) -> str:
        """How many features are of which category."""
        counts = self.categories()["kano_category"].value_counts()
        said = [
            _("{category} {n}").format(category=_(name), n=language.number(counts[name]))
            for name in dict.fromkeys(self.names.values())
            if name in counts
        ]
        unclear = int((~self.table["clear"]).sum())
        if unclear:
            return _("Features by Kano category: {counts}; not clearly so: {unclear}").format(
                counts=language.listing(said), unclear=language.number(unclear)
            )
        return _("Features by Kano category: {counts}").format(counts=language.listing(said))

    def note(self) -> str:
        """Rules, base and what was left out."""
        pairs = self.table["pairs"]
        table = {
            "berger": _("Evaluation table of Berger et al. (1993)."),
            "pouliot": _(
                "Evaluation table of Berger et al. (1993) as Pouliot changed it: the same answer twice is questionable."
            ),
        }
        parts = [
            _("Base: customers who answered both questions about a feature, {low} to {high} of them.").format(
                low=language.number(pairs.min()), high=language.number(pairs.max())
            )
            if pairs.min() < pairs.max()
            else _("Base: {n} customers, who answered both questions about each feature.").format(n=language.number(pairs.max())),
            table[self.survey.declared.kano_table],
            _(
                "The category is the most frequent one, at a tie the first of must-be, one-dimensional, attractive, indifferent; "
                "it is clear where Fong's test (90%) tells it from the second."
            ),
        ]
        if self.repeated:
            parts.append(
                _("Where a customer answered more than once the last answer counts: {n} earlier pairs are left out.").format(
                    n=language.number(self.repeated)
                )
            )
        if self.half:
            parts.append(
                _("Features of which only one of the two questions was asked are left out: {n}.").format(
                    n=language.number(self.half)
                )
            )
        return " ".join(parts)

    def coefficients_note(self) -> str:
        """Definitions of better and worse."""
        said = _(
            "Better: share of attractive and one-dimensional among attractive, one-dimensional, must-be and indifferent; "
            "worse: less the share of one-dimensional and must-be. Intervals: 95%, bootstrap over respondents; Wilson's at 0 "
            "and 1. Points in grey: category not clear."
        )
        if self.table["importance"].notna().any():
            said += " " + self.survey.scale_note(IMPORTANCE)
        return said + " " + self.note()

    def of(self, *codes: str) -> list[str]:
        """Names of the features that are clearly of one of these categories."""
        return self.table.loc[self.table["code"].isin(codes) & self.table["clear"], "feature_label"].tolist()

    def finding(self) -> Finding:
        """How many features are clearly must-be, and which."""
        must = self.of("M")
        said = [
            _("{category}: {features}.").format(category=_(self.names[c]), features=language.listing(self.of(c)))
            for c in "MOA"
            if self.of(c)
        ]
        warnings = []
        few = self.table[self.table["pairs"] < FEW]
        if len(few):
            warnings.append(
                _("Fewer than {n} pairs of answers: {features}.").format(
                    n=language.number(FEW), features=language.listing(few["feature_label"].tolist())
                )
            )
        doubtful = self.table[self.table["questionable"] > 0.1 * self.table["pairs"]]
        if len(doubtful):
            warnings.append(
                _(
                    "More than a tenth of the answers contradict themselves, so the question may be misunderstood: {features}."
                ).format(features=language.listing(doubtful["feature_label"].tolist()))
            )
        if self.survey.table["customer_id"].isna().all():
            warnings.append(_("The answers carry no customer: whether somebody answered twice cannot be seen."))
        if must:
            so_what = _("Make sure that nobody has to do without {features} before adding anything new.").format(
                features=language.listing(must)
            )
        elif self.of("O"):
            so_what = _("Improve {features} step by step: satisfaction rises and falls with them.").format(
                features=language.listing(self.of("O"))
            )
        else:
            so_what = _("Ask more customers, or about other features, before investing because of these answers.")
        return Finding(
            key="needs.kano_must_be_features",
            value=float(len(must)),
            unit="count",
            display=language.number(len(must)),
            text=language.sentence(self.headline()),
            evidence=" ".join([*said, _("{n} questionnaires.").format(n=language.number(self.answers["response_id"].nunique()))]),
            so_what=so_what,
            confidence="low" if len(few) == len(self.table) or not self.table["clear"].any() else "medium",
            warnings=tuple(warnings),
            assumptions=(
                self.note(),
                _("What people say about a feature they do not know is a guess; categories also move with time."),
            ),
        )


@needs("survey", answers=_ANSWERS)
def kano(tables: Tables, survey: Survey) -> Kano | NotAvailable:
    """Kano category, better and worse, and stated importance of every feature with a functional and a dysfunctional question.

    A pair is both answers of one respondent to one feature; the last pair of each customer counts. Better = (A + O) / (A + O + M
    + I), worse = -(O + M) / (A + O + M + I); both with percentile intervals of a seeded bootstrap (multinomial over the six
    categories, which is resampling respondents), at 0 and 1 with the end of Wilson's interval. The evaluation table is the one
    that ``survey.declared`` names.

    Source: Kano et al. (1984); Berger et al. (1993), Kano's methods for understanding customer-defined quality, Center for
    Quality of Management Journal 2(4); Fong (1996), Using the self-stated importance questionnaire to interpret Kano
    questionnaire results, same journal 5(3).
    """
    features = survey.subjects(*KANO)
    rows, answers, repeated = [], [], 0
    lookup = np.array([list(row) for row in EVALUATION[survey.declared.kano_table]])
    for feature in features:
        pairs, earlier = survey.last((feature, FUNCTIONAL), (feature, DYSFUNCTIONAL))
        if pairs.empty:
            continue
        repeated += earlier
        codes = lookup[pairs[(feature, FUNCTIONAL)].astype(int), pairs[(feature, DYSFUNCTIONAL)].astype(int)]
        answers.append(pairs[["response_id", "customer_id"]].assign(feature=feature, code=codes))
        counts = np.array([(codes == c).sum() for c in CODES])
        top = int(np.argmax(counts))
        rows.append(
            {
                "feature": feature,
                "feature_label": survey.label(feature),
                "pairs": len(pairs),
                **dict(
                    zip(
                        ("must_be", "one_dimensional", "attractive", "indifferent", "reverse", "questionable"),
                        counts,
                        strict=True,
                    )
                ),
                "code": CODES[top],
                "clear": fong(counts),
                **coefficients(counts, seed=zlib.crc32(feature.encode())),
                **stated_importance(survey, feature),
            }
        )
    if not rows:
        return NotAvailable((), _(_ANSWERS), reason=_("nobody answered both Kano questions about a feature."))
    half = len({*survey.subjects(FUNCTIONAL), *survey.subjects(DYSFUNCTIONAL)} - set(features))
    return Kano(pd.DataFrame(rows), pd.concat(answers, ignore_index=True), survey, repeated, half)


def fong(counts: np.ndarray) -> bool:
    """Whether the most frequent category differs from the second: |a - b| >= 1.65 sqrt((a + b)(2n - a - b) / 2n).

    Source: Fong (1996), as cited in Brand and Rese (2026), Journal of Retailing and Consumer Services 89.
    """
    n = int(np.sum(counts))
    b, a = np.sort(counts)[-2:]
    return bool(n > 0 and a > b and a - b >= FONG_Z * math.sqrt((a + b) * (2 * n - a - b) / (2 * n)))


def coefficients(counts: np.ndarray, *, seed: int = 0) -> dict[str, float]:
    """better, worse and their 95 % intervals from counts of M, O, A, I, R, Q; NaN where nobody is M, O, A or I."""
    n = int(np.sum(counts))
    drawn = np.random.default_rng([SEED, seed]).multinomial(n, np.asarray(counts) / n, size=DRAWS)
    out: dict[str, float] = {}
    m, o, a, i = (int(c) for c in counts[:4])
    base = m + o + a + i
    bases = drawn[:, :4].sum(axis=1)
    for name, of, sign in (("better", (1, 2), 1), ("worse", (0, 1), -1)):
        part = int(sum(counts[j] for j in of))
        if not base:
            out |= {name: math.nan, f"{name}_low": math.nan, f"{name}_high": math.nan}
            continue
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = drawn[:, of].sum(axis=1) / bases
        low, high = np.nanpercentile(shares[bases > 0], [2.5, 97.5])
        if part in (0, base):  # a bootstrap cannot leave 0 or 1
            low, high = (float(end) for end in wilson(part, base))
        ends = sorted((sign * float(low), sign * float(high)))
        out |= {name: sign * part / base, f"{name}_low": ends[0], f"{name}_high": ends[1]}
    return out


def stated_importance(survey: Survey, feature: str) -> dict[str, float]:
    """Mean stated importance with its 95 % interval (t), the last answer of each customer."""
    from scipy.stats import t

    key = (feature, IMPORTANCE)
    values = survey.last(key)[0][key] if key in survey.table.columns else pd.Series(dtype=float)
    n = len(values)
    mean = float(values.mean()) if n else math.nan
    half = float(t.ppf(0.975, n - 1) * values.std(ddof=1) / math.sqrt(n)) if n > 1 else math.nan
    return {"importance": mean, "importance_low": mean - half, "importance_high": mean + half, "importance_answers": n}


@dataclass(frozen=True)
class KanoBySegment:
    """Kano categories by segment.

    ``table``: one row per feature and segment with enough answers, by name and in the order of the segments: feature,
    feature_label, segment, pairs, code, clear, better, worse. ``tests``: feature, feature_label, p_value, q_value: whether the
    answers differ between the segments (chi-squared over the six categories, Benjamini-Hochberg). ``unknown``: pairs of
    respondents without a segment; ``small``: feature and segment left out for too few answers.
    """

    table: pd.DataFrame
    tests: pd.DataFrame
    kano: Kano
    unknown: int
    small: int

    def shown(self) -> pd.DataFrame:
        """The table as a reader sees it."""
        out = self.table[["feature_label", "value_tier", "pairs", "better", "worse"]].copy()
        out.insert(3, "kano_category", [self.kano.names[c] for c in self.table["code"]])
        out.insert(4, "kano_clear", np.where(self.table["clear"], YES, NO))
        return out

    def differing(self) -> list[str]:
        """Names of the features whose answers differ between the segments."""
        return self.tests.loc[self.tests["q_value"] <= FALSE_DISCOVERY_RATE, "feature_label"].tolist()

    def headline(self) -> str:
        """Which features the segments see differently."""
        found = self.differing()
        if found:
            return _("Value tiers answer differently about {features}").format(features=language.listing(found))
        return _("No feature means clearly something else to another value tier")

    def note(self) -> str:
        """Test, limits and what is left out."""
        out = _(
            "Differences between tiers: chi-squared test of the Kano answers of each feature, false discovery rate 5%. A tier "
            "is shown for a feature with at least {n} pairs of answers."
        ).format(n=language.number(FEWEST_IN_SEGMENT))
        if self.small:
            out += " " + _("Left out for fewer: {n} cells.").format(n=language.number(self.small))
        if self.unknown:
            out += " " + _("{n} pairs come from respondents whose value tier is not known.").format(
                n=language.number(self.unknown)
            )
        return out + " " + self.kano.note()


@needs("survey.customer_id", answers=_BY_SEGMENT)
def kano_by_segment(tables: Tables, kano: Kano, segments: pd.DataFrame) -> KanoBySegment | NotAvailable:
    """The Kano category of every feature by value tier; *segments* has customer_id and value_tier, as step 2 hands them over."""
    from scipy.stats import chi2_contingency, false_discovery_control

    tiers = segments.dropna(subset=["value_tier"]).set_index("customer_id")["value_tier"]
    answers = kano.answers.assign(value_tier=kano.answers["customer_id"].map(tiers))
    known = answers[answers["value_tier"].notna()]
    present = set(known["value_tier"])
    order = [name for name in (N_("High value"), N_("Medium value"), N_("Low value"), N_("No order yet")) if name in present]
    order += sorted(present - set(order))
    rows, tests, small = [], [], 0
    for feature, label in zip(kano.table["feature"], kano.table["feature_label"], strict=True):
        of = known[known["feature"] == feature]
        grid = []
        for tier in order:
            codes = of.loc[of["value_tier"] == tier, "code"].to_numpy()
            counts = np.array([(codes == c).sum() for c in CODES])
            if counts.sum() < FEWEST_IN_SEGMENT:
                small += counts.sum() > 0
                continue
            grid.append(counts)
            m, o, a, i = counts[:4]
            base = m + o + a + i
            rows.append(
                {
                    "feature": feature,
                    "feature_label": label,
                    "value_tier": tier,
                    "pairs": int(counts.sum()),
                    "code": CODES[int(np.argmax(counts))],
                    "clear": fong(counts),
                    "better": (a + o) / base if base else math.nan,
                    "worse": -(o + m) / base if base else math.nan,
                }
            )
        crossed = np.array(grid)
        if len(crossed) > 1 and (crossed.sum(axis=0) > 0).sum() > 1:
            tests.append(
                {
                    "feature": feature,
                    "feature_label": label,
                    "p_value": float(chi2_contingency(crossed[:, crossed.sum(axis=0) > 0])[1]),
                }
            )
    if not tests:
        reason = _("fewer than two value tiers have {n} pairs of answers about one feature.").format(
            n=language.number(FEWEST_IN_SEGMENT)
        )
        return NotAvailable((), _(_BY_SEGMENT), reason=reason)
    tested = pd.DataFrame(tests)
    tested["q_value"] = false_discovery_control(tested["p_value"], method="bh")
    return KanoBySegment(pd.DataFrame(rows), tested, kano, len(answers) - len(known), int(small))
