"""Files of every kind become sheets; every trap is made here, read, and behaves as stated."""

from __future__ import annotations

import codecs
import datetime as dt
import gzip
import io
import json
import os
import re
import struct
import sys
import time
import zipfile

import ibis
import openpyxl
import pandas as pd
import pytest
import xlwt
from babel import Locale
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import intake_mutations
from conftest import KIT
from fivestep.contract import headers
from fivestep.errors import UserError
from fivestep.intake import databases, delimited, importing, proposal, staging
from fivestep.intake.encoding import encoding
from fivestep.intake.files import database, sheets
from fivestep.intake.quality import Message
from fivestep.intake.sheet import Sheet

sys.path.insert(0, str(KIT / ".ci"))
import catalogs

ORDERS = "订单编号,客户名称,订单金额,下单日期"


@pytest.fixture(scope="module")
def connection():
    return ibis.duckdb.connect()


@pytest.fixture(scope="module")
def messages():
    return catalogs.messages()


@pytest.fixture
def read(tmp_path, connection, messages):
    """Writes a file and reads its sheets; whatever is said of them is a message of the catalog."""

    def read(name: str, content: bytes | str, **said) -> list[Sheet]:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        found = sheets(path, connection, root=tmp_path, **said)
        said_of = [m for s in found for n in s.notes for m in (n.message, n.fix, *inner(n.values.values())) if m]
        said_of += [m.message for s in found for a in s.set_aside for m in a.details]
        assert not [m for m in said_of if m not in messages and m != "Control-A"]
        return found

    def inner(values) -> list[str]:
        return [text for v in values if isinstance(v, Message) for text in (v.message, *inner(v.values.values()))]

    return read


def frame(sheet: Sheet) -> pd.DataFrame:
    """The rows in file order; None for an empty cell."""
    return pd.DataFrame(sheet.rows.order_by("_row").to_pyarrow().to_pylist(), columns=["_row", *sheet.columns], dtype=object)


def rows(sheet: Sheet) -> list[list[str | None]]:
    return frame(sheet)[list(sheet.columns)].values.tolist()


def aside(sheet: Sheet) -> dict[str, int]:
    out: dict[str, int] = {}
    for found in sheet.set_aside:
        out[found.reason] = out.get(found.reason, 0) + found.rows
    return out


def note(sheet: Sheet, check: str):
    found = [n for n in sheet.notes if n.check == check]
    assert found, f"no note of {check}: {[n.check for n in sheet.notes]}"
    return found[0]


def balance(sheet: Sheet) -> int:
    """Rows kept and set aside."""
    return int(sheet.rows.count().to_pandas()) + sum(aside(sheet).values())


def workbook(fill, *, hidden: str = "") -> bytes:
    book = openpyxl.Workbook()
    fill(book)
    if hidden:
        book[hidden].sheet_state = "hidden"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def of_rows(*rows) -> bytes:
    return workbook(lambda book: [book.active.append(list(r)) for r in rows])


# Text: encodings


@pytest.mark.parametrize(
    ("codec", "said"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16-LE"),
        ("gb18030", "GB18030"),
        ("gb2312", "GB18030"),
    ],
)
def test_simplified_chinese_reads_the_same_in_every_encoding(read, codec, said):
    text = f"{ORDERS}\nA001,张三商贸,12.50,2024-03-05\nA002,李四,3,2024年3月6日\n"
    (sheet,) = read("orders.csv", text.encode(codec))
    assert sheet.columns == tuple(ORDERS.split(","))
    assert rows(sheet) == [["A001", "张三商贸", "12.50", "2024-03-05"], ["A002", "李四", "3", "2024年3月6日"]]
    assert said in note(sheet, "encoding").text
    assert note(sheet, "encoding").severity == "note"


def test_traditional_chinese_is_told_from_simplified_by_its_headers(read):
    (sheet,) = read("orders.csv", "訂單編號,客戶名稱,訂單金額\n1,臺灣商行,5\n".encode("big5"))
    assert sheet.columns == ("訂單編號", "客戶名稱", "訂單金額")
    assert rows(sheet) == [["1", "臺灣商行", "5"]]
    assert "Big5" in note(sheet, "encoding").text


def test_the_encoding_is_told_far_down_where_the_first_foreign_byte_is(read):
    text = "order_id,customer,note\n" + "1,A,plain\n" * 60_000 + "2,B,客户名称和订单金额\n"
    (sheet,) = read("o.csv", text.encode("gb18030"))
    assert frame(sheet).note.iloc[-1] == "客户名称和订单金额"


def test_western_european_text_is_no_chinese(read):
    (sheet,) = read("k.csv", "Name;Stadt;Straße\nMüller;Köln;Höhenweg 3\nJörg;Düren;Am Rüben\n".encode("cp1252"))
    assert rows(sheet)[0] == ["Müller", "Köln", "Höhenweg 3"]
    for text in ("Name;Stadt\nMüller;Berlin\nMeier;Bonn\n", "Name;Ort\nÄrztehaus;Bonn\n", "Prénom;Ville\nÉloïse;Besançon\n"):
        (sheet,) = read("k.csv", text.encode("cp1252"))
        assert rows(sheet)[0] == text.splitlines()[1].split(";")
        assert "Windows-1252" in note(sheet, "encoding").text
        assert note(sheet, "encoding").severity == "note"


