"""PhysicalIndex: one folder with the text side (tantivy), the rows, and the vector graphs.

<name>/schema.json     the schema, written once
<name>/text/           tantivy; its `meta.json` is the commit point
<name>/rows/           keys and float32 vectors, see rows.py
<name>/graphs/         derived, see graph.py
<name>/tombstones      of versioned deletes, see tombstones.py
"""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

import orjson
import tantivy

from multirecall.core.errors import EngineError, IndexCorrupt, NotFound
from multirecall.engines.base import Write, WriteResult
from multirecall.engines.embedded.documents import open_text_index
from multirecall.engines.embedded.graph import GRAPH_TYPES, Graph, GraphWriter
from multirecall.engines.embedded.rows import segment_bases
from multirecall.engines.embedded.snapshot import Committed, Snapshot
from multirecall.engines.embedded.storage import storage_errors, sync_folder, write_atomically
from multirecall.engines.embedded.tuning import Tuning
from multirecall.engines.embedded.writing import Writer
from multirecall.engines.schema import Schema, VectorField

__all__ = ["PhysicalIndex", "make_index"]

_TRIES = 5

Signature = tuple[int, int, int]
"""Of `meta.json`: inode and time of change; of the folder of graphs: time of change."""


def make_index(path: Path, schema: Schema) -> None:
    """Makes an empty index in a folder that does not exist: it appears whole or not at all.

    Raises FileExistsError if another process made it first, and what `storage_errors` makes of the file system's.
    """
    draft = path.with_name(f".draft-{path.name}-{os.getpid()}-{threading.get_ident()}")
    with storage_errors(path, "creating the index"):
        for folder in (draft, draft / "text", draft / "rows", draft / "graphs"):
            folder.mkdir()
        try:
            write_atomically(draft / "schema.json", orjson.dumps(schema.to_dict(), option=orjson.OPT_NON_STR_KEYS))
            text = open_text_index(str(draft / "text"), schema)
            del text
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    try:
        draft.rename(path)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise FileExistsError(path) from None
        raise
    with storage_errors(path, "creating the index"):
        sync_folder(path.parent)


