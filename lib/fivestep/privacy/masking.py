"""Masking: enough of a value to recognise what it is, too little to know whose it is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import ibis

MASKED = r"[*＊•●·█]{2,}|[*＊•●█]|[xX]{3,}"  # what exports put in place of digits and letters that they hide

REPLACED = r"\[(?:name|phone|e-mail|id|card)\]"  # what an import puts in place of names and numbers in texts

# What a cell that is to be kept must not hold; without look-around, as the engine has none. Anywhere in it: a mobile number, an
# address of mail, the number of a Chinese identity card.
DIRECT = (
    r"(?:^|\D)(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?:\D|$)|[\w.+-]+@[\w-]+\.[\w.-]*\w"
    r"|(?:^|\D)[1-8]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?:\D|$)"
)
# The whole cell: a number of a telephone, or of a bank card.
NUMBER = (
    r"^(?:\+\d[\d ()/-]{7,17}|\(?0\d{2,4}\)?[- /]\d{5,8}(?:-\d{1,5})?"
    r"|(?:62\d{2}|4\d{3}|5[1-5]\d{2})(?:[ -]?\d{4}){3}(?:[ -]?\d{3})?)$"
)
ADDRESS = (
    r"[省市区區县縣镇鎮乡鄉村].*[路街道巷弄]|[路街道巷弄].{0,6}\d+.{0,4}[号號弄栋棟幢座室楼樓]"
    r"|(?i:(?:straße|strasse|str\.|weg|platz|allee|gasse)\s+\d+)"
    r"|(?i:^\d+\s.*\b(?:street|st|road|rd|avenue|ave|lane|ln|drive|dr|blvd)\b)"
)

# In a name: a mobile number, a number of a landline that is no number before a date, the number of a Chinese identity card.
_NUMBERED = (
    r"(?<!\d)(?:(?:(?:\+|00)?86[-_ ]?)?[1１][3-9３-９]\d[-_ ]?\d{4}[-_ ]?\d{4}|0\d{2,3}[-_ ](?!20\d{6}(?!\d))[2-9]\d{6,7}"
    r"|[1-8]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx])(?!\d)"
)
_LONGEST = 16  # characters shown of any value


def masked(text: str | None) -> str:
    """A value as it may be shown: ``138****1234``, ``张*``, ``j***@x.com``, ``2024-**-**``, ``1,***.**``.

    The first letter or digit stays, punctuation stays, everything else becomes stars; of a mobile number the first three and the
    last four digits stay, of a date the year, of an e-mail address the domain. A single character is hidden.
    """
    if text is None:
        return ""
    text = " ".join(legible(str(text)).split())
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


def unnumbered(text: str) -> str:
    """The name of a file, sheet or column with numbers of telephones and identity cards and addresses of mail masked."""
    text = re.sub(_NUMBERED, lambda found: masked(found[0]), text)
    return re.sub(r"[\w.+-]+@[\w-]+\.[\w-]+", lambda found: masked(found[0]), text)


def names_nobody(texts: Sequence[str]) -> bool:
    """Whether values are those of a list of kinds, which may be shown.

    None holds an address of mail, seven digits or a hidden part, and not all have the form of a Chinese name or of a name of two
    capitalised words.
    """
    texts = [unicodedata.normalize("NFKC", t).strip() for t in texts]
    if any("@" in t or re.search(MASKED, t) or len(re.sub(r"\D", "", t)) >= 7 for t in texts):
        return False
    return not all(re.fullmatch(_NAME, t) for t in texts)


def likely_person(text: str) -> bool:
    """Whether a value may name a person or say where one lives: the form of a name of a person, or of an address."""
    text = unicodedata.normalize("NFKC", text).strip()
    return bool(re.fullmatch(_NAME, text) or re.search(ADDRESS, text))


def is_masked(text: ibis.expr.types.StringValue) -> ibis.expr.types.BooleanValue:
    """Whether an export has hidden part of the value already (``138****1234``): such a value identifies nobody."""
    return text.re_search(MASKED)


def _starred(text: str, spared: str = "") -> str:
    return "".join("*" if c.isalnum() and c not in spared else c for c in text)


_TITLES = (
    "先生|女士|小姐|太太|夫人|老师|老師|师傅|師傅|经理|經理|主任|医生|醫生|店长|店長|同学|同學|阿姨|"
    "总(?![是会有共体算在要])|總(?![是會有共體算在要])"
)
_SURNAMES = (
    "王李张張刘劉陈陳杨楊黄黃赵趙吴吳周徐孙孫马馬朱胡郭何林罗羅高郑鄭梁谢謝宋唐许許韩韓邓鄧冯馮曹彭曾肖蕭田董潘袁蔡蒋蔣余于"
    "杜叶葉程魏苏蘇吕呂丁任卢盧姚沈钟鐘姜崔谭譚陆陸范汪廖石金韦韋贾賈夏付方邹鄒熊白孟秦邱侯江尹薛闫雷龙龍史陶贺賀毛郝顾顧龚龔邵万萬"
)
_NAME = rf"[{_SURNAMES}][\u4e00-\u9fff]{{1,2}}|[A-Z][\w'’-]+(?: [A-Z]\.?)? [A-Z][\w'’-]+"
_HIDDEN = (
    (re.compile(r"[\w.+'’-]+(?:\s?@\s?|\s?[(\[]at[)\]]\s?)[\w-]+(?:\.[\w-]+)*", re.I), "***@***"),
    (re.compile(r"(?:https?://|www\.)[^\s，。；！？、]+", re.I), "***"),
    (re.compile(r"(?:[a-z0-9-]+\.)+(?:com|cn|net|org|me|io)/[^\s，。；！？、]+", re.I), "***"),
    (re.compile(r"(?<![A-Za-z0-9])@\w+"), "@***"),
    (re.compile(r"((?:微信|wechat|wx|qq|vx|加我\s?v)(?:号|號|id)?\s*(?:[:：是为為])?\s*)[A-Za-z0-9][\w-]{4,}", re.I), r"\1***"),
    (re.compile(r"(?<![A-Za-z])(Mr|Mrs|Ms|Miss|Dr|Prof)(\.?\s+)[A-Z][\w'’-]+(?:\s+[A-Z][\w'’-]+)?"), r"\1\2***"),
    (re.compile(r"((?:[Mm]y name is|I am called|[Cc]all me)\s+)[A-Z][\w'’-]+(?:\s+[A-Z][\w'’-]+)?"), r"\1***"),
    (re.compile(r"((?:我叫|我的名字[是叫]|姓名|联系人|聯絡人|收件人)\s*[:：是]?\s*)[\u4e00-\u9fff]{2,3}"), r"\1***"),
    (re.compile(rf"[{_SURNAMES}][\u4e00-\u9fff]{{0,2}}?({_TITLES})"), r"*\1"),
    (re.compile(r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z][A-Z0-9]{5,6}"), "***"),
    (re.compile(r"([路街道巷弄号號栋棟幢座楼樓]\s*)\d+(?=\s*(?:[号號弄栋棟幢座楼樓室]|单元|單元))"), r"\1**"),
    (re.compile(r"[+(]?\d(?:[\s().\-–—/_·]{0,3}\d){6,}"), "***"),
    (re.compile(r"[A-Za-z]{0,4}\d(?:[\s-]?\d){4,}[Xx]?"), "***"),
    (re.compile(r"[〇零一二三四五六七八九幺]{7,}"), "***"),
)  # fmt: skip


_MARKS = re.compile("([，！？；：（）]+)")  # which Chinese sentences keep in full width


def legible(text: str) -> str:
    """*text* with letters and digits in one form of width, marks as they were written."""
    parts = _MARKS.split(text)
    return "".join(part if i % 2 else unicodedata.normalize("NFKC", part) for i, part in enumerate(parts))


def masked_text(text: str | None, longest: int = 200) -> str:
    """A sentence as it may be quoted: numbers of five digits and more (of seven, where points or brackets divide them), addresses
    of mail, web, messengers and houses, number plates, and names that follow or precede a title are stars; cut
    after *longest* characters.

    A name that stands alone cannot be told from a word: read quotes before they leave the house.
    """
    if text is None or text != text:
        return ""
    seen = "".join(c for c in str(text)[: 4 * longest] if unicodedata.category(c) != "Cf")  # no marks of no width within numbers
    text = " ".join(legible(seen).split())
    for pattern, shown in _HIDDEN:
        text = pattern.sub(shown, text)
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
