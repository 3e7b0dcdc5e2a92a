"""One linear classifier for each child of a node, against the other children's examples.

L2-regularised squared hinge loss by dual coordinate descent (Hsieh et al., ICML 2008), as liblinear does it:

    min_w  1/2 |w|^2 + sum_i C_i max(0, 1 - y_i w x_i)^2

C_i is `cost`, for the few examples of the child itself `positive_weight` times as much.
The other examples of the same node are the hard negatives: what the levels above could not tell apart.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from multirecall.core.compiled import compiled
from multirecall.encoders.base import Float32Array

__all__ = ["fit_children"]

Places = NDArray[np.int64]


@compiled
def fit_children(
    starts: Places,
    columns: NDArray[Any],
    values: Float32Array,
    n_columns: int,
    positive_starts: Places,
    positives: Places,
    cost: float,
    positive_weight: float,
    rounds: int,
) -> Float32Array:
    """Weights of shape (children, n_columns + 1), the last one for the constant 1.

    Rows of examples as in `Instances`, columns below `n_columns`; the rows that belong to child c are `positives` from
    `positive_starts[c]` to `positive_starts[c + 1]`. At most `rounds` passes, fewer if nothing moves by a tenth.
    """
    n_rows, n_children = len(starts) - 1, len(positive_starts) - 1
    found = np.zeros((n_children, n_columns + 1), dtype=np.float32)
    lengths = np.ones(n_rows, dtype=np.float32)  # the constant's share
    for row in range(n_rows):
        for at in range(starts[row], starts[row + 1]):
            lengths[row] += values[at] * values[at]
    sides = np.empty(n_rows, dtype=np.float32)
    alphas = np.empty(n_rows, dtype=np.float32)
    for child in range(n_children):
        sides[:] = -1.0
        alphas[:] = 0.0
        for at in range(positive_starts[child], positive_starts[child + 1]):
            sides[positives[at]] = 1.0
        weights = found[child]
        for _ in range(rounds):
            largest = 0.0
            for row in range(n_rows):
                ridge = 0.5 / (cost * positive_weight if sides[row] > 0.0 else cost)
                margin = weights[n_columns]
                for at in range(starts[row], starts[row + 1]):
                    margin += weights[columns[at]] * values[at]
                slope = sides[row] * margin - 1.0 + alphas[row] * ridge
                if alphas[row] == 0.0 and slope > 0.0:
                    continue
                largest = max(largest, abs(slope))
                before = alphas[row]
                alphas[row] = max(0.0, before - slope / (lengths[row] + ridge))
                step = (alphas[row] - before) * sides[row]
                weights[n_columns] += step
                for at in range(starts[row], starts[row + 1]):
                    weights[columns[at]] += step * values[at]
            if largest < 0.1:
                break
    return found
