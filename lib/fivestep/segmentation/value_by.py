"""Rule segments beside the ones that the data suggests: which division of the customers tells more about their value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.contract import TABLES
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, ngettext
from fivestep.segmentation.purchases import purchases

ANSWERS = N_("which division of the customers tells most about their value")
DEMOGRAPHIC, GEOGRAPHIC, PSYCHOGRAPHIC, BEHAVIOURAL, FOUND = (
    N_("Demographic"), N_("Geographic"), N_("Psychographic"), N_("Behavioural"), N_("Found in the data"),
)  # fmt: skip
# Field of customers -> the basis of segmentation that it belongs to (Kotler).
FIELDS = {
    "age_band": DEMOGRAPHIC, "gender": DEMOGRAPHIC, "income_band": DEMOGRAPHIC, "occupation": DEMOGRAPHIC,
    "household_size": DEMOGRAPHIC, "marital_status": DEMOGRAPHIC, "home_ownership": DEMOGRAPHIC, "kids_count": DEMOGRAPHIC,
    "customer_type": DEMOGRAPHIC, "company_size": DEMOGRAPHIC, "industry": DEMOGRAPHIC,
    "region": GEOGRAPHIC, "province": GEOGRAPHIC, "city": GEOGRAPHIC,
    "interests": PSYCHOGRAPHIC,
    "member_level": BEHAVIOURAL, "source": BEHAVIOURAL,
}  # fmt: skip
LABELS = {
    "customer_type": N_("Customer type"), "source": N_("Source"), "member_level": N_("Member level"),
    "interests": N_("Interests"),
    "household_size": N_("Household size"), "kids_count": N_("Children"), "income_band": N_("Income band"),
    "home_ownership": N_("Home ownership"), "company_size": N_("Company size"), "industry": N_("Industry"),
}  # fmt: skip
FREQUENCY, SETTLEMENT = N_("Purchase frequency"), N_("Settlement cycle")
GROUPINGS = (N_("RFM class"), N_("Cluster"), N_("Group by habit"))  # what the notebook calls the found ones
OFTEN, SELDOM = N_("Bought often"), N_("Bought seldom")
AT_ONCE = N_("Paid at once")
TERMS = ((0, AT_ONCE), (30, N_("Within 30 days")), (60, N_("Within 60 days")), (10**9, N_("Later than 60 days")))
LEAST = 5  # customers of a group, below which they go to "others"
OTHERS = N_("Others")
FEW = 50
KNOWN = 0.2  # share of customers whose group must be known
MOST = 30  # groups beyond which a field divides into names rather than segments
DRAWS = 200
DRAWN = 20_000  # customers of a resample
SEED = 20


@dataclass(frozen=True)
class ValueBySegment:
    """How much of the differences in spend each division of the customers explains.

    ``table``: one row per division, best first: division, basis, groups, customers (whose group is known), explained (omega
    squared of the logarithm of spend in the window: the share of its variance between groups, less what chance alone would give),
    explained_low, explained_high (95 % interval, bootstrap of customers). ``members``: one row per customer with a column of
    group names per division.
    """

    table: pd.DataFrame
    members: pd.DataFrame
    window_days: int
    shared: tuple[str, ...]

    def chart(self) -> Figure:
        """Explained share of each division with its interval."""
        t = self.table
        return charts.intervals(
            [division_label(d) for d in t["division"]],
            list(t["explained"]),
            list(t["explained_low"]),
            list(t["explained_high"]),
            write=language.percent,
            xlabel=_("Share of the differences in spend that the division explains"),
        )

    def shown(self) -> pd.DataFrame:
        """``table`` with divisions as the reader knows them."""
        return self.table.assign(division=[division_label(d) for d in self.table["division"]])

    def bases_headline(self) -> str:
        """How many divisions were tried, on how many bases."""
        return _("Divisions tried: {n}, on {bases} bases of segmentation").format(
            n=language.number(len(self.table)), bases=language.number(self.table["basis"].nunique())
        )

    @property
    def plain(self) -> str:
        """The best division that is not made of purchases; the best of all where there is no other."""
        fair = [d for d in self.table["division"] if d not in self.shared]
        return fair[0] if fair else self.table["division"].iloc[0]

    def groups_headline(self) -> str:
        """The group of the best plain division with most spend per customer."""
        rows = self.groups()
        top = rows.sort_values(["spend_per_customer", "group"], ascending=[False, True]).iloc[0]
        return _("By {division}, “{group}” spend most: {spend} per customer").format(
            division=division_label(self.plain), group=top["group"], spend=language.money(top["spend_per_customer"])
        )

    def groups(self, division: str = "") -> pd.DataFrame:
        """One row per group of a division (the best plain one), most spend first: group, customers, shares, mean spend."""
        division = division or self.plain
        grouped = self.members.groupby(division)["spend"].agg(["size", "sum"])
        grouped = grouped.loc[sorted(grouped.index, key=lambda g: (-grouped.loc[g, "sum"], g))]
        total = grouped["sum"].sum()
        return pd.DataFrame({
            "group": [_group_label(division, g) for g in grouped.index],
            "customers": grouped["size"].to_numpy(),
            "share_of_customers": grouped["size"].to_numpy() / grouped["size"].sum(),
            "share_of_spend": grouped["sum"].to_numpy() / total if total > 0 else np.nan,
            "spend_per_customer": (grouped["sum"] / grouped["size"]).to_numpy(),
        })  # fmt: skip

    def cross(self) -> Figure | NotAvailable:
        """Customers of the best rule by the best division found in the data, in percent of each row."""
        rule, found = self.best(found=False), self.best(found=True)
        if rule is None or found is None:
            return NotAvailable((), _(ANSWERS), reason=_("there are not both a rule and groups found in the data."))
        counts = pd.crosstab(self.members[rule["division"]], self.members[found["division"]])
        shares = counts.div(counts.sum(axis=1), axis=0)
        shares.index = [_group_label(rule["division"], g) for g in shares.index]
        shares.columns = [_group_label(found["division"], g) for g in shares.columns]
        return charts.heatmap(shares, write=language.percent)

    def cross_headline(self) -> str:
        """How far the best rule and the best division found agree."""
        from sklearn.metrics import adjusted_rand_score

        rule, found = self.best(found=False), self.best(found=True)
        if rule is None or found is None:
            return ""
        both = self.members[[rule["division"], found["division"]]].dropna()
        return _("{rule} and {found} agree with an adjusted Rand index of {value}, where 0 is chance and 1 identical").format(
            rule=division_label(rule["division"]), found=division_label(found["division"]),
            value=language.number(adjusted_rand_score(both[rule["division"]], both[found["division"]]), 2),
        )  # fmt: skip

    def best(self, found: bool) -> pd.Series | None:
        """The row of the best division that was found in the data, or of the best rule."""
        rows = self.table[(self.table["basis"] == FOUND) == found]
        return None if rows.empty else rows.iloc[0]

    def headline(self) -> str:
        """Which division tells most, and whether the runner-up could."""
        first = self.table.iloc[0]
        said = _("{division} tells most about spend: {share} of its differences ({low} to {high})").format(
            division=division_label(first["division"]),
            share=language.percent(first["explained"]),
            low=language.percent(first["explained_low"]),
            high=language.percent(first["explained_high"]),
        )
        if len(self.table) > 1 and self.table.iloc[1]["explained_high"] >= first["explained_low"]:
            return _("{said}; the next, {division}, may tell as much").format(
                said=said, division=division_label(self.table.iloc[1]["division"])
            )
        return said

    def note(self) -> str:
        """What was measured and which divisions share an ingredient with spend."""
        out = _(
            "Base: {n} customers with an order in the {days} days of the window. Explained: omega squared of the logarithm of "
            "spend, which is 0 for a division that tells nothing; groups under {least} customers are taken together. 95% "
            "interval from {draws} resamples of the customers."
        ).format(n=language.number(len(self.members)), days=language.number(self.window_days), least=LEAST, draws=DRAWS)
        if self.shared:
            said = _("Made of purchases themselves, and so ahead by construction: {divisions}.").format(
                divisions=language.listing([division_label(d) for d in self.shared])
            )
            out = f"{out} {said}"
        return out

    def finding(self) -> Finding:
        """Whether rules or the data's own groups tell more."""
        first = self.table.iloc[0]
        fair = self.table[self.table["division"] == self.plain]
        if self.plain in self.shared:
            so_what = _("Collect what is known of the customers: nothing beside their purchases divides them.")
        else:
            so_what = _("Among divisions that do not use purchases themselves, rely on {division} ({share}).").format(
                division=division_label(fair.iloc[0]["division"]), share=language.percent(fair.iloc[0]["explained"])
            )
        return Finding(
            key="segmentation.explained_by_division",
            value=float(first["explained"]),
            unit="share",
            display=language.percent(first["explained"]),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=so_what,
            confidence="high" if len(self.members) >= 300 else "medium",
            assumptions=(_("The logarithm of spend is compared, so that a few large customers do not decide."),),
        )


