"""Positive and negative feedback, and how often the model that says so is right."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _
from fivestep.needs.feedback_cases import DIMENSIONS, KINDS, level_label
from fivestep.needs.satisfaction import SATISFIED
from fivestep.needs.sentiment_model import CHINESE, ENGLISH, by_word_list, fitted, measured, shipped, text_language
from fivestep.needs.texts import Texts

RATED = 30  # different texts with a score, on which accuracy is measured
LEARNT = 200  # different texts with a score, from which a model of the client's own is made
OF_EACH = 40  # positive and negative ones among these
SAMPLE = 3000  # texts, chosen by hash, of which a model of the client's own is made
FOLDS = 5
ALPHA = 0.05
SHOWN_PRODUCTS = 15
FEWEST_PIECES = 10  # of a product that is shown
OWN, SHIPPED = N_("Made of this client's scores"), N_("Comes with the kit")
HERE, REVIEWS = N_("This client's texts with a score"), N_("Reviews of other companies")
NAMES = {CHINESE: N_("Chinese"), ENGLISH: N_("English")}
_ANSWERS = N_("how much of what customers write is positive or negative")


@dataclass(frozen=True)
class Sentiment:
    """``negative``: for each distinct text whether it is negative (None: no word known). ``accuracy``: one row per language of
    the texts: text_language, texts (different ones of that language), model, measured_on, measured_texts, accuracy with
    ``_low`` and ``_high``, majority (accuracy of calling all what most are), word_list (that of a plain list of words),
    only_model and only_list (texts that one of the two alone told rightly). ``texts`` as given.
    """

    negative: list[bool | None]
    accuracy: pd.DataFrame
    texts: Texts

    def _counted(self, by: str) -> pd.DataFrame:
        """Pieces of feedback, and those negative, by a column of the counts; pieces without a known word left out."""
        state = pd.Series([math.nan if x is None else float(x) for x in self.negative])
        told = self.texts.counts.assign(negative=state.reindex(self.texts.counts["text_id"]).to_numpy()).dropna(
            subset=["negative", by]
        )
        told["bad"] = told["n"] * told["negative"]
        return told.groupby(by)[["n", "bad"]].sum()

    def known(self) -> tuple[int, int]:
        """Pieces of feedback with a known word, and those negative."""
        known = self._counted("kind").sum()
        return int(known["n"]), int(known["bad"])

    def figure(self) -> Figure:
        """Share negative by month, the last two years."""
        t = self._counted("month").tail(24)
        low, high = wilson(t["bad"], t["n"])
        return charts.intervals(
            [language.month(m) for m in t.index],
            t["bad"] / t["n"],
            low,
            high,
            write=language.percent,
            reference=self.known()[1] / self.known()[0],
            reference_label=_("All"),
            xlabel=_("Share negative"),
        )

    def shown(self) -> pd.DataFrame:
        """Share negative by kind of feedback and by product."""
        kinds = self._counted("kind").reindex(list(KINDS)).dropna()
        products = self._counted("product")
        products = products[products["n"] >= FEWEST_PIECES]
        products = (
            products.assign(_share=-products["bad"] / products["n"], _name=products.index)
            .sort_values(["_share", "_name"])
            .head(SHOWN_PRODUCTS)
        )
        n = pd.concat([kinds["n"], products["n"]]).to_numpy(dtype=float)
        bad = pd.concat([kinds["bad"], products["bad"]]).to_numpy(dtype=float)
        low, high = wilson(bad, n)
        return pd.DataFrame(
            {
                "voice_dimension": [N_("Kind of feedback")] * len(kinds) + [DIMENSIONS["product"]] * len(products),
                "voice_level": [_(k) for k in kinds.index] + [level_label("product", p) for p in products.index],
                "pieces_of_feedback": n,
                "negative_share": bad / n,
                "negative_low": low,
                "negative_high": high,
            }
        )

    def measured(self) -> pd.DataFrame:
        """How often the model is right, beside what it has to beat."""
        return self.accuracy.drop(columns=["only_model", "only_list"]).rename(
            columns={"texts": "different_texts", "model": "sentiment_model", "low": "accuracy_low", "high": "accuracy_high"}
        )

    def measured_headline(self) -> str:
        """The measured accuracy on this client's texts, or that there is none."""
        here = self.accuracy[self.accuracy["measured_on"] == HERE]
        if here.empty:
            return _("How often the model is right on this client's texts is not known")
        row = here.sort_values(["measured_texts", "text_language"], ascending=[False, True]).iloc[0]
        return _("The model is right on {share} of {n} different texts with a score (95% interval {low} to {high})").format(
            share=language.percent(row["accuracy"]), n=language.number(row["measured_texts"]), low=language.percent(row["low"]),
            high=language.percent(row["high"]),
        )  # fmt: skip

    def against_list(self) -> list[str]:
        """For each language whether the model is shown to beat a plain list of words, by McNemar's exact test.

        Source: McNemar (1947), Note on the sampling error of the difference between correlated proportions or percentages.
        """
        from scipy.stats import binomtest

        out = []
        for row in self.accuracy.itertuples():
            alone, list_alone = int(row.only_model), int(row.only_list)
            p = binomtest(alone, alone + list_alone).pvalue if alone + list_alone else 1.0
            said = (
                _(
                    "{language}: more texts are told rightly by the model alone ({a}) than by a plain list of words alone ({b}); "
                    "McNemar's exact test on {n} texts, p at most {p}."
                )
                if p <= ALPHA and alone > list_alone
                else _(
                    "{language}: it is not shown that the model beats a plain list of words (told rightly by it alone: {a}, "
                    "by the list alone: {b}; McNemar's exact test on {n} texts, p at most {p})."
                )
            )
            out.append(
                said.format(
                    language=_(row.text_language),
                    a=language.number(alone),
                    b=language.number(list_alone),
                    n=language.number(row.measured_texts),
                    p=language.number(math.ceil(p * 1000) / 1000, 3),
                )
            )
        return out

    def headline(self) -> str:
        """Share negative."""
        n, bad = self.known()
        return _("{share} of the feedback reads negative").format(share=language.percent(bad / n))

    def table_headline(self) -> str:
        """The product with the most negative feedback, where it is clearly more than all."""
        n, bad = self.known()
        t = self.shown()
        t = t[(t["voice_dimension"] == DIMENSIONS["product"]) & (t["negative_low"] > bad / n)]
        if t.empty:
            return _("No product stands out for negative feedback")
        return _("{product} stands out: {share} of its feedback reads negative").format(
            product=t.iloc[0]["voice_level"], share=language.percent(t.iloc[0]["negative_share"])
        )

    def note(self) -> str:
        """Definitions."""
        unknown = self.texts.n - self.known()[0]
        return " ".join([
            _("A text is negative where a linear model over its words says so; it tells mood, not facts, and no irony."),
            _("Without a known word, left out: {n}.").format(n=language.number(unknown)),
            _("Accuracy: share of different texts told rightly; on this client's own texts those with a score in the "
            "upper quarter of the "
              "scale count as positive, in the lower quarter as negative, others are left out; a model made of them "
              "is measured on parts "
              "held out ({folds} folds)."
              ).format(folds=language.number(FOLDS)),
            self.texts.note(),
        ])  # fmt: skip

    def trusted(self) -> bool:
        """Whether the model was measured on this client's texts and beat both plain ways with its whole interval."""
        here = self.accuracy[self.accuracy["measured_on"] == HERE]
        return bool(len(here) == len(self.accuracy) and (here["low"] > here[["majority", "word_list"]].max(axis=1)).all())

    def finding(self) -> Finding:
        """Share negative, with what is known of the model."""
        n, bad = self.known()
        low, high = (float(x) for x in wilson(bad, n))
        warnings = []
        if not self.trusted():
            warnings.append(
                _(
                    "It is not shown that the model beats plain guessing on this client's texts: use the shares to "
                    "compare, not to decide."
                )
            )
        return Finding(
            key="needs.negative_feedback_share",
            value=bad / n,
            unit="share",
            display=language.percent(bad / n),
            text=language.sentence(self.headline()),
            evidence=_("{bad} of {n} pieces of feedback (95% interval {low} to {high}, the model's own errors not "
            "counted). {accuracy}. {against}").format(
                against=" ".join(self.against_list()),
                bad=language.number(bad), n=language.number(n), low=language.percent(low), high=language.percent(high),
                accuracy=self.measured_headline(),
            ),
            so_what=_("Read the negative texts of the products with the highest share before anything is decided."),
            confidence="medium" if self.trusted() else "low",
            warnings=tuple(warnings),
            assumptions=(self.note(),),
        )  # fmt: skip


