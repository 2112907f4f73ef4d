"""Names of customers in what people wrote: found by joins, for a pattern of all names would be too long to be searched for."""

from __future__ import annotations

import re

import ibis
import pyarrow as pa
from ibis.expr.types import Table

from fivestep.intake.conversion import extracted

MOST = 20  # customers in whose texts a name may stand; what stands in more is a word, or the name of a brand
_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
_LETTER = r"\p{Latin}\p{Greek}\p{Cyrillic}\p{M}"
_WORD = rf"[{_LETTER}\p{{N}}]+"
_NEAR = r"[0-9A-Za-z\u00c0-\u024f\u0300-\u052f]"  # a letter or digit beside which a word goes on


def sought(names: Table) -> Table:
    """Of *names* (name) those that are looked for: name as it is compared, its beginning, its size (characters of a Chinese
    name, words of another).

    Chinese names have two characters or more, others four letters or more; others of one word count as they are written only.
    """
    name = names.name.strip()
    chinese = name.re_search(f"^[{_HAN}][{_HAN}·]+$")
    letters = name.re_replace(rf"[^{_LETTER}]", "").length()
    names = names.select(name=name, chinese=chinese).filter(chinese | ((letters > 3) & name.re_search(rf"^[{_LETTER}]")))
    names = names.distinct()
    words = extracted(names.name, _WORD, 0)
    one = words.length() < 2
    compared = names.chinese.ifelse(names.name, one.ifelse(words[0], words.join(" ").lower()))
    start = names.chinese.ifelse(names.name.substr(0, 2), words[0].lower())
    size = names.chinese.ifelse(names.name.length(), words.length())
    return names.select(name=compared, chinese="chinese", start=start, size=size).distinct()


def found(texts: Table, names: Table) -> Table:
    """The names (`sought`) in *texts* (text, who: its customer): text, who, name, one row for each."""
    distinct = texts.select("text").distinct()
    han = distinct.filter(distinct.text.re_search(f"[{_HAN}]{{2}}"))
    han = han.mutate(at=ibis.range(0, han.text.length() - 1).unnest())
    han = han.mutate(start=han.text.substr(han.at, 2))
    chinese = names.filter(names.chinese)
    sizes = chinese.select("start", "size").distinct()
    cut = han.inner_join(sizes, "start")
    cut = cut.select("text", name=cut.text.substr(cut.at, cut["size"])).distinct()
    first = cut.semi_join(chinese, "name")
    other = distinct.filter(distinct.text.re_search(f"[{_LETTER}]"))
    other = other.mutate(words=extracted(other.text, _WORD, 0))
    other = other.mutate(at=ibis.range(0, other.words.length()).unnest())
    other = other.mutate(start=other.words[other.at].lower())
    latin = names.filter(~names.chinese)
    sizes = latin.select("start", "size").distinct()
    cut = other.inner_join(sizes, "start")
    phrase = cut.words[cut.at : cut.at + cut["size"]].join(" ")
    cut = cut.select("text", name=(cut["size"] == 1).ifelse(phrase, phrase.lower())).distinct()
    second = cut.semi_join(latin, "name")
    return texts.inner_join(ibis.union(first, second), "text").select("text", "who", "name")


def words(there: Table) -> Table:
    """The names of *there* (`found`) that are taken for words."""
    names = there.group_by("name").aggregate(n=there.who.nunique())
    return names.filter(names.n > MOST)


def replaced(there: Table, common: Table) -> pa.Table:
    """The texts of *there* (`found`) and the same without the names in them, the longest first; those of *common* stay."""
    pairs = there.select("text", "name").distinct().anti_join(common, "name")
    texts = pairs.group_by("text").aggregate(names=pairs.name.collect(order_by=[pairs.name.length().desc(), pairs.name]))
    held = texts.to_pyarrow()
    bare = [_without(t, n) for t, n in zip(held["text"].to_pylist(), held["names"].to_pylist(), strict=True)]
    return pa.table({"text": held["text"].cast(pa.string()), "bare": pa.array(bare, pa.string())})


def _without(text: str, names: list[str]) -> str:
    for name in names:
        if re.match(f"[{_HAN}]", name):
            text = text.replace(name, "[name]")
        else:  # the engine compiles a pattern for each row, which takes longer
            spelled = r"[\W_]{1,3}".join(map(re.escape, name.split(" ")))
            text = re.sub(f"(?<!{_NEAR}){spelled}(?!{_NEAR})", "[name]", text, flags=re.I if " " in name else 0)
    return text
