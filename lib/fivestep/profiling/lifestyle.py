"""How each group lives: interests, media and the hours at which it buys."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _, columns, ngettext
from fivestep.profiling.covered_months import period
from fivestep.profiling.habits import members
from fivestep.profiling.interests import interest_label, interests_of
from fivestep.profiling.portrait import in_order, traits
from fivestep.profiling.returns import is_return

ANSWERS = N_("how each group lives: what it likes, where it reads and when it buys")
FIELDS = ("age_band", "gender", "occupation", "marital_status")
FEW = 30
OWN = ("app", "website", "web", "site", "shop", "mini program", "小程序", "官网", "官網", "网站", "網站", "应用", "應用")
PARTS = ((10, N_("Before 10:00")), (14, N_("10:00 to 14:00")), (18, N_("14:00 to 18:00")), (24, N_("From 18:00")))


@dataclass(frozen=True)
class Lifestyle:
    """Interests, media and consumption of the groups of 30 customers and more.

    ``table``: one row per group: portrait_trait, portrait_group (raw), customers, top_interest with interest_index (share of who
    names it against all who name any, 100 = alike; the highest whose 95 % interval lies above all; missing where none does),
    medium with medium_share (platform on which most of the group were active, and their share of the group), day_part with
    day_part_share (of its orders), weekend_share (of its orders). A column is missing where the data cannot say.
    """

    table: pd.DataFrame
    first_day: dt.date
    as_of: dt.date

    def shown(self) -> pd.DataFrame:
        """``table`` as the reader sees it."""
        out = self.table.copy()
        out["portrait_group"] = [
            language.value(f"customers.{f}", g) for f, g in zip(out["portrait_trait"], out["portrait_group"], strict=True)
        ]
        out["portrait_trait"] = [columns.column(f).label for f in out["portrait_trait"]]
        if "top_interest" in out:
            known = [None if language.absent(v) else interest_label(v) for v in out["top_interest"]]
            out["top_interest"] = pd.Series(known, dtype=object)
        return out

    def headline(self) -> str:
        """The groups with an interest of their own, and the group that buys most at the weekend."""
        parts = []
        if "top_interest" in self.table:
            n = int(self.table["top_interest"].notna().sum())
            said = ngettext(
                "{n} of {all} groups has an interest ahead of others", "{n} of {all} groups have an interest ahead of others", n
            )
            parts.append(said.format(n=language.number(n), all=language.number(len(self.table))))
        if "weekend_share" in self.table and self.table["weekend_share"].notna().any():
            rows = self.table.sort_values(
                ["weekend_share", "portrait_trait", "portrait_group"], ascending=[False, True, True], na_position="last"
            )
            top = rows.iloc[0]
            said = _("no group buys more at the weekend than {group} ({share} of orders)")
            name = language.value(f"customers.{top['portrait_trait']}", top["portrait_group"])
            parts.append(said.format(group=name, share=language.percent(top["weekend_share"])))
        return "; ".join(parts)

    def note(self) -> str:
        """Base and definitions."""
        return _(
            "Groups of {few} customers and more, {period}. Interest: the one furthest ahead of all customers who name any, where "
            "the 95% interval of the group's share lies above it; not corrected for the number tried. Medium: platform, other "
            "than the company's own app or website, on which most of the group were active. Day part and weekend: shares of "
            "the group's orders."
        ).format(few=language.number(FEW), period=period(self.first_day, self.as_of))

    def finding(self) -> Finding:
        """How many groups have an interest ahead of others."""
        told = self.table["top_interest"].notna().sum() if "top_interest" in self.table else 0
        return Finding(
            key="profiling.groups_with_lifestyle",
            value=float(told),
            unit="count",
            display=language.number(told),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Speak to a group on its medium, at its hours; choose themes by interest only where one is named."),
            confidence="medium",
        )


@needs("customers.customer_id", "orders.customer_id", "orders.order_date", answers=ANSWERS)
def lifestyle(
    tables: Tables, *, age_bands: tuple[int, ...] = (), words: Mapping[str, Sequence[str]] | None = None
) -> Lifestyle | NotAvailable:
    """Interests, media and hours of the groups by age, gender, occupation and marital status.

    *age_bands*, *words*: see `habits`. `NotAvailable` where neither interests nor events are known, as hours alone are no
    lifestyle, or where no group has 30 customers.
    """
    fields = traits(tables, FIELDS)
    likes, media = not tables.missing("customers.interests"), not tables.missing("events.customer_id", "events.platform")
    if not fields or not (likes or media):
        return NotAvailable(("customers.interests", "events.platform"), _(ANSWERS))
    people = members(tables, fields, age_bands, [])
    table = frame(people.group_by("trait", "group").aggregate(customers=people.count()), by=["trait", "group"])
    table = table[table["customers"] >= FEW]
    if table.empty:
        return NotAvailable((), _(ANSWERS), reason=_("no group has {n} customers.").format(n=language.number(FEW)))
    if likes:
        table = table.merge(_interests(people, interests_of(tables, words)), on=["trait", "group"], how="left")
    if media:
        table = table.merge(_media(tables, people, table), on=["trait", "group"], how="left")
    table = table.merge(_hours(tables, people), on=["trait", "group"], how="left").dropna(axis=1, how="all")
    place = {f: i for i, f in enumerate(fields)}
    ranks = {}
    for f in table["trait"].unique():
        values = sorted(table.loc[table["trait"] == f, "group"])
        ranks |= {(f, v): i for i, v in enumerate(in_order(f, values) if f == "age_band" else values)}
    keys = list(zip(table["trait"], table["group"], strict=True))
    order = sorted(range(len(table)), key=lambda i: (place[keys[i][0]], ranks[keys[i]]))
    table = table.iloc[order].rename(columns={"trait": "portrait_trait", "group": "portrait_group"})
    return Lifestyle(table.reset_index(drop=True), tables.first_day, tables.as_of)


def _interests(people: ibis.Table, held: ibis.Table) -> pd.DataFrame:
    """trait, group, top_interest, interest_index: the interest furthest ahead of all who name any, where one is so reliably."""
    named = held.select("customer_id").distinct()
    all_ = frame(held.group_by("interest").aggregate(n=held.count()), by=["interest"]).set_index("interest")["n"]
    everyone = int(named.count().to_pandas())
    inside = people.inner_join(named, "customer_id")
    sizes = frame(inside.group_by("trait", "group").aggregate(of=inside.count()), by=["trait", "group"])
    both = people.inner_join(held, "customer_id")
    counted = frame(
        both.group_by("trait", "group", "interest").aggregate(n=both.count()), by=["trait", "group", "interest"]
    ).merge(sizes, on=["trait", "group"])  # fmt: skip
    usual = counted["interest"].map(all_).to_numpy(dtype=float) / max(everyone, 1)
    share = counted["n"] / counted["of"]
    counted["interest_index"] = 100 * share / usual
    ahead = counted[(wilson(counted["n"], counted["of"])[0] > usual) & (counted["of"] >= FEW)]
    best = ahead.sort_values(["trait", "group", "interest_index", "interest"], ascending=[True, True, False, True])
    best = best.drop_duplicates(["trait", "group"]).rename(columns={"interest": "top_interest"})
    return best[["trait", "group", "top_interest", "interest_index"]]


def _media(tables: Tables, people: ibis.Table, sizes: pd.DataFrame) -> pd.DataFrame:
    """trait, group, medium, medium_share: the platform, not the company's own, on which most of the group had an event."""
    events = tables.events.filter(tables.events.customer_id.notnull(), tables.events.platform.notnull())
    events = events.filter(~events.platform.lower().isin(OWN))
    used = people.inner_join(events.select("customer_id", "platform").distinct(), "customer_id")
    counted = frame(
        used.group_by("trait", "group", "platform").aggregate(n=used.count()), by=["trait", "group", "platform"]
    ).merge(sizes[["trait", "group", "customers"]], on=["trait", "group"])  # fmt: skip
    counted["medium_share"] = counted["n"] / counted["customers"]
    most = counted.sort_values(["trait", "group", "n", "platform"], ascending=[True, True, False, True])
    most = most.drop_duplicates(["trait", "group"]).rename(columns={"platform": "medium"})
    return most[["trait", "group", "medium", "medium_share"]]


