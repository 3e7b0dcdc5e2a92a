"""Running an iterator ahead of its consumer in a thread, a bounded number of items far."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator, Iterator
from types import TracebackType
from typing import Generic, TypeVar

__all__ = ["Ahead"]

T = TypeVar("T")


class Ahead(Generic[T]):
    """The items of a generator in order, made up to `size` ahead. An error in it is raised where the items are read.

    A context manager: leaving it stops the thread after the item it is working on, closes the generator (and so the
    files it reads), and ends the iteration of a thread that waits for more. Of two in a row, leave the first one
    first: the second one may be waiting for it.
    """

    def __init__(self, items: Generator[T, None, None], *, size: int, name: str) -> None:
        self._items = items
        self._size = size
        self._ready: deque[T] = deque()
        self._changed = threading.Condition()
        self._error: BaseException | None = None
        self._ended = False
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Ahead[T]:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        try:
            for item in self._items:
                with self._changed:
                    self._changed.wait_for(lambda: self._closed or len(self._ready) < self._size)
                    if self._closed:
                        break
                    self._ready.append(item)
                    self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001 - carried over to the consumer
            self._error = error
        finally:
            self._items.close()
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._ready) or self._ended or self._closed)
                if self._ready and not self._closed:
                    item = self._ready.popleft()
                    self._changed.notify_all()
                elif self._error is not None and not self._closed:
                    raise self._error
                else:
                    return
            yield item
