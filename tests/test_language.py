"""Words and numbers in every language of the kit."""

from __future__ import annotations

import datetime as dt
import string
import sys

import numpy as np
import pandas as pd
import pytest

from conftest import KIT
from fivestep import language
from fivestep.errors import UserError

sys.path.insert(0, str(KIT / ".ci"))
import catalogs

CODES = language.LANGUAGES[1:]


@pytest.mark.parametrize(
    ("code", "written"),
    [
        ("en", ["12,345.7", "4.6%", "50%", "$1,234,568", "-$3.46", "$2.6M", "31 Dec 2017", "Dec 2017", "Mon"]),
        ("zh_CN", ["12,345.7", "4.6%", "50%", "US$1,234,568", "-US$3.46", "US$260万", "2017年12月31日", "2017年12月", "周一"]),
        ("zh_TW", ["12,345.7", "4.6%", "50%", "US$1,234,568", "-US$3.46", "US$260萬", "2017年12月31日", "2017年12月", "週一"]),
    ],
)
def test_numbers_and_dates_are_written_as_the_reader_expects(code, written):
    language.use(code, currency="USD")
    day = dt.date(2017, 12, 31)
    assert [
        language.number(12345.678, 1),
        language.percent(0.0456),
        language.percent(0.5),
        language.money(1234567.5),
        language.money(-3.456, 2),
        language.short_money(2.6e6),
        language.day(day),
        language.month(day),
        language.weekday(0),
    ] == written


@pytest.mark.parametrize("missing", [None, float("nan"), np.nan, pd.NA, pd.NaT, float("inf")])
def test_a_missing_number_is_a_dash_never_nan(missing):
    for write in (language.number, language.percent, language.money, language.short_money, language.day, language.month):
        assert write(missing) == "–"


@pytest.mark.parametrize(("code", "written"), [("en", ["$1.7K", "1.7K"]), ("zh_CN", ["US$1,737", "1,737"])])
def test_what_is_short_of_a_step_is_grouped_as_elsewhere(code, written):
    language.use(code, currency="USD")
    assert [language.short_money(1737.4), language.short_number(1737)] == written


def test_a_rounded_zero_has_no_sign():
    assert (language.number(-0.2), language.percent(-0.0001), language.money(-0.3)) == ("0", "0.0%", "$0")


def test_a_share_just_below_all_never_reads_as_more_than_its_digits_say():
    written = [language.percent(share) for share in (0, 0.0949, 0.0996, 0.5, 0.996, 0.99999, 1, 1.5)]
    assert written == ["0%", "9.5%", "10%", "50%", "99.6%", "99.9%", "100%", "150%"]


def test_an_unknown_language_is_refused_with_the_choices():
    with pytest.raises(UserError, match="Choose one of en, zh_CN, zh_TW"):
        language.use("xx")


def test_unknown_values_show_as_unknown_and_unlabelled_ones_as_they_are(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("field,value,en,zh_CN,order\np.c,A,Apples,苹果,2\np.c,B,Beans,,1\n", encoding="utf-8")
    language.use("zh_CN")
    language.load_values(path)
    assert [language.value("p.c", v) for v in ("A", "B", "C", None)] == ["苹果", "Beans", "C", language._("Unknown")]
    assert language.value_order("p.c", ["C", "A", "B"]) == ["B", "A", "C"]
    path.write_text("value,en\nA,B\n")
    with pytest.raises(UserError, match=r"^labels\.csv：.*field"):
        language.load_values(path)
    language.use("en")
    with pytest.raises(UserError, match="column field is missing"):
        language.load_values(path)


HEAD = "field,value,en,zh_CN,order\n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (HEAD + "a.b,x,X,,first\n", r"labels\.csv, line 2: order: 'first' is no whole number\. Write 1, 2, 3"),
        (HEAD + "a.b,x,X,,1\na.b,x,Y,,2\n", r"labels\.csv, line 3: a\.b 'x' has been named before\. Keep one"),
        (HEAD + "a.b,x,X,,1\na.b,y," + "x" * 200_000 + ",,\n", r"labels\.csv, line 3: field larger .*Mend or remove the row"),
        (HEAD + 'a.b,"x,X,,1\n', r"labels\.csv, line 2: .*Mend or remove the row"),
        (HEAD + "a.b,x,X,,1,9\n", r"labels\.csv, line 2: the row does not have as many cells"),
        (HEAD + "a.b\n", r"labels\.csv, line 2: the row does not have as many cells"),
        ((HEAD + "a.b,x,Café,,1\n").encode("latin-1"), r"labels\.csv is not UTF-8 text\. Save it as CSV UTF-8"),
        (bytes(range(256)), r"labels\.csv is not UTF-8 text"),
        ("", "labels.csv: column en, field, value is missing"),
    ],
)
def test_a_row_of_labels_that_cannot_be_used_is_named_with_the_fix(tmp_path, content, says):
    path = tmp_path / "labels.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=says) as stopped:
        language.load_values(path)
    assert len(str(stopped.value)) < 200


