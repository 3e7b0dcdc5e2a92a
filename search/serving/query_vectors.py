"""RememberingEncoder: query vectors that were computed lately are not computed again."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from multirecall.encoders.base import Encoder, Float32Array
from multirecall.search.serving.memory import ByteLru
from multirecall.search.serving.quick_redis import Budget
from multirecall.search.serving.shared_vectors import SharedVectors

__all__ = ["RememberingEncoder"]

_ENTRY_BYTES = 200
_WORTH_S = 0.001
_LOOKED_AT = 8


class RememberingEncoder:
    """An encoder that keeps the vectors of single queries, at most `max_bytes` of them. Safe for several threads.

    A text always has the same vector, so there is nothing to expire; with another model comes another one of these.

    `shared` is asked next, and only for an encoder that computes for a millisecond or longer (the quickest of its last
    eight): looking up and storing takes a third of one, so a quicker encoder is quicker than Redis. `redis_budget_s` is
    all that one search may spend there.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        max_bytes: int,
        shared: SharedVectors | None = None,
        redis_budget_s: float = 0.02,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._encoder = encoder
        self._vectors: ByteLru[Float32Array] = ByteLru(max_bytes)
        self._shared, self._redis_budget_s = shared, redis_budget_s
        self._clock = clock
        self._took_s: deque[float] = deque(maxlen=_LOOKED_AT)
        self.hits = 0
        self.shared_hits = 0
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
        shared = self._shared if self._took_s and min(self._took_s) >= _WORTH_S else None
        budget = Budget(self._redis_budget_s)
        made = None if shared is None else shared.get(self.fingerprint, text, self.dim, budget)
        if made is not None:
            self.shared_hits += 1
        else:
            self.misses += 1
            made = self._computed(text)
            if shared is not None:
                shared.put(self.fingerprint, text, made, budget)
        self._vectors.put(text, made, made.nbytes + len(text) + _ENTRY_BYTES)
        return made

    def _computed(self, text: str) -> Float32Array:
        started = self._clock()
        made = np.array(self._encoder.encode_queries([text]), dtype=np.float32)
        made.flags.writeable = False
        self._took_s.append(self._clock() - started)
        return made

    def encode_products(self, texts: Sequence[str]) -> Float32Array:
        return self._encoder.encode_products(texts)
