"""What hurts customers: causes of complaints in three classes, ranked by frequency, severity and the value at risk."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language, yaml_file
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _
from fivestep.needs.feedback_cases import cases, complaints, level_label, score_scale, unnamed_note
from fivestep.needs.voice import PER, poisson

DEFECT, INFORMATION, SERVICE, PRICE, UNKNOWN = (
    N_("Product defect"), N_("Confusing information"), N_("Poor service"), N_("Price"), N_("Not classified"),
)  # fmt: skip
CLASSES = {"defect": DEFECT, "information": INFORMATION, "service": SERVICE, "price": PRICE}
YEAR = 365  # days of spend that are at risk
BLOCKS = 50  # groups of customers between which the variance is measured
FEWEST = 5  # complaints and blocks below which a pain point has no interval, and a place none of its own
FALSE_DISCOVERY_RATE = 0.05
SHOWN = 15
_ANSWERS = N_("what hurts customers most, and where")


@dataclass(frozen=True)
class PainPoints:
    """Causes of complaints by what they put at risk.

    ``table``: one row per cause (or, without causes, per class), worst first: pain_point, pain_class, complaints, customers, rate
    (complaints per 1,000 order lines) with ``_low`` and ``_high``, severity (0 to 1), value_at_risk (spend of the customers
    concerned in 365 days), priority (rate times severity times value at risk, first of them = 100; NaN where nothing was bought)
    with ``_low`` and ``_high``. ``places``: product, region or both where a cause comes up more often than elsewhere beyond
    chance: pain_point, pain_class, product_id, product, region, customers (who complained), expected, times (as often as
    elsewhere) with ``_low`` and ``_high``, q_value, since (first complaint); most times first. ``lines``: order lines since the
    first complaint; ``severity_of``: what severity is made of; ``named``: whether the data says which cases are complaints.
    """

    table: pd.DataFrame
    places: pd.DataFrame
    lines: int
    severity_of: tuple[str, ...]
    named: bool
    caused: bool

    def classes(self) -> pd.DataFrame:
        """Complaints and causes by class, the three classes of pain always there."""
        t = self.table
        total = int(t["complaints"].sum())
        rows = []
        for name in (DEFECT, INFORMATION, SERVICE, PRICE, UNKNOWN):
            own = t[t["pain_class"] == name]
            if own.empty and name in (PRICE, UNKNOWN):
                continue
            n = int(own["complaints"].sum())
            low, high = (float(x) for x in wilson(n, total))
            rows.append(
                {
                    "pain_class": name,
                    "pain_points": len(own),
                    "complaint_cases": n,
                    "complaint_share": n / total,
                    "complaint_share_low": low,
                    "complaint_share_high": high,
                    "priority_sum": float(own["priority_share"].sum()) if t["priority_share"].notna().any() else math.nan,
                }
            )
        return pd.DataFrame(rows)

    def shown(self) -> pd.DataFrame:
        """The causes, worst first."""
        columns = [
            *(
                "pain_point",
                "pain_class",
                "complaints",
                "customers",
                "rate",
                "rate_low",
                "rate_high",
                "severity",
                "value_at_risk",
            ),
            *("priority", "priority_low", "priority_high"),
        ]
        names = {
            "complaints": "complaint_cases",
            "rate": "complaint_rate",
            "rate_low": "complaint_rate_low",
            "rate_high": "complaint_rate_high",
            "severity": "pain_severity",
            "priority": "pain_priority",
            "priority_low": "pain_priority_low",
            "priority_high": "pain_priority_high",
        }
        out = self.table[columns].rename(columns=names)
        return out.assign(pain_point=[self.label(p) for p in out["pain_point"]])

    def hot_spots(self) -> pd.DataFrame | NotAvailable:
        """Where a cause comes up beyond chance."""
        if self.places.empty:
            reason = _("no cause comes up more often in one product or region than elsewhere beyond chance.")
            return NotAvailable((), _("where a pain point sits"), reason=reason)
        out = self.places.drop(columns=["q_value", "product_id"])
        out = out.assign(
            pain_point=[self.label(p) for p in out["pain_point"]],
            product=[level_label("product", p) if isinstance(p, str) else _("All products") for p in out["product"]],
            region=[level_label("region", r) if isinstance(r, str) else _("All regions") for r in out["region"]],
        )
        names = {
            "product": "place_product",
            "region": "place_region",
            "expected": "customers_expected",
            "since": "first_complaint",
        }
        return out.rename(columns=names | {f"times{end}": f"times_as_often{end}" for end in ("", "_low", "_high")})

    def label(self, point: str) -> str:
        """The name of a pain point: that of its cause, else of its class."""
        return language.value("feedback.cause", point) if self.caused and point not in CLASSES.values() else _(point)

    def figure(self) -> Figure:
        """Priority of the pain points with intervals; the number of complaints where nothing was bought."""
        t = self.table.head(SHOWN)
        labels = [
            _("{cause} ({pain_class})").format(cause=self.label(p), pain_class=_(c))
            for p, c in zip(t["pain_point"], t["pain_class"], strict=True)
        ]
        if t["priority"].isna().all():
            return charts.bars(labels, t["complaints"].astype(float), write=language.number, xlabel=_("Complaints"))
        return charts.intervals(
            labels,
            t["priority"],
            t["priority_low"],
            t["priority_high"],
            write=language.number,
            xlabel=_("Priority, the first = 100"),
        )

    def headline(self) -> str:
        """The first pain point."""
        top = self.table.iloc[0]
        words = {
            "cause": self.label(top["pain_point"]),
            "pain_class": _(top.pain_class),
            "n": language.number(top["complaints"]),
        }
        if math.isnan(top["priority"]):
            return _("Most complaints: {cause} ({pain_class}), {n}").format(**words)
        return _("First pain point: {cause} ({pain_class}), {n} complaints, {money} of yearly spend at risk").format(
            **words, money=language.money(top["value_at_risk"])
        )

    def table_headline(self) -> str:
        """How many causes were compared."""
        return _("{n} causes of complaints, the worst first").format(n=language.number(len(self.table)))

    def places_headline(self) -> str:
        """The place that stands out most."""
        if self.places.empty:
            return _("Where pain points sit")
        top = self.places.iloc[0]
        where = language.listing([level_label(d, top[d]) for d in ("product", "region") if isinstance(top[d], str)])
        return _("{cause} comes up at least {times} times as often with {where} as elsewhere").format(
            cause=self.label(top["pain_point"]),
            times=language.number(top["times_low"], 1 if top["times_low"] < 10 else 0),
            where=where,
        )

    def classes_headline(self) -> str:
        """The class with the most complaints."""
        t = self.classes()
        top = t.sort_values("complaint_cases", ascending=False, kind="stable").iloc[0]
        return _("{pain_class} makes up {share} of the complaints").format(
            pain_class=_(top.pain_class), share=language.percent(top["complaint_share"])
        )

    def note(self) -> str:
        """How the ranking is made."""
        severity = {
            "satisfaction": _("how far satisfaction is from its best score"),
            "unsolved": _("the share of cases not solved"),
        }
        parts = [
            _(
                "Priority: complaints per {per} order lines × severity × spend of the customers concerned in the last "
                "{days} days, "
                "the first pain point = 100; interval 95% between blocks of customers. Base: {n} complaints."
            ).format(per=language.number(PER), days=language.number(YEAR), n=language.number(self.table["complaints"].sum())),
            _("Severity, 0 to 1, is the mean of: {parts}.").format(
                parts=language.listing([severity[s] for s in self.severity_of])
            )
            if self.severity_of
            else _("Severity is not known and counts as 1."),
            _(
                "Classes are read from the cause, else from the words of the text; a text that holds none of them is "
                "not classified."
            ),
        ]
        if not self.named:
            parts.append(unnamed_note(self.named))
        return " ".join(parts)

    def places_note(self) -> str:
        """How the places are found."""
        return _(
            "Compared with the order lines of the product, of customers of the region, or of both, since the first "
            "complaint; each "
            "customer counts once. Exact binomial test, false discovery rate {rate} over all causes and places; a "
            "product or a region "
            "alone is named only if it stands out beyond the places inside it. A dash: everybody who complained is there."
        ).format(rate=language.percent(FALSE_DISCOVERY_RATE, 0))

    def finding(self) -> Finding:
        """The first pain point and where it sits."""
        top = self.table.iloc[0]
        places = self.places[self.places["pain_point"] == top["pain_point"]]
        unknown = float(self.table.loc[self.table["pain_class"] == UNKNOWN, "complaints"].sum() / self.table["complaints"].sum())
        warnings = [_("Spend of customers who complained is at risk, not lost: how many would leave is not known.")]
        rivals = self.table.iloc[1:][self.table["priority_high"].iloc[1:] > top["priority_low"]]["pain_point"]
        if len(rivals):
            warnings.append(
                _("The order is not certain; as far as the intervals tell, these could come first as well: {causes}.").format(
                    causes=language.listing([self.label(p) for p in rivals])
                )
            )
        if unknown > 0.2:
            warnings.append(_("{share} of the complaints could not be classified.").format(share=language.percent(unknown)))
        return Finding(
            key="needs.first_pain_point_value",
            value=float(top["value_at_risk"]),
            unit="money",
            display=language.money(top["value_at_risk"]),
            text=language.sentence(self.headline()),
            evidence=language.sentence(self.places_headline())
            if len(places) and places.index[0] == 0
            else _("{n} causes compared.").format(n=language.number(len(self.table))),
            so_what=_("Go where it comes up, find the reason with those in charge, and watch the rate week by week."),
            confidence="medium" if top["complaints"] >= 30 and not math.isnan(top["priority_low"]) else "low",
            warnings=tuple(warnings),
            assumptions=(self.note(), self.places_note()),
        )


@cache
def _words() -> dict[str, re.Pattern[str]]:
    said = yaml_file.mapping(Path(__file__).parent / "pain_classes.yml")
    out = {}
    for name, words in said.items():
        latin = "|".join(re.escape(str(w)) for w in sorted(words["en"], key=len, reverse=True))
        han = "|".join(re.escape(str(w)) for w in sorted(words["zh"], key=len, reverse=True))
        out[name] = re.compile(rf"(?<![a-z])(?:{latin})(?![a-z])|{han}")
    return out


def pain_class(text: str | None) -> str:
    """The class of pain whose words a cause or a text holds most of; the earlier class of two that tie, `UNKNOWN` without any."""
    if not isinstance(text, str):
        return UNKNOWN
    counts = {name: len(set(pattern.findall(text.lower()))) for name, pattern in _words().items()}
    best = max(counts, key=lambda name: counts[name])
    return CLASSES[best] if counts[best] else UNKNOWN


@needs("feedback", answers=_ANSWERS)
def pain_points(tables: Tables) -> PainPoints | NotAvailable:
    """Causes of complaints, ranked by frequency times severity times value at risk, and the products and regions where they sit.

    Without a cause the kind of case stands in where it is more than "complaint", else the class that the text's words tell.
    Places: complaining customers of a cause in a product, a region or both against the order lines there (binomial, Clopper and
    Pearson 1934; Benjamini and Hochberg 1995). The interval of a priority is that of a delete-a-block jackknife on the log scale
    over up to 50 blocks of customers (Wolter 2007).
    """
    told, named = complaints(cases(tables))
    told = told.mutate(_stated=told.cause if named else ibis.coalesce(told.cause, told.feedback_type))
    points, classes = _points(told)
    if not classes:
        return NotAvailable((), _(_ANSWERS), reason=_("no feedback is a complaint."))
    caused = any(p not in (*CLASSES.values(), UNKNOWN) for p in classes)
    lines = _bought(tables, told.created_at.min().to_pandas())
    total = None if lines is None else int(lines.n.sum().to_pandas())
    table, severity_of = _ranked(tables, points, classes, total)
    return PainPoints(table, _places(points, lines, classes), total or 0, severity_of, named, caused)


def _points(told: ibis.Table) -> tuple[ibis.Table, dict[str, str]]:
    """The complaints with their pain point, and the class of each."""
    said = frame(told.group_by(cause=told._stated, text=told.text).aggregate(n=told.count()), by=["cause", "text"])
    classes: dict[str, str] = {}
    stated = said[said["cause"].notna()]
    for cause, rows in stated.groupby("cause"):
        classes[cause] = pain_class(cause)
        if classes[cause] == UNKNOWN and rows["text"].notna().any():  # the texts vote
            votes = rows.assign(v=[pain_class(t) for t in rows["text"]]).groupby("v")["n"].sum()
            votes = votes[votes.index != UNKNOWN]
            classes[cause] = min(votes.index[votes == votes.max()]) if len(votes) else UNKNOWN
    rest = said.loc[said["cause"].isna(), "text"].dropna()
    read = pd.DataFrame({"_text": rest.to_numpy(dtype=object), "_class": [pain_class(t) for t in rest]})
    if len(rest):
        known = ibis.memtable(read, schema={"_text": "string", "_class": "string"})
        joined = told.left_join(known, told.text == known._text)
        told = joined.mutate(point=ibis.coalesce(joined._stated, joined._class, UNKNOWN)).drop("_text", "_class")
    else:
        told = told.mutate(point=ibis.coalesce(told._stated, UNKNOWN))
    if said["cause"].isna().any():
        classes |= {
            c: c for c in (set(read["_class"]) | ({UNKNOWN} if said.loc[said["cause"].isna(), "text"].isna().any() else set()))
        }
    return told, classes


def _bought(tables: Tables, first: pd.Timestamp) -> ibis.Table | None:
    """Order lines (orders, where there are no lines) since the day of the *first* complaint: product_id, region, n."""
    source = "order_lines" if "order_lines" in tables.names else "orders"
    lines = getattr(tables, source)
    lines = lines.filter(lines.quantity > 0) if "quantity" in lines.columns else lines
    lines = lines.filter(lines.order_date >= ibis.literal(first).truncate("D"))
    if not tables.missing("customers.region"):
        home = tables.customers.select(_customer="customer_id", region="region")
        lines = lines.drop("region") if "region" in lines.columns else lines
        lines = lines.left_join(home, lines.customer_id == home._customer)
    else:
        lines = lines.mutate(region=ibis.null("string"))
    product = lines.product_id if source == "order_lines" else ibis.null("string")
    counted = lines.group_by(product_id=product, region=lines.region).aggregate(n=lines.count())
    return counted if counted.count().to_pandas() else None


def _ranked(
    tables: Tables, points: ibis.Table, classes: dict[str, str], lines: int | None
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The rows of `PainPoints.table`, and what severity is made of."""
    who = ibis.coalesce(points.customer_id, points.feedback_id)
    told = points.mutate(who=who)
    dealt = told.select("who").distinct()
    dealt = dealt.select("who", block=ibis.row_number().over(order_by="who") % BLOCKS)
    scale = score_scale(tables)
    statuses = bool((told.resolved_at.notnull() | told.status.notnull()).any().to_pandas())
    severity_of = (*(("satisfaction",) if scale else ()), *(("unsolved",) if statuses else ()))
    low, high = scale or (0.0, 1.0)
    # In whole thousandths, so that no order of addition changes a sum.
    per = told.mutate(bad=((high - told.satisfaction) / (high - low) * 1000).round().cast("int64")).inner_join(dealt, "who")
    sums = frame(
        per.group_by("point", "block").aggregate(
            complaints=per.count(), bad=per.bad.sum(), rated=per.satisfaction.count(), unsolved=(~per.solved).sum()
        ),
        by=["point", "block"],
    )  # fmt: skip
    orders = tables.orders.filter(tables.orders.customer_id.notnull())
    if "order_amount" in orders.columns:
        since = pd.Timestamp(tables.as_of) - pd.Timedelta(days=YEAR - 1)
        orders = orders.filter(orders.order_date >= ibis.literal(since))
        spend = orders.group_by("customer_id").aggregate(spend=orders.order_amount.sum())
        concerned = per.filter(per.customer_id.notnull()).select("point", "block", "customer_id").distinct()
        concerned = concerned.left_join(spend, "customer_id")
        value = frame(
            concerned.group_by("point", "block").aggregate(customers=concerned.count(), value=concerned.spend.sum()),
            by=["point", "block"],
        )
        value["value"] = value["value"].fillna(0.0).clip(lower=0)
        sums = sums.merge(value, on=["point", "block"], how="left")
    else:
        concerned = per.filter(per.customer_id.notnull()).select("point", "block", "customer_id").distinct()
        sums = sums.merge(
            frame(concerned.group_by("point", "block").aggregate(customers=concerned.count()), by=["point", "block"]),
            on=["point", "block"],
            how="left",
        ).assign(value=np.nan)
    rows = []
    for point, own in sums.groupby("point"):
        parts = own[["complaints", "bad", "rated", "unsolved", "customers", "value"]].fillna(0.0).to_numpy(dtype=float)
        whole = parts.sum(axis=0)
        known = own["value"].notna().any()
        priority = _priority(whole, severity_of, lines) if known and whole[5] > 0 else math.nan
        low = high = math.nan
        if len(parts) >= FEWEST and whole[0] >= FEWEST and priority > 0:
            from scipy.stats import t

            left = np.array([_priority(whole - part, severity_of, lines) for part in parts])
            if (left > 0).all():
                logs = np.log(left)
                error = math.sqrt((len(parts) - 1) / len(parts) * ((logs - logs.mean()) ** 2).sum())
                reach = math.exp(float(t.ppf(0.975, len(parts) - 1)) * error)
                low, high = priority / reach, priority * reach
        rows.append(
            {
                "pain_point": point,
                "pain_class": classes.get(point, UNKNOWN),
                "complaints": int(whole[0]),
                "customers": int(whole[4]),
                "severity": _severity(whole, severity_of),
                "value_at_risk": whole[5] if known else math.nan,
                "priority": priority,
                "priority_low": low,
                "priority_high": high,
            }
        )
    out = pd.DataFrame(rows)
    base = lines or math.nan
    low, high = poisson(out["complaints"])
    out["rate"], out["rate_low"], out["rate_high"] = PER * out["complaints"] / base, PER * low / base, PER * high / base
    out["priority_share"] = out["priority"] / out["priority"].sum() if out["priority"].sum() > 0 else np.nan
    first = out["priority"].max()
    for end in ("priority", "priority_low", "priority_high"):
        out[end] = 100 * out[end] / first
    out["_first"] = -out["priority"].fillna(-1).round(9)
    out = out.sort_values(["_first", "complaints", "pain_point"], ascending=[True, False, True], ignore_index=True)
    return out.drop(columns="_first"), severity_of


