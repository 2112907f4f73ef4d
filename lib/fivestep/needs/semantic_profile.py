"""How brands or products are seen between opposites: the profile of a semantic differential."""

from __future__ import annotations

import math
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.charts.theme import style
from fivestep.engine import Tables, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import holm
from fivestep.language import N_, _
from fivestep.needs.kano import NO, YES
from fivestep.needs.survey import DIFFERENTIAL, Survey, own_brand

FEWEST = 10  # answers below which a mean is not shown
FEW = 30  # answers below which a warning is given
MOST_OBJECTS = 5
SIGNIFICANT = 0.05
_ANSWERS = N_("how customers see the brand, between opposites such as cold and warm")


@dataclass(frozen=True)
class SemanticProfile:
    """Mean answers between opposites.

    ``table``: one row per pair of opposites and object, own object first: pair (``left ~ right``), object, answers, score_mean,
    score_low, score_high (95 %, t). ``gaps``: one row per pair and other object: pair, object, both (respondents who rated the
    two), gap (own less other), gap_low, gap_high (paired t), p_value, p_holm (over all rows), clear; widest first. ``own``: the
    object that
    the others are held against; ``declared``: whether survey.yml or its name says so. ``scale``: lowest and highest answer.
    """

    table: pd.DataFrame
    gaps: pd.DataFrame
    own: str
    declared: bool
    scale: tuple[float, float]
    survey: Survey

    @property
    def objects(self) -> list[str]:
        """The objects, own first."""
        return list(dict.fromkeys(self.table["object"]))

    def ends(self, pair: str) -> tuple[str, str]:
        """The two opposites as the reader sees them."""
        left, _tilde, right = self.survey.label(pair).partition("~")
        return left.strip(), right.strip()

    def figure(self) -> Figure:
        """The profile: a line for each object from pair to pair, with intervals, opposites at both sides."""
        pairs = self._in_order()
        fig, ax = charts.figure(height=1.1 + 0.32 * max(len(pairs), 2))
        with mpl.rc_context(style()):
            right, step = ax.secondary_yaxis("right"), 0.14
            for j, name in enumerate(self.objects):
                own = self.table[self.table["object"] == name].set_index("pair").reindex(pairs)
                places = np.arange(len(pairs)) + step * (j - (len(self.objects) - 1) / 2)
                color = charts.ACCENT if name == self.own else charts.PALETTE[(j + 1) % len(charts.PALETTE)]
                color = charts.GREYS[0] if name != self.own and len(self.objects) == 2 else color
                ax.hlines(places, own["score_low"], own["score_high"], color=color, linewidth=2, alpha=0.35)
                ax.plot(own["score_mean"], places, "o-", color=color, markersize=4, linewidth=1.2, label=self.survey.label(name))
            ax.axvline(sum(self.scale) / 2, color=charts.GREYS[0], linewidth=0.8, linestyle=(0, (3, 2)), zorder=0)
            ax.set_yticks(range(len(pairs)), [self.ends(p)[0] for p in pairs])
            right.set_yticks(range(len(pairs)), [self.ends(p)[1] for p in pairs])
            right.tick_params(labelsize=7.5, labelcolor=charts.MUTED, length=0)
            right.spines["right"].set_visible(False)
            ax.spines["left"].set_visible(False)
            ax.set_ylim(len(pairs) - 0.5, -0.5)
            ax.set_xlim(*self.scale)
            ax.set_xticks(np.arange(self.scale[0], self.scale[1] + 1))
            ax.grid(axis="x")
            ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(self.objects), frameon=False, fontsize=7.5)
        return fig

    def _in_order(self) -> list[str]:
        """The pairs by how much further right the own object is seen than the first other, else by its own mean."""
        means = self.table.pivot(index="pair", columns="object", values="score_mean")
        order = means[self.own] - means[self.objects[1]] if len(self.objects) > 1 else means[self.own]
        return sorted(means.index, key=lambda p: (-(round(order[p], 9) if order[p] == order[p] else -math.inf), p))

    def shown(self) -> pd.DataFrame:
        """The gaps as a reader sees them; the means themselves where there is one object only."""
        if self.gaps.empty:
            out = self.table[["pair", "answers", "score_mean", "score_low", "score_high"]]
            return out.assign(pair=[self._pair(p) for p in out["pair"]]).rename(columns={"pair": "opposites"})
        g = self.gaps
        means = self.table.set_index(["object", "pair"])["score_mean"]
        return pd.DataFrame(
            {
                "opposites": [self._pair(p) for p in g["pair"]],
                "compared_object": [self.survey.label(o) for o in g["object"]],
                "both_rated": g["both"],
                "own_mean": [means[self.own, p] for p in g["pair"]],
                "other_mean": [means[o, p] for o, p in zip(g["object"], g["pair"], strict=True)],
                "profile_gap": g["gap"],
                "profile_gap_low": g["gap_low"],
                "profile_gap_high": g["gap_high"],
                "gap_clear": g["clear"],
            }
        )

    def _pair(self, pair: str) -> str:
        return _("{left} – {right}").format(left=self.ends(pair)[0], right=self.ends(pair)[1])

    def headline(self) -> str:
        """Towards which ends the own object is seen more than the others, where it is clear."""
        name = self.survey.label(self.own)
        if self.gaps.empty:
            own = self.table[self.table["object"] == self.own]
            middle = sum(self.scale) / 2
            far = own.iloc[int(np.argmax((own["score_mean"] - middle).abs().round(9).to_numpy()))]
            return _("{name} is furthest from the middle between {left} and {right}: mean {mean}").format(
                name=name,
                left=self.ends(far["pair"])[0],
                right=self.ends(far["pair"])[1],
                mean=language.number(far["score_mean"], 1),
            )
        clear = self.gaps[self.gaps["clear"] == YES]
        if clear.empty:
            return _("{name} is not clearly seen otherwise than the objects beside it").format(name=name)
        top = clear.iloc[0]
        return _("{name} is seen as clearly more {word} than {other}: {gap} points").format(
            name=name,
            word=self.ends(top["pair"])[int(top["gap"] > 0)],
            other=self.survey.label(top["object"]),
            gap=language.number(abs(top["gap"]), 1),
        )

    def table_headline(self) -> str:
        """How many of the gaps are clear."""
        if self.gaps.empty:
            return _("Mean answers between {n} pairs of opposites").format(n=language.number(self.table["pair"].nunique()))
        return _("Clear differences: {n} of {all} comparisons").format(
            n=language.number((self.gaps["clear"] == YES).sum()), all=language.number(len(self.gaps))
        )

    def note(self) -> str:
        """Scale, base, tests."""
        counts = self.table.groupby("object")["answers"].max()
        parts = [
            self.survey.scale_note(DIFFERENTIAL),
            _("Points: means with 95% intervals (t); respondents: {counts}.").format(
                counts=language.listing(
                    [_("{name} {n}").format(name=self.survey.label(o), n=language.number(counts[o])) for o in self.objects]
                )
            ),
        ]
        if len(self.gaps):
            parts.append(_("Differences among respondents who rated both: paired t test, Holm's correction, 5%."))
        if not self.declared:
            parts.append(
                _("{name} stands first as most respondents rated it; own_brand in survey.yml says which is yours.").format(
                    name=self.survey.label(self.own)
                )
            )
        return " ".join(parts)

    def finding(self) -> Finding:
        """The widest clear difference, else the widest."""
        widest = self.gaps.iloc[0] if len(self.gaps) else None
        value = float(widest["gap"]) if widest is not None else float(self.table["score_mean"].iloc[0])
        fewest = int(self.gaps["both"].min()) if widest is not None else int(self.table["answers"].min())
        warnings = [_("An image is what respondents say: who does not know an object has not rated it.")]
        if fewest < FEW:
            warnings.append(_("Few answers: {n}.").format(n=language.number(fewest)))
        worse = (
            []
            if widest is None
            else [self._pair(p) for p in self.gaps.loc[(self.gaps["clear"] == YES) & (self.gaps["gap"] < 0), "pair"]]
        )
        return Finding(
            key="needs.profile_gap",
            value=value,
            unit="index",
            display=language.number(value, 1),
            text=language.sentence(self.headline()),
            evidence=language.sentence(self.table_headline()),
            so_what=_("Decide whether to be seen further to the left is meant: {pairs}.").format(
                pairs=language.listing(list(dict.fromkeys(worse)))
            )
            if worse
            else _("Say in advertising what is seen already, and ask again in a year."),
            confidence="medium" if fewest >= FEW and widest is not None else "low",
            warnings=tuple(warnings),
            assumptions=(self.note(),),
        )


