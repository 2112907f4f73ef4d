"""The channels: what branches, regions and levels of the channel bring."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from fivestep import language
from fivestep.coverage import coverage
from fivestep.engine import MONEY, Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import Z, holm, welch, wilson
from fivestep.language import N_, _

YEAR = 365
FEW = 30  # customers below which a share of a branch is an anecdote
FEW_OUTLETS = 2
SHOWN = 15
ABOVE, BELOW, LIKE, TOO_FEW = N_("Above"), N_("Below"), N_("Like the others"), N_("Too few")
# What dealers are called in customers.customer_type; compared in lower case.
DEALERS = frozenset(
    {"dealer", "distributor", "reseller", "wholesaler", "agent", "经销商", "代理商", "分销商", "批发商", "經銷商"}
)
ALPHA = 0.05  # of all branches together


# A store that is only a number is told from a row of the table.
NUMBERED = {
    "customers.owner": N_("Representative {number}"),
    "orders.store": N_("Store {number}"),
    "customers.region": N_("Region {number}"),
}


def place_name(field: str, raw: str) -> str:
    """A store, region or representative as the reader sees it; one that is only a number is said to be what it is."""
    shown = language.value(field, raw)
    return shown if any(c.isalpha() for c in shown) else _(NUMBERED[field]).format(number=shown)


@dataclass(frozen=True)
class Branches:
    """What each store brings.

    ``table``: one row per store, most spend first: store, spend, share_of_spend, customers, branch_repeaters (share of them who
    ordered there twice or more) with branch_repeaters_low and branch_repeaters_high, branch_verdict (against all other stores),
    branch_change (spend against the 365 days before; missing where the data does not cover them), branch_margin (missing
    throughout where costs are not known). ``first_day`` to ``as_of`` are the days counted.
    """

    table: pd.DataFrame
    first_day: dt.date
    as_of: dt.date

    def shown(self) -> pd.DataFrame:
        """The `SHOWN` stores with most spend; columns without any value are left out."""
        return self.table.head(SHOWN).dropna(axis=1, how="all")

    def headline(self) -> str:
        """How many branches see fewer customers again than the others."""
        below = int((self.table["branch_verdict"] == BELOW).sum())
        judged = int((self.table["branch_verdict"] != TOO_FEW).sum())
        if not judged:
            return _("No branch has enough customers to compare how many come back")
        if not (self.table["branch_verdict"].isin([ABOVE, BELOW])).any():
            return language.ngettext(
                "{n} branch could be judged, and it cannot be told from the others by how many customers come back",
                "None of {n} branches stands out by how many of its customers come back",
                judged,
            ).format(n=language.number(judged))
        return _("In {below} of {n} branches fewer customers come back than in the others, in {above} more").format(
            below=language.number(below),
            n=language.number(judged),
            above=language.number(int((self.table["branch_verdict"] == ABOVE).sum())),
        )

    def note(self) -> str:
        """Days, definition of coming back, how the verdict is reached, and how many branches are shown."""
        out = [
            _(
                "{first} to {last}, refunds netted. Come back: customers with two orders or more in the branch, with the 95 % "
                "Wilson interval; above or below where the chance of a gap to all other branches is under 5 % after Holm's "
                "correction. Branches under {few} customers are not judged."
            ).format(first=language.day(self.first_day), last=language.day(self.as_of), few=language.number(FEW))
        ]
        if len(self.table) > SHOWN:
            out.append(
                _("Shown: the {n} branches with most spend of {all}; the scorecard of all is exported.").format(
                    n=language.number(SHOWN), all=language.number(len(self.table))
                )
            )
        return " ".join(out)

    def finding(self) -> Finding:
        """Where customers do not come back."""
        judged = self.table[self.table["branch_verdict"] != TOO_FEW]
        below = judged[judged["branch_verdict"] == BELOW]
        names = [place_name("orders.store", s) for s in below["store"].head(3)]
        return Finding(
            key="strategy.branches_below",
            value=float(len(below)),
            unit="count",
            display=language.number(len(below)),
            text=language.sentence(self.headline()),
            evidence=(
                _("Largest of them: {branches}.").format(branches=language.listing(names))
                if len(below)
                else _("No branch is clearly below the others.")
            ),
            so_what=(
                _("Let the branches above show those below what they do, and look at range and staff before setting targets.")
                if len(below)
                else _("Do not rank branches by how many customers come back: their differences can be chance.")
            ),
            confidence="medium" if len(judged) else "low",
            assumptions=(_("A customer who goes to another branch counts as not coming back in this one."),),
        )


@needs(
    "orders.store", "orders.customer_id", "orders.order_amount",
    answers=N_("what each branch sells, and whether its customers come back"),
)  # fmt: skip
def branches(tables: Tables) -> Branches | NotAvailable:
    """Spend, customers, repeat share and margin of each store in the last `YEAR` days.

    Orders without a store are excluded; a return lowers spend and is no order. Repeat share: `intervals.wilson`; verdict:
    two-sided test of two proportions against all other stores, corrected by Holm (1979).
    """
    from scipy.stats import norm

    start, before = year_and_before(tables)
    orders = tables.orders.filter(tables.orders.store.notnull())
    late = orders.filter(orders.order_date >= dt.datetime.combine(start, dt.time()))
    each = late.group_by("store", "customer_id").aggregate(n=(late.order_amount >= 0).sum(), spend=late.order_amount.sum())
    each = each.mutate(known=each.customer_id.notnull() & (each.n > 0))
    table = frame(
        each.group_by("store").aggregate(
            spend=each.spend.sum().cast("float64"), customers=each.known.sum(), again=(each.known & (each.n > 1)).sum()
        ),
        by=["store"],
    )
    if table.empty:
        return NotAvailable((), _("what each branch sells, and whether its customers come back"),
                            reason=_("no order of the last 365 days has a store."))  # fmt: skip
    total = table["spend"].sum()
    table["share_of_spend"] = table["spend"] / total if total > 0 else np.nan
    n, again = table["customers"].to_numpy(float), table["again"].to_numpy(float)
    table["branch_repeaters"] = again / np.where(n > 0, n, np.nan)
    table["branch_repeaters_low"], table["branch_repeaters_high"] = wilson(again, n)
    rest_n, rest = n.sum() - n, again.sum() - again
    judged = (n >= FEW) & (rest_n >= FEW)
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = again.sum() / n.sum()
        z = (again / n - rest / rest_n) / np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / rest_n))
    chances = pd.Series(2 * norm.sf(np.abs(np.nan_to_num(z))), index=table.index)[judged]
    clear = holm(chances).reindex(table.index).lt(ALPHA).to_numpy() if judged.any() else np.zeros(len(table), bool)
    table["branch_verdict"] = np.select([~judged, clear & (z > 0), clear & (z < 0)], [TOO_FEW, ABOVE, BELOW], LIKE)
    table["branch_change"] = np.nan
    if before is not None:
        early = orders.filter(orders.order_date >= dt.datetime.combine(before, dt.time()))
        early = early.filter(early.order_date < dt.datetime.combine(start, dt.time()))
        was = frame(early.group_by("store").aggregate(was=early.order_amount.sum().cast("float64")), by=["store"])
        was = table["store"].map(was.set_index("store")["was"])
        table["branch_change"] = table["spend"] / was.where(was > 0) - 1
    margins = gross_margins(tables, start, "store")
    table["branch_margin"] = table["store"].map(margins) if margins is not None else np.nan
    table = table.drop(columns="again").sort_values(["spend", "store"], ascending=[False, True], ignore_index=True)
    names = [
        "store", "spend", "share_of_spend", "branch_change", "customers", "branch_repeaters", "branch_repeaters_low",
        "branch_repeaters_high", "branch_verdict", "branch_margin",
    ]  # fmt: skip
    return Branches(table[names], start, tables.as_of)


def year_and_before(tables: Tables) -> tuple[dt.date, dt.date | None]:
    """The first of the last `YEAR` days, and the first of as many before where the data covers both."""
    start, before = (tables.as_of - dt.timedelta(days=years * YEAR - 1) for years in (1, 2))
    return max(start, tables.first_day), before if coverage(tables).covers(before, tables.as_of) else None


def gross_margins(tables: Tables, start: dt.date, by: str) -> pd.Series | None:
    """Gross profit divided by line amounts, of lines with a cost, by store or customer_id; None where costs are not known."""
    if tables.missing("order_lines.cost") and tables.missing("order_lines.gross_profit"):
        return None
    if tables.missing("order_lines.line_amount", f"order_lines.{by}"):
        return None
    lines = tables.order_lines.filter(tables.order_lines.order_date >= dt.datetime.combine(start, dt.time()))
    profit = lines.gross_profit if tables.missing("order_lines.cost") else lines.line_amount - lines.cost
    known = lines.select(by, profit=profit, amount=lines.line_amount).filter(profit.notnull())
    sums = frame(
        known.group_by(by).aggregate(profit=known.profit.sum().cast("float64"), amount=known.amount.sum().cast("float64")),
        by=[by],
    ).set_index(by)
    return (sums["profit"] / sums["amount"].where(sums["amount"] > 0)).dropna()


# ------------------------------------------------------------------------------------------------------------------- regions
@dataclass(frozen=True)
class RegionCoverage:
    """How thickly each region is covered, and what an outlet brings there.

    ``table``: one row per region, most spend per outlet first: home_region, outlets (stores whose orders come mostly from
    customers of the region), customers, spend, share_of_outlets, share_of_spend, spend_per_outlet, outlet_gap_low and
    outlet_gap_high (spend per outlet less that of all other outlets, 95 % interval by Welch), outlet_verdict.
    """

    table: pd.DataFrame
    first_day: dt.date
    as_of: dt.date

    def headline(self) -> str:
        """Where outlets bring clearly less than elsewhere."""
        thin = self.table[self.table["outlet_verdict"] == BELOW]
        if thin.empty:
            return _("In no region an outlet brings clearly less than elsewhere ({n} looked at)").format(
                n=language.number(len(self.table))
            )
        return language.ngettext(
            "In {n} of {all} regions an outlet brings clearly less than elsewhere: {regions}",
            "In {n} of {all} regions an outlet brings clearly less than elsewhere: {regions}",
            len(thin),
        ).format(
            n=language.number(len(thin)),
            all=language.number(len(self.table)),
            regions=language.listing([language.value("customers.region", r) for r in thin["home_region"]]),
        )

    def note(self) -> str:
        """What an outlet is, where it belongs, and how regions are compared."""
        return _(
            "{first} to {last}. An outlet is a store with orders; it belongs to the region from whose customers most of its "
            "orders come. Above or below: the 95 % interval (Welch) of spend per outlet less that of all other outlets leaves "
            "out zero; regions under two outlets are not judged. One region in 20 would look so by chance."
        ).format(first=language.day(self.first_day), last=language.day(self.as_of))

    def finding(self) -> Finding:
        """Whether outlets share too little demand somewhere."""
        thin = self.table[self.table["outlet_verdict"] == BELOW]
        known = (self.table["outlet_verdict"] != TOO_FEW).any()
        return Finding(
            key="strategy.regions_below",
            value=float(len(thin)) if known else float("nan"),
            unit="count",
            display=language.number(len(thin)) if known else language.MISSING,
            text=language.sentence(self.headline()),
            evidence=_("{outlets} outlets in {n} regions.").format(
                outlets=language.number(int(self.table["outlets"].sum())), n=language.number(len(self.table))
            ),
            so_what=(
                _("Open nothing more there before the outlets that are there bring what others do; ask whether one can close.")
                if len(thin)
                else _("Coverage gives no reason to close or open outlets: decide by customers and rents.")
            ),
            confidence="medium" if known else "low",
            assumptions=(_("Outlets are compared by spend, whatever their size and rent."),),
        )


@needs("orders.store", "orders.customer_id", "customers.region", answers=N_("whether too many outlets share too little demand"))
def region_coverage(tables: Tables) -> RegionCoverage | NotAvailable:
    """Outlets, customers and spend of each region in the last `YEAR` days, refunds netted; orders without a store, a customer or
    a region are excluded."""
    start, _before = year_and_before(tables)
    sold = sold_by_region(tables, start)
    if sold.empty:
        return NotAvailable((), _("whether too many outlets share too little demand"),
                            reason=_("no order has both a store and a customer with a region."))  # fmt: skip
    home = home_regions(sold)
    outlets = sold.groupby("store")["spend"].sum()
    rows = []
    for region in sorted(set(sold["region"])):
        here = outlets[outlets.index.map(home) == region].to_numpy()
        there = outlets[outlets.index.map(home) != region].to_numpy()
        bought = sold[sold["region"] == region]
        gap = (np.nan, np.nan)
        if min(len(here), len(there)) >= FEW_OUTLETS:
            gap = welch(len(here), here.mean(), here.var(ddof=1), len(there), there.mean(), there.var(ddof=1))
        verdict = TOO_FEW if np.isnan(gap[0]) else ABOVE if gap[0] > 0 else BELOW if gap[1] < 0 else LIKE
        rows.append((
            region, len(here), int(bought["customers"].sum()), float(bought["spend"].sum()),
            float(here.mean()) if len(here) else np.nan, *gap, verdict,
        ))  # fmt: skip
    names = ["home_region", "outlets", "customers_in_stores", "spend", "spend_per_outlet", "outlet_gap_low", "outlet_gap_high",
             "outlet_verdict"]  # fmt: skip
    table = pd.DataFrame(rows, columns=names)
    table.insert(2, "share_of_outlets", table["outlets"] / table["outlets"].sum())
    total = table["spend"].sum()
    table.insert(5, "share_of_spend", table["spend"] / total if total > 0 else np.nan)
    table["customers_in_stores"] = table["home_region"].map(_customers_by_region(tables, start)).fillna(0).astype(int)
    table = table.rename(columns={"customers_in_stores": "customers"})
    table = table.sort_values(["spend_per_outlet", "home_region"], ascending=[False, True], ignore_index=True)
    return RegionCoverage(table, start, tables.as_of)


def _with_region(tables: Tables, start: dt.date) -> ibis.Table:
    customers = tables.customers.filter(tables.customers.region.notnull()).distinct(on="customer_id", keep="first")
    orders = tables.orders.filter(
        tables.orders.store.notnull() & (tables.orders.order_date >= dt.datetime.combine(start, dt.time()))
    )
    return orders.join(customers.select("customer_id", "region"), "customer_id")


def sold_by_region(tables: Tables, start: dt.date) -> pd.DataFrame:
    """Per store and region of the customer: orders, customers, spend."""
    sold = _with_region(tables, start)
    return frame(
        sold.group_by("store", "region").aggregate(
            orders=(sold.order_amount >= 0).sum(),
            customers=sold.customer_id.nunique(),
            spend=sold.order_amount.sum().cast("float64"),
        ),
        by=["store", "region"],
    )


def _customers_by_region(tables: Tables, start: dt.date) -> pd.Series:
    sold = _with_region(tables, start)
    return frame(sold.group_by("region").aggregate(n=sold.customer_id.nunique()), by=["region"]).set_index("region")["n"]


def home_regions(sold: pd.DataFrame) -> dict[str, str]:
    """The region that each store serves: the one with most of its orders, of equals the first by name."""
    first = sold.sort_values(["store", "orders", "region"], ascending=[True, False, True]).drop_duplicates("store")
    return dict(zip(first["store"], first["region"], strict=True))


# -------------------------------------------------------------------------------------------------------------------- levels
@dataclass(frozen=True)
class ChannelMargins:
    """What is left of the sales of each channel.

    ``table``: one row per channel and length, most spend first: sales_channel, channel_length (steps between the company and who
    uses the goods), customers, spend, share_of_spend, discount_share, channel_margin with channel_margin_low and
    channel_margin_high, service_cost_share (missing where no costs are booked), margin_after_costs.
    """

    table: pd.DataFrame
    first_day: dt.date
    as_of: dt.date

    def shown(self) -> pd.DataFrame:
        """The table without columns that have no value."""
        return self.table.dropna(axis=1, how="all")

    def headline(self) -> str:
        """Which channel leaves most of its sales, and which least."""
        known = self.table[self.table["margin_after_costs"].notna()]
        names = {i: language.value("orders.channel", c) for i, c in known["sales_channel"].items()}
        if len(known) < 2:
            return _("The margin of {n} channel is known").format(n=language.number(len(known)))
        ranked = known.sort_values(["margin_after_costs", "sales_channel"], ascending=[False, True])
        first, last = ranked.iloc[0], ranked.iloc[-1]
        return _("Of a sale through “{first}” {most} is left, through “{last}” {least}").format(
            first=names[ranked.index[0]],
            most=language.percent(first["margin_after_costs"]),
            last=names[ranked.index[-1]],
            least=language.percent(last["margin_after_costs"]),
        )

    def note(self) -> str:
        """How margin and costs are counted, and what the length is."""
        return _(
            "{first} to {last}. Length: 1 where a dealer stands between company and user, else 0. Margin: gross profit divided "
            "by sales, of order lines with a cost; 95 % interval of a ratio, by customer (Cochran 1977). Costs booked on "
            "customers are shared out over their channels by spend. A dealer's own margin is not in the data."
        ).format(first=language.day(self.first_day), last=language.day(self.as_of))

    def finding(self) -> Finding:
        """What the channel that leaves least leaves."""
        known = self.table[self.table["margin_after_costs"].notna()]
        least = float(known["margin_after_costs"].min()) if len(known) else float("nan")
        return Finding(
            key="strategy.least_channel_margin",
            value=least,
            unit="share",
            display=language.percent(least, 1),
            text=language.sentence(self.headline()),
            evidence=_("Sales of {n} channels.").format(n=language.number(len(self.table))),
            so_what=_(
                "Before a channel is given up, ask which costs would go with it and which customers would not come otherwise."
            ),
            confidence="medium" if self.table["service_cost_share"].notna().any() else "low",
            warnings=(
                ()
                if self.table["service_cost_share"].notna().any()
                else (_("No costs are booked on customers: only the margin counts."),)
            ),
            assumptions=(_("Booked costs are shared out over the channels of a customer by spend."),),
        )


@needs(
    "orders.channel", "orders.customer_id", "order_lines.order_id", "order_lines.line_amount",
    answers=N_("what each level of the channel leaves"),
)  # fmt: skip
def channel_margins(tables: Tables) -> ChannelMargins | NotAvailable:
    """Spend, discounts, margin and booked costs by channel and its length, in the last `YEAR` days, refunds netted.

    Orders without a channel or a customer are excluded, and lines without a cost from the margin.
    """
    answers = _("what each level of the channel leaves")
    if tables.missing("order_lines.cost") and tables.missing("order_lines.gross_profit"):
        return NotAvailable(("order_lines.cost",), answers)
    start, _before = year_and_before(tables)
    since = dt.datetime.combine(start, dt.time())
    orders = tables.orders.filter(tables.orders.channel.notnull() & tables.orders.customer_id.notnull())
    orders = orders.filter(orders.order_date >= since)
    orders = orders.mutate(off=orders.discount_amount if "discount_amount" in orders.columns else ibis.null(MONEY))
    spent = orders.group_by("customer_id", "channel").aggregate(
        spend=orders.order_amount.sum().cast("float64"), discount=orders.off.sum().cast("float64")
    )
    each = frame(spent, by=["channel", "customer_id"])
    lines = tables.order_lines
    profit = lines.gross_profit if tables.missing("order_lines.cost") else lines.line_amount - lines.cost
    known = lines.select("order_id", profit=profit, amount=lines.line_amount).filter(profit.notnull())
    sold = known.join(orders.select("order_id", "customer_id", "channel"), "order_id")
    sums = sold.group_by("customer_id", "channel").aggregate(
        profit=sold.profit.sum().cast("float64"), amount=sold.amount.sum().cast("float64")
    )
    each = each.merge(frame(sums, by=["channel", "customer_id"]), on=["channel", "customer_id"], how="left")
    each["length"] = each["customer_id"].isin(dealer_ids(tables)).astype(int)
    booked = _booked(tables, start)
    each["cost"] = np.nan
    if booked is not None:
        positive = each["spend"].clip(lower=0)
        whole = positive.groupby(each["customer_id"]).transform("sum")
        each["cost"] = (each["customer_id"].map(booked).fillna(0.0) * positive / whole.where(whole > 0)).fillna(0.0)
    rows = []
    for (channel, length), mine in each.groupby(["channel", "length"]):
        spend = float(mine["spend"].sum())
        margin, low, high = _ratio(mine["profit"].dropna(), mine["amount"].dropna())
        served = float(mine["cost"].sum()) / spend if booked is not None and spend > 0 else np.nan
        gross = spend + float(mine["discount"].sum())
        off = float(mine["discount"].sum()) / gross if mine["discount"].notna().any() and gross > 0 else np.nan
        rows.append((channel, length, len(mine), spend, off, margin, low, high, served,
                     margin - (0.0 if np.isnan(served) else served)))  # fmt: skip
    names = ["sales_channel", "channel_length", "customers", "spend", "discount_share", "channel_margin", "channel_margin_low",
             "channel_margin_high", "service_cost_share", "margin_after_costs"]  # fmt: skip
    table = pd.DataFrame(rows, columns=names)
    if table["channel_margin"].isna().all():
        return NotAvailable((), answers, reason=_("no order line with a channel and a customer has a cost."))
    total = table["spend"].sum()
    table.insert(4, "share_of_spend", table["spend"] / total if total > 0 else np.nan)
    table = table.sort_values(["spend", "sales_channel", "channel_length"], ascending=[False, True, True], ignore_index=True)
    return ChannelMargins(table, start, tables.as_of)


def _ratio(top: pd.Series, bottom: pd.Series) -> tuple[float, float, float]:
    """The sum of *top* divided by that of *bottom*, with its 95 % interval; NaN where it has none. Cochran (1977), 2.11."""
    whole, n = float(bottom.sum()), len(bottom)
    if whole <= 0:
        return np.nan, np.nan, np.nan
    share = float(top.sum()) / whole
    if n < 2:
        return share, np.nan, np.nan
    error = float(np.sqrt(n * np.var(top.to_numpy() - share * bottom.to_numpy(), ddof=1))) / whole
    return share, share - Z * error, share + Z * error


def _booked(tables: Tables, start: dt.date) -> pd.Series | None:
    """Costs booked on each customer since *start*."""
    if tables.missing("costs.customer_id", "costs.amount", "costs.cost_date"):
        return None
    costs = tables.costs.filter(tables.costs.cost_date >= start)
    booked = costs.group_by("customer_id").aggregate(cost=costs.amount.sum().cast("float64"))
    return frame(booked, by=["customer_id"]).set_index("customer_id")["cost"]


def dealer_ids(tables: Tables) -> list[str]:
    """Customers whose type says that they are dealers, by id."""
    if tables.missing("customers.customer_type"):
        return []
    said = tables.customers.customer_type.strip().lower()
    return sorted(tables.customers.filter(said.isin(sorted(DEALERS))).customer_id.to_pandas().dropna().unique())
