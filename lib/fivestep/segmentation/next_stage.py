"""Who will be a new, an existing or a lost customer one period from now, from frequency and amount; tested on the last period."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import Z, wilson
from fivestep.language import N_, _
from fivestep.segmentation.lifecycle import NO_ORDER, STAGES, lifecycle
from fivestep.segmentation.purchases import purchases

ANSWERS = N_("which customers will be new, existing or lost one period from now")
NEW, EXISTING, LOST = N_("New customer"), N_("Existing customer"), N_("Lost customer")
CLASSES = {"New": NEW, "Growing": EXISTING, "Mature": EXISTING, "Lapsing": EXISTING, "Lapsed": LOST}
MODEL, BY_STAGE, UNCHANGED = N_("Model of frequency and amount"), N_("Share of the stage"), N_("Stage as it is now")
PERIODS = 4  # of the past at most, the last of them the test: customers and business change
FEW, FEW_LOST = 100, 10  # customers to learn from, and of the test; of each, those who became lost
FIFTHS = 5


@dataclass(frozen=True)
class NextStage:
    """The class of every customer ``period_days`` from now, and how right the same forecast was one period ago.

    ``table``: one row per customer who has ordered, by customer_id: customer_id, lifecycle (now), next_class (the most likely),
    new_chance, existing_chance, lost_chance. ``test``: predictor, standing_tested, share_right, stage_brier (sum over the three
    classes of the squared differences, mean over customers: 0 is perfect, 2 the worst) of the model, of the shares of each stage
    and of the stage as it was. ``difference``: of the Brier scores, model less shares, with its 95 % interval. ``tested``: of
    those not lost one period ago what was foretold then (lost_chance of the better of the two) and whether they are lost now.
    """

    table: pd.DataFrame
    test: pd.DataFrame
    difference: tuple[float, float, float]
    tested: pd.DataFrame
    period_days: int
    learnt: int
    as_of: dt.date

    @property
    def model_used(self) -> bool:
        """Whether the model is clearly better than the shares of the stages; else these are used."""
        return self.difference[2] < 0

    def flows(self) -> pd.DataFrame:
        """One row per stage of today that has customers: how many of them are expected in each class."""
        sums = self.table.groupby("lifecycle")[["new_chance", "existing_chance", "lost_chance"]].sum()
        counts = self.table["lifecycle"].value_counts()
        names = [s for s in STAGES if s in counts.index]
        sums = sums.reindex(names)
        return pd.DataFrame(
            {
                "lifecycle": names,
                "customers": counts.reindex(names).to_numpy(),
                "expected_new": sums["new_chance"].to_numpy(),
                "expected_existing": sums["existing_chance"].to_numpy(),
                "expected_lost": sums["lost_chance"].to_numpy(),
            }
        )

    def reliability(self) -> pd.DataFrame:
        """One row per fifth of the tested customers by lost_chance: foretold (mean chance), seen (share lost), its interval."""
        rows = self.tested.sort_values(["lost_chance", "customer_id"], ascending=[False, True])
        out = rows.groupby(np.arange(len(rows)) * FIFTHS // len(rows)).agg(
            customers=("lost", "size"), foretold=("lost_chance", "mean"), lost=("lost", "sum")
        )
        out["seen"] = out["lost"] / out["customers"]
        out["low"], out["high"] = wilson(out["lost"], out["customers"])
        return out.reset_index(drop=True)

    def figure(self) -> Figure:
        """Of those not lost one period ago, how many became so in each fifth of what was foretold."""
        rows = self.reliability()
        return charts.intervals(
            [_("foretold {p}").format(p=language.percent(p)) for p in rows["foretold"]],
            rows["seen"],
            rows["low"],
            rows["high"],
            write=lambda v: language.percent(v, 0),
            xlabel=_("Customers who were lost one period later, with 95% interval"),
        )

    def _lost(self) -> tuple[int, float, float]:
        """Customers lost now; expected one period from now, and of these those who are not lost now."""
        now = self.table["lifecycle"] == "Lapsed"
        return int(now.sum()), float(self.table["lost_chance"].sum()), float(self.table.loc[~now, "lost_chance"].sum())

    def headline(self) -> str:
        """How many are lost now and will be."""
        now, then, fresh = self._lost()
        return _(
            "In {days} days {then} of today's {all} customers are expected to be lost, against {now} now; {fresh} of them newly"
        ).format(
            days=language.number(self.period_days),
            then=language.number(then),
            all=language.number(len(self.table)),
            now=language.number(now),
            fresh=language.number(fresh),
        )

    def test_headline(self) -> str:
        """Whether as many were lost as foretold."""
        said, n = float(self.tested["lost_chance"].sum()), int(self.tested["lost"].sum())
        return _("Of the {all} customers of one period ago {said} would have been foretold as lost, and {n} were").format(
            all=language.number(len(self.tested)), said=language.number(said), n=language.number(n)
        )

    def note(self) -> str:
        """Classes, base and how the forecast is made."""
        brier = self.test.set_index("predictor")["stage_brier"]
        used = (
            _("Used: the model, a logistic regression on stage, days since the last order, usual gap, orders and spend.")
            if self.model_used
            else _("Used: the share of each stage, as the model of frequency and amount is not clearly better.")
        )
        return " ".join([
            _(
                "Base: {n} customers who have ordered by {day}. After the {days} days lost is who is lapsed by the rules of the "
                "lifecycle, new who is new by them, existing everybody else. Who has not come yet is not in it."
            ).format(n=language.number(len(self.table)), day=language.day(self.as_of), days=language.number(self.period_days)),
            used,
            _(
                "Learnt from {learnt} customers and periods, tested on the {tested} customers of one period ago. Brier score of "
                "three classes: model {model}, shares of the stages {shares}, stage unchanged {same}."
            ).format(
                learnt=language.number(self.learnt),
                tested=language.number(self.test["standing_tested"].iloc[0]),
                model=language.number(brier[MODEL], 3),
                shares=language.number(brier[BY_STAGE], 3),
                same=language.number(brier[UNCHANGED], 3),
            ),
        ])  # fmt: skip

    def contacts(self) -> pd.DataFrame:
        """Every customer who is not lost now, the most likely to be lost first."""
        rows = self.table[self.table["lifecycle"] != "Lapsed"]
        order = rows["lost_chance"].round(9)
        rows = rows.assign(order=order).sort_values(["order", "customer_id"], ascending=[False, True], ignore_index=True)
        return rows.drop(columns="order")

    def finding(self) -> Finding:
        """How many customers the next period takes."""
        _now, _then, fresh = self._lost()
        said, n = float(self.tested["lost_chance"].mean()), int(self.tested["lost"].sum())
        low, high = (float(x) for x in wilson(n, len(self.tested)))
        held = low <= said <= high
        return Finding(
            key="segmentation.expected_newly_lost_customers",
            value=fresh,
            unit="count",
            display=language.number(fresh),
            text=language.sentence(self.headline()),
            evidence=language.sentence(self.test_headline()) + " " + self.note(),
            so_what=_("Speak with those most likely to be lost before they are: the list names them, the most likely first.")
            if fresh >= 1
            else _("Nobody who is still a customer is expected to be lost."),
            confidence="medium" if held else "low",
            warnings=()
            if held
            else (_("One period ago the forecast missed by more than chance: read the chances as a ranking."),),
        )


@needs("orders.customer_id", "orders.order_date", "orders.order_amount", answers=ANSWERS)
def next_stage(tables: Tables, *, lapsed_after_days: int = 90) -> NextStage | NotAvailable:
    """New, existing or lost one period from now, by logistic regression or by the share of each stage.

    A period is a third of *lapsed_after_days*, the time in which a customer counts as new. Learnt from up to three earlier ones,
    each customer as the data showed him at its beginning; the last period is the test, on which the model must be clearly better
    (95 % interval of the paired difference of Brier scores) to be used. Not available under two periods after the first in which
    anybody can have lapsed, or under 100 customers to learn from or to test, of whom 10 became lost. Source: Brier (1950).
    """
    period = dt.timedelta(days=math.ceil(lapsed_after_days / 3))
    periods: list[pd.DataFrame] = []  # newest first
    for k in range(PERIODS + 1):
        at = tables.as_of - k * period
        if at <= tables.first_day + dt.timedelta(days=lapsed_after_days):
            break
        periods.append(_standing(tables.until(at) if k else tables, lapsed_after_days))
    pairs = [_after(then, now) for now, then in itertools.pairwise(periods)]
    if len(pairs) < 2 or len(pairs[0]) < FEW or sum(len(p) for p in pairs[1:]) < FEW:
        reason = _(
            "a forecast that is tested needs {n} customers in each of two periods of {days} days, and before them the time in "
            "which a customer can lapse."
        ).format(n=language.number(FEW), days=language.number(period.days))
        return NotAvailable((), _(ANSWERS), reason=reason)
    test, known = pairs[0], pd.concat(pairs[1:], ignore_index=True)
    lost = [int(((p["next_class"] == LOST) & (p["lifecycle"] != "Lapsed")).sum()) for p in (test, known)]
    if min(lost) < FEW_LOST:
        reason = _("in these periods only {n} customers became lost, too few to learn from or to test.").format(
            n=language.number(min(lost))
        )
        return NotAvailable((), _(ANSWERS), reason=reason)
    foretold = {MODEL: _model(known)(test), BY_STAGE: _shares(known)(test), UNCHANGED: _one_hot(test["lifecycle"].map(CLASSES))}
    true = _one_hot(test["next_class"])
    losses = {name: ((chance - true) ** 2).sum(axis=1) for name, chance in foretold.items()}
    gap = losses[MODEL] - losses[BY_STAGE]
    half = Z * gap.std(ddof=1) / np.sqrt(len(gap))
    difference = (float(gap.mean()), float(gap.mean() - half), float(gap.mean() + half))
    rows = [
        (name, len(test), float((chance.argmax(axis=1) == true.argmax(axis=1)).mean()), float(losses[name].mean()))
        for name, chance in foretold.items()
    ]
    better, learn = (MODEL, _model) if difference[2] < 0 else (BY_STAGE, _shares)
    tested = pd.DataFrame({
        "customer_id": test["customer_id"], "lost_chance": foretold[better][:, 2], "lost": test["next_class"] == LOST,
    })[test["lifecycle"] != "Lapsed"].reset_index(drop=True)  # fmt: skip
    chance = learn(pd.concat(pairs, ignore_index=True))(periods[0])
    names = np.array([NEW, EXISTING, LOST], dtype=object)
    table = pd.DataFrame({
        "customer_id": periods[0]["customer_id"],
        "lifecycle": periods[0]["lifecycle"],
        "next_class": names[chance.argmax(axis=1)],
        "new_chance": chance[:, 0], "existing_chance": chance[:, 1], "lost_chance": chance[:, 2],
    })  # fmt: skip
    columns = ["predictor", "standing_tested", "share_right", "stage_brier"]
    return NextStage(table, pd.DataFrame(rows, columns=columns), difference, tested, period.days, len(known), tables.as_of)


def _standing(tables: Tables, lapsed_after_days: int) -> pd.DataFrame:
    """Stage and features of every customer who has ordered, as the data shows him at the end of *tables*."""
    stage = lifecycle(tables, lapsed_after_days=lapsed_after_days).table
    stage = stage[stage["lifecycle"] != NO_ORDER]
    recent = purchases(tables, window_days=lapsed_after_days)[["customer_id", "frequency", "monetary"]]
    return stage.drop(columns="spend").merge(recent, on="customer_id", validate="one_to_one").reset_index(drop=True)


def _after(then: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """*then* with the class in which each customer stands *now*."""
    following = now.set_index("customer_id")["lifecycle"].map(CLASSES)
    return then.assign(next_class=then["customer_id"].map(following)).dropna(subset=["next_class"]).reset_index(drop=True)


def _one_hot(classes: pd.Series) -> np.ndarray:
    return np.column_stack([classes == c for c in (NEW, EXISTING, LOST)]).astype(float)


def _shares(known: pd.DataFrame):
    """A function from standing to the three chances: the shares of the customers of the same stage; of all where it has none."""
    classes = _one_hot(known["next_class"])
    by_stage = pd.DataFrame(classes).groupby(known["lifecycle"].to_numpy()).mean().reindex(STAGES)
    by_stage = by_stage.where(by_stage.notna(), pd.Series(classes.mean(axis=0)), axis=1)
    return lambda some: by_stage.loc[some["lifecycle"]].to_numpy()


def _model(known: pd.DataFrame):
    """A function from standing to the three chances, by logistic regression; a class that was never seen has none."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if known["next_class"].nunique() < 2:
        return _shares(known)
    fitted = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=2000)).fit(_features(known), known["next_class"])
    seen = list(fitted.classes_)

    def chances(some: pd.DataFrame) -> np.ndarray:
        said = fitted.predict_proba(_features(some))
        return np.column_stack([said[:, seen.index(c)] if c in seen else np.zeros(len(some)) for c in (NEW, EXISTING, LOST)])

    return chances


def _features(rows: pd.DataFrame) -> np.ndarray:
    gap = rows["usual_gap_days"].fillna(rows["tenure_days"])
    return np.column_stack([
        *(rows["lifecycle"] == s for s in STAGES),
        np.log1p(rows["recency_days"]),
        np.log1p(gap),
        np.log1p(rows["recency_days"] / (gap + 1)),
        np.log1p(rows["tenure_days"]),
        np.log(rows["order_days"]),
        rows["order_days"] == 1,
        np.log1p(rows["frequency"]),
        np.log1p(rows["monetary"].clip(lower=0)),
    ]).astype(float)  # fmt: skip
