"""Names and phones after the import: who opens them, how they are kept, erased and backed up, and that none leaks."""

from __future__ import annotations

import datetime as dt
import getpass
import json
import stat
import zipfile
from pathlib import Path

import ibis
import openpyxl
import pandas as pd
import pytest
import typst
from typer.testing import CliRunner

from conftest import in_the_vault
from fivestep import cli
from fivestep.engagement import Settings
from fivestep.errors import UserError
from fivestep.intake import contact_lists, erasure, identity, importing
from fivestep.privacy import access, backup, leaks, sealing, vault
from fivestep.privacy.pseudonyms import Pseudonyms

KEY = b"a key of at least thirty-two bytes for tests"
NAMES = Pseudonyms(KEY)
SETTINGS = Settings(name="Test", client="Test", currency="CNY", time_zone="Asia/Shanghai")
MAPPING = """\
sources:
- files: [orders*.csv]
  table: orders
  columns: {id: orders.order_id, day: orders.order_date, who: customers.customer_id, sum: orders.order_amount,
    name: customers.customer_name, tel: customers.phone, mail: customers.email, where: customers.address, city: customers.city}
- files: [calls*.csv]
  table: interactions
  columns: {who: customers.customer_id, at: interactions.occurred_at, said: interactions.content}
- files: [deals*.csv]
  table: opportunities
  columns: {deal: opportunities.opportunity_id, who: customers.customer_id, from: opportunities.created_at}
- files: [stages*.csv]
  table: stage_history
  columns: {deal: opportunities.opportunity_id, at: stage_history.entered_at, stage: stage_history.stage}
"""
ORDERS = """\
id,day,who,sum,name,tel,mail,where,city
O1,2024-03-05,M-770001,10,欧阳若兰,13912345678,ruolan@planted.cn,"杭州市文三路478号,3楼",杭州
O2,2024-03-06,M-770001,20,,,,,
O3,2024-03-06,M-770002,5,司马长风,13800001111,,,宁波
O4,2024-03-07,M-770003,7,欧阳若兰,+86 139-1234-5678,,,杭州
O5,2024-03-08,M-770004,9,Jane van Doe,02088881234,jane@planted.cn,,London
"""


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """A project with five orders of four accounts, of which two are of one person and decided to be."""
    folder = tmp_path_factory.mktemp("kept") / "review"
    raw = folder / "data" / "raw"
    raw.mkdir(parents=True)
    (raw / "orders.csv").write_text(ORDERS, "utf-8")
    (raw / "calls.csv").write_text("who,at,said\nM-770001,2024-03-09,hello\nM-770002,2024-03-09,bye\n", "utf-8")
    (raw / "deals.csv").write_text("deal,who,from\nD1,M-770001,2024-03-01\nD2,M-770002,2024-03-01\n", "utf-8")
    (raw / "stages.csv").write_text("deal,at,stage\nD1,2024-03-01,a\nD1,2024-03-02,b\nD2,2024-03-01,a\n", "utf-8")
    (folder / "mapping.yml").write_text(MAPPING, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIVESTEP_KEY", KEY.decode())
        importing.import_(folder, SETTINGS)
        decided = folder / identity.FILE
        decided.write_text(decided.read_text("utf-8").replace("decision: proposed", "decision: accepted"), "utf-8")
        importing.import_(folder, SETTINGS)
    return folder


@pytest.fixture
def project(imported, tmp_path, monkeypatch) -> Path:
    """A copy of it, with a policy that names the present user."""
    monkeypatch.setenv("FIVESTEP_KEY", KEY.decode())
    folder = tmp_path / "review"
    backup.backup(imported, tmp_path / "copy", NAMES)
    backup.restore(tmp_path / "copy", folder, NAMES)
    for name in ("raw", "vault"):
        (folder / "data" / name).chmod(0o700)
    assert access.first(folder)
    policy = folder / access.FILE
    policy.write_text(policy.read_text("utf-8").replace('purpose: ""', "purpose: a review for the board"), "utf-8")
    return folder


def table(project: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(project / "data" / "contract" / "2024-03-08" / f"{name}.parquet")


def texts(project: Path) -> str:
    """Everything outside data/raw/, Parquet and sealed files opened."""
    out = [str(in_the_vault(project).to_csv())]
    for path in project.rglob("*"):
        if path.is_file() and (project / "data" / "raw") not in path.parents and path.suffix != sealing.SUFFIX:
            out.append(pd.read_parquet(path).to_csv() if path.suffix == ".parquet" else path.read_text("utf-8"))
    return "\n".join(out)


# ---------------------------------------------------------------- erasing
def test_an_erased_person_is_nowhere_but_in_the_clients_files_and_the_money_stays(project):
    who = NAMES.of("M-770001")
    before = table(project, "orders")
    report = project / "reports" / "2024" / "report.html"
    report.parent.mkdir(parents=True)
    report.write_text(f"<td>{min(who, NAMES.of('M-770003'))}</td>", "utf-8")
    raw = project / "data" / "raw"
    (raw / "gb.csv").write_bytes("客户,备注\n1,欧阳若兰 来电\n2,无\n".encode("gb18030"))
    (raw / "other.csv").write_text("who,sum\nM-770002,5\n", "utf-8")
    pd.DataFrame({"电话": ["139 1234 5678"], "备注": ["x"]}).to_excel(raw / "book.xlsx", index=False)
    results = project / "results" / "2024"
    results.mkdir(parents=True)
    pd.DataFrame({"who": pd.Categorical(["欧阳若兰"])}).to_parquet(results / "exhibit_1.parquet")
    pd.DataFrame({"who": ["司马长风"]}).to_parquet(results / "exhibit_2.parquet")
    (report.parent / "profiling.ipynb").write_text(json.dumps({"text": "ruolan@planted.cn"}), "utf-8")
    done = erasure.erase(project, "M-770001", NAMES)
    assert done.accounts == 2, "the second account of the same person goes with the first"
    assert (done.vault, done.cells, done.unsought) == (2, (), ())
    assert done.emptied == {"orders": 3}
    assert done.removed == {"customers": 1, "interactions": 1, "opportunities": 1, "stage_history": 2}
    assert done.raw == ("book.xlsx", "calls.csv", "deals.csv", "gb.csv", "orders.csv")
    assert done.reports == ("reports/2024/profiling.ipynb", "reports/2024/report.html", "results/2024/exhibit_1.parquet")
    for made in done.reports:
        (project / made).unlink()
    record = project / erasure.FILE
    assert set(json.loads(record.read_text("utf-8"))["customers"]) == {who, NAMES.of("M-770003")}
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    kept, record_text = texts(project), record.read_text("utf-8")
    for trace in ("欧阳若兰", "13912345678", "ruolan", "M-770001", "M-770003"):
        assert trace not in kept
    assert kept.replace(record_text, "").count(who) == 0
    after = table(project, "orders")
    assert after["order_amount"].sum() == before["order_amount"].sum()
    assert after["customer_id"].isna().sum() == 3
    assert set(in_the_vault(project)["raw_id"]) == {"M-770002", "M-770004"}
    with pytest.raises(UserError, match="nobody of this id"):
        erasure.erase(project, "M-770001", NAMES)


def test_an_id_that_is_no_trace_is_found_where_it_is_a_whole_cell_of_a_column_of_ids_and_else_the_command_says_so(project):
    raw = project / "data" / "raw"
    vault.write(project, "customers", ibis.memtable(pd.DataFrame({"customer_id": [NAMES.of("ab")], "raw_id": ["ab"]})), NAMES)
    (project / "engagement.yml").write_text("name: T\nclient: Test\n", "utf-8")
    (raw / "calls_1.csv").write_text("who,at,said\nab,2024-03-09,hello\n", "utf-8")
    (raw / "calls_2.csv").write_bytes("who,at,said\n ａｂ,2024-03-09,你好\nM-770001,2024-03-09,你好\n".encode("gb18030"))
    (raw / "calls_3.csv").write_text("who,at,said\nabc,2024-03-09,ab\n", "utf-8")
    (raw / "notes.csv").write_text("a,b\nab,x\n", "utf-8")
    (raw / "README.md").write_text("The client's files", "utf-8")
    done = CliRunner().invoke(cli.app, ["erase", "ab", "--purpose", "asked on 1 March", "--project", str(project)])
    assert "still hold the person. Delete them, or ask for new ones: calls_1.csv, calls_2.csv\n" in done.output
    assert "cannot be told from other text: ab. " in done.output
    assert "Look yourself in: notes.csv, stages.csv, reports/, results/, notebooks/, data/vault/lists/\n" in done.output


def test_a_name_of_two_chinese_characters_and_a_phone_in_parts_are_traces_of_a_person_and_others_are_not():
    wanted = leaks.traces([pd.DataFrame({"raw_id": ["17"], "name": ["王伟"], "phone": ["13912345678"], "email": [None]})])
    for text in ("致王伟先生", r'{"x": "\u738b\u4f1f"}', "+86 139-1234-5678", "１３９１２３４５６７８"):
        assert leaks.holds([text], wanted), text
    for text in ("王\u4e00伟", "17", "139123456789", "113912345678"):
        assert not leaks.holds([text], wanted), text
    assert leaks.traces([pd.DataFrame({"name": ["J"]})]) is None


def test_an_erased_person_does_not_come_back_with_the_next_import(project):
    erasure.erase(project, "M-770001", NAMES)
    (project / "data" / "raw" / "orders_2.csv").write_text(ORDERS.replace("O1,", "O9,").replace(",10,", ",11,"), "utf-8")
    done = importing.import_(project, SETTINGS)
    (line,) = done.quality.of("erased")
    assert line.rows >= 3
    assert "M-770001" not in set(in_the_vault(project)["raw_id"])
    orders = table(project, "orders").set_index("order_id")
    assert pd.isna(orders.loc["O9", "customer_id"])
    assert orders.loc["O9", "order_amount"] == 11
    assert NAMES.of("M-770001") not in texts(project).replace((project / erasure.FILE).read_text("utf-8"), "")
    assert identity.decisions(project) == []


# ---------------------------------------------------------------- lists
def test_a_contact_list_has_names_and_phones_only_in_the_vault_and_notes_who_opened_them(project):
    root = min(NAMES.of("M-770001"), NAMES.of("M-770003"))
    exports = project / "reports" / "latest" / "exports"
    exports.mkdir(parents=True)
    out, nobody = NAMES.of("M-770004"), "0" * 32
    rows = f"List,Customer,Value,Code\r\nwin back,{root},83888.0,007\r\nwin back,{out},5,8\r\nwin back,{nobody},,9\r\n"
    (exports / "action_lists.csv").write_bytes(b"\xef\xbb\xbf" + rows.encode())
    snapshot = project / "data" / "contract" / "2024-03-08"
    people = pd.read_parquet(snapshot / "customers.parquet")
    people.assign(marketing_opt_out=people["customer_id"] == NAMES.of("M-770004")).to_parquet(snapshot / "customers.parquet")
    done = contact_lists.write(project, "action_lists", snapshot, NAMES, "spring calls")
    assert (done.customers, done.opted_out, done.unreachable) == (2, 1, 1)
    sheet = openpyxl.load_workbook(done.path).active
    cells = list(sheet.iter_rows(values_only=True))
    assert sheet.title == "action_lists"
    assert [row[2:4] for row in cells[1:]] == [(83_888, "007"), (None, "9")], "numbers are numbers, codes are text"
    cells = [row[:2] + row[4:] for row in cells]
    assert cells[0] == ("List", "Customer", "Id", "Name", "Phone", "E-mail", "Address")
    assert cells[1][3:5] in (("欧阳若兰", "13912345678"), ("欧阳若兰", "+86 139-1234-5678"), ("欧阳若兰", "+8613912345678"))
    assert cells[2][2:] == (None,) * 5
    assert len(cells) == 3, "who has opted out is not in it"
    assert done.path == project / "data" / "vault" / "lists" / "action_lists.xlsx"
    assert stat.S_IMODE(done.path.stat().st_mode) == 0o600
    (entry,) = [json.loads(line) for line in (project / access.LOG).read_text("utf-8").splitlines()]
    assert (entry["user"], entry["purpose"], entry["persons"]) == (getpass.getuser(), "spring calls", 2)
    with pytest.raises(UserError, match="Lists are action_lists"):
        contact_lists.write(project, "../x", snapshot, NAMES, "x")


@pytest.mark.parametrize(
    ("change", "said"),
    [("stewards: [someone]", "not name .* as a steward"), ('purpose: " "', "does not say what names"), ("", "--purpose")],
)
def test_who_is_no_steward_or_gives_no_purpose_opens_nothing(project, change, said):
    (project / "reports" / "exports").mkdir(parents=True)
    (project / "reports" / "exports" / "a.csv").write_text(f"Customer\n{NAMES.of('M-770002')}\n", "utf-8")
    policy = project / access.FILE
    key = change.partition(":")[0]
    policy.write_text("\n".join(change if key and x.startswith(key) else x for x in policy.read_text().splitlines()))
    assert ("the purpose is stated" in broken(project)) == (key == "purpose"), "the check says what the command does"
    with pytest.raises(UserError, match=said):
        contact_lists.write(project, "a", project / "data" / "contract" / "2024-03-08", NAMES, "calls" if change else " ")
    assert not (project / "data" / "vault" / "lists").exists()
    assert not (project / access.LOG).exists()


# ---------------------------------------------------------------- policy and leaks
def broken(project: Path, today: dt.date | None = None) -> list[str]:
    return [c.rule for c in access.checked(project, NAMES, today or dt.date.today()) if not c.kept]


def test_a_project_keeps_its_policy_and_each_breach_is_told_with_what_to_do(project):
    assert broken(project) == []
    (project / "data" / "vault").chmod(0o755)
    (project / access.LOG).write_text('{"user": "a stranger"}\n', "utf-8")
    (project / "data" / "vault" / "customers.parquet").write_bytes(b"")
    (project / "results").mkdir()
    (project / "results" / "notes.txt").write_text("call 139 1234 5678", "utf-8")
    policy = project / access.FILE
    policy.write_text(policy.read_text("utf-8").replace("purpose: a review for the board", 'purpose: " "'), "utf-8")
    assert broken(project, dt.date.today() + dt.timedelta(days=2000)) == [
        "the purpose is stated", "the vault is sealed", "only the user may read vault and raw files",
        "raw files are no older than access.yml allows", "the vault is no older than access.yml allows",
        "only stewards have opened the vault",
        "reports/ and results/ hold no name, phone, address or id of the client",
    ]  # fmt: skip
    assert all(c.detail for c in access.checked(project, NAMES, dt.date.today()) if not c.kept)
    policy.write_text("stewards: [a]\nkeep_raw_days: 0\nkeep_vault_days: 9\n", "utf-8")
    with pytest.raises(UserError, match=r"access\.yml: keep_raw_days"):
        access.policy(project)


def test_identifiers_are_found_in_every_kind_of_file_and_nothing_else_is(project, tmp_path):
    known = leaks.identifiers([in_the_vault(project)])
    assert set(known.values()) == {"raw_id", "name", "phone", "email", "address"}
    folder = project / "reports" / "x"
    folder.mkdir(parents=True)
    clean = f"2024-03-05 138,000.11 {NAMES.of('M-770001')} 欧阳 若 兰花 Jane Eyre 13912345679 x@planted.cn 0.13912345678"
    (folder / "clean.html").write_text(f"<p>{clean}</p>", "utf-8")
    (folder / "a.html").write_text("<p>致电<b>欧阳若兰</b>女士</p>", "utf-8")
    (folder / "b.csv").write_text("1,M-770002,2\n", "utf-8")
    (folder / "c.ipynb").write_text(json.dumps({"x": "mail RUOLAN@planted.cn"}), "utf-8")
    pd.DataFrame({"note": ["to Jane  van Doe, London", None]}).to_parquet(folder / "d.parquet")
    with zipfile.ZipFile(folder / "e.xlsx", "w") as book:
        book.writestr("xl/sharedStrings.xml", "<t>+86 139-1234-5678</t><t>杭州市文三路478号</t>")
    (folder / "f.json").write_text(json.dumps({"x": "司马长风"}), "utf-8")
    (folder / "g.pdf").write_bytes(b"%PDF")
    (folder / "h.pdf").write_bytes(typst.compile(b"#set page(height: 4cm)\n#pagebreak()\nCall Jane van Doe, +86 139 1234 5678"))
    (folder / "i.png").write_bytes(b"PNG")
    found, unread = leaks.leaks(project, known)
    assert [(Path(x.file).name, x.kind, x.found) for x in found] == [
        ("a.html", "name", 1), ("b.csv", "raw_id", 1), ("c.ipynb", "email", 1), ("d.parquet", "name", 1),
        ("e.xlsx", "address", 1), ("e.xlsx", "phone", 1), ("f.json", "name", 1), ("h.pdf", "name", 1), ("h.pdf", "phone", 1),
    ]  # fmt: skip
    assert [Path(x).name for x in unread] == ["g.pdf", "i.png"]
    assert not any(x.sample in known for x in found), "a message about a leak is none"
    assert "g.pdf" in next(c.detail for c in access.checked(project, NAMES, dt.date.today()) if not c.kept)


def test_a_name_of_two_characters_is_a_possible_one_where_it_is_a_word(tmp_path):
    known = leaks.identifiers([pd.DataFrame({"name": ["朱丽", "王明", "任何", "高"]})])
    assert known == dict.fromkeys(["朱丽", "王明", "任何"], "short_name")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "a.html").write_text("<p>包装破损，朱丽打电话才解决</p>", "utf-8")
    (tmp_path / "reports" / "b.html").write_text("<p>老王明白了，没有任何问题</p>", "utf-8")
    assert leaks.leaks(tmp_path, known)[0] == [leaks.Leak("reports/a.html", "short_name", 1, "朱*")]


def test_without_a_reader_a_pdf_counts_only_beside_the_page_that_says_the_same(project, monkeypatch):
    monkeypatch.setattr(leaks.importlib.util, "find_spec", lambda _name: None)
    folder = project / "reports"
    folder.mkdir()
    for name in ("report.html", "report.pdf", "other.pdf"):
        (folder / name).write_bytes(b"%PDF")
    assert leaks.leaks(project, {})[1] == ["reports/other.pdf"]
    rule = "reports/ and results/ hold no name, phone, address or id of the client"
    assert broken(project) == [rule]
    (folder / "other.pdf").unlink()
    assert broken(project) == []


def test_the_commands_say_what_they_did_and_fail_where_a_rule_is_broken(project, tmp_path, monkeypatch):
    (project / "engagement.yml").write_text("name: T\nclient: Test\ncurrency: CNY\ntime_zone: Asia/Shanghai\n", "utf-8")
    exports = project / "reports" / "exports"
    exports.mkdir(parents=True)
    (exports / "calls.csv").write_text(f"Customer\n{NAMES.of('M-770002')}\n", "utf-8")

    def fivestep(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli.app, [*words, "--project", str(project)])
        return done.exit_code, done.output

    assert fivestep("access") == (0, "\n".join(f"kept  {c.rule}" for c in access.checked(project, NAMES, dt.date.today())) + "\n")
    code, said = fivestep("contacts", "calls", "--purpose", "spring")
    assert (code, "Customers: 1." in said, "calls.xlsx" in said) == (0, True, True)
    log = (project / access.LOG).read_text("utf-8")
    assert fivestep("erase", "nobody", "--purpose", "asked on 1 March")[0] == 1
    assert (project / access.LOG).read_text("utf-8") == log, "what was not done is not noted"
    code, said = fivestep("erase", "M-770002", "--purpose", "asked on 1 March")
    assert '"action": "erase"' in (project / access.LOG).read_text("utf-8")
    assert (code, "orders: rows left without a customer: 1" in said, "orders.csv" in said) == (0, True, True)
    code, said = fivestep("backup", str(tmp_path / "b"))
    assert (code, "All are the same" in said) == (0, True)
    done = CliRunner().invoke(cli.app, ["restore", str(tmp_path / "b"), "--to", str(tmp_path / "back")])
    assert (done.exit_code, (tmp_path / "back" / "mapping.yml").read_text("utf-8")) == (0, MAPPING)
    (exports / "leak.csv").write_text("M-770004\n", "utf-8")
    code, said = fivestep("access")
    assert (code, "BROKEN" in said, "M-770004" in said) == (2, True, False)


# ---------------------------------------------------------------- backup
def test_a_backup_comes_back_byte_for_byte_and_opens_with_its_key_only(project, tmp_path):
    target = tmp_path / "week 1.sealed"
    done = backup.backup(project, target, NAMES)
    assert done.files == sum(p.is_file() for p in project.rglob("*"))
    assert done.rows == sum(len(pd.read_parquet(p)) for p in project.rglob("*.parquet")) > 0
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert not [t for t in ("欧阳若兰", "13912345678", "M-770001") if t.encode() in target.read_bytes()]
    assert backup.restore(target, tmp_path / "back", NAMES) == done.files
    for path in project.rglob("*"):
        assert path.is_dir() or (tmp_path / "back" / path.relative_to(project)).read_bytes() == path.read_bytes()
    with pytest.raises(UserError, match="sealed with another key"):
        backup.restore(target, tmp_path / "other", Pseudonyms(b"j" * 32))
    with pytest.raises(UserError, match="is not empty"):
        backup.restore(target, tmp_path / "back", NAMES)
    with pytest.raises(UserError, match="within the project"):
        backup.backup(project, project / "x", NAMES)
    target.write_bytes(target.read_bytes()[:-1])
    with pytest.raises(UserError, match="damaged"):
        backup.restore(target, tmp_path / "cut", NAMES)


def test_a_backup_that_does_not_come_back_as_it_was_is_not_kept(project, tmp_path, monkeypatch):
    unpack = backup._unpack

    def spoiled(archive: Path, folder: Path, names: Pseudonyms) -> None:
        unpack(archive, folder, names)
        (folder / "mapping.yml").write_text("changed", "utf-8")

    monkeypatch.setattr(backup, "_unpack", spoiled)
    with pytest.raises(UserError, match=r"was not kept.*mapping\.yml"):
        backup.backup(project, tmp_path / "b", NAMES)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["copy", "review"]


def test_a_key_is_not_made_where_one_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.delenv("FIVESTEP_KEY", raising=False)
    monkeypatch.setenv("FIVESTEP_KEY_FILE", str(tmp_path / "gone.key"))
    with pytest.raises(UserError, match="which key"):
        Pseudonyms.given(tmp_path / "project")
    assert list(tmp_path.iterdir()) == []
