"""The four routes to what customers need: their data, their behaviour, forecasts and groups; what each has shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fivestep import language
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _

DATA, BEHAVIOUR, FORECAST, GROUPS = (
    N_("Customer data"), N_("Behaviour"), N_("Forecast of needs"), N_("Groups of customers"),
)  # fmt: skip
ROUTES = (DATA, BEHAVIOUR, FORECAST, GROUPS)
_ANSWERS = N_("what each of the four routes to customers' needs has shown")


@dataclass(frozen=True)
class FourRoutes:
    """``table``: one row per finding, by route: need_route, route_shows. ``closed``: routes whose data is missing."""

    table: pd.DataFrame
    closed: tuple[str, ...]

    def headline(self) -> str:
        """How many of the four routes are open."""
        n = len(ROUTES) - len(self.closed)
        if not self.closed:
            return _("All four routes to customers' needs are open: data, behaviour, forecast and groups")
        return _("{n} of four routes to customers' needs are open; no data for: {closed}").format(
            n=language.number(n), closed=language.listing([_(route) for route in self.closed])
        )

    def note(self) -> str:
        """Where the rows come from."""
        return _("Each row is the main result of a section of this chapter, in the words of that section.")


def four_routes(results: Mapping[str, Sequence[Any]]) -> FourRoutes | NotAvailable:
    """What the *results* of each route (``data``, ``behaviour``, ``forecast``, ``groups``) say in one sentence each.

    A result without data is left out. Not available where there is none at all.
    """
    rows, closed = [], []
    for route, key in zip(ROUTES, ("data", "behaviour", "forecast", "groups"), strict=True):
        said = [r.finding() for r in results[key] if not isinstance(r, NotAvailable)]
        said = [f.text for f in said if isinstance(f, Finding)]
        rows += [(route, text) for text in said]
        closed += [] if said else [route]
    if not rows:
        return NotAvailable((), _(_ANSWERS), reason=_("no route has data."))
    return FourRoutes(pd.DataFrame(rows, columns=["need_route", "route_shows"]), tuple(closed))
