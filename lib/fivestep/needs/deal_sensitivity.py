"""Who buys on discount: discount share, coupon use and private label by customer, and three groups."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import ibis
import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.charts.theme import style
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _

SEEKERS, MIXED, FULL_PRICE = N_("Deal seekers"), N_("Mixed"), N_("Full price")
GROUPS = (SEEKERS, MIXED, FULL_PRICE)
COLORS = dict(zip(GROUPS, (charts.ACCENT, charts.GREYS[1], charts.PRIMARY), strict=True))
# share -> what it is a part of; a share whose columns the data lacks is left out.
SHARES = {
    "discount_share": ("discounts", "list_value"),
    "lines_on_discount": ("discounted_lines", "lines"),
    "orders_on_discount": ("discounted_orders", "orders"),
    "share_of_orders_with_coupon": ("coupon_orders", "orders"),
    "coupon_share": ("coupons", "spend"),
}
PRIVATE_LABEL = "Private"  # how products.brand says that the retailer itself is the brand
FEW = 100  # customers; a third of fewer is too small to act on
FEW_ORDERS = 5  # median orders per customer below which one basket decides the group

_ANSWERS = N_("which customers buy on discount and which pay full price")
_ELASTICITY = N_("by how much sales would change if prices changed")
_PRIVATE_LABEL = N_("whether customers who buy on discount also buy private label")


@dataclass(frozen=True)
class DealSensitivity:
    """Discounts and coupons by customer.

    ``table``: one row per customer with a positive list value, by customer_id: orders, spend, discounts, list_value (their
    sum), discounted_orders, coupons, coupon_orders, lines, discounted_lines, the shares made of them (discount_share of list
    value, orders_on_discount, lines_on_discount, share_of_orders_with_coupon, coupon_share of spend) and deal_group; columns for
    coupons and lines only where the data has them. ``unpriced``: customers without a positive list value, ``anonymous``: orders
    without a customer; both are left out.
    """

    table: pd.DataFrame
    unpriced: int
    anonymous: int
    first_day: dt.date
    last_day: dt.date

    def groups(self) -> pd.DataFrame:
        """One row per group, deal seekers first, empty ones included; shares are pooled over the customers of the group."""
        rows = []
        for name in GROUPS:
            part = self.table[self.table["deal_group"] == name]
            rows.append({
                "deal_group": name,
                "discount_share_from": part["discount_share"].min(),
                "discount_share_to": part["discount_share"].max(),
                "customers": len(part),
                "share_of_customers": len(part) / len(self.table),
                "spend": part["spend"].sum(),
                "share_of_spend": _ratio(part["spend"].sum(), self.table["spend"].sum()),
                "spend_per_customer": _ratio(part["spend"].sum(), len(part)),
                "orders_per_customer": _ratio(part["orders"].sum(), len(part)),
                **{share: _ratio(part[of].sum(), part[whole].sum()) for share, (of, whole) in SHARES.items() if of in part},
            })  # fmt: skip
        return pd.DataFrame(rows)

    def deal_groups(self) -> pd.DataFrame:
        """customer_id, deal_group, discount_share: what later steps use."""
        return self.table[["customer_id", "deal_group", "discount_share"]].reset_index(drop=True)

    def figure(self) -> Figure:
        """How many customers have which discount share, by group."""
        fig, ax = charts.figure(height=2.5)
        shares = self.table["discount_share"].to_numpy(dtype=float)
        edges = np.linspace(min(shares.min(), 0.0), max(shares.max(), 0.01), 41)
        with mpl.rc_context(style()):
            parts = [shares[(self.table["deal_group"] == name).to_numpy()] for name in GROUPS]
            ax.hist(
                parts,
                bins=edges,
                stacked=True,
                color=[COLORS[name] for name in GROUPS],
                label=[_(name) for name in GROUPS],
                rwidth=0.92,
            )
            ax.xaxis.set_major_formatter(lambda value, _place: language.percent(value, 0))
            ax.yaxis.set_major_formatter(lambda value, _place: language.number(value))
            ax.yaxis.set_major_locator(mpl.ticker.MaxNLocator(4, integer=True))
            ax.grid(axis="y")
            ax.spines["left"].set_visible(False)
            ax.set_xlabel(_("Discounts as a share of list value"))
            ax.set_title(_("Customers"), loc="left", fontsize=7.5, color=charts.MUTED)
            fig.legend(loc="outside upper right", ncols=3, handlelength=1, columnspacing=1.2)
        return fig

    def headline(self) -> str:
        """How much of spend the deal seekers bring, and how much of list value they save beside the full-price customers."""
        groups = self.groups().set_index("deal_group")
        seekers, full = groups.loc[SEEKERS], groups.loc[FULL_PRICE]
        if not seekers["customers"]:
            return _("No customer stands out as a deal seeker: most have the same discount share")
        words = {
            "customers": language.percent(seekers["share_of_customers"]),
            "spend": language.percent(seekers["share_of_spend"]),
            "seekers": language.percent(seekers["discount_share"]),
            "full": language.percent(full["discount_share"]),
        }
        if full["customers"]:
            return _(
                "Deal seekers, {customers} of customers, bring {spend} of spend at a discount of {seekers} of list value; "
                "full-price customers get {full}"
            ).format(**words)
        return _(
            "Deal seekers, {customers} of customers, bring {spend} of spend at a discount of {seekers} of list value"
        ).format(**words)

    def groups_headline(self) -> str:
        """What a customer of each outer group spends."""
        each = self.groups().set_index("deal_group")["spend_per_customer"]
        if each[[SEEKERS, FULL_PRICE]].isna().any():
            return _("The deal groups and what they spend")
        return _("Deal seekers spend {seekers} per customer, full-price customers {full}").format(
            seekers=language.money(each[SEEKERS]), full=language.money(each[FULL_PRICE])
        )

    def note(self) -> str:
        """The rule, the base and what the measure also reflects."""
        parts = [
            _(
                "Customers are ranked by discounts as a share of list value (amount plus discounts), equal shares at the "
                "same rank: the upper third are deal seekers, the lower third and everybody without a discount are full "
                "price, the others mixed. Base: {n} customers."
            ).format(n=language.number(len(self.table))),
            _(
                "Discounts on the shelf apply to everybody who qualifies, so the share also reflects what is bought: "
                "some goods are on offer more often."
            ),
        ]
        if self.unpriced:
            parts.append(_("{n} customers without a positive list value are left out.").format(n=language.number(self.unpriced)))
        if self.anonymous:
            parts.append(_("{n} orders without a customer are left out.").format(n=language.number(self.anonymous)))
        return " ".join(parts)

    def finding(self) -> Finding:
        """How much of spend is bought by deal seekers."""
        groups = self.groups().set_index("deal_group")
        share = float(groups.loc[SEEKERS, "share_of_spend"])
        total = _ratio(self.table["discounts"].sum(), self.table["list_value"].sum())
        warnings = [_("This is association, not cause: it does not say what these customers would buy without the discount.")]
        if len(self.table) < FEW:
            warnings.append(
                _("Only {n} customers: a third of them is too few to act on.").format(n=language.number(len(self.table)))
            )
        if self.table["orders"].median() < FEW_ORDERS:
            warnings.append(
                _("Half the customers have fewer than {n} orders: one order can decide their group.").format(
                    n=language.number(FEW_ORDERS)
                )
            )
        return Finding(
            key="needs.deal_seekers_share_of_spend",
            value=share,
            unit="share",
            display=language.percent(share),
            text=language.sentence(self.headline()),
            evidence=_(
                "{n} customers with {spend} of spend from {first} to {last}; in all, discounts are {share} of list value."
            ).format(
                n=language.number(len(self.table)),
                spend=language.money(self.table["spend"].sum()),
                first=language.day(self.first_day),
                last=language.day(self.last_day),
                share=language.percent(total),
            ),
            so_what=_(
                "Send offers to deal seekers first; test on a group chosen by chance whether the others buy as much without."
            ),
            confidence="low" if len(self.table) < FEW else "medium",
            warnings=tuple(warnings),
            assumptions=(
                _("List value is the order amount plus the company's discounts; a manufacturer's coupon is part of the amount."),
                _("Deal groups are thirds by discount share: they compare customers of this base, not of a market."),
            ),
        )


@needs("orders.customer_id", "orders.discount_amount", answers=_ANSWERS)
def deal_sensitivity(tables: Tables) -> DealSensitivity | NotAvailable:
    """Discount share of list value by customer, and three groups by it: deal seekers, mixed, full price.

    List value = order amount + discounts granted by the company; a manufacturer's coupon is part of the amount. Customers are
    ranked by discount share with average ranks for ties; (rank - 1/2) / n above 2/3 is a deal seeker, up to 1/3 or no discount
    at all is full price. Orders without a customer and customers without a positive list value are left out and counted. The
    groups describe; they are no price elasticity (see `price_elasticity`).

    Source: Blattberg and Neslin (1990), Sales Promotion, on deal proneness measured by the share of purchases on deal.
    """
    orders = tables.orders
    theirs = orders.filter(orders.customer_id.notnull())
    sums = {
        "orders": theirs.order_id.nunique(),
        "spend": theirs.order_amount.sum().cast("float64"),
        "discounts": theirs.discount_amount.sum().cast("float64"),
        "discounted_orders": theirs.order_id.nunique(where=theirs.discount_amount > 0),
    }
    if "coupon_amount" in orders.columns:
        sums["coupons"] = theirs.coupon_amount.sum().cast("float64")
        sums["coupon_orders"] = theirs.order_id.nunique(where=theirs.coupon_amount > 0)
    table = frame(theirs.group_by("customer_id").aggregate(**sums), by=["customer_id"])
    if not tables.missing("order_lines.line_discount", "order_lines.customer_id"):
        lines = tables.order_lines.filter(tables.order_lines.customer_id.notnull())
        discounted = (lines.line_discount > 0).sum()
        counts = frame(
            lines.group_by("customer_id").aggregate(lines=lines.count(), discounted_lines=discounted), by=["customer_id"]
        )
        table = table.merge(counts, on="customer_id", how="left")
    table = table.fillna(dict.fromkeys(("spend", "discounts", "coupons", "lines", "discounted_lines"), 0))
    table["list_value"] = (table["spend"] + table["discounts"]).round(2)
    priced = table[table["list_value"] > 0].reset_index(drop=True)
    if len(priced) < len(GROUPS) or priced["spend"].sum() <= 0:
        reason = _("fewer than {n} customers have a positive list value, or they spend nothing.").format(
            n=language.number(len(GROUPS))
        )
        return NotAvailable((), _(_ANSWERS), reason=reason)
    for share, (part, whole) in SHARES.items():
        if part in priced.columns:
            # Rounded, so that shares that are equal in decimals are equal here too.
            priced[share] = (priced[part] / priced[whole].where(priced[whole] > 0)).round(9)
    priced["deal_group"] = _deal_groups(priced["discount_share"])
    anonymous = int(orders.filter(orders.customer_id.isnull()).count().to_pandas())
    return DealSensitivity(priced, len(table) - len(priced), anonymous, tables.first_day, tables.last_day)


def _deal_groups(shares: pd.Series) -> np.ndarray:
    place = (shares.rank(method="average") - 0.5) / len(shares)
    return np.select([(shares <= 0) | (place <= 1 / 3), place > 2 / 3], [FULL_PRICE, SEEKERS], MIXED)


@needs("orders.order_amount", answers=_ELASTICITY)
def price_elasticity(tables: Tables) -> NotAvailable:
    """Always refused: a slope of quantity on the prices seen in orders is no elasticity.

    Those prices move with seasons, offers and stock, and so does demand.

    Source: Bijmolt, van Heerde and Pieters (2005), on the bias of elasticities when prices are endogenous.
    """
    return NotAvailable(
        (),
        _(_ELASTICITY),
        reason=_(
            "prices in the data were not varied by chance; they move with seasons, offers and stock. "
            "A price test with a control group is needed."
        ),
    )


@dataclass(frozen=True)
class PrivateLabel:
    """Private-label share of spend by customer, beside the discount share.

    ``table``: customer_id, deal_group, discount_share, branded_spend (spend on products of known brand), private_label_share
    (of it). ``correlation``: Spearman's rank correlation of the two shares, ``low`` and ``high`` its 95 % interval (NaN where
    there is none). ``left_out``: customers of the deal groups without positive spend on products of known brand.
    """

    table: pd.DataFrame
    correlation: float
    low: float
    high: float
    left_out: int

    def groups(self) -> pd.DataFrame:
        """Private-label share by deal group: pooled, and the quartiles over customers."""
        rows = []
        for name in GROUPS:
            part = self.table[self.table["deal_group"] == name]
            shares = part["private_label_share"]
            rows.append(
                {
                    "deal_group": name,
                    "customers": len(part),
                    "branded_spend": part["branded_spend"].sum(),
                    "private_label_share": _ratio((shares * part["branded_spend"]).sum(), part["branded_spend"].sum()),
                    "private_label_q1": shares.quantile(0.25),
                    "private_label_median": shares.median(),
                    "private_label_q3": shares.quantile(0.75),
                }
            )
        return pd.DataFrame(rows)

    def headline(self) -> str:
        """Whether customers who buy on discount also buy private label."""
        words = {"r": language.number(self.correlation, 2)}
        if self.low > 0:
            return _("Customers who buy more on discount also buy more private label (rank correlation {r})").format(**words)
        if self.high < 0:
            return _("Customers who buy more on discount buy less private label (rank correlation {r})").format(**words)
        return _("Buying on discount and buying private label do not clearly go together")

    def note(self) -> str:
        """Definition and base."""
        out = _(
            "Private-label share: spend on the retailer's own brands divided by spend on products of known brand. "
            "Base: {n} customers."
        ).format(n=language.number(len(self.table)))
        if self.left_out:
            out += " " + _("{n} customers without such spend are left out.").format(n=language.number(self.left_out))
        return out

    def finding(self) -> Finding:
        """The link between discounts and private label, with its interval."""
        share = _ratio((self.table["private_label_share"] * self.table["branded_spend"]).sum(), self.table["branded_spend"].sum())
        apart = self.high < 0
        return Finding(
            key="needs.private_label_share",
            value=share,
            unit="share",
            display=language.percent(share),
            text=language.sentence(self.headline()),
            evidence=_(
                "Private label is {share} of spend on known brands; rank correlation with the discount share {r} "
                "(95% interval {low} to {high}) over {n} customers."
            ).format(
                share=language.percent(share),
                r=language.number(self.correlation, 2),
                low=language.number(self.low, 2),
                high=language.number(self.high, 2),
                n=language.number(len(self.table)),
            ),
            so_what=_("Treat low price by offer and low price by own brand as two needs: reach them with different messages.")
            if apart
            else _("Look at both shares before choosing whom to send an offer and whom to show the own brand."),
            confidence="medium" if len(self.table) >= FEW else "low",
            warnings=(_("This is association, not cause."),),
            assumptions=(_("Spearman's rank correlation with the interval of Bonett and Wright (2000)."),),
        )


@needs("order_lines.product_id", "products.brand", answers=_PRIVATE_LABEL)
def private_label(tables: Tables, deals: DealSensitivity, *, brand: str = PRIVATE_LABEL) -> PrivateLabel | NotAvailable:
    """Private-label share of spend by customer of *deals*.

    *brand* is the value of ``products.brand`` that marks the retailer's own. Spend on products of unknown brand is in neither
    part of the share. Customers without positive spend on known brands are left out and counted.

    Source: Ailawadi, Neslin and Gedenk (2001), on deal buyers and private-label buyers as different needs; Bonett and Wright
    (2000) for the interval.
    """
    products = tables.products.select(product="product_id", brand="brand")
    lines = tables.order_lines.filter(tables.order_lines.customer_id.notnull())
    branded = lines.inner_join(products.filter(products.brand.notnull()), lines.product_id == products.product)
    spend = frame(
        branded.group_by("customer_id").aggregate(
            branded_spend=branded.line_amount.sum().cast("float64"),
            own=ibis.coalesce(branded.line_amount.sum(where=branded.brand == brand).cast("float64"), 0.0),
            carried=(branded.brand == brand).sum(),
        ),
        by=["customer_id"],
    )
    if not spend["carried"].sum():
        reason = _("no product that was sold has the brand “{brand}”, which would mark private label.").format(brand=brand)
        return NotAvailable((), _(_PRIVATE_LABEL), reason=reason)
    table = deals.deal_groups().merge(spend[spend["branded_spend"] > 0], on="customer_id", how="inner")
    table["private_label_share"] = table.pop("own") / table["branded_spend"]
    if len(table) < 2:
        return NotAvailable((), _(_PRIVATE_LABEL), reason=_("fewer than two customers have spend on products of known brand."))
    r, low, high = _rank_correlation(table["discount_share"], table["private_label_share"])
    return PrivateLabel(table.drop(columns="carried"), r, low, high, len(deals.table) - len(table))


def _rank_correlation(x: pd.Series, y: pd.Series) -> tuple[float, float, float]:
    """Spearman's correlation with its 95 % interval; NaN where a variable does not vary, no interval below five customers."""
    if x.nunique() < 2 or y.nunique() < 2:
        return math.nan, math.nan, math.nan
    r = float(np.corrcoef(x.rank(), y.rank())[0, 1])
    if len(x) < 5:
        return r, math.nan, math.nan
    if abs(r) >= 1:
        return r, r, r
    reach = 1.959964 * math.sqrt((1 + r**2 / 2) / (len(x) - 3))
    return r, math.tanh(math.atanh(r) - reach), math.tanh(math.atanh(r) + reach)


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else math.nan
