"""The portrait: who the customers are, how they buy, where they live and how they can be reached."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import shutil
from dataclasses import asdict

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats

from conftest import make_tables
from fivestep import charts, engine, language, profiling, segmentation
from fivestep.cases import simulate
from fivestep.engagement import Engagement, Settings
from fivestep.errors import UserError
from fivestep.findings import NotAvailable
from fivestep.intake import places
from fivestep.intervals import wilson
from fivestep.language import columns
from fivestep.profiling import age
from fivestep.profiling.interests import interest
from fivestep.report.batch import batch
from metamorphoses import changed, dearer, later, renamed

SENSITIVE = ("income", "income_band", "assets")
METHODS = {
    "business_overview": ("shown",),
    "majorities": ("shown",),
    "home_places": ("top",),
    "habits": ("how", "price", "what"),
    "interests": ("shown", "clear_pairs"),
    "spending_power": ("parts", "by_group"),
    "contact_channels": ("table", "by_group"),
    "social_use": ("table",),
    "brand_loyalty": ("top",),
    "payments": ("table",),
    "product_cube": ("answers",),
    "product_range": ("table", "by_line"),
    "customer_file": ("table", "card", "history"),
    "lifestyle": ("shown",),
    "five_kinds": ("table",),
    "attitudes": ("table",),
    "product_opinions": ("table",),
}
ODD = r"\bnan\b|\bNone\b(?! of)|NaT|<NA>|[{}]"


def results(tables) -> dict:
    return {name: getattr(profiling, name)(tables) for name in METHODS}


def shown(result, names: tuple[str, ...]) -> list[pd.DataFrame]:
    parts = [getattr(result, name) for name in names]
    return [t for t in (p() if callable(p) else p for p in parts) if not isinstance(t, NotAvailable)]


def texts(result) -> list[str]:
    if isinstance(result, NotAvailable):
        return [result.text]
    said = [getattr(result, n)() for n in dir(result) if n.endswith("headline") or n in ("note", "what_note", "card_note")]
    found = result.finding()
    return [*map(str, said), found.text, found.evidence, found.so_what, found.display, *found.warnings, *found.assumptions]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("portrait") / "coffee", customers=500)


@pytest.fixture(scope="module")
def coffee(folder):
    """The simulated company: its tables, every result, and its tables read by pandas alone."""
    language.use("en", currency="USD")
    tables = engine.Tables.of(engine.read(folder, engine.connect()), sensitive=SENSITIVE)
    raw = {path.stem: pd.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}
    for frame in raw.values():
        for c in frame:
            if c.endswith("amount") or c in ("line_discount", "gross_profit", "income", "assets"):
                frame[c] = frame[c].astype(float)
    return tables, results(tables), raw


def orders_of(rows: list[tuple]) -> pd.DataFrame:
    """Orders of (customer, day, amount) rows."""
    return pd.DataFrame(
        {
            "order_id": [f"o{i:05d}" for i in range(len(rows))],
            "customer_id": [r[0] for r in rows],
            "order_date": [f"{r[1]} 10:00:00" for r in rows],
            "order_amount": [r[2] for r in rows],
        }
    )


def people(n: int, **fields) -> dict[str, pd.DataFrame]:
    """*n* customers with one order of 10 each, and further fields."""
    ids = [f"c{i:04d}" for i in range(n)]
    return {
        "customers": pd.DataFrame({"customer_id": ids, **fields}),
        "orders": orders_of([(c, "2024-01-01", 10) for c in ids]),
    }


# ---------------------------------------------------------------- places
@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("广东省", "44"), ("廣東", "44"), ("Guangdong Province", "44"), (" guangdong ", "44"), ("内蒙", "15"),
        ("內蒙古自治區", "15"), ("新疆维吾尔自治区", "65"), ("陕西", "61"), ("Shanxi", "14"), ("Shaanxi", "61"), ("臺灣", "71"),
        ("北京市", "11"), ("Xizang", "54"), ("香港特别行政区", "81"), ("California", ""), ("", ""), (None, ""),
    ],
)  # fmt: skip
def test_a_province_is_one_however_it_is_written(written, code):
    assert places.province_code(written) == code


@pytest.mark.parametrize(
    ("written", "province", "code"),
    [
        ("深圳市", "", "4403"), ("广东省深圳市", "", "4403"), ("Shenzhen, Guangdong", "", "4403"), ("鄭州", "", "4101"),
        ("恩施州", "", "4228"), ("恩施土家族苗族自治州", "", "4228"), ("台北", "", "7101"), ("臺北市", "", "7101"),
        ("Xi’an", "", "6101"), ("Ürümqi", "", "6501"), ("Beijing", "", "1101"), ("北京市朝阳区", "", "1101"),
        ("朝阳", "", "2113"), ("吉林市", "", "2202"),
        ("Suzhou", "", ""), ("Suzhou", "32", "3205"), ("Suzhou", "34", "3413"), ("江苏 苏州市", "", "3205"), ("海南", "", ""),
        ("海南", "63", "6325"), ("Paris", "", ""), ("杭州", "44", ""),
    ],
)  # fmt: skip
def test_a_city_is_one_however_it_is_written_and_no_other_of_its_name(written, province, code):
    assert places.city_code(written, province) == code


def test_the_list_of_places_is_whole_and_names_each_once():
    table = places._table()
    provinces = [c for c in table if len(c) == 2]
    assert len(provinces) == 34
    assert {c[:2] for c in table} == set(provinces)
    for row in table.values():
        digits = len(row["code"])
        for name in (row["name"], row["zh_CN"], row["zh_TW"]):
            found = places._named(name, 2 if digits == 2 else 4)
            assert row["code"] in found
            assert len(found) == 1, name
    prefectures = [c for c in table if len(c) == 4 and c[:2] not in ("11", "12", "31", "50", "71", "81", "82")]
    assert len(prefectures) == 333  # of the rank of a prefecture, by the Ministry of Civil Affairs


def test_customers_of_one_city_are_counted_together_and_foreign_names_as_written():
    given = people(7, country=["China", None, "中国", "CN", "France", "USA", None],
                   city=["深圳", "Shenzhen", "广东省深圳市", "Guangzhou", "Paris", "Shenzhen", None])  # fmt: skip
    found = profiling.home_places(make_tables(**given))
    cities = found.of("City").set_index("place")
    assert cities["customers"].to_dict() == {"Shenzhen": 4, "Guangzhou": 1, "Paris": 1}
    assert found.of("Province")["place"].tolist() == ["Guangdong"]  # told by the city
    assert found.known == {"Province": 4, "City": 6}
    assert found.headline() == "67% of customers of known place live in 1 of 3 cities: Shenzhen"
    assert "City unknown: 14%." in found.note()
    language.use("zh_CN")
    assert profiling.home_places(make_tables(**given)).of("City")["place"].tolist()[0] == "深圳"


def test_places_of_the_simulated_company_are_what_pandas_counts(coffee):
    _tables, found, raw = coffee
    counted = raw["customers"]["city"].value_counts()
    table = found["home_places"].of("City").set_index("place")
    assert table["customers"].to_dict() == {"Xi'an" if c == "Xian" else c: n for c, n in counted.items()}
    low, high = wilson(table["customers"], len(raw["customers"]))
    assert np.allclose(table["known_share_low"], low)
    assert np.allclose(table["known_share_high"], high)
    half = int((counted.sort_values(ascending=False).cumsum() < len(raw["customers"]) / 2).sum()) + 1
    assert found["home_places"].finding().value == half


# ---------------------------------------------------------------- age and gender
def test_an_age_changes_on_the_birthday_and_slips_are_unknown():
    given = people(
        6, birth_date=["1990-06-15", "1990-06-16", "1890-01-01", "2030-01-01", None, "2006-06-15"], age=[1, 1, 7, None, 40, 1]
    )
    tables = make_tables(**given, as_of=dt.date(2024, 6, 15))
    years = tables.customers.mutate(years=age.age_of(tables)).order_by("customer_id").to_pandas()["years"]
    assert years.tolist()[:3] == [34, 33, 7]
    assert pd.isna(years[3])
    assert years.tolist()[4:] == [40, 18]


def test_bands_of_the_client_stay_unless_others_are_asked_for():
    given = people(3, age=[17, 18, 70], age_band=["kids", "grown", "grown"])
    tables = make_tables(**given)
    assert profiling.portrait(tables, "age_band").table["age_band"].tolist() == ["grown", "kids"]
    asked = profiling.portrait(tables, "age_band", age_bands=(18, 60)).table
    assert asked["age_band"].tolist() == ["0-17", "18-59", "60+"]
    bare = profiling.portrait(make_tables(**people(3, age=[5, 30, 101])), "age_band").table
    assert bare["age_band"].tolist() == ["0-17", "25-34", "65+"]


@pytest.mark.parametrize(
    ("band", "ends"),
    [
        ("25-34", (25, 35)), ("25–34岁", (25, 35)), ("18至24", (18, 25)), ("65+", (65, math.inf)), ("60岁以上", (60, math.inf)),
        ("<18", (0, 18)), ("18岁以下", (0, 18)), ("under 25", (0, 25)), ("90后", None), ("young", None), ("45-35", None),
    ],
)  # fmt: skip
def test_bands_of_ages_are_read_as_people_write_them(band, ends):
    assert age.ends(band) == ends


@pytest.mark.parametrize(
    ("women", "men", "verdict"),
    [
        (70, 30, "women"),
        (30, 70, "men"),
        (500, 500, "balanced"),
        (550, 450, "more women"),
        (450, 550, "more men"),
        (6, 4, "open"),
    ],
)
def test_mostly_women_is_said_only_where_it_is_proven(women, men, verdict):
    words = ["女", "F", "female"] * women
    given = people(women + men + 5, gender=[*words[:women], *(["M", "男性"] * men)[:men], *[None] * 5])
    found = profiling.majorities(make_tables(**given))
    assert found.gender() == verdict
    assert found.table["customers"].tolist() == [women, men]
    low, high = wilson(women, women + men)
    assert found.table[["known_share_low", "known_share_high"]].iloc[0].tolist() == pytest.approx([float(low), float(high)])


def test_ages_of_the_real_case_count_where_the_middle_of_a_band_lies(grocery):
    found = profiling.majorities(grocery).table.set_index("portrait_group")["customers"]
    bands = grocery.customers.to_pandas()["age_band"].value_counts()
    assert found["Young (under 35)"] == bands["19-24"] + bands["25-34"]
    assert found["Middle-aged (35 to 59)"] == bands["35-44"] + bands["45-54"]
    assert found.sum() == bands.sum()


# ---------------------------------------------------------------- sensitive fields
def test_sensitive_fields_are_shown_only_where_they_are_named():
    given = people(3, gender=["f", "m", "f"], income_band=["low", "high", "low"])
    tables = make_tables(**given)
    assert (tables.hidden, tables.missing("customers.income_band")) == (("income_band",), ("customers.income_band",))
    assert [p.field for p in profiling.demographics(tables).portraits] == ["gender"]
    allowed = make_tables(**given, sensitive=("income_band",))
    assert [p.field for p in profiling.demographics(allowed).portraits] == ["gender", "income_band"]
    with pytest.raises(UserError, match="Name it under sensitive_fields"):
        profiling.portrait(tables, "income_band")
    assert Settings(name="a", client="b", sensitive_fields=["income_band"]).sensitive_fields == ("income_band",)
    with pytest.raises(ValueError, match="choose among"):
        Settings(name="a", client="b", sensitive_fields=["gender"])


def test_without_leave_no_step_sees_a_sensitive_field_of_the_coffee_company(folder, tmp_path):
    """The values are marked, so that one of them in any table, list or sentence is found; reports by them are refused."""
    snapshot = tmp_path / "data" / "contract" / "coffee"
    snapshot.mkdir(parents=True)
    for path in folder.glob("*.parquet"):
        shutil.copy(path, snapshot)
    marked = pq.read_table(snapshot / "customers.parquet")
    for name in ("income_band", "credit_status"):
        marked = marked.set_column(marked.column_names.index(name), name, pa.array(["MARKED"] * len(marked)))
    pq.write_table(marked, snapshot / "customers.parquet")
    (tmp_path / "engagement.yml").write_text("name: T\nclient: C\n")
    opened = Engagement(tmp_path, "1_profiling")
    assert set(opened.tables.hidden) == {"income", "income_band", "assets", "credit_status"}
    for name in opened.tables.names:
        assert not set(opened.tables.hidden) & set(getattr(opened.tables, name).columns), name
    assert not set(opened.tables.hidden) & set(opened.tables.until(dt.date(2024, 6, 30)).customers.columns)
    tiers, stages = segmentation.value_tiers(opened.tables), segmentation.lifecycle(opened.tables)
    found = results(opened.tables) | {
        "regression": segmentation.value_regression(opened.tables),
        "card": segmentation.target_card(opened.tables, tiers, stages),
        "fit": segmentation.product_fit(opened.tables, stages),
        "divisions": segmentation.value_by_segment(opened.tables, found={"Tier": tiers.table[["customer_id", "value_tier"]]}),
    }  # fmt: skip
    for name, result in found.items():
        held = [getattr(result, f) for f in result.__dataclass_fields__] if hasattr(result, "__dataclass_fields__") else []
        frames = [t for t in (*held, *shown(result, METHODS.get(name, ()))) if isinstance(t, pd.DataFrame)]
        cells = " ".join(str(v) for t in frames for c in t for v in (c, *t[c].unique()))
        said = cells + " ".join(texts(result))
        assert not re.search(r"MARKED|\bincome_band\b|credit_status|Income band|Band of yearly", said), name
    for field in ("income_band", "credit_status"):
        with pytest.raises(UserError, match=f"{field} is sensitive"):
            Engagement(tmp_path, "1_profiling", scope=f"{field}=MARKED")
        with pytest.raises(UserError, match=f"{field} is sensitive"):
            batch(tmp_path, by=field, progress=False)
    (tmp_path / "engagement.yml").write_text("name: T\nclient: C\ngood_credit: [MARKED]\n")
    assert "credit_status" not in Engagement(tmp_path, "2_segmentation").tables.hidden  # named by its values


def test_income_counts_in_spending_power_only_where_it_is_named(folder, coffee):
    _tables, found, raw = coffee
    silent = profiling.spending_power(engine.Tables.of(engine.read(folder, engine.connect())))
    assert silent.parts["power_part"].tolist() == ["Spend a month", "Spend per order", "Price level"]
    assert "sensitive_fields" in silent.note()
    assert found["spending_power"].parts["power_part"].tolist()[:2] == ["Income", "Assets"]
    assert not silent.per_customer.columns.intersection(["income", "assets"]).size
    known = raw["customers"].set_index("customer_id")["income"].reindex(silent.per_customer["customer_id"]).rank()
    got = found["spending_power"].per_customer.set_index("customer_id")["income"]
    assert np.allclose(got, 100 * (known - 1) / (known.notna().sum() - 1), equal_nan=True)


def test_the_index_of_power_is_the_mean_of_the_ranks_and_its_groups_their_mean(coffee):
    _tables, found, raw = coffee
    power = found["spending_power"]
    parts = power.per_customer.drop(columns=["customer_id", "power_index"])
    assert np.allclose(power.per_customer["power_index"], parts.mean(axis=1))
    students = raw["customers"].set_index("customer_id")["occupation"].reindex(power.per_customer["customer_id"]) == "student"
    row = power.groups.set_index("portrait_group").loc["student"]
    assert row["power_mean"] == pytest.approx(power.per_customer.loc[students.to_numpy(), "power_index"].mean())
    assert row["power_high"] < power.mean()  # planted: the young earn less


# ---------------------------------------------------------------- habits
def test_habits_are_what_pandas_counts(coffee):
    _tables, found, raw = coffee
    orders = raw["orders"]
    good = orders[orders["order_amount"] >= 0]
    by = good.groupby("customer_id").agg(n=("order_id", "size"), first=("order_date", "min"))
    months = ((pd.Timestamp("2024-12-31") - by["first"].dt.normalize()).dt.days + 1) / 30.4375
    by["rate"] = by["n"] / months.clip(lower=1)
    by["spend"] = orders.groupby("customer_id")["order_amount"].sum()
    who = raw["customers"].set_index("customer_id")
    table = found["habits"].table
    for trait in ("gender", "age_band", "occupation", "region"):
        part = table[table["portrait_trait"] == trait].set_index("portrait_group")
        expected = by.join(who[trait]).groupby(trait)
        sizes = expected.size()
        assert set(part.index) == set(sizes.index[sizes >= 30])
        assert np.allclose(part["orders_per_month"], expected["rate"].mean()[part.index])
        assert np.allclose(part["spend_per_order"], (expected["spend"].sum() / expected["n"].sum())[part.index])
    paid = good.merge(who["gender"], on="customer_id").groupby("gender")["payment_method"].value_counts(normalize=True)
    row = table[table["portrait_group"] == "female"].iloc[0]
    assert (row["payment_used"], row["payment_share"]) == (paid["female"].idxmax(), pytest.approx(paid["female"].max()))


def test_price_levels_of_income_groups_are_what_pandas_averages(coffee):
    _tables, found, raw = coffee
    lines = raw["order_lines"].merge(raw["products"][["product_id", "category"]], on="product_id")
    lines = lines[(lines["line_amount"] > 0) & (lines["quantity"] > 0)]
    log = np.log(lines["line_amount"].astype(float) / lines["quantity"])
    apart = log - log.groupby(lines["category"]).transform("mean")
    weight = lines["line_amount"].astype(float)
    level = np.exp((apart * weight).groupby(lines["customer_id"]).sum() / weight.groupby(lines["customer_id"]).sum())
    of = raw["customers"].set_index("customer_id")["income_band"].reindex(level.index)
    rows = found["habits"].table.query("portrait_trait == 'income_band'").set_index("portrait_group")
    expected = 100 * level.groupby(of).mean()
    assert len(rows) >= 2
    assert rows["group_price_level"].to_dict() == pytest.approx(expected[rows.index].to_dict(), rel=1e-5)
    assert (rows["level_low"] < rows["group_price_level"]).all()
    assert "price level" in found["habits"].level_headline().lower() or "dearer" in found["habits"].level_headline()


def test_the_lifestyle_of_a_group_is_what_pandas_counts(coffee):
    _tables, found, raw = coffee
    table = found["lifestyle"].table.set_index(["portrait_trait", "portrait_group"])
    women = set(raw["customers"].query("gender == 'female'")["customer_id"])
    orders = raw["orders"].query("order_amount >= 0")
    mine = orders[orders["customer_id"].isin(women)]["order_date"]
    row = table.loc["gender", "female"]
    assert row["weekend_share"] == pytest.approx((mine.dt.day_of_week >= 5).mean())
    hours = pd.cut(mine.dt.hour, [-1, 9, 13, 17, 23], labels=["Before 10:00", "10:00 to 14:00", "14:00 to 18:00", "From 18:00"])
    most = hours.value_counts(normalize=True)
    assert (row["day_part"], row["day_part_share"]) == (most.idxmax(), pytest.approx(most.max()))
    events = raw["events"][~raw["events"]["platform"].isin(["app", "website"])]
    used = events[events["customer_id"].isin(women)].groupby("platform")["customer_id"].nunique()
    assert (row["medium"], row["medium_share"]) == (used.idxmax(), pytest.approx(used.max() / len(women)))


def test_an_interest_of_a_group_stands_out_only_beyond_chance(tables):
    likes = ["music" if i < 35 else "sport" for i in range(40)] + ["sport" if i % 2 else "music" for i in range(40)]
    data = people(80, gender=["female"] * 40 + ["male"] * 40, interests=likes)
    rows = profiling.lifestyle(tables(**data)).table.set_index("portrait_group")
    assert rows.loc["female", "top_interest"] == "music"
    assert rows.loc["female", "interest_index"] == pytest.approx(100 * (35 / 40) / (55 / 80))
    even = people(80, gender=["female"] * 40 + ["male"] * 40, interests=["music", "sport"] * 40)
    assert "top_interest" not in profiling.lifestyle(tables(**even)).table


def test_five_kinds_of_variables_are_known_of_whom_pandas_counts(coffee):
    _tables, found, raw = coffee
    result = found["five_kinds"]
    assert set(result.table["profile_kind"]) == {"Geographic", "Demographic", "Psychographic", "Behavioural", "Of needs"}
    rows = result.table.set_index("profile_variable")
    searched = raw["events"].dropna(subset=["search_term"]).groupby("search_term")["customer_id"].nunique()
    of = raw["events"].dropna(subset=["search_term"])["customer_id"].nunique()
    assert rows.loc["Search term", "customers"] == of
    assert rows.loc["Search term", "typical_share"] == pytest.approx(searched.max() / of)
    who = raw["customers"]
    ids = [
        set(who["customer_id"]), set(who.dropna(subset=["gender"])["customer_id"]),
        set(who.dropna(subset=["interests"])["customer_id"]) | set(raw["feedback"].dropna(subset=["trust"])["customer_id"]),
        set(raw["orders"].query("order_amount >= 0")["customer_id"]),
        set(raw["events"].dropna(subset=["search_term"])["customer_id"]) | set(raw["feedback"]["customer_id"].dropna()),
    ]  # fmt: skip
    assert result.whole == len(set.intersection(*ids) & set(who["customer_id"]))


def test_who_means_to_buy_again_is_held_against_what_was_bought(tables, tmp_path):
    n = 40
    days = [(f"c{i:04d}", "2024-01-01", 10) for i in range(2 * n)] + [(f"c{i:04d}", "2024-02-01", 10) for i in range(n)]
    feedback = pd.DataFrame({
        "feedback_id": [f"f{i:03d}" for i in range(2 * n)], "customer_id": [f"c{i:04d}" for i in range(2 * n)],
        "created_at": "2024-01-15 09:00:00", "feedback_type": "review",
        "repurchase_intent": [5.0] * n + [2.0] * n, "nps": [9] * n + [8] * n,
    })  # fmt: skip
    survey = pd.DataFrame({
        "response_id": ["r1", "r1", "r2"], "question_id": ["warm bread/functional", "importance/price", "warm bread/functional"],
        "customer_id": ["c0000", "c0000", "c0001"], "answer": ["Like", "9", "neutral"], "score": [None, 9.0, None],
        "answered_at": "2024-01-20 10:00:00",
    })  # fmt: skip
    asked = tables(orders=orders_of(days), feedback=feedback, survey=survey, as_of=dt.date(2024, 12, 31))
    result = profiling.attitudes(asked)
    rows = result.table.set_index("attitude_statement")
    means = rows.loc["Means to buy again"]
    assert (means["positive"], means["bought_if_positive"], means["bought_if_not"]) == (0.5, 1.0, 0.0)
    assert rows.loc["Recommends us", "positive"] == 0.5
    assert rows.loc["Would like: warm bread", ["attitude_answers", "positive"]].tolist() == [2, 0.5]
    assert rows.loc["Counts: price", "attitude_kind"] == "What counts to them"
    assert "more often (100% against 0%)" in result.headline()
    labels = tmp_path / "labels.csv"
    labels.write_text("field,value,en,zh_CN,zh_TW,order\nsurvey.feature,price,Price,价格,價格,\n", "utf-8")
    language.load_values(labels)
    assert "Counts: Price" in profiling.attitudes(asked).table["attitude_statement"].tolist()


def test_opinions_on_products_point_at_the_one_that_leaks(coffee):
    _tables, found, raw = coffee
    table = found["product_opinions"].table
    about = raw["feedback"].merge(raw["products"][["product_id", "category"]], on="product_id")
    lines = raw["order_lines"].merge(raw["products"][["product_id", "category"]], on="product_id").groupby("category").size()
    bad = about[about["feedback_type"] == "complaint"].groupby("category").size()
    kept = about.groupby("category").size()
    rate = (1000 * bad / lines).fillna(0)[kept.index[kept >= 10]].sort_values(ascending=False)
    assert table["opinion_complaint_rate"].tolist() == pytest.approx(rate.tolist()[: len(table)])
    assert table["category"].iloc[0] == rate.index[0] == "Cold brew"
    mean = about.groupby("category")["satisfaction"].mean()
    assert table["mean_satisfaction"].tolist() == pytest.approx(mean[table["category"]].tolist())


def test_a_preference_is_that_of_welchs_test_on_shares_of_spend(coffee):
    _tables, found, raw = coffee
    lines = raw["order_lines"].merge(raw["products"][["product_id", "category"]], on="product_id")
    spend = lines.pivot_table(index="customer_id", columns="category", values="line_amount", aggfunc="sum", fill_value=0.0)
    share = spend[spend.sum(axis=1) > 0].div(spend.sum(axis=1), axis=0)
    student = raw["customers"].set_index("customer_id")["occupation"].reindex(share.index) == "student"
    inside, outside = share.loc[student, "Tea drinks"], share.loc[~student, "Tea drinks"]
    test = stats.ttest_ind(inside, outside, equal_var=False)
    row = found["habits"].table.set_index("portrait_group").loc["student"]
    assert test.pvalue * found["habits"].compared < 0.05
    assert row["category"] == "Tea drinks"  # planted: the taste of that segment
    assert row["category_index"] == pytest.approx(100 * inside.mean() / outside.mean())
    low = found["habits"].table.set_index("portrait_group").loc[["male"]]
    assert low["category"].isna().all() or (low["category_index"] > 100).all()


# ---------------------------------------------------------------- interests
def test_one_interest_has_many_names_and_a_cell_many_interests():
    assert [interest(w) for w in ("健身", "Running", "sport", "運動", "听音乐", "zen")] == ["sport"] * 4 + ["music", "zen"]
    assert interest("瑜伽", {"yoga": ["瑜伽"]}) == "yoga"
    cells = ["运动;音乐", "Sports、music", "健身，运动", "zen | sport", None, " ; "]
    found = profiling.interests(make_tables(**people(6, interests=cells)))
    assert found.table.set_index("portrait_interest")["customers"].to_dict() == {"sport": 4, "music": 2, "zen": 1}
    assert (found.known, found.customers) == (4, 6)
    assert "4 of 6 customers name an interest (33% unknown)" in found.note()
    language.use("zh_CN")
    assert found.shown()["portrait_interest"].tolist() == ["运动", "音乐", "zen"]


def test_interests_that_go_together_are_found_and_independent_ones_are_not():
    random = np.random.default_rng(3)
    music, film, sport = random.random((3, 600)) < 0.4
    film = np.where(random.random(600) < 0.6, music, film)
    cells = [
        ";".join(n for n, has in zip(("music", "film", "sport"), row, strict=True) if has) or None
        for row in zip(music, film, sport, strict=True)
    ]
    found = profiling.interests(make_tables(**people(600, interests=cells)))
    clear = found.pairs[found.pairs["pair_clear"]]
    assert clear[["interest_a", "interest_b"]].to_numpy().tolist() == [["film", "music"]]
    known = music | film | sport
    expected = music.sum() * film.sum() / known.sum()
    assert clear["pair_expected"].iloc[0] == pytest.approx(expected)
    assert found.pairs_headline().startswith(f"Film and Music go together: {(music & film).sum()} customers name both")


def test_no_interest_of_the_simulated_company_goes_with_another(coffee):
    _tables, found, raw = coffee
    assert found["interests"].pairs_headline() == "No two interests go together more often than chance explains"
    counted = raw["customers"]["interests"].dropna().str.split(";").explode().value_counts()
    assert found["interests"].table.set_index("portrait_interest")["customers"].to_dict() == counted.to_dict()
    spend = raw["orders"].groupby("customer_id")["order_amount"].sum()
    named = raw["customers"].dropna(subset="interests").set_index("customer_id")
    money = spend.reindex(named.index).fillna(0)
    likes = named["interests"].str.contains("music")
    row = found["interests"].table.set_index("portrait_interest").loc["music"]
    assert row["spend_index"] == pytest.approx(100 * money[likes].mean() / money.mean())


# ---------------------------------------------------------------- brands, payment
def lines_of(rows: list[tuple]) -> dict[str, pd.DataFrame]:
    """Orders, lines and products of (customer, order, day, product, amount) rows; a product is named category/brand."""
    frame = pd.DataFrame(rows, columns=["customer_id", "order_id", "day", "product_id", "line_amount"])
    frame["order_date"] = frame["day"] + " 10:00:00"
    frame["line_id"] = [str(i) for i in range(len(frame))]
    products = pd.DataFrame({"product_id": frame["product_id"].unique()})
    products[["category", "brand"]] = products["product_id"].str.split("/", expand=True).replace("?", None)
    return {"order_lines": frame.drop(columns="day"), "products": products}


def test_repeat_buyers_and_switches_are_those_of_the_sequence():
    rows = [
        ("a", "1", "2024-01-01", "tea/X", 5), ("a", "2", "2024-01-02", "tea/X", 5), ("a", "3", "2024-01-03", "tea/Y", 5),
        ("a", "4", "2024-01-04", "cake/Z", 5), ("a", "5", "2024-01-05", "tea/X", 5),
        ("b", "6", "2024-01-01", "tea/X", 2), ("b", "6", "2024-01-01", "tea/Y", 9), ("b", "7", "2024-01-02", "tea/Y", 5),
        ("b", "8", "2024-01-03", "tea/?", 5), ("c", "9", "2024-01-01", "tea/Y", -5),
    ]  # fmt: skip
    found = profiling.brand_loyalty(make_tables(**lines_of(rows)))
    table = found.table.set_index("brand")
    assert table["customers"].to_dict() == {"X": 2, "Y": 2, "Z": 1}
    assert table["repeat_buyers"].to_dict() == {"X": 1, "Y": 1, "Z": 0}
    assert found.level == "category"
    pairs = found.switches.set_index(["brand_from", "brand_to"])["switches"].to_dict()
    assert pairs == {("X", "X"): 1, ("X", "Y"): 1, ("Y", "X"): 1, ("Y", "Y"): 1}
    assert found.matrix().loc["X", "Y"] == 0.5
    assert found.unknown == 1
    assert found.headline() == "No brand has 30 buyers, too few to compare who comes back"


def test_brands_that_never_meet_cannot_be_left_and_nothing_is_claimed():
    alone = [("a", str(i), f"2024-01-{i + 1:02d}", "tea/X" if i % 2 else "cake/Z", 5) for i in range(6)]
    found = profiling.brand_loyalty(make_tables(**lines_of(alone)))
    assert found.level == ""  # no category or department sells two brands: all products are one
    assert found.switches_headline() == "0% of next purchases stay with the brand; most switches go from Z to X (3)"
    only = profiling.brand_loyalty(
        make_tables(**lines_of([("a", "1", "2024-01-01", "tea/X", 5), ("b", "2", "2024-01-01", "tea/X", 5)]))
    )
    assert isinstance(only.figure(), NotAvailable)
    assert only.switches_headline() == "No customer bought twice where brands meet"


def test_chance_of_staying_is_the_share_of_the_brand_in_its_category(coffee):
    _tables, found, raw = coffee
    lines = raw["order_lines"].merge(raw["products"][["product_id", "department", "brand"]], on="product_id")
    lines = lines[lines["line_amount"] > 0]
    main = (
        lines.groupby(["customer_id", "department", "order_id", "brand"]).agg(s=("line_amount", "sum"), t=("order_date", "min"))
        .reset_index().sort_values(["s", "brand"], ascending=[False, True])
        .drop_duplicates(["customer_id", "department", "order_id"])
        .sort_values(["customer_id", "department", "t", "order_id"])
    )  # fmt: skip
    main["to"] = main.groupby(["customer_id", "department"])["brand"].shift(-1)
    pairs = main.dropna(subset="to")
    assert found["brand_loyalty"].level == "department"
    row = found["brand_loyalty"].table.set_index("brand").loc["Guest"]
    own = pairs[pairs["brand"] == "Guest"]
    assert row["next_purchases"] == len(own)
    assert row["brand_stays"] == pytest.approx((own["to"] == "Guest").mean())
    into = pairs.groupby("department")["to"].apply(lambda s: (s == "Guest").mean())
    assert row["brand_stays_by_chance"] == pytest.approx(own["department"].map(into).mean())


def test_payment_shares_and_slopes_are_those_of_a_second_computation(coffee):
    _tables, found, raw = coffee
    orders = raw["orders"][raw["orders"]["order_amount"] >= 0]
    table = found["payments"].table.set_index("payment_method")
    assert table["orders"].to_dict() == orders["payment_method"].value_counts().to_dict()
    month = orders["order_date"].dt.to_period("M")
    shares = pd.crosstab(month, orders["payment_method"], normalize="index")["Alipay"].to_numpy()
    slopes = [(shares[j] - shares[i]) / (j - i) for i in range(len(shares)) for j in range(i + 1, len(shares))]
    assert table.loc["Alipay", "share_trend"] == pytest.approx(12 * np.median(slopes))


def test_a_payment_method_that_takes_over_is_named_and_steady_ones_are_not(tables):
    days = [(m, d) for m in range(1, 13) for d in range(1, 29)]
    methods = ["card" if d > 2 * m else "phone" for m, d in days]
    frame = orders_of([("a", f"2024-{m:02d}-{d:02d}", 10) for m, d in days]).assign(payment_method=methods)
    found = profiling.payments(tables(orders=frame, as_of=dt.date(2024, 12, 31)))
    assert "phone gains" in found.headline() or "card loses" in found.headline()
    assert found.finding().warnings
    steady = frame.assign(payment_method=["card", "phone"] * (len(frame) // 2))
    even = profiling.payments(tables(orders=steady))
    assert even.headline() == "No payment method leads: 2 share the most orders"
    assert even._moving().empty


# ---------------------------------------------------------------- channels
def contacts_of(rows: list[tuple]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "interaction_id": [str(i) for i in range(len(rows))],
            "customer_id": [r[0] for r in rows],
            "occurred_at": "2024-01-01 10:00:00",
            "channel": [r[1] for r in rows],
            "result": [r[2] for r in rows],
            "direction": [r[3] if len(r) > 3 else "outbound" for r in rows],
        }
    )


def test_the_best_channel_is_told_from_customers_who_were_contacted_both_ways():
    # Visits are answered always, but by customers whom nobody wrote to; of those written both ways, e-mail is answered more.
    rows = [(f"c{i:04d}", "visit", "reached") for i in range(50)]
    for i in range(50, 150):
        rows += [
            (f"c{i:04d}", "mail", "opened" if i % 5 else "no answer"),
            (f"c{i:04d}", "sms", "已读" if i % 5 == 0 else "unknown word"),
        ]
        rows += [(f"c{i:04d}", "sms", "no answer"), (f"c{i:04d}", "sms", "answered", "inbound")]
    found = profiling.contact_channels(make_tables(**people(150), interactions=contacts_of(rows)))
    table = found.table.set_index("contact_by")
    assert table.loc["visit", "answer_rate"] == 1
    assert table.loc["mail", ["contacts_made", "contacts_answered"]].tolist() == [100, 80]
    assert table.loc["sms", ["contacts_made", "contacts_answered"]].tolist() == [120, 20]
    assert found.best == "mail"
    assert found.unread == (80, ("unknown word",))
    assert "80 contacts with other results are left out (unknown word)." in found.note()


def test_channels_that_are_answered_alike_have_no_best():
    random = np.random.default_rng(8)
    rows = [(f"c{i:04d}", by, "opened" if random.random() < 0.4 else "no answer") for i in range(80) for by in ("mail", "sms")]
    found = profiling.contact_channels(make_tables(**people(80), interactions=contacts_of(rows)))
    assert found.best is None
    assert found.headline().startswith("No channel is proven the best; the highest response is")
    assert found.finding().confidence == "low"


def test_response_by_channel_is_what_pandas_counts(coffee):
    _tables, found, raw = coffee
    made = raw["interactions"].query("direction == 'outbound'")
    rate = (made["result"] != "no answer").groupby(made["channel"]).mean()
    table = found["contact_channels"].table.set_index("contact_by")
    assert np.allclose(table["answer_rate"], rate[table.index])
    assert found["contact_channels"].unread == (0, ())
    assert (table["answer_low"] <= table["answer_rate"]).all()
    assert (table["answer_rate"] <= table["answer_high"]).all()


def test_social_platforms_are_counted_by_customer(coffee):
    _tables, found, raw = coffee
    social = raw["events"][raw["events"]["event_type"].isin(["like", "comment", "share"])]
    table = found["social_use"].table.set_index("social_platform")
    assert table["customers"].to_dict() == social.groupby("platform")["customer_id"].nunique().to_dict()
    assert table["social_likes"].sum() == (social["event_type"] == "like").sum()
    assert found["social_use"].active == social["customer_id"].nunique()
    assert set(table.index) <= {"WeChat", "Xiaohongshu", "Douyin", "Weibo"}


# ---------------------------------------------------------------- the cube, the business, the range
def test_the_cube_adds_up_and_its_index_is_that_of_pandas(coffee):
    _tables, found, raw = coffee
    lines = raw["order_lines"].merge(raw["products"][["product_id", "department"]], on="product_id")
    lines = lines.merge(raw["customers"][["customer_id", "region"]], on="customer_id")
    cube = found["product_cube"]
    assert cube.table["spend"].sum() == pytest.approx(lines["line_amount"].sum())
    grid = lines.pivot_table(index="department", columns="region", values="line_amount", aggfunc="sum", fill_value=0.0)
    share = grid.div(grid.sum()).div(grid.sum(axis=1) / grid.to_numpy().sum(), axis=0) * 100
    index = cube.index()
    assert np.allclose(index, share.loc[index.index, index.columns])
    where = cube.readings[cube.readings["reading"] == "Where it sells"].set_index("read_thing")
    buyers = lines.groupby(["department", "region"])["customer_id"].nunique()
    for product, row in where.dropna(subset="read_answer").iterrows():
        able = [r for r in share.columns if buyers[product, r] >= 10]
        assert row["read_answer"] == share.loc[product, able].idxmax()
        assert row["read_index"] == pytest.approx(share.loc[product, able].max())
        assert row["customers"] == buyers[product, row["read_answer"]]


def test_the_three_readings_are_true_of_a_case_that_is_plain():
    rows, ids = [], [f"c{i:02d}" for i in range(20)]
    for q, month in enumerate((1, 4, 7, 10)):
        for i, who in enumerate(ids):
            north = i < 10
            for product, times in (("ice", 8 if q == 2 else 1), ("tea", 5 if north else 1)):
                rows += [(who, f"{who}{month}", f"2024-{month:02d}-{15 + k % 10}", f"{product}/B", 10) for k in range(times)]
    given = lines_of(rows)
    given["customers"] = pd.DataFrame({"customer_id": ids, "region": ["north"] * 10 + ["south"] * 10})
    given["order_lines"].loc[0, "order_date"] = "2024-01-01 10:00:00"
    found = profiling.product_cube(make_tables(**given, as_of=dt.date(2024, 12, 31)))
    said = found.readings.set_index(["reading", "read_thing"])["read_answer"]
    assert said["Where it sells", "tea"] == "north"
    assert said["When it sells", "ice"] == pd.Timestamp("2024-07-01")
    assert said["What sells there", "south"] == "ice"
    assert found.headline() == "ice sells most above the usual in south: 50% of its spend, against 33% of all spend"
    few = profiling.product_cube(make_tables(**{**given, "order_lines": given["order_lines"].head(12)}))
    assert few.readings["read_answer"].isna().all()
    assert few.headline() == "Every product sells in every region as everywhere"


def test_the_business_by_quarter_is_what_pandas_adds_up(coffee):
    _tables, found, raw = coffee
    orders = raw["orders"]
    quarter = orders["order_date"].dt.to_period("Q")
    good = orders["order_amount"] >= 0
    table = found["business_overview"].table
    assert np.allclose(table["spend"], orders.groupby(quarter)["order_amount"].sum())
    assert table["orders"].tolist() == good.groupby(quarter).sum().tolist()
    assert table["business_customers"].tolist() == orders[good].groupby(quarter)["customer_id"].nunique().tolist()
    assert table["first_orders"].sum() == orders.loc[good, "customer_id"].nunique()
    assert np.allclose(
        table["business_margin"],
        raw["order_lines"].groupby(raw["order_lines"]["order_date"].dt.to_period("Q"))["gross_profit"].sum(),
    )
    spend = orders.groupby(orders["order_date"].dt.year)["order_amount"].sum()
    assert found["business_overview"].finding().value == pytest.approx(spend[2024] / spend[2023] - 1)


def test_a_quarter_in_part_is_no_quarter_to_compare(tables):
    rows = [("a", f"{y}-{m:02d}-01", 10 if y == 2022 else 12) for y in (2022, 2023) for m in range(1, 13)] + [
        ("a", "2024-01-10", 999)
    ]
    found = profiling.business_overview(tables(orders=orders_of(rows)))
    assert found.headline() == "Spend of the last four whole quarters, $144, is 20% above the four before"
    assert "Covered in part: quarter 1 of 2024." in found.note()
    short = profiling.business_overview(tables(orders=orders_of(rows[:7])))
    assert short.headline() == "$70 in 3 quarters"


def test_the_range_is_counted_by_hand():
    rows = [
        ("a", "1", "2024-01-01", "tea/X", 80), ("a", "1", "2024-01-01", "tea/Y", 20), ("b", "2", "2024-01-01", "cake/X", 10),
        ("a", "3", "2024-01-01", "cake/X", 10), ("c", "4", "2024-01-01", "pie/X", 5),
    ]  # fmt: skip
    given = lines_of(rows)
    given["products"] = pd.concat(
        [given["products"], pd.DataFrame({"product_id": ["old", "odd"], "category": ["tea", None], "brand": "X"})]
    )
    found = profiling.product_range(make_tables(**given))
    assert found.table.iloc[0].to_dict() == {
        "range_width": 3,
        "range_length": 4,
        "range_depth": pytest.approx(4 / 3),
        "range_consistency": pytest.approx((1 / 2 + 0 + 0) / 3),  # tea and cake share a of a and b
    }
    tea = found.lines.set_index("range_line").loc["tea"]
    assert tea[["products_listed", "products_sold", "products_leading", "customers"]].tolist() == [3, 2, 1, 1]
    assert found.unknown == 1
    assert found.finding().so_what == "Review the products that do not sell: 1 of 5 listed ones had no sale."


# ---------------------------------------------------------------- the customer's file
def test_the_score_of_a_file_is_the_mean_of_its_four_parts(coffee):
    tables, found, raw = coffee
    who, file = raw["customers"].set_index("customer_id"), found["customer_file"]
    basic = pd.DataFrame(
        {
            "gender": who["gender"].notna(),
            "age": who[["birth_date", "age", "age_band"]].notna().any(axis=1),
            "place": who[["city", "province", "region"]].notna().any(axis=1),
            "job": who[["occupation", "job_title"]].notna().any(axis=1),
            "interests": who["interests"].notna(),
            "registered": who["registered_at"].notna(),
        }
    ).mean(axis=1)
    good = raw["orders"][raw["orders"]["order_amount"] >= 0]
    buys = pd.DataFrame(
        {
            "orders": who.index.isin(good["customer_id"]),
            "lines": who.index.isin(raw["order_lines"]["customer_id"]),
            "paid": who.index.isin(good.dropna(subset="payment_method")["customer_id"]),
        },
        index=who.index,
    ).mean(axis=1)
    talk, events = raw["interactions"], raw["events"]
    contact = pd.DataFrame(
        {
            "phone": who.index.isin(talk[talk["interaction_type"] == "call"]["customer_id"]),
            "mail": who.index.isin(talk[talk["interaction_type"].isin(["e-mail", "app message"])]["customer_id"]),
            "service": who.index.isin(raw["feedback"]["customer_id"]),
        },
        index=who.index,
    ).mean(axis=1)
    social = pd.DataFrame(
        {k: who.index.isin(events[events["event_type"] == k]["customer_id"]) for k in ("like", "comment", "share")},
        index=who.index,
    ).mean(axis=1)
    expected = (basic + buys + contact + social) / 4
    assert np.allclose(file.per_customer.set_index("customer_id")["file_score"], expected.sort_index())
    assert file.customer_id in set(expected.index[np.isclose(expected, expected.max())])
    with pytest.raises(UserError, match="no customer_id 'nobody'"):
        profiling.customer_file(tables, "nobody")


def test_a_file_shows_neither_what_was_said_nor_sensitive_fields(folder, coffee):
    _tables, found, raw = coffee
    tables = engine.Tables.of(engine.read(folder, engine.connect()))
    file = profiling.customer_file(tables, found["customer_file"].customer_id)
    said = " ".join(map(str, [*file.card.to_numpy().ravel(), *file.history.to_numpy().ravel()]))
    assert not {"Yearly income of the person or household", "Band of yearly income", "Income band", "Assets"} & set(
        file.card["file_item"]
    )
    assert not any(text in said for text in raw["feedback"]["text"].dropna().unique())
    assert "Income band" in set(found["customer_file"].card["file_item"])
    own = raw["orders"].query("customer_id == @file.customer_id")
    card = file.card.set_index("file_item")["file_value"]
    assert card["Orders"] == language.number((own["order_amount"] >= 0).sum())
    assert file.history["file_day"].is_monotonic_decreasing


# ---------------------------------------------------------------- any data
def test_every_exhibit_of_the_portrait_is_registered_and_reads_well(coffee):
    _tables, found, _raw = coffee
    for name, tables_shown in METHODS.items():
        result = found[name]
        assert not isinstance(result, NotAvailable), name
        for table in shown(result, tables_shown):
            cells = [columns.formatted(c, v) for c in table.columns for v in table[c]]
            assert len(cells)
            assert not any(re.search(ODD, cell) for cell in cells), name
        assert not any(re.search(ODD, text) for text in texts(result)), name
        assert json.loads(json.dumps(asdict(result.finding()), allow_nan=False))["key"].startswith("profiling.")
        if hasattr(result, "figure"):
            assert charts.svg(result.figure()).startswith("<?xml")


def test_shuffling_rows_never_changes_the_portrait(folder, coffee):
    _tables, found, raw = coffee
    connection = engine.connect()
    read = engine.read(folder, connection)
    random = np.random.default_rng(4)
    mixed = {
        n: connection.create_table(f"mixed_{n}", t.to_pyarrow().take(random.permutation(len(raw[n])))) for n, t in read.items()
    }
    tables = engine.Tables.of(mixed, sensitive=SENSITIVE)
    for name in ("habits", "interests", "spending_power", "brand_loyalty", "product_cube"):
        again = getattr(profiling, name)(tables)
        assert texts(again) == texts(found[name]), name
        for ours, theirs in zip(shown(found[name], METHODS[name]), shown(again, METHODS[name]), strict=True):
            pd.testing.assert_frame_equal(ours, theirs)


def test_one_customer_with_one_order_has_a_portrait_without_a_stumble():
    customer = {
        "customer_id": ["a"], "gender": ["f"], "age": [30], "province": ["广东"], "region": ["S"], "interests": ["music"],
        "occupation": ["x"],
    }  # fmt: skip
    order = orders_of([("a", "2024-03-05", 10)]).assign(payment_method="card", store="S", channel="shop")
    line = {
        "order_id": ["o00000"],
        "line_id": ["1"],
        "product_id": ["p"],
        "quantity": [1],
        "order_date": ["2024-03-05 10:00:00"],
        "line_amount": [10],
    }
    event = {"event_id": ["1"], "customer_id": ["a"], "occurred_at": ["2024-03-05 10:00:00"], "event_type": ["like"]}
    lonely = make_tables(
        customers=pd.DataFrame(customer),
        orders=order,
        order_lines=pd.DataFrame(line),
        products=pd.DataFrame({"product_id": ["p"], "department": ["D"], "category": ["C"], "brand": ["B"]}),
        interactions=contacts_of([("a", "mail", "opened")]),
        events=pd.DataFrame(event),
    )
    found = results(lonely)
    for result in found.values():
        assert not any(re.search(ODD, text) for text in texts(result))
        if not isinstance(result, NotAvailable):
            assert json.dumps(asdict(result.finding()), allow_nan=False)
            if hasattr(result, "figure") and not isinstance(drawn := result.figure(), NotAvailable):
                assert charts.svg(drawn).startswith("<?xml")
    assert found["home_places"].headline() == "All customers of known place live in Guangdong"
    assert (
        found["majorities"]
        .headline()
        .startswith("Whether more customers are women or men is open (100% of those known are women)")
    )


def test_data_with_nothing_but_orders_says_in_few_lines_what_is_missing(tables):
    found = results(tables(orders=orders_of([("a", f"2024-01-{i + 1:02d}", i) for i in range(30)])))
    gone = {name: result.text for name, result in found.items() if isinstance(result, NotAvailable)}
    assert set(METHODS) - set(gone) == {"business_overview", "spending_power"}
    assert gone["contact_channels"] == gone["social_use"]  # a section says once what it lacks


# ---------------------------------------------------------------- what must not matter
MOVED = (  # not by calendar month or quarter, which are others 52 weeks later
    "majorities", "home_places", "habits", "interests", "spending_power", "lifestyle", "five_kinds", "attitudes",
    "product_opinions",
)  # fmt: skip
DRAWN = ("spend_index_low", "spend_index_high")  # by resampling customers in the order of their ids


def renamed_dearer_and_later(name, table):
    return later(name, dearer(name, renamed(name, table)))


def test_portraits_move_exactly_as_they_should(folder, coffee):
    language.use("en", currency="USD")
    tables = engine.Tables.of(changed(folder, renamed_dearer_and_later), sensitive=SENSITIVE)
    compared = 0
    for name in MOVED:
        after = getattr(profiling, name)(tables)
        for old, new in zip(shown(coffee[1][name], METHODS[name]), shown(after, METHODS[name]), strict=True):
            assert list(old) == list(new)
            for c in old:
                kind = columns.column(c).kind
                if c == "typical":  # a text that holds amounts
                    continue
                if kind == "text":
                    assert old[c].astype(str).tolist() == new[c].astype(str).tolist(), (name, c)
                else:
                    times, off = 10 if kind == "money" else 1, 0.1 if c in DRAWN else 1e-6
                    assert np.allclose(old[c].astype(float) * times, new[c].astype(float), equal_nan=True, rtol=off), (name, c)
                compared += 1
    assert compared > 50
