"""A folder in the place of another, in one step."""

from __future__ import annotations

import ctypes
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from multirecall.core.errors import InvalidSettings

__all__ = ["may_replace", "put_in_place", "written_whole"]

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A new folder beside `path` to write into. When the block ends it takes the place of `path`; it goes if it raises.

    Raises InvalidSettings, with the field `out`, for what the disk refuses; then nothing has changed.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        try:
            yield made
            made.chmod(0o755)  # mkdtemp makes it for its owner alone
            put_in_place(made, path)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise InvalidSettings(f"Cannot write {path}: {error.strerror or error}.", field="out") from None


def may_replace(folder: Path, sign: str) -> bool:
    """Whether `folder` is free: absent, empty, or one of ours, which holds the file `sign`."""
    return not folder.exists() or (folder.is_dir() and ((folder / sign).is_file() or not any(folder.iterdir())))


def put_in_place(made: Path, path: Path) -> None:
    """Renames the folder `made` to `path`. What lay there is then at `made`.

    Whoever opens `path` finds the one or the other whole, also if this process is killed. Where the system cannot
    exchange two folders (it is no Linux, or the file system says no) `path` is away for a moment between two renames.
    Raises OSError.
    """
    if not path.exists():
        made.rename(path)
    elif not _exchanged(made, path):
        aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        path.rename(aside)
        made.rename(path)
        aside.rename(made)


def _exchanged(one: Path, other: Path) -> bool:
    """Whether the two have changed places (renameat2, which Python does not know)."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    return bool(rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0)
