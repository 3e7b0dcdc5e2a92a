"""Rows of tables as people keep them: tab- or comma-separated, gzipped or not, or Parquet."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from multirecall.core.errors import InvalidSource

__all__ = ["Row", "file_bytes", "file_text", "is_parquet", "parquet_rows", "text_rows", "wrong"]


@dataclass(frozen=True, slots=True)
class Row:
    """One row with the line it begins on (Parquet: its number; the header counts as line 1)."""

    line: int
    cells: Sequence[str]


def file_bytes(path: Path, field: str) -> bytes:
    """The content, unpacked if it is gzipped. Raises InvalidSource with `field`, the option that named the file."""
    try:
        body = path.read_bytes()
        return gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
    except FileNotFoundError:
        raise InvalidSource(
            f"There is no file {path}.", hint=f"Check --{field}.", field=field, file=str(path)
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidSource(f"Cannot read {path}: {error}.", field=field, file=str(path)) from None


def file_text(path: Path, body: bytes, field: str) -> str:
    """The content as text. Raises InvalidSource if it is not UTF-8."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidSource(f"Cannot read {path}: {error}.", field=field, file=str(path)) from None


def text_rows(path: Path, text: str, field: str, *, comma: bool) -> Iterator[Row]:
    """The rows of a separated table that are not blank.

    It is tab-separated if its first line has a tab; else `comma` says. Comma-separated files and those named `.csv` may
    quote their cells; other tab-separated files are not quoted: a `"` (inches) is part of an id or a query. Raises
    InvalidSource, with the line, for quotes that do not match.
    """
    first = next((line for line in text.split("\n") if line.strip()), "")
    tab = "\t" in first or not comma
    quoted = not tab or ".csv" in [suffix.lower() for suffix in path.suffixes]
    lines = io.StringIO(text, newline="")  # not splitlines, which also cuts at form feeds and other rare characters
    reader = csv.reader(
        lines, delimiter="\t" if tab else ",", quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE, strict=quoted
    )
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield Row(reader.line_num, cells)
    except csv.Error as error:
        raise wrong(path, reader.line_num, field, f"cannot be read: {error}") from None


def is_parquet(body: bytes) -> bool:
    """Whether the content is a Parquet file, by its first bytes."""
    return body.startswith(b"PAR1")


def parquet_rows(path: Path, body: bytes, field: str, wanted: Sequence[str] | None = None) -> Iterator[Row]:
    """The names of the columns as the first row, then all rows as texts; a null is empty.

    With `wanted`, only columns whose lower-case name is among them are read. Raises InvalidSource for a damaged file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(body))
        names = [name for name in file.schema_arrow.names if wanted is None or name.lower() in wanted]
        yield Row(1, names)
        line = 1
        for batch in file.iter_batches(columns=names):
            columns = [column.to_pylist() for column in batch.columns]
            for values in zip(*columns, strict=True):
                line += 1
                yield Row(line, ["" if value is None else str(value) for value in values])
    except (pa.ArrowException, OSError) as error:
        raise InvalidSource(f"Cannot read {path}: {error}.", field=field, file=str(path)) from None


def wrong(path: Path, line: int, field: str, what: str, hint: str = "") -> InvalidSource:
    """The error for one row: file, line and field, then what is wrong."""
    return InvalidSource(f"{path}, line {line}: {field} {what}.", hint=hint, field=field, file=str(path), line=line)
