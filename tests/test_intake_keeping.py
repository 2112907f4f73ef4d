"""What an import leaves behind: snapshots, the ledger, merged customers, the quality sheet in its three forms."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import shutil
from decimal import Decimal

import duckdb
import ibis
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from conftest import _DTYPES
from fivestep import engine, language, profiling
from fivestep.contract import TABLES
from fivestep.errors import UserError
from fivestep.findings import NotAvailable
from fivestep.intake import checks, identity, snapshots
from fivestep.intake.identity import Pair
from fivestep.intake.quality import CHECKS, Line, Message, QualitySheet
from fivestep.intake.quality_page import page, summary
from fivestep.language import columns
from fivestep.privacy import vault
from fivestep.privacy.pseudonyms import Pseudonyms

EMPTY = QualitySheet()


def typed(connection, **given: pd.DataFrame) -> dict[str, ibis.Table]:
    """Contract tables of hand-made frames, each column in its contract type."""
    out = {}
    for name, frame in given.items():
        types = {c: _DTYPES[TABLES[name].fields[c].type] if c in TABLES[name].fields else "string" for c in frame}
        rows = frame.astype(object).map(lambda v: None if pd.isna(v) else str(v))
        loose = ibis.memtable(rows, schema=dict.fromkeys(frame.columns, "string"))
        made = loose.select(**{c: loose[c].cast(t) for c, t in types.items()})
        out[name] = connection.create_table(ibis.util.gen_name(name), made)
    return out


def shop(orders: list[tuple], customers: list[tuple] = ()) -> dict[str, pd.DataFrame]:
    """Orders as (id, customer, day, amount), customers as (id, city)."""
    out = {"orders": pd.DataFrame(orders, columns=["order_id", "customer_id", "order_date", "order_amount"])}
    if customers:
        out["customers"] = pd.DataFrame(customers, columns=["customer_id", "city"])
    return out


JANUARY = shop(
    [("o1", "a", "2024-01-03", "10.00"), ("o2", "b", "2024-01-05", "20.00"), ("o3", "c", "2024-01-09", "5.50")],
    [("a", "Kyoto"), ("b", "Nara"), ("c", None)],
)
FEBRUARY = shop([("o3", "c", "2024-01-09", "6.50"), ("o4", "d", "2024-02-02", "7.00")], [("b", "Nara"), ("d", "Kobe")])


def rows(tables: dict[str, ibis.Table], name: str) -> list[tuple]:
    return sorted((tuple(r.values()) for r in tables[name].to_pyarrow().to_pylist()), key=str)


def contents(folder) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


# --- snapshots
def test_rows_in_any_order_and_on_any_number_of_threads_give_the_same_bytes(tmp_path, grocery_tables):
    wanted = None
    for threads, seed in ((1, None), (2, 3)):
        connection = engine.connect()
        connection.con.execute(f"SET threads = {threads}")
        connection.con.execute(f"SET preserve_insertion_order = {seed is None}")
        made = {}
        for name in ("order_lines", "customers"):
            data = grocery_tables[name].to_pyarrow()
            order = np.arange(len(data)) if seed is None else np.random.default_rng(seed).permutation(len(data))
            made[name] = connection.create_table(name, data.take(order))
        folder = snapshots.write(tmp_path / str(threads), "2017", made, EMPTY)
        wanted = wanted or contents(folder)
        assert contents(folder) == wanted


def test_a_snapshot_is_sorted_zstandard_parquet_with_decimal_money(tmp_path):
    folder = snapshots.write(tmp_path, "2024-01", typed(engine.connect(), **JANUARY), EMPTY)
    assert sorted(p.name for p in folder.iterdir()) == ["customers.parquet", "orders.parquet", "quality.html", "quality.json"]
    seen = duckdb.sql(f"SELECT DISTINCT compression FROM parquet_metadata('{folder}/*.parquet')").fetchall()
    assert seen == [("ZSTD",)]
    orders = engine.read(folder, engine.connect())["orders"]
    assert orders.order_amount.type() == ibis.dtype("decimal(18, 2)")
    assert orders.customer_id.to_pyarrow().to_pylist() == ["a", "b", "c"]


def test_float_money_is_never_written(tmp_path):
    tables = typed(engine.connect(), **JANUARY)
    tables["orders"] = tables["orders"].mutate(order_amount=tables["orders"].order_amount.cast("float64"))
    with pytest.raises(ValueError, match="must be DECIMAL"):
        snapshots.write(tmp_path, "2024-01", tables, EMPTY)


def test_a_write_that_fails_leaves_the_earlier_snapshot_and_ledger(tmp_path):
    tables = typed(engine.connect(), **JANUARY)
    snapshots.write(tmp_path, "2024-01", tables, EMPTY, done=snapshots.Import(files={"a.csv": "1"}))
    contract = tmp_path / "data" / "contract"
    before = contents(contract)
    bad = tables["orders"].mutate(order_id=tables["orders"].customer_id.cast("int64").cast("string"))
    with pytest.raises(Exception, match=r"[Cc]onver"):
        snapshots.write(tmp_path, "2024-01", {**tables, "orders": bad}, EMPTY)
    after = {k: v for k, v in contents(contract).items() if not k.startswith(".tmp/")}
    assert after == {k: v for k, v in before.items() if not k.startswith(".tmp/")}
    assert engine.read(contract / "2024-01", engine.connect())
    snapshots.write(tmp_path, "2024-01", tables, EMPTY)
    assert not (contract / ".tmp" / "2024-01").exists(), "what an import that was cut off left is cleared away"


def test_a_snapshot_under_a_name_that_is_taken_replaces_all_of_it(tmp_path):
    connection = engine.connect()
    snapshots.write(tmp_path, "2024", typed(connection, **JANUARY), EMPTY)
    folder = snapshots.write(tmp_path, "2024", typed(connection, orders=FEBRUARY["orders"]), EMPTY)
    assert not (folder / "customers.parquet").exists()


def test_a_snapshot_can_be_written_from_the_one_that_it_replaces(tmp_path):
    connection = engine.connect()
    folder = snapshots.write(tmp_path, "2024", typed(connection, **JANUARY), EMPTY)
    new, _lines = snapshots.merged(engine.read(folder, connection), typed(connection, **FEBRUARY))
    snapshots.write(tmp_path, "2024", new, EMPTY)
    assert [r[0] for r in rows(engine.read(folder, engine.connect()), "orders")] == ["o1", "o2", "o3", "o4"]


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "x" * 101, "a\nb"])
def test_a_name_that_is_no_folder_name_is_refused(name, tmp_path):
    with pytest.raises(UserError, match="no folder name"):
        snapshots.write(tmp_path, name, {}, EMPTY)


def test_a_snapshot_is_named_by_the_last_day_of_its_data():
    assert snapshots.name_for(dt.date(2024, 6, 30)) == "2024-06-30"
    assert snapshots.name_for(None) < "1900"


# --- the ledger
def test_a_file_that_was_imported_is_known_by_its_content_under_any_name(tmp_path):
    tables = typed(engine.connect(), **JANUARY)
    snapshots.write(tmp_path, "2024-01", tables, EMPTY, key="k1", done=snapshots.Import(files={"jan.csv": "11"}))
    snapshots.write(tmp_path, "2024-02", tables, EMPTY, key="k1", done=snapshots.Import("2024-01", {"feb.csv": "22"}))
    book = snapshots.ledger(tmp_path)
    assert (book.key, book.latest) == ("k1", "2024-02")
    files = {"jan copy.csv": "11", "feb.csv": "22", "mar.csv": "33", "mar (1).csv": "33"}
    assert book.fresh(files, book.latest) == ["mar.csv"]
    assert book.fresh(files, "2024-01") == ["feb.csv", "mar.csv"]
    assert book.fresh(files, "") == ["jan copy.csv", "feb.csv", "mar.csv"]
    with pytest.raises(UserError, match="another key"):
        snapshots.write(tmp_path, "2024-03", tables, EMPTY, key="k2")


def test_a_snapshot_that_was_removed_is_no_longer_in_the_ledger(tmp_path):
    snapshots.write(tmp_path, "2024-01", typed(engine.connect(), **JANUARY), EMPTY, done=snapshots.Import(files={"a": "1"}))
    shutil.rmtree(tmp_path / "data" / "contract" / "2024-01")
    assert snapshots.ledger(tmp_path).snapshots == {}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"key": 1}', '{"key": "", "snapshots": {"a": {"x": 1}}}'])
def test_a_ledger_that_cannot_be_read_is_one_line(text, tmp_path):
    (tmp_path / "data" / "contract").mkdir(parents=True)
    (tmp_path / "data" / "contract" / "imports.json").write_text(text)
    with pytest.raises(UserError, match="the record of imports cannot be read") as error:
        snapshots.ledger(tmp_path)
    assert "\n" not in str(error.value)


# --- this month's file
def test_this_months_rows_are_added_and_a_known_key_is_replaced():
    connection = engine.connect()
    new, lines = snapshots.merged(typed(connection, **JANUARY), typed(connection, **FEBRUARY))
    assert [(r[0], str(r[3])) for r in rows(new, "orders")] == [("o1", "10.00"), ("o2", "20.00"), ("o3", "6.50"), ("o4", "7.00")]
    by_table = {line.table: line for line in lines}
    assert by_table["orders"].values == {"of": 2, "added": 1, "changed": 1, "same": 0}
    assert by_table["customers"].values == {"of": 2, "added": 1, "changed": 0, "same": 1}
    assert (by_table["orders"].severity, by_table["customers"].severity) == ("warning", "note")


def test_the_same_rows_again_change_nothing_not_a_byte(tmp_path):
    connection = engine.connect()
    january = typed(connection, **JANUARY)
    before = contents(snapshots.write(tmp_path, "2024-01", january, EMPTY))
    again, lines = snapshots.merged(january, typed(connection, **{k: v.iloc[::-1] for k, v in JANUARY.items()}))
    assert contents(snapshots.write(tmp_path, "2024-01", again, EMPTY)) == before
    assert {line.values["changed"] + line.values["added"] for line in lines} == {0}


def test_columns_that_come_and_go_keep_what_was_known():
    connection = engine.connect()
    later = {"customers": pd.DataFrame([("a", "gold"), ("e", "blue")], columns=["customer_id", "member_level"])}
    new, _lines = snapshots.merged(typed(connection, **JANUARY), typed(connection, **later))
    assert {r["customer_id"]: (r["city"], r["member_level"]) for r in new["customers"].to_pyarrow().to_pylist()} == {
        "a": ("Kyoto", "gold"), "b": ("Nara", None), "c": (None, None), "e": (None, "blue"),
    }  # fmt: skip
    assert new["orders"] is not None, "a table that the new files do not have stays"


# --- the same person
CONTACTS = [
    # customer, name, phone, e-mail
    ("p1", "王芳", "+86 138-0000-0001", None),
    ("p2", "王芳", "１３８０００００００１", None),
    ("p3", "Li Wei", None, "Li.Wei@Example.com "),
    ("p4", "李伟", "138****0001", "li.wei@example.com"),
    ("p5", "A", "138****0002", "j***@x.com"),
    ("p6", "B", "138****0002", "j***@x.com"),
    *((f"s{i}", None, "021-55556666", None) for i in range(6)),
    ("z1", None, "00000000", None),
    ("z2", None, "00000000", None),
    ("z3", None, "110", "none"),
    ("z4", None, "110", "none"),
    (None, "X", "13800000001", None),
]


def contacts(connection) -> ibis.Table:
    names = ("customer_id", "name", "phone", "email")
    values = {c: [row[i] for row in CONTACTS] for i, c in enumerate(names)}
    return connection.create_table(ibis.util.gen_name("contacts"), values, schema=dict.fromkeys(names, "string"))


def test_equal_phones_and_addresses_are_proposed_and_masked_shared_or_made_up_ones_are_not():
    found = identity.proposals(contacts(engine.connect()))
    assert [(p.first, p.second, p.reason, p.decision) for p in found] == [
        ("p1", "p2", "same phone", "proposed"), ("p3", "p4", "same e-mail", "proposed"),
    ]  # fmt: skip
    assert found[0].seen == "138****0001; 王*, 王* (same name)"
    assert found[1].seen == "l***@example.com; L* ***, 李*"


def test_proposals_are_kept_with_their_decisions_and_hold_nothing_in_clear(tmp_path):
    pairs = identity.record(tmp_path, identity.proposals(contacts(engine.connect())))
    path = tmp_path / identity.FILE
    text = path.read_text("utf-8")
    assert not re.search(r"\d{7}|王芳|Li Wei|li\.wei|李伟", text, re.IGNORECASE)
    assert path.stat().st_mode & 0o077 == 0
    path.write_text(text.replace("decision: proposed", "decision: accepted", 1), "utf-8")
    decided = path.read_bytes()
    assert [p.decision for p in identity.record(tmp_path, pairs)] == ["accepted", "proposed"]
    assert path.read_bytes() == decided
    more = identity.record(tmp_path, [*pairs, Pair(first="q1", second="q2", reason="same phone")])
    assert [p.decision for p in more] == ["accepted", "proposed", "proposed"]
    assert identity.merges(more) == {"p2": "p1"}


@pytest.mark.parametrize(
    "text",
    ["first: a", "- 1", "- {first: a, second: b, reason: x, decision: yes}", "- {first: a}",
     "- {first: a, second: b, reason: x, n: 1}", "{", "- first: [a"],
)  # fmt: skip
def test_decisions_that_cannot_be_read_are_one_line(text, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / identity.FILE).write_text(text, "utf-8")
    with pytest.raises(UserError, match=r"data/identity\.yml") as error:
        identity.decisions(tmp_path)
    assert "\n" not in str(error.value)


def pair(first: str, second: str, decision: str = "accepted") -> Pair:
    return Pair(first=first, second=second, reason="same phone", decision=decision)


def test_chains_of_pairs_end_in_the_first_customer_in_any_order():
    chain = [pair("c", "d"), pair("a", "b"), pair("b", "c"), pair("x", "y", "proposed")]
    assert identity.merges(chain) == identity.merges(chain[::-1]) == {"b": "a", "c": "a", "d": "a"}
    assert identity.merges([pair("a", "b"), pair("b", "a"), pair("a", "b")]) == {"b": "a"}


def test_a_refused_pair_that_others_join_is_named():
    with pytest.raises(UserError, match="a and c are refused as a pair"):
        identity.merges([pair("a", "b"), pair("b", "c"), pair("a", "c", "refused")])


EXPOSED = pd.DataFrame(
    [("k1", "a", "true"), ("k1", "b", "false"), ("k2", "b", "true"), ("k2", "c", "true")],
    columns=["campaign_id", "customer_id", "treated"],
)


def merged_year(connection) -> dict[str, ibis.Table]:
    customers = pd.DataFrame([("b", "Nara"), ("c", "Kobe"), ("d", "Uji")], columns=["customer_id", "city"])  # a has no row
    return typed(connection, orders=JANUARY["orders"], customers=customers, exposures=EXPOSED)


def test_accepted_pairs_become_one_customer_in_every_table():
    tables, _before = identity.applied(merged_year(engine.connect()), {"b": "a", "d": "c"})
    assert rows(tables, "customers") == [("a", "Nara"), ("c", "Kobe")]
    assert [r[1] for r in rows(tables, "orders")] == ["a", "a", "c"]
    assert rows(tables, "exposures") == [("k1", "a", True), ("k2", "a", True), ("k2", "c", True)]


def test_a_merge_is_undone_to_the_byte_without_the_clients_files(tmp_path):
    connection = engine.connect()
    plain = merged_year(connection)
    wanted = contents(snapshots.write(tmp_path, "plain", plain, EMPTY))
    for who in ({"b": "a", "d": "c"}, {"b": "a", "c": "a", "d": "a"}, {"d": "b"}, {"x": "a"}):
        tables, before = identity.applied(plain, who)
        folder = snapshots.write(tmp_path, "merged", tables, EMPTY, before=before)
        assert who == {"x": "a"} or contents(folder) != wanted
        back = identity.undone(engine.read(folder, connection), snapshots.before_merges(tmp_path, "merged", connection))
        undone = contents(snapshots.write(tmp_path, "undone", back, EMPTY))
        assert {k: v for k, v in undone.items() if k.endswith(".parquet")} == {
            k: v for k, v in wanted.items() if k.endswith(".parquet")
        }
    kept = tmp_path / "data" / "vault" / "merged"
    assert kept.parent.stat().st_mode & 0o077 == 0
    assert all(p.stat().st_mode & 0o077 == 0 for p in kept.rglob("*.parquet"))
    assert not list(kept.glob("undone/*")), "nothing is kept of a snapshot without merges"


def test_a_month_after_a_merge_is_the_same_as_both_months_at_once(tmp_path):
    connection, who = engine.connect(), {"b": "a"}
    tables, before = identity.applied(typed(connection, **JANUARY), who)
    snapshots.write(tmp_path, "2024-01", tables, EMPTY, before=before)
    read = engine.read(tmp_path / "data" / "contract" / "2024-01", connection)
    earlier = identity.undone(read, snapshots.before_merges(tmp_path, "2024-01", connection))
    step, _lines = snapshots.merged(earlier, typed(connection, **FEBRUARY))
    whole, _lines = snapshots.merged(typed(connection, **JANUARY), typed(connection, **FEBRUARY))
    for name in ("orders", "customers"):
        assert rows(identity.applied(step, who)[0], name) == rows(identity.applied(whole, who)[0], name)


def test_nothing_in_clear_leaves_the_vault(tmp_path):
    """Phones, names and e-mails are planted in the people of a shop, and every file outside the vault is searched for them."""
    connection, names = engine.connect(), Pseudonyms(b"k" * 32)
    people = contacts(connection).mutate(raw_id=ibis._.customer_id)
    people = names.replaced(people.filter(people.raw_id.notnull()), "customer_id")
    vault.write(tmp_path, "customers", people, names)
    pairs = identity.record(tmp_path, identity.proposals(people))
    pairs = [p.model_copy(update={"decision": "accepted"}) for p in pairs]
    orders = pd.DataFrame(
        [(f"o{i}", c[0], "2024-01-01", "1.00") for i, c in enumerate(CONTACTS)], columns=JANUARY["orders"].columns
    )
    tables = typed(connection, orders=orders)
    tables["orders"] = names.replaced(tables["orders"], "customer_id")
    tables, before = identity.applied(tables, identity.merges(pairs))
    snapshots.write(tmp_path, "2024", tables, QualitySheet(checks.checks(tables)), before=before, key=names.fingerprint)
    planted = [v for row in CONTACTS for v in row[1:] if v and len(v) > 1 and "*" not in v and v != "none"]
    planted += [row[0] for row in CONTACTS if row[0]] + ["13800000001", "li.wei@example.com"]
    found = {}
    for path in sorted(tmp_path.rglob("*")):
        if path.is_file() and "vault" not in path.parts:
            text = pd.read_parquet(path).to_csv() if path.suffix == ".parquet" else path.read_text("utf-8")
            cells = set(re.split(r"[\s,;:\"'<>]+", text)) if path.suffix == ".parquet" else text
            found[path.name] = [p for p in planted if p in cells and (path.suffix == ".parquet" or len(p) > 3)]
    assert {"orders.parquet", "quality.json", "quality.html", "imports.json", "identity.yml"} <= set(found)
    assert {k: v for k, v in found.items() if v} == {}


# --- checks of any tables
def lines_of(check: str, tables: dict[str, ibis.Table]) -> list[Line]:
    return [line for line in checks.checks(tables) if line.check == check]


def test_unusual_amounts_are_those_of_a_second_computation(grocery_tables):
    amounts = grocery_tables["orders"].order_amount.to_pandas().astype(float)
    logs = np.log(amounts[amounts > 0])
    far = (0.6745 * (logs - logs.median()) / (logs - logs.median()).abs().median()).abs() > 3.5
    (line,) = lines_of("outlier", {"orders": grocery_tables["orders"]})
    assert (line.rows, line.of) == (int(far.sum()), len(logs))
    assert line.first_row == logs[far].index[0] + 1
    assert (float(line.values["low"]), float(line.values["high"])) == (
        amounts[logs[far].index].min(),
        amounts[logs[far].index].max(),
    )
    assert math.isclose(float(line.values["middle"]), amounts[amounts > 0].median(), abs_tol=0.01)


def test_equal_amounts_and_few_amounts_have_no_outliers():
    connection = engine.connect()
    same = [(f"o{i}", "a", "2024-01-01", "5.00") for i in range(50)] + [("x", "a", "2024-01-01", "9999.00")]
    few = [(f"o{i}", "a", "2024-01-01", str(1 + i)) for i in range(28)] + [("x", "a", "2024-01-01", "99999999.00")]
    negative = [(f"o{i}", "a", "2024-01-01", f"-{i}.00") for i in range(50)]
    for orders in (same, few, negative):
        assert lines_of("outlier", typed(connection, **shop(orders))) == []


def test_a_gap_is_a_distance_far_beyond_the_usual_one():
    connection = engine.connect()
    days = [*pd.date_range("2024-01-01", "2024-01-20"), *pd.date_range("2024-02-10", "2024-02-20")]
    (line,) = lines_of("gap", typed(connection, **shop([(f"o{i}", "a", d.date(), "1") for i, d in enumerate(days)])))
    assert line.text() == "No row from 21 Jan 2024 to 9 Feb 2024 (days: 20), where one day is the usual distance."
    weekly = pd.date_range("2024-01-01", "2024-12-31", freq="21D")
    assert lines_of("gap", typed(connection, **shop([(f"o{i}", "a", d.date(), "1") for i, d in enumerate(weekly)]))) == []
    for few in ([], ["2024-01-01"], ["2024-01-01", "2024-01-01"], [None]):
        orders = [(f"o{i}", "a", day, "1") for i, day in enumerate(few)]
        found = checks.checks(typed(connection, **shop(orders)))
        assert [x for x in found if x.check == "gap"] == []
        assert all("{" not in x.text() + x.mend() for x in found)


def test_keys_money_and_dates_are_reported_with_first_row_and_fix():
    orders = [*JANUARY["orders"].itertuples(index=False), ("o9", "ghost", None, "-4.00")]
    tables = typed(engine.connect(), **{**JANUARY, **shop(orders)})
    found = {(x.table, x.check): x for x in checks.checks(tables)}
    assert found["orders", "money"].text() == (
        "order_amount: $35.50 in positive amounts, -$4.00 in negative ones, $31.50 in all."
    )
    assert found["orders", "date_range"].text() == "3 Jan 2024 to 9 Jan 2024; rows without a date: 1."
    empty = found["orders", "required_empty"]
    assert (empty.severity, empty.rows, empty.of, empty.first_row) == ("error", 1, 4, 4)
    dated = typed(engine.connect(), **{**JANUARY, **shop([*orders[:3], ("o9", "ghost", "2024-01-09", "1"), orders[0]])})
    found = {x.check: x for x in checks.checks(dated)}
    assert found["duplicate_keys"].severity == "error"
    assert (found["duplicate_keys"].rows, found["duplicate_keys"].column) == (1, "order_id")
    orphan = typed(engine.connect(), **{**JANUARY, **shop([*orders[:3], ("o9", "ghost", "2024-01-09", "1")])})
    (line,) = lines_of("orphan_keys", orphan)
    assert (line.severity, line.rows, line.first_row, line.column) == ("warning", 1, 4, "customer_id")
    assert line.mend() == "Ask the client for the missing rows, or correct the ids."


def test_money_that_is_not_accounted_for_is_an_error():
    said = {"before": Decimal("100.00"), "left_out": Decimal("10.00")}
    assert checks.money("a.csv", "orders", "order_amount", after=Decimal("90.00"), **said).severity == "note"
    wrong = checks.money("a.csv", "orders", "order_amount", after=Decimal("89.99"), **said)
    assert wrong.severity == "error"
    assert "$0.01 is missing" in wrong.text()


# --- the sheet
def sheet() -> QualitySheet:
    why = Message("{n} rows, {inner}", {"n": 1200, "inner": Message("total rows")})
    message, values = "Rows: {n}.", {"n": 1200, "money": Decimal("1.50"), "day": dt.date(2024, 1, 2), "share": 0.5, "name": "x"}
    return QualitySheet(
        [
            Line("a.csv", "", "", "rows_read", rows=1200, of=1200, message=message, values=values),
            Line("a.csv", "", "", "rows_kept", rows=1190, of=1200),
            Line("a.csv", "", "", "rows_dropped", rows=7, of=1200, message="{n}: {why}", values={"n": 7, "why": [why, why]}),
            Line("a.csv", "", "", "rows_dropped", rows=3, of=1200, message="blank rows"),
            Line("a.csv", "orders", "金额", "not_parsed", "warning", 5, 1190, 17, "<script>alert(1)</script>", "{not a field}"),
            Line("", "orders", "order_id", "duplicate_keys", "error", 2, 1190, 3, "twice", "remove"),
        ]
    )


def test_a_sheet_comes_back_from_json_as_it_was_and_the_same_sheet_gives_the_same_bytes():
    assert QualitySheet.from_json(sheet().to_json()) == sheet()
    assert sheet().to_json() == sheet().to_json()
    assert json.loads(sheet().to_json())["lines"][4]["column"] == "金额"
    assert QualitySheet.from_json(sheet().to_json()).lines[2].text() == "7: 1,200 rows, total rows; 1,200 rows, total rows"


def test_a_row_without_a_reason_is_noticed():
    whole = sheet()
    assert whole.balanced()
    whole.add(Line("b.csv", "", "", "rows_read", rows=10))
    whole.add(Line("b.csv", "", "", "rows_kept", rows=9))
    assert whole.unbalanced() == {"b.csv": (10, 9)}
    assert "rows are missing without a reason" in summary(whole)


def test_errors_are_fatal_and_warnings_when_they_are_chosen():
    whole = sheet()
    assert [x.check for x in whole.fatal(())] == ["duplicate_keys"]
    assert [x.check for x in whole.fatal(["not_parsed", "rows_read"])] == ["not_parsed", "duplicate_keys"]
    assert [x.check for x in whole.fatal(["all"])] == ["not_parsed", "duplicate_keys"]
    with pytest.raises(UserError, match="--strict gaps: there is no such check"):
        whole.fatal(["gaps"])


def test_a_severity_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="severity"):
        Line("", "", "", "gap", "fatal")


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_the_page_needs_no_network_and_says_everything_in_words(code):
    language.use(code, currency="CNY")
    text = page(sheet(), "2024-01")
    soup = BeautifulSoup(text, "html.parser")
    assert soup.html["lang"] == code.replace("_", "-")
    assert not re.search(r"(?:src|href)=|https?:|url\(|@import|<script", text)
    assert "default-src 'none'" in text
    assert "&lt;script&gt;" in text
    assert "{not a field}" in text
    for table in soup.find_all("table"):
        heads = table.thead.find_all("th")
        assert {h["scope"] for h in heads} == {"col"}
        assert table.caption.get_text()
        for row in table.tbody.find_all("tr"):
            assert len(row.find_all(["td", "th"])) == len(heads)
            assert row.th["scope"] == "row"
        assert "mark" not in [h["class"][0] for h in heads] or all(r.td.get_text() for r in table.tbody.find_all("tr")), (
            "the severity is a word, not only a colour"
        )
    ids = [h["id"] for h in soup.find_all("h2")]
    assert len(ids) == len(set(ids))
    assert {r["aria-labelledby"] for r in soup.select("[role=region]")} == set(ids)
    first = soup.tbody.find_all("tr")
    assert [r.td["class"][-1] for r in first] == ["error", "warning"], "errors before warnings"


def test_a_page_of_an_empty_sheet_is_a_page():
    assert BeautifulSoup(page(EMPTY, "x"), "html.parser").h1.get_text() == "What was imported"


def test_every_check_has_a_label():
    assert all(Line("", "", "", check).label() == label for check, label in CHECKS.items())
    assert Line("", "", "", "something_new").label() == "Something new"


# --- in the notebook
@pytest.mark.parametrize("code", language.LANGUAGES)
def test_the_notebook_section_shows_what_the_sheet_says(code, tmp_path):
    language.use(code)
    (tmp_path / "quality.json").write_text(sheet().to_json(), "utf-8")
    found = profiling.intake_quality(tmp_path)
    assert found.table["import_severity"].tolist() == ["Error", "Warning", *["Note"] * 2]
    assert found.table.loc[1, "import_place"] == "a.csv · orders.金额"
    assert found.by_file().to_dict("records") == [
        {"import_file": "a.csv", "rows_read": 1200, "rows_kept": 1190, "rows_left_out": 10}
    ]
    assert found.finding().value == 2
    for frame in (found.table, found.by_file()):
        assert all(columns.formatted(c, v) for c in frame if c not in ("import_found", "import_fix") for v in frame[c])
    shown = " ".join([found.headline(), found.files_headline(), found.note(), found.finding().text, found.finding().so_what])
    assert not re.search(r"[{}]|\bnan\b|None", shown)
    assert "1,190" in found.headline()


def test_the_section_is_true_of_sheets_with_nothing_to_say(tmp_path):
    assert isinstance(profiling.intake_quality(tmp_path), NotAvailable)
    (tmp_path / "quality.json").write_text(EMPTY.to_json(), "utf-8")
    found = profiling.intake_quality(tmp_path)
    assert isinstance(found.by_file(), NotAvailable)
    assert found.headline() == "The import leaves no warning"
    kept = [Line("a.csv", "", "", check, rows=3) for check in ("rows_read", "rows_kept")]
    (tmp_path / "quality.json").write_text(QualitySheet(kept).to_json(), "utf-8")
    found = profiling.intake_quality(tmp_path)
    assert found.headline() == "All 3 rows of the files were kept; the import leaves no warning"
    assert found.files_headline() == "No row of the files was left out"
    (tmp_path / "quality.json").write_text("{", "utf-8")
    with pytest.raises(UserError, match="cannot be read"):
        profiling.intake_quality(tmp_path)
