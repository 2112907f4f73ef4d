"""Need groups: customers who show a need for what a product does, for its price, or for service."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.contract.questions import FUNCTIONAL, IMPORTANCE, parsed
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _
from fivestep.segmentation.purchases import purchases, window_start

ANSWERS = N_("which customers need function, which price and which service")
FUNCTION, PRICE, SERVICE = N_("Function"), N_("Price"), N_("Service")
SEVERAL, NO_SIGN = N_("Several needs"), N_("No sign")
NEEDS = {FUNCTION: "needs_function", PRICE: "needs_price", SERVICE: "needs_service"}
GROUPS = (*NEEDS, SEVERAL, NO_SIGN)
HALF = 0.5  # share of orders on discount, or of lines of dearer items, from which it is a sign
EVERYWHERE = 0.8  # share of all orders on discount from which a discount tells nothing of a customer
DEARER = 1.25  # times the usual price of the category: whoever pays it buys what the item can do
SEARCHES = 3  # searches in the window from which a customer looks for something certain
SERVICE_TYPES = ("complaint", "inquiry", "投诉", "投訴", "咨询", "諮詢")
WISHES = ("suggestion", "建议", "建議")
INBOUND = ("inbound", "呼入", "来电", "來電")
PRICE_WORDS = ("price", "discount", "voucher", "coupon", "cheap", "价", "價", "优惠", "優惠", "折扣", "券")
SERVICE_WORDS = (
    "service", "staff", "friendly", "pickup", "delivery", "fast", "waiting", "queue", "seats", "服务", "服務", "配送", "取餐",
    "等候", "排队", "排隊", "座位",
)  # fmt: skip
LIKES = ("like", "i like it", "喜欢", "喜歡", "我喜欢", "我喜歡")


@dataclass(frozen=True)
class NeedSigns:
    """What customers who bought in the window show that they need.

    ``table``: one row per customer, by customer_id: need_group, needs_function, needs_price, needs_service (booleans), spend.
    ``signs``: one row per sign that the data can show: need_group, sign, customers. ``absent``: signs that it cannot.
    """

    table: pd.DataFrame
    signs: pd.DataFrame
    absent: tuple[str, ...]
    window_days: int
    as_of: dt.date

    def groups(self) -> pd.DataFrame:
        """One row per group, empty ones included: need_group, customers, shares, spend per customer, the signs behind it."""
        grouped = self.table.groupby("need_group")["spend"].agg(["size", "sum"]).reindex(GROUPS, fill_value=0)
        size, spend = grouped["size"].to_numpy(), grouped["sum"].to_numpy(dtype=float)
        seen = self.signs[self.signs["customers"] > 0]
        write = _("{sign} ({n})")
        told = {
            need: language.listing(
                [write.format(sign=_(s), n=language.number(n)) for s, n in zip(rows["need_sign"], rows["customers"], strict=True)]
            )
            for need, rows in seen.groupby("need_group")
        }
        return pd.DataFrame({
            "need_group": list(GROUPS),
            "customers": size,
            "share_of_customers": size / len(self.table),
            "share_of_spend": spend / spend.sum() if spend.sum() > 0 else np.nan,
            "spend_per_customer": spend / np.where(size > 0, size, np.nan),
            "signs_seen": [told.get(g) for g in GROUPS],
        })  # fmt: skip

    def headline(self) -> str:
        """How many show each need."""
        n = {need: language.percent(self.table[column].mean()) for need, column in NEEDS.items()}
        return _("{function} of customers show a need for function, {price} for price, {service} for service").format(
            function=n[FUNCTION], price=n[PRICE], service=n[SERVICE]
        )

    def note(self) -> str:
        """Base, rules, and what the data cannot show."""
        out = _(
            "Base: {n} customers with an order in the {days} days to {day}. Price: half of the orders or more on discount, a "
            "complaint about the price, or first in a survey. Function: half of the order lines or more of items at least a "
            "quarter dearer than usual in their category, {searches} searches or more, a suggestion, or first in a survey. "
            "Service: a complaint or inquiry, a call of the customer, or first in a survey. Who shows several needs counts in "
            "that group; "
            "the customers behind a sign may show others too."
        ).format(
            n=language.number(len(self.table)), days=language.number(self.window_days), day=language.day(self.as_of),
            searches=language.number(SEARCHES),
        )  # fmt: skip
        if self.absent:
            lacking = _("The data cannot show: {signs}.").format(signs=language.listing([_(s) for s in self.absent]))
            out = f"{out} {lacking}"
        return out

    def finding(self) -> Finding:
        """How many customers show no need, and the most frequent need."""
        share = {need: float(self.table[column].mean()) for need, column in NEEDS.items()}
        most = min(share, key=lambda need: (-round(share[need], 9), list(NEEDS).index(need)))
        silent = float((self.table["need_group"] == NO_SIGN).mean())
        so_what = {
            FUNCTION: _("Show what a product does before what it costs: no need is shown by more customers."),
            PRICE: _("Keep offers for those who need them: no need is shown by more customers."),
            SERVICE: _("Answer first: no need is shown by more customers."),
        }
        return Finding(
            key="segmentation.most_shown_need",
            value=share[most],
            unit="share",
            display=language.percent(share[most]),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=so_what[most] if share[most] > 0 else _("Ask customers what they need: the data shows no sign of it."),
            confidence="low" if silent > HALF else "medium",
            assumptions=(_("A sign is what a customer did or said; who shows none may need any of the three."),),
        )


@needs("orders.customer_id", "orders.order_date", "orders.order_amount", answers=ANSWERS)
def need_signs(tables: Tables, *, window_days: int = 365) -> NeedSigns | NotAvailable:
    """Classify the customers who bought in the last *window_days* days by what they need: function, price, service.

    Signs: orders on discount (none where `EVERYWHERE` of all orders carry one), price of the items against the usual price of
    their category, searches, feedback, inbound contacts, the subject a respondent rates first. `NotAvailable` where nobody bought
    or the data can show fewer than two of the three needs.
    """
    bought = purchases(tables, window_days=window_days)
    bought = bought[bought["frequency"] > 0]
    table = bought[["customer_id", "monetary"]].rename(columns={"monetary": "spend"}).reset_index(drop=True)
    found = _signs(tables, window_days)
    shown = [(need, sign, ids) for need, sign, ids in found if ids is not None]
    if table.empty or len({need for need, _sign, _found in shown}) < 2:
        reason = _("nobody bought in the window, or the data can show fewer than two of the three needs.")
        return NotAvailable((), _(ANSWERS), reason=reason)
    for need, column in NEEDS.items():
        of_need = set().union(*(ids for which, _sign, ids in shown if which == need))
        table[column] = table["customer_id"].isin(of_need)
    flags = table[list(NEEDS.values())].to_numpy()
    only = np.array(list(NEEDS), dtype=object)[flags.argmax(axis=1)]
    table["need_group"] = np.select([flags.sum(axis=1) > 1, ~flags.any(axis=1)], [SEVERAL, NO_SIGN], only)
    base = set(table["customer_id"])
    return NeedSigns(
        table=table[["customer_id", "need_group", *NEEDS.values(), "spend"]],
        signs=pd.DataFrame({
            "need_group": [need for need, _sign, _ids in shown],
            "need_sign": [sign for _need, sign, _ids in shown],
            "customers": [len(ids & base) for _need, _sign, ids in shown],
        }),
        absent=tuple(sign for _need, sign, ids in found if ids is None),
        window_days=window_days,
        as_of=tables.as_of,
    )  # fmt: skip


def _signs(tables: Tables, window_days: int) -> list[tuple[str, str, set[str] | None]]:
    """Need, sign, and the customers who show it; None where the data cannot show the sign."""
    asked = _first_in_survey(tables)
    start = window_start(tables, window_days)
    return [
        (FUNCTION, N_("Dearer items"), _of_dearer_items(tables, start)),
        (FUNCTION, N_("Searches"), _searching(tables, start)),
        (FUNCTION, N_("Suggestions"), _of_feedback(tables, start, WISHES)),
        (FUNCTION, N_("First in a survey: function"), asked.get(FUNCTION)),
        (PRICE, N_("Orders on discount"), _on_discount(tables, start)),
        (PRICE, N_("Complaints about the price"), _about_price(tables, start)),
        (PRICE, N_("First in a survey: price"), asked.get(PRICE)),
        (SERVICE, N_("Complaints and inquiries"), _of_feedback(tables, start, SERVICE_TYPES)),
        (SERVICE, N_("Calls of customers"), _calling(tables, start)),
        (SERVICE, N_("First in a survey: service"), asked.get(SERVICE)),
    ]


def _ids(expression) -> set[str]:
    return set(expression.select("customer_id").distinct().to_pandas()["customer_id"])


def _on_discount(tables: Tables, start: dt.datetime) -> set[str] | None:
    if tables.missing("orders.discount_amount"):
        return None
    orders = tables.orders.filter(
        tables.orders.customer_id.notnull(), tables.orders.order_date >= start, tables.orders.order_amount >= 0
    )
    found = frame(
        orders.group_by("customer_id").aggregate(n=orders.count(), on=(orders.discount_amount > 0).fill_null(False).sum()),
        by=["customer_id"],
    )
    everywhere = found["on"].sum() / max(found["n"].sum(), 1)
    if everywhere == 0 or everywhere >= EVERYWHERE:
        return None
    return set(found.loc[found["on"] / found["n"] >= HALF, "customer_id"])


def _of_dearer_items(tables: Tables, start: dt.datetime) -> set[str] | None:
    if tables.missing("order_lines.quantity", "order_lines.line_amount", "order_lines.product_id", "products.category"):
        return None
    lines = tables.order_lines
    lines = lines.filter(lines.customer_id.notnull(), lines.order_date >= start, lines.line_amount > 0, lines.quantity > 0)
    named = tables.products.filter(tables.products.category.notnull()).select("product_id", "category")
    lines = lines.join(named, "product_id")
    granted = lines.line_discount if "line_discount" in lines.columns else lines.line_amount - lines.line_amount
    listed = (lines.line_amount + granted.fill_null(0)).cast("float64") / lines.quantity.cast("float64")
    priced = lines.select("customer_id", "category", log=listed.ln().round(9))
    usual = priced.group_by("category").aggregate(usual=priced.log.median().round(9))
    dearer = priced.join(usual, "category")
    found = frame(
        dearer.group_by("customer_id").aggregate(
            all=dearer.count(), dear=(dearer.log - dearer.usual >= float(np.log(DEARER)) - 1e-6).sum()
        ),
        by=["customer_id"],
    )
    return set(found.loc[found["dear"] >= HALF * found["all"], "customer_id"])


def _searching(tables: Tables, start: dt.datetime) -> set[str] | None:
    if tables.missing("events.customer_id", "events.search_term"):
        return None
    events = tables.events.filter(tables.events.customer_id.notnull(), tables.events.occurred_at >= start)
    looked = events.filter(events.search_term.notnull())
    counted = looked.group_by("customer_id").aggregate(n=looked.count())
    return _ids(counted.filter(counted.n >= SEARCHES))


def _of_feedback(tables: Tables, start: dt.datetime, types: tuple[str, ...]) -> set[str] | None:
    if tables.missing("feedback.customer_id", "feedback.feedback_type"):
        return None
    told = tables.feedback.filter(tables.feedback.customer_id.notnull(), tables.feedback.created_at >= start)
    return _ids(told.filter(told.feedback_type.lower().isin(types)))


def _about_price(tables: Tables, start: dt.datetime) -> set[str] | None:
    if tables.missing("feedback.customer_id", "feedback.cause"):
        return None
    told = tables.feedback.filter(tables.feedback.customer_id.notnull(), tables.feedback.created_at >= start)
    return _ids(told.filter(told.cause.lower().re_search("|".join(PRICE_WORDS)).fill_null(False)))


def _calling(tables: Tables, start: dt.datetime) -> set[str] | None:
    if tables.missing("interactions.customer_id", "interactions.direction", "interactions.campaign_id"):
        return None
    contacts = tables.interactions.filter(tables.interactions.occurred_at >= start, tables.interactions.campaign_id.isnull())
    return _ids(contacts.filter(contacts.direction.lower().isin(INBOUND)))


def _first_in_survey(tables: Tables) -> dict[str, set[str]]:
    """Need -> respondents who put one of its subjects strictly first, of needs that the survey asks about; empty if none.

    A need that many subjects ask about is not held back by those that matter less: its first counts, not their mean. A wish
    counts 1 (functional question: like) or 0, an importance its score on the highest score given.
    """
    if tables.missing("survey.customer_id", "survey.answer"):
        return {}
    answers = tables.survey.filter(tables.survey.customer_id.notnull())
    fields = ["customer_id", "question_id", "answer", *(["score"] if "score" in answers.columns else [])]
    asked = frame(answers.select(*fields), by=["customer_id", "question_id", "answer"])
    read = {q: parsed(q) for q in asked["question_id"].unique()}
    kinds = {q: found[1] for q, found in read.items() if found and found[0] and found[1] in (FUNCTIONAL, IMPORTANCE)}
    asked = asked[asked["question_id"].isin(kinds)]
    if asked.empty:
        return {}
    importance = asked["question_id"].map(kinds) == IMPORTANCE
    scores = asked["score"].astype(float) if "score" in asked else pd.Series(np.nan, index=asked.index)
    top = max(float(scores[importance].max()) if importance.any() else 0.0, 1.0)
    wish = asked["answer"].str.strip().str.lower().isin(LIKES).astype(float)
    asked = asked.assign(
        weight=np.where(importance, scores / top, wish), need=[_need_of(read[q][0]) for q in asked["question_id"]]
    )
    first = asked.pivot_table(index="customer_id", columns="need", values="weight", aggfunc="max").round(9)
    best = first.max(axis=1)
    alone = first.eq(best, axis=0).sum(axis=1) == 1
    if first.shape[1] < 2:
        return {}
    return {need: set(first.index[alone & (first[need] == best)]) for need in NEEDS if need in first}


def _need_of(subject: str) -> str:
    said = subject.casefold()
    if any(word in said for word in PRICE_WORDS):
        return PRICE
    return SERVICE if any(word in said for word in SERVICE_WORDS) else FUNCTION
