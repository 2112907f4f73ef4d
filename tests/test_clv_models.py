"""The models of customer lifetime value: published values, numeric integrals as second computations, extremes, planted truth."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import betaln, hyperu
from scipy.stats import beta as beta_distribution
from scipy.stats import gamma as gamma_distribution

from conftest import SHARED, make_tables
from fivestep.segmentation.clv import BgNbd, Counts, GammaGamma, MbgNbd, ParetoNbd, Sbg, ShrunkMean, distinct, summary
from fivestep.segmentation.clv.backtest import MODELS
from fivestep.segmentation.clv.forecast import forecast
from fivestep.segmentation.clv.spend import fit_spend
from fivestep.segmentation.clv.summary import bought_between

CDNOW = SHARED / "data" / "cdnow" / "CDNOW_sample.txt"
needs_cdnow = pytest.mark.skipif(not CDNOW.exists(), reason="the CDNOW sample is not beside the project")
CUT = dt.date(1997, 9, 30)

BG = BgNbd(0.243, 4.414, 0.793, 2.426)  # Fader, Hardie and Lee (2005), table 2
PARETO = ParetoNbd(0.553, 10.578, 0.606, 11.669)  # the same
MBG = MbgNbd(0.525, 6.183, 0.891, 1.614)  # Platzer, BTYDplus, on the same data
SPEND = GammaGamma(6.25, 3.74, 15.44)  # Fader and Hardie (2013)
ALL = [BG, MBG, PARETO, BgNbd(4.0, 2.5, 1.0, 50.0), ParetoNbd(4.0, 2.5, 1.0, 300.0), MbgNbd(2.0, 0.1, 1.5, 0.4)]
NAMES = [f"{type(m).__name__}-{i}" for i, m in enumerate(ALL)]
ROWS = [(0, 0.0, 0.0), (0, 0.0, 39.0), (1, 3.0, 39.0), (2, 30.43, 38.86), (26, 30.857, 31.0), (120, 50.0, 52.0)]


# ----------------------------------------------------------------------------------------------- published values
def test_bg_nbd_gives_the_published_expectations():
    """Expected purchases of a new customer: Hardie's worksheet, as in the tests of lifetimes; .1 % for rounded parameters."""
    published = [0.0078, 0.0532, 0.1506, 1.0405, 1.0437, 1.858]
    fitted = BgNbd(0.242595, 4.413602, 0.792922, 2.425907)
    assert fitted.expected_of_new([0.1429, 1, 3, 31.857, 32, 78]) == pytest.approx(published, abs=6e-5, rel=1e-4)
    assert BG.expected_of_new([0.1429, 1, 3, 31.857, 32, 78]) == pytest.approx(published, abs=5e-5, rel=2e-3)


def test_bg_nbd_gives_the_published_values_of_single_customers():
    assert BG.expected_purchases(39, 2, 30.43, 38.86) == pytest.approx(1.226, abs=5e-4)  # Fader, Hardie and Lee (2005)
    assert BG.p_alive(2, 30.43, 38.86) == pytest.approx(0.7266, abs=5e-5)
    exact = BgNbd(0.2425945, 4.4136019, 0.7929199, 2.4258984)  # the vignette of BTYD, customer 1516
    assert exact.expected_purchases(52, 26, 30.857142857, 31) == pytest.approx(25.757, abs=2e-3)
    assert exact.p_alive(26, 30.857142857, 31) == pytest.approx(0.96885, abs=2e-5)
    assert exact.expected_of_new(52) == pytest.approx(1.4440, abs=5e-5)


def test_bg_nbd_gives_the_published_probabilities_of_counts():
    """The documentation of BTYD."""
    assert BG.pmf(0, 39) == pytest.approx(0.57379, abs=6e-6)
    assert BG.pmf(10, 2) == pytest.approx(1.0787e-7, rel=1e-4)


