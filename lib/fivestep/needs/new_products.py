"""New products in the orders: how they were taken up, what customers say of them, and who takes up new things first."""

from __future__ import annotations

import math
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
from fivestep.needs.feedback_cases import cases, complaints, score_scale

SILENT, ON_SALE = 60, 60  # days before its first sale and since, without which no product counts as launched
CHANCE = 1e-6  # largest chance that a product that was there all the time was not sold before
FEWEST = 30  # buyers of a launch below which it is left out
PERIOD, STEADY = 30, 0.8  # days of a period, and the share of the periods since its first sale in which a launch was sold
MOST = 20  # launches that are looked at, those with most buyers
SHOWN, DRAWN = 12, 5  # launches in the table and in the figure
WEEKS = 26  # shown of the way up
YEAR = 365
# Classes of adopters: up to which share of the customers who could have bought they reach (Rogers 1962).
INNOVATORS, EARLY, EARLY_MAJORITY, LATE_MAJORITY, LAGGARDS = (
    N_("Innovators"), N_("Early adopters"), N_("Early majority"), N_("Late majority"), N_("Laggards"),
)  # fmt: skip
CLASSES = {INNOVATORS: 0.025, EARLY: 0.16, EARLY_MAJORITY: 0.5, LATE_MAJORITY: 0.84, LAGGARDS: 1.0}
NOT_YET = N_("Not bought yet")
PER = 1000
_ANSWERS = N_("how new products are taken up, and who takes them up first")


