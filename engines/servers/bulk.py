"""The bulk loop over both servers: bounded, ordered, and only what failed is sent again.

The clients' own helpers differ (one retries 429 only, the other not at all by default, and neither keeps the order
of one id's writes when requests run side by side), so this is the one loop for both.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from multirecall.core.errors import EngineAuthError, EngineError, StorageFull
from multirecall.engines.base import Write, WriteResult, WriteStatus
from multirecall.engines.schema import Schema
from multirecall.engines.servers.dialect import Dialect
from multirecall.engines.servers.errors import failure, fatal, retryable
from multirecall.engines.servers.names import document_id
from multirecall.engines.servers.tombstones import STATE_FIELDS, kept_values, state
from multirecall.engines.servers.transport import Transport
from multirecall.engines.servers.writes import Found, PreparedWrite, Retry, outcome, prepared
from multirecall.engines.versions import Leave, decide

__all__ = ["BulkLimits", "BulkWriter"]

_ANSWER = "items.*.status,items.*.result,items.*.error,items.*.get._source"
_TOO_LARGE, _UNREADABLE = 413, 400


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkLimits:
    """Bounds of the loop. Memory: at most `max_in_flight + 1` chunks, each of `max_chunk_bytes` (or one product).

    Back-off before try n: up to `backoff_s * 2^(n-2)`, never above `max_backoff_s`, with full jitter down to half.
    """

    max_chunk_count: int = 500
    max_chunk_bytes: int = 8 * 1024 * 1024
    max_in_flight: int = 4
    max_tries: int = 6
    backoff_s: float = 0.25
    max_backoff_s: float = 8.0
    timeout_s: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chunk:
    """Writes of different ids in input order; those rejected already stand at their places."""

    entries: Sequence[PreparedWrite | WriteResult]
    ids: frozenset[str]


class BulkWriter:
    """Sends writes to one server. Safe for several threads.

    `pause` waits between tries (tests give one that does not); by default the wait ends early when the caller
    stops reading.
    """

    def __init__(
        self,
        transport: Transport,
        dialect: Dialect,
        limits: BulkLimits,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self._transport = transport
        self._dialect = dialect
        self._limits = limits
        self._pause = pause

    def write(self, writes: Iterable[Write], alias: str, schema: Schema) -> Iterator[WriteResult]:
        """One result per write, in their order. `alias` must be an alias: see `names.write_alias`.

        Raises NotFound if the index is gone, StorageFull, EngineAuthError, and EngineUnavailable or EngineBusy once
        the tries are used up; writes whose results were not yielded by then may or may not have been applied.
        """
        stopped = threading.Event()
        chunks = self._chunks(writes, schema)
        first, second = next(chunks, None), next(chunks, None)
        if first is None:
            return
        if second is None:  # a single chunk needs no threads
            yield from self._applied(first, alias, stopped)
            return
        pool = ThreadPoolExecutor(self._limits.max_in_flight, thread_name_prefix="bulk")
        in_flight: deque[tuple[frozenset[str], Future[list[WriteResult]]]] = deque()
        try:
            for chunk in _chain(first, second, chunks):
                # Chunks run side by side, so writes of one id must not be under way twice: the later one has to win.
                while in_flight and (
                    len(in_flight) >= self._limits.max_in_flight
                    or any(not chunk.ids.isdisjoint(ids) for ids, _ in in_flight)
                ):
                    yield from in_flight.popleft()[1].result()
                in_flight.append((chunk.ids, pool.submit(self._applied, chunk, alias, stopped)))
            while in_flight:
                yield from in_flight.popleft()[1].result()
        finally:
            stopped.set()
            pool.shutdown(wait=True, cancel_futures=True)

    def _chunks(self, writes: Iterable[Write], schema: Schema) -> Iterator[_Chunk]:
        entries: list[PreparedWrite | WriteResult] = []
        ids: set[str] = set()
        size = 0
        for write in writes:
            entry = prepared(write, schema, self._dialect)
            entry_size = entry.size if isinstance(entry, PreparedWrite) else 0
            full = len(entries) >= self._limits.max_chunk_count or size + entry_size > self._limits.max_chunk_bytes
            if entries and (full or write.id in ids):
                yield _Chunk(entries=entries, ids=frozenset(ids))
                entries, ids, size = [], set(), 0
            entries.append(entry)
            ids.add(write.id)
            size += entry_size
        if entries:
            yield _Chunk(entries=entries, ids=frozenset(ids))

    def _applied(self, chunk: _Chunk, alias: str, stopped: threading.Event) -> list[WriteResult]:
        """The chunk's results in its order. Blocks through all tries."""
        results: dict[int, WriteResult] = {}
        pending: dict[int, PreparedWrite] = {}
        for position, entry in enumerate(chunk.entries):
            if isinstance(entry, WriteResult):
                results[position] = entry
            else:
                pending[position] = entry
        retries: dict[int, Retry] = {}
        asked_s = 0.0  # how long the server asked us to wait
        for tries in range(1, self._limits.max_tries + 1):
            if not pending or stopped.is_set():
                break
            if tries > 1 and not all(retry.conflict for retry in retries.values()):
                self._wait(tries, asked_s, stopped)
            asked_s = 0.0
            try:
                found = self._tried(pending, alias, tries)
            except EngineError as trouble:
                if isinstance(trouble, EngineAuthError | StorageFull) or tries == self._limits.max_tries:
                    raise
                retries = {position: Retry(error=str(trouble)) for position in pending}
                asked_s = float(trouble.data.get("retry_after_s", 0.0))
                continue
            retries = {position: seen for position, seen in found.items() if isinstance(seen, Retry)}
            results |= {position: seen for position, seen in found.items() if isinstance(seen, WriteResult)}
            pending = {position: pending[position] for position in retries}
        for position, entry in pending.items():
            error = retries[position].error if position in retries else "The writing was stopped."
            results[position] = WriteResult(
                id=entry.write.id, ok=False, status=WriteStatus.FAILED, error=error, retryable=True,
                tries=self._limits.max_tries,
            )  # fmt: skip
        return [results[position] for position in range(len(chunk.entries))]

    def _tried(self, pending: dict[int, PreparedWrite], alias: str, tries: int) -> dict[int, WriteResult | Retry]:
        """One try of all pending writes: versions looked up where they matter, the rest sent in one request."""
        looked_up = self._found([e.write for e in pending.values() if e.write.version is not None], alias)
        found: dict[int, WriteResult | Retry] = {}
        to_send: dict[int, tuple[str | None, bytes]] = {}
        for position, entry in pending.items():
            held = looked_up.get(entry.write.id)
            decision = None if held is None else decide(entry.write, held.state)
            if held is None or decision is None:
                to_send[position] = (None, entry.plain_lines())
            elif isinstance(decision, Leave):
                found[position] = decision.result(entry.write, tries)
            else:
                to_send[position] = (decision.status, entry.decided_lines(decision, held, self._dialect))
        if to_send:
            items = self._sent([lines for _, lines in to_send.values()], alias)
            for (position, (decided, _)), item in zip(to_send.items(), items, strict=True):
                if fatal(item["status"], item.get("error")):
                    raise failure(item["status"], item["error"], url=self._transport.url, index=alias)
                found[position] = outcome(pending[position].write, decided, item, tries)
        return found

    def _sent(self, lines: list[bytes], alias: str) -> list[dict[str, Any]]:
        """The server's answer to each write: `status`, and `result` or `error`.

        A request that is refused as a whole (too large, or one product that breaks the parser) is sent in halves,
        until the product that is to blame stands alone.
        """
        answer = self._transport.exchange(
            "POST",
            f"/{alias}/_bulk",
            body=b"".join(lines),
            params={"require_alias": "true", "filter_path": _ANSWER},
            timeout_s=self._limits.timeout_s,
        )
        if answer.status < 400:
            return [next(iter(item.values())) for item in answer.body["items"]]
        error = answer.body.get("error", answer.body) if isinstance(answer.body, dict) else answer.body
        if answer.status in (_TOO_LARGE, _UNREADABLE) and not retryable(answer.status):
            if len(lines) == 1:
                text = "The product is larger than the server accepts." if answer.status == _TOO_LARGE else error
                return [{"status": answer.status, "error": text}]
            half = len(lines) // 2
            return self._sent(lines[:half], alias) + self._sent(lines[half:], alias)
        retry_after = answer.headers.get("retry-after")
        raise failure(answer.status, error, url=self._transport.url, index=alias, retry_after=retry_after)

    def _found(self, writes: Sequence[Write], alias: str) -> dict[str, Found]:
        """What the index holds under the ids of versioned writes, written or not yet visible to search."""
        if not writes:
            return {}
        answer = self._transport.send(
            "POST",
            f"/{alias}/_mget",
            body={"ids": [document_id(write.id) for write in writes]},
            params={
                "_source_includes": ",".join(STATE_FIELDS),
                "filter_path": "docs.found,docs._seq_no,docs._primary_term,docs._source,docs.error",
            },
            timeout_s=self._limits.timeout_s,
            index=alias,
        )
        found = {}
        for write, held in zip(writes, answer["docs"], strict=True):
            if "error" in held:
                raise failure(404, held["error"], url=self._transport.url, index=alias)
            source = held.get("_source", {})
            found[write.id] = (
                Found()
                if not held["found"]
                else Found(
                    state=state(source),
                    values=kept_values(source),
                    seq_no=held["_seq_no"],
                    primary_term=held["_primary_term"],
                )
            )
        return found

    def _wait(self, tries: int, asked_s: float, stopped: threading.Event) -> None:
        longest = min(self._limits.max_backoff_s, self._limits.backoff_s * 2 ** (tries - 2))
        spread_s = longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads the load, keeps no secret
        wait_s = min(self._limits.max_backoff_s, max(spread_s, asked_s))
        (self._pause or stopped.wait)(wait_s)


def _chain(first: _Chunk, second: _Chunk, rest: Iterator[_Chunk]) -> Iterator[_Chunk]:
    yield first
    yield second
    yield from rest
