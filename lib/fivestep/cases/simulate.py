"""The whole company, written chunk by chunk: the contract tables, the names of their values, and the truth."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from fivestep.cases import campaigns as planned
from fivestep.cases.calendar import Calendar
from fivestep.cases.columns import Coded, Files, numbered
from fivestep.cases.contacts import costs, interactions
from fivestep.cases.customers import customers, people
from fivestep.cases.events import events
from fivestep.cases.feedback import feedback
from fivestep.cases.pipeline import pipeline
from fivestep.cases.products import products
from fivestep.cases.purchases import RETURN, Purchases, purchases
from fivestep.cases.research import research
from fivestep.cases.stock import Stock
from fivestep.cases.streams import CHUNK
from fivestep.cases.survey import counter_cards, survey
from fivestep.cases.texts import LANGUAGES
from fivestep.cases.truth import TrueCustomers, Truth
from fivestep.errors import UserError
from fivestep.language import _

LEAST_CUSTOMERS, LEAST_MONTHS, MOST_CUSTOMERS, MOST_MONTHS = 500, 24, 9_000_000, 120


def simulate(out: Path, *, customers: int = 5000, months: int = 24, seed: int = 7, language: str = "en") -> Path:
    """Write a simulated company into the folder *out*, which must be new or hold an earlier simulation; returns it.

    *customers* accounts (members, companies, 16 dealers) over *months* whole months from January 2023; *language* is that of
    what customers and staff write. The same seed, months and language give the same rows, and the first customers are the
    same however many there are: each chunk of 2,000 has random numbers of its own. On the number of customers depend only
    truth.json, the stock and how many rows there are; an account whose person's other account is not among them keeps half of
    their orders.
    Raises `UserError` for numbers outside the limits and for a folder that holds something else.
    """
    _checked(customers, months, seed, language)
    if out.exists() and any(out.iterdir()) and not (out / "truth.json").is_file():
        raise UserError(_("{out}: the folder holds something else. Name a new folder with --out.").format(out=out.name))
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        _write(part, customers, months, seed, language)
        shutil.rmtree(out, ignore_errors=True)
        part.rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return out


def _checked(customers: int, months: int, seed: int, language: str) -> None:
    for name, value, least, most in (
        ("customers", customers, LEAST_CUSTOMERS, MOST_CUSTOMERS),
        ("months", months, LEAST_MONTHS, MOST_MONTHS),
        ("seed", seed, 0, 2**63 - 1),
    ):
        if not least <= value <= most:
            raise UserError(
                _("--{name} {value}: choose a number from {least} to {most}.").format(
                    name=name, value=value, least=least, most=most
                )
            )
    if language not in LANGUAGES:
        raise UserError(
            _("--language {language}: choose one of {choices}.").format(language=language, choices=", ".join(LANGUAGES))
        )


def _write(folder: Path, wanted: int, months: int, seed: int, language: str) -> None:
    calendar = Calendar(months)
    truth, stock = Truth(calendar), Stock(calendar)
    shutil.copyfile(Path(__file__).parent / "names.csv", folder / "labels.csv")
    with Files(folder) as files, TrueCustomers(folder) as true_customers:
        files.write("products", _products())
        files.write("campaigns", planned.campaigns(calendar))
        files.write("offers", planned.offers())
        for chunk in range(-(-wanted // CHUNK)):
            for name, columns in _chunk(calendar, seed, chunk, language, wanted, truth, stock, true_customers):
                files.write(name, columns)
        for columns in stock.tables(seed):
            files.write("stock", columns)
    company = {
        "simulated": True, "customers": wanted, "months": months, "seed": seed, "language": language,
        "first_day": str(calendar.dates[0]), "last_day": str(calendar.dates[-1]),
    }  # fmt: skip
    truth.write(folder, company)


def _chunk(
    calendar: Calendar, seed: int, chunk: int, language: str, wanted: int, truth: Truth, stock: Stock,
    true_customers: TrueCustomers,
) -> list[tuple[str, dict[str, Any]]]:  # fmt: skip
    """The tables of one chunk, cut to the customers who were asked for."""
    who = people(calendar, seed, chunk)
    sales = pipeline(calendar, who, seed, chunk)
    groups = planned.reached(calendar, who, seed, chunk)
    bought = purchases(calendar, who, sales.first_won, groups, seed, chunk)
    exposed, contacted = planned.exposures(calendar, who, groups, {"place": bought.place, "moment": bought.moment}, seed, chunk)
    said, complaints = feedback(calendar, who, bought, language, seed, chunk)
    talked, last_contact = interactions(calendar, who, bought, contacted, complaints, language, seed, chunk)
    cost_table, acquired = costs(calendar, who, bought, contacted, seed, chunk)
    first, last = _first_and_last(bought, len(who))
    spend = np.bincount(bought.place, weights=bought.amount, minlength=len(who)).astype(np.int64)
    table = customers(
        calendar, who, first_order=first, last_order=last, last_contact=last_contact, spend=spend, contract_end=sales.contract_end
    )
    ran = who.index < wanted
    truth.chunk(who, groups, bought, ran)
    stock.chunk(bought, ran)
    event = next(g for g in groups if g.campaign.type == "event")
    asked = ran[event.who]
    truth.add("event_attendance", invited=int(asked.sum()), attended=int((planned.came(who, event, seed, chunk) & asked).sum()))
    truth.add("acquisition_costs", members=int((acquired > 0)[ran].sum()), amount=float(acquired[ran].sum()) / 100)
    true_customers.write(calendar, who, sales.first_won, ran)
    tables = [
        ("customers", table), ("orders", bought.orders), ("order_lines", bought.order_lines), ("exposures", exposed),
        ("interactions", talked), ("feedback", said), ("survey", survey(calendar, who, seed, chunk)),
        ("survey", research(calendar, who, seed, chunk)), ("survey", counter_cards(calendar, who, seed, chunk)),
        ("events", events(calendar, who, seed, chunk)), ("opportunities", sales.opportunities),
        ("stage_history", sales.stage_history), ("costs", cost_table),
    ]  # fmt: skip
    return tables if ran.all() else [(name, _cut(columns, wanted)) for name, columns in tables]


def _first_and_last(bought: Purchases, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Moments of the first and the last order of every customer of a chunk, NaT without one; returns are no orders."""
    first, last = (np.full(n, np.datetime64("NaT", "s")) for _ in range(2))
    real = bought.source != RETURN
    place, moment = bought.place[real], bought.moment[real]
    last[place] = moment
    first[place[::-1]] = moment[::-1]
    return first, last


def _cut(columns: dict[str, Any], wanted: int) -> dict[str, Any]:
    """The rows of the customers below number *wanted*; ids have a fixed width, so that text compares as numbers do."""
    key = "customer_id" if "customer_id" in columns else "opportunity_id"
    limit = numbered("C", np.array([wanted]), 7)[0] if key == "customer_id" else numbered("O", np.array([wanted * 100]), 9)[0]
    keep = pc.less(columns[key], limit)
    rows = keep.to_numpy(zero_copy_only=False)
    return {name: values.filter(keep) if hasattr(values, "filter") else values[rows] for name, values in columns.items()}


def _products() -> dict[str, Any]:
    catalog = products()
    every = np.arange(len(catalog.rows))
    texts = ("product_id", "product_name", "category", "department", "brand", "manufacturer", "spec", "barcode", "product_line")
    return {
        **{name: Coded(every, catalog.names(name)) for name in texts},
        "list_price": catalog.prices(LEAST_MONTHS)[-1],
    }
