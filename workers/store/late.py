"""Late updates: changes of single fields that reached an index before its product did."""

from __future__ import annotations

from collections.abc import Sequence

from multirecall.indexer.items import Item, from_json, to_json
from multirecall.workers.store.connection import Connection
from multirecall.workers.store.packing import packed, unpacked

__all__ = ["LateUpdates"]


class LateUpdates:
    """Updates by the index that is being built, which lacked their product while the live one had it.

    The product may be on its way, in a batch that was read before the update: whoever drives the build applies them
    once all batches are in. Of a build that is over (and may be resumed) they are bounded by whoever adds them
    (`Targets.pass_by`). Raises StoreUnavailable.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, index: str, items: Sequence[Item]) -> None:
        """Keeps updates; the same one twice does no harm, they have versions."""
        with self._connection.client() as client:
            client.rpush(self._key(index), *(packed(body) for body in to_json(items)))

    def size(self, index: str) -> int:
        """How many there are."""
        with self._connection.client() as client:
            return int(client.llen(self._key(index)))

    def first(self, index: str, size: int = 500) -> list[Item]:
        """The first of them; they stay until they are dropped."""
        with self._connection.client() as client:
            return from_json(unpacked(body) for body in client.lrange(self._key(index), 0, size - 1))

    def drop(self, index: str, size: int | None = None) -> None:
        """Forgets the first `size` of them, or all; there may be fewer, or none."""
        with self._connection.client() as client:
            if size is None:
                client.delete(self._key(index))
            else:
                client.ltrim(self._key(index), size, -1)

    def _key(self, index: str) -> str:
        return self._connection.key("late", index)
