"""Orders and their lines: when each customer buys until they drop out, what is in the basket, what it costs.

Between the first order and the drop-out orders come as a Poisson process on a clock that runs with the season, the weekday and
the festivals; what is planted adds orders to it or takes some away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fivestep.cases import campaigns as planned
from fivestep.cases.calendar import Calendar
from fivestep.cases.columns import Coded, numbered
from fivestep.cases.customers import BUSINESS, DEALER, DEALERS, DISCOUNTED, STOP, STOP_DAYS, SWITCH, SWITCH_DAYS, People
from fivestep.cases.places import REGIONS, REPS, places
from fivestep.cases.products import (
    ATTACH,
    COFFEE,
    PAIR,
    PRICE_MONTH,
    PRICED,
    RISE,
    category_weights,
    product_weights,
    products,
)  # fmt: skip
from fivestep.cases.streams import choice, chosen_by_row, stream

WEEKDAYS = (  # Monday to Sunday, by segment
    (1.2, 1.2, 1.25, 1.2, 1.25, 0.5, 0.4),
    (0.7, 0.7, 0.75, 0.75, 0.9, 1.7, 1.5),
    (0.9, 0.9, 1.0, 1.0, 1.2, 1.1, 0.9),
    (0.9, 0.9, 0.9, 1.0, 1.1, 1.2, 1.0),
    (1.4, 1.4, 1.4, 1.4, 1.4, 0.0, 0.0),
    (2.0, 1.5, 1.5, 1.0, 1.0, 0.0, 0.0),
)
HOURS = np.zeros((6, 24))  # chance of each hour, by segment
HOURS[0, 7:22] = (8, 9, 6, 2, 2, 3, 3, 2, 2, 1, 1, 2, 1, 0.5, 0.3)
HOURS[1, 7:22] = (1, 2, 4, 6, 6, 4, 3, 4, 5, 5, 4, 3, 2, 1, 0.3)
HOURS[2, 7:22] = (0.5, 1, 1, 2, 2, 3, 4, 5, 5, 5, 4, 4, 5, 4, 2)
HOURS[3, 7:22] = (1, 3, 6, 6, 4, 2, 2, 4, 6, 5, 3, 2, 1, 0.5, 0.2)
HOURS[4, 8:18] = 1.0
HOURS[5, 9:17] = 1.0

COMPETITOR, COMPETITOR_REGION, COMPETITOR_MONTH, COMPETITOR_LOSS = "Blue Kettle", "Northeast", 15, 0.35
POINTS_MONTH, LIFTED_LEVEL, LIFT = 15, 3, 0.25  # from this month platinum members order so much more
OUT_PRODUCT, OUT_INSTEAD, OUT_BRANCH = "Butter croissant", "Almond croissant", "Hangzhou Binjiang"
OUT_AGO, OUT_MONTHS = 6, 2  # months before the end in which it was out of stock
DIVERTER, DIVERTED_TO, DIVERTED = 0, "East", 0.40  # the dealer, where its goods go, share of its deliveries
STRAY = 0.02  # deliveries of any other dealer to another region
RETURNED = 0.004
DISCOUNT, BUSINESS_DISCOUNT = 15, 10  # percent
COUPON_FEN = 200


@dataclass(frozen=True)
class Purchases:
    """Orders sorted by customer and moment, their lines, and what other tables need: arrays by order or by line."""

    orders: dict[str, Any]
    order_lines: dict[str, Any]
    place: np.ndarray  # customer of each order, by place in the chunk
    moment: np.ndarray
    month: np.ndarray
    amount: np.ndarray
    profit: np.ndarray
    source: np.ndarray
    store: np.ndarray
    line_order: np.ndarray
    line_product: np.ndarray
    line_amount: np.ndarray
    day: np.ndarray
    line_quantity: np.ndarray
    unserved: np.ndarray  # lines on which another product was taken, as the one that was wanted was out of stock


def purchases(
    calendar: Calendar, who: People, first_won: np.ndarray, groups: list[planned.Reached], seed: int, chunk: int
) -> Purchases:
    """The orders of a chunk with everything planted in them."""
    rng = stream(seed, chunk, "arrivals")
    place, day, source = _arrivals(rng, calendar, who, first_won, groups)
    rng = stream(seed, chunk, "orders")
    place = _second_account(rng, who, place, day)
    hour = chosen_by_row(rng, HOURS, who.segment[place])
    second = hour * 3600 + rng.integers(0, 3600, len(place))
    discounted = rng.random(len(place)) < np.array(DISCOUNTED)[who.segment[place]]
    discounted |= source == VOUCHER
    order = np.lexsort((second, day, place))
    place, day, second, source, discounted = (a[order] for a in (place, day, second, source, discounted))

    basket = _baskets(stream(seed, chunk, "lines"), calendar, who, place, day, discounted)
    # A customer who takes a competitor's coffee leaves orders that were nothing but coffee elsewhere.
    kept = np.flatnonzero(np.bincount(basket["order"], minlength=len(place)) > 0)
    renumbered = np.full(len(place), -1)
    renumbered[kept] = np.arange(len(kept))
    basket["order"] = renumbered[basket["order"]]
    place, day, second, source = place[kept], day[kept], second[kept], source[kept]
    return _tables(rng, calendar, who, place, day, second, source, basket)


NORMAL, VOUCHER, RETURN = range(3)


def _arrivals(
    rng: np.random.Generator, calendar: Calendar, who: People, first_won: np.ndarray, groups: list[planned.Reached]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places, days and sources of all orders."""
    days = calendar.days
    clock = calendar.clock(np.array(WEEKDAYS))
    start = np.where(who.kind == BUSINESS, first_won, np.where(who.kind == DEALER, who.joined, who.joined + 1))
    stop = np.minimum(who.dropped, days)
    lifted = who.consumer & (who.level == LIFTED_LEVEL)
    lift_from = np.maximum(start, calendar.first_of(POINTS_MONTH))
    first = np.flatnonzero(who.consumer & (who.original < 0))
    usual = _poisson(rng, clock, who.segment, who.rate, start, stop)
    more = _poisson(rng, clock, who.segment, who.rate * np.where(lifted, LIFT, 0.0), lift_from, stop)
    vouchers = planned.voucher_orders(who, groups, rng)
    place = np.concatenate([first, usual[0], more[0], vouchers[0]])
    day = np.concatenate([who.joined[first], usual[1], more[1], vouchers[1]])
    source = np.repeat([NORMAL, VOUCHER], [len(place) - len(vouchers[0]), len(vouchers[0])])

    keep = np.ones(len(place))
    rival = who.consumer & (who.region == REGIONS.index(COMPETITOR_REGION))
    keep[rival[place] & (day >= calendar.first_of(COMPETITOR_MONTH))] *= 1 - COMPETITOR_LOSS
    gone = np.clip((day - (days - STOP_DAYS)) / STOP_DAYS, 0, 1)
    keep *= np.where(who.leaving[place] == STOP, 1 - 0.95 * gone, 1.0)
    switching = (who.leaving[place] == SWITCH) & (day >= days - SWITCH_DAYS)
    keep *= np.where(switching, 0.7, 1.0)
    stays = (rng.random(len(place)) < keep) | (day == who.joined[place])
    return place[stays], day[stays], source[stays]


