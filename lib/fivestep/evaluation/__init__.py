"""Step 5: did it work, and what should change."""

from fivestep.evaluation import columns  # noqa: F401  registers what the tables of this step are called
from fivestep.evaluation.campaign_response import CampaignResponse, campaign_response
from fivestep.evaluation.churn_signal import ChurnSignal, churn_signal
from fivestep.evaluation.crm_review import CrmReview, crm_review
from fivestep.evaluation.decision_log import DecisionLog, decision_log
from fivestep.evaluation.experiments import Experiments, experiments
from fivestep.evaluation.kpi_tree import KpiTree, kpi_tree
from fivestep.evaluation.list_backtest import ListBacktest, list_backtest
from fivestep.evaluation.monthly_kpis import MonthlyKpis, monthly_kpis
from fivestep.evaluation.movement import Movement, Periods, comparable_periods, movement
from fivestep.evaluation.next_test import NextTest, next_test
from fivestep.evaluation.retention import Retention, retention
from fivestep.evaluation.sales_cycle import SalesCycle, sales_cycle
from fivestep.evaluation.service_times import ServiceTimes, service_times
from fivestep.evaluation.since_last import SinceLast, since_last
from fivestep.evaluation.targeted_effect import TargetedEffect, targeted_effect
from fivestep.evaluation.uplift import Uplift, uplift
from fivestep.evaluation.voice_trend import VoiceTrend, voice_trend

__all__ = [
    "CampaignResponse",
    "ChurnSignal",
    "CrmReview",
    "DecisionLog",
    "Experiments",
    "KpiTree",
    "ListBacktest",
    "MonthlyKpis",
    "Movement",
    "NextTest",
    "Periods",
    "Retention",
    "SalesCycle",
    "ServiceTimes",
    "SinceLast",
    "TargetedEffect",
    "Uplift",
    "VoiceTrend",
    "campaign_response",
    "churn_signal",
    "comparable_periods",
    "crm_review",
    "decision_log",
    "experiments",
    "kpi_tree",
    "list_backtest",
    "monthly_kpis",
    "movement",
    "next_test",
    "retention",
    "sales_cycle",
    "service_times",
    "since_last",
    "targeted_effect",
    "uplift",
    "voice_trend",
]
