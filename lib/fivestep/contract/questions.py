"""Question ids of questionnaires: what they ask, and the headings of the questionnaires that the kit writes.

A question says what it asks in its id: ``<subject>/<role>``, such as ``fast delivery/functional``; ``_``, ``.`` and ``:`` part
the two as well. Roles are functional, dysfunctional (the two Kano questions), importance and satisfaction; without a subject
stand satisfaction (overall), nps (likelihood to recommend, 0 to 10), product and region (what the questionnaire is about). The
roles may be said in Chinese.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

# The first headings of a questionnaire that the kit has written.
FIELDS: dict[str, tuple[str, ...]] = {
    "response_id": ("Response ID", "答卷编号", "答卷編號"),
    "customer_id": ("Customer ID", "客户编号", "客戶編號"),
    "answered_at": ("Answered at", "填写时间", "填寫時間"),
}
FUNCTIONAL, DYSFUNCTIONAL, IMPORTANCE, SATISFACTION = "functional", "dysfunctional", "importance", "satisfaction"
NPS, PRODUCT, REGION = "nps", "product", "region"
OVERALL = ""  # the subject of a question about the whole
# Words for a role, as a question id may say it; Simplified and Traditional Chinese beside English.
ROLES: dict[str, tuple[str, ...]] = {
    FUNCTIONAL: ("functional", "如果有"),
    DYSFUNCTIONAL: ("dysfunctional", "如果没有", "如果沒有"),
    IMPORTANCE: ("importance", "重要性"),
    SATISFACTION: ("satisfaction", "满意度", "滿意度"),
}
BARE: dict[str, tuple[str, ...]] = {
    SATISFACTION: ("satisfaction", "总体满意度", "整体满意度", "總體滿意度", "整體滿意度", "满意度", "滿意度"),
    NPS: ("nps", "likelihood to recommend", "推荐意愿", "推薦意願"),
    PRODUCT: ("product", "产品", "產品"),
    REGION: ("region", "地区", "區域", "地區", "区域"),
}
WHOLE = ("overall", "总体", "整体", "總體", "整體")


def plain(text: Any) -> str:
    """A text as it is compared: one width, one kind of apostrophe, no case, no space or full stop around it."""
    said = unicodedata.normalize("NFKC", str(text)).casefold().replace("’", "'").replace("‘", "'")
    return re.sub(r"\s+", " ", said).strip(" .。!！\t")


_PARTS = r"\s*[/_.:|／：]+\s*"
_LAST = re.compile(rf"^(?P<subject>.+?){_PARTS}(?P<role>{'|'.join(w for words in ROLES.values() for w in words)})$", re.I)
_FIRST = re.compile(rf"^(?P<role>{'|'.join(ROLES[SATISFACTION] + ROLES[IMPORTANCE])}){_PARTS}(?P<subject>.+)$", re.I)


def parsed(question: str) -> tuple[str, str] | None:
    """Subject and role of a question id; None where it is not understood."""
    said = re.sub(rf"^kano{_PARTS}", "", unicodedata.normalize("NFKC", question).strip(), flags=re.I)
    for role, words in BARE.items():
        if said.casefold() in words:
            return OVERALL, role
    found = _LAST.match(said) or _FIRST.match(said)
    if not found:
        return None
    role = next(role for role, words in ROLES.items() if found["role"].casefold() in words)
    subject = found["subject"].strip(" _/.:|")
    if subject.casefold() in WHOLE:
        return (OVERALL, role) if role == SATISFACTION else None
    return (subject, role) if subject else None
