"""Visits, steps to a purchase, breaks, paths, searches, what was looked at and not bought."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest

from conftest import SHARED, make_tables
from fivestep import needs
from fivestep.errors import UserError
from fivestep.findings import NotAvailable
from fivestep.language import columns
from fivestep.needs import journeys
from fivestep.needs.breaks import breaks
from fivestep.needs.paths import END, START

PLANTED = SHARED / "data" / "events_synthetic" / "ecom.csv.gz"
CLOTHES = SHARED / "data" / "eshop_clothing" / "test_data.csv"
SHOPPERS = SHARED / "data" / "online_shoppers" / "online_shoppers_intention.csv"
ORDERS = pd.DataFrame({"order_id": ["o1"], "customer_id": ["nobody"], "order_date": ["2030-01-01"], "order_amount": [1]})


def events_of(rows, **more) -> pd.DataFrame:
    """Events of rows (customer, session, time, event type, page)."""
    out = pd.DataFrame(rows, columns=["customer_id", "session_id", "occurred_at", "event_type", "page"])
    return out.assign(event_id=[f"e{i:04d}" for i in range(len(out))], **more)


@pytest.fixture(scope="module")
def shop():
    """A shop with 400 visits whose steps, devices, dwell times and searches are drawn; the frame and its tables."""
    rng = np.random.default_rng(3)
    rows = []
    for v in range(400):
        start = dt.datetime(2024, 1, 1) + dt.timedelta(days=int(rng.integers(0, 150)), seconds=int(rng.integers(0, 80_000)))
        device = ["mobile", "desktop"][int(rng.random() < 0.4)]
        at, customer = start, f"c{rng.integers(0, 120)}" if rng.random() < 0.9 else None
        walk = ["home"]
        walk += ["search"] * int(rng.random() < 0.4) + ["search"] * int(rng.random() < 0.1)
        for step, chance in (("product", 0.9), ("add_to_cart", 0.6), ("checkout", 0.7), ("pay", 0.7)):
            if rng.random() > chance:
                break
            walk.append(step)
        for name in walk:
            page = name if name in ("home", "product") else None
            term = ["Oat Milk ", "oat milk", "mooncake"][int(rng.integers(0, 3))] if name == "search" else None
            product = ["p1", "p2", "p3"][int(rng.integers(0, 3))] if name in ("product", "add_to_cart", "pay") else None
            rows.append((customer, f"s{v}", at, "page_view" if page else name, page, term, device, product))
            at += dt.timedelta(seconds=int(rng.integers(1, 90)))
    names = ["customer_id", "session_id", "occurred_at", "event_type", "page", "search_term", "device", "product_id"]
    frame = pd.DataFrame(rows, columns=names)
    frame["event_id"] = [f"e{i:05d}" for i in range(len(frame))]
    lines = pd.DataFrame({
        "order_id": ["o1", "o2", "o3", "o4"], "line_id": "1", "customer_id": ["c1", "c2", "c3", "c4"],
        "order_date": ["2024-01-01", "2024-05-29", "2024-05-30", "2024-05-30"], "product_id": ["p1", "p2", "p3", "p1"],
        "line_amount": 1.0,
    })  # fmt: skip
    products = pd.DataFrame({"product_id": ["p1", "p2", "p3"], "product_name": ["Oat milk", "Tea", None], "category": "Drinks"})
    customers = pd.DataFrame({"customer_id": [f"c{i}" for i in range(120)], "marketing_opt_out": [i == 7 for i in range(120)]})
    made = make_tables(events=frame, order_lines=lines, products=products, customers=customers)
    return frame.assign(name=frame["page"].fillna(frame["event_type"])), made


@pytest.fixture(scope="module")
def results(shop):
    """What every method says of the shop."""
    tables = shop[1]
    methods = (needs.visits, needs.funnel, needs.paths, needs.searches, needs.unbought)
    return {method.__name__: method(tables) for method in methods}


def texts_are_whole(*texts: str) -> None:
    for text in texts:
        assert text.strip()
        assert "nan" not in text.lower().split()
        assert "{" not in text


def all_registered(*frames: pd.DataFrame) -> None:
    for frame in frames:
        for name in frame.columns:
            for cell in frame[name].head(3):
                assert columns.formatted(name, cell)


# ---------------------------------------------------------------- what events are called
def test_a_view_is_named_by_its_page_and_everything_else_by_the_event(tables):
    events = events_of([
        ("c", "s", "2024-01-01 10:00", "Page View", "Product-Detail"),
        ("c", "s", "2024-01-01 10:01", "qr_pay", "pay"),
        ("c", "s", "2024-01-01 10:02", "pageview", None),
        ("c", "s", "2024-01-01 10:03", "加入购物车", "home"),
    ])  # fmt: skip
    made = journeys.visited(tables(events=events, orders=ORDERS)).order_by("event_id").to_pandas()
    assert made["name"].tolist() == ["Product-Detail", "qr_pay", "pageview", "加入购物车"]
    assert made["step"].isna().tolist() == [False, True, True, False]
    assert made["step"].dropna().tolist() == [0, 1]
    assert made["kind"].tolist() == ["Browsing", "QR payment", "Browsing", "Browsing"]


def test_without_sessions_a_pause_of_more_than_half_an_hour_ends_a_visit(tables):
    at = ["10:00:00", "10:30:00", "11:00:01", "11:00:01", "10:10:00"]
    events = events_of([(c, None, f"2024-01-01 {t}", "view", "home") for c, t in zip("aaaab", at, strict=True)])
    events.loc[len(events)] = [None, None, "2024-01-01 10:00", "view", "home", "e9999"]
    made = journeys.visited(tables(events=events.drop(columns="session_id"), orders=ORDERS)).order_by("event_id").to_pandas()
    assert made["visit"].tolist()[:5] == ["a/1", "a/1", "a/2", "a/2", "b/1"]
    assert pd.isna(made["visit"].iloc[5])


def test_steps_are_read_from_a_file_and_a_wrong_file_is_refused(tmp_path):
    path = tmp_path / "journey.yml"
    assert journeys.journey_steps(path) == dict(journeys.STEPS)
    path.write_text("steps:\n  Look: [Shop Window, shelf]\n  Buy: till\n", encoding="utf-8")
    assert journeys.journey_steps(path) == {"Look": ("shop_window", "shelf"), "Buy": ("till",)}
    for wrong, said in (
        ("steps:\n  Look: [a]\n", "two or more"),
        ("steps:\n  Look: [a]\n  Buy: [A]\n", "earlier step"),
        ("steps:\n  Look: [a]\n  Buy: 3\n", "as text"),
        ("stairs: 1\n", "two or more"),
    ):
        path.write_text(wrong, encoding="utf-8")
        with pytest.raises(UserError, match=said):
            journeys.journey_steps(path)


# ---------------------------------------------------------------- visits and paths
def test_visits_agree_with_plain_pandas(shop, results):
    frame, _tables = shop
    found = results["visits"]
    per = frame.groupby("session_id").agg(device=("device", "first"), paid=("name", lambda n: (n == "pay").any()))
    devices = found.devices.set_index("device")
    for device, part in per.groupby("device"):
        assert devices.loc[device, "visits"] == len(part)
        assert devices.loc[device, "last_step_share"] == pytest.approx(part["paid"].mean())
    assert (found.visits, found.events, found.visitors) == (400, len(frame), frame["customer_id"].nunique())
    frame = frame.sort_values(["session_id", "occurred_at"])
    wait = frame.groupby("session_id")["occurred_at"].shift(-1) - frame["occurred_at"]
    seconds = wait.dt.total_seconds()
    pages = found.pages.set_index("page_or_event")
    for name in ("home", "product", "search", "add_to_cart"):
        of = seconds[frame["name"] == name]
        assert pages.loc[name, "dwell_seconds"] == of.dropna().quantile(0.5, interpolation="inverted_cdf")
        assert pages.loc[name, "exit_share"] == pytest.approx(of.isna().mean())
    activities = found.activities.set_index("online_activity")
    assert activities.loc["Searching", "visitors"] == frame[frame["name"] == "search"]["customer_id"].nunique()
    texts_are_whole(found.headline(), found.activities_headline(), found.pages_headline(), found.places_headline(), found.note())
    texts_are_whole(found.places_note(), found.finding().evidence)
    all_registered(found.devices_shown(), found.activities, found.pages_shown())
    assert found.places.empty


def test_every_kind_of_activity_is_counted_under_its_name(tables):
    """Browsing, ads, downloads, social, app, QR payment and search, by the names that systems use, in English and Chinese."""
    kinds = {
        "Browsing": ["page_view", "浏览"], "Advertisement clicks": ["ad_click", "点击广告"], "Searching": ["search", "搜索"],
        "Social": ["like", "Comment", "分享"], "App use": ["app_open", "打开APP"], "QR payment": ["qr_pay", "扫码支付"],
        "Downloads": ["download", "下载资料"], "Other": ["scan"],
    }  # fmt: skip
    names = [(kind, name) for kind, several in kinds.items() for name in several]
    rows = [(f"c{i}", f"s{i}", "2024-01-01 10:00", name, None) for i, (_kind, name) in enumerate(names)]
    found = needs.visits(tables(events=events_of(rows, location=["North"] * len(rows)), orders=ORDERS))
    counted = found.activities.set_index("online_activity")
    for kind, several in kinds.items():
        assert counted.loc[kind, ["events", "visits", "visitors"]].tolist() == [len(several)] * 3
        assert counted.loc[kind, "share_of_visitors"] == pytest.approx(len(several) / len(rows))
    assert counted.loc["Location shared", "visitors"] == len(rows)


def test_a_place_with_fewer_than_ten_customers_is_never_shown(tables):
    rows = [(f"c{i}", f"s{i}", "2024-01-01 10:00", "scan", "bag") for i in range(19)]
    events = events_of(rows, location=["North"] * 10 + ["South"] * 9)
    found = needs.visits(tables(events=events, orders=ORDERS))
    assert found.places["shared_place"].tolist() == ["North"]
    assert found.small_places == 1
    assert "South" not in found.places.to_string() + found.note() + found.places_note()


def test_moves_and_places_agree_with_plain_pandas(shop, results):
    frame, _tables = shop
    found = results["paths"]
    frame = frame.sort_values(["session_id", "occurred_at", "event_id"])
    after = frame.groupby("session_id")["name"].shift(-1).fillna(END)
    expected = pd.crosstab(frame["name"], after)
    moves = found.moves.set_index(["from_page", "to_page"])["moves"]
    for a in expected.index:
        for b in expected.columns:
            assert moves.get((a, b), 0) == expected.loc[a, b]
    assert moves[START].sum() == moves.xs(END, level=1).sum() == 400
    place = frame.groupby("session_id").cumcount() + 1
    third = frame[place == 3]["name"].value_counts(normalize=True)
    shares = found.places[found.places["place_in_visit"] == 3].set_index("page_or_event")["share_of_visits"]
    pd.testing.assert_series_equal(shares.sort_index(), third.sort_index(), check_names=False)
    texts_are_whole(found.headline(), found.exit_headline(), found.places_headline(), found.note())
    for drawn in (found.graph(), found.matrix_figure(), found.places_figure()):
        assert drawn.axes


# ---------------------------------------------------------------- the funnel
def test_the_funnel_agrees_with_plain_pandas(shop, results):
    frame, _tables = shop
    found = results["funnel"]
    order = ["product", "add_to_cart", "checkout", "pay"]
    names = frame.groupby("session_id")["name"].agg(set)
    assert found.table["journey_step"].tolist() == ["Product", "Cart", "Checkout", "Payment"]
    for i, row in found.table.iterrows():
        there = names[names.map(lambda s, i=i: order[i] in s)]
        assert row["visits_at_step"] == len(there)
        if i < 3:
            on = there.map(lambda s, i=i: bool(s & set(order[i + 1 :])))
            assert (row["went_on"], row["visits_lost"]) == (on.sum(), (~on).sum())
            assert row["went_on_low"] < on.mean() < row["went_on_high"]
    paid = frame[frame["name"] == "pay"].groupby("session_id")["occurred_at"].min()
    begun = frame.groupby("session_id")["occurred_at"].min()
    spent = ((paid - begun[paid.index]).dt.total_seconds() // 60).to_numpy()
    assert found.minutes == tuple(np.quantile(spent, q, method="inverted_cdf") for q in (0.25, 0.5, 0.75))
    known = frame[frame["customer_id"].notna()]
    first = known.groupby("session_id").agg(c=("customer_id", "first"), at=("occurred_at", "min"))
    first = first.groupby("c")["at"].min()
    done = known[known["name"] == "pay"].groupby("customer_id")["occurred_at"].min().reindex(first.index)
    end = known.groupby("session_id")["occurred_at"].min().max()
    for row in found.horizons.itertuples():
        days = pd.Timedelta(days=row.days_since_first_visit)
        followed = first <= end - days
        assert row.customers_followed == followed.sum()
        assert row.customers_converted == (followed & (done - first <= days)).sum()
    texts_are_whole(found.headline(), found.table_headline(), found.broken_headline(), found.time_headline(), found.note())
    texts_are_whole(found.breaks_headline(), found.broken_note(), found.horizons_note(), found.finding().evidence)
    all_registered(found.shown(), found.breaks(), found.horizons)
    assert found.figure()
    assert found.broken_figure()


def test_visits_of_one_customer_count_as_less_than_those_of_many(tables):
    """100 visits, half go on. Of a hundred customers: Wilson's interval. Of ten who always do alike: that of ten visits."""

    def funnel_of(customers):
        rows = []
        for v in range(100):
            rows.append((customers[v], f"s{v}", "2024-01-01 10:00", "product_view", None))
            if v % 10 < 5:
                rows.append((customers[v], f"s{v}", "2024-01-01 10:05", "purchase", None))
        return needs.funnel(tables(events=events_of(rows), orders=ORDERS)).table.iloc[0]

    many, few = funnel_of([f"c{v}" for v in range(100)]), funnel_of([f"c{v % 10}" for v in range(100)])
    assert (many["went_on_low"], many["went_on_high"]) == pytest.approx((0.4038, 0.5962), abs=1e-4)
    assert (few["went_on_low"], few["went_on_high"]) == pytest.approx((0.2366, 0.7634), abs=1e-4)


