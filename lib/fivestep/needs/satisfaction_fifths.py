"""What the most satisfied fifth of the customers has that the least satisfied fifth has not."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import Z, newcombe
from fivestep.language import N_, _
from fivestep.needs.satisfaction import BY_SURVEY, FALSE_DISCOVERY_RATE, SHOWN, Ratings, no_ratings, rank_test, ratings
from fivestep.needs.survey import SATISFACTION, Survey

FEWEST = 20  # customers below which a fifth is not compared
FEWEST_WITH = 10  # customers of the two fifths together below which a level is not compared
# Fields of customers by which the two fifths are compared, where the data has them, and what their values are labelled by.
TRAITS = (
    "gender", "age_band", "region", "province", "city", "income_band", "education", "marital_status", "household_composition",
    "occupation", "industry", "company_size", "customer_type", "customer_level", "member_level", "is_member", "source",
)  # fmt: skip
MOST, LEAST = N_("Most satisfied"), N_("Least satisfied")
TRAIT_NAMES = {
    "customers.gender": N_("Gender"), "customers.age_band": N_("Age band"), "customers.region": N_("Region"),
    "customers.province": N_("Province"), "customers.city": N_("City"), "customers.income_band": N_("Income band"),
    "customers.education": N_("Education"), "customers.marital_status": N_("Marital status"),
    "customers.household_composition": N_("Household"), "customers.occupation": N_("Occupation"),
    "customers.industry": N_("Industry"), "customers.company_size": N_("Company size"),
    "customers.customer_type": N_("Customer type"), "customers.customer_level": N_("Customer level"),
    "customers.member_level": N_("Member level"), "customers.is_member": N_("Loyalty member"),
    "customers.source": N_("Acquisition source"), "customers.age": N_("Age"),
    "segments.value_tier": N_("Value tier"), "segments.lifecycle": N_("Lifecycle stage"), "orders.orders": N_("Orders"),
    "orders.spend": N_("Spend"), "feedback.complaints": N_("Complaints"),
}  # fmt: skip
COMPLAINTS = ("complaint", "complaints", "投诉", "投訴")

_FIFTHS = N_("what the most satisfied fifth of the customers has that the least satisfied has not")


@dataclass(frozen=True)
class Fifths:
    """The most and the least satisfied fifth of the customers who answered, and how they differ.

    ``table``: one row per customer of the two, most satisfied first: customer_id, satisfaction_fifth, score, aspects_mean (mean
    of the ratings of single aspects, 0 to 1, by which equal scores are told apart; NaN where there are none). ``traits``: one
    row per trait compared, largest effect first: trait (``table.field``), level (empty for numbers), top_value, bottom_value,
    effect (Cliff's delta; for a level the difference of shares), effect_low, effect_high (95 %), p_value, q_value. ``of``:
    customers who answered.
    """

    table: pd.DataFrame
    traits: pd.DataFrame
    of: int
    ratings: Ratings

    def sizes(self) -> tuple[int, int]:
        """Customers of the most and of the least satisfied fifth."""
        counts = self.table["satisfaction_fifth"].value_counts()
        return int(counts[MOST]), int(counts[LEAST])

    def clear(self) -> pd.DataFrame:
        """The traits that tell the fifths apart: q at most 5 %."""
        return self.traits[self.traits["q_value"] <= FALSE_DISCOVERY_RATE].reset_index(drop=True)

    def shown(self, n: int = SHOWN) -> pd.DataFrame:
        """The *n* traits with the largest effect, as a reader sees them."""
        top = self.traits.head(n)
        return pd.DataFrame(
            {
                "trait": [self._name(t) for t in top["trait"]],
                "trait_level": [self._level(t, v) for t, v in zip(top["trait"], top["level"], strict=True)],
                "trait_top": [self._value(*of) for of in zip(top["trait"], top["level"], top["top_value"], strict=True)],
                "trait_bottom": [self._value(*of) for of in zip(top["trait"], top["level"], top["bottom_value"], strict=True)],
                "effect": top["effect"],
                "effect_low": top["effect_low"],
                "effect_high": top["effect_high"],
                "told_apart": np.where(top["q_value"] <= FALSE_DISCOVERY_RATE, N_("Yes"), N_("No")),
            }
        )

    def _name(self, trait: str) -> str:
        return _(TRAIT_NAMES.get(trait, "")) or trait

    def _level(self, trait: str, level: str | None) -> str:
        if level is None or level != level:
            return language.MISSING
        if trait in ("segments.value_tier", "segments.lifecycle"):
            return _(level)
        return language.value(trait, level)

    def _value(self, trait: str, level: str | None, value: float) -> str:
        if level is not None and level == level:
            return language.percent(value)
        return language.money(value) if trait == "orders.spend" else language.number(value, 1)

    def headline(self) -> str:
        """The trait that tells the fifths apart most."""
        clear = self.clear()
        if self.traits.empty:
            return _("Nothing is known of the customers by which the most and the least satisfied could be told apart")
        if clear.empty:
            return _("No trait clearly tells the most satisfied fifth from the least satisfied")
        top = clear.iloc[0]
        level = top["level"]
        words = {
            "trait": self._name(top["trait"]),
            "most": self._value(top["trait"], level, top["top_value"]),
            "least": self._value(top["trait"], level, top["bottom_value"]),
        }
        if level is None or level != level:
            return _(
                "{trait} tells the fifths apart most: median {most} of the most satisfied, {least} of the least satisfied"
            ).format(**words)
        return _(
            "{trait} {level} tells the fifths apart most: {most} of the most satisfied, {least} of the least satisfied"
        ).format(**words, level=self._level(top["trait"], level))

    def note(self) -> str:
        """The rule for the fifths, the tests, the base."""
        most, least = self.sizes()
        return " ".join(
            [
                _(
                    "Customers are ranked by overall score, equal scores by the mean of their ratings of single aspects; "
                    "equal ranks stay together, so a fifth may hold more: {most} most satisfied, {least} least satisfied of "
                    "{n} customers who answered."
                ).format(most=language.number(most), least=language.number(least), n=language.number(self.of)),
                _(
                    "Effect: for a level the difference of its shares (Newcombe's interval, Fisher's test), for a number "
                    "Cliff's delta (Cliff's interval, Mann-Whitney test) with medians shown; false discovery rate 5% over all "
                    "{n} comparisons."
                ).format(n=language.number(len(self.traits))),
                self.ratings.scale_note,
            ]
        )

    def finding(self) -> Finding:
        """How many traits tell the fifths apart, and the first of them."""
        clear, (most, least) = self.clear(), self.sizes()
        warnings = [_("A trait that goes with satisfaction need not be its cause.")]
        if max(most, least) > self.of / 3:
            warnings.append(_("Many customers gave the same score, so that one of the fifths holds more than a third of them."))
        if min(most, least) < 2 * FEWEST:
            warnings.append(
                _("Fewer than {n} customers in one of the fifths: only large differences can be seen.").format(
                    n=language.number(2 * FEWEST)
                )
            )
        return Finding(
            key="needs.traits_of_satisfaction",
            value=float(len(clear)),
            unit="count",
            display=language.number(len(clear)),
            text=language.sentence(self.headline()),
            evidence=_("{n} of {all} comparisons are clear; {most} customers against {least}.").format(
                n=language.number(len(clear)),
                all=language.number(len(self.traits)),
                most=language.number(most),
                least=language.number(least),
            ),
            so_what=_("Speak with some customers of both fifths about the first traits of the list before acting on them.")
            if len(clear)
            else _("Ask the least satisfied for their reasons: what is known of them does not tell."),
            confidence="medium" if len(clear) and min(most, least) >= 2 * FEWEST else "low",
            warnings=tuple(warnings),
            assumptions=(self.note(),),
        )

    def contacts(self) -> pd.DataFrame:
        """The customers of both fifths, for who speaks with them: customer_id, satisfaction_fifth, satisfaction_score."""
        return self.table[["customer_id", "satisfaction_fifth", "score"]].rename(columns={"score": "satisfaction_score"})


def fifths(tables: Tables, survey: Survey | NotAvailable, segments: pd.DataFrame | NotAvailable) -> Fifths | NotAvailable:
    """The most and the least satisfied fifth of the customers who answered, and the traits that tell them apart.

    Traits: fields of customers (levels held by at least ten of the two fifths together, missing as a level of its own left out),
    value tier and lifecycle of *segments*, orders, spend, age, complaints. Answers without a customer are left out. The ratings
    of single aspects are no traits: they are part of the ranking.

    Source: Cliff (1993), Dominance statistics: ordinal analyses to answer ordinal questions; Benjamini and Hochberg (1995).
    """
    rated = ratings(tables, survey)
    if rated is None:
        return no_ratings(tables, survey, _FIFTHS)
    last = rated.last()
    last = last[last["customer_id"].notna()].reset_index(drop=True)
    last["aspects_mean"] = _aspects(survey, last) if rated.source == BY_SURVEY else math.nan
    second = last["aspects_mean"].fillna(last["share"]).round(9)
    place = last.groupby([last["score"], second]).ngroup()  # 0 is the least satisfied; equals have the same place
    n = len(last)
    if n < 5 * FEWEST:
        reason = _("fewer than {n} customers who are known gave a score: a fifth of them is too few to compare.").format(
            n=language.number(5 * FEWEST)
        )
        return NotAvailable((), _(_FIFTHS), reason=reason)
    # The customer at the boundary takes along everybody of the same rank.
    ordered = np.sort(place.to_numpy())
    fifth = math.ceil(n / 5)
    bottom, top = place <= ordered[fifth - 1], place >= ordered[n - fifth]
    if (bottom & top).any():
        return NotAvailable((), _(_FIFTHS), reason=_("too many customers gave the same score: the fifths cannot be told apart."))
    chosen = last[top | bottom].copy()
    chosen["satisfaction_fifth"] = np.where(top[top | bottom], MOST, LEAST)
    chosen["_place"] = place[top | bottom]
    chosen = chosen.sort_values(["_place", "customer_id"], ascending=[False, True], ignore_index=True)
    traits = _traits(tables, chosen, segments)
    return Fifths(chosen[["customer_id", "satisfaction_fifth", "score", "aspects_mean"]], traits, n, rated)


def _aspects(survey: Survey, rows: pd.DataFrame) -> np.ndarray:
    columns = [(s, SATISFACTION) for s in survey.subjects(SATISFACTION)]
    if not columns:
        return np.full(len(rows), math.nan)
    wide = survey.table.set_index("response_id").loc[rows["rating_id"], columns].astype(float)
    low, high = survey.scales[SATISFACTION]
    return ((wide - low) / (high - low)).mean(axis=1).to_numpy()


def _traits(tables: Tables, chosen: pd.DataFrame, segments: pd.DataFrame | NotAvailable) -> pd.DataFrame:
    from scipy.stats import false_discovery_control, fisher_exact

    top = (chosen["satisfaction_fifth"] == MOST).to_numpy()
    levels, numbers = _known(tables, chosen["customer_id"], segments)
    rows = []
    for trait, values in levels.items():
        known = values.notna().to_numpy()
        a, b = int((known & top).sum()), int((known & ~top).sum())
        if not a or not b:
            continue
        counts = values[known].value_counts()
        names = sorted(str(v) for v in counts[counts >= FEWEST_WITH].index)
        if len(counts) == 2 and len(names) == 2:
            names = names[:1]  # the other one is what is left
        if len(counts) < 2:
            continue
        said = values.astype(str).to_numpy()
        for name in names:
            x, y = int((known & top & (said == name)).sum()), int((known & ~top & (said == name)).sum())
            low, high = newcombe(x, a, y, b)
            p = float(fisher_exact([[x, a - x], [y, b - y]])[1])
            rows.append(
                {
                    "trait": trait,
                    "level": name,
                    "top_value": x / a,
                    "bottom_value": y / b,
                    "effect": x / a - y / b,
                    "effect_low": low,
                    "effect_high": high,
                    "p_value": p,
                }
            )
    for trait, values in numbers.items():
        numeric = values.to_numpy(dtype=float)
        a, b = numeric[top & np.isfinite(numeric)], numeric[~top & np.isfinite(numeric)]
        if min(len(a), len(b)) < FEWEST_WITH or np.ptp(np.concatenate([a, b])) == 0:
            continue
        delta, p = rank_test(a, b)
        low, high = cliff_interval(a, b)
        rows.append(
            {
                "trait": trait,
                "level": None,
                "top_value": float(np.median(a)),
                "bottom_value": float(np.median(b)),
                "effect": delta,
                "effect_low": low,
                "effect_high": high,
                "p_value": p,
            }
        )
    columns = ["trait", "level", "top_value", "bottom_value", "effect", "effect_low", "effect_high", "p_value", "q_value"]
    if not rows:
        return pd.DataFrame(columns=columns)
    out = pd.DataFrame(rows)
    out["q_value"] = false_discovery_control(out["p_value"], method="bh")
    out["_size"], out["_level"] = -out["effect"].abs().round(9), out["level"].fillna("")
    return out.sort_values(["_size", "trait", "_level"], ignore_index=True)[columns]


def _known(
    tables: Tables, customers: pd.Series, segments: pd.DataFrame | NotAvailable
) -> tuple[dict[str, pd.Series], dict[str, pd.Series]]:
    """What is known of these customers: texts and numbers by trait, each aligned with *customers*."""
    fields = [f for f in TRAITS if not tables.missing(f"customers.{f}")]
    ages = [] if tables.missing("customers.age") else ["age"]
    base = tables.customers
    people = frame(
        base.select("customer_id", **{f: base[f].cast("string") for f in fields}, **{a: base[a] for a in ages}),
        by=["customer_id"],
    )
    people = people.drop_duplicates("customer_id").set_index("customer_id").reindex(customers)
    levels = {f"customers.{f}": people[f].reset_index(drop=True) for f in fields}
    numbers = {f"customers.{a}": people[a].reset_index(drop=True).astype("Float64") for a in ages}
    if not isinstance(segments, NotAvailable):
        theirs = segments.drop_duplicates("customer_id").set_index("customer_id").reindex(customers)
        levels |= {f"segments.{s}": theirs[s].reset_index(drop=True) for s in ("value_tier", "lifecycle") if s in theirs}
    orders = tables.orders.filter(tables.orders.customer_id.notnull())
    sums = {"orders": orders.order_id.nunique()}
    if "order_amount" in orders.columns:
        sums["orders"] = orders.order_id.nunique(where=orders.order_amount >= 0)
        sums["spend"] = orders.order_amount.sum().cast("float64")
    bought = (
        frame(orders.group_by("customer_id").aggregate(**sums), by=["customer_id"]).set_index("customer_id").reindex(customers)
    )
    numbers |= {f"orders.{c}": bought[c].fillna(0).reset_index(drop=True) for c in sums}
    if not tables.missing("feedback.customer_id", "feedback.feedback_type"):
        told = tables.feedback
        told = told.filter(told.feedback_type.lower().strip().isin(COMPLAINTS) & told.customer_id.notnull())
        counts = frame(told.group_by("customer_id").aggregate(n=told.count()), by=["customer_id"])
        numbers["feedback.complaints"] = counts.set_index("customer_id")["n"].reindex(customers).fillna(0).reset_index(drop=True)
    return levels, {k: v.astype(float) for k, v in numbers.items()}


def cliff_interval(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """95 % interval of Cliff's delta, asymmetric, with the unbiased variance; NaN where a group has fewer than two.

    Source: Cliff (1993); Feng and Cliff (2004), Monte Carlo evaluation of ordinal d with improved confidence interval.
    """
    n, m = len(a), len(b)
    if min(n, m) < 2:
        return math.nan, math.nan
    ordered_a, ordered_b = np.sort(a), np.sort(b)
    # Row means of the dominance matrix sign(a_i - b_j), without building it.
    rows = (np.searchsorted(ordered_b, a, "left") - (m - np.searchsorted(ordered_b, a, "right"))) / m
    columns = ((n - np.searchsorted(ordered_a, b, "right")) - np.searchsorted(ordered_a, b, "left")) / n
    delta = float(rows.mean())
    if abs(delta) == 1:  # no overlap: the variance is 0 and says nothing
        few = min(n, m)
        end = (few - Z**2) / (few + Z**2)
        return (end, 1.0) if delta > 0 else (-1.0, -end)
    ties = int((np.searchsorted(ordered_b, a, "right") - np.searchsorted(ordered_b, a, "left")).sum())
    squares = n * m - ties
    spread = (squares - n * m * delta**2) / (n * m)
    variance = (m**2 * ((rows - delta) ** 2).sum() + n**2 * ((columns - delta) ** 2).sum() - n * m * spread) / (
        n * m * (n - 1) * (m - 1)
    )
    variance = max(variance, (1 - delta**2) / (n * m - 1))
    middle, error = delta - delta**3, math.sqrt(variance)
    root = Z * error * math.sqrt((1 - delta**2) ** 2 + Z**2 * variance)
    below = 1 - delta**2 + Z**2 * variance
    return max(-1.0, (middle - root) / below), min(1.0, (middle + root) / below)
