"""Step 3: what customers need, and what moves them to buy."""

from fivestep.needs import columns  # noqa: F401  registers what the tables of this step are called
from fivestep.needs.category_trends import CategoryTrends, category_trends
from fivestep.needs.deal_sensitivity import DealSensitivity, PrivateLabel, deal_sensitivity, price_elasticity, private_label
from fivestep.needs.department_breadth import DepartmentBreadth, department_breadth
from fivestep.needs.needs_groups import NeedsGroups, needs_groups
from fivestep.needs.pairs import Pairs, pairs

__all__ = [
    "CategoryTrends",
    "DealSensitivity",
    "DepartmentBreadth",
    "NeedsGroups",
    "Pairs",
    "PrivateLabel",
    "category_trends",
    "deal_sensitivity",
    "department_breadth",
    "needs_groups",
    "pairs",
    "price_elasticity",
    "private_label",
]
