"""Segmentation: RFM, value tiers, lifecycle, clusters and what is handed to later steps."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from fivestep import charts, language, segmentation
from fivestep.findings import NotAvailable
from fivestep.language import columns
from fivestep.segmentation import partitions
from fivestep.segmentation.lifecycle import RULES, STAGES
from fivestep.segmentation.purchases import purchases
from fivestep.segmentation.value_tiers import TIERS

KIT = Path(__file__).resolve().parents[1]
CDNOW = KIT.parent / "shared" / "data" / "cdnow" / "CDNOW_sample.txt"
AS_OF = dt.date(2024, 12, 31)


def orders_of(rows: list[tuple]) -> pd.DataFrame:
    """Orders of (customer, days before AS_OF, amount)."""
    return pd.DataFrame({
        "order_id": [str(i) for i in range(len(rows))],
        "customer_id": [customer for customer, _ago, _amount in rows],
        "order_date": [str(AS_OF - dt.timedelta(days=ago)) + " 10:00:00" for _customer, ago, _amount in rows],
        "order_amount": [amount for _customer, _ago, amount in rows],
    })  # fmt: skip


@pytest.fixture
def shop(tables):
    """`Tables` as of AS_OF of (customer, days ago, amount) rows, with the contract tables given besides."""
    return lambda rows, **more: tables(orders=orders_of(rows), as_of=AS_OF, **more)


@pytest.fixture(scope="module")
def real(grocery):
    """Every result of the real case."""
    return results(grocery)


@pytest.fixture(scope="module")
def real_orders() -> pd.DataFrame:
    """The real orders read by pandas alone, with whole days to the last day."""
    orders = pd.read_parquet(KIT / "data" / "grocery" / "orders.parquet")
    day = orders["order_date"].dt.normalize()
    return orders.assign(day=day, ago=(day.max() - day).dt.days, amount=orders["order_amount"].astype(float))


def results(tables) -> dict:
    out = {
        "rfm": segmentation.rfm(tables),
        "tiers": segmentation.value_tiers(tables),
        "lifecycle": segmentation.lifecycle(tables),
    }
    with pytest.MonkeyPatch.context() as patched:  # how many resamples there are plays no part in what is tested here
        patched.setattr(_kmeans(), "RESAMPLES", 6)
        out["clusters"] = segmentation.kmeans(tables)
    out["segments"] = segmentation.segments(tables, *out.values())
    out["together"] = segmentation.tiers_by_stage(out["segments"])
    return out


def shown(found: dict) -> list[pd.DataFrame]:
    """Every table that the notebook shows."""
    rfm, tiers, lifecycle, clusters, together = (found[k] for k in ("rfm", "tiers", "lifecycle", "clusters", "together"))
    made = [
        rfm.classes(),
        rfm.scores(),
        rfm.classes_8(),
        tiers.tiers(),
        lifecycle.stages(),
        clusters.choice,
        clusters.profile(),
        together.table(),
    ]
    return [table for table in made if not isinstance(table, NotAvailable)]


def said(found: dict) -> list[str]:
    """Every title and note that the notebook shows."""
    words = {
        "rfm": ("headline", "headline_8", "classes_headline", "scores_headline", "note", "note_8", "base"),
        "tiers": ("headline", "tiers_headline", "note", "base"),
        "lifecycle": ("headline", "stages_headline", "note", "base"),
        "clusters": ("headline", "choice_headline", "stable_headline", "centres_headline", "choice_note", "centres_note", "note"),
        "together": ("headline", "note"),
    }
    texts = [getattr(found[result], name)() for result, names in words.items() for name in names]
    return [text for text in texts if not isinstance(text, NotAvailable)]


def findings(found: dict) -> list[dict]:
    made = [found[k].finding() for k in ("rfm", "tiers", "lifecycle", "clusters", "together")] + [found["rfm"].finding_8()]
    return [asdict(f) for f in made if not isinstance(f, NotAvailable)]


# -------------------------------------------------------------------------------------------------------------- RFM
def test_the_ten_classes_partition_the_25_cells():
    cells = [(r, f) for rs, fs in segmentation.CLASSES.values() for r in rs for f in fs]
    assert len(segmentation.CLASSES) == 10
    assert sorted(cells) == [(r, f) for r in "12345" for f in "12345"]


def test_the_ten_classes_are_those_in_common_use():
    """The ten-segment map of R and F scores as it circulates in RFM code, first pattern that matches."""
    common = {
        "[12][12]": "Hibernating", "[12][34]": "At risk", "[12]5": "Cannot lose them", "3[12]": "About to sleep",
        "33": "Need attention", "[34][45]": "Loyal customers", "41": "Promising", "51": "New customers",
        "[45][23]": "Potential loyalists", "5[45]": "Champions",
    }  # fmt: skip
    cells = pd.Series([f"{r}{f}" for r in range(1, 6) for f in range(1, 6)])
    named = cells.replace(common, regex=True)
    ours = {r + f: name for name, (rs, fs) in segmentation.CLASSES.items() for r in rs for f in fs}
    assert named.tolist() == [ours[cell] for cell in cells]


def test_the_eight_classes_are_the_eight_combinations_of_high_and_low():
    assert sorted(segmentation.CLASSES_8) == [(r, f, m) for r in (0, 1) for f in (0, 1) for m in (0, 1)]
    assert len(set(segmentation.CLASSES_8.values())) == 8
    important = {name for (_r, _f, m), name in segmentation.CLASSES_8.items() if m}
    assert important == {name for name in segmentation.CLASSES_8.values() if name.startswith("Important")}


def test_rfm_agrees_with_plain_pandas_on_the_real_case(real, real_orders):
    byhand = real_orders.groupby("customer_id").agg(
        recency_days=("ago", "min"), frequency=("order_id", "nunique"), monetary=("amount", "sum")
    )
    n = len(byhand)
    fifth = {c: 5 * (byhand[c].rank(method="min").astype(int) - 1) // n for c in byhand}  # by how many have strictly less
    byhand["r_score"], byhand["f_score"], byhand["m_score"] = (
        5 - fifth["recency_days"],
        1 + fifth["frequency"],
        1 + fifth["monetary"],
    )
    table = real["rfm"].table.set_index("customer_id")
    assert n == 801
    assert table.index.is_monotonic_increasing
    pd.testing.assert_frame_equal(table[byhand.columns], byhand.sort_index(), check_dtype=False, check_names=False, rtol=1e-12)
    high = [byhand["recency_days"] <= byhand["recency_days"].mean()] + [
        byhand[c] >= byhand[c].mean() for c in ("frequency", "monetary")
    ]
    eight = pd.concat(high, axis=1).astype(int).apply(tuple, axis=1).map(segmentation.CLASSES_8)
    assert table["rfm_class_8"].to_dict() == eight.to_dict()


def test_class_tables_account_for_every_customer_and_all_spend(real, real_orders):
    for table in (real["rfm"].classes(), real["rfm"].classes_8()):
        assert table["customers"].sum() == 801
        assert table["spend"].sum() == pytest.approx(real_orders["amount"].sum())
        assert table["share_of_customers"].sum() == pytest.approx(1)
        assert table["share_of_spend"].sum() == pytest.approx(1)


def test_the_score_table_prints_where_each_score_begins_and_ends(real):
    scores = real["rfm"].scores().set_index("score")
    assert scores["frequency_from"].loc[5] > scores["frequency_to"].loc[4]
    assert scores["recency_to"].loc[5] < scores["recency_from"].loc[4]
    assert [scores["monetary_to"].loc[k] for k in (1, 2, 3, 4)] == list(real["rfm"].cutoffs["monetary"])


def test_weekly_shoppers_are_warned_about(real):
    assert not real["rfm"].recency_tells
    assert any("Recency hardly tells" in w for w in real["rfm"].finding().warnings)
    assert any("first bought more than 90 days ago" in w for w in real["rfm"].finding().warnings)


def test_customers_whose_recency_differs_are_not_warned_about(shop):
    rows = [(f"c{i:03}", 2 * i, 10 + i) for i in range(120)]
    rfm = segmentation.rfm(shop(rows))
    assert rfm.recency_tells
    assert not any("Recency hardly tells" in w for w in rfm.warnings)


def test_equal_values_always_get_the_same_score(shop):
    rows = [(f"c{i}", i % 3, 10) for i in range(17) for _again in range(1 + i % 2)]
    table = segmentation.rfm(shop(rows)).table
    for measure, score in (("recency_days", "r_score"), ("frequency", "f_score"), ("monetary", "m_score")):
        assert (table.groupby(measure)[score].nunique() == 1).all()
        assert table[score].between(1, 5).all()


def test_customers_who_are_all_the_same_fall_into_one_class_with_a_warning(shop):
    rfm = segmentation.rfm(shop([(f"c{i}", 3, "0.10") for i in range(9)]))
    assert rfm.table["rfm_class"].nunique() == 1
    assert set(rfm.table["rfm_class_8"]) == {"Important value customers"}  # everybody is as good as the mean
    assert any("share the same value" in w for w in rfm.warnings)
    assert rfm.headline() == "New customers are 100% of customers and bring 100% of spend"


def test_the_window_leaves_out_older_customers_and_counts_them(shop):
    rows = [(f"c{i}", i, 10) for i in range(10)] + [("old", 365, 10), ("edge", 364, 10)]
    rfm = segmentation.rfm(shop(rows))
    assert "old" not in set(rfm.table["customer_id"])
    assert "edge" in set(rfm.table["customer_id"])
    assert rfm.outside == 1
    assert "11 customers" in rfm.base()
    assert "1 others" in rfm.base()


def test_orders_without_a_customer_are_left_out_and_counted(shop):
    rows = [(f"c{i}", i, 10) for i in range(10)] + [(None, 1, 500), (None, 400, 500)]
    rfm = segmentation.rfm(shop(rows))
    assert rfm.table["monetary"].sum() == 100
    assert rfm.nameless == 1
    assert "1 order without a customer is left out" in rfm.note()


def test_a_return_lowers_spend_and_is_no_purchase(shop):
    rows = [(f"c{i}", 10 + i, 50) for i in range(6)] + [("c0", 1, -20)]
    row = segmentation.rfm(shop(rows)).table.set_index("customer_id").loc["c0"]
    assert (row["recency_days"], row["frequency"], row["monetary"]) == (10, 1, 30)


@pytest.mark.parametrize("n", [1, 4])
def test_fewer_than_five_customers_have_no_fifths(shop, n):
    gone = segmentation.rfm(shop([(f"c{i}", i, 10) for i in range(n)]))
    assert isinstance(gone, NotAvailable)
    assert f"{n} customer{'s' if n > 1 else ''} bought in the 365 days" in gone.text


def test_spend_that_nets_to_nothing_gets_no_shares(shop):
    rows = [(f"c{i}", i, 10) for i in range(6)] + [("c0", 2, -60)]
    rfm = segmentation.rfm(shop(rows))
    assert rfm.classes()["share_of_spend"].isna().all()
    assert "bring" not in rfm.headline()
    assert 0 <= rfm.finding().value <= 1


@pytest.mark.skipif(not CDNOW.exists(), reason="the CDNOW sample is not beside this repository")
def test_purchase_days_of_the_cdnow_sample_are_the_published_ones(tables):
    """2,357 customers, 946 of them repeat buyers with 2,457 repeat purchase days by 30 September 1997 (Fader and Hardie 2005)."""
    read = pd.read_csv(CDNOW, sep=r"\s+", header=None, names=["master", "customer_id", "date", "cds", "order_amount"], dtype=str)
    orders = read.assign(order_id=[str(i) for i in range(len(read))], order_date=pd.to_datetime(read["date"]).astype(str))
    orders = orders[["order_id", "customer_id", "order_date", "order_amount"]]
    found = purchases(tables(orders=orders, as_of=dt.date(1997, 9, 30)))
    repeats = found["order_days"] - 1
    assert (len(found), (repeats > 0).sum(), repeats.sum()) == (2357, 946, 2457)


# ------------------------------------------------------------------------------------------------------ Value tiers
def test_value_tiers_agree_with_plain_pandas_on_the_real_case(real, real_orders):
    spend = real_orders.groupby("customer_id")["amount"].sum().sort_values(ascending=False)
    before = (spend.cumsum() - spend) / spend.sum()  # no two customers of equal spend lie at a cut here
    byhand = pd.Series(np.where(before < 0.5, "High value", np.where(before < 0.8, "Medium value", "Low value")), spend.index)
    table = real["tiers"].table.set_index("customer_id")
    assert table["value_tier"].to_dict() == byhand.to_dict()
    n, share = real["tiers"].share_of_top(0.2)
    assert (n, share) == (160, pytest.approx(spend.head(160).sum() / spend.sum()))


def test_the_gini_coefficient_is_half_the_relative_mean_difference(real):
    spend = real["tiers"].spend
    assert real["tiers"].gini == pytest.approx(np.abs(spend[:, None] - spend[None, :]).mean() / (2 * spend.mean()))


def test_gini_of_one_to_five_is_four_fifteenths(shop):
    assert segmentation.value_tiers(shop([(f"c{i}", 1, i) for i in range(1, 6)])).gini == pytest.approx(4 / 15)


def test_equal_spend_shares_a_tier(shop):
    tiers = segmentation.value_tiers(shop([("a", 1, 40), ("b", 1, 20), ("c", 1, 20), ("d", 1, 20)]))
    assert tiers.table["value_tier"].tolist() == ["High value"] * 4  # a alone brings 40 %, and the three after it are alike
    assert any("one tier" in w for w in tiers.warnings)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-5_000, 100_000), min_size=2, max_size=40).filter(lambda cents: sum(cents) > 0))
def test_tiers_keep_ties_together_and_high_value_is_the_fewest_who_bring_half(cents):
    from fivestep.segmentation.value_tiers import _tier

    spend = np.array(cents) / 100
    tier = pd.Series(_tier(spend))
    assert tier.groupby(cents).nunique().max() == 1
    earned = np.maximum(cents, 0)
    for names, cut in ((TIERS[:1], 50), (TIERS[:2], 80)):
        inside = tier.isin(names).to_numpy()
        last = earned[inside].min()
        assert earned[inside].sum() * 100 >= earned.sum() * cut
        assert earned[inside & (earned > last)].sum() * 100 < earned.sum() * cut
        assert not (earned[~inside] >= last).any()
    assert (tier[earned == 0] == "Low value").all()


def test_negative_spend_is_low_value_and_said(shop):
    tiers = segmentation.value_tiers(shop([("a", 9, 100), ("b", 9, 50), ("c", 9, 10), ("c", 3, -30)]))
    assert tiers.table.set_index("customer_id").loc["c", "value_tier"] == "Low value"
    assert any("1 customer has negative spend (-$20.00)" in w for w in tiers.warnings)
    assert tiers.headline() == "33% of customers bring 77% of spend"  # 100 of the net 130
    assert tiers.gini == pytest.approx(np.abs(np.subtract.outer([100, 50, 0], [100, 50, 0])).mean() / 100)


def test_customers_without_an_order_are_a_row_of_their_own(shop):
    customers = pd.DataFrame({"customer_id": ["a", "b", "ghost"]})
    tiers = segmentation.value_tiers(shop([("a", 9, 100), ("b", 400, 50)], customers=customers))
    assert tiers.table.set_index("customer_id")["value_tier"].to_dict() == {
        "a": "High value",
        "b": "Low value",
        "ghost": "No order yet",
    }
    assert tiers.tiers().set_index("value_tier")["customers"].to_dict() == {
        "High value": 1,
        "Medium value": 0,
        "Low value": 1,
        "No order yet": 1,
    }


def test_a_customer_with_returns_only_counts_as_without_an_order(shop):
    tiers = segmentation.value_tiers(shop([("a", 9, 100), ("b", 9, 50), ("r", 5, -5)]))
    assert tiers.table.set_index("customer_id").loc["r", "value_tier"] == "No order yet"
    assert any("1 customer has only returns" in w for w in tiers.warnings)


@pytest.mark.parametrize(
    "rows",
    [[("a", 1, 10)], [("a", 1, 0), ("b", 1, 0)], [("a", 2, 5), ("b", 2, 5), ("a", 1, -50)], [("a", 400, 9), ("b", 400, 9)]],
)
def test_no_shares_are_given_where_there_is_nothing_to_share(shop, rows):
    gone = segmentation.value_tiers(shop(rows))
    assert isinstance(gone, NotAvailable)
    assert gone.reason


def test_who_stays_high_value_agrees_with_plain_pandas(real, real_orders):
    half = 365 // 2
    high = []
    for inside in (real_orders["ago"].between(half, 2 * half - 1), real_orders["ago"] < half):
        spend = real_orders[inside].groupby("customer_id")["amount"].sum().sort_values(ascending=False)
        high.append(set(spend.index[(spend.cumsum() - spend) < 0.5 * spend.sum()]))
    assert real["tiers"].again == (len(high[0] & high[1]), len(high[0]))


# -------------------------------------------------------------------------------------------------------- Lifecycle
LONG_AGO = [("anchor", 600 - 7 * i, 5) for i in range(86)]  # a weekly customer since long ago, so that the data is long enough


@pytest.mark.parametrize(("stage", "days_ago"), [
    ("New", [40]),  # one order day only
    ("New", [90]),  # ... until it lapses
    ("New", [30, 20, 10, 5]),  # first order 30 days ago
    ("Growing", [31, 20, 10, 5, 2]),  # a day earlier
    ("Growing", [400, 350, 300, 50]),  # four order days, however long ago the first
    ("Growing", [180, 150, 120, 90, 60, 40]),  # mature after 180 days
    ("Mature", [181, 150, 120, 90, 60, 40]),
    ("Mature", [400, 390, 380, 370, 360, 15]),  # quiet limit not passed
    ("Mature", [200, 195, 190, 185, 89, 30, 29, 28]),  # silent for 28 days, three gaps of 24.6 days are longer
    ("Lapsing", [100, 95, 90, 85, 80]),
    ("Lapsed", [91]),
    ("Lapsed", [500, 450, 400, 91]),
    ("Mature", [400, 380, 360, 340, 320, 60]),  # silent 60 days, three gaps are 204
])  # fmt: skip
def test_the_rules_of_the_lifecycle_decide_each_stage(shop, stage, days_ago):
    table = segmentation.lifecycle(shop([*LONG_AGO, *(("c", ago, 5) for ago in days_ago)])).table.set_index("customer_id")
    assert table.loc["c", "lifecycle"] == stage


def test_a_customer_lapses_at_three_usual_gaps_and_a_day(shop):
    """Ten orders ten days apart, then silence: three gaps are 30 days."""
    for silence, stage in ((30, "Mature"), (31, "Lapsing")):
        rows = [("c", silence + 10 * i, 5) for i in range(20)]
        assert segmentation.lifecycle(shop([*LONG_AGO, *rows])).table.set_index("customer_id").loc["c", "lifecycle"] == stage


def test_the_setting_moves_every_limit(shop):
    lifecycle = segmentation.lifecycle(shop([*LONG_AGO, ("c", 100, 5)]), lapsed_after_days=100)
    assert lifecycle.limits == {"lapsed": 100, "quiet": 17, "new": 34, "mature": 200}
    assert lifecycle.table.set_index("customer_id").loc["c", "lifecycle"] == "New"


def test_lifecycle_agrees_with_plain_pandas_on_the_real_case(real, real_orders):
    def stage(days: pd.Series) -> str:
        ago = sorted(set(days), reverse=True)
        gap = np.diff(-np.array(ago)).mean() if len(ago) >= 3 else np.inf
        if ago[-1] > 90:
            return "Lapsed"
        if ago[-1] > 15 and ago[-1] > 3 * gap:
            return "Lapsing"
        if len(ago) == 1 or ago[0] <= 30:
            return "New"
        return "Growing" if len(ago) < 5 or ago[0] <= 180 else "Mature"

    byhand = real_orders.groupby("customer_id")["ago"].agg(stage)
    assert real["lifecycle"].table.set_index("customer_id")["lifecycle"].to_dict() == byhand.to_dict()
    assert (
        real["lifecycle"].stages().set_index("lifecycle")["customers"].to_dict()
        == byhand.value_counts().reindex(STAGES, fill_value=0).to_dict()
    )


def test_stages_partition_the_customers_of_the_base(shop):
    customers = pd.DataFrame({"customer_id": ["anchor", "c", "ghost"]})
    lifecycle = segmentation.lifecycle(shop([*LONG_AGO, ("c", 300, 5)], customers=customers))
    assert lifecycle.table.set_index("customer_id")["lifecycle"].to_dict() == {
        "anchor": "Mature",
        "c": "Lapsed",
        "ghost": "No order yet",
    }
    assert lifecycle.stages()["customers"].sum() == 3
    assert set(STAGES) == set(RULES)
    assert lifecycle.headline() == "1 of 2 customers who have ordered (50%) is lapsing or lapsed"


def test_a_panel_seen_from_its_first_days_is_warned_about(real, real_orders):
    first = real_orders.groupby("customer_id")["ago"].max()
    assert real["lifecycle"].first_seen == (first > 364 - 90).sum()
    assert any("99% of customers were first seen in the first 90 days" in w for w in real["lifecycle"].warnings)


def test_young_customers_of_short_data_may_be_older(shop):
    rows = [(f"c{i}", 100 - i, 5) for i in range(90)]
    lifecycle = segmentation.lifecycle(shop(rows))
    assert (lifecycle.table["lifecycle"] == "New").sum() == 80  # first order at most 90 days ago
    assert any("80 customers counted as new or growing" in w for w in lifecycle.warnings)


def test_data_shorter_than_the_limit_has_no_lapsed_customers_to_speak_of(shop):
    assert isinstance(segmentation.lifecycle(shop([("a", 90, 5), ("b", 1, 5)])), NotAvailable)
    assert not isinstance(segmentation.lifecycle(shop([("a", 91, 5), ("b", 1, 5)])), NotAvailable)


def test_customers_who_order_more_seldom_than_the_setting_allows_are_said(shop):
    rows = [(f"c{i}", 80 + 100 * k, 5) for i in range(5) for k in range(4)]
    assert any("lapse without having been lapsing" in w for w in segmentation.lifecycle(shop(rows)).warnings)


# --------------------------------------------------------------------------------------------------------- Clusters
def planted(seed: int = 3) -> tuple[list[tuple], dict[str, int]]:
    """Three kinds of customers: many small orders, few large ones, many large ones of long ago."""
    rng = np.random.default_rng(seed)
    rows, kind = [], {}
    for i in range(150):
        orders, amount, quiet = ((60, 10, 1), (3, 200, 1), (60, 200, 120))[i % 3]
        customer = f"c{i:03}"
        kind[customer] = i % 3
        for _order in range(int(rng.integers(0.8 * orders, 1.2 * orders + 1))):
            rows.append((customer, int(quiet + rng.integers(0, 180)), round(amount * rng.uniform(0.8, 1.25), 2)))
    return rows, kind


@pytest.fixture(scope="module")
def planted_tables():
    from conftest import make_tables

    return make_tables(orders=orders_of(planted()[0]), as_of=AS_OF)


@pytest.fixture
def few_resamples(monkeypatch):
    """Groups this far apart need no more to show that they are stable."""
    monkeypatch.setattr(_kmeans(), "RESAMPLES", 4)


@pytest.fixture
def planted_clusters(planted_tables, few_resamples):
    return segmentation.kmeans(planted_tables)


def test_planted_groups_are_found(planted_clusters):
    kind = planted()[1]
    crossed = pd.crosstab(planted_clusters.table["customer_id"].map(kind), planted_clusters.table["cluster"])
    assert crossed.shape == (3, 3)
    assert (crossed.to_numpy() > 0).sum() == 3  # every kind is one cluster
    assert planted_clusters.chosen["clusters_tried"] == 3
    assert not any("overlap" in w for w in planted_clusters.warnings)


def test_other_ids_another_currency_and_later_dates_leave_everybody_in_their_cluster(planted_clusters, few_resamples):
    from conftest import make_tables

    orders = orders_of([(f"z{999 - int(c[1:])}", ago, 100 * amount) for c, ago, amount in planted()[0]])
    orders["order_date"] = (pd.to_datetime(orders["order_date"]) + pd.Timedelta(days=364)).astype(str)
    moved = segmentation.kmeans(make_tables(orders=orders, as_of=AS_OF + dt.timedelta(days=364))).segments()
    moved["customer_id"] = [f"c{999 - int(c[1:]):03}" for c in moved["customer_id"]]
    before = planted_clusters.segments().set_index("customer_id")["cluster"]
    assert moved.set_index("customer_id")["cluster"].sort_index().to_dict() == before.sort_index().to_dict()


def test_clusters_are_named_for_what_sets_them_apart(planted_clusters):
    profile = planted_clusters.profile().set_index("cluster")
    assert profile["orders_per_customer"].idxmin() == "Occasional buyers"
    assert profile["spend_per_order"].idxmin() == "Small-basket buyers"
    assert len(set(planted_clusters.names)) == 3
    assert profile["spend"].is_monotonic_decreasing


def test_every_customer_is_nearest_to_the_centre_of_its_own_cluster(real):
    clusters = real["clusters"]
    logs = clusters.table[clusters.features].astype(float)
    logs.loc[:, logs.columns != "share_discounted"] = np.log1p(logs.drop(columns="share_discounted"))
    points = ((logs - logs.mean()) / logs.std(ddof=0)).clip(-3, 3).to_numpy()
    distance = ((points[:, None, :] - clusters.centres.to_numpy()[None]) ** 2).sum(axis=2)
    assert clusters.names == list(clusters.centres.index)
    assert [clusters.names[i] for i in distance.argmin(axis=1)] == clusters.table["cluster"].tolist()


def test_the_silhouette_of_the_chosen_clusters_is_that_of_its_definition(real):
    """Rousseeuw (1987): (b - a) / max(a, b), a the mean distance to the own cluster, b to the nearest other."""
    clusters = real["clusters"]
    logs = clusters.table[clusters.features].astype(float)
    logs.loc[:, logs.columns != "share_discounted"] = np.log1p(logs.drop(columns="share_discounted"))
    points = ((logs - logs.mean()) / logs.std(ddof=0)).clip(-3, 3).to_numpy()
    apart = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2))
    labels = clusters.table["cluster"].map({name: i for i, name in enumerate(clusters.names)}).to_numpy()
    sums = np.column_stack([apart[:, labels == c].sum(axis=1) for c in range(len(clusters.names))])
    sizes = np.bincount(labels)
    own = sums[np.arange(len(labels)), labels] / (sizes[labels] - 1)
    means = sums / sizes
    means[np.arange(len(labels)), labels] = np.inf
    other = means.min(axis=1)
    assert clusters.chosen["silhouette"] == pytest.approx(((other - own) / np.maximum(own, other)).mean(), abs=1e-5)


def test_features_of_the_real_case_agree_with_plain_pandas(real, real_orders):
    table = real["clusters"].table.set_index("customer_id")
    sums = (
        real_orders.assign(discount=real_orders["discount_amount"].astype(float))
        .groupby("customer_id")[["amount", "discount"]]
        .sum()
    )
    lines = pd.read_parquet(KIT / "data" / "grocery" / "order_lines.parquet", columns=["customer_id", "product_id"])
    products = pd.read_parquet(KIT / "data" / "grocery" / "products.parquet", columns=["product_id", "department"])
    departments = lines.merge(products, on="product_id").groupby("customer_id")["department"].nunique()
    pd.testing.assert_series_equal(table["share_discounted"], sums["discount"] / sums.sum(axis=1), check_names=False)
    pd.testing.assert_series_equal(table["departments"], departments, check_names=False, check_dtype=False)


def test_jaccard_similarity_is_that_of_sets():
    rng = np.random.default_rng(5)
    labels, others = rng.integers(0, 4, 200), rng.integers(0, 4, 200)
    sets = lambda found: [set(np.flatnonzero(found == c)) for c in range(4)]  # noqa: E731
    byhand = [max(len(a & b) / len(a | b) for b in sets(others)) for a in sets(labels)]
    assert partitions.jaccard(labels, others, 4) == pytest.approx(byhand)


def _kmeans():
    import sys

    return sys.modules["fivestep.segmentation.kmeans"]


def test_clusters_that_do_not_come_back_are_refused(planted_tables, few_resamples, monkeypatch):
    monkeypatch.setattr(_kmeans(), "SIMILARITY", 1.01)
    gone = segmentation.kmeans(planted_tables)
    assert isinstance(gone, NotAvailable)
    assert "comes back when customers are resampled (best: 2 clusters, stability 1.00" in gone.text


def test_clusters_of_which_one_is_tiny_are_refused(planted_tables, few_resamples, monkeypatch):
    monkeypatch.setattr(_kmeans(), "SMALLEST", 0.6)
    gone = segmentation.kmeans(planted_tables)
    assert isinstance(gone, NotAvailable)
    assert "under 60% of customers" in gone.text


def test_too_few_or_identical_customers_have_no_clusters(shop):
    assert "clusters are looked for from 100" in segmentation.kmeans(shop([(f"c{i}", i, 10) for i in range(99)])).text
    assert "fewer than two of the features" in segmentation.kmeans(shop([(f"c{i}", 3, 10) for i in range(120)])).text


def test_the_number_of_threads_changes_nothing(planted_tables, planted_clusters):
    from threadpoolctl import threadpool_limits

    with threadpool_limits(2):
        again = segmentation.kmeans(planted_tables)
    pd.testing.assert_frame_equal(again.table, planted_clusters.table)
    pd.testing.assert_frame_equal(again.choice, planted_clusters.choice)


def test_a_base_larger_than_the_sample_is_clustered_whole(planted_tables, planted_clusters, monkeypatch):
    monkeypatch.setattr(_kmeans(), "FIT_SAMPLE", 120)
    monkeypatch.setattr(_kmeans(), "CHOICE_SAMPLE", 110)
    sampled = segmentation.kmeans(planted_tables)
    assert len(sampled.table) == 150
    assert sampled.table["cluster"].tolist() == planted_clusters.table["cluster"].tolist()
    assert "fixed sample of 110 customers" in sampled.choice_note()


def test_names_are_given_once_and_never_run_out():
    rng = np.random.default_rng(1)
    used = list(_kmeans().FEATURES)
    for k in range(2, 9):
        for features in (2, 5):
            for scale in (0.1, 1.0):
                names = _kmeans()._names(rng.normal(size=(k, features)) * scale, used[:features])
                assert len(names) == len(set(names)) == k


# --------------------------------------------------------------------------------------------------------- Segments
def test_segments_have_one_row_per_customer_and_the_agreed_columns(real):
    segments = real["segments"]
    assert list(segments) == [
        "customer_id",
        "rfm_class",
        "rfm_class_8",
        "value_tier",
        "lifecycle",
        "cluster",
        "recency_days",
        "frequency",
        "monetary",
    ]
    assert len(segments) == segments["customer_id"].nunique() == 801
    assert segments["customer_id"].is_monotonic_increasing
    assert not segments.isna().any().any()
    for name, result in (("rfm_class", "rfm"), ("value_tier", "tiers"), ("lifecycle", "lifecycle"), ("cluster", "clusters")):
        expected = real[result].table.set_index("customer_id")[name]
        assert segments.set_index("customer_id")[name].to_dict() == expected.to_dict()


def test_a_class_whose_name_the_stage_denies_is_counted_and_explained(real):
    made = segmentation.classes_by_stage(real["segments"])
    table = made.table.set_index("rfm_class")
    mine = real["segments"]
    leaving = mine["lifecycle"].isin(["Lapsing", "Lapsed"])
    denied = {
        "Champions": leaving, "Loyal customers": leaving, "Promising": leaving, "At risk": ~leaving, "Hibernating": ~leaving,
        "New customers": mine["lifecycle"] != "New", "Need attention": leaving & False,
    }  # fmt: skip
    for name, wrong in denied.items():
        n = int((wrong & (mine["rfm_class"] == name)).sum())
        assert (table.loc[name, "contradicting"] if name in table.index else 0) == n
        assert name not in table.index or (table.loc[name, "class_reading"] == "Name and stage say the same") == (n == 0)
    assert table["customers"].sum() == len(mine)
    assert table["contradicting"].sum() > 0
    assert f"of {len(mine)} customers" in made.headline()


def test_segments_survive_parquet(real, tmp_path):
    real["segments"].to_parquet(tmp_path / "segments.parquet", index=False)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "segments.parquet"), real["segments"])


def test_what_is_not_available_is_missing_throughout(shop):
    tables = shop(
        [(f"c{i}", i, 10 + i) for i in range(6)], customers=pd.DataFrame({"customer_id": [*(f"c{i}" for i in range(6)), "ghost"]})
    )
    gone = NotAvailable((), "nothing", reason="no reason")
    segments = segmentation.segments(tables, segmentation.rfm(tables), segmentation.value_tiers(tables), gone, gone)
    assert segments[["lifecycle", "cluster"]].isna().all().all()
    assert segments.set_index("customer_id").loc["ghost", "value_tier"] == "No order yet"
    assert np.isnan(segments.set_index("customer_id").loc["ghost", "monetary"])
    assert isinstance(segmentation.tiers_by_stage(segments), NotAvailable)
    nothing = segmentation.segments(tables, gone, gone, gone, gone)
    assert nothing.drop(columns="customer_id").isna().all().all()


def test_tiers_by_stage_is_a_plain_cross_table(real):
    segments, table = real["segments"], real["together"].table().set_index("value_tier")
    for tier in TIERS:
        for stage in STAGES:
            assert (
                table.loc[tier, f"stage_{stage.lower()}"]
                == ((segments["value_tier"] == tier) & (segments["lifecycle"] == stage)).sum()
            )
    leaving = segments[(segments["value_tier"] == "High value") & segments["lifecycle"].isin(["Lapsing", "Lapsed"])]
    assert real["together"].finding().value == len(leaving)
    assert language.money(leaving["monetary"].sum()) in real["together"].headline()


# ------------------------------------------------------------------------------------------------- What all share
def test_shuffling_rows_never_changes_a_segment(real, shuffled_grocery):
    shuffled = results(shuffled_grocery)
    for name in ("rfm", "tiers", "lifecycle", "clusters"):
        pd.testing.assert_frame_equal(shuffled[name].table, real[name].table, check_exact=True)
    pd.testing.assert_frame_equal(shuffled["segments"], real["segments"], check_exact=True)
    assert findings(shuffled) == findings(real)
    assert said(shuffled) == said(real)


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_every_cell_title_and_figure_of_the_real_case_can_be_shown(real, code):
    language.use(code)
    for table in [*shown(real), real["segments"]]:
        assert len(table) > 0
        for name in table:
            assert columns.label(name)
            assert all(isinstance(columns.formatted(name, cell), str) for cell in table[name].head(20))
    for text in [*said(real), *(f["text"] for f in findings(real))]:
        assert "{" not in text
        assert "nan" not in text.lower().split()
    for figure in (
        real["rfm"].grid(),
        real["tiers"].curve(),
        real["lifecycle"].chart(),
        real["clusters"].choice_chart(),
        real["clusters"].centres_chart(),
    ):
        assert isinstance(figure, Figure)
        assert charts.svg(figure).count("<path") > 10


@pytest.mark.parametrize("method", [segmentation.rfm, segmentation.value_tiers, segmentation.lifecycle, segmentation.kmeans])
def test_a_method_without_its_data_says_what_it_would_have_answered(tables, method):
    bare = orders_of([("a", 1, 10)]).drop(columns="order_amount")
    gone = method(tables(orders=bare))
    assert isinstance(gone, NotAvailable)
    assert gone.missing == ("orders.order_amount",)
    assert gone.would_answer


ORDERS = st.lists(
    st.tuples(st.sampled_from([*"abcdefghi", None]), st.integers(0, 500), st.integers(-300, 3000).map(lambda c: c / 100)),
    min_size=1,
    max_size=40,
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ORDERS)
def test_whatever_the_orders_are_the_tables_add_up_and_the_texts_are_written(shop, rows):
    found = results(shop(rows))
    bought = {c for c, _ago, amount in rows if c is not None and amount >= 0}
    known = {c for c, _ago, _amount in rows if c is not None}
    assert list(found["segments"]["customer_id"]) == sorted(known)
    rfm, tiers, lifecycle = found["rfm"], found["tiers"], found["lifecycle"]
    if not isinstance(rfm, NotAvailable):
        assert rfm.classes()["customers"].sum() == rfm.classes_8()["customers"].sum() == len(rfm.table)
        assert len(rfm.table) + rfm.outside == len(known)
        assert set(rfm.table["customer_id"]) == {c for c, ago, amount in rows if c is not None and amount >= 0 and ago < 365}
    if not isinstance(tiers, NotAvailable):
        assert set(tiers.table["customer_id"]) == known
        spent = sum(round(a * 100) for c, ago, a in rows if c in bought and ago < 365)
        assert tiers.tiers()["spend"].sum() * 100 == pytest.approx(spent)
        assert 0 <= tiers.gini < 1
        assert isinstance(tiers.curve(), Figure)
    if not isinstance(lifecycle, NotAvailable):
        assert set(lifecycle.buyers["customer_id"]) == bought
        assert lifecycle.stages()["customers"].sum() == len(known)
        assert lifecycle.stages()["share_of_customers"].sum() == pytest.approx(1)
    for text in [*said(found), *(f["text"] + f["evidence"] + f["so_what"] for f in findings(found))]:
        assert "nan" not in text
        assert "{" not in text
    for found_ in findings(found):
        assert np.isfinite(found_["value"])
        assert all("{" not in w for w in found_["warnings"])


def test_the_notebook_is_calls_only():
    notebook = nbformat.read(KIT / "notebooks" / "2_segmentation.ipynb", as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.id for cell in code] == [
        "parameters", "open", "rfm", "rfm-8", "value", "profit", "lifecycle", "stage-changes", "next-stage", "loyalty",
        "frequency-groups", "relations", "value-score", "need-signs", "posterior", "customer-value", "customer-value-test",
        "contracts", "clusters", "habits", "divisions", "regression", "target", "product-fit", "segments", "rules",
        "managed-groups", "identification",
    ]  # fmt: skip
    for cell in code:
        assert cell.outputs == []
        assert cell.execution_count is None
        assert len(cell.source.splitlines()) <= 8
        assert not any(line.startswith(("if ", "for ", "%")) for line in cell.source.splitlines())
