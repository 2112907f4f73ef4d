"""BG/NBD with its whole posterior and with traits of the customers, sampled by pymc-marketing, which is installed on request."""

from __future__ import annotations

import importlib.util
import logging
import math
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame
from fivestep.errors import UserError
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import Z
from fivestep.language import N_, _
from fivestep.segmentation.clv.backtest import YEAR
from fivestep.segmentation.clv.bg_nbd import BgNbd
from fivestep.segmentation.clv.customer_value import CustomerValue, identified
from fivestep.segmentation.clv.forecast import Moments, moments

ANSWERS = N_("how sure the parameters of BG/NBD are, and what traits of the customers change")
NAME, MODEL = "BG/NBD", N_("Model")
CHAINS = 4
MOST_R_HAT, LEAST_ESS, MOST_DIVERGENT = 1.01, 400, 0.01  # Vehtari and others (2021): R-hat below 1.01, 100 draws a chain
MOST = 3000  # customers who are drawn to learn the parameters from: their posterior is narrow by then
USED = 60  # draws of the posterior that the values of customers are averaged over
LEAST = 30  # customers of a group of a trait; smaller ones are one group
GROUPS = 12
OTHER, NOT_KNOWN = "Other", "Unknown"
RATE, STOPPING = N_("Purchase rate"), N_("Chance of stopping")
PARAMETERS = ("r", "alpha", "a", "b")


@dataclass(frozen=True)
class ClvPosterior:
    """Posterior of BG/NBD, and the customers' values averaged over it.

    ``table``: one row per parameter (r, alpha, a, b; with traits those of the reference groups), and per group of each trait the
    factors on purchase rate and chance of stopping against the reference: posterior_of, parameter, posterior_mean,
    posterior_low, posterior_high (95 %), estimate (maximum likelihood; missing with traits), r_hat, effective_draws. ``value``:
    the `CustomerValue` of these parameters, which takes the place of the point fit. ``point``: the total of the point fit.
    ``drawn``: customers that the parameters were learnt from.
    """

    table: pd.DataFrame
    value: CustomerValue
    point: float
    traits: tuple[str, ...]
    draws: int
    drawn: int

    def headline(self) -> str:
        """What the customers are expected to bring, and how sure the parameters are."""
        return _("All draws of the posterior together: {total} to come ({low} to {high}); the point fit says {point}").format(
            total=language.short_money(self.value.total), low=language.short_money(self.value.total_low),
            high=language.short_money(self.value.total_high), point=language.short_money(self.point),
        )  # fmt: skip

    def note(self) -> str:
        """Model, priors, diagnostics."""
        out = _(
            "BG/NBD sampled by NUTS (pymc-marketing): {chains} chains of {draws} draws on {n} customers, weak priors (r and "
            "alpha log-normal with a spread of 2, the mean chance of stopping uniform). Largest R-hat {r_hat} (refused above "
            "{most}), fewest effective draws {ess} (refused below {least}). Intervals: 95%. Values: mean over {used} draws; "
            "spend per purchase as in the point fit."
        ).format(
            chains=CHAINS, draws=language.number(self.draws), n=language.number(self.drawn), used=USED,
            r_hat=language.number(self.table["r_hat"].max(), 3), most=language.number(MOST_R_HAT, 2),
            ess=language.number(int(self.table["effective_draws"].min())), least=language.number(LEAST_ESS),
        )  # fmt: skip
        if self.traits:
            out += " " + _(
                "Traits: {traits}. A factor of 1 changes nothing; r, alpha, a and b are those of the reference groups. An effect "
                "is association, not cause."
            ).format(traits=language.listing([_trait(t) for t in self.traits]))
        return out

    def finding(self) -> Finding:
        """The strongest trait, or that the point fit holds."""
        clear = self.clear()
        share = self.value.total / self.point - 1 if self.point else math.nan
        said = _("The posterior puts what customers will bring {share} from the point fit").format(
            share=language.percent(abs(share), 1) if not math.isnan(share) else "–"
        )
        if len(clear):
            said = _("{n} differences between groups in how often customers buy or stop are clear of chance").format(
                n=language.number(len(clear))
            )
        return Finding(
            key="segmentation.clv_posterior",
            value=float(len(clear)) if self.traits else (0.0 if math.isnan(share) else share),
            unit="count" if self.traits else "share",
            display=language.number(len(clear)) if len(clear) else "",
            text=language.sentence(said),
            evidence=f"{language.sentence(self.headline())} {self.note()}",
            so_what=_("Use the intervals where money hangs on the level; for a ranking the point fit does as well.")
            if not len(clear)
            else _("Judge new customers by the groups whose interval leaves out 1 until they have a history of their own."),
            confidence="medium",
            warnings=self.warnings(),
        )

    def clear(self) -> pd.DataFrame:
        """Rows of groups whose interval leaves out a factor of 1."""
        effects = self.table[self.table["posterior_of"] != MODEL]
        return effects[(effects["posterior_low"] > 1) | (effects["posterior_high"] < 1)]

    def warnings(self) -> tuple[str, ...]:
        """That another model forecast better, where one did."""
        chosen = self.value.test.chosen
        if chosen == NAME:
            return ()
        return (
            _("In the test on days held back {chosen} was chosen before BG/NBD: the posterior is that of BG/NBD.").format(
                chosen=chosen
            ),
        )


