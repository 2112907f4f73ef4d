"""A planner's check of themselves: qualities that marketing planning asks for. It is no test, and nobody else sees it."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from fivestep import language
from fivestep.course import columns  # noqa: F401  registers what the tables of the course are called
from fivestep.errors import UserError
from fivestep.language import N_, _

LOWEST, HIGHEST = 1, 5
WEAK = 2  # up to which rating something should be done
GOOD = N_("Keep it up, and show others how.")
# quality -> (statement, what helps)
QUALITIES = {
    N_("Knowledge"): (
        N_("I know market, product, law and numbers of the business well enough to plan for it."),
        N_("Spend a day in a branch and a day with the accounts before the next plan."),
    ),
    N_("Observation"): (
        N_("I see what customers do, not only what they say."),
        N_("Watch ten customers buy, and write down what surprised you."),
    ),
    N_("Analysis"): (
        N_("I can say of every number in my plan where it comes from and how sure it is."),
        N_("Do the exercises of units 2 and 5 once more, on your own data."),
    ),
    N_("Creativity"): (
        N_("I have more than one idea before I choose one."),
        N_("Write three plans for the same goal, one of which costs nothing."),
    ),
    N_("Communication"): (
        N_("Others can say in one sentence what my plan is."),
        N_("Tell the plan to somebody outside the department, and let them repeat it."),
    ),
    N_("Execution"): (
        N_("Every action of my plan has an owner, a date and a limit at which it stops."),
        N_("Take the last plan and add owner, date and limit to every line."),
    ),
    N_("Integrity"): (
        N_("I leave out no result because it does not suit me, and use no data that customers did not give for it."),
        N_("Report one thing that did not work, and ask which consent covers each list."),
    ),
}


def planner_profile(ratings: Mapping[str, int]) -> pd.DataFrame:
    """quality, statement, self_rating and next_step, lowest rating first; *ratings* from 1 to 5 for each of `QUALITIES`."""
    if not ratings:
        raise UserError(_("There are no ratings. The qualities are {choices}.").format(choices=", ".join(QUALITIES)))
    for name, rating in ratings.items():
        if name not in QUALITIES:
            raise UserError(
                _("{name!r} is none of the qualities. They are {choices}.").format(name=name, choices=", ".join(QUALITIES))
            )
        if not LOWEST <= rating <= HIGHEST:
            raise UserError(
                _("{name}: {rating} is no rating. Choose a number from {lowest} to {highest}.").format(
                    name=name, rating=rating, lowest=LOWEST, highest=HIGHEST
                )
            )
    rows = [
        (q, said, ratings[q], helps if ratings[q] <= WEAK else GOOD) for q, (said, helps) in QUALITIES.items() if q in ratings
    ]
    return pd.DataFrame(rows, columns=["quality", "statement", "self_rating", "next_step"]).sort_values(
        ["self_rating", "quality"], ignore_index=True
    )


def planner_headline(profile: pd.DataFrame) -> str:
    """What a profile says in one line: the qualities rated lowest, or that all are rated alike."""
    lowest = profile.loc[profile["self_rating"] == profile["self_rating"].min(), "quality"]
    said = _("Rated lowest: {qualities}") if len(lowest) < len(profile) else _("All are rated alike: {qualities}")
    return said.format(qualities=language.listing([_(quality) for quality in lowest]))
