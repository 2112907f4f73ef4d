"""The simulated company as raw exports: read again, as raw/<system>.json says, they are the contract tables."""

from __future__ import annotations

import csv
import datetime as dt
import json
import re
from decimal import Decimal

import duckdb
import openpyxl
import pytest

from fivestep.cases import simulate
from fivestep.cases.exports import SYSTEMS, export
from fivestep.contract import TABLES
from fivestep.errors import UserError

CHINA = dt.timezone(dt.timedelta(hours=8))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("exports") / "company", customers=600, seed=5, language="zh_CN")


@pytest.fixture(scope="module")
def said(folder) -> dict[str, dict]:
    """What raw/<system>.json says, for every system."""
    return {system: json.loads(export(folder, system).read_text("utf-8")) for system in SYSTEMS}


def cells(folder, entry) -> tuple[list[str], list[list[str | None]]]:
    """Headers and data rows of one file, as text; title, total and footer rows are left out as the entry says."""
    path = folder / "raw" / entry["file"]
    if path.suffix == ".csv":
        with path.open(encoding=entry["encoding"], newline="") as file:
            rows = [[c or None for c in row] for row in csv.reader(file)]
    else:
        sheet = openpyxl.load_workbook(path, read_only=False).active
        rows = [[None if c is None else str(c) for c in row] for row in sheet.iter_rows(values_only=True)]
    head = entry["header_row"]
    assert len(rows) >= head + entry["rows"]
    return rows[head - 1], rows[head : head + entry["rows"]]


def as_written(text: str | None, kind: str, header: str, entry: dict):
    """A cell as the contract has it."""
    if text is None:
        return None
    text = text.strip().lstrip("'")
    if header in entry["values"]:
        return entry["values"][header][text]
    if kind in ("text",):
        return text.removesuffix(entry.get("suffix", {}).get(header, "")).removeprefix(entry.get("id_prefix", ""))
    if kind in ("money", "number", "integer"):
        number = Decimal(re.sub(r"[,￥元%]", "", text))
        return number / 100 if header in entry.get("percent", ()) or header == "Probability (%)" else number
    if "time" in entry:
        return dt.datetime.fromtimestamp(int(text) / 1000, CHINA).replace(tzinfo=None)
    numbers = [int(n) for n in re.findall(r"\d+", text)]
    return None if numbers == [1970, 1, 1] else dt.datetime(*numbers)


def in_table(value, kind: str):
    if kind == "date" and value is not None:
        return dt.datetime.combine(value, dt.time())
    if kind == "timestamp" and value is not None:
        return value.replace(microsecond=0)
    if kind in ("money", "number", "integer") and value is not None:
        return Decimal(str(value)).quantize(Decimal("0.01"))
    return value


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_file_read_again_is_its_table_row_for_row(folder, said, system):
    assert said[system]["simulated"] is True
    assert len(said[system]["files"]) >= 2
    database = duckdb.connect()
    for name in TABLES:
        database.execute(f"create view {name} as select * from read_parquet('{folder}/{name}.parquet')")
    seen = 0
    for entry in said[system]["files"]:
        headers, rows = cells(folder, entry)
        if entry["table"] not in TABLES:  # contacts have no contract table
            continue
        fields = TABLES[entry["table"]].fields
        columns = {h: f for h, f in entry["columns"].items() if f in fields}
        assert set(columns) <= set(headers)
        assert columns, entry["file"]
        alone = entry["table"] in ("products", "customers", "stage_history")
        join = "" if alone else "left join customers using (customer_id)"
        select = ", ".join(f"{entry['table']}.{f}" for f in columns.values())
        where = entry["where"].replace(" and (n = 1 or customer_id[-1] in ('3', '7'))", "")
        wanted = database.execute(f"select {select} from {entry['table']} {join} {'where ' + where if where else ''}").fetchall()
        places = [headers.index(h) for h in columns]
        if entry.get("fill_down"):  # the second contact of a customer
            rows = [row for row in rows if row[headers.index(entry["fill_down"][-1])] is not None]
        cell = [(p, fields[f].type, h) for p, (h, f) in zip(places, columns.items(), strict=True)]
        got = [[as_written(row[p], kind, h, entry) for p, kind, h in cell] for row in rows]
        days_only = [h in entry.get("days_only", ()) for h in columns]
        wanted = [[in_table(v, fields[f].type) for v, f in zip(row, columns.values(), strict=True)] for row in wanted]
        midnight = {"hour": 0, "minute": 0, "second": 0}
        wanted = [[v.replace(**midnight) if d else v for v, d in zip(row, days_only, strict=True)] for row in wanted]
        got = [[v.quantize(Decimal("0.01")) if isinstance(v, Decimal) else v for v in row] for row in got]
        ids = {f: i for i, f in enumerate(columns.values()) if f.endswith("_id")}
        for field, place in ids.items():  # Zoho's ids begin with the prefix instead of a letter
            if entry.get("id_prefix") and field not in entry.get("own_numbers", ()):
                wanted = [[v[1:] if i == place and v else v for i, v in enumerate(row)] for row in wanted]
            assert field in fields
        assert sorted(map(repr, got)) == sorted(map(repr, wanted)), entry["file"]
        seen += len(got)
    assert seen > 100


