"""Profiling: whether the data can be trusted, who the customers are, what, when and where they buy."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from dataclasses import asdict
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fivestep import charts, language, profiling
from fivestep.coverage import coverage
from fivestep.errors import UserError
from fivestep.findings import NotAvailable
from fivestep.intervals import wilson
from fivestep.language import columns
from fivestep.profiling.covered_months import axis_labels, coverage_note, covered_months
from fivestep.profiling.portrait import FIELDS
from fivestep.profiling.spend_index import ratios, spend_index

KIT = Path(__file__).resolve().parents[1]
GROCERY = KIT / "data" / "grocery"
NOTEBOOK = KIT / "notebooks" / "1_profiling.ipynb"
METHODS = (
    "base",
    "row_counts",
    "gaps",
    "reconciliation",
    "suspicious_values",
    "demographics",
    "departments",
    "department_months",
    "categories",
    "brands",
    "weekday_hours",
    "stores",
    "basket_size",
    "discounts",
)
PORTRAIT = (
    "business_overview", "majorities", "home_places", "habits", "interests", "spending_power", "contact_channels", "social_use",
    "product_range", "product_cube", "brand_loyalty", "payments", "customer_file",
)  # fmt: skip
ODD = r"\bnan\b|\bNone\b(?! of)|NaT|<NA>|[{}]"
HEADLINES = ("headline", "runs_headline", "top_headline", "spread_headline", "months_headline")


def results(tables) -> dict:
    return {name: getattr(profiling, name)(tables) for name in METHODS}


def parts(result) -> list:
    """A result, and the portraits that it is made of."""
    return [result, *getattr(result, "portraits", ())]


def texts(result) -> list[str]:
    """Everything that a reader gets to read of a result."""
    if isinstance(result, NotAvailable):
        return [result.text]
    out = []
    for part in parts(result):
        out += [str(getattr(part, name)()) for name in (*HEADLINES, "note") if hasattr(part, name)]
        if hasattr(part, "finding"):
            found = part.finding()
            out += [found.text, found.evidence, found.so_what, found.display, *found.warnings, *found.assumptions]
    return out


def shown_tables(result) -> list[pd.DataFrame]:
    """The tables that the notebook shows of a result."""
    if isinstance(result, profiling.ProductMix | profiling.Stores):
        return [result.top()]
    if isinstance(result, profiling.Gaps):
        return [] if isinstance(result.runs(), NotAvailable) else [result.runs()]
    if isinstance(result, profiling.WeekdayHours | profiling.DepartmentMonths):
        return []
    return [part.table for part in parts(result) if hasattr(part, "table")]


def shop(tables, rows: list[tuple], **more):
    """`Tables` of (customer, moment, amount[, store]) rows."""
    frame = pd.DataFrame(
        {
            "order_id": [f"o{i}" for i in range(len(rows))],
            "customer_id": [row[0] for row in rows],
            "order_date": [row[1] for row in rows],
            "order_amount": [row[2] for row in rows],
        }
    )
    if any(len(row) > 3 for row in rows):
        frame["store"] = [row[3] for row in rows]
    return tables(orders=frame, **more)


@pytest.fixture(scope="module")
def real(grocery):
    """Every result of the real case."""
    return results(grocery)


@pytest.fixture(scope="module")
def raw() -> dict[str, pd.DataFrame]:
    """The real case read by pandas alone, money as float."""
    out = {path.stem: pd.read_parquet(path) for path in sorted(GROCERY.glob("*.parquet"))}
    for frame in out.values():
        for column in frame:
            if column.endswith("_amount") or (column.startswith("line_") and column != "line_id"):
                frame[column] = frame[column].astype(float)
    return out


# ---------------------------------------------------------------- the real case against a second computation
def test_the_base_is_what_pandas_counts(real, raw):
    row, orders = real["base"].table.iloc[0], raw["orders"]
    assert (row["customers"], row["orders"]) == (orders["customer_id"].nunique(), len(orders))
    assert row["spend"] == pytest.approx(orders["order_amount"].sum(), abs=0.005)
    assert row["spend_per_order"] == pytest.approx(orders["order_amount"].mean())
    assert row["orders_per_customer"] == pytest.approx(orders.groupby("customer_id").size().mean())


def test_rows_keys_and_days_of_every_table_are_what_pandas_counts(real, raw):
    keys = {
        "Customers": ("customers", ["customer_id"], None),
        "Orders": ("orders", ["order_id"], "order_date"),
        "Order lines": ("order_lines", ["order_id", "line_id"], "order_date"),
        "Products": ("products", ["product_id"], None),
        "Campaigns": ("campaigns", ["campaign_id"], "start_date"),
        "Campaign contacts": ("exposures", ["campaign_id", "customer_id"], "contacted_at"),
        "Offers": ("offers", ["campaign_id", "offer_id", "product_id"], None),
        "Interactions": ("interactions", ["interaction_id"], "occurred_at"),
    }
    table = real["row_counts"].table.set_index("table_name")
    assert list(table.index) == list(keys)
    for name, (file, key, time) in keys.items():
        frame, row = raw[file], table.loc[name]
        assert row["table_rows"] == len(frame)
        assert row["distinct_keys"] == len(frame.drop_duplicates(key))
        if time:
            assert row["table_first_day"] == pd.to_datetime(frame[time]).min().normalize()
            assert row["table_last_day"] == pd.to_datetime(frame[time]).max().normalize()
        if "customer_id" in frame:
            assert row["customers"] == frame["customer_id"].nunique()
    assert real["row_counts"].finding().value == 0


def test_the_only_day_without_orders_is_the_one_pandas_finds(real, raw):
    day = raw["orders"]["order_date"].dt.normalize()
    missing = pd.date_range(day.min(), day.max()).difference(day.unique())
    runs = real["gaps"].runs()
    assert list(runs["gap_from"]) == list(missing)
    weekday = day.value_counts().reindex(pd.date_range(day.min(), day.max()), fill_value=0)
    near = (weekday.index.day_of_week == missing[0].day_of_week) & (abs(weekday.index - missing[0]) <= pd.Timedelta(weeks=8))
    assert runs["usual_orders"].iloc[0] == weekday[near].median()
    assert real["gaps"].finding().value == len(missing)


def test_orders_and_lines_reconcile_to_the_cent(real, raw):
    table = real["reconciliation"].table.set_index("measure")
    sums = raw["order_lines"].groupby("order_id")[["line_amount", "line_discount", "line_coupon"]].sum().round(2)
    joined = raw["orders"].set_index("order_id").join(sums)
    for measure, a, b in (
        ("Amount", "order_amount", "line_amount"),
        ("Discounts", "discount_amount", "line_discount"),
        ("Coupons", "coupon_amount", "line_coupon"),
    ):
        row = table.loc[measure]
        assert row["orders_total"] == pytest.approx(joined[a].sum(), abs=0.005)
        assert row["lines_total"] == pytest.approx(raw["order_lines"][b].sum(), abs=0.005)
        assert row["orders_that_differ"] == (joined[a] - joined[b]).abs().gt(0.004).sum() == 0


def test_suspicious_values_are_those_pandas_counts(real, raw):
    lines, orders = raw["order_lines"], raw["orders"]
    positive = orders.loc[orders["order_amount"] > 0, "order_amount"]
    q1, q3 = np.percentile(np.log(positive), [25, 75])
    limit = math.exp(q3 + 1.5 * (q3 - q1))
    expected = {
        "Order without a customer": 0,
        "Order of zero": (orders["order_amount"] == 0).sum(),
        "Unusually large order": (orders["order_amount"] > limit).sum(),
        "Order that repeats another": orders[orders["order_amount"] != 0]
        .duplicated(["customer_id", "order_date", "order_amount"])
        .sum(),
        "Line of zero": (lines["line_amount"] == 0).sum(),
        "Quantity of zero": (lines["quantity"] == 0).sum(),
        "Quantity of 1,000 or more": (lines["quantity"] >= 1000).sum(),
        "Coupon above its line": (lines["line_coupon"] > lines["line_amount"] + 1e-9).sum(),
    }
    table = real["suspicious_values"].table.set_index("check")
    assert {name: table.loc[name, "found_rows"] for name in expected} == expected
    assert real["suspicious_values"].large_amount == pytest.approx(limit)
    assert table.loc["Quantity of 1,000 or more", "found_amount"] == pytest.approx(
        lines.loc[lines["quantity"] >= 1000, "line_amount"].sum()
    )
    assert table.loc["Quantity of zero", "share_of_rows"] == pytest.approx((lines["quantity"] == 0).mean())


@pytest.mark.parametrize("field", [f for f in FIELDS if f in pd.read_parquet(GROCERY / "customers.parquet").columns])
def test_a_portrait_is_what_pandas_counts(real, raw, field):
    spend = raw["orders"].groupby("customer_id")["order_amount"].sum()
    people = raw["customers"].set_index("customer_id").assign(spend=spend).fillna({"spend": 0})
    portrait = next(p for p in real["demographics"].portraits if p.field == field)
    expected = people.groupby(people[field].fillna("?"))["spend"].agg(["size", "sum", "mean"])
    table = portrait.table.assign(group=portrait.table[field].fillna("?")).set_index("group")
    assert set(table.index) == set(expected.index)
    expected = expected.loc[table.index]
    assert (table["customers"] == expected["size"]).all()
    assert np.allclose(table["spend"], expected["sum"])
    assert np.allclose(table["spend_index"], 100 * expected["mean"] / people["spend"].mean())
    assert table["share_of_customers"].sum() == pytest.approx(1)
    assert portrait.unknown_share == pytest.approx(people[field].isna().mean())


def test_the_standard_error_of_an_index_is_that_of_the_jackknife(raw):
    spend = raw["orders"].groupby("customer_id")["order_amount"].sum()
    people = raw["customers"].set_index("customer_id").assign(spend=spend)
    codes, bands = pd.factorize(people["age_band"], sort=True)
    total, n, mean = people["spend"].sum(), len(people), people["spend"].mean()
    index, error = ratios(people["spend"].to_numpy() - mean, mean, codes, np.bincount(codes).astype(float))
    for i, band in enumerate(bands):
        own, others = people.loc[people["age_band"] == band, "spend"], people.loc[people["age_band"] != band, "spend"]
        without_one_of_its_own = (own.sum() - own) / (len(own) - 1) / ((total - own) / (n - 1))
        without_one_of_the_others = own.mean() / ((total - others) / (n - 1))
        left_out = np.concatenate([without_one_of_its_own, without_one_of_the_others])
        assert index[i] == pytest.approx(own.mean() / mean)
        assert error[i] == pytest.approx(math.sqrt((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum()), rel=0.03)


def test_groups_drawn_by_chance_are_rarely_called_different():
    # 40 shops, each with 12 groups of 40 customers drawn by chance, and spend far more skewed than that of the real households.
    random, claims = np.random.default_rng(5), 0
    for _shop in range(40):
        ((_index, low, high),) = spend_index(random.lognormal(0, 1.3, 480), [random.permutation(np.repeat(np.arange(12), 40))])
        claims += bool((low > 100).any() or (high < 100).any())
    assert claims / 40 <= 0.125  # one in twenty is promised


def test_a_group_that_differs_is_found():
    spend = np.random.default_rng(1).lognormal(0, 0.9, 800)
    group = np.repeat(np.arange(4), 200)
    spend[group == 2] *= 1.8
    ((index, low, high),) = spend_index(spend, [group])
    assert (low > 100).tolist() == [False, False, True, False]
    assert index[2] == pytest.approx(100 * spend[group == 2].mean() / spend.mean())
    assert (low <= index).all()
    assert (index <= high).all()


@pytest.mark.parametrize(
    ("found", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals_are_the_published_ones(found, of, low, high):
    # Newcombe (1998), Statistics in Medicine 17, table I, method 3.
    ends = wilson(np.array([found]), of)
    assert (ends[0][0], ends[1][0]) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@pytest.mark.parametrize(("method", "field"), [("departments", "department"), ("categories", "category"), ("brands", "brand")])
def test_product_mix_is_what_pandas_adds_up(real, raw, method, field):
    lines = raw["order_lines"].merge(raw["products"][["product_id", field]], on="product_id", how="left")
    expected = (
        lines.assign(group=lines[field].fillna("?"))
        .groupby("group")
        .agg(n=("line_id", "size"), spend=("line_amount", "sum"), who=("customer_id", "nunique"))
    )
    table = real[method].table.assign(group=real[method].table[field].fillna("?")).set_index("group")
    expected = expected.loc[table.index]
    assert len(table) == lines[field].fillna("?").nunique()
    assert (table["lines"] == expected["n"]).all()
    assert (table["customers"] == expected["who"]).all()
    assert np.allclose(table["spend"], expected["spend"])
    assert table["share_of_spend"].sum() == pytest.approx(1)
    assert table["spend"].iloc[:-1].is_monotonic_decreasing


def test_departments_by_month_are_what_pandas_adds_up(real, raw):
    lines = raw["order_lines"].merge(raw["products"][["product_id", "department"]], on="product_id", how="left")
    month = lines["order_date"].dt.to_period("M")
    expected = lines.groupby([lines["department"].fillna("?"), month])["line_amount"].sum().unstack(fill_value=0)
    table = real["department_months"].table
    got = table.assign(d=table["department"].fillna("?"), m=table["month"].dt.to_period("M")).pivot(
        index="d", columns="m", values="spend"
    )
    assert np.allclose(got.loc[expected.index, expected.columns], expected)
    daily = expected / expected.columns.days_in_month.to_numpy()
    index = 100 * daily.div(expected.sum(axis=1) / 365, axis=0)
    got = table.assign(d=table["department"].fillna("?"), m=table["month"].dt.to_period("M")).pivot(
        index="d", columns="m", values="month_index"
    )
    assert np.allclose(got.loc[index.index, index.columns], index)
    large = expected.drop(index="?").sum(axis=1).nlargest(10).index
    assert real["department_months"].finding().value == pytest.approx(index.loc[large].to_numpy().max())


def test_hours_of_the_week_are_what_pandas_counts(real, raw):
    moment = raw["orders"]["order_date"]
    expected = pd.crosstab(moment.dt.day_of_week, moment.dt.hour)
    table = real["weekday_hours"].table
    assert table["orders"].sum() == len(moment)
    assert len(table) == 7 * 24
    for row in table.itertuples():
        assert row.orders == (expected.loc[row.weekday, row.hour] if row.hour in expected.columns else 0)
    day, hour = expected.stack().idxmax()
    assert language.full_weekday(day) in real["weekday_hours"].headline()
    assert f"between {hour:02d}:00 and" in real["weekday_hours"].headline()


def test_store_concentration_is_what_pandas_counts(real, raw):
    spend = raw["orders"].groupby("store")["order_amount"].sum().sort_values(ascending=False)
    cumulative = (spend / spend.sum()).cumsum().to_numpy()
    result = real["stores"]
    assert np.allclose(result.table["spend"], spend)
    assert result.share_of_top() == pytest.approx(cumulative[9])
    assert result.needed() == int((cumulative < 0.8).sum()) + 1


def test_basket_quantiles_are_those_of_numpy(real, raw):
    amounts, sizes = raw["orders"]["order_amount"], raw["order_lines"].groupby("order_id").size()
    table = real["basket_size"].table.set_index("statistic")
    for column, values in (("order_spend", amounts), ("lines_per_order", sizes)):
        assert table[column].tolist() == pytest.approx([values.mean(), *np.percentile(values, [25, 50, 75, 90])])
    bins = real["basket_size"].spend_bins
    inside = [
        ((amounts >= low) & ((amounts < high) | math.isnan(high))).sum()
        for low, high in zip(bins["low"], bins["high"], strict=True)
    ]
    assert bins["orders"].tolist() == inside
    assert bins["orders"].sum() == len(amounts)
    bins = real["basket_size"].line_bins
    assert bins["orders"].tolist() == np.histogram(sizes, [1, 2, 3, 6, 11, 21, 51, np.inf])[0].tolist()


def test_discount_and_coupon_shares_are_what_pandas_divides(real, raw):
    orders = raw["orders"]
    by = orders.groupby(orders["order_date"].dt.to_period("M"))
    sums = by[["order_amount", "discount_amount", "coupon_amount"]].sum()
    table = real["discounts"].table
    assert np.allclose(table["discount_share"], sums["discount_amount"] / (sums["order_amount"] + sums["discount_amount"]))
    assert np.allclose(table["coupon_share"], sums["coupon_amount"] / sums["order_amount"])
    assert np.allclose(table["share_of_orders_with_coupon"], by["coupon_amount"].apply(lambda s: (s > 0).mean()))
    discount, amount = orders["discount_amount"].sum(), orders["order_amount"].sum()
    assert real["discounts"].finding().value == pytest.approx(discount / (amount + discount))


# ---------------------------------------------------------------- the same data, however it comes
def test_shuffling_rows_never_changes_a_number_or_a_word(real, shuffled_grocery):
    for name, again in results(shuffled_grocery).items():
        assert texts(again) == texts(real[name]), name
        for ours, theirs in zip(parts(real[name]), parts(again), strict=True):
            if hasattr(ours, "table"):
                pd.testing.assert_frame_equal(ours.table, theirs.table, check_exact=True)
            if hasattr(ours, "finding"):
                assert asdict(ours.finding()) == asdict(theirs.finding())
    again = profiling.demographics(shuffled_grocery)
    assert charts.svg(again.figure()) == charts.svg(real["demographics"].figure())


def test_orders_derived_from_their_lines_give_the_same_base(grocery_tables, real):
    from fivestep.engine import Tables

    derived = Tables.of({"order_lines": grocery_tables["order_lines"], "products": grocery_tables["products"]})
    assert derived.given == ("order_lines", "products")
    pd.testing.assert_frame_equal(profiling.base(derived).table, real["base"].table)
    counts = profiling.row_counts(derived).table.set_index("table_name")["origin"]
    assert counts.to_dict() == {"Customers": "Derived", "Orders": "Derived", "Order lines": "Read", "Products": "Read"}
    against_itself = profiling.reconciliation(derived)
    assert isinstance(against_itself, NotAvailable)
    assert "added up from their lines" in against_itself.text
    pd.testing.assert_frame_equal(profiling.discounts(derived).table, real["discounts"].table)


def test_every_column_that_the_notebook_shows_is_registered_and_written(real):
    for name, result in real.items():
        for table in shown_tables(result):
            assert len(table), name
            written = [
                [columns.formatted(c, v) for c, v in zip(table.columns, row, strict=True)]
                for row in table.itertuples(index=False)
            ]
            assert not any(re.search(ODD, cell) for row in written for cell in row), name


def test_a_month_that_the_data_covers_in_part_is_marked(tables):
    rows = [("a", f"{day:%Y-%m-%d} 10:00:00", 10) for day in pd.date_range("2023-12-05", "2024-02-29")]
    months = covered_months(shop(tables, rows))
    assert months["days"].tolist() == [27, 31, 29]
    assert months["complete"].tolist() == [False, True, True]
    assert axis_labels(months) == ["Dec*\n2023", "Jan\n2024", "Feb"]
    assert coverage_note(months) == "* The data covers only a part of Dec 2023."
    cut = covered_months(shop(tables, rows, as_of=dt.date(2024, 2, 28)))
    assert cut["complete"].tolist() == [False, True, False]
    assert coverage_note(covered_months(shop(tables, [("a", "2024-02-01 10:00:00", 1), ("a", "2024-02-29 10:00:00", 1)]))) == ""


def test_a_month_is_complete_by_the_same_rule_in_every_step(tables):
    for first, last in (("2024-01-03", "2024-03-29"), ("2024-01-04", "2024-03-31"), ("2024-01-05", "2024-02-20")):
        made = shop(tables, [("a", f"{day:%Y-%m-%d} 10:00:00", 10) for day in pd.date_range(first, last)])
        months, rule = covered_months(made), coverage(made).months()
        assert months["complete"].tolist() == rule["complete"].tolist()
        assert months["days"].tolist() == rule["days"].tolist()


# ---------------------------------------------------------------- keys, gaps, money
@pytest.fixture
def flawed(tables):
    """Three orders of known and unknown customers, lines and products, with every kind of flaw once."""
    return tables(
        customers=pd.DataFrame({"customer_id": ["a", "b"], "age_band": ["young", None]}),
        orders=pd.DataFrame(
            {
                "order_id": ["1", "2", "3", "4", "4"],
                "customer_id": ["a", "ghost", None, "a", "a"],
                "order_date": [
                    "2024-03-01 09:00:00",
                    "2024-03-01 10:00:00",
                    "2024-03-02 10:00:00",
                    "2024-03-03 12:00:00",
                    "2024-03-03 12:00:00",
                ],
                "order_amount": [10, 20, 5, -4, -4],
            }
        ),
        order_lines=pd.DataFrame(
            {
                "order_id": ["1", "1", "2", "9"],
                "line_id": ["1", "2", "1", "1"],
                "product_id": ["p", "q", "p", "p"],
                "quantity": [1, 1000, 0, -2],
                "order_date": ["2024-03-01 09:00:00", "2024-03-01 09:00:00", "2024-03-01 10:00:00", "2024-03-02 10:00:00"],
                "line_amount": ["6.00", "4.00", "19.99", "7"],
            }
        ),
        products=pd.DataFrame({"product_id": ["p"], "department": ["D"]}),
    )


def test_every_flaw_of_the_keys_is_counted_once(flawed):
    counts = profiling.row_counts(flawed)
    table = counts.table.set_index("table_name")
    assert table.loc[
        "Orders", ["table_rows", "distinct_keys", "duplicate_keys", "rows_without_customer", "customers"]
    ].tolist() == [5, 4, 1, 1, 2]
    assert table.loc["Orders", "orphan_keys"] == 1  # the ghost
    assert table.loc["Order lines", "orphan_keys"] == 3  # order 9, product q, and the ghost of order 2
    assert pd.isna(table.loc["Products", "customers"])
    assert (
        counts.headline()
        == "The keys of the tables show 1 repeated key, 4 references without a match, and 2 rows without a customer"
    )


def test_a_row_that_comes_after_the_as_of_date_is_no_orphans_excuse(tables):
    # An offer of a campaign that has not begun refers to a row that exists: hidden by the as-of date, not missing.
    given = {
        "orders": pd.DataFrame(
            {"order_id": ["1"], "customer_id": ["a"], "order_date": ["2024-01-05 10:00:00"], "order_amount": [1]}
        ),
        "campaigns": pd.DataFrame({"campaign_id": ["later"], "start_date": ["2024-06-01"]}),
        "offers": pd.DataFrame({"campaign_id": ["later", "never"], "offer_id": ["1", "1"], "product_id": ["p", "p"]}),
    }
    table = profiling.row_counts(tables(**given)).table.set_index("table_name")
    assert (table.loc["Campaigns", "table_rows"], table.loc["Offers", "orphan_keys"]) == (0, 1)


def test_orders_that_differ_from_their_lines_are_found_with_what_has_no_partner(flawed):
    result = profiling.reconciliation(flawed)
    row = result.table.iloc[0]
    assert (row["orders_compared"], row["orders_that_differ"]) == (2, 1)
    assert row["difference"] == pytest.approx((10 + 20 + 5 - 8) - (6 + 4 + 19.99 + 7))
    assert result.orders_without_lines == (3, pytest.approx(-3.0))
    assert result.lines_without_order == (1, 7.0)
    assert result.headline() == "1 of 2 orders differs from the sum of its lines; the totals differ by -$9.99"
    assert len(result.finding().warnings) == 2


def test_suspicious_rows_are_counted_with_their_money(flawed):
    table = profiling.suspicious_values(flawed).table.set_index("check")
    assert table.loc["Order without a customer", ["found_rows", "found_amount"]].tolist() == [1, 5.0]
    assert table.loc["Negative order", ["found_rows", "found_amount"]].tolist() == [2, -8.0]
    assert table.loc["Order that repeats another", ["found_rows", "found_amount"]].tolist() == [1, -4.0]
    assert table.loc[["Quantity of zero", "Quantity of 1,000 or more", "Negative quantity"], "found_rows"].tolist() == [1, 1, 1]
    assert table.loc["Quantity of zero", "share_of_rows"] == 0.25


def test_equal_amounts_have_no_unusually_large_one(tables):
    result = profiling.suspicious_values(
        shop(tables, [(str(i), f"2024-01-{i + 1:02d} 10:00:00", 5) for i in range(20)] + [("x", "2024-01-25 10:00:00", 6)])
    )
    assert result.large_amount is None
    assert "Unusually large order" not in set(result.table["check"])
    assert result.headline() == "None of 6 checks finds a suspicious value"


def test_a_closed_sunday_is_usual_and_a_missing_week_is_not(tables):
    days = [d for d in pd.date_range("2024-01-01", "2024-03-31") if d.day_of_week != 6]
    open_days = shop(tables, [("a", f"{d:%Y-%m-%d} 10:00:00", 5) for d in days for _order in range(3)])
    assert profiling.gaps(open_days).headline() == "12 of 90 days have no order, as is usual for their weekdays"
    assert profiling.gaps(open_days).finding().value == 0
    lost = profiling.gaps(
        shop(
            tables,
            [
                ("a", f"{d:%Y-%m-%d} 10:00:00", 5)
                for d in days
                for _order in range(3)
                if not "2024-02-05" <= f"{d:%Y-%m-%d}" <= "2024-02-10"
            ],
        )
    )
    assert lost.finding().value == 6
    assert (
        lost.headline()
        == "6 of 90 days lack the 3 or more orders usual for their weekday, the longest stretch being 6 days from 5 Feb 2024"
    )
    assert lost.runs().iloc[0].to_dict() == {
        "gap_from": pd.Timestamp("2024-02-04"),
        "gap_to": pd.Timestamp("2024-02-11"),
        "gap_days": 8,
        "usual_orders": 18.0,
    }


def test_days_after_the_last_purchase_up_to_the_as_of_date_are_a_gap(tables):
    days = pd.date_range("2024-01-01", "2024-03-01")
    late = profiling.gaps(
        shop(tables, [("a", f"{d:%Y-%m-%d} 10:00:00", 5) for d in days for _n in range(3)] + [("a", "2024-03-04 10:00:00", -5)])
    )
    assert (late.table["gap"].sum(), late.table["order_day"].iloc[-1]) == (3, pd.Timestamp("2024-03-04"))


def test_orders_without_a_customer_are_left_out_of_the_base_and_counted(tables):
    base = profiling.base(
        shop(tables, [("a", "2024-01-01 10:00:00", 10), (None, "2024-01-02 10:00:00", 7), ("a", "2024-01-03 10:00:00", 20)])
    )
    assert base.table.iloc[0].to_dict() == {
        "customers": 1,
        "orders": 2,
        "spend": 30.0,
        "spend_per_order": 15.0,
        "orders_per_customer": 2.0,
        "spend_per_customer": 30.0,
    }
    assert base.anonymous == (1, 7.0)
    assert base.headline() == "1 customer spent $30: $15.00 per order, 2.0 orders per customer"
    assert "1 order without a customer ($7) is left out." in base.note()
    assert base.finding().confidence == "low"
    nobody = profiling.base(shop(tables, [(None, "2024-01-01 10:00:00", 10)]))
    assert nobody.text.startswith(
        "Not shown: No order names its customer. It would answer: how many customers and orders there are"
    )


# ---------------------------------------------------------------- portraits
def people(groups: dict[str | None, list[float]], field: str = "gender") -> dict[str, pd.DataFrame]:
    """Customers and orders: group -> the spend of each of its customers."""
    spend = [(group, amount) for group, amounts in groups.items() for amount in amounts]
    ids = [f"c{i:04d}" for i in range(len(spend))]
    return {
        "customers": pd.DataFrame({"customer_id": ids, field: [group for group, _amount in spend]}),
        "orders": pd.DataFrame(
            {
                "order_id": ids,
                "customer_id": ids,
                "order_date": "2024-01-01 10:00:00",
                "order_amount": [amount for _group, amount in spend],
            }
        ),
    }


def test_groups_that_spend_alike_are_not_told_apart(tables):
    alike = [10.0, 20.0, 30.0, 40.0] * 10
    portrait = profiling.portrait(tables(**people({"f": alike, "m": alike})), "gender")
    assert portrait.table["spend_index"].tolist() == pytest.approx([100, 100])
    assert (
        portrait.headline()
        == "Groups by “Gender” differ reliably neither in spend per customer from the average nor in which is the largest"
    )
    assert portrait.largest() is None


def test_a_group_that_spends_far_more_is_named_with_its_share(tables):
    portrait = profiling.portrait(tables(**people({"f": [30.0, 32.0] * 20, "m": [10.0, 12.0] * 60})), "gender")
    assert portrait.differing()["gender"].tolist() == ["f", "m"]
    assert portrait.headline() == "Spend per customer is 94% above average for f (Gender), who are 25% of customers"
    assert portrait.largest()["gender"] == "m"


def test_a_small_group_is_never_called_different(tables):
    portrait = profiling.portrait(tables(**people({"f": [500.0] * 29, "m": [10.0, 12.0] * 100})), "gender")
    assert pd.isna(portrait.table.set_index("gender").loc["f", "spend_index_low"])
    assert "f (Gender)" not in portrait.headline()


def test_customers_without_a_value_are_one_group_at_the_end_and_never_the_largest(tables):
    portrait = profiling.portrait(tables(**people({None: [10.0] * 90, "f": [10.0] * 60, "m": [10.0] * 20})), "gender")
    assert portrait.table["gender"].tolist() == ["f", "m", None]
    assert columns.formatted("gender", portrait.table["gender"].iloc[-1]) == "Unknown"
    assert portrait.unknown_share == pytest.approx(90 / 170)
    assert "170 customers, 53% of them unknown" in portrait.note()
    known = profiling.portrait(tables(**people({"f": [10.0] * 60, "m": [10.0] * 20})), "gender")
    assert known.note().startswith("Base: 80 customers; spend of")
    assert portrait.headline().startswith("f is the largest known group by “Gender” (35% of customers)")


def test_a_customer_without_orders_counts_with_no_spend_and_a_stranger_is_left_out(tables):
    given = people({"f": [10.0, 20.0], "m": [30.0]})
    given["customers"].loc[3] = ["idle", "m"]
    given["orders"].loc[3] = ["o9", "stranger", "2024-01-01 10:00:00", 99]
    portrait = profiling.portrait(tables(**given), "gender")
    assert portrait.table.set_index("gender")["spend_per_customer"].to_dict() == {"f": 15.0, "m": 15.0}
    assert (portrait.inactive, portrait.unmatched) == (1, (1, 99.0))
    assert "1 customer without an order counts with no spend." in portrait.note()


def test_bands_keep_their_declared_order_and_other_groups_are_sorted_by_size(tables, grocery):
    language.load_values(GROCERY / "labels.csv")
    bands = profiling.portrait(grocery, "income_band").table["income_band"].tolist()
    assert (bands[0], bands[1], bands[-1]) == ("Under 15K", "15-24K", "250K+")
    cities = profiling.portrait(tables(**people({"x": [1.0], "b": [1.0] * 3, "a": [1.0] * 3}, "city")), "city")
    assert cities.table["city"].tolist() == ["a", "b", "x"]


def test_the_figure_folds_many_groups_and_leaves_out_a_trait_with_one(tables):
    given = people({f"city {i:02d}": [1.0] * (i + 1) for i in range(30)}, "city")
    given["customers"]["gender"] = "f"
    who = profiling.demographics(tables(**given))
    assert [p.field for p in who.shown] == ["city"]
    labels = [tick.get_text() for tick in who.figure().axes[0].get_yticklabels()]
    assert (len(labels), labels[-1]) == (13, "18 others")
    assert len(who.portraits[1].table) == 30


def test_a_field_that_makes_no_groups_is_refused_with_the_choices(grocery):
    with pytest.raises(UserError, match="Choose one of age_band"):
        profiling.portrait(grocery, "postal_code")


def test_intervals_are_widened_for_all_groups_that_are_compared(real):
    tested = sum(int((p.known["customers"] >= 30).sum()) for p in real["demographics"].portraits)
    assert {p.comparisons for p in real["demographics"].portraits} == {tested}
    assert real["demographics"].finding().value == pytest.approx(
        max(
            row["spend_index"]
            for p in real["demographics"].portraits
            for _i, row in p.known.iterrows()
            if row["spend_index_low"] > 100
        )
    )


# ---------------------------------------------------------------- little or odd data
def test_one_customer_with_one_order_is_described_without_a_stumble(tables):
    lonely = tables(
        customers=pd.DataFrame({"customer_id": ["a"], "gender": ["f"]}),
        orders=pd.DataFrame(
            {
                "order_id": ["1"],
                "customer_id": ["a"],
                "order_date": ["2024-03-05 10:00:00"],
                "order_amount": [10],
                "discount_amount": [0],
                "coupon_amount": [0],
                "store": ["S"],
            }
        ),
        order_lines=pd.DataFrame(
            {
                "order_id": ["1"],
                "line_id": ["1"],
                "product_id": ["p"],
                "quantity": [1],
                "order_date": ["2024-03-05 10:00:00"],
                "line_amount": [10],
            }
        ),
        products=pd.DataFrame({"product_id": ["p"], "department": ["D"], "category": ["C"], "brand": [None]}),
    )
    found = results(lonely)
    said = {name: result.headline() for name, result in found.items() if not isinstance(result, NotAvailable)}
    assert {name for name, result in found.items() if isinstance(result, NotAvailable)} == {"department_months", "brands"}
    assert said["gaps"] == "The only day of the period has orders"
    assert said["stores"] == "All spend comes from one store"
    assert said["departments"] == "100% of spend goes to D"
    assert said["demographics"] == "By “Gender”, no group is reliably the largest"
    assert said["discounts"] == "Discounts take 0% of the list value, coupons pay 0% of spend; 0% of orders use a coupon"
    for result in found.values():
        assert not any(re.search(ODD, text) for text in texts(result))
        if hasattr(result, "figure") and not isinstance(result, NotAvailable):
            assert charts.svg(result.figure()).startswith("<?xml")


def test_data_with_nothing_but_orders_says_quietly_what_is_missing(tables):
    bare = shop(tables, [("a", f"2024-01-{i + 1:02d} 1{i % 9}:00:00", i) for i in range(30)])
    found = results(bare)
    assert {name for name, result in found.items() if isinstance(result, NotAvailable)} == {
        "reconciliation",
        "demographics",
        "departments",
        "department_months",
        "categories",
        "brands",
        "stores",
        "discounts",
    }
    assert (
        found["stores"].text == "Not shown: the data has no orders.store. It would answer: how many stores the spend comes from"
    )
    assert list(found["demographics"].portraits) == [found["demographics"]]  # a loop over the portraits says it once
    assert found["basket_size"].line_bins is None
    assert found["basket_size"].headline() == "Half of the orders come to $14.50 or less"


def test_spend_of_nothing_or_less_gives_no_shares(tables):
    rows = [("a", "2024-01-01 10:00:00", 10, "S"), ("b", "2024-01-02 11:00:00", -10, "T"), ("c", "2024-01-03 12:00:00", 0, None)]
    result = profiling.stores(shop(tables, rows))
    assert result.text.startswith("Not shown: Spend adds up to $0, so shares of it say nothing.")
    portrait = profiling.portrait(tables(**people({"f": [-5.0] * 40, "m": [5.0] * 40})), "gender")
    assert portrait.table["spend_index"].isna().all()
    assert portrait.differing().empty


def test_dates_without_times_are_no_midnight_shoppers(tables):
    result = profiling.weekday_hours(shop(tables, [("a", f"2024-01-{i + 1:02d}", 5) for i in range(20)]))
    assert result.text.startswith("Not shown: The orders have dates but no times of day.")
    some = profiling.weekday_hours(
        shop(tables, [("a", f"2024-01-{i + 1:02d} {'00' if i < 3 else '12'}:00:00", 5) for i in range(20)])
    )
    assert "3 orders stand at exactly 00:00" in some.note()


def test_hours_that_share_the_most_orders_are_not_one_peak(tables):
    result = profiling.weekday_hours(shop(tables, [("a", "2024-01-01 10:00:00", 5), ("a", "2024-01-02 11:00:00", 5)]))
    assert result.headline() == "No single hour leads: 2 hours of the week share the most orders (1 each)"


def test_orders_of_unknown_stores_are_part_of_spend_but_no_store(tables):
    rows = [("a", "2024-01-01 10:00:00", 30, "S"), ("b", "2024-01-02 11:00:00", 70, None)]
    result = profiling.stores(shop(tables, rows))
    assert result.headline() == "The known stores bring 30% of spend; the store of the rest is unknown"
    assert result.needed() is None
    assert "Store unknown: 1 orders, $70." in result.note()


def test_stores_that_make_exactly_four_fifths_are_enough(tables):
    rows = [("a", f"2024-01-{i + 1:02d} 10:00:00", 10, f"S{i}") for i in range(10)]
    assert profiling.stores(shop(tables, rows)).needed() == 8


def test_a_return_lowers_spend_and_is_no_order(tables):
    rows = [("a", f"2024-01-{i + 1:02d} 10:00:00", 10 * (i + 1), "S") for i in range(9)]
    given = [
        *rows,
        ("a", "2024-01-10 03:00:00", -30, "S"),
        ("b", "2024-01-11 10:00:00", -5, "S"),
        ("a", "2024-01-12 10:00:00", 0, "S"),
    ]
    data = shop(tables, given)
    frame = pd.DataFrame(given, columns=["who", "when", "amount", "store"])
    bought = frame[frame["amount"] >= 0]
    base = profiling.base(data)
    row = base.table.iloc[0]
    assert (row["customers"], row["orders"], row["spend"]) == (1, len(bought), frame["amount"].sum())
    assert row["spend_per_order"] == pytest.approx(frame["amount"].sum() / len(bought))
    netted = "2 returns (orders with a negative amount) are netted in spend and do not count as orders."
    assert netted in base.note()
    assert netted not in profiling.base(shop(tables, rows)).note()
    stores = profiling.stores(data)
    assert stores.table[["customers", "orders", "spend"]].iloc[0].tolist() == [1, len(bought), frame["amount"].sum()]
    assert netted in stores.note()
    sizes = profiling.basket_size(data)
    assert sizes.table["order_spend"].tolist() == pytest.approx(
        [bought["amount"].mean(), *np.percentile(bought["amount"], [25, 50, 75, 90])]
    )
    assert sizes.spend_bins["orders"].sum() == len(bought)
    hours = profiling.weekday_hours(data)
    assert hours.table.groupby("hour")["orders"].sum()[[3, 10]].tolist() == [0, len(bought)]
    daily = profiling.gaps(data).table.set_index("order_day")["orders"]
    assert daily[daily == 0].index.tolist() == [pd.Timestamp("2024-01-10"), pd.Timestamp("2024-01-11")]
    for result in (sizes, hours, profiling.gaps(data)):
        assert "2 returns (orders with a negative amount) are left out." in result.note()


def test_nothing_but_returns_is_said_to_be_that(tables):
    data = shop(tables, [("a", "2024-01-01 10:00:00", -10)])
    assert "All orders with a customer are returns." in profiling.base(data).text
    assert "All orders are returns." in profiling.weekday_hours(data).text
    assert "No order has an amount of zero or above." in profiling.basket_size(data).text


def test_a_return_with_a_coupon_is_no_order_with_a_coupon(tables):
    orders = pd.DataFrame(
        {
            "order_id": ["1", "2", "3"],
            "customer_id": "a",
            "order_date": "2024-01-01 10:00:00",
            "order_amount": [30, 20, -10],
            "coupon_amount": [2, 0, 1],
        }
    )
    total = profiling.discounts(tables(orders=orders)).total
    assert (total["orders"], total["spend"], total["share_of_orders_with_coupon"]) == (2, 40, 0.5)


def test_a_growing_business_has_no_gap_in_its_sparse_beginning(tables):
    days = pd.date_range("2022-01-03", "2023-12-31")
    rows = [
        ("a", f"{d:%Y-%m-%d} 10:00:00", 5)
        for i, d in enumerate(days)
        if d != days[700]
        for _n in range(i // 50 if i % 3 else i // 80)
    ]
    gaps = profiling.gaps(shop(tables, [("a", "2022-01-03 10:00:00", 5), *rows]))
    daily = gaps.table.set_index("order_day")["orders"]
    expected = []
    for day in daily.index[daily == 0]:
        near = [daily.get(day + pd.Timedelta(weeks=k)) for k in range(-8, 9)]
        expected += [day] if np.median([n for n in near if n is not None]) >= 3 else []
    assert gaps.table.loc[gaps.table["gap"], "order_day"].tolist() == expected == [days[700]]
    early = profiling.gaps(shop(tables, [("a", f"{d:%Y-%m-%d} 10:00:00", 5) for i, d in enumerate(days[:90]) if i % 8 != 1]))
    assert early.headline().endswith("so few are usual on them that this can be chance")
    assert early.finding().value == 0


def test_the_busiest_hour_of_even_orders_is_no_peak(tables):
    moments = [d + pd.Timedelta(hours=h) for d in pd.date_range("2024-01-01", "2024-03-31") for h in (10, 11, 12)]
    even = profiling.weekday_hours(shop(tables, [("a", f"{m:%Y-%m-%d %H:%M:%S}", 5) for m in [*moments, moments[0]]]))
    assert even.headline() == "No hour of the week stands out: the most orders in one, 14, can be chance at a mean of 13.0"
    found = even.finding()
    assert (found.confidence, found.display) == ("medium", "")
    assert "Plan nothing" in found.so_what
    busy = profiling.weekday_hours(shop(tables, [("a", f"{m:%Y-%m-%d %H:%M:%S}", 5) for m in [*moments, *[moments[0]] * 30]]))
    mean = (len(moments) + 30) / 21
    beyond = 1 - sum(math.exp(-mean) * mean**k / math.factorial(k) for k in range(43))
    assert busy.stands_out() == (21 * beyond < 0.05) is True
    assert busy.headline().startswith("Orders peak on Monday between 10:00 and 11:00")


def test_the_tile_of_a_trait_shows_the_distance_from_the_average_and_none_without_one(tables):
    apart = profiling.demographics(tables(**people({"f": [30.0, 32.0] * 20, "m": [10.0, 12.0] * 60}))).finding()
    assert apart.display == "+94%"
    alike = profiling.demographics(tables(**people({"f": [10.0, 20.0] * 20, "m": [10.0, 20.0] * 20}))).finding()
    assert alike.display == ""


def test_lines_of_unknown_products_are_counted_as_unknown(flawed):
    result = profiling.departments(flawed)
    assert result.table["department"].tolist() == ["D", None]
    assert result.table["lines"].tolist() == [3, 1]
    assert result.headline() == "89% of spend goes to D"
    assert "Department unknown: 1 lines, $4.00." in result.note() or "Department unknown: 1 lines, $4." in result.note()


amounts = st.integers(-5, 40)
orders = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", None]),
        st.integers(0, 100),
        st.integers(0, 23),
        amounts,
        st.sampled_from(["S", "T", "U", None]),
    ),
    min_size=1,
    max_size=40,
)


@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(orders)
def test_whatever_the_orders_the_text_is_true_and_the_findings_are_numbers(tables, drawn):
    rows = [
        (who, f"{dt.date(2024, 1, 1) + dt.timedelta(days=day)} {hour:02d}:30:00", amount, store)
        for who, day, hour, amount, store in drawn
    ]
    found = results(shop(tables, rows))
    frame = pd.DataFrame(drawn, columns=["who", "day", "hour", "amount", "store"])
    for result in found.values():
        if isinstance(result, NotAvailable):
            assert result.text.startswith("Not shown: ")
            continue
        assert not any(re.search(ODD, text) for text in texts(result))
        assert json.loads(json.dumps(asdict(result.finding()), allow_nan=False))["confidence"]
    bought = frame[frame["amount"] >= 0]
    if not isinstance(found["base"], NotAvailable):
        row = found["base"].table.iloc[0]
        known, buyers = frame[frame["who"].notna()], bought[bought["who"].notna()]
        assert (row["customers"], row["orders"], row["spend"]) == (buyers["who"].nunique(), len(buyers), known["amount"].sum())
    empty = frame["day"].max() - frame["day"].min() + 1 - bought["day"].nunique()
    assert (found["gaps"].table["orders"] == 0).sum() == empty
    assert found["gaps"].headline().startswith(("Each of", "The only")) == (empty == 0)
    if not isinstance(found["stores"], NotAvailable):
        share = (frame.groupby("store")["amount"].sum() / frame["amount"].sum()).sort_values(ascending=False).cumsum()
        needed = found["stores"].needed()
        assert needed is None or (share.iloc[needed - 1] >= 0.8 - 1e-9 and (needed == 1 or share.iloc[needed - 2] < 0.8))
    if bought.empty:
        return
    counts = bought.assign(weekday=bought["day"] % 7).groupby(["weekday", "hour"]).size()  # 1 January 2024 is a Monday
    assert found["weekday_hours"].table["orders"].max() == counts.max()
    assert ("No single hour" in found["weekday_hours"].headline()) == ((counts == counts.max()).sum() > 1)


# ---------------------------------------------------------------- the notebook
def test_the_notebook_calls_and_shows_and_does_nothing_else():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    ids = [cell.id for cell in notebook.cells]
    assert ids[:3] == ["title", "parameters", "open"]
    assert notebook.cells[1].metadata["tags"] == ["parameters"]
    sections = [i.removesuffix("-about") for i in ids[3::2]]
    assert ids[3:] == [name for section in sections for name in (f"{section}-about", section)]
    assert set(METHODS) <= {call for cell in notebook.cells for call in re.findall(r"profiling\.(\w+)\(", cell.source)}
    missing = set(PORTRAIT) - {call for cell in notebook.cells for call in re.findall(r"profiling\.(\w+)\(", cell.source)}
    assert not missing
    for cell in notebook.cells[3:]:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
            assert len(cell.source.splitlines()) <= 8
            assert not re.search(r"\bif\b|title=\"|\.groupby|pd\.", cell.source)
