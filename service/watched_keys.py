"""WatchedKeys: keys of a file that is read again when it changes, so that a key is taken away without a restart."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from multirecall.core.errors import InvalidSettings
from multirecall.service.keys import ApiKey, Caller, KeyRing

__all__ = ["WatchedKeys"]

_log = logging.getLogger("multirecall.service")

_LOOK_EVERY_S = 1.0


class WatchedKeys(KeyRing):
    """The keys that `read` gave last. The file is looked at once a second at most, when a key is presented.

    A file that cannot be read, or is wrong, leaves the keys as they were, and the log says so. One without a key lets
    nobody in; it never opens the service to everybody. For one event loop.
    """

    def __init__(
        self,
        keys: Iterable[ApiKey],
        *,
        path: Path,
        read: Callable[[], Iterable[ApiKey]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(keys)
        self._path, self._read, self._clock = path, read, clock
        self._seen = self._stamp()
        self._look_at = clock() + _LOOK_EVERY_S

    def __len__(self) -> int:
        return max(1, super().__len__())

    def find(self, presented: str) -> Caller | None:
        """Whose key this is by the file as it stands, or stood a second ago."""
        if self._clock() >= self._look_at:
            self._look_at = self._clock() + _LOOK_EVERY_S
            self._look()
        return super().find(presented)

    def _look(self) -> None:
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            super().__init__(self._read())
        except InvalidSettings as error:
            _log.error("the API keys stay as they were: %s", error)
            return
        _log.info("the API keys were read again: there are %d", super().__len__())

    def _stamp(self) -> tuple[int, int, int] | None:
        """Another value once the file was written or replaced; None while it is not there."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
