"""Randomised campaigns, customer by customer: whether chance did its work, and what contact brought."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.contract import TABLES
from fivestep.engine import MONEY, Tables, frame, needs
from fivestep.errors import UserError
from fivestep.evaluation.campaign_windows import BEFORE_DAYS, campaign_days, campaign_windows
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import Z, holm, welch
from fivestep.language import N_, _

LEAST = 30  # customers in each arm of a campaign, or of a group: below it an interval is only rough
WEEK = 7
# Shares of the drawn customers that people choose to contact: without a record of the plan, the nearest is taken for it.
SPLITS = (0.05, 0.1, 0.2, 0.25, 1 / 3, 0.5, 2 / 3, 0.75, 0.8, 0.9, 0.95)
OFF = 0.001  # probability below which a sample ratio is off
FIELDS = ("age_band", "gender", "member_level", "customer_type", "region")  # groups stated before anybody looked at effects
MOST_GROUPS = 8
SPENT_BEFORE = "spent_before"
NOTHING_BEFORE, LESS_BEFORE, MORE_BEFORE = N_("No spend before"), N_("Spent less before"), N_("Spent more before")
SPENT_LABEL = N_("Spend in the days before")
LABELS = {"customer_type": N_("Customer type"), "member_level": N_("Member level")}  # else the description in the contract
ALPHA = 0.05
MIXING = 8.0  # makes always-valid intervals narrowest at the last look
RATIO_FINE, RATIO_OFF = N_("As drawn"), N_("Not as drawn: customers were lost or added")
ALIKE, UNLIKE, NOT_KNOWN = N_("Alike"), N_("Unlike by more than chance"), N_("Cannot be told")
SAFE_MORE, SAFE_LESS, NOT_YET = N_("More, safe to say"), N_("Less, safe to say"), N_("Too early to say")
QUESTION = N_("what a randomised campaign brought, and with which customers")


@dataclass(frozen=True)
class Experiments:
    """Campaigns with contact drawn by chance and a control of two customers or more.

    ``campaigns``: one row per campaign, by start_date and campaign_id: campaign_id, campaign_name where the data has it,
    start_date, before_days and during_days that the data covers. ``customers``: one row per campaign and drawn customer:
    campaign_id, customer_id, treated, spend before and during, orders during, orders_before, days_since_order, tenure_days (both
    on the first day, missing without an earlier order), and the fields of `FIELDS` that the data has. ``weeks``: the spend
    during, by customer and week of the campaign (from 0).
    """

    campaigns: pd.DataFrame
    customers: pd.DataFrame
    weeks: pd.DataFrame
    planned: Mapping[str, float]

    def of(self, campaign_id: str) -> pd.DataFrame:
        """The drawn customers of one campaign."""
        return self.customers[self.customers["campaign_id"] == campaign_id]

    def name(self, campaign_id: str) -> str:
        """A campaign as the reader knows it."""
        row = self.campaigns.set_index("campaign_id").loc[campaign_id]
        return language.value("campaigns.campaign_name", row["campaign_name"]) if "campaign_name" in row else str(campaign_id)

    def _shown(self, rows: pd.DataFrame) -> pd.DataFrame:
        names = self.campaigns.set_index("campaign_id").get("campaign_name")
        ids = rows["campaign_id"]
        out = rows.drop(columns="campaign_id")
        out.insert(0, "campaign", ids if names is None else ids.map(names))
        return out

    # ---------------------------------------------------------------- whether chance did its work
    def checks(self) -> pd.DataFrame:
        """One row per campaign: contacted, control, the share contacted against the usual split that it is nearest to, and spend
        before of contacted less control, each with a verdict."""
        from scipy.stats import binomtest

        rows = []
        for campaign in self.campaigns.itertuples():
            people = self.of(campaign.campaign_id)
            contacted, drawn = int(people["treated"].sum()), len(people)
            usual = min(SPLITS, key=lambda s: (abs(s - contacted / drawn), s))
            split = self.planned.get(campaign.campaign_id, usual)
            chance = float(binomtest(contacted, drawn, split).pvalue)
            low, high = difference(people, "before") if campaign.before_days else (np.nan, np.nan)
            rows.append(
                {
                    "campaign_id": campaign.campaign_id,
                    "contacted": contacted,
                    "control": drawn - contacted,
                    "contacted_share": contacted / drawn,
                    "planned_split": split,
                    "sample_ratio_chance": chance,
                    "sample_ratio_verdict": RATIO_OFF if chance < OFF else RATIO_FINE,
                    "arms_before_low": low,
                    "arms_before_high": high,
                    "arms_before_verdict": NOT_KNOWN if not np.isfinite(low) else UNLIKE if low > 0 or high < 0 else ALIKE,
                }
            )
        return self._shown(pd.DataFrame(rows))

    def checks_headline(self) -> str:
        """How many randomised campaigns are what they claim to be."""
        checks = self.checks()
        off = int((checks["sample_ratio_verdict"] == RATIO_OFF).sum())
        if off:
            return _("{n} of {all} randomised campaigns did not reach the customers that chance drew").format(
                n=language.number(off), all=language.number(len(checks))
            )
        unlike = int((checks["arms_before_verdict"] == UNLIKE).sum())
        if unlike:
            return _("In {n} of {all} randomised campaigns contacted and control customers differed before it began").format(
                n=language.number(unlike), all=language.number(len(checks))
            )
        return language.ngettext(
            "{n} randomised campaign shows no sign that anything but chance decided who was contacted",
            "{n} randomised campaigns show no sign that anything but chance decided who was contacted",
            len(checks),
        ).format(n=language.number(len(checks)))

    def checks_note(self) -> str:
        """What is held against what."""
        return _(
            "Sample ratio: the share contacted against the planned one (contacted_shares in engagement.yml), else the nearest "
            "usual split (one half, two thirds, ...); off where chance alone would part them as far less than once in {n} times "
            "(binomial test). Before: 95% interval (Welch) of spend per customer in the {days} days before, contacted less "
            "control; of 20 campaigns one leaves out zero by chance. A campaign that is off is no experiment: find out who was "
            "lost before reading its effect."
        ).format(n=language.number(1 / OFF), days=language.number(BEFORE_DAYS))

    # ---------------------------------------------------------------- the effect, sharpened by what customers spent before
    def adjusted(self) -> pd.DataFrame:
        """One row per campaign: difference in spend per customer, plain and by CUPED, each with its 95 % interval, and the share
        of the variance that spend before explains.
        """
        rows = []
        for campaign_id in self.campaigns["campaign_id"]:
            people = self.of(campaign_id)
            sharpened, share = cuped(people["during"].to_numpy(), people["before"].to_numpy())
            row = {"campaign_id": campaign_id}
            for name, values in (("lift_spend", people["during"].to_numpy()), ("lift_cuped", sharpened)):
                row[name], (row[f"{name}_low"], row[f"{name}_high"]) = _mean_difference(people["treated"].to_numpy(), values)
            rows.append({**row, "variance_explained": share})
        return self._shown(pd.DataFrame(rows))

    def adjusted_headline(self) -> str:
        """How much surer the effects are for knowing what customers spent before, and in how many campaigns there is one."""
        rows = self.adjusted()
        clear = int(((rows["lift_cuped_low"] > 0) | (rows["lift_cuped_high"] < 0)).sum())
        return _("Allowing for what customers spent before, {n} of {all} randomised campaigns made a clear difference").format(
            n=language.number(clear), all=language.number(len(rows))
        )

    def adjusted_note(self) -> str:
        """What CUPED does."""
        return _(
            "Spend per customer of contacted less control while the campaign ran, plain and after taking out what spend in the "
            "{days} days before foretells (CUPED; Deng, Xu, Kohavi and Walker 2013). It leaves the effect as it is and narrows "
            "the interval: its variance falls by the square of the correlation. Intervals of 95% (Welch). Where spend before "
            "says nothing both are the same. Without an effect anywhere one campaign in 20 looks as if it had one."
        ).format(days=language.number(BEFORE_DAYS))

    # ---------------------------------------------------------------- read before it was over
    def looks(self) -> pd.DataFrame:
        """One row per campaign and week: difference in spend per customer so far, allowing for spend
        before, with an interval that holds at every look."""
        rows = []
        for campaign in self.campaigns.itertuples():
            people = self.of(campaign.campaign_id).set_index("customer_id")
            treated = people["treated"].to_numpy()
            spent = self.weeks[self.weeks["campaign_id"] == campaign.campaign_id]
            by_week = spent.pivot_table(index="customer_id", columns="week", values="spent", aggfunc="sum")
            whole = -(-campaign.during_days // WEEK)
            by_week = by_week.reindex(index=people.index, columns=range(whole)).fillna(0.0)
            before = people["before"].to_numpy()
            so_far = np.column_stack([cuped(spent_by_then, before)[0] for spent_by_then in by_week.cumsum(axis=1).to_numpy().T])
            variances = [_variance(treated, so_far[:, week]) for week in range(whole)]
            for week in range(whole):
                effect = float(so_far[treated, week].mean() - so_far[~treated, week].mean())
                low, high = always_valid(effect, variances[week], variances[-1])
                days = min((week + 1) * WEEK, campaign.during_days)
                rows.append(
                    {
                        "campaign_id": campaign.campaign_id,
                        "look_date": campaign.first_covered + pd.Timedelta(days=days - 1),
                        "lift_so_far": effect,
                        "always_low": low,
                        "always_high": high,
                        "look_verdict": SAFE_MORE if low > 0 else SAFE_LESS if high < 0 else NOT_YET,
                    }
                )
        return self._shown(pd.DataFrame(rows))

    def looks_headline(self) -> str:
        """In how many campaigns an effect could be called before the end, and when."""
        looks = self.looks()
        early = looks[looks["look_verdict"] != NOT_YET].drop_duplicates("campaign")
        if early.empty:
            return language.ngettext(
                "In {n} randomised campaign no effect could be called at any weekly look",
                "In none of {n} randomised campaigns could an effect be called at any weekly look",
                len(self.campaigns),
            ).format(n=language.number(len(self.campaigns)))
        first = early.iloc[0]
        return _(
            "{name}: the effect could be called on {day}; there was a day to call it in {n} of {all} randomised campaigns"
        ).format(
            name=language.value("campaigns.campaign_name", first["campaign"]),
            day=language.day(first["look_date"]),
            n=language.number(len(early)),
            all=language.number(len(self.campaigns)),
        )

    def looks_note(self) -> str:
        """Why these intervals are wider."""
        return _(
            "Whoever looks every week and stops when a usual interval leaves out zero finds an effect too often where there is "
            "none. These intervals hold at all looks together, 95 times in 100 (always-valid, normal mixture; Robbins 1970), "
            "tuned to the whole length of the campaign; the price is that they are about half as wide again. What spend before "
            "foretells is taken out, as above."
        )

    # ---------------------------------------------------------------- with which customers
    def by_group(self) -> pd.DataFrame:
        """One row per campaign, field and group of customers: orders and spend per customer that contact brought, with intervals
        that hold for all groups of the campaign together, and whether the effect on orders differs within the field."""
        rows = []
        for campaign_id in self.campaigns["campaign_id"]:
            rows += _grouped(self.of(campaign_id))
        out = pd.DataFrame(rows, columns=list(GROUP_COLUMNS))
        # One test per campaign and field: the more that are made, the surer each has to be (Holm 1979).
        tests = out.drop_duplicates(["campaign_id", "effect_field"])
        out["differs_chance"] = holm(tests["differs_chance"]).reindex(out.index).ffill() if len(out) else out["differs_chance"]
        return out

    def groups(self) -> pd.DataFrame | NotAvailable:
        """As the reader sees it, fields in which the effect differs first."""
        rows = self.by_group()
        if rows.empty:
            return NotAvailable(
                (),
                _("with which customers a campaign worked"),
                reason=_("no group of customers has {n} contacted and {n} control customers.").format(n=language.number(LEAST)),
            )
        rows = rows.assign(place=np.arange(len(rows))).sort_values(["differs_chance", "place"], ignore_index=True)
        labels = [field_label(f) for f in rows["effect_field"]]
        groups = [_group_label(f, g) for f, g in zip(rows["effect_field"], rows["effect_group"], strict=True)]
        return self._shown(rows.drop(columns="place").assign(effect_field=labels, effect_group=groups))

    def groups_figure(self) -> Figure | NotAvailable:
        """Orders that contact brought per customer, by the groups of the field that the title speaks of."""
        rows = self._telling()
        if rows is None:
            return self.groups()  # type: ignore[return-value]
        return charts.intervals(
            [_group_label(f, g) for f, g in zip(rows["effect_field"], rows["effect_group"], strict=True)],
            rows["group_orders"],
            rows["group_orders_low"],
            rows["group_orders_high"],
            write=lambda orders: language.number(orders, 2),
            reference=0.0,
            xlabel=_("Orders per customer that contact brought"),
        )

    def _telling(self) -> pd.DataFrame | None:
        """The rows of the field in which the effect differs most surely; None where there is no group."""
        rows = self.by_group()
        if rows.empty:
            return None
        first = rows.sort_values(["differs_chance", "campaign_id", "effect_field"]).iloc[0]
        return rows[(rows["campaign_id"] == first["campaign_id"]) & (rows["effect_field"] == first["effect_field"])]

    def groups_headline(self) -> str | NotAvailable:
        """Whether the effect differs between customers, and where it is largest and smallest."""
        rows = self._telling()
        if rows is None:
            return self.groups()  # type: ignore[return-value]
        if rows["differs_chance"].iloc[0] >= ALPHA:
            return _("No campaign clearly worked better with some customers than with others")
        best, worst = rows.loc[rows["group_orders"].idxmax()], rows.loc[rows["group_orders"].idxmin()]
        return _(
            "{name} worked differently by “{field}”: {spread} lie between “{group}” ({best}) and “{other}” ({worst})"
        ).format(
            name=self.name(best["campaign_id"]),
            field=field_label(best["effect_field"]),
            spread=_spread(best, worst),
            best=language.number(best["group_orders"], 2),
            group=_group_label(best["effect_field"], best["effect_group"]),
            worst=language.number(worst["group_orders"], 2),
            other=_group_label(worst["effect_field"], worst["effect_group"]),
        )

    def groups_table_headline(self) -> str | NotAvailable:
        """How many groups of customers were compared."""
        rows = self.by_group()
        if rows.empty:
            return self.groups()  # type: ignore[return-value]
        return _("The effect of contact on orders and spend in {n} groups of customers").format(n=language.number(len(rows)))

    def groups_note(self) -> str:
        """Which groups, and how the number of them is allowed for."""
        return _(
            "Groups were stated before any effect was looked at: {fields}; groups with fewer than {n} contacted or control "
            "customers are left out. What orders and spend before foretell is taken out. Intervals hold for all groups of a "
            "campaign together, 95 times in 100 (Bonferroni). Chance: how often effects would differ as much within the field if "
            "contact worked alike for all (Cochran's Q on orders, corrected for all fields and campaigns by Holm)."
        ).format(
            fields=language.listing([field_label(f) for f in (*FIELDS, SPENT_BEFORE)]),
            n=language.number(LEAST),
        )

    def finding(self) -> Finding | NotAvailable:
        """With which customers a campaign worked."""
        rows = self._telling()
        if rows is None:
            return self.groups()  # type: ignore[return-value]
        differs = bool(rows["differs_chance"].iloc[0] < ALPHA)
        best, worst = rows.loc[rows["group_orders"].idxmax()], rows.loc[rows["group_orders"].idxmin()]
        useless = rows[rows["group_orders_high"] <= 0] if differs else rows.iloc[:0]
        follows = _("Keep contacting all alike: nothing shows for whom to leave it out.")
        if differs:
            follows = _(
                "Next time contact “{group}” first, and keep a control in every group so that this can be tested again."
            ).format(group=_group_label(best["effect_field"], best["effect_group"]))
        off = self.checks()["sample_ratio_verdict"].eq(RATIO_OFF).any()
        return Finding(
            key="evaluation.campaign_effect_spread_orders",
            value=float(best["group_orders"] - worst["group_orders"]),
            unit="orders",
            display=_spread(best, worst) if differs else "",
            text=language.sentence(str(self.groups_headline())),
            evidence=_(
                "{name}, {field}: {contacted} contacted and {control} control customers; in “{group}” {best} more orders per "
                "customer ({low} to {high}). {n} groups with clearly fewer orders."
            ).format(
                name=self.name(best["campaign_id"]),
                field=field_label(best["effect_field"]),
                contacted=language.number(rows["contacted"].sum()),
                control=language.number(rows["control"].sum()),
                group=_group_label(best["effect_field"], best["effect_group"]),
                best=language.number(best["group_orders"], 2),
                low=language.number(best["group_orders_low"], 2),
                high=language.number(best["group_orders_high"], 2),
                n=language.number(len(useless)),
            ),
            so_what=follows,
            confidence="low" if off else "medium",
            warnings=(self.checks_note(),) if off else (),
            assumptions=(self.groups_note(),),
        )


GROUP_COLUMNS = (
    *("campaign_id", "effect_field", "effect_group", "contacted", "control", "group_orders", "group_orders_low"),
    *("group_orders_high", "group_spend", "group_spend_low", "group_spend_high", "differs_chance"),
)


@needs(
    "campaigns.start_date",
    "campaigns.randomised",
    "exposures.customer_id",
    "exposures.treated",
    "orders.customer_id",
    "orders.order_amount",
    answers=QUESTION,
)
def experiments(tables: Tables, *, planned: Mapping[str, float] | None = None) -> Experiments | NotAvailable:
    """The customers of every campaign whose contact was drawn by chance and that kept a control, as they were drawn.

    *planned*: share of the drawn that a campaign was to contact, by id. Everybody assigned counts, whether or not they responded.
    Returns lower spend and are no orders. Refused where no campaign is randomised with two customers or more in both arms, or
    where the data covers none of its days. Raises `UserError` for a planned share of a campaign that is not randomised, or that
    the data does not have.
    """
    _refuse_unknown(tables, planned or {})
    dated = campaign_days(tables)
    drawn = dated.filter(dated.randomised)
    members = tables.exposures.filter(tables.exposures.treated.notnull()).semi_join(drawn, "campaign_id")
    members = members.select("campaign_id", "customer_id", "treated")
    sizes = frame(
        members.group_by("campaign_id").aggregate(contacted=members.treated.sum(), drawn=members.count()), by=["campaign_id"]
    )
    rows = frame(drawn, by=["start_date", "campaign_id"]).merge(sizes, on="campaign_id")
    for name in ("start_date", "end_date"):
        rows[name] = pd.to_datetime(rows[name])
    rows = rows.join(campaign_windows(tables, rows))
    rows = rows[(rows["contacted"] > 1) & (rows["drawn"] - rows["contacted"] > 1) & (rows["during_days"] > 0)]
    if rows.empty:
        return NotAvailable((), _(QUESTION), reason=_("no campaign is recorded as randomised with a control group."))
    rows = rows.reset_index(drop=True)
    rows["first_covered"] = rows["start_date"].clip(lower=pd.Timestamp(tables.first_day))
    kept = members.filter(members.campaign_id.isin(list(rows["campaign_id"])))

    spans = dated.select("campaign_id", "start_date", "end_date")
    orders = tables.orders.filter(tables.orders.customer_id.notnull()).select(
        "customer_id", "order_amount", day=ibis._.order_date.date()
    )
    theirs = kept.join(spans, "campaign_id").join(orders, "customer_id").filter(ibis._.day <= ibis._.end_date)
    since = theirs.day.epoch_days() - theirs.start_date.epoch_days()
    bought = theirs.order_amount >= 0
    earlier, near, during = since < 0, (since < 0) & (since >= -BEFORE_DAYS), since >= 0
    spent = theirs.group_by("campaign_id", "customer_id").aggregate(
        before=theirs.order_amount.sum(where=near).fill_null(0).cast(MONEY),
        during=theirs.order_amount.sum(where=during).fill_null(0).cast(MONEY),
        orders=bought.sum(where=during),
        orders_before=bought.sum(where=near),
        days_since_order=-since.max(where=earlier & bought),
        tenure_days=-since.min(where=earlier & bought),
    )
    fields = [f for f in FIELDS if f in tables.customers.columns]
    joined = kept.left_join(spent, ["campaign_id", "customer_id"]).drop("campaign_id_right", "customer_id_right")
    if fields:
        joined = joined.left_join(tables.customers.select("customer_id", *fields), "customer_id").drop("customer_id_right")
    customers = frame(joined, by=["campaign_id", "customer_id"])
    numbers = ["before", "during", "orders", "orders_before"]
    customers[numbers] = customers[numbers].astype(float).fillna(0.0)
    late = ["days_since_order", "tenure_days"]
    customers[late] = customers[late].astype(float)
    customers["treated"] = customers["treated"].astype(bool)

    running = theirs.filter(during).mutate(week=(since.clip(lower=0) // WEEK).cast("int64"))
    weeks = frame(
        running.group_by("campaign_id", "customer_id", "week").aggregate(spent=running.order_amount.sum().cast(MONEY)),
        by=["campaign_id", "customer_id", "week"],
    )
    first = weeks["campaign_id"].map(rows.set_index("campaign_id")["first_covered"] - rows.set_index("campaign_id")["start_date"])
    weeks["week"] -= first.dt.days // WEEK
    names = [
        c for c in ("campaign_id", "campaign_name", "start_date", "first_covered", "before_days", "during_days") if c in rows
    ]
    return Experiments(rows[names], customers, weeks, planned or {})


def _refuse_unknown(tables: Tables, planned: Mapping[str, float]) -> None:
    """Raise where *planned* names what is no randomised campaign: its share would go unread."""
    listed = tables.uncut.get("campaigns", tables.campaigns)  # a campaign after the as-of date is known, too
    there = frame(listed.filter(listed.randomised).select("campaign_id").distinct(), by=["campaign_id"])["campaign_id"].tolist()
    strange = sorted(str(name) for name in planned if name not in there)
    if strange:
        said = _(
            "engagement.yml: contacted_shares: {name!r} is no randomised campaign of the data. "
            "Randomised campaigns are {choices}."
        )
        raise UserError(said.format(name=strange[0], choices=", ".join(there) or _("none: leave contacted_shares empty")))


def cuped(values: np.ndarray, before: np.ndarray) -> tuple[np.ndarray, float]:
    """*values* less what *before* foretells of them, with the same mean, and the share of their variance that is taken out.

    The share is the squared correlation; where either does not vary nothing is taken out. Source: Deng, Xu, Kohavi and Walker
    (2013), Improving the sensitivity of online controlled experiments by utilizing pre-experiment data.
    """
    centred = before - before.mean()
    if not np.any(centred) or np.ptp(values) == 0:
        return values, 0.0
    theta = float(centred @ (values - values.mean()) / (centred @ centred))
    return values - theta * centred, float(np.corrcoef(values, before)[0, 1] ** 2)


def always_valid(effect: float, variance: float, final: float, alpha: float = ALPHA) -> tuple[float, float]:
    """Interval of the *effect* so far that holds at all looks together; *variance* of it now, *final* at the last look.

    The normal mixture boundary of a sum that grows with time, narrowest at *final*. Sums of the same customers are correlated at
    least as much as those of independent steps, which makes it hold more often, not less. Source: Robbins (1970), Statistical
    methods related to the law of the iterated logarithm; Howard, Ramdas, McAuliffe and Sekhon (2021), Time-uniform,
    nonparametric, nonasymptotic confidence sequences.
    """
    start = final / MIXING
    if not start > 0:
        return effect, effect
    half = float(np.sqrt((variance + start) * (2 * np.log(1 / alpha) + np.log1p(variance / start))))
    return effect - half, effect + half


def difference(people: pd.DataFrame, column: str) -> tuple[float, float]:
    """95 % interval (Welch) of the mean of *column*, contacted less control."""
    return _mean_difference(people["treated"].to_numpy(), people[column].to_numpy(dtype=float))[1]


def _mean_difference(treated: np.ndarray, values: np.ndarray) -> tuple[float, tuple[float, float]]:
    one, other = values[treated], values[~treated]
    interval = welch(len(one), one.mean(), one.var(ddof=1), len(other), other.mean(), other.var(ddof=1))
    return float(one.mean() - other.mean()), interval


def _variance(treated: np.ndarray, values: np.ndarray) -> float:
    one, other = values[treated], values[~treated]
    return float(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other))


def _grouped(people: pd.DataFrame) -> list[dict]:
    """One row per field and group of one campaign; differs_chance not yet corrected."""
    from scipy.stats import chi2, norm

    adjusted = pd.DataFrame(
        {
            column: cuped(people[column].to_numpy(dtype=float), people[before].to_numpy(dtype=float))[0]
            for column, before in (("orders", "orders_before"), ("during", "before"))
        },
        index=people.index,
    )
    positive = people.loc[people["before"] > 0, "before"]
    middle = float(positive.median()) if len(positive) else np.nan
    spent = np.select([people["before"] <= 0, people["before"] <= middle], [NOTHING_BEFORE, LESS_BEFORE], MORE_BEFORE)
    fields = {f: people[f] for f in FIELDS if f in people} | {SPENT_BEFORE: pd.Series(spent, index=people.index)}
    found = []
    for field, values in fields.items():
        parts = []
        for group, part in people.groupby(values.astype("string"), sort=True):
            contacted = int(part["treated"].sum())
            if min(contacted, len(part) - contacted) >= LEAST:
                parts.append((str(group), part))
        if 2 <= len(parts) <= MOST_GROUPS:
            found.append((field, parts))
    several = sum(len(parts) for _field, parts in found)
    z = float(norm.ppf(1 - ALPHA / 2 / several)) if several else Z
    rows = []
    for field, parts in found:
        effects, variances, own = [], [], []
        for group, part in parts:
            treated = part["treated"].to_numpy()
            row = {"campaign_id": part["campaign_id"].iloc[0], "effect_field": field, "effect_group": group}
            row |= {"contacted": int(treated.sum()), "control": int((~treated).sum())}
            for name, column in (("group_orders", "orders"), ("group_spend", "during")):
                values = adjusted.loc[part.index, column].to_numpy()
                effect, variance = float(values[treated].mean() - values[~treated].mean()), _variance(treated, values)
                half = z * np.sqrt(variance)
                row |= {name: effect, f"{name}_low": effect - half, f"{name}_high": effect + half}
                if column == "orders":
                    effects.append(effect)
                    variances.append(variance)
            own.append(row)
        effect, variance = np.array(effects), np.array(variances)
        chance = 1.0
        if (variance > 0).all():
            weight = 1 / variance
            heterogeneity = float(weight @ (effect - weight @ effect / weight.sum()) ** 2)
            chance = float(chi2.sf(heterogeneity, len(effect) - 1))
        rows += [{**row, "differs_chance": chance} for row in own]
    return rows


def _spread(best: pd.Series, worst: pd.Series) -> str:
    return _("{n} orders per customer").format(n=language.number(best["group_orders"] - worst["group_orders"], 2))


def field_label(field: str) -> str:
    if field == SPENT_BEFORE:
        return _(SPENT_LABEL)
    described = LABELS.get(field, TABLES["customers"].fields[field].description)
    return _(described)


def _group_label(field: str, group: str) -> str:
    return _(group) if field == SPENT_BEFORE else language.value(f"customers.{field}", group)
