"""What to improve first: the Kano category of a feature beside the satisfaction with it and the complaints about it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _
from fivestep.needs.kano import CODES, Kano
from fivestep.needs.satisfaction import SATISFIED
from fivestep.needs.satisfaction_fifths import COMPLAINTS
from fivestep.needs.survey import SATISFACTION, plain

FIX, IMPROVE, STAND_OUT, KEEP, LEAVE, CHOICE, ASK_AGAIN = (
    N_("Fix first"), N_("Improve"), N_("Stand out"), N_("Keep up"), N_("Leave as it is"), N_("Make it a choice"), N_("Ask again"),
)  # fmt: skip
ACTIONS = {"M": FIX, "O": IMPROVE, "A": STAND_OUT, "I": LEAVE, "R": CHOICE, "Q": ASK_AGAIN}
WELL = 0.8  # share satisfied above which, with its whole interval, a feature is kept up rather than improved
FEW = 30

_ANSWERS = N_("which features to improve first")


@dataclass(frozen=True)
class Priorities:
    """Features by what their improvement promises.

    ``table``: one row per feature of the Kano table, first priority first: feature, feature_label, code, clear, rated
    (customers who rated it), satisfied_share with ``_low`` and ``_high`` (NaN where nobody did), complaints (about it; NaN
    where feedback has no causes), priority (share not satisfied times the harm of absence for must-be and one-dimensional,
    times the gain of presence for attractive features, 0 for the others; NaN where the satisfaction is not known), action.
    """

    table: pd.DataFrame
    kano: Kano
    complaints_known: bool

    def shown(self) -> pd.DataFrame:
        """The table as a reader sees it; complaints only where there are any."""
        out = self.table[
            ["feature_label", "action", "priority", "rated", "satisfied_share", "satisfied_low", "satisfied_high", "complaints"]
        ]
        out = out.rename(columns={"action": "feature_action", "complaints": "feature_complaints"})
        out.insert(1, "kano_category", [self.kano.names[c] for c in self.table["code"]])
        return out if out["feature_complaints"].fillna(0).sum() > 0 else out.drop(columns="feature_complaints")

    def figure(self) -> Figure:
        """The priority of every feature; what is to be fixed, improved or made to stand out has the accent."""
        t = self.table
        labels = [
            _("{feature} ({category})").format(feature=label, category=_(self.kano.names[code]))
            for label, code in zip(t["feature_label"], t["code"], strict=True)
        ]
        if t["priority"].isna().all():
            return charts.bars(labels, t["complaints"].astype(float), write=language.number, xlabel=_("Complaints"))
        accent = t["action"].isin([FIX, IMPROVE, STAND_OUT]).tolist()
        return charts.bars(labels, t["priority"], write=lambda v: language.number(v, 2), accent=accent, xlabel=_("Priority"))

    def headline(self) -> str:
        """The first feature on the list and why it is there."""
        work = self.table[self.table["action"].isin([FIX, IMPROVE, STAND_OUT])]
        if work.empty:
            return _("No feature asks for improvement now: those that matter satisfy")
        top = work.iloc[0]
        category = self.kano.names[top["code"]]
        words = {
            "feature": top["feature_label"],
            "category": _(category),
            "complaints": language.number(top["complaints"]),
        }
        if not math.isnan(top["priority"]):
            return _("Begin with {feature} ({category}): {share} of who rated it are not satisfied").format(
                **words, share=language.percent(1 - top["satisfied_share"])
            )
        if top["complaints"] > 0:
            return _("Begin with {feature} ({category}): complaints about it {complaints}").format(**words)
        return _("Begin with {feature} ({category}): how satisfied customers are with it is not known").format(**words)

    def table_headline(self) -> str:
        """How many features ask for work."""
        return _("{n} of {all} features are to be fixed, improved or made to stand out").format(
            n=language.number(self.table["action"].isin([FIX, IMPROVE, STAND_OUT]).sum()), all=language.number(len(self.table))
        )

    def note(self) -> str:
        """How the priority is made."""
        parts = [
            _(
                "Priority: share of customers not satisfied with the feature, times the harm of its absence (worse) for "
                "must-be and one-dimensional features, times the gain of its presence (better) for attractive ones. Features "
                "satisfying more than {well} with their whole interval are kept up. Equal priority: must-be before "
                "one-dimensional before attractive, then complaints."
            ).format(well=language.percent(WELL)),
            self.kano.note(),
        ]
        if self.complaints_known:
            parts.insert(1, _("Complaints: those whose cause is the feature's name, or is listed for it in survey.yml."))
        return " ".join(parts)

    def finding(self) -> Finding:
        """The feature to begin with."""
        t = self.table
        work = t[t["action"].isin([FIX, IMPROVE, STAND_OUT])]
        named = work["feature_label"].tolist()
        warnings = []
        if (~t["clear"]).any():
            warnings.append(
                _("Category not clear: {features}.").format(
                    features=language.listing(t.loc[~t["clear"], "feature_label"].tolist())
                )
            )
        few = t[(t["rated"] > 0) & (t["rated"] < FEW)]
        if len(few):
            warnings.append(
                _("Rated by fewer than {n}: {features}.").format(
                    n=language.number(FEW), features=language.listing(few["feature_label"].tolist())
                )
            )
        unknown = t[t["priority"].isna()]
        if len(unknown):
            warnings.append(
                _("Satisfaction not known: {features}.").format(features=language.listing(unknown["feature_label"].tolist()))
            )
        return Finding(
            key="needs.features_to_improve",
            value=float(len(work)),
            unit="count",
            display=language.number(len(work)),
            text=language.sentence(self.headline()),
            evidence=_("In this order: {features}.").format(features=language.listing(named))
            if named
            else _("{n} features compared.").format(n=language.number(len(t))),
            so_what=_("Estimate what the first ones cost, and decide by cost and priority together.")
            if named
            else _("Watch that satisfaction stays, and ask about new features."),
            confidence="medium" if len(work) and work["clear"].iloc[0] and work["rated"].iloc[0] >= FEW else "low",
            warnings=tuple(warnings),
            assumptions=(self.note(),),
        )


@needs("survey", answers=_ANSWERS)
def priorities(tables: Tables, kano: Kano) -> Priorities | NotAvailable:
    """Kano category, satisfaction and complaints of every feature in one order of priority.

    Satisfaction with a feature is its ``<feature>/satisfaction`` question; a complaint belongs to a feature when its cause is the
    feature's id or name, or listed for it in survey.yml.

    Source: Sauerwein et al. (1996), The Kano model: how to delight your customers, for M > O > A > I; Better and worse as in
    `kano`.
    """
    survey = kano.survey
    counts = _complaints(tables, kano)
    rows = []
    for row in kano.table.itertuples():
        key = (row.feature, SATISFACTION)
        share = survey.on_scale(SATISFACTION, survey.last(key)[0][key]) if key in survey.table.columns else pd.Series(dtype=float)
        good, n = int((share >= SATISFIED - 1e-9).sum()), len(share)
        low, high = (float(end) for end in wilson(good, n))
        strength = {"M": -row.worse, "O": -row.worse, "A": row.better}.get(row.code, 0.0)
        satisfied = good / n if n else math.nan
        rows.append(
            {
                "feature": row.feature,
                "feature_label": row.feature_label,
                "code": row.code,
                "clear": row.clear,
                "rated": n,
                "satisfied_share": satisfied,
                "satisfied_low": low,
                "satisfied_high": high,
                "complaints": float(counts.get(row.feature, 0)) if counts is not None else math.nan,
                "priority": (1 - satisfied) * strength if n else math.nan,
                "action": KEEP if row.code in "MOA" and n and low >= WELL else ACTIONS[row.code],
            }
        )
    table = pd.DataFrame(rows)
    if not table["rated"].any() and not table["complaints"].fillna(0).any():
        reason = _("neither satisfaction with the features of the Kano questions nor complaints about them are known.")
        return NotAvailable((), _(_ANSWERS), reason=reason)
    table["_class"] = [CODES.index(c) for c in table["code"]]
    table["_complaints"] = -table["complaints"].fillna(0)
    table["_priority"] = -table["priority"].round(12)
    table["_kept"] = ~table["action"].isin([FIX, IMPROVE, STAND_OUT])
    order = ["_kept", "_priority", "_class", "_complaints", "feature"]
    table = table.sort_values(order, ignore_index=True).drop(columns=["_class", "_complaints", "_priority", "_kept"])
    return Priorities(table, kano, counts is not None)


def _complaints(tables: Tables, kano: Kano) -> dict[str, int] | None:
    """Complaints by feature; None where feedback has no causes."""
    if tables.missing("feedback.feedback_type", "feedback.cause"):
        return None
    told = tables.feedback
    told = told.filter(told.feedback_type.lower().strip().isin(COMPLAINTS) & told.cause.notnull())
    causes = frame(told.group_by("cause").aggregate(n=told.count()), by=["cause"])
    of: dict[str, str] = {}
    for feature in kano.table["feature"]:
        labels = kano.survey.declared.labels.get(feature, feature)
        named = [
            feature,
            *(labels.values() if isinstance(labels, dict) else [labels]),
            *kano.survey.declared.complaints.get(feature, ()),
        ]
        of |= {plain(name): feature for name in named}
    out: dict[str, int] = {}
    for cause, n in zip(causes["cause"], causes["n"], strict=True):
        if (feature := of.get(plain(cause))) is not None:
            out[feature] = out.get(feature, 0) + int(n)
    return out
