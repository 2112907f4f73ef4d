"""Every trap of the list of file traps has tests that show it and all that becomes of it."""

from __future__ import annotations

import re
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from conftest import KIT, SHARED
from fivestep import engine
from fivestep.engagement import Settings
from fivestep.intake import importing, proposal

SETTINGS = Settings(name="T", client="T", currency="CNY", time_zone="Asia/Shanghai")
LIST = SHARED / "reference" / "file-traps.md"
EXCLUDED, FILLED, PACKED = (
    "importing: test_orders_that_were_closed_but_count_are_warned_of",
    "importing: test_order_cells_on_the_first_row_only_are_filled_and_never_added_up",
    "importing: test_packed_items_are_exploded_and_their_number_checked",
)
STOPPED = "importing: test_what_must_not_be_guessed_stops_the_import"
# Of each trap the action of the list in parts, and the test that asserts each.
TESTS: dict[str, dict[str, str]] = {
    "GB18030 vs UTF-8": {
        "score GB18030 and Big5": "files: test_simplified_chinese_reads_the_same_in_every_encoding",
        "show the choice": "files: test_an_encoding_that_nothing_tells_is_a_question",
    },
    "Excel opening CSV": {"Write UTF-8 with BOM": "engagement: test_an_export_is_defused_for_spreadsheets"},
    "Long ids as numbers": {
        '"precision lost"': "files: test_long_numbers_of_a_workbook_have_lost_digits_and_text_has_not",
        "refuse as join key": STOPPED,
    },
    "Leading zeros, phones as float": {
        "Read everything as text": "files: test_leading_zeros_of_text_are_kept",
        "type later": "conversion: test_ids_lose_their_wrappers_but_never_their_zeros",
    },
    '`="0012"`, trailing tab, `\'75008`': {
        "count it": "files: test_wrappers_tabs_and_apostrophes_are_taken_off_and_counted",
    },
    "Full-width digits, ￥, ％": {
        "numbers": "conversion: test_money_is_read_with_its_marks_and_separators",
        "ids": "conversion: test_ids_lose_their_wrappers_but_never_their_zeros",
        "headers": "mapping: test_headers_are_compared_without_case_blanks_and_marks",
    },
    "元 / 万元": {
        "from header or cell": "conversion: test_the_unit_of_the_cell_goes_before_that_of_the_header",
        "mixed units in one column → stop": STOPPED,
    },
    "2024年3月5日, 2024/3/5, serial 45356": {
        "Explicit format list": "conversion: test_dates_are_read_in_every_form_that_exports_use",
        "report unparsed share": "conversion: test_what_is_no_date_is_counted_as_not_understood",
        "→ ask": "mapping: test_the_order_of_day_and_month_is_read_from_the_values_or_asked",
    },
    "民國 113 years (zh-TW)": {"only when the user says so": "conversion: test_years_of_the_republic_only_on_request"},
    "1970-01-01, 0000-00-00": {"Null": "conversion: test_days_that_stand_for_nothing_are_empty_and_counted_apart"},
    "Epoch ms, time zones": {
        "Per-file zone": "values: test_times_without_an_offset_beside_times_with_one_are_a_question_of_their_source",
        "midnight values stay dates": "conversion: test_another_time_zone_moves_moments_but_not_days",
    },
    "Title and merged header rows": {
        "Find header row": "files: test_titles_and_two_header_rows_of_groups_and_labels",
        "join group + label": "files: test_merged_headers_of_an_old_workbook",
        "forward fill keys only": FILLED,
    },
    "合计/小计/总计 rows, footers": {
        "Drop rows": "files: test_footers_are_set_aside",
        "reconcile": "files: test_a_total_that_does_not_reconcile_is_a_warning",
    },
    "Duplicate headers": {
        "Keep both": "files: test_doubled_headers_are_both_kept_and_noted",
        "ask": "mapping: test_a_header_that_is_there_twice_is_a_question",
    },
    "Several sheets / files": {
        "Detect each one's kind": "files: test_every_worksheet_is_a_sheet",
        "same kind append, else tables": "traps: test_sheets_of_one_kind_are_appended_and_others_are_tables_of_their_own",
    },
    "Order cells on first row only; packed items": {
        "Forward fill in order": FILLED,
        "never sum Total over rows": FILLED,
        "checking item counts": PACKED,
    },
    "Refunds": {
        "one `refund_policy`": "importing: test_refunds_follow_the_policy_that_is_stated",
        "exclude 交易关闭": EXCLUDED,
        "print gross and net": "values: test_a_column_of_refunds_is_a_term_of_the_money_line_and_all_adds_up",
    },
    "Masked phones 138****1234, 张*": {
        "Never an identity key":
            "keeping: test_equal_phones_and_addresses_are_proposed_and_masked_shared_or_made_up_ones_are_not",
        "flag `masked`": "files: test_masked_cells_are_flagged",
    },
    "Same person many times": {
        "Deterministic rules first":
            "keeping: test_equal_phones_and_addresses_are_proposed_and_masked_shared_or_made_up_ones_are_not",
        "reviewed merges": "keeping: test_accepted_pairs_become_one_customer_in_every_table",
        "reversible": "keeping: test_a_merge_is_undone_to_the_byte_without_the_clients_files",
    },
    "省/市 variants, 市辖区": {
        "unknown kept": "conversion: test_provinces_and_cities_have_one_name_and_unknown_ones_stay",
    },
    "Commas replaced by ，": {
        "Normalise": "conversion: test_money_is_read_with_its_marks_and_separators",
        "only inside declared numeric fields": "traps: test_a_comma_of_chinese_type_is_one_in_numbers_only_and_pinyin_is_told",
    },
    "HTML named .xls": {"Sniff content": "files: test_a_page_named_xls_is_read_as_a_page"},
    "Mojibake and pinyin noise": {
        'never "repair" text silently': "files: test_mojibake_is_warned_and_never_repaired",
        "Warn": "traps: test_a_comma_of_chinese_type_is_one_in_numbers_only_and_pinyin_is_told",
    },
    "Formula text in cells": {
        "Values only on import": "files: test_formula_text_stays_text",
        "escape on export": "engagement: test_an_export_is_defused_for_spreadsheets",
    },
}  # fmt: skip