@pytest.mark.parametrize(
    ("text", "codec"),
    [("Name;Stadt\nMüller;Köln\n", "mac_roman"), ("id;name\n1;女\n2;男\n", "gb18030"), ("Клиент;Сумма\nИванов;5\n", "cp1251")],
)
def test_an_encoding_that_nothing_tells_is_a_question(read, text, codec):
    (sheet,) = read("k.csv", text.encode(codec))
    assert note(sheet, "encoding").severity == "warning"
    made = proposal.proposal([sheet])
    assert "question: which encoding is it?" in proposal.text(made)
    (sheet,) = read("k.csv", text.encode(codec), encoding=codec)
    assert rows(sheet)[0] == text.splitlines()[1].split(";")
    assert not proposal.proposal([sheet]).proposed[0].doubts


JAPANESE = "顧客番号,氏名,備考\n1,山田太郎,カタログを送ってください\n2,佐藤花子,とても美味しかったです\n"
POLISH = "Klient;Towar\nMałgorzata Wójcik;żółta książka\nStanisław Dąbrowski;łyżka\nWiśniewska;wstążka\n"
CZECH = "Jméno;Město\nTomáš Dvořák;Plzeň\nŽaneta Součková;Škvorec\nMatěj Šebesta;Žatec\nEliška Zdeňková;Uničov\n"
HUNGARIAN = "Név;Város\nErdős Győző;Győr\nKovács Gergő;Gyöngyös\nSzőke Mérő;Göd\nPéter Ödön;Körmend\n"


@pytest.mark.parametrize(("text", "codec"), [(JAPANESE, "euc_jp"), (POLISH, "cp1250"), (CZECH, "cp1250"), (HUNGARIAN, "cp1250")])
def test_a_reading_that_holds_what_its_languages_never_write_is_implausible(text, codec):
    assert encoding(text.encode(codec), False, headers.words(), source="k.csv").note.values["implausible"]


@pytest.mark.parametrize(
    ("language", "codec", "read_as"),
    [
        *((language, "cp1252", "cp1252") for language in ("de", "fr", "es", "pt", "da", "sv", "fi", "et", "is", "nl")),
        ("zh_Hans", "gb18030", "gb18030"), ("zh_Hant", "big5", "big5hkscs"), ("zh_Hant_HK", "big5hkscs", "big5hkscs"),
    ],
)  # fmt: skip
def test_names_of_countries_in_their_own_encoding_are_never_implausible(language, codec, read_as):
    names = sorted(Locale.parse(language).territories.values())
    for some in (names, names[:40], names[::7]):
        text = "id,name\n" + "".join(f"{i},{name}\n" for i, name in enumerate(some))
        found = encoding(text.encode(codec, "ignore"), False, headers.words(), source="k.csv")
        assert (found.codec, found.note.values["implausible"]) == (read_as, False)


GERMAN = "Nr;Name;Stadt\n" + "".join(f"{i};Müller;Köln\n" for i in range(9))
CHINESE = ORDERS + "\n" + "".join(f"{i},张三,2,3\n" for i in range(9))


@pytest.mark.parametrize(
    ("start", "end", "columns"),
    [(GERMAN, "9;Jörg;Bonn\n".encode("cp1252"), ["Name"]), (CHINESE, "9,李四,2,3\n".encode("gb18030"), ["客户名称"])],
)
def test_lines_of_another_encoding_in_utf8_lose_their_own_characters_only_and_are_told(read, start, end, columns):
    (sheet,) = read("o.csv", start.encode() + end)
    assert rows(sheet)[0] == re.split("[,;]", start.splitlines()[1])
    assert "\ufffd" in rows(sheet)[9][1]
    whole = next(n for n in sheet.notes if n.check == "mojibake" and not n.column)
    assert (whole.severity, whole.rows, whole.first_row, whole.values["columns"]) == ("warning", 1, 11, columns)
    assert whole.fix


def test_lines_of_utf8_in_another_encoding_are_told(read):
    (sheet,) = read("o.csv", CHINESE.encode("gb18030") + "9,李四,2,3\n".encode())
    assert (note(sheet, "mojibake").rows, note(sheet, "mojibake").first_row) == (1, 11)


def test_the_user_may_say_the_encoding(read):
    (sheet,) = read("o.csv", f"{ORDERS}\n1,茶,2,3\n".encode("gb18030"), encoding="gb18030")
    assert rows(sheet) == [["1", "茶", "2", "3"]]
    with pytest.raises(UserError, match="no encoding"):
        read("o.csv", b"a,b\n1,2\n", encoding="klingon")


def test_a_bad_byte_in_a_file_of_utf8_is_replaced_counted_and_warned(read):
    (sheet,) = read("o.csv", f"{ORDERS}\n1,茶".encode() + b"\xff" + "叶,2,3\n".encode())
    assert rows(sheet) == [["1", "茶\ufffd叶", "2", "3"]]
    assert note(sheet, "mojibake").severity == "warning"


def test_mojibake_is_warned_and_never_repaired(read):
    (sheet,) = read("o.csv", "order_id,name,total\n1,锟斤拷,2\n2,CafÃ©,3\n3,fine,4\n")
    assert [r[1] for r in rows(sheet)] == ["锟斤拷", "CafÃ©", "fine"]
    found = note(sheet, "mojibake")
    assert (found.column, found.rows, found.first_row, found.severity) == ("name", 2, 2, "warning")


# Text: separators, quotes, ragged rows


@pytest.mark.parametrize("separator", [",", "\t", ";", "|", "\x01"])
def test_any_separator_is_found(read, separator):
    text = "\n".join(separator.join(r) for r in [["order id", "customer", "total"], ["1", "a b", "3.5"], ["2", "c", "4"]])
    (sheet,) = read("o.txt", text)
    assert rows(sheet) == [["1", "a b", "3.5"], ["2", "c", "4"]]


