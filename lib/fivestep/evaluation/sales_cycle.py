"""How many opportunities are won, and how long that takes, by the quarter in which they were closed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pandas as pd

from fivestep import language
from fivestep.engine import MONEY, Tables, frame, needs
from fivestep.evaluation.quarters import Reading, compared, coverage_note, marked, quarter_name, quarters, reading
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import newcombe, wilson
from fivestep.language import N_, _

WON, LOST = "won", "lost"
FEW = 30
QUESTION = N_("whether more opportunities are won, and faster")


@dataclass(frozen=True)
class SalesCycle:
    """Opportunities by the quarter in which they were won or lost.

    ``table``: one row per quarter, by quarter: quarter (its first day), complete, closed, won, win_rate with its interval,
    cycle_days (median from opened to won), won_amount (missing where the data has no amount). ``open``: opportunities that are
    open on the as-of date. ``odd``: opportunities that were won before they were opened, in no length.
    """

    table: pd.DataFrame
    open: int
    odd: int

    def shown(self) -> pd.DataFrame:
        """As the reader sees it."""
        names = [*("opportunities_closed", "opportunities_won", "win_rate", "win_low", "win_high", "cycle_days", "won_amount")]
        out = self.table[[n for n in names if self.table[n].notna().any()]]
        return out.assign(quarter_name=marked(self.table))[["quarter_name", *out.columns]]

    def _latest(self) -> pd.DataFrame:
        return self.table[self.table["complete"] & (self.table["opportunities_closed"] > 0)].tail(2)

    def headline(self) -> str:
        """How the win rate changed."""
        rows = self._latest()
        if len(rows) < 2:
            return _("Too few complete quarters with closed opportunities to compare")
        written = [language.percent(rate) for rate in rows["win_rate"]]
        return compared(_("Win rate"), *written, self._change(rows), rows["quarter"].tolist())

    @staticmethod
    def _change(rows: pd.DataFrame) -> tuple[float, float]:
        first, last = rows.iloc[0], rows.iloc[1]
        return newcombe(*(row[c] for row in (last, first) for c in ("opportunities_won", "opportunities_closed")))

    def reading(self) -> Reading | None:
        """The win rate for the dashboard; None where no quarter that the data covers whole has one."""
        rows = self._latest()
        if rows.empty:
            return None
        written = [language.percent(rate) for rate in rows["win_rate"]]
        return reading(N_("Win rate"), written, self._change(rows) if len(rows) > 1 else None, rows["quarter"].iloc[-1])

    def note(self) -> str:
        """What the rate and the days are of."""
        rule = language.ngettext(
            "Win rate: won divided by won and lost, by the quarter of the decision; {n} open opportunity is in neither. Days: "
            "median from "
            "opened to won; slow ones that are still open are not in it yet. Intervals: Wilson, 95%.",
            "Win rate: won divided by won and lost, by the quarter of the decision; {n} open opportunities are in neither. Days: "
            "median "
            "from opened to won; slow ones that are still open are not in it yet. Intervals: Wilson, 95%.",
            self.open,
        ).format(n=language.number(self.open))
        odd = language.ngettext(
            "Not in the days: {n} opportunity that was won before it was opened.",
            "Not in the days: {n} opportunities that were won before they were opened.",
            self.odd,
        ).format(n=language.number(self.odd))
        return " ".join(filter(None, [rule, coverage_note(), odd if self.odd else ""]))

    def finding(self) -> Finding | NotAvailable:
        """The win rate of the latest complete quarter."""
        rows = self._latest()
        if rows.empty:
            return NotAvailable((), _(QUESTION), reason=_("no opportunity was closed in a quarter that the data covers whole."))
        last = rows.iloc[-1]
        few = last["opportunities_closed"] < FEW
        return Finding(
            key="evaluation.win_rate",
            value=float(last["win_rate"]),
            unit="share",
            display="" if len(rows) < 2 else language.percent(last["win_rate"]),
            text=language.sentence(self.headline()),
            evidence=_("{quarter}: {won} of {closed} won, 95% interval {low} to {high}; median {days} days.").format(
                quarter=quarter_name(last["quarter"]),
                won=language.number(last["opportunities_won"]),
                closed=language.number(last["opportunities_closed"]),
                low=language.percent(last["win_low"], 1),
                high=language.percent(last["win_high"], 1),
                days=language.number(last["cycle_days"]),
            ),
            so_what=_(
                "Ask of every stage how many opportunities leave it upwards, and stop work on kinds that are hardly ever won."
            ),
            confidence="low" if few else "medium",
            warnings=(
                _("Only {n} closed opportunities: the rate is uncertain.").format(
                    n=language.number(last["opportunities_closed"])
                ),
            )
            if few
            else (),
            assumptions=(self.note(),),
        )


@needs("opportunities.created_at", "opportunities.closed_at", "opportunities.status", answers=QUESTION)
def sales_cycle(tables: Tables) -> SalesCycle | NotAvailable:
    """Win rate and length of the sales cycle by quarter of the decision.

    What is decided after the as-of date counts as open. Opportunities that were won before they were opened have no length and
    are counted.
    """
    given = tables.opportunities
    end = dt.datetime.combine(tables.as_of + dt.timedelta(days=1), dt.time())
    status = given.status.lower()
    decided = status.isin([WON, LOST]) & given.closed_at.notnull() & (given.closed_at < end)
    closed = given.filter(decided)
    if closed.count().to_pandas() == 0:
        return NotAvailable((), _(QUESTION), reason=_("no opportunity has been won or lost."))
    won = closed.status.lower() == WON
    days = (closed.closed_at.epoch_seconds() - closed.created_at.epoch_seconds()) / 86_400
    sums = {
        "opportunities_closed": closed.count(),
        "opportunities_won": won.sum(),
        "cycle_days": days.median(where=won & (days >= 0)),
        "odd": (won & (days < 0)).sum(),
    }
    if "amount" in closed.columns:
        sums["won_amount"] = closed.amount.sum(where=won).fill_null(0).cast(MONEY)
    counted = frame(closed.group_by(quarter=closed.closed_at.truncate("Q").date()).aggregate(**sums), by=["quarter"])
    table = quarters(tables)
    counted["quarter"] = pd.to_datetime(counted["quarter"]).astype(table["quarter"].dtype)
    table = table.merge(counted.drop(columns="odd"), on="quarter", how="left")
    numbers = ["opportunities_closed", "opportunities_won"]
    table[numbers] = table[numbers].fillna(0).astype("int64")
    table["won_amount"] = table["won_amount"].astype(float) if "won_amount" in table else float("nan")
    table["win_rate"] = table["opportunities_won"] / table["opportunities_closed"].where(table["opportunities_closed"] > 0)
    table["win_low"], table["win_high"] = wilson(table["opportunities_won"], table["opportunities_closed"])
    still_open = int(given.count().to_pandas()) - int(counted["opportunities_closed"].sum())
    return SalesCycle(table, still_open, int(counted["odd"].sum()))
