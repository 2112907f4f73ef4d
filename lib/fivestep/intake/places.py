"""Provinces and cities of China under one name each: 广东省 is 广东, 杭州市 is 杭州, 市辖区 of 北京 is 北京; others stay."""

from __future__ import annotations

from ibis.expr.types import StringValue

# The divisions of the first level (GB/T 2260) by the names that people use.
_PROVINCES = (
    "河北 山西 辽宁 吉林 黑龙江 江苏 浙江 安徽 福建 江西 山东 河南 湖北 湖南 广东 海南 四川 贵州 云南 陕西 甘肃 青海 台湾".split()
)
MUNICIPALITIES = ("北京", "天津", "上海", "重庆")
_NAMES = {
    **{f"{name}省": name for name in _PROVINCES},
    **{f"{name}市": name for name in MUNICIPALITIES},
    "内蒙古自治区": "内蒙古", "广西壮族自治区": "广西", "西藏自治区": "西藏", "宁夏回族自治区": "宁夏",
    "新疆维吾尔自治区": "新疆", "香港特别行政区": "香港", "澳门特别行政区": "澳门",
    "广西省": "广西", "宁夏省": "宁夏", "新疆省": "新疆", "西藏省": "西藏", "内蒙": "内蒙古", "内蒙古省": "内蒙古",
    "香港特區": "香港", "香港特区": "香港",
}  # fmt: skip
_NO_CITY = ("市辖区", "县", "市辖县", "直辖", "直辖市")  # what stands between a municipality and its districts


def province(text: StringValue) -> StringValue:
    """The province by its usual name; what is none in the list stays as it is."""
    return text.right(1).isin(sorted({name[-1] for name in _NAMES})).ifelse(text.substitute(_NAMES), text)


def city(text: StringValue) -> StringValue:
    """The city without 市 at its end."""
    return text.re_replace(r"^(\p{Han}{2,})市$", r"\1")


def city_in(name: StringValue, of: StringValue) -> StringValue:
    """The city, where the cell only says that it is one of a municipality *of* that name."""
    return (name.isin(_NO_CITY) & of.isin(MUNICIPALITIES)).ifelse(of, name)
