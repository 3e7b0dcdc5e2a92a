"""A loss over the pairs of all queries of a batch together, as if they were one row.

Losses over rows compare products of one query. A threshold, or a blender, compares scores of different queries: with
`AcrossQueries(bradley_terry)` every exact product of the batch should score above every substitute of it, which is the
global AUC, smoothed. For losses in which unlabelled products take no part (`bradley_terry`, `plackett_luce`, `circle`).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from multirecall.training.losses.rows import RowLoss, checked_rows

__all__ = ["AcrossQueries"]


@dataclass(frozen=True, slots=True)
class AcrossQueries:
    """`loss` of the one row that all rows make. A batch of p labelled pairs costs p * p for losses over pairs."""

    loss: RowLoss

    def __call__(self, scores: Tensor, grades: Tensor, *, ignored: Tensor | None = None) -> Tensor:
        """The scalar; arguments and errors as in `rows`."""
        checked_rows(scores, grades, ignored)
        flat = None if ignored is None else ignored.reshape(1, -1)
        return self.loss(scores.reshape(1, -1), grades.reshape(1, -1), ignored=flat)
