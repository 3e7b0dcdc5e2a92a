"""The indexes of one name on a server: made, listed, swapped, dropped; and their schemas, remembered for a moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from multirecall.core.errors import EngineUnavailable, InvalidInput, NotFound
from multirecall.engines.base import IndexInfo
from multirecall.engines.schema import Schema
from multirecall.engines.servers.dialect import Dialect
from multirecall.engines.servers.errors import failure_type, raise_for
from multirecall.engines.servers.mapping import index_body, live_settings, stored_schema
from multirecall.engines.servers.names import index_number, physical_index, write_alias
from multirecall.engines.servers.tombstones import NO_TOMBSTONES, TOMBSTONE_FIELDS
from multirecall.engines.servers.transport import Transport, dumps, json_lines

__all__ = ["Catalog", "OpenIndex"]

_KNOWN_FOR_S = 5.0
_DOUBTED_FOR_S = 1.0
_CREATE_TRIES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIndex:
    """`asked` is what requests are sent to (the alias, or the physical index), `index` what that led to.

    `has_tombstones` says that the mapping has their fields; indexes made before there were any lack them.
    """

    asked: str
    index: str
    schema: Schema
    has_tombstones: bool


class Catalog:
    """All physical indexes under one alias name. Safe for several threads and several processes."""

    def __init__(
        self,
        transport: Transport,
        name: str,
        dialect: Dialect,
        *,
        shards: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._name = name
        self._dialect = dialect
        self._shards = shards
        self._clock = clock
        self._lock = Lock()
        self._known: dict[str | None, tuple[float, OpenIndex]] = {}

    def opened(self, index: str | None, *, timeout_s: float | None = None) -> OpenIndex:
        """The live or the named index with its schema; asked of the server every few seconds only. Raises NotFound.

        If the server does not answer within `timeout_s` (None: the transport's own limit), what was known before is
        taken for right a little longer: whoever asks is about to ask the server for more, and will find out.
        """
        with self._lock:
            known = self._known.get(index)
        if known is not None and self._clock() < known[0]:
            return known[1]
        try:
            found = next(iter(self._described(index, timeout_s=timeout_s).items()))
        except EngineUnavailable:
            if known is None:
                raise
            with self._lock:
                self._known[index] = (self._clock() + _DOUBTED_FOR_S, known[1])
            return known[1]
        opened = OpenIndex(
            asked=index or self._name,
            index=found[0],
            schema=_schema(*found),
            has_tombstones=_TOMBSTONE_MARK in found[1]["mappings"].get("properties", {}),
        )
        with self._lock:
            self._known[index] = (self._clock() + _KNOWN_FOR_S, opened)
        return opened

    def writable(self, index: str | None) -> OpenIndex:
        """As `opened`, after the fields of tombstones were added to an index that was made without them."""
        opened = self.opened(index)
        if not opened.has_tombstones:
            mapping = {"properties": dict(TOMBSTONE_FIELDS)}
            self._transport.send("PUT", f"/{opened.index}/_mapping", body=mapping, index=opened.index)
            self.forget()
        return opened

    def forget(self) -> None:
        """Asks the server anew next time: an answer came from another index than expected."""
        with self._lock:
            self._known.clear()

    def create(self, schema: Schema) -> str:
        """See `Engine.create`. Two processes that create at once get two numbers."""
        body = index_body(schema, self._dialect, shards=self._shards)
        try:
            dumps(body)
        except TypeError as unwritable:
            raise InvalidInput(f"The schema's metadata is no JSON: {unwritable}.", field="metadata") from None
        for _ in range(_CREATE_TRIES):
            numbers = [index_number(self._name, index) or 0 for index in self._all(filter_path="*.aliases")]
            index = physical_index(self._name, max(numbers, default=0) + 1)
            answer = self._transport.exchange("PUT", f"/{index}", body=body | {"aliases": {write_alias(index): {}}})
            error = answer.body.get("error") if isinstance(answer.body, Mapping) else None
            if failure_type(error) != "resource_already_exists_exception":
                break
        raise_for(answer.status, answer.body, url=self._transport.url, index=index)
        self.forget()
        return index

    def indexes(self) -> list[IndexInfo]:
        """See `Engine.indexes`."""
        return self._infos(self._all())

    def info(self, index: str | None) -> IndexInfo:
        """See `Engine.info`; always asked of the server."""
        return self._infos(self._described(index))[0]

    def swap(self, index: str) -> str | None:
        """See `Engine.swap`: one `_aliases` request, which the cluster applies as a whole or not at all."""
        self._described(index)
        self._transport.send("PUT", f"/{index}/_settings", body=live_settings(), index=index)
        before = self._live()
        actions: list[dict[str, Any]] = [
            {"remove": {"index": old, "alias": self._name}} for old in before if old != index
        ]
        actions.append({"add": {"index": index, "alias": self._name}})
        self._transport.send("POST", "/_aliases", body={"actions": actions}, index=index)
        self.forget()
        return before[0] if before else None

    def drop(self, index: str) -> None:
        """See `Engine.drop`."""
        self._described(index)
        if index in self._live():
            raise InvalidInput(
                f"Index {index!r} is live.", hint="Swap the alias to another index first.", field="index"
            )
        self._transport.send("DELETE", f"/{index}", index=index)
        self.forget()

    def _described(self, index: str | None, *, timeout_s: float | None = None) -> dict[str, Any]:
        """The server's description of one index, under its physical name. Raises NotFound."""
        url = self._transport.url
        if index is not None and index_number(self._name, index) is None:
            raise NotFound(f"{url} has no index {index!r} under the name {self._name!r}.", engine=url, index=index)
        answer = self._transport.exchange(
            "GET", f"/{index or self._name}", params={"filter_path": _DESCRIBED}, timeout_s=timeout_s
        )
        if answer.status == 404 and index is None:
            raise NotFound(
                f"{url} has no live index {self._name!r}.",
                hint="Index a catalogue first, or check the name in the engine URL.",
                engine=url,
                index=self._name,
            )
        raise_for(answer.status, answer.body, url=url, index=index or self._name)
        found: dict[str, Any] = answer.body
        if index is None and self._name in found:
            raise InvalidInput(
                f"{url}: {self._name!r} is an index there, not an alias.",
                hint="Choose another name in the engine URL.",
                field="engine",
            )
        return found

    def _all(self, filter_path: str = "") -> dict[str, Any]:
        found = self._transport.send("GET", f"/{self._name}-*", params={"filter_path": filter_path or _DESCRIBED})
        numbered = {index: index_number(self._name, index) for index in found}
        ours = sorted((number, index) for index, number in numbered.items() if number is not None)
        return {index: found[index] for _, index in ours}

    def _live(self) -> list[str]:
        answer = self._transport.exchange("GET", f"/_alias/{self._name}")
        return [] if answer.status == 404 else sorted(answer.body)

    def _infos(self, described: Mapping[str, Any]) -> list[IndexInfo]:
        if not described:
            return []
        path = "/" + ",".join(described) + "/_stats/store"
        params = {"filter_path": "indices.*.primaries.store.size_in_bytes"}
        stats = self._transport.send("GET", path, params=params).get("indices", {})
        counts = self._counts(list(described))
        return [
            IndexInfo(
                name=index,
                schema=_schema(index, about),
                count=counts[index],
                live=self._name in about.get("aliases", {}),
                bytes=stats.get(index, {}).get("primaries", {}).get("store", {}).get("size_in_bytes", 0),
            )
            for index, about in described.items()
        ]

    def _counts(self, indexes: list[str]) -> dict[str, int]:
        """Products per index, in one request; 0 for one whose shards do not answer, or that was dropped just now."""
        body = {"size": 0, "track_total_hits": True, "query": NO_TOMBSTONES}
        answer = self._transport.send(
            "POST",
            "/_msearch",
            body=json_lines([line for index in indexes for line in ({"index": index}, body)]),
            params={"filter_path": "responses.hits.total.value,responses.status"},
        )
        responses = answer["responses"]
        return {
            index: response.get("hits", {}).get("total", {}).get("value", 0)
            for index, response in zip(indexes, responses, strict=True)
        }


_TOMBSTONE_MARK = "deleted_at"
_DESCRIBED = f"*.aliases,*.mappings._meta,*.mappings.properties.{_TOMBSTONE_MARK}"


def _schema(index: str, about: Mapping[str, Any]) -> Schema:
    return stored_schema(index, about.get("mappings", {}).get("_meta"))
