"""What is bought after what: from one day with an order to the next, which category gives way to which."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _
from fivestep.needs.lines import lines_by
from fivestep.needs.pairs import FALSE_DISCOVERY_RATE

FEWEST = 30  # changes from one of the two categories to the other, in either direction
CATEGORIES = 60  # most bought
SHOWN = 15

_ANSWERS = N_("which category customers buy after which")


@dataclass(frozen=True)
class ThenBought:
    """Of the changes between two categories from one day with an order to the customer's next, how many go which way.

    A change from A to B: A was bought on the one day and B not, B on the next and A not. ``table``: one row per pair of
    categories with at least 30 changes, clearest first: category_first, category_then (the more frequent direction), changes
    (both directions), changes_in_order, share_in_order, in_order_low, in_order_high (95 %), p_value, q_value. Where days come in
    no particular order half of the changes go each way, however popular either category is.
    """

    table: pd.DataFrame
    first_day: dt.date
    last_day: dt.date

    def found(self) -> pd.DataFrame:
        """Pairs whose order is more than chance."""
        return self.table[self.table["q_value"] <= FALSE_DISCOVERY_RATE].reset_index(drop=True)

    def shown(self, n: int = SHOWN) -> pd.DataFrame:
        """The *n* clearest pairs; where none is clear, the nearest to it."""
        rows = self.found() if len(self.found()) else self.table
        return rows.drop(columns=["p_value", "q_value"]).head(n)

    def headline(self) -> str:
        """The clearest order, or that there is none."""
        found = self.found()
        if found.empty:
            return _("No category is clearly bought after another rather than before it")
        row = found.iloc[0]
        return _("From {a} customers go on to {b}: {share} of the changes between the two go this way").format(
            a=_name(row["category_first"]),
            b=_name(row["category_then"]),
            share=language.percent(row["share_in_order"]),
        )

    def note(self) -> str:
        """Base and definitions."""
        return _(
            "{first} to {last}. A change from A to B: A was bought on one day and not on the customer's next day with an order, "
            "B the other way round. Without any order half of the changes would go each way, however popular the two are. False "
            "discovery rate {level} over {pairs} pairs."
        ).format(
            first=language.day(self.first_day),
            last=language.day(self.last_day),
            level=language.percent(FALSE_DISCOVERY_RATE, 0),
            pairs=language.number(len(self.table)),
        )

    def finding(self) -> Finding:
        """How many pairs have an order."""
        n = len(self.found())
        return Finding(
            key="needs.categories_in_order",
            value=float(n),
            unit="count",
            display=language.number(n),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Show the second category to who has just bought the first, in a test against doing nothing.")
            if n
            else _("Do not time offers by what was bought first: these orders show no such sequence."),
            confidence="medium",
            warnings=(_("One after the other is not one because of the other: both may follow from a move, a child, a season."),),
        )


def _name(raw: str) -> str:
    return language.value("products.category", raw)


@needs("order_lines.product_id", "order_lines.customer_id", "products.category", answers=_ANSWERS)
def then_bought(tables: Tables) -> ThenBought | NotAvailable:
    """Changes between every two of the 60 most bought categories, from one day with an order to the customer's next.

    Exact binomial test against one half, as under exchangeable days both directions are equally likely (time-reversal symmetry;
    McNemar 1947 for the changes of one pair), Benjamini and Hochberg (1995) over the pairs.
    """
    from scipy import stats

    lines = lines_by(tables, "category")
    lines = lines.filter(lines.bought & lines.category.notnull() & lines.customer_id.notnull())
    counts = lines.group_by("category").aggregate(n=lines.order_id.nunique())
    counts = frame(counts, by=["category"]).sort_values(["n", "category"], ascending=[False, True])
    kept = sorted(counts["category"].head(CATEGORIES))
    codes = ibis.memtable(pd.DataFrame({"category": kept, "code": np.arange(len(kept), dtype=np.int32)}))
    days = lines.select("customer_id", day=lines.order_date.date()).distinct()
    mine = ibis.window(group_by="customer_id", order_by="day")
    days = days.mutate(number=ibis.row_number().over(mine))
    bought = lines.inner_join(codes, "category").select("customer_id", "code", day=lines.order_date.date()).distinct()
    bought = bought.inner_join(days, ["customer_id", "day"]).select("customer_id", "code", "number")
    earlier = bought.select("customer_id", "code", number=bought.number + 1)
    keys = ["customer_id", "number", "code"]
    gained = bought.filter(bought.number > 0).anti_join(earlier, keys).select("customer_id", "number", then="code")
    dropped = earlier.anti_join(bought, keys)  # of a customer's last day too, after which nothing is gained
    met = dropped.inner_join(gained, ["customer_id", "number"])
    ordered = frame(met.group_by("code", "then").aggregate(n=met.count()), by=["code", "then"])
    changes = np.zeros((len(kept), len(kept)), dtype=np.int64)
    changes[ordered["code"], ordered["then"]] = ordered["n"]
    i, j = np.nonzero(np.triu(changes + changes.T >= FEWEST, k=1))
    if not len(i):
        reason = _("too few customers change from one category to another.")
        return NotAvailable((), _(_ANSWERS), reason=reason)
    turned = changes[i, j] < changes[j, i]
    i, j = np.where(turned, j, i), np.where(turned, i, j)
    n, k = (changes + changes.T)[i, j], changes[i, j]
    p = [stats.binomtest(int(a), int(b)).pvalue for a, b in zip(k, n, strict=True)]
    low, high = wilson(k, n)
    names = np.array(kept, dtype=object)
    out = pd.DataFrame(
        {
            "category_first": names[i],
            "category_then": names[j],
            "changes": n,
            "changes_in_order": k,
            "share_in_order": k / n,
            "in_order_low": low,
            "in_order_high": high,
            "p_value": p,
            "q_value": stats.false_discovery_control(p, method="bh"),
        }
    )
    out = out.sort_values(["q_value", "p_value", "category_first", "category_then"], ignore_index=True)
    return ThenBought(out, tables.first_day, tables.last_day)
