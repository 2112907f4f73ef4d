"""Tests of products, packages and copy: versions against each other, seen by different respondents or by the same."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import Z, holm, newcombe, welch
from fivestep.language import N_, _
from fivestep.needs.kano import NO, YES
from fivestep.needs.sample_size import REACH
from fivestep.needs.semantic_profile import mean_interval, paired_p, parts_of
from fivestep.needs.survey import INTENT, LIKING, RESPONSE, Survey

FEWEST = 10  # answers about a version below which it is not compared
FEW = 30
SIGNIFICANT = 0.05
MONADIC, PAIRED, AB = N_("Monadic"), N_("Paired"), N_("A/B")
MEASURES = {LIKING: N_("Liking"), INTENT: N_("Intent to buy"), RESPONSE: N_("Responded (share)")}
_ANSWERS = N_("which version of a product, a package or an advertisement is better")


@dataclass(frozen=True)
class ProductTests:
    """Comparisons of two versions each.

    ``table``: one row per test, measure and two versions, the better one first: test, measure (liking, intent, response),
    design (of
    `MONADIC`, `PAIRED`, `AB`), version, other, answers, other_answers, value, other_value (means, or shares of yes), difference
    with ``_low`` and ``_high`` (95 %), p_value, p_holm (over the comparisons of the test), clear, detectable (the smallest
    difference that so many respondents show with a power of 80 %). By test, clear ones first.
    """

    table: pd.DataFrame
    survey: Survey

    def shown(self) -> pd.DataFrame:
        """The comparisons as a reader sees them."""
        t = self.table
        label = self.survey.label
        return pd.DataFrame(
            {
                "tested": [label(x) for x in t["test"]],
                "test_measure": [MEASURES[m] for m in t["measure"]],
                "test_design": t["design"],
                "better_version": [label(x) for x in t["version"]],
                "other_version": [label(x) for x in t["other"]],
                "version_answers": t["answers"] + np.where(t["design"] == PAIRED, 0, t["other_answers"]),
                "better_value": t["value"],
                "other_value": t["other_value"],
                "version_difference": t["difference"],
                "version_difference_low": t["difference_low"],
                "version_difference_high": t["difference_high"],
                "version_clear": t["clear"],
                "detectable": t["detectable"],
            }
        )

    def figure(self) -> Figure:
        """The differences in units of the smallest that could be seen, with intervals."""
        t = self.table
        unit = t["detectable"].where(t["detectable"] > 0, 1.0)
        labels = [
            _("{test}: {version} over {other} ({measure})").format(
                test=self.survey.label(row.test),
                version=self.survey.label(row.version),
                other=self.survey.label(row.other),
                measure=_(MEASURES[row.measure]),
            )
            for row in t.itertuples()
        ]
        return charts.intervals(
            labels,
            t["difference"] / unit,
            t["difference_low"] / unit,
            t["difference_high"] / unit,
            write=lambda v: language.number(v, 1),
            reference=0.0,
            xlabel=_("Difference, in the smallest difference that so many respondents can show"),
        )

    def headline(self) -> str:
        """Which versions are clearly better."""
        clear = self.table[self.table["clear"] == YES]
        if clear.empty:
            return _("No version is clearly better than another")
        return _("Clearly better: {versions}").format(
            versions=language.listing(
                [
                    _("{version} over {other}").format(version=self.survey.label(v), other=self.survey.label(o))
                    for v, o in dict.fromkeys(zip(clear["version"], clear["other"], strict=True))
                ]
            )
        )

    def table_headline(self) -> str:
        """How many comparisons are clear."""
        return _("{n} of {all} comparisons of versions are clear").format(
            n=language.number((self.table["clear"] == YES).sum()), all=language.number(len(self.table))
        )

    def note(self) -> str:
        """Designs and tests."""
        return _(
            "Monadic and A/B: each respondent saw one version; ratings by Welch's t and Mann-Whitney's test, shares by "
            "Fisher's with "
            "Newcombe's interval. Paired: each saw both; ratings by the paired t and Wilcoxon's test, shares by "
            "McNemar's exact test "
            "with the interval of Bonett and Price (2012). Of two tests the larger p counts; Holm's correction within a test, 5%."
        )

    def finding(self) -> Finding:
        """How many comparisons are clear."""
        n = int((self.table["clear"] == YES).sum())
        fewest = int(self.table[["answers", "other_answers"]].min().min())
        warnings = [_("A test shows what was shown: who saw which version must have been drawn by chance.")]
        if fewest < FEW:
            warnings.append(_("Few answers: {n}.").format(n=language.number(fewest)))
        return Finding(
            key="needs.clear_tests",
            value=float(n),
            unit="count",
            display=language.number(n),
            text=language.sentence(self.headline()),
            evidence=language.sentence(self.table_headline()),
            so_what=_("Take the better version where it is clear; elsewhere take the cheaper one, or ask more respondents."),
            confidence="medium" if n and fewest >= FEW else "low",
            warnings=tuple(warnings),
            assumptions=(self.note(),),
        )


@needs("survey", answers=_ANSWERS)
def product_tests(tables: Tables, survey: Survey) -> ProductTests | NotAvailable:
    """Every two versions of a test compared by what was asked: liking, intent to buy, response.

    A test is monadic (A/B, where yes or no was asked) or paired: paired where at least half of who answered about the rarer
    version answered about the other as well; then only they count. The last answer of each customer; versions with ten answers.

    Source: Welch (1947); Newcombe (1998); McNemar (1947); Bonett and Price (2012), Adjusted Wald confidence interval for a
    difference of binomial proportions based on paired data; Holm (1979).
    """
    rows = []
    for measure in MEASURES:
        tests: dict[str, dict[str, pd.Series]] = {}
        for subject in survey.subjects(measure):
            test, version = parts_of(subject)
            last, _earlier = survey.last((subject, measure))
            who = last["customer_id"].fillna(last["response_id"])
            if test and len(last) >= FEWEST:
                values = pd.Series(last[(subject, measure)].to_numpy(dtype=float), index=who.to_numpy())
                tests.setdefault(test, {})[version] = values
        for test, versions in tests.items():
            for one, other in itertools.combinations(sorted(versions), 2):
                row = _compared(versions[one], versions[other], measure)
                if row["difference"] < 0:
                    one, other, row = other, one, _compared(versions[other], versions[one], measure)
                rows.append({"test": test, "measure": measure, "version": one, "other": other, **row})
    if not rows:
        reason = _("the survey has no test with two versions and {n} answers about each.").format(n=language.number(FEWEST))
        return NotAvailable((), _(_ANSWERS), reason=reason)
    table = pd.DataFrame(rows)
    for _test, own in table.groupby("test"):
        table.loc[own.index, "p_holm"] = holm(own["p_value"]).reindex(own.index)
    table["clear"] = np.where(table["p_holm"] < SIGNIFICANT, YES, NO)
    table["_first"] = table["clear"] != YES
    order = ["_first", "test", "measure", "version", "other"]
    return ProductTests(table.sort_values(order, ignore_index=True).drop(columns="_first"), survey)


def _compared(one: pd.Series, other: pd.Series, measure: str) -> dict:
    both = one.index.intersection(other.index)
    paired = len(both) >= FEWEST and 2 * len(both) >= min(len(one), len(other))
    if paired:
        one, other = one.loc[both], other.loc[both]
    a, b = one.to_numpy(), other.to_numpy()
    if measure == RESPONSE:
        low, high, p, error = _paired_shares(a, b) if paired else _two_shares(a, b)
    else:
        low, high, p, error = _paired_means(a, b) if paired else _two_means(a, b)
    return {
        "design": PAIRED if paired else AB if measure == RESPONSE else MONADIC,
        "answers": len(a),
        "other_answers": len(b),
        "value": float(a.mean()),
        "other_value": float(b.mean()),
        "difference": float(a.mean() - b.mean()),
        "difference_low": low,
        "difference_high": high,
        "p_value": p,
        "detectable": REACH * error,
    }


def _two_means(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float, float]:
    from scipy.stats import mannwhitneyu, ttest_ind

    va, vb = float(a.var(ddof=1)), float(b.var(ddof=1))
    low, high = welch(len(a), float(a.mean()), va, len(b), float(b.mean()), vb)
    if va + vb == 0:
        return low, high, 1.0 if a[0] == b[0] else 0.0, 0.0
    ranks = float(mannwhitneyu(a, b, method="asymptotic").pvalue)
    return low, high, max(float(ttest_ind(a, b, equal_var=False).pvalue), ranks), math.sqrt(va / len(a) + vb / len(b))


def _paired_means(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float, float]:
    from scipy.stats import wilcoxon

    d = a - b
    _mean, low, high = mean_interval(d)
    ranks = float(wilcoxon(d, method="asymptotic").pvalue) if d.any() else 1.0
    return low, high, max(paired_p(d), ranks), float(d.std(ddof=1)) / math.sqrt(len(d))


def _two_shares(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float, float]:
    from scipy.stats import fisher_exact

    x, y = int(a.sum()), int(b.sum())
    low, high = newcombe(x, len(a), y, len(b))
    p, q = (x + 1) / (len(a) + 2), (y + 1) / (len(b) + 2)  # so that shares of 0 and 1 have an error too
    error = math.sqrt(p * (1 - p) / len(a) + q * (1 - q) / len(b))
    return low, high, float(fisher_exact([[x, len(a) - x], [y, len(b) - y]])[1]), error


def _paired_shares(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float, float]:
    from scipy.stats import binomtest

    n, first, second = len(a), int(((a == 1) & (b == 0)).sum()), int(((a == 0) & (b == 1)).sum())
    p, q = (first + 1) / (n + 2), (second + 1) / (n + 2)
    error = math.sqrt((p + q - (p - q) ** 2) / (n + 2))
    chance = float(binomtest(first, first + second).pvalue) if first + second else 1.0
    return max(-1.0, p - q - Z * error), min(1.0, p - q + Z * error), chance, error
