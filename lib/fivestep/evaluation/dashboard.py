"""The dashboard: every key figure on one page with what it was, its target, its control limits and whether it needs attention."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.evaluation.churn_signal import ChurnSignal
from fivestep.evaluation.kpi_tree import ABOVE, BELOW, SHIFT_DOWN, SHIFT_UP, KpiTree, written
from fivestep.evaluation.monthly_kpis import KPIS, MonthlyKpis
from fivestep.evaluation.quarters import BETTER, SAME, WORSE, Reading
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _

ALERTS = (ABOVE, BELOW, SHIFT_UP, SHIFT_DOWN, BETTER, WORSE)
LOSS = N_("Loss rate")


@dataclass(frozen=True)
class Dashboard:
    """Key figures by month, then measures that are read over a longer time.

    ``table``: one row per key figure: board_figure, board_period (as written), board_latest, board_before, board_year_ago,
    board_target, board_of_target, board_limits (as written; missing where there are none), board_signal, board_alert (yes where
    the signal is one or a target is missed). ``kpis``, ``tree``: what the months are drawn from.
    """

    table: pd.DataFrame
    kpis: MonthlyKpis
    tree: KpiTree

    @property
    def alerts(self) -> pd.DataFrame:
        """The rows that need attention."""
        return self.table[self.table["board_alert"]]

    def shown(self) -> pd.DataFrame:
        """As the reader sees it; columns without an entry are left out."""
        out = self.table.assign(board_alert=np.where(self.table["board_alert"], N_("Look at it"), N_("Fine")))
        empty = [
            c
            for c in ("board_year_ago", "board_target", "board_of_target", "board_limits", "board_before")
            if out[c].isna().all()
        ]
        return out.drop(columns=empty)

    def figure(self) -> Figure:
        """One small picture per key figure of a month: its course, its control limits (shaded) and its target (dashed)."""
        fig, axes = charts.figure(height=2.9, nrows=2, ncols=3)  # with its table on one page
        flat = list(axes.flat)
        days = self.kpis.complete["days"].to_numpy(dtype=float)
        months = self.kpis.complete["month"]
        rows = self.tree.table.set_index("name")
        for ax, (name, (label, per_day)) in zip(flat, KPIS.items(), strict=False):
            scale = np.where(days > 0, days, np.nan) if per_day else np.ones(len(days))
            values, row = self.kpis.complete[name].to_numpy(dtype=float) / scale, rows.loc[name]
            ax.plot(range(len(values)), values, color=charts.GREYS[1], linewidth=1.2)
            alert = row["kpi_signal"] in ALERTS or row["of_target"] < 1
            ax.plot(len(values) - 1, values[-1], "o", color=charts.ACCENT if alert else charts.GREYS[1], markersize=5)
            if np.isfinite(row["limit_low"]):
                ax.axhspan(row["limit_low"] / scale[-1], row["limit_high"] / scale[-1], color=charts.GREYS[-1], alpha=0.25, lw=0)
            if np.isfinite(row["target"]):
                ax.axhline(row["target"] / scale[-1], color=charts.MUTED, linestyle="--", linewidth=0.9)
            named = _("{figure} per day").format(figure=_(label)) if per_day else _(label)
            ax.set_title(f"{named}: {written(name, row['latest'] / scale[-1])}", loc="left", fontsize=7.5)
            ax.set_xticks([0, len(values) - 1], [language.month(months.iloc[0]), language.month(months.iloc[-1])], fontsize=6.5)
            ax.get_xticklabels()[0].set_ha("left")
            ax.get_xticklabels()[1].set_ha("right")
            ax.yaxis.set_major_formatter(lambda value, _place: language.short_number(value))
            ax.tick_params(axis="y", labelsize=6.5)
            ax.locator_params(axis="y", nbins=4)
        for ax in flat[len(KPIS) :]:
            ax.axis("off")
        return fig

    def headline(self) -> str:
        """How many key figures need attention."""
        n = len(self.alerts)
        words = {"n": language.number(n), "all": language.number(len(self.table)), "month": language.month(self.tree.month)}
        if not n:
            return _("{month}: none of {all} key figures needs attention").format(**words)
        return _("{month}: {n} of {all} key figures need attention").format(**words)

    def table_headline(self) -> str:
        """Which they are."""
        if self.alerts.empty:
            return self.headline()
        return _("To look at: {figures}").format(figures=language.listing([_(name) for name in self.alerts["board_figure"]]))

    def note(self) -> str:
        """Where the parts are explained."""
        return _(
            "Months: control limits of the earlier complete months (shaded; XmR chart, Wheeler 1993), targets of engagement.yml "
            "(dashed). Quarters and periods: against the one before, clear where the 95% interval of the difference leaves out "
            "zero. An alert is a signal or a missed target, in either direction: good news should be understood, too. Each "
            "figure "
            "is explained in a section of its own below."
        )

    def finding(self) -> Finding:
        """How many need attention, and which."""
        n = len(self.alerts)
        told = [
            _("{figure}: {latest}, {signal}").format(figure=_(r.board_figure), latest=r.board_latest, signal=_(r.board_signal))
            for r in self.alerts.itertuples()
        ]
        return Finding(
            key="evaluation.dashboard_alerts",
            value=float(n),
            unit="count",
            display="",
            text=language.sentence(self.headline()),
            evidence=language.sentence("; ".join(told)) if told else _("No signal, no missed target."),
            so_what=_("Take the alerts one by one in the review meeting, and leave the other figures alone.")
            if n
            else _("Change nothing on account of these figures."),
            confidence="medium",
            assumptions=(self.note(),),
        )


def dashboard(
    kpis: MonthlyKpis | NotAvailable,
    tree: KpiTree | NotAvailable,
    churn: ChurnSignal | NotAvailable,
    readings: Iterable[Reading | NotAvailable | None] = (),
) -> Dashboard | NotAvailable:
    """Put the results of this step on one page: months (*kpis*, *tree*), the loss rate, and *readings* of quarters where there
    are any. Not available without key figures by month."""
    for given in (kpis, tree):
        if isinstance(given, NotAvailable):
            return given
    rows = []
    for r in tree.table.to_dict("records"):
        name = r["name"]
        limits = None
        if np.isfinite(r["limit_low"]):
            limits = _("{low} to {high}").format(low=written(name, r["limit_low"]), high=written(name, r["limit_high"]))
        rows.append(
            {
                "board_figure": r["key_figure"],
                "board_period": language.month(tree.month),
                "board_latest": written(name, r["latest"]),
                "board_before": written(name, r["previous"]),
                "board_year_ago": written(name, r["year_ago"]) if np.isfinite(r["year_ago"]) else None,
                "board_target": written(name, r["target"]) if np.isfinite(r["target"]) else None,
                "board_of_target": r["of_target"],
                "board_limits": limits,
                "board_signal": r["kpi_signal"],
                "board_alert": r["kpi_signal"] in ALERTS or r["of_target"] < 1,
            }
        )
    quarterly = [r for r in (_loss(churn), *readings) if isinstance(r, Reading)]
    for r in quarterly:
        rows.append(
            {
                "board_figure": r.figure, "board_period": r.period, "board_latest": r.latest, "board_before": r.before,
                "board_year_ago": None,
                "board_target": None, "board_of_target": np.nan, "board_limits": None, "board_signal": r.signal,
                "board_alert": r.signal in ALERTS,
            }
        )  # fmt: skip
    return Dashboard(pd.DataFrame(rows), kpis, tree)


def _loss(churn: ChurnSignal | NotAvailable) -> Reading | None:
    if isinstance(churn, NotAvailable):
        return None
    rows = churn.table["loss_rate"]
    signal = {1: WORSE, -1: BETTER}.get(churn.clear_change(), SAME)
    period = _("{days} days to {day}").format(days=language.number(churn.lapsed_after_days), day=language.day(churn.as_of))
    before = language.percent(rows.iloc[-2], 1) if len(rows) > 1 else None
    return Reading(LOSS, period, language.percent(rows.iloc[-1], 1), before, signal)
