"""The people and companies of one chunk: who they are, how they buy, when they stop. What they are like is drawn here, once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fivestep.cases.calendar import Calendar
from fivestep.cases.columns import Coded, numbered
from fivestep.cases.places import REGIONS, REPS, SHARES, places
from fivestep.cases.products import SEGMENTS
from fivestep.cases.streams import CHUNK, choice, stream

CONSUMER, BUSINESS, DEALER = range(3)
TYPES = ("consumer", "business", "dealer")
DEALERS = 16  # the first customers: two for each region
BUSINESS_EVERY = 32  # one customer in 32 is a company

SEGMENT_SHARES = (0.35, 0.25, 0.25, 0.15)
AGES = ((23, 44), (29, 48), (18, 24), (33, 66))
EXTRA_LINES = (0.5, 2.2, 0.7, 1.3, 3.0, 1.0)  # beyond the first line of an order, mean by segment
LINES_SHAPE = 4.0  # Gamma shape of the differences between customers in it, mean 1
DISCOUNTED = (0.10, 0.20, 0.60, 0.05, 0.0, 0.0)  # share of orders on discount, by segment

# Pareto/NBD, in weeks (Schmittlein, Morrison and Colombo 1987): orders after the first come at rate Gamma(r, alpha), the time to
# the drop-out is exponential with rate Gamma(s, beta).
R, ALPHA, S, BETA = 1.2, 1.0, 0.9, 40.0
LEVELS = ("basic", "silver", "gold", "platinum")
LEVEL_RATES = (0.8, 1.6, 2.6)  # orders a week from which a level begins, give or take
JOINED_EARLY, EARLY_DAYS = 0.35, 60
LAST_JOIN = 45  # days before the end

DUPLICATES = 0.015
SWITCHING, STOPPING = 0.06, 0.06  # of those who can: still there, at least 0.6 orders a week, not new
SWITCH_DAYS, STOP_DAYS = 100, 120
KEEP, SWITCH, STOP = range(3)
CONTACTED_TWICE = 0.06
OPTED_OUT = 0.07
COMPANY_SIZES = ("1-9", "10-49", "50-199", "200+")
BUSINESS_SOURCES = ("referral", "fair", "cold list")
COSTLY = 0.20  # of companies with 50 people or more, those that cost more than they bring
CONSUMER_SOURCES = ("store", "app", "friend", "advert")
OCCUPATIONS = ("student", "office worker", "teacher", "engineer", "self-employed", "retired")
AGE_BANDS = ("18-29", "30-44", "45-59", "60+")
BANDS = (18, 30, 45, 60)
INTERESTS = ("sport", "music", "film", "travel", "reading")


@dataclass
class People:
    """One chunk of customers; arrays by place in the chunk, days counted from the first day of the data."""

    index: np.ndarray
    kind: np.ndarray
    segment: np.ndarray
    branch: np.ndarray
    region: np.ndarray
    birth: np.ndarray
    age: np.ndarray
    male: np.ndarray
    rate: np.ndarray  # orders a week
    death_rate: np.ndarray
    lines: np.ndarray  # mean lines of an order beyond the first
    joined: np.ndarray
    dropped: np.ndarray  # day of the drop-out, beyond the data for those who stay
    level: np.ndarray
    original: np.ndarray  # place of the person whom this account repeats, -1 for none
    leaving: np.ndarray
    contacted_twice: np.ndarray
    opted_out: np.ndarray
    company_size: np.ndarray
    source: np.ndarray
    costly: np.ndarray
    taste: np.ndarray  # uniform numbers for what hangs on the person alone

    def __len__(self) -> int:
        return len(self.index)

    @property
    def ids(self):
        return numbered("C", self.index, 7)

    @property
    def consumer(self) -> np.ndarray:
        return self.kind == CONSUMER

    @property
    def age_band(self) -> np.ndarray:
        return np.searchsorted(BANDS, self.age, side="right") - 1

    @property
    def cold(self) -> np.ndarray:
        """The group of companies that is not worth the visits: tiny ones from a bought list."""
        listed = self.source == BUSINESS_SOURCES.index("cold list")
        return (self.kind == BUSINESS) & (self.company_size == 0) & listed


def people(calendar: Calendar, seed: int, chunk: int) -> People:
    """All `CHUNK` customers of a chunk, whether or not so many were asked for."""
    rng = stream(seed, chunk, "people")
    n, days = CHUNK, calendar.days
    index = np.arange(n) + chunk * CHUNK
    kind = np.where(index % BUSINESS_EVERY == BUSINESS_EVERY - 1, BUSINESS, CONSUMER)
    kind[index < DEALERS] = DEALER
    consumer = kind == CONSUMER

    segment = choice(rng, SEGMENT_SHARES, n)
    low, high = np.array(AGES)[segment].T
    years = low + (high + 1 - low) * rng.random(n)
    segment = np.where(consumer, segment, np.where(kind == BUSINESS, SEGMENTS.index("business"), SEGMENTS.index("dealers")))
    end = np.datetime64(calendar.last, "D")
    birth = end - (years * 365.2425).astype(int)
    home = places()
    region = choice(rng, SHARES, n)
    region[kind == DEALER] = index[kind == DEALER] // 2
    region_branches = np.array([np.flatnonzero(home.region == r) for r in range(len(SHARES))])
    branch = region_branches[region, rng.integers(0, region_branches.shape[1], n)]

    rate = rng.gamma(R, 1 / ALPHA, n)
    death = rng.gamma(S, 1 / BETA, n)
    lifetime = rng.exponential(1.0, n) / death * 7
    lines = np.array(EXTRA_LINES)[segment] * rng.gamma(LINES_SHAPE, 1 / LINES_SHAPE, n)
    early = rng.random(n) < JOINED_EARLY
    moment = rng.random(n)
    joined = np.where(early, moment * EARLY_DAYS, EARLY_DAYS + moment * (days - LAST_JOIN - EARLY_DAYS)).astype(int)
    joined = np.where(consumer, joined, np.where(kind == DEALER, index * EARLY_DAYS // DEALERS, 0))
    level = np.searchsorted(LEVEL_RATES, rate * np.exp(0.3 * rng.standard_normal(n)))
    company_size = np.where(kind == BUSINESS, choice(rng, (0.3, 0.3, 0.25, 0.15), n), -1)
    source = np.where(consumer, choice(rng, (0.5, 0.25, 0.15, 0.1), n), choice(rng, (0.3, 0.25, 0.45), n))
    costly = (rng.random(n) < COSTLY) & (company_size >= 2)

    # Companies order at a rate of their size; dealers every week.
    of_size = np.array([0.4, 0.7, 1.0, 1.4])[np.maximum(company_size, 0)]
    rate = np.where(consumer, rate, np.where(kind == BUSINESS, of_size * (0.7 + 0.6 * rng.random(n)), 1.0))
    closing = rng.random(n)
    lifetime = np.where(consumer, lifetime, np.where(kind == BUSINESS, -np.log(closing) * 30 / 0.012, np.inf))

    original = _originals(rng, kind)
    twin = original >= 0
    joined = np.where(twin, joined[original] + 60 + (rng.random(n) * 200).astype(int), joined)
    twin &= joined <= days - LAST_JOIN
    original = np.where(twin, original, -1)
    out = People(
        index=index, kind=kind, segment=segment, branch=branch, region=region, birth=birth, age=years.astype(int),
        male=rng.random(n) < 0.42, rate=rate, death_rate=death, lines=lines, joined=np.minimum(joined, days - LAST_JOIN),
        dropped=np.minimum(joined + lifetime, 10 * days), level=level, original=original, leaving=np.zeros(n, dtype=int),
        contacted_twice=consumer & (rng.random(n) < CONTACTED_TWICE), opted_out=consumer & (rng.random(n) < OPTED_OUT),
        company_size=company_size, source=source, costly=costly, taste=rng.random((n, 12)),
    )  # fmt: skip
    for name in ("segment", "branch", "region", "birth", "age", "male", "taste"):
        values = getattr(out, name)
        values[twin] = values[original[twin]]
    out.rate[twin] = 0.0  # the person's orders are divided between the two accounts
    staying = consumer & ~twin & (out.dropped > days) & (out.rate >= 0.6) & (out.joined < days - 200)
    drawn = rng.random(n)
    out.leaving[staying & (drawn < SWITCHING)] = SWITCH
    out.leaving[staying & (drawn >= SWITCHING) & (drawn < SWITCHING + STOPPING)] = STOP
    return out


def _originals(rng: np.random.Generator, kind: np.ndarray) -> np.ndarray:
    """For some consumers an earlier consumer of the chunk whose second account they are; -1 for all others."""
    n = len(kind)
    back = rng.integers(1, 21, n)
    candidate = np.arange(n) - back
    wanted = (rng.random(n) < DUPLICATES) & (kind == CONSUMER) & (candidate >= 0)
    wanted &= kind[candidate] == CONSUMER
    wanted &= ~wanted[candidate]  # nobody is the second account of a second account
    wanted[wanted] = _firsts(candidate[wanted])  # and nobody has a third
    return np.where(wanted, candidate, -1)


def _firsts(values: np.ndarray) -> np.ndarray:
    """Whether each value stands there for the first time."""
    out = np.zeros(len(values), dtype=bool)
    out[np.unique(values, return_index=True)[1]] = True
    return out


def customers(
    calendar: Calendar,
    who: People,
    *,
    first_order: np.ndarray,
    last_order: np.ndarray,
    last_contact: np.ndarray,
    spend: np.ndarray,
    contract_end: np.ndarray,
) -> dict:
    """The columns of the customers table; *first_order* ... are by place: seconds since 1970 or NaT, spend in fen."""
    n, consumer, home = len(who), who.consumer, places()
    taste = who.taste
    business = who.kind == BUSINESS

    def of(codes: np.ndarray, names: tuple[str, ...], where: np.ndarray = consumer) -> Coded:
        return Coded(np.where(where, codes, -1), names)

    everyone = np.ones(n, dtype=bool)
    young = who.age < 25
    occupation = np.where(young & (who.segment == 2), 0, np.where(who.age >= 60, 5, 1 + (taste[:, 0] * 4).astype(int)))
    income = np.rint(np.exp(11.3 + 0.45 * (taste[:, 1] * 2 - 1) + np.where(young, -0.8, 0) + (who.segment == 3) * 0.4)).astype(
        int
    )
    income_band = np.searchsorted((80_000, 150_000, 300_000), income, side="right")
    married = (who.age >= 27) & (taste[:, 2] < 0.75)
    kids = np.where(married & (taste[:, 3] < 0.7), 1 + (taste[:, 4] < 0.3), 0)
    size = np.minimum(1 + married + kids, 4) - 1
    interests = _interests(taste[:, 5:10])
    registered = calendar.dates[who.joined].astype("datetime64[s]") + (9 * 3600 + (taste[:, 10] * 36_000)).astype(
        "timedelta64[s]"
    )
    registered = np.fmin(registered, first_order)  # nobody orders before they are registered
    points = np.where(consumer, spend // 100 * np.array([1, 1, 3, 2])[who.level], 0)
    spent = spend >= np.array([0, 100_000, 1_000_000])[who.kind]
    closed = business & (who.dropped <= calendar.days)
    inactive_account = np.isnat(last_order)
    rep = who.region * 2 + (who.index % 2)
    return {
        "customer_id": who.ids,
        "gender": of(who.male.astype(int), ("female", "male")),
        "birth_date": np.where(consumer, who.birth, np.datetime64("NaT")),
        "age": np.ma.array(who.age, mask=~consumer),
        "age_band": of(who.age_band, AGE_BANDS),
        "country": of(np.zeros(n, dtype=int), ("China",), everyone),
        "region": Coded(home.region[who.branch], REGIONS),
        "province": Coded(who.branch, home.names("province")),
        "city": Coded(who.branch, home.names("city")),
        "district": Coded(who.branch, home.names("district")),
        "postal_code": Coded(who.branch, home.names("postal_code")),
        "occupation": of(occupation, OCCUPATIONS),
        "job_title": of((taste[:, 0] * 4).astype(int), ("office manager", "buyer", "owner", "shop manager"), business),
        "income": np.ma.array(income * 100, mask=~consumer | (taste[:, 11] < 0.2)),
        "income_band": of(np.where(taste[:, 11] < 0.2, -1, income_band), ("low", "middle", "upper", "high")),
        "assets": np.ma.array(income * 300, mask=~consumer | (taste[:, 11] < 0.6)),
        "education": of((taste[:, 1] * 4).astype(int), ("secondary", "college", "bachelor", "master")),
        "marital_status": of(married.astype(int), ("single", "married")),
        "home_ownership": of((taste[:, 4] < 0.5).astype(int), ("owner", "renter")),
        "household_size": of(size, ("1", "2", "3", "4+")),
        "household_composition": of(np.where(kids > 0, 2, married), ("one adult", "couple", "adults with children")),
        "kids_count": of(kids, ("0", "1", "2+")),
        "interests": Coded(np.where(consumer, interests[0], -1), interests[1]),
        "industry": of(
            (taste[:, 1] * 6).astype(int), ("internet", "finance", "education", "health", "hotels", "retail"), business
        ),
        "company_size": of(who.company_size, COMPANY_SIZES, business),
        "customer_type": Coded(who.kind, TYPES),
        "customer_level": of(2 - spent.astype(int) - (spend >= 3_000_000), ("A", "B", "C"), everyone),
        "member_level": of(who.level, LEVELS),
        "is_member": consumer,
        "points": np.where(consumer, points, np.nan).astype(float),
        "growth_value": np.where(consumer, spend // 100, np.nan).astype(float),
        "balance": np.ma.array((taste[:, 9] * 20_000).astype(np.int64), mask=~consumer | (taste[:, 8] < 0.7)),
        "tags": of(np.where(who.leaving == SWITCH, 0, np.where(taste[:, 3] < 0.05, 1, -1)), ("price hunter", "gift buyer")),
        "source": Coded(who.source + np.where(consumer, 0, 4), (*CONSUMER_SOURCES, *BUSINESS_SOURCES)),
        "registered_at": registered,
        "last_purchase_at": last_order,
        "last_contact_at": last_contact,
        "owner": of(rep, REPS, ~consumer),
        "owner_department": of(np.zeros(n, dtype=int), ("Catering sales",), ~consumer),
        "customer_status": of(np.where(inactive_account, 0, np.where(closed, 2, 1)), ("prospect", "active", "closed"), everyone),
        "marketing_opt_out": who.opted_out | (who.leaving == STOP) & (taste[:, 7] < 0.5),
        "credit_status": of((taste[:, 2] < 0.1).astype(int), ("good", "watch"), business),
        "contract_end": contract_end,
    }


def _interests(chances: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Code and names of the sets of interests: each of five is there by chance."""
    sets = [";".join(name for i, name in enumerate(INTERESTS) if code >> i & 1) for code in range(2 ** len(INTERESTS))]
    code = ((chances < (0.4, 0.5, 0.35, 0.3, 0.25)) * (1 << np.arange(len(INTERESTS)))).sum(axis=1)
    return np.where(code == 0, -1, code - 1), tuple(sets[1:])
