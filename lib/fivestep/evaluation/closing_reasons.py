"""Why customers end the relation: what was on record of them before they fell silent, against those who stayed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from fivestep import language
from fivestep.coverage import coverage
from fivestep.engine import Tables, frame, needs
from fivestep.evaluation.purchases import purchases
from fivestep.evaluation.sales_cycle import LOST
from fivestep.evaluation.voice_trend import COMPLAINTS
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import Z
from fivestep.language import N_, _

MOST_PERIODS = 8
LEAST = 5  # customers of a period with the reason on record, below which nothing is said of it
FALSE_DISCOVERY_RATE = 0.05
BANDS = (2, 4, 10)  # orders of a period: customers are compared with others who ordered about as often
COMPLAINED, UNSOLVED, SAID_NO = (
    N_("Complaint: {reason}"),
    N_("A complaint that was not solved in the period"),
    N_("Lost opportunity: {reason}"),
)
ANY = N_("Any of these")
MORE, LESS, SAME = N_("More of them leave"), N_("Fewer of them leave"), N_("No clear difference")
QUESTION = N_("why customers end the relation")


@dataclass(frozen=True)
class ClosingReasons:
    """Customers with an order in one period of ``lapsed_after_days``, and whether they ordered in the next.

    ``table``: one row per reason on record: kind (message), reason (raw; None where the kind says it), customers (customers and
    periods with it), left (of them, without an order in the next period), left_share, other_share (of others of the
    same period with about as many orders), difference with its 95 % interval, reason_verdict; the clearest first, then "any of
    these". ``left`` and ``everybody``: of all customers and periods. ``closed``: customers whose status says that they are
    closed, and how many of them have a reason on record; None where the data has no status.
    """

    table: pd.DataFrame
    left: int
    everybody: int
    closed: tuple[int, int] | None
    lapsed_after_days: int
    periods: int

    def _label(self, kind: str, reason: str | None) -> str:
        field = "opportunities.lost_reason" if kind == SAID_NO else "feedback.cause"
        return _(kind).format(reason=language.value(field, reason)) if "{reason}" in kind else _(kind)

    def shown(self) -> pd.DataFrame:
        """As the reader sees it."""
        t = self.table
        out = t.drop(columns=["kind", "reason"]).rename(
            columns={"customers": "reason_customers", "other_share": "others_left", "difference": "left_difference",
                     "difference_low": "left_low", "difference_high": "left_high"}
        )  # fmt: skip
        out.insert(0, "closing_reason", [self._label(k, r) for k, r in zip(t["kind"], t["reason"], strict=True)])
        return out

    def headline(self) -> str:
        """The reason after which most more customers leave."""
        clear = self.table[(self.table["reason_verdict"] == MORE) & (self.table["kind"] != ANY)]
        if clear.empty:
            return _("No reason on record goes before the loss of customers clearly more often than by chance")
        row = clear.iloc[0]
        return _("After “{reason}” {share} of customers leave, of the others {other}").format(
            reason=self._label(row["kind"], row["reason"]),
            share=language.percent(row["left_share"]),
            other=language.percent(row["other_share"]),
        )

    def table_headline(self) -> str:
        """For how many of those who left anything is on record."""
        row = self.table[self.table["kind"] == ANY].iloc[0]
        said = _("For {share} of the {n} losses a reason is on record ({k})").format(
            share=language.percent(row["left"] / self.left if self.left else float("nan"), 1),
            n=language.number(self.left),
            k=language.number(row["left"]),
        )
        if self.closed is None:
            return said
        return _("{said}; of {n} customers closed by status {k} have one").format(
            said=said, n=language.number(self.closed[0]), k=language.number(self.closed[1])
        )

    def note(self) -> str:
        """Who is compared."""
        return _(
            "Customers with an order in a period of {days} days; left: none in the next. {n} pairs of periods that end on the "
            "as-of date are taken together, each customer counts in each. On record: complaints and lost opportunities of "
            "the earlier "
            "period. Others: customers of the same period with about as many orders (1, 2 to 3, 4 to 9, 10 or more); difference: "
            "Mantel and Haenszel's, 95% interval; verdict: their test, false discovery rate {rate}. Reasons of fewer than "
            "{least} are left out. What goes before a loss need not be its cause; ask those who left."
        ).format(
            days=language.number(self.lapsed_after_days),
            n=language.number(self.periods),
            rate=language.percent(FALSE_DISCOVERY_RATE, 0),
            least=language.number(LEAST),
        )

    def finding(self) -> Finding:
        """The reason that stands out."""
        clear = self.table[(self.table["reason_verdict"] == MORE) & (self.table["kind"] != ANY)]
        row = clear.iloc[0] if len(clear) else self.table.iloc[0]
        share = float(row["left_share"])
        return Finding(
            key="evaluation.share_leaving_after_first_reason",
            value=share,
            unit="share",
            display=language.percent(share) if len(clear) else "",
            text=language.sentence(self.headline()),
            evidence=_("{reason}: {left} of {n} left, {low} to {high} points more than the others.").format(
                reason=self._label(row["kind"], row["reason"]),
                left=language.number(row["left"]),
                n=language.number(row["customers"]),
                low=language.number(100 * row["difference_low"]),
                high=language.number(100 * row["difference_high"]),
            )
            + " "
            + language.sentence(self.table_headline()),
            so_what=_("Mend this first, and call whoever complains of it before the next order fails to come.")
            if len(clear)
            else _("Ask customers who left for their reason and write it down: little of it is on record."),
            confidence="medium" if len(clear) else "low",
            assumptions=(self.note(),),
        )


@needs("orders.customer_id", "orders.order_amount", answers=QUESTION)
def closing_reasons(tables: Tables, *, lapsed_after_days: int = 90) -> ClosingReasons | NotAvailable:
    """Loss after each reason on record, in pairs of adjacent periods of *lapsed_after_days* up to the as-of date.

    The reasons of a pair are those of its earlier period, so that nothing that a loss brought with it counts. Refused without
    causes of complaints or reasons of lost opportunities. Source: Benjamini and Hochberg (1995).
    """
    from scipy.stats import false_discovery_control

    fields = ("feedback.cause", "opportunities.lost_reason")
    if len(absent := tables.missing(*fields)) == len(fields):
        return NotAvailable(absent, _(QUESTION))
    covered, length = coverage(tables), lapsed_after_days
    day = dt.timedelta(days=1)
    count = sum(covered.covers(tables.as_of - (k + 1) * length * day + day, tables.as_of) for k in range(1, MOST_PERIODS + 1))
    if not count:
        return NotAvailable((), _(QUESTION), reason=_("the data does not cover two periods of {n} days.").format(n=length))
    end = ibis.literal(tables.as_of)

    def period(of: ibis.Value) -> ibis.Value:
        return (end.delta(of.date(), unit="day") // length).cast("int64")

    bought = purchases(tables.orders)
    active = bought.group_by("customer_id", period=period(bought.order_date)).aggregate(orders=bought.count())
    base = frame(active.filter(active.period <= count), by=["customer_id", "period"])
    there = set(zip(base["customer_id"], base["period"], strict=True))
    base = base[base["period"] >= 1].reset_index(drop=True)
    if base.empty:
        return NotAvailable((), _(QUESTION), reason=_("no customer ordered in an earlier period."))
    base["left"] = [(c, p - 1) not in there for c, p in zip(base["customer_id"], base["period"], strict=True)]
    base["stratum"] = 10 * base["period"] + np.searchsorted(BANDS, base["orders"], side="right")
    recorded = frame(_reasons(tables, period), by=["kind", "reason", "customer_id", "period"])
    recorded = recorded.merge(base, on=["customer_id", "period"])
    groups = [(k, part[["customer_id", "period"]]) for k, part in recorded.groupby(["kind", "reason"], dropna=False)]
    groups = [(k, part.drop_duplicates()) for k, part in groups]
    groups = [(k, part) for k, part in groups if len(part) >= LEAST]
    if not groups:
        return NotAvailable((), _(QUESTION), reason=_("fewer than {n} customers have a reason on record.").format(n=LEAST))
    left, everybody = int(base["left"].sum()), len(base)
    groups.append(((ANY, None), recorded[["customer_id", "period"]].drop_duplicates()))
    rows = []
    for (kind, reason), part in groups:
        has = pd.MultiIndex.from_frame(base[["customer_id", "period"]]).isin(pd.MultiIndex.from_frame(part))
        gone = int(base.loc[has, "left"].sum())
        rows.append(
            {
                "kind": kind,
                "reason": None if pd.isna(reason) else reason,
                "customers": len(part),
                "left": gone,
                "left_share": gone / len(part) if len(part) else np.nan,
                **stratified(has, base["left"].to_numpy(), base["stratum"].to_numpy()),
            }
        )
    table = pd.DataFrame(rows)
    table["other_share"] = table["left_share"] - table["difference"]
    clear = false_discovery_control(table["chance"], method="bh") <= FALSE_DISCOVERY_RATE
    table["reason_verdict"] = np.select([clear & (table["difference"] > 0), clear], [MORE, LESS], SAME)
    table = table.assign(last=table["kind"] == ANY, place=-table["difference_low"].fillna(-1.0), text=table["reason"].fillna(""))
    table = table.sort_values(["last", "place", "kind", "text"], ignore_index=True)
    columns = ["kind", "reason", "customers", "left", "left_share", "other_share", "difference", "difference_low"]
    table = table[[*columns, "difference_high", "reason_verdict"]]
    return ClosingReasons(table, left, everybody, _closed(tables), length, count)


def stratified(has: np.ndarray, left: np.ndarray, stratum: np.ndarray) -> dict[str, float]:
    """Share of *left* among those who *has* less share among the others of the same *stratum*, with its 95 % interval, and the
    chance of as much under no difference; missing, and 1, where no stratum has both.

    Sources: Mantel and Haenszel (1959); Sato (1989), On the variance estimator for the Mantel-Haenszel risk difference, which
    holds for many small strata too.
    """
    from scipy.stats import chi2

    __, place = np.unique(stratum, return_inverse=True)
    n1, n0 = (np.bincount(place, weights=of).astype(float) for of in (has, ~has))
    a, c = (np.bincount(place, weights=of & left, minlength=len(n1)) for of in (has, ~has))
    both = (n1 > 0) & (n0 > 0)
    if not both.any():
        return {"difference": np.nan, "difference_low": np.nan, "difference_high": np.nan, "chance": 1.0}
    n1, n0, a, c = n1[both], n0[both], a[both], c[both]
    n = n1 + n0
    weight = (n1 * n0 / n).sum()
    difference = float(((a * n0 - c * n1) / n).sum() / weight)
    tilt = ((n1**2 * c - n0**2 * a + n1 * n0 * (n0 - n1) / 2) / n**2).sum()
    variance = (difference * tilt + ((a * (n0 - c) + c * (n1 - a)) / (2 * n)).sum()) / weight**2
    half = Z * float(np.sqrt(max(variance, 0.0)))
    events = a + c
    spread = (n1 * n0 * events * (n - events) / (n**2 * np.maximum(n - 1, 1))).sum()
    chance = float(chi2.sf((a - n1 * events / n).sum() ** 2 / spread, 1)) if spread > 0 else 1.0
    return {"difference": difference, "difference_low": difference - half, "difference_high": difference + half, "chance": chance}


def _reasons(tables: Tables, period) -> ibis.Table:
    """kind, reason, customer_id, period: what is on record of a customer, once per period."""
    nothing, parts = ibis.null("string"), []
    if not tables.missing("feedback.customer_id", "feedback.cause"):
        told = tables.feedback.filter(tables.feedback.customer_id.notnull())
        if "feedback_type" in told.columns:
            told = told.filter(told.feedback_type.strip().lower().isin(COMPLAINTS))
        when = period(told.created_at)
        parts.append(
            told.filter(told.cause.notnull()).select(
                kind=ibis.literal(COMPLAINED), reason="cause", customer_id="customer_id", period=when
            )
        )
        if "resolved_at" in told.columns:
            late = told.resolved_at.isnull() | (period(told.resolved_at) < when)
            parts.append(
                told.filter(late).select(kind=ibis.literal(UNSOLVED), reason=nothing, customer_id="customer_id", period=when)
            )
    if not tables.missing("opportunities.customer_id", "opportunities.lost_reason", "opportunities.closed_at"):
        deals = tables.opportunities
        lost = deals.filter(
            deals.customer_id.notnull(), deals.lost_reason.notnull(), deals.closed_at.date() <= ibis.literal(tables.as_of)
        )
        if "status" in lost.columns:
            lost = lost.filter(lost.status.strip().lower() == LOST)
        parts.append(
            lost.select(
                kind=ibis.literal(SAID_NO), reason="lost_reason", customer_id="customer_id", period=period(lost.closed_at)
            )
        )
    return (ibis.union(*parts) if len(parts) > 1 else parts[0]).distinct()


def _closed(tables: Tables) -> tuple[int, int] | None:
    """Customers closed by status, and how many of them have a complaint with a cause or a lost opportunity with a reason."""
    if tables.missing("customers.customer_status"):
        return None
    people = tables.customers
    gone = people.filter(people.customer_status.strip().lower().isin(CLOSED)).select("customer_id").distinct()
    said = _reasons(tables, lambda of: of.date()).filter(ibis._.kind != UNSOLVED).select("customer_id").distinct()
    return int(gone.count().to_pandas()), int(gone.semi_join(said, "customer_id").count().to_pandas())


CLOSED = (
    "closed",
    "terminated",
    "cancelled",
    "canceled",
    "inactive",
    "churned",
    "已关闭",
    "已關閉",
    "已流失",
    "已终止",
    "已終止",
    "注销",
    "註銷",
)
