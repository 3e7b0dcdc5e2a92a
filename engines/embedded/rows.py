"""Rows: append-only files with what no partial update changes about a product: keys, match text, record, vectors.

Every upsert takes the next row number, for good; a partial update keeps the row of its product. A segment is a
folder named by its first row, with, for row i of the segment,

    keys       JSON `[id, brand, category]`, both as far as they are keywords, one after the other
    texts      match texts (core/match_text.py), one after the other; apart from the keys, which every search reads
    records    the fields that only an upsert sets, and
    documents  what tantivy is given of them, ready-made: for both see documents.py; deflated
    bounds     eight uint64: where the keys of row i start and end, then its text (an empty one: it has none), its
               record and its document
    <f>.f32    dim float32 for vector field f (zeros: the product has no vector in this field)

Rows are written and synced before the text side commits a document that names them, and are never changed after.
So whatever row a committed document names is whole; rows that no committed document names (a kill came between)
are waste, not error. Files only grow, so that a reader's memory map never loses its ground.
"""

from __future__ import annotations

import mmap
import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import orjson
from numpy.typing import NDArray

from multirecall.core.errors import IndexCorrupt
from multirecall.engines.base import Float32Array
from multirecall.engines.embedded.storage import sync_folder
from multirecall.engines.schema import Schema

__all__ = ["RowReader", "RowWriter", "Rows", "segment_bases"]

Rows = NDArray[np.int64]
T = TypeVar("T")

_BLOBS = ("keys", "texts", "records", "documents")
"""The files of unequal pieces, in the order of their bounds."""

_BOUNDS_BYTES = 16 * len(_BLOBS)
_FASTEST = 1  # a level of zlib: a half of the bytes for 30 us
_BUFFER_BYTES = 4 << 20
_BLOCK_ROWS = 512


def segment_bases(folder: Path) -> list[int]:
    """The first rows of all segments, rising."""
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit())


def _segment_path(folder: Path, base: int) -> Path:
    return folder / f"{base:015d}"


class _Segment:
    """Memory maps over rows `base` to `stop` of one segment."""

    def __init__(self, path: Path, base: int, stop: int, schema: Schema) -> None:
        self.base, self.stop = base, stop
        n = stop - base
        self._bounds = self._map(path / "bounds", n * _BOUNDS_BYTES, np.uint64, (n, 2 * len(_BLOBS)))
        self.vectors: dict[str, Float32Array] = {
            v.name: self._map(path / f"{v.name}.f32", n * v.dim * 4, np.float32, (n, v.dim)) for v in schema.vectors
        }
        self._blobs = {name: self._map_bytes(path / name, 2 * at + 1) for at, name in enumerate(_BLOBS)}

    def keys(self, rows: Rows) -> list[list[Any]]:
        # read as one array: one by one they take twice as long
        found: list[list[Any]] = orjson.loads(b"[%b]" % b",".join(self._pieces("keys", rows)))
        return found

    def texts(self, rows: Rows) -> list[str]:
        return [text.decode() for text in self._pieces("texts", rows)]

    def records(self, rows: Rows) -> list[bytes]:
        return [zlib.decompress(record) for record in self._pieces("records", rows)]

    def documents(self, rows: Rows) -> list[bytes]:
        return [zlib.decompress(document) for document in self._pieces("documents", rows)]

    def _pieces(self, name: str, rows: Rows) -> list[bytes]:
        blob, at = self._blobs[name], 2 * _BLOBS.index(name)
        return [blob[start:end] for start, end in self._bounds[rows - self.base, at : at + 2].tolist()]

    def _map_bytes(self, path: Path, end_column: int) -> mmap.mmap | bytes:
        """A file up to the last byte that a row names."""
        last = int(self._bounds[:, end_column].max()) if len(self._bounds) else 0
        if not last:
            return b""
        self._check(path, last)
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), last, access=mmap.ACCESS_READ)

    @classmethod
    def _map(cls, path: Path, size: int, dtype: Any, shape: tuple[int, ...]) -> NDArray[Any]:
        cls._check(path, size)
        if size == 0:
            return np.zeros(shape, dtype=dtype)
        return np.asarray(np.memmap(path, dtype=dtype, mode="r", shape=shape))

    @staticmethod
    def _check(path: Path, size: int) -> None:
        found = path.stat().st_size if path.exists() else -1
        if found < size:
            what = "is missing" if found < 0 else f"holds {found} bytes, {size} are needed"
            raise IndexCorrupt(
                f"The index file {path} {what}.",
                hint="Restore the folder from a copy, or index the catalogue again.",
                path=str(path),
            )


