"""The tree of key figures: where each stands against its past, its target and its control limits, and what moved spend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.coverage import SHORT_SILENCE, coverage
from fivestep.engine import Tables, frame, needs
from fivestep.errors import UserError
from fivestep.evaluation.monthly_kpis import KPIS, YEAR, MonthlyKpis
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _

LEAST = 8  # earlier complete months from which limits can be drawn
RUN = 8  # months in a row on one side of the centre
MOVING_RANGE = 2.66  # limits lie so many mean moving ranges from the centre (Shewhart 1931; Wheeler 1993)
ABOVE, BELOW = N_("Above its limits"), N_("Below its limits")
SHIFT_UP, SHIFT_DOWN = N_("Shifted up"), N_("Shifted down")
WITHIN, NO_LIMITS = N_("Within its limits"), N_("Too few months for limits")
FACTORS = ("active_customers", "orders_per_active_customer", "spend_per_order")  # their product is spend
ANONYMOUS, RETURNS, SILENT_DAYS = (
    N_("Spend of orders without a customer"),
    N_("Orders that are returns"),
    N_("Days without an order"),
)
QUESTION = N_("which key figures need attention")


@dataclass(frozen=True)
class KpiTree:
    """Key figures of the latest complete month.

    ``table``: one row per key figure: key_figure, name, latest, previous, year_ago (missing where the data does not reach back),
    target (missing where none is set), of_target (latest divided by it), limit_low and limit_high (for a month with the days of
    the latest), signal. ``parts``: one row per factor of spend: key_figure and its share of the change of spend since ``since``,
    in money; they add up to the change; empty where a month has no positive spend. ``quality``: one row per check of the figures
    themselves: quality_check, its share in the latest month, the lowest and highest of the earlier months, kpi_signal.
    """

    table: pd.DataFrame
    parts: pd.DataFrame
    quality: pd.DataFrame
    month: pd.Timestamp
    since: pd.Timestamp

    def parts_figure(self) -> Figure | NotAvailable:
        """What each factor of spend added to its change."""
        if self.parts.empty:
            return self._no_parts()
        return charts.bars(
            [_(label) for label in self.parts["key_figure"]],
            list(self.parts["contribution"]),
            write=language.money,
            xlabel=_("Change of spend that the factor accounts for"),
        )

    def _no_parts(self) -> NotAvailable:
        return NotAvailable((), _("what moved spend"), reason=_("a month without positive spend has no parts."))

    def alerts(self) -> pd.DataFrame:
        """The rows of the tree and of the checks that need attention."""
        return self.table[self.table["kpi_signal"].isin([ABOVE, BELOW, SHIFT_UP, SHIFT_DOWN]) | (self.table["of_target"] < 1)]

    def headline(self) -> str:
        """How many key figures lie outside of their limits or below target."""
        words = {
            "month": language.month(self.month),
            "n": language.number(self.table["kpi_signal"].isin([ABOVE, BELOW, SHIFT_UP, SHIFT_DOWN]).sum()),
            "all": language.number((self.table["kpi_signal"] != NO_LIMITS).sum()),
            "below": language.number((self.table["of_target"] < 1).sum()),
            "targets": language.number(self.table["target"].notna().sum()),
        }
        if (self.table["kpi_signal"] == NO_LIMITS).all():
            said = _("{month}: too few complete months to tell news from noise").format(**words)
        else:
            said = _("{month}: {n} of {all} key figures are outside of their control limits or have shifted").format(**words)
        if self.table["target"].notna().any():
            return _("{said}; {below} of {targets} targets are missed").format(said=said, **words)
        return said

    def parts_headline(self) -> str | NotAvailable:
        """Which factor moved spend most."""
        if self.parts.empty:
            return self._no_parts()
        top = self.parts.loc[self.parts["contribution"].abs().idxmax()]
        factor = top["key_figure"]
        return _("Of the change of spend by {change} since {since}, {part} comes from “{factor}”").format(
            change=language.money(self.parts["contribution"].sum()),
            since=language.month(self.since),
            part=language.money(top["contribution"]),
            factor=_(factor),
        )

    def quality_headline(self) -> str:
        """Whether the figures themselves can be trusted as before."""
        off = int(self.quality["kpi_signal"].isin([ABOVE, BELOW]).sum())
        if off:
            return _("{n} of {all} checks of the figures themselves came out unlike before: look there first").format(
                n=language.number(off), all=language.number(len(self.quality))
            )
        return _("The checks of the figures themselves came out as in earlier months")

    def note(self) -> str:
        """How limits are drawn."""
        return _(
            "Control limits: mean of the earlier complete months and {n} mean moving ranges to each side (XmR chart; Wheeler "
            "1993), per day for figures that grow with the days, then for the days of the latest month. Outside of them is news, "
            "within them is noise. Shifted: the last {run} months all lie on one side of the mean of the months before them. A "
            "season that repeats itself, or steady growth, also leaves limits: hold the figure against the year before. Targets: "
            "targets in engagement.yml."
        ).format(n=language.number(MOVING_RANGE, 2), run=language.number(RUN))

    def parts_note(self) -> str:
        """How the change is divided."""
        return _(
            "Spend is active customers times orders per active customer times spend per order. Its change is divided by the "
            "logarithms of the three ratios (logarithmic mean Divisia index; Ang 2004), without a remainder. Against the same "
            "month a year ago where the data reaches back, else against the month before."
        )

    def quality_note(self) -> str:
        """What is checked."""
        return _(
            "Share in the latest complete month against the control limits of the earlier ones. More spend without a customer "
            "makes customers look as if they had left; more days without an order may be days that were not delivered."
        )

    def finding(self) -> Finding:
        """How many key figures need attention, and which."""
        alerts = self.alerts()
        said = _("{figure}: {latest}, {signal}")
        named = [
            said.format(figure=_(row.key_figure), latest=written(row.name_, row.latest), signal=_(row.kpi_signal))
            for row in alerts.rename(columns={"name": "name_"}).itertuples()
        ]
        off = self.quality["kpi_signal"].isin([ABOVE, BELOW]).any()
        few = (self.table["kpi_signal"] == NO_LIMITS).all()
        return Finding(
            key="evaluation.key_figures_that_need_attention",
            value=float(len(alerts)),
            unit="count",
            display="",
            text=language.sentence(self.headline()),
            evidence=language.sentence("; ".join(named)) if named else _("All key figures lie within their limits or have none."),
            so_what=_("Find the cause of each of these before the next review; leave the others alone.")
            if named
            else _("Change nothing on account of this month."),
            confidence="low" if off or few else "medium",
            warnings=(language.sentence(self.quality_headline()),) if off else (),
            assumptions=(self.note(), self.quality_note()),
        )


def known_targets(said: Mapping[str, float]) -> None:
    """Raise `UserError` for the target of a figure that there is not."""
    if strange := [name for name in said if name not in KPIS]:
        raise UserError(
            _("engagement.yml: targets: {name!r} is no key figure. Key figures are {choices}.").format(
                name=strange[0], choices=", ".join(KPIS)
            )
        )


@needs("orders.customer_id", "orders.order_amount", answers=QUESTION)
def kpi_tree(
    tables: Tables, kpis: MonthlyKpis | NotAvailable, *, targets: Mapping[str, float] | None = None
) -> KpiTree | NotAvailable:
    """The key figures of `monthly_kpis` with targets (of a month, by name) and control limits, the parts of the change of spend,
    and the quality of the figures. Raises `UserError` for a target of an unknown figure.
    """
    wanted = dict(targets or {})
    known_targets(wanted)
    complete = kpis.complete
    days = complete["days"].to_numpy(dtype=float)
    rows = []
    for name, (label, per_day) in KPIS.items():
        values = complete[name].to_numpy(dtype=float)
        scale = np.where(days > 0, days, np.nan) if per_day else np.ones(len(values))
        low, high, signal = control_limits(values / scale)
        target = float(wanted.get(name, np.nan))
        rows.append(
            {
                "key_figure": label,
                "name": name,
                "latest": values[-1],
                "previous": values[-2],
                "year_ago": values[-1 - YEAR] if len(values) > YEAR else np.nan,
                "target": target,
                "of_target": values[-1] / target if target > 0 else np.nan,
                "limit_low": low * scale[-1],
                "limit_high": high * scale[-1],
                "kpi_signal": signal,
            }
        )
    table = pd.DataFrame(rows)
    since = -1 - YEAR if len(complete) > YEAR else -2
    return KpiTree(
        table,
        _parts(complete.iloc[since], complete.iloc[-1]),
        _quality(tables, complete["month"]),
        complete["month"].iloc[-1],
        complete["month"].iloc[since],
    )


def control_limits(values: np.ndarray) -> tuple[float, float, str]:
    """Limits for the last of *values* from the earlier ones, and what it signals; missing below `LEAST` earlier values.

    Source: Wheeler (1993), Understanding variation: individual values and moving ranges.
    """
    earlier, last = values[:-1], values[-1]
    if len(earlier) < LEAST or not np.isfinite(values).all():
        return np.nan, np.nan, NO_LIMITS
    half = MOVING_RANGE * float(np.abs(np.diff(earlier)).mean())
    low, high = float(earlier.mean()) - half, float(earlier.mean()) + half
    if last > high or last < low:
        return low, high, ABOVE if last > high else BELOW
    recent, before = values[-RUN:], values[:-RUN]
    if len(before) >= LEAST and (recent > before.mean()).all():
        return low, high, SHIFT_UP
    if len(before) >= LEAST and (recent < before.mean()).all():
        return low, high, SHIFT_DOWN
    return low, high, WITHIN


def _parts(before: pd.Series, after: pd.Series) -> pd.DataFrame:
    if not (before["spend"] > 0 and after["spend"] > 0):
        return pd.DataFrame(columns=["key_figure", "contribution"])
    change, ratio = after["spend"] - before["spend"], np.log(after["spend"] / before["spend"])
    mean = change / ratio if ratio else after["spend"]
    return pd.DataFrame(
        {
            "key_figure": [KPIS[name][0] for name in FACTORS],
            "contribution": [float(mean * np.log(after[name] / before[name])) for name in FACTORS],
        }
    )


def _quality(tables: Tables, months: pd.Series) -> pd.DataFrame:
    """The checks of the figures themselves over the complete *months*."""
    orders = tables.orders.mutate(month=tables.orders.order_date.truncate("M").date())
    unknown = orders.customer_id.isnull()
    counted = frame(
        orders.group_by("month").aggregate(
            all_spend=orders.order_amount.abs().sum().cast("float64"),
            unknown_spend=orders.order_amount.abs().sum(where=unknown).fill_null(0).cast("float64"),
            all_orders=orders.count(),
            returns=(orders.order_amount < 0).sum(),
        ),
        by=["month"],
    )
    counted.index = pd.DatetimeIndex(pd.to_datetime(counted["month"]))
    counted = counted.drop(columns="month").reindex(pd.DatetimeIndex(months)).fillna(0.0).astype(float)
    covered = coverage(tables).months().set_index("month").loc[counted.index]
    shares = {
        ANONYMOUS: counted["unknown_spend"] / counted["all_spend"].where(counted["all_spend"] > 0),
        RETURNS: counted["returns"] / counted["all_orders"].where(counted["all_orders"] > 0),
        SILENT_DAYS: 1 - covered["trading_days"] / covered["days"],
    }
    rows = []
    for check, share in shares.items():
        values = share.fillna(0.0).to_numpy()
        _low, _high, signal = control_limits(values)
        if check == SILENT_DAYS and values[-1] * covered["days"].iloc[-1] <= SHORT_SILENCE:
            signal = WITHIN  # closed for a holiday
        rows.append(
            {
                "quality_check": check,
                "quality_latest": values[-1],
                "quality_lowest": values[:-1].min(),
                "quality_highest": values[:-1].max(),
                "kpi_signal": signal,
            }
        )
    return pd.DataFrame(rows)


def written(name: str, value: float) -> str:
    """A value of a key figure in its unit."""
    if name in ("spend", "spend_per_order"):
        return language.money(value, 0 if name == "spend" else 2)
    return language.number(value, 2 if name == "orders_per_active_customer" else 0)
