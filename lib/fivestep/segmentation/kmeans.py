"""Groups that the data itself suggests: k-means, the number of clusters chosen by silhouette among the stable ones."""

from __future__ import annotations

import datetime as dt
import warnings
from dataclasses import dataclass

import ibis
import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.charts.theme import style
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _, ngettext
from fivestep.segmentation.k_selection import everybody, fits, silhouettes
from fivestep.segmentation.partitions import jaccard
from fivestep.segmentation.purchases import coverage_warning, purchases, window_start

ANSWERS = N_("which groups of customers the data itself suggests")
# feature -> (label, name of a cluster that is high on it, name of one that is low).
# Spend is orders times spend per order and would count both twice; time since the first order is cut off at the start of the
# data. Both stay out.
FEATURES: dict[str, tuple[str, str, str]] = {
    "recency_days": (N_("Days since last order"), N_("Less recent buyers"), N_("More recent buyers")),
    "frequency": (N_("Orders"), N_("Frequent buyers"), N_("Occasional buyers")),
    "spend_per_order": (N_("Spend per order"), N_("Large-basket buyers"), N_("Small-basket buyers")),
    "share_discounted": (N_("Discount share"), N_("Buyers with many discounts"), N_("Buyers with few discounts")),
    "departments": (N_("Departments bought"), N_("Broad-range buyers"), N_("Narrow-range buyers")),
}
AVERAGE = N_("Average buyers")
LETTERED = (
    N_("Group A"),
    N_("Group B"),
    N_("Group C"),
    N_("Group D"),
    N_("Group E"),
    N_("Group F"),
    N_("Group G"),
    N_("Group H"),
)
VERDICTS = CHOSEN, STABLE, UNSTABLE, SMALL = N_("Chosen"), N_("Stable"), N_("Not stable"), N_("A cluster is too small")
RANGE = range(2, 9)
RESAMPLES = 20
SIMILARITY = 0.75  # mean Jaccard similarity from which a cluster counts as stable (Hennig 2007)
SMALLEST = 0.05  # share of customers below which a cluster is no group to plan for
WEAK = 0.25  # silhouette below which there is no substantial structure (Kaufman and Rousseeuw 1990)
DISTINCT = 0.25  # standard deviations from the average below which a feature names nothing
SPREAD = 0.01  # standard deviation (of a logarithm: 1 %) below which a feature is noise that standardising would blow up
BOUND = 3.0  # standard deviations at which a feature is capped, so that one odd customer makes no cluster
FEW = 100  # customers below which clusters are not looked for
CHOICE_SAMPLE = 2_000  # customers on which the number of clusters is chosen: silhouette grows with the square
FIT_SAMPLE = 50_000  # customers on which the clusters are fitted first; all then move their centres from there
STARTS = 10
AGAIN = 3  # starts on a resample
SEED = 20


