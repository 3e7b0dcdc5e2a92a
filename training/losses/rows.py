"""The contract of the graded losses: rows of scores, what is known of each entry, and who takes part.

A batch has n queries and m products. `scores[i, j]` is the cosine of query i and product j, `grades[i, j]` the grade
that product j is known to have for query i (0 is the lowest, higher is better), or UNLABELLED, and `ignored[i, j]` says
that product j leaves row i: as if it were not in the batch. A loss is a function of these, so any encoder and any loop
can use any of them; `functools.partial` fixes what a loss takes besides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from multirecall.core.errors import InvalidInput

__all__ = [
    "UNLABELLED",
    "RowLoss",
    "check_positive",
    "checked_rows",
    "cosines",
    "even_weights",
    "labelled_first",
    "mean_of_terms",
]

UNLABELLED = -1
"""The grade of a product whose relevance for the query nobody has judged."""


class RowLoss(Protocol):
    """A loss over rows: a scalar that gradients flow through, 0 for a batch that has nothing to say."""

    def __call__(self, scores: Tensor, grades: Tensor, *, ignored: Tensor | None = None) -> Tensor: ...


def cosines(queries: Tensor, products: Tensor) -> Tensor:
    """Shape (n, m), of vectors (n, width) and (m, width) of any length; in 32 bits at least, whatever autocast says.

    Half precision knows cosines near 1 to .004 only: at a temperature of .01 a loss would be noise. Raises
    InvalidInput for two widths.
    """
    if queries.ndim != 2 or products.ndim != 2 or queries.shape[1] != products.shape[1]:
        raise InvalidInput(
            f"Queries and products have one width, got {tuple(queries.shape)} and {tuple(products.shape)}.",
            field="products",
        )
    with torch.autocast(queries.device.type, enabled=False):
        q, p = (functional.normalize(_widened(vectors), dim=1) for vectors in (queries, products))
        return q @ p.T


def checked_rows(
    scores: Tensor, grades: Tensor, ignored: Tensor | None, *, highest: int | None = None
) -> tuple[Tensor, Tensor]:
    """The scores in 32 bits at least, and whether each entry takes part. Shapes (n, m) both.

    Args:
        scores: Shape (n, m), floating.
        grades: Shape (n, m), int64, UNLABELLED or more.
        ignored: Shape (n, m), boolean; None ignores nothing.
        highest: The highest grade that the loss knows; None: any.

    Raises InvalidInput, with the argument's name in `data["field"]`, for shapes, types and grades other than these.
    """
    shape = tuple(scores.shape)
    if len(shape) != 2 or not all(shape) or not scores.is_floating_point():
        raise InvalidInput(f"Scores have shape (n, m) and are floating, got {shape}, {scores.dtype}.", field="scores")
    if tuple(grades.shape) != shape or grades.dtype != torch.int64:
        raise InvalidInput(
            f"Grades have the shape of the scores, {shape}, and are int64, got {tuple(grades.shape)}, {grades.dtype}.",
            field="grades",
        )
    low, high = int(grades.min()), int(grades.max())
    if low < UNLABELLED or (highest is not None and high > highest):
        raise InvalidInput(
            f"Grade {low if low < UNLABELLED else high} is unknown: grades go from {UNLABELLED} (unlabelled) to "
            f"{'any number' if highest is None else highest}.",
            hint="Give the loss one value per grade.",
            field="grades",
        )
    if ignored is None:
        kept = torch.ones_like(grades, dtype=torch.bool)
    elif tuple(ignored.shape) != shape or ignored.dtype != torch.bool:
        raise InvalidInput(
            f"`ignored` has the shape of the scores, {shape}, and is boolean, got {tuple(ignored.shape)}, "
            f"{ignored.dtype}.",
            field="ignored",
        )
    else:
        kept = ~ignored
    return _widened(scores), kept


def check_positive(name: str, value: float) -> None:
    """Raises InvalidInput for a hyper-parameter that is not a finite number above 0."""
    if not (math.isfinite(value) and value > 0.0):
        raise InvalidInput(f"{name} must be above 0, got {value}.", field=name)


def even_weights(highest: int) -> Mapping[int, float]:
    """A weight per grade above 0, in proportion to the grade and 1 for the highest: `{1: .5, 2: 1.0}` for 2."""
    if highest < 1:
        raise InvalidInput(f"The highest grade must be 1 or more, got {highest}.", field="highest")
    return {grade: grade / highest for grade in range(1, highest + 1)}


def labelled_first(scores: Tensor, grades: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
    """The labelled entries of each row, best grade first (equal ones by column), and their grades.

    Shapes (n, k), k being the most that a row has; shorter rows are filled with entries of grade UNLABELLED. All pairs
    of a row's labelled products then cost k * k, not m * m.
    """
    grades = grades.masked_fill(~kept, UNLABELLED)
    k = int((grades > UNLABELLED).sum(dim=1).max())
    order = grades.argsort(dim=1, descending=True, stable=True)[:, :k]
    return scores.gather(1, order), grades.gather(1, order)


def mean_of_terms(terms: Tensor) -> Tensor:
    """The mean of a 1-D tensor; 0, still part of the graph, if it is empty."""
    return terms.sum() / max(1, terms.numel())


def _widened(values: Tensor) -> Tensor:
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values
