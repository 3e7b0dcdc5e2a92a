"""ChosenWriter: workers if their store answers, else straight; chosen once, at the first change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from multirecall.service.writing.writer import Change, Writer, Written

__all__ = ["ChosenWriter"]


class ChosenWriter:
    """`choose` says which writer it is to be. It is asked once: a store that fails later is an error, and no reason to
    write past the changes that wait in it."""

    def __init__(self, choose: Callable[[], Writer]) -> None:
        self._choose = choose
        self._chosen: Writer | None = None
        self._lock = threading.Lock()

    def write(self, changes: Sequence[Change], *, wait_s: float) -> Written:
        """See `Writer`."""
        with self._lock:
            if self._chosen is None:
                self._chosen = self._choose()
        return self._chosen.write(changes, wait_s=wait_s)
