"""A folder in the place of another, in one step."""

from __future__ import annotations

import ctypes
import os
import tempfile
from pathlib import Path

__all__ = ["put_in_place"]

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


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
