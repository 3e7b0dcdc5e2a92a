"""Reciprocal rank: how far down the first relevant product is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from multirecall.evaluation.measures.base import BinaryMeasure

__all__ = ["ReciprocalRank"]


@dataclass(frozen=True, slots=True)
class ReciprocalRank(BinaryMeasure):
    """`RR@k`: 1 / rank of the first relevant product, 0 if none is among the first `k` (None: all). Its mean is MRR.

    Relevant: `grade >= min_grade`. Unjudged counts as irrelevant. Equals `RR(rel=…)@k` of ir-measures. Kantor &
    Voorhees, "The TREC-5 Confusion Track", Information Retrieval 2, 2000.
    """

    name: ClassVar[str] = "RR"

    def __call__(self, ranked: Sequence[str], grades: Mapping[str, float]) -> float:
        """The figure; see Measure."""
        self._n_relevant(grades)
        return next((1.0 / rank for rank, hit in enumerate(self._relevances(ranked, grades), start=1) if hit), 0.0)
