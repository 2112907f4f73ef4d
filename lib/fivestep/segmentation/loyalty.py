"""How customers behave and how attached they are: active, potential, lost; loyal, potential, hesitant; an index of five parts."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, ngettext
from fivestep.segmentation.lifecycle import NO_ORDER, Lifecycle
from fivestep.segmentation.purchases import window_start

ANSWERS = N_("which customers are active and loyal, and what their loyalty consists of")
ACTIVE, POTENTIAL, LOST = N_("Active"), N_("Potential"), N_("Lost")
LOYAL, HESITANT, NEITHER = N_("Loyal"), N_("Hesitant"), N_("Neither")
BEHAVIOURS, LOYALTIES = (ACTIVE, POTENTIAL, LOST), (LOYAL, POTENTIAL, HESITANT, NEITHER)
TRUST, CONTACT, SERVICE, SATISFACTION, RENEWAL = (
    N_("Trust"), N_("Contact frequency"), N_("Service effect"), N_("Satisfaction"), N_("Renewal"),
)  # fmt: skip
WEIGHTS = {TRUST: 0.20, CONTACT: 0.15, SERVICE: 0.15, SATISFACTION: 0.20, RENEWAL: 0.30}
LEAST_KNOWN = 0.5  # weight of the parts that must be known for an index
QUARTER, QUARTERS = 91, 4  # days of a quarter; how many of them back renewal looks
DETRACTOR = 6  # likelihood to recommend up to which a customer does not (Reichheld 2003)
SCALES = (5, 7, 9, 10)
FEW = 30
GAP_QUANTILE = 0.9  # of the gaps between two purchases of a category: a longer silence is unusual
CATEGORIES = 15
REPEATS = 30  # gaps that a category needs


@dataclass(frozen=True)
class Loyalty:
    """Behaviour, loyalty and loyalty index of the customers.

    ``table``: one row per customer of the life cycle, by customer_id: behaviour, loyalty, loyalty_index (0 to 1; missing where
    the parts known weigh less than `LEAST_KNOWN`), parts_known, and one column per part of `WEIGHTS`. ``limits``: one row per
    category: category, customers, usual_gap_days (median), inactive_after_days, active, lost; empty without order lines.
    """

    table: pd.DataFrame
    limits: pd.DataFrame
    lapsed_after_days: int
    as_of: dt.date
    warnings: tuple[str, ...]

    @property
    def index(self) -> Loyalty | NotAvailable:
        """This result where any customer has an index, else what is missing for one."""
        if self.table["loyalty_index"].notna().any():
            return self
        reason = _("the parts of the loyalty index that are known weigh under {least} for every customer.")
        return NotAvailable(
            (), _("how loyal customers are, from trust to renewal"), reason=reason.format(least=language.percent(LEAST_KNOWN, 0))
        )

    def groups(self) -> pd.DataFrame:
        """One row per behaviour with the customers of each loyalty group and the mean index."""
        counts = pd.crosstab(self.table["behaviour"], self.table["loyalty"]).reindex(
            index=list(BEHAVIOURS), columns=list(LOYALTIES), fill_value=0
        )
        out = pd.DataFrame({"behaviour": list(BEHAVIOURS), "customers": counts.sum(axis=1).to_numpy()})
        out["share_of_customers"] = out["customers"] / len(self.table)
        for name, column in zip(LOYALTIES, ("loyal", "potential_customers", "hesitant", "neither"), strict=True):
            out[column] = counts[name].to_numpy()
        out["mean_loyalty_index"] = self.table.groupby("behaviour")["loyalty_index"].mean().reindex(BEHAVIOURS).to_numpy()
        return out

    def parts(self) -> pd.DataFrame:
        """One row per part of the index: part, weight, customers for whom it is known, mean."""
        return pd.DataFrame({
            "loyalty_part": list(WEIGHTS),
            "weight": list(WEIGHTS.values()),
            "customers": [int(self.table[p].notna().sum()) for p in WEIGHTS],
            "mean_part": [self.table[p].mean() for p in WEIGHTS],
        })  # fmt: skip

    def headline(self) -> str:
        """How many customers are active, and how many of these are loyal."""
        active = self.table[self.table["behaviour"] == ACTIVE]
        loyal = int((active["loyalty"] == LOYAL).sum())
        return ngettext(
            "{n} customer is active, {loyal} of them loyal; {lost} are lost and {potential} have yet to buy",
            "{n} customers are active, {loyal} of them loyal; {lost} are lost and {potential} have yet to buy",
            len(active),
        ).format(
            n=language.number(len(active)),
            loyal=language.number(loyal),
            lost=language.number((self.table["behaviour"] == LOST).sum()),
            potential=language.number((self.table["behaviour"] == POTENTIAL).sum()),
        )

    def parts_headline(self) -> str:
        """How many customers have an index, and its mean."""
        known = self.table["loyalty_index"].dropna()
        return _("The loyalty index is {mean} on average, known for {share} of customers").format(
            mean=language.number(known.mean(), 2), share=language.percent(len(known) / len(self.table))
        )

    def limits_headline(self) -> str:
        """The category in which silence is longest before it means something."""
        if self.limits.empty:
            return _("No category has been bought often enough to know its rhythm")
        slow = self.limits.sort_values(["inactive_after_days", "category"], ascending=[False, True]).iloc[0]
        return _("A silence is unusual after a different time in each category: latest in {category}, after {days} days").format(
            category=language.value("products.category", slow["category"]), days=language.number(slow["inactive_after_days"])
        )

    def note(self) -> str:
        """The rules."""
        return _(
            "Active: an order in the last {days} days; lost: none for longer; potential: known, without an order. Loyal: "
            "active, an order in every quarter since the first (four at most, two at least) and no detractor where asked; "
            "hesitant: an opportunity open for longer than half of the decided ones took, or a visit to the shop in the last "
            "{days} days without an order in them."
        ).format(days=language.number(self.lapsed_after_days))

    def parts_note(self) -> str:
        """What each part is, and what happens where one is missing."""
        return _(
            "Trust and satisfaction: mean scores of the customer's feedback on their scale. Contact frequency: rank by "
            "contacts in a year. Service effect: share of the customer's cases resolved. Renewal: share of the last four "
            "quarters, since the first order, with one. A missing part gives its weight to the others; with under {least} of "
            "the weight known there is no index."
        ).format(least=language.percent(LEAST_KNOWN, 0))

    def finding(self) -> Finding:
        """How many of the active customers are loyal."""
        active = self.table[self.table["behaviour"] == ACTIVE]
        share = float((active["loyalty"] == LOYAL).mean()) if len(active) else float("nan")
        return Finding(
            key="segmentation.loyal_share_of_active",
            value=share,
            unit="share",
            display=language.percent(share),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Ask the loyal for a recommendation, answer the hesitant first, and win back the lost by value."),
            confidence="low" if len(active) < FEW else "medium" if self.warnings else "high",
            warnings=self.warnings,
            assumptions=(
                _("Weights of the loyalty index: {weights}.").format(
                    weights=language.listing([f"{_(p)} {language.percent(w, 0)}" for p, w in WEIGHTS.items()])
                ),
            ),
        )


@needs("orders.customer_id", "orders.order_date", "orders.order_amount", answers=ANSWERS)
def loyalty(tables: Tables, stages: Lifecycle) -> Loyalty | NotAvailable:
    """Behaviour, loyalty and the five-part loyalty index of the customers of *stages* (the result of `lifecycle`).

    The weights `WEIGHTS` and the rules are ours and printed with the result. Sources of the parts: feedback (trust, satisfaction,
    cases), interactions, orders; a part whose table is absent is missing for everybody.
    """
    table = stages.table[["customer_id", "lifecycle", "recency_days", "tenure_days"]].copy()
    bought = table["lifecycle"] != NO_ORDER
    limit = stages.limits["lapsed"]
    table["behaviour"] = np.select([~bought, table["recency_days"] > limit], [POTENTIAL, LOST], ACTIVE)
    feedback = _feedback(tables).reindex(table["customer_id"])
    for part in (TRUST, SATISFACTION, SERVICE):
        table[part] = feedback[part].to_numpy()
    table[CONTACT] = _contact_rank(tables, table["customer_id"])
    table[RENEWAL], quarters = _renewal(tables, table)
    weights = np.array(list(WEIGHTS.values()))
    parts = table[list(WEIGHTS)].to_numpy(dtype=float)
    known = np.isfinite(parts) @ weights
    index = np.nansum(parts * weights, axis=1) / np.where(known > 0, known, np.nan)
    table["loyalty_index"] = np.where(known >= LEAST_KNOWN - 1e-9, index, np.nan).round(6)
    table["parts_known"] = np.isfinite(parts).sum(axis=1)
    detractor = (feedback["nps"] <= DETRACTOR).to_numpy()
    faithful = (table["behaviour"] == ACTIVE) & (table[RENEWAL] >= 1) & (quarters >= 2) & ~detractor
    undecided = table["customer_id"].isin(_undecided(tables, table, limit))
    table["loyalty"] = np.select([faithful, undecided, ~bought], [LOYAL, HESITANT, POTENTIAL], NEITHER)
    absent = [part for part in WEIGHTS if table[part].isna().all()]
    warned = _("Not in the data, so that the index rests on the other parts: {parts}.")
    return Loyalty(
        table=table[["customer_id", "behaviour", "loyalty", "loyalty_index", "parts_known", *WEIGHTS]],
        limits=_category_limits(tables, limit),
        lapsed_after_days=limit,
        as_of=tables.as_of,
        warnings=(warned.format(parts=language.listing([_(p) for p in absent])),)
        if absent and table["loyalty_index"].notna().any()
        else (),
    )


def _feedback(tables: Tables) -> pd.DataFrame:
    """By customer: trust and satisfaction scaled to 0..1, share of cases resolved, lowest likelihood to recommend."""
    empty = pd.DataFrame(columns=[TRUST, SATISFACTION, SERVICE, "nps"], dtype=float)
    if tables.missing("feedback.customer_id"):
        return empty
    cases = tables.feedback.filter(tables.feedback.customer_id.notnull())
    measured = {"cases": cases.count()}
    for field in ("trust", "satisfaction"):
        if not tables.missing(f"feedback.{field}"):
            measured[field] = cases[field].cast("float64").mean()
            measured[f"{field}_top"] = cases[field].cast("float64").max()
    if not tables.missing("feedback.resolved_at"):
        measured["resolved"] = cases.resolved_at.notnull().sum()
    if not tables.missing("feedback.nps"):
        measured["nps"] = cases.nps.min()
    found = frame(cases.group_by("customer_id").aggregate(**measured), by=["customer_id"]).set_index("customer_id")
    out = empty.reindex(found.index)
    for field, part in (("trust", TRUST), ("satisfaction", SATISFACTION)):
        if field in found and found[field].notna().any():
            top = next((s for s in SCALES if found[f"{field}_top"].max() <= s), found[f"{field}_top"].max())
            out[part] = ((found[field].astype(float) - 1) / (top - 1)).clip(0, 1)
    if "resolved" in found:
        out[SERVICE] = found["resolved"] / found["cases"]
    if "nps" in found:
        out["nps"] = found["nps"].astype(float)
    return out


def _contact_rank(tables: Tables, customers: pd.Series) -> np.ndarray:
    """Share of the customers with fewer contacts in the last year, ties halved; missing without interactions."""
    if tables.missing("interactions.customer_id"):
        return np.full(len(customers), np.nan)
    contacts = tables.interactions.filter(tables.interactions.occurred_at >= window_start(tables, 365))
    counts = frame(contacts.group_by("customer_id").aggregate(n=contacts.count()), by=["customer_id"]).set_index("customer_id")
    n = counts["n"].reindex(customers).fillna(0)
    return ((n.rank(method="average") - 0.5) / len(n)).to_numpy()


def _renewal(tables: Tables, table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Share of the last quarters since the first order with an order, and how many quarters that are."""
    orders = tables.orders.filter(tables.orders.customer_id.notnull(), tables.orders.order_amount >= 0)
    ago = ibis.literal(tables.as_of).delta(orders.order_date.date(), unit="day") // QUARTER
    seen = orders.mutate(ago=ago).filter(lambda t: t.ago < QUARTERS)
    counts = frame(seen.group_by("customer_id").aggregate(n=seen.ago.nunique()), by=["customer_id"]).set_index("customer_id")
    quarters = np.minimum(table["tenure_days"].to_numpy(dtype=float) // QUARTER + 1, QUARTERS)
    n = counts["n"].reindex(table["customer_id"]).fillna(0).to_numpy()
    return n / quarters, quarters


def _undecided(tables: Tables, table: pd.DataFrame, limit: int) -> set[str]:
    """Customers with an opportunity open for longer than half of the decided took, or who visit without ordering."""
    out: set[str] = set()
    if not tables.missing("opportunities.customer_id", "opportunities.closed_at"):
        deals = tables.opportunities.filter(tables.opportunities.customer_id.notnull())
        end = ibis.literal(tables.as_of)
        took = deals.closed_at.date().delta(deals.created_at.date(), unit="day")
        usual = deals.aggregate(days=took.median()).to_pandas()["days"].iloc[0]
        if not language.absent(usual):
            slow = deals.filter(deals.closed_at.isnull(), end.delta(deals.created_at.date(), unit="day") > float(usual))
            out |= set(slow.select("customer_id").distinct().to_pandas()["customer_id"])
    if not tables.missing("events.customer_id"):
        visits = tables.events.filter(tables.events.customer_id.notnull())
        recent = visits.filter(visits.occurred_at >= window_start(tables, limit + 1))
        silent = set(table.loc[~(table["recency_days"] <= limit), "customer_id"])
        out |= set(recent.select("customer_id").distinct().to_pandas()["customer_id"]) & silent
    return out


def _category_limits(tables: Tables, limit: int) -> pd.DataFrame:
    """For the categories with most customers: usual gap, the silence that is unusual, and who is on which side of it."""
    columns = ["category", "customers", "usual_gap_days", "inactive_after_days", "not_silent", "silent_customers"]
    if tables.missing("order_lines.customer_id", "products.category"):
        return pd.DataFrame(columns=columns)
    lines = tables.order_lines.filter(tables.order_lines.customer_id.notnull(), tables.order_lines.line_amount >= 0)
    named = lines.join(tables.products.filter(tables.products.category.notnull()).select("product_id", "category"), "product_id")
    days = named.select("customer_id", "category", day=named.order_date.date()).distinct()
    before = days.day.lag().over(group_by=[days.customer_id, days.category], order_by=days.day)
    gaps = days.mutate(gap=days.day.delta(before, unit="day"))
    usual = gaps.group_by("category").aggregate(
        repeats=gaps.gap.count(), usual_gap_days=gaps.gap.median().cast("float64"),
        inactive_after_days=gaps.gap.quantile(GAP_QUANTILE).cast("float64"),
    )  # fmt: skip
    usual = usual.filter(usual.repeats >= REPEATS)
    last = days.group_by("customer_id", "category").aggregate(last=days.day.max())
    joined = last.join(usual, "category")
    silent = ibis.literal(tables.as_of).delta(joined["last"], unit="day")
    found = frame(
        joined.group_by("category").aggregate(
            customers=joined.count(),
            usual_gap_days=joined.usual_gap_days.max(),
            inactive_after_days=joined.inactive_after_days.max(),
            not_silent=(silent <= joined.inactive_after_days).sum(),
            silent_customers=(silent > joined.inactive_after_days).sum(),
        ),
        by=["category"],
    )
    return found.sort_values(["customers", "category"], ascending=[False, True]).head(CATEGORIES)[columns].reset_index(drop=True)
