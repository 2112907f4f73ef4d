"""The kit's own exam: what its methods say about a simulated company, held against what is true of it.

A fact is *found* where the method says what is true, *missed* where it says nothing, a *false alarm* where it says what is not
true. A fact for which the kit has no method yet is *not examined yet* and never counts as found.
"""

from __future__ import annotations

import html
import json
import math
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, engine, evaluation, language, needs, segmentation
from fivestep.cases.simulate import simulate
from fivestep.cases.truth import FACTS, MEMBERS
from fivestep.errors import UserError
from fivestep.evaluation.campaign_response import ORDERED
from fivestep.findings import NotAvailable
from fivestep.language import N_, _
from fivestep.needs.category_trends import FALLING, RISING
from fivestep.needs.deal_sensitivity import SEEKERS
from fivestep.segmentation.lifecycle import LEAVING

FOUND, MISSED, FALSE_ALARM, NOT_EXAMINED = N_("found"), N_("missed"), N_("false alarm"), N_("not examined yet")
VERDICTS = (FOUND, MISSED, FALSE_ALARM, NOT_EXAMINED)
ALIKE = 0.3  # adjusted Rand index from which clusters count as the true segments
PURE, CAUGHT = 0.8, 0.6  # share of those named who are rightly named, and of those to be named who are
STYLE = "body{font:15px sans-serif;max-width:70em;margin:2em auto}td,th{padding:.2em .6em;text-align:left;vertical-align:top}"
COLUMNS = ("seed", "fact", "step", "method", "verdict", "what", "truth", "estimate", "low", "high", "error", "covered")


@dataclass(frozen=True)
class Company:
    """A simulated company as the exam sees it: the members' tables, the true customers, and the planted facts."""

    tables: engine.Tables
    customers: pd.DataFrame
    facts: dict[str, Any]


@dataclass(frozen=True)
class Exam:
    """What the methods said, and what is true.

    ``table``: one row per company, fact and question: seed, fact, step, method, verdict; what was measured, its truth, estimate,
    low, high, error (estimate less truth), and whether the interval covers the truth; missing where the truth is no number.
    """

    table: pd.DataFrame

    def counts(self) -> dict[str, int]:
        """Rows by verdict."""
        return {v: int((self.table["verdict"] == v).sum()) for v in VERDICTS}

    def summary(self) -> pd.DataFrame:
        """One row per fact and question: companies, how often found, missed and a false alarm, mean absolute error, coverage."""
        questions = ["fact", "step", "method", "what"]
        grouped = self.table.assign(covered=self.table["covered"].astype("Float64")).groupby(questions, dropna=False, sort=False)
        out = grouped.agg(
            companies=("seed", "size"),
            found=("verdict", lambda v: int((v == FOUND).sum())),
            missed=("verdict", lambda v: int((v == MISSED).sum())),
            false_alarm=("verdict", lambda v: int((v == FALSE_ALARM).sum())),
            not_examined=("verdict", lambda v: int((v == NOT_EXAMINED).sum())),
            mean_absolute_error=("error", lambda e: e.abs().mean()),
            intervals=("covered", "count"),
            covered=("covered", "sum"),
        )
        return out.reset_index()

    def figure(self) -> Figure:
        """For every question that was examined the share of companies in which the method said what is true."""
        asked = self.summary()
        asked = asked[asked["not_examined"] == 0]
        labels = [f"{f}: {w}" if isinstance(w, str) else f for f, w in zip(asked["fact"], asked["what"], strict=True)]
        said = asked["found"] / asked["companies"]
        return charts.bars(
            labels,
            list(said),
            write=language.percent,
            accent=list(said == 1),
            xlabel=_("Share of the simulated companies in which the method said what is true"),
        )

    def page(self) -> str:
        """The chart and the table as one page of HTML that needs nothing else."""
        shown = self.summary()
        head = [
            *(_("Fact"), _("Method"), _("Measured"), _("Companies"), _("Found"), _("Missed"), _("False alarms")),
            *(_("Not examined yet"), _("Mean error"), _("Intervals that cover")),
        ]
        rows = [
            [
                _(FACTS[row.fact]),
                *(x if isinstance(x, str) else language.MISSING for x in (row.method, row.what)),
                *(row.companies, row.found, row.missed, row.false_alarm, row.not_examined),
                language.number(row.mean_absolute_error, 3),
                f"{row.covered:.0f} / {row.intervals}" if row.intervals else language.MISSING,
            ]
            for row in shown.itertuples()
        ]
        title = _("Simulated data: what the methods find of what is true")
        note = _(
            "A made-up company has facts planted in it. Found: the method says what is true. Missed: it says nothing. False "
            "alarm: it says what is not true. Not examined yet: the kit has no method for it, so it counts as nothing."
        )

        def cells(tag: str, texts: Iterable[Any]) -> str:
            return "<tr>" + "".join(f"<{tag}>{html.escape(str(t))}</{tag}>" for t in texts) + "</tr>"

        drawn = charts.svg(self.figure())
        code, title, note = language.current().replace("_", "-"), html.escape(title), html.escape(note)
        return (
            f'<!doctype html>\n<html lang="{code}"><meta charset="utf-8"><title>{title}</title>\n<style>{STYLE}</style>\n'
            f"<h1>{title}</h1><p>{note}</p>\n{drawn[drawn.index('<svg') :]}\n"
            f"<table>{cells('th', head)}{''.join(cells('td', row) for row in rows)}</table></html>\n"
        )


