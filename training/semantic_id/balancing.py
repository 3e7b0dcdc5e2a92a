"""Prices that make the cells of a layer hold equally many vectors: balanced k-means by a power diagram.

The best assignment under the capacity n / K of each cell is argmin_k |x - e_k|^2 + price_k: the prices are the dual
variables of that transport problem. They are found by Sinkhorn's iterations at a falling temperature (Cuturi 2013),
then by steps against each cell's excess. A new product needs the prices alone, where a plain capacity-constrained
assignment (as OneRec's) would need all products at once. Equal vectors always share a cell, so that a catalogue of
near-duplicates is balanced as far as they allow.
"""

from __future__ import annotations

import numpy as np

from multirecall.encoders.base import Float32Array
from multirecall.recall.semantic_ids.quantiser import Codebook

__all__ = ["balancing_prices"]

_SAMPLE = 20_000
_WARMEST, _COLDEST = 0.3, 0.003
"""Temperatures, in mean squared distances between a vector and its own centroid."""


def balancing_prices(book: Codebook, vectors: Float32Array, *, rounds: int) -> Float32Array:
    """Prices for the book's centroids, shape (K,), beginning with those it has; their mean is 0.

    At most 20,000 vectors, evenly spaced, are looked at. `rounds` of either kind of step.
    """
    vectors = vectors[:: -(-len(vectors) // _SAMPLE)]
    distances = Codebook.of(book.centroids).distances(vectors)
    distances -= distances.min(axis=1, keepdims=True)
    scale = float(np.partition(distances, min(1, len(book) - 1), axis=1)[:, min(1, len(book) - 1)].mean())
    if scale <= 0.0:
        return book.prices
    wanted = len(vectors) / len(book)
    prices = book.prices.astype(np.float32)
    for warmth in np.geomspace(_WARMEST, _COLDEST, rounds) * scale:
        soft = (distances + prices) / np.float32(-warmth)
        soft -= soft.max(axis=1, keepdims=True)
        np.exp(soft, out=soft)
        soft /= soft.sum(axis=1, keepdims=True)
        prices = prices + np.float32(warmth) * np.log(np.maximum(soft.sum(axis=0), 1e-6) / wanted)
    best, worst = prices, np.inf
    for step in np.geomspace(0.1, 0.001, rounds) * scale:
        sizes = np.bincount((distances + prices).argmin(axis=1), minlength=len(book))
        if sizes.max() < worst:
            best, worst = prices, float(sizes.max())
        prices = prices + (step * np.clip(sizes / wanted - 1.0, -1.0, 1.0)).astype(np.float32)
    found: Float32Array = best - best.mean()
    return found
