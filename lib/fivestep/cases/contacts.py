"""Contacts between the company and its customers, and what they cost."""

from __future__ import annotations

from typing import Any

import numpy as np

from fivestep.cases import campaigns as planned
from fivestep.cases.calendar import Calendar
from fivestep.cases.columns import Coded, numbered
from fivestep.cases.customers import BUSINESS, People
from fivestep.cases.places import REPS
from fivestep.cases.purchases import POINTS_MONTH, RETURN, VOUCHER, Purchases
from fivestep.cases.streams import stream
from fivestep.cases.texts import drawn

DEPARTMENTS = ("Membership", "Store marketing", "Catering sales", "Customer service")
OVERLAP = (0, 1)  # the two departments that write to the same people every week
OVERLAP_MONTHS = (12, 18)
USUAL = (1 / 90, 1 / 120)  # contacts of other members a day, by these two departments
VISITS = 1 / 30  # visits a day to companies, prospects too
TYPES = ("e-mail", "app message", "call", "visit", "redemption")
CHANNELS = ("e-mail", "app", "phone", "on site", "branch")
RESULTS = ("opened", "no answer", "answered", "redeemed", "next step agreed")


def interactions(
    calendar: Calendar, who: People, bought: Purchases, campaign: dict[str, np.ndarray], complaints: dict[str, np.ndarray],
    language: str, seed: int, chunk: int,
) -> tuple[dict[str, Any], np.ndarray]:  # fmt: skip
    """The interactions of a chunk, sorted by customer and moment, and the last contact of every customer."""
    rng = stream(seed, chunk, "contacts")
    days = calendar.days
    begin = np.datetime64(calendar.dates[0], "s")
    parts: list[dict[str, Any]] = []

    def add(place: np.ndarray, moment: np.ndarray, **what: Any) -> None:
        parts.append({"place": place, "moment": moment, **{k: np.broadcast_to(v, len(place)) for k, v in what.items()}})

    # Two departments write to members: usually now and then, to some both in every week.
    first, last = (calendar.first_of(m) for m in OVERLAP_MONTHS)
    for department in OVERLAP:
        member = np.flatnonzero(who.consumer & ~who.opted_out)
        n = rng.poisson(USUAL[department] * (days - who.joined[member]))
        place = np.repeat(member, n)
        day = who.joined[place] + (rng.random(len(place)) * (days - who.joined[place])).astype(int)
        twice = np.flatnonzero(who.contacted_twice & ~who.opted_out & (who.joined < first))
        weeks = np.arange(first, last, 7)
        place = np.concatenate([place, np.repeat(twice, len(weeks))])
        day = np.concatenate([day, np.tile(weeks, len(twice)) + rng.integers(0, 7, len(weeks) * len(twice))])
        moment = begin + (np.minimum(day, days - 1) * 86_400 + 9 * 3600 + rng.integers(0, 9 * 3600, len(day))).astype(
            "timedelta64[s]"
        )
        opened = rng.random(len(place)) < planned.OPENED
        add(place, moment, type=department, direction=1, department=department, result=np.where(opened, 0, 1), text=department)
    # Campaigns.
    opened = rng.random(len(campaign["place"])) < planned.OPENED
    add(campaign["place"], campaign["moment"], type=0, direction=1, department=0, result=np.where(opened, 0, 1), text=-1,
        campaign=campaign["campaign"])  # fmt: skip
    voucher = np.flatnonzero(bought.source == VOUCHER)
    add(bought.place[voucher], bought.moment[voucher], type=4, direction=0, department=1, result=3, text=-1,
        campaign=planned.CAMPAIGNS.index(planned.VOUCHERS), offer=0)  # fmt: skip
    # Visits to companies, and calls about complaints.
    company = np.flatnonzero(who.kind == BUSINESS)
    n = rng.poisson(VISITS * np.where(who.costly[company], 3, 1) * days)
    place = np.repeat(company, n)
    office = rng.integers(0, days, len(place)) * 86_400 + rng.integers(9 * 3600, 17 * 3600, len(place))
    add(place, begin + office.astype("timedelta64[s]"), type=3, direction=1, department=2, result=4, text=2, minutes=30)
    called = rng.random(len(complaints["place"])) < 0.5
    moment = complaints["moment"][called] + np.timedelta64(3600, "s")
    end = begin + np.timedelta64(days * 86_400 - 1, "s")
    add(complaints["place"][called], np.minimum(moment, end), type=2, direction=0, department=3, result=2, text=3, minutes=5)

    def column(name: str, default: int) -> np.ndarray:
        return np.concatenate([p[name] if name in p else np.full(len(p["place"]), default) for p in parts])

    place, moment = column("place", 0), column("moment", 0)
    order = np.lexsort((moment, place))
    place, moment = place[order], moment[order]
    kind, department, result, text = (column(c, -1)[order] for c in ("type", "department", "result", "text"))
    minutes = column("minutes", 0)[order]
    per_customer = np.arange(len(place)) - np.searchsorted(place, place)
    sentence, names = drawn(rng, ("contact", "contact", "visit", "call"), text, language)
    seconds = np.rint(minutes * 60 * (0.5 + rng.random(len(place)))).astype(int)
    following = begin + ((moment - begin).astype("timedelta64[D]").astype(int) + 30) * np.timedelta64(86_400, "s")
    table = {
        "interaction_id": numbered("I", who.index[place] * 10_000 + per_customer, 11),
        "customer_id": numbered("C", who.index[place], 7),
        "occurred_at": moment,
        "interaction_type": Coded(kind, TYPES),
        "channel": Coded(kind, CHANNELS),
        "direction": Coded(column("direction", -1)[order], ("inbound", "outbound")),
        "duration_s": np.ma.array(seconds, mask=minutes == 0),
        "department": Coded(department, DEPARTMENTS),
        "staff": Coded(np.where(department >= 2, who.region[place] * 2 + who.index[place] % 2, -1), REPS),
        "content": Coded(sentence, names),
        "result": Coded(result, RESULTS),
        "next_contact_at": np.where(kind == 3, following, np.datetime64("NaT")),
        "campaign_id": Coded(column("campaign", -1)[order], tuple(c.id for c in planned.CAMPAIGNS)),
        "offer_id": Coded(column("offer", -1)[order], (f"{planned.VOUCHERS.id}-A",)),
    }
    last_contact = np.full(len(who), np.datetime64("NaT", "s"))
    last_contact[place] = moment  # sorted: the last one stays
    return table, last_contact


