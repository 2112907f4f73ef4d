"""Visits to the web shop and the app, with a step that broke on mobile for a month, and bags that are scanned far from home."""

from __future__ import annotations

from typing import Any

import numpy as np

from fivestep.cases.calendar import Calendar
from fivestep.cases.columns import Coded, numbered
from fivestep.cases.customers import DEALERS, STOP, STOP_DAYS, SWITCH, SWITCH_DAYS, People
from fivestep.cases.places import REGIONS, places
from fivestep.cases.products import products
from fivestep.cases.purchases import DIVERTED, DIVERTED_TO, DIVERTER
from fivestep.cases.streams import choice, stream

SESSIONS = 0.14  # a week, while the customer is there
MOBILE = 0.7
STEPS = ("home", "product", "cart", "checkout", "pay")
PASSED = (0.75, 0.55, 0.65, 0.75)  # chance of going on from each step
BROKEN_STEP, BROKEN_MONTH, BROKEN_PASSED = 3, 13, 0.25  # from checkout to pay, on mobile only
COMPARES = 3.0  # views of the price comparison by a customer who is about to switch, mean number
SCANS = 0.4  # scanned bags per customer, mean number
TERMS = ("oat latte", "birthday cake", "gluten free", "decaf", "mooncake")
RESULTS = np.array((4, 3, 0, 2, 6))  # results that a search for each of them shows: nothing is gluten free
TYPES = ("page_view", "search", "add_to_cart", "checkout", "pay", "like", "comment", "share", "scan", "qr_pay")
PLATFORMS = ("app", "website", "WeChat", "Xiaohongshu", "Douyin", "Weibo")
SOCIAL_SHARES = (45, 70, 90)  # of 100 customers by number: below 45 WeChat, below 70 Xiaohongshu, below 90 Douyin, else Weibo
PAGES = ("home", "product", "cart", "checkout", "pay", "compare prices", "points", "close account", "feed")


