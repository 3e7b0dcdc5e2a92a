"""Rate limits: a token bucket per caller, shared by all processes through Redis, or of this process without it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

__all__ = ["RateLimits", "SharedBuckets"]

_log = logging.getLogger("multirecall.service")

_LEASE_S = 0.1
"""So many seconds' worth of tokens are taken from the shared bucket at once: most requests then ask nobody."""

_LEASE_ENDS_S = 1.0
_WITHOUT_REDIS_S = 5.0


class SharedBuckets(Protocol):
    """Buckets that several processes take tokens from."""

    async def take(self, name: str, want: float, *, rate_per_s: float, burst: float) -> float:
        """As many tokens of `want` as there are. Raises OSError if the buckets cannot be reached in time."""
        ...


@dataclass(slots=True)
class _Bucket:
    """`tokens` may be below 0: what a batch took beyond what was there."""

    tokens: float
    at: float
    refused_until: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class RateLimits:
    """So many requests a second for each caller, and `burst` at once after a pause. For one event loop.

    With `shared` the limit holds for all processes together, and each takes a few tokens ahead: at most a tenth of
    a second's worth is granted too early. If it cannot be reached, each process limits by itself for a while.
    """

    def __init__(
        self,
        *,
        rate_per_s: float,
        burst: float,
        shared: SharedBuckets | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate, self._burst = rate_per_s, max(1.0, burst)
        self._shared = shared
        self._clock = clock
        self._without_until = 0.0
        self._buckets: dict[str, _Bucket] = {}

    async def take(self, caller: str) -> float:
        """0.0: go on, a token was taken. Else the seconds after which to ask again."""
        now = self._clock()
        bucket = self._bucket(caller, now)
        if now < bucket.refused_until:
            return bucket.refused_until - now
        if self._shared is None or now < self._without_until:
            self._refill(bucket, now)
        else:
            if now - bucket.at > _LEASE_ENDS_S:
                bucket.tokens = min(bucket.tokens, 0.0)
            if bucket.tokens < 1:
                async with bucket.lock:
                    await self._lease(self._shared, caller, bucket)
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return 0.0
        wait_s = (1 - bucket.tokens) / self._rate
        bucket.refused_until = now + wait_s
        return wait_s

    def charge(self, caller: str, n: int) -> None:
        """Takes `n` tokens more, for a request that is several: what is not there is owed and paid back first."""
        self._bucket(caller, self._clock()).tokens -= n

    def _bucket(self, caller: str, now: float) -> _Bucket:
        bucket = self._buckets.get(caller)
        if bucket is None:
            alone = self._shared is None or now < self._without_until
            start = self._burst if alone else 0.0
            bucket = self._buckets[caller] = _Bucket(tokens=start, at=now)
        return bucket

    async def _lease(self, shared: SharedBuckets, caller: str, bucket: _Bucket) -> None:
        if bucket.tokens >= 1:  # whoever had the lock before has fetched enough
            return
        want = max(1.0, self._rate * _LEASE_S) - min(bucket.tokens, 0.0)
        try:
            bucket.tokens += await shared.take(caller, want, rate_per_s=self._rate, burst=self._burst)
            bucket.at = self._clock()
        except OSError as error:
            _log.warning("rate limits hold for this process alone for a while: %s", error)
            now = self._clock()
            self._without_until = now + _WITHOUT_REDIS_S
            bucket.tokens, bucket.at = max(bucket.tokens, self._burst), now

    def _refill(self, bucket: _Bucket, now: float) -> None:
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._rate)
        bucket.at = now
