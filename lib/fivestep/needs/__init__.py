"""Step 3: what customers need, and what moves them to buy."""

from fivestep.needs.pairs import Pairs, pairs

__all__ = ["Pairs", "pairs"]
