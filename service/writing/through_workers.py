"""WorkersWriter: hands changes to the workers, which apply them to every index in use, in the order of versions."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from multirecall.core.errors import Backpressure, InvalidInput
from multirecall.engines.schema import Schema
from multirecall.indexer.changes import ChangeReader
from multirecall.service.writing.straight import refusal
from multirecall.service.writing.writer import Change, ItemResult, Written
from multirecall.workers.deployment import Deployment
from multirecall.workers.store.job import Job
from multirecall.workers.submitting import Submitter

__all__ = ["WorkersWriter"]

_LETTERS_LOOKED_AT = 5_000
_LOOK_EVERY_S = 0.02
_LOOK_SELDOM_S = 0.25


class WorkersWriter:
    """What it has taken stands in Redis, whatever becomes of this process. `schema`: that of the live index."""

    def __init__(
        self, deployment: Deployment, *, schema: Callable[[], Schema], sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._deployment = deployment
        self._schema = schema
        self._sleep = sleep
        self._lock = threading.Lock()  # a deployment opens and closes its engine, and is for one thread at a time

    def write(self, changes: Sequence[Change], *, wait_s: float) -> Written:
        """See `Writer`. While the queue is full nothing waits here: what was not taken failed, and may be sent
        again."""
        reader = ChangeReader(self._schema())
        results: list[ItemResult | None] = []
        sent: list[tuple[int, str]] = []
        for position, change in enumerate(changes):
            try:
                sent.append((position, reader.read(change).id))
                results.append(None)
            except InvalidInput as error:
                results.append(refusal(change, error))
        if not sent:
            return _written(results, applied=True)
        job, taken, trouble = self._send([changes[position] for position, _ in sent])
        job = self._wait(job, wait_s)
        dead = self._dead(job) if job.counts["failed"] else {}
        for number, (position, name) in enumerate(sent):
            if number >= taken:
                results[position] = ItemResult(id=name, status="failed", error=trouble)
            elif name in dead:
                results[position] = ItemResult(id=name, status="failed", error=dead[name])
            else:
                results[position] = ItemResult(id=name, status="applied" if job.state.over else "accepted")
        return _written(results, applied=job.state.over, job=job.id)

    def _send(self, changes: Sequence[Change]) -> tuple[Job, int, str]:
        """The job, how many of the changes it has, and why not all. Raises Backpressure if it has none."""
        try:
            with self._lock:
                return Submitter(self._deployment).send(changes, wait_s=0.0), len(changes), ""
        except Backpressure as error:
            taken = int(error.data["taken"])
            if not taken:
                raise
            return self._deployment.jobs.get(str(error.data["job"])), taken, f"{error.message} Send it again later."

    def _wait(self, job: Job, wait_s: float) -> Job:
        until = time.monotonic() + wait_s
        pause_s = _LOOK_EVERY_S
        while not job.state.over and time.monotonic() < until:
            self._sleep(min(pause_s, max(0.0, until - time.monotonic())))
            pause_s = min(_LOOK_SELDOM_S, pause_s * 1.5)
            job = self._deployment.jobs.get(job.id)
        if wait_s and job.state.over:
            self._show()
        return job

    def _show(self) -> None:
        """Makes what was written visible now; on servers the workers' sweep would do it within a second."""
        with self._lock, self._deployment.engine() as engine:
            if engine.capabilities.concurrent_writers:
                for index in self._deployment.unrefreshed.marks():
                    engine.refresh(index=index)

    def _dead(self, job: Job) -> dict[str, str]:
        """Why products of the job were given up, by id."""
        letters = self._deployment.dead_letters
        offset = max(0, len(letters) - _LETTERS_LOOKED_AT)
        latest = letters.page(offset=offset, size=_LETTERS_LOOKED_AT)
        return {letter.item.id: letter.error for letter in latest if letter.job == job.id}


def _written(results: Sequence[ItemResult | None], *, applied: bool, job: str = "") -> Written:
    return Written(by="workers", items=tuple(one for one in results if one is not None), applied=applied, job=job)
