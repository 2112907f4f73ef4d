"""The lists that people work from: whom to keep, whose contract ends, whom to win back, welcome, sell to and leave alone."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _
from fivestep.strategy.channels import place_name
from fivestep.strategy.keep_list import KeepList, most_used_stores
from fivestep.strategy.next_best_category import SIMILAR, NextBestCategory
from fivestep.strategy.plan import Plan
from fivestep.strategy.playbook import NO_PLAY, UNKNOWN

ANSWERS = N_("who should be contacted by whom, why, and with which offer")
LISTS = KEEP, CONTRACT, WIN_BACK, ONBOARD, CROSS_SELL, DROP = (
    N_("Keep"), N_("Contract ends"), N_("Win back"), N_("Welcome new customers"), N_("Sell a further category"),
    N_("Drop for now"),
)  # fmt: skip
STATES = CONTACT, REFUSED, BUSY, CONTROL, REST = (
    N_("To contact"), N_("Opted out"), N_("Contacted often lately"), N_("Control group"), N_("Not contacted"),
)  # fmt: skip
CONTRACT_DAYS = 90  # a contract that ends within so many days is on the list
LOAD_DAYS, LOAD_MOST = 28, 4  # who was contacted so often in so many days is left in peace
KNOWN_WELL, KNOWN = 10, 4  # orders from which a customer's habits are known well, and somewhat
SURE = {KNOWN_WELL: N_("High"), KNOWN: N_("Medium"), 0: N_("Low")}


@dataclass(frozen=True)
class ActionLists:
    """Every customer on one list at most, the first in the order of `LISTS` that they belong to.

    ``table``: one row per customer on a list, by list and then most spend at stake first: customer_id, action_list, list_state
    (to contact, or why not), play, value_tier, lifecycle, orders, first_order, last_order (missing without one), contract_end,
    next_best_category, churn_risk (missing where not known), spend_at_stake, list_confidence, hand_to (who is in charge: the
    sales representative, else the store with most orders, else the region; missing where nobody is; ``hand_field`` says which).
    ``unlisted``: customers on no list. ``loads``: whether the data tells how often customers were contacted.
    """

    table: pd.DataFrame
    plan: Plan
    unlisted: int
    loads: bool
    recommender: str
    good_credit: tuple[str, ...]
    contracts: bool

    def summary(self) -> pd.DataFrame:
        """One row per list: customers, those to contact, those left out and why, spend at stake of all of them."""
        t = self.table
        counts = (
            t.groupby(["action_list", "list_state"])
            .size()
            .unstack(fill_value=0)
            .reindex(index=LISTS, columns=STATES, fill_value=0)
        )
        stake = t.groupby("action_list")["spend_at_stake"].sum().reindex(LISTS, fill_value=0.0)
        return pd.DataFrame({
            "action_list": list(LISTS),
            "customers": counts.sum(axis=1).to_numpy(),
            "listed_to_contact": counts[CONTACT].to_numpy(),
            "listed_opted_out": counts[REFUSED].to_numpy(),
            "listed_busy": counts[BUSY].to_numpy(),
            "listed_control": counts[CONTROL].to_numpy(),
            "spend_at_stake": stake.round(2).to_numpy(),
        })  # fmt: skip

    def branches(self) -> pd.DataFrame | NotAvailable:
        """One row per person or branch in charge, most customers first: hand_to, customers to contact, spend at stake."""
        listed = self._to_contact()
        if not listed["hand_to"].notna().any():
            return NotAvailable(
                ("customers.owner", "orders.store", "customers.region"), _("which branch or person gets how many customers")
            )
        grouped = listed.assign(hand_to=self._in_charge(listed)).groupby("hand_to")
        out = grouped.agg(listed_to_contact=("customer_id", "size"), spend_at_stake=("spend_at_stake", "sum")).reset_index()
        return out.sort_values(["listed_to_contact", "hand_to"], ascending=[False, True], ignore_index=True)

    def _to_contact(self) -> pd.DataFrame:
        return self.table[self.table["list_state"] == CONTACT]

    @staticmethod
    def _in_charge(listed: pd.DataFrame) -> list[str]:
        """Who is in charge, as the reader sees it."""
        return [
            _("Nobody in charge") if pd.isna(who) else place_name(field, who)
            for who, field in zip(listed["hand_to"], listed["hand_field"], strict=True)
        ]

    def contacts(self) -> pd.DataFrame:
        """The lists to work from, without opt-outs, the often contacted and the control group; "Drop for now" comes last.

        Columns: hand_to, action_list, customer_id, list_reason, offer, service_level, next_best_category, churn_risk,
        list_confidence, spend_at_stake; those without any value are left out.
        """
        listed = self.table[self.table["list_state"].isin([CONTACT, REST])].reset_index(drop=True)
        plays = self.plan.plays
        out = pd.DataFrame({
            "hand_to": self._in_charge(listed),
            "action_list": listed["action_list"],
            "customer_id": listed["customer_id"],
            "list_reason": [self._reason(row) for row in listed.itertuples()],
            "offer": [plays[p].offer or None if plays.get(p) else None for p in listed["play"]],
            "service_level": [plays[p].service_level or None if plays.get(p) else None for p in listed["play"]],
            "next_best_category": listed["next_best_category"],
            "churn_risk": listed["churn_risk"],
            "list_confidence": listed["list_confidence"],
            "spend_at_stake": listed["spend_at_stake"],
        })  # fmt: skip
        keep = ("action_list", "customer_id", "list_reason", "list_confidence", "spend_at_stake")
        shown = [c for c in out if c in keep or out[c].notna().any()]
        return out[shown] if listed["hand_to"].notna().any() else out[[c for c in shown if c != "hand_to"]]

    def assignments(self) -> pd.DataFrame:
        """One row per customer on a list, for later use: customer_id, action_list, to_contact."""
        listed = self.table[["customer_id", "action_list"]].assign(to_contact=self.table["list_state"] == CONTACT)
        return listed.sort_values("customer_id", ignore_index=True)

    def control(self) -> pd.DataFrame:
        """Who is left without contact by chance, so that the effect of the lists can be measured: customer_id, action_list."""
        return self.table.loc[self.table["list_state"] == CONTROL, ["customer_id", "action_list"]].reset_index(drop=True)

    def _reason(self, row) -> str:
        """Why a customer is on the list, in one sentence."""
        if row.action_list == CONTRACT:
            return _("Contract ends on {day}").format(day=language.day(row.contract_end))
        if row.action_list == CROSS_SELL:
            category = language.value("products.category", row.next_best_category)
            if self.recommender == SIMILAR:
                return _("Does not buy {category} yet, unlike customers with similar purchases").format(category=category)
            return _("Does not buy {category} yet, unlike most customers").format(category=category)
        if row.action_list == DROP:
            return _("In the play “{play}”, which has no contact").format(play=_(row.play))
        if pd.isna(row.last_order):
            return _("Registered, no order yet")
        as_of = pd.Timestamp(self.plan.as_of)
        if row.action_list == ONBOARD:
            days = (as_of - row.first_order).days
            return language.ngettext("New: first order {n} day ago", "New: first order {n} days ago", days).format(
                n=language.number(days)
            )
        days = (as_of - row.last_order).days
        return language.ngettext("{reason}: last order {n} day ago", "{reason}: last order {n} days ago", days).format(
            reason=_(row.why), n=language.number(days)
        )

    # ---------------------------------------------------------------- words
    def headline(self) -> str:
        """How many customers are to be contacted, and how many are left in peace."""
        n = len(self._to_contact())
        return language.ngettext(
            "{n} of {all} customers is on a list to be contacted, {left} more are on one and left out",
            "{n} of {all} customers are on a list to be contacted, {left} more are on one and left out",
            n,
        ).format(
            n=language.number(n),
            all=language.number(len(self.plan.table)),
            left=language.number(int((self.table["action_list"] != DROP).sum()) - n),
        )

    def branches_headline(self) -> str | NotAvailable:
        """Among how many branches the lists are divided."""
        branches = self.branches()
        if isinstance(branches, NotAvailable):
            return branches
        return language.ngettext(
            "The lists are handed to {n} branch or person in charge",
            "The lists are handed to {n} branches or persons in charge",
            len(branches),
        ).format(n=language.number(len(branches)))

    def note(self) -> str:
        """The rules of the lists, and who is left out."""
        book = self.plan.playbook
        out = [
            _(
                "Each customer is on one list at most, the first that applies. Keep: the list of high-value customers at risk. "
                "Win back: lapsing or lapsed. New: first order in the last days, as the life cycle says, or none yet. Drop for "
                "now: in a play without contact; a person decides, and an order ends it."
            )
        ]
        if self.contracts:
            out.append(_("Contract ends: within {days} days of the as-of date.").format(days=language.number(CONTRACT_DAYS)))
            if self.good_credit:
                values = [language.value("customers.credit_status", v) for v in self.good_credit]
                out.append(_("Only with good credit: {values}.").format(values=language.listing(values)))
        out.append(
            _("Contacted often lately: {n} contacts or more in {days} days.").format(
                n=language.number(LOAD_MOST), days=language.number(LOAD_DAYS)
            )
            if self.loads
            else _("The data does not say how often customers were contacted lately.")
        )
        if book.control_share:
            out.append(
                _(
                    "Control group: {share} of customers, drawn by their id and the as-of date, left without contact. Contact "
                    "from these files: the other lists of this chapter hold the control group, too."
                ).format(share=language.percent(book.control_share, 0))
            )
        out.append(
            _("Confidence: high from {high} orders of the customer, medium from {medium}, else low.").format(
                high=language.number(KNOWN_WELL), medium=language.number(KNOWN)
            )
        )
        out.append(
            language.ngettext("{n} customer is on no list.", "{n} customers are on no list.", self.unlisted).format(
                n=language.number(self.unlisted)
            )
        )
        if not self.plan.asked:
            out.append(_("The data does not say who has opted out of marketing: check before anyone is contacted."))
        return " ".join(out)

    def finding(self) -> Finding:
        """How many customers are to be contacted."""
        listed = self._to_contact()
        top = listed["action_list"].value_counts().reindex(LISTS[:-1], fill_value=0)
        counts = [_("{list} {n}").format(list=_(name), n=language.number(n)) for name, n in top.items() if n]
        return Finding(
            key="strategy.customers_to_contact",
            value=float(len(listed)),
            unit="count",
            display=language.number(len(listed)),
            text=language.sentence(self.headline()),
            evidence=language.sentence(language.listing(counts)) if counts else _("No list has a customer to contact."),
            so_what=(
                _("Give each branch its file, note who was contacted when, and leave the control group alone until the review.")
                if len(listed)
                else _("Nobody is to be contacted now: make the lists again next month.")
            ),
            confidence="medium",
            assumptions=(self.note(),),
        )


def action_lists(
    tables: Tables,
    plan: Plan | NotAvailable,
    keep: KeepList | NotAvailable,
    recommendations: NextBestCategory | NotAvailable | None = None,
    risks: pd.DataFrame | NotAvailable | None = None,
    *,
    good_credit: Sequence[str] = (),
) -> ActionLists | NotAvailable:
    """One list for each customer whom the plan, the keep list, a contract or a recommendation gives a reason for.

    *risks*: customer_id and churn_risk. *good_credit*: values of customers.credit_status that count as good; where given, only
    customers with one of them are on the list of ending contracts. Only outbound contacts count as contacts, where the data says
    which are; a customer who is on no contact list can still be in the control group of none.
    """
    named = recommendations if isinstance(recommendations, NextBestCategory) else None
    return _action_lists(tables, plan, keep, named, risks if isinstance(risks, pd.DataFrame) else None, tuple(good_credit))


@needs("orders.customer_id", "orders.order_amount", answers=ANSWERS)
def _action_lists(
    tables: Tables,
    plan: Plan,
    keep: KeepList,
    named: NextBestCategory | None,
    risks: pd.DataFrame | None,
    good_credit: tuple[str, ...],
) -> ActionLists:
    table = plan.table.merge(_orders(tables), on="customer_id", how="left")
    table["orders"] = table["orders"].fillna(0).astype(int)
    given = _fields(tables)
    table = table.merge(given, on="customer_id", how="left")
    for more, column in ((None if named is None else named.table, "next_best_category"), (risks, "churn_risk")):
        if more is not None:
            table = table.merge(more[["customer_id", column]], on="customer_id", how="left")
        else:
            table[column] = np.nan if column == "churn_risk" else None
    why = keep.table.set_index("customer_id")["keep_reason"]
    kept = table["customer_id"].isin(why.index)
    table["why"] = table["customer_id"].map(why).where(kept, table["lifecycle"])
    silent = {p.play for p in plan.playbook.plays if not p.contact}
    contact = ~table["play"].isin([*silent, NO_PLAY])
    until = pd.Timestamp(plan.as_of + dt.timedelta(days=CONTRACT_DAYS))
    ends = table["contract_end"].between(pd.Timestamp(plan.as_of), until)
    if good_credit:
        ends &= table["credit_status"].isin(good_credit)
    stage = table["lifecycle"].astype(object).where(table["lifecycle"].notna(), UNKNOWN)
    rules = [
        (KEEP, kept & contact),
        (CONTRACT, ends & ~table["play"].isin(silent)),
        (WIN_BACK, contact & stage.isin(["Lapsing", "Lapsed"])),
        (ONBOARD, contact & stage.isin(["New", "No order yet"])),
        (CROSS_SELL, contact & table["next_best_category"].notna()),
        (DROP, table["play"].isin(silent)),
    ]
    table["action_list"] = np.select([rule for _name, rule in rules], [name for name, _rule in rules], default="")
    loads = _busy(tables)
    states = [
        (REFUSED, table["opted_out"]),
        (BUSY, table["customer_id"].isin(loads if loads is not None else ())),
        (CONTROL, _drawn(table["customer_id"], plan.as_of, plan.playbook.control_share)),
    ]
    reasons = [rule & (table["action_list"] != DROP) for _name, rule in states]
    table["list_state"] = np.select(reasons, [name for name, _rule in states], default=CONTACT)
    table.loc[table["action_list"] == DROP, "list_state"] = REST
    table["list_confidence"] = np.select([table["orders"] >= n for n in SURE], list(SURE.values()), default=SURE[0])
    table["hand_to"], table["hand_field"] = _in_charge(tables, table)
    columns = [
        "customer_id", "action_list", "list_state", "play", "value_tier", "lifecycle", "why", "orders", "first_order",
        "last_order", "contract_end", "next_best_category", "churn_risk", "spend_at_stake", "list_confidence", "hand_to",
        "hand_field",
    ]  # fmt: skip
    listed = table[table["action_list"] != ""].assign(place=table["action_list"].map({n: i for i, n in enumerate(LISTS)}))
    listed = listed.sort_values(["place", "spend_at_stake", "customer_id"], ascending=[True, False, True])
    return ActionLists(
        listed[columns].reset_index(drop=True),
        plan,
        int((table["action_list"] == "").sum()),
        loads is not None,
        named.recommender if named is not None else "",
        good_credit,
        not tables.missing("customers.contract_end"),
    )


def _orders(tables: Tables) -> pd.DataFrame:
    """Orders, and first and last day with one, per customer; returns are no orders."""
    orders = tables.orders.filter(tables.orders.customer_id.notnull() & (tables.orders.order_amount >= 0))
    day = orders.order_date.date()
    out = frame(
        orders.group_by("customer_id").aggregate(orders=orders.count(), first_order=day.min(), last_order=day.max()),
        by=["customer_id"],
    )
    return out.assign(first_order=pd.to_datetime(out["first_order"]), last_order=pd.to_datetime(out["last_order"]))


def _fields(tables: Tables) -> pd.DataFrame:
    """contract_end, credit_status, owner and region of each customer; empty where the data has no such field."""
    fields = [f for f in ("contract_end", "credit_status", "owner", "region") if not tables.missing(f"customers.{f}")]
    known = tables.customers.filter(tables.customers.customer_id.notnull())
    out = frame(known.select("customer_id", *fields), by=["customer_id"]).drop_duplicates("customer_id")
    for name in ("credit_status", "owner", "region"):
        out[name] = out[name].astype(object) if name in out else None
    out["contract_end"] = pd.to_datetime(out["contract_end"]) if "contract_end" in out else pd.NaT
    return out


def _busy(tables: Tables) -> frozenset[str] | None:
    """Customers with `LOAD_MOST` contacts or more in the last `LOAD_DAYS` days, or None where the data has no contacts."""
    if tables.missing("interactions.customer_id", "interactions.occurred_at"):
        return None
    start = dt.datetime.combine(tables.as_of - dt.timedelta(days=LOAD_DAYS - 1), dt.time())
    made = tables.interactions.filter(tables.interactions.occurred_at >= start)
    if "direction" in made.columns:
        made = made.filter(made.direction.fill_null("outbound") == "outbound")
    counted = made.group_by("customer_id").aggregate(n=made.count())
    return frozenset(counted.filter(counted.n >= LOAD_MOST).to_pandas()["customer_id"].dropna())


def _drawn(ids: pd.Series, as_of: dt.date, share: float) -> np.ndarray:
    """Whether each customer is in the control group: drawn by a hash of id and day, so that another run draws the same."""
    day = as_of.isoformat().encode()
    drawn = [int.from_bytes(hashlib.sha256(day + b"\0" + i.encode()).digest()[:8], "big") for i in ids]
    return np.array(drawn, dtype=np.uint64) / 2**64 < share


def _in_charge(tables: Tables, table: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """The sales representative of each customer, else the store with most orders, else the region; and the field it is of."""
    stores = most_used_stores(tables)
    used = pd.Series(None, index=table.index, dtype=object)
    if stores is not None:
        used = table["customer_id"].map(stores.set_index("customer_id")["most_used_store"]).astype(object)
    who, field = table["owner"].astype(object), pd.Series("customers.owner", index=table.index, dtype=object)
    for other, name in ((used, "orders.store"), (table["region"].astype(object), "customers.region")):
        field = field.where(who.notna(), name)
        who = who.where(who.notna(), other)
    return who.where(who.notna(), None), field
