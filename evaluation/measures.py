"""Measures of one ranking, and of a run: one figure per query.

The formulas are ours, ten lines of numpy, and the tests hold them against ir-measures. That package stays out of the
base install: its evaluator (pytrec-eval-terrier) brings scipy, has no wheel for Linux on ARM, takes no fractional
grades and compares scores in single precision.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.judgments import Judgments

__all__ = ["NDCG", "QueryFigures", "Run", "judged_share", "score_run"]

Run = Mapping[str, Sequence[str]]
"""Product ids by query id, best first."""


@dataclass(frozen=True, slots=True)
class NDCG:
    """Normalised discounted cumulative gain of the first `k`, from 0 to 1, with exponential gains.

    `DCG = sum over ranks r <= k of (2^grade - 1) / log2(r + 1)`, divided by the DCG of the ideal ranking of all judged
    products. A product without a judgment counts as irrelevant. Burges et al., "Learning to Rank using Gradient
    Descent", ICML 2005. (trec_eval, and so the default `nDCG` of ir-measures, takes the grade itself as the gain; what
    equals ours there is `nDCG(gains={1: 1, 2: 3, 3: 7})`.)
    """

    k: int = 10

    def __post_init__(self) -> None:
        if self.k < 1:
            raise InvalidInput(f"k must be 1 or more, got {self.k}.", field="k")

    def __str__(self) -> str:
        return f"nDCG@{self.k}"

    def __call__(self, ranked: Sequence[str], grades: Mapping[str, float]) -> float:
        """The figure of one ranking of product ids, best first; 0 if it is empty.

        Raises InvalidInput if a product occurs twice (it would be counted twice) or no grade is above 0 (there is no
        ideal ranking to compare with).
        """
        top = _top(ranked, self.k)
        ideal = _dcg(sorted(grades.values(), reverse=True)[: self.k])
        if ideal <= 0.0:
            raise InvalidInput("No product has a grade above 0: nDCG is not defined for this query.", field="grades")
        return _dcg([grades.get(product_id, 0.0) for product_id in top]) / ideal


def _dcg(grades: Sequence[float]) -> float:
    gains: NDArray[np.float64] = np.exp2(np.asarray(grades, dtype=np.float64)) - 1.0
    return float(np.sum(gains / np.log2(np.arange(2, len(grades) + 2))))


def _top(ranked: Sequence[str], k: int) -> Sequence[str]:
    top = ranked[:k]
    if len(set(top)) != len(top):
        twice = next(product_id for at, product_id in enumerate(top) if product_id in top[:at])
        raise InvalidInput(f"Product {twice!r} occurs twice in a ranking.", field="ranking")
    return top


def judged_share(ranked: Sequence[str], grades: Mapping[str, float], k: int) -> float | None:
    """The share of the products shown among the first `k` that have a judgment, whatever its grade; None without any.

    A ranking shorter than `k` is divided by its own length, as in the measure `Judged@k` of ir-measures.
    """
    top = _top(ranked, k)
    return sum(product_id in grades for product_id in top) / len(top) if top else None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryFigures:
    """The measure of one run, per query.

    `values` has one figure for each query that was asked and has a relevant judgment; `judged` the share of judged
    products in its first `k` (no entry where nothing was found). `without_relevant` are the queries left out because
    none of their products has a grade above 0.
    """

    measure: NDCG
    values: Mapping[str, float]
    judged: Mapping[str, float]
    without_relevant: tuple[str, ...] = field(default=())


def score_run(run: Run, judgments: Judgments, qids: Iterable[str], measure: NDCG) -> QueryFigures:
    """The figure of each query of `qids`, in that order.

    A query that the run does not hold, or holds no product for, counts 0; one without a relevant judgment is left out
    and named. Judgments of queries that are not in `qids` are not looked at.
    """
    values: dict[str, float] = {}
    judged: dict[str, float] = {}
    without_relevant: list[str] = []
    for qid in dict.fromkeys(qids):
        if not judgments.has_relevant(qid):
            without_relevant.append(qid)
            continue
        ranked, grades = run.get(qid, ()), judgments.of(qid)
        values[qid] = measure(ranked, grades)
        share = judged_share(ranked, grades, measure.k)
        if share is not None:
            judged[qid] = share
    return QueryFigures(measure=measure, values=values, judged=judged, without_relevant=tuple(without_relevant))
