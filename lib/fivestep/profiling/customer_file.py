"""The file of one customer (basic information, purchases, interactions, social behaviour), and how complete all files are."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import pandas as pd

from fivestep import language
from fivestep.contract import SENSITIVE, TABLES
from fivestep.engine import Tables, frame, needs
from fivestep.errors import UserError
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, columns
from fivestep.profiling import age
from fivestep.profiling.contact_channels import SOCIAL
from fivestep.profiling.covered_months import period
from fivestep.profiling.interests import interest_label, interests_of
from fivestep.profiling.portrait import FIELDS
from fivestep.profiling.returns import is_return

ANSWERS = N_("what is known of one customer, and how complete the files of all customers are")
BASIC, PURCHASES, INTERACTIONS, SOCIAL_PART = (
    N_("Basic information"), N_("Purchases"), N_("Interactions"), N_("Social behaviour"),
)  # fmt: skip
LABELLED = (*FIELDS, "interests")  # fields that are registered as columns
# An item of basic information is known where any of these fields is.
BASICS = {
    N_("Gender"): ("gender",),
    N_("Age"): ("birth_date", "age", "age_band"),
    N_("Place"): ("city", "province", "region"),
    N_("Occupation"): ("occupation", "job_title"),
    N_("Interests"): ("interests",),
    N_("Registered on"): ("registered_at",),
}
# An item of the other parts is known where a table has a row of the customer, of certain contacts or events.
ITEMS = (
    (PURCHASES, N_("Products bought"), "order_lines", ""),
    (INTERACTIONS, N_("Telephone"), "interactions", r"call|phone|tel|电话|電話|呼"),
    (INTERACTIONS, N_("Written messages"), "interactions", r"mail|message|sms|wechat|chat|邮|郵|短信|消息|微信"),
    (INTERACTIONS, N_("Service and feedback"), "feedback", ""),
    (SOCIAL_PART, N_("Likes"), "events", SOCIAL["like"]),
    (SOCIAL_PART, N_("Comments"), "events", SOCIAL["comment"]),
    (SOCIAL_PART, N_("Shares"), "events", SOCIAL["share"]),
)
SHOWN_FIELDS = (
    "gender", "age_band", "country", "region", "province", "city", "occupation", "job_title", "interests",
    "customer_type", "industry", "company_size", "customer_level", "member_level", "source", "registered_at", "customer_status",
    "marketing_opt_out", *SENSITIVE,
)  # fmt: skip
HISTORY = 15
LEAST_PARTS = 3  # of the four: with fewer it is no file but a list of purchases


@dataclass(frozen=True)
class CustomerFile:
    """One customer, and the completeness of all.

    ``table``: one row per item of a file: file_part, file_item, customers (of whom it is known), share_of_customers.
    ``per_customer``: customer_id, file_score (mean over the four parts of the share of their items that are known, 0 to 1).
    ``card``: file_part, file_item, file_value (text) of the customer ``customer_id``. ``history``: file_day, file_kind,
    file_event, amount: the customer's latest orders, contacts, feedback and social events.
    """

    table: pd.DataFrame
    per_customer: pd.DataFrame
    customer_id: str
    card: pd.DataFrame
    history: pd.DataFrame
    first_day: dt.date
    as_of: dt.date

    def score(self) -> float:
        """The score of the customer whose file this is."""
        return float(self.per_customer.set_index("customer_id").loc[self.customer_id, "file_score"])

    def headline(self) -> str:
        """The mean completeness, and the part that is known least."""
        by = self.table.groupby("file_part", sort=False)["share_of_customers"].mean()
        least = by.idxmin()
        return _("The files are {share} complete on average; least is known of: {part} ({own})").format(
            share=language.percent(self.per_customer["file_score"].mean()), part=_(least), own=language.percent(by[least])
        )

    def card_headline(self) -> str:
        """Whose file it is and how complete."""
        return _("The file of customer {id} is {share} complete").format(
            id=self.customer_id, share=language.percent(self.score())
        )

    def history_headline(self) -> str:
        """How many of the customer's latest events are shown."""
        return _("The latest {n} events of customer {id}").format(n=language.number(len(self.history)), id=self.customer_id)

    def note(self) -> str:
        """Base and definition of the score."""
        return _(
            "Base: {n} customers, {period}. Score: share of the items that are known, mean of the four parts. A contact or "
            "social "
            "event that is not known may not have happened. Names and contact details lie apart and do not count."
        ).format(n=language.number(len(self.per_customer)), period=period(self.first_day, self.as_of))

    def card_note(self) -> str:
        """Why this customer, and who may see the page."""
        return _(
            "An example: the most complete file, then the most orders. It describes one person: give this page only to those who "
            "may see such files. Another customer: customer_file(tables, customer_id)."
        )

    def finding(self) -> Finding:
        """The mean completeness."""
        mean = float(self.per_customer["file_score"].mean())
        gaps = self.table[self.table["share_of_customers"] < 0.5]["file_item"]
        return Finding(
            key="profiling.file_completeness",
            value=mean,
            unit="share",
            display=language.percent(mean),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Ask first for what is known of fewer than half: {items}.").format(
                items=language.listing([_(i) for i in gaps.head(5)])
            )
            if len(gaps)
            else _("Every item is known of half of the customers or more: keep it up to date."),
            confidence="high",
        )


