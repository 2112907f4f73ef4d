"""The dealers: what each sells, who delivers outside of their own region, and with whom to launch a product."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import holm, wilson
from fivestep.language import N_, _
from fivestep.strategy.channels import (
    ALPHA,
    ChannelMargins,
    RegionCoverage,
    channel_margins,
    dealer_ids,
    gross_margins,
    home_regions,
    region_coverage,
    sold_by_region,
    year_and_before,
)

ANSWERS = N_("what each dealer sells, whether goods leave its region, and with whom to launch a product")
APART = 0.05  # points above the other dealers from which deliveries elsewhere matter
DIVERTS, STAYS, UNKNOWN = N_("Delivers elsewhere"), N_("Keeps to its region"), N_("Not known")
READY, REVIEW, WAIT = N_("Launch with"), N_("Clear up first"), N_("Develop first")
# Standards of a dealer: met by who is not below the median dealer.
STANDARDS = {
    "spend": N_("sales"),
    "dealer_change": N_("growth"),
    "dealer_months": N_("months with an order"),
    "dealer_products": N_("products bought"),
    "dealer_margin": N_("margin"),
    "dealer_paid": N_("paid in time"),
}
FEWEST = 3  # dealers that make a median, and standards that make a score
ENOUGH = 2 / 3  # of the standards known


@dataclass(frozen=True)
class Dealers:
    """The scorecard of the dealers with an order in the last 365 days.

    ``table``: one row per dealer, most spend first: customer_id, home_region, spend, dealer_change, dealer_months (calendar
    months with an order), dealer_products, dealer_margin, dealer_paid (orders paid by their day, of those due), orders,
    dealer_away (orders delivered from a store of another region, of those whose region is known) with dealer_away_low and
    dealer_away_high, away_region (where most of them go), diversion_verdict, standards_met, standards_known, launch_verdict.
    What is not known is missing. ``usual``: dealer_away of all dealers together who are not flagged.
    """

    table: pd.DataFrame
    usual: float
    first_day: dt.date
    as_of: dt.date

    @property
    def flagged(self) -> pd.DataFrame:
        """Dealers whose deliveries to other regions are beyond chance."""
        return self.table[self.table["diversion_verdict"] == DIVERTS]

    def chart(self) -> Figure | NotAvailable:
        """The share of each dealer's orders that goes to another region; the dashed line is that of dealers not flagged."""
        known = self.table[self.table["dealer_away"].notna()].sort_values(["dealer_away", "customer_id"], ascending=[False, True])
        if known.empty:
            return NotAvailable(("orders.store", "customers.region"), _("which dealers deliver outside of their region"))
        known = known.head(20)
        return charts.intervals(
            [self._name(row) for row in known.itertuples()],
            known["dealer_away"],
            known["dealer_away_low"],
            known["dealer_away_high"],
            write=language.percent,
            reference=self.usual,
        )

    @staticmethod
    def _name(row) -> str:
        region = language.value("customers.region", row.home_region)
        return _("{dealer} ({region})").format(dealer=row.customer_id, region=region)

    def headline(self) -> str:
        """Which dealers deliver elsewhere."""
        flagged = self.flagged
        if not self.table["dealer_away"].notna().any():
            return _("Nothing tells where the goods of the dealers go")
        if flagged.empty:
            return _("No dealer delivers outside of its region more than chance explains ({n} looked at)").format(
                n=language.number(len(self.table))
            )
        first = flagged.sort_values(["dealer_away", "customer_id"], ascending=[False, True]).iloc[0]
        return language.ngettext(
            "{n} of {all} dealers delivers outside of its region: {dealer} sends {share} of its orders to {region}",
            "{n} of {all} dealers deliver outside of their region, most {dealer}: {share} of its orders, mainly to {region}",
            len(flagged),
        ).format(
            n=language.number(len(flagged)),
            all=language.number(len(self.table)),
            dealer=first["customer_id"],
            share=language.percent(first["dealer_away"]),
            region=language.value("customers.region", first["away_region"]),
        )

    def note(self) -> str:
        """How a dealer is flagged, and what that does not prove."""
        return _(
            "{first} to {last}. Elsewhere: orders delivered from a store of another region than the dealer's; a store belongs to "
            "the region from whose customers most of its orders come. Flagged: {points} points or more above the dealers not "
            "flagged, chance under 5 % (exact binomial test against all other dealers, Holm). A flag is a question, no proof: a "
            "store can have helped out, or a dealer may serve two regions by contract."
        ).format(first=language.day(self.first_day), last=language.day(self.as_of), points=language.number(APART * 100))

    def scorecard(self) -> pd.DataFrame:
        """The scorecard as the reader sees it; columns without any value are left out."""
        shown = self.table.drop(columns=["dealer_away_low", "dealer_away_high", "orders", "standards_known"])
        # Who delivers nowhere else has no such region, which is not the same as one that is unknown.
        places = [None if language.absent(r) else language.value("customers.region", r) for r in shown["away_region"]]
        return shown.assign(away_region=pd.Series(places, index=shown.index, dtype=object)).dropna(axis=1, how="all")

    def launch_headline(self) -> str:
        """With how many dealers to launch a product."""
        if self.table["launch_verdict"].isna().all():
            return _("Too little is known of the dealers to say with whom to launch a product")
        counts = self.table["launch_verdict"].value_counts()
        return _(
            "{ready} of {n} dealers meet the standards for a launch; {review} must clear up deliveries elsewhere first"
        ).format(
            ready=language.number(int(counts.get(READY, 0))),
            review=language.number(int(counts.get(REVIEW, 0))),
            n=language.number(len(self.table)),
        )

    def launch_note(self) -> str:
        """The standards, and from how many of them a dealer is ready."""
        used = [_(name) for column, name in STANDARDS.items() if self.table[column].notna().any()]
        return _(
            "Standards: {standards}; met by who is not below the median dealer. Launch with: {enough} of the known standards or "
            "more and not flagged for deliveries elsewhere. Growth: spend against the 365 days before. People decide: storage, "
            "staff and service of a dealer are not in the data."
        ).format(standards=language.listing(used), enough=language.percent(ENOUGH))

    def finding(self) -> Finding:
        """Whether goods are diverted."""
        flagged = self.flagged
        known = self.table["dealer_away"].notna()
        return Finding(
            key="strategy.dealers_delivering_elsewhere",
            value=float(len(flagged)) if known.any() else float("nan"),
            unit="count",
            display=language.number(len(flagged)) if known.any() else language.MISSING,
            text=language.sentence(self.headline()),
            evidence=_("Dealers not flagged: {usual} of their orders.").format(usual=language.percent(self.usual, 1)),
            so_what=(
                _("Ask the dealer and both stores before anything else; then agree regions, marks on the goods and a penalty.")
                if len(flagged)
                else _("Keep regions and marks on the goods in every contract, and look again at every review.")
            ),
            confidence="medium" if known.any() else "low",
            assumptions=(_("A dealer may sell in the region of its own address only."),),
        )

    def launch_finding(self) -> Finding:
        """With whom to launch."""
        ready = self.table[self.table["launch_verdict"] == READY]
        known = self.table["launch_verdict"].notna().any()
        return Finding(
            key="strategy.dealers_for_launch",
            value=float(len(ready)) if known else float("nan"),
            unit="count",
            display=language.number(len(ready)) if known else language.MISSING,
            text=language.sentence(self.launch_headline()),
            evidence=_("{n} dealers ordered in the last 365 days.").format(n=language.number(len(self.table))),
            so_what=_("Visit those who meet the standards first; agree with the others what must change, and score them again."),
            confidence="medium" if known else "low",
            assumptions=(_("A dealer who sells and pays well today does so with a new product, too."),),
        )


