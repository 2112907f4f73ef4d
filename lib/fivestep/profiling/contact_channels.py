"""How the customers can be reached: which contacts they respond to, and which social platforms they use."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import pandas as pd

from fivestep import language
from fivestep.engine import Tables, frame
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import wilson
from fivestep.language import N_, _, columns
from fivestep.profiling import age
from fivestep.profiling.covered_months import period
from fivestep.profiling.portrait import in_order, traits

ANSWERS = N_("to which channel of contact the customers respond best")
SOCIAL_ANSWERS = N_("which social platforms the customers use and how many are active there")
BOTH_ANSWERS = N_("to which channel of contact the customers respond best, and which social platforms they use")
CONTACTS = ("interactions.customer_id", "interactions.channel", "interactions.result")
EVENTS = ("events.customer_id", "events.event_type")
FIELDS = ("age_band", "gender", "occupation", "member_level")
FEW = 30  # contacts of a channel in a group; customers who were contacted both ways
CHANCE = 0.05
SOCIAL = {
    "like": ("like", "点赞", "點讚", "赞"),
    "comment": ("comment", "评论", "評論", "留言", "reply"),
    "share": ("share", "repost", "forward", "分享", "转发", "轉發"),
    "follow": ("follow", "subscribe", "关注", "關注", "订阅"),
}
# How a contact ended, in the words of systems; compared in lower case.
RESPONDED = (
    "answered", "opened", "clicked", "replied", "responded", "redeemed", "converted", "ordered", "booked", "interested",
    "reached", "connected", "next step agreed", "yes", "success", "successful", "completed", "已接听", "接通", "已接通", "已打开",
    "已读", "已点击", "已回复", "有意向", "感兴趣", "成功", "已核销", "已下单",
)  # fmt: skip
SILENT = (
    "no answer", "not answered", "unanswered", "not opened", "unopened", "not reached", "bounced", "undelivered", "failed",
    "busy", "voicemail", "refused", "declined", "not interested", "unsubscribed", "no response", "no reply", "no", "ignored",
    "未接", "未接听", "无人接听", "未接通", "未打开", "未读", "未回复", "无回应", "拒绝", "退订", "空号", "失败", "忙线",
    "无意向", "不感兴趣",
)  # fmt: skip
INBOUND = ("inbound", "in", "incoming", "呼入", "来电", "来访")


@dataclass(frozen=True)
class ContactChannels:
    """Responses to contacts that the company made, by channel, of all customers and of groups.

    ``table``: one row per channel, highest response first: contact_by, customers, contacts_made, contacts_answered,
    answer_rate with its interval (Wilson at the number of contacts that count as independent, as one customer's contacts
    resemble each other). ``groups``: portrait_trait, portrait_group, customers, best_channel (None where none is proven),
    answer_rate of the highest with its interval, second_channel, second_rate. ``unread``: results that are neither known as a
    response nor as none, left out: number of contacts and the words.
    """

    table: pd.DataFrame
    groups: pd.DataFrame
    best: str | None
    unread: tuple[int, tuple[str, ...]]
    first_day: dt.date
    as_of: dt.date

    def name(self, raw: str) -> str:
        """A channel as the reader sees it."""
        return language.value("interactions.channel", raw)

    def by_group(self) -> pd.DataFrame | NotAvailable:
        """The best channel of every group, as the reader sees it."""
        if self.groups.empty:
            return NotAvailable(
                (), _(ANSWERS), reason=_("No group has two channels of {n} contacts.").format(n=language.number(FEW))
            )
        out = self.groups.copy()
        out["portrait_group"] = [
            language.value(f"customers.{f}", g) for f, g in zip(out["portrait_trait"], out["portrait_group"], strict=True)
        ]
        out["portrait_trait"] = [columns.column(f).label for f in out["portrait_trait"]]
        out["best_channel"] = pd.Series([None if language.absent(c) else self.name(c) for c in out["best_channel"]], dtype=object)
        return out

    def headline(self) -> str:
        """The channel with the highest response, if it is clear of the others."""
        first, best = self.table.iloc[0], self.best
        if best is not None:
            return _("Customers respond best to {channel}: to {share} of contacts").format(
                channel=self.name(best), share=language.percent(self.table.set_index("contact_by").loc[best, "answer_rate"])
            )
        if len(self.table) == 1:
            return _("All contacts of known result are by {channel}: {share} get a response").format(
                channel=self.name(first["contact_by"]), share=language.percent(first["answer_rate"])
            )
        return _("No channel is proven the best; the highest response is {share} ({channel}, {n} customers)").format(
            channel=self.name(first["contact_by"]),
            share=language.percent(first["answer_rate"]),
            n=language.number(first["customers"]),
        )

    def groups_headline(self) -> str:
        """For how many groups a best channel is clear."""
        clear = self.groups[self.groups["best_channel"].notna()]
        if clear.empty:
            return _("For no group is a best channel proven")
        most = clear["best_channel"].value_counts()
        name = sorted(most[most == most.max()].index)[0]
        return _("A best channel is proven for {n} of {all} groups; it is {channel} for {most} of them").format(
            n=language.number(len(clear)),
            all=language.number(len(self.groups)),
            channel=self.name(name),
            most=language.number(most.max()),
        )

    def note(self) -> str:
        """Base, and what counts as a response."""
        base = _("Base: {n} contacts made by the company with a known result, {period}.").format(
            n=language.number(self.table["contacts_made"].sum()), period=period(self.first_day, self.as_of)
        )
        rule = _(
            "Intervals 95%, with regard to contacts of the same customer. Best: customers contacted both ways answer it more "
            "often "
            "than every other channel with which {few} customers or more can be compared (paired t test, Bonferroni)."
        ).format(few=language.number(FEW))
        n, words = self.unread
        left = (
            _("{n} contacts with other results are left out ({words}).").format(
                n=language.number(n), words=language.listing([language.value("interactions.result", w) for w in words[:5]])
            )
            if n
            else ""
        )
        return " ".join(filter(None, (base, rule, left)))

    def finding(self) -> Finding:
        """The response of the best channel."""
        rate = float(self.table["answer_rate"].iloc[0])
        best = self.best
        rate = float(self.table.set_index("contact_by")["answer_rate"].get(best, rate))
        return Finding(
            key="profiling.best_channel_response",
            value=rate,
            unit="share",
            display=language.percent(rate),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Try this channel first, and test it against another on customers chosen by chance.")
            if best is not None
            else _("Test channels on customers chosen by chance before one is preferred."),
            confidence="medium" if best is not None else "low",
            warnings=(
                _(
                    "An opened message is less than an agreed next step, and each channel reached customers of its own: compare "
                    "rates only where customers were contacted both ways."
                ),
            ),
        )


def contact_channels(tables: Tables, *, age_bands: tuple[int, ...] = ()) -> ContactChannels | NotAvailable:
    """Response to contacts by channel, and the best channel of the groups by age, gender, occupation and member level.

    Contacts that the customer began are left out where the direction is known. What is a response is told by the words of
    ``interactions.result``, see `RESPONDED` and `SILENT`.

    Source: Wilson (1927), with the design effect of a ratio over customers: Cochran (1977). The best channel is told from
    customers who were contacted both ways, so that it is not told from whom each channel reaches.
    """
    if lacking := _lacking(tables, CONTACTS, ANSWERS):
        return lacking
    contacts = tables.interactions.filter(tables.interactions.channel.notnull() & tables.interactions.result.notnull())
    if "direction" in contacts.columns:
        inbound = contacts.direction.lower().strip().isin(INBOUND).fill_null(False)
        contacts = contacts.filter(~inbound)
    said = contacts.result.lower().strip()
    read = contacts.mutate(answered=ibis.cases((said.isin(RESPONDED), 1), (said.isin(SILENT), 0), else_=ibis.null("int8")))
    other = read.filter(read.answered.isnull())
    words = frame(other.group_by("result").aggregate(n=other.count()), by=["result"]).sort_values(
        ["n", "result"], ascending=[False, True]
    )
    read = read.filter(read.answered.notnull())
    per = frame(
        read.group_by("customer_id", "channel").aggregate(made=read.count(), answered=read.answered.sum()),
        by=["customer_id", "channel"],
    )
    if per.empty:
        return NotAvailable((), _(ANSWERS), reason=_("No contact made by the company has a known result."))
    table = _rates(per)
    unread = int(words["n"].sum()), tuple(words["result"])
    return ContactChannels(table, _groups(tables, per, age_bands), _best(per), unread, tables.first_day, tables.as_of)


def _lacking(tables: Tables, wanted: tuple[str, ...], answers: str) -> NotAvailable | None:
    """What one of the two lacks; where both lack something, the same for both, so that a section says it once."""
    if not tables.missing(*wanted):
        return None
    if tables.missing(*CONTACTS) and tables.missing(*EVENTS):
        return NotAvailable(tables.missing(*CONTACTS, *EVENTS), _(BOTH_ANSWERS))
    return NotAvailable(tables.missing(*wanted), _(answers))


def _rates(per: pd.DataFrame) -> pd.DataFrame:
    """Response by channel of customers' contacts (customer_id, channel, made, answered), highest first."""
    rows = []
    for channel, part in per.groupby("channel", sort=True):
        made, answered = part["made"].to_numpy(float), part["answered"].to_numpy(float)
        n, rate = made.sum(), answered.sum() / made.sum()
        own = ((answered - rate * made) ** 2).sum() / n**2
        simple = rate * (1 - rate) / n
        effect = max(own / simple, 1.0) if simple > 0 else 1.0
        low, high = wilson(answered.sum() / effect, n / effect)
        rows.append((channel, part["customer_id"].nunique(), int(n), int(answered.sum()), rate, float(low), float(high)))
    names = ["contact_by", "customers", "contacts_made", "contacts_answered", "answer_rate", "answer_low", "answer_high"]
    return pd.DataFrame(rows, columns=names).sort_values(
        ["answer_rate", "contact_by"], ascending=[False, True], ignore_index=True
    )


