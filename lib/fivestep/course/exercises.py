"""The exercises of the course: what is asked, what is right, and what learners commonly do instead.

What is right is computed from the learner's own company when an answer is checked, by a method of the library or from the planted
truth; so is what each common mistake would give. A new exercise is one entry of `EXERCISES`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import pandas as pd

from fivestep import evaluation, language, needs, segmentation
from fivestep.cases.products import DECOY
from fivestep.course.answers import TABLE, difference, plain
from fivestep.course.company import Case
from fivestep.evaluation.campaign_response import ORDERED
from fivestep.language import N_, _

WINDOW = 365
INDEXED = "Tea drinks"
FEATURE_DAY = dt.date(2024, 6, 30)  # the day up to which a prediction may know anything
VOUCHERS, VOUCHER_COST = 100, 10.0  # how many there are to give away, and what one costs, in yuan
ENOUGH = 0.5  # of the best return: from here on a decision counts as solved

ALL_TIME, DAY_LONG, LAST_DAY, AS_OF, TIME, RETURNS, GROSS = (
    N_("window forgotten"), N_("window a day too long"), N_("last day left out"), N_("wrong as-of date"),
    N_("time of day left in"), N_("returns counted as orders"),
    N_("returns left out of the spend"),
)  # fmt: skip
LEAKAGE, SURVIVORS = N_("leakage"), N_("only customers who came back")
MEDIAN, RECENCY_TURNED = N_("median for mean"), N_("recency the wrong way round")
NO_CONTROL, RESPONSE = N_("no control"), N_("response in place of orders")
ENDLESS, EVERYBODY, DOWN = N_("size of the population left out"), N_("companies counted with members"), N_("rounded down")
SPEND = N_("spend for profit")
MEAN = N_("mean for median")


@dataclass(frozen=True)
class Mistake:
    """A common way to go wrong: its name, what to say, and how it is told from the answer as a whole, where it can be."""

    name: str
    said: str
    seen: Callable[[Case, Any, Any], bool] | None = None


@dataclass(frozen=True)
class Verdict:
    """What a plain answer is worth: score from 0 to 1, what is said of it (a line for each mistake), the mistakes recognised."""

    score: float
    said: str
    mistakes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exercise:
    """One exercise: title, points, what is right; hints from vague to plain, and the mistakes that are recognised.

    ``together``: answers that several of the mistakes give at once. ``parts``: the mistakes of a table, told column by column,
    as each column may have its own. ``within``: share of the right number by which an answer may be off. ``value``: for a
    decision, what an answer returns and what is said of it, in place of right and wrong.
    """

    key: str
    title: str
    points: int
    right: Callable[[Case], Any]
    hints: tuple[str, str, str]
    mistakes: tuple[Mistake, ...] = ()
    together: tuple[tuple[tuple[str, ...], Callable[[Case, Any, Any], bool]], ...] = ()
    parts: Callable[[Case, Any, Any], Iterable[str]] | None = None
    within: float = 1e-6
    value: Callable[[Case, Any], tuple[float, str]] | None = None

    @property
    def unit(self) -> str:
        """The unit that it belongs to, like unit2."""
        return self.key.partition(".")[0]

    def judged(self, case: Case, answer: Any) -> Verdict:
        """The verdict on a plain answer."""
        if self.value:
            return Verdict(*self.value(case, answer))
        reference = case.once(self.right, lambda: plain(self.right(case)))
        said = difference(answer, reference, within=self.within)
        if not said:
            return Verdict(1.0, _("Right."))
        found = self._recognised(case, answer, reference)
        return Verdict(0.0, "\n".join(_(m.said) for m in self.mistakes if m.name in found) or said, found)

    def _recognised(self, case: Case, answer: Any, reference: Any) -> tuple[str, ...]:
        alone = [((m.name,), m.seen) for m in self.mistakes if m.seen]
        for names, seen in (*alone, *self.together):
            if seen(case, answer, reference):
                return names
        found = set(self.parts(case, answer, reference)) if self.parts else set()
        return tuple(m.name for m in self.mistakes if m.name in found)


def _gives(wrong: Callable[[Case], Any], within: float = 1e-6) -> Callable[[Case, Any, Any], bool]:
    """The answer is what a wrong way gives."""
    return lambda case, answer, _reference: not difference(answer, case.once(wrong, lambda: plain(wrong(case))), within=within)


def _column(answer: Any, name: str) -> pd.Series | None:
    """A column of a plain table by its first column named customer_id; None where the answer is none such."""
    table = answer.get(TABLE) if isinstance(answer, dict) else None
    if not table or not {"customer_id", name} <= set(table["columns"]):
        return None
    frame = pd.DataFrame(table["rows"], columns=table["columns"]).drop_duplicates("customer_id").set_index("customer_id")
    return pd.to_numeric(frame[name], errors="coerce")


def _percent(right: Callable[[Case], float], within: float = 0.001) -> Mistake:
    return Mistake(
        N_("percent in place of a share"),
        N_("This is in percent. Divide by 100."),
        _gives(lambda case: 100 * right(case), within),
    )


Ways = dict[tuple[str, ...], pd.Series]  # mistakes made together -> the column that they give, by customer


def _way(given: pd.Series | None, ways: Ways, shift: Callable[[pd.Series], tuple[str, ...] | None]) -> tuple[str, ...]:
    """The fewest mistakes that lead to the column *given*, for the customers of the right answer; none where no way fits.

    ``ways[()]`` is the right column. *shift* says by which further mistakes values are off as they are, None where by none known.
    """
    if given is None:
        return ()
    found = []
    for names, column in ways.items():
        apart = (given - column.reindex(ways[()].index)).dropna()
        if len(apart) and (more := shift(apart)) is not None:
            found.append((*names, *more))
    return min(found, key=len, default=())


def _exact(apart: pd.Series) -> tuple[str, ...] | None:
    return () if (apart.abs() < 0.005).all() else None


def _days_off(apart: pd.Series) -> tuple[str, ...] | None:
    """Why recencies are off: nearly all by up to a day too few, for the time of day; all by the same, for the as-of date."""
    low, high = apart.min(), apart.max()
    if low == high == 0:
        return ()
    if -1 <= low <= high <= 0 and (apart < 0).mean() > 0.5:
        return (TIME,)
    return (AS_OF,) if high - low <= 1 and low * high > 0 else None


# ------------------------------------------------------------------------------------------------ what is right, and what is not
def _orders(case: Case) -> pd.DataFrame:
    orders = case.frame("orders")
    return orders[orders["customer_id"].notna()]


def _top_fifth(amounts: pd.Series) -> float:
    ranked = amounts.sort_values(ascending=False)
    return float(ranked.head(math.ceil(len(ranked) / 5)).sum() / ranked.sum())


def _spend(case: Case, days: int, *, everybody: bool = False) -> pd.Series:
    orders = _orders(case)
    inside = orders[orders["order_date"] >= pd.Timestamp(case.tables.as_of) - pd.Timedelta(days=days - 1)]
    spend = inside.groupby("customer_id")["order_amount"].sum()
    return spend.reindex(orders["customer_id"].unique(), fill_value=0.0) if everybody else spend


def _classes(case: Case) -> pd.DataFrame:
    return case.once(_classes, lambda: segmentation.rfm(case.tables, window_days=WINDOW).table)


def _concentration(case: Case) -> float:
    spend = _classes(case)["monetary"]
    return _top_fifth(spend)


def _index_by_age(case: Case, *, unknown: bool = False) -> pd.DataFrame:
    lines = case.frame("order_lines").merge(case.frame("products")[["product_id", "category"]], on="product_id")
    lines = lines.merge(case.frame("customers")[["customer_id", "age_band"]], on="customer_id")
    lines = lines if unknown else lines[lines["age_band"].notna()]
    own = lines["line_amount"].where(lines["category"] == INDEXED, 0.0)
    share = own.groupby(lines["age_band"]).sum() / lines.groupby("age_band")["line_amount"].sum()
    base = own.sum() / lines["line_amount"].sum()
    return pd.DataFrame({"age_band": share.index, "index": (100 * share / base).to_numpy(), "share": share.to_numpy()})


def _rfm(case: Case) -> pd.DataFrame:
    return _classes(case)[["customer_id", "recency_days", "frequency", "monetary"]]


def _rfm_ways(case: Case) -> dict[str, Ways]:
    """What each column of recency, frequency and monetary value becomes by mistakes in window, last day and returns."""
    orders, end = _orders(case), pd.Timestamp(case.tables.as_of)
    right = _rfm(case).set_index("customer_id")
    ways: dict[str, Ways] = {name: {(): right[name]} for name in right}
    for names, days in (((), WINDOW), ((DAY_LONG,), WINDOW + 1), ((ALL_TIME,), None)):
        since = orders if days is None else orders[orders["order_date"] >= end - pd.Timedelta(days=days - 1)]
        for cut, inside in (((), since), ((LAST_DAY,), since[since["order_date"] < end])):
            placed = inside[inside["order_amount"] >= 0]
            ways["monetary"] |= {
                (*names, *cut): inside.groupby("customer_id")["order_amount"].sum(),
                (*names, *cut, GROSS): placed.groupby("customer_id")["order_amount"].sum(),
            }
            for more, counted in (((), placed), ((RETURNS,), inside)):
                by = counted.groupby("customer_id")["order_date"]
                ways["frequency"][*names, *cut, *more] = by.size()
                if not names:  # who ordered in the window ordered last in the window
                    ways["recency_days"][*cut, *more] = (end - by.max().dt.normalize()).dt.days
    return ways


def _rfm_mistakes(case: Case, answer: Any, _reference: Any) -> set[str]:
    ways = case.once(_rfm_ways, lambda: _rfm_ways(case))
    return {m for n in ways for m in _way(_column(answer, n), ways[n], _days_off if n == "recency_days" else _exact)}


def _important(case: Case, *, median: bool = False, turned: bool = False) -> int:
    table = _classes(case)[["recency_days", "frequency", "monetary", "rfm_class_8"]]
    if not median:
        return int((table["rfm_class_8"] == f"Important {'retain' if turned else 'value'} customers").sum())
    cut = table.drop(columns="rfm_class_8").median()
    recent = table["recency_days"] >= cut["recency_days"] if turned else table["recency_days"] <= cut["recency_days"]
    return int((recent & (table["frequency"] >= cut["frequency"]) & (table["monetary"] >= cut["monetary"])).sum())


def _pain(case: Case) -> list[str]:
    told = case.facts["pain_point"]["parameters"]
    return [told["product_id"], told["region"]]


def _half_right(case: Case, answer: Any, reference: Any) -> bool:
    return isinstance(answer, list) and len(set(map(str, answer)) & set(map(str, reference))) == 1


def _vouchers(case: Case, *, days: int | None = None) -> pd.DataFrame:
    """What the randomised voucher campaign did, one row per contacted or control member: treated, responded, orders."""
    told = case.facts["randomised_campaign"]["parameters"]
    exposed = case.frame("exposures")
    exposed = exposed[exposed["campaign_id"] == told["campaign_id"]]
    start = pd.Timestamp(told["start"])
    orders = _orders(case)
    during = orders[(orders["order_date"] >= start) & (orders["order_date"] < start + pd.Timedelta(days=days or told["days"]))]
    counts = during[during["order_amount"] >= 0].groupby("customer_id").size()
    return exposed.assign(orders=exposed["customer_id"].map(counts).fillna(0))


def _lift(case: Case) -> float:
    told = case.facts["randomised_campaign"]["parameters"]
    rates = evaluation.campaign_response(case.tables).rates
    row = rates[(rates["campaign_id"] == told["campaign_id"]) & (rates["outcome_measured"] == ORDERED)]
    return float(row["lift_rate"].iloc[0])


def _lift_by(case: Case, *, response: bool = False, control: bool = True, days: int | None = None) -> float:
    exposed = _vouchers(case, days=days)
    reached = exposed["responded"].astype(float) if response else (exposed["orders"] > 0).astype(float)
    treated = exposed["treated"]
    return float(reached[treated].mean() - (reached[~treated].mean() if control else 0.0))


def _features(case: Case) -> pd.DataFrame:
    ways = case.once(_feature_ways, lambda: _feature_ways(case))
    right = pd.DataFrame({name: columns[()] for name, columns in ways.items()})
    return right.dropna().astype(int).reset_index(names="customer_id")


def _feature_ways(case: Case) -> dict[str, Ways]:
    """What both columns become by orders of the future, by the day itself taken for the future, and by returns."""
    orders = _orders(case)
    night, morning = pd.Timestamp(FEATURE_DAY) + pd.Timedelta(days=1), pd.Timestamp(FEATURE_DAY)
    out: dict[str, Ways] = {"frequency": {}, "bought_later": {}}
    for more, counted in (((), orders[orders["order_amount"] >= 0]), ((RETURNS,), orders)):
        day = counted["order_date"]
        for names, known in (((), day < night), ((LAST_DAY,), day < morning), ((LEAKAGE,), day < pd.Timestamp.max)):
            out["frequency"][*names, *more] = counted[known].groupby("customer_id").size()
        for names, later in (((), day >= night), ((LAST_DAY,), day > morning)):
            bought = later.groupby(counted["customer_id"]).any().astype(int)
            out["bought_later"][*names, *more] = bought.reindex(out["frequency"][more].index)
    return out


def _feature_mistakes(case: Case, answer: Any, reference: Any) -> set[str]:
    ways = case.once(_feature_ways, lambda: _feature_ways(case))
    found = {m for name in ways for m in _way(_column(answer, name), ways[name], _exact)}
    given, true = _column(answer, "bought_later"), _column(reference, "bought_later")
    if given is not None and (given == 1).all() and set(true.index[true == 1]) <= set(given.index) < set(true.index):
        found.add(SURVIVORS)
    return found


def _members(case: Case) -> int:
    customers = case.frame("customers")
    return int((customers["customer_type"] == "consumer").sum())


def _overall(case: Case) -> pd.Series:
    answers = case.frame("survey")
    return answers.loc[answers["question_id"] == "satisfaction/overall", "score"].dropna()


def _satisfied(case: Case) -> float:
    return float((_overall(case) >= 8).mean())


def _of_members(case: Case, table: str) -> pd.DataFrame:
    customers = case.frame("customers")
    members = set(customers.loc[customers["customer_type"] == "consumer", "customer_id"])
    rows = case.frame(table)
    return rows[rows["customer_id"].isin(members)]


def _profit_per_order(case: Case, of: Callable[[Case, str], pd.DataFrame] = _of_members) -> float:
    return float(of(case, "order_lines")["gross_profit"].sum() / (of(case, "orders")["order_amount"] >= 0).sum())


def _campaign_cost(case: Case) -> float:
    campaigns = case.frame("campaigns").set_index("campaign_id")
    return float(campaigns.loc[case.facts["randomised_campaign"]["parameters"]["campaign_id"], "cost"])


def _break_even(case: Case, *, mistakes: Iterable[str] = ()) -> int:
    of = Case.frame if EVERYBODY in mistakes else _of_members
    orders = of(case, "orders")
    spend = float(orders.loc[orders["order_amount"] >= 0, "order_amount"].mean())
    needed = _campaign_cost(case) / (spend if SPEND in mistakes else _profit_per_order(case, of))
    return math.floor(needed) if DOWN in mistakes else math.ceil(needed)


def _sample(case: Case, *, mistakes: Iterable[str] = ()) -> int:
    population = math.inf if ENDLESS in mistakes else len(case.frame("customers")) if EVERYBODY in mistakes else _members(case)
    return needs.sample_size(0.05, population=population) - (DOWN in mistakes)


def _several(way: Callable[..., Any], *names: str) -> tuple[tuple[tuple[str, ...], Callable[[Case, Any, Any], bool]], ...]:
    """What two or more of the mistakes *names* give together."""
    sets = [chosen for n in range(2, len(names) + 1) for chosen in combinations(names, n)]
    return tuple((chosen, _gives(partial(way, mistakes=chosen))) for chosen in sets)


def _return_of(case: Case, answer: Any) -> tuple[float, str]:
    """What giving vouchers to age bands returns in expectation, as a share of the best that can be done."""
    effect = case.facts["randomised_campaign"]["parameters"]["additional_orders_per_contacted"]
    if not isinstance(answer, dict) or not all(isinstance(n, int | float) and n >= 0 for n in answer.values()):
        return 0.0, _("A dict is asked for: how many vouchers go to each age band.")
    if unknown := sorted(set(answer) - set(effect)):
        return 0.0, _("{band} is no age band. They are {bands}.").format(band=unknown[0], bands=", ".join(effect))
    if (given := sum(answer.values())) > VOUCHERS:
        return 0.0, _("There are {n} vouchers, and this gives away {given}.").format(
            n=language.number(VOUCHERS), given=language.number(given)
        )
    profit = _profit_per_order(case)
    each = {band: orders * profit - VOUCHER_COST for band, orders in effect.items()}
    brought, best = sum(n * each[band] for band, n in answer.items()), VOUCHERS * max(0.0, *each.values())
    idle = sum(n for band, n in answer.items() if effect[band] == 0)
    said = _("This plan can be expected to bring {brought} of profit after the vouchers are paid; the best plan brings {best}.")
    parts = [said.format(brought=language.money(brought), best=language.money(best))]
    if idle:
        wasted = _("Vouchers for age bands that do not order more because of them: {n}. Compare contacted and control in each.")
        parts.append(wasted.format(n=language.number(idle)))
    if given < VOUCHERS:
        parts.append(_("Vouchers not used: {n}.").format(n=language.number(VOUCHERS - given)))
    return (max(0.0, min(1.0, brought / best)) if best > 0 else 0.0), (" " if language.current() == "en" else "").join(parts)


_ALL = (
    Exercise(
        "unit0.concentration", N_("How much of the spend comes from the best fifth of customers"), 1, _concentration,
        (
            N_("First spend per customer, then a ranking."),
            N_("A fifth of the customers, rounded up, divided by the spend of all who bought in the last 365 days."),
            N_(
                "Sum `order_amount` by `customer_id` over the last 365 days, sort, sum the first fifth, divide by "
                "the sum of all."
            ),
        ),
        (
            Mistake(
                N_("orders ranked in place of customers"),
                N_("This is the share of the best fifth of orders. Sum by customer first."),
                _gives(lambda case: _top_fifth(_orders(case)["order_amount"]), 0.005),
            ),
            Mistake(
                ALL_TIME,
                N_("This is the share over all the time there is. Only orders of the last 365 days count."),
                _gives(lambda case: _top_fifth(_spend(case, WINDOW * 100)), 0.003),
            ),
            Mistake(
                N_("customers without an order counted"),
                N_("This is a fifth of all who ever ordered. The base is customers with an order in the last 365 days."),
                _gives(lambda case: _top_fifth(_spend(case, WINDOW, everybody=True)), 0.003),
            ),
            Mistake(
                N_("the share of customers in place of their spend"),
                N_("A fifth is how many customers were chosen. The question is what they spend."),
                _gives(lambda case: 0.2, 0.005),
            ),
            _percent(_concentration),
        ),
        within=0.005,
    ),
    Exercise(
        "unit1.typical_order", N_("What a typical order is worth"), 1,
        lambda case: float(_orders(case).query("order_amount >= 0")["order_amount"].median()),
        (
            N_("A few large orders pull a mean up."),
            N_("A negative amount is a return, which is no order."),
            N_("The median of `order_amount` where it is not negative."),
        ),
        (
            Mistake(
                MEAN,
                N_("This is the mean, which company orders pull up. Half of all orders are below the median."),
                _gives(lambda case: float(_orders(case).query("order_amount >= 0")["order_amount"].mean()), 0.001),
            ),
            Mistake(
                RETURNS,
                N_("Returns are in it: an order with a negative amount is a return, which is no order."),
                _gives(lambda case: float(_orders(case)["order_amount"].median()), 0.0001),
            ),
        ),
        together=(((MEAN, RETURNS), _gives(lambda case: float(_orders(case)["order_amount"].mean()), 0.001)),),
        within=0.0001,
    ),
    Exercise(
        "unit1.index", N_("How strongly each age band buys tea drinks, against everybody"), 2,
        lambda case: _index_by_age(case)[["age_band", "index"]],
        (
            N_("An index compares a share with the same share of the base."),
            N_("100 means as everybody. The base is all customers whose age band is known."),
            N_("Share of the category in the spend of the band, divided by its share in the spend of all bands, times 100."),
        ),
        (
            Mistake(
                N_("share in place of index"),
                N_("These are shares. Divide by the share of the base, and multiply by 100."),
                _gives(lambda case: _index_by_age(case)[["age_band", "share"]].rename(columns={"share": "index"}), 0.001),
            ),
            Mistake(
                N_("index not times 100"),
                N_("The ratio is right. An index is written with 100 for the base."),
                _gives(lambda case: _index_by_age(case).assign(index=lambda t: t["index"] / 100)[["age_band", "index"]], 0.001),
            ),
            Mistake(
                N_("unknown ages in the base"),
                N_("Customers whose age band is unknown are in the base. Leave them out of it."),
                _gives(lambda case: _index_by_age(case, unknown=True)[["age_band", "index"]], 0.002),
            ),
        ),
        within=0.005,
    ),
    Exercise(
        "unit2.rfm", N_("Recency, frequency and monetary value of every customer"), 3, _rfm,
        (
            N_(
                "Three questions for each customer: how long ago, how often, how much. Who counts, up to which "
                "day, over which time?"
            ),
            N_(
                "The day is the last day of the data. Frequency counts orders, not returns; spend is net of "
                "returns; both look back 365 days."
            ),
            N_(
                "Recency: as-of date less the day of the last order that is no return. Frequency: orders with an "
                "amount of at least 0 in the window. Monetary: the sum of all amounts in the window. Only "
                "customers with such an order are in the table."
            ),
        ),
        (
            Mistake(
                AS_OF,
                N_("Every recency is off by the same number of days: the as-of date is the last day of orders, `course.as_of`."),
            ),
            Mistake(
                TIME,
                N_(
                    "Recencies are up to a day too small: `order_date` has a time of day. Subtract its day, "
                    "`.dt.normalize()`, from the as-of date."
                ),
            ),
            Mistake(
                RETURNS,
                N_("Returns are counted as orders. A negative amount lowers the spend; it is no order for recency or frequency."),
            ),
            Mistake(
                GROSS,
                N_("Returns are missing from the spend. It is net of them: the sum of all amounts, negative ones too."),
            ),
            Mistake(
                ALL_TIME,
                N_("Orders of all time were taken. Only those of the last 365 days count, for frequency and for spend."),
            ),
            Mistake(
                DAY_LONG,
                N_(
                    "The window is a day too long. The last 365 days include the as-of date, so that they begin at "
                    "midnight 364 days before it."
                ),
            ),
            Mistake(
                LAST_DAY,
                N_(
                    "Orders of the last day are left out: a comparison with the as-of date means its midnight. Compare "
                    "with the day after, or not at all."
                ),
            ),
        ),
        parts=_rfm_mistakes,
    ),
    Exercise(
        "unit2.important", N_("How many important value customers there are"), 1, _important,
        (
            N_("The eight classes compare each measure with a threshold."),
            N_("The threshold is the mean of the customers who bought in the window."),
            N_(
                "Recency at most its mean, frequency and monetary value at least theirs: count the rows for which "
                "all three hold."
            ),
        ),
        (
            Mistake(
                MEDIAN,
                N_("This splits at the medians. The eight classes are defined by the means."),
                _gives(partial(_important, median=True)),
            ),
            Mistake(
                RECENCY_TURNED,
                N_("A small recency is good: the last order was a short time ago."),
                _gives(partial(_important, turned=True)),
            ),
        ),
        together=(((MEDIAN, RECENCY_TURNED), _gives(partial(_important, median=True, turned=True))),),
    ),
    Exercise(
        "unit3.pair", N_("Which two categories belong together"), 2,
        lambda case: case.facts["product_pair"]["parameters"]["categories"],
        (
            N_("Two popular categories meet often by chance."),
            N_("Compare how often they meet with how often they would meet if orders mixed them at random."),
            N_("`needs.pairs(course.members).table` has the lift and its interval: take the pair whose lower limit is highest."),
        ),
        (
            Mistake(
                N_("often together taken for belonging together"),
                N_("These two meet often because both are popular, not because they belong together."),
                _gives(lambda case: list(DECOY)),
            ),
        ),
    ),
    Exercise(
        "unit3.complaints", N_("Which product fails, and where"), 2, _pain,
        (
            N_("Complaints need a denominator: what is sold most is complained about most."),
            N_("Divide complaints by lines sold, for each product in each region."),
            N_(
                "Count complaints by `product_id` and `region`, divide by the order lines of the same product to "
                "customers of the same region, and sort."
            ),
        ),
        (
            Mistake(
                N_("product or region alone"),
                N_("One of the two is right. Look at product and region together, as a rate."),
                _half_right,
            ),
        ),
    ),
    Exercise(
        "unit4.invest", N_("Which customers to invest in"), 3, lambda case: None,
        (
            N_("Those who would have ordered anyway need no voucher."),
            N_("Compare contacted and control of the randomised campaign in each age band; in some bands they are few."),
            N_(
                "Additional orders per voucher times profit per order, less what a voucher costs: give to the "
                "bands where this is highest."
            ),
        ),
        value=_return_of,
    ),
    Exercise(
        "unit5.lift", N_("By how much the vouchers raised the share of members who ordered"), 2, _lift,
        (
            N_("Some would have ordered without a voucher."),
            N_("The control was drawn by chance: it shows what would have happened."),
            N_("Share with an order on the days of the campaign: contacted less control."),
        ),
        (
            Mistake(
                NO_CONTROL,
                N_("This is the share of the contacted alone. Take off what the control did without a voucher."),
                _gives(partial(_lift_by, control=False), 0.0001),
            ),
            Mistake(
                RESPONSE,
                N_(
                    "This compares responses, which are counted over 14 days. Orders on the days of the campaign "
                    "are asked for."
                ),
                _gives(partial(_lift_by, response=True), 0.0001),
            ),
            Mistake(
                LAST_DAY,
                N_("Orders of the 28th day are left out: a comparison with a date means its midnight."),
                _gives(lambda case: _lift_by(case, days=27), 0.0001),
            ),
            _percent(_lift),
        ),
        together=(((NO_CONTROL, RESPONSE), _gives(partial(_lift_by, control=False, response=True), 0.0001)),),
        within=0.0001,
    ),
    Exercise(
        "unit5.features", N_("A table to predict from that does not know the future"), 3, _features,
        (
            N_("On the day of a prediction nobody knows later orders."),
            N_("Frequency knows orders up to the end of that day; what is to be predicted begins the day after."),
            N_(
                "Customers with an order up to the day; `frequency`: their orders up to it; `bought_later`: 1 "
                "with an order after it, else 0."
            ),
        ),
        (
            Mistake(
                LEAKAGE,
                N_(
                    "Frequency counts orders after the day of the prediction. A model learns the answer from it, "
                    "and fails in use."
                ),
            ),
            Mistake(
                SURVIVORS,
                N_("Everybody here bought later. Keep those who did not: they are what the prediction is about."),
            ),
            Mistake(
                LAST_DAY,
                N_(
                    "Orders of the day itself are taken for later ones: a comparison with a date means its midnight. "
                    "Compare with the day after."
                ),
            ),
            Mistake(RETURNS, N_("Returns are counted as orders. An order with a negative amount is a return.")),
        ),
        parts=_feature_mistakes,
    ),
    Exercise(
        "unit6.sample", N_("How many members must answer"), 1,
        lambda case: _sample(case),
        (
            N_("The most demanding case is a share of one half."),
            N_("95% goes with 1.96, and a small population needs fewer answers."),
            N_("n0 = 1.96² × 0.25 / 0.05²; n = n0 / (1 + (n0 − 1) / N), rounded up."),
        ),
        (
            Mistake(
                ENDLESS,
                N_("This holds for an infinite population. Correct it for the number of members."),
                _gives(partial(_sample, mistakes=(ENDLESS,))),
            ),
            Mistake(
                EVERYBODY,
                N_("Companies and dealers are counted too. The question is about members."),
                _gives(partial(_sample, mistakes=(EVERYBODY,))),
            ),
            Mistake(DOWN, N_("It is rounded down, which is too few. Round up."), _gives(partial(_sample, mistakes=(DOWN,)))),
        ),
        together=_several(_sample, ENDLESS, DOWN) + _several(_sample, EVERYBODY, DOWN),
    ),
    Exercise(
        "unit6.satisfied", N_("What share of respondents is satisfied"), 1, _satisfied,
        (
            N_("A mean score hides who is unhappy."),
            N_("Satisfied is 8 or more of 10, among all who answered this question."),
            N_("Take `satisfaction/overall` alone and divide the answers of 8, 9 and 10 by all answers."),
        ),
        (
            Mistake(
                N_("mean for share"),
                N_("This is the mean score. A share lies between 0 and 1."),
                _gives(lambda case: float(_overall(case).mean()), 0.001),
            ),
            Mistake(
                N_("threshold one off"),
                N_("This counts 9 and 10 only, or 7 too. Satisfied is 8 or more."),
                lambda case, answer, _reference: any(
                    not difference(answer, float((_overall(case) >= cut).mean()), within=0.001) for cut in (7, 9)
                ),
            ),
            _percent(_satisfied),
        ),
        within=0.001,
    ),
    Exercise(
        "unit7.break_even", N_("How many additional orders pay for the campaign"), 2, _break_even,
        (
            N_("An order brings its profit, not its price."),
            N_("Profit per order: the gross profit of all lines of members, divided by their orders that are no returns."),
            N_("Cost of the campaign divided by the gross profit per order of a member, rounded up."),
        ),
        (
            Mistake(
                SPEND,
                N_("This divides by the amount of an order. Goods cost something: divide by the gross profit."),
                _gives(partial(_break_even, mistakes=(SPEND,))),
            ),
            Mistake(
                EVERYBODY,
                N_("Orders of companies are in it, which are far larger. The vouchers went to members."),
                _gives(partial(_break_even, mistakes=(EVERYBODY,))),
            ),
            Mistake(DOWN, N_("It is rounded down, which is too few. Round up."), _gives(partial(_break_even, mistakes=(DOWN,)))),
        ),
        together=_several(_break_even, SPEND, EVERYBODY, DOWN),
    ),
)  # fmt: skip
EXERCISES = {exercise.key: exercise for exercise in _ALL}
UNITS = tuple(dict.fromkeys(exercise.unit for exercise in _ALL))
