"""How each group of customers buys: how often, how much at a time, what, which brand and how it pays."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, columns
from fivestep.profiling import age
from fivestep.profiling.covered_months import period
from fivestep.profiling.interests import interest_label, interests_of
from fivestep.profiling.portrait import in_order, traits
from fivestep.profiling.price_level import price_levels
from fivestep.profiling.returns import is_return

ANSWERS = N_("how often, how much and what each group of customers buys")
FIELDS = ("age_band", "gender", "occupation", "income_band", "region")  # levels and tiers are made of orders
FEW = 30
MONTH = 30.4375  # days
CHANCE = 0.05
PREFERRED = ("category", "brand")
LEAST = 0.01  # a category of less than 1 % of the group's spend is no preference


@dataclass(frozen=True)
class Habits:
    """Habits and preferences of the groups of 30 buyers and more.

    ``table``: one row per group: portrait_trait (field, or ``interests``), portrait_group (raw), customers (with an order),
    orders_per_month (mean over the customers, since each one's first order) with its interval (rate_low, rate_high),
    spend_per_order, group_price_level (mean price level, 100 = the usual prices of what is bought) with its interval (level_low,
    level_high; none of the three without quantities or categories), payment_used with payment_share of its orders (None without
    payment methods), category / brand (preferred beyond chance, None where none is), category_index / brand_index (mean share of
    a customer's spend, 100 = other customers). ``compared``: number of comparisons behind them.
    """

    table: pd.DataFrame
    buyers: int
    compared: int
    first_day: dt.date
    as_of: dt.date

    def name(self, row: pd.Series) -> str:
        """A group as the reader sees it."""
        trait, group = row["portrait_trait"], row["portrait_group"]
        return interest_label(group) if trait == "interests" else language.value(f"customers.{trait}", group)

    def _shown(self, names: Sequence[str]) -> pd.DataFrame:
        out = self.table[[n for n in names if n in self.table]].copy()
        out["portrait_group"] = [self.name(row) for _i, row in self.table.iterrows()]
        out["portrait_trait"] = [columns.column(f).label for f in self.table["portrait_trait"]]
        return out.reset_index(drop=True)

    def how(self) -> pd.DataFrame:
        """Frequency, order size and payment of every group."""
        return self._shown(
            (
                "portrait_trait",
                "portrait_group",
                "customers",
                "orders_per_month",
                "rate_low",
                "rate_high",
                "spend_per_order",
                "payment_used",
                "payment_share",
            )
        )

    def price(self) -> pd.DataFrame | NotAvailable:
        """The price level at which every group buys."""
        if "group_price_level" not in self.table:
            return NotAvailable(("order_lines.quantity", "products.category"), _("at which price level each group buys"))
        return self._shown(("portrait_trait", "portrait_group", "customers", "group_price_level", "level_low", "level_high"))

    def what(self) -> pd.DataFrame:
        """The category and the brand that every group prefers."""
        there = [f for f in PREFERRED if f in self.table]
        names = ("portrait_trait", "portrait_group", "customers", *(c for f in there for c in (f, f"{f}_index")))
        out = self._shown(names)
        for field in there:
            labels = [None if language.absent(v) else language.value(f"products.{field}", v) for v in out[field]]
            out[field] = pd.Series(labels, dtype=object)
        return out.rename(columns={f: f"preferred_{f}" for f in there})

    def headline(self) -> str:
        """The groups that order most and least often, of the trait by which they differ most beyond chance."""
        apart = []
        for field in dict.fromkeys(self.table["portrait_trait"]):
            part = self.table[self.table["portrait_trait"] == field]
            often, seldom = part.loc[part["orders_per_month"].idxmax()], part.loc[part["orders_per_month"].idxmin()]
            if often["rate_low"] > seldom["rate_high"]:
                apart.append((often["orders_per_month"] - seldom["orders_per_month"], field, often, seldom))
        if not apart:
            return _("No group orders reliably more often than another of the same trait")
        _most, field, often, seldom = max(apart, key=lambda found: found[0])
        return _("By {field}, {often} order most often ({most} orders a month), {seldom} least ({least})").format(
            field=columns.label(field),
            often=self.name(often),
            most=language.number(often["orders_per_month"], 1),
            seldom=self.name(seldom),
            least=language.number(seldom["orders_per_month"], 1),
        )

    def level_headline(self) -> str:
        """Which groups buy dearer than others of the same trait, of the trait by which they differ most beyond chance."""
        if "group_price_level" not in self.table:
            return _("The data does not tell at which price level groups buy")
        apart = []
        for field in dict.fromkeys(self.table["portrait_trait"]):
            part = self.table[(self.table["portrait_trait"] == field) & self.table["group_price_level"].notna()]
            if len(part) < 2:
                continue
            dear, cheap = part.loc[part["group_price_level"].idxmax()], part.loc[part["group_price_level"].idxmin()]
            if dear["level_low"] > cheap["level_high"]:
                apart.append((dear["group_price_level"] - cheap["group_price_level"], field, dear, cheap))
        if not apart:
            return _("No group buys reliably dearer than another of the same trait")
        _most, field, dear, cheap = max(apart, key=lambda found: found[0])
        return _("By {field}, {dear} buy dearest (price level {most}, 100 being usual), {cheap} cheapest ({least})").format(
            field=columns.label(field), dear=self.name(dear), most=language.number(dear["group_price_level"]),
            cheap=self.name(cheap), least=language.number(cheap["group_price_level"]),
        )  # fmt: skip

    def what_headline(self) -> str:
        """How many groups prefer a category or a brand beyond chance, and the clearest of them."""
        there = [c for c in ("category", "brand") if c in self.table]
        found = self.table[self.table[there].notna().any(axis=1)] if there else self.table.iloc[:0]
        if found.empty:
            return _("No group prefers a category or a brand beyond chance")
        best = found.sort_values(
            ["category_index" if "category" in there else "brand_index"], ascending=False, na_position="last", kind="stable"
        ).iloc[0]
        kind = "category" if "category" in there and not language.absent(best["category"]) else "brand"
        return _(
            "{n} of {all} groups prefer a category or brand beyond chance; the clearest: {group}, {what} (index {index})"
        ).format(
            n=language.number(len(found)),
            all=language.number(len(self.table)),
            group=self.name(best),
            what=language.value(f"products.{kind}", best[kind]),
            index=language.number(best[f"{kind}_index"]),
        )

    def note(self) -> str:
        """Base and definitions."""
        return _(
            "Base: {n} customers with an order, {period}; groups of {few} and more. Orders a month: mean over the customers "
            "since "
            "the first order of each, of at least a month; the intervals of all groups hold together with 95%. Price level: "
            "prices paid against the usual price of each category, 100 = usual, mean over the customers."
        ).format(n=language.number(self.buyers), period=period(self.first_day, self.as_of), few=language.number(FEW))

    def what_note(self) -> str:
        """Base and how a preference is proven."""
        return _(
            "Preferred: mean share of a customer's spend, against all other customers (= 100); shown only where chance does not "
            "explain it (Welch's test, 5% over all {m} comparisons together, Bonferroni); the highest index where there are "
            "several."
        ).format(m=language.number(self.compared))

    def finding(self) -> Finding:
        """How many groups have a preference beyond chance."""
        there = [c for c in ("category", "brand") if c in self.table]
        found = int(self.table[there].notna().any(axis=1).sum()) if there else 0
        return Finding(
            key="profiling.groups_with_preference",
            value=float(found),
            unit="count",
            display=language.number(found),
            text=language.sentence(self.what_headline()),
            evidence=f"{self.note()} {self.what_note()}",
            so_what=_("Offer these groups what they prefer.")
            if found
            else _("Do not tailor offers to these groups: they buy the same."),
            confidence="medium",
        )


@needs("customers.customer_id", "orders.customer_id", "orders.order_amount", "orders.order_date", answers=ANSWERS)
def habits(
    tables: Tables,
    *,
    age_bands: tuple[int, ...] = (),
    words: Mapping[str, Sequence[str]] | None = None,
) -> Habits | NotAvailable:
    """Habits of the groups by age, gender, occupation, income band, region and interest.

    Only customers with an order that is no return count; spend per order nets returns. *age_bands*: see `age.with_age_bands`;
    *words*: see `interests`. A brand or category is compared by each customer's share of spend, so that large customers count
    once.

    Source: Welch (1947); Bonferroni.
    """
    fields = traits(tables, FIELDS)
    listed = [] if tables.missing("customers.interests") else [interests_of(tables, words)]
    if not fields and not listed:
        return NotAvailable(("customers.age_band", "customers.gender", "customers.occupation"), _(ANSWERS))
    grouped = members(tables, fields, age_bands, listed)
    buyers = _buyers(tables)
    end = ibis.literal(tables.as_of)
    span = (end.delta(buyers["first"].date(), unit="day") + 1).cast("float64") / MONTH
    rated = buyers.mutate(rate=buyers.orders.cast("float64") / ibis.greatest(span, 1.0))
    joined = grouped.inner_join(rated, "customer_id")
    table = frame(
        joined.group_by("trait", "group").aggregate(
            customers=joined.count(),
            orders_per_month=joined.rate.mean().round(9),
            _sd=joined.rate.std().round(9),
            orders=joined.orders.sum(),
            spend=joined.spend.sum(),
        ),
        by=["trait", "group"],
    )
    table = table[table["customers"] >= FEW]
    if table.empty:
        return NotAvailable((), _(ANSWERS), reason=_("No group has {n} customers with an order.").format(n=language.number(FEW)))
    table["spend_per_order"] = table["spend"] / table["orders"]
    from scipy import stats

    half = stats.norm.isf(CHANCE / 2 / len(table)) * table["_sd"] / np.sqrt(table["customers"])
    table["rate_low"], table["rate_high"] = (table["orders_per_month"] - half).clip(lower=0), table["orders_per_month"] + half
    table = table.drop(columns=["orders", "spend", "_sd"])
    levels = price_levels(tables)
    if levels is not None:
        table = table.merge(_levels(grouped.inner_join(levels, "customer_id"), len(table)), on=["trait", "group"], how="left")
    if not tables.missing("orders.payment_method"):
        table = table.merge(_payments(tables, grouped), on=["trait", "group"], how="left")
    tested = {
        field: _tested(tables, grouped, field).merge(table[["trait", "group"]], on=["trait", "group"])
        for field in PREFERRED
        if not tables.missing("order_lines.line_amount", "order_lines.product_id", f"products.{field}")
    }
    compared = sum(len(part) for part in tested.values())
    for field, part in tested.items():
        clear = part[(part["p"] * compared < CHANCE) & (part["mean"] >= LEAST) & (part[f"{field}_index"] > 100)]
        best = clear.sort_values(["trait", "group", f"{field}_index", field], ascending=[True, True, False, True])
        best = best.drop_duplicates(["trait", "group"])[["trait", "group", field, f"{field}_index"]]
        table = table.merge(best, on=["trait", "group"], how="left")
    place = {f: i for i, f in enumerate((*fields, "interests"))}
    ranks = {
        (f, v): i
        for f in table["trait"].unique()
        for i, v in enumerate(
            in_order(f, sorted(table.loc[table["trait"] == f, "group"]))
            if f in ("age_band", "income_band")
            else table[table["trait"] == f].sort_values(["customers", "group"], ascending=[False, True])["group"]
        )
    }
    table = table.iloc[
        sorted(
            range(len(table)),
            key=lambda i: (place[table["trait"].iloc[i]], ranks[table["trait"].iloc[i], table["group"].iloc[i]]),
        )
    ]
    table = table.rename(columns={"trait": "portrait_trait", "group": "portrait_group"}).reset_index(drop=True)
    return Habits(table, int(buyers.count().to_pandas()), compared, tables.first_day, tables.as_of)


def members(tables: Tables, fields: list[str], age_bands: tuple[int, ...], listed: list[ibis.Table]) -> ibis.Table:
    """customer_id, trait, group: one row for every group that a customer belongs to."""
    people = age.with_age_bands(tables, age_bands)
    parts = [people.select("customer_id", trait=ibis.literal(f), group=people[f].cast("string")) for f in fields]
    parts += [held.select("customer_id", trait=ibis.literal("interests"), group=held.interest) for held in listed]
    return ibis.union(*parts).filter(ibis._.group.notnull()) if len(parts) > 1 else parts[0].filter(ibis._.group.notnull())


def _buyers(tables: Tables) -> ibis.Table:
    """customer_id, orders (without returns), first, spend (returns netted) of who has an order."""
    orders = tables.orders.filter(tables.orders.customer_id.notnull())
    counted = orders.group_by("customer_id").aggregate(
        orders=(~is_return(orders)).sum(),
        first=orders.order_date.min(where=~is_return(orders)),
        spend=orders.order_amount.sum().fill_null(0),
    )
    return counted.filter(counted.orders > 0)


def _levels(joined: ibis.Table, groups: int) -> pd.DataFrame:
    """Mean price level of each group of 30 and more, with intervals that hold together for *groups*."""
    from scipy import stats

    found = frame(
        joined.group_by("trait", "group").aggregate(
            n=joined.count(), mean=joined.price_level.mean().round(9), sd=joined.price_level.std().round(9)
        ),
        by=["trait", "group"],
    )
    found = found[found["n"] >= FEW]
    half = stats.norm.isf(CHANCE / 2 / max(groups, 1)) * found["sd"] / np.sqrt(found["n"])
    ends = {"group_price_level": found["mean"], "level_low": found["mean"] - half, "level_high": found["mean"] + half}
    return found[["trait", "group"]].assign(**{name: 100 * values for name, values in ends.items()})


def _payments(tables: Tables, members: ibis.Table) -> pd.DataFrame:
    """The most used payment method of each group and its share of the orders of known method."""
    orders = tables.orders.filter(tables.orders.payment_method.notnull() & ~is_return(tables.orders))
    used = orders.group_by("customer_id", "payment_method").aggregate(n=orders.count())
    joined = members.inner_join(used, "customer_id")
    counted = frame(
        joined.group_by("trait", "group", "payment_method").aggregate(n=joined.n.sum()), by=["trait", "group", "payment_method"]
    )
    counted["payment_share"] = counted["n"] / counted.groupby(["trait", "group"])["n"].transform("sum")
    most = counted.sort_values(["trait", "group", "n", "payment_method"], ascending=[True, True, False, True])
    most = most.drop_duplicates(["trait", "group"]).rename(columns={"payment_method": "payment_used"})
    return most.drop(columns="n")


def _tested(tables: Tables, members: ibis.Table, field: str) -> pd.DataFrame:
    """Mean share of spend of each value of *field* in each group, against the other buyers of lines: index and p of Welch's test.

    trait, group, the field, mean, index, p; customers whose spend on known values is not above 0 are left out.
    """
    products = tables.products
    known = products.filter(products[field].notnull()).select(_product=products.product_id, _value=products[field])
    lines = tables.order_lines.filter(tables.order_lines.customer_id.notnull())
    lines = lines.inner_join(known, lines.product_id == known._product)
    spent = lines.group_by("customer_id", value=lines._value).aggregate(spend=lines.line_amount.sum().cast("float64"))
    total = spent.group_by("customer_id").aggregate(total=spent.spend.sum())
    shares = spent.inner_join(total.filter(total.total > 0), "customer_id")
    shares = shares.select("customer_id", "value", share=(shares.spend / shares.total).round(12))
    sums = {"s": ibis._.share.sum().round(9), "ss": (ibis._.share * ibis._.share).sum().round(9)}
    everybody = frame(shares.group_by("value").aggregate(**sums), by=["value"]).set_index("value")
    people = shares.select("customer_id").distinct()
    n_all = int(people.count().to_pandas())
    sizes = members.inner_join(people, "customer_id")
    sizes = frame(sizes.group_by("trait", "group").aggregate(n=sizes.count()), by=["trait", "group"])
    within = members.inner_join(shares, "customer_id").group_by("trait", "group", "value").aggregate(**sums)
    out = frame(within, by=["trait", "group", "value"]).merge(sizes, on=["trait", "group"])
    out = out[(out["n"] >= FEW) & (n_all - out["n"] >= FEW)]
    n, rest = out["n"].to_numpy(float), n_all - out["n"].to_numpy(float)
    whole = everybody.loc[out["value"]]
    mean, other = out["s"].to_numpy() / n, (whole["s"].to_numpy() - out["s"].to_numpy()) / rest
    variance = np.clip(out["ss"].to_numpy() / n - mean**2, 0, None) / (n - 1)
    spread = np.clip((whole["ss"].to_numpy() - out["ss"].to_numpy()) / rest - other**2, 0, None) / (rest - 1)
    error = np.sqrt(variance + spread)
    from scipy import stats

    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = (variance + spread) ** 2 / (variance**2 / (n - 1) + spread**2 / (rest - 1))
        p = np.where(error > 1e-9, 2 * stats.t.sf(np.abs(mean - other) / error, freedom), 1.0)
        index = np.where(other > 0, 100 * mean / other, np.nan)
    out = out.rename(columns={"value": field})[["trait", "group", field]]
    return out.assign(mean=mean, p=p, **{f"{field}_index": index}).reset_index(drop=True)
