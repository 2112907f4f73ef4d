"""Which encoding a file of text is in: byte order mark, strict UTF-8, UTF-8 with foreign lines, then what spells most headers."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from fivestep.errors import UserError
from fivestep.intake.layout import hits
from fivestep.intake.sheet import Note
from fivestep.language import N_, _

SAMPLE_BYTES = 262_144  # read to tell encoding and separator: hundreds of rows

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
LIKELY = 0.8  # share of everyday characters below which an encoding is doubted
WRONG = 0.02  # share of other characters that do not decode, from which an encoding that spells no header is no guess
_LEGACY = ("gb18030", "big5hkscs", "cp1252")
_NAMES = {"gb18030": "GB18030", "big5hkscs": "Big5", "cp1252": "Windows-1252", "utf-8": "UTF-8", "utf-8-sig": "UTF-8"}


@dataclass(frozen=True)
class Encoding:
    """A codec of Python, and the note that says why."""

    codec: str
    note: Note


def encoding(head: bytes, strict_utf8: bool, known: Collection[str], *, source: str, said: str = "") -> Encoding:
    """The encoding of a file from its first bytes.

    *strict_utf8* says whether all of the file decodes as UTF-8; *said* is the user's own word.
    """
    if said:
        try:
            codec = codecs.lookup(said)
        except LookupError:
            raise UserError(
                _("{file}: {said!r} is no encoding. Name one like utf-8, gb18030 or big5 in the mapping.").format(
                    file=source, said=said
                )
            ) from None
        if not getattr(codec, "_is_text_encoding", True):
            raise UserError(
                _("{file}: {said!r} is no encoding of text. Name one like utf-8, gb18030 or big5 in the mapping.").format(
                    file=source, said=said
                )
            )
        return Encoding(codec.name, _note(N_("{name}, as the mapping says."), name=said))
    for mark, codec in _MARKS:
        if head.startswith(mark):
            return Encoding(codec, _note(N_("{name}, by its byte order mark."), name=codec.removesuffix("-sig").upper()))
    if (wide := _utf16(head)) is not None:
        return Encoding(wide, _note(N_("{name} without a byte order mark, by its null bytes."), name=wide.upper()))
    if strict_utf8:
        return Encoding("utf-8", _note(N_("UTF-8: only ASCII.") if head.isascii() else N_("UTF-8: every byte decodes.")))
    return _mixed(head, known) or _scored(head, known)


def _note(message: str, **values: str) -> Note:
    return Note("encoding", "", message, values=values)


def _utf16(head: bytes) -> str | None:
    sample = head[:4096]
    if len(sample) < 4 or sample.count(0) * 5 < len(sample):
        return None
    for codec, zeros in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[0::2])):
        others = sample[0::2] if codec == "utf-16-le" else sample[1::2]
        if zeros.count(0) * 3 > len(zeros) and others.count(0) * 50 < len(others):
            return codec
    return None


def _mixed(head: bytes, known: Collection[str]) -> Encoding | None:
    """UTF-8 where most lines with a foreign character are valid UTF-8, and no other encoding spells more headers.

    By chance a line of GB18030 is valid UTF-8, too (女 alone in a cell is Ů): a character of two bytes counts only within a word.
    """
    valid, broken = [], 0
    for line in head.split(b"\n"):
        if not line.isascii():
            try:
                valid.append(line.decode("utf-8"))
            except UnicodeDecodeError:
                broken += 1
    text = "\n".join(valid)
    foreign = sum(not c.isascii() for c in text)
    likely = sum(ord(c) > 0x7FF or c in _LATIN for c in text) + len(_IN_WORD.findall(text))
    if len(valid) <= broken or likely < 0.9 * foreign:
        return None
    found = _spelled(head.decode("utf-8", "replace"), known)
    if any(_spelled(head.decode(codec, "replace"), known) > found for codec in _LEGACY):
        return None
    return Encoding(
        "utf-8",
        Note(
            "encoding", "", N_("UTF-8: of the first {n} lines with other characters, {valid} decode; the others do not."),
            values={"n": len(valid) + broken, "valid": len(valid)},
        ),
    )  # fmt: skip


def _scored(head: bytes, known: Collection[str]) -> Encoding:
    """The candidate that spells most known headers; among equals the one with the fewest errors and the commonest characters."""
    results = []
    for rank, codec in enumerate(("utf-8", *_LEGACY)):
        text = head.decode(codec, errors="replace")
        found = _spelled(text, known)
        foreign = [c for c in text if ord(c) > 127] or ["\ufffd"]
        errors = foreign.count("\ufffd") / len(foreign)
        common = _common(text, codec) / len(foreign)
        shown = " ".join(c for c, _n in Counter(foreign).most_common(3))
        results.append(((found, round(common - 2 * errors, 2), -rank), codec, found, errors, common, shown))
    results.sort(reverse=True)
    (score, codec, found, errors, common, shown), others = results[0], results[1:]
    rival = others[0]
    sure = found > rival[2] or (score[1] > rival[0][1] + 0.2 and common >= LIKELY)
    evidence = N_("{name}: it spells {n} known headers, {rival} {other}.")
    if not found and not rival[2]:
        evidence = N_("{name}: its commonest other characters are {shown}; read as {rival} they would be {others}.")
    if errors:
        evidence = N_(
            "{name}: it spells {n} known headers, {rival} {other}; {share} of its other characters are not of this encoding."
        )
    values = {"name": _NAMES[codec], "n": found, "rival": _NAMES[rival[1]], "other": rival[2], "share": round(errors, 3),
              "shown": shown, "others": rival[5]}  # fmt: skip
    text = head.decode(codec, "replace")
    odd = {
        "gb18030": lambda: _early(text) or _in_kana(text),
        "big5hkscs": lambda: _in_kana(_japanese(head)),
        "cp1252": lambda: _in_runs(text) or _central_european(text),
    }.get(codec, bool)()
    values["implausible"] = not found and (errors > WRONG or odd)
    doubt = N_("Look at the sample values; if they are garbled, say the encoding in the mapping.")
    sure = sure and not errors and not values["implausible"]
    note = Note("encoding", "", evidence, severity="note" if sure else "warning", fix="" if sure else doubt, values=values)
    return Encoding(codec, note)


def _spelled(text: str, known: Collection[str]) -> int:
    """The most known headers with a foreign character on one of the first lines; ASCII is the same in every candidate."""
    best = 0
    for line in text.splitlines()[:60]:
        for separator in ",\t;|":
            cells = [c.strip().strip('"') for c in line[:20_000].split(separator)]
            best = max(best, hits([c for c in cells if not c.isascii()], known))
    return best


def _common(text: str, codec: str) -> int:
    """How many of the foreign characters are of everyday use in this encoding, where such a character stands."""
    if codec == "utf-8":
        return sum(ord(c) > 127 and c != "\ufffd" for c in text)
    if codec == "cp1252":  # letters of words, not of two or three in a row as Chinese characters would be
        return sum(c in _LATIN for c in _IN_WORD.findall(text)) - len(_RUN.findall(text)) + sum(c in _SIGNS for c in text)
    first, last, plane = _PLANES[codec]
    glued = set(_GLUED.findall(text))  # M黮ler is no Chinese
    return sum(c in _CHINESE_SIGNS or (c not in glued and _of_plane(c, plane, first, last)) for c in text if ord(c) > 127)


def _early(text: str) -> bool:
    """Whether, of thirty Chinese characters and more, nearly none is of the second half of the first plane of GB 2312: so Korean
    reads in it, while the plane is in the order of pinyin."""
    leads = [c.encode("gb2312", "ignore")[:1] for c in text if "\u3400" <= c <= "\u9fff"]
    return len(leads) >= 30 and sum(b"\xc9" <= x <= b"\xd7" for x in leads) < 0.05 * len(leads)


def _japanese(head: bytes) -> str:
    """The text as EUC-JP; empty where a byte does not decode: of Big5 every other character has one."""
    try:
        return codecs.getincrementaldecoder("euc_jp")().decode(head)
    except UnicodeDecodeError:
        return ""


def _in_kana(text: str) -> bool:
    """Whether of twelve different characters and more a tenth, and at least three, are kana: Chinese has but an odd の."""
    foreign = [c for c in text if ord(c) > 127]
    kana = [c for c in foreign if "\u3041" <= c <= "\u30fa"]
    return len(set(foreign)) >= 12 and len(set(kana)) >= 3 and 10 * len(kana) >= len(foreign)


def _central_european(text: str) -> bool:
    """Whether a Western text holds what letters of Central Europe read as in it: signs within words (Polish ż is ¿), more than a
    few š and ž (Czech, Croatian; not Finnish, which has ä), or õ among Hungarian vowels (not Estonian or Portuguese)."""
    letters = Counter(_IN_WORD.findall(text))
    of, soft = letters.total(), sum(letters[c] for c in "šžŠŽ")
    signs, hungarian = len(_SIGN_IN_WORD.findall(text)), min(letters[c] for c in "õöé")
    if signs >= 3 and 20 * signs >= of:
        return True
    if soft >= 5 and 10 * soft >= of and soft > 4 * sum(letters[c] for c in "äöõü"):
        return True
    return hungarian >= 3 and not letters["ã"] + letters["ä"]


def _in_runs(text: str) -> bool:
    """Whether most other characters of a Western text stand beside each other: so Cyrillic reads in it."""
    return 2 * sum(map(len, _RUN.findall(text))) > sum(ord(c) > 127 for c in text)


def _of_plane(char: str, codec: str, first: int, last: int) -> bool:
    try:
        raw = char.encode(codec)
    except UnicodeEncodeError:
        return False
    return len(raw) == 2 and first <= raw[0] <= last


_PLANES = {"gb18030": (0xB0, 0xD7, "gb2312"), "big5hkscs": (0xA4, 0xC6, "big5")}  # the first plane of each standard
_CHINESE_SIGNS = frozenset("，。、；：？！“”‘’（）《》【】—…￥％·")
_LETTER = r"[^\W\d_\u0370-\uffff]"  # of a Latin alphabet
_LATIN = frozenset("äöüßÄÖÜàáâãåæçèéêëìíîïñòóôõøùúûýÿœÀÁÂÃÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕØÙÚÛÝŒ")
_SIGNS = frozenset("€£§°²³½«»ªº¡¿–…„“”‚‘’")
_IN_WORD = re.compile(rf"(?:(?<=[A-Za-z])|(?=.[A-Za-z]))(?![A-Za-z]){_LETTER}")
_SIGN_IN_WORD = re.compile(r"(?<=[a-zß-ÿ])[¹³¿º¾¼](?=[a-zß-ÿ])")
_RUN = re.compile(rf"(?![A-Za-z]){_LETTER}(?:(?![A-Za-z]){_LETTER}){{2,}}")
_GLUED = re.compile(r"(?<![\u3400-\u9fff])[\u3400-\u9fff](?=[a-z])|(?<=[a-z])[\u3400-\u9fff](?![\u3400-\u9fff])")
