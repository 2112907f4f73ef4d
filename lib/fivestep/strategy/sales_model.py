"""Sales by week as trend, season and promotion, with what the model foretells and how far off it was."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.coverage import coverage
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import Z
from fivestep.language import N_, _

ANSWERS = N_("how much of sales is trend, season and promotion")
WEEKS_A_YEAR = 365.25 / 7
SEASON_WEEKS = 100  # two years but for what is missing at the edges: fewer cannot tell season from trend
FEWEST = 39  # weeks of a model at all
AHEAD = 13  # weeks foretold, and kept apart to test the model
LAGS = 4  # weeks over which what is left over may hang together (Newey and West)
WAVES = 2  # of the year
TREND, SEASON, PROMOTION, REST = N_("Trend"), N_("Season"), N_("Promotion"), N_("Left over")


@dataclass(frozen=True)
class SalesModel:
    """Weekly spend as trend times season times promotion.

    ``weeks``: one row per whole week: week (its Monday), spend, trend_spend, fitted_spend, promoted (share of its days with a
    campaign). ``table``: one row per part: sales_part, part_share (trend: change a year; season: highest against lowest week;
    promotion: a week full of campaigns against none; left over: spread of the weeks around the model), part_low, part_high.
    ``ahead``: spend foretold for the next `AHEAD` weeks; ``tested``: foretold without the last `AHEAD` weeks against what came,
    less one.
    """

    weeks: pd.DataFrame
    table: pd.DataFrame
    ahead: float
    tested: float
    seasonal: bool

    def chart(self) -> Figure:
        """Spend by week, the model and the trend alone."""
        shown = pd.DataFrame({
            _("Sales"): self.weeks["spend"].to_numpy(), _("Model"): self.weeks["fitted_spend"].to_numpy(),
            _("Trend"): self.weeks["trend_spend"].to_numpy(),
        }, index=[language.day(day) for day in self.weeks["week"]])  # fmt: skip
        return charts.lines(shown, write=language.short_money)

    def headline(self) -> str:
        """The trend, and whether promotion shows."""
        trend = self.table.set_index("sales_part").loc[TREND]
        if trend["part_low"] > 0:
            said = _("Weekly sales trend upwards by {share} a year")
        elif trend["part_high"] < 0:
            said = _("Weekly sales trend downwards by {share} a year")
        else:
            return _("Weekly sales have no clear trend")
        return said.format(share=language.percent(abs(trend["part_share"])))

    def parts_headline(self) -> str:
        """What promotion goes with, or how much the model leaves over."""
        t = self.table.set_index("sales_part")
        if PROMOTION not in t.index:
            return _("Single weeks lie {share} around the model").format(share=language.percent(t.loc[REST, "part_share"]))
        row = t.loc[PROMOTION]
        if row["part_low"] <= 0 <= row["part_high"]:
            return _("Weeks with campaigns do not clearly sell more or less than weeks without")
        more = row["part_low"] > 0
        words = _("Weeks full of campaigns sell {share} more") if more else _("Weeks full of campaigns sell {share} less")
        return words.format(share=language.percent(abs(row["part_share"])))

    def note(self) -> str:
        """The model, and what it cannot tell."""
        season = _("two waves of the year") if self.seasonal else _("no season (under two years of weeks)")
        off = _("{share} above what came") if self.tested >= 0 else _("{share} below what came")
        out = [
            _(
                "Whole weeks, refunds netted. Logarithm of spend on a straight trend, {season} and the share of days with a "
                "campaign; 95 % interval after Newey and West (1987), {lags} weeks. Tested: the last {weeks} weeks, foretold "
                "without them, came out {off}. Foretold for the next {weeks} weeks: {ahead}, if nothing is promoted."
            ).format(
                season=season,
                lags=language.number(LAGS),
                weeks=language.number(AHEAD),
                off=off.format(share=language.percent(abs(self.tested), 1)),
                ahead=language.short_money(self.ahead),
            )
        ]
        if PROMOTION in set(self.table["sales_part"]):
            out.append(_("Campaigns are not drawn by chance: who plans them for strong weeks will see an effect."))
        else:
            out.append(_("The data has no campaign in some weeks and none in others, so promotion cannot be told."))
        return " ".join(out)

    def finding(self) -> Finding:
        """The trend a year."""
        trend = self.table.set_index("sales_part").loc[TREND]
        return Finding(
            key="strategy.sales_trend",
            value=float(trend["part_share"]),
            unit="share",
            display=language.percent(trend["part_share"], 1),
            text=language.sentence(self.headline()),
            evidence=_("95 % interval: {low} to {high} a year, {n} weeks.").format(
                low=language.percent(trend["part_low"], 1), high=language.percent(trend["part_high"], 1),
                n=language.number(len(self.weeks)),
            ),
            so_what=_("Set targets on top of trend and season, so that a good month is not taken for a good campaign."),
            confidence="medium" if self.seasonal else "low",
            warnings=() if self.seasonal else (_("Under two years of weeks: what looks like a trend may be the season."),),
            assumptions=(_("The trend is the same throughout, and each year has the same season."),),
        )  # fmt: skip


@needs("orders.order_amount", answers=ANSWERS)
def sales_model(tables: Tables) -> SalesModel | NotAvailable:
    """Weekly spend decomposed by least squares on its logarithm.

    `NotAvailable` below `FEWEST` whole weeks, or where a week has no spend.
    """
    covered = coverage(tables)
    first = covered.first + dt.timedelta(days=-covered.first.weekday() % 7)
    last = covered.last - dt.timedelta(days=(covered.last.weekday() + 1) % 7)
    count = ((last - first).days + 1) // 7
    if count < FEWEST:
        return NotAvailable(
            (), _(ANSWERS), reason=_("the data has fewer than {n} whole weeks.").format(n=language.number(FEWEST))
        )
    orders = tables.orders.filter(tables.orders.order_date >= dt.datetime.combine(first, dt.time()))
    orders = orders.select(week=orders.order_date.date().truncate("W"), amount=orders.order_amount)
    spend = frame(orders.group_by("week").aggregate(spend=orders.amount.sum().cast("float64")), by=["week"])
    days = [first + dt.timedelta(weeks=i) for i in range(count)]
    weekly = pd.Series(spend["spend"].to_numpy(), index=pd.to_datetime(spend["week"])).reindex(pd.to_datetime(days))
    if not (weekly > 0).all():
        return NotAvailable((), _(ANSWERS), reason=_("there are weeks without spend."))
    seasonal, promoted = count >= SEASON_WEEKS, _promoted(tables, days)
    told = float(np.ptp(promoted)) > 0
    design = _design(np.arange(count), days, promoted, seasonal, told)
    beta, errors, left = _fit(design, np.log(weekly.to_numpy()))
    year = [np.expm1(WEEKS_A_YEAR * b) for b in (beta[1], beta[1] - Z * errors[1], beta[1] + Z * errors[1])]
    rows = [(TREND, *year)]
    trend = np.exp(beta[0] + beta[1] * np.arange(count))
    if seasonal:
        wave = design[:, 2 : 2 + 2 * WAVES] @ beta[2 : 2 + 2 * WAVES]
        rows.append((SEASON, float(np.exp(np.ptp(wave)) - 1), np.nan, np.nan))
    if told:
        rows.append((PROMOTION, *(float(np.expm1(b)) for b in (beta[-1], beta[-1] - Z * errors[-1], beta[-1] + Z * errors[-1]))))
    rows.append((REST, float(np.std(left)), np.nan, np.nan))
    later = [last + dt.timedelta(days=1, weeks=i) for i in range(AHEAD)]
    smear = float(np.mean(np.exp(left)))  # the mean of a week, not its median (Duan 1983)
    ahead = _design(np.arange(count, count + AHEAD), later, np.zeros(AHEAD), seasonal, told) @ beta
    short = count - AHEAD
    early = _fit(design[:short], np.log(weekly.to_numpy()[:short]))
    guess = np.exp(design[short:] @ early[0]).sum() * np.mean(np.exp(early[2]))
    weeks = pd.DataFrame({"week": days, "spend": weekly.to_numpy(), "trend_spend": trend, "promoted": promoted})
    weeks["fitted_spend"] = np.exp(design @ beta)
    table = pd.DataFrame(rows, columns=["sales_part", "part_share", "part_low", "part_high"])
    tested = float(guess / weekly.to_numpy()[short:].sum() - 1)
    return SalesModel(weeks, table, float(np.exp(ahead).sum() * smear), tested, seasonal)


def _promoted(tables: Tables, days: list[dt.date]) -> np.ndarray:
    """Share of the days of each week on which a campaign ran; 0 where the data has no campaigns."""
    if tables.missing("campaigns.start_date", "campaigns.end_date"):
        return np.zeros(len(days))
    spans = tables.campaigns.select("start_date", "end_date").to_pandas().dropna()
    running = {day.date() for s, e in zip(spans["start_date"], spans["end_date"], strict=True) for day in pd.date_range(s, e)}
    return np.array([sum(day + dt.timedelta(days=i) in running for i in range(7)) / 7 for day in days])


def _design(places: np.ndarray, days: list[dt.date], promoted: np.ndarray, seasonal: bool, told: bool) -> np.ndarray:
    columns = [np.ones(len(places)), places.astype(float)]
    if seasonal:
        angle = 2 * np.pi * np.array([day.timetuple().tm_yday for day in days]) / 365.25
        columns += [f(k * angle) for k in range(1, WAVES + 1) for f in (np.sin, np.cos)]
    return np.column_stack([*columns, promoted] if told else columns)


def _fit(design: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients, their errors (Newey and West 1987, Bartlett weights) and what is left over."""
    inverse = np.linalg.pinv(design.T @ design)
    beta = inverse @ design.T @ values
    left = values - design @ beta
    scores = design * left[:, None]
    middle = scores.T @ scores
    for lag in range(1, LAGS + 1):
        cross = scores[lag:].T @ scores[:-lag]
        middle += (1 - lag / (LAGS + 1)) * (cross + cross.T)
    n, k = design.shape
    spread = inverse @ middle @ inverse * n / (n - k)
    return beta, np.sqrt(np.maximum(np.diag(spread), 0.0)), left
