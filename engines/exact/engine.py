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
    Deleted,
    EngineRequest,
    EngineResult,
    IndexInfo,
    Write,
    WriteResult,
    WriteStatus,
)
from multirecall.engines.checks import check_filter, check_request, prune_limit, rejection
from multirecall.engines.exact.answering import answer
from multirecall.engines.exact.matching import matching_rows
from multirecall.engines.exact.snapshot import Snapshot, StoredProduct
from multirecall.engines.fields import STORED_FIELDS
from multirecall.engines.schema import VECTOR_INDEXES, Schema
from multirecall.engines.versions import Buried, Bury, Change, Leave, Remove, Replace, decide, version_fields

__all__ = ["ExactEngine"]

_NUMBERED = re.compile(r"-(\d{6,})$")


class _Index:
    """One physical index: the products and tombstones as written, and what is seen since the last refresh."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.products: dict[str, StoredProduct] = {}
        self.buried: dict[str, Buried] = {}
        self.snapshot = Snapshot((), schema)
        self.deleted: tuple[Deleted, ...] = ()

    def put(self, id: str, stored: StoredProduct | Buried | None) -> None:
        """Stores a product, a tombstone or nothing in the place of all that lies under the id."""
        self.products.pop(id, None)
        self.buried.pop(id, None)
        if isinstance(stored, StoredProduct):
            self.products[id] = stored
        elif stored is not None:
            self.buried[id] = stored

    def refresh(self) -> None:
        self.snapshot = Snapshot(self.products.values(), self.schema)
        self.deleted = tuple(held.deleted(key) for key, held in self.buried.items())


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
            self._index(index).refresh()

    def deleted(self, *, index: str | None = None) -> Iterator[Deleted]:
        return iter(self._index(index).deleted)

    def prune_deleted(self, older_than_s: float, *, index: str | None = None) -> int:
        made_by = prune_limit(older_than_s)
        with self._open():
            target = self._index(index)
            old = [one for one in target.deleted if one.deleted_at <= made_by]
            # one that was written anew since the last refresh is another
            gone = [one.id for one in old if (held := target.buried.get(one.id)) and held.deleted_at == one.deleted_at]
            for key in gone:
                target.put(key, None)
        return len(gone)

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
        self,
        ids: Sequence[str],
        fields: Sequence[str] | None = None,
        *,
        index: str | None = None,
        timeout_s: float | None = None,
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
    stored, buried = target.products.get(write.id), target.buried.get(write.id)
    state = stored.versions if stored is not None else None if buried is None else buried.tombstone
    before = stored or buried
    record = {} if before is None else before.record
    decision = decide(write, state)
    match decision:
        case Leave():
            return decision.result(write)
        case Replace():
            product = decision.write.product
            merged = StoredProduct.analysed(product, decision.record(record), decision.versions, target.schema)
            target.put(write.id, merged)
        case Change():
            changed = {**record, **decision.fields}
            target.products[write.id] = replace(target.products[write.id], record=changed, versions=decision.versions)
        case Bury():
            target.put(write.id, decision.buried(record))
        case Remove():
            target.put(write.id, None)
    return WriteResult(id=write.id, ok=True, status=decision.status)


def _record(product: StoredProduct, names: Sequence[str]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    held = {**product.record, **version_fields(product.versions)}
    for name in names:
        if name.startswith("vectors."):
            vector = product.vectors.get(name.removeprefix("vectors."))
            if vector is not None:
                record[name] = vector.tolist()
        elif held.get(name) is not None:
            record[name] = held[name]
    return record
