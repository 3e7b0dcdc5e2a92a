"""Pause: waiting that a stop ends at once."""

from __future__ import annotations

import threading

__all__ = ["Pause"]


class Pause:
    """An event to wait on."""

    def __init__(self) -> None:
        self._ended = threading.Event()

    def wait(self, seconds: float) -> bool:
        """True once it was ended, else False after so many seconds."""
        return self._ended.wait(seconds)

    def end(self) -> None:
        """Ends this and every later wait."""
        self._ended.set()
