"""Products to show beside a product, and whether they foretell what customers buy next better than the best sellers do."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import Z
from fivestep.language import N_, _

if TYPE_CHECKING:
    from scipy import sparse

TEST_DAYS = 28
PRODUCTS = 2000  # most bought, so that memory stays small
FEWEST = 10  # customers of a product, and of two products together
BESIDE = 3  # products shown beside one
LENGTHS = (5, 10, 20)  # of the lists that are tested
FEW = 100  # tested customers
BATCH = 2000
SHOWN = 15
BESIDE_IT, BEST_SELLERS = N_("Products beside it"), N_("Best sellers")

_ANSWERS = N_("which products to show beside a product, and whether that is better than showing the best sellers")


@dataclass(frozen=True)
class SimilarProducts:
    """Products that the same customers buy.

    ``table``: one row per product and place: product_id, product_name, place (1 to 3), shown_id, shown_name, customers_of_both,
    product_similarity (cosine of the two sets of customers). ``test``: product_list, list_length, customers_with_new, recall
    (mean share of the products that a customer newly bought in the last 28 days and that were on the customer's list),
    recall_low, recall_high (95 %), list_coverage (share of all products that are on some list). ``difference``: by list_length
    the mean difference of the recalls of one customer with its 95 % interval. ``products``: how many took part.
    """

    table: pd.DataFrame
    test: pd.DataFrame
    difference: pd.DataFrame
    products: int
    test_from: dt.date
    test_to: dt.date

    def shown(self, n: int = SHOWN) -> pd.DataFrame:
        """The *n* strongest neighbours, two names once."""
        out = self.table.sort_values(["product_similarity", "product_id", "shown_id"], ascending=[False, True, True])
        names = pd.Series(
            [tuple(sorted(pair)) for pair in zip(out["product_name"], out["shown_name"], strict=True)], dtype=object
        )
        out = out[~names.duplicated().to_numpy()].head(n)
        out = out.rename(columns={"product_name": "beside_product", "shown_name": "product_beside"})
        return out[["beside_product", "product_beside", "customers_of_both", "product_similarity"]].reset_index(drop=True)

    @property
    def better(self) -> int:
        """1 where the products beside it foretell more than the best sellers with ten shown, -1 where less, 0 where unclear."""
        row = self.difference.set_index("list_length").loc[10]
        return int(row["low"] > 0) - int(row["high"] < 0)

    def headline(self) -> str:
        """Which list foretells more."""
        rows = self.test[self.test["list_length"] == 10].set_index("product_list")["recall"]
        values = {"a": language.percent(rows[BESIDE_IT], 1), "b": language.percent(rows[BEST_SELLERS], 1)}
        if self.better > 0:
            return _("Products beside those bought foretell {a} of the next new ones, the best sellers {b}").format(**values)
        if self.better < 0:
            return _(
                "The best sellers foretell {b} of the next new products, more than the products beside those bought: {a}"
            ).format(**values)
        return _("Products beside those bought and best sellers foretell about as many of the next new ones: {a} and {b}").format(
            **values
        )

    def shown_headline(self) -> str:
        """The strongest neighbour."""
        if self.table.empty:
            return _("No two products that are called otherwise have {n} customers in common").format(n=language.number(FEWEST))
        row = self.shown(1).iloc[0]
        return _("Nearest to each other: {a} and {b}").format(
            a=language.value("products.product_name", row["beside_product"]),
            b=language.value("products.product_name", row["product_beside"]),
        )

    def note(self) -> str:
        """How it was tested."""
        return _(
            "{n} products bought by at least {fewest} customers. Tested on what customers bought for the first time from "
            "{first} to {last}, from lists made of what was bought before; products already bought are on neither list. "
            "Similarity: cosine of the customers of two products. Products of one name are not shown beside each other."
        ).format(
            n=language.number(self.products),
            fewest=language.number(FEWEST),
            first=language.day(self.test_from),
            last=language.day(self.test_to),
        )

    def finding(self) -> Finding:
        """Recall of ten products against that of the best sellers."""
        row = self.difference.set_index("list_length").loc[10]
        tested = int(self.test["customers_with_new"].iloc[0])
        return Finding(
            key="needs.similar_products_recall_gain",
            value=float(row["mean"]),
            unit="share",
            display=language.percent(row["mean"], 1),
            text=language.sentence(self.headline()),
            evidence=_("Difference with ten shown, of {n} customers: {mean}, 95% interval {low} to {high}.").format(
                n=language.number(tested),
                mean=language.percent(row["mean"], 1),
                low=language.percent(row["low"], 1),
                high=language.percent(row["high"], 1),
            )
            + " "
            + self.note(),
            so_what=_("Show these products beside each other, and test it against the best sellers before it is kept.")
            if self.better > 0
            else _("Show the best sellers: on these data nothing finer is proven to be better."),
            confidence="medium" if tested >= FEW else "low",
            warnings=(_("Recall on past orders says what customers would have found anyway, not what showing it changes."),),
        )


@needs("order_lines.product_id", "order_lines.customer_id", answers=_ANSWERS)
def similar_products(tables: Tables) -> SimilarProducts | NotAvailable:
    """The three nearest products of each that have another name, and an offline test of lists of them against the best sellers.

    Similarity is the cosine between the sets of customers of two products (Sarwar et al. 2001; implicit data as Deshpande and
    Karypis 2004); a customer's list is ranked by the sum over what the customer bought. Tested are customers who bought before
    the last 28 days and something new in them; recall is the mean over customers, its interval normal. Not available under 100
    such customers.
    """
    test_from = tables.as_of - dt.timedelta(days=TEST_DAYS - 1)
    lines = tables.order_lines
    bought = lines.line_amount >= 0
    if "quantity" in lines.columns:
        bought &= lines.quantity.isnull() | (lines.quantity > 0)
    lines = lines.filter(bought & lines.customer_id.notnull() & lines.product_id.notnull())
    held_back = lines.order_date >= dt.datetime.combine(test_from, dt.time())
    each = lines.group_by("customer_id", "product_id").aggregate(late=held_back.all(), new=held_back.any())
    counts = each.group_by("product_id").aggregate(customers=each.count())
    counts = frame(counts.filter(counts.customers >= FEWEST), by=["product_id"])
    counts = counts.sort_values(["customers", "product_id"], ascending=[False, True]).head(PRODUCTS)
    products = np.array(sorted(counts["product_id"]), dtype=object)
    if len(products) < 2 * LENGTHS[1]:
        return NotAvailable((), _(_ANSWERS), reason=_("fewer than {n} products have ten customers.").format(n=2 * LENGTHS[1]))
    codes = ibis.memtable(pd.DataFrame({"product_id": products, "product": np.arange(len(products), dtype=np.int32)}))
    people = each.select("customer_id").distinct()
    people = people.select("customer_id", person=ibis.row_number().over(order_by="customer_id").cast("int32"))
    cells = each.inner_join(codes, "product_id").inner_join(people, "customer_id").select("person", "product", "late")
    cells = frame(cells, by=["person", "product"])
    everything, before = _matrix(cells, len(products)), _matrix(cells[~cells["late"]], len(products))
    late = cells[cells["late"]]
    tested = np.intersect1d(late["person"].unique(), np.flatnonzero(np.diff(before.indptr)))
    if len(tested) < FEW:
        reason = _("fewer than {n} customers bought something new in the last {days} days.").format(n=FEW, days=TEST_DAYS)
        return NotAvailable((), _(_ANSWERS), reason=reason)
    new = _matrix(late, len(products), rows=before.shape[0])
    test, difference = _tested(before, new, tested)
    names = dict.fromkeys(products)
    if not tables.missing("products.product_name"):
        known = tables.products.select("product_id", "product_name").semi_join(codes, "product_id")
        names |= dict(frame(known.filter(known.product_name.notnull()), by=["product_id"]).itertuples(index=False))
    table = _nearest(everything, products, names)
    return SimilarProducts(table, test, difference, len(products), test_from, tables.as_of)


def _matrix(cells: pd.DataFrame, products: int, *, rows: int | None = None) -> sparse.csr_matrix:
    from scipy import sparse

    shape = (rows or int(cells["person"].max()) + 1 if len(cells) else rows or 1, products)
    return sparse.csr_matrix((np.ones(len(cells), dtype=np.float32), (cells["person"], cells["product"])), shape=shape)


def _similarity(bought: sparse.csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """Cosines of the customers of every two products, none with itself, and the customers of both."""
    both = (bought.T @ bought).toarray()
    n = np.diag(both).copy()
    with np.errstate(invalid="ignore", divide="ignore"):
        alike = np.where(both >= FEWEST, both / np.sqrt(n[:, None] * n[None, :]), 0.0)
    np.fill_diagonal(alike, 0.0)
    return alike.astype(np.float32), both


def _tested(before: sparse.csr_matrix, new: sparse.csr_matrix, tested: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    alike, _both = _similarity(before)
    popular = np.asarray(before.sum(axis=0)).ravel()
    recalls = {(m, k): np.zeros(len(tested)) for m in (BESIDE_IT, BEST_SELLERS) for k in LENGTHS}
    on_a_list = {key: np.zeros(before.shape[1], dtype=bool) for key in recalls}
    for start in range(0, len(tested), BATCH):
        some = tested[start : start + BATCH]
        had, wanted = before[some].toarray() > 0, new[some].toarray() > 0
        for method in (BESIDE_IT, BEST_SELLERS):
            # Popularity in the last place, so that equal scores do not fall to the product with the first id.
            score = before[some] @ alike if method == BESIDE_IT else np.zeros(had.shape, dtype=np.float32)
            score = score + popular / (1e6 * max(popular.max(), 1))
            score = np.where(had, -1.0, score)
            ranked = np.argsort(-score, axis=1, kind="stable")[:, : max(LENGTHS)]
            hits = np.take_along_axis(wanted, ranked, axis=1)
            for k in LENGTHS:
                recalls[method, k][start : start + len(some)] = hits[:, :k].sum(axis=1) / wanted.sum(axis=1)
                on_a_list[method, k][ranked[:, :k].ravel()] = True
    rows, differences = [], []
    n = len(tested)
    for k in LENGTHS:
        for method in (BESIDE_IT, BEST_SELLERS):
            mean, low, high = _mean(recalls[method, k])
            rows.append((method, k, n, mean, max(low, 0.0), min(high, 1.0), on_a_list[method, k].mean()))
        differences.append((k, *_mean(recalls[BESIDE_IT, k] - recalls[BEST_SELLERS, k])))
    columns = ["product_list", "list_length", "customers_with_new", "recall", "recall_low", "recall_high", "list_coverage"]
    return pd.DataFrame(rows, columns=columns), pd.DataFrame(differences, columns=["list_length", "mean", "low", "high"])


def _mean(values: np.ndarray) -> tuple[float, float, float]:
    error = Z * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(values.mean() - error), float(values.mean() + error)


def _nearest(bought: sparse.csr_matrix, products: np.ndarray, names: dict[str, str | None]) -> pd.DataFrame:
    alike, both = _similarity(bought)
    called = pd.factorize(pd.Series([names[p] or p for p in products], dtype=object))[0]
    alike[called[:, None] == called[None, :]] = 0.0  # other sizes of the same thing say nothing new
    ranked = np.argsort(-alike, axis=1, kind="stable")[:, :BESIDE]
    place, row = np.tile(np.arange(1, BESIDE + 1), len(products)), np.repeat(np.arange(len(products)), BESIDE)
    shown = ranked.ravel()
    out = pd.DataFrame(
        {
            "product_id": products[row],
            "product_name": [names[p] or p for p in products[row]],
            "place": place,
            "shown_id": products[shown],
            "shown_name": [names[p] or p for p in products[shown]],
            "customers_of_both": both[row, shown].astype(int),
            "product_similarity": alike[row, shown].astype(float).round(6),
        }
    )
    return out[out["product_similarity"] > 0].reset_index(drop=True)
