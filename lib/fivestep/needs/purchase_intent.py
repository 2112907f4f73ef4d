"""How likely each customer buys in the next four weeks, from orders, visits, contacts, inquiries and opportunities; tested."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.consent import consent_note, opted_out, refusals
from fivestep.contract import OUTBOUND
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import Z, newcombe, wilson
from fivestep.language import N_, _
from fivestep.needs import journeys
from fivestep.needs.feedback_cases import COMPLAINT, INQUIRY, cases

DAYS = 28  # ahead, and of the window in which signals count
YEAR = 365  # days in which a customer must have left a trace
PERIODS = 5  # known ones: the last is the test
FEW, FEW_EACH = 100, 25  # customers of the test; of these who bought, and who did not
FIFTHS = 5
TOLD = 30  # customers with a signal from whom its share is told
ORDERED = ("orders_recent", "orders_quarter", "days_since")
SIGNALS: Mapping[str, str] = {
    "orders_recent": N_("Ordered in the last four weeks"),
    "orders_quarter": N_("Ordered in the last twelve weeks"),
    "visits": N_("Visited shop or app"),
    "looked": N_("Looked at products"),
    "searched": N_("Searched"),
    "carted": N_("Put into the cart or went further"),
    "turned_to": N_("Turned to the company"),
    "contacted": N_("Was contacted by the company"),
    "in_contact": N_("Was in contact with the company"),
    "asked": N_("Made an inquiry"),
    "complained": N_("Complained"),
    "open_deal": N_("Has an open opportunity"),
}
RATE, BY_ORDERS, BY_ALL = N_("Share of all customers"), N_("Orders alone"), N_("Orders, behaviour and contacts")
_ANSWERS = N_("how likely each customer buys in the next four weeks, and which behaviour and contacts announce it")


@dataclass(frozen=True)
class PurchaseIntent:
    """The chance of an order in the next 28 days, and how right it was for the last 28.

    ``table``: one row per customer with a trace in the last 365 days, by customer_id: customer_id, intent_chance, intent_signs
    (the `SIGNALS` of the last 28 days beside orders; "" without one). ``signals``: of the tested customers, one row per signal
    that the data has: intent_signal, customers (with it), bought_share with low and high (95 %), others_share (of all others),
    share_gap with share_gap_low and share_gap_high (Newcombe). ``test``: intent_predictor, intent_tested, intent_brier.
    ``against_rate``, ``against_orders``: mean difference of the Brier scores of all signals less that of the other, with its
    95 % interval. ``tested``: customer_id, intent_chance as it would have been told by what is used, bought.
    """

    table: pd.DataFrame
    signals: pd.DataFrame
    test: pd.DataFrame
    against_rate: tuple[float, float, float]
    against_orders: tuple[float, float, float]
    tested: pd.DataFrame
    used: str
    as_of: dt.date
    refused: frozenset[str] | None

    def signals_shown(self) -> pd.DataFrame:
        """Signals, the largest difference first; a share of few customers is not told."""
        shown = self.signals[self.signals["customers"] >= TOLD]
        return shown.sort_values(["share_gap", "intent_signal"], ascending=[False, True], ignore_index=True)

    def reliability(self) -> pd.DataFrame:
        """One row per fifth of the tested customers, highest chance first: customers, foretold, seen, low, high."""
        order = self.tested["intent_chance"].round(9)
        rows = self.tested.assign(order=order).sort_values(["order", "customer_id"], ascending=[False, True])
        out = rows.groupby(np.arange(len(rows)) * FIFTHS // len(rows)).agg(
            customers=("bought", "size"), foretold=("intent_chance", "mean"), bought=("bought", "sum")
        )
        out["seen"] = out["bought"] / out["customers"]
        out["low"], out["high"] = wilson(out["bought"], out["customers"])
        return out.reset_index(drop=True)

    def figure(self) -> Figure:
        """How many bought in each fifth of what was foretold."""
        rows = self.reliability()
        return charts.intervals(
            [_("foretold {p}").format(p=language.percent(p)) for p in rows["foretold"]],
            rows["seen"], rows["low"], rows["high"],
            write=lambda v: language.percent(v, 0),
            reference=float(self.tested["bought"].mean()),
            reference_label=_("all customers"),
            xlabel=_("Customers who bought in the following four weeks, with 95% interval"),
        )  # fmt: skip

    def headline(self) -> str:
        """How many of the highest and of the lowest fifth bought."""
        rows = self.reliability()
        if self.used == RATE:
            return _("Neither orders nor behaviour foretell here who buys in the next four weeks")
        return _("Of the fifth with the highest purchase intent {top} bought within four weeks, of the lowest {low}").format(
            top=language.percent(rows["seen"].iloc[0]), low=language.percent(rows["seen"].iloc[-1])
        )

    def signals_headline(self) -> str:
        """The signal beside orders that sets buyers apart most."""
        rows = self.signals_shown()
        rows = rows[(rows["share_gap_low"] > 0) & ~rows["intent_signal"].isin([SIGNALS[s] for s in ORDERED if s in SIGNALS])]
        if rows.empty:
            return _("No behaviour and no contact sets apart who buys in the next four weeks")
        row = rows.iloc[0]
        return _("“{signal}”: {with_it} of these customers bought within four weeks, of the others {others}").format(
            signal=_(row.intent_signal),
            with_it=language.percent(row["bought_share"]),
            others=language.percent(row["others_share"]),
        )

    def signals_note(self) -> str:
        """What the shares are."""
        return _(
            "Signals of the four weeks before {first}, orders of the four weeks from then to {last}. Base: {n} customers with an "
            "order, visit, contact, feedback or opportunity in the year before. Signals of under {few} customers are left out. A "
            "signal goes with buying; it need not cause it."
        ).format(
            first=language.day(self.as_of - dt.timedelta(days=DAYS - 1)),
            last=language.day(self.as_of),
            n=language.number(len(self.tested)),
            few=language.number(TOLD),
        )

    def note(self) -> str:
        """How the chance is made and how good it is."""
        brier = self.test.set_index("intent_predictor")["intent_brier"]
        return _(
            "Logistic regression, learnt from earlier periods of four weeks and tested on the last, of which it knew nothing: "
            "{n} customers. Brier score (0 is perfect): {all} with all signals, {orders} with orders alone, {rate} with the same "
            "share for everybody. All signals less the same share: {low} to {high} (95% interval). Used: {used}."
        ).format(
            n=language.number(len(self.tested)),
            all=language.number(brier[BY_ALL], 3),
            orders=language.number(brier[BY_ORDERS], 3),
            rate=language.number(brier[RATE], 3),
            low=language.number(self.against_rate[1], 3),
            high=language.number(self.against_rate[2], 3),
            used=_(self.used),
        )

    def contacts(self) -> pd.DataFrame:
        """Who may be contacted, the most likely first: customer_id, intent_chance, intent_signs in words."""
        rows = self.table[~self.table["customer_id"].isin(self.refused or ())]
        rows = rows.assign(order=rows["intent_chance"].round(9))
        rows = rows.sort_values(["order", "customer_id"], ascending=[False, True], ignore_index=True).drop(columns="order")
        return rows.assign(
            intent_signs=[language.listing([_(SIGNALS[s]) for s in signs.split()]) for signs in rows["intent_signs"]]
        )

    def finding(self) -> Finding:
        """How many are expected to buy."""
        expected = float(self.table["intent_chance"].sum())
        said, n = float(self.tested["intent_chance"].mean()), int(self.tested["bought"].sum())
        low, high = (float(x) for x in wilson(n, len(self.tested)))
        more = self.against_orders[2] < 0
        return Finding(
            key="needs.expected_buyers_in_four_weeks",
            value=expected,
            unit="count",
            display=language.number(expected),
            text=language.sentence(
                _("{n} of {all} customers are expected to buy in the next four weeks").format(
                    n=language.number(expected), all=language.number(len(self.table))
                )
            )
            + " "
            + language.sentence(self.headline()),
            evidence=_("In the test {said} were foretold to buy, and {seen} did.").format(
                said=language.percent(said), seen=language.percent(n / len(self.tested))
            )
            + " "
            + self.note()
            + " "
            + consent_note(refusals(self.table["customer_id"], self.refused)),
            so_what=(
                _("Behaviour and contacts tell more than orders: begin with who shows a sign and has not bought lately.")
                if more
                else _("Orders tell as much as behaviour and contacts: ask the signs for what a customer wants, not for when.")
            ),
            confidence="medium" if low <= said <= high and self.used != RATE else "low",
            warnings=(_("Who is likely to buy may buy without being asked: only a test shows what a contact adds."),),
        )


@needs("orders.customer_id", "orders.order_date", "orders.order_amount", answers=_ANSWERS)
def purchase_intent(tables: Tables, steps: Mapping[str, tuple[str, ...]] = journeys.STEPS) -> PurchaseIntent | NotAvailable:
    """The chance of an order in the next 28 days, by logistic regression on what each customer did before.

    Learnt on up to four earlier periods and tested on the last, each seen from its first day. Signals are counted over 28 days;
    all are used where they are clearly better than orders alone (95 % interval of the paired difference of Brier scores), else
    orders where they are better than one share for everybody. Not available without events, contacts, feedback or opportunities,
    or where under 25 of the tested customers bought or did not. Sources: Brier (1950); Newcombe (1998).
    """
    there = [t for t in ("events", "interactions", "feedback", "opportunities") if not tables.missing(f"{t}.customer_id")]
    if not there:
        return NotAvailable(("events", "interactions", "feedback", "opportunities"), _(_ANSWERS))
    known = (tables.as_of - tables.first_day).days // DAYS - 3  # a first one needs twelve weeks behind it
    periods = min(known, PERIODS)
    ends = [tables.as_of - dt.timedelta(days=DAYS * k) for k in range(max(periods, 0) + 1)]
    standing = _standing(tables, steps, ends) if periods >= 2 else []
    pairs = [_after(standing[k], standing[k - 1]) for k in range(1, len(standing))]
    bought = [int(p["bought"].sum()) for p in pairs]
    if len(pairs) < 2 or len(pairs[0]) < FEW or min(bought[0], len(pairs[0]) - bought[0]) < FEW_EACH:
        reason = _(
            "a forecast that is tested needs {n} customers, of whom {each} bought and {each} did not, and five times four weeks."
        ).format(n=language.number(FEW), each=language.number(FEW_EACH))
        return NotAvailable((), _(_ANSWERS), reason=reason)
    test, earlier = pairs[0], pd.concat(pairs[1:], ignore_index=True)
    seen = test["bought"].to_numpy(dtype=float)
    own = [c for c in test.columns if c in SIGNALS or c in ORDERED]
    orders_only = [c for c in own if c in ORDERED]
    foretold = {
        RATE: np.full(len(test), earlier["bought"].mean()),
        BY_ORDERS: _model(earlier, orders_only)(test),
        BY_ALL: _model(earlier, own)(test),
    }
    losses = {name: (chance - seen) ** 2 for name, chance in foretold.items()}
    against = {name: _difference(losses[BY_ALL] - losses[name]) for name in (RATE, BY_ORDERS)}
    used = BY_ALL if against[BY_ORDERS][2] < 0 else BY_ORDERS if _difference(losses[BY_ORDERS] - losses[RATE])[2] < 0 else RATE
    now, everything = standing[0], pd.concat(pairs, ignore_index=True)
    if used == RATE:
        chance = np.full(len(now), everything["bought"].mean())
    else:
        chance = _model(everything, own if used == BY_ALL else orders_only)(now)
    beside = [c for c in own if c in SIGNALS and c not in ORDERED]
    signs = [" ".join(c for c, n in zip(beside, row, strict=True) if n > 0) for row in now[beside].to_numpy()]
    table = pd.DataFrame({"customer_id": now["customer_id"], "intent_chance": chance, "intent_signs": signs})
    scores = [(name, len(test), float(losses[name].mean())) for name in foretold]
    return PurchaseIntent(
        table, _signals(test, [c for c in own if c in SIGNALS]),
        pd.DataFrame(scores, columns=["intent_predictor", "intent_tested", "intent_brier"]),
        against[RATE], against[BY_ORDERS],
        pd.DataFrame({"customer_id": test["customer_id"], "intent_chance": foretold[used], "bought": test["bought"]}),
        used, tables.as_of, opted_out(tables),
    )  # fmt: skip


def _standing(tables: Tables, steps: Mapping[str, tuple[str, ...]], ends: list[dt.date]) -> list[pd.DataFrame]:
    """For each of *ends*, newest first: the customers with a trace in the year to its close and what they had done by then."""
    stops = [dt.datetime.combine(end + dt.timedelta(days=1), dt.time()) for end in ends]
    orders = tables.orders
    orders = orders.filter(orders.customer_id.notnull() & (orders.order_amount >= 0))
    parts = [
        _counted(
            orders.select("customer_id", at=orders.order_date), stops, {"orders_recent": None}, {"orders_quarter": 84}, last=True
        )
    ]
    if not tables.missing("events.customer_id"):
        events = journeys.visited(tables, steps)
        events = events.filter(events.customer_id.notnull())
        what = {
            "looked": events.product_id.notnull() & (events.kind == journeys.BROWSING), "searched": events.term.notnull(),
            "carted": events.step.fill_null(0) >= 1,
        }  # fmt: skip
        marked = events.select("customer_id", "at", "visit", **what)
        parts.append(_counted(marked, stops, {"visits": "visit", **{c: c for c in what}}))
    if not tables.missing("interactions.customer_id"):
        contacts = tables.interactions
        way = contacts.direction.strip().lower().nullif("") if "direction" in contacts.columns else ibis.null("string")
        what = {"turned_to": ~way.isin(OUTBOUND), "contacted": way.isin(OUTBOUND), "in_contact": way.isnull()}
        marked = contacts.filter(contacts.customer_id.notnull()).select("customer_id", at="occurred_at", **what)
        parts.append(_counted(marked, stops, {c: c for c in what}))
    if not tables.missing("feedback.customer_id"):
        told = cases(tables)
        told = told.filter(told.customer_id.notnull())
        marked = told.select("customer_id", at="created_at", asked=told.kind == INQUIRY, complained=told.kind == COMPLAINT)
        parts.append(_counted(marked, stops, {"asked": "asked", "complained": "complained"}))
    if not tables.missing("opportunities.customer_id"):
        parts.append(_open_deals(tables, stops))
    wide = parts[0]
    for part in parts[1:]:
        wide = wide.merge(part, on="customer_id", how="outer")
    wide = wide.sort_values("customer_id", ignore_index=True)
    out = []
    for k in range(len(stops)):
        own = wide[["customer_id", *(c for c in wide.columns if c.endswith(f"__{k}"))]]
        own = own.set_axis([c.removesuffix(f"__{k}") for c in own.columns], axis=1)
        traces = own[[c for c in own.columns if c.startswith("trace")]].fillna(0).sum(axis=1)
        own = own[traces > 0].drop(columns=[c for c in own.columns if c.startswith("trace")])
        own["days_since"] = own["days_since"].fillna(YEAR).clip(upper=YEAR)
        out.append(own.fillna(0).reset_index(drop=True))
    return out


def _counted(
    rows: ibis.Table, stops: list[dt.datetime], counts: Mapping[str, str | None], longer: Mapping[str, int] | None = None, *,
    last: bool = False,
) -> pd.DataFrame:  # fmt: skip
    """By customer and stop (``name__k``): rows of the 28 days before it, of a condition or different values of a column, and of
    *longer* windows; trace (rows in the year before), and with *last* the days since the last row before it."""
    sums: dict[str, ibis.Value] = {}
    at = rows.at.cast("timestamp(6)")
    for k, stop in enumerate(stops):

        def within(days: int, stop: dt.datetime = stop) -> ibis.Value:
            return (at < stop) & (at >= stop - dt.timedelta(days=days))

        for name, column in counts.items():
            if column == "visit":
                sums[f"{name}__{k}"] = rows.visit.nunique(where=within(DAYS))
            else:
                sums[f"{name}__{k}"] = (within(DAYS) if column is None else within(DAYS) & rows[column].fill_null(False)).sum()
        for name, days in (longer or {}).items():
            sums[f"{name}__{k}"] = within(days).sum()
        sums[f"trace_{next(iter(counts))}__{k}"] = within(YEAR).sum()
        if last:
            day = ibis.literal((stop - dt.timedelta(days=1)).date())
            sums[f"days_since__{k}"] = day.delta(at.date().max(where=at < stop), unit="day")
    return frame(rows.group_by("customer_id").aggregate(**sums), by=["customer_id"]).astype(dict.fromkeys(sums, "float64"))


def _open_deals(tables: Tables, stops: list[dt.datetime]) -> pd.DataFrame:
    deals = tables.opportunities
    deals = deals.filter(deals.customer_id.notnull() & deals.created_at.notnull())
    closed = deals.closed_at if "closed_at" in deals.columns else ibis.null("timestamp")
    sums = {}
    for k, stop in enumerate(stops):
        running = (deals.created_at < stop) & (closed.isnull() | (closed >= stop))
        sums |= {f"open_deal__{k}": running.sum(), f"trace_deal__{k}": running.sum()}
    return frame(deals.group_by("customer_id").aggregate(**sums), by=["customer_id"]).astype(dict.fromkeys(sums, "float64"))


def _after(then: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """*then* with whether each customer bought in the 28 days up to *now*."""
    recent = now.set_index("customer_id")["orders_recent"]
    return then.assign(bought=then["customer_id"].map(recent).fillna(0) > 0)


def _model(known: pd.DataFrame, columns: list[str]):
    """A function from standing to chances, by logistic regression on logarithms of counts."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if known["bought"].nunique() < 2:
        return lambda some: np.full(len(some), float(known["bought"].mean()))
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=2000))
    model.fit(np.log1p(known[columns].to_numpy()), known["bought"])
    return lambda some: model.predict_proba(np.log1p(some[columns].to_numpy()))[:, 1]


def _difference(losses: np.ndarray) -> tuple[float, float, float]:
    half = Z * losses.std(ddof=1) / np.sqrt(len(losses))
    return float(losses.mean()), float(losses.mean() - half), float(losses.mean() + half)


def _signals(test: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    rows = []
    for name in names:
        has = (test[name] > 0).to_numpy()
        n, m = int(has.sum()), int((~has).sum())
        k, j = int(test.loc[has, "bought"].sum()), int(test.loc[~has, "bought"].sum())
        if not n or not m:
            continue
        low, high = wilson(k, n)
        share_gap_low, share_gap_high = newcombe(k, n, j, m)
        rows.append((SIGNALS[name], n, k / n, float(low), float(high), j / m, k / n - j / m, share_gap_low, share_gap_high))
    columns = ["intent_signal", "customers", "bought_share", "bought_low", "bought_high", "others_share", "share_gap"]
    return pd.DataFrame(rows, columns=[*columns, "share_gap_low", "share_gap_high"])
