"""Steps to a purchase: how many visits go on from each, how long it takes, and which step broke when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import newcombe, wilson
from fivestep.language import N_, _
from fivestep.needs import journeys
from fivestep.needs.breaks import ALL_DEVICES, LEVEL, LONGEST, breaks

FEW = 100  # visits at the first step below which nothing is said
HORIZONS = (1, 7, 30, 90)  # days from the first visit
UNKNOWN = N_("Unknown")

_ANSWERS = N_("at which step to a purchase visitors are lost, and whether a step was broken for a time")


@dataclass(frozen=True)
class Funnel:
    """Visits on their way to a purchase.

    ``table``: one row per step that the data has, in order: step (number), journey_step, visits_at_step, share_of_visits,
    went_on (visits that also have a later step), went_on_share, went_on_low, went_on_high (95 %, visits of one customer taken as
    alike), visits_lost; nothing of these for the last step. ``weekly``: step, device, week, visits, went_on. ``broken``: what
    `breaks` found in it. ``minutes``: lower quartile, median and upper quartile from the start of a visit to its first event of
    the last step; NaN without one. ``horizons``: days_since_first_visit, customers_followed, customers_converted, with share and
    interval. ``visits``: all visits; ``loose``: events that belong to none.
    """

    table: pd.DataFrame
    weekly: pd.DataFrame
    broken: pd.DataFrame
    minutes: tuple[float, float, float]
    horizons: pd.DataFrame
    visits: int
    loose: int
    first_day: dt.date
    last_day: dt.date

    def shown(self) -> pd.DataFrame:
        """The steps as a table."""
        return self.table.drop(columns="step")

    def figure(self) -> Figure:
        """Share of the visits at each step that went on, with its interval."""
        inner = self.table.iloc[:-1]
        return charts.intervals(
            [self._label(s) for s in inner["journey_step"]],
            inner["went_on_share"],
            inner["went_on_low"],
            inner["went_on_high"],
            write=lambda v: language.percent(v, 0),
            xlabel=_("Visits at the step that have a later step too, with 95% interval"),
        )

    def breaks(self) -> pd.DataFrame:
        """Before and after of every break: step, device, weeks, shares, difference with interval, visits missing."""
        b = self.broken
        ends = [newcombe(*row) for row in b[["went_on", "visits", "usual_went_on", "usual_visits"]].to_numpy(dtype=float)]
        names = self.table.set_index("step")["journey_step"]
        return pd.DataFrame(
            {
                "journey_step": names.reindex(b["step"]).to_numpy(dtype=object),
                "device": [self._device(d) for d in b["device"]],
                "first_week": b["first_week"].dt.date if len(b) else [],
                "weeks": ((b["last_week"] - b["first_week"]).dt.days // 7 + 1).astype(int) if len(b) else [],
                "visits_at_step": b["visits"].to_numpy(),
                "went_on_share": b["share"].to_numpy(),
                "usual_share": b["usual_share"].to_numpy(),
                "share_change": (b["share"] - b["usual_share"]).to_numpy(),
                "share_change_low": [low for low, _high in ends],
                "share_change_high": [high for _low, high in ends],
                "visits_missing": b["missing"].to_numpy(),
            }
        )

    def broken_figure(self) -> Figure:
        """Week by week the share that went on from the step that broke most: its device, and the others."""
        step, device = self._worst, ALL_DEVICES
        if len(self.broken):
            step, device = self.broken[["step", "device"]].iloc[0]
        rows = self.weekly[self.weekly["step"] == step]
        weeks = pd.date_range(rows["week"].min(), rows["week"].max(), freq="7D")
        parts = {self._device(device): rows if device == ALL_DEVICES else rows[rows["device"] == device]}
        if device != ALL_DEVICES and (rows["device"] != device).any():
            parts[_("Other devices")] = rows[rows["device"] != device]
        drawn = {}
        for name, part in parts.items():
            sums = part.groupby("week")[["visits", "went_on"]].sum().reindex(weeks)
            drawn[name] = (sums["went_on"] / sums["visits"]).to_numpy()
        index = [f"{week:%Y-%m-%d}" for week in weeks]
        return charts.lines(
            pd.DataFrame(drawn, index=index),
            write=lambda v: language.percent(v, 0),
            ylabel=_("Visits at the step that went on"),
            xlabel=_("Week, from Monday"),
        )

    @property
    def _worst(self) -> int:
        """The step from which the smallest share goes on."""
        inner = self.table.iloc[:-1].sort_values(["went_on_share", "step"])
        return int(inner["step"].iloc[0])

    def _label(self, step: str) -> str:
        return _(step)

    def _device(self, device: str) -> str:
        return _(device) if device in (ALL_DEVICES, UNKNOWN) else language.value("events.device", device)

    def headline(self) -> str:
        """The step from which the smallest share of visits goes on."""
        row = self.table.set_index("step").loc[self._worst]
        return _("The smallest share goes on from “{step}”: {share} of the visits there").format(
            step=self._label(row["journey_step"]), share=language.percent(row["went_on_share"])
        )

    def table_headline(self) -> str:
        """How many of the visits reach the last step."""
        last = self.table.iloc[-1]
        return _("{share} of {n} visits reach “{step}”").format(
            share=language.percent(last["share_of_visits"]),
            n=language.number(self.visits),
            step=self._label(last["journey_step"]),
        )

    def broken_headline(self) -> str:
        """Which step broke, for whom and when."""
        if self.broken.empty:
            return _("No step let clearly fewer visits through in some weeks than in the others")
        row = self.breaks().iloc[0]
        return _("“{step}”, {device}: in the weeks from {week} {share} went on, {usual} in the other weeks; weeks: {n}").format(
            step=self._label(row["journey_step"]),
            device=self._device(self.broken["device"].iloc[0]),
            week=language.day(row["first_week"]),
            share=language.percent(row["went_on_share"]),
            usual=language.percent(row["usual_share"]),
            n=language.number(row["weeks"]),
        )

    def breaks_headline(self) -> str:
        """What the strongest break cost."""
        if self.broken.empty:
            return self.broken_headline()
        row = self.breaks().iloc[0]
        return _("At the usual share {n} more visits would have gone on from “{step}” in these weeks").format(
            n=language.number(row["visits_missing"]), step=self._label(row["journey_step"])
        )

    def horizons_note(self) -> str:
        """Who is followed for how long."""
        return _(
            "Base of each row: known customers whose first visit lies at least so many days before the last one of the data, so "
            "that all of them could be followed for so long. Time within a visit runs from its first event."
        )

    def time_headline(self) -> str:
        """How long a purchase takes."""
        if np.isnan(self.minutes[1]):
            return _("No visit of the data reaches the last step")
        return _("In half of the visits that reach “{step}” it takes {minutes} minutes or less from the first event").format(
            step=self._label(self.table["journey_step"].iloc[-1]), minutes=language.number(self.minutes[1])
        )

    def note(self) -> str:
        """Definitions and base."""
        out = _(
            "Base: {n} visits from {first} to {last}. A visit is at a step if it has one of the step's pages or events, and goes "
            "on if it also has a later step, in whichever order they were recorded. The interval takes into account that visits "
            "of one customer resemble each other."
        ).format(n=language.number(self.visits), first=language.day(self.first_day), last=language.day(self.last_day))
        if self.loose:
            out += " " + _("{n} events that belong to no visit are left out.").format(n=language.number(self.loose))
        return out

    def broken_note(self) -> str:
        """How a break is told from chance."""
        return _(
            "Searched: every step, every device and all together, every run of up to {weeks} weeks. Named: what is beyond chance "
            "at {level} for the whole search (Kulldorff 1997). The weeks were chosen for their low share, so the true drop is "
            "rather smaller than the one shown."
        ).format(weeks=language.number(LONGEST), level=language.percent(LEVEL, 0))

    def finding(self) -> Finding:
        """The break that costs most, or else the step at which most visits are lost."""
        if len(self.broken):
            row = self.breaks().iloc[0]
            return Finding(
                key="needs.broken_step_visits_missing",
                value=float(row["visits_missing"]),
                unit="count",
                display=language.number(row["visits_missing"]),
                text=language.sentence(self.broken_headline()),
                evidence=_(
                    "{n} visits at the step in these weeks; the share is {low} to {high} points from that of the other weeks. "
                    "{missing} more visits would have gone on at the usual share."
                ).format(
                    n=language.number(row["visits_at_step"]),
                    low=language.number(100 * row["share_change_low"]),
                    high=language.number(100 * row["share_change_high"]),
                    missing=language.number(row["visits_missing"]),
                ),
                so_what=_("Ask what was released or out of order in these weeks, and watch this share by device every week."),
                confidence="high",
                warnings=(_("A campaign that brings other visitors can lower a share too: check before a defect is assumed."),),
                assumptions=(self.broken_note(), self.note()),
            )
        row = self.table.set_index("step").loc[self._worst]
        return Finding(
            key="needs.lowest_step_share",
            value=float(row["went_on_share"]),
            unit="share",
            display=language.percent(row["went_on_share"]),
            text=language.sentence(self.headline()),
            evidence=_("{n} visits were at the step; 95% interval {low} to {high}.").format(
                n=language.number(row["visits_at_step"]),
                low=language.percent(row["went_on_low"]),
                high=language.percent(row["went_on_high"]),
            ),
            so_what=_("Watch customers use this step, and test a simpler one against it."),
            confidence="high" if row["visits_at_step"] >= FEW else "low",
            assumptions=(self.note(), self.broken_note()),
        )


@needs("events", answers=_ANSWERS)
def funnel(tables: Tables, steps: Mapping[str, tuple[str, ...]] = journeys.STEPS) -> Funnel | NotAvailable:
    """Visits at each of the *steps* that the data has, and how many of them have a later one; the weeks in which a step broke.

    Not available where fewer than two steps are found in the events, or fewer than 100 visits are at the first of them.
    Sources: Wilson (1927) with an effective sample size from the variance between customers (Kish 1965); `breaks`.
    """
    events = journeys.visited(tables, steps)
    loose = int(events.filter(events.visit.isnull()).count().to_pandas())
    events = events.filter(events.visit.notnull())
    there = frame(events.filter(events.step.notnull()).select("step").distinct(), by=["step"])["step"].astype(int).tolist()
    if len(there) < 2:
        reason = _("fewer than two steps to a purchase are found in the events: name them in journey.yml.")
        return NotAvailable((), _(_ANSWERS), reason=reason)
    visits = _visits(events, there).cache()  # events are read once for all that is asked of the visits
    counts = _counts(visits, there)
    total = int(visits.count().to_pandas())
    if counts["visits"].iloc[0] < FEW:
        reason = _("fewer than {n} visits are at the first step.").format(n=language.number(FEW))
        return NotAvailable((), _(_ANSWERS), reason=reason)
    labels = list(steps)
    n, m = counts["visits"].to_numpy(), counts["went_on"].to_numpy()
    low, high = wilson(m / n * counts["effective"], counts["effective"])
    inner = np.arange(len(there)) < len(there) - 1
    table = pd.DataFrame(
        {
            "step": there,
            "journey_step": [labels[s] for s in there],
            "visits_at_step": n,
            "share_of_visits": n / total,
            "went_on": np.where(inner, m, np.nan),
            "went_on_share": np.where(inner, m / n, np.nan),
            "went_on_low": np.where(inner, low, np.nan),
            "went_on_high": np.where(inner, high, np.nan),
            "visits_lost": np.where(inner, n - m, np.nan),
        }
    )
    weekly = _weekly(visits, there)
    days = visits.aggregate(first=visits.begin.min(), last=visits.begin.max()).to_pandas().iloc[0]
    return Funnel(
        table, weekly, breaks(weekly), _minutes(visits, there[-1]), _horizons(visits, there[-1]), total, loose,
        days["first"].date(), days["last"].date(),
    )  # fmt: skip


def _visits(events: ibis.Table, there: list[int]) -> ibis.Table:
    """One row per visit: customer (the visit where it has none), device, begin, at_<step> (moment of its first event)."""
    firsts = {f"at_{s}": events.at.min(where=events.step == s) for s in there}
    visits = events.group_by("visit").aggregate(
        customer_id=events.customer_id.min(), device=events.device.min(), begin=events.at.min(), **firsts
    )
    return visits.mutate(customer=ibis.coalesce(visits.customer_id, "visit " + visits.visit))


def _went_on(visits: ibis.Table, step: int, there: list[int]) -> ibis.Value:
    """Whether a visit at *step* has a later one."""
    later = [visits[f"at_{s}"].notnull() for s in there if s > step]
    return ibis.or_(*later) if later else ibis.literal(False)


def _counts(visits: ibis.Table, there: list[int]) -> pd.DataFrame:
    """By step: visits, went_on, and effective (as many visits of customers who come once would tell as much)."""
    marked = visits.select(
        "customer",
        **{f"n_{s}": visits[f"at_{s}"].notnull().cast("int64") for s in there},
        **{f"m_{s}": (visits[f"at_{s}"].notnull() & _went_on(visits, s, there)).cast("int64") for s in there},
    )
    each = marked.group_by("customer").aggregate(**{c: marked[c].sum() for c in marked.columns if c != "customer"})
    sums = {}
    for s in there:
        n, m = each[f"n_{s}"], each[f"m_{s}"]
        sums |= {f"visits_{s}": n.sum(), f"went_on_{s}": m.sum()}
        sums |= {f"nn_{s}": (n * n).sum(), f"nm_{s}": (n * m).sum(), f"mm_{s}": (m * m).sum()}
    row = each.aggregate(**sums).to_pandas().iloc[0].astype(float)
    out = pd.DataFrame({c: [row[f"{c}_{s}"] for s in there] for c in ("visits", "went_on", "nn", "nm", "mm")})
    share = out["went_on"] / out["visits"]
    between = (out["mm"] - 2 * share * out["nm"] + share**2 * out["nn"]) / out["visits"] ** 2
    alone = share * (1 - share) / out["visits"]
    wider = np.where(alone > 0, between / alone.where(alone > 0, 1.0), 1.0)
    out["effective"] = out["visits"] / np.maximum(wider, 1.0)
    return out.astype({"visits": int, "went_on": int})


def _weekly(visits: ibis.Table, there: list[int]) -> pd.DataFrame:
    """step, device, week, visits, went_on: a row where there are visits at the step; the last step has none to lose."""
    week, device = visits.begin.truncate("W").date(), visits.device.fill_null(UNKNOWN)
    rows = visits.mutate(week=week, device=device)
    sums = {}
    for s in there[:-1]:
        at = rows[f"at_{s}"].notnull()
        sums |= {f"visits_{s}": at.sum(), f"went_on_{s}": (at & _went_on(rows, s, there)).sum()}
    wide = frame(rows.group_by("device", "week").aggregate(**sums), by=["device", "week"])
    parts = []
    for s in there[:-1]:
        part = wide[["device", "week"]].assign(step=s, visits=wide[f"visits_{s}"], went_on=wide[f"went_on_{s}"])
        parts.append(part[part["visits"] > 0])
    out = pd.concat(parts, ignore_index=True)
    return out.assign(week=pd.to_datetime(out["week"]))[["step", "device", "week", "visits", "went_on"]]


def _minutes(visits: ibis.Table, last: int) -> tuple[float, float, float]:
    """Quartiles of the minutes from a visit's first event to its first of the last step."""
    done = visits.filter(visits[f"at_{last}"].notnull())
    spent = (done[f"at_{last}"].epoch_seconds() - done.begin.epoch_seconds()) // 60
    done = done.select(minutes=spent)
    counted = frame(done.group_by("minutes").aggregate(n=done.count()), by=["minutes"])
    if counted.empty:
        return (np.nan,) * 3
    running = counted["n"].cumsum() / counted["n"].sum()
    return tuple(float(counted["minutes"][int(np.searchsorted(running, q - 1e-12))]) for q in (0.25, 0.5, 0.75))


