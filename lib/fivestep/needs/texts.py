"""What customers wrote, as distinct texts, sentences and words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import NotAvailable
from fivestep.language import N_, _
from fivestep.needs.feedback_cases import COMPLAINT, cases, score_scale
from fivestep.needs.segmenter import Segmenter, sentences

BATCH = 20_000  # distinct texts cut at a time
FEWEST = 30  # pieces of feedback with a text below which nothing is said
_ANSWERS = N_("what customers write about, and in which mood")


@dataclass(frozen=True)
class Texts:
    """``table``: one row per distinct text, by text: text, n (pieces of feedback), complaints (of these), position (mean
    satisfaction on the way from the lowest to the highest score; NaN where unrated). ``counts``: text_id (row of ``table``),
    month, kind, product, n. ``parts``: text_id and sentence_id in the order of the text. ``sentences``: one row per distinct
    sentence: sentence, n (pieces of feedback that hold it). ``words``: the words of each sentence. ``without``: pieces of
    feedback without a text.
    """

    table: pd.DataFrame
    counts: pd.DataFrame
    parts: pd.DataFrame
    sentences: pd.DataFrame
    words: list[list[str]]
    without: int

    @property
    def n(self) -> int:
        """Pieces of feedback with a text."""
        return int(self.table["n"].sum())

    def words_of(self) -> list[list[str]]:
        """The words of each text."""
        out: list[list[str]] = [[] for _row in range(len(self.table))]
        for text, sentence in zip(self.parts["text_id"], self.parts["sentence_id"], strict=True):
            out[text] += self.words[sentence]
        return out

    def note(self) -> str:
        """The base."""
        out = _("Base: {n} pieces of feedback with a text, {distinct} of them different.").format(
            n=language.number(self.n), distinct=language.number(len(self.table))
        )
        if self.without:
            out += " " + _("Without a text: {n}.").format(n=language.number(self.without))
        return out


@needs("feedback.text", answers=_ANSWERS)
def texts(tables: Tables, words: Iterable[str] = ()) -> Texts | NotAvailable:
    """The texts of feedback, each distinct one cut once into sentences and words.

    *words* (`needs.dictionary`) and the names of products are kept whole.
    """
    told = cases(tables)
    held = told.filter(told.text.notnull())
    scale = score_scale(tables)
    low, high = scale or (0.0, 1.0)
    # In whole thousandths, so that no order of addition changes a mean.
    position = ((held.satisfaction - low) / (high - low) * 1000).round().cast("int64")
    table = frame(
        held.mutate(position=position)
        .group_by("text")
        .aggregate(
            n=ibis._.count(),
            complaints=(ibis._.kind == COMPLAINT).sum(),
            position=ibis._.position.sum(),
            rated=ibis._.position.count(),
        ),
        by=["text"],
    )
    n = int(table["n"].sum())
    if n < FEWEST:
        reason = _("{have} pieces of feedback have a text; {n} are needed.").format(
            have=language.number(n), n=language.number(FEWEST)
        )
        return NotAvailable((), _(_ANSWERS), reason=reason)
    table = table.sort_values("text", ignore_index=True)  # as Python sorts, whatever the engine's collation
    rated = table.pop("rated").astype(float)
    table["position"] = table["position"].astype(float) / 1000 / rated.where(rated > 0)
    segmenter = Segmenter([*words, *_product_names(tables)])
    place: dict[str, int] = {}
    cut: list[list[str]] = []
    pairs: list[tuple[int, int]] = []
    for first in range(0, len(table), BATCH):
        for text_id, text in enumerate(table["text"].iloc[first : first + BATCH], first):
            for sentence in sentences(text):
                if sentence not in place:
                    place[sentence] = len(place)
                    cut.append(segmenter.words(sentence))
                pairs.append((text_id, place[sentence]))
    parts = pd.DataFrame(pairs, columns=["text_id", "sentence_id"])
    once = parts.drop_duplicates().assign(n=lambda p: table["n"].to_numpy()[p["text_id"]])
    sums = once.groupby("sentence_id")["n"].sum().reindex(range(len(place)), fill_value=0)
    ids = ibis.memtable(pd.DataFrame({"_text": table["text"].astype(object), "text_id": np.arange(len(table))}),
                        schema={"_text": "string", "text_id": "int64"})  # fmt: skip
    numbered = held.inner_join(ids, held.text == ids._text)
    counts = frame(
        numbered.group_by("text_id", "kind", "product", month=numbered.created_at.truncate("M").cast("date")).aggregate(
            n=numbered.count()
        ),
        by=["text_id", "month", "kind", "product"],
    )
    counts["month"] = pd.to_datetime(counts["month"])
    everything = int(told.count().to_pandas())
    return Texts(table, counts, parts, pd.DataFrame({"sentence": list(place), "n": sums.to_numpy()}), cut, everything - n)


def _product_names(tables: Tables) -> list[str]:
    """Product names as the data has them and as the report shows them."""
    if tables.missing("products.product_name"):
        return []
    names = tables.products.filter(tables.products.product_name.notnull()).select("product_name").distinct()
    said = names.to_pandas()["product_name"].tolist()
    return [*said, *(language.value("products.product_name", name) for name in said)]
