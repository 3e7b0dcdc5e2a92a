"""Is there a sand-glass? How evenly the tokens of each layer are used, and how well ids tell products apart.

The hourglass of residual quantisation (Kuai et al., EMNLP 2024 Industry, 677-685): the tokens of the middle layer
concentrate (low entropy, high Gini, large standard deviation), since most residuals after the first layer are small and
fall into the same few cells; few of the possible paths are used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput
from multirecall.recall.semantic_ids.quantiser import Codes
from multirecall.recall.semantic_ids.shortening import code_keys

__all__ = ["IdFigures", "LayerFigures", "has_sand_glass", "id_figures", "layer_counts", "layer_figures"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerFigures:
    """How the products of a layer spread over its K tokens.

    `entropy` in nats and `evenness`, its share of ln K; `gini` over all K (unused ones included), 0 is even; `std` of
    the counts; `top_1`, `top_5`: share of the products that the most frequent tokens hold; `used`: tokens that occur.
    """

    entropy: float
    evenness: float
    gini: float
    std: float
    top_1: float
    top_5: float
    used: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdFigures:
    """Of whole ids. `sparsity`: distinct ids / possible ones. `bucket`: expected size of a product's own bucket,
    sum n_b^2 / N. `collisions`: products that share their id with another. `length`: mean tokens of an id."""

    products: int
    distinct: int
    sparsity: float
    bucket: float
    collisions: int
    length: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def layer_counts(codes: Codes, sizes: Sequence[int]) -> list[NDArray[np.int64]]:
    """How often each token of each layer occurs; left-out tokens are not counted. One array (K,) per layer."""
    return [np.bincount(column[column >= 0], minlength=size) for column, size in zip(codes.T, sizes, strict=True)]


def layer_figures(counts: NDArray[np.integer[Any]]) -> LayerFigures:
    """Figures of counts (K,). Raises InvalidInput for a layer that no product has a token of."""
    total, size = int(counts.sum()), len(counts)
    if total < 1 or (counts < 0).any():
        raise InvalidInput("A layer without products has no figures.", field="counts")
    rising = np.sort(counts).astype(np.float64)
    shares = rising[rising > 0] / total
    entropy = float(-(shares * np.log(shares)).sum())
    places = np.arange(1, size + 1)
    return LayerFigures(
        entropy=entropy,
        evenness=entropy / float(np.log(size)) if size > 1 else 1.0,
        gini=float(((2 * places - size - 1) * rising).sum() / (size * total)),
        std=float(rising.std()),
        top_1=float(rising[-1] / total),
        top_5=float(rising[-5:].sum() / total),
        used=len(shares),
    )


def id_figures(codes: Codes, sizes: tuple[int, ...]) -> IdFigures:
    """Figures of ids, full or shortened: codes of shape (n, L), n of 1 or more."""
    if not len(codes):
        raise InvalidInput("No product has an id.", field="codes")
    _, buckets = np.unique(code_keys(codes, sizes), return_counts=True)
    return IdFigures(
        products=len(codes),
        distinct=len(buckets),
        sparsity=len(buckets) / float(np.prod(np.array(sizes, dtype=np.float64))),
        bucket=float((buckets.astype(np.float64) ** 2).sum() / len(codes)),
        collisions=int(buckets[buckets > 1].sum()),
        length=float((codes >= 0).sum(axis=1).mean()),
    )


def has_sand_glass(layers: Sequence[LayerFigures], *, margin: float = 0.02) -> bool:
    """Whether the second of three layers is less even than both others, by more than `margin`, with a higher Gini.

    The margin keeps noise out: three even layers are no sand-glass. Raises InvalidInput for fewer than three layers.
    """
    if len(layers) < 3:
        raise InvalidInput("A sand-glass needs three layers.", field="layers")
    before, middle, after = layers[:3]
    uneven = middle.evenness + margin < min(before.evenness, after.evenness)
    return uneven and middle.gini > max(before.gini, after.gini)