def test_where_the_events_have_no_steps_the_file_is_asked_for(tables):
    rows = [(f"c{v}", f"s{v}", "2024-01-01 10:00", "view", "window") for v in range(200)]
    found = needs.funnel(tables(events=events_of(rows), orders=ORDERS))
    assert isinstance(found, NotAvailable)
    assert "journey.yml" in found.text
    steps = {"Window": ("window",), "Till": ("till",)}
    rows += [(f"c{v}", f"s{v}", "2024-01-01 10:01", "view", "till") for v in range(20)]
    assert needs.funnel(tables(events=events_of(rows), orders=ORDERS), steps).table["went_on_share"].iloc[0] == 0.1


def test_without_events_every_part_says_what_it_would_answer(grocery):
    for method in (needs.visits, needs.funnel, needs.paths, needs.searches, needs.unbought):
        found = method(grocery)
        assert isinstance(found, NotAvailable)
        assert found.missing


# ---------------------------------------------------------------- breaks
def weekly_of(rng, share, *, weeks=60, n=40, devices=("a", "b")) -> pd.DataFrame:
    rows = []
    for step in range(3):
        for device in devices:
            for week in range(weeks):
                visits = int(rng.poisson(n))
                day = pd.Timestamp("2023-01-02") + pd.Timedelta(weeks=week)
                rows.append((step, device, day, visits, int(rng.binomial(visits, share(step, device, week)))))
    return pd.DataFrame(rows, columns=["step", "device", "week", "visits", "went_on"])


