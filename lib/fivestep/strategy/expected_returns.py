"""What contact is expected to bring in each play: customers, spend that hangs on them, effect, cost."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from fivestep import charts, language
from fivestep.engine import Tables
from fivestep.errors import UserError
from fivestep.findings import Finding, NotAvailable
from fivestep.language import N_, _
from fivestep.strategy.campaign_effects import CampaignEffects, campaign_effects, cost_of_a_contact, gross_margin
from fivestep.strategy.plan import FEW, Plan
from fivestep.strategy.playbook import ORIGINS, Play

ANSWERS = N_("what contact is expected to bring in each play")
PLAYBOOK, DATA = N_("Playbook"), N_("Data")


@dataclass(frozen=True)
class ExpectedReturns:
    """What contacting the customers of each play brings within a year.

    ``table``: one row per play with contact, an effect, a cost and at least one customer to contact, in the order of the
    playbook: play, owner_role, contactable, contacts_a_year, stake_per_contactable, contact_effect with contact_effect_low and
    contact_effect_high, effect_origin, effect_source, cost_per_contact, cost_origin, contact_cost (of all contactable),
    expected_return (of all, after the cost) with expected_return_low and expected_return_high. ``margin``: share of spend that
    counts, 1 where none is known (``margin_origin`` is then empty). ``without_effect`` and ``without_cost``: plays left out for
    that reason. ``few``: whether an effect was measured on few customers.
    """

    table: pd.DataFrame
    plan: Plan
    margin: float
    margin_origin: str
    without_effect: tuple[str, ...]
    without_cost: tuple[str, ...]
    few: bool

    def shown(self) -> pd.DataFrame:
        """As the reader sees it: from customers to the expected return."""
        names = [
            "play", "contactable", "stake_per_contactable", "contact_effect", "contact_effect_low", "contact_effect_high",
            "effect_origin", "contact_cost", "expected_return", "expected_return_low", "expected_return_high",
        ]  # fmt: skip
        return self.table[names]

    def chart(self) -> Figure:
        """Expected return of each play with the interval of its effect; the dashed line is zero."""
        return charts.intervals(
            [_(p) for p in self.table["play"]],
            self.table["expected_return"],
            self.table["expected_return_low"],
            self.table["expected_return_high"],
            write=language.short_money,
            reference=0.0,
        )

    @property
    def paying(self) -> pd.DataFrame:
        """The plays whose expected return is above zero."""
        return self.table[self.table["expected_return"].round(2) > 0]

    def headline(self) -> str:
        """How many plays are expected to pay, and which most."""
        n, paying = len(self.table), self.paying
        if paying.empty:
            return language.ngettext(
                "The only play with a cost and an effect is not expected to pay for its contacts",
                "None of the {n} plays with a cost and an effect is expected to pay for its contacts",
                n,
            ).format(n=language.number(n))
        top = paying.sort_values("expected_return", ascending=False, kind="stable").iloc[0]
        return _("{paying} of {n} plays are expected to pay for their contacts, “{play}” most: {money} within a year").format(
            paying=language.number(len(paying)),
            n=language.number(n),
            play=_(top["play"]),
            money=language.short_money(top["expected_return"]),
        )

    def sure_headline(self) -> str:
        """How many plays pay even where the effect is at its lower end."""
        sure, n = int((self.table["expected_return_low"].round(2) > 0).sum()), len(self.table)
        return language.ngettext(
            "{sure} of {n} play pays even at the lower end of its effect",
            "{sure} of {n} plays pay even at the lower end of their effects",
            n,
        ).format(sure=language.number(sure), n=language.number(n))

    def note(self) -> str:
        """How a return is reckoned, and which plays have none."""
        out = [
            _(
                "Expected return: customers to contact × spend at stake of each × effect × margin, less the cost of the contacts "
                "of a year. Effect: what contact adds to the spend of a year, as a share of the spend at stake."
            ),
            self._margin(),
        ]
        for reason, plays in (
            (_("Left out, as neither playbook nor data gives an effect: {plays}."), self.without_effect),
            (_("Left out, as neither playbook nor data gives a cost of contact: {plays}."), self.without_cost),
        ):
            if plays:
                out.append(reason.format(plays=language.listing([_(p) for p in plays])))
        return " ".join(out)

    def _margin(self) -> str:
        if not self.margin_origin:
            return _("It counts spend, not profit, as neither playbook nor data gives a margin: the true return is lower.")
        words = {
            PLAYBOOK: _("It counts a gross margin of {margin}, as the playbook says."),
            DATA: _("It counts a gross margin of {margin}, that of the order lines with a cost."),
        }
        return words[self.margin_origin].format(margin=language.percent(self.margin, 1))

    def assumptions(self) -> tuple[str, ...]:
        """Where each effect comes from, one sentence for plays with the same origin."""
        out = []
        for (origin, source), rows in self.table.groupby(["effect_origin", "effect_source"], sort=False):
            plays = language.listing([_(p) for p in rows["play"]])
            words = _("Effect for {plays}: {origin} ({source}).") if source else _("Effect for {plays}: {origin}.")
            out.append(words.format(plays=plays, origin=_(origin), source=source))
        return (
            *out,
            _("The effect is the same share of spend for every customer of a play, and one contact or several add it once."),
        )

    def warnings(self) -> tuple[str, ...]:
        """What weakens the effects."""
        out = []
        if (self.table["effect_origin"] == ORIGINS["measured"]).any():
            out.append(
                _("Effects are measured on campaigns that were randomised, which may have offered something else than the play.")
            )
        if (self.table["effect_origin"] == ORIGINS["assumption"]).any():
            out.append(
                _("Some effects are assumptions that nobody has measured: test them on a random part before spending much.")
            )
        if self.few:
            out.append(_("The campaigns had fewer than {n} customers in a group.").format(n=language.number(FEW)))
        return tuple(out)

    def finding(self) -> Finding:
        """What contact brings in all plays that pay."""
        paying = self.paying
        total = round(float(paying["expected_return"].sum()), 2)
        measured = (self.table["effect_origin"] == ORIGINS["measured"]).all()
        return Finding(
            key="strategy.expected_return",
            value=total,
            unit="money",
            display=language.short_money(total),
            text=language.sentence(self.headline()),
            evidence=language.sentence(self.sure_headline()),
            so_what=(
                _("Contact first where the lower end pays, too; elsewhere test on a random part.")
                if len(paying)
                else _("Do not pay for contacts on these terms: lower their cost, or find an offer with more effect.")
            ),
            confidence="medium" if measured and not self.few else "low",
            warnings=self.warnings(),
            assumptions=self.assumptions(),
        )


def expected_returns(tables: Tables, plan: Plan | NotAvailable) -> ExpectedReturns | NotAvailable:
    """Customers to contact × spend at stake × effect × margin less cost, for each play of the playbook that has contact.

    The effect is that of the playbook; where it says "measured", or nothing, that of the randomised campaigns
    (`campaign_effects`). A cost or margin that the playbook leaves out is that of the data, if it tells. Who has opted out is not
    counted.
    """
    if isinstance(plan, NotAvailable):
        return NotAvailable(plan.missing, _(ANSWERS), reason=plan.reason)
    known_campaigns(tables, plan.playbook.plays)
    effects, usual_cost = campaign_effects(tables), cost_of_a_contact(tables)
    margin, margin_origin = plan.playbook.gross_margin, PLAYBOOK
    if margin is None:
        margin, margin_origin = gross_margin(tables, plan.first_day), DATA
    reachable = plan.table[~plan.table["opted_out"]]
    stakes = reachable.groupby("play")["spend_at_stake"].agg(["size", "sum"])
    rows, without_effect, without_cost, few = [], [], [], False
    for play in plan.playbook.plays:
        if not play.contact or play.play not in stakes.index:
            continue
        effect, small = _effect(play, effects)
        cost = play.cost_per_contact if play.cost_per_contact is not None else usual_cost
        if effect is None:
            without_effect.append(play.play)
        elif cost is None:
            without_cost.append(play.play)
        else:
            few |= small
            n, stake = int(stakes.loc[play.play, "size"]), float(stakes.loc[play.play, "sum"])
            origin = PLAYBOOK if play.cost_per_contact is not None else DATA
            rows.append((play.play, play.owner, n, play.contacts_a_year, stake / n, *effect, cost, origin))
    if not rows:
        if without_effect:
            reason = _("neither the playbook nor a randomised campaign in the data says what contact adds to spend.")
        elif without_cost:
            reason = _("neither the playbook nor the data says what a contact costs.")
        else:
            reason = _("no play with contact has a customer to contact.")
        return NotAvailable((), _(ANSWERS), reason=reason)
    names = [
        "play", "owner_role", "contactable", "contacts_a_year", "stake_per_contactable", "contact_effect", "contact_effect_low",
        "contact_effect_high", "effect_origin", "effect_source", "cost_per_contact", "cost_origin",
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=names)
    table["contact_cost"] = table["contactable"] * table["contacts_a_year"] * table["cost_per_contact"]
    worth = table["contactable"] * table["stake_per_contactable"] * (margin or 1.0)
    ends = pd.DataFrame({end: worth * table[f"contact_effect_{end}"] - table["contact_cost"] for end in ("low", "high")})
    table["expected_return"] = worth * table["contact_effect"] - table["contact_cost"]
    # Where returns outweigh orders the stake is negative, and the ends change places.
    table["expected_return_low"], table["expected_return_high"] = ends.min(axis=1), ends.max(axis=1)
    return ExpectedReturns(
        table, plan, margin or 1.0, margin_origin if margin else "", tuple(without_effect), tuple(without_cost), few
    )


def known_campaigns(tables: Tables, plays: list[Play]) -> None:
    """Refuse, with a `UserError`, a campaign that the data does not have: its play would lose its effect without a word."""
    named = {p.effect.campaign: p.play for p in plays if p.effect is not None and p.effect.campaign}
    if not named:
        return
    there = []
    if "campaigns" in tables.uncut:
        there = sorted(tables.uncut["campaigns"].select("campaign_id").distinct().to_pandas()["campaign_id"].dropna())
    for campaign, play in named.items():
        if campaign not in there:
            said = _(
                "playbook.yml: play {play}: effect.campaign: the data has no campaign {campaign!r}. Campaigns there: {choices}."
            )
            raise UserError(said.format(play=play, campaign=campaign, choices=", ".join(there[:12]) or _("none")))


def _effect(play: Play, effects: CampaignEffects | NotAvailable) -> tuple[tuple | None, bool]:
    """Share, low, high, origin and source of the effect of contact in *play*, if it is known; whether it rests on few."""
    said = play.effect
    if said is not None and said.origin != "measured":
        return (said.share, said.low, said.high, ORIGINS[said.origin], said.source), False
    campaign = said.campaign if said is not None else ""
    measured = effects.effect(campaign) if isinstance(effects, CampaignEffects) else None
    if measured is None:
        return None, False
    source = campaign or language.ngettext(
        "{n} randomised campaign of this engagement", "{n} randomised campaigns of this engagement", measured.campaigns
    ).format(n=language.number(measured.campaigns))
    return (measured.share, measured.low, measured.high, ORIGINS["measured"], source), measured.few
