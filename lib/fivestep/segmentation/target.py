"""Core customers, what sets them apart, and which prospects are like them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from fivestep import intervals, language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, ngettext
from fivestep.segmentation.lifecycle import LEAVING, NO_ORDER, Lifecycle
from fivestep.segmentation.value_by import MOST, division_label
from fivestep.segmentation.value_tiers import TIERS, ValueTiers

ANSWERS = N_("who the core customers are, what sets them apart and which prospects are like them")
ANSWERS_PROSPECTS = N_("which prospects to approach first")
TRAITS = (
    "age_band", "gender", "income_band", "occupation", "marital_status", "household_size", "kids_count", "interests",
    "customer_type", "industry", "company_size", "source",
)  # fmt: skip
CORE_DAYS = 5  # days with an order from which a customer of high value is a core customer
LEAST = 30  # core customers, below which a card says little
LISTED = 20
FIT, LASTING, STEADY, RESPONDS, MONEY, CAUTION = (
    N_("Like the core customers"), N_("Looks ahead"), N_("Stays in touch"), N_("Responds"), N_("Financial prospects"),
    N_("No reason for caution"),
)  # fmt: skip
# The six principles of recognising prospects, each 0 to 1: no average customer; interest in the long term; endurance;
# readiness to work together; financial prospects; knowing when to be careful.
PRINCIPLES = {
    FIT: "fit_score", LASTING: "lasting_score", STEADY: "steady_score", RESPONDS: "responds_score", MONEY: "money_score",
    CAUTION: "caution_score",
}  # fmt: skip
RECENT = 90  # days
NO_ANSWER = ("no answer", "unreachable", "未接通", "无应答")
BAD_CREDIT = ("bad", "poor", "blocked", "overdue", "差", "逾期", "黑名单")


@dataclass(frozen=True)
class TargetCard:
    """What sets the core customers apart: high value, not leaving, orders on `CORE_DAYS` days or more.

    ``table``: one row per value of a trait that is more frequent among core customers than among all other buyers (the interval
    of the difference leaves out 0), strongest first: trait, trait_value, core_share, other_share, core_difference_low,
    core_difference_high. ``core``: customer_id, match_score (share of the card's traits that the customer has) of every customer
    of the base, core.
    """

    table: pd.DataFrame
    core: pd.DataFrame
    as_of: dt.date

    @property
    def size(self) -> int:
        return int(self.core["core"].sum())

    def shown(self) -> pd.DataFrame:
        """``table`` with traits and values as the reader knows them."""
        return self.table.assign(
            trait=[division_label(t) for t in self.table["trait"]],
            trait_value=[
                language.value(f"customers.{t}", v) for t, v in zip(self.table["trait"], self.table["trait_value"], strict=True)
            ],
        )

    def headline(self) -> str:
        """How many core customers there are and what sets them apart."""
        if self.table.empty:
            return ngettext(
                "{n} core customer; no trait sets core customers apart from other buyers",
                "{n} core customers; no trait sets them apart from other buyers",
                self.size,
            ).format(n=language.number(self.size))
        first = self.shown().iloc[0]
        return _("{n} core customers; {trait} “{value}” is {core} of them and {other} of other buyers").format(
            n=language.number(self.size), trait=first["trait"], value=first["trait_value"],
            core=language.percent(first["core_share"]), other=language.percent(first["other_share"]),
        )  # fmt: skip

    def note(self) -> str:
        """Definitions."""
        return _(
            "Core customers: value tier high, not lapsing or lapsed, orders on {days} days or more. The target customer has the "
            "traits listed: those more frequent among core customers than among other buyers, where the 95% interval of the "
            "difference leaves out 0 (not corrected for the number of traits tried). Unknown values are left out."
        ).format(days=CORE_DAYS)

    def finding(self) -> Finding:
        """Who the core customers are."""
        return Finding(
            key="segmentation.core_customers",
            value=self.size,
            unit="count",
            display=language.number(self.size),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Look for new customers with these traits.")
            if len(self.table)
            else _(
                "Look for new customers by what they buy: what is known of persons does not tell who becomes a core customer."
            ),
            confidence="medium" if self.size >= LEAST else "low",
            warnings=() if self.size >= LEAST else (_("Few core customers: the card may change with a handful of them."),),
        )


@needs("customers.customer_id", answers=ANSWERS)
def target_card(tables: Tables, tiers: ValueTiers, stages: Lifecycle) -> TargetCard | NotAvailable:
    """Core customers and the traits that set them apart; `NotAvailable` where customers have no traits or none is core.

    Traits are fields of customers with 2 to 30 values; of several values (interests) the first
    counts.
    """
    fields = [f for f in TRAITS if not tables.missing(f"customers.{f}")]
    base = stages.table.merge(tiers.table[["customer_id", "value_tier"]], on="customer_id", how="left")
    bought = base["lifecycle"] != NO_ORDER
    core = (base["value_tier"] == TIERS[0]) & ~base["lifecycle"].isin(LEAVING) & (base["order_days"] >= CORE_DAYS)
    if not fields or not core.any() or core.sum() == bought.sum():
        return NotAvailable((), _(ANSWERS), reason=_("nothing is known of the customers, or no core customers stand out."))
    texts = tables.customers.select("customer_id", **{f: tables.customers[f].cast("string") for f in fields})
    known = frame(texts, by=["customer_id"]).drop_duplicates("customer_id").set_index("customer_id").reindex(base["customer_id"])
    known = known.apply(lambda c: c.str.split(r"[;,、；]", regex=True).str[0].str.strip()).replace("", None)
    rows = []
    for f in fields:
        values = known[f].to_numpy(dtype=object)
        there = pd.notna(values)
        if not 2 <= len(set(values[there])) <= MOST:
            continue
        ours, others = core.to_numpy() & there, (bought & ~core).to_numpy() & there
        for value in sorted(set(values[ours])) if others.any() else []:
            a, b = int((values[ours] == value).sum()), int((values[others] == value).sum())
            low, high = intervals.newcombe(a, int(ours.sum()), b, int(others.sum()))
            if low > 0:
                rows.append((f, value, a / ours.sum(), b / others.sum(), low, high))
    columns = ["trait", "trait_value", "core_share", "other_share", "core_difference_low", "core_difference_high"]
    table = pd.DataFrame(rows, columns=columns).sort_values(
        ["core_difference_low", "trait", "trait_value"], ascending=[False, True, True], ignore_index=True
    )
    has = [(known[t] == v).to_numpy() for t, v in zip(table["trait"], table["trait_value"], strict=True)]
    match = np.mean(has, axis=0) if has else np.full(len(base), np.nan)
    scored = pd.DataFrame({"customer_id": base["customer_id"], "match_score": match, "core": core.to_numpy()})
    return TargetCard(table, scored, tables.as_of)


@dataclass(frozen=True)
class Prospects:
    """Customers known without an order, scored by six principles.

    ``table``: one row per prospect, best first (ties by customer_id): customer_id, prospect_score (mean of the principles known),
    principles_known, and the six scores, each 0 to 1, missing where the data cannot say.
    """

    table: pd.DataFrame
    left_out: int
    as_of: dt.date

    def shown(self) -> pd.DataFrame:
        """The best prospects."""
        return self.table.head(LISTED)

    def headline(self) -> str:
        """How many prospects there are and how many score half or more."""
        good = int((self.table["prospect_score"] >= 0.5).sum())
        return ngettext(
            "{n} prospect has no order yet; {good} of them score half of the points or more",
            "{n} prospects have no order yet; {good} of them score half of the points or more",
            len(self.table),
        ).format(n=language.number(len(self.table)), good=language.number(good))

    def note(self) -> str:
        """What each score is made of."""
        return _(
            "Score: mean of the principles the data can judge. Like the core customers: share of the target card's traits. "
            "Looks ahead: a next contact is agreed or an opportunity open. Stays in touch: share of the last four quarters "
            "with a contact or visit. Responds: share of contacts answered. Financial prospects: rank by the amount of open "
            "opportunities, else by income. No reason for caution: no bad credit and no lost opportunity. {n} who want "
            "no marketing are left out."
        ).format(n=language.number(self.left_out))

    def finding(self) -> Finding:
        """Whom to approach first."""
        return Finding(
            key="segmentation.prospects",
            value=len(self.table),
            unit="count",
            display=language.number(len(self.table)),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Approach the prospects in the order of the list; the score is a checklist, not a probability."),
            confidence="low",
            assumptions=(_("The six principles weigh the same; nobody has tested that the score foretells a purchase."),),
        )


@needs("customers.customer_id", answers=ANSWERS_PROSPECTS)
def prospects(tables: Tables, card: TargetCard, stages: Lifecycle) -> Prospects | NotAvailable:
    """Score the customers of the list who have no order yet by the six principles; `NotAvailable` where there are none.

    Customers who opted out of marketing are left out. Contacts are those of the last year.
    """
    ids = stages.table.loc[stages.table["lifecycle"] == NO_ORDER, "customer_id"]
    out_of_it: set[str] = set()
    if not tables.missing("customers.marketing_opt_out"):
        customers = tables.customers.filter(tables.customers.marketing_opt_out)
        out_of_it = set(customers.select("customer_id").to_pandas()["customer_id"])
    kept = ids[~ids.isin(out_of_it)].reset_index(drop=True)
    if kept.empty:
        return NotAvailable((), _(ANSWERS_PROSPECTS), reason=_("every customer of the list has ordered or wants no marketing."))
    table = pd.DataFrame({"customer_id": kept})
    match = card.core.set_index("customer_id")["match_score"]
    table["fit_score"] = kept.map(match)
    table["lasting_score"], table["money_score"], lost = _deals(tables, kept)
    table["steady_score"], table["responds_score"], ahead = _contacts(tables, kept)
    table["lasting_score"] = np.fmax(table["lasting_score"], ahead)
    table["caution_score"] = 1.0 - np.fmax(lost, _credit(tables, kept))
    scores = table[list(PRINCIPLES.values())]
    table.insert(1, "prospect_score", scores.mean(axis=1).round(6))
    table.insert(2, "principles_known", scores.notna().sum(axis=1))
    table = table.sort_values(["prospect_score", "customer_id"], ascending=[False, True], ignore_index=True)
    return Prospects(
        table[["customer_id", "prospect_score", "principles_known", *PRINCIPLES.values()]], len(ids) - len(kept), tables.as_of
    )


def _deals(tables: Tables, ids: pd.Series) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each prospect: an open opportunity, rank by open amount (else by income), a lost opportunity."""
    nothing = np.full(len(ids), np.nan)
    opened, money, lost = nothing, nothing, nothing
    if not tables.missing("opportunities.customer_id", "opportunities.closed_at", "opportunities.amount"):
        deals = tables.opportunities.filter(tables.opportunities.customer_id.notnull())
        going = deals.closed_at.isnull()
        has_status = "status" in deals.columns
        gone = (deals.status.lower() == "lost").fill_null(False) if has_status else ibis.literal(False)
        found = (
            frame(
                deals.group_by("customer_id").aggregate(
                    open=going.any(), amount=deals.amount.sum(where=going).fill_null(0), lost=gone.any()
                ),
                by=["customer_id"],
            )
            .set_index("customer_id")
            .reindex(ids)
        )
        opened, lost = found["open"].eq(True).to_numpy(dtype=float), found["lost"].eq(True).to_numpy(dtype=float)
        money = _rank(found["amount"].astype(float).where(found["amount"].astype(float) > 0))
    if not tables.missing("customers.income"):
        income = frame(tables.customers.select("customer_id", "income"), by=["customer_id"]).drop_duplicates("customer_id")
        mine = income.set_index("customer_id")["income"].astype(float).reindex(ids)
        money = np.where(np.isnan(money), _rank(mine), money)
    return opened, money, lost


def _rank(values: pd.Series) -> np.ndarray:
    return ((values.rank(method="average") - 0.5) / max(values.notna().sum(), 1)).to_numpy(dtype=float)


def _contacts(tables: Tables, ids: pd.Series) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each prospect: share of the last quarters with a contact or visit, share of contacts answered, next contact agreed."""
    touched, answered, ahead = pd.Series(dtype=float), pd.Series(dtype=float), pd.Series(dtype=float)
    today, known = ibis.literal(tables.as_of), False
    quarters = []
    if not tables.missing("interactions.customer_id"):
        known = True
        contacts = tables.interactions
        contacts = contacts.mutate(ago=today.delta(contacts.occurred_at.date(), unit="day"))
        contacts = contacts.filter(contacts.ago < 4 * RECENT)
        quarters.append(contacts.select("customer_id", q=contacts.ago // RECENT))
        if "result" in contacts.columns:
            said = contacts.filter(contacts.result.notnull()).group_by("customer_id")
            shares = said.aggregate(share=(~ibis._.result.lower().isin(NO_ANSWER)).mean())
            answered = frame(shares, by=["customer_id"]).set_index("customer_id")["share"]
        if "next_contact_at" in contacts.columns:
            later = contacts.next_contact_at.date() > today
            agreed = frame(contacts.group_by("customer_id").aggregate(a=later.any()), by=["customer_id"]).set_index("customer_id")
            ahead = agreed["a"].eq(True).astype(float)
    if not tables.missing("events.customer_id"):
        known = True
        visits = tables.events.filter(tables.events.customer_id.notnull())
        visits = visits.mutate(ago=today.delta(visits.occurred_at.date(), unit="day"))
        quarters.append(visits.filter(visits.ago < 4 * RECENT).select("customer_id", q=visits.ago // RECENT))
    if quarters:
        all_ = quarters[0] if len(quarters) == 1 else quarters[0].union(quarters[1])
        counted = frame(all_.group_by("customer_id").aggregate(n=all_.q.nunique()), by=["customer_id"]).set_index("customer_id")
        touched = counted["n"] / 4
    steady = touched.reindex(ids).fillna(0.0).to_numpy() if known else np.full(len(ids), np.nan)
    return steady, answered.reindex(ids).to_numpy(dtype=float), ahead.reindex(ids).to_numpy(dtype=float)


def _credit(tables: Tables, ids: pd.Series) -> np.ndarray:
    """1 where credit is known to be bad, 0 where it is known and not; missing otherwise."""
    if tables.missing("customers.credit_status"):
        return np.full(len(ids), np.nan)
    credit = frame(tables.customers.select("customer_id", "credit_status"), by=["customer_id"]).drop_duplicates("customer_id")
    mine = credit.set_index("customer_id")["credit_status"].reindex(ids)
    return np.where(mine.isna(), np.nan, mine.str.lower().isin(BAD_CREDIT)).astype(float)
