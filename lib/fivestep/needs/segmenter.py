"""Words of texts in Chinese, English or both."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from fivestep.errors import UserError
from fivestep.language import _
from fivestep.privacy.masking import REPLACED, legible

HAN = "\u3400-\u4dbf\u4e00-\u9fff"
WORDS = Path(__file__).parent / "words"
_ENTRY = re.compile(r"^(?P<word>.+?)(?:\s+(?P<count>\d+)(?:\s+[a-z]+)?)?$")
_SENTENCE = re.compile(r"[^。！？!?；;\n\r…]+?(?:[。！？!?；;\n\r…]+|\.(?=\s|$)|$)")


def dictionary(path: str | Path) -> tuple[str, ...]:
    """The words of the file *path*, one a line (a count and a tag after it, as other segmenters have them, are left away; #
    begins a remark); none where there is no such file.
    """
    file = Path(path)
    if not file.is_file():
        return ()
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise UserError(_("{file} cannot be read: it is not UTF-8 text. Save it as UTF-8.").format(file=file.name)) from None
    words = [_ENTRY.match(said)["word"] for line in lines if (said := plain(line.partition("#")[0]).strip())]  # type: ignore[index]
    return tuple(sorted(set(words)))


def plain(text: str) -> str:
    """*text* in one form of width and case, with one kind of apostrophe."""
    return unicodedata.normalize("NFKC", text).lower().replace("’", "'")


def sentences(text: str) -> list[str]:
    """The sentences of a text, in order, without blanks around them; what holds no letter but those that an import has put in
    place of a name or number is none.
    """
    parts = (part.strip() for part in _SENTENCE.findall(legible(text).replace("\x00", "")))
    return [part for part in parts if any(c.isalpha() for c in re.sub(REPLACED, "", part))]


class Segmenter:
    """Cuts texts into words: runs of Chinese characters by a dictionary and a hidden Markov model (jieba), Latin ones at blanks.

    *words* are kept whole wherever they stand: names of products, of competitors, of places.
    """

    def __init__(self, words: Iterable[str] = ()) -> None:
        import rjieba  # takes half a second to load, which only texts need

        self._chinese = rjieba.Jieba()
        kept = sorted({plain(w).strip() for w in words} - {""}, key=lambda w: (-len(w), w))
        for word in kept:
            if re.fullmatch(f"[{HAN}]{{2,}}", word):
                self._chinese.add_word(word, None, None)
        # Names with blanks, digits or both scripts are found before anything is cut.
        other = [re.escape(w) for w in kept if not re.fullmatch(f"[{HAN}]+", w)]
        whole = "|".join(rf"(?<![a-z0-9]){w}(?![a-z0-9])" for w in other)
        parts = [p for p in (whole, f"[{HAN}]+", r"[a-z]+(?:'[a-z]+)?", r"\d+", "[!?]") if p]
        self._runs = re.compile("|".join(parts))

    def words(self, text: str) -> list[str]:
        """The words of *text* in order, in lower case; numbers and marks of exclamation and question are words, too, what an
        import has put in place of a name or number is none.
        """
        out: list[str] = []
        for run in self._runs.findall(re.sub(REPLACED, " ", plain(text))):
            out += self._chinese.cut(run) if re.fullmatch(f"[{HAN}]+", run) else [run]
        return out


@cache
def stopwords() -> frozenset[str]:
    """Words that carry no topic, of both languages."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    chinese = (WORDS / "stopwords_zh.txt").read_text(encoding="utf-8").split()
    english = "don't didn't can't it's i'm i've isn't wasn't doesn't got get just really like did does say says said thing things"
    return frozenset(chinese) | ENGLISH_STOP_WORDS | frozenset(english.split())


def telling(word: str) -> bool:
    """Whether a word can name a topic: no stop word, no number, and more than one character."""
    return len(word) > 1 and word not in stopwords() and any(c.isalpha() for c in word)
