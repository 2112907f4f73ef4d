"""The kit's own exam: what its methods say about a simulated company, held against what is true of it.

An answer is *found* where the method says what is true, *missed* where it says nothing or cannot tell, a *false alarm* where it
says what is not true. A fact for which the kit has no method yet is *not examined yet* and never counts as found.

To add a question, write one function beside the others::

    @question("needs.pairs", "product_pair", ask=lambda company: needs.pairs(company.tables))
    def product_pairs(company, pairs):
        yield answer("product_pair", FOUND if ... else MISSED, LIFT, truth=..., estimate=..., low=..., high=...)

``question`` names the method and the facts of `truth.FACTS` that it is asked about; ``ask`` runs the method as a notebook does,
and where it returns `NotAvailable` every fact is missed. The function compares what was said with ``company.told(fact)`` or
``company.customers`` and yields one `answer` or more: a number through `estimated`, names of customers through `agreement`. What
was measured is a message (``N_``). The threshold test in tests/test_exam.py then holds the method to it.
"""

from __future__ import annotations

import datetime as dt
import functools
import html
import itertools
import json
import math
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, engine, evaluation, language, needs, profiling, segmentation, strategy
from fivestep.cases import persons
from fivestep.cases.simulate import simulate
from fivestep.cases.truth import FACTS, MEMBERS
from fivestep.errors import UserError
from fivestep.evaluation.campaign_response import ORDERED
from fivestep.evaluation.experiments import ALPHA
from fivestep.evaluation.shifts import CATEGORY, LESS, REGION
from fivestep.findings import Finding, NotAvailable
from fivestep.intake import identity
from fivestep.intervals import Z
from fivestep.language import N_, _
from fivestep.language.columns import Column, register
from fivestep.matched import CREDITED
from fivestep.needs.category_trends import FALLING, RISING
from fivestep.needs.deal_sensitivity import SEEKERS
from fivestep.segmentation.lifecycle import LEAVING
from fivestep.strategy.events import INVITED
from fivestep.strategy.keep_or_acquire import WIN
from fivestep.strategy.leaving import ENDING, SWITCHING
from fivestep.strategy.points import COSTS, PAYS, UNSEEN

if TYPE_CHECKING:
    from fivestep.engagement import Engagement

FOUND, MISSED, FALSE_ALARM, NOT_EXAMINED = N_("found"), N_("missed"), N_("false alarm"), N_("not examined yet")
VERDICTS = (FOUND, MISSED, FALSE_ALARM, NOT_EXAMINED)
ALIKE = 0.3  # adjusted Rand index from which clusters count as the true segments
PURE, CAUGHT = 0.8, 0.6  # share of those named who are rightly named, and of those to be named who are
NEAR = 0.1  # error, as a share of the truth, up to which an estimate counts as right
YEAR = 52  # weeks
STYLE = "body{font:15px sans-serif;max-width:70em;margin:2em auto}td,th{padding:.2em .6em;text-align:left;vertical-align:top}"
COLUMNS = (
    *("seed", "fact", "step", "method", "verdict", "what", "subject", "truth", "estimate", "low", "high", "error", "covered"),
)

register(
    planted_fact=Column(
        N_("Planted fact"), "text", N_("What was made true of the simulated company, and written down."), values="message"
    ),
    exam_method=Column(N_("Method"), "text", N_("Method of the kit that was asked."), values="message"),
    exam_measured=Column(N_("Measured"), "text", N_("What the method was asked."), values="message"),
    exam_found=Column(N_("Found"), "count", N_("Answers that say what is true.")),
    exam_missed=Column(N_("Missed"), "count", N_("Answers that say nothing, or cannot tell.")),
    exam_false_alarms=Column(N_("False alarms"), "count", N_("Answers that say what is not true.")),
    exam_error=Column(N_("Mean error"), "ratio", N_("Estimate less truth, without its sign, in the unit of what was measured.")),
    exam_intervals=Column(N_("Intervals"), "count", N_("Answers that came with a 95% interval, where the truth is a number.")),
    exam_covered=Column(N_("Intervals that cover"), "count", N_("Of these intervals, those that hold the truth.")),
)


@dataclass(frozen=True)
class Company:
    """A simulated company as the exam sees it: the tables as read, the members' tables, the true customers, the planted facts."""

    read: dict[str, Any]
    tables: engine.Tables
    customers: pd.DataFrame
    facts: dict[str, Any]
    folder: Path

    @classmethod
    def of(cls, folder: Path) -> Company:
        """The company in *folder*. Raises `UserError` where the folder holds no simulated company."""
        path = folder / "truth.json"
        if not path.is_file():
            raise UserError(
                _("{folder}: there is no truth.json. fivestep simulate writes a company whose truth is known.").format(
                    folder=folder.name
                )
            )
        read = engine.read(folder, engine.connect())
        tables = engine.Tables.of(read, scope=MEMBERS)
        facts = json.loads(path.read_text(encoding="utf-8"))["facts"]
        return cls(read, tables, pd.read_parquet(folder / "truth" / "customers.parquet"), facts, folder)

    def told(self, fact: str) -> dict[str, Any]:
        """What the simulation was told of a fact."""
        return self.facts[fact]["parameters"]

    def before(self, month: str) -> engine.Tables:
        """The members' tables up to the day before *month* (YYYY-MM) begins."""
        last = dt.date.fromisoformat(f"{month}-01") - dt.timedelta(days=1)
        return engine.Tables.of(self.read, scope=MEMBERS, as_of=last)


