"""Kept: a lease that a thread renews while the work on it goes on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import TracebackType

from multirecall.core.errors import StoreUnavailable

__all__ = ["Kept"]

_log = logging.getLogger("multirecall.workers")


class Kept:
    """Calls `renew` at a third of `lease_s` until left; `lost` is set once it says that the lease is another's.

    A store that does not answer is no loss yet: the lease may still be ours when it is back.
    """

    def __init__(self, renew: Callable[[], bool], lease_s: float) -> None:
        self._renew = renew
        self._every_s = lease_s / 3
        self._ended = threading.Event()
        self.lost = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def _run(self) -> None:
        while not self._ended.wait(self._every_s):
            try:
                if not self._renew():
                    self.lost.set()
                    return
            except StoreUnavailable as error:
                _log.warning("a lease could not be renewed: %s", error)

    def __enter__(self) -> Kept:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