@dataclass(frozen=True)
class NewProducts:
    """Launches and adopters.

    ``launches``: one row per product launched in the data, by first sale: product_id, product, launched (day), eligible
    (customers who
    ordered since), buyers, share with ``_low`` and ``_high`` (Wilson), again (of the buyers with a later order, who bought it
    on a later day) with ``_low`` and ``_high``, complaint_rate (per 1,000 lines; other_rate: of all other products since), score
    (mean in
    feedback, 0 to 1; other_score). ``curve``: share of the eligible by launch (columns, product ids) who have bought by the end
    of each
    week (index, from 1). ``table``: one row per customer who was eligible for a launch: customer_id, acceptance (0 to 1: mean
    over launches of the share of the eligible who had not bought before), launches, taken (how many they bought), adopter_class.
    ``groups``: the classes with customers, share, acceptance. ``unsure``: launches that may be a season, as the
    data holds less than a year both before and since.
    """

    launches: pd.DataFrame
    curve: pd.DataFrame
    table: pd.DataFrame
    groups: pd.DataFrame
    unsure: int

    def figure(self) -> Figure:
        """The way up of the launches."""
        shown = self.curve[list(self._largest(DRAWN)["product_id"])]
        return charts.lines(
            shown.set_axis([language.number(w) for w in shown.index]),
            write=language.percent,
            labels=[self._name(p) for p in shown.columns],
            ylabel=_("Share who have bought"),
            xlabel=_("Weeks since the launch"),
        )

    def _largest(self, n: int) -> pd.DataFrame:
        """The *n* launches with most buyers."""
        return (
            self.launches.assign(_n=-self.launches["buyers"])
            .sort_values(["_n", "product_id"], ignore_index=True)
            .head(n)
            .drop(columns="_n")
        )

    def _name(self, product_id: str) -> str:
        named = self.launches.set_index("product_id")["product"][product_id]
        return language.value("products.product_name", named)

    def shown(self) -> pd.DataFrame:
        """The launches as a reader sees them."""
        t = self._largest(SHOWN)
        return pd.DataFrame(
            {
                "launched_product": [self._name(p) for p in t["product_id"]],
                "launched_on": t["launched"],
                "launch_eligible": t["eligible"],
                "launch_buyers": t["buyers"],
                "launch_share": t["share"],
                "launch_share_low": t["share_low"],
                "launch_share_high": t["share_high"],
                "repurchased": t["again"],
                "repurchased_low": t["again_low"],
                "repurchased_high": t["again_high"],
                "launch_complaints": t["complaint_rate"],
                "other_complaints": t["other_rate"],
                "launch_score": t["score"],
                "other_score": t["other_score"],
            }
        )

    def adopters(self) -> pd.DataFrame:
        """The classes of adopters: adopter_class, customers, share of the customers, acceptance (mean)."""
        return self.groups.rename(columns={"customers": "adopters", "share": "adopter_share", "acceptance": "acceptance_mean"})

    def headline(self) -> str:
        """How far the launch went that went furthest."""
        t = self.launches
        top = t.loc[t["share"].round(9).idxmax()]
        return _("{product}: {share} of the customers since {day} have bought it").format(
            product=self._name(top["product_id"]), share=language.percent(top["share"]), day=language.day(top["launched"])
        )

    def table_headline(self) -> str:
        """How many launches there are, and what came again."""
        t = self.launches
        known = t[t["again"].notna()]
        if known.empty:
            return _("New products: {n}").format(n=language.number(len(t)))
        top = known.loc[known["again"].round(9).idxmax()]
        return _("New products: {n}; {share} of the buyers of {product} bought it again").format(
            n=language.number(len(t)), share=language.percent(top["again"]), product=self._name(top["product_id"])
        )

    def adopters_headline(self) -> str:
        """How many customers are innovators or early adopters."""
        g = self.groups.set_index("adopter_class")["customers"]
        return _("{n} innovators and {early} early adopters: those to whom new things are shown first").format(
            n=language.number(g.get(INNOVATORS, 0)), early=language.number(g.get(EARLY, 0))
        )

    def note(self) -> str:
        """What counts as a launch, as eligible, as a class."""
        return _(
            "New: first sold {silent} days or more after the data begins and {sale} days or more before it ends, by "
            "{few} customers or "
            "more, so often since that a silence before by chance is less likely than one in a million, and in at least "
            "{steady} of the periods "
            "of {period} days since. The {most} with most buyers count. Eligible: customers who "
            "ordered since. Acceptance: for each launch the share of the eligible who had not bought before the "
            "customer, mean over "
            "launches; who has not bought yet has half of what is left. Classes of Rogers (1962) by convention: the "
            "first 2.5%, 13.5%, "
            "34%, 34% and 16% of the customers by acceptance; who bought no launch is not yet in a class."
        ).format(
            silent=language.number(SILENT),
            sale=language.number(ON_SALE),
            few=language.number(FEWEST),
            steady=language.percent(STEADY, 0),
            period=language.number(PERIOD),
            most=language.number(MOST),
        )

    def finding(self) -> Finding:
        """The share of the eligible who bought the launch that went furthest."""
        t = self.launches
        top = t.loc[t["share"].round(9).idxmax()]
        warnings = []
        if len(t) == 1:
            warnings.append(_("One launch: who took it up may have liked this product, not new things."))
        if self.unsure:
            warnings.append(
                _(
                    "The data holds less than a year before and since the first sale of {n} of {all}: they may have a season."
                ).format(n=language.number(self.unsure), all=language.number(len(t)))
            )
        return Finding(
            key="needs.new_product_share",
            value=float(top["share"]),
            unit="share",
            display=language.percent(top["share"]),
            text=language.sentence(self.headline()),
            evidence=_("{n} of {all} customers who ordered since ({low} to {high}). {adopters}").format(
                n=language.number(top["buyers"]),
                all=language.number(top["eligible"]),
                low=language.percent(top["share_low"]),
                high=language.percent(top["share_high"]),
                adopters=language.sentence(self.adopters_headline()),
            ),
            so_what=_("Show the next new product to innovators and early adopters first, and ask them after the first purchase."),
            confidence="medium" if len(t) > 1 else "low",
            warnings=tuple(warnings),
            assumptions=(self.note(),),
        )

    def innovators(self) -> pd.DataFrame:
        """Innovators and early adopters, for who shows them what is new: customer_id, adopter_class, acceptance."""
        first = self.table[self.table["adopter_class"].isin([INNOVATORS, EARLY])]
        return first[["customer_id", "adopter_class", "acceptance"]]


