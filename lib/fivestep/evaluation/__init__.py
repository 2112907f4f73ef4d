"""Step 5: did it work, and what should change."""

from fivestep.evaluation import columns  # noqa: F401  registers what the tables of this step are called
from fivestep.evaluation.campaign_response import CampaignResponse, campaign_response
from fivestep.evaluation.churn_signal import ChurnSignal, churn_signal
from fivestep.evaluation.decision_log import DecisionLog, decision_log
from fivestep.evaluation.monthly_kpis import MonthlyKpis, monthly_kpis
from fivestep.evaluation.movement import Movement, Periods, comparable_periods, movement
from fivestep.evaluation.retention import Retention, retention

__all__ = [
    "CampaignResponse",
    "ChurnSignal",
    "DecisionLog",
    "MonthlyKpis",
    "Movement",
    "Periods",
    "Retention",
    "campaign_response",
    "churn_signal",
    "comparable_periods",
    "decision_log",
    "monthly_kpis",
    "movement",
    "retention",
]
