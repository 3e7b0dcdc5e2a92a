"""Hedging: a read that is late is asked of a second node too, and the first answer is taken."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from multirecall.core.errors import MultirecallError
from multirecall.engines.servers.transport import Transport

__all__ = ["HedgeLimits", "HedgedReads"]

_log = logging.getLogger("multirecall.engines")

_THREADS = 32


class HedgeLimits:
    """When a read is late, and whether it may be asked twice. Safe for several threads.

    It is late after the 95th percentile of the last hundred; before twenty were answered none is. Every read earns a
    twentieth of a second one, at most five are saved: a cluster that is slow because it is busy gets 5 % more to do.
    """

    def __init__(self, *, share: float = 0.05, most_saved: float = 5.0) -> None:
        self._share, self._most_saved = share, most_saved
        self._lock = threading.Lock()
        self._saved = 0.0
        self._took_s: deque[float] = deque(maxlen=100)

    def patience_s(self) -> float | None:
        """How long to wait for the first answer; None: for as long as it takes. One more read was asked."""
        with self._lock:
            self._saved = min(self._most_saved, self._saved + self._share)
            took = sorted(self._took_s)
        return took[int(0.95 * len(took))] if len(took) >= 20 else None

    def may_ask_again(self) -> bool:
        """Whether there is one saved, which is spent then."""
        with self._lock:
            if self._saved < 1.0:
                return False
            self._saved -= 1.0
            return True

    def not_asked(self) -> None:
        """What was spent is given back: there was no thread to ask again."""
        with self._lock:
            self._saved = min(self._most_saved, self._saved + 1.0)

    def answered(self, took_s: float) -> None:
        """One read was answered, by whichever node."""
        with self._lock:
            self._took_s.append(took_s)


class HedgedReads:
    """Sends reads to the first node, and if it is late to the second as well. Only for what changes nothing.

    Each kind of read (`_msearch`, `_mget`) is late by its own `limits`.

    The request that lost cannot be taken back: it ends in its thread when its answer comes or its time is over. These
    threads are bounded, and while all of them wait nothing is asked twice. `counts`: `sent` (second requests), `won`
    (their answer was taken), `unaffordable` (late, but no second one was saved). Safe for several threads.
    """

    def __init__(
        self,
        first: Transport,
        second: Transport,
        *,
        limits: Callable[[], HedgeLimits] = HedgeLimits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._first, self._second = first, second
        self._limits: defaultdict[str, HedgeLimits] = defaultdict(limits)
        self._clock = clock
        self._pool = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="hedge")
        self._room = threading.BoundedSemaphore(_THREADS)
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    @property
    def counts(self) -> Mapping[str, int]:
        with self._lock:
            return {name: self._counts[name] for name in ("sent", "won", "unaffordable")}

    def send(self, method: str, path: str, *, timeout_s: float | None = None, **request: Any) -> Any:
        """As `Transport.send`; raises what the first node's request raises if neither gives an answer."""
        started, limits = self._clock(), self._limits[path.rpartition("/")[2]]
        patience_s = limits.patience_s()
        first = None if patience_s is None else self._submitted(self._first, method, path, timeout_s, request)
        if first is None:
            answer = self._first.send(method, path, timeout_s=timeout_s, **request)
        else:
            second = None
            if not wait([first], timeout=patience_s).done:
                left_s = None if timeout_s is None else max(0.001, timeout_s - (self._clock() - started))
                second = self._asked_again(limits, method, path, left_s, request)
            answer = self._answer(first, second)
        limits.answered(self._clock() - started)
        return answer

    def close(self) -> None:
        """Waits for nobody; the nodes' transports are closed by who opened them."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _asked_again(
        self, limits: HedgeLimits, method: str, path: str, left_s: float | None, request: Mapping[str, Any]
    ) -> Future[Any] | None:
        if not limits.may_ask_again():
            self._count("unaffordable")
            return None
        second = self._submitted(self._second, method, path, left_s, request)
        if second is None:
            limits.not_asked()
        else:
            self._count("sent")
        return second

    def _answer(self, first: Future[Any], second: Future[Any] | None) -> Any:
        """The answer that comes first; that of the other if it is an error."""
        if second is None:
            return first.result()
        done = wait([first, second], return_when=FIRST_COMPLETED).done
        winner = first if first in done else second
        error = winner.exception()
        if error is not None:
            if isinstance(error, MultirecallError):
                _log.info("one of two nodes gave no answer: %s", error.message)
            winner = second if winner is first else first
            if winner is second and second.exception() is not None:
                return first.result()
        if winner is second:
            self._count("won")
        return winner.result()

    def _submitted(
        self, node: Transport, method: str, path: str, timeout_s: float | None, request: Mapping[str, Any]
    ) -> Future[Any] | None:
        """The request in a thread; None if all of them wait for something."""
        if not self._room.acquire(blocking=False):
            return None
        try:
            future = self._pool.submit(node.send, method, path, timeout_s=timeout_s, **request)
        except BaseException:
            self._room.release()
            raise
        future.add_done_callback(lambda _: self._room.release())
        return future

    def _count(self, name: str) -> None:
        with self._lock:
            self._counts[name] += 1