def test_the_separator_that_excel_writes_down_is_a_title(read):
    (sheet,) = read("o.csv", "sep=;\norder id;customer\n1;a,b\n")
    assert sheet.columns == ("order id", "customer")
    assert rows(sheet) == [["1", "a,b"]]
    assert aside(sheet) == {"title": 1, "header": 1}


def test_quotes_hold_separators_quotes_and_line_ends(read):
    (sheet,) = read("o.csv", 'id,name,total\n1,"a, ""b""",2\n2,"two\nlines",3\n3,c,4\n')
    assert rows(sheet) == [["1", 'a, "b"', "2"], ["2", "two\nlines", "3"], ["3", "c", "4"]]
    assert frame(sheet)._row.tolist() == [2, 3, 4], "a cell of two lines is one row, as a spreadsheet counts"


def test_ragged_rows_are_set_aside_and_the_other_rows_keep_their_numbers(read):
    (sheet,) = read("o.csv", "id,name,total\n1,a,2\n2,b\n3,c,4,5\n4,d,6\n5,e,7\n")
    assert frame(sheet)._row.tolist() == [2, 5, 6]
    (bad,) = [s for s in sheet.set_aside if s.reason == "malformed"]
    assert (bad.rows, bad.first_row) == (2, 3)
    assert balance(sheet) == 6


def test_an_open_quote_swallows_no_rows(read):
    text = "id,name,total\n" + "".join(f"{i},n{i},5\n" for i in range(100)) + 'x,"open,5\n' + "".join(
        f"{i},n{i},5\n" for i in range(100, 200)
    )  # fmt: skip
    (sheet,) = read("o.csv", text)
    assert len(frame(sheet)) in (200, 201)
    assert balance(sheet) == 202


def test_two_open_quotes_do_not_make_one_row_of_two(read):
    (sheet,) = read("o.csv", "id,name,total\n" + "".join(f'{i},"name {i},{i}.5\n' for i in range(9)))
    assert [r[1] for r in rows(sheet)] == [f'"name {i}' for i in range(9)]
    (sheet,) = read("o.csv", 'id,name,total\n1,"Max" Meier,2\n2,b,3\n')
    assert rows(sheet)[0] == ["1", '"Max" Meier', "2"]


def test_amounts_are_no_ids_written_with_a_decimal(read):
    (sheet,) = read("o.csv", "id,amount\n1,1234567.0\n2,1234567.5\n3,7654321.0\n")
    assert not [n for n in sheet.notes if n.check == "float_text"]


def test_inches_are_no_quotes(read):
    (sheet,) = read("o.csv", 'id,name,total\n1,5" pipe,2\n2,7" pipe,3\n3,pipe 9",4\n')
    assert [r[1] for r in rows(sheet)] == ['5" pipe', '7" pipe', 'pipe 9"']


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_line_ends_of_any_system(read, end):
    (sheet,) = read("o.csv", end.join(["id,name,total", "1,a,2", "", "2,b,3", ""]))
    assert rows(sheet) == [["1", "a", "2"], ["2", "b", "3"]]
    assert frame(sheet)._row.tolist() == [2, 4]
    assert aside(sheet)["blank"] == 1


def test_null_bytes_are_taken_out_and_counted(read):
    (sheet,) = read("o.csv", b"id,name,total\n1,a\x00b,2\n2,c,3\n")
    assert rows(sheet) == [["1", "ab", "2"], ["2", "c", "3"]]
    assert note(sheet, "null_bytes").rows == 1


def test_a_huge_cell_is_a_malformed_row(read):
    (sheet,) = read("o.csv", b"id,name,total\n1,a,2\n2," + b"x" * 5_000_000 + b",3\n3,c,4\n")
    assert [r[0] for r in rows(sheet)] == ["1", "3"]
    assert aside(sheet)["malformed"] == 1


def test_a_comma_of_chinese_type_separates_nothing(read):
    (sheet,) = read("o.csv", "id,name,total\n1,茶，叶,2\n2,a，b,3\n")
    assert [r[1] for r in rows(sheet)] == ["茶，叶", "a，b"]


def test_duckdb_and_the_careful_reader_agree(tmp_path, connection, monkeypatch):
    lines = ["order_id,name,total"]
    for i in range(60_000):
        lines.append(f'{i},"a ""{i}"", b",{i}.5' if i % 3 else f'{i},"x\ny",')
        if i in (7, 30_000, 59_000):
            lines.append(f"{i},short")
        if i == 40_000:
            lines.append(f"{i},long,1,2")
    path = tmp_path / "o.csv"
    path.write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    (fast,) = sheets(path, connection, root=tmp_path)
    used = []
    monkeypatch.setattr(delimited, "_by_duckdb", lambda *args: used.append(args))
    (slow,) = sheets(path, connection, root=tmp_path)
    assert used
    pd.testing.assert_frame_equal(frame(fast), frame(slow))
    assert (fast.set_aside, fast.notes) == (slow.set_aside, slow.notes)
    assert aside(fast) == {"header": 1, "malformed": 4, "blank": 1}


# Headers, titles, totals, footers


