"""Uplift models: whether customers can be ranked by what contact does to them, on a randomised campaign."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.evaluation.experiments import FIELDS, Experiments, field_label
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import newcombe
from fivestep.language import N_, _

LEAST = 300  # customers in each arm
LEAST_ORDERS = 50  # customers in each arm who ordered, and who did not
FOLDS = 5
DRAWS = 250
SEED = 51
FIFTHS = 5
TWO_MODELS, TRANSFORMED = N_("Two models"), N_("Transformed outcome")
RANKS, NO_RANK, WRONG = N_("Better than chance"), N_("No better than chance"), N_("Worse than chance")
QUESTION = N_("which customers a contact moves most")


@dataclass(frozen=True)
class Uplift:
    """How well two models rank the customers of each randomised campaign by the effect of contact on ordering.

    ``table``: one row per campaign and model, by campaign and Qini coefficient: campaign_id, uplift_model, contacted, control,
    qini, qini_low, qini_high, auuc, auuc_low, auuc_high (bootstrap of customers, 95 % for all rankings together). ``scores``: one
    row per campaign, model and customer: treated, ordered, uplift (predicted for customers that the model has not seen).
    """

    table: pd.DataFrame
    scores: pd.DataFrame
    experiments: Experiments

    def models(self) -> pd.DataFrame:
        """As the reader sees it, with a verdict."""
        verdict = np.select([self.table["qini_low"] > 0, self.table["qini_high"] < 0], [RANKS, WRONG], NO_RANK)
        out = self.table.assign(uplift_verdict=verdict)
        out.insert(0, "campaign", self._campaigns(out["campaign_id"]))
        return out.drop(columns="campaign_id")

    def _campaigns(self, ids: pd.Series) -> pd.Series:
        names = self.experiments.campaigns.set_index("campaign_id").get("campaign_name")
        return ids if names is None else ids.map(names)

    @property
    def _best(self) -> pd.Series:
        """The model that ranks most surely: the highest lower end of the interval."""
        return self.table.sort_values(
            ["qini_low", "campaign_id", "uplift_model"], ascending=[False, True, True], ignore_index=True
        ).iloc[0]

    def fifths(self) -> pd.DataFrame:
        """Customers of the best ranking by fifths of predicted uplift, highest first: predicted and measured effect."""
        best = self._best
        scores = self.scores[
            (self.scores["campaign_id"] == best["campaign_id"]) & (self.scores["uplift_model"] == best["uplift_model"])
        ]
        ranked = scores.sort_values(["uplift", "customer_id"], ascending=[False, True], ignore_index=True)
        rows = []
        for number, part in ranked.groupby(ranked.index * FIFTHS // len(ranked)):
            treated, ordered = part["treated"].to_numpy(), part["ordered"].to_numpy()
            counts = int(ordered[treated].sum()), int(treated.sum()), int(ordered[~treated].sum()), int((~treated).sum())
            low, high = newcombe(*counts)
            rows.append(
                {
                    "uplift_fifth": int(number) + 1,
                    "contacted": counts[1],
                    "control": counts[3],
                    "predicted_uplift": float(part["uplift"].mean()),
                    "measured_uplift": counts[0] / counts[1] - counts[2] / counts[3] if counts[1] and counts[3] else np.nan,
                    "measured_uplift_low": low,
                    "measured_uplift_high": high,
                }
            )
        return pd.DataFrame(rows)

    def figure(self) -> Figure:
        """The measured effect of contact by fifths of predicted uplift."""
        rows = self.fifths()
        return charts.intervals(
            [_("Fifth {n}").format(n=language.number(n)) for n in rows["uplift_fifth"]],
            rows["measured_uplift"],
            rows["measured_uplift_low"],
            rows["measured_uplift_high"],
            write=lambda share: language.percent(share, 1),
            reference=0.0,
            xlabel=_("Share who ordered, contacted less control; fifth 1 has the highest predicted uplift"),
        )

    def headline(self) -> str:
        """Whether customers can be ranked by what contact does to them."""
        best = self._best
        words = {
            "name": self.experiments.name(best["campaign_id"]),
            "qini": language.number(best["qini"], 3),
            "low": language.number(best["qini_low"], 3),
            "high": language.number(best["qini_high"], 3),
        }
        if best["qini_low"] > 0:
            return _("{name}: who is moved by contact can be foreseen (Qini {qini}, 95% interval {low} to {high})").format(
                **words
            )
        return _("Who is moved by contact cannot be foreseen (best: {name}, Qini {qini}, 95% interval {low} to {high})").format(
            **words
        )

    def fifths_headline(self) -> str:
        """The measured effect in the first and in the last fifth."""
        rows = self.fifths()
        return _(
            "In the fifth with the highest predicted uplift contact changed the share who ordered by {first}, in the last by "
            "{last}"
        ).format(
            first=language.percent(rows["measured_uplift"].iloc[0], 1), last=language.percent(rows["measured_uplift"].iloc[-1], 1)
        )

    def note(self) -> str:
        """The one definition of Qini and AUUC, the models, the outcome."""
        return _(
            "Outcome: ordered while the campaign ran. Customers are ranked by predicted uplift, each by a model fitted to the "
            "other four fifths of the customers. Qini curve: responders among the contacted first k, less those of the control "
            "scaled to as many customers (Radcliffe 2007); Qini coefficient: area between it and the straight line to its end, "
            "divided by the same area for a perfect ranking. AUUC: the same for the difference of the shares times k. 0 is a "
            "random ranking, 1 a perfect one; other definitions give other numbers for the same data. Intervals: "
            "bootstrap of customers with models as they are, 95% for all rankings together."
        )

    def models_note(self) -> str:
        """What each model is."""
        models = _(
            "Two models: logistic regressions of contacted and of control customers, uplift is the difference of their "
            "predictions. Transformed outcome: one ridge regression whose expected value is the effect itself (Athey and Imbens "
            "2016). Both know what was known on the first day: spend and orders before, days since the last order and since the "
            "first, and {fields}."
        )
        return f"{models.format(fields=language.listing([field_label(f) for f in FIELDS]))} {self.note()}"

    def finding(self) -> Finding:
        """The Qini coefficient of the surest ranking."""
        best = self._best
        works = bool(best["qini_low"] > 0)
        return Finding(
            key="evaluation.uplift_qini",
            value=float(best["qini"]),
            unit="index",
            display=language.number(best["qini"], 3),
            text=language.sentence(self.headline()),
            evidence=_(
                "{n} contacted and {m} control customers; AUUC {auuc} ({low} to {high}); {all} rankings were tried."
            ).format(
                n=language.number(best["contacted"]),
                m=language.number(best["control"]),
                auuc=language.number(best["auuc"], 3),
                low=language.number(best["auuc_low"], 3),
                high=language.number(best["auuc_high"], 3),
                all=language.number(len(self.table)),
            ),
            so_what=_("Contact the first fifths of the ranking next time, and keep a control in every fifth.")
            if works
            else _("Do not choose by predicted uplift: it would leave out customers no less moved than those it keeps."),
            confidence="medium" if works else "low",
            warnings=(_("The best of {n} rankings looks better than it is.").format(n=language.number(len(self.table))),)
            if len(self.table) > 1
            else (),
            assumptions=(self.models_note(),),
        )


def uplift(tried: Experiments | NotAvailable) -> Uplift | NotAvailable:
    """Rank the customers of each randomised campaign by predicted uplift, and measure the rankings.

    Campaigns with fewer than `LEAST` customers in an arm, or fewer than `LEAST_ORDERS` who did or did not order in an arm, are
    left out; where none is left the answer is refused.
    """
    if isinstance(tried, NotAvailable):
        return NotAvailable(tried.missing, _(QUESTION), reason=tried.reason)
    rows, scores = [], []
    for campaign_id in tried.campaigns["campaign_id"]:
        people = tried.of(campaign_id).sort_values("customer_id", ignore_index=True)
        treated, ordered = people["treated"].to_numpy(), (people["orders"] > 0).to_numpy()
        cells = [int((treated == t).sum()) for t in (True, False)]
        answers = [int(((treated == t) & (ordered == o)).sum()) for t in (True, False) for o in (True, False)]
        if min(cells) < LEAST or min(answers) < LEAST_ORDERS:
            continue
        for name, predict in ((TWO_MODELS, _two_models), (TRANSFORMED, _transformed)):
            score = _out_of_fold(_features(people), treated, ordered, predict)
            rows.append({"campaign_id": campaign_id, "uplift_model": name, "contacted": cells[0], "control": cells[1]})
            known = {"campaign_id": campaign_id, "uplift_model": name, "treated": treated, "ordered": ordered, "uplift": score}
            scores.append(people[["customer_id"]].assign(**known))
    if not rows:
        return NotAvailable(
            (),
            _(QUESTION),
            reason=_("no randomised campaign has {n} contacted and {n} control customers, with {m} who ordered in both.").format(
                n=language.number(LEAST), m=language.number(LEAST_ORDERS)
            ),
        )
    for row, ranking in zip(rows, scores, strict=True):
        row |= _measured(*(ranking[c].to_numpy() for c in ("uplift", "treated", "ordered")), several=len(rows))
    table = pd.DataFrame(rows).sort_values(
        ["campaign_id", "qini", "uplift_model"], ascending=[True, False, True], ignore_index=True
    )
    return Uplift(table, pd.concat(scores, ignore_index=True), tried)


# ---------------------------------------------------------------------------------------------- the measures
@dataclass(frozen=True)
class Ranking:
    """Customers in the order of a score, highest first; ``last`` are the places at which a run of equal scores ends."""

    order: np.ndarray
    last: np.ndarray

    @classmethod
    def of(cls, score: np.ndarray) -> Ranking:
        order = np.argsort(-np.asarray(score, dtype=float), kind="stable")
        return cls(order, np.r_[np.flatnonzero(np.diff(np.asarray(score)[order])), len(order) - 1])

    def sums(self, treated: np.ndarray, outcome: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, ...]:
        """Contacted, control, and the responders of both, going down the ranking."""
        t, y, w = treated[self.order].astype(float), outcome[self.order].astype(float), weight[self.order]
        return tuple(np.cumsum(part)[self.last] for part in (w * t, w * (1 - t), w * y * t, w * y * (1 - t)))


def qini(score: np.ndarray, treated: np.ndarray, outcome: np.ndarray) -> float:
    """Qini coefficient: area between the Qini curve and the straight line to its end, divided by that of a perfect ranking: the
    responders among the contacted first, those of the control last.

    The curve is responders among the contacted less those of the control scaled to as many customers; equal scores come together.
    Source: Radcliffe (2007), Using control groups to target on predicted lift.
    """
    return _over_perfect(_qini_area, *(Ranking.of(s) for s in (score, _perfect_qini(treated, outcome))), treated, outcome)


def auuc(score: np.ndarray, treated: np.ndarray, outcome: np.ndarray) -> float:
    """Area under the uplift curve, the difference of the shares of responders times customers, above the straight line to its
    end, divided by that of a perfect ranking.
    """
    return _over_perfect(_gain_area, *(Ranking.of(s) for s in (score, _perfect_gain(treated, outcome))), treated, outcome)


def _perfect_qini(treated: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    y, t = outcome.astype(float), treated.astype(float)
    return y * t - y * (1 - t)


def _perfect_gain(treated: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    y, t = outcome.astype(bool), treated.astype(bool)
    return 2.0 * (y == t) + (y if (y & ~t).sum() > (~y & t).sum() else t)


def _qini_area(ranking: Ranking, treated: np.ndarray, outcome: np.ndarray, weight: np.ndarray) -> float:
    n_t, n_c, y_t, y_c = ranking.sums(treated, outcome, weight)
    return _above(n_t + n_c, y_t - y_c * np.divide(n_t, n_c, out=np.zeros_like(n_t), where=n_c > 0))


def _gain_area(ranking: Ranking, treated: np.ndarray, outcome: np.ndarray, weight: np.ndarray) -> float:
    n_t, n_c, y_t, y_c = ranking.sums(treated, outcome, weight)
    shares = [np.divide(y, n, out=np.zeros_like(n), where=n > 0) for y, n in ((y_t, n_t), (y_c, n_c))]
    return _above(n_t + n_c, (shares[0] - shares[1]) * (n_t + n_c))


def _above(x: np.ndarray, height: np.ndarray) -> float:
    """Area between a curve from nothing and the straight line to its end."""
    return float(np.trapezoid(np.r_[0.0, height], np.r_[0.0, x]) - x[-1] * height[-1] / 2)


def _over_perfect(
    area: Callable[..., float],
    ranking: Ranking,
    perfect: Ranking,
    treated: np.ndarray,
    outcome: np.ndarray,
    weight: np.ndarray | None = None,
) -> float:
    w = np.ones(len(treated)) if weight is None else weight
    best = area(perfect, treated, outcome, w)
    return area(ranking, treated, outcome, w) / best if best else 0.0


def _measured(score: np.ndarray, treated: np.ndarray, ordered: np.ndarray, *, several: int = 1) -> dict[str, float]:
    """Both measures with the interval of `DRAWS` resamples of the customers, 95 % for *several* rankings together."""
    ends = [0.025 / several, 1 - 0.025 / several]
    rng = np.random.default_rng(SEED)
    n = len(score)
    draws = [np.bincount(rng.integers(0, n, n), minlength=n).astype(float) for _i in range(DRAWS)]
    ranking, out = Ranking.of(score), {}
    for name, area, best in (("qini", _qini_area, _perfect_qini), ("auuc", _gain_area, _perfect_gain)):
        perfect = Ranking.of(best(treated, ordered))
        low, high = np.quantile([_over_perfect(area, ranking, perfect, treated, ordered, w) for w in draws], ends)
        out |= {
            name: _over_perfect(area, ranking, perfect, treated, ordered),
            f"{name}_low": float(low),
            f"{name}_high": float(high),
        }
    return out


# ---------------------------------------------------------------------------------------------- the models
def _features(people: pd.DataFrame) -> np.ndarray:
    """What was known of the customers on the first day, standardised; money and days as logarithms, unknown days as a year."""
    numbers = {
        "before": np.log1p(people["before"].clip(lower=0)),
        "orders": np.log1p(people["orders_before"]),
        "recency": np.log1p(people["days_since_order"].fillna(365.0)),
        "tenure": np.log1p(people["tenure_days"].fillna(0.0)),
        "new": people["tenure_days"].isna().astype(float),
    }
    named = pd.get_dummies(people[[f for f in FIELDS if f in people]].astype("string").fillna(""), dtype=float)
    out = pd.concat([pd.DataFrame(numbers), named], axis=1).to_numpy(dtype=float)
    spread = out.std(axis=0)
    return (out[:, spread > 0] - out[:, spread > 0].mean(axis=0)) / spread[spread > 0]


def _out_of_fold(known: np.ndarray, treated: np.ndarray, ordered: np.ndarray, predict: Callable[..., np.ndarray]) -> np.ndarray:
    """Predicted uplift of every customer by a model that has not seen them; both arms are dealt to the folds in turn."""
    fold = np.empty(len(treated), dtype=int)
    for arm in (True, False):
        fold[treated == arm] = np.arange((treated == arm).sum()) % FOLDS
    out = np.empty(len(treated))
    for number in range(FOLDS):
        seen = fold != number
        out[~seen] = predict(known[seen], treated[seen], ordered[seen], known[~seen])
    return out


def _two_models(known: np.ndarray, treated: np.ndarray, ordered: np.ndarray, unseen: np.ndarray) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    shares = []
    for arm in (True, False):
        of, answer = known[treated == arm], ordered[treated == arm]
        shares.append(LogisticRegression(C=0.1, max_iter=500).fit(of, answer).predict_proba(unseen)[:, 1])
    return shares[0] - shares[1]


def _transformed(known: np.ndarray, treated: np.ndarray, ordered: np.ndarray, unseen: np.ndarray) -> np.ndarray:
    from sklearn.linear_model import Ridge

    share = treated.mean()
    effect = (ordered - ordered.mean()) * (treated - share) / (share * (1 - share))
    return Ridge(alpha=100.0).fit(known, effect).predict(unseen)
