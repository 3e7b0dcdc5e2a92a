"""CSV and its relatives: separator found by trial, quoted line breaks, a broken row costs itself only."""

from __future__ import annotations

import csv
import itertools
from collections import deque
from collections.abc import Iterator, Sequence

from multirecall.core.errors import InvalidSource
from multirecall.indexer.sources.base import MAX_RECORD_CHARS, BrokenRow, Notes, Row, SourceRow
from multirecall.indexer.sources.streams import Stream
from multirecall.indexer.sources.texts import text_lines

__all__ = ["SEPARATORS", "find_separator", "read_csv"]

SEPARATORS = (",", ";", "\t", "|")
_TRIAL_LINES = 200
_MAX_SPAN_CHARS = 4_000_000
"""A quoted field that runs longer over lines was opened by a stray quote."""


def read_csv(stream: Stream, notes: Notes) -> Iterator[Row]:
    """One row per record under the header; a record with another number of fields than the header is rejected.

    A rejected record of several lines was most likely opened by a stray quote, so only its first line is given up
    and its other lines are read again.
    Raises InvalidSource if there is no header with two columns or more.
    """
    if csv.field_size_limit() < MAX_RECORD_CHARS:
        csv.field_size_limit(MAX_RECORD_CHARS)  # process-wide, and the default refuses long descriptions
    lines = text_lines(stream, notes)
    head = list(itertools.islice(lines, _TRIAL_LINES))
    separator = find_separator(head)
    if separator is None:
        raise _no_columns(stream.name, head)
    feed = _Lines(itertools.chain(head, lines))
    header: list[str] | None = None
    row = 0
    for line, fields, text in _records(feed, separator):
        if not fields:
            continue
        if header is None:
            header = _header(fields, stream.name, notes)
            continue
        row += 1
        if len(fields) == len(header) and not feed.cut:
            yield SourceRow(file=stream.name, row=row, line=line, record=dict(zip(header, fields, strict=True)))
            continue
        reason = f"{len(fields)} fields where the header has {len(header)}"
        if feed.cut:
            reason = "a quote that opens on this line is not closed"
        yield BrokenRow(file=stream.name, row=row, line=line, reason=reason, text=text)
        feed.give_back_all_but_first()


def find_separator(lines: Sequence[str]) -> str | None:
    """The separator under which most records have as many fields (two or more) as the header; None if none has."""
    best: tuple[float, int] | None = None
    found: str | None = None
    for separator in SEPARATORS:
        try:
            records = [r for r in csv.reader(lines, delimiter=separator) if r]
        except csv.Error:
            continue
        if not records or len(records[0]) < 2:
            continue
        columns = len(records[0])
        share = sum(len(r) == columns for r in records) / len(records)
        score = (round(share, 1), columns)
        if best is None or score > best:
            best, found = score, separator
    return found


class _Lines(Iterator[str]):
    """Lines with their numbers that remembers those of the current record, so that they can be read again."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._again: deque[str] = deque()
        self._number = 0
        self._chars = 0
        self.record: list[str] = []
        self.cut = False  # more was asked for in the middle of a record: its quote is not closed

    @property
    def record_line(self) -> int:
        """The number of the record's first line."""
        return self._number - len(self.record) + 1

    def begin(self) -> None:
        self.record.clear()
        self._chars = 0
        self.cut = False

    def __next__(self) -> str:
        line = None
        if self._chars <= _MAX_SPAN_CHARS or len(self.record) < 2:
            line = self._again.popleft() if self._again else next(self._lines, None)
        if line is None:
            self.cut = bool(self.record)
            raise StopIteration
        self._number += 1
        self._chars += len(line)
        self.record.append(line)
        return line

    def give_back_all_but_first(self) -> None:
        self._again.extendleft(reversed(self.record[1:]))
        self._number -= len(self.record) - 1
        del self.record[1:]


def _records(feed: _Lines, separator: str) -> Iterator[tuple[int, list[str], str]]:
    """(first line, fields, beginning of the text) of each record; the consumer may give lines back in between."""
    while True:
        feed.begin()
        try:
            fields = next(csv.reader(feed, delimiter=separator), None)
        except csv.Error:  # a bare carriage return inside a field; counts as a row with no field fitting
            fields = ["".join(feed.record)]
        if fields is None:
            return
        yield feed.record_line, fields, "".join(feed.record[:20]).rstrip("\r\n")[:2_000]


def _header(fields: list[str], name: str, notes: Notes) -> list[str]:
    """Column names without surrounding blanks; nameless ones are numbered, repeated ones get a number too."""
    header: list[str] = []
    for position, field in enumerate(fields, start=1):
        column = field.strip() or f"column_{position}"
        if column in header:
            notes.add(f"{name}: column {column!r} appears twice, the second is read as '{column}_{position}'")
            column = f"{column}_{position}"
        header.append(column)
    return header


def _no_columns(name: str, head: Sequence[str]) -> InvalidSource:
    first = head[0].rstrip("\r\n") if head else ""
    if "\r" in first:
        return InvalidSource(
            f"The file {name} uses carriage returns as line ends.",
            hint="Save it with the line ends of Unix or Windows.",
            file=name,
            line=1,
        )
    return InvalidSource(
        f"The file {name} has no header with two or more columns in line 1: {first[:60]!r}.",
        hint="Expected is a CSV with a header, separated by comma, semicolon, tab or bar; "
        "or name the file by its format (.json, .jsonl, .parquet).",
        file=name,
        line=1,
    )
