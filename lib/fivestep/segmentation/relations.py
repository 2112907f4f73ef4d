"""Transactional and relational customers, who pays for whom, and the three kinds of valuable relational customers."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, ngettext
from fivestep.segmentation.lifecycle import LEAVING, Lifecycle
from fivestep.segmentation.profit import Profit
from fivestep.segmentation.purchases import purchases, window_start
from fivestep.segmentation.value_tiers import TIERS, ValueTiers

ANSWERS = N_("which customers come for the price, which for the relation, and who pays for whom")
KINDS = TRANSACTIONAL, RELATIONAL, UNCLEAR = N_("Transactional"), N_("Relational"), N_("Not clear")
VALUABLE = MOST_PROFIT, COULD, LOSING, OTHER = (
    N_("Most profit: keep"), N_("Could become most profitable: grow"), N_("Profitable, losing value: reduce effort"),
    N_("Other relational"),
)  # fmt: skip
LEAST = 5  # order days from which it can be told
HALF = 0.5  # share of orders on discount from which a customer buys on price
EVERYWHERE = 0.8  # share of all orders on discount from which a discount tells nothing
SHRUNK, GROWN = 0.5, 1.0  # spend of the later half of the window divided by that of the earlier
FEW = 30


@dataclass(frozen=True)
class Relations:
    """Transactional and relational customers among those who bought in the window.

    ``table``: one row per customer, by customer_id: relation, valuable_kind (relational ones only), orders_discounted, spend,
    discounts, profit (missing where costs are not in the data), spend_change (spend of the later half of the window divided by
    the earlier; missing where there was none).
    """

    table: pd.DataFrame
    with_profit: bool
    window_days: int
    as_of: dt.date
    warnings: tuple[str, ...]

    def kinds(self) -> pd.DataFrame:
        """One row per kind: customers, shares of customers, spend and discounts; profit per 100 of spend, and the subsidy."""
        grouped = self.table.groupby("relation")
        sums = grouped[["spend", "discounts"]].sum().reindex(KINDS, fill_value=0.0)
        n = grouped.size().reindex(KINDS, fill_value=0)
        out = pd.DataFrame({
            "relation": list(KINDS),
            "customers": n.to_numpy(),
            "share_of_customers": n.to_numpy() / len(self.table),
            "share_of_spend": _share(sums["spend"]),
            "share_of_discounts": _share(sums["discounts"]),
        })  # fmt: skip
        if self.with_profit:
            profit = grouped["profit"].sum().reindex(KINDS, fill_value=0.0)
            rate = profit.sum() / sums["spend"].sum() if sums["spend"].sum() > 0 else np.nan
            out["share_of_profit"] = _share(profit)
            out["profit_rate"] = (profit / sums["spend"].where(sums["spend"] > 0)).to_numpy()
            out["carried_for_others"] = (profit - rate * sums["spend"]).to_numpy()
        return out

    def valuable(self) -> pd.DataFrame:
        """One row per kind of relational customer: customers, share, spend, spend per customer."""
        rows = self.table[self.table["relation"] == RELATIONAL]
        grouped = rows.groupby("valuable_kind")["spend"].agg(["size", "sum"]).reindex(VALUABLE, fill_value=0)
        return pd.DataFrame({
            "valuable_kind": list(VALUABLE),
            "customers": grouped["size"].to_numpy(dtype=int),
            "share_of_customers": grouped["size"].to_numpy() / max(len(rows), 1),
            "spend": grouped["sum"].to_numpy(dtype=float),
            "share_of_spend": _share(grouped["sum"].astype(float)),
        })  # fmt: skip

    def chart(self) -> Figure:
        """Shares of customers, spend, discounts (and profit) of the transactional customers."""
        row = self.kinds().set_index("relation").loc[TRANSACTIONAL]
        names = {
            "share_of_customers": _("Customers"), "share_of_spend": _("Spend"), "share_of_profit": _("Profit"),
            "share_of_discounts": _("Discounts"),
        }  # fmt: skip
        there = [c for c in names if c in row]
        return charts.bars(
            [names[c] for c in there],
            [row[c] for c in there],
            write=language.percent,
            accent=[c == "share_of_discounts" for c in there],
            xlabel=_("Share of transactional customers in the whole"),
        )

    def headline(self) -> str:
        """What transactional customers bring and what they take."""
        row = self.kinds().set_index("relation").loc[TRANSACTIONAL]
        if row["customers"] == 0:
            return _("No customer buys half of the time or more on discount")
        words = {
            "n": language.percent(row["share_of_customers"]),
            "spend": language.percent(row["share_of_spend"]),
            "discounts": language.percent(row["share_of_discounts"]),
        }
        return _("Transactional customers are {n} of customers, bring {spend} of spend and take {discounts} of discounts").format(
            **words
        )

    def subsidy_headline(self) -> str:
        """Who carries whom, where profits are known."""
        rows = self.kinds().set_index("relation")
        if not self.with_profit:
            return _("How spend and discounts divide")
        moved = rows.loc[RELATIONAL, "carried_for_others"]
        if rows.loc[TRANSACTIONAL, "carried_for_others"] >= 0:
            return _("Nobody carries transactional customers: they bring no less profit per spend than all together")
        less = language.short_money(-rows.loc[TRANSACTIONAL, "carried_for_others"])
        if moved <= 0:
            return _(
                "Transactional customers bring {less} less profit than at the average rate; relational ones do not make up for it"
            ).format(less=less)
        return _(
            "Relational customers bring {money} more profit than at the average rate, transactional ones {less} less"
        ).format(money=language.short_money(moved), less=less)

    def valuable_headline(self) -> str:
        """How many of the relational customers bring most, could, or are losing value."""
        n = self.valuable().set_index("valuable_kind")["customers"]
        return _("Of the relational customers {most} bring most profit, {could} could, {losing} are losing value").format(
            most=language.number(n[MOST_PROFIT]), could=language.number(n[COULD]), losing=language.number(n[LOSING])
        )

    def note(self) -> str:
        """Base and rules."""
        return _(
            "Base: {n} customers with an order in the {days} days to {day}. Transactional: half of the orders or more on "
            "discount; relational: fewer. Not clear: orders on fewer than {least} days, or every single one on discount, which "
            "is a standing price. Carried for others: profit less spend times the profit rate of all."
        ).format(
            n=language.number(len(self.table)), days=language.number(self.window_days), day=language.day(self.as_of), least=LEAST
        )

    def valuable_note(self) -> str:
        """The rules of the three kinds."""
        return _(
            "Relational customers without a loss, first rule that holds. Losing value: lapsing or lapsed, or spend in the "
            "later half of the window under half of that in the earlier. Most profit: value tier high. Could become: medium or "
            "low tier, spend not falling."
        )

    def finding(self) -> Finding:
        """What transactional customers take and bring."""
        row = self.kinds().set_index("relation").loc[TRANSACTIONAL]
        share = float(row["share_of_spend"])
        return Finding(
            key="segmentation.transactional_share_of_spend",
            value=share,
            unit="share",
            display=language.percent(share),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Give relational customers attention rather than discounts; limit what transactional ones can take.")
            if row["customers"]
            else _("Discounts are no habit of anybody: keep it so."),
            confidence="low" if len(self.table) < FEW else "medium" if self.warnings else "high",
            warnings=self.warnings,
            assumptions=(
                _("Who buys on discount may do so for want of another offer: the label is about purchases, not people."),
            ),
        )


def _share(values: pd.Series) -> np.ndarray:
    total = float(values.sum())
    return values.to_numpy(dtype=float) / total if round(total, 2) > 0 else np.full(len(values), np.nan)


@needs("orders.customer_id", "orders.order_date", "orders.order_amount", "orders.discount_amount", answers=ANSWERS)
def relations(
    tables: Tables, stages: Lifecycle, tiers: ValueTiers, *, profits: list[Profit | NotAvailable], window_days: int = 365
) -> Relations | NotAvailable:
    """Divide the customers of the last *window_days* days into transactional and relational, and the latter by value.

    *profits* holds the result of `profit`, or nothing where costs are not known: spend then stands for profit. `NotAvailable`
    where no order carries a discount or four fifths of all do, as discounts then say nothing about a customer.

    Source of the division: Newell (2000), Loyalty.com.
    """
    start = window_start(tables, window_days)
    orders = tables.orders.filter(tables.orders.customer_id.notnull(), tables.orders.order_date >= start)
    bought = orders.filter(orders.order_amount >= 0)
    middle = start + dt.timedelta(days=window_days // 2)
    found = frame(
        bought.group_by("customer_id").aggregate(
            orders=bought.count(),
            discounted=(bought.discount_amount > 0).fill_null(False).sum(),
            days=bought.order_date.date().nunique(),
            discounts=bought.discount_amount.sum().fill_null(0),
            earlier=bought.order_amount.sum(where=bought.order_date < middle).fill_null(0),
            later=bought.order_amount.sum(where=bought.order_date >= ibis.literal(middle)).fill_null(0),
        ),
        by=["customer_id"],
    ).astype({"discounts": float, "earlier": float, "later": float})
    share = found["discounted"].sum() / max(found["orders"].sum(), 1)
    if found.empty or share == 0 or share >= EVERYWHERE:
        reason = _("{share} of orders carry a discount, so that discounts do not tell who comes for the price.").format(
            share=language.percent(share if len(found) else float("nan"))
        )
        return NotAvailable((), _(ANSWERS), reason=reason)
    table = found.merge(purchases(tables, window_days=window_days)[["customer_id", "monetary"]], on="customer_id")
    table = table.rename(columns={"monetary": "spend"})
    table["orders_discounted"] = table["discounted"] / table["orders"]
    table["relation"] = np.select(
        [(table["days"] < LEAST) | (table["discounted"] == table["orders"]), table["orders_discounted"] >= HALF],
        [UNCLEAR, TRANSACTIONAL],
        RELATIONAL,
    )
    table["spend_change"] = table["later"] / table["earlier"].where(table["earlier"] > 0)
    known = [p for p in profits if isinstance(p, Profit)]
    profit = known[0].table.set_index("customer_id")["profit"] if known else pd.Series(dtype=float)
    table["profit"] = table["customer_id"].map(profit).astype(float)
    tier = table["customer_id"].map(tiers.table.set_index("customer_id")["value_tier"])
    stage = table["customer_id"].map(stages.table.set_index("customer_id")["lifecycle"])
    brings = (table["profit"] if known else table["spend"]) > 0
    kind = np.select(
        [
            ~brings.to_numpy(),
            (stage.isin(LEAVING) | (table["spend_change"] < SHRUNK)).to_numpy(),
            (tier == TIERS[0]).to_numpy(),
            (~(table["spend_change"] < GROWN)).to_numpy(),
        ],
        [OTHER, LOSING, MOST_PROFIT, COULD],
        OTHER,
    )
    table["valuable_kind"] = pd.Series(kind, index=table.index).where(table["relation"] == RELATIONAL)
    unclear = int((table["relation"] == UNCLEAR).sum())
    columns = ["customer_id", "relation", "valuable_kind", "orders_discounted", "spend", "discounts", "profit", "spend_change"]
    warned = ngettext(
        "{n} of {all} customers is in neither group: few orders, or a standing price.",
        "{n} of {all} customers are in neither group: few orders, or a standing price.",
        unclear,
    ).format(n=language.number(unclear), all=language.number(len(table)))
    return Relations(
        table=table[columns],
        with_profit=bool(known),
        window_days=window_days,
        as_of=tables.as_of,
        warnings=(warned,) if unclear * 2 > len(table) else (),
    )
