"""Bpref: how often a relevant product stands above a judged irrelevant one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.measures.base import BinaryMeasure, top_of

__all__ = ["Bpref"]


@dataclass(frozen=True, slots=True)
class Bpref(BinaryMeasure):
    """Binary preference over the whole ranking; unjudged products are not looked at, so it equals its condensed figure.

    `1/R * sum over relevant r found of (1 - min(n(r), R) / min(R, N))`, with R relevant and N judged irrelevant
    products, and n(r) irrelevant ones ranked above r; a relevant product with none above it adds 1. Relevant:
    `grade >= min_grade`. Equals `Bpref(rel=…)` of ir-measures. Buckley & Voorhees, "Retrieval Evaluation with
    Incomplete Information", SIGIR 2004, as trec_eval computes it.
    """

    name: ClassVar[str] = "Bpref"
    always_monotone: ClassVar[bool] = False

    def __post_init__(self) -> None:
        BinaryMeasure.__post_init__(self)
        if self.k is not None:
            raise InvalidInput("Bpref looks at the whole ranking: it takes no depth.", field="k")

    def __call__(self, ranked: Sequence[str], grades: Mapping[str, float]) -> float:
        """The figure; see Measure."""
        n_relevant = self._n_relevant(grades)
        most = min(n_relevant, len(grades) - n_relevant)
        total, above = 0.0, 0
        for product_id in top_of(ranked, None):
            grade = grades.get(product_id)
            if grade is None:
                continue
            if grade < self.min_grade:
                above += 1
            else:
                total += 1.0 - min(above, n_relevant) / most if above else 1.0
        return total / n_relevant
