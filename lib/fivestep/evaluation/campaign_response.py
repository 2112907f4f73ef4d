"""Response to campaigns, and what it does not show: only a campaign whose contact was drawn at random can claim a lift."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import MONEY, Tables, frame, needs
from fivestep.evaluation.campaign_windows import BEFORE_DAYS, CUT_BOTH, CUT_END, WHOLE, campaign_days, campaign_windows
from fivestep.evaluation.purchases import customer_ids
from fivestep.findings import Finding, NotAvailable
from fivestep.intervals import newcombe, welch, wilson
from fivestep.language import N_, _

FEW = 30  # customers in a group
NAMED = 6  # campaigns up to which a sentence names them all
BY_CHANCE, TARGETED = N_("By chance, with a control"), N_("Targeted")
RESPONDED, ORDERED = N_("Responded"), N_("Ordered during the campaign")
QUESTION = N_("which campaigns customers responded to")
LIFT = N_("how much more contacted customers bought because of a campaign")
TYPES = N_("which type of campaign customers respond to most")


@dataclass(frozen=True)
class CampaignResponse:
    """Campaigns with at least one contacted customer.

    ``table``: one row per campaign, by start_date and campaign_id: campaign_id, campaign_name and campaign_type where the data
    has them, start_date, end_date, campaign_window (whole, or where the data cuts it), randomised (and a control was kept),
    before_days and during_days that the data covers, responded of response_known contacted customers, response_rate (0..1) with
    its interval, redemptions. Responses are NaN for a campaign that runs on after the data, as they are not final. Two groups:
    ``contacted``, and ``others``, the control of a randomised campaign, else every customer who was not contacted: size,
    ``<group>_before`` and ``<group>_during`` (spend per customer and day), difference_low and difference_high (of spend before,
    contacted less others). ``rates`` and ``spends``: one row per randomised campaign (and outcome): both groups, the difference
    and its interval. ``base``: customers of the data.
    """

    table: pd.DataFrame
    rates: pd.DataFrame
    spends: pd.DataFrame
    base: int

    # ---------------------------------------------------------------- who responded
    def responses(self) -> pd.DataFrame:
        """One row per campaign: when it ran, who was contacted, who responded; what the data does not have is left out."""
        names = [
            "campaign",
            "campaign_type",
            "start_date",
            "end_date",
            "campaign_window",
            "contacted",
            "responded",
            "response_rate",
            "response_low",
            "response_high",
            "redemptions",
        ]
        shown = self._named(self.table)
        if self._mixed:
            names.insert(2, "contact_drawn")
            shown = shown.assign(contact_drawn=np.where(shown["randomised"], BY_CHANCE, TARGETED))
        return shown[[n for n in names if n in shown and (n == "campaign_type" or shown[n].notna().any())]]

    def types(self) -> pd.DataFrame | NotAvailable:
        """One row per campaign type, highest response first, whole campaigns only: campaigns, contacts, responses, rate."""
        if "campaign_type" not in self.table:
            return NotAvailable(("campaigns.campaign_type",), _(TYPES))
        if self._judged.empty:
            return self._nothing_judged(TYPES)
        grouped = self._judged.groupby("campaign_type", dropna=False)
        out = grouped.agg(
            campaigns=("campaign_id", "size"), contacts=("response_known", "sum"), responses=("responded", "sum")
        ).reset_index()
        out["response_rate"] = out["responses"] / out["contacts"]
        out["response_low"], out["response_high"] = wilson(out["responses"], out["contacts"])
        return out.sort_values(["response_rate", "campaign_type"], ascending=[False, True], ignore_index=True)

    def rates_figure(self) -> Figure | NotAvailable:
        """Response rates with their 95 % intervals, by first day; campaigns that the data cuts are left out."""
        shown = self._judged
        if shown.empty:
            return self._nothing_judged(QUESTION)
        names = [
            _("{name} ({month})").format(name=self._name(row), month=language.month(row["start_date"]))
            for _i, row in shown.iterrows()
        ]
        return charts.intervals(
            names,
            shown["response_rate"],
            shown["response_low"],
            shown["response_high"],
            write=lambda share: language.percent(share, 0),
        )

    @property
    def _judged(self) -> pd.DataFrame:
        return self.table[(self.table["campaign_window"] == WHOLE) & (self.table["response_known"] > 0)]

    def _nothing_judged(self, question: str) -> NotAvailable:
        if (self.table["response_known"] == 0).all() and not (self.table["campaign_window"].isin([CUT_END, CUT_BOTH])).all():
            return NotAvailable(("exposures.responded",), _(question))
        return NotAvailable((), _(question), reason=_("no campaign lies within the data as a whole, so no response is final."))

    def _name(self, row: pd.Series) -> str:
        return (
            language.value("campaigns.campaign_name", row["campaign_name"]) if "campaign_name" in row else str(row["campaign_id"])
        )

    @property
    def _mixed(self) -> bool:
        """Whether contact was randomised in some campaigns and not in others."""
        return bool(self.table["randomised"].any() and not self.table["randomised"].all())

    def _by_contact(self) -> dict[str, str]:
        """The targeted and the randomised campaigns by their names, or their numbers where they are many."""
        out = {}
        for kind, rows in (
            ("targeted", self.table[~self.table["randomised"]]),
            ("randomised", self.table[self.table["randomised"]]),
        ):
            names = [self._name(row) for _i, row in rows.iterrows()]
            many = _("{n} campaigns").format(n=language.number(len(rows)))
            out[kind] = language.listing(names) if len(names) <= NAMED else many
        return out

    @staticmethod
    def _named(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.rename(columns={"campaign_name" if "campaign_name" in rows else "campaign_id": "campaign"})

    def headline(self) -> str:
        """The share of contacts that were responded to, and whether anything follows from it."""
        judged = self._judged
        if judged.empty:
            return language.ngettext(
                "{n} campaign contacted customers, none with a final response",
                "{n} campaigns contacted customers, none with a final response",
                len(self.table),
            ).format(n=language.number(len(self.table)))
        words = {
            "share": language.percent(judged["responded"].sum() / judged["response_known"].sum()),
            "n": language.number(len(judged)),
        }
        if self.table["randomised"].all():
            return language.ngettext(
                "{share} of contacts in {n} campaign brought a response",
                "{share} of contacts in {n} campaigns brought a response",
                len(judged),
            ).format(**words)
        if self.table["randomised"].any():
            return _(
                "{share} of contacts brought a response; lift may be claimed only for the campaigns that were randomised"
            ).format(**words)
        return language.ngettext(
            "{share} of contacts in {n} campaign brought a response, but no lift may be claimed",
            "{share} of contacts in {n} campaigns brought a response, but no lift may be claimed",
            len(judged),
        ).format(**words)

    def responses_headline(self) -> str:
        """How many campaigns can be judged, and how many customers they reached on average."""
        whole = int((self.table["campaign_window"] == WHOLE).sum())
        return _(
            "{whole} of {all} campaigns lie within the data as a whole; a campaign contacted {n} customers on average"
        ).format(
            whole=language.number(whole), all=language.number(len(self.table)), n=language.number(self.table["contacted"].mean())
        )

    def types_headline(self) -> str | NotAvailable:
        """Which type of campaign has the highest response."""
        types = self.types()
        if isinstance(types, NotAvailable):
            return types
        top = types.iloc[0]
        words = {
            "type": language.value("campaigns.campaign_type", top["campaign_type"]),
            "share": language.percent(top["response_rate"]),
        }
        if len(types) == 1:
            return _("{share} of contacts in campaigns of {type} brought a response").format(**words)
        if top["response_low"] > types["response_high"].iloc[1:].max():
            return _("Customers respond most to campaigns of {type}: {share} of contacts").format(**words)
        return _("Campaigns of {type} have the highest response, {share} of contacts, but not clearly so").format(**words)

    def note(self) -> str:
        """What is counted, of which campaigns."""
        return _(
            "Contacted: customers whom the campaign reached. Responded: as the data of the campaign says, else a redeemed "
            "offer. Intervals: Wilson, 95%. A campaign that the data cuts at its start may have more responses than the data "
            "shows; one that runs on after the data has no final response, so none is shown."
        )

    def types_note(self) -> str:
        """What rates over several campaigns rest on."""
        return _(
            "Rates over several campaigns are over whole campaigns only. Their intervals (Wilson, 95%) take contacts as "
            "independent, although one customer may be contacted many times. Types may have reached different customers."
        )

    def finding(self) -> Finding | NotAvailable:
        """The response over whole campaigns, with the statement that it shows no lift."""
        judged = self._judged
        if judged.empty:
            return self._nothing_judged(QUESTION)
        responded, contacts = int(judged["responded"].sum()), int(judged["response_known"].sum())
        low, high = wilson(responded, contacts)
        evidence = _(
            "{responded} responses to {contacts} contacts, 95% interval {low} to {high}; {whole} of {all} campaigns lie within "
            "the data as a whole."
        ).format(
            responded=language.number(responded),
            contacts=language.number(contacts),
            low=language.percent(float(low), 1),
            high=language.percent(float(high), 1),
            whole=language.number((self.table["campaign_window"] == WHOLE).sum()),
            all=language.number(len(self.table)),
        )
        targeted = not self.table["randomised"].all()
        warnings = []
        if self._mixed:
            said = _(
                "Targeted, not randomised as far as the data says, so that no lift may be claimed: {targeted}. Randomised with a "
                "control group: {randomised}."
            )
            warnings.append(said.format(**self._by_contact()))
        elif targeted:
            warnings.append(_("Contact was targeted, not randomised as far as the data says: no lift may be claimed."))
        if contacts < FEW:
            warnings.append(_("Only {n} contacts: the share is uncertain.").format(n=language.number(contacts)))
        return Finding(
            key="evaluation.campaign_response_rate",
            value=responded / contacts,
            unit="share",
            display=language.percent(responded / contacts),
            text=language.sentence(self.headline()),
            evidence=evidence,
            so_what=_("Keep a random control group without contact in the next campaign: only then can its effect be measured.")
            if targeted
            else _("Read the effect of the campaigns from the comparison with their control groups, not from this share."),
            confidence="low" if contacts < FEW else "medium",
            warnings=tuple(warnings),
            assumptions=(self.note(), self.types_note()),
        )

    # ---------------------------------------------------------------- why it shows no lift
    def selection(self) -> pd.DataFrame | NotAvailable:
        """One row per campaign with days before it: spend per customer and day of contacted and others, before and during."""
        shown = self._named(self.table[self.table["before_days"] > 0])
        if shown.empty:
            return NotAvailable(
                (),
                _("how contacted customers differed before the campaign"),
                reason=_("the data holds no day before a campaign."),
            )
        names = [
            "campaign",
            "contacted",
            "others",
            "before_days",
            "contacted_before",
            "others_before",
            "difference_low",
            "difference_high",
            "during_days",
            "contacted_during",
            "others_during",
        ]
        return shown[names].reset_index(drop=True)

    def selection_headline(self) -> str | NotAvailable:
        """In how many campaigns contacted customers had already spent more before it began."""
        shown = self.selection()
        if isinstance(shown, NotAvailable):
            return shown
        more, less = int((shown["difference_low"] > 0).sum()), int((shown["difference_high"] < 0).sum())
        words = {"more": language.number(more), "less": language.number(less), "all": language.number(len(shown))}
        if more and less:
            return _(
                "Before they began, contacted customers already spent more than others in {more} of {all} campaigns, and less "
                "in {less}"
            ).format(**words)
        if more:
            return _("Before they began, contacted customers already spent more than others in {more} of {all} campaigns").format(
                **words
            )
        if less:
            return _("Before they began, contacted customers already spent less than others in {less} of {all} campaigns").format(
                **words
            )
        return _("Before they began, contacted customers spent neither clearly more nor clearly less than others").format(**words)

    def selection_note(self) -> str:
        """Groups, windows, interval."""
        return _(
            "Spend per customer and day in the {n} days before the first day of a campaign, and from its first to its last "
            "day. Others: the control group of a randomised campaign, else all customers not contacted by it, of {base} "
            "customers. More and less: the 95% interval of the difference (Welch) leaves out zero. Windows are cut to the days "
            "that the data covers. Customers may be in several campaigns at once."
        ).format(n=language.number(BEFORE_DAYS), base=language.number(self.base))

    def caution(self) -> str | NotAvailable:
        """That no lift may be claimed, where contact is not recorded as randomised with a control."""
        targeted = int((~self.table["randomised"]).sum())
        if not targeted:
            return NotAvailable((), _(LIFT), reason=_("contact was randomised in every campaign."))
        if self._mixed:
            return _(
                "Not recorded as randomised with a control group, so to be taken as targeted: {targeted}. Customers contacted by "
                "them were chosen and may differ from others anyway: what they spend during the campaign shows no lift, and none "
                "may be claimed. Randomised with a control group, so that lift may be claimed: {randomised}."
            ).format(**self._by_contact())
        return language.ngettext(
            "{n} of {all} campaigns is not recorded as randomised with a control group, so its contact must be taken as "
            "targeted. Contacted customers were chosen and may differ from others anyway: what they spend during a campaign "
            "shows no lift, and no lift may be claimed.",
            "{n} of {all} campaigns are not recorded as randomised with a control group, so their contact must be taken as "
            "targeted. Contacted customers were chosen and may differ from others anyway: what they spend during a campaign "
            "shows no lift, and no lift may be claimed.",
            targeted,
        ).format(n=language.number(targeted), all=language.number(len(self.table)))

    # ---------------------------------------------------------------- lift, where contact was randomised
    def lift_rates(self) -> pd.DataFrame | NotAvailable:
        """One row per randomised campaign and outcome: shares of contacted and control, difference with its 95 % interval."""
        return self._no_lift() if self.rates.empty else self._named(self.rates).drop(columns="campaign_id", errors="ignore")

    def lift_spends(self) -> pd.DataFrame | NotAvailable:
        """One row per randomised campaign: spend per customer of contacted and control, difference with its 95 % interval."""
        return self._no_lift() if self.spends.empty else self._named(self.spends).drop(columns="campaign_id", errors="ignore")

    def _no_lift(self) -> NotAvailable:
        return NotAvailable((), _(LIFT), reason=_("no campaign is recorded as randomised with a control group."))

    def lift_headline(self) -> str | NotAvailable:
        """What contact brought in the most telling randomised campaign, and in how many others it brought something."""
        if self.spends.empty:
            return self._no_lift()
        said, others = self._lift_said(self._telling), len(self.spends) - 1
        if not others:
            return said
        clear = int((self._clear_spend() | self._clear_orders()).drop(self._telling.name).sum())
        if others == 1:
            words = (
                _("{said}; the other randomised campaign made a clear difference too")
                if clear
                else _("{said}; the other randomised campaign made no clear difference")
            )
        else:
            words = _("{said}; of the {n} other randomised campaigns {clear} made a clear difference")
        return words.format(said=said, n=language.number(others), clear=language.number(clear))

    def _lift_said(self, row: pd.Series) -> str:
        words = {
            "name": self._lift_name(row),
            "difference": language.money(abs(row["lift_spend"]), 2),
            "low": language.money(row["lift_spend_low"], 2),
            "high": language.money(row["lift_spend_high"], 2),
        }
        if row["lift_spend_low"] > 0:
            return _("{name}: contact brought {difference} more spend per customer (95% interval {low} to {high})").format(
                **words
            )
        if row["lift_spend_high"] < 0:
            return _("{name}: contact brought {difference} less spend per customer (95% interval {low} to {high})").format(
                **words
            )
        if row["orders_clear"]:
            ordered = self._ordered(row)
            return _(
                "{name}: {a} of contacted and {b} of control customers ordered, a clear difference; in spend per customer there "
                "is none (95% interval {low} to {high})"
            ).format(**words, a=language.percent(ordered["rate_contacted"], 1), b=language.percent(ordered["rate_control"], 1))
        return _("{name}: contact made no clear difference to spend per customer (95% interval {low} to {high})").format(**words)

    def _ordered(self, row: pd.Series) -> pd.Series:
        """Who ordered in the campaign of *row*."""
        return self.rates[(self.rates["campaign_id"] == row["campaign_id"]) & (self.rates["outcome_measured"] == ORDERED)].iloc[0]

    def lift_rates_headline(self) -> str | NotAvailable:
        """How many customers of both groups ordered in the most telling randomised campaign."""
        if self.spends.empty:
            return self._no_lift()
        row = self._ordered(self._telling)
        return _("{name}: {a} of contacted and {b} of control customers ordered during the campaign").format(
            name=self._lift_name(row), a=language.percent(row["rate_contacted"], 1), b=language.percent(row["rate_control"], 1)
        )

    def _lift_name(self, row: pd.Series) -> str:
        return self._name(self.table.set_index("campaign_id", drop=False).loc[row["campaign_id"]])

    def _clear_spend(self) -> pd.Series:
        """Whether the 95 % interval of each randomised campaign's difference in spend leaves out zero."""
        return (self.spends["lift_spend_low"] > 0) | (self.spends["lift_spend_high"] < 0)

    def _clear_orders(self) -> pd.Series:
        """The same for the share of customers who ordered."""
        ordered = self.rates[self.rates["outcome_measured"] == ORDERED].set_index("campaign_id")
        clear = (ordered["lift_rate_low"] > 0) | (ordered["lift_rate_high"] < 0)
        return self.spends["campaign_id"].map(clear).astype(bool)

    @property
    def _telling(self) -> pd.Series:
        """The randomised campaign with the largest effect on all it contacted among those whose spend, else whose share of
        customers who ordered, differs clearly, up or down; without one the largest. ``spend_clear`` and ``orders_clear`` say
        which."""
        rows = self.spends.assign(spend_clear=self._clear_spend(), orders_clear=self._clear_orders())
        clear = rows["spend_clear"] | rows["orders_clear"]
        rows = rows.assign(
            effect=(rows["lift_spend"].abs() * rows["contacted"]).where(clear, 0.0).round(2),
            size=rows["contacted"] + rows["control"],
        )
        first = ["spend_clear", "orders_clear", "effect", "size", "campaign_id"]
        return rows.sort_values(first, ascending=[False, False, False, False, True]).iloc[0]

    def lift_note(self) -> str:
        """What is compared, and how sure the difference is."""
        rule = _(
            "Everybody assigned to contact against everybody assigned to control, whether or not they responded, from the "
            "first to the last day that the data covers. Intervals of 95%: Newcombe for shares, Welch for spend. Where only "
            "contacted customers could respond, the difference in responses is no effect: look at orders and spend."
        )
        if len(self.spends) < 2:
            return rule
        several = _("Of many campaigns without any effect one in 20 would look as if it had one, in orders and again in spend.")
        return f"{rule} {several}"

    def lift_finding(self) -> Finding | NotAvailable:
        """The effect of contact on spend in the most telling randomised campaign."""
        if self.spends.empty:
            return self._no_lift()
        row = self._telling
        evidence = _("{n} contacted customers spent {spend} each, {m} control customers {control}.").format(
            n=language.number(row["contacted"]),
            spend=language.money(row["spend_contacted"], 2),
            m=language.number(row["control"]),
            control=language.money(row["spend_control"], 2),
        )
        small = min(row["contacted"], row["control"]) < FEW
        if row["spend_clear"]:
            follows = _("Compare the difference per customer with the cost of a contact before repeating it.")
        elif row["orders_clear"]:
            follows = _("Whether the orders pay for the contact is open: repeat with more customers before counting on it.")
        else:
            follows = _("Do not count on an effect: repeat with more customers, or stop.")
        return Finding(
            key="evaluation.campaign_lift_spend_per_customer",
            value=float(row["lift_spend"]),
            unit="money",
            display=language.money(row["lift_spend"], 2),
            text=language.sentence(self.lift_headline()),
            evidence=evidence,
            so_what=follows,
            confidence="low" if small else "high",
            warnings=(_("A group of fewer than {n} customers: the interval is only rough.").format(n=language.number(FEW)),)
            if small
            else (),
            assumptions=(self.lift_note(),),
        )


