"""What feedback is about: topics of its sentences, with quotes, trends and the sentences themselves."""

from __future__ import annotations

import hashlib
import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _
from fivestep.needs.category_trends import FALLING, RISING, UNCLEAR
from fivestep.needs.segmenter import telling
from fivestep.needs.texts import Texts
from fivestep.privacy.masking import masked_text

CHOICES = range(3, 13)  # numbers of topics that are tried
SAMPLE = 5_000  # distinct sentences from which topics are learnt
VOCABULARY = 1_500  # words
FEWEST = 5  # pieces of feedback that hold a word
FEWEST_SENTENCES = 10  # distinct ones
ALIKE = 0.2  # cosine of a sentence with a topic from which it belongs to it
NAMING = 4  # words that name a topic
COHERENT = 6  # words by which topics are judged
MONTHS = 6  # below which no trend is named
QUOTED = (10, 100)  # characters of a sentence that is quoted where there is any
LISTED = 40  # sentences of a topic
FALSE_DISCOVERY_RATE = 0.05
_ANSWERS = N_("which topics customers write about, and which of them grow")


@dataclass(frozen=True)
class Topics:
    """``table``: one row per topic, most feedback first: topic (number), words (that name it), feedback (pieces with a sentence
    on it), share with ``_low`` and ``_high``, complaint_share, trend (change of the share per month) with ``_low`` and
    ``_high``, q_value, direction; NaN where there are too few months. ``monthly``: share of a month's feedback by topic.
    ``sentences``: one row per sentence with a topic: topic, sentence, n, weight. ``coherence``: number of topics tried -> mean
    normalised pointwise mutual information of their words. ``covered``: pieces of feedback with a topic.
    """

    table: pd.DataFrame
    monthly: pd.DataFrame
    sentences: pd.DataFrame
    coherence: dict[int, float]
    covered: int
    texts: Texts

    def name(self, topic: int) -> str:
        """A topic as its words."""
        return " / ".join(self.table.set_index("topic").loc[topic, "words"])

    def figure(self) -> Figure:
        """Share of feedback by topic, with intervals."""
        t = self.table
        return charts.intervals(
            [self.name(i) for i in t["topic"]],
            t["share"],
            t["low"],
            t["high"],
            write=language.percent,
            xlabel=_("Share of feedback"),
        )

    def shown(self) -> pd.DataFrame:
        """Topics with their trend and two quotes each, masked."""
        t = self.table
        quotes = [self._quotes(i) for i in t["topic"]]
        out = pd.DataFrame(
            {
                "topic_words": [self.name(i) for i in t["topic"]],
                "pieces_of_feedback": t["feedback"],
                "feedback_share": t["share"],
                "feedback_share_low": t["low"],
                "feedback_share_high": t["high"],
                "phrase_complaints": t["complaint_share"],
                "topic_trend": t["direction"],
                "topic_quotes": quotes,
            }
        )
        return out if t["direction"].notna().any() else out.drop(columns="topic_trend")

    def _quotes(self, topic: int) -> str:
        own = self.sentences[self.sentences["topic"] == topic]
        whole = own[own["sentence"].str.len().between(*QUOTED)]
        own = whole if len(whole) else own
        return " · ".join(
            f"“{masked_text(s, 120)}”"
            for s in own.sort_values(["weight", "sentence"], ascending=[False, True])["sentence"].head(2)
        )

    def drill_down(self) -> pd.DataFrame:
        """The sentences of each topic, most frequent first, masked."""
        s = self.sentences.sort_values(["topic", "n", "weight", "sentence"], ascending=[True, False, False, True])
        s = s[s.groupby("topic").cumcount() < LISTED]
        rank = {topic: i for i, topic in enumerate(self.table["topic"])}
        s = s.assign(_rank=s["topic"].map(rank)).sort_values(["_rank"], kind="stable")
        return pd.DataFrame(
            {
                "topic_words": [self.name(i) for i in s["topic"]],
                "feedback_text": [masked_text(x) for x in s["sentence"]],
                "pieces_of_feedback": s["n"].to_numpy(),
            }
        )

    def headline(self) -> str:
        """The largest topic, and one that grows."""
        top = self.table.iloc[0]
        said = _("Largest topic: {topic}, in {share} of feedback").format(
            topic=self.name(top["topic"]), share=language.percent(top["share"])
        )
        rising = self.table[self.table["direction"] == RISING]
        if len(rising):
            said += _("; growing: {topic}").format(topic=self.name(rising.sort_values("trend", ascending=False).iloc[0]["topic"]))
        return said

    def table_headline(self) -> str:
        return _("{n} topics, with sentences that stand for them").format(n=language.number(len(self.table)))

    def drill_headline(self) -> str:
        return _("The sentences behind the topics")

    def note(self) -> str:
        """How topics are made."""
        how = _(
            "Topics: non-negative matrix factorisation of sentences by weighted words (tf-idf); {k} topics, the number from "
            "{first} to {last} whose words go together most. A sentence belongs to the topic that it is most like, if it is "
            "like one (cosine from {alike}); a piece of feedback can have several. In none: {none} pieces of feedback. The words "
            "name a topic, nobody else does: read the sentences."
        ).format(
            k=language.number(len(self.table)),
            first=language.number(min(self.coherence)),
            last=language.number(max(self.coherence)),
            alike=language.number(ALIKE, 1),
            none=language.number(self.texts.n - self.covered),
        )
        trend = _(
            "A trend is named where the Theil–Sen slope of the monthly share and the Mann–Kendall test agree, false discovery "
            "rate {rate}."
        ).format(rate=language.percent(FALSE_DISCOVERY_RATE, 0))
        return " ".join([how, trend, _("Quotes are masked as far as names and numbers can be recognised."), self.texts.note()])

    def finding(self) -> Finding:
        """The largest topic."""
        top = self.table.iloc[0]
        return Finding(
            key="needs.largest_topic_share",
            value=float(top["share"]),
            unit="share",
            display=language.percent(top["share"]),
            text=language.sentence(self.headline()),
            evidence=_("{n} of {all} pieces of feedback (95% interval {low} to {high}).").format(
                n=language.number(top["feedback"]), all=language.number(self.texts.n), low=language.percent(top["low"]),
                high=language.percent(top["high"]),
            ),
            so_what=_("Read the sentences of the topics that grow or that complaints are about, and give each an owner."),
            confidence="medium" if self.texts.n >= 300 else "low",
            warnings=(_("Topics are found by words that stand together; another number of topics would cut them otherwise."),),
            assumptions=(self.note(),),
        )  # fmt: skip


