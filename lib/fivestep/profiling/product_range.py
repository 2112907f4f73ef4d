"""The range of products: its width, length, depth and consistency."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, ngettext
from fivestep.profiling.covered_months import period

ANSWERS = N_("how wide, long, deep and consistent the range of products is")
LEADING = 0.8  # of the spend of a line


@dataclass(frozen=True)
class ProductRange:
    """The four measures of a range.

    ``table``: one row: range_width, range_length, range_depth, range_consistency (NaN with one line). ``lines``: one row per
    product line (department, else category), most spend first: range_line, products_listed, products_sold, range_categories
    (depth is the mean number of products in each), range_depth, products_leading (that make 80 % of its spend), customers,
    share_of_spend, range_overlap (mean share of common buyers with the other lines, Jaccard).
    """

    table: pd.DataFrame
    lines: pd.DataFrame
    field: str
    unknown: int
    first_day: dt.date
    as_of: dt.date

    def by_line(self) -> pd.DataFrame:
        """The lines as the reader sees them."""
        return self.lines.assign(range_line=[language.value(f"products.{self.field}", v) for v in self.lines["range_line"]])

    def headline(self) -> str:
        """Width and length."""
        return _("The range has {width} lines with {length} products that sold, {depth} to a category on average").format(
            width=language.number(self.table["range_width"].iloc[0]),
            length=language.number(self.table["range_length"].iloc[0]),
            depth=language.number(self.table["range_depth"].iloc[0], 1),
        )

    def lines_headline(self) -> str:
        """How many products bring 80 % of spend."""
        n, sold = int(self.lines["products_leading"].sum()), int(self.lines["products_sold"].sum())
        return ngettext(
            "{n} of {sold} product brings 80% of the spend of its line",
            "{n} of {sold} products bring 80% of the spend of their lines",
            n,
        ).format(n=language.number(n), sold=language.number(sold))

    def note(self) -> str:
        """Base and definitions."""
        base = _("Base: {n} products of known line, {period}. A line is a {field}.").format(
            n=language.number(self.lines["products_listed"].sum()),
            period=period(self.first_day, self.as_of),
            field=_("department") if self.field == "department" else _("category"),
        )
        unknown = (
            ngettext(
                "{n} product of unknown line is left out.", "{n} products of unknown line are left out.", self.unknown
            ).format(n=language.number(self.unknown))
            if self.unknown
            else ""
        )
        return " ".join(filter(None, (base, unknown)))

    def finding(self) -> Finding:
        """The length of the range, and how much of it leads."""
        sold, listed = int(self.lines["products_sold"].sum()), int(self.lines["products_listed"].sum())
        idle = listed - sold
        return Finding(
            key="profiling.range_length",
            value=float(sold),
            unit="count",
            display=language.number(sold),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Review the products that do not sell: {n} of {all} listed ones had no sale.").format(
                n=language.number(idle), all=language.number(listed)
            )
            if idle
            else _("Every listed product sold; look at the last fifth of spend before the range grows."),
            confidence="medium" if self.unknown else "high",
            assumptions=(
                _(
                    "Width, length, depth and consistency as in Kotler: consistency is measured by common buyers, not by "
                    "production."
                ),
            ),
        )


@needs("products.product_id", "order_lines.product_id", "order_lines.line_amount", answers=ANSWERS)
def product_range(tables: Tables) -> ProductRange | NotAvailable:
    """Width (lines), length (products sold), depth (products to a category) and consistency (common buyers of the lines).

    Consistency: mean over all pairs of lines of the customers who buy both, of those who buy either (Jaccard); of the lines with
    a buyer. A product counts as sold with a line of an amount above 0.

    Source: Kotler and Keller, Marketing Management: width, length, depth and consistency of the product mix.
    """
    field = next((f for f in ("department", "category") if not tables.missing(f"products.{f}")), None)
    if field is None:
        return NotAvailable(("products.department", "products.category"), _(ANSWERS))
    products, lines = tables.products, tables.order_lines
    category = products.category if "category" in products.columns else products[field]
    listed = products.select("product_id", range_line=products[field], category=category).distinct(on="product_id", keep="first")
    sold = lines.filter(lines.line_amount > 0)
    spent = sold.group_by("product_id").aggregate(spend=sold.line_amount.sum())
    each = frame(listed.left_join(spent, "product_id").drop("product_id_right"), by=["product_id"])
    unknown = int(each["range_line"].isna().sum())
    each = each.dropna(subset="range_line")
    if each.empty or each["spend"].notna().sum() == 0:
        return NotAvailable((), _(ANSWERS), reason=_("No product of known line has sold."))
    buyers = sold.filter(sold.customer_id.notnull()).inner_join(listed.filter(listed.range_line.notnull()), "product_id")
    pairs = frame(buyers.select("customer_id", "range_line").distinct(), by=["customer_id", "range_line"])
    has = pd.crosstab(pairs["customer_id"], pairs["range_line"]).clip(upper=1) if len(pairs) else pd.DataFrame()
    held = has.to_numpy().astype(np.int64) if len(pairs) else np.zeros((0, 0), np.int64)
    both, n = held.T @ held, held.sum(axis=0)
    union = n[:, None] + n[None, :] - both
    jaccard = np.where(union > 0, both / np.maximum(union, 1), 0.0)
    k = len(n)
    overlap = (jaccard.sum(axis=1) - 1) / (k - 1) if k > 1 else np.full(k, np.nan)
    total = each["spend"].sum()
    rows = []
    for line, part in each.groupby("range_line", sort=True):
        going = part.dropna(subset="spend").sort_values(["spend", "product_id"], ascending=[False, True])
        depth = going.dropna(subset="category").groupby("category").size()
        leading = int((going["spend"].cumsum() < LEADING * going["spend"].sum() - 1e-9).sum()) + 1 if len(going) else 0
        at = list(has.columns).index(line) if len(pairs) and line in has.columns else None
        rows.append(
            {
                "range_line": line,
                "products_listed": len(part),
                "products_sold": len(going),
                "range_categories": len(depth),
                "range_depth": float(depth.mean()) if len(depth) else np.nan,
                "products_leading": leading,
                "customers": 0 if at is None else int(n[at]),
                "share_of_spend": going["spend"].sum() / total,
                "range_overlap": np.nan if at is None else float(overlap[at]),
            }
        )
    table = pd.DataFrame(rows).sort_values(["share_of_spend", "range_line"], ascending=[False, True], ignore_index=True)
    going = each.dropna(subset=["spend"])
    depth = going.dropna(subset="category").groupby(["range_line", "category"]).size()
    pairs_mean = float(jaccard[np.triu_indices(k, 1)].mean()) if k > 1 else np.nan
    measured = pd.DataFrame(
        {
            "range_width": [int((table["products_sold"] > 0).sum())],
            "range_length": [len(going)],
            "range_depth": [float(depth.mean()) if len(depth) else np.nan],
            "range_consistency": [pairs_mean],
        }
    )
    return ProductRange(measured, table, field, unknown, tables.first_day, tables.as_of)