def test_labels_are_read_as_a_spreadsheet_saves_them(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_bytes(b"\xef\xbb\xbf" + HEAD.replace("\n", "\r\n").encode() + b"a.b,x,X,,1\r\n,,,,\r\n,,,,\r\n")
    language.load_values(path)
    assert language.value("a.b", "x") == "X"


def test_a_folder_called_labels_is_told(tmp_path):
    (tmp_path / "labels.csv").mkdir()
    with pytest.raises(UserError, match=r"labels\.csv cannot be read .*Put one CSV file there or take it away"):
        language.load_values(tmp_path / "labels.csv")


def fields(text: str) -> list[str]:
    return sorted(name for _literal, name, _spec, _conversion in string.Formatter().parse(text) if name is not None)


@pytest.mark.parametrize("code", CODES)
def test_every_message_is_translated_with_the_same_placeholders(code):
    catalog = catalogs.updated(code)
    untranslated = [m.id for m in catalog if m.id and not (m.string if isinstance(m.string, str) else m.string and all(m.string))]
    assert untranslated == []
    assert len(catalog) > 300
    for message in (m for m in catalog if m.id):
        texts = [message.string] if isinstance(message.string, str) else list(message.string)
        ids = [message.id] if isinstance(message.id, str) else list(message.id)
        for text in texts:
            assert set(fields(text)) == set(fields(ids[-1])), message.id


@pytest.mark.parametrize("code", CODES)
def test_the_compiled_catalog_is_the_written_one(code):
    path = catalogs.catalog_path(code)
    assert path.with_suffix(".mo").read_bytes() == catalogs.compiled(catalogs.read(code))
    assert {m.id for m in catalogs.read(code) if m.id} == {m.id for m in catalogs.updated(code) if m.id}, "run `make catalogs`"


@pytest.mark.parametrize("code", CODES)
def test_a_translation_leads_back_to_its_message(code):
    """Else a notebook generated in one language could not be rendered in another."""
    import nbformat

    cells = [
        c.source.strip()
        for p in sorted((KIT / "notebooks").rglob("*.ipynb"))
        for c in nbformat.read(p, as_version=4).cells
        if c.cell_type == "markdown"
    ]
    assert len(cells) > 25
    for cell in cells:
        assert language.original(language.catalog(code).gettext(cell)) == cell


def test_traditional_chinese_is_the_converted_simplified():
    for path, content in catalogs.converted().items():
        assert path.read_bytes() == content, f"{path.name}: run `make catalogs`"


@pytest.mark.parametrize(
    ("simplified", "taiwan"),
    [
        ("{n}行缺少{column}列", "{n}列缺少{column}欄"),
        ("请执行 `fivestep map --列 行`：列入名单，逐行核对", "請執行 `fivestep map --列 行`：列入名單，逐列核對"),
        ("客户细分、聚类与置信区间", "客戶分群、集群與信賴區間"),
        ("支持度、置信度、提升度；复购率同比上升", "支持度、信賴度、提升度；回購率與去年同期相比上升"),
        ("营销活动的响应率", "行銷活動的回應率"),
    ],
)
def test_words_are_those_of_taiwan(simplified, taiwan):
    assert catalogs.traditional(simplified) == taiwan
