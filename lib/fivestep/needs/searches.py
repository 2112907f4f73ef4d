"""What is searched for, which searches lead nowhere, and how many are followed by a purchase."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import newcombe, wilson
from fivestep.language import N_, _
from fivestep.needs import journeys

FEWEST = 10  # visits that searched a term, before it is shown: a rare term may name a person
FALSE_DISCOVERY_RATE = 0.05
SHOWN = 15

_ANSWERS = N_("what customers search for, and which searches lead nowhere")


@dataclass(frozen=True)
class Searches:
    """Searches by term.

    ``table``: one row per term that at least 10 visits searched, most searches first: sought_term, searches, visits,
    no_click_share with no_click_low and no_click_high (searches after which the visit ends or searches again),
    no_result_share (of the searches whose number of results is known; all missing where the data has none),
    bought_after_share with bought_after_low and bought_after_high (visits that reach the last step after the search; missing
    where no step is known), q_value (no click against all other terms, Fisher, Benjamini-Hochberg). ``rare``: searches for other
    terms. ``searches``, ``no_clicks``; ``searching`` and ``browsing``: visits with and without a search, and how many of each
    reach the last step.
    """

    table: pd.DataFrame
    searches: int
    no_clicks: int
    rare: int
    searching: tuple[int, int]
    browsing: tuple[int, int]
    results_known: bool
    purchase_known: bool

    def shown(self, n: int = SHOWN) -> pd.DataFrame:
        """The *n* most frequent terms; without the columns that the data cannot fill."""
        out = self.table.drop(columns="q_value").head(n)
        return out.dropna(axis=1, how="all")

    def leading_nowhere(self) -> pd.DataFrame:
        """Terms after which clearly more searches lead nowhere than after the others, false discovery rate 5 %."""
        overall = self.no_clicks / self.searches
        t = self.table
        return t[(t["q_value"] <= FALSE_DISCOVERY_RATE) & (t["no_click_share"] > overall)].reset_index(drop=True)

    def headline(self) -> str:
        """How many searches lead nowhere, and after which term most."""
        share = language.percent(self.no_clicks / self.searches)
        found = self.leading_nowhere()
        if found.empty:
            return _("After {share} of {n} searches nothing is looked at; no term stands out").format(
                share=share, n=language.number(self.searches)
            )
        worst = found.sort_values(["no_click_low", "sought_term"], ascending=[False, True]).iloc[0]
        return _("After {share} of {n} searches nothing is looked at; after “{term}” after {most}").format(
            share=share,
            n=language.number(self.searches),
            term=language.value("events.search_term", worst["sought_term"]),
            most=language.percent(worst["no_click_share"]),
        )

    def purchase_headline(self) -> str:
        """Whether visits that search buy more often."""
        if not self.purchase_known or not self.searching[0] or not self.browsing[0]:
            return _("Most frequent search term: “{term}”").format(
                term=language.value("events.search_term", self.table["sought_term"].iloc[0])
            )
        low, high = newcombe(self.searching[1], self.searching[0], self.browsing[1], self.browsing[0])
        said = (
            _("Visits with a search reach the last step more often: {a} against {b} without one")
            if low > 0
            else _("Visits with a search reach the last step less often: {a} against {b} without one")
            if high < 0
            else _("Visits with and without a search reach the last step about equally often: {a} and {b}")
        )
        return said.format(
            a=language.percent(self.searching[1] / self.searching[0]), b=language.percent(self.browsing[1] / self.browsing[0])
        )

    def note(self) -> str:
        """Base and definitions."""
        out = _(
            "Base: {n} searches. Nothing is looked at: the visit ends with the search, or searches again. Bought after: the "
            "visit reaches the last step after the search. Terms of fewer than {fewest} visits, {rare} searches in all, are not "
            "shown, as a rare term may name a person."
        ).format(
            n=language.number(self.searches), fewest=language.number(FEWEST), rare=language.number(self.rare)
        )  # fmt: skip
        if not self.results_known:
            out += " " + _("The data does not say how many results a search showed.")
        return out

    def finding(self) -> Finding:
        """The share of searches that lead nowhere."""
        share = self.no_clicks / self.searches
        low, high = wilson(self.no_clicks, self.searches)
        return Finding(
            key="needs.searches_without_click_share",
            value=share,
            unit="share",
            display=language.percent(share),
            text=language.sentence(self.headline()),
            evidence=_("{n} of {all} searches; 95% interval {low} to {high}.").format(
                n=language.number(self.no_clicks),
                all=language.number(self.searches),
                low=language.percent(low),
                high=language.percent(high),
            ),
            so_what=_("Show these terms what fits them, or take the product into the range: a search is a need in plain words.")
            if len(self.leading_nowhere())
            else _("Read the most frequent terms as needs in plain words, and check that each finds what it names."),
            confidence="medium" if self.searches >= 100 else "low",
            warnings=(_("Whoever finds the answer in the list of results does not click either."),),
            assumptions=(self.note(),),
        )


@needs("events.search_term", answers=_ANSWERS)
def searches(tables: Tables, steps: Mapping[str, tuple[str, ...]] = journeys.STEPS) -> Searches | NotAvailable:
    """Searches by term (upper and lower case alike), with what came after them in the same visit.

    An event with a search term is a search. Not available where no term was searched in at least 10 visits.
    """
    from scipy.stats import false_discovery_control, fisher_exact

    events = journeys.visited(tables, steps)
    events = events.filter(events.visit.notnull())
    last = events.step.max().to_pandas()
    ever = not pd.isna(last)
    events = events.mutate(
        term=events.term.strip().lower().nullif(""), done=(events.step == int(last)) if ever else ibis.literal(False)
    )
    mine = ibis.window(group_by="visit", order_by=["second", "event_id"])
    events = events.mutate(
        after=events.event_id.lead().over(mine),
        next_term=events.term.lead().over(mine),
        bought_at=ibis.ifelse(events.done, events.second, ibis.null("int64")).max().over(ibis.window(group_by="visit")),
    )
    sought = events.filter(events.term.notnull())
    sought = sought.mutate(
        no_click=sought.after.isnull() | sought.next_term.notnull(),
        bought=(sought.bought_at >= sought.second).fill_null(False),
        no_result=sought.results == 0,
        counted=sought.results.notnull(),
    )
    table = frame(
        sought.group_by("term").aggregate(
            searches=sought.count(),
            visits=sought.visit.nunique(),
            no_clicks=sought.no_click.sum(),
            bought=sought.visit.nunique(where=sought.bought),
            no_results=sought.no_result.sum(),
            counted=sought.counted.sum(),
        ),
        by=["term"],
    ).sort_values(["searches", "term"], ascending=[False, True], ignore_index=True)
    kept = table[table["visits"] >= FEWEST].reset_index(drop=True)
    if kept.empty:
        return NotAvailable((), _(_ANSWERS), reason=_("no term was searched in at least {n} visits.").format(n=FEWEST))
    total, none = int(table["searches"].sum()), int(table["no_clicks"].sum())
    p = [
        fisher_exact([[k, n - k], [none - k, total - n - (none - k)]]).pvalue
        for k, n in zip(kept["no_clicks"], kept["searches"], strict=True)
    ]
    low, high = wilson(kept["no_clicks"], kept["searches"])
    bought_low, bought_high = wilson(kept["bought"], kept["visits"])
    known = 1.0 if ever else np.nan
    out = pd.DataFrame(
        {
            "sought_term": kept["term"],
            "searches": kept["searches"].astype(int),
            "visits": kept["visits"].astype(int),
            "no_click_share": kept["no_clicks"] / kept["searches"],
            "no_click_low": low,
            "no_click_high": high,
            "no_result_share": kept["no_results"].astype(float) / kept["counted"].where(kept["counted"] > 0),
            "bought_after_share": known * kept["bought"] / kept["visits"],
            "bought_after_low": known * bought_low,
            "bought_after_high": known * bought_high,
            "q_value": false_discovery_control(p, method="bh"),
        }
    )
    each = events.group_by("visit").aggregate(searched=events.term.notnull().any(), done=events.done.any())
    ways = frame(each.group_by("searched").aggregate(n=each.count(), done=each.done.sum()), by=["searched"])
    ways = {bool(row.searched): (int(row.n), int(row.done or 0)) for row in ways.itertuples()}
    return Searches(
        out, total, none, total - int(out["searches"].sum()), ways.get(True, (0, 0)), ways.get(False, (0, 0)),
        bool(table["counted"].sum()), ever,
    )  # fmt: skip
