"""Recall: how much of what is relevant is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.measures.base import BinaryMeasure

__all__ = ["Recall"]


@dataclass(frozen=True, slots=True)
class Recall(BinaryMeasure):
    """`R@k`: the relevant products among the first `k`, divided by all relevant ones (not by `k`, if they are more).

    Relevant: `grade >= min_grade`. Unjudged counts as irrelevant. Equals `R(rel=…)@k` of ir-measures.
    """

    name: ClassVar[str] = "R"

    k: int | None = 100

    def __post_init__(self) -> None:
        BinaryMeasure.__post_init__(self)
        if self.k is None:
            raise InvalidInput("Recall needs a depth, for instance R@100.", field="k")

    def __call__(self, ranked: Sequence[str], grades: Mapping[str, float]) -> float:
        """The figure; see Measure."""
        return sum(self._relevances(ranked, grades)) / self._n_relevant(grades)
