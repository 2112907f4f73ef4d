"""Privacy: pseudonyms under a key that lies elsewhere, the vault, masking."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import stat

import ibis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fivestep import engine
from fivestep.errors import UserError
from fivestep.intake.quality import Line, Message
from fivestep.privacy import sealing, vault
from fivestep.privacy.masking import is_masked, masked, unnumbered
from fivestep.privacy.pseudonyms import Pseudonyms, key_file

KEY = "5f" * 32
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200)


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project, with the user's settings in a folder beside it and no key in the environment."""
    monkeypatch.delenv("FIVESTEP_KEY", raising=False)
    monkeypatch.delenv("FIVESTEP_KEY_FILE", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    (tmp_path / "review").mkdir()
    return tmp_path / "review"


def texts(*values: str | None) -> ibis.Table:
    return engine.connect().create_table("t", {"text": list(values)}, schema={"text": "string"})


# --- pseudonyms
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(key=st.binary(min_size=32, max_size=200), values=st.lists(TEXTS, min_size=1, max_size=30))
def test_a_pseudonym_of_the_engine_is_the_hmac_that_python_computes(key, values):
    table = texts(*values, None)
    found = table.select("text", made=Pseudonyms(key).expression(table.text)).to_pyarrow().to_pylist()
    wanted = {v: hmac.new(key, v.encode(), hashlib.sha256).hexdigest()[:32] for v in values}
    assert {row["text"]: row["made"] for row in found} == {**wanted, None: None}
    assert Pseudonyms(key).of(values[0]) == wanted[values[0]]


def test_the_published_test_case_of_hmac_sha_256_holds():
    """RFC 4231, test case 6: a key longer than a block, cut to 128 bits."""
    names = Pseudonyms(b"\xaa" * 131)
    text = "Test Using Larger Than Block-Size Key - Hash Key First"
    table = texts(text)
    assert names.of(text) == "60e431591ee0b67f0d8a26aacbf5b77f"
    assert table.select(p=names.expression(table.text)).to_pyarrow()["p"].to_pylist() == ["60e431591ee0b67f0d8a26aacbf5b77f"]


def test_replacing_a_column_gives_the_same_pseudonyms_and_keeps_every_row():
    names, table = Pseudonyms(b"k" * 32), texts("a", "b", None, "a", "客户")
    assert sorted(names.replaced(table, "text").to_pyarrow()["text"].to_pylist(), key=str) == sorted(
        [names.of("a"), names.of("b"), None, names.of("a"), names.of("客户")], key=str
    )


def test_two_keys_on_one_connection_do_not_mix():
    table = texts("a")
    one, two = Pseudonyms(b"1" * 32), Pseudonyms(b"2" * 32)
    both = table.select(x=one.expression(table.text), y=two.expression(table.text)).to_pyarrow().to_pylist()
    assert both == [{"x": one.of("a"), "y": two.of("a")}]


def test_the_key_stands_in_no_query_and_in_no_text_of_the_object():
    key = bytes(range(100, 132))
    names, table = Pseudonyms(key), texts("a")
    shown = ibis.to_sql(table.select(p=names.expression(table.text))) + repr(names) + names.fingerprint
    pads = [bytes(b ^ pad for b in key.ljust(64, b"\0")).hex() for pad in (0, 0x36, 0x5C)]
    assert not [secret for secret in (*pads, key.hex(), key.decode("latin-1")) if secret[:16] in shown]


def test_the_fingerprint_is_no_prefix_of_a_pseudonym_and_differs_by_key():
    assert len({Pseudonyms(bytes([i]) * 32).fingerprint for i in range(20)}) == 20
    assert Pseudonyms(b"k" * 32).of("fivestep: fingerprint of the key")[:16] == Pseudonyms(b"k" * 32).fingerprint


# --- the key
def test_the_first_import_makes_a_key_outside_the_project_that_only_the_user_may_read(project, tmp_path):
    old = os.umask(0)
    try:
        first = Pseudonyms.from_environment_or_file(project, "ACME 超市")
    finally:
        os.umask(old)
    path = tmp_path / "settings" / "fivestep" / "ACME-超市-review.key"
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert len(bytes.fromhex(path.read_text().strip())) == 32
    assert Pseudonyms.from_environment_or_file(project, "ACME 超市", expected=first.fingerprint) == first
    assert not list(project.iterdir())


def test_two_clients_have_two_keys(project):
    one, two = (Pseudonyms.from_environment_or_file(project, client) for client in ("A", "B"))
    assert one.fingerprint != two.fingerprint


def test_the_key_of_the_environment_is_text_or_hex_digits(project, monkeypatch):
    monkeypatch.setenv("FIVESTEP_KEY", KEY)
    assert Pseudonyms.from_environment_or_file(project) == Pseudonyms(bytes.fromhex(KEY))
    monkeypatch.setenv("FIVESTEP_KEY", "a passphrase of more than thirty-two bytes")
    assert Pseudonyms.from_environment_or_file(project) == Pseudonyms(b"a passphrase of more than thirty-two bytes")
    assert not (project.parent / "settings").exists(), "no file is made where the environment has a key"


def refused(project, **more) -> str:
    with pytest.raises(UserError) as error:
        Pseudonyms.from_environment_or_file(project, **more)
    said = str(error.value)
    assert "\n" not in said
    return said


def test_a_short_key_is_refused(project, monkeypatch):
    monkeypatch.setenv("FIVESTEP_KEY", "5f" * 15)
    assert "FIVESTEP_KEY: the key has 30 bytes and needs at least 32" in refused(project)
    with pytest.raises(ValueError, match="32 bytes"):
        Pseudonyms(b"short")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
@pytest.mark.parametrize("bits", [0o644, 0o640, 0o606])
def test_a_key_that_others_may_read_is_refused_with_the_command_that_mends_it(project, bits):
    Pseudonyms.from_environment_or_file(project)
    key_file(project).chmod(bits)
    assert refused(project).endswith(f"Run: chmod 600 '{key_file(project)}'")
    key_file(project).chmod(0o600)
    assert Pseudonyms.from_environment_or_file(project)


def test_a_key_within_the_project_is_refused_also_behind_a_link(project, monkeypatch, tmp_path):
    monkeypatch.setenv("FIVESTEP_KEY_FILE", str(project / "data" / "my.key"))
    assert "the key lies within the project" in refused(project)
    (project / "data").mkdir()
    (tmp_path / "elsewhere").symlink_to(project / "data")
    monkeypatch.setenv("FIVESTEP_KEY_FILE", str(tmp_path / "elsewhere" / "my.key"))
    assert "the key lies within the project" in refused(project)
    assert not list((project / "data").iterdir())


def test_another_key_than_that_of_the_data_is_refused_and_none_is_made_in_its_place(project, monkeypatch):
    known = Pseudonyms(b"k" * 32).fingerprint
    assert "with a new key no customer would be found again" in refused(project, expected=known)
    assert not key_file(project).exists()
    monkeypatch.setenv("FIVESTEP_KEY", KEY)
    said = refused(project, expected=known)
    assert said.startswith("The key in FIVESTEP_KEY is not the one")
    assert KEY not in said


def test_a_relative_settings_folder_does_not_count(project, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", "settings")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert key_file(project) == tmp_path / "home" / ".config" / "fivestep" / "review.key"


# --- the vault
NAMES = Pseudonyms(b"k" * 32)


def people(connection, *rows: tuple[str, str, str]) -> ibis.Table:
    columns = ("customer_id", "raw_id", "phone")
    values = {c: [row[i] for row in rows] for i, c in enumerate(columns)}
    return connection.create_table(ibis.util.gen_name("people"), values, schema=dict.fromkeys(columns, "string"))


def test_the_vault_is_closed_to_others_whatever_the_umask(tmp_path):
    old = os.umask(0)
    try:
        path = vault.write(tmp_path, "customers", people(engine.connect(), ("p1", "1", "13800000001")), NAMES)
    finally:
        os.umask(old)
    assert path == tmp_path / "data" / "vault" / "customers.sealed"
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert list(path.parent.iterdir()) == [path]


def test_the_same_people_again_change_no_byte_and_new_rows_replace_those_of_their_customer(tmp_path):
    c = engine.connect()
    rows = [("p2", "2", "13800000002"), ("p1", "1", "13800000001"), ("p1", "1", "13900000001")]
    path = vault.write(tmp_path, "customers", people(c, *rows), NAMES)
    before = path.read_bytes()
    assert vault.write(tmp_path, "customers", people(c, *reversed(rows)), NAMES).read_bytes() == before
    later = people(c, ("p1", "1", "13700000001")).mutate(email=ibis.literal("a@x.com"))
    vault.write(tmp_path, "customers", later, NAMES)
    assert vault.read(tmp_path, "customers", NAMES).select("customer_id", "phone", "email").to_pyarrow().to_pylist() == [
        {"customer_id": "p1", "phone": "13700000001", "email": "a@x.com"},
        {"customer_id": "p2", "phone": "13800000002", "email": None},
    ]


def test_a_write_that_fails_leaves_the_vault_as_it_was(tmp_path):
    c = engine.connect()
    path = vault.write(tmp_path, "customers", people(c, ("p1", "1", "13800000001")), NAMES)
    before = path.read_bytes()
    broken = people(c, ("p1", "1", "x"))
    broken = broken.mutate(phone=broken.phone.cast("int64").cast("string"))
    with pytest.raises(Exception, match=r"[Cc]onver"):
        vault.write(tmp_path, "customers", broken, NAMES)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_an_empty_vault_says_what_to_do(tmp_path):
    with pytest.raises(UserError, match="fivestep import"):
        vault.read(tmp_path, "customers", NAMES)


@pytest.mark.parametrize("size", [0, 1, 40, 41, 80, 100])
def test_what_is_sealed_opens_with_its_key_only_and_no_byte_or_part_of_it_can_be_changed(size, monkeypatch, tmp_path):
    monkeypatch.setattr(sealing, "CHUNK", 40)
    key, other, data = NAMES.derived("vault"), NAMES.derived("backup"), os.urandom(size)
    path = tmp_path / "x"

    def opens(content: bytes, key: bytes = key, about: str = "customers") -> bytes | None:
        path.write_bytes(content)
        try:
            return sealing.unsealed(path, key, about, "x")
        except UserError:
            return None

    content = sealing.sealed(data, key, "customers")
    assert content == sealing.sealed(data, key, "customers")
    assert opens(content) == data
    assert opens(content, other) is None
    assert opens(content, about="contacts") is None
    assert all(opens(content[:n]) is None for n in range(len(content)))
    assert opens(content + b"x") is None
    assert all(opens(content[:i] + bytes([content[i] ^ 1]) + content[i + 1 :]) is None for i in range(len(content)))
    body = content[18:]
    if size > 80:  # two whole parts changed round
        assert opens(content[:18] + body[56:112] + body[:56] + body[112:]) is None


def test_a_vault_of_another_key_says_so(tmp_path):
    vault.write(tmp_path, "customers", people(engine.connect(), ("p1", "1", "13800000001")), NAMES)
    with pytest.raises(UserError, match=r"customers\.sealed cannot be opened: it was sealed with another key"):
        vault.read(tmp_path, "customers", Pseudonyms(b"j" * 32))


# --- masking
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("13812341234", "138****1234"), ("+86 138-1234-1234", "138****1234"), ("１３８１２３４１２３４", "138****1234"),
        ("张三", "张*"), ("欧阳娜娜", "欧***"), ("李", "*"), ("Jane Doe", "J*** ***"), ("jane.doe@x.com", "j***@x.com"),
        ("2024-03-05 10:00", "2024-**-** **:**"), ("2024年3月5日", "2024年*月*日"), ("1,234.50", "1,***.**"), ("10023", "1****"),
        ("021-5555666", "0**-*******"), ("北京市海淀区中关村大街1号院", "北*************"), ("", ""), (None, ""), ("--", "--"),
    ],
)  # fmt: skip
def test_a_masked_value_shows_what_it_is_and_not_whose(text, shown):
    assert masked(text) == shown