@dataclass(frozen=True)
class Exam:
    """What the methods said, and what is true.

    ``table``: one row per company, fact and answer: seed, fact, step, method, verdict; what was measured and of which subject,
    its truth, estimate, low, high, error (estimate less truth), and whether the interval covers the truth; missing where the
    truth is no number.
    """

    table: pd.DataFrame

    def counts(self) -> dict[str, int]:
        """Rows by verdict."""
        return {v: int((self.table["verdict"] == v).sum()) for v in VERDICTS}

    def summary(self) -> pd.DataFrame:
        """One row per fact and question: companies, answers, how many are found, missed and a false alarm, mean absolute error,
        intervals and how many of them cover the truth."""
        questions = ["fact", "step", "method", "what"]
        grouped = self.table.assign(covered=self.table["covered"].astype("Float64")).groupby(questions, dropna=False, sort=False)
        out = grouped.agg(
            companies=("seed", "nunique"),
            answers=("seed", "size"),
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
        """For every question that was examined the share of answers that say what is true."""
        asked = self.summary()
        asked = asked[asked["not_examined"] == 0]
        said = asked["found"] / asked["answers"]
        return charts.bars(
            [_(what) for what in asked["what"]],
            list(said),
            write=language.percent,
            accent=list(said == 1),
            xlabel=_("Share of the answers that say what is true of the simulated companies"),
        )

    # ---------------------------------------------------------------- as a section of a report
    def title(self) -> str:
        """The heading of the section."""
        return _("The exam")

    def about(self) -> str:
        """What the section is, before its exhibits."""
        return _(
            "This company is simulated, so that what is true of it is known. What do the methods of this report find of it, what "
            "do they miss, and what do they make up?"
        )

    def verdicts(self) -> Figure:
        """How many answers are true, missed the truth or made something up."""
        counts = self.counts()
        return charts.bars(
            [_(verdict) for verdict in VERDICTS],
            [float(counts[verdict]) for verdict in VERDICTS],
            write=language.number,
            accent=[verdict == FOUND for verdict in VERDICTS],
            xlabel=_("Answers; planted facts that are not examined yet count once each"),
        )

    def headline(self) -> str:
        """How many answers are true."""
        counts = self.counts()
        asked = sum(counts.values()) - counts[NOT_EXAMINED]
        return _(
            "Simulated company: of {asked} answers of the methods {found} are true, {missed} missed the truth, {wrong} made up"
        ).format(
            found=language.number(counts[FOUND]),
            asked=language.number(asked),
            missed=language.number(counts[MISSED]),
            wrong=language.number(counts[FALSE_ALARM]),
        )

    def facts_headline(self) -> str:
        """How many planted facts a method was asked about."""
        return _("Simulated company: methods were asked about {asked} of {all} planted facts").format(
            asked=language.number(self.table.loc[self.table["verdict"] != NOT_EXAMINED, "fact"].nunique()),
            all=language.number(self.table["fact"].nunique()),
        )

    def note(self) -> str:
        """What the verdicts mean, and on whom the methods ran."""
        return _(
            "Simulated data, members only. Found: the method says what is true. Missed: it says nothing or cannot tell. False "
            "alarm: it says what is not true. A fact for which the kit has no method yet is not examined and counts as nothing."
        )

    def shown(self) -> pd.DataFrame:
        """One row per fact and question, as a reader sees it: where most goes wrong first, what is not examined yet last."""
        rows = self.summary()
        open_ = rows["not_examined"] > 0
        counts = {
            f"exam_{out}": rows[name].astype("Int64").mask(open_)
            for out, name in (("found", "found"), ("missed", "missed"), ("false_alarms", "false_alarm"))
        }
        asked = rows["intervals"].where(rows["intervals"] > 0).astype("Int64")
        out = pd.DataFrame(
            {
                "planted_fact": rows["fact"].map(FACTS),
                "exam_method": rows["method"].where(~open_, NOT_EXAMINED),
                "exam_measured": rows["what"],
                **counts,
                "exam_error": rows["mean_absolute_error"].astype(float),
                "exam_intervals": asked,
                "exam_covered": rows["covered"].astype("Int64").mask(asked.isna()),
            }
        )
        rank = {"open": open_, "right": -(rows["missed"] + rows["false_alarm"])}
        return out.assign(**rank).sort_values([*rank], kind="stable", ignore_index=True).drop(columns=[*rank])

    def finding(self) -> Finding:
        """The share of answers that are true, with what was missed and made up."""
        counts = self.counts()
        asked = max(sum(counts.values()) - counts[NOT_EXAMINED], 1)
        wrong = [v for v in (MISSED, FALSE_ALARM) if counts[v]]
        covered = self.table["covered"].dropna()
        named = self.table[self.table["verdict"].isin(wrong)].drop_duplicates(["method", "what"])
        said = _("{measured}: {verdict} ({method})")
        warnings = [said.format(measured=_(r.what), verdict=_(r.verdict), method=r.method) for r in named.itertuples()]
        return Finding(
            key="evaluation.exam_true_share",
            value=counts[FOUND] / asked,
            unit="share",
            display=language.percent(counts[FOUND] / asked),
            text=language.sentence(self.headline()),
            evidence=_(
                "{covered} of {intervals} intervals of 95% hold the truth. {n} planted facts are not examined yet."
            ).format(
                covered=language.number(int(covered.sum())),
                intervals=language.number(len(covered)),
                n=language.number(counts[NOT_EXAMINED]),
            ),
            so_what=_("Trust a method on real data no further than it was right where the truth is known."),
            confidence="medium",
            warnings=tuple(warnings),
            assumptions=(_("The simulated company is simpler than a real one: methods can do worse on real data."),),
        )

    # ---------------------------------------------------------------- as a page of its own
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
                row.method if isinstance(row.method, str) else language.MISSING,
                _(row.what) if isinstance(row.what, str) else language.MISSING,
                *(row.companies, row.found, row.missed, row.false_alarm, row.not_examined),
                language.number(row.mean_absolute_error, 3),
                f"{row.covered:.0f} / {row.intervals}" if row.intervals else language.MISSING,
            ]
            for row in shown.itertuples()
        ]
        title = _("Simulated data: what the methods find of what is true")

        def cells(tag: str, texts: Iterable[Any]) -> str:
            return "<tr>" + "".join(f"<{tag}>{html.escape(str(t))}</{tag}>" for t in texts) + "</tr>"

        drawn = charts.svg(self.figure())
        code, title, note = language.current().replace("_", "-"), html.escape(title), html.escape(self.note())
        return (
            f'<!doctype html>\n<html lang="{code}"><meta charset="utf-8"><title>{title}</title>\n<style>{STYLE}</style>\n'
            f"<h1>{title}</h1><p>{note}</p>\n{drawn[drawn.index('<svg') :]}\n"
            f"<table>{cells('th', head)}{''.join(cells('td', row) for row in rows)}</table></html>\n"
        )


def exams(out: Path, *, customers: int = 5000, months: int = 24, seed: int = 7, seeds: int = 1) -> Exam:
    """Simulate *seeds* companies from *seed* on, examine each, and write exam.csv and exam.html into the folder *out*."""
    if seeds < 1:
        raise UserError(_("--seeds {seeds}: examine at least one company.").format(seeds=seeds))
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


def exam_of(engagement: Engagement) -> Exam | None:
    """The exam of the company that an engagement is about; None where that is real, or where the report is on a part of it."""
    days = engine.order_days(engagement.everything["orders"])
    if engagement.scope or engagement.as_of < days.last or not (engagement.folder / "truth.json").is_file():
        return None
    return exam(engagement.folder)


def show_exam(engagement: Engagement) -> None:
    """Show the exam of the company that an engagement is about as a section of its own; nothing where there is none."""
    said = exam_of(engagement)
    if said is None:
        return
    engagement.section(said.title(), said.about())
    engagement.exhibit(said.verdicts(), title=said.headline(), note=said.note())
    engagement.exhibit(said.shown(), title=said.facts_headline(), note=said.note())
    engagement.finding(said.finding())


def exam(folder: Path) -> Exam:
    """Examine the methods of the five steps on the simulated company in *folder*.

    Raises `UserError` where the folder holds no simulated company.
    """
    company = Company.of(folder)
    rows = [row for asked in QUESTIONS for row in asked(company)]
    about = {row["fact"] for row in rows}
    rows += [{"fact": fact, "verdict": NOT_EXAMINED} for fact in FACTS if fact not in about]
    order = list(FACTS)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table = table.sort_values("fact", key=lambda s: s.map(order.index), kind="stable", ignore_index=True)
    return Exam(table.assign(seed=json.loads((folder / "truth.json").read_text(encoding="utf-8"))["company"]["seed"]))