@needs("customers.customer_id", "orders.customer_id", "orders.order_amount", "orders.order_date", answers=ANSWERS)
def customer_file(tables: Tables, customer_id: str = "") -> CustomerFile | NotAvailable:
    """The file of one customer, by default of the one with the most complete file, and the completeness of all.

    Basic information, purchases (orders, products, payment), interactions (telephone, written messages, service) and social
    behaviour (likes, comments, shares). What customers wrote or said is not shown. Raises UserError where the customer is not in
    the table.
    """
    known = _known(tables)
    items = [c for c in known.columns if c not in ("customer_id", "_orders")]
    told = {c.split("/", 1)[0] for c in items if known[c].any()}
    if len(told) < LEAST_PARTS:
        lacking = ("customers.gender", "interactions.channel", "feedback.customer_id", "events.event_type")
        return NotAvailable(tables.missing(*lacking), _(ANSWERS))
    parts = dict(c.split("/", 1)[::-1] for c in items)
    n = len(known)
    table = pd.DataFrame(
        {
            "file_part": [parts[c.split("/", 1)[1]] for c in items],
            "file_item": [c.split("/", 1)[1] for c in items],
            "customers": [int(known[c].sum()) for c in items],
        }
    )
    table["share_of_customers"] = table["customers"] / n
    by_part = {p: [c for c in items if c.startswith(f"{p}/")] for p in dict.fromkeys(table["file_part"])}
    score = sum(known[cs].mean(axis=1) for cs in by_part.values()) / len(by_part)
    scores = pd.DataFrame({"customer_id": known["customer_id"], "file_score": score.round(9)})
    if not customer_id:
        order = scores.assign(o=known["_orders"]).sort_values(["file_score", "o", "customer_id"], ascending=[False, False, True])
        customer_id = order["customer_id"].iloc[0]
    elif customer_id not in set(scores["customer_id"]):
        raise UserError(
            _("customer_file: customers has no customer_id {customer_id!r}. Ids are pseudonyms, as in the tables.").format(
                customer_id=customer_id
            )
        )
    card, history = _card(tables, customer_id), _history(tables, customer_id)
    return CustomerFile(table, scores, customer_id, card, history, tables.first_day, tables.as_of)


