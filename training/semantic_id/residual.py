"""Residual k-means: one codebook after the other, each of what those before it leave over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from multirecall.core.errors import InvalidInput
from multirecall.encoders.base import Float32Array
from multirecall.recall.semantic_ids.quantiser import Codebook, ResidualQuantiser
from multirecall.training.semantic_id.kmeans import KMeans

__all__ = ["ResidualKMeans"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidualKMeans:
    """How codebooks are learned. `sizes`: codes per layer; `balanced`: layers (0: the first) with balancing prices."""

    sizes: tuple[int, ...] = (64, 64, 64)
    balanced: frozenset[int] = frozenset()
    inits: int = 2
    iterations: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.sizes or not self.balanced <= set(range(len(self.sizes))):
            raise InvalidInput(
                "There is at least one layer, and only layers that are there are balanced.", field="sizes"
            )

    def fit(self, vectors: Float32Array, categories: Sequence[str | None] | None = None) -> ResidualQuantiser:
        """Codebooks of vectors (n, dim).

        `categories`, one per vector, guide the first layer (Hi-Gen): each of the largest ones, as many as the layer has
        codes, is a code of its own with the mean of its products as centroid. Other products get the nearest.
        """
        left = np.array(vectors, dtype=np.float32)
        books: list[Codebook] = []
        guided: dict[str, int] = {}
        for at, size in enumerate(self.sizes):
            if at == 0 and categories is not None:
                book, guided = _of_categories(left, categories, size)
            else:
                book = KMeans(
                    k=size, inits=self.inits, iterations=self.iterations, seed=self.seed + at,
                    balanced=at in self.balanced,
                ).fit(left)  # fmt: skip
            books.append(book)
            one = ResidualQuantiser(codebooks=(book,), categories=guided if at == 0 else {})
            left -= book.centroids[one.codes(left, categories)[:, 0]]
        return ResidualQuantiser(codebooks=tuple(books), categories=guided)


def _of_categories(
    vectors: Float32Array, categories: Sequence[str | None], size: int
) -> tuple[Codebook, dict[str, int]]:
    if len(categories) != len(vectors):
        raise InvalidInput("There is one category (or None) per vector.", field="categories")
    counted = Counter(name for name in categories if name)
    largest = sorted(counted, key=lambda name: (-counted[name], name))[:size]
    if not largest:
        raise InvalidInput("No product has a category.", field="categories", hint="Leave the categories away.")
    guided = {name: code for code, name in enumerate(largest)}
    codes = np.array([guided.get(name or "", -1) for name in categories])
    means = [vectors[codes == code].mean(axis=0) for code in range(len(largest))]
    return Codebook.of(np.array(means, dtype=np.float32)), guided
