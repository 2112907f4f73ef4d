"""The posterior of BG/NBD. `make test-bayes` builds an environment that has pymc-marketing and runs this file in it."""

from __future__ import annotations

import datetime as dt
import importlib.util
import math

import numpy as np
import pandas as pd
import pytest

from conftest import SHARED, make_tables
from fivestep import language, segmentation
from fivestep.errors import UserError
from fivestep.findings import NotAvailable
from fivestep.language import columns
from fivestep.segmentation.clv import BgNbd, posterior
from fivestep.segmentation.clv.forecast import forecast

CDNOW = SHARED / "data" / "cdnow" / "CDNOW_sample.txt"
CUT = dt.date(1997, 9, 30)
needs_bayes = pytest.mark.skipif(
    importlib.util.find_spec("pymc_marketing") is None, reason="pymc-marketing, the extra `bayes`, is not installed"
)
needs_cdnow = pytest.mark.skipif(not CDNOW.exists(), reason="the CDNOW sample is not beside the project")


def shop(customers: int = 400, *, faster: float = 2.5) -> dict[str, pd.DataFrame]:
    """Customers of BG/NBD over 78 weeks; those of colour red buy *faster*, size plays no part."""
    rng = np.random.default_rng(5)
    rows, people = [], []
    for i in range(customers):
        colour, size = ("red", "blue")[i % 2], ("S", "M", "L")[i % 3]
        rate, stop = rng.gamma(1.0, 1 / 12) * (faster if colour == "red" else 1), rng.beta(0.8, 3.0)
        day = float(rng.integers(0, 180))
        while day < 546:
            rows.append((f"c{i:03}", int(day), round(float(rng.gamma(6, 4)) + 1, 2)))
            if rng.random() < stop and len(rows) > 1 and rows[-2][0] == f"c{i:03}":
                break
            day += rng.exponential(7 / rate)
        people.append((f"c{i:03}", colour, size, 100 + i, "low"))
    orders = pd.DataFrame(rows, columns=["customer_id", "day", "order_amount"])
    orders["order_date"] = [f"{dt.date(2023, 1, 1) + dt.timedelta(days=d)} 12:00:00" for d in orders.pop("day")]
    names = ["customer_id", "occupation", "member_level", "household_income", "income_band"]
    return {
        "orders": orders.assign(order_id=[f"o{i}" for i in range(len(orders))]),
        "customers": pd.DataFrame(people, columns=names).rename(columns={"household_income": "age"}),
    }


@pytest.fixture(scope="module")
def tables():
    return make_tables(**shop())


@pytest.fixture(scope="module")
def value(tables):
    return segmentation.customer_value(tables)


def draws_of(model: BgNbd, **more) -> dict:
    """A posterior that is sure of one *model*."""
    return {name: np.full((4, 30), getattr(model, name)) for name in posterior.PARAMETERS} | {"divergent": 0.0} | more


