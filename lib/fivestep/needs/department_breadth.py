"""Departments: how many customers buy each, and which one a customer leaves out though customers of similar spend buy it."""

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
from fivestep.needs.lines import lines_by

FIFTHS = 5
MOST = 0.5  # of the peers must buy a department before leaving it out says something
FEW_CUSTOMERS = 50  # ten peers in each fifth
SHOWN = 15

_ANSWERS = N_("which departments customers leave out though customers of similar spend buy there")


@dataclass(frozen=True)
class DepartmentBreadth:
    """Who buys in which department.

    ``departments``: one row per department, most customers first: department (NULL is unknown), customers, share_of_customers,
    orders, spend, share_of_spend, spend_per_customer. ``table``: one row per customer with a purchase, by customer_id:
    spend_fifth (1 least to 5 most), departments_bought, missing_departments (known ones that most peers buy and the customer
    does not), department (the one of them that most peers buy; None without a gap), peers_buying (share of the fifth).
    ``gaps``: one row per department that somebody leaves out so: department, customers_without, peers_buying (mean over them),
    peer_spend (median spend there of the peers who buy, mean over them). ``anonymous``: orders without a customer, left out.
    """

    departments: pd.DataFrame
    table: pd.DataFrame
    gaps: pd.DataFrame
    anonymous: int
    first_day: dt.date
    last_day: dt.date

    def figure(self, n: int = SHOWN) -> Figure:
        """Share of customers who buy in each of the *n* departments with most customers."""
        shown = self.departments.head(n)
        labels = [language.value("products.department", d) for d in shown["department"]]
        return charts.bars(labels, shown["share_of_customers"], write=language.percent)

    def latent_needs(self) -> pd.DataFrame:
        """Customers with a gap and the department to show them: customer_id, spend_fifth, department, peers_buying."""
        found = self.table[self.table["missing_departments"] > 0]
        return found[["customer_id", "spend_fifth", "department", "peers_buying"]].reset_index(drop=True)

    def breadth(self) -> str:
        """In how many departments the customer in the middle buys."""
        return _("At least half the customers buy in {n} or more of {all} departments").format(
            n=language.number(self.table["departments_bought"].quantile(0.5, interpolation="higher")),
            all=language.number(self.departments["department"].notna().sum()),
        )

    def spend_headline(self) -> str:
        """The department with the most spend."""
        top = self.departments.sort_values(["spend", "department"], ascending=[False, True]).iloc[0]
        return _("{department} has the most spend of all departments: {spend}, {share} of the total").format(
            department=language.value("products.department", top["department"]),
            spend=language.money(top["spend"]),
            share=language.percent(top["share_of_spend"]),
        )

    def headline(self) -> str:
        """How many customers leave out a department that most of their peers buy, and which one most often."""
        if self.gaps.empty:
            return _("No customer leaves out a department that most customers of similar spend buy")
        return _(
            "{share} of customers leave out a department that most customers of similar spend buy, most often {department}"
        ).format(
            share=language.percent((self.table["missing_departments"] > 0).mean()),
            department=language.value("products.department", self.gaps["department"].iloc[0]),
        )

    def note(self) -> str:
        """Definitions and base."""
        out = _(
            "Base: {n} customers with a purchase from {first} to {last}. A department counts as left out if {most} or more "
            "of the customers in the same fifth by spend buy in it and the customer does not; "
            "one line that was not returned is a purchase."
        ).format(
            n=language.number(len(self.table)),
            first=language.day(self.first_day),
            last=language.day(self.last_day),
            most=language.percent(MOST),
        )
        if self.anonymous:
            out += " " + _("{n} orders without a customer are left out.").format(n=language.number(self.anonymous))
        return out

    def finding(self) -> Finding:
        """The share of customers with a latent need, and the department behind it."""
        share = float((self.table["missing_departments"] > 0).mean())
        evidence = _("{n} customers with a purchase from {first} to {last}.").format(
            n=language.number(len(self.table)), first=language.day(self.first_day), last=language.day(self.last_day)
        )
        if len(self.gaps):
            gap = self.gaps.iloc[0]
            evidence += " " + _("{department}: customers without it: {n}; on average {share} of their peers buy it.").format(
                department=language.value("products.department", gap["department"]),
                n=language.number(gap["customers_without"]),
                share=language.percent(gap["peers_buying"]),
            )
        warnings = [_("A gap is a possible need, not a proven one: the customer may buy it elsewhere or never want it.")]
        few = len(self.table) < FEW_CUSTOMERS
        if few:
            warnings.append(
                _("Fewer than {n} customers: the fifths are too small for peers to mean much.").format(
                    n=language.number(FEW_CUSTOMERS)
                )
            )
        return Finding(
            key="needs.customers_with_department_gap",
            value=share,
            unit="share",
            display=language.percent(share),
            text=language.sentence(self.headline()),
            evidence=evidence,
            so_what=_("Show these customers the department in a small test; ask some of them why they do not buy it.")
            if len(self.gaps)
            else _("Look for growth within the departments that customers already buy."),
            confidence="low" if few else "medium",
            warnings=tuple(warnings),
            assumptions=(
                _("Departments are those of the product list; products without one are shown as unknown and are never a gap."),
                _(
                    "Peers are customers of the same fifth by spend; a department is a gap if {most} or more of them buy in it."
                ).format(most=language.percent(MOST)),
            ),
        )


