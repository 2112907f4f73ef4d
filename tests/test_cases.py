"""The simulated company: its tables are valid, its rows hang on the seed alone, and every planted fact can be found in the data.

Each fact is recovered by a computation of its own in SQL or numpy, never by the code that planted it.
"""

from __future__ import annotations

import json

import duckdb
import ibis
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fivestep import contract, engine, language
from fivestep.cases import simulate
from fivestep.cases.truth import FACTS
from fivestep.contract import TABLES
from fivestep.errors import UserError

CUSTOMERS = 6000


class Company:
    """A simulated company: ``sql(query)`` gives a frame, ``fact(key)`` what was planted."""

    def __init__(self, folder):
        self.folder = folder
        self.truth = json.loads((folder / "truth.json").read_text("utf-8"))
        self._db = duckdb.connect()
        for path in sorted(folder.glob("*.parquet")):
            self._db.execute(f"create view {path.stem} as select * from read_parquet('{path}')")
        self._db.execute(f"create view true_customers as select * from read_parquet('{folder}/truth/customers.parquet')")
        self._db.execute("create view members as select * from customers where customer_type = 'consumer'")

    def sql(self, query: str, **values) -> pd.DataFrame:
        return self._db.execute(query.format(**values)).df()

    def fact(self, key: str) -> dict:
        return self.truth["facts"][key]

    def told(self, key: str) -> dict:
        return self.truth["facts"][key]["parameters"]


@pytest.fixture(scope="session")
def company(tmp_path_factory) -> Company:
    return Company(simulate(tmp_path_factory.mktemp("cases") / "company", customers=CUSTOMERS, language="zh_CN"))


# ------------------------------------------------------------------------------------------------ the tables
def test_every_contract_table_and_field_is_filled_and_valid(company):
    tables = engine.read(company.folder, engine.connect())
    assert list(tables) == list(TABLES)
    assert contract.problems(tables) == []
    for name, table in tables.items():
        assert set(table.columns) == set(TABLES[name].fields), name
        filled = table.aggregate(**{c: table[c].count() for c in table.columns}).to_pandas().iloc[0]
        assert (filled > 0).all(), (name, list(filled[filled == 0].index))


def test_money_is_decimal_and_lines_add_up_to_orders(company):
    schema = {
        c: t
        for n, table in engine.read(company.folder, engine.connect()).items()
        for c, t in ((f"{n}.{c}", t) for c, t in table.schema().items())
    }
    for name, table in TABLES.items():
        for f in table.fields.values():
            if f.type == "money":
                assert schema[f"{name}.{f.name}"] == ibis.expr.datatypes.Decimal(18, 2)
    off = company.sql(
        "select count(*) n from orders join (select order_id, sum(line_amount) a, sum(line_discount) d, sum(line_coupon) c "
        "from order_lines group by 1) using (order_id) where a <> order_amount or d <> discount_amount or c <> coupon_amount"
    )
    assert off.n[0] == 0
    both = company.sql("select (select count(*) from orders) o, (select count(distinct order_id) from order_lines) l")
    assert both.o[0] == both.l[0] > 0
    assert company.sql("select count(*) n from order_lines where gross_profit <> line_amount - cost").n[0] == 0


def test_nothing_lies_outside_the_months(company):
    for name, table in TABLES.items():
        if table.time:
            last = company.sql(f"select max({table.time})::date d, min({table.time})::date e from {name}")
            assert str(last.e[0])[:10] >= "2023-01-01", name
            assert str(last.d[0])[:10] <= "2024-12-31", name
    before = company.sql("select count(*) n from orders join customers using (customer_id) where order_date < registered_at")
    assert before.n[0] == 0


def _bytes(folder) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_same_seed_writes_the_same_bytes_and_another_seed_others(tmp_path):
    one, two, three = (simulate(tmp_path / n, customers=700, seed=s) for n, s in (("a", 3), ("b", 3), ("c", 4)))
    assert _bytes(one) == _bytes(two)
    other = _bytes(three)
    assert other["orders.parquet"] != _bytes(one)["orders.parquet"]
    assert other["products.parquet"] == _bytes(one)["products.parquet"]


def test_the_first_customers_are_the_same_however_many_there_are(company, tmp_path):
    few = Company(simulate(tmp_path / "few", customers=2100, language="zh_CN"))
    for name in (
        "customers",
        "orders",
        "order_lines",
        "exposures",
        "interactions",
        "feedback",
        "survey",
        "events",
        "opportunities",
        "costs",
    ):
        key = ", ".join(TABLES[name].key)
        query = f"select * from {name} where customer_id < 'C0002100' order by {key}"
        pd.testing.assert_frame_equal(few.sql(query), company.sql(query), obj=name)
        assert few.sql(f"select count(*) n from {name} where customer_id >= 'C0002100'").n[0] == 0
    assert few.sql("select count(*) n from stage_history anti join opportunities using (opportunity_id)").n[0] == 0


