"""What contact has brought and cost so far: the randomised campaigns of this engagement."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import MONEY, Tables, frame, needs
from fivestep.findings import NotAvailable
from fivestep.intervals import Z
from fivestep.language import N_, _

OPEN_DAYS = 28  # a campaign without a last day is followed for so long
YEAR = 365
FEW = 30  # customers in a group
CAMPAIGN = "campaign"  # cost type of what a contact in a campaign cost
ANSWERS = N_("how much contact adds to spend")


@dataclass(frozen=True)
class MeasuredEffect:
    """Spend that contact added, as a share of a year's spend of the control group, with its 95 % interval."""

    share: float
    low: float
    high: float
    campaigns: int
    contacted: int
    control: int

    @property
    def few(self) -> bool:
        return min(self.contacted, self.control) < FEW


@dataclass(frozen=True)
class CampaignEffects:
    """The randomised campaigns that the data holds as a whole, with a control group.

    ``table``: one row per campaign, by campaign_id: campaign_id, campaign_days, contacted, control, spend_contacted and
    spend_control (mean per customer from the first to the last day), variance_contacted, variance_control (divisor n - 1).
    """

    table: pd.DataFrame

    def effect(self, campaign: str = "") -> MeasuredEffect | None:
        """The effect of one *campaign*, or of all together, weighted by the customers contacted; None where it cannot be told.

        The ratio of both groups' spend has its interval from the logarithm (delta method). One contact counts once: what it adds
        during the campaign, divided by what the control group spends in a year at its rate of these days. Nothing that comes
        after the campaign is counted. Source: Katz, Baptista, Azen, Pike (1978), for the interval of a ratio.
        """
        rows = self.table[self.table["campaign_id"] == campaign] if campaign else self.table
        if rows.empty:
            return None
        weight = rows["contacted"] / rows["contacted"].sum()
        treated, control = float(weight @ rows["spend_contacted"]), float(weight @ rows["spend_control"])
        if treated <= 0 or control <= 0:
            return None
        year = float(weight @ (rows["spend_control"] * YEAR / rows["campaign_days"]))
        errors = [
            float(weight**2 @ (rows[f"variance_{arm}"] / rows[arm])) / mean**2
            for arm, mean in (("contacted", treated), ("control", control))
        ]
        ratio, spread = treated / control, math.exp(Z * math.sqrt(sum(errors)))
        shares = [(r - 1) * control / year for r in (ratio, ratio / spread, ratio * spread)]
        return MeasuredEffect(*shares, len(rows), int(rows["contacted"].sum()), int(rows["control"].sum()))


@needs(
    "campaigns.start_date", "campaigns.randomised", "exposures.customer_id", "exposures.treated", "orders.customer_id",
    "orders.order_amount", answers=ANSWERS,
)  # fmt: skip
def campaign_effects(tables: Tables) -> CampaignEffects | NotAvailable:
    """Spend during each randomised campaign of everybody assigned to contact and to control, whether or not they responded.

    Returns net spend; orders without a customer are excluded, and so are campaigns that the data does not hold as a whole, that
    have fewer than two customers in a group, or in which somebody is in both.
    """
    given = tables.campaigns
    start = given.start_date.cast("date")
    open_end = start + ibis.interval(days=OPEN_DAYS - 1)
    end = ibis.coalesce(given.end_date.cast("date"), open_end) if "end_date" in given.columns else open_end
    spans = given.filter(given.randomised).select("campaign_id", start_date=start, end_date=end.cast("date"))
    spans = spans.filter((spans.start_date >= tables.first_day) & (spans.end_date <= tables.as_of))
    members = tables.exposures.filter(tables.exposures.customer_id.notnull() & tables.exposures.treated.notnull())
    members = members.group_by("campaign_id", "customer_id").aggregate(treated=members.treated.any(), all=members.treated.all())
    orders = tables.orders.filter(tables.orders.customer_id.notnull())
    orders = orders.select("customer_id", "order_amount", day=orders.order_date.date())
    near = orders.join(spans, [orders.day >= spans.start_date, orders.day <= spans.end_date])
    spent = near.group_by("campaign_id", "customer_id").aggregate(spend=near.order_amount.sum().cast(MONEY))
    each = members.join(spans, "campaign_id").left_join(spent, ["campaign_id", "customer_id"])
    each = each.select("campaign_id", "customer_id", "start_date", "end_date", "treated", "all", spend=each.spend.fill_null(0))
    spending = frame(each, by=["campaign_id", "customer_id"])
    rows = []
    for campaign, mine in spending.groupby("campaign_id"):
        arms = {
            arm: mine.loc[mine["treated"] == flag, "spend"].to_numpy() for arm, flag in (("contacted", True), ("control", False))
        }
        if min(map(len, arms.values())) < 2 or (mine["treated"] != mine["all"]).any():
            continue
        days = (pd.Timestamp(mine["end_date"].iloc[0]) - pd.Timestamp(mine["start_date"].iloc[0])).days + 1
        row = {"campaign_id": campaign, "campaign_days": days}
        for arm, spend in arms.items():
            row |= {arm: len(spend), f"spend_{arm}": float(np.mean(spend)), f"variance_{arm}": float(np.var(spend, ddof=1))}
        rows.append(row)
    if not rows:
        reason = _("no randomised campaign with a control group lies within the data as a whole.")
        return NotAvailable((), _(ANSWERS), reason=reason)
    return CampaignEffects(pd.DataFrame(rows))


def cost_of_a_contact(tables: Tables) -> float | None:
    """What one more contact in a campaign cost so far, or None where the data does not tell.

    Where costs are booked on customers as "campaign", their sum divided by the customers contacted, each once a campaign; else
    the cost of all campaigns divided by them. What a campaign costs however many it reaches is no cost of one more contact.
    """
    if tables.missing("exposures.customer_id", "exposures.treated"):
        return None
    treated = tables.exposures.filter(tables.exposures.treated)
    contacts = int(treated.select("campaign_id", "customer_id").distinct().count().to_pandas())
    if not contacts:
        return None
    if not tables.missing("costs.cost_type", "costs.amount"):
        costs = tables.costs.filter(tables.costs.cost_type == CAMPAIGN)
        total = float(costs.amount.sum().cast("float64").fill_null(0).to_pandas())
        if total > 0:
            return total / contacts
    if tables.missing("campaigns.cost"):
        return None
    costs = tables.campaigns.semi_join(treated, "campaign_id")
    total = float(costs.cost.sum().cast("float64").fill_null(0).to_pandas())
    return total / contacts if total > 0 else None


def gross_margin(tables: Tables, first_day: dt.date) -> float | None:
    """Gross profit of the order lines since *first_day* divided by their amounts; None where the data has no product cost.

    Lines without a cost are left out of both. None, too, where it is not above zero.
    """
    if tables.missing("order_lines.cost") and tables.missing("order_lines.gross_profit"):
        return None
    lines = tables.order_lines.filter(tables.order_lines.order_date >= dt.datetime.combine(first_day, dt.time()))
    profit = lines.gross_profit if tables.missing("order_lines.cost") else lines.line_amount - lines.cost
    known = lines.select(profit=profit, amount=lines.line_amount).filter(profit.notnull())
    sums = (
        known.aggregate(profit=known.profit.sum().cast("float64"), amount=known.amount.sum().cast("float64")).to_pandas().iloc[0]
    )
    if language.absent(sums["amount"]) or sums["amount"] <= 0 or sums["profit"] <= 0:
        return None
    return float(sums["profit"] / sums["amount"])
