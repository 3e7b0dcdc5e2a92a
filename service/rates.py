"""Rate limits: a token bucket per caller, shared by all processes through Redis, or of this process without it."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

__all__ = ["RateLimits", "SharedBuckets"]

_log = logging.getLogger("multirecall.service")

_LEASE_S = 0.1
"""So many seconds' worth of tokens are taken from the shared bucket at once: most requests then ask nobody."""

_LEASE_ENDS_S = 1.0
_LONGEST_HOLD_S = 1.0
_FLOOD_S = 0.5
"""A key floods while its excess is more than so many seconds' worth of its pace: the excess counts its refusals, drains
at half of its pace, and is at most six times as much."""

_FLOOD_PRICE = 8.0
_FLOOD_WORK = 1 / 16
"""Of the time at work that a key may have, so much is left to one that floods."""

_NEWEST = 0.1
"""How long its searches are at work is a fading mean of them: so much weight has the newest."""

_OTHERS_S = 2.0
_WITHOUT_REDIS_S = 5.0


class SharedBuckets(Protocol):
    """Buckets that several processes take tokens from."""

    async def take(self, name: str, want: float, *, rate_per_s: float, burst: float) -> float:
        """As many tokens of `want` as there are. Raises OSError if the buckets cannot be reached in time."""
        ...


@dataclass(slots=True)
class _Bucket:
    """`tokens` may be below 0: what a batch took beyond what was there. `excess` counts refusals, and drains. `cost_s`
    is how long what was at work for it was at work, a fading mean."""

    tokens: float
    at: float
    refused_until: float = 0.0
    cost_s: float = 0.0
    excess: float = 0.0
    excess_at: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class RateLimits:
    """So many requests a second for each caller, and `burst` at once after a pause. For one event loop.

    With `shared` the limit holds for all processes together, and each takes a few tokens ahead: at most a tenth of
    a second's worth is granted too early. If it cannot be reached, each process limits by itself for a while.

    A caller's pace is its rate, or what it can be served if that is less: `work_s_per_s` is how long it may be at work
    in a second, and `worked` tells how long its searches are. Who goes on asking more than one and a half times its
    pace floods. As long as others ask too, what is granted to it costs eight tokens, and more afterwards if it was at
    work for long, so that it is for a sixteenth of what it might be: its work, which cannot be interrupted, would slow
    theirs.
    """

    def __init__(
        self,
        *,
        rate_per_s: float,
        burst: float,
        work_s_per_s: float = math.inf,
        shared: SharedBuckets | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate, self._burst, self._work_s_per_s = rate_per_s, max(1.0, burst), work_s_per_s
        self._shared = shared
        self._clock = clock
        self._without_until = -math.inf
        self._buckets: dict[str, _Bucket] = {}
        self._latest, self._latest_at, self._another_at = "", -math.inf, -math.inf

    async def take(self, caller: str) -> float:
        """0.0: go on, a token was taken. Else the seconds after which to ask again."""
        now = self._clock()
        bucket = self._bucket(caller, now)
        if not self.floods(caller):
            self._seen(caller, now)
        if now < bucket.refused_until:
            self._exceeds(bucket, now)
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
            bucket.tokens -= self._price(caller)
            return 0.0
        self._exceeds(bucket, now)
        wait_s = (1 - bucket.tokens) / self._rate
        bucket.refused_until = now + wait_s
        return wait_s

    def charge(self, caller: str, n: int) -> None:
        """Takes `n` tokens more, for a request that is several: what is not there is owed and paid back first."""
        self._bucket(caller, self._clock()).tokens -= n * self._price(caller)

    def worked(self, caller: str, seconds: float) -> None:
        """Says how long something was at work for it; a flood pays for that too."""
        bucket = self._bucket(caller, self._clock())
        bucket.cost_s += (seconds - bucket.cost_s) * (_NEWEST if bucket.cost_s else 1.0)
        if self._price(caller) > 1.0:
            most_s = self._work_s_per_s * _FLOOD_WORK
            bucket.tokens -= max(0.0, seconds / most_s * self._rate - _FLOOD_PRICE)

    def refused(self, caller: str) -> None:
        """Counts a refusal that was not for its rate, after its token was taken: all places were."""
        now = self._clock()
        self._exceeds(self._bucket(caller, now), now)

    def hold_s(self, caller: str) -> float:
        """How long to hold its refusal back: the more it was refused lately, the longer, up to a second."""
        excess = self._excess(caller)
        return min(_LONGEST_HOLD_S, excess / self._pace(self._buckets[caller])) if excess else 0.0

    def floods(self, caller: str) -> bool:
        """Whether it goes on asking far more often than it may, or than it can be served."""
        excess = self._excess(caller)
        return excess > 1.0 and excess > self._pace(self._buckets[caller]) * _FLOOD_S

    def _excess(self, caller: str) -> float:
        bucket = self._buckets.get(caller)
        return 0.0 if bucket is None else self._drained(bucket, self._clock())

    def _drained(self, bucket: _Bucket, now: float) -> float:
        return max(0.0, bucket.excess - (now - bucket.excess_at) * self._pace(bucket) / 2.0)

    def _exceeds(self, bucket: _Bucket, now: float) -> None:
        most = 6.0 * max(1.0, self._pace(bucket) * _FLOOD_S)
        bucket.excess, bucket.excess_at = min(most, self._drained(bucket, now) + 1.0), now

    def _price(self, caller: str) -> float:
        """Of one request, in tokens."""
        other_at = self._another_at if caller == self._latest else self._latest_at
        return _FLOOD_PRICE if self.floods(caller) and self._clock() - other_at < _OTHERS_S else 1.0

    def _pace(self, bucket: _Bucket) -> float:
        return min(self._rate, self._work_s_per_s / bucket.cost_s) if bucket.cost_s else self._rate

    def _seen(self, caller: str, now: float) -> None:
        """Notes when the latest caller, and another one, asked last."""
        if caller != self._latest:
            self._latest, self._another_at = caller, self._latest_at
        self._latest_at = now

    def _bucket(self, caller: str, now: float) -> _Bucket:
        bucket = self._buckets.get(caller)
        if bucket is None:
            alone = self._shared is None or now < self._without_until + _LEASE_ENDS_S
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
            if now < self._without_until + _LEASE_ENDS_S:  # still away
                self._refill(bucket, now)
            else:
                bucket.tokens, bucket.at = max(bucket.tokens, self._burst), now
            self._without_until = now + _WITHOUT_REDIS_S

    def _refill(self, bucket: _Bucket, now: float) -> None:
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._rate)
        bucket.at = now