def test_where_nothing_broke_a_break_is_named_in_about_five_of_a_hundred_data_sets():
    named = [
        len(
            breaks(weekly_of(np.random.default_rng(s), lambda *_: 0.7, weeks=20, n=25)),
        )
        > 0
        for s in range(40)
    ]
    assert sum(named) <= 4  # binomial with 5 %: five or more of 20 in 0.3 % of all cases


def test_a_break_is_found_at_its_step_device_and_weeks():
    broken = lambda s, d, w: 0.35 if (s, d) == (1, "b") and 30 <= w < 34 else 0.7  # noqa: E731
    found = breaks(weekly_of(np.random.default_rng(5), broken))
    assert len(found) == 1
    row = found.iloc[0]
    assert (row["step"], row["device"]) == (1, "b")
    assert row["first_week"] == pd.Timestamp("2023-01-02") + pd.Timedelta(weeks=30)
    assert row["last_week"] == row["first_week"] + pd.Timedelta(weeks=3)
    assert row["missing"] == pytest.approx(row["visits"] * (row["usual_share"] - row["share"]))
    assert row["p_value"] <= 0.05


def test_what_broke_everywhere_is_named_for_all_devices_once():
    broken = lambda s, d, w: 0.4 if s == 2 and 10 <= w < 13 else 0.7  # noqa: E731
    found = breaks(weekly_of(np.random.default_rng(6), broken))
    assert found[["step", "device"]].to_numpy().tolist() == [[2, "All devices"]]