@dataclass(frozen=True)
class Clusters:
    """Clusters of the customers who bought in the window.

    ``table``: one row per customer, by customer_id: cluster (a name, see ``names``) and the features. ``centres``: one row per
    cluster, by falling spend: mean of each feature in standard deviations from the average. ``choice``: one row per number of
    clusters tried: clusters_tried, silhouette, similarity (the lowest mean Jaccard similarity of a cluster over the resamples),
    adjusted_rand, smallest_cluster (share of customers), verdict.
    """

    table: pd.DataFrame
    centres: pd.DataFrame
    choice: pd.DataFrame
    window_days: int
    as_of: dt.date
    dropped: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """The clusters, most spend first."""
        return list(self.centres.index)

    @property
    def features(self) -> list[str]:
        return list(self.centres.columns)

    @property
    def chosen(self) -> pd.Series:
        """The row of ``choice`` that was used."""
        return self.choice[self.choice["verdict"] == CHOSEN].iloc[0]

    def segments(self) -> pd.DataFrame:
        """customer_id and cluster of every customer of the result."""
        return self.table[["customer_id", "cluster"]]

    # ---------------------------------------------------------------- the choice of k
    def choice_chart(self) -> Figure:
        """Silhouette and stability by number of clusters, the chosen one marked."""
        shown = self.choice.set_index("clusters_tried")[["silhouette", "similarity"]]
        fig = charts.lines(
            shown,
            write=lambda v: language.number(v, 2),
            labels=[_("Silhouette"), _("Stability (lowest cluster)")],
            xlabel=_("Number of clusters"),
        )
        ax = fig.axes[0]
        with mpl.rc_context(style()):
            place = list(shown.index).index(self.chosen["clusters_tried"])
            ax.axvline(place, color=charts.GREYS[2], linewidth=6, alpha=0.6, zorder=0)
            ax.axhline(SIMILARITY, color=charts.GREYS[1], linewidth=0.8, linestyle=(0, (3, 2)))
            said = _("Stable from {limit}").format(limit=language.number(SIMILARITY, 2))
            end = (len(shown) - 1, SIMILARITY)
            ax.annotate(said, end, (0, 3), textcoords="offset points", ha="right", fontsize=7, color=charts.MUTED)
            ax.set_ylim(min(0.0, shown.min().min()), 1.0)
        return fig

    def choice_headline(self) -> str:
        """Which number of clusters was chosen."""
        return _(
            "{k} clusters: of the numbers that come back when customers are resampled, the one with the clearest borders"
        ).format(k=language.number(self.chosen["clusters_tried"]))

    def stable_headline(self) -> str:
        """Which numbers of clusters are stable."""
        stable = [language.number(k) for k in self.choice.loc[self.choice["verdict"].isin([CHOSEN, STABLE]), "clusters_tried"]]
        return _("Stable numbers of clusters: {stable}").format(stable=language.listing(stable))

    def choice_note(self) -> str:
        """The rule of the choice, in words."""
        rule = _(
            "Stable: over {n} resamples of customers every cluster is found again with a mean Jaccard similarity of {limit} or "
            "more, and none holds under {least} "
            "of customers. Of the stable numbers, the one with the highest silhouette is used."
        ).format(n=RESAMPLES, limit=language.number(SIMILARITY, 2), least=language.percent(SMALLEST, 0))
        if len(self.table) <= CHOICE_SAMPLE:
            return rule
        sample = _("Chosen on a fixed sample of {n} customers.").format(n=language.number(CHOICE_SAMPLE))
        return f"{rule} {sample}"

    # ---------------------------------------------------------------- what the clusters are
    def profile(self) -> pd.DataFrame:
        """One row per cluster, most spend first: customers, shares, spend, and the features as averages of its customers."""
        rows = self.table.groupby("cluster").agg(
            customers=("customer_id", "size"),
            spend=("monetary", "sum"),
            orders=("frequency", "sum"),
            median_recency=("recency_days", "median"),
            **({"mean_share_discounted": ("share_discounted", "mean")} if "share_discounted" in self.table else {}),
            **({"mean_departments": ("departments", "mean")} if "departments" in self.table else {}),
        )
        rows = rows.reindex(self.names).reset_index()
        total = rows["spend"].sum()
        rows.insert(2, "share_of_customers", rows["customers"] / len(self.table))
        rows.insert(4, "share_of_spend", rows["spend"] / total if total > 0 else np.nan)
        rows.insert(5, "orders_per_customer", rows.pop("orders") / rows["customers"])
        rows.insert(6, "spend_per_order", rows["spend"] / (rows["orders_per_customer"] * rows["customers"]))
        return rows

    def centres_chart(self) -> Figure:
        """How far each cluster lies from the average, feature by feature, in standard deviations."""
        shown = self.centres.copy()
        shown.index = [_(name) for name in shown.index]
        shown.columns = [_(FEATURES[f][0]) for f in shown.columns]
        return charts.heatmap(shown, write=lambda v: language.number(v, 1))

    def centres_headline(self) -> str:
        """The feature that sets the clusters apart most."""
        spread = (self.centres.max() - self.centres.min()).round(6)
        feature = max(self.features, key=lambda f: spread[f])
        return _("What sets the clusters apart most: {feature}").format(feature=_(FEATURES[feature][0]))

    def centres_note(self) -> str:
        """What the numbers of the chart are and how clusters get their names."""
        return _(
            "Mean of the cluster in standard deviations from the average customer (logarithms, except the discount share; "
            "capped at {bound}). "
            "A cluster is named for the feature that sets it apart most and has not named another cluster; recency comes last."
        ).format(bound=language.number(BOUND))

    def headline(self) -> str:
        """Who the cluster with the most spend is."""
        top = self.profile().iloc[0]
        if language.absent(top["share_of_spend"]):
            return _("{cluster} are {customers} of customers").format(
                cluster=_(top["cluster"]), customers=language.percent(top["share_of_customers"])
            )
        return _("{cluster} are {customers} of customers and bring {spend} of spend").format(
            cluster=_(top["cluster"]),
            customers=language.percent(top["share_of_customers"]),
            spend=language.percent(top["share_of_spend"]),
        )

    def note(self) -> str:
        """Base, features and what was left out."""
        out = _("Base: {n} customers with an order in the {days} days to {day}. Features: {features}.").format(
            n=language.number(len(self.table)),
            days=language.number(self.window_days),
            day=language.day(self.as_of),
            features=language.listing([_(FEATURES[f][0]) for f in self.features]),
        )
        if self.dropped:
            lacking = _("Not in the data, or nearly the same for all: {features}.").format(
                features=language.listing([_(FEATURES[f][0]) for f in self.dropped])
            )
            out = f"{out} {lacking}"
        return out

    def finding(self) -> Finding:
        """How many clusters there are, and which brings the most spend."""
        top, chosen = self.profile().iloc[0], self.chosen
        evidence = _("{k} clusters; silhouette {silhouette}, stability {similarity} (lowest cluster, 1 is perfect).").format(
            k=language.number(chosen["clusters_tried"]),
            silhouette=language.number(chosen["silhouette"], 2),
            similarity=language.number(chosen["similarity"], 2),
        )
        share = top["share_of_customers"] if language.absent(top["share_of_spend"]) else top["share_of_spend"]
        return Finding(
            key="segmentation.top_cluster_share",
            value=float(share),
            unit="share",
            display=language.percent(share),
            text=language.sentence(self.headline()),
            evidence=f"{evidence} {self.note()}",
            so_what=_(
                "Use the clusters to choose words and offers; use value tiers and lifecycle stages to choose whom to contact "
                "first."
            ),
            confidence="medium" if self.warnings else "high",
            warnings=self.warnings,
            assumptions=(
                _("Clusters are made by k-means on standardised features; another choice of features gives other clusters."),
                _("Spend is not itself a feature: it is orders times spend per order."),
            ),
        )


