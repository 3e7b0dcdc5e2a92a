"""The driver of a build: makes the new index, hands the source out in batches, waits, checks, judges, goes live.

It holds nothing that it could lose: how far the source was read, which index is filled and what the batches did stand
in the store. Another driver goes on where this one was killed.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from typing import Any

from multirecall.core.errors import (
    Backpressure,
    EngineBusy,
    EngineError,
    EngineUnavailable,
    InvalidSource,
    MultirecallError,
    NotFound,
    StoreUnavailable,
)
from multirecall.engines.base import Engine, IndexInfo
from multirecall.indexer.copying import copy_tombstones
from multirecall.indexer.generations import live_index
from multirecall.indexer.items import Item
from multirecall.workers.building import BuildPlan, NewIndex
from multirecall.workers.claiming import BuildClaim, job_of
from multirecall.workers.deployment import Deployment
from multirecall.workers.drive import Drive, Stopped, driving, unexpected
from multirecall.workers.finishing import Finish, GateOf, changes_settled
from multirecall.workers.pausing import Pause
from multirecall.workers.store.batches import Batch
from multirecall.workers.store.job import JobState

__all__ = ["JobDriver"]

_log = logging.getLogger("multirecall.workers")

_LOOK_EVERY_S = 0.2


class JobDriver:
    """Drives builds, one at a time, to their end. `stopping` says that the process should end soon."""

    def __init__(
        self, deployment: Deployment, *, new_index: NewIndex, gate_of: GateOf, stopping: Callable[[], bool]
    ) -> None:
        self._deployment = deployment
        self._jobs = deployment.jobs
        self._new_index = new_index
        self._gate_of = gate_of
        self._stopping = stopping

    def drive(self, job_id: str) -> bool:
        """Drives the job unless somebody else does; True if it came to its end here. Raises StoreUnavailable.

        An engine that does not answer, or is another's, is waited for: the job goes on later. Any other error ends it.
        """
        with driving(self._deployment, job_id, self._stopping) as drive:
            return drive is not None and self._drive(drive)

    def _drive(self, drive: Drive) -> bool:
        try:
            with self._deployment.engine() as engine:
                report = _Build(drive, engine, self._new_index, self._gate_of).run()
        except Stopped:
            return False
        except StoreUnavailable:  # nothing is wrong with the job; whoever drives it next goes on
            raise
        except MultirecallError as error:
            if _passes(error):
                _log.warning("the engine cannot be used now; the job goes on when it can: %s", error)
                self._deployment.trouble.tell(error.to_dict())
                return False
            _log.error("job failed: %s", error)
            return self._fail(drive, error.to_dict())
        except Exception as error:  # noqa: BLE001 - a job that nobody sees fail would be driven for ever
            _log.exception("job failed")
            return self._fail(drive, unexpected(error))
        if self._deployment.trouble.now() is not None:
            self._deployment.trouble.over()
        if not drive.end(JobState.DONE, stage="done", report=report):
            return False
        BuildClaim(self._deployment, drive.id).release()
        _log.info("job done", extra={"report": report})
        return True

    def _fail(self, drive: Drive, error: dict[str, Any]) -> bool:
        """Ends the job as failed. Its index and what is in it stay, for a resumption."""
        try:
            over = self._jobs.get(drive.id).state.over
        except NotFound:  # the store lost it
            return False
        if over or not drive.end(JobState.FAILED, error=error):
            return False
        BuildClaim(self._deployment, drive.id).release()
        return True


def _passes(error: MultirecallError) -> bool:
    """Whether it is to be waited for."""
    return isinstance(error, EngineUnavailable | EngineBusy) or (
        isinstance(error, EngineError) and "retry_after_s" in error.data
    )


class _Build:
    """One drive of a build: its index, and its source into batches."""

    def __init__(self, drive: Drive, engine: Engine, new_index: NewIndex, gate_of: GateOf) -> None:
        self._drive = drive
        self._engine = engine
        self._new_index = new_index
        self._gate_of = gate_of
        self._deployment = drive.deployment
        self._batches = drive.deployment.batches
        self._pause = Pause()

    def run(self) -> dict[str, Any]:
        """From wherever the job stands to its end; returns the report."""
        job = self._drive.here(state=JobState.RUNNING.value)
        if not job.started_at:
            job = self._drive.here(started_at=self._deployment.connection.time_s())
        if "batch_rows" not in job.spec:  # read again, the source must be cut as it was, whatever the settings are then
            options = self._deployment.options
            sizes = {"batch_rows": options.batch_rows, "batch_bytes": options.batch_bytes}
            job = self._drive.here(spec={**job.spec, **sizes})
        self._batches.unpark(job.id)  # whoever resumed it may have been killed before
        live = live_index(self._engine)
        if live is not None and job_of(live) == job.id:  # a driver was killed right after the swap
            return self._finish(live).go_live({})
        if live is not None and self._deployment.targets.all().get(live.name) == "standby":
            self._deployment.targets.remove(live.name)  # of a swap that a kill kept from being made, or tidied up after
        plan = BuildPlan.of(job, self._engine, live)
        index = self._index(plan, live)
        self._fill(plan, index)
        self._drain()
        return self._finish(index).run(plan, live)

    def _finish(self, index: IndexInfo) -> Finish:
        return Finish(self._drive, self._engine, index, self._gate_of)

    def _index(self, plan: BuildPlan, live: IndexInfo | None) -> IndexInfo:
        """The index to fill: the job's, or a new one. Changes reach it from here on."""
        engine, job = self._engine, self._drive.here(stage="preparing")
        claim = BuildClaim(self._deployment, job.id)
        claim.take()
        made = next((info for info in engine.indexes() if job_of(info) == job.id), None)
        if made is None:
            if job.counts["batches"]:
                raise InvalidSource(f"The index of job {job.id} is gone.", hint="Start a new job.", field="job")
            self._drive.here(changed_before=changes_settled(self._deployment))
            name = engine.create(self._new_index(engine, plan, job.id))
            made = engine.info(index=name)
        claim.clear(engine)
        self._deployment.targets.add(made.name, job.id)
        if live is not None and plan.same_versions:
            engine.refresh(index=live.name)  # what is copied must hold all changes from before we were a target
            with self._drive.writing(engine) as writer:
                keep_s = self._deployment.options.keep_tombstones_s
                copy_tombstones(writer, live.name, made.name, keep_s=keep_s)
                writer.refresh(index=made.name)
        self._drive.here(index=made.name, source=plan.fingerprint, unversioned=plan.unversioned)
        return made

    def _fill(self, plan: BuildPlan, index: IndexInfo) -> None:
        """Reads the source into batches, from where it was left, never further ahead than the queue is long."""
        job = self._drive.here(stage="filling", bytes_total=plan.bytes_total)
        if job.filled:
            return
        already = job.counts["batches"] if plan.repeatable else 0
        if not plan.repeatable:
            self._batches.drop_job(self._drive.id)
            self._drive.here(planned=0, done=0, stale=0, failed=0, batches=0)
        for number, items in enumerate(plan.batches()):
            self._drive.here(**plan.counts())
            if number < already:
                continue
            self._put(index, items, number)
        self._drive.here(filled=1, **plan.counts())

    def _put(self, index: IndexInfo, items: list[Item], number: int) -> None:
        batch = Batch(
            id=f"index/{self._drive.id}/{secrets.token_hex(6)}",
            job=self._drive.id,
            queue="index",
            index=index.name,
            items=tuple(items),
        )
        while True:
            try:
                taken = self._batches.put(batch, driver=self._drive.token, number=number)
            except Backpressure:
                self._drive.here()
                self._pause.wait(_LOOK_EVERY_S)
                continue
            if not taken and self._drive.here().counts["batches"] <= number:
                raise Stopped  # the store lost some that it had: the next drive goes on from there
            self._deployment.announce("batch", batch.id)
            return

    def _drain(self) -> None:
        """Waits until every item is settled."""
        job = self._drive.here(stage="writing")
        while job.settled < job.counts["planned"]:
            self._pause.wait(_LOOK_EVERY_S)
            job = self._drive.here()
