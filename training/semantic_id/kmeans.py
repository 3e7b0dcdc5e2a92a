"""k-means, seeded: the codebook of one layer.

Lloyd's iterations from k-means++ starts (Arthur & Vassilvitskii 2007); the start with the smallest error wins. Empty
cells move to the vectors that lie farthest from their centroid. Memory beyond the vectors: two copies of the sample at
most, and some megabytes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput
from multirecall.encoders.base import Float32Array
from multirecall.recall.semantic_ids.quantiser import Codebook, in_chunks
from multirecall.training.semantic_id.balancing import balancing_prices

__all__ = ["KMeans"]

_STILL = 0.001
"""Iterations end when no larger share of the vectors moves to another cell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KMeans:
    """How the centroids of one layer are found.

    `k` cells, the best of `inits` starts, at most `iterations` each; of more than `sample` vectors a seeded sample is
    learned from. `balanced`: prices make all cells hold about the same number of vectors (`balancing.py`).
    """

    k: int = 64
    inits: int = 2
    iterations: int = 50
    seed: int = 0
    balanced: bool = False
    sample: int = 100_000

    def __post_init__(self) -> None:
        if min(self.k, self.inits, self.iterations, self.sample) < 1:
            raise InvalidInput("k, inits, iterations and sample are 1 or more.", field="k")

    def fit(self, vectors: Float32Array) -> Codebook:
        """The codebook of vectors (n, dim). Fewer distinct vectors than k leave cells that nothing falls into.

        Raises InvalidInput without a vector. The same vectors give the same codebook on one machine.
        """
        if vectors.ndim != 2 or not len(vectors):
            raise InvalidInput("k-means needs at least one vector.", field="vectors")
        random = np.random.default_rng(self.seed)
        if len(vectors) > self.sample:
            vectors = vectors[np.sort(random.choice(len(vectors), self.sample, replace=False))]
        runs = [self._run(vectors, random) for _ in range(self.inits)]
        book = runs[int(np.argmin([error for _, error in runs]))][0]
        return self._balanced(vectors, book) if self.balanced else book

    def _run(self, vectors: Float32Array, random: np.random.Generator) -> tuple[Codebook, float]:
        book = Codebook.of(_starts(vectors, self.k, random))
        cells = np.full(len(vectors), -1, dtype=np.int32)
        for _ in range(self.iterations):
            found, apart = _nearest(vectors, book)
            if np.count_nonzero(found != cells) <= len(vectors) * _STILL:
                break
            cells = found
            book = Codebook.of(_means(vectors, cells, book.centroids, apart))
        return book, float(_nearest(vectors, book)[1].sum(dtype=np.float64))

    def _balanced(self, vectors: Float32Array, book: Codebook) -> Codebook:
        for _ in range(min(10, self.iterations)):
            book = Codebook.of(book.centroids, balancing_prices(book, vectors, rounds=10))
            cells = book.nearest(vectors)
            book = Codebook.of(_means(vectors, cells, book.centroids, None), book.prices)
        return Codebook.of(book.centroids, balancing_prices(book, vectors, rounds=200))


def _starts(vectors: Float32Array, k: int, random: np.random.Generator) -> Float32Array:
    """Each start is drawn with a chance in proportion to its squared distance from those before it."""
    lengths = np.einsum("nd,nd->n", vectors, vectors)
    chosen = [int(random.integers(len(vectors)))]
    apart = np.full(len(vectors), np.inf)
    for _ in range(k - 1):
        last = vectors[chosen[-1]]
        apart = np.minimum(apart, np.maximum(lengths - 2.0 * (vectors @ last) + last @ last, 0.0))
        apart[chosen[-1]] = 0.0
        ends = np.cumsum(apart)
        at = (
            np.searchsorted(ends, random.random() * ends[-1], side="right")
            if ends[-1] > 0
            else random.integers(len(ends))
        )
        chosen.append(int(min(at, len(ends) - 1)))
    return vectors[chosen]


def _nearest(vectors: Float32Array, book: Codebook) -> tuple[NDArray[np.int32], Float32Array]:
    """The cell of each vector, and its squared distance from the centroid."""
    cells = np.empty(len(vectors), dtype=np.int32)
    apart = np.empty(len(vectors), dtype=np.float32)
    for part in in_chunks(len(vectors), len(book)):
        distances = book.distances(vectors[part])
        cells[part] = distances.argmin(axis=1)
        apart[part] = np.take_along_axis(distances, cells[part, None], axis=1)[:, 0]
    apart += np.einsum("nd,nd->n", vectors, vectors)
    return cells, np.maximum(apart, 0.0)


def _means(
    vectors: Float32Array, cells: NDArray[np.int32], before: Float32Array, apart: Float32Array | None
) -> Float32Array:
    """The mean of each cell. Empty ones move to the farthest vectors, if there are any; with `apart` None they stay."""
    sizes = np.bincount(cells, minlength=len(before))
    held = np.flatnonzero(sizes)
    order = np.argsort(cells, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes[held])[:-1]])
    means = before.copy()
    for columns in in_chunks(vectors.shape[1], len(vectors)):
        sums = np.add.reduceat(vectors[order, columns], starts, axis=0, dtype=np.float64)
        means[held, columns] = sums / sizes[held, None]
    empty = np.flatnonzero(sizes == 0)
    if apart is not None and len(empty):
        farthest = np.argsort(-apart, kind="stable")[: len(empty)]
        farthest = farthest[apart[farthest] > 0.0]
        means[empty[: len(farthest)]] = vectors[farthest]
    return means
