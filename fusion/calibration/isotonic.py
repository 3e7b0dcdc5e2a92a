"""Isotonic calibration: the probabilities that fit best among all that never fall when the score rises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from multirecall.core.errors import InvalidInput
from multirecall.fusion.calibration.base import Floats, checked_examples, checked_scores

__all__ = ["Isotonic", "pool_adjacent_violators"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Isotonic:
    """Straight lines between (`scores[i]`, `probabilities[i]`), both rising; flat before the first and after the last.

    The points are the weighted isotonic regression of relevance on score (pool adjacent violators; Zadrozny & Elkan,
    "Transforming classifier scores into accurate multiclass probability estimates", KDD 2002), each block by its lowest
    and highest score. No probability is 0 or 1: Laplace's rule of succession at both ends, see `fit`.
    """

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.scores or len(self.scores) != len(self.probabilities):
            raise InvalidInput(
                f"{len(self.scores)} scores and {len(self.probabilities)} probabilities make no calibration.",
                field="probabilities",
            )
        x, p = checked_scores(self.scores), checked_scores(self.probabilities)
        if (np.diff(x) <= 0.0).any() or (np.diff(p) < 0.0).any() or p[0] <= 0.0 or p[-1] >= 1.0:
            raise InvalidInput(
                "Scores must rise, and probabilities never fall and lie between 0 and 1.", field="probabilities"
            )

    def __repr__(self) -> str:
        return f"Isotonic({len(self.scores)} points, {self.scores[0]:.4g} to {self.scores[-1]:.4g})"

    @classmethod
    def fit(cls, scores: ArrayLike, relevant: ArrayLike, weights: ArrayLike | None = None) -> Isotonic:
        """The calibration of these examples; equal scores share one probability. Shapes (n,), `relevant` from 0 to 1.

        At the lowest and at the highest score one relevant and one irrelevant example of weight 1 are added before the
        fit: n relevant examples alone at the top get `(n + 1) / (n + 2)`, and where that is less than what lies below,
        they are pooled with it. Weights thus count in examples.

        Costs a sort and one pass. Raises InvalidInput as `checked_examples` does.
        """
        x, y, w = checked_examples(scores, relevant, weights)
        low, high = x.min(), x.max()
        x = np.concatenate([x, [low, low, high, high]])
        y, w = np.concatenate([y, [0.0, 1.0, 0.0, 1.0]]), np.concatenate([w, np.ones(4)])
        levels, of = np.unique(x, return_inverse=True)
        of = of.reshape(-1)
        weight = np.bincount(of, weights=w).astype(np.float64)
        mean = np.bincount(of, weights=w * y).astype(np.float64) / weight
        starts, value, _ = pool_adjacent_violators(mean, weight)
        ends = np.append(starts[1:], len(levels)) - 1
        at = np.stack([starts, ends], axis=1).reshape(-1)
        keep = np.ones(len(at), dtype=np.bool_)
        keep[1::2] = starts != ends
        points, heights = levels[at][keep], np.repeat(value, 2)[keep]
        return cls(scores=tuple(points.tolist()), probabilities=tuple(heights.tolist()))

    def __call__(self, scores: ArrayLike) -> Floats:
        return np.interp(checked_scores(scores), self.scores, self.probabilities)

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {"kind": "isotonic", "scores": list(self.scores), "probabilities": list(self.probabilities)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Isotonic:
        """What `to_dict` wrote."""
        return cls(
            scores=_numbers(values, "scores"),
            probabilities=_numbers(values, "probabilities"),
        )


def pool_adjacent_violators(mean: Floats, weight: Floats) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Blocks of the weighted least-squares fit that never falls: their first indices, values and weights.

    Neighbours of equal value are one block. Linear time. Ayer et al., Annals of Mathematical Statistics, 1955.
    """
    starts: list[int] = []
    values: list[float] = []
    masses: list[float] = []
    for at, (m, w) in enumerate(zip(mean.tolist(), weight.tolist(), strict=True)):
        first, value, mass = at, m, w
        while values and values[-1] >= value:
            total = masses[-1] + mass
            value = (values[-1] * masses[-1] + value * mass) / total
            first, mass = starts[-1], total
            del starts[-1], values[-1], masses[-1]
        starts.append(first)
        values.append(value)
        masses.append(mass)
    return np.array(starts, dtype=np.int64), np.array(values), np.array(masses)


def _numbers(values: Mapping[str, Any], name: str) -> tuple[float, ...]:
    found = values.get(name)
    if not isinstance(found, Sequence) or isinstance(found, str):
        raise InvalidInput(f"{name} is missing or no list.", hint="The calibration's file is damaged.", field=name)
    try:
        return tuple(float(value) for value in found)
    except (TypeError, ValueError):
        raise InvalidInput(f"{name} holds something that is no number.", field=name) from None
