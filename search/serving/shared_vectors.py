"""SharedVectors: vectors of queries in Redis, for all processes: what one computed, the others need not."""

from __future__ import annotations

import hashlib

import numpy as np

from multirecall.encoders.base import Float32Array
from multirecall.search.serving.counters import Counters
from multirecall.search.serving.quick_redis import Budget, QuickRedis

__all__ = ["SharedVectors"]

_FORMAT = 1


class SharedVectors:
    """By encoder and text: `<prefix>:<format>:<fingerprint>:<hash of the text>`, float32, for `ttl_s`.

    Not halved to float16: the order of a list would depend on which process computed its vector. Redis may be away:
    then nothing is found and nothing kept. What is no vector of unit length there is none. Safe for several threads.
    """

    def __init__(self, redis: QuickRedis, *, prefix: str, ttl_s: float, counters: Counters) -> None:
        self._redis = redis
        self._prefix = prefix
        self._ttl_ms = max(1, int(ttl_s * 1000))
        self._counters = counters

    def get(self, fingerprint: str, text: str, dim: int, budget: Budget) -> Float32Array | None:
        """The vector, shape (1, dim), not to be written to; None if it is not there."""
        value = self._redis.call(budget, self._redis.client.get, self._key(fingerprint, text))
        if value is None:
            return None
        found = np.frombuffer(value, dtype="<f4") if len(value) == 4 * dim else np.empty(0, np.float32)
        norm = float(np.linalg.norm(found))
        if len(found) != dim or not (abs(norm - 1.0) < 1e-3 or norm == 0.0):
            self._counters.count("redis_unreadable")
            return None
        return found.astype(np.float32, copy=False).reshape(1, dim)

    def put(self, fingerprint: str, text: str, vector: Float32Array, budget: Budget) -> None:
        """Keeps a vector, unless Redis is away or nearly full."""
        if self._redis.is_full(budget):
            self._counters.count("redis_full")
            return
        self._redis.call(
            budget,
            self._redis.client.set,
            self._key(fingerprint, text),
            vector.astype("<f4", copy=False).tobytes(),
            px=self._ttl_ms,
        )

    def close(self) -> None:
        """Ends the connections."""
        self._redis.close()

    def _key(self, fingerprint: str, text: str) -> str:
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return f"{self._prefix}:{_FORMAT}:{fingerprint}:{digest}"
