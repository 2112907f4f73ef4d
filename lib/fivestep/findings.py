"""What a section has found, or why it has nothing to say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fivestep.language import _, listing

CONFIDENCES = ("high", "medium", "low")


@dataclass(frozen=True)
class Finding:
    """One sentence with the number in it, where it came from, and what follows.

    ``key`` names the finding for later runs (``segmentation.top_tier_share``); ``value`` is the raw number in ``unit`` (share,
    money, count, days, index ...) and ``display`` the same number as the reader sees it; ``evidence`` says what was counted, over
    which period, with which denominator; ``assumptions`` are definitions that another analyst would need to get the same number;
    ``warnings`` travel with the sentence wherever it goes.
    """

    key: str
    value: float
    unit: str
    display: str
    text: str
    evidence: str
    so_what: str
    confidence: str = "high"
    warnings: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.confidence not in CONFIDENCES:
            raise ValueError(f"confidence {self.confidence!r} is not one of {CONFIDENCES}")


@dataclass(frozen=True)
class NotAvailable:
    """A section whose data is absent: what is missing and what it would have answered.

    Stands in for any result: whatever is asked of it (``.grid()``, ``.headline()``) is the same object again, so that a notebook
    needs no ``if``. One that would answer nothing was not asked for: it is shown nowhere.
    """

    missing: tuple[str, ...]
    would_answer: str
    reason: str = field(default="", kw_only=True)

    @property
    def text(self) -> str:
        if not self.would_answer:
            return ""
        if self.reason:
            return _("Not shown: {reason} It would answer: {question}").format(reason=self.reason, question=self.would_answer)
        return _("Not shown: the data has no {missing}. It would answer: {question}").format(
            missing=listing(list(self.missing)), question=self.would_answer
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # pickling, IPython's display hooks
            raise AttributeError(name)
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> NotAvailable:
        return self

    def __iter__(self) -> Iterator[NotAvailable]:
        yield self  # a loop over the parts of a result says once what is missing