@needs("customers.customer_type", "orders.customer_id", "orders.order_amount", answers=ANSWERS)
def dealers(tables: Tables) -> Dealers | NotAvailable:
    """The scorecard of each dealer over the last 365 days, refunds netted.

    Dealers are customers whose customer_type is one of `channels.DEALERS`. Diversion: exact one-sided binomial test of a dealer's
    share of orders from stores of other regions against that of all other dealers, corrected by Holm (1979).
    """
    start, before = year_and_before(tables)
    ids = dealer_ids(tables)
    since = dt.datetime.combine(start, dt.time())
    orders = tables.orders.filter(tables.orders.customer_id.isin(ids or [""]))
    late = orders.filter(orders.order_date >= since)
    bought = late.order_amount >= 0
    table = frame(
        late.group_by("customer_id").aggregate(
            spend=late.order_amount.sum().cast("float64"),
            orders=bought.sum(),
            dealer_months=late.order_date.truncate("M").nunique(where=bought),
        ),
        by=["customer_id"],
    )
    if table.empty:
        return NotAvailable((), _(ANSWERS), reason=_("no customer of the last 365 days is called a dealer."))
    by_id = table["customer_id"]
    table["home_region"] = None
    if not tables.missing("customers.region"):
        known = tables.customers.distinct(on="customer_id", keep="first").select("customer_id", "region").to_pandas()
        table["home_region"] = by_id.map(known.set_index("customer_id")["region"]).astype(object)
    table["dealer_change"] = np.nan
    if before is not None:
        early = orders.filter((orders.order_date >= dt.datetime.combine(before, dt.time())) & (orders.order_date < since))
        was = frame(early.group_by("customer_id").aggregate(was=early.order_amount.sum().cast("float64")), by=["customer_id"])
        was = by_id.map(was.set_index("customer_id")["was"]).astype(float)
        table["dealer_change"] = table["spend"] / was.where(was > 0) - 1
    table["dealer_products"] = np.nan
    if not tables.missing("order_lines.product_id", "order_lines.customer_id"):
        lines = tables.order_lines.filter((tables.order_lines.order_date >= since) & tables.order_lines.customer_id.isin(ids))
        n = frame(lines.group_by("customer_id").aggregate(n=lines.product_id.nunique()), by=["customer_id"])
        table["dealer_products"] = by_id.map(n.set_index("customer_id")["n"]).astype(float)
    margins = gross_margins(tables, start, "customer_id")
    table["dealer_margin"] = np.nan if margins is None else by_id.map(margins).astype(float)
    table["dealer_paid"] = by_id.map(_paid_in_time(tables, ids, since)).astype(float)
    usual = _away(tables, table, start)
    standards = list(STANDARDS)
    medians = table[standards].median()
    table["standards_known"] = table[standards].notna().sum(axis=1)
    table["standards_met"] = (table[standards] >= medians).sum(axis=1).astype("Int64")
    scored = (len(table) >= FEWEST) & (table["standards_known"] >= FEWEST)
    enough = table["standards_met"] >= (ENOUGH * table["standards_known"]).round(9)
    launch = np.select([table["diversion_verdict"] == DIVERTS, enough], [REVIEW, READY], WAIT)
    table["launch_verdict"] = pd.Series(launch, index=table.index).where(scored, None)
    table["standards_met"] = table["standards_met"].where(scored)
    names = [
        "customer_id", "home_region", *STANDARDS, "orders", "dealer_away", "dealer_away_low", "dealer_away_high", "away_region",
        "diversion_verdict", "standards_met", "standards_known", "launch_verdict",
    ]  # fmt: skip
    table = table.sort_values(["spend", "customer_id"], ascending=[False, True], ignore_index=True)
    return Dealers(table[names], usual, start, tables.as_of)


