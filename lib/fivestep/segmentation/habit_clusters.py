"""Groups of customers who buy in the same way: clusters of habits, held against other methods and against chance."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, ngettext
from fivestep.segmentation.habits import HABITS, Habits, habits
from fivestep.segmentation.kmeans import (
    BOUND,
    CHOICE_SAMPLE,
    CHOSEN,
    FEW,
    FIT_SAMPLE,
    RANGE,
    STABLE,
    WEAK,
    _by_spend,
    _choice,
    _hashed_order,
    _names,
    _refusal,
)  # fmt: skip
from fivestep.segmentation.partitions import KMEANS, MIXTURE, PROTOTYPES, badge, groups, mixture_size, stability
from fivestep.segmentation.purchases import coverage_warning, purchases

ANSWERS = N_("which groups of customers buy in the same way")
LEAST = 10  # orders in the window from which habits can be told from chance
RELIABLE = 0.2  # reliability from which a habit is used: below it one half of the orders hardly foretells the other
ATTRIBUTES = ("gender", "age_band", "occupation", "marital_status", "member_level", "region")  # for k-prototypes
KNOWN = 0.8  # share of customers whose attribute must be known
TOLD = 3  # features that describe a cluster
TELLING = 0.4  # standard deviations from which a feature describes a cluster
BY_SILHOUETTE, BY_BIC, AS_CHOSEN = N_("Best silhouette of the stable"), N_("Lowest BIC"), N_("As k-means")


@dataclass(frozen=True)
class HabitClusters:
    """Clusters by habit of the customers with `LEAST` orders or more in the window.

    ``table``: one row per customer, by customer_id: habit_cluster (a name), monetary, and the habits used. ``centres``: cluster
    (by falling spend) x habits, in standard deviations from the average. ``similarity``: mean Jaccard similarity of each cluster
    with resamples. ``choice``: as for `Clusters`. ``methods``: one row per method: method, clusters_tried, criterion, similarity
    (lowest cluster), stability_badge, agreement (adjusted Rand index with k-means). ``unreliable``: habits left out.
    """

    table: pd.DataFrame
    centres: pd.DataFrame
    similarity: pd.Series
    choice: pd.DataFrame
    methods: pd.DataFrame
    habits: Habits
    few_orders: int
    window_days: int
    as_of: dt.date
    warnings: tuple[str, ...]

    @property
    def chosen(self) -> pd.Series:
        return self.choice[self.choice["verdict"] == CHOSEN].iloc[0]

    @property
    def used(self) -> list[str]:
        """The habits that make the groups."""
        return list(self.centres.columns)

    @property
    def unreliable(self) -> list[str]:
        return [name for name in self.habits.names if name not in self.centres]

    def label(self, habit: str) -> str:
        """A habit as the reader sees it."""
        if habit in HABITS:
            return _(HABITS[habit][0])
        return _("Lines: {kind}").format(kind=language.value(f"products.{self.habits.field}", habit.removeprefix("lines: ")))

    def segments(self) -> pd.DataFrame:
        """customer_id and group of every customer of the result."""
        return self.table[["customer_id", "habit_cluster"]]

    # ---------------------------------------------------------------- tables
    def profile(self) -> pd.DataFrame:
        """One row per cluster, most spend first: customers, shares, spend, what sets it apart, similarity, badge."""
        grouped = self.table.groupby("habit_cluster")["monetary"].agg(["size", "sum"]).reindex(self.centres.index)
        total = grouped["sum"].sum()
        return pd.DataFrame({
            "habit_cluster": list(self.centres.index),
            "customers": grouped["size"].to_numpy(),
            "share_of_customers": grouped["size"].to_numpy() / len(self.table),
            "share_of_spend": grouped["sum"].to_numpy() / total if total > 0 else np.nan,
            "set_apart_by": [self._apart(name) for name in self.centres.index],
            "cluster_similarity": self.similarity.to_numpy(),
            "stability_badge": [badge(s) for s in self.similarity],
        })  # fmt: skip

    def _apart(self, cluster: str) -> str:
        row = self.centres.loc[cluster].round(6)
        strong = sorted((h for h in row.index if abs(row[h]) >= TELLING), key=lambda h: (-abs(row[h]), h))[:TOLD]
        more, less = _("more: {what}"), _("less: {what}")
        said = [(more if row[h] > 0 else less).format(what=self.label(h)) for h in strong]
        return "; ".join(said) if said else _("close to the average")

    def chart(self) -> Figure:
        """How far each cluster lies from the average, habit by habit, those that tell the clusters apart most."""
        spread = (self.centres.max() - self.centres.min()).round(6)
        shown = self.centres[sorted(spread.index, key=lambda h: (-spread[h], h))[:10]].T
        shown.index = [self.label(h) for h in shown.index]
        shown.columns = [_(name) for name in shown.columns]
        return charts.heatmap(shown, write=lambda v: language.number(v, 1))

    # ---------------------------------------------------------------- words
    def headline(self) -> str:
        """How many groups there are and which brings the most spend."""
        top = self.profile().iloc[0]
        words = {
            "k": language.number(len(self.centres)),
            "name": _(str(top.habit_cluster)),
            "customers": language.percent(top["share_of_customers"]),
        }
        if language.absent(top["share_of_spend"]):
            return _("{k} groups differ in how they buy; {name} are {customers} of customers").format(**words)
        return _("{k} groups differ in how they buy; {name} are {customers} of customers and bring {spend} of spend").format(
            **words, spend=language.percent(top["share_of_spend"])
        )

    def chart_headline(self) -> str:
        """The habit that tells the groups apart most."""
        spread = (self.centres.max() - self.centres.min()).round(6)
        return _("What tells the groups apart most: {habit}").format(
            habit=self.label(min(spread.index, key=lambda h: (-spread[h], h)))
        )

    def methods_headline(self) -> str:
        """Whether other methods find the same groups."""
        others = self.methods[self.methods["method"] != KMEANS]
        best = others.sort_values(["agreement", "method"], ascending=[False, True]).iloc[0]
        return _("Of the other methods {method} agrees most with k-means: adjusted Rand index {value}").format(
            method=_(str(best.method)), value=language.number(best["agreement"], 2)
        )

    def note(self) -> str:
        """Base, method and what was left out."""
        out = _(
            "Base: {n} customers with {least} orders or more in the {days} days to {day}; {few} with fewer are left out. "
            "k-means on habits in standard deviations (capped at {bound}), not on spend; silhouette {silhouette}, adjusted "
            "Rand index with resamples {rand}."
        ).format(
            n=language.number(len(self.table)), least=LEAST, days=language.number(self.window_days), day=language.day(self.as_of),
            few=language.number(self.few_orders), bound=language.number(BOUND),
            silhouette=language.number(self.chosen["silhouette"], 2), rand=language.number(self.chosen["adjusted_rand"], 2),
        )  # fmt: skip
        if self.unreliable:
            left = _("Left out, as one half of a customer's orders hardly foretells the other: {habits}.").format(
                habits=language.listing([self.label(h) for h in self.unreliable])
            )
            out = f"{out} {left}"
        return out

    def finding(self) -> Finding:
        """How many groups differ in how they buy."""
        lowest = float(self.similarity.min())
        return Finding(
            key="segmentation.habit_clusters",
            value=len(self.centres),
            unit="count",
            display=language.number(len(self.centres)),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Speak to each group in its own way and at its own time; how much it is worth, value tiers say."),
            confidence="medium" if self.warnings or lowest < 0.85 else "high",
            warnings=self.warnings,
            assumptions=(
                _(
                    "A habit counts where every second order of a customer foretells the others (Spearman–Brown reliability "
                    "{limit} or more)."
                ).format(limit=language.number(RELIABLE, 1)),
            ),
        )


@needs("orders.customer_id", "orders.order_date", "orders.order_amount", answers=ANSWERS)
def habit_clusters(tables: Tables, *, window_days: int = 365) -> HabitClusters | NotAvailable:
    """Cluster the customers by how they buy in the last *window_days* days, where the data shows it.

    Habits: share of orders on discount, at the weekend, by time of day; lines per order (logarithm); shares of the lines by
    category. Only habits that a customer's other orders confirm are used (reliability of split halves from `RELIABLE`);
    standardised, capped at three standard deviations. k-means, k as in `kmeans`. Beside it a Gaussian mixture (k by BIC) and
    k-prototypes, which also takes attributes of the customer. `NotAvailable` where no k is stable, below 100 customers with
    `LEAST` orders, or with fewer than two reliable habits.
    """
    found = habits(tables, window_days=window_days, least=LEAST)
    n = len(found.table)
    if n < FEW:
        reason = ngettext(
            "{n} customer has {least} orders or more in the {days} days to {day}; groups are looked for from {few}.",
            "{n} customers have {least} orders or more in the {days} days to {day}; groups are looked for from {few}.",
            n,
        ).format(n=language.number(n), least=LEAST, days=language.number(window_days), day=language.day(tables.as_of), few=FEW)
        return NotAvailable((), _(ANSWERS), reason=reason)
    used = [name for name in found.names if found.reliability[name] >= RELIABLE]
    if len(used) < 2:
        return NotAvailable((), _(ANSWERS), reason=_("customers differ reliably in fewer than two habits."))
    values = found.table[used]
    points = ((values - values.mean()) / values.std()).clip(-BOUND, BOUND).fillna(0.0).round(9).to_numpy()
    order = _hashed_order(found.table["customer_id"])
    sample = np.sort(order[:CHOICE_SAMPLE])
    choice = _choice(points[sample])
    stable = choice[choice["verdict"] == STABLE]
    if stable.empty:
        return NotAvailable((), _(ANSWERS), reason=_refusal(choice))
    row = stable["silhouette"].idxmax()
    choice.loc[row, "verdict"] = CHOSEN
    k = int(choice.loc[row, "clusters_tried"])
    bought = purchases(tables, window_days=window_days)
    table = found.table.merge(bought[["customer_id", "monetary"]], on="customer_id", how="left")
    codes = _codes(tables, table["customer_id"])
    labels, centres = _by_spend(
        groups(KMEANS, points, codes, k, rows=np.sort(order[:FIT_SAMPLE])), points, table["monetary"].to_numpy()
    )
    similarity, _rand = stability(KMEANS, points[sample], codes[sample], labels[sample])
    names = _names(centres, used, HABITS)
    table["habit_cluster"] = np.array(names, dtype=object)[labels]
    if "lines_per_order" in used:
        table["lines_per_order"] = np.exp(table["lines_per_order"])  # as anybody would count it
    index = pd.Index(names, name="habit_cluster")
    overlap = _("The groups overlap (silhouette {silhouette}): they divide a continuum.").format(
        silhouette=language.number(choice.loc[row, "silhouette"], 2)
    )
    return HabitClusters(
        table=table[["customer_id", "habit_cluster", "monetary", *used]],
        centres=pd.DataFrame(centres, index=index, columns=used),
        similarity=pd.Series(similarity, index=index),
        choice=choice,
        methods=_methods(points[sample], codes[sample], labels[sample], k, float(similarity.min())),
        habits=found,
        few_orders=int((bought["frequency"] > 0).sum()) - n,
        window_days=window_days,
        as_of=tables.as_of,
        warnings=(*([overlap] if choice.loc[row, "silhouette"] < WEAK else []), *coverage_warning(tables, window_days)),
    )


def _methods(points: np.ndarray, codes: np.ndarray, labels: np.ndarray, k: int, lowest: float) -> pd.DataFrame:
    """The three methods side by side on the same customers; k-prototypes only where there are attributes to take."""
    from sklearn.metrics import adjusted_rand_score

    rows = [(KMEANS, k, BY_SILHOUETTE, lowest, badge(lowest), 1.0)]
    tried = [(MIXTURE, mixture_size(points, RANGE), BY_BIC)] + ([(PROTOTYPES, k, AS_CHOSEN)] if codes.shape[1] else [])
    for method, size, criterion in tried:
        mine = groups(method, points, codes, size)
        _present, mine = np.unique(mine, return_inverse=True)  # a component may be nobody's best
        similar, _rand = stability(method, points, codes, mine)
        low = float(similar.min())
        rows.append((method, size, criterion, low, badge(low), round(float(adjusted_rand_score(labels, mine)), 6)))
    return pd.DataFrame(rows, columns=["method", "clusters_tried", "criterion", "similarity", "stability_badge", "agreement"])


def _codes(tables: Tables, customers: pd.Series) -> np.ndarray:
    """Attributes of the customers as whole numbers, one column each; unknown is a value of its own."""
    fields = [f for f in ATTRIBUTES if not tables.missing(f"customers.{f}")]
    if not fields:
        return np.zeros((len(customers), 0), dtype=int)
    known = frame(tables.customers.select("customer_id", *fields), by=["customer_id"]).drop_duplicates("customer_id")
    mine = known.set_index("customer_id").reindex(customers)
    kept = [f for f in fields if mine[f].notna().mean() >= KNOWN and mine[f].nunique() > 1]
    columns = [np.unique(mine[f].fillna("").astype(str), return_inverse=True)[1] for f in kept]
    return np.column_stack(columns) if columns else np.zeros((len(customers), 0), dtype=int)
