"""Where each customer stands between the first order and the last: new, growing, mature, lapsing, lapsed."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, ngettext
from fivestep.segmentation.purchases import purchases, without_purchase

ANSWERS = N_("which customers are new, growing, mature, lapsing or lapsed")
# Silent for more than this many usual gaps: whoever buys at random times is so with probability exp(-3), one time in twenty.
GAPS = 3
KNOWN = 3  # days with an order that it takes to know a usual gap
ESTABLISHED = 5  # days with an order from which a customer can be mature
# Every day limit follows from the one setting, so that a business with slow customers changes one number.
QUIET, YOUNG, OLD = 1 / 6, 1 / 3, 2.0  # times lapsed_after_days

# The rules are tried in this order: the first that holds gives the stage. Shown in the order of a customer's life.
RULES: dict[str, str] = {
    N_("Lapsed"): N_("Last order longer ago than the lapsed limit"),
    N_("Lapsing"): N_(
        "Silent for longer than the quiet limit and than three of the customer's usual gaps (three order days or more)"
    ),
    N_("New"): N_("One order day so far, or first order no longer ago than the new limit"),
    N_("Growing"): N_("Fewer than five order days, or first order no longer ago than the mature limit"),
    N_("Mature"): N_("All others: five order days or more, first order longer ago than the mature limit"),
}
STAGES = ("New", "Growing", "Mature", "Lapsing", "Lapsed")
LEAVING = ("Lapsing", "Lapsed")
NO_ORDER = N_("No order yet")
NO_ORDER_RULE = N_("In the customer list without an order")
FEW = 30  # below this many customers a share is an anecdote
SLOW = 0.2  # share of customers whose usual gap is too long for the setting, from which a warning says so


@dataclass(frozen=True)
class Lifecycle:
    """Customers by stage.

    ``table``: one row per customer of the base, by customer_id: lifecycle, tenure_days, recency_days, order_days, usual_gap_days
    (mean days between order days; missing with fewer than three), spend (over the whole data). ``limits``: lapsed, quiet, new,
    mature in days. ``first_seen``: customers whose first order lies in the first ``limits["lapsed"]`` days of the data, so that
    they may be older than they look.
    """

    table: pd.DataFrame
    limits: dict[str, int]
    first_seen: int
    first_day: dt.date
    as_of: dt.date
    warnings: tuple[str, ...]

    @property
    def measures(self) -> list[str]:
        """The columns of ``table`` that stages are made of."""
        return ["tenure_days", "recency_days", "order_days", "usual_gap_days"]

    @property
    def buyers(self) -> pd.DataFrame:
        """The rows of customers who have ordered."""
        return self.table[self.table["lifecycle"] != NO_ORDER]

    def stages(self) -> pd.DataFrame:
        """One row per stage in the order of life, customers without an order last where there are any: rule, shares."""
        names = [*STAGES, NO_ORDER] if len(self.buyers) < len(self.table) else list(STAGES)
        grouped = (
            self.table.groupby("lifecycle")
            .agg(n=("customer_id", "size"), recency=("recency_days", "median"), spend=("spend", "sum"))
            .reindex(names)
        )
        customers, spend = grouped["n"].fillna(0).to_numpy(dtype=int), grouped["spend"].fillna(0).to_numpy(dtype=float)
        return pd.DataFrame({
            "lifecycle": names,
            "stage_rule": [RULES.get(name, NO_ORDER_RULE) for name in names],
            "customers": customers,
            "share_of_customers": customers / len(self.table),
            "median_recency": grouped["recency"].to_numpy(dtype=float),
            "spend": spend,
            "share_of_spend": spend / spend.sum() if spend.sum() > 0 else np.nan,
        })  # fmt: skip

    def chart(self) -> Figure:
        """Customers per stage; the stages of leaving carry the accent."""
        shown = self.stages()
        total = len(self.table)
        return charts.bars(
            [_(name) for name in shown["lifecycle"]],
            shown["customers"].to_numpy(),
            write=lambda n: _("{n} ({share})").format(n=language.number(n), share=language.percent(n / total)),
            accent=[name in LEAVING for name in shown["lifecycle"]],
            xlabel=_("Customers"),
        )

    def _leaving(self) -> int:
        return int(self.table["lifecycle"].isin(LEAVING).sum())

    def headline(self) -> str:
        """What share of the customers who have bought is about to leave or gone."""
        n, all_ = self._leaving(), len(self.buyers)
        if n == 0:
            return _("No customer is lapsing or lapsed")
        return ngettext(
            "{n} of {all} customers who have ordered ({share}) is lapsing or lapsed",
            "{n} of {all} customers who have ordered ({share}) are lapsing or lapsed",
            n,
        ).format(n=language.number(n), all=language.number(all_), share=language.percent(n / all_))

    def stages_headline(self) -> str:
        """The stage in which most customers are."""
        counts = self.buyers["lifecycle"].value_counts()
        largest = [name for name in STAGES if counts.get(name, 0) == counts.max()]
        share = language.percent(counts.max() / len(self.buyers))
        if len(largest) > 1:
            return _("The largest stages are {stages}, with {share} each of the customers who have ordered").format(
                stages=language.listing([_(s) for s in largest]), share=share
            )
        return _("The largest stage is {stage}, with {share} of the customers who have ordered").format(
            stage=_(largest[0]), share=share
        )

    def note(self) -> str:
        """Base and limits."""
        limits = _(
            "Limits in days: lapsed {lapsed}, quiet {quiet}, new {new}, mature {mature}. Usual gap: mean days between a "
            "customer's order days."
        ).format(**{name: language.number(days) for name, days in self.limits.items()})
        return f"{self.base()} {limits}"

    def base(self) -> str:
        """Who is counted, and over which period."""
        return ngettext(
            "Base: {n} customer who has ordered by {day}; spend since {first}.",
            "Base: {n} customers who have ordered by {day}; spend since {first}.",
            len(self.buyers),
        ).format(n=language.number(len(self.buyers)), day=language.day(self.as_of), first=language.day(self.first_day))

    def finding(self) -> Finding:
        """How many customers are leaving, and what they have spent."""
        n, all_ = self._leaving(), len(self.buyers)
        lapsing = int((self.table["lifecycle"] == "Lapsing").sum())
        if lapsing:
            so_what = ngettext(
                "Contact the {n} lapsing customer first: silent for unusually long, but not yet gone.",
                "Contact the {n} lapsing customers first: silent for unusually long, but not yet gone.",
                lapsing,
            ).format(n=language.number(lapsing))
        elif n:
            so_what = _("Decide which lapsed customers are worth winning back; nobody is lapsing just now.")
        else:
            so_what = _("Keep watching: repeat this every month, so that the first who go quiet are seen in time.")
        return Finding(
            key="segmentation.leaving_share_of_customers",
            value=n / all_,
            unit="share",
            display=language.percent(n / all_),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=so_what,
            confidence="low" if all_ < FEW else "medium" if self.warnings else "high",
            warnings=self.warnings,
            assumptions=(
                _(
                    "Lapsed: no order for more than {days} days (lapsed_after_days); the other limits of the lifecycle are "
                    "fractions and multiples of it."
                ).format(days=language.number(self.limits["lapsed"])),
                _(
                    "Lapsing: silent for more than three usual gaps, which a customer who buys at random times is about one "
                    "time in twenty."
                ),
            ),
        )


@needs("orders.customer_id", "orders.order_date", "orders.order_amount", answers=ANSWERS)
def lifecycle(tables: Tables, *, lapsed_after_days: int = 90) -> Lifecycle | NotAvailable:
    """The stage of every customer, by first order, number of order days and silence against the customer's own usual gap.

    Stages partition the customers: the first rule of ``RULES`` that holds decides; who has never ordered is "No order yet".
    *lapsed_after_days* sets all limits: quiet is a sixth of it, new a third, mature twice (rounded up). Returns are no orders;
    orders without a customer are excluded. `NotAvailable` where the data is not longer than *lapsed_after_days*, as nobody could
    have lapsed, or holds no order of a known customer.
    """
    table = purchases(tables).rename(columns={"monetary": "spend"})
    length = (tables.as_of - tables.first_day).days
    if length <= lapsed_after_days or table.empty:
        reason = (
            _("no order belongs to a known customer.")
            if table.empty
            else _("the data goes back {n} days from {day}, and a customer counts as lapsed only after {days}.").format(
                n=language.number(length), day=language.day(tables.as_of), days=language.number(lapsed_after_days)
            )
        )
        return NotAvailable((), _(ANSWERS), reason=reason)
    limits = {"lapsed": lapsed_after_days} | {
        name: math.ceil(times * lapsed_after_days - 1e-9) for name, times in (("quiet", QUIET), ("new", YOUNG), ("mature", OLD))
    }
    silent, tenure, days = (table[c].to_numpy() for c in ("recency_days", "tenure_days", "order_days"))
    gap = np.where(days >= KNOWN, (tenure - silent) / np.maximum(days - 1, 1), np.nan)
    table["usual_gap_days"] = gap
    table["lifecycle"] = np.select(
        [
            silent > limits["lapsed"],
            (silent > limits["quiet"]) & (silent > GAPS * gap),  # a missing gap compares false
            (days == 1) | (tenure <= limits["new"]),
            (days < ESTABLISHED) | (tenure <= limits["mature"]),
        ],
        list(RULES)[:-1],
        default=list(RULES)[-1],
    )
    absent = pd.DataFrame({"customer_id": without_purchase(tables, table), "lifecycle": NO_ORDER})
    everybody = pd.concat([table, absent] if len(absent) else [table]).sort_values("customer_id", ignore_index=True)
    first_seen = length - tenure < lapsed_after_days
    return Lifecycle(
        table=everybody[["customer_id", "lifecycle", "tenure_days", "recency_days", "order_days", "usual_gap_days", "spend"]],
        limits=limits,
        first_seen=int(first_seen.sum()),
        first_day=tables.first_day,
        as_of=tables.as_of,
        warnings=_warnings(table, first_seen, limits),
    )


def _warnings(table: pd.DataFrame, first_seen: np.ndarray, limits: dict[str, int]) -> tuple[str, ...]:
    out = []
    n = len(table)
    if n < FEW:
        out.append(
            ngettext("Only {n} customer: a share says little.", "Only {n} customers: a share says little.", n).format(
                n=language.number(n)
            )
        )
    if first_seen.sum() * 2 >= n:
        out.append(
            _(
                "{share} of customers were first seen in the first {days} days of the data: their first order may be earlier. "
                "Where customers were chosen for being active, few new ones is a result of the choice, not of the business."
            ).format(share=language.percent(first_seen.mean()), days=language.number(limits["lapsed"]))
        )
    unsure = int((first_seen & table["lifecycle"].isin(["New", "Growing"]).to_numpy()).sum())
    if unsure:
        out.append(
            ngettext(
                "{n} customer counted as new or growing was first seen in the first {days} days of the data and may be older.",
                "{n} customers counted as new or growing were first seen in the first {days} days of the data and may be older.",
                unsure,
            ).format(n=language.number(unsure), days=language.number(limits["lapsed"]))
        )
    slow = (table["usual_gap_days"] * GAPS > limits["lapsed"]).mean()
    if slow > SLOW:
        out.append(
            _(
                "{share} of customers usually order so seldom that they lapse without having been lapsing: "
                "three of their usual gaps exceed {days} days. A longer lapsed_after_days fits them better."
            ).format(share=language.percent(slow), days=language.number(limits["lapsed"]))
        )
    return tuple(out)
