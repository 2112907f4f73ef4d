"""Paths through a visit: what comes after what, and at which place of the visit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.charts.theme import style
from fivestep.engine import Tables, frame, needs
from fivestep.findings import NotAvailable
from fivestep.language import N_, _
from fivestep.needs import journeys

NAMED = 9  # pages and events by name; the others together
PLACES = 8  # events from the start of a visit
DRAWN = 0.1  # share of the moves from a page that an arrow needs
START, END, OTHERS = N_("Start of visit"), N_("End of visit"), N_("All others")

_ANSWERS = N_("which ways customers take through the pages")


@dataclass(frozen=True)
class Paths:
    """What follows what within a visit.

    ``moves``: from_page, to_page (start and end of the visit included), moves, share_of_moves (of those from the page), most
    moves first. ``places``: place_in_visit (1 to 8), page_or_event, visits, share_of_visits (of the visits that are so long).
    ``named``: the nine most frequent names; all others are taken together. ``visits``: all visits.
    """

    moves: pd.DataFrame
    places: pd.DataFrame
    named: tuple[str, ...]
    visits: int

    def matrix(self) -> pd.DataFrame:
        """Share of the moves from each page (rows) to each page (columns)."""
        wide = self.moves.pivot(index="from_page", columns="to_page", values="share_of_moves")
        order = [*self.named, OTHERS]
        wide = wide.reindex(index=[p for p in (START, *order) if p in wide.index])
        return wide.reindex(columns=[p for p in (*order, END) if p in wide.columns])

    def matrix_figure(self) -> Figure:
        """The matrix of moves."""
        return self._grid(self.matrix())

    def places_figure(self) -> Figure:
        """What stands first, second ... in a visit."""
        wide = self.places.pivot(index="page_or_event", columns="place_in_visit", values="share_of_visits")
        wide = wide.reindex(index=[p for p in (*self.named, OTHERS) if p in wide.index])
        return self._grid(wide.rename(columns=language.number))

    def _grid(self, wide: pd.DataFrame) -> Figure:
        named = wide.rename(index=_name).rename(columns=lambda c: _short(_name(c)))
        return charts.heatmap(named, write=lambda v: language.percent(v, 0))

    def graph(self) -> Figure:
        """Pages on a circle, from the start clockwise; an arrow for every move that at least a tenth of those from a page are."""
        matrix = self.matrix()
        names = [START, *(p for p in matrix.columns if p != END), END]
        angles = np.pi / 2 - 2 * np.pi * np.arange(len(names)) / len(names)
        at = dict(zip(names, np.column_stack([1.5 * np.cos(angles), np.sin(angles)]), strict=True))
        fig, ax = charts.figure(height=3.9)
        with mpl.rc_context(style()):  # what is written after the figure was made
            for start, end in ((a, b) for a in matrix.index for b in matrix.columns):
                share = matrix.loc[start, end]
                if not share >= DRAWN or start == end:
                    continue
                arrow = {
                    "arrowstyle": "-|>", "linewidth": 0.6 + 5 * share, "alpha": 0.75, "shrinkA": 16, "shrinkB": 16,
                    "color": charts.GREYS[1] if end == END else charts.ACCENT, "connectionstyle": "arc3,rad=0.12",
                }  # fmt: skip
                ax.annotate("", at[end], at[start], arrowprops=arrow)
            for name, (x, y) in at.items():
                box = {"boxstyle": "round,pad=0.3", "facecolor": "white", "edgecolor": charts.PRIMARY, "linewidth": 0.8}
                ax.annotate(_short(_name(name)), (x, y), ha="center", va="center", fontsize=7, bbox=box)
        ax.set_xlim(-1.9, 1.9)
        ax.set_ylim(-1.2, 1.2)
        ax.set_axis_off()
        return fig

    def headline(self) -> str:
        """The most frequent move between two pages."""
        inner = self.moves[(self.moves["from_page"] != START) & (self.moves["to_page"] != END)]
        if inner.empty:
            return _("Every visit of the data has a single event")
        top = inner.iloc[0]
        return _("Most frequent move: from “{a}” to “{b}”, {share} of the moves from there").format(
            a=_name(top["from_page"]), b=_name(top["to_page"]), share=language.percent(top["share_of_moves"])
        )

    def places_headline(self) -> str:
        """What visits begin with."""
        top = self.places[self.places["place_in_visit"] == 1].iloc[0]
        return _("{share} of visits begin with “{page}”").format(
            share=language.percent(top["share_of_visits"]), page=_name(top["page_or_event"])
        )

    def exit_headline(self) -> str:
        """After what visits end."""
        top = self.moves[self.moves["to_page"] == END].iloc[0]
        return _("{share} of visits end after “{page}”").format(
            share=language.percent(top["moves"] / self.visits), page=_name(top["from_page"])
        )

    def note(self) -> str:
        """Base and definitions."""
        return _(
            "Base: {n} visits. The {named} most frequent pages and events by name, all others together. Events of the same "
            "moment are in the order of their ids. In the graph: moves that are at least {drawn} of those from a page."
        ).format(
            n=language.number(self.visits), named=language.number(len(self.named)), drawn=language.percent(DRAWN, 0)
        )  # fmt: skip


def _name(page: object) -> str:
    return _(page) if page in (START, END, OTHERS) else journeys.label(page)


def _short(name: str) -> str:
    return name if len(name) <= 14 else name[:13] + "…"


@needs("events", answers=_ANSWERS)
def paths(tables: Tables, steps: Mapping[str, tuple[str, ...]] = journeys.STEPS) -> Paths | NotAvailable:
    """Moves from one page or event to the next of the same visit, and what stands at the first eight places of a visit."""
    events = journeys.visited(tables, steps)
    events = events.filter(events.visit.notnull())
    counts = frame(events.group_by("name").aggregate(events=events.count()), by=["name"])
    if counts.empty:
        return NotAvailable((), _(_ANSWERS), reason=_(journeys.NO_VISITS))
    named = tuple(counts.sort_values(["events", "name"], ascending=[False, True])["name"].head(NAMED))
    events = events.select("visit", "second", "event_id", page=ibis.ifelse(events.name.isin(named), events.name, OTHERS))
    mine = ibis.window(group_by="visit", order_by=["second", "event_id"])
    walked = events.select("page", place=ibis.row_number().over(mine) + 1, to=events.page.lead().over(mine).fill_null(END))
    walked = walked.mutate(place=ibis.least(walked.place, PLACES + 1))
    seen = frame(walked.group_by("place", "page", "to").aggregate(n=walked.count()), by=["place", "page", "to"])
    first = seen[seen["place"] == 1].groupby("page")["n"].sum()
    moves = pd.concat(
        [
            pd.DataFrame({"from_page": START, "to_page": first.index, "moves": first.to_numpy()}),
            seen.groupby(["page", "to"])["n"].sum().reset_index().set_axis(["from_page", "to_page", "moves"], axis=1),
        ],
        ignore_index=True,
    )
    moves["share_of_moves"] = moves["moves"] / moves.groupby("from_page")["moves"].transform("sum")
    moves = moves.sort_values(["moves", "from_page", "to_page"], ascending=[False, True, True], ignore_index=True)
    places = seen[seen["place"] <= PLACES].groupby(["place", "page"])["n"].sum().reset_index()
    places = places.set_axis(["place_in_visit", "page_or_event", "visits"], axis=1)
    places["share_of_visits"] = places["visits"] / places.groupby("place_in_visit")["visits"].transform("sum")
    places = places.sort_values(["place_in_visit", "visits", "page_or_event"], ascending=[True, False, True], ignore_index=True)
    return Paths(moves, places, named, int(first.sum()))