POINTS = ((100, 100, 100, 100), (100, 100, 600, 200))  # cost of points by level, per 10,000 of spend: before and after the change
SERVICE, DELIVERY = ((300, 2_800), (600, 3_600))  # the same for companies: usual ones and costly ones
CAMPAIGN_FEN = 150  # per contacted customer
COST_TYPES = ("points", "delivery", "service", "campaign", "acquisition")
ACQUISITION_FEN = (24_000, 48_000)  # what it costs to win a member: advertising and the gift of the first visit


def costs(
    calendar: Calendar, who: People, bought: Purchases, campaign: dict[str, np.ndarray], seed: int, chunk: int
) -> tuple[dict[str, Any], np.ndarray]:
    """The costs of a chunk by customer, month and type, and what it cost to win each customer, in fen."""
    months = calendar.months
    counted = bought.source != RETURN
    key = bought.place[counted] * months + bought.month[counted]
    amount = bought.amount[counted]
    cells, cell = np.unique(key, return_inverse=True)
    spend = np.bincount(cell, weights=amount, minlength=len(cells)).astype(np.int64)
    place, month = cells // months, cells % months
    rate = np.array(POINTS)[(month >= POINTS_MONTH).astype(int), who.level[place]]
    costly = who.costly[place].astype(int)
    company = who.kind[place] == BUSINESS
    parts = []
    for code, per in ((0, np.where(who.consumer[place], rate, 0)), (1, np.where(company, np.array(DELIVERY)[costly], 0)),
                      (2, np.where(company, np.array(SERVICE)[costly], 0))):  # fmt: skip
        value = (spend * per + 5_000) // 10_000
        some = value > 0
        parts.append((place[some], month[some], np.full(some.sum(), code), value[some]))
    sent = (campaign["moment"].astype("datetime64[M]") - calendar.dates[0].astype("datetime64[M]")).astype(int)
    parts.append((campaign["place"], sent, np.full(len(sent), 3), np.full(len(sent), CAMPAIGN_FEN)))
    member = np.flatnonzero(who.consumer & (who.original < 0))
    paid = stream(seed, chunk, "acquisition").integers(*ACQUISITION_FEN, len(who))
    won = np.where(who.consumer & (who.original < 0), paid, 0)
    parts.append((member, calendar.month[who.joined[member]], np.full(len(member), 4), won[member]))
    place, month, kind, value = (np.concatenate(p) for p in zip(*parts, strict=True))
    order = np.lexsort((kind, month, place))
    place, month, kind, value = place[order], month[order], kind[order], value[order]
    last_day = calendar.dates[np.append([calendar.first_of(m + 1) for m in range(months - 1)], calendar.days).astype(int) - 1]
    per_customer = np.arange(len(place)) - np.searchsorted(place, place)
    table = {
        "cost_id": numbered("G", who.index[place] * 1_000 + per_customer, 10),
        "customer_id": numbered("C", who.index[place], 7),
        "cost_date": last_day[month],
        "cost_type": Coded(kind, COST_TYPES),
        "amount": value,
    }
    return table, won
