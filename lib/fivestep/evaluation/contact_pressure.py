"""How often customers are turned to: by which department, through which channel, about which product, now and a quarter ago."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.evaluation.outgoing import outgoing
from fivestep.evaluation.purchases import customer_ids
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import Z
from fivestep.language import N_, _

DAYS = 91  # 13 whole weeks, against as many before
LARGEST = 8  # rows of a dimension that are shown
DEPARTMENT, CHANNEL, PRODUCT = N_("Department"), N_("Channel"), N_("Product")
LABELS = {DEPARTMENT: "interactions.department", CHANNEL: "interactions.channel", PRODUCT: "products.product_name"}
ALL = N_("All contacts")
MORE, LESS, SAME = N_("More than before"), N_("Less than before"), N_("No clear change")
QUESTION = N_("how often each department turns to customers, and about which products")


@dataclass(frozen=True)
class ContactPressure:
    """Contacts that went out in the last `DAYS` days and in as many before.

    ``table``: one row for all contacts, then one per department, channel and product with a contact in either time, most contacts
    first: dimension, level (raw), contacts, reached (customers), per_reached, contacts_before, change (contacts per 100 customers
    of the base, now less before) with its 95 % interval, pressure_verdict. ``base``: customers.
    """

    table: pd.DataFrame
    base: int
    as_of: dt.date

    def shown(self) -> pd.DataFrame:
        """As the reader sees it: the largest of each dimension."""
        t = self.table[self.table.groupby("dimension", sort=False).cumcount() < LARGEST]
        level = [_(ALL) if d == ALL else language.value(LABELS[d], v) for d, v in zip(t["dimension"], t["level"], strict=True)]
        names = ["pressure_dimension", "pressure_level", "pressure_contacts", "reached", "per_reached", "pressure_before"]
        out = t.assign(level=level).rename(
            columns=dict(zip(["dimension", "level", "contacts"], names, strict=False)) | {"contacts_before": "pressure_before"}
        )
        return out[[*names, "pressure_change", "pressure_low", "pressure_high", "pressure_verdict"]]

    def headline(self) -> str:
        """How often customers heard from the company, against the quarter before."""
        row = self.table.iloc[0]
        words = {
            "n": language.number(row["contacts"]),
            "reached": language.number(row["reached"]),
            "each": language.number(row["per_reached"], 1),
            "before": language.number(row["contacts_before"]),
            "days": language.number(DAYS),
        }
        if row["pressure_verdict"] == MORE:
            return _(
                "{n} contacts went out to {reached} customers in the last {days} days, {each} to each, clearly more than the "
                "{before} before"
            ).format(**words)
        if row["pressure_verdict"] == LESS:
            return _(
                "{n} contacts went out to {reached} customers in the last {days} days, {each} to each, clearly fewer than the "
                "{before} before"
            ).format(**words)
        return _(
            "{n} contacts went out to {reached} customers in the last {days} days, {each} to each; {before} in the {days} before"
        ).format(**words)

    def note(self) -> str:
        """What is counted."""
        return _(
            "Contacts that go out, without redemptions, in the last {days} days against the {days} days before. Change: contacts "
            "per 100 of all {n} customers, with the 95% interval of the mean of each customer's difference; no correction for "
            "the number of rows. Product: feedback about it, and contacts of campaigns whose offers are good for it; those of "
            "several products count in each."
        ).format(days=language.number(DAYS), n=language.number(self.base))

    def finding(self) -> Finding:
        """The department with the largest clear change."""
        row = self.table.iloc[0]
        moved = self.table[(self.table["dimension"] == DEPARTMENT) & (self.table["pressure_verdict"] != SAME)]
        told = [
            _("{department}: {now} contacts, {before} before").format(
                department=language.value(LABELS[DEPARTMENT], r.level),
                now=language.number(r.contacts),
                before=language.number(r.contacts_before),
            )
            for r in moved.itertuples()
        ]
        return Finding(
            key="evaluation.contacts_per_customer_reached",
            value=float(row["per_reached"]),
            unit="contacts",
            display="",
            text=language.sentence(self.headline()),
            evidence=language.sentence("; ".join(told))
            if told
            else _("No department clearly changed how often it turns to customers."),
            so_what=_("Agree which department may turn to a customer how often, before any of them adds a contact."),
            confidence="medium",
            assumptions=(self.note(),),
        )


@needs("interactions.direction", answers=QUESTION)
def contact_pressure(tables: Tables) -> ContactPressure | NotAvailable:
    """Contacts by department, channel and product, now and before. Refused where none went out in either time."""
    made = outgoing(tables)
    ago = ibis.literal(tables.as_of).delta(made.occurred_at.date(), unit="day")
    recent = made.mutate(ago=ago).filter(lambda t: t.ago < 2 * DAYS)
    recent = recent.mutate(now=(recent.ago < DAYS).cast("int64"))
    parts = [_levels(recent, ALL, ibis.literal(ALL))]
    for dimension, field in ((DEPARTMENT, "department"), (CHANNEL, "channel")):
        if field in recent.columns:
            parts.append(_levels(recent, dimension, recent[field]))
    about = []
    if not tables.missing("feedback.customer_id", "feedback.product_id", "products.product_name"):
        said = tables.feedback.filter(tables.feedback.customer_id.notnull()).inner_join(tables.products, "product_id")
        since = ibis.literal(tables.as_of).delta(said.created_at.date(), unit="day")
        said = said.filter(since < 2 * DAYS)
        about.append(said.select("customer_id", now=(since < DAYS).cast("int64"), product="product_name"))
    if "campaign_id" in recent.columns and not tables.missing("offers.product_id", "products.product_name"):
        offered = tables.offers.inner_join(tables.products, "product_id").filter(lambda t: t.product_name.notnull())
        offered = offered.select(offered_by="campaign_id", product="product_name").distinct()
        named = recent.inner_join(offered, recent.campaign_id == offered.offered_by)
        about.append(named.select("customer_id", "now", "product"))
    if about:
        products = ibis.union(*about) if len(about) > 1 else about[0]
        parts.append(_levels(products, PRODUCT, products["product"]))
    base = int(customer_ids(tables, "interactions").count().to_pandas())
    counted = frame(ibis.union(*parts) if len(parts) > 1 else parts[0], by=["dimension", "level"])
    if not (counted["dimension"] == ALL).any():
        return NotAvailable((), _(QUESTION), reason=_("no contact went out in the last {n} days.").format(n=2 * DAYS))
    mean = counted["difference"] / base
    spread = (counted["squared"] - base * mean**2).clip(lower=0) / max(base - 1, 1)
    half = Z * np.sqrt(spread / base)
    counted["per_reached"] = counted["contacts"] / counted["reached"].where(counted["reached"] > 0)
    counted["pressure_change"] = 100 * mean
    counted["pressure_low"], counted["pressure_high"] = 100 * (mean - half), 100 * (mean + half)
    counted["pressure_verdict"] = np.select([counted["pressure_low"] > 0, counted["pressure_high"] < 0], [MORE, LESS], SAME)
    place = {d: i for i, d in enumerate((ALL, DEPARTMENT, CHANNEL, PRODUCT))}
    counted = counted.assign(place=counted["dimension"].map(place), most=-counted["contacts"])
    counted = counted.sort_values(["place", "most", "level"], ignore_index=True).drop(
        columns=["place", "most", "difference", "squared"]
    )
    return ContactPressure(counted, base, tables.as_of)


def _levels(recent: ibis.Table, dimension: str, level: ibis.Value) -> ibis.Table:
    """By level: contacts now and before, customers reached now, and sum and sum of squares of each customer's difference."""
    each = recent.mutate(level=level).filter(lambda t: t.level.notnull())
    each = each.group_by("level", "customer_id").aggregate(n=each.now.sum(), old=(1 - each.now).sum())
    gap = each.n - each.old
    sums = {"contacts": each.n.sum(), "reached": (each.n > 0).sum(), "contacts_before": each.old.sum()}
    counted = each.group_by("level").aggregate(**sums, difference=gap.sum(), squared=(gap * gap).sum())
    return counted.select("level", *sums, "difference", "squared", dimension=ibis.literal(dimension))
