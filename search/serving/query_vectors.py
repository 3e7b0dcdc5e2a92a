"""RememberingEncoder: query vectors that were computed lately are not computed again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from multirecall.encoders.base import Encoder, Float32Array
from multirecall.search.serving.memory import ByteLru

__all__ = ["RememberingEncoder"]

_ENTRY_BYTES = 200


class RememberingEncoder:
    """An encoder that keeps the vectors of single queries, at most `max_bytes` of them. Safe for several threads.

    A text always has the same vector, so there is nothing to expire; with another model comes another one of these.
    """

    def __init__(self, encoder: Encoder, *, max_bytes: int) -> None:
        self._encoder = encoder
        self._vectors: ByteLru[Float32Array] = ByteLru(max_bytes)
        self.hits = 0
        self.misses = 0

    @property
    def spec(self) -> str:
        return self._encoder.spec

    @property
    def name(self) -> str:
        return self._encoder.name

    @property
    def dim(self) -> int:
        return self._encoder.dim

    @property
    def max_tokens(self) -> int:
        return self._encoder.max_tokens

    @property
    def fingerprint(self) -> str:
        return self._encoder.fingerprint

    @property
    def nbytes(self) -> int:
        """Memory of the vectors kept."""
        return self._vectors.nbytes

    def encode_queries(self, texts: Sequence[str]) -> Float32Array:
        """As the encoder does; the vector of a single text is kept, and cannot be written to."""
        if len(texts) != 1:
            return self._encoder.encode_queries(texts)
        text = texts[0]
        known = self._vectors.get(text)
        if known is not None:
            self.hits += 1
            return known
        self.misses += 1
        made = np.array(self._encoder.encode_queries(texts), dtype=np.float32)
        made.flags.writeable = False
        self._vectors.put(text, made, made.nbytes + len(text) + _ENTRY_BYTES)
        return made

    def encode_products(self, texts: Sequence[str]) -> Float32Array:
        return self._encoder.encode_products(texts)
