"""Opened files: unpacked, counted, their format recognised by content, every failure named."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from multirecall.core.errors import InvalidSource
from multirecall.indexer.sources.base import Notes
from multirecall.indexer.sources.find import SUFFIXES, format_of_name

__all__ = ["Stream", "open_streams", "reading"]

_HEAD_BYTES = 1 << 16
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One unpacked file. `name` is for messages; `kind` is json, jsonl, csv or parquet; `data` is at its start.

    `packed`: seeking in `data` would unpack it again from the beginning.
    """

    name: str
    kind: str
    data: IO[bytes]
    packed: bool


class _CountingFile(io.RawIOBase):
    """A file that reports how many bytes were read from it: progress in terms of the packed size."""

    def __init__(self, file: IO[bytes], count: Callable[[int], None]) -> None:
        self._file = file
        self._count = count

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: Any) -> int:
        n = cast(io.BufferedReader, self._file).readinto(buffer)
        self._count(n)
        return n

    def close(self) -> None:
        self._file.close()
        super().close()


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turns whatever goes wrong while reading `name` into InvalidSource that says what to do."""
    try:
        yield
    except FileNotFoundError as error:
        raise InvalidSource(f"The file {name} does not exist.", hint="Check the path.", file=name) from error
    except EOFError as error:
        raise InvalidSource(
            f"The compressed file {name} ends too early: it is truncated.",
            hint="Copy or download it again.",
            file=name,
        ) from error
    except (gzip.BadGzipFile, zlib.error, zipfile.BadZipFile) as error:
        raise InvalidSource(
            f"The compressed file {name} is damaged ({error}).", hint="Copy or download it again.", file=name
        ) from error
    except OSError as error:
        raise InvalidSource(
            f"The file {name} cannot be read: {error.strerror or error}.", hint="Check the file and its permissions.",
            file=name,
        ) from error  # fmt: skip


def open_streams(path: Path, notes: Notes, count: Callable[[int], None]) -> Iterator[Stream]:
    """The unpacked contents of one file: one stream, or one per catalogue member of a zip, each valid until the next.

    Packing and format are recognised by content first, by name second. `count` is called with the number of
    packed bytes read. Raises InvalidSource for an empty, damaged or unknown file.
    """
    name = str(path)
    with reading(name), path.open("rb") as plain:
        raw = io.BufferedReader(_CountingFile(plain, count), 1 << 18)
        magic = raw.peek(4)[:4]
        if not magic:
            raise InvalidSource(f"The file {name} is empty.", hint="Export the catalogue again.", file=name)
        if magic[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=raw) as unpacked:
                yield _stream(name, cast(IO[bytes], unpacked), packed=True)
        elif magic == b"PK\x03\x04" or magic == b"PK\x05\x06":
            yield from _zip_streams(name, raw, notes)
        else:
            yield _stream(name, raw, packed=False)


def _zip_streams(name: str, raw: IO[bytes], notes: Notes) -> Iterator[Stream]:
    with zipfile.ZipFile(raw) as archive:
        files = [m for m in archive.infolist() if not m.is_dir() and not _is_clutter(m.filename)]
        members = files if len(files) == 1 else [m for m in files if format_of_name(m.filename)]
        if len(files) == 1 and files[0].filename.lower().endswith((".xml", ".xlsx", ".xls", ".pdf")):
            members = []
        if any(m.filename == "[Content_Types].xml" for m in files):
            raise InvalidSource(
                f"The file {name} is an office document (Excel, Word …).",
                hint="Export the sheet as CSV.",
                file=name,
            )
        if not members:
            held = ", ".join(m.filename for m in files[:5]) or "nothing"
            raise InvalidSource(
                f"The zip {name} holds no catalogue file (it holds: {held}).",
                hint=f"Known endings: {', '.join(SUFFIXES)}.",
                file=name,
            )
        for skipped in (m for m in files if m not in members):
            notes.add(f"{name}: member {skipped.filename} is no catalogue file and was not read")
        for member in members:
            member_name = name if len(members) == 1 else f"{name}!{member.filename}"
            if member.flag_bits & 0x1:
                raise InvalidSource(
                    f"{member_name} is encrypted.", hint="Unpack it with its password first.", file=name
                )
            try:
                unpacked = archive.open(member)
            except NotImplementedError as error:
                raise InvalidSource(
                    f"{member_name} is packed by a method that is not supported ({error}).",
                    hint="Pack it again with plain zip or gzip.",
                    file=name,
                ) from error
            with reading(member_name), unpacked:
                yield _stream(member_name, unpacked, member.filename, packed=True)


def _is_clutter(member: str) -> bool:
    return member.startswith("__MACOSX/") or member.rsplit("/", 1)[-1].startswith(".")


def _stream(name: str, unpacked: IO[bytes], named: str = "", *, packed: bool) -> Stream:
    data = io.BufferedReader(cast(io.RawIOBase, unpacked), 1 << 18)
    head = data.peek(_HEAD_BYTES)[:_HEAD_BYTES]
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        raise InvalidSource(f"The file {name} is empty.", hint="Export the catalogue again.", file=name)
    return Stream(name=name, kind=_kind(name, named or name, head), data=data, packed=packed)


def _kind(name: str, named: str, head: bytes) -> str:
    """The format: what the content shows beyond doubt, else what the name says, else CSV."""
    told = format_of_name(named)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"PAR1"):
        return "parquet"
    if told == "parquet":
        raise InvalidSource(
            f"The file {name} is not a Parquet file.", hint="Check how it was written.", file=name, position=0
        )
    if told == "csv" or (told and head.startswith(_UTF16_MARKS)):
        return told
    if told is None and b"\0" in head and not head.startswith(_UTF16_MARKS):
        raise InvalidSource(
            f"The file {name} is in no format that can be read (JSON, JSON lines, CSV, Parquet).",
            hint=f"Name it by its format: {', '.join(SUFFIXES)}.",
            file=name,
            position=0,
        )
    if text.startswith(b"["):
        return "json"
    if told == "jsonl" or _is_json_lines(text):
        return "jsonl"
    if text.startswith(b"{"):
        return "json"
    if told == "json":
        raise InvalidSource(
            f"The file {name} is not JSON: it begins with {text[:20]!r}.",
            hint="Expected is an array of products, [{…}, {…}], or one product per line.",
            file=name,
            position=0,
        )
    return "csv"


def _is_json_lines(text: bytes) -> bool:
    first, newline, rest = text.partition(b"\n")
    return first.startswith(b"{") and first.rstrip().endswith(b"}") and bool(newline) and rest.startswith(b"{")
