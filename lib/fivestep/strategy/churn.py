"""Who is likely to fall silent next: a model that saw only the past of each customer, tested on the last period."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.consent import consent_note, opted_out, refusals
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _
from fivestep.strategy.campaign_effects import cost_of_a_contact, gross_margin
from fivestep.strategy.churn_model import SHUFFLES, ChurnModel, auc, churn_model, importances
from fivestep.strategy.playbook import Playbook

ANSWERS = N_("which customers are likely to fall silent, and from which risk on contact pays")
PERIODS = 3  # to learn, to correct the chances and to choose the model, to test
MOST_PERIODS = 6  # older ones are left out: customers and business change
FEW, FEW_LEFT = 100, 25  # customers of a period, and of those who left and stayed, below which nothing is learnt
ROUGH = 50  # customers who left in the test, below which a warning says that it is rough
FIFTHS = 5
CUTS = tuple(np.round(np.arange(0.05, 0.96, 0.05), 2))
UNUSUAL = 0.55  # area under the curve whose lower end must lie above it for the model to count as telling anything
COMPLAINT = "complaint"
FEATURES = {
    "days_since": N_("Days since the last order"),
    "overdue": N_("Days since the last order, in usual gaps"),
    "orders": N_("Orders in the period"),
    "orders_late": N_("Share of the orders in the second half of the period"),
    "spend": N_("Spend in the period"),
    "returns": N_("Returns in the period"),
    "on_discount": N_("Share of list value given as discount"),
    "complaints": N_("Complaints in the period"),
    "visits": N_("Visits to shop and app in the period"),
    "visits_late": N_("Visits in the last third of the period"),
}


@dataclass(frozen=True)
class Churn:
    """The chance of every active customer to place no order in the ``period_days`` ahead.

    ``table``: one row per customer with an order in the last ``period_days`` days, by customer_id: customer_id, churn_risk,
    period_spend. ``tested``: the customers active in the period before the last, with churn_risk as the model would have told it
    then, and left (no order in the last period), which it did not see. ``earlier``: the same one period before, on which the
    model was chosen and its chances corrected. ``model``: as tested; ``drivers``: `importances` on the tested. ``learnt`` and
    ``learnt_periods``: what the tested model learnt from. ``recency_auc``: area under the curve of days since the last
    order alone.
    """

    table: pd.DataFrame
    tested: pd.DataFrame
    earlier: pd.DataFrame
    model: ChurnModel
    drivers: pd.DataFrame
    period_days: int
    as_of: dt.date
    learnt: int
    learnt_periods: int
    recency_auc: float
    refused: frozenset[str] | None

    @property
    def auc(self) -> tuple[float, float, float]:
        return auc(self.tested["churn_risk"].to_numpy(), self.tested["left"].to_numpy())

    # ---------------------------------------------------------------- does it hold
    def calibration(self) -> pd.DataFrame:
        """One row per fifth of the tested customers, highest risk first: risk_fifth, customers, expected_silence (mean risk),
        silent, observed_silence with its 95 % interval (Wilson)."""
        rows = self.tested.sort_values(["churn_risk", "customer_id"], ascending=[False, True])
        fifth = np.arange(len(rows)) * FIFTHS // len(rows) + 1
        out = rows.groupby(fifth).agg(
            customers=("customer_id", "size"), expected_silence=("churn_risk", "mean"), silent=("left", "sum")
        )
        out["observed_silence"] = out["silent"] / out["customers"]
        out["silence_low"], out["silence_high"] = wilson(out["silent"], out["customers"])
        return out.rename_axis("risk_fifth").reset_index()

    def headline(self) -> str:
        """How many of the highest and of the lowest fifth of risk fell silent."""
        rows = self.calibration()
        if self.auc[1] <= UNUSUAL:
            return _("Who falls silent cannot be told from past orders here: the model hardly beats chance")
        return _(
            "Of the fifth with the highest risk {top} fell silent in the next {days} days, of the lowest fifth {low}"
        ).format(
            top=language.percent(rows["observed_silence"].iloc[0]),
            low=language.percent(rows["observed_silence"].iloc[-1]),
            days=language.number(self.period_days),
        )

    def note(self) -> str:
        """What counts as silent, how the test was made, and how good the model was."""
        area, low, high = self.auc
        first = self.as_of - dt.timedelta(days=self.period_days - 1)
        return " ".join([
            _(
                "Silent: active (an order) in {days} days, no order in the next {days} days. Returns are no orders. The model "
                "saw what was known before {first}, and was tested on the days from then to {last}."
            ).format(days=language.number(self.period_days), first=language.day(first), last=language.day(self.as_of)),
            _("Model: {model}, learnt on {periods} earlier periods, its chances corrected on the one before the test.").format(
                model=_(self.model.name), periods=language.number(self.learnt_periods)
            ),
            _(
                "Area under the curve {area} (95% interval {low} to {high}); days since the last order alone: {recency}."
            ).format(
                area=language.number(area, 2), low=language.number(low, 2), high=language.number(high, 2),
                recency=language.number(self.recency_auc, 2),
            ),
        ])  # fmt: skip

    def calibration_headline(self) -> str:
        """Whether as many fell silent as the model said."""
        said, happened = float(self.tested["churn_risk"].mean()), float(self.tested["left"].mean())
        low, high = (float(x) for x in wilson(self.tested["left"].sum(), len(self.tested)))
        words = {"said": language.percent(said, 1), "happened": language.percent(happened, 1)}
        if low <= said <= high:
            return _("The model expected {said} to fall silent, and {happened} did: the chances can be taken as they are").format(
                **words
            )
        if said > high:
            return _("The model expected {said} to fall silent, and only {happened} did: read the chances as a ranking").format(
                **words
            )
        return _("The model expected {said} to fall silent, but {happened} did: read the chances as a ranking").format(**words)

    # ---------------------------------------------------------------- what it rests on
    def drivers_chart(self) -> Figure:
        """How much of the area under the curve is lost when one feature is shuffled."""
        rows = self.drivers
        return charts.intervals(
            [_(FEATURES[name]) for name in rows["churn_driver"]], rows["auc_lost"], rows["auc_lost_low"], rows["auc_lost_high"],
            write=lambda v: language.number(v, 3), reference=0.0,
        )  # fmt: skip

    def drivers_headline(self) -> str:
        """Which feature tells most."""
        top = self.drivers.iloc[0]
        if top["auc_lost_low"] <= 0:
            return _("No single feature tells clearly who falls silent")
        more = _("“{feature}” tells most about who falls silent: the more, the higher the risk")
        less = _("“{feature}” tells most about who falls silent: the more, the lower the risk")
        feature = FEATURES[top["churn_driver"]]
        return (more if top["driver_direction"] >= 0 else less).format(feature=_(feature))

    def drivers_note(self) -> str:
        """How the drivers are measured, and what they are not."""
        return _(
            "Area under the curve that is lost when only the values of one feature are shuffled among the tested customers: mean "
            "and 95% range of {n} shuffles. Features that say the same share what they tell. Association, not cause."
        ).format(n=language.number(SHUFFLES))

    def _rough(self) -> tuple[str, ...]:
        silent = int(self.tested["left"].sum())
        if silent >= ROUGH:
            return ()
        return (
            _("Only {n} customers fell silent in the test: how good the model is, is known roughly.").format(
                n=language.number(silent)
            ),
        )

    # ---------------------------------------------------------------- the list
    def risks(self) -> pd.DataFrame:
        """customer_id and churn_risk of every active customer."""
        return self.table[["customer_id", "churn_risk"]]

    def contacts(self) -> pd.DataFrame:
        """The active customers who may be contacted, highest risk first: customer_id, churn_risk, period_spend."""
        rows = self.table[~self.table["customer_id"].isin(self.refused or ())]
        order = rows["churn_risk"].round(9)
        rows = rows.assign(order=order).sort_values(["order", "customer_id"], ascending=[False, True], ignore_index=True)
        return rows[["customer_id", "churn_risk", "period_spend"]]

    def finding(self) -> Finding:
        """How many active customers are expected to fall silent."""
        expected = float(self.table["churn_risk"].sum())
        text = _("{n} of {all} active customers are expected to fall silent in the next {days} days").format(
            n=language.number(expected), all=language.number(len(self.table)), days=language.number(self.period_days)
        )
        tells = self.auc[1] > UNUSUAL
        close = self.calibration_headline()
        return Finding(
            key="strategy.expected_silent_customers",
            value=expected,
            unit="count",
            display=language.number(expected),
            text=language.sentence(text),
            evidence=f"{language.sentence(close)} {consent_note(refusals(self.table['customer_id'], self.refused))}",
            so_what=(
                _("Speak first to those with the highest risk and the most spend, and keep a random part without contact.")
                if tells
                else _("Do not choose whom to contact by this risk: it hardly tells.")
            ),
            confidence="medium" if tells else "low",
            warnings=(
                _("A high risk says who is likely to go, not who can be kept: only a randomised contact shows that."),
                *self._rough(),
            ),
            assumptions=(self.note(), self.drivers_note()),
        )


@dataclass(frozen=True)
class CutOff:
    """From which risk on contact brings more than it costs, on the tested customers.

    ``table``: one row per cut-off of `CUTS`: risk_cut_off, customers (with that risk or more), silent, share_silent (of them),
    share_of_silent (of all who fell silent), cut_off_profit (missing where the cost is not known). ``best``: the cut-off with
    most profit on the customers of the period before the test, so that it is not chosen on what it is judged by; missing where
    contact never pays. ``profit``: what it brings on the tested, ``profit_all``: contacting all of them.
    """

    table: pd.DataFrame
    best: float
    profit: float
    profit_all: float
    profit_half: float
    cost: float | None
    saved: float
    margin: float
    margin_known: bool
    period_days: int

    def shown(self) -> pd.DataFrame:
        """As the reader sees it; without the profit where no cost is known."""
        rows = self.table[self.table["risk_cut_off"].isin(CUTS[1::2])].reset_index(drop=True)
        return rows.drop(columns="cut_off_profit") if self.cost is None else rows

    def headline(self) -> str:
        """The cut-off, and what it brings."""
        if self.cost is None:
            reached = self.table[(self.table["customers"] > 0) & (self.table["risk_cut_off"] <= 0.5)]
            if reached.empty:
                return _("No tested customer had a risk of {cut} or more").format(cut=language.percent(CUTS[0], 0))
            row = reached.iloc[-1]
            return _("From a risk of {cut} on, {share} fell silent, and {of} of all who did are reached").format(
                cut=language.percent(row["risk_cut_off"], 0),
                share=language.percent(row["share_silent"]),
                of=language.percent(row["share_of_silent"]),
            )
        if np.isnan(self.best):
            return _("At no risk does contact bring more than it costs")
        return _(
            "Contact pays from a risk of {cut} on: {profit} on the tested customers, against {all} for contacting all"
        ).format(
            cut=language.percent(self.best, 0),
            profit=language.short_money(self.profit),
            all=language.short_money(self.profit_all),
        )

    def note(self) -> str:
        """What a contact costs and brings."""
        out = []
        if self.cost is None:
            out.append(_("No profit is told, as neither playbook nor data gives the cost of a contact (cost_per_contact)."))
        else:
            out.append(
                _(
                    "Profit: {saved} of those who would fall silent stay if contacted (saved_share of the playbook, an "
                    "assumption until measured) and spend in the next {days} days what they spent in the last, times a margin "
                    "of {margin}; a contact costs {cost}. The cut-off was chosen on the period before the test."
                ).format(
                    saved=language.percent(self.saved), days=language.number(self.period_days), cost=language.money(self.cost, 2),
                    margin=language.percent(self.margin),
                )
            )  # fmt: skip
            if not self.margin_known:
                out.append(_("No margin is known, so that spend counts as profit: the true profit is lower."))
            if not np.isnan(self.best):
                out.append(
                    _("If only half as many stay, the same cut-off brings {profit}.").format(
                        profit=language.short_money(self.profit_half)
                    )
                )
        return " ".join(out)


@needs("orders.customer_id", "orders.order_amount", answers=ANSWERS)
def churn(tables: Tables, *, period_days: int = 90) -> Churn | NotAvailable:
    """The chance that a customer with an order in the last *period_days* days has none in the next ones.

    Periods of *period_days* follow each other back from the as-of date. What is known of a customer at the end of one is put
    beside whether they ordered in the next; a model learns on older periods, is chosen and corrected on the next to last, tested
    on the last, and then learns once more, one period later, to score today's customers. Nothing after the end of a period is
    seen by its features. Complaints, visits and discounts count where the data has them. Returns are no orders; orders without a
    customer are excluded. Under `PERIODS` + 1 whole periods, or with fewer than `FEW` customers or `FEW_LEFT` of either outcome
    in one: `NotAvailable`.
    """
    length = dt.timedelta(days=period_days)
    whole = (tables.as_of - tables.first_day).days + 1
    ends = [tables.as_of - i * length for i in range(min(whole // period_days, MOST_PERIODS + 1))]
    if len(ends) < PERIODS + 1:
        reason = _("the data spans fewer than {n} periods of {days} days.").format(
            n=language.number(PERIODS + 1), days=language.number(period_days)
        )
        return NotAvailable((), _(ANSWERS), reason=reason)
    seen = [_seen(tables, end, period_days) for end in ends]  # the latest first
    active = [set(rows.index) for rows, _spend in seen]
    left = [np.array([c not in active[i - 1] for c in seen[i][0].index], dtype=bool) for i in range(1, len(seen))]
    learning = np.concatenate(left[2:])
    if any(len(y) < FEW or min(y.sum(), (~y).sum()) < FEW_LEFT for y in (left[0], left[1], learning)):
        reason = _(
            "a period needs {few} active customers, of whom {n} fell silent and {n} stayed, to learn from and to test on."
        ).format(few=language.number(FEW), n=language.number(FEW_LEFT))
        return NotAvailable((), _(ANSWERS), reason=reason)
    (scored, spend_now), (tested, spend_tested), (corrected, spend_corrected) = seen[:3]
    older = [rows for rows, _spend in seen[3:]]
    model = churn_model(pd.concat(older), learning, corrected, left[1])
    today = churn_model(pd.concat([corrected, *older]), np.concatenate(left[1:]), tested, left[0])

    def table(rows: pd.DataFrame, by: ChurnModel, spend: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame({"customer_id": rows.index.to_numpy(), "churn_risk": by.risk(rows), "period_spend": spend})

    return Churn(
        table(scored, today, spend_now),
        table(tested, model, spend_tested).assign(left=left[0]),
        table(corrected, model, spend_corrected).assign(left=left[1]),
        model,
        importances(model, tested, left[0]),
        period_days,
        tables.as_of,
        len(learning),
        len(older),
        auc(tested["days_since"].to_numpy(), left[0])[0],
        opted_out(tables),
    )


def _seen(tables: Tables, end: dt.date, period_days: int) -> tuple[pd.DataFrame, np.ndarray]:
    """What is known on the day *end* of the customers with an order in the *period_days* days up to it: features by customer_id,
    and spend in the period. Amounts and counts are logarithms, as one order more says less where there are many."""
    start = end - dt.timedelta(days=period_days - 1)
    middle = end - dt.timedelta(days=period_days // 2 - 1)
    orders = tables.orders.filter(tables.orders.customer_id.notnull())
    orders = orders.mutate(day=orders.order_date.date())
    orders = orders.filter(orders.day <= end)
    bought, inside = orders.order_amount >= 0, orders.day >= start
    sums = {
        "orders": (bought & inside).sum(),
        "late": (bought & (orders.day >= middle)).sum(),
        "returns": (~bought & inside).sum(),
        "spend": orders.order_amount.sum(where=inside).fill_null(0).cast("float64"),
        "days": orders.day.nunique(where=bought),
        "first": orders.day.min(where=bought),
        "last": orders.day.max(where=bought),
    }
    if not tables.missing("orders.discount_amount"):
        sums["discount"] = orders.discount_amount.sum(where=inside).fill_null(0).cast("float64")
    grouped = orders.group_by("customer_id").aggregate(**sums)
    rows = frame(grouped.filter(grouped.orders > 0), by=["customer_id"]).set_index("customer_id")
    first, last = (pd.to_datetime(rows[c]) for c in ("first", "last"))
    since = (pd.Timestamp(end) - last).dt.days
    # A customer with one day of purchases has no gap yet: the period stands for it.
    gap = ((last - first).dt.days / (rows["days"] - 1).where(rows["days"] > 1)).fillna(period_days).clip(lower=1)
    spend = rows["spend"].to_numpy(dtype=float)
    out = pd.DataFrame({
        "days_since": np.log1p(since),
        "overdue": np.log1p(since / gap),
        "orders": np.log(rows["orders"]),
        "orders_late": rows["late"] / rows["orders"],
        "spend": np.log1p(np.clip(spend, 0, None)),
        "returns": np.log1p(rows["returns"]),
    })  # fmt: skip
    if "discount" in rows:
        listed = rows["discount"] + spend
        out["on_discount"] = (rows["discount"] / listed.where(listed > 0)).fillna(0.0).clip(0, 1)
    third = end - dt.timedelta(days=period_days // 3 - 1)
    for table, time, counts in (("feedback", "created_at", {"complaints": start}),
                                ("events", "occurred_at", {"visits": start, "visits_late": third})):  # fmt: skip
        if tables.missing(f"{table}.customer_id", f"{table}.{time}"):
            continue
        if table == "feedback" and tables.missing("feedback.feedback_type"):
            continue
        given = getattr(tables, table)
        given = given.mutate(day=given[time].date())
        given = given.filter(given.customer_id.notnull() & (given.day <= end) & (given.day >= start))
        if table == "feedback":
            given = given.filter(given.feedback_type.lower() == COMPLAINT)
        counted = given.group_by("customer_id").aggregate(**{name: (given.day >= since).sum() for name, since in counts.items()})
        counted = frame(counted, by=["customer_id"]).set_index("customer_id")
        for name in counts:
            out[name] = np.log1p(counted[name].reindex(out.index).fillna(0.0))
    return out, spend


def cut_off(tables: Tables, made: Churn | NotAvailable, playbook: Playbook) -> CutOff | NotAvailable:
    """The risk from which on contact is expected to pay, chosen on one period and judged on the next.

    ``saved_share`` of the playbook is who would fall silent and stays because of the contact; ``cost_per_contact`` is the mean
    of the plays with contact that give one, else what a contact of a campaign cost in the data. Source: Verbraken, Verbeke,
    Baesens (2013), A novel profit maximizing metric for measuring classification performance of customer churn prediction.
    """
    if isinstance(made, NotAvailable):
        return made
    costs = [p.cost_per_contact for p in playbook.plays if p.contact and p.cost_per_contact is not None]
    cost = float(np.mean(costs)) if costs else cost_of_a_contact(tables)
    known = playbook.gross_margin or gross_margin(tables, made.as_of - dt.timedelta(days=364))
    margin = known or 1.0

    def profit(rows: pd.DataFrame, cut: float, saved: float) -> float:
        chosen = rows[rows["churn_risk"] >= cut]
        kept = float(chosen.loc[chosen["left"], "period_spend"].sum()) * saved * margin
        return kept - len(chosen) * cost + 0.0

    saved, rows = playbook.saved_share, made.tested
    out = []
    for cut in CUTS:
        chosen = rows["churn_risk"] >= cut
        n, silent = int(chosen.sum()), int((chosen & rows["left"]).sum())
        gain = profit(rows, cut, saved) if cost is not None else np.nan
        out.append((cut, n, silent, silent / n if n else np.nan, silent / int(rows["left"].sum()), gain))
    names = ["risk_cut_off", "customers", "silent", "share_silent", "share_of_silent", "cut_off_profit"]
    table = pd.DataFrame(out, columns=names)
    best = np.nan
    if cost is not None:
        earlier = [round(profit(made.earlier, cut, saved), 6) for cut in CUTS]
        best = CUTS[int(np.argmax(earlier))] if max(earlier) > 0 else np.nan
    found = not np.isnan(best)
    return CutOff(
        table,
        float(best),
        profit(rows, best, saved) if found else np.nan,
        profit(rows, 0.0, saved) if found else np.nan,
        profit(rows, best, saved / 2) if found else np.nan,
        cost,
        saved,
        margin,
        known is not None,
        made.period_days,
    )
