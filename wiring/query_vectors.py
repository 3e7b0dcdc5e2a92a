"""The vectors of queries in Redis, by the settings."""

from __future__ import annotations

from multirecall.search.serving.counters import Counters
from multirecall.search.serving.quick_redis import QuickRedis
from multirecall.search.serving.shared_vectors import SharedVectors
from multirecall.wiring.settings import Settings

__all__ = ["shared_vectors"]

_TIMEOUT_S = 0.01


def shared_vectors(settings: Settings) -> SharedVectors | None:
    """To be closed by the caller; None without a Redis, without vectors in memory, or for a lifetime of 0."""
    url = settings.cache_redis.get_secret_value()
    if not url or not settings.cache_vectors_mb or not settings.cache_vectors_redis_s:
        return None
    counters = Counters()
    return SharedVectors(
        QuickRedis(url, counters=counters, timeout_s=_TIMEOUT_S),
        prefix=f"{settings.namespace}:vectors",
        ttl_s=settings.cache_vectors_redis_s,
        counters=counters,
    )