@needs("orders.customer_id", "orders.order_date", "orders.order_amount", answers=ANSWERS)
def kmeans(tables: Tables, *, window_days: int = 365) -> Clusters | NotAvailable:
    """Cluster the customers who bought in the last *window_days* days.

    Features, where the data has them: days since the last order, orders, spend per order, departments bought (logarithms) and
    discount share; standardised over all customers and capped at three standard deviations. k is the one of 2 to 8 with the
    highest silhouette (Rousseeuw 1987) among those that are stable under resampling of customers (Hennig 2007: mean Jaccard
    similarity of every cluster 0.75 or more) and have no cluster under 5 % of customers. Where none is stable, and below 100
    customers or two features that vary, there are no clusters to speak of: `NotAvailable`.

    One thread, fixed seeds and input by customer_id: the same data gives the same clusters. With more than 50,000 customers the
    fit on everybody starts from that on a sample of that size, chosen by a hash of customer_id; the choice of k is on 2,000.
    """
    table = _features(tables, window_days)
    if len(table) < FEW:
        reason = ngettext(
            "{n} customer bought in the {days} days to {day}; clusters are looked for from {least}.",
            "{n} customers bought in the {days} days to {day}; clusters are looked for from {least}.",
            len(table),
        ).format(n=language.number(len(table)), days=language.number(window_days), day=language.day(tables.as_of), least=FEW)
        return NotAvailable((), _(ANSWERS), reason=reason)
    points, used = _standardised(table)
    if len(used) < 2:
        return NotAvailable((), _(ANSWERS), reason=_("the customers differ in fewer than two of the features."))
    order = _hashed_order(table["customer_id"])
    choice = _choice(points[np.sort(order[:CHOICE_SAMPLE])])
    stable = choice[choice["verdict"] == STABLE]
    if stable.empty:
        return NotAvailable((), _(ANSWERS), reason=_refusal(choice))
    row = stable["silhouette"].idxmax()  # the first of equals: the smaller number
    choice.loc[row, "verdict"] = CHOSEN
    labels = _assigned(points, int(choice.loc[row, "clusters_tried"]), np.sort(order[:FIT_SAMPLE]))
    labels, centres = _by_spend(labels, points, table["monetary"].to_numpy())
    names = _names(centres, used)
    table["cluster"] = np.array(names, dtype=object)[labels]
    return Clusters(
        table=table[["customer_id", "cluster", "monetary", *[f for f in FEATURES if f in table]]],
        centres=pd.DataFrame(centres, index=pd.Index(names, name="cluster"), columns=used),
        choice=choice,
        window_days=window_days,
        as_of=tables.as_of,
        dropped=tuple(f for f in FEATURES if f not in used),
        warnings=(*_overlap_warning(choice.loc[row, "silhouette"]), *coverage_warning(tables, window_days)),
    )


