"""Mine and Refine: supervised contrastive, then what the encoder itself finds hard, each grade drawn to its own band.

Source: Xi et al., "Mine and Refine: graded relevance in e-commerce retrieval", arXiv 2602.17654; the circle loss with
an anchor per grade is our reconstruction (`losses/circle`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from multirecall.training.dense.course import Course
from multirecall.training.dense.objectives import AcrossQueriesOrder, Circle, Contrastive, Objective
from multirecall.training.dense.scoring import scores_of
from multirecall.training.dense.stages import Stage
from multirecall.training.graded.groups import GradedGroup
from multirecall.training.graded.thresholds import Thresholds, level_thresholds

__all__ = ["Mine", "MineAndRefine", "centres_of", "mine_and_refine", "thresholds_of"]

_GAP = 0.25


Mine = Callable[[Thresholds], Sequence[GradedGroup]]
"""Groups of what the encoder as it is now puts on the wrong side of a threshold, graded anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MineAndRefine:
    """Two stages over three levels: rates, temperatures and widths of the sheet; epochs by kind of tower. `separate`
    says what draws the levels apart in the second: the circle loss, or an order across the queries of a batch."""

    epochs: tuple[float, float] = (2.0, 1.0)
    batch: int = 32
    per_level: int = 2
    temperature: float = 0.05
    half_width: float = 0.1
    gamma: float = 128.0
    share: float = 0.2
    second_rate: float = 0.25
    top: int = 2
    separate: Literal["circle", "across-queries"] = "circle"

    def first(self) -> Stage:
        """Supervised contrastive."""
        return Stage(
            name="stage-1",
            objective=self._contrastive(),
            epochs=self.epochs[0],
            batch=self.batch,
            per_level=self.per_level,
        )

    def second(self, centres: Sequence[float]) -> Stage:
        """Circle loss with its bands at `centres`, or the order across queries, which has none and learns at the first
        stage's rate; of mined groups each product is drawn twice as often."""
        across = self.separate == "across-queries"
        objective: Objective
        if across:
            objective = AcrossQueriesOrder(beside=self._contrastive(), share=self.share)
        else:
            objective = Circle(
                beside=self._contrastive(),
                share=self.share,
                centres=tuple(centres),
                half_width=self.half_width,
                gamma=self.gamma,
            )
        return Stage(
            name="stage-2",
            objective=objective,
            epochs=self.epochs[1],
            rate=1.0 if across else self.second_rate,
            batch=self.batch,
            per_level=2 * self.per_level,
        )

    def _contrastive(self) -> Contrastive:
        return Contrastive(top=self.top, temperature=self.temperature)


def mine_and_refine(
    course: Course,
    train: Sequence[GradedGroup],
    dev: Sequence[GradedGroup],
    recipe: MineAndRefine,
    *,
    mine: Mine | None = None,
) -> tuple[Thresholds, tuple[float, ...]]:
    """Both stages; returns the thresholds of the encoder at the end, by `dev`, whose queries are not in `train`, and
    the centres that its scores were drawn to.

    Without `mine` the second stage sees the groups of the first. Raises InvalidInput as `level_thresholds`.
    """
    course.run(recipe.first(), train)
    after_first = thresholds_of(course, dev, recipe.top)
    centres = centres_of(after_first)
    mined = train if mine is None else mine(after_first)
    course.run(recipe.second(centres), mined or train, judged=train)
    return thresholds_of(course, dev, recipe.top), centres


def thresholds_of(course: Course, dev: Sequence[GradedGroup], top: int) -> Thresholds:
    """Those of the encoder as it is. Raises InvalidInput where a level has no held-out pair."""
    levels = [level for group in dev for level in group.grades]
    return level_thresholds(levels, scores_of(course.tower, dev, course.texts).tolist(), n_levels=top + 1)


def centres_of(found: Thresholds) -> tuple[float, ...]:
    """Centres around the mean of the medians, as far apart as these, and by .25 at least: encoders differ in the range
    of their cosines, and nearer bands cannot be told apart."""
    top = found.n_levels - 1
    gap = max(_GAP, (found.medians[-1] - found.medians[0]) / top)
    middle = sum(found.medians) / len(found.medians)
    return tuple(round(middle + gap * (level - top / 2), 4) for level in range(top + 1))