def clv_posterior(
    tables: Tables, value: CustomerValue | NotAvailable, *, covariates: Sequence[str] = (), draws: int = 1000, seed: int = 1
) -> ClvPosterior | NotAvailable:
    """Sample BG/NBD for the customers of *value*, with the fields of customers named in *covariates* (groups, not numbers).

    Purchase rate and chance of stopping differ by group (a customer without a value is in a group Unknown, groups under 30
    customers are one group). `NotAvailable` where pymc-marketing is not installed or the chains did not converge: R-hat above
    1.01, fewer than 400 effective draws, or 1 % of divergent draws. Without *draws* nothing is asked, and nothing shown.

    Sources: Fader and Hardie (2007), Incorporating time-invariant covariates into the Pareto/NBD and BG/NBD models; Vehtari and
    others (2021), Rank-normalization, folding, and localization.
    """
    if not draws:
        return NotAvailable((), "")
    if isinstance(value, NotAvailable):
        return NotAvailable(value.missing, _(ANSWERS), reason=value.reason)
    customers = value.customers.table
    groups, levels = _groups(tables, customers["customer_id"], covariates)
    if importlib.util.find_spec("pymc_marketing") is None:
        reason = _("pymc-marketing is not installed (pip install 'pymc-marketing>=0.19.2,<1').")
        return NotAvailable((), _(ANSWERS), reason=reason)
    random = np.random.default_rng(seed)
    drawn = np.sort(random.choice(len(customers), MOST, replace=False)) if len(customers) > MOST else np.arange(len(customers))
    found = _sampled(customers.iloc[drawn], groups.iloc[drawn], draws, seed)
    table = _table(found, groups.columns, value, covariates)
    worst, least = float(table["r_hat"].max()), float(table["effective_draws"].min())
    if not (worst <= MOST_R_HAT and least >= LEAST_ESS and found["divergent"] < MOST_DIVERGENT):
        reason = _(
            "the chains did not converge (R-hat {r_hat}, {ess} effective draws, {divergent} of draws divergent): raise draws "
            "under clv_posterior in engagement.yml, or name fewer covariates."
        ).format(
            r_hat=language.number(worst, 3), ess=language.number(int(least)), divergent=language.percent(found["divergent"], 1)
        )
        return NotAvailable((), _(ANSWERS), reason=reason)
    return ClvPosterior(
        table.assign(parameter=[_parameter(p, levels) for p in table["parameter"]]),
        _averaged(found, groups, value), value.total, tuple(covariates), draws, len(drawn),
    )  # fmt: skip


def value_in_use(posterior: ClvPosterior | NotAvailable, value: CustomerValue | NotAvailable) -> CustomerValue | NotAvailable:
    """The values of the *posterior* where there is one, else those of the point fit."""
    return value if isinstance(posterior, NotAvailable) else posterior.value


