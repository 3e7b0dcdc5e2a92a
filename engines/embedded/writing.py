"""Writer: applies writes to one physical index and commits them.

The order of a commit is what makes a kill harmless (docs/decisions/0002-embedded-engine.md):

    1. rows.sync()      keys and vectors of all new rows are on disk; nothing names them yet
    2. text.commit()    tantivy writes its segments, syncs them and renames `meta.json`: THE commit point
    3. graphs           derived from what is committed; a missing or old one costs time, never a result
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tantivy

from multirecall.engines.base import Delete, Float32Array, Update, Upsert, Write, WriteResult, WriteStatus
from multirecall.engines.checks import rejection
from multirecall.engines.embedded.documents import read_body, to_document
from multirecall.engines.embedded.rows import RowWriter
from multirecall.engines.embedded.snapshot import Snapshot
from multirecall.engines.embedded.storage import storage_errors
from multirecall.engines.schema import Schema

__all__ = ["MAX_ID_CHARS", "Writer"]

MAX_ID_CHARS = 512

_NO_VERSION = -1
_SPOOL_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class _Stored:
    """A product as the next write finds it. `place` is where its body lies: the spool, or (None) the snapshot."""

    row: int
    version: int
    place: tuple[int, int] | None = None


class Writer:
    """Holds tantivy's writer lock from construction to `close`. Not safe for several threads: its index locks."""

    def __init__(self, path: Path, schema: Schema, text: tantivy.Index, snapshot: Snapshot, *, heap_bytes: int) -> None:
        self._path, self._schema = path, schema
        with storage_errors(path, "opening the index for writing"):
            self._text = text.writer(heap_bytes, 1)
            # files of a commit that a kill cut off: tantivy would name its next ones alike, and refuse
            self._text.garbage_collect_files()
            self._rows = RowWriter(path / "rows", schema)
        self._begin(snapshot)

    def _begin(self, snapshot: Snapshot) -> None:
        """Starts a batch on top of the committed state."""
        self._snapshot = snapshot
        self._pending: dict[str, _Stored | None] = {}
        self._spool: Any = None
        self._spool_end = 0

    @property
    def pending(self) -> int:
        """Products touched since the last commit."""
        return len(self._pending)

    def apply(self, write: Write) -> WriteResult:
        """Takes one write into the batch. Raises StorageFull or EngineError; then the whole batch is lost."""
        reason = rejection(write, self._schema) or _unfit(write)
        if reason:
            return WriteResult(id=write.id, ok=False, status=WriteStatus.REJECTED, error=reason)
        with storage_errors(self._path, "writing products"):
            stored = self._stored(write.id)
            if stored is None and not isinstance(write, Upsert):
                return WriteResult(id=write.id, ok=isinstance(write, Delete), status=WriteStatus.MISSING)
            if stored is not None and write.version is not None and stored.version > write.version:
                return WriteResult(id=write.id, ok=True, status=WriteStatus.STALE)
            match write:
                case Delete():
                    self._text.delete_documents_by_term("id", write.id)
                    self._pending[write.id] = None
                    return WriteResult(id=write.id, ok=True, status=WriteStatus.DELETED)
                case Update():
                    return self._update(write, stored)
                case Upsert():
                    return self._upsert(write, stored)

    def commit(self) -> None:
        """Makes the batch visible and durable, in the order above (steps 1 and 2)."""
        with storage_errors(self._path, "committing"):
            self._rows.sync()
            self._text.commit()

    def committed(self, snapshot: Snapshot) -> None:
        """Begins the next batch on the snapshot that shows the last commit."""
        self._close_spool()
        self._begin(snapshot)

    def move_to_new_segment(self, snapshot: Snapshot, rows: Any) -> None:
        """Compaction: gives every product a new row in a new segment, as ordinary writes of one batch."""
        with storage_errors(self._path, "compacting"):
            self._rows.start_segment()
            for row in rows:
                address = snapshot.address(int(row))
                record, vector_names = read_body(snapshot.body(address))
                vectors = {name: snapshot.rows.vector(name, int(row)) for name in vector_names}
                version = snapshot.integer("write_version", address)
                self._add(record, version, vectors, vector_names, replace=True)

    def close(self) -> None:
        """Releases the lock; what was not committed is gone. Waits for merges that run."""
        self._close_spool()
        self._rows.close()
        with storage_errors(self._path, "closing the index"):
            self._text.wait_merging_threads()

    def abandon(self) -> None:
        """Releases the lock after a failure, waiting for nothing."""
        self._close_spool()
        self._rows.close()
        del self._text

    def _close_spool(self) -> None:
        if self._spool is not None:
            self._spool.close()

    def _stored(self, id: str) -> _Stored | None:
        if id in self._pending:
            return self._pending[id]
        address = self._snapshot.find(id)
        if address is None:
            return None
        return _Stored(self._snapshot.integer("row", address), self._snapshot.integer("write_version", address))

    def _upsert(self, write: Upsert, stored: _Stored | None) -> WriteResult:
        record = {name: value for name, value in write.product.fields.items() if value is not None}
        record["id"] = write.id
        if write.version is not None:
            record["version"] = write.version
        version = record.get("version", _NO_VERSION)
        vectors = {name: _unit(vector) for name, vector in write.product.vectors.items()}
        try:
            self._add(record, int(version), vectors, tuple(vectors), replace=stored is not None)
        except TypeError as error:
            return _rejected(write.id, error)
        status = WriteStatus.CREATED if stored is None else WriteStatus.UPDATED
        return WriteResult(id=write.id, ok=True, status=status)

    def _update(self, write: Update, stored: _Stored | None) -> WriteResult:
        if stored is None:  # `apply` has answered this already
            return WriteResult(id=write.id, ok=False, status=WriteStatus.MISSING)
        record, vector_names = read_body(self._body(write.id, stored))
        version = stored.version if write.version is None else write.version
        record.update(write.fields)
        if write.version is not None:
            record["version"] = write.version
        try:
            document, body = to_document(
                {name: value for name, value in record.items() if value is not None},
                row=stored.row, version=version, vector_names=vector_names, schema=self._schema,
            )  # fmt: skip
        except TypeError as error:
            return _rejected(write.id, error)
        self._text.delete_documents_by_term("id", write.id)
        self._text.add_document(document)
        self._pending[write.id] = _Stored(stored.row, version, self._keep(body))
        return WriteResult(id=write.id, ok=True, status=WriteStatus.UPDATED)

    def _add(
        self,
        record: dict[str, Any],
        version: int,
        vectors: dict[str, Float32Array],
        vector_names: tuple[str, ...],
        *,
        replace: bool,
    ) -> None:
        """Raises TypeError for a record that is not JSON, before anything is changed."""
        document, body = to_document(
            record, row=self._rows.next_row, version=version, vector_names=vector_names, schema=self._schema
        )
        row = self._rows.append([record["id"], record.get("brand"), record.get("category")], vectors)
        if replace:
            self._text.delete_documents_by_term("id", record["id"])
        self._text.add_document(document)
        self._pending[record["id"]] = _Stored(row, version, self._keep(body))

    def _keep(self, body: bytes) -> tuple[int, int]:
        """Bodies of the batch wait in a spool, since a partial update may follow before tantivy can read them."""
        if self._spool is None:  # closed with the batch, not with a block
            self._spool = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES, dir=str(self._path))  # noqa: SIM115
        place = (self._spool_end, len(body))
        self._spool.seek(self._spool_end)
        self._spool.write(body)
        self._spool_end += len(body)
        return place

    def _body(self, id: str, stored: _Stored) -> bytes:
        if stored.place is not None:
            self._spool.seek(stored.place[0])
            body: bytes = self._spool.read(stored.place[1])
            return body
        address = self._snapshot.find(id)
        if address is None:
            raise ValueError(f"product {id!r} vanished from the snapshot")
        return self._snapshot.body(address)


def _unfit(write: Write) -> str:
    """What this engine refuses beyond what all refuse."""
    if len(write.id) > MAX_ID_CHARS:
        return f"The id has {len(write.id)} characters; {MAX_ID_CHARS} is the most."
    if any(ord(char) < 32 or ord(char) == 127 for char in write.id):
        return f"The id {write.id!r} holds a control character."
    if isinstance(write, Upsert):
        version = write.product.fields.get("version")
        if version is not None and (version != int(version) or not 0 <= version < 1 << 63):
            return f"Field 'version' needs a whole number in 0..2^63-1, got {version!r}."
    return ""


def _rejected(id: str, error: TypeError) -> WriteResult:
    return WriteResult(id=id, ok=False, status=WriteStatus.REJECTED, error=f"The record cannot be stored: {error}.")


def _unit(vector: Float32Array) -> Float32Array:
    unit: Float32Array = np.asarray(vector, dtype=np.float32) / np.float32(np.linalg.norm(vector))
    return unit