def _best(per: pd.DataFrame) -> str | None:
    """The channel that customers answer more often than each other one they were contacted by, as far as 30 can be compared."""
    from scipy import stats

    rates = per.assign(rate=per["answered"] / per["made"]).pivot(index="customer_id", columns="channel", values="rate")
    names = sorted(rates.columns)
    compared: dict[str, list[float]] = {name: [] for name in names}
    for a in names:
        for b in names:
            both = (rates[a] - rates[b]).dropna()
            if a != b and len(both) >= FEW:
                spread = float(both.std())
                t = both.mean() / (spread / len(both) ** 0.5) if spread > 0 else float("inf") if both.mean() > 0 else 0.0
                compared[a].append(float(stats.t.sf(t, len(both) - 1)))
    tests = sum(len(found) for found in compared.values())
    clear = [name for name, found in compared.items() if found and max(found) * tests < CHANCE]
    return clear[0] if len(clear) == 1 else None


def _groups(tables: Tables, per: pd.DataFrame, age_bands: tuple[int, ...]) -> pd.DataFrame:
    """The best and the second channel of every group with two channels of enough contacts."""
    fields, rows = traits(tables, FIELDS), []
    people = frame(age.with_age_bands(tables, age_bands).select("customer_id", *fields), by=["customer_id"])
    joined = per.merge(people, on="customer_id")
    for field in fields:
        sizes = joined.groupby(field)["customer_id"].nunique()
        names = in_order(field, sorted(sizes.index)) if field == "age_band" else sorted(sizes.index, key=lambda g: (-sizes[g], g))
        for group in names:
            rated = _rates(joined[joined[field] == group])
            rated = rated[rated["contacts_made"] >= FEW]
            if len(rated) < 2:
                continue
            best, second = rated.iloc[0], rated.iloc[1]
            rows.append(
                {
                    "portrait_trait": field,
                    "portrait_group": group,
                    "customers": int(sizes[group]),
                    "best_channel": _best(joined[joined[field] == group]),
                    "first_channel": best["contact_by"],
                    "answer_rate": best["answer_rate"],
                    "answer_low": best["answer_low"],
                    "answer_high": best["answer_high"],
                    "second_channel": second["contact_by"],
                    "second_rate": second["answer_rate"],
                }
            )
    return pd.DataFrame(
        rows,
        columns=[
            "portrait_trait", "portrait_group", "customers", "best_channel", "first_channel", "answer_rate", "answer_low",
            "answer_high", "second_channel", "second_rate",
        ],
    )  # fmt: skip


