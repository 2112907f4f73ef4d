"""The whole process of marketing: from contact to response, to an order, and to the next order."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _

ANSWERS = N_("where customers are lost between contact and the next order")
ORDER_DAYS, AGAIN_DAYS = 28, 91
STEPS = CONTACTED, RESPONDED, ORDERED, AGAIN = N_("Contacted"), N_("Responded"), N_("Ordered"), N_("Ordered again")


@dataclass(frozen=True)
class ProcessFunnel:
    """What became of the customers who were contacted in a campaign.

    ``table``: one row per campaign, by start: campaign, start_date, process_contacted, process_responded (share; missing where
    not recorded), process_ordered (share with an order within `ORDER_DAYS` of the start) with process_ordered_low and
    process_ordered_high, process_again (of these, share with another within `AGAIN_DAYS` after it) with process_again_low and
    process_again_high. ``steps``: customers at each of `STEPS`, campaigns added up. ``open``: campaigns too recent to count.
    """

    table: pd.DataFrame
    steps: dict[str, int]
    open: int

    def chart(self) -> Figure:
        """How many are left at each step."""
        return charts.bars([_(s) for s in self.steps], list(self.steps.values()), write=language.number)

    def headline(self) -> str:
        """How many of those contacted order, and order again."""
        steps = self.steps
        ordered = steps[ORDERED] / steps[CONTACTED]
        if not steps[ORDERED]:
            return _("Nobody who was contacted ordered within {days} days").format(days=language.number(ORDER_DAYS))
        return _("{ordered} of those contacted order within {days} days, and {again} of these order again").format(
            ordered=language.percent(ordered),
            days=language.number(ORDER_DAYS),
            again=language.percent(steps[AGAIN] / steps[ORDERED]),
        )

    def campaigns_headline(self) -> str:
        """Which campaign was followed by most orders."""
        known = self.table.sort_values(["process_ordered", "campaign"], ascending=[False, True])
        first = known.iloc[0]
        return _("Most of those contacted ordered after “{campaign}”: {share}").format(
            campaign=language.value("campaigns.campaign_name", first.campaign), share=language.percent(first["process_ordered"])
        )

    def note(self) -> str:
        """Definitions, and what the funnel does not say."""
        out = [
            _(
                "Customers contacted in a campaign, each campaign counted. Ordered: within {days} days of its first day, with or "
                "without a response; again: another order in the {again} days after that one; 95 % Wilson interval. They would "
                "have ordered in part without the campaign: what it added stands in the evaluation."
            ).format(days=language.number(ORDER_DAYS), again=language.number(AGAIN_DAYS))
        ]  # fmt: skip
        if self.open:
            out.append(
                language.ngettext("{n} campaign is too recent.", "{n} campaigns are too recent.", self.open).format(
                    n=language.number(self.open)
                )
            )
        return " ".join(out)

    def finding(self) -> Finding:
        """The step at which most are lost."""
        steps = {s: n for s, n in self.steps.items() if s != RESPONDED}
        names = list(steps)
        kept = [steps[b] / steps[a] if steps[a] else np.nan for a, b in itertools.pairwise(names)]
        worst = int(np.nanargmin(kept))
        return Finding(
            key="strategy.process_weakest_step",
            value=float(kept[worst]),
            unit="share",
            display=language.percent(kept[worst]),
            text=language.sentence(self.headline()),
            evidence=_("Most are lost between “{one}” and “{other}”: {share} go on.").format(
                one=_(names[worst]), other=_(names[worst + 1]), share=language.percent(kept[worst])
            ),
            so_what=_("Work on the step at which most are lost before contacting more customers."),
            confidence="medium",
            assumptions=(_("An order after a contact is counted whatever brought it about."),),
        )


@needs(
    "campaigns.start_date", "exposures.customer_id", "exposures.treated", "orders.customer_id", "orders.order_amount",
    answers=ANSWERS,
)  # fmt: skip
def process_funnel(tables: Tables) -> ProcessFunnel | NotAvailable:
    """Contact, response, order and next order of the customers contacted in each campaign that the data follows to the end.

    Returns are no orders; days are calendar days.
    """
    given = tables.campaigns
    named = given.campaign_name if "campaign_name" in given.columns else given.campaign_id
    spans = given.select("campaign_id", name=named.fill_null(given.campaign_id), start=given.start_date.cast("date"))
    last = tables.as_of - dt.timedelta(days=ORDER_DAYS + AGAIN_DAYS - 1)
    whole = spans.filter((spans.start >= tables.first_day) & (spans.start <= last))
    treated = tables.exposures.filter(tables.exposures.treated & tables.exposures.customer_id.notnull())
    responded = treated.responded if "responded" in treated.columns else ibis.null("boolean")
    members = (
        treated.mutate(answered=responded).group_by("campaign_id", "customer_id").aggregate(answered=lambda t: t.answered.any())
    )
    orders = tables.orders.filter(tables.orders.customer_id.notnull() & (tables.orders.order_amount >= 0))
    orders = orders.select("customer_id", "order_id", day=orders.order_date.date())
    near = members.join(whole, "campaign_id").left_join(orders, "customer_id")
    after = near.day.delta(near.start, unit="day")
    near = near.select("campaign_id", "name", "start", "customer_id", "answered", "order_id", after=after)
    near = near.mutate(after=(near.after >= 0).ifelse(near.after, None))
    first = near.group_by("campaign_id", "name", "start", "customer_id").aggregate(
        answered=near.answered.any(), first=near.after.min(), all=near.after.collect()
    )
    each = frame(first, by=["campaign_id", "customer_id"])
    each["again"] = [
        bool(np.sum((np.asarray(days) >= one) & (np.asarray(days) <= one + AGAIN_DAYS)) > 1)
        if one == one and one is not None
        else False
        for one, days in zip(each["first"], each["all"], strict=True)
    ]
    if each.empty:
        return NotAvailable((), _(ANSWERS), reason=_("no campaign is followed by the data to the end."))
    each["ordered"] = each["first"].le(ORDER_DAYS - 1).fillna(False).astype(bool)
    each["again"] &= each["ordered"]
    rows = []
    for (start, _id, name), mine in each.groupby(["start", "campaign_id", "name"]):
        n, ordered, again = len(mine), int(mine["ordered"].sum()), int(mine["again"].sum())
        known = mine["answered"].notna()
        answered = float(mine.loc[known, "answered"].astype(bool).mean()) if known.any() else np.nan
        ends = [float(e) for pair in (wilson(ordered, n), wilson(again, ordered)) for e in pair]
        rows.append((name, start, n, answered, ordered / n, *ends[:2], again / ordered if ordered else np.nan, *ends[2:]))
    names = [
        "campaign", "start_date", "process_contacted", "process_responded", "process_ordered", "process_ordered_low",
        "process_ordered_high", "process_again", "process_again_low", "process_again_high",
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=names)
    steps = {CONTACTED: len(each)}
    if each["answered"].notna().any():
        steps[RESPONDED] = int(each["answered"].fillna(False).astype(bool).sum())
    steps |= {ORDERED: int(each["ordered"].sum()), AGAIN: int(each["again"].sum())}
    recent = int(spans.filter(spans.start > last).count().to_pandas())
    return ProcessFunnel(table, steps, recent)
