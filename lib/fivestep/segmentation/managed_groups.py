"""Groups under management: every group that somebody answers for, with its rule, size, owner, action and day of review."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.errors import UserError
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, ngettext
from fivestep.segmentation.lifecycle import NO_ORDER, Lifecycle
from fivestep.segmentation.loyalty import RENEWAL
from fivestep.segmentation.purchases import purchases
from fivestep.segmentation.relations import COULD, LOSING, MOST_PROFIT
from fivestep.segmentation.value_tiers import TIERS

ANSWERS = N_("which groups of customers are managed, by whom and how")
MAIN, KNOWN, CORE, STAGE, VALUE, NEED = (
    N_("Main groups"), N_("New, existing, paying"), N_("Core lists"), N_("Stages of life"), N_("Value by score"),
    N_("Need groups"),
)  # fmt: skip
NOBODY = N_("to be named")
# Rules of new, existing and paying customers, as engagement.yml names them.
RULES = {"new_within_days": 30, "paying_within_days": 365, "paying_from": 0.01}
USED = ("tiers", "loyalty", "score", "relations", "prospects", "needs")  # results with a row per customer
REVIEW_DAYS = 91
MATCHES = 0.5  # share of the target card's traits from which a customer is a target customer
BRAND = 0.75  # share of a customer's spend on the brand bought most, from which the customer is loyal to it
PROMOTER = 9  # likelihood to recommend from which a customer does (Reichheld 2003)
RICH = 0.6  # potential score from which there is much room
POSITIVE = 0.5  # share of contacts answered from which a prospect is well disposed
OWNED = 0.5  # share of a group's customers whose department in charge must be the same for it to own the group


@dataclass(frozen=True)
class ManagedGroups:
    """The register of groups.

    ``table``: one row per group that the data can form, empty ones included: group_kind, managed_group, group_rule, customers,
    share_of_customers, share_of_spend (missing where there is no spend), group_owner, group_action, group_review. ``members``:
    customer_id and managed_group, one row per membership; groups overlap across kinds. ``rules``: see `RULES`.
    """

    table: pd.DataFrame
    members: pd.DataFrame
    rules: Mapping[str, float]
    customers: int
    window_days: int
    as_of: dt.date

    def size(self, group: str) -> int | None:
        """Customers of a group; None where the data cannot form it."""
        found = self.table.loc[self.table["managed_group"] == group, "customers"]
        return int(found.iloc[0]) if len(found) else None

    def shown(self) -> pd.DataFrame:
        """What a reader needs of ``table``, with owners as the reader knows them; the names say the kind."""
        known = [_(o) if o == NOBODY else language.value("customers.owner_department", o) for o in self.table["group_owner"]]
        columns = ["managed_group", "group_rule", "customers", "share_of_spend", "group_owner", "group_action", "group_review"]
        return self.table.assign(group_owner=known)[columns]

    def headline(self) -> str:
        """How many groups there are and how many have nobody in charge."""
        n, without = len(self.table), int((self.table["group_owner"] == NOBODY).sum())
        if without == 0:
            return _("Each of the {n} groups has an owner, an action and a day of review").format(n=language.number(n))
        return ngettext(
            "{n} groups have a rule, an action and a day of review; {without} of them still needs an owner",
            "{n} groups have a rule, an action and a day of review; {without} of them still need an owner",
            without,
        ).format(n=language.number(n), without=language.number(without))

    def note(self) -> str:
        """Base and where owners come from."""
        return _(
            "Base: {n} customers, those without an order too; spend of the {days} days to {day}. A customer is in several groups "
            "of different kinds. Owner: as named under group_owners in engagement.yml, else the department in charge of half of "
            "the group or more. Review: {review} days after the as-of date. The list of members is exported."
        ).format(
            n=language.number(self.customers), days=language.number(self.window_days), day=language.day(self.as_of),
            review=language.number(REVIEW_DAYS),
        )  # fmt: skip

    def finding(self) -> Finding:
        """How many groups still need an owner."""
        without = int((self.table["group_owner"] == NOBODY).sum())
        return Finding(
            key="segmentation.groups_without_owner",
            value=float(without),
            unit="count",
            display=language.number(without),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Name an owner for each group under group_owners in engagement.yml, the core lists first.")
            if without
            else _("Go through the register with its owners on the day of review."),
            confidence="high",
        )


@needs("orders.customer_id", "orders.order_date", "orders.order_amount", answers=ANSWERS)
def managed_groups(
    tables: Tables,
    stages: Lifecycle,
    made: Mapping[str, object],
    *,
    window_days: int = 365,
    rules: Mapping[str, float] | None = None,
    owners: Mapping[str, str] | None = None,
) -> ManagedGroups | NotAvailable:
    """The register of groups from what was *made* before, by name: tiers, loyalty, score, relations, card, prospects, needs.

    A result that is absent or `NotAvailable` leaves its groups out. *rules*: see `RULES`; *owners*: group (its English name) ->
    who answers for it. Raises UserError for a rule or a group that does not exist.
    """
    limits = group_limits(rules or {})
    base = stages.table[["customer_id", "lifecycle", "tenure_days"]].set_index("customer_id")
    recent = purchases(tables, window_days=window_days).set_index("customer_id")["monetary"].reindex(base.index)
    paid = (
        purchases(tables, window_days=int(limits["paying_within_days"])).set_index("customer_id")["monetary"].reindex(base.index)
    )
    there = {name: made[name] for name in USED if not isinstance(made.get(name), NotAvailable | None)}
    result = {name: found.table.set_index("customer_id").reindex(base.index) for name, found in there.items()}
    rows = [
        *_main_groups(base, made, result),
        *_known_groups(base, paid, limits),
        *_core_lists(tables, base, result),
        *_stage_groups(base, stages),
        *_value_groups(made, result),
        *_need_groups(result),
    ]
    names = [row[1] for row in rows]
    known_owners(owners or {})
    departments = _departments(tables, base.index)
    total = float(recent.sum())
    table = pd.DataFrame({
        "group_kind": [row[0] for row in rows],
        "managed_group": names,
        "group_rule": [row[2] for row in rows],
        "customers": [int(row[4].sum()) for row in rows],
        "share_of_customers": [float(row[4].mean()) for row in rows],
        "share_of_spend": [float(recent[row[4]].sum()) / total if total > 0 else np.nan for row in rows],
        "group_owner": [(owners or {}).get(row[1]) or _owner(departments[row[4]]) for row in rows],
        "group_action": [row[3] for row in rows],
        "group_review": pd.to_datetime([tables.as_of + dt.timedelta(days=REVIEW_DAYS)] * len(rows)),
    })  # fmt: skip
    listed = [pd.DataFrame({"customer_id": base.index[row[4]], "managed_group": row[1]}) for row in rows]
    members = pd.concat(listed, ignore_index=True)
    return ManagedGroups(table, members, limits, len(base), window_days, tables.as_of)


Row = tuple[str, str, str, str, np.ndarray]  # kind, group, rule, action, whether each customer of the base is a member
TARGET, CORE_CUSTOMERS = N_("Target customers"), N_("Core customers")
NEW, EXISTING, PAYING, WITHOUT = N_("New customers"), N_("Existing customers"), N_("Paying customers"), N_("Known, no order yet")
HIGH, LOYAL, LOYAL_UNASKED, GROWING, DISPOSED = (
    N_("High value by spend"), N_("Loyal by all three signs"), N_("Loyal, not asked yet"), N_("Room to grow"),
    N_("Well disposed, not bought yet"),
)  # fmt: skip
STAGE_ACTIONS = {
    "New": N_("Welcome, show the range, ask after the first purchase"),
    "Growing": N_("Offer what goes with what they buy"),
    "Mature": N_("Care: no discount needed, attention at every contact"),
    "Lapsing": N_("Ask what is wrong before they are gone"),
    "Lapsed": N_("Win back by value, once; then let go"),
}
STAGE_NAMES = {
    "New": N_("Stage: new"), "Growing": N_("Stage: growing"), "Mature": N_("Stage: mature"), "Lapsing": N_("Stage: lapsing"),
    "Lapsed": N_("Stage: lapsed"),
}  # fmt: skip
VALUE_NAMES = dict(zip(TIERS, (N_("Score: high"), N_("Score: medium"), N_("Score: low")), strict=True))
NEED_NAMES = {"needs_function": N_("Need: function"), "needs_price": N_("Need: price"), "needs_service": N_("Need: service")}
SUB_NAMES = {
    MOST_PROFIT: N_("Relational: most profit"), COULD: N_("Relational: could become most profitable"),
    LOSING: N_("Relational: losing value"),
}  # fmt: skip
SUB_RULES = {
    MOST_PROFIT: N_("Most orders without a discount, value tier high, neither leaving nor spending less"),
    COULD: N_("Most orders without a discount, value tier medium or low, spend not falling"),
    LOSING: N_("Most orders without a discount, leaving or spend more than halved"),
}
SUB_ACTIONS = {
    MOST_PROFIT: N_("Keep: first choice of people and time"), COULD: N_("Raise their share of what they spend"),
    LOSING: N_("Reduce effort, find out why"),
}  # fmt: skip
NEED_ACTIONS = {
    "needs_function": N_("Show what products do: samples, tasting, new items"), "needs_price": N_("Offers with a limit"),
    "needs_service": N_("Answer first and follow up"),
}  # fmt: skip
VALUE_ACTIONS = dict(
    zip(TIERS, (N_("Named contact, review every month"), N_("Raise frequency"), N_("Serve at low cost")), strict=True)
)


def _every_name() -> list[str]:
    lists = [TARGET, CORE_CUSTOMERS, NEW, EXISTING, PAYING, WITHOUT, HIGH, LOYAL, LOYAL_UNASKED, GROWING, DISPOSED]
    return [*lists, *SUB_NAMES.values(), *STAGE_NAMES.values(), *VALUE_NAMES.values(), *NEED_NAMES.values()]


def known_owners(said: Mapping[str, str]) -> None:
    """Raise `UserError` for an owner of a group that there is not."""
    if unknown := sorted(set(said) - set(_every_name())):
        raise UserError(
            _("engagement.yml: group_owners: {name!r} is no group. Groups are {choices}.").format(
                name=unknown[0], choices=", ".join(_every_name())
            )
        )


def group_limits(said: Mapping[str, float]) -> dict[str, float]:
    """The shipped limits with those that were *said*; `UserError` for a name that is none, or a number not above 0."""
    unknown = sorted(set(said) - set(RULES))
    if unknown:
        raise UserError(
            _("engagement.yml: customer_rules: {name!r} is no rule. Rules are {choices}.").format(
                name=unknown[0], choices=", ".join(RULES)
            )
        )
    whole = {**RULES, **said}
    wrong = next((name for name, value in whole.items() if value <= 0), None)
    if wrong:
        raise UserError(
            _("engagement.yml: customer_rules: {name}: {value} is not above 0.").format(name=wrong, value=whole[wrong])
        )
    return whole


def _main_groups(base: pd.DataFrame, made: Mapping[str, object], result: Mapping[str, pd.DataFrame]) -> list[Row]:
    rows: list[Row] = []
    card = made.get("card")
    if card is not None and not isinstance(card, NotAvailable):
        core = card.core.set_index("customer_id").reindex(base.index)
        rule = _("{share} of the target card's traits or more").format(share=language.percent(MATCHES, 0))
        if len(card.table):  # a trait has one value, so that nobody has all values of the card
            matched = core["match_score"] * len(card.table) / card.table["trait"].nunique()
            rows.append((MAIN, TARGET, rule, N_("Look for more like them"), (matched >= MATCHES - 1e-9).to_numpy()))
        rule = _("Value tier high, not leaving, orders on five days or more")
        rows.append(
            (MAIN, CORE_CUSTOMERS, rule, N_("Know each by name; no change without them"), core["core"].eq(True).to_numpy())
        )
    if "relations" in result:
        kind = result["relations"]["valuable_kind"]
        rows += [(MAIN, name, _(SUB_RULES[k]), SUB_ACTIONS[k], kind.eq(k).to_numpy()) for k, name in SUB_NAMES.items()]
    return rows


def _known_groups(base: pd.DataFrame, paid: pd.Series, limits: Mapping[str, float]) -> list[Row]:
    days, within = int(limits["new_within_days"]), int(limits["paying_within_days"])
    bought = (base["lifecycle"] != NO_ORDER).to_numpy()
    new = bought & (base["tenure_days"] < days).to_numpy()
    pays = (paid >= limits["paying_from"]).to_numpy()
    written = {"days": language.number(days), "within": language.number(within), "sum": language.money(limits["paying_from"], 2)}
    first, before = _("First order in the last {days} days"), _("First order before the last {days} days")
    least = limits["paying_from"] > RULES["paying_from"]
    paying = (
        _("Spend of {sum} or more in the last {within} days, refunds netted")
        if least
        else _("Spend above 0 in the last {within} days, refunds netted")
    )
    return [
        (KNOWN, NEW, first.format(**written), N_("Onboarding"), new),
        (KNOWN, EXISTING, before.format(**written), N_("Next offer by habit"), bought & ~new),
        (KNOWN, PAYING, paying.format(**written), N_("Keep paying easy"), pays),
        (KNOWN, WITHOUT, _("In the customer list without an order"), N_("First offer, by fit"), ~bought),
    ]


def _core_lists(tables: Tables, base: pd.DataFrame, result: Mapping[str, pd.DataFrame]) -> list[Row]:
    rows: list[Row] = []
    if "tiers" in result:
        rule = _("The fewest customers who bring half of spend")
        rows.append((CORE, HIGH, rule, N_("Named contact"), result["tiers"]["value_tier"].eq(TIERS[0]).to_numpy()))
    if "loyalty" in result:
        repeats = (result["loyalty"][RENEWAL] >= 1).to_numpy() & (base["tenure_days"] >= 91).to_numpy()
        share = _brand_share(tables, base.index)
        faithful = repeats & (share >= BRAND) if share is not None else repeats
        asked = _recommends(tables, base.index)
        proven = _("An order in each of the last four quarters, {share} of spend on one brand, recommends ({nps} of 10 or more)")
        open_ = _("An order in each of the last four quarters, {share} of spend on one brand, not asked whether they recommend")
        written = {"share": language.percent(BRAND, 0), "nps": PROMOTER}
        if not np.isnan(asked).all():
            rows.append((CORE, LOYAL, proven.format(**written), N_("Ask for a recommendation"), faithful & (asked >= PROMOTER)))
        rows += [
            (CORE, LOYAL_UNASKED, open_.format(**written), N_("Ask whether they recommend"), faithful & np.isnan(asked)),
        ]
    if "score" in result:
        rule = _("Potential of {limit} of 1 or more, value by the score not high").format(limit=language.number(RICH, 1))
        score = result["score"]
        rows.append((CORE, GROWING, rule, N_("Offer other categories"),
            ((score["potential_score"] >= RICH) & (score["score_tier"] != TIERS[0])).to_numpy()))  # fmt: skip
    if "prospects" in result:
        found = result["prospects"]
        well = (found["lasting_score"] >= 1) | (found["responds_score"] >= POSITIVE)
        rule = _("No order yet; answered half of the contacts or more, agreed on a next one, or has an open opportunity")
        rows.append((CORE, DISPOSED, rule, N_("Make the offer now"), well.to_numpy()))
    return rows


def _stage_groups(base: pd.DataFrame, stages: Lifecycle) -> list[Row]:
    rules = stages.stages().set_index("lifecycle")["stage_rule"]
    return [
        (STAGE, STAGE_NAMES[s], _(rules[s]), action, base["lifecycle"].eq(s).to_numpy()) for s, action in STAGE_ACTIONS.items()
    ]


def _value_groups(made: Mapping[str, object], result: Mapping[str, pd.DataFrame]) -> list[Row]:
    if "score" not in result:
        return []
    low, high = made["score"].cuts
    write = _("Value score from {low} to under {high}")
    ends = dict(zip(TIERS, ((high, 1.0), (low, high), (0.0, low)), strict=True))
    rules = {t: write.format(low=language.number(a, 2), high=language.number(b, 2)) for t, (a, b) in ends.items()}
    rules[TIERS[0]] = _("Value score of {low} or more").format(low=language.number(high, 2))
    rules[TIERS[2]] = _("Value score under {high}").format(high=language.number(low, 2))
    return [
        (VALUE, name, rules[t], VALUE_ACTIONS[t], result["score"]["score_tier"].eq(t).to_numpy())
        for t, name in VALUE_NAMES.items()
    ]


def _need_groups(result: Mapping[str, pd.DataFrame]) -> list[Row]:
    if "needs" not in result:
        return []
    rule = _("Shows a sign of the need, alone or with others")
    return [
        (NEED, name, rule, NEED_ACTIONS[column], result["needs"][column].eq(True).to_numpy())
        for column, name in NEED_NAMES.items()
    ]


def _brand_share(tables: Tables, ids: pd.Index) -> np.ndarray | None:
    """Share of each customer's spend on the brand bought most; None where fewer than two brands are known."""
    if tables.missing("order_lines.customer_id", "order_lines.product_id", "order_lines.line_amount", "products.brand"):
        return None
    lines = tables.order_lines.filter(tables.order_lines.customer_id.notnull())
    named = tables.products.filter(tables.products.brand.notnull()).select("product_id", "brand")
    lines = lines.join(named, "product_id")
    if int(lines.brand.nunique().to_pandas()) < 2:
        return None
    spent = lines.group_by("customer_id", "brand").aggregate(spend=lines.line_amount.sum())
    found = frame(
        spent.group_by("customer_id").aggregate(most=spent.spend.max(), all=spent.spend.sum()), by=["customer_id"]
    ).set_index("customer_id").astype(float)  # fmt: skip
    return (found["most"] / found["all"].where(found["all"] > 0)).reindex(ids).to_numpy(dtype=float)


