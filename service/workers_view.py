"""What can be seen of the workers, and how changes reach them: their store, opened when it is first asked."""

from __future__ import annotations

import logging
import threading
from typing import Any

from multirecall.core.errors import InvalidSettings, StoreUnavailable
from multirecall.service.redis_check import RedisCheck
from multirecall.wiring.settings import Settings
from multirecall.workers.app import make_app
from multirecall.workers.deployment import Deployment
from multirecall.workers.wiring import make_deployment

__all__ = ["LazyDeployment"]

_log = logging.getLogger("multirecall.service")


class LazyDeployment:
    """The workers' deployment by the settings. Importing Celery takes a second, and many a service needs none."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._made: Deployment | None = None
        self._check: RedisCheck | None = None
        self._lock = threading.Lock()

    def get(self) -> Deployment:
        """The deployment; nothing is connected yet. Raises StoreUnavailable for an engine that workers cannot share."""
        with self._lock:
            if self._made is None:
                try:
                    self._made = make_deployment(self._settings, make_app(self._settings))
                except InvalidSettings as error:
                    raise StoreUnavailable(f"There are no workers: {error.message}") from error
            return self._made

    def answers(self) -> bool:
        """Whether its store does."""
        try:
            self.get().connection.time_s()
        except StoreUnavailable as error:
            _log.info("no workers: %s", error)
            return False
        return True

    def jobs(self, size: int) -> list[dict[str, Any]]:
        """The latest jobs, newest first. Raises StoreUnavailable."""
        return [job.to_dict() for job in self._answering().jobs.latest(size=size)]

    def dead_letters(self, offset: int, size: int) -> tuple[int, list[dict[str, Any]]]:
        """How many there are, and a page of them, oldest first. Raises StoreUnavailable."""
        letters = self._answering().dead_letters
        return len(letters), [letter.to_dict() for letter in letters.page(offset=offset, size=size)]

    def _answering(self) -> Deployment:
        """The deployment, for somebody who only wants to look.

        The workers' own connection tries for seconds, as work must not get lost; who looks is told within a quarter of
        a second that the store does not answer (StoreUnavailable), and before Celery is imported.
        """
        with self._lock:
            if self._check is None:
                self._check = RedisCheck(self._settings.redis.get_secret_value())
        self._check()
        return self.get()

    def close(self) -> None:
        """Closes what was opened."""
        if self._check is not None:
            self._check.close()
        if self._made is not None:
            self._made.close()
