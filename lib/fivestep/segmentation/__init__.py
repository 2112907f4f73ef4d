"""Step 2: which customers are alike, and what they are worth."""

from fivestep.segmentation import columns  # noqa: F401  registers what the tables of this step are called
from fivestep.segmentation.rfm import Rfm, rfm

__all__ = ["Rfm", "rfm"]
