"""Step 2: which customers are alike, and what they are worth."""

from fivestep.segmentation import columns  # noqa: F401  registers what the tables of this step are called
from fivestep.segmentation.clv import ContractValue, CustomerValue, contract_value, customer_value
from fivestep.segmentation.habit_clusters import HabitClusters, habit_clusters
from fivestep.segmentation.kmeans import Clusters, kmeans
from fivestep.segmentation.lifecycle import Lifecycle, lifecycle
from fivestep.segmentation.loyalty import Loyalty, loyalty
from fivestep.segmentation.next_stage import NextStage, next_stage
from fivestep.segmentation.profit import Profit, profit
from fivestep.segmentation.relations import Relations, relations
from fivestep.segmentation.rfm import CLASSES, CLASSES_8, Rfm, rfm
from fivestep.segmentation.rules import SegmentRules, segment_rules
from fivestep.segmentation.segments import TiersByStage, segments, tiers_by_stage
from fivestep.segmentation.target import Prospects, TargetCard, prospects, target_card
from fivestep.segmentation.value_by import ValueBySegment, value_by_segment
from fivestep.segmentation.value_regression import ValueRegression, value_regression
from fivestep.segmentation.value_tiers import ValueTiers, value_tiers

__all__ = [
    "CLASSES", "CLASSES_8", "Clusters", "ContractValue", "CustomerValue", "HabitClusters", "Lifecycle", "Loyalty", "NextStage",
    "Profit", "Prospects", "Relations", "Rfm", "SegmentRules", "TargetCard", "TiersByStage", "ValueBySegment", "ValueRegression",
    "ValueTiers",
    "contract_value", "customer_value", "habit_clusters", "kmeans", "lifecycle", "loyalty", "next_stage", "profit", "prospects",
    "relations", "rfm", "segment_rules", "segments", "target_card", "tiers_by_stage", "value_by_segment", "value_regression",
    "value_tiers",
]  # fmt: skip
