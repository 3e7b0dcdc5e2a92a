"""Feature: one number per candidate, a value with a name; and the groups that compute several at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from multirecall.fusion.features.pool import Pool

__all__ = ["MISSING", "Column", "Feature", "FeatureGroup", "constant"]

Column = NDArray[np.float64]
"""One feature of all candidates of a pool. Shape (n,), float64, NaN where the feature is missing."""

MISSING = float("nan")
"""What a feature is where it says nothing: not found by a route, no price, no number in the query. Never 0: the model
learns what a missing value means, and a product without a price is not free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """`monotone` 1: a higher value never makes a product less relevant, all else equal; -1: never more; 0: unknown."""

    name: str
    description: str
    monotone: int = 0


class FeatureGroup(Protocol):
    """Features that share their work; a frozen value. `revision` rises when a formula changes under an old name."""

    @property
    def revision(self) -> int: ...

    @property
    def features(self) -> tuple[Feature, ...]: ...

    def __call__(self, pool: Pool) -> list[Column]:
        """One column per feature, in the order of `features`."""
        ...


def constant(pool: Pool, value: float) -> Column:
    """The same value for every candidate: a feature of the query."""
    return np.full(len(pool), value)
