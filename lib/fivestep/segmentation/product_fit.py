"""Which prospects fit which product: prospects with the traits that set a product's buyers apart."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import intervals, language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, ngettext
from fivestep.segmentation.lifecycle import NO_ORDER, Lifecycle
from fivestep.segmentation.target import TRAITS
from fivestep.segmentation.value_by import MOST, division_label

ANSWERS = N_("which prospects fit which product")
LEAST = 10  # buyers of known trait that a category needs
FIELDS = tuple(f for f in TRAITS if f != "source")  # where a customer came from is no trait of the person
TOLD = 3  # traits that describe a category's buyers
FITS = 0.5  # share of a category's traits from which a prospect fits


@dataclass(frozen=True)
class ProductFit:
    """Prospects by fit with the traits of each category's buyers.

    ``traits``: one row per category and trait: the value that is ahead by most among its buyers against other buyers (interval of
    the difference, Newcombe 1998, leaves out 0): category, trait, trait_value, buyer_share, other_share, difference_low.
    ``table``: one row per prospect and category that fits, best first: customer_id, category, fit (share of the category's traits
    that the prospect has).
    """

    traits: pd.DataFrame
    table: pd.DataFrame
    prospects: int
    as_of: dt.date

    def products(self) -> pd.DataFrame:
        """One row per category with traits, most fitting prospects first: category, traits, fitting prospects, mean fit."""
        rows = []
        write = _("{trait} “{value}”")
        for category, told in self.traits.groupby("category"):
            mine = self.table[self.table["category"] == category]
            words = [
                write.format(trait=division_label(t), value=language.value(f"customers.{t}", v))
                for t, v in zip(told["trait"].head(TOLD), told["trait_value"].head(TOLD), strict=True)
            ]
            rows.append((category, "; ".join(words), len(mine), mine["fit"].mean() if len(mine) else np.nan))
        out = pd.DataFrame(rows, columns=["category", "buyer_traits", "fitting_prospects", "mean_fit"])
        return out.sort_values(["fitting_prospects", "mean_fit", "category"], ascending=[False, False, True], ignore_index=True)

    def best(self) -> pd.DataFrame:
        """The best fitting category of each prospect who fits any: customer_id, category, fit."""
        return self.table.drop_duplicates("customer_id").reset_index(drop=True)

    def headline(self) -> str:
        """How many prospects fit a product, and which product most of them."""
        best = self.best()
        if best.empty:
            return _("No prospect has half of the traits that set the buyers of a product apart")
        top = self.products().iloc[0]
        return ngettext(
            "{n} of {all} prospect fits a product by traits; most fit {category} ({m})",
            "{n} of {all} prospects fit a product by traits; most fit {category} ({m})",
            self.prospects,
        ).format(
            n=language.number(len(best)), all=language.number(self.prospects), m=language.number(top["fitting_prospects"]),
            category=language.value("products.category", top["category"]),
        )  # fmt: skip

    def note(self) -> str:
        """Definitions."""
        return _(
            "Traits of a category: of each trait the value that is ahead by most among its buyers against other buyers, where "
            "the 95% interval of the difference leaves out 0; categories of {least} buyers and more; the three strongest are "
            "used. Not corrected for the number of traits tried. A prospect fits with half of them or more; unknown traits do "
            "not count as had."
        ).format(least=language.number(LEAST))

    def finding(self) -> Finding:
        """How many prospects fit a product."""
        n = len(self.best())
        return Finding(
            key="segmentation.prospects_fitting_a_product",
            value=float(n),
            unit="count",
            display=language.number(n),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Open the talk with the product that fits; the list names it for each prospect.")
            if n
            else _("Learn more of the prospects before choosing what to offer them."),
            confidence="low",
            assumptions=(_("Prospects are taken to want what people with their traits buy; nobody has tested it."),),
        )


@needs("customers.customer_id", "order_lines.customer_id", "order_lines.product_id", "products.category", answers=ANSWERS)
def product_fit(tables: Tables, stages: Lifecycle) -> ProductFit | NotAvailable:
    """Hold the traits of the prospects of *stages* (no order yet, no opt-out) against those of each category's buyers.

    Traits as in `target_card`; *sensitive*: the sensitive fields that may be used. `NotAvailable` without
    prospects, without traits, or where no category's buyers stand out.
    """
    ids = stages.table.loc[stages.table["lifecycle"] == NO_ORDER, "customer_id"]
    if not tables.missing("customers.marketing_opt_out"):
        out = tables.customers.filter(tables.customers.marketing_opt_out).select("customer_id").to_pandas()["customer_id"]
        ids = ids[~ids.isin(out)]
    fields = [f for f in FIELDS if not tables.missing(f"customers.{f}")]
    if ids.empty or not fields:
        return NotAvailable((), _(ANSWERS), reason=_("every customer of the list has ordered, or nothing is known of them."))
    texts = tables.customers.select("customer_id", **{f: tables.customers[f].cast("string") for f in fields})
    known = frame(texts, by=["customer_id"]).drop_duplicates("customer_id").set_index("customer_id")
    known = known.apply(lambda c: c.str.split(r"[;,、；]", regex=True).str[0].str.strip()).replace("", None)
    pairs = _buyers(tables)
    buyers = known.reindex(sorted(set(pairs["customer_id"])))
    traits = _traits(pairs, buyers, fields)
    if traits.empty:
        return NotAvailable(
            (), _(ANSWERS), reason=_("the buyers of no product differ from other buyers in what is known of them.")
        )
    mine = known.reindex(ids)
    rows = []
    for category, told in traits.groupby("category"):
        used = told.head(TOLD)
        has = np.mean([(mine[t] == v).to_numpy() for t, v in zip(used["trait"], used["trait_value"], strict=True)], axis=0)
        rows += [(c, category, float(f)) for c, f in zip(ids, has, strict=True) if f >= FITS - 1e-9]
    strength = traits.groupby("category")["difference_low"].max()
    table = pd.DataFrame(rows, columns=["customer_id", "category", "fit"])
    table["_strength"] = table["category"].map(strength)
    table = table.sort_values(["fit", "_strength", "customer_id", "category"], ascending=[False, False, True, True])
    return ProductFit(traits, table.drop(columns="_strength").reset_index(drop=True), len(ids), tables.as_of)


def _buyers(tables: Tables) -> pd.DataFrame:
    lines = tables.order_lines
    lines = lines.filter(lines.customer_id.notnull(), lines.line_amount >= 0)
    named = tables.products.filter(tables.products.category.notnull()).select("product_id", "category")
    pairs = lines.join(named, "product_id").select("customer_id", "category").distinct()
    return frame(pairs, by=["category", "customer_id"])


def _traits(pairs: pd.DataFrame, buyers: pd.DataFrame, fields: list[str]) -> pd.DataFrame:
    """category, trait, trait_value, buyer_share, other_share, difference_low: of each trait the value that stands out most."""
    parts = []
    for f in fields:
        values = buyers[f].dropna()
        if not 2 <= values.nunique() <= MOST:
            continue
        of_pair = pairs["customer_id"].map(values)
        inside = pd.crosstab(pairs["category"], of_pair)
        bought = inside.sum(axis=1)
        inside = inside[(bought >= LEAST) & (bought < len(values))]
        n = inside.sum(axis=1).to_numpy()[:, None]
        a, whole = inside.to_numpy(), values.value_counts().reindex(inside.columns).to_numpy()
        b, rest = whole - a, len(values) - n
        difference_low = a / n - b / rest - np.hypot(a / n - intervals.wilson(a, n)[0], intervals.wilson(b, rest)[1] - b / rest)
        found = pd.DataFrame({
            "category": np.repeat(inside.index, a.shape[1]), "trait": f, "trait_value": np.tile(inside.columns, len(inside)),
            "buyer_share": (a / n).ravel(), "other_share": (b / rest).ravel(), "difference_low": difference_low.round(9).ravel(),
        })  # fmt: skip
        found = found[found["difference_low"] > 0].sort_values(["difference_low", "trait_value"], ascending=[False, True])
        parts.append(found.drop_duplicates("category"))
    columns = ["category", "trait", "trait_value", "buyer_share", "other_share", "difference_low"]
    out = pd.concat(parts) if parts else pd.DataFrame(columns=columns)
    return out.sort_values(["category", "difference_low", "trait"], ascending=[True, False, True], ignore_index=True)[columns]
