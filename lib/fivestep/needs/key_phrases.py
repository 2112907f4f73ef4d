"""The words and phrases that feedback uses most, and those that complaints use more than other feedback."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, needs
from fivestep.findings import NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _
from fivestep.needs.segmenter import HAN, telling
from fivestep.needs.texts import Texts

LONGEST = 3  # words of a phrase
FEWEST = 5  # pieces of feedback that hold a phrase
TIED = 0.3  # normalised pointwise mutual information from which two words make a phrase
SWALLOWED = 0.8  # share of a phrase's pieces in which a longer one holds it, from which the longer one speaks for both
SHOWN = 40
FALSE_DISCOVERY_RATE = 0.05
MORE, FEWER, UNCLEAR = N_("More in complaints"), N_("Less in complaints"), N_("Not clearly different")
_ANSWERS = N_("which words and phrases customers use")


@dataclass(frozen=True)
class KeyPhrases:
    """``table``: one row per phrase, most frequent first: phrase, feedback (pieces that hold it), share with ``_low`` and
    ``_high``, complaints (of these), complaint_share, q_value, against_rest (empty where all or none is a complaint).
    """

    table: pd.DataFrame
    texts: Texts

    def shown(self) -> pd.DataFrame:
        """The most frequent phrases."""
        out = self.table.head(SHOWN).drop(columns=["q_value", "complaints"])
        names = {
            "feedback": "pieces_of_feedback",
            "share": "feedback_share",
            "low": "feedback_share_low",
            "high": "feedback_share_high",
            "complaint_share": "phrase_complaints",
            "against_rest": "phrase_against_rest",
        }
        out = out.rename(columns=names)
        return out if out["phrase_against_rest"].notna().any() else out.drop(columns=["phrase_complaints", "phrase_against_rest"])

    def figure(self) -> Figure:
        """Share of feedback that holds each of the 20 most frequent phrases; what complaints hold more has the accent."""
        top = self.table.head(20)
        return charts.bars(
            top["phrase"].tolist(),
            top["share"],
            write=language.percent,
            accent=(top["against_rest"] == MORE).tolist(),
            xlabel=_("Share of feedback that holds the phrase"),
        )

    def headline(self) -> str:
        """What complaints speak of more than others do."""
        more = self.table[self.table["against_rest"] == MORE].head(3)
        if more.empty:
            return _("No phrase is clearly more frequent in complaints than elsewhere")
        return _("Complaints speak more than other feedback of {phrases}").format(
            phrases=language.listing(more["phrase"].tolist())
        )

    def table_headline(self) -> str:
        """The most frequent phrases."""
        return _("Most frequent phrases: {phrases}").format(phrases=language.listing(self.table["phrase"].head(3).tolist()))

    def note(self) -> str:
        return " ".join([
            _("A phrase has one to {n} words, none of them at its ends a word without content, and stands in at least "
            "{fewest} pieces of "
              "feedback; words stand together more than chance (normalised pointwise mutual information from {tied}).").format(
                n=language.number(LONGEST), fewest=language.number(FEWEST), tied=language.number(TIED, 1)),
            _("More or less in complaints: Fisher's test, false discovery rate "
            "{rate}.").format(rate=language.percent(FALSE_DISCOVERY_RATE, 0)),
            self.texts.note(),
        ])  # fmt: skip


@needs("feedback.text", answers=_ANSWERS)
def key_phrases(tables: Tables, texts: Texts) -> KeyPhrases | NotAvailable:
    """Words and phrases by the pieces of feedback that hold them.

    Sources: Bouma (2009), Normalized (pointwise) mutual information in collocation extraction; Fisher (1922); Benjamini and
    Hochberg (1995).
    """
    from scipy.stats import false_discovery_control, fisher_exact

    found: Counter[tuple[str, ...]] = Counter()
    complained: Counter[tuple[str, ...]] = Counter()
    weights = zip(texts.table["n"], texts.table["complaints"], strict=True)
    by_text: list[set[tuple[str, ...]]] = [set() for _row in range(len(texts.table))]
    for text, sentence in zip(texts.parts["text_id"], texts.parts["sentence_id"], strict=True):
        by_text[text] |= _runs(texts.words[sentence])
    for runs, (n, bad) in zip(by_text, weights, strict=True):
        for run in runs:
            found[run] += int(n)
            complained[run] += int(bad)
    n, bad = texts.n, int(texts.table["complaints"].sum())
    single = {run[0]: count for run, count in found.items() if len(run) == 1}
    kept = {run: count for run, count in found.items() if count >= FEWEST and _is_phrase(run, count, single, n)}
    for run in sorted(kept, key=lambda r: (-len(r), r)):
        if run in kept:
            for part in {run[i:j] for i in range(len(run)) for j in range(i + 1, len(run) + 1)} - {run}:
                if part in kept and kept[run] >= SWALLOWED * kept[part]:
                    del kept[part]
    if not kept:
        return NotAvailable(
            (), _(_ANSWERS), reason=_("no word stands in {n} pieces of feedback.").format(n=language.number(FEWEST))
        )
    runs = sorted(kept, key=lambda r: (-kept[r], r))
    table = pd.DataFrame({"phrase": [_joined(r) for r in runs], "feedback": [kept[r] for r in runs]})
    table["share"] = table["feedback"] / n
    table["low"], table["high"] = wilson(table["feedback"], n)
    table["complaints"] = [complained[r] for r in runs]
    table["complaint_share"] = table["complaints"] / table["feedback"]
    table["q_value"], table["against_rest"] = math.nan, None
    if 0 < bad < n:
        p = [
            fisher_exact([[c, bad - c], [f - c, n - bad - f + c]]).pvalue
            for f, c in zip(table["feedback"], table["complaints"], strict=True)
        ]
        table["q_value"] = false_discovery_control(p, method="bh")
        clear, usual = table["q_value"] <= FALSE_DISCOVERY_RATE, bad / n
        table["against_rest"] = np.select(
            [clear & (table["complaint_share"] > usual), clear & (table["complaint_share"] < usual)], [MORE, FEWER], UNCLEAR
        )
    return KeyPhrases(table, texts)


def _runs(words: list[str]) -> set[tuple[str, ...]]:
    """Runs of one to three words whose ends carry a topic."""
    ends = [telling(w) for w in words]
    return {
        tuple(words[i:j])
        for i in range(len(words))
        if ends[i]
        for j in range(i + 1, min(i + LONGEST, len(words)) + 1)
        if ends[j - 1] and not {"!", "?"} & set(words[i:j])
    }


def _is_phrase(run: tuple[str, ...], count: int, single: dict[str, int], n: int) -> bool:
    if len(run) == 1:
        return True
    ends = single.get(run[0], count), single.get(run[-1], count)
    together = count / n
    if together >= 1:
        return True
    return math.log(together / (ends[0] / n * ends[1] / n)) / -math.log(together) >= TIED


def _joined(run: tuple[str, ...]) -> str:
    out = run[0]
    for a, b in itertools.pairwise(run):
        out += b if re.match(f"[{HAN}]", b) and re.match(f"[{HAN}]", a[-1]) else f" {b}"
    return out
