"""The worksheets: sheets of questions that decide a marketing plan, answered as far as the data can."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from fivestep import language, yaml_file
from fivestep.coverage import coverage
from fivestep.engine import Tables, frame
from fivestep.language import _, ngettext

SHIPPED = Path(__file__).with_name("worksheets.yml")
YEAR = 365  # days that the numbers of this module count
LARGEST = 10  # customers whose share of spend tells the power of buyers
SHOWN = 3  # values of a field that are named
STEPS = ("profiling.", "segmentation.", "needs.", "strategy.")  # whose findings answer; evaluation comes later

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Row(_Entry):
    """A question of a worksheet; at most one of *finding*, *shares* and *number* says how the data answers it."""

    item: Text
    question: Text
    finding: str = ""
    shares: str = ""
    number: str = ""

    @model_validator(mode="after")
    def _known(self) -> Row:
        if sum(map(bool, (self.finding, self.shares, self.number))) > 1:
            raise ValueError("give one of finding, shares and number")
        if self.number and self.number not in NUMBERS:
            raise ValueError(f"number is one of {', '.join(NUMBERS)}")
        if self.finding and not self.finding.startswith(STEPS):
            raise ValueError("finding is a key of steps 1 to 4")
        return self


class Worksheet(_Entry):
    """A sheet: title, what it decides, its questions, and the ids of docs/coverage.yml that it answers when filled."""

    sheet: Text
    answers: list[str]
    decides: Text
    rows: list[Row] = Field(min_length=1)


class _File(_Entry):
    worksheets: list[Worksheet] = Field(min_length=1)


@dataclass(frozen=True)
class Worksheets:
    """The worksheets, filled as far as the data can.

    ``table``: one row per question, in the order of the sheets: worksheet, worksheet_item, worksheet_question, worksheet_answer
    and worksheet_base (what was counted, with every warning; both missing where people must answer).
    """

    table: pd.DataFrame
    sheets: tuple[Worksheet, ...]

    def summary(self) -> pd.DataFrame:
        """One row per worksheet: worksheet, worksheet_decides, worksheet_filled, worksheet_open."""
        known = self.table["worksheet_answer"].notna()
        counted = known.groupby(self.table["worksheet"]).agg(filled="sum", rows="size").reindex([s.sheet for s in self.sheets])
        return pd.DataFrame({
            "worksheet": [s.sheet for s in self.sheets],
            "worksheet_decides": [s.decides for s in self.sheets],
            "worksheet_filled": counted["filled"].to_numpy(dtype=int),
            "worksheet_open": (counted["rows"] - counted["filled"]).to_numpy(dtype=int),
        })  # fmt: skip

    def headline(self) -> str:
        """How many questions the data answers."""
        n, all_ = int(self.table["worksheet_answer"].notna().sum()), len(self.table)
        return _("The data answers {n} of the {all} questions of {sheets} worksheets").format(
            n=language.number(n), all=language.number(all_), sheets=language.number(len(self.sheets))
        )

    def note(self) -> str:
        """Where the sheets are, and what is left to people."""
        return _(
            "The sheets are in the exports, as worksheets.xlsx. What the data cannot answer is left blank for people; an answer "
            "of the data says what it counts."
        )

    def forms(self) -> dict[str, tuple[str, pd.DataFrame]]:
        """Title of each sheet -> what it decides, and its rows as people fill them in; in the language of the report."""
        said = self.table.assign(
            worksheet_item=self.table["worksheet_item"].map(_), worksheet_question=self.table["worksheet_question"].map(_)
        )
        return {
            _(s.sheet): (_(s.decides), said[said["worksheet"] == s.sheet].drop(columns="worksheet").reset_index(drop=True))
            for s in self.sheets
        }


def worksheets(tables: Tables, findings: Iterable[Mapping[str, Any]]) -> Worksheets:
    """Fill the worksheets from the tables, and from the *findings* of the run (mappings with key, text, evidence, warnings).

    Numbers of this module count the last `YEAR` days, refunds netted. A question whose data is absent stays blank.
    """
    told = {f["key"]: f for f in findings}
    answered: dict[tuple[str, str, str], tuple[str, str] | None] = {}
    rows = []
    for sheet in _sheets():
        for row in sheet.rows:
            asked = (row.finding, row.shares, row.number)
            if asked not in answered:
                answered[asked] = _answer(tables, told, row)
            answer, base = answered[asked] or (None, None)
            rows.append((sheet.sheet, row.item, row.question, answer, base))
    columns = ["worksheet", "worksheet_item", "worksheet_question", "worksheet_answer", "worksheet_base"]
    return Worksheets(pd.DataFrame(rows, columns=columns, dtype=object), _sheets())


def worksheet_messages() -> list[str]:
    """Every text of the worksheets, for the catalog; each once, in the order of the file."""
    texts = [t for s in _sheets() for t in (s.sheet, s.decides, *(part for r in s.rows for part in (r.item, r.question)))]
    return list(dict.fromkeys(texts))


@cache
def _sheets() -> tuple[Worksheet, ...]:
    return tuple(_File.model_validate(yaml_file.mapping(SHIPPED)).worksheets)


def _answer(tables: Tables, told: Mapping[str, Mapping[str, Any]], row: Row) -> tuple[str, str] | None:
    if row.finding in told:
        found = told[row.finding]
        return found["text"], " ".join((found["evidence"], *found["warnings"]))
    if row.shares:
        return _shares(tables, row.shares)
    return NUMBERS[row.number](tables) if row.number else None


def _since(tables: Tables) -> dt.date:
    return max(tables.first_day, tables.as_of - dt.timedelta(days=YEAR - 1))


def _base(tables: Tables, of: str) -> str:
    return _("Base: {of}, {first} to {last}.").format(of=of, first=language.day(_since(tables)), last=language.day(tables.as_of))


def _by_customer(tables: Tables) -> pd.DataFrame:
    """Per known customer with an order in the year: customer_id, spend."""
    start = dt.datetime.combine(_since(tables), dt.time())
    orders = tables.orders.filter(tables.orders.customer_id.notnull(), tables.orders.order_date >= start)
    return frame(orders.group_by("customer_id").aggregate(spend=orders.order_amount.sum()), by=["customer_id"])


def _customers_and_spend(tables: Tables) -> tuple[str, str] | None:
    spend = _by_customer(tables)["spend"]
    if spend.empty:
        return None
    text = ngettext("{n} customer ordered and spent {spend}.", "{n} customers ordered and spent {spend}.", len(spend))
    said = text.format(n=language.number(len(spend)), spend=language.money(float(spend.sum())))
    return said, _base(tables, _("orders of known customers, refunds netted"))


def _ten_largest(tables: Tables) -> tuple[str, str] | None:
    spend = _by_customer(tables)["spend"]
    spend = spend[spend > 0].sort_values(ascending=False)
    if len(spend) <= LARGEST:  # who are all of them, whatever they spend
        return None
    share = float(spend.iloc[:LARGEST].sum() / spend.sum())
    said = _("The {n} customers with most spend bring {share} of it.").format(
        n=language.number(LARGEST), share=language.percent(share, 1)
    )
    of = _("{n} known customers who spent more than was refunded").format(n=language.number(len(spend)))
    return said, _base(tables, of)


def _spend_growth(tables: Tables) -> tuple[str, str] | None:
    start, middle = (tables.as_of - dt.timedelta(days=n * YEAR - 1) for n in (2, 1))
    if not coverage(tables).covers(start, tables.as_of):
        return None
    orders = tables.orders.filter(tables.orders.order_date >= dt.datetime.combine(start, dt.time()))
    late = orders.order_date >= dt.datetime.combine(middle, dt.time())
    spend = frame(orders.group_by(late=late).aggregate(spend=orders.order_amount.sum()), by=["late"]).set_index("late")["spend"]
    before, after = float(spend.get(False, 0.0)), float(spend.get(True, 0.0))
    if not before > 0:
        return None
    said = _("Spend was {after} in the last 365 days and {before} in the 365 days before: a change of {change}.").format(
        after=language.money(after), before=language.money(before), change=language.percent(after / before - 1, 1)
    )
    base = _("Base: all orders, refunds netted, {first} to {last}.")
    return said, base.format(first=language.day(start), last=language.day(tables.as_of))


def _shares(tables: Tables, field: str) -> tuple[str, str] | None:
    """The values of a field of orders or products with most spend, and their shares of the spend whose value is known."""
    table, _dot, name = field.partition(".")
    start = dt.datetime.combine(_since(tables), dt.time())
    if tables.missing(field) or (table == "products" and tables.missing("order_lines.product_id", "order_lines.line_amount")):
        return None
    if table == "orders":
        rows = tables.orders.filter(tables.orders.order_date >= start)
        rows = rows.select(value=rows[name], amount=rows.order_amount)
    else:
        products = tables.products.distinct(on="product_id", keep="first")
        lines = tables.order_lines.filter(tables.order_lines.order_date >= start)
        rows = lines.left_join(products.select("product_id", value=products[name]), "product_id")
        rows = rows.select("value", amount=rows.line_amount)
    rows = rows.mutate(value=rows.value.cast("string").strip().nullif(""))
    spend = frame(rows.group_by("value").aggregate(spend=rows.amount.sum()), by=["value"])
    spend = spend[spend["spend"] > 0]
    known = spend[spend["value"].notna()].sort_values(["spend", "value"], ascending=[False, True])
    if known.empty:
        return None
    shares = known["spend"] / known["spend"].sum()
    top = [
        _("{value} ({share})").format(value=language.value(field, value), share=language.percent(share, 1))
        for value, share in zip(known["value"].head(SHOWN), shares.head(SHOWN), strict=True)
    ]
    said = _("Most spend: {values}.").format(values=language.listing(top))
    of = _("{share} of spend, whose value is known; of {n} values").format(
        share=language.percent(float(known["spend"].sum() / spend["spend"].sum()), 1), n=language.number(len(known))
    )
    return said, _base(tables, of)


NUMBERS: dict[str, Callable[[Tables], tuple[str, str] | None]] = {
    "customers_and_spend": _customers_and_spend,
    "ten_largest_customers": _ten_largest,
    "spend_growth": _spend_growth,
}
