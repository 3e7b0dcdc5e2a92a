"""Platt's calibration: a logistic curve over the score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from multirecall.core.errors import InvalidInput
from multirecall.fusion.calibration.base import Floats, checked_examples, checked_scores

__all__ = ["Platt"]

_STEPS = 200
_SMALLEST_STEP = 1e-10
_RIDGE = 1e-12
_NEAREST = 1e-9  # probabilities stay so far from 0 and 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Platt:
    """`P(relevant | score) = 1 / (1 + exp(-(slope x score + intercept)))`, with a slope of 0 or more.

    Two parameters: little data suffices, and the curve goes on beyond the scores it was fitted to. It is right where
    the log odds rise in a straight line with the score. Platt, "Probabilistic outputs for support vector
    machines", 1999.
    """

    slope: float
    intercept: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.slope) and np.isfinite(self.intercept) and self.slope >= 0.0):
            raise InvalidInput(
                f"Slope {self.slope} and intercept {self.intercept} make no rising curve.", field="slope"
            )

    def __repr__(self) -> str:
        return f"Platt(slope={self.slope:.6g}, intercept={self.intercept:.6g})"

    @classmethod
    def fit(cls, scores: ArrayLike, relevant: ArrayLike, weights: ArrayLike | None = None) -> Platt:
        """The curve of least log loss for smoothed targets. Shapes (n,), `relevant` from 0 to 1.

        Relevant examples aim at `(n1 + 1) / (n1 + 2)` and the others at `1 / (n0 + 2)` (n1, n0: their weights), so that
        the curve is finite where the two kinds do not overlap. Newton's method with backtracking on standardised scores
        (Lin, Lin & Weng, "A note on Platt's probabilistic outputs for support vector machines", Machine Learning 2007).
        Where relevance falls with the score the slope is 0 and the curve flat at the mean target.

        Raises InvalidInput as `checked_examples` does.
        """
        x, y, w = checked_examples(scores, relevant, weights)
        positive, negative = float((w * y).sum()), float((w * (1.0 - y)).sum())
        target = y * (positive + 1.0) / (positive + 2.0) + (1.0 - y) / (negative + 2.0)
        centre = float(np.average(x, weights=w))
        spread = float(np.sqrt(np.average((x - centre) ** 2, weights=w))) or 1.0
        slope, intercept = _newton((x - centre) / spread, target, w)
        if slope <= 0.0:
            mean = float(np.average(target, weights=w))
            return cls(slope=0.0, intercept=float(np.log(mean / (1.0 - mean))))
        return cls(slope=slope / spread, intercept=intercept - slope * centre / spread)

    def __call__(self, scores: ArrayLike) -> Floats:
        return np.clip(_sigmoid(self.slope * checked_scores(scores) + self.intercept), _NEAREST, 1.0 - _NEAREST)

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {"kind": "platt", "slope": self.slope, "intercept": self.intercept}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Platt:
        """What `to_dict` wrote."""
        try:
            return cls(slope=float(values["slope"]), intercept=float(values["intercept"]))
        except (KeyError, TypeError, ValueError):
            raise InvalidInput(
                "slope or intercept is missing or no number.", hint="The calibration's file is damaged.", field="slope"
            ) from None


def _sigmoid(z: Floats) -> Floats:
    """1 / (1 + exp(-z)) without overflow."""
    small = np.exp(-np.abs(z))
    return np.where(z >= 0.0, 1.0, small) / (1.0 + small)


def _loss(z: Floats, target: Floats, w: Floats) -> float:
    """Weighted cross entropy of the logits z."""
    return float((w * (np.logaddexp(0.0, z) - target * z)).sum())


def _newton(x: Floats, target: Floats, w: Floats) -> tuple[float, float]:
    slope, intercept = 0.0, float(np.log((w * target).sum() / (w * (1.0 - target)).sum()))
    loss = _loss(np.full(len(x), intercept), target, w)
    for _ in range(_STEPS):
        p = _sigmoid(slope * x + intercept)
        error, curvature = w * (p - target), w * p * (1.0 - p)
        g1, g0 = float((error * x).sum()), float(error.sum())
        if max(abs(g1), abs(g0)) <= 1e-12 * float(w.sum()):
            break
        h11, h10 = float((curvature * x * x).sum()) + _RIDGE, float((curvature * x).sum())
        h00 = float(curvature.sum()) + _RIDGE
        determinant = h11 * h00 - h10 * h10
        d1, d0 = -(h00 * g1 - h10 * g0) / determinant, -(h11 * g0 - h10 * g1) / determinant
        step = 1.0
        while step >= _SMALLEST_STEP:
            new = _loss((slope + step * d1) * x + intercept + step * d0, target, w)
            if new < loss + 1e-4 * step * (g1 * d1 + g0 * d0):
                break
            step /= 2.0
        else:
            break
        slope, intercept, loss = slope + step * d1, intercept + step * d0, new
    return slope, intercept
