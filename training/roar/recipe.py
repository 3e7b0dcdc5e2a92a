"""ROAR: InfoNCE that lets likely false negatives go, then consecutive odds ratios of graded groups beside it.

Source: "Semantic Retrieval for Product Search in E-Commerce", arXiv 2606.01504.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from multirecall.training.dense.course import Course
from multirecall.training.dense.objectives import InfoNce, OddsRatio
from multirecall.training.dense.stages import Stage
from multirecall.training.graded.groups import GradedGroup
from multirecall.training.losses.false_negatives import DELTA

__all__ = ["Roar", "roar"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Roar:
    """Two stages over four levels. Positives are of level `substitutes` or more in the first stage, of level `exact`
    in the second; the mask is on after the share `mask_from` of the first and in all of the second. `margin` above 0 is
    the margin-aware form; `dims` train truncations as well (Matryoshka)."""

    epochs: tuple[float, float] = (2.0, 1.0)
    batch: int = 32
    per_level: int = 2
    temperature: float = 0.05
    delta: float = DELTA
    mask_from: float = 0.2
    substitutes: int = 2
    exact: int = 3
    beta: float = 0.3
    odds_temperature: float = 0.05
    margin: float = 0.0
    second_rate: float = 0.25
    dims: tuple[int, ...] = ()

    def stages(self) -> tuple[Stage, Stage]:
        """Both stages."""
        first = InfoNce(
            lowest=self.substitutes, temperature=self.temperature, delta=self.delta, mask_from=self.mask_from
        )
        second = OddsRatio(
            beside=InfoNce(lowest=self.exact, temperature=self.temperature, delta=self.delta, mask_from=0.0),
            beta=self.beta,
            temperature=self.odds_temperature,
            margin=self.margin,
        )
        one = Stage(
            name="stage-1",
            objective=first,
            epochs=self.epochs[0],
            batch=self.batch,
            per_level=self.per_level,
            dims=self.dims,
        )
        two = Stage(
            name="stage-2",
            objective=second,
            epochs=self.epochs[1],
            rate=self.second_rate,
            batch=self.batch,
            per_level=self.per_level,
            dims=self.dims,
        )
        return one, two


def roar(course: Course, train: Sequence[GradedGroup], recipe: Roar) -> None:
    """Both stages on four-level groups. Blocks; raises as `Course.run`."""
    for stage in recipe.stages():
        course.run(stage, train)
