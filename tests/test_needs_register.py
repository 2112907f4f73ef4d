"""The needs register: forms that import back, evidence from the data, what is said and what is seen."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from fivestep import needs
from fivestep.errors import UserError
from fivestep.findings import NotAvailable
from fivestep.language import columns
from fivestep.needs.kano import Kano
from fivestep.needs.needs_register import BOTH, CHANNELS, LANGUAGES, ONLY_SAID, ONLY_SEEN
from fivestep.needs.unbought import Unbought

ANSWERS = {"en": ("revealed", "safety", "in work"), "zh_CN": ("流露", "安全", "处理中"), "zh_TW": ("流露", "安全", "處理中")}


def fill(path, *rows) -> None:
    with path.open("a", encoding="utf-8", newline="") as file:
        file.write("".join(",".join(row) + "\n" for row in rows))


def seen(**terms: int) -> Unbought:
    table = pd.DataFrame({"sought_term": list(terms), "searches": list(terms.values()), "customers": 3})
    return Unbought(pd.DataFrame(), pd.DataFrame(), table, None, dt.date(2024, 1, 1), dt.date(2024, 3, 31))


def kano(**codes: str) -> Kano:
    return Kano(pd.DataFrame({"feature_label": list(codes), "code": list(codes.values()), "pairs": 50}), None, None, 0, 0)


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_eight_forms_import_back_in_every_language(tmp_path, code):
    paths = needs.write_need_forms(tmp_path / "needs", language=code)
    assert [p.stem for p in paths] == list(CHANNELS)
    assert len(CHANNELS) == 8
    kind, motive, status = ANSWERS[code]
    for k, path in enumerate(paths):
        fill(path, [f"need {k}", "told us", kind, motive, "home visit", "tea houses", status, "2024-05-01"])
    register = needs.needs_register(tmp_path / "needs")
    assert register.entries["channel"].tolist() == sorted(CHANNELS)
    assert (register.entries[["kind", "motive", "status"]] == ["revealed", "safety", "in work"]).all(axis=None)
    assert (register.entries["source"] == "home visit").all()
    assert set(register.table["need_status"]) == {"In work"}
    assert register.channels_headline() == "8 of 8 channels have brought evidence"
    assert needs.write_need_forms(tmp_path / "needs", language=code) == paths
    assert len(needs.needs_register(tmp_path / "needs").entries) == 8  # what was filled in is left as it was


def test_a_need_is_said_and_seen_where_both_kinds_of_evidence_name_it(tmp_path):
    needs.write_need_forms(tmp_path)
    fill(tmp_path / "top_customers.csv", ["Decaf", "asked twice", "", "function", "", "cafes", "found", ""])
    fill(
        tmp_path / "competitors.csv",
        ["decaf", "on their card", "", "price", "", "", "confirmed", "", "Blue Kettle", "Decaf 250 g", "9.80"],
    )
    register = needs.needs_register(tmp_path, kano(Parking="M", Music="I"), seen(decaf=40, mooncake=12))
    table = register.table.set_index("register_need")
    assert table["need_support"].to_dict() == {"decaf": BOTH, "Parking": ONLY_SAID, "mooncake": ONLY_SEEN}
    row = table.loc["decaf"]
    assert (row["need_said"], row["need_seen"], row["need_channels"], row["need_status"]) == (2, 1, 3, "Confirmed")
    assert row["need_motive"] == "Price and Function"
    assert register.entries["evidence"].iloc[0] == "on their card; Blue Kettle; Decaf 250 g; 9.80"
    assert register.headline() == "3 needs: 1 said and seen, 1 only said, 1 only seen"
    assert register.finding().value == 2
    assert register.figure().axes
    for name in register.shown().columns:
        assert columns.formatted(name, register.shown()[name].iloc[0])


def test_what_a_form_does_not_know_is_refused_with_its_row(tmp_path):
    needs.write_need_forms(tmp_path)
    for row, said in (
        (["", "evidence", "", "", "", "", "", ""], "row 2: name the need"),
        (["x", "", "shouted", "", "", "", "", ""], "row 2: kind 'shouted' is not one of stated, revealed"),
        (["x", "", "", "", "", "", "open", ""], "row 2: status 'open' is not one of found, confirmed"),
    ):
        (tmp_path / "surveys.csv").unlink()
        needs.write_need_forms(tmp_path)
        fill(tmp_path / "surveys.csv", row)
        with pytest.raises(UserError, match=said):
            needs.needs_register(tmp_path)
    headings = (tmp_path / "surveys.csv").read_text("utf-8-sig").splitlines()[0]
    (tmp_path / "surveys.csv").write_text(f"{headings}\nFaster, cheaper delivery{',' * 20}said by ten\n", encoding="utf-8")
    with pytest.raises(UserError, match="row 2: there are more cells than headings"):
        needs.needs_register(tmp_path)
    (tmp_path / "surveys.csv").rename(tmp_path / "surveys.xlsx")
    with pytest.raises(UserError, match=r"surveys\.xlsx: save the form as CSV"):
        needs.needs_register(tmp_path)
    (tmp_path / "surveys.xlsx").unlink()
    (tmp_path / "surveys.csv").write_text("Wish\nx\n", encoding="utf-8")
    with pytest.raises(UserError, match="heading 'Wish'"):
        needs.needs_register(tmp_path)
    (tmp_path / "surveys.csv").rename(tmp_path / "rumours.csv")
    with pytest.raises(UserError, match="named for its channel"):
        needs.needs_register(tmp_path)
    with pytest.raises(UserError, match="has no forms"):
        needs.write_need_forms(tmp_path, language="fr")


def test_the_register_shows_no_phone_and_no_address(tmp_path):
    needs.write_need_forms(tmp_path)
    fill(tmp_path / "surveys.csv", ["Call 138.1234.5678", "asked by a@b.com", "", "", "", "", "", ""])
    shown = needs.needs_register(tmp_path).table.to_csv()
    assert "***" in shown
    assert not any(part in shown for part in ("138", "5678", "a@b"))


def test_without_any_evidence_there_is_no_register(tmp_path):
    needs.write_need_forms(tmp_path)
    assert isinstance(needs.needs_register(tmp_path), NotAvailable)
    assert isinstance(needs.needs_register(tmp_path / "nowhere", kano(Music="I"), NotAvailable(("events",), "x")), NotAvailable)
