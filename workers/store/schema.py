"""The schema of the live index as it was last seen, so that changes can be taken while the engine is away."""

from __future__ import annotations

import orjson

from multirecall.engines.schema import Schema
from multirecall.workers.store.connection import Connection

__all__ = ["SeenSchema"]


class SeenSchema:
    """The last one that was put. Raises StoreUnavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._key = connection.key("schema")

    def put(self, schema: Schema) -> None:
        """Keeps it in the place of the last one."""
        with self._connection.client() as client:
            client.set(self._key, orjson.dumps(schema.to_dict(), option=orjson.OPT_NON_STR_KEYS))

    def get(self) -> Schema | None:
        """The last one; None if there never was one."""
        with self._connection.client() as client:
            body = client.get(self._key)
        return None if body is None else Schema.from_dict(orjson.loads(body))
