"""Groups for tests."""

from __future__ import annotations

from multirecall.training.graded.groups import GradedGroup

__all__ = ["group"]


def group(qid: str, query: str, *levels: int, original: str = "", **columns: str) -> GradedGroup:
    """A group with a product for each level, named after query and place."""
    grades = levels or (2, 0)
    products = tuple(f"{qid}-{at}" for at in range(len(grades)))
    return GradedGroup(query=query, qid=qid, products=products, grades=grades, original=original, columns=columns)
