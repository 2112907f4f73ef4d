"""How long customers wait for an answer and for a solution, and which causes stay unsolved; open cases count as long as they
last.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _
from fivestep.needs.feedback_cases import DIMENSIONS, KINDS, cases, complaints, end_of, level_label, unnamed_note
from fivestep.needs.kaplan_meier import Curve, kaplan_meier, logrank

WEEK = 7.0  # days
FEWEST = 10  # cases below which a group is not shown
LARGEST = 15  # groups of one dimension that are shown
AT_RISK = 5  # cases still waiting below which the curve is not drawn
FALSE_DISCOVERY_RATE = 0.05
SOLUTION, ANSWER = N_("Solution"), N_("First answer")
SLOWER, FASTER, UNCLEAR = N_("Slower than the rest"), N_("Faster than the rest"), N_("Not clearly different")
MORE_OPEN, LESS_OPEN = N_("Solved less often"), N_("Solved more often")
_ANSWERS = N_("how long customers wait for an answer and for a solution")
_CAUSES = N_("which causes of complaints are solved and which are not")


@dataclass(frozen=True)
class Resolution:
    """Waiting times with open cases counted as waiting until the as-of date.

    ``curves``: what is waited for -> kind of feedback -> `Curve` in days. ``groups``: one row per kind, product, region,
    representative and department with at least ten cases: dimension, level, cases, open, median_days with ``_low`` and ``_high``,
    solved_in_week with ``_low`` and ``_high``, p_value, q_value, against_rest (log-rank test; empty for kinds). ``causes``: one
    row per cause of complaints: cause, cases, solved, solved_share with ``_low`` and ``_high``, median_days, p_value, q_value,
    against_rest (Fisher's test). ``untimed``: solved cases whose solution has no usable time, in no curve; ``answers_known``:
    whether the data says when a case was first answered; ``named``: whether the data says which cases are complaints.
    """

    curves: dict[str, dict[str, Curve]]
    groups: pd.DataFrame
    causes: pd.DataFrame
    untimed: int
    answers_known: bool
    named: bool

    def figure(self) -> Figure:
        """Share of cases solved by days since they came in, by kind."""
        curves = self.curves[SOLUTION]
        reach = max(
            (float(c.times[c.at_risk >= AT_RISK].max()) for c in curves.values() if (c.at_risk >= AT_RISK).any()), default=1.0
        )
        days = np.linspace(0, reach, 61)
        shown = pd.DataFrame(
            {kind: [1 - c.after(day)[0] for day in days] for kind, c in curves.items()},
            index=[language.number(day, 0 if reach >= 20 else 1) for day in days],
        )
        return charts.lines(
            shown,
            write=language.percent,
            labels=[_(k) for k in curves],
            ylabel=_("Share solved"),
            xlabel=_("Days since it came in"),
        )

    def waits(self) -> pd.DataFrame:
        """Median days and share done within a week, by what is waited for and by kind."""
        rows = []
        for what, curves in self.curves.items():
            for kind, curve in curves.items():
                rows.append({"waited_for": what, "feedback_kind": kind, **_measures(curve)})
        return pd.DataFrame(rows).rename(columns=_SHOWN)

    def by_group(self) -> pd.DataFrame | NotAvailable:
        """The slowest groups first within each dimension."""
        if self.groups.empty:
            reason = _("no product, region, representative or department has {n} cases.").format(n=language.number(FEWEST))
            return NotAvailable((), _(_ANSWERS), reason=reason)
        t = self.groups[self.groups.groupby("dimension", sort=False).cumcount() < LARGEST].drop(columns=["p_value", "q_value"])
        shown = t.assign(
            dimension=[DIMENSIONS[d] for d in t["dimension"]],
            level=[level_label(d, v) for d, v in zip(t["dimension"], t["level"], strict=True)],
        )
        return shown.rename(
            columns={"dimension": "voice_dimension", "level": "voice_level", "against_rest": "wait_against_rest", **_SHOWN}
        )

    def by_cause(self) -> pd.DataFrame | NotAvailable:
        """What is solved and what is not, least solved first."""
        if self.causes.empty:
            return NotAvailable((), _(_CAUSES), reason=_("complaints have no cause that the data names."))
        return self.causes.drop(columns=["p_value", "q_value"]).rename(
            columns={"cause": "complaint_cause", "against_rest": "solved_against_rest", **_SHOWN}
        )

    def headline(self) -> str:
        """Median time to a solution of the most frequent kind."""
        kind, curve = max(self.curves[SOLUTION].items(), key=lambda item: item[1].cases)
        middle, low, high = curve.median()
        if math.isnan(middle):
            return _("{kind}: half are not solved even after {days} days").format(
                kind=_(kind), days=language.number(curve.last, 1)
            )
        if math.isnan(high) or math.isnan(low):
            return _("{kind}: half are solved within {days} days").format(kind=_(kind), days=language.number(middle, 1))
        return _("{kind}: half are solved within {days} days (95% interval {low} to {high})").format(
            kind=_(kind), days=language.number(middle, 1), low=language.number(low, 1), high=language.number(high, 1)
        )

    def table_headline(self) -> str:
        """How many kinds were looked at."""
        if self.answers_known:
            return _("Time to the first answer and to the solution, by kind of feedback")
        return _("Time to the solution, by kind of feedback")

    def groups_headline(self) -> str:
        """Who is slower than the rest."""
        if self.groups.empty:
            return _("Waiting time by product, region, representative and department")
        slow = self.groups[self.groups["against_rest"] == SLOWER]
        if slow.empty:
            return _("No product, region, representative or department is clearly slower than the rest")
        worst = slow.sort_values(["q_value", "dimension", "level"]).iloc[0]
        return _("Cases take longest to solve beyond chance: {level}").format(
            level=level_label(worst["dimension"], worst["level"])
        )

    def causes_headline(self) -> str:
        """Which cause stays unsolved."""
        open_ = self.causes[self.causes["against_rest"] == MORE_OPEN] if len(self.causes) else self.causes
        if len(open_) == 0:
            return _("No cause of complaints is clearly solved less often than the others")
        worst = open_.iloc[0]
        return _("{cause}: only {share} of the complaints are solved").format(
            cause=language.value("feedback.cause", worst["cause"]), share=language.percent(worst["solved_share"])
        )

    def note(self) -> str:
        """How open cases count."""
        parts = [
            _(
                "Open cases are not left out: they count as waiting until the as-of date (Kaplan and Meier 1958; intervals 95%, "
                "log-log). A dash: the data does not reach it. The curve ends where fewer than {n} cases are waiting."
            ).format(n=language.number(AT_RISK)),
            _(
                "Groups with fewer than {n} cases are left out; differences: log-rank and Fisher's test, false "
                "discovery rate {rate}."
            ).format(n=language.number(FEWEST), rate=language.percent(FALSE_DISCOVERY_RATE, 0)),
        ]
        if self.answers_known:
            parts.append(_("A case that was solved without an earlier answer counts as answered when it was solved."))
        if self.untimed:
            parts.append(_("Solved without a usable time, and in no curve: {n}.").format(n=language.number(self.untimed)))
        if not self.named:
            parts.append(unnamed_note(self.named))
        return " ".join(parts)

    def finding(self) -> Finding:
        """Share solved within a week."""
        kind, curve = max(self.curves[SOLUTION].items(), key=lambda item: item[1].cases)
        waiting, low, high = curve.after(WEEK)
        warnings = []
        if curve.cases < 30:
            warnings.append(_("Only {n} cases: the times may be far off.").format(n=language.number(curve.cases)))
        if math.isnan(waiting):
            text = language.sentence(self.headline())
        else:
            text = _("{kind}: {share} are solved within a week (95% interval {low} to {high}).").format(
                kind=_(kind),
                share=language.percent(1 - waiting),
                low=language.percent(1 - high),
                high=language.percent(1 - low),
            )
        return Finding(
            key="needs.solved_within_a_week",
            value=1 - waiting,
            unit="share",
            display=language.percent(1 - waiting),
            text=text,
            evidence=_("{n} cases, {open} of them still open.").format(
                n=language.number(curve.cases), open=language.number(curve.cases - curve.ended.sum())
            ),
            so_what=_("Look at the causes and groups that stay open longest; set a time by which each case has an answer."),
            confidence="medium" if curve.cases >= 30 else "low",
            warnings=tuple(warnings),
            assumptions=(self.note(),),
        )


_SHOWN = {"cases": "feedback_cases", "open": "open_cases", "solved": "solved_cases"}


@needs("feedback.resolved_at", answers=_ANSWERS)
def resolution(tables: Tables) -> Resolution | NotAvailable:
    """Time from the day a case came in to its first answer and to its solution.

    Times are whole minutes, shown in days. A solution before the case came in, or without a time, is left out of the curves and
    counted. Sources: Kaplan and Meier (1958); Mantel (1966); Benjamini and Hochberg (1995).
    """
    told = cases(tables)
    end = ibis.literal(end_of(tables))
    start = told.created_at.epoch_seconds()
    took = (told.resolved_at.epoch_seconds() - start) / 60
    first = ibis.least(ibis.coalesce(told.responded_at, told.resolved_at), ibis.coalesce(told.resolved_at, told.responded_at))
    told = told.mutate(
        minutes=ibis.ifelse(told.solved, took, (end.epoch_seconds() - start) / 60).floor(),
        answer_minutes=ibis.coalesce((first.epoch_seconds() - start) / 60, (end.epoch_seconds() - start) / 60).floor(),
        answered=first.notnull(),
    )
    # Solved by its status alone: when is not known, nor whether it was answered before.
    timed = told.filter(told.minutes.notnull() & (told.minutes >= 0))
    n = int(timed.count().to_pandas())
    if not n:
        return NotAvailable((), _(_ANSWERS), reason=_("no case has a usable time."))
    by_kind = _spells(timed, "kind", "minutes", "solved")
    curves = {SOLUTION: _curves(by_kind)}
    answers_known = "responded_at" in tables.feedback.columns and bool(told.responded_at.count().to_pandas())
    if answers_known:
        curves[ANSWER] = _curves(_spells(timed.filter(timed.answer_minutes >= 0), "kind", "answer_minutes", "answered"))
    groups = [_groups(timed, dimension) for dimension in DIMENSIONS]
    complained, named = complaints(told)
    return Resolution(
        curves,
        pd.concat(groups, ignore_index=True),
        _causes(complained),
        int(told.count().to_pandas()) - n,
        answers_known,
        named,
    )


def _spells(told: ibis.Table, by: str, minutes: str, ended: str) -> pd.DataFrame:
    """Cases counted by *by*, whole minutes, and whether they ended."""
    known = told.filter(told[by].notnull())
    counted = known.group_by(by=known[by], minutes=known[minutes], ended=known[ended]).aggregate(n=known.count())
    return frame(counted, by=["by", "minutes", "ended"]).assign(days=lambda t: t["minutes"].astype(float) / 1440)


def _curves(spells: pd.DataFrame) -> dict[str, Curve]:
    parts = {kind: spells[spells["by"] == kind] for kind in KINDS}
    return {k: kaplan_meier(p["days"], p["ended"], p["n"]) for k, p in parts.items() if len(p)}


def _measures(curve: Curve) -> dict[str, float]:
    middle, low, high = curve.median()
    waiting, least, most = curve.after(WEEK)
    return {
        "cases": curve.cases,
        "open": curve.cases - int(curve.ended.sum()),
        **dict(zip(("median_days", "median_days_low", "median_days_high"), (middle, low, high), strict=True)),
        "solved_in_week": 1 - waiting,
        "solved_in_week_low": 1 - most,
        "solved_in_week_high": 1 - least,
    }


_GROUP = [
    *("dimension", "level", "cases", "open", "median_days", "median_days_low", "median_days_high", "solved_in_week"),
    *("solved_in_week_low", "solved_in_week_high", "p_value", "q_value", "against_rest"),
]


def _groups(told: ibis.Table, dimension: str) -> pd.DataFrame:
    from scipy.stats import false_discovery_control

    spells = _spells(told, dimension, "minutes", "solved")
    sizes = spells.groupby("by")["n"].sum()
    kept = sorted(sizes[sizes >= FEWEST].index)
    if len(kept) < 2:
        return pd.DataFrame(columns=_GROUP)
    rows = []
    for level in kept:
        own = spells["by"] == level
        __, p, ratio = logrank(spells["days"], spells["ended"], spells["n"], own)
        curve = kaplan_meier(spells.loc[own, "days"], spells.loc[own, "ended"], spells.loc[own, "n"])
        rows.append({"dimension": dimension, "level": level, **_measures(curve), "p_value": p, "_ratio": ratio})
    out = pd.DataFrame(rows)
    out["q_value"] = false_discovery_control(out["p_value"], method="bh")
    clear = out["q_value"] <= FALSE_DISCOVERY_RATE
    out["against_rest"] = np.select([clear & (out["_ratio"] < 1), clear & (out["_ratio"] > 1)], [SLOWER, FASTER], UNCLEAR)
    order = out["median_days"].fillna(np.inf)
    return out.assign(_order=-order).sort_values(["_order", "level"], ignore_index=True)[_GROUP]


def _causes(told: ibis.Table) -> pd.DataFrame:
    from scipy.stats import false_discovery_control, fisher_exact

    columns = [
        "cause",
        "cases",
        "solved",
        "solved_share",
        "solved_low",
        "solved_high",
        "median_days",
        "p_value",
        "q_value",
        "against_rest",
    ]
    known = told.filter(told.cause.notnull())
    out = frame(known.group_by("cause").aggregate(cases=known.count(), solved=known.solved.sum()), by=["cause"])
    if out.empty:
        return pd.DataFrame(columns=columns)
    spells = _spells(known.filter(known.minutes.notnull() & (known.minutes >= 0)), "cause", "minutes", "solved")
    out["solved_share"] = out["solved"] / out["cases"]
    out["solved_low"], out["solved_high"] = wilson(out["solved"], out["cases"])
    parts = {c: spells[spells["by"] == c] for c in out["cause"]}
    out["median_days"] = [kaplan_meier(p["days"], p["ended"], p["n"]).median()[0] if len(p) else math.nan for p in parts.values()]
    whole = out[["cases", "solved"]].sum()
    out["p_value"] = [
        fisher_exact([[row.solved, row.cases - row.solved],
                      [whole["solved"] - row.solved, whole["cases"] - row.cases - whole["solved"] + row.solved]]).pvalue
        for row in out.itertuples()
    ]  # fmt: skip
    out["q_value"] = false_discovery_control(out["p_value"], method="bh")
    clear = out["q_value"] <= FALSE_DISCOVERY_RATE
    usual = (whole["solved"] - out["solved"]) / (whole["cases"] - out["cases"]).where(whole["cases"] > out["cases"])
    less, more = clear & (out["solved_share"] < usual), clear & (out["solved_share"] > usual)
    out["against_rest"] = np.select([less, more], [MORE_OPEN, LESS_OPEN], UNCLEAR)
    return out.sort_values(["solved_share", "cause"], ignore_index=True)[columns]