def _paid_in_time(tables: Tables, ids: list[str], since: dt.datetime) -> pd.Series:
    """Orders paid by the day they were due, of those due by the as-of date; empty where terms or payments are not known."""
    if tables.missing("orders.paid_at", "orders.payment_term"):
        return pd.Series(dtype=float)
    orders = tables.orders.filter(tables.orders.customer_id.isin(ids or [""]) & (tables.orders.order_date >= since))
    rows = orders.filter((orders.order_amount > 0) & orders.payment_term.notnull())
    rows = frame(rows.select("customer_id", "order_date", "paid_at", "payment_term"), by=["customer_id", "order_date"])
    due = pd.to_datetime(rows["order_date"]).dt.normalize() + pd.to_timedelta(rows["payment_term"].astype(float), unit="D")
    rows = rows.assign(in_time=pd.to_datetime(rows["paid_at"]).dt.normalize() <= due)[due <= pd.Timestamp(tables.as_of)]
    return rows.groupby("customer_id")["in_time"].mean()


def _away(tables: Tables, table: pd.DataFrame, start: dt.date) -> float:
    """Add the columns of deliveries elsewhere to *table*; return the share of the dealers who are not flagged."""
    from scipy.stats import binom

    for name in ("dealer_away", "dealer_away_low", "dealer_away_high"):
        table[name] = np.nan
    table["away_region"], table["diversion_verdict"] = None, UNKNOWN
    if tables.missing("orders.store", "customers.region"):
        return np.nan
    homes = home_regions(sold_by_region(tables, start))
    orders = tables.orders.filter(tables.orders.store.notnull() & tables.orders.customer_id.isin(list(table["customer_id"])))
    orders = orders.filter((orders.order_date >= dt.datetime.combine(start, dt.time())) & (orders.order_amount >= 0))
    each = frame(orders.group_by("customer_id", "store").aggregate(n=orders.count()), by=["customer_id", "store"])
    each["to"] = each["store"].map(homes)
    each["own"] = each["customer_id"].map(table.set_index("customer_id")["home_region"])
    each = each[each["to"].notna() & each["own"].notna()]
    if each.empty:
        return np.nan
    gone = each[each["to"] != each["own"]]
    whole = table["customer_id"].map(each.groupby("customer_id")["n"].sum()).fillna(0).astype(int)
    away = table["customer_id"].map(gone.groupby("customer_id")["n"].sum()).fillna(0).astype(int)
    known = whole > 0
    table["dealer_away"] = away / whole.where(known)
    table["dealer_away_low"], table["dealer_away_high"] = wilson(away, whole)
    most = gone.groupby(["customer_id", "to"], as_index=False)["n"].sum()
    most = most.sort_values(["customer_id", "n", "to"], ascending=[True, False, True]).drop_duplicates("customer_id")
    table["away_region"] = table["customer_id"].map(most.set_index("customer_id")["to"]).astype(object)
    table["away_region"] = table["away_region"].where(table["away_region"].notna(), None)
    table.loc[known, "diversion_verdict"] = STAYS
    rest_n, rest = whole.sum() - whole, away.sum() - away
    tested = known & (rest_n > 0)
    if not tested.any():
        return float(away.sum() / whole.sum())
    # One order more on either side, so that a share of zero among the others does not make any delivery proof.
    usual = (rest + 1) / (rest_n + 2)
    chance = holm(pd.Series(binom.sf(away - 1, whole, usual), index=table.index)[tested]).reindex(table.index)
    flagged = tested & (chance < ALPHA) & (table["dealer_away"] - usual >= APART)
    table.loc[flagged, "diversion_verdict"] = DIVERTS
    left = ~flagged
    return float(away[left].sum() / whole[left].sum()) if whole[left].sum() else np.nan


@dataclass(frozen=True)
class Channels:
    """Coverage of the regions, margin of the levels and the dealers, each of which may be `NotAvailable`."""

    regions: RegionCoverage | NotAvailable
    margins: ChannelMargins | NotAvailable
    dealers: Dealers | NotAvailable


def channels(tables: Tables) -> Channels | NotAvailable:
    """Regions, levels and dealers of the channel; one `NotAvailable` where the data tells nothing of any."""
    parts = (region_coverage(tables), channel_margins(tables), dealers(tables))
    if all(isinstance(p, NotAvailable) for p in parts):
        missing = tuple(dict.fromkeys(m for p in parts for m in p.missing))
        return NotAvailable(missing, _("what regions, levels and dealers of the channel bring"))
    return Channels(*parts)
