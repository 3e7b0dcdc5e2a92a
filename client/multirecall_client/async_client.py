"""AsyncClient: the service from asyncio. `Client` is its twin, and says what the methods do."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from copy import copy
from types import TracebackType
from typing import Self, TypeVar, Unpack

import httpx
from pydantic import SecretStr

from multirecall_client import calls
from multirecall_client.answers import BatchResult, Hit, Product, SearchResult
from multirecall_client.bulk import CHUNK_BYTES, CHUNK_ITEMS, Chunker, deliver
from multirecall_client.changes import BulkReport, BulkStopped, Change, ChangeResult, Delete, Update, Upsert
from multirecall_client.errors import InvalidArgument, MultirecallError
from multirecall_client.events import EventsResult, UbiEvent, UbiQuery
from multirecall_client.explaining import ExplainResult
from multirecall_client.options import Options
from multirecall_client.pools import AsyncPools, Connecting
from multirecall_client.searching import Search, SearchOptions, following
from multirecall_client.sending import Flow, Request, Retrying, send
from multirecall_client.state import DeadLettersResult, GenerationsResult, Health, JobsResult, Readiness
from multirecall_client.suggesting import SuggestResult
from multirecall_client.target import Target
from multirecall_client.wire import Wire

__all__ = ["AsyncClient"]

T = TypeVar("T")
W = TypeVar("W", bound=Wire)


class AsyncClient:
    """A multirecall service. Safe for several threads; a process that forks goes on with connections of its own.

    Connections are opened when first needed. Close it, or use it as a context manager.

    Args:
        base_url: Where the service is, with a path in front if it has one: `https://shop.example/search-api`.
        api_key: Sent with every request; it shows nowhere.
        timeout_s: Time for a read, its retries included, and for each attempt of a write. None: 10 s and 60 s.
        retries: Further attempts where they help and do no harm. None: 2, and 8 for bulk writes.
        headers: Added to every request.
        verify: How the service's certificate is checked; False only for tests.
        transport: Sends the requests instead of httpx's own; it is closed with the client.

    Every method raises ApiError if the service says no, NoAnswer if none came, UnreadableAnswer if it makes no sense.
    """

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:8080",
        *,
        api_key: str | SecretStr | None = None,
        timeout_s: float | None = None,
        retries: int | None = None,
        headers: Mapping[str, str] | None = None,
        verify: bool | ssl.SSLContext = True,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._target = Target.of(base_url, api_key)
        self._options = Options(timeout_s=timeout_s, retries=retries, headers=dict(headers or {}))
        self._pools = AsyncPools(Connecting(target=self._target, verify=verify), transport)
        self._retrying = Retrying()
        self._owns_pools = True

    def options(
        self,
        *,
        timeout_s: float | None = None,
        retries: int | None = None,
        headers: Mapping[str, str] | None = None,
        request_id: str | None = None,
    ) -> Self:
        """A client with other options over the same connections; None leaves one as it is. Costs next to nothing.

        Closing it closes nothing. `request_id` is what the service logs and gives back; else each call makes its own.
        """
        other = copy(self)
        other._options = self._options.but(timeout_s=timeout_s, retries=retries, headers=headers, request_id=request_id)
        other._owns_pools = False
        return other

    async def search(self, query: str | Search = "", /, **options: Unpack[SearchOptions]) -> SearchResult:
        """One page of products. The keywords are the fields of `Search`: filters, facets, sort, offset, size, …"""
        return await self._ask(calls.search(Search.of(query, options)))

    async def iter_pages(
        self, query: str | Search = "", /, **options: Unpack[SearchOptions]
    ) -> AsyncIterator[SearchResult]:
        """All pages of one list, frozen at the first: no product twice and none left out, whatever changes meanwhile.

        Pages are of 100 products unless `size` says otherwise. The list is as deep as the service makes it: 200
        products or, for a `size` above that, 1,000. Raises PageExpired if the service no longer has the list.
        """
        wanted: Search | None = Search.through(query, options)
        while wanted is not None:
            page = await self.search(wanted)
            yield page
            wanted = following(wanted, page)

    async def iter_hits(
        self, query: str | Search = "", /, *, limit: int | None = None, **options: Unpack[SearchOptions]
    ) -> AsyncIterator[Hit]:
        """All hits of one list, page by page (`size` each), `limit` at most; as `iter_pages`."""
        given = 0
        if limit is not None and limit < 1:
            return
        async for page in self.iter_pages(query, **options):
            for hit in page:
                yield hit
                given += 1
                if given == limit:
                    return

    async def batch(self, searches: Sequence[Search | str]) -> BatchResult:
        """Several searches in one request; one that fails has a Problem in its place."""
        return await self._ask(calls.batch(searches))

    async def suggest(self, text: str, *, size: int = 10) -> SuggestResult:
        """Completions of what was typed so far."""
        return await self._ask(calls.suggest(text, size))

    async def product(self, id: str) -> Product:
        """A product as it is stored. Raises NotFound."""
        return await self._ask(calls.product(id))

    async def explain(self, query: str | Search, id: str) -> ExplainResult:
        """What a product's score is made of, on the page or not."""
        return await self._ask(calls.explain(Search.of(query, {}), {"id": id}))

    async def why(self, query: str | Search, a: str, b: str) -> ExplainResult:
        """Why A has another score than B."""
        return await self._ask(calls.explain(Search.of(query, {}), {"a": a, "b": b}))

    async def events(self, *, queries: Sequence[UbiQuery] = (), events: Sequence[UbiEvent] = ()) -> EventsResult:
        """Tells what was shown and done, all or none of it. Sent again only if surely nothing was stored."""
        return await self._ask(calls.events(queries, events))

    async def bulk_upsert(
        self,
        products: Iterable[Mapping[str, object]] | AsyncIterable[Mapping[str, object]],
        *,
        wait: str = "none",
        chunk_items: int = CHUNK_ITEMS,
        chunk_bytes: int = CHUNK_BYTES,
    ) -> BulkReport:
        """Writes whole products, rows as in the catalogue; as `iter_bulk`, summed up."""
        changes = (Upsert(product) async for product in drawn(products))
        return await self._report(changes, wait=wait, chunk_items=chunk_items, chunk_bytes=chunk_bytes)

    async def bulk_update(
        self,
        updates: Iterable[Update] | AsyncIterable[Update],
        *,
        wait: str = "none",
        chunk_items: int = CHUNK_ITEMS,
        chunk_bytes: int = CHUNK_BYTES,
    ) -> BulkReport:
        """Changes prices, stock, popularity; as `iter_bulk`, summed up."""
        return await self._report(updates, wait=wait, chunk_items=chunk_items, chunk_bytes=chunk_bytes)

    async def bulk_delete(
        self,
        ids: Iterable[str] | AsyncIterable[str],
        *,
        wait: str = "none",
        chunk_items: int = CHUNK_ITEMS,
        chunk_bytes: int = CHUNK_BYTES,
    ) -> BulkReport:
        """Deletes products; as `iter_bulk`, summed up."""
        if isinstance(ids, str):
            raise InvalidArgument("ids: one text is no list of ids; its letters would be taken for them.")
        return await self._report(
            (Delete(one) async for one in drawn(ids)), wait=wait, chunk_items=chunk_items, chunk_bytes=chunk_bytes
        )

    async def iter_bulk(
        self,
        changes: Iterable[Change] | AsyncIterable[Change],
        *,
        wait: str = "none",
        chunk_items: int = CHUNK_ITEMS,
        chunk_bytes: int = CHUNK_BYTES,
    ) -> AsyncIterator[ChangeResult]:
        """Sends changes of any kind in their order, in chunks, as they are drawn; gives the result of each, in order.

        What the service fails to take is sent again, up to `retries` times, with growing waits. Nothing happens unless
        the results are drawn.

        Args:
            changes: Upsert, Update and Delete, as many as you like: one chunk is held at a time.
            wait: `applied`: until searches see it, as far as the service's patience goes; `none`: until it is durable.
            chunk_items: Most changes in a request; a service takes 1,000.
            chunk_bytes: Most bytes in a request, about; a service takes 8 MiB.

        Raises BulkStopped if a whole chunk cannot be delivered: what came before it has its result.
        """
        chunks = Chunker(items=chunk_items, bytes=chunk_bytes)
        settled = 0
        try:
            async for change in drawn(changes):
                for chunk in chunks.add(change):
                    results = await self._run(deliver(chunk, self._options, self._retrying, wait=wait))
                    settled += len(results)
                    for result in results:
                        yield result
            for chunk in chunks.rest():
                for result in await self._run(deliver(chunk, self._options, self._retrying, wait=wait)):
                    yield result
        except MultirecallError as reason:
            raise BulkStopped(reason, settled=settled) from reason

    async def generations(self) -> GenerationsResult:
        """The physical indexes: which is live, and where a rollback leads."""
        return await self._ask(calls.generations())

    async def jobs(self, *, size: int = 20) -> JobsResult:
        """The workers' latest jobs. Needs the role admin."""
        return await self._ask(calls.jobs(size))

    async def dead_letters(self, *, offset: int = 0, size: int = 20) -> DeadLettersResult:
        """Products that the workers gave up. Needs the role admin."""
        return await self._ask(calls.dead_letters(offset, size))

    async def health(self) -> Health:
        """Whether the process answers."""
        return await self._ask(calls.health())

    async def ready(self) -> Readiness:
        """Whether searches can be answered; says what is wrong rather than raise. Never retried."""
        return await self._ask(calls.ready())

    async def close(self) -> None:
        """Closes the connections, unless they are those of the client that `options` was called on."""
        if self._owns_pools:
            await self._pools.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._target.base_url!r}, options={self._options!r})"

    async def _ask(self, call: calls.Call[W]) -> W:
        return await self._run(send(call, self._options, self._retrying))

    async def _report(
        self, changes: Iterable[Change] | AsyncIterable[Change], *, wait: str, chunk_items: int, chunk_bytes: int
    ) -> BulkReport:
        report = BulkReport()
        try:
            async for result in self.iter_bulk(changes, wait=wait, chunk_items=chunk_items, chunk_bytes=chunk_bytes):
                report.add(result)
        except BulkStopped as stopped:
            stopped.report = report
            raise
        return report

    async def _run(self, flow: Flow[T]) -> T:
        """Does what the flow wants until it has its result."""
        try:
            step = next(flow)
            while True:
                if isinstance(step, Request):
                    step = flow.send(await self._pools.send(step))
                else:
                    await asyncio.sleep(step.seconds)
                    step = next(flow)
        except StopIteration as done:
            result: T = done.value
            return result


async def drawn(source: Iterable[T] | AsyncIterable[T]) -> AsyncIterator[T]:
    """What either kind of source gives."""
    if isinstance(source, AsyncIterable):
        async for item in source:
            yield item
    else:
        for item in source:
            yield item
