"""Campaigns: whom they reached, and what they did to those customers' orders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fivestep.cases.calendar import Calendar
from fivestep.cases.columns import Coded, numbered
from fivestep.cases.customers import AGE_BANDS, People
from fivestep.cases.products import LAUNCH_MONTH, NEW, products
from fivestep.cases.streams import stream

DAYS = 28
RESPONSE_DAYS = 14  # an order within so many days of the contact counts as a response
OPENED = 0.35
CAME, CAME_MORE = 0.2, 0.6  # share of the invited who come to an event, and how much more of those who buy most


@dataclass(frozen=True)
class Campaign:
    """One campaign; ``month`` counts from 0, ``effect`` is additional orders per contacted customer by age band."""

    id: str
    name: str
    type: str
    month: int
    randomised: bool
    cost: int
    effect: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    products: tuple[str, ...] = ()


CAMPAIGNS = (
    Campaign("K01", "Oat latte launch", "launch", LAUNCH_MONTH, False, 1_800_000, products=(NEW,)),
    Campaign("K02", "VIP tasting", "event", 10, False, 4_500_000),
    Campaign(
        "K03", "Spring vouchers", "voucher", 14, True, 3_000_000, (1.2, 0.5, 0.0, 0.0), ("Latte", "Americano", "Butter croissant")
    ),
    Campaign("K04", "New e-mail design", "e-mail", 17, True, 600_000),
    Campaign("K05", "Come back", "win-back", 20, False, 900_000),
)
VOUCHERS = CAMPAIGNS[2]


@dataclass(frozen=True)
class Reached:
    """Customers of one campaign: places in the chunk, whether they were contacted, and the second of the contact."""

    campaign: Campaign
    who: np.ndarray
    treated: np.ndarray
    start: int
    contacted: np.ndarray  # seconds after the campaign's first midnight


def reached(calendar: Calendar, who: People, seed: int, chunk: int) -> list[Reached]:
    """For every campaign its customers of this chunk; only members who are registered and have not opted out."""
    rng = stream(seed, chunk, "campaigns")
    out = []
    for campaign in CAMPAIGNS:
        start = calendar.first_of(campaign.month)
        able = who.consumer & (who.original < 0) & (who.joined < start - 7) & ~who.opted_out
        there = who.dropped > start
        drawn = rng.random(len(who))
        if campaign.randomised:
            member, treated = able, drawn < 0.5
        else:
            chance = {
                "launch": np.where(who.segment == 3, 0.5, 0.1),
                "event": np.where(there, 0.75 * np.clip((who.rate - 1.0) / 2.0, 0.0, 1.0), 0.0),  # the best customers anyway
                "win-back": np.where(there, 0.02, 0.3),
            }[campaign.type]
            member, treated = able & (drawn < chance), np.ones(len(who), dtype=bool)
        contacted = 8 * 3600 + rng.integers(0, 10 * 3600, len(who))
        place = np.flatnonzero(member)
        out.append(Reached(campaign, place, treated[place], start, contacted[place]))
    return out


def voucher_orders(who: People, groups: list[Reached], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Places and days of the orders that exist only because of the vouchers."""
    group = next(g for g in groups if g.campaign is VOUCHERS)
    treated = group.who[group.treated]
    n = rng.poisson(np.array(VOUCHERS.effect)[who.age_band[treated]])
    place = np.repeat(treated, n)
    return place, group.start + (rng.random(len(place)) * (DAYS - 2)).astype(int) + 1


def came(who: People, group: Reached, seed: int, chunk: int) -> np.ndarray:
    """Which customers of a campaign came to its event: the more they buy, the likelier; coming changes nothing."""
    drawn = stream(seed, chunk, "gatherings").random(len(who))
    return (drawn < CAME + CAME_MORE * np.clip((who.rate - 1.0) / 2.0, 0.0, 1.0))[group.who]


def exposures(
    calendar: Calendar, who: People, groups: list[Reached], orders: dict[str, np.ndarray], seed: int, chunk: int
) -> tuple[dict, dict]:
    """The exposures, and the contacts that belong to them, from *orders* by ``place`` and ``moment`` (sorted by both)."""
    parts, contacts, attended = [], [], []
    second = np.datetime64(calendar.dates[0], "s")
    keys = orders["place"] * 10**10 + (orders["moment"] - second).astype(int)
    for number, group in enumerate(groups):
        # A control is watched over the same days as a contacted customer.
        contact = group.start * 86_400 + group.contacted
        first = np.searchsorted(keys, group.who * 10**10 + contact)
        last = np.searchsorted(keys, group.who * 10**10 + contact + RESPONSE_DAYS * 86_400)
        parts.append((group.who, np.full(len(group.who), number), group.treated, last > first, contact))
        event = group.campaign.type == "event"
        there = came(who, group, seed, chunk) if event else np.zeros(len(group.who), dtype=bool)
        attended.append(np.ma.array(there, mask=not event))
        contacts.append((group.who[group.treated], np.full(group.treated.sum(), number), contact[group.treated]))
    place, number, treated, responded, contact = (np.concatenate(p) for p in zip(*parts, strict=True))
    order = np.lexsort((number, place))
    moment = second + contact.astype("timedelta64[s]")
    ids = tuple(c.id for c in CAMPAIGNS)
    table = {
        "campaign_id": Coded(number[order], ids),
        "customer_id": numbered("C", who.index[place[order]], 7),
        "treated": treated[order],
        "responded": responded[order],
        "contacted_at": np.where(treated, moment, np.datetime64("NaT"))[order],
        "attended": np.ma.concatenate(attended)[order],
    }
    place, number, contact = (np.concatenate(p) for p in zip(*contacts, strict=True))
    return table, {"place": place, "campaign": number, "moment": second + contact.astype("timedelta64[s]")}


def campaigns(calendar: Calendar) -> dict:
    """The campaigns table."""
    starts = np.array([calendar.dates[calendar.first_of(c.month)] for c in CAMPAIGNS])
    types = tuple(dict.fromkeys(c.type for c in CAMPAIGNS))
    every = np.arange(len(CAMPAIGNS))
    return {
        "campaign_id": Coded(every, tuple(c.id for c in CAMPAIGNS)),
        "campaign_name": Coded(every, tuple(c.name for c in CAMPAIGNS)),
        "campaign_type": Coded(np.array([types.index(c.type) for c in CAMPAIGNS]), types),
        "start_date": starts,
        "end_date": starts + np.timedelta64(DAYS - 1, "D"),
        "randomised": np.array([c.randomised for c in CAMPAIGNS]),
        "cost": np.array([c.cost for c in CAMPAIGNS]),
    }


def offers() -> dict:
    """The offers table: the products that a campaign's voucher is good for."""
    rows = [(c.id, f"{c.id}-A", products().rows[products().number(p)]["product_id"]) for c in CAMPAIGNS for p in c.products]
    campaign, offer, product = (tuple(column) for column in zip(*rows, strict=True))
    every = np.arange(len(rows))
    return {"campaign_id": Coded(every, campaign), "offer_id": Coded(every, offer), "product_id": Coded(every, product)}


assert len(VOUCHERS.effect) == len(AGE_BANDS)
