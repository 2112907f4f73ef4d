"""Step 1: can the data be trusted, and who are the customers?"""

from fivestep.profiling import columns  # noqa: F401  registers what the tables of this step are called
from fivestep.profiling.base import Base, base
from fivestep.profiling.basket_size import BasketSize, basket_size
from fivestep.profiling.demographics import Demographics, demographics
from fivestep.profiling.discounts import Discounts, discounts
from fivestep.profiling.gaps import Gaps, gaps
from fivestep.profiling.intake_quality import IntakeQuality, intake_quality
from fivestep.profiling.portrait import Portrait, portrait
from fivestep.profiling.product_mix import DepartmentMonths, ProductMix, brands, categories, department_months, departments
from fivestep.profiling.reconciliation import Reconciliation, reconciliation
from fivestep.profiling.row_counts import RowCounts, row_counts
from fivestep.profiling.stores import Stores, stores
from fivestep.profiling.suspicious_values import SuspiciousValues, suspicious_values
from fivestep.profiling.weekday_hours import WeekdayHours, weekday_hours

__all__ = [
    "Base",
    "BasketSize",
    "Demographics",
    "DepartmentMonths",
    "Discounts",
    "Gaps",
    "IntakeQuality",
    "Portrait",
    "ProductMix",
    "Reconciliation",
    "RowCounts",
    "Stores",
    "SuspiciousValues",
    "WeekdayHours",
    "base",
    "basket_size",
    "brands",
    "categories",
    "demographics",
    "department_months",
    "departments",
    "discounts",
    "gaps",
    "intake_quality",
    "portrait",
    "reconciliation",
    "row_counts",
    "stores",
    "suspicious_values",
    "weekday_hours",
]
