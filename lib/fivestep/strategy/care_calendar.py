"""The care calendar: whose birthday and which festival comes when in the year ahead, who greets, and how."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _
from fivestep.strategy.plan import Plan

ANSWERS = N_("when to greet which customers in the year ahead")
LEAD_DAYS = 14  # days before a festival on which cards and gifts are to be ready
BIRTHDAYS = N_("Birthdays")
# Festivals by month and day, of the solar or of the lunar calendar; where money is Chinese the Chinese ones are kept.
SOLAR = {N_("New Year's Day"): (1, 1), N_("Christmas"): (12, 25)}
CHINESE = {
    N_("New Year's Day"): (1, 1, "solar"), N_("Spring Festival"): (1, 1, "lunar"), N_("Lantern Festival"): (1, 15, "lunar"),
    N_("Women's Day"): (3, 8, "solar"), N_("Dragon Boat Festival"): (5, 5, "lunar"), N_("Qixi Festival"): (7, 7, "lunar"),
    N_("Mid-Autumn Festival"): (8, 15, "lunar"), N_("Double Ninth Festival"): (9, 9, "lunar"),
    N_("National Day"): (10, 1, "solar"),
}  # fmt: skip
CHINESE_MONEY = ("CNY", "HKD", "MOP", "TWD")


@dataclass(frozen=True)
class CareCalendar:
    """The occasions of the 365 days after the as-of date.

    ``table``: one row per occasion, by date: care_date (of birthdays the first day of the part of a month ahead), care_occasion,
    care_customers (who may be contacted), care_owners. ``birthdays``: one row per customer with a known birthday, by date:
    care_date, customer_id, play, contact_channel, owner_role, offer. ``festivals``: one row per festival and play: care_date,
    prepare_by, care_occasion, play, care_customers, contact_channel, owner_role. ``unknown``: customers who may be contacted and
    whose birthday is not known (None where the data has no birthdays). ``allowed``: engagement.yml allows a list of birthdays.
    """

    table: pd.DataFrame
    birthdays: pd.DataFrame
    festivals: pd.DataFrame
    contactable: int
    unknown: int | None
    asked: bool
    allowed: bool = False

    def listed(self) -> pd.DataFrame | NotAvailable:
        """The birthdays one by one, where engagement.yml allows that."""
        if not self.allowed:
            return NotAvailable((), _(ANSWERS), reason=_("sensitive_fields in engagement.yml does not name birth_date."))
        return self.birthdays

    def headline(self) -> str:
        """How many greetings the year ahead has."""
        festivals = self.festivals["care_occasion"].nunique()
        if self.unknown is None or not len(self.birthdays):
            return _("{n} festivals of the year ahead are occasions to greet {customers} customers").format(
                n=language.number(festivals), customers=language.number(self.contactable)
            )
        return _("The year ahead has {n} festivals and the birthdays of {birthdays} of {customers} customers").format(
            n=language.number(festivals),
            birthdays=language.number(len(self.birthdays)),
            customers=language.number(self.contactable),
        )

    def note(self) -> str:
        """Who is greeted, by whom, and where the lists are."""
        out = [
            _(
                "Customers who have not opted out and are in a play with contact; who greets and how is what the playbook says "
                "of the play. List: care_calendar.csv (festivals by play, ready {days} days before). A "
                "birthday on 29 February is kept on the 28th where the year has none."
            ).format(days=language.number(LEAD_DAYS))
        ]
        if self.unknown is not None:
            listed = _("Birthdays one by one: birthdays.csv.")
            unlisted = _("Whose birthday is when is in no list, as sensitive_fields in engagement.yml does not name birth_date.")
            out.append(listed if self.allowed else unlisted)
        if self.unknown is None:
            out.append(_("The data has no birthdays."))
        elif self.unknown:
            out.append(
                language.ngettext(
                    "The birthday of {n} customer is not known.", "The birthdays of {n} customers are not known.", self.unknown
                ).format(n=language.number(self.unknown))
            )
        if not self.asked:
            out.append(_("The data does not say who has opted out of marketing: check before anyone is contacted."))
        return " ".join(out)

    def finding(self) -> Finding:
        """When the next occasion is."""
        first = self.table.iloc[0]
        return Finding(
            key="strategy.occasions_ahead",
            value=float(len(self.birthdays)),
            unit="count",
            display=language.number(len(self.birthdays)),
            text=language.sentence(self.headline()),
            evidence=_("First: {occasion}, {day}, {n} customers.").format(
                occasion=_(first.care_occasion), day=language.day(first["care_date"]), n=language.number(first["care_customers"])
            ),
            so_what=_("Enter the dates in the calendars of the owners now; a greeting without an offer asks for nothing."),
            confidence="high",
            assumptions=(_("Whoever may be contacted wants to be greeted: one who objects is taken off for good."),),
        )


def care_calendar(tables: Tables, plan: Plan | NotAvailable, *, currency: str) -> CareCalendar | NotAvailable:
    """The birthdays and festivals of the 365 days after the as-of date, for customers who may be contacted.

    Lunar dates by the Chinese calendar (lunar-python); the Chinese festivals where *currency* is one of `CHINESE_MONEY`.
    """
    if isinstance(plan, NotAvailable):
        return NotAvailable(plan.missing, _(ANSWERS), reason=plan.reason)
    plays = {p.play: p for p in plan.playbook.plays if p.contact}
    people = plan.table[~plan.table["opted_out"] & plan.table["play"].isin(plays)][["customer_id", "play"]]
    if people.empty:
        return NotAvailable((), _(ANSWERS), reason=_("no customer may be contacted."))
    first = plan.as_of + dt.timedelta(days=1)
    last = plan.as_of + dt.timedelta(days=365)
    born = None
    if not tables.missing("customers.birth_date"):
        known = tables.customers.filter(tables.customers.birth_date.notnull()).distinct(on="customer_id", keep="first")
        born = people.merge(frame(known.select("customer_id", "birth_date"), by=["customer_id"]), on="customer_id")
    birthdays = _birthdays(born, first, plays)
    rows = []
    for occasion, day in _festivals(first, last, currency):
        for play, n in people["play"].value_counts().reindex(list(plays), fill_value=0).items():
            if n:
                ready = day - dt.timedelta(days=LEAD_DAYS)
                rows.append((day, ready, occasion, play, int(n), plays[play].channel, plays[play].owner))
    names = ["care_date", "prepare_by", "care_occasion", "play", "care_customers", "contact_channel", "owner_role"]
    festivals = pd.DataFrame(rows, columns=names)
    month = birthdays.assign(
        care_date=[max(day.replace(day=1), first) for day in birthdays["care_date"]], care_occasion=BIRTHDAYS, care_customers=1
    )
    both = pd.concat([festivals, month], ignore_index=True)
    grouped = both.groupby(["care_date", "care_occasion"], sort=True)
    table = grouped["care_customers"].sum().reset_index()
    table["care_owners"] = [_owners(rows) for _key, rows in grouped]
    unknown = None if born is None else len(people) - len(birthdays)
    allowed = "birth_date" in tables.allowed
    return CareCalendar(table, birthdays, festivals, len(people), unknown, plan.asked, allowed)


def _birthdays(born: pd.DataFrame | None, first: dt.date, plays: dict) -> pd.DataFrame:
    names = ["care_date", "customer_id", "play", "contact_channel", "owner_role", "offer"]
    if born is None or born.empty:
        return pd.DataFrame(columns=names)
    days = [_next(pd.Timestamp(day).month, pd.Timestamp(day).day, first) for day in born["birth_date"]]
    out = pd.DataFrame({
        "care_date": days,
        "customer_id": born["customer_id"].to_numpy(),
        "play": born["play"].to_numpy(),
        "contact_channel": [plays[p].channel for p in born["play"]],
        "owner_role": [plays[p].owner for p in born["play"]],
        "offer": [plays[p].offer or None for p in born["play"]],
    })  # fmt: skip
    return out.sort_values(["care_date", "customer_id"], ignore_index=True)


def _next(month: int, day: int, first: dt.date) -> dt.date:
    """The first such day from *first* on; 29 February is the 28th in common years."""
    for year in (first.year, first.year + 1):
        try:
            date = dt.date(year, month, day)
        except ValueError:
            date = dt.date(year, 2, 28)
        if date >= first:
            return date
    raise AssertionError("a year holds every day of the year")


def _festivals(first: dt.date, last: dt.date, currency: str) -> list[tuple[str, dt.date]]:
    """Name and date of each festival from *first* to *last*, by date."""
    from lunar_python import Lunar

    given = CHINESE if currency in CHINESE_MONEY else {name: (*day, "solar") for name, day in SOLAR.items()}
    found = []
    for name, (month, day, calendar) in given.items():
        for year in range(first.year - 1, last.year + 1):  # a lunar year ends within the next solar one
            if calendar == "lunar":
                date = dt.date.fromisoformat(Lunar.fromYmd(year, month, day).getSolar().toYmd())
            else:
                date = dt.date(year, month, day)
            if first <= date <= last:
                found.append((name, date))
    return sorted(found, key=lambda f: (f[1], f[0]))


def _owners(rows: pd.DataFrame) -> str:
    counts = rows.groupby("owner_role")["care_customers"].sum()
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return language.listing([_("{owner} ({n})").format(owner=_(owner), n=language.number(n)) for owner, n in ordered])
