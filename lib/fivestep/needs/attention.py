"""What customers bring to the company's attention: opinions, inquiries, contacts and satisfaction side by side."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from fivestep import language
from fivestep.contract import OUTBOUND
from fivestep.engine import Tables, frame
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _
from fivestep.needs.feedback_cases import COMPLAINT, KINDS, cases, end_of, level_label, score_scale

PERIOD = 182  # days, compared with as many before
AFTER = 90  # days in which a customer who said something may buy again
FROM_CUSTOMERS, FROM_COMPANY, CONTACTS = (
    N_("Contacts begun by customers"), N_("Contacts begun by the company"), N_("Contacts"),
)  # fmt: skip
_ANSWERS = N_("what customers say and ask, how satisfied they are with it, and whether they buy again")


@dataclass(frozen=True)
class Attention:
    """Consultations, complaints and other feedback, and contacts, of the last 182 days.

    ``table``: one row per kind that the data has: attention_kind, cases, customers, cases_before (182 days before),
    attention_change (cases divided by these, less 1; missing where the data does not go back), scores (with a satisfaction) and
    pleased_share (above the middle of the scale) with low and high, most_about (product or cause most often named), and of
    those who said it 90 to 272 days ago said_before, bought_again (an order in the 90 days after) with low and high.
    """

    table: pd.DataFrame
    first_day: dt.date
    as_of: dt.date

    def shown(self) -> pd.DataFrame:
        """The table; columns that the data cannot fill are left out."""
        out = self.table.drop(columns=[c for c in ("scores", "said_before") if c in self.table])
        return out.dropna(axis=1, how="all")

    def headline(self) -> str:
        """How many contacts and cases there were, and the kind that grew most, beyond chance."""
        before = self.table["cases_before"].fillna(0)
        # Clearly more than half of the cases of both periods lie in the second.
        grown = self.table[(before > 0) & (wilson(self.table["cases"], self.table["cases"] + before)[0] > 0.5)]
        total = language.number(self.table["cases"].sum())
        if grown.empty:
            return _("{n} contacts and pieces of feedback in {days} days; no kind has clearly grown").format(
                n=total, days=language.number(PERIOD)
            )
        top = grown.sort_values(["attention_change", "attention_kind"], ascending=[False, True]).iloc[0]
        return _("{n} contacts and pieces of feedback in {days} days; most grown: {kind}, {change}").format(
            n=total,
            days=language.number(PERIOD),
            kind=_(top.attention_kind),
            change=language.percent(top["attention_change"], 0),
        )

    def note(self) -> str:
        """Periods and definitions."""
        return _(
            "The {days} days from {first} to {last} against the {days} days before. Satisfied: a score above the middle of its "
            "scale, of the cases with a score. Bought again: customers who turned to the company {after} to {long} days ago and "
            "ordered in the {after} days after; not compared with others, who differ in more than this."
        ).format(
            days=language.number(PERIOD),
            first=language.day(self.as_of - dt.timedelta(days=PERIOD - 1)),
            last=language.day(self.as_of),
            after=language.number(AFTER),
            long=language.number(AFTER + PERIOD),
        )

    def finding(self) -> Finding:
        """Whether complaining customers come back."""
        rows = self.table.set_index("attention_kind")
        told = rows.loc[COMPLAINT] if COMPLAINT in rows.index else None
        evidence = self.note()
        if told is not None and told["said_before"] > 0:
            said = _("Of {n} customers who complained {share} bought again within {days} days (95% interval {low} to {high}).")
            evidence = said.format(
                n=language.number(told["said_before"]),
                share=language.percent(told["bought_again"]),
                days=language.number(AFTER),
                low=language.percent(told["again_low"]),
                high=language.percent(told["again_high"]),
            ) + " " + evidence  # fmt: skip
        total = float(rows["cases"].sum())
        return Finding(
            key="needs.contacts_and_feedback",
            value=total,
            unit="count",
            display=language.number(total),
            text=language.sentence(self.headline()),
            evidence=evidence,
            so_what=_("Give the kind that grows most an owner, and ask those who did not buy again what was missing."),
            confidence="medium",
        )


def attention(tables: Tables) -> Attention | NotAvailable:
    """Feedback and contacts by kind: how many, about what, how satisfied, and who bought again.

    Not available without feedback and without contacts in the last 182 days.
    """
    lacking = tables.missing("feedback", "interactions")
    if len(lacking) == 2:
        return NotAvailable(lacking, _(_ANSWERS))
    parts = []
    if "feedback" not in lacking:
        told = cases(tables)
        scale = score_scale(tables)
        about = ibis.coalesce(told.cause, told.product)
        parts.append(told.select(
            "customer_id", kind=told.kind, at=told.created_at, about=about, named=told.cause.isnull(),
            score=told.satisfaction, happy=(told.satisfaction > sum(scale) / 2) if scale else ibis.null("boolean"),
        ))  # fmt: skip
    if "interactions" not in lacking:
        met = tables.interactions
        way = met.direction.strip().lower().nullif("") if "direction" in met.columns else ibis.null("string")
        kind = ibis.cases((way.isnull(), CONTACTS), (way.isin(OUTBOUND), FROM_COMPANY), else_=FROM_CUSTOMERS)
        parts.append(met.select(
            "customer_id", kind=kind, at=met.occurred_at.cast("timestamp(6)"), about=ibis.null("string"),
            named=ibis.literal(False), score=ibis.null("float64"), happy=ibis.null("boolean"),
        ))  # fmt: skip
    rows = parts[0] if len(parts) == 1 else parts[0].union(parts[1])
    end = end_of(tables)
    begin, before = end - dt.timedelta(days=PERIOD), end - dt.timedelta(days=2 * PERIOD)
    now, past = rows.at >= begin, (rows.at >= before) & (rows.at < begin)
    counted = frame(
        rows.group_by("kind").aggregate(
            cases=now.sum(), customers=rows.customer_id.nunique(where=now), cases_before=past.sum(), first=rows.at.min(),
            scores=(now & rows.score.notnull()).sum(), happy=(now & rows.happy.fill_null(False)).sum(),
        ),
        by=["kind"],
    )  # fmt: skip
    if not counted["cases"].sum():
        reason = _("nobody turned to the company in the last {n} days.").format(n=language.number(PERIOD))
        return NotAvailable((), _(_ANSWERS), reason=reason)
    again = _bought_again(tables, rows, end)
    counted = counted.merge(again, on="kind", how="left").merge(_about(rows.filter(now)), on="kind", how="left")
    order = {k: i for i, k in enumerate((*KINDS, FROM_CUSTOMERS, FROM_COMPANY, CONTACTS))}
    counted = counted.sort_values("kind", key=lambda k: k.map(order), ignore_index=True)
    covered = pd.to_datetime(counted["first"]).min() <= pd.Timestamp(before) + pd.Timedelta(days=7)
    known = 1.0 if covered else np.nan
    happy_low, happy_high = wilson(counted["happy"], counted["scores"])
    n = counted["said_before"].fillna(0)
    again_low, again_high = wilson(counted["again"].fillna(0), n)
    table = pd.DataFrame({
        "attention_kind": counted["kind"],
        "cases": counted["cases"].astype(int),
        "customers": counted["customers"].astype(int),
        "cases_before": known * counted["cases_before"],
        "attention_change": known * (counted["cases"] / counted["cases_before"].where(counted["cases_before"] > 0) - 1),
        "most_about": counted["most_about"].astype(object).where(counted["most_about"].notna(), None),
        "scores": counted["scores"].astype(int),
        "pleased_share": counted["happy"] / counted["scores"].where(counted["scores"] > 0),
        "pleased_low": happy_low, "pleased_high": happy_high,
        "said_before": n.astype(int),
        "bought_again": counted["again"] / n.where(n > 0),
        "again_low": again_low, "again_high": again_high,
    })  # fmt: skip
    return Attention(table[table["cases"] > 0].reset_index(drop=True), tables.first_day, tables.as_of)


def _about(rows: ibis.Table) -> pd.DataFrame:
    """By kind the cause, or where causes are not known the product, that is named most often."""
    told = rows.filter(rows.about.notnull())
    counts = frame(told.group_by("kind", "about", "named").aggregate(n=told.count()), by=["kind", "about", "named"])
    counts = counts.sort_values(["kind", "n", "about"], ascending=[True, False, True]).drop_duplicates("kind")
    said = [
        level_label("product", a) if product else language.value("feedback.cause", a)
        for a, product in zip(counts["about"], counts["named"], strict=True)
    ]
    return pd.DataFrame({"kind": counts["kind"].to_numpy(), "most_about": np.array(said, dtype=object)})


def _bought_again(tables: Tables, rows: ibis.Table, end: dt.datetime) -> pd.DataFrame:
    """By kind: said_before (customers who said it first 90 to 272 days ago) and again (an order in the 90 days after)."""
    from_, to = end - dt.timedelta(days=AFTER + PERIOD), end - dt.timedelta(days=AFTER)
    early = rows.filter(rows.customer_id.notnull() & (rows.at >= from_) & (rows.at < to))
    firsts = early.group_by("kind", "customer_id").aggregate(said=early.at.min())
    orders = tables.orders.filter(tables.orders.customer_id.notnull() & (tables.orders.order_amount >= 0))
    orders = orders.select(buyer="customer_id", ordered=orders.order_date.cast("timestamp(6)"))
    met = firsts.left_join(orders, firsts.customer_id == orders.buyer)
    within = (met.ordered > met.said) & (met.ordered.epoch_seconds() - met.said.epoch_seconds() <= AFTER * 86_400)
    each = met.group_by("kind", "customer_id").aggregate(again=within.fill_null(False).any())
    return frame(each.group_by("kind").aggregate(said_before=each.count(), again=each.again.sum()), by=["kind"])