def test_titles_and_two_header_rows_of_groups_and_labels(read):
    text = (
        "2024年客户报表,,,,\n制表：管理员,,,,\n客户信息,,联系人信息,,\n客户名称,备注,姓名,手机,备注\n"
        "甲公司,a,张三,138,b\n乙公司,c,李四,139,d\n"
    )
    (sheet,) = read("k.csv", text)
    assert sheet.columns == ("客户名称", "客户信息 / 备注", "姓名", "手机", "联系人信息 / 备注")
    assert aside(sheet) == {"title": 2, "header": 2}
    assert rows(sheet)[0] == ["甲公司", "a", "张三", "138", "b"]


def test_merged_headers_of_an_old_workbook(read):
    book = xlwt.Workbook()
    page = book.add_sheet("客户")
    page.write_merge(0, 0, 0, 1, "客户信息")
    page.write_merge(0, 0, 2, 3, "联系人信息")
    for i, text in enumerate(["客户名称", "备注", "联系人姓名", "备注"]):
        page.write(1, i, text)
    for i, text in enumerate(["甲公司", "好", "张三", " 13800000000"]):
        page.write(2, i, text)
    page.write(3, 2, "李四")
    out = io.BytesIO()
    book.save(out)
    (sheet,) = read("5kcrm_customer_2024-03-05.xls", out.getvalue())
    assert sheet.source.endswith("#客户")
    assert sheet.columns == ("客户名称", "客户信息 / 备注", "联系人姓名", "联系人信息 / 备注")
    assert rows(sheet) == [["甲公司", "好", "张三", " 13800000000"], [None, None, "李四", None]]
    assert frame(sheet)._row.tolist() == [3, 4]


def test_labels_below_merged_groups_and_tall_labels(read):
    def fill(book):
        page = book.active
        page.append(["订单编号", "客户名称", "金额", None])
        page.append([None, None, "应收", "实收"])
        page.merge_cells("A1:A2")
        page.merge_cells("B1:B2")
        page.merge_cells("C1:D1")
        page.append(["A1", "甲", 5, 4])

    (sheet,) = read("o.xlsx", workbook(fill))
    assert sheet.columns == ("订单编号", "客户名称", "应收", "实收")
    assert aside(sheet) == {"header": 2}


def test_doubled_headers_are_both_kept_and_noted(read):
    (sheet,) = read("o.csv", "订单编号,金额,金额,ID,id,金额 (2)\n1,2,3,4,5,6\n")
    assert sheet.columns == ("订单编号", "金额", "金额 (3)", "ID", "id (2)", "金额 (2)")
    assert rows(sheet) == [["1", "2", "3", "4", "5", "6"]]
    assert [n.column for n in sheet.notes if n.check == "duplicate_header"] == ["金额", "ID"]


def test_columns_without_header_stay_when_they_hold_something(read):
    (sheet,) = read("o.csv", "id,name,,\n1,a,x,\n2,b,y,\n")
    assert sheet.columns == ("id", "name", "column 3")


def test_headers_are_trimmed_and_made_one_width(read):
    (sheet,) = read("o.csv", "订单编号\t,收货地址 ,ＩＤ\n1,a,2\n")
    assert sheet.columns == ("订单编号", "收货地址", "ID")


def test_values_that_are_words_of_headers_are_no_header(read):
    (sheet,) = read("dictionary.csv", "Table,Field,Description\naccounts,account,Company name\naccounts,sector,Industry\n")
    assert sheet.columns == ("Table", "Field", "Description")


def test_a_table_of_many_columns_is_read_at_once(read):
    names = [f"field {i}" for i in range(2_000)]
    started = time.process_time()
    (sheet,) = read("wide.csv", ",".join(names) + "\n" + ",".join("=1*'" for _ in names) + "\n")
    assert len(sheet.columns) == 2_000
    assert [n.rows for n in sheet.notes if n.check == "formula_text"] == [1] * 2_000
    assert time.process_time() - started < 20


def test_a_table_without_header_is_numbered(read):
    (sheet,) = read("o.csv", "1,2024-01-05,3.5\n2,2024-01-06,4.5\n")
    assert sheet.columns == ("column 1", "column 2", "column 3")
    assert note(sheet, "header").severity == "warning"
    assert len(frame(sheet)) == 2


def test_the_user_may_say_the_header_row(read):
    (sheet,) = read("o.csv", "x,y\na,b\n1,2\n", header_row=2)
    assert sheet.columns == ("a", "b")
    assert aside(sheet) == {"title": 1, "header": 1}


def test_totals_are_set_aside_and_reconciled(read):
    text = (
        f'{ORDERS}\n1,甲,"1,000.00",2024-01-01\n2,乙,￥234.00,2024-01-02\n小计,,1234,\n3,丙,6,2024-01-03\n合计：,,"1,240.00",\n'
    )
    (sheet,) = read("o.csv", text)
    details = ["; ".join(map(str, s.details)) for s in sheet.set_aside if s.reason == "total"]
    assert details == [
        "小计 of 订单金额: 1,234.00, the rows sum to 1,234.00",
        "合计: of 订单金额: 1,240.00, the rows sum to 1,240.00",
    ]
    assert len(frame(sheet)) == 3
    assert not [n for n in sheet.notes if n.check == "total"]


def test_a_total_adds_amounts_in_ten_thousands_as_they_are_converted(read):
    (sheet,) = read("o.csv", "编号,客户,金额,额度(万元)\n1,甲,1.5万元,3\n2,乙,800,2.5万\n3,丙,200元,1\n合计,,16000,6.5\n")
    assert not [n for n in sheet.notes if n.check == "total"]
    (aside,) = [s for s in sheet.set_aside if s.reason == "total"]
    assert "合计 of 金额: 16,000.00, the rows sum to 16,000.00" in map(str, aside.details)
    (sheet,) = read("p.csv", "编号,客户,金额\n1,甲,1.5万元\n2,乙,800\n合计,,1.7万\n")
    assert "17,000.00, the rows sum to 15,800.00" in note(sheet, "total").text