def test_pareto_nbd_gives_the_published_values_of_single_customers():
    """The vignette of BTYD: customer 1516, and a heavy buyer who has gone quiet."""
    fitted = ParetoNbd(0.5532764, 10.5776657, 0.6062396, 11.6687247)
    assert fitted.expected_purchases(52, 26, 30.857142857, 31) == pytest.approx(25.456, abs=1e-3)
    assert fitted.p_alive(26, 30.857142857, 31) == pytest.approx(0.99787, abs=1e-5)
    assert fitted.expected_of_new(52) == pytest.approx(1.4734, abs=1e-4)
    quiet = fitted.expected_purchases(52, np.array([10, 15, 20, 25]), 20, 39)
    assert quiet == pytest.approx([0.706, 0.144, 0.0225, 0.0031], abs=5e-4, rel=1e-2)


def test_pareto_nbd_gives_the_discounted_residual_transactions_of_the_closed_form():
    """Customer 1516 at 15 % a year, and others, against Fader, Hardie and Lee (2005, RFM and CLV), equation for DERT."""
    fitted = ParetoNbd(0.5532764, 10.5776657, 0.6062396, 11.6687247)
    assert fitted.discounted_purchases(0.15 / 52, 26, 30.857142857, 31) == pytest.approx(82.693, abs=1e-3)
    for x, t_x, age in ROWS[1:]:
        for rate in (0.0005, 0.0027, 0.05):
            z = rate * (fitted.beta + age)
            ratio = (fitted.r + x) / (fitted.alpha + age) * (fitted.beta + age) ** fitted.s * rate ** (fitted.s - 1)
            closed = ratio * hyperu(fitted.s, fitted.s, z) * fitted.p_alive(x, t_x, age)
            assert fitted.discounted_purchases(rate, x, t_x, age) == pytest.approx(closed, rel=1e-7)


def test_heavy_buyers_whose_likelihood_overflowed_elsewhere_have_a_probability():
    """Customers of an issue of CLVTools (100); whole days."""
    model = ParetoNbd(0.5143, 2.8845, 0.2856, 14.1087)
    t_x, age = (np.rint(np.array(v) * 7) / 7 for v in ([103.43, 97.14, 94.71, 98.57], [103.57, 97.29, 98, 99.43]))
    alive = model.p_alive([221, 254, 161, 204], t_x, age)
    assert alive == pytest.approx([0.99960, 0.99956, 0.74949, 0.99426], abs=1e-5)


def test_gamma_gamma_gives_the_published_values():
    """Fader and Hardie (2013); parameters rounded to two decimals move values by .2 %."""
    assert SPEND.mean == pytest.approx(35.17, abs=0.06)
    assert SPEND.expected(2, 40.0) == pytest.approx(39.14, abs=5e-3)
    assert SPEND.expected(0, np.nan) == pytest.approx(SPEND.mean)


def test_sbg_gives_the_published_parameters_and_projections():
    """Fader and Hardie (2007), 1,000 customers of two segments over seven years."""
    high = [1000, 869, 743, 653, 593, 551, 517, 491]
    regular = [1000, 631, 468, 382, 326, 289, 262, 241]
    for alive, parameters, likelihood in ((high, [0.668, 3.806], -1611.2), (regular, [0.704, 1.182], -1680.3)):
        ended = -np.diff(alive)
        found = Sbg.fit(np.arange(8), [0, *ended], [*[0] * 7, alive[-1]])
        assert found.values == pytest.approx(parameters, abs=1e-3)
        assert found.log_likelihood == pytest.approx(likelihood, abs=0.05)
        assert found.model.survival(np.arange(8)) * 1000 == pytest.approx(alive, abs=20)
        assert found.unidentified == ()


@pytest.fixture(scope="module")
def cdnow():
    """The CDNOW sample as tables (Fader and Hardie's tenth of the cohort)."""
    rows = pd.read_csv(
        CDNOW, sep=r"\s+", header=None, names=["master", "customer", "day", "cds", "value"], dtype={"customer": str}
    )
    orders = pd.DataFrame({
        "order_id": np.arange(len(rows)),
        "customer_id": rows["customer"],
        "order_date": pd.to_datetime(rows["day"].astype(str)),
        "order_amount": rows["value"],
    })  # fmt: skip
    return make_tables(orders=orders)


