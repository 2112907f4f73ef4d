"""How spend goes with income, and whether one product's price moves the sales of another."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import MONEY, Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import Z, holm
from fivestep.language import N_, _
from fivestep.strategy.product_names import with_product_names

INCOME_ANSWERS, CROSS_ANSWERS = (
    N_("how spend on each category goes with income"),
    N_("whether the price of one product moves the sales of another"),
)
CATEGORIES = 12  # those with the most spend
LEAST_BUYERS = 50  # customers who bought of a category
SIGNIFICANT = 0.05
LUXURY, NORMAL, INFERIOR, NEITHER = (
    N_("Rises more than income"), N_("Rises with income"), N_("Falls as income rises"), N_("No relation to be seen"),
)  # fmt: skip
GROUPS, PRODUCTS = 6, 4  # categories and, of each category, those with the most units
WEEKS = 30  # in which both products of a pair were sold, and in the week before too
MOVES, MOVE = 6, 0.03  # weeks in which the other price moved by so much, whatever one's own did
TOGETHER = 0.8  # correlation of two prices from which they are not told apart
SUBSTITUTES, COMPLEMENTS, NOT_SEEN = N_("Sells more when the other is dearer"), N_("Sells less when the other is dearer"), NEITHER
UNITS = {"k": 1e3, "K": 1e3, "千": 1e3, "万": 1e4, "萬": 1e4}


@dataclass(frozen=True)
class IncomeElasticity:
    """Spend on categories by income, across customers.

    ``table``: one row per category, by spend: category, customers (who bought of it), spend_low_income and spend_high_income
    (mean per customer in the lowest and highest third of incomes), income_elasticity with income_elasticity_low and
    income_elasticity_high (95 %), income_verdict (Holm over the categories). ``customers``: with a known income and an order.
    """

    table: pd.DataFrame
    customers: int
    banded: bool
    first_day: dt.date
    as_of: dt.date

    def headline(self) -> str:
        """Which category goes with income most."""
        told = self.table[self.table["income_verdict"] != NEITHER]
        if told.empty:
            return _("Spend on no category is seen to go with income")
        first = told.loc[told["income_elasticity"].abs().idxmax()]
        return _("{n} of {all} categories go with income, most of all {category}: {value} percent per percent").format(
            n=language.number(len(told)), all=language.number(len(self.table)),
            category=language.value("products.category", first["category"]), value=language.number(first["income_elasticity"], 1),
        )  # fmt: skip

    def note(self) -> str:
        """Base, definition and what it is not."""
        out = _(
            "Base: {n} customers with a known income and an order from {first} to {last}. Elasticity: slope of the logarithm of "
            "expected spend on that of income, customers without a purchase included (Poisson regression, robust 95 % interval). "
            "Cross-sectional: it compares customers of different income and does not say what a rise would do; age, place and "
            "taste differ with income too. Verdict: Holm over the categories."
        ).format(n=language.number(self.customers), first=language.day(self.first_day), last=language.day(self.as_of))
        bands = _("Income is the middle of each band; of the lowest three quarters of its end, of the highest a quarter more.")
        return f"{out} {bands}" if self.banded else out

    def finding(self) -> Finding:
        """The categories that go with income."""
        told = self.table[self.table["income_verdict"] != NEITHER]
        first = self.table.loc[self.table["income_elasticity"].abs().idxmax()]
        return Finding(
            key="strategy.income_elasticity",
            value=float(len(told)),
            unit="count",
            display=language.number(len(told)),
            text=language.sentence(self.headline()),
            evidence=_("{category}: {value}, {low} to {high}.").format(
                category=language.value("products.category", first["category"]),
                value=language.number(first["income_elasticity"], 2), low=language.number(first["income_elasticity_low"], 2),
                high=language.number(first["income_elasticity_high"], 2),
            ),
            so_what=_("Offer what rises with income where incomes are high; do not price a person by income."),
            confidence="low",
            warnings=(_("Customers of different income are compared, not incomes that changed."),),
        )  # fmt: skip


@needs(
    "order_lines.customer_id", "order_lines.product_id", "order_lines.line_amount", "products.category", answers=INCOME_ANSWERS
)
def income_elasticity(tables: Tables, *, window_days: int = 365) -> IncomeElasticity | NotAvailable:
    """Elasticity of spend on each of the `CATEGORIES` largest categories to income, across customers.

    Income or its band must be allowed, as every sensitive field; bands stand for their middle. Returns are netted, and
    net spend on a category below zero counts as none. Source of the regression: Santos Silva, Tenreyro (2006).
    """
    field = next((f for f in ("income", "income_band") if not tables.missing(f"customers.{f}")), None)
    if field is None:
        reason = _("income is sensitive, and sensitive_fields in engagement.yml does not allow it, or the data has none.")
        return NotAvailable((), _(INCOME_ANSWERS), reason=reason)
    start = max(tables.first_day, tables.as_of - dt.timedelta(days=window_days - 1))
    people = tables.customers.distinct(on="customer_id", keep="first").select("customer_id", field).rename(said=field)
    people = frame(people.filter(people.said.notnull()), by=["customer_id"])
    people["income"] = pd.to_numeric(people["said"]).astype(float) if field == "income" else people["said"].map(_middle)
    lines = tables.order_lines.filter(tables.order_lines.order_date.date() >= start)
    products = tables.products.distinct(on="product_id", keep="first").select("product_id", "category")
    lines = lines.join(products, "product_id").filter(lambda t: t.category.notnull() & t.customer_id.notnull())
    sums = lines.group_by("customer_id", "category").aggregate(spend=lines.line_amount.sum().cast(MONEY).cast("float64"))
    spend = frame(sums, by=["customer_id", "category"])
    known = people[(people["income"] > 0) & people["customer_id"].isin(spend["customer_id"])].set_index("customer_id")["income"]
    spend = spend[spend["customer_id"].isin(known.index)]
    wide = spend.pivot(index="customer_id", columns="category", values="spend").reindex(known.index).fillna(0.0).clip(lower=0)
    largest = wide.sum().sort_values(ascending=False, kind="stable")
    chosen = [c for c in largest.index[:CATEGORIES] if (wide[c] > 0).sum() >= LEAST_BUYERS]
    if not chosen or known.nunique() < 3:
        return NotAvailable((), _(INCOME_ANSWERS), reason=_("too few customers with a known income bought of any category."))
    thirds = np.quantile(known, [1 / 3, 2 / 3])
    rows = []
    for category in chosen:
        y = wide[category].to_numpy()
        slope, error = _slope(np.log(known.to_numpy()), y)
        ends = (y[known.to_numpy() <= thirds[0]].mean(), y[known.to_numpy() >= thirds[1]].mean())
        rows.append((category, int((y > 0).sum()), *ends, slope, slope - Z * error, slope + Z * error, _chance(slope / error)))
    names = ["category", "customers", "spend_low_income", "spend_high_income", "income_elasticity", "income_elasticity_low",
             "income_elasticity_high", "chance"]  # fmt: skip
    table = pd.DataFrame(rows, columns=names)
    sure = holm(table.pop("chance")).reindex(table.index) < SIGNIFICANT
    rises = table["income_elasticity"] > 0
    table["income_verdict"] = np.select(
        [sure & (table["income_elasticity_low"] > 1), sure & rises, sure], [LUXURY, NORMAL, INFERIOR], NEITHER
    )
    return IncomeElasticity(table, len(known), field == "income_band", start, tables.as_of)


def _middle(said: str) -> float:
    """The middle of a band of income such as 35-49K, Under 15K, 250K+; missing where it names no number."""
    text = str(said) if re.search(r"\d", str(said)) else language.value("customers.income_band", said)
    found = re.findall(r"(\d[\d,]*(?:\.\d+)?)\s*([kK千万萬]?)", text)
    if not found:
        return np.nan
    unit = next((u for _n, u in reversed(found) if u), "")
    numbers = [float(n.replace(",", "")) * UNITS.get(u or unit, 1.0) for n, u in found]
    if len(numbers) > 1:
        return (numbers[0] + numbers[-1]) / 2
    above = re.search(r"\+|over|above|more|以上|>", text, re.IGNORECASE)
    return numbers[0] * (1.25 if above else 0.75)


def _slope(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope of a Poisson regression of *y* on *x* and its robust standard error."""
    design = np.column_stack([np.ones(len(x)), x - x.mean()])
    beta = np.array([np.log(y.mean()), 0.0])
    for _step in range(50):
        mean = np.exp(design @ beta)
        move = np.linalg.solve((design * mean[:, None]).T @ design, design.T @ (y - mean))
        beta = beta + np.clip(move, -2, 2)
        if np.abs(move).max() < 1e-10:
            break
    mean = np.exp(design @ beta)
    bread = np.linalg.inv((design * mean[:, None]).T @ design)
    meat = (design * ((y - mean) ** 2)[:, None]).T @ design
    return float(beta[1]), float(np.sqrt((bread @ meat @ bread)[1, 1] * len(y) / (len(y) - 2)))


