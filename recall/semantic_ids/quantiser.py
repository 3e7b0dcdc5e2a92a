"""Residual quantisation: a vector as one code per layer, each of what the layers before it left over.

    r_1 = z;   c_l = argmin_k ( |r_l - e_lk|^2 + price_lk );   r_(l+1) = r_l - e_l,c_l

A price of 0 is the nearest centroid. Prices that balance a layer (`training/semantic_id/balancing.py`) belong to the
centroids, so that a new product gets its code as those did that were there in training. Numpy alone: the indexer and
the route use this as well as training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput
from multirecall.encoders.base import Float32Array

__all__ = ["MAX_CODES", "Affine", "Codebook", "Codes", "ResidualQuantiser", "in_chunks"]

Codes = NDArray[np.int32]
"""Shape (n, L): the code of each product at each layer; -1 where a token is left out."""

MAX_CODES = 65_536
_CHUNK_VALUES = 1 << 22
"""Distances held at once: 16 MB."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Codebook:
    """One layer. `centroids`: shape (K, dim), float32. `prices`: shape (K,), float32, in squared distance."""

    centroids: Float32Array
    prices: Float32Array

    @classmethod
    def of(cls, centroids: Float32Array, prices: Float32Array | None = None) -> Codebook:
        """Raises InvalidInput for shapes that do not fit and values that are not finite."""
        free = np.zeros(len(centroids), dtype=np.float32) if prices is None else prices
        if centroids.ndim != 2 or not 1 <= len(centroids) <= MAX_CODES or free.shape != (len(centroids),):
            raise InvalidInput(
                f"A layer has 1 to {MAX_CODES} centroids of shape (K, dim) with a price each, got {centroids.shape} "
                f"and {free.shape}.",
                field="centroids",
            )
        if not (np.isfinite(centroids).all() and np.isfinite(free).all()):
            raise InvalidInput("A layer holds a value that is not finite.", field="centroids")
        return cls(centroids=centroids.astype(np.float32), prices=free.astype(np.float32))

    def __len__(self) -> int:
        return len(self.centroids)

    def distances(self, vectors: Float32Array) -> Float32Array:
        """|x - e|^2 - |x|^2 + price: shape (n, K); what all cells of one vector have in common is left out."""
        shift = np.einsum("kd,kd->k", self.centroids, self.centroids) + self.prices
        found: Float32Array = vectors @ (-2.0 * self.centroids.T)
        found += shift
        return found

    def nearest(self, vectors: Float32Array) -> NDArray[np.int32]:
        """The code of each vector, shape (n,); ties: the lower code."""
        found = np.empty(len(vectors), dtype=np.int32)
        for part in in_chunks(len(vectors), len(self)):
            found[part] = self.distances(vectors[part]).argmin(axis=1)
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Affine:
    """x W + b; `weights`: shape (dim in, dim out), `bias`: shape (dim out,), float32."""

    weights: Float32Array
    bias: Float32Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResidualQuantiser:
    """Codebooks, outermost first.

    `encoder`: affine maps with a ReLU between two of them, before the first layer (RQ-VAE); none: the vector itself.
    `categories`: the first layer's code of products in a category (Hi-Gen); others get the nearest centroid.
    """

    codebooks: tuple[Codebook, ...]
    encoder: tuple[Affine, ...] = ()
    categories: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        width = self.dim if self.codebooks else 0
        fits = bool(self.codebooks)
        for one in self.encoder:
            fits &= one.weights.shape[0] == width and one.bias.shape == one.weights.shape[1:]
            width = one.weights.shape[1]
        if not fits or any(book.centroids.shape[1] != width for book in self.codebooks):
            raise InvalidInput(
                "The widths of the maps and the layers do not fit.", hint="Train them again.", field="codebooks"
            )
        wrong = [name for name, code in self.categories.items() if not 0 <= code < len(self.codebooks[0])]
        if wrong:
            raise InvalidInput(f"Category {wrong[0]!r} has a code that the first layer lacks.", field="categories")

    @property
    def dim(self) -> int:
        """Width of the vectors it takes."""
        return int(self.encoder[0].weights.shape[0] if self.encoder else self.codebooks[0].centroids.shape[1])

    @property
    def sizes(self) -> tuple[int, ...]:
        """Codes per layer."""
        return tuple(len(book) for book in self.codebooks)

    def codes(self, vectors: Float32Array, categories: Sequence[str | None] | None = None) -> Codes:
        """The codes of products, shape (n, L), for vectors of shape (n, dim).

        `categories` names each product's category, for a quantiser that knows some. Memory beyond the vectors is
        bounded by a copy of them. Raises InvalidInput for other shapes and for values that are not finite.
        """
        left = self.encoded(vectors)
        found = np.empty((len(left), len(self.codebooks)), dtype=np.int32)
        for at, book in enumerate(self.codebooks):
            found[:, at] = book.nearest(left)
            if at == 0 and self.categories and categories is not None:
                known = [self.categories.get(name or "", -1) for name in categories]
                if len(known) != len(left):
                    raise InvalidInput("There is one category per vector, or none at all.", field="categories")
                found[:, 0] = np.where(np.array(known) >= 0, known, found[:, 0])
            left -= book.centroids[found[:, at]]
        return found

    def encoded(self, vectors: Float32Array) -> Float32Array:
        """What the first layer quantises: a new array of shape (n, width)."""
        if vectors.ndim != 2 or vectors.shape[1] != self.dim:
            raise InvalidInput(
                f"The codebooks take vectors of shape (n, {self.dim}), got {vectors.shape}.",
                hint="Use the encoder they were trained on.",
                field="vectors",
            )
        if not np.isfinite(vectors).all():
            raise InvalidInput("A vector holds a value that is not finite.", field="vectors")
        left: Float32Array = np.array(vectors, dtype=np.float32)
        for at, layer in enumerate(self.encoder):
            left = (np.maximum(left, 0.0) if at else left) @ layer.weights + layer.bias
        return left

    def error(self, vectors: Float32Array, codes: Codes) -> float:
        """Mean squared length of what all layers together leave over."""
        left = self.encoded(vectors)
        for at, book in enumerate(self.codebooks):
            left -= book.centroids[codes[:, at]]
        return float(np.einsum("nd,nd->n", left, left).mean()) if len(left) else 0.0


def in_chunks(n: int, width: int) -> Iterator[slice]:
    """Slices of n rows, so that a table of `width` columns over one of them stays small."""
    step = max(1, _CHUNK_VALUES // max(1, width))
    return (slice(start, min(start + step, n)) for start in range(0, n, step))
