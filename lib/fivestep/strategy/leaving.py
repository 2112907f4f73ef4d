"""Ending or switching: who looks at how to end the relation, and who still comes but buys part of it elsewhere."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.consent import consent_note, opted_out, refusals
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _

ANSWERS = N_("who is about to end the relation, and who is turning to somebody else")
FLAGS = ENDING, SWITCHING = N_("Ending"), N_("Switching")
LATER_DAYS, EARLIER_DAYS = 91, 182  # whole weeks, so that weekdays weigh the same
LOOK_DAYS = 120  # pages seen so long ago still count
EARLIER_LINES, LATER_LINES = 6, 3  # purchases from which it shows that a category is gone
GONE = 0.15  # share of the earlier purchases that were of categories which are gone
REPEATED = 2  # looks at a comparison of prices that need no further proof that categories are gone by intent
MAIN = 0.05  # share of a customer's purchases from which a category counts
GONE_COLUMNS = ("gone_categories", "gone_share", "gone_chance")
CHANCE, CHANCE_WITH_SIGN = 0.001, 0.05  # of so much being gone by luck, alone and where prices were compared as well
DRAWS, SEED = 999, 5
# What pages and searches are called on which people end a relation, or compare; in the languages of the kit.
CLOSE_WORDS = (
    *("close account", "delete account", "cancel", "terminate", "unsubscribe"),
    *("注销", "註銷", "销户", "銷戶", "解约", "解約", "退订", "退訂"),
)
COMPARE_WORDS = (
    *("compare", "comparison", "competitor", "switch to"),
    *("比价", "比價", "比较", "比較", "对比", "對比", "竞品", "競品"),
)


@dataclass(frozen=True)
class Leaving:
    """Customers with a sign that they are ending the relation or switching.

    ``table``: one row per flagged customer, by flag, then spend, then customer_id: customer_id, leaving_flag, closing_views,
    comparing_views (in the last `LOOK_DAYS` days), gone_categories (raw names, most bought first), gone_share (of the purchases
    of the `EARLIER_DAYS` days before that were of them), gone_chance (of as much being gone by luck), earlier_spend. ``pages``,
    ``categories``: whether the data could show either sign; ``judged``: customers whose categories could be judged.
    """

    table: pd.DataFrame
    pages: bool
    categories: bool
    judged: int
    as_of: dt.date
    refused: frozenset[str] | None

    def counts(self) -> pd.DataFrame:
        """One row per flag: leaving_flag, customers, earlier_spend."""
        grouped = self.table.groupby("leaving_flag")["earlier_spend"].agg(["size", "sum"]).reindex(FLAGS, fill_value=0)
        return pd.DataFrame({
            "leaving_flag": list(FLAGS),
            "customers": grouped["size"].to_numpy(),
            "earlier_spend": grouped["sum"].round(2).to_numpy(),
        })  # fmt: skip

    def contacts(self) -> pd.DataFrame:
        """The flagged customers who may be contacted, with the sign: customer_id, leaving_flag, leaving_sign, earlier_spend."""
        rows = self.table[~self.table["customer_id"].isin(self.refused or ())].reset_index(drop=True)
        out = rows[["customer_id", "leaving_flag"]].copy()
        out["leaving_sign"] = [self._sign(row) for row in rows.itertuples()]
        return out.assign(earlier_spend=rows["earlier_spend"])

    @staticmethod
    def _sign(row) -> str:
        if row.leaving_flag == ENDING:
            return language.ngettext(
                "Looked {n} time at how to end the relation", "Looked {n} times at how to end the relation", row.closing_views
            ).format(n=language.number(row.closing_views))
        names = [language.value("products.category", c) for c in row.gone_categories[:3]]
        said = _("No longer buys {categories}, {share} of earlier purchases").format(
            categories=language.listing(names), share=language.percent(row.gone_share)
        )
        if row.comparing_views:
            return _("{said}; compared prices").format(said=said)
        return said

    def headline(self) -> str:
        """How many show each sign."""
        counts = self.counts().set_index("leaving_flag")["customers"]
        return _("Customers with signs of ending the relation: {ending}; with signs of switching: {switching}").format(
            ending=language.number(counts[ENDING]), switching=language.number(counts[SWITCHING])
        )

    def note(self) -> str:
        """The signs, and what the data cannot show."""
        out = []
        out.append(
            _("Ending: looked in the last {days} days at a page or searched for words such as “close account”.").format(
                days=language.number(LOOK_DAYS)
            )
            if self.pages
            else _("The data has no pages or searches, so that ending does not show.")
        )
        out.append(
            _(
                "Switching: still buys, but nothing in the last {later} days of main categories that made up {gone} or more of "
                "the purchases of the {earlier} days before: more than luck explains, or prices were compared repeatedly. {n} "
                "customers bought enough to be judged."
            ).format(
                later=language.number(LATER_DAYS), earlier=language.number(EARLIER_DAYS), gone=language.percent(GONE, 0),
                n=language.number(self.judged),
            )
            if self.categories
            else _("The data has no lines with categories, so that switching does not show.")
        )  # fmt: skip
        out.append(consent_note(refusals(self.table["customer_id"], self.refused)))
        return " ".join(out)

    def finding(self) -> Finding:
        """How many are flagged, and the spend of before."""
        spend = round(float(self.table["earlier_spend"].sum()), 2)
        return Finding(
            key="strategy.leaving_customers",
            value=float(len(self.table)),
            unit="count",
            display=language.number(len(self.table)),
            text=language.sentence(self.headline()),
            evidence=_("They spent {spend} in the {days} days before the last {later}.").format(
                spend=language.short_money(spend), days=language.number(EARLIER_DAYS), later=language.number(LATER_DAYS)
            ),
            so_what=(
                _("Ask those who are ending what went wrong, and offer those who switch what they no longer buy.")
                if len(self.table)
                else _("Nobody shows a sign now: look again next month.")
            ),
            confidence="medium" if self.pages and self.categories else "low",
            warnings=(_("A sign is no proof: tastes change, and a look at a page may be curiosity."),) if len(self.table) else (),
            assumptions=(self.note(),),
        )


@needs("orders.customer_id", "orders.order_amount", answers=ANSWERS)
def leaving(tables: Tables) -> Leaving | NotAvailable:
    """Customers who look at how to end the relation, and customers who still buy, but no longer what they mostly bought.

    Orders that stop say neither, so that data with orders alone is refused. A customer's main categories (`MAIN`) are compared
    with all ways in which their purchases could have fallen into both periods (`DRAWS` draws without replacement, a permutation
    test). Where prices were compared as well, weaker evidence is enough; where `REPEATED` times, that the categories are gone.
    Returns are no purchases; refused, too: data that spans less than both periods. Source: Fisher (1935), The design of
    experiments, for the test.
    """
    pages = [f for f in ("page", "search_term") if not tables.missing("events.customer_id", "events.occurred_at", f"events.{f}")]
    fields = ("customer_id", "product_id", "order_date", "line_amount")
    categories = not tables.missing(*(f"order_lines.{f}" for f in fields), "products.category")
    start = tables.as_of - dt.timedelta(days=LATER_DAYS + EARLIER_DAYS - 1)
    if not pages and not categories:
        reason = _("orders alone do not tell whether somebody ends the relation or turns to somebody else.")
        return NotAvailable((), _(ANSWERS), reason=reason)
    if tables.first_day > start:
        reason = _("the data spans fewer than {days} days.").format(days=language.number(LATER_DAYS + EARLIER_DAYS))
        return NotAvailable((), _(ANSWERS), reason=reason)
    middle = tables.as_of - dt.timedelta(days=LATER_DAYS - 1)
    orders = tables.orders.filter(tables.orders.customer_id.notnull())
    day = orders.order_date.date()
    spent = frame(
        orders.group_by("customer_id").aggregate(
            earlier_spend=orders.order_amount.sum(where=(day >= start) & (day < middle)).fill_null(0).cast("float64")
        ),
        by=["customer_id"],
    )
    table = spent.merge(_views(tables, pages), on="customer_id", how="left")
    gone, judged = _gone(tables, start, middle) if categories else (pd.DataFrame(columns=["customer_id", *GONE_COLUMNS]), 0)
    table = table.merge(gone, on="customer_id", how="left")
    for name in ("closing_views", "comparing_views"):
        table[name] = table[name].fillna(0).astype(int)
    looks = table["comparing_views"]
    limit = np.select([looks >= REPEATED, looks > 0], [1.0, CHANCE_WITH_SIGN], default=CHANCE)
    switching = table["gone_chance"].astype(float) <= limit
    table["leaving_flag"] = np.select([table["closing_views"] > 0, switching], [ENDING, SWITCHING], default="")
    flagged = table[table["leaving_flag"] != ""].assign(
        place=lambda t: t["leaving_flag"].map({f: i for i, f in enumerate(FLAGS)})
    )
    flagged = flagged.sort_values(["place", "earlier_spend", "customer_id"], ascending=[True, False, True], ignore_index=True)
    columns = ["customer_id", "leaving_flag", "closing_views", "comparing_views", *GONE_COLUMNS, "earlier_spend"]
    return Leaving(flagged[columns], bool(pages), categories, judged, tables.as_of, opted_out(tables))


def _views(tables: Tables, fields: list[str]) -> pd.DataFrame:
    """Views of closing and of comparing pages, and searches for them, by customer."""
    names = ["closing_views", "comparing_views"]
    if not fields:
        return pd.DataFrame(columns=["customer_id", *names])
    since = tables.as_of - dt.timedelta(days=LOOK_DAYS - 1)
    seen = tables.events.filter(tables.events.customer_id.notnull() & (tables.events.occurred_at.date() >= since))
    sums = {}
    for name, words in zip(names, (CLOSE_WORDS, COMPARE_WORDS), strict=True):
        pattern = "|".join(re.escape(w) for w in words)
        hit = None
        for field in fields:
            one = seen[field].lower().re_search(pattern).fill_null(False)
            hit = one if hit is None else hit | one
        sums[name] = hit.sum()
    counted = seen.group_by("customer_id").aggregate(**sums)
    return frame(counted, by=["customer_id"])


def _gone(tables: Tables, start: dt.date, middle: dt.date) -> tuple[pd.DataFrame, int]:
    """Categories that a customer no longer buys, their share of the earlier purchases and the chance of that; and how many
    customers bought enough in both periods to be judged."""
    lines = tables.order_lines.filter(tables.order_lines.customer_id.notnull() & (tables.order_lines.line_amount >= 0))
    lines = lines.join(tables.products.select("product_id", "category"), "product_id")
    day = lines.order_date.date()
    lines = lines.filter(lines.category.notnull() & (day >= start))
    counted = lines.group_by("customer_id", "category").aggregate(
        earlier=(lines.order_date.date() < middle).sum(), later=(lines.order_date.date() >= middle).sum()
    )
    bought = frame(counted, by=["customer_id", "category"])
    totals = bought.groupby("customer_id")[["earlier", "later"]].transform("sum")
    bought = bought[(totals["earlier"] >= EARLIER_LINES) & (totals["later"] >= LATER_LINES)]
    judged = bought["customer_id"].nunique()
    # Of a hundred small categories some always come and go: only what a customer mainly bought counts.
    both = bought["earlier"] + bought["later"]
    bought = bought.assign(main=both >= MAIN * both.groupby(bought["customer_id"]).transform("sum"))
    missing = bought["earlier"].where(bought["main"] & (bought["later"] == 0), 0).groupby(bought["customer_id"]).transform("sum")
    bought = bought[missing >= GONE * totals["earlier"].reindex(bought.index)]
    rng = np.random.default_rng(SEED)
    rows = []
    for customer, mine in bought.groupby("customer_id"):
        earlier, later = mine["earlier"].to_numpy(), mine["later"].to_numpy()
        main = mine["main"].to_numpy()
        missing = main & (later == 0)
        share = earlier[missing].sum() / earlier.sum()
        both = earlier + later
        drawn = rng.multivariate_hypergeometric(both, later.sum(), size=DRAWS, method="marginals")
        lost = ((both - drawn) * (main & (drawn == 0))).sum(axis=1) / earlier.sum()
        names = mine.loc[missing].sort_values(["earlier", "category"], ascending=[False, True])["category"].tolist()
        rows.append((customer, names, float(share), float((1 + (lost >= share - 1e-12).sum()) / (DRAWS + 1))))
    return pd.DataFrame(rows, columns=["customer_id", *GONE_COLUMNS]), judged
