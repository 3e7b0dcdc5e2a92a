"""Graph: an HNSW graph over the rows of one vector field, a cache derived from what is committed.

A graph file covers the rows below `stop`; later rows are searched exactly until the writer extends it. Rows of
products that were replaced or deleted stay in it until it is made anew, and searches drop them by the snapshot.
So any graph file fits any later snapshot, and losing it costs time only. `<field>.json` names the file in use and
is renamed into place last.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from usearch.index import Index as UsearchIndex

from multirecall.core.errors import IndexCorrupt
from multirecall.engines.base import Float32Array
from multirecall.engines.embedded.rows import RowReader, Rows
from multirecall.engines.embedded.storage import sync_folder, write_atomically
from multirecall.engines.embedded.tuning import Tuning
from multirecall.engines.schema import VectorField

__all__ = ["GRAPH_TYPES", "Graph", "GraphWriter"]

GRAPH_TYPES = {"hnsw": "f16", "int8_hnsw": "i8"}
"""What the graph keeps of a vector; scores always come from the float32 rows."""

_BATCH_ROWS = 16_384


class Graph:
    """A graph file opened for reading, memory-mapped. Safe for several threads (usearch holds the GIL)."""

    def __init__(self, path: Path, field: VectorField, stop: int) -> None:
        self.path, self.stop = path, stop
        self._index: Any = UsearchIndex.restore(str(path), view=True)
        if self._index is None or self._index.ndim != field.dim:
            raise IndexCorrupt(
                f"The vector graph {path} does not fit field {field.name!r}.",
                hint=f"Delete {path.parent}; the next refresh makes it anew.",
                path=str(path),
            )

    def __len__(self) -> int:
        return len(self._index)

    def nearest(self, query: Float32Array, count: int) -> Rows:
        """Up to `count` rows near the query, nearest first."""
        keys: NDArray[np.uint64] = self._index.search(query, min(count, len(self._index)), threads=1).keys
        return keys.astype(np.int64)

    @classmethod
    def open(cls, folder: Path, field: VectorField, opened: Graph | None) -> Graph | None:
        """The graph in use, or None if there is none yet; `opened` is returned if it still is the one in use.

        Raises IndexCorrupt for a file that is not as its pointer says.
        """
        pointer = _read_pointer(folder, field)
        if pointer is None:
            return None
        path = folder / pointer["file"]
        if opened is not None and opened.path == path:
            return opened
        size = path.stat().st_size
        if size != pointer["bytes"]:
            raise IndexCorrupt(
                f"The vector graph {path} holds {size} bytes instead of {pointer['bytes']}.",
                hint=f"Delete {folder}; the next refresh makes it anew.",
                path=str(path),
            )
        return cls(path, field, pointer["stop"])


class GraphWriter:
    """Keeps the graph of one field close to the committed rows. Used by the one writer of an index."""

    def __init__(self, folder: Path, field: VectorField, tuning: Tuning) -> None:
        self._folder, self._field = folder, field
        self._min_rows = tuning.min_graph_rows
        self._threads = tuning.threads or os.cpu_count() or 1
        self._index: Any = None
        self._stop = 0

    def follow(self, rows: RowReader, live: Rows) -> None:
        """Extends or remakes the graph if enough rows are new or gone. `live`: rows with a vector, rising."""
        if len(live) <= self._min_rows:
            return
        if self._index is None:
            self._load()
        covered = int(np.searchsorted(live, self._stop))
        if self._index is None or len(self._index) > 2 * covered:
            self._index = UsearchIndex(
                ndim=self._field.dim,
                metric="cos",
                dtype=GRAPH_TYPES[self._field.index],
                connectivity=self._field.m,
                expansion_add=self._field.ef_construction,
            )
            covered = 0
        elif len(live) - covered <= self._min_rows:
            return
        for start in range(covered, len(live), _BATCH_ROWS):
            batch = live[start : start + _BATCH_ROWS]
            vectors = rows.gather(self._field.name, batch)
            self._index.add(batch.astype(np.uint64), vectors, threads=self._threads)
        self._stop = rows.stop
        self._publish()

    def _load(self) -> None:
        """A graph that cannot be read is made anew."""
        pointer = _read_pointer(self._folder, self._field)
        if pointer is None:
            return
        path = self._folder / pointer["file"]
        if not path.exists() or path.stat().st_size != pointer["bytes"]:
            return
        self._index = UsearchIndex.restore(str(path), view=False)
        self._stop = pointer["stop"]

    def _publish(self) -> None:
        path = self._folder / f"{self._field.name}-{self._stop}-{len(self._index)}.usearch"
        temporary = path.with_suffix(".tmp")
        self._index.save(str(temporary))
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        if temporary.stat().st_size < self._index.serialized_length:
            raise OSError(errno.ENOSPC, "the graph was not written whole", str(temporary))
        temporary.replace(path)
        sync_folder(self._folder)
        pointer = {"file": path.name, "bytes": path.stat().st_size, "stop": self._stop}
        write_atomically(self._folder / f"{self._field.name}.json", orjson.dumps(pointer))
        for old in self._folder.glob(f"{self._field.name}-*"):
            if old != path:  # readers that map it keep it until they let go
                old.unlink()


def _read_pointer(folder: Path, field: VectorField) -> dict[str, Any] | None:
    try:
        pointer: dict[str, Any] = orjson.loads((folder / f"{field.name}.json").read_bytes())
    except FileNotFoundError:
        return None
    except orjson.JSONDecodeError as error:
        path = folder / f"{field.name}.json"
        raise IndexCorrupt(
            f"{path} is no JSON ({error}).",
            hint=f"Delete {folder}; the next refresh makes it anew.",
            path=str(path),
        ) from error
    return pointer
