"""The sales pipeline of the catering line: opportunities and the stages they went through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from fivestep.cases.calendar import Calendar
from fivestep.cases.columns import Coded, numbered
from fivestep.cases.customers import BUSINESS, EARLY_DAYS, People
from fivestep.cases.places import REPS
from fivestep.cases.streams import choice, stream

STAGES = ("Qualification", "Tasting", "Proposal", "Negotiation")
PASSED = (0.75, 0.65, 0.60, 0.80)  # chance that an opportunity that is in a stage leaves it upwards
COLD_PASSED = 0.5  # times that, for tiny companies from a bought list
DAYS = (10, 14, 20, 15)  # mean days in a stage
STATED = (0.1, 0.3, 0.5, 0.7)  # win probability as the client's system says
ESTABLISHED = 0.5  # companies that order without an opportunity in the data, from the first weeks on
MEAN_MORE = 2.0  # opportunities beyond the first


@dataclass(frozen=True)
class Pipeline:
    """``first_won``: by customer of the chunk, the day from which they order (beyond the data: never)."""

    opportunities: dict
    stage_history: dict
    first_won: np.ndarray
    contract_end: np.ndarray


def pipeline(calendar: Calendar, who: People, seed: int, chunk: int) -> Pipeline:
    """All opportunities of the companies of a chunk; those that the end of the data cuts are open."""
    rng = stream(seed, chunk, "pipeline")
    days = calendar.days
    company = np.flatnonzero(who.kind == BUSINESS)
    known = rng.random(len(company)) < ESTABLISHED
    known &= ~who.cold[company]
    n = 1 + rng.poisson(MEAN_MORE, len(company))
    of = np.repeat(company, n)
    place = np.arange(len(of)) - np.repeat(np.cumsum(n) - n, n)
    created = (rng.random(len(of)) * days).astype(int)
    created = created[np.lexsort((created, of))]  # numbered in the order in which they were opened
    cold = who.cold[of]
    chance = np.array(PASSED)[None, :] * np.where(cold, COLD_PASSED, 1.0)[:, None]
    passed = rng.random((len(of), len(STAGES))) < chance
    lasted = np.maximum(np.rint(rng.gamma(2.0, 0.5, (len(of), len(STAGES))) * DAYS), 1).astype(int)
    reached = np.concatenate([np.ones((len(of), 1), bool), np.cumprod(passed, axis=1).astype(bool)], axis=1)  # last column: won
    entered = created[:, None] + np.concatenate([np.zeros((len(of), 1), int), np.cumsum(lasted, axis=1)], axis=1)
    last_stage = reached[:, : len(STAGES)].sum(axis=1) - 1
    rows = np.arange(len(of))
    closed = entered[rows, last_stage + 1]
    won = reached[:, -1]
    is_open = closed >= days
    seen = reached[:, : len(STAGES)] & (entered[:, : len(STAGES)] < days)
    stage = seen.sum(axis=1) - 1
    office = 9 * 3600 + (rng.random(len(of)) * 8 * 3600).astype(int)
    size = np.array([6_000, 15_000, 40_000, 90_000])[who.company_size[of]]
    amount = (np.rint(size * np.exp(0.4 * rng.standard_normal(len(of))) / 100) * 100).astype(np.int64) * 100
    probability = np.where(is_open, np.array(STATED)[stage], won.astype(float))
    reason = choice(rng, (0.35, 0.25, 0.2, 0.2), len(of))
    rival = choice(rng, (0.6, 0.4), len(of))
    lost = ~is_open & ~won
    ids = numbered("O", who.index[of] * 100 + place, 9)

    def at(day: np.ndarray, mask: np.ndarray) -> np.ndarray:
        moment = np.datetime64(calendar.dates[0], "s") + (day * 86_400 + office).astype("timedelta64[s]")
        return np.where(mask, moment, np.datetime64("NaT"))

    everything = np.ones(len(of), bool)
    opportunities = {
        "opportunity_id": ids,
        "customer_id": numbered("C", who.index[of], 7),
        "stage": Coded(np.where(is_open, stage, np.where(won, 4, 5)), (*STAGES, "Won", "Lost")),
        "status": Coded(np.where(is_open, 0, np.where(won, 1, 2)), ("open", "won", "lost")),
        "win_probability": probability,
        "amount": amount,
        "expected_revenue": np.rint(amount * probability).astype(np.int64),
        "expected_close_date": calendar.dates[0] + (created + sum(DAYS)).astype("timedelta64[D]"),
        "created_at": at(created, everything),
        "closed_at": at(closed, ~is_open),
        "lost_reason": Coded(np.where(lost, reason, -1), ("price", "no need", "competitor", "no decision")),
        "competitor": Coded(np.where(lost & (reason == 2), rival, -1), ("Blue Kettle", "Corner Roast")),
        "next_step": Coded(np.where(is_open, stage % 3, -1), ("call", "tasting visit", "send quote")),
        "owner": Coded(who.region[of] * 2 + who.index[of] % 2, REPS),
    }
    row, step = np.nonzero(seen)
    left = entered[row, step + 1]
    moment = np.datetime64(calendar.dates[0], "s")
    history = {
        "opportunity_id": ids.take(pa.array(row)),
        "stage": Coded(step, STAGES),
        "entered_at": moment + (entered[row, step] * 86_400 + office[row]).astype("timedelta64[s]"),
        "left_at": np.where(left < days, moment + (left * 86_400 + office[row]).astype("timedelta64[s]"), np.datetime64("NaT")),
    }
    first_won = np.full(len(who), 10 * days)
    done = won & ~is_open
    np.minimum.at(first_won, of[done], closed[done])
    first_won[company[known]] = (who.taste[company[known], 0] * EARLY_DAYS).astype(int)
    # Contracts run for a year from the day they were won, and are renewed while the company stays.
    running = (first_won < days) & (who.dropped > days)
    ends = first_won + 365 * np.maximum(1, -(-(days - first_won) // 365))
    ends = np.where(running, calendar.dates[0] + np.where(running, ends, 0).astype("timedelta64[D]"), np.datetime64("NaT"))
    return Pipeline(opportunities, history, first_won, ends)
