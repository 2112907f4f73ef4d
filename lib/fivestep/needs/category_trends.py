"""Rising and falling categories: the monthly share of spend, its slope, and whether the slope is more than noise."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.charts.theme import style
from fivestep.coverage import coverage
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _
from fivestep.needs.lines import lines_by

LARGEST = (
    0.8  # share of spend that the tested categories make together: what is left is small, noisy and costs power in the correction
)
MINIMUM_MONTHS = 6  # with five months no order of the values could survive the correction for many categories
SEASONS = 24  # fewer months show every season once only
FALSE_DISCOVERY_RATE = 0.05
PANELS = 4  # of each direction

RISING, FALLING, UNCLEAR = N_("Rising"), N_("Falling"), N_("Unclear")
LINES = {
    RISING: {"color": charts.ACCENT, "linestyle": "-", "linewidth": 1.8},
    FALLING: {"color": charts.PALETTE[4], "linestyle": "-", "linewidth": 1.8},
    UNCLEAR: {"color": charts.GREYS[0], "linestyle": (0, (3, 2)), "linewidth": 1.2},
}
_ANSWERS = N_("which product categories gain and which lose share of spend")


@dataclass(frozen=True)
class CategoryTrends:
    """Slopes of the monthly share of spend by category.

    ``table``: one row per tested category, steepest rise first: category, spend, category_share, trend_direction, share_trend,
    share_trend_low, share_trend_high (share of spend gained per month, Theil-Sen, 95 %), relative_trend, relative_trend_low,
    relative_trend_high (the same divided by the category's share of spend), money_trend (share_trend at the mean monthly spend),
    p_value (Mann-Kendall), q_value (Benjamini-Hochberg). ``monthly``: share of spend, one row per complete month, one column per
    tested category. ``spend``: of all complete months; ``unknown_share``: spend on products of unknown category, part of every
    denominator; ``small``, ``small_share``: known categories too small to be tested; ``left_out``: months left out.
    """

    table: pd.DataFrame
    monthly: pd.DataFrame
    spend: float
    unknown_share: float
    small: int
    small_share: float
    left_out: tuple[dt.date, ...]

    @property
    def months(self) -> int:
        return len(self.monthly)

    def movers(self, n: int = PANELS) -> pd.DataFrame:
        """*n* rises, then *n* falls: the clear ones first, steepest on top; then those that come nearest to being clear."""
        columns = ["category", "trend_direction", "spend", "category_share", "relative_trend", "relative_trend_low"]
        moved = pd.concat([self._rises().head(n), self._falls().head(n)])
        return moved[[*columns, "relative_trend_high", "money_trend"]].reset_index(drop=True)

    def _rises(self) -> pd.DataFrame:
        return self._ranked(self.table[self.table["share_trend"] > 0])

    def _falls(self) -> pd.DataFrame:
        return self._ranked(self.table[self.table["share_trend"] < 0])

    @staticmethod
    def _ranked(rows: pd.DataFrame) -> pd.DataFrame:
        unclear = rows["trend_direction"] == UNCLEAR
        rank = np.where(unclear, rows["p_value"], -rows["share_trend"].abs())
        return rows.assign(unclear=unclear, rank=rank).sort_values(["unclear", "rank", "category"])

    def _clear(self, direction: str) -> pd.DataFrame:
        rows = self._rises() if direction == RISING else self._falls()
        return rows[rows["trend_direction"] == direction]

    def figure(self) -> Figure:
        """Monthly share of spend of the rises (upper row) and falls (lower row) of `movers`, by whether the trend is clear."""
        fig, grid = charts.figure(height=3.4, nrows=2, ncols=PANELS)
        with mpl.rc_context(style()):
            for axes, shown in zip(grid, (self._rises(), self._falls()), strict=True):
                for ax in axes[len(shown) :]:
                    ax.set_axis_off()
                for ax, (_i, row) in zip(axes, shown.head(PANELS).iterrows(), strict=False):
                    self._panel(ax, row)
            drawn = set(self.movers()["trend_direction"])
            keys = [mpl.lines.Line2D([], [], label=_(name), **line) for name, line in LINES.items() if name in drawn]
            fig.legend(handles=keys, loc="outside upper right", ncols=len(LINES), handlelength=2)
        return fig

    def _panel(self, ax, row: pd.Series) -> None:
        x, shares = _places(self.monthly.index), self.monthly[row["category"]].to_numpy(dtype=float)
        level = np.median(shares - row["share_trend"] * x)
        ax.plot(x, shares, color=charts.GREYS[1], linewidth=1, marker="o", markersize=2)
        ax.plot(x, level + row["share_trend"] * x, **LINES[row["trend_direction"]])
        ax.set_title(_wrapped(language.value("products.category", row["category"])), loc="left", fontsize=7.5, color=charts.INK)
        ax.set_ylim(bottom=min(0.0, shares.min(initial=0.0)), top=max(shares.max(initial=0.0) * 1.15, 1e-9))
        ax.yaxis.set_major_locator(mpl.ticker.MaxNLocator(3, steps=[1, 2, 5, 10]))
        ax.yaxis.set_major_formatter(lambda value, _place: language.percent(value, 1))
        ax.set_xticks([x[0], x[-1]], [language.month(self.monthly.index[0]), language.month(self.monthly.index[-1])])
        ax.get_xticklabels()[0].set_ha("left")
        ax.get_xticklabels()[-1].set_ha("right")
        ax.tick_params(labelsize=6.5)

    def headline(self) -> str:
        """Towards which category spend moves, and away from which."""
        rising, falling = self._clear(RISING), self._clear(FALLING)
        words = {"n": language.number(self.months)}
        if len(rising):
            words["riser"] = language.value("products.category", rising["category"].iloc[0])
        if len(falling):
            words["faller"] = language.value("products.category", falling["category"].iloc[0])
        if len(rising) and len(falling):
            return _("Over {n} months spend shifted most towards {riser} and away from {faller}").format(**words)
        if len(rising):
            return _("Over {n} months spend shifted most towards {riser}; no category clearly lost share").format(**words)
        if len(falling):
            return _("Over {n} months spend shifted most away from {faller}; no category clearly gained share").format(**words)
        return _("Over {n} months no category clearly gained or lost share of spend").format(**words)

    def _finding_text(self, top: pd.DataFrame) -> str:
        """The headline with the change that `finding` displays, that of the first category named."""
        if top.empty:
            return self.headline()
        return _("{headline}; {category} changed by {change} of its own share per month").format(
            headline=self.headline(),
            category=language.value("products.category", top["category"].iloc[0]),
            change=language.percent(top["relative_trend"].iloc[0], 1),
        )

    def movers_headline(self) -> str:
        """How many of the tested categories rise or fall beyond chance."""
        return _("Of {all} large categories, {rising} clearly gained and {falling} clearly lost share of spend").format(
            all=language.number(len(self.table)),
            rising=language.number(len(self._clear(RISING))),
            falling=language.number(len(self._clear(FALLING))),
        )

    def note(self) -> str:
        """Definition, base and what is left out."""
        parts = [
            _(
                "Share of spend: spend on the category divided by all spend of the month ({unknown} of it on products of unknown "
                "category). Base: the {n} complete months from {first} to {last}."
            ).format(
                unknown=language.percent(self.unknown_share),
                n=language.number(self.months),
                first=language.month(self.monthly.index[0]),
                last=language.month(self.monthly.index[-1]),
            ),
            _(
                "Tested: the {tested} largest categories, which make {largest} of spend on known categories; {small} smaller "
                "ones are left out. Rising and falling hold after correction for all tests; unclear may be chance even where "
                "the interval leaves out zero."
            ).format(
                tested=language.number(len(self.table)),
                largest=language.percent(1 - self.small_share),
                small=language.number(self.small),
            ),
        ]
        if self.left_out:
            months = language.listing([language.month(m) for m in self.left_out])
            parts.append(_("Left out as incomplete or without spend: {months}.").format(months=months))
        return " ".join(parts)

    def caution(self) -> str:
        """What these slopes cannot say."""
        if self.months < SEASONS:
            return _(
                "{n} months cannot tell a trend from a season: a category that sells in winter or in summer rises or falls "
                "within a year and comes back. Compare with the same months of another year before acting."
            ).format(n=language.number(self.months))
        return _("A trend in share says what moved, not why: prices, range, stock and competitors may be behind it.")

    def finding(self) -> Finding:
        """The strongest clear shifts; displayed is the monthly change of the first one, nothing where none is clear."""
        rising, falling = self._clear(RISING), self._clear(FALLING)
        top = pd.concat([rising.head(1), falling.head(1)])
        first = float(top["relative_trend"].iloc[0]) if len(top) else 0.0
        evidence = [
            _(
                "Clearly rising: {rising}; clearly falling: {falling}; tested: {all} categories over {n} months "
                "with {spend} of spend."
            ).format(
                rising=language.number(len(rising)),
                falling=language.number(len(falling)),
                all=language.number(len(self.table)),
                n=language.number(self.months),
                spend=language.money(self.spend),
            )
        ]
        for _i, row in top.iterrows():
            evidence.append(
                _("{category}: {trend} of its own share per month (95% interval {low} to {high}).").format(
                    category=language.value("products.category", row["category"]),
                    trend=language.percent(row["relative_trend"], 1),
                    low=language.percent(row["relative_trend_low"], 1),
                    high=language.percent(row["relative_trend_high"], 1),
                )
            )
        return Finding(
            key="needs.strongest_category_trend",
            value=first,
            unit="share",
            display=language.percent(first, 1) if len(top) else "",
            text=language.sentence(self._finding_text(top)),
            evidence=" ".join(evidence),
            so_what=_(
                "Check the categories named against the same months of another year and against price and range changes; "
                "then plan stock and offers."
            )
            if len(top)
            else _("Plan categories as before: these data give no reason to shift space or offers between them."),
            confidence="low" if self.months < SEASONS else "medium",
            warnings=(self.caution(),),
            assumptions=(
                _("The trend is the Theil–Sen slope of the monthly share of spend with its 95% interval (Theil 1950, Sen 1968)."),
                _(
                    "A direction is named only where the interval leaves out zero and the Mann–Kendall test holds after "
                    "Benjamini and Hochberg's correction for all tested categories at {level}."
                ).format(level=language.percent(FALSE_DISCOVERY_RATE, 0)),
                _(
                    "A month is complete if the data covers it; a silence at either end that is no longer than one inside the "
                    "data counts as covered."
                ),
            ),
        )


@needs("order_lines.product_id", "products.category", answers=_ANSWERS)
def category_trends(tables: Tables) -> CategoryTrends | NotAvailable:
    """The slope of the large categories' share of spend over the complete months, with a direction where it is more than noise.

    Share, not spend: months differ in length and the base grows or shrinks, and both cancel. Returns are netted; lines without
    a customer count. Tested are the largest categories that together make 80 % of the spend on known categories. A month
    without positive spend is left out. Slopes: Theil-Sen with the 95 % interval of Sen (1968); a direction only where that
    interval leaves out zero and Kendall's test against time holds at a false discovery rate of 5 %. With fewer than 6 complete
    months nothing is said.

    Sources: Theil (1950); Sen (1968); Mann (1945) and Kendall (1975); Benjamini and Hochberg (1995).
    """
    lines = lines_by(tables, "category")
    sums = frame(
        lines.group_by(month=lines.order_date.truncate("M").cast("date"), category=lines.category).aggregate(
            spend=lines.line_amount.sum().cast("float64")
        ),
        by=["month", "category"],
    )
    months = coverage(tables).months()
    complete = set(months.loc[months["complete"], "month"].dt.date)
    sums["month"] = pd.to_datetime(sums["month"]).dt.date
    # In whole cents, so that no order of addition changes a sum.
    sums["spend"] = (sums["spend"] * 100).round()
    totals = sums[sums["month"].isin(complete)].groupby("month")["spend"].sum()
    totals = totals[totals > 0].sort_index()
    left_out = tuple(sorted(set(sums["month"]) - set(totals.index)))
    if len(totals) < MINIMUM_MONTHS:
        reason = _("a trend needs at least {n} complete months; the data has {have}.").format(
            n=language.number(MINIMUM_MONTHS), have=language.number(len(totals))
        )
        return NotAvailable((), _(_ANSWERS), reason=reason)
    known = sums[sums["category"].notna() & sums["month"].isin(totals.index)]
    spend = known.pivot_table(index="month", columns="category", values="spend", aggfunc="sum")
    spend = spend.reindex(totals.index).fillna(0.0)
    by_category = spend.sum().rename("spend").reset_index().sort_values(["spend", "category"], ascending=[False, True])
    whole = by_category["spend"].sum()
    before = by_category["spend"].cumsum() - by_category["spend"]
    large = by_category[(by_category["spend"] > 0) & (before < LARGEST * whole)].set_index("category")["spend"]
    if large.empty:
        return NotAvailable((), _(_ANSWERS), reason=_("no known category has spend in the complete months."))
    monthly = spend[sorted(large.index)].div(totals, axis=0)
    table = _slopes(monthly, large, months_spend=totals)
    return CategoryTrends(
        table,
        monthly,
        spend=float(totals.sum() / 100),
        unknown_share=float(1 - whole / totals.sum()),
        small=len(by_category) - len(large),
        small_share=float(1 - large.sum() / whole),
        left_out=left_out,
    )


def _slopes(monthly: pd.DataFrame, spend: pd.Series, *, months_spend: pd.Series) -> pd.DataFrame:
    """The columns of `CategoryTrends.table` from monthly shares; *spend* by category and *months_spend* by month are in cents."""
    from scipy import stats

    x = _places(monthly.index)
    rows = []
    for category in monthly.columns:
        y = monthly[category].to_numpy(dtype=float)
        line = stats.theilslopes(y, x, alpha=0.95)
        p = stats.kendalltau(x, y).pvalue
        rows.append((category, line.slope, line.low_slope, line.high_slope, 1.0 if math.isnan(p) else p))
    out = pd.DataFrame(rows, columns=["category", "share_trend", "share_trend_low", "share_trend_high", "p_value"])
    out["q_value"] = stats.false_discovery_control(out["p_value"], method="bh")
    clear = (out["q_value"] <= FALSE_DISCOVERY_RATE) & ((out["share_trend_low"] > 0) | (out["share_trend_high"] < 0))
    out["trend_direction"] = np.where(clear, np.where(out["share_trend"] > 0, RISING, FALLING), UNCLEAR)
    out["spend"] = spend.reindex(monthly.columns).to_numpy(dtype=float) / 100
    out["category_share"] = out["spend"] * 100 / months_spend.sum()
    for end in ("", "_low", "_high"):
        out[f"relative_trend{end}"] = out[f"share_trend{end}"] / out["category_share"]
    out["money_trend"] = out["share_trend"] * months_spend.mean() / 100
    return out.sort_values(["share_trend", "category"], ascending=[False, True], ignore_index=True)


def _places(months: pd.Index) -> np.ndarray:
    """Months as numbers, so that a month left out keeps its place."""
    return np.array([m.year * 12 + m.month for m in months], dtype=float)


def _wrapped(text: str, width: int = 24) -> str:
    """*text* in at most two lines of about *width* narrow characters."""
    import textwrap

    wide = any(ord(c) > 0x2E7F for c in text)
    return "\n".join(textwrap.wrap(text, width // 2 if wide else width, max_lines=2, placeholder="…"))