@needs(
    "campaigns.start_date",
    "exposures.customer_id",
    "exposures.treated",
    "orders.customer_id",
    "orders.order_amount",
    answers=QUESTION,
)
def campaign_response(tables: Tables) -> CampaignResponse | NotAvailable:
    """Contacted customers, responses and spend before and during each campaign; lift only where contact was randomised.

    A campaign without a last day is followed for `OPEN_DAYS`. Responses are ``exposures.responded`` where the data has it, else
    a redeemed offer (an interaction with campaign and offer). Returns net spend and are no orders; orders without a customer are
    excluded. The flag ``responded`` has no date, so it is not used for a campaign that was still running on the as-of date.
    """
    campaigns = campaign_days(tables)
    groups = _groups(tables, campaigns)
    contacted = groups[groups["arm"] == "contacted"].drop(columns="arm")
    if contacted.empty:
        return NotAvailable((), _(QUESTION), reason=_("no customer was contacted by a campaign."))
    control = groups[groups["arm"] == "control"].drop(columns="arm").set_index("campaign_id")
    everybody = groups.groupby("campaign_id")[["before", "before_squares", "during", "during_squares", "bought"]].sum()
    base = int(customer_ids(tables, "exposures").count().to_pandas())

    rows = frame(campaigns, by=["start_date", "campaign_id"])
    for name in ("start_date", "end_date"):
        rows[name] = pd.to_datetime(rows[name])
    table = rows.merge(contacted, on="campaign_id").sort_values(["start_date", "campaign_id"], ignore_index=True)
    table["randomised"] = table["randomised"].fillna(False).astype(bool) & (
        table["campaign_id"].map(control["size"]).fillna(0) > 1
    )
    table = table.join(campaign_windows(tables, table))
    other = pd.DataFrame(
        [
            control.loc[row["campaign_id"]]
            if row["randomised"]
            else everybody.loc[row["campaign_id"]]
            .sub(row[everybody.columns])
            .combine_first(pd.Series({"size": base - row["size"]}))
            for _i, row in table.iterrows()
        ]
    ).reset_index(drop=True)
    before_days, during_days = (
        table["before_days"].where(table["before_days"] > 0),
        table["during_days"].where(table["during_days"] > 0),
    )
    differences = [_difference(a, b, "before") for (_i, a), (_j, b) in zip(table.iterrows(), other.iterrows(), strict=True)]
    final = ~table["campaign_window"].isin([CUT_END, CUT_BOTH])
    known = table["response_known"].where(final, 0).astype("int64")
    responded = table["responded"].where(known > 0).astype(float)
    out = table[
        [
            c
            for c in (
                "campaign_id",
                "campaign_name",
                "campaign_type",
                "start_date",
                "end_date",
                "campaign_window",
                "randomised",
                "before_days",
                "during_days",
            )
            if c in table
        ]
    ].assign(
        contacted=table["size"].astype("int64"),
        others=other["size"].astype("int64"),
        contacted_before=table["before"] / table["size"] / before_days,
        others_before=other["before"] / other["size"].where(other["size"] > 0) / before_days,
        difference_low=np.array([low for low, _high in differences]) / before_days,
        difference_high=np.array([high for _low, high in differences]) / before_days,
        contacted_during=table["during"] / table["size"] / during_days,
        others_during=other["during"] / other["size"].where(other["size"] > 0) / during_days,
        responded=responded,
        response_known=known,
        response_rate=responded / known.where(known > 0),
        redemptions=_redemptions(tables, table["campaign_id"]),
    )
    out["response_low"], out["response_high"] = wilson(responded.fillna(0), known)
    return CampaignResponse(out, *_lift(table.assign(final=final), other), base)


