"""Measures of one ranking, and of a run: one figure per query.

The formulas are ours, a few lines each, and the tests hold them against ir-measures. That package stays out of the
base install: its evaluator (pytrec-eval-terrier) brings scipy, has no wheel for Linux on ARM, takes no fractional
grades and compares scores in single precision.
"""

from multirecall.evaluation.measures.average_precision import AveragePrecision
from multirecall.evaluation.measures.base import Measure, Run, judged_share
from multirecall.evaluation.measures.bpref import Bpref
from multirecall.evaluation.measures.figures import QueryFigures, score_run
from multirecall.evaluation.measures.item_good_rate import ItemGoodRate
from multirecall.evaluation.measures.ndcg import NDCG
from multirecall.evaluation.measures.opening import MEASURES, open_measure
from multirecall.evaluation.measures.precision import Precision
from multirecall.evaluation.measures.query_good_rate import QueryGoodRate
from multirecall.evaluation.measures.recall import Recall
from multirecall.evaluation.measures.reciprocal_rank import ReciprocalRank

__all__ = [
    "MEASURES",
    "NDCG",
    "AveragePrecision",
    "Bpref",
    "ItemGoodRate",
    "Measure",
    "Precision",
    "QueryFigures",
    "QueryGoodRate",
    "Recall",
    "ReciprocalRank",
    "Run",
    "judged_share",
    "open_measure",
    "score_run",
]
