"""Step 3: what customers need, and what moves them to buy."""

from fivestep.needs import columns, research_columns  # noqa: F401  registers what the tables of this step are called
from fivestep.needs.attention import Attention, attention
from fivestep.needs.brands import BrandChoice, BrandFunnel, brand_choice, brand_funnel
from fivestep.needs.category_trends import CategoryTrends, category_trends
from fivestep.needs.competitors import Competitors, competitors
from fivestep.needs.complaint_list import ComplaintList, complaint_list
from fivestep.needs.contact_overload import ContactOverload, contact_overload
from fivestep.needs.customer_needs import CustomerNeeds, customer_needs
from fivestep.needs.deal_sensitivity import DealSensitivity, PrivateLabel, deal_sensitivity, price_elasticity, private_label
from fivestep.needs.demand import Demand, demand
from fivestep.needs.department_breadth import DepartmentBreadth, department_breadth
from fivestep.needs.drivers import Drivers, ImportanceMap, drivers
from fivestep.needs.expectations import Expectations, expectations
from fivestep.needs.factor_analysis import FactorAnalysis, factor_analysis
from fivestep.needs.feedback_drivers import FeedbackDrivers, feedback_drivers
from fivestep.needs.four_routes import FourRoutes, four_routes
from fivestep.needs.funnel import Funnel, funnel
from fivestep.needs.journeys import journey_steps
from fivestep.needs.kano import Kano, KanoBySegment, kano, kano_by_segment
from fivestep.needs.key_phrases import KeyPhrases, key_phrases
from fivestep.needs.needs_groups import NeedsGroups, needs_groups
from fivestep.needs.needs_register import NeedsRegister, needs_register, write_need_forms
from fivestep.needs.new_products import NewProducts, new_products
from fivestep.needs.nps import NetPromoter, net_promoter
from fivestep.needs.online_habits import OnlineHabits, online_habits
from fivestep.needs.pain_points import PainPoints, pain_points
from fivestep.needs.pain_sources import PainSources, pain_sources
from fivestep.needs.pairs import Pairs, pairs
from fivestep.needs.paths import Paths, paths
from fivestep.needs.pipeline import Opportunities, opportunities
from fivestep.needs.priorities import Priorities, priorities
from fivestep.needs.product_tests import ProductTests, product_tests
from fivestep.needs.purchase_intent import PurchaseIntent, purchase_intent
from fivestep.needs.resolution import Resolution, resolution
from fivestep.needs.rules import Rules, rules
from fivestep.needs.sample_size import (
    SurveySize,
    sample_size,
    size_of_paired_means,
    size_of_paired_shares,
    size_of_two_means,
    size_of_two_shares,
    survey_size,
)
from fivestep.needs.satisfaction import Satisfaction, product_opinions, satisfaction
from fivestep.needs.satisfaction_fifths import Fifths, fifths
from fivestep.needs.searches import Searches, searches
from fivestep.needs.segmenter import dictionary
from fivestep.needs.semantic_profile import SemanticProfile, semantic_profile
from fivestep.needs.sentiment import Sentiment, sentiment
from fivestep.needs.similar_products import SimilarProducts, similar_products
from fivestep.needs.stock import Stock, stock
from fivestep.needs.suggestions import Suggestions, suggestions
from fivestep.needs.survey import Declaration, Survey, declaration, survey
from fivestep.needs.survey_forms import form, read_form, write_form
from fivestep.needs.survey_modes import SurveyModes, survey_modes
from fivestep.needs.texts import Texts, texts
from fivestep.needs.then_bought import ThenBought, then_bought
from fivestep.needs.topics import Topics, topics
from fivestep.needs.transactions import Transactions, transactions
from fivestep.needs.unbought import Unbought, unbought
from fivestep.needs.usage import Usage, usage
from fivestep.needs.visits import Visits, visits
from fivestep.needs.voice import Contacts, Voice, contacts, voice

__all__ = [
    "Attention",
    "BrandChoice",
    "BrandFunnel",
    "CategoryTrends",
    "Competitors",
    "ComplaintList",
    "ContactOverload",
    "Contacts",
    "CustomerNeeds",
    "DealSensitivity",
    "Declaration",
    "Demand",
    "DepartmentBreadth",
    "Drivers",
    "Expectations",
    "FactorAnalysis",
    "FeedbackDrivers",
    "Fifths",
    "FourRoutes",
    "Funnel",
    "ImportanceMap",
    "Kano",
    "KanoBySegment",
    "KeyPhrases",
    "NeedsGroups",
    "NeedsRegister",
    "NetPromoter",
    "NewProducts",
    "OnlineHabits",
    "Opportunities",
    "PainPoints",
    "PainSources",
    "Pairs",
    "Paths",
    "Priorities",
    "PrivateLabel",
    "ProductTests",
    "PurchaseIntent",
    "Resolution",
    "Rules",
    "Satisfaction",
    "Searches",
    "SemanticProfile",
    "Sentiment",
    "SimilarProducts",
    "Stock",
    "Suggestions",
    "Survey",
    "SurveyModes",
    "SurveySize",
    "Texts",
    "ThenBought",
    "Topics",
    "Transactions",
    "Unbought",
    "Usage",
    "Visits",
    "Voice",
    "attention",
    "brand_choice",
    "brand_funnel",
    "category_trends",
    "competitors",
    "complaint_list",
    "contact_overload",
    "contacts",
    "customer_needs",
    "deal_sensitivity",
    "declaration",
    "demand",
    "department_breadth",
    "dictionary",
    "drivers",
    "expectations",
    "factor_analysis",
    "feedback_drivers",
    "fifths",
    "form",
    "four_routes",
    "funnel",
    "journey_steps",
    "kano",
    "kano_by_segment",
    "key_phrases",
    "needs_groups",
    "needs_register",
    "net_promoter",
    "new_products",
    "online_habits",
    "opportunities",
    "pain_points",
    "pain_sources",
    "pairs",
    "paths",
    "price_elasticity",
    "priorities",
    "private_label",
    "product_opinions",
    "product_tests",
    "purchase_intent",
    "read_form",
    "resolution",
    "rules",
    "sample_size",
    "satisfaction",
    "searches",
    "semantic_profile",
    "sentiment",
    "similar_products",
    "size_of_paired_means",
    "size_of_paired_shares",
    "size_of_two_means",
    "size_of_two_shares",
    "stock",
    "suggestions",
    "survey",
    "survey_modes",
    "survey_size",
    "texts",
    "then_bought",
    "topics",
    "transactions",
    "unbought",
    "usage",
    "visits",
    "voice",
    "write_form",
    "write_need_forms",
]
