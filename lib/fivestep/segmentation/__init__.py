"""Step 2: which customers are alike, and what they are worth."""

from fivestep.segmentation import columns  # noqa: F401  registers what the tables of this step are called
from fivestep.segmentation.clv import (
    ClvPosterior,
    ContractValue,
    CustomerValue,
    clv_posterior,
    contract_value,
    customer_value,
    value_in_use,
)
from fivestep.segmentation.frequency_groups import FrequencyGroups, frequency_groups
from fivestep.segmentation.habit_clusters import HabitClusters, habit_clusters
from fivestep.segmentation.identification import Identification, identification
from fivestep.segmentation.kmeans import Clusters, kmeans
from fivestep.segmentation.lifecycle import Lifecycle, lifecycle
from fivestep.segmentation.loyalty import Loyalty, loyalty
from fivestep.segmentation.managed_groups import ManagedGroups, managed_groups
from fivestep.segmentation.need_signs import NeedSigns, need_signs
from fivestep.segmentation.next_stage import NextStage, next_stage
from fivestep.segmentation.product_fit import ProductFit, product_fit
from fivestep.segmentation.profit import Profit, profit
from fivestep.segmentation.relations import Relations, relations
from fivestep.segmentation.rfm import CLASSES, CLASSES_8, Rfm, rfm
from fivestep.segmentation.rules import SegmentRules, segment_rules
from fivestep.segmentation.segments import ClassesByStage, TiersByStage, classes_by_stage, segments, tiers_by_stage
from fivestep.segmentation.stage_changes import StageChanges, stage_changes
from fivestep.segmentation.target import Prospects, TargetCard, prospects, target_card
from fivestep.segmentation.value_by import ValueBySegment, value_by_segment
from fivestep.segmentation.value_regression import ValueRegression, value_regression
from fivestep.segmentation.value_score import ValueScore, value_score
from fivestep.segmentation.value_tiers import ValueTiers, value_tiers

__all__ = [
    "CLASSES", "CLASSES_8", "ClassesByStage", "Clusters", "ClvPosterior", "ContractValue", "CustomerValue", "FrequencyGroups",
    "HabitClusters", "Identification", "Lifecycle", "Loyalty", "ManagedGroups", "NeedSigns", "NextStage", "ProductFit", "Profit",
    "Prospects", "Relations", "Rfm", "SegmentRules", "StageChanges", "TargetCard", "TiersByStage", "ValueBySegment",
    "ValueRegression", "ValueScore", "ValueTiers",
    "classes_by_stage", "clv_posterior", "contract_value", "customer_value", "frequency_groups", "habit_clusters",
    "identification", "kmeans", "lifecycle", "loyalty", "managed_groups", "need_signs", "next_stage", "product_fit", "profit",
    "prospects", "relations", "rfm", "segment_rules", "segments", "stage_changes", "target_card", "tiers_by_stage",
    "value_by_segment", "value_in_use", "value_regression", "value_score", "value_tiers",
]  # fmt: skip
