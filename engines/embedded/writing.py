"""Writer: applies writes to one physical index and commits them.

The order of a commit is what makes a kill harmless (docs/decisions/0002-embedded-engine.md):

    1. rows.sync()        keys and vectors of all new rows are on disk; nothing names them yet
    2. tombstones.sync()  those of this batch are on disk; they say nothing while their products are stored
    3. text.commit()      tantivy writes its segments, syncs them and renames `meta.json`: THE commit point
    4. tombstones that writes without a version took away; graphs: both late or lost costs nothing that was promised
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tantivy

from multirecall.engines.base import Float32Array, Update, Upsert, Write, WriteResult, WriteStatus
from multirecall.engines.checks import rejection
from multirecall.engines.embedded.documents import (
    NO_VERSION,
    read_body,
    split,
    to_body,
    to_document,
    to_fixed,
    write_version,
)
from multirecall.engines.embedded.rows import RowWriter
from multirecall.engines.embedded.snapshot import Snapshot
from multirecall.engines.embedded.storage import storage_errors
from multirecall.engines.embedded.tombstones import FILE, TombstoneLog
from multirecall.engines.embedded.tuning import Tuning
from multirecall.engines.fields import returned_value
from multirecall.engines.schema import Schema
from multirecall.engines.versions import Bury, Change, Leave, Remove, Replace, State, Versions, decide

__all__ = ["MAX_ID_CHARS", "Writer"]

MAX_ID_CHARS = 512


@dataclass(frozen=True, slots=True)
class _Pending:
    """A product written in this batch; `version` is the highest of its versions."""

    row: int
    version: int
    body: bytes


@dataclass(frozen=True, slots=True)
class _Found:
    """What lies under the id of a write: its state and, if the write may leave some of that as it is, its `changing`
    fields, its row, and the row's document if that was read already."""

    state: State = None
    changing: Mapping[str, Any] = field(default_factory=dict)
    row: int = -1
    document: bytes | None = None


