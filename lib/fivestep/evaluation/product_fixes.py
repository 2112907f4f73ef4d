"""What long-standing customers say of each product, and whether what was complained of has been mended."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.evaluation.purchases import purchases
from fivestep.evaluation.voice_trend import COMPLAINTS
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import Z, welch
from fivestep.language import N_, _

OLD = 365  # days since the first order, from which a customer is a long-standing one
DAYS = 182  # whole weeks: complaints in them, against as long before
LEAST = 5  # complaints in both together, from which a change is tested
FALSE_DISCOVERY_RATE = 0.05
LARGEST = 15
SUGGESTIONS = ("suggestion", "suggestions", "建议", "建議", "意见", "意見")
MENDED, WORSE, GOES_ON, FEW, NONE = (
    N_("Mended: clearly fewer complaints"), N_("Worse: clearly more complaints"), N_("Goes on"), N_("Too few to tell"),
    N_("No complaint"),
)  # fmt: skip
QUESTION = N_("what long-standing customers say of the products, and whether faults were mended")


@dataclass(frozen=True)
class ProductFixes:
    """Feedback about products.

    ``table``: one row per product with feedback of a long-standing customer or a complaint in the last `DAYS` days or in as many
    before, most complaints first: product (raw name or id), old_ratings and old_satisfaction (mean score of long-standing
    customers) with its interval, old_suggestions and old_complaints (of them, all time), open_cases (complaints and suggestions
    of anybody without a solution), complaints and complaints_before (of anybody), rate and rate_before (per 1,000 order lines of
    the product), fix_verdict. ``old`` and ``others``: number, mean and variance of the scores of long-standing customers and of
    the others.
    """

    table: pd.DataFrame
    old: tuple[float, float, float]
    others: tuple[float, float, float]

    def shown(self) -> pd.DataFrame:
        """As the reader sees it: the `LARGEST` products."""
        t = self.table.head(LARGEST)
        t = t.assign(product=[language.value("products.product_name", p) for p in t["product"]])
        names = {c: f"fix_{c}" for c in ("product", "complaints", "complaints_before", "rate", "rate_before")}
        return t.rename(columns=names | {"open_cases": "fix_open"})

    def headline(self) -> str:
        """Which products are mended, and which are not."""
        counts = self.table["fix_verdict"].value_counts()
        if not counts.get(MENDED, 0) + counts.get(GOES_ON, 0) + counts.get(WORSE, 0):
            return _("No product has complaints enough to tell whether its faults were mended")
        return _("Products with clearly fewer complaints than before: {mended}; clearly more: {worse}; going on: {on}").format(
            mended=language.number(counts.get(MENDED, 0)),
            worse=language.number(counts.get(WORSE, 0)),
            on=language.number(counts.get(GOES_ON, 0)),
        )

    def old_headline(self) -> str:
        """Whether long-standing customers are more satisfied than others."""
        (n, mean, variance), (m, other, spread) = self.old, self.others
        if n < 2 or m < 2:
            return _("Too few scores to compare long-standing customers with others")
        low, high = welch(n, mean, variance, m, other, spread)
        words = {
            "old": language.number(mean, 2),
            "n": language.number(n),
            "other": language.number(other, 2),
            "m": language.number(m),
        }
        if low > 0:
            return _("Long-standing customers are more satisfied ({old}, {n} scores) than others ({other}, {m} scores)").format(
                **words
            )
        if high < 0:
            return _("Long-standing customers are less satisfied ({old}, {n} scores) than others ({other}, {m} scores)").format(
                **words
            )
        return _(
            "Long-standing customers are as satisfied ({old}, {n} scores) as others ({other}, {m} scores), as far as can be told"
        ).format(**words)

    def note(self) -> str:
        """Who is long-standing, and what counts as mended."""
        return _(
            "Long-standing: first order at least {old} days before the feedback. Satisfaction: mean score as given, 95% "
            "interval from {least} scores on. "
            "Complaints: of everybody, in the last {days} days and in as many before, per 1,000 order lines of the product; "
            "changes where both hold {least} or more, by the exact test of two Poisson rates (false discovery rate {rate}). Who "
            "writes is not everybody: a survey of a drawn sample says more."
        ).format(
            old=language.number(OLD),
            days=language.number(DAYS),
            least=language.number(LEAST),
            rate=language.percent(FALSE_DISCOVERY_RATE, 0),
        )

    def finding(self) -> Finding:
        """The product with most complaints, and whether it was mended."""
        row = self.table.iloc[0]
        product, verdict = language.value("products.product_name", row["product"]), row["fix_verdict"]
        going = self.table[self.table["fix_verdict"].isin([GOES_ON, WORSE])]
        return Finding(
            key="evaluation.products_with_faults_that_go_on",
            value=float(len(going)),
            unit="count",
            display="",
            text=language.sentence(self.headline()),
            evidence=_("{product}: {now} complaints, {before} before ({verdict}).").format(
                product=product,
                now=language.number(row["complaints"]),
                before=language.number(row["complaints_before"]),
                verdict=_(verdict),
            )
            + " "
            + language.sentence(self.old_headline()),
            so_what=_("Name for each product whose complaints go on who mends it and by when, and look here again.")
            if len(going)
            else _("Keep asking: silence is no proof that nothing is wrong."),
            confidence="medium" if len(going) or (self.table["fix_verdict"] == MENDED).any() else "low",
            assumptions=(self.note(),),
        )


@needs("feedback.customer_id", "feedback.product_id", "feedback.feedback_type", "order_lines.product_id", answers=QUESTION)
def product_fixes(tables: Tables) -> ProductFixes | NotAvailable:
    """Scores, suggestions and complaints by product, and how complaints changed against order lines of the product.

    Sources: Przyborowski and Wilenski (1940), the conditional test of two Poisson rates; Benjamini and Hochberg (1995).
    """
    from scipy.stats import binomtest, false_discovery_control

    told, bought = tables.feedback, purchases(tables.orders)
    first = bought.group_by(buyer="customer_id").aggregate(first=bought.order_date.date().min())
    fields = {
        "kind": told.feedback_type.strip().lower(),
        "score": told.satisfaction.cast("float64") if "satisfaction" in told.columns else ibis.null("float64"),
        "solved": told.resolved_at.date() <= ibis.literal(tables.as_of)
        if "resolved_at" in told.columns
        else ibis.null("boolean"),
    }
    told = told.select("feedback_id", "customer_id", "product_id", day=told.created_at.date(), **fields)
    joined = told.left_join(first, told.customer_id == first.buyer)
    rows = frame(joined.mutate(age=joined.day.delta(joined["first"], unit="day")), by=["feedback_id"])
    rows["old"] = rows["age"] >= OLD
    means = [_moments(rows["score"][rows["old"] == old].dropna()) for old in (True, False)]
    rows = rows[rows["product_id"].notna()]
    ago = (pd.Timestamp(tables.as_of) - pd.to_datetime(rows["day"])).dt.days
    complaint, suggestion = rows["kind"].isin(COMPLAINTS), rows["kind"].isin(SUGGESTIONS)
    score = rows["score"].where(rows["old"])
    counted = pd.DataFrame(
        {
            "product_id": rows["product_id"],
            "old_ratings": score.notna(),
            "old_suggestions": rows["old"] & suggestion,
            "old_complaints": rows["old"] & complaint,
            "open_cases": (complaint | suggestion) & ~rows["solved"].eq(True),
            "complaints": complaint & (ago < DAYS),
            "complaints_before": complaint & (ago >= DAYS) & (ago < 2 * DAYS),
        }
    )
    table = counted.groupby("product_id").sum().astype(int)
    grouped = score.groupby(rows["product_id"])
    table["old_satisfaction"], spread = grouped.mean(), grouped.std(ddof=1)
    half = Z * spread / np.sqrt(table["old_ratings"].where(table["old_ratings"] >= LEAST))
    table["old_low"], table["old_high"] = table["old_satisfaction"] - half, table["old_satisfaction"] + half
    table = table[(table[["old_ratings", "old_suggestions", "complaints", "complaints_before"]] > 0).any(axis=1)]
    if table.empty:
        return NotAvailable((), _(QUESTION), reason=_("no feedback of these days names a product."))
    table = table.join(_lines(tables)).fillna({"lines": 0.0, "lines_before": 0.0})
    for name in ("", "_before"):
        table[f"rate{name}"] = 1000 * table[f"complaints{name}"] / table[f"lines{name}"].where(table[f"lines{name}"] > 0)
    both, lines = table["complaints"] + table["complaints_before"], table["lines"] + table["lines_before"]
    tested = (both >= LEAST) & (table["lines"] > 0) & (table["lines_before"] > 0)
    chance = pd.Series(1.0, index=table.index)
    for i in table.index[tested]:
        chance[i] = binomtest(int(table["complaints"][i]), int(both[i]), float(table["lines"][i] / lines[i])).pvalue
    if tested.any():
        chance[tested] = false_discovery_control(chance[tested], method="bh")
    clear = tested & (chance <= FALSE_DISCOVERY_RATE)
    fewer = table["rate"] < table["rate_before"]
    table["fix_verdict"] = np.select([clear & fewer, clear, tested, both > 0], [MENDED, WORSE, GOES_ON, FEW], NONE)
    names = _names(tables)
    table["product"] = [names.get(p, p) for p in table.index]
    table = table.assign(most=-both).sort_values(["most", "product_id"]).reset_index(drop=True)
    columns = [
        "product",
        "old_ratings",
        "old_satisfaction",
        "old_low",
        "old_high",
        "old_suggestions",
        "old_complaints",
        "open_cases",
    ]
    return ProductFixes(
        table[[*columns, "complaints", "complaints_before", "rate", "rate_before", "fix_verdict"]], means[0], means[1]
    )


def _moments(scores: pd.Series) -> tuple[float, float, float]:
    return float(len(scores)), float(scores.mean()), float(scores.var(ddof=1))


def _lines(tables: Tables) -> pd.DataFrame:
    """Order lines by product_id in the last `DAYS` days and in as many before."""
    sold = tables.order_lines.filter(tables.order_lines.product_id.notnull())
    since = dt.datetime.combine(tables.as_of - dt.timedelta(days=2 * DAYS - 1), dt.time())
    middle = dt.datetime.combine(tables.as_of - dt.timedelta(days=DAYS - 1), dt.time())
    sold = sold.filter(sold.order_date >= since)
    counted = sold.group_by("product_id").aggregate(
        lines=(sold.order_date >= middle).sum(), lines_before=(sold.order_date < middle).sum()
    )
    return frame(counted, by=["product_id"]).set_index("product_id").astype(float)


def _names(tables: Tables) -> dict[str, str]:
    if tables.missing("products.product_name"):
        return {}
    known = tables.products.filter(tables.products.product_name.notnull()).select("product_id", "product_name")
    return dict(frame(known, by=["product_id"]).itertuples(index=False))