@pytest.fixture(scope="module")
def calibrated(cdnow):
    return summary(cdnow.until(CUT))


@needs_cdnow
def test_the_cdnow_sample_is_summarised_as_published(calibrated):
    table = calibrated.table
    assert (len(table), int(table["x"].sum()), calibrated.repeaters, int(table["x"].max())) == (2357, 2457, 946, 29)
    assert calibrated.counts.customers == 2357
    assert len(calibrated.counts.x) == 1016


@needs_cdnow
@pytest.mark.parametrize(
    ("model", "values", "errors", "likelihood"),
    [
        (BgNbd, [0.242595, 4.413602, 0.792922, 2.425907], [0.0126, 0.378, 0.186, 0.705], -9582.4292),
        (ParetoNbd, [0.553, 10.578, 0.606, 11.669], [0.0476, 0.8427, 0.1873, 6.21], -9594.976),
        (MbgNbd, [0.525, 6.183, 0.891, 1.614], None, -9582.136),
    ],
)
def test_the_purchase_models_are_fitted_to_the_published_estimates(calibrated, model, values, errors, likelihood):
    """Fader, Hardie and Lee (2005); standard errors as lifetimes has them; MBG/NBD as BTYDplus has it."""
    found = model.fit(calibrated.counts)
    assert found.values == pytest.approx(values, rel=1e-3, abs=5e-4)
    assert found.log_likelihood == pytest.approx(likelihood, abs=2e-3)
    assert found.gradient < 1e-6
    assert found.unidentified == ()
    if errors:
        assert found.standard_errors == pytest.approx(errors, rel=5e-3)
    low, high = found.intervals
    assert ((low < found.values) & (found.values < high) & (low > 0)).all()
    byrow = found.model.log_likelihood(calibrated.table["x"], calibrated.table["t_x"], calibrated.table["T"])
    assert byrow.sum() == pytest.approx(found.log_likelihood, abs=1e-6)


@needs_cdnow
def test_spend_is_fitted_to_the_published_estimates(calibrated):
    """Fader and Hardie (2013), and the values of the first ten customers in their worksheet."""
    spending = fit_spend(calibrated.table)
    assert spending.estimate is not None
    assert spending.gamma_gamma.values == pytest.approx([6.25, 3.74, 15.44], abs=6e-3)
    assert spending.gamma_gamma.log_likelihood == pytest.approx(-4055.918, abs=2e-3)
    first = calibrated.table.head(10)
    published = [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]
    assert spending.model.expected(first["x"], first["mean_spend"]) == pytest.approx(published, abs=0.06)


@needs_cdnow
def test_the_holdout_is_forecast_as_published(cdnow, calibrated):
    """BTYD's table of the 39 weeks after the calibration, by repeat purchases 0 to 7 and more."""
    later = bought_between(cdnow, CUT, dt.date(1998, 6, 30)).set_index("customer_id")["purchases"]
    table = calibrated.table
    actual = table["customer_id"].map(later).fillna(0)
    by = table["x"].clip(upper=7)
    assert actual.sum() == 1882
    assert actual.groupby(by).mean().tolist() == pytest.approx([0.237, 0.697, 1.393, 1.560, 2.532, 2.947, 3.862, 6.359], abs=6e-4)
    published = {
        ParetoNbd: ([0.138, 0.600, 1.196, 1.714, 2.399, 2.907, 3.819, 6.403], -0.115),
        BgNbd: ([0.225, 0.523, 1.044, 1.520, 2.164, 2.654, 3.504, 6.157], -0.122),
    }
    for model, (means, bias) in published.items():
        made = model.fit(calibrated.counts).model.expected_purchases(39, table["x"], table["t_x"], table["T"])
        assert pd.Series(made).groupby(by).mean().tolist() == pytest.approx(means, abs=1.2e-3)
        assert made.sum() / actual.sum() - 1 == pytest.approx(bias, abs=1e-3)
    assert (table["x"] / table["T"] * 39).sum() / actual.sum() - 1 == pytest.approx(0.557, abs=1e-3)