def division_label(division: str) -> str:
    """A division as the reader knows it: a field of customers by its description, any other by its name."""
    described = TABLES["customers"].fields.get(division)
    return _(LABELS.get(division, described.description if described else division))


def _group_label(division: str, group: str) -> str:
    return language.value(f"customers.{division}", group) if division in TABLES["customers"].fields else _(group)


@needs("orders.customer_id", "orders.order_date", "orders.order_amount", answers=ANSWERS)
def value_by_segment(tables: Tables, *, found: dict[str, pd.DataFrame], window_days: int = 365) -> ValueBySegment | NotAvailable:
    """Rule segments and *found* ones side by side: share of the variance of log spend that each division explains.

    Rule divisions: the fields of customers that `FIELDS` names (interests: the first one named), purchase frequency (orders above
    or below the median), settlement cycle (median days from order to
    payment due, or made). *found*: division -> frame with customer_id and one column of
    segments; a `NotAvailable` is left out. Only customers with positive spend in the window count; a division must be known for
    a fifth of them and have 2 to 30 groups. `NotAvailable` below 50 customers or without a division.

    Source: omega squared, Hays (1963).
    """
    bought = purchases(tables, window_days=window_days)
    bought = bought[(bought["frequency"] > 0) & (bought["monetary"] > 0)].reset_index(drop=True)
    if len(bought) < FEW:
        return NotAvailable(
            (),
            _(ANSWERS),
            reason=ngettext(
                "{n} customer has spend in the window.", "{n} customers have spend in the window.", len(bought)
            ).format(n=language.number(len(bought))),
        )
    members = bought[["customer_id"]].assign(spend=bought["monetary"])
    basis = {}
    for name, groups in _rule_divisions(tables, bought).items():
        members[name], basis[name] = groups.to_numpy(), FIELDS.get(name, BEHAVIOURAL)
    for name, given in found.items():
        if not isinstance(given, NotAvailable):
            column = next(c for c in given.columns if c != "customer_id")
            members[name], basis[name] = members["customer_id"].map(given.set_index("customer_id")[column]).to_numpy(), FOUND
    log = np.log(members["spend"].to_numpy())
    rows = []
    for name in basis:
        members[name] = _gathered(members[name])
        if members[name].nunique() < 2 or members[name].nunique() > MOST or members[name].notna().mean() < KNOWN:
            members = members.drop(columns=name)
            continue
        rows.append({"division": name, "basis": basis[name], **_explained(log, members[name])})
    if not rows:
        return NotAvailable((), _(ANSWERS), reason=_("nothing divides the customers into groups."))
    table = pd.DataFrame(rows).sort_values(["explained", "division"], ascending=[False, True], ignore_index=True)
    order = ["division", "basis", "groups", "customers", "explained", "explained_low", "explained_high"]
    shared = tuple(d for d in table["division"] if d == FREQUENCY or basis[d] == FOUND)
    return ValueBySegment(table[order], members, window_days, shared)


