"""Readiness: whether searches can be answered, part by part; asked at most once a second, however often it is read."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from multirecall.core.errors import MultirecallError

__all__ = ["Check", "Part", "Readiness", "ReadinessNow"]

_log = logging.getLogger("multirecall.service")

Check = Callable[[], None]
"""Raises a MultirecallError if a part does not work. May block; its own time limits bound it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Something the service depends on. Without one that is not `essential` searches go on, poorer or slower."""

    name: str
    check: Check
    essential: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadinessNow:
    """`parts`: ok, or the code of what is wrong; `degraded`: those that do not work and are not essential."""

    ready: bool
    parts: dict[str, str]
    degraded: tuple[str, ...]


class Readiness:
    """Asks the parts in their order. Safe for several threads: one asks, the others take what it found."""

    def __init__(
        self, parts: Sequence[Part], *, keep_s: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._parts = tuple(parts)
        self._keep_s = keep_s
        self._clock = clock
        self._lock = threading.Lock()
        self._known: tuple[float, ReadinessNow] | None = None

    def now(self) -> ReadinessNow:
        """How it stands, at most `keep_s` old. Blocks while the parts are asked."""
        with self._lock:
            if self._known is not None and self._clock() - self._known[0] < self._keep_s:
                return self._known[1]
            found = self._asked()
            self._known = (self._clock(), found)
            return found

    def _asked(self) -> ReadinessNow:
        states: dict[str, str] = {}
        for part in self._parts:
            try:
                part.check()
                states[part.name] = "ok"
            except MultirecallError as error:
                _log.warning("%s is not ready: %s", part.name, error)
                states[part.name] = error.code
        wrong = [part for part in self._parts if states[part.name] != "ok"]
        return ReadinessNow(
            ready=not any(part.essential for part in wrong),
            parts=states,
            degraded=tuple(part.name for part in wrong if not part.essential),
        )
