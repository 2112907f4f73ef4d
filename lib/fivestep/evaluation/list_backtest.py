"""Had you used this list last quarter: the money that its first customers then brought, against naive RFM and a random draw."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.consent import opted_out
from fivestep.engine import MONEY, Tables, frame, needs
from fivestep.evaluation.churn_signal import lapsed_customers
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _

DAYS = 91  # 13 whole weeks
FIRST = 0.2  # share of a list that is worked on
LEAST = 50  # customers of a list
DRAWS = 500
SEED = 17
LIFETIME, RECENT, WIN_BACK = N_("Expected lifetime value"), N_("Spend of the last quarter"), N_("Win-back")
BETTER, WORSE, NO_BETTER = N_("Brought more than RFM"), N_("Brought less than RFM"), N_("No clear difference from RFM")
QUESTION = N_("whether last quarter's lists would have named the customers who then brought money")


@dataclass(frozen=True)
class ListBacktest:
    """Lists made as of ``day``, and the spend of their customers in the `DAYS` days after it.

    ``table``: one row per list: backtest_list, listed (customers of the list), worked_on (the first fifth of it), list_money
    (their spend), rfm_money (of as many customers of the list by RFM), random_money (of as many drawn at random: the mean times
    the number), over_rfm and over_random with their 95 % intervals (bootstrap of the customers).
    """

    table: pd.DataFrame
    day: dt.date

    def shown(self) -> pd.DataFrame:
        """As the reader sees it, with a verdict."""
        verdict = np.select([self.table["over_rfm_low"] > 0, self.table["over_rfm_high"] < 0], [BETTER, WORSE], NO_BETTER)
        return self.table.assign(backtest_verdict=verdict)

    def figure(self) -> Figure:
        """What the first fifth of each list brought more than a random fifth."""
        return charts.intervals(
            [_(name) for name in self.table["backtest_list"]],
            self.table["over_random"],
            self.table["over_random_low"],
            self.table["over_random_high"],
            write=language.short_money,
            reference=0.0,
            xlabel=_("Spend of the first fifth less that of a random fifth of the same list"),
        )

    def headline(self) -> str:
        """How many lists named customers who brought more than a random draw, and more than RFM."""
        return _(
            "Of {all} lists made as of {day} {random} named customers who then brought clearly more than a random draw, {rfm} "
            "more than RFM"
        ).format(
            all=language.number(len(self.table)),
            day=language.day(self.day),
            random=language.number((self.table["over_random_low"] > 0).sum()),
            rfm=language.number((self.table["over_rfm_low"] > 0).sum()),
        )

    def table_headline(self) -> str:
        """What the first list of the table brought."""
        first = self.table.iloc[0]
        name = first["backtest_list"]
        return _("{name}: the first {n} of {all} customers spent {money} in the quarter after").format(
            name=_(name),
            n=language.number(first["worked_on"]),
            all=language.number(first["listed"]),
            money=language.money(first["list_money"]),
        )

    def note(self) -> str:
        """What was compared, and what it does not show."""
        return _(
            "Each list was made as of {day}, from nothing that came later; what counts is the spend of its first fifth in the "
            "{days} days after. RFM: the same customers by the sum of their three scores, money first among equals. Random: the "
            "mean of the list. Intervals: 95%, bootstrap of customers, lists as they are. It shows who brings money, not that a "
            "list makes them: whether working on it pays is shown only by a control."
        ).format(day=language.day(self.day), days=language.number(DAYS))

    def finding(self) -> Finding:
        """What the best list brought beyond RFM."""
        best = self.table.sort_values(["over_rfm", "backtest_list"], ascending=[False, True]).iloc[0]
        better, name = bool(best["over_rfm_low"] > 0), best["backtest_list"]
        return Finding(
            key="evaluation.list_over_rfm",
            value=float(best["over_rfm"]),
            unit="money",
            display=language.money(best["over_rfm"]) if better else "",
            text=language.sentence(self.headline()),
            evidence=_(
                "{name}: {n} customers then spent {money}, by RFM {rfm}, at random {random}; over RFM {low} to {high}."
            ).format(
                name=_(name),
                n=language.number(best["worked_on"]),
                money=language.money(best["list_money"]),
                rfm=language.money(best["rfm_money"]),
                random=language.money(best["random_money"]),
                low=language.money(best["over_rfm_low"]),
                high=language.money(best["over_rfm_high"]),
            ),
            so_what=_("Work through that list rather than through RFM.")
            if better
            else _("RFM names as good customers here: use the simpler list, or the one with reasons that people can act on."),
            confidence="medium",
            warnings=(_("One quarter only: another may turn out otherwise."),),
            assumptions=(self.note(),),
        )


@needs("orders.customer_id", "orders.order_amount", answers=QUESTION)
def list_backtest(
    tables: Tables, *, rfm: Callable[..., Any], customer_value: Callable[..., Any], lapsed_after_days: int
) -> ListBacktest | NotAvailable:
    """Make the lists as of `DAYS` days ago, and add up what the first fifth of each spent since.

    *rfm*, *customer_value*: ``segmentation.rfm`` and ``segmentation.customer_value``. Lists: expected value; spend of the last
    `DAYS` days; customers lapsed for *lapsed_after_days*, most spend first. Lists that are not available, or that hold fewer than
    `LEAST` customers, are left out. Returns lower spend.
    """
    day = tables.as_of - dt.timedelta(days=DAYS)
    if day - dt.timedelta(days=DAYS) < tables.first_day:
        return NotAvailable((), _(QUESTION), reason=_("the data does not reach back two quarters."))
    then = tables.until(day)
    scored = rfm(then).table
    if isinstance(scored, NotAvailable):
        return NotAvailable(scored.missing, _(QUESTION), reason=scored.reason)
    scored = scored.assign(score=scored[["r_score", "f_score", "m_score"]].sum(axis=1))
    scored = scored.sort_values(["score", "monetary", "customer_id"], ascending=[False, False, True])
    place = pd.Series(np.arange(len(scored)), index=scored["customer_id"])
    orders = tables.orders.filter(tables.orders.customer_id.notnull())
    later = orders.filter(orders.order_date.date() > day)
    spent = frame(later.group_by("customer_id").aggregate(money=later.order_amount.sum().cast(MONEY)), by=["customer_id"])
    money = spent.set_index("customer_id")["money"]
    lapsed = lapsed_customers(then, lapsed_after_days)[1]
    lists = {
        LIFETIME: (customer_value(then).table, "expected_value"),
        RECENT: (_recent(then), "spend"),
        WIN_BACK: (lapsed[~lapsed["customer_id"].isin(opted_out(then) or ())], "spend"),
    }
    rows = []
    for name, (made, by) in lists.items():
        if isinstance(made, NotAvailable) or len(made) < LEAST:
            continue
        ids = made.sort_values([by, "customer_id"], ascending=[False, True], ignore_index=True)["customer_id"]
        rows.append({"backtest_list": name, **_brought(ids, ids.map(place).fillna(len(place)), ids.map(money).fillna(0.0))})
    if not rows:
        return NotAvailable(
            (), _(QUESTION), reason=_("no list of a quarter ago had {n} customers.").format(n=language.number(LEAST))
        )
    return ListBacktest(pd.DataFrame(rows), day)


def _recent(then: Tables) -> pd.DataFrame:
    """Spend of the last `DAYS` days of the customers who ordered in them: customer_id, spend."""
    orders = then.orders.filter(then.orders.customer_id.notnull())
    orders = orders.filter(orders.order_date.date() > then.as_of - dt.timedelta(days=DAYS))
    spent = orders.group_by("customer_id").aggregate(
        bought=(orders.order_amount >= 0).any(), spend=orders.order_amount.sum().cast(MONEY)
    )
    return frame(spent.filter(spent.bought), by=["customer_id"]).astype({"spend": float})[["customer_id", "spend"]]


def _brought(ids: pd.Series, place: pd.Series, money: pd.Series) -> dict[str, float]:
    """What the first fifth of a list brought, by its own order and by *place*, and what a random fifth would have."""
    n = len(ids)
    first = -(-n // round(1 / FIRST))
    listed = np.arange(n) < first
    order = pd.DataFrame({"place": place, "id": ids}).sort_values(["place", "id"]).index[:first]
    by_rfm = np.isin(np.arange(n), order)
    values = money.to_numpy(dtype=float)
    rng = np.random.default_rng(SEED)
    gaps = {"over_rfm": listed.astype(float) - by_rfm, "over_random": listed - first / n}
    weights = np.stack(list(gaps.values()), axis=1) * values[:, None]
    # One draw at a time, so that memory does not grow with their number.
    draws = np.stack([np.bincount(rng.integers(0, n, n), minlength=n) @ weights for _i in range(DRAWS)])
    out = {
        "listed": n,
        "worked_on": first,
        "list_money": float(values[listed].sum()),
        "rfm_money": float(values[by_rfm].sum()),
        "random_money": float(values.mean() * first),
    }
    for i, (name, weight) in enumerate(gaps.items()):
        low, high = np.quantile(draws[:, i], [0.025, 0.975])
        out |= {name: float(values @ weight), f"{name}_low": float(low), f"{name}_high": float(high)}
    return out
