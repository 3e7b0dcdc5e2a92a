"""Judged pairs with the score that an encoder gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from multirecall.core.errors import InvalidInput

__all__ = ["Floats", "Ints", "Mask", "ScoredPairs", "scored_pairs"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoredPairs:
    """One entry per judged pair of a query and a product, shape (n,) each; made by `scored_pairs`.

    `queries` and `categories` are positions in `query_ids` and `category_ids`, which are distinct and ascending; a pair
    has no category if `category_ids` is empty.
    """

    queries: Ints
    grades: Floats
    scores: Floats
    categories: Ints
    query_ids: NDArray[Any]
    category_ids: NDArray[Any]

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def n_queries(self) -> int:
        return len(self.query_ids)

    @property
    def levels(self) -> list[float]:
        """The grades that occur, highest first."""
        found: list[float] = np.unique(self.grades)[::-1].tolist()
        return found

    def of(self, taken: Mask) -> ScoredPairs:
        """Some of the pairs, those of a segment for instance; shape (n,). Raises InvalidInput if there are none."""
        return scored_pairs(
            self.query_ids[self.queries[taken]],
            self.grades[taken],
            self.scores[taken],
            self.category_ids[self.categories[taken]] if len(self.category_ids) else None,
        )

    def check_same_pairs(self, other: ScoredPairs) -> None:
        """Raises InvalidInput unless the other holds the same queries and grades, pair by pair."""
        if not (
            np.array_equal(self.query_ids, other.query_ids)
            and np.array_equal(self.queries, other.queries)
            and np.array_equal(self.grades, other.grades)
            and np.array_equal(self.category_ids, other.category_ids)
            and np.array_equal(self.categories, other.categories)
        ):
            raise InvalidInput(
                "The two encoders were not given the same pairs, in the same order.",
                hint="Score one list of judged pairs with both.",
                field="new",
            )


def scored_pairs(
    queries: ArrayLike, grades: ArrayLike, scores: ArrayLike, categories: ArrayLike | None = None
) -> ScoredPairs:
    """The pairs of these arrays, shape (n,) each: ids of any one type, and finite numbers.

    `categories` are what precision is compared over: of the queries or of the products, as the caller likes. Raises
    InvalidInput, naming the argument, for no pair, shapes that differ and numbers that are not finite.
    """
    s = np.asarray(scores, dtype=np.float64)
    if s.ndim != 1 or not len(s):
        raise InvalidInput(f"Scores have shape (n,), one pair at least, got {s.shape}.", field="scores")
    g = np.asarray(grades, dtype=np.float64)
    ids = {"queries": np.asarray(queries)} | ({} if categories is None else {"categories": np.asarray(categories)})
    for name, array in {"grades": g, **ids}.items():
        if array.shape != s.shape:
            raise InvalidInput(f"There are {len(s)} scores, but {name} has shape {array.shape}.", field=name)
    for name, array in {"grades": g, "scores": s}.items():
        if not np.isfinite(array).all():
            raise InvalidInput(f"{name} holds what is no finite number.", field=name)
    query_ids, at = np.unique(ids["queries"], return_inverse=True)
    category_ids, category_at = np.unique(ids.get("categories", np.empty(0)), return_inverse=True)
    return ScoredPairs(
        queries=at.astype(np.int64),
        grades=g,
        scores=s,
        categories=category_at.astype(np.int64),
        query_ids=query_ids,
        category_ids=category_ids,
    )
