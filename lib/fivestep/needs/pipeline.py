"""Opportunities: what share goes on from each stage and how long it takes, how likely each is won, and which to leave for now."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.contract import TABLES
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import Z, wilson
from fivestep.language import N_, _

WON, LOST, OPEN = "won", "lost", "open"
WORDS = {
    WON: ("won", "closed won", "closedwon", "赢单", "已赢单", "成交", "贏單"),
    LOST: ("lost", "closed lost", "closedlost", "输单", "已输单", "丢单", "輸單"),
}
FEW = 30  # decided opportunities below which nothing is said
GROUP = 20  # decided opportunities of a group that is compared
TESTED = 30  # decided opportunities of the test, and as many to learn from
FALSE_DISCOVERY_RATE = 0.05
MUCH_LOWER = 0.5  # of the share won by the others: above this a group is weaker, but not one to leave
LONG = 0.95  # of those who went on had left the stage after so many days
# Not the level or the representative: a level is often given for what was bought, and a representative is no reason to leave.
TRAITS = ("company_size", "source", "industry", "region")
BINS = 5
BASE, MODEL = N_("Share won from the stage"), N_("Model")
GROUP_REASON, LONG_REASON = N_("group that is hardly ever won"), N_("longer in the stage than those who go on")

_ANSWERS = N_("how likely each opportunity is won, how long stages take, and which opportunities to leave for now")


@dataclass(frozen=True)
class Opportunities:
    """What becomes of opportunities.

    ``stages``: one row per stage in order (one without a name where the data has no history): stage, left_stage (opportunities
    that left it), passed (went on or were won), passed_share, passed_low, passed_high (95 %), days_median (by Kaplan and Meier,
    open ones censored), days_long (95 of 100 who went on had left by then), win_from_stage (product of the shares from here on).
    ``groups``: traits, decided, won, won_share, won_low, won_high, others_won (share), p_value, of groups that are won at most
    half as often as the others. ``test``: predictor, opportunities, brier, of the share won from the stage and of the model, on
    opportunities opened after those it learned from; empty where there are too few. ``difference``: of the Brier scores (model
    less stage) with its 95 % interval; NaN without a test. ``reliability``: foretold, seen, seen_low, seen_high, opportunities,
    in fifths of what was foretold. ``table``: one row per open opportunity: opportunity_id, customer_id, stage, owner,
    days_in_stage, win_probability, stated_probability (of the client's system), amount, drop_reason (None: none). ``won``,
    ``lost``; ``backwards``: stages that were left before they were entered, which count for the shares and not for the days.
    """

    stages: pd.DataFrame
    groups: pd.DataFrame
    test: pd.DataFrame
    difference: tuple[float, float, float]
    reliability: pd.DataFrame
    table: pd.DataFrame
    won: int
    lost: int
    first_day: dt.date
    as_of: dt.date
    backwards: int = 0

    @property
    def model_used(self) -> bool:
        """Whether the model is clearly better than the share won from the stage; else that share is used."""
        return bool(self.difference[2] < 0)

    def stages_shown(self) -> pd.DataFrame:
        """Stages by name."""
        names = [_("All stages") if s is None else language.value("opportunities.stage", s) for s in self.stages["stage"]]
        return self.stages.assign(stage=names).rename(columns={"stage": "pipeline_stage"})

    def figure(self) -> Figure:
        """Share that goes on from each stage."""
        shown = self.stages_shown()
        return charts.intervals(
            shown["pipeline_stage"],
            shown["passed_share"],
            shown["passed_low"],
            shown["passed_high"],
            write=lambda v: language.percent(v, 0),
            xlabel=_("Opportunities that went on from the stage or were won, with 95% interval"),
        )

    def reliability_figure(self) -> Figure | NotAvailable:
        """What was foretold, and what was seen, in fifths; not available without a test."""
        r = self.reliability
        if r.empty:
            return NotAvailable((), _(_ANSWERS), reason=_("too few opportunities are decided to test what is foretold."))
        return charts.intervals(
            [_("foretold {p}").format(p=language.percent(p)) for p in r["foretold"]],
            r["seen"],
            r["seen_low"],
            r["seen_high"],
            write=lambda v: language.percent(v, 0),
            xlabel=_("Share that was won, with 95% interval"),
        )

    def groups_shown(self) -> pd.DataFrame:
        """Groups as the reader sees them."""
        out = self.groups.drop(columns=["traits", "p_value"])
        out.insert(0, "opportunity_traits", [_traits(t) for t in self.groups["traits"]])
        return out

    def to_drop(self) -> pd.DataFrame:
        """Open opportunities to leave for now, with the reason, least likely first."""
        return self._named(self.table[self.table["drop_reason"].notna()])

    def open_opportunities(self) -> pd.DataFrame:
        """All open opportunities, most likely first."""
        return self._named(self.table.iloc[::-1])

    def _named(self, rows: pd.DataFrame) -> pd.DataFrame:
        stage = [language.MISSING if s is None else language.value("opportunities.stage", s) for s in rows["stage"]]
        out = rows.rename(columns={"stage": "pipeline_stage", "owner": "opportunity_owner", "amount": "opportunity_amount"})
        out = out.assign(pipeline_stage=stage, drop_reason=[_reason(r) for r in rows["drop_reason"]])
        return out.reset_index(drop=True)

    def headline(self) -> str:
        """The share won, and the stage from which the smallest share goes on."""
        share = language.percent(self.won / (self.won + self.lost))
        decided = language.number(self.won + self.lost)
        if len(self.stages) == 1:
            return _("{share} of {n} decided opportunities were won").format(share=share, n=decided)
        row = self.stages_shown().sort_values(["passed_share", "pipeline_stage"]).iloc[0]
        return _("{share} of {n} decided opportunities were won; the smallest share goes on from “{stage}”: {passed}").format(
            share=share, n=decided, stage=row["pipeline_stage"], passed=language.percent(row["passed_share"])
        )

    def time_headline(self) -> str:
        """The longest stage."""
        known = self.stages_shown().dropna(subset=["days_median"])
        if known.empty:
            return _("Too few opportunities have left a stage to say how long it takes")
        row = known.sort_values(["days_median", "pipeline_stage"], ascending=[False, True]).iloc[0]
        return _("Longest stage: “{stage}”, which half of the opportunities leave within {days} days").format(
            stage=row["pipeline_stage"], days=language.number(row["days_median"])
        )

    def test_headline(self) -> str:
        """Whether more than the stage foretells the outcome."""
        if self.test.empty:
            return _("Too few opportunities to test whether more than the stage foretells the outcome")
        if self.model_used:
            return _("Who the customer is and who is in charge foretell the outcome better than the stage alone")
        return _("Nothing foretells the outcome clearly better than the stage alone, so its share is used")

    def groups_headline(self) -> str:
        """The group that is hardly ever won."""
        if self.groups.empty:
            return _("No group of opportunities is won half as often as the others or less, beyond chance")
        row = self.groups.iloc[0]
        return _("Hardly ever won: {traits}, {won} of {n}; of the others {share}").format(
            traits=_traits(row["traits"]),
            won=language.number(row["won"]),
            n=language.number(row["decided"]),
            share=language.percent(row["others_won"]),
        )

    def drop_headline(self) -> str:
        """How many open ones may be left for now."""
        return _("{n} of {open} open opportunities may be left for now").format(
            n=language.number(self.table["drop_reason"].notna().sum()), open=language.number(len(self.table))
        )

    def note(self) -> str:
        """Definitions and base."""
        said = _(
            "Opportunities opened from {first} to {last}: {won} won, {lost} lost, {open} open. Went on: reached a later stage, "
            "or was won, of those that left the stage. Days by Kaplan and Meier: open ones count as long as they have lasted."
        ).format(
            first=language.day(self.first_day),
            last=language.day(self.as_of),
            won=language.number(self.won),
            lost=language.number(self.lost),
            open=language.number(len(self.table)),
        )
        if self.backwards:
            said += " " + _(
                "Stages left before they were entered, as the data has it: {n}; they count for the shares, not for the days."
            ).format(n=language.number(self.backwards))
        return said

    def test_note(self) -> str:
        """How the model was tested."""
        if self.test.empty:
            return self.note()
        brier = self.test.set_index("predictor")["brier"]
        return _(
            "Logistic regression on stage, who is in charge, what is known of the customer and groups hardly ever won, learned "
            "from the older opportunities and tested on {n} that were opened later. Brier score (0 is perfect): model {model}, "
            "stage alone {base}; difference {low} to {high} (95% interval). Fifths by what the better of the two foretold."
        ).format(
            n=language.number(self.test["opportunities"].iloc[0]),
            model=language.number(brier[MODEL], 3),
            base=language.number(brier[BASE], 3),
            low=language.number(self.difference[1], 3),
            high=language.number(self.difference[2], 3),
        )

    def drop_note(self) -> str:
        """Rules of the list."""
        return _(
            "To leave for now: opportunities of a group that is clearly won at most half as often as the others (test of Mantel "
            "and Haenszel over all stages, false discovery rate {level}), and those longer in their stage than {long} of those "
            "who went on."
        ).format(level=language.percent(FALSE_DISCOVERY_RATE, 0), long=language.percent(LONG, 0))

    def finding(self) -> Finding:
        """The share won, with its interval."""
        low, high = wilson(self.won, self.won + self.lost)
        share = self.won / (self.won + self.lost)
        return Finding(
            key="needs.opportunities_won_share",
            value=share,
            unit="share",
            display=language.percent(share),
            text=language.sentence(self.headline()),
            evidence=_("95% interval {low} to {high}.").format(low=language.percent(low), high=language.percent(high))
            + " "
            + self.note(),
            so_what=language.sentence(self.groups_headline()) + " " + language.sentence(self.drop_headline()),
            confidence="high" if self.won + self.lost >= 4 * FEW else "medium",
            warnings=(_("Opportunities that nobody closes stay open for ever: the share holds for those that were decided."),),
            assumptions=(self.test_note(), self.drop_note()),
        )


def _traits(pairs: tuple[tuple[str, str], ...]) -> str:
    fields = TABLES["customers"].fields
    return language.listing([f"{_(fields[f].description)}: {language.value(f'customers.{f}', level)}" for f, level in pairs])


def _reason(reason: str | tuple | None) -> str | None:
    if reason is None or isinstance(reason, float):
        return None
    return _(LONG_REASON) if reason == LONG_REASON else f"{_(GROUP_REASON)} ({_traits(reason)})"


@needs("opportunities.status", "opportunities.closed_at", answers=_ANSWERS)
def opportunities(tables: Tables) -> Opportunities | NotAvailable:
    """Stages with shares and times, win probability of each open opportunity, and those to leave for now.

    The share won from a stage is the product of the shares that go on from it and every later stage, so that open opportunities
    count for the stages that they have passed. The model takes its place only where its Brier score is clearly better on later
    opportunities. Not available under 30 decided opportunities. Sources: Kaplan and Meier (1958); Brier (1950);
    Mantel and Haenszel (1959).
    """
    table = _read(tables)
    decided = table[table["outcome"] != OPEN]
    if len(decided) < FEW or decided["outcome"].nunique() < 2:
        reason = _("fewer than {n} opportunities have been won or lost.").format(n=language.number(FEW))
        return NotAvailable((), _(_ANSWERS), reason=reason)
    visits = _visits(tables, table)
    stages = _stages(visits)
    rows = visits.merge(table, on="opportunity_id", validate="many_to_one")
    groups = _groups(rows)
    base = stages.set_index("place")["win_from_stage"]
    test, difference, reliability, learn = _tested(rows, pd.Timestamp(tables.as_of))
    running = rows[(rows["outcome"] == OPEN) & rows["left_at"].isna()].sort_values(["opportunity_id", "place"])
    running = running.drop_duplicates("opportunity_id", keep="last")
    known = rows[rows["outcome"] != OPEN]
    if difference[2] < 0 and len(running):
        probability = learn(known)(running)
    else:
        probability = base.reindex(running["place"]).to_numpy(dtype=float)
    days = (pd.Timestamp(tables.as_of) + pd.Timedelta(days=1) - running["entered_at"]).dt.total_seconds().to_numpy() / 86_400
    long = stages.set_index("place")["days_long"].reindex(running["place"]).to_numpy(dtype=float)
    reasons: list = [LONG_REASON if d > limit else None for d, limit in zip(days, long, strict=True)]
    for traits in groups["traits"]:
        reasons = [traits if within else reason for within, reason in zip(_inside(running, traits), reasons, strict=True)]
    out = pd.DataFrame(
        {
            "opportunity_id": running["opportunity_id"].to_numpy(),
            "customer_id": running["customer_id"].to_numpy(),
            "stage": running["stage"].to_numpy(dtype=object),
            "owner": running["owner"].to_numpy(dtype=object),
            "days_in_stage": np.floor(days),
            "win_probability": probability,
            "stated_probability": running["stated"].to_numpy(dtype=float),
            "amount": running["amount"].to_numpy(dtype=float),
            "drop_reason": pd.Series(reasons, dtype=object, index=running.index).to_numpy(),
        }
    ).sort_values(["win_probability", "opportunity_id"], ignore_index=True)
    won = int((decided["outcome"] == WON).sum())
    return Opportunities(
        stages.drop(columns="place"), groups, test, difference, reliability, out, won, len(decided) - won,
        table["created_at"].min().date(), tables.as_of, int((visits["left_at"] < visits["entered_at"]).sum()),
    )  # fmt: skip


def _read(tables: Tables) -> pd.DataFrame:
    """One row per opportunity with its outcome, the traits of its customer, and missing columns as missing values."""
    deals = tables.opportunities
    wanted = {"customer_id": "string", "stage": "string", "owner": "string", "amount": "float64"}
    columns = {c: deals[c].cast(t) if c in deals.columns else ibis.null(t) for c, t in wanted.items()}
    stated = deals.win_probability.cast("float64") if "win_probability" in deals.columns else ibis.null("float64")
    said = deals.status.strip().lower()
    end = dt.datetime.combine(tables.as_of + dt.timedelta(days=1), dt.time())
    closed = deals.closed_at.notnull() & (deals.closed_at < end)
    outcome = ibis.cases(
        (closed & said.isin(WORDS[WON]), WON), (closed & said.isin(WORDS[LOST]), LOST), else_=OPEN
    )  # what was decided later was open on the day
    deals = deals.select(
        "opportunity_id", "created_at", closed_at=ibis.ifelse(closed, deals.closed_at, ibis.null("timestamp")), outcome=outcome,
        stated=stated, **columns,
    )  # fmt: skip
    traits = [t for t in TRAITS if t in tables.customers.columns]
    if traits:
        known = tables.customers.select(known_id="customer_id", **{t: tables.customers[t] for t in traits})
        deals = deals.left_join(known, deals.customer_id == known.known_id).drop("known_id")
    out = frame(deals, by=["opportunity_id"])
    return out.assign(**{t: None for t in TRAITS if t not in traits}).drop(columns="stage")


def _visits(tables: Tables, table: pd.DataFrame) -> pd.DataFrame:
    """One row per opportunity and stage: opportunity_id, stage, place (of the stage), entered_at, left_at, passed.

    Stages stand in the order in which opportunities enter them, by their mean number within an opportunity. Where there is no
    history there is one stage without a name, from opening to closing.
    """
    won = table.set_index("opportunity_id")["outcome"] == WON
    if tables.missing("stage_history"):
        one = table[["opportunity_id", "created_at", "closed_at"]].set_axis(["opportunity_id", "entered_at", "left_at"], axis=1)
        one = one.assign(stage=None, place=0, passed=won.to_numpy())
        return one[["opportunity_id", "stage", "place", "entered_at", "left_at", "passed"]]
    history = tables.stage_history
    left = history.left_at if "left_at" in history.columns else ibis.null("timestamp")
    end = dt.datetime.combine(tables.as_of + dt.timedelta(days=1), dt.time())
    history = history.select(
        "opportunity_id", "stage", "entered_at", left_at=ibis.ifelse(left < end, left, ibis.null("timestamp"))
    )
    history = history.semi_join(tables.opportunities, "opportunity_id")
    rows = frame(history, by=["opportunity_id", "entered_at", "stage"])
    ends = {*WORDS[WON], *WORDS[LOST]}
    rows = rows[~rows["stage"].str.strip().str.lower().isin(ends)].reset_index(drop=True)
    number = rows.groupby("opportunity_id").cumcount()
    ranks = number.groupby(rows["stage"]).mean().reset_index(name="mean").sort_values(["mean", "stage"])["stage"].tolist()
    rows["place"] = rows["stage"].map({s: k for k, s in enumerate(ranks)})
    following = rows.groupby("opportunity_id")[["place", "entered_at"]].shift(-1)
    closed = rows["opportunity_id"].map(table.set_index("opportunity_id")["closed_at"])
    rows["left_at"] = rows["left_at"].fillna(following["entered_at"]).fillna(closed)
    last = following["place"].isna()
    rows["passed"] = np.where(last, rows["opportunity_id"].map(won).fillna(False), following["place"] > rows["place"]).astype(
        bool
    )
    return rows[["opportunity_id", "stage", "place", "entered_at", "left_at", "passed"]]


def _stages(visits: pd.DataFrame) -> pd.DataFrame:
    end = visits[["entered_at", "left_at"]].max().max()
    rows = []
    for place, part in visits.groupby("place"):
        left = part["left_at"].notna()
        n, k = int(left.sum()), int((left & part["passed"]).sum())
        days = (part["left_at"].fillna(end) - part["entered_at"]).dt.total_seconds().to_numpy() / 86_400
        known = days >= 0
        went = (left & part["passed"]).to_numpy() & known
        low, high = wilson(k, n)
        rows.append(
            {
                "place": place,
                "stage": part["stage"].iloc[0],
                "left_stage": n,
                "passed": k,
                "passed_share": k / n if n else np.nan,
                "passed_low": float(low),
                "passed_high": float(high),
                "days_median": _survived(days[known], left.to_numpy()[known], 0.5),
                "days_long": float(np.quantile(days[went], LONG)) if went.sum() >= GROUP else np.nan,
            }
        )
    out = pd.DataFrame(rows).sort_values("place", ignore_index=True)
    out["stage"] = out["stage"].astype(object).where(out["stage"].notna(), None)
    out["win_from_stage"] = out["passed_share"][::-1].cumprod()[::-1]
    return out


def _survived(days: np.ndarray, ended: np.ndarray, share: float) -> float:
    """Days after which *share* have ended, by Kaplan and Meier; NaN where fewer ever do."""
    order = np.argsort(days, kind="stable")
    days, ended = days[order], ended[order]
    times, first = np.unique(days, return_index=True)
    at_risk = len(days) - first
    ends = np.add.reduceat(ended.astype(int), first) if len(days) else np.array([])
    remaining = np.cumprod(1 - ends / np.maximum(at_risk, 1))
    reached = np.flatnonzero(remaining <= share + 1e-12)
    return float(times[reached[0]]) if len(reached) else np.nan


def _groups(rows: pd.DataFrame) -> pd.DataFrame:
    """Levels of one or two traits whose opportunities are won at most half as often as the others, one after the other."""
    from scipy.stats import false_discovery_control, norm

    columns = ["traits", "decided", "won", "won_share", "won_low", "won_high", "others_won", "p_value"]
    found = []
    fields = [f for f in TRAITS if rows[f].notna().any()]
    while True:
        decided = rows[rows["outcome"] != OPEN].drop_duplicates("opportunity_id")
        won = decided["outcome"] == WON
        left = rows[rows["left_at"].notna()]
        everybody = left.groupby("place")["passed"].agg(["size", "sum"])
        total, all_won = len(decided), int(won.sum())
        candidates = []
        for chosen in [list(c) for k in (1, 2) for c in itertools.combinations(fields, k)]:
            by_stage = left.groupby([*chosen, "place"])["passed"].agg(["size", "sum"])
            for level, (n, m) in won.groupby([decided[f] for f in chosen]).agg(["size", "sum"]).iterrows():
                if GROUP <= n <= total - GROUP:
                    traits = tuple(zip(chosen, level if len(chosen) == 2 else [level], strict=True))
                    candidates.append(
                        (float(norm.cdf(_below(by_stage.loc[level], everybody))), len(chosen), traits, int(n), int(m))
                    )
        if not candidates:
            break
        q = false_discovery_control([c[0] for c in candidates], method="bh")
        named = []
        for (p, k, traits, n, m), q_value in zip(candidates, q, strict=True):
            others = (all_won - m) / (total - n)
            if q_value <= FALSE_DISCOVERY_RATE and m / n <= MUCH_LOWER * others:
                named.append((p, k, traits, n, m, others))
        if not named:
            break
        p, _k, traits, n, m, others = min(named)
        low, high = wilson(m, n)
        found.append((traits, n, m, m / n, float(low), float(high), others, p))
        rows = rows[~_inside(rows, traits)]
    return pd.DataFrame(found, columns=columns)


def _below(group: pd.DataFrame, everybody: pd.DataFrame) -> float:
    """By how many standard errors fewer of a group go on, over all stages (Mantel and Haenszel 1959, corrected by one half).

    One stage after the other, not won or lost: a group that fails early shows it in every stage that it reaches.
    """
    all_, passed = (everybody[c].reindex(group.index).to_numpy(dtype=float) for c in ("size", "sum"))
    n, m = group["size"].to_numpy(dtype=float), group["sum"].to_numpy(dtype=float)
    expected = n * passed / all_
    variance = np.sum(n * (all_ - n) * passed * (all_ - passed) / (all_**2 * np.maximum(all_ - 1, 1)))
    return float((m.sum() - expected.sum() + 0.5) / np.sqrt(variance)) if variance > 0 else 0.0


def _inside(rows: pd.DataFrame, traits: tuple[tuple[str, str], ...]) -> np.ndarray:
    return np.logical_and.reduce([rows[f].to_numpy(dtype=object) == level for f, level in traits])


def _tested(rows: pd.DataFrame, as_of: pd.Timestamp):
    """Brier scores on later opportunities, their difference, the reliability of the better one, and what learns a model."""
    from sklearn.linear_model import LogisticRegression

    fields = ["stage", *[f for f in (*TRAITS, "owner") if rows[f].notna().any()]]

    def learn(known: pd.DataFrame):
        """A function from rows to probabilities, learned from decided opportunities."""
        kept = {f: [v for v, n in known[f].value_counts().sort_index().items() if n >= GROUP] for f in fields}

        groups = _groups(known)["traits"]

        def features(some: pd.DataFrame) -> np.ndarray:
            single = [some[f] == v for f in fields for v in kept[f]]
            return np.column_stack([np.ones(len(some)), *single, *(_inside(some, traits) for traits in groups)]).astype(float)

        model = LogisticRegression(C=1.0, max_iter=1000).fit(features(known), known["outcome"] == WON)
        return lambda some: model.predict_proba(features(some))[:, 1]

    empty = pd.DataFrame(columns=["predictor", "opportunities", "brier"])
    nothing = (np.nan, np.nan, np.nan)
    curve = pd.DataFrame(columns=["foretold", "seen", "seen_low", "seen_high", "opportunities"])
    decided = rows[rows["outcome"] != OPEN]
    # Of the latest only the quick ones are decided, which are mostly lost: they are left out.
    cycle = (decided["closed_at"] - decided["created_at"]).quantile(LONG)
    mature = decided[decided["created_at"] <= as_of - cycle]
    opened = mature.drop_duplicates("opportunity_id")["created_at"]
    if len(opened) < 2 * TESTED:
        return empty, nothing, curve, learn
    split = opened.sort_values().iloc[int(0.6 * len(opened))]
    train, later = mature[mature["closed_at"] < split], mature[mature["created_at"] >= split]
    enough = min(train["opportunity_id"].nunique(), later["opportunity_id"].nunique()) >= TESTED
    if not enough or train["outcome"].nunique() < 2:
        return empty, nothing, curve, learn
    won = (later["outcome"] == WON).to_numpy(dtype=float)
    from_stage = _stages(train).set_index("place")["win_from_stage"]
    stage = from_stage.reindex(later["place"]).fillna(from_stage.mean()).to_numpy(dtype=float)
    model = learn(train)(later)
    scores = {BASE: (stage - won) ** 2, MODEL: (model - won) ** 2}
    each = pd.Series(scores[MODEL] - scores[BASE], index=later["opportunity_id"]).groupby(level=0).sum()
    n = len(each)
    # Stages of one opportunity share an outcome, so opportunities are what varies.
    mean = float(each.sum() / len(later))
    error = Z * float(each.std(ddof=1)) * np.sqrt(n) / len(later)
    test = pd.DataFrame([(name, n, float(s.mean())) for name, s in scores.items()], columns=empty.columns)
    difference = (mean, mean - error, mean + error)
    best = model if difference[2] < 0 else stage
    order = np.argsort(best, kind="stable")
    bins = []
    for part in np.array_split(order, BINS):
        low, high = wilson(won[part].sum(), len(part))
        bins.append((best[part].mean(), won[part].mean(), float(low), float(high), len(part)))
    return test, difference, pd.DataFrame(bins, columns=curve.columns), learn
