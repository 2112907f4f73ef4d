"""Value tiers by cumulative spend, and how concentrated spend is."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.charts.theme import style
from fivestep.engine import Tables, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, ngettext
from fivestep.segmentation.purchases import coverage_warning, covered_days, only_returns, purchases, without_purchase

ANSWERS = N_("how much of spend hangs on how few customers")
TIERS = (N_("High value"), N_("Medium value"), N_("Low value"))
NO_ORDER = N_("No order yet")
# The fewest customers who together bring half of spend are high value, the next who bring it to four fifths medium. Cuts on spend
# rather than on headcount, so that a tier holds a known share of the money and does not grow with the number of customers who
# hardly buy.
CUTS = (50, 80)  # percent of spend
FEW = 100  # below this many customers a single one moves the shares
HALF = 60  # days: shorter halves of the window say nothing about who stays on top
NAMED = 0.12  # share of the width that the name of a tier takes
DRAWN = 400  # points of the curve; more would only make the figure larger


@dataclass(frozen=True)
class ValueTiers:
    """Customers in three value tiers by their spend in the window.

    ``table``: one row per customer of the base, by customer_id: monetary, value_tier; customers who have never bought are "No
    order yet" with missing spend. ``gini`` counts negative spend as zero; ``again`` is, of the customers who were high value in
    the earlier half of the window, how many still were in the later half (None where the data does not cover two halves of 60
    days).
    """

    table: pd.DataFrame
    gini: float
    again: tuple[int, int] | None
    window_days: int
    as_of: dt.date
    warnings: tuple[str, ...]

    @property
    def spend(self) -> np.ndarray:
        """Spend of the customers who have bought, largest first."""
        return np.sort(self.table["monetary"].dropna().to_numpy())[::-1]

    def tiers(self) -> pd.DataFrame:
        """One row per tier, high first, then customers without an order where there are any: customers, shares, spend."""
        names = [*TIERS, NO_ORDER] if (self.table["value_tier"] == NO_ORDER).any() else list(TIERS)
        grouped = self.table.groupby("value_tier")["monetary"].agg(["size", "sum", "min", "max"]).reindex(names)
        customers, spend = grouped["size"].fillna(0).to_numpy(dtype=int), grouped["sum"].fillna(0).to_numpy(dtype=float)
        return pd.DataFrame({
            "value_tier": names,
            "customers": customers,
            "share_of_customers": customers / len(self.table),
            "lowest_spend": grouped["min"].to_numpy(dtype=float),
            "highest_spend": grouped["max"].to_numpy(dtype=float),
            "spend": spend,
            "share_of_spend": spend / spend.sum(),
            "spend_per_customer": spend / np.where(customers > 0, customers, np.nan),
        })  # fmt: skip

    def share_of_top(self, share: float) -> tuple[int, float]:
        """The number of customers in the top *share* of those who have bought (at least one), and their share of spend."""
        n = max(1, round(share * len(self.spend)))
        return n, float(self.spend[:n].sum() / self.spend.sum())

    def curve(self) -> Figure:
        """Cumulative share of spend over customers, largest first, tiers marked; negative spend bends it down at its end."""
        spend = self.spend
        x = np.arange(len(spend) + 1) / len(spend)
        y = np.concatenate([[0.0], np.cumsum(spend) / spend.sum()])
        drawn = np.unique(np.linspace(0, len(spend), min(len(spend), DRAWN) + 1).round().astype(int))
        fig, ax = charts.figure(height=3.2)
        with mpl.rc_context(style()):
            ax.plot([0, 1], [0, 1], color=charts.GREYS[2], linewidth=1.0)
            ax.plot(x[drawn], y[drawn], color=charts.ACCENT, linewidth=1.8)
            quiet = {"textcoords": "offset points", "fontsize": 7.5, "color": charts.MUTED}
            ax.annotate(_("Everybody spends the same"), (0.62, 0.62), (4, -12), **quiet)
            place = 0
            for name, n in zip(TIERS, self.tiers()["customers"].head(len(TIERS)), strict=True):
                if n == 0:
                    continue
                middle, place = (2 * place + n) / 2 / len(spend), place + n
                if n >= NAMED * len(spend):
                    ax.annotate(_(name), (middle, 0), (0, 4), ha="center", **quiet)
                if place < len(spend):
                    ax.plot([x[place]] * 2, [0, y[place]], color=charts.GREYS[1], linewidth=0.8, linestyle=(0, (3, 2)))
                    said = _("{customers} of customers: {spend} of spend").format(
                        customers=language.percent(x[place]), spend=language.percent(y[place])
                    )
                    ax.plot(x[place], y[place], "o", color=charts.PRIMARY, markersize=4)
                    beside = {"xytext": (6, -9), "ha": "left"} if x[place] < 0.65 else {"xytext": (-6, 6), "ha": "right"}
                    ax.annotate(said, (x[place], y[place]), textcoords="offset points", fontsize=7.5, **beside)
            ax.set_xlim(0, 1)
            ax.set_ylim(min(0, y.min()), max(1.0, y.max()) * 1.02)
            for axis in (ax.xaxis, ax.yaxis):
                axis.set_major_locator(mpl.ticker.MultipleLocator(0.2))
                axis.set_major_formatter(lambda value, _position: language.percent(value, 0))
            ax.grid(axis="y")
            ax.spines["left"].set_visible(False)
            ax.set_xlabel(_("Share of customers, largest spend first"))
            ax.set_title(_("Cumulative share of spend"), loc="left", fontsize=7.5, color=charts.MUTED)
        return fig

    def headline(self) -> str:
        """How few customers bring half of spend."""
        n = int((self.table["value_tier"] == TIERS[0]).sum())
        share = self.spend[:n].sum() / self.spend.sum()
        return _("{customers} of customers bring {spend} of spend").format(
            customers=language.percent(n / len(self.spend)), spend=language.percent(share)
        )

    def tiers_headline(self) -> str:
        """From which spend a customer is high value."""
        high = self.table.loc[self.table["value_tier"] == TIERS[0], "monetary"]
        return ngettext(
            "{n} customer with {spend} or more in the window is high value",
            "{n} customers with {spend} or more in the window are high value",
            len(high),
        ).format(n=language.number(len(high)), spend=language.money(high.min(), 2))

    def note(self) -> str:
        """Base, rule and what the curve does not say."""
        n, share = self.share_of_top(0.2)
        rule = _(
            "High value: the fewest customers who bring {high}% of spend; medium: the next, up to {medium}%; low: the rest. "
            "Customers with equal spend share a tier; negative spend counts as zero for the cuts."
        ).format(high=CUTS[0], medium=CUTS[1])
        measured = _(
            "The top 20% of customers ({n}) bring {share}; Gini coefficient {gini}. This describes these customers in this "
            "period: part of the difference is chance."
        ).format(n=language.number(n), share=language.percent(share), gini=language.number(self.gini, 2))
        return f"{self.base()} {rule} {measured}"

    def base(self) -> str:
        """Who is counted, and over which period."""
        return _("Base: {n} customers who have ever ordered; spend of the {days} days to {day}.").format(
            n=language.number(len(self.spend)), days=language.number(self.window_days), day=language.day(self.as_of)
        )

    def finding(self) -> Finding:
        """How much of spend hangs on the high-value customers."""
        n = int((self.table["value_tier"] == TIERS[0]).sum())
        evidence = self.note()
        if self.again is not None:
            stayed, were = self.again
            said = ngettext(
                "Of the {were} customer of high value in the first half of the period, {stayed} was so in the second half.",
                "Of the {were} customers of high value in the first half of the period, {stayed} were so in the second half.",
                were,
            ).format(were=language.number(were), stayed=language.number(stayed))
            evidence = f"{evidence} {said}"
        return Finding(
            key="segmentation.high_value_share_of_customers",
            value=n / len(self.spend),
            unit="share",
            display=language.percent(n / len(self.spend)),
            text=language.sentence(self.headline()),
            evidence=evidence,
            so_what=_("Check every month that no high-value customer has gone quiet."),
            confidence="low" if len(self.spend) < FEW else "medium" if self.warnings else "high",
            warnings=self.warnings,
            assumptions=(
                _("Value is spend in the window, not profit: costs to serve are not in it."),
                _("Value tiers are cut at {high}% and {medium}% of cumulative spend.").format(high=CUTS[0], medium=CUTS[1]),
            ),
        )


@needs("orders.customer_id", "orders.order_date", "orders.order_amount", answers=ANSWERS)
def value_tiers(tables: Tables, *, window_days: int = 365) -> ValueTiers | NotAvailable:
    """High, medium and low value by cumulative spend in the last *window_days* days, with the concentration of spend.

    A customer is high value when all who spend strictly more bring less than 50 % of spend, medium below 80 %, else low; so equal
    spend shares a tier. Shares are of positive spend for the cuts and of net spend in the tables; customers of zero or negative
    spend are low value. Orders without a customer are excluded. Fewer than two customers, or no positive spend in total:
    `NotAvailable`.

    Source of the tiers: ABC analysis, Dickie (1951); of curve and coefficient: Lorenz (1905), Gini (1912).
    """
    buyers = purchases(tables, window_days=window_days)
    spend = buyers["monetary"].to_numpy()
    if len(buyers) < 2 or round(spend.sum(), 2) <= 0:
        return NotAvailable((), _(ANSWERS), reason=_reason(tables, spend, window_days))
    absent = without_purchase(tables, buyers)
    table = pd.concat([
        pd.DataFrame({"customer_id": buyers["customer_id"], "monetary": spend, "value_tier": _tier(spend)}),
        pd.DataFrame({"customer_id": absent, "monetary": np.nan, "value_tier": NO_ORDER}),
    ]).sort_values("customer_id", ignore_index=True)  # fmt: skip
    return ValueTiers(
        table=table,
        gini=_gini(spend),
        again=_again(tables, window_days),
        window_days=window_days,
        as_of=tables.as_of,
        warnings=(*_warnings(table, only_returns(tables)), *coverage_warning(tables, window_days)),
    )


def _reason(tables: Tables, spend: np.ndarray, window_days: int) -> str:
    if len(spend) < 2:
        return ngettext(
            "{n} customer has ordered, and a share needs at least two.",
            "{n} customers have ordered, and a share needs at least two.",
            len(spend),
        ).format(n=language.number(len(spend)))
    return _("spend in the {days} days to {day} adds up to {total}, so there is nothing to take shares of.").format(
        days=language.number(window_days), day=language.day(tables.as_of), total=language.money(spend.sum(), 2)
    )


def _cents(spend: np.ndarray) -> np.ndarray:
    return np.rint(np.maximum(spend, 0) * 100).astype(np.int64)  # whole cents: no rounding moves a customer across a cut


def _tier(spend: np.ndarray) -> np.ndarray:
    cents = _cents(spend)
    values, place, counts = np.unique(-cents, return_inverse=True, return_counts=True)
    sums = -values * counts
    above = (np.cumsum(sums) - sums)[place]  # what customers of strictly higher spend bring
    total = sums.sum()
    return np.select([above * 100 < total * CUTS[0], above * 100 < total * CUTS[1]], TIERS[:2], default=TIERS[2])


def _gini(spend: np.ndarray) -> float:
    ordered = np.sort(_cents(spend)).astype(float)
    n = len(ordered)
    return float(2 * (np.arange(1, n + 1) * ordered).sum() / (n * ordered.sum()) - (n + 1) / n)


def _again(tables: Tables, window_days: int) -> tuple[int, int] | None:
    half = covered_days(tables, window_days) // 2
    if half < HALF:
        return None
    later = purchases(tables, window_days=half)
    earlier = purchases(tables.until(tables.as_of - dt.timedelta(days=half)), window_days=half)
    high = [
        set(h["customer_id"][_tier(h["monetary"].to_numpy()) == TIERS[0]]) if h["monetary"].gt(0).any() else set()
        for h in (earlier, later)
    ]
    return (len(high[0] & high[1]), len(high[0])) if high[0] else None


def _warnings(table: pd.DataFrame, returning: int) -> tuple[str, ...]:
    out = []
    buyers = table[table["value_tier"] != NO_ORDER]
    if len(buyers) < FEW:
        out.append(_("Only {n} customers: one of them can move the shares.").format(n=language.number(len(buyers))))
    negative = buyers.loc[buyers["monetary"] < 0, "monetary"]
    if len(negative):
        out.append(
            ngettext(
                "{n} customer has negative spend ({money}): refunds exceed purchases in the window.",
                "{n} customers have negative spend ({money} together): refunds exceed purchases in the window.",
                len(negative),
            ).format(n=language.number(len(negative)), money=language.money(negative.sum(), 2))
        )
    if returning:
        out.append(
            ngettext(
                "{n} customer has only returns and counts as without an order.",
                "{n} customers have only returns and count as without an order.",
                returning,
            ).format(n=language.number(returning))
        )
    if buyers["value_tier"].nunique() == 1:
        out.append(_("All customers fall into one tier: spend does not tell them apart."))
    return tuple(out)