def exams(out: Path, *, customers: int = 5000, months: int = 24, seed: int = 7, seeds: int = 1) -> Exam:
    """Simulate *seeds* companies from *seed* on, examine each, and write exam.csv and exam.html into the folder *out*."""
    if seeds < 1:
        raise UserError(f"--seeds {seeds}: examine at least one company.")
    tables = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(seed, seed + seeds):
            company = simulate(Path(folder) / "company", customers=customers, months=months, seed=number)
            tables.append(exam(company).table.assign(seed=number))
    done = Exam(pd.concat(tables, ignore_index=True))
    out.mkdir(parents=True, exist_ok=True)
    done.table.to_csv(out / "exam.csv", index=False, lineterminator="\n")
    (out / "exam.html").write_text(done.page(), encoding="utf-8")
    return done


def exam(folder: Path) -> Exam:
    """Examine the methods of the five steps on the simulated company in *folder*.

    Raises `UserError` where the folder holds no simulated company.
    """
    path = folder / "truth.json"
    if not path.is_file():
        raise UserError(f"{folder.name}: there is no truth.json. fivestep simulate writes a company whose truth is known.")
    facts = json.loads(path.read_text(encoding="utf-8"))["facts"]
    tables = engine.Tables.of(engine.read(folder, engine.connect()), scope=MEMBERS)
    company = Company(tables, pd.read_parquet(folder / "truth" / "customers.parquet"), facts)
    rows = [row for question in QUESTIONS for row in question(company)]
    asked = {row["fact"] for row in rows}
    rows += [{"fact": fact, "verdict": NOT_EXAMINED} for fact in FACTS if fact not in asked]
    order = list(FACTS)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table = table.sort_values("fact", key=lambda s: s.map(order.index), kind="stable", ignore_index=True)
    return Exam(table.assign(seed=json.loads(path.read_text(encoding="utf-8"))["company"]["seed"]))


def _row(fact: str, method: str, verdict: str, **measured: Any) -> dict[str, Any]:
    """A row of the table; *measured* may hold what, truth, estimate, low, high."""
    truth, estimate = measured.get("truth", math.nan), measured.get("estimate", math.nan)
    row = {
        "fact": fact,
        "step": method.split(".")[0],
        "method": method,
        "verdict": verdict,
        **measured,
        "error": estimate - truth,
    }
    if not math.isnan(truth) and not math.isnan(measured.get("low", math.nan)):
        row["covered"] = bool(measured["low"] <= truth <= measured["high"])
    return row


