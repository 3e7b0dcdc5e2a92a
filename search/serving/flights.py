"""Flights: equal questions at the same time are answered once."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Generic, TypeVar

__all__ = ["Flights"]

_T = TypeVar("_T")


class Flights(Generic[_T]):
    """By key, the answer that somebody in this process is working on. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, Future[_T]] = {}

    def join(self, key: str) -> tuple[Future[_T], bool]:
        """The answer to wait for, and whether the caller must make it, and then `land` it."""
        with self._lock:
            found = self._waiting.get(key)
            if found is not None:
                return found, False
            made: Future[_T] = Future()
            self._waiting[key] = made
            return made, True

    def land(self, key: str, answer: _T | BaseException) -> None:
        """Gives the answer, or the error, to all who wait for it; who comes later starts anew."""
        with self._lock:
            future = self._waiting.pop(key)
        if isinstance(answer, BaseException):
            future.set_exception(answer)
        else:
            future.set_result(answer)
