"""The classes of pain in the four places where customers speak: complaints, tickets, reviews, survey."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, frame
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _
from fivestep.needs.feedback_cases import INQUIRY, REVIEW, cases, complaints, score_scale
from fivestep.needs.pain_points import DEFECT, INFORMATION, PRICE, SERVICE, UNKNOWN, pain_class
from fivestep.needs.survey import SATISFACTION, Survey, plain

COMPLAINTS, TICKETS, REVIEWS, SURVEY = N_("Complaints"), N_("Tickets"), N_("Bad reviews"), N_("Survey")
SOURCES = (COMPLAINTS, TICKETS, REVIEWS, SURVEY)
PAINS = (DEFECT, INFORMATION, SERVICE, PRICE, UNKNOWN)
BAD = 0.5  # of the way from the worst to the best score, up to which a review is a bad one and a respondent dissatisfied
FEWEST = 10  # pieces or respondents below which a source does not say which class comes first
# Aspects that a survey asks about and whose names alone are no complaint.
ASPECTS = {
    DEFECT: ("taste", "quality", "freshness", "product", "range", "口味", "味道", "质量", "品質", "新鲜", "新鮮", "产品", "產品"),
    INFORMATION: ("app", "website", "signs", "signage", "navigation", "information", "小程序", "小程式", "网站", "網站", "指示"),
    SERVICE: (
        *("speed", "staff", "service", "cleanliness", "waiting", "delivery", "速度", "店员", "店員", "服务", "服務"),
        *("整洁", "整潔", "配送", "等候"),
    ),
    PRICE: ("price", "value", "价格", "價格", "性价比", "性價比"),
}
_ANSWERS = N_("whether complaints, tickets, reviews and the survey speak of the same pain")


@dataclass(frozen=True)
class PainSources:
    """Pain by class and source.

    ``table``: one row per source that has anything and class: pain_source, pain_class, pieces (of feedback, or respondents),
    pieces_of (all of the source), pieces_share with ``_low`` and ``_high``. ``unplaced``: aspects of the survey whose name tells
    no class.
    """

    table: pd.DataFrame
    unplaced: tuple[str, ...]
    scored: bool

    def wide(self) -> pd.DataFrame:
        """The shares: classes by sources; empty where a source has nothing."""
        out = self.table.pivot(index="pain_class", columns="pain_source", values="pieces_share")
        return out.reindex(index=list(PAINS), columns=list(SOURCES))

    def figure(self) -> Figure:
        """The shares as a grid."""
        grid = self.wide().dropna(how="all", axis=1)
        named = grid.rename(index=_, columns=_)
        return charts.heatmap(named, write=lambda v: language.percent(v, 0))

    def firsts(self) -> pd.DataFrame:
        """Of every source with enough pieces the known class that comes first, where no other comes as often."""
        known = self.table[
            (self.table["pain_class"] != UNKNOWN) & (self.table["pieces_of"] >= FEWEST) & self.table["pieces"].gt(0)
        ]
        most = known.groupby("pain_source")["pieces"].transform("max")
        first = known[known["pieces"] == most]
        return first[~first.duplicated("pain_source", keep=False)].reset_index(drop=True)

    def headline(self) -> str:
        """Whether the sources agree on what hurts most."""
        first = self.firsts()
        if first.empty:
            return _("No source says clearly which class of pain comes first")
        counts = first["pain_class"].value_counts()
        top = min(counts.index[counts == counts.max()], key=PAINS.index)
        sources = first.loc[first["pain_class"] == top, "pain_source"]
        return _("{pain_class} comes first in {n} of {all} sources: {sources}").format(
            pain_class=_(top),
            n=language.number(len(sources)),
            all=language.number(self.table["pain_source"].nunique()),
            sources=language.listing([_(s) for s in sources]),
        )

    def note(self) -> str:
        """What each column holds."""
        parts = [
            _(
                "Each column by itself: complaints; tickets are inquiries and what customers said when they called; reviews "
                "whose score is not above the middle of the scale; survey: respondents who rated an aspect of the class not "
                "above the middle, so that one may count in several classes. A text is put into the class that most of "
                "its words speak of."
            )
        ]
        if not self.scored:
            parts.append(_("Reviews have no scores: all of them that speak of a pain count."))
        if self.unplaced:
            parts.append(_("In no class: {aspects}.").format(aspects=language.listing(list(self.unplaced))))
        return " ".join(parts)

    def finding(self) -> Finding:
        """In how many sources the class comes first that does in most."""
        first = self.firsts()
        n = int(first["pain_class"].value_counts().max()) if len(first) else 0
        missing = [_(s) for s in SOURCES if s not in set(self.table["pain_source"])]
        warnings = [_("Who complains, who writes a review and who answers a survey are not the same customers.")]
        if missing:
            warnings.append(_("Nothing is known from: {sources}.").format(sources=language.listing(missing)))
        return Finding(
            key="needs.pain_in_sources",
            value=float(n),
            unit="count",
            display=language.number(n),
            text=language.sentence(self.headline()),
            evidence="; ".join(
                _("{source}: {pain_class} {share} of {n}").format(
                    source=_(row.pain_source),
                    pain_class=_(row.pain_class),
                    share=language.percent(row.pieces_share),
                    n=language.number(row.pieces_of),
                )
                for row in first.itertuples()
            )
            or self.note(),
            so_what=_("Act first on the pain on which independent sources agree; ask further where only one of them names it."),
            confidence="medium" if n >= 2 else "low",
            warnings=tuple(warnings),
            assumptions=(self.note(),),
        )


def pain_sources(tables: Tables, survey: Survey | NotAvailable) -> PainSources | NotAvailable:
    """Shares of the pain classes in complaints, tickets, bad reviews and the survey, each with Wilson's interval.

    A case counts by its cause where it has one, else by the words of its text; inbound contacts by the words of their content.
    """
    counted: dict[str, dict[str, int]] = {}
    of: dict[str, int] = {}
    scored = True
    if "feedback" in tables.names:
        told = cases(tables)
        scale = score_scale(tables)
        worst = None if scale is None else scale[0] + BAD * (scale[1] - scale[0])
        rated = told.filter(told.kind == REVIEW)
        scored = worst is not None or not bool(rated.limit(1).count().to_pandas())
        bad = rated if worst is None else rated.filter(rated.satisfaction <= worst)
        for source, own in (
            (COMPLAINTS, complaints(told)[0]),
            (TICKETS, told.filter(told.kind == INQUIRY)),
            (REVIEWS, bad),
        ):
            counted[source] = _classes(own.select(said=ibis.coalesce(own.cause, own.text), text=own.text))
        if worst is None:
            counted[REVIEWS].pop(UNKNOWN, None)
    if not tables.missing("interactions.content", "interactions.direction"):
        calls = tables.interactions.filter(tables.interactions.direction.lower().strip().isin(("inbound", "呼入", "撥入")))
        calls = calls.filter(calls.content.notnull())
        for name, n in _classes(calls.select(said=calls.content, text=calls.content)).items():
            own = counted.setdefault(TICKETS, {})
            own[name] = own.get(name, 0) + n
    of = {source: sum(counts.values()) for source, counts in counted.items()}
    unplaced: tuple[str, ...] = ()
    if isinstance(survey, Survey) and survey.subjects(SATISFACTION):
        counted[SURVEY], of[SURVEY], unplaced = _dissatisfied(survey)
    rows = [
        {"pain_source": source, "pain_class": name, "pieces": counted[source].get(name, 0), "pieces_of": of[source]}
        for source in SOURCES
        if of.get(source)
        for name in PAINS
        if name != UNKNOWN or source != SURVEY
    ]
    if not rows:
        reason = _("nobody complained, asked, wrote a bad review or rated single aspects.")
        return NotAvailable((), _(_ANSWERS), reason=reason)
    table = pd.DataFrame(rows)
    table["pieces_share"] = table["pieces"] / table["pieces_of"]
    table["pieces_share_low"], table["pieces_share_high"] = wilson(table["pieces"], table["pieces_of"])
    return PainSources(table, unplaced, scored)


def _classes(told: ibis.Table) -> dict[str, int]:
    """Pieces by class; every different text is read once."""
    said = frame(told.group_by("said", "text").aggregate(n=told.count()), by=["said", "text"])
    out: dict[str, int] = {}
    for row in said.itertuples():
        name = pain_class(row.said)
        name = pain_class(row.text) if name == UNKNOWN else name
        out[name] = out.get(name, 0) + int(row.n)
    return out


def _dissatisfied(survey: Survey) -> tuple[dict[str, int], int, tuple[str, ...]]:
    """Respondents by class of which they rated an aspect in the lower half, all who rated any aspect, and aspects in no class."""
    places = {aspect: _aspect_class(survey, aspect) for aspect in survey.subjects(SATISFACTION)}
    by_class: dict[str, list[str]] = {}
    for aspect, name in places.items():
        by_class.setdefault(name, []).append(aspect)
    rated = survey.table[[(a, SATISFACTION) for a in places]]
    known = survey.table[rated.notna().any(axis=1)].sort_values(["answered_at", "response_id"], kind="stable")
    last = known[~(known["customer_id"].notna() & known.duplicated("customer_id", keep="last"))]
    out = {}
    for name, aspects in by_class.items():
        if name != UNKNOWN:
            shares = pd.concat([survey.on_scale(SATISFACTION, last[(a, SATISFACTION)]) for a in aspects], axis=1)
            out[name] = int((shares <= BAD).any(axis=1).sum())
    return out, len(last), tuple(survey.label(a) for a in by_class.get(UNKNOWN, []))


def _aspect_class(survey: Survey, aspect: str) -> str:
    """The class of an aspect: of the causes that survey.yml gives it, else of the words of its name."""
    for cause in survey.declared.complaints.get(aspect, ()):
        if (name := pain_class(cause)) != UNKNOWN:
            return name
    for said in (aspect, survey.label(aspect)):
        for name, words in ASPECTS.items():
            text = plain(said)
            if any(word in text.replace("_", " ").split() if word.isascii() else word in text for word in words):
                return name
        if (name := pain_class(said)) != UNKNOWN:
            return name
    return UNKNOWN
