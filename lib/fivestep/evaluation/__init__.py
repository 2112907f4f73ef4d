"""Step 5: did it work, and what should change."""

from fivestep.evaluation import columns  # noqa: F401  registers what the tables of this step are called
from fivestep.evaluation.action_backtest import ActionBacktest, action_backtest
from fivestep.evaluation.campaign_response import CampaignResponse, campaign_response
from fivestep.evaluation.churn_signal import ChurnSignal, churn_signal
from fivestep.evaluation.closing_reasons import ClosingReasons, closing_reasons
from fivestep.evaluation.contact_calendar import ContactCalendar, contact_calendar
from fivestep.evaluation.contact_pressure import ContactPressure, contact_pressure
from fivestep.evaluation.crm_review import CrmReview, crm_review
from fivestep.evaluation.dashboard import Dashboard, dashboard
from fivestep.evaluation.decision_log import DecisionLog, decision_log
from fivestep.evaluation.experiments import Experiments, experiments
from fivestep.evaluation.feedback_loop import FeedbackLoop, feedback_loop
from fivestep.evaluation.follow_up import FollowUp, follow_up
from fivestep.evaluation.forecast_check import ForecastCheck, forecast_check
from fivestep.evaluation.kpi_tree import KpiTree, kpi_tree
from fivestep.evaluation.list_backtest import ListBacktest, list_backtest
from fivestep.evaluation.loyalty_trend import LoyaltyTrend, loyalty_trend
from fivestep.evaluation.monthly_kpis import MonthlyKpis, monthly_kpis
from fivestep.evaluation.movement import Movement, Periods, comparable_periods, movement
from fivestep.evaluation.next_test import NextTest, next_test
from fivestep.evaluation.product_fixes import ProductFixes, product_fixes
from fivestep.evaluation.retention import Retention, retention
from fivestep.evaluation.sales_cycle import SalesCycle, sales_cycle
from fivestep.evaluation.service_times import ServiceTimes, service_times
from fivestep.evaluation.shifts import Shifts, shifts
from fivestep.evaluation.since_last import SinceLast, since_last
from fivestep.evaluation.targeted_effect import TargetedEffect, targeted_effect
from fivestep.evaluation.uplift import Uplift, uplift
from fivestep.evaluation.voice_trend import VoiceTrend, voice_trend

__all__ = [
    "ActionBacktest",
    "CampaignResponse",
    "ChurnSignal",
    "ClosingReasons",
    "ContactCalendar",
    "ContactPressure",
    "CrmReview",
    "Dashboard",
    "DecisionLog",
    "Experiments",
    "FeedbackLoop",
    "FollowUp",
    "ForecastCheck",
    "KpiTree",
    "ListBacktest",
    "LoyaltyTrend",
    "MonthlyKpis",
    "Movement",
    "NextTest",
    "Periods",
    "ProductFixes",
    "Retention",
    "SalesCycle",
    "ServiceTimes",
    "Shifts",
    "SinceLast",
    "TargetedEffect",
    "Uplift",
    "VoiceTrend",
    "action_backtest",
    "campaign_response",
    "churn_signal",
    "closing_reasons",
    "comparable_periods",
    "contact_calendar",
    "contact_pressure",
    "crm_review",
    "dashboard",
    "decision_log",
    "experiments",
    "feedback_loop",
    "follow_up",
    "forecast_check",
    "kpi_tree",
    "list_backtest",
    "loyalty_trend",
    "monthly_kpis",
    "movement",
    "next_test",
    "product_fixes",
    "retention",
    "sales_cycle",
    "service_times",
    "shifts",
    "since_last",
    "targeted_effect",
    "uplift",
    "voice_trend",
]
