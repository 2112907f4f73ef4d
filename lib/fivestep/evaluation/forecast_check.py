"""Whether the demand that the last review foretold has come."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _

QUESTION = N_("whether the demand that was foretold has come")
HORIZON = 28  # days that a forecast covers
ABOVE, INSIDE, BELOW, NO_RANGE = N_("More than foretold"), N_("As foretold"), N_("Less than foretold"), N_("No range was given")


@dataclass(frozen=True)
class ForecastCheck:
    """The forecast of the last review beside what came.

    ``table``: one row per category, largest forecast first: category, demand_forecast, demand_low, demand_high (as handed over
    then), demand_came, forecast_miss (what came divided by the forecast, less one), forecast_verdict. ``day``: as-of date of the
    last review.
    """

    table: pd.DataFrame
    day: dt.date

    @property
    def held(self) -> int:
        """Categories within their range."""
        return int((self.table["forecast_verdict"] == INSIDE).sum())

    def headline(self) -> str:
        """How far the whole forecast missed, and how many ranges held."""
        foretold, came = self.table["demand_forecast"].sum(), self.table["demand_came"].sum()
        ranged = int((self.table["forecast_verdict"] != NO_RANGE).sum())
        said = _("{came} came where {foretold} was foretold").format(
            came=language.short_money(came), foretold=language.short_money(foretold)
        )
        if not ranged:
            return said
        return _("{said}; {held} of {n} ranges held").format(
            said=said, held=language.number(self.held), n=language.number(ranged)
        )

    def note(self) -> str:
        """Days, and what is to be expected."""
        return _(
            "Spend of the {days} days after {day}, refunds netted, beside the forecast that was handed over then. Of ranges of "
            "95 of 100 earlier errors about one in twenty should fail: many more say that something changed."
        ).format(days=language.number(HORIZON), day=language.day(self.day))

    def finding(self) -> Finding:
        """Whether to trust the next forecast."""
        foretold, came = float(self.table["demand_forecast"].sum()), float(self.table["demand_came"].sum())
        miss = came / foretold - 1 if foretold > 0 else float("nan")
        outside = self.table[self.table["forecast_verdict"].isin([ABOVE, BELOW])]
        return Finding(
            key="evaluation.forecast_miss",
            value=miss,
            unit="share",
            display=language.percent(miss, 1) if foretold > 0 else language.MISSING,
            text=language.sentence(self.headline()),
            evidence=_("Outside of their range: {categories}.").format(
                categories=language.listing([language.value("products.category", c) for c in outside["category"][:5]])
            )
            if len(outside)
            else _("No category was outside of its range."),
            so_what=_("Look for what changed in the categories outside of their range before the next order of goods."),
            confidence="high",
        )


@needs("order_lines.product_id", "order_lines.line_amount", "products.category", answers=QUESTION)
def forecast_check(tables: Tables, foretold: pd.DataFrame | None, day: dt.date) -> ForecastCheck | NotAvailable:
    """Spend of the 28 days after *day* beside the forecast that the review of that day handed over.

    `NotAvailable` without one, or where the data does not cover these days yet.
    """
    if foretold is None or foretold.empty:
        return NotAvailable((), _(QUESTION), reason=_("the last review handed over no forecast."))
    last = day + dt.timedelta(days=HORIZON)
    if last > tables.as_of:
        return NotAvailable((), _(QUESTION), reason=_("the days that it foretold are not over."))
    products = tables.products.distinct(on="product_id", keep="first").select("product_id", "category")
    lines = tables.order_lines.join(products, "product_id")
    lines = lines.filter(lines.order_date.date().between(day + dt.timedelta(days=1), last))
    sums = lines.group_by("category").aggregate(came=lines.line_amount.sum().cast("float64"))
    came = frame(sums.filter(sums.category.notnull()), by=["category"]).set_index("category")["came"]
    table = foretold[["category", "demand_forecast", "demand_low", "demand_high"]].copy()
    table["demand_came"] = table["category"].map(came).fillna(0.0)
    table["forecast_miss"] = table["demand_came"] / table["demand_forecast"].where(table["demand_forecast"] > 0) - 1
    table["forecast_verdict"] = np.select(
        [table["demand_low"].isna(), table["demand_came"] > table["demand_high"], table["demand_came"] < table["demand_low"]],
        [NO_RANGE, ABOVE, BELOW],
        INSIDE,
    )
    return ForecastCheck(table.reset_index(drop=True), day)
