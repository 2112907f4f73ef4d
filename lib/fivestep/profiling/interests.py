"""What the customers are interested in: how many, which go together, and who is interested in what."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import ibis
import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import holm, wilson
from fivestep.language import N_, _
from fivestep.profiling.covered_months import period
from fivestep.profiling.portrait import spending
from fivestep.profiling.spend_index import FEW, spend_index

ANSWERS = N_("what the customers are interested in, which interests go together and who spends more")
SEPARATORS = r"[;；,，、|/\n]+"
CHANCE = 0.05
SHOWN = 20


@lru_cache
def _vocabulary() -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    with resources.files("fivestep.profiling").joinpath("interests.csv").open(encoding="utf-8") as file:
        rows = {row["interest"]: row for row in csv.DictReader(file)}
    words = {}
    for name, row in rows.items():
        for word in (name, row["zh_CN"], row["zh_TW"], row["en"], *row["also"].split(";")):
            words.setdefault(word.strip().casefold(), name)
    return rows, words


def interest(word: str, more: Mapping[str, Sequence[str]] | None = None) -> str:
    """The interest that a word stands for in Chinese or English, by *more* (interest: words) first; else the word as it is."""
    clean = " ".join(word.split())
    own = {w.casefold(): name for name, words in (more or {}).items() for w in (name, *words)}
    return own.get(clean.casefold()) or _vocabulary()[1].get(clean.casefold(), clean)


def interest_label(name: str) -> str:
    """An interest as the reader sees it: by the labels of the data, else by the vocabulary."""
    said = language.value("customers.interests", name)
    row = _vocabulary()[0].get(name)
    return row.get(language.current(), row["en"]) if row and said == name else said


def interests_of(tables: Tables, more: Mapping[str, Sequence[str]] | None = None) -> ibis.Table:
    """One row per customer and interest: customer_id, interest; whoever names the same twice has it once."""
    said = tables.customers.filter(tables.customers.interests.notnull())
    loose = said.select("customer_id", word=said.interests.re_split(SEPARATORS).unnest())
    loose = loose.mutate(word=loose.word.strip()).filter(ibis._.word != "").distinct()
    words = loose.select("word").distinct().order_by("word").to_pandas()["word"].tolist()
    found = {w: name for w in words if (name := interest(w, more)) != w}
    named = loose.word.cases(*found.items(), else_=loose.word) if found else loose.word
    return loose.select("customer_id", interest=named).distinct()


@dataclass(frozen=True)
class Interests:
    """The interests of the customers of whom any is known.

    ``table``: one row per interest, most customers first: portrait_interest, customers, share_of_known (Wilson interval),
    spend_per_customer, spend_index (100 = all who name any) with its interval. ``pairs``: one row for every two interests that at
    least one customer has both: interest_a, interest_b, customers_both, pair_expected (if they were independent), pair_lift,
    pair_clear (more often than chance, Fisher's one-sided test, Holm over all pairs; that two avoid each other is not tested, as
    who names none is unknown).
    """

    table: pd.DataFrame
    pairs: pd.DataFrame
    known: int
    customers: int
    compared: int
    first_day: dt.date
    as_of: dt.date

    def shown(self) -> pd.DataFrame:
        """The table as the reader sees it, the first twenty."""
        return self.table.head(SHOWN).assign(
            portrait_interest=[interest_label(i) for i in self.table["portrait_interest"].head(SHOWN)]
        )

    def clear_pairs(self) -> pd.DataFrame:
        """Pairs that go together beyond chance, the least likely first; where there are none, the three that come nearest."""
        chosen = self.pairs[self.pairs["pair_clear"]].head(10) if self.pairs["pair_clear"].any() else self.pairs.head(3)
        out = chosen.drop(columns="pair_clear").reset_index(drop=True)
        return out.assign(**{c: [interest_label(v) for v in out[c]] for c in ("interest_a", "interest_b")})

    def headline(self) -> str:
        """The interest with the most customers, and whether an interest spends more."""
        first = self.table.iloc[0]
        most = _("{interest} is the most frequent interest: {share} of customers who name any").format(
            interest=interest_label(first["portrait_interest"]), share=language.percent(first["share_of_known"])
        )
        if len(self.table) > 1 and first["known_share_low"] <= self.table["known_share_high"].iloc[1]:
            second = self.table.iloc[1]
            most = _(
                "{first} ({share}) and {second} ({other}) are the most frequent interests, too close to be told apart"
            ).format(
                first=interest_label(first["portrait_interest"]),
                share=language.percent(first["share_of_known"]),
                second=interest_label(second["portrait_interest"]),
                other=language.percent(second["share_of_known"]),
            )
        return most

    def pairs_headline(self) -> str:
        """Which two interests go together beyond chance."""
        clear = self.pairs[self.pairs["pair_clear"]]
        if clear.empty:
            return _("No two interests go together more often than chance explains")
        best = clear.iloc[0]
        return _("{a} and {b} go together: {n} customers name both, {expected} would by chance").format(
            a=interest_label(best["interest_a"]),
            b=interest_label(best["interest_b"]),
            n=language.number(best["customers_both"]),
            expected=language.number(best["pair_expected"], 1),
        )

    def note(self) -> str:
        """Base and intervals."""
        return _(
            "Base: {known} of {n} customers name an interest ({unknown} unknown), {period}. One customer can have several. "
            "Index: "
            "spend per customer, 100 = customers who name any. Intervals 95% (Wilson); those of the {m} indices hold together."
        ).format(
            known=language.number(self.known),
            n=language.number(self.customers),
            unknown=language.percent(1 - self.known / self.customers),
            period=period(self.first_day, self.as_of),
            m=language.number(self.compared),
        )

    def finding(self) -> Finding:
        """The share of the most frequent interest."""
        apart = self.table[(self.table["spend_index_low"] > 100) | (self.table["spend_index_high"] < 100)]
        unknown = 1 - self.known / self.customers
        return Finding(
            key="profiling.top_interest_share",
            value=float(self.table["share_of_known"].iloc[0]),
            unit="share",
            display=language.percent(self.table["share_of_known"].iloc[0]),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Choose themes of messages by these interests; {n} of them differ reliably in spend.").format(
                n=language.number(len(apart))
            ),
            confidence="medium" if self.known >= 10 * FEW else "low",
            warnings=(_("Interests of {share} of customers are unknown.").format(share=language.percent(unknown)),)
            if unknown >= 0.2
            else (),
        )


@needs("customers.interests", "orders.customer_id", "orders.order_amount", answers=ANSWERS)
def interests(tables: Tables, *, words: Mapping[str, Sequence[str]] | None = None) -> Interests | NotAvailable:
    """Interests of the customers, their spend against all customers, and pairs of interests.

    A cell may name several (separated by ; , 、 | or /); Chinese and English words for the same are one interest, by the
    vocabulary and by *words* (interest: further words). Customers who name none are left out.

    Source: Fisher's exact test of each pair, Holm (1979) over the pairs; spend: see `spend_index`.
    """
    held = frame(interests_of(tables, words), by=["customer_id", "interest"])
    customers, _unmatched = spending(tables, [])
    if held.empty:
        return NotAvailable((), _(ANSWERS), reason=_("No customer names an interest."))
    names = sorted(held["interest"].unique())
    has = pd.crosstab(held["customer_id"], held["interest"]).reindex(columns=names).astype(bool)
    known = len(has)
    # Against customers who name any: who names none may be a company, or was never asked.
    named = customers[customers["customer_id"].isin(has.index)]
    everyone, spend = has.loc[named["customer_id"]].to_numpy(), named["spend"].to_numpy()
    found = spend_index(spend, [np.where(everyone[:, i], 0, -1) for i in range(len(names))])
    n = everyone.sum(axis=0)
    low, high = wilson(n, known)
    table = pd.DataFrame(
        {
            "portrait_interest": names,
            "customers": n,
            "share_of_known": n / known,
            "known_share_low": low,
            "known_share_high": high,
            "spend_per_customer": [spend[everyone[:, i]].mean() if n[i] else np.nan for i in range(len(names))],
            "spend_index": [i[0][0] for i in found],
            "spend_index_low": [i[1][0] for i in found],
            "spend_index_high": [i[2][0] for i in found],
        }
    ).sort_values(["customers", "portrait_interest"], ascending=[False, True], ignore_index=True)
    return Interests(table, _pairs(has, names), known, len(customers), int((n >= FEW).sum()), tables.first_day, tables.as_of)


def _pairs(has: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    from scipy import stats

    held, known = has.to_numpy().astype(np.int64), len(has)
    both, n = held.T @ held, held.sum(axis=0)
    rows = []
    for i in range(len(names)):
        for j in range(i + 1, len(names)):
            if both[i, j] == 0:
                continue
            square = [[both[i, j], n[i] - both[i, j]], [n[j] - both[i, j], known - n[i] - n[j] + both[i, j]]]
            expected = n[i] * n[j] / known
            rows.append(
                (
                    names[i],
                    names[j],
                    int(both[i, j]),
                    expected,
                    both[i, j] / expected,
                    stats.fisher_exact(square, alternative="greater")[1],
                )
            )
    out = pd.DataFrame(rows, columns=["interest_a", "interest_b", "customers_both", "pair_expected", "pair_lift", "p"])
    out = out.sort_values(["p", "interest_a", "interest_b"], ignore_index=True)
    return out.assign(pair_clear=holm(out["p"]) < CHANCE).drop(columns="p")
