"""Where the market is open: categories that a segment does not buy yet, their growth, and what they would bring."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.coverage import coverage
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _
from fivestep.strategy.campaign_effects import gross_margin
from fivestep.strategy.plan import Plan
from fivestep.strategy.playbook import VALUE_TIERS

ANSWERS = N_("which unmet needs of which segment are worth most")
YEAR, HALF = 365, 182
WON = 0.1  # of the customers without a category who would buy it like their peers, those won within a year: an assumption
FEWEST = 10  # buyers in a segment from which a category is an opportunity there
MOST_GROWTH = 0.5  # growth that is carried on into the next year, at most
SHOWN = 12


@dataclass(frozen=True)
class Opportunities:
    """Segments by categories that they do not buy yet.

    ``table``: one row per value tier and category with `FEWEST` buyers in the tier, most money first: value_tier, category,
    customers_open (who may be contacted and do not buy it), peers_share (share of the tier that buys it), peers_spend (median
    spend of these a year), category_growth (last 182 days against the same days a year before; missing where not covered),
    opportunity_money (of the year ahead). ``margin``: gross margin that the money counts, 1 where none is known.
    """

    table: pd.DataFrame
    margin: float
    margin_known: bool
    as_of: dt.date

    def shown(self) -> pd.DataFrame:
        """The `SHOWN` largest; columns without any value are left out."""
        return self.table.head(SHOWN).dropna(axis=1, how="all")

    def chart(self) -> Figure:
        """Money of the largest opportunities."""
        top = self.table.head(SHOWN)
        words = _("{category} for {tier}")
        labels = [
            words.format(category=language.value("products.category", r.category), tier=_(r.value_tier)) for r in top.itertuples()
        ]
        return charts.bars(labels, top["opportunity_money"], write=language.short_money, accent=[i == 0 for i in range(len(top))])

    def headline(self) -> str:
        """The largest opportunity."""
        first = self.table.iloc[0]
        return language.ngettext(
            "The largest opportunity is {category} for “{tier}”: {n} customer, about {money} within a year",
            "The largest opportunity is {category} for “{tier}”: {n} customers, about {money} within a year",
            int(first.customers_open),
        ).format(
            category=language.value("products.category", first.category), tier=_(first.value_tier),
            n=language.number(first.customers_open), money=language.short_money(first.opportunity_money),
        )  # fmt: skip

    def segments_headline(self) -> str:
        """Which segment has most open."""
        sums = self.table.groupby("value_tier")["opportunity_money"].sum()
        tier = sums[sums == sums.max()].index.min()
        return _("Of all that is open, “{tier}” holds {share}").format(
            tier=_(tier), share=language.percent(sums.max() / sums.sum() if sums.sum() > 0 else np.nan)
        )

    def note(self) -> str:
        """How money is reckoned, and what is assumed."""
        out = [
            _(
                "Money: customers without the category who may be contacted × share of their value tier that buys it × median "
                "spend of these in 365 days × growth of the category (at most {growth} either way) × margin × {won}, the share "
                "won within a year: an assumption. Categories under {few} buyers in a tier are left out."
            ).format(growth=language.percent(MOST_GROWTH), won=language.percent(WON), few=language.number(FEWEST)),
            _("Margin: {margin}.").format(margin=language.percent(self.margin, 1))
            if self.margin_known
            else _("It counts spend, as no margin is known."),
        ]
        if self.table["category_growth"].isna().all():
            out.append(_("The data is too short to tell growth."))
        return " ".join(out)

    def finding(self) -> Finding:
        """What the largest opportunity is worth."""
        first = self.table.iloc[0]
        return Finding(
            key="strategy.largest_opportunity",
            value=float(first.opportunity_money),
            unit="money",
            display=language.short_money(first.opportunity_money),
            text=language.sentence(self.headline()),
            evidence=language.sentence(self.segments_headline()),
            so_what=_("Choose two or three by the opportunity worksheet, offer them to a part drawn by chance, and count again."),
            confidence="low",
            warnings=(_("Customers without a category may not want it: peers who buy it chose to."),),
            assumptions=(
                _("{won} of those who would buy like their peers are won within a year.").format(won=language.percent(WON)),
            ),
        )


def opportunities(tables: Tables, plan: Plan | NotAvailable, *, never: Sequence[str] = ()) -> Opportunities | NotAvailable:
    """Every value tier by category that part of the tier does not buy yet, with what winning them would bring.

    Refunds netted: who returned everything is no buyer. Categories in *never*, and customers without an order, are excluded.
    """
    return _opportunities(tables, plan, tuple(never))


@needs("order_lines.product_id", "order_lines.customer_id", "order_lines.line_amount", "products.category", answers=ANSWERS)
def _opportunities(tables: Tables, plan: Plan, never: tuple[str, ...]) -> Opportunities | NotAvailable:
    start = tables.as_of - dt.timedelta(days=YEAR - 1)
    lines = _by_category(tables, never)
    year = lines.filter(lines.day >= start)
    bought = frame(
        year.filter(year.customer_id.notnull())
        .group_by("customer_id", "category")
        .aggregate(spend=year.amount.sum().cast("float64")),
        by=["customer_id", "category"],
    )
    bought = bought[bought["spend"].round(2) > 0]
    people = plan.table[plan.table["value_tier"].isin(VALUE_TIERS[:3])][["customer_id", "value_tier", "opted_out"]]
    bought = bought.merge(people, on="customer_id")
    if bought.empty:
        return NotAvailable((), _(ANSWERS), reason=_("no segment leaves out a category that enough of it buys."))
    growth = _growth(tables, lines)
    margin = plan.playbook.gross_margin or gross_margin(tables, plan.first_day)
    tiers = people.assign(willing=~people["opted_out"]).groupby("value_tier")["willing"].agg(["size", "sum"])
    table = (
        bought.assign(willing=~bought["opted_out"])
        .groupby(["value_tier", "category"], as_index=False)
        .agg(buyers=("spend", "size"), peers_spend=("spend", "median"), willing=("willing", "sum"))
    )
    table["customers_open"] = table["value_tier"].map(tiers["sum"]) - table["willing"]
    table["peers_share"] = table["buyers"] / table["value_tier"].map(tiers["size"])
    table["category_growth"] = table["category"].map(growth).astype(float)
    table = table[(table["buyers"] >= FEWEST) & (table["customers_open"] > 0)]
    if table.empty:
        return NotAvailable((), _(ANSWERS), reason=_("no segment leaves out a category that enough of it buys."))
    more = table["category_growth"].fillna(0.0).clip(-MOST_GROWTH, MOST_GROWTH)
    worth = table["customers_open"] * table["peers_share"] * table["peers_spend"]
    table["opportunity_money"] = worth * (margin or 1.0) * WON * (1 + more)
    names = ["value_tier", "category", "customers_open", "peers_share", "peers_spend", "category_growth", "opportunity_money"]
    table = table[names]
    table = table.sort_values(["opportunity_money", "category", "value_tier"], ascending=[False, True, True], ignore_index=True)
    return Opportunities(table, margin or 1.0, margin is not None, tables.as_of)


def _by_category(tables: Tables, never: tuple[str, ...]):
    """Lines with a category: customer_id, day, category, amount."""
    products = tables.products.distinct(on="product_id", keep="first").select("product_id", "category")
    lines = tables.order_lines.join(products, "product_id")
    lines = lines.filter(lines.category.notnull() & ~lines.category.isin(never or ("",)))
    return lines.select("customer_id", "category", day=lines.order_date.date(), amount=lines.line_amount)


def _growth(tables: Tables, lines) -> dict[str, float]:
    """Spend of the last half year against the same days a year before, by category; empty where these are not covered."""
    end, before = tables.as_of, tables.as_of - dt.timedelta(days=YEAR)
    if not coverage(tables).covers(before - dt.timedelta(days=HALF - 1), end):
        return {}
    now = lines.day > end - dt.timedelta(days=HALF)
    then = (lines.day > before - dt.timedelta(days=HALF)) & (lines.day <= before)
    sums = lines.group_by("category").aggregate(
        now=lines.amount.sum(where=now).cast("float64"), then=lines.amount.sum(where=then).cast("float64")
    )
    found = frame(sums, by=["category"]).fillna(0.0)
    found = found[found["then"] > 0]
    return dict(zip(found["category"], found["now"] / found["then"] - 1, strict=True))


# ------------------------------------------------------------------------------------------------------------ share of wallet
PEERS = ("household_size", "age_band", "company_size")  # what makes customers spend alike; the known ones are used
ALIKE = 20  # peers who buy a category from whom its wallet is told; else all buyers
QUARTILE = 0.75  # of peers' spend in a category stands for all that a customer spends on it anywhere: an assumption
CLOSED = 0.25  # of the gap to close within a year


@dataclass(frozen=True)
class ShareOfWallet:
    """How much of what customers are likely to spend on what they buy here they spend here.

    ``table``: one row per value tier: value_tier, customers, wallet_spend (in the categories that each buys), wallet (what peers
    who spend much spend on the same), wallet_share, wallet_target, wallet_gain (spend that the target adds). ``peers``: fields of
    customers that make peers.
    """

    table: pd.DataFrame
    peers: tuple[str, ...]
    as_of: dt.date

    def headline(self) -> str:
        """The share of all, and the target."""
        t = self.table
        share = float(t["wallet_spend"].sum() / t["wallet"].sum())
        target = float((t["wallet_spend"] + t["wallet_gain"]).sum() / t["wallet"].sum())
        return _(
            "Held against their peers, customers spend {share} of their budget for these goods here; the target is {target}"
        ).format(share=language.percent(share), target=language.percent(target))

    def note(self) -> str:
        """What the wallet is, by which assumption."""
        who = [_(TRAITS[p]) for p in self.peers]
        return _(
            "What customers spend elsewhere is not in the data. Assumption: on a category that they buy here they spend in all "
            "what the upper quarter of their peers spend here in 365 days (peers: {peers}; all buyers where fewer than {n}). "
            "Target: a quarter of the gap within a year. Ask a few customers where else they buy before it is believed."
        ).format(peers=language.listing(who) if who else _("all customers"), n=language.number(ALIKE))

    def finding(self) -> Finding:
        """What the target is worth."""
        gain = float(self.table["wallet_gain"].sum())
        best = self.table.sort_values("wallet_gain", ascending=False, kind="stable").iloc[0]
        return Finding(
            key="strategy.wallet_gain",
            value=gain,
            unit="money",
            display=language.short_money(gain),
            text=language.sentence(self.headline()),
            evidence=_("It adds {all}, most of it “{tier}”: {money}.").format(
                all=language.short_money(gain), tier=_(best.value_tier), money=language.short_money(best.wallet_gain)
            ),
            so_what=_("Sell more of what they buy already before selling what they never bought, and set the target by tier."),
            confidence="low",
            assumptions=(_("The upper quarter of peers spends all of its budget for a category here."),),
        )


TRAITS = {"household_size": N_("household size"), "age_band": N_("age band"), "company_size": N_("company size")}


@needs("order_lines.product_id", "order_lines.customer_id", "order_lines.line_amount", "products.category",
       answers=N_("how much of their budget customers spend here"))  # fmt: skip
def share_of_wallet(tables: Tables, plan: Plan) -> ShareOfWallet | NotAvailable:
    """Spend of each value tier in the categories that its customers buy, against that of peers who spend much.

    Wallet of a customer in a category: the upper quartile of the yearly spend of peers who buy it, at least the customer's own.
    """
    start = tables.as_of - dt.timedelta(days=YEAR - 1)
    lines = _by_category(tables, ())
    lines = lines.filter((lines.day >= start) & lines.customer_id.notnull())
    bought = frame(
        lines.group_by("customer_id", "category").aggregate(spend=lines.amount.sum().cast("float64")),
        by=["customer_id", "category"],
    )
    bought = bought[bought["spend"].round(2) > 0]
    bought = bought.merge(
        plan.table[plan.table["value_tier"].isin(VALUE_TIERS[:3])][["customer_id", "value_tier"]], on="customer_id"
    )
    if bought.empty:
        return NotAvailable(
            (), _("how much of their budget customers spend here"), reason=_("no customer of a tier bought a category.")
        )
    used = tuple(f for f in PEERS if not tables.missing(f"customers.{f}"))
    who = tables.customers.distinct(on="customer_id", keep="first").select("customer_id", *used)
    who = frame(who, by=["customer_id"]).fillna("")
    bought = bought.merge(who, on="customer_id", how="left")
    keys = ["category", *used]
    alike = bought.groupby(keys)["spend"].transform("size") >= ALIKE
    near = bought.groupby(keys)["spend"].transform("quantile", QUARTILE)
    wallet = near.where(alike, bought.groupby("category")["spend"].transform("quantile", QUARTILE))
    bought["wallet"] = np.maximum(wallet, bought["spend"])
    table = bought.groupby("value_tier").agg(
        customers=("customer_id", "nunique"), wallet_spend=("spend", "sum"), wallet=("wallet", "sum")
    )
    table = table.reindex([t for t in VALUE_TIERS if t in table.index]).reset_index()
    table["wallet_share"] = table["wallet_spend"] / table["wallet"]
    table["wallet_target"] = table["wallet_share"] + CLOSED * (1 - table["wallet_share"])
    table["wallet_gain"] = CLOSED * (table["wallet"] - table["wallet_spend"])
    return ShareOfWallet(table, used, tables.as_of)
