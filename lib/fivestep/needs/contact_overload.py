"""Customers to whom several departments turn in the same week."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, consent, language
from fivestep.contract import OUTBOUND
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _

DEPARTMENTS = 2  # in one week, from which a customer is overloaded
OFTEN = 4  # such weeks from which it is a habit and no coincidence
_ANSWERS = N_("which customers several departments contact in the same week")


@dataclass(frozen=True)
class ContactOverload:
    """Weeks (Monday to Sunday) in which a customer heard from two departments or more.

    ``weeks``: one row per week: week, contacted (customers), overloaded. ``pairs``: one row per pair of departments that met:
    department_a, department_b, customers, customer_weeks, expected_weeks (were both contacting independently of each other as
    often as they do), most overlap first. ``table``: one row per customer overloaded at least once: customer_id,
    weeks_overloaded, weeks_contacted, departments, last_week; most weeks first. ``contacted``: customers contacted at all;
    ``everything``: both directions counted, as the data does not say which contacts go out; ``left_out``: contacts without a
    department.
    """

    weeks: pd.DataFrame
    pairs: pd.DataFrame
    table: pd.DataFrame
    contacted: int
    everything: bool
    left_out: int
    opted_out: frozenset[str] | None

    def often(self) -> pd.DataFrame:
        """Customers overloaded in at least four weeks."""
        return self.table[self.table["weeks_overloaded"] >= OFTEN]

    def figure(self) -> Figure:
        """Overloaded customers by week."""
        shown = self.weeks.set_index("week")[["overloaded"]]
        names = [language.short_month(w) for w in shown.index]
        shown.index = [
            f"{name}\n{w.year}" if i == 0 or w.month == 1 else name
            for i, (w, name) in enumerate(zip(shown.index, names, strict=True))
        ]
        return charts.lines(shown, write=language.number, labels=[_("Two departments or more")], ylabel=_("Customers per week"))

    def shown(self) -> pd.DataFrame | NotAvailable:
        """The pairs of departments."""
        if self.pairs.empty:
            return NotAvailable((), _(_ANSWERS), reason=_("no customer was contacted by two departments in one week."))
        return self.pairs.rename(columns={"department_a": "contact_department_a", "department_b": "contact_department_b"})

    def contacts_to_merge(self) -> pd.DataFrame | NotAvailable:
        """The customers overloaded in at least four weeks: a list for the departments to agree on."""
        found = self.often()
        return found.rename(columns={"departments": "contact_departments"}) if len(found) else NotAvailable((), _(_ANSWERS))

    def headline(self) -> str:
        """How many customers, and by whom."""
        often = self.often()
        if often.empty:
            return _("No customer heard from two departments in {n} weeks or more").format(n=language.number(OFTEN))
        top = self.pairs.iloc[0]
        return _("{customers} customers heard from two departments or more in at least {n} weeks, mostly {a} and {b}").format(
            customers=language.number(len(often)),
            n=language.number(OFTEN),
            a=language.value("interactions.department", top["department_a"]),
            b=language.value("interactions.department", top["department_b"]),
        )

    def table_headline(self) -> str:
        """How often the first pair met, and how often by chance."""
        if self.pairs.empty:
            return _("Departments that turn to the same customers")
        top = self.pairs.iloc[0]
        return _("{a} and {b} met in {weeks} customer-weeks; by chance it would be {expected}").format(
            a=language.value("interactions.department", top["department_a"]),
            b=language.value("interactions.department", top["department_b"]),
            weeks=language.number(top["customer_weeks"]),
            expected=language.number(top["expected_weeks"]),
        )

    def note(self) -> str:
        """Definition and base."""
        parts = [
            _("Base: {n} customers with a contact; weeks from Monday to Sunday.").format(n=language.number(self.contacted)),
            _("Contacts in both directions, as the data does not say which ones go out.")
            if self.everything
            else _("Only contacts that go out from the company."),
            _("By chance: each department contacts each customer as often as it does, in weeks of its own."),
        ]
        if self.left_out:
            parts.append(_("Contacts without a department, left out: {n}.").format(n=language.number(self.left_out)))
        return " ".join(parts)

    def finding(self) -> Finding:
        """Share of contacted customers who are overloaded often."""
        n = len(self.often())
        share = n / self.contacted
        low, high = (float(x) for x in wilson(n, self.contacted))
        refused = None if self.opted_out is None else len(self.opted_out.intersection(self.table["customer_id"]))
        warnings = []
        if refused:
            warnings.append(
                _("Customers who are overloaded though they do not want marketing: {n}.").format(n=language.number(refused))
            )
        return Finding(
            key="needs.overloaded_customers_share",
            value=share,
            unit="share",
            display=language.percent(share),
            text=language.sentence(self.headline()),
            evidence=_("{share} of the customers contacted (95% interval {low} to {high}).").format(
                share=language.percent(share), low=language.percent(low), high=language.percent(high)
            ),
            so_what=_("Agree on one calendar of contacts for these departments, with one limit per customer and week.")
            if n
            else _("Keep one calendar of contacts, so that it stays so."),
            confidence="high" if not self.everything else "medium",
            warnings=tuple(warnings),
            assumptions=(self.note(),),
        )


@needs("interactions.department", answers=_ANSWERS)
def contact_overload(tables: Tables) -> ContactOverload | NotAvailable:
    """Customers whom at least two departments contact in the same week, and which departments meet.

    Counted are contacts that go out, where the data says which do. The list names customers overloaded in four weeks or more:
    fewer can be coincidence. Chance: for every customer the weeks of one department times the weeks of the other, divided by the
    weeks of the data.
    """
    told = tables.interactions.filter(ibis._.customer_id.notnull())
    everything = "direction" not in told.columns
    if not everything:
        going_out = told.filter(told.direction.lower().strip().isin(OUTBOUND))
        everything = not bool(going_out.limit(1).count().to_pandas())
        told = told if everything else going_out
    known = told.filter(told.department.notnull() & (told.department.strip() != ""))
    left_out = int(told.count().to_pandas()) - int(known.count().to_pandas())
    heard = known.select("customer_id", "department", week=known.occurred_at.truncate("W").cast("date")).distinct().cache()
    weekly = heard.group_by("customer_id", "week").aggregate(departments=heard.count())
    by_week = frame(
        weekly.group_by("week").aggregate(contacted=weekly.count(), overloaded=(weekly.departments >= DEPARTMENTS).sum()),
        by=["week"],
    )
    if by_week.empty:
        return NotAvailable((), _(_ANSWERS), reason=_("no contact has a customer and a department."))
    by_week["week"] = pd.to_datetime(by_week["week"])
    every = pd.date_range(by_week["week"].min(), by_week["week"].max(), freq="W-MON")
    by_week = by_week.set_index("week").reindex(every, fill_value=0).rename_axis("week").reset_index()
    per = heard.group_by("customer_id", "department").aggregate(weeks=heard.count())
    other, others = heard.view(), per.view()
    met = heard.inner_join(other, ["customer_id", "week", heard.department < other.department])
    met = met.group_by(department_a=met.department, department_b=met.department_right).aggregate(
        customers=met.customer_id.nunique(), customer_weeks=met.count()
    )
    both = per.inner_join(others, ["customer_id", per.department < others.department])
    both = both.group_by(department_a=both.department, department_b=both.department_right).aggregate(
        expected_weeks=(both.weeks * both.weeks_right).sum() / float(len(by_week))
    )
    pairs = frame(met.join(both, ["department_a", "department_b"]), by=["department_a", "department_b"])
    pairs = pairs[["department_a", "department_b", "customers", "customer_weeks", "expected_weeks"]]
    pairs = pairs.sort_values(
        ["customer_weeks", "department_a", "department_b"], ascending=[False, True, True], ignore_index=True
    )
    over = weekly.mutate(over=weekly.departments >= DEPARTMENTS)
    over = over.group_by("customer_id").aggregate(
        weeks_overloaded=over.over.sum(),
        weeks_contacted=over.count(),
        last_week=over.week.max(where=over.over),
    )
    contacted = int(over.count().to_pandas())
    names = heard.semi_join(weekly.filter(weekly.departments >= DEPARTMENTS), ["customer_id", "week"])
    names = names.select("customer_id", "department").distinct()
    names = names.group_by("customer_id").aggregate(departments=names.department.group_concat("; ", order_by=names.department))
    over = over.filter(over.weeks_overloaded > 0).join(names, "customer_id")
    table = frame(over, by=[over.weeks_overloaded.desc(), "customer_id"])
    table["last_week"] = pd.to_datetime(table["last_week"])
    table = table[["customer_id", "weeks_overloaded", "weeks_contacted", "departments", "last_week"]]
    return ContactOverload(by_week, pairs, table, contacted, everything, left_out, consent.opted_out(tables))