def parts_of(subject: str) -> tuple[str, str]:
    """Object and pair of opposites of a question such as ``our brand/cold ~ warm``; no object where there is no slash."""
    thing, _slash, pair = subject.rpartition("/")
    return thing.strip(), pair.strip()


@needs("survey", answers=_ANSWERS)
def semantic_profile(tables: Tables, survey: Survey) -> SemanticProfile | NotAvailable:
    """Mean answers of every object between every two opposites, and where the own object differs from the others.

    The last answer of each customer; means of at least ten answers; at most five objects, those most rated beside the own. Paired
    differences with t intervals, Holm's correction over all of them.

    Source: Osgood, Suci and Tannenbaum (1957), The Measurement of Meaning; Holm (1979).
    """
    rated: dict[tuple[str, str], pd.Series] = {}
    for subject in survey.subjects(DIFFERENTIAL):
        last, _earlier = survey.last((subject, DIFFERENTIAL))
        who = last["customer_id"].fillna(last["response_id"])
        values = pd.Series(last[(subject, DIFFERENTIAL)].to_numpy(dtype=float), index=who.to_numpy())
        if len(values) >= FEWEST and "~" in subject:
            rated[parts_of(subject)] = values
    if not rated:
        reason = _("the survey has no scale between two opposites with {n} answers.").format(n=language.number(FEWEST))
        return NotAvailable((), _(_ANSWERS), reason=reason)
    sizes = pd.Series({thing: 0 for thing, _pair in rated})
    for (thing, _pair), values in rated.items():
        sizes[thing] = max(sizes[thing], len(values))
    own, declared = own_brand(survey, list(sizes.index), sizes)
    objects = [own, *(o for o in sorted(sizes.index, key=lambda o: (-sizes[o], o)) if o != own)][:MOST_OBJECTS]
    pairs = list(dict.fromkeys(pair for _thing, pair in rated))
    rows, gaps = [], []
    for thing in objects:
        for pair in pairs:
            if (thing, pair) not in rated:
                continue
            values = rated[thing, pair]
            mean, low, high = mean_interval(values.to_numpy())
            rows.append(
                {"pair": pair, "object": thing, "answers": len(values), "score_mean": mean, "score_low": low, "score_high": high}
            )
            if thing != own and (own, pair) in rated:
                both = rated[own, pair].index.intersection(values.index)
                if len(both) >= FEWEST:
                    difference = (rated[own, pair].loc[both] - values.loc[both]).to_numpy()
                    gap, low, high = mean_interval(difference)
                    gaps.append(
                        {
                            "pair": pair, "object": thing, "both": len(both), "gap": gap, "gap_low": low, "gap_high": high,
                            "p_value": paired_p(difference),
                        }
                    )  # fmt: skip
    return SemanticProfile(pd.DataFrame(rows), _tested(gaps), own, declared, survey.scales[DIFFERENTIAL], survey)


