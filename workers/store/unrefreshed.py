"""Unrefreshed: which indexes hold writes that no search sees yet, so that some worker makes them visible soon."""

from __future__ import annotations

import secrets

from multirecall.workers.store.connection import Connection

__all__ = ["Unrefreshed"]

_REMOVE_IF_SAME = """
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then redis.call('HDEL', KEYS[1], ARGV[1]) end
return 1
"""


class Unrefreshed:
    """Marks by index. A mark made while a refresh runs stays. Raises StoreUnavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._key = connection.key("unrefreshed")

    def mark(self, *indexes: str) -> None:
        """Writes go to these indexes now: they need a refresh afterwards."""
        if indexes:
            with self._connection.client() as client:
                client.hset(self._key, mapping={index: secrets.token_hex(8) for index in indexes})

    def marks(self) -> dict[str, str]:
        """Index to mark."""
        with self._connection.client() as client:
            return {index.decode(): mark.decode() for index, mark in client.hgetall(self._key).items()}

    def refreshed(self, index: str, mark: str) -> None:
        """A refresh that began after `mark` was read has ended."""
        self._connection.run(_REMOVE_IF_SAME, [self._key], [index, mark])
