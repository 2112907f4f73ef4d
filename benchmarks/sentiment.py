"""Make and measure the sentiment models that ship: python benchmarks/sentiment.py FOLDER [--write]

FOLDER holds reviews_zh/{pos,neg}.txt (one review a line) and reviews_en/food_reviews.csv.gz (review, score: great or other). A
fifth of the distinct reviews, chosen by their hash, is held out and measured on; the models are made of the rest. English ones
are few, so that a model is also made ten times without a tenth of all reviews and measured on that tenth, its penalty chosen each
time by cross-validation on the rest (`crossed`).
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from fivestep.needs import sentiment_model as model
from fivestep.needs.segmenter import WORDS, Segmenter

MOST = {model.CHINESE: 4000, model.ENGLISH: 2000}
STRENGTHS, OUTER, INNER = (0.03, 0.1, 0.3, 1.0), 10, 5


def reviews(folder: Path, code: str) -> pd.DataFrame:
    """Distinct reviews with one label: text, positive, held_out; by text."""
    if code == model.CHINESE:
        parts = [
            pd.DataFrame(
                {"text": (folder / "reviews_zh" / f"{name}.txt").read_text("utf-8").splitlines(), "positive": name == "pos"}
            )
            for name in ("pos", "neg")
        ]
        table = pd.concat(parts)
    else:
        table = pd.read_csv(folder / "reviews_en" / "food_reviews.csv.gz")
        table = pd.DataFrame({"text": table["review"], "positive": table["score"] == "great"})
    table["text"] = table["text"].str.strip()
    table = table[table["text"] != ""].drop_duplicates()
    table = table[~table["text"].duplicated(keep=False)].sort_values("text", ignore_index=True)
    table["held_out"] = [int(hashlib.sha256(t.encode()).hexdigest()[:8], 16) % 5 == 0 for t in table["text"]]
    return table


def measured(table: pd.DataFrame, words: list[list[str]], code: str, made: model.SentimentModel) -> dict[str, float]:
    """Accuracy on the reviews held out, of the model and of what it has to beat; an unknown text counts as wrong."""
    held = table["held_out"].to_numpy()
    y = table.loc[held, "positive"].to_numpy()
    cut = [w for w, h in zip(words, held, strict=True) if h]
    right = rightly(made, cut, y)
    listed = np.array([model.by_word_list(w, code) == p for w, p in zip(cut, y, strict=True)])
    return {
        "texts": len(y),
        "accuracy": right.mean(),
        "majority": max(y.mean(), 1 - y.mean()),
        "word_list": listed.mean(),
        "only_model": int((right & ~listed).sum()),
        "only_list": int((listed & ~right).sum()),
    }


def rightly(made: model.SentimentModel, words: list[list[str]], y: np.ndarray) -> np.ndarray:
    """Whether each text is told rightly; an unknown text is not."""
    scores = np.array([made.score(w) for w in words])
    return ~np.isnan(scores) & ((scores > 0) == y)


def crossed(words: list[list[str]], y: np.ndarray, code: str) -> dict[str, float]:
    """The same of all reviews, each told by a model that was made and whose penalty was chosen without it."""
    fold, right = np.arange(len(y)) % OUTER, np.zeros(len(y), dtype=bool)  # the order is that of the texts
    for k in range(OUTER):
        rest = np.flatnonzero(fold != k)
        inner = np.arange(len(rest)) % INNER

        def score(strength: float, rest=rest, inner=inner) -> float:
            said = []
            for j in range(INNER):
                use, test = rest[inner != j], rest[inner == j]
                made = model.fitted([words[i] for i in use], y[use], code=code, most=MOST[code], strength=strength)
                said.append(rightly(made, [words[i] for i in test], y[test]))
            return float(np.concatenate(said).mean())

        best = max(STRENGTHS, key=score)
        made = model.fitted([words[i] for i in rest], y[rest], code=code, most=MOST[code], strength=best)
        right[fold == k] = rightly(made, [words[i] for i in np.flatnonzero(fold == k)], y[fold == k])
    listed = np.array([model.by_word_list(w, code) == p for w, p in zip(words, y, strict=True)])
    return {
        "crossed_texts": len(y),
        "crossed_accuracy": right.mean(),
        "crossed_word_list": listed.mean(),
        "crossed_only_model": int((right & ~listed).sum()),
        "crossed_only_list": int((listed & ~right).sum()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", action="store_true", help="write the models and what they were measured at into the package")
    asked = parser.parse_args()
    segmenter, found = Segmenter(), []
    for code in (model.CHINESE, model.ENGLISH):
        table = reviews(asked.folder, code)
        words = [segmenter.words(t) for t in table["text"]]
        use = ~table["held_out"].to_numpy()
        kept = [w for w, u in zip(words, use, strict=True) if u]
        made = model.fitted(kept, table.loc[use, "positive"], code=code, most=MOST[code])
        made = model.SentimentModel({k: round(v, 3) for k, v in made.weights.items()}, round(made.offset, 3))
        found.append({"language": code, **measured(table, words, code, made)})
        if code == model.ENGLISH:
            found[-1] |= crossed(words, table["positive"].to_numpy(), code)
        print(found[-1])
        if asked.write:
            with (WORDS / f"sentiment_{code}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerows([("words", "weight"), ("", made.offset), *sorted(made.weights.items())])
    if asked.write:
        pd.DataFrame(found).round(4).to_csv(WORDS / "measured.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
