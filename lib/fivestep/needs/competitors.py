"""Competitors as the company meets them: in lost opportunities, in what customers write and say, on visits, in the survey."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import ibis
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, frame
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import holm
from fivestep.language import N_, _
from fivestep.needs.feedback_cases import or_null
from fivestep.needs.needs_register import needs_register
from fivestep.needs.survey import AWARENESS, PREFERENCE, USE, Survey, own_brand, plain

HALF = 182  # days of the last half year, compared with the one before
LOST = ("lost", "closed lost", "输单", "丢单", "輸單", "失败", "失敗")
SHORTEST = 2  # letters below which a name is not looked for in texts
FEWEST = 5  # customers who mention a competitor, below which no region is named
SIGNIFICANT = 0.05
_ANSWERS = N_("which competitors take business, and where customers speak of them")


@dataclass(frozen=True)
class Competitors:
    """What is known of each competitor.

    ``table``: one row per competitor, most lost first: competitor, lost (opportunities lost to it), lost_share (of all lost
    opportunities with a known reason or competitor), amount (lost to it), mentions (pieces of feedback and contacts that name
    it),
    mentions_last and mentions_before (of the last half year and of the one before), region (where clearly more customers name
    it than
    elsewhere, Fisher's test with Holm's correction; missing where none), visits (notes on the visits' forms), known and preferred
    (shares in the survey). Parts without data are NaN. ``months``: mentions by month (index) and competitor. ``lacking``: parts
    without data.
    """

    table: pd.DataFrame
    months: pd.DataFrame
    lacking: tuple[str, ...]

    def figure(self) -> Figure:
        """Mentions by month; opportunities lost where nobody is mentioned."""
        if self.months.to_numpy().sum():
            drawn = self.months.loc[:, self.months.sum() > 0].iloc[:, :5]
            shown = drawn.set_axis([language.month(m) for m in drawn.index])
            names = [_named(c) for c in drawn.columns]
            return charts.lines(shown, write=language.number, labels=names, ylabel=_("Mentions in the month"))
        t = self.table
        lost = t["lost"].fillna(0.0).astype(float)
        return charts.bars([_named(c) for c in t["competitor"]], lost, write=language.number, xlabel=_("Opportunities lost"))

    def shown(self) -> pd.DataFrame:
        """The competitors as a reader sees them; parts without data are left out."""
        out = pd.DataFrame(
            {
                "rival": [_named(c) for c in self.table["competitor"]],
                "rival_lost": self.table["lost"],
                "rival_lost_share": self.table["lost_share"],
                "rival_amount": self.table["amount"],
                "rival_mentions": self.table["mentions"],
                "rival_last": self.table["mentions_last"],
                "rival_before": self.table["mentions_before"],
                "rival_region": self.table["region"],
                "rival_visits": self.table["visits"],
                "rival_known": self.table["known"],
                "rival_preferred": self.table["preferred"],
            }
        )
        return out.loc[:, [c for c in out if c == "rival" or out[c].notna().any()]]

    def headline(self) -> str:
        """The competitor who is met most, and where."""
        top = self.table.iloc[0]
        words = {"name": _named(top["competitor"]), "lost": language.number(top["lost"]), "n": language.number(top["mentions"])}
        if isinstance(top["region"], str):
            region = language.value("customers.region", top["region"])
            return _("{name} is named most in {region}: mentions {n}").format(**words, region=region)
        if top["lost"] > 0:
            return _("{name}: opportunities lost {lost}").format(**words)
        if top["mentions"] > 0:
            return _("{name}: mentions {n}").format(**words)
        return _("{name} is met neither in lost opportunities nor in texts").format(**words)

    def table_headline(self) -> str:
        """The competitor whose mentions have grown most."""
        t = self.table.assign(more=self.table["mentions_last"] - self.table["mentions_before"])
        t = t[t["more"] > 0]
        if t.empty:
            return _("No competitor is named more often than half a year before")
        top = t.loc[t["more"].idxmax()]
        return _("{name} is named {last} times in the last half year, {before} times in the one before").format(
            name=_named(top["competitor"]),
            last=language.number(top["mentions_last"]),
            before=language.number(top["mentions_before"]),
        )

    def note(self) -> str:
        """Sources and definitions."""
        parts = [
            _(
                "Competitors are those that opportunities name, and the brands of the survey beside the own. Share of lost "
                "opportunities: of those with a known reason. Mentions: feedback and contacts whose text holds the "
                "name; region: more of "
                "its customers name the competitor than elsewhere (Fisher's test, Holm's correction, 5%). Visits: notes "
                "on the form "
                "competitors.csv in the folder needs/."
            )
        ]
        if self.lacking:
            parts.append(_("No data: {parts}.").format(parts=language.listing([_(p) for p in self.lacking])))
        return " ".join(parts)

    def finding(self) -> Finding:
        """Opportunities lost to the first, else its mentions."""
        top = self.table.iloc[0]
        value = top["lost"] if top["lost"] > 0 else 0.0 if math.isnan(top["mentions"]) else top["mentions"]
        return Finding(
            key="needs.first_competitor",
            value=float(value),
            unit="count",
            display=language.number(value),
            text=language.sentence(self.headline()),
            evidence=language.sentence(self.table_headline()),
            so_what=_("Visit it, note price and range on the form for visits, and give sales an answer to it."),
            confidence="medium" if value >= 30 else "low",
            warnings=(
                _("A competitor whom nobody names is not on this page, and not every lost customer says to whom they went."),
            ),
            assumptions=(self.note(),),
        )


OPPORTUNITIES, TEXTS, VISITS, SURVEY = N_("lost opportunities"), N_("texts"), N_("visits"), N_("survey")


def _named(competitor: str) -> str:
    return language.value("opportunities.competitor", competitor)


def competitors(tables: Tables, survey: Survey | NotAvailable, folder: str | Path) -> Competitors | NotAvailable:
    """Lost opportunities, mentions, notes of visits (forms in *folder*) and the survey's shares, by competitor.

    Source: Fisher (1935); Holm (1979).
    """
    lost = _lost(tables)
    names = [] if lost is None else lost["competitor"].dropna().tolist()
    asked: dict[str, dict[str, float]] = {}
    if isinstance(survey, Survey):
        brands = sorted({b for role in (AWARENESS, USE, PREFERENCE) for b in survey.subjects(role)})
        if brands:
            sizes = pd.Series({b: float(sum(survey.asks(r, b) for r in (AWARENESS, USE, PREFERENCE))) for b in brands})
            own, declared = own_brand(survey, brands, sizes)
            for brand in brands:
                if brand != own or not declared:
                    asked[brand] = {r: _yes(survey, brand, r) for r in (AWARENESS, PREFERENCE)}
    register = needs_register(folder)
    notes = [] if isinstance(register, NotAvailable) else register.entries.loc[register.entries["channel"] == "competitors"]
    found = list(dict.fromkeys([*names, *asked]))
    if not found:
        reason = _("neither opportunities nor the survey name a competitor.")
        missing = () if {"opportunities", "survey"} & set(tables.names) else ("opportunities.competitor", "survey")
        return NotAvailable(missing, _(_ANSWERS), reason="" if missing else reason)
    mentions = _mentions(tables, found)
    rows = []
    for name in found:
        own = lost[lost["competitor"] == name] if lost is not None else None
        said = mentions[mentions["competitor"] == name] if mentions is not None else None
        row = {
            "competitor": name,
            "lost": math.nan if own is None else float(own["lost"].sum()),
            "lost_share": math.nan if own is None or not lost["lost"].sum() else float(own["lost"].sum() / lost["lost"].sum()),
            "amount": math.nan if own is None else float(own["amount"].sum(min_count=1)),
            "mentions": math.nan if said is None else float(len(said)),
            "mentions_last": math.nan if said is None else float((said["age"] < HALF).sum()),
            "mentions_before": math.nan if said is None else float(((said["age"] >= HALF) & (said["age"] < 2 * HALF)).sum()),
            "region": None if said is None else _region(tables, said),
            "visits": float(sum(_holds(e, name) for e in notes["evidence"])) if len(notes) else math.nan,
            "known": asked.get(name, {}).get(AWARENESS, math.nan),
            "preferred": asked.get(name, {}).get(PREFERENCE, math.nan),
        }
        rows.append(row)
    table = pd.DataFrame(rows).assign(_lost=lambda t: -t["lost"].fillna(0), _said=lambda t: -t["mentions"].fillna(0))
    table["region"] = table["region"].astype(object)
    table = table.sort_values(["_lost", "_said", "competitor"], ignore_index=True).drop(columns=["_lost", "_said"])
    months = _by_month(mentions, list(table["competitor"]), tables)
    parts = {OPPORTUNITIES: lost is None, TEXTS: mentions is None, VISITS: not len(notes), SURVEY: not asked}
    return Competitors(table, months, tuple(p for p, lacks in parts.items() if lacks))


def _yes(survey: Survey, brand: str, role: str) -> float:
    return float(survey.last((brand, role))[0][(brand, role)].mean()) if survey.asks(role, brand) else math.nan


def _lost(tables: Tables) -> pd.DataFrame | None:
    """competitor (missing: lost for another reason), lost, amount; None where opportunities name no competitor."""
    if tables.missing("opportunities.competitor"):
        return None
    deals = tables.opportunities
    name = ibis.ifelse(deals.competitor.strip() == "", ibis.null("string"), deals.competitor.strip())
    known = deals.mutate(
        _name=name, _why=or_null(deals, "lost_reason"), _amount=or_null(deals, "amount", "float64").cast("float64")
    )
    known = known.filter(or_null(known, "status").lower().strip().isin(LOST) & (known._name.notnull() | known._why.notnull()))
    counts = frame(
        known.group_by(competitor=known._name).aggregate(lost=known.count(), amount=known._amount.sum()), by=["competitor"]
    )
    return counts if counts["competitor"].notna().any() else None


def _mentions(tables: Tables, names: list[str]) -> pd.DataFrame | None:
    """One row per text that names a competitor: competitor, source_id, customer_id, moment, age (days before the as-of date)."""
    parts = []
    for table, text, moment, key in (
        ("feedback", "text", "created_at", "feedback_id"),
        ("interactions", "content", "occurred_at", "interaction_id"),
    ):
        if tables.missing(f"{table}.{text}"):
            continue
        rows = getattr(tables, table)
        parts.append(
            rows.filter(rows[text].notnull()).select(
                source_id=rows[key],
                customer_id=or_null(rows, "customer_id"),
                text=rows[text].lower(),
                moment=rows[moment].cast("timestamp(6)"),
            )
        )
    if not parts:
        return None
    told = parts[0] if len(parts) == 1 else ibis.union(*parts)
    out = []
    for name in names:
        words = sorted({w for w in (plain(name), plain(_named(name))) if len(w) >= SHORTEST})
        if words:
            hit = told.filter(ibis.or_(*(told.text.contains(w) for w in words))).drop("text")
            out.append(frame(hit, by=["source_id"]).assign(competitor=name))
    if not out:
        return None
    made = pd.concat(out, ignore_index=True)
    made["moment"] = pd.to_datetime(made["moment"])
    made["age"] = (pd.Timestamp(tables.as_of) - made["moment"].dt.normalize()).dt.days
    return made[made["age"] >= 0].reset_index(drop=True)


def _region(tables: Tables, said: pd.DataFrame) -> str | None:
    """The region in which clearly more customers name a competitor than elsewhere, the clearest."""
    from scipy.stats import fisher_exact

    who = said["customer_id"].dropna().unique()
    if tables.missing("customers.region") or len(who) < FEWEST:
        return None
    home = frame(tables.customers.select("customer_id", "region"), by=["customer_id"]).dropna()
    all_of, here = home["region"].value_counts(), home.loc[home["customer_id"].isin(who), "region"].value_counts()
    if len(all_of) < 2:
        return None
    total, hits, chances = int(all_of.sum()), int(here.sum()), {}
    for region in sorted(all_of.index):
        n, x = int(all_of[region]), int(here.get(region, 0))
        chances[region] = float(fisher_exact([[x, n - x], [hits - x, total - n - hits + x]], alternative="greater")[1])
    corrected = holm(pd.Series(chances))
    best = min(corrected.index, key=lambda r: (corrected[r], chances[r], r))
    return best if corrected[best] < SIGNIFICANT and here.get(best, 0) >= FEWEST else None


def _by_month(mentions: pd.DataFrame | None, order: list[str], tables: Tables) -> pd.DataFrame:
    if mentions is None or mentions.empty:
        return pd.DataFrame(0, index=[], columns=order)
    month = mentions["moment"].dt.to_period("M")
    months = pd.period_range(month.min(), pd.Timestamp(tables.as_of).to_period("M"), freq="M")
    counts = mentions.groupby([month, "competitor"]).size().unstack(fill_value=0)
    return counts.reindex(index=months, columns=order, fill_value=0).set_axis(months.to_timestamp())


def _holds(evidence: object, name: str) -> bool:
    said = plain(evidence) if isinstance(evidence, str) else ""
    return bool(said) and any(plain(w) in said for w in (name, _named(name)))