def _chance(z: float) -> float:
    from scipy.stats import norm

    return float(2 * norm.sf(abs(z)))


@dataclass(frozen=True)
class CrossPrices:
    """Pairs of products of one category: the sales of one against the price of the other.

    ``table``: one row per ordered pair that could be judged, by chance: category, product, other_product, cross_weeks,
    own_elasticity, cross_elasticity with cross_low and cross_high (95 %), cross_chance (after Benjamini and Hochberg) and
    cross_verdict. ``refused``: pairs whose other price hardly varies, or moves with one's own, or that were sold in too few
    weeks.
    """

    table: pd.DataFrame
    refused: int

    def shown(self) -> pd.DataFrame:
        """The pairs with a verdict first, twelve at most."""
        return self.table.head(CATEGORIES)

    def headline(self) -> str:
        """How many pairs move each other's sales."""
        told = self.table[self.table["cross_verdict"] != NOT_SEEN]
        if told.empty:
            return language.ngettext(
                "In the one pair of products whose prices tell it, neither moves the sales of the other",
                "In none of {n} pairs of products does the price of one move the sales of the other beyond chance",
                len(self.table),
            ).format(n=language.number(len(self.table)))
        first = told.iloc[0]
        return _("{n} of {all} pairs move with the other's price, first {product} with {other}").format(
            n=language.number(len(told)), all=language.number(len(self.table)),
            product=first["product"],
            other=first["other_product"],
        )  # fmt: skip

    def note(self) -> str:
        """The model, and what was refused."""
        return _(
            "The {products} products with the most units of each of the {groups} largest categories. Change from week to week "
            "of the logarithm of units on that of both prices and of all other sales of the category; at least {weeks} weeks, "
            "robust 95 % interval, false discoveries held at 5 % (Benjamini and Hochberg). {refused} pairs are refused: the "
            "other price hardly varies, moves with one's own, or too few weeks. Prices were not changed by chance: what else "
            "was promoted with them counts in."
        ).format(
            groups=language.number(GROUPS),
            products=language.number(PRODUCTS),
            weeks=language.number(WEEKS),
            refused=language.number(self.refused),
        )


