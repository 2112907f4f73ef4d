"""Whether customers hear from the company after agreed visits, first orders, solved complaints and won business."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.evaluation.outgoing import department, may_concern, outgoing
from fivestep.evaluation.purchases import purchases
from fivestep.evaluation.sales_cycle import WON
from fivestep.evaluation.voice_trend import COMPLAINTS
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import newcombe, wilson
from fivestep.language import N_, _

DAYS = 182  # whole weeks: what was to be followed up in them, against as long before
AGREED, FIRST, RESOLVED, SOLD = (
    N_("Agreed return visit or call"), N_("First order"), N_("Complaint that was resolved"), N_("Opportunity that was won"),
)  # fmt: skip
WITHIN = {AGREED: 7, FIRST: 30, RESOLVED: 14, SOLD: 30}  # days within which a contact that goes out is a follow-up
PLANNED, WAITING, MISSED = N_("Planned"), N_("Waiting"), N_("Missed")
BETTER, WORSE, SAME, NO_TIME = (
    N_("More often than before"),
    N_("Less often than before"),
    N_("No clear change"),
    N_("Cannot be told"),
)
FEW = 30
QUESTION = N_("whether agreed visits take place and sales are followed up")


@dataclass(frozen=True)
class FollowUp:
    """Occasions after which a customer should hear from the company.

    ``table``: one row per kind of occasion that the data records: occasion, within_days, occasions (whose time ran out in the
    last `DAYS` days), followed (of them, with a contact that went out in time), followed_share with its interval, followed_days
    (median days from the occasion to the contact, of those followed), before (occasions of as long before), share_before,
    follow_verdict. ``open``: one row per occasion without a contact so far, whose time ran out in the last `DAYS` days (missed)
    or has not yet (waiting; planned where it lies ahead): customer_id, occasion, occasion_day, follow_by, follow_state; by
    follow_by and customer_id.
    """

    table: pd.DataFrame
    open: pd.DataFrame
    as_of: dt.date

    def shown(self) -> pd.DataFrame:
        """The record as the reader sees it."""
        state = self.open.groupby(["occasion", "follow_state"]).size().unstack(fill_value=0)
        state = state.reindex(index=self.table["occasion"], columns=[PLANNED, WAITING, MISSED], fill_value=0)
        out = self.table.drop(columns="before").copy()
        out["follow_ahead"] = (state[PLANNED] + state[WAITING]).to_numpy()
        return out

    def planned(self) -> pd.DataFrame | NotAvailable:
        """The return visits and calls that are agreed for the days ahead, and what else is waiting or was missed: a list."""
        if self.open.empty:
            return NotAvailable((), _(QUESTION), reason=_("nothing is planned, waiting or missed."))
        return self.open

    def headline(self) -> str:
        """The kind of occasion that is followed up least."""
        rows = self.table[self.table["occasions"] > 0].sort_values(["followed_share", "occasion"])
        if rows.empty:
            return _("No follow-up fell due in the last {n} days").format(n=language.number(DAYS))
        row = rows.iloc[0]
        occasion = row["occasion"]
        return _("{occasion}: {share} were followed up in time ({n} of {all}), the least of {kinds} kinds of occasion").format(
            occasion=_(occasion),
            share=language.percent(row["followed_share"]),
            n=language.number(row["followed"]),
            all=language.number(row["occasions"]),
            kinds=language.number(len(rows)),
        )

    def _ahead(self) -> str:
        """What is planned, and what was missed."""
        counts = self.open["follow_state"].value_counts()
        return _("{planned} follow-ups lie ahead or are waiting, {missed} were missed in the last {days} days").format(
            planned=language.number(counts.get(PLANNED, 0) + counts.get(WAITING, 0)),
            missed=language.number(counts.get(MISSED, 0)),
            days=language.number(DAYS),
        )

    def note(self) -> str:
        """What counts as followed up."""
        rules = [f"{_(name)}: {language.number(WITHIN[name])}" for name in self.table["occasion"]]
        return _(
            "Followed up: a contact that goes out, after the occasion and within so many days of it (of the agreed day, for an "
            "agreed visit or call): {rules}; outside of campaigns, after a complaint by the department in charge of it "
            "where both "
            "are known. Occasions whose time ran out in the last {days} days, against as long before: "
            "Newcombe's interval of the difference. Interval of the share: Wilson, 95%. An order is first where the data show "
            "none before it."
        ).format(rules=language.listing(rules), days=language.number(DAYS))

    def finding(self) -> Finding | NotAvailable:
        """The share of after-sale occasions that were followed up."""
        rows = self.table[self.table["occasions"] > 0]
        if rows.empty:
            return NotAvailable((), _(QUESTION), reason=_("no follow-up fell due in the last {n} days.").format(n=DAYS))
        worst = rows.sort_values(["followed_share", "occasion"]).iloc[0]
        few = worst["occasions"] < FEW
        told = [
            f"{_(r.occasion)}: {language.number(r.followed)}/{language.number(r.occasions)}, {language.percent(r.followed_low)}–"
            f"{language.percent(r.followed_high)}"
            for r in rows.itertuples()
        ]
        return Finding(
            key="evaluation.least_followed_up_share",
            value=float(worst["followed_share"]),
            unit="share",
            display=language.percent(worst["followed_share"]),
            text=language.sentence(self.headline()),
            evidence=language.sentence("; ".join(told)) + " " + language.sentence(self._ahead()),
            so_what=_("Name who follows up each kind of occasion, and work through the exported list, missed ones first."),
            confidence="low" if few else "medium",
            warnings=(_("Only {n} occasions: the share is uncertain.").format(n=language.number(worst["occasions"])),)
            if few
            else (),
            assumptions=(self.note(),),
        )


@needs("interactions.direction", "orders.customer_id", answers=QUESTION)
def follow_up(tables: Tables) -> FollowUp | NotAvailable:
    """Whether a contact went out in time after each occasion of `WITHIN` that the data records.

    Refused where no contact is recorded as going out. Excluded: occasions without a customer.
    """
    made = outgoing(tables, campaigns=False)
    if not made.limit(1).count().to_pandas():
        return NotAvailable((), _(QUESTION), reason=_("no contact is recorded as going out from the company."))
    made = made.select(contacted="customer_id", at="occurred_at", by=department(made))
    asked = _occasions(tables)
    in_charge = may_concern(asked.department, made.by)
    in_time = made["at"].date() <= asked.due + ibis.interval(days=max(WITHIN.values()))
    pairs = asked.left_join(made, [asked.customer_id == made.contacted, made["at"] > asked.since, in_time, in_charge])
    first = pairs.group_by("occasion", "customer_id", "since", "due").aggregate(at=pairs["at"].min())
    rows = frame(first, by=["occasion", "customer_id", "since", "due"])
    within = pd.to_timedelta(rows["occasion"].map(WITHIN), unit="D")
    rows["day"], rows["contact"] = pd.to_datetime(rows["due"]), pd.to_datetime(rows["at"]).dt.normalize()
    rows["by"] = rows["day"] + within
    rows["done"] = rows["contact"] <= rows["by"]
    end = pd.Timestamp(tables.as_of)
    now = (rows["by"] <= end) & (rows["by"] > end - pd.Timedelta(days=DAYS))
    before = (rows["by"] <= end - pd.Timedelta(days=DAYS)) & (rows["by"] > end - pd.Timedelta(days=2 * DAYS))
    table = pd.DataFrame(
        [
            {"occasion": name, "within_days": days, **_counted(rows[of & now], rows[of & before])}
            for name, days in WITHIN.items()
            if (of := rows["occasion"] == name).any()
        ]
    )
    if table.empty:
        return NotAvailable((), _(QUESTION), reason=_("the data records no occasion to follow up."))
    waiting = rows[~rows["done"] & (rows["by"] > end - pd.Timedelta(days=DAYS))]
    state = np.select([waiting["by"] <= end, waiting["day"] > end], [MISSED, PLANNED], WAITING)
    waiting = waiting.assign(follow_state=state).rename(columns={"day": "occasion_day", "by": "follow_by"})
    waiting = waiting.sort_values(["follow_by", "customer_id", "occasion"], ignore_index=True)
    return FollowUp(table, waiting[["customer_id", "occasion", "occasion_day", "follow_by", "follow_state"]], tables.as_of)


def _counted(now: pd.DataFrame, before: pd.DataFrame) -> dict[str, object]:
    n, done, n_before, done_before = len(now), int(now["done"].sum()), len(before), int(before["done"].sum())
    low, high = newcombe(done, n, done_before, n_before)
    took = (now["contact"] - now["day"])[now["done"]].dt.days
    verdict = NO_TIME if not n_before or not n else BETTER if low > 0 else WORSE if high < 0 else SAME
    ends = wilson(done, n)
    return {
        "occasions": n,
        "followed": done,
        "followed_share": done / n if n else np.nan,
        "followed_low": float(ends[0]),
        "followed_high": float(ends[1]),
        "followed_days": float(took.median()),
        "before": n_before,
        "share_before": done_before / n_before if n_before else np.nan,
        "follow_verdict": verdict,
    }


def _occasions(tables: Tables) -> ibis.Table:
    """occasion, customer_id, since (the moment after which a contact counts), due (the day from which its days run), department
    (whose contact it must be, where one is in charge)."""
    anybody = ibis.null("string")
    bought = purchases(tables.orders)
    first = bought.group_by("customer_id").aggregate(since=bought.order_date.min())
    parts = [
        first.select(
            occasion=ibis.literal(FIRST), customer_id="customer_id", since="since", due=first.since.date(), department=anybody
        )
    ]
    if not tables.missing("interactions.next_contact_at"):
        agreed = tables.interactions
        agreed = agreed.filter(agreed.next_contact_at > agreed.occurred_at, agreed.customer_id.notnull())
        parts.append(
            agreed.select(
                occasion=ibis.literal(AGREED),
                customer_id="customer_id",
                since="occurred_at",
                due=agreed.next_contact_at.date(),
                department=anybody,
            )
        )
    if not tables.missing("feedback.customer_id", "feedback.resolved_at", "feedback.feedback_type"):
        told = tables.feedback
        solved = told.filter(
            told.customer_id.notnull(), told.feedback_type.lower().isin(COMPLAINTS), told.resolved_at >= told.created_at,
            told.resolved_at.date() <= ibis.literal(tables.as_of),
        )  # fmt: skip
        parts.append(
            solved.select(
                occasion=ibis.literal(RESOLVED),
                customer_id="customer_id",
                since="resolved_at",
                due=solved.resolved_at.date(),
                department=department(solved),
            )
        )
    if not tables.missing("opportunities.customer_id", "opportunities.closed_at", "opportunities.status"):
        deals = tables.opportunities
        won = deals.filter(
            deals.customer_id.notnull(), deals.status.lower() == WON, deals.closed_at.date() <= ibis.literal(tables.as_of)
        )
        parts.append(
            won.select(
                occasion=ibis.literal(SOLD),
                customer_id="customer_id",
                since="closed_at",
                due=won.closed_at.date(),
                department=anybody,
            )
        )
    return ibis.union(*parts) if len(parts) > 1 else parts[0]
