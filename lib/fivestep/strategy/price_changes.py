"""What happened to sales when the price of a category changed, against categories whose price stayed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.coverage import coverage
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _

ANSWERS = N_("how sales answered when a price changed")
SIDE = 3  # whole months on either side
YEAR = 12
STEP = 0.03  # change of a category's mean price from which it is one
STEADY = 0.01  # change up to which a price stayed
FEWEST = 5  # categories whose price stayed, from whose spread chance is told
UNITS = 100  # units a category sells in the months before
ELASTIC, INELASTIC, OPEN = (
    N_("Units move more than the price"),
    N_("Units move less than the price"),
    N_("Not clear"),
)


@dataclass(frozen=True)
class PriceChanges:
    """Categories whose price changed at once, and their sales.

    ``table``: one row per change, by month: category, price_month, price_before, price_after, price_change, units_change
    (against categories whose price stayed and, where covered, the same months a year before), elasticity with elasticity_low
    and elasticity_high (95 % prediction interval from the spread of those categories), price_verdict. ``steady``: how many
    categories these are.
    """

    table: pd.DataFrame
    steady: int

    def headline(self) -> str:
        """Whether any elasticity is clear."""
        clear = self.table[self.table["price_verdict"] != OPEN]
        if clear.empty:
            return language.ngettext(
                "How sales answered the one change of price is not clear",
                "How sales answered {n} changes of price is not clear",
                len(self.table),
            ).format(n=language.number(len(self.table)))
        first = clear.iloc[0]
        return _("After the price of {category} changed by {price}, units sold changed by {units}").format(
            category=language.value("products.category", first.category), price=language.percent(first.price_change),
            units=language.percent(first.units_change),
        )  # fmt: skip

    def note(self) -> str:
        """How it is told, and why it is weak evidence."""
        return _(
            "Mean price per unit before discounts, {side} whole months before and after; a change of {step} or more at once. "
            "Units: after against before (and against the same months a year earlier, where the data covers them), divided by "
            "the same of {steady} categories whose price stayed; the 95 % interval comes from their spread. Nobody drew by "
            "chance what becomes dearer or when: a season, a launch or a rival counts as an effect of the price. Only a price "
            "test tells it."
        ).format(side=language.number(SIDE), step=language.percent(STEP), steady=language.number(self.steady))

    def finding(self) -> Finding:
        """The elasticity of the largest change."""
        rows = self.table.assign(size=self.table["price_change"].abs())
        first = rows.sort_values(["size", "category"], ascending=[False, True]).iloc[0]
        return Finding(
            key="strategy.price_elasticity",
            value=float(first.elasticity),
            unit="ratio",
            display=language.number(first.elasticity, 1),
            text=language.sentence(self.headline()),
            evidence=_("{category}: elasticity {value}, {low} to {high}.").format(
                category=language.value("products.category", first.category), value=language.number(first.elasticity, 1),
                low=language.number(first.elasticity_low, 1), high=language.number(first.elasticity_high, 1),
            ),
            so_what=_("Before the next change of prices, change them in some branches drawn by chance, and compare."),
            confidence="low",
            warnings=(_("Prices were not changed by chance."),),
            assumptions=(_("Without the change the category would have gone the way of the others."),),
        )  # fmt: skip


@needs(
    "order_lines.product_id", "order_lines.quantity", "order_lines.unit_price", "products.category", answers=ANSWERS,
)  # fmt: skip
def price_changes(tables: Tables) -> PriceChanges | NotAvailable:
    """Changes of a category's mean price and what its units did, against categories whose price stayed.

    Difference in differences of logarithms, with a t interval for one more such category. `NotAvailable` where no price changed
    at once, or fewer than `FEWEST` prices stayed. Returns are excluded.
    """
    from scipy.stats import t

    whole = coverage(tables).months()
    months = pd.DatetimeIndex(whole.loc[whole["complete"], "month"])
    products = tables.products.distinct(on="product_id", keep="first").select("product_id", "category")
    lines = tables.order_lines.join(products, "product_id")
    lines = lines.filter(lines.category.notnull() & (lines.quantity > 0) & (lines.unit_price > 0))
    price = lines.unit_price.cast("float64") * lines.quantity
    lines = lines.select("product_id", "category", "quantity", paid=price, month=lines.order_date.date().truncate("M"))
    sums = lines.group_by("product_id", "category", "month").aggregate(units=lines.quantity.sum(), paid=lines.paid.sum())
    rows = frame(sums, by=["category", "product_id", "month"])
    rows["price"] = rows["paid"] / rows["units"]
    rows["month"] = pd.to_datetime(rows["month"])
    units = rows.pivot_table(index="month", columns="category", values="units", aggfunc="sum").reindex(months)
    prices = {c: _index(mine, months) for c, mine in rows.groupby("category")}
    found: list[tuple] = []
    for place in range(SIDE, len(months) - SIDE + 1):
        step = {c: float(np.log(p[place : place + SIDE].mean() / p[place - SIDE : place].mean())) for c, p in prices.items()}
        sudden = {c: float(np.log(p[place] / p[place - 1])) for c, p in prices.items()}
        enough = {c for c in prices if units[c].iloc[place - SIDE : place].sum() >= UNITS and units[c].notna().all()}
        moved = {c: _moved(units[c].to_numpy(float), place) for c in enough}
        steady = sorted(c for c in enough if abs(step[c]) <= STEADY)
        for c in sorted(enough):
            if abs(step[c]) < STEP or abs(sudden[c]) < STEP or len(steady) < FEWEST:
                continue
            others = np.array([moved[s] for s in steady])
            gap = moved[c] - others.mean()
            half = float(t.ppf(0.975, len(others) - 1)) * others.std(ddof=1) * np.sqrt(1 + 1 / len(others))
            ends = sorted(((gap - half) / step[c], (gap + half) / step[c]))
            verdict = ELASTIC if ends[1] < -1 else INELASTIC if ends[0] > -1 and ends[1] < 0 else OPEN
            p = prices[c]
            before, after = float(p[place - SIDE : place].mean()), float(p[place : place + SIDE].mean())
            found.append(
                (c, months[place], before, after, after / before - 1, np.expm1(gap), gap / step[c], *ends, verdict, len(steady))
            )
    if not found:
        reason = _("no category became dearer or cheaper at once while others kept their price.")
        return NotAvailable((), _(ANSWERS), reason=reason)
    names = ["category", "price_month", "price_before", "price_after", "price_change", "units_change", "elasticity",
             "elasticity_low", "elasticity_high", "price_verdict", "steady"]  # fmt: skip
    table = pd.DataFrame(found, columns=names)
    return PriceChanges(table.drop(columns="steady"), int(table["steady"].min()))


def _index(mine: pd.DataFrame, months: pd.DatetimeIndex) -> np.ndarray:
    """The mean price of a category by month, its products weighted as over the whole time, so that their mix changes nothing."""
    price = mine.pivot_table(index="month", columns="product_id", values="price").reindex(months).ffill().bfill()
    weight = mine.groupby("product_id")["units"].sum()
    return (price * weight).sum(axis=1).to_numpy() / float(weight.sum())


def _moved(units: np.ndarray, place: int) -> float:
    """Logarithm of units after against before, less that of the same months a year earlier where they are covered."""

    def change(at: int) -> float:
        return float(np.log(units[at : at + SIDE].sum() / units[at - SIDE : at].sum()))

    return change(place) - (change(place - YEAR) if place >= YEAR + SIDE else 0.0)