# ------------------------------------------------------------------------------------------------ how a question is asked
QUESTIONS: list[Callable[[Company], list[dict[str, Any]]]] = []


def question(method: str, *facts: str, ask: Callable[[Company], Any]):
    """Make a judge, ``judge(company, said)`` that yields answers, a question about *facts* that *method* is asked by *ask*."""

    def made(judge: Callable[[Company, Any], Iterator[dict[str, Any]]]) -> Callable[[Company], list[dict[str, Any]]]:
        @functools.wraps(judge)
        def asked(company: Company) -> list[dict[str, Any]]:
            said = ask(company)
            silent = isinstance(said, NotAvailable)
            answers = [answer(fact, MISSED, NOTHING) for fact in facts] if silent else judge(company, said)
            return [{**row, "step": method.split(".")[0], "method": method} for row in answers]

        QUESTIONS.append(asked)
        return asked

    return made


def answer(fact: str, verdict: str, what: str, **measured: Any) -> dict[str, Any]:
    """What was said about a fact and whether it is true; *measured* may hold subject, truth, estimate, low, high."""
    truth, estimate, low = (measured.get(name, math.nan) for name in ("truth", "estimate", "low"))
    row = {"fact": fact, "verdict": verdict, "what": what, **measured, "error": estimate - truth}
    if not math.isnan(truth) and not math.isnan(low):
        row["covered"] = bool(low <= truth <= measured["high"])
    return row


def estimated(
    fact: str,
    what: str,
    truth: float,
    estimate: float,
    interval: tuple[float, float] | None = None,
    *,
    near: float,
    **subject: str,
) -> dict[str, Any]:
    """The answer that a number is: found within *near* of the truth, else missed where there is none or its interval leaves room
    for the truth, else a false alarm."""
    low, high = interval or (math.nan, math.nan)
    silent = math.isnan(estimate)
    verdict = FOUND if abs(estimate - truth) <= near else MISSED if silent or low <= truth <= high else FALSE_ALARM
    return answer(fact, verdict, what, **subject, truth=truth, estimate=estimate, low=low, high=high)


def agreement(fact: str, what: str, named: pd.Series, true: pd.Series, *, pure: float = PURE, **subject: str) -> dict[str, Any]:
    """The answer that naming customers is: found where enough of those named are rightly named, and enough of those to be named
    are. Truth and estimate are the shares of the customers asked about."""
    both = float((named & true).sum())
    precision, recall = both / max(named.sum(), 1), both / max(true.sum(), 1)
    verdict = FOUND if precision >= pure and recall >= CAUGHT else MISSED if precision >= pure else FALSE_ALARM
    return answer(fact, verdict, what, **subject, truth=float(true.mean()), estimate=float(named.mean()))


NOTHING = N_("The method gave no answer")
SPEND_OF_CONTACTED = N_("Spend that contact brought per customer")
LIFT_CLAIMED = N_("Whether a lift is claimed")
ORDERS_OF_BEST = N_("Orders that contact brought per customer of the age band in which it brought most")
GROUPS_CLAIMED = N_("Whether an effect is said to differ between customers")
CREDIT_GIVEN = N_("Whether a campaign that was not randomised is credited")
PAIR_FIRST = N_("The pair that comes first, by lift")
DECOY_NAMED = N_("Whether the decoy is called a pair, by lift")
SHARE_TREND = N_("Share of spend a month that a category gains or loses")
OTHERS_NAMED = N_("Other categories called rising or falling")
REGION_LOST = N_("The region that is said to lose its share of orders")
CATEGORY_LOST = N_("The dearer category is said to lose its share of order lines")
WHO_LEFT = N_("Members called lapsing or lapsed")
WHO_STAYED = N_("Members held to be still there, more likely than not")
PURCHASE_DAYS = N_("Purchases a week of a member who is still there")
AFTER_A_YEAR = N_("Share of members still there a year after joining")
SPREAD_OF_SPEND = N_("How much spend per purchase differs between members (coefficient of variation)")
WEEKEND = N_("Share of orders on Saturday and Sunday")
LARGE_LOSSES = N_("Customers of much spend who cost more than they bring")
CLUSTERS = N_("Clusters and true segments (adjusted Rand index)")
DEAL_SEEKERS = N_("Deal seekers in the segment that buys on discount")
PAIN_FIRST = N_("The pain point that comes first")
PAIN_PLACES = N_("Places where the defect is said to be")
DEPARTMENTS_FIRST = N_("The pair of departments that comes first")
CONTACTED_BY_BOTH = N_("Members said to hear from both departments")
KANO_CATEGORIES = N_("Features in their true category")
WHO_ENDS = N_("Members said to be ending the relation")
WHO_SWITCHES = N_("Members said to be switching")
DRIVER_SHARE = N_("Share of the explained variance of satisfaction")
OUT_FIRST = N_("The product and store most often out of stock")
NOT_SOLD = N_("Units not sold for want of stock there")
FEATURE_FIRST = N_("The feature to improve first")
TRAIT_FIRST = N_("The trait that tells the least satisfied fifth from the most satisfied")
BROKEN = N_("Share that went on in the weeks in which the step was broken")
OTHER_BREAKS = N_("Other steps called broken")
WENT_ON = N_("Share of opportunities that go on from a stage")
HARDLY_WON = N_("Share won of the group that is hardly ever won")
WHO_DIVERTS = N_("Dealers said to deliver outside of their region")
SHARE_DIVERTED = N_("Share of a dealer's orders that go to another region")
EVENT_CREDITED = N_("Whether coming to the event is credited with spend")
WON_COST = N_("What a new member costs")
KEEP_CHEAPER = N_("Whether keeping a member is said to cost less than winning one")
POINTS_PAY = N_("Whether more points pay, in the tiers that got more")
POINTS_BRING = N_("Share of orders that more points brought")
DIMENSIONS = N_("Opposites put on their true dimension")
GAPS = N_("Pairs of opposites on which the leading brand is the true one")
FIRST_IMAGE = N_("The image on which the choice of a brand hangs most")
TESTS = N_("Tests in which the better version is named, and none where there is none")
LAUNCHED = N_("Products called new")
PRICE_ROSE = N_("Change of the price that is named")
OTHER_PRICES = N_("Other changes of price that are named")
OTHER_GROUPS = N_("Other groups called hardly ever won")
SECOND_ACCOUNTS = N_("Pairs of accounts proposed as one person")


