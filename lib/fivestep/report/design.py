"""The look of a report, said once for PDF, HTML and workbook: navy, teal and greys, and how each language is set."""

from __future__ import annotations

COLOURS = {
    "primary": "#0b2545",  # headings, table rules, the cover
    "accent": "#0f7c8a",  # labels, marks, links
    "ink": "#1f2933",
    "muted": "#5f6b7a",
    "hairline": "#cfd6de",
    "tint": "#f3f6f9",
    "pale": "#a9bacd",  # small print on the cover
    "note": "#1f5fa8",
    "tip": "#17704a",
    "important": "#6a3fa0",
    "warning": "#8a5200",
    "caution": "#8a5200",
    "error": "#b3261e",
}

# How a language is typeset: language and region for hyphenation and glyph variants, and the tag that HTML and PDF carry.
SCRIPTS = {
    "en": {"lang": "en", "region": None, "tag": "en"},
    "zh_CN": {"lang": "zh", "region": "cn", "tag": "zh-Hans"},
    "zh_TW": {"lang": "zh", "region": "tw", "tag": "zh-Hant"},
}


def script(code: str) -> dict:
    """The typesetting facts of a language; one that is not listed is set like English."""
    return SCRIPTS.get(code, SCRIPTS["en"])


def display_width(text: str) -> int:
    """The width of *text* in Latin characters: a Chinese character takes the room of two."""
    return sum(2 if ord(c) > 0x2E7F else 1 for c in text)


def shortened(text: str, room: int) -> str:
    """*text* cut to *room* Latin characters, with an ellipsis where something was cut."""
    if display_width(text) <= room:
        return text
    width = 0
    for i, c in enumerate(text):
        width += display_width(c)
        if width > room - 1:
            return text[:i].rstrip() + "…"
    return text