# ------------------------------------------------------------------------------------- second computations
@pytest.mark.parametrize("row", ROWS[1:5])
def test_the_likelihood_of_the_beta_geometric_models_is_the_mean_over_rates_and_chances(row):
    """A customer of known rate and chance of stopping has an elementary likelihood; it is integrated over both."""
    x, t_x, age = row
    for model in (BgNbd(0.8, 4.0, 0.9, 2.4), MbgNbd(1.5, 6.0, 1.2, 1.6)):
        nodes, weights = np.polynomial.legendre.leggauss(400)
        nodes, weights = (nodes + 1) / 2, weights / 2
        rate = gamma_distribution(model.r, scale=1 / model.alpha).ppf(nodes)[:, None]  # both by their quantiles
        p = beta_distribution(model.a, model.b).ppf(nodes)[None, :]
        alive = (1 - p) ** (x + model.FIRST) * np.exp(-rate * age)
        stopped = p * (1 - p) ** (x + model.FIRST - 1) * np.exp(-rate * t_x) if x or model.FIRST else 0.0
        found = weights @ (rate**x * (alive + stopped)) @ weights
        assert np.exp(model.log_likelihood(x, t_x, age)) == pytest.approx(found, rel=1e-3)


@pytest.mark.parametrize("row", ROWS)
def test_the_likelihood_of_pareto_nbd_is_the_integral_over_the_time_of_stopping(row):
    x, t_x, age = row
    for r, alpha, s, beta in ((0.553, 10.578, 0.606, 11.669), (4.0, 2.5, 1.0, 300.0), (0.3, 90.0, 2.0, 0.5)):
        stopped, _error = quad(
            lambda y, r=r, alpha=alpha, s=s, beta=beta: np.exp(
                -(r + x) * np.log((alpha + y) / (alpha + age)) - (s + 1) * np.log((beta + y) / (beta + age))
            ),
            t_x, age, epsabs=0, epsrel=1e-12, limit=200,
        )  # fmt: skip
        odds = s * stopped / (beta + age)
        assert ParetoNbd(r, alpha, s, beta).p_alive(x, t_x, age) == pytest.approx(1 / (1 + odds), rel=1e-9)


@pytest.mark.parametrize("model", [m for m in ALL if not isinstance(m, ParetoNbd)], ids=lambda m: f"{type(m).__name__} a={m.a}")
def test_expected_purchases_are_the_mean_over_chances_of_stopping(model):
    for x, _t_x, age in ROWS:
        b = model.b + model.FIRST + x

        def given(u, h, x=x, age=age, b=b):  # the logit of the chance of stopping
            p = 1 / (1 + np.exp(-u))
            bought = -np.expm1(-(model.r + x) * np.log1p(p * h / (model.alpha + age))) / p
            return bought * np.exp(-model.a * np.logaddexp(0, -u) - b * np.logaddexp(0, u) - betaln(model.a, b))

        middle = np.log(model.a / b)
        for h in (1.0, 52.0):
            edges = [middle - 60, middle - 20, middle - 5, middle, middle + 5, middle + 20, middle + 60]
            integral = sum(quad(given, lo, hi, args=(h,), epsrel=1e-11)[0] for lo, hi in pairwise(edges))
            assert model.if_alive(h, x, age) == pytest.approx(integral, rel=1e-7)


@pytest.mark.parametrize("model", ALL, ids=NAMES)
def test_counts_of_a_new_customer_are_a_distribution_with_the_stated_mean(model):
    n = np.arange(4000)
    for horizon in (1.0, 20.0):
        chances = model.pmf(n, horizon)
        assert (chances >= 0).all()
        assert chances.sum() == pytest.approx(1, abs=1e-6)
        assert chances @ n == pytest.approx(float(model.expected_of_new(horizon)), rel=1e-4)


