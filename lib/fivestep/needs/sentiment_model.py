"""Whether a text is positive or negative: a linear model over words, pairs of words and a plain list of good and bad ones."""

from __future__ import annotations

import csv
import itertools
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from fivestep.needs.segmenter import HAN, WORDS

CHINESE, ENGLISH = "zh", "en"
STRENGTH = {
    CHINESE: 0.3,
    ENGLISH: 0.1,
}  # inverse of the penalty on weights; chosen by cross-validation on what models are made of
NEGATORS = frozenset(
    "not no never nothing none nor without hardly cannot can't don't didn't doesn't isn't wasn't aren't won't wouldn't".split()
)
REACH = 3  # words after a negator that it turns round
TURNS_BACK = frozenset(("but", "however", "though"))
LISTED = 4  # words of the plain list that are counted
FEWEST = {CHINESE: 3, ENGLISH: 2}  # texts below which a word has no weight: the corpora differ in size


@dataclass(frozen=True)
class SentimentModel:
    """``weights`` of words and of pairs of words (joined by a blank), and the ``offset``: a sum above 0 means a positive text."""

    weights: dict[str, float]
    offset: float

    def score(self, words: Sequence[str]) -> float:
        """Log odds of being positive; NaN where no word is known."""
        known = [self.weights[f] for f in sorted(features(words)) if f in self.weights]
        return math.fsum(known) + self.offset if known else math.nan


def features(words: Sequence[str]) -> set[str]:
    """Words and neighbouring pairs of a text, each once, words after an English negator marked (``!good``), and how many words
    of the plain list are good and bad (up to four), a negator turning them round.

    Source: Pang, Lee and Vaithyanathan (2002), Thumbs up?, for words after a negator.
    """
    good, bad = _both_lists()
    turned = _turned(words)
    counts = {
        "+": sum((w in bad) if t else (w in good) for w, t in zip(words, turned, strict=True)),
        "-": sum((w in good) if t else (w in bad) for w, t in zip(words, turned, strict=True)),
    }
    steps = {f"#{sign}{k}" for sign, n in counts.items() for k in range(1, min(n, LISTED) + 1)}
    more = {f"#{'+' if counts['+'] > counts['-'] else '-'}"} if counts["+"] != counts["-"] else set()
    marked = (f"!{w}" for w, t in zip(words, turned, strict=True) if t)
    return {*words, *marked, *(f"{a} {b}" for a, b in itertools.pairwise(words)), *steps, *more}


def _turned(words: Sequence[str]) -> list[bool]:
    out, left = [], 0
    for word in words:
        if word in NEGATORS:
            left = REACH
            out.append(False)
            continue
        left = 0 if word in TURNS_BACK else left
        out.append(left > 0)
        left = max(left - 1, 0)
    return out


def text_language(text: str) -> str:
    """Chinese where a text has at least a quarter as many Chinese characters as Latin letters (a word is two of these or five of
    those), else English.
    """
    return CHINESE if 4 * len(re.findall(f"[{HAN}]", text)) >= len(re.findall("[A-Za-z]", text)) else ENGLISH


def fitted(
    texts: Sequence[Sequence[str]], positive: Sequence[bool], *, code: str, most: int | None = None, strength: float | None = None
) -> SentimentModel:
    """Logistic regression with a ridge penalty on the words of *texts* in the language *code*; *most* keeps those features that
    weigh most, *strength* is another penalty than that of the language.

    Source: Wang and Manning (2012), Baselines and bigrams, for pairs of words.
    """
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    counter = CountVectorizer(analyzer=lambda words: sorted(features(words)), binary=True, min_df=FEWEST[code])
    counts, y = counter.fit_transform(texts), np.asarray(positive, dtype=int)
    names = counter.get_feature_names_out()
    strength = STRENGTH[code] if strength is None else strength
    model = LogisticRegression(C=strength, max_iter=1000).fit(counts, y)
    if most is not None and most < len(names):
        frequency = np.asarray(counts.sum(axis=0)).ravel()
        kept = np.sort(np.argsort(-np.abs(model.coef_[0]) * np.sqrt(frequency), kind="stable")[:most])
        counts, names = counts[:, kept], names[kept]
        model = LogisticRegression(C=strength, max_iter=1000).fit(counts, y)
    return SentimentModel({str(n): float(w) for n, w in zip(names, model.coef_[0], strict=True)}, float(model.intercept_[0]))


@cache
def shipped(code: str) -> SentimentModel:
    """The model that comes with the kit, made of labelled reviews (words/README.md)."""
    with (WORDS / f"sentiment_{code}.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["words"]: float(row["weight"]) for row in csv.DictReader(file)}
    return SentimentModel(rows, rows.pop(""))


@cache
def word_list(code: str) -> tuple[frozenset[str], frozenset[str]]:
    """Positive and negative words: the plain way that a model has to beat."""
    with (WORDS / "sentiment_words.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["language"] == code]
    good, bad = (frozenset(w for row in rows if row["polarity"] == sign for w in row["words"].split()) for sign in ("1", "-1"))
    return good, bad


@cache
def _both_lists() -> tuple[frozenset[str], frozenset[str]]:
    (good, bad), (other_good, other_bad) = word_list(CHINESE), word_list(ENGLISH)
    return good | other_good, bad | other_bad


def by_word_list(words: Iterable[str], code: str) -> bool:
    """Whether a text has at least as many positive as negative words."""
    good, bad = word_list(code)
    seen = list(words)
    return sum(w in good for w in seen) >= sum(w in bad for w in seen)


@cache
def measured(code: str) -> dict[str, float]:
    """What the shipped model was measured at: texts (held out), accuracy, majority, word_list; texts that the model alone told
    rightly (only_model), and the list alone (only_list). For English all but majority also of a cross-validation (crossed_...).
    """
    with (WORDS / "measured.csv").open(encoding="utf-8", newline="") as file:
        row = next(row for row in csv.DictReader(file) if row["language"] == code)
    return {k: float(v) for k, v in row.items() if k != "language" and v}
