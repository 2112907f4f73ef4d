"""What tills and stock counts say of purchases, stock and products that were out of stock."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import Z
from fivestep.language import N_, _

FEWEST = 28  # days with stock below which nothing is said of the usual sales, or of how often it was lacking
RECENT = 28  # days of sales from which cover is reckoned
NEVER = 3.0  # of what was never seen in n days, at most so many in n days (95 %)
SHOWN = 15
_ANSWERS = N_("how long the stock lasts, how often products are out of stock, and what was not sold for that reason")


@dataclass(frozen=True)
class Stock:
    """Sales and stock of every product at every store where it is kept.

    ``table``: one row per product and store, most often out of stock first: product_id, product (its name), store, days
    (product-store-days on which the stock was counted), out (those at whose end nothing was left), whole (those on which nothing
    was there all day), sold (units by order lines on these days), used (units by the stock itself: what was there and came, less
    what was left) and used_sold (units by order lines on the same days), NaN where deliveries are unknown; daily (units a day
    with stock), left (units at the last count), cover (days that these last), recent (units a day of the last 28), lost,
    lost_low, lost_high (units that would have been sold on whole days without stock, with the 95 % interval of a prediction),
    lost_money; shelf_days, shelf_empty (days with stock and a count of the shelf; those with nothing on it). NaN where it cannot
    be known. ``unknown``: rows without a count; ``later``: rows after the as-of date, which are left out; ``sold_without``: units
    sold on days on which the stock says that there were none.
    """

    table: pd.DataFrame
    first: dt.date
    last: dt.date
    unknown: int
    sold_without: float
    later: int = 0

    # ---------------------------------------------------------------- numbers
    @property
    def rate(self) -> float:
        """Product-store-days without stock in the evening, of all that were counted."""
        return float(self.table["out"].sum() / self.table["days"].sum())

    def interval(self) -> tuple[float, float]:
        """95 % interval of `rate`, by product and store: days of one follow each other. NaN with fewer than two.

        Source: Cochran (1977), Sampling techniques, 3rd ed., section 9A.3 (ratio estimate of clusters).
        """
        t, n = self.table, len(self.table)
        if n < 2:
            return math.nan, math.nan
        rest = t["out"] - self.rate * t["days"]
        error = math.sqrt(n / (n - 1) * float((rest**2).sum())) / float(t["days"].sum())
        return max(self.rate - Z * error, 0.0), min(self.rate + Z * error, 1.0)

    def lost(self) -> tuple[float, float, float, float]:
        """Units not sold for want of stock, low, high, and their worth; NaN where stock was not counted on days in a row."""
        return _together(self.table)

    def worst(self) -> pd.DataFrame:
        """Products and stores with enough days, most often out of stock first; what nobody bought is not missed."""
        t = self.table[(self.table["days"] >= FEWEST) & (self.table["out"] > 0) & (self.table["sold"] > 0)]
        return t.reset_index(drop=True)

    # ---------------------------------------------------------------- tables and figures
    def figure(self) -> Figure:
        """Days without stock at the products and stores where they are most frequent."""
        top = self.worst().head(10)
        if top.empty:
            top = self.table.head(10)
        return charts.bars(
            [_at(row) for row in top.itertuples()],
            list(top["out"] / top["days"]),
            write=lambda v: language.percent(v, 1),
            accent=[n == 0 for n in range(len(top))],
            xlabel=_("Share of the counted days at whose end nothing was in stock"),
        )

    def by_product(self, n: int = SHOWN) -> pd.DataFrame:
        """The *n* products most often out of stock, over all stores."""
        rows = []
        for (_id, product), t in self.table.groupby(["product_id", "product"], sort=False):
            units, low, high, money = _together(t)
            known = t[t["used"].notna()]
            recent = t["recent"].sum()
            rows.append(
                {
                    "stock_product": product,
                    "units_by_lines": float(t["sold"].sum()),
                    "units_unexplained": float((known["used"] - known["used_sold"]).sum()) if len(known) else math.nan,
                    "units_left": float(t["left"].sum()),
                    "stock_cover": float(t["left"].sum() / recent) if recent > 0 else math.nan,
                    "stock_days": int(t["days"].sum()),
                    "out_of_stock_share": float(t["out"].sum() / t["days"].sum()),
                    "shelf_empty_share": t["shelf_empty"].sum() / t["shelf_days"].sum() if t["shelf_days"].sum() else math.nan,
                    "units_lost": units,
                    "units_lost_low": low,
                    "units_lost_high": high,
                    "money_lost": money,
                    "_id": _id,
                }
            )
        out = pd.DataFrame(rows).sort_values(["out_of_stock_share", "_id"], ascending=[False, True], ignore_index=True)
        return out.drop(columns="_id").head(n)

    # ---------------------------------------------------------------- words
    def headline(self) -> str:
        """How often products are out of stock, and which one most."""
        said = {"share": language.percent(self.rate, 1), "n": language.number(self.table["days"].sum())}
        worst = self.worst()
        if worst.empty:
            return _("On {share} of {n} product-store-days nothing was left in stock").format(**said)
        top = worst.iloc[0]
        return _(
            "On {share} of {n} product-store-days nothing was left in stock; most often {what}: {out} of {days} days"
        ).format(**said, what=_at(top), out=language.number(top["out"]), days=language.number(top["days"]))

    def table_headline(self) -> str:
        """What was not sold for want of stock."""
        units, low, high, money = self.lost()
        if math.isnan(units):
            return _("What was not sold for want of stock is not known: no stock was counted on two days in a row")
        if not self.table["whole"].sum():
            return _("No product was out of stock for a whole day")
        if math.isnan(money):
            return _("About {units} units ({low} to {high}) were not sold for want of stock").format(**_range(units, low, high))
        return _("About {units} units ({low} to {high}) were not sold for want of stock, worth {money}").format(
            **_range(units, low, high), money=language.money(money)
        )

    def note(self) -> str:
        """Bases, definitions and the assumption behind what was not sold."""
        out = [
            _(
                "Base: {n} product-store-days from {first} to {last} on which the stock was counted; sales are those of all "
                "customers at these stores. Out of stock: nothing left at the end of the day. Cover: units left, divided by the "
                "daily sales of the last {recent} days. Unexplained: what stock and deliveries say was used, less what was sold: "
                "thrown away, stolen, or sold without an order line."
            ).format(
                n=language.number(self.table["days"].sum()),
                first=language.day(self.first),
                last=language.day(self.last),
                recent=language.number(RECENT),
            ),
            _(
                "Not sold: on days that began and ended without stock and saw no delivery ({days}), as much as on an average day "
                "with stock of the same product at the same store (of at least {fewest}), with the 95% interval of a prediction "
                "that takes days as independent. It is assumed that demand was the usual one; who took something else instead "
                "is lost to the product, not to the company."
            ).format(days=language.number(self.table["whole"].sum()), fewest=language.number(FEWEST)),
        ]
        if self.unknown:
            out.append(_("Rows without a count or with one below zero, left out: {n}.").format(n=language.number(self.unknown)))
        if self.later:
            out.append(_("Rows dated after the as-of date, left out: {n}.").format(n=language.number(self.later)))
        return " ".join(out)

    def finding(self) -> Finding:
        """How often products are out of stock."""
        low, high = self.interval()
        pairs, days = len(self.table), int(self.table["days"].sum())
        warnings = []
        if self.sold_without:
            warnings.append(
                _("{n} units were sold on days on which the stock says that there were none: some counts are wrong.").format(
                    n=language.number(self.sold_without)
                )
            )
        evidence = _("{out} of {n} product-store-days, of {pairs} products at stores.").format(
            out=language.number(self.table["out"].sum()), n=language.number(days), pairs=language.number(pairs)
        )
        if not math.isnan(low):
            evidence += " " + _("95% interval {low} to {high}.").format(
                low=language.percent(low, 1), high=language.percent(high, 1)
            )
        worst = self.worst()
        return Finding(
            key="needs.out_of_stock_share",
            value=self.rate,
            unit="share",
            display=language.percent(self.rate, 1),
            text=language.sentence(self.headline()),
            evidence=evidence,
            so_what=_("Look first at {what}: order earlier, or hold more than lasts until the next delivery.").format(
                what=_at(worst.iloc[0])
            )
            if len(worst)
            else _("Count on {days} days or more at each store before the stock is judged.").format(days=language.number(FEWEST))
            if self.table["days"].max() < FEWEST
            else _("Keep the stock as it is; less of it may do where cover is long."),
            confidence="medium" if days >= FEWEST * 10 and not warnings else "low",
            warnings=tuple(warnings),
            assumptions=(self.note(),),
        )


def _at(row) -> str:
    said = row._asdict() if hasattr(row, "_asdict") else row
    return _("{product} at {store}").format(
        product=language.value("products.product_name", said["product"]), store=language.value("orders.store", said["store"])
    )


def _range(units: float, low: float, high: float) -> dict[str, str]:
    return {name: language.number(round(value)) for name, value in (("units", units), ("low", low), ("high", high))}


def _together(t: pd.DataFrame) -> tuple[float, float, float, float]:
    """Units lost of several products and stores, with the interval of the sum and the worth of what has a price."""
    known = t[t["lost"].notna()]
    if known.empty:
        return math.nan, math.nan, math.nan, math.nan
    units = float(known["lost"].sum())
    below = math.sqrt(float(((known["lost"] - known["lost_low"]) ** 2).sum()))
    above = math.sqrt(float(((known["lost_high"] - known["lost"]) ** 2).sum()))
    money = known["lost_money"]
    return units, max(units - below, 0.0), units + above, float(money.sum()) if money.notna().any() else math.nan


@needs("stock.on_hand", "order_lines.quantity", "order_lines.store", answers=_ANSWERS)
def stock(tables: Tables) -> Stock | NotAvailable:
    """Sales, stock and days without stock of every product at every store where it was counted.

    Rows without a count, or with one below zero, are left out and told; returns are no sales. The stock serves everybody, so a
    report on a part of the customers has none, unless the part is a store. Not available where no row has a count, or no line was
    sold at a store that counts its stock.
    """
    counted = tables.stock.filter(tables.stock.on_hand >= 0)
    span = counted.aggregate(first=counted.stock_date.min(), last=counted.stock_date.max(), n=counted.count()).to_pandas().iloc[0]
    unknown = int(tables.stock.count().to_pandas()) - int(span["n"])
    later = int(tables.uncut["stock"].filter(ibis._.stock_date.cast("date") > tables.as_of).count().to_pandas())
    if later and not span["n"]:
        return NotAvailable((), _(_ANSWERS), reason=_("every row of the stock that has a count is dated after the as-of date."))
    if not span["n"]:
        return NotAvailable((), _(_ANSWERS), reason=_("no row of the stock has a count."))
    first, last = pd.Timestamp(span["first"]).date(), pd.Timestamp(span["last"]).date()
    sold = _sold(tables, first, last)
    whole_lines = counted.semi_join(sold.select("store").distinct(), "store").count().to_pandas()
    if not whole_lines:
        return NotAvailable((), _(_ANSWERS), reason=_("no line was sold at a store that counts its stock."))
    table = _by_product_and_store(_daily(counted, sold), last)
    without = float(table.pop("without").sum())
    names = table["product_id"]
    if not tables.missing("products.product_name"):
        known = frame(tables.products.select("product_id", name=tables.products.product_name), by=["product_id"])
        names = table["product_id"].map(known.drop_duplicates("product_id").set_index("product_id")["name"])
    table.insert(1, "product", names.fillna(table["product_id"]).astype(str))
    table["_share"] = -(table["out"] / table["days"]).round(12)
    table = table.sort_values(["_share", "product_id", "store"], ignore_index=True).drop(columns="_share")
    return Stock(table, first, last, unknown, without, later)


def _sold(tables: Tables, first: dt.date, last: dt.date) -> ibis.Table:
    """Units and money by day, store and product."""
    lines, end = tables.order_lines, last + dt.timedelta(days=1)
    lines = lines.filter(
        lines.order_date >= dt.datetime.combine(first, dt.time()),
        lines.order_date < dt.datetime.combine(end, dt.time()),
        lines.store.notnull(),
        lines.quantity > 0,
    )
    day = lines.order_date.date()
    money = {"money": lines.line_amount.sum().cast("float64")} if "line_amount" in lines.columns else {}
    return lines.group_by(stock_date=day, store=lines.store, product_id=lines.product_id).aggregate(
        units=lines.quantity.sum().cast("float64"), **money
    )


def _daily(counted: ibis.Table, sold: ibis.Table) -> ibis.Table:
    """One row per product, store and day with a count: what was sold on it, and what was there the evening before."""
    keys = ["stock_date", "store", "product_id"]
    extra = [c for c in ("received", "on_shelf") if c in counted.columns]
    base = counted.select(stock_date=counted.stock_date.cast("date"), **{c: counted[c] for c in ("store", "product_id")},
                          **{c: counted[c].cast("float64") for c in ("on_hand", *extra)})  # fmt: skip
    base = base.mutate(**{c: ibis.null("float64") for c in ("received", "on_shelf") if c not in extra})
    day = base.left_join(sold, keys).drop(*(f"{k}_right" for k in keys))
    money = day.money.fill_null(0.0) if "money" in day.columns else ibis.null("float64")
    day = day.mutate(units=day.units.fill_null(0.0), money=money)
    before = ibis.window(group_by=["product_id", "store"], order_by="stock_date")
    day = day.mutate(there=day.on_hand.lag().over(before), evening=day.stock_date.lag().over(before))
    in_a_row = (day.evening == day.stock_date - ibis.interval(days=1)).fill_null(False)
    day = day.mutate(in_a_row=in_a_row, was=ibis.ifelse(in_a_row, day.there, ibis.null("float64")))
    return day.mutate(
        out=day.on_hand <= 0,
        none=((day.on_hand <= 0) & (day.was <= 0) & (day.received.fill_null(0.0) == 0)).fill_null(False),
        used=day.was + day.received - day.on_hand,
    )


def _by_product_and_store(day: ibis.Table, last: dt.date) -> pd.DataFrame:
    whole = day.none & (day.units == 0)
    there = ~whole
    recent = day.stock_date > last - dt.timedelta(days=RECENT)
    shelf = (day.on_hand > 0) & day.on_shelf.notnull()
    table = frame(
        day.group_by("product_id", "store").aggregate(
            days=day.count(),
            out=day.out.sum(),
            whole=whole.sum(),
            in_a_row=day.in_a_row.sum(),
            without=day.units.sum(where=day.none),
            sold=day.units.sum(),
            used=day.used.sum(),
            used_sold=day.units.sum(where=day.used.notnull()),
            kept_days=there.sum(),
            kept_units=day.units.sum(where=there),
            kept_squares=(day.units * day.units).sum(where=there),
            kept_money=day.money.sum(where=there),
            left=day.on_hand.argmax(day.stock_date),
            recent=day.units.mean(where=recent),
            shelf_days=shelf.sum(),
            shelf_empty=(shelf & (day.on_shelf <= 0)).sum(),
        ),
        by=["product_id", "store"],
    )
    counts = ["days", "out", "whole", "in_a_row", "kept_days", "shelf_days", "shelf_empty"]
    table[counts] = table[counts].fillna(0).astype(int)
    numbers = ["without", "sold", "used", "used_sold", "kept_units", "kept_squares", "kept_money", "left", "recent"]
    table[numbers] = table[numbers].astype(float)
    table[["without", "recent"]] = table[["without", "recent"]].fillna(0.0)
    n, gone = table["kept_days"].astype(float), table["whole"].astype(float)
    enough = n >= FEWEST
    table["daily"] = (table["kept_units"] / n).where(enough)
    table["cover"] = (table["left"] / table["recent"]).where(table["recent"] > 0)
    spread = ((table["kept_squares"] - n * table["daily"] ** 2) / (n - 1)).clip(lower=0)
    spread = np.maximum(spread, table["daily"])  # counts differ at least as those of a Poisson process
    known = enough & (table["in_a_row"] > 0)
    table["lost"] = (table["daily"] * gone).where(known)
    half = Z * np.sqrt(gone * spread + gone**2 * spread / n)
    half = half.where(table["kept_units"] > 0, NEVER * gone / n)
    table["lost_low"], table["lost_high"] = (table["lost"] - half).clip(lower=0), table["lost"] + half
    price = table["kept_money"] / table["kept_units"].where(table["kept_units"] > 0)
    table["lost_money"] = (table["lost"] * price).where(table["lost"] != 0, 0.0)  # missing where lost or the price is
    return table[
        ["product_id", "store", "days", "out", "whole", "sold", "used", "used_sold", "daily", "left", "cover", "recent", "lost",
         "lost_low", "lost_high", "lost_money", "shelf_days", "shelf_empty", "without"]
    ]  # fmt: skip