@needs("feedback.text", answers=_ANSWERS)
def topics(tables: Tables, texts: Texts) -> Topics | NotAvailable:
    """Topics of the distinct sentences of feedback, each weighted by the pieces of feedback that hold it.

    Learnt from at most 5,000 distinct sentences, chosen by hash, and applied to all. Sources: Lee and Seung (1999), Learning
    the parts of objects by non-negative matrix factorization; Lau, Newman and Baldwin (2014) for the choice of their number.
    """
    from scipy import sparse
    from sklearn.feature_extraction.text import TfidfTransformer

    n = texts.sentences["n"].to_numpy(dtype=float)
    held: dict[str, float] = {}
    for words, count in zip(texts.words, n, strict=True):
        for word in {w for w in words if telling(w)}:
            held[word] = held.get(word, 0.0) + count
    # A word in most sentences tells none from another.
    usable = [w for w, c in held.items() if FEWEST <= c <= 0.5 * max(n.sum(), 1)]
    vocabulary = {w: i for i, w in enumerate(sorted(sorted(usable, key=lambda w: (-held[w], w))[:VOCABULARY]))}
    rows, places = [], []
    for row, words in enumerate(texts.words):
        for word in words:
            if word in vocabulary:
                rows.append(row)
                places.append(vocabulary[word])
    counts = sparse.csr_matrix((np.ones(len(rows)), (rows, places)), shape=(len(texts.words), len(vocabulary)))
    useful = np.flatnonzero(np.diff(counts.indptr))
    if len(useful) < FEWEST_SENTENCES or len(vocabulary) < 2 * min(CHOICES):
        reason = _("too few different sentences share words: {n}.").format(n=language.number(len(useful)))
        return NotAvailable((), _(_ANSWERS), reason=reason)
    drawn = sorted(useful, key=lambda i: hashlib.sha256(texts.sentences["sentence"].iat[i].encode()).digest())[:SAMPLE]
    drawn = np.sort(np.array(drawn))
    tfidf = TfidfTransformer(sublinear_tf=True).fit(counts[drawn])
    weighted = tfidf.transform(counts)
    learning = sparse.diags(np.sqrt(n[drawn])) @ weighted[drawn]  # squared errors then count once per piece of feedback
    seen = (counts[drawn] > 0).astype(float)
    fits, coherence = {}, {}
    for k in CHOICES:
        if k <= min(len(drawn), len(vocabulary)) // 2:
            fits[k] = _factors(learning, k)
            coherence[k] = _coherence(fits[k].components_, seen, n[drawn])
    if not fits:
        return NotAvailable(
            (), _(_ANSWERS), reason=_("too few different sentences share words: {n}.").format(n=language.number(len(useful)))
        )
    k = max(coherence, key=lambda k: (round(coherence[k], 6), -k))
    size = np.linalg.norm(fits[k].components_, axis=1)
    directions = fits[k].components_ / np.where(size > 0, size, 1)[:, None]
    alike = np.asarray(weighted[useful] @ directions.T).round(9)  # rows of tf-idf have length 1
    best = alike.argmax(axis=1)
    on = alike.max(axis=1) >= ALIKE
    names = {w: i for i, w in vocabulary.items()}
    found = pd.DataFrame({"sentence_id": useful[on], "topic": best[on], "weight": alike.max(axis=1)[on]})
    found["sentence"] = texts.sentences["sentence"].to_numpy()[found["sentence_id"]]
    found["n"] = texts.sentences["n"].to_numpy()[found["sentence_id"]]
    pieces = texts.parts.merge(found[["sentence_id", "topic"]], on="sentence_id")[["text_id", "topic"]].drop_duplicates()
    table = _table(texts, pieces)
    heavy = {t: np.argsort(-fits[k].components_[t].round(9), kind="stable")[:NAMING] for t in range(k)}
    table.insert(1, "words", [[names[i] for i in heavy[t] if fits[k].components_[t, i] > 0] for t in table["topic"]])
    table, monthly = _trends(texts, pieces, table)
    covered = int(texts.table["n"].to_numpy()[pieces["text_id"].unique()].sum())
    return Topics(table, monthly, found[["topic", "sentence", "n", "weight"]], coherence, covered, texts)


