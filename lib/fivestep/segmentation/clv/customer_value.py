"""What each customer is expected to bring: purchases to come times spend per purchase, tested on days that were held back."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, needs
from fivestep.errors import UserError
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, ngettext
from fivestep.segmentation.clv.backtest import MODELS, YEAR, Backtest, backtest, calibration, classes
from fivestep.segmentation.clv.bg_nbd import BgNbd
from fivestep.segmentation.clv.forecast import forecast, total_interval, total_value
from fivestep.segmentation.clv.maximum_likelihood import Estimate
from fivestep.segmentation.clv.purchase_model import PurchaseModel
from fivestep.segmentation.clv.spend import Spending, fit_spend
from fivestep.segmentation.clv.summary import Summary, summary

ANSWERS = N_("what each customer is expected to bring in the next months")
FEW = 100  # customers below which four parameters are guesswork
FEW_REPEATERS = 50  # customers who came back before the holdout, below which there is nothing to learn a rate from
SHORTEST = 182  # days of data below which a quarter of it tests nothing
FIRST_DAYS = 90  # a first purchase so early in the data may not be the customer's first
RELATED = 0.2  # rank correlation of frequency and spend from which Gamma-Gamma's assumption is called broken
HARDLY = 0.1  # rank correlation below which there is hardly any
OFF = 0.2  # error of the holdout from which it is called large
COVERED = 0.9  # share of customers that a 95 % interval must hold at least
COHORT = 30  # customers from which the error of a cohort says something
TENTHS = 10


@dataclass(frozen=True)
class CustomerValue:
    """Expected value of the customers who have bought, over the next ``horizon_days``.

    ``table``: one row per customer, by customer_id: repeat_purchases, p_alive (missing where the model cannot tell: see
    `identified`), expected_purchases (of the horizon,
    undiscounted), spend_per_purchase (expected), expected_value (spend times margin, discounted), value_low, value_high (95 %
    interval of what the customer will bring). ``total``, ``total_low``, ``total_high``: of all. ``model``, ``estimate``: the
    purchase model that the ``test`` chose and its parameters on all of the data; ``spending``: the model of spend per purchase.
    ``relation``: rank correlation (Spearman 1904) of repeat purchases and mean spend, NaN where one does not vary.
    """

    table: pd.DataFrame
    total: float
    total_low: float
    total_high: float
    model: str
    estimate: Estimate
    spending: Spending
    customers: Summary
    relation: float
    test: Backtest
    horizon_days: int
    annual_discount_rate: float
    margin: float
    as_of: dt.date
    warnings: tuple[str, ...]

    # ---------------------------------------------------------------- value
    def tenths(self) -> pd.DataFrame:
        """One row per tenth of customers, highest expected value first (ties by customer_id)."""
        table = self.table.sort_values(["expected_value", "customer_id"], ascending=[False, True])
        tenth = np.arange(len(table)) * TENTHS // len(table) + 1
        out = table.groupby(tenth).agg(
            customers=("customer_id", "size"),
            mean_p_alive=("p_alive", "mean"),
            expected_purchases=("expected_purchases", "mean"),
            value_per_customer=("expected_value", "mean"),
            lowest_value=("expected_value", "min"),
            expected_value=("expected_value", "sum"),
        )
        out["share_of_value"] = out["expected_value"] / out["expected_value"].sum()
        return out.rename_axis("value_tenth").reset_index()

    def tenths_chart(self) -> Figure:
        """Share of expected value by tenth of customers."""
        shown = self.tenths()
        return charts.bars(
            [language.number(k) for k in shown["value_tenth"]],
            shown["share_of_value"].to_numpy(),
            write=language.percent,
            accent=[k == 1 for k in shown["value_tenth"]],
            xlabel=_("Share of expected value by tenth of customers, highest value first"),
        )

    def headline(self) -> str:
        """What all customers together are expected to bring."""
        return _("The {n} customers who have bought are expected to bring {total} in the next {days} days").format(
            n=language.number(len(self.table)), total=language.short_money(self.total), days=language.number(self.horizon_days)
        )

    def tenths_headline(self) -> str:
        """How much of it the best tenth brings."""
        share = self.tenths()["share_of_value"].iloc[0]
        return _("The tenth of customers with the highest expected value holds {share} of it").format(
            share=language.percent(share)
        )

    def threshold_headline(self) -> str:
        """How much a customer of the best tenth brings at least."""
        return _("Customers of the best tenth are expected to bring {value} or more each").format(
            value=language.money(self.tenths()["lowest_value"].iloc[0], 2)
        )

    def note(self) -> str:
        """Base, definition of value and of the interval."""
        base = _(
            "Base: {n} customers who have bought by {day}. Expected value: {what} of the next {days} days, each purchase "
            "discounted at {rate} a year."
        ).format(
            n=language.number(len(self.table)),
            day=language.day(self.as_of),
            what=_("spend") if self.margin == 1 else _("{margin} of spend").format(margin=language.percent(self.margin)),
            days=language.number(self.horizon_days),
            rate=language.percent(self.annual_discount_rate, 1),
        )
        unknown = int(self.table["p_alive"].isna().sum())
        blank = _(
            "{model} takes whoever never came back for a customer still, by construction: for {n} customers the probability is "
            "not identified and left empty."
        ).format(model=self.model, n=language.number(unknown))
        interval = _(
            "All together {low} to {high} (95% interval: chance of the customers and of the parameters; not a season or a crisis "
            "that strikes all at once)."
        ).format(low=language.money(self.total_low), high=language.money(self.total_high))
        return f"{base} {interval} {blank}" if unknown else f"{base} {interval}"

    # ---------------------------------------------------------------- the test
    def test_chart(self) -> Figure:
        """Mean purchases in the holdout by repeat purchases before it, actual and expected."""
        rows = self.test.by_past_purchases()
        index = [
            language.number(a) if a == b else f"{language.number(a)}–{language.number(b)}"
            for a, b in zip(rows["x_from"], rows["x_to"], strict=True)
        ]
        shown = rows[["actual_purchases", "expected_purchases"]].set_index(pd.Index(index))
        return charts.lines(
            shown,
            write=lambda v: language.number(v, 1),
            labels=[_("Actual"), _("Expected")],
            ylabel=_("Purchases per customer in the days held back"),
            xlabel=_("Repeat purchases by {day}").format(day=language.day(self.test.cut)),
        )

    def test_headline(self) -> str:
        """How far the forecast of all purchases was off."""
        error, days = self.test.purchases_error, language.number(self.test.holdout_days)
        if math.isnan(error):
            return _("Nobody bought in the {days} days that were held back").format(days=days)
        if abs(error) < 0.005:
            said = _("{model} foresaw the purchases of the {days} days held back to within half a percent")
        elif error > 0:
            said = _("{model} forecast {error} more purchases than were made in the {days} days held back")
        else:
            said = _("{model} forecast {error} fewer purchases than were made in the {days} days held back")
        return said.format(model=self.model, error=language.percent(abs(error)), days=days)

    def scores_headline(self) -> str:
        """Which predictor was closest."""
        scores = self.test.scores
        name, error = scores.loc[scores["mean_absolute_error"].idxmin(), ["predictor", "mean_absolute_error"]]
        return _("No forecast was closer per customer than “{predictor}”: off by {error} purchases on average").format(
            predictor=_(name), error=language.number(error, 2)
        )

    def cohorts_headline(self) -> str:
        """How the error differs by when customers first bought."""
        rows = self.test.cohorts()
        errors = rows.loc[rows["customers"] >= COHORT, "purchases_error"].dropna()
        if errors.empty:
            return _("No quarter of first purchase has {n} customers to judge the forecast by").format(n=COHORT)
        if len(errors) == 1:
            return _("The one quarter of first purchase with {n} customers or more: forecast off by {error}").format(
                n=COHORT, error=_signed(errors.iloc[0])
            )
        return _("By quarter of first purchase the forecast was off by {low} to {high}").format(
            low=_signed(errors.min()), high=_signed(errors.max())
        )

    def test_note(self) -> str:
        """What was held back, and how the model was chosen."""
        held = _(
            "Fitted on purchases up to {cut}, judged on the {days} days to {end} for the {n} customers known by then. Chosen: "
            "the first of {models} whose error per customer is within 1% of the smallest among them."
        ).format(
            cut=language.day(self.test.cut),
            days=language.number(self.test.holdout_days),
            end=language.day(self.test.as_of),
            n=language.number(len(self.test.table)),
            models=language.listing(list(MODELS)),
        )
        covered = _("The 95% intervals held the spend of {share} of customers.").format(
            share=language.percent(self.test.coverage)
        )
        return f"{held} {covered}"

    # ---------------------------------------------------------------- parameters
    def parameters(self) -> pd.DataFrame:
        """One row per parameter of both models: part, parameter, estimate, estimate_low, estimate_high (95 % interval)."""
        rows = []
        for part, estimate in ((self.model, self.estimate), ("Gamma-Gamma", self.spending.estimate)):
            if estimate is not None:
                low, high = estimate.intervals
                rows += [(part, name, *values) for name, *values in zip(estimate.names, estimate.values, low, high, strict=True)]
        return pd.DataFrame(rows, columns=["part_model", "parameter", "estimate", "estimate_low", "estimate_high"])

    def parameters_headline(self) -> str:
        """Whether the data determines the parameters."""
        lost = self._unidentified()
        if lost:
            return _("The data does not determine {names}").format(names=language.listing(lost))
        return _("The data determines every parameter of the models")

    def _unidentified(self) -> list[str]:
        of_spend = self.spending.estimate.unidentified if self.spending.estimate else ()
        return [*self.estimate.unidentified, *of_spend]

    def parameters_note(self) -> str:
        """What the parameters mean, and what not determined means."""
        meaning = _(
            "Time in weeks. {model}: r and alpha describe how purchase rates differ between customers, the others how they stop."
        ).format(model=self.model)
        if self.spending.estimate is not None:
            of_spend = _("Gamma-Gamma: p, q and gamma describe spend per purchase.")
            meaning = f"{meaning} {of_spend}"
        rule = _("Not determined: the 95% interval spans a factor of 50, or the search ended at a bound.")
        return f"{meaning} {rule}"

    # ---------------------------------------------------------------- spend per purchase
    def spend_by_frequency(self) -> pd.DataFrame:
        """One row per class of repeat purchases: purchases_from, purchases_to, customers, mean_spend_per_purchase."""
        repeat = self.customers.table[self.customers.table["x"] > 0]
        grouped = repeat.groupby(classes(repeat["x"].to_numpy()), sort=True)
        return grouped.agg(
            purchases_from=("x", "min"),
            purchases_to=("x", "max"),
            customers=("customer_id", "size"),
            mean_spend_per_purchase=("mean_spend", "mean"),
        ).reset_index(drop=True)

    def spend_headline(self) -> str:
        """Whether customers who buy often spend more each time."""
        if math.isnan(self.relation):
            return _("Whether frequent buyers spend more per purchase cannot be told: one of the two does not vary")
        if abs(self.relation) < HARDLY:
            said = _("Spend per purchase hardly depends on how often customers buy (rank correlation {relation})")
        elif self.relation > 0:
            said = _("Customers who buy more often spend more per purchase (rank correlation {relation})")
        else:
            said = _("Customers who buy more often spend less per purchase (rank correlation {relation})")
        return said.format(relation=language.number(self.relation, 2))

    def spend_note(self) -> str:
        """Definitions of purchase and spend."""
        base = _(
            "Base: {n} customers with a purchase after their first day. A purchase is a day with an order; mean spend is that of "
            "repeat purchases, lowered by returns in proportion."
        ).format(n=language.number(self.customers.repeaters))
        if not self.customers.returns:
            return base
        netted = ngettext("{n} return is netted.", "{n} returns are netted.", self.customers.returns)
        return f"{base} {netted.format(n=language.number(self.customers.returns))}"

    # ---------------------------------------------------------------- words
    def finding(self) -> Finding:
        """What the customers are expected to bring, with the test of the forecast."""
        error = self.test.spend_error
        tested = (
            _("{model}, tested on {days} days held back: spend forecast {error} off.").format(
                model=self.model, days=language.number(self.test.holdout_days), error=_signed(error)
            )
            if not math.isnan(error)
            else _("{model}; in the days held back there was no spend to test it on.").format(model=self.model)
        )
        shaky = math.isnan(error) or abs(error) > OFF or bool(self.test.beaten_by)
        return Finding(
            key="segmentation.expected_customer_value",
            value=self.total,
            unit="money",
            display=language.short_money(self.total),
            text=language.sentence(self.headline()),
            evidence=f"{self.note()} {tested}",
            so_what=_(
                "Rank customers by it, and let keeping one cost less than it brings: half of them are expected to bring {median} "
                "or less."
            ).format(median=language.money(self.table["expected_value"].median(), 2)),
            confidence="low" if shaky else "medium" if self.warnings else "high",
            warnings=self.warnings,
            assumptions=(
                _(
                    "Customers buy at random at a rate of their own until they stop for good, and nothing else changes: {model}."
                ).format(model=self.model),
                _("Spend per purchase is independent of how often a customer buys (Gamma-Gamma).")
                if self.spending.estimate is not None
                else _("Spend per purchase: the customer's own mean, drawn to that of all the fewer purchases it rests on."),
                _("Expected value counts only customers who have bought, and no costs of serving them.")
                if self.margin == 1
                else _("Expected value counts only customers who have bought; margin is {margin} of spend for all.").format(
                    margin=language.percent(self.margin)
                ),
            ),
        )


@needs("orders.customer_id", "orders.order_date", "orders.order_amount", answers=ANSWERS)
def customer_value(
    tables: Tables, *, horizon_days: int = YEAR, annual_discount_rate: float = 0.10, margin: float = 1.0
) -> CustomerValue | NotAvailable:
    """Expected value of every customer who has bought, over the next *horizon_days*.

    Purchases by the one of Pareto/NBD, MBG/NBD and BG/NBD that foresaw the last quarter of the data (a year at most) best, fitted
    again on all of it; spend per purchase by Gamma-Gamma, or by a shrunk mean where that has no mean (q <= 1). *margin*: share of
    spend that counts as value. Purchases and returns as in `clv.summary`; orders without a customer are excluded.

    `NotAvailable` with under 182 days of data, 100 customers or 50 who came back before the days held back, or without spend.
    """
    if horizon_days < 1:
        raise UserError(
            _("horizon_days: {horizon_days} is no number of days. Say 1 or more, like 365.").format(horizon_days=horizon_days)
        )
    if not 0 <= annual_discount_rate < 1:
        raise UserError(
            _("annual_discount_rate: {annual_discount_rate} is no yearly rate. Say a share, like 0.1 for 10 %.").format(
                annual_discount_rate=annual_discount_rate
            )
        )
    if not 0 < margin <= 1:
        raise UserError(
            _("margin: {margin} is no share of spend. Say more than 0 and at most 1, like 0.3 for 30 %.").format(margin=margin)
        )
    known = calibration(tables) if (tables.as_of - tables.first_day).days + 1 >= SHORTEST else None
    refusal = _refusal(tables, known)
    made = None if refusal else _fitted(tables, known)
    if refusal or made is None:
        refusal = refusal or _("no customer who came back has spent anything after returns.")
        return NotAvailable((), _(ANSWERS), reason=refusal)
    customers, test, estimate, spending = made
    horizon = horizon_days / customers.unit_days
    rate = math.log1p(annual_discount_rate) * customers.unit_days / YEAR
    terms = {"horizon": horizon, "rate": rate, "margin": margin}
    found = forecast(estimate.model, spending.model, customers.table, **terms)
    low, high = total_interval(
        found,
        estimate,
        spending.estimate,
        lambda model, other: total_value(model, other or spending.model, customers.table, **terms),
    )
    relation = _relation(customers.table)
    return CustomerValue(
        table=pd.DataFrame({
            "customer_id": customers.table["customer_id"],
            "repeat_purchases": customers.table["x"],
            "p_alive": np.where(identified(estimate.model, customers.table["x"]), found.p_alive, np.nan),
            "expected_purchases": found.purchases,
            "spend_per_purchase": found.spend_per_purchase,
            "expected_value": found.value,
            "value_low": found.low,
            "value_high": found.high,
        }),
        total=float(found.value.sum()),
        total_low=max(low, 0.0),
        total_high=high,
        model=test.chosen,
        estimate=estimate,
        spending=spending,
        customers=customers,
        relation=relation,
        test=test,
        horizon_days=horizon_days,
        annual_discount_rate=annual_discount_rate,
        margin=margin,
        as_of=tables.as_of,
        warnings=_warnings(tables, customers, test, estimate, spending, relation, horizon_days),
    )  # fmt: skip


def identified(model: PurchaseModel, repeat_purchases: pd.Series) -> np.ndarray:
    """Whether the data says anything on being a customer still.

    In BG/NBD a customer can stop after a repeat purchase only, so that the probability of who made none is 1 whatever they do.
    """
    return (repeat_purchases.to_numpy() > 0) | (not isinstance(model, BgNbd))


def _fitted(tables: Tables, known: Summary):
    """Customers, backtest, estimate of the chosen model and spend model on all of the data; None without spend."""
    test = backtest(tables, known)
    customers = summary(tables)
    spending = fit_spend(customers.table)
    if test is None or spending is None:
        return None
    return customers, test, MODELS[test.chosen].fit(customers.counts), spending


def _refusal(tables: Tables, known: Summary | None) -> str:
    if known is None:
        return _("the data covers {n} days, and a forecast that can be tested needs {least}.").format(
            n=language.number((tables.as_of - tables.first_day).days + 1), least=language.number(SHORTEST)
        )
    if len(known.table) < FEW:
        return ngettext(
            "{n} customer had bought by {day}, before the days held back for the test; {least} are needed.",
            "{n} customers had bought by {day}, before the days held back for the test; {least} are needed.",
            len(known.table),
        ).format(n=language.number(len(known.table)), day=language.day(known.as_of), least=FEW)
    if known.repeaters < FEW_REPEATERS:
        return ngettext(
            "{n} customer had come back by {day}, before the days held back for the test; {least} are needed.",
            "{n} customers had come back by {day}, before the days held back for the test; {least} are needed.",
            known.repeaters,
        ).format(n=language.number(known.repeaters), day=language.day(known.as_of), least=FEW_REPEATERS)
    return ""


def _relation(customers: pd.DataFrame) -> float:
    repeat = customers[customers["x"] > 0]
    ranks = repeat["x"].rank().to_numpy(), repeat["mean_spend"].round(6).rank().to_numpy()
    if len(repeat) < 3 or min(r.std() for r in ranks) == 0:
        return np.nan
    return float(np.corrcoef(*ranks)[0, 1])


def _signed(share: float) -> str:
    """A relative error with its sign: ``+3.1%``."""
    written = language.percent(share, 1)
    return f"+{written}" if share > 0 and any(c in "123456789" for c in written) else written


def _warnings(
    tables: Tables,
    customers: Summary,
    test: Backtest,
    estimate: Estimate,
    spending: Spending,
    relation: float,
    horizon_days: int,
) -> tuple[str, ...]:
    out = []
    if test.beaten_by:
        out.append(
            _(
                "In the test “{baseline}” was closer per customer than {model}: use the values for ranking and for the total, "
                "not for a single customer."
            ).format(baseline=_(test.beaten_by[0]), model=test.chosen)
        )
    error = test.spend_error
    if not math.isnan(error) and abs(error) > OFF:
        out.append(
            _("In the test the forecast of spend was {error} off: the level of the values is not to be relied on.").format(
                error=_signed(error)
            )
        )
    if test.coverage < COVERED:
        out.append(
            _("The 95% intervals held the spend of only {share} of customers in the test: they are too narrow here.").format(
                share=language.percent(test.coverage)
            )
        )
    dropout = [name for name in estimate.unidentified if name in estimate.model.DROPOUT]
    if dropout:
        out.append(
            _(
                "Dropout is not identified: {names} can be moved along a ridge at hardly any loss of likelihood. Too few "
                "customers stop, or too little time has passed, to tell how they stop; do not read the parameters one by one."
            ).format(names=language.listing(dropout))
        )
    if spending.no_mean:
        out.append(
            _(
                "Gamma-Gamma is not admissible here (q is 1 or less, so that spend per purchase would have no mean): a shrunk "
                "mean takes its place."
            )
        )
    elif spending.estimate is None:
        out.append(
            _(
                "Gamma-Gamma is not admissible here: it needs the purchases of one customer to vary by {implied} of their mean, "
                "and they vary by {observed}. A shrunk mean takes its place."
            ).format(implied=language.percent(spending.implied), observed=language.percent(spending.observed))
        )
    if spending.estimate is not None and not math.isnan(relation) and abs(relation) >= RELATED:
        said = (
            _(
                "Gamma-Gamma takes spend per purchase as independent of frequency, but frequent buyers spend more each time "
                "(rank correlation {relation}): customers with few purchases tend to come out too high."
            )
            if relation > 0
            else _(
                "Gamma-Gamma takes spend per purchase as independent of frequency, but frequent buyers spend less each time "
                "(rank correlation {relation}): customers with few purchases tend to come out too low."
            )
        )
        out.append(said.format(relation=language.number(relation, 2)))
    if spending.left_out:
        out.append(
            ngettext(
                "{n} customer who came back has a mean spend of zero or less and played no part in the model of spend.",
                "{n} customers who came back have a mean spend of zero or less and played no part in the model of spend.",
                spending.left_out,
            ).format(n=language.number(spending.left_out))
        )
    early = (customers.table["first_day"] < pd.Timestamp(tables.first_day) + pd.Timedelta(days=FIRST_DAYS)).mean()
    if early >= 0.5:
        out.append(
            _(
                "{share} of customers were first seen in the first {days} days of the data and may be older: the models take the "
                "first purchase in the data for the first ever."
            ).format(share=language.percent(early), days=FIRST_DAYS)
        )
    if horizon_days > test.holdout_days:
        out.append(
            _(
                "The forecast reaches {days} days, the test only {tested}: what lies beyond is untested, and seasons are not in "
                "the models."
            ).format(days=language.number(horizon_days), tested=language.number(test.holdout_days))
        )
    return tuple(out)