def campaigns(company: Company) -> list[dict[str, Any]]:
    """Are effects claimed where there are some, and only there?"""
    method = "evaluation.campaign_response"
    response = evaluation.campaign_response(company.tables)
    facts = company.facts
    out = []
    for fact in ("randomised_campaign", "campaign_without_effect", "confounded_campaign"):
        if isinstance(response, NotAvailable):
            out.append(_row(fact, method, MISSED))
            continue
        told, realised = facts[fact]["parameters"], facts[fact].get("realised", {})
        spend = response.spends[response.spends["campaign_id"] == told["campaign_id"]]
        rates = response.rates[response.rates["campaign_id"] == told["campaign_id"]]
        ordered = rates[rates["outcome_measured"] == ORDERED]
        if fact == "confounded_campaign":
            out.append(_row(fact, method, FOUND if spend.empty and rates.empty else FALSE_ALARM, what="lift claimed", truth=0.0))
            continue
        truth = realised["additional_spend"] / realised["contacted"] if realised else 0.0
        verdict = MISSED
        if len(spend) and len(ordered):
            (money,), (share,) = spend.to_dict("records"), ordered.to_dict("records")
            clear = share["lift_rate_low"] > 0 or money["lift_spend_low"] > 0
            wrong = share["lift_rate_high"] < 0 or money["lift_spend_high"] < 0
            if fact == "randomised_campaign":
                verdict = FOUND if clear else FALSE_ALARM if wrong else MISSED
            else:
                verdict = FALSE_ALARM if clear or wrong else FOUND
            out.append(
                _row(fact, method, verdict, what="spend per contacted customer", truth=truth, estimate=money["lift_spend"],
                     low=money["lift_spend_low"], high=money["lift_spend_high"])
            )  # fmt: skip
        else:
            out.append(_row(fact, method, verdict))
    return out


def product_pairs(company: Company) -> list[dict[str, Any]]:
    """Is the pair that belongs together the first one, and the decoy none?"""
    method = "needs.pairs"
    pairs = needs.pairs(company.tables)
    out = []
    for fact in ("product_pair", "decoy_pair"):
        wanted = sorted(company.facts[fact]["parameters"]["categories"])
        if isinstance(pairs, NotAvailable):
            out.append(_row(fact, method, MISSED))
            continue
        together = pairs.together()
        named = [sorted(pair) for pair in zip(together["category_a"], together["category_b"], strict=True)]
        of = pairs.table[(pairs.table["category_a"] == wanted[0]) & (pairs.table["category_b"] == wanted[1])]
        said = (
            dict(zip(("estimate", "low", "high"), of[["lift", "lift_low", "lift_high"]].iloc[0], strict=True)) if len(of) else {}
        )
        if fact == "product_pair":
            verdict = FOUND if named[:1] == [wanted] else MISSED
        else:
            verdict = FALSE_ALARM if wanted in named else FOUND
        out.append(_row(fact, method, verdict, what="lift", **said))
    return out


def trends(company: Company) -> list[dict[str, Any]]:
    """Are the category that rises and the one that falls named, and no other?"""
    method, fact = "needs.category_trends", "category_trends"
    told = company.facts[fact]["parameters"]
    result = needs.category_trends(company.tables)
    if isinstance(result, NotAvailable):
        return [_row(fact, method, MISSED)]
    directions = dict(zip(result.table["category"], result.table["trend_direction"], strict=True))
    slopes = result.table.set_index("category")
    out = []
    for category, wanted in ((told["rising"], RISING), (told["falling"], FALLING)):
        said = directions.get(category)
        verdict = FOUND if said == wanted else FALSE_ALARM if said in (RISING, FALLING) else MISSED
        names = ("share_trend", "share_trend_low", "share_trend_high")
        slope = (
            dict(zip(("estimate", "low", "high"), slopes.loc[category, list(names)], strict=True))
            if category in slopes.index
            else {}
        )
        out.append(_row(fact, method, verdict, what=f"{category}: share of spend a month", **slope))
    planted = {told["rising"], told["falling"]}
    others = [c for c, said in directions.items() if said in (RISING, FALLING) and c not in planted]
    out.append(
        _row(
            fact, method, FALSE_ALARM if others else FOUND, what="other categories named", truth=0.0, estimate=float(len(others))
        )
    )
    return out


def drop_out(company: Company) -> list[dict[str, Any]]:
    """Are those whom the life cycle calls lapsing or lapsed those who have dropped out?"""
    method, fact = "segmentation.lifecycle", "purchase_process"
    result = segmentation.lifecycle(company.tables)
    if isinstance(result, NotAvailable):
        return [_row(fact, method, MISSED)]
    ordered = result.table[result.table["tenure_days"].notna()]
    known = ordered.merge(company.customers[company.customers["duplicate_of"].isna()], on="customer_id")
    return [
        _agreement(
            fact, method, "members called lapsing or lapsed", known["lifecycle"].isin(LEAVING), known["dropped_out"].notna()
        )
    ]


