"""Click logs in, judgments for training out."""

from multirecall.training.clicks.grading import Grading
from multirecall.training.clicks.judging import (
    ClickJudgments,
    ClickReport,
    judgments_from_clicks,
    write_click_judgments,
)
from multirecall.training.clicks.log import ClickLog
from multirecall.training.clicks.propensity import Propensities, estimate_propensities
from multirecall.training.clicks.reading import read_click_log
from multirecall.training.clicks.relevance import ActionWeights

__all__ = [
    "ActionWeights",
    "ClickJudgments",
    "ClickLog",
    "ClickReport",
    "Grading",
    "Propensities",
    "estimate_propensities",
    "judgments_from_clicks",
    "read_click_log",
    "write_click_judgments",
]