class PhysicalIndex:
    """Snapshots for readers, one writer at most. Safe for several threads."""

    def __init__(self, path: Path, tuning: Tuning) -> None:
        self.path = path
        self.schema = _read_schema(path)
        self._tuning = tuning
        self._meta = path / "text" / "meta.json"
        self._meta_path, self._graphs_path = str(self._meta), str(path / "graphs")
        self._read_lock = threading.Lock()
        self._write_lock = threading.RLock()
        self._text: tantivy.Index | None = None
        self._seen: tuple[Signature, Snapshot] | None = None
        self._graphs: dict[str, Graph] = {}
        self._writer: Writer | None = None
        self._graph_writers: dict[str, GraphWriter] = {}
        self._lost = 0

    def unchanged(self) -> Snapshot | None:
        """The snapshot that was taken last if it still shows the last commit. Costs two looks at files.

        No look at the folder itself: another index made under its name has a `meta.json` of its own.
        """
        seen = self._seen
        if seen is None:
            return None
        try:
            meta, graphs = os.stat(self._meta_path), os.stat(self._graphs_path)
        except OSError:
            return None
        return seen[1] if seen[0] == (meta.st_ino, meta.st_mtime_ns, graphs.st_mtime_ns) else None

    def snapshot(self) -> Snapshot:
        """The last committed state, of whichever process. Costs one look at `meta.json` while nothing changed."""
        signature = self._signature()
        seen = self._seen
        if seen is not None and seen[0] == signature:
            return seen[1]
        with self._read_lock:
            return self._reload()

    # ---------------------------------------------------------------- writing

    def write(self, writes: Sequence[Write]) -> list[WriteResult]:
        """Takes some writes into the batch. Raises EngineBusy, StorageFull, EngineError."""
        with self._write_lock:
            writer = self._open_writer()
            try:
                writer.look_up(writes)
                return [writer.apply(write) for write in writes]
            except EngineError:
                self._abandon(writer)
                raise

    def refresh(self) -> None:
        """Commits the batch; then brings the graphs up to date. Raises StorageFull, EngineError.

        If writes were lost since the last refresh, because one failed, this says so (once) instead of passing
        over it: no batch with a hole is ever called durable.
        """
        with self._write_lock:
            if self._lost:
                lost, self._lost = self._lost, 0
                raise EngineError(
                    f"Writes to {lost} products since the last refresh were lost when one of them failed.",
                    hint="Write them again, then refresh.",
                    path=str(self.path),
                    lost=lost,
                )
            if self._writer is None:
                return
            writer = self._writer
            if writer.pending:
                self._commit(writer)
            self._tidy(writer)

    def prune_deleted(self, made_by: float) -> int:
        """Forgets the committed tombstones made by then. Raises EngineBusy, StorageFull, EngineError."""
        with self._write_lock:
            writer = self._open_writer()
            try:
                return writer.prune_deleted(made_by)
            except EngineError:
                self._abandon(writer)
                raise

    def close(self) -> None:
        """Releases the writer's lock and all maps; writes not refreshed are gone."""
        with self._write_lock, self._read_lock:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
            self._graph_writers.clear()
            self._graphs.clear()
            self._seen = None
            self._text = None

    # ---------------------------------------------------------------- inside

    def _signature(self) -> Signature:
        try:
            meta, graphs = self._meta.stat(), (self.path / "graphs").stat()
        except FileNotFoundError:
            if not self.path.exists():
                raise NotFound(f"The index {self.path.name!r} is gone.", index=self.path.name) from None
            raise IndexCorrupt(
                f"The index file {self._meta} (or the folder of graphs beside it) is missing.",
                hint="Restore the folder from a copy, or index the catalogue again.",
                path=str(self._meta),
            ) from None
        return meta.st_ino, meta.st_mtime_ns, graphs.st_mtime_ns

    def _reload(self) -> Snapshot:
        """Opens what is committed now. A writer elsewhere may commit meanwhile: then it is done once more."""
        for attempt in range(_TRIES):
            signature = self._signature()
            seen = self._seen
            if seen is not None and seen[0] == signature:
                return seen[1]
            try:
                snapshot = self._open_snapshot(None if seen is None else seen[1].committed)
            except (IndexCorrupt, FileNotFoundError) as error:
                if attempt + 1 < _TRIES and self._signature() != signature:
                    continue
                if isinstance(error, IndexCorrupt):
                    raise
                raise IndexCorrupt(
                    f"The index file {error.filename} is missing.",
                    hint="Restore the folder from a copy, or index the catalogue again.",
                    path=str(error.filename),
                ) from error
            if self._signature() == signature:
                self._seen = (signature, snapshot)
                return snapshot
        # it changes faster than it can be opened: a true state all the same, but of which commit is not known
        snapshot.committed = Committed(opstamp=-1)
        return snapshot

    def _open_snapshot(self, before: Committed | None) -> Snapshot:
        graphs = {}
        for field in self.schema.vectors:
            if field.index in GRAPH_TYPES:
                graph = Graph.open(self.path / "graphs", field, self._graphs.get(field.name))
                if graph is not None:
                    graphs[field.name] = graph
        opstamp, n_counted = self._meta_numbers()
        try:
            if self._text is None:
                self._text = open_text_index(str(self._meta.parent), self.schema)
            self._text.reload()
        except (ValueError, OSError) as error:
            raise IndexCorrupt(
                f"The text index {self._meta.parent} cannot be read: {error}",
                hint="Restore the folder from a copy, or index the catalogue again.",
                path=str(self._meta.parent),
            ) from error
        # a merge writes meta.json too, but changes nothing that we worked out for the commit
        committed = before if before is not None and before.opstamp == opstamp else Committed(opstamp)
        snapshot = Snapshot(self.path, self.schema, self._text, graphs, committed, n_counted, self._tuning)
        self._graphs = graphs
        return snapshot

    def _meta_numbers(self) -> tuple[int, int]:
        """The number of the commit, and how many documents (deleted ones included) its segments hold."""
        try:
            meta = orjson.loads(self._meta.read_bytes())
            return int(meta["opstamp"]), sum(int(segment["max_doc"]) for segment in meta["segments"])
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise IndexCorrupt(
                f"The index file {self._meta} is damaged ({error}).",
                hint="Restore the folder from a copy, or index the catalogue again.",
                path=str(self._meta),
            ) from error

    def _open_writer(self) -> Writer:
        if self._writer is None:
            snapshot = self.snapshot()
            if self._text is None:
                raise EngineError(f"The index {self.path} was closed meanwhile.", path=str(self.path))
            writer = Writer(self.path, self.schema, self._text, snapshot, self._tuning)
            try:
                writer.committed(self.snapshot())  # another process may have committed before we got its lock
            except EngineError:
                writer.abandon()
                raise
            self._writer = writer
        return self._writer

    def _abandon(self, writer: Writer) -> None:
        self._lost += max(1, writer.pending)
        self._writer = None
        self._graph_writers.clear()
        writer.abandon()

    def _commit(self, writer: Writer) -> None:
        try:
            writer.commit()
            writer.committed(self.snapshot())
        except EngineError:
            self._abandon(writer)
            self._lost = 0  # this very error tells the caller
            raise

    def _tidy(self, writer: Writer) -> None:
        """Compacts rows if most are dead, then lets the graphs follow. A failure here loses nothing."""
        snapshot = self.snapshot()
        self._drop_dead_segments(snapshot)
        dead = snapshot.rows.stop - min(segment_bases(self.path / "rows"), default=0) - len(snapshot)
        if dead > max(self._tuning.min_dead_rows, len(snapshot)):
            try:
                writer.move_to_new_segment(snapshot, snapshot.rows_matching(tantivy.Query.all_query()))
            except EngineError:
                self._abandon(writer)
                self._lost = 0  # nothing of a caller's was in the batch
                raise
            self._commit(writer)
            snapshot = self.snapshot()
        for field in self.schema.vectors:
            if field.index in GRAPH_TYPES:
                self._follow(field, snapshot)

    def _follow(self, field: VectorField, snapshot: Snapshot) -> None:
        graph_writer = self._graph_writers.pop(field.name, None)
        if graph_writer is None:
            graph_writer = GraphWriter(self.path / "graphs", field, self._tuning)
        hint = "All writes are committed; until the graph is saved, by any later refresh, vector searches are slower."
        with storage_errors(self.path / "graphs", "saving the vector graph", hint=hint):
            graph_writer.follow(snapshot.rows, snapshot.selection(field.name, None).rows)
        self._graph_writers[field.name] = graph_writer  # one that failed is made anew from its file

    def _drop_dead_segments(self, snapshot: Snapshot) -> None:
        """Deletes row segments of which no product is left; called a commit later than the one that left them."""
        bases = segment_bases(self.path / "rows")
        for base, end in itertools.pairwise(bases):
            used = tantivy.Query.range_query(
                snapshot.text_schema, "row", tantivy.FieldType.Unsigned, base, end, include_upper=False
            )
            if not snapshot.count(used):
                shutil.rmtree(self.path / "rows" / f"{base:015d}")


def _read_schema(path: Path) -> Schema:
    file = path / "schema.json"
    try:
        return Schema.from_dict(orjson.loads(file.read_bytes()))
    except FileNotFoundError:
        if not path.exists():
            raise NotFound(f"There is no index {path.name!r} in {path.parent}.", index=path.name) from None
        reason = "is missing"
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        reason = f"is damaged ({error})"
    raise IndexCorrupt(
        f"The index file {file} {reason}.",
        hint="Restore the folder from a copy, or index the catalogue again.",
        path=str(file),
    )
