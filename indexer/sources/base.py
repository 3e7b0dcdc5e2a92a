"""What every reader yields, and what the build needs of a source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

__all__ = ["MAX_RECORD_CHARS", "BrokenRow", "Notes", "Records", "Row", "RowSource", "SourceRow"]

MAX_RECORD_CHARS = 32_000_000
"""A longer single record is no product but a broken file (a quote or bracket that never closes)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """One record as it came. `row` counts records from 1 within `file`; `line` is the first line it stands on
    (None for formats without lines). A member of a zip with several is named `path!member`.
    """

    file: str
    row: int
    line: int | None
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenRow:
    """A record that could not be read although the file goes on after it. `text` is what stood there, cut."""

    file: str
    row: int
    line: int | None
    reason: str
    text: str


Row = SourceRow | BrokenRow


@dataclass(slots=True)
class Notes:
    """What readers saw and the user should know: how often each note came up, in order of first appearance."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, note: str, count: int = 1) -> None:
        self.counts[note] = self.counts.get(note, 0) + count


class RowSource(Protocol):
    """A catalogue that can be read several times; `bytes_read` grows while the latest `rows()` is consumed."""

    @property
    def names(self) -> tuple[str, ...]:
        """The files, for reports."""
        ...

    @property
    def total_bytes(self) -> int:
        """Size of all files as they lie on disk; 0 if unknown."""
        ...

    @property
    def bytes_read(self) -> int: ...

    @property
    def notes(self) -> Notes: ...

    @property
    def fixed_columns(self) -> bool:
        """Whether every record has the same fields (CSV, Parquet), so that a missing field is surely missing."""
        ...

    def rows(self) -> Iterator[Row]:
        """All records in order of file and position. Raises InvalidSource where a file cannot be read on."""
        ...

    def sample(self, n: int) -> list[Mapping[str, Any]]:
        """Up to `n` whole records, spread over the files."""
        ...


class Records:
    """Records that are in memory already (a DataFrame's rows, a generated test bed, tests)."""

    def __init__(self, records: Iterable[Mapping[str, Any]], name: str = "records") -> None:
        self._records = list(records)
        self._name = name
        self.notes = Notes()
        self.total_bytes = 0
        self.bytes_read = 0
        self.fixed_columns = False

    @property
    def names(self) -> tuple[str, ...]:
        return (self._name,)

    def rows(self) -> Iterator[Row]:
        for row, record in enumerate(self._records, start=1):
            yield SourceRow(file=self._name, row=row, line=None, record=record)

    def sample(self, n: int) -> list[Mapping[str, Any]]:
        return self._records[:n]