def rows_of_the_list() -> dict[str, str]:
    """Of each trap its action, as the list has them."""
    rows = [[c.strip() for c in r.split("|")] for r in LIST.read_text("utf-8").splitlines() if r.startswith("| ")][1:]
    return {trap: action for _, trap, _evidence, action, *_rest in rows}


@pytest.mark.skipif(not LIST.is_file(), reason="the list of file traps is not beside the kit")
def test_every_part_of_every_action_of_the_list_has_a_test():
    listed = rows_of_the_list()
    assert list(listed) == list(TESTS)
    assert [(trap, part) for trap, parts in TESTS.items() for part in parts if part not in listed[trap]] == []


@pytest.mark.parametrize("said", sorted({t for parts in TESTS.values() for t in parts.values()}))
def test_the_test_of_a_trap_exists(said):
    where, _, name = said.partition(": ")
    files = [KIT / "tests" / f"test_{where}.py", KIT / "tests" / f"test_intake_{where}.py"]
    text = "\n".join(p.read_text("utf-8") for p in files if p.is_file())
    assert re.search(rf"^def {name}\(", text, re.M), said


def raw(project: Path) -> Path:
    (project / "data" / "raw").mkdir(parents=True)
    return project / "data" / "raw"


def test_sheets_of_one_kind_are_appended_and_others_are_tables_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setenv("FIVESTEP_KEY", "a key of at least thirty-two bytes for tests")
    book = openpyxl.Workbook()
    book.active.title = "一月"
    for title in ("二月", "客户"):
        book.create_sheet(title)
    for page, order in (("一月", "1"), ("二月", "2")):
        book[page].append(["订单编号", "下单时间", "客户编号", "订单金额"])
        book[page].append([order, "2024-03-05", "c1", 5])
    for cells in (["客户编号", "性别", "注册时间"], ["c1", "女", "2024-01-01"]):
        book["客户"].append(cells)
    book.save(raw(tmp_path) / "o.xlsx")
    proposal.write(tmp_path, proposal.text(proposal.propose(tmp_path, engine.connect())))
    done = importing.import_(tmp_path, SETTINGS)
    assert done.rows == {"customers": 1, "orders": 2}


def test_a_comma_of_chinese_type_is_one_in_numbers_only_and_pinyin_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("FIVESTEP_KEY", "a key of at least thirty-two bytes for tests")
    cells = ["绿茶，叶", "红茶", "zhang'san 茶", "绿cha", "Nike 鞋", "T恤", "lǜ chá"]
    lines = "".join(f"{i},2024-03-05,{c},1，234\n" for i, c in enumerate(cells))
    (raw(tmp_path) / "o.csv").write_text("id,day,what,sum\n" + lines, encoding="utf-8")
    said = "{id: orders.order_id, day: orders.order_date, what: orders.store, sum: orders.order_amount}"
    (tmp_path / "mapping.yml").write_text(f"sources:\n- files: [o.csv]\n  table: orders\n  columns: {said}\n", encoding="utf-8")
    done = importing.import_(tmp_path, SETTINGS)
    orders = pd.read_parquet(done.folder / "orders.parquet").sort_values("order_id")
    assert orders["store"].tolist() == cells
    assert set(orders["order_amount"]) == {1234}
    (line,) = done.quality.of("mojibake")
    assert (line.severity, line.column, line.rows, line.of) == ("warning", "what", 3, 7)
