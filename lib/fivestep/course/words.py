"""The words of the course: every heading of every table, with what it counts."""

from __future__ import annotations

import pandas as pd

from fivestep import evaluation, needs, profiling, segmentation, strategy
from fivestep.course import columns  # noqa: F401  registers what the tables of the course are called
from fivestep.language import _
from fivestep.language.columns import registered

STEPS = (profiling, segmentation, needs, strategy, evaluation)  # imported, they have said what their columns are called


def glossary(containing: str = "") -> pd.DataFrame:
    """term and term_definition of every described column, by term; only those that hold *containing*, in the language in use."""
    rows = {(c.label, c.definition) for c in registered().values() if c.definition}
    wanted = containing.casefold()
    kept = [r for r in rows if wanted in _(r[0]).casefold() or wanted in _(r[1]).casefold()]
    return pd.DataFrame(sorted(kept, key=lambda r: (_(r[0]), r[1])), columns=["term", "term_definition"])