def test_a_steady_rise_is_no_break():
    found = breaks(weekly_of(np.random.default_rng(9), lambda s, d, w: 0.3 + 0.004 * w, n=60))
    assert found.empty


def test_weeks_that_always_vary_widely_are_no_break():
    rng = np.random.default_rng(8)
    wave = {(s, d, w): rng.uniform(0.35, 0.95) for s in range(3) for d in "ab" for w in range(60)}
    assert breaks(weekly_of(rng, lambda *at: wave[at], n=60)).empty


@pytest.mark.skipif(not PLANTED.exists(), reason="the synthetic shop with planted stories is not beside the project")
def test_the_planted_checkout_bug_and_payment_incident_are_found_and_nothing_else(tables):
    raw = pd.read_csv(PLANTED)
    events = pd.DataFrame({
        "event_id": [f"e{i:06d}" for i in range(len(raw))], "customer_id": raw["user_id"], "session_id": raw["session_id"],
        "occurred_at": raw["timestamp"], "event_type": raw["event"], "device": raw["platform"],
    })  # fmt: skip
    found = needs.funnel(tables(events=events, orders=ORDERS)).breaks()
    assert found[["journey_step", "device"]].to_numpy().tolist() == [["Payment", "All devices"], ["Checkout", "mobile"]]
    planted = [("2024-05-19", "2024-06-07"), ("2024-04-09", "2024-05-09")]
    for row, (begin, end) in zip(found.itertuples(), planted, strict=True):
        assert pd.Timestamp(begin) - pd.Timedelta(days=7) <= pd.Timestamp(row.first_week) <= pd.Timestamp(end)
        assert pd.Timestamp(row.first_week) + pd.Timedelta(weeks=row.weeks) <= pd.Timestamp(end) + pd.Timedelta(days=7)
        assert row.share_change_high < -0.2


