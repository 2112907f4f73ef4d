"""Step 4: what should be done for whom, and how success will be known."""

from fivestep.strategy import columns  # noqa: F401  registers what the tables of this step are called
from fivestep.strategy.action_lists import ActionLists, action_lists
from fivestep.strategy.budget import Budget, Sensitivity, budget
from fivestep.strategy.campaign_effects import CampaignEffects, MeasuredEffect, campaign_effects
from fivestep.strategy.care_calendar import CareCalendar, care_calendar
from fivestep.strategy.channels import Branches, ChannelMargins, RegionCoverage, branches, channel_margins, region_coverage
from fivestep.strategy.churn import Churn, CutOff, churn, cut_off
from fivestep.strategy.churn_measures import ChurnMeasures, churn_measures
from fivestep.strategy.dealers import Channels, Dealers, channels, dealers
from fivestep.strategy.demand_plan import DemandPlan, demand_plan
from fivestep.strategy.elasticities import CrossPrices, IncomeElasticity, cross_prices, income_elasticity
from fivestep.strategy.events import Events, events
from fivestep.strategy.expected_returns import ExpectedReturns, expected_returns
from fivestep.strategy.goals import Goals, goals
from fivestep.strategy.keep_list import KeepList, keep_list
from fivestep.strategy.keep_or_acquire import KeepOrAcquire, keep_or_acquire
from fivestep.strategy.leaving import Leaving, leaving
from fivestep.strategy.money_at_stake import BreakEven, MoneyAtStake, break_even, money_at_stake
from fivestep.strategy.need_campaigns import NeedCampaigns, need_campaigns
from fivestep.strategy.next_best_category import NextBestCategory, next_best_category
from fivestep.strategy.opportunities import Opportunities, ShareOfWallet, opportunities, share_of_wallet
from fivestep.strategy.plan import Plan, plan
from fivestep.strategy.playbook import Effect, Kpi, Play, Playbook, playbook, playbook_messages
from fivestep.strategy.points import Points, points
from fivestep.strategy.price_changes import PriceChanges, price_changes
from fivestep.strategy.process_funnel import ProcessFunnel, process_funnel
from fivestep.strategy.referrals import Referrals, referrals
from fivestep.strategy.sales_model import SalesModel, sales_model
from fivestep.strategy.service_scorecard import ServiceScorecard, service_scorecard
from fivestep.strategy.stickiness import Stickiness, stickiness
from fivestep.strategy.upsell import Upsell, upsell
from fivestep.strategy.worksheets import Worksheets, worksheet_messages, worksheets

__all__ = [
    "ActionLists", "Branches", "BreakEven", "Budget", "CampaignEffects", "CareCalendar", "ChannelMargins", "Channels",
    "Churn", "ChurnMeasures", "CrossPrices", "CutOff", "Dealers", "DemandPlan", "Effect", "Events", "ExpectedReturns",
    "Goals", "IncomeElasticity", "KeepList", "KeepOrAcquire", "Kpi", "Leaving", "MeasuredEffect", "MoneyAtStake",
    "NeedCampaigns", "NextBestCategory", "Opportunities", "Plan", "Play", "Playbook", "Points", "PriceChanges",
    "ProcessFunnel", "Referrals", "RegionCoverage", "SalesModel", "Sensitivity", "ServiceScorecard", "ShareOfWallet",
    "Stickiness", "Upsell", "Worksheets", "action_lists", "branches", "break_even", "budget", "campaign_effects",
    "care_calendar", "channel_margins", "channels", "churn", "churn_measures", "cross_prices", "cut_off", "dealers",
    "demand_plan", "events", "expected_returns", "goals", "income_elasticity", "keep_list", "keep_or_acquire", "leaving",
    "money_at_stake", "need_campaigns", "next_best_category", "opportunities", "plan", "playbook", "playbook_messages",
    "points", "price_changes", "process_funnel", "referrals", "region_coverage", "sales_model", "service_scorecard",
    "share_of_wallet", "stickiness", "upsell", "worksheet_messages", "worksheets",
]  # fmt: skip