def test_a_total_that_does_not_reconcile_is_a_warning(read):
    (sheet,) = read("o.xlsx", of_rows(["Order ID", "Customer", "Total"], ["1", "a", 5], ["2", "b", 6], ["Grand Total", None, 12]))
    assert note(sheet, "total").severity == "warning"
    assert "12.00, the rows sum to 11.00" in note(sheet, "total").text
    assert note(sheet, "total").first_row == 4


def test_a_product_named_total_is_no_total(read):
    (sheet,) = read("o.csv", "brand,product,price\nTotal,motor oil,5\nShell,motor oil,6\n")
    assert len(frame(sheet)) == 2


def test_footers_are_set_aside(read):
    text = f"{ORDERS}\n1,甲,5,2024-01-01\n2,乙,6,2024-01-01\n合计,,11,\n\n导出时间：2024-03-05,,,\n制表人：王五\n"
    (sheet,) = read("o.csv", text)
    assert aside(sheet) == {"header": 1, "total": 1, "blank": 1, "footer": 2}
    assert len(frame(sheet)) == 2


def test_a_last_row_with_only_an_id_is_no_footer(read):
    (sheet,) = read("o.csv", "customer id,name,phone\nC1,a,1\nC2,,\n")
    assert rows(sheet)[-1] == ["C2", None, None]


# Ids and other cells


def test_wrappers_tabs_and_apostrophes_are_taken_off_and_counted(read):
    (sheet,) = read("o.csv", 'order_id,zip,name\n"=""0012""",\'75008,\'t Hooft\n123\t,75009,b\n')
    assert rows(sheet) == [["0012", "75008", "'t Hooft"], ["123", "75009", "b"]]
    assert [(n.column, n.rows) for n in sheet.notes if n.check == "wrapped_text"] == [("order_id", 2), ("zip", 1)]


def test_ids_that_a_spreadsheet_destroyed_are_warned(read):
    (sheet,) = read("o.csv", "order_id,phone,name\n1.23457E+17,13800000000.0,a\n2,13900000000.0,b\n")
    lost = note(sheet, "precision_lost")
    assert (lost.column, lost.rows, lost.first_row, lost.severity) == ("order_id", 1, 2, "warning")
    assert (note(sheet, "float_text").column, note(sheet, "float_text").rows) == ("phone", 2)


def test_long_numbers_of_a_workbook_have_lost_digits_and_text_has_not(read):
    (sheet,) = read(
        "o.xlsx",
        of_rows(["订单编号", "客户ID", "手机"], [1234567890123456789, "1234567890123456789", 13800000000], [5, "0012", None]),
    )
    assert note(sheet, "precision_lost").column == "订单编号"
    assert sheet.numeric == {"订单编号", "手机"}
    assert rows(sheet)[0][1:] == ["1234567890123456789", "13800000000"]
    assert rows(sheet)[1] == ["5", "0012", None]


def test_leading_zeros_of_text_are_kept(read):
    (sheet,) = read("o.csv", "order_id,phone,zip\n0012,021000,00501\n0013,,00502\n")
    assert rows(sheet) == [["0012", "021000", "00501"], ["0013", None, "00502"]]


def test_masked_cells_are_flagged(read):
    (sheet,) = read("o.csv", "order_id,phone,name,product\n1,138****1234,张*,5*3 cm\n2,13912341234,李四,b\n")
    assert [(n.column, n.rows) for n in sheet.notes if n.check == "masked"] == [("phone", 1), ("name", 1)]


def test_errors_unsaved_results_and_zeros_that_a_workbook_only_shows_are_told(tmp_path, read):
    book = openpyxl.Workbook()
    page = book.active
    for row in (["订单编号", "客户编号", "订单金额", "备注"], [12, "#N/A", "=5+5", "x"], [345, "c2", 7, '="a"&"b"']):
        page.append(row)
    for cell in ("A2", "A3"):
        page[cell].number_format = "000000"
    book.save(tmp_path / "made.xlsx")
    (sheet,) = read("o.xlsx", (tmp_path / "made.xlsx").read_bytes())
    told = {(n.check, n.column): (n.rows, n.first_row, n.severity) for n in sheet.notes if n.severity == "warning"}
    assert told == {
        ("error_cell", "客户编号"): (1, 2, "warning"),
        ("error_cell", "订单金额"): (1, 2, "warning"),
        ("error_cell", "备注"): (1, 3, "warning"),
        ("leading_zeros", "订单编号"): (2, 2, "warning"),
    }
    assert rows(sheet)[0] == ["12", None, None, "x"]


def test_formula_text_stays_text(read):
    (sheet,) = read("o.csv", "order_id,name,note\n1,=cmd|' /C calc'!A0,+1\n")
    assert rows(sheet) == [["1", "=cmd|' /C calc'!A0", "+1"]]
    assert note(sheet, "formula_text").column == "name"


def test_a_workbook_gives_values_not_formulas(read):
    (sheet,) = read("o.xlsx", of_rows(["order id", "name", "total"], ["1", "a", 2], ["2", "b", "=1+1"]))
    assert rows(sheet)[0] == ["1", "a", "2"]
    assert not any("=" in (c or "") for r in rows(sheet) for c in r)