# ---------------------------------------------------------------- searches and wishes
def test_searches_agree_with_plain_pandas(shop, results):
    frame, _tables = shop
    found = results["searches"]
    frame = frame.sort_values(["session_id", "occurred_at", "event_id"]).reset_index(drop=True)
    frame["term"] = frame["search_term"].str.strip().str.lower()
    after = frame.groupby("session_id")[["name", "term"]].shift(-1)
    no_click = frame["term"].notna() & (after["name"].isna() | after["term"].notna())
    paid = frame["session_id"].isin(frame.loc[frame["name"] == "pay", "session_id"])
    table = found.table.set_index("sought_term")
    assert table.index.tolist() == ["oat milk", "mooncake"]
    for term, row in table.iterrows():
        of = frame["term"] == term
        assert (row["searches"], row["visits"]) == (of.sum(), frame[of]["session_id"].nunique())
        assert row["no_click_share"] == pytest.approx(no_click[of].mean())
        assert row["bought_after_share"] == pytest.approx(frame[of & paid]["session_id"].nunique() / row["visits"])
    assert math.isnan(table["no_result_share"].iloc[0])
    assert "how many results" in found.note()
    texts_are_whole(found.headline(), found.purchase_headline(), found.note(), found.finding().evidence)
    all_registered(found.shown())


