"""What customers tell the company: complaints, inquiries, suggestions, reviews and contacts, about what, from where, to whom."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _
from fivestep.needs.feedback_cases import COMPLAINT, DIMENSIONS, KINDS, NAMES, cases, level_label

FEW = 30  # cases below which shares say little
PER = 1000  # order lines
LARGEST = 15  # levels of one dimension that are shown
_ANSWERS = N_("what customers complain, ask and suggest, about which products and in which regions")
_CONTACTS = N_("how often, how and by which departments customers are contacted")


@dataclass(frozen=True)
class Voice:
    """Feedback by month and by what it is about.

    ``months``: one row per month from the first to the last feedback, one column per kind (its message). ``levels``: one row per
    value of product, region, sales_rep and department, by dimension and number: dimension, level, one column of cases per kind,
    feedback (all), unsolved, order_lines (of the product or of customers of the region since the first feedback; NaN for the
    other dimensions), complaint_rate (complaints per 1,000 of these) with ``_low`` and ``_high``. ``totals``: cases by kind;
    ``unsolved``: cases not solved; ``customers``: customers who said something; ``anonymous``: cases without a customer.
    """

    months: pd.DataFrame
    levels: pd.DataFrame
    totals: dict[str, int]
    unsolved: int
    customers: int
    anonymous: int

    @property
    def feedback(self) -> int:
        return sum(self.totals.values())

    def figure(self) -> Figure:
        """Cases of each kind by month."""
        kinds = [k for k in KINDS if self.totals[k]]
        shown = self.months[kinds].copy()
        shown.index = [f"{language.short_month(m)}\n{m.year}" if i == 0 or m.month == 1 else language.short_month(m)
                       for i, m in enumerate(self.months["month"])]  # fmt: skip
        return charts.lines(shown, write=language.number, labels=[_(k) for k in kinds], ylabel=_("Cases per month"))

    def shown(self) -> pd.DataFrame | NotAvailable:
        """The largest products, regions, representatives and departments."""
        if self.levels.empty:
            return NotAvailable((), _(_ANSWERS), reason=_("feedback names no product, region, representative or department."))
        t = self.levels[self.levels.groupby("dimension", sort=False).cumcount() < LARGEST]
        low, high = wilson(t["unsolved"], t["feedback"])
        out = pd.DataFrame(
            {
                "voice_dimension": [DIMENSIONS[d] for d in t["dimension"]],
                "voice_level": [level_label(d, v) for d, v in zip(t["dimension"], t["level"], strict=True)],
                **{NAMES[k]: t[k].to_numpy() for k in KINDS if self.totals[k]},
                "unsolved_share": (t["unsolved"] / t["feedback"]).to_numpy(),
                "unsolved_low": low,
                "unsolved_high": high,
                "complaint_rate": t["complaint_rate"].to_numpy(),
                "complaint_rate_low": t["complaint_rate_low"].to_numpy(),
                "complaint_rate_high": t["complaint_rate_high"].to_numpy(),
            }
        )
        rates = ["complaint_rate", "complaint_rate_low", "complaint_rate_high"]
        return out if out["complaint_rate"].notna().any() else out.drop(columns=rates)

    def headline(self) -> str:
        """How many cases there are of each kind."""
        said = [_("{kind} {n}").format(kind=_(k), n=language.number(self.totals[k])) for k in KINDS if self.totals[k]]
        return _("{n} pieces of feedback: {kinds}").format(n=language.number(self.feedback), kinds=language.listing(said))

    def table_headline(self) -> str:
        """The product about which the most complaints come per order line, where that is more than chance."""
        worst = self._worst()
        if worst is None:
            return _("What feedback is about, where it comes from and who deals with it")
        return _("{product} has the highest complaint rate: {rate} complaints per {per} order lines").format(
            product=level_label("product", worst["level"]),
            rate=language.number(worst["complaint_rate"], 1),
            per=language.number(PER),
        )

    def _worst(self) -> pd.Series | None:
        """The product whose rate is highest, if its interval lies above the rate of all products together."""
        t = self.levels[(self.levels["dimension"] == "product") & (self.levels["order_lines"] > 0)]
        if t.empty or not t[COMPLAINT].sum():
            return None
        usual = PER * t[COMPLAINT].sum() / t["order_lines"].sum()
        clear = t[(t["complaint_rate_low"] > usual) & (t[COMPLAINT] >= 5)]
        return None if clear.empty else clear.sort_values(["complaint_rate", "level"], ascending=[False, True]).iloc[0]

    def note(self) -> str:
        """Base and definitions."""
        parts = [
            _("Base: {n} pieces of feedback of {customers} customers up to the as-of date.").format(
                n=language.number(self.feedback), customers=language.number(self.customers)
            )
        ]
        if self.anonymous:
            parts.append(_("Without a customer: {n}; they count.").format(n=language.number(self.anonymous)))
        if "complaint_rate" in self.levels and self.levels["complaint_rate"].notna().any():
            parts.append(
                _(
                    "Complaint rate: complaints per {per} order lines of the product, or of customers of the region, since the "
                    "first feedback; intervals 95%, Poisson (Garwood 1936), of shares Wilson. At most {n} values of each kind."
                ).format(per=language.number(PER), n=language.number(LARGEST))
            )
        return " ".join(parts)

    def finding(self) -> Finding:
        """How much of what customers said is still unsolved."""
        share = self.unsolved / self.feedback
        low, high = (float(x) for x in wilson(self.unsolved, self.feedback))
        warnings = [_("Who does not write is not heard: few complaints are no proof of satisfaction.")]
        if self.feedback < FEW:
            warnings.append(_("Only {n} pieces of feedback: the shares may be far off.").format(n=language.number(self.feedback)))
        return Finding(
            key="needs.unsolved_feedback_share",
            value=share,
            unit="share",
            display=language.percent(share),
            text=_("{share} of all feedback is not solved (95% interval {low} to {high}).").format(
                share=language.percent(share), low=language.percent(low), high=language.percent(high)
            ),
            evidence=_("{kinds}; not solved: {n}.").format(kinds=self.headline(), n=language.number(self.unsolved)),
            so_what=_("Give every open case an owner and a date, beginning with the oldest."),
            confidence="medium" if self.feedback >= FEW else "low",
            warnings=tuple(warnings),
            assumptions=(self.note(),),
        )


@needs("feedback", answers=_ANSWERS)
def voice(tables: Tables) -> Voice:
    """Complaints, inquiries, suggestions and reviews by month, product, region, representative and department.

    A complaint rate has order lines as its denominator, counted from the day of the first feedback on, as complaints before the
    client kept records are not known. Source of its interval: Garwood (1936), Fiducial limits for the Poisson distribution.
    """
    told = cases(tables)
    by_month = frame(
        told.group_by(month=told.created_at.truncate("M").cast("date"), kind=told.kind).aggregate(n=told.count()),
        by=["month", "kind"],
    )
    by_month["month"] = pd.to_datetime(by_month["month"])
    every = pd.date_range(by_month["month"].min(), by_month["month"].max(), freq="MS")
    months = by_month.pivot_table(index="month", columns="kind", values="n", aggfunc="sum").reindex(every, columns=KINDS)
    months = months.fillna(0).astype(int).rename_axis(index="month", columns=None).reset_index()
    sums = frame(
        told.aggregate(
            unsolved=(~told.solved).sum(), customers=told.customer_id.nunique(), anonymous=told.customer_id.isnull().sum()
        ),
        by=["unsolved"],
    ).iloc[0]
    first = told.created_at.min().to_pandas()
    parts = []
    for dimension in DIMENSIONS:
        known = told.filter(told[dimension].notnull())
        counted = known.group_by(level=known[dimension]).aggregate(
            **{k: (known.kind == k).sum() for k in KINDS}, feedback=known.count(), unsolved=(~known.solved).sum()
        )
        part = frame(counted, by=["level"]).assign(dimension=dimension)
        part["order_lines"] = part["level"].map(_lines(tables, dimension, first)).astype(float)
        parts.append(part.sort_values(["feedback", "level"], ascending=[False, True]))
    levels = pd.concat(parts, ignore_index=True)
    low, high = poisson(levels[COMPLAINT])
    for name, n in (("complaint_rate", levels[COMPLAINT]), ("complaint_rate_low", low), ("complaint_rate_high", high)):
        levels[name] = PER * n / levels["order_lines"].where(levels["order_lines"] > 0)
    totals = {k: int(months[k].sum()) for k in KINDS}
    return Voice(months, levels, totals, int(sums["unsolved"]), int(sums["customers"]), int(sums["anonymous"]))


def poisson(n: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of the mean of a count, elementwise: Garwood (1936)."""
    from scipy.stats import chi2

    n = np.asarray(n, dtype=float)
    return np.where(n > 0, chi2.ppf(0.025, 2 * np.maximum(n, 1)) / 2, 0.0), chi2.ppf(0.975, 2 * n + 2) / 2


