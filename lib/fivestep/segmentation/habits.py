"""How each customer buys, apart from how much: discounts, weekdays, hours, basket and what is in it."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from fivestep.engine import Tables, frame
from fivestep.language import N_
from fivestep.segmentation.purchases import window_start

# feature -> (label, name of a group that is high on it, name of one that is low)
HABITS: dict[str, tuple[str, str, str]] = {
    "orders_discounted": (N_("Orders on discount"), N_("Discount buyers"), N_("Full-price buyers")),
    "weekend": (N_("Orders at the weekend"), N_("Weekend buyers"), N_("Weekday buyers")),
    "before_10": (N_("Orders before 10:00"), N_("Early buyers"), N_("Later buyers")),
    "from_10": (N_("Orders from 10:00"), N_("Late-morning buyers"), N_("Buyers off the late morning")),
    "from_14": (N_("Orders from 14:00"), N_("Afternoon buyers"), N_("Buyers off the afternoon")),
    "from_18": (N_("Orders from 18:00"), N_("Evening buyers"), N_("Buyers before the evening")),
    "lines_per_order": (N_("Lines per order"), N_("Full-basket buyers"), N_("Single-item buyers")),
}
HOURS = {"before_10": (0, 10), "from_10": (10, 14), "from_14": (14, 18), "from_18": (18, 24)}
KINDS = 20  # categories whose share of the lines is looked at, most lines first
MANY = 40  # with more categories than this departments stand in for them
SATURDAY = 5


@dataclass(frozen=True)
class Habits:
    """Habits of the customers with at least *least* orders in the window.

    ``table``: one row per customer, by customer_id: orders and one column per habit: shares of orders, lines per order, and
    ``lines: X``, the share of the lines that are of the category or department X. ``reliability``: for each habit how well one
    half of a customer's orders (every second one) foretells the other, corrected for the halving (Spearman and Brown 1910);
    ``field``: the field of products that X is of, empty where there is none.
    """

    table: pd.DataFrame
    reliability: pd.Series
    field: str

    @property
    def names(self) -> list[str]:
        return list(self.reliability.index)


def habits(tables: Tables, *, window_days: int, least: int) -> Habits:
    """Habits of the customers with at least *least* orders in the last *window_days* days; returns are no orders."""
    sums, field = _sums(tables, window_days)
    both = sums.groupby("customer_id").sum().drop(columns="half")
    kept = both[both["orders"] >= least]
    whole = _ratios(kept)
    halves = [_ratios(sums[sums["half"] == h].set_index("customer_id").drop(columns="half").reindex(kept.index)) for h in (0, 1)]
    names = [c for c in whole if len(whole) > 2 and whole[c].std() > 0]
    reliability = {}
    for name in names:
        pair = pd.concat([half[name] for half in halves], axis=1).dropna().to_numpy()
        spread = pair.std(axis=0) if len(pair) > 2 else np.zeros(2)
        r = float(np.corrcoef(pair.T)[0, 1]) if spread.min() > 0 else 0.0
        reliability[name] = round(max(0.0, 2 * r / (1 + r)) if r > -1 else 0.0, 6)
    whole.insert(0, "orders", kept["orders"].astype(int))
    return Habits(whole[["orders", *names]].reset_index(), pd.Series(reliability, dtype=float), field)


def _sums(tables: Tables, window_days: int) -> tuple[pd.DataFrame, str]:
    """Counts by customer and half: orders, those of each habit, lines and those of each kind; all of them whole numbers."""
    orders = tables.orders
    orders = orders.filter(
        orders.customer_id.notnull(), orders.order_amount >= 0, orders.order_date >= window_start(tables, window_days)
    )
    place = ibis.row_number().over(group_by=orders.customer_id, order_by=[orders.order_date, orders.order_id])
    halved = orders.mutate(half=(place % 2).cast("int64"))
    hour = halved.order_date.hour()
    counted = {
        "orders": halved.count(),
        "weekend": (halved.order_date.day_of_week.index() >= SATURDAY).sum(),
        **{name: ((hour >= first) & (hour < end)).sum() for name, (first, end) in HOURS.items()},
        "timed": (halved.order_date != halved.order_date.truncate("D")).sum(),
    }
    if not tables.missing("orders.discount_amount"):
        counted["orders_discounted"] = (halved.discount_amount > 0).sum()
    sums = frame(halved.group_by("customer_id", "half").aggregate(**counted), by=["customer_id", "half"])
    if (sums.pop("timed") == 0).all():  # days without a time of day
        sums = sums.drop(columns=list(HOURS))
    if tables.missing("order_lines.order_id"):
        return sums, ""
    lines = tables.order_lines
    lines = lines.filter(lines.line_amount >= 0).select("order_id", "product_id")
    joined = lines.join(halved.select("order_id", "customer_id", "half"), "order_id")
    per_half = frame(joined.group_by("customer_id", "half").aggregate(lines=joined.count()), by=["customer_id", "half"])
    sums = sums.merge(per_half, on=["customer_id", "half"], how="left")
    field = _kind(tables)
    if field:
        products = tables.products.filter(tables.products[field].notnull()).select("product_id", kind=tables.products[field])
        kinds = joined.join(products, "product_id")
        counts = frame(
            kinds.group_by("customer_id", "half", "kind").aggregate(n=kinds.count()), by=["customer_id", "half", "kind"]
        )
        total = counts.groupby("kind")["n"].sum()
        top = sorted(total.index, key=lambda k: (-total[k], k))[:KINDS]
        wide = (
            counts[counts["kind"].isin(top)].pivot(index=["customer_id", "half"], columns="kind", values="n").reindex(columns=top)
        )
        wide.columns = [f"lines: {kind}" for kind in wide.columns]
        sums = sums.merge(wide.reset_index(), on=["customer_id", "half"], how="left")
    return sums.fillna(0), field


def _kind(tables: Tables) -> str:
    """The field of products by which lines are told apart: categories, or departments where there are too many of them."""
    fields = [f for f in ("category", "department") if not tables.missing(f"products.{f}")]
    if len(fields) == 2 and int(tables.products.category.nunique().to_pandas()) > MANY:
        return "department"
    return fields[0] if fields else ""


def _ratios(sums: pd.DataFrame) -> pd.DataFrame:
    """Habits of counted *sums*; missing where there is nothing to count."""
    orders = sums["orders"].where(sums["orders"] > 0)
    out = {name: sums[name] / orders for name in HABITS if name in sums}
    if "lines" in sums:
        lines = sums["lines"].where(sums["lines"] > 0)
        out["lines_per_order"] = np.log(lines / orders)
        out |= {name: sums[name] / lines for name in sums if name.startswith("lines: ")}
    return pd.DataFrame(out, index=sums.index)