class RowReader:
    """All rows up to `stop` (exclusive), read through memory maps. Immutable and safe for several threads."""

    def __init__(self, folder: Path, schema: Schema, stop: int) -> None:
        bases = [base for base in segment_bases(folder) if base < stop]
        ends = [*bases[1:], stop]
        self._segments = [
            _Segment(_segment_path(folder, base), base, end, schema) for base, end in zip(bases, ends, strict=False)
        ]
        self.first = bases[0] if bases else 0
        self.stop = stop

    def keys(self, rows: Sequence[int] | Rows) -> list[list[Any]]:
        """`[id, brand, category]` of each row. About .5 us a row."""
        return self._gathered(rows, _Segment.keys)

    def texts(self, rows: Sequence[int] | Rows) -> list[str]:
        """The match text of each row; empty if it has none. About .5 us a row."""
        return self._gathered(rows, _Segment.texts)

    def records(self, rows: Sequence[int] | Rows) -> list[bytes]:
        """What was appended as each row's record. About 10 us a row."""
        return self._gathered(rows, _Segment.records)

    def documents(self, rows: Sequence[int] | Rows) -> list[bytes]:
        """What was appended as each row's document. About 10 us a row."""
        return self._gathered(rows, _Segment.documents)

    def ids(self, rows: Sequence[int] | Rows) -> list[str]:
        return [keys[0] for keys in self.keys(rows)]

    def vector(self, field: str, row: int) -> Float32Array:
        """Shape (dim,); zeros if the product has none."""
        segment = self._segment(row)
        vector: Float32Array = segment.vectors[field][row - segment.base]
        return vector

    def gather(self, field: str, rows: Rows) -> Float32Array:
        """The vectors of `rows` in their order: shape (len(rows), dim), copied."""
        if len(self._segments) == 1:
            return self._segments[0].vectors[field][rows - self.first]
        gathered = np.zeros((len(rows), self._dim(field)), dtype=np.float32)
        for segment, inside in self._parts(rows):
            gathered[inside] = segment.vectors[field][rows[inside] - segment.base]
        return gathered

    def dot(self, field: str, query: Float32Array, rows: Rows) -> Float32Array:
        """The products of `query` with the vectors of `rows` (rising), in float32: shape (len(rows),)."""
        products = np.empty(len(rows), dtype=np.float32)
        block = np.empty((_BLOCK_ROWS, self._dim(field)), dtype=np.float32)
        for segment, inside in self._parts(rows):
            matrix, wanted = segment.vectors[field], rows[inside] - segment.base
            first, last = int(wanted[0]), int(wanted[-1]) + 1
            if 2 * len(wanted) >= last - first:
                products[inside] = (matrix[first:last] @ query)[wanted - first]
                continue
            found = np.empty(len(wanted), dtype=np.float32)
            for start in range(0, len(wanted), _BLOCK_ROWS):  # a block stays in the processor's cache
                part = wanted[start : start + _BLOCK_ROWS]
                np.take(matrix, part, axis=0, out=block[: len(part)], mode="clip")
                np.dot(block[: len(part)], query, out=found[start : start + len(part)])
            products[inside] = found
        return products

    def _gathered(self, rows: Sequence[int] | Rows, read: Callable[[_Segment, Rows], list[T]]) -> list[T]:
        """What `read` finds in the segments, in the order of `rows`."""
        wanted = np.asarray(rows, dtype=np.int64)
        if len(self._segments) == 1:
            return read(self._segments[0], wanted)
        found: dict[int, T] = {}
        for segment, inside in self._parts(wanted):
            found.update(zip(inside.tolist(), read(segment, wanted[inside]), strict=True))
        return [found[position] for position in range(len(wanted))]

    def _dim(self, field: str) -> int:
        return next((segment.vectors[field].shape[1] for segment in self._segments), 0)

    def _parts(self, rows: Rows) -> Iterator[tuple[_Segment, NDArray[np.intp]]]:
        """Each segment with the positions of those of `rows` that lie in it; none is empty."""
        for segment in self._segments:
            inside = np.flatnonzero((rows >= segment.base) & (rows < segment.stop))
            if inside.size:
                yield segment, inside

    def _segment(self, row: int) -> _Segment:
        for segment in reversed(self._segments):
            if row >= segment.base:
                return segment
        raise IndexCorrupt(f"Row {row} is in no segment of the index.", hint="Index the catalogue again.", row=row)


