"""What a brand is worth to those who were asked: known, considered, bought, preferred; and what the choice between brands hangs
on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import Z, holm, newcombe, wilson
from fivestep.language import N_, _
from fivestep.needs.drivers import MOST_EXACT, PER_DRIVER, relative_importance
from fivestep.needs.semantic_profile import parts_of
from fivestep.needs.survey import AWARENESS, CONSIDERATION, DIFFERENTIAL, PREFERENCE, USE, Survey, own_brand

STAGES = {
    AWARENESS: N_("Know it"), CONSIDERATION: N_("Consider it"), USE: N_("Bought it lately"), PREFERENCE: N_("Prefer it"),
}  # fmt: skip
FEWEST, FEW = 10, 30
FEWEST_OF_SEGMENT = 15  # respondents below which a segment has no correlation of its own
FALSE_DISCOVERY_RATE = SIGNIFICANT = 0.05
_ANSWERS = N_("how many know, consider, buy and prefer the brand, beside its competitors")
_CHOICE = N_("what the choice of a brand hangs on, in each segment")


@dataclass(frozen=True)
class BrandFunnel:
    """Shares of the respondents at every stage, by brand.

    ``table``: one row per brand and stage that was asked, own brand first: brand, stage, answers, share with ``_low`` and
    ``_high``
    (Wilson), carried (of those at the stage before, the share at this one; NaN at the first) with ``_low`` and ``_high``.
    ``waves``:
    the same shares by quarter of the answer, for quarters with ten answers: wave (its first day), brand, stage, answers, share,
    change (against the wave before) with ``_low`` and ``_high`` (Newcombe), p_value (Fisher), p_holm. ``own``: the client's
    brand.
    """

    table: pd.DataFrame
    waves: pd.DataFrame
    own: str
    declared: bool
    survey: Survey

    def figure(self) -> Figure:
        """Shares as a grid: brands by stages."""
        grid = self.table.pivot(index="brand", columns="stage", values="share")
        grid = grid.reindex(
            index=list(dict.fromkeys(self.table["brand"])), columns=[s for s in STAGES if s in set(self.table["stage"])]
        )
        named = grid.rename(index=self.survey.label, columns=lambda s: _(STAGES[s]))
        return charts.heatmap(named, write=lambda v: language.percent(v, 0))

    def shown(self) -> pd.DataFrame:
        """The stages as a reader sees them, and the change since the wave before where there is one."""
        t = self.table
        out = pd.DataFrame(
            {
                "brand_asked": [self.survey.label(b) for b in t["brand"]],
                "brand_stage": [STAGES[s] for s in t["stage"]],
                "brand_answers": t["answers"],
                "brand_share": t["share"],
                "brand_share_low": t["low"],
                "brand_share_high": t["high"],
                "brand_carried": t["carried"],
                "brand_carried_low": t["carried_low"],
                "brand_carried_high": t["carried_high"],
            }
        )
        if len(self.waves):
            last = self.waves[self.waves["wave"] == self.waves["wave"].max()].set_index(["brand", "stage"])
            keys = list(zip(t["brand"], t["stage"], strict=True))
            for name, column in (
                ("change", "brand_change"),
                ("change_low", "brand_change_low"),
                ("change_high", "brand_change_high"),
            ):
                out[column] = [last[name].get(k, math.nan) for k in keys]
        return out

    def weakest(self) -> pd.Series | None:
        """The stage at which the own brand keeps the smallest share of those at the stage before."""
        own = self.table[(self.table["brand"] == self.own) & self.table["carried"].notna()]
        return None if own.empty else own.iloc[int(np.argmin(own["carried"].round(9).to_numpy()))]

    def headline(self) -> str:
        """Where the own brand loses most."""
        name, weak = self.survey.label(self.own), self.weakest()
        own = self.table[self.table["brand"] == self.own]
        if weak is None:
            return _("{name}: {stage}, {share} of who were asked").format(
                name=name, stage=_(STAGES[own.stage.iloc[0]]), share=language.percent(own["share"].iloc[0])
            )
        if weak["carried"] >= 1:
            return _("{name}: nobody is lost from stage to stage").format(name=name)
        stages = list(own["stage"])
        before = stages[stages.index(weak["stage"]) - 1]
        return _("{name} loses most between “{before}” and “{stage}”: {share} go on").format(
            name=name, before=_(STAGES[before]), stage=_(STAGES[weak.stage]), share=language.percent(weak["carried"])
        )

    def moved(self) -> pd.DataFrame:
        """Changes from the wave before the last to the last that are more than chance."""
        if self.waves.empty:
            return self.waves
        last = self.waves[self.waves["wave"] == self.waves["wave"].max()]
        return last[last["p_holm"] < SIGNIFICANT]

    def table_headline(self) -> str:
        """What has changed since the wave before."""
        if self.waves.empty:
            return _("Stages of {n} brands").format(n=language.number(self.table["brand"].nunique()))
        moved = self.moved()
        if moved.empty:
            return _("No brand has clearly moved since the wave before")
        return _("Since the wave before: {changes}").format(
            changes=language.listing(
                [
                    _("{brand} “{stage}” {points} points").format(
                        brand=self.survey.label(row.brand),
                        stage=_(STAGES[row.stage]),
                        points=_("+{n}").format(n=language.number(100 * row.change))
                        if row.change > 0
                        else language.number(100 * row.change),
                    )
                    for row in moved.itertuples()
                ]
            )
        )

    def note(self) -> str:
        """Base and definitions."""
        parts = [
            _(
                "Base: respondents who were asked about the brand, the last answer of each customer; intervals 95% "
                "(Wilson). Carried on: "
                "of those at the stage before."
            )
        ]
        if len(self.waves):
            parts.append(
                _(
                    "Change: the last quarter with answers less the one before it, all answers of the quarter, interval 95% "
                    "(Newcombe); clear by Fisher's test, Holm's correction."
                )
            )
        if not self.declared:
            parts.append(
                _(
                    "{name} counts as the own brand as most answered about it; own_brand in survey.yml says which is yours."
                ).format(name=self.survey.label(self.own))
            )
        return " ".join(parts)

    def finding(self) -> Finding:
        """The share of the respondents at the last stage of the own brand."""
        own = self.table[self.table["brand"] == self.own].iloc[-1]
        few = int(self.table["answers"].min()) < FEW
        warnings = [_("Customers were asked: among others fewer know and prefer the brand.")]
        if few:
            warnings.append(_("Few answers: {n}.").format(n=language.number(self.table["answers"].min())))
        return Finding(
            key="needs.brand_preference",
            value=float(own["share"]),
            unit="share",
            display=language.percent(own["share"]),
            text=language.sentence(self.headline()),
            evidence=_("{stage}: {share} ({low} to {high}) of {n}. {changes}").format(
                stage=_(STAGES[own.stage]),
                share=language.percent(own["share"]),
                low=language.percent(own["low"]),
                high=language.percent(own["high"]),
                n=language.number(own["answers"]),
                changes=language.sentence(self.table_headline()),
            ),
            so_what=_("Work on the stage at which most are lost, and ask the same questions every half year."),
            confidence="low" if few else "medium",
            warnings=tuple(warnings),
            assumptions=(self.note(),),
        )


@needs("survey", answers=_ANSWERS)
def brand_funnel(tables: Tables, survey: Survey) -> BrandFunnel | NotAvailable:
    """Awareness, consideration, use and preference of every brand asked about, what each stage keeps, and changes between
    quarters.

    Brands with at least ten answers. Source: Keller (1993), Conceptualizing, measuring, and managing customer-based brand equity;
    Wilson (1927); Newcombe (1998).
    """
    brands = sorted({b for stage in STAGES for b in survey.subjects(stage)})
    asked = {b: [s for s in STAGES if survey.asks(s, b)] for b in brands}
    sizes = pd.Series({b: int(survey.table[[(b, s) for s in asked[b]]].notna().any(axis=1).sum()) for b in brands}, dtype=float)
    brands = [b for b in brands if sizes[b] >= FEWEST]
    if not brands:
        reason = _("the survey does not ask {n} customers whether they know, consider, buy or prefer a brand.").format(
            n=language.number(FEWEST)
        )
        return NotAvailable((), _(_ANSWERS), reason=reason)
    own, declared = own_brand(survey, brands, sizes)
    brands = [own, *(b for b in sorted(brands, key=lambda b: (-sizes[b], b)) if b != own)]
    rows, waves = [], []
    for brand in brands:
        answered = survey.table[survey.table[[(brand, s) for s in asked[brand]]].notna().any(axis=1)]
        answered = answered.sort_values(["answered_at", "response_id"], kind="stable")
        last = answered[~(answered["customer_id"].notna() & answered.duplicated("customer_id", keep="last"))]
        before = None
        for stage in asked[brand]:
            values = last[(brand, stage)]
            row = {"brand": brand, "stage": stage, **_share(values)}
            kept = {"share": math.nan, "low": math.nan, "high": math.nan} if before is None else _share(values[before == 1])
            rows.append({**row, **{f"carried{end}": kept[k] for end, k in (("", "share"), ("_low", "low"), ("_high", "high"))}})
            waves += _waves(brand, stage, answered[["answered_at", (brand, stage)]])
            before = values
    table, changes = pd.DataFrame(rows), pd.DataFrame(waves)
    if len(changes):
        changes["p_holm"] = holm(changes["p_value"].dropna()).reindex(changes.index)
    return BrandFunnel(table[table["answers"] > 0].reset_index(drop=True), changes, own, declared, survey)


def _share(values: pd.Series) -> dict[str, float]:
    known = values.dropna()
    n, yes = len(known), int((known == 1).sum())
    low, high = wilson(yes, n)
    return {"answers": n, "share": yes / n if n else math.nan, "low": float(low), "high": float(high)}


def _waves(brand: str, stage: str, answered: pd.DataFrame) -> list[dict]:
    """The shares of the last two quarters with ten answers; empty where there are not two."""
    from scipy.stats import fisher_exact

    known = answered.dropna()
    if known.empty:
        return []
    quarter = pd.to_datetime(known["answered_at"]).dt.to_period("Q")
    counts = known[(brand, stage)].groupby(quarter).agg(["size", "sum"])
    counts = counts[counts["size"] >= FEWEST].sort_index().tail(2)
    if len(counts) < 2:
        return []
    (n, x), (m, y) = counts.to_numpy().tolist()
    low, high = newcombe(y, m, x, n)
    out = []
    for wave, size, yes in zip(counts.index, counts["size"], counts["sum"], strict=True):
        row = {"wave": wave.start_time, "brand": brand, "stage": stage, "answers": int(size), "share": yes / size}
        out.append({**row, "change": math.nan, "change_low": math.nan, "change_high": math.nan, "p_value": math.nan})
    p = float(fisher_exact([[y, m - y], [x, n - x]])[1])
    out[-1] |= {"change": y / m - x / n, "change_low": low, "change_high": high, "p_value": p}
    return out


@dataclass(frozen=True)
class BrandChoice:
    """What the preference for the own brand hangs on.

    ``table``: one row per pair of opposites, most important first: pair, lmg (share of R² of preferring the own brand) with
    ``_low`` and
    ``_high``, correlation. ``segments``: one row per pair and segment (``""`` is all): pair, segment, answers, correlation,
    low, high.
    ``differs``: pair -> q of the test that the correlation is the same in all segments. ``rival``: the object that the own
    brand's image is held against; empty where only the own was rated.
    """

    table: pd.DataFrame
    segments: pd.DataFrame
    differs: dict[str, float]
    r2: float
    answers: int
    rival: str
    survey: Survey

    def label(self, pair: str) -> str:
        """A pair of opposites as the reader sees it."""
        return self.survey.label(pair).replace(" ~ ", " – ")

    def figure(self) -> Figure:
        """Share of every pair with its interval."""
        t = self.table
        return charts.intervals(
            [self.label(p) for p in t["pair"]],
            t["lmg"],
            t["lmg_low"],
            t["lmg_high"],
            write=language.percent,
            reference=1 / len(t),
            reference_label=_("Equal shares"),
            xlabel=_("Share of the explained variance"),
        )

    def by_segment(self) -> Figure:
        """Correlations as a grid: pairs by all and each segment, with the number of respondents."""
        t = self.segments
        names = {
            s: _("{segment} ({n})").format(segment=_(s) if s else _("All"), n=language.number(n))
            for s, n in t.groupby("segment", sort=False)["answers"].max().items()
        }
        grid = t.pivot(index="pair", columns="segment", values="correlation").reindex(
            index=list(self.table["pair"]), columns=list(names)
        )
        return charts.heatmap(grid.rename(index=self.label, columns=names), write=lambda v: language.number(v, 2))

    def headline(self) -> str:
        """The image on which the choice hangs most."""
        top = self.table.iloc[0]
        return _("The choice hangs most on {pair}: {share} of what the image explains").format(
            pair=self.label(top["pair"]), share=language.percent(top["lmg"])
        )

    def segment_headline(self) -> str:
        """Whether segments choose by other things."""
        found = [self.label(p) for p in self.table["pair"] if self.differs.get(p, 1.0) <= FALSE_DISCOVERY_RATE]
        if not self.differs:
            return _("What the choice hangs on; segments are too small to compare")
        if not found:
            return _("No difference between segments in what the choice hangs on is more than chance")
        return _("Segments choose differently by: {pairs}").format(pairs=language.listing(found))

    def note(self) -> str:
        """Outcome, predictors, base."""
        parts = [
            _(
                "Outcome: the own brand is the first choice. By: rating of the own brand less that of {rival}, pair by "
                "pair. LMG shares "
                "of R² {r2}, bootstrap intervals 95%; base: {n} respondents."
            ).format(rival=self.survey.label(self.rival), r2=language.percent(self.r2), n=language.number(self.answers))
            if self.rival
            else _(
                "Outcome: the own brand is the first choice. By: rating of the own brand, pair by pair. LMG shares of "
                "R² {r2}, bootstrap "
                "intervals 95%; base: {n} respondents."
            ).format(r2=language.percent(self.r2), n=language.number(self.answers)),
            _(
                "By segment: correlations with Fisher's interval; equality by the chi-square test on Fisher's z, false "
                "discovery rate "
                "5%; segments with fewer than {n} respondents are left out."
            ).format(n=language.number(FEWEST_OF_SEGMENT)),
        ]
        return " ".join(parts)

    def finding(self) -> Finding:
        """The share of the first pair."""
        t = self.table
        top = t.iloc[0]
        apart = len(t) < 2 or top["lmg_low"] > t["lmg_high"].iloc[1]
        return Finding(
            key="needs.choice_driver_share",
            value=float(top["lmg"]),
            unit="share",
            display=language.percent(top["lmg"]),
            text=language.sentence(self.headline()),
            evidence=_("{low} to {high}; R² {r2}; {n} respondents. {segments}").format(
                low=language.percent(top["lmg_low"]),
                high=language.percent(top["lmg_high"]),
                r2=language.percent(self.r2),
                n=language.number(self.answers),
                segments=language.sentence(self.segment_headline()),
            ),
            so_what=_("Make {pair} the first message, to those segments for whom it counts.").format(pair=self.label(top["pair"]))
            if apart
            else _("{pair} cannot be told from the next one: choose between them by cost.").format(pair=self.label(top["pair"])),
            confidence="medium" if apart and self.answers >= 100 and self.r2 >= 0.1 else "low",
            warnings=(_("Who prefers a brand also rates it better: the image need not be the reason for the choice."),),
            assumptions=(self.note(),),
        )


@needs("survey", answers=_CHOICE)
def brand_choice(tables: Tables, survey: Survey, segments: pd.DataFrame) -> BrandChoice | NotAvailable:
    """LMG shares of the own brand's image (less that of the competitor most rated) in its being preferred, and by value tier.

    Linear probability; the last answer of each customer who rated every pair. Refused with fewer than 30 respondents or five
    for each pair, or fewer than ten on one side of the choice.

    Source: Grömping (2007), The American Statistician 61(2); Fisher (1921); Benjamini and Hochberg (1995).
    """
    brands = survey.subjects(PREFERENCE)
    pairs = [parts_of(s) for s in survey.subjects(DIFFERENTIAL)]
    things = sorted({t for t, _pair in pairs if t})
    if not brands or not things:
        reason = _("the survey does not ask both how a brand is seen and whether it is preferred.")
        return NotAvailable((), _(_CHOICE), reason=reason)
    sizes = pd.Series(
        {t: survey.table[[(f"{t}/{p}", DIFFERENTIAL) for x, p in pairs if x == t]].notna().any(axis=1).sum() for t in things}
    )
    own, _said = own_brand(survey, things, sizes)
    if own not in brands:
        return NotAvailable((), _(_CHOICE), reason=_("the survey does not ask whether the own brand is preferred."))
    others = sorted((t for t in things if t != own), key=lambda t: (-sizes[t], t))
    rival = others[0] if others else ""
    kept = [p for t, p in pairs if t == own and (not rival or (rival, p) in pairs)][:MOST_EXACT]
    columns = [(f"{t}/{p}", DIFFERENTIAL) for t in ([own, rival] if rival else [own]) for p in kept]
    full, _earlier = survey.last((own, PREFERENCE), *columns)
    chosen = full[(own, PREFERENCE)].to_numpy(dtype=float)
    enough = max(30, PER_DRIVER * len(kept))
    if len(kept) < 2 or len(full) < enough or min(chosen.sum(), (1 - chosen).sum()) < FEWEST:
        reason = _("fewer than {n} respondents rated all pairs, or fewer than {few} of them chose one way.").format(
            n=language.number(enough), few=language.number(FEWEST)
        )
        return NotAvailable((), _(_CHOICE), reason=reason)
    image = full[[(f"{own}/{p}", DIFFERENTIAL) for p in kept]].to_numpy(dtype=float)
    if rival:
        image = image - full[[(f"{rival}/{p}", DIFFERENTIAL) for p in kept]].to_numpy(dtype=float)
    varies = image.std(axis=0) > 0
    kept, image = [p for p, v in zip(kept, varies, strict=True) if v], image[:, varies]
    if len(kept) < 2:
        return NotAvailable((), _(_CHOICE), reason=_("all respondents rated the pairs alike."))
    data = np.column_stack([image, chosen])
    estimate, ends = relative_importance(data)
    table = pd.DataFrame(
        {"pair": kept, "lmg": estimate["lmg"][0], "lmg_low": ends["lmg"][0], "lmg_high": ends["lmg"][1],
         "correlation": np.corrcoef(data, rowvar=False)[:-1, -1]}
    )  # fmt: skip
    table["_order"] = -table["lmg"].round(9)
    table = table.sort_values(["_order", "pair"], ignore_index=True).drop(columns="_order")
    rows, differs = _by_segment(list(table["pair"]), kept, data, full["customer_id"], segments)
    return BrandChoice(table, rows, differs, float(estimate["r2"][0, 0]), len(data), rival, survey)


def _by_segment(
    order: list[str], kept: list[str], data: np.ndarray, customers: pd.Series, segments: pd.DataFrame
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Correlations of every pair with the choice, of all and by value tier, and q of their equality."""
    from scipy.stats import chi2, false_discovery_control

    groups = {"": np.ones(len(data), dtype=bool)}
    tier = customers.map(segments.drop_duplicates("customer_id").set_index("customer_id")["value_tier"]).to_numpy(dtype=object)
    for name in sorted({t for t in tier if isinstance(t, str)}):
        inside = tier == name
        if inside.sum() >= FEWEST_OF_SEGMENT and 0 < data[inside, -1].mean() < 1:
            groups[name] = inside
    rows, ps = [], {}
    for pair in order:
        j, zs = kept.index(pair), []
        for name, inside in groups.items():
            x, y = data[inside, j], data[inside, -1]
            if x.std() == 0 or y.std() == 0:
                continue
            r = float(np.clip(np.corrcoef(x, y)[0, 1], -1 + 1e-9, 1 - 1e-9))
            z, error = math.atanh(r), 1 / math.sqrt(len(x) - 3)
            rows.append(
                {"pair": pair, "segment": name, "answers": len(x), "correlation": r,
                 "low": math.tanh(z - Z * error), "high": math.tanh(z + Z * error)}
            )  # fmt: skip
            if name:
                zs.append((z, len(x) - 3))
        if len(zs) > 1:
            value, weight = np.array(zs).T
            q = float((weight * (value - (weight * value).sum() / weight.sum()) ** 2).sum())
            ps[pair] = float(chi2.sf(q, len(zs) - 1))
    if not ps:
        return pd.DataFrame(rows), {}
    return pd.DataFrame(rows), dict(
        zip(ps, (float(q) for q in false_discovery_control(list(ps.values()), method="bh")), strict=True)
    )
