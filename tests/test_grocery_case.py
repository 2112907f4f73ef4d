"""The real case that ships says of itself only what its tables hold."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
import pytest

CASE = Path(__file__).resolve().parents[1] / "data" / "grocery"
SOURCE = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "completejourney"
TABLES = ("customers", "orders", "order_lines", "products", "campaigns", "exposures", "offers", "interactions")
TYPES = {"VARCHAR": "text", "TIMESTAMP": "timestamp", "DATE": "date", "INTEGER": "integer", "BOOLEAN": "boolean",
         "DECIMAL(18,2)": "decimal(18,2)"}
# Text that names one thing each: numbers, names of products and sizes, not categories that a report shows.
UNLABELLED = {"orders.store", "order_lines.store", "products.product_name", "products.manufacturer", "products.spec"}

needs_source = pytest.mark.skipif(not SOURCE.is_dir(), reason="the full data set is not here")


@pytest.fixture(scope="module")
def case() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for name in TABLES:
        connection.read_parquet(str(CASE / f"{name}.parquet"), file_row_number=True).create_view(f"{name}_numbered")
        connection.execute(f"create view {name} as select * exclude (file_row_number) from {name}_numbered")
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def source() -> dict[str, pd.DataFrame]:
    return {path.stem: pd.read_parquet(path) for path in SOURCE.glob("*.parquet")}


def rows(name: str) -> list[dict[str, str]]:
    with (CASE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def one(connection: duckdb.DuckDBPyConnection, query: str):
    return connection.execute(query).fetchone()[0]


def readme() -> str:
    return re.sub(r"\s+", " ", (CASE / "README.md").read_text(encoding="utf-8"))


def stated(label: str) -> Decimal:
    """The number in the second cell of the README's table row that begins with label."""
    return Decimal(re.search(rf"\| {label} \| ([\d,.]+) \|", readme()).group(1).replace(",", ""))


def keys(kind: str) -> dict[str, list[tuple[str, str]]]:
    """By table, its (column, key) pairs whose key in the dictionary contains kind."""
    found: dict[str, list[tuple[str, str]]] = {}
    for row in rows("dictionary.csv"):
        if kind in row["key"]:
            found.setdefault(row["table"], []).append((row["column"], row["key"]))
    return found


def local(utc: pd.Series) -> pd.Series:
    """The moments of the source as local time of New York, without a zone."""
    return utc.dt.tz_localize("UTC").dt.tz_convert("America/New_York").dt.tz_localize(None)


def cut(folder: Path, source: Path) -> subprocess.CompletedProcess[str]:
    """A copy of cut.py in folder, run on source: it writes beside itself."""
    shutil.copy(CASE / "cut.py", folder)
    return subprocess.run([sys.executable, folder / "cut.py", source], capture_output=True, text=True)


# The tables


def test_the_case_holds_801_households_and_all_their_828850_lines(case):
    assert one(case, "select count(*) from customers") == 801
    assert one(case, "select count(*) from order_lines") == 828_850
    assert one(case, "select count(distinct customer_id) from order_lines") == 801


@pytest.mark.parametrize("table", TABLES)
def test_the_readme_states_the_rows_of_each_table(case, table):
    assert stated(table) == one(case, f"select count(*) from {table}")


def test_the_dictionary_lists_exactly_the_columns_on_disk_with_their_types(case):
    on_disk = [(table, name, TYPES[str(kind)]) for table in TABLES
               for name, kind in zip(case.table(table).columns, case.table(table).types, strict=True)]
    assert [(row["table"], row["column"], row["type"]) for row in rows("dictionary.csv")] == on_disk
    assert all(row["description"] for row in rows("dictionary.csv"))
    assert {path.stem for path in CASE.glob("*.parquet")} == set(TABLES)


@pytest.mark.parametrize("table", TABLES)
def test_every_primary_key_is_unique_and_complete(case, table):
    columns = [column for column, _ in keys("primary")[table]]
    assert one(case, f"select count(*) - count(distinct ({', '.join(columns)})) from {table}") == 0
    assert one(case, f"select count(*) from {table} where {' or '.join(f'{column} is null' for column in columns)}") == 0


def test_no_reference_leads_nowhere(case):
    references = [(table, column, *re.search(r"refers to (\w+)\.(\w+)", key).groups())
                  for table, columns in keys("refers to").items() for column, key in columns]
    assert len(references) == 11
    for table, column, other, other_column in references:
        known = f"{column} is not null and {column} in (select {other_column} from {other})"
        assert one(case, f"select count(*) from {table} where not ({known})") == 0, (table, column)