def _poisson(
    rng: np.random.Generator, clock: np.ndarray, segment: np.ndarray, rate: np.ndarray, start: np.ndarray, stop: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Places and days of a Poisson process of *rate* a week between the days *start* and *stop* of each place."""
    days = np.arange(clock.shape[1])
    stop = np.maximum(stop, start)
    begin, end = (np.empty(len(segment)) for _ in range(2))
    for s in range(len(clock)):
        of = segment == s
        begin[of], end[of] = np.interp(start[of], days, clock[s]), np.interp(stop[of], days, clock[s])
    n = rng.poisson(rate / 7 * (end - begin))
    place = np.repeat(np.arange(len(segment)), n)
    at = begin[place] + rng.random(len(place)) * (end - begin)[place]
    day = np.empty(len(place), dtype=int)
    for s in range(len(clock)):
        of = segment[place] == s
        day[of] = np.searchsorted(clock[s], at[of], side="right") - 1
    return place, np.clip(day, 0, clock.shape[1] - 2)


def _second_account(rng: np.random.Generator, who: People, place: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Half of the orders after a person opened a second account belong to that account."""
    second = np.full(len(who), -1)
    twins = np.flatnonzero(who.original >= 0)
    second[who.original[twins]] = twins
    other = second[place]
    drawn = rng.random(len(place)) < 0.5
    moved = (other >= 0) & (day >= who.joined[other]) & drawn
    return np.where(moved, other, place)


def _baskets(
    rng: np.random.Generator, calendar: Calendar, who: People, place: np.ndarray, day: np.ndarray, discounted: np.ndarray
) -> dict[str, np.ndarray]:
    """Lines (order, product, quantity, price, discount, coupon, in fen) of orders that are sorted; some orders stay empty."""
    catalog, months = products(), calendar.months
    month, segment = calendar.month[day], who.segment[place]
    n = 1 + rng.poisson(who.lines[place])
    order = np.repeat(np.arange(len(place)), n)
    weights = category_weights(calendar)
    category = chosen_by_row(rng, weights.reshape(-1, weights.shape[2]), month[order] * weights.shape[1] + segment[order])
    # What goes with bread.
    bread = np.zeros(len(place), dtype=bool)
    bread[order[category == catalog.code(PAIR[0])]] = True
    with_jam = np.flatnonzero(bread & (rng.random(len(place)) < ATTACH))
    order, category = np.concatenate([order, with_jam]), np.concatenate([category, np.full(len(with_jam), catalog.code(PAIR[1]))])
    inside = product_weights(months)
    row = (month[order] * inside.shape[1] + segment[order]) * inside.shape[2] + category
    product = chosen_by_row(rng, inside.reshape(-1, inside.shape[3]), row)
    # Festival gifts come on top.
    gift = np.zeros(calendar.days)
    box = np.zeros(calendar.days, dtype=int)
    for festival in calendar.festivals:
        if festival["product"]:
            gift[festival["days"]], box[festival["days"]] = festival["gift"], catalog.number(festival["product"])
    with_gift = np.flatnonzero((rng.random(len(place)) < gift[day]) & who.consumer[place])
    order, product = np.concatenate([order, with_gift]), np.concatenate([product, box[day[with_gift]]])
    # Dearer: as many fewer as the price rose. Switching: coffee is drunk elsewhere.
    of = catalog.category[product]
    lost = (of == catalog.code(PRICED)) & (month[order] >= PRICE_MONTH) & (rng.random(len(order)) < 1 - 1 / (1 + RISE))
    away = (who.leaving[place] == SWITCH) & (day >= calendar.days - SWITCH_DAYS)
    lost |= away[order] & np.isin(of, [catalog.code(c) for c in COFFEE])
    order, product = order[~lost], product[~lost]
    by_order = np.argsort(order, kind="stable")
    order, product = order[by_order], product[by_order]

    several = rng.random(len(order))
    quantity = np.where(several < 0.88, 1, np.where(several < 0.97, 2, 3))
    business, dealer = (who.kind[place] == kind for kind in (BUSINESS, DEALER))
    quantity = np.where(
        business[order], 1 + (several * 3).astype(int), np.where(dealer[order], 2 + (several * 4).astype(int), quantity)
    )
    price = calendar_prices(months)[month[order], product]
    percent = np.where(discounted, DISCOUNT, np.where(business | dealer, BUSINESS_DISCOUNT, 0))[order]
    discount = (quantity * price * percent + 50) // 100
    guest = np.array([b == "Guest" for b in catalog.names("brand")])[product]
    coupon = np.where(guest & (rng.random(len(order)) < 0.05), COUPON_FEN, 0)
    return {"order": order, "product": product, "quantity": quantity, "price": price, "discount": discount, "coupon": coupon}


def calendar_prices(months: int) -> np.ndarray:
    """List prices in fen by month and product."""
    return products().prices(months)


def _tables(
    rng: np.random.Generator, calendar: Calendar, who: People, place: np.ndarray, day: np.ndarray, second: np.ndarray,
    source: np.ndarray, basket: dict[str, np.ndarray],
) -> Purchases:  # fmt: skip
    """Orders and lines as tables, returns among them."""
    catalog, home = products(), places()
    first_line = np.searchsorted(basket["order"], np.arange(len(place)))
    returned = np.flatnonzero((rng.random(len(place)) < RETURNED) & (day < calendar.days - 8) & who.consumer[place])
    later = rng.integers(1, 8, len(returned))
    made = len(place)
    place = np.concatenate([place, place[returned]])
    day = np.concatenate([day, day[returned] + later])
    second = np.concatenate([second, second[returned]])
    source = np.concatenate([source, np.full(len(returned), RETURN)])
    order = np.lexsort((second, day, place))
    rank = np.empty(len(order), dtype=int)
    rank[order] = np.arange(len(order))
    place, day, second, source = (a[order] for a in (place, day, second, source))

    business, dealer = who.kind[place] == BUSINESS, who.kind[place] == DEALER
    elsewhere = rng.random(len(place))
    branch = np.where(elsewhere < 0.85, who.branch[place], _neighbour(home.region, who.branch[place], elsewhere))
    depot = who.region[place]
    diverts = dealer & (who.index[place] == DIVERTER) & (elsewhere < DIVERTED)
    strays = dealer & (who.index[place] != DIVERTER) & (elsewhere < STRAY)
    depot = np.where(diverts, REGIONS.index(DIVERTED_TO), np.where(strays, (depot + 1) % len(REGIONS), depot))
    store = np.where(business | dealer, len(home.branches) + depot, branch)
    instead = _instead(calendar, basket, day[rank[:made]], store[rank[:made]])
    unserved = np.concatenate([instead, instead[first_line[returned]]])

    lines = {k: np.concatenate([v, v[first_line[returned]]]) for k, v in basket.items()}
    n_lines = len(basket["order"])
    lines["order"][n_lines:] = made + np.arange(len(returned))
    for name in ("quantity", "discount", "coupon"):
        lines[name][n_lines:] *= -1 if name == "quantity" else 0
    # What is given back is what was paid: price less discount.
    unit = (basket["quantity"] * basket["price"] - basket["discount"])[first_line[returned]]
    amount = lines["quantity"] * lines["price"] - lines["discount"]
    amount[n_lines:] = -unit
    given_back = np.zeros(len(place), dtype=np.int64)
    given_back[rank[returned]] = unit

    line_order = rank[lines["order"]]
    by_order = np.argsort(line_order, kind="stable")
    line_order = line_order[by_order]
    lines = {k: v[by_order] for k, v in lines.items()}
    amount, unserved = amount[by_order], unserved[by_order]

    n = len(place)
    month = calendar.month[day]
    moment = calendar.dates[day].astype("datetime64[s]") + second.astype("timedelta64[s]")
    starts = np.searchsorted(line_order, np.arange(n))
    line_number = np.arange(len(line_order)) - starts[line_order] + 1
    per_customer = np.arange(n) - np.searchsorted(place, place)
    order_id = numbered("S", who.index[place] * 100_000 + per_customer, 12)
    customer_id = numbered("C", who.index[place], 7)
    cost = lines["quantity"] * catalog.cost[lines["product"]]
    totals = {
        k: _sums(line_order, v, n)
        for k, v in (("amount", amount), ("discount", lines["discount"]), ("coupon", lines["coupon"]), ("cost", cost))
    }

    channel = np.where(business, 3, np.where(dealer, 4, choice(rng, (0.6, 0.28, 0.12), n)))
    delivery = channel == 2
    payment = np.where(business | dealer, 4, choice(rng, (0.5, 0.3, 0.12, 0.08), n))
    term = np.where(business, 30, 60)
    paid_after = np.where(business | dealer, term * 86_400, 0) + rng.integers(5, 90, n)
    paid = moment + paid_after.astype("timedelta64[s]")
    end = np.datetime64(calendar.last, "s") + np.timedelta64(86_400, "s")
    unpaid = paid >= end
    done = moment + np.where(delivery, 2400, np.where(business | dealer, 86_400, 300)).astype("timedelta64[s]")
    is_return = source == RETURN
    orders = {
        "order_id": order_id,
        "customer_id": customer_id,
        "order_date": moment,
        "paid_at": np.where(unpaid, np.datetime64("NaT"), paid),
        "completed_at": np.where(done >= end, np.datetime64("NaT"), done),
        "order_status": Coded(is_return.astype(int), ("completed", "returned")),
        "order_amount": totals["amount"],
        "paid_amount": np.where(unpaid, 0, totals["amount"]),
        "discount_amount": totals["discount"],
        "coupon_amount": totals["coupon"],
        "shipping_fee": np.where(delivery & ~is_return, 500, 0),
        "tax": (totals["amount"] * 6 + 53) // 106,
        "refund_amount": given_back,
        "refund_status": Coded(np.where(given_back > 0, 0, 1), ("refunded", "none")),
        "payment_method": Coded(payment, ("WeChat Pay", "Alipay", "card", "stored value", "invoice")),
        "payment_term": np.ma.array(term, mask=~(business | dealer)),
        "channel": Coded(channel, ("branch", "app", "delivery", "catering", "dealer")),
        "store": Coded(store, home.stores),
        "sales_rep": Coded(np.where(business | dealer, who.region[place] * 2 + who.index[place] % 2, -1), REPS),
        "coupon": Coded(np.where(source == VOUCHER, 0, -1), (f"{planned.VOUCHERS.id}-A",)),
    }
    order_lines = {
        "order_id": order_id.take(line_order),
        "line_id": Coded(line_number - 1, tuple(str(i) for i in range(1, int(line_number.max(initial=0)) + 1))),
        "customer_id": customer_id.take(line_order),
        "order_date": moment[line_order],
        "store": Coded(store[line_order], home.stores),
        "product_id": Coded(lines["product"], catalog.names("product_id")),
        "quantity": lines["quantity"].astype(float),
        "unit_price": lines["price"],
        "line_amount": amount,
        "line_discount": lines["discount"],
        "line_coupon": lines["coupon"],
        "cost": cost,
        "gross_profit": amount - cost,
    }
    return Purchases(
        orders, order_lines, place, moment, month, totals["amount"], totals["amount"] - totals["cost"], source, store,
        line_order, lines["product"], amount, day, lines["quantity"], unserved,
    )  # fmt: skip


def _instead(calendar: Calendar, basket: dict[str, np.ndarray], day: np.ndarray, store: np.ndarray) -> np.ndarray:
    """Which lines were to be of the product that was out of stock at one branch: another is taken instead, at its own price."""
    catalog = products()
    out, taken = catalog.number(OUT_PRODUCT), catalog.number(OUT_INSTEAD)
    first, end = out_days(calendar)
    at = places().stores.index(OUT_BRANCH)
    gone = (store == at) & (day >= first) & (day < end)
    lines = gone[basket["order"]] & (basket["product"] == out)
    of = basket["order"][lines]
    price = calendar_prices(calendar.months)[calendar.month[day[of]], taken]
    was = basket["price"][lines]
    basket["product"][lines], basket["price"][lines] = taken, price
    basket["discount"][lines] = (basket["discount"][lines] * price + was // 2) // was
    return lines


def out_days(calendar: Calendar) -> tuple[int, int]:
    """First day on which the product was out of stock, and the first on which it was there again."""
    first = calendar.months - OUT_AGO
    return calendar.first_of(first), calendar.first_of(first + OUT_MONTHS)


def _sums(group: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """Sums of whole numbers by *group* 0..n-1; exact as long as they stay below 2**53."""
    return np.bincount(group, weights=values, minlength=n).astype(np.int64)


def _neighbour(region: np.ndarray, branch: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Another branch of the same region: the branches of a region stand together."""
    first = np.searchsorted(region, region[branch])
    size = np.bincount(region)[region[branch]]
    return first + (branch - first + 1 + (chance * 1e6).astype(int) % (size - 1)) % size


assert DIVERTER < DEALERS
