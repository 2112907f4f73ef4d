"""What learners hand in: answers that are wrong in every way that is anticipated, and a cell that tries to do harm."""

from __future__ import annotations

import pandas as pd

from fivestep.course import company

THIEF = """
import json, os, pathlib, shutil, socket
told = {{}}
def attempt(name, act):
    try: act(); told[name] = "done"
    except BaseException as error: told[name] = type(error).__name__
attempt("delete", lambda: shutil.rmtree({class_!r}))
attempt("read others", lambda: os.listdir({class_!r}))
attempt("read the instructor's", lambda: open({instructor!r}).read())
attempt("change the library", lambda: open({library!r}, "a").close())
attempt("network", lambda: socket.create_connection(("127.0.0.1", {port}), 5))
attempt("kill", lambda: os.kill({pid}, 0))
attempt("own folder", lambda: pathlib.Path("mine.txt").write_text("x"))
pathlib.Path("told.json").write_text(json.dumps(told))
"""


def wrong_answers(case: company.Case) -> dict[tuple[str, ...], object]:
    """(exercise, mistake, ...) -> what a learner who makes them answers, computed here from the tables."""
    orders = case.frame("orders").dropna(subset="customer_id")
    real, end = orders[orders["order_amount"] >= 0], pd.Timestamp(case.tables.as_of)
    year, real_year = (o[o["order_date"] >= end - pd.Timedelta(days=364)] for o in (orders, real))
    last = real_year.groupby("customer_id")["order_date"].max().dt.normalize()
    rfm = pd.DataFrame({
        "recency_days": (end - last).dt.days, "frequency": real_year.groupby("customer_id").size(),
        "monetary": year.groupby("customer_id")["order_amount"].sum(),
    }).loc[last.index]  # fmt: skip
    high = (rfm["frequency"] >= rfm["frequency"].mean()) & (rfm["monetary"] >= rfm["monetary"].mean())
    median = rfm.median()
    known = case.frame("exposures").query("campaign_id == 'K03'")
    start = pd.Timestamp("2024-03-01")
    during = real[(real["order_date"] >= start) & (real["order_date"] < start + pd.Timedelta(days=28))]
    ordered = known["customer_id"].isin(during["customer_id"])
    responded = known["responded"].astype(float)
    features = real[real["order_date"] < "2024-07-01"].groupby("customer_id").size().rename("frequency").reset_index()
    later = set(real.loc[real["order_date"] >= "2024-07-01", "customer_id"])
    features["bought_later"] = features["customer_id"].isin(later).astype(int)
    leaked = features.assign(frequency=features["customer_id"].map(real.groupby("customer_id").size()))
    customers, lines = case.frame("customers"), case.frame("order_lines")
    lines = lines.merge(case.frame("products")[["product_id", "category"]]).merge(customers[["customer_id", "age_band"]].dropna())
    tea = lines[lines["category"] == "Tea drinks"].groupby("age_band")["line_amount"].sum()
    share = (tea / lines.groupby("age_band")["line_amount"].sum()).rename("index")
    ratio = share / (tea.sum() / lines["line_amount"].sum())
    overall = case.frame("survey").query("question_id == 'satisfaction/overall'")["score"].dropna()
    members = customers.loc[customers["customer_type"] == "consumer", "customer_id"]
    mine, sold = real[real["customer_id"].isin(members)], case.frame("order_lines")
    profit = sold.loc[sold["customer_id"].isin(members), "gross_profit"].sum() / len(mine)
    cost, n = 30_000, len(members)
    top_orders = real["order_amount"].nlargest(-(-len(orders) // 5)).sum() / orders["order_amount"].sum()
    later_than_median = rfm["recency_days"] >= median["recency_days"]
    soon, later_than_mean = rfm["recency_days"] <= median["recency_days"], rfm["recency_days"] > rfm["recency_days"].mean()
    above = (rfm[["frequency", "monetary"]] >= median.iloc[1:]).all(axis=1)
    fifth = {}
    for name, kept, ids in (("year", year, year), ("ever", orders, orders), ("base", year, orders)):
        spent = kept.groupby("customer_id")["order_amount"].sum().reindex(ids["customer_id"].unique(), fill_value=0)
        fifth[name] = spent.nlargest(-(-len(spent) // 5)).sum() / spent.sum()
    everybody = sold.merge(case.frame("products")[["product_id", "category"]])
    everybody = everybody.loc[everybody["category"] == "Tea drinks", "line_amount"].sum() / everybody["line_amount"].sum()
    long_year = real[real["order_date"] > end - pd.Timedelta(days=365)].groupby("customer_id")
    cut, net = (o[o["order_date"] < end].groupby("customer_id") for o in (real_year, year))
    timed = real_year.groupby("customer_id")["order_date"].max()
    now, seen = pd.Timestamp("2026-03-04 15:00"), year.groupby("customer_id")["order_date"].max()
    returns = {"frequency": year.groupby("customer_id").size(), "recency_days": (end - seen.dt.normalize()).dt.days}
    late = {**returns, "recency_days": (now - seen).dt.days}
    whole = {"frequency": orders.groupby("customer_id").size(), "monetary": orders.groupby("customer_id")["order_amount"].sum()}
    gross = real_year.groupby("customer_id")["order_amount"].sum()
    lift = ordered[known["treated"]].mean() - ordered[~known["treated"]].mean()
    short = known["customer_id"].isin(during.loc[during["order_date"] < start + pd.Timedelta(days=27), "customer_id"])
    midnight = real[real["order_date"] <= "2024-06-30"].groupby("customer_id").size().rename("frequency").reset_index()
    after = set(real.loc[real["order_date"] > "2024-06-30", "customer_id"])
    midnight["bought_later"] = midnight["customer_id"].isin(after).astype(int)
    sent = orders[orders["order_date"] < "2024-07-01"].groupby("customer_id").size()
    return {
        ("unit0.concentration", "orders ranked in place of customers"): top_orders,
        ("unit0.concentration", "the share of customers in place of their spend"): 0.2,
        ("unit0.concentration", "window forgotten"): fifth["ever"],
        ("unit0.concentration", "customers without an order counted"): fifth["base"],
        ("unit0.concentration", "percent in place of a share"): 100 * fifth["year"],
        ("unit1.typical_order", "mean for median"): real["order_amount"].mean(),
        ("unit1.typical_order", "mean for median", "returns counted as orders"): orders["order_amount"].mean(),
        ("unit1.index", "share in place of index"): share,
        ("unit1.index", "index not times 100"): ratio,
        ("unit1.index", "unknown ages in the base"): 100 * share / everybody,
        ("unit2.rfm", "wrong as-of date"): rfm.assign(recency_days=rfm["recency_days"] + 1),
        ("unit2.rfm", "returns counted as orders"): rfm.assign(**returns),
        ("unit2.rfm", "returns left out of the spend"): rfm.assign(monetary=gross),
        ("unit2.rfm", "window forgotten"): rfm.assign(frequency=real.groupby("customer_id").size()),
        ("unit2.rfm", "window a day too long"): rfm.assign(frequency=long_year.size()),
        ("unit2.rfm", "last day left out"): rfm.assign(frequency=cut.size(), monetary=net["order_amount"].sum()).dropna(),
        ("unit2.rfm", "time of day left in"): rfm.assign(recency_days=(end - timed).dt.days),
        ("unit2.rfm", "wrong as-of date", "returns counted as orders"): rfm.assign(**late),
        ("unit2.rfm", "wrong as-of date", "returns counted as orders", "window forgotten"): rfm.assign(**(late | whole)),
        ("unit2.rfm", "wrong as-of date", "returns left out of the spend"): rfm.assign(
            recency_days=rfm["recency_days"] - 3, monetary=gross
        ),
        ("unit2.important", "median for mean"): int((soon & above).sum()),
        ("unit2.important", "recency the wrong way round"): int((high & later_than_mean).sum()),
        ("unit2.important", "median for mean", "recency the wrong way round"): int((later_than_median & above).sum()),
        ("unit3.pair", "often together taken for belonging together"): ("Espresso drinks", "Croissants"),
        ("unit3.complaints", "product or region alone"): ["P009", "East"],
        ("unit5.lift", "no control"): ordered[known["treated"]].mean(),
        ("unit5.lift", "response in place of orders"): responded[known["treated"]].mean() - responded[~known["treated"]].mean(),
        ("unit5.lift", "no control", "response in place of orders"): responded[known["treated"]].mean(),
        ("unit5.lift", "last day left out"): short[known["treated"]].mean() - short[~known["treated"]].mean(),
        ("unit5.lift", "percent in place of a share"): 100 * lift,
        ("unit5.features", "leakage"): leaked,
        ("unit5.features", "leakage", "only customers who came back"): leaked[leaked["bought_later"] == 1],
        ("unit5.features", "last day left out"): midnight,
        ("unit5.features", "returns counted as orders"): features.assign(frequency=features["customer_id"].map(sent)),
        ("unit5.features", "only customers who came back"): features[features["bought_later"] == 1],
        ("unit6.sample", "size of the population left out"): 385,
        ("unit6.sample", "rounded down"): int(384.146 / (1 + 383.146 / n)),
        ("unit6.sample", "size of the population left out", "rounded down"): 384,
        ("unit6.sample", "companies counted with members"): -(-384.146 // (1 + 383.146 / len(customers))),
        ("unit6.satisfied", "percent in place of a share"): 100 * (overall >= 8).mean(),
        ("unit6.satisfied", "mean for share"): overall.mean(),
        ("unit6.satisfied", "threshold one off"): (overall >= 7).mean(),
        ("unit7.break_even", "spend for profit"): -(-cost // mine["order_amount"].mean()),
        ("unit7.break_even", "companies counted with members"): -(-cost // (sold["gross_profit"].sum() / len(real))),
        ("unit7.break_even", "rounded down"): cost // profit,
        ("unit7.break_even", "spend for profit", "rounded down"): cost // mine["order_amount"].mean(),
    }  # fmt: skip
