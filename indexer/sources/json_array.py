"""A JSON array of products (or objects one after another), read product by product in bounded memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from multirecall.core.errors import InvalidSource
from multirecall.indexer.sources.base import MAX_RECORD_CHARS, BrokenRow, Notes, Row, SourceRow
from multirecall.indexer.sources.streams import Stream
from multirecall.indexer.sources.texts import text_chunks

__all__ = ["read_json"]

_BLANK = re.compile(r"[ \t\r\n]*")
_WRAPPER = re.compile(r'\{\s*"(?:products|items|data|docs|records|rows|results)"\s*:\s*\[')
_UNFINISHED = ("Unterminated string", "Invalid \\uXXXX escape")  # their position is where the string begins
_LITERAL_CHARS = 16  # a literal or number cut by the end of the buffer fails at most this far before it


def read_json(stream: Stream, notes: Notes) -> Iterator[Row]:
    """One row per element of `[{…}, {…}]`, of `{"products": [{…}, …]}`, or of `{…} {…}` without an array.

    An element that is no object is rejected. A syntax error ends the reading with InvalidSource that names line
    and column, since nothing after it can be trusted: rows yielded before it are right.
    """
    reader = _Reader(stream, notes)
    wrapped = reader.skip(_WRAPPER)
    in_array = wrapped or reader.take("[")
    row = 0
    while not reader.at_end():
        if in_array and reader.take("]"):
            if not wrapped and not reader.at_end():
                reader.fail("more data follows after the end of the array")
            return
        if row and in_array and not reader.take(","):
            reader.fail("expected ',' or ']' after a product")
        if row and not in_array:
            reader.take(",")
        row += 1
        reader.blank()
        line = reader.line
        value, text = reader.value()
        if isinstance(value, dict):
            yield SourceRow(file=stream.name, row=row, line=line, record=value)
        else:
            reason = f"a product must be a JSON object, got {type(value).__name__}"
            yield BrokenRow(file=stream.name, row=row, line=line, reason=reason, text=text)
    if in_array:
        reader.fail("the array is not closed: the file is truncated")


class _Reader:
    """A sliding buffer over the text; `line` is the line of the position, from 1."""

    def __init__(self, stream: Stream, notes: Notes) -> None:
        self._name = stream.name
        self._chunks = text_chunks(stream, notes)
        self._decode = json.JSONDecoder(strict=False).raw_decode  # line breaks inside texts are common
        self._buffer = ""
        self._at = 0
        self._line_start = 0  # may be negative: the line began in a part that is gone
        self._ended = False
        self.line = 1
        self._grow(1 << 12)

    def _grow(self, chars: int) -> bool:
        """Reads on until `chars` more are there or the file ends; drops what is behind. Returns: anything came."""
        parts = [self._buffer[self._at :]]
        self._line_start -= self._at
        self._at = 0
        added = 0
        while added < chars and not self._ended:
            chunk = next(self._chunks, None)
            if chunk is None:
                self._ended = True
            else:
                parts.append(chunk)
                added += len(chunk)
        self._buffer = "".join(parts)
        return added > 0

    def _advance(self, to: int) -> None:
        newlines = self._buffer.count("\n", self._at, to)
        if newlines:
            self.line += newlines
            self._line_start = self._buffer.rfind("\n", self._at, to) + 1
        self._at = to

    def blank(self) -> None:
        """Moves to the next character that is no white space."""
        while True:
            match = _BLANK.match(self._buffer, self._at)
            self._advance(match.end() if match else self._at)
            if self._at < len(self._buffer) or not self._grow(1):
                return

    def at_end(self) -> bool:
        self.blank()
        return self._at == len(self._buffer)

    def take(self, char: str) -> bool:
        """Moves behind `char` if it comes next (after white space)."""
        self.blank()
        if self._buffer.startswith(char, self._at):
            self._advance(self._at + 1)
            return True
        return False

    def skip(self, pattern: re.Pattern[str]) -> bool:
        """Moves behind a match of the pattern, if it comes next."""
        self.blank()
        match = pattern.match(self._buffer, self._at)
        if match is None:
            return False
        self._advance(match.end())
        return True

    def value(self) -> tuple[Any, str]:
        """The next JSON value and the beginning of its text. Raises InvalidSource."""
        wanted = 1 << 16
        while True:
            try:
                value, end = self._decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                missing = error.pos >= len(self._buffer) - _LITERAL_CHARS or error.msg.startswith(_UNFINISHED)
                if not missing or not self._grow(wanted):
                    self._fail_at(error)
            except (ValueError, RecursionError) as error:
                self.fail(f"unreadable value ({error})")
            else:
                if end < len(self._buffer) or not self._grow(wanted):
                    text = self._buffer[self._at : min(end, self._at + 1_000)]
                    self._advance(end)
                    return value, text
            if len(self._buffer) - self._at > MAX_RECORD_CHARS:
                self.fail(f"a product of more than {MAX_RECORD_CHARS:,} characters: a bracket or quote is not closed")
            wanted *= 2

    def _fail_at(self, error: json.JSONDecodeError) -> NoReturn:
        if error.pos >= len(self._buffer.rstrip()) or (self._ended and error.msg.startswith(_UNFINISHED[0])):
            self.fail("the file ends in the middle of a product: it is truncated")
        self._advance(error.pos)
        self.fail(f"not JSON: {error.msg}")

    def fail(self, reason: str) -> NoReturn:
        """Raises InvalidSource naming file, line and column of the position."""
        column = self._at - self._line_start + 1
        raise InvalidSource(
            f"The file {self._name} breaks at line {self.line}, column {column}: {reason}.",
            hint="Repair or export it again; JSON lines (one product per line) lose only the broken lines.",
            file=self._name,
            line=self.line,
            column=column,
        )
