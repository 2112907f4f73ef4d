"""Retention by cohort: of the customers first seen in a month, who ordered again in each later month."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.coverage import coverage
from fivestep.engine import Tables, frame, needs
from fivestep.evaluation.purchases import purchases
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _

SHOWN_MONTHS = (1, 3, 6)
SHOWN_COHORTS, SHOWN_WIDTH = 24, 18  # what a page can hold; the result has all
FEW = 30  # customers: below this one customer moves a share by several points
FIRST_SEEN, NEW = N_("First seen, may be old customers"), N_("New, or back after a long silence")
ALL, LATER = N_("All cohorts"), N_("Cohorts of new customers")
QUESTION = N_("how many customers order again in the months after their first order")


@dataclass(frozen=True)
class Retention:
    """Retention of monthly cohorts.

    ``table``: one row per cohort and later month that the data covers whole, by cohort and months_since: cohort (month first
    seen), cohort_customers (its size), months_since (1 ...), retained (customers with an order in that month), retention (0..1),
    censored. ``sizes``: one row per cohort, those without a later month included. A cohort is ``censored`` when it starts within
    ``lapsed_after_days`` of the first day of the data: its customers may have ordered before. ``anonymous``: orders without a
    customer, left out.
    """

    table: pd.DataFrame
    sizes: pd.DataFrame
    first_day: dt.date
    lapsed_after_days: int
    anonymous: int

    def cohorts(self) -> pd.DataFrame:
        """One row per cohort: whom it consists of, size, and the share that ordered again in months 1, 3 and 6."""
        out = self.sizes.assign(cohort_kind=np.where(self.sizes["censored"], FIRST_SEEN, NEW))
        wide = self.table.pivot(index="cohort", columns="months_since", values="retention")
        for month in SHOWN_MONTHS:
            out[f"retention_month_{month}"] = out["cohort"].map(wide[month]).astype(float) if month in wide else np.nan
        return out[["cohort", "cohort_kind", "cohort_customers", *(f"retention_month_{m}" for m in SHOWN_MONTHS)]]

    def overall(self) -> pd.DataFrame:
        """Months 1, 3 and 6 over all cohorts and over those of new customers: retention with its 95 % interval."""
        rows = []
        for name, part in ((ALL, self.table), (LATER, self.table[~self.table["censored"]])):
            for month in SHOWN_MONTHS:
                cells = part[part["months_since"] == month]
                if len(cells):
                    rows.append(
                        {
                            "cohort_group": name,
                            "months_since": month,
                            "cohort_customers": cells["cohort_customers"].sum(),
                            "retained": cells["retained"].sum(),
                        }
                    )
        out = pd.DataFrame(rows)
        out["retention"] = out["retained"] / out["cohort_customers"]
        out["retention_low"], out["retention_high"] = wilson(out["retained"], out["cohort_customers"])
        return out

    def triangle(self) -> Figure:
        """The share of each cohort that ordered again, by months since it was first seen; its size stands beside its month."""
        cohorts = self.sizes.tail(SHOWN_COHORTS)
        wide = self.table[self.table["months_since"] <= SHOWN_WIDTH].pivot(
            index="cohort", columns="months_since", values="retention"
        )
        wide = wide.reindex(cohorts["cohort"][cohorts["cohort"].isin(wide.index)])
        sizes = cohorts.set_index("cohort")["cohort_customers"]
        wide.index = [_("{month} (n = {n})").format(month=language.month(c), n=language.number(sizes[c])) for c in wide.index]
        wide.columns = [language.number(c) for c in wide.columns]
        figure = charts.heatmap(wide, write=lambda share: language.percent(share, 0))
        figure.axes[0].set_xlabel(_("Months since first seen"))
        return figure

    def headline(self) -> str:
        """The share of customers that ordered again some months after they were first seen."""
        row = self._main()
        return language.ngettext(
            "{share} of customers ordered again in the first month after they were first seen",
            "{share} of customers ordered again in month {n} after they were first seen",
            int(row["months_since"]),
        ).format(share=language.percent(row["retention"]), n=language.number(row["months_since"]))

    def overall_headline(self) -> str:
        """How retention moves from the first to the last month of the overview."""
        rows = self.overall()
        rows = rows[rows["cohort_group"] == ALL]
        first, last = rows.iloc[0], rows.iloc[-1]
        if len(rows) == 1:
            return self.headline()
        return _("Of customers first seen in the data {first} ordered again in month {a} and {last} in month {b}").format(
            first=language.percent(first["retention"]),
            a=language.number(first["months_since"]),
            last=language.percent(last["retention"]),
            b=language.number(last["months_since"]),
        )

    def cohorts_headline(self) -> str:
        """How many of the customers are new for certain."""
        new = int(self.sizes.loc[~self.sizes["censored"], "cohort_customers"].sum())
        return language.ngettext(
            "{n} of {all} customers was first seen late enough to count as new",
            "{n} of {all} customers were first seen late enough to count as new",
            new,
        ).format(n=language.number(new), all=language.number(self.sizes["cohort_customers"].sum()))

    def _main(self) -> pd.Series:
        rows = self.overall()
        rows = rows[(rows["cohort_group"] == ALL) & (rows["months_since"] <= 3)]
        return rows.iloc[-1]

    def note(self) -> str:
        """What a cell is, which cohorts cannot be called new, what is left out."""
        cell = _(
            "A cell is the share of the cohort with an order in that month; only months that the data covers whole are shown, "
            "and month 0 is always 100%."
        )
        small = _("Cohorts of fewer than {n} customers are drawn too, but one customer moves them by several points.").format(
            n=language.number(FEW)
        )
        small = small if (self.sizes["cohort_customers"] < FEW).any() else ""
        left_out = language.ngettext(
            "Left out: {n} order without a customer.", "Left out: {n} orders without a customer.", self.anonymous
        ).format(n=language.number(self.anonymous))
        return " ".join(filter(None, [cell, self.cohorts_note(), small, self._cut(), left_out if self.anonymous else ""]))

    def _cut(self) -> str:
        if len(self.sizes) <= SHOWN_COHORTS and self.table["months_since"].max() <= SHOWN_WIDTH:
            return ""
        return _("The figure shows at most the last {n} cohorts and the first {m} months.").format(
            n=language.number(SHOWN_COHORTS), m=language.number(SHOWN_WIDTH)
        )

    def cohorts_note(self) -> str:
        """Which cohorts cannot be called new."""
        return _(
            "The data begins on {day}: customers of a cohort that starts less than {n} days later may have ordered before, so "
            "they are first seen, not new."
        ).format(day=language.day(self.first_day), n=language.number(self.lapsed_after_days))

    def overall_note(self) -> str:
        """Over which cohorts a month is taken, and its interval."""
        return _("Each month is taken over the cohorts for which the data covers it whole. Intervals of shares: Wilson, 95%.")

    def finding(self) -> Finding:
        """Retention over all cohorts, with how much of it rests on customers who may be old."""
        row = self._main()
        censored = int(self.sizes.loc[self.sizes["censored"], "cohort_customers"].sum())
        everybody = int(self.sizes["cohort_customers"].sum())
        warnings = []
        if censored:
            warnings.append(
                _("{share} of the customers may be old ones, so this is no retention rate of new customers.").format(
                    share=language.percent(censored / everybody)
                )
            )
        if row["cohort_customers"] < FEW:
            warnings.append(
                _("The base of {n} is small: a single customer moves the share.").format(
                    n=language.number(row["cohort_customers"])
                )
            )
        evidence = _(
            "{retained} of {n} customers; 95% interval {low} to {high}; cohorts first seen from {first} to {last}."
        ).format(
            retained=language.number(row["retained"]),
            n=language.number(row["cohort_customers"]),
            low=language.percent(row["retention_low"], 1),
            high=language.percent(row["retention_high"], 1),
            **self._span(int(row["months_since"])),
        )
        return Finding(
            key=f"evaluation.retention_month_{int(row['months_since'])}",
            value=float(row["retention"]),
            unit="share",
            display=language.percent(row["retention"]),
            text=language.sentence(self.headline()),
            evidence=evidence,
            so_what=_("Contact customers who miss their usual month before a second month passes."),
            confidence="low" if row["cohort_customers"] < FEW else "medium" if censored else "high",
            warnings=tuple(warnings),
            assumptions=(self.note(), self.overall_note()),
        )

    def _span(self, months_since: int) -> dict[str, str]:
        cohorts = self.table.loc[self.table["months_since"] == months_since, "cohort"]
        return {"first": language.month(cohorts.iloc[0]), "last": language.month(cohorts.iloc[-1])}


@needs("orders.customer_id", "orders.order_amount", answers=QUESTION)
def retention(tables: Tables, *, lapsed_after_days: int = 90) -> Retention | NotAvailable:
    """Cohorts by the month of a customer's first order in the data, followed month by month.

    A customer is retained in a month in which there is an order of theirs, whatever happened between. Months that the data does
    not cover whole are no cells, and make no cohort at the end of the data. Orders without a customer are excluded and counted;
    returns (negative amounts) are no orders. *lapsed_after_days*: a customer silent for so long counts as new when seen again, so
    cohorts that start within that time of the first day are left-censored.
    """
    months = coverage(tables).months()
    complete = months.loc[months["complete"], "month"]
    orders = tables.orders
    active = purchases(orders).select("customer_id", month=ibis._.order_date.truncate("M").date()).distinct()
    seen = active.mutate(cohort=active.month.min().over(ibis.window(group_by="customer_id")))
    counted = frame(seen.group_by("cohort", "month").aggregate(retained=seen.count()), by=["cohort", "month"])
    for name in ("cohort", "month"):
        counted[name] = pd.to_datetime(counted[name]).astype(months["month"].dtype)
    sizes = counted[counted["cohort"] == counted["month"]].rename(columns={"retained": "cohort_customers"})[
        ["cohort", "cohort_customers"]
    ]
    # The first month may be incomplete and still make a cohort; the last one would go on growing.
    sizes = sizes[sizes["cohort"] <= complete.max()].reset_index(drop=True) if len(complete) else sizes.head(0)
    sizes["censored"] = (sizes["cohort"] - pd.Timestamp(tables.first_day)).dt.days < lapsed_after_days
    cells = sizes.merge(pd.DataFrame({"month": complete}), how="cross")
    cells = cells[cells["month"] > cells["cohort"]]
    if cells.empty:
        return NotAvailable((), _(QUESTION), reason=_("the data holds no complete month after the first."))
    cells = cells.merge(counted, on=["cohort", "month"], how="left")
    cells["retained"] = cells["retained"].fillna(0).astype("int64")
    cells["months_since"] = (
        (cells["month"].dt.year - cells["cohort"].dt.year) * 12 + cells["month"].dt.month - cells["cohort"].dt.month
    )
    cells["retention"] = cells["retained"] / cells["cohort_customers"]
    table = cells.sort_values(["cohort", "months_since"])[
        ["cohort", "cohort_customers", "months_since", "retained", "retention", "censored"]
    ]
    anonymous = int(orders.filter(orders.customer_id.isnull()).count().to_pandas())
    return Retention(table.reset_index(drop=True), sizes, tables.first_day, lapsed_after_days, anonymous)
