"""From estimated relevance to grades."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput

__all__ = ["CUTS", "Grading", "best_rate", "graded"]

Scale = Literal["steps", "fraction"]

CUTS = (0.04, 0.15, 0.5)
"""Grades 1, 2 and 3 begin at these shares of the best rate: each grade is clicked about a third as often as the next,
as graded products are in real shops."""

TOP_GRADE = 3.0
_BEST = 0.95

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grading:
    """How grades are made: `steps` gives 0, 1, 2, 3 at `cuts` (shares of the best rate), `fraction` 3 x the share.

    The best rate is the 95% quantile of the estimates, each counted with its exposure: one for the whole log, so that
    a query whose products nobody wants has no grade 3 only because one of them was clicked once.
    """

    scale: Scale = "steps"
    cuts: tuple[float, float, float] = CUTS

    def __post_init__(self) -> None:
        if self.scale not in ("steps", "fraction"):
            raise InvalidInput(f"scale must be steps or fraction, got {self.scale!r}.", field="scale")
        if not 0.0 < self.cuts[0] < self.cuts[1] < self.cuts[2] <= 1.0:
            raise InvalidInput(f"cuts must rise from above 0 to at most 1, got {self.cuts}.", field="cuts")


def best_rate(estimate: Floats, exposure: Floats) -> float:
    """The rate that counts as the best: 95% of the exposure lies on pairs with this estimate or a lower one."""
    order = np.argsort(estimate, kind="stable")
    share = np.cumsum(exposure[order]) / exposure.sum()
    return float(estimate[order][min(int(np.searchsorted(share, _BEST)), len(order) - 1)])


def graded(estimate: Floats, best: float, grading: Grading) -> Floats:
    """A grade from 0 to 3 for each estimate; a `best` of 0 gives 0 everywhere. Same shape."""
    share = np.clip(estimate / best, 0.0, 1.0) if best > 0.0 else np.zeros(len(estimate))
    if grading.scale == "fraction":
        fraction: Floats = TOP_GRADE * share
        return fraction
    return np.searchsorted(np.array(grading.cuts), share, side="right").astype(np.float64)
