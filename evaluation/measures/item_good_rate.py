"""ItemGoodRate: of all products shown, how many are good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.measures.base import BinaryMeasure

__all__ = ["ItemGoodRate"]


@dataclass(frozen=True, slots=True)
class ItemGoodRate(BinaryMeasure):
    """`ItemGoodRate@k`: good products among the first `k`, divided by the products shown there, over all queries.

    `(sum over queries of good among the first k) / (sum over queries of shown among the first k)`: a rate over
    products, so a query weighs as much as it shows, and one without an answer weighs nothing (QueryGoodRate counts it).
    Good: `grade >= min_grade`, by default 2 (exact or substitute). Unjudged counts as not good. Defined for every query
    with a judgment.
    """

    name: ClassVar[str] = "ItemGoodRate"
    default_min_grade: ClassVar[float] = 2.0

    k: int | None = 10
    min_grade: float = 2.0

    def __post_init__(self) -> None:
        BinaryMeasure.__post_init__(self)
        if self.k is None:
            raise InvalidInput("ItemGoodRate needs a depth, for instance ItemGoodRate@10.", field="k")

    def is_defined(self, grades: Mapping[str, float]) -> bool:
        """Whether the query has a judgment: one with only bad products shows bad ones."""
        return bool(grades)

    def weight(self, ranked: Sequence[str]) -> float:
        """How many products the query shows among the first `k`."""
        return float(len(ranked[: self.k]))

    def __call__(self, ranked: Sequence[str], grades: Mapping[str, float]) -> float:
        """The share of good products among those shown; 0 if none is."""
        good = self._relevances(ranked, grades)
        return sum(good) / len(good) if good else 0.0