@dataclass(frozen=True)
class SocialUse:
    """Customers who like, comment, share or follow, by platform.

    ``table``: one row per platform, most customers first: social_platform (None where the data names none), customers,
    share_of_customers (of all customers) with its Wilson interval (portrait_share_low, portrait_share_high), likes, comments,
    shares, follows. ``active``: customers active on any.
    """

    table: pd.DataFrame
    active: int
    customers: int
    first_day: dt.date
    as_of: dt.date

    def headline(self) -> str:
        """How many customers are active, and the platform with the most of them."""
        share = language.percent(self.active / self.customers)
        named = self.table[self.table["social_platform"].notna()]
        if named.empty:
            return _("{share} of customers like, comment, share or follow; the data names no platform").format(share=share)
        first = named.iloc[0]
        if len(named) > 1 and first["portrait_share_low"] <= named["portrait_share_high"].iloc[1]:
            return _("{share} of customers are socially active; no platform reliably has the most of them").format(share=share)
        return _("{share} of customers are socially active, most of them on {platform} ({own} of all customers)").format(
            share=share,
            platform=language.value("events.platform", first["social_platform"]),
            own=language.percent(first["share_of_customers"]),
        )

    def note(self) -> str:
        """Base."""
        return _(
            "Base: {n} customers, {period}. Socially active: at least one like, comment, share or follow; a customer may use "
            "several "
            "platforms. Intervals 95% (Wilson)."
        ).format(n=language.number(self.customers), period=period(self.first_day, self.as_of))

    def finding(self) -> Finding:
        """The share of socially active customers."""
        return Finding(
            key="profiling.socially_active",
            value=self.active / self.customers,
            unit="share",
            display=language.percent(self.active / self.customers),
            text=language.sentence(self.headline()),
            evidence=self.note(),
            so_what=_("Speak on the platform where the customers are; the data knows only what was linked to a customer."),
            confidence="medium",
        )


