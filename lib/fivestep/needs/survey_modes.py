"""Where the answers come from: web, phone, mail, counter ..., and whether the way of asking moves the answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _
from fivestep.needs.semantic_profile import mean_interval
from fivestep.needs.survey import NPS, RATED, Survey, plain

WORDS = {
    N_("Web"): ("web", "online", "app", "internet", "网络", "網路", "线上", "線上", "网页", "問卷連結", "小程序"),
    N_("Phone"): ("phone", "telephone", "call", "电话", "電話"),
    N_("Mail"): ("mail", "post", "letter", "邮寄", "郵寄", "信函"),
    N_("E-mail"): ("e-mail", "email", "邮件", "電郵", "电邮", "電子郵件"),
    N_("Counter"): ("counter", "in store", "branch", "柜台", "櫃台", "门店", "門市"),
    N_("Street"): ("street", "intercept", "random", "随机拦访", "隨機攔訪", "街访", "街訪", "随机调查", "隨機調查"),
    N_("Feedback form"): ("feedback form", "card", "suggestion box", "反馈表", "回饋表", "意见卡", "意見卡", "意见箱", "意見箱"),
    N_("Interview"): ("interview", "face to face", "home visit", "访谈", "訪談", "面访", "面訪", "家庭访问", "家庭訪問"),
}
UNKNOWN = N_("Not known")
FEWEST = 10  # respondents of a mode below which its answers are not compared
FALSE_DISCOVERY_RATE = 0.05
_ANSWERS = N_("how the questionnaires were answered, and whether the way of asking moves the answers")


@dataclass(frozen=True)
class SurveyModes:
    """Questionnaires by mode.

    ``table``: one row per mode, most frequent first: mode, questionnaires, share, known (of them with a customer), answered
    (mean share
    of the questions of its questionnaire that a respondent answered), level (mean of a respondent's ratings, each as a share of
    the way up its scale less the mean of all who answered the question) with ``_low`` and ``_high`` (t). ``compared``: ratings
    asked in two modes with ten answers each; ``moved``: those of them whose answers differ between
    modes (Kruskal-Wallis, false discovery rate 5 %), clearest first.
    """

    table: pd.DataFrame
    compared: int
    moved: tuple[str, ...]

    def figure(self) -> Figure:
        """How high ratings are by mode, with intervals; how many questionnaires where nothing was rated."""
        t = self.table
        names = [mode_label(m) for m in t["mode"]]
        if t["level"].isna().all():
            return charts.bars(names, t["questionnaires"].astype(float), write=language.number, xlabel=_("Questionnaires"))
        return charts.intervals(
            names,
            t["level"],
            t["level_low"],
            t["level_high"],
            write=language.percent,
            reference=0.0,
            xlabel=_("Ratings above or below those of all respondents, of the scale"),
        )

    def shown(self) -> pd.DataFrame:
        """The modes as a reader sees them."""
        t = self.table.assign(mode=[mode_label(m) for m in self.table["mode"]])
        return t.rename(columns={c: f"mode_{c}" for c in t if c != "mode"} | {"mode": "survey_mode"})

    def headline(self) -> str:
        """Whether the way of asking moves the answers."""
        if not self.compared:
            top = self.table.iloc[0]
            return _("{share} of the questionnaires: {mode}").format(
                share=language.percent(top["share"]), mode=mode_label(top["mode"])
            )
        return _("The way of asking clearly moves the answers to {n} of {all} questions").format(
            n=language.number(len(self.moved)), all=language.number(self.compared)
        )

    def table_headline(self) -> str:
        """How many questionnaires came in which way most."""
        top = self.table.iloc[0]
        return _("{n} questionnaires; most: {mode}").format(
            n=language.number(self.table["questionnaires"].sum()), mode=mode_label(top["mode"])
        )

    def note(self) -> str:
        """Definitions."""
        parts = [
            _(
                "Every questionnaire counts. Answered: share of the questions of its survey that a respondent answered; "
                "rating: mean of a "
                "respondent's ratings less those of all who answered the same questions, in shares of the scale, "
                "interval 95% (t). Questions with {n} answers "
                "in two modes are compared by the Kruskal-Wallis test, false discovery rate 5%."
            ).format(n=language.number(FEWEST))
        ]
        if self.moved:
            parts.append(_("Moved: {questions}.").format(questions=language.listing(list(self.moved[:5]))))
        return " ".join(parts)

    def finding(self) -> Finding:
        """How many questions the way of asking moves."""
        return Finding(
            key="needs.mode_effects",
            value=float(len(self.moved)),
            unit="count",
            display=language.number(len(self.moved)),
            text=language.sentence(self.headline()),
            evidence=language.sentence(self.table_headline()),
            so_what=_("Compare these questions within one way of asking only, and keep the mix of ways from survey to survey.")
            if self.moved
            else _("Answers may be put together whichever way they came; write down how each was asked next time as well.")
            if self.compared
            else _("Write down for every questionnaire how it was answered, so that the ways can be compared."),
            confidence="medium" if self.compared else "low",
            warnings=(_("Who answers in which way was not drawn by chance: the respondents may differ, not the way of asking."),),
            assumptions=(self.note(),),
        )


def mode_label(mode: str) -> str:
    """A mode as the reader sees it."""
    return _(mode) if mode in WORDS or mode == UNKNOWN else mode


@needs("survey", answers=_ANSWERS)
def survey_modes(tables: Tables, survey: Survey) -> SurveyModes | NotAvailable:
    """Questionnaires by the way in which they were answered, and which ratings differ between ways.

    Source: Kruskal and Wallis (1952); Benjamini and Hochberg (1995).
    """
    from scipy.stats import false_discovery_control, kruskal

    if survey.table["mode"].isna().all():
        reason = _("the survey does not say how questionnaires were answered; the column {column} holds it.").format(
            column="survey.mode"
        )
        return NotAvailable((), _(_ANSWERS), reason=reason)
    meant = {plain(w): name for name, words in WORDS.items() for w in words}
    mode = survey.table["mode"].map(
        lambda m: meant.get(plain(m), str(m).strip()) if isinstance(m, str) and m.strip() else UNKNOWN
    )
    asked = [c for c in survey.table.columns if isinstance(c, tuple)]
    filled = survey.table[asked].notna()
    answered = _answered(filled)
    rated = [c for c in asked if c[1] in (*RATED, NPS)]
    shares = pd.DataFrame({i: survey.on_scale(c[1], survey.table[c].astype(float)) for i, c in enumerate(rated)})
    level = (shares - shares.mean()).mean(axis=1) if rated else pd.Series(np.nan, index=survey.table.index)
    rows = []
    counts = mode.value_counts()
    for name in sorted(counts.index, key=lambda m: (-counts[m], m)):
        own = (mode == name).to_numpy()
        known = level[own].dropna().to_numpy(dtype=float)
        mean, low, high = mean_interval(known) if len(known) else (np.nan, np.nan, np.nan)
        rows.append(
            {
                "mode": name, "questionnaires": int(own.sum()), "share": float(own.mean()),
                "known": float(survey.table["customer_id"][own].notna().mean()), "answered": float(answered[own].mean()),
                "level": mean, "level_low": low, "level_high": high,
            }
        )  # fmt: skip
    ps = {}
    for i, column in enumerate(rated):
        groups = [shares.loc[(mode == m).to_numpy(), i].dropna() for m in sorted(counts.index) if m != UNKNOWN]
        groups = [g for g in groups if len(g) >= FEWEST]
        if len(groups) > 1:
            ps[column] = float(kruskal(*groups).pvalue) if pd.concat(groups).nunique() > 1 else 1.0
    moved = []
    if ps:
        qs = false_discovery_control(list(ps.values()), method="bh")
        clear = [(p, c) for (c, p), q in zip(ps.items(), qs, strict=True) if q <= FALSE_DISCOVERY_RATE]
        moved = [_question(survey, c) for _p, c in sorted(clear)]
    return SurveyModes(pd.DataFrame(rows), len(ps), tuple(moved))


def _answered(filled: pd.DataFrame) -> np.ndarray:
    """Share of its survey's questions that each questionnaire answers; a survey is the questions that share a respondent."""
    at = filled.to_numpy()
    together = at.T.astype(float) @ at.astype(float) > 0
    group = np.arange(len(together))
    while True:  # every question takes the smallest number among those that it meets
        smallest = np.where(together, group[None, :], len(group)).min(axis=1)
        if (smallest == group).all():
            break
        group = smallest
    of = np.array([np.bincount(group, minlength=len(group))[group[row.argmax()]] for row in at])
    return at.sum(axis=1) / of


def _question(survey: Survey, column: tuple[str, str]) -> str:
    subject, role = column
    return survey.label(subject) if subject else role
