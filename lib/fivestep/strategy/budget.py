"""How many customers of each play to contact, so that the plan brings most within its limits; and what would change it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _
from fivestep.strategy.expected_returns import ExpectedReturns
from fivestep.strategy.playbook import ORIGINS, Playbook

ANSWERS = N_("how many customers of each play to contact for most return")
SWING = 0.2  # by which a number is changed, up and down, where nobody gives an interval
LEVELS = 10  # budgets for which the best plan is worked out
EFFECT_OF_CAMPAIGNS = N_("Effect measured on campaigns")
EFFECT_OF_PLAY = N_("Effect for “{play}”")
MARGIN, COST, STAKE = N_("Gross margin"), N_("Cost of a contact"), N_("Spend at stake")


@dataclass(frozen=True)
class Budget:
    """The plan that brings most within the limits of the playbook.

    ``table``: one row per play of ``returns.table``: play, owner_role, most_contacted (customers to contact less the control
    group), planned_customers, planned_contacts, planned_cost, planned_return with planned_return_low and planned_return_high
    (after the cost). ``full_cost``: the cost of contacting everybody in the plays that pay, up to the control group.
    """

    table: pd.DataFrame
    returns: ExpectedReturns
    full_cost: float

    @property
    def cost(self) -> float:
        return round(float(self.table["planned_cost"].sum()), 2)

    @property
    def value(self) -> float:
        return round(float(self.table["planned_return"].sum()), 2)

    def shown(self) -> pd.DataFrame:
        """As the reader sees it."""
        return self.table

    def headline(self) -> str:
        """What the best plan costs and brings."""
        if not self.table["planned_customers"].any():
            return _("The best plan contacts nobody: no contact is expected to bring more than it costs")
        return _(
            "The best plan spends {cost} on contacts of {n} customers and is expected to bring {money} after that cost"
        ).format(
            cost=language.short_money(self.cost),
            n=language.number(self.table["planned_customers"].sum()),
            money=language.short_money(self.value),
        )

    def note(self) -> str:
        """The limits, and how the plan was found."""
        book = self.returns.plan.playbook
        out = [
            _("Linear programme: most expected return within the limits, customers of a play taken as equal."),
            _("{share} of each play stays without contact by chance, as a control group.").format(
                share=language.percent(book.control_share, 0)
            ),
            _("Budget for a year: {money}, as the playbook says.").format(money=language.money(book.budget))
            if book.budget is not None
            else _("The playbook sets no budget, so every contact that is expected to pay is planned."),
        ]
        if book.contacts_by_owner:
            limits = [f"{_(owner)} {language.number(n)}" for owner, n in book.contacts_by_owner.items()]
            out.append(_("Most contacts within a year: {limits}.").format(limits=language.listing(limits)))
        return " ".join(out)

    # ---------------------------------------------------------------- what another budget brings
    def curve(self) -> pd.DataFrame:
        """Expected return of the best plan at each of `LEVELS` budgets up to the cost of every contact that pays: contact_budget,
        expected_return."""
        amounts = [self.full_cost * step / LEVELS for step in range(LEVELS + 1)]
        rows = [(amount, _best(self.returns, _with_budget(self.returns.plan.playbook, amount))[1]) for amount in amounts]
        return pd.DataFrame(rows, columns=["contact_budget", "expected_return"])

    def curve_chart(self) -> Figure | NotAvailable:
        """The same as a line."""
        if round(self.full_cost, 2) <= 0:
            return NotAvailable((), _("what other budgets would bring"), reason=_("no contact is expected to pay."))
        curve = self.curve()
        frame = pd.DataFrame(
            {"expected_return": curve["expected_return"].to_numpy()},
            index=[language.short_money(amount) for amount in curve["contact_budget"]],
        )
        return charts.lines(
            frame, write=language.short_money, labels=[_("Expected return")], xlabel=_("Budget for contacts within a year")
        )

    def curve_headline(self) -> str:
        """What the first half of the money brings of the whole return."""
        curve = self.curve()["expected_return"]
        if round(curve.iloc[-1], 2) <= 0:
            return _("No budget brings a return within the limits")
        return _("Half of the money that pays brings {share} of the return").format(
            share=language.percent(curve.iloc[LEVELS // 2] / curve.iloc[-1])
        )

    # ---------------------------------------------------------------- what would change the plan
    def sensitivity(self) -> Sensitivity:
        """Each assumption at both ends, all others as they are."""
        rows = []
        for name, low, high in _changes(self.returns):
            ends = []
            for changed in (low, high):
                kept = _value_of(changed, self.table["planned_customers"].to_numpy())
                ends.append((kept, _order(changed)))
            rows.append((name, *ends[0], *ends[1]))
        names = ["assumption", "return_if_low", "order_if_low", "return_if_high", "order_if_high"]
        table = pd.DataFrame(rows, columns=names)
        spread = (table["return_if_high"] - table["return_if_low"]).abs().round(6)
        table = table.assign(spread=spread).sort_values("spread", ascending=False, kind="stable", ignore_index=True)
        return Sensitivity(table.drop(columns="spread"), self, _order(self.returns))

    def finding(self) -> Finding:
        """What the best plan is expected to bring."""
        low, high = (float(self.table[f"planned_return_{end}"].sum()) for end in ("low", "high"))
        return Finding(
            key="strategy.planned_return",
            value=self.value,
            unit="money",
            display=language.short_money(self.value),
            text=language.sentence(self.headline()),
            evidence=_("With all effects at their lower end {low}, at their upper end {high}, after the cost.").format(
                low=language.short_money(low), high=language.short_money(high)
            ),
            so_what=(
                _("Leave the control group without contact: only it can show whether the plan brought what it promised.")
                if self.table["planned_customers"].any()
                else _("Test a cheaper contact or a stronger offer on a random part before paying for any.")
            ),
            confidence="low" if low <= 0 else "medium",
            warnings=self.returns.warnings(),
            assumptions=(*self.returns.assumptions(), self.note()),
        )


@dataclass(frozen=True)
class Sensitivity:
    """What the plan would bring if one assumption were wrong.

    ``table``: one row per assumption, widest first: assumption, return_if_low and return_if_high (of the plan as it is), and
    order_if_low, order_if_high: the plays by return on cost, best first, without those that do not pay. ``order``: that of today.
    """

    table: pd.DataFrame
    budget: Budget
    order: tuple[str, ...]

    def shown(self) -> pd.DataFrame:
        """As the reader sees it: which assumption makes the plan lose, and which changes the first play."""
        table = self.table[["assumption", "return_if_low", "return_if_high"]].copy()
        table["assumption"] = [_said(name) for name in table["assumption"]]
        for end in ("low", "high"):
            table[f"first_if_{end}"] = [order[0] if order else None for order in self.table[f"order_if_{end}"]]
        return table[["assumption", "return_if_low", "first_if_low", "return_if_high", "first_if_high"]]

    def chart(self) -> Figure:
        """A tornado: what the plan brings with each assumption at its ends; the dashed line is the plan as it is."""
        ends = self.table[["return_if_low", "return_if_high"]]
        return charts.intervals(
            [_said(name) for name in self.table["assumption"]],
            [self.budget.value] * len(ends),
            ends.min(axis=1),
            ends.max(axis=1),
            write=language.short_money,
            reference=self.budget.value,
        )

    @property
    def turning(self) -> list[str]:
        """The assumptions that change which play comes first, within their range."""
        first = self.order[:1]
        return [
            _said(row.assumption)
            for row in self.table.itertuples()
            if row.order_if_low[:1] != first or row.order_if_high[:1] != first
        ]

    @property
    def losing(self) -> list[str]:
        """The assumptions at whose worse end the plan costs more than it brings."""
        worse = self.table[["return_if_low", "return_if_high"]].min(axis=1).round(2) < 0
        return [_said(name) for name in self.table.loc[worse, "assumption"]]

    def headline(self) -> str:
        """Which assumption the plan hangs on most, and whether one turns it round."""
        if not self.budget.table["planned_customers"].any():
            if self.turning:
                return _("No contact is planned; these assumptions could change that: {names}").format(
                    names=language.listing(self.turning)
                )
            return _("No contact is planned, and no single assumption changes that")
        top = _said(self.table["assumption"].iloc[0])
        if self.losing:
            return _("The plan could lose money; it hangs most on this assumption: {assumption}").format(assumption=top)
        if self.turning:
            return _("The plan pays at both ends of every assumption, but which play comes first hangs on them: {names}").format(
                names=language.listing(self.turning)
            )
        return _("No single assumption turns the plan round; it hangs most on this one: {assumption}").format(assumption=top)

    def order_headline(self) -> str:
        """How many assumptions change which play comes first."""
        return _("{n} of {all} assumptions change which play has most return on its cost").format(
            n=language.number(len(self.turning)), all=language.number(len(self.table))
        )

    def note(self) -> str:
        """How far each assumption is moved."""
        return _(
            "One assumption at a time, the number of contacts as planned. Effects: from the lower to the upper end of their "
            "interval; all others: {swing} down and up. First: the play with most return on its cost."
        ).format(swing=language.percent(SWING, 0))


def budget(returns: ExpectedReturns | NotAvailable) -> Budget | NotAvailable:
    """The number of customers of each play to contact for most expected return, within the limits of the playbook.

    Linear programme (HiGHS): return per customer × customers, no play beyond its customers less the control group, cost within
    ``budget``, contacts within ``contacts_by_owner``; rounded down to whole customers. Source: Dantzig (1963).
    """
    if isinstance(returns, NotAvailable):
        return NotAvailable(returns.missing, _(ANSWERS), reason=returns.reason)
    chosen, _value = _best(returns, returns.plan.playbook)
    table = returns.table[["play", "owner_role"]].copy()
    table["most_contacted"] = _most(returns)
    table["planned_customers"] = chosen
    table["planned_contacts"] = chosen * returns.table["contacts_a_year"]
    share = chosen / returns.table["contactable"]
    table["planned_cost"] = returns.table["contact_cost"] * share
    for end in ("", "_low", "_high"):
        table[f"planned_return{end}"] = returns.table[f"expected_return{end}"] * share + 0.0  # never minus nought
    paying = returns.table["expected_return"] > 0
    full = float((returns.table["contact_cost"] * _most(returns) / returns.table["contactable"])[paying].sum())
    return Budget(table, returns, full)


def _with_budget(playbook: Playbook, amount: float | None) -> Playbook:
    """The playbook with another budget; 0 is a budget, too."""
    return playbook.model_copy(update={"budget": amount})


def _most(returns: ExpectedReturns) -> np.ndarray:
    """Customers of each play that may be contacted at most: all but the control group."""
    n = returns.table["contactable"].to_numpy()
    return n - np.ceil(np.round(n * returns.plan.playbook.control_share, 9)).astype(int)


def _best(returns: ExpectedReturns, playbook: Playbook) -> tuple[np.ndarray, float]:
    """Customers to contact per play, and what they are expected to bring after the cost."""
    from scipy.optimize import linprog

    table, n = returns.table, returns.table["contactable"]
    gain, cost = (table[c].to_numpy() / n.to_numpy() for c in ("expected_return", "contact_cost"))
    limits, most = [], []
    if playbook.budget is not None:
        limits, most = [cost], [playbook.budget]
    for owner, contacts in playbook.contacts_by_owner.items():
        limits.append(np.where(table["owner_role"] == owner, table["contacts_a_year"], 0))
        most.append(contacts)
    found = linprog(
        -gain,
        A_ub=np.array(limits, dtype=float) if limits else None,
        b_ub=np.array(most, dtype=float) if most else None,
        bounds=list(zip(np.zeros(len(table)), _most(returns), strict=True)),
        method="highs",
    )
    if not found.success:  # contacting nobody is always within the limits
        raise RuntimeError(found.message)
    chosen = np.floor(np.round(found.x, 6)).astype(int)
    chosen[gain <= 0] = 0
    return chosen, float(chosen @ gain)


def _changes(returns: ExpectedReturns) -> list[tuple[str | tuple[str, str], ExpectedReturns, ExpectedReturns]]:
    """Each assumption with the returns at its lower and at its upper end."""
    table = returns.table
    out = []
    for (origin, source), rows in table.groupby(["effect_origin", "effect_source"], sort=False):
        if origin == ORIGINS["measured"]:  # plays that share a measurement are right or wrong together
            of = table.index.isin(rows.index)
            out.append(((EFFECT_OF_CAMPAIGNS, source), *(_moved(returns, of, end) for end in ("low", "high"))))
        else:
            for i in rows.index:
                name = (EFFECT_OF_PLAY, table.loc[i, "play"])
                out.append((name, *(_moved(returns, table.index == i, end) for end in ("low", "high"))))
    names = [STAKE, COST, *([MARGIN] if returns.margin_origin else [])]
    for name in names:
        out.append((name, *(_scaled(returns, name, 1 + sign * SWING) for sign in (-1, 1))))
    return out


def _moved(returns: ExpectedReturns, of: np.ndarray, end: str) -> ExpectedReturns:
    table = returns.table.copy()
    worth = table["contactable"] * table["stake_per_contactable"] * returns.margin
    value = worth * table[f"contact_effect_{end}"] - table["contact_cost"]
    table["expected_return"] = value.where(of, table["expected_return"])
    return replace(returns, table=table)


def _scaled(returns: ExpectedReturns, name: str, factor: float) -> ExpectedReturns:
    table = returns.table.copy()
    gain = table["expected_return"] + table["contact_cost"]
    if name == COST:
        table["contact_cost"] = table["contact_cost"] * factor
    elif name == MARGIN:  # no margin is above one
        gain = gain * min(factor, 1 / returns.margin)
    else:
        gain = gain * factor
    table["expected_return"] = gain - table["contact_cost"]
    return replace(returns, table=table)


def _value_of(returns: ExpectedReturns, customers: np.ndarray) -> float:
    return float((returns.table["expected_return"] / returns.table["contactable"]) @ customers)


def _order(returns: ExpectedReturns) -> tuple[str, ...]:
    """The plays that pay, most return on cost first; ties in the order of the playbook."""
    table = returns.table
    ratio = (table["expected_return"] / table["contact_cost"]).round(9)
    return tuple(table.loc[ratio[ratio > 0].sort_values(ascending=False, kind="stable").index, "play"])


def _said(name: str | tuple[str, str]) -> str:
    """An assumption as the reader sees it."""
    if isinstance(name, str):
        return _(name)
    words, of = name
    if words == EFFECT_OF_PLAY:
        return _(words).format(play=_(of))
    return _("{what} ({source})").format(what=_(words), source=of)
