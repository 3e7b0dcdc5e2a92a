"""QueryGoodRate: how many queries show enough good products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.measures.base import BinaryMeasure

__all__ = ["QueryGoodRate"]


@dataclass(frozen=True, slots=True)
class QueryGoodRate(BinaryMeasure):
    """`QueryGoodRate@k`: 1 if at least `n_good` of the first `k` products are good, else 0; its mean is the rate.

    Good: `grade >= min_grade`, by default 2. `n_good` is 5 unless said otherwise: `QueryGoodRate(good=1)@10` asks for
    one. Unjudged counts as not good. Defined for every query with a judgment; with `reachable` only for those that have
    `n_good` good products at all (`QueryGoodRate(good=10,reachable=1)@10`).
    """

    name: ClassVar[str] = "QueryGoodRate"
    default_min_grade: ClassVar[float] = 2.0

    k: int | None = 10
    min_grade: float = 2.0
    n_good: int = 5
    reachable: bool = False

    def __post_init__(self) -> None:
        BinaryMeasure.__post_init__(self)
        if self.k is None or not 1 <= self.n_good <= self.k:
            raise InvalidInput(
                f"QueryGoodRate asks for {self.n_good} good products among the first {self.k}.",
                hint="Give a depth of at least that: QueryGoodRate(good=5)@10.",
                field="n_good",
            )

    def _parameters(self) -> list[str]:
        given = BinaryMeasure._parameters(self)
        if self.n_good != 5:
            given.append(f"good={self.n_good}")
        return [*given, "reachable=1"] if self.reachable else given

    def is_defined(self, grades: Mapping[str, float]) -> bool:
        """Whether the query has a judgment, or with `reachable` enough good ones."""
        if self.reachable:
            return sum(grade >= self.min_grade for grade in grades.values()) >= self.n_good
        return bool(grades)

    def __call__(self, ranked: Sequence[str], grades: Mapping[str, float]) -> float:
        """1 or 0."""
        return float(sum(self._relevances(ranked, grades)) >= self.n_good)