def test_the_traps_of_each_system_are_in_its_files(folder, said):
    said = {system: what["files"] for system, what in said.items()}
    headers, rows = cells(folder, said["zoho"][0])
    assert {"Account Owner.id", "Account Owner"} <= set(headers)
    assert rows[0][0].startswith("zcrm_")
    headers, rows = cells(folder, said["fxiaoke"][0])
    assert re.fullmatch(r"\d{13}", next(r[headers.index("创建时间")] for r in rows))
    assert {r[headers.index("客户类型")] for r in rows} <= {"A类", "B类", "C类"}
    first = openpyxl.load_workbook(folder / "raw" / said["jianxin"][0]["file"]).active
    assert [first.cell(1, 1).value, first.cell(1, 10).value] == ["客户信息", "联系人信息"]
    assert "A1:I1" in {str(r) for r in first.merged_cells.ranges}
    headers, rows = cells(folder, said["jianxin"][0])
    assert any(r[0] is None for r in rows)
    assert any((r[headers.index("手机")] or "").startswith(" 199") for r in rows)
    assert any(r[headers.index("下次联系时间")] == "1970-01-01" for r in rows)
    raw = (folder / "raw" / said["taobao"][0]["file"]).read_bytes()
    with pytest.raises(UnicodeDecodeError):
        raw.decode("utf-8")
    assert "收货地址 ,".encode("gbk") in raw
    month = next(e for e in said["messy-excel"] if e["rows"] > 5)
    sheet = [list(r) for r in openpyxl.load_workbook(folder / "raw" / month["file"]).active.iter_rows(values_only=True)]
    assert "模拟数据" in sheet[0][0]
    assert sheet[1] == [None] * 7
    total = sheet[month["header_row"] + month["rows"]]
    assert total[0] == "合计"
    at = sheet[month["header_row"] - 1].index("应收金额")
    assert Decimal(total[at]) == sum(Decimal(r[at]) for r in sheet[month["header_row"] : month["header_row"] + month["rows"]])
    assert sheet[-1][0].startswith("制表人")


def test_a_second_account_has_its_persons_name_and_phone_written_another_way(folder):
    true = duckdb.sql(
        f"select customer_id, duplicate_of from read_parquet('{folder}/truth/customers.parquet') where duplicate_of is not null"
    ).fetchall()
    from fivestep.cases.exports import _database

    people = {
        i: (name, phone)
        for i, name, phone in _database(folder).execute("select customer_id, contact_name, phone from persons").fetchall()
    }
    assert len(true) >= 3
    for account, person in true:
        assert people[account][0] == people[person][0]
        assert people[account][1] != people[person][1]
        assert re.sub(r"\D", "", people[account][1])[-11:] == people[person][1]
    phones = [re.sub(r"\D", "", p)[-11:] for _name, p in people.values()]
    assert len(set(phones)) == len(phones) - len(true)


def test_exports_are_the_same_bytes_each_time_and_leave_the_snapshot_alone(folder):
    before = {p.name: p.read_bytes() for p in folder.glob("*.*")}
    one = {p.name: p.read_bytes() for p in (export(folder, "jianxin").parent / "jianxin").iterdir()}
    two = {p.name: p.read_bytes() for p in (export(folder, "jianxin").parent / "jianxin").iterdir()}
    assert one == two
    assert len(one) == 3
    assert {p.name: p.read_bytes() for p in folder.glob("*.*")} == before


def test_an_unknown_system_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(UserError, match="--as sap: choose one of zoho"):
        export(tmp_path, "sap")
    assert not list(tmp_path.iterdir())
