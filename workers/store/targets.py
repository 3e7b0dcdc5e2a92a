"""Targets: the indexes, besides the live one, that every change must reach too."""

from __future__ import annotations

from typing import Any

import orjson

from multirecall.workers.store.connection import Connection

__all__ = ["Targets", "Trouble"]


_GIVE_UP = """
-- KEYS job targets late   ARGV index   -> 1 unless the job goes on
local state = redis.call('HGET', KEYS[1], 'state')
if state == 'queued' or state == 'running' then return 0 end
if state then redis.call('HSET', KEYS[1], 'passed_by', 1) end
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[3])
return 1
"""


class Targets:
    """Physical indexes by why they are kept current: `building` (by a job), or `standby` (it served before, and a
    rollback must not bring old products back). Raises StoreUnavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._key = connection.key("targets")

    def all(self) -> dict[str, str]:
        """Index to reason."""
        with self._connection.client() as client:
            return {name.decode(): why.decode() for name, why in client.hgetall(self._key).items()}

    def add(self, index: str, why: str) -> None:
        """From now on changes go there as well. Whoever is applying one looks again afterwards."""
        with self._connection.client() as client:
            client.hset(self._key, index, why)

    def remove(self, *indexes: str) -> None:
        """Changes need not go there any more."""
        if indexes:
            with self._connection.client() as client:
                client.hdel(self._key, *indexes)

    def pass_by(self, index: str, job: str) -> bool:
        """Gives an index up whose job is over: changes need not go there any more, its late updates are forgotten, and
        the job cannot be resumed. False, and nothing of it, if the job goes on."""
        key = self._connection.key
        return bool(self._connection.run(_GIVE_UP, [key("job", job), self._key, key("late", index)], [index]))


class Trouble:
    """What keeps the engine from taking writes just now, for all to see. Raises StoreUnavailable.

    It is told again with each try; told no more for `forget_after_s` it is over, for then nobody waits for its end.
    """

    def __init__(self, connection: Connection, *, forget_after_s: float = 120.0) -> None:
        self._connection = connection
        self._forget_after_s = forget_after_s
        self._key = connection.key("trouble")

    def tell(self, error: dict[str, Any]) -> None:
        """Notes an error; its beginning stays that of the first one."""
        now = self._connection.time_s()
        with self._connection.client() as client, client.pipeline(transaction=True) as pipe:
            pipe.hsetnx(self._key, "since", now)
            pipe.hset(self._key, mapping={"at": now, "error": orjson.dumps(error)})
            pipe.pexpire(self._key, int(self._forget_after_s * 1000))
            pipe.execute()

    def over(self) -> None:
        """The engine takes writes again."""
        with self._connection.client() as client:
            client.delete(self._key)

    def now(self) -> dict[str, Any] | None:
        """`since`, `at` (seconds since 1970) and `error`; None if all is well."""
        with self._connection.client() as client:
            values = client.hgetall(self._key)
        if b"error" not in values:
            return None
        return {
            "since": float(values[b"since"]), "at": float(values[b"at"]), "error": orjson.loads(values[b"error"])
        }  # fmt: skip
