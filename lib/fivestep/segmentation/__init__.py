"""Step 2: which customers are alike, and what they are worth."""

from fivestep.segmentation import columns  # noqa: F401  registers what the tables of this step are called
from fivestep.segmentation.clv import ContractValue, CustomerValue, contract_value, customer_value
from fivestep.segmentation.kmeans import Clusters, kmeans
from fivestep.segmentation.lifecycle import Lifecycle, lifecycle
from fivestep.segmentation.rfm import CLASSES, CLASSES_8, Rfm, rfm
from fivestep.segmentation.segments import TiersByStage, segments, tiers_by_stage
from fivestep.segmentation.value_tiers import ValueTiers, value_tiers

__all__ = [
    "CLASSES", "CLASSES_8", "Clusters", "ContractValue", "CustomerValue", "Lifecycle", "Rfm", "TiersByStage", "ValueTiers",
    "contract_value", "customer_value", "kmeans", "lifecycle", "rfm", "segments", "tiers_by_stage", "value_tiers",
]  # fmt: skip