def test_orders_reconcile_to_their_lines_to_the_cent(case):
    assert one(case, """
        select count(*) from orders full join (
            select order_id, sum(line_amount) as amount, sum(line_discount) as discount, sum(line_coupon) as coupon,
                   min((customer_id, order_date, store)) as least, max((customer_id, order_date, store)) as greatest
            from order_lines group by order_id) as added using (order_id)
        where (order_amount, discount_amount, coupon_amount) is distinct from (amount, discount, coupon)
           or (customer_id, order_date, store) is distinct from least or least is distinct from greatest""") == 0


def test_lines_are_numbered_from_1_by_product(case):
    assert one(case, """
        select count(*)
        from (select line_id, row_number() over (partition by order_id order by product_id::bigint) as place from order_lines)
        where line_id::integer <> place""") == 0


def test_all_orders_are_of_2017_in_local_time(case):
    first, last = case.execute("select min(order_date)::text, max(order_date)::text from orders").fetchone()
    assert (first, last) == ("2017-01-01 06:53:26", "2017-12-31 23:01:20")
    assert one(case, "select count(*) from order_lines where year(order_date) <> 2017 or order_date is null") == 0


@pytest.mark.parametrize(("table", "columns"), [
    ("customers", "customer_id"), ("orders", "customer_id, order_date, order_id"),
    ("order_lines", "customer_id, order_date, order_id, line_id"), ("products", "product_id"),
    ("campaigns", "campaign_id"), ("exposures", "campaign_id, customer_id"),
    ("offers", "campaign_id, offer_id, product_id"), ("interactions", "customer_id, occurred_at, interaction_id")])
def test_every_file_is_sorted(case, table, columns):
    assert one(case, f"""
        select count(*)
        from (select ({columns}) as place, lag(({columns})) over (order by file_row_number) as before from {table}_numbered)
        where before >= place""") == 0


def test_money_and_quantity_are_never_negative_or_missing(case):
    assert one(case, """select count(*) from order_lines
        where not coalesce(line_amount >= 0 and line_discount >= 0 and line_coupon >= 0 and quantity >= 0, false)""") == 0


def test_a_missing_value_is_null_and_not_a_word(case):
    text = [(row["table"], row["column"]) for row in rows("dictionary.csv") if row["type"] == "text"]
    assert len(text) > 20
    for table, column in text:
        words = f"select count(*) from {table} where lower(trim({column})) in ('', 'nan', 'none', 'null', 'unknown')"
        assert one(case, words) == 0, (table, column)


def test_a_household_responded_when_it_redeemed_a_coupon_of_the_campaign(case):
    redeemed = set(case.execute("select distinct campaign_id, customer_id from interactions").fetchall())
    assert set(case.execute("select campaign_id, customer_id from exposures where responded").fetchall()) == redeemed
    assert one(case, "select count(*) from exposures where not treated") == 0


def test_coupons_are_redeemed_within_their_campaign(case):
    assert one(case, """select count(*) from interactions left join campaigns using (campaign_id)
        where not coalesce(occurred_at between start_date and end_date, false)""") == 0
    assert one(case, "select count(*) from interactions anti join offers using (campaign_id, offer_id)") == 0


def test_the_folder_stays_below_10_mb():
    assert sum(path.stat().st_size for path in CASE.iterdir() if path.is_file()) <= 10_000_000


# The labels


def test_every_categorical_value_has_a_label_in_both_languages_and_no_label_is_idle(case):
    text = {f"{row['table']}.{row['column']}" for row in rows("dictionary.csv") if row["type"] == "text" and not row["key"]}
    fields = text - UNLABELLED
    labels = rows("labels.csv")
    assert {row["field"] for row in labels} == fields
    for field in fields:
        table, column = field.split(".")
        values = case.execute(f"select distinct {column} from {table} where {column} is not null").fetchall()
        assert sorted(row["value"] for row in labels if row["field"] == field) == sorted(value for (value,) in values)


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_no_two_values_of_a_field_share_a_label(language):
    labels = [(row["field"], row[language].casefold()) for row in rows("labels.csv")]
    assert len(labels) == len(set(labels)) > 390


