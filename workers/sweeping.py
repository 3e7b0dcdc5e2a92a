"""The sweep: what every worker does once a second besides its tasks, so that nothing waits for ever.

It tells workers of batches whose worker died, whose delay is over or whose message was lost, finds drivers for jobs
that have none, and makes changes visible to search.
"""

from __future__ import annotations

import logging
import os
import threading

from multirecall.core.errors import EngineError, MultirecallError, NotFound
from multirecall.workers.deployment import Deployment
from multirecall.workers.store.batches import QUEUES

__all__ = ["Sweeper"]

_log = logging.getLogger("multirecall.workers")

_LONGEST_WAIT_S = 5.0
_MOST_MESSAGES = 500
_REFRESHING = "refreshing"


class Sweeper:
    """Sweeps in a thread of its own from `start` to `stop`; `sweep` does it once.

    The process forks only between two sweeps: a child would inherit whatever lock a sweep holds at that moment (of a
    connection pool, of the resolver), with nobody left to release it.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._sweeping = threading.Lock()
        self._paused = False
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins; returns at once."""
        os.register_at_fork(before=self._pause, after_in_parent=self._go_on, after_in_child=self._go_on)
        self._thread = threading.Thread(target=self._run, name="sweep", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends after the sweep that runs."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._deployment.options.sweep_s):
            with self._sweeping:
                self._sweep_once()

    def _sweep_once(self) -> None:
        try:
            self.sweep()
        except MultirecallError as error:
            _log.warning("the sweep could not do its work, it tries again: %s", error)
        except Exception:  # noqa: BLE001 - a worker without its sweep would lose what others left; it is logged
            _log.exception("the sweep failed, it tries again")

    def _pause(self) -> None:
        """Before a fork. A sweep that a dead server holds up is not waited for any longer than this."""
        self._paused = self._sweeping.acquire(timeout=_LONGEST_WAIT_S)

    def _go_on(self) -> None:
        if self._paused:
            self._paused = False
            self._sweeping.release()

    def sweep(self) -> None:
        """One sweep. Raises StoreUnavailable, EngineError."""
        options, deployment = self._deployment.options, self._deployment
        for queue in QUEUES:
            told = deployment.backlog(queue)
            if told is not None and told >= _MOST_MESSAGES:
                continue  # nobody takes them: more would only pile up
            for batch in deployment.batches.sweep(queue, announce_again_s=options.announce_again_s):
                deployment.announce("batch", batch)
        for job in deployment.jobs.without_driver():
            if self._first("announced", job, options.announce_again_s):
                deployment.announce("job", job)
        self._refresh()

    def _refresh(self) -> None:
        for index, mark in self._deployment.unrefreshed.marks().items():
            if not self._first("refreshing", index, self._deployment.options.sweep_s):
                continue
            try:
                with self._deployment.engine() as engine:
                    engine.refresh(index=index)
            except NotFound:
                _log.info("index %s is gone", index)
            except EngineError as error:
                self._deployment.trouble.tell({**error.to_dict(), "while": _REFRESHING})
                raise
            self._deployment.unrefreshed.refreshed(index, mark)
            trouble = self._deployment.trouble.now()
            if trouble and trouble["error"].get("while") == _REFRESHING:
                self._deployment.trouble.over()  # only then: an index shut against writes can be refreshed all the same

    def _first(self, what: str, id: str, for_s: float) -> bool:
        """Whether we are the first of all workers to do this within `for_s`."""
        key = self._deployment.connection.key(what, id)
        with self._deployment.connection.client() as client:
            return bool(client.set(key, 1, nx=True, px=max(1, int(for_s * 1000))))
