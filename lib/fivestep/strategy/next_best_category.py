"""The category that each customer does not buy yet and is most likely to buy next, and how well that can be told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from fivestep import language
from fivestep.consent import consent_note, opted_out
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _

if TYPE_CHECKING:
    from scipy import sparse

TEST_DAYS = 28
SHOWN = 3  # categories named per customer
SIGNIFICANT = 0.05
FEW = 100  # below this many tested customers a hit rate says little
SIMILAR, POPULAR = N_("Similar categories"), N_("Most popular categories")
PLACES = ("next_best_category", "second_best_category", "third_best_category")
BATCH = 4_000_000  # scores held at once, so that memory does not grow with the base
ANSWERS = N_("which category each customer is likely to buy next")


@dataclass(frozen=True)
class NextBestCategory:
    """Recommendations by the better of two methods.

    ``table``: one row per customer who bought a known category in the window, by customer_id: next_best_category,
    second_best_category, third_best_category (raw; missing where nothing is left to recommend), opted_out. ``rates``:
    recommender, categories_shown, customers_tested, hits, hit_rate, hit_rate_low, hit_rate_high (95 %). ``recommender``: the
    method used; ``p_value``: of the difference of the methods with three categories shown. ``reach``: category -> customers who
    bought it in the window. ``unknown_lines``: share of the window's order lines without a category. ``first_day``, ``as_of``:
    the window; ``trained_from``, ``test_from``, ``test_to``: first days of the two periods of the test, and the last.
    ``asked``: whether the data says who has opted out of marketing. ``never``: whether some categories are ruled out.
    """

    table: pd.DataFrame
    rates: pd.DataFrame
    recommender: str
    p_value: float
    reach: pd.Series
    unknown_lines: float
    first_day: dt.date
    as_of: dt.date
    trained_from: dt.date
    test_from: dt.date
    test_to: dt.date
    asked: bool
    never: bool

    def evaluation(self) -> pd.DataFrame:
        """One row per method and number of categories shown, with the hit rate and its 95 % interval."""
        return self.rates

    def headline(self) -> str:
        """Whether similarity beats popularity, by the hit rate of three categories."""
        similar, popular = (self._rate(method)["hit_rate"] for method in (SIMILAR, POPULAR))
        values = {"similar": language.percent(similar, 1), "popular": language.percent(popular, 1)}
        if self.p_value >= SIGNIFICANT:
            return _(
                "No difference shows between recommending similar and popular categories: "
                "{similar} and {popular} of customers bought one of three"
            ).format(**values)
        if self.recommender == SIMILAR:
            return _(
                "Similar categories recommend better than popular ones: "
                "{similar} against {popular} of customers bought one of three"
            ).format(**values)
        return _(
            "Popular categories recommend better than similar ones: {popular} against {similar} of customers bought one of three"
        ).format(**values)

    def _rate(self, recommender: str) -> pd.Series:
        return self.rates[(self.rates["recommender"] == recommender) & (self.rates["categories_shown"] == SHOWN)].iloc[0]

    def note(self) -> str:
        """How the test was made, and on whom."""
        how = _(
            "Recommended from purchases of {first} to {before}, judged by those of {start} to {end}. A hit is a customer who "
            "bought one of the categories shown; what was bought in the first period is not shown. Intervals: 95 %, Wilson."
        ).format(
            first=language.day(self.trained_from),
            before=language.day(self.test_from - dt.timedelta(days=1)),
            start=language.day(self.test_from),
            end=language.day(self.test_to),
        )
        return f"{how} {self._evidence()}"

    def _evidence(self) -> str:
        tested = int(self._rate(POPULAR)["customers_tested"])
        base = language.ngettext(
            "Base: {n} customer with purchases in both periods.", "Base: {n} customers with purchases in both periods.", tested
        ).format(n=language.number(tested))
        difference = (
            _("Difference of the methods with three categories: exact McNemar test, p = {p}.").format(
                p=language.number(self.p_value, 3)
            )
            if self.p_value >= 0.001
            else _("Difference of the methods with three categories: exact McNemar test, p < 0.001.")
        )
        return f"{base} {difference}"

    def most_recommended(self, rows: int = 10) -> pd.DataFrame:
        """The *rows* categories most often next best, ties by name: category, recommended_to, its share, category_buyers."""
        return self._ranking().head(rows)

    def _ranking(self) -> pd.DataFrame:
        counts = self.table["next_best_category"].value_counts()
        out = pd.DataFrame({"category": counts.index.to_numpy(dtype=object), "recommended_to": counts.to_numpy(dtype=int)})
        out["share_recommended"] = out["recommended_to"] / max(int(counts.sum()), 1)
        out["category_buyers"] = out["category"].map(self.reach).astype(int)
        return out.sort_values(["recommended_to", "category"], ascending=[False, True]).reset_index(drop=True)

    def most_recommended_headline(self) -> str:
        """The category that is next best for most customers."""
        ranked = self._ranking()
        if ranked.empty:
            return _("Nothing is left to recommend: every customer buys every category already")
        top, n = ranked.iloc[0], int(ranked.iloc[0]["recommended_to"])
        first = int((ranked["recommended_to"] == n).sum())
        if first > 1:
            return language.ngettext(
                "{first} categories share first place: each is the next best for {n} customer",
                "{first} categories share first place: each is the next best for {n} customers",
                n,
            ).format(first=language.number(first), n=language.number(n))
        return language.ngettext(
            "“{category}” is the next-best category most often, for {n} customer who does not buy it yet",
            "“{category}” is the next-best category most often, for {n} customers who do not buy it yet",
            n,
        ).format(category=language.value("products.category", top["category"]), n=language.number(n))

    def most_recommended_note(self) -> str:
        """The method used, the window, and what is left out."""
        n = len(self.table)
        out = [
            language.ngettext(
                "Method used: {recommender}. Base: {n} customer with a purchase of a known category from {first} to {last}.",
                "Method used: {recommender}. Base: {n} customers with a purchase of a known category from {first} to {last}.",
                n,
            ).format(
                recommender=_(self.recommender),
                n=language.number(n),
                first=language.day(self.first_day),
                last=language.day(self.as_of),
            ),
            _("What a customer bought in these days is not recommended. Order lines without a known category: {share}.").format(
                share=language.percent(self.unknown_lines)
            ),
        ]
        if self.never:
            out.append(_("Categories that never_recommend in engagement.yml names are left out."))
        out.append(consent_note(int(self.table["opted_out"].sum()) if self.asked else None))
        return " ".join(out)

    def contacts(self) -> pd.DataFrame:
        """The list to work from, without those who opted out or buy everything: customer_id and up to three categories."""
        listed = self.table[~self.table["opted_out"] & self.table["next_best_category"].notna()]
        return listed[["customer_id", *PLACES]].reset_index(drop=True)

    def finding(self) -> Finding:
        """How often one of three recommended categories is bought within four weeks, and by which method."""
        rate = self._rate(self.recommender)
        n = int(rate["customers_tested"])
        few = language.ngettext("Only {n} customer could be tested.", "Only {n} customers could be tested.", n)
        return Finding(
            key="strategy.next_best_category_hit_rate",
            value=float(rate["hit_rate"]),
            unit="share",
            display=language.percent(rate["hit_rate"]),
            text=language.sentence(self.headline()),
            evidence=self._evidence(),
            so_what=(
                _("Use the most popular categories that a customer does not buy yet: no difference shows, and they are simpler.")
                if self.p_value >= SIGNIFICANT
                else _("Use the better method, and test what it adds by showing nothing to a random part of the customers.")
            ),
            confidence="medium" if n >= FEW else "low",
            warnings=(
                *((few.format(n=language.number(n)),) if n < FEW else ()),
                _("A hit shows that the customer would buy the category, not that a recommendation makes them buy it."),
            ),
            assumptions=(
                _("Similar categories: highest sum of the cosines with the categories that the customer bought."),
                _("Most popular categories: bought by most customers. What a customer bought in the window is not recommended."),
                _("The method with the higher hit rate is used if the difference is significant (5 %), else the popular one."),
            ),
        )


@needs(
    "order_lines.customer_id",
    "order_lines.product_id",
    "order_lines.order_date",
    "order_lines.line_amount",
    "products.category",
    answers=ANSWERS,
)
def next_best_category(tables: Tables, *, window_days: int = 365, never: Sequence[str] = ()) -> NextBestCategory | NotAvailable:
    """Recommend to each customer categories that they did not buy in the last *window_days* days.

    Two methods: item-item cosine on who bought what, and plain popularity. Both are tested on the last `TEST_DAYS` days, which
    they do not see; the better is used, popularity where an exact McNemar test finds no difference at 5 %. Equal scores are
    ordered by the name of the category. Excluded: lines without customer or category, returns (line amounts below zero), and the
    categories *never*. Too few days, or nobody to test: `NotAvailable`.

    Source: Sarwar, Karypis, Konstan, Riedl (2001), Item-based collaborative filtering; Deshpande, Karypis (2004), Item-based
    top-N recommendation; McNemar (1947); Wilson (1927).
    """
    from scipy import sparse

    test_from = tables.last_day - dt.timedelta(days=TEST_DAYS - 1)
    if (test_from - tables.first_day).days < TEST_DAYS:
        reason = _("the orders span fewer than {days} days, too few to test a recommendation.").format(
            days=language.number(2 * TEST_DAYS)
        )
        return NotAvailable((), _(ANSWERS), reason=reason)
    first_day = max(tables.first_day, tables.as_of - dt.timedelta(days=window_days - 1))
    trained_from = max(tables.first_day, test_from - dt.timedelta(days=window_days))
    pairs, unknown_lines = _bought(tables, never, window=first_day, train=trained_from, test=test_from)
    rows, customers = pd.factorize(pairs["customer_id"].astype(object), sort=True)
    places, names = pd.factorize(pairs["category"].astype(object), sort=True)

    def incidence(period: str) -> sparse.csr_matrix:
        chosen = pairs[period].to_numpy(dtype=bool)
        return sparse.csr_matrix((np.ones(chosen.sum()), (rows[chosen], places[chosen])), shape=(len(customers), len(names)))

    train, test, window = incidence("train"), incidence("test"), incidence("window")
    tested = np.flatnonzero((train.getnnz(axis=1) > 0) & (test.getnnz(axis=1) > 0))
    if not len(tested):
        reason = _("no customer bought a known category both in the last {days} days and before.").format(
            days=language.number(TEST_DAYS)
        )
        return NotAvailable((), _(ANSWERS), reason=reason)
    active = np.flatnonzero(window.getnnz(axis=1) > 0)
    if not len(active):
        reason = _("no customer bought a known category from {first} to {last}.").format(
            first=language.day(first_day), last=language.day(tables.as_of)
        )
        return NotAvailable((), _(ANSWERS), reason=reason)
    hits = {method: _hits(_ranked(train[tested], _scorer(method, train)), test[tested]) for method in (SIMILAR, POPULAR)}
    similar, popular = (hits[method][:, SHOWN - 1] for method in (SIMILAR, POPULAR))
    p_value = mcnemar(similar, popular)
    used = SIMILAR if p_value < SIGNIFICANT and similar.sum() > popular.sum() else POPULAR

    ranked = _ranked(window[active], _scorer(used, window))
    named = np.append(np.asarray(names, dtype=object), None)  # place -1: nothing is left to recommend
    table = pd.DataFrame({"customer_id": customers[active], **{place: named[ranked[:, i]] for i, place in enumerate(PLACES)}})
    refusing = opted_out(tables)
    table["opted_out"] = table["customer_id"].isin(refusing or ())
    return NextBestCategory(
        table,
        _rates(hits),
        used,
        p_value,
        pd.Series(window.getnnz(axis=0), index=names),
        unknown_lines,
        first_day,
        tables.as_of,
        trained_from,
        test_from,
        tables.last_day,
        refusing is not None,
        bool(never),
    )


def _bought(tables: Tables, never: Sequence[str], **since: dt.date) -> tuple[pd.DataFrame, float]:
    """Customer and category, and in which periods the one bought the other; share of the window's lines without a category."""
    start = {name: dt.datetime.combine(day, dt.time()) for name, day in since.items()}
    lines = tables.order_lines.select("customer_id", "product_id", "order_date", "line_amount")
    lines = lines.left_join(tables.products.select("product_id", "category"), "product_id")
    inside = lines.order_date >= start["window"]
    counts = lines.aggregate(lines=inside.sum(), unknown=(inside & lines.category.isnull()).sum()).to_pandas().iloc[0]
    kept = lines.filter(lines.customer_id.notnull() & lines.category.notnull() & (lines.line_amount >= 0))
    kept = kept.filter(kept.category.notin(list(never))) if never else kept
    when = kept.order_date
    pairs = kept.group_by("customer_id", "category").aggregate(
        window=(when >= start["window"]).any(),
        train=((when >= start["train"]) & (when < start["test"])).any(),
        test=(when >= start["test"]).any(),
    )
    pairs = pairs.filter(ibis._.window | ibis._.train | ibis._.test)
    share = float(counts["unknown"]) / float(counts["lines"]) if counts["lines"] > 0 else 0.0
    return frame(pairs, by=["customer_id", "category"]), share