def test_labels_are_in_their_own_language():
    for row in rows("labels.csv"):
        assert re.search(r"[\u4e00-\u9fff]", row["zh_CN"]), row
        assert not re.search(r"[A-Za-z]{2}", row["zh_CN"]), row
        assert re.fullmatch(r"[ -~–]+", row["en"]), row


def test_english_labels_are_in_sentence_case_without_abbreviations():
    for row in rows("labels.csv"):
        assert not re.search(r"[A-Z]{2}|[/&]|\w\.", row["en"]), row
        assert re.match(r"[A-Z0-9$]", row["en"]), row
        assert row["en"] == row["en"].strip(), row
        assert row["zh_CN"] == row["zh_CN"].strip(), row


def test_ordered_bands_are_numbered_without_gaps_and_rise():
    ordered: dict[str, dict[int, str]] = {}
    for row in rows("labels.csv"):
        if row["order"]:
            ordered.setdefault(row["field"], {})[int(row["order"])] = row["value"]
    assert set(ordered) == {"campaigns.campaign_name", "customers.age_band", "customers.income_band", "customers.household_size",
                            "customers.kids_count"}
    for field, values in ordered.items():
        assert len(values) == sum(row["field"] == field for row in rows("labels.csv"))
        assert sorted(values) == list(range(1, len(values) + 1))
        starts = [0 if value.startswith("Under") else int(re.search(r"\d+", value).group())
                  for _, value in sorted(values.items())]
        assert starts == sorted(set(starts)), field


# What the README says


def test_the_readme_states_the_money_of_the_lines(case):
    sums = "select sum(line_amount), sum(line_discount), sum(line_coupon) from order_lines"
    amount, discount, coupon = case.execute(sums).fetchone()
    assert (stated("line_amount"), stated("line_discount"), stated("line_coupon")) == (amount, discount, coupon)
    assert stated("list value") == amount + discount


GASOLINE = "order_lines semi join (from products where product_name like 'GASOLINE%') using (product_id)"
UNDESCRIBED = "order_lines semi join (from products where department is null) using (product_id)"
MISFILED = """order_lines semi join (from products where department in
              ('TRAVEL & LEISURE', 'FROZEN GROCERY', 'PHOTO & VIDEO', 'POSTAL CENTER')) using (product_id)"""


@pytest.mark.parametrize(("sentence", "query"), [
    ("{:,} of them received no campaign", "select count(*) from customers anti join exposures using (customer_id)"),
    ("{:,} lines and ${:,} ({:.1%} of line_amount), mostly in category COUPON/MISC ITEMS",
     f"select count(*), sum(line_amount), sum(line_amount)::double / (select sum(line_amount) from order_lines) from {GASOLINE}"),
    ("{:,} lines have a quantity of 1,000 or more", "select count(*) from order_lines where quantity >= 1000"),
    ("{:,} lines have a quantity of 1,000 or more, all of them gasoline",
     f"select count(*) from {GASOLINE} where quantity >= 1000"),
    ("${:.2f} per 1,000 in the median",
     f"select median(1000 * line_amount::double / quantity) from {GASOLINE} where quantity >= 1000"),
    ("{:,} gasoline lines have quantity 1.", f"select count(*) from {GASOLINE} where quantity = 1"),
    ("{:,} lines, with ${:,} and ${:,} of coupons",
     "select count(*), sum(line_amount), sum(line_coupon) from order_lines where quantity = 0"),
    ("{:,} lines hold a coupon, no amount and a product that the source does not describe",
     f"select count(*) from {UNDESCRIBED} where line_coupon > 0 and line_amount = 0"),
    ("{:,} lines (${:,}) belong to {} such products",
     f"select count(*), sum(line_amount), count(distinct product_id) from {UNDESCRIBED}"),
    ("{:,} more lines have a coupon above a positive amount",
     "select count(*) from order_lines where line_coupon > line_amount and line_amount > 0"),
    ("{:,} lines and {:,} baskets", """select (select count(*) from order_lines where line_amount = 0),
        (select count(*) from orders where order_amount = 0)"""),
    ("{:,} days have baskets", "select count(distinct order_date::date) from orders"),
    ("hold {:,} lines (${:,}): fruit", f"select count(*), sum(line_amount) from {MISFILED}"),
    ("home_ownership of {:,} households, marital_status of {:,}",
     "select count(*) - count(home_ownership), count(*) - count(marital_status) from customers"),
    ("In {:,} households one adult and the children do not add up", """select count(*) from customers
        where household_composition[1] = '1' and kids_count not like '%+' and household_size not like '%+'
          and household_size::integer <> kids_count::integer + 1"""),
    ("Department and brand of {:,} products, category of {:,}, spec of {:,}",
     """select count(*) - count(department), count(*) - count(category), count(*) - count(spec)
        from products where (department is null) = (brand is null)"""),
    ("responses ({:,} of {:,})", "select count(*) filter (responded), count(*) from exposures"),
    ("{:,} campaigns began before 2017 and {:,} ended after it",
     "select count(*) filter (start_date < '2017-01-01'), count(*) filter (end_date > '2017-12-31') from campaigns"),
    ("{:,} exposures precede the first order",
     "select count(*) from exposures where contacted_at < (select min(order_date) from orders)::date"),
    ("several campaigns ({:,} of {:,} do)", """select count(*) filter (campaigns > 1), count(*)
        from (select count(distinct campaign_id) as campaigns from offers group by offer_id)"""),
    ("For {:,} of the {:,} offers",
     "select count(*) filter (product_id not in (select product_id from order_lines)), count(*) from offers"),
    ("{:%-d %B %H:%M:%S} to {:%-d %B %H:%M:%S}", "select min(order_date), max(order_date) from orders"),
])
def test_the_readme_states_oddities_as_the_tables_show_them(case, sentence, query):
    assert sentence.format(*case.execute(query).fetchone()) in readme()