def _features(tables: Tables, window_days: int) -> pd.DataFrame:
    table = purchases(tables, window_days=window_days)
    table = table[table["frequency"] > 0].reset_index(drop=True)
    table["spend_per_order"] = table["monetary"] / table["frequency"]
    start = window_start(tables, window_days)
    if not tables.missing("orders.discount_amount"):
        orders = tables.orders.filter(
            tables.orders.order_date >= start, tables.orders.order_amount >= 0, tables.orders.customer_id.notnull()
        )
        sums = frame(
            orders.group_by("customer_id").aggregate(
                paid=orders.order_amount.sum(), saved=orders.discount_amount.sum().fill_null(0)
            ),
            by=["customer_id"],
        )
        listed = sums["paid"] + sums["saved"]
        share = (sums["saved"] / listed.where(listed > 0)).fillna(0.0)
        table["share_discounted"] = table["customer_id"].map(pd.Series(share.to_numpy(), index=sums["customer_id"]))
    if not tables.missing("order_lines.product_id", "order_lines.customer_id", "products.department"):
        lines = tables.order_lines.filter(
            tables.order_lines.order_date >= start, tables.order_lines.line_amount >= 0, tables.order_lines.customer_id.notnull()
        )
        bought = lines.inner_join(
            tables.products.filter(ibis._.department.notnull()).select("product_id", "department"), "product_id"
        )
        counts = frame(bought.group_by("customer_id").aggregate(n=bought.department.nunique()), by=["customer_id"])
        table["departments"] = table["customer_id"].map(counts.set_index("customer_id")["n"]).fillna(0).astype(int)
    return table


