"""Young or old, women or men: which answer the customers of known age and gender allow."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _
from fivestep.profiling import age

ANSWERS = N_("whether the customers are young or old, women or men")
MIDDLE, OLD = 35, 60  # first age of the middle and of the old
AGES = (N_("Young (under 35)"), N_("Middle-aged (35 to 59)"), N_("Old (60 and over)"))
GENDERS = (N_("Women"), N_("Men"))
WOMEN = {"f", "female", "woman", "women", "w", "女", "女性", "女士", "2"}
MEN = {"m", "male", "man", "men", "男", "男性", "先生", "1"}
MOSTLY = 0.6  # a share from which one gender is called the majority; within 0.4 to 0.6 they are balanced
FEW = 30


@dataclass(frozen=True)
class Majorities:
    """Shares of the age classes and of the genders among the customers of whom they are known.

    ``table``: portrait_trait (Age, Gender), portrait_group, customers, share_of_known, known_share_low, known_share_high
    (Wilson), unknown_share (of all customers, by trait).
    """

    table: pd.DataFrame
    customers: int
    by_band: bool
    as_of: dt.date

    def _of(self, trait: str) -> pd.DataFrame:
        return self.table[self.table["portrait_trait"] == trait]

    def shown(self) -> pd.DataFrame:
        """The table as the reader sees it."""
        return self.table.assign(portrait_group=[_(group) for group in self.table["portrait_group"]])

    def gender(self) -> str:
        """women, men, more women, more men, balanced or open; empty where no gender is known."""
        part = self._of("Gender")
        if part.empty:
            return ""
        women, low, high = part.iloc[0][["share_of_known", "known_share_low", "known_share_high"]]
        if low > 0.5:
            return "women" if women >= MOSTLY else "more women"
        if high < 0.5:
            return "men" if women <= 1 - MOSTLY else "more men"
        return "balanced" if low >= 1 - MOSTLY and high <= MOSTLY else "open"

    def headline(self) -> str:
        """What age and gender allow to say."""
        said = _("; ").join(self._said())
        return said[:1].upper() + said[1:]

    def _said(self) -> list[str]:
        out = []
        if verdict := self.gender():
            women = self._of("Gender").iloc[0]
            share = women["share_of_known"]
            words = {
                "women": _("The customers are mostly women ({share} of those known)"),
                "men": _("The customers are mostly men ({share} of those known)"),
                "more women": _("More customers are women than men ({share} of those known)"),
                "more men": _("More customers are men than women ({share} of those known)"),
                "balanced": _("Women and men are balanced ({share} of those known are women)"),
                "open": _("Whether more customers are women or men is open ({share} of those known are women)"),
            }[verdict]
            out.append(words.format(share=language.percent(1 - share if verdict in ("men", "more men") else share)))
        if len(part := self._of("Age")):
            best = part.sort_values("customers", ascending=False, kind="stable").iloc[0]
            words = (
                _("most are of one age class: {group}, {share}")
                if best["known_share_low"] > 0.5
                else _("no age class has the majority; the largest is {group}, {share}")
            )
            if (part["customers"] == best["customers"]).sum() > 1:
                words = _("no age class is the largest; {group} and another have {share} each")
            group = best["portrait_group"]
            out.append(words.format(group=_(group), share=language.percent(best["share_of_known"])))
        return out

    def note(self) -> str:
        """Base and definitions."""
        base = _("Base: {n} customers on {day}; shares are of those known, with 95% intervals (Wilson).").format(
            n=language.number(self.customers), day=language.day(self.as_of)
        )
        rule = _(
            "“Mostly”: the interval lies beyond 50% and the share is {mostly} or more; balanced: the interval lies within {rest} "
            "to {mostly}; open: the interval holds 50%."
        ).format(mostly=language.percent(MOSTLY), rest=language.percent(1 - MOSTLY))
        bands = _("A band of ages counts where its middle lies.") if self.by_band else ""
        return " ".join(filter(None, (base, rule if self.gender() else "", bands)))

    def finding(self) -> Finding:
        """The share of women, or of the largest age class where no gender is known."""
        row = self._of("Gender").iloc[0] if self.gender() else self.table.loc[self.table["customers"].idxmax()]
        known, unknown = int(self.table.groupby("portrait_trait")["customers"].sum().min()), self.table["unknown_share"].max()
        return Finding(
            key="profiling.majority",
            value=float(row["share_of_known"]),
            unit="share",
            display=language.percent(row["share_of_known"]),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Write and picture for the majority only where one is proven; else address both."),
            confidence="high" if known >= 10 * FEW and unknown < 0.2 else "medium" if known >= FEW else "low",
            warnings=(
                _("Up to {share} of customers are unknown here, and they may be different.").format(
                    share=language.percent(unknown)
                ),
            )
            if unknown >= 0.2
            else (),
        )


@needs("customers.customer_id", answers=ANSWERS)
def majorities(tables: Tables) -> Majorities | NotAvailable:
    """Customers by age class (under 35, 35 to 59, 60 and over) and by gender, of all customers in the table.

    The age comes from the date of birth or the age; where only bands are known, from the middle of the band.
    """
    years, customers = age.age_of(tables), tables.customers
    n, rows = int(customers.count().to_pandas()), []
    if "gender" in customers.columns:
        counted = frame(customers.group_by("gender").aggregate(n=customers.count()), by=["gender"])
        words = counted["gender"].astype(str).str.strip().str.lower()
        rows.append(("Gender", GENDERS, [int(counted.loc[words.isin(names), "n"].sum()) for names in (WOMEN, MEN)]))
    by_band = years is None and "age_band" in customers.columns
    if years is not None:
        classes = customers.select(c=(years >= MIDDLE).cast("int8") + (years >= OLD).cast("int8"))
        counted = frame(classes.group_by("c").aggregate(n=classes.count()), by=["c"]).dropna().set_index("c")["n"]
        rows.append(("Age", AGES, [int(counted.get(i, 0)) for i in range(3)]))
    elif by_band:
        counted = frame(customers.group_by("age_band").aggregate(n=customers.count()), by=["age_band"])
        ends = [age.ends(str(band)) for band in counted["age_band"].fillna("")]
        middles = np.array([np.nan if e is None else low_or_middle(*e) for e in ends], dtype=float)
        held = [middles < MIDDLE, (middles >= MIDDLE) & (middles < OLD), middles >= OLD]
        rows.append(("Age", AGES, [int(counted.loc[inside, "n"].sum()) for inside in held]))
    parts = []
    for trait, groups, counts in rows:
        if not (known := sum(counts)):
            continue
        low, high = wilson(counts, known)
        part = pd.DataFrame({"portrait_trait": trait, "portrait_group": groups, "customers": counts})
        part["share_of_known"] = part["customers"] / known
        parts.append(part.assign(known_share_low=low, known_share_high=high, unknown_share=1 - known / n))
    if not rows:
        return NotAvailable(("customers.gender", "customers.birth_date"), _(ANSWERS))
    if not parts:
        return NotAvailable((), _(ANSWERS), reason=_("Neither age nor gender of any customer is known."))
    return Majorities(pd.concat(parts, ignore_index=True), n, by_band, tables.as_of)


def low_or_middle(low: float, beyond: float) -> float:
    """The middle of a band of ages; of an open one its first age."""
    return low if np.isinf(beyond) else (low + beyond) / 2
