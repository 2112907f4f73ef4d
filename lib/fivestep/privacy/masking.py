"""Masking: enough of a value to recognise what it is, too little to know whose it is."""

from __future__ import annotations

import re
import unicodedata

import ibis

MASKED = r"[*＊•●·█]{2,}|[*＊•●█]|[xX]{3,}"  # what exports put in place of digits and letters that they hide

_LONGEST = 16  # characters shown of any value


def masked(text: str | None) -> str:
    """A value as it may be shown: ``138****1234``, ``张*``, ``j***@x.com``, ``2024-**-**``, ``1,***.**``.

    The first letter or digit stays, punctuation stays, everything else becomes stars; of a mobile number the first three and the
    last four digits stay, of a date the year, of an e-mail address the domain. A single character is hidden.
    """
    if text is None:
        return ""
    text = " ".join(unicodedata.normalize("NFKC", str(text)).split())
    if address := re.fullmatch(r"([^@\s])[^@\s]*@([^@\s]+\.[^@\s]+)", text):
        return f"{address[1]}***@{address[2]}"
    digits = re.sub(r"\D", "", text)
    if re.fullmatch(r"[+\d\s().-]+", text) and re.fullmatch(r"(?:86|0086)?1[3-9]\d{9}", digits):
        return f"{digits[-11:-8]}****{digits[-4:]}"
    if year := re.match(r"(?:19|20)\d\d(?=[-/.年]\d{1,2}(?:\D|$))", text):
        return (year[0] + _starred(text[4:], spared="年月日"))[:_LONGEST]
    first = next((i for i, c in enumerate(text) if c.isalnum()), len(text))
    if sum(c.isalnum() for c in text) < 2:
        return _starred(text)
    return (text[: first + 1] + _starred(text[first + 1 :]))[:_LONGEST]


def is_masked(text: ibis.expr.types.StringValue) -> ibis.expr.types.BooleanValue:
    """Whether an export has hidden part of the value already (``138****1234``): such a value identifies nobody."""
    return text.re_search(MASKED)


def _starred(text: str, spared: str = "") -> str:
    return "".join("*" if c.isalnum() and c not in spared else c for c in text)
