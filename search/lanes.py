"""Lanes: each route's model has threads and a breaker of its own, so that one that hangs takes nothing from others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from multirecall.search.breaker import Breaker

__all__ = ["Lane"]

_WAITING_PER_THREAD = 8


class Lane:
    """Runs one route's model on at most `n_threads` threads. Safe for several threads.

    A call that hangs keeps its thread until it returns; the breaker lets no other call in once several were late, and
    no probe while no thread is free. So a model that never returns costs `n_threads` threads, and no more.
    """

    def __init__(self, name: str, *, n_threads: int, breaker: Breaker) -> None:
        self.breaker = breaker
        self._n_threads = n_threads
        self._pool = ThreadPoolExecutor(max_workers=n_threads, thread_name_prefix=f"route-{name}")
        self._lock = threading.Lock()
        self._inside = 0

    def refusal(self) -> str:
        """Empty if a call may go in, else why not."""
        if self._inside >= self._n_threads and (
            self.breaker.state != "closed" or self._inside >= self._n_threads * (1 + _WAITING_PER_THREAD)
        ):
            return f"all {self._n_threads} threads of its model are taken"
        return self.breaker.refusal()

    def submit(self, call: Callable[[], float]) -> Future[float]:
        """Starts the call, or lets it wait for a thread."""
        with self._lock:
            self._inside += 1
        future = self._pool.submit(call)
        future.add_done_callback(self._left)
        return future

    def close(self) -> None:
        """Takes no more calls; does not wait for those inside."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _left(self, _: Future[float]) -> None:
        with self._lock:
            self._inside -= 1