def _hours(tables: Tables, people: ibis.Table) -> pd.DataFrame:
    """trait, group, day_part, day_part_share (missing where orders have no time of day), weekend_share."""
    orders = tables.orders.filter(~is_return(tables.orders), tables.orders.customer_id.notnull())
    dated = orders.select("customer_id", hour=orders.order_date.hour(), day=orders.order_date.day_of_week.index())
    parts = ibis.cases(*((dated.hour < end, name) for end, name in PARTS))
    each = people.inner_join(dated.mutate(part=parts), "customer_id")
    counted = frame(
        each.group_by("trait", "group", "part").aggregate(n=each.count(), weekend=(each.day >= 5).sum(), late=each.hour.max()),
        by=["trait", "group", "part"],
    )
    if counted.empty:
        return pd.DataFrame(columns=["trait", "group", "day_part", "day_part_share", "weekend_share"])
    timed = counted["late"].max() > 0
    sums = counted.groupby(["trait", "group"])[["n", "weekend"]].sum().reset_index()
    sums["weekend_share"] = sums["weekend"] / sums["n"]
    most = counted.sort_values(["trait", "group", "n", "part"], ascending=[True, True, False, True])
    most = most.drop_duplicates(["trait", "group"])
    most = most.merge(sums[["trait", "group", "n"]], on=["trait", "group"], suffixes=("", "_all"))
    most["day_part"] = np.where(timed, most["part"], None)
    most["day_part_share"] = np.where(timed, most["n"] / most["n_all"], np.nan)
    return most[["trait", "group", "day_part", "day_part_share"]].merge(sums[["trait", "group", "weekend_share"]])