@pytest.mark.parametrize("model", ALL, ids=NAMES)
def test_forecasts_are_those_of_simulated_customers(model):
    """Rates, chances of stopping and lives are drawn given that the customer is alive, then purchases."""
    rng, n, horizon = np.random.default_rng(5), 200_000, 26.0
    for x, age in ((0, 10.0), (5, 30.0), (300, 52.0)):
        rate = rng.gamma(model.r + x, 1 / (model.alpha + age), n)
        if isinstance(model, ParetoNbd):
            life = rng.exponential(1, n) / rng.gamma(model.s, 1 / (model.beta + age), n)
            bought = rng.poisson(rate * np.minimum(life, horizon))
        else:
            stops = np.maximum(rng.beta(model.a, model.b + model.FIRST + x, n), 1e-12)
            bought = np.minimum(rng.poisson(rate * horizon), np.ceil(np.log(rng.random(n)) / np.log1p(-stops)))
        args = horizon, np.array([float(x)]), np.array([age])
        assert model.if_alive(*args)[0] == pytest.approx(bought.mean(), rel=0.02)
        assert model.square_if_alive(*args)[0] == pytest.approx((bought**2.0).mean(), rel=0.04)
        for k in (1, 3, 40):
            assert model.at_least(k, *args)[0] == pytest.approx((bought >= k).mean(), abs=0.006)


@pytest.mark.parametrize("model", ALL, ids=NAMES)
def test_discounting_is_the_integral_over_time(model):
    rate = np.log(1.1) / 52
    for x, _t_x, age in ROWS:
        slope = quad(lambda t, x=x, age=age: rate * np.exp(-rate * t) * float(model.if_alive(t, x, age)), 0, 52, epsrel=1e-10)[0]
        whole = slope + np.exp(-rate * 52) * float(model.if_alive(52, x, age))
        found = float(model.discounted_purchases(rate, x, age, age, horizon=52) / model.p_alive(x, age, age))
        assert found == pytest.approx(whole, rel=1e-8)
        undiscounted = float(model.discounted_purchases(0, x, age, age, horizon=52))
        assert undiscounted == pytest.approx(float(model.expected_purchases(52, x, age, age)))


@pytest.mark.parametrize("model", [BG, MBG, PARETO], ids=lambda m: type(m).__name__)
def test_gradients_are_those_of_differences(model):
    """The slope of the log-likelihood at other than the best parameters, each way a step in each logarithm."""
    from fivestep.segmentation.clv.beta_geometric import _Likelihood
    from fivestep.segmentation.clv.pareto_nbd import _likelihood

    rng = np.random.default_rng(2)
    x = np.array([0, 0, 1, 2, 7, 60, 5000])
    age = rng.uniform(20, 80, len(x))
    counts = Counts(x.astype(float), np.where(x > 0, age * rng.uniform(0.2, 1, len(x)), 0.0), age, np.arange(1.0, 8.0))
    objective = _likelihood(counts) if isinstance(model, ParetoNbd) else _Likelihood(counts, model.FIRST)
    theta = np.log([0.7, 3.0, 0.9, 4.0])
    _value, gradient = objective(theta)
    for i in range(4):
        step = np.eye(4)[i] * 1e-5
        assert gradient[i] == pytest.approx((objective(theta + step)[0] - objective(theta - step)[0]) / 2e-5, rel=1e-5, abs=1e-7)
    rows = type(model)(*np.exp(theta)).log_likelihood(counts.x, counts.t_x, counts.T)
    assert objective(theta)[0] == pytest.approx(-(rows @ counts.n) / counts.n.sum(), rel=1e-9)