# ---------------------------------------------------------------- without the extra
def test_without_the_extra_one_line_says_what_to_install_and_the_point_fit_stays(tables, value, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    gone = segmentation.clv_posterior(tables, value)
    assert isinstance(gone, NotAvailable)
    assert "pip install 'pymc-marketing>=0.19.2,<1'" in gone.text
    assert segmentation.value_in_use(gone, value) is value
    assert segmentation.clv_posterior(tables, value, draws=0).text == ""  # not asked for: silent
    none = segmentation.clv_posterior(tables, NotAvailable(("orders",), "value"))
    assert (none.missing, segmentation.value_in_use(none, none)) == (("orders",), none)


@pytest.mark.parametrize(
    ("field", "said"),
    [("shoe_size", "is not in the data"), ("income_band", "is sensitive"), ("age", "which makes no groups")],
)
def test_a_covariate_that_cannot_serve_is_refused_with_the_reason(tables, value, field, said):
    with pytest.raises(UserError, match=said):
        segmentation.clv_posterior(tables, value, covariates=[field])


def test_a_posterior_that_is_sure_of_the_point_fit_gives_its_values(value):
    model = BgNbd.fit(value.customers.counts).model
    none = pd.DataFrame(index=range(len(value.customers.table)))
    made = posterior._averaged(draws_of(model), none, value)
    rate = math.log1p(value.annual_discount_rate) * 7 / 365
    own = forecast(model, value.spending.model, value.customers.table, horizon=value.horizon_days / 7, rate=rate)
    assert made.table["expected_value"].to_numpy() == pytest.approx(own.value)
    assert made.table["value_high"].to_numpy() == pytest.approx(own.high)
    assert made.table["expected_purchases"].to_numpy() == pytest.approx(own.purchases)
    assert (made.model, made.total) == ("BG/NBD", pytest.approx(own.value.sum()))
    assert list(made.table) == list(value.table)
    assert made.total - made.total_low == pytest.approx(1.96 * math.sqrt(own.variance.sum()), rel=1e-3)


def test_coefficients_shift_the_parameters_of_their_group_alone(tables, value):
    model = BgNbd(1.0, 10.0, 0.8, 3.0)
    groups, levels = posterior._groups(tables, value.customers.table["customer_id"], ["occupation"])
    assert levels == {"occupation=blue": ("occupation", "blue", "red")} or set(levels) == {"occupation=red"}
    shifts = {"of_alpha": np.full((4, 30, 1), math.log(2.0)), "of_a": np.full((4, 30, 1), 0.3), "of_b": np.zeros((4, 30, 1))}
    made = posterior._averaged(draws_of(model, **shifts), groups, value).table
    x, t_x, age = (value.customers.table[c].to_numpy() for c in ("x", "t_x", "T"))
    inside = groups.iloc[:, 0].to_numpy() == 1
    moved = BgNbd(1.0, 5.0, 0.8 * math.exp(0.3), 3.0)
    weeks = value.horizon_days / 7
    want = np.where(inside, moved.expected_purchases(weeks, x, t_x, age), model.expected_purchases(weeks, x, t_x, age))
    assert made["expected_purchases"].to_numpy() == pytest.approx(want)


# ---------------------------------------------------------------- with it
@pytest.fixture(scope="module")
def sampled(tables, value):
    found = segmentation.clv_posterior(tables, value, covariates=["occupation", "member_level"], draws=500)
    assert not isinstance(found, NotAvailable), found.text
    return found


@needs_bayes
@needs_cdnow
def test_the_posterior_of_the_cdnow_sample_lies_about_the_published_estimates():
    """Fader, Hardie and Lee (2005): r, alpha, a, b and their standard errors."""
    rows = pd.read_csv(CDNOW, sep=r"\s+", header=None, names=["m", "customer", "day", "n", "amount"], dtype={"customer": str})
    orders = pd.DataFrame({
        "order_id": [f"o{i}" for i in range(len(rows))], "customer_id": rows["customer"],
        "order_date": pd.to_datetime(rows["day"].astype(str)), "order_amount": rows["amount"],
    })  # fmt: skip
    cdnow = make_tables(orders=orders).until(CUT)
    found = segmentation.clv_posterior(cdnow, segmentation.customer_value(cdnow), draws=500)
    table = found.table.set_index("parameter")
    published = {"r": (0.243, 0.0126), "alpha": (4.414, 0.378), "a": (0.793, 0.186), "b": (2.426, 0.705)}
    for name, (estimate, error) in published.items():
        row = table.loc[name]
        assert row["estimate"] == pytest.approx(estimate, abs=6e-4)
        assert abs(row["posterior_mean"] - estimate) < 0.5 * error
        assert row["posterior_low"] < estimate < row["posterior_high"]
        assert 0.8 < (row["posterior_high"] - row["posterior_low"]) / (3.92 * error) < 1.4
        assert row["r_hat"] <= posterior.MOST_R_HAT
        assert row["effective_draws"] >= posterior.LEAST_ESS
    assert found.value.total == pytest.approx(found.point, rel=0.1)
    print(table.to_string())  # noqa: T201  the figures that make test-bayes reports


@needs_bayes
def test_a_trait_that_changes_the_rate_is_found_and_one_that_does_not_is_not(sampled):
    rates = sampled.table[sampled.table["posterior_of"] == posterior.RATE].set_index("parameter")
    colour = next(p for p in rates.index if "red" in p)
    factor = rates.loc[colour, ["posterior_low", "posterior_high"]].to_numpy(dtype=float)
    factor = factor if colour.endswith("against blue") else 1 / factor[::-1]
    assert 1 < factor[0] < 2.5 < factor[1]
    others = rates.drop(colour)
    assert ((others["posterior_low"] < 1) & (others["posterior_high"] > 1)).all()


@needs_bayes
def test_the_posterior_reads_well_and_takes_the_place_of_the_point_fit(sampled, value):
    made = segmentation.value_in_use(sampled, value)
    assert list(made.table) == list(value.table)
    assert made.table["customer_id"].equals(value.table["customer_id"])
    assert np.corrcoef(made.table["expected_value"], value.table["expected_value"])[0, 1] > 0.9
    assert (made.table["value_low"] <= made.table["expected_value"]).all()
    for code in ("en",):
        language.use(code)
        texts = [sampled.headline(), sampled.note(), sampled.finding().text, sampled.finding().evidence, made.note()]
        assert not any("{" in t or "nan" in t for t in texts)
        assert all(columns.formatted(c, v) is not None for c in sampled.table for v in sampled.table[c])


@needs_bayes
def test_chains_that_disagree_are_refused(tables, value, monkeypatch):
    apart = draws_of(BgNbd(1.0, 10.0, 0.8, 3.0))
    rng = np.random.default_rng(1)
    apart = {k: v + rng.normal(0, 0.01, (4, 30)) + np.arange(4)[:, None] if k != "divergent" else v for k, v in apart.items()}
    monkeypatch.setattr(posterior, "_sampled", lambda *_given: apart)
    gone = segmentation.clv_posterior(tables, value)
    assert isinstance(gone, NotAvailable)
    assert "did not converge" in gone.text
