"""How long contracts go on: the shifted beta-geometric model on registration and end of contract."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, frame, needs
from fivestep.errors import UserError
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, ngettext
from fivestep.segmentation.clv.maximum_likelihood import Estimate
from fivestep.segmentation.clv.sbg import Sbg

ANSWERS = N_("how long contracts go on, and which are likely to be renewed")
FEW = 100  # contracts below which a curve is guesswork
FEW_ENDED = 30  # contracts that have ended, below which nothing is known about ends
AHEAD = 5  # periods ahead that are forecast
SHOWN = 12  # periods of the curve


@dataclass(frozen=True)
class ContractValue:
    """Contracts and how they are expected to go on, in periods of ``period_days`` days.

    ``table``: one row per running contract, by customer_id: renewals (so far), p_renewal (at the next date), expected_renewals
    (at the next five dates). ``survival``: one row per number of renewals: periods, at_risk, surviving (share observed, Kaplan
    and Meier 1958; missing beyond the data), surviving_model. ``test``: renewals due in the last period: expected by the model
    fitted before it, actual, due; None where too few contracts had ended before.
    """

    table: pd.DataFrame
    survival: pd.DataFrame
    estimate: Estimate
    test: tuple[float, int, int] | None
    period_days: int
    running: int
    ended: int
    excluded: int
    as_of: dt.date
    warnings: tuple[str, ...]

    def chart(self) -> Figure:
        """Share of contracts by number of renewals, observed and by the model."""
        shown = self.survival.head(SHOWN + 1).set_index("periods")[["surviving", "surviving_model"]]
        shown.index = [language.number(k) for k in shown.index]
        return charts.lines(
            shown,
            write=language.percent,
            labels=[_("Observed"), _("Model")],
            ylabel=_("Share of contracts renewed so often"),
            xlabel=_("Renewals"),
        )

    def headline(self) -> str:
        """Share of contracts that are renewed at least once."""
        return _("{share} of contracts are expected to be renewed at least once, {later} of these a second time").format(
            share=language.percent(self.estimate.model.retention(0)), later=language.percent(self.estimate.model.retention(1))
        )

    def note(self) -> str:
        """Base and definitions."""
        base = _(
            "Base: {running} running and {ended} ended contracts at {day}; a period is {days} days. Ended: the end of the "
            "contract has passed. Model: shifted beta-geometric, fitted to all of them."
        ).format(
            running=language.number(self.running),
            ended=language.number(self.ended),
            day=language.day(self.as_of),
            days=language.number(self.period_days),
        )
        if not self.excluded:
            return base
        gone = ngettext(
            "{n} customer without a start or an end of contract is left out.",
            "{n} customers without a start or an end of contract are left out.",
            self.excluded,
        )
        return f"{base} {gone.format(n=language.number(self.excluded))}"

    def finding(self) -> Finding:
        """How many of the running contracts are expected to be renewed at their next date."""
        expected = float(self.table["p_renewal"].mean())
        evidence = self.note()
        if self.test is not None:
            foreseen, actual, due = self.test
            said = _("Test: of {due} renewals due in the last period {actual} were made, {expected} were expected.")
            tested = said.format(due=language.number(due), actual=language.number(actual), expected=language.number(foreseen, 1))
            evidence = f"{evidence} {tested}"
        return Finding(
            key="segmentation.expected_renewals",
            value=expected,
            unit="share",
            display=language.percent(expected),
            text=language.sentence(
                _("{share} of the running contracts are expected to be renewed at their next date").format(
                    share=language.percent(expected)
                )
            ),
            evidence=evidence,
            so_what=_("Talk first to customers before their first renewals: the chance of renewal grows with every one made."),
            confidence="low" if self.test is None else "medium" if self.warnings else "high",
            warnings=self.warnings,
            assumptions=(
                _("At every renewal a contract ends with a chance of its own that stays the same (shifted beta-geometric)."),
                _("The end of contract in the data is that of the running or last contract, moved on only when it is renewed."),
            ),
        )


@needs("customers.registered_at", "customers.contract_end", answers=ANSWERS)
def contract_value(tables: Tables, *, period_days: int = 365) -> ContractValue | NotAvailable:
    """Renewal of contracts of *period_days* by the shifted beta-geometric model.

    A contract that has ended lasted round((contract_end - registered_at) / period_days) periods, one at least. Customers without
    one of the two dates are left out and counted. `NotAvailable` with under 100 contracts or 30 that have ended.
    """
    if period_days < 1:
        raise UserError(
            _("period_days: {period_days} is no number of days. Say the length of a contract, like 365.").format(
                period_days=period_days
            )
        )
    contracts, excluded = _contracts(tables)
    ended, renewals = _state(contracts, tables.as_of, period_days)
    if len(contracts) < FEW or ended.sum() < FEW_ENDED:
        reason = _(
            "{n} contracts are known, {ended} of which have ended; {least} are needed, {least_ended} of them ended."
        ).format(n=language.number(len(contracts)), ended=language.number(ended.sum()), least=FEW, least_ended=FEW_ENDED)
        return NotAvailable((), _(ANSWERS), reason=reason)
    if ended.all():
        return NotAvailable((), _(ANSWERS), reason=_("every contract has ended, so there is none to forecast."))
    estimate = _fit(ended, renewals)
    now = renewals[~ended]
    return ContractValue(
        table=pd.DataFrame({
            "customer_id": contracts.loc[~ended, "customer_id"].to_numpy(),
            "renewals": now,
            "p_renewal": estimate.model.retention(now),
            "expected_renewals": estimate.model.expected_renewals(now, AHEAD),
        }),
        survival=_survival(ended, renewals, estimate.model),
        estimate=estimate,
        test=_test(contracts, tables.as_of, period_days),
        period_days=period_days,
        running=int((~ended).sum()),
        ended=int(ended.sum()),
        excluded=excluded,
        as_of=tables.as_of,
        warnings=_warnings(contracts, estimate, period_days),
    )  # fmt: skip


def _contracts(tables: Tables) -> tuple[pd.DataFrame, int]:
    customers = tables.customers.select(
        "customer_id",
        start=tables.customers.registered_at.date().cast("timestamp"),
        end=tables.customers.contract_end.cast("timestamp"),
    )
    whole = customers.filter(customers.start.notnull(), customers.end.notnull(), customers.end >= customers.start)
    known = whole.filter(whole.start <= ibis.literal(tables.as_of).cast("timestamp"))
    total = int(customers.count().to_pandas())
    found = frame(known, by=["customer_id"])
    return found, total - len(found)


def _state(contracts: pd.DataFrame, as_of: dt.date, period_days: int) -> tuple[np.ndarray, np.ndarray]:
    """For each contract: whether it has ended by *as_of*, and the renewals made by then."""
    day = pd.Timestamp(as_of)
    periods = np.maximum(np.rint((contracts["end"] - contracts["start"]).dt.days.to_numpy() / period_days), 1).astype(int)
    elapsed = ((day - contracts["start"]).dt.days.to_numpy() // period_days).astype(int)
    ended = (contracts["end"] <= day).to_numpy()
    return ended, np.where(ended, periods - 1, np.minimum(periods - 1, elapsed))


def _fit(ended: np.ndarray, renewals: np.ndarray) -> Estimate:
    length = int(renewals.max()) + 2
    gone = np.bincount(renewals[ended] + 1, minlength=length)
    kept = np.bincount(renewals[~ended], minlength=length)
    return Sbg.fit(np.arange(length), gone, kept)


def _survival(ended: np.ndarray, renewals: np.ndarray, model: Sbg) -> pd.DataFrame:
    top = int(renewals.max())
    gone = np.bincount(renewals[ended], minlength=top + 1)  # ended at the date after so many renewals
    kept = np.bincount(renewals[~ended], minlength=top + 1)
    # at the date after k renewals: who ended there, and who has gone beyond
    beyond = (gone + kept)[::-1].cumsum()[::-1] - gone - kept
    due = gone + beyond
    share = np.divide(beyond, due, out=np.full(top + 1, np.nan), where=due > 0)
    observed = np.concatenate([[1.0], np.cumprod(share)])
    periods = np.arange(max(top + 1, AHEAD) + 1)
    return pd.DataFrame({
        "periods": periods,
        "at_risk": np.concatenate([due, np.zeros(len(periods) - len(due), dtype=int)]),
        "surviving": np.concatenate([observed, np.full(len(periods) - len(observed), np.nan)]),
        "surviving_model": model.survival(periods),
    })  # fmt: skip


def _test(contracts: pd.DataFrame, as_of: dt.date, period_days: int) -> tuple[float, int, int] | None:
    """Expected and actual renewals among those due in the last period, by the model fitted on what was known before it."""
    cut = as_of - dt.timedelta(days=period_days)
    before = contracts[contracts["start"] <= pd.Timestamp(cut)]
    if len(before) < FEW:
        return None
    ended, renewals = _state(before, cut, period_days)
    if ended.sum() < FEW_ENDED or ended.all():
        return None
    running = before[~ended]
    _ended_later, later = _state(running, as_of, period_days)
    made = later > renewals[~ended]
    due = made | (running["end"] <= pd.Timestamp(as_of)).to_numpy()
    chance = _fit(ended, renewals).model.retention(renewals[~ended][due])
    return float(chance.sum()), int(made[due].sum()), int(due.sum())


def _warnings(contracts: pd.DataFrame, estimate: Estimate, period_days: int) -> tuple[str, ...]:
    out = []
    if estimate.unidentified:
        out.append(
            _(
                "The data does not determine how the chance of renewal differs between customers: the curve holds, its shape "
                "does not."
            )
        )
    days = (contracts["end"] - contracts["start"]).dt.days.to_numpy()
    uneven = (np.abs(days / period_days - np.maximum(np.rint(days / period_days), 1)) > 0.1).mean()
    if uneven > 0.1:
        out.append(
            _(
                "{share} of contracts do not run for whole periods of {days} days: choose another period_days if most of them do "
                "not."
            ).format(share=language.percent(uneven), days=language.number(period_days))
        )
    return tuple(out)