def test_the_interval_of_a_customer_holds_what_simulated_customers_spend():
    rng, n = np.random.default_rng(8), 20_000
    for x, t_x, age in ((0, 0.0, 10.0), (5, 28.0, 30.0), (50, 51.0, 52.0)):
        mean = 40.0 if x else np.nan
        made = forecast(PARETO, SPEND, pd.DataFrame({"x": [x], "t_x": [t_x], "T": [age], "mean_spend": [mean]}), horizon=52.0)
        alive = rng.random(n) < made.p_alive[0]
        rate = rng.gamma(PARETO.r + x, 1 / (PARETO.alpha + age), n)
        life = rng.exponential(1, n) / rng.gamma(PARETO.s, 1 / (PARETO.beta + age), n)
        bought = alive * rng.poisson(rate * np.minimum(life, 52))
        nu = rng.gamma(SPEND.p * x + SPEND.q, 1 / (SPEND.gamma + x * np.nan_to_num(mean)), n)
        spent = np.where(bought > 0, rng.gamma(np.maximum(SPEND.p * bought, 1e-9)) / nu, 0.0)
        assert made.value[0] == pytest.approx(spent.mean(), rel=0.03)
        assert made.variance[0] ** 0.5 == pytest.approx(spent.std(), rel=0.06)
        assert ((spent >= made.low[0]) & (spent <= made.high[0])).mean() >= 0.945
        assert (spent > made.high[0]).mean() <= 0.03


# ------------------------------------------------------------------------------------------------ extremes
@pytest.mark.parametrize("model", ALL, ids=NAMES)
def test_five_thousand_purchases_of_one_customer_overflow_nothing(model):
    x, t_x, age = np.array([5000.0, 5000.0, 350.0]), np.array([99.9, 60.0, 6.9]), np.array([100.0, 100.0, 7.0])
    alive = model.p_alive(x, t_x, age)
    assert np.isfinite(model.log_likelihood(x, t_x, age)).all()
    assert ((alive >= 0) & (alive <= 1)).all()
    assert alive[1] < 1e-6  # forty silent weeks after fifty purchases in each
    for made in (model.expected_purchases(52, x, t_x, age), model.discounted_purchases(0.002, x, t_x, age)):
        assert np.isfinite(made).all()
        assert (made >= 0).all()
    own = x / age * 52
    assert (model.if_alive(52, x, age) <= own * (1 + 1 / x) * (1 + model.r)).all()


def test_dropout_near_one_has_no_hole_in_it():
    """The closed forms divide by a - 1 and by s - 1."""
    for make in (lambda v: BgNbd(0.5, 4.0, v, 2.4), lambda v: MbgNbd(0.5, 4.0, v, 2.4), lambda v: ParetoNbd(0.5, 4.0, v, 12.0)):
        below, at, above = (float(make(v).expected_purchases(52, 3, 20.0, 30.0)) for v in (0.9999, 1.0, 1.0001))
        assert below > at > above
        assert at == pytest.approx((below + above) / 2, rel=1e-7)


def simulated(r, alpha, s, beta, *, customers, weeks, seed):
    """Pareto/NBD customers of planted parameters, in continuous time."""
    rng = np.random.default_rng(seed)
    age = rng.uniform(weeks / 2, weeks, customers)
    rate, life = rng.gamma(r, 1 / alpha, customers), rng.exponential(1, customers) / rng.gamma(s, 1 / beta, customers)
    span = np.minimum(age, life)
    x = rng.poisson(rate * span)
    last = span * rng.random(customers) ** (1 / np.maximum(x, 1))  # the last of x uniform moments
    return Counts(x.astype(float), np.where(x > 0, last, 0.0), age, np.ones(customers))


def test_pareto_nbd_is_right_at_five_to_fifty_purchases_a_week():
    """Rates with a mean of 20 a week: the planted parameters lie within their intervals, widened to four standard errors."""
    planted = np.array([3.0, 0.15, 0.8, 20.0])
    counts = simulated(*planted, customers=2000, weeks=60, seed=3)
    assert counts.x.max() > 1500
    found = ParetoNbd.fit(counts)
    off = np.abs(np.log(found.values / planted)) / np.sqrt(np.diag(found.covariance))
    assert (off < 4).all()
    assert found.log_likelihood >= ParetoNbd(*planted).log_likelihood(counts.x, counts.t_x, counts.T).sum()
    assert found.unidentified == ()


