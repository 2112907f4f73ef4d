"""Review of customer relationship management on three axes: does the company identify its customers, deal with them, learn?"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.contract import TABLES
from fivestep.engine import Tables, needs
from fivestep.evaluation.purchases import customer_ids
from fivestep.findings import Finding
from fivestep.intervals import newcombe
from fivestep.language import N_, _

DAYS = 182  # whole weeks: what is recorded now, against as long before
IDENTIFICATION, INTERACTION, KNOWLEDGE = N_("Customer identification"), N_("Customer interaction"), N_("Customer knowledge")
AXES = (IDENTIFICATION, INTERACTION, KNOWLEDGE)
BETTER, WORSE, SAME, NO_TIME, NOT_RECORDED = (
    N_("Better than before"), N_("Worse than before"), N_("No clear change"), N_("No dates to compare"), N_("Not recorded"),
)  # fmt: skip
# Axis, capability, table, fields of which one must be known.
CAPABILITIES = (
    (IDENTIFICATION, N_("Orders with a known customer"), "orders", ("customer_id",)),
    (IDENTIFICATION, N_("Online events with a known customer"), "events", ("customer_id",)),
    (IDENTIFICATION, N_("Customers with an age"), "customers", ("birth_date", "age", "age_band")),
    (IDENTIFICATION, N_("Customers with a place"), "customers", ("region", "province", "city", "postal_code")),
    (IDENTIFICATION, N_("Customers with a source"), "customers", ("source",)),
    (IDENTIFICATION, N_("Customers with a day of registration"), "customers", ("registered_at",)),
    (INTERACTION, N_("Customers whose wish for marketing is known"), "customers", ("marketing_opt_out",)),
    (INTERACTION, N_("Contacts with an outcome"), "interactions", ("result",)),
    (INTERACTION, N_("Contacts with a department or an employee"), "interactions", ("department", "staff")),
    (INTERACTION, N_("Contacts with an agreed next contact"), "interactions", ("next_contact_at",)),
    (INTERACTION, N_("Feedback that was resolved"), "feedback", ("resolved_at",)),
    (KNOWLEDGE, N_("Order lines with a known product"), "order_lines", ("product_id",)),
    (KNOWLEDGE, N_("Customers with interests or tags"), "customers", ("interests", "tags")),
    (KNOWLEDGE, N_("Feedback with its cause"), "feedback", ("cause",)),
    (KNOWLEDGE, N_("Feedback with a score"), "feedback", ("satisfaction", "nps")),
    (KNOWLEDGE, N_("Answers of surveys with a known customer"), "survey", ("customer_id",)),
    (KNOWLEDGE, N_("Campaign contacts with a known response"), "exposures", ("responded",)),
)
QUESTIONS = (
    (IDENTIFICATION, N_("Does every place where customers are met use the same customer number?")),
    (IDENTIFICATION, N_("Who decides that two records are one customer, and how often is that done?")),
    (INTERACTION, N_("Does an employee see on one page what other departments told the customer?")),
    (INTERACTION, N_("Who follows up a purchase or a complaint, by when, and who checks it?")),
    (KNOWLEDGE, N_("Which decision of the last quarter was made because of customer data?")),
    (KNOWLEDGE, N_("Where does what is learned about a customer go so that the next colleague knows it?")),
)
QUESTION = N_("how well customers are identified, dealt with and known")


@dataclass(frozen=True)
class CrmReview:
    """How much of what a capability needs is filled in the data.

    ``table``: one row per capability: axis, capability, rows (of the table in the last `DAYS` days, or of all customers), filled
    (share of them in which it is known; missing where the data has no such field or no row), filled_before (of as long before;
    missing where the table has no dates), review_verdict.
    """

    table: pd.DataFrame

    def shown(self) -> pd.DataFrame:
        """As the reader sees it."""
        names = {"rows": "review_rows", "filled": "review_filled", "filled_before": "review_before"}
        return self.table.rename(columns={"axis": "review_axis", "capability": "review_capability", **names})

    def axes(self) -> pd.DataFrame:
        """One row per axis: capabilities, how many of them are recorded, score (mean share filled, not recorded counts as 0)."""
        scored = self.table.assign(score=self.table["filled"].fillna(0.0), recorded=self.table["filled"].notna())
        out = scored.groupby("axis").agg(
            review_capabilities=("capability", "size"), review_recorded=("recorded", "sum"), review_score=("score", "mean")
        )
        return out.reindex(list(AXES)).rename_axis("review_axis").reset_index()

    def figure(self) -> Figure:
        """The score of each axis."""
        rows = self.axes()
        lowest = rows["review_score"] == rows["review_score"].min()
        return charts.bars(
            [_(axis) for axis in rows["review_axis"]],
            list(rows["review_score"]),
            write=language.percent,
            accent=list(lowest),
            xlabel=_("Mean share of what the capabilities of the axis need that is on record"),
        )

    def questions(self) -> pd.DataFrame:
        """What only people can judge: one row per question, with room for an answer."""
        return pd.DataFrame(
            {
                "review_axis": [axis for axis, _question in QUESTIONS],
                "review_question": [question for _axis, question in QUESTIONS],
                "review_answer": "",
            }
        )

    def headline(self) -> str:
        """The strongest and the weakest axis."""
        rows = self.axes().sort_values("review_score", kind="stable")
        low, high = rows.iloc[0], rows.iloc[-1]
        weakest, strongest = low["review_axis"], high["review_axis"]
        if low["review_score"] == high["review_score"]:
            return _("All three axes have the same score: {share} of what they need is on record").format(
                share=language.percent(low["review_score"])
            )
        return _(
            "“{strongest}” is the strongest axis ({high} of what it needs is on record), “{weakest}” the weakest ({low})"
        ).format(
            strongest=_(strongest),
            weakest=_(weakest),
            high=language.percent(high["review_score"]),
            low=language.percent(low["review_score"]),
        )

    def table_headline(self) -> str:
        """What became better and what worse."""
        counts = self.table["review_verdict"].value_counts()
        return _(
            "Of {all} capabilities {better} are recorded better than before, {worse} worse; {none} are not recorded at all"
        ).format(
            all=language.number(len(self.table)),
            better=language.number(counts.get(BETTER, 0)),
            worse=language.number(counts.get(WORSE, 0)),
            none=language.number(counts.get(NOT_RECORDED, 0)),
        )

    def questions_headline(self) -> str:
        """That these are for people."""
        return _("What the data cannot judge: questions for the review meeting")

    def note(self) -> str:
        """What a share is, and what it is not."""
        return _(
            "Share of rows of the last {days} days (of all customers, where the table has no dates) in which the field is "
            "filled; before: the {days} days before that. Better and worse: the 95% interval of the difference (Newcombe) leaves "
            "out zero. What the data does not record counts as 0 in the score of its axis. A filled field is a chance to know, "
            "not yet knowledge."
        ).format(days=language.number(DAYS))

    def finding(self) -> Finding:
        """The weakest axis, and what to begin with."""
        rows = self.axes().sort_values("review_score", kind="stable")
        low = rows.iloc[0]
        own = self.table[self.table["axis"] == low["review_axis"]]
        first = own.assign(filled=own["filled"].fillna(0.0)).sort_values("filled", kind="stable").iloc[0]
        capability = first["capability"]
        said = _("{axis}: {score}, {recorded} of {all} capabilities are recorded")
        told = []
        for row in self.axes().itertuples():
            axis = row.review_axis
            told.append(
                said.format(
                    axis=_(axis),
                    score=language.percent(row.review_score),
                    recorded=language.number(row.review_recorded),
                    all=language.number(row.review_capabilities),
                )
            )
        return Finding(
            key="evaluation.crm_weakest_axis",
            value=float(low["review_score"]),
            unit="share",
            display=language.percent(low["review_score"]),
            text=language.sentence(self.headline()),
            evidence=language.sentence("; ".join(told)),
            so_what=_("Begin with “{capability}”, and answer the questions that the data cannot.").format(
                capability=_(capability)
            ),
            confidence="medium",
            assumptions=(self.note(),),
        )


@needs("orders.order_amount", answers=QUESTION)
def crm_review(tables: Tables) -> CrmReview:
    """The share of rows in which each of `CAPABILITIES` is on record, now and as long before."""
    counted = {name: _filled(tables, name) for name in dict.fromkeys(name for *_rest, name, _fields in CAPABILITIES)}
    rows = []
    for axis, capability, name, _fields in CAPABILITIES:
        row = {"axis": axis, "capability": capability, "rows": 0, "filled": float("nan"), "filled_before": float("nan")}
        if capability not in counted[name]:
            rows.append(row | {"review_verdict": NOT_RECORDED})
            continue
        known, n, known_before, n_before = counted[name][capability]
        verdict = NO_TIME if not n_before else SAME
        if n and n_before:
            low, high = newcombe(known, n, known_before, n_before)
            verdict = BETTER if low > 0 else WORSE if high < 0 else SAME
        row |= {"rows": n, "filled": known / n if n else float("nan"), "review_verdict": verdict if n else NOT_RECORDED}
        row["filled_before"] = known_before / n_before if n_before else float("nan")
        rows.append(row)
    return CrmReview(pd.DataFrame(rows))


def _filled(tables: Tables, name: str) -> dict[str, tuple[int, int, int, int]]:
    """For each capability that the table *name* records: rows with one of its fields and all rows, of the last `DAYS` days and of
    as many before; of everybody, and none before, for customers and for a table without dates.

    One query for the table: most of the time of a query goes into writing it.
    """
    there = {
        capability: [f for f in fields if not tables.missing(f"{name}.{f}")]
        for _axis, capability, of, fields in CAPABILITIES
        if of == name
    }
    there = {capability: fields for capability, fields in there.items() if fields}
    if not there:
        return {}
    table = getattr(tables, name)
    now, before = ibis.literal(True), ibis.literal(False)
    time = TABLES[name].time
    if name != "customers" and time and time in table.columns:
        day = table[time].cast("date") if table[time].type().is_timestamp() else table[time]
        cut = [tables.as_of - dt.timedelta(days=days) for days in (DAYS, 2 * DAYS)]
        now, before = day > cut[0], (day <= cut[0]) & (day > cut[1])
    known = {capability: ibis.or_(*(table[f].notnull() for f in fields)) for capability, fields in there.items()}
    sums = {"rows": table.count(where=now), "rows_before": table.count(where=before)}
    for i, capability in enumerate(there):
        sums |= {f"now_{i}": (known[capability] & now).sum(), f"before_{i}": (known[capability] & before).sum()}
    found = table.aggregate(**sums).to_pandas().fillna(0).iloc[0].astype(int)
    n = int(customer_ids(tables).count().to_pandas()) if name == "customers" else found["rows"]
    return {c: (found[f"now_{i}"], n, found[f"before_{i}"], found["rows_before"]) for i, c in enumerate(there)}