def test_both_languages_have_the_same_rows_and_only_free_text_differs(company, tmp_path):
    english = Company(simulate(tmp_path / "en", customers=700, language="en"))
    for name, texts in {"orders": (), "feedback": ("text",), "interactions": ("content",), "events": ()}.items():
        leave = f"exclude ({', '.join(texts)})" if texts else ""
        query = f"select * {leave} from {name} where customer_id < 'C0000700' order by {', '.join(TABLES[name].key)}"
        pd.testing.assert_frame_equal(english.sql(query), company.sql(query), obj=name)
    said = english.sql("select string_agg(distinct text, ' ') t from feedback").t[0]
    assert said.isascii()
    assert not any(c.isascii() and c.isalpha() for c in company.sql("select string_agg(distinct text, '') t from feedback").t[0])


@pytest.mark.parametrize("code", ["en", "zh_CN"])
def test_every_value_that_reports_show_has_a_name_in_both_languages(company, code):
    language.use(code)
    language.load_values(company.folder / "labels.csv")
    named = {
        "customers": "gender age_band country region province city district occupation job_title income_band "
        "education marital_status "
        "home_ownership household_size household_composition kids_count industry company_size customer_type customer_level "
        "member_level tags source owner_department customer_status credit_status",
        "orders": "order_status refund_status payment_method channel store",
        "products": "product_name category department brand manufacturer spec product_line",
        "campaigns": "campaign_name campaign_type",
        "interactions": "interaction_type channel direction department result",
        "feedback": "feedback_type status cause region department",
        "survey": "question_id survey_id",
        "events": "event_type device platform search_term location",
        "opportunities": "stage status lost_reason competitor next_step",
        "stage_history": "stage",
        "costs": "cost_type",
    }
    rows = pd.read_csv(company.folder / "labels.csv", dtype=str, keep_default_na=False)
    known = set(zip(rows.field, rows.value, strict=True))
    for table, fields in named.items():
        for field in fields.split():
            for value in company.sql(f"select distinct {field} v from {table} where {field} is not null order by 1").v:
                assert (f"{table}.{field}", str(value)) in known
                shown = language.value(f"{table}.{field}", value)
                assert code == "zh_CN" or shown.replace("–", "-").isascii(), (table, field, value)
    assert rows.zh_CN.ne("").all()
    assert rows.zh_TW.ne("").all()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"customers": 10}, "--customers 10"),
        ({"months": 12}, "--months 12"),
        ({"seed": -1}, "--seed"),
        ({"language": "fr"}, "--language fr"),
    ],
)
def test_numbers_outside_the_limits_are_refused(tmp_path, options, says):
    with pytest.raises(UserError, match=says):
        simulate(tmp_path / "x", **options)
    assert not list(tmp_path.iterdir())


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="holds something else"):
        simulate(tmp_path, customers=500)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


# ------------------------------------------------------------------------------------------------ the truth
def test_every_fact_is_documented_and_says_where_it_can_be_found(company):
    assert list(company.truth["facts"]) == list(FACTS)
    for key, fact in company.truth["facts"].items():
        assert fact["about"] == FACTS[key]
        assert fact["look_in"], key
        for place in fact["look_in"]:
            table, _, field = place.partition(".")
            assert field in TABLES[table].fields, place
        assert fact["parameters"], key
    assert company.truth["company"]["simulated"] is True


def test_segments_show_in_age_hours_basket_and_discounts(company):
    seen = company.sql(
        "with l as (select order_id, count(*) n from order_lines group by 1) "
        "select segment, avg(n) lines, avg((discount_amount > 0)::int) deals, avg((hour(order_date) < 10)::int) early, "
        "avg((dayofweek(order_date) in (0, 6))::int) weekend, min(age) youngest, max(age) oldest "
        "from orders join l using (order_id) join members using (customer_id) join true_customers using (customer_id) "
        "where order_amount >= 0 and coupon is null group by 1"
    ).set_index("segment")
    told = company.told("segments")
    for segment in told["share"]:
        assert seen.deals[segment] == pytest.approx(told["orders_on_discount"][segment], abs=0.01)
        assert seen.early[segment] == pytest.approx(sum(told["hours"][segment][:10]), abs=0.01)
        low, high = told["ages"][segment]
        assert low <= seen.youngest[segment] <= seen.oldest[segment] <= high
        days = told["weekdays"][segment]
        assert seen.weekend[segment] == pytest.approx(sum(days[5:]) / sum(days), abs=0.02)
    assert seen.lines.idxmax() == "families"
    shares = company.sql(
        "select segment, count(*) / sum(count(*)) over () s from true_customers where segment not in "
        "('business', 'dealers') group by 1"
    )
    for segment, share in zip(shares.segment, shares.s, strict=True):
        assert share == pytest.approx(told["share"][segment], abs=0.03)


