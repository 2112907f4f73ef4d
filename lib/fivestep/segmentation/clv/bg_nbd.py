"""BG/NBD: customers buy at random, and after each repeat purchase some stop for good."""

from __future__ import annotations

from typing import ClassVar

from fivestep.segmentation.clv.beta_geometric import BetaGeometric


class BgNbd(BetaGeometric):
    """Beta-geometric / negative binomial model. Who has not come back yet counts as alive with certainty.

    Source: Fader, Hardie and Lee (2005), "Counting your customers" the easy way: an alternative to the Pareto/NBD model.
    """

    FIRST: ClassVar[int] = 0
