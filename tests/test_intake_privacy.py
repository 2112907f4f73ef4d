"""From export to snapshot: what identifies a person is in the vault and nowhere else, also month after month."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from conftest import in_the_vault
from fivestep import engine
from fivestep.errors import UserError
from fivestep.intake import fuzzy, identity, importing, proposal, snapshots, wizard
from fivestep.privacy.pseudonyms import Pseudonyms

SETTINGS = SimpleNamespace(client="ACME", currency="CNY", time_zone="Asia/Shanghai")
MAPPING = """\
version: 1
sources:
  - files: [orders*.csv]
    table: orders
    columns:
      订单编号: orders.order_id
      会员编号: customers.customer_id
      姓名: customers.customer_name
      手机号: customers.phone
      电子邮箱: customers.email
      收货地址: customers.address
      下单时间: orders.order_date
      实付金额: orders.order_amount
      备注: ask
      昵称: {to: keep, name: nickname}
"""
HEADER = "订单编号,会员编号,姓名,手机号,电子邮箱,收货地址,下单时间,实付金额,备注,昵称"
JANUARY = """\
O1,M-770001,欧阳若兰,13912345678,ruolan@planted.cn,杭州市文三路478号,2024-01-03 10:00:00,100.00,请打13700009999,小兰
O2,M-770002,司马长风,13912345678,changfeng@planted.cn,杭州市文二路9号,2024-01-04 11:00:00,50.00,,15800001111
O3,M-770003,诸葛小云,138****1234,xiaoyun@planted.cn,,2024-01-05 12:00:00,25.50,,
O4,M-770004,皇甫端木,13600001234,call 13500004321,,2024-01-06 13:00:00,13400004321,,
O5,M-770005,上官婉清,,,,诸葛小云 13300004321,10.00,,
合计,,,,,,,13400004506.50,,
"""
FEBRUARY = """\
O1,M-770001,欧阳若兰,13912345678,ruolan@planted.cn,杭州市文三路478号,2024-01-03 10:00:00,90.00,,
O6,M-770006,令狐听雨,13100008888,tingyu@planted.cn,,2024-02-06 13:00:00,12.00,,
"""
PLANTED = [
    *re.findall(r"1[3-9]\d{9}(?=[,\n])", JANUARY.replace("13400004321", "") + FEBRUARY),
    "13700009999", "13500004321", "13300004321",
    *re.findall(r"[\w.]+@planted\.cn", JANUARY + FEBRUARY), *re.findall(r"M-77\d+", JANUARY + FEBRUARY),
    "欧阳若兰", "司马长风", "诸葛小云", "皇甫端木", "上官婉清", "令狐听雨", "文三路", "文二路",
]  # fmt: skip


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    monkeypatch.delenv("FIVESTEP_KEY", raising=False)
    monkeypatch.delenv("FIVESTEP_KEY_FILE", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    folder = tmp_path / "review"
    (folder / "data" / "raw").mkdir(parents=True)
    (folder / "mapping.yml").write_text(MAPPING, "utf-8")
    raw(folder, "01", JANUARY)
    return folder


def raw(project: Path, month: str, rows: str) -> None:
    (project / "data" / "raw" / f"orders-{month}.csv").write_text(f"{HEADER}\n{rows}", "utf-8")


def shown(project: Path) -> dict[str, str]:
    """Every file that an import made outside the vault, as text."""
    out = {}
    for path in sorted(project.rglob("*")):
        place = path.relative_to(project).as_posix()
        if path.is_file() and not place.startswith(("data/raw/", "data/vault/")):
            out[place] = pd.read_parquet(path).to_csv() if path.suffix == ".parquet" else path.read_text("utf-8")
    return out


def parquet(project: Path) -> dict[str, bytes]:
    return {p.relative_to(project).as_posix(): p.read_bytes() for p in sorted(project.rglob("*.parquet"))}


def orders(project: Path) -> pd.DataFrame:
    return pd.read_parquet(project / "data" / "contract" / snapshots.ledger(project).latest / "orders.parquet").set_index(
        "order_id"
    )


def test_no_phone_name_address_or_raw_id_is_anywhere_but_in_the_vault(project, capfd, caplog):
    done = importing.import_(project, SETTINGS)
    raw(project, "02", FEBRUARY)
    importing.import_(project, SETTINGS)
    files = shown(project)
    assert {Path(f).name for f in files} >= {"orders.parquet", "quality.json", "quality.html", "identity.yml", "imports.json"}
    streams = capfd.readouterr()
    files |= {"stdout": streams.out, "stderr": streams.err, "log": caplog.text, "said": "\n".join(importing.summary(done))}
    assert len(set(PLANTED)) > 20
    assert {name: found for name, text in files.items() if (found := [p for p in PLANTED if p in text])} == {}
    assert {"欧阳若兰", "令狐听雨"} <= set(in_the_vault(project, client="ACME")["name"])
    sealed = (project / "data" / "vault" / "customers.sealed").read_bytes()
    assert not [p for p in PLANTED if p.encode() in sealed]
    assert all(p.stat().st_mode & 0o077 == 0 for p in (project / "data" / "vault").rglob("*"))


def test_errors_show_no_value_of_a_person(project):
    for strict in ("all", "not_parsed,unmatched_header"):
        with pytest.raises(UserError) as error:
            importing.import_(project, SETTINGS, strict=strict.split(","))
        assert not [p for p in PLANTED if p in str(error.value)]
        assert not (project / "data" / "vault").exists(), "an import that is refused leaves nothing behind"
        assert list((project / "data").iterdir()) == [project / "data" / "raw"]


def test_the_proposed_mapping_and_its_questions_mask_every_sample(project):
    (project / "mapping.yml").unlink()
    proposed = proposal.propose(project, engine.connect())
    said = [proposal.text(proposed), *proposal.summary(proposed)]
    wizard.walk(proposed, lambda prompt: said.append(prompt) or "", said.append)
    assert len(said) > 2
    assert not [p for p in PLANTED if p in "\n".join(map(str, said))]


def test_customers_carry_the_pseudonym_of_their_own_key(project):
    importing.import_(project, SETTINGS)
    names = Pseudonyms.from_environment_or_file(project, "ACME", expected=snapshots.ledger(project).key)
    assert orders(project).loc["O1", "customer_id"] == names.of("M-770001")


def test_the_same_file_twice_changes_no_byte_under_any_name(project):
    importing.import_(project, SETTINGS)
    before, everything = parquet(project), shown(project)
    assert not importing.import_(project, SETTINGS).new
    raw(project, "01 (1)", JANUARY)
    importing.import_(project, SETTINGS)
    assert parquet(project) == before
    assert shown(project) == everything


def test_this_months_file_adds_and_corrects_and_the_earlier_one_may_be_gone(project):
    first = importing.import_(project, SETTINGS)
    kept = parquet(first.folder)
    (project / "data" / "raw" / "orders-01.csv").unlink()
    raw(project, "02", FEBRUARY)
    second = importing.import_(project, SETTINGS)
    assert second.folder != first.folder
    assert parquet(first.folder) == kept, "the earlier snapshot stays as it was"
    assert {"O1", "O2", "O6"} <= set(orders(project).index)
    assert str(orders(project).loc["O1", "order_amount"]) == "90.00"
    (line,) = [x for x in second.quality.of("rows_changed") if x.table == "orders"]
    assert (line.values["added"], line.values["changed"]) == (1, 1)


def test_an_accepted_pair_is_merged_and_taken_apart_again_without_the_files(project):
    importing.import_(project, SETTINGS)
    before = parquet(project / "data" / "contract")
    path = project / identity.FILE
    proposed = path.read_text("utf-8")
    assert proposed.count("decision: proposed") == 1, "one pair shares a phone; masked numbers propose nobody"
    (project / "data" / "raw" / "orders-01.csv").write_text(f"{HEADER}\n{JANUARY}", "utf-8")
    path.write_text(proposed.replace("proposed\n", "accepted\n"), "utf-8")
    importing.import_(project, SETTINGS)
    assert orders(project).loc["O1", "customer_id"] == orders(project).loc["O2", "customer_id"]
    path.write_text(proposed.replace("proposed\n", "refused\n"), "utf-8")
    importing.import_(project, SETTINGS)
    assert parquet(project / "data" / "contract") == before


def test_similar_customers_are_proposed_on_request_and_may_be_merged(project, monkeypatch):
    monkeypatch.setitem(sys.modules, "splink", None)
    with pytest.raises(UserError, match=r"needs Splink. Install it: python -m pip install"):
        importing.import_(project, SETTINGS, similar=True)
    assert not (project / "data" / "contract").exists()
    importing.import_(project, SETTINGS)
    two = sorted({orders(project).loc["O1", "customer_id"], orders(project).loc["O3", "customer_id"]})
    asked = []

    def found(people):
        asked.append(int(people.count().to_pandas()))
        return [identity.Pair(first=two[0], second=two[1], reason="similar, probability 0.98")]

    monkeypatch.setattr(fuzzy, "check", lambda: None)
    monkeypatch.setattr(fuzzy, "proposals", found)
    importing.import_(project, SETTINGS, similar=True)
    pairs = identity.decisions(project)
    assert {p.reason for p in pairs} == {"same phone", "similar, probability 0.98"}
    assert asked == [len(in_the_vault(project, client="ACME"))]
    path = project / identity.FILE
    path.write_text(path.read_text("utf-8").replace("decision: proposed", "decision: accepted"), "utf-8")
    importing.import_(project, SETTINGS)
    assert orders(project).loc["O1", "customer_id"] == orders(project).loc["O3", "customer_id"]


def test_another_key_stops_the_next_import_in_one_line(project, monkeypatch):
    importing.import_(project, SETTINGS)
    before = parquet(project)
    raw(project, "02", FEBRUARY)
    monkeypatch.setenv("FIVESTEP_KEY", "5f" * 32)
    with pytest.raises(UserError, match="is not the one that this project's pseudonyms were made with") as error:
        importing.import_(project, SETTINGS)
    assert "\n" not in str(error.value)
    assert parquet(project) == before
