"""A brand survey: how members see the chain and a competitor, what they would choose, tests of two cups, two posters, two
bottles."""

from __future__ import annotations

from typing import Any

import numpy as np

from fivestep.cases.calendar import Calendar
from fivestep.cases.columns import Coded, numbered
from fivestep.cases.customers import People
from fivestep.cases.streams import choice, stream

ASKED = 0.35  # of the members who are still there
MONTHS, EARLIER = (11, 20), 0.4  # two waves, and the share of those who could answer both that answers the first
MODES, MODE_SHARES = ("web", "phone", "mail", "counter"), (0.45, 0.25, 0.15, 0.15)
OWN, RIVAL, FAR = "us", "Blue Kettle", "Corner Roast"
# Two dimensions lie behind how a brand is seen; each pair of opposites loads on one of them.
CARE = ("cold ~ warm", "unreliable ~ reliable", "careless ~ careful", "cheap ~ exclusive")
PACE = ("conventional ~ modern", "dull ~ lively", "slow ~ quick", "ordinary ~ special")
LOADING, TOGETHER = 0.8, 0.3  # of a pair on its dimension; correlation of the two dimensions
SPREAD = 1.3  # standard deviation of an answer before it is rounded
SEEN = {OWN: (5.2, 4.0), RIVAL: (4.2, 5.0)}  # mean answers on care and pace
KNOWN = {RIVAL: (0.45, 0.8), FAR: (0.35, 0.35)}  # by wave
# Log odds of choosing the chain over the competitor: so much for each point by which it is seen better on the pair.
CHOICE, MATTERS = 0.2, {"unreliable ~ reliable": 0.7, "slow ~ quick": 0.35}
LIKED = {"cup/paper": 6.0, "cup/bamboo": 7.0, "bottle/old label": 6.2, "bottle/new label": 6.2}  # means of 1 to 9
LIKED_SPREAD, OWN_TASTE = 1.4, 1.2  # of an answer, and of what a respondent gives to both bottles
ACTED = {"poster/price": 0.2, "poster/taste": 0.4}
AWAITED = {"home delivery": 3.9, "lunch box": 3.2, "loyalty game": 2.3}  # means of 1 to 5
OCCASIONS = ("on the way to work", "lunch break", "meeting friends", "a place to work")
OCCASION_SHARES = ((0.6, 0.25, 0.05, 0.10), (0.2, 0.2, 0.5, 0.1), (0.15, 0.15, 0.3, 0.4), (0.3, 0.2, 0.3, 0.2))  # by segment
HOW_OFTEN = ("every day", "every week", "more rarely")
STATEMENTS = {  # means of 1 to 5, by segment
    "I like to try new things": (3.0, 3.2, 4.3, 2.4),
    "price decides": (2.6, 3.2, 4.2, 2.4),
    "I buy what is healthy": (3.2, 3.8, 2.6, 3.6),
    "a known brand is safer": (3.4, 3.6, 2.6, 4.2),
}

# Codes of answers: 1 to 9 are themselves.
ANSWERS = ("0", *(str(i) for i in range(1, 10)), "yes", "no", *OCCASIONS, *HOW_OFTEN)
YES, NO, OCCASION, OFTEN = (ANSWERS.index(word) for word in ("yes", "no", OCCASIONS[0], HOW_OFTEN[0]))