def clusters(company: Company) -> list[dict[str, Any]]:
    """Are the clusters the segments that the members were made from?"""
    from sklearn.metrics import adjusted_rand_score

    method, fact = "segmentation.kmeans", "segments"
    result = segmentation.kmeans(company.tables)
    if isinstance(result, NotAvailable):
        return [_row(fact, method, MISSED)]
    known = result.table.merge(company.customers, on="customer_id")
    alike = float(adjusted_rand_score(known["segment"], known["cluster"]))
    return [_row(fact, method, FOUND if alike >= ALIKE else MISSED, what="adjusted Rand index", truth=1.0, estimate=alike)]


def deal_seekers(company: Company) -> list[dict[str, Any]]:
    """Are the deal seekers the segment that buys on discount?"""
    method, fact = "needs.deal_sensitivity", "segments"
    result = needs.deal_sensitivity(company.tables)
    if isinstance(result, NotAvailable):
        return [_row(fact, method, MISSED)]
    shares = company.facts[fact]["parameters"]["orders_on_discount"]
    segment = max(shares, key=lambda s: shares[s])
    known = result.table[result.table["orders"] >= 5].merge(company.customers, on="customer_id")
    return [
        _agreement(
            fact, method, f"deal seekers who are {segment}", known["deal_group"] == SEEKERS, known["segment"] == segment, pure=0.6
        )
    ]


def pain_point(company: Company) -> list[dict[str, Any]]:
    """Is the defect the first pain point, and the place where it is named the one where it is?"""
    method, fact = "needs.pain_points", "pain_point"
    told = company.facts[fact]["parameters"]
    result = needs.pain_points(company.tables)
    if isinstance(result, NotAvailable):
        return [_row(fact, method, MISSED)]
    first = result.table["pain_point"].iloc[0] == told["cause"]
    places = result.places[result.places["pain_point"] == told["cause"]]
    here = (places["product_id"] == told["product_id"]) & (places["region"] == told["region"])
    found, wrong = bool(here.any()), bool((~here).any())
    return [
        _row(fact, method, FOUND if first else MISSED, what="first pain point"),
        _row(
            fact,
            method,
            FALSE_ALARM if wrong else FOUND if found else MISSED,
            what="places where it is named",
            truth=1.0,
            estimate=float(len(places)),
        ),
    ]


def contact_overlap(company: Company) -> list[dict[str, Any]]:
    """Are the two departments named, and the customers to whom both write?"""
    method, fact = "needs.contact_overload", "contact_overlap"
    told = company.facts[fact]["parameters"]
    result = needs.contact_overload(company.tables)
    if isinstance(result, NotAvailable) or result.pairs.empty:
        return [_row(fact, method, MISSED)]
    top = result.pairs.iloc[0]
    right = sorted(told["departments"]) == [top["department_a"], top["department_b"]]
    named = set(result.often()["customer_id"])
    true = set(company.customers.loc[company.customers["contacted_twice"], "customer_id"])
    written = company.facts[fact]["realised"]["count"]  # those of them who were members and had not opted out
    precision, recall = len(named & true) / max(len(named), 1), len(named & true) / max(written, 1)
    verdict = FOUND if precision >= PURE and recall >= CAUGHT else MISSED if precision >= PURE else FALSE_ALARM
    return [
        _row(fact, method, FOUND if right else FALSE_ALARM, what="departments named first"),
        _row(
            fact,
            method,
            verdict,
            what="members named as contacted by both",
            truth=float(written),
            estimate=float(len(named)),
        ),
    ]


def _agreement(fact: str, method: str, what: str, named: pd.Series, true: pd.Series, *, pure: float = PURE) -> dict[str, Any]:
    """Found where enough of those named are rightly named, and enough of those to be named are."""
    both = float((named & true).sum())
    precision, recall = both / max(named.sum(), 1), both / max(true.sum(), 1)
    verdict = FOUND if precision >= pure and recall >= CAUGHT else MISSED if precision >= pure else FALSE_ALARM
    return _row(fact, method, verdict, what=what, truth=float(true.mean()), estimate=float(named.mean()))


QUESTIONS: tuple[Callable[[Company], list[dict[str, Any]]], ...] = (
    campaigns, product_pairs, trends, drop_out, clusters, deal_seekers, pain_point, contact_overlap,
)  # fmt: skip