def test_plain_k_means_on_what_when_and_how_members_buy_returns_the_segments(company):
    """Shares of categories, hours, weekend and discounts, and lines per order; how often and how much they buy tells nothing."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score
    from threadpoolctl import threadpool_limits

    habits = company.sql(
        "select customer_id, avg((discount_amount > 0)::int) deals, avg((hour(order_date) < 10)::int) early, "
        "avg((hour(order_date) >= 18)::int) late, avg((dayofweek(order_date) in (0, 6))::int) weekend, ln(avg(n)) lines from "
        "orders join (select order_id, count(*) n from order_lines group by 1) using (order_id) join members using (customer_id) "
        "where order_amount >= 0 and order_date >= date '2024-01-01' group by 1 having count(*) >= 5"
    ).set_index("customer_id")
    bought = company.sql(
        "select customer_id, category, count(*) n from order_lines join products using (product_id) join members using "
        "(customer_id) where quantity > 0 and order_date >= date '2024-01-01' and category <> 'Festival gifts' group by 1, 2"
    ).pivot(index="customer_id", columns="category", values="n")
    shares = bought.reindex(habits.index).fillna(0)
    seen = habits.join(shares.div(shares.sum(axis=1), axis=0)).sort_index()
    true = company.sql("select customer_id, segment from true_customers").set_index("customer_id").segment[seen.index]
    with threadpool_limits(1):
        found = KMeans(4, n_init=5, random_state=1).fit_predict((seen - seen.mean()) / seen.std())
    assert len(seen) > 2000
    assert adjusted_rand_score(true, found) > 0.75


def test_a_pareto_nbd_fit_returns_the_planted_parameters(company):
    """Maximum likelihood by quadrature over the two rates (Schmittlein, Morrison and Colombo 1987)."""
    from scipy.optimize import minimize

    told = company.told("purchase_process")
    seen = company.sql(
        "select count(*) - 1 x, date_diff('day', min(order_date), max(order_date)) / 7 tx, "
        "date_diff('day', min(order_date), date '{until}-01') / 7 t from orders join members using (customer_id) "
        "where order_date < date '{until}-01' and order_amount >= 0 and customer_id not in "
        "(select customer_id from true_customers where duplicate_of is not null union "
        "select duplicate_of from true_customers where duplicate_of is not null) group by customer_id order by "
        "customer_id limit 1500",
        until=told["until"],
    )
    x, tx, t = (seen[c].to_numpy(float)[:, None, None] for c in ("x", "tx", "t"))
    rate, death = np.geomspace(1e-3, 14, 90)[None, :, None], np.geomspace(1e-5, 3, 30)[None, None, :]
    both = rate + death
    log = x * np.log(rate) + np.logaddexp(np.log(death / both) - both * tx, np.log(rate / both) - both * t)
    top = log.max(axis=(1, 2))
    likelihood = np.exp(log - top[:, None, None]).reshape(len(seen), -1)

    def loss(p):
        r, alpha, s, beta = np.exp(p)
        prior = stats.gamma.pdf(rate, r, scale=1 / alpha) * rate * stats.gamma.pdf(death, s, scale=1 / beta) * death
        prior = prior / prior.sum()
        return -np.log(likelihood @ prior.ravel()).sum()

    r, alpha, s, beta = np.exp(minimize(loss, np.log([0.7, 0.7, 0.6, 20.0]), method="Nelder-Mead", options={"maxiter": 400}).x)
    assert r == pytest.approx(told["r"], rel=0.15)
    assert r / alpha == pytest.approx(told["r"] / told["alpha"], rel=0.12)
    for weeks in (26, 52, 100):
        assert (beta / (beta + weeks)) ** s == pytest.approx((told["beta"] / (told["beta"] + weeks)) ** told["s"], abs=0.05)
    gone = company.sql("select avg((dropped_out is null)::int) s from true_customers where drop_out_rate is not null")
    counted = company.fact("purchase_process")["realised"]
    assert gone.s[0] == pytest.approx(counted["still_there"] / counted["members"])


def test_members_differ_in_their_baskets_as_planted(company):
    told = company.told("spend_differences")
    jam = "('Jam and butter', 'Festival gifts')"
    seen = company.sql(
        "with o as (select customer_id, order_id, count(*) filter (category not in {jam}) - 1 n from order_lines join "
        "products using (product_id) "
        "join members using (customer_id) where order_date < date '2024-01-01' and quantity > 0 group by 1, 2) "
        "select segment, avg(n) m, var_samp(n) v, count(*) k from o join true_customers using (customer_id) where n "
        ">= 0 group by customer_id, segment having k >= 20",
        jam=jam,
    )
    for segment in ("families", "gourmets"):
        own = seen[seen.segment == segment]
        between = own.m.var() - (own.v / own.k).mean()
        assert own.m.mean() ** 2 / between == pytest.approx(told["gamma_shape"], rel=0.35)
        assert own.m.mean() == pytest.approx(told["beyond_the_first_line"][segment], rel=0.12)


def test_festivals_and_weekdays_move_orders(company):
    daily = company.sql(
        "select order_date::date d, count(*) n from orders join members using (customer_id) group by 1 order by 1"
    )
    daily = daily.set_index(pd.to_datetime(daily.d)).n
    festivals = company.told("seasons")["festivals"]
    assert {f["date"] for f in festivals} >= {"2023-01-22", "2024-02-10", "2023-06-22", "2024-06-10", "2023-09-29", "2024-09-17"}
    for f in festivals:
        if f["name"] in ("Spring Festival", "National Day") and f["first"] > "2023-02":
            first, last = pd.Timestamp(f["first"]), pd.Timestamp(f["last"])
            week, day = pd.Timedelta(days=7), pd.Timedelta(days=1)
            around = pd.concat([daily[first - 2 * week : first - day], daily[last + day : last + 2 * week]])
            assert daily[first:last].mean() / around.mean() == pytest.approx(f["orders"], rel=0.15), f["name"]
    gifts = company.sql(
        "select product_name, order_date::date d from order_lines join products using (product_id) where category = "
        "'Festival gifts'"
    )
    for f in festivals:
        if f["product"]:
            sold = gifts[gifts.product_name == f["product"]]
            assert sold.d.between(pd.Timestamp(f["first"]), pd.Timestamp(f["last"])).sum() > 10
    assert gifts.d.dt.date.map(lambda d: any(f["first"] <= str(d) <= f["last"] for f in festivals if f["product"])).mean() > 0.98


# ------------------------------------------------------------------------------------------------ campaigns
def _orders_during(company, campaign: dict) -> pd.DataFrame:
    return company.sql(
        "select e.customer_id, treated, age_band, coalesce(n, 0) n, coalesce(a, 0) a from exposures e join members "
        "using (customer_id) "
        "left join (select customer_id, count(*) n, sum(order_amount)::double a from orders where order_date >= date "
        "'{start}' and "
        "order_date < date '{start}' + 28 group by 1) using (customer_id) where campaign_id = '{campaign_id}'",
        **campaign,
    )


def _difference(one: pd.Series, other: pd.Series) -> tuple[float, float]:
    return one.mean() - other.mean(), float(np.sqrt(one.var() / len(one) + other.var() / len(other)))


def test_the_randomised_campaign_shows_its_effect_and_whom_it_worked_on(company):
    told = company.told("randomised_campaign")
    seen = _orders_during(company, told)
    bands = {}
    for band, effect in told["additional_orders_per_contacted"].items():
        own = seen[seen.age_band == band]
        bands[band] = _difference(own.n[own.treated], own.n[~own.treated])
        assert abs(bands[band][0] - effect) < 3 * bands[band][1], band
    assert bands["18-29"][0] / bands["18-29"][1] > 3
    realised = company.fact("randomised_campaign")["realised"]
    effect, error = _difference(seen.n[seen.treated], seen.n[~seen.treated])
    assert abs(effect - realised["additional_orders"] / realised["contacted"]) < 3 * error
    assert effect / error > 3
    used = company.sql("select count(*) n from orders where coupon = 'K03-A'").n[0]
    assert used == realised["additional_orders"]
    assert company.sql("select count(*) n from interactions where offer_id = 'K03-A'").n[0] == used
    assert seen.treated.mean() == pytest.approx(0.5, abs=0.04)


def test_the_randomised_campaign_without_effect_has_none(company):
    seen = _orders_during(company, company.told("campaign_without_effect"))
    effect, error = _difference(seen.n[seen.treated], seen.n[~seen.treated])
    assert abs(effect) < 3 * error


def test_the_confounded_campaign_looks_good_and_is_not(company):
    told = company.told("confounded_campaign")
    assert not company.sql("select randomised r from campaigns where campaign_id = '{campaign_id}'", **told).r[0]
    start, contacted = told["start"], told["campaign_id"]
    seen = company.sql(
        "select orders_per_week rate, e.customer_id is not null treated, coalesce(n, 0) n, dropped_out is null or "
        "dropped_out > "
        "date '{start}' + 28 there from members join true_customers using (customer_id) left join (select "
        "customer_id, count(*) n from orders "
        "where order_date >= date '{start}' and order_date < date '{start}' + 28 group by 1) using (customer_id) left join "
        "(select customer_id from exposures where campaign_id = '{contacted}') e using (customer_id) where "
        "registered_at < date '{start}' - 7 "
        "and customer_id not in (select duplicate_of from true_customers where duplicate_of is not null)",
        start=start, contacted=contacted,
    )  # fmt: skip
    naive, error = _difference(seen.n[seen.treated], seen.n[~seen.treated])
    assert naive > 5 * error
    # Held against what they would buy anyway, those who stayed bought the same, contacted or not.
    stayed = seen[seen.there & seen.rate.notna()]
    one, other = (stayed[stayed.treated == t].n.sum() / stayed[stayed.treated == t].rate.sum() for t in (True, False))
    assert one / other == pytest.approx(1.0, abs=0.1)


# ------------------------------------------------------------------------------------------------ needs
def test_the_pain_point_is_one_product_in_one_region_with_its_words(company):
    told = company.told("pain_point")
    rate = company.sql(
        "with sold as (select product_id, region, count(*) n from order_lines join members using (customer_id) group "
        "by 1, 2), "
        "said as (select product_id, region, count(*) k, string_agg(text, ' ') words from feedback where "
        "feedback_type = 'complaint' group by 1, 2) "
        "select *, k / n r from sold join said using (product_id, region) where n >= 300 order by r desc"
    )
    top = rate.iloc[0]
    assert (top.product_id, top.region) == (told["product_id"], told["region"])
    assert top.r > 6 * rate.r.iloc[1]
    assert top.words.count("漏") + top.words.count("洒") > 0.8 * top.k
    causes = company.sql(
        "select cause, count(*) n from feedback where product_id = '{product_id}' and region = "
        "'{region}' and cause is not null group by 1 order by 2 desc",
        **told,
    )
    assert causes.cause[0] == told["cause"]


def test_each_feature_gets_its_kano_category_from_most_respondents(company):
    table = ["QAAAO", "RIIIM", "RIIIM", "RIIIM", "RRRRQ"]  # Kano et al. 1984: rows functional, columns dysfunctional
    words = ["like", "must-be", "neutral", "live-with", "dislike"]
    answers = company.sql(
        "select response_id, split_part(question_id, '/', 2) f, split_part(question_id, '/', 3) w, "
        "answer from survey where survey_id = 'kano'"
    )
    wide = answers.pivot(index=["response_id", "f"], columns="w", values="answer").reset_index()
    wide["c"] = [table[words.index(f)][words.index(d)] for f, d in zip(wide.functional, wide.dysfunctional, strict=True)]
    told = company.told("kano")
    for feature, category in told["categories"].items():
        shares = wide[wide.f == feature].c.value_counts(normalize=True)
        assert shares.idxmax() == category
        assert shares.iloc[0] == pytest.approx(told["share_who_answer_so"], abs=0.08)


def test_regression_returns_the_weights_of_satisfaction(company):
    told = company.told("satisfaction_drivers")
    answers = company.sql(
        "select response_id, split_part(question_id, '/', 2) q, score from survey "
        "where survey_id = 'satisfaction' and question_id like 'satisfaction/%'"
    )
    wide = answers.pivot(index="response_id", columns="q", values="score")
    design = np.column_stack([np.ones(len(wide)), wide[list(told["weights"])]])
    solution, rest, *_ = np.linalg.lstsq(design, wide.overall, rcond=None)
    errors = np.sqrt(np.diag(np.linalg.inv(design.T @ design)) * rest[0] / (len(wide) - design.shape[1]))
    for estimate, error, weight in zip(solution[1:], errors[1:], told["weights"].values(), strict=True):
        assert abs(estimate - weight) < 3 * error
    assert int(np.argmax(solution[1:])) == 0


def test_members_of_one_region_give_less_and_ratings_differ_as_much_as_before(company):
    told = company.told("unhappy_region")
    rated = company.sql(
        "select region, split_part(question_id, '/', 2) q, answered_at >= date '{month}-01' late, score, response_id from survey "
        "join customers using (customer_id) where survey_id = 'satisfaction' and question_id like 'satisfaction/%'",
        **told,
    )
    late = rated[rated.late & (rated.q != "overall")]
    means = late.groupby(late.region == told["region"]).score.mean()
    assert means[False] - means[True] == pytest.approx(told["points_less"], abs=0.2)
    correlation = late.pivot(index="response_id", columns="q", values="score").corr().to_numpy()
    apart = ~np.eye(len(correlation), dtype=bool)
    assert correlation[apart].mean() == pytest.approx(company.told("satisfaction_drivers")["correlation"], abs=0.05)
    assert rated[~rated.late].groupby(rated.region == told["region"]).score.mean().diff().abs().max() < 0.2


def test_one_product_is_out_of_stock_at_one_branch_and_its_customers_take_another(company):
    told = company.told("out_of_stock")
    days = company.sql(
        "select stock_date d, on_hand, received, coalesce(u, 0) u, coalesce(v, 0) v from stock left join (select "
        "order_date::date d, sum(quantity) filter (product_id = '{product_id}') u, "
        "sum(quantity) filter (product_id = '{taken_instead}') v "
        "from order_lines where store = '{store}' and quantity > 0 group by 1) on d = stock_date "
        "where store = '{store}' and product_id = '{product_id}' order by 1",
        **told,
    )
    days["out"] = (days.d >= told["first"]) & (days.d < told["before"])
    assert (days.on_hand[days.out] == 0).all()
    assert days.received[days.out].sum() == days.u[days.out].sum() == 0
    usual = days[~days.out][["u", "v"]].mean()
    lost = company.fact("out_of_stock")["realised"]["units_not_sold"]
    assert abs(lost - usual.u * days.out.sum()) < 4 * np.sqrt(1.3 * lost)
    assert days.v[days.out].mean() > usual.v + 0.6 * usual.u
    kept = company.sql(
        "select on_hand - (lag(on_hand) over w + received - coalesce(u, 0)) gone from stock left join (select "
        "order_date::date d, store s, product_id p, sum(quantity) u from order_lines where quantity > 0 group by 1, 2, 3) "
        "on d = stock_date and s = store and p = product_id "
        "where store <> '{store}' window w as (partition by store, product_id order by stock_date)",
        **told,
    ).gone.dropna()
    assert set(kept.unique()) == {0.0, -1.0}  # what came and was not sold is there, but for what was thrown away


def test_two_departments_write_to_the_same_members_every_week(company):
    told = company.told("contact_overlap")
    one, other = told["departments"]
    weeks = company.sql(
        "with w as (select customer_id, date_trunc('week', occurred_at) k, count(distinct department) d from "
        "interactions where department in ('{one}', '{other}') "
        "and direction = 'outbound' and occurred_at >= date '{first}' and occurred_at < date '{before}' group by 1, 2) "
        "select customer_id, count(*) filter (d = 2) both_ from w group by 1",
        one=one, other=other, first=told["first"], before=told["before"],
    )  # fmt: skip
    over = set(weeks.customer_id[weeks.both_ >= 10])
    true = set(company.fact("contact_overlap")["ids"])
    assert len(true) > 30
    assert len(over & true) / len(true) > 0.95
    assert len(over & true) / len(over) > 0.95


def test_the_broken_step_stands_out_on_mobile_in_its_month(company):
    told = company.told("broken_step")
    seen = company.sql(
        "with s as (select session_id, device, strftime(min(occurred_at), '%Y-%m') m, bool_or(event_type = 'checkout') c, "
        "bool_or(event_type = 'pay') p from events group by 1, 2) "
        "select m, device, avg(p::int) r, count(*) n from s where c group by 1, 2 order by r"
    )
    worst = seen[seen.n >= 50].iloc[0]
    assert (worst.m, worst.device) == (told["month"], told["device"])
    assert worst.r == pytest.approx(told["passed"], abs=0.1)
    rest = seen[(seen.m != told["month"])]
    assert np.average(rest.r, weights=rest.n) == pytest.approx(told["usual"], abs=0.03)


def test_the_planted_pair_goes_together_and_the_decoy_does_not(company):
    def lift(categories) -> tuple[float, int]:
        a, b = categories
        n = company.sql(
            "with o as (select order_id, bool_or(category = '{a}') a, bool_or(category = '{b}') b from order_lines "
            "join products using (product_id) "
            "join members using (customer_id) where quantity > 0 group by 1) "
            "select count(*) n, sum(a::int) a, sum(b::int) b, sum((a and b)::int) ab from o",
            a=a, b=b,
        ).iloc[0]  # fmt: skip
        return n.ab * n.n / (n.a * n.b), int(n.ab)

    pair, decoy = (lift(company.told(k)["categories"]) for k in ("product_pair", "decoy_pair"))
    assert pair[0] > 2.5
    assert decoy[0] < 1.35
    assert decoy[1] > 0.5 * pair[1]  # the decoy meets often too
    bread = company.sql(
        "with o as (select order_id, bool_or(category = 'Bread') a, bool_or(category = 'Jam and butter') b from "
        "order_lines join products using (product_id) "
        "where quantity > 0 group by 1) select avg(b::int) r from o where a"
    )
    assert bread.r[0] == pytest.approx(company.told("product_pair")["taken_along"], abs=0.03)


def test_one_category_rises_and_another_falls_and_the_rest_stay(company):
    told = company.told("category_trends")
    lines = company.sql(
        "select date_diff('month', date '2023-01-01', order_date) m, category, count(*) n from order_lines join "
        "products using (product_id) "
        "join members using (customer_id) join true_customers t using (customer_id) where quantity > 0 and category "
        "not in ('Festival gifts', 'Jam and butter') "
        "and leaving = 'keep' group by 1, 2"
    )
    shares = lines.pivot(index="m", columns="category", values="n").fillna(0)
    shares = shares.div(shares.sum(axis=1), axis=0)
    slopes = {c: stats.linregress(shares.index, shares[c]) for c in shares}
    for category, sign in ((told["rising"], 1), (told["falling"], -1)):
        assert slopes[category].slope == pytest.approx(sign * told["share_of_lines_per_month"], rel=0.25)
        assert abs(slopes[category].slope / slopes[category].stderr) > 8
    quiet = [
        c
        for c in slopes
        if c not in (told["rising"], told["falling"], "Frappes", "Hot chocolate", company.told("price_change")["category"])
    ]
    assert max(abs(slopes[c].slope) for c in quiet) < 0.3 * told["share_of_lines_per_month"]


def test_the_price_rise_took_as_many_lines_as_it_added_price(company):
    told = company.told("price_change")
    seen = company.sql(
        "select order_date >= date '{month}-01' later, count(*) filter (category = '{category}') / count(distinct "
        "order_id) n, "
        "avg(unit_price) filter (category = '{category}' and product_name = 'Latte') p from order_lines join products "
        "using (product_id) "
        "join members using (customer_id) join true_customers t using (customer_id) where quantity > 0 and leaving = "
        "'keep' group by 1 order by 1",
        **told,
    )
    assert seen.p[1] / seen.p[0] - 1 == pytest.approx(told["rise"], abs=0.003)
    assert np.log(seen.n[1] / seen.n[0]) / np.log(seen.p[1] / seen.p[0]) == pytest.approx(told["elasticity"], abs=0.5)


def test_the_new_product_starts_in_its_month_and_one_segment_leads(company):
    told = company.told("new_product")
    first = company.sql("select strftime(min(order_date), '%Y-%m') m from order_lines where product_id = '{product_id}'", **told)
    assert first.m[0] == told["month"]
    share = company.sql(
        "select segment, sum((product_id = '{product_id}')::int) / count(*) s from order_lines join products using "
        "(product_id) join true_customers using (customer_id) "
        "where category = 'Espresso drinks' and order_date >= date '{month}-01' + 92 and segment not in ('business', "
        "'dealers') group by 1",
        **told,
    ).set_index("segment").s  # fmt: skip
    for segment, planted in told["share_of_category"].items():
        assert share[segment] == pytest.approx(planted, abs=0.03)


def test_the_competitor_took_orders_in_its_region_only(company):
    told = company.told("competitor_opening")
    monthly = company.sql(
        "select region, strftime(order_date, '%Y-%m') m, count(*) n from orders join members using (customer_id) "
        "join true_customers t using (customer_id) where leaving = 'keep' and coupon is null and strftime(order_date, "
        "'%Y-%m') >= '2023-09' group by 1, 2"
    )
    wide = monthly.pivot(index="m", columns="region", values="n")
    after = wide.index >= told["month"]
    change = np.log(wide[after].mean() / wide[~after].mean())
    others = change.drop(told["region"])
    assert change.idxmin() == told["region"]
    assert np.expm1(change[told["region"]] - others.mean()) == pytest.approx(-told["orders_lost"], abs=0.12)
    assert (change[told["region"]] - others.mean()) / others.std() < -3


# ------------------------------------------------------------------------------------------------ channel, money, pipeline
def test_one_dealer_delivers_and_is_scanned_away_from_home(company):
    told = company.told("diverted_goods")
    sent = company.sql(
        "select customer_id, region, avg((store <> region || ' depot')::int) away, mode(store) filter (store <> "
        "region || ' depot') goal "
        "from orders join customers using (customer_id) where customer_type = 'dealer' group by 1, 2 order by away desc"
    )
    assert sent.customer_id[0] == told["dealer"]
    assert sent.away[0] == pytest.approx(told["share"], abs=0.12)
    assert sent.goal[0] == f"{told['to']} depot"
    assert sent.away[1:].max() < 0.1
    scans = company.sql(
        "select substr(page, 5) dealer, d.region home, c.region found, count(*) n from events e join customers c on "
        "e.customer_id = c.customer_id "
        "join customers d on d.customer_id = substr(page, 5) where event_type = 'scan' group by 1, 2, 3"
    )
    foreign = scans[scans.home != scans.found]
    assert set(foreign.dealer) == {told["dealer"]}
    assert set(foreign.found) == {told["to"]}


def test_some_large_companies_cost_more_than_they_bring(company):
    seen = company.sql(
        "select c.customer_id, sum(revenue) revenue, any_value(profit) - coalesce(any_value(spent), 0) net from customers c "
        "join (select customer_id, sum(line_amount)::double revenue, sum(gross_profit)::double profit from "
        "order_lines group by 1) using (customer_id) "
        "left join (select customer_id, sum(amount)::double spent from costs group by 1) using (customer_id) where "
        "customer_type = 'business' group by 1"
    )
    assert set(company.fact("unprofitable_customers")["ids"]) == set(seen.customer_id[seen.net < 0])
    assert len(seen[seen.net < 0]) >= 5
    assert seen.revenue[seen.net < 0].median() > seen.revenue.median()


def test_stages_pass_on_as_planted_and_the_cold_group_is_hardly_won(company):
    told = company.told("win_probabilities")["passed"]
    rows = company.sql(
        "select o.opportunity_id, status, company_size = '1-9' and source = 'cold list' cold, list(h.stage) reached, "
        "bool_or(left_at is null) running "
        "from opportunities o join stage_history h using (opportunity_id) join customers using (customer_id) group by 1, 2, 3"
    )
    stages = list(told)
    warm = rows[~rows.cold]
    for i, stage in enumerate(stages):
        left = warm[
            [stage in r for r in warm.reached]
            & (~warm.running.to_numpy() | np.array([any(s in r for s in stages[i + 1 :]) for r in warm.reached]))
        ]
        went_on = left.status.eq("won") if stage == stages[-1] else pd.Series([stages[i + 1] in r for r in left.reached])
        share, error = went_on.mean(), np.sqrt(told[stage] * (1 - told[stage]) / len(left))
        assert abs(share - told[stage]) < 3.5 * error + 0.02, stage
    closed = rows[rows.status != "open"]
    cold, rest = (closed.status[closed.cold == c].eq("won") for c in (True, False))
    assert len(cold) > 40
    assert cold.mean() < 0.08
    assert rest.mean() > 2.5 * cold.mean()
    assert set(company.fact("drop_worthy_group")["ids"]) == set(
        company.sql("select customer_id i from customers where company_size = '1-9' and source = 'cold list'").i
    )


def test_switching_and_stopping_customers_leave_different_traces(company):
    told = company.told("switching_customers")
    seen = company.sql(
        "with l as (select customer_id, order_date >= date '2025-01-01' - {days} late, count(distinct order_id) n, "
        "count(*) filter (category in ('Espresso drinks', 'Cold brew', 'Filter coffee')) / count(*) coffee from "
        "order_lines join products using (product_id) "
        "join members using (customer_id) where order_date >= date '2025-01-01' - 2 * {days} and quantity > 0 group "
        "by 1, 2), "
        "v as (select customer_id, count(*) filter (page = 'compare prices') compare, count(*) filter (page = 'close "
        "account') closing from events "
        "where occurred_at >= date '2025-01-01' - 120 group by 1) "
        "select a.customer_id, a.n n_before, coalesce(b.n, 0) n_after, a.coffee coffee_before, b.coffee coffee_after, "
        "coalesce(compare, 0) compare, coalesce(closing, 0) closing "
        "from l a left join l b on a.customer_id = b.customer_id and b.late left join v on a.customer_id = "
        "v.customer_id where not a.late",
        days=told["days"],
    )
    regular = seen[(seen.n_before >= 8) & (seen.coffee_before > 0)]
    switching = set(regular.customer_id[(regular.n_after >= 4) & (regular.coffee_after == 0)])
    stopping = set(regular.customer_id[(regular.n_after < 0.6 * regular.n_before) & (regular.closing >= 1)])
    true = company.sql("select customer_id, leaving from true_customers")
    for found, kind in ((switching, "switch"), (stopping, "stop")):
        really = set(true.customer_id[true.leaving == kind])
        assert len(found & really) / len(found) > 0.7, kind
        reachable = really & set(regular.customer_id)
        assert len(found & reachable) / len(reachable) > 0.45, kind
    means = seen.merge(true, on="customer_id").groupby("leaving")[["compare", "closing"]].mean()
    assert means["compare"]["switch"] > 10 * means["compare"]["keep"]
    assert means["closing"]["stop"] > 10 * means["closing"]["keep"]


def test_more_points_cost_gold_more_and_bring_orders_from_platinum_only(company):
    told = company.told("loyalty_points")
    seen = company.sql(
        "select member_level, order_date >= date '{month}-01' later, count(*) / (case when order_date >= date "
        "'{month}-01' then 9 else 9 end) n from orders "
        "join members using (customer_id) join true_customers t using (customer_id) where leaving = 'keep' and coupon "
        "is null and region <> 'Northeast' "
        "and registered_at < date '2023-07-01' and order_date >= date '2023-07-01' group by 1, 2",
        **told,
    ).pivot(index="member_level", columns="later", values="n")  # fmt: skip
    change = seen[True] / seen[False]
    assert change["platinum"] / change[["basic", "silver", "gold"]].mean() - 1 == pytest.approx(
        told["additional_orders"], abs=0.12
    )
    assert change["gold"] / change[["basic", "silver"]].mean() - 1 == pytest.approx(0.0, abs=0.12)
    cost = company.sql(
        "with c as (select member_level, cost_date >= date '{month}-01' later, sum(amount)::double c from costs join "
        "members using (customer_id) where cost_type = 'points' group by 1, 2), "
        "s as (select member_level, order_date >= date '{month}-01' later, sum(order_amount)::double s from orders "
        "join members using (customer_id) "
        "where order_status = 'completed' group by 1, 2) select member_level, later, c / s part from c join s using "
        "(member_level, later)",
        **told,
    )
    for row in cost.itertuples():
        planted = told["cost_of_spend"]["after" if row.later else "before"][row.member_level]
        assert row.part == pytest.approx(planted, rel=0.03)


def test_second_accounts_share_what_does_not_change(company):
    pairs = company.sql(
        "select a.customer_id a, b.customer_id b from members a join members b on a.birth_date = b.birth_date and "
        "a.gender = b.gender and "
        "a.postal_code = b.postal_code and a.interests is not distinct from b.interests and a.occupation = "
        "b.occupation and a.customer_id < b.customer_id"
    )
    true = company.sql("select duplicate_of a, customer_id b from true_customers where duplicate_of is not null")
    found, planted = (set(zip(x.a, x.b, strict=True)) for x in (pairs, true))
    assert len(planted) > 40
    assert len(found & planted) / len(planted) > 0.95
    assert len(found & planted) / len(found) > 0.9
    assert set(company.fact("duplicates")["ids"]) == set(true.b)
