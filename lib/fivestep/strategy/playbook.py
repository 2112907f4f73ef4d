"""The playbook: which customers get which play, with goal, action, channel, KPI, owner and the rule that ends it."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from fivestep import language, yaml_file
from fivestep.errors import UserError
from fivestep.language import N_, _

VALUE_TIERS = (N_("High value"), N_("Medium value"), N_("Low value"), N_("No order yet"))
LIFECYCLE = (N_("New"), N_("Growing"), N_("Mature"), N_("Lapsing"), N_("Lapsed"), N_("No order yet"))
NEED_GROUPS = (N_("Function"), N_("Price"), N_("Service"), N_("Several needs"), N_("No sign"))
UNKNOWN = ""  # a tier or stage that could not be told: only a play that leaves the key out has such customers
NO_PLAY = N_("No play")
DIRECTIONS = {"up": N_("Raise"), "hold": N_("Hold"), "down": N_("Lower")}
# KPIs that the kit computes: name, definition, kind of number. The measuring period is as long as the play's time to review.
MEASURES: dict[str, tuple[str, str, str]] = {
    "ordering_customers": (
        N_("Customers who order"),
        N_("Customers with an order, divided by all customers of the play."),
        "percent",
    ),
    "spend_per_customer": (
        N_("Spend per customer"),
        N_("Spend divided by all customers of the play."),
        "money",
    ),
    "orders_per_customer": (
        N_("Orders per customer"),
        N_("Orders divided by all customers of the play."),
        "number",
    ),
    "categories_per_customer": (
        N_("Categories per customer"),
        N_("Different categories bought: mean of all customers of the play."),
        "number",
    ),
}
ORIGINS = {"measured": N_("Measured here"), "benchmark": N_("Benchmark"), "assumption": N_("Assumption")}
SHIPPED = Path(__file__).with_name("playbook.yml")

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
# A playbook written in another language may use that language's names.
_English = BeforeValidator(lambda said: language.original(said) if isinstance(said, str) else said)


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Kpi(_Entry):
    """How success is measured: a *measure* that the kit computes, or a name and definition of the client's own."""

    measure: Literal[tuple(MEASURES)] | None = None  # type: ignore[valid-type]
    name: str = ""
    definition: str = ""
    direction: Literal[tuple(DIRECTIONS)]  # type: ignore[valid-type]

    @model_validator(mode="after")
    def _one_kind(self) -> Kpi:
        if bool(self.measure) == bool(self.name and self.definition) or (self.measure and (self.name or self.definition)):
            raise ValueError(_("give either measure, or name and definition"))
        return self

    @property
    def label(self) -> str:
        return MEASURES[self.measure][0] if self.measure else self.name

    @property
    def meaning(self) -> str:
        return MEASURES[self.measure][1] if self.measure else self.definition


Share = Annotated[float, Field(ge=-1, le=10, allow_inf_nan=False, strict=True)]


class Effect(_Entry):
    """What contact adds to a customer's spend within a year, as a share of the spend at stake, and how that is known.

    ``measured``: by the randomised campaigns of this engagement, or the one named; a ``benchmark`` names its source.
    """

    origin: Literal[tuple(ORIGINS)]  # type: ignore[valid-type]
    share: Share | None = None
    low: Share | None = None
    high: Share | None = None
    source: str = ""
    campaign: str = ""

    @model_validator(mode="after")
    def _one_origin(self) -> Effect:
        numbers = (self.low, self.share, self.high)
        if self.origin == "measured":
            if any(n is not None for n in numbers):
                raise ValueError(_("a measured effect comes from the data: leave out share, low and high"))
        elif self.campaign or any(n is None for n in numbers):
            raise ValueError(
                _("an assumption needs share, low and high, and no campaign")
                if self.origin == "assumption"
                else _("a benchmark needs share, low and high, and no campaign")
            )
        elif not self.low <= self.share <= self.high:
            raise ValueError(_("low, share and high must stand in this order"))
        if self.origin == "benchmark" and not self.source.strip():
            raise ValueError(_("a benchmark needs its source"))
        return self


class Play(_Entry):
    """What is done for the customers of some value tiers and lifecycle stages."""

    play: Text
    value_tier: list[Annotated[Literal[VALUE_TIERS], _English]] | None = Field(None, min_length=1)  # type: ignore[valid-type]
    lifecycle: list[Annotated[Literal[LIFECYCLE], _English]] | None = Field(None, min_length=1)  # type: ignore[valid-type]
    goal: Text
    action: Text
    channel: Text
    contact: bool = True
    kpi: Kpi
    review_after_days: int = Field(ge=1, le=3650, strict=True)  # strict: true is no 1
    owner: Text
    stop_if: Text
    cost_per_contact: float | None = Field(None, gt=0, allow_inf_nan=False, strict=True)
    offer: str = ""
    service_level: str = ""
    contacts_a_year: int = Field(1, ge=1, le=366, strict=True)
    effect: Effect | None = None

    @property
    def cells(self) -> list[tuple[str, str]]:
        """The pairs of value tier and lifecycle stage that the play is for, each once."""
        tiers, stages = self.value_tier or (*VALUE_TIERS, UNKNOWN), self.lifecycle or (*LIFECYCLE, UNKNOWN)
        return list(itertools.product(dict.fromkeys(tiers), dict.fromkeys(stages)))

    @model_validator(mode="after")
    def _own_name(self) -> Play:
        if language.original(self.play) == NO_PLAY:
            raise ValueError(_("{play!r} stands for customers without a play: choose another name").format(play=self.play))
        return self


