"""What each customer may still need, told from baskets, from what was looked at and from what was said; and what fits it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from fivestep import language
from fivestep.consent import consent_note, opted_out
from fivestep.engine import Tables, frame
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _
from fivestep.needs import journeys
from fivestep.needs.feedback_cases import COMPLAINT, INQUIRY, SUGGESTION, cases, score_scale
from fivestep.needs.lines import lines_by
from fivestep.needs.pain_points import DEFECT, INFORMATION, PRICE, SERVICE, UNKNOWN, pain_class
from fivestep.needs.rules import Rules, rules
from fivestep.needs.unbought import SEARCHED, Unbought, looked_at

YEAR = 365  # days before the as-of date that count
HABIT = 2  # orders with the left side of a rule that make it a habit
RULES = 20  # strongest rules that are looked through
TEST_DAYS = 28
FEW = 30  # needs of a source below which nothing is said of how many came true
BOUGHT_WITH, LOOKED_AT, TOLD = N_("Bought with what the customer buys"), N_("Looked at or searched for"), N_("Told the company")
SOURCES = (BOUGHT_WITH, LOOKED_AT, TOLD)
PRODUCT, OTHER = N_("Product"), N_("Another need")
KINDS = {
    DEFECT: PRODUCT,
    INFORMATION: N_("Clear information"),
    SERVICE: N_("Better service"),
    PRICE: N_("Lower price"),
    UNKNOWN: OTHER,
}

_ANSWERS = N_("what each customer may still need beside what is bought, and which product fits that need")


@dataclass(frozen=True)
class CustomerNeeds:
    """Needs that orders have not met, customer by customer.

    ``table``: one row per customer, source and need, by customer_id: customer_id, latent_source (`SOURCES`), latent_kind
    (product, information, service, price or another), latent_need (category, product, term or cause), latent_reason (why it is
    thought so), matching_product (to offer; None where a case has to be solved first). ``test``: by source latent_source,
    needs_named (28 days ago), needs_bought since, bought_share with low and high (95 %), others_share (of customers who had not
    bought the same either and of whom it was not named, at the same mix). ``base``: customers with an order in the last 365
    days. ``left_out``: customers who have opted out, None where the data does not say.
    """

    table: pd.DataFrame
    test: pd.DataFrame
    base: int
    left_out: int | None
    as_of: dt.date

    def sources(self) -> pd.DataFrame:
        """One row per source and kind: customers, the most frequent need, and the product that fits it."""
        rows = []
        for source in SOURCES:
            part = self.table[self.table["latent_source"] == source]
            for kind, some in part.groupby("latent_kind"):
                counts = some.groupby("latent_need")["customer_id"].nunique().reset_index()
                top = counts.sort_values(["customer_id", "latent_need"], ascending=[False, True]).iloc[0]["latent_need"]
                fits = some.loc[some["latent_need"] == top, "matching_product"].iloc[0]
                rows.append((source, kind, some["customer_id"].nunique(), _said(source, kind, top), _product(fits)))
        columns = ["latent_source", "latent_kind", "customers", "latent_need", "matching_product"]
        out = pd.DataFrame(rows, columns=columns)
        place = out["latent_source"].map({s: k for k, s in enumerate(SOURCES)})
        return out.assign(place=place).sort_values(
            ["place", "customers", "latent_kind"], ascending=[True, False, True], ignore_index=True
        ).drop(columns="place")  # fmt: skip

    def contacts(self) -> pd.DataFrame:
        """The list to work with."""
        rows = self.table
        return rows.assign(
            latent_need=[_said(*r) for r in zip(rows["latent_source"], rows["latent_kind"], rows["latent_need"], strict=True)],
            matching_product=[_product(p) for p in rows["matching_product"]],
        )

    def headline(self) -> str:
        """How many customers have a need that is known and not met."""
        n = self.table["customer_id"].nunique()
        counts = self.table.groupby("latent_source")["customer_id"].nunique()
        said = [
            _("{source}: {n}").format(source=_(s), n=language.number(int(counts.get(s, 0)))) for s in SOURCES if counts.get(s, 0)
        ]
        if not n:
            return _("No customer has a need that baskets, looks or words tell and orders have not met")
        return _("{n} customers have a need that orders have not met ({sources})").format(
            n=language.number(n), sources=language.listing(said)
        )

    def test_headline(self) -> str:
        """Whether needs named four weeks ago were bought more often than by others."""
        known = self.test[self.test["needs_named"] >= FEW]
        if known.empty:
            return _("Too few needs could be named four weeks ago to test them")
        better = known[known["bought_low"] > known["others_share"]]
        top = (better if len(better) else known).sort_values(["bought_share", "latent_source"], ascending=[False, True]).iloc[0]
        words = {
            "source": _(top.latent_source),
            "share": language.percent(top["bought_share"], 1),
            "others": language.percent(top["others_share"], 1),
        }
        if len(better):
            return _("“{source}”: {share} of the needs named four weeks ago were bought since, by others {others}").format(
                **words
            )
        return _(
            "“{source}”: {share} of the needs named four weeks ago were bought since, no more than by others: {others}"
        ).format(**words)

    def note(self) -> str:
        """The three sources."""
        return _(
            "Base: {n} customers with an order in {days} days. Bought with: the left side of one of the {rules} strongest rules "
            "of two in {habit} orders or more, the right side never. Looked at: in 90 days, not bought since. Told: a complaint, "
            "inquiry or suggestion that is not solved, or whose customer is still dissatisfied. The product that fits is the one "
            "looked at, or the one most customers buy of the category or term."
        ).format(
            n=language.number(self.base),
            days=language.number(YEAR),
            rules=language.number(RULES),
            habit=language.number(HABIT),
        ) + " " + consent_note(self.left_out)  # fmt: skip

    def test_note(self) -> str:
        """How it was tested."""
        return _(
            "Needs as they would have been named on {day}, and what was bought in the {days} days since. Others: customers with "
            "an order in the year before of whom it was not named, for a category only those who had never bought it, weighted "
            "to the same needs. What is told has no test: whether a case is solved is not an order."
        ).format(day=language.day(self.as_of - dt.timedelta(days=TEST_DAYS)), days=language.number(TEST_DAYS))

    def finding(self) -> Finding:
        """Customers with a need that orders have not met."""
        n = int(self.table["customer_id"].nunique())
        known = self.test[self.test["needs_named"] >= FEW]
        proven = bool((known["bought_low"] > known["others_share"]).any())
        return Finding(
            key="needs.customers_with_unmet_need",
            value=float(n),
            unit="count",
            display=language.number(n),
            text=language.sentence(self.headline()),
            evidence=language.sentence(self.test_headline()) + " " + self.note(),
            so_what=_("Offer what fits to a part drawn by chance and compare; solve what was told before anything is offered.")
            if n
            else _("There is nobody to ask."),
            confidence="medium" if proven else "low",
            warnings=(_("A need is inferred: it is a reason to ask, not a promise to buy."),),
        )


def _said(source: str, kind: str, need: str) -> str:
    if source == BOUGHT_WITH:
        return language.value("products.category", need)
    if source == LOOKED_AT:
        return language.value("products.product_name", need)
    if need in (COMPLAINT, INQUIRY, SUGGESTION):
        return _(need)
    return language.value("products.product_name" if kind == PRODUCT else "feedback.cause", need)


def _product(name: object) -> str | None:
    return None if language.absent(name) else language.value("products.product_name", name)


def customer_needs(
    tables: Tables,
    found: Rules | NotAvailable,
    looked: Unbought | NotAvailable,
    *,
    steps: Mapping[str, tuple[str, ...]] = journeys.STEPS,
    never: Iterable[str] = (),
) -> CustomerNeeds | NotAvailable:
    """Needs from the *found* rules, from what was *looked* at and from feedback, with a product for each, and their test.

    Either of the two may be absent; categories in *never* are not named. Who has opted out of marketing is left out.
    """
    if lacking := tables.missing("order_lines.product_id", "order_lines.customer_id", "products.category"):
        return NotAvailable(lacking, _(_ANSWERS))
    never = frozenset(never)
    bought = _bought(tables)
    if bought.empty:
        return NotAvailable((), _(_ANSWERS), reason=_("no customer has bought a product of a known category."))
    popular = _popular(tables)
    parts = [_by_rules(found, bought, popular, never), _by_looks(looked, popular), _by_words(tables)]
    table = pd.concat(parts, ignore_index=True)
    refused = opted_out(tables)
    refusing = table["customer_id"].isin(refused or ())
    left_out = None if refused is None else int(table.loc[refusing, "customer_id"].nunique())
    place = table["latent_source"].map({s: k for k, s in enumerate(SOURCES)})
    table = table.assign(place=place)[~refusing].sort_values(["customer_id", "place", "latent_need"], ignore_index=True)
    return CustomerNeeds(
        table.drop(columns="place"), _tested(tables, found, looked, steps, never),
        bought["customer_id"].nunique(), left_out, tables.as_of,
    )  # fmt: skip


COLUMNS = ["customer_id", "latent_source", "latent_kind", "latent_need", "latent_reason", "matching_product"]


def _bought(tables: Tables) -> pd.DataFrame:
    """customer_id, category, orders (of the last 365 days; 0 where all are older), of customers with an order in them."""
    lines = lines_by(tables, "category")
    lines = lines.filter(lines.bought & lines.customer_id.notnull() & lines.category.notnull())
    recent = lines.order_date >= dt.datetime.combine(tables.as_of - dt.timedelta(days=YEAR - 1), dt.time())
    each = lines.group_by("customer_id", "category").aggregate(orders=lines.order_id.nunique(where=recent))
    out = frame(each, by=["customer_id", "category"])
    return out[out.groupby("customer_id")["orders"].transform("sum") > 0].reset_index(drop=True)


def _popular(tables: Tables) -> pd.DataFrame:
    """product_id, name (id where it has none), category, by customers of the last 365 days, most first."""
    lines = tables.order_lines
    begin = dt.datetime.combine(tables.as_of - dt.timedelta(days=YEAR - 1), dt.time())
    lines = lines.filter(lines.customer_id.notnull() & (lines.line_amount >= 0) & (lines.order_date >= begin))
    counts = lines.group_by("product_id").aggregate(customers=lines.customer_id.nunique())
    product = tables.products
    name = product.product_name if "product_name" in product.columns else ibis.null("string")
    named = product.select("product_id", "category", name=ibis.coalesce(name, product.product_id))
    out = frame(counts.inner_join(named, "product_id"), by=["product_id"])
    return out.sort_values(["customers", "product_id"], ascending=[False, True], ignore_index=True)


def _pairs(found: Rules | NotAvailable, bought: pd.DataFrame, never: frozenset[str]) -> pd.DataFrame:
    """customer_id, item_a, consequent, confidence, orders: habits whose other half the customer has never bought."""
    columns = ["customer_id", "item_a", "consequent", "confidence", "orders"]
    if isinstance(found, NotAvailable) or found.level != "category":
        return pd.DataFrame(columns=columns)
    strong = found.found()
    strong = strong[strong["item_b"].isna() & ~strong["consequent"].isin(never)].head(RULES)
    habits = bought[bought["orders"] >= HABIT].merge(
        strong[["item_a", "consequent", "confidence"]], left_on="category", right_on="item_a"
    )
    had = bought[["customer_id", "category"]].rename(columns={"category": "consequent"})
    open_ = habits.merge(had, on=["customer_id", "consequent"], how="left", indicator=True)
    open_ = open_[open_["_merge"] == "left_only"]
    # A need is named once, by the rule that says most.
    open_ = open_.sort_values(["customer_id", "consequent", "confidence", "item_a"], ascending=[True, True, False, True])
    return open_.drop_duplicates(["customer_id", "consequent"])[columns].reset_index(drop=True)


def _by_rules(found: Rules | NotAvailable, bought: pd.DataFrame, popular: pd.DataFrame, never: frozenset[str]) -> pd.DataFrame:
    rows = _pairs(found, bought, never)
    best = popular.drop_duplicates("category").set_index("category")["name"]
    reasons = [
        _("{n} orders with {item}; {share} of all such orders hold it").format(
            n=language.number(row.orders),
            item=language.value("products.category", row.item_a),
            share=language.percent(row.confidence),
        )
        for row in rows.itertuples()
    ]
    return pd.DataFrame({
        "customer_id": rows["customer_id"], "latent_source": BOUGHT_WITH, "latent_kind": PRODUCT,
        "latent_need": rows["consequent"], "latent_reason": reasons,
        "matching_product": rows["consequent"].map(best).astype(object),
    })  # fmt: skip


def _by_looks(looked: Unbought | NotAvailable, popular: pd.DataFrame) -> pd.DataFrame:
    if isinstance(looked, NotAvailable):
        return pd.DataFrame(columns=COLUMNS)
    rows = looked.table
    said = (popular["name"].fillna("") + "\n" + popular["category"].fillna("")).str.lower()
    fits = {
        t: popular.loc[said.str.contains(t, regex=False), "name"]
        for t in rows.loc[rows["wish_kind"] == SEARCHED, "wish"].unique()
    }
    first = {term: names.iloc[0] if len(names) else None for term, names in fits.items()}
    reasons = [
        (_("searches: {n}, the last on {day}") if kind == SEARCHED else _("looks: {n}, the last on {day}")).format(
            n=language.number(n), day=language.day(day)
        )
        for kind, n, day in zip(rows["wish_kind"], rows["times"], rows["last_on"], strict=True)
    ]
    return pd.DataFrame({
        "customer_id": rows["customer_id"], "latent_source": LOOKED_AT, "latent_kind": PRODUCT, "latent_need": rows["wish"],
        "latent_reason": reasons,
        "matching_product": [
            first[w] if kind == SEARCHED else w for kind, w in zip(rows["wish_kind"], rows["wish"], strict=True)
        ],
    })  # fmt: skip


def _by_words(tables: Tables) -> pd.DataFrame:
    """Complaints, inquiries and suggestions of the last 365 days that are not solved, or left the customer dissatisfied."""
    if tables.missing("feedback.customer_id"):
        return pd.DataFrame(columns=COLUMNS)
    told = cases(tables)
    begin = dt.datetime.combine(tables.as_of - dt.timedelta(days=YEAR - 1), dt.time())
    scale = score_scale(tables)
    unhappy = (told.satisfaction < sum(scale) / 2).fill_null(False) if scale else ibis.literal(False)
    kept = told.kind.isin([COMPLAINT, INQUIRY, SUGGESTION]) & (told.created_at >= begin) & (~told.solved | unhappy)
    rows = frame(
        told.filter(told.customer_id.notnull() & kept).select(
            "feedback_id", "customer_id", "kind", "product", "cause", "text", "solved", day=told.created_at.date()
        ),
        by=["feedback_id"],
    )
    about = rows["cause"].where(rows["cause"].notna(), rows["text"])
    classes = [INFORMATION if kind == INQUIRY else pain_class(said) for kind, said in zip(rows["kind"], about, strict=True)]
    kinds = pd.Series([KINDS[c] for c in classes], index=rows.index, dtype=object)
    need = rows["product"].fillna(rows["cause"]).where(kinds == PRODUCT, rows["cause"].fillna(rows["product"]))
    reasons = [
        (_("{kind} of {day}, solved, still dissatisfied") if solved else _("{kind} of {day}, not solved")).format(
            kind=_(kind), day=language.day(day)
        )
        for kind, day, solved in zip(rows["kind"], rows["day"], rows["solved"], strict=True)
    ]
    out = pd.DataFrame({
        "customer_id": rows["customer_id"], "latent_source": TOLD, "latent_kind": kinds,
        "latent_need": need.fillna(rows["kind"]), "latent_reason": reasons, "matching_product": None,
    })  # fmt: skip
    return out.drop_duplicates(["customer_id", "latent_kind", "latent_need"], keep="last")


def _tested(tables, found, looked, steps, never) -> pd.DataFrame:
    """What became of the needs that would have been named 28 days ago."""
    columns = ["latent_source", "needs_named", "needs_bought", "bought_share", "bought_low", "bought_high", "others_share"]
    cut = tables.as_of - dt.timedelta(days=TEST_DAYS)
    if cut <= tables.first_day:
        return pd.DataFrame(columns=columns)
    then = tables.until(cut)
    rows = []
    lines = tables.order_lines
    late = lines.filter(
        lines.customer_id.notnull() & (lines.line_amount >= 0)
        & (lines.order_date >= dt.datetime.combine(cut + dt.timedelta(days=1), dt.time()))
    )  # fmt: skip
    had = _bought(then)
    if not isinstance(found, NotAvailable) and found.level == "category":
        earlier = rules(then, largest=2)
        named = _pairs(earlier, had, never)[["customer_id", "consequent"]].set_axis(["customer_id", "need"], axis=1)
        since = late.inner_join(tables.products.select("product_id", need="category"), "product_id")
        rows.append((BOUGHT_WITH, *_came_true(named, had.rename(columns={"category": "need"}), since, had["customer_id"])))
    if not isinstance(looked, NotAvailable):
        *_rest, wished = looked_at(then, steps)
        named = frame(wished.select("customer_id", need="product_id"), by=["customer_id", "need"])
        rows.append((LOOKED_AT, *_came_true(named, None, late.mutate(need=late.product_id), had["customer_id"])))
    return pd.DataFrame([r for r in rows if r[1]], columns=columns)


def _came_true(
    named: pd.DataFrame, had: pd.DataFrame | None, since: ibis.Table, everybody: pd.Series
) -> tuple[int, int, float, float, float, float]:
    """Needs named and bought *since*, with the interval of their share, and the share of others at the same mix of needs.

    Others are those of *everybody* of whom a need was not named and who had not *had* it.
    """
    people = pd.Index(everybody.unique())
    named = named[named["customer_id"].isin(people)]
    if named.empty:
        return 0, 0, np.nan, np.nan, np.nan, np.nan
    wanted = since.filter(since.need.isin(sorted(named["need"].unique())))
    after = frame(wanted.select("customer_id", "need").distinct(), by=["customer_id", "need"])
    after = after[after["customer_id"].isin(people)]
    hit = len(named.merge(after, on=["customer_id", "need"]))
    apart = named if had is None else pd.concat([named, had[["customer_id", "need"]]]).drop_duplicates()
    apart = apart[apart["need"].isin(named["need"])]
    fresh = after.merge(apart, on=["customer_id", "need"], how="left", indicator=True)
    bought = fresh[fresh["_merge"] == "left_only"].groupby("need").size()
    others = len(people) - apart.groupby("need").size()
    rate = (bought.reindex(others.index).fillna(0) / others.where(others > 0)).fillna(0.0)
    low, high = wilson(hit, len(named))
    return len(named), hit, hit / len(named), float(low), float(high), float(named["need"].map(rate).mean())