# ------------------------------------------------------------------------------------------------ the questions
@question(
    "evaluation.campaign_response", "randomised_campaign", "campaign_without_effect", "confounded_campaign",
    ask=lambda company: evaluation.campaign_response(company.tables),
)  # fmt: skip
def campaigns(company: Company, response: evaluation.CampaignResponse) -> Iterator[dict[str, Any]]:
    """Are effects claimed where there are some, and only there?"""
    for fact in ("randomised_campaign", "campaign_without_effect", "confounded_campaign"):
        told, realised = company.told(fact), company.facts[fact].get("realised", {})
        spend = response.spends[response.spends["campaign_id"] == told["campaign_id"]]
        rates = response.rates[response.rates["campaign_id"] == told["campaign_id"]]
        ordered = rates[rates["outcome_measured"] == ORDERED]
        if fact == "confounded_campaign":
            yield answer(fact, FOUND if spend.empty and rates.empty else FALSE_ALARM, LIFT_CLAIMED, truth=0.0)
            continue
        if spend.empty or ordered.empty:
            yield answer(fact, MISSED, SPEND_OF_CONTACTED)
            continue
        (money,), (share,) = spend.to_dict("records"), ordered.to_dict("records")
        clear = share["lift_rate_low"] > 0 or money["lift_spend_low"] > 0
        wrong = share["lift_rate_high"] < 0 or money["lift_spend_high"] < 0
        if fact == "randomised_campaign":
            verdict = FOUND if clear else FALSE_ALARM if wrong else MISSED
        else:
            verdict = FALSE_ALARM if clear or wrong else FOUND
        truth = realised["additional_spend"] / realised["contacted"] if realised else 0.0
        yield answer(
            fact, verdict, SPEND_OF_CONTACTED, truth=truth, estimate=money["lift_spend"], low=money["lift_spend_low"],
            high=money["lift_spend_high"],
        )  # fmt: skip


@question(
    "evaluation.experiments", "randomised_campaign", "campaign_without_effect",
    ask=lambda company: evaluation.experiments(company.tables),
)  # fmt: skip
def effects_by_group(company: Company, tried: evaluation.Experiments) -> Iterator[dict[str, Any]]:
    """Is the campaign that worked with the young said to have worked with them, and the other to have worked with nobody?"""
    told, realised = company.told("randomised_campaign"), company.facts["randomised_campaign"]["realised"]
    bands = told["additional_orders_per_contacted"]
    best = max(bands, key=lambda band: bands[band])
    truth = realised[f"additional orders {best}"] / realised[f"contacted {best}"]
    rows = tried.by_group()
    ages = rows[(rows["campaign_id"] == told["campaign_id"]) & (rows["effect_field"] == "age_band")].set_index("effect_group")
    if best not in ages.index:
        yield answer("randomised_campaign", MISSED, ORDERS_OF_BEST, truth=truth)
    else:
        row = ages.loc[best]
        without = [band for band in ages.index if not bands[band]]
        made_up = (ages.loc[without, "group_orders_low"] > 0).any() or ages["group_orders"].idxmax() != best
        said = row["differs_chance"] < ALPHA
        yield answer(
            "randomised_campaign", FALSE_ALARM if said and made_up else FOUND if said else MISSED, ORDERS_OF_BEST, subject=best,
            truth=truth, estimate=row["group_orders"], low=row["group_orders_low"], high=row["group_orders_high"],
        )  # fmt: skip
    nothing = rows[rows["campaign_id"] == company.told("campaign_without_effect")["campaign_id"]]
    claimed = (nothing["differs_chance"] < ALPHA).any()
    yield answer("campaign_without_effect", FALSE_ALARM if claimed else FOUND, GROUPS_CLAIMED, truth=0.0)


@question("evaluation.targeted_effect", "confounded_campaign", ask=lambda company: evaluation.targeted_effect(company.tables))
def credit(company: Company, targeted: evaluation.TargetedEffect) -> Iterator[dict[str, Any]]:
    """Is the campaign to the best customers credited with what they would have bought anyway?"""
    of = targeted.table[targeted.table["campaign_id"] == company.told("confounded_campaign")["campaign_id"]]
    credited = (of["targeted_verdict"] == CREDITED).any()
    yield answer("confounded_campaign", FALSE_ALARM if credited else FOUND, CREDIT_GIVEN, truth=0.0)


@question("needs.pairs", "product_pair", "decoy_pair", ask=lambda company: needs.pairs(company.tables))
def product_pairs(company: Company, pairs: needs.Pairs) -> Iterator[dict[str, Any]]:
    """Is the pair that belongs together the first one, and the decoy none?"""
    together = pairs.together()
    named = [sorted(pair) for pair in zip(together["category_a"], together["category_b"], strict=True)]
    for fact, what in (("product_pair", PAIR_FIRST), ("decoy_pair", DECOY_NAMED)):
        wanted = sorted(company.told(fact)["categories"])
        of = pairs.table[(pairs.table["category_a"] == wanted[0]) & (pairs.table["category_b"] == wanted[1])]
        said = of[["lift", "lift_low", "lift_high"]].iloc[0].tolist() if len(of) else []
        first, none = named[:1] == [wanted], wanted not in named
        verdict = (FOUND if first else MISSED) if fact == "product_pair" else (FOUND if none else FALSE_ALARM)
        yield answer(fact, verdict, what, **dict(zip(("estimate", "low", "high"), said, strict=False)))


@question("needs.category_trends", "category_trends", ask=lambda company: needs.category_trends(company.tables))
def trends(company: Company, result: needs.CategoryTrends) -> Iterator[dict[str, Any]]:
    """Are the category that rises and the one that falls named, and no other?"""
    fact = "category_trends"
    told, rows = company.told(fact), result.table.set_index("category")
    for category, wanted in ((told["rising"], RISING), (told["falling"], FALLING)):
        if category not in rows.index:
            yield answer(fact, MISSED, SHARE_TREND, subject=category)
            continue
        row = rows.loc[category]
        said = row["trend_direction"]
        verdict = FOUND if said == wanted else FALSE_ALARM if said in (RISING, FALLING) else MISSED
        yield answer(
            fact, verdict, SHARE_TREND, subject=category, estimate=row["share_trend"], low=row["share_trend_low"],
            high=row["share_trend_high"],
        )  # fmt: skip
    moving = rows[rows["trend_direction"].isin([RISING, FALLING])]
    others = len(moving.drop(index=[told["rising"], told["falling"]], errors="ignore"))
    yield answer(fact, FALSE_ALARM if others else FOUND, OTHERS_NAMED, truth=0.0, estimate=float(others))


@question("evaluation.shifts", "competitor_opening", "price_change", ask=lambda company: evaluation.shifts(company.tables))
def shifts(company: Company, result: evaluation.Shifts) -> Iterator[dict[str, Any]]:
    """Are the region where a competitor opened and the category that became dearer named as losing their share, and no other
    region?"""
    for fact, key, dimension, what in (
        ("competitor_opening", "region", REGION, REGION_LOST),
        ("price_change", "category", CATEGORY, CATEGORY_LOST),
    ):
        wanted, rows = company.told(fact)[key], result.table[result.table["dimension"] == dimension].set_index("level")
        lost = set(rows.index[rows["shift_verdict"] == LESS])
        others = lost - {wanted} if dimension == REGION else set()
        verdict = FALSE_ALARM if others else FOUND if wanted in lost else MISSED
        said = rows.loc[wanted, ["shift", "shift_low", "shift_high"]].tolist() if wanted in rows.index else []
        yield answer(fact, verdict, what, subject=wanted, **dict(zip(("estimate", "low", "high"), said, strict=False)))