@needs("feedback.text", answers=_ANSWERS)
def sentiment(tables: Tables, texts: Texts) -> Sentiment | NotAvailable:
    """Positive or negative for every distinct text, and the accuracy that was measured.

    For each language of the texts: with enough scores a model of the client's own is learnt, and used where it is right more
    often than the shipped one on texts that it has not seen. An accuracy is claimed only for texts of the kind that it was
    measured on.
    """
    words = texts.words_of()
    codes = np.array([text_language(t) for t in texts.table["text"]])
    position = texts.table["position"].to_numpy(dtype=float)
    labelled = (position >= SATISFIED) | (position <= 1 - SATISFIED)
    negative: list[bool | None] = [None] * len(words)
    rows = []
    for code in (CHINESE, ENGLISH):
        own = np.flatnonzero(codes == code)
        if not len(own):
            continue
        rated = own[labelled[own]]
        y = position[rated] >= SATISFIED
        cut = [words[i] for i in rated]
        model, name, row = shipped(code), SHIPPED, _outside(code)
        if len(rated) >= RATED and 0 < y.sum() < len(y):
            right = np.array(
                [(model.score(w) > 0) == p if not math.isnan(model.score(w)) else False for w, p in zip(cut, y, strict=True)]
            )
            drawn = _drawn([texts.table["text"].iat[i] for i in rated])
            if len(drawn) >= LEARNT and min(y[drawn].sum(), (~y[drawn]).sum()) >= OF_EACH:
                sample, told = [cut[i] for i in drawn], y[drawn]
                unseen = _held_out(sample, told, code)
                if unseen.sum() > right[drawn].sum():
                    model, name, right = fitted(sample, told, code=code), OWN, unseen
                    cut, y = sample, told
            listed = [by_word_list(w, code) == p for w, p in zip(cut, y, strict=True)]
            low, high = wilson(right.sum(), len(y))
            row = {
                "measured_on": HERE,
                "measured_texts": len(y),
                "accuracy": float(right.mean()),
                "low": float(low),
                "high": float(high),
                "majority": float(max(y.mean(), 1 - y.mean())),
                "word_list": float(np.mean(listed)),
                "only_model": int((right & ~np.array(listed)).sum()),
                "only_list": int((np.array(listed) & ~right).sum()),
            }
        rows.append({"text_language": NAMES[code], "texts": len(own), "model": name, **row})
        for i in own:
            score = model.score(words[i])
            negative[i] = None if math.isnan(score) else score < 0
    if all(x is None for x in negative):
        return NotAvailable((), _(_ANSWERS), reason=_("no text holds a word that the model knows."))
    return Sentiment(negative, pd.DataFrame(rows), texts)


