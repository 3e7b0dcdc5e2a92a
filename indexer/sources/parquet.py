"""Parquet, read in batches."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from typing import IO

from multirecall.core.errors import InvalidSource
from multirecall.indexer.sources.base import Notes, Row, SourceRow
from multirecall.indexer.sources.streams import Stream

__all__ = ["read_parquet"]

_BATCH_ROWS = 512


def read_parquet(stream: Stream, notes: Notes) -> Iterator[Row]:
    """One row per record. A packed file is unpacked to a temporary file first: Parquet is read from its end."""
    import pyarrow  # costs 100 ms, so only where a Parquet file is read
    import pyarrow.parquet

    with _seekable(stream) as data:
        try:
            file = pyarrow.parquet.ParquetFile(data)
            row = 0
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                for record in batch.to_pylist():
                    row += 1
                    yield SourceRow(file=stream.name, row=row, line=None, record=record)
        except (pyarrow.ArrowException, OSError) as error:
            raise InvalidSource(
                f"The Parquet file {stream.name} cannot be read: {str(error).splitlines()[0]}",
                hint="It is truncated or damaged; write it again.",
                file=stream.name,
            ) from error


def _seekable(stream: Stream) -> IO[bytes]:
    if not stream.packed:
        return stream.data
    file = tempfile.TemporaryFile(prefix="multirecall-")  # noqa: SIM115
    shutil.copyfileobj(stream.data, file, 1 << 20)
    file.seek(0)
    return file
