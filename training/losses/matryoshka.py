"""Matryoshka: the first components of a vector should do the work of the whole.

    L = mean over dims d of  loss( cosines of the vectors cut to their first d components )

Source: A. Kusupati et al., "Matryoshka Representation Learning", NeurIPS 2022.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from multirecall.core.errors import InvalidInput
from multirecall.training.losses.rows import cosines

__all__ = ["DIMS", "cosines", "matryoshka"]

DIMS = (64, 128, 256, 384)


def matryoshka(
    queries: Tensor, products: Tensor, loss: Callable[[Tensor], Tensor], *, dims: Sequence[int] = DIMS
) -> Tensor:
    """The mean of `loss` over the widths `dims`.

    Args:
        queries: Shape (n, width), of any length.
        products: Shape (m, width).
        loss: Of the (n, m) cosines, e.g. `lambda scores: circle(scores, grades)`.
        dims: Each from 1 to the width; whoever wants the whole vector trained names its width too.

    Raises InvalidInput for widths that are not there, and for vectors of two widths.
    """
    width = queries.shape[-1]
    if not dims or min(dims) < 1 or max(dims) > width:
        raise InvalidInput(f"Widths go from 1 to {width}, got {tuple(dims)}.", field="dims")
    return torch.stack([loss(cosines(queries[:, :dim], products[:, :dim])) for dim in dims]).mean()
