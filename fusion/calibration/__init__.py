"""Scores to probabilities that mean the same for every query."""

from multirecall.fusion.calibration.base import Calibration
from multirecall.fusion.calibration.choosing import Choice, calibration_from, choose
from multirecall.fusion.calibration.isotonic import Isotonic
from multirecall.fusion.calibration.platt import Platt
from multirecall.fusion.calibration.thresholds import (
    NoGoodResult,
    TailCut,
    cut_of,
    has_good_result,
    no_good_result,
    tail_cut,
)

__all__ = [
    "Calibration",
    "Choice",
    "Isotonic",
    "NoGoodResult",
    "Platt",
    "TailCut",
    "calibration_from",
    "choose",
    "cut_of",
    "has_good_result",
    "no_good_result",
    "tail_cut",
]
