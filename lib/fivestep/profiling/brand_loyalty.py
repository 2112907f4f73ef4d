"""Which brands the customers come back to, and to which they go: repeat buyers and the switch matrix."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _
from fivestep.profiling.covered_months import period

ANSWERS = N_("which brands the customers come back to and to which they switch")
SHOWN = 8
FEW = 30
LEVELS = ("category", "department", "")
OTHERS = "\0others"


@dataclass(frozen=True)
class BrandLoyalty:
    """Brands by their repeat buyers, and the next brand after each brand within a category.

    ``table``: one row per brand, most buyers first: brand, customers (buyers), repeat_buyers (bought it in two orders or more),
    repeat_rate of buyers with its Wilson interval, brand_stays (share of next purchases in the same category, or department, that
    are the same brand; empty below 30), brand_stays_by_chance (its share of all next purchases in those categories),
    next_purchases. ``level``: what a purchase is compared within: category, department or "" (all products), the first in
    which two brands meet. ``switches``: brand_from, brand_to, switches (pairs of consecutive orders of a customer with the
    category), switch_share of all from the same brand.
    """

    table: pd.DataFrame
    switches: pd.DataFrame
    level: str
    unknown: int
    first_day: dt.date
    as_of: dt.date

    def name(self, raw: str) -> str:
        """A brand as the reader sees it."""
        return language.value("products.brand", raw)

    def top(self, n: int = 20) -> pd.DataFrame:
        """The first *n* brands."""
        return self.table.head(n)

    def matrix(self) -> pd.DataFrame:
        """Share of next purchases by brand (rows: from, columns: to), the eight largest brands and the others together."""
        kept = self.table["brand"].head(SHOWN).tolist()
        folded = self.switches.assign(
            **{c: self.switches[c].where(self.switches[c].isin(kept), OTHERS) for c in ("brand_from", "brand_to")}
        )
        grid = folded.pivot_table(index="brand_from", columns="brand_to", values="switches", aggfunc="sum", fill_value=0)
        order = [b for b in (*kept, OTHERS) if b in grid.index or b in grid.columns]
        grid = grid.reindex(index=order, columns=order, fill_value=0)
        grid = grid.div(grid.sum(axis=1).replace(0, np.nan), axis=0)
        names = [_("Others") if b == OTHERS else self.name(b) for b in order]
        return pd.DataFrame(grid.to_numpy(), index=names, columns=names)

    def figure(self) -> Figure | NotAvailable:
        """The switch matrix: from the brand of a row to that of a column."""
        if self.switches.empty:
            return NotAvailable((), _(ANSWERS), reason=_("No customer bought twice where brands meet."))
        return charts.heatmap(self.matrix(), write=lambda share: language.percent(share, 0))

    def headline(self) -> str:
        """The brand with the highest repeat rate among those with 30 buyers, if its interval lies above all others."""
        able = self.table[self.table["customers"] >= FEW].sort_values(["repeat_rate", "brand"], ascending=[False, True])
        if able.empty:
            return _("No brand has {n} buyers, too few to compare who comes back").format(n=language.number(FEW))
        best, rest = able.iloc[0], able.iloc[1:]
        share = language.percent(best["repeat_rate"])
        if rest.empty:
            return _("{share} of the buyers of {brand} bought it in two orders or more").format(
                share=share, brand=self.name(best["brand"])
            )
        if best["repeat_low"] > rest["repeat_high"].max():
            return _("{brand} has the most loyal buyers: {share} bought it in two orders or more").format(
                share=share, brand=self.name(best["brand"])
            )
        return _("No brand reliably has the most loyal buyers; the highest rate is {share} ({brand})").format(
            share=share, brand=self.name(best["brand"])
        )

    def switches_headline(self) -> str:
        """How many next purchases in a category are the same brand, against chance."""
        if self.switches.empty:
            return _("No customer bought twice where brands meet")
        same = self.switches["brand_from"] == self.switches["brand_to"]
        total = self.switches["switches"].sum()
        left = self.switches[~same]
        stay = self.switches.loc[same, "switches"].sum() / total
        if left.empty:
            return _("Every next purchase is of the same brand")
        most = left.sort_values(["switches", "brand_from", "brand_to"], ascending=[False, True, True]).iloc[0]
        return _("{stay} of next purchases stay with the brand; most switches go from {a} to {b} ({n})").format(
            stay=language.percent(stay),
            a=self.name(most["brand_from"]),
            b=self.name(most["brand_to"]),
            n=language.number(most["switches"]),
        )

    def note(self) -> str:
        """Base and definitions."""
        base = _(
            "Base: buyers of known brands, {period}. A repeat buyer has the brand in two orders or more; intervals 95% (Wilson)."
        ).format(period=period(self.first_day, self.as_of))
        stays = _(
            "Stays: next purchases in the same {group} that are the same brand; by chance: the share of the brand among all next "
            "purchases there."
        ).format(group=self._group())
        unknown = _("{n} lines of unknown brand are left out.").format(n=language.number(self.unknown)) if self.unknown else ""
        return " ".join(filter(None, (base, stays, unknown)))

    def switches_note(self) -> str:
        """What a cell is."""
        return _(
            "From the brand of the row to that of the column: share of the {n} pairs of consecutive orders in which a customer "
            "bought from the {group}; where an order has several brands of it, the one with the most spend counts. Large "
            "customers "
            "weigh more."
        ).format(n=language.number(self.switches["switches"].sum()), group=self._group())

    def _group(self) -> str:
        names = {"category": _("category"), "department": _("department"), "": _("range")}
        return names[self.level]

    def finding(self) -> Finding:
        """The share of next purchases that stay with the brand, or the best repeat rate."""
        same = self.switches["brand_from"] == self.switches["brand_to"]
        total = self.switches["switches"].sum()
        stay = float(self.switches.loc[same, "switches"].sum() / total) if total else 0.0
        return Finding(
            key="profiling.brand_stays",
            value=stay,
            unit="share",
            display=language.percent(stay) if total else "",
            text=language.sentence(self.switches_headline()),
            evidence=f"{self.note()} {self.switches_note()}",
            so_what=_("Compare with the column by chance: only what exceeds it is loyalty to the brand."),
            confidence="medium",
            assumptions=(_("A brand that is alone in its category or department cannot be left there."),),
        )


@needs(
    "order_lines.line_amount", "order_lines.order_id", "order_lines.product_id", "order_lines.order_date", "products.brand",
    answers=ANSWERS,
)  # fmt: skip
def brand_loyalty(tables: Tables) -> BrandLoyalty | NotAvailable:
    """Repeat buyers of each brand and the brand of a customer's next order in the same category.

    Where no category sells two brands, departments stand for categories, and else all products.
    Lines without a customer, of unknown brand or with no amount above 0 are left out.
    """
    products = tables.products
    known = products.select(
        _product=products.product_id,
        brand=products.brand,
        **{level: products[level].fill_null("") if level in products.columns else ibis.literal("") for level in LEVELS[:-1]},
    )
    sold = tables.order_lines.filter(tables.order_lines.customer_id.notnull() & (tables.order_lines.line_amount > 0))
    sold = sold.left_join(known, sold.product_id == known._product)
    unknown = int(sold.filter(sold.brand.isnull()).count().to_pandas())
    sold = sold.filter(sold.brand.notnull())
    level = next(level for level in LEVELS if not level or (level in products.columns and _meet(sold, level)))
    sold = sold.mutate(group=sold[level] if level else ibis.literal(""))
    per_brand = sold.group_by("customer_id", "brand").aggregate(orders=sold.order_id.nunique())
    table = frame(
        per_brand.group_by("brand").aggregate(customers=per_brand.count(), repeat_buyers=(per_brand.orders > 1).sum()),
        by=["brand"],
    )
    if table.empty:
        return NotAvailable((), _(ANSWERS), reason=_("No order line has a known brand."))
    spent = sold.group_by("customer_id", "group", "order_id", "brand").aggregate(
        spend=sold.line_amount.sum(), moment=sold.order_date.min()
    )
    place = ibis.row_number().over(
        group_by=["customer_id", "group", "order_id"], order_by=[ibis.desc("spend"), ibis.asc("brand")]
    )
    main = spent.mutate(_place=place).filter(ibis._._place == 0)
    after = ibis.window(group_by=["customer_id", "group"], order_by=["moment", "order_id"])
    pairs = main.mutate(brand_to=main.brand.lead().over(after)).filter(ibis._.brand_to.notnull())
    counted = frame(
        pairs.group_by("group", brand_from=pairs.brand, brand_to=pairs.brand_to).aggregate(switches=pairs.count()),
        by=["group", "brand_from", "brand_to"],
    )
    table["repeat_rate"] = table["repeat_buyers"] / table["customers"]
    table["repeat_low"], table["repeat_high"] = wilson(table["repeat_buyers"], table["customers"])
    table = table.merge(_stays(counted), on="brand", how="left")
    table = table.sort_values(["customers", "brand"], ascending=[False, True], ignore_index=True)
    switches = counted.groupby(["brand_from", "brand_to"], as_index=False)["switches"].sum()
    if len(switches):
        switches["switch_share"] = switches["switches"] / switches.groupby("brand_from")["switches"].transform("sum")
    return BrandLoyalty(table, switches, level, unknown, tables.first_day, tables.as_of)


def _meet(sold: ibis.Table, level: str) -> bool:
    """Whether two brands are sold in one group of the level."""
    brands = sold.group_by(level).aggregate(n=sold.brand.nunique())
    return not brands.filter(brands.n > 1).limit(1).to_pandas().empty


def _stays(counted: pd.DataFrame) -> pd.DataFrame:
    """Share of next purchases that stay with a brand, and what chance would give in the same groups."""
    own = counted.groupby(["group", "brand_from"])["switches"].sum()
    into = counted.groupby(["group", "brand_to"])["switches"].sum() / counted.groupby("group")["switches"].sum()
    same = counted[counted["brand_from"] == counted["brand_to"]].set_index(["group", "brand_from"])["switches"]
    out = own.rename("n").to_frame()
    out["same"] = same.reindex(out.index).fillna(0)
    out["chance"] = out["n"] * into.reindex(out.index.set_names(["group", "brand_to"])).fillna(0).to_numpy()
    by = out.groupby(level="brand_from")[["n", "same", "chance"]].sum()
    enough = by["n"] >= FEW
    shares = by[["same", "chance"]].div(by["n"], axis=0).where(enough)
    return pd.DataFrame(
        {
            "brand": by.index,
            "next_purchases": by["n"].astype(int).to_numpy(),
            "brand_stays": shares["same"].to_numpy(float),
            "brand_stays_by_chance": shares["chance"].to_numpy(float),
        }
    )
