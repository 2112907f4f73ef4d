"""The canonical tables that every analysis reads, declared once."""

from fivestep.contract.tables import TABLES, Field, Table
from fivestep.contract.validation import Problem, problems, validate

__all__ = ["TABLES", "Field", "Problem", "Table", "problems", "validate"]
