"""Sums of values by group."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["sums_by"]


def sums_by(group: NDArray[np.int64], values: NDArray[Any], n: int) -> NDArray[np.float64]:
    """The sum of the values of each group 0 to n - 1. Shape (n,), float64 whatever the values are."""
    return np.bincount(group, weights=values.astype(np.float64), minlength=n).astype(np.float64, copy=False)
