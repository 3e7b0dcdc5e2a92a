"""Dead letters: what will not go in, kept with the reason until somebody looks at it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from multirecall.core.errors import NotFound
from multirecall.indexer.items import Item, from_json, to_json
from multirecall.workers.store.connection import Connection
from multirecall.workers.store.packing import packed, unpacked

__all__ = ["DeadLetter", "DeadLetters", "letter_id", "packed_letter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """An item given up: the document itself, why, after how many tries, in which job and index, and when (seconds
    since 1970; 0: not stored yet)."""

    id: str
    item: Item
    error: str
    tries: int
    job: str
    index: str
    died_at: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "id": self.id, "product": self.item.id, "error": self.error, "tries": self.tries, "job": self.job,
            "index": self.index, "died_at": self.died_at, "item": to_json([self.item])[0],
        }  # fmt: skip


def letter_id(item: Item, job: str) -> str:
    """12 hex digits: the same item of the same job is one letter, however often it dies."""
    body = {name: value for name, value in to_json([item])[0].items() if name != "tries"}
    return hashlib.sha256(job.encode() + json.dumps(body, sort_keys=True).encode()).hexdigest()[:12]


def packed_letter(letter: DeadLetter) -> bytes:
    """As it lies in Redis."""
    return packed(letter.to_dict())


class DeadLetters:
    """The dead letters of one deployment, oldest first. Raises StoreUnavailable, NotFound."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._bodies, self._order = connection.key("dead"), connection.key("dead-order")

    def __len__(self) -> int:
        with self._connection.client() as client:
            return int(client.zcard(self._order))

    def page(self, *, offset: int = 0, size: int = 50) -> list[DeadLetter]:
        """A page of them."""
        with self._connection.client() as client:
            found = client.zrange(self._order, offset, offset + size - 1, withscores=True)
            bodies = client.hmget(self._bodies, [one for one, _ in found]) if found else []
        pairs = zip(bodies, found, strict=True)
        return [_letter(body, died_at) for body, (_, died_at) in pairs if body is not None]

    def all(self) -> Iterator[DeadLetter]:
        """All of them, in bounded memory. Those that come or go meanwhile may or may not be among them."""
        offset = 0
        while page := self.page(offset=offset, size=500):
            yield from page
            offset += len(page)

    def get(self, id: str) -> DeadLetter:
        """One of them. Raises NotFound."""
        with self._connection.client() as client:
            body, died_at = client.hget(self._bodies, id), client.zscore(self._order, id)
        if body is None:
            raise NotFound(f"There is no dead letter {id!r}.", hint="`multirecall deadletters list` shows all.", id=id)
        return _letter(body, died_at or 0.0)

    def drop(self, ids: Sequence[str]) -> int:
        """Forgets some; returns how many there were."""
        if not ids:
            return 0
        with self._connection.client() as client, client.pipeline(transaction=True) as pipe:
            pipe.zrem(self._order, *ids)
            pipe.hdel(self._bodies, *ids)
            return int(pipe.execute()[0])


def _letter(body: bytes, died_at: float) -> DeadLetter:
    values = unpacked(body)
    return DeadLetter(
        id=values["id"],
        item=from_json([values["item"]])[0],
        error=values["error"],
        tries=values["tries"],
        job=values["job"],
        index=values["index"],
        died_at=died_at,
    )
