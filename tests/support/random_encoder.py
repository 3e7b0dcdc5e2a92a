"""A broken encoder: vectors of the right shape that say nothing about the text."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from multirecall.encoders.base import Float32Array

__all__ = ["RandomEncoder"]


class RandomEncoder:
    """Pseudo-random directions, the same for the same text; queries and products share none.

    What a model with mixed-up weights or the wrong prefix gives: nothing fails, and every check of shapes, counts and
    fingerprints passes.
    """

    max_tokens = 0

    def __init__(self, dim: int = 64) -> None:
        self.dim = dim
        self.spec = self.name = f"random-{dim}"
        self.fingerprint = hashlib.blake2b(self.name.encode(), digest_size=8).hexdigest()

    def encode_queries(self, texts: Sequence[str]) -> Float32Array:
        return self._encode("query", texts)

    def encode_products(self, texts: Sequence[str]) -> Float32Array:
        return self._encode("product", texts)

    def _encode(self, kind: str, texts: Sequence[str]) -> Float32Array:
        rows = np.empty((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            digest = hashlib.blake2b(f"{kind}\0{text}".encode("utf-8", "replace"), digest_size=8).digest()
            row[:] = np.random.default_rng(int.from_bytes(digest, "little")).normal(size=self.dim)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)
