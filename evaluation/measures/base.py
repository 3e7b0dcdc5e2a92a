"""Measure: one figure for one ranking; and what all measures share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from multirecall.core.errors import InvalidInput

__all__ = ["BinaryMeasure", "Measure", "Run", "checked_depth", "judged_share", "top_of"]

Run = Mapping[str, Sequence[str]]
"""Product ids by query id, best first."""


class Measure(Protocol):
    """A value: it compares by its parameters, and its `str` is its name everywhere, as ir-measures spells it.

    Every measure must keep one promise, on which the bounds of `evaluation/policies.py` rest: with the same number of
    relevant products, moving one of them up never lowers the figure.
    """

    @property
    def k(self) -> int | None:
        """How many products of a ranking it looks at; None: all."""

    @property
    def min_grade(self) -> float:
        """The least grade that changes the figure: what it calls relevant."""

    @property
    def monotone(self) -> bool:
        """Whether one more relevant product among those looked at never lowers the figure."""

    def is_defined(self, grades: Mapping[str, float]) -> bool:
        """Whether a query with these grades (by product id) has a figure; if not, the query is left out."""

    def __call__(self, ranked: Sequence[str], grades: Mapping[str, float]) -> float:
        """The figure, from 0 to 1, of product ids, best first; a product without a grade is irrelevant.

        0 for an empty ranking. Raises InvalidInput if a product occurs twice among those looked at, or if the measure
        is not defined for these grades.
        """

    def weight(self, ranked: Sequence[str]) -> float:
        """How much the query weighs in the mean over queries: 1, unless the measure is a rate over products."""


def checked_depth(k: int) -> None:
    """Raises InvalidInput unless `k` is 1 or more."""
    if k < 1:
        raise InvalidInput(f"k must be 1 or more, got {k}.", field="k")


def top_of(ranked: Sequence[str], k: int | None) -> Sequence[str]:
    """The first `k` product ids (None: all). Raises InvalidInput if one occurs twice: it would be counted twice."""
    top = ranked[:k]
    if len(set(top)) != len(top):
        twice = next(product_id for at, product_id in enumerate(top) if product_id in top[:at])
        raise InvalidInput(f"Product {twice!r} occurs twice in a ranking.", field="ranking")
    return top


def judged_share(ranked: Sequence[str], grades: Mapping[str, float], k: int | None) -> float | None:
    """The share of the products shown among the first `k` that have a judgment, whatever its grade; None without any.

    A ranking shorter than `k` is divided by its own length, as in the measure `Judged@k` of ir-measures.
    """
    top = top_of(ranked, k)
    return sum(product_id in grades for product_id in top) / len(top) if top else None


@dataclass(frozen=True, slots=True)
class BinaryMeasure:
    """What the measures share that know relevant (`grade >= min_grade`) and irrelevant only.

    Defined for a query with at least one relevant product.
    """

    name: ClassVar[str] = ""
    default_min_grade: ClassVar[float] = 1.0
    always_monotone: ClassVar[bool] = True

    k: int | None = None
    min_grade: float = 1.0

    def __post_init__(self) -> None:
        if self.k is not None:
            checked_depth(self.k)
        if not self.min_grade > 0.0:
            raise InvalidInput(f"rel must be above 0, got {self.min_grade:g}.", field="min_grade")

    def __str__(self) -> str:
        given = ",".join(self._parameters())
        return f"{self.name}{f'({given})' if given else ''}{'' if self.k is None else f'@{self.k}'}"

    @property
    def monotone(self) -> bool:
        """Whether one more relevant product among those looked at never lowers the figure."""
        return self.always_monotone

    def _parameters(self) -> list[str]:
        return [] if self.min_grade == self.default_min_grade else [f"rel={self.min_grade:g}"]

    def is_defined(self, grades: Mapping[str, float]) -> bool:
        """Whether any product is relevant."""
        return any(grade >= self.min_grade for grade in grades.values())

    def weight(self, ranked: Sequence[str]) -> float:
        """1: every query counts alike."""
        return 1.0

    def _relevances(self, ranked: Sequence[str], grades: Mapping[str, float]) -> list[bool]:
        """Which of the first `k` are relevant."""
        return [grades.get(product_id, 0.0) >= self.min_grade for product_id in top_of(ranked, self.k)]

    def _n_relevant(self, grades: Mapping[str, float]) -> int:
        """How many products are relevant, found or not. Raises InvalidInput if none is."""
        n = sum(grade >= self.min_grade for grade in grades.values())
        if not n:
            raise InvalidInput(
                f"No product has a grade of {self.min_grade:g} or more: {self} is not defined for this query.",
                field="grades",
            )
        return n
