"""How customers moved between the stages of life since a quarter ago."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, ngettext
from fivestep.segmentation.lifecycle import LEAVING, NO_ORDER, STAGES, Lifecycle, lifecycle

ANSWERS = N_("how customers move between the stages of life")
QUARTER = 91  # days
FEW = 30


@dataclass(frozen=True)
class StageChanges:
    """Lifecycle stage on an earlier day against that of today, by the same rules.

    ``counts``: stage then (rows) x stage now (columns), customers who had ordered by then; the stages are those of `STAGES`.
    """

    counts: pd.DataFrame
    before: dt.date
    as_of: dt.date

    def matrix(self) -> Figure:
        """Where the customers of each stage are now, in percent of the stage then."""
        sizes = self.counts.sum(axis=1)
        shares = self.counts.div(sizes.where(sizes > 0), axis=0)
        write = _("{stage} ({n})")
        shares.index = [write.format(stage=_(s), n=language.number(n)) for s, n in sizes.items()]
        shares.columns = [_(s) for s in shares.columns]
        return charts.heatmap(shares, write=language.percent)

    def _mature(self) -> tuple[int, int]:
        row = self.counts.loc["Mature"]
        return int(row[list(LEAVING)].sum()), int(row.sum())

    def headline(self) -> str:
        """How many of the mature customers have begun to leave."""
        left, all_ = self._mature()
        if all_ == 0:
            return _("Nobody was mature a quarter ago")
        return ngettext(
            "Of {all} customer who was mature a quarter ago, {n} is lapsing or lapsed ({share})",
            "Of {all} customers who were mature a quarter ago, {n} are lapsing or lapsed ({share})",
            all_,
        ).format(n=language.number(left), all=language.number(all_), share=language.percent(left / all_))

    def note(self) -> str:
        """Days compared and base."""
        return _(
            "Base: {n} customers who had ordered by {before}. Rows: stage then, with its customers; columns: stage on {day}, in "
            "percent of the row. Both by the same rules and limits; who came later is not in it."
        ).format(n=language.number(self.counts.to_numpy().sum()), before=language.day(self.before), day=language.day(self.as_of))

    def finding(self) -> Finding:
        """The share of mature customers who have begun to leave."""
        left, all_ = self._mature()
        back = int(self.counts.loc[list(LEAVING), [s for s in STAGES if s not in LEAVING]].to_numpy().sum())
        gone = int(self.counts.loc[list(LEAVING)].to_numpy().sum())
        came_back = _("Of {all} who were lapsing or lapsed then, {n} have come back.").format(
            all=language.number(gone), n=language.number(back)
        )
        return Finding(
            key="segmentation.mature_leaving_in_a_quarter",
            value=left / all_ if all_ else float("nan"),
            unit="share",
            display=language.percent(left / all_) if all_ else "",
            text=language.sentence(self.headline()),
            evidence=f"{self.note()} {came_back}",
            so_what=_("Ask those who left the mature stage first: they know us best.")
            if left
            else _("Keep what is done for mature customers: none of them has begun to leave."),
            confidence="low" if all_ < FEW else "high",
        )


@needs("orders.customer_id", "orders.order_date", "orders.order_amount", answers=ANSWERS)
def stage_changes(tables: Tables, stages: Lifecycle) -> StageChanges | NotAvailable:
    """Stages of `QUARTER` days before the as-of date against *stages*, the result of `lifecycle` with the same limit.

    `NotAvailable` where the data of the earlier day is too short for stages. A transition matrix describes one quarter; it is no
    forecast.
    """
    before = tables.as_of - dt.timedelta(days=QUARTER)
    if before <= tables.first_day:
        return NotAvailable((), _(ANSWERS), reason=_("the data does not go back a quarter."))
    then = lifecycle(tables.until(before), lapsed_after_days=stages.limits["lapsed"])
    if isinstance(then, NotAvailable):
        return NotAvailable(then.missing, _(ANSWERS), reason=then.reason)
    both = then.table[then.table["lifecycle"] != NO_ORDER].merge(stages.table, on="customer_id", suffixes=("_then", "_now"))
    both = both[both["lifecycle_now"] != NO_ORDER]
    counts = pd.crosstab(both["lifecycle_then"], both["lifecycle_now"]).reindex(
        index=list(STAGES), columns=list(STAGES), fill_value=0
    )
    return StageChanges(counts.rename_axis(index=None, columns=None), before, tables.as_of)
