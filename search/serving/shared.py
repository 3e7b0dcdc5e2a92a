"""SharedLists: frozen lists in Redis, for all processes. Redis is a help, never a need: each call may fail quickly."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from multirecall.core.errors import InvalidSettings
from multirecall.search.breaker import Breaker
from multirecall.search.frozen import FrozenList
from multirecall.search.serving.counters import Counters
from multirecall.search.serving.frozen_json import list_from_bytes, list_to_bytes

__all__ = ["Budget", "Looked", "SharedLists"]

_LONGEST_LOCK_MS = 30_000

_MEMORY_KNOWN_FOR_S = 5.0
_FULL_SHARE = 0.6  # of the memory of a Redis that refuses writes when it is full; the rest belongs to the workers

_LOOK = """
local id = redis.call('GET', KEYS[1])
if id then
  local body = redis.call('GET', ARGV[1] .. id)
  if body then return {body, redis.call('PTTL', KEYS[1])} end
end
if ARGV[2] ~= '' and redis.call('SET', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3]) then return 1 end
return 0
"""

_STORE = """
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if ARGV[3] ~= '' then redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4]) end
if ARGV[5] ~= '' and redis.call('GET', KEYS[3]) == ARGV[5] then redis.call('DEL', KEYS[3]) end
return 1
"""

_UNLOCK = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 1"


class Budget:
    """The time that one request may spend on Redis, all its calls together."""

    __slots__ = ("left_s",)

    def __init__(self, seconds: float) -> None:
        self.left_s = seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a look at Redis found: a list and the milliseconds that its entry still lives; or whether we may make it.

    `ours`: nobody else is making it, and nobody else will while we do. `away`: Redis did not answer.
    """

    frozen: FrozenList | None = None
    left_ms: float = 0.0
    nbytes: int = 0
    ours: bool = False
    away: bool = False


class SharedLists:
    """Two kinds of keys: a list by its id, which pages read, and the id by the cache key, which searches look up.

    A call waits `timeout_s` at most, and the calls of a request as long together as its budget is. The breaker lets
    Redis alone for some seconds when it fails repeatedly. Safe for several threads.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str,
        page_ttl_s: float,
        counters: Counters,
        breaker: Breaker | None = None,
        timeout_s: float = 0.02,
    ) -> None:
        import redis  # here, so that commands without a cache load quickly
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self._late, self._trouble = redis.TimeoutError, redis.RedisError
        try:
            self._redis = redis.Redis.from_url(
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
        self._prefix = prefix
        self._timeout_s = timeout_s
        self._page_ttl_ms = int(page_ttl_s * 1000)
        self._look_at_memory, self._full = 0.0, False
        self._counters = counters
        self.breaker = breaker or Breaker("Redis", failures=3, open_s=3.0)
        self._look_script = self._redis.register_script(_LOOK)
        self._store_script = self._redis.register_script(_STORE)
        self._unlock_script = self._redis.register_script(_UNLOCK)

    def look(self, key: str, owner: str, lock_s: float, budget: Budget) -> Looked:
        """The list of a cache key; else, if `owner` is not empty, the right to make it for `lock_s` seconds."""
        lock_ms = max(1, min(int(lock_s * 1000), _LONGEST_LOCK_MS))
        found = self._call(
            budget,
            self._look_script,
            keys=[self._key("key", key), self._key("lock", key)],
            args=[self._key("list", ""), owner, lock_ms],
        )
        if found is None:
            return Looked(away=True)
        if not isinstance(found, list):
            return Looked(ours=found == 1)
        frozen = self._unpacked(found[0])
        if frozen is None:  # of another version: it is made anew, in its place
            return Looked()
        return Looked(frozen=frozen, left_ms=float(found[1]), nbytes=len(found[0]))

    def store(self, frozen: FrozenList, budget: Budget, *, key: str = "", lives_s: float = 0.0, owner: str = "") -> int:
        """Keeps the list for pages, and under `key` for `lives_s` if that is given; ends the owner's right to make it.

        The bytes stored; 0 if Redis did not take them.
        """
        if self._is_full(budget):
            self._counters.count("redis_full")
            if owner:
                self.unlock(key, owner, budget)
            return 0
        data = list_to_bytes(frozen)
        done = self._call(
            budget,
            self._store_script,
            keys=[self._key("list", frozen.id), self._key("key", key), self._key("lock", key)],
            args=[data, self._page_ttl_ms, frozen.id if key and lives_s > 0 else "", int(lives_s * 1000), owner],
        )
        return 0 if done is None else len(data)

    def lock(self, key: str, owner: str, lock_s: float, budget: Budget) -> bool:
        """Whether `owner` alone has the right to make the list of `key` now; also if Redis is away."""
        lock_ms = max(1, min(int(lock_s * 1000), _LONGEST_LOCK_MS))
        taken = self._call(budget, self._redis.set, self._key("lock", key), owner, nx=True, px=lock_ms, none=False)
        return taken is None or bool(taken)

    def unlock(self, key: str, owner: str, budget: Budget) -> None:
        """Ends the right to make the list of `key`, if `owner` still has it."""
        self._call(budget, self._unlock_script, keys=[self._key("lock", key)], args=[owner])

    def list(self, list_id: str, budget: Budget) -> Looked:
        """The list of that id, which is kept for as long again."""
        data = self._call(budget, self._redis.getex, self._key("list", list_id), px=self._page_ttl_ms, none=b"")
        if data is None:
            return Looked(away=True)
        frozen = self._unpacked(data) if data else None
        return Looked() if frozen is None else Looked(frozen=frozen, nbytes=len(data))

    def close(self) -> None:
        """Ends the connections."""
        self._redis.close()

    def _is_full(self, budget: Budget) -> bool:
        """Whether Redis refuses writes before long, of the workers too: then lists take no more of its memory.

        One that evicts by itself (any policy but `noeviction`) is never full. Looked at every few seconds.
        """
        now = time.monotonic()
        if now >= self._look_at_memory:
            self._look_at_memory = now + _MEMORY_KNOWN_FOR_S
            memory = self._call(budget, self._redis.info, "memory")
            if memory is not None:
                limit = memory.get("maxmemory", 0) if memory.get("maxmemory_policy") == "noeviction" else 0
                self._full = limit > 0 and memory["used_memory"] > _FULL_SHARE * limit
        return self._full

    def _key(self, *parts: str) -> str:
        return ":".join((self._prefix, *parts))

    def _unpacked(self, data: bytes) -> FrozenList | None:
        try:
            return list_from_bytes(data)
        except ValueError:
            self._counters.count("redis_unreadable")
            return None

    def _call(self, budget: Budget, command: Any, *args: Any, none: Any = None, **kwargs: Any) -> Any:
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
