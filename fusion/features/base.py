"""Feature: one number per candidate, a value with a name and its formula; groups of them share their work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from multirecall.fusion.features.pool import Pool

__all__ = ["MISSING", "Column", "Feature", "FeatureGroup"]

Column = NDArray[np.float64]
"""One feature of all candidates of a pool. Shape (n,), float64, NaN where the feature is missing."""

MISSING = float("nan")
"""What a feature is where it says nothing: not found by a route, no price, no number in the query. Never 0: the model
learns what a missing value means, and a product without a price is not free."""

View = TypeVar("View")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Feature(Generic[View]):
    """`column` makes it from what its group has prepared: the values of all candidates, numbers or flags, or one
    number where they are all the same.

    `monotone` 1: a higher value never makes a product less relevant, all else equal; -1: never more; 0: unknown.
    """

    name: str
    description: str
    column: Callable[[View], NDArray[Any] | float]
    monotone: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureGroup(Generic[View]):
    """Features that share their work: `view` does it, once per pool.

    `revision` rises when a formula changes under an old name.
    """

    name: str
    view: Callable[[Pool], View]
    features: tuple[Feature[View], ...]
    revision: int = 1

    def write(self, pool: Pool, rows: NDArray[np.float64], wanted: Sequence[bool]) -> None:
        """Each wanted feature into its row of `rows`, in the order of `features`. Shape (number of features, n)."""
        if not any(wanted):
            return
        view = self.view(pool)
        for row, feature in compress(zip(rows, self.features, strict=True), wanted):
            row[:] = feature.column(view)
