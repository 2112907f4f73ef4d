"""Customer lifetime value: purchase models, spend per purchase, contracts, and the test on days held back."""

from fivestep.segmentation.clv.backtest import MODELS, Backtest, backtest
from fivestep.segmentation.clv.bg_nbd import BgNbd
from fivestep.segmentation.clv.contracts import ContractValue, contract_value
from fivestep.segmentation.clv.customer_value import CustomerValue, customer_value
from fivestep.segmentation.clv.gamma_gamma import GammaGamma
from fivestep.segmentation.clv.mbg_nbd import MbgNbd
from fivestep.segmentation.clv.pareto_nbd import ParetoNbd
from fivestep.segmentation.clv.posterior import ClvPosterior, clv_posterior, value_in_use
from fivestep.segmentation.clv.sbg import Sbg
from fivestep.segmentation.clv.spend import ShrunkMean, Spending
from fivestep.segmentation.clv.summary import Counts, Summary, distinct, summary

__all__ = [
    "MODELS", "Backtest", "BgNbd", "ClvPosterior", "ContractValue", "Counts", "CustomerValue", "GammaGamma", "MbgNbd",
    "ParetoNbd", "Sbg", "ShrunkMean", "Spending", "Summary", "backtest", "clv_posterior", "contract_value", "customer_value",
    "distinct", "summary", "value_in_use",
]  # fmt: skip
