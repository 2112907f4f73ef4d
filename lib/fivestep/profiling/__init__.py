"""Step 1: can the data be trusted, and who are the customers?"""

from fivestep.profiling import columns  # noqa: F401  registers what the tables of this step are called
from fivestep.profiling.attitudes import Attitudes, ProductOpinions, attitudes, product_opinions
from fivestep.profiling.base import Base, base
from fivestep.profiling.basket_size import BasketSize, basket_size
from fivestep.profiling.brand_loyalty import BrandLoyalty, brand_loyalty
from fivestep.profiling.business_overview import BusinessOverview, business_overview
from fivestep.profiling.contact_channels import ContactChannels, SocialUse, contact_channels, social_use
from fivestep.profiling.customer_file import CustomerFile, customer_file
from fivestep.profiling.demographics import Demographics, demographics
from fivestep.profiling.discounts import Discounts, discounts
from fivestep.profiling.five_kinds import FiveKinds, five_kinds
from fivestep.profiling.gaps import Gaps, gaps
from fivestep.profiling.habits import Habits, habits
from fivestep.profiling.home_places import HomePlaces, home_places
from fivestep.profiling.intake_quality import IntakeQuality, intake_quality
from fivestep.profiling.interests import Interests, interests
from fivestep.profiling.lifestyle import Lifestyle, lifestyle
from fivestep.profiling.majorities import Majorities, majorities
from fivestep.profiling.payments import Payments, payments
from fivestep.profiling.portrait import Portrait, portrait
from fivestep.profiling.product_cube import ProductCube, product_cube
from fivestep.profiling.product_mix import DepartmentMonths, ProductMix, brands, categories, department_months, departments
from fivestep.profiling.product_range import ProductRange, product_range
from fivestep.profiling.reconciliation import Reconciliation, reconciliation
from fivestep.profiling.row_counts import RowCounts, row_counts
from fivestep.profiling.spending_power import SpendingPower, spending_power
from fivestep.profiling.stores import Stores, stores
from fivestep.profiling.suspicious_values import SuspiciousValues, suspicious_values
from fivestep.profiling.weekday_hours import WeekdayHours, weekday_hours

__all__ = [
    "Attitudes",
    "Base",
    "BasketSize",
    "BrandLoyalty",
    "BusinessOverview",
    "ContactChannels",
    "CustomerFile",
    "Demographics",
    "DepartmentMonths",
    "Discounts",
    "FiveKinds",
    "Gaps",
    "Habits",
    "HomePlaces",
    "IntakeQuality",
    "Interests",
    "Lifestyle",
    "Majorities",
    "Payments",
    "Portrait",
    "ProductCube",
    "ProductMix",
    "ProductOpinions",
    "ProductRange",
    "Reconciliation",
    "RowCounts",
    "SocialUse",
    "SpendingPower",
    "Stores",
    "SuspiciousValues",
    "WeekdayHours",
    "attitudes",
    "base",
    "basket_size",
    "brand_loyalty",
    "brands",
    "business_overview",
    "categories",
    "contact_channels",
    "customer_file",
    "demographics",
    "department_months",
    "departments",
    "discounts",
    "five_kinds",
    "gaps",
    "habits",
    "home_places",
    "intake_quality",
    "interests",
    "lifestyle",
    "majorities",
    "payments",
    "portrait",
    "product_cube",
    "product_opinions",
    "product_range",
    "reconciliation",
    "row_counts",
    "social_use",
    "spending_power",
    "stores",
    "suspicious_values",
    "weekday_hours",
]