def _factors(learning: Any, k: int) -> Any:
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():  # what is left to gain after so many rounds moves no sentence
        warnings.filterwarnings("ignore", message="Maximum number of iterations", category=ConvergenceWarning)
        return NMF(n_components=k, init="nndsvd", random_state=0, tol=1e-3, max_iter=200).fit(learning)


def _coherence(components: np.ndarray, seen: Any, n: np.ndarray) -> float:
    """Mean normalised pointwise mutual information of pairs of the heaviest words of each topic."""
    total, values = float(n.sum()), []
    for topic in components:
        heavy = np.argsort(-topic.round(9), kind="stable")[:COHERENT]
        held = seen[:, np.sort(heavy)]
        both = np.asarray((held.T @ (held.multiply(n[:, None]))).todense()) / total
        for i in range(len(heavy)):
            for j in range(i):
                p = both[i, j]
                values.append(-1.0 if p <= 0 else 1.0 if p >= 1 else math.log(p / (both[i, i] * both[j, j])) / -math.log(p))
    return float(np.mean(values)) if values else -1.0


def _table(texts: Texts, pieces: pd.DataFrame) -> pd.DataFrame:
    own = pieces.assign(
        n=texts.table["n"].to_numpy()[pieces["text_id"]], complaints=texts.table["complaints"].to_numpy()[pieces["text_id"]]
    )
    out = own.groupby("topic")[["n", "complaints"]].sum().reset_index().rename(columns={"n": "feedback"})
    out["share"] = out["feedback"] / texts.n
    out["low"], out["high"] = wilson(out["feedback"], texts.n)
    out["complaint_share"] = out.pop("complaints") / out["feedback"]
    return out.sort_values(["feedback", "topic"], ascending=[False, True], ignore_index=True)


def _trends(texts: Texts, pieces: pd.DataFrame, table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table with its trends, and the share of each month's feedback by topic; the last month may be a part of one, as every
    share is of the same days.
    """
    from scipy import stats

    by_month = texts.counts.groupby(["text_id", "month"])["n"].sum().reset_index()
    whole = by_month.groupby("month")["n"].sum()
    own = by_month.merge(pieces, on="text_id").groupby(["month", "topic"])["n"].sum().unstack(fill_value=0)
    monthly = own.reindex(index=whole.index, columns=table["topic"], fill_value=0).div(whole, axis=0)
    empty = {"trend": math.nan, "trend_low": math.nan, "trend_high": math.nan, "q_value": math.nan, "direction": None}
    if len(monthly) < MONTHS:
        return table.assign(**empty), monthly
    x = np.array([m.year * 12 + m.month for m in monthly.index], dtype=float)
    rows = []
    for topic in table["topic"]:
        y = monthly[topic].to_numpy(dtype=float)
        line = stats.theilslopes(y, x, alpha=0.95)
        p = 1.0 if np.ptp(y) == 0 else stats.kendalltau(x, y).pvalue
        rows.append((line.slope, line.low_slope, line.high_slope, p))
    found = pd.DataFrame(rows, columns=["trend", "trend_low", "trend_high", "p"], index=table.index)
    found["q_value"] = stats.false_discovery_control(found.pop("p"), method="bh")
    clear = (found["q_value"] <= FALSE_DISCOVERY_RATE) & ((found["trend_low"] > 0) | (found["trend_high"] < 0))
    found["direction"] = np.where(clear, np.where(found["trend"] > 0, RISING, FALLING), UNCLEAR)
    return table.join(found), monthly