@pytest.mark.parametrize("model", [BgNbd, MbgNbd])
def test_planted_parameters_of_the_beta_geometric_models_are_found(model):
    planted = np.array([0.8, 4.0, 0.9, 2.5])
    rng, n = np.random.default_rng(4), 6000
    age = rng.uniform(30, 80, n)
    rate, stops = rng.gamma(planted[0], 1 / planted[1], n), rng.beta(planted[2], planted[3], n)
    x, last = np.zeros(n), np.zeros(n)
    going = rng.random(n) >= stops if model is MbgNbd else np.ones(n, dtype=bool)
    while going.any():
        then = last + rng.exponential(1, n) / rate
        going &= then <= age
        x, last = x + going, np.where(going, then, last)
        going &= rng.random(n) >= stops
    found = model.fit(Counts(x, last, age, np.ones(n)))
    off = np.abs(np.log(found.values / planted)) / np.sqrt(np.diag(found.covariance))
    assert (off < 4).all()


def test_customers_who_never_stop_leave_dropout_unidentified():
    rng, n = np.random.default_rng(6), 800
    age = rng.uniform(40, 52, n)
    x = rng.poisson(rng.gamma(4, 0.5, n) * age)
    last = age * rng.random(n) ** (1 / np.maximum(x, 1))
    counts = Counts(x.astype(float), np.where(x > 0, last, 0.0), age, np.ones(n))
    for model in MODELS.values():
        found = model.fit(counts)
        assert set(found.unidentified) & set(model.DROPOUT)
        assert not {"r", "alpha"} & set(found.unidentified)
        assert np.isfinite(found.model.expected_purchases(52, x[:5], last[:5], age[:5])).all()
        assert found.model.p_alive(x, last, age).mean() > 0.97


def test_compressed_rows_have_the_likelihood_of_all_rows():
    rng = np.random.default_rng(1)
    x = rng.poisson(1.0, 5000)
    age = rng.integers(20, 300, 5000)
    t_x = np.where(x > 0, rng.integers(1, 20, 5000), 0)
    counts = distinct(x, t_x, age)
    assert counts.n.sum() == 5000
    assert len(counts.x) < 5000
    wide = distinct(np.append(x, 900_000), np.append(t_x, 30), np.append(age, 9000))  # keys too far apart for a table
    assert wide.n.sum() == 5001
    for model in (BG, MBG, PARETO):
        every = model.log_likelihood(x, t_x / 7, age / 7).sum()
        assert model.log_likelihood(counts.x, counts.t_x, counts.T) @ counts.n == pytest.approx(every)


def test_the_estimates_do_not_depend_on_the_unit_of_time():
    counts = simulated(0.6, 10.0, 0.6, 12.0, customers=250, weeks=40, seed=9)
    days = Counts(counts.x, counts.t_x * 7, counts.T * 7, counts.n, 1)
    for model in MODELS.values():
        weekly, daily = model.fit(counts), model.fit(days)
        forecasts = [
            found.model.expected_purchases(13 * k, rows.x, rows.t_x, rows.T)
            for found, rows, k in ((weekly, counts, 1), (daily, days, 7))
        ]
        assert forecasts[0] == pytest.approx(forecasts[1], rel=1e-5)


# ---------------------------------------------------------------------------------------------------- spend
def spenders(p, q, gamma, n, seed):
    rng = np.random.default_rng(seed)
    x = 1 + rng.poisson(3, n)
    m = rng.gamma(p * x) / x / (rng.gamma(q, 1, n) / gamma)
    return x, m


def test_planted_parameters_of_gamma_gamma_are_found():
    planted = np.array([5.0, 4.0, 20.0])
    found = GammaGamma.fit(*spenders(*planted, 8000, 1))
    off = np.abs(np.log(found.values / planted)) / np.sqrt(np.diag(found.covariance))
    assert (off < 4).all()
    rows = found.model.log_likelihood(*spenders(*planted, 8000, 1)).sum()
    assert rows == pytest.approx(found.log_likelihood, abs=1e-5)


