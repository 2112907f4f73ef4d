"""Files that are no tables, ids that are none, days that cannot be, scopes of every type: one message, or the right rows."""

from __future__ import annotations

import datetime as dt
import shutil

import ibis
import pandas as pd
import pytest

from conftest import GROCERY
from fivestep import contract, engine, profiling
from fivestep.engagement import snapshot_hash
from fivestep.errors import UserError


@pytest.fixture
def folder(tmp_path):
    """An empty snapshot folder."""
    made = tmp_path / "may"
    made.mkdir()
    return made


def write(folder, name: str, query: str) -> None:
    engine.connect().raw_sql(f"copy ({query}) to '{folder / name}' (format parquet)").fetchall()


def orders(days: list[str], **more: list) -> pd.DataFrame:
    n = range(len(days))
    made = {"order_id": [f"o{i:04d}" for i in n], "customer_id": [f"c{i % 5}" for i in n], "order_date": days, "order_amount": 10}
    return pd.DataFrame(made | more)


def daily(n: int, start: str = "2023-01-01") -> list[str]:
    return [f"{day:%Y-%m-%d}" for day in pd.date_range(start, periods=n)]


# --- files


def _cut_short(path):
    path.write_bytes((GROCERY / "orders.parquet").read_bytes()[:5000])


def _renamed(path):
    path.write_text("order_id,customer_id\n1,2\n")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_cut_short, "cannot be read as Parquet"),
        (_renamed, "cannot be read as Parquet"),
        (lambda path: path.touch(), "cannot be read as Parquet"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.symlink_to("nowhere.parquet"), "is a link that leads nowhere"),
    ],
)
def test_a_file_that_is_no_table_is_named_with_the_fix(folder, make, says):
    make(folder / "orders.parquet")
    with pytest.raises(UserError, match=rf"^may/orders\.parquet {says}.*(Write the file again|Put the table there)") as stopped:
        engine.read(folder, engine.connect())
    assert "\n" not in str(stopped.value)


def test_a_table_in_several_files_is_the_table(folder):
    whole = pd.read_parquet(GROCERY / "orders.parquet")
    (folder / "orders.parquet").mkdir()
    for n in range(3):
        whole.iloc[n::3].to_parquet(folder / "orders.parquet" / f"part-{n}.parquet")
    (folder / "orders.parquet" / "_SUCCESS").touch()
    read = engine.read(folder, engine.connect())["orders"]
    assert engine.frame(read, by=["order_id"]).equals(engine.frame(ibis.memtable(whole), by=["order_id"]))
    before = snapshot_hash(folder)
    whole.iloc[:5].to_parquet(folder / "orders.parquet" / "part-2.parquet")
    assert snapshot_hash(folder) != before


def test_a_file_that_is_damaged_inside_is_one_problem(folder):
    content = bytearray((GROCERY / "orders.parquet").read_bytes())
    content[2000:40000] = b"U" * 38000
    (folder / "orders.parquet").write_bytes(content)
    (problem,) = contract.problems(engine.read(folder, engine.connect()))
    assert str(problem).startswith("orders.*: the file is damaged")


def test_an_upper_case_ending_is_read_and_a_table_given_twice_refused(folder):
    shutil.copy(GROCERY / "orders.parquet", folder / "orders.PARQUET")
    assert list(engine.read(folder, engine.connect())) == ["orders"]
    shutil.copy(GROCERY / "orders.parquet", folder / "orders.parquet")
    with pytest.raises(UserError, match=r"orders\.PARQUET and orders\.parquet are one table"):
        engine.read(folder, engine.connect())


# --- ids and empty tables


@pytest.mark.parametrize("blank", ["", "   ", "\t", "\u3000", "\u00a0"])
def test_a_customer_of_blanks_is_nobody(folder, blank):
    write(
        folder,
        "orders.parquet",
        f"select 'o' || i order_id, case when i < 3 then '{blank}' else 'c1' end customer_id, timestamp '2024-01-01' order_date, "
        "1.00 order_amount from range(5) t(i)",
    )
    read = engine.read(folder, engine.connect())
    contract.validate(read)
    made = engine.Tables.of(read)
    assert made.customers.customer_id.to_pandas().tolist() == ["c1"]
    assert made.orders.customer_id.isnull().sum().to_pandas() == 3


