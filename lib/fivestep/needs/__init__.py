"""Step 3: what customers need, and what moves them to buy."""

from fivestep.needs import columns  # noqa: F401  registers what the tables of this step are called
from fivestep.needs.category_trends import CategoryTrends, category_trends
from fivestep.needs.complaint_list import ComplaintList, complaint_list
from fivestep.needs.contact_overload import ContactOverload, contact_overload
from fivestep.needs.deal_sensitivity import DealSensitivity, PrivateLabel, deal_sensitivity, price_elasticity, private_label
from fivestep.needs.department_breadth import DepartmentBreadth, department_breadth
from fivestep.needs.drivers import Drivers, ImportanceMap, drivers
from fivestep.needs.kano import Kano, KanoBySegment, kano, kano_by_segment
from fivestep.needs.key_phrases import KeyPhrases, key_phrases
from fivestep.needs.needs_groups import NeedsGroups, needs_groups
from fivestep.needs.nps import NetPromoter, net_promoter
from fivestep.needs.pain_points import PainPoints, pain_points
from fivestep.needs.pairs import Pairs, pairs
from fivestep.needs.priorities import Priorities, priorities
from fivestep.needs.resolution import Resolution, resolution
from fivestep.needs.sample_size import SurveySize, sample_size, survey_size
from fivestep.needs.satisfaction import Satisfaction, satisfaction
from fivestep.needs.satisfaction_fifths import Fifths, fifths
from fivestep.needs.segmenter import dictionary
from fivestep.needs.sentiment import Sentiment, sentiment
from fivestep.needs.suggestions import Suggestions, suggestions
from fivestep.needs.survey import Declaration, Survey, declaration, survey
from fivestep.needs.survey_forms import form, read_form, write_form
from fivestep.needs.texts import Texts, texts
from fivestep.needs.topics import Topics, topics
from fivestep.needs.voice import Contacts, Voice, contacts, voice

__all__ = [
    "CategoryTrends",
    "ComplaintList",
    "ContactOverload",
    "Contacts",
    "DealSensitivity",
    "Declaration",
    "DepartmentBreadth",
    "Drivers",
    "Fifths",
    "ImportanceMap",
    "Kano",
    "KanoBySegment",
    "KeyPhrases",
    "NeedsGroups",
    "NetPromoter",
    "PainPoints",
    "Pairs",
    "Priorities",
    "PrivateLabel",
    "Resolution",
    "Satisfaction",
    "Sentiment",
    "Suggestions",
    "Survey",
    "SurveySize",
    "Texts",
    "Topics",
    "Voice",
    "category_trends",
    "complaint_list",
    "contact_overload",
    "contacts",
    "deal_sensitivity",
    "declaration",
    "department_breadth",
    "dictionary",
    "drivers",
    "fifths",
    "form",
    "kano",
    "kano_by_segment",
    "key_phrases",
    "needs_groups",
    "net_promoter",
    "pain_points",
    "pairs",
    "price_elasticity",
    "priorities",
    "private_label",
    "read_form",
    "resolution",
    "sample_size",
    "satisfaction",
    "sentiment",
    "suggestions",
    "survey",
    "survey_size",
    "texts",
    "topics",
    "voice",
    "write_form",
]