def test_a_term_that_leads_nowhere_stands_out_and_a_rare_one_is_never_shown(tables):
    rows, terms, results = [], [], []
    for v in range(220):
        term = "gluten free" if v < 60 else "maria example" if v < 65 else "latte"
        rows.append((f"c{v}", f"s{v}", "2024-01-01 10:00", "search", None))
        terms.append(term)
        results.append(0 if v < 30 else 5)
        if term == "latte" and v % 10:
            rows.append((f"c{v}", f"s{v}", "2024-01-01 10:01", "product_view", None))
            terms.append(None)
            results.append(None)
    found = needs.searches(tables(events=events_of(rows, search_term=terms, search_results=results), orders=ORDERS))
    assert found.leading_nowhere()["sought_term"].tolist() == ["gluten free"]
    assert found.table.set_index("sought_term").loc["gluten free", "no_result_share"] == 0.5
    assert found.rare == 5
    assert "maria" not in found.table.to_string()
    assert "“gluten free” after 100%" in found.headline()


def test_wishes_agree_with_plain_pandas(shop, results):
    frame, tables = shop
    found = results["unbought"]
    assert tables.as_of == dt.date(2024, 5, 30)
    recent = frame[(frame["occurred_at"] >= "2024-03-02") & (frame["occurred_at"] < "2024-05-31")]
    recent = recent[recent["customer_id"].notna()]
    viewed = recent[recent["product_id"].notna()]
    bought = {("c2", "p2", "2024-05-29"), ("c3", "p3", "2024-05-30"), ("c4", "p1", "2024-05-30")}
    expected = {}
    for (customer, product), part in viewed.groupby(["customer_id", "product_id"]):
        first = str(part["occurred_at"].min().date())
        if "pay" in set(part["name"]) or any((c, p) == (customer, product) and d >= first for c, p, d in bought):
            continue
        expected[customer, product] = len(part)
    products = found.products.set_index("product_id")
    for product in ("p1", "p2", "p3"):
        assert products.loc[product, "customers"] == sum(p == product for _c, p in expected)
    looked = found.table[found.table["wish_kind"] == "Looked at"]
    said = {(r.customer_id, r.product_id): r.times for r in looked.itertuples()}
    assert said == {k: n for k, n in expected.items() if k[0] != "c7"}
    terms = found.table[found.table["wish_kind"] == "Searched"]
    assert set(terms["wish"]) == {"oat milk"}
    assert found.unmatched["sought_term"].tolist() == ["mooncake"]
    assert found.products.loc[found.products["product_id"] == "p3", "wish"].tolist() == ["p3"]
    texts_are_whole(found.headline(), found.products_headline(), found.unmatched_headline(), found.note())
    all_registered(found.products_shown(), found.unmatched, found.contacts())


def test_the_order_of_the_rows_changes_no_table_of_the_journeys(shop, results):
    frame, tables = shop
    connection_frames = {n: getattr(tables, n).to_pandas() for n in ("order_lines", "products", "customers")}
    again = make_tables(events=frame.drop(columns="name").sample(frac=1, random_state=1), **connection_frames)
    for method, parts in (
        (needs.visits, ("devices", "activities", "pages")),
        (needs.funnel, ("table", "weekly", "horizons")),
        (needs.paths, ("moves", "places")),
        (needs.searches, ("table",)),
        (needs.unbought, ("table", "products", "unmatched")),
    ):
        one, other = results[method.__name__], method(again)
        for part in parts:
            pd.testing.assert_frame_equal(getattr(one, part), getattr(other, part))


