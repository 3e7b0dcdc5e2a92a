"""Bytes to text: UTF-8 with or without a byte order mark, UTF-16 with one, single stray bytes as Windows-1252."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from multirecall.core.errors import InvalidSource
from multirecall.indexer.sources.base import MAX_RECORD_CHARS, Notes
from multirecall.indexer.sources.streams import Stream

__all__ = ["text_chunks", "text_lines"]

_CHUNK_BYTES = 1 << 16
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def text_chunks(stream: Stream, notes: Notes) -> Iterator[str]:
    """The stream's text in pieces.

    Bytes that are not UTF-8 are read as Windows-1252, the usual other encoding of exports, and counted in the
    notes: a single such byte in the millionth row must not cost the catalogue.
    """
    decoder = _Utf8()
    read = stream.data.read
    first = read(_CHUNK_BYTES)
    if first.startswith(_UTF16_MARKS):
        yield from _utf16(stream, first)
        return
    chunk = first.removeprefix(codecs.BOM_UTF8)
    while chunk:
        yield decoder.decode(chunk, final=False)
        chunk = read(_CHUNK_BYTES)
    rest = decoder.decode(b"", final=True)
    if decoder.stray:
        notes.add(f"{stream.name}: bytes that are not UTF-8, read as Windows-1252", decoder.stray)
    yield rest


def _utf16(stream: Stream, first: bytes) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-16")()
    chunk = first
    try:
        while chunk:
            yield decoder.decode(chunk)
            chunk = stream.data.read(_CHUNK_BYTES)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise InvalidSource(
            f"The file {stream.name} begins as UTF-16 but is not UTF-16 throughout ({error.reason}).",
            hint="Export the catalogue as UTF-8.",
            file=stream.name,
        ) from error


class _Utf8:
    """An incremental UTF-8 decoder that counts stray bytes instead of failing."""

    def __init__(self) -> None:
        self.stray = 0
        self._tail = b""

    def decode(self, chunk: bytes, *, final: bool) -> str:
        data = self._tail + chunk if self._tail else chunk
        parts: list[str] = []
        while True:
            try:
                text, used = codecs.utf_8_decode(data, "strict", final)
            except UnicodeDecodeError as error:
                parts.append(data[: error.start].decode("utf-8"))
                parts.append(data[error.start : error.end].decode("cp1252", "replace"))
                self.stray += error.end - error.start
                data = data[error.end :]
            else:
                parts.append(text)
                self._tail = data[used:]
                return "".join(parts)


def text_lines(stream: Stream, notes: Notes) -> Iterator[str]:
    """The stream's lines, each with its line end, split at line feeds only (other separators may be content).

    Raises InvalidSource for a line above `MAX_RECORD_CHARS`.
    """
    pending: list[str] = []
    length = 0
    number = 0
    for chunk in text_chunks(stream, notes):
        start = 0
        while (end := chunk.find("\n", start)) >= 0:
            line = chunk[start : end + 1]
            if pending:
                pending.append(line)
                line = "".join(pending)
                pending.clear()
                length = 0
            number += 1
            yield line
            start = end + 1
        if start < len(chunk):
            pending.append(chunk[start:])
            length += len(chunk) - start
        if length > MAX_RECORD_CHARS:
            raise InvalidSource(
                f"The file {stream.name}, line {number + 1}, is longer than {MAX_RECORD_CHARS:,} characters.",
                hint="A catalogue has one product per line; check the format and the line ends.",
                file=stream.name,
                line=number + 1,
            )
    if pending:
        yield "".join(pending)
