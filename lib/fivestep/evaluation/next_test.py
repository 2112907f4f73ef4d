"""Plan of the next randomised test: how small an effect it can show, by how long it runs and how it is divided."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.consent import consent_note, opted_out
from fivestep.coverage import coverage
from fivestep.engine import MONEY, Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import Z
from fivestep.language import N_, _

WEEKS = (2, 4, 8, 13)
POWER_Z = 0.8416212335729143  # the 80 % point of the normal distribution
CONTROLS = (0.5, 0.2, 0.1)
ACTIVE_DAYS = 91  # who ordered within so many days before a test can be drawn for it
LEAST = 100  # customers
WANTED = (0.05, 0.10)  # effects, as shares of spend, for which the customers needed are given
QUESTION = N_("how large and how long the next test has to be")


@dataclass(frozen=True)
class NextTest:
    """What a test on the customers of today could show.

    ``table``: one row per duration that the data can foretell and share of control: test_weeks, control_share, contacted,
    control, mean_spend per customer, spend_deviation, variance_explained (by spend in as long before), smallest_effect (with 80 %
    power at 5 %, money per customer), smallest_share (of mean spend), smallest_cuped_share. ``available``: customers who can be
    drawn.
    """

    table: pd.DataFrame
    available: int
    refused: int | None

    def plan(self) -> pd.DataFrame:
        """As the reader sees it."""
        return self.table.drop(columns=["spend_deviation"])

    def needed(self) -> pd.DataFrame:
        """Customers in all that an effect of 5 % and 10 % of spend needs, half contacted, half control, by duration."""
        rows = []
        for row in self.table[self.table["control_share"] == 0.5].itertuples():
            for share in WANTED:
                effect = share * row.mean_spend
                plain = 4 * ((Z + POWER_Z) * row.spend_deviation / effect) ** 2 if effect > 0 else np.nan
                rows.append(
                    {
                        "test_weeks": row.test_weeks,
                        "wanted_effect": share,
                        "customers_needed": plain,
                        "customers_needed_cuped": plain * (1 - row.variance_explained),
                    }
                )
        out = pd.DataFrame(rows)
        counts = ["customers_needed", "customers_needed_cuped"]
        out[counts] = np.ceil(out[counts])
        return out

    @property
    def _best(self) -> pd.Series:
        halves = self.table[self.table["control_share"] == 0.5]
        return halves.sort_values(["smallest_cuped_share", "test_weeks"], na_position="last").iloc[0]

    def headline(self) -> str:
        """The smallest effect that the best of the tests would show."""
        best = self._best
        return _(
            "A test of {weeks} weeks on all {n} customers, half of them control, would show an effect of {share} of spend or more"
        ).format(
            weeks=language.number(best["test_weeks"]),
            n=language.number(self.available),
            share=language.percent(best["smallest_cuped_share"], 1),
        )

    def needed_headline(self) -> str:
        """Whether there are enough customers for an effect of one tenth of spend."""
        rows = self.needed()
        tenth = rows[rows["wanted_effect"] == max(WANTED)].sort_values(["customers_needed_cuped", "test_weeks"]).iloc[0]
        words = {
            "n": language.number(tenth["customers_needed_cuped"]),
            "weeks": language.number(tenth["test_weeks"]),
            "all": language.number(self.available),
            "share": language.percent(max(WANTED)),
        }
        if tenth["customers_needed_cuped"] <= self.available:
            return _("An effect of {share} of spend takes {n} customers and {weeks} weeks; {all} can be drawn").format(**words)
        return _("An effect of {share} of spend takes {n} customers, more than the {all} who can be drawn").format(**words)

    def note(self) -> str:
        """Who can be drawn, on what the numbers rest."""
        rule = _(
            "Smallest effect: what a test finds in 4 of 5 times (power 80%, two-sided 5%), in spend per customer over the whole "
            "test. Who can be drawn: customers with an order in the last {days} days. Mean and spread of spend are those of the "
            "last weeks of the same length, of customers drawn in the same way before them. By CUPED: allowing for spend in as "
            "many weeks before, which costs nothing. Decide on length and size before the test and read it at its end; a season "
            "may change the spread."
        ).format(days=language.number(ACTIVE_DAYS))
        return f"{rule} {consent_note(self.refused)}"

    def finding(self) -> Finding:
        """What the next test can show."""
        best = self._best
        return Finding(
            key="evaluation.next_test_smallest_effect",
            value=float(best["smallest_cuped_share"]),
            unit="share",
            display=language.percent(best["smallest_cuped_share"], 1),
            text=language.sentence(self.headline()),
            evidence=_(
                "Mean spend {mean} per customer, standard deviation {deviation}; spend before explains {share} of the variance."
            ).format(
                mean=language.money(best["mean_spend"], 2),
                deviation=language.money(best["spend_deviation"], 2),
                share=language.percent(best["variance_explained"], 0),
            ),
            so_what=_(
                "Draw contact and control by chance before the next campaign, and expect no proof of effects smaller than this."
            ),
            confidence="medium",
            assumptions=(self.note(),),
        )


@needs("orders.customer_id", "orders.order_amount", answers=QUESTION)
def next_test(tables: Tables) -> NextTest | NotAvailable:
    """The smallest effect on spend per customer that a test on today's customers shows with 80 % power, by duration and control.

    Customers who have opted out of marketing are not drawn. Durations whose weeks, and as many before them, the data does not
    cover together with `ACTIVE_DAYS` before are left out. Source: two-sample normal approximation (Cohen 1988); CUPED (Deng et
    al. 2013).
    """
    covered = coverage(tables)
    orders = tables.orders.filter(tables.orders.customer_id.notnull())
    since = (tables.as_of - dt.date(1970, 1, 1)).days - orders.order_date.date().epoch_days()
    refusing = opted_out(tables)
    spans = [
        7 * weeks
        for weeks in WEEKS
        if covered.covers(tables.as_of - dt.timedelta(days=2 * 7 * weeks + ACTIVE_DAYS - 1), covered.last)
    ]
    if not spans:
        return NotAvailable((), _(QUESTION), reason=_("the data covers too few weeks to tell how much spend differs."))
    sums = {}
    for days in (0, *spans):
        drawn = (since >= days) & (since < days + ACTIVE_DAYS) & (orders.order_amount >= 0)
        sums[f"drawn_{days}"] = drawn.any()
    for days in spans:
        sums[f"during_{days}"] = orders.order_amount.sum(where=since < days).fill_null(0).cast(MONEY)
        sums[f"before_{days}"] = orders.order_amount.sum(where=(since >= days) & (since < 2 * days)).fill_null(0).cast(MONEY)
    people = frame(orders.group_by("customer_id").aggregate(**sums), by=["customer_id"])
    wanted = ~people["customer_id"].isin(refusing or ())
    available = int((people["drawn_0"] & wanted).sum())
    if available < LEAST:
        return NotAvailable(
            (), _(QUESTION), reason=_("fewer than {n} customers can be drawn for a test.").format(n=language.number(LEAST))
        )
    rows = []
    for days in spans:
        of = people[people[f"drawn_{days}"].astype(bool) & wanted]
        during, before = of[f"during_{days}"].to_numpy(dtype=float), of[f"before_{days}"].to_numpy(dtype=float)
        if len(of) < LEAST or np.ptp(during) == 0 or during.mean() <= 0:
            continue
        deviation = float(during.std(ddof=1))
        explained = float(np.corrcoef(during, before)[0, 1] ** 2) if np.ptp(before) else 0.0
        for share in CONTROLS:
            control = round(available * share)
            contacted = available - control
            smallest = smallest_effect(deviation, contacted, control)
            rows.append(
                {
                    "test_weeks": days // 7,
                    "control_share": share,
                    "contacted": contacted,
                    "control": control,
                    "mean_spend": float(during.mean()),
                    "spend_deviation": deviation,
                    "variance_explained": explained,
                    "smallest_effect": smallest,
                    "smallest_share": smallest / during.mean(),
                    "smallest_cuped_share": smallest * np.sqrt(1 - explained) / during.mean(),
                }
            )
    if not rows:
        return NotAvailable((), _(QUESTION), reason=_("the data covers too few weeks to tell how much spend differs."))
    left_out = None if refusing is None else int((people["drawn_0"] & ~wanted).sum())
    return NextTest(pd.DataFrame(rows), available, left_out)


def smallest_effect(deviation: float, contacted: int, control: int) -> float:
    """The difference of means that a two-sided test at 5 % finds with a power of 80 %, both arms with the same *deviation*."""
    return float((Z + POWER_Z) * deviation * np.sqrt(1 / contacted + 1 / control))
