"""Mine and Refine: supervised contrastive, then what the encoder itself finds hard, each grade drawn to its own band.

Source: Xi et al., "Mine and Refine: graded relevance in e-commerce retrieval", arXiv 2602.17654; the circle loss with
an anchor per grade is our reconstruction (`losses/circle`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from multirecall.core.errors import InvalidInput
from multirecall.training.dense.course import Course
from multirecall.training.dense.objectives import Circle, Contrastive
from multirecall.training.dense.scoring import scores_of
from multirecall.training.dense.stages import Stage
from multirecall.training.graded.groups import GradedGroup

__all__ = ["Bands", "Mine", "MineAndRefine", "bands_of", "mine_and_refine"]

_GAP = 0.25
"""Bands nearer to each other than this cannot be told apart by a threshold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bands:
    """Where the scores of each level lie: medians of held-out pairs by level from 0, and from them `thresholds[i]`
    between the levels i and i + 1 (midpoints), and the `centres` that the circle loss draws to."""

    medians: tuple[float, ...]
    thresholds: tuple[float, ...]
    centres: tuple[float, ...]


Mine = Callable[[Bands], Sequence[GradedGroup]]
"""The training groups again, with what the encoder as it is now puts on the wrong side of a threshold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MineAndRefine:
    """Two stages over three levels: rates, temperatures and widths of the sheet; epochs by kind of tower."""

    epochs: tuple[float, float] = (2.0, 1.0)
    batch: int = 32
    per_level: int = 2
    temperature: float = 0.05
    half_width: float = 0.1
    gamma: float = 128.0
    share: float = 0.2
    second_rate: float = 0.25
    top: int = 2

    def stages(self, centres: Sequence[float]) -> tuple[Stage, Stage]:
        """Both stages, the second with its bands at `centres`."""
        first = Contrastive(top=self.top, temperature=self.temperature)
        second = Circle(
            beside=first, share=self.share, centres=tuple(centres), half_width=self.half_width, gamma=self.gamma
        )
        one = Stage(name="stage-1", objective=first, epochs=self.epochs[0], batch=self.batch, per_level=self.per_level)
        two = Stage(
            name="stage-2",
            objective=second,
            epochs=self.epochs[1],
            rate=self.second_rate,
            batch=self.batch,
            per_level=self.per_level,
        )
        return one, two


def mine_and_refine(
    course: Course,
    train: Sequence[GradedGroup],
    dev: Sequence[GradedGroup],
    recipe: MineAndRefine,
    *,
    mine: Mine | None = None,
) -> Bands:
    """Both stages; returns the bands of the encoder at the end, measured on `dev`, whose queries are not in `train`.

    Without `mine` the second stage sees the groups of the first. Raises InvalidInput as `bands_of`.
    """
    nothing = [0.0] * (recipe.top + 1)
    course.run(recipe.stages(nothing)[0], train)
    bands = bands_of(course, dev, recipe.top)
    mined = train if mine is None else mine(bands)
    course.run(recipe.stages(bands.centres)[1], mined)
    return bands_of(course, dev, recipe.top, centres=bands.centres)


def bands_of(
    course: Course, dev: Sequence[GradedGroup], top: int, *, centres: tuple[float, ...] | None = None
) -> Bands:
    """The bands by the encoder as it is. Centres, unless given: the middle median, and a gap to each side.

    The gap is that of the medians, stretched to .25 at least: encoders differ in the range of their cosines. Raises
    InvalidInput where a level has no held-out pair.
    """
    scores = scores_of(course.tower, dev, course.texts)
    levels = np.array([level for group in dev for level in group.grades])
    absent = [level for level in range(top + 1) if not (levels == level).any()]
    if absent:
        raise InvalidInput(
            f"The held-out queries have no product of level {absent[0]}.",
            hint="Judge more queries, or hold out more of them: --held-out.",
            field="held_out",
        )
    medians = [float(np.median(scores[levels == level])) for level in range(top + 1)]
    gap = max(_GAP, (medians[-1] - medians[0]) / max(1, top))
    middle = float(np.mean(medians))
    made = tuple(round(middle + gap * (level - top / 2), 4) for level in range(top + 1))
    return Bands(
        medians=tuple(round(value, 4) for value in medians),
        thresholds=tuple(round((low + high) / 2, 4) for low, high in pairwise(medians)),
        centres=centres or made,
    )