def _severity(sums: np.ndarray, of: tuple[str, ...]) -> float:
    parts = []
    if "satisfaction" in of and sums[2] > 0:
        parts.append(sums[1] / 1000 / sums[2])
    if "unsolved" in of:
        parts.append(sums[3] / sums[0] if sums[0] else 0.0)
    return float(np.mean(parts)) if parts else 1.0


def _priority(sums: np.ndarray, of: tuple[str, ...], lines: int | None) -> float:
    return sums[0] * PER / (lines or 1) * _severity(sums, of) * sums[5]


_PLACE = [
    *("pain_point", "pain_class", "product_id", "product", "region", "customers", "expected", "times", "times_low", "times_high"),
    *("q_value", "since"),
]


def _places(points: ibis.Table, lines: ibis.Table | None, classes: dict[str, str]) -> pd.DataFrame:
    """The rows of `PainPoints.places`: products in regions first, then what products and regions alone add to them."""
    from scipy.stats import beta, binom, false_discovery_control

    if lines is None:
        return pd.DataFrame(columns=_PLACE)
    who = ibis.coalesce(points.customer_id, points.feedback_id)
    told = points.mutate(who=who)
    hit = frame(
        told.group_by("point", "product_id", "region").aggregate(
            n=told.who.nunique(), since=told.created_at.min(), product=told["product"].min()
        ),
        by=["point", "product_id", "region"],
    )
    base = frame(lines, by=["product_id", "region"])
    names = hit.dropna(subset=["product_id"]).drop_duplicates("product_id").set_index("product_id")["product"]
    found: list[dict] = []
    claimed: dict[str, list[tuple]] = {}
    for level in (["product_id", "region"], ["product_id"], ["region"]):
        kept = base.dropna(subset=level)
        own = hit.dropna(subset=level)
        if own.empty or kept.empty or kept[level].drop_duplicates().shape[0] < 2:
            continue
        tests = []
        tested = 0
        for point, rows in own.groupby("point"):
            taken = claimed.get(point, [])

            def free(frame: pd.DataFrame, taken: list[tuple] = taken) -> pd.DataFrame:
                inside = np.zeros(len(frame), dtype=bool)
                for product, region in taken:
                    inside |= ((frame["product_id"] == product) & (frame["region"] == region)).to_numpy()
                return frame[~inside]

            lines_left = free(kept).groupby(level)["n"].sum()
            rows = free(rows)
            counts = rows.groupby(level).agg(n=("n", "sum"), since=("since", "min"))
            counts = counts[counts.index.isin(lines_left.index)]
            of, among = int(counts["n"].sum()), float(lines_left.sum())
            tested += len(lines_left)
            for place, row in counts.iterrows():
                n, share = int(row["n"]), float(lines_left.loc[place]) / among
                if n < FEWEST or n <= of * share or share >= 1:
                    continue
                p = float(binom.sf(n - 1, of, share))
                low = float(beta.ppf(0.025, n, of - n + 1))
                high = float(beta.ppf(0.975, n + 1, of - n)) if n < of else 1.0

                def times(q: float, share: float = share) -> float:
                    return math.inf if q >= 1 else q / (1 - q) / (share / (1 - share))

                key = dict(zip(level, place if isinstance(place, tuple) else (place,), strict=True))
                tests.append(
                    {
                        "pain_point": point,
                        **key,
                        "customers": n,
                        "expected": of * share,
                        "times": times(n / of),
                        "since": row["since"],
                        "times_low": times(low),
                        "times_high": times(high),
                        "p_value": p,
                    }
                )
        if not tests:
            continue
        # Places that were not tested as they hold too few complaints had no chance to be named: they count with p = 1.
        ps = np.ones(max(tested, len(tests)))
        ps[: len(tests)] = [t["p_value"] for t in tests]
        for test, q in zip(tests, false_discovery_control(ps, method="bh"), strict=False):
            if q <= FALSE_DISCOVERY_RATE:
                found.append({**test, "q_value": float(q)})
                if len(level) == 2:
                    claimed.setdefault(test["pain_point"], []).append((test["product_id"], test["region"]))
    out = pd.DataFrame(found, columns=[*(c for c in _PLACE if c not in ("pain_class", "product")), "p_value"])
    out["pain_class"] = [classes.get(p, UNKNOWN) for p in out["pain_point"]]
    out["product"] = [names.get(p) if isinstance(p, str) else None for p in out["product_id"]]
    for column in ("product_id", "region"):
        out[column] = out[column].astype(object).where(out[column].notna(), None)
    for column in ("times", "times_high"):  # everybody who complained is here: no end is known
        out[column] = out[column].replace(math.inf, np.nan)
    out["_times"] = -out["times_low"].astype(float)
    out = out.sort_values(["_times", "pain_point", "q_value"], ignore_index=True)
    return out[_PLACE]
