"""What a calibration is, and the checks that all share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from multirecall.core.errors import InvalidInput

__all__ = ["Calibration", "Floats", "checked_examples", "checked_scores"]

Floats = NDArray[np.float64]


class Calibration(Protocol):
    """Scores in, probabilities out: a value; its `repr` names it in cards and reports."""

    def __call__(self, scores: ArrayLike) -> Floats:
        """The probability that a result of each score is relevant, strictly between 0 and 1.

        Same shape as `scores`, float64. Never falls when the score rises, so the order of a list stays. Raises
        InvalidInput for a score that is not finite.
        """
        ...

    def to_dict(self) -> dict[str, Any]:
        """The calibration as JSON values; `calibration_from` makes it again, to the last bit."""
        ...

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Calibration:
        """The calibration that `to_dict` wrote. Raises InvalidInput if the values make none."""
        ...


def checked_scores(scores: ArrayLike) -> Floats:
    """The scores as float64. Raises InvalidInput if one is not finite."""
    array = np.asarray(scores, dtype=np.float64)
    if not np.isfinite(array).all():
        raise InvalidInput(
            "A score is not a finite number.", hint="Missing scores have no probability.", field="scores"
        )
    return array


def checked_examples(
    scores: ArrayLike, relevant: ArrayLike, weights: ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    """Scores, relevance (0 to 1) and weights of the examples, those of weight 0 left out. Shapes (n,).

    Raises InvalidInput if the shapes differ, a value is not finite, relevance lies outside 0 to 1, a weight is below 0,
    or there is no example that is relevant, or none that is not: nothing can be calibrated then.
    """
    x = checked_scores(scores)
    y = np.asarray(relevant, dtype=np.float64)
    w = np.ones(x.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    if x.ndim != 1 or y.shape != x.shape or w.shape != x.shape:
        raise InvalidInput(
            f"Scores, relevance and weights have shapes {x.shape}, {y.shape} and {w.shape}.",
            hint="Each example needs one of each.",
            field="scores",
        )
    if not ((y >= 0.0) & (y <= 1.0)).all():  # NaN fails too
        raise InvalidInput(
            "Relevance must lie between 0 and 1.", hint="Say which grades are relevant.", field="relevant"
        )
    if not (np.isfinite(w) & (w >= 0.0)).all():
        raise InvalidInput("A weight is below 0 or not finite.", field="weights")
    kept = w > 0.0
    x, y, w = x[kept], y[kept], w[kept]
    mass = float((w * y).sum())
    if not 0.0 < mass < float(w.sum()):
        raise InvalidInput(
            "Calibration needs relevant and irrelevant examples, and has one kind only.",
            hint="Add judgments of the other kind.",
            field="relevant",
        )
    return x, y, w
