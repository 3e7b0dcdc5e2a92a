"""Vectors that have a sand-glass, and vectors that have none: unit length, seeded.

The three kinds of section 8 of the sheet: the same direction everywhere, clusters of Zipf sizes with a spread of their
own each (lognormal), and categories of Zipf sizes with types of Zipf sizes inside.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multirecall.encoders.base import Float32Array

__all__ = ["KINDS", "hierarchy", "isotropic", "zipf_clusters"]

Floats = NDArray[np.float64]


def isotropic(n: int, dim: int, *, size: int, seed: int) -> Float32Array:
    return _unit(np.random.default_rng(seed).standard_normal((n, dim)))


def zipf_clusters(n: int, dim: int, *, size: int, seed: int) -> Float32Array:
    """Half as many clusters again as a layer has codes."""
    random = np.random.default_rng(seed)
    centres, cluster, spread = _clusters(n, dim, 3 * size // 2, random)
    return _unit(centres[cluster] + spread[cluster, None] * random.standard_normal((n, dim)) / np.sqrt(dim))


def hierarchy(n: int, dim: int, *, size: int, seed: int) -> Float32Array:
    """As many categories, of 20 types each, and products that lie close to their type."""
    random = np.random.default_rng(seed)
    centres, category, spread = _clusters(n, dim, 3 * size // 2, random)
    types = random.standard_normal((len(centres), 20, dim)) * spread[:, None, None]
    kind = random.choice(20, n, p=_zipf(20))
    near = 0.1 * random.standard_normal((n, dim))
    return _unit(centres[category] + (types[category, kind] + near) / np.sqrt(dim))


KINDS = {"isotropic": isotropic, "zipf clusters": zipf_clusters, "hierarchy": hierarchy}
"""By the sheet's name."""


def _clusters(n: int, dim: int, clusters: int, random: np.random.Generator) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Centres, the cluster of each vector, and the spread of each cluster."""
    centres = random.standard_normal((clusters, dim))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    return centres, random.choice(clusters, n, p=_zipf(clusters)), np.exp(random.normal(-1.0, 0.5, clusters))


def _unit(vectors: Floats) -> Float32Array:
    found: Float32Array = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return found


def _zipf(n: int) -> Floats:
    weights = 1.0 / np.arange(1, n + 1)
    found: Floats = weights / weights.sum()
    return found