@question("segmentation.lifecycle", "purchase_process", ask=lambda company: segmentation.lifecycle(company.tables))
def drop_out(company: Company, result: segmentation.Lifecycle) -> Iterator[dict[str, Any]]:
    """Are those whom the life cycle calls lapsing or lapsed those who have dropped out?"""
    ordered = result.table[result.table["tenure_days"].notna()]
    known = ordered.merge(company.customers[company.customers["duplicate_of"].isna()], on="customer_id")
    yield agreement("purchase_process", WHO_LEFT, known["lifecycle"].isin(LEAVING), known["dropped_out"].notna())


@question(
    "segmentation.customer_value", "purchase_process", "spend_differences",
    ask=lambda company: segmentation.customer_value(company.before(company.told("purchase_process")["until"])),
)  # fmt: skip
def purchase_process(company: Company, value: segmentation.CustomerValue) -> Iterator[dict[str, Any]]:
    """Are rates of purchase and drop-out the planted ones, and those held to be still there still there?

    The process is undisturbed until the month that the truth names, so the method is asked as of the day before.
    """
    fact = "purchase_process"
    told, model = company.told(fact), value.estimate
    at = {name: i for i, name in enumerate(model.names)}
    numbers, log_covariance = model.values, model.covariance

    def around(estimate: float, **slopes: float) -> tuple[float, float]:
        """Interval of a function of the parameters from its slopes in the log parameters (delta method), as a ratio."""
        slope = np.zeros(len(numbers))
        for name, size in slopes.items():
            slope[at[name]] = size
        half = Z * math.sqrt(max(slope @ log_covariance @ slope, 0.0))
        return estimate * math.exp(-half), estimate * math.exp(half)

    rate, truth = numbers[at["r"]] / numbers[at["alpha"]], _purchase_days(company)
    yield estimated(fact, PURCHASE_DAYS, truth, rate, around(rate, r=1.0, alpha=-1.0), near=NEAR * truth)
    truth = (told["beta"] / (told["beta"] + YEAR)) ** told["s"]
    if "beta" in at:
        s, beta = numbers[at["s"]], numbers[at["beta"]]
        left = (beta / (beta + YEAR)) ** s
        interval = around(left, s=math.log(left), beta=s * YEAR / (beta + YEAR))
        yield estimated(fact, AFTER_A_YEAR, truth, left, interval, near=NEAR * truth)
    else:  # a model without a time of drop-out was chosen
        yield answer(fact, MISSED, AFTER_A_YEAR, truth=truth)

    known = value.table.merge(company.customers[company.customers["duplicate_of"].isna()], on="customer_id")
    known = known[known["p_alive"].notna()]
    gone = pd.to_datetime(known["dropped_out"]) < pd.Timestamp(f"{told['until']}-01")
    yield agreement(fact, WHO_STAYED, known["p_alive"] >= 0.5, ~gone)

    fact = "spend_differences"
    members = company.customers[company.customers["drop_out_rate"].notna()]
    lines = members["lines_per_order"]
    truth = float(lines.std() / lines.mean())  # prices hardly add to how much baskets differ
    spending = value.spending.estimate
    q = spending.values[spending.names.index("q")] if spending else math.nan
    if not q > 2:  # no spread can be told
        yield answer(fact, MISSED, SPREAD_OF_SPEND, truth=truth)
        return
    spread = 1 / math.sqrt(q - 2)  # of an inverse gamma distribution of shape q
    place = spending.names.index("q")
    half = Z * math.sqrt(spending.covariance[place, place]) * q / (2 * (q - 2))
    interval = spread * math.exp(-half), spread * math.exp(half)
    yield estimated(fact, SPREAD_OF_SPEND, truth, spread, interval, near=NEAR * truth)


def _purchase_days(company: Company) -> float:
    """Mean number of days a week with an order, per account that is still there: the method counts days, so several orders of a
    day are one; a person's two accounts share the orders."""
    everyone = company.customers
    weekdays = company.told("segments")["weekdays"]
    everyone = everyone[everyone["segment"].isin(list(weekdays))]
    own = everyone["duplicate_of"].fillna(everyone["customer_id"])
    rate = own.map(everyone.set_index("customer_id")["orders_per_week"]) / own.map(own.value_counts())
    days = pd.Series(0.0, index=everyone.index)
    for segment, weights in weekdays.items():
        of = everyone["segment"] == segment
        daily = rate[of].to_numpy()[:, None] * np.array(weights) / sum(weights)
        days[of] = -np.expm1(-daily).sum(axis=1)
    return float(days.mean())


@question("profiling.weekday_hours", "seasons", ask=lambda company: profiling.weekday_hours(company.tables))
def weekend(company: Company, hours: profiling.WeekdayHours) -> Iterator[dict[str, Any]]:
    """Do as many orders fall on the weekend as planted?"""
    told = company.told("segments")
    shares = {segment: sum(w[5:]) / sum(w) for segment, w in told["weekdays"].items()}
    truth = sum(told["share"][segment] * share for segment, share in shares.items())
    said = float(hours.table.loc[hours.table["weekday"] >= 5, "share_of_orders"].sum())
    yield estimated("seasons", WEEKEND, truth, said, near=NEAR * truth)


@question("segmentation.habit_clusters", "segments", ask=lambda company: segmentation.habit_clusters(company.tables))
def clusters(company: Company, result: segmentation.HabitClusters) -> Iterator[dict[str, Any]]:
    """Are the groups by habit the segments that the members were made from?"""
    from sklearn.metrics import adjusted_rand_score

    known = result.table.merge(company.customers, on="customer_id")
    alike = float(adjusted_rand_score(known["segment"], known["habit_cluster"]))
    yield answer("segments", FOUND if alike >= ALIKE else MISSED, CLUSTERS, truth=1.0, estimate=alike)


@question("strategy.dealers", "diverted_goods", ask=lambda company: strategy.dealers(engine.Tables.of(company.read)))
def diverted_goods(company: Company, result: strategy.Dealers) -> Iterator[dict[str, Any]]:
    """Is the dealer whose goods leave its region named, and no other?"""
    told = company.told("diverted_goods")
    named = result.flagged
    right = named["customer_id"].tolist() == [told["dealer"]] and named["away_region"].tolist() == [told["to"]]
    yield answer("diverted_goods", FOUND if right else FALSE_ALARM if len(named) else MISSED, WHO_DIVERTS)
    row = result.table[result.table["customer_id"] == told["dealer"]]
    for dealer in row.itertuples():
        interval = (dealer.dealer_away_low, dealer.dealer_away_high)
        yield estimated("diverted_goods", SHARE_DIVERTED, told["share"], dealer.dealer_away, interval, near=2 * NEAR)


