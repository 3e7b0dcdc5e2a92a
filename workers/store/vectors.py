"""RedisVectors: a VectorCache that all workers share and that forgets by itself."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import redis

from multirecall.encoders.base import Float32Array
from multirecall.workers.store.connection import Connection

__all__ = ["RedisVectors"]

_log = logging.getLogger("multirecall.workers")


class RedisVectors:
    """Vectors for `ttl_s` seconds, 4 bytes a dimension. 0 seconds: none are kept. Raises StoreUnavailable."""

    def __init__(self, connection: Connection, *, ttl_s: int) -> None:
        self._connection = connection
        self._ttl_s = ttl_s

    def get(self, fingerprint: str, hashes: Sequence[str], dim: int) -> dict[str, Float32Array]:
        """Those it has, by content hash; one round trip."""
        if not self._ttl_s or not hashes:
            return {}
        keys = [self._connection.key("vector", fingerprint, content_hash) for content_hash in hashes]
        with self._connection.client() as client:
            found = client.mget(keys)
        return {
            content_hash: np.frombuffer(body, dtype="<f4").astype(np.float32)
            for content_hash, body in zip(hashes, found, strict=True)
            if body is not None and len(body) == 4 * dim
        }

    def put(self, fingerprint: str, vectors: Mapping[str, Float32Array]) -> None:
        """Keeps them, unless Redis has no memory left for any: that is logged, for a cache may forget. One round
        trip."""
        if not self._ttl_s or not vectors:
            return
        with self._connection.client() as client, client.pipeline(transaction=False) as pipe:
            for content_hash, vector in vectors.items():
                key = self._connection.key("vector", fingerprint, content_hash)
                pipe.set(key, np.asarray(vector, dtype="<f4").tobytes(), ex=self._ttl_s)
            try:
                pipe.execute()
            except redis.OutOfMemoryError as error:
                _log.warning("vectors are not kept: %s", error)
