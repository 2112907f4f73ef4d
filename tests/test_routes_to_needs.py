"""What purchases, contacts and online habits say, and the four routes to needs, against plain pandas."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from conftest import make_tables
from fivestep import needs
from fivestep.findings import NotAvailable
from fivestep.language import columns

LAST = dt.date(2024, 12, 31)


def ago(days: float) -> str:
    return str(dt.datetime.combine(LAST, dt.time(12)) - dt.timedelta(seconds=int(86_400 * days)))


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    """200 customers of four frequencies; the frequent ones buy cake, the rare ones do not."""
    rng = np.random.default_rng(9)
    orders, lines, told, met, events = [], [], [], [], []
    for c in range(200):
        name, often = f"c{c:03d}", (1, 3, 8, 20)[c % 4]
        for k, day in enumerate(sorted(rng.choice(np.arange(1, 360), often, replace=False))):
            order = f"o{c:03d}{k:02d}"
            items = ["bread", *(["cake"] if often > 3 else []), *(["tea"] if rng.random() < 0.5 else [])]
            orders.append((order, name, ago(day), 10.0 * len(items), "card" if c % 4 == 0 or rng.random() < 0.2 else "cash"))
            lines += [(order, f"{order}{i}", name, ago(day), i, 10.0) for i in items]
        if c % 5 == 0:
            told.append((name, ["complaint", "inquiry"][c % 2], ago(20 + c), "bread", float(1 + c % 5)))
        met += [(name, ago(d), "inbound" if c % 2 else "outbound") for d in (30 + c % 40, 300)]
        for v in range(c % 3):
            begin = 40 + 3 * v + c % 7 / 24
            events += [(name, f"v{c}-{v}", ago(begin), "page_view", "bread", "mobile" if c % 4 else "desktop", "app")]
            events += [(name, f"v{c}-{v}", ago(begin - 0.01), ["like", "share"][c % 2], "bread", None, "WeChat")]
    orders.append(("back", "c003", ago(2), -10.0, None))
    orders.append(("last", "c003", ago(0), 10.0, "cash"))
    made = {
        "orders": pd.DataFrame(orders, columns=["order_id", "customer_id", "order_date", "order_amount", "payment_method"]),
        "order_lines": pd.DataFrame(
            lines, columns=["order_id", "line_id", "customer_id", "order_date", "product_id", "line_amount"]
        ),
        "products": pd.DataFrame({"product_id": ["bread", "cake", "tea"], "category": ["Bread", "Cake", "Tea"]}),
        "feedback": pd.DataFrame(told, columns=["customer_id", "feedback_type", "created_at", "product_id", "satisfaction"]),
        "interactions": pd.DataFrame(met, columns=["customer_id", "occurred_at", "direction"]),
        "events": pd.DataFrame(
            events, columns=["customer_id", "session_id", "occurred_at", "event_type", "product_id", "device", "platform"]
        ),
    }
    keys = {"feedback": "feedback_id", "interactions": "interaction_id", "events": "event_id"}
    return {n: f.assign(**{keys[n]: [f"{k:06d}" for k in range(len(f))]}) if n in keys else f for n, f in made.items()}


@pytest.fixture(scope="module")
def tables(frames):
    return make_tables(**frames)


def whole(result, *frames: pd.DataFrame, texts: tuple[str, ...] = ()) -> None:
    said = result.finding()
    for text in (said.text, said.evidence, said.so_what, result.headline(), result.note(), *texts):
        assert text.strip()
        assert "nan" not in text.lower().split()
        assert "{" not in text
    for frame in frames:
        for name in frame.columns:
            assert columns.formatted(name, frame[name].iloc[0])


def test_frequency_spend_payment_and_preference_are_what_pandas_counts(frames, tables):
    found = needs.transactions(tables)
    orders = frames["orders"].assign(day=pd.to_datetime(frames["orders"]["order_date"]).dt.date)
    bought = orders[orders["order_amount"] >= 0]
    days = bought.groupby("customer_id")["day"].nunique()
    number = pd.cut(days, [0, 1, 3, 11, 51, 999], labels=False).map({0: 1, 1: 2, 2: 4, 3: 12, 4: 52})
    rows = found.table.set_index("purchase_frequency")
    assert rows["customers"].tolist() == number.value_counts().sort_index().tolist()
    frequent = set(number[number == 12].index)
    top = rows.iloc[-1]
    assert top["spend_per_customer"] == pytest.approx(
        orders[orders["customer_id"].isin(frequent)]["order_amount"].sum() / len(frequent)
    )
    assert top["orders_per_customer"] == pytest.approx(bought["customer_id"].isin(frequent).sum() / len(frequent))
    recent = set(bought[bought["day"] > LAST - dt.timedelta(days=90)]["customer_id"])
    assert rows["still_active"].tolist() == pytest.approx(
        [len(recent & set(number[number == n].index)) / (number == n).sum() for n in sorted(number.unique())]
    )
    assert rows["usual_payment"].tolist() == ["card", "cash", "cash", "cash"]
    # Who comes rarely buys no cake, which is what the next class buys besides.
    assert rows.loc["Two or three times", ["left_out_category", "left_out_share", "next_share"]].tolist() == ["Cake", 0.0, 1.0]
    spend = frames["order_lines"].assign(number=frames["order_lines"]["customer_id"].map(number))
    share = spend.groupby("number")["product_id"].value_counts(normalize=True).unstack(fill_value=0.0)
    index = 100 * share.loc[12] / spend["product_id"].value_counts(normalize=True)
    assert top["category_preferred"] == index.idxmax().title()
    assert top["preference_index"] == pytest.approx(index.max())
    whole(found, found.shown(), found.left_out(), texts=(found.left_out_headline(),))
    orders_alone = needs.transactions(make_tables(orders=frames["orders"].drop(columns="payment_method")))
    assert isinstance(orders_alone.left_out(), NotAvailable)
    whole(orders_alone, orders_alone.shown(), texts=(orders_alone.left_out_headline(),))


def test_what_is_said_and_who_buys_again_are_what_pandas_counts(frames, tables):
    found = needs.attention(tables)
    end = pd.Timestamp(LAST) + pd.Timedelta(days=1)
    told = frames["feedback"].assign(at=pd.to_datetime(frames["feedback"]["created_at"]))
    rows = found.table.set_index("attention_kind")
    for kind, word in (("Complaints", "complaint"), ("Inquiries", "inquiry")):
        own = told[told["feedback_type"] == word]
        now = own[own["at"] >= end - pd.Timedelta(days=182)]
        assert rows.loc[kind, "cases"] == len(now)
        assert rows.loc[kind, "pleased_share"] == pytest.approx((now["satisfaction"] > 3).mean())
        early = own[(own["at"] < end - pd.Timedelta(days=90)) & (own["at"] >= end - pd.Timedelta(days=272))]
        orders = frames["orders"][frames["orders"]["order_amount"] >= 0].assign(o=pd.to_datetime(frames["orders"]["order_date"]))
        joined = early.merge(orders, on="customer_id")
        again = joined[(joined["o"] > joined["at"]) & (joined["o"] - joined["at"] <= pd.Timedelta(days=90))][
            "customer_id"
        ].nunique()
        assert rows.loc[kind, "said_before"] == early["customer_id"].nunique()
        assert rows.loc[kind, "bought_again"] == pytest.approx(again / early["customer_id"].nunique())
    contacts = pd.to_datetime(frames["interactions"]["occurred_at"]) >= end - pd.Timedelta(days=182)
    inbound = frames["interactions"]["direction"] == "inbound"
    assert rows.loc["Contacts begun by customers", "cases"] == (contacts & inbound).sum()
    assert rows.loc["Contacts begun by the company", "cases"] == (contacts & ~inbound).sum()
    whole(found, found.shown())
    assert isinstance(needs.attention(make_tables(orders=frames["orders"])), NotAvailable)


def test_habits_online_and_looks_around_shares_are_what_pandas_counts(frames, tables):
    found = needs.online_habits(tables)
    events = frames["events"].assign(at=pd.to_datetime(frames["events"]["occurred_at"]))
    visits = events.groupby("session_id").agg(c=("customer_id", "first"), device=("device", "first"), at=("at", "min"))
    rows = found.devices.set_index("device")
    for device, part in visits.groupby("device"):
        assert rows.loc[device, "visitors"] == part["c"].nunique()
        assert rows.loc[device, "visits_per_visitor"] == pytest.approx(len(part) / part["c"].nunique())
        assert rows.loc[device, "weekend_visits"] == pytest.approx((part["at"].dt.day_of_week >= 5).mean())
        assert rows.loc[device, "busiest_hour"] == part["at"].dt.hour.value_counts().sort_index().idxmax()
    social = found.social.set_index("share_platform").loc["WeChat"]
    assert social[["likes", "shares"]].tolist() == [(events["event_type"] == w).sum() for w in ("like", "share")]
    assert social["social_customers"] == events[events["platform"] == "WeChat"]["customer_id"].nunique()
    shares, looks = (events[events["event_type"] == w] for w in ("share", "page_view"))
    apart = shares.merge(looks, on="product_id", suffixes=("", "_look"))
    apart = apart[apart["customer_id"] != apart["customer_id_look"]]
    gap = (apart["at_look"] - apart["at"]).dt.total_seconds() / 86_400
    assert (found.shared, found.before, found.after) == (
        len(shares),
        ((gap < 0) & (gap >= -7)).sum(),
        ((gap > 0) & (gap <= 7)).sum(),
    )
    whole(found, found.devices, found.social_shown(), texts=(found.social_headline(),))
    assert isinstance(needs.online_habits(make_tables(orders=frames["orders"])), NotAvailable)


def test_a_route_without_data_is_named(tables):
    nothing = NotAvailable(("events",), "what")
    transactions, attention = needs.transactions(tables), needs.attention(tables)
    routes = needs.four_routes({"data": [transactions, nothing], "behaviour": [nothing], "forecast": [], "groups": [attention]})
    assert routes.table["need_route"].tolist() == ["Customer data", "Groups of customers"]
    assert routes.table["route_shows"].tolist() == [transactions.finding().text, attention.finding().text]
    assert "2 of four" in routes.headline()
    assert "Behaviour and Forecast of needs" in routes.headline()
    whole_chapter = {key: [attention] for key in ("data", "behaviour", "forecast", "groups")}
    assert "All four" in needs.four_routes(whole_chapter).headline()
    assert isinstance(needs.four_routes({key: [nothing] for key in whole_chapter}), NotAvailable)