def _lines(tables: Tables, dimension: str, first: pd.Timestamp) -> dict[str, float]:
    """Order lines since the day of the *first* feedback by product or region, by the names that feedback has for them."""
    if "order_lines" not in tables.names:
        return {}
    lines = tables.order_lines
    lines = lines.filter(lines.quantity > 0) if "quantity" in lines.columns else lines
    lines = lines.filter(lines.order_date >= ibis.literal(first).truncate("D"))
    if dimension == "product":
        if tables.missing("products.product_name"):
            named = lines.mutate(level=lines.product_id)
        else:
            names = tables.products.select(_product="product_id", _name="product_name")
            named = lines.left_join(names, lines.product_id == names._product)
            named = named.mutate(level=ibis.coalesce(named._name, named.product_id))
    elif dimension == "region" and not tables.missing("customers.region", "order_lines.customer_id"):
        named = lines.inner_join(tables.customers.select("customer_id", level="region"), "customer_id")
    else:
        return {}
    named = named.filter(named.level.notnull())
    counted = frame(named.group_by("level").aggregate(n=named.count()), by=["level"])
    return dict(zip(counted["level"], counted["n"].astype(float), strict=True))


@dataclass(frozen=True)
class Contacts:
    """Contacts by type, channel, direction and department: ``table``, most contacts first, with contacts and customers reached.

    ``months``: contacts by month and direction; ``contacts`` and ``customers``: all of them.
    """

    table: pd.DataFrame
    months: pd.DataFrame
    contacts: int
    customers: int

    def figure(self) -> Figure:
        """Contacts by month and department."""
        shown = self.months.set_index("month")
        labels = [language.value("interactions.department", d or None) for d in shown.columns]
        shown.index = [f"{language.short_month(m)}\n{m.year}" if i == 0 or m.month == 1 else language.short_month(m)
                       for i, m in enumerate(shown.index)]  # fmt: skip
        return charts.lines(shown, write=language.number, labels=labels, ylabel=_("Contacts per month"))

    def headline(self) -> str:
        """How many contacts with how many customers."""
        return _("{n} contacts with {customers} customers").format(
            n=language.number(self.contacts), customers=language.number(self.customers)
        )

    def table_headline(self) -> str:
        """The most frequent kind of contact."""
        top = self.table.iloc[0]
        return _("The most frequent contact is {type}, {share} of all").format(
            type=language.value("interactions.interaction_type", top["contact_type"]),
            share=language.percent(top["contact_count"] / self.contacts),
        )

    def note(self) -> str:
        return _("Base: all contacts up to the as-of date, in both directions. Figure: the departments with the most contacts.")


