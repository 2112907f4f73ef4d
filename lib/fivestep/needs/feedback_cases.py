"""Feedback as cases: what kind each is, about what, whether it was answered and solved by the as-of date."""

from __future__ import annotations

import datetime as dt

import ibis
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame
from fivestep.language import N_, _
from fivestep.needs.survey import SCALES
from fivestep.privacy.masking import masked_text

COMPLAINT, INQUIRY, SUGGESTION, REVIEW, OTHER = (
    N_("Complaints"), N_("Inquiries"), N_("Suggestions"), N_("Reviews"), N_("Other feedback"),
)  # fmt: skip
KINDS = (COMPLAINT, INQUIRY, SUGGESTION, REVIEW, OTHER)
NAMES = dict(zip(KINDS, ("complaints", "inquiries", "suggestions", "reviews", "other_feedback"), strict=True))
WORDS = {
    COMPLAINT: ("complaint", "complaints", "claim", "投诉", "投訴", "客诉", "客訴", "抱怨"),
    INQUIRY: ("inquiry", "inquiries", "enquiry", "question", "request", "consultation", "咨询", "諮詢", "询问", "詢問", "查询"),
    SUGGESTION: ("suggestion", "suggestions", "idea", "proposal", "建议", "建議", "意见建议", "意見建議"),
    REVIEW: ("review", "reviews", "rating", "comment", "praise", "评价", "評價", "评论", "評論", "表扬", "表揚"),
}
# A status that says that nothing is left to do; "Closed with explanation" begins with such a word.
SOLVED = (
    *("resolved", "solved", "closed", "done", "complete", "finished", "implemented", "adopted", "fixed"),
    *(
        "已解决",
        "已解決",
        "已关闭",
        "已關閉",
        "已完成",
        "已处理",
        "已處理",
        "已办结",
        "已結案",
        "已采纳",
        "已採納",
        "完结",
        "结案",
    ),
)
DIMENSIONS = {
    "product": N_("Product"),
    "region": N_("Region"),
    "sales_rep": N_("Representative"),
    "department": N_("Department in charge"),
}
LABELS = {"product": "products.product_name", "region": "customers.region", "department": "feedback.department"}


def end_of(tables: Tables) -> dt.datetime:
    """The moment after the as-of date."""
    return dt.datetime.combine(tables.as_of + dt.timedelta(days=1), dt.time())


def level_label(dimension: str, level: str) -> str:
    """A product, region, representative or department as the reader sees it."""
    return language.value(LABELS[dimension], level) if dimension in LABELS else level


def cases(tables: Tables) -> ibis.Table:
    """Feedback, one row per case: feedback_id, customer_id, kind, created_at, responded_at, resolved_at, status, solved, product
    (its name, else its id), product_id, region (that of the case, else of the customer), sales_rep, department, cause,
    satisfaction, text; null where unknown.

    What happened after the as-of date has not happened: a case that was solved later is open. A case is solved where its
    solution has a time, or where its status says so. Kept in the engine while it is in use, as every section asks it often.
    """
    told, end = tables.feedback, ibis.literal(end_of(tables))
    columns = {c: or_null(told, c) for c in ("customer_id", "product_id", "region", "sales_rep", "department", "cause", "text")}
    columns = {c: ibis.ifelse(v.strip() == "", ibis.null("string"), v) for c, v in columns.items()}
    word = or_null(told, "feedback_type").strip()
    kind = ibis.cases(*((word.lower().isin(words), name) for name, words in WORDS.items()), else_=OTHER)
    resolved, responded = (or_null(told, c, "timestamp(6)") for c in ("resolved_at", "responded_at"))
    status = or_null(told, "status").strip()
    says = ibis.or_(*(status.lower().startswith(w) for w in SOLVED))
    out = told.select(
        "feedback_id",
        **columns,
        kind=kind,
        feedback_type=ibis.ifelse(word == "", ibis.null("string"), word),
        created_at=told.created_at.cast("timestamp(6)"),
        responded_at=ibis.ifelse(responded < end, responded, ibis.null("timestamp(6)")),
        resolved_at=ibis.ifelse(resolved < end, resolved, ibis.null("timestamp(6)")),
        solved=ibis.coalesce(ibis.ifelse(resolved.notnull(), resolved < end, says), False),
        status=status,
        satisfaction=or_null(told, "satisfaction", "float64").cast("float64"),
    )
    if not tables.missing("customers.region"):
        home = tables.customers.select(_customer="customer_id", _home="region")
        out = out.left_join(home, out.customer_id == home._customer)
        out = out.mutate(region=ibis.coalesce(out.region, out._home)).drop("_customer", "_home")
    if tables.missing("products.product_name"):
        return out.mutate(product=out.product_id).cache()
    names = tables.products.select(_product="product_id", _name="product_name")
    out = out.left_join(names, out.product_id == names._product)
    return out.mutate(product=ibis.coalesce(out._name, out.product_id)).drop("_product", "_name").cache()