class Playbook(_Entry):
    """Plays in the order in which they are shown; every pair of value tier and lifecycle stage belongs to one play at most."""

    plays: list[Play] = Field(min_length=1)
    gross_margin: float | None = Field(None, gt=0, le=1, strict=True)
    budget: float | None = Field(None, gt=0, allow_inf_nan=False, strict=True)
    contacts_by_owner: dict[Text, Annotated[int, Field(ge=0, strict=True)]] = {}
    need_terms: dict[Annotated[Literal[NEED_GROUPS], _English], Text] = {}  # type: ignore[valid-type]
    control_share: float = Field(0.1, ge=0, lt=1, strict=True)
    saved_share: float = Field(0.1, gt=0, le=1, strict=True)
    points_breakage: float = Field(0.2, ge=0, lt=1, strict=True)
    acquisition_cost: float | None = Field(None, gt=0, allow_inf_nan=False, strict=True)
    acquisition_cost_source: str = ""

    @model_validator(mode="after")
    def _no_customer_twice(self) -> Playbook:
        names: set[str] = set()
        claimed: dict[tuple[str, str], str] = {}
        for play in self.plays:
            if play.play in names:
                raise ValueError(_("two plays are called {play!r}").format(play=play.play))
            names.add(play.play)
            for cell in play.cells:
                if cell in claimed:
                    tier, stage = (part or _("(unknown)") for part in cell)
                    said = _("{first!r} and {second!r} both claim value_tier {tier} with lifecycle {stage}")
                    raise ValueError(said.format(first=claimed[cell], second=play.play, tier=tier, stage=stage))
                claimed[cell] = play.play
        return self

    @model_validator(mode="after")
    def _sourced(self) -> Playbook:
        if (self.acquisition_cost is None) != (not self.acquisition_cost_source.strip()):
            raise ValueError(
                _("acquisition_cost and acquisition_cost_source go together: what a new customer costs, and who says so")
            )
        return self

    @model_validator(mode="after")
    def _known_owners(self) -> Playbook:
        owners = sorted({p.owner for p in self.plays})
        for owner in self.contacts_by_owner:
            if owner not in owners:
                said = _("contacts_by_owner: {owner!r} owns no play; owners are {owners}")
                raise ValueError(said.format(owner=owner, owners=", ".join(owners)))
        return self

    def cells(self) -> pd.DataFrame:
        """One row per pair of value tier and lifecycle stage that has a play: value_tier, lifecycle, play."""
        rows = [(*cell, p.play) for p in self.plays for cell in p.cells]
        return pd.DataFrame(rows, columns=["value_tier", "lifecycle", "play"])


def playbook(path: str | Path | None = None) -> Playbook:
    """The playbook in the file *path* where there is such a file, else the shipped one.

    Raises `UserError` with one line per problem: file, play, key, what is wrong.
    """
    file = SHIPPED if path is None or not os.path.lexists(path) else Path(path)  # a link that leads nowhere is told
    said = yaml_file.mapping(file)
    try:
        return Playbook.model_validate(said)
    except ValidationError as error:
        raise UserError("\n".join(_problem(file.name, said, e) for e in error.errors())) from None


def _problem(file: str, said: dict, error: dict) -> str:
    where = list(error["loc"])
    places = [file]
    if len(where) > 1 and where[0] == "plays":
        play = said["plays"][where[1]]
        name = play.get("play") if isinstance(play, dict) else None
        nth = where[1] + 1
        places.append(_("play {n} ({name})").format(n=nth, name=name) if isinstance(name, str) else _("play {n}").format(n=nth))
        where = where[2:]
    if where:
        places.append(".".join(str(part) for part in where))
    return f"{': '.join(places)}: {yaml_file.problem(error)}"


def playbook_messages() -> list[str]:
    """Every text of the shipped playbook that a report shows, for the catalog; each once, in the order of the file."""
    texts = [
        (p.play, p.goal, p.action, p.channel, p.kpi.name, p.kpi.definition, p.owner, p.stop_if, p.offer, p.service_level)
        for p in playbook().plays
    ]
    return list(dict.fromkeys(text for text in itertools.chain(*texts) if text))
