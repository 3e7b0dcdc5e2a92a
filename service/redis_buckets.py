"""Token buckets in Redis: one step of Lua each, by Redis's own clock."""

from __future__ import annotations

import redis.asyncio
from redis.exceptions import RedisError

__all__ = ["RedisBuckets"]

_TIMEOUT_S = 0.05

_TAKE = """
-- KEYS bucket   ARGV rate burst want   -> tokens granted, as a text
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local rate, burst, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local tokens = tonumber(kept[1]) or burst
local at = tonumber(kept[2]) or now
tokens = math.min(burst, tokens + math.max(0, now - at) * rate)
local granted = math.max(0, math.min(tokens, want))
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens - granted), 'at', tostring(now))
redis.call('PEXPIRE', KEYS[1], math.ceil(burst / rate * 1000) + 1000)
return tostring(granted)
"""


class RedisBuckets:
    """Buckets under `<prefix>:<caller>`. A Redis that does not answer in 50 ms raises OSError."""

    def __init__(self, url: str, *, prefix: str) -> None:
        self._prefix = prefix
        self._redis = redis.asyncio.Redis.from_url(
            url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S, retry=None
        )
        self._take = self._redis.register_script(_TAKE)

    async def take(self, name: str, want: float, *, rate_per_s: float, burst: float) -> float:
        """See `SharedBuckets`."""
        try:
            granted = await self._take(keys=[f"{self._prefix}:{name}"], args=[rate_per_s, burst, want])
        except RedisError as error:
            raise OSError(f"Redis: {type(error).__name__}") from error
        return float(granted)

    async def close(self) -> None:
        """Closes the connections."""
        await self._redis.aclose()
