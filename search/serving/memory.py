"""ByteLru: values by key, the longest unused dropped first, bounded by bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

__all__ = ["ByteLru"]

_V = TypeVar("_V")


class ByteLru(Generic[_V]):
    """Holds at most `max_bytes`, as its callers measure them. Safe for several threads."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._held: OrderedDict[str, tuple[_V, int]] = OrderedDict()
        self._bytes = 0
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._held)

    @property
    def nbytes(self) -> int:
        """Bytes held now."""
        return self._bytes

    def get(self, key: str) -> _V | None:
        """The value, which counts as used; None if it is not there."""
        with self._lock:
            found = self._held.get(key)
            if found is None:
                return None
            self._held.move_to_end(key)
            return found[0]

    def put(self, key: str, value: _V, nbytes: int) -> None:
        """Takes the place of what was there. A value larger than all there is room for is not kept."""
        with self._lock:
            before = self._held.pop(key, None)
            if before is not None:
                self._bytes -= before[1]
            if nbytes > self._max_bytes:
                return
            self._held[key] = (value, nbytes)
            self._bytes += nbytes
            while self._bytes > self._max_bytes:
                _, (_, freed) = self._held.popitem(last=False)
                self._bytes -= freed
                self.evicted += 1

    def drop(self, key: str) -> None:
        """Forgets the value, if it is there."""
        with self._lock:
            before = self._held.pop(key, None)
            if before is not None:
                self._bytes -= before[1]
