"""Judgments: grades by query and product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from multirecall.core.errors import InvalidInput

__all__ = ["MAX_GRADE", "Judgments", "merged"]

MAX_GRADE = 30.0
"""Gains are 2^grade - 1: on a scale of 0 to 100 they would mean nothing, so such a scale is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgments:
    """`grades[qid][product_id]`: 0 is irrelevant, above 0 relevant, the higher the better.

    `n_ungraded` rows of the file had no grade and were skipped on request.
    """

    grades: Mapping[str, Mapping[str, float]]
    n_ungraded: int = 0

    def __len__(self) -> int:
        return sum(len(of_query) for of_query in self.grades.values())

    def of(self, qid: str) -> Mapping[str, float]:
        """The grades of one query by product id; empty if it has none."""
        return self.grades.get(qid, {})

    def has_relevant(self, qid: str) -> bool:
        """Whether any product has a grade above 0 for this query."""
        return any(grade > 0 for grade in self.of(qid).values())

    @property
    def top_grade(self) -> float:
        """The highest grade that occurs; 0 without any."""
        return max((grade for of_query in self.grades.values() for grade in of_query.values()), default=0.0)


def merged(parts: Sequence[Judgments]) -> Judgments:
    """All judgments together. Raises InvalidInput if two of them grade a product differently for the same query."""
    grades: dict[str, dict[str, float]] = {}
    for part in parts:
        for qid, of_query in part.grades.items():
            known = grades.setdefault(qid, {})
            for product_id, grade in of_query.items():
                if known.setdefault(product_id, grade) != grade:
                    raise InvalidInput(
                        f"Two files of judgments disagree: product {product_id!r} has grade {known[product_id]:g} and "
                        f"{grade:g} for query {qid!r}.",
                        hint="Decide for one and remove the other.",
                        field="judgments",
                    )
    return Judgments(grades=grades, n_ungraded=sum(part.n_ungraded for part in parts))