def research(calendar: Calendar, who: People, seed: int, chunk: int) -> dict[str, Any]:
    """The answers of a chunk, by respondent and question."""
    rng = stream(seed, chunk, "research")
    first, second = (calendar.first_of(month) for month in MONTHS)
    drawn = rng.random(len(who)) < ASKED
    asked = np.flatnonzero(drawn & who.consumer & (who.original < 0) & (who.joined < second) & (who.dropped > second))
    n, segment = len(asked), who.segment[asked]
    wave = np.where((rng.random(n) < EARLIER) & (who.joined[asked] < first), 0, 1)
    start = np.where(wave == 0, first, second)
    begin = np.datetime64(calendar.dates[0], "s")
    moment = begin + (start * 86_400 + rng.integers(8 * 3600, 20 * 86_400, n)).astype("timedelta64[s]")
    mode = choice(rng, MODE_SHARES, n)
    told: dict[str, tuple[np.ndarray, np.ndarray]] = {}  # question -> who answered it (places in asked), code of the answer

    def whole(mean: Any, spread: Any, least: int, most: int) -> np.ndarray:
        return np.clip(np.rint(mean + spread), least, most).astype(int)

    everybody = np.arange(n)
    knows = {OWN: np.ones(n, dtype=bool)} | {brand: rng.random(n) < np.array(share)[wave] for brand, share in KNOWN.items()}
    answers: dict[tuple[str, str], np.ndarray] = {}
    for brand, means in SEEN.items():
        first = rng.standard_normal(n)
        second = TOGETHER * first + np.sqrt(1 - TOGETHER**2) * rng.standard_normal(n)
        for pairs, mean, factor in ((CARE, means[0], first), (PACE, means[1], second)):
            for pair in pairs:
                noise = LOADING * factor + np.sqrt(1 - LOADING**2) * rng.standard_normal(n)
                answers[brand, pair] = whole(mean, SPREAD * noise, 1, 7)
                at = np.flatnonzero(knows[brand])
                told[f"{brand}/{pair}/differential"] = at, answers[brand, pair][at]
    better = sum(w * (answers[OWN, pair] - answers[RIVAL, pair]) for pair, w in MATTERS.items())
    own = np.where(knows[RIVAL], rng.random(n) < 1 / (1 + np.exp(-(CHOICE + better))), rng.random(n) < 0.85)
    rival = ~own & knows[RIVAL]
    far = ~own & ~rival & knows[FAR]
    chosen = {OWN: own, RIVAL: rival, FAR: far}
    for brand in (OWN, RIVAL, FAR):
        considers = chosen[brand] | (knows[brand] & (rng.random(n) < (0.7 if brand == OWN else 0.4)))
        uses = knows[brand] & (considers & (rng.random(n) < (0.9 if brand == OWN else 0.5)))
        for role, answer in (
            ("awareness", knows[brand]), ("use", uses), ("consideration", considers), ("preference", chosen[brand]),
        ):  # fmt: skip
            told[f"{brand}/{role}"] = everybody, np.where(answer, YES, NO)
    half = rng.random(n) < 0.5
    for name, at in (("cup/paper", half), ("cup/bamboo", ~half)):  # each respondent sees one cup ...
        at = np.flatnonzero(at)
        told[f"{name}/liking"] = at, whole(LIKED[name], LIKED_SPREAD * rng.standard_normal(len(at)), 1, 9)
    taste = OWN_TASTE * rng.standard_normal(n)
    for name in ("bottle/old label", "bottle/new label"):  # ... and both bottles
        told[f"{name}/liking"] = everybody, whole(LIKED[name] + taste, LIKED_SPREAD * rng.standard_normal(n), 1, 9)
    half = rng.random(n) < 0.5
    for name, at in (("poster/price", half), ("poster/taste", ~half)):
        at = np.flatnonzero(at)
        told[f"{name}/response"] = at, np.where(rng.random(len(at)) < ACTED[name], YES, NO)
    for name, mean in AWAITED.items():
        told[f"{name}/expectation"] = everybody, whole(mean, rng.standard_normal(n), 1, 5)
    occasion = np.zeros(n, dtype=int)
    for s, shares in enumerate(OCCASION_SHARES):
        occasion[segment == s] = choice(rng, shares, int((segment == s).sum()))
    told["occasion/habit"] = everybody, OCCASION + occasion
    often = np.searchsorted((-2.0, -0.5), -who.rate[asked] * np.exp(0.2 * rng.standard_normal(n)))
    told["how often/habit"] = everybody, OFTEN + often
    for statement, means in STATEMENTS.items():
        told[f"{statement}/agreement"] = everybody, whole(np.array(means)[segment], rng.standard_normal(n), 1, 5)

    questions = tuple(told)
    place = np.concatenate([at for at, _code in told.values()])
    code = np.concatenate([codes for _at, codes in told.values()])
    which = np.repeat(np.arange(len(questions)), [len(at) for at, _code in told.values()])
    order = np.lexsort((which, place))
    place, code, which = place[order], code[order], which[order]
    index = who.index[asked][place]
    return {
        "response_id": numbered("Q", index * 10 + 2, 8),
        "question_id": Coded(which, questions),
        "customer_id": numbered("C", index, 7),
        "survey_id": Coded(np.zeros(len(place), dtype=int), ("brand",)),
        "answered_at": moment[place],
        "mode": Coded(mode[place], MODES),
        "answer": Coded(code, ANSWERS),
        "score": np.where((code >= 1) & (code <= 9), code.astype(float), np.nan),
    }
