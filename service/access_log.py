"""AccessLog: a JSON line for every request, written in batches: no request waits for the disk or a pipe."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson

__all__ = ["AccessLog"]

_EVERY_S = 0.2
_MOST_WAITING = 20_000

Write = Callable[[str], object]
"""Takes whole lines."""


class AccessLog:
    """Lines are made and written in a thread, a fifth of a second after the first of them. For one event loop.

    If they come faster than they can be written, those beyond `_MOST_WAITING` are dropped, and a line says how many.
    `write` is given whole lines, `clean` takes secrets out of them.
    """

    def __init__(self, write: Write, *, clean: Callable[[str], str] = str) -> None:
        self._write = write
        self._clean = clean
        self._waiting: list[dict[str, Any]] = []
        self._dropped = 0
        self._planned = False
        self._writing = threading.Lock()

    def add(self, **line: Any) -> None:
        """One request. `at` is added."""
        if len(self._waiting) >= _MOST_WAITING:
            self._dropped += 1
            return
        line["at"] = time.time()
        self._waiting.append(line)
        if not self._planned:
            self._planned = True
            loop = asyncio.get_running_loop()
            loop.call_later(_EVERY_S, self._flush_in(loop))

    def flush(self) -> None:
        """Writes what waits. Blocks."""
        with self._writing:
            lines, self._waiting = self._waiting, []
            dropped, self._dropped = self._dropped, 0
            if dropped:
                lines.append({"at": time.time(), "message": "lines were dropped", "dropped": dropped})
            if lines:
                self._write(self._clean("".join(map(_as_text, lines))))

    def _flush_in(self, loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
        def begin() -> None:
            self._planned = False
            loop.run_in_executor(None, self.flush)

        return begin


def _as_text(line: dict[str, Any]) -> str:
    at = datetime.fromtimestamp(line.pop("at"), UTC).isoformat(timespec="milliseconds")
    body = {"at": at, "level": "info", "logger": "multirecall.access", **line}
    return orjson.dumps(body, default=str).decode() + "\n"
