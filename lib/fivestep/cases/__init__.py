"""The simulated company: a coffee-and-bakery chain whose every table is made up and whose truth is written down."""

from fivestep.cases.simulate import simulate

__all__ = ["simulate"]