@needs("interactions", answers=_CONTACTS)
def contacts(tables: Tables) -> Contacts:
    """Contacts by type, channel, direction and department, and by month."""
    told = tables.interactions
    names = {"contact_type": "interaction_type", "channel_of_contact": "channel", "contact_direction": "direction",
             "contact_department": "department"}  # fmt: skip
    keys = {new: told[old] if old in told.columns else ibis.null("string") for new, old in names.items()}
    counted = told.group_by(**keys).aggregate(contact_count=told.count(), customers=told.customer_id.nunique())
    table = frame(counted, by=[counted.contact_count.desc(), *keys])
    by_month = told.group_by(
        month=told.occurred_at.truncate("M").cast("date"),
        department=told["department"] if "department" in told.columns else ibis.null("string"),
    ).aggregate(n=told.count())
    by_month = frame(by_month, by=["month", "department"])
    by_month["month"], by_month["department"] = pd.to_datetime(by_month["month"]), by_month["department"].fillna("")
    largest = by_month.groupby("department")["n"].sum().sort_values(ascending=False, kind="stable").index[:5]
    every = pd.date_range(by_month["month"].min(), by_month["month"].max(), freq="MS")
    months = by_month.pivot_table(index="month", columns="department", values="n", aggfunc="sum")
    months = months.reindex(every, columns=list(largest)).fillna(0).astype(int)
    months = months.rename_axis(index="month", columns=None).reset_index()
    return Contacts(table, months, int(table["contact_count"].sum()), int(told.customer_id.nunique().to_pandas()))
