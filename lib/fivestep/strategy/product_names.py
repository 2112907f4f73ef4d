"""Products by their names."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from fivestep.engine import Tables, frame


def with_product_names(table: pd.DataFrame, tables: Tables, names: Sequence[str]) -> pd.DataFrame:
    """The columns *names*, of product ids, as names where the data has them; the id stands beside a name that several share."""
    if tables.missing("products.product_name"):
        return table
    said = tables.products.distinct(on="product_id", keep="first").select("product_id", "product_name")
    known = frame(said, by=["product_id"]).set_index("product_id")["product_name"].dropna()
    alike = known.duplicated(keep=False)
    known[alike] = [f"{name} ({key})" for key, name in known[alike].items()]
    return table.assign(**{c: table[c].map(known).fillna(table[c]) for c in names})