def _known(tables: Tables) -> pd.DataFrame:
    """customer_id, one boolean column ``part/item`` per item, and the number of orders; sorted by customer."""
    customers = tables.customers
    out = {"customer_id": customers.customer_id}
    for item, fields in BASICS.items():
        there = [customers[f].notnull() for f in fields if f in customers.columns]
        out[f"{BASIC}/{item}"] = there[0] if there else ibis.literal(False)
        for more in there[1:]:
            out[f"{BASIC}/{item}"] = out[f"{BASIC}/{item}"] | more
    known = frame(customers.select(**out).distinct(on="customer_id", keep="first"), by=["customer_id"])
    orders = tables.orders.filter(~is_return(tables.orders))
    counted = {"_orders": orders.count()}
    if "payment_method" in orders.columns:
        counted["_paid"] = orders.payment_method.count()
    bought = frame(orders.group_by("customer_id").aggregate(**counted), by=["customer_id"])
    known = known.merge(bought.dropna(subset="customer_id"), on="customer_id", how="left")
    known["_orders"] = known["_orders"].fillna(0).astype(int)
    known[f"{PURCHASES}/Orders"] = known["_orders"] > 0
    known[f"{PURCHASES}/Payment method"] = known.pop("_paid").fillna(0) > 0 if "_paid" in known else False
    for part, item, name, told in ITEMS:
        known[f"{part}/{item}"] = known["customer_id"].isin(_who(tables, name, told))
    return known


def _who(tables: Tables, name: str, told: str | tuple[str, ...] = "") -> set[str]:
    """Customers with a row of a table: contacts whose type or channel matches a pattern, events of certain types."""
    if tables.missing(f"{name}.customer_id"):
        return set()
    rows = getattr(tables, name)
    if name == "interactions":
        there = [rows[c].lower().re_search(told).fill_null(False) for c in ("channel", "interaction_type") if c in rows.columns]
        if not there:
            return set()
        rows = rows.filter(there[0] | there[-1])
    elif name == "events":
        rows = rows.filter(rows.event_type.lower().strip().isin(told))
    who = rows.filter(rows.customer_id.notnull()).select("customer_id").distinct()
    return set(who.to_pandas()["customer_id"])


def _card(tables: Tables, customer_id: str) -> pd.DataFrame:
    fields = [f for f in SHOWN_FIELDS if not tables.missing(f"customers.{f}")]
    own = tables.customers.filter(tables.customers.customer_id == customer_id)
    row = frame(own.select("customer_id", *fields), by=["customer_id", *fields]).iloc[0]
    rows = [
        (
            BASIC,
            columns.column(f).label if f in LABELLED else TABLES["customers"].fields[f].description,
            _written(tables, f, customer_id, row[f]),
        )
        for f in fields
    ]
    if (years := age.age_of(tables)) is not None:
        found = frame(tables.customers.filter(tables.customers.customer_id == customer_id).select(age=years), by=["age"])
        rows.insert(0, (BASIC, N_("Age"), language.number(found["age"].iloc[0])))
    orders = tables.orders.filter(tables.orders.customer_id == customer_id)
    back = is_return(orders)
    bought = orders.filter(~back)
    sums = frame(
        orders.aggregate(
            n=(~back).sum().fill_null(0), spend=orders.order_amount.sum().fill_null(0),
            first=orders.order_date.min(where=~back), last=orders.order_date.max(where=~back),
        ),
        by=["n"],
    ).iloc[0]  # fmt: skip
    n = int(sums["n"])
    rows += [
        (PURCHASES, N_("Orders"), language.number(n)),
        (PURCHASES, N_("Spend"), language.money(sums["spend"], 2)),
        (PURCHASES, N_("Spend per order"), language.money(sums["spend"] / n, 2) if n else language.MISSING),
        (PURCHASES, N_("First order"), language.day(sums["first"])),
        (PURCHASES, N_("Last order"), language.day(sums["last"])),
    ]
    if n > 1:
        days = (sums["last"] - sums["first"]).days / (n - 1)
        rows.append((PURCHASES, N_("Days between orders, mean"), language.number(days, 1)))
    for field, label in (
        ("payment_method", N_("Most used payment method")),
        ("channel", N_("Most used sales channel")),
        ("store", N_("Most used store")),
    ):
        if field in bought.columns:
            rows.append((PURCHASES, label, _most(bought, field, f"orders.{field}")))
    if not tables.missing("order_lines.product_id", "products.category"):
        lines = tables.order_lines.filter(tables.order_lines.customer_id == customer_id)
        products = tables.products.select(_product=tables.products.product_id, category=tables.products.category)
        rows.append(
            (
                PURCHASES,
                N_("Most bought category"),
                _most(lines.inner_join(products, lines.product_id == products._product), "category", "products.category"),
            )
        )
    for name, part, label, field in (
        ("interactions", INTERACTIONS, N_("Contacts"), "channel"),
        ("feedback", INTERACTIONS, N_("Feedback"), "feedback_type"),
        ("events", SOCIAL_PART, N_("Online events"), "event_type"),
    ):
        if not tables.missing(f"{name}.customer_id", f"{name}.{field}"):
            own = getattr(tables, name).filter(getattr(tables, name).customer_id == customer_id)
            rows.append((part, label, _counted(own, field, f"{name}.{field}")))
    return pd.DataFrame(rows, columns=["file_part", "file_item", "file_value"])