def social_use(tables: Tables) -> SocialUse | NotAvailable:
    """Customers with a like, comment, share or follow, by ``events.platform`` where it is there."""
    if lacking := _lacking(tables, EVENTS, SOCIAL_ANSWERS):
        return lacking
    events = tables.events.filter(tables.events.customer_id.notnull())
    said = events.event_type.lower().strip()
    kinds = ibis.cases(*((said.isin(words), kind) for kind, words in SOCIAL.items()), else_=ibis.null("string"))
    platform = events.platform if "platform" in events.columns else ibis.null("string")
    social = events.select("customer_id", kind=kinds, social_platform=platform).filter(ibis._.kind.notnull())
    social = social.semi_join(tables.customers, "customer_id")
    counted = frame(
        social.group_by("social_platform").aggregate(
            customers=social.customer_id.nunique(), **{f"social_{k}s": (social.kind == k).sum() for k in SOCIAL}
        ),
        by=["social_platform"],
    )
    if counted.empty:
        return NotAvailable((), _(SOCIAL_ANSWERS), reason=_("No event is a like, comment, share or follow."))
    counted["social_platform"] = counted["social_platform"].astype(object).where(counted["social_platform"].notna(), None)
    customers = int(tables.customers.count().to_pandas())
    counted["share_of_customers"] = counted["customers"] / customers
    counted["portrait_share_low"], counted["portrait_share_high"] = wilson(counted["customers"], customers)
    counted = counted.sort_values(
        ["customers", "social_platform"], ascending=[False, True], na_position="last", ignore_index=True
    )
    order = ["social_platform", "customers", "share_of_customers", "portrait_share_low", "portrait_share_high"]
    active = int(social.customer_id.nunique().to_pandas())
    return SocialUse(counted[[*order, *(f"social_{k}s" for k in SOCIAL)]], active, customers, tables.first_day, tables.as_of)