def _tested(gaps: list[dict]) -> pd.DataFrame:
    columns = ["pair", "object", "both", "gap", "gap_low", "gap_high", "p_value", "p_holm", "clear"]
    if not gaps:
        return pd.DataFrame(columns=columns)
    out = pd.DataFrame(gaps)
    out["p_holm"] = holm(out["p_value"]).reindex(out.index)
    out["clear"] = np.where(out["p_holm"] < SIGNIFICANT, YES, NO)
    out["_size"] = -out["gap"].abs().round(9)
    return out.sort_values(["_size", "pair", "object"], ignore_index=True)[columns]


def mean_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean and its 95 % interval (t); without an interval for fewer than two values."""
    from scipy.stats import t

    n, mean = len(values), float(np.mean(values))
    if n < 2:
        return mean, math.nan, math.nan
    half = float(t.ppf(0.975, n - 1)) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return mean, mean - half, mean + half


def paired_p(differences: np.ndarray) -> float:
    """P of the paired t test; where nobody differs from the others 1 for a mean of 0, else 0."""
    from scipy.stats import t

    spread = float(np.std(differences, ddof=1))
    if spread == 0:
        return 1.0 if differences[0] == 0 else 0.0
    return float(2 * t.sf(abs(float(np.mean(differences))) / spread * math.sqrt(len(differences)), len(differences) - 1))
