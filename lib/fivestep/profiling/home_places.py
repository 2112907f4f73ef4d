"""Where the customers live: how far they are concentrated on provinces and cities."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intake import places
from fivestep.intervals import wilson
from fivestep.language import N_, _, ngettext
from fivestep.profiling.covered_months import period

ANSWERS = N_("in which provinces and cities the customers live and how far they are concentrated there")
SHOWN = 12
HALF = 0.5
LEVELS = {N_("Province"): "province", N_("City"): "city"}


@dataclass(frozen=True)
class HomePlaces:
    """Customers by province and by city.

    ``table``: one row per place, most customers first within its level: place_level (Province, City), place (as the reader sees
    it), customers, share_of_known with its Wilson interval, cumulative_share_of_customers, spend, spend_per_customer.
    ``known``: customers whose place is known, by level; ``written``: different spellings, by level, and how many of them are in
    the list of Chinese places.
    """

    table: pd.DataFrame
    customers: int
    known: dict[str, int]
    written: dict[str, tuple[int, int]]
    first_day: dt.date
    as_of: dt.date

    @property
    def level(self) -> str:
        """The level that the figure shows: cities, or provinces where no city is known."""
        return "City" if self.known.get("City") else "Province"

    def of(self, level: str) -> pd.DataFrame:
        """The rows of one level."""
        return self.table[self.table["place_level"] == level]

    def needed(self, level: str, share: float = HALF) -> int:
        """How many places hold *share* of the customers whose place is known."""
        return int((self.of(level)["cumulative_share_of_customers"] < share - 1e-9).sum()) + 1

    def figure(self) -> Figure:
        """Shares of customers of the first twelve places, and of the others together; those that hold half stand out."""
        part = self.of(self.level)
        kept, rest = part.iloc[:SHOWN], part.iloc[SHOWN:]
        names, shares = kept["place"].tolist(), kept["share_of_known"].tolist()
        if len(rest):
            names.append(ngettext("{n} other", "{n} others", len(rest)).format(n=language.number(len(rest))))
            shares.append(float(rest["share_of_known"].sum()))
        half = self.needed(self.level)
        return charts.bars(names, shares, write=lambda v: language.percent(v, 1), accent=[i < half for i in range(len(names))])

    def top(self, n: int = 15) -> pd.DataFrame:
        """The first *n* places of each level."""
        return self.table.groupby("place_level", sort=False).head(n).reset_index(drop=True)

    def headline(self) -> str:
        """How many places hold half of the customers."""
        n, all_ = self.needed(self.level), len(self.of(self.level))
        names = language.listing(self.of(self.level)["place"].head(min(n, 3)).tolist())
        if all_ == 1:
            return _("All customers of known place live in {names}").format(names=names)
        held = self.of(self.level)["cumulative_share_of_customers"].iloc[n - 1]
        city = self.level == "City"
        if n > 3:
            words = (
                _("{share} of customers of known place live in {n} of {all} cities, first of all {names}")
                if city
                else _("{share} of customers of known place live in {n} of {all} provinces, first of all {names}")
            )
        else:
            words = (
                _("{share} of customers of known place live in {n} of {all} cities: {names}")
                if city
                else _("{share} of customers of known place live in {n} of {all} provinces: {names}")
            )
        return words.format(share=language.percent(held), n=language.number(n), all=language.number(all_), names=names)

    def top_headline(self) -> str:
        """The first place, and whether it leads reliably."""
        part = self.of(self.level)
        first = part.iloc[0]
        if len(part) > 1 and first["known_share_low"] <= part["known_share_high"].iloc[1]:
            return _("No place leads reliably: {first} and {second} cannot be told apart by size").format(
                first=first["place"], second=part["place"].iloc[1]
            )
        return _("{place} has the most customers: {share} of those of known place").format(
            place=first["place"], share=language.percent(first["share_of_known"])
        )

    def note(self) -> str:
        """Base, unknown share and how names were read."""
        base = _("Base: {n} customers; spend of {period}. Shares are of customers whose place is known, intervals 95% (Wilson).")
        unknown = [
            _("{level} unknown: {share}.").format(level=_(level), share=language.percent(1 - n / self.customers))
            for level, n in self.known.items()
        ]
        found, all_ = (sum(pair[i] for pair in self.written.values()) for i in (1, 0))
        read = (
            _(
                "{found} of {all} spellings are Chinese places and were brought under one name each (GB/T 2260); others count as "
                "written."
            ).format(found=language.number(found), all=language.number(all_))
            if found
            else ""
        )
        said = base.format(n=language.number(self.customers), period=period(self.first_day, self.as_of))
        return " ".join(filter(None, (said, *unknown, read)))

    def finding(self) -> Finding:
        """The share of customers in the places that hold half of them."""
        part, n = self.of(self.level), self.needed(self.level)
        unknown = 1 - self.known[self.level] / self.customers
        return Finding(
            key="profiling.places_for_half",
            value=float(n),
            unit="count",
            display=language.number(n),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Plan branches, deliveries and local messages from these places outward.")
            if 2 * n < len(part)
            else _("Plan no single place first: the customers are spread."),
            confidence="high" if self.known[self.level] >= 300 and unknown < 0.2 else "medium",
            warnings=(_("The place of {share} of customers is unknown.").format(share=language.percent(unknown)),)
            if unknown >= 0.2
            else (),
        )


@needs("customers.customer_id", "orders.customer_id", "orders.order_amount", answers=ANSWERS)
def home_places(tables: Tables) -> HomePlaces | NotAvailable:
    """Customers, share and spend by province and city of the customers table.

    Chinese places are brought under one name each, see `places`; a city tells its province. What is not in the list counts as it
    is written, blanks and case aside. Customers without an order count, with no spend.
    """
    there = [f for f in ("country", "province", "city") if not tables.missing(f"customers.{f}")]
    if not {"province", "city"} & set(there):
        return NotAvailable(("customers.province", "customers.city"), _(ANSWERS))
    orders = tables.orders.filter(tables.orders.customer_id.notnull())
    spent = orders.group_by("customer_id").aggregate(spend=orders.order_amount.sum())
    people = tables.customers.select("customer_id", *there).left_join(spent, "customer_id")
    counted = frame(people.group_by(*there).aggregate(customers=people.count(), spend=people.spend.sum().fill_null(0)), by=there)
    written = {f: counted[f].astype(object).where(counted[f].notna(), None) if f in there else [None] * len(counted) for f in
               ("country", "province", "city")}  # fmt: skip
    codes = places.normalised(zip(written["country"], written["province"], written["city"], strict=True))
    parts, known, spellings = [], {}, {}
    total = int(counted["customers"].sum())
    for level, (label, field) in enumerate(LEVELS.items()):
        found = [pair[level] for pair in codes]
        names = [_shown(code, field, raw) for code, raw in zip(found, written[field], strict=True)]
        grouped = counted.assign(place=names).dropna(subset="place").groupby("place", sort=True)[["customers", "spend"]].sum()
        if grouped.empty:
            continue
        grouped = grouped.reset_index().sort_values(["customers", "place"], ascending=[False, True], ignore_index=True)
        known[label] = int(grouped["customers"].sum())
        raws = {raw: code for raw, code in zip(written[field], found, strict=True) if raw is not None}
        spellings[label] = len(raws), sum(bool(code) for code in raws.values())
        grouped["share_of_known"] = grouped["customers"] / known[label]
        grouped["known_share_low"], grouped["known_share_high"] = wilson(grouped["customers"], known[label])
        grouped["cumulative_share_of_customers"] = grouped["share_of_known"].cumsum()
        grouped["spend_per_customer"] = grouped["spend"] / grouped["customers"]
        parts.append(grouped.assign(place_level=label))
    if not parts:
        return NotAvailable((), _(ANSWERS), reason=_("No customer's place is known."))
    order = [
        "place_level", "place", "customers", "share_of_known", "known_share_low", "known_share_high",
        "cumulative_share_of_customers", "spend_per_customer",
    ]  # fmt: skip
    return HomePlaces(pd.concat(parts, ignore_index=True)[order], total, known, spellings, tables.first_day, tables.as_of)


def _shown(code: str, field: str, raw: str | None) -> str | None:
    if code:
        return places.name(code)
    return None if raw is None or not raw.strip() else language.value(f"customers.{field}", " ".join(raw.split()))