@question("strategy.points", "loyalty_points", ask=lambda company: strategy.points(company.tables, strategy.playbook()))
def loyalty_points(company: Company, result: strategy.Points) -> Iterator[dict[str, Any]]:
    """Is the tier in which points bring orders told from the one in which they only cost?"""
    told = company.told("loyalty_points")
    rows = result.table.set_index("member_level")
    right = {told["brings_more"]: (PAYS,), told["costs_more"]: (COSTS, UNSEEN)}
    for tier, verdicts in right.items():
        said = rows["points_verdict"].get(tier)
        wrong = said in (PAYS, COSTS) or (said == UNSEEN and tier == told["brings_more"])
        yield answer("loyalty_points", FOUND if said in verdicts else FALSE_ALARM if wrong else MISSED, POINTS_PAY, subject=tier)
        if tier in rows.index:
            row = rows.loc[tier]
            truth = told["additional_orders"] if tier == told["brings_more"] else 0.0
            interval = (row["points_effect_low"], row["points_effect_high"])
            yield estimated("loyalty_points", POINTS_BRING, truth, row["points_effect"], interval, near=NEAR, subject=tier)


@question("strategy.events", "event_attendance", ask=lambda company: strategy.events(company.tables))
def event_attendance(company: Company, result: strategy.Events) -> Iterator[dict[str, Any]]:
    """Is the tasting, to which the best customers came, credited with what they buy anyway?"""
    row = result.table[result.table["campaign_id"] == company.told("event_attendance")["campaign_id"]]
    credited = row["event_verdict"].isin([CREDITED, INVITED]).any()
    yield answer("event_attendance", FALSE_ALARM if credited else FOUND if len(row) else MISSED, EVENT_CREDITED, truth=0.0)


@question(
    "strategy.keep_or_acquire", "acquisition_costs",
    ask=lambda company: strategy.keep_or_acquire(company.tables, strategy.playbook()),
)  # fmt: skip
def acquisition_costs(company: Company, result: strategy.KeepOrAcquire) -> Iterator[dict[str, Any]]:
    """Is the cost of a new member what it is, and keeping one called cheaper?"""
    truth = company.told("acquisition_costs")["mean"]
    said = result.table.set_index("keep_or_win")["cost_each"]
    yield estimated("acquisition_costs", WON_COST, truth, said[WIN], near=NEAR * truth)
    yield answer("acquisition_costs", FOUND if result.ratio > 1 else FALSE_ALARM, KEEP_CHEAPER)


@question("strategy.price_changes", "price_change", ask=lambda company: strategy.price_changes(company.tables))
def price_change(company: Company, result: strategy.PriceChanges) -> Iterator[dict[str, Any]]:
    """Is the category that became dearer named, with month and size, and no other?"""
    told = company.told("price_change")
    rows = result.table.assign(month=pd.to_datetime(result.table["price_month"]).dt.strftime("%Y-%m"))
    right = (rows["category"] == told["category"]) & (rows["month"] == told["month"])
    for row in rows[right].itertuples():
        yield estimated(
            "price_change", PRICE_ROSE, told["rise"], row.price_change, near=NEAR * told["rise"], subject=row.category
        )
    if not right.any():
        yield answer("price_change", MISSED, PRICE_ROSE)
    yield answer("price_change", FALSE_ALARM if (~right).any() else FOUND, OTHER_PRICES)


def _profit_of_all(company: Company) -> segmentation.Profit | NotAvailable:
    """The profit of everybody, companies and dealers too, over the whole period."""
    everybody = engine.Tables.of(company.read)
    return segmentation.profit(everybody, window_days=everybody.days.daily.size)


@question("segmentation.profit", "unprofitable_customers", ask=_profit_of_all)
def unprofitable(company: Company, result: segmentation.Profit) -> Iterator[dict[str, Any]]:
    """Are the loss-making customers among those with the most spend the companies that cost more than they bring?"""
    known = result.table.merge(company.customers, on="customer_id")
    named = known["customer_id"].isin(set(result.large_losses()["customer_id"]))
    yield agreement("unprofitable_customers", LARGE_LOSSES, named, known["costly"])


@question("needs.deal_sensitivity", "segments", ask=lambda company: needs.deal_sensitivity(company.tables))
def deal_seekers(company: Company, result: needs.DealSensitivity) -> Iterator[dict[str, Any]]:
    """Are the deal seekers the segment that buys on discount?"""
    shares = company.told("segments")["orders_on_discount"]
    segment = max(shares, key=lambda s: shares[s])
    known = result.table[result.table["orders"] >= 5].merge(company.customers, on="customer_id")
    seekers, true = known["deal_group"] == SEEKERS, known["segment"] == segment
    yield agreement("segments", DEAL_SEEKERS, seekers, true, pure=0.6, subject=segment)


@question("needs.pain_points", "pain_point", ask=lambda company: needs.pain_points(company.tables))
def pain_point(company: Company, result: needs.PainPoints) -> Iterator[dict[str, Any]]:
    """Is the defect the first pain point, and the place where it is named the one where it is?"""
    fact = "pain_point"
    told = company.told(fact)
    first = result.table["pain_point"].iloc[0] == told["cause"]
    yield answer(fact, FOUND if first else MISSED, PAIN_FIRST)
    places = result.places[result.places["pain_point"] == told["cause"]]
    here = (places["product_id"] == told["product_id"]) & (places["region"] == told["region"])
    verdict = FALSE_ALARM if (~here).any() else FOUND if here.any() else MISSED
    yield answer(fact, verdict, PAIN_PLACES, truth=1.0, estimate=float(len(places)))


@question("needs.contact_overload", "contact_overlap", ask=lambda company: needs.contact_overload(company.tables))
def contact_overlap(company: Company, result: needs.ContactOverload) -> Iterator[dict[str, Any]]:
    """Are the two departments named, and the members to whom both write?"""
    fact = "contact_overlap"
    met = result.pairs[["department_a", "department_b"]].head(1).to_numpy().tolist()
    right = met == [sorted(company.told(fact)["departments"])]
    yield answer(fact, FOUND if right else FALSE_ALARM if met else MISSED, DEPARTMENTS_FIRST)
    named = set(result.often()["customer_id"])
    true = set(company.customers.loc[company.customers["contacted_twice"], "customer_id"])
    written = company.facts[fact]["realised"]["count"]  # those of them who were members already and had not opted out
    precision, recall = len(named & true) / max(len(named), 1), len(named & true) / max(written, 1)
    verdict = MISSED if not named else FALSE_ALARM if precision < PURE else FOUND if recall >= CAUGHT else MISSED
    yield answer(fact, verdict, CONTACTED_BY_BOTH, truth=float(written), estimate=float(len(named)))