def events(calendar: Calendar, who: People, seed: int, chunk: int) -> dict[str, Any]:
    """The events of a chunk, sorted by customer and moment."""
    rng = stream(seed, chunk, "events")
    days = calendar.days
    begin = np.datetime64(calendar.dates[0], "s")
    catalog = products()
    stop = np.minimum(who.dropped, days)
    n = rng.poisson(np.where(who.consumer, SESSIONS / 7 * np.maximum(stop - who.joined, 0), 0.0))
    place = np.repeat(np.arange(len(who)), n)
    day = who.joined[place] + (rng.random(len(place)) * (stop - who.joined)[place]).astype(int)
    # Whoever is about to stop no longer looks.
    gone = (who.leaving[place] == STOP) & (day > days - STOP_DAYS) & (rng.random(len(place)) < 0.8)
    place, day = place[~gone], day[~gone]
    second = day * 86_400 + rng.integers(7 * 3600, 23 * 3600, len(place))
    mobile = rng.random(len(place)) < MOBILE
    chance = np.broadcast_to(np.array(PASSED), (len(place), len(PASSED))).copy()
    broken = mobile & (calendar.month[day] == BROKEN_MONTH)
    chance[broken, BROKEN_STEP] = BROKEN_PASSED
    passed = np.cumprod(rng.random(chance.shape) < chance, axis=1).astype(bool)
    reached = np.concatenate([np.ones((len(place), 1), bool), passed], axis=1)
    product = choice(rng, np.array([float(p) for p in catalog.names("popularity")]), len(place))
    session, step = np.nonzero(reached)
    kind = np.array([0, 0, 2, 3, 4])[step]
    item = np.where(step == 0, -1, product[session])
    none = np.full(len(step), -1)
    at = second[session] + step * 45 + (rng.random(len(step)) * 30).astype(int)
    parts = [(place[session], at, session, kind, step, item, mobile[session], none, none)]

    def add(
        at: np.ndarray, delay: int, kind: np.ndarray | int, page: int, item: np.ndarray | int = -1, term: np.ndarray | int = -1
    ):
        some = [np.broadcast_to(v, len(at)) for v in (kind, page, item, term)]
        parts.append((place[at], second[at] + delay, at, some[0], some[1], some[2], mobile[at], some[3], np.full(len(at), -1)))

    searched = np.flatnonzero(rng.random(len(place)) < 0.25)
    add(searched, 20, 1, 0, -1, choice(rng, (0.4, 0.2, 0.15, 0.15, 0.1), len(searched)))
    social = np.flatnonzero(rng.random(len(place)) < 0.10)
    add(social, 60, 5 + choice(rng, (0.6, 0.2, 0.2), len(social)), 8, product[social])
    paying = np.flatnonzero(rng.random(len(place)) < 0.15)
    add(paying, 90, 9, 4)

    def lone(at: np.ndarray, when: np.ndarray, kind: int, page: int, item: np.ndarray | int = -1, dealer: np.ndarray | int = -1):
        session = len(place) + sum(len(p[0]) for p in parts) + np.arange(len(at))
        fill = [np.broadcast_to(v, len(at)) for v in (kind, page, item, -1, dealer)]
        parts.append((at, when, session, fill[0], fill[1], fill[2], np.ones(len(at), bool), fill[3], fill[4]))

    def late(at: np.ndarray, length: int) -> np.ndarray:
        return (days - length + (rng.random(len(at)) * length).astype(int)) * 86_400 + rng.integers(8 * 3600, 22 * 3600, len(at))

    switching = np.repeat(np.flatnonzero(who.leaving == SWITCH), rng.poisson(COMPARES, (who.leaving == SWITCH).sum()))
    lone(switching, late(switching, SWITCH_DAYS), 0, 5)
    stopping = np.repeat(np.flatnonzero(who.leaving == STOP), rng.poisson(1.5, (who.leaving == STOP).sum()))
    lone(stopping, late(stopping, STOP_DAYS), 0, 7)
    curious = np.repeat(np.arange(len(who)), rng.poisson(np.where(who.consumer, 0.05, 0.0)))
    lone(
        curious,
        who.joined[curious] * 86_400 + ((days - who.joined[curious]) * 86_400 * rng.random(len(curious))).astype(int),
        0,
        5,
    )
    # A bag of beans carries the dealer's number.
    scanning = np.repeat(np.arange(len(who)), rng.poisson(np.where(who.consumer, SCANS, 0.0)))
    when = who.joined[scanning] * 86_400 + ((days - who.joined[scanning]) * 86_400 * rng.random(len(scanning))).astype(int)
    near = who.region[scanning] * 2 + rng.integers(0, 2, len(scanning))
    # The diverter sends as much as one dealer does, so of three dealers' bags there some are its own.
    foreign = (who.region[scanning] == REGIONS.index(DIVERTED_TO)) & (rng.random(len(scanning)) < DIVERTED / (2 + DIVERTED))
    beans = catalog.number("House blend 250 g")
    lone(scanning, when, 8, 1, beans, np.where(foreign, DIVERTER, near))

    at, when, session, kind, page, item, phone, term, dealer = (np.concatenate(p) for p in zip(*parts, strict=True))
    when = np.minimum(when, days * 86_400 - 1)
    order = np.lexsort((kind, when, at))
    at, when, session, kind, page, item, phone, term, dealer = (
        a[order] for a in (at, when, session, kind, page, item, phone, term, dealer)
    )
    per_customer = np.arange(len(at)) - np.searchsorted(at, at)
    # Sessions are numbered within the customer, so that they hang on nobody else.
    first_of = np.full(int(session.max(initial=0)) + 1, -1)
    seen, where = np.unique(session, return_index=True)
    first_of[seen] = per_customer[where]
    # Each customer is on one social platform.
    network = np.searchsorted(SOCIAL_SHARES, who.index[at] * 37 % 100, side="right") + 2
    platform = np.where((kind >= TYPES.index("like")) & (kind <= TYPES.index("share")), network, (~phone).astype(int))
    bags = len(PAGES) + dealer
    home = places()
    return {
        "event_id": numbered("E", who.index[at] * 100_000 + per_customer, 12),
        "customer_id": numbered("C", who.index[at], 7),
        "session_id": numbered("V", who.index[at] * 100_000 + first_of[session], 12),
        "occurred_at": begin + when.astype("timedelta64[s]"),
        "event_type": Coded(kind, TYPES),
        "page": Coded(np.where(dealer >= 0, bags, page), (*PAGES, *(f"bag/C{i:07d}" for i in range(DEALERS)))),
        "search_term": Coded(term, TERMS),
        "search_results": np.ma.masked_array(RESULTS[term], mask=term < 0),
        "device": Coded((~phone).astype(int), ("mobile", "desktop")),
        "platform": Coded(platform, PLATFORMS),
        "product_id": Coded(item, catalog.names("product_id")),
        "location": Coded(np.where(kind == 8, who.branch[at], -1), home.names("city")),
    }