class Writer:
    """Holds tantivy's writer lock from construction to `close`. Not safe for several threads: its index locks."""

    def __init__(self, path: Path, schema: Schema, text: tantivy.Index, snapshot: Snapshot, tuning: Tuning) -> None:
        self._path, self._schema = path, schema
        with storage_errors(path, "opening the index for writing"):
            self._text = text.writer(tuning.heap_bytes, 1)
            # files of a commit that a kill cut off: tantivy would name its next ones alike, and refuse
            self._text.garbage_collect_files()
            self._rows = RowWriter(path / "rows", schema)
            self._tombstones = TombstoneLog(path / FILE, min_waste_lines=tuning.min_waste_tombstones)
        self._begin(snapshot)

    def _begin(self, snapshot: Snapshot) -> None:
        """Starts a batch on top of the committed state."""
        self._snapshot = snapshot
        self._pending: dict[str, _Pending | None] = {}
        self._looked_up: dict[str, _Found] = {}

    @property
    def pending(self) -> int:
        """Products touched since the last commit."""
        return len(self._pending)

    def look_up(self, writes: Sequence[Write]) -> None:
        """Reads what the index holds of the products to be updated, all at once: one by one it takes twice as long."""
        self._looked_up = {}
        ids = [
            write.id
            for write in writes
            if isinstance(write, Update) and isinstance(write.id, str) and write.id.isprintable()
        ]  # no other id can be asked for without danger; `apply` refuses it, or looks it up by itself
        addresses = [*self._snapshot.find_all([name for name in ids if name not in self._pending])]
        if not addresses:
            return
        stored = self._snapshot.rows
        rows = self._snapshot.rows_at(addresses)
        for address, row, name, document in zip(addresses, rows, stored.ids(rows), stored.documents(rows), strict=True):
            changing, versions = read_body(self._snapshot.body(address))
            self._looked_up[name] = _Found(versions, changing, row, document)

    def apply(self, write: Write) -> WriteResult:
        """Takes one write into the batch. Raises StorageFull or EngineError; then the whole batch is lost."""
        reason = rejection(write, self._schema) or _unfit(write)
        if reason:
            return WriteResult(id=write.id, ok=False, status=WriteStatus.REJECTED, error=reason)
        with storage_errors(self._path, "writing products"):
            found = self._found(write)
            decision = decide(write, found.state)
            match decision:
                case Leave():
                    return decision.result(write)
                case Replace():
                    return self._replace(decision, found)
                case Change():
                    return self._change(decision, found)
                case Bury():
                    self._remove(write.id, found)
                    self._tombstones.bury(write.id, decision.buried(found.changing))
                case Remove():
                    self._remove(write.id, found)
                    self._tombstones.forget(write.id)
            return WriteResult(id=write.id, ok=True, status=decision.status)

    def commit(self) -> None:
        """Makes the batch visible and durable, in the order above (steps 1 to 3)."""
        with storage_errors(self._path, "committing"):
            self._rows.sync()
            self._tombstones.sync()
            self._text.commit()

    def committed(self, snapshot: Snapshot) -> None:
        """Begins the next batch on the snapshot that shows the last commit. Raises StorageFull or EngineError."""
        self._begin(snapshot)
        with storage_errors(self._path, "tidying tombstones up", hint="All writes are committed."):
            self._tombstones.committed(self._is_stored)

    def prune_deleted(self, made_by: float) -> int:
        """Forgets the committed tombstones made by then, durably; returns how many. Raises as `committed` does."""
        with storage_errors(self._path, "pruning tombstones"):
            return self._tombstones.prune(made_by, self._is_stored)

    def move_to_new_segment(self, snapshot: Snapshot, rows: Any) -> None:
        """Compaction: gives every product a new row in a new segment, as ordinary writes of one batch."""
        with storage_errors(self._path, "compacting"):
            self._rows.start_segment()
            for row in rows:
                address = snapshot.address(int(row))
                [(record, vector_names, versions)] = snapshot.stored([int(row)], [address])
                record["match_text"] = snapshot.rows.texts([int(row)])[0]
                vectors = {name: snapshot.rows.vector(name, int(row)) for name in vector_names}
                self._add(record, versions, vectors, vector_names, replace=True)

    def close(self) -> None:
        """Releases the lock; what was not committed is gone. Waits for merges that run."""
        self._rows.close()
        self._tombstones.close()
        with storage_errors(self._path, "closing the index"):
            self._text.wait_merging_threads()

    def abandon(self) -> None:
        """Releases the lock after a failure, waiting for nothing."""
        self._rows.close()
        self._tombstones.close()
        del self._text

    def _found(self, write: Write) -> _Found:
        if write.id in self._looked_up and write.id not in self._pending:
            return self._looked_up.pop(write.id)
        pending = self._pending.get(write.id)
        address = None if write.id in self._pending else self._snapshot.find(write.id)
        if pending is None and address is None:
            buried = self._tombstones.get(write.id)
            return _Found() if buried is None else _Found(state=buried.tombstone, changing=buried.record)
        if not isinstance(write, Update):
            version = self._snapshot.integer("write_version", address) if pending is None else pending.version
            if write.version is None or write.version >= version:
                # It goes over all that is stored: the rule says the same whatever the versions of single fields.
                return _Found(state=Versions(record=None if version == NO_VERSION else version))
        changing, versions = read_body(self._snapshot.body(address) if pending is None else pending.body)
        row = self._snapshot.integer("row", address) if pending is None else pending.row
        return _Found(versions, changing, row)

    def _is_stored(self, id: str) -> bool:
        return self._pending[id] is not None if id in self._pending else self._snapshot.find(id) is not None

    def _replace(self, decision: Replace, found: _Found) -> WriteResult:
        write = decision.write
        record = {name: value for name, value in decision.record(found.changing).items() if value is not None}
        record["id"] = write.id
        vectors = {name: _unit(vector) for name, vector in write.product.vectors.items()}
        stored = isinstance(found.state, Versions)
        try:
            self._add(record, decision.versions, vectors, tuple(vectors), replace=stored)
        except TypeError as error:
            return _rejected(write.id, error)
        if write.version is None:
            self._tombstones.forget(write.id)
        return WriteResult(id=write.id, ok=True, status=decision.status)

    def _change(self, decision: Change, found: _Found) -> WriteResult:
        name, versions = decision.write.id, decision.versions
        changing = {key: value for key, value in {**found.changing, **decision.fields}.items() if value is not None}
        try:
            body = to_body(changing, versions)
        except TypeError as error:
            return _rejected(name, error)
        fixed = self._document(found.row) if found.document is None else found.document
        document = to_document(fixed, changing, body, row=found.row, versions=versions)
        self._text.delete_documents_by_term("id", name)
        self._text.add_document(document)
        self._pending[name] = _Pending(found.row, write_version(versions), body)
        return WriteResult(id=name, ok=True, status=decision.status)

    def _document(self, row: int) -> bytes:
        """Of a row that a commit names, or one of this batch."""
        return self._snapshot.rows.documents([row])[0] if row < self._snapshot.rows.stop else self._rows.document(row)

    def _remove(self, id: str, found: _Found) -> None:
        if isinstance(found.state, Versions):
            self._text.delete_documents_by_term("id", id)
        self._pending[id] = None

    def _add(
        self,
        record: dict[str, Any],
        versions: Versions,
        vectors: dict[str, Float32Array],
        vector_names: tuple[str, ...],
        *,
        replace: bool,
    ) -> None:
        """Raises TypeError for a record that is not JSON, before anything is changed.

        The match text lies in the row alone: an update of the product leaves it there.
        """
        text = record.get("match_text") or ""
        fields, changing = split({name: value for name, value in record.items() if name != "match_text"})
        fixed, body = to_fixed(fields, vector_names=vector_names, schema=self._schema), to_body(changing, versions)
        document = to_document(fixed.document, changing, body, row=self._rows.next_row, versions=versions)
        keys = [record["id"], *(returned_value(name, record.get(name)) for name in ("brand", "category"))]
        row = self._rows.append(keys, vectors, text, record=fixed.record, document=fixed.document)
        if replace:
            self._text.delete_documents_by_term("id", record["id"])
        self._text.add_document(document)
        self._pending[record["id"]] = _Pending(row, write_version(versions), body)


def _unfit(write: Write) -> str:
    """What this engine refuses beyond what all refuse."""
    if len(write.id) > MAX_ID_CHARS:
        return f"The id has {len(write.id)} characters; {MAX_ID_CHARS} is the most."
    if not write.id.isprintable() and any(ord(char) < 32 or ord(char) == 127 for char in write.id):
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
