"""How fast customers are answered and their matters resolved, by quarter."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.evaluation.quarters import Reading, compared, coverage_note, marked, quarter_name, quarters, reading
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import newcombe, wilson
from fivestep.language import N_, _

RESOLVED_HOURS, ANSWERED_HOURS = 72, 24
ANSWER_DAYS = 30  # a contact later than this is no answer
OPEN = 10.0**9  # hours of what is still open, so that the median counts it as long
FEW = 30
QUESTION = N_("how fast customers are answered and their matters resolved")


@dataclass(frozen=True)
class ServiceTimes:
    """Feedback by the quarter in which it was received.

    ``table``: one row per quarter, by quarter: quarter (its first day), complete, received, resolved_known (received so early
    that `RESOLVED_HOURS` have passed), resolved_in_time of them and their share with its interval, resolved_hours (median, what
    is open counts as longer; missing where half or more is open); the same for the first contact after it (answered_...), missing
    where the data has no contacts. ``odd``: feedback that was resolved before it was received, left out.
    """

    table: pd.DataFrame
    odd: int

    def shown(self) -> pd.DataFrame:
        """As the reader sees it."""
        names = [
            *("received", "resolved_share", "resolved_low", "resolved_high", "resolved_hours"),
            *("answered_share", "answered_low", "answered_high", "answered_hours"),
        ]
        out = self.table[[n for n in names if self.table[n].notna().any()]]
        return out.assign(quarter_name=marked(self.table))[["quarter_name", *out.columns]]

    def _latest(self) -> pd.DataFrame:
        return self.table[self.table["complete"] & (self.table["resolved_known"] > 0)].tail(2)

    def headline(self) -> str:
        """How the share that is resolved in time changed."""
        rows = self._latest()
        if len(rows) < 2:
            return _("Too few complete quarters with feedback to compare")
        label = _("Share resolved within {n} hours").format(n=language.number(RESOLVED_HOURS))
        written = [language.percent(share) for share in rows["resolved_share"]]
        return compared(label, *written, self._change(rows), rows["quarter"].tolist())

    @staticmethod
    def _change(rows: pd.DataFrame) -> tuple[float, float]:
        first, last = rows.iloc[0], rows.iloc[1]
        return newcombe(last["resolved_in_time"], last["resolved_known"], first["resolved_in_time"], first["resolved_known"])

    def reading(self) -> Reading | None:
        """The share resolved in time for the dashboard; None where no quarter that the data covers whole has one."""
        rows = self._latest()
        if rows.empty:
            return None
        written = [language.percent(share) for share in rows["resolved_share"]]
        return reading(N_("Resolved in time"), written, self._change(rows) if len(rows) > 1 else None, rows["quarter"].iloc[-1])

    def note(self) -> str:
        """What counts as resolved and as answered."""
        rule = _(
            "Feedback by the quarter in which it was received. Resolved in time: within {resolved} hours; what is still open "
            "counts as not resolved, what came too late to tell is left out of the share. Hours: median, what is open counts as "
            "longer. Answered: the first contact with the customer after it, by the same department where both are known, "
            "without campaigns and redemptions, within {days} days; in time within {answered} hours. Intervals: Wilson, 95%."
        ).format(
            resolved=language.number(RESOLVED_HOURS), answered=language.number(ANSWERED_HOURS), days=language.number(ANSWER_DAYS)
        )
        odd = language.ngettext(
            "Left out: {n} that was resolved before it was received.",
            "Left out: {n} that were resolved before they were received.",
            self.odd,
        ).format(n=language.number(self.odd))
        return " ".join(filter(None, [rule, coverage_note(), odd if self.odd else ""]))

    def finding(self) -> Finding | NotAvailable:
        """The share resolved in time in the latest complete quarter."""
        rows = self._latest()
        if rows.empty:
            return NotAvailable((), _(QUESTION), reason=_("no quarter that the data covers whole has feedback."))
        last = rows.iloc[-1]
        few = last["resolved_known"] < FEW
        return Finding(
            key="evaluation.share_resolved_in_time",
            value=float(last["resolved_share"]),
            unit="share",
            display="" if len(rows) < 2 else language.percent(last["resolved_share"]),
            text=language.sentence(self.headline()),
            evidence=_("{quarter}: {n} of {all} resolved in time, 95% interval {low} to {high}; median {hours} hours.").format(
                quarter=quarter_name(last["quarter"]),
                n=language.number(last["resolved_in_time"]),
                all=language.number(last["resolved_known"]),
                low=language.percent(last["resolved_low"], 1),
                high=language.percent(last["resolved_high"], 1),
                hours=language.number(last["resolved_hours"], 1),
            ),
            so_what=_("Look at what is open longest first, by cause and by department."),
            confidence="low" if few else "high",
            warnings=(
                _("Only {n} pieces of feedback: the share is uncertain.").format(n=language.number(last["resolved_known"])),
            )
            if few
            else (),
            assumptions=(self.note(),),
        )


@needs("feedback.created_at", "feedback.resolved_at", answers=QUESTION)
def service_times(tables: Tables) -> ServiceTimes | NotAvailable:
    """Time to the first contact and to resolution, by the quarter in which feedback was received.

    What is resolved after the as-of date counts as open. Feedback that was resolved before it was received is left out and
    counted.
    """
    told = tables.feedback
    end = dt.datetime.combine(tables.as_of + dt.timedelta(days=1), dt.time())
    odd = told.resolved_at < told.created_at
    left_out = int(told.filter(odd).count().to_pandas())
    kept = told.filter(~odd.fill_null(False))
    contacts = _contacts(tables, kept)
    if contacts is not None:
        kept = kept.left_join(contacts, "feedback_id").drop("feedback_id_right")
    sums = {"received": kept.count()}
    for name, moment, limit in (("resolved", "resolved_at", RESOLVED_HOURS), ("answered", "answered_at", ANSWERED_HOURS)):
        if moment not in kept.columns:
            continue
        done = kept[moment].notnull() & (kept[moment] < end)
        hours = (kept[moment].epoch_seconds() - kept.created_at.epoch_seconds()) / 3600
        known = kept.created_at + ibis.interval(hours=limit) <= end
        sums |= {
            f"{name}_known": known.sum(),
            f"{name}_in_time": (known & done & (hours <= limit)).sum(),
            f"{name}_hours": done.ifelse(hours, OPEN).median(),
        }
    counted = frame(kept.group_by(quarter=kept.created_at.truncate("Q").date()).aggregate(**sums), by=["quarter"])
    table = quarters(tables)
    counted["quarter"] = pd.to_datetime(counted["quarter"]).astype(table["quarter"].dtype)
    table = table.merge(counted, on="quarter", how="left")
    table["received"] = table["received"].fillna(0).astype("int64")
    for name in ("resolved", "answered"):
        for part in ("known", "in_time", "hours"):
            column = f"{name}_{part}"
            table[column] = table[column].astype(float) if column in table else np.nan
        known = table[f"{name}_known"].fillna(0)
        table[f"{name}_share"] = table[f"{name}_in_time"] / known.where(known > 0)
        table[f"{name}_low"], table[f"{name}_high"] = wilson(table[f"{name}_in_time"].fillna(0), known)
        table[f"{name}_hours"] = table[f"{name}_hours"].where(table[f"{name}_hours"] < OPEN / 2)
    return ServiceTimes(table, left_out)


def _contacts(tables: Tables, told: ibis.Table) -> ibis.Table | None:
    """The first contact after each piece of feedback: feedback_id, answered_at; None where the data has no contacts."""
    if tables.missing("interactions.occurred_at", "interactions.customer_id") or "customer_id" not in told.columns:
        return None
    made = tables.interactions
    for field in ("campaign_id", "offer_id"):
        if field in made.columns:
            made = made.filter(made[field].isnull())
    both = "department" in told.columns and "department" in made.columns
    made = made.select("customer_id", answered_at=made.occurred_at, answering=made.department if both else ibis.null("string"))
    asked = told.select("feedback_id", "customer_id", "created_at", asked=told.department if both else ibis.null("string"))
    pairs = asked.join(made, "customer_id")
    same = pairs.asked.isnull() | pairs.answering.isnull() | (pairs.asked == pairs.answering)
    after = (pairs.answered_at > pairs.created_at) & (pairs.answered_at <= pairs.created_at + ibis.interval(days=ANSWER_DAYS))
    return pairs.filter(same & after).group_by("feedback_id").aggregate(answered_at=ibis._.answered_at.min())