def _scorer(method: str, bought: sparse.csr_matrix) -> Callable[[sparse.csr_matrix], np.ndarray]:
    """What turns rows of customers into scores of every category; a category that nobody bought scores below zero."""
    buyers = bought.getnnz(axis=0).astype(float)
    if method == POPULAR:
        return lambda rows: np.broadcast_to(np.where(buyers > 0, buyers, -1.0), rows.shape)
    lengths = np.sqrt(np.maximum(buyers, 1.0))
    cosines = (bought.T @ bought).toarray() / np.outer(lengths, lengths)
    # Rounded, so that scores that are equal by right do not differ by the order in which they were summed.
    return lambda rows: np.where(buyers > 0, np.round(rows @ cosines, 9), -1.0)


def _ranked(bought: sparse.csr_matrix, score: Callable[[sparse.csr_matrix], np.ndarray]) -> np.ndarray:
    """Per row the places of the best `SHOWN` categories not bought, -1 where there is none; ties in column order."""
    out = np.full((bought.shape[0], SHOWN), -1)
    size = max(BATCH // bought.shape[1], 1)
    for start in range(0, bought.shape[0], size):
        rows = bought[start : start + size]
        scores = np.array(score(rows), dtype=float)
        scores[rows.nonzero()] = -1.0
        best = np.argsort(-scores, axis=1, kind="stable")[:, :SHOWN]
        found = np.take_along_axis(scores, best, axis=1) >= 0
        out[start : start + size, : best.shape[1]] = np.where(found, best, -1)
    return out


def _hits(ranked: np.ndarray, bought: sparse.csr_matrix) -> np.ndarray:
    """Whether one of the first k categories was bought: one row per customer, one column per k."""
    found = bought[np.arange(len(ranked))[:, None], ranked].toarray() > 0
    return np.logical_or.accumulate(found & (ranked >= 0), axis=1)


def mcnemar(first: np.ndarray, second: np.ndarray) -> float:
    """Chance of so unlike hits of two methods on the same customers if neither were better; exact. Source: McNemar (1947)."""
    from scipy.stats import binomtest

    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    return float(binomtest(only_first, only_first + only_second).pvalue) if only_first + only_second else 1.0


def _rates(hits: dict[str, np.ndarray]) -> pd.DataFrame:
    from scipy.stats import binomtest

    rows = []
    for method, hit in hits.items():
        for shown in (1, SHOWN):
            k, n = int(hit[:, shown - 1].sum()), len(hit)
            interval = binomtest(k, n).proportion_ci(method="wilson")
            rows.append((method, shown, n, k, k / n, interval.low, interval.high))
    return pd.DataFrame(
        rows, columns=["recommender", "categories_shown", "customers_tested", "hits", "hit_rate", "hit_rate_low", "hit_rate_high"]
    )
