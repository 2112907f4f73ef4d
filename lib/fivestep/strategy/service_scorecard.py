"""The service scorecard: whether customers are reached, answered, helped and satisfied, now and half a year before."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import newcombe, wilson
from fivestep.language import N_, _

ANSWERS = N_("whether customers are reached, answered, helped and satisfied")
DAYS = 182  # twenty-six whole weeks, twice
ANSWER_HOURS, SOLVE_HOURS = 24, 72
WAYS = 4  # channels that are shown
SLACK = 28  # days by which records may begin late and still speak of a half year
SATISFIED = 0.75  # of the way up the scale from which a customer is satisfied
BETTER, WORSE, ALIKE, UNKNOWN = N_("Better"), N_("Worse"), N_("No clear change"), N_("Nothing to compare")
REACHED, BOTH, ANSWERED, SOLVED, SATISFACTION = (
    N_("Buyers who were contacted or got in touch"), N_("Of these through two channels or more"), N_(
        "Feedback answered in 24 hours"
    ),
    N_("Feedback solved in 72 hours"), N_("Feedback from satisfied customers"),
)  # fmt: skip


@dataclass(frozen=True)
class ServiceScorecard:
    """The service of the last `DAYS` days against as many before.

    ``table``: one row per measure that the data tells: service_measure, served (customers or pieces of feedback counted),
    served_now with served_now_low and served_now_high, served_before, service_verdict (by the 95 % interval of the difference).
    """

    table: pd.DataFrame
    start: dt.date
    as_of: dt.date

    def headline(self) -> str:
        """How many measures became better and worse."""
        counts = self.table["service_verdict"].value_counts()
        return _("Of {n} measures of service {better} became better and {worse} worse within half a year").format(
            n=language.number(len(self.table)),
            better=language.number(int(counts.get(BETTER, 0))),
            worse=language.number(int(counts.get(WORSE, 0))),
        )

    def note(self) -> str:
        """Days, bases and definitions."""
        return _(
            "{start} to {end} against the {days} days before; 95 % Wilson interval. Feedback counts once there has been time to "
            "answer or solve it; what is open is neither. Satisfied: three quarters of the way up the scale or more. Better or "
            "worse: the 95 % interval of the difference (Newcombe) leaves out zero; one measure in 20 does so by chance."
        ).format(start=language.day(self.start), end=language.day(self.as_of), days=language.number(DAYS))

    def finding(self) -> Finding:
        """Where service became worse, or is lowest."""
        worse = self.table[self.table["service_verdict"] == WORSE]
        lowest = (worse if len(worse) else self.table).sort_values("served_now", kind="stable").iloc[0]
        return Finding(
            key="strategy.service_lowest",
            value=float(lowest["served_now"]),
            unit="share",
            display=language.percent(lowest["served_now"]),
            text=language.sentence(self.headline()),
            evidence=_("{measure}: {now}, before {before}.").format(
                measure=lowest["service_measure"], now=language.percent(lowest["served_now"]),
                before=language.percent(lowest["served_before"]),
            ),
            so_what=(
                _(
                    "Find out in this order: who answers, how much comes in, what the causes are. Set a target and look again "
                    "in a month."
                )
                if len(worse)
                else _("Set a target for each measure, name who answers for it, and look again in a month.")
            ),
            confidence="medium",
            assumptions=(_("What is not on record did not happen: contacts without a record count as none."),),
        )  # fmt: skip


def service_scorecard(tables: Tables) -> ServiceScorecard | NotAvailable:
    """Shares of customers reached and of feedback answered, solved and satisfied, in two half years.

    Contacts of customers without an order in the half year are excluded from the share of those reached.
    """
    start = tables.as_of - dt.timedelta(days=DAYS - 1)
    rows = [*_reached(tables, start), *_helped(tables, start)]
    rows = [r for r in rows if r[1][1]]
    if not rows:
        missing = tables.missing("interactions.customer_id", "feedback.created_at")
        return NotAvailable(
            missing, _(ANSWERS), reason="" if missing else _("there was no contact and no feedback in the half year.")
        )
    out = []
    for measure, (good, n), (good_before, n_before) in rows:
        low, high = (float(end) for end in wilson(good, n))
        gap = newcombe(good, n, good_before, n_before)
        verdict = UNKNOWN if np.isnan(gap[0]) else BETTER if gap[0] > 0 else WORSE if gap[1] < 0 else ALIKE
        before = good_before / n_before if n_before else np.nan
        out.append((measure, n, good / n, low, high, before, verdict))
    names = ["service_measure", "served", "served_now", "served_now_low", "served_now_high", "served_before", "service_verdict"]
    return ServiceScorecard(pd.DataFrame(out, columns=names), start, tables.as_of)


def _reached(tables: Tables, start: dt.date) -> list[tuple]:
    """Good and all of each measure of contact, now and before."""
    if tables.missing("interactions.customer_id", "interactions.occurred_at"):
        return []
    contacts = contacts_on_record(tables)
    way = contacts.channel if "channel" in contacts.columns else ibis.null("string")
    contacts = contacts.select("customer_id", "occurred_at", way=way)
    sides = []
    for first in (start, start - dt.timedelta(days=DAYS)):
        begin, end = (dt.datetime.combine(day, dt.time()) for day in (first, first + dt.timedelta(days=DAYS)))
        orders = tables.orders.filter((tables.orders.order_date >= begin) & (tables.orders.order_date < end))
        buyers = orders.filter(orders.customer_id.notnull() & (orders.order_amount >= 0)).select("customer_id").distinct()
        made = contacts.filter((contacts.occurred_at >= begin) & (contacts.occurred_at < end)).semi_join(buyers, "customer_id")
        each = frame(made.select("customer_id", "way").distinct(), by=["customer_id", "way"])
        sides.append((each, int(buyers.count().to_pandas())))
    (now, buyers), (before, buyers_before) = sides
    if now.empty:
        return []
    if not _since(contacts.occurred_at, start):
        before, buyers_before = before.head(0), 0

    def some(each: pd.DataFrame) -> int:
        return each["customer_id"].nunique()

    rows = [(_(REACHED), (some(now), buyers), (some(before), buyers_before))]
    if now["way"].notna().any():
        many = [int((each.groupby("customer_id")["way"].nunique() > 1).sum()) for each in (now, before)]
        rows.append((_(BOTH), (many[0], some(now)), (many[1], some(before))))
        for way in now["way"].value_counts().sort_index().sort_values(ascending=False, kind="stable").index[:WAYS]:
            words = _("Buyers in contact: {channel}").format(channel=language.value("interactions.channel", way))
            by = [some(each[each["way"] == way]) for each in (now, before)]
            rows.append((words, (by[0], buyers), (by[1], buyers_before)))
    return rows


def contacts_on_record(tables: Tables) -> ibis.Table:
    """Contacts without what a till records of an offer, which is no contact."""
    contacts = tables.interactions
    if "interaction_type" not in contacts.columns:
        return contacts
    kind = contacts.interaction_type.fill_null("").lower()
    return contacts.filter(~(kind.contains("redemption") | kind.contains("核销") | kind.contains("核銷")))


def _since(moments: ibis.Column, start: dt.date) -> bool:
    """Whether records begin early enough to speak of the half year before *start*."""
    first = moments.min().to_pandas()
    return not language.absent(first) and pd.Timestamp(first).date() <= start - dt.timedelta(days=DAYS - SLACK)


def _helped(tables: Tables, start: dt.date) -> list[tuple]:
    """The same of feedback."""
    if tables.missing("feedback.created_at"):
        return []
    first = start - dt.timedelta(days=DAYS)
    told = tables.feedback.filter(tables.feedback.created_at >= dt.datetime.combine(first, dt.time()))
    fields = [f for f in ("responded_at", "resolved_at", "satisfaction") if not tables.missing(f"feedback.{f}")]
    told = frame(told.select("feedback_id", "created_at", *fields), by=["feedback_id"])
    created = pd.to_datetime(told["created_at"])
    late = created >= pd.Timestamp(start)
    if not _since(tables.feedback.created_at, start):
        told, created, late = told[late], created[late], late[late]
    end = pd.Timestamp(tables.as_of) + pd.Timedelta(days=1)
    out = []
    for measure, field, hours in ((ANSWERED, "responded_at", ANSWER_HOURS), (SOLVED, "resolved_at", SOLVE_HOURS)):
        if field in fields and told[field].notna().any():
            limit = pd.Timedelta(hours=hours)
            due, good = created + limit < end, pd.to_datetime(told[field]) - created <= limit
            out.append((_(measure), *((int((good & due & side).sum()), int((due & side).sum())) for side in (late, ~late))))
    if "satisfaction" in fields and told["satisfaction"].notna().any():
        score = told["satisfaction"].astype(float)
        top = 5 if score.max() <= 5 else 10 if score.max() <= 10 else 100
        good = score >= 1 + SATISFIED * (top - 1)
        sides = (late & score.notna(), ~late & score.notna())
        out.append((_(SATISFACTION), *((int((good & side).sum()), int(side.sum())) for side in sides)))
    return out
