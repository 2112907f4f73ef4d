"""What customers think, believe and want, by their own words, and whether they act on it; what they think of products."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.contract.questions import FUNCTIONAL, IMPORTANCE, NPS, SATISFACTION, parsed
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import newcombe, wilson
from fivestep.language import N_, _, ngettext

ANSWERS = N_("what customers think and want, and whether they act on it")
ANSWERS_GOODS = N_("what customers think of the products")
ATTITUDE, INTENTION, BELIEF, MOTIVE = N_("Attitude"), N_("Intention"), N_("What counts to them"), N_("Motive")
# Field of feedback -> kind and what it says.
FIELDS = {
    "satisfaction": (ATTITUDE, N_("Satisfied")), "trust": (ATTITUDE, N_("Trusts us")), "nps": (ATTITUDE, N_("Recommends us")),
    "repurchase_intent": (INTENTION, N_("Means to buy again")),
}  # fmt: skip
SCALES = (5, 7, 10)
UPPER = 0.7  # part of the scale from which an answer is positive; a likelihood to recommend from 9
PROMOTER = 9
LIKES = ("like", "i like it", "喜欢", "喜歡", "我喜欢", "我喜歡")
AFTER = 91  # days after an answer in which an order counts as acting on it
FEW = 30
LEAST = 10  # opinions on a category from which it is shown
COMPLAINT = ("complaint", "投诉", "投訴")
TOLD = 15


@dataclass(frozen=True)
class Attitudes:
    """Attitudes, intentions, beliefs and motives of who was asked.

    ``table``: one row per statement: attitude_kind, attitude_statement, attitude_answers, customers, positive (share of answers)
    with its Wilson interval (positive_low, positive_high), bought_if_positive and bought_if_not (share with an order in the
    `AFTER` days after the answer, of answers at least so old; missing under 30 of them). ``acted``: 95 % interval of the
    difference of the two for the intention to buy again (Newcombe); None where it cannot be told.
    """

    table: pd.DataFrame
    acted: tuple[float, float] | None
    as_of: dt.date

    def headline(self) -> str:
        """What most agree with, and whether intention is followed by a purchase."""
        rows = self.table.sort_values(["positive", "attitude_statement"], ascending=[False, True])
        top = rows.iloc[0]
        said = _("No statement finds more agreement than “{statement}” ({share})").format(
            statement=top["attitude_statement"], share=language.percent(top["positive"])
        )
        follows = self.table[self.table["attitude_kind"] == INTENTION]
        if follows.empty or self.acted is None:
            return said
        row = follows.iloc[0]
        ends = {"yes": language.percent(row["bought_if_positive"]), "no": language.percent(row["bought_if_not"])}
        if self.acted[0] > 0:
            then = _("who means to buy again does so more often ({yes} against {no})")
        elif self.acted[1] < 0:
            then = _("who means to buy again does so less often ({yes} against {no})")
        else:
            then = _("whether who means to buy again does so more often is not proven ({yes} against {no})")
        return f"{said}; {then.format(**ends)}"

    def note(self) -> str:
        """Definitions."""
        return _(
            "Positive: upper {share} of the scale, a likelihood to recommend of {nps} or more, a feature that would be liked. "
            "Intervals: 95% (Wilson) of the answers. Bought: an order in the {days} days after the answer. Who answers is no "
            "chance sample of the customers: feedback comes from those with a reason to write."
        ).format(share=language.percent(1 - UPPER, 0), nps=PROMOTER, days=language.number(AFTER))

    def finding(self) -> Finding:
        """The statement most agree with."""
        top = self.table.sort_values(["positive", "attitude_statement"], ascending=[False, True]).iloc[0]
        return Finding(
            key="profiling.most_agreed_statement",
            value=float(top["positive"]),
            unit="share",
            display=language.percent(top["positive"]),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Use what counts to customers in offers; trust a stated intention only as far as purchases follow it."),
            confidence="low" if top["customers"] < FEW else "medium",
            warnings=(_("Answers of who chose to answer do not stand for all customers."),),
        )


@needs("orders.customer_id", "orders.order_date", "orders.order_amount", answers=ANSWERS)
def attitudes(tables: Tables) -> Attitudes | NotAvailable:
    """Attitude, intention, belief and motive by the answers of feedback and survey, with what was bought afterwards.

    Survey questions as `contract.questions` reads them; others are left out. `NotAvailable` where nobody was asked.
    """
    asked = pd.concat([*_of_feedback(tables), *_of_survey(tables)] or [pd.DataFrame(columns=["kind"])], ignore_index=True)
    if asked.empty:
        return NotAvailable(("feedback.satisfaction", "survey"), _(ANSWERS))
    asked["bought"] = _bought_after(tables, asked)
    rows, acted = [], None
    for (kind, statement), mine in asked.groupby(["kind", "statement"], sort=False):
        n, k = len(mine), int(mine["positive"].sum())
        low, high = wilson(k, n)
        old = mine.dropna(subset=["bought"])
        yes, no = old[old["positive"]], old[~old["positive"]]
        enough = min(len(yes), len(no)) >= FEW
        then = (float(yes["bought"].mean()), float(no["bought"].mean())) if enough else (np.nan, np.nan)
        if kind == INTENTION and enough:
            acted = newcombe(yes["bought"].sum(), len(yes), no["bought"].sum(), len(no))
        rows.append((kind, statement, n, mine["customer_id"].nunique(), k / n, float(low), float(high), *then))
    table = pd.DataFrame(
        rows,
        columns=[
            "attitude_kind", "attitude_statement", "attitude_answers", "customers", "positive", "positive_low", "positive_high",
            "bought_if_positive", "bought_if_not",
        ],
    )  # fmt: skip
    order = {kind: i for i, kind in enumerate((ATTITUDE, INTENTION, BELIEF, MOTIVE))}
    table["_kind"] = table["attitude_kind"].map(order)
    table = table.sort_values(["_kind", "positive", "attitude_statement"], ascending=[True, False, True], ignore_index=True)
    return Attitudes(table.drop(columns="_kind"), acted, tables.as_of)


def _positive(scores: pd.Series, nps: bool) -> pd.Series:
    if nps:
        return scores >= PROMOTER
    top = next((s for s in SCALES if scores.max() <= s), scores.max())
    return (scores - 1) / (top - 1) >= UPPER - 1e-9


def _of_feedback(tables: Tables) -> list[pd.DataFrame]:
    out = []
    for field, (kind, statement) in FIELDS.items():
        if tables.missing("feedback.customer_id", f"feedback.{field}"):
            continue
        told = tables.feedback.filter(tables.feedback.customer_id.notnull(), tables.feedback[field].notnull())
        found = frame(
            told.select("customer_id", day=told.created_at.date(), score=told[field].cast("float64"), key=told.feedback_id),
            by=["key"],
        )
        if len(found):
            found["positive"] = _positive(found["score"], field == "nps")
            out.append(found.assign(kind=kind, statement=_(statement)))
    return out


def _of_survey(tables: Tables) -> list[pd.DataFrame]:
    if tables.missing("survey.customer_id", "survey.answer", "survey.answered_at"):
        return []
    answers = tables.survey.filter(tables.survey.customer_id.notnull(), tables.survey.answered_at.notnull())
    score = answers.score.cast("float64") if "score" in answers.columns else answers.answer.try_cast("float64")
    found = frame(
        answers.select(
            "customer_id", "question_id", "answer", day=answers.answered_at.date(), score=score, key=answers.response_id
        ),
        by=["key", "question_id"],
    )
    out = []
    for question, mine in found.groupby("question_id"):
        subject, role = parsed(str(question)) or ("", "")
        subject = subject and language.value("survey.feature", subject)
        if role == FUNCTIONAL and subject:
            positive = mine["answer"].str.strip().str.lower().isin(LIKES)
            kind, statement = MOTIVE, _("Would like: {subject}").format(subject=subject)
        elif role in (IMPORTANCE, SATISFACTION, NPS) and mine["score"].notna().any():
            mine = mine[mine["score"].notna()]
            positive = _positive(mine["score"], role == NPS)
            about = {IMPORTANCE: _("Counts: {subject}"), SATISFACTION: _("Satisfied with: {subject}"), NPS: _("Recommends us")}
            kind = BELIEF if role == IMPORTANCE else ATTITUDE
            statement = about[role].format(subject=subject or _("the whole"))
        else:
            continue
        out.append(mine.assign(positive=positive, kind=kind, statement=statement))
    return out


def _bought_after(tables: Tables, asked: pd.DataFrame) -> np.ndarray:
    """1 where the customer ordered in the days after the answer, 0 where not, missing where they are not over yet."""
    orders = tables.orders.filter(tables.orders.customer_id.notnull(), tables.orders.order_amount >= 0)
    days = frame(orders.select("customer_id", day=orders.order_date.date()).distinct(), by=["customer_id", "day"])
    left, right = (
        pd.DataFrame({"customer_id": of["customer_id"].astype(str), name: pd.to_datetime(of["day"]).astype("datetime64[us]")})
        for of, name in ((asked, "told"), (days, "then"))
    )
    left = left.rename_axis("row").reset_index().sort_values(["told", "row"])
    next_ = pd.merge_asof(
        left, right.sort_values(["then", "customer_id"]), left_on="told", right_on="then", by="customer_id", direction="forward",
        allow_exact_matches=False, tolerance=pd.Timedelta(days=AFTER),
    ).set_index("row").sort_index()  # fmt: skip
    over = next_["told"] + pd.Timedelta(days=AFTER) <= pd.Timestamp(tables.as_of)
    return np.where(over, next_["then"].notna().astype(float), np.nan)


@dataclass(frozen=True)
class ProductOpinions:
    """What customers say of products, by category.

    ``table``: one row per category with `LEAST` opinions or more, most complaints per line first: category, opinions,
    mean_satisfaction with its 95 % interval (opinion_low, opinion_high; missing where nobody was asked), opinion_complaints,
    opinion_complaint_rate (order lines of the category).
    """

    table: pd.DataFrame
    nameless: int
    as_of: dt.date

    def headline(self) -> str:
        """The category that is complained about most often."""
        top = self.table.iloc[0]
        if top["opinion_complaints"] == 0:
            return _("No category with {n} opinions or more has been complained about").format(n=LEAST)
        return _("{category} is complained about most often: {rate} complaints in 1,000 order lines").format(
            category=language.value("products.category", top["category"]), rate=language.number(top["opinion_complaint_rate"], 1)
        )

    def note(self) -> str:
        """Base."""
        out = _(
            "Opinions: feedback that names a product; categories with {least} and more. Complaints in 1,000 order lines of the "
            "category. Satisfaction: mean answer where asked, 95% interval. Who is content seldom writes."
        ).format(least=LEAST)
        if self.nameless:
            out += " " + ngettext(
                "{n} opinion on a product of unknown category is left out.",
                "{n} opinions on products of unknown category are left out.",
                self.nameless,
            ).format(n=language.number(self.nameless))
        return out

    def finding(self) -> Finding:
        """The category that is complained about most often."""
        top = self.table.iloc[0]
        return Finding(
            key="profiling.most_complained_category",
            value=float(top["opinion_complaint_rate"]),
            unit="count",
            display=language.number(top["opinion_complaint_rate"], 1),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Look at what is said of it under pain points before changing anything.")
            if top["opinion_complaints"]
            else _("Go on asking: praise and silence look alike here."),
            confidence="medium" if top["opinion_complaints"] >= FEW else "low",
        )


@needs("feedback.product_id", "feedback.feedback_type", "order_lines.product_id", "products.category", answers=ANSWERS_GOODS)
def product_opinions(tables: Tables) -> ProductOpinions | NotAvailable:
    """Opinions on products by category; `NotAvailable` where no category has `LEAST` of them.

    Source of the interval: normal, mean and standard error of the answers.
    """
    named = tables.products.filter(tables.products.category.notnull()).select("product_id", "category")
    told = tables.feedback.filter(tables.feedback.product_id.notnull())
    about = told.join(named, "product_id")
    score = about.satisfaction.cast("float64") if "satisfaction" in about.columns else about.feedback_type.try_cast("float64")
    found = frame(
        about.group_by("category").aggregate(
            opinions=about.count(), asked=score.count(), mean_satisfaction=score.mean().round(9), _sd=score.std().round(9),
            opinion_complaints=about.feedback_type.lower().isin(COMPLAINT).sum(),
        ),
        by=["category"],
    )  # fmt: skip
    lines = tables.order_lines.join(named, "product_id")
    sold = frame(lines.group_by("category").aggregate(lines=lines.count()), by=["category"])
    found = found[found["opinions"] >= LEAST].merge(sold, on="category")
    if found.empty:
        return NotAvailable((), _(ANSWERS_GOODS), reason=_("no category has {n} opinions.").format(n=LEAST))
    half = 1.96 * found["_sd"] / np.sqrt(found["asked"].where(found["asked"] > 1))
    found["opinion_low"], found["opinion_high"] = found["mean_satisfaction"] - half, found["mean_satisfaction"] + half
    found["opinion_complaint_rate"] = 1000 * found["opinion_complaints"] / found["lines"]
    found = found.sort_values(["opinion_complaint_rate", "category"], ascending=[False, True], ignore_index=True).head(TOLD)
    order = [
        "category", "opinions", "mean_satisfaction", "opinion_low", "opinion_high", "opinion_complaints",
        "opinion_complaint_rate",
    ]  # fmt: skip
    nameless = int(told.count().to_pandas()) - int(about.count().to_pandas())
    return ProductOpinions(found[order], nameless, tables.as_of)
