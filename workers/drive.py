"""One drive of one job: what a driver notes on the way, and how it learns that it should not go on."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from multirecall.core.errors import EngineBusy, EngineUnavailable, MultirecallError, StoreUnavailable
from multirecall.engines.base import Engine
from multirecall.workers.deployment import Deployment
from multirecall.workers.leases import Kept
from multirecall.workers.logs import logging_about
from multirecall.workers.store.job import Job, JobState

__all__ = ["Drive", "Stopped", "drive_whole", "driving", "unexpected"]

_log = logging.getLogger("multirecall.workers")


class Stopped(Exception):
    """The job is not ours to go on with: cancelled, another's, or this process is to end."""


@contextmanager
def driving(deployment: Deployment, job_id: str, stopping: Callable[[], bool]) -> Iterator[Drive | None]:
    """A drive of the job for as long as it is entered; None if the job is over or somebody else drives it. Raises
    NotFound, StoreUnavailable."""
    jobs, token, lease_s = deployment.jobs, secrets.token_hex(8), deployment.options.lease_s
    if jobs.get(job_id).state.over or not jobs.take(job_id, token, lease_s):
        yield None
        return
    try:
        with logging_about(job=job_id), Kept(lambda: jobs.keep_driving(job_id, token, lease_s), lease_s) as kept:
            yield Drive(deployment, job_id, token, kept, stopping=stopping)
    finally:
        jobs.let_go(job_id, token)


class Drive:
    """`token` names the drive in the store. Raises StoreUnavailable throughout."""

    def __init__(
        self, deployment: Deployment, job_id: str, token: str, kept: Kept, *, stopping: Callable[[], bool]
    ) -> None:
        self.id = job_id
        self.token = token
        self.deployment = deployment
        self._jobs = deployment.jobs
        self._kept = kept
        self._stopping = stopping

    def here(self, **values: Any) -> Job:
        """Notes values, and the job as it stands. Raises Stopped if we should not go on."""
        if self._kept.lost.is_set() or self._stopping():
            raise Stopped
        if self._jobs.get(self.id).state.over or not self._jobs.set_driven(self.id, self.token, **values):
            raise Stopped
        return self._jobs.get(self.id)

    def tell(self, done: int, planned: int, **values: Any) -> Job:
        """Notes how far the job is. Raises Stopped as `here` does."""
        return self.here(planned=planned, done=done, changed_at=self.deployment.connection.time_s(), **values)

    def end(self, state: JobState, **values: Any) -> bool:
        """Ends the job, unless it is over or another's by now: then (False) nothing is noted."""
        ended = self._jobs.end(self.id, state, token=self.token, **values)
        if not ended:
            _log.warning("the job is over or another driver's: it does not end here as %s", state.value)
        return ended

    @contextmanager
    def writing(self, engine: Engine) -> Iterator[Engine]:
        """The engine for a few writes. One that lets a single process write is opened anew and given back at once: the
        workers wait for it. What is not refreshed by then is lost there."""
        if engine.capabilities.concurrent_writers:
            yield engine
        else:
            with self.deployment.open_engine() as writer:
                yield writer


def drive_whole(
    deployment: Deployment,
    job_id: str,
    work: Callable[[Drive], dict[str, Any]],
    *,
    stage: str,
    stopping: Callable[[], bool],
) -> bool:
    """Does a job that keeps nothing half done, unless somebody else does; True if it came to its end here.

    `work` gives the report. Stopped, or while the engine is away, the job waits for its next driver, who does it from
    the beginning; any other error ends it. Raises StoreUnavailable.
    """
    with driving(deployment, job_id, stopping) as drive:
        if drive is None:
            return False
        try:
            drive.here(state=JobState.RUNNING.value, stage=stage, started_at=deployment.connection.time_s())
            report = work(drive)
        except Stopped:
            return False
        except StoreUnavailable:  # nothing is wrong with the job; whoever drives it next goes on
            raise
        except (EngineUnavailable, EngineBusy) as error:
            _log.warning("the engine cannot be used now; the job is done when it can: %s", error)
            return False
        except MultirecallError as error:
            _log.error("job failed: %s", error)
            return drive.end(JobState.FAILED, error=error.to_dict())
        except Exception as error:  # noqa: BLE001 - a job that nobody sees fail would be driven for ever
            _log.exception("job failed")
            return drive.end(JobState.FAILED, error=unexpected(error))
        _log.info("job done", extra={"report": report})
        return drive.end(JobState.DONE, stage="done", report=report)


def unexpected(error: Exception) -> dict[str, Any]:
    """An error that nobody raised on purpose, as a job keeps it."""
    return {
        "code": "unexpected",
        "message": f"{type(error).__name__}: {error}",
        "hint": "The worker's log has the trace. `multirecall jobs resume` goes on where the job was.",
        "data": {},
    }
