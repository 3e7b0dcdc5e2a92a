"""Precision: how much of what is shown is relevant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.measures.base import BinaryMeasure

__all__ = ["Precision"]


@dataclass(frozen=True, slots=True)
class Precision(BinaryMeasure):
    """`P@k`: the relevant products among the first `k`, divided by `k`, also where fewer were found.

    Relevant: `grade >= min_grade`. Unjudged counts as irrelevant. Equals `P(rel=…)@k` of ir-measures. A query with
    three relevant products cannot reach more than 3 / k; see ItemGoodRate for the rate among what is shown.
    """

    name: ClassVar[str] = "P"

    k: int | None = 10

    def __post_init__(self) -> None:
        BinaryMeasure.__post_init__(self)
        if self.k is None:
            raise InvalidInput("Precision needs a depth, for instance P@10.", field="k")

    def __call__(self, ranked: Sequence[str], grades: Mapping[str, float]) -> float:
        """The figure; see Measure."""
        self._n_relevant(grades)
        return sum(self._relevances(ranked, grades)) / (self.k or 1)
