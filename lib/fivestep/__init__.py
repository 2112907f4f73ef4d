"""Customer analysis in five notebooks."""

__version__ = "0.1.0"