@needs("order_lines", answers=_ANSWERS)
def new_products(tables: Tables) -> NewProducts | NotAvailable:
    """Launches found in the orders, how each was taken up, what feedback says of it, and adopters by class.

    A product is new where a Poisson process at its rate since the first sale would have left the days before without a sale
    with a chance of less than one in a million. Returns count as no sale.

    Source: Rogers (1962), Diffusion of Innovations, for the shares of the classes.
    """
    lines = tables.order_lines.filter(lambda t: t.customer_id.notnull() & t.product_id.notnull())
    lines = lines.filter(lines.quantity > 0) if "quantity" in lines.columns else lines
    day = lines.order_date.date()
    sold = frame(
        lines.group_by("product_id").aggregate(first=day.min(), lines=lines.count(), buyers=lines.customer_id.nunique()),
        by=["product_id"],
    )
    if sold.empty:
        return NotAvailable((), _(_ANSWERS), reason=_("no order line has both a customer and a product."))
    start, end = pd.Timestamp(sold["first"].min()), pd.Timestamp(tables.as_of)
    first = pd.to_datetime(sold["first"])
    before, since = (first - start).dt.days, (end - first).dt.days + 1
    unlikely = sold["lines"] * before / since > -math.log(CHANCE)
    found = sold[unlikely & (before >= SILENT) & (since >= ON_SALE) & (sold["buyers"] >= FEWEST)]
    found = (
        found[_steady(lines, found, end)].assign(_buyers=lambda t: -t["buyers"]).sort_values(["_buyers", "product_id"]).head(MOST)
    )
    found = found.sort_values(["first", "_buyers", "product_id"]).drop(columns="_buyers")
    if found.empty:
        reason = _(
            "no product of the orders is new: first sold {days} days or more after the data begins, by {n} customers."
        ).format(days=language.number(SILENT), n=language.number(FEWEST))
        return NotAvailable((), _(_ANSWERS), reason=reason)
    last = frame(lines.group_by("customer_id").aggregate(last=day.max()), by=["customer_id"])
    new = lines.filter(lines.product_id.isin(found["product_id"].tolist()))
    bought = frame(
        new.group_by("product_id", "customer_id").aggregate(first=new.order_date.date().min(), final=new.order_date.date().max()),
        by=["product_id", "customer_id"],
    )
    last["last"] = pd.to_datetime(last["last"])
    bought["first"], bought["final"] = pd.to_datetime(bought["first"]), pd.to_datetime(bought["final"])
    rows, curves, scores = [], {}, []
    for launch in found.itertuples():
        launched = pd.Timestamp(launch.first)
        eligible = last[last["last"] >= launched]
        own = bought[bought["product_id"] == launch.product_id].merge(eligible, on="customer_id")
        low, high = wilson(len(own), len(eligible))
        later = own[own["last"] > own["first"]]
        again = int((later["final"] > later["first"]).sum())
        again_low, again_high = wilson(again, len(later))
        rows.append(
            {
                "product_id": launch.product_id, "launched": launched, "eligible": len(eligible), "buyers": len(own),
                "share": len(own) / len(eligible), "share_low": float(low), "share_high": float(high),
                "again": again / len(later) if len(later) else math.nan,
                "again_low": float(again_low), "again_high": float(again_high),
            }
        )  # fmt: skip
        days = (own["first"] - launched).dt.days.to_numpy()
        weeks = np.arange(1, min(WEEKS, ((end - launched).days + 1) // 7) + 1)
        curves[launch.product_id] = pd.Series([(days < 7 * w).sum() / len(eligible) for w in weeks], index=weeks)
        ranks = pd.Series(days, index=own["customer_id"].to_numpy()).rank(method="min") - 1  # who had bought before
        score = pd.Series((len(eligible) - len(own)) / 2 / len(eligible), index=eligible["customer_id"].to_numpy())
        score.loc[ranks.index] = 1 - ranks / len(eligible)
        scores.append(
            pd.DataFrame({"customer_id": score.index, "acceptance": score.to_numpy(), "taken": score.index.isin(ranks.index)})
        )
    launches = pd.DataFrame(rows)
    launches["product"] = _names(tables, launches["product_id"])
    launches = launches.join(_opinions(tables, lines, launches))
    table = _classes(pd.concat(scores))
    unsure = int((((launches["launched"] - start).dt.days < YEAR) & ((end - launches["launched"]).dt.days < YEAR)).sum())
    groups = table.groupby("adopter_class").agg(customers=("customer_id", "size"), acceptance=("acceptance", "mean"))
    groups = groups.reindex([c for c in (*CLASSES, NOT_YET) if c in groups.index]).reset_index()
    groups.insert(2, "share", groups["customers"] / len(table))
    return NewProducts(launches, pd.DataFrame(curves), table, groups, unsure)


def _steady(lines: ibis.Table, found: pd.DataFrame, end: pd.Timestamp) -> np.ndarray:
    """Which products were sold in most periods of 30 days since their first sale: what has a season is not."""
    if found.empty:
        return np.zeros(0, dtype=bool)
    own = lines.filter(lines.product_id.isin(found["product_id"].tolist()))
    days = frame(own.select("product_id", day=own.order_date.date()).distinct(), by=["product_id", "day"])
    first = pd.to_datetime(days.groupby("product_id")["day"].transform("min"))
    days["period"] = (pd.to_datetime(days["day"]) - first).dt.days // PERIOD
    periods = days.groupby("product_id")["period"].nunique().reindex(found["product_id"]).to_numpy()
    return periods / ((end - pd.to_datetime(found["first"])).dt.days.to_numpy() // PERIOD + 1) >= STEADY


def _classes(scores: pd.DataFrame) -> pd.DataFrame:
    """Customers by acceptance, equal ones in the same class, that of the first of them."""
    out = scores.groupby("customer_id").agg(acceptance=("acceptance", "mean"), launches=("taken", "size"), taken=("taken", "sum"))
    out = out.reset_index().assign(_order=lambda t: -t["acceptance"].round(12))
    out = out.sort_values(["_order", "customer_id"], ignore_index=True)
    place = out["_order"].rank(method="min") / len(out)
    names, ends = list(CLASSES), np.array(list(CLASSES.values()))
    found = np.array(names, dtype=object)[np.searchsorted(ends, place - 1e-12)]
    out["adopter_class"] = np.where(out["taken"] > 0, found, NOT_YET)
    return out.drop(columns="_order")


def _names(tables: Tables, ids: pd.Series) -> list[str]:
    if tables.missing("products.product_name"):
        return ids.tolist()
    names = tables.products.filter(tables.products.product_id.isin(ids.tolist())).select("product_id", "product_name")
    named = frame(names, by=["product_id"]).drop_duplicates("product_id").set_index("product_id")["product_name"]
    return [named.get(i) if isinstance(named.get(i), str) else i for i in ids]


def _opinions(tables: Tables, lines: ibis.Table, launches: pd.DataFrame) -> pd.DataFrame:
    """complaint_rate, other_rate, score and other_score of every launch; NaN where feedback names no products."""
    out = pd.DataFrame(np.nan, index=launches.index, columns=["complaint_rate", "other_rate", "score", "other_score"])
    if tables.missing("feedback.product_id"):
        return out
    told = cases(tables).filter(lambda t: t.product_id.notnull())
    told = told.mutate(complains=told.feedback_id.isin(complaints(told)[0].feedback_id))
    scale = score_scale(tables) or (math.nan, math.nan)
    for i, launch in launches.iterrows():
        moment = ibis.literal(launch["launched"])
        since, bought = told.filter(told.created_at >= moment), lines.filter(lines.order_date >= moment)
        said = since.aggregate(
            own=since.complains.sum(where=since.product_id == launch["product_id"]),
            other=since.complains.sum(where=since.product_id != launch["product_id"]),
            score=since.satisfaction.mean(where=since.product_id == launch["product_id"]),
            other_score=since.satisfaction.mean(where=since.product_id != launch["product_id"]),
        ).to_pandas().iloc[0]  # fmt: skip
        sold = bought.aggregate(own=(bought.product_id == launch["product_id"]).sum(), all=bought.count()).to_pandas().iloc[0]
        others = sold["all"] - sold["own"]
        out.loc[i, "complaint_rate"] = PER * (0 if pd.isna(said["own"]) else said["own"]) / sold["own"]
        out.loc[i, "other_rate"] = PER * (0 if pd.isna(said["other"]) else said["other"]) / others if others else math.nan
        for name in ("score", "other_score"):
            if said[name] is not None and not pd.isna(said[name]):
                out.loc[i, name] = (said[name] - scale[0]) / (scale[1] - scale[0])
    return out