def test_a_key_of_blanks_is_an_empty_cell(folder):
    write(
        folder,
        "orders.parquet",
        "select case when i = 2 then ' ' else 'o' || i end order_id, 'c' customer_id, timestamp '2024-01-01' order_date, "
        "1.00 order_amount from range(5) t(i)",
    )
    (problem,) = contract.problems(engine.read(folder, engine.connect()))
    assert str(problem) == "orders.order_id: 1 of 5 cells are empty (first: row 3). Fill them or leave those rows out."


def test_a_table_without_rows_counts_as_absent_and_is_named(tables):
    nobody = pd.DataFrame({"customer_id": pd.Series([], dtype=object), "region": pd.Series([], dtype=object)})
    nothing = pd.DataFrame({"event_id": pd.Series([], dtype=object), "event_type": pd.Series([], dtype=object)})
    made = tables(orders=orders(daily(10)), customers=nobody, events=nothing)
    assert made.missing("events", "customers.region") == ("events", "customers.region")
    assert made.given == ("orders",)
    assert made.customers.count().to_pandas() == 5
    counts = profiling.row_counts(made)
    assert counts.note().endswith("Read without a single row, so treated as absent: Customers and Online events.")
    assert "Online events" not in set(counts.table["table_name"])
    assert "absent" not in profiling.row_counts(tables(orders=orders(daily(10)))).note()


# --- days that cannot be


@pytest.mark.parametrize(("stray", "right"), [("2999-01-01", ""), ("2026-06-30", " If they are right, give --as-of 2026-06-30.")])
def test_one_order_of_a_far_future_never_moves_the_as_of_date_unasked(tables, stray, right):
    bulk = daily(365) * 3
    with pytest.raises(UserError) as stopped:
        tables(orders=orders([*bulk, stray]))
    assert str(stopped.value) == (
        "orders.order_date: 1 of 1,096 orders have a date far after all others, which end on 2023-12-31 "
        f"(first by id: order 'o1095', {stray}). Correct the dates, or give the last day that counts: --as-of 2023-12-31.{right}"
    )
    made = tables(orders=orders([*bulk, stray]), as_of=dt.date(2023, 12, 31))
    assert (made.first_day, made.last_day, made.as_of) == (dt.date(2023, 1, 1), dt.date(2023, 12, 31), dt.date(2023, 12, 31))
    assert made.orders.count().to_pandas() == 1095
    checks = profiling.suspicious_values(made).table.set_index("check")
    assert checks.loc["Order far from all others", ["found_rows", "found_amount"]].tolist() == [1, 10.0]


def test_a_date_that_the_user_stands_by_is_accepted(tables):
    made = tables(orders=orders([*(daily(365) * 3), "2026-06-30"]), as_of=dt.date(2026, 6, 30))
    assert made.last_day == dt.date(2026, 6, 30)
    with pytest.raises(UserError, match="is outside the data"):
        tables(orders=orders([*daily(365), "2999-01-01"]), as_of=dt.date(2999, 1, 1))


@pytest.mark.parametrize("stray", ["1900-01-01", "1970-01-01", "0001-01-01", "1995-05-05"])
def test_orders_of_a_far_past_are_left_out_and_listed(tables, stray):
    made = tables(orders=orders([stray, *daily(100)]))
    assert made.first_day == dt.date(2023, 1, 1)
    assert made.orders.count().to_pandas() == 100
    checks = profiling.suspicious_values(made).table.set_index("check")
    assert checks.loc["Order far from all others", ["found_rows", "share_of_rows"]].tolist() == [1, 1 / 101]
    assert made.until(dt.date(2023, 2, 1)).orders.count().to_pandas() == 32


def test_a_listed_customer_whose_only_order_was_left_out_is_one_without_an_order(tables):
    people = pd.DataFrame({"customer_id": ["c0", "c1", "c2", "c3", "c4", "old"]})
    some = orders(["1900-01-01", *daily(100)], customer_id=["old", *(f"c{i % 5}" for i in range(100))])
    assert tables(orders=some, customers=people).customers.count().to_pandas() == 6


@pytest.mark.parametrize(
    "days",
    [
        ["2021-01-01", "2022-06-01", "2023-12-31"],
        ["2010-01-01", "2017-01-01", "2024-01-01"],
        ["2024-01-01"],
        ["1965-01-01", "1966-01-01"],
        [*daily(99), "2026-12-01"],
        [*daily(999), "2027-01-01"],
    ],
)
def test_sparse_data_keeps_every_order(tables, days):
    made = tables(orders=orders(days))
    assert made.orders.count().to_pandas() == len(days)
    assert (made.first_day.isoformat(), made.as_of.isoformat()) == (min(days), max(days))


