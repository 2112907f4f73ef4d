"""Get-togethers and training: whom to invite when and at what cost, and whether coming to earlier ones changed anything."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.coverage import coverage
from fivestep.engine import MONEY, Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import welch, wilson
from fivestep.language import N_, _
from fivestep.matched import CREDITED, EARLIER, MOST_DAYS, NO_EFFECT, REFUSED_DATA, REFUSED_OTHERS, compared, periods
from fivestep.strategy.campaign_effects import gross_margin
from fivestep.strategy.care_calendar import CareCalendar
from fivestep.strategy.plan import Plan

ANSWERS = N_("whom to invite to get-togethers and training, and whether coming changes anything")
AHEAD = 4  # events that are planned for the year
APART = 60  # days between two of them
TABLE = 10  # customers to invite, from whom on it is an event
OTHER_CONTACT = 0.1  # share of the guests whom a campaign reached at the same time, from which the two are not told apart
INVITED = N_("Drawn by chance: more than without the invitation")
INVITED_LESS = N_("Drawn by chance: less than without the invitation")
INVITED_NONE = N_("Drawn by chance: no more than without the invitation")


@dataclass(frozen=True)
class Events:
    """Earlier events with a record of who came, and a plan of the next.

    ``table``: one row per event, by day and campaign_id: event, start_date, invited, attended_share with attended_low and
    attended_high (Wilson, of those invited), event_cost_guest (cost per guest; missing where not known), stayed_away_gap (spend
    of the days after, guests less the invited who stayed away: no effect), event_gap with event_gap_low and event_gap_high
    (spend per customer: of an event whose guests were invited by chance the invited less the others, of any other the guests less
    customers who spent alike before, as a difference in differences; missing where refused), event_verdict. ``planned``: one row
    per event ahead: care_date, care_occasion, play, invited, expected_guests, event_cost (missing where not known),
    guest_must_add (spend per guest that pays for it).
    """

    table: pd.DataFrame
    planned: pd.DataFrame
    days: int

    def shown(self) -> pd.DataFrame:
        """The events as the reader sees them; columns without any value are left out."""
        return self.table.drop(columns="campaign_id").dropna(axis=1, how="all")

    def plan(self) -> pd.DataFrame | NotAvailable:
        """The next events as the reader sees them; columns without any value are left out."""
        if self.planned.empty:
            return NotAvailable((), _("whom to invite next"), reason=_("no play may be invited, or no occasion is ahead."))
        return self.planned.dropna(axis=1, how="all")

    def headline(self) -> str:
        """Whether coming is credited with anything, next to what the simple comparison would say."""
        credited = self.table["event_verdict"].isin([CREDITED, INVITED])
        if credited.any():
            return _("{n} of {all} events went with a difference in spend beyond what came before").format(
                n=language.number(credited.sum()), all=language.number(len(self.table))
            )
        gaps = self.table["stayed_away_gap"]
        if (gaps > 0).any():
            return _(
                "Guests spent {gap} more than the invited who stayed away, but coming is not shown to have brought it"
            ).format(gap=language.money(gaps.max()))
        return _("No event is shown to have brought anything")

    def note(self) -> str:
        """How the effect is told."""
        return _(
            "Events: campaigns with a record of who came (exposures.attended). Spend per customer in the {days} days from the "
            "event on. Guests choose to come, and those who buy more come more often: that difference is shown and is no effect. "
            "Where chance drew the invited, all of them are compared with all others (intention to treat). Otherwise guests are "
            "compared with customers of as much spend in the {n} periods before, less the gap that was there, and no effect is "
            "claimed where it was there before or customers alike are too few. 95 % intervals."
        ).format(days=language.number(self.days), n=language.number(EARLIER))

    def plan_headline(self) -> str:
        """How many invitations the year ahead holds."""
        return _("{n} events in the year ahead, with {invited} invitations").format(
            n=language.number(len(self.planned)), invited=language.number(self.planned["invited"].sum())
        )

    def plan_note(self) -> str:
        """Where dates, guests and costs come from."""
        return _(
            "Days: festivals of the care calendar, {apart} days apart or more. Invited: customers who may be contacted, of one "
            "play at a time, most spend per customer first. Guests expected: share that came of all invited so far. Cost: that "
            "of earlier events per invited customer. To pay for it a guest must add so much spend at the gross margin. Invite a "
            "part drawn by chance: then the next review can say what it brought."
        ).format(apart=language.number(APART))

    def finding(self) -> Finding:
        """What earlier events are shown to have brought."""
        credited = int(self.table["event_verdict"].isin([CREDITED, INVITED]).sum())
        first = self.table.iloc[-1]
        verdict = first["event_verdict"]
        return Finding(
            key="strategy.events_credited",
            value=float(credited),
            unit="count",
            display=language.number(credited) if credited else "",
            text=language.sentence(self.headline()),
            evidence=_("{event}: {share} of {n} invited came; {verdict}.").format(
                event=first["event"], share=language.percent(first["attended_share"]), n=language.number(first["invited"]),
                verdict=_(verdict),
            ),
            so_what=_("Draw by chance whom the next event invites, and compare all invited with all others."),
            confidence="medium" if (self.table["event_verdict"] == INVITED).any() else "low",
            warnings=(_("Guests chose to come."),),
        )  # fmt: skip


@needs(
    "campaigns.start_date", "exposures.customer_id", "exposures.treated", "exposures.attended", "orders.customer_id",
    "orders.order_amount", answers=ANSWERS,
)  # fmt: skip
def events(tables: Tables, plan: Plan | None = None, care: CareCalendar | None = None) -> Events | NotAvailable:
    """Attendance, cost and effect of each event whose first 28 days the data covers; with *plan* and *care* the next events.

    Spend is net of returns; orders without a customer are excluded. `NotAvailable` without an event that somebody came to.
    """
    given = tables.exposures
    members = given.filter(given.treated.notnull()).group_by("campaign_id", "customer_id")
    members = frame(
        members.aggregate(treated=given.treated.any(), attended=given.attended.any()), by=["campaign_id", "customer_id"]
    )
    members["came"] = members["attended"].fillna(False).astype(bool)
    campaigns = tables.campaigns.distinct(on="campaign_id", keep="first")
    rows = frame(campaigns, by=["start_date", "campaign_id"])
    rows["start_date"] = pd.to_datetime(rows["start_date"])
    for name in ("campaign_name", "randomised", "cost"):
        if name not in rows:
            rows[name] = None
    last = pd.Timestamp(coverage(tables).last) - pd.Timedelta(days=MOST_DAYS - 1)
    held = members.loc[members["came"], "campaign_id"].unique()
    rows = rows[rows["campaign_id"].isin(held) & (rows["start_date"] <= last)]
    if rows.empty:
        return NotAvailable((), _(ANSWERS), reason=_("no event with guests lies within the data as a whole."))
    starts = frame(campaigns, by=["campaign_id"]).assign(start_date=lambda t: pd.to_datetime(t["start_date"]))
    out = [_event(tables, row, members, starts, len(rows)) for row in rows.itertuples()]
    table = pd.DataFrame(out)
    return Events(table, _planned(tables, plan, care, table), MOST_DAYS)


def _event(tables: Tables, row, members: pd.DataFrame, starts: pd.DataFrame, several: int) -> dict:
    """One row of the table."""
    mine = members[members["campaign_id"] == row.campaign_id]
    invited = mine[mine["treated"].astype(bool)]
    guests, away, control = invited[invited["came"]], invited[~invited["came"]], mine[~mine["treated"].astype(bool)]
    (low,), (high,) = wilson([len(guests)], [len(invited)])
    said = {
        "campaign_id": row.campaign_id, "event": row.campaign_name or row.campaign_id, "start_date": row.start_date,
        "invited": len(invited), "attended_share": len(guests) / len(invited), "attended_low": float(low),
        "attended_high": float(high),
        "event_cost_guest": np.nan if pd.isna(row.cost) else float(row.cost) / len(guests),
    }  # fmt: skip
    spent = _spent(tables, row.start_date)

    def spend(who: pd.DataFrame) -> np.ndarray:
        return spent.reindex(who["customer_id"]).fillna(0.0).to_numpy(float)

    gap = {"event_gap": np.nan, "event_gap_low": np.nan, "event_gap_high": np.nan}
    said["stayed_away_gap"] = spend(guests).mean() - spend(away).mean() if len(away) else np.nan
    if bool(row.randomised) and min(len(invited), len(control)) > 1:
        one, other = spend(invited), spend(control)
        low, high = welch(len(one), one.mean(), one.var(ddof=1), len(other), other.mean(), other.var(ddof=1))
        gap = {"event_gap": one.mean() - other.mean(), "event_gap_low": low, "event_gap_high": high}
        verdict = INVITED if low > 0 else INVITED_LESS if high < 0 else INVITED_NONE
        return said | gap | {"event_verdict": verdict}
    begin = row.start_date - pd.Timedelta(days=EARLIER * MOST_DAYS)
    if begin < pd.Timestamp(tables.first_day):
        return said | gap | {"event_verdict": REFUSED_DATA}
    near = starts["start_date"].between(begin - pd.Timedelta(days=MOST_DAYS), row.start_date + pd.Timedelta(days=MOST_DAYS - 1))
    beside = starts.loc[near & (starts["campaign_id"] != row.campaign_id), "campaign_id"]
    also = set(members.loc[members["campaign_id"].isin(beside) & members["treated"].astype(bool), "customer_id"])
    theirs = set(guests["customer_id"])
    if len(theirs & also) >= OTHER_CONTACT * len(theirs):
        return said | gap | {"event_verdict": REFUSED_OTHERS}
    judged = compared(periods(tables, row.start_date, MOST_DAYS), theirs, also, several)
    if judged["verdict"] in (CREDITED, NO_EFFECT):
        gap = {f"event_{name}": judged[name] for name in ("gap", "gap_low", "gap_high")}
    return said | gap | {"event_verdict": judged["verdict"]}


def _spent(tables: Tables, start: pd.Timestamp) -> pd.Series:
    """Spend by customer in the `MOST_DAYS` days from *start* on."""
    first, last = start.date(), (start + pd.Timedelta(days=MOST_DAYS - 1)).date()
    orders = tables.orders.filter(tables.orders.customer_id.notnull() & tables.orders.order_date.date().between(first, last))
    sums = orders.group_by("customer_id").aggregate(spend=orders.order_amount.sum().cast(MONEY).cast("float64"))
    return frame(sums, by=["customer_id"]).set_index("customer_id")["spend"]


def _planned(tables: Tables, plan: Plan | None, care: CareCalendar | None, table: pd.DataFrame) -> pd.DataFrame:
    """The next `AHEAD` events, one play at a time."""
    names = ["care_date", "care_occasion", "play", "invited", "expected_guests", "event_cost", "guest_must_add"]
    if plan is None or care is None or care.festivals.empty:
        return pd.DataFrame(columns=names)
    plays = plan.summary().query("contactable >= @TABLE and spend_at_stake > 0")
    plays = plays[plays["play"].isin(care.festivals["play"])].sort_values("spend_per_customer", ascending=False, kind="stable")
    days: list[tuple[dt.date, str]] = []
    for day, occasion in sorted(set(zip(care.festivals["care_date"], care.festivals["care_occasion"], strict=True))):
        if not days or (day - days[-1][0]).days >= APART:
            days.append((day, occasion))
    invited = float(table["invited"].sum())
    share = float((table["attended_share"] * table["invited"]).sum()) / invited
    known = table.dropna(subset="event_cost_guest")
    each = float((known["event_cost_guest"] * known["attended_share"] * known["invited"]).sum())
    each = each / float(known["invited"].sum()) if len(known) else np.nan
    margin = plan.playbook.gross_margin or gross_margin(tables, tables.first_day) or np.nan
    rows = []
    for (day, occasion), play in zip(days[:AHEAD], plays.itertuples(), strict=False):
        cost = each * play.contactable
        rows.append((day, occasion, play.play, play.contactable, round(share * play.contactable), cost, each / share / margin))
    return pd.DataFrame(rows, columns=names)
