"""Profit per customer: what is left of the spend after the goods, the service and the campaigns that the customer took."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.charts.theme import style
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, ngettext
from fivestep.segmentation.purchases import coverage_warning, window_start

ANSWERS = N_("which customers bring profit and which cost more than they bring")
CLASSES = PROFITABLE, BREAK_EVEN, LOSS = N_("Profitable"), N_("Break-even"), N_("Loss-making")
EVEN = 0.02  # of spend: a profit no further from zero than this is break-even
CAMPAIGN = "campaign"  # cost type of what a contact in a campaign cost
UNKNOWN = 0.05  # share of spend without a product cost from which a warning says so
LISTED = 20
FEW = 30
DRAWN = 400


@dataclass(frozen=True)
class Profit:
    """Profit of the customers who bought, or cost something, in the window.

    ``table``: one row per customer, by customer_id: spend, product_cost, service_cost, campaign_cost, profit, profit_class.
    ``shared``: what campaigns cost beyond what is booked on customers, shared equally by those who were contacted;
    ``estimated``: share of spend whose product cost is not known and taken at the rate of the rest; ``served``: whether costs to
    serve are in the data.
    """

    table: pd.DataFrame
    shared: float
    estimated: float
    served: bool
    window_days: int
    as_of: dt.date
    warnings: tuple[str, ...]

    # ---------------------------------------------------------------- tables
    def classes(self) -> pd.DataFrame:
        """One row per class: customers, shares, spend, the three costs, profit."""
        sums = ["spend", "product_cost", "service_cost", "campaign_cost", "profit"]
        grouped = self.table.groupby("profit_class")
        out = grouped[sums].sum().reindex(CLASSES, fill_value=0.0)
        out.insert(0, "customers", grouped.size().reindex(CLASSES, fill_value=0))
        out.insert(1, "share_of_customers", out["customers"] / len(self.table))
        return out.rename_axis("profit_class").reset_index()

    def break_even_list(self) -> pd.DataFrame:
        """The customers at or below break-even, largest loss first (ties by customer_id), at most `LISTED`."""
        low = self.table[self.table["profit_class"] != PROFITABLE]
        columns = ["customer_id", "spend", "product_cost", "service_cost", "campaign_cost", "profit", "profit_class"]
        return low.sort_values(["profit", "customer_id"])[columns].head(LISTED).reset_index(drop=True)

    def large_losses(self) -> pd.DataFrame:
        """Loss-making customers among the tenth with the most spend, largest spend first."""
        n = max(1, len(self.table) // 10)
        top = self.table.sort_values(["spend", "customer_id"], ascending=[False, True]).head(n)
        return top[top["profit_class"] == LOSS].reset_index(drop=True)

    # ---------------------------------------------------------------- figure
    def whale_curve(self) -> Figure:
        """Cumulative profit as a share of the total, most profitable customers first."""
        profit = np.sort(self.table["profit"].to_numpy())[::-1]
        total = profit.sum()
        base = total if round(total, 2) > 0 else max(np.abs(profit).sum(), 1e-9)
        x, y = np.arange(len(profit) + 1) / len(profit), np.concatenate([[0.0], np.cumsum(profit) / base])
        drawn = np.unique(np.linspace(0, len(profit), min(len(profit), DRAWN) + 1).round().astype(int))
        fig, ax = charts.figure(height=3.0)
        with mpl.rc_context(style()):
            ax.plot(x[drawn], y[drawn], color=charts.ACCENT, linewidth=1.8)
            ax.axhline(y[-1], color=charts.GREYS[1], linewidth=0.8, linestyle=(0, (3, 2)))
            top = int(np.argmax(y))
            ax.plot(x[top], y[top], "o", color=charts.PRIMARY, markersize=4)
            said = _("{customers} of customers: {profit}").format(
                customers=language.percent(x[top]), profit=language.short_money(profit[:top].sum())
            )
            ax.annotate(said, (x[top], y[top]), (-6, 5), textcoords="offset points", ha="right", fontsize=7.5)
            ax.set_xlim(0, 1)
            ax.set_ylim(min(0, y.min()) * 1.05, max(y.max(), 0.1) * 1.15)
            for axis in (ax.xaxis, ax.yaxis):
                axis.set_major_formatter(lambda value, _position: language.percent(value, 0))
            ax.grid(axis="y")
            ax.spines["left"].set_visible(False)
            ax.set_xlabel(_("Share of customers, most profitable first"))
            named = _("Cumulative share of profit") if base is total else _("Cumulative profit (share of all profits and losses)")
            ax.set_title(named, loc="left", fontsize=7.5, color=charts.MUTED)
        return fig

    # ---------------------------------------------------------------- words
    def headline(self) -> str:
        """How many customers lose money, and how much."""
        loss = self.table[self.table["profit_class"] == LOSS]
        if loss.empty:
            return _("No customer is loss-making; together they bring {profit}").format(
                profit=language.short_money(self.table["profit"].sum())
            )
        return ngettext(
            "{n} of {all} customers costs more than it brings and loses {loss} of the profit of {profit}",
            "{n} of {all} customers cost more than they bring and lose {loss} of the profit of {profit}",
            len(loss),
        ).format(
            n=language.number(len(loss)),
            all=language.number(len(self.table)),
            loss=language.short_money(-loss["profit"].sum()),
            profit=language.short_money(self.table["profit"].clip(lower=0).sum()),
        )

    def classes_headline(self) -> str:
        """What remains of spend after each kind of cost."""
        t = self.table
        if round(t["spend"].sum(), 2) <= 0:
            return _("Costs exceed spend: there is no margin to speak of")
        return _("Of spend {product} goes into products, {service} into service and {campaign} into campaigns").format(
            **{k: language.percent(t[f"{k}_cost"].sum() / t["spend"].sum()) for k in ("product", "service", "campaign")}
        )

    def list_headline(self) -> str:
        """How many of the customers with the most spend lose money."""
        n = len(self.large_losses())
        if n == 0:
            return _("Nobody among the tenth of customers with the most spend is loss-making")
        return ngettext(
            "{n} of the tenth of customers with the most spend is loss-making",
            "{n} of the tenth of customers with the most spend are loss-making",
            n,
        ).format(n=language.number(n))

    def note(self) -> str:
        """Base, definition of profit and the rule by which costs are allocated."""
        base = _("Base: {n} customers with orders or costs in the {days} days to {day}.").format(
            n=language.number(len(self.table)), days=language.number(self.window_days), day=language.day(self.as_of)
        )
        rule = _(
            "Profit: order lines less product cost, less costs booked on the customer, less an equal share of what each campaign "
            "cost beyond that for everybody contacted ({shared} in all). Costs that belong to nobody (rent, management) and tax "
            "are not in it. Break-even: within {even} of spend."
        ).format(shared=language.money(self.shared), even=language.percent(EVEN, 0))
        return f"{base} {rule}"

    def finding(self) -> Finding:
        """How many customers lose money."""
        n = int((self.table["profit_class"] == LOSS).sum())
        return Finding(
            key="segmentation.loss_making_customers",
            value=n,
            unit="count",
            display=language.number(n),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Change prices, terms or service of the loss-making customers on the list before winning more like them.")
            if n
            else _("Keep costs by customer: without them a loss stays unseen until it is large."),
            confidence="low" if len(self.table) < FEW else "medium" if self.warnings else "high",
            warnings=self.warnings,
            assumptions=(
                _("Profit is the contribution of the customer after direct costs, not after overheads; tax is not deducted."),
            ),
        )


@needs("order_lines.customer_id", "order_lines.order_date", "order_lines.line_amount", "order_lines.cost", answers=ANSWERS)
def profit(tables: Tables, *, window_days: int = 365) -> Profit | NotAvailable:
    """Profit of every customer in the last *window_days* days.

    Spend and product cost are those of the order lines, returns netted; a line without a cost gets the cost rate of the lines
    that have one. Costs of the table ``costs`` count as booked. What campaigns that began in the window cost beyond the booked
    costs of type "campaign" is shared equally by their contacted customers, in proportion to the cost of each campaign. Lines
    without a customer are excluded. `NotAvailable` where no line has both customer and cost.

    Source: whale curve of customer profitability, Kaplan and Narayanan (2001).
    """
    start = window_start(tables, window_days)
    lines = tables.order_lines
    lines = lines.filter(lines.customer_id.notnull(), lines.order_date >= start)
    known = lines.cost.notnull()
    sums = frame(
        lines.group_by("customer_id").aggregate(
            spend=lines.line_amount.sum().fill_null(0),
            known_spend=lines.line_amount.sum(where=known).fill_null(0),
            known_cost=lines.cost.sum().fill_null(0),
        ),
        by=["customer_id"],
    ).astype({"spend": float, "known_spend": float, "known_cost": float})
    if sums.empty or sums["known_spend"].sum() <= 0:
        return NotAvailable(("order_lines.cost",), _(ANSWERS), reason=_("no order line in the window has a product cost."))
    rate = sums["known_cost"].sum() / sums["known_spend"].sum()
    missing = sums["spend"] - sums["known_spend"]
    table = sums[["customer_id", "spend"]].set_index("customer_id")
    table["product_cost"] = (sums["known_cost"] + rate * missing).to_numpy()
    service, campaign, served = _booked(tables, start.date())
    contacted, shared = _campaigns(tables, start.date(), float(campaign.sum()))
    everybody = table.index.union(service.index).union(campaign.index).union(contacted.index).rename("customer_id")
    table = table.reindex(everybody, fill_value=0.0)
    table["service_cost"] = service.reindex(everybody, fill_value=0.0)
    table["campaign_cost"] = campaign.reindex(everybody, fill_value=0.0) + contacted.reindex(everybody, fill_value=0.0)
    costs = table[["product_cost", "service_cost", "campaign_cost"]] = table[
        ["product_cost", "service_cost", "campaign_cost"]
    ].round(6)
    table["profit"] = (table["spend"] - costs.sum(axis=1)).round(6)
    even = EVEN * table["spend"].clip(lower=0)
    table["profit_class"] = np.select([table["profit"] > even, table["profit"] >= -even], [PROFITABLE, BREAK_EVEN], LOSS)
    table = table.reset_index().sort_values("customer_id", ignore_index=True)
    estimated = float(np.abs(missing).sum() / max(np.abs(sums["spend"]).sum(), 1e-9))
    return Profit(
        table=table,
        shared=shared,
        estimated=estimated,
        served=served,
        window_days=window_days,
        as_of=tables.as_of,
        warnings=(*_warnings(estimated, served, len(table)), *coverage_warning(tables, window_days)),
    )


def _booked(tables: Tables, start: dt.date) -> tuple[pd.Series, pd.Series, bool]:
    """Costs booked on customers since *start*: to serve, in campaigns; and whether there is a table of them."""
    if tables.missing("costs.customer_id", "costs.amount", "costs.cost_type", "costs.cost_date"):
        nothing = pd.Series(dtype=float)
        return nothing, nothing, False
    costs = tables.costs.filter(tables.costs.customer_id.notnull(), tables.costs.cost_date >= start)
    of_campaign = (costs.cost_type.lower() == CAMPAIGN).fill_null(False)
    sums = frame(
        costs.group_by("customer_id").aggregate(
            service=costs.amount.sum(where=~of_campaign).fill_null(0), campaign=costs.amount.sum(where=of_campaign).fill_null(0)
        ),
        by=["customer_id"],
    ).set_index("customer_id")
    return sums["service"].astype(float), sums["campaign"].astype(float), True


def _campaigns(tables: Tables, start: dt.date, booked: float) -> tuple[pd.Series, float]:
    """What each contacted customer bears of the campaigns' cost beyond *booked*, and the sum of it."""
    if tables.missing("campaigns.cost", "exposures.treated"):
        return pd.Series(dtype=float), 0.0
    campaigns = tables.campaigns.filter(tables.campaigns.start_date >= start, tables.campaigns.cost > 0)
    contacts = tables.exposures.filter(tables.exposures.treated).join(campaigns.select("campaign_id", "cost"), "campaign_id")
    contacts = contacts.select("customer_id", "campaign_id", "cost").distinct()
    each = contacts.group_by("campaign_id").aggregate(share=contacts.cost.max().cast("float64") / contacts.count())
    borne = frame(
        contacts.join(each, "campaign_id").group_by("customer_id").aggregate(cost=lambda t: t.share.sum()), by=["customer_id"]
    ).set_index("customer_id")["cost"]
    total = float(borne.sum())
    left = max(total - booked, 0.0)
    return (borne * (left / total) if total > 0 else borne), left


def _warnings(estimated: float, served: bool, n: int) -> tuple[str, ...]:
    out = []
    if n < FEW:
        out.append(ngettext("Only {n} customer: a share says little.", "Only {n} customers: a share says little.", n).format(n=n))
    if estimated > UNKNOWN:
        out.append(
            _("{share} of spend has no product cost; the cost rate of the rest stands in for it.").format(
                share=language.percent(estimated)
            )
        )
    if not served:
        out.append(_("Costs to serve are not in the data: who needs much service looks more profitable than they are."))
    return tuple(out)