def test_dates_times_and_booleans_of_a_workbook(read):
    day = dt.datetime(2024, 3, 5)
    table = of_rows(
        ["order id", "order date", "paid at", "vip", "time"], ["1", day, day.replace(hour=10, minute=1), True, dt.time(9, 30)]
    )
    (sheet,) = read("o.xlsx", table)
    assert rows(sheet) == [["1", "2024-03-05", "2024-03-05 10:01:00", "TRUE", "09:30:00"]]


def test_every_worksheet_is_a_sheet(read):
    def fill(book):
        book.active.title = "一月"
        for name in ("二月", "空", "hidden"):
            book.create_sheet(name)
        for page in (book["一月"], book["二月"], book["hidden"]):
            page.append(["订单编号", "金额"])
            page.append([page.title, 5])

    found = read("o.xlsx", workbook(fill, hidden="hidden"))
    assert [s.source for s in found] == ["o.xlsx#一月", "o.xlsx#二月", "o.xlsx#hidden"]
    assert [rows(s)[0][0] for s in found] == ["一月", "二月", "hidden"]
    assert note(found[2], "hidden_sheet")


def test_row_numbers_of_a_workbook_that_starts_further_down(read):
    def fill(book):
        page = book.active
        for column, text in (("C", "订单编号"), ("D", "金额")):
            page[f"{column}4"] = text
        page["C5"], page["D5"], page["C9"], page["D9"] = "A1", 5, "A2", 6

    (sheet,) = read("o.xlsx", workbook(fill))
    assert sheet.columns == ("订单编号", "金额")
    assert frame(sheet)._row.tolist() == [5, 9]
    assert balance(sheet) == 9


# Other formats


def test_a_page_named_xls_is_read_as_a_page(read):
    page = """<html><head><meta charset="gb2312"></head><body><table><tr><td colspan=3>订单报表</td></tr>
    <tr><th>订单编号</th><th>客户名称</th><th>金额</th></tr><tr><td>1</td><td>甲<br>公司 &amp; 乙</td><td>5</td></tr>
    <tr><td rowspan=2>2</td><td>丙</td><td>6</td></tr><tr><td>丁</td><td>7</td></tr></table></body></html>"""
    (sheet,) = read("report.xls", page.encode("gb18030"))
    assert sheet.columns == ("订单编号", "客户名称", "金额")
    assert rows(sheet) == [["1", "甲 公司 & 乙", "5"], ["2", "丙", "6"], [None, "丁", "7"]]
    assert aside(sheet) == {"title": 1, "header": 1}
    assert note(sheet, "format")


def test_the_name_of_a_file_decides_nothing(read):
    (sheet,) = read("orders.pdf", of_rows(["订单编号", "金额"], ["1", 5]))
    assert rows(sheet) == [["1", "5"]]
    (sheet,) = read("orders.xlsx", f"{ORDERS}\n1,2,3,4\n")
    assert rows(sheet) == [["1", "2", "3", "4"]]


def test_json_lines_keep_every_digit_and_count_damage(read):
    lines = ['{"id": 1234567890123456789, "amount": 1.10, "tags": ["a", "b"]}', "", "{broken", '{"id": "x", "vip": true}', "[1]"]
    (sheet,) = read("o.json", "\n".join(lines))
    assert sheet.columns == ("id", "amount", "tags", "vip")
    assert rows(sheet) == [["1234567890123456789", "1.10", '["a", "b"]', None], ["x", None, None, "TRUE"]]
    assert frame(sheet)._row.tolist() == [1, 4]
    assert aside(sheet) == {"blank": 1, "malformed": 2}
    (sheet,) = read("l.json", json.dumps([{"a": 1}, {"b": {"c": 2}}], indent=1))
    assert rows(sheet) == [["1", None], [None, '{"c": "2"}']]


def test_parquet_values_become_text(read, tmp_path):
    data = pd.DataFrame(
        {
            "id": [2**62, 5],
            "phone": [13800000000.0, None],
            "when": pd.to_datetime(["2024-03-05 00:00", "2024-03-05 10:00"]),
            "n": ["a", ""],
        }
    )
    buffer = io.BytesIO()
    data.to_parquet(buffer)
    (sheet,) = read("o.dat", buffer.getvalue())
    assert rows(sheet) == [[str(2**62), "13800000000", "2024-03-05", "a"], ["5", None, "2024-03-05 10:00:00", None]]
    assert sheet.numeric == {"id", "phone"}
    with pytest.raises(UserError, match="Parquet"):
        read("p.parquet", buffer.getvalue()[:-20])


def test_a_folder_of_months_in_name_order(tmp_path, connection):
    for month in ("2024-02", "2024-01"):
        (tmp_path / f"{month}.csv").write_text(f"订单编号,金额\n{month},5\n", encoding="utf-8")
    (tmp_path / ".DS_Store").write_bytes(b"x")
    (tmp_path / "~$2024.xlsx").write_bytes(b"x")
    (tmp_path / "loop").symlink_to(tmp_path)
    found = sheets(tmp_path, connection, root=tmp_path.parent)
    assert [s.source for s in found] == [f"{tmp_path.name}/2024-01.csv", f"{tmp_path.name}/2024-02.csv"]


