"""Visits online: on which devices, what people do there, which pages they see and for how long, and where they are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _
from fivestep.needs import journeys
from fivestep.needs.journeys import BROWSING, KINDS, OTHER

SHOWN = 15
FEWEST_AT_A_PLACE = 10  # customers; where fewer are, the place could name them
LOCATING = N_("Location shared")
UNKNOWN = N_("Unknown")

_ANSWERS = N_("what customers do online, on which devices, and how long they look at what")


@dataclass(frozen=True)
class Visits:
    """What happens online.

    ``devices``: device, visits, visitors (customers), events_per_visit, share_of_visits, last_step_share with last_step_low and
    last_step_high (95 %; visits that reach the last step that the data has; missing where it has none). ``activities``:
    online_activity (`KINDS`, browsing, other, location), events, visits, visitors, share_of_visitors. ``pages``: page_or_event,
    events, visits, share_of_visits, dwell_seconds (median until the visit's next event; the last event of a visit has none; only
    of the most frequent), exit_share (of its events that end a visit), most events first. ``places``: shared_place, visits,
    visitors, of places with at least 10 customers; ``small_places``: the others. ``visits``, ``visitors``, ``events``, ``loose``
    (events of no visit).
    """

    devices: pd.DataFrame
    activities: pd.DataFrame
    pages: pd.DataFrame
    places: pd.DataFrame
    small_places: int
    visits: int
    visitors: int
    events: int
    loose: int
    first_day: dt.date
    last_day: dt.date

    def devices_shown(self) -> pd.DataFrame:
        """Devices by their names."""
        names = [_(d) if d == UNKNOWN else language.value("events.device", d) for d in self.devices["device"]]
        return self.devices.assign(device=names)

    def pages_shown(self, n: int = SHOWN) -> pd.DataFrame:
        """The *n* pages and events with most events."""
        return self.pages.head(n)

    def headline(self) -> str:
        """The device with most visits."""
        top = self.devices_shown().iloc[0]
        return _("{share} of {n} visits come from one kind of device: {device}").format(
            share=language.percent(top["share_of_visits"]), n=language.number(self.visits), device=top["device"]
        )

    def activities_headline(self) -> str:
        """What shares of the visitors search and are social."""
        share = self.activities.set_index("online_activity")["share_of_visitors"]
        return _("{search} of the known visitors search, {social} like, comment or share").format(
            search=language.percent(share[journeys.SEARCHING]), social=language.percent(share[journeys.SOCIAL])
        )

    def pages_headline(self) -> str:
        """The page with most events."""
        top = self.pages.iloc[0]
        return _("Most frequent page or event: “{page}”, in {share} of visits").format(
            page=journeys.label(top["page_or_event"]), share=language.percent(top["share_of_visits"])
        )

    def places_headline(self) -> str:
        """In how many places enough visitors were."""
        return _("Visitors shared their location in {n} places with at least {fewest} customers each").format(
            n=language.number(len(self.places)), fewest=language.number(FEWEST_AT_A_PLACE)
        )

    def note(self) -> str:
        """Definitions and base."""
        out = _(
            "Base: {events} events in {n} visits of {visitors} known customers, {first} to {last}. Dwell time is the median time "
            "until the next event of the same visit; a visit's last event has none, so it is left out, not counted as zero."
        ).format(
            events=language.number(self.events),
            n=language.number(self.visits),
            visitors=language.number(self.visitors),
            first=language.day(self.first_day),
            last=language.day(self.last_day),
        )
        if self.loose:
            out += " " + _("{n} events that belong to no visit are left out.").format(n=language.number(self.loose))
        return out

    def places_note(self) -> str:
        """What is not shown of locations, which are sensitive."""
        return _(
            "Locations are sensitive: only numbers per place are shown, and {n} places with fewer than {fewest} customers are "
            "left out."
        ).format(n=language.number(self.small_places), fewest=language.number(FEWEST_AT_A_PLACE))

    def finding(self) -> Finding:
        """The device with most visits, and how its visits end."""
        top = self.devices.iloc[0]
        known = not np.isnan(top["last_step_share"])
        evidence = self.note()
        if known:
            evidence += " " + _("Of the visits with it {share} reach the last step (95% interval {low} to {high}).").format(
                share=language.percent(top["last_step_share"]),
                low=language.percent(top["last_step_low"]),
                high=language.percent(top["last_step_high"]),
            )
        return Finding(
            key="needs.main_device_share_of_visits",
            value=float(top["share_of_visits"]),
            unit="share",
            display=language.percent(top["share_of_visits"]),
            text=language.sentence(self.headline()),
            evidence=evidence,
            so_what=_("Design and test for this device first."),
            confidence="high" if self.visits >= 100 else "low",
            warnings=(_("One person with two devices and no account counts as two visitors."),),
            assumptions=(self.places_note(),) if len(self.places) or self.small_places else (),
        )


@needs("events", answers=_ANSWERS)
def visits(tables: Tables, steps: Mapping[str, tuple[str, ...]] = journeys.STEPS) -> Visits | NotAvailable:
    """Devices, activities, pages with dwell time, and places, all aggregated in the engine.

    A visit has the device that comes first by name among those of its events.
    """
    events = journeys.visited(tables, steps)
    inside = events.filter(events.visit.notnull())
    last = inside.step.max().to_pandas()
    each = inside.group_by("visit").aggregate(
        customer_id=inside.customer_id.min(),
        device=inside.device.min().fill_null(UNKNOWN),
        events=inside.count(),
        done=(inside.step == (-1 if pd.isna(last) else int(last))).any(),
    )
    by_device = frame(
        each.group_by("device").aggregate(
            visits=each.count(), visitors=each.customer_id.nunique(), events=each.events.sum(), done=each.done.sum()
        ),
        by=["device"],
    )
    if by_device.empty:
        return NotAvailable((), _(_ANSWERS), reason=_(journeys.NO_VISITS))
    total = int(by_device["visits"].sum())
    whole = events.aggregate(
        visitors=events.customer_id.nunique(), events=events.count(), first=events.at.min(), last=events.at.max()
    )
    whole = whole.to_pandas().iloc[0]
    low, high = wilson(by_device["done"].fillna(0), by_device["visits"])
    known = np.nan if pd.isna(last) else 1.0
    devices = pd.DataFrame(
        {
            "device": by_device["device"],
            "visits": by_device["visits"].astype(int),
            "visitors": by_device["visitors"].astype(int),
            "events_per_visit": by_device["events"] / by_device["visits"],
            "share_of_visits": by_device["visits"] / total,
            "last_step_share": known * by_device["done"].fillna(0).astype(float) / by_device["visits"],
            "last_step_low": known * low,
            "last_step_high": known * high,
        }
    ).sort_values(["visits", "device"], ascending=[False, True], ignore_index=True)
    places, small = _places(inside)
    count = int(by_device["events"].sum())
    return Visits(
        devices, _activities(events, int(whole["visitors"])), _pages(inside, total), places, small, total, int(whole["visitors"]),
        count, int(whole["events"]) - count, whole["first"].date(), whole["last"].date(),
    )  # fmt: skip


def _activities(events: ibis.Table, visitors: int) -> pd.DataFrame:
    def counted(rows: ibis.Table) -> dict[str, ibis.Value]:
        return {"events": rows.count(), "visits": rows.visit.nunique(), "visitors": rows.customer_id.nunique()}

    by_kind = frame(events.group_by(online_activity=events.kind).aggregate(**counted(events)), by=["online_activity"])
    located = events.filter(events.place.notnull())
    by_kind = pd.concat([by_kind, located.aggregate(**counted(located)).to_pandas().assign(online_activity=LOCATING)])
    out = by_kind.set_index("online_activity").reindex([BROWSING, *KINDS, LOCATING, OTHER], fill_value=0).reset_index()
    return out.assign(share_of_visitors=out["visitors"] / visitors if visitors else np.nan)


def _pages(events: ibis.Table, visits: int) -> pd.DataFrame:
    """All pages and events by name; dwell times as counts of whole seconds, so that medians need no list of all of them."""
    mine = ibis.window(group_by="visit", order_by=["second", "event_id"])
    timed = events.select("name", "visit", wait=events.second.lead().over(mine) - events.second)
    counted = frame(
        timed.group_by("name").aggregate(events=timed.count(), visits=timed.visit.nunique(), exits=timed.wait.isnull().sum()),
        by=["name"],
    ).sort_values(["events", "name"], ascending=[False, True], ignore_index=True)
    shown = timed.filter(timed.name.isin(counted["name"].head(SHOWN).tolist()) & timed.wait.notnull())
    waits = frame(shown.group_by("name", "wait").aggregate(n=shown.count()), by=["name", "wait"])
    medians = {}
    for name, part in waits.groupby("name"):
        running = part["n"].cumsum() / part["n"].sum()
        medians[name] = float(part["wait"].iloc[int(np.searchsorted(running, 0.5 - 1e-12))])
    return pd.DataFrame(
        {
            "page_or_event": counted["name"],
            "events": counted["events"].astype(int),
            "visits": counted["visits"].astype(int),
            "share_of_visits": counted["visits"] / visits,
            "dwell_seconds": counted["name"].map(medians).astype(float),
            "exit_share": counted["exits"] / counted["events"],
        }
    )


def _places(events: ibis.Table) -> tuple[pd.DataFrame, int]:
    located = events.filter(events.place.notnull())
    sums = located.group_by(shared_place=located.place)
    places = frame(sums.aggregate(visits=located.visit.nunique(), visitors=located.customer_id.nunique()), by=["shared_place"])
    enough = places["visitors"] >= FEWEST_AT_A_PLACE
    kept = places[enough].sort_values(["visitors", "shared_place"], ascending=[False, True], ignore_index=True)
    return kept, int((~enough).sum())