def _groups(tables: Tables, ids: pd.Series, covariates: Sequence[str]) -> tuple[pd.DataFrame, dict[str, tuple[str, str, str]]]:
    """A column of 0 and 1 for each group but the reference (the most frequent), and its field, group and reference."""
    out, levels = {}, {}
    for field in dict.fromkeys(covariates):
        if tables.missing(f"customers.{field}"):
            why = (
                _(
                    "engagement.yml: clv_posterior: covariates: customers.{field} is sensitive: "
                    "name it under sensitive_fields, too."
                )
                if field in tables.hidden
                else _("engagement.yml: clv_posterior: covariates: customers.{field} is not in the data.")
            )
            raise UserError(why.format(field=field))
        kind = tables.customers[field].type()
        if not (kind.is_string() or kind.is_boolean()):
            raise UserError(
                _(
                    "engagement.yml: clv_posterior: covariates: customers.{field} is {kind}, which makes no groups. "
                    "Name a text field, like bands."
                ).format(field=field, kind=kind)
            )
        texts = tables.customers.select("customer_id", value=tables.customers[field].cast("string"))
        known = frame(texts, by=["customer_id", "value"]).drop_duplicates("customer_id").set_index("customer_id")["value"]
        known = ids.map(known).fillna(NOT_KNOWN).to_numpy(dtype=object)
        sizes = pd.Series(known).value_counts()
        known = np.where(np.isin(known, list(sizes.index[sizes >= LEAST])), known, OTHER)
        sizes = pd.Series(known).value_counts()
        order = sorted(sizes.index, key=lambda v: (-sizes[v], v))
        if len(order) > GROUPS:
            raise UserError(
                _(
                    "engagement.yml: clv_posterior: covariates: customers.{field} has {groups} groups of {least} "
                    "customers or more; {most} are the most."
                ).format(field=field, groups=len(order), least=LEAST, most=GROUPS)
            )
        for group in order[1:]:
            out[f"{field}={group}"] = (known == group).astype(float)
            levels[f"{field}={group}"] = (field, group, order[0])
    return pd.DataFrame(out, index=range(len(ids))), levels


def _sampled(customers: pd.DataFrame, groups: pd.DataFrame, draws: int, seed: int) -> dict[str, np.ndarray | float]:
    """Draws by chain of r, alpha, a, b (of the reference), and of the coefficients (chain, draw, group) on alpha, a and b."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pymc_extras.prior import Prior
        from pymc_marketing.clv import BetaGeoModel

        logging.getLogger("pymc").setLevel(logging.ERROR)
        names = list(groups.columns)
        data = pd.DataFrame({
            "customer_id": np.arange(len(customers)), "frequency": customers["x"].to_numpy(dtype=float),
            "recency": customers["t_x"].to_numpy(), "T": customers["T"].to_numpy(),
            **{name: groups[name].to_numpy() for name in names},
        })  # fmt: skip
        model = BetaGeoModel(
            model_config={
                "r": Prior("LogNormal", mu=0, sigma=2),
                "alpha": Prior("LogNormal", mu=float(np.log(max(data["T"].median(), 1.0))), sigma=2),
                "phi_dropout": Prior("Uniform", lower=0, upper=1),
                "kappa_dropout": Prior("LogNormal", mu=1, sigma=1.5),
                "purchase_covariate_cols": names,
                "dropout_covariate_cols": names,
            }
        )
        found = model.fit(
            data=data, draws=draws, tune=draws, chains=CHAINS, cores=min(CHAINS, os.cpu_count() or 1), random_seed=seed,
            progressbar=False, compute_convergence_checks=False,
        )  # fmt: skip
    drawn, suffix = found.posterior, "_scale" if names else ""
    out = {name: drawn[name if name == "r" else f"{name}{suffix}"].to_numpy() for name in PARAMETERS}
    out["divergent"] = float(found.sample_stats["diverging"].mean())
    for name in ("alpha", "a", "b") if names else ():
        kind = "purchase" if name == "alpha" else "dropout"
        out[f"of_{name}"] = drawn[f"{kind}_coefficient_{name}"].to_numpy()
    return out


def _table(found: dict, names: Sequence[str], value: CustomerValue, covariates: Sequence[str]) -> pd.DataFrame:
    """The rows of `ClvPosterior.table`, parameters of groups still by their column."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import arviz

    point = dict(zip(PARAMETERS, BgNbd.fit(value.customers.counts).values, strict=True))
    series = [(MODEL, name, found[name], np.nan if covariates else point[name]) for name in PARAMETERS]
    usual = found["a"] / (found["a"] + found["b"])
    for i, name in enumerate(names):
        a, b = (found[p] * np.exp(found[f"of_{p}"][:, :, i]) for p in ("a", "b"))
        series.append((RATE, name, np.exp(found["of_alpha"][:, :, i]), np.nan))
        series.append((STOPPING, name, a / (a + b) / usual, np.nan))
    return pd.DataFrame([
        {
            "posterior_of": part, "parameter": name, "posterior_mean": drawn.mean(),
            "posterior_low": np.quantile(drawn, 0.025), "posterior_high": np.quantile(drawn, 0.975), "estimate": known,
            "r_hat": float(arviz.rhat(drawn)), "effective_draws": float(arviz.ess(drawn)),
        }
        for part, name, drawn, known in series
    ])  # fmt: skip


