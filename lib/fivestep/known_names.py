"""Names in engagement.yml and playbook.yml that mean nothing are refused before a run begins, not in the step that reads them."""

from __future__ import annotations

from pathlib import Path

from fivestep.engagement import Engagement
from fivestep.evaluation.kpi_tree import known_targets
from fivestep.segmentation.managed_groups import group_limits, known_owners
from fivestep.segmentation.rfm import own_classes
from fivestep.segmentation.value_score import score_cuts, score_weights
from fivestep.strategy.expected_returns import known_campaigns
from fivestep.strategy.playbook import playbook


def known_names(project: Path) -> None:
    """Read the settings and the playbook of *project* as the steps will; `UserError` for the first name that none of them knows.

    Opening the engagement checks the values that must be in the data.
    """
    opened = Engagement(project, "0_plan")
    said = opened.settings
    if said.rfm_classes:
        own_classes(said.rfm_classes)
    score_weights(said.value_weights)
    score_cuts(said.value_cuts)
    group_limits(said.customer_rules)
    known_owners(said.group_owners)
    known_targets(said.targets)
    known_campaigns(opened.tables, playbook(project / "playbook.yml").plays)