def test_an_archive_of_files_whose_names_are_only_shown(read, tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("../../evil.csv", "订单编号,金额\n1,5\n")
        archive.writestr("b/orders.xlsx", of_rows(["订单编号", "金额"], ["2", 6]))
        archive.writestr("__MACOSX/._x", b"junk")
    found = read("orders.zip", out.getvalue())
    assert [s.source for s in found] == ["orders.zip/b/orders.xlsx#Sheet", "orders.zip/evil.csv"]
    assert not (tmp_path.parent.parent / "evil.csv").exists()
    assert len({s.sha256 for s in found}) == 2


def test_a_file_packed_by_gzip_is_read_as_the_file_that_it_packs(read):
    text = f"{ORDERS}\nA1,张三,1.50,2024-01-02\n".encode("gb18030")
    (plain,), (packed,) = read("o.csv", text), read("p.csv.gz", gzip.compress(text))
    assert packed.source == "p.csv.gz"
    assert (packed.columns, rows(packed), packed.set_aside) == (plain.columns, rows(plain), plain.set_aside)
    with pytest.raises(UserError, match="damaged or cut off"):
        read("cut.csv.gz", gzip.compress(text * 100)[:-9])
    with pytest.raises(UserError, match="archive within an archive"):
        read("zip.gz", gzip.compress(gzip.compress(text)))
    with pytest.raises(UserError, match="unpacks to more than"):
        read("bomb.csv.gz", gzip.compress(b"\0" * (80 << 20)))


def test_names_in_gbk_within_an_archive(read):
    out = io.BytesIO()
    info = zipfile.ZipInfo("dingdan.csv")
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(info, "订单编号,金额\n1,5\n")
    gbk = "订单表1".encode("gb18030")
    assert len(gbk) == len("dingdan")
    (sheet,) = read("o.zip", out.getvalue().replace(b"dingdan", gbk))
    assert sheet.source == "o.zip/订单表1.csv"


def test_names_with_signs_of_a_pattern(read):
    (sheet,) = read("orders [1]*.csv", "id,name,total\n1,a,2\n")
    assert rows(sheet) == [["1", "a", "2"]]


def test_a_database_is_streamed_and_its_password_never_shown(tmp_path, connection):
    import sqlite3

    with sqlite3.connect(tmp_path / "x.db") as link:
        link.execute("create table orders (id text, amount real, n integer)")
        link.executemany("insert into orders values (?, ?, ?)", [(f"{i:04}", i / 2, i) for i in range(12_000)])
    link.close()
    url = f"sqlite:///{tmp_path / 'x.db'}"
    sheet = database(url, "orders", connection)
    assert sheet.columns == ("id", "amount", "n")
    assert frame(sheet).iloc[11_999].tolist() == [12_000, "11999", "5999.5", "11999"]
    assert rows(database(url, "select id from orders where n = 7", connection)) == [["0007"]]
    for said in ("nothing", "drop table orders", "orders; drop table orders"):
        with pytest.raises(UserError):
            database(url, said, connection)
    with pytest.raises(UserError) as caught:
        database("postgresql+nothere://me:secret@host/x", "orders", connection)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "needed"),
    [
        ("mysql://me:secret@host/x", "mysqlclient"),
        ("mysql+pymysql://me:secret@host/x", "pymysql"),
        ("mssql+pyodbc://me:secret@host/x", "pyodbc"),
        ("oracle+oracledb://me:secret@host/x", "oracledb"),
    ],
)
def test_a_database_whose_driver_is_missing_says_which_to_install(connection, url, needed, monkeypatch):
    for driver in ("MySQLdb", "pymysql", "pyodbc", "oracledb"):
        monkeypatch.setitem(sys.modules, driver, None)  # as if it were not installed
    with pytest.raises(UserError, match=rf"which is not installed\. Install it: python -m pip install {needed}$") as caught:
        database(url, "orders", connection)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_postgresql_without_its_driver_says_which_to_install(connection, monkeypatch):
    monkeypatch.setattr(databases.importlib.util, "find_spec", lambda name: None if name == "psycopg" else True)
    with pytest.raises(UserError, match=r"Install it: python -m pip install 'psycopg\[binary\]>=3\.2'"):
        database("postgresql://me:secret@host/x", "orders", connection)


@pytest.mark.filterwarnings("ignore:fetch_record_batch")  # ibis 12.0.0 calls it still
def test_an_ibis_url_is_read(tmp_path, connection):
    import duckdb

    with duckdb.connect(str(tmp_path / "x.duckdb")) as link:
        link.execute("create table orders as select '007' as id, 1.50::decimal(9,2) as amount, date '2024-03-05' as day")
    sheet = database(f"duckdb://{tmp_path / 'x.duckdb'}", "orders", connection)
    assert rows(sheet) == [["007", "1.50", "2024-03-05"]]


# Damage and malice


def test_what_is_no_table_is_refused_in_one_line(read, tmp_path, connection):
    encrypted = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000
    bad = {
        "empty.csv": b"",
        "x.pdf": b"%PDF-1.7 ...",
        "x.png": b"\x89PNG\r\n\x1a\n",
        "x.rar": b"Rar!\x1a\x07",
        "cut.xlsx": of_rows(["a", "b"], [1, 2])[:700],
        "x.xls": encrypted,
        "blank.csv": b"\n\n , \n,,,\n"[:2],
        "x.xml": b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook/>',
        "page.html": b"<html><body><p>no table</p></body></html>",
        "broken.json": b'[{"a": 1}, {"a":',
        "empty.xlsx": of_rows(),
    }
    for name, content in bad.items():
        with pytest.raises(UserError) as caught:
            read(name, content)
        assert str(caught.value).startswith(name), name
        assert "\n" not in str(caught.value)
    for path in (tmp_path / "none.csv", tmp_path / "fifo"):
        if path.name == "fifo":
            os.mkfifo(path)
        with pytest.raises(UserError):
            sheets(path, connection, root=tmp_path)


