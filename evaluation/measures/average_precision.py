"""Average precision: precision at each relevant product, averaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from multirecall.evaluation.measures.base import BinaryMeasure

__all__ = ["AveragePrecision"]


@dataclass(frozen=True, slots=True)
class AveragePrecision(BinaryMeasure):
    """`AP@k`: the precision at the rank of each relevant product found among the first `k` (None: all), summed and
    divided by the number of all relevant products. Its mean is MAP.

    Relevant: `grade >= min_grade`. Unjudged counts as irrelevant. Equals `AP(rel=…)@k` of ir-measures (map_cut of
    trec_eval). Harman, "Evaluation Issues in Information Retrieval", IP&M 28, 1992.
    """

    name: ClassVar[str] = "AP"
    always_monotone: ClassVar[bool] = False

    def __call__(self, ranked: Sequence[str], grades: Mapping[str, float]) -> float:
        """The figure; see Measure."""
        ranks = np.flatnonzero(self._relevances(ranked, grades)) + 1
        return float(np.sum(np.arange(1, len(ranks) + 1) / ranks)) / self._n_relevant(grades)
