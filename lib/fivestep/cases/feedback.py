"""Complaints, inquiries, suggestions and reviews, with one product that fails in one region."""

from __future__ import annotations

from typing import Any

import numpy as np

from fivestep.cases.calendar import Calendar
from fivestep.cases.columns import Coded, numbered
from fivestep.cases.customers import BUSINESS, STOP, SWITCH, SWITCH_DAYS, People
from fivestep.cases.places import REGIONS, REPS
from fivestep.cases.products import products
from fivestep.cases.purchases import COMPETITOR_MONTH, COMPETITOR_REGION, Purchases
from fivestep.cases.streams import choice, stream
from fivestep.cases.texts import drawn

COMPLAINTS = 0.0008  # per line of a consumer
PAIN_PRODUCT, PAIN_REGION, PAIN_CAUSE, PAIN_FROM, PAIN_RATE = "Cold brew bottle", "South", "leaking bottle", 6, 0.06
OTHERS = 0.006  # inquiries, suggestions and reviews per order
CAUSES = ("leaking bottle", "wrong order", "slow service", "stale", "confusing app", "price")
USUAL_CAUSES = (0.01, 0.29, 0.30, 0.16, 0.16, 0.08)
TYPES = ("complaint", "inquiry", "suggestion", "review")
KINDS = (*(f"complaint/{c}" for c in CAUSES), "inquiry", "suggestion", "review/good", "review/bad")
PRICE_TALK = 0.8  # complaints about the competitor's price of a customer who is about to switch, mean number


def feedback(
    calendar: Calendar, who: People, bought: Purchases, language: str, seed: int, chunk: int
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The feedback of a chunk, sorted by customer and moment, and places and moments of the complaints."""
    rng = stream(seed, chunk, "feedback")
    begin = np.datetime64(calendar.dates[0], "s")
    end = begin + np.timedelta64(calendar.days * 86_400 - 1, "s")
    line_place, line_month = bought.place[bought.line_order], bought.month[bought.line_order]
    painful = (bought.line_product == products().number(PAIN_PRODUCT)) & (who.region[line_place] == REGIONS.index(PAIN_REGION))
    painful &= (line_month >= PAIN_FROM) & who.consumer[line_place]
    drawn_line = rng.random(len(line_place))
    defect = painful & (drawn_line < PAIN_RATE)
    usual = (drawn_line < COMPLAINTS) & ~defect & (who.consumer[line_place] | (who.kind[line_place] == BUSINESS))
    complained = np.flatnonzero(defect | usual)
    cause = np.where(defect[complained], 0, choice(rng, USUAL_CAUSES, len(complained)))
    wait = rng.exponential(8 * 3600, len(complained)).astype(int) + 600
    parts = [(line_place[complained], bought.moment[bought.line_order[complained]] + wait.astype("timedelta64[s]"),
              np.zeros(len(complained), int), bought.line_product[complained], cause)]  # fmt: skip
    # Whoever is about to switch talks about the competitor's price.
    switching = np.flatnonzero(who.leaving == SWITCH)
    place = np.repeat(switching, rng.poisson(PRICE_TALK, len(switching)))
    rival = np.flatnonzero(who.consumer & (who.region == REGIONS.index(COMPETITOR_REGION)) & (rng.random(len(who)) < 0.05))
    first = np.concatenate(
        [np.full(len(place), calendar.days - SWITCH_DAYS), np.full(len(rival), calendar.first_of(COMPETITOR_MONTH))]
    )
    place = np.concatenate([place, rival])
    place, first = place[who.dropped[place] > first], first[who.dropped[place] > first]
    day = first + (rng.random(len(place)) * (calendar.days - first)).astype(int)
    moment = begin + (day * 86_400 + rng.integers(9 * 3600, 20 * 3600, len(day))).astype("timedelta64[s]")
    parts.append((place, moment, np.zeros(len(place), int), np.full(len(place), -1), np.full(len(place), 5)))
    # The rest, and those who close their account.
    chosen = np.flatnonzero((rng.random(len(bought.place)) < OTHERS) & who.consumer[bought.place])
    kind = choice(rng, (0.35, 0.2, 0.45), len(chosen)) + 1
    product = bought.line_product[np.searchsorted(bought.line_order, chosen)]
    wait = rng.exponential(20 * 3600, len(chosen)).astype(int) + 600
    parts.append((bought.place[chosen], bought.moment[chosen] + wait.astype("timedelta64[s]"), kind,
                  np.where(kind == 1, -1, product), np.full(len(chosen), -1)))  # fmt: skip
    place, moment, kind, product, cause = (np.concatenate(p) for p in zip(*parts, strict=True))
    moment = np.minimum(moment, end)
    order = np.lexsort((moment, place))
    place, moment, kind, product, cause = place[order], moment[order], kind[order], product[order], cause[order]

    n = len(place)
    happy = rng.random(n)
    complaint, review = kind == 0, kind == 3
    good = review & (happy < 0.8)
    pain = complaint & (cause == 0)
    hours = rng.gamma(2.0, np.where(pain, 90.0, 14.0))
    resolved = moment + (hours * 3600).astype(int).astype("timedelta64[s]")
    is_open = (resolved > end) | (rng.random(n) < np.where(pain, 0.35, 0.05))
    score = np.where(complaint, 1 + np.floor(happy * 2.5), np.where(good, 4 + (happy < 0.5), 1 + np.floor(happy * 3)))
    rated = complaint | review
    nps = np.where(complaint, np.floor(happy * 6), np.where(good, 8 + np.floor(happy * 3.7), 3 + np.floor(happy * 4)))
    text_kind = np.where(complaint, cause, np.where(kind == 1, 6, np.where(kind == 2, 7, np.where(good, 8, 9))))
    sentence, names = drawn(rng, KINDS, text_kind, language)
    trust = np.round(np.clip(nps / 2 + rng.standard_normal(n) * 0.5, 1, 5), 1)
    per_customer = np.arange(n) - np.searchsorted(place, place)
    leaving = who.leaving[place] == STOP
    # An answer within hours, of some cases only with the solution, of some never.
    first = moment + (rng.gamma(1.5, np.where(pain, 14.0, 3.0)) * 3600).astype(int).astype("timedelta64[s]")
    silent = (first > end) | (rng.random(n) < 0.1) | (~is_open & (first > resolved))
    table = {
        "feedback_id": numbered("F", who.index[place] * 1_000 + per_customer, 10),
        "customer_id": numbered("C", who.index[place], 7),
        "feedback_type": Coded(kind, TYPES),
        "product_id": Coded(product, products().names("product_id")),
        "created_at": moment,
        "responded_at": np.where(silent, np.datetime64("NaT"), first),
        "resolved_at": np.where(is_open, np.datetime64("NaT"), resolved),
        "status": Coded(is_open.astype(int), ("resolved", "open")),
        "cause": Coded(np.where(complaint, cause, -1), CAUSES),
        "satisfaction": np.where(rated, score, np.nan),
        "nps": np.ma.array(nps.astype(int), mask=~rated),
        "trust": np.where(rated, trust, np.nan),
        "repurchase_intent": np.where(rated, np.clip(score - leaving, 1, 5), np.nan),
        "text": Coded(sentence, names),
        "sales_rep": Coded(np.where(who.consumer[place], -1, who.region[place] * 2 + who.index[place] % 2), REPS),
        "region": Coded(who.region[place], REGIONS),
        "department": Coded(np.where(cause == 4, 0, 1), ("Membership", "Customer service")),
    }
    return table, {"place": place[complaint], "moment": moment[complaint]}
