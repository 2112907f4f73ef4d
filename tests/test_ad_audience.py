"""The audience for advertising platforms: hashed as they ask, in the vault only, and nobody in it who does not want to be."""

from __future__ import annotations

import csv
import hashlib
import json
import stat

import pandas as pd
import pytest
from typer.testing import CliRunner

from fivestep import engine
from fivestep.cli import app
from fivestep.engagement import snapshot_hash
from fivestep.errors import UserError
from fivestep.privacy import access, vault
from fivestep.privacy.pseudonyms import Pseudonyms
from fivestep.report.ad_audience import ad_audience, e164

KEY = b"k" * 32
NAMES = Pseudonyms(KEY)


@pytest.fixture
def project(tmp_path):
    """Six customers; b opted out and shares an address with c, d has none that is usable, e was merged into a."""
    folder = tmp_path / "data" / "contract" / "one"
    folder.mkdir(parents=True)
    (tmp_path / "engagement.yml").write_text("name: T\nclient: T\n", "utf-8")
    orders = pd.DataFrame(
        {"order_id": ["1"], "customer_id": ["a"], "order_date": pd.to_datetime(["2024-01-01"]), "order_amount": [1.0]}
    )
    orders.to_parquet(folder / "orders.parquet")
    customers = pd.DataFrame({"customer_id": list("abcdf"), "marketing_opt_out": [False, True, False, False, False]})
    customers.to_parquet(folder / "customers.parquet")
    people = pd.DataFrame({
        "customer_id": list("abcdef"),
        "email": [" Ann@Example.com", "b@example.com", "b@example.com", "d***@example.com", "ann@work.example", "f@example.com"],
        "phone": ["138 1234 5678", "13900000001", "+44 20 7946 0000", "123", "+8613812345678", "13700000001"],
    })  # fmt: skip
    vault.write(tmp_path, "customers", engine.connect().create_table("people", people), NAMES)
    access.first(tmp_path)
    policy = tmp_path / access.FILE
    policy.write_text(policy.read_text("utf-8").replace('purpose: ""', "purpose: spring"), "utf-8")
    imported = {"key": NAMES.fingerprint, "snapshots": {}}
    (tmp_path / "data" / "contract" / "imports.json").write_text(json.dumps(imported), "utf-8")
    (tmp_path / "data" / "identity.yml").write_text("- {first: a, second: e, reason: same phone, decision: accepted}\n", "utf-8")
    handed = tmp_path / "reports" / "2024-06-30_en" / "results" / "handed_over"
    handed.mkdir(parents=True)
    lists = pd.DataFrame({"customer_id": list("abcdf"), "action_list": ["Keep"] * 4 + ["Win back"], "to_contact": True})
    lists.to_parquet(handed / "action_lists.parquet")
    (handed / "action_lists.json").write_text(json.dumps({"snapshot": snapshot_hash(folder)}), "utf-8")
    return tmp_path


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_audience_holds_hashes_of_normal_addresses_and_nobody_who_opted_out(project):
    made = ad_audience(project, "Keep", NAMES, "ads")
    with made.path.open() as file:
        rows = [tuple(r.values()) for r in csv.DictReader(file)]
    assert set(rows) == {
        (hashed("ann@example.com"), hashed("+8613812345678")),
        (hashed("ann@work.example"), hashed("+8613812345678")),
        ("", hashed("+442079460000")),  # c's e-mail address is that of b, who opted out
    }
    assert rows == sorted(rows)
    assert (made.listed, made.refused, made.without, made.emails, made.phones) == (4, 1, 1, 2, 3)
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.path.parent.stat().st_mode) == 0o700
    assert made.path.is_relative_to(project / "data" / "vault")
    before = made.path.read_bytes()
    assert ad_audience(project, "Keep", NAMES, "ads").path.read_bytes() == before


def test_an_address_of_a_contact_person_who_opted_out_is_in_no_audience(project):
    persons = pd.DataFrame({"customer_id": ["a", "c"], "raw_id": ["a", "c"], "name": ["x", "y"],
                            "email": ["Ann@work.example", "y@example.com"], "phone": ["+44 20 7946 0000", None],
                            "marketing_opt_out": ["true", "false"]})  # fmt: skip
    vault.write(project, "contacts", engine.connect().create_table("persons", persons), NAMES)
    made = ad_audience(project, "Keep", NAMES, "ads")
    said = made.path.read_text("ascii")
    assert (made.listed, made.refused, made.emails, made.phones) == (4, 1, 1, 2)
    assert not any(hashed(x) in said for x in ("ann@work.example", "+442079460000", "y@example.com"))


@pytest.mark.parametrize(
    ("number", "code", "full"),
    [
        ("１３８-1234-5678", "", "+8613812345678"), ("008613812345678", "", "+8613812345678"),
        ("+1 (202) 555-0143", "", "+12025550143"),
        ("0044 20 7946 0000", "", "+442079460000"), ("020 7946 0000", "44", "+442079460000"), ("020 7946 0000", "", None),
        ("+0123456789", "", None), ("+12345", "", None), ("+1234567890123456", "", None),
    ],
)  # fmt: skip
def test_phone_numbers_are_written_as_the_standard_says(number, code, full):
    assert e164(number, code) == full


def test_the_command_says_how_many_and_shows_nobody(project, monkeypatch):
    monkeypatch.chdir(project)
    monkeypatch.setenv("FIVESTEP_KEY", KEY.decode())
    result = CliRunner().invoke(app, ["audience", "Win back", "--purpose", "ads in spring"])
    assert result.exit_code == 0
    (noted,) = (json.loads(line) for line in (project / "data" / "vault" / "access.log").read_text("utf-8").splitlines())
    assert (noted["action"], noted["purpose"], noted["persons"]) == ("audience Win back", "ads in spring", 1)
    assert "Customers on the list: 1;" in result.output
    assert "data/vault/audiences/win_back.csv" in result.output
    assert "example" not in result.output
    assert {p.parent.name for p in (project / "reports").rglob("*") if p.is_file()} == {"handed_over"}


def test_whoever_is_no_steward_opens_no_address(project):
    policy = "stewards: [somebody else]\npurpose: care\nkeep_raw_days: 90\nkeep_vault_days: 365\n"
    (project / "access.yml").write_text(policy, "utf-8")
    with pytest.raises(UserError, match="as a steward"):
        ad_audience(project, "Keep", NAMES, "ads")
    assert not (project / "data" / "vault" / "audiences").exists()


def test_a_list_that_is_not_there_or_of_other_data_is_refused(project):
    with pytest.raises(UserError, match=r"^'keep': the last run has no such list\. Lists are Keep, Win back"):
        ad_audience(project, "keep", NAMES, "ads")
    with pytest.raises(UserError, match="--country-code 'GB'"):
        ad_audience(project, "Keep", NAMES, "ads", country_code="GB")
    customers = project / "data" / "contract" / "one" / "customers.parquet"
    pd.read_parquet(customers).drop(columns="marketing_opt_out").to_parquet(customers)
    with pytest.raises(UserError, match="made of other data"):
        ad_audience(project, "Keep", NAMES, "ads")
    stamp = project / "reports" / "2024-06-30_en" / "results" / "handed_over" / "action_lists.json"
    stamp.write_text(json.dumps({"snapshot": snapshot_hash(customers.parent)}), "utf-8")
    with pytest.raises(UserError, match="does not say who has opted out"):
        ad_audience(project, "Keep", NAMES, "ads")
    stamp.with_suffix(".parquet").unlink()
    with pytest.raises(UserError, match="fivestep run makes them"):
        ad_audience(project, "Keep", NAMES, "ads")