@question("needs.kano", "kano", ask=lambda company: needs.kano(company.tables, needs.survey(company.tables)))
def kano_categories(company: Company, kano: needs.Kano) -> Iterator[dict[str, Any]]:
    """Is each feature in its category, and none called clear in another?"""
    told = company.told("kano")["categories"]
    right = kano.table["code"] == kano.table["feature"].map(told)
    wrong = (~right & kano.table["clear"]).any()
    verdict = FALSE_ALARM if wrong else FOUND if right.sum() == len(told) else MISSED
    yield answer("kano", verdict, KANO_CATEGORIES, truth=float(len(told)), estimate=float(right.sum()))


@question(
    "needs.drivers", "satisfaction_drivers", ask=lambda company: needs.drivers(company.tables, needs.survey(company.tables))
)
def satisfaction_drivers(company: Company, drivers: needs.Drivers) -> Iterator[dict[str, Any]]:
    """Does each aspect account for as much of satisfaction as its weight makes it?"""
    told = company.told("satisfaction_drivers")
    truth = dict(zip(told["weights"], _shares_explained(list(told["weights"].values()), told["correlation"]), strict=True))
    m, rows = drivers.measure, drivers.table.set_index("driver")
    for aspect, share in truth.items():
        if aspect not in rows.index:
            yield answer("satisfaction_drivers", MISSED, DRIVER_SHARE, subject=aspect, truth=share)
            continue
        row = rows.loc[aspect]
        interval = row[f"{m}_low"], row[f"{m}_high"]
        yield estimated("satisfaction_drivers", DRIVER_SHARE, share, row[m], interval, near=0.05, subject=aspect)


def _asked(company: Company) -> needs.Survey | NotAvailable:
    return needs.survey(company.tables)


def _priorities(company: Company) -> needs.Priorities | NotAvailable:
    return needs.priorities(company.tables, needs.kano(company.tables, _asked(company)))


@question("needs.priorities", "unsatisfying_feature", ask=_priorities)
def unsatisfying_feature(company: Company, found: needs.Priorities) -> Iterator[dict[str, Any]]:
    """Is the feature that is taken for granted and does not satisfy the one to improve first?"""
    first = found.table["feature"].iloc[0]
    right = first == company.told("unsatisfying_feature")["feature"]
    yield answer("unsatisfying_feature", FOUND if right else FALSE_ALARM, FEATURE_FIRST, subject=first)


@question(
    "needs.fifths",
    "unhappy_region",
    ask=lambda company: needs.fifths(company.tables, _asked(company), pd.DataFrame({"customer_id": []})),
)
def unhappy_region(company: Company, fifths: needs.Fifths) -> Iterator[dict[str, Any]]:
    """Does the region come first whose members are the less satisfied?"""
    clear = fifths.clear()
    if clear.empty:
        yield answer("unhappy_region", MISSED, TRAIT_FIRST)
        return
    first = clear.iloc[0]
    right = (first["trait"], first["level"]) == ("customers.region", company.told("unhappy_region")["region"])
    verdict = FOUND if right and first["effect"] < 0 else FALSE_ALARM
    yield answer("unhappy_region", verdict, TRAIT_FIRST, subject=str(first["level"]))


@question("needs.factor_analysis", "brand_image", ask=lambda company: needs.factor_analysis(company.tables, _asked(company)))
def image_dimensions(company: Company, found: needs.FactorAnalysis) -> Iterator[dict[str, Any]]:
    """Is every pair of opposites on a factor with those of its dimension, and with no other?"""
    true = {pair: d for d, pairs in enumerate(company.told("brand_image")["dimensions"]) for pair in pairs}
    said = dict(zip(found.table["item"], found.table["factor"], strict=True))
    of = [{said.get(pair, 0) for pair in true if true[pair] == d} for d in set(true.values())]
    right = all(len(f) == 1 and 0 not in f for f in of) and len(set.union(*of)) == len(of)
    wrong = any(sum(f in group for group in of) > 1 for f in set.union(*of) - {0})
    verdict = FOUND if right else FALSE_ALARM if wrong else MISSED
    yield answer("brand_image", verdict, DIMENSIONS, truth=float(len(of)), estimate=float(found.factors))


@question("needs.semantic_profile", "brand_image", ask=lambda company: needs.semantic_profile(company.tables, _asked(company)))
def image_gaps(company: Company, profile: needs.SemanticProfile) -> Iterator[dict[str, Any]]:
    """Is each clear difference between the two brands in the true direction, and each difference clear?"""
    told = company.told("brand_image")
    own, rival = told["means"].values()
    true = {pair: own[d] > rival[d] for d, pairs in enumerate(told["dimensions"]) for pair in pairs}
    clear = profile.gaps[profile.gaps["clear"] == "Yes"]
    right = int(((clear["gap"] > 0) == clear["pair"].map(true)).sum())
    verdict = FALSE_ALARM if right < len(clear) else FOUND if right == len(true) else MISSED
    yield answer("brand_image", verdict, GAPS, truth=float(len(true)), estimate=float(right))


@question(
    "needs.brand_choice",
    "brand_choice",
    ask=lambda company: needs.brand_choice(company.tables, _asked(company), pd.DataFrame({"customer_id": [], "value_tier": []})),
)
def brand_choice(company: Company, choice: needs.BrandChoice) -> Iterator[dict[str, Any]]:
    """Does the image come first that weighs most?"""
    weights = company.told("brand_choice")["log_odds_per_point"]
    first = choice.table["pair"].iloc[0]
    verdict = FOUND if first == max(weights, key=lambda pair: weights[pair]) else FALSE_ALARM
    yield answer("brand_choice", verdict, FIRST_IMAGE, subject=first)


@question("needs.product_tests", "version_tests", ask=lambda company: needs.product_tests(company.tables, _asked(company)))
def version_tests(company: Company, tests: needs.ProductTests) -> Iterator[dict[str, Any]]:
    """Is the better version named where there is one, and none where there is none?"""
    told = company.told("version_tests")
    means = told["liking"] | told["response"]
    for row in tests.table.itertuples():
        more = means[f"{row.test}/{row.version}"] - means[f"{row.test}/{row.other}"]
        clear = row.clear == "Yes"
        verdict = FOUND if clear == (more > 0) else FALSE_ALARM if clear else MISSED
        # Answers are rounded and cut at the ends of the scale, so that no difference of theirs is the planted one.
        yield answer("version_tests", verdict, TESTS, subject=row.test)


@question("needs.new_products", "new_product", ask=lambda company: needs.new_products(company.tables))
def launched(company: Company, found: needs.NewProducts) -> Iterator[dict[str, Any]]:
    """Is the new product called new, and no other?"""
    said = set(found.launches["product_id"])
    true = company.told("new_product")["product_id"]
    verdict = FALSE_ALARM if said - {true} else FOUND if said else MISSED
    yield answer("new_product", verdict, LAUNCHED, truth=1.0, estimate=float(len(said)))