def _horizons(visits: ibis.Table, last: int) -> pd.DataFrame:
    """Of the customers whose first visit is at least so many days before the last event: who reached the last step by then."""
    known = visits.filter(visits.customer_id.notnull())
    end = known.begin.max().to_pandas()
    each = known.group_by("customer_id").aggregate(first=known.begin.min(), done=known[f"at_{last}"].min())
    if pd.isna(end):
        rows = [(h, 0, 0) for h in HORIZONS]
    else:
        day, stop = 86_400, int(pd.Timestamp(end).timestamp())
        first, done = each.first.epoch_seconds(), each.done.epoch_seconds()
        sums = {}
        for h in HORIZONS:
            followed = first <= stop - h * day
            sums |= {f"n_{h}": followed.sum(), f"m_{h}": (followed & (done - first <= h * day)).sum()}
        row = each.aggregate(**sums).to_pandas().iloc[0].fillna(0)
        rows = [(h, int(row[f"n_{h}"]), int(row[f"m_{h}"])) for h in HORIZONS]
    out = pd.DataFrame(rows, columns=["days_since_first_visit", "customers_followed", "customers_converted"])
    low, high = wilson(out["customers_converted"], out["customers_followed"])
    n = out["customers_followed"].where(out["customers_followed"] > 0)
    return out.assign(converted_share=out["customers_converted"] / n, converted_low=low, converted_high=high)
