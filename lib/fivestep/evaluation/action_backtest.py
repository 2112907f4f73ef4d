"""Had you used the keep list, the suggestions and the win list of a quarter ago: the money that they then named."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import MONEY, Tables, frame, needs
from fivestep.evaluation.purchases import purchases
from fivestep.evaluation.sales_cycle import WON
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _

DAYS = 91  # 13 whole weeks
LEAST = 30  # customers, pairs or opportunities that are compared
DRAWS = 500
SEED = 17
WINDOW = 365  # days in which a category counts as bought
KEEP, NEXT, WIN = N_("Keep list"), N_("Next-best category"), N_("Win list")
MONEY_OF = {
    KEEP: N_("Spend that then stayed away"),
    NEXT: N_("Spend that then went to the suggested category"),
    WIN: N_("Amounts that were then won"),
}
NAIVE = {
    KEEP: N_("RFM: longest away among those with most money and orders"),
    NEXT: N_("The most popular category that the customer did not buy"),
    WIN: N_("The largest amounts"),
}
BETTER, WORSE, NO_BETTER = N_("More than the naive rule"), N_("Less than the naive rule"), N_("No clear difference")
QUESTION = N_("whether last quarter's keep list, suggestions and win list named where the money then moved")


@dataclass(frozen=True)
class ActionBacktest:
    """Lists made as of ``day`` from nothing that came later, and money in the `DAYS` days after.

    ``table``: one row per list: tested_list, action_money (what counts as money), action_naive (the rule beside it), compared
    (customers, or opportunities, to choose from), named (by the list), action_sum (their money), naive_sum (of as many by the
    naive rule), random_sum (of as many drawn at random: mean times number), over_naive and over_drawn with their 95 % intervals
    (bootstrap), action_verdict. ``left_out``: lists with nothing to compare, and why.
    """

    table: pd.DataFrame
    left_out: tuple[tuple[str, str], ...]
    day: dt.date

    def headline(self) -> str:
        """How many of the lists were better than chance, and than the naive rule."""
        t = self.table
        return _(
            "Of {all} lists for action made as of {day} {random} named clearly more money than a random draw, {naive} more "
            "than a "
            "naive rule"
        ).format(
            all=language.number(len(t)),
            day=language.day(self.day),
            random=language.number((t["over_drawn_low"] > 0).sum()),
            naive=language.number((t["over_naive_low"] > 0).sum()),
        )

    def keep_headline(self) -> str:
        """Which wins, the keep list or RFM; empty where the list is left out."""
        rows = self.table[self.table["tested_list"] == KEEP]
        if rows.empty:
            return ""
        row = rows.iloc[0]
        if row["action_verdict"] == BETTER:
            said = _("The keep list wins against RFM: it named {gap} more of the spend that stayed away ({low} to {high})")
        elif row["action_verdict"] == WORSE:
            said = _(
                "RFM wins against the keep list, which named {gap} of the spend that stayed away beside it ({low} to {high})"
            )
        else:
            said = _("Neither the keep list nor RFM wins: the difference is {gap} ({low} to {high})")
        gap, low, high = (language.money(row[name]) for name in ("over_naive", "over_naive_low", "over_naive_high"))
        return said.format(gap=gap, low=low, high=high)

    def keep_finding(self) -> Finding | NotAvailable:
        """Which of the two to use."""
        rows = self.table[self.table["tested_list"] == KEEP]
        if rows.empty:
            return NotAvailable((), _("whether the keep list beats RFM"), reason=_("the keep list named nobody a quarter ago."))
        row = rows.iloc[0]
        return Finding(
            key="evaluation.keep_list_over_rfm",
            value=float(row["over_naive"]),
            unit="money",
            display="",
            text=language.sentence(self.keep_headline()),
            evidence=_("Named by the list: {n} of {all} customers; by RFM as many.").format(
                n=language.number(row["named"]), all=language.number(row["compared"])
            ),
            so_what={
                BETTER: _("Work from the keep list."),
                WORSE: _("Call those whom RFM names first; the keep list adds the reason and the offer."),
            }.get(row["action_verdict"], _("Use the list that is easier to explain.")),
            confidence="medium",
            warnings=(_("One quarter only: another may turn out otherwise."),),
        )

    def note(self) -> str:
        """What is compared."""
        said = _(
            "Lists as of {day}, money of the {days} days after. Keep list: what its customers then spent less than in an average "
            "{days} days of the year before, among all who ordered in it. Suggestions: spend in the first suggested "
            "category of customers who did not "
            "buy it in the year before. Win list: opportunities open on the day, the likeliest fifth. Random: the mean of all to "
            "choose from. Intervals: 95%, bootstrap. Nothing says that working on a list changes what happens: only a control "
            "does."
        ).format(day=language.day(self.day), days=language.number(DAYS))
        return " ".join([said, *(_("{name} is left out: {reason}").format(name=_(n), reason=r) for n, r in self.left_out)])

    def finding(self) -> Finding:
        """The list that named most beyond the naive rule."""
        row = self.table.sort_values(["over_naive_low", "tested_list"], ascending=[False, True]).iloc[0]
        better, name = bool(row["over_naive_low"] > 0), row["tested_list"]
        return Finding(
            key="evaluation.action_list_over_naive",
            value=float(row["over_naive"]),
            unit="money",
            display="",
            text=language.sentence(self.headline()),
            evidence=_(
                "{name}: {money}, by the naive rule {naive}, at random {random}; over the naive rule {low} to {high}."
            ).format(
                name=_(name),
                money=language.money(row["action_sum"]),
                naive=language.money(row["naive_sum"]),
                random=language.money(row["random_sum"]),
                low=language.money(row["over_naive_low"]),
                high=language.money(row["over_naive_high"]),
            ),
            so_what=_("Trust that list beyond the naive rule; where a list is no better, use the rule that is easier to explain.")
            if better
            else _("Where no list is better than its naive rule, use the rule, or keep the list for its reasons and offers."),
            confidence="medium",
            warnings=(_("One quarter only: another may turn out otherwise."),),
            assumptions=(self.note(),),
        )


@needs("orders.customer_id", "orders.order_amount", answers=QUESTION)
def action_backtest(
    tables: Tables,
    methods: Mapping[str, Callable[..., Any]],
    playbook: Any,
    *,
    lapsed_after_days: int = 90,
    window_days: int = 365,
    never: Sequence[str] = (),
) -> ActionBacktest | NotAvailable:
    """Make the lists of `DAYS` days ago and add up the money since.

    *methods*: by their names ``rfm``, ``value_tiers``, ``lifecycle`` of step 2, ``opportunities`` of step 3, ``plan``,
    ``keep_list``, ``next_best_category`` of step 4; *playbook*, *lapsed_after_days*, *window_days* and *never* are handed to
    them. A list with fewer than `LEAST` to choose from, or that names nobody, is left out with the reason.
    """
    day = tables.as_of - dt.timedelta(days=DAYS)
    if day - dt.timedelta(days=DAYS) < tables.first_day:
        return NotAvailable((), _(QUESTION), reason=_("the data does not reach back two quarters."))
    then = tables.until(day)
    tiers = methods["value_tiers"](then, window_days=window_days).table
    stages = methods["lifecycle"](then, lapsed_after_days=lapsed_after_days).table
    kept: Any = tiers if isinstance(tiers, NotAvailable) else stages
    if not isinstance(kept, NotAvailable):
        segments = tiers[["customer_id", "value_tier"]].merge(stages[["customer_id", "lifecycle"]], on="customer_id", how="outer")
        kept = methods["keep_list"](then, methods["plan"](then, segments, playbook)).table
    made = {
        KEEP: _kept(tables, then, kept, methods["rfm"](then, window_days=window_days).table),
        NEXT: _suggested(tables, then, methods["next_best_category"](then, never=never)),
        WIN: _won(tables, methods["opportunities"](then)) if _open(tables, day) >= LEAST else _few(),
    }
    rows = [
        {"tested_list": name, "action_money": MONEY_OF[name], "action_naive": NAIVE[name], **found}
        for name, found in made.items()
        if not isinstance(found, str)
    ]
    left_out = tuple((name, found) for name, found in made.items() if isinstance(found, str))
    if not rows:
        return NotAvailable((), _(QUESTION), reason=_("no list of a quarter ago can be held against what came."))
    table = pd.DataFrame(rows)
    table["action_verdict"] = np.select([table["over_naive_low"] > 0, table["over_naive_high"] < 0], [BETTER, WORSE], NO_BETTER)
    return ActionBacktest(table, left_out, day)


def _open(tables: Tables, day: dt.date) -> int:
    """Opportunities that were open at the end of *day*; 0 where the data has no amounts."""
    if tables.missing("opportunities.amount", "opportunities.closed_at"):
        return 0
    deals = tables.opportunities
    still = deals.closed_at.isnull() | (deals.closed_at.date() > day)
    return int(deals.filter(still, deals.created_at.date() <= day).count().to_pandas())


def _few() -> str:
    return _("there are fewer than {n} to choose from, or none is named.").format(n=language.number(LEAST))


def _kept(tables: Tables, then: Tables, kept: Any, scored: Any) -> dict[str, float] | str:
    if isinstance(kept, NotAvailable) or isinstance(scored, NotAvailable):
        return _few()
    orders = purchases(tables.orders)
    day = orders.order_date.date()
    start = max(then.as_of - dt.timedelta(days=WINDOW - 1), tables.first_day)
    sums = orders.group_by("customer_id").aggregate(
        before=orders.order_amount.sum(where=(day >= start) & (day <= then.as_of)).fill_null(0).cast(MONEY),
        after=orders.order_amount.sum(where=day > then.as_of).fill_null(0).cast(MONEY),
    )
    base = frame(sums, by=["customer_id"]).astype({"before": float, "after": float})
    base = base[base["before"] > 0].reset_index(drop=True)
    base["before"] *= DAYS / ((then.as_of - start).days + 1)
    named = base["customer_id"].isin(set(kept["customer_id"])).to_numpy()
    if len(base) < LEAST or not named.any():
        return _few()
    scores = base.merge(scored, on="customer_id", how="left")
    strong = -(scores["f_score"].fillna(0) + scores["m_score"].fillna(0))
    away = scores["r_score"].fillna(0) - 2 * -strong  # strong customers first among those who are away
    order = pd.DataFrame({"away": away, "money": -scores["monetary"].fillna(0.0), "id": base["customer_id"]})
    naive = np.zeros(len(base), dtype=bool)
    naive[order.sort_values(["away", "money", "id"]).index[: named.sum()]] = True
    return _compared((base["before"] - base["after"]).to_numpy(), named, naive)


def _suggested(tables: Tables, then: Tables, suggested: Any) -> dict[str, float] | str:
    if isinstance(suggested, NotAvailable):
        return _few()
    lines = tables.order_lines.filter(tables.order_lines.customer_id.notnull())
    named = lines.inner_join(
        tables.products.filter(tables.products.category.notnull()).select("product_id", "category"), "product_id"
    )
    day = named.order_date.date()
    start = then.as_of - dt.timedelta(days=WINDOW - 1)
    cells = named.group_by("customer_id", "category").aggregate(
        bought=((day >= start) & (day <= then.as_of) & (named.line_amount >= 0)).any(),
        after=named.line_amount.sum(where=day > then.as_of).fill_null(0).cast(MONEY),
    )
    cells = frame(cells, by=["customer_id", "category"]).astype({"after": float})
    people = suggested.table.dropna(subset="next_best_category").set_index("customer_id")["next_best_category"]
    names = sorted(suggested.reach.index)
    cells = cells[cells["customer_id"].isin(people.index) & cells["category"].isin(names)]
    if len(people) < LEAST:
        return _few()
    shape = {"index": people.index, "columns": names}
    after = cells.pivot(index="customer_id", columns="category", values="after").reindex(**shape).fillna(0.0).to_numpy()
    had = cells.pivot(index="customer_id", columns="category", values="bought").reindex(**shape).eq(True).to_numpy()
    first = after[np.arange(len(people)), pd.Index(names).get_indexer(people)]
    reach = np.where(had, -1.0, suggested.reach.reindex(names).to_numpy(dtype=float))
    naive = after[np.arange(len(people)), reach.argmax(axis=1)]
    drawn = np.where(had, 0.0, after).sum(axis=1) / np.maximum((~had).sum(axis=1), 1)
    return _summed(len(people), len(people), first, naive, drawn)


def _won(tables: Tables, found: Any) -> dict[str, float] | str:
    if isinstance(found, NotAvailable):
        return _few()
    deals = tables.opportunities.select("opportunity_id", "status", "closed_at", won="amount")
    won = deals.filter(deals.status.strip().lower() == WON, deals.closed_at.date() <= tables.as_of)
    money = frame(won.select("opportunity_id", won=won.won.cast(MONEY)), by=["opportunity_id"]).set_index("opportunity_id")["won"]
    base = found.table.dropna(subset="amount").reset_index(drop=True)
    if len(base) < LEAST:
        return _few()
    n = -(-len(base) // 5)
    named, naive = np.zeros(len(base), dtype=bool), np.zeros(len(base), dtype=bool)
    named[base.sort_values(["win_probability", "opportunity_id"], ascending=[False, True]).index[:n]] = True
    naive[base.sort_values(["amount", "opportunity_id"], ascending=[False, True]).index[:n]] = True
    return _compared(base["opportunity_id"].map(money).astype(float).fillna(0.0).to_numpy(), named, naive)


def _compared(money: np.ndarray, named: np.ndarray, naive: np.ndarray) -> dict[str, float]:
    """Sums of *money* of who is *named*, of the *naive* and of as many drawn at random."""
    share = named.sum() / len(money)
    return _summed(len(money), int(named.sum()), money * named, money * naive, money * share)


def _summed(n: int, chosen: int, listed: np.ndarray, naive: np.ndarray, drawn: np.ndarray) -> dict[str, float]:
    rng = np.random.default_rng(SEED)
    gaps = np.stack([listed - naive, listed - drawn], axis=1)
    # One draw at a time, so that memory does not grow with their number.
    draws = np.stack([np.bincount(rng.integers(0, n, n), minlength=n) @ gaps for _i in range(DRAWS)])
    out = {"compared": n, "named": chosen, "action_sum": float(listed.sum()), "naive_sum": float(naive.sum()),
           "random_sum": float(drawn.sum())}  # fmt: skip
    for i, name in enumerate(("over_naive", "over_drawn")):
        low, high = np.quantile(draws[:, i], [0.025, 0.975])
        out |= {name: float(gaps[:, i].sum()), f"{name}_low": float(low), f"{name}_high": float(high)}
    return out