def _standardised(table: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    columns, used = [], []
    for feature in FEATURES:
        if feature not in table:
            continue
        values = table[feature].to_numpy(dtype=float)
        values = values if feature == "share_discounted" else np.log1p(np.maximum(values, 0.0))
        spread = values.std()
        if spread >= SPREAD:
            # Rounded: the last bits of a logarithm differ between machines and must not decide about a customer.
            columns.append(np.clip((values - values.mean()) / spread, -BOUND, BOUND).round(9))
            used.append(feature)
    return np.column_stack(columns) if columns else np.empty((len(table), 0)), used


def _hashed_order(customers: pd.Series) -> np.ndarray:
    """Places of the customers in an order that depends on their ids alone."""
    return np.argsort(pd.util.hash_array(customers.to_numpy(dtype=object), categorize=False), kind="stable")


def _choice(points: np.ndarray) -> pd.DataFrame:
    """Silhouette and stability of each number of clusters, with what follows from stability and size alone."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.metrics import adjusted_rand_score
    from threadpoolctl import threadpool_limits

    rows = []
    drawn = [np.random.default_rng(SEED + i).integers(0, len(points), len(points)) for i in range(RESAMPLES)]
    different = len(np.unique(points, axis=0))
    with threadpool_limits(1), warnings.catch_warnings():
        # A resample may hold fewer different customers than k; its clusters then count as not found.
        warnings.simplefilter("ignore", ConvergenceWarning)
        sizes = [k for k in RANGE if k <= different and k < len(points)]
        labelings = {k: model.labels_ for k, model in fits(points, sizes, starts=STARTS).items()}
        clearness = dict(zip(sizes, silhouettes(points, list(labelings.values())), strict=True)) if sizes else {}
        for k, labels in labelings.items():
            similar, rand = np.zeros(k), 0.0
            for resample in drawn:
                again = fits(points[resample], [k], starts=AGAIN)[k].predict(points)
                rand += adjusted_rand_score(labels, again) / RESAMPLES
                seen = np.unique(resample)
                similar += jaccard(labels[seen], again[seen], k) / RESAMPLES
            smallest = np.bincount(labels, minlength=k).min() / len(points)
            verdict = SMALL if smallest < SMALLEST else STABLE if similar.min() >= SIMILARITY else UNSTABLE
            # Rounded, so that two numbers of clusters are told apart by the data and not by the last bit of a sum.
            measured = (round(clearness[k], 6), round(float(similar.min()), 6), round(rand, 6))
            rows.append((k, *measured, smallest, verdict))
    return pd.DataFrame(
        rows, columns=["clusters_tried", "silhouette", "similarity", "adjusted_rand", "smallest_cluster", "verdict"]
    )


def _assigned(points: np.ndarray, k: int, fitted: np.ndarray) -> np.ndarray:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # sums over threads depend on their number
        model = fits(points[fitted], [k], starts=STARTS)[k]
        return model.labels_ if len(fitted) == len(points) else everybody(points, model).labels_


def _by_spend(labels: np.ndarray, points: np.ndarray, spend: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels renumbered by falling spend of the clusters (then by centre), and the centres in that order."""
    k = labels.max() + 1
    centres = np.array([points[labels == c].mean(axis=0) for c in range(k)])
    spent = [round(spend[labels == c].sum(), 2) for c in range(k)]
    order = sorted(range(k), key=lambda c: (-spent[c], tuple(centres[c].round(6))))
    return np.argsort(order)[labels], centres[order]


def _names(centres: np.ndarray, used: list[str], words: dict[str, tuple[str, str, str]] = FEATURES) -> list[str]:
    """A name for each cluster: strongest difference first, every name once; what is left is average or lettered."""
    named: dict[int, str] = {}
    # Recency comes last: among regular customers it is the day of shopping rather than a habit.
    strength = sorted(
        (used[f] == "recency_days", -abs(round(z, 6)), c, f) for (c, f), z in np.ndenumerate(centres) if used[f] in words
    )
    for _last, size, cluster, feature in strength:
        name = words[used[feature]][1 if centres[cluster, feature] > 0 else 2]
        if cluster not in named and name not in named.values() and -size >= DISTINCT:
            named[cluster] = name
    for cluster in range(len(centres)):
        if cluster not in named:
            plain = (np.abs(centres[cluster]) < DISTINCT).all() and AVERAGE not in named.values()
            named[cluster] = AVERAGE if plain else LETTERED[cluster]
    return [named[c] for c in range(len(centres))]


def _refusal(choice: pd.DataFrame) -> str:
    if choice.empty or (choice["verdict"] == SMALL).all():
        return _("every number of clusters from 2 to 8 has one with under {least} of customers.").format(
            least=language.percent(SMALLEST, 0)
        )
    best = choice.sort_values(["similarity", "clusters_tried"], ascending=[False, True]).iloc[0]
    return _(
        "no number of clusters from 2 to 8 comes back when customers are resampled (best: {k} clusters, stability "
        "{similarity}, where {limit} is needed). "
        "Value tiers and lifecycle stages do not depend on this."
    ).format(
        k=language.number(best["clusters_tried"]),
        similarity=language.number(best["similarity"], 2),
        limit=language.number(SIMILARITY, 2),
    )


def _overlap_warning(silhouette: float) -> tuple[str, ...]:
    if silhouette >= WEAK:
        return ()
    said = _(
        "The clusters overlap (silhouette {silhouette}, below {limit}): they divide a continuum. Use them as a practical "
        "division, not as natural types."
    )
    return (said.format(silhouette=language.number(silhouette, 2), limit=language.number(WEAK, 2)),)
