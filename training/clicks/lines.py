"""Lines of a log file, plain or gzip, one after the other."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from multirecall.core.errors import InvalidSource

__all__ = ["opened", "unreadable"]

_GZIP = b"\x1f\x8b"


@contextmanager
def opened(path: Path) -> Iterator[IO[str]]:
    """The file as text, UTF-8, line ends as they are; unpacked if it starts as gzip does, whatever its name.

    Raises InvalidSource, also while it is read: no such file, no UTF-8, a broken archive.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == _GZIP
            raw.seek(0)
            with (
                gzip.GzipFile(fileobj=raw) if packed else raw as body,
                io.TextIOWrapper(body, encoding="utf-8-sig", newline="") as text,
            ):
                yield text
    except FileNotFoundError:
        raise InvalidSource(f"There is no file {path}.", hint="Check the path.", field="log", file=str(path)) from None
    except UnicodeDecodeError as error:
        raise unreadable(path, f"it is not UTF-8 ({error.reason})") from None
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, str(error)) from None


def unreadable(path: Path, why: str) -> InvalidSource:
    """The error for a file that cannot be read."""
    return InvalidSource(f"Cannot read {path}: {why}.", hint="Check the file.", field="log", file=str(path))
