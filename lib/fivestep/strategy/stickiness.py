"""What holds customers: how many take part in each measure, and whether those who do order again more often."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import Z
from fivestep.language import N_, _

ANSWERS = N_("which measures hold customers, and who takes part in them")
AGAIN_DAYS = 91  # thirteen whole weeks in which somebody orders again, or does not
BEFORE_DAYS = 365
FIFTHS = 5
FEW = 30
SERVICE, PROGRAMME, ONLINE, OFFLINE = N_("Service"), N_("Loyalty programme"), N_("Online activity"), N_("Offline activity")
# Each measure: what kind it is, and what to do with it.
MEASURES = {
    N_("Member of the programme"): (PROGRAMME, N_("Offer membership at the next order, with what it brings in the first month")),
    N_("Holds stored value"): (PROGRAMME, N_("Offer a first top-up with a small bonus, and remind before it is used up")),
    N_("Active online"): (ONLINE, N_("Give one reason a month to open app or website: a tip, a vote, a game")),
    N_("Shared, liked or commented"): (ONLINE, N_("Ask for a picture or a vote, and answer every comment within a day")),
    N_("Took part in an event"): (OFFLINE, N_("Two small events a year in each branch, with an invitation by name")),
    N_("Redeemed an offer"): (OFFLINE, N_("An offer for the next visit instead of a discount on this one")),
    N_("Was contacted in person or by phone"): (SERVICE, N_("A call or visit after every complaint and every large order")),
}
SOCIAL = ("like", "share", "comment", "follow")
EVENT_WORDS = ("event", "party", "training", "活动", "活動", "聚会", "聚會", "培训", "培訓", "沙龙", "沙龍")
PERSONAL = ("phone", "call", "on site", "visit", "in person", "电话", "電話", "拜访", "拜訪", "上门", "到店")


@dataclass(frozen=True)
class Stickiness:
    """Measures that bind, and what goes with them.

    ``table``: one row per measure that the data tells, largest gap first: stick_measure, stick_kind, participants,
    participation (of the customers counted), again_with and again_without (share with an order in the last 91 days, with as many
    orders in the 365 days before), again_gap with again_gap_low and again_gap_high, stick_step. ``customers``: those counted,
    with an order in the 365 days before the last 91.
    """

    table: pd.DataFrame
    customers: int
    start: dt.date
    as_of: dt.date

    def chart(self) -> Figure:
        """The gap of each measure with its interval; the dashed line is no gap."""
        t = self.table
        return charts.intervals(
            [_(m) for m in t["stick_measure"]], t["again_gap"], t["again_gap_low"], t["again_gap_high"],
            write=lambda v: language.percent(v, 0), reference=0.0,
        )  # fmt: skip

    def _first(self) -> pd.Series | None:
        clear = self.table[self.table["again_gap_low"] > 0]
        return None if clear.empty else clear.iloc[0]

    def headline(self) -> str:
        """The measure that goes with most repeat purchase."""
        first = self._first()
        if first is None:
            return language.ngettext(
                "The one measure that the data tells does not clearly go with more repeat purchase",
                "None of {n} measures clearly goes with more repeat purchase",
                len(self.table),
            ).format(n=language.number(len(self.table)))
        return _("“{measure}” goes with {gap} points more customers who order again, and {share} take part").format(
            measure=_(first.stick_measure),
            gap=language.number(100 * first["again_gap"], 0),
            share=language.percent(first["participation"]),
        )

    def participation_headline(self) -> str:
        """The measure in which fewest take part."""
        rare = self.table.sort_values(["participation", "stick_measure"]).iloc[0]
        return _("Fewest take part in “{measure}”: {share} of customers").format(
            measure=_(rare.stick_measure), share=language.percent(rare.participation)
        )

    def note(self) -> str:
        """Who is counted, and why a gap is no effect."""
        return _(
            "Base: {n} customers with an order in the 365 days before {start}. Took part: before that day; membership and stored "
            "value as they are today. Order again: from then to {end}. Both shares are for customers with equally many orders "
            "before (fifths, weighted as those who take part); 95 % interval. A gap is no effect: who takes part is keener from "
            "the start. Draw at random whom to invite, and the gap becomes one."
        ).format(n=language.number(self.customers), start=language.day(self.start), end=language.day(self.as_of))

    def finding(self) -> Finding:
        """What to try first."""
        first = self._first()
        gap = float("nan") if first is None else float(first["again_gap"])
        return Finding(
            key="strategy.stickiness_gap",
            value=gap,
            unit="share",
            display=language.MISSING if first is None else language.percent(gap, 1),
            text=language.sentence(self.headline()),
            evidence=_("{n} measures were compared.").format(n=language.number(len(self.table))),
            so_what=(
                _("Try this first, with a control group: {step}.").format(step=_(first.stick_step))
                if first is not None
                else _("Choose measures by what customers ask for, and test each with a control group.")
            ),
            confidence="low",
            warnings=(_("Who takes part chose to: the gap can be their liking, not the measure."),),
            assumptions=(_("Customers with equally many orders before would order again equally often without the measure."),),
        )


@needs("orders.customer_id", "orders.order_amount", answers=ANSWERS)
def stickiness(tables: Tables) -> Stickiness | NotAvailable:
    """Participation in each measure of `MEASURES` and repeat purchase of those who take part against those who do not.

    Direct standardisation over fifths of orders before; measures with fewer than `FEW` customers on either side are left out.
    """
    start = tables.as_of - dt.timedelta(days=AGAIN_DAYS - 1)
    first = start - dt.timedelta(days=BEFORE_DAYS)
    orders = tables.orders.filter(tables.orders.customer_id.notnull() & (tables.orders.order_amount >= 0))
    orders = orders.filter(orders.order_date >= dt.datetime.combine(first, dt.time()))
    late = orders.order_date >= dt.datetime.combine(start, dt.time())
    counted = orders.group_by("customer_id").aggregate(before=(~late).sum(), again=late.any())
    base = frame(counted.filter(counted.before > 0), by=["customer_id"])
    if tables.first_day > first + dt.timedelta(days=AGAIN_DAYS) or len(base) < 2 * FEW:
        return NotAvailable((), _(ANSWERS), reason=_("the data is too short or has too few customers to see who orders again."))
    ranks = base["before"].rank(method="first")  # rows are by customer_id, so that ties are always cut alike
    base["fifth"] = np.minimum(((ranks - 1) * FIFTHS // len(base)).astype(int), FIFTHS - 1)
    rows = []
    for measure, taking in _taking_part(tables, first, start).items():
        inside = base["customer_id"].isin(taking)
        if min(inside.sum(), (~inside).sum()) < FEW:
            continue
        own, others = (base[m].groupby("fifth")["again"].agg(["mean", "size"]) for m in (inside, ~inside))
        shared = own.index.intersection(others.index)
        weight = own.loc[shared, "size"] / own.loc[shared, "size"].sum()
        rates = [float((weight * part.loc[shared, "mean"]).sum()) for part in (own, others)]
        # Agresti and Caffo (2000): one success and one failure more in each cell keep the variance above zero.
        variance = 0.0
        for part in (own, others):
            n = part.loc[shared, "size"] + 2
            p = (part.loc[shared, "mean"] * part.loc[shared, "size"] + 1) / n
            variance += float((weight**2 * p * (1 - p) / n).sum())
        gap, half = rates[0] - rates[1], Z * np.sqrt(variance)
        kind, step = MEASURES[measure]
        rows.append((measure, kind, int(inside.sum()), inside.mean(), *rates, gap, gap - half, gap + half, step))
    names = ["stick_measure", "stick_kind", "participants", "participation", "again_with", "again_without", "again_gap",
             "again_gap_low", "again_gap_high", "stick_step"]  # fmt: skip
    if not rows:
        return NotAvailable((), _(ANSWERS), reason=_("the data tells of no measure in which enough customers take part."))
    table = pd.DataFrame(rows, columns=names).sort_values("again_gap", ascending=False, kind="stable", ignore_index=True)
    return Stickiness(table, len(base), start, tables.as_of)


def _taking_part(tables: Tables, first: dt.date, start: dt.date) -> dict[str, frozenset[str]]:
    """Who takes part in each measure that the data tells, in the order of `MEASURES`."""
    begin, end = (dt.datetime.combine(day, dt.time()) for day in (first, start))
    names = iter(MEASURES)
    out = {}

    def ids(rows) -> frozenset[str]:
        return frozenset(rows.select("customer_id").distinct().to_pandas()["customer_id"].dropna())

    def within(table, time: str):
        when = table[time].cast("timestamp")
        return table.filter((when >= begin) & (when < end))

    member, stored, online, social, event, redeemed, personal = names
    customers = tables.customers
    if not tables.missing("customers.is_member"):
        out[member] = ids(customers.filter(customers.is_member))
    if not tables.missing("customers.balance"):
        out[stored] = ids(customers.filter(customers.balance > 0))
    if not tables.missing("events.customer_id", "events.event_type"):
        events = within(tables.events, "occurred_at")
        out[online] = ids(events)
        out[social] = ids(events.filter(events.event_type.lower().isin(SOCIAL)))
    if not tables.missing("exposures.responded", "campaigns.campaign_type"):
        campaigns = within(tables.campaigns, "start_date")
        kind = campaigns.campaign_type.lower()
        held = campaigns.filter(_any_word(kind, EVENT_WORDS)).select("campaign_id")
        came = tables.exposures.filter(tables.exposures.responded & tables.exposures.treated)
        out[event] = ids(came.semi_join(held, "campaign_id"))
    if not tables.missing("interactions.customer_id", "interactions.interaction_type"):
        contacts = within(tables.interactions, "occurred_at")
        out[redeemed] = ids(contacts.filter(_any_word(contacts.interaction_type.lower(), ("redemption", "核销", "核銷"))))
        way = contacts.interaction_type.lower()
        if not tables.missing("interactions.channel"):
            way = way + " " + contacts.channel.fill_null("").lower()
        out[personal] = ids(contacts.filter(_any_word(way, PERSONAL)))
    return out


def _any_word(text, words: tuple[str, ...]):
    found = text.contains(words[0])
    for word in words[1:]:
        found |= text.contains(word)
    return found
