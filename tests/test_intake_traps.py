"""Every trap of the list of file traps has a test that shows it and what becomes of it."""

from __future__ import annotations

import re

import pytest

from conftest import KIT, SHARED

LIST = SHARED / "reference" / "file-traps.md"
TESTS = {
    "GB18030 vs UTF-8": "files: test_simplified_chinese_reads_the_same_in_every_encoding",
    "Excel opening CSV": "engagement: test_an_export_is_defused_for_spreadsheets",
    "Long ids as numbers": "files: test_long_numbers_of_a_workbook_have_lost_digits_and_text_has_not",
    "Leading zeros, phones as float": "files: test_ids_that_a_spreadsheet_destroyed_are_warned",
    '`="0012"`, trailing tab, `\'75008`': "files: test_wrappers_tabs_and_apostrophes_are_taken_off_and_counted",
    "Full-width digits, ￥, ％": "conversion: test_money_is_read_with_its_marks_and_separators",
    "元 / 万元": "conversion: test_the_unit_of_the_cell_goes_before_that_of_the_header",
    "2024年3月5日, 2024/3/5, serial 45356": "conversion: test_dates_are_read_in_every_form_that_exports_use",
    "民國 113 years (zh-TW)": "conversion: test_years_of_the_republic_only_on_request",
    "1970-01-01, 0000-00-00": "conversion: test_days_that_stand_for_nothing_are_empty_and_counted_apart",
    "Epoch ms, time zones": "conversion: test_another_time_zone_moves_moments_but_not_days",
    "Title and merged header rows": "files: test_titles_and_two_header_rows_of_groups_and_labels",
    "合计/小计/总计 rows, footers": "files: test_totals_are_set_aside_and_reconciled",
    "Duplicate headers": "mapping: test_a_header_that_is_there_twice_is_a_question",
    "Several sheets / files": "files: test_every_worksheet_is_a_sheet",
    "Order cells on first row only; packed items": "importing: test_packed_items_are_exploded_and_their_number_checked",
    "Refunds": "importing: test_refunds_follow_the_policy_that_is_stated",
    "Masked phones 138****1234, 张*":
        "keeping: test_equal_phones_and_addresses_are_proposed_and_masked_shared_or_made_up_ones_are_not",
    "Same person many times": "keeping: test_a_merge_is_undone_to_the_byte_without_the_clients_files",
    "省/市 variants, 市辖区": "conversion: test_provinces_and_cities_have_one_name_and_unknown_ones_stay",
    "Commas replaced by ，": "files: test_a_comma_of_chinese_type_separates_nothing",
    "HTML named .xls": "files: test_a_page_named_xls_is_read_as_a_page",
    "Mojibake and pinyin noise": "files: test_mojibake_is_warned_and_never_repaired",
    "Formula text in cells": "files: test_formula_text_stays_text",
}  # fmt: skip


@pytest.mark.skipif(not LIST.is_file(), reason="the list of file traps is not beside the kit")
def test_every_trap_of_the_list_has_a_test():
    listed = [row.split("|")[1].strip() for row in LIST.read_text("utf-8").splitlines() if row.startswith("| ")][1:]
    assert listed == list(TESTS)


@pytest.mark.parametrize("said", TESTS.values())
def test_the_test_of_a_trap_exists(said):
    where, _, name = said.partition(": ")
    files = [KIT / "tests" / f"test_{where}.py", KIT / "tests" / f"test_intake_{where}.py"]
    text = "\n".join(p.read_text("utf-8") for p in files if p.is_file())
    assert re.search(rf"^def {name}\(", text, re.M), said
