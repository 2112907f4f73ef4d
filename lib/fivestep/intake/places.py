"""Chinese places by one name each, however a client writes them: as an import keeps them, and by code.

Names and codes: the divisions of GB/T 2260 (provinces and what is of the rank of a prefecture, and counties governed by a
province directly), with the counties and cities of Taiwan; two digits are a province. Source: china-division 2.7.0 (MIT).
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from importlib import resources

from ibis.expr.types import StringValue

from fivestep import language

CHINA = {
    "china", "cn", "chn", "prc", "hong kong", "hk", "macau", "macao", "taiwan", "中国", "中國", "中华人民共和国", "香港", "澳门",
    "澳門", "台湾", "台灣", "臺灣",
}  # fmt: skip
# What is written behind a name; the longest first.
SUFFIXES = (
    "特别行政区", "特別行政區", "维吾尔自治区", "維吾爾自治區", "壮族自治区", "壯族自治區", "回族自治区", "回族自治區",
    "自治区", "自治區", "自治州", "地区", "地區", "林区", "林區", "specialadministrativeregion", "autonomousregion",
    "autonomousprefecture", "municipality", "prefecture", "province", "county", "region", "sheng", "city", "sar", "shi", "省",
    "市", "盟", "州", "县", "縣",
)  # fmt: skip
MUNICIPALITIES = ("11", "12", "31", "50", "81", "82")
_NO_CITY = ("市辖区", "县", "市辖县", "直辖", "直辖市", "市轄區", "縣")  # between a municipality and its districts
# Former and other names that are still written.
FORMER = {
    "xizang": "54", "neimenggu": "15", "nei mongol": "15", "内蒙": "15", "內蒙": "15", "macao": "82", "peking": "11",
    "canton": "4401", "huhehaote": "1501", "wulumuqi": "6501", "haerbin": "2301", "襄樊": "4206", "思茅": "5308",
}  # fmt: skip


def _key(text: str) -> str:
    """Letters only, in one width and case; 臺 is 台."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text))
    plain = "".join(c for c in plain if not unicodedata.combining(c)).casefold().replace("臺", "台")
    return re.sub(r"[^\w]|_", "", plain)


@lru_cache
def _table() -> dict[str, dict[str, str]]:
    with resources.files("fivestep.intake").joinpath("places.csv").open(encoding="utf-8") as file:
        return {row["code"]: row for row in csv.DictReader(file)}


@lru_cache
def _codes(digits: int) -> dict[str, tuple[str, ...]]:
    """The codes that a key may mean: of provinces (2 digits) or of all below them."""
    out: dict[str, set[str]] = {}
    for code, row in _table().items():
        if (len(code) == 2) != (digits == 2):
            continue
        for name in (row["name"], row["zh_CN"], row["zh_TW"], row["en"]):
            out.setdefault(_key(name), set()).add(code)
    for name, code in FORMER.items():
        if code and (len(code) == 2) == (digits == 2):
            out.setdefault(_key(name), set()).add(code)
    return {key: tuple(sorted(codes)) for key, codes in out.items()}


def _named(text: str, digits: int) -> tuple[str, ...]:
    known, key = _codes(digits), _key(text)
    if key in known:
        return known[key]
    for suffix in SUFFIXES:
        if key.endswith(suffix) and key.removesuffix(suffix) in known:
            return known[key.removesuffix(suffix)]
    return ()


def province_code(text: str | None) -> str:
    """The two digits of the province that *text* names (省, 自治区, 简体, 繁體, English, pinyin); empty where it names none."""
    found = _named(text, 2) if text else ()
    return found[0] if len(found) == 1 else ""


def city_code(text: str | None, province: str = "") -> str:
    """The code of the city that *text* names, alone or behind its province; empty where it names none or one of several.

    *province* is a code: it decides between cities of the same name (Suzhou in Jiangsu and in Anhui).
    """
    if not text:
        return ""
    parts = [p for p in re.split(r"[\s,，、/·>\-]+", text.strip()) if p]
    tried = [(text, province)]
    for part in parts if len(parts) > 1 else ():
        if not (own := province_code(part)):
            tried.append((part, province))
        tried = [(t, p or own) for t, p in tried]
    key = _key(text)
    for cut in range(len(key) - 1, 1, -1):  # 广东省深圳市
        if own := province_code(key[:cut]):
            tried.append((key[cut:], own))
    for written, within in tried:
        found = [c for c in _named(written, 4) if not within or c.startswith(within)]
        if len(found) == 1:
            other = province_code(written)  # 海南 is more often the province than the prefecture in Qinghai
            return found[0] if within or not other or found[0].startswith(other) else ""
    own = _leading_province(key) if len(tried) == 1 else next((p for _text, p in tried if p), "")
    return f"{own}01" if own in MUNICIPALITIES else ""  # 北京市朝阳区: a municipality is its own city


def _leading_province(key: str) -> str:
    """The province that a key begins with."""
    return next((own for cut in range(len(key), 1, -1) if (own := province_code(key[:cut]))), "")


def is_chinese(country: str | None) -> bool:
    """Whether a country as written is China or one of its regions; a country that is not given may be."""
    return not country or country.strip().casefold() in CHINA


def name(code: str) -> str:
    """The place as the language in use writes it."""
    row = _table()[code]
    return row.get(language.current()) or row["en"]


def normalised(rows: Iterable[tuple[str | None, str | None, str | None]]) -> list[tuple[str, str]]:
    """Province and city of (country, province, city) as written: codes where they are known, else ``""``.

    A city tells its province where that is not given.
    """
    out = []
    for country, province, city in rows:
        if not is_chinese(country):
            out.append(("", ""))
            continue
        within = province_code(province)
        found = city_code(city, within)
        out.append((within or found[:2], found))
    return out


# ---------------------------------------------------------------- as an import keeps them
@lru_cache
def _provinces() -> dict[str, str]:
    """What may be written for a province in Chinese -> its usual name in the same script."""
    out = {"内蒙": "内蒙古", "內蒙": "內蒙古"}
    for code, row in _table().items():
        if len(code) == 2:
            suffixes = [s for s in SUFFIXES if not s.isascii() and s[-1] in "省区區"]
            suffixes += ["特区", "特區", *(["市"] if code in MUNICIPALITIES else [])]
            out |= {row[script] + suffix: row[script] for script in ("zh_CN", "zh_TW") for suffix in suffixes}
    return out


def province(text: StringValue) -> StringValue:
    """The province by its usual name, in the script in which it is written; what is no Chinese name of one stays as it is."""
    known = _provinces()
    return text.right(1).isin(sorted({name[-1] for name in known})).ifelse(text.substitute(known), text)


def city(text: StringValue) -> StringValue:
    """The city without 市 at its end."""
    return text.re_replace(r"^(\p{Han}{2,})市$", r"\1")


def city_in(name: StringValue, of: StringValue) -> StringValue:
    """The city, where the cell only says that it is one of a municipality *of* that name."""
    municipalities = sorted({_table()[code][script] for code in MUNICIPALITIES for script in ("zh_CN", "zh_TW")})
    return (name.isin(_NO_CITY) & of.isin(municipalities)).ifelse(of, name)
