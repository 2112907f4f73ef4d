"""Question ids of questionnaires: what they ask, and the headings of the questionnaires that the kit writes.

A question says what it asks in its id: ``<subject>/<role>``, such as ``fast delivery/functional``; ``_``, ``.`` and ``:`` part
the two as well. Roles are functional, dysfunctional (the two Kano questions), importance and satisfaction; without a subject
stand satisfaction (overall), nps (likelihood to recommend, 0 to 10), product and region (what the questionnaire is about).

Research has roles of its own: differential (a bipolar scale, ``<object>/<left> ~ <right>/differential``), agreement (with a
statement), expectation (of a new product or feature), liking, intent and response (to one version of a test,
``<test>/<version>/liking``), awareness, use, consideration and preference (of a brand, yes or no), and habit (an answer in
words). The roles may be said in Chinese.
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
    "mode": ("Survey mode", "调查方式", "調查方式"),
}
FUNCTIONAL, DYSFUNCTIONAL, IMPORTANCE, SATISFACTION = "functional", "dysfunctional", "importance", "satisfaction"
NPS, PRODUCT, REGION = "nps", "product", "region"
DIFFERENTIAL, AGREEMENT, EXPECTATION = "differential", "agreement", "expectation"
LIKING, INTENT, RESPONSE = "liking", "intent", "response"
AWARENESS, USE, CONSIDERATION, PREFERENCE = "awareness", "use", "consideration", "preference"
HABIT = "habit"
OVERALL = ""  # the subject of a question about the whole
# Words for a role, as a question id may say it; Simplified and Traditional Chinese beside English.
ROLES: dict[str, tuple[str, ...]] = {
    FUNCTIONAL: ("functional", "如果有"),
    DYSFUNCTIONAL: ("dysfunctional", "如果没有", "如果沒有"),
    IMPORTANCE: ("importance", "重要性"),
    SATISFACTION: ("satisfaction", "满意度", "滿意度"),
    DIFFERENTIAL: ("differential", "语意差异", "語意差異"),
    AGREEMENT: ("agreement", "同意程度"),
    EXPECTATION: ("expectation", "期待程度"),
    LIKING: ("liking", "喜欢程度", "喜歡程度"),
    INTENT: ("intent", "购买意愿", "購買意願"),
    RESPONSE: ("response", "是否响应", "是否回應"),
    AWARENESS: ("awareness", "知道", "是否知道"),
    USE: ("use", "用过", "用過"),
    CONSIDERATION: ("consideration", "会考虑", "會考慮"),
    PREFERENCE: ("preference", "首选", "首選"),
    HABIT: ("habit", "习惯", "習慣"),
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


# Roles of research are everyday words: only a slash parts them, so that a client's app_use stays what it is.
RESEARCH = (
    *(DIFFERENTIAL, AGREEMENT, EXPECTATION, LIKING, INTENT, RESPONSE),
    *(AWARENESS, USE, CONSIDERATION, PREFERENCE, HABIT),
)
_PARTS = r"\s*[/_.:|／：]+\s*"


def _last(roles: set[str], parts: str) -> re.Pattern[str]:
    words = "|".join(word for role in ROLES if role in roles for word in ROLES[role])
    return re.compile(rf"^(?P<subject>.+?){parts}(?P<role>{words})$", re.I)


_LAST, _LAST_OF_RESEARCH = _last(set(ROLES) - set(RESEARCH), _PARTS), _last(set(RESEARCH), r"\s*[/／]\s*")
_FIRST = re.compile(rf"^(?P<role>{'|'.join(ROLES[SATISFACTION] + ROLES[IMPORTANCE])}){_PARTS}(?P<subject>.+)$", re.I)


def parsed(question: str) -> tuple[str, str] | None:
    """Subject and role of a question id; None where it is not understood."""
    said = re.sub(rf"^kano{_PARTS}", "", unicodedata.normalize("NFKC", question).strip(), flags=re.I)
    for role, words in BARE.items():
        if said.casefold() in words:
            return OVERALL, role
    found = _LAST.match(said) or _FIRST.match(said) or _LAST_OF_RESEARCH.match(said)
    if not found:
        return None
    role = next(role for role, words in ROLES.items() if found["role"].casefold() in words)
    subject = found["subject"].strip(" _/.:|")
    if subject.casefold() in WHOLE:
        return (OVERALL, role) if role == SATISFACTION else None
    return (subject, role) if subject else None
