"""Text of client files as typed values: every form that exports are known to use, and what is refused."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import ibis
import pandas as pd
import pytest

from fivestep import engine
from fivestep.intake import conversion, places
from fivestep.intake.conversion import Locale
from fivestep.intake.mapping import Target

SHANGHAI = Locale(zone="Asia/Shanghai")


@pytest.fixture(scope="module")
def connection():
    return engine.connect()


def values(connection, texts, convert) -> tuple[list, list]:
    """What *convert* makes of a column of texts: values and states, in order."""
    rows = ibis.memtable(
        pd.DataFrame({"i": range(len(texts)), "x": pd.array(texts, dtype="string")}), schema={"i": "int64", "x": "string"}
    )
    made = convert(rows.x)
    out = connection.to_pyarrow(rows.select(rows.i, v=made.value, s=made.state).order_by("i")).to_pylist()
    return [r["v"] for r in out], [r["s"] for r in out]


DATES = {
    "2024-03-05": dt.datetime(2024, 3, 5),
    "2024/3/5": dt.datetime(2024, 3, 5),
    "2024.3.5": dt.datetime(2024, 3, 5),
    "2024年3月5日": dt.datetime(2024, 3, 5),
    "2024年3月5日 10:30": dt.datetime(2024, 3, 5, 10, 30),
    "２０２４-03-05": dt.datetime(2024, 3, 5),
    "20240305": dt.datetime(2024, 3, 5),
    "20240305101112": dt.datetime(2024, 3, 5, 10, 11, 12),
    "Oct 7, 2025 6:55 PM": dt.datetime(2025, 10, 7, 18, 55),
    "5-Mar-24": dt.datetime(2024, 3, 5),
    "45356": dt.datetime(2024, 3, 5),
    "45356.75": dt.datetime(2024, 3, 5, 18),
    "1585929600000": dt.datetime(2020, 4, 4),  # midnight in Shanghai, the day before in UTC
    "1585929600": dt.datetime(2020, 4, 4),
    "2025-10-07 09:50:26 +0200": dt.datetime(2025, 10, 7, 15, 50, 26),
    "2025-10-07T09:50:26Z": dt.datetime(2025, 10, 7, 17, 50, 26),
    "2024-03-05 07:05:00+08": dt.datetime(2024, 3, 5, 7, 5),
}


def test_dates_are_read_in_every_form_that_exports_use(connection):
    made, states = values(connection, list(DATES), lambda t: conversion.timestamp(t, SHANGHAI))
    assert dict(zip(DATES, made, strict=True)) == DATES
    assert conversion.NOT_PARSED not in states


def test_days_that_stand_for_nothing_are_empty_and_counted_apart(connection):
    made, states = values(
        connection, ["1970-01-01", "0000-00-00", "1970-01-01 08:00:00", "0"], lambda t: conversion.timestamp(t, SHANGHAI)
    )
    assert made == [None] * 4
    assert states == [conversion.EMPTY_DATE] * 4


def test_serials_of_spreadsheets_are_dates_of_birth_from_1900_on(connection):
    texts = ["1", "59", "61", "15000", "19999", "45356", "1985", "0", "abc"]
    made, states = values(connection, texts, lambda t: conversion.converted(t, Target(to="customers.birth_date"), SHANGHAI))
    days = [(1900, 1, 1), (1900, 2, 28), (1900, 3, 1), (1941, 1, 24), (1954, 10, 2), (2024, 3, 5)]
    assert made == [*(dt.date(*d) for d in days), None, None, None], "a bare year is no serial"
    assert states[-3:] == [conversion.NOT_PARSED, conversion.EMPTY_DATE, conversion.NOT_PARSED]
    other, _ = values(connection, ["15000"], lambda t: conversion.timestamp(t, SHANGHAI))
    assert other == [None]


def test_dates_with_points_are_day_first_unless_the_mapping_says_otherwise(connection):
    for order, month in {"": 9, "dmy": 9, "ymd": 9, "mdy": 8}.items():
        texts = ["08.09.2025", "8.9.2025 10:30"]
        made, states = values(connection, texts, lambda t, o=order: conversion.timestamp(t, Locale(date_order=o)))
        assert [m.month for m in made] == [month, month]
        assert states == [conversion.FINE] * 2
    _, states = values(connection, ["08/09/2025"], lambda t: conversion.timestamp(t, Locale()))
    assert states == [conversion.AMBIGUOUS_DATE]


def test_what_is_no_date_is_counted_as_not_understood(connection):
    made, states = values(
        connection, ["soon", "2024-02-30", "epoch", "infinity", "113/3/5"], lambda t: conversion.timestamp(t, SHANGHAI)
    )
    assert made == [None] * 5
    assert states == [conversion.NOT_PARSED] * 5


def test_day_and_month_are_never_guessed(connection):
    texts = ["3/5/2024", "13/5/2024", "3/5/24 7:05"]
    _, states = values(connection, texts, lambda t: conversion.timestamp(t, SHANGHAI))
    assert states == [conversion.AMBIGUOUS_DATE] * 3
    made, _ = values(connection, texts, lambda t: conversion.timestamp(t, Locale(date_order="dmy")))
    assert made == [dt.datetime(2024, 5, 3), dt.datetime(2024, 5, 13), dt.datetime(2024, 5, 3, 7, 5)]
    made, states = values(connection, texts, lambda t: conversion.timestamp(t, Locale(date_order="mdy")))
    assert made == [dt.datetime(2024, 3, 5), None, dt.datetime(2024, 3, 5, 7, 5)]
    assert states[1] == conversion.NOT_PARSED


def test_years_of_the_republic_only_on_request(connection):
    made, _ = values(
        connection, ["113/3/5", "民國113年3月5日"], lambda t: conversion.timestamp(t, Locale(), day=True, roc_years=True)
    )
    assert made == [dt.date(2024, 3, 5)] * 2


def test_another_time_zone_moves_moments_but_not_days(connection):
    locale = Locale(zone="Asia/Shanghai", file_zone="America/New_York")
    made, _ = values(connection, ["2024-03-05 10:00:00", "2024-03-05"], lambda t: conversion.timestamp(t, locale))
    assert made == [dt.datetime(2024, 3, 5, 23), dt.datetime(2024, 3, 5)]


MONEY = {
    "1234.5": "1234.50",
    "￥1,234.56": "1234.56",
    "$1,234.50": "1234.50",
    "１２３．４５": "123.45",
    "12万": "120000",
    "1.2万元": "12000",
    "(1,234.50)": "-1234.50",
    "5-": "-5",
    "-¥5": "-5",
    "1，234": "1234",
    "100元": "100",
    "1.23E+5": "123000",
}


def test_money_is_read_with_its_marks_and_separators(connection):
    made, states = values(connection, list(MONEY), lambda t: conversion.money(t, SHANGHAI))
    assert dict(zip(MONEY, made, strict=True)) == {k: Decimal(v) for k, v in MONEY.items()}
    assert conversion.NOT_PARSED not in states


def test_a_decimal_comma_counts_only_where_it_is_declared(connection):
    texts = ["1.234,56", "12,5"]
    made, states = values(connection, texts, lambda t: conversion.money(t, SHANGHAI))
    assert (made, states) == ([None, None], [conversion.NOT_PARSED] * 2)
    made, _ = values(connection, texts, lambda t: conversion.money(t, Locale(decimal=",")))
    assert made == [Decimal("1234.56"), Decimal("12.5")]


def test_the_unit_of_the_cell_goes_before_that_of_the_header(connection):
    made, _ = values(connection, ["1.5", "2万", "300元"], lambda t: conversion.money(t, SHANGHAI, unit="万元"))
    assert made == [Decimal(15_000), Decimal(20_000), Decimal(300)]


def test_shares_numbers_and_yes_or_no(connection):
    assert values(connection, ["10%", "１０％", "0.5"], lambda t: conversion.percent(t, SHANGHAI))[0] == [0.1, 0.1, 0.5]
    assert values(connection, ["10"], lambda t: conversion.percent(t, SHANGHAI, unit="%"))[0] == [0.1]
    made, states = values(connection, ["12.0", "12.5", "35岁", "1,200"], lambda t: conversion.number(t, SHANGHAI, whole=True))
    assert made == [12, None, 35, 1200]
    assert states[1] == conversion.NOT_PARSED
    made, states = values(connection, ["是", "否", "Y", "n", "TRUE", "perhaps", ""], conversion.boolean)
    assert made == [True, False, True, False, True, None, None]
    assert states[5] == conversion.NOT_PARSED
    assert values(connection, ["FALSE"], lambda t: conversion.boolean(t, inverse=True))[0] == [True]
    refusal = Target(to="customers.marketing_opt_out")
    made, states = values(connection, ["unsubscribed", "no", ""], lambda t: conversion.converted(t, refusal, Locale()))
    assert made == [True, False, None], "who may have refused is not contacted"
    assert states == [conversion.NOT_PARSED, conversion.FINE, conversion.FINE]


def test_ids_lose_their_wrappers_but_never_their_zeros(connection):
    texts = ['="0012"', "'75008", "A1\t", "17850.0", "00123", "ＡＢ１２", " x ", "客户1"]
    assert values(connection, texts, conversion.ids)[0] == ["0012", "75008", "A1", "17850", "00123", "AB12", "x", "客户1"]


def test_ids_that_say_nothing_or_were_destroyed_are_empty(connection):
    made, states = values(connection, ["NULL", "nan", "138****1234", "1.23E+17"], conversion.ids)
    assert made == [None] * 4
    assert states == [conversion.FINE, conversion.FINE, conversion.MASKED, conversion.PRECISION_LOST]
    _, states = values(connection, ["1234567890123457024"], lambda t: conversion.ids(t, numeric=True))
    assert states == [conversion.PRECISION_LOST]


def test_short_salesforce_ids_become_the_long_ones(connection):
    pairs = {"0015500000Xyy06": "0015500000Xyy06AAB", "006q000000Hddoh": "006q000000HddohAAB"}  # as the product writes both
    made, _ = values(connection, [*pairs, *pairs.values()], lambda t: conversion.ids(t, form="salesforce"))
    assert made == [*pairs.values(), *pairs.values()]


def test_several_values_of_a_cell_are_separated_by_semicolons(connection):
    texts = ["a;b", "a、b，c", " a | b ", '["x","y"]', ";a;"]
    assert values(connection, texts, conversion.several)[0] == ["a; b", "a; b; c", "a; b", "x; y", "a"]


def test_values_are_translated_and_unknown_ones_counted(connection):
    target = Target(to="opportunities.status", values={"赢单": "won", "输单": "lost"})
    made, states = values(connection, ["赢单", "WON", "其他", None], lambda t: conversion.converted(t, target, SHANGHAI))
    assert made == ["won", "won", "其他", None]
    assert states == [0, 0, conversion.UNKNOWN_VALUE, 0]


def test_free_text_is_kept_without_phones_and_addresses(connection):
    target = Target(to="interactions.content")
    made, _ = values(
        connection, ["call 13812345678 or a.b@x.com", "order 20240305123456"], lambda t: conversion.converted(t, target, SHANGHAI)
    )
    assert made == ["call [phone] or [e-mail]", "order 20240305123456"]


def test_provinces_and_cities_have_one_name_and_unknown_ones_stay(connection):
    texts = {"广东省": "广东", "广东": "广东", " 广西壮族自治区 ": "广西", "北京市": "北京"}
    texts |= {"廣東省": "廣東", "内蒙": "内蒙古", "海南州": "海南州", "香港特区": "香港", "吉林市": "吉林市"}
    texts |= {"Ontario": "Ontario", "某省": "某省", "": None}
    made, _ = values(connection, list(texts), lambda t: conversion.converted(t, Target(to="customers.province"), SHANGHAI))
    assert made == list(texts.values())
    texts = {"杭州市": "杭州", "杭州": "杭州", "沙市": "沙市", "津市市": "津市"}
    texts |= {"市辖区": "市辖区", "Boston": "Boston", None: None}
    made, _ = values(connection, list(texts), lambda t: conversion.converted(t, Target(to="customers.city"), SHANGHAI))
    assert made == list(texts.values())
    rows = ibis.memtable({"city": ["市辖区", "市辖区", "昌平"], "province": ["北京", "河北", "北京"]})
    assert connection.execute(rows.select(x=places.city_in(rows.city, rows.province)))["x"].tolist() == ["北京", "市辖区", "昌平"]