def _outside(code: str) -> dict[str, float | str]:
    """What the shipped model was measured at, on reviews of others."""
    known = measured(code)
    low, high = wilson(round(known["accuracy"] * known["texts"]), known["texts"])
    return {"measured_on": REVIEWS, "measured_texts": int(known["texts"]), "accuracy": known["accuracy"], "low": float(low),
            "high": float(high), "majority": known["majority"], "word_list": known["word_list"],
            "only_model": int(known["only_model"]), "only_list": int(known["only_list"])}  # fmt: skip


def _drawn(texts: list[str]) -> np.ndarray:
    """Places of the texts that a model is made of, in an order that chance gave and that is always the same."""
    return np.array(sorted(range(len(texts)), key=lambda i: hashlib.sha256(texts[i].encode()).digest())[:SAMPLE], dtype=int)


def _held_out(words: list[list[str]], positive: np.ndarray, code: str) -> np.ndarray:
    """Whether a model made without a text tells it rightly, for each text."""
    fold = np.arange(len(words)) % FOLDS
    right = np.zeros(len(words), dtype=bool)
    for k in range(FOLDS):
        use = fold != k
        model = fitted([w for w, u in zip(words, use, strict=True) if u], positive[use], code=code)
        for i in np.flatnonzero(~use):
            score = model.score(words[i])
            right[i] = not math.isnan(score) and (score > 0) == positive[i]
    return right