def test_spend_without_a_mean_is_never_negative_but_shrunk():
    """q of .8: the mean of Gamma-Gamma would be below zero for customers with few purchases."""
    x, m = spenders(4.0, 0.8, 20.0, 3000, 2)
    variation = 1 / 4.0
    table = pd.DataFrame({"x": x, "mean_spend": m, "spread": np.where(x > 1, variation * (x - 1), np.nan)})
    spending = fit_spend(table)
    assert spending.no_mean
    assert isinstance(spending.model, ShrunkMean)
    assert spending.estimate is None
    expected = spending.model.expected(np.append(x, 0), np.append(m, np.nan))
    assert (expected > 0).all()
    assert expected[-1] == pytest.approx(spending.model.mean)
    assert np.isnan(spending.gamma_gamma.model.expected(1, 5.0))


def test_gamma_gamma_is_not_believed_where_single_purchases_contradict_it():
    x, m = spenders(5.0, 4.0, 20.0, 3000, 3)
    right = pd.DataFrame({"x": x, "mean_spend": m, "spread": np.where(x > 1, (x - 1) / 5.0, np.nan)})
    assert fit_spend(right).estimate is not None
    assert fit_spend(right).observed == pytest.approx(5.0**-0.5)
    contradicted = fit_spend(right.assign(spread=right["spread"] * 25))
    assert contradicted.estimate is None
    assert not contradicted.no_mean
    unknown = fit_spend(right.assign(spread=np.nan))  # nobody came back twice: there is nothing to contradict it
    assert unknown.estimate is not None


def test_the_shrunk_mean_is_that_of_credibility():
    """Planted: means vary by 10, single purchases by 30 about a mean of 100: a weight of nine purchases."""
    rng, n = np.random.default_rng(7), 40_000
    x = 1 + rng.poisson(4, n)
    own = rng.normal(100, 10, n)
    m = rng.normal(own, 30 / np.sqrt(x))
    made = ShrunkMean.fit(x, m, 0.09)
    assert made.overall == pytest.approx(100, abs=0.5)
    assert made.weight == pytest.approx(9, rel=0.1)
    assert made.between == pytest.approx(100, rel=0.1)
    # Mean square of the sum of four purchases of a customer with nine behind him: what is not known of his mean, and chance.
    square = made.square_of_sum(9, 100.0, np.array(4.0), np.array(16.0))
    assert square == pytest.approx(16 * (100**2 + 100 / 2) + 4 * 900, rel=0.01)
    assert made.expected(9, 130.0) == pytest.approx(115, abs=1)
    assert ShrunkMean.fit([1, 1], [10.0, 20.0], np.nan).expected(1, 20.0) == pytest.approx(15)


def test_customers_without_spend_are_left_out_and_counted():
    table = pd.DataFrame({"x": [0, 1, 2, 3], "mean_spend": [np.nan, 0.0, -3.0, 0.0], "spread": [np.nan] * 4})
    assert fit_spend(table) is None
    more = pd.concat([table, pd.DataFrame({"x": [2] * 40, "mean_spend": np.linspace(5, 50, 40), "spread": [0.3] * 40})])
    assert fit_spend(more).left_out == 3


# ----------------------------------------------------------------------------------------------- contracts
def test_renewals_to_come_are_the_sum_of_survival():
    model = Sbg(0.668, 3.806)
    for renewals in (0, 1, 5):
        ahead = np.array([model.survival(renewals + k) / model.survival(renewals) for k in range(1, 4000)])
        assert model.expected_renewals(renewals, 6) == pytest.approx(ahead[:6].sum())
        assert model.discounted_renewals(renewals, 0.1) == pytest.approx(ahead @ 1.1 ** -np.arange(len(ahead)))
        assert model.retention(renewals) == pytest.approx(ahead[0])
    assert model.pmf(np.arange(1, 100_000)).sum() == pytest.approx(1, abs=2e-3)
    with pytest.raises(ValueError, match="no contract ends"):
        Sbg.fit([0, 1], [3, 2], [0, 1])