# What `case_list` calls a column -> under which name a reader sees it.
LISTED = {
    "feedback_type": "stated_type",
    "cause": "complaint_cause",
    "product": "rated_product",
    "region": "rated_region",
    "department": "feedback_department",
    "status": "feedback_status",
    "created_on": "feedback_date",
    "answered_on": "answer_date",
    "solved_on": "solution_date",
    "days": "days_waiting",
    "text": "feedback_text",
}


def case_list(told: ibis.Table, tables: Tables) -> pd.DataFrame:
    """The *told* cases one by one, by id: feedback_id, customer_id, feedback_type (as the data has it), cause, product, region,
    sales_rep, department, created_on, answered_on, solved_on (days), status, solved, days (since it came in, or until it was
    solved; NaN where it is not known when), and text where engagement.yml allows it in lists.
    """
    texts = {"text": told.text} if "feedback_text" in tables.allowed else {}
    begin, end = told.created_at.epoch_seconds(), ibis.literal(end_of(tables)).epoch_seconds()
    until = ibis.ifelse(told.solved, told.resolved_at.epoch_seconds(), end)
    whole = ((until - begin) / 86_400).floor().cast("float64")
    dates = {"created_on": told.created_at, "answered_on": told.responded_at, "solved_on": told.resolved_at}
    out = frame(
        told.select(
            *("feedback_id", "customer_id", "feedback_type", "cause", "product", "region", "sales_rep", "department"),
            **{name: moment.date() for name, moment in dates.items()},
            status=told.status, solved=told.solved, days=whole, **texts,
        ),
        by=["feedback_id"],
    )  # fmt: skip
    return out.assign(**{name: pd.to_datetime(out[name]) for name in dates})


def masked_cases(table: pd.DataFrame) -> pd.DataFrame:
    """Cases with their texts masked, where they have them."""
    return table.assign(text=[masked_text(t) for t in table["text"]]) if "text" in table else table


def texts_note(table: pd.DataFrame) -> str:
    """Whether a list of cases says what was written."""
    if "text" in table:
        return _("Names and numbers in texts are masked as far as they can be recognised.")
    return _("It does not hold what was written, as sensitive_fields in engagement.yml does not name feedback_text.")


def complaints(told: ibis.Table) -> tuple[ibis.Table, bool]:
    """The complaints among the *told* cases, and whether the data names them.

    Where no case is called a complaint, whatever is no inquiry, suggestion or review counts as one.
    """
    named = bool(told.filter(told.kind == COMPLAINT).limit(1).count().to_pandas())
    return told.filter(told.kind == (COMPLAINT if named else OTHER)), named


def unnamed_note(named: bool) -> str:
    """Says that nothing was called a complaint; empty where the data names complaints."""
    return "" if named else _("No feedback is called a complaint: all that is no inquiry, suggestion or review counts as one.")


def score_scale(tables: Tables) -> tuple[float, float] | None:
    """The smallest usual scale that holds all scores of satisfaction in feedback; None where they tell nothing."""
    if tables.missing("feedback.satisfaction"):
        return None
    scores = tables.feedback.satisfaction
    low, high = (end.to_pandas() for end in (scores.min(), scores.max()))
    if language.absent(low) or not low < high:
        return None
    return next((s for s in SCALES if s[0] <= low and high <= s[1]), (float(low), float(high)))


def or_null(table: ibis.Table, column: str, kind: str = "string") -> ibis.Value:
    return table[column] if column in table.columns else ibis.null(kind)