@settings(max_examples=300)
@given(st.text(max_size=60))
def test_no_masked_value_repeats_a_word_of_five_letters(text):
    shown = masked(text)
    assert "@" in shown or not any(part.isalnum() and len(part) > 4 for part in re.findall(r"\w+", shown))


def test_values_that_an_export_has_masked_already_are_known():
    table = texts("138****1234", "张*", "j***@x.com", "13812341234", "xXx", "Max", "138xxxx1234", None)
    found = table.mutate(hidden=is_masked(table.text)).to_pyarrow().to_pylist()
    assert {row["text"] for row in found if row["hidden"]} == {"138****1234", "张*", "j***@x.com", "138xxxx1234", "xXx"}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("李_13812341234.csv", "李_138****1234.csv"), ("+86 13812341234.xlsx", "138****1234.xlsx"),
        ("8613812341234", "138****1234"), ("138_1234_1234.csv", "1**_****_****.csv"),
        ("１３８１２３４１２３４.csv", "138****1234.csv"), ("0571-87654321", "0***-********"),
        ("jane.doe@x.com.csv", "j***@x.com.csv"), ("11010119900307123X.csv", "1***************.csv"),
        *((same, same) for same in ("orders_20240301.csv", "001-20240301.csv", "export_20240301123045.csv", "1709251200000.csv")),
    ],
)  # fmt: skip
def test_numbers_of_persons_in_the_name_of_a_file_are_masked_and_days_are_not(name, shown):
    assert unnumbered(name) == shown
    inner = Message("{files}", {"files": [name, Message("{file}", {"file": name})]})
    line = Line(name, "", "", "taken_away", message="{detail}", values={"detail": [inner]})
    assert (line.source, line.text()) == (shown, f"{shown}; {shown}")
