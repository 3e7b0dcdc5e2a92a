"""SharedLists: frozen lists in Redis, for all processes. Redis is a help, never a need: each call may fail quickly."""

from __future__ import annotations

from dataclasses import dataclass

from multirecall.search.breaker import Breaker
from multirecall.search.frozen import FrozenList
from multirecall.search.serving.counters import Counters
from multirecall.search.serving.frozen_json import list_from_bytes, list_to_bytes
from multirecall.search.serving.quick_redis import Budget, QuickRedis

__all__ = ["Looked", "SharedLists"]

_LONGEST_LOCK_MS = 30_000

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
        self._redis = QuickRedis(url, counters=counters, breaker=breaker, timeout_s=timeout_s)
        self._prefix = prefix
        self._page_ttl_ms = int(page_ttl_s * 1000)
        self._counters = counters
        client = self._redis.client
        self._look_script = client.register_script(_LOOK)
        self._store_script = client.register_script(_STORE)
        self._unlock_script = client.register_script(_UNLOCK)

    @property
    def breaker(self) -> Breaker:
        return self._redis.breaker

    def look(self, key: str, owner: str, lock_s: float, budget: Budget) -> Looked:
        """The list of a cache key; else, if `owner` is not empty, the right to make it for `lock_s` seconds."""
        lock_ms = max(1, min(int(lock_s * 1000), _LONGEST_LOCK_MS))
        found = self._redis.call(
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
        if self._redis.is_full(budget):
            self._counters.count("redis_full")
            if owner:
                self.unlock(key, owner, budget)
            return 0
        data = list_to_bytes(frozen)
        done = self._redis.call(
            budget,
            self._store_script,
            keys=[self._key("list", frozen.id), self._key("key", key), self._key("lock", key)],
            args=[data, self._page_ttl_ms, frozen.id if key and lives_s > 0 else "", int(lives_s * 1000), owner],
        )
        return 0 if done is None else len(data)

    def lock(self, key: str, owner: str, lock_s: float, budget: Budget) -> bool:
        """Whether `owner` alone has the right to make the list of `key` now; also if Redis is away."""
        lock_ms = max(1, min(int(lock_s * 1000), _LONGEST_LOCK_MS))
        taken = self._redis.call(
            budget, self._redis.client.set, self._key("lock", key), owner, nx=True, px=lock_ms, none=False
        )
        return taken is None or bool(taken)

    def unlock(self, key: str, owner: str, budget: Budget) -> None:
        """Ends the right to make the list of `key`, if `owner` still has it."""
        self._redis.call(budget, self._unlock_script, keys=[self._key("lock", key)], args=[owner])

    def list(self, list_id: str, budget: Budget) -> Looked:
        """The list of that id, which is kept for as long again."""
        data = self._redis.call(
            budget, self._redis.client.getex, self._key("list", list_id), px=self._page_ttl_ms, none=b""
        )
        if data is None:
            return Looked(away=True)
        frozen = self._unpacked(data) if data else None
        return Looked() if frozen is None else Looked(frozen=frozen, nbytes=len(data))

    def close(self) -> None:
        """Ends the connections."""
        self._redis.close()

    def _key(self, *parts: str) -> str:
        return ":".join((self._prefix, *parts))

    def _unpacked(self, data: bytes) -> FrozenList | None:
        try:
            return list_from_bytes(data)
        except ValueError:
            self._counters.count("redis_unreadable")
            return None
