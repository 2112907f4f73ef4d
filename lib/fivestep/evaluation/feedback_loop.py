"""Whether feedback is collected, answered, acted on, and the customer told; and what long-standing customers say of products."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.evaluation.outgoing import department, may_concern, outgoing
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _

DAYS = 365  # in which feedback was received; the last `TOLD` of them are left out of who was told
TOLD = 30  # days after a solution in which a contact tells the customer of it
FEW = 30
EVERYBODY = N_("All departments")
QUESTION = N_("whether feedback is acted on and the customers are told")


@dataclass(frozen=True)
class FeedbackLoop:
    """Feedback of the last `DAYS` days, step by step.

    ``table``: one row for all departments, then one per department, most feedback first: department (None: all), collected,
    answered and answered_share (missing where the data does not say), acted and acted_share with interval, answer_hours and
    act_hours (medians of what was answered or acted on), closed (acted on at least `TOLD` days ago, customer known), informed (of
    them, with a contact that went out within `TOLD` days after) and informed_share with interval (missing without contacts), and
    tell_days (median).
    """

    table: pd.DataFrame
    contacts: bool
    as_of: dt.date

    def shown(self) -> pd.DataFrame:
        """As the reader sees it; what the data does not say is left out."""
        names = [_(EVERYBODY) if d is None else language.value("feedback.department", d) for d in self.table["department"]]
        out = self.table.drop(columns=["department", "answered", "acted", "informed"])
        out = out.rename(columns={"collected": "loop_collected", "closed": "loop_closed", "answered_share": "loop_answered"})
        out = out[[c for c in out.columns if out[c].notna().any()]]
        out.insert(0, "loop_department", names)
        return out

    def headline(self) -> str:
        """How much is acted on, and how often the customer is told."""
        row = self.table.iloc[0]
        words = {"acted": language.percent(row["acted_share"]), "n": language.number(row["collected"])}
        if not np.isfinite(row["informed_share"]):
            return _("{acted} of {n} pieces of feedback were acted on; whether customers were told is not on record").format(
                **words
            )
        return _(
            "{acted} of {n} pieces of feedback were acted on; that the customer was then told is on record for {told} of "
            "the solved"
        ).format(told=language.percent(row["informed_share"]), **words)

    def note(self) -> str:
        """What the steps are."""
        return _(
            "Feedback received in the last {days} days. Answered: responded_at; acted on: resolved_at. Told: a contact with the "
            "customer that went out within {told} days after the solution, outside of campaigns and by the same department where "
            "both are known, of solutions old enough and with a known customer; what was said in it is not read. Hours and days: "
            "medians of what was done. Intervals: 95%, Wilson."
        ).format(days=language.number(DAYS), told=language.number(TOLD))

    def finding(self) -> Finding:
        """The weakest step, and the department where it is weakest."""
        row = self.table.iloc[0]
        told = np.isfinite(row["informed_share"])
        rest = self.table.iloc[1:]
        column = "informed_share" if told else "acted_share"
        rest = rest[rest[column].notna() & (rest["closed" if told else "collected"] >= FEW)]
        evidence = _("{n} collected, {acted} acted on, {informed} of {closed} told.").format(
            n=language.number(row["collected"]),
            acted=language.number(row["acted"]),
            informed=language.number(row["informed"]),
            closed=language.number(row["closed"]),
        )
        if len(rest) > 1:
            low = rest.sort_values([column, "department"]).iloc[0]
            evidence = f"{evidence} " + _("Lowest: {department}, {share}.").format(
                department=language.value("feedback.department", low["department"]), share=language.percent(low[column])
            )
        few = row["collected"] < FEW
        return Finding(
            key="evaluation.feedback_told_share" if told else "evaluation.feedback_acted_share",
            value=float(row[column]),
            unit="share",
            display=language.percent(row[column]),
            text=language.sentence(self.headline()),
            evidence=evidence,
            so_what=_("Close the loop: whoever solves a case tells the customer what was done, and writes down that it was told.")
            if told
            else _("Record contacts with customers, so that it shows whether they are told what was done."),
            confidence="low" if few else "medium",
            warnings=(_("Only {n} pieces of feedback.").format(n=language.number(row["collected"])),) if few else (),
            assumptions=(self.note(),),
        )


@needs("feedback.created_at", "feedback.resolved_at", answers=QUESTION)
def feedback_loop(tables: Tables) -> FeedbackLoop | NotAvailable:
    """Steps of the feedback of the last `DAYS` days, by department. What was answered or solved later than the as-of date, or
    before the feedback came in, counts as not done."""
    told = tables.feedback
    since = dt.datetime.combine(tables.as_of - dt.timedelta(days=DAYS - 1), dt.time())
    end = dt.datetime.combine(tables.as_of + dt.timedelta(days=1), dt.time())
    told = told.filter(told.created_at >= since)
    customer = told.customer_id if "customer_id" in told.columns else ibis.null("string")
    answered = told.responded_at if "responded_at" in told.columns else ibis.null("timestamp")

    def done(at: ibis.Value) -> ibis.Value:
        return ibis.ifelse((at >= told.created_at) & (at < end), at, ibis.null("timestamp"))

    told = told.select("feedback_id", "created_at", department=department(told), customer_id=customer,
                       answered_at=done(answered), acted_at=done(told.resolved_at))  # fmt: skip
    contacts = not tables.missing("interactions.direction")
    rows = frame(told, by=["feedback_id"])
    if rows.empty:
        return NotAvailable((), _(QUESTION), reason=_("no feedback was received in the last {n} days.").format(n=DAYS))
    rows["informed_at"] = pd.NaT
    if contacts:
        made = outgoing(tables, campaigns=False)
        made = made.select(contacted="customer_id", at="occurred_at", telling=department(made))
        pairs = told.join(made, told.customer_id == made.contacted)
        pairs = pairs.filter(pairs["at"] > pairs.acted_at, pairs["at"] <= pairs.acted_at + ibis.interval(days=TOLD))
        pairs = pairs.filter(may_concern(pairs.department, pairs.telling))
        first = frame(pairs.group_by("feedback_id").aggregate(informed_at=pairs["at"].min()), by=["feedback_id"])
        rows = rows.drop(columns="informed_at").merge(first, on="feedback_id", how="left")
    known = "responded_at" in tables.feedback.columns
    groups = [(None, rows), *sorted(rows.groupby("department"), key=lambda g: (-len(g[1]), g[0]))]
    return FeedbackLoop(
        pd.DataFrame([{"department": name, **_steps(part, known, contacts, end)} for name, part in groups]),
        contacts,
        tables.as_of,
    )


def _steps(rows: pd.DataFrame, known: bool, contacts: bool, end: dt.datetime) -> dict[str, float]:
    acted, answered = rows["acted_at"].notna(), rows["answered_at"].notna()
    old = acted & rows["customer_id"].notna() & (rows["acted_at"] < pd.Timestamp(end) - pd.Timedelta(days=TOLD))
    informed, n = int((old & rows["informed_at"].notna()).sum()), len(rows)
    acted_low, acted_high = wilson(acted.sum(), n)
    closed = int(old.sum()) if contacts else 0
    low, high = wilson(informed, closed)
    return {
        "collected": n,
        "answered": int(answered.sum()),
        "answered_share": float(answered.mean()) if known else np.nan,
        "answer_hours": _hours(rows["answered_at"] - rows["created_at"]),
        "acted": int(acted.sum()),
        "acted_share": float(acted.mean()),
        "acted_low": float(acted_low),
        "acted_high": float(acted_high),
        "act_hours": _hours(rows["acted_at"] - rows["created_at"]),
        "closed": closed,
        "informed": informed,
        "informed_share": informed / closed if closed else np.nan,
        "informed_low": float(low),
        "informed_high": float(high),
        "tell_days": _hours((pd.to_datetime(rows["informed_at"]) - rows["acted_at"])[old]) / 24,
    }


def _hours(took: pd.Series) -> float:
    return float(took.dropna().median() / pd.Timedelta(hours=1)) if took.notna().any() else np.nan