def _groups(tables: Tables, campaigns: ibis.Table) -> pd.DataFrame:
    """Per campaign and arm (contacted, control, none): size (not of none), responses, and sums and sums of squares of spend over
    customers.

    Sums stay DECIMAL until the end, so that any order of the rows gives the same numbers.
    """
    orders = tables.orders.filter(tables.orders.customer_id.notnull()).select(
        "customer_id", "order_amount", day=ibis._.order_date.date()
    )
    spans = campaigns.select("campaign_id", "start_date", "end_date")
    near = orders.join(spans, [orders.day >= spans.start_date - ibis.interval(days=BEFORE_DAYS), orders.day <= spans.end_date])
    during = near.day >= near.start_date
    spent = near.group_by("campaign_id", "customer_id").aggregate(
        before=near.order_amount.sum(where=~during).fill_null(0).cast(MONEY),
        during=near.order_amount.sum(where=during).fill_null(0).cast(MONEY),
        bought=(during & (near.order_amount >= 0)).any(),
    )
    members = _members(tables).semi_join(campaigns, "campaign_id")
    joined = members.outer_join(spent, ["campaign_id", "customer_id"])
    joined = joined.select(
        campaign_id=ibis.coalesce(joined.campaign_id, joined.campaign_id_right),
        arm=ibis.cases((joined.treated, "contacted"), (joined.treated.notnull(), "control"), else_="none"),
        before=joined.before.fill_null(0),
        during=joined.during.fill_null(0),
        bought=joined.bought.fill_null(False),
        responded=joined.responded,
    )
    square = ibis.expr.datatypes.Decimal(38, 4)
    return frame(
        joined.group_by("campaign_id", "arm").aggregate(
            size=joined.count(),
            responded=joined.responded.sum().fill_null(0),
            response_known=joined.responded.count(),
            bought=joined.bought.sum(),
            before=joined.before.sum(),
            before_squares=(joined.before * joined.before).cast(square).sum(),
            during=joined.during.sum(),
            during_squares=(joined.during * joined.during).cast(square).sum(),
        ),
        by=["campaign_id", "arm"],
    )


