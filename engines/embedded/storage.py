"""Files that survive a kill: atomic writes, and the operating system's errors in our own words."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from multirecall.core.errors import EngineBusy, EngineError, StorageFull

__all__ = ["folder_bytes", "storage_errors", "sync_folder", "write_atomically"]

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_TEXTS = ("no space left", "disk quota", "file too large", "os error 28", "os error 122", "os error 27")
_LITTLE_SPACE = 16 << 20  # what tantivy's writer needs at once, of whose trouble we only hear that it died
_HINT = (
    "The last refreshed state is intact and still answers. Free some space, then write again what was not refreshed."
)
_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)


def write_atomically(path: Path, content: bytes) -> None:
    """The file holds either what it held before or all of `content`, also after a power cut."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Makes the names in a folder durable (renames, new files)."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def folder_bytes(path: Path) -> int:
    """Bytes of all files below the folder; files that vanish meanwhile count nothing."""
    total = 0
    for parent, _, names in os.walk(path):
        for name in names:
            try:
                total += (Path(parent) / name).stat().st_size
            except FileNotFoundError:
                continue
    return total


@contextmanager
def storage_errors(path: Path, doing: str, hint: str = _HINT) -> Iterator[None]:
    """Turns what the file system, tantivy and usearch raise while writing into StorageFull, EngineBusy or EngineError.

    tantivy reports its trouble as ValueError with the operating system's text, usearch as RuntimeError. `hint` is
    what a StorageFull says of what was kept and what to do.
    """
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        text = str(error).lower()
        data = {"path": str(path), "engine": "embedded"}
        killed = "writer was killed" in text and shutil.disk_usage(path).free < _LITTLE_SPACE
        if getattr(error, "errno", None) in _FULL or any(part in text for part in _FULL_TEXTS) or killed:
            raise StorageFull(f"No space left while {doing} ({path}).", hint=hint, **data) from error
        if "lockbusy" in text or "failed to acquire" in text:
            raise EngineBusy(
                f"Another writer holds the index {path}.",
                hint="One process may write at a time (any number may read). Wait until the other one closes its "
                "engine, or send the writes through it.",
                **data,
            ) from error
        if getattr(error, "errno", None) in _READ_ONLY or "permission denied" in text or "read-only" in text:
            raise EngineError(
                f"The folder {path} cannot be written ({error}).",
                hint="Give this user the right to write there, or choose another folder.",
                **data,
            ) from error
        raise EngineError(f"Failed while {doing} ({path}): {error}", **data) from error