def _rule_divisions(tables: Tables, bought: pd.DataFrame) -> dict[str, pd.Series]:
    out: dict[str, pd.Series] = {}
    fields = [f for f in FIELDS if not tables.missing(f"customers.{f}")]
    if fields:
        customers = tables.customers.select("customer_id", **{f: tables.customers[f].cast("string") for f in fields})
        known = frame(customers, by=["customer_id"]).drop_duplicates("customer_id").set_index("customer_id")
        mine = known.reindex(bought["customer_id"])
        for f in fields:
            out[f] = mine[f].str.split(r"[;,、；]", regex=True).str[0].str.strip() if f == "interests" else mine[f]
    often = bought["frequency"] > bought["frequency"].median()
    out[FREQUENCY] = pd.Series(np.where(often, OFTEN, SELDOM))
    days = _settlement(tables)
    if days is not None:
        names = [next((name for limit, name in TERMS if d <= limit), None) for d in bought["customer_id"].map(days)]
        out[SETTLEMENT] = pd.Series(names)
    return out


def _settlement(tables: Tables) -> pd.Series | None:
    """By customer: median days from order to payment due, or made where no term is stated; None where the data has neither."""
    orders = tables.orders.filter(tables.orders.customer_id.notnull())
    known = [orders.payment_term.cast("float64")] if not tables.missing("orders.payment_term") else []
    if not tables.missing("orders.paid_at"):
        known.append(orders.paid_at.date().delta(orders.order_date.date(), unit="day").cast("float64"))
    if not known:
        return None
    dated = orders.select("customer_id", term=known[0] if len(known) == 1 else known[0].fill_null(known[1]))
    dated = dated.filter(dated.term.notnull())
    terms = frame(dated.group_by("customer_id").aggregate(term=dated.term.median()), by=["customer_id"])
    return terms.set_index("customer_id")["term"].astype(float)


