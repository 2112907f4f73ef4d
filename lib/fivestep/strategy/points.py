"""The points programme: what points cost in each tier, what more of them has brought, and what other rates would."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.coverage import coverage
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _
from fivestep.strategy.campaign_effects import gross_margin
from fivestep.strategy.playbook import Playbook

ANSWERS = N_("what points cost in each tier, and whether they bring orders")
WORDS = ("point", "积分", "積分", "點數")  # in a cost type that is one of points
SIDE = 3  # whole months on either side of a change
JUMP = 0.2  # share of the higher rate by which the two sides of a change differ; by less, and the rate stayed
FIT = 0.25  # of the squared deviations from one rate, those that two rates may leave
MOST = 3  # months on either side that are compared: later ones mix in who falls silent
FEW = 30  # members who ordered before
PAYS, COSTS, UNSEEN, OPEN, PARTED, SAME = (
    N_("Brings more than it costs"), N_("Costs more than it brings"), N_("Dearer, and no gain to be seen"), N_("Not clear"),
    N_("Refused: the tier had parted from the others before"), N_("No change to judge"),
)  # fmt: skip
TODAY, BACK, SPREAD = N_("As today"), N_("The rate before where more points do not pay"), N_("The rate of {tier} in every tier")


@dataclass(frozen=True)
class Points:
    """What points cost and bring by tier of the loyalty programme.

    ``table``: one row per tier, most spend first: member_level, customers (members with an order in the last 365 days), spend,
    points_cost, points_rate (cost divided by spend), points_on_account (missing where not known), points_needed (share of orders
    that points must add to pay for themselves), points_rate_before and points_since (missing without a change), points_lead with
    points_lead_low and points_lead_high (the same comparison one span earlier, when nothing had changed; missing where the data
    begins too late), points_effect with points_effect_low and points_effect_high (orders after the change against those expected
    from the tiers without a change, less one), points_net with points_net_low and points_net_high (margin of what was added less
    the higher cost, a year), points_verdict. ``margin``: gross margin used. ``breakage``: share of points that is never
    redeemed, an assumption.
    """

    table: pd.DataFrame
    margin: float
    breakage: float
    months: int
    first_day: dt.date
    as_of: dt.date

    @property
    def judged(self) -> pd.DataFrame:
        """The tiers whose points changed."""
        return self.table[self.table["points_verdict"] != SAME]

    @property
    def told(self) -> pd.DataFrame:
        """Those of them for which an effect is not refused."""
        return self.judged[self.judged["points_verdict"] != PARTED]

    def shown(self) -> pd.DataFrame:
        """What points cost and must bring; columns without any value are left out."""
        names = ["member_level", "customers", "spend", "points_cost", "points_rate", "points_on_account", "points_needed"]
        return self.table[names].dropna(axis=1, how="all")

    def effects(self) -> pd.DataFrame | NotAvailable:
        """What more or fewer points have brought, by tier."""
        names = [
            "member_level", "points_since", "points_rate_before", "points_rate", "points_lead_low", "points_lead_high",
            "points_effect", "points_effect_low", "points_effect_high", "points_net_low", "points_net_high", "points_verdict",
        ]  # fmt: skip
        if self.judged.empty:
            reason = _("no tier's points changed while others stayed as they were.")
            return NotAvailable((), _("what more points bring"), reason=reason)
        return self.judged[names].dropna(axis=1, how="all").reset_index(drop=True)

    def simulation(self) -> pd.DataFrame:
        """One row per design of the programme over a year: points_design, points_cost_year (all points redeemed),
        points_cost_redeemed (without the breakage), design_net with design_net_low and design_net_high (against today)."""
        t = self.table
        today = float(t["points_cost"].sum())
        rows = [(_(TODAY), today, 0.0, 0.0, 0.0)]
        poor = self.judged[self.judged["points_net"] < 0]
        if len(poor):
            saved = ((poor["points_rate"] - poor["points_rate_before"]) * poor["spend"]).sum()
            ends = (-poor[f"points_net{end}"].sum() for end in ("", "_high", "_low"))
            rows.append((_(BACK), today - float(saved), *(float(e) for e in ends)))
        good = self.judged[self.judged["points_verdict"] == PAYS]
        if len(good):
            best = good.sort_values(["points_net", "member_level"], ascending=[False, True]).iloc[0]
            others = t[(t["member_level"] != best["member_level"]) & (t["points_rate"] < best["points_rate"])]
            more = float(((best["points_rate"] - others["points_rate"]) * others["spend"]).sum())
            ends = []
            for end in ("", "_low", "_high"):
                effect = best[f"points_effect{end}"]
                spend = float(others["spend"].sum())
                ends.append(self.margin * effect * spend - self._paid(more + best["points_rate"] * effect * spend))
            tier = language.value("customers.member_level", best["member_level"])
            rows.append((_(SPREAD).format(tier=tier), today + more, *ends))
        names = ["points_design", "points_cost_year", "design_net", "design_net_low", "design_net_high"]
        out = pd.DataFrame(rows, columns=names)
        out.insert(2, "points_cost_redeemed", self._paid(out["points_cost_year"]))
        return out

    def _paid(self, cost):
        return cost * (1 - self.breakage)

    # ---------------------------------------------------------------- words
    def headline(self) -> str:
        """What points cost, and how many more orders they must bring."""
        total, spend = float(self.table["points_cost"].sum()), float(self.table["spend"].sum())
        if not spend > 0:
            return _("Points cost {money} within a year").format(money=language.short_money(total))
        return _("Points cost {money} within a year, {share} of what members spent").format(
            money=language.short_money(total), share=language.percent(total / spend, 1)
        )

    def note(self) -> str:
        """Days and definitions."""
        return _(
            "{first} to {last}; members by their tier today, returns netted. Cost: costs booked as points. Orders needed: what "
            "points must add so that a gross margin of {margin} pays for them, with {breakage} never redeemed (breakage: an "
            "assumption, points_breakage in playbook.yml)."
        ).format(
            first=language.day(self.first_day), last=language.day(self.as_of), margin=language.percent(self.margin, 1),
            breakage=language.percent(self.breakage),
        )  # fmt: skip

    def effects_headline(self) -> str:
        """In which tiers points cost more than they bring."""
        t = self.judged
        poor, good = (self._tiers(verdicts) for verdicts in ((COSTS, UNSEEN), (PAYS,)))
        if poor and good:
            return _("More points pay in {good}; in {poor} they cost more and bring nothing that can be seen").format(
                poor=language.listing(poor), good=language.listing(good)
            )
        if poor:
            return _("In {poor} points cost more and bring nothing that can be seen").format(poor=language.listing(poor))
        if good:
            return _("More points pay in {good}").format(good=language.listing(good))
        return language.ngettext(
            "Whether the change of points has paid is not clear in the one tier that had one",
            "Whether a change of points has paid is not clear in any of {n} tiers",
            len(t),
        ).format(n=language.number(len(t)))

    def _tiers(self, verdicts: tuple[str, ...]) -> list[str]:
        found = self.table.loc[self.table["points_verdict"].isin(verdicts), "member_level"]
        return [language.value("customers.member_level", v) for v in found]

    def effects_note(self) -> str:
        """How the effect is told, and what weakens it."""
        return _(
            "Orders without a coupon, of members who had ordered before: {months} months after the change against as many "
            "before, divided by the same ratio of the tiers whose rate stayed (none whose rate moved by {jump} or more); 95 % "
            "interval by customer. Before: the same a span earlier, when nothing had changed; where it leaves "
            "out zero, no effect is claimed. Money: margin of the orders added less the higher cost of points after breakage, a "
            "year. Pays or costs: the whole interval lies on that side. No gain to be seen: it includes no gain, and the middle "
            "does not pay. Members stand in their tier of today: whoever rose into it by buying more makes its points look "
            "better, and what else changed for one tier alone counts as an effect of points."
        ).format(months=language.number(self.months), jump=language.percent(JUMP))

    def simulation_headline(self) -> str:
        """Which design would bring most, by what was measured."""
        rows = self.simulation()
        best = rows.sort_values("design_net", ascending=False, kind="stable").iloc[0]
        if best["design_net"].round(2) <= 0:
            return _("No other design of the programme is expected to bring more than today's")
        return _("“{design}” is expected to bring {money} more within a year").format(
            design=best["points_design"], money=language.short_money(best["design_net"])
        )

    def simulation_note(self) -> str:
        """What the simulation takes as given."""
        return _(
            "A year with the members, spend and rates of the last 365 days. What a tier would do at another rate is what was "
            "measured when its rate changed; for other tiers that of the tier that pays, which nobody has measured there: test "
            "it on a part of the members, drawn by chance."
        )

    def finding(self) -> Finding:
        """Whether points pay."""
        t = self.told
        net = float(t["points_net"].sum()) if len(t) else float("nan")
        sides = [
            _("{tier}: {low} to {high} a year").format(
                tier=language.value("customers.member_level", row.member_level),
                low=language.short_money(row.points_net_low), high=language.short_money(row.points_net_high),
            )
            for row in t.itertuples()
        ]  # fmt: skip
        return Finding(
            key="strategy.points_net",
            value=net,
            unit="money",
            display=language.short_money(net) if len(t) else language.MISSING,
            text=language.sentence(self.effects_headline() if len(self.judged) else self.headline()),
            evidence=language.sentence(language.listing(sides)) if len(t) else self.note(),
            so_what=(
                _("Take that tier back to its old rate, for a part of its members drawn by chance first, and compare.")
                if t["points_verdict"].isin([COSTS, UNSEEN]).any()
                else _("Change points next for a part of a tier that is drawn by chance, so that their effect can be told.")
            ),
            confidence="medium" if len(t) else "low",
            warnings=(_("Members were not drawn by chance: the effect of points is an estimate."),) if len(t) else (),
            assumptions=(
                _("{share} of points are never redeemed.").format(share=language.percent(self.breakage)),
                _("Without the change a tier would have gone the way of the tiers without one."),
            ),
        )


@needs(
    "customers.member_level", "costs.cost_type", "costs.amount", "costs.cost_date", "orders.customer_id", "orders.order_amount",
    answers=ANSWERS,
)  # fmt: skip
def points(tables: Tables, playbook: Playbook) -> Points | NotAvailable:
    """Cost of points by tier in the last 365 days, and what a change of their rate has brought.

    A change is one month that parts the cost of points per spend of a tier into two levels, `SIDE` whole months or more on either
    side. Its effect on orders without a coupon (campaigns hand them out) is that of a difference in differences on the ratio
    scale against the tiers whose rate stayed; the interval is that of the logarithm (delta method, by customer). It is refused
    where the same difference a span earlier leaves out zero. Members whose first order came later are excluded,
    and so are tiers with fewer than `FEW`.
    """
    costs = tables.costs
    said = costs.cost_type.strip().lower()
    named = said.contains(WORDS[0])
    for word in WORDS[1:]:
        named |= said.contains(word)
    members = tables.customers.filter(tables.customers.member_level.notnull()).distinct(on="customer_id", keep="first")
    on_account = "points" in members.columns
    members = members.select(
        "customer_id", "member_level", account=members.points if on_account else members.member_level.nullif("")
    )
    booked = costs.filter(named).join(members.select("customer_id", "member_level"), "customer_id")
    booked = booked.select(
        "member_level", "amount", month=booked.cost_date.cast("date").truncate("M"), day=booked.cost_date.cast("date")
    )
    if not booked.count().to_pandas():
        return NotAvailable((), _(ANSWERS), reason=_("no cost of a member is booked as points."))
    margin = playbook.gross_margin or gross_margin(tables, tables.first_day)
    if margin is None:
        return NotAvailable(("order_lines.cost",), _(ANSWERS))
    start = max(tables.as_of - dt.timedelta(days=364), tables.first_day)
    orders = tables.orders.filter(tables.orders.customer_id.notnull())
    orders = orders.select(
        "customer_id",
        "order_amount",
        day=orders.order_date.date(),
        month=orders.order_date.date().truncate("M"),
        plain=orders.coupon.isnull() if "coupon" in orders.columns else orders.order_id.notnull(),
    )
    bought = orders.join(members.select("customer_id", "member_level"), "customer_id")
    late = bought.filter(bought.day >= start)
    table = frame(
        late.group_by("member_level").aggregate(
            customers=late.customer_id.nunique(where=late.order_amount >= 0), spend=late.order_amount.sum().cast("float64")
        ),
        by=["member_level"],
    )
    year = booked.filter(booked.day >= start)
    year = frame(year.group_by("member_level").aggregate(cost=year.amount.sum().cast("float64")), by=["member_level"])
    table["points_cost"] = table["member_level"].map(year.set_index("member_level")["cost"]).fillna(0.0)
    table["points_rate"] = table["points_cost"] / table["spend"].where(table["spend"] > 0)
    table["points_on_account"] = np.nan
    if on_account:
        held = frame(members.group_by("member_level").aggregate(n=members.account.sum()), by=["member_level"])
        table["points_on_account"] = table["member_level"].map(held.set_index("member_level")["n"])
    paid = table["points_rate"] * (1 - playbook.points_breakage)
    table["points_needed"] = paid / (margin - paid).where(margin > paid)
    changes, steady = _changes(tables, booked, bought)
    table = _judge(table, changes, steady, bought, tables, margin, playbook.points_breakage)
    table = table.sort_values(["spend", "member_level"], ascending=[False, True], ignore_index=True)
    sides = max((c[3] for c in changes.values()), default=0)
    return Points(table, margin, playbook.points_breakage, sides, start, tables.as_of)


def _changes(tables: Tables, booked, bought) -> tuple[dict[str, tuple[pd.Timestamp, float, float, int]], list[str]]:
    """Per tier whose points changed: the first month of the new rate, the rates before and after, months on either side. Beside
    it the tiers whose rate stayed.

    A tier may be neither: where its rate moves to and fro it shows no effect, and nobody is compared with it.
    """
    whole = coverage(tables).months()
    months = pd.DatetimeIndex(whole.loc[whole["complete"], "month"])
    cost = booked.group_by("member_level", "month").aggregate(cost=booked.amount.sum().cast("float64"))
    spend = bought.group_by("member_level", "month").aggregate(spend=bought.order_amount.sum().cast("float64"))
    keys = ["member_level", "month"]
    monthly = frame(spend, by=keys).merge(frame(cost, by=keys), on=keys, how="left").fillna({"cost": 0.0})
    monthly["month"] = pd.to_datetime(monthly["month"])
    found, steady = {}, []
    for level, mine in monthly.groupby("member_level"):
        mine = mine.set_index("month").reindex(months)
        rate = (mine["cost"] / mine["spend"].where(mine["spend"] > 0)).dropna()
        if len(rate) < 2 * SIDE:
            continue
        values = rate.to_numpy()
        cuts = range(SIDE, len(values) - SIDE + 1)
        left = [
            float(((values[:k] - values[:k].mean()) ** 2).sum() + ((values[k:] - values[k:].mean()) ** 2).sum()) for k in cuts
        ]
        k = cuts[int(np.argmin(left))]
        before, after = float(values[:k].mean()), float(values[k:].mean())
        spread = float(((values - values.mean()) ** 2).sum())
        if abs(after - before) < JUMP * max(before, after) or before == after:
            steady.append(level)
        elif min(left) <= FIT * spread:
            found[level] = (rate.index[k], before, after, min(k, len(values) - k, MOST))
    return found, steady


def _judge(table, changes, steady: list[str], bought, tables: Tables, margin: float, breakage: float) -> pd.DataFrame:
    """Add what the change of each tier has brought."""
    names = ["points_rate_before", "points_lead", "points_lead_low", "points_lead_high", "points_effect", "points_effect_low",
             "points_effect_high", "points_net", "points_net_low", "points_net_high"]  # fmt: skip
    table[names] = np.nan
    table["points_since"], table["points_verdict"] = pd.NaT, SAME
    for level, (since, before, after, side) in changes.items():
        effects = _effect(bought, level, steady, since, side, 1)
        if effects is None:
            continue
        lead = since - pd.DateOffset(months=side)
        covered = (lead - pd.DateOffset(months=side)).date() > tables.first_day
        leads = _effect(bought, level, steady, lead, side, len(changes)) if covered else None
        place = table["member_level"] == level
        spend = float(table.loc[place, "spend"].iloc[0])
        # What was spent holds the effect already: without it, it would have been spend / (1 + effect).
        nets = [(margin * e / (1 + e) - (after - before / (1 + e)) * (1 - breakage)) * spend for e in effects]
        unseen = after > before and nets[0] < 0 and effects[1] <= 0
        parted = leads is not None and not leads[1] <= 0 <= leads[2]
        verdict = PARTED if parted else PAYS if nets[1] > 0 else COSTS if nets[2] < 0 else UNSEEN if unseen else OPEN
        if parted:
            effects, nets = [np.nan] * 3, [np.nan] * 3
        table.loc[place, names] = [before, *(leads or [np.nan] * 3), *effects, *nets]
        table.loc[place, "points_since"] = since
        table.loc[place, "points_rate"] = after
        table.loc[place, "points_verdict"] = verdict
    return table


def _effect(bought, level: str, steady: list[str], since: pd.Timestamp, side: int, several: int) -> list[float] | None:
    """Orders of *level* after against before, divided by the same of the *steady* tiers, less one, with its interval (Bonferroni
    over *several*); None for too few members."""
    from scipy.stats import t

    counted = _before_and_after(bought, since, side)
    own, others = counted[counted["member_level"] == level], counted[counted["member_level"].isin(steady)]
    if min(len(own), len(others)) < FEW or not (own[["early", "late"]].sum().all() and others[["early", "late"]].sum().all()):
        return None
    ratio, error = (own["late"].sum() / own["early"].sum()) / (others["late"].sum() / others["early"].sum()), 0.0
    for group in (own, others):
        each = group["late"] / group["late"].sum() - group["early"] / group["early"].sum()
        error += float((each**2).sum()) * len(group) / (len(group) - 1)
    quantile = float(t.ppf(1 - 0.025 / several, min(len(own), len(others)) - 1))
    spread = float(np.exp(quantile * np.sqrt(error)))
    return [ratio - 1, ratio / spread - 1, ratio * spread - 1]


def _before_and_after(bought, since: pd.Timestamp, side: int) -> pd.DataFrame:
    """Orders of each member in *side* months before and from *since* on: member_level, early, late.

    Of members who had ordered before the first of these months. Asking for an order in the months before would let those who
    order seldom look as if they fell off, since chance picked those with an order.
    """
    first, last = ((since + pd.DateOffset(months=m)).date() for m in (-side, side))
    counted = bought.filter((bought.day < last) & (bought.order_amount >= 0) & bought.plain)
    day = counted.day
    out = counted.group_by("customer_id", "member_level").aggregate(
        late=(day >= since.date()).sum(), early=((day >= first) & (day < since.date())).sum(), known=day.min() < first
    )
    return frame(out.filter(out.known).drop("known"), by=["customer_id", "member_level"])