class RowWriter:
    """Appends rows to the last segment. One at a time per index: the holder of the text writer's lock.

    Opening it repairs what a kill left behind: all files of the segment are extended (with zeros) to the longest
    one's row, so that the next row number was never used before.
    """

    def __init__(self, folder: Path, schema: Schema) -> None:
        self._folder = folder
        self._dims = {v.name: v.dim for v in schema.vectors}
        self._handles: dict[str, int] = {}
        self._buffers: dict[str, list[bytes]] = {}
        self._buffered = 0
        bases = segment_bases(folder)
        self._open_segment(bases[-1] if bases else 0)

    def append(
        self,
        keys: Sequence[Any],
        vectors: Mapping[str, Float32Array],
        text: str = "",
        *,
        record: bytes = b"",
        document: bytes = b"",
    ) -> int:
        """Takes the next row; returns its number. Written out in blocks of some megabytes."""
        bounds = []
        packed = (zlib.compress(record, _FASTEST), zlib.compress(document, _FASTEST))
        for name, body in zip(_BLOBS, (orjson.dumps(keys), text.encode(), *packed), strict=True):
            start = self._ends[name]
            self._ends[name] = start + len(body)
            bounds += [start, self._ends[name]]
            self._put(name, body)
        self._put("bounds", np.array(bounds, dtype=np.uint64).tobytes())
        for name, dim in self._dims.items():
            vector = vectors.get(name)
            self._put(f"{name}.f32", bytes(4 * dim) if vector is None else vector.astype(np.float32).tobytes())
        row = self.next_row
        self.next_row += 1
        if self._buffered >= _BUFFER_BYTES:
            self._flush()
        return row

    def document(self, row: int) -> bytes:
        """The document of a row of the last segment that may not be synced yet."""
        self._flush()
        at = (row - self._base) * _BOUNDS_BYTES + 16 * _BLOBS.index("documents")
        start, end = np.frombuffer(os.pread(self._handles["bounds"], 16, at), dtype=np.uint64).tolist()
        return zlib.decompress(os.pread(self._handles["documents"], end - start, start))

    def sync(self) -> None:
        """Makes all appended rows durable."""
        self._flush()
        for handle in self._handles.values():
            os.fsync(handle)

    def start_segment(self) -> int:
        """Later rows go to a new segment; returns its first row."""
        self.sync()
        self._close_handles()
        self._open_segment(self.next_row)
        return self._base

    def close(self) -> None:
        """Closes the files; rows not synced may be lost (no committed document names them)."""
        self._buffers.clear()
        self._close_handles()

    def _open_segment(self, base: int) -> None:
        path = _segment_path(self._folder, base)
        path.mkdir(exist_ok=True)
        widths = {"bounds": _BOUNDS_BYTES} | {f"{name}.f32": 4 * dim for name, dim in self._dims.items()}
        for name in (*_BLOBS, *widths):
            self._handles[name] = os.open(path / name, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        sync_folder(path)
        sync_folder(self._folder)
        sizes = {name: os.fstat(handle).st_size for name, handle in self._handles.items()}
        rows = max(-(-sizes[name] // width) for name, width in widths.items())
        for name, width in widths.items():
            if sizes[name] < rows * width:
                os.ftruncate(self._handles[name], rows * width)
        self._base = base
        self.next_row = base + rows
        # bounds that a kill left behind may reach beyond the pieces that it left
        named = np.fromfile(path / "bounds", dtype=np.uint64).reshape(-1, 2 * len(_BLOBS)).max(axis=0, initial=0)
        self._ends = {name: max(sizes[name], int(end)) for name, end in zip(_BLOBS, named[1::2], strict=True)}
        for name, end in self._ends.items():
            os.ftruncate(self._handles[name], end)
        self._buffers = {name: [] for name in self._handles}
        self._buffered = 0

    def _put(self, name: str, content: bytes) -> None:
        self._buffers[name].append(content)
        self._buffered += len(content)

    def _flush(self) -> None:
        for name, parts in self._buffers.items():
            left = memoryview(b"".join(parts))
            while left:
                left = left[os.write(self._handles[name], left) :]
            parts.clear()
        self._buffered = 0

    def _close_handles(self) -> None:
        for handle in self._handles.values():
            os.close(handle)
        self._handles.clear()
