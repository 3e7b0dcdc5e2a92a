"""Rankings in, one ranking out."""

from multirecall.fusion.base import Fusion
from multirecall.fusion.opening import FUSIONS, open_fusion
from multirecall.fusion.rrf import RRF
from multirecall.fusion.weighted_sum import WeightedSum

__all__ = ["FUSIONS", "RRF", "Fusion", "WeightedSum", "open_fusion"]
