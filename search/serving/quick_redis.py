"""QuickRedis: a Redis that is a help, never a need: calls fail quickly, and if they often do it is left alone."""

from __future__ import annotations

import time
from typing import Any

from multirecall.core.errors import InvalidSettings
from multirecall.search.breaker import Breaker
from multirecall.search.serving.counters import Counters

__all__ = ["Budget", "QuickRedis"]

_MEMORY_KNOWN_FOR_S = 5.0
_FULL_SHARE = 0.6  # of the memory of a Redis that refuses writes when it is full; the rest belongs to the workers


class Budget:
    """The time that one request may spend on Redis, all its calls together."""

    __slots__ = ("left_s",)

    def __init__(self, seconds: float) -> None:
        self.left_s = seconds


class QuickRedis:
    """A call waits `timeout_s` at most, and the calls of a request as long together as its budget is.

    `counters` tell how often it was late (`redis_timeouts`), failed (`redis_errors`) or was left alone
    (`redis_bypassed`). Safe for several threads.
    """

    def __init__(
        self, url: str, *, counters: Counters, breaker: Breaker | None = None, timeout_s: float = 0.02
    ) -> None:
        import redis  # here, so that commands without a cache load quickly
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self._late, self._trouble = redis.TimeoutError, redis.RedisError
        try:
            self.client: Any = redis.Redis.from_url(
                url,
                socket_timeout=timeout_s,
                socket_connect_timeout=timeout_s,
                retry=Retry(NoBackoff(), 0),
                retry_on_timeout=False,
            )
        except ValueError:  # its text may hold a piece of the password
            raise InvalidSettings(
                "The Redis URL of the cache cannot be read.",
                hint="Write redis://HOST:PORT/DB, or rediss:// for TLS; a / in a password is written %2F.",
                field="redis",
            ) from None
        self._timeout_s = timeout_s
        self._counters = counters
        self._look_at_memory, self._full = 0.0, False
        self.breaker = breaker or Breaker("Redis", failures=3, open_s=3.0)

    def call(self, budget: Budget, command: Any, *args: Any, none: Any = None, **kwargs: Any) -> Any:
        """What the command returns (`none` if that is None); None if Redis is left alone, is late or fails."""
        if budget.left_s < self._timeout_s or self.breaker.refusal():
            self._counters.count("redis_bypassed")
            return None
        started = time.perf_counter()
        try:
            result = command(*args, **kwargs)
        except self._trouble as error:
            self._counters.count("redis_timeouts" if isinstance(error, self._late) else "redis_errors")
            self.breaker.failed(type(error).__name__)
            budget.left_s = 0.0  # a second try in the same request would wait as long again
            return None
        finally:
            budget.left_s -= time.perf_counter() - started
        self.breaker.succeeded()
        return none if result is None else result

    def is_full(self, budget: Budget) -> bool:
        """Whether it refuses writes before long, of the workers too: then a cache takes no more of its memory.

        One that evicts by itself (any policy but `noeviction`) is never full. Looked at every few seconds.
        """
        now = time.monotonic()
        if now >= self._look_at_memory:
            self._look_at_memory = now + _MEMORY_KNOWN_FOR_S
            memory = self.call(budget, self.client.info, "memory")
            if memory is not None:
                limit = memory.get("maxmemory", 0) if memory.get("maxmemory_policy") == "noeviction" else 0
                self._full = limit > 0 and memory["used_memory"] > _FULL_SHARE * limit
        return self._full

    def close(self) -> None:
        """Ends the connections."""
        self.client.close()
