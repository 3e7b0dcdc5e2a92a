"""EmbeddedEngine: an engine in a folder, without a server.

One process may write an index at a time, any number may read. A search works on the last committed snapshot and
notices commits and swaps of other processes by looking at three files' times. What a kill, a full disk and a
damaged file can and cannot do is written in docs/decisions/0002-embedded-engine.md.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tantivy import FieldType, Query

from multirecall.core.deadline import Deadline
from multirecall.core.errors import EngineError, IndexCorrupt, InvalidInput, NotFound, UnsupportedFeature
from multirecall.core.filters import Filter
from multirecall.core.ranking import RouteStatus
from multirecall.engines.base import Capabilities, Deleted, EngineRequest, EngineResult, IndexInfo, Write, WriteResult
from multirecall.engines.checks import check_filter, check_request, prune_limit
from multirecall.engines.embedded.answering import answer, count
from multirecall.engines.embedded.folder import Folder
from multirecall.engines.embedded.graph import GRAPH_TYPES
from multirecall.engines.embedded.index import PhysicalIndex, make_index
from multirecall.engines.embedded.snapshot import Snapshot, record_value
from multirecall.engines.embedded.storage import folder_bytes
from multirecall.engines.embedded.tombstones import FILE, read_tombstones
from multirecall.engines.embedded.tuning import Tuning
from multirecall.engines.fields import STORED_FIELDS
from multirecall.engines.schema import Schema
from multirecall.engines.versions import VERSION_FIELDS, version_fields

__all__ = ["EmbeddedEngine"]

_SCANNED_ROWS = 1_024
_WRITTEN_AT_ONCE = 128
_EXACT = "flat"


class EmbeddedEngine:
    """tantivy and usearch in one folder. The first write takes the index's lock, `close` gives it back."""

    def __init__(self, folder: Folder, tuning: Tuning | None = None) -> None:
        self._folder = folder
        self._tuning = tuning or Tuning()
        self._lock = threading.Lock()
        self._opened: dict[str, tuple[tuple[int, int], PhysicalIndex]] = {}
        self._closed = False

    @classmethod
    def open(
        cls, path: Path, name: str = "products", create: bool = False, tuning: Tuning | None = None
    ) -> EmbeddedEngine:
        """The engine in the folder; `create` makes the folder if there is none.

        Raises NotFound if there is nothing, InvalidSettings if the folder is something else.
        """
        return cls(Folder.open(path, name, create=create), tuning)

    @property
    def url(self) -> str:
        return f"embedded:{self._folder.path}"

    @property
    def name(self) -> str:
        return self._folder.alias

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            name="embedded",
            vector_indexes=(*GRAPH_TYPES, _EXACT),
            exact_vectors=False,
            persistent=True,
            concurrent_writers=False,
            typo_tolerance=True,
            spares_common_words=True,
            in_process=True,
        )

    def create(self, schema: Schema) -> str:
        self._check_open()
        for field in schema.vectors:
            if field.index not in self.capabilities.vector_indexes:
                raise UnsupportedFeature(
                    f"The embedded engine has no vector index {field.index!r} (field {field.name!r}).",
                    hint=f"Use one of: {', '.join(self.capabilities.vector_indexes)}.",
                    field="vectors",
                )
        while True:
            name = self._folder.next_name()
            try:
                make_index(self._folder.path / name, schema)
            except FileExistsError:  # another process was faster: take the number after
                continue
            return name

    def write(self, writes: Iterable[Write], *, index: str | None = None) -> Iterator[WriteResult]:
        target = self._index(index)
        waiting = iter(writes)
        while chunk := [*itertools.islice(waiting, _WRITTEN_AT_ONCE)]:
            self._check_open()
            yield from target.write(chunk)

    def refresh(self, *, index: str | None = None) -> None:
        self._index(index).refresh()

    def deleted(self, *, index: str | None = None) -> Iterator[Deleted]:
        snapshot = self._snapshot(index)  # before the file, which then holds all that the snapshot lacks
        for name, buried in read_tombstones(snapshot.path / FILE).items():
            if snapshot.find(name) is None:
                yield buried.deleted(name)

    def prune_deleted(self, older_than_s: float, *, index: str | None = None) -> int:
        """See `Engine.prune_deleted`. Takes the index's lock, as a write does."""
        return self._index(index).prune_deleted(prune_limit(older_than_s))

    def search_many(
        self, requests: Sequence[EngineRequest], deadline: Deadline, *, index: str | None = None
    ) -> list[EngineResult]:
        snapshot = self._snapshot(index)
        for request in requests:
            check_request(request, snapshot.schema)
        return [_answered(request, snapshot, deadline) for request in requests]

    def fetch(
        self,
        ids: Sequence[str],
        fields: Sequence[str] | None = None,
        *,
        index: str | None = None,
        timeout_s: float | None = None,
    ) -> list[Mapping[str, Any] | None]:
        snapshot = self._snapshot(index)
        names = STORED_FIELDS if fields is None else tuple(fields)
        kept = snapshot.records if fields is None else {}
        found: dict[str, dict[str, Any] | None] = {name: kept[name] for name in ids if name in kept}
        lacking = [name for name in ids if name not in found]
        found |= dict.fromkeys(lacking)
        for record in _records([*snapshot.find_all(lacking)], ("id", *names), snapshot):
            name = record["id"]
            found[name] = record if "id" in names else {key: record[key] for key in record if key != "id"}
        if fields is None and lacking:
            snapshot.keep_records({name: found[name] for name in lacking})
        return [None if (held := found[wanted]) is None else dict(held) for wanted in ids]

    def commit_seen(self, *, index: str | None = None) -> int:
        """See `TellsCommits`. Two looks at files."""
        return self._snapshot(index).stamp

    def scan(self, fields: Sequence[str], *, index: str | None = None) -> Iterator[Mapping[str, Any]]:
        snapshot = self._snapshot(index)
        names = ("id", *fields)
        for start in range(snapshot.rows.first, snapshot.rows.stop, _SCANNED_ROWS):
            part = Query.range_query(
                snapshot.text_schema, "row", FieldType.Unsigned, start, start + _SCANNED_ROWS, include_upper=False
            )
            hits = snapshot.searcher.search(part, _SCANNED_ROWS, False).hits
            yield from _records([address for _, address in hits], names, snapshot)

    def count(self, filter: Filter | None = None, *, index: str | None = None) -> int:
        snapshot = self._snapshot(index)
        if filter is not None:
            check_filter(filter, snapshot.schema)
        return count(filter, snapshot)

    def indexes(self) -> list[IndexInfo]:
        self._check_open()
        found = []
        for name in self._folder.names():
            with suppress(NotFound):  # dropped since the names were read
                found.append(self.info(index=name))
        return found

    def info(self, *, index: str | None = None) -> IndexInfo:
        snapshot = self._snapshot(index)
        return IndexInfo(
            name=snapshot.path.name,
            schema=snapshot.schema,
            count=len(snapshot),
            live=snapshot.path.name == self._folder.live(),
            bytes=folder_bytes(snapshot.path),
        )

    def swap(self, index: str) -> str | None:
        self._index(index).snapshot()  # an index that cannot be read never goes live
        with self._lock:
            before = self._folder.live()
            self._folder.point_to(index)
            return before

    def drop(self, index: str) -> None:
        target = self._index(index)
        with self._lock:
            if index == self._folder.live():
                raise InvalidInput(
                    f"Index {index!r} is live.", hint="Swap the alias to another index first.", field="index"
                )
            self._opened.pop(index, None)
            target.close()
            self._folder.remove(index)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            opened = [target for _, target in self._opened.values()]
            self._opened.clear()
        for target in opened:
            target.close()

    def __enter__(self) -> EmbeddedEngine:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise InvalidInput(f"The engine {self.url} is closed.", hint="Open it again.", field="engine")

    def _index(self, index: str | None) -> PhysicalIndex:
        """The index under that name now: another process may have dropped it and made it anew."""
        self._check_open()
        name = index if index is not None else self._folder.live()
        if name is None:
            raise NotFound(
                f"{self.url} has no live index.",
                hint="Index a catalogue first: multirecall index SOURCE --engine URL.",
                engine=self.url,
            )
        path = self._folder.path / name
        made = _made(path)
        if made is None or (index is not None and index not in self._folder.names()):
            raise NotFound(f"{self.url} has no index {name!r}.", engine=self.url, index=name)
        opened = self._opened.get(name)
        if opened is not None and opened[0] == made:
            return opened[1]
        with self._lock:
            self._check_open()
            opened = self._opened.get(name)
            if opened is None or opened[0] != made:
                opened = (made, PhysicalIndex(path, self._tuning))
                self._opened[name] = opened
            return opened[1]

    def _snapshot(self, index: str | None) -> Snapshot:
        """The state to read. If the live index is swapped away and dropped meanwhile, that of its successor.

        While nothing changed it costs three looks at files: at the pointer (none for an index by its name), and at
        the two of `PhysicalIndex.unchanged`.
        """
        self._check_open()
        name = index if index is not None else self._folder.live()
        opened = self._opened.get(name) if name is not None else None
        snapshot = opened[1].unchanged() if opened is not None else None
        if snapshot is not None:
            return snapshot
        while True:
            live = self._folder.live()
            try:
                return self._index(index).snapshot()
            except (NotFound, IndexCorrupt):
                if index is not None or self._folder.live() == live:
                    raise