@question("needs.stock", "out_of_stock", ask=lambda company: needs.stock(engine.Tables.of(company.read)))
def out_of_stock(company: Company, found: needs.Stock) -> Iterator[dict[str, Any]]:
    """Is the product named that one branch had not, and how much of it would have been sold there?"""
    told, top = company.told("out_of_stock"), found.worst()
    named = tuple(top[["product_id", "store"]].iloc[0]) if len(top) else ()
    right = named == (told["product_id"], told["store"])
    yield answer("out_of_stock", FOUND if right else FALSE_ALARM if named else MISSED, OUT_FIRST, subject=" ".join(named))
    row = found.table[(found.table["product_id"] == told["product_id"]) & (found.table["store"] == told["store"])].iloc[0]
    truth = company.facts["out_of_stock"]["realised"]["units_not_sold"]
    interval = row["lost_low"], row["lost_high"]
    yield estimated("out_of_stock", NOT_SOLD, float(truth), row["lost"], interval, near=2 * NEAR * truth)


@question("strategy.leaving", "stopping_customers", "switching_customers", ask=lambda company: strategy.leaving(company.tables))
def leaving(company: Company, result: strategy.Leaving) -> Iterator[dict[str, Any]]:
    """Are those who are said to end or to switch those who do?"""
    members = company.customers[company.customers["drop_out_rate"].notna()]
    flag = members["customer_id"].map(result.table.set_index("customer_id")["leaving_flag"])
    for fact, what, said, true in (
        ("stopping_customers", WHO_ENDS, ENDING, "stop"),
        ("switching_customers", WHO_SWITCHES, SWITCHING, "switch"),
    ):
        yield agreement(fact, what, flag == said, members["leaving"] == true)


def _shares_explained(weights: list[float], correlation: float) -> np.ndarray:
    """Share of R2 by which each of equally varying, equally correlated aspects raises it, mean over all orders of entry
    (Lindeman, Merenda and Gold 1980), worked out order by order."""
    n = len(weights)
    between = np.full((n, n), correlation) + (1 - correlation) * np.eye(n)
    outcome = between @ np.array(weights)

    @functools.cache
    def explained(aspects: frozenset[int]) -> float:
        of = sorted(aspects)
        return float(outcome[of] @ np.linalg.solve(between[np.ix_(of, of)], outcome[of])) if of else 0.0

    gains = np.zeros(n)
    for order in itertools.permutations(range(n)):
        for i, aspect in enumerate(order):
            gains[aspect] += explained(frozenset(order[: i + 1])) - explained(frozenset(order[:i]))
    return gains / gains.sum()


@question("needs.funnel", "broken_step", ask=lambda company: needs.funnel(company.tables))
def broken_step(company: Company, result: needs.Funnel) -> Iterator[dict[str, Any]]:
    """Is the step that broke on mobile named, with its weeks, and no other?"""
    fact = "broken_step"
    told, broken = company.told(fact), result.breaks()
    month = pd.Timestamp(told["month"])
    last = month + pd.offsets.MonthEnd(1)
    rightly = [
        row.journey_step.lower() == told["from"]
        and row.device.lower() == told["device"]
        and pd.Timestamp(row.first_week) <= last
        and pd.Timestamp(row.first_week) + pd.Timedelta(weeks=row.weeks) > month
        for row in broken.itertuples()
    ]
    right = broken[rightly].head(1)
    said = {"estimate": float(right["went_on_share"].iloc[0])} if len(right) else {}
    yield answer(fact, FOUND if sum(rightly) == 1 else MISSED, BROKEN, truth=told["passed"], **said)
    others = len(broken) - sum(rightly)
    yield answer(fact, FALSE_ALARM if others else FOUND, OTHER_BREAKS, truth=0.0, estimate=float(others))


@question(
    "needs.opportunities", "win_probabilities", "drop_worthy_group",
    ask=lambda company: needs.opportunities(engine.Tables.of(company.read)),
)  # fmt: skip
def pipeline(company: Company, result: needs.Opportunities) -> Iterator[dict[str, Any]]:
    """Do as many go on from each stage as planted, and is the group to leave for now named, and no other?"""
    fact, told = "drop_worthy_group", company.told("drop_worthy_group")
    customers, deals = company.customers, company.read["opportunities"].select("opportunity_id", "customer_id").to_pandas()
    cold = set(customers.loc[customers["cold"], "customer_id"])
    at = company.read["stage_history"].select("opportunity_id", "stage").to_pandas().merge(deals, on="opportunity_id")
    share = at["customer_id"].isin(cold).groupby(at["stage"]).mean()
    stages = result.stages.set_index("stage")
    for stage, passed in company.told("win_probabilities")["passed"].items():
        # The stage's own chance, and half of it for the group that is hardly ever won, in the proportion in which they came.
        truth = passed * (1 - share[stage] * (1 - told["times_passed"]))
        row = stages.loc[stage]
        yield estimated(
            "win_probabilities", WENT_ON, truth, row["passed_share"], (row["passed_low"], row["passed_high"]), near=NEAR * truth,
            subject=stage,
        )  # fmt: skip
    wanted = {("company_size", told["company_size"]), ("source", told["source"])}
    rightly = [set(traits) == wanted for traits in result.groups["traits"]]
    right = result.groups[rightly].head(1)
    said = right[["won_share", "won_low", "won_high"]].iloc[0].tolist() if len(right) else []
    named = dict(zip(("estimate", "low", "high"), said, strict=False))
    yield answer(fact, FOUND if len(right) else MISSED, HARDLY_WON, truth=told["win_probability"], **named)
    others = float(len(rightly) - sum(rightly))
    yield answer(fact, FALSE_ALARM if others else FOUND, OTHER_GROUPS, truth=0.0, estimate=others)


def _alike(company: Company) -> list[identity.Pair]:
    """Pairs of accounts with one phone or e-mail address, among the names and phones that the company's raw exports hold."""
    labels = pd.read_csv(company.folder / "labels.csv", dtype=str, keep_default_na=False)
    people = persons.of_company(company.folder, labels).rename(columns={"customer_name": "name", "e_mail": "email"})
    return identity.proposals(ibis.memtable(people[["customer_id", "name", "phone", "email"]]))


@question("intake.identity", "duplicates", ask=_alike)
def second_accounts(company: Company, pairs: list[identity.Pair]) -> Iterator[dict[str, Any]]:
    """Are the pairs of accounts proposed as one person those of persons with a second account?"""
    said = {frozenset((pair.first, pair.second)) for pair in pairs}
    twins = company.customers.dropna(subset=["duplicate_of"])
    true = {frozenset(pair) for pair in zip(twins["customer_id"], twins["duplicate_of"], strict=True)}
    verdict = FALSE_ALARM if said - true else FOUND if len(said) >= CAUGHT * len(true) else MISSED
    yield answer("duplicates", verdict, SECOND_ACCOUNTS, truth=float(len(true)), estimate=float(len(said)))