def test_orders_after_the_import_that_found_them_belong_to_nothing_until_somebody_names_a_later_day():
    made = {"orders": ibis.memtable(orders([*daily(5), "2023-01-07", "2023-09-01"]).astype({"order_date": "datetime64[us]"}))}
    said = {"unknown": None, "found": dt.date(2023, 1, 5), "tomorrow": dt.date(2023, 1, 6), "before": dt.date(2022, 12, 30)}
    cut = {k: engine.Tables.of(made, imported=day) for k, day in said.items()}
    told = {k: (t.as_of.isoformat(), t.orders.count().to_pandas(), t.days.to_come(t.as_of)) for k, t in cut.items()}
    assert told == {
        "unknown": ("2023-09-01", 7, 0),
        "found": ("2023-01-05", 5, 2),
        "tomorrow": ("2023-01-07", 6, 1),
        "before": ("2023-09-01", 7, 0),
    }
    named = engine.Tables.of(made, imported=said["found"], as_of=dt.date(2023, 9, 1))
    assert (named.orders.count().to_pandas(), named.days.to_come(named.as_of)) == (7, 0)


def test_another_calendar_is_named(tables):
    with pytest.raises(UserError, match=r"orders\.order_date: all 10 orders are dated 2100 or later.*another calendar"):
        tables(orders=orders(daily(10, "2567-01-01")))


def test_the_days_of_lines_are_named_as_theirs(tables):
    lines = orders([*daily(30), "2999-01-01"]).rename(columns={"order_amount": "line_amount"})
    with pytest.raises(UserError, match=r"^order_lines\.order_date: 1 of 31 orders"):
        tables(order_lines=lines.assign(line_id="1", product_id="p"))


def test_the_last_day_is_one_with_an_order(tables):
    made = tables(orders=orders(["2024-01-01", "2024-01-05", "2024-03-01"]), as_of=dt.date(2024, 2, 1))
    assert (made.last_day, made.as_of) == (dt.date(2024, 1, 5), dt.date(2024, 2, 1))


# --- money


def test_amounts_of_eighteen_digits_are_summed(tables):
    lines = orders(daily(4)).assign(order_id="1", line_id=list("abcd"), product_id="p", line_amount="9999999999999999.99")
    made = tables(order_lines=lines.drop(columns="order_amount"))
    assert str(made.orders.order_amount.to_pandas().iloc[0]) == "39999999999999999.96"


# --- scopes


@pytest.fixture
def people(tables):
    """Makes tables of ten orders and five customers who are members, have levels and stores, cut to a scope."""
    listed = pd.DataFrame({"customer_id": [f"c{i}" for i in range(5)], "is_member": [True, True, False, None, False]})
    listed["wave"] = ["1", "2", "2", "2", None]  # beyond the contract

    def made(scope: str = "") -> engine.Tables:
        cut = tables(orders=orders(daily(10), store=["north", "south"] * 5), customers=listed)
        read = {n: getattr(cut, n) for n in ("orders", "customers")}
        read["customers"] = read["customers"].mutate(wave=read["customers"].wave.cast("int64"))
        return engine.Tables.of(read, scope=scope)

    return made


@pytest.mark.parametrize(
    ("scope", "ids"),
    [
        ("is_member=true", ["c0", "c1"]),
        ("is_member=True", ["c0", "c1"]),
        ("is_member=FALSE", ["c2", "c4"]),
        ("wave=2", ["c1", "c2", "c3"]),
    ],
)
def test_a_scope_may_be_true_or_false_or_a_whole_number(people, scope, ids):
    assert sorted(people(scope).customers.customer_id.to_pandas()) == ids


def test_the_values_of_a_scope_are_those_that_it_accepts(people):
    whole = people()
    tables = {n: getattr(whole, n) for n in ("orders", "customers")}
    for field, values in {"is_member": ["false", "true"], "wave": ["1", "2"], "store": ["north", "south"]}.items():
        assert engine.scope_values(tables, field) == values
        for value in values:
            assert people(f"{field}={value}").orders.count().to_pandas() > 0


@pytest.mark.parametrize("field", ["customer_id", "order_id"])
def test_an_id_is_no_scope_and_no_id_is_shown(people, field):
    with pytest.raises(UserError) as stopped:
        people(f"{field}=c1")
    assert str(stopped.value) == (
        f"scope: {field!r} is no field of customers or orders that can cut the data. Fields are is_member, wave, store."
    )