def _models(found: dict, groups: pd.DataFrame, at: np.ndarray) -> Iterator[tuple[int, np.ndarray, BgNbd]]:
    """For each draw and each set of groups: the draw, the rows of its customers, the model."""
    sets = groups.drop_duplicates().to_numpy() if groups.shape[1] else np.zeros((1, 0))
    rows = [np.flatnonzero((groups.to_numpy() == s).all(axis=1)) for s in sets]
    flat = {name: v.reshape(-1, *v.shape[2:]) for name, v in found.items() if name != "divergent"}
    for k, draw in enumerate(at):
        for one, members in zip(sets, rows, strict=True):
            shift = {p: float(flat[f"of_{p}"][draw] @ one) if len(one) else 0.0 for p in ("alpha", "a", "b")}
            yield k, members, BgNbd(
                float(flat["r"][draw]), float(flat["alpha"][draw]) * math.exp(-shift["alpha"]),
                float(flat["a"][draw]) * math.exp(shift["a"]), float(flat["b"][draw]) * math.exp(shift["b"]),
            )  # fmt: skip


def _averaged(found: dict, groups: pd.DataFrame, value: CustomerValue) -> CustomerValue:
    """*value* with everything that hangs on the purchase model averaged over draws of the posterior."""
    customers = value.customers.table
    unit = value.customers.unit_days
    terms = {
        "horizon": value.horizon_days / unit,
        "rate": math.log1p(value.annual_discount_rate) * unit / YEAR,
        "margin": value.margin,
    }
    at = np.linspace(0, found["r"].size - 1, min(USED, found["r"].size)).astype(int)
    fields = tuple(Moments.__dataclass_fields__)
    sums = {f: np.zeros(len(customers)) for f in fields}
    totals, chance = np.zeros(len(at)), np.zeros(len(at))
    for k, members, model in _models(found, groups, at):
        made = moments(model, value.spending.model, customers.iloc[members], **terms)
        for f in fields:
            sums[f][members] += getattr(made, f) / len(at)
        totals[k] += made.value.sum()
        chance[k] += np.maximum(made.square - made.value**2, 0).sum()
    made = Moments(**sums).forecast()
    half = Z * math.sqrt(totals.var(ddof=1) + chance.mean())
    table = value.table.assign(
        p_alive=np.where(identified(BgNbd(1, 1, 1, 1), customers["x"]), made.p_alive, np.nan),
        expected_purchases=made.purchases, expected_value=made.value, value_low=made.low, value_high=made.high,
    )  # fmt: skip
    total = float(totals.mean())
    return replace(
        value, table=table, total=total, total_low=max(total - half, 0.0), total_high=total + half, model=NAME,
        estimate=BgNbd.fit(value.customers.counts),
    )  # fmt: skip


def _trait(field: str) -> str:
    from fivestep.segmentation.value_by import division_label

    return division_label(field)


def _parameter(name: str, levels: dict[str, tuple[str, str, str]]) -> str:
    if name not in levels:
        return name
    field, group, reference = levels[name]
    shown = [_(v) if v in (OTHER, NOT_KNOWN) else language.value(f"customers.{field}", v) for v in (group, reference)]
    return _("{trait}: {group} against {reference}").format(trait=_trait(field), group=shown[0], reference=shown[1])
