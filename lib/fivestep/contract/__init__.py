"""The canonical tables that every analysis reads, declared once."""

from fivestep.contract.tables import IN_LISTS, OUTBOUND, SENSITIVE, TABLES, Field, Table, declared
from fivestep.contract.validation import Problem, filled, problems, validate, without_blank_ids

__all__ = [
    "IN_LISTS", "OUTBOUND", "SENSITIVE", "TABLES", "Field", "Problem", "Table", "declared", "filled", "problems", "validate",
    "without_blank_ids",
]  # fmt: skip
