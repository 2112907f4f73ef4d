"""What the columns of the course's tables are called and mean."""

from fivestep.language import N_
from fivestep.language.columns import Column, register

register(
    course_unit=Column(N_("Unit"), "text", N_("Unit of the course, as it stands before the dot of an exercise's key.")),
    exercise=Column(N_("Exercise"), "text", N_("What is asked."), values="message"),
    exercise_points=Column(N_("Points"), "number", N_("Points reached; the best attempt counts.")),
    exercise_points_of=Column(N_("Points of"), "number", N_("Points to be had.")),
    attempts=Column(N_("Attempts"), "count", N_("Checks up to the first right answer.")),
    term=Column(N_("Term"), "text", N_("Heading of a column, as it stands in tables and workbooks."), values="message"),
    term_definition=Column(N_("Definition"), "text", N_("What the numbers below this heading count."), values="message"),
    quality=Column(N_("Quality"), "text", N_("What a planner should bring along."), values="message"),
    statement=Column(N_("Statement"), "text", N_("What is true of who has this quality."), values="message"),
    self_rating=Column(N_("Rating"), "count", N_("Own answer, from 1 (not at all) to 5 (entirely).")),
    next_step=Column(N_("Next step"), "text", N_("What helps most at this rating."), values="message"),
)
