"""Deaths: a worker tells the store at once which batch one of its processes died on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from celery.exceptions import WorkerLostError
from celery.worker.request import Request

from multirecall.core.errors import StoreUnavailable

__all__ = ["OnDeath", "watched_request"]

_log = logging.getLogger("multirecall.workers")

OnDeath = Callable[[str, int], None]
"""(batch, process id): that process died, or was ended for taking too long, while it had the message of the batch."""


def watched_request(on_death: OnDeath) -> type[Any]:
    """A class of Celery's requests that calls `on_death` in the worker's main process.

    That tells a batch that kills its process from one whose whole worker was killed: of the latter nobody is left to
    speak, and it proves nothing against the batch.
    """

    class WatchedRequest(Request):  # type: ignore[misc]
        def on_failure(self, exc_info: Any, *args: Any, **options: Any) -> Any:
            error = getattr(exc_info.exception, "exc", exc_info.exception)  # billiard wraps what comes from a child
            if isinstance(error, WorkerLostError | SystemExit):
                self._tell()
            return super().on_failure(exc_info, *args, **options)

        def on_timeout(self, soft: bool, timeout: float) -> Any:
            if not soft:
                self._tell()
            return super().on_timeout(soft, timeout)

        def _tell(self) -> None:
            try:
                on_death(str(self.args[0]), int(self.worker_pid or 0))
            except StoreUnavailable as error:
                _log.warning("a process died, and the store does not answer: its lease will end: %s", error)

    return WatchedRequest
