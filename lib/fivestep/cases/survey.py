"""Two questionnaires: Kano (functional and dysfunctional) and satisfaction with its drivers, asked once more at the counter."""

from __future__ import annotations

from typing import Any

import numpy as np

from fivestep.cases.calendar import Calendar
from fivestep.cases.columns import Coded, numbered
from fivestep.cases.customers import People
from fivestep.cases.places import REGIONS, SHARES
from fivestep.cases.streams import stream

ASKED = 0.15  # of the members who are still there
MONTH = 19
AT_COUNTER, COUNTER_MONTH = 0.6, 22  # the same at the counter, some months later
# By then members of one region give this much less to every attribute; all together differ as much as before.
UNHAPPY_REGION, UNHAPPY = "East", 1.2
ANSWERS = ("like", "must-be", "neutral", "live-with", "dislike")
# Cells (functional, dysfunctional) of the Kano table (Kano et al. 1984) that give each category.
CELLS = {
    "O": ((0, 4),),
    "A": ((0, 1), (0, 2), (0, 3)),
    "M": ((1, 4), (2, 4), (3, 4)),
    "I": ((2, 2), (1, 2), (2, 3), (3, 3)),
    "R": ((4, 0), (2, 0), (3, 0)),
}
FEATURES = {
    "fresh bread": "M", "clean seats": "M", "fast pickup": "O", "more seats": "O",
    "birthday cake": "A", "latte art": "A", "printed receipt": "I", "sales calls": "R",
}  # fmt: skip
TRUE_SHARE = 0.62  # of the respondents who answer in the feature's own category; the others in any
# Overall satisfaction (1 to 10) = weighted mean of the attributes + N(0, NOISE), rounded.
WEIGHTS = {"taste": 0.35, "speed": 0.25, "price": 0.15, "staff": 0.15, "app": 0.07, "cleanliness": 0.03}
NOISE = 0.5
# What members say is important (mean of 1 to 10), which is not what weighs: speed weighs more than they say, price less.
STATED = {"taste": 9.0, "speed": 5.5, "price": 8.5, "staff": 6.5, "app": 4.5, "cleanliness": 8.0}
# How satisfied they are with the features (mean of 1 to 10): one that they take for granted is the worst.
PLEASED = {
    "fresh bread": 5.5, "clean seats": 8.5, "fast pickup": 7.0, "more seats": 7.5, "birthday cake": 7.0, "latte art": 8.0,
    "printed receipt": 8.5, "sales calls": 6.5,
}  # fmt: skip
SAID = 1.3  # standard deviation of both
PRODUCTS = ("Latte", "Americano", "Butter croissant")
HALO, OWN = 0.8, 1.4  # standard deviations of a rating: what a respondent gives to all attributes, and to one
CORRELATION = HALO**2 / (HALO**2 + OWN**2)  # of two attributes, before ratings are rounded


def survey(calendar: Calendar, who: People, seed: int, chunk: int) -> dict[str, Any]:
    """The answers of a chunk, by respondent."""
    rng = stream(seed, chunk, "survey")
    start = calendar.first_of(MONTH)
    drawn = rng.random(len(who)) < ASKED
    asked = np.flatnonzero(drawn & who.consumer & (who.original < 0) & (who.joined < start) & (who.dropped > start))
    n, begin = len(asked), np.datetime64(calendar.dates[0], "s")
    moment = begin + (start * 86_400 + rng.integers(8 * 3600, 20 * 86_400, n)).astype("timedelta64[s]")
    questions, answers, scores = [], [], []
    categories = tuple(CELLS)
    for feature, category in FEATURES.items():
        own = rng.random(n) < TRUE_SHARE
        given = np.where(own, categories.index(category), rng.integers(0, len(categories), n))
        cell = np.zeros((n, 2), dtype=int)
        pick = rng.random(n)
        for code, name in enumerate(categories):
            of = given == code
            cell[of] = np.array(CELLS[name])[(pick[of] * len(CELLS[name])).astype(int)]
        for side, way in enumerate(("functional", "dysfunctional")):
            questions.append(f"kano/{feature}/{way}")
            answers.append(cell[:, side])
            scores.append(np.full(n, np.nan))
    for question, value in _ratings(rng, HALO * rng.standard_normal(n)).items():
        questions.append(question)
        answers.append(len(ANSWERS) - 1 + value.astype(int))
        scores.append(value)

    # What the satisfaction questionnaire is about has random numbers of its own; satisfaction does not hang on it.
    about = stream(seed, chunk, "survey products").integers(0, len(PRODUCTS), n)
    questions.append("product")
    answers.append(len(ANSWERS) + 9 + about)
    scores.append(np.full(n, np.nan))

    m = len(questions)
    kano = 2 * len(FEATURES)
    which = np.tile(np.arange(m), n)
    answer, score = np.array(answers).T.ravel(), np.array(scores).T.ravel()
    respondent = np.repeat(asked, m)
    second = (which >= kano).astype(int)
    return {
        "response_id": numbered("Q", who.index[respondent] * 10 + second, 8),
        "question_id": Coded(which, tuple(questions)),
        "customer_id": numbered("C", who.index[respondent], 7),
        "survey_id": Coded(second, ("kano", "satisfaction")),
        "answered_at": np.repeat(moment, m),
        "mode": Coded(np.zeros(len(which), dtype=int), ("web",)),
        "answer": Coded(answer, (*ANSWERS, *(str(i) for i in range(1, 11)), *PRODUCTS)),
        "score": score,
    }


