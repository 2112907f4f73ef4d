"""What each customer is worth, by stated weights: spending power, loyalty, referral influence; and what more there could be."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
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
from fivestep.segmentation.lifecycle import NO_ORDER, Lifecycle
from fivestep.segmentation.loyalty import ACTIVE, LOST, RENEWAL, Loyalty
from fivestep.segmentation.purchases import coverage_warning, purchases, window_start
from fivestep.segmentation.value_tiers import TIERS

ANSWERS = N_("what each customer is worth by spending power, loyalty and referral influence")
POWER, LOYALTY, REFERRAL = N_("Spending power"), N_("Loyalty"), N_("Referral influence")
COMPONENTS = {POWER: "power_score", LOYALTY: "loyalty_score", REFERRAL: "referral_score"}
WEIGHTS = {"spending_power": 0.5, "loyalty": 0.3, "referral": 0.2}  # as engagement.yml names the components
HISTORY, HABIT, ROOM = N_("Purchase history"), N_("Habit"), N_("Room for other categories")
POTENTIALS = {HISTORY: "history_score", HABIT: "habit_score", ROOM: "room_score"}
CUTS = (0.5, 0.75)  # score from which value is medium, and high
COMMON = 0.05  # share of the buyers of lines who must buy a category before it counts as one that others could buy too
FEW = 100
# Words for an act on a social platform that others see.
SOCIAL_ACTS = (
    "like", "comment", "share", "repost", "forward", "review", "点赞", "點讚", "赞", "评论", "評論", "分享", "转发", "轉發",
)  # fmt: skip


@dataclass(frozen=True)
class ValueScore:
    """Value score, tier and potential of every customer who has bought.

    ``table``: one row per customer, by customer_id: value_score (0 to 1, weighted mean of the components that are known),
    score_tier, power_score, loyalty_score, referral_score, frequency and monetary (of the window), usual_gap_days, behaviour,
    potential_score (mean of the three that are known) with history_score, habit_score, room_score. All scores are 0 to 1 and
    missing where the data cannot say. ``weights``: component -> weight; ``cuts``: scores from which value is medium and high.
    """

    table: pd.DataFrame
    weights: Mapping[str, float]
    cuts: tuple[float, float]
    window_days: int
    as_of: dt.date
    warnings: tuple[str, ...]

    def tiers(self) -> pd.DataFrame:
        """One row per tier, high first: size, spend, frequency, amount, purchase interval, the three components, potential."""
        grouped = self.table.groupby("score_tier")
        size = grouped.size().reindex(TIERS, fill_value=0).to_numpy()
        spend = grouped["monetary"].sum().reindex(TIERS, fill_value=0.0).to_numpy(dtype=float)

        def mean(column: str) -> np.ndarray:
            return grouped[column].mean().reindex(TIERS).to_numpy(dtype=float)

        return pd.DataFrame({
            "score_tier": list(TIERS),
            "customers": size,
            "share_of_customers": size / len(self.table),
            "share_of_spend": spend / spend.sum() if spend.sum() > 0 else np.nan,
            "mean_orders": mean("frequency"),
            "spend_per_customer": mean("monetary"),
            "median_gap_days": grouped["usual_gap_days"].median().reindex(TIERS).to_numpy(dtype=float),
            "mean_power": mean("power_score"),
            "mean_loyalty": mean("loyalty_score"),
            "mean_referral": mean("referral_score"),
            "mean_potential": mean("potential_score"),
        })  # fmt: skip

    def components(self) -> pd.DataFrame:
        """One row per part of the two scores: score_of, score_part, weight, customers for whom it is known, mean."""
        potential = 1 / len(POTENTIALS)
        rows = [
            *((N_("Value"), part, self.weights[part], column) for part, column in COMPONENTS.items()),
            *((N_("Potential"), part, potential, column) for part, column in POTENTIALS.items()),
        ]
        return pd.DataFrame({
            "score_of": [r[0] for r in rows],
            "score_part": [r[1] for r in rows],
            "weight": [r[2] for r in rows],
            "customers": [int(self.table[r[3]].notna().sum()) for r in rows],
            "mean_part": [self.table[r[3]].mean() for r in rows],
        })  # fmt: skip

    def by_behaviour(self) -> Figure:
        """Customers of each tier by whether they are active or lost, in percent of the tier."""
        counts = pd.crosstab(self.table["score_tier"], self.table["behaviour"]).reindex(
            index=list(TIERS), columns=[ACTIVE, LOST], fill_value=0
        )
        shares = counts.div(counts.sum(axis=1).where(lambda n: n > 0), axis=0)
        shares.index, shares.columns = [_(t) for t in shares.index], [_(b) for b in shares.columns]
        return charts.heatmap(shares, write=language.percent)

    # ---------------------------------------------------------------- words
    def headline(self) -> str:
        """How many are of high value by the score, and what they bring."""
        row = self.tiers().iloc[0]
        n = ngettext(
            "{n} of {all} customers is of high value by spending power, loyalty and referral influence",
            "{n} of {all} customers are of high value by spending power, loyalty and referral influence",
            int(row["customers"]),
        ).format(n=language.number(row["customers"]), all=language.number(len(self.table)))
        if language.absent(row["share_of_spend"]) or not row["customers"]:
            return n
        return _("{said}: {spend} of spend").format(said=n, spend=language.percent(row["share_of_spend"]))

    def components_headline(self) -> str:
        """The weights, in words."""
        return _("The score weighs {parts}").format(
            parts=language.listing([f"{_(p)} {language.percent(w, 0)}" for p, w in self.weights.items()])
        )

    def behaviour_headline(self) -> str:
        """How many of the high tier are lost."""
        high = self.table[self.table["score_tier"] == TIERS[0]]
        lost = int((high["behaviour"] == LOST).sum())
        return ngettext(
            "{lost} of {n} customer of high value by the score is lost",
            "{lost} of {n} customers of high value by the score are lost",
            len(high),
        ).format(lost=language.number(lost), n=language.number(len(high)))

    def note(self) -> str:
        """Base, components and cut-offs."""
        return _(
            "Base: {n} customers who have bought; orders and spend of the {days} days to {day}. Spending power: mean rank by "
            "orders, spend and spend per order. Loyalty: loyalty index, else the share of the last four quarters with an order. "
            "Referral influence: likelihood to recommend where asked, rank by acts on social platforms. A component that is not "
            "known gives its weight to the others. High from {high}, medium from {medium} of 1."
        ).format(
            n=language.number(len(self.table)), days=language.number(self.window_days), day=language.day(self.as_of),
            high=language.number(self.cuts[1], 2), medium=language.number(self.cuts[0], 2),
        )  # fmt: skip

    def components_note(self) -> str:
        """What the potential is made of."""
        return _(
            "Potential, of those who bought in the window, three parts alike: spend of its later half as a share of the whole; "
            "share of its months with an order; share of the categories that {share} of buyers or more buy and the customer "
            "does not. It says where there is room, not that it will be filled."
        ).format(share=language.percent(COMMON, 0))

    def finding(self) -> Finding:
        """How many are of high value by the score."""
        row = self.tiers().iloc[0]
        high = self.table[self.table["score_tier"] == TIERS[0]]
        lost = int((high["behaviour"] == LOST).sum())
        return Finding(
            key="segmentation.high_value_by_score",
            value=float(row["customers"]),
            unit="count",
            display=language.number(row["customers"]),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=ngettext(
                "Win back the {n} of them who is lost before looking for others.",
                "Win back the {n} of them who are lost before looking for others.",
                lost,
            ).format(n=language.number(lost))
            if lost
            else _("Care for them first, and begin offers where potential is highest."),
            confidence="low" if len(self.table) < FEW else "medium",
            warnings=self.warnings,
            assumptions=(
                _("Weights of the value score: {weights} (value_weights); nobody has tested that they foretell profit.").format(
                    weights=language.listing([f"{_(p)} {language.percent(w, 0)}" for p, w in self.weights.items()])
                ),
            ),
        )


@needs("orders.customer_id", "orders.order_date", "orders.order_amount", answers=ANSWERS)
def value_score(
    tables: Tables,
    stages: Lifecycle,
    loyal: Loyalty,
    *,
    window_days: int = 365,
    weights: Mapping[str, float] | None = None,
    cuts: Sequence[float] = CUTS,
) -> ValueScore | NotAvailable:
    """Score the customers who have bought; *stages* and *loyal* are the results of `lifecycle` and `loyalty`.

    *weights*: spending_power, loyalty, referral (those not named keep their default), as shares of their sum. *cuts*: scores from
    which value is medium and high. Ranks are shares of the customers below, ties halved, so that currency and growth of all
    play no part. Raises UserError for weights or cuts that are none; `NotAvailable` where nobody has bought.
    """
    given = score_weights(weights or {})
    low, high = score_cuts(cuts)
    bought = purchases(tables, window_days=window_days)
    if bought.empty:
        return NotAvailable((), _(ANSWERS), reason=_("no order belongs to a known customer."))
    table = bought[["customer_id", "frequency", "monetary"]].copy()
    orders = table["frequency"].where(table["frequency"] > 0)
    each = (table["monetary"] / orders).fillna(0.0)
    table["power_score"] = np.mean([_rank(table["frequency"]), _rank(table["monetary"]), _rank(each)], axis=0)
    known = loyal.table.set_index("customer_id").reindex(table["customer_id"])
    table["loyalty_score"] = known["loyalty_index"].fillna(known[RENEWAL]).to_numpy(dtype=float)
    table["referral_score"] = _referral(tables, table["customer_id"])
    parts = table[list(COMPONENTS.values())].to_numpy(dtype=float)
    w = np.array([given[p] for p in COMPONENTS])
    there = np.isfinite(parts) @ w
    table["value_score"] = (np.nansum(parts * w, axis=1) / np.where(there > 0, there, np.nan)).round(6)
    table["score_tier"] = np.select([table["value_score"] >= high, table["value_score"] >= low], TIERS[:2], TIERS[2])
    stage = stages.table[stages.table["lifecycle"] != NO_ORDER].set_index("customer_id").reindex(table["customer_id"])
    table["usual_gap_days"] = stage["usual_gap_days"].to_numpy(dtype=float)
    table["behaviour"] = known["behaviour"].to_numpy()
    potential = _potential(tables, table["customer_id"], window_days)
    table = table.merge(potential, on="customer_id", how="left")
    table["potential_score"] = table[list(POTENTIALS.values())].mean(axis=1).round(6)
    columns = [
        "customer_id", "value_score", "score_tier", *COMPONENTS.values(), "frequency", "monetary", "usual_gap_days", "behaviour",
        "potential_score", *POTENTIALS.values(),
    ]  # fmt: skip
    asked = int(table["referral_score"].notna().sum())
    unasked = _("Nothing in the data tells who recommends: the score rests on spending power and loyalty.")
    return ValueScore(
        table=table[columns],
        weights=given,
        cuts=(low, high),
        window_days=window_days,
        as_of=tables.as_of,
        warnings=(*(() if asked else (unasked,)), *coverage_warning(tables, window_days)),
    )


def score_weights(said: Mapping[str, float]) -> dict[str, float]:
    """The weights by component, of sum 1; `UserError` for a name that is none, or numbers that are no weights."""
    unknown = sorted(set(said) - set(WEIGHTS))
    if unknown:
        raise UserError(
            _("engagement.yml: value_weights: {name!r} is no component. Components are {choices}.").format(
                name=unknown[0], choices=", ".join(WEIGHTS)
            )
        )
    whole = {**WEIGHTS, **said}
    total = sum(whole.values())
    if total <= 0 or min(whole.values()) < 0:
        raise UserError(_("engagement.yml: value_weights: weights are numbers from 0 on, and one of them is above 0."))
    return dict(zip(COMPONENTS, (float(whole[name]) / total for name in WEIGHTS), strict=True))


def score_cuts(cuts: Sequence[float]) -> tuple[float, float]:
    """The two scores that part the tiers; `UserError` for anything else."""
    if len(cuts) != 2 or not 0 < cuts[0] < cuts[1] < 1:
        said = _("engagement.yml: value_cuts: {cuts} are not two scores between 0 and 1, the lower first, like [0.5, 0.75].")
        raise UserError(said.format(cuts=list(cuts)))
    return float(cuts[0]), float(cuts[1])


def _rank(values: pd.Series) -> np.ndarray:
    """Share of the known values below, ties halved; missing stays missing."""
    return ((values.round(6).rank(method="average") - 0.5) / max(int(values.notna().sum()), 1)).to_numpy(dtype=float)


def _referral(tables: Tables, ids: pd.Series) -> np.ndarray:
    """Mean of the likelihood to recommend (of 10) and of the rank by social acts, of those that are known."""
    known = []
    if not tables.missing("feedback.customer_id", "feedback.nps"):
        asked = tables.feedback.filter(tables.feedback.customer_id.notnull(), tables.feedback.nps.notnull())
        told = frame(asked.group_by("customer_id").aggregate(nps=asked.nps.mean()), by=["customer_id"]).set_index("customer_id")
        known.append((told["nps"].astype(float) / 10).clip(0, 1).reindex(ids).to_numpy(dtype=float))
    if not tables.missing("events.customer_id", "events.event_type"):
        acts = tables.events.filter(tables.events.customer_id.notnull(), tables.events.event_type.lower().isin(SOCIAL_ACTS))
        done = frame(acts.group_by("customer_id").aggregate(n=acts.count()), by=["customer_id"]).set_index("customer_id")["n"]
        if len(done):
            known.append(_rank(done.reindex(ids).fillna(0).reset_index(drop=True)))
    if not known:
        return np.full(len(ids), np.nan)
    both = np.vstack(known)
    there = np.isfinite(both).sum(axis=0)
    return np.nansum(both, axis=0) / np.where(there > 0, there, np.nan)


def _potential(tables: Tables, ids: pd.Series, window_days: int) -> pd.DataFrame:
    """history, habit and room of the customers who bought in the window, 0 to 1 each."""
    start = window_start(tables, window_days)
    middle = start + dt.timedelta(days=window_days // 2)
    orders = tables.orders.filter(
        tables.orders.customer_id.notnull(), tables.orders.order_date >= start, tables.orders.order_amount >= 0
    )
    months = max(min(window_days, (tables.as_of - tables.first_day).days + 1) / 30.4375, 1.0)
    found = frame(
        orders.group_by("customer_id").aggregate(
            spend=orders.order_amount.sum().cast("float64"),
            later=orders.order_amount.sum(where=orders.order_date >= ibis.literal(middle)).fill_null(0).cast("float64"),
            months=orders.order_date.truncate("M").nunique(),
        ),
        by=["customer_id"],
    )
    found["history_score"] = found["later"] / found["spend"].where(found["spend"] > 0)
    found["habit_score"] = np.minimum(found["months"] / np.ceil(months), 1.0)
    found["room_score"] = _room(tables, found["customer_id"], start)
    return found.loc[found["customer_id"].isin(ids), ["customer_id", *POTENTIALS.values()]]


def _room(tables: Tables, ids: pd.Series, start: dt.datetime) -> np.ndarray:
    """Share of the common categories that the customer has not bought in the window; missing without categories."""
    if tables.missing("order_lines.customer_id", "order_lines.product_id", "products.category"):
        return np.full(len(ids), np.nan)
    lines = tables.order_lines
    lines = lines.filter(lines.customer_id.notnull(), lines.order_date >= start, lines.line_amount >= 0)
    named = tables.products.filter(tables.products.category.notnull()).select("product_id", "category")
    pairs = lines.join(named, "product_id").select("customer_id", "category").distinct()
    buyers = pairs.customer_id.nunique()
    common = pairs.group_by("category").aggregate(n=pairs.count())
    common = common.filter(common.n >= COMMON * ibis.literal(int(buyers.to_pandas())))
    total = int(common.count().to_pandas())
    if total == 0:
        return np.full(len(ids), np.nan)
    held = pairs.semi_join(common, "category")
    counted = frame(held.group_by("customer_id").aggregate(n=held.count()), by=["customer_id"]).set_index("customer_id")["n"]
    return 1 - counted.reindex(ids).fillna(0).to_numpy(dtype=float) / total
