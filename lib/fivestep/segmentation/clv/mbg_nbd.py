"""MBG/NBD: as BG/NBD, but a customer can also stop right after the first purchase."""

from __future__ import annotations

from typing import ClassVar

from fivestep.segmentation.clv.beta_geometric import BetaGeometric


class MbgNbd(BetaGeometric):
    """Modified beta-geometric / negative binomial model: a customer who never came back need not be alive.

    Source: Batislam, Denizel and Filiztekin (2007), Empirical validation and comparison of models for customer base analysis.
    """

    FIRST: ClassVar[int] = 1
