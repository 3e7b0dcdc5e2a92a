"""What an encoder's scores say of judged pairs of query and product: levels, one threshold, order, and gains."""

from multirecall.evaluation.scored_pairs.certified import CertifiedThresholds, certified_thresholds
from multirecall.evaluation.scored_pairs.ordering import Ordering, ordering
from multirecall.evaluation.scored_pairs.pairs import ScoredPairs, scored_pairs
from multirecall.evaluation.scored_pairs.resampling import Gain, paired_gains
from multirecall.evaluation.scored_pairs.summary import EncoderSeparation, compare_encoders, encoder_separation
from multirecall.evaluation.scored_pairs.thresholding import Thresholded, held_out_threshold

__all__ = [
    "CertifiedThresholds",
    "EncoderSeparation",
    "Gain",
    "Ordering",
    "ScoredPairs",
    "Thresholded",
    "certified_thresholds",
    "compare_encoders",
    "encoder_separation",
    "held_out_threshold",
    "ordering",
    "paired_gains",
    "scored_pairs",
]
