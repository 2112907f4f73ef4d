"""The simulated company exported by each system, mapped by `fivestep map` and imported: its contract tables again."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from conftest import in_the_vault
from fivestep import engine
from fivestep.cases import simulate
from fivestep.cases.exports import SYSTEMS, export
from fivestep.contract import TABLES
from fivestep.engagement import Settings
from fivestep.intake import importing, proposal
from fivestep.intake.checks import AMOUNTS
from fivestep.privacy.pseudonyms import Pseudonyms

KEY = "the simulated company needs a key of thirty-two bytes"
ANSWERS = Path(__file__).parent / "mappings"  # what an analyst answers, where a file does not say it
# What the import writes in its own words: free text without phone numbers, and what the mapping translates.
OWN = {("opportunities", "status"), ("interactions", "content")}


@pytest.fixture(scope="module")
def company(tmp_path_factory) -> Path:
    return simulate(tmp_path_factory.mktemp("company") / "company", customers=500, months=24, seed=5, language="zh_CN")


@pytest.fixture(scope="module", params=SYSTEMS)
def both(request, company, tmp_path_factory) -> tuple[str, list[dict], importing.Imported, pd.DataFrame]:
    """The system, what its files hold, and what became of them without a question left open."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIVESTEP_KEY", KEY)
        system = request.param
        said = json.loads(export(company, system).read_text("utf-8"))["files"]
        said = said[:6] if system == "messy-excel" else said  # of the monthly workbooks as many as are quick
        project = tmp_path_factory.mktemp(system) / "review"
        (project / "data" / "raw").mkdir(parents=True)
        for entry in said:
            shutil.copy(company / "raw" / entry["file"], project / "data" / "raw")
        if (answers := ANSWERS / f"simulated_{system}.yml").exists():
            shutil.copy(answers, project / "mapping.yml")
        proposed = proposal.propose(project, engine.connect())
        assert proposed.mapping.questions == 0
        proposal.write(project, proposal.text(proposed))
        done = importing.import_(project, Settings(name="T", client="T", currency="CNY", time_zone="Asia/Shanghai"))
        return system, said, done, in_the_vault(project)


def true(company: Path, entry: dict, fields: list[str]) -> list[tuple]:
    """The rows of the company's own table that a file holds."""
    database = duckdb.connect()
    for path in company.glob("*.parquet"):
        database.execute(f"create view {path.stem} as select * from read_parquet('{path}')")
    name = entry["table"]
    alone = name in ("products", "customers", "stage_history")
    join = "" if alone else "left join customers using (customer_id)"
    where = entry["where"].replace(" and (n = 1 or customer_id[-1] in ('3', '7'))", "")
    select = ", ".join(f"{name}.{f}" for f in fields)
    return database.execute(f"select {select} from {name} {join} {'where ' + where if where else ''}").fetchall()


def cell(value, table: str, field: str, entry: dict, names: Pseudonyms):
    """A value of the company's own tables as the import is to write it."""
    kind = TABLES[table].fields[field].type
    if value is None:
        return None
    if field.endswith("_id") and entry.get("id_prefix") and field not in entry.get("own_numbers", ()):
        value = entry["id_prefix"] + value[1:]
    if field == "customer_id":
        return names.of(value)
    if kind in ("money", "number", "integer"):
        return Decimal(str(value)).quantize(Decimal("0.01"))
    if kind in ("timestamp", "date"):
        moment = pd.Timestamp(value).floor("s")
        header = next((h for h, f in entry["columns"].items() if f == field), "")
        return moment.normalize() if header in entry.get("days_only", ()) or kind == "date" else moment
    return value


def got(value, table: str, field: str, entry: dict):
    """A value of the imported table, with names of things translated back as the file's entry says."""
    kind = TABLES[table].fields[field].type
    if value is None or value != value:
        return None
    if kind in ("money", "number", "integer"):
        return Decimal(str(value)).quantize(Decimal("0.01"))
    if kind in ("timestamp", "date"):
        return pd.Timestamp(value).floor("s")
    header = next((h for h, f in entry["columns"].items() if f == field), "")
    value = value.removesuffix(entry.get("suffix", {}).get(header, ""))
    return entry["values"].get(header, {}).get(value, value)


def test_every_table_comes_back_row_for_row(company, both):
    system, said, done, _vault = both
    names = Pseudonyms(KEY.encode())
    compared = 0
    for table in {e["table"] for e in said} & set(TABLES):
        entries = [e for e in said if e["table"] == table]
        imported = pd.read_parquet(done.folder / f"{table}.parquet").astype(object)
        fields = [f for f in dict.fromkeys(entries[0]["columns"].values()) if f in TABLES[table].fields]
        fields = [f for f in fields if (table, f) not in OWN]
        if "lookups" in entries[0] and "customer_id" not in fields:
            fields.append("customer_id")
        rows = [(e, row) for e in entries for row in true(company, e, fields)]
        wanted = [tuple(cell(v, table, f, e, names) for v, f in zip(row, fields, strict=True)) for e, row in rows]
        entry = {**entries[0], "values": {h: v for e in entries for h, v in e["values"].items()}}
        rows = imported[fields].itertuples(index=False)
        found = [tuple(got(v, table, f, entry) for v, f in zip(row, fields, strict=True)) for row in rows]
        for place, field in enumerate(fields):
            assert sorted(map(str, (r[place] for r in found))) == sorted(map(str, (r[place] for r in wanted))), (table, field)
        assert sorted(map(str, found)) == sorted(map(str, wanted)), (system, table)
        compared += len(found)
    assert compared > 100


def test_money_and_customers_are_those_of_the_company(company, both):
    system, said, done, vault = both
    names = Pseudonyms(KEY.encode())
    for table in {e["table"] for e in said} & set(AMOUNTS):
        entries = [e for e in said if e["table"] == table]
        total = sum((row[0] for e in entries for row in true(company, e, [AMOUNTS[table]])), Decimal(0))
        imported = pd.read_parquet(done.folder / f"{table}.parquet")
        assert imported[AMOUNTS[table]].sum() == total, (system, table)
    assert dict(zip(vault.raw_id, vault.customer_id, strict=True)) == {i: names.of(i) for i in vault.raw_id}
    lines = done.quality.of("duplicate_keys")
    assert {x.table for x in lines} <= ({"customers"} if system == "jianxin" else set()), "an order in two files is no duplicate"