def counter_cards(calendar: Calendar, who: People, seed: int, chunk: int) -> dict[str, Any]:
    """The answers of a chunk to the satisfaction questionnaire at the counter, by respondent."""
    rng = stream(seed, chunk, "counter cards")
    start = calendar.first_of(COUNTER_MONTH)
    drawn = rng.random(len(who)) < AT_COUNTER
    asked = np.flatnonzero(drawn & who.consumer & (who.original < 0) & (who.joined < start) & (who.dropped > start))
    n, begin = len(asked), np.datetime64(calendar.dates[0], "s")
    moment = begin + (start * 86_400 + rng.integers(8 * 3600, 20 * 86_400, n)).astype("timedelta64[s]")
    unhappy, share = who.region[asked] == REGIONS.index(UNHAPPY_REGION), SHARES[REGIONS.index(UNHAPPY_REGION)]
    others = np.sqrt(HALO**2 - UNHAPPY**2 * share * (1 - share))
    told = _ratings(rng, UNHAPPY * (share - unhappy) + others * rng.standard_normal(n))
    told |= {f"importance/{attribute}": _said(rng, mean, n) for attribute, mean in STATED.items()}
    satisfaction = len(told)
    told |= {f"{feature}/satisfaction": _said(rng, mean, n) for feature, mean in PLEASED.items()}
    m = len(told)
    second = (np.tile(np.arange(m), n) >= satisfaction).astype(int)  # the features are another card
    score = np.array(list(told.values())).T.ravel()
    respondent = np.repeat(asked, m)
    return {
        "response_id": numbered("Q", who.index[respondent] * 10 + 3 + second, 8),
        "question_id": Coded(np.tile(np.arange(m), n), tuple(told)),
        "customer_id": numbered("C", who.index[respondent], 7),
        "survey_id": Coded(np.zeros(n * m, dtype=int), ("satisfaction",)),
        "answered_at": np.repeat(moment, m),
        "mode": Coded(np.zeros(n * m, dtype=int), ("counter",)),
        "answer": Coded(score.astype(int) - 1, tuple(str(i) for i in range(1, 11))),
        "score": score,
    }


def _said(rng: np.random.Generator, mean: float, n: int) -> np.ndarray:
    return np.clip(np.rint(mean + SAID * rng.standard_normal(n)), 1, 10)


def _ratings(rng: np.random.Generator, halo: np.ndarray) -> dict[str, np.ndarray]:
    """Ratings of the attributes, 1 to 10, and the overall one, by question; *halo* is what a respondent gives to all."""
    n = len(halo)
    overall = np.zeros(n)
    told = {}
    for attribute, weight in WEIGHTS.items():
        value = np.clip(np.rint(7 + halo + OWN * rng.standard_normal(n)), 1, 10)
        overall += weight * value
        told[f"satisfaction/{attribute}"] = value
    told["satisfaction/overall"] = np.clip(np.rint(overall + NOISE * rng.standard_normal(n)), 1, 10)
    return told