@needs("order_lines.product_id", "order_lines.customer_id", "products.department", answers=_ANSWERS)
def department_breadth(tables: Tables) -> DepartmentBreadth | NotAvailable:
    """Penetration of the departments, and per customer the department that most peers buy and the customer does not.

    Peers are the customers of the same fifth by spend (inverted empirical distribution, equal spend in the same fifth).
    Returned lines and lines without a quantity make no buyer; spend nets returns. Lines without a customer are left out, their
    orders counted.
    """
    lines = lines_by(tables, "department")
    anonymous = int(lines.filter(lines.customer_id.isnull()).order_id.nunique().to_pandas())
    lines = lines.filter(lines.customer_id.notnull())
    cells = frame(
        lines.group_by("customer_id", "department").aggregate(
            spend=lines.line_amount.sum().cast("float64"), bought=lines.bought.any()
        ),
        by=["customer_id", "department"],
    )
    customers = np.array(sorted(cells.loc[cells["bought"], "customer_id"].unique()), dtype=object)
    if len(customers) < 2:
        return NotAvailable(
            (), _(_ANSWERS), reason=_("fewer than two customers have bought anything: there are no peers to compare with.")
        )
    cells = cells[cells["customer_id"].isin(customers)]
    names = np.array(sorted(cells["department"].dropna().unique()), dtype=object)
    column, row = (
        pd.Index(names).get_indexer(cells["department"]),
        np.searchsorted(customers, cells["customer_id"].to_numpy(dtype=object)),
    )
    spend, bought = np.zeros((len(customers), len(names) + 1)), np.zeros((len(customers), len(names) + 1), dtype=bool)
    spend[row, column], bought[row, column] = cells["spend"], cells["bought"]  # the last column, -1, is the unknown department

    total = spend.sum(axis=1).round(2)
    cuts = np.quantile(total, np.arange(1, FIFTHS) / FIFTHS, method="inverted_cdf")
    fifth = np.searchsorted(cuts, total, side="left")
    peers_buying, peer_spend = np.zeros((FIFTHS, len(names))), np.zeros((FIFTHS, len(names)))
    for f in np.unique(fifth):
        peers = fifth == f
        peers_buying[f] = bought[peers, :-1].mean(axis=0)
        for d in np.flatnonzero(peers_buying[f]):
            peer_spend[f, d] = np.median(spend[peers & bought[:, d], d])
    missing = ~bought[:, :-1] & (peers_buying[fifth] >= MOST)
    likely = np.where(missing, peers_buying[fifth], -1.0)
    best = likely.argmax(axis=1) if len(names) else np.zeros(len(customers), dtype=int)
    some = missing.any(axis=1)
    table = pd.DataFrame(
        {
            "customer_id": customers,
            "spend_fifth": fifth + 1,
            "departments_bought": bought[:, :-1].sum(axis=1),
            "missing_departments": missing.sum(axis=1),
            "department": [names[d] if has else None for d, has in zip(best, some, strict=True)],
            "peers_buying": np.where(some, likely.max(axis=1, initial=-1.0), np.nan),
        }
    )
    gaps = pd.DataFrame(
        {
            "department": names,
            "customers_without": missing.sum(axis=0),
            "peers_buying": [
                peers_buying[fifth[missing[:, d]], d].mean() if missing[:, d].any() else np.nan for d in range(len(names))
            ],
            "peer_spend": [
                peer_spend[fifth[missing[:, d]], d].mean() if missing[:, d].any() else np.nan for d in range(len(names))
            ],
        }
    )
    gaps = gaps[gaps["customers_without"] > 0].sort_values(
        ["customers_without", "department"], ascending=[False, True], ignore_index=True
    )
    return DepartmentBreadth(_departments(lines, names, spend, bought), table, gaps, anonymous, tables.first_day, tables.last_day)


def _departments(lines: ibis.Table, names: np.ndarray, spend: np.ndarray, bought: np.ndarray) -> pd.DataFrame:
    orders = frame(
        lines.filter(lines.bought).group_by("department").aggregate(orders=lines.order_id.nunique()), by=["department"]
    )
    orders = dict(
        zip(orders["department"].astype(object).where(orders["department"].notna(), None), orders["orders"], strict=True)
    )
    buyers, sums = bought.sum(axis=0), spend.sum(axis=0).round(2)
    out = pd.DataFrame(
        {
            "department": [*names, None],
            "customers": buyers,
            "share_of_customers": buyers / len(bought),
            "orders": [int(orders.get(name, 0)) for name in (*names, None)],
            "spend": sums,
            "share_of_spend": sums / sums.sum() if sums.sum() > 0 else np.nan,
            "spend_per_customer": np.divide(sums, buyers, out=np.full(len(sums), np.nan), where=buyers > 0),
        }
    )
    out = out[(out["customers"] > 0) | (out["spend"] != 0)]
    return out.sort_values(["customers", "department"], ascending=[False, True], na_position="last", ignore_index=True)
