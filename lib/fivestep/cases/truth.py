"""What is true of the simulated company, written down: ``truth.json`` and ``truth/customers.parquet``.

``truth.json`` has two keys. ``company`` holds simulated, customers, months, seed, language, first_day, last_day. ``facts`` maps
the key of each planted fact (`FACTS`) to a record: ``about`` (one sentence), ``look_in`` (fields of the contract tables where it
can be found), ``parameters`` (what the simulation was told), and, where it has them, ``realised`` (what came of it in this data)
and ``ids`` (the first `LISTED` of them; ``realised`` has their number). Months are written YYYY-MM, amounts in yuan, rates per
week.

``truth/customers.parquet``: one row per customer: customer_id, segment, orders_per_week, drop_out_rate (per week), dropped_out (a
date; missing for who is still there at the end), lines_per_order, duplicate_of, leaving (keep, switch, stop), contacted_twice,
costly, cold. It stands in a folder of its own, so that no analysis reads it by chance.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fivestep.cases import campaigns as planned
from fivestep.cases import contacts, customers, events, feedback, pipeline, products, purchases, research, survey
from fivestep.cases.calendar import MONTH_OF_YEAR, START, Calendar
from fivestep.cases.columns import Coded, arrow, numbered
from fivestep.cases.customers import People
from fivestep.cases.places import REGIONS
from fivestep.language import N_

LISTED = 500
MEMBERS = "customer_type=consumer"  # where companies and dealers are counted too, their growth moves what is planted a little
FACTS = {
    "segments": N_("Four kinds of members differ in age, hours, weekdays, basket, categories and discounts."),
    "purchase_process": N_("Orders come as a Poisson process until an exponential drop-out; both rates are gamma distributed."),
    "spend_differences": N_("Members differ in how many lines their orders have."),
    "seasons": N_("Weekdays, months and festivals, those of the lunar calendar too, move the number of orders."),
    "randomised_campaign": N_(
        "Vouchers, sent to customers drawn by chance, brought orders from the young and none from the old."
    ),
    "campaign_without_effect": N_("A randomised campaign that brought nothing."),
    "confounded_campaign": N_("A campaign to the best customers: they buy more than others, with or without it."),
    "pain_point": N_("One product leaks in one region."),
    "kano": N_("Each feature has one true category."),
    "satisfaction_drivers": N_("Overall satisfaction is a weighted mean of attributes."),
    "unsatisfying_feature": N_("One feature that customers take for granted does not satisfy them."),
    "unhappy_region": N_("Members of one region have become less satisfied than the others."),
    "brand_image": N_("Two dimensions lie behind how brands are seen; the competitor leads in one, the chain in the other."),
    "brand_choice": N_("Which brand a member prefers hangs on two of eight images."),
    "version_tests": N_("One cup and one poster are better than the other; the labels of a bottle make no difference."),
    "contact_overlap": N_("Two departments write to the same members in every week of half a year."),
    "broken_step": N_("One step of the shop broke on mobile for a month."),
    "product_pair": N_("Two categories are bought together."),
    "decoy_pair": N_("Two categories meet often only because both are popular."),
    "category_trends": N_("One category rises at the expense of another."),
    "price_change": N_("One category became dearer; as many fewer lines were sold as the price rose."),
    "new_product": N_("A new product, taken up most by one segment."),
    "competitor_opening": N_("A competitor opened in one region and took orders there."),
    "out_of_stock": N_("One product was out of stock at one branch for two months; its customers took another."),
    "diverted_goods": N_("One dealer delivers to a region that is not its own."),
    "unprofitable_customers": N_("Large companies that cost more than they bring."),
    "win_probabilities": N_("Each stage has its own chance of going on."),
    "drop_worthy_group": N_("A group of opportunities that is hardly ever won."),
    "switching_customers": N_("Members who get their coffee elsewhere and go on buying the rest, and talk of prices."),
    "stopping_customers": N_("Members who come ever less and look at how to close their account."),
    "loyalty_points": N_("More points: one level costs more than before and brings nothing, another brings more orders."),
    "event_attendance": N_("To the tasting came those who buy most; coming brought no orders."),
    "acquisition_costs": N_("To win a member costs a multiple of what it costs to keep one."),
    "duplicates": N_("Persons with a second account."),
}


class Truth:
    """Collects what the chunks realised, and writes it beside what the simulation was told."""

    def __init__(self, calendar: Calendar) -> None:
        self.calendar = calendar
        self._sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        self._ids: dict[str, list[str]] = defaultdict(list)

    def add(self, fact: str, **numbers: float) -> None:
        """Add to what was realised of a fact."""
        for name, value in numbers.items():
            self._sums[fact][name] += value

    def list(self, fact: str, ids: pa.Array) -> None:
        """Add ids that a fact is about; the number of all of them is kept as ``count``."""
        room = LISTED - len(self._ids[fact])
        self._ids[fact] += ids[: max(room, 0)].to_pylist()
        self.add(fact, count=len(ids))

    def chunk(self, who: People, groups: list[planned.Reached], bought: purchases.Purchases, ran: np.ndarray) -> None:
        """Take in one chunk; *ran* says which customers were asked for."""
        ids = who.ids

        def these(mask: np.ndarray) -> pa.Array:
            return ids.filter(pa.array(mask & ran))

        ordered = np.bincount(bought.place, minlength=len(who)) > 0
        self.list("unprofitable_customers", these(who.costly & ordered))
        self.list("switching_customers", these(who.leaving == customers.SWITCH))
        self.list("stopping_customers", these(who.leaving == customers.STOP))
        self.list("duplicates", these(who.original >= 0))
        self.list("drop_worthy_group", these(who.cold))
        self.list(
            "contact_overlap",
            these(who.contacted_twice & ~who.opted_out & (who.joined < self._first(contacts.OVERLAP_MONTHS[0]))),
        )
        for s, segment in enumerate(products.SEGMENTS[: products.CONSUMERS]):
            self.add("segments", **{segment: int(((who.segment == s) & who.consumer & ran).sum())})
        alive = (who.dropped > self.calendar.days) & who.consumer & (who.original < 0) & ran
        self.add("purchase_process", members=int((who.consumer & (who.original < 0) & ran).sum()), still_there=int(alive.sum()))
        wanted = bought.unserved & ran[bought.place[bought.line_order]] & (bought.line_quantity > 0)
        self.add("out_of_stock", units_not_sold=int(bought.line_quantity[wanted].sum()))
        group = next(g for g in groups if g.campaign is planned.VOUCHERS)
        asked = ran[group.who] & group.treated
        extra = (bought.source == purchases.VOUCHER) & ran[bought.place]
        for code, band in enumerate(customers.AGE_BANDS):
            self.add(
                "randomised_campaign",
                **{
                    f"contacted {band}": int((who.age_band[group.who[asked]] == code).sum()),
                    f"additional orders {band}": int((who.age_band[bought.place[extra]] == code).sum()),
                },
            )
        self.add(
            "randomised_campaign",
            contacted=int(asked.sum()),
            additional_orders=int(extra.sum()),
            additional_spend=float(bought.amount[extra].sum()) / 100,
        )

    def _first(self, month: int) -> int:
        return self.calendar.first_of(month)

    def _month(self, month: int) -> str:
        return str(np.datetime64(START, "M") + month)

    def write(self, folder: Path, company: dict[str, Any]) -> None:
        """Write truth.json."""
        facts = {}
        for key, (look_in, parameters) in self._told().items():
            facts[key] = {"about": FACTS[key], "look_in": look_in, "parameters": parameters}
            if key in self._sums:
                facts[key]["realised"] = {
                    k: int(v) if v == int(v) and k != "additional_spend" else round(v, 2) for k, v in self._sums[key].items()
                }
            if self._ids.get(key):
                facts[key]["ids"] = self._ids[key]
        text = json.dumps({"company": company, "facts": facts}, ensure_ascii=False, indent=1)
        (folder / "truth.json").write_text(text + "\n", encoding="utf-8")

    def _told(self) -> dict[str, tuple[list[str], dict[str, Any]]]:
        c, catalog = self.calendar, products.products()
        consumers = products.SEGMENTS[: products.CONSUMERS]

        def by_segment(values: Any) -> dict[str, Any]:
            return dict(zip(consumers, values, strict=False))

        def campaign(k: planned.Campaign) -> dict[str, Any]:
            return {
                "campaign_id": k.id,
                "start": str(c.dates[self._first(k.month)]),
                "days": planned.DAYS,
                "additional_orders_per_contacted": dict(zip(customers.AGE_BANDS, k.effect, strict=True)),
            }

        _launch, event, vouchers, mail, _back = planned.CAMPAIGNS
        process = {"r": customers.R, "alpha": customers.ALPHA, "s": customers.S, "beta": customers.BETA, "unit": "week"}
        new = catalog.rows[catalog.number(products.NEW)]["product_id"]
        pain = catalog.rows[catalog.number(feedback.PAIN_PRODUCT)]["product_id"]
        months = c.months
        out, back = purchases.out_days(c)
        return {
            "segments": (
                ["orders.order_date", "order_lines.product_id", "order_lines.line_discount", "customers.birth_date"],
                {
                    "share": by_segment(customers.SEGMENT_SHARES),
                    "ages": by_segment(customers.AGES),
                    "lines_per_order": by_segment([1 + m for m in customers.EXTRA_LINES]),
                    "orders_on_discount": by_segment(customers.DISCOUNTED),
                    "weekdays": by_segment(purchases.WEEKDAYS),
                    "hours": by_segment([[round(float(h / row.sum()), 4) for h in row] for row in purchases.HOURS]),
                    "tastes": products.TASTES,
                },
            ),
            "purchase_process": (
                ["orders.customer_id", "orders.order_date"],
                {**process, "until": self._month(planned.VOUCHERS.month)},
            ),
            "spend_differences": (
                ["order_lines.order_id", "order_lines.customer_id"],
                {"gamma_shape": customers.LINES_SHAPE, "beyond_the_first_line": by_segment(customers.EXTRA_LINES)},
            ),
            "seasons": (
                ["orders.order_date"],
                {
                    "months": dict(enumerate(MONTH_OF_YEAR, 1)),
                    "festivals": [
                        {
                            "name": f["name"],
                            "date": f["date"],
                            "first": str(c.dates[f["days"][0]]),
                            "last": str(c.dates[f["days"][-1]]),
                            "orders": f["orders"],
                            "gift": f["gift"],
                            "product": f["product"],
                        }
                        for f in c.festivals
                    ],
                },
            ),
            "randomised_campaign": (["exposures.treated", "campaigns.randomised", "orders.order_date"], campaign(vouchers)),
            "campaign_without_effect": (["exposures.treated", "campaigns.randomised", "orders.order_date"], campaign(mail)),
            "confounded_campaign": (["exposures.treated", "campaigns.randomised", "orders.order_amount"], campaign(event)),
            "pain_point": (
                ["feedback.product_id", "feedback.region", "feedback.cause", "feedback.text", "order_lines.product_id"],
                {
                    "product_id": pain,
                    "region": feedback.PAIN_REGION,
                    "cause": feedback.PAIN_CAUSE,
                    "from": self._month(feedback.PAIN_FROM),
                    "complaints_per_line": feedback.PAIN_RATE,
                    "usual_complaints_per_line": feedback.COMPLAINTS,
                },
            ),
            "kano": (
                ["survey.question_id", "survey.answer"],
                {
                    "categories": survey.FEATURES,
                    "share_who_answer_so": survey.TRUE_SHARE + (1 - survey.TRUE_SHARE) / len(survey.CELLS),
                },
            ),
            "satisfaction_drivers": (
                ["survey.question_id", "survey.score"],
                {"weights": survey.WEIGHTS, "correlation": round(survey.CORRELATION, 6), "noise": survey.NOISE},
            ),
            "unsatisfying_feature": (
                ["survey.question_id", "survey.score"],
                {"feature": min(survey.PLEASED, key=lambda f: survey.PLEASED[f]), "means": survey.PLEASED},
            ),
            "unhappy_region": (
                ["survey.score", "customers.region"],
                {
                    "region": survey.UNHAPPY_REGION,
                    "month": self._month(survey.COUNTER_MONTH),
                    "points_less": survey.UNHAPPY,
                },
            ),
            "brand_image": (
                ["survey.question_id", "survey.score"],
                {
                    "dimensions": [list(research.CARE), list(research.PACE)],
                    "correlation": research.TOGETHER,
                    "means": research.SEEN,
                },
            ),
            "brand_choice": (
                ["survey.question_id", "survey.answer"],
                {"log_odds_per_point": research.MATTERS, "own": research.OWN},
            ),
            "version_tests": (
                ["survey.question_id", "survey.answer"],
                {"liking": research.LIKED, "response": research.ACTED},
            ),
            "contact_overlap": (
                ["interactions.department", "interactions.occurred_at"],
                {
                    "departments": [contacts.DEPARTMENTS[d] for d in contacts.OVERLAP],
                    "share": customers.CONTACTED_TWICE,
                    "first": str(c.dates[self._first(contacts.OVERLAP_MONTHS[0])]),
                    "before": str(c.dates[self._first(contacts.OVERLAP_MONTHS[1])]),
                },
            ),
            "broken_step": (
                ["events.page", "events.device", "events.session_id"],
                {
                    "from": events.STEPS[events.BROKEN_STEP],
                    "to": events.STEPS[events.BROKEN_STEP + 1],
                    "device": "mobile",
                    "month": self._month(events.BROKEN_MONTH),
                    "passed": events.BROKEN_PASSED,
                    "usual": events.PASSED[events.BROKEN_STEP],
                },
            ),
            "product_pair": (
                ["order_lines.order_id", "products.category"],
                {"categories": products.PAIR, "taken_along": products.ATTACH, "among": MEMBERS},
            ),
            "decoy_pair": (
                ["order_lines.order_id", "products.category"],
                {"categories": products.DECOY, "taken_along": 0.0, "among": MEMBERS},
            ),
            "category_trends": (
                ["order_lines.line_amount", "products.category"],
                {
                    "rising": products.RISING,
                    "falling": products.FALLING,
                    "share_of_lines_per_month": round(products.SHIFT / (months - 1), 6),
                    "among": MEMBERS,
                },
            ),
            "price_change": (
                ["order_lines.unit_price"],
                {
                    "category": products.PRICED,
                    "rise": products.RISE,
                    "month": self._month(products.PRICE_MONTH),
                    "elasticity": -1.0,
                },
            ),
            "new_product": (
                ["order_lines.product_id"],
                {"product_id": new, "month": self._month(products.LAUNCH_MONTH), "share_of_category": products.NEW_SHARE},
            ),
            "competitor_opening": (
                ["customers.region", "orders.order_date", "feedback.text"],
                {
                    "competitor": purchases.COMPETITOR,
                    "region": purchases.COMPETITOR_REGION,
                    "month": self._month(purchases.COMPETITOR_MONTH),
                    "orders_lost": purchases.COMPETITOR_LOSS,
                },
            ),
            "out_of_stock": (
                ["stock.on_hand", "order_lines.product_id"],
                {
                    "product_id": catalog.rows[catalog.number(purchases.OUT_PRODUCT)]["product_id"],
                    "store": purchases.OUT_BRANCH,
                    "first": str(c.dates[out]),
                    "before": str(c.dates[back]),
                    "taken_instead": catalog.rows[catalog.number(purchases.OUT_INSTEAD)]["product_id"],
                },
            ),
            "diverted_goods": (
                ["orders.store", "customers.region", "events.page", "events.location"],
                {
                    "dealer": f"C{purchases.DIVERTER:07d}",
                    "home": REGIONS[purchases.DIVERTER // 2],
                    "to": purchases.DIVERTED_TO,
                    "share": purchases.DIVERTED,
                    "others": purchases.STRAY,
                },
            ),
            "unprofitable_customers": (
                ["costs.amount", "order_lines.gross_profit"],
                {
                    "share_of_companies_from_50_people": customers.COSTLY,
                    "delivery_and_service": (contacts.SERVICE[1] + contacts.DELIVERY[1]) / 10_000,
                },
            ),
            "win_probabilities": (
                ["stage_history.stage", "opportunities.status"],
                {"passed": dict(zip(pipeline.STAGES, pipeline.PASSED, strict=True))},
            ),
            "drop_worthy_group": (
                ["customers.company_size", "customers.source", "opportunities.status"],
                {
                    "company_size": customers.COMPANY_SIZES[0],
                    "source": "cold list",
                    "times_passed": pipeline.COLD_PASSED,
                    "win_probability": round(float(np.prod(np.array(pipeline.PASSED) * pipeline.COLD_PASSED)), 4),
                },
            ),
            "switching_customers": (
                ["order_lines.product_id", "events.page", "feedback.cause"],
                {"days": customers.SWITCH_DAYS, "categories": products.COFFEE, "orders_kept": 0.7},
            ),
            "stopping_customers": (
                ["orders.order_date", "events.page"],
                {"days": customers.STOP_DAYS, "orders_kept_at_the_end": 0.05},
            ),
            "loyalty_points": (
                ["costs.cost_type", "customers.member_level", "orders.order_date"],
                {
                    "month": self._month(purchases.POINTS_MONTH),
                    "costs_more": "gold",
                    "brings_more": customers.LEVELS[purchases.LIFTED_LEVEL],
                    "additional_orders": purchases.LIFT,
                    "cost_of_spend": {
                        "before": dict(zip(customers.LEVELS, [x / 10_000 for x in contacts.POINTS[0]], strict=True)),
                        "after": dict(zip(customers.LEVELS, [x / 10_000 for x in contacts.POINTS[1]], strict=True)),
                    },
                },
            ),
            "event_attendance": (
                ["exposures.attended", "campaigns.randomised", "orders.order_amount"],
                {"campaign_id": event.id, "came": [planned.CAME, planned.CAME + planned.CAME_MORE], "additional_orders": 0.0},
            ),
            "acquisition_costs": (
                ["costs.cost_type", "costs.amount"],
                {"cost_type": "acquisition", "mean": sum(contacts.ACQUISITION_FEN) / 200},
            ),
            "duplicates": (
                ["customers.birth_date", "customers.gender", "customers.postal_code", "customers.interests"],
                {"share": customers.DUPLICATES},
            ),
        }


class TrueCustomers:
    """The file truth/customers.parquet, chunk by chunk; a context manager."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "truth" / "customers.parquet"
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> TrueCustomers:
        self._path.parent.mkdir()
        return self

    def __exit__(self, *exception: Any) -> None:
        if self._writer is not None:
            self._writer.close()

    def write(self, calendar: Calendar, who: People, first_won: np.ndarray, ran: np.ndarray) -> None:
        """Append the customers of a chunk who were asked for."""
        member = who.consumer & (who.original < 0)
        gone = who.dropped < calendar.days
        day = np.minimum(who.dropped, calendar.days - 1).astype(int)
        ids = numbered("C", who.index, 7)
        twin = pa.array(np.where(who.original >= 0, who.original, 0))
        table = pa.table(
            {
                "customer_id": ids,
                "segment": arrow(Coded(who.segment, products.SEGMENTS), "text"),
                "orders_per_week": pa.array(np.where(who.original >= 0, np.nan, who.rate), from_pandas=True),
                "drop_out_rate": pa.array(np.where(member, who.death_rate, np.nan), from_pandas=True),
                "dropped_out": pa.array(np.where(gone, calendar.dates[day], np.datetime64("NaT"))),
                "lines_per_order": pa.array(1 + who.lines),
                "duplicate_of": pa.array(
                    [i if d else None for i, d in zip(ids.take(twin).to_pylist(), who.original >= 0, strict=True)], pa.string()
                ),
                "leaving": arrow(Coded(who.leaving, ("keep", "switch", "stop")), "text"),
                "contacted_twice": pa.array(who.contacted_twice),
                "costly": pa.array(who.costly),
                "cold": pa.array(who.cold),
            }
        ).filter(pa.array(ran))
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema, compression="zstd", store_schema=False)
        self._writer.write_table(table, row_group_size=max(len(table), 1))