# ---------------------------------------------------------------- real shops
@pytest.mark.skipif(not CLOTHES.is_file(), reason="the clicks of the clothes shop are not beside the project")
def test_visits_and_ways_in_a_real_clothes_shop_are_what_pandas_counts():
    clicks = pd.read_csv(CLOTHES).sort_values(["session_id", "order"], ignore_index=True)
    day = pd.to_datetime(clicks[["year", "month", "day"]]) + pd.to_timedelta(clicks["order"], unit="s")
    names = {1: "trousers", 2: "skirts", 3: "blouses", 4: "sale"}
    page = clicks["page1_main_category"].map(names)
    events = pd.DataFrame(
        {
            "event_id": [f"e{i:06d}" for i in range(len(clicks))],
            "session_id": clicks["session_id"].astype(str),
            "occurred_at": day,
            "event_type": "page_view",
            "page": page,
            "product_id": clicks["page2_clothing_model"],
        }
    )
    tables = make_tables(orders=ORDERS, events=events)
    visits, ways = needs.visits(tables), needs.paths(tables)
    assert (visits.visits, visits.events) == (clicks["session_id"].nunique(), len(clicks))
    pages = visits.pages.set_index("page_or_event")
    assert pages["events"].to_dict() == page.value_counts().to_dict()
    assert pages["visits"].to_dict() == clicks.groupby(page)["session_id"].nunique().to_dict()
    to = page.groupby(clicks["session_id"]).shift(-1).fillna(END)
    mine = pd.crosstab(page, to).stack()
    mine = mine[mine > 0].to_dict()
    moves = ways.moves[ways.moves["from_page"] != START]
    assert dict(zip(zip(moves["from_page"], moves["to_page"], strict=True), moves["moves"], strict=True)) == mine
    first = page[~clicks["session_id"].duplicated()].value_counts(normalize=True)
    begins = ways.places[ways.places["place_in_visit"] == 1].set_index("page_or_event")["share_of_visits"]
    assert begins.to_dict() == pytest.approx(first.to_dict())


@pytest.mark.skipif(not SHOPPERS.is_file(), reason="the sessions of online shoppers are not beside the project")
def test_of_real_online_shoppers_as_many_buy_as_are_published():
    """Sakar et al. (2019): 1,908 of 12,330 sessions end with a purchase. Each kind of page that a session saw is one event."""
    sessions = pd.read_csv(SHOPPERS, sep=";")
    months = (
        sessions["Month"].str[:3].map({m: k for k, m in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)})
    )
    begin = pd.to_datetime({"year": 2018, "month": months, "day": 1 + sessions.index % 28})
    parts = []
    for place, (name, there) in enumerate(
        {
            "account": sessions["Administrative"] > 0,
            "information": sessions["Informational"] > 0,
            "product": sessions["ProductRelated"] > 0,
            "purchase": sessions["Revenue"],
        }.items()
    ):
        parts.append(
            pd.DataFrame(
                {
                    "event_id": f"{place}-" + sessions.index[there].astype(str),
                    "session_id": sessions.index[there].astype(str),
                    "occurred_at": begin[there] + pd.Timedelta(minutes=place),
                    "event_type": "page_view",
                    "page": name,
                    "device": sessions["VisitorType"][there],
                }
            )
        )
    events = pd.concat(parts, ignore_index=True)
    tables = make_tables(orders=ORDERS, events=events)
    funnel, visits = needs.funnel(tables), needs.visits(tables)
    seen = sessions["ProductRelated"] > 0
    assert funnel.table["visits_at_step"].tolist() == [seen.sum(), 1908]
    assert funnel.table["went_on"].iloc[0] == (seen & sessions["Revenue"]).sum()
    bought = sessions.groupby("VisitorType")["Revenue"].agg(["size", "mean"])
    devices = visits.devices.set_index("device")
    reached = sessions["VisitorType"][sessions.index.astype(str).isin(events["session_id"])].value_counts()
    assert devices["visits"].to_dict() == reached.to_dict()
    assert (devices["last_step_share"] * devices["visits"]).round().to_dict() == (
        bought["size"] * bought["mean"]
    ).round().to_dict()
