"""NDCG: what the ranking gains, against what the best ranking of the judged products would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.measures.base import checked_depth, top_of

__all__ = ["NDCG", "discounts", "gain"]


def gain(grades: Sequence[float]) -> NDArray[np.float64]:
    """`2^grade - 1`. Shape (n,), float64."""
    gains: NDArray[np.float64] = np.exp2(np.asarray(grades, dtype=np.float64)) - 1.0
    return gains


def discounts(n: int) -> NDArray[np.float64]:
    """`1 / log2(rank + 1)` for the ranks 1 to n. Shape (n,), float64."""
    return 1.0 / np.log2(np.arange(2, n + 2))


@dataclass(frozen=True, slots=True)
class NDCG:
    """Normalised discounted cumulative gain of the first `k`, from 0 to 1, with exponential gains.

    `DCG = sum over ranks r <= k of (2^grade - 1) / log2(r + 1)`, divided by the DCG of the ideal ranking of all judged
    products. A product without a judgment counts as irrelevant. Burges et al., "Learning to Rank using Gradient
    Descent", ICML 2005. (trec_eval, and so the default `nDCG` of ir-measures, takes the grade itself as the gain; what
    equals ours there is `nDCG(gains={1: 1, 2: 3, 3: 7})`.)
    """

    k: int = 10

    def __post_init__(self) -> None:
        checked_depth(self.k)

    def __str__(self) -> str:
        return f"nDCG@{self.k}"

    @property
    def min_grade(self) -> float:
        """Any grade above 0 counts."""
        return float(np.nextafter(0.0, 1.0))

    @property
    def monotone(self) -> bool:
        """False: a good product far down raises the ideal more than the ranking."""
        return False

    def is_defined(self, grades: Mapping[str, float]) -> bool:
        """Whether any product has a grade above 0: without one there is no ideal ranking to compare with."""
        return any(grade > 0.0 for grade in grades.values())

    def weight(self, ranked: Sequence[str]) -> float:
        """1: every query counts alike."""
        return 1.0

    def __call__(self, ranked: Sequence[str], grades: Mapping[str, float]) -> float:
        """The figure of one ranking of product ids, best first; 0 if it is empty.

        Raises InvalidInput if a product occurs twice (it would be counted twice) or no grade is above 0 (there is no
        ideal ranking to compare with).
        """
        top = top_of(ranked, self.k)
        ideal = _dcg(sorted(grades.values(), reverse=True)[: self.k])
        if ideal <= 0.0:
            raise InvalidInput("No product has a grade above 0: nDCG is not defined for this query.", field="grades")
        return _dcg([grades.get(product_id, 0.0) for product_id in top]) / ideal

    def best(self, ranked: Sequence[str], grades: Mapping[str, float], top_grade: float) -> float:
        """The greatest figure over all ways of giving the unjudged products among the first `k` grades up to
        `top_grade`, which count in the ideal too.

        Gains are cut into layers between the gains that occur. Within a layer, the first m unjudged products reach it,
        and both the gain of the ranking and that of the ideal are sums over layers, so that for any ratio t the
        greatest `DCG - t * ideal` is found layer by layer; t then rises to the greatest ratio in a few rounds
        (Dinkelbach, Management Science 13, 1967). Raises as a call does.
        """
        top = top_of(ranked, self.k)
        figure = self(ranked, grades)
        unjudged = np.array([product_id not in grades for product_id in top], dtype=bool)
        judged, ceiling = gain(sorted(grades.values())), float(gain([top_grade])[0])
        steps = np.unique(np.append(judged, (0.0, ceiling)))
        heights = np.diff(steps)  # layer l reaches from steps[l] to steps[l + 1]
        n_judged = len(judged) - np.searchsorted(judged, steps[1:])
        reached = np.append(0.0, np.cumsum(discounts(len(top))[unjudged]))  # by the first m unjudged
        ideal = np.append(0.0, np.cumsum(discounts(self.k)))
        filled = np.minimum(n_judged[:, None] + np.arange(len(reached)), self.k)
        filled[steps[1:] > ceiling] = np.minimum(n_judged[steps[1:] > ceiling], self.k)[:, None]
        gains = np.where(steps[1:, None] > ceiling, 0.0, reached[None, :])
        fixed = _dcg([grades.get(product_id, 0.0) for product_id in top])
        layers = np.arange(len(heights))
        while True:
            m = np.argmax(gains - figure * ideal[filled], axis=1)
            better = (fixed + heights @ gains[layers, m]) / (heights @ ideal[filled[layers, m]])
            if better <= figure + 1e-15:
                return figure
            figure = float(better)


def _dcg(grades: Sequence[float]) -> float:
    return float(np.sum(gain(grades) * discounts(len(grades))))
