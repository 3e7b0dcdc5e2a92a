"""ExactEngine: brute force in memory, the reference the other engines are tested against."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from multirecall.core.deadline import Deadline
from multirecall.core.errors import InvalidInput, NotFound
from multirecall.core.filters import Filter
from multirecall.core.ranking import RouteStatus
from multirecall.engines.base import (
    Capabilities,
    Delete,
    EngineRequest,
    EngineResult,
    IndexInfo,
    Update,
    Upsert,
    Write,
    WriteResult,
    WriteStatus,
)
from multirecall.engines.checks import check_filter, check_request, rejection
from multirecall.engines.exact.answering import answer
from multirecall.engines.exact.matching import matching_rows
from multirecall.engines.exact.snapshot import Snapshot, StoredProduct
from multirecall.engines.fields import STORED_FIELDS
from multirecall.engines.schema import VECTOR_INDEXES, Schema

__all__ = ["ExactEngine"]

_NUMBERED = re.compile(r"-(\d{6,})$")


class _Index:
    """One physical index: the products as written, and the snapshot that searches see."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.products: dict[str, StoredProduct] = {}
        self.snapshot = Snapshot((), schema)


class ExactEngine:
    """Everything in memory, nothing approximate: small catalogues, tests, and what the tests compare with.

    All vector index kinds are accepted and searched exactly. Gone when closed. Safe for several threads: a
    search works on the snapshot of the last refresh.
    """

    def __init__(self, name: str = "products") -> None:
        self._name = name
        self._lock = threading.RLock()
        self._indexes: dict[str, _Index] = {}
        self._live: str | None = None
        self._closed = False

    @property
    def url(self) -> str:
        return f"exact:{self._name}"

    @property
    def name(self) -> str:
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            name="exact",
            vector_indexes=VECTOR_INDEXES,
            exact_vectors=True,
            persistent=False,
            concurrent_writers=True,
            typo_tolerance=True,
            in_process=True,
        )

    def create(self, schema: Schema) -> str:
        with self._open():
            numbers = [int(found[1]) for found in map(_NUMBERED.search, self._indexes) if found]
            index = f"{self._name}-{max(numbers, default=0) + 1:06d}"
            self._indexes[index] = _Index(schema)
            return index

    def write(self, writes: Iterable[Write], *, index: str | None = None) -> Iterator[WriteResult]:
        target = self._index(index)
        for write in writes:
            with self._open():
                result = _apply(write, target)
            yield result

    def refresh(self, *, index: str | None = None) -> None:
        with self._open():
            target = self._index(index)
            target.snapshot = Snapshot(target.products.values(), target.schema)

    def search_many(
        self, requests: Sequence[EngineRequest], deadline: Deadline, *, index: str | None = None
    ) -> list[EngineResult]:
        snapshot = self._index(index).snapshot
        for request in requests:
            check_request(request, snapshot.schema)
        results = []
        for request in requests:
            if deadline.expired:
                results.append(EngineResult(status=RouteStatus.TIMED_OUT, error="The time budget was spent."))
                continue
            started = time.perf_counter()
            result = answer(request, snapshot)
            results.append(replace(result, took_ms=(time.perf_counter() - started) * 1000))
        return results

    def fetch(
        self, ids: Sequence[str], fields: Sequence[str] | None = None, *, index: str | None = None
    ) -> list[Mapping[str, Any] | None]:
        snapshot = self._index(index).snapshot
        names = STORED_FIELDS if fields is None else tuple(fields)
        products = map(snapshot.get, ids)
        return [None if product is None else _record(product, names) for product in products]

    def scan(self, fields: Sequence[str], *, index: str | None = None) -> Iterator[Mapping[str, Any]]:
        snapshot = self._index(index).snapshot
        for product in snapshot.products:
            yield _record(product, ("id", *fields))

    def count(self, filter: Filter | None = None, *, index: str | None = None) -> int:
        snapshot = self._index(index).snapshot
        if filter is not None:
            check_filter(filter, snapshot.schema)
        return int(np.count_nonzero(matching_rows(filter, snapshot)))

    def indexes(self) -> list[IndexInfo]:
        with self._open():
            return [self._info(index) for index in sorted(self._indexes)]

    def info(self, *, index: str | None = None) -> IndexInfo:
        with self._open():
            self._index(index)
            return self._info(index or self._live or "")

    def swap(self, index: str) -> str | None:
        with self._open():
            self._index(index)
            before, self._live = self._live, index
            return before

    def drop(self, index: str) -> None:
        with self._open():
            self._index(index)
            if index == self._live:
                raise InvalidInput(
                    f"Index {index!r} is live.", hint="Swap the alias to another index first.", field="index"
                )
            del self._indexes[index]

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._indexes.clear()
            self._live = None

    def __enter__(self) -> ExactEngine:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @contextmanager
    def _open(self) -> Iterator[None]:
        """Holds the lock. Raises InvalidInput after `close`."""
        with self._lock:
            if self._closed:
                raise InvalidInput(f"The engine {self.url} is closed.", hint="Open it again.", field="engine")
            yield

    def _index(self, index: str | None) -> _Index:
        with self._open():
            name = self._live if index is None else index
            if name is None:
                raise NotFound(
                    f"{self.url} has no live index.",
                    hint="Index a catalogue first: multirecall index SOURCE --engine URL.",
                    engine=self.url,
                )
            if name not in self._indexes:
                raise NotFound(f"{self.url} has no index {name!r}.", engine=self.url, index=name)
            return self._indexes[name]

    def _info(self, index: str) -> IndexInfo:
        held = self._indexes[index]
        return IndexInfo(name=index, schema=held.schema, count=len(held.snapshot), live=index == self._live)


def _apply(write: Write, target: _Index) -> WriteResult:
    reason = rejection(write, target.schema)
    if reason:
        return WriteResult(id=write.id, ok=False, status=WriteStatus.REJECTED, error=reason)
    stored = target.products.get(write.id)
    if isinstance(write, Upsert) and stored is None:
        target.products[write.id] = StoredProduct.analysed(write.product, write.version, target.schema)
        return WriteResult(id=write.id, ok=True, status=WriteStatus.CREATED)
    if stored is None:
        return WriteResult(id=write.id, ok=isinstance(write, Delete), status=WriteStatus.MISSING)
    if write.version is not None and (stored.version or 0) > write.version:
        return WriteResult(id=write.id, ok=True, status=WriteStatus.STALE)
    match write:
        case Delete():
            del target.products[write.id]
            return WriteResult(id=write.id, ok=True, status=WriteStatus.DELETED)
        case Update():
            changed = dict(write.fields) if write.version is None else {**write.fields, "version": write.version}
            target.products[write.id] = replace(stored, record={**stored.record, **changed})
            return WriteResult(id=write.id, ok=True, status=WriteStatus.UPDATED)
        case Upsert():
            target.products[write.id] = StoredProduct.analysed(write.product, write.version, target.schema)
            return WriteResult(id=write.id, ok=True, status=WriteStatus.UPDATED)


def _record(product: StoredProduct, names: Sequence[str]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for name in names:
        if name.startswith("vectors."):
            vector = product.vectors.get(name.removeprefix("vectors."))
            if vector is not None:
                record[name] = vector.tolist()
        elif product.record.get(name) is not None:
            record[name] = product.record[name]
    return record