def _written(tables: Tables, field: str, customer_id: str, raw: object) -> str:
    if language.absent(raw):
        return _("Unknown")
    kind = TABLES["customers"].fields[field].type
    if field == "interests":
        held = interests_of(tables).filter(ibis._.customer_id == customer_id).order_by("interest").to_pandas()
        return language.listing([interest_label(i) for i in held["interest"]])
    if kind in ("date", "timestamp"):
        return language.day(raw)
    if kind == "money":
        return language.money(float(raw))
    if kind == "boolean":
        return _("yes") if raw else _("no")
    return language.number(raw) if kind == "integer" else language.value(f"customers.{field}", raw)


def _ranked(rows: ibis.Table, field: str) -> pd.DataFrame:
    rows = rows.filter(rows[field].notnull())
    counted = frame(rows.group_by(field).aggregate(n=rows.count()), by=[field])
    return counted.sort_values(["n", field], ascending=[False, True])


def _most(rows: ibis.Table, field: str, labels: str) -> str:
    found = _ranked(rows, field)
    return language.value(labels, found[field].iloc[0] if len(found) else None)


def _counted(rows: ibis.Table, field: str, labels: str) -> str:
    found = _ranked(rows, field).head(6)
    said = [
        _("{what} ({n})").format(what=language.value(labels, v), n=language.number(k))
        for v, k in zip(found[field], found["n"], strict=True)
    ]
    return language.listing(said) if said else _("none known")


def _history(tables: Tables, customer_id: str) -> pd.DataFrame:
    """The customer's latest orders, contacts, feedback and social events, latest first."""
    parts = []
    for name, kind, time, what in (
        ("orders", N_("Order"), "order_date", "channel"),
        ("interactions", N_("Contact"), "occurred_at", "channel"),
        ("feedback", N_("Feedback"), "created_at", "feedback_type"),
        ("events", N_("Social event"), "occurred_at", "event_type"),
    ):
        if tables.missing(f"{name}.customer_id", f"{name}.{time}"):
            continue
        rows = getattr(tables, name)
        rows = rows.filter((rows.customer_id == customer_id) & rows[time].notnull())
        if name == "events":
            rows = rows.filter(rows.event_type.lower().strip().isin([w for words in SOCIAL.values() for w in words]))
        key = TABLES[name].key[0]
        cells = {"moment": rows[time].cast("timestamp"), "key": rows[key]}
        cells["what"] = rows[what] if what in rows.columns else ibis.null("string")
        cells["amount"] = rows.order_amount.cast("float64") if name == "orders" else ibis.null("float64")
        latest = frame(rows.select(**cells).order_by(ibis.desc("moment"), "key").limit(HISTORY), by=["moment", "key"])
        said = ["" if language.absent(v) else language.value(f"{name}.{what}", v) for v in latest["what"]]
        parts.append(latest.assign(file_kind=kind, file_event=said))
    filled = [p for p in parts if len(p)]
    if not filled:
        return pd.DataFrame(columns=["file_day", "file_kind", "file_event", "file_amount"])
    out = pd.concat([p.astype({"amount": float}) for p in filled]).sort_values(
        ["moment", "file_kind", "key"], ascending=[False, True, True]
    )
    out = out.head(HISTORY).rename(columns={"amount": "file_amount"}).assign(file_day=lambda f: f["moment"].dt.normalize())
    return out[["file_day", "file_kind", "file_event", "file_amount"]].reset_index(drop=True)
