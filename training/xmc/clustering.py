"""The tree's shape: products that are asked for in like words lie together (balanced k-means, level by level).

A product is the sum of the rows that it answers (PIFA of PECOS), in fewer dimensions by a random projection, which
keeps angles (Johnson & Lindenstrauss 1984).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multirecall.core.compiled import compiled
from multirecall.encoders.base import Float32Array
from multirecall.training.semantic_id.kmeans import KMeans
from multirecall.training.xmc.instances import Instances

__all__ = ["grouped", "product_vectors"]

Places = NDArray[np.int64]


def product_vectors(instances: Instances, *, dim: int = 128, seed: int = 0) -> Float32Array:
    """Vectors of length 1, shape (products, dim)."""
    used, at = np.unique(instances.columns, return_inverse=True)
    axes = np.random.default_rng(seed).standard_normal((len(used), dim)).astype(np.float32)
    sums = _summed(instances.starts, at, instances.values, axes, instances.row, instances.product)
    found: Float32Array = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    return found


@compiled
def _summed(
    starts: Places, columns: Places, values: Float32Array, axes: Float32Array, row: Places, product: Places
) -> Float32Array:
    """The projected rows of each product, added up; shape (products, dim). `row` rises."""
    found = np.zeros((product.max() + 1, axes.shape[1]), dtype=np.float32)
    projected = np.empty(axes.shape[1], dtype=np.float32)
    for pair in range(len(row)):
        if pair == 0 or row[pair] != row[pair - 1]:
            projected[:] = 0.0
            for at in range(starts[row[pair]], starts[row[pair] + 1]):
                for axis in range(len(projected)):
                    projected[axis] += values[at] * axes[columns[at], axis]
        for axis in range(len(projected)):
            found[product[pair], axis] += projected[axis]
    return found


def grouped(vectors: Float32Array, *, branches: int = 32, leaf: int = 64, seed: int = 0) -> list[Places]:
    """The group of each product at each level of the tree, from the root down; shape (products,) each.

    Groups are numbered so that those of one parent follow each other. The last level's hold about `leaf` products, and
    are as many per parent as makes all levels alike, at most `branches`. One group alone gives no level.
    """
    wanted = max(1, -(-len(vectors) // leaf))
    depth = 0 if wanted == 1 else max(1, int(np.ceil(np.log(wanted) / np.log(branches) - 1e-9)))
    width = 0 if not depth else int(np.ceil(wanted ** (1.0 / depth) - 1e-9))
    groups = np.zeros(len(vectors), dtype=np.int64)
    levels = []
    for level in range(depth):
        children = np.empty_like(groups)
        n_before = 0
        for parent in range(int(groups.max()) + 1):
            members = np.flatnonzero(groups == parent)
            k = min(width, len(members))
            book = KMeans(k=k, inits=1, iterations=20, seed=seed + level, balanced=True).fit(vectors[members])
            _, cells = np.unique(book.nearest(vectors[members]), return_inverse=True)
            children[members] = n_before + cells
            n_before += int(cells.max()) + 1
        groups = children
        levels.append(groups)
    return levels
