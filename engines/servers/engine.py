"""ServerEngine: the Engine contract over a search server; the servers' own words come from a Dialect."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

from multirecall.core.deadline import Deadline
from multirecall.core.errors import EngineUnavailable, InvalidSettings
from multirecall.core.filters import Filter
from multirecall.engines.base import (
    Capabilities,
    Deleted,
    EngineRequest,
    EngineResult,
    IndexInfo,
    Write,
    WriteResult,
)
from multirecall.engines.checks import check_filter, prune_limit
from multirecall.engines.credentials import Credentials, TlsSettings
from multirecall.engines.fields import STORED_FIELDS
from multirecall.engines.schema import Schema
from multirecall.engines.servers.bulk import BulkLimits, BulkWriter
from multirecall.engines.servers.catalog import Catalog, OpenIndex
from multirecall.engines.servers.dialect import Dialect
from multirecall.engines.servers.errors import failure, fatal
from multirecall.engines.servers.filters import filter_query
from multirecall.engines.servers.hedging import HedgedReads
from multirecall.engines.servers.names import check_name, document_id, write_alias
from multirecall.engines.servers.paging import pages
from multirecall.engines.servers.pruning import prune, tombstones
from multirecall.engines.servers.records import record, source_paths
from multirecall.engines.servers.results import late, search_filter_path, search_result
from multirecall.engines.servers.search_body import search_body
from multirecall.engines.servers.tombstones import NO_TOMBSTONES, deleted, only_products
from multirecall.engines.servers.transport import RequestTimedOut, Transport, json_lines

__all__ = ["ServerEngine"]

_log = logging.getLogger("multirecall.engines")

_GRACE_S = 0.05
"""How much earlier than the client the server stops, so that what it has found by then still arrives in time."""

_FETCH_AT_ONCE = 1_000
_SCAN_AT_ONCE = 1_000
_SCAN_VECTORS_AT_ONCE = 200


class ServerEngine:
    """Products on a search server, each physical index one server index, the name an alias.

    Writes become visible with `refresh` and not before; `fetch` sees what searches see. `scan` pages by id: it
    holds nothing open on the server, and a product written while it runs may or may not be among the records.
    """

    dialect: ClassVar[Dialect]

    def __init__(
        self,
        transport: Transport,
        name: str,
        *,
        second: Transport | None = None,
        shards: int = 1,
        limits: BulkLimits | None = None,
    ) -> None:
        self._transport, self._second = transport, second
        self._hedged = None if second is None else HedgedReads(transport, second)
        self._reads = self._hedged or transport
        self._name = check_name(name)
        self._catalog = Catalog(transport, name, self.dialect, shards=shards)
        self._bulk = BulkWriter(transport, self.dialect, limits or BulkLimits())

    @classmethod
    def open(
        cls,
        host_url: str,
        name: str,
        *,
        second_url: str = "",
        credentials: Credentials | None = None,
        tls: TlsSettings | None = None,
        timeout_s: float = 10.0,
        shards: int = 1,
        limits: BulkLimits | None = None,
    ) -> Self:
        """The engine at `host_url` (`http://127.0.0.1:9200`), after one request that makes sure of the server.

        `second_url`: another node of the same cluster, which late reads are asked of too (`hedging.py`).

        Raises EngineUnavailable, EngineAuthError, and InvalidSettings for another product at that address, an
        untrusted certificate, a second node of another cluster, or a name that cannot be an alias.
        """
        check_name(name)
        how: dict[str, Any] = {
            "scheme": cls.dialect.scheme, "credentials": credentials, "tls": tls, "timeout_s": timeout_s
        }  # fmt: skip
        transport = Transport(host_url, **how)
        second = None
        try:
            cluster = _checked_cluster(transport, cls.dialect)
            if second_url:
                second = Transport(second_url, **how)
                _check_same(second, cls.dialect, cluster)
        except BaseException:
            for opened in (transport, second):
                if opened is not None:
                    opened.close()
            raise
        return cls(transport, name, second=second, shards=shards, limits=limits)

    @property
    def hedges(self) -> Mapping[str, int]:
        """Late reads that were asked of the second node too (`HedgedReads.counts`); empty without one."""
        return {} if self._hedged is None else self._hedged.counts

    @property
    def url(self) -> str:
        return f"{self._transport.url}/{self._name}"

    @property
    def name(self) -> str:
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(name=self.dialect.scheme, vector_indexes=self.dialect.vector_indexes)

    def create(self, schema: Schema) -> str:
        return self._catalog.create(schema)

    def write(self, writes: Iterable[Write], *, index: str | None = None) -> Iterator[WriteResult]:
        opened = self._catalog.writable(index)
        return self._bulk.write(writes, self._name if index is None else write_alias(index), opened.schema)

    def deleted(self, *, index: str | None = None) -> Iterator[Deleted]:
        opened = self._catalog.opened(index)
        return (deleted(hit["_source"]) for hit in tombstones(self._transport, opened.index))

    def prune_deleted(self, older_than_s: float, *, index: str | None = None) -> int:
        made_by = prune_limit(older_than_s)
        opened = self._catalog.opened(index)
        return prune(self._transport, opened.index, write_alias(opened.index), made_by)

    def refresh(self, *, index: str | None = None) -> None:
        opened = self._catalog.opened(index)
        self._transport.send("POST", f"/{opened.asked}/_refresh", index=opened.asked)

    def search_many(
        self, requests: Sequence[EngineRequest], deadline: Deadline, *, index: str | None = None
    ) -> list[EngineResult]:
        if not requests:
            return []
        results, moved = self._searched(requests, deadline, self._opened_for(deadline, index))
        if moved:  # the alias was swapped under us: the schema we compiled the requests by may be the old one
            self._catalog.forget()
            results, _ = self._searched(requests, deadline, self._opened_for(deadline, index))
        return results

    def _opened_for(self, deadline: Deadline, index: str | None) -> OpenIndex:
        """The index, asked for in at most half of the time that is left."""
        remaining_s = deadline.remaining_s()
        return self._catalog.opened(index, timeout_s=None if math.isinf(remaining_s) else max(0.001, remaining_s / 2))

    def _searched(
        self, requests: Sequence[EngineRequest], deadline: Deadline, opened: OpenIndex
    ) -> tuple[list[EngineResult], bool]:
        """The results, and whether a hit came from another index than `opened`."""
        remaining_s = deadline.remaining_s()
        limited = not math.isinf(remaining_s)
        timeout_ms = max(1, math.floor(max(remaining_s - _GRACE_S, remaining_s / 2) * 1000)) if limited else None
        lines = []
        for request in requests:
            lines += [{}, search_body(request, opened.schema, self.dialect, timeout_ms)]
        if deadline.expired:
            return [late("The time budget was spent before the search.") for _ in requests], False
        try:
            answer = self._reads.send(
                "POST",
                f"/{opened.asked}/_msearch",
                body=json_lines(lines),
                params={"filter_path": search_filter_path},
                timeout_s=remaining_s if limited else None,
                index=opened.asked,
            )
        except RequestTimedOut as error:
            return [late(error.message) for _ in requests], False
        responses = answer["responses"]
        for response in responses:
            if fatal(response["status"], response.get("error")):
                self._catalog.forget()
                raise failure(response["status"], response["error"], url=self._transport.url, index=opened.asked)
        moved = any(
            hit["_index"] != opened.index
            for response in responses
            for hit in response.get("hits", {}).get("hits", ())[:1]
        )
        pairs = zip(requests, responses, strict=True)
        return [search_result(request, response, opened.schema) for request, response in pairs], moved

    def fetch(
        self,
        ids: Sequence[str],
        fields: Sequence[str] | None = None,
        *,
        index: str | None = None,
        timeout_s: float | None = None,
    ) -> list[Mapping[str, Any] | None]:
        deadline = Deadline.never() if timeout_s is None else Deadline.after(timeout_s)
        opened = self._opened_for(deadline, index)
        names = STORED_FIELDS if fields is None else tuple(fields)
        params = {
            "_source_includes": ",".join(source_paths(names)),
            "realtime": "false",
            "filter_path": "docs._source,docs.error",
            **self.dialect.source_params(with_vectors=any(name.startswith("vectors.") for name in names)),
        }
        found: dict[str, dict[str, Any]] = {}
        wanted = [document_id(one) for one in dict.fromkeys(ids) if _can_be_an_id(one)]
        for start in range(0, len(wanted), _FETCH_AT_ONCE):
            body = {"ids": wanted[start : start + _FETCH_AT_ONCE]}
            answer = self._reads.send(
                "POST",
                f"/{opened.asked}/_mget",
                body=body,
                params=params,
                timeout_s=None if timeout_s is None else max(0.001, deadline.remaining_s()),
                index=opened.asked,
            )
            for held in answer.get("docs", ()):  # left out of the answer if none is found
                if "error" in held:
                    raise failure(404, held["error"], url=self._transport.url, index=opened.asked)
                if "id" in held.get("_source", {}):  # a tombstone has none
                    found[held["_source"]["id"]] = record(held["_source"], names)
        return [*map(found.get, ids)]

    def scan(self, fields: Sequence[str], *, index: str | None = None) -> Iterator[Mapping[str, Any]]:
        opened = self._catalog.opened(index)
        return self._scanned(("id", *fields), opened.index)

    def _scanned(self, fields: tuple[str, ...], index: str) -> Iterator[Mapping[str, Any]]:
        """Pages of the physical index in id order: a swap in between changes nothing."""
        with_vectors = any(name.startswith("vectors.") for name in fields)
        params = {
            "_source_includes": ",".join(source_paths(fields)),
            **self.dialect.source_params(with_vectors=with_vectors),
        }
        body = {
            "size": _SCAN_VECTORS_AT_ONCE if with_vectors else _SCAN_AT_ONCE,
            "query": NO_TOMBSTONES,
            "sort": [{"id": "asc"}],
        }
        for hit in pages(self._transport, index, body, params):
            yield record(hit["_source"], fields)

    def count(self, filter: Filter | None = None, *, index: str | None = None) -> int:
        opened = self._catalog.opened(index)
        passing = None
        if filter is not None:
            check_filter(filter, opened.schema)
            passing = filter_query(filter, opened.schema)
        body = {"query": {"constant_score": {"filter": only_products(passing)}}}
        answer = self._transport.send("POST", f"/{opened.asked}/_count", body=body, index=opened.asked)
        return int(answer["count"])

    def indexes(self) -> list[IndexInfo]:
        return self._catalog.indexes()

    def info(self, *, index: str | None = None) -> IndexInfo:
        return self._catalog.info(index)

    def swap(self, index: str) -> str | None:
        return self._catalog.swap(index)

    def drop(self, index: str) -> None:
        self._catalog.drop(index)

    def close(self) -> None:
        if self._hedged is not None:
            self._hedged.close()
        if self._second is not None:
            self._second.close()
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _can_be_an_id(id: str) -> bool:
    try:
        return bool(id.encode())
    except UnicodeEncodeError:  # a lone surrogate: no product can have it
        return False


def _check_same(second: Transport, dialect: Dialect, cluster: str) -> None:
    """Raises InvalidSettings for a node of another cluster; one that is away just now may come back."""
    try:
        found = _checked_cluster(second, dialect)
    except EngineUnavailable as error:
        _log.warning("the second node does not answer: %s", error.message)
        return
    if found != cluster:
        raise InvalidSettings(
            f"{second.url} is a node of another cluster.",
            hint="Set MULTIRECALL_ENGINE_SECOND_URL to another node of the engine's cluster, or leave it empty.",
            field="engine_second_url",
        )


def _checked_cluster(transport: Transport, dialect: Dialect) -> str:
    """The cluster's id. Raises InvalidSettings if another product answers: they look alike until the first vector."""
    answer = transport.exchange("GET", "/")
    body = answer.body if isinstance(answer.body, dict) else {}
    if answer.status in (401, 403) or answer.status >= 500:
        raise failure(answer.status, body.get("error"), url=transport.url)
    version = body.get("version")
    distribution = version.get("distribution", "") if isinstance(version, dict) else ""
    if answer.headers.get("x-elastic-product") == "Elasticsearch":
        found = "Elasticsearch"
    elif distribution == "opensearch":
        found = "OpenSearch"
    else:
        found = f"no search server (status {answer.status})"
    if found != dialect.product:
        address = transport.url.partition("+")[2]
        hint = (
            f"Write {found.lower()}+{address}/NAME."
            if found in ("Elasticsearch", "OpenSearch")
            else "Check the address and port of the engine URL."
        )
        raise InvalidSettings(f"At {address} answers {found}, not {dialect.product}.", hint=hint, field="engine")
    return str(body.get("cluster_uuid", ""))
