"""The false-negative margin mask: what scores far above the positive is assumed to be right as well.

    product j leaves row i   if   s_ij > s_i,positive + delta

Source: "Semantic Retrieval for Product Search in E-Commerce" (ROAR), arXiv 2606.01504, stage 1, with delta = .1. A weak
encoder places positives badly, which makes everything look like a false negative: switch the mask on after a fifth of a
training, and watch the share it takes (.1 to 3 % is usual; above 10 % delta is too small).

A copy of the positive scores as it does, not far above: a delta above 0 never takes it. One below 0 does, with all that
scores nearly as high.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from multirecall.core.errors import InvalidInput

__all__ = ["DELTA", "check_positives", "false_negative_mask"]

DELTA = 0.1


def false_negative_mask(scores: Tensor, positives: Tensor, *, delta: float = DELTA) -> Tensor:
    """Which entries are assumed to be false negatives. Shape (n, m), boolean; no gradient; never a row's positive.

    Args:
        scores: Shape (n, m), cosines.
        positives: Shape (n,), int64: the column of each row's positive.
        delta: In units of the scores; below 0 what scores so much less than the positive goes too.

    Raises InvalidInput for shapes that do not fit, a column that is not there, and a delta that is no finite number.
    """
    check_positives(scores, positives)
    if not math.isfinite(delta):
        raise InvalidInput(f"delta must be a finite number, got {delta}.", field="delta")
    with torch.no_grad():
        own = scores.gather(1, positives[:, None])
        return (scores > own + delta).scatter(1, positives[:, None], value=False)


def check_positives(scores: Tensor, positives: Tensor) -> None:
    """Raises InvalidInput unless `positives` names one column of (n, m) scores for each row."""
    if scores.ndim != 2 or not scores.numel():
        raise InvalidInput(f"Scores have shape (n, m), got {tuple(scores.shape)}.", field="scores")
    n, m = scores.shape
    if tuple(positives.shape) != (n,) or positives.dtype != torch.int64:
        raise InvalidInput(
            f"Positives are {n} int64 columns, got shape {tuple(positives.shape)}, {positives.dtype}.",
            field="positives",
        )
    if int(positives.min()) < 0 or int(positives.max()) >= m:
        raise InvalidInput(f"A positive lies outside the {m} columns.", field="positives")