@needs("order_lines.product_id", "order_lines.quantity", "order_lines.line_amount", "products.category", answers=CROSS_ANSWERS)
def cross_prices(tables: Tables) -> CrossPrices | NotAvailable:
    """Cross-price elasticities within categories, week against week before, with false-discovery control.

    Price: mean unit_price of a week where the data has one, else what was paid per unit. Returns are excluded. `NotAvailable`
    where no pair's prices vary enough. Sources: MacKinnon, White (1985) for HC1; Benjamini, Hochberg (1995).
    """
    from scipy.stats import false_discovery_control

    listed = not tables.missing("order_lines.unit_price")
    products = tables.products.distinct(on="product_id", keep="first").select("product_id", "category")
    lines = tables.order_lines.join(products, "product_id")
    lines = lines.filter(lines.category.notnull() & (lines.quantity > 0) & (lines.line_amount > 0))
    paid = lines.unit_price.cast("float64") * lines.quantity if listed else lines.line_amount.cast("float64")
    lines = lines.select("product_id", "category", "quantity", paid=paid, week=(lines.order_date.date().epoch_days() + 3) // 7)
    sold = lines.group_by("category", "product_id").aggregate(units=lines.quantity.sum(), weeks=lines.week.nunique())
    ranked = frame(sold, by=["category", "product_id"])
    ranked = ranked[ranked["weeks"] > WEEKS].sort_values(["units", "product_id"], ascending=[False, True])
    ranked = ranked.groupby("category").head(PRODUCTS)
    several = ranked.groupby("category")["units"].agg(["sum", "size"]).query("size > 1")
    by_size = several.sort_values("sum", ascending=False, kind="stable").index[:GROUPS]
    ranked = ranked[ranked["category"].isin(by_size)]
    weekly = lines.filter(lines.product_id.isin(ranked["product_id"].tolist()))
    weekly = weekly.group_by("category", "product_id", "week").aggregate(units=weekly.quantity.sum(), paid=weekly.paid.sum())
    rows = frame(weekly, by=["category", "product_id", "week"])
    total = lines.filter(lines.category.isin(by_size.tolist())).group_by("category", "week")
    total = frame(total.aggregate(units=lines.quantity.sum()), by=["category", "week"]).set_index(["category", "week"])["units"]
    out, refused = [], 0
    for category in by_size:
        chosen = ranked.loc[ranked["category"] == category, "product_id"]
        mine = rows[rows["product_id"].isin(chosen)]
        units = mine.pivot(index="week", columns="product_id", values="units")
        prices = mine.assign(price=mine["paid"] / mine["units"]).pivot(index="week", columns="product_id", values="price")
        weeks = range(int(rows["week"].min()), int(rows["week"].max()) + 1)
        units, prices = (np.log(t.reindex(weeks).astype(float)).diff() for t in (units, prices))
        whole = total[category].reindex(weeks).astype(float)
        for one, other in itertools.permutations(chosen, 2):
            sold = mine.loc[mine["product_id"] == one].set_index("week")["units"].reindex(weeks)
            rest = np.log((whole - sold.fillna(0)).where(lambda t: t > 0)).diff()
            said = _cross(units[one], prices[one], prices[other], rest)
            if said is None:
                refused += 1
            else:
                out.append((category, one, other, *said))
    if not out:
        reason = _("no two products of a category have prices that vary enough, and apart from each other.")
        return NotAvailable((), _(CROSS_ANSWERS), reason=reason)
    names = ["category", "product", "other_product", "cross_weeks", "own_elasticity", "cross_elasticity", "cross_low",
             "cross_high", "cross_chance"]  # fmt: skip
    table = pd.DataFrame(out, columns=names).sort_values(["cross_chance", "product", "other_product"], ignore_index=True)
    table["cross_chance"] = false_discovery_control(table["cross_chance"], method="bh")
    sure = table["cross_chance"] < SIGNIFICANT
    table["cross_verdict"] = np.select([sure & (table["cross_elasticity"] > 0), sure], [SUBSTITUTES, COMPLEMENTS], NOT_SEEN)
    return CrossPrices(with_product_names(table, tables, ("product", "other_product")), refused)


def _cross(units: pd.Series, own: pd.Series, other: pd.Series, rest: pd.Series) -> tuple | None:
    """Weeks, own elasticity, cross elasticity with its interval and two-sided chance; None where prices cannot tell."""
    from scipy.stats import t

    both = pd.DataFrame({"y": units, "own": own, "other": other, "rest": rest}).dropna()
    if len(both) < WEEKS or (both["other"].abs() >= MOVE).sum() < MOVES:
        return None
    varies = both["own"].std() > 1e-9  # one's own price may stand still
    if varies and abs(both["own"].corr(both["other"])) >= TOGETHER:
        return None
    design = np.column_stack([np.ones(len(both)), both["other"], both["rest"], *([both["own"]] if varies else [])])
    bread = np.linalg.pinv(design.T @ design)
    beta = bread @ design.T @ both["y"].to_numpy()
    left = both["y"].to_numpy() - design @ beta
    free = len(both) - design.shape[1]
    error = float(np.sqrt((bread @ ((design * (left**2)[:, None]).T @ design) @ bread)[1, 1] * len(both) / free))
    half = float(t.ppf(0.975, free)) * error
    chance = float(2 * t.sf(abs(beta[1]) / error, free)) if error > 0 else 1.0
    return len(both), float(beta[3]) if varies else np.nan, float(beta[1]), beta[1] - half, beta[1] + half, chance
