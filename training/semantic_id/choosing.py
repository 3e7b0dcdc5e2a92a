"""Remedies for a sand-glass: which tokens of the second layer are left out, how many, and what that is compared with.

All act on finished codes: leaving a layer out is not the same as quantising with one layer less.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput
from multirecall.recall.semantic_ids.quantiser import Codes
from multirecall.recall.semantic_ids.shortening import LEFT_OUT, Shortening, code_keys

__all__ = ["drop_layer", "frequent_tokens", "heads_to_drop", "random_tokens", "settled", "top_remaining"]

Counts = NDArray[np.integer[Any]]


def heads_to_drop(counts: Counts) -> int:
    """The smallest K for which every remaining token holds less than 3 / K_codebook of all products.

    `counts` (K_codebook,): products per token of the layer, full codes. The sheet's start for choosing K by recall.
    """
    return int(np.count_nonzero(counts * len(counts) >= 3 * max(1, int(np.sum(counts)))))


def frequent_tokens(counts: Counts, k: int, *, layer: int = 1) -> Shortening:
    """Adaptive length: the `k` most frequent tokens go (ties: the lower code first)."""
    _check(counts, k)
    order = np.lexsort((np.arange(len(counts)), -counts))[:k]
    return Shortening(layer=layer, heads=frozenset(int(code) for code in order))


def random_tokens(counts: Counts, k: int, *, seed: int, layer: int = 1) -> Shortening:
    """The control: `k` tokens drawn of those in use."""
    used = np.flatnonzero(counts)
    _check(used, k)
    drawn = np.random.default_rng(seed).choice(used, k, replace=False)
    return Shortening(layer=layer, heads=frozenset(int(code) for code in drawn))


def drop_layer(size: int, *, layer: int = 1) -> Shortening:
    """The plain remedy: all tokens of the layer go. `size`: codes of that layer."""
    return Shortening(layer=layer, heads=frozenset(range(size)))


def settled(codes: Codes, sizes: tuple[int, ...], *, layer: int = 1) -> Shortening:
    """Lossless: the token goes where a product's other tokens leave one possibility, I(c_2; product | c_1, c_3) = 0.

    Every bucket stays what it was. A new product of a code not seen here keeps its token.
    """
    rest = codes.copy()
    rest[:, layer] = LEFT_OUT
    full = np.unique(code_keys(codes, sizes), return_index=True)
    _, which, copies = np.unique(code_keys(rest[full[1]], sizes), return_inverse=True, return_counts=True)
    alone = copies[which] == 1
    return Shortening(layer=layer, settled=tuple(full[0][alone].tolist()))


def top_remaining(counts: Counts, shortening: Shortening, k: int) -> float:
    """Share of the `k` most frequent remaining tokens of all products: it falls with every token that goes."""
    kept = np.delete(np.asarray(counts), sorted(shortening.heads))
    return float(np.sort(kept)[::-1][:k].sum() / max(1, int(np.sum(counts))))


def _check(tokens: Counts, k: int) -> None:
    if not 0 <= k <= len(tokens):
        raise InvalidInput(f"Between 0 and {len(tokens)} tokens can go, got {k}.", field="k")