def _gathered(groups: pd.Series) -> pd.Series:
    """Groups under `LEAST` customers together as "Others"; blank is unknown."""
    groups = groups.astype(object).where(groups.notna() & (groups.astype(str) != ""), None)
    sizes = groups.value_counts()
    small = set(sizes[sizes < LEAST].index)
    return groups.map(lambda g: OTHERS if g in small else g)


def _explained(log: np.ndarray, groups: pd.Series) -> dict[str, float | int]:
    known = groups.notna().to_numpy()
    values = log[known].round(9)
    names, codes = np.unique(groups[known].astype(str), return_inverse=True)
    rng = np.random.default_rng(SEED)
    drawn = []
    size = min(len(values), DRAWN)
    for _draw in range(DRAWS):
        rows = rng.integers(0, len(values), size)
        drawn.append(_omega(values[rows], codes[rows], len(names)))
    measured = _omega(values, codes, len(names))
    # Around the median: resampling repeats customers, which looks like likeness within groups. Smaller draws spread wider.
    ends = (np.quantile(drawn, [0.025, 0.975]) - np.median(drawn)) * np.sqrt(size / len(values))
    low, high = measured + ends
    return {
        "groups": len(names),
        "customers": len(values),
        "explained": round(measured, 6),
        "explained_low": round(max(float(low), 0.0), 6),
        "explained_high": round(float(high), 6),
    }


def _omega(values: np.ndarray, codes: np.ndarray, k: int) -> float:
    """Omega squared, not below 0: the share of variance between groups in the population, estimated."""
    counts = np.bincount(codes, minlength=k)
    there = counts > 0
    means = np.bincount(codes, weights=values, minlength=k)[there] / counts[there]
    total = ((values - values.mean()) ** 2).sum()
    between = (counts[there] * (means - values.mean()) ** 2).sum()
    free = len(values) - there.sum()
    if total <= 1e-12 or free <= 0:
        return 0.0
    within = (total - between) / free
    return max(0.0, float((between - (there.sum() - 1) * within) / (total + within)))