def _recommends(tables: Tables, ids: pd.Index) -> np.ndarray:
    """Mean likelihood to recommend of who was asked; missing for others."""
    if tables.missing("feedback.customer_id", "feedback.nps"):
        return np.full(len(ids), np.nan)
    asked = tables.feedback.filter(tables.feedback.customer_id.notnull(), tables.feedback.nps.notnull())
    told = frame(asked.group_by("customer_id").aggregate(nps=asked.nps.mean()), by=["customer_id"])
    return told.set_index("customer_id")["nps"].astype(float).reindex(ids).to_numpy(dtype=float)


def _departments(tables: Tables, ids: pd.Index) -> np.ndarray:
    """Department in charge of each customer; missing where nobody is."""
    if tables.missing("customers.owner_department"):
        return np.full(len(ids), None, dtype=object)
    known = frame(tables.customers.select("customer_id", "owner_department"), by=["customer_id", "owner_department"])
    return known.drop_duplicates("customer_id").set_index("customer_id")["owner_department"].reindex(ids).to_numpy(dtype=object)


def _owner(departments: np.ndarray) -> str:
    """The department in charge of half of the group or more, else nobody."""
    counts = pd.Series(departments, dtype=object).value_counts()
    if counts.empty or counts.iloc[0] < OWNED * len(departments):
        return NOBODY
    return min(counts.index[counts == counts.iloc[0]])
