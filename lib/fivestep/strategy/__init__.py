"""Step 4: what should be done for whom, and how success will be known."""

from fivestep.strategy import columns  # noqa: F401  registers what the tables of this step are called
from fivestep.strategy.goals import Goals, goals
from fivestep.strategy.keep_list import KeepList, keep_list
from fivestep.strategy.money_at_stake import BreakEven, MoneyAtStake, break_even, money_at_stake
from fivestep.strategy.next_best_category import NextBestCategory, next_best_category
from fivestep.strategy.plan import Plan, plan
from fivestep.strategy.playbook import Kpi, Play, Playbook, playbook, playbook_messages

__all__ = [
    "BreakEven", "Goals", "KeepList", "Kpi", "MoneyAtStake", "NextBestCategory", "Plan", "Play", "Playbook",
    "break_even", "goals", "keep_list", "money_at_stake", "next_best_category", "plan", "playbook", "playbook_messages",
]  # fmt: skip
