"""Breaker: remembers that a part does not answer, so that nobody waits for it again and again."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable

__all__ = ["Breaker"]


class Breaker:
    """Closed (calls go through), open (they do not), or half-open (one call probes). Safe for several threads.

    It opens when, of the calls of the last `window_s` seconds, at least `failures` failed and these are half of them or
    more. After `open_s` seconds one call may probe: if it succeeds, the breaker closes, else it opens again. A probe
    that never reports is given up after another `open_s`.
    """

    def __init__(
        self,
        what: str,
        *,
        failures: int = 5,
        window_s: float = 10.0,
        open_s: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what = what
        self._failures = failures
        self._window_s = window_s
        self._open_s = open_s
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: deque[tuple[float, bool]] = deque(maxlen=100)
        self._probe_at: float | None = None  # None: closed
        self._probing = False
        self._reason = ""
        self.times_opened = 0

    @classmethod
    def never(cls, what: str) -> Breaker:
        """One that never opens: for who needs every answer, whatever happened before."""
        return cls(what, failures=sys.maxsize)

    @property
    def what(self) -> str:
        """The part that it guards."""
        return self._what

    @property
    def state(self) -> str:
        """`closed`, `open` or `half_open`."""
        if self._probe_at is None:
            return "closed"
        return "half_open" if self._probing or self._clock() >= self._probe_at else "open"

    @property
    def retry_after_s(self) -> float:
        """Seconds until a probe may go through; 0 when closed."""
        probe_at = self._probe_at
        return 0.0 if probe_at is None else max(0.0, probe_at - self._clock())

    def refusal(self) -> str:
        """Empty if the call may go ahead, else why not. A call that goes ahead must report how it ended."""
        if self.state == "closed":  # the usual case takes no lock
            return ""
        with self._lock:
            now, probe_at = self._clock(), self._probe_at
            if probe_at is None:  # closed meanwhile
                return ""
            if now < probe_at:
                return f"{self._what} failed too often lately ({self._reason})"
            self._probing = True
            self._probe_at = now + self._open_s
            return ""

    def succeeded(self) -> None:
        """The call was answered."""
        if self._probe_at is None and not self._calls:
            return
        with self._lock:
            if self._probing:
                self._probe_at, self._probing, self._reason = None, False, ""
                self._calls.clear()
            elif self._probe_at is None:
                self._calls.append((self._clock(), True))
                self._forget_old()

    def failed(self, reason: str) -> None:
        """The call was late or failed; `reason` is shown to those who are refused."""
        with self._lock:
            now = self._clock()
            self._reason = reason
            if self._probe_at is not None:
                if self._probing:
                    self._open(now)
                return
            self._calls.append((now, False))
            self._forget_old()
            failed = sum(not ok for _, ok in self._calls)
            if failed >= self._failures and 2 * failed >= len(self._calls):
                self._open(now)

    def _open(self, now: float) -> None:
        self._probe_at, self._probing = now + self._open_s, False
        self.times_opened += 1
        self._calls.clear()

    def _forget_old(self) -> None:
        oldest = self._clock() - self._window_s
        while self._calls and self._calls[0][0] < oldest:
            self._calls.popleft()
