"""When and how customers use app and website, what they like, comment and share, and whether others look after a share."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame, needs
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _
from fivestep.needs import journeys

DAYS = 7  # before and after a share in which looks are counted
FEWEST = 30  # looks in both weeks from which influence is told
KINDS = {"likes": ("like", "点赞", "點讚", "點贊"), "comments": ("comment", "评论", "評論"), "shares": ("share", "分享")}
_ANSWERS = N_("how customers use the app, and how far what they like, comment and share reaches others")


@dataclass(frozen=True)
class OnlineHabits:
    """Use by device and social activity by platform.

    ``devices``: one row per device: device, visitors, visits_per_visitor, busiest_hour (0 to 23, of visits' beginnings),
    weekend_visits (share), evening_visits (share from 18 to 24), bought_visits (share of visits that reach the last step) with
    low and high. ``social``: one row per platform: share_platform, likes, comments, shares, social_customers,
    most_active_share (of all social events by the most active tenth of these customers). ``before``, ``after``: looks of other
    customers at a product in the 7 days before and after a customer shared it, ``shared``: such shares.
    """

    devices: pd.DataFrame
    social: pd.DataFrame
    shared: int
    before: int
    after: int

    def social_shown(self) -> pd.DataFrame | NotAvailable:
        """Social activity by platform."""
        if self.social.empty:
            return NotAvailable((), _(_ANSWERS), reason=_("no event is a like, a comment or a share."))
        return self.social

    def headline(self) -> str:
        """When the most used device is used."""
        top = self.devices.iloc[0]
        return _(
            "Most visitors come by {device}: {visits} visits each, most often at {hour}:00, {share} of them at weekends"
        ).format(
            device=language.value("events.device", top["device"]),
            visits=language.number(top["visits_per_visitor"], 1),
            hour=language.number(top["busiest_hour"]),
            share=language.percent(top["weekend_visits"]),
        )

    def _influence(self) -> tuple[float, float]:
        """95 % interval of the share of looks that came after; half is no influence."""
        low, high = wilson(self.after, self.after + self.before)
        return float(low), float(high)

    def social_headline(self) -> str:
        """Whether shares make others look."""
        if self.before + self.after < FEWEST:
            return _("Too few looks around shared products to tell whether shares make others look")
        low, high = self._influence()
        words = {"before": language.number(self.before), "after": language.number(self.after), "n": language.number(self.shared)}
        if low > 0.5:
            return _("After {n} shares others looked at the product {after} times in a week, before {before} times").format(
                **words
            )
        if high < 0.5:
            return _("After {n} shares others looked less at the product: {after} times in a week, before {before} times").format(
                **words
            )
        return _("{n} shares did not make others look more: {before} looks in the week before, {after} in the week after").format(
            **words
        )

    def note(self) -> str:
        """Definitions."""
        return _(
            "A visit counts on the day and at the hour at which it begins. Influence: looks of other customers at a product in "
            "the {days} days after a customer shared it, against the {days} days before; a share that goes with an offer shows "
            "the effect of both."
        ).format(days=language.number(DAYS))

    def finding(self) -> Finding:
        """How the most used device is used, and what shares do."""
        top = self.devices.iloc[0]
        return Finding(
            key="needs.visits_per_visitor",
            value=float(top["visits_per_visitor"]),
            unit="count",
            display=language.number(top["visits_per_visitor"], 1),
            text=language.sentence(self.headline()),
            evidence=(language.sentence(self.social_headline()) + " " if len(self.social) else "") + self.note(),
            so_what=_("Send messages before the busiest hour of the device, and test an earlier and a later one against it."),
            confidence="medium",
        )


@needs("events.customer_id", "events.device", answers=_ANSWERS)
def online_habits(tables: Tables, steps: Mapping[str, tuple[str, ...]] = journeys.STEPS) -> OnlineHabits | NotAvailable:
    """Habits of use by device and hour, social activity by platform, and looks of others around shares.

    Visits of known customers alone; a visit has the device that comes first by name among those of its events.
    """
    events = journeys.visited(tables, steps)
    events = events.filter(events.customer_id.notnull())
    inside = events.filter(events.visit.notnull())
    last = inside.step.max().to_pandas()
    each = inside.group_by("visit").aggregate(
        customer_id=inside.customer_id.min(), device=inside.device.min(), begin=inside.at.min(),
        done=(inside.step == (-1 if pd.isna(last) else int(last))).any(),
    )  # fmt: skip
    each = each.filter(each.device.notnull())
    hours = frame(
        each.group_by("device", hour=each.begin.hour()).aggregate(
            visits=each.count(), weekend=(each.begin.day_of_week.index() >= 5).sum(), done=each.done.fill_null(False).sum()
        ),
        by=["device", "hour"],
    )
    if hours.empty:
        return NotAvailable((), _(_ANSWERS), reason=_(journeys.NO_VISITS))
    visitors = frame(each.group_by("device").aggregate(visitors=each.customer_id.nunique()), by=["device"])
    sums = hours.groupby("device")[["visits", "weekend", "done"]].sum().join(visitors.set_index("device"))
    busiest = hours.sort_values(["device", "visits", "hour"], ascending=[True, False, True]).drop_duplicates("device")
    evening = hours[hours["hour"] >= 18].groupby("device")["visits"].sum().reindex(sums.index).fillna(0)
    low, high = wilson(sums["done"], sums["visits"])
    known = np.nan if pd.isna(last) else 1.0
    devices = pd.DataFrame({
        "device": sums.index,
        "visitors": sums["visitors"].to_numpy(dtype=int),
        "visits_per_visitor": (sums["visits"] / sums["visitors"]).to_numpy(),
        "busiest_hour": busiest["hour"].to_numpy(dtype=int),
        "weekend_visits": (sums["weekend"] / sums["visits"]).to_numpy(dtype=float),
        "evening_visits": (evening / sums["visits"]).to_numpy(dtype=float),
        "bought_visits": known * (sums["done"] / sums["visits"]).to_numpy(dtype=float),
        "bought_visits_low": known * low, "bought_visits_high": known * high,
    }).sort_values(["visitors", "device"], ascending=[False, True], ignore_index=True)  # fmt: skip
    return OnlineHabits(devices, _social(tables), *_influence(events, tables))


def _social(tables: Tables) -> pd.DataFrame:
    columns = ["share_platform", *KINDS, "social_customers", "most_active_share"]
    events = tables.events
    if "platform" not in events.columns:
        return pd.DataFrame(columns=columns)
    said = events.event_type.strip().lower()
    events = events.filter(said.isin([w for words in KINDS.values() for w in words]) & events.platform.notnull())
    events = events.filter(events.customer_id.notnull())
    counted = {name: events.event_type.strip().lower().isin(words).sum() for name, words in KINDS.items()}
    each = frame(events.group_by("platform", "customer_id").aggregate(**counted), by=["platform", "customer_id"])
    rows = []
    for platform, part in each.groupby("platform"):
        sums = part[list(KINDS)].sum()
        own = np.sort(part[list(KINDS)].sum(axis=1).to_numpy())[::-1]
        tenth = max(len(own) // 10, 1)
        rows.append((platform, *sums.astype(int), len(part), own[:tenth].sum() / own.sum()))
    out = pd.DataFrame(rows, columns=columns)
    return out.sort_values(["social_customers", "share_platform"], ascending=[False, True], ignore_index=True)


def _influence(events: ibis.Table, tables: Tables) -> tuple[int, int, int]:
    """Shares of a product, and looks of others at it in the week before and in the week after."""
    key = events.name.strip().lower()
    shares = events.filter(key.isin(KINDS["shares"]) & events.product_id.notnull())
    end = dt.datetime.combine(tables.as_of + dt.timedelta(days=1 - DAYS), dt.time())
    shares = shares.filter(shares.at < end).select(sharer="customer_id", shared_id="product_id", shared_at="second")
    looks = events.filter(events.product_id.notnull() & (events.kind == journeys.BROWSING))
    met = looks.inner_join(shares, [looks.product_id == shares.shared_id, looks.customer_id != shares.sharer])
    apart = met.second - met.shared_at
    counted = met.aggregate(
        before=((apart < 0) & (apart >= -DAYS * 86_400)).sum(), after=((apart > 0) & (apart <= DAYS * 86_400)).sum()
    )
    row = counted.to_pandas().iloc[0].fillna(0)
    return int(shares.count().to_pandas()), int(row["before"]), int(row["after"])