def _members(tables: Tables) -> ibis.Table:
    """campaign_id, customer_id, treated, responded."""
    given = tables.exposures
    if "responded" in given.columns:
        return given.select("campaign_id", "customer_id", "treated", "responded")
    if tables.missing("interactions.campaign_id", "interactions.offer_id"):
        return given.select("campaign_id", "customer_id", "treated", responded=ibis.null("boolean"))
    redeemed = _redeemed(tables).select("campaign_id", "customer_id").distinct().mutate(responded=True)
    joined = given.left_join(redeemed, ["campaign_id", "customer_id"])
    return joined.select("campaign_id", "customer_id", "treated", responded=joined.responded.fill_null(False))


def _redeemed(tables: Tables) -> ibis.Table:
    given = tables.interactions
    return given.filter(given.campaign_id.notnull() & given.offer_id.notnull())


def _redemptions(tables: Tables, campaign_ids: pd.Series) -> pd.Series:
    """Redeemed offers of contacted customers by campaign; NaN where the data does not record them."""
    if tables.missing("interactions.campaign_id", "interactions.offer_id"):
        return pd.Series(np.nan, index=campaign_ids.index)
    exposures = tables.exposures
    redeemed = _redeemed(tables).semi_join(exposures.filter(exposures.treated), ["campaign_id", "customer_id"])
    counted = frame(redeemed.group_by("campaign_id").aggregate(n=redeemed.count()), by=["campaign_id"])
    return campaign_ids.map(counted.set_index("campaign_id")["n"]).fillna(0).astype("int64")


