"""What it costs to keep a customer and to win a new one, what either leaves within a year, and when it has paid."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import Z
from fivestep.language import N_, _
from fivestep.strategy.campaign_effects import gross_margin
from fivestep.strategy.playbook import Playbook

ANSWERS = N_("whether to keep a customer costs less than to win a new one")
WINS = ("acqui", "获客", "拉新", "招新", "獲客", "招攬")  # in a type of cost or campaign whose purpose is new customers
KEEPS = ("point", "loyal", "积分", "会员", "積分", "點數", "會員")  # in a cost type that is one of keeping
CONTACTS = ("campaign", "活动", "活動")  # in one that repeats what campaigns cost, where that is known
YEAR, EARLY = 365, 90  # whoever is first seen in the first days of the data may be an old customer
FEW = 30
KEEP, WIN = N_("Keep a customer"), N_("Win a new customer")
BOOKED, CAMPAIGNS, STATED = (
    N_("Costs booked on customers"),
    N_("Cost of campaigns for new customers"),
    N_("Stated in the playbook"),
)


@dataclass(frozen=True)
class KeepOrAcquire:
    """Keeping against winning, of the last 365 days.

    ``table``: two rows: keep_or_win, year_cost, customers (kept: an order in the year before and again in this one; new: a first
    order in this one), cost_each, margin_each with margin_low and margin_high (mean gross margin within a year of the kept, and
    of those who were new a year earlier in their first 365 days; 95 %, normal), payback_months, margin_per_cost, cost_origin.
    ``margin``: gross margin used. ``source``: of a cost that the playbook states.
    """

    table: pd.DataFrame
    margin: float
    source: str
    as_of: dt.date

    @property
    def ratio(self) -> float:
        """Cost of a new customer divided by that of one who is kept."""
        keep, win = self.table["cost_each"]
        return win / keep if keep > 0 else np.nan

    def headline(self) -> str:
        """How much dearer a new customer is."""
        keep, win = (language.money(cost, 2) for cost in self.table["cost_each"])
        if not self.ratio > 0:
            return _("To win a customer costs {win}; no cost of keeping one is on record").format(win=win)
        return _("To win a customer costs {win}, to keep one {keep}: {ratio} times as much").format(
            win=win, keep=keep, ratio=language.number(self.ratio, 1)
        )

    def note(self) -> str:
        """Definitions and days."""
        out = _(
            "365 days to {day}. Kept: customers with an order in the year before and again in this one. Keeping: points, loyalty "
            "and campaign costs of customers who had ordered before, without delivery and service. New: customers whose first "
            "order is in this year. Margin: spend at a gross margin of {margin}; of new customers that of the first 365 days of "
            "those who came a year earlier. These are averages: many would have stayed unasked, and the next customer won may "
            "cost more."
        ).format(day=language.day(self.as_of), margin=language.percent(self.margin, 1))
        return out + (" " + _("Source of the cost stated: {source}.").format(source=self.source) if self.source else "")

    def finding(self) -> Finding:
        """Whether keeping is cheaper."""
        keep, win = self.table.to_dict("records")
        return Finding(
            key="strategy.keep_or_acquire",
            value=float(self.ratio),
            unit="ratio",
            display=language.number(self.ratio, 1) if self.ratio > 0 else language.MISSING,
            text=language.sentence(self.headline()),
            evidence=_("Margin within a year: {keep} of one who is kept, {win} of a new one.").format(
                keep=language.money(keep["margin_each"]), win=language.money(win["margin_each"])
            ),
            so_what=_("Spend on whichever brings more margin for what it costs, and let a test say what the next sum brings.")
            if self.ratio > 1
            else _("Keeping is not the cheaper way here: look at what the loyalty programme and campaigns cost."),
            confidence="low" if self.source or self.table["customers"].min() < FEW else "medium",
            warnings=(_("Averages, not what one more customer would cost."),),
        )


@needs("orders.customer_id", "orders.order_amount", answers=ANSWERS)
def keep_or_acquire(tables: Tables, playbook: Playbook) -> KeepOrAcquire | NotAvailable:
    """Cost per kept and per new customer in the last 365 days, with the margin of a year and the payback.

    What a new customer costs is the sum of costs and campaigns whose type names acquisition (`WINS`), else acquisition_cost of
    the playbook; without any: `NotAvailable`. Returns lower spend; orders without a customer are excluded.
    """
    start = tables.as_of - dt.timedelta(days=YEAR - 1)
    before = start - dt.timedelta(days=YEAR)
    campaigns = _campaigns(tables, start)
    booked = _booked(tables, start, KEEPS if campaigns["kept"] else (*KEEPS, *CONTACTS))
    won_cost = float(booked["won"].sum()) + campaigns["won"]
    stated = playbook.acquisition_cost
    if not won_cost > 0 and stated is None:
        reason = _("no cost and no campaign is one of acquisition, and playbook.yml states no acquisition_cost.")
        return NotAvailable((), _(ANSWERS), reason=reason)
    if (start - tables.first_day).days < YEAR - 30:
        return NotAvailable((), _(ANSWERS), reason=_("the data does not reach back two years."))
    margin = playbook.gross_margin or gross_margin(tables, tables.first_day)
    if margin is None:
        return NotAvailable(("order_lines.cost",), _(ANSWERS))
    orders = tables.orders.filter(tables.orders.customer_id.notnull() & (tables.orders.order_amount >= 0))
    day = orders.order_date.date()
    seen = frame(
        orders.group_by("customer_id").aggregate(
            first=day.min(), late=(day >= start).any(), earlier=((day >= before) & (day < start)).any()
        ),
        by=["customer_id"],
    ).set_index("customer_id")
    first = pd.to_datetime(seen["first"])
    new = seen.index[first >= pd.Timestamp(start)]
    kept = seen.index[seen["late"].astype(bool) & seen["earlier"].astype(bool)]
    cohort = seen.index[(first >= pd.Timestamp(tables.first_day + dt.timedelta(days=EARLY))) & (first < pd.Timestamp(start))]
    if not len(new) or not len(kept):
        return NotAvailable((), _(ANSWERS), reason=_("nobody was new, or nobody came back, in the last 365 days."))
    existing = seen.index[first < pd.Timestamp(start)]
    keep_cost = float(booked.loc[booked.index.isin(existing), "kept"].sum()) + campaigns["kept"]
    spend = _spend(tables, start)
    rows = [
        (KEEP, keep_cost, len(kept), keep_cost / len(kept), _margins(spend["late"].reindex(kept), margin), BOOKED),
        (
            WIN, won_cost or stated * len(new), len(new), won_cost / len(new) if won_cost else stated,
            _margins(spend["year"].reindex(cohort), margin),
            BOOKED if booked["won"].sum() > 0 else CAMPAIGNS if won_cost else STATED,
        ),
    ]  # fmt: skip
    table = pd.DataFrame(
        [
            (name, cost, n, each, *ends, 12 * each / ends[0] if ends[0] > 0 else np.nan, ends[0] / each if each else np.nan, how)
            for name, cost, n, each, ends, how in rows
        ],
        columns=["keep_or_win", "year_cost", "customers", "cost_each", "margin_each", "margin_low", "margin_high",
                 "payback_months", "margin_per_cost", "cost_origin"],
    )  # fmt: skip
    return KeepOrAcquire(table, margin, "" if won_cost else playbook.acquisition_cost_source, tables.as_of)


def _named(column, words: tuple[str, ...]):
    """Whether a column of text holds one of *words*."""
    said = column.strip().lower()
    found = said.contains(words[0])
    for word in words[1:]:
        found |= said.contains(word)
    return found


def _booked(tables: Tables, start: dt.date, keeps: tuple[str, ...]) -> pd.DataFrame:
    """Costs since *start* by customer: won (of acquisition), kept (of a type that holds one of *keeps*)."""
    if tables.missing("costs.cost_type", "costs.amount", "costs.cost_date"):
        return pd.DataFrame({"won": [], "kept": []}, dtype=float)
    costs = tables.costs.filter(tables.costs.cost_date.cast("date") >= start)
    won, kept = _named(costs.cost_type, WINS), _named(costs.cost_type, keeps)
    sums = costs.group_by("customer_id").aggregate(
        won=costs.amount.sum(where=won).fill_null(0).cast("float64"),
        kept=costs.amount.sum(where=kept & ~won).fill_null(0).cast("float64"),
    )
    return frame(sums, by=["customer_id"]).set_index("customer_id")


def _campaigns(tables: Tables, start: dt.date) -> dict[str, float]:
    """What campaigns that began since *start* cost, by purpose; of those that keep, the part of who had ordered before."""
    if tables.missing("campaigns.cost", "campaigns.campaign_type", "campaigns.start_date"):
        return {"won": 0.0, "kept": 0.0}
    given = tables.campaigns.filter(tables.campaigns.start_date.cast("date") >= start)
    given = given.filter(given.start_date.cast("date") <= tables.as_of)
    wins = _named(given.campaign_type, WINS)
    rows = frame(given.select("campaign_id", cost=given.cost.cast("float64"), wins=wins), by=["campaign_id"]).fillna(
        {"cost": 0.0}
    )
    rows["wins"] = rows["wins"].fillna(False).astype(bool)
    known = 1.0
    if not tables.missing("exposures.customer_id", "exposures.treated"):
        treated = tables.exposures.filter(tables.exposures.treated).semi_join(given, "campaign_id")
        old = tables.orders.filter(tables.orders.order_date.date() < start).select("customer_id").distinct()
        people = int(treated.count().to_pandas())
        known = int(treated.semi_join(old, "customer_id").count().to_pandas()) / people if people else 1.0
    cost = rows.groupby("wins")["cost"].sum()
    return {"won": float(cost.get(True, 0.0)), "kept": float(cost.get(False, 0.0)) * known}


def _spend(tables: Tables, start: dt.date) -> pd.DataFrame:
    """Net spend by customer: late (since *start*), year (of the 365 days from the first order on)."""
    orders = tables.orders.filter(tables.orders.customer_id.notnull())
    day = orders.order_date.date()
    first = orders.filter(orders.order_amount >= 0).group_by("customer_id").aggregate(first=day.min())
    both = orders.join(first, "customer_id")
    age = both.order_date.date().epoch_days() - both["first"].epoch_days()
    sums = both.group_by("customer_id").aggregate(
        late=both.order_amount.sum(where=both.order_date.date() >= start).fill_null(0).cast("float64"),
        year=both.order_amount.sum(where=(age >= 0) & (age < YEAR)).fill_null(0).cast("float64"),
    )
    return frame(sums, by=["customer_id"]).set_index("customer_id")


def _margins(spend: pd.Series, margin: float) -> tuple[float, float, float]:
    """Mean margin with its 95 % interval; without an interval for fewer than two customers."""
    if not len(spend):
        return (np.nan,) * 3
    each = spend.fillna(0.0).to_numpy(float) * margin
    half = Z * each.std(ddof=1) / np.sqrt(len(each)) if len(each) > 1 else np.nan
    return float(each.mean()), float(each.mean() - half), float(each.mean() + half)
