"""Where and when each product sells: spend by region, quarter and product group, and three readings of it in words."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _
from fivestep.profiling.covered_months import covered_months, period

ANSWERS = N_("where and when each product sells and what sells in each region")
PLACES = (("customers", "region"), ("customers", "province"), ("customers", "city"), ("orders", "store"))
PRODUCTS = ("department", "category", "product_line")
SHOWN = 10
FEW_LINES, FEW_BUYERS = 30, 10
MOST = 60  # regions, or products: more are no cube that can be read
CLEAR = 110.0  # an index from which something sells more than usual
WHERE, WHEN, WHAT = N_("Where it sells"), N_("When it sells"), N_("What sells there")
NOTHING = {WHERE: N_("as everywhere"), WHEN: N_("all the year"), WHAT: N_("the usual mix")}


@dataclass(frozen=True)
class ProductCube:
    """Spend by region, quarter and product group.

    ``table``: one row for every cell with a line: sold_region, quarter (its first day), sold_product, lines, spend; lines of
    unknown region or product are not in it. ``readings``: reading (where, when, what), read_thing (product or region),
    read_answer, read_share (of the thing's spend), read_usual (share of all spend, or of days), read_index (100 = as usual),
    customers; answer None where nothing is 10 % above the usual with 30 lines of 10 customers.
    """

    table: pd.DataFrame
    readings: pd.DataFrame
    place: tuple[str, str]
    product: str
    quarters: pd.DataFrame
    left_out: tuple[int, int]
    first_day: dt.date
    as_of: dt.date

    def region(self, raw: str) -> str:
        """A region as the reader sees it."""
        return language.value(".".join(self.place), raw)

    def name(self, raw: str) -> str:
        """A product group as the reader sees it."""
        return language.value(f"products.{self.product}", raw)

    def index(self) -> pd.DataFrame:
        """Index of each product (row) in each region (column): share of the region's spend, 100 = share of all spend."""
        grid = self.table.pivot_table(index="sold_product", columns="sold_region", values="spend", aggfunc="sum", fill_value=0.0)
        rows = sorted(grid.index, key=lambda p: (-grid.loc[p].sum(), p))[:SHOWN]
        cols = sorted(grid.columns, key=lambda r: (-grid[r].sum(), r))[:SHOWN]
        total = grid.to_numpy().sum()
        expected = np.outer(grid.sum(axis=1), grid.sum(axis=0)) / total
        index = pd.DataFrame(
            np.where(expected > 0, 100 * grid.to_numpy() / np.where(expected > 0, expected, 1), np.nan),
            index=grid.index,
            columns=grid.columns,
        )
        return index.loc[rows, cols]

    def figure(self) -> Figure:
        """The index of each product in each region."""
        grid = self.index()
        grid.index, grid.columns = [self.name(p) for p in grid.index], [self.region(r) for r in grid.columns]
        return charts.heatmap(grid, write=language.number)

    def answers(self) -> pd.DataFrame:
        """The three readings as the reader sees them."""
        out = self.readings.copy()
        where = out["reading"] == WHAT
        out["read_thing"] = [self.region(v) if w else self.name(v) for v, w in zip(out["read_thing"], where, strict=True)]
        out["read_answer"] = [
            _(NOTHING[r]) if language.absent(v) else self.region(v) if r == WHERE else quarter(v) if r == WHEN else self.name(v)
            for v, r in zip(out["read_answer"], out["reading"], strict=True)
        ]
        return out

    def _best(self, reading: str) -> pd.Series | None:
        part = self.readings[(self.readings["reading"] == reading) & self.readings["read_answer"].notna()]
        part = part.sort_values(["read_index", "read_thing"], ascending=[False, True])
        return part.iloc[0] if len(part) else None

    def headline(self) -> str:
        """The product that sells furthest above the usual in one region."""
        best = self._best(WHERE)
        if best is None:
            return _("Every product sells in every region as everywhere")
        return _("{product} sells most above the usual in {region}: {share} of its spend, against {usual} of all spend").format(
            product=self.name(best["read_thing"]),
            region=self.region(best["read_answer"]),
            share=language.percent(best["read_share"]),
            usual=language.percent(best["read_usual"]),
        )

    def answers_headline(self) -> str:
        """The clearest season and the clearest regional preference."""
        when, what = self._best(WHEN), self._best(WHAT)
        said = [
            _("no product sells markedly more in one quarter")
            if when is None
            else _("{product} sells most per day in {quarter}").format(
                product=self.name(when["read_thing"]), quarter=quarter(when["read_answer"])
            ),
            _("no region has a mix of its own")
            if what is None
            else _("{region} buys {product} above the usual").format(
                region=self.region(what["read_thing"]), product=self.name(what["read_answer"])
            ),
        ]
        return _("Read three ways: {when}; {what}").format(when=said[0], what=said[1])

    def note(self) -> str:
        """Base and definitions."""
        regions, products = self.left_out
        base = _(
            "Base: {n} order lines, {period}. Index: share of the region's spend, 100 = share of all spend; when: spend per "
            "day in a "
            "whole quarter, 100 = all days, growth included. Above the usual: 110 or more with {few} lines of {buyers} "
            "customers or "
            "more; this describes these sales and tests no cause."
        ).format(
            n=language.number(self.table["lines"].sum()),
            period=period(self.first_day, self.as_of),
            few=language.number(FEW_LINES),
            buyers=language.number(FEW_BUYERS),
        )
        out = (
            _("{a} lines of unknown region and {b} of unknown product are left out.").format(
                a=language.number(regions), b=language.number(products)
            )
            if regions or products
            else ""
        )
        return " ".join(filter(None, (base, out)))

    def finding(self) -> Finding:
        """The highest index of a product in a region."""
        best = self._best(WHERE)
        value = 100.0 if best is None else float(best["read_index"])
        return Finding(
            key="profiling.product_region_index",
            value=value,
            unit="index",
            display=language.number(value),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Stock and advertise it there first; ask what the other regions lack.")
            if best is not None
            else _("Plan one range for all regions."),
            confidence="medium",
            warnings=()
            if len(self.quarters) >= 8
            else (_("Less than two years of data: a quarter can be high by chance or by a single campaign."),),
        )


def quarter(first: dt.date) -> str:
    """A quarter of a year in words."""
    day = pd.Timestamp(first)
    return _("quarter {n} of {year}").format(n=day.quarter, year=day.year)


@needs("order_lines.line_amount", "order_lines.order_date", "order_lines.product_id", "products.product_id", answers=ANSWERS)
def product_cube(tables: Tables) -> ProductCube | NotAvailable:
    """Spend by region of the customer (else province, city; else store of the order), quarter and department (else category);
    each of 2 to 60 values.

    Returned lines lower spend; a region or product whose spend is not above 0 is not read.
    """
    place = next((p for p in PLACES if not tables.missing(".".join(p)) and _several(tables, *p)), None)
    product = next((p for p in PRODUCTS if not tables.missing(f"products.{p}") and _several(tables, "products", p)), None)
    if place is None or product is None:
        lacking = ("customers.region",) if place is None else ()
        return NotAvailable((*lacking, *(("products.department",) if product is None else ())), _(ANSWERS))
    products = tables.products.select(_product=tables.products.product_id, sold_product=tables.products[product])
    lines = tables.order_lines
    lines = lines.left_join(products, lines.product_id == products._product)
    if place[0] == "customers":
        people = tables.customers.select(_who=tables.customers.customer_id, sold_region=tables.customers[place[1]])
        lines = lines.left_join(people, lines.customer_id == people._who)
    else:
        stores = tables.orders.select(_order=tables.orders.order_id, sold_region=tables.orders.store).distinct(
            on="_order", keep="first"
        )
        lines = lines.left_join(stores, lines.order_id == stores._order)
    lines = lines.mutate(quarter=lines.order_date.truncate("Q").cast("date"))
    keys = ["sold_region", "quarter", "sold_product"]
    cells = frame(lines.group_by(*keys).aggregate(lines=lines.count(), spend=lines.line_amount.sum().fill_null(0)), by=keys)
    lost = int(cells.loc[cells["sold_region"].isna(), "lines"].sum()), int(cells.loc[cells["sold_product"].isna(), "lines"].sum())
    table = cells.dropna().reset_index(drop=True)
    table["quarter"] = pd.to_datetime(table["quarter"])
    if table.empty or table["spend"].sum() <= 0:
        return NotAvailable((), _(ANSWERS), reason=_("No spend has both a known region and a known product."))
    quarters = _quarters(tables)
    known = lines.filter(lines.sold_region.notnull() & lines.sold_product.notnull())
    where, when = (_buyers(known, keys) for keys in (["sold_product", "sold_region"], ["sold_product", "quarter"]))
    readings = pd.concat(
        [
            _read(WHERE, table, where, "sold_product", "sold_region"),
            _seasons(table, when, quarters),
            _read(WHAT, table, where, "sold_region", "sold_product"),
        ],
        ignore_index=True,
    )
    return ProductCube(table, readings, place, product, quarters, lost, tables.first_day, tables.as_of)


def _several(tables: Tables, table: str, field: str) -> bool:
    return 1 < int(getattr(tables, table)[field].nunique().to_pandas()) <= MOST


def _buyers(lines: ibis.Table, keys: list[str]) -> pd.DataFrame:
    found = frame(lines.group_by(*keys).aggregate(customers=lines.customer_id.nunique()), by=keys)
    return found.assign(quarter=pd.to_datetime(found["quarter"])) if "quarter" in found else found


def _quarters(tables: Tables) -> pd.DataFrame:
    """quarter, days covered, complete."""
    months = covered_months(tables)
    start = months["month"].dt.to_period("Q").dt.start_time
    by = months.groupby(start).agg(days=("days", "sum"), complete=("complete", "all"), months=("month", "size"))
    by["complete"] &= by["months"] == 3
    return by.rename_axis("quarter").reset_index()[["quarter", "days", "complete"]]


def _read(reading: str, table: pd.DataFrame, buyers: pd.DataFrame, thing: str, answer: str) -> pd.DataFrame:
    """For each of the ten largest things the answer with the highest index, where one is above the usual."""
    cells = table.groupby([thing, answer])[["lines", "spend"]].sum().reset_index().merge(buyers, on=[thing, answer])
    own, usual = (
        cells.groupby(thing)["spend"].transform("sum"),
        cells.groupby(answer)["spend"].transform("sum") / cells["spend"].sum(),
    )
    cells = cells.assign(read_share=cells["spend"] / own.where(own > 0), read_usual=usual.where(usual > 0))
    cells["read_index"] = 100 * cells["read_share"] / cells["read_usual"]
    able = cells[(cells["lines"] >= FEW_LINES) & (cells["customers"] >= FEW_BUYERS) & (cells["read_index"] >= CLEAR)]
    best = able.sort_values(["read_index", answer], ascending=[False, True]).drop_duplicates(thing).set_index(thing)
    return _rows(reading, cells.groupby(thing)["spend"].sum(), best.rename(columns={answer: "read_answer"}))


def _seasons(table: pd.DataFrame, buyers: pd.DataFrame, quarters: pd.DataFrame) -> pd.DataFrame:
    """For each of the ten largest products the whole quarter with the highest spend per day, where it is above the usual."""
    cells = table.groupby(["sold_product", "quarter"])[["lines", "spend"]].sum().reset_index()
    cells = cells.merge(quarters, on="quarter").merge(buyers, on=["sold_product", "quarter"])
    total = table.groupby("sold_product")["spend"].sum()
    own = cells["sold_product"].map(total)
    cells["read_share"] = cells["spend"] / own.where(own > 0)
    cells["read_usual"] = cells["days"] / quarters["days"].sum()
    cells["read_index"] = 100 * cells["read_share"] / cells["read_usual"]
    several = quarters["complete"].sum() > 1
    enough = (cells["lines"] >= FEW_LINES) & (cells["customers"] >= FEW_BUYERS)
    able = cells[cells["complete"] & enough & (cells["read_index"] >= CLEAR) & several]
    best = able.sort_values(["read_index", "quarter"], ascending=[False, True]).drop_duplicates("sold_product")
    return _rows(WHEN, total, best.set_index("sold_product").rename(columns={"quarter": "read_answer"}))


def _rows(reading: str, spend: pd.Series, best: pd.DataFrame) -> pd.DataFrame:
    things = sorted(spend.index[spend > 0], key=lambda t: (-spend[t], t))[:SHOWN]
    found = best.reindex(things)[["read_answer", "read_share", "read_usual", "read_index", "customers"]]
    answers = found["read_answer"].astype(object).where(found["read_answer"].notna(), None)
    return (
        pd.DataFrame({"reading": reading, "read_thing": things})
        .assign(**found.drop(columns="read_answer").reset_index(drop=True))
        .assign(read_answer=answers.to_numpy())[
            ["reading", "read_thing", "read_answer", "read_share", "read_usual", "read_index", "customers"]
        ]
    )