def _difference(one: pd.Series, other: pd.Series, when: str) -> tuple[float, float]:
    """Welch interval of the mean spend of *one* group less the *other*, from size, sum and sum of squares."""
    return welch(*(x for group in (one, other) for x in _moments(group["size"], group[when], group[f"{when}_squares"])))


def _moments(n: float, total: float, squares: float) -> tuple[float, float, float]:
    if n < 2:
        return n, np.nan, np.nan
    return n, total / n, max((squares - total**2 / n) / (n - 1), 0.0)


def _lift(table: pd.DataFrame, control: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Differences between contacted and control, by randomised campaign: shares, and spend per customer while it ran."""
    rates, spends = [], []
    for (_i, a), (_j, b) in zip(table.iterrows(), control.iterrows(), strict=True):
        if not a["randomised"] or a["during_days"] == 0:
            continue
        name = {c: a[c] for c in ("campaign_id", "campaign_name") if c in a}
        outcomes = [(ORDERED, a["bought"], a["size"], b["bought"], b["size"])]
        if a["final"] and a["response_known"] and b["response_known"]:
            outcomes.insert(0, (RESPONDED, a["responded"], a["response_known"], b["responded"], b["response_known"]))
        for outcome, k, n, l, m in outcomes:  # noqa: E741
            low, high = newcombe(k, n, l, m)
            rates.append(
                {
                    **name,
                    "outcome_measured": outcome,
                    "contacted": int(n),
                    "control": int(m),
                    "rate_contacted": k / n,
                    "rate_control": l / m,
                    "lift_rate": k / n - l / m,
                    "lift_rate_low": low,
                    "lift_rate_high": high,
                }
            )
        low, high = _difference(a, b, "during")
        spends.append(
            {
                **name,
                "contacted": int(a["size"]),
                "control": int(b["size"]),
                "spend_contacted": a["during"] / a["size"],
                "spend_control": b["during"] / b["size"],
                "lift_spend": a["during"] / a["size"] - b["during"] / b["size"],
                "lift_spend_low": low,
                "lift_spend_high": high,
            }
        )
    return pd.DataFrame(rates), pd.DataFrame(spends)
