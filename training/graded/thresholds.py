"""Where one level ends and the next begins on the scale of an encoder's scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from multirecall.core.errors import InvalidInput

__all__ = ["Thresholds", "level_thresholds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """`medians[level]` of the scores, and `above[level]`: from which score on a product of it looks like the next one,
    the midpoint of two medians (one entry less)."""

    medians: tuple[float, ...]
    above: tuple[float, ...]

    @property
    def n_levels(self) -> int:
        return len(self.medians)

    def too_low(self, level: int, score: float) -> bool:
        """Whether the score is that of a lower level."""
        return level > 0 and score < self.above[level - 1]

    def too_high(self, level: int, score: float) -> bool:
        """Whether the score is that of a higher level."""
        return level < self.n_levels - 1 and score > self.above[level]


def level_thresholds(levels: Sequence[int], scores: Sequence[float], *, n_levels: int) -> Thresholds:
    """By the scores of judged products of held-out queries (sheet 4, section 2.3); scores of NaN are left out.

    Medians that do not rise with the level are pooled with their neighbours until they do: an encoder that puts
    substitutes above exact products has one threshold for both. Raises InvalidInput for a level without a score.
    """
    known = [(level, score) for level, score in zip(levels, scores, strict=True) if not np.isnan(score)]
    values = [np.array([score for level, score in known if level == wanted]) for wanted in range(n_levels)]
    lacking = [level for level, of in enumerate(values) if not len(of)]
    if lacking:
        raise InvalidInput(
            f"No held-out product of level {', '.join(map(str, lacking))} has a score: there is no threshold.",
            hint="Hold more queries out, or map the grades to fewer levels.",
            field="judgments",
        )
    blocks: list[tuple[list[int], float]] = []
    for level in range(n_levels):
        block = ([level], float(np.median(values[level])))
        while blocks and blocks[-1][1] > block[1]:
            pooled = [*blocks.pop()[0], *block[0]]
            block = (pooled, float(np.median(np.concatenate([values[one] for one in pooled]))))
        blocks.append(block)
    medians = [median for pooled, median in blocks for _ in pooled]
    return Thresholds(medians=tuple(medians), above=tuple((low + high) / 2 for low, high in pairwise(medians)))
