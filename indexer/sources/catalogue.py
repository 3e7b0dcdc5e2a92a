"""Catalogue: one or many files as one sequence of rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from multirecall.indexer.sources.base import Notes, Row, SourceRow
from multirecall.indexer.sources.csv_rows import read_csv
from multirecall.indexer.sources.find import find_files, format_of_name
from multirecall.indexer.sources.json_array import read_json
from multirecall.indexer.sources.json_lines import read_json_lines
from multirecall.indexer.sources.parquet import read_parquet
from multirecall.indexer.sources.streams import Stream, open_streams, reading

__all__ = ["Catalogue"]

_READERS: Mapping[str, Callable[[Stream, Notes], Iterator[Row]]] = {
    "json": read_json,
    "jsonl": read_json_lines,
    "csv": read_csv,
    "parquet": read_parquet,
}


class Catalogue:
    """The rows of files, folders and patterns, in the order given, in bounded memory.

    `rows()` may be called again; `bytes_read` and `notes` belong to the latest call.
    Raises InvalidSource at construction for a name that leads to no file.
    """

    def __init__(self, sources: Sequence[str | Path]) -> None:
        self.files = tuple(find_files(sources))
        self.total_bytes = sum(path.stat().st_size for path in self.files)
        self.bytes_read = 0
        self.notes = Notes()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(str(path) for path in self.files)

    @property
    def fixed_columns(self) -> bool:
        return all(format_of_name(path.name) in ("csv", "parquet") for path in self.files)

    def rows(self) -> Iterator[Row]:
        self.bytes_read = 0
        self.notes = Notes()
        for path in self.files:
            end = self.bytes_read + path.stat().st_size

            def count(n: int, end: int = end) -> None:  # an archive's directory is read twice
                self.bytes_read = min(end, self.bytes_read + n)

            yield from self._rows_of(path, self.notes, count)
            self.bytes_read = end

    def sample(self, n: int) -> list[Mapping[str, Any]]:
        """Up to `n` whole records: equally many from each of up to eight files spread over the list.

        Broken rows are passed over here, and rejected by the build.
        """
        step = max(1, -(-len(self.files) // 8))
        chosen = self.files[::step]
        each = -(-n // len(chosen))
        found: list[Mapping[str, Any]] = []
        for path in chosen:
            rows = self._rows_of(path, Notes(), _ignore)
            found.extend(itertools.islice((row.record for row in rows if isinstance(row, SourceRow)), each))
        return found[:n]

    @staticmethod
    def _rows_of(path: Path, notes: Notes, count: Callable[[int], None]) -> Iterator[Row]:
        for stream in open_streams(path, notes, count):
            with reading(stream.name):
                yield from _READERS[stream.kind](stream, notes)


def _ignore(n: int) -> None:
    """The sample counts no bytes."""