def test_bombs_passwords_and_nested_archives_are_refused(read):
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.csv", "w", force_zip64=True) as out:
        for _ in range(80):
            out.write(b"\0" * (1 << 20))
    with pytest.raises(UserError, match="would unpack to 80 MB"):
        read("bomb.zip", bomb.getvalue())
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.csv", "id,total\n1,2\n")
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr("inner.zip", inner.getvalue())
    with pytest.raises(UserError, match="archive within an archive"):
        read("outer.zip", outer.getvalue())
    locked = bytearray(inner.getvalue())
    locked[6] |= 1
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(UserError, match="password"):
        read("locked.zip", bytes(locked))
    lying = bytearray(inner.getvalue())
    at = lying.index(b"PK\x01\x02") + 24
    lying[at : at + 4] = struct.pack("<I", 3)
    with pytest.raises(UserError):
        read("lying.zip", bytes(lying))


def test_a_million_columns_are_refused(read):
    with pytest.raises(UserError, match="columns"):
        read("wide.csv", ",".join(f"c{i}" for i in range(200_000)) + "\n1,2\n")


def test_a_workbook_with_one_far_cell_takes_no_memory(read):
    def fill(book):
        book.active["A1"], book.active["XFD1048576"] = "id", 5

    with pytest.raises(UserError, match="damaged or too large"):
        read("far.xlsx", workbook(fill))


def test_the_scan_counts_what_is_in_the_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "CHUNK", 5)  # every boundary falls within something
    path = tmp_path / "x"
    text = 'a,b\r\n\r\n1,"x\n\ny"\r\n"",茶\r\n\r\n\r\n'
    path.write_bytes(text.encode())
    seen, found = delimited.scan(path), delimited.record_counts(path)
    assert (found.count, found.blank, found.blank_end, found.quotes_open) == (4, 1, 2, False)
    assert (seen.utf8, seen.lone_returns, seen.nulls, seen.lines) == (True, False, 0, 8)
    path.write_bytes(codecs.BOM_UTF8 + b'a,"b\n1,\r2\n\xff\0')
    seen, found = delimited.scan(path), delimited.record_counts(path)
    assert (seen.utf8, seen.lone_returns, seen.nulls, seen.lines) == (False, True, 1, 3)
    assert (found.count, found.quotes_open) == (1, True)


def test_rows_of_a_large_file_keep_their_numbers_in_an_import(tmp_path):
    path = tmp_path / "o.csv"
    path.write_text("id,name\n" + "".join(f"{i},{'x' * 40}\n" for i in range(2, 500_002)), encoding="utf-8")
    link = importing._connect(tmp_path)
    (sheet,) = sheets(path, link, root=tmp_path)
    wrong = sheet.rows.filter(sheet.rows._row != sheet.rows.id.cast("int64"))
    assert int(wrong.count().to_pandas()) == 0
    link.disconnect()


def test_what_was_read_goes_with_the_connection(tmp_path):
    import gc

    path = tmp_path / "o.csv"
    path.write_text("id,name,total\n1,a,2\n", encoding="utf-8")
    link = ibis.duckdb.connect()
    (sheet,) = sheets(path, link, root=tmp_path)
    kept = staging.folder(link)
    assert kept.stat().st_mode & 0o777 == 0o700
    del link, sheet
    gc.collect()
    assert not kept.exists()


GOOD = intake_mutations.seeds()


@pytest.mark.parametrize("name", sorted(GOOD))
def test_the_files_that_are_damaged_below_are_good(name, tmp_path):
    (tmp_path / name).write_bytes(GOOD[name])
    assert intake_mutations.outcome(tmp_path / name) == "sheets"


def test_a_file_that_is_damaged_below_is_imported_to_a_quality_sheet(tmp_path):
    (tmp_path / "utf8.csv").write_bytes(GOOD["utf8.csv"])
    assert intake_mutations.imported(tmp_path / "utf8.csv", tmp_path / "project") == "sheet"


@settings(max_examples=60, deadline=10_000, derandomize=True, suppress_health_check=list(HealthCheck))
@given(name=st.sampled_from(sorted(GOOD)), chance=st.randoms(use_true_random=False))
def test_damaged_files_end_in_sheets_or_one_line(name, chance, tmp_path_factory):
    path = tmp_path_factory.mktemp("damaged") / name
    path.write_bytes(intake_mutations.mutated(GOOD[name], chance))
    assert intake_mutations.outcome(path) in ("sheets", "error")


@pytest.mark.parametrize("start", [b"RIFF\x24\x10\x00\x00WEBP", b"BM", b"\xef\xbb\xbf", b"id,name\n"])
def test_bytes_that_are_no_text_are_refused_by_the_name_of_their_file(tmp_path, connection, start):
    (tmp_path / "orders.csv").write_bytes(start + bytes(range(256)) * 16)
    with pytest.raises(UserError, match=r"^orders\.csv: the file is no text, whatever its name says: ask for an export as CSV"):
        sheets(tmp_path / "orders.csv", connection, root=tmp_path)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "gb18030", "big5"])
def test_text_of_any_encoding_is_no_binary_file(tmp_path, connection, encoding):
    (tmp_path / "orders.csv").write_bytes(("a,b\n" + "1,一丁七万三上下不\n" * 40).encode(encoding, "replace"))
    (sheet,) = sheets(tmp_path / "orders.csv", connection, root=tmp_path, encoding=encoding if encoding[6:] else "")
    assert sheet.columns == ("a", "b")
    assert sheets(tmp_path / "orders.csv", connection, root=tmp_path), "nor where nobody says its encoding"