def test_seconds_follow_from_the_basket_number(case):
    assert one(case, "select count(*) from orders where second(order_date) <> floor((order_id::bigint % 100) * 0.6)") == 0


# Against the source


@needs_source
def test_money_lines_and_household_sums_equal_the_source(case, source):
    lines = source["transactions"].merge(source["demographics"]["household_id"])
    cents = (lines[["sales_value", "retail_disc", "coupon_match_disc", "coupon_disc"]] * 100).round().astype("int64")
    theirs = pd.DataFrame({
        "customer_id": lines["household_id"].astype(str),
        "lines": 1,
        "amount": cents["sales_value"],
        "discount": cents["retail_disc"] + cents["coupon_match_disc"],
        "coupon": cents["coupon_disc"],
        "quantity": lines["quantity"],
    }).groupby("customer_id").sum()
    ours = case.sql("""select customer_id, count(*)::bigint as lines, (sum(line_amount) * 100)::bigint as amount,
        (sum(line_discount) * 100)::bigint as discount, (sum(line_coupon) * 100)::bigint as coupon,
        sum(quantity)::bigint as quantity from order_lines group by customer_id""").df().set_index("customer_id")
    assert ours.to_dict("index") == theirs.to_dict("index")
    assert len(ours) == 801
    assert ours["lines"].sum() == len(lines) == 828_850


@needs_source
def test_every_line_is_the_line_of_the_source_in_local_time(case, source):
    lines = source["transactions"].merge(source["demographics"]["household_id"])
    lines = lines.sort_values(["basket_id", "product_id"], ignore_index=True)
    ours = case.sql("from order_lines order by order_id::bigint, line_id").df()
    ids = {"order_id": "basket_id", "customer_id": "household_id", "store": "store_id", "product_id": "product_id"}
    for name, column in ids.items():
        assert (ours[name].astype("int64") == lines[column]).all(), name
    assert (ours["order_date"] == local(lines["transaction_timestamp"])).all()
    assert (ours["quantity"] == lines["quantity"]).all()


@needs_source
def test_weeks_of_the_source_begin_on_monday_only_in_local_time(source):
    def misplaced(moments: pd.Series) -> int:
        week = (moments.dt.normalize() - pd.Timestamp("2016-12-26")).dt.days // 7 + 1
        return int((week != source["transactions"]["week"]).sum())

    utc = source["transactions"]["transaction_timestamp"]
    assert misplaced(local(utc)) == 0
    assert f"all {len(utc):,} lines of the full data begins on Monday" in readme()
    assert f"read as UTC, {misplaced(utc):,} lines fall in another week" in readme()


@needs_source
def test_redemption_days_are_shopping_days_in_local_time(source):
    known = source["demographics"]["household_id"]
    utc = source["transactions"]["transaction_timestamp"]
    redemptions = source["coupon_redemptions"].merge(known)
    redeemed = set(zip(redemptions["household_id"], redemptions["redemption_date"].dt.date, strict=True))

    def met(moments: pd.Series) -> int:
        return len(redeemed & set(zip(source["transactions"]["household_id"], moments.dt.date, strict=True)))

    assert met(local(utc)) == len(redeemed)
    assert f"All {len(redeemed)} times" in readme()
    assert f"by UTC date {met(utc)} times." in readme()


