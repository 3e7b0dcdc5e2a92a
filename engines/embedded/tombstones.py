"""Tombstones: what versioned deletes have left, in an append-only file beside the index.

One JSON line per tombstone, `[id, version, deleted_at, field versions, their values]`, or `[id]` for one that was
forgotten; the last line of an id counts. A line under whose id a product is stored says nothing: so it does no harm
if a kill leaves a line whose delete was not committed. Lines that cannot be read (a kill tore the last one) are
passed over, and gone after the next opening for writing.

    before tantivy's commit    `sync`: new tombstones are on disk before their products are gone
    after it                   `committed`: what takes a tombstone away, or lowers it, which a write without a version
                               can bring about; if a kill comes between, the tombstone stays, which is the safe side
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import orjson

from multirecall.engines.embedded.storage import sync_folder, write_atomically
from multirecall.engines.versions import Buried, Tombstone

__all__ = ["FILE", "TombstoneLog", "read_tombstones"]

FILE = "tombstones"
"""The name in the folder of the index."""


def read_tombstones(path: Path) -> dict[str, Buried]:
    """By id; those under whose id a product is stored are among them."""
    return _read(path)[0]


class TombstoneLog:
    """The tombstones as the next write finds them: those of the file, all held in memory, and those of the batch.

    For the holder of the writer's lock; not safe for several threads. Raises OSError; then it must be made anew.
    """

    def __init__(self, path: Path, *, min_waste_lines: int) -> None:
        self._path, self._min_waste_lines = path, min_waste_lines
        self._batch: dict[str, Buried | None] = {}
        self._handle: int | None = None
        self._durable, self._lines, whole = _read(path)
        if not whole:
            self._compact()

    def get(self, id: str) -> Buried | None:
        return self._batch[id] if id in self._batch else self._durable.get(id)

    def bury(self, id: str, buried: Buried) -> None:
        self._batch[id] = buried

    def forget(self, id: str) -> None:
        if self.get(id) is not None:
            self._batch[id] = None

    def sync(self) -> None:
        """Makes those of the batch durable that are new or higher than before."""
        new = {
            name: buried
            for name, buried in self._batch.items()
            if buried is not None and not self._is_higher(name, buried.tombstone.version)
        }
        if new:
            self._append(new.items())
            os.fsync(self._open())

    def committed(self, is_stored: Callable[[str], bool]) -> None:
        """Writes the rest of the batch. Compacts if most lines are waste; asks `is_stored` for products only then."""
        self._append([(name, now) for name, now in self._batch.items() if self._durable.get(name) is not now])
        self._batch.clear()
        if self._lines > 2 * len(self._durable) + self._min_waste_lines:
            self._durable = {name: buried for name, buried in self._durable.items() if not is_stored(name)}
            self._compact()

    def prune(self, made_by: float, is_stored: Callable[[str], bool]) -> int:
        """Forgets, for good, what was made at that time (seconds since 1970) or before and is not in the batch.

        Returns how many of them were tombstones of no stored product.
        """
        old = [
            name for name, buried in self._durable.items() if buried.deleted_at <= made_by and name not in self._batch
        ]
        n_seen = sum(not is_stored(name) for name in old)
        for name in old:
            del self._durable[name]
        if old:
            self._compact()
        return n_seen

    def close(self) -> None:
        """Closes the file; what was not synced may be lost."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _is_higher(self, id: str, version: int) -> bool:
        before = self._durable.get(id)
        return before is not None and before.tombstone.version > version

    def _append(self, changes: Iterable[tuple[str, Buried | None]]) -> None:
        lines = []
        for name, buried in changes:
            lines.append(_line(name, buried))
            if buried is None:
                self._durable.pop(name, None)
            else:
                self._durable[name] = buried
        left = memoryview(b"".join(lines))
        while left:
            left = left[os.write(self._open(), left) :]
        self._lines += len(lines)

    def _open(self) -> int:
        if self._handle is None:
            self._handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            sync_folder(self._path.parent)
        return self._handle

    def _compact(self) -> None:
        """Replaces the file by one with a line per tombstone."""
        self.close()
        write_atomically(self._path, b"".join(_line(name, buried) for name, buried in self._durable.items()))
        self._lines = len(self._durable)


def _line(id: str, buried: Buried | None) -> bytes:
    if buried is None:
        return orjson.dumps([id]) + b"\n"
    grave = buried.tombstone
    return orjson.dumps([id, grave.version, buried.deleted_at, grave.fields, buried.record]) + b"\n"


def _read(path: Path) -> tuple[dict[str, Buried], int, bool]:
    """The tombstones, the number of lines, and whether every line could be read."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:  # no versioned delete yet
        return {}, 0, True
    *lines, rest = content.split(b"\n")
    found: dict[str, Buried] = {}
    whole = not rest
    for line in lines:
        parsed = _parsed(line)
        match parsed:
            case [str() as name]:
                found.pop(name, None)
            case [str() as name, int() as version, int() | float() as deleted_at, dict() as fields, dict() as record]:
                grave = Tombstone(version=version, fields=fields)
                found[name] = Buried(tombstone=grave, record=record, deleted_at=float(deleted_at))
            case _:
                whole = False
    return found, len(lines), whole


def _parsed(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:  # torn: `_read` counts it
        return None