def _made(path: Path) -> tuple[int, int] | None:
    """Which making of the index lies in the folder: inode and time of the file that is written once, at its making
    (the inode alone may be given again to the next index of the name). None if there is no such folder."""
    try:
        schema = (path / "schema.json").stat()
    except OSError:
        return (0, 0) if path.exists() else None  # without its schema it is damaged: opening it says so
    return schema.st_ino, schema.st_mtime_ns


def _answered(request: EngineRequest, snapshot: Snapshot, deadline: Deadline) -> EngineResult:
    try:
        return answer(request, snapshot, deadline)
    except (EngineError, ValueError, OSError) as error:  # tantivy speaks in ValueError
        return EngineResult(status=RouteStatus.FAILED, error=str(error))


def _records(addresses: Sequence[Any], names: Sequence[str], snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    """Of each document the asked fields that it has."""
    if not addresses:
        return
    rows = snapshot.rows_at([*addresses])
    versioned = not set(VERSION_FIELDS).isdisjoint(names)
    for row, (record, vector_names, versions) in zip(rows, snapshot.stored(rows, addresses), strict=True):
        held = {**record, **version_fields(versions)} if versioned else record
        yield _asked(held, vector_names, row, names, snapshot)


def _asked(
    record: dict[str, Any], vector_names: Sequence[str], row: int, names: Sequence[str], snapshot: Snapshot
) -> dict[str, Any]:
    """The asked fields that the record has; its match text and vectors, by `vectors.<field>`, are read from its row."""
    found: dict[str, Any] = {}
    for name in names:
        if name == "match_text":
            if text := snapshot.rows.texts([row])[0]:
                found[name] = text
            continue
        if "." not in name:
            if (value := record.get(name)) is not None:
                found[name] = value
            continue
        field = name.removeprefix("vectors.")
        if field != name:
            if field in vector_names:
                found[name] = snapshot.rows.vector(field, row).tolist()
            continue
        value = record_value(record, name)
        if value is not None:
            found[name] = value
    return found