@needs_source
def test_a_coupon_does_not_lower_what_the_retailer_receives(source):
    lines = source["transactions"]
    lines = lines[(lines["quantity"] == 1) & (lines["sales_value"] > 0) & (lines["retail_disc"] == 0)]
    place = ["product_id", "store_id", "week"]
    plain = lines[(lines["coupon_disc"] == 0) & (lines["coupon_match_disc"] == 0)]
    prices = set(zip(*(plain[column] for column in place), (plain["sales_value"] * 100).round().astype(int), strict=True))
    priced = {price[:3] for price in prices}
    reduced = [line for line in lines[lines["coupon_disc"] > 0].itertuples()
               if (line.product_id, line.store_id, line.week) in priced]

    def met(amount) -> int:
        return sum((line.product_id, line.store_id, line.week, round(100 * amount(line))) in prices for line in reduced)

    assert f"({len(reduced)} comparable lines of the full data)" in readme()
    assert met(lambda line: line.sales_value + line.retail_disc + line.coupon_match_disc) == len(reduced)
    assert met(lambda line: line.sales_value + line.retail_disc + line.coupon_match_disc + line.coupon_disc) == 0


@needs_source
def test_the_other_tables_hold_what_the_source_holds_of_the_households(case, source):
    known = source["demographics"]["household_id"]
    for table, name, columns in [
        ("exposures", "campaigns", {"campaign_id": "campaign_id", "customer_id": "household_id"}),
        ("offers", "coupons", {"campaign_id": "campaign_id", "offer_id": "coupon_upc", "product_id": "product_id"}),
        ("interactions", "coupon_redemptions",
         {"customer_id": "household_id", "campaign_id": "campaign_id", "offer_id": "coupon_upc"}),
    ]:
        theirs = source[name].merge(known) if "household_id" in source[name] else source[name].drop_duplicates()
        ours = case.sql(f"select {', '.join(columns)} from {table}").fetchall()
        assert sorted(ours) == sorted(theirs[list(columns.values())].astype(str).itertuples(index=False, name=None)), table
    columns = ["product_type", "product_category", "department", "brand", "manufacturer_id", "package_size"]
    described = source["products"].astype({"product_id": str, "manufacturer_id": str}).astype(object)
    described = described.where(described.notna(), None).set_index("product_id")[columns]
    theirs = dict(zip(described.index, described.itertuples(index=False, name=None), strict=True))
    ours = case.sql("select product_id, product_name, category, department, brand, manufacturer, spec from products").fetchall()
    assert {row[0]: row[1:] for row in ours} == {row[0]: theirs.get(row[0], (None,) * 6) for row in ours}
    assert f"({len(source['coupons']):,} rows)" in readme()


@pytest.mark.slow
@needs_source
def test_cutting_the_source_again_gives_the_same_bytes(tmp_path):
    written_by = duckdb.sql(f"select created_by from parquet_file_metadata('{CASE / 'orders.parquet'}')").fetchone()[0]
    if f"v{duckdb.__version__}" not in written_by:
        pytest.skip(f"the tables were written by another version: {written_by}")
    done = cut(tmp_path, SOURCE)
    assert (done.returncode, done.stderr) == (0, "")
    for table in TABLES:
        assert (tmp_path / f"{table}.parquet").read_bytes() == (CASE / f"{table}.parquet").read_bytes(), table


@needs_source
def test_another_source_is_refused_before_anything_is_written(tmp_path, source):
    other, target = tmp_path / "source", tmp_path / "target"
    target.mkdir()
    shutil.copytree(SOURCE, other, copy_function=lambda of, to: Path(to).symlink_to(of))
    other.chmod(0o755)
    (other / "demographics.parquet").unlink()
    source["demographics"].iloc[1:].to_parquet(other / "demographics.parquet")
    done = cut(target, other)
    assert done.returncode == 1
    assert "1 households other than 801" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(target.glob("*.parquet"))


def test_a_folder_without_the_source_is_answered_in_one_line(tmp_path):
    done = cut(tmp_path, tmp_path)
    assert done.returncode == 1
    assert "transactions.parquet not found. Name the folder" in done.stderr
    assert done.stderr.count("\n") == 1
