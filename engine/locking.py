"""One process at a time: a lock on a file, freed by the system when its holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["locked"]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the exclusive lock on `path`, which is made if absent; blocks until the holder before is done.

    The holder may remove the file, and the folder that it lies in: who waited for it then locks the new one.
    """
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = path.open("a")
        except FileNotFoundError:
            continue  # the folder was removed just now
        with handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if _is_at(path, handle.fileno()):
                yield
                return


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether the open file is the one that `path` names now."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
